"""Sweeps: in this process against the functions they use, on workers, and thousands of jobs."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from distributed import Client, LocalCluster

import actmax_widget as am
from benchmarks.record import Row, row

LAYER = "conv3"
STEPS = 64


def rows(*, quick: bool) -> list[Row]:
    """All rows of sweeps."""
    repeats = 2 if quick else 5
    return [*_in_this_process(repeats), *_on_workers(repeats, quick=quick), *_many_jobs(500 if quick else 5000)]


def _in_this_process(repeats: int) -> list[Row]:
    """Pictures a second of a sweep over those of ``visualize_layer`` with the same recipe, that of natural."""
    found = []
    for name, model, layer, count, steps in (
        ("digits", am.demo.digits(), LAYER, 64, 256),
        ("SqueezeNet", am.demo.photos(), "fire5_squeeze1x1", 8, 64),
    ):
        for keep in ([], ["history", "score"]):
            jobs = am.sweep_jobs(model, layer, range(count), keep=keep, batch_size=count, max_iter=steps)
            settings = jobs[0].run.changes[0].settings
            names = ("parametrization", "transforms", "optimizer", "lp_norm_weight", "tv_weight", "max_iter", "clip")
            recipe = {one: getattr(settings, one) for one in names}

            def layer_alone(model: Any = model, layer: str = layer, count: int = count, recipe: Any = recipe) -> None:
                am.visualize_layer(model, layer, range(count), batch_size=count, seed=0, progress=False, **recipe)

            layer_alone()
            _swept(jobs, None)
            # One after the other, so that both have the same machine.
            pairs = [(_seconds(layer_alone), _swept(jobs, None)) for _ in range(repeats)]
            ratios = [alone / own for alone, own in pairs]
            kept = "history and score" if keep else "pictures alone"
            title = f"pictures a second of a sweep in this process, {name}, {kept}"
            least = None if keep else 0.95
            found.append(row(title, "visualize_layer with the same recipe", ratios, least=least, pictures=count))
    return found


def _on_workers(repeats: int, *, quick: bool) -> list[Row]:
    """Two worker processes against this one, and what a job costs beside its pictures."""
    model = am.demo.digits()
    seeds = range(1, 3 if quick else 5)
    big = am.sweep_jobs(model, LAYER, seed=seeds, batch_size=16, max_iter=STEPS, keep=[])
    small = am.sweep_jobs(model, "out", seed=range(5 if quick else 20), batch_size=1, max_iter=1, keep=[])
    warm = am.sweep_jobs(model, LAYER, seed=0, batch_size=16, max_iter=STEPS, keep=[])
    warm += am.sweep_jobs(model, "out", seed=100, batch_size=1, max_iter=1, keep=[])
    with _cluster(2) as client:
        for _ in range(2):
            _swept(warm, client)
        _swept(warm, None)
        ratios = [_swept(big, None) / _swept(big, client) for _ in range(repeats)]
    with _cluster(1) as client:
        _swept(warm, client)
        over = [1e3 * (_swept(small, client) - _swept(small, None)) / len(small) for _ in range(repeats)]
    return [
        row("two workers on two cores, digits", "one process with two threads", ratios, least=1.2),
        row("a job on a worker, beside its pictures", "the same job in this process", over, unit="ms"),
    ]


def _many_jobs(count: int) -> list[Row]:
    """Thousands of jobs of the smallest network: memory of client and scheduler, and to see that all are made."""
    model = am.demo.digits()
    jobs = am.sweep_jobs(model, "out", seed=range(count // 10), batch_size=1, max_iter=1, keep=[])
    with tempfile.TemporaryDirectory() as folder, _cluster(2) as client:
        # The scheduler of a local cluster lives in this process.
        with _watched(Path(folder), len(jobs)) as memory:
            am.sweep(jobs, folder, client, progress=False)
        known = len(client.run_on_scheduler(lambda dask_scheduler: [*dask_scheduler.tasks]))
        again = [_seconds(lambda: am.sweep(jobs, folder, client, progress=False)) for _ in range(3)]
    # The first fifth fills caches; after the last one the finished store is opened, which holds a row of each part.
    growth = max(memory[2:]) - memory[1] if len(memory) > 2 else 0.0
    against = "after a fifth of them"
    return [
        row(f"memory of client and scheduler over {count:,} jobs", against, [growth], most=30, unit="MB", tasks=known),
        row(f"a finished sweep of {count:,} parts called again", "", again, most=2, unit="s"),
    ]


@contextmanager
def _watched(folder: Path, count: int) -> Iterator[list[float]]:
    """Megabytes of this process at each fifth of so many parts."""
    found: list[float] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            made = sum(1 for _ in folder.glob("part-*"))
            if made >= count * len(found) / 5:
                found.append(psutil.Process().memory_info().rss / 1e6)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


@contextmanager
def _cluster(workers: int) -> Iterator[Any]:
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _swept(jobs: Any, client: Any) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return _seconds(lambda: am.sweep(jobs, folder, client, progress=False))


def _seconds(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
