"""The numbers of all parts of a run together, each under its address: ``part.number``.

``"Jitter.shift"`` is the shift of the transform of that name, ``"TV(2.0) Loss.weight"`` the weight of a term of the
objective. Some have a setting of their own, as keras-vis has it: its name is the number's *alias*.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from actmax_widget.checks import invalid, near
from actmax_widget.losses import ActivationMaximization, Sum
from actmax_widget.optimizers import Optimizer
from actmax_widget.parameters import Parameter, number
from actmax_widget.parametrizations import Parametrization
from actmax_widget.parts import Part, live
from actmax_widget.regularizers import LPNorm, TotalVariation
from actmax_widget.transforms import Jitter, Transform

ALIASES: Mapping[tuple[type, str], str] = {
    (ActivationMaximization, "weight"): "act_max_weight",
    (LPNorm, "weight"): "lp_norm_weight",
    (TotalVariation, "weight"): "tv_weight",
    (Jitter, "shift"): "jitter",
}
"""Numbers that have a setting of their own: of the first part of that type."""
OF_OPTIMIZER = "learning_rate"
TERMS = {"ActivationMax Loss": "act_max_weight", "L-6.0 Norm Loss": "lp_norm_weight", "TV(2.0) Loss": "tv_weight"}
"""keras-vis's three terms, which are minimised where there is no objective, and the settings of their weights."""
OF_TARGET = ("layer", "filter_indices", "position")
"""Settings that say what is maximised, where no objective does."""


@dataclass(frozen=True)
class Number:
    """A number of a part.

    Attributes:
        address: ``part.number``.
        parameter: its declaration, under its own name.
        part: the part; None for the terms of no objective, which are keras-vis's three.
        value: as the part has it.
        alias: the setting that it is; empty: it has none.
    """

    address: str
    parameter: Parameter
    part: Part | None
    value: float
    alias: str = ""


class Numbers(Mapping[str, Number]):
    """All numbers of some parts, by address.

    Args:
        objective: the weighted losses; None: keras-vis's three terms, whose weights are settings.
        parametrization: one.
        transforms: any.
        optimizer: one.
    """

    def __init__(
        self,
        objective: Sum | None,
        parametrization: Parametrization,
        transforms: Sequence[Transform],
        optimizer: Optimizer,
    ) -> None:
        self._found: dict[str, Number] = {}
        self._aliases: dict[str, str] = {}  # -> address
        for name, (loss, weight) in zip(objective.names, objective, strict=True) if objective is not None else ():
            self._add(name, loss, "weight", WEIGHT, weight)
            self._add_live(name, loss)
        for name, alias in TERMS.items() if objective is None else ():
            self._found[f"{name}.weight"] = Number(f"{name}.weight", WEIGHT, None, math.nan, alias)
            self._aliases[alias] = f"{name}.weight"
        terms = TERMS if objective is None else objective.names
        _check_names([*terms, *(part.name for part in (parametrization, *transforms, optimizer))])
        for part in (parametrization, *transforms, optimizer):
            self._add_live(part.name, part)

    def __getitem__(self, address: str) -> Number:
        return self._found[address]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @property
    def aliases(self) -> dict[str, float]:
        """Setting -> value, of the numbers that have one, as the parts have them."""
        return {one.alias: one.value for one in self._found.values() if one.alias and one.part is not None}

    def absent(self, names: Sequence[str]) -> list[str]:
        """Those of some settings that no part has a number for."""
        return [name for name in names if name in EVERY_ALIAS and name not in self._aliases]

    def find(self, address: str) -> Number:
        """The number of an address; raises a ValueError if there is none."""
        if address not in self._found:
            advice = f"{near(address, self._found)} The numbers are: {', '.join(self._found) or 'none'}."
            raise invalid("knobs", "addresses of numbers, part.number", address, advice.lstrip())
        return self._found[address]

    def _add_live(self, name: str, part: Part) -> None:
        for own, parameter in live(part).items():
            self._add(name, part, own, parameter, getattr(part, own))

    def _add(self, name: str, part: Part, own: str, parameter: Parameter, value: Any) -> None:
        alias = ALIASES.get((type(part), own), "")
        if isinstance(part, Optimizer) and own == OF_OPTIMIZER:
            alias = OF_OPTIMIZER
        alias = "" if alias in self._aliases else alias
        address = f"{name}.{own}"
        if alias:
            self._aliases[alias] = address
        self._found[address] = Number(address, parameter, part, value, alias)


def _check_names(names: Sequence[str]) -> None:
    """Raise a ValueError if one is given twice: its numbers could not be told apart."""
    for name in names:
        if names.count(name) > 1:
            advice = f'Give one of them another name, as in part.named("{name} 2").'
            raise invalid("parts", "parts of different names", name, advice)


EVERY_ALIAS = {*ALIASES.values(), OF_OPTIMIZER}
WANTED = {alias: kind.__name__ for (kind, _), alias in ALIASES.items()}
"""Alias -> the part that it is a number of; every optimizer has a learning rate."""


@dataclass(frozen=True)
class _Term:
    weight: float = number(
        1.0,
        bottom=-1000,
        top=1000,
        label="Weight",
        help="Weight of this term. Raise it to have more of what the term asks for, lower it to have less; below 0 it "
        "asks for the opposite.",
    )


WEIGHT = _Term.__dataclass_fields__["weight"].metadata["parameter"]
"""The declaration of a term's weight."""


def bound(part: Any, name: str, values: Mapping[str, float]) -> Any:
    """A part with those of its numbers that are given by address."""
    own = {one: values[f"{name}.{one}"] for one in live(part) if f"{name}.{one}" in values}
    return part.bound(own) if own else part
