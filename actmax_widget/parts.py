"""What a person composes a run of: parts, which declare their own numbers.

A loss, a regularizer, a transform, a parametrization and an optimizer are parts. The numbers of one are declared in its
class by :func:`~actmax_widget.parameters.number` and the like, and the class becomes a dataclass by that. Inside of a
compiled step these attributes are tensors (:meth:`Part.bound`): to change a number compiles nothing, and a slider for
it follows from the declaration.

Example:
    >>> class Fade(transforms.Transform):
    ...     share: float = number(0.5, least=0, most=1, top=1, help="How much of the picture is left.")
    ...     def __call__(self, image, random):
    ...         return image * self.share
    >>> Fade(share=0.2).numbers()
    {'share': 0.2}
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Self

from actmax_widget.checks import invalid
from actmax_widget.parameters import COMPILE, Parameter, parameters_of


@dataclasses.dataclass(eq=False, repr=False)
class Part:
    """Base class of all parts.

    Attributes:
        name: what a person knows it by: its numbers are addressed ``name.number``. That of the class, unless a class,
            the keyword ``name`` or ``named()`` gives another.
    """

    name: str = dataclasses.field(default="", kw_only=True)

    if TYPE_CHECKING:  # no checker sees that a class which declares numbers takes them as arguments

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = vars(cls)
        fields = [name for name, value in own.items() if isinstance(value, dataclasses.Field)]
        if fields:
            # Declared without a type it is a number's. A name is given by keyword, also where a class says its type.
            typed = {name: kind for name, kind in own.get("__annotations__", {}).items() if name != "name"}
            cls.__annotations__ = dict.fromkeys(fields, "float") | typed
            dataclasses.dataclass(cls, init="__init__" not in own, eq=False, repr=False)
        if dataclasses.is_dataclass(cls):
            parameters_of(cls)  # kept from now on, should somebody decorate the class once more
        if "name" not in own and cls.name in {"", *(base.__name__ for base in cls.__mro__)}:
            cls.name = cls.__name__

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise invalid("name", "a text", self.name, f"Pass e.g. name={type(self).name!r}.", TypeError)
        self.name = self.name or type(self).name
        for name, parameter in declared(self).items():
            known = dataclasses.replace(parameter, name=f"{self.name}.{name}")
            setattr(self, name, known.check(getattr(self, name)))

    def __repr__(self) -> str:
        given = [f"{name}={value:g}" for name, value in self.numbers().items()]
        return f"{type(self).__name__}({', '.join(given)})"

    def named(self, name: str) -> Self:
        """The same part under another name."""
        return self.bound({"name": name})

    def numbers(self) -> dict[str, float]:
        """The numbers that may change during a run, by name."""
        return {name: getattr(self, name) for name in live(self)}

    def bound(self, values: Mapping[str, Any]) -> Self:
        """A copy with other attributes: in a compiled step, tensors in the place of its numbers."""
        other = copy.copy(self)
        for name, value in values.items():
            setattr(other, name, value)
        return other

    def signature(self) -> Hashable | None:
        """What shapes its graph, its numbers excepted: parts with the same signature can share a compiled step.

        None: nobody knows, so it is shared with nothing but itself. That is so for what a user wrote, unless it says
        otherwise.
        """
        if type(self).__module__.split(".", maxsplit=1)[0] != __package__:
            return None
        changing = {"name", *live(self)}
        return (type(self), *((name, value) for name, value in vars(self).items() if name not in changing))


def declared(part: Part) -> dict[str, Parameter]:
    """All that a part's class declares, by name."""
    return parameters_of(type(part)) if dataclasses.is_dataclass(part) else {}


def live(part: Part) -> dict[str, Parameter]:
    """The numbers that may change during a run; the others shape the graph."""
    return {name: one for name, one in declared(part).items() if COMPILE not in one.takes_effect}
