"""Without a notebook: ``python -m actmax_widget run x.json --model m.keras --out y.png``, ``sweep``, ``status``."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from actmax_widget.checks import check_integer, invalid
from actmax_widget.export import saving, sheet
from actmax_widget.export.run_file import RunFile
from actmax_widget.network import Network
from actmax_widget.network.fingerprint import fingerprint
from actmax_widget.sweeps import open_sweep, rendering, sweep, sweep_jobs
from actmax_widget.visualization import visualize, visualize_many


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m actmax_widget", description="Activation maximization of Keras models."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="repeat a run file, or the run that a picture or a sheet holds")
    run.add_argument("file", type=Path, help="a .json or .png that save() wrote")
    run.add_argument("--model", type=Path, required=True, help="a Keras model, as keras.models.load_model reads it")
    run.add_argument(
        "--out", type=Path, nargs="+", required=True, help="files to write, of the kinds that save() knows"
    )
    many = commands.add_parser("sweep", help="draw filters of whole layers into a store; called again, go on")
    many.add_argument("model", type=Path, nargs="+", help="Keras models, as keras.models.load_model reads them")
    many.add_argument("--store", type=Path, required=True, help="folder that the pictures go into")
    many.add_argument("--layer", nargs="+", help="layers, 'fire*' for several; all with weights, if none is given")
    many.add_argument("--filters", nargs="+", help="filters, such as 3 or 0-63, or labels; all, if none is given")
    many.add_argument("--preset", default="natural", help="recipe (natural)")
    many.add_argument("--seed", type=int, nargs="+", default=[0], help="random states of the noise (0)")
    many.add_argument("--max-iter", type=int, help="iterations of each picture; the preset's")
    many.add_argument("--batch-size", type=int, help="filters of a job; as many as fit well in memory")
    many.add_argument("--keep", nargs="*", default=["history", "score"], help="of history, score and state")
    many.add_argument("--references", type=Path, help="folder of real pictures that scores compare with")
    many.add_argument(
        "--judge", nargs="+", help="another model that scores ask; and how it is fed, as in x.keras torch"
    )
    many.add_argument("--labels", help="a file of names of the last layer's units, or imagenet")
    many.add_argument("--scheduler", help="address of a Dask scheduler, such as tcp://10.0.0.1:8786")
    many.add_argument("--workers", type=int, help="worker processes on this machine, in place of a scheduler")
    many.add_argument("--threads", type=int, help="of TensorFlow's in an operation, for the same pictures bit for bit")
    many.add_argument("--again", action="store_true", help="make those again that failed")
    status = commands.add_parser("status", help="how far a sweep is")
    status.add_argument("store", type=Path, help="folder of a sweep")
    given = parser.parse_args(arguments)
    try:
        if given.command == "run":
            return _run(given.file, given.model, given.out)
        return _sweep(given) if given.command == "sweep" else _status(given.store)
    except (OSError, ValueError, TypeError, ImportError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("Ended. What was made is kept: call it again to go on.\n")
        return 130


def _run(file: Path, path: Path, out: list[Path]) -> int:
    found = RunFile.of_picture(file) if file.suffix.lower() == ".png" else RunFile.load(file)
    for one in out:  # before anything is computed
        saving.kind_of(one, sheet.KINDS if found.vary else saving.KINDS)
    model = keras.models.load_model(path, compile=False)
    given = dict(found.given)
    modifier = given.pop("backprop_modifier", None)
    network = Network(model if modifier is None else modifier(model), **given)
    labels, misfit = found.labels_for(network)
    if other := [*found.otherwise(fingerprint(network)), *misfit]:
        sys.stderr.write(f"{file}: {' '.join(other)}\n")
    result: Any
    if found.vary:
        result = visualize_many(model, vary=found, labels=labels, **found.given)
    else:
        # A run that had not begun goes to its goal.
        result = visualize(model, changes=found.changes, max_iter=found.iteration or None, labels=labels, **found.given)
    for one in out:
        sys.stdout.write(f"{result.save(one)}\n")
    return 0


def _sweep(given: argparse.Namespace) -> int:
    if given.scheduler and given.workers:
        raise invalid("--workers", "none with --scheduler", given.workers, "Leave one of them out.")
    if given.threads:
        rendering.pin(check_integer("--threads", given.threads, least=1))  # before a model is loaded
    settings = {} if given.max_iter is None else {"max_iter": given.max_iter}
    jobs = sweep_jobs(
        given.model if len(given.model) > 1 else given.model[0],
        given.layer,
        _filters(given.filters),
        preset=given.preset,
        seed=given.seed,
        batch_size=given.batch_size,
        keep=given.keep,
        references=given.references,
        judge=given.judge,
        labels=given.labels,
        **settings,
    )
    with _client(given.scheduler, given.workers) as client:
        store = sweep(jobs, given.store, client, threads=given.threads, again=given.again)
    sys.stdout.write(f"{store}\n")
    return 1 if store.missing or store.errors else 0


def _filters(given: list[str] | None) -> list[Any] | None:
    """Numbers, ranges as in 0-63, and names."""
    if given is None:
        return None
    found: list[Any] = []
    for one in given:
        first, dash, last = one.partition("-")
        if dash and first.isdecimal() and last.isdecimal():
            found += range(int(first), int(last) + 1)
        else:
            found.append(int(one) if one.isdecimal() else one)
    return found


@contextlib.contextmanager
def _client(scheduler: str | None, workers: int | None) -> Iterator[Any]:
    """A client of a cluster, or none."""
    if scheduler is None and workers is None:
        yield None
        return
    try:
        from distributed import Client, LocalCluster  # noqa: PLC0415 - not a dependency
    except ImportError as error:
        message = "--scheduler and --workers need Dask: pip install 'actmax-widget[scale]'."
        raise ImportError(message) from error
    if scheduler is not None:
        with Client(scheduler) as client:
            yield client
        return
    count = check_integer("--workers", workers, least=1)
    with (
        LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=":0") as cluster,  # None is port 8787
        Client(cluster) as client,
    ):
        yield client


def _status(folder: Path) -> int:
    store = open_sweep(folder)
    sys.stdout.write(f"{store}\n")
    for checkpoint, layer, made, count in store.progress():
        sys.stdout.write(f"  {checkpoint}  {layer}  {made:,} of {count:,}\n")
    for where, error in itertools.islice(store.errors.items(), 10):
        sys.stdout.write(f"  {where}: {error}\n")
    return 1 if store.missing or store.errors else 0


if __name__ == "__main__":
    sys.exit(main())
