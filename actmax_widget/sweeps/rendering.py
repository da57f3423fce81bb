"""What a job comes to: a function of the job alone, for whatever hands jobs out."""

from __future__ import annotations

import dataclasses
import io
import math
import os
import pickle
import threading
import warnings
from pathlib import Path
from typing import Any

import tensorflow as tf

from actmax_widget.checks import invalid
from actmax_widget.export.result import Result
from actmax_widget.network import Network
from actmax_widget.network.dataset import References, picture_files
from actmax_widget.network.fingerprint import fingerprint
from actmax_widget.pictures import opened, to_pixels
from actmax_widget.sweeps.jobs import Job, compared, fed_judge, load
from actmax_widget.sweeps.store import scores
from actmax_widget.visualization import visualize_many

FAILED = ("not finite", "silent", "no gradient")
"""Notes of the doctor after which a picture shows nothing of its filter."""
KEPT = 2
"""Models that a process keeps loaded."""
Row = dict[str, Any]
Beside = tuple[References | None, Any]
"""What scores compare with: real pictures, and another network."""

sent: dict[str, bytes] = {}
"""Models that came from another process, by fingerprint: pickles."""
_models: dict[tuple[str, str], Any] = {}
_compared: dict[Any, tuple[Any, References | None, Any]] = {}
"""What scores compared with last, and when its files were written."""
_one_at_a_time = threading.Lock()
"""A process makes one job at a time: TensorFlow fills its threads by itself."""


def render(job: Job, model: Any = None) -> list[Row]:
    """Make the pictures of a job.

    The same rows, bit for bit, for the same job in any process of the same machine with the same number of
    TensorFlow's threads and the same versions. For Dask :func:`~actmax_widget.sweep` hands jobs out; on Ray, submitit
    or by hand call this, and :func:`~actmax_widget.sweeps.store.part_of` gives the file's content.

    Args:
        job: what to make.
        model: the Keras model; None: read from the job's ``source``, and the last two are kept.

    Returns:
        A row for each filter: name of a column of the store -> value. A filter that failed is a row with ``error``.

    Raises:
        ValueError: the model is not the one that the job was made for.
        OSError: its file cannot be read.
        KeyboardInterrupt: Ctrl-C; nothing is given then.

    Example:
        >>> jobs = am.sweep_jobs("model.keras", layers="conv*")
        >>> rows = am.sweeps.render(jobs[0])
        >>> rows[0]["activation"], len(rows[0]["image"])
    """
    if model is not None:
        check(job, model)
    return made(job, _loaded(job) if model is None else model)


def made(job: Job, model: Any) -> list[Row]:
    """The same of a model that is known to be the right one."""
    beside = _beside(job)
    if beside[0] is not None:  # what cannot be read is told before anything is computed
        beside[0].pictures(Network(model, **job.given), job.run.changes[0].settings.input_range)
    with _one_at_a_time:
        try:
            return _rows(job, model, beside)
        except Interrupted:
            raise KeyboardInterrupt from None
        except Exception as error:  # noqa: BLE001 - of a layer that somebody wrote
            if len(job.filters) == 1:
                return [_failed(job, error)]
    # One of them failed, or there was no room for all: of one filter the others know nothing.
    alone = [
        dataclasses.replace(job, filters=(one,), labels=job.labels[at : at + 1]) for at, one in enumerate(job.filters)
    ]
    return [row for one in alone for row in made(one, model)]


def threads_here() -> int:
    """TensorFlow's threads in an operation: as they were set, or by the environment's variable, or one a core."""
    of_environment = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    named = int(of_environment) if of_environment.isdecimal() else 0
    return tf.config.threading.get_intra_op_parallelism_threads() or named or os.cpu_count() or 1


def pin(threads: int) -> None:
    """Give this process so many of TensorFlow's threads in an operation.

    Raises:
        RuntimeError: it has computed already, with others.
    """
    if threads_here() == threads:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    except RuntimeError:
        advice = "Start it anew, as by client.restart(), or sweep into another folder."
        message = f"A process computes with {threads_here()} of TensorFlow's threads already, not {threads}. {advice}"
        raise RuntimeError(message) from None


class Interrupted(Exception):  # noqa: N818 - not an error
    """Ctrl-C came while pictures were made, and they are not whole."""


def _loaded(job: Job) -> Any:
    key = job.source, job.model
    if key not in _models:
        content = sent.get(job.model)
        if not job.source and content is None:
            advice = (
                "Pass it: render(job, model); to sweep() pass jobs that have it, such as Jobs(chosen, jobs.models) of "
                "am.sweeps, or am.open_sweep(folder, model).missing."
            )
            raise invalid("model", f"the model {job.name!r}, which has no file", None, advice)
        _make_room(_models)
        model = load(job.source) if content is None else _unpickled(job, content)
        check(job, model)
        _models[key] = model
    else:  # the last used one is the last to go
        _models[key] = _models.pop(key)
    return _models[key]


def _make_room(kept: dict[Any, Any]) -> None:
    """For another one beside those that were used last."""
    while len(kept) >= KEPT:
        del kept[next(iter(kept))]


def _unpickled(job: Job, content: bytes) -> Any:
    try:
        return pickle.loads(content)  # noqa: S301 - from our own client
    except Exception as error:  # noqa: BLE001 - of any kind, and Keras tells the whole model with it
        advice = (
            "Register classes of your own by keras.saving.register_keras_serializable, in a module that each worker "
            "has and imports; those of a notebook are not there."
        )
        raise invalid("model", f"the model {job.name!r} to be read by a worker", str(error)[-300:], advice) from None


def check(job: Job, model: Any) -> None:
    """See that a model is the one that a job was made for; raises a ValueError otherwise."""
    if fingerprint(Network(model, **job.given)) != job.model:
        where = job.source or job.name
        advice = "It changed since the jobs were made: make them anew, and sweep into another folder."
        raise invalid("model", f"{where} as the jobs have it", "other weights or layers", advice)


def _rows(job: Job, model: Any, beside: Beside) -> list[Row]:
    run = job.run
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # rows say it
        many = visualize_many(model, vary=run, batch_size=len(job.filters), **run.given)
    goal = run.changes[0].goal
    whole = len(many) == len(job.filters)
    if not whole or any(one.checkpoint.iteration < goal and _is_finite(one) for one in many):
        raise Interrupted
    return [_row(job, place, result, beside) for place, result in enumerate(many)]


def _is_finite(result: Result) -> bool:
    return not len(result.history) or math.isfinite(result.history["total"][-1])


def _row(job: Job, place: int, result: Result, beside: Beside) -> Row:
    history = result.history
    last = history.rows[-1]
    named = dict(zip((*history.columns, *history.measures), map(float, last), strict=True))
    failed = [note.text for note in result.notes if note.name in FAILED]
    found: Row = {
        **_base(job, place),
        "steps": result.checkpoint.iteration,
        "total": named["total"],
        "activation": named.get("activation"),
        "probability": named.get("probability"),
        "losses": [(name, named[name]) for name in history.names],
        "notes": [note.text for note in result.notes],
        "error": failed[0] if failed else None,
        "image": _png(result),
    }
    if "score" in job.keep:
        found |= _score(result, *beside)
    if "history" in job.keep:
        found["history"] = history["total"].tolist()
        found["activations"] = history["activation"].tolist() if "activation" in history.measures else None
    if "state" in job.keep and not failed:
        found["state"] = result.checkpoint.to_bytes()
    return found


def _base(job: Job, place: int) -> Row:
    return {
        "model": job.name,
        "fingerprint": job.model,
        "checkpoint": job.checkpoint,
        "layer": job.layer,
        "filter": job.filters[place],
        "label": job.labels[place] if job.labels else None,
        "seed": job.run.changes[0].settings.seed,
        "settings": job.settings,
    }


def _failed(job: Job, error: Exception) -> Row:
    text = str(error) or type(error).__name__
    return {**_base(job, 0), "steps": 0, "losses": [], "notes": [], "error": f"{type(error).__name__}: {text}"}


def _beside(job: Job) -> Beside:
    """What scores compare with, seen to be as the job has it; a layer's answers to references are kept in them."""
    if not job.compared:
        return None, None
    if job.references and not Path(job.references).is_dir():
        advice = "There is no such folder of references. On a cluster each worker must be able to read it"
        raise FileNotFoundError(2, advice, job.references)
    key = job.references, job.judge, job.compared
    stamp = _stamp(job)
    if key not in _compared or _compared[key][0] != stamp:
        _compared.pop(key, None)
        _make_room(_compared)
        judge = fed_judge(job.judge)
        if compared(job.references, job.judge, judge) != job.compared:
            where = " or ".join(one for one in (job.references, *job.judge[:1]) if one)
            advice = "Make the jobs anew: their pictures get rows of their own."
            raise invalid("jobs", f"{where} as the jobs have it", "other pictures, or other weights", advice)
        _compared[key] = stamp, References(job.references) if job.references else None, judge
    _, references, judge = _compared[key]
    return references, judge


def _stamp(job: Job) -> list[tuple[str, int, int]]:
    """What tells at once, within a process, that files were changed."""
    files = picture_files(Path(job.references)) if job.references else []
    found = [(str(one), one.stat()) for one in (*files, *map(Path, job.judge[:1]))]
    return [(name, status.st_size, status.st_mtime_ns) for name, status in found]


def _score(result: Result, references: References | None, judge: Any) -> Row:
    score = result.score(references, judge)
    nested = score.to_dict()
    found: Row = {}
    for name in scores():
        kind, _, own = name.partition("_")
        found[name] = nested[kind][own or "verdict"]
    found["notes"] = [*(note.text for note in result.notes), *score.notes]
    return found


def _png(result: Result) -> bytes:
    """The picture as it is, without the run that made it, which the manifest has."""
    file = io.BytesIO()
    opened(to_pixels(result.image, result.checkpoint.settings.input_range)).save(file, "png")
    return file.getvalue()
