"""Make the jobs of a sweep: in this process, or on a cluster of Dask's."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from actmax_widget import files
from actmax_widget.checks import check_flag, check_integer, invalid
from actmax_widget.optimizer import progress_bar
from actmax_widget.sweeps import cluster, rendering, store
from actmax_widget.sweeps.jobs import Job, Jobs
from actmax_widget.sweeps.rendering import Row
from actmax_widget.sweeps.store import Sweep

Made = Iterator[tuple[Job, list[Row]]]
"""Jobs with what they came to, in any order."""


def sweep(
    jobs: Any,
    folder: str | os.PathLike[str],
    client: Any = None,
    *,
    threads: int | None = None,
    again: bool = False,
    progress: bool | None = None,
) -> Sweep:
    """Make the pictures of jobs and keep them in a folder; what is there already is not made again.

    So the same call goes on where it stopped, whatever stopped it. Each job is one file, written to another name and
    renamed when it is whole. Ctrl-C ends it; what is made is kept. On a cluster a job whose worker dies is tried twice
    more; a filter that fails is a row with a sentence, in ``store.errors``.

    Args:
        jobs: of :func:`~actmax_widget.sweep_jobs`, which can be added.
        folder: the store; made where it is not there.
        client: a ``distributed.Client`` of a cluster of any kind; None: made in this process, batch by batch. Each
            worker process makes one job at a time, with ``threads`` of TensorFlow's threads. Only this process writes;
            workers need the model's file, but not the folder.
        threads: TensorFlow's threads in an operation: parts are the same bit for bit where this number, which the
            manifest keeps, is the same. None: that of the store, if it was begun; else as many as TensorFlow is set to
            here, or one on each worker of a cluster.
        again: make those jobs again of which a filter had failed.
        progress: show a tqdm bar; ``None``, the default, does if tqdm is installed.

    Returns:
        The store, see :class:`~actmax_widget.sweeps.Sweep`.

    Raises:
        ValueError, TypeError: no jobs, a folder of something else, one that another sweep writes into, other threads,
            or a model that changed since the store was begun; before anything is computed.
        OSError: the folder or the disk takes no more; what was written is whole, and the same call goes on.
        ConnectionError: the cluster is gone; the same call goes on.
        ImportError: pyarrow or distributed is not installed: ``pip install 'actmax-widget[scale]'``.
        KeyboardInterrupt: Ctrl-C.

    Warns:
        RuntimeWarning: jobs that no worker survived, or filters that failed, how many.

    Example:
        >>> jobs = am.sweep_jobs("model.keras", layers="conv*", seed=0)
        >>> store = am.sweep(jobs, "pictures/")
        >>> from distributed import Client
        >>> store = am.sweep(jobs, "pictures/", Client(n_workers=4, threads_per_worker=1))
    """
    asked = _checked(jobs)
    path = checked_folder(folder)
    store.schema()  # needs pyarrow
    threads = None if threads is None else check_integer("threads", threads, least=1)
    shown = importlib.util.find_spec("tqdm") is not None if progress is None else check_flag("progress", progress)
    path.mkdir(parents=True, exist_ok=True)
    with store.written_by_one(path):
        held = store.begun(path, asked, threads, rendering.threads_here() if client is None else 1)
        there = store.whole_parts(path).keys() - (_failed(path) if check_flag("again", again) else set())
        left = [one for one in asked if one.hash not in there]
        if left:
            _see_threads(held, client, path)
        make = cluster.made_by(client, held) if client is not None else _here
        with progress_bar(sum(len(one.filters) for one in left), shown=shown and bool(left), unit="picture") as advance:
            lost = _write(make, Jobs(left, asked.models), path, advance)
        found = Sweep(path, asked.models)
        found.keep_index()
    _tell(found, lost, asked)
    return found


def _write(make: Callable[[Jobs], Any], left: Jobs, path: Path, advance: Callable[[int], Any]) -> list[str]:
    """Make the jobs and write each as it comes; gives why some did not."""
    lost = []
    made = make(left)
    with contextlib.closing(made):
        for job, rows in made:
            if isinstance(rows, Exception):  # of a model that is not there every other job will raise the same
                raise rows
            if isinstance(rows, str):
                lost.append(rows)
                continue
            files.write(path / store.part_name(job), store.part_of(rows))
            advance(len(job.filters))
    return lost


def _here(jobs: Jobs) -> Made:
    """In this process. A layer's jobs share what was compiled."""
    seen: set[str] = set()
    for job in jobs:
        model = jobs.models.get(job.model)
        if model is not None and job.model not in seen:
            rendering.check(job, model)
            seen.add(job.model)
        yield job, rendering.render(job) if model is None else rendering.made(job, model)


def _checked(jobs: Any) -> Jobs:
    if isinstance(jobs, Job):
        jobs = [jobs]
    try:
        found = jobs if isinstance(jobs, Jobs) else Jobs(jobs)
        good = bool(found) and all(isinstance(one, Job) for one in found)
    except TypeError:
        good = False
    if not good:
        raise invalid("jobs", "jobs", jobs, "Pass what am.sweep_jobs(model, layers=...) gives.", TypeError)
    # jobs + jobs: one that is asked for twice is made once.
    return Jobs({one.hash: one for one in found}.values(), found.models)


def checked_folder(folder: Any) -> Path:
    """The path of a store, there or not yet; raises TypeError or ValueError."""
    if not isinstance(folder, str | os.PathLike):
        raise invalid("folder", "the path of a folder", folder, 'Pass e.g. "pictures/".', TypeError)
    path = Path(folder).expanduser()
    if path.exists() and not path.is_dir():
        raise invalid("folder", "a folder", f"the file {path}", "Choose another name.")
    return path


def _see_threads(held: int, client: Any, path: Path) -> None:
    """Have as many threads as the store was begun with; say so where that is too late."""
    if client is not None:
        return
    try:
        rendering.pin(held)
    except RuntimeError:
        warnings.warn(
            f"{path} was begun with {held} of TensorFlow's threads, and this process has others already: pictures may "
            f"differ in their last bits. Start Python anew, or set TF_NUM_INTRAOP_THREADS={held} before.",
            RuntimeWarning,
            stacklevel=3,
        )


def _failed(path: Path) -> set[str]:
    """Hashes of the jobs with a filter that failed. Their parts stay until others take their place."""
    opened = Sweep(path)
    return {opened.job_of(at).hash for at, error in enumerate(opened.index.get("error", [])) if error}


def _tell(found: Sweep, lost: list[str], asked: Jobs) -> None:
    if lost:
        count = f"{len(lost)} of {len(asked)} jobs were not made"
        warnings.warn(f"{count}: {lost[0]} Call sweep again to go on.", RuntimeWarning, stacklevel=3)
    if found.errors:
        first = next(f"{where}: {error}" for where, error in found.errors.items())
        count = f"{len(found.errors):,} of {len(found):,} pictures failed, see store.errors"
        warnings.warn(f"{count}. The first is {first}", RuntimeWarning, stacklevel=3)
