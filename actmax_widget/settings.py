"""Everything a person can set about a run, and how it is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

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
