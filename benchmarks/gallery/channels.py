"""Pictures of channels: the plain activation of the saved file, over that of the best photograph."""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from actmax_widget.scoring.changes import shifted
from benchmarks.contenders import truncated
from benchmarks.gallery import photographs, scores
from benchmarks.gallery.pictures import path_of
from benchmarks.gallery.subjects import Subject, subject
from benchmarks.gallery.systems import SYSTEMS

CHANNELS = {
    "fire4_concat": tuple(range(0, 256, 32)),
    "fire6_concat": tuple(range(0, 384, 48)),
    "fire9_concat": (40, *range(64, 512, 64)),
}
"""Layer -> its channels. Numbers 40 and 64 of the last one are silent where a run starts from grey."""


def draw(system: str, layer: str, index: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Draw and measure a channel of SqueezeNet.

    Returns:
        A row a picture: ``activation`` of the file, mean over the map, ``shift`` and ``jpeg``, the same of the file
        that is shifted (mean) or compressed, ``photograph``, the most of any photograph, and what was ``told``.
    """
    own, (part, best) = subject("squeezenet"), _layer(layer)
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", RuntimeWarning)
        made = SYSTEMS[system](own, index, seed, layer)
    seconds = time.perf_counter() - began
    for name, picture in made.items():
        row = {"system": name, "layer": layer, "channel": index, "seed": seed, "seconds": seconds}
        row["told"] = " ".join(str(one.message) for one in told if one.category is RuntimeWarning)
        path = path_of(f"squeezenet-{layer}", name, index, seed)
        scores.save(picture, path)
        file = Image.open(path).convert("RGB")
        yield {**row, "photograph": float(best[index]), **_activations(own, part, file, index)}


@functools.cache
def _layer(layer: str) -> tuple[Any, np.ndarray]:
    """SqueezeNet up to a layer, and the most that any photograph gives of each of its channels."""
    own = subject("squeezenet")
    part = truncated(own.model, layer)
    return part, part.predict(photographs.all_of(own.side), verbose=0).mean(axis=(1, 2)).max(axis=0)


def _activations(own: Subject, part: Any, file: Image.Image, index: int) -> dict[str, Any]:
    picture = own.fitted(file)
    shown = [picture, own.fitted(scores.through_jpeg(file)), *(shifted(picture, by) for by in scores.SHIFTS)]
    values = part.predict_on_batch(np.stack(shown)).mean(axis=(1, 2))[:, index]
    return {
        "activation": float(values[0]),
        "jpeg": float(values[1]),
        "shift": float(values[2:].mean()),
        "sd": float(picture.std()),
    }
