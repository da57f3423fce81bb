"""The parts that a person may choose in the page, and what the page is told of those present."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from actmax_widget import grad_modifiers, optimizers, parametrizations, transforms
from actmax_widget.checks import invalid, near
from actmax_widget.composition import EVERY_ALIAS, OF_TARGET
from actmax_widget.parts import Part
from actmax_widget.settings import Settings
from actmax_widget.transforms import Transform
from actmax_widget.view.messages import PartChoice, PartsFacts, content, control_of

BUILT_IN: Mapping[str, Mapping[str, Any]] = {
    "parametrization": {kind.__name__: kind for kind in parametrizations.BUILT_IN.values()},
    "optimizer": {kind.__name__: kind for kind in optimizers.BUILT_IN.values()},
    "transforms": {kind.__name__: kind for kind in transforms.BUILT_IN.values()},
}
"""What is offered, by family and name."""


class Choices:
    """What one widget offers: the built-in parts, and those that it was ever given, which a person may go back to."""

    def __init__(self) -> None:
        self._own: dict[str, dict[str, Part]] = {family: {} for family in BUILT_IN}
        self._modifiers: dict[str, Any] = {}

    def facts(self, settings: Settings) -> dict[str, Any]:
        """What the page is told of the present parts: facts by name."""
        self._note("parametrization", [settings.parametrization])
        self._note("optimizer", [settings.optimizer])
        self._note("transforms", settings.transforms)
        numbers = settings.numbers()
        controls = [
            control_of(one.parameter, name=address, group=address.rpartition(".")[0])
            for address, one in numbers.items()
            if not one.alias
        ]
        objective = settings.objective
        parts = PartsFacts(
            parametrization=settings.parametrization.name,
            optimizer=settings.optimizer.name,
            transforms=[one.name for one in settings.transforms],
            terms=[] if objective is None else list(objective.names),
            parametrizations=self._offered("parametrization"),
            optimizers=self._offered("optimizer"),
            transform_choices=self._offered("transforms"),
        )
        target = OF_TARGET if objective is not None else ()
        return {
            "knob_controls": controls,
            "absent": [*target, *numbers.absent(sorted(EVERY_ALIAS))],
            "parts": content(parts),
            "grad_modifiers": self._modifiers_of(settings.grad_modifier),
        }

    def chosen(self, family: str, name: str) -> Part:
        """The part of a name; raises a ValueError if there is none."""
        own, built_in = self._own[family], BUILT_IN[family]
        if name in own:
            return own[name]
        if name not in built_in:
            advice = f"{near(name, built_in)} Choose one from the list.".lstrip()
            raise invalid(family, f"one of {', '.join({**built_in, **own})}", name, advice)
        return built_in[name]()

    def added(self, present: tuple[Transform, ...], name: str) -> list[Part]:
        """The transforms, and another one after them."""
        return [*present, self.chosen("transforms", name)]

    def without(self, present: tuple[Transform, ...], name: str) -> list[Part]:
        """The transforms but for one."""
        return [one for one in present if one.name != name]

    def _note(self, family: str, parts: Iterable[Part]) -> None:
        self._own[family] |= {part.name: part for part in parts}

    def _offered(self, family: str) -> list[Any]:
        kinds = {**BUILT_IN[family], **{name: type(part) for name, part in self._own[family].items()}}
        return [content(PartChoice(value=name, label=name, help=_said(kind))) for name, kind in kinds.items()]

    def _modifiers_of(self, present: Any) -> list[str]:
        if callable(present):
            self._modifiers[getattr(present, "__name__", type(present).__name__)] = present
        return [*grad_modifiers.BUILT_IN, *self._modifiers]

    def modifier(self, name: Any) -> Any:
        """A gradient modifier as it is set from the page: a function that the widget was given goes by its name."""
        return self._modifiers.get(name, name) if isinstance(name, str) else name


def _said(kind: type) -> str:
    """The first paragraph of a class's own docstring, without markup."""
    text = inspect.cleandoc(vars(kind).get("__doc__") or "").split("\n\n")[0]
    return " ".join(text.replace("``", "").replace(":class:", "").replace("`", "").split())
