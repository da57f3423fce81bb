"""Draw, score, print a table, write JSON and a contact sheet; or compare two recipes."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import actmax_widget as am
from benchmarks.gallery import channels, digits, pictures, report, scores, waiting
from benchmarks.gallery import compare as comparing
from benchmarks.gallery.subjects import CLASSES, subject
from benchmarks.gallery.systems import SYSTEMS
from benchmarks.record import machine

FOLDER = Path(__file__).parents[1]
KEYS = ("photograph_number", "network", "system", "layer", "channel", "class", "seed")
"""What tells one row of a part from another one."""
OF_CHANNELS = ("natural", "visualize_activation", "tf-keras-vis", "xplique optimize")
OF_DIGITS = ("natural", "quick", "keras-vis")
WAITED_FOR = (1, 340, 985, 483)
NAMES = {name: getattr(am, name) for name in ("losses", "optimizers", "parametrizations", "regularizers", "transforms")}
"""What a recipe on the command line may name."""


def main() -> None:
    """Measure what was asked for."""
    import rich  # noqa: PLC0415 - `make bench` installs it, and tests do without

    given = _parser().parse_args()
    if given.compare is not None:
        classes, seeds = _targets(given)
        rich.print(str(comparing.compare(given.compare, given.against, given.network, classes=classes, seeds=seeds)))
        return
    path = _path(given)
    for part in given.parts or PARTS:
        for row in (PARTS | ALONE)[part](given):
            rich.print("[dim]" + " ".join(_short(value) for value in row.values()) + "[/]")
            keep(path, "pictures" if part == "rescored" else part, row)
    found = json.loads(path.read_text())
    sys.stdout.write(report.tables(found) + "\n")
    if report.sheet(found, path.with_suffix(".jpg"), given.network):
        rich.print(f"written to {path.parent}")


def _path(given: argparse.Namespace) -> Path:
    """Where the numbers are kept; those of a quick run beside the pictures, as they are not to be reported."""
    return (given.folder or (pictures.FOLDER if given.quick else FOLDER)) / "gallery.json"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__)
    parser.add_argument("parts", nargs="*", help=HELP)
    parser.add_argument("--network", default="squeezenet", choices=("squeezenet", "efficientnet"), help="what is drawn")
    parser.add_argument("--systems", nargs="+", choices=list(SYSTEMS), metavar="SYSTEM", help=", ".join(SYSTEMS))
    parser.add_argument("--classes", nargs="+", type=int, metavar="CLASS", help="of ImageNet; 16 if none is named")
    parser.add_argument("--seeds", type=int, default=2, help="how many of each class; peers have one")
    parser.add_argument("--quick", action="store_true", help="two of everything, to see that it runs, not to report")
    parser.add_argument("--folder", type=Path, help="of gallery.json, whose rows are replaced, and gallery.jpg")
    parser.add_argument("--compare", type=recipe, help="a recipe: natural, or dict(optimizer=optimizers.Adam(0.2))")
    parser.add_argument("--against", type=recipe, default="natural", help="what it is compared with")
    return parser


def _pictures(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    classes, seeds = _targets(given)
    for seed in seeds:
        for index in classes:
            for system in given.systems or SYSTEMS:
                if seed == 0 or system == "natural":
                    yield from pictures.draw(given.network, system, index, seed)


def _rescored(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The pictures that were drawn before, scored again: for a change of the scores."""
    for row in json.loads(_path(given).read_text()).get("pictures", []):
        path = pictures.path_of(*(row[name] for name in ("network", "system", "class", "seed")))
        yield {**row, **scores.score(path, subject(row["network"]), row["class"])}


def _channels(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for layer, indices in channels.CHANNELS.items():
        for index in indices[_few(given)]:
            for system in given.systems or OF_CHANNELS:
                yield from channels.draw(system, layer, index)


def _digits(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for network in digits.NETWORKS:
        for preset in given.systems or OF_DIGITS:
            yield from digits.draw(network, preset)


def _waiting(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    ours = (waiting.on_photos, waiting.PHOTOS, WAITED_FOR), (waiting.on_digits, waiting.DIGITS, tuple(range(10)))
    for measure, systems, indices in ours:
        for index in indices[_few(given)]:
            for system in systems:
                if given.systems is None or system.split(",")[0] in given.systems:
                    yield measure(system, index)


def _photographs(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    del given
    yield from scores.of_photographs()


PARTS: dict[str, Callable[[argparse.Namespace], Iterator[dict[str, Any]]]] = {
    "photographs": _photographs,
    "pictures": _pictures,
    "channels": _channels,
    "digits": _digits,
    "waiting": _waiting,
}
"""What there is to measure. The systems take turns, so that a run that is stopped has something of each."""


ALONE: dict[str, Callable[[argparse.Namespace], Iterator[dict[str, Any]]]] = {
    "rescored": _rescored,
    "report": lambda given: iter(()),  # noqa: ARG005 - has the signature of the others
}
"""What is only done when it is named."""
HELP = f"what is measured: {', '.join(PARTS)}, all if none is named; or {', '.join(ALONE)}"


def _few(given: argparse.Namespace) -> slice:
    return slice(0, 2 if given.quick else None)


def _targets(given: argparse.Namespace) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Classes and seeds."""
    return tuple(given.classes or CLASSES)[_few(given)], tuple(range(1 if given.quick else given.seeds))


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def keep(path: Path, part: str, row: dict[str, Any]) -> None:
    """Put a row into the file, in place of an older one of the same thing."""
    found = json.loads(path.read_text()) if path.exists() else {}

    def key(one: dict[str, Any]) -> list[Any]:
        return [one.get(name) for name in KEYS]

    row = {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in row.items()}
    rows = [old for old in found.get(part, []) if key(old) != key(row)]
    found |= {"machine": machine(), part: [*rows, row]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{\n" + ",\n".join(_lines(*item) for item in found.items()) + "\n}\n")


def _lines(name: str, value: Any) -> str:
    """A part of the file, a line for each row."""
    rows = ",\n".join(json.dumps(row) for row in value) if isinstance(value, list) else ""
    return f"{json.dumps(name)}: [\n{rows}\n]" if rows else f"{json.dumps(name)}: {json.dumps(value)}"


def recipe(text: str) -> Any:
    """A recipe as it is written on the command line: a preset's name, or a dict of settings in Python."""
    return text if text.replace("-", "_").isidentifier() else eval(text, {**NAMES})  # noqa: S307 - the person's own words


if __name__ == "__main__":
    main()
