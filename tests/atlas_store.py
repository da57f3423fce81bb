"""Stores of sweeps for the tests and benchmarks of the atlas: parts of made-up pictures, nothing is computed."""

from __future__ import annotations

import dataclasses
import functools
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import actmax_widget as am
from actmax_widget import files
from actmax_widget.sweeps import store as stores
from actmax_widget.sweeps.jobs import Job, Jobs

FAILED = "The activation did not change: the filter is silent."


@functools.cache
def digits() -> Any:
    """The network of all of them."""
    return am.demo.digits()


def made_up(seed: int, side: int = 28, channels: int = 1) -> bytes:
    """A PNG of smooth noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (7, 7, channels), np.uint8).squeeze()
    picture = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    picture.save(file, "png")
    return file.getvalue()


def rows_of(job: Job, picture: Callable[[int], bytes], *, failed: Sequence[int] = (), steps: int = 60) -> list[Any]:
    """Rows of a job as a sweep writes them; some filters failed."""
    found: list[dict[str, Any]] = []
    base: dict[str, Any] = {
        "model": job.name,
        "fingerprint": job.model,
        "checkpoint": job.checkpoint,
        "layer": job.layer,
    }
    for place, index in enumerate(job.filters):
        label = job.labels[place] if job.labels else None
        row: dict[str, Any] = {**base, "filter": index, "label": label, "seed": job.run.changes[0].settings.seed}
        row |= {"settings": job.settings, "steps": steps, "losses": [], "notes": [], "error": None}
        if index in failed:
            found.append(row | {"error": FAILED, "steps": 0})
            continue
        activation = float((7 * index) % 11) + len(found) / 1000
        curve = np.linspace(0, activation, steps, dtype=np.float32)
        row |= {"image": picture(index), "activation": activation, "total": -activation, "probability": 0.5}
        row |= {"losses": [("ActivationMax Loss", -activation), ("TV(2.0) Loss", 0.25)]}
        row |= {"history": (-curve).tolist(), "activations": curve.tolist()}
        row |= {"strong": "green", "strong_activation": activation, "strong_rank": 1, "strong_of": 10}
        row |= {"sturdy": "green" if index % 2 else "amber", "sturdy_kept": 0.75, "natural": "grey"}
        found.append(row)
    return found


def write(folder: Path, job: Job, rows: Sequence[Any]) -> Path:
    """Write the part of a job."""
    path = folder / stores.part_name(job)
    files.write(path, stores.part_of(rows))
    return path


def make_store(
    folder: Path, *, checkpoints: Sequence[str] = ("epoch 1", "epoch 2", "epoch 3"), missing: int = 0
) -> stores.Sweep:
    """A store of the digits: layers conv2 and out of some checkpoints, where filter 3 of conv2 failed.

    Args:
        folder: where.
        checkpoints: their names; all are of the same network.
        missing: jobs at the end whose parts are not there.
    """
    layers: dict[str, Any] = {
        "layers": ["conv2", "out"],
        "keep": ["history", "score"],
        "preset": "keras-vis",
        "max_iter": 30,
    }
    several = [am.sweep_jobs(digits(), checkpoint=name, **layers) for name in checkpoints]
    jobs = sum(several, start=Jobs([]))
    folder.mkdir(parents=True, exist_ok=True)
    stores.begun(folder, jobs, 1, 1)
    for number, job in enumerate(jobs[: len(jobs) - missing]):
        failed = [3] if job.layer == "conv2" else []
        write(folder, job, rows_of(job, functools.partial(_of_number, number), failed=failed))
    return stores.Sweep(folder, jobs.models)


def make_large(folder: Path, count: int, *, side: int = 64, layers: int = 26) -> stores.Sweep:
    """A store of many pictures in parts of 64, of layers that only it knows.

    Args:
        folder: where.
        count: pictures.
        side: pixels of each.
        layers: layers over which they are divided.
    """
    job = am.sweep_jobs(digits(), "out", checkpoint="many", preset="keras-vis")[0]
    shared = [made_up(number, side, 3) for number in range(400)]
    each = -(-count // layers)
    jobs = []
    for number in range(layers):
        filters = range(min(each, count - number * each))
        for first in range(0, len(filters), 64):
            own: dict[str, Any] = {
                "layer": f"block{number + 1}",
                "filters": tuple(filters[first : first + 64]),
                "labels": (),
            }
            jobs.append(dataclasses.replace(job, **own))
    folder.mkdir(parents=True, exist_ok=True)
    stores.begun(folder, Jobs(jobs), 1, 1)
    for number, one in enumerate(jobs):
        pictures = shared[number % 7 :]
        write(folder, one, rows_of(one, lambda index, of=pictures: of[index % 390], steps=32))  # type: ignore[misc]
    return stores.Sweep(folder)


def _of_number(number: int, index: int) -> bytes:
    return made_up(100 * number + index)
