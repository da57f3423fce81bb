"""``python -m actmax_widget run x.json --model m.keras --out y.png``: a run without a notebook."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import keras

from actmax_widget.export import saving, sheet
from actmax_widget.export.run_file import RunFile
from actmax_widget.network import Network
from actmax_widget.network.fingerprint import fingerprint
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
    given = parser.parse_args(arguments)
    try:
        return _run(given.file, given.model, given.out)
    except (OSError, ValueError, TypeError, ImportError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _run(file: Path, path: Path, out: list[Path]) -> int:
    found = RunFile.of_picture(file) if file.suffix.lower() == ".png" else RunFile.load(file)
    for one in out:  # before anything is computed
        saving.kind_of(one, sheet.KINDS if found.vary else saving.KINDS)
    model = keras.models.load_model(path, compile=False)
    given = dict(found.given)
    modifier = given.pop("backprop_modifier", None)
    network = Network(model if modifier is None else modifier(model), **given)
    if other := found.otherwise(fingerprint(network)):
        sys.stderr.write(f"{file}: {' '.join(other)}\n")
    result: Any
    if found.vary:
        result = visualize_many(model, vary=found, **found.given)
    else:
        # A run that had not begun goes to its goal.
        result = visualize(model, changes=found.changes, max_iter=found.iteration or None, **found.given)
    for one in out:
        sys.stdout.write(f"{result.save(one)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
