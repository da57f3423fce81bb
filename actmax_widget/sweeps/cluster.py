"""A sweep on Dask's distributed scheduler: which worker makes what, and what of a worker that dies.

The model never travels in a task graph: a plugin has each worker load it once. The scheduler holds a window of jobs
and never all of them, rows come back to this process, which writes them, and are forgotten by the cluster.
"""

from __future__ import annotations

import contextlib
import itertools
import pickle
import secrets
from collections.abc import Callable, Iterator
from typing import Any

from actmax_widget.checks import invalid
from actmax_widget.sweeps import rendering
from actmax_widget.sweeps.jobs import Job, Jobs

RETRIES = 2
WINDOW = 3
"""Jobs of each worker that the scheduler knows: one at work, and the next ones, so that none waits for us."""


def made_by(client: Any, threads: int) -> Callable[[Jobs], Iterator[tuple[Job, Any]]]:
    """What makes jobs on a cluster: pairs of a job and its rows, what it raised, or why no worker survived it.

    Args:
        client: a ``distributed.Client``.
        threads: TensorFlow's threads on each worker.

    Raises:
        TypeError: it is no client.
        ValueError: it is closed, or asynchronous.
        ImportError: distributed is not installed.
    """
    try:
        import distributed  # noqa: PLC0415 - not a dependency
    except ImportError as error:
        message = "A client needs Dask's scheduler: pip install 'actmax-widget[scale]'."
        raise ImportError(message) from error
    if not isinstance(client, distributed.Client):
        advice = "Pass Client() of distributed, or None for this process."
        raise invalid("client", "a distributed.Client", client, advice, TypeError)
    if client.status in {"closing", "closed"} or client.asynchronous:
        told = "one that is asynchronous" if client.asynchronous else "one that is closed"
        raise invalid("client", "a client to wait for", told, "Make a new one: Client(...).")
    return lambda jobs: _made(client, jobs, threads, distributed)


def _made(client: Any, jobs: Jobs, threads: int, distributed: Any) -> Iterator[tuple[Job, Any]]:
    if not jobs:
        return
    plugin = _plugin(jobs, threads, distributed)
    waiting, running = iter(jobs), dict[Any, Job]()
    # A name of this call's own, as Dask would look one of before up among the results it still knows; in keys that are
    # pairs it is that of the group, by which the scheduler knows how long a job takes.
    call = f"actmax-{secrets.token_hex(8)}"

    def submit(count: int) -> list[Any]:
        given = [*itertools.islice(waiting, max(0, count))]
        futures = [
            client.submit(rendering.render, one, key=(call, one.hash), retries=RETRIES, pure=False) for one in given
        ]
        running.update(zip(futures, given, strict=True))
        return futures

    try:
        client.register_plugin(plugin)
        finished = distributed.as_completed(submit(WINDOW * len(client.nthreads()) or 1))
        for future in finished:
            job = running.pop(future)
            yield job, _outcome(future, distributed)
            future.release()
            # Workers may have come, or gone, since.
            finished.update(submit(max(1, WINDOW * len(client.nthreads())) - len(running)))
    # Of lost connections, closed ones and timeouts all are OSErrors.
    except (distributed.client.FutureCancelledError, distributed.client.ClosedClientError, OSError) as error:
        raise ConnectionError(f"The cluster is gone ({error}). What was made is kept: sweep again to go on.") from error
    finally:
        # Ctrl-C, a full disk: nobody waits for the rest.
        for future in running:
            with contextlib.suppress(Exception):
                future.cancel()


def _outcome(future: Any, distributed: Any) -> Any:
    """The rows of a job, or why no worker survived it, or what it raised."""
    if future.status == "error":
        error = future.exception()
        if isinstance(error, distributed.KilledWorker):
            return (
                f"{RETRIES + 1} workers died of it, which often is a lack of memory: a smaller batch_size needs less."
            )
        return error
    return future.result()


def _plugin(jobs: Jobs, threads: int, distributed: Any) -> Any:
    """What each worker does before its first job: it takes the models that have no file, and sets its threads."""
    wanted = {one.model for one in jobs if not one.source}
    sent = {name: pickled(jobs.models[name]) for name in wanted if name in jobs.models}
    if lacking := wanted - sent.keys():
        name = next(one.name for one in jobs if one.model in lacking)
        advice = "Make the jobs by sweep_jobs(model) or sweep_jobs(path) in this process."
        raise invalid("jobs", f"the model {name!r}, which has no file", None, advice)

    class Models(distributed.WorkerPlugin):  # type: ignore[misc]  # here, as distributed is not a dependency
        """Taken by its value, as it has no name that a worker could look up."""

        name = f"actmax-{'-'.join(sorted(one[:8] for one in {job.model for job in jobs}))}"[:200]

        def setup(self, worker: Any) -> None:
            del worker
            rendering.sent.update(sent)
            rendering.pin(threads)

    return Models()


def pickled(model: Any) -> bytes:
    """A model in bytes; raises a ValueError where it has none."""
    try:
        return pickle.dumps(model)
    except Exception as error:
        advice = "Save it by model.save() and pass the path."
        raise invalid("model", "a model that can be pickled", f"{model.name!r} ({error})", advice) from error
