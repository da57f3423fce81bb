"""Draw, score, print a table, write JSON and a contact sheet; or compare two recipes."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


import actmax_widget as am
from benchmarks.gallery import compare as comparing
from benchmarks.gallery import pictures
from benchmarks.gallery.subjects import CHOSEN, CLASSES
from benchmarks.gallery.systems import SYSTEMS

RESULTS = Path(__file__).parents[1] / "gallery.json"
NAMES = {name: getattr(am, name) for name in ("losses", "optimizers", "parametrizations", "regularizers", "transforms")}
"""What a recipe on the command line may name."""


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], "pictures"], help="what is measured; all if none is named")
    parser.add_argument("--network", default="squeezenet", choices=("squeezenet", "efficientnet"))
    parser.add_argument("--systems", nargs="*", default=list(SYSTEMS), choices=list(SYSTEMS), metavar="SYSTEM")
    parser.add_argument("--quick", action="store_true", help="two classes and one seed, to see that it runs")
    parser.add_argument("--chosen", action="store_true", help="only the eight classes that recipes are chosen on")
    parser.add_argument("--seeds", type=int, default=2, help="how many of each class")
    parser.add_argument(
        "--json", type=Path, default=RESULTS, help="where the rows are; those measured anew are replaced"
    )
    parser.add_argument("--compare", type=recipe, help="a recipe: natural, or dict(optimizer=optimizers.Adam(0.2))")
    parser.add_argument("--against", type=recipe, default="natural", help="what it is compared with")
    given = parser.parse_args()
    classes = tuple(CHOSEN if given.chosen or given.quick else CLASSES)[: 2 if given.quick else None]
    seeds = tuple(range(1 if given.quick else given.seeds))
    options: dict[str, Any] = {"network": given.network, "classes": classes, "seeds": seeds}
    if given.compare is not None:
        print(comparing.compare(given.compare, given.against, **options))
        return
    for system in given.systems:
        rows = list(_shown(pictures.draw(given.network, system, classes, seeds)))
        keep(given.json, "pictures", rows, ("network", "system", "class", "seed"))


def _shown(rows: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for row in rows:
        short = {name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()}
        print(*short.values(), flush=True)
        yield row


def keep(path: Path, part: str, rows: Sequence[dict[str, Any]], key: Sequence[str]) -> None:
    """Put rows into the file, in place of older ones of the same key."""
    found = json.loads(path.read_text()) if path.exists() else {}
    new = {tuple(row[name] for name in key) for row in rows}
    old = [row for row in found.get(part, []) if tuple(row[name] for name in key) not in new]
    found[part] = [*old, *rows]
    path.write_text(json.dumps(found, indent=1) + "\n")


def recipe(text: str) -> Any:
    """A recipe as it is written on the command line: a preset's name, or a dict of settings in Python."""
    return text if text.replace("-", "_").isidentifier() else eval(text, {**NAMES})  # noqa: S307 - of the person's own


if __name__ == "__main__":
    main()
