"""Measure, print one table, write JSON. Each group of rows is measured in a process of its own."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import rich
from rich.console import Console
from rich.table import Table

from benchmarks.record import Row, machine

WIDTH = 150
"""Columns that the table needs."""
RESULTS = Path(__file__).with_name("results.json")


GROUPS: dict[str, tuple[str, ...]] = {
    **{f"steps-{case}": ("steps", "steps", case) for case in ("digits", "squeezenet", "mobilenet", "vgg")},
    **{f"parts-{case}": ("steps", "composed", case) for case in ("squeezenet", "mobilenet")},
    "parts-natural": ("steps", "recipe"),
    "keeping": ("keeping", "rows"),
    "scoring": ("scoring", "rows"),
    "sweeps": ("sweeping", "rows"),
    "second-picture": ("steps", "second_picture"),
    **{f"first-picture-{case}": ("steps", "first_picture", case) for case in ("digits", "mobilenet", "vgg")},
    "import": ("process", "import_time"),
    "traces": ("steps", "traces"),
    "batch-digits": ("steps", "batches", "digits"),
    "batch-mobilenet": ("steps", "batches", "mobilenet"),
    "growth": ("process", "growth"),
    "browser": ("browser", "rows"),
    "atlas": ("atlas", "rows"),
}
"""Each group's name -> module, function and arguments of what measures it."""


ENVIRONMENT = {"parts-natural": {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}}
"""What a group is measured with: TensorFlow reads it once."""


def measure(name: str, *, quick: bool) -> list[Row]:
    """The rows of a group, measured in this process."""
    module, function, *arguments = GROUPS[name]
    rows: list[Row] = getattr(importlib.import_module(f"benchmarks.{module}"), function)(*arguments, quick=quick)
    return rows


def main() -> None:
    """Measure what was asked for, or everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="groups of rows, or beginnings of their names; all if none is given")
    parser.add_argument("--quick", action="store_true", help="few repeats: to see that it runs, not to report")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where to write the rows")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # in this process
    arguments = parser.parse_args()
    if arguments.here:
        rows = measure(arguments.names[0], quick=arguments.quick)
        arguments.json.write_text(json.dumps([dataclasses.asdict(row) for row in rows]))
        return
    chosen = [name for name in GROUPS if not arguments.names or name.startswith(tuple(arguments.names))]
    if not chosen:
        parser.error(f"there is no such group; choose from {', '.join(GROUPS)}")
    measured: list[dict[str, Any]] = []
    for name in chosen:
        rich.print(f"[dim]measuring {name} …[/]")
        measured += _in_a_process(name, quick=arguments.quick)
    console = Console()
    Console(width=max(console.width, WIDTH)).print(_table(measured))
    arguments.json.write_text(json.dumps({"machine": machine(), "rows": measured}, indent=1) + "\n")
    rich.print(f"written to {arguments.json}")


def _in_a_process(name: str, *, quick: bool) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.json")
        command = [sys.executable, "-m", "benchmarks", name, "--here", "--json", str(path)]
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"} | ENVIRONMENT.get(name, {})
        finished = subprocess.run(
            [*command, *(["--quick"] if quick else [])], env=environment, capture_output=True, text=True, check=False
        )
        if finished.returncode:
            rich.print(f"[red]{name} failed:[/]\n{finished.stderr[-3000:]}")
            return []
        rows: list[dict[str, Any]] = json.loads(path.read_text())
        return rows


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table("row", "against", "goal", "median", "quartiles", "")
    for row in rows:
        mark = {True: "[green]reached[/]", False: "[yellow]missed[/]", None: ""}[row["met"]]
        unit = "x" if row["unit"] == "x" else f" {row['unit']}"
        spread = f"{row['low']:.3g} to {row['high']:.3g}"
        table.add_row(row["name"], row["against"], row["goal"], f"{row['value']:.3g}{unit}", spread, mark)
    return table


if __name__ == "__main__":
    main()
