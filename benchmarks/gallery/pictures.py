"""Draws the classes with every system, and scores the files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.gallery import scores
from benchmarks.gallery.subjects import subject
from benchmarks.gallery.systems import SYSTEMS

FOLDER = Path(__file__).parents[2] / "artifacts" / "gallery"
"""Where the files are, which git ignores."""


def path_of(network: str, system: str, index: int, seed: int) -> Path:
    """The file of a picture."""
    return FOLDER / network / system.replace(" ", "-").replace(",", "") / f"{index}-{seed}.png"


def draw(network: str, system: str, index: int, seed: int) -> Iterator[dict[str, Any]]:
    """Draw and score: a row with what :func:`~benchmarks.gallery.scores.score` gives, and the seconds it took.

    Args:
        network: a subject's name.
        system: of :data:`~benchmarks.gallery.systems.SYSTEMS`; xplique's give two pictures each.
        index: the class.
        seed: of what is random.
    """
    own = subject(network)
    began = time.perf_counter()
    made = SYSTEMS[system](own, index, seed)
    seconds = time.perf_counter() - began
    for name, picture in made.items():
        path = path_of(network, name, index, seed)
        broken = scores.save(picture, path)
        told = {"network": network, "system": name, "class": index, "seed": seed, "seconds": seconds}
        yield {**told, "broken": broken, **scores.score(path, own, index)}
