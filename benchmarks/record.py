"""What a benchmark gives: rows."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import platform
import statistics
from collections.abc import Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        name: what is measured.
        against: what it is compared with.
        goal: the number to reach, as told to the reader, e.g. ``"at least 40x"``.
        value: the median, in ``unit``.
        low: first quartile of the repeats.
        high: third quartile of the repeats.
        met: whether ``value`` reaches the goal; None if the row has none.
        unit: ``"x"`` for ratios.
        detail: further numbers, for the JSON file.
    """

    name: str
    against: str
    goal: str
    value: float
    low: float
    high: float
    met: bool | None
    unit: str = "x"
    detail: dict[str, Any] = dataclasses.field(default_factory=dict)


def row(
    name: str,
    against: str,
    values: Sequence[float],
    *,
    least: float | None = None,
    most: float | None = None,
    unit: str = "x",
    **detail: Any,
) -> Row:
    """A row from the repeats of a measurement, with the least or most that its median should be."""
    middle = statistics.median(values)
    low, _, high = statistics.quantiles(values, n=4) if len(values) > 1 else (middle, middle, middle)
    goals = [f"at least {least:g}{_short(unit)}"] if least is not None else []
    goals += [f"at most {most:g}{_short(unit)}"] if most is not None else []
    met = (least is None or middle >= least) and (most is None or middle <= most) if goals else None
    return Row(name, against, ", ".join(goals), middle, low, high, met, unit, detail)


def _short(unit: str) -> str:
    return unit if unit == "x" else f" {unit}"


def machine() -> dict[str, Any]:
    """Where and when it was measured."""
    import keras  # noqa: PLC0415 - slow
    import tensorflow as tf  # noqa: PLC0415 - slow

    return {
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "oneDNN": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "TensorFlow's default"),
    }
