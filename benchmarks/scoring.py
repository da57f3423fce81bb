"""What it costs to score a picture, and to set real pictures beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import actmax_widget as am
from benchmarks.record import Row, row

LAYER = "fire5_concat"


def rows(*, quick: bool) -> list[Row]:
    """A score of a picture of SqueezeNet; and a layer's answers to 1,000 pictures, the first time and the second."""
    model, random = am.demo.photos(), np.random.default_rng(0)
    count, repeats = (60 if quick else 1000), (3 if quick else 15)
    picture = random.uniform(0, 255, (227, 227, 3)).astype(np.float32)
    references = am.References(random.integers(0, 256, (count, 227, 227, 3), np.uint8))
    passes = am.score(model, picture, "logits", 1).passes
    scored = _times(lambda: am.score(model, picture, "logits", 1), repeats)
    first = _times(lambda: am.visualize_references(model, LAYER, 0, references), 1)
    # Others' work does not lengthen that; there is one thread at work here.
    again = _times(lambda: am.visualize_references(model, LAYER, 0, references), repeats, time.process_time)
    return [
        row(f"score, SqueezeNet, {passes} forward passes", "", scored, unit="ms"),
        row(f"answers of a layer to {count:,} real pictures, SqueezeNet", "", first, unit="ms"),
        row("the same the second time, of the processor", "", again, most=50, unit="ms"),
    ]


def _times(work: Callable[[], Any], repeats: int, clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """Milliseconds of each, by a clock."""
    found = []
    for _ in range(repeats):
        begin = clock()
        work()
        found.append(1e3 * (clock() - begin))
    return found
