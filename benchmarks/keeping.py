"""What it costs that a run is kept: its film, and to go back; and many pictures at once."""

from __future__ import annotations

import time
from typing import Any
from unittest import mock

import actmax_widget as am
from actmax_widget.engine.reel import Reel
from actmax_widget.engine.step import NEVER
from benchmarks.networks import CASES
from benchmarks.record import Row, row
from benchmarks.steps import interleaved

STEPS = {"digits": 4000, "squeezenet": 96}
"""More than a second each."""


def rows(*, quick: bool) -> list[Row]:
    """A run with its film, over one without; and a checkpoint restored."""
    found = []
    for name, steps in STEPS.items():
        case = CASES[name]
        model = case.make()

        def make(model: Any = model, case: Any = case, steps: int = steps) -> None:
            am.visualize(model, case.layer, case.index, preset="keras-vis", seed=0, max_iter=steps)

        def without(make: Any = make) -> None:
            with mock.patch.multiple(Reel, every=NEVER, take=lambda *_: None):
                make()

        make()
        seconds = interleaved({"with": make, "without": without}, 3 if quick else 15)
        ratios = [a / b for a, b in zip(seconds["with"], seconds["without"], strict=True)]
        found.append(row(f"a run with its film, {case.name}, {steps} steps", "without", ratios, most=1.02))
        widget = am.ActMaxWidget(model, case.layer, filter_indices=case.index, preset="natural", max_iter=9)
        widget.step(2)
        checkpoint, times = widget.checkpoint(), []
        for _ in range(3 if quick else 15):
            begin = time.perf_counter()
            widget.restore(checkpoint)
            times.append(1e3 * (time.perf_counter() - begin))
        widget.close()
        found.append(row(f"restore, {case.name}", "", times, most=50, unit="ms"))
    return [*found, *varied(quick=quick)]


def varied(*, quick: bool) -> list[Row]:
    """Eight pictures of a weight each in a batch, over eight runs."""
    found = []
    for name, steps, least in (("digits", 500, 3), ("mobilenet", 8, 1.3)):
        case = CASES[name]
        model, weights = case.make(), [float(k) for k in range(8)]
        options: dict[str, Any] = {"preset": "keras-vis", "seed": 0, "max_iter": steps}

        def together(model: Any = model, case: Any = case, options: Any = options, weights: Any = weights) -> None:
            am.visualize_many(model, case.layer, case.index, vary={"tv_weight": weights}, batch_size=8, **options)

        def alone(model: Any = model, case: Any = case, options: Any = options, weights: Any = weights) -> None:
            for weight in weights:
                am.visualize(model, case.layer, case.index, tv_weight=weight, **options)

        together()
        alone()
        seconds = interleaved({"alone": alone, "together": together}, 2 if quick else 7)
        ratios = [a / b for a, b in zip(seconds["alone"], seconds["together"], strict=True)]
        found.append(row(f"8 weights in a batch, {case.name}, {steps} steps", "8 runs", ratios, least=least))
    return found
