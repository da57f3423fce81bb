"""Frozen records shared by the engine, the session and the widget.

Nothing here computes. What travels is frozen; change is :func:`dataclasses.replace`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from actmax_widget import backprop_modifiers, grad_modifiers
from actmax_widget.checks import check_integer, check_number, check_range, check_seed, invalid
from actmax_widget.network import starting


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a person can set about a run; checked when made. Units: pixel values, iterations, seconds.

    ``layer`` and ``filter_indices`` are the target: another target is another optimization, which starts afresh.
    ``seed_input`` (an array to start from) and ``seed`` take effect at a fresh start, all others at the next step.
    ``seed_fit`` tells how a picture of another aspect became ``seed_input``.
    """

    layer: str
    filter_indices: tuple[int, ...] | None = (0,)
    act_max_weight: float = 1.0
    lp_norm_weight: float = 10.0
    tv_weight: float = 10.0
    learning_rate: float = 1.0
    jitter: float = 0.0
    grad_modifier: str | None = None
    backprop_modifier: str | None = None
    seed_input: np.ndarray | None = field(default=None, repr=False, compare=False)
    seed_fit: str = "crop"
    seed: int | None = 0
    input_range: tuple[float, float] = (0, 255)
    clip: bool = True
    max_iter: int = 500
    steps_per_second: float | None = 60.0

    def __post_init__(self) -> None:
        for name, check in CHECKS.items():
            object.__setattr__(self, name, check(getattr(self, name)))

    def target(self) -> tuple[str, tuple[int, ...] | None]:
        """What is maximised. A change of it starts the optimization afresh."""
        return self.layer, self.filter_indices

    def start(self) -> tuple[Any, ...]:
        """What the optimization starts from. A change of it takes effect with the next fresh start."""
        return self.seed, self.input_range, id(self.seed_input)

    def graph(self) -> tuple[Any, ...]:
        """What the step is compiled for. A change of it compiles."""
        return self.layer, self.backprop_modifier


def _check_layer(value: Any) -> str:
    if not isinstance(value, str):
        raise invalid("layer", "the name of a layer", value, "Choose one of widget.layers.", TypeError)
    return value


def _check_filters(value: Any) -> tuple[int, ...] | None:
    advice = "Pass e.g. filter_indices=3, [3, 7] or None for all filters."
    if value is None:
        return None
    if isinstance(value, str | bytes | dict | set):
        raise invalid("filter_indices", "an integer, a sequence of integers or None", value, advice, TypeError)
    entries = [value] if np.ndim(value) == 0 else list(value)
    if not entries:
        raise invalid("filter_indices", "at least one filter", value, advice)
    least = -(2**31)
    return tuple(check_integer("filter_indices", entry, least=least, advice=advice) for entry in entries)


def _check_modifier(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        names = ", ".join(grad_modifiers.BUILT_IN)
        raise invalid(
            "grad_modifier", f"None or one of {names}", value, "Functions work in visualize_activation.", TypeError
        )
    grad_modifiers.get(value)
    return value


def _check_backprop(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        names = ", ".join(backprop_modifiers.BUILT_IN)
        advice = "Functions work in visualize_activation."
        raise invalid("backprop_modifier", f"None or one of {names}", value, advice, TypeError)
    backprop_modifiers.get(value)
    return value


def _check_seed_input(value: Any) -> np.ndarray | None:
    if value is None:
        return None
    image = np.asarray(value)
    if image.dtype.kind not in "biuf":
        raise invalid("seed_input", "a numeric array or None", value, "Pass e.g. a NumPy array of pixels.", TypeError)
    if image.dtype == np.float32 and not image.flags.writeable:
        return image  # checked before; the same object tells that it is the same start
    image = image.astype(np.float32)
    image.flags.writeable = False
    return image


def _check_flag(value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise invalid("clip", "True or False", value, "", TypeError)
    return bool(value)


CHECKS: dict[str, Callable[[Any], Any]] = {
    "layer": _check_layer,
    "filter_indices": _check_filters,
    "act_max_weight": lambda v: check_number("act_max_weight", v, advice="Pass e.g. act_max_weight=1."),
    "lp_norm_weight": lambda v: check_number(
        "lp_norm_weight", v, advice="Pass e.g. lp_norm_weight=10, or 0 to switch it off."
    ),
    "tv_weight": lambda v: check_number("tv_weight", v, advice="Pass e.g. tv_weight=10, or 0 to switch it off."),
    "learning_rate": lambda v: check_number("learning_rate", v, above=0, advice="Pass e.g. learning_rate=1."),
    "jitter": lambda v: check_number("jitter", v, least=0, advice="Pass e.g. jitter=0.05 (a fraction) or 2 (pixels)."),
    "grad_modifier": _check_modifier,
    "backprop_modifier": _check_backprop,
    "seed_input": _check_seed_input,
    "seed_fit": starting.check_fit,
    "seed": lambda v: v if v is None else check_seed(v),
    "input_range": check_range,
    "clip": _check_flag,
    "max_iter": lambda v: check_integer("max_iter", v, least=1, most=10**9, advice="Pass e.g. max_iter=500."),
    "steps_per_second": lambda v: (
        v if v is None else check_number("steps_per_second", v, above=0, advice="Pass None for as fast as it goes.")
    ),
}
"""Parameter name -> function that returns the checked value or raises. The one place where parameters are validated."""


class Status(enum.StrEnum):
    """Where a session stands."""

    READY = "ready"
    COMPILING = "compiling"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def busy(self) -> bool:
        """Whether the worker has something to do."""
        return self in {Status.COMPILING, Status.RUNNING}


class LayerInfo(NamedTuple):
    """A layer that can be a target: its name, type, output shape without the batch axis, and number of filters."""

    name: str
    type: str
    shape: tuple[int | None, ...]
    filters: int


@dataclass(frozen=True)
class History:
    """Every iteration's losses.

    Attributes:
        names: names of the losses, a column each; the last column is the total.
        values: float32 of shape (iterations, len(names) + 1): each loss times its weight, then their sum. Row ``i`` was
            measured at the input of iteration ``i + 1``, before its step.
    """

    names: tuple[str, ...]
    values: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> np.ndarray:
        """The column of a loss by its name, or ``"total"``: float32 of shape (iterations,)."""
        return self.values[:, self.columns.index(name)]

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names: the losses, then ``"total"``."""
        return (*self.names, "total")

    def to_pandas(self) -> Any:
        """The history as a :class:`pandas.DataFrame`, indexed by iteration from 1. Needs pandas."""
        try:
            import pandas as pd  # noqa: PLC0415 - not a dependency, and slow to import
        except ImportError as error:
            message = "history.to_pandas() needs pandas: pip install pandas. history.values holds the same numbers."
            raise ImportError(message) from error
        return pd.DataFrame(
            self.values, columns=list(self.columns), index=pd.RangeIndex(1, len(self) + 1, name="iteration")
        )


class LayerPictures(NamedTuple):
    """Pictures of a layer's filters.

    Attributes:
        images: (n, H, W, C): a picture for each filter, in the order asked for.
        histories: n :class:`History`: every iteration's losses of each picture.
    """

    images: np.ndarray
    histories: list[History]


@dataclass(frozen=True)
class Frame:
    """What a view needs to catch up: the newest picture and the rows it has not seen.

    Attributes:
        run: number of the run; another number means that the rows started afresh.
        iteration: iterations made in this run.
        goal: the iteration at which the run ends.
        image: (H, W, C) float32, the picture the network saw in that iteration.
        first: index of the first row in ``rows``.
        rows: float32 (n, losses + 1), see :class:`History`.
        rate: steps per second, or None before it was measured.
    """

    run: int
    iteration: int
    goal: int
    image: np.ndarray = field(repr=False)
    first: int
    rows: np.ndarray = field(repr=False)
    rate: float | None


@dataclass(frozen=True)
class Facts:
    """Where a session stands, all of it at one moment.

    Attributes:
        run: number of the run; rises with every fresh start.
        status: see :class:`Status`.
        iteration: iterations made in this run.
        goal: the iteration at which a Run ends; 0 before the first.
        stale: the target was changed, so the next start is a fresh one; picture and rows are still the old target's.
        preparing: the step is being compiled although nothing runs, so that a start will find it ready.
        error: why the run failed, a sentence; empty if it did not.
        note: what a run that did not fail came to, if there is more to say of it than that it ended; else empty.
    """

    run: int
    status: Status
    iteration: int
    goal: int
    stale: bool
    preparing: bool
    error: str
    note: str = ""

    def sentence(self) -> str:
        """What to tell a person."""
        done = f"{self.iteration} iteration{'' if self.iteration == 1 else 's'}"
        if self.preparing and self.status is not Status.FAILED:
            return "Compiling the step for this layer. Run can be pressed already."
        if self.stale:
            return "The target was changed: Run starts afresh with it."
        if self.note and self.status in {Status.PAUSED, Status.FINISHED}:
            return self.note
        return {
            Status.READY: "Ready: press Run.",
            Status.COMPILING: "Compiling the step for this layer.",
            Status.RUNNING: "",
            Status.PAUSED: f"Paused after {done}.",
            Status.FINISHED: f"Finished {done}. Run goes on from here, Reset starts again.",
            Status.FAILED: f"Stopped after {done}.",
        }[self.status]
