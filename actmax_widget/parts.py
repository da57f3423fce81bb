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
import functools
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

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

    if TYPE_CHECKING:
        # The numbers that a class declares, in their order or by name: checkers know no defaults that come first.
        def __init__(self, *arguments: Any, **numbers: Any) -> None: ...

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Note what it is made with: by that it is written down, see :mod:`actmax_widget.export.written`."""
        one = super().__new__(cls)
        vars(one)["_made_with"] = arguments, options
        return one

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        kind: Any = cls  # a dataclass, or one that will be
        own = vars(cls)
        fields = [name for name, value in own.items() if isinstance(value, dataclasses.Field)]
        for name in fields:
            if callable(getattr(super(cls, cls), name, None)):
                advice = f"{cls.__name__}.{name} is a method of every part of this kind. Call it otherwise."
                raise invalid(cls.__name__, "another name for a number", name, advice, TypeError)
        if fields:
            cls.__annotations__ = _arguments(kind, fields)
            written = _has_written_init(cls)
            if written and "__init__" not in own:
                kind.__init__ = _with_numbers(kind.__init__, fields)
            dataclasses.dataclass(kind, init=not written, eq=False, repr=False)
        if dataclasses.is_dataclass(kind):
            parameters_of(cls)  # kept from now on, should somebody decorate the class once more
        if "name" not in own and cls.name in {"", *(base.__name__ for base in cls.__mro__)}:
            cls.name = cls.__name__

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise invalid("name", "a text", self.name, f"Pass e.g. name={type(self).name!r}.", TypeError)
        self.name = self.name or type(self).name
        for name, parameter in declared(self).items():
            setattr(self, name, parameter.renamed(f"{self.name}.{name}").check(getattr(self, name)))

    def __repr__(self) -> str:
        # In a compiled step they are tensors.
        numbers = self.numbers().items()
        given = [
            f"{name}={value:g}" if isinstance(value, int | float) else f"{name}={value}" for name, value in numbers
        ]
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
        vars(other).setdefault("_origin", self)
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
        return (type(self), *shape(self).items())


def _arguments(kind: Any, numbers: Sequence[str]) -> dict[str, Any]:
    """The annotations that make the arguments of a part, those without a default first.

    What is declared without a type is a number's. What a base class has an attribute for, such as ``unit`` of a
    transform, says of what kind a part is and is no argument, typed or not.
    """
    own, typed = vars(kind), vars(kind).get("__annotations__", {})
    arguments = {one.name for one in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
    inherited = {name for base in kind.__mro__[1:] for name in vars(base)} - arguments
    named = [*(name for name in typed if name not in own), *(name for name in own if name in {*typed, *numbers})]
    # A name is given by keyword, also where a class says its type.
    return {
        name: typed.get(name, "float")
        for name in named
        if name in numbers or (name not in inherited and name != "name")
    }


def _has_written_init(cls: type) -> bool:
    """Whether somebody wrote the ``__init__`` of a class, or of the one it has it from; dataclasses make one else."""
    origin = next(base for base in cls.__mro__ if "__init__" in vars(base))
    made = vars(origin).get("__dataclass_params__")
    return origin is not object and not (made and made.init)


def _with_numbers(written: Callable[..., None], names: Iterable[str]) -> Callable[..., None]:
    """An ``__init__`` that takes a subclass's numbers by name, and leaves the rest to the one that was written."""

    @functools.wraps(written)
    def init(self: Part, *args: Any, **options: Any) -> None:
        given = {name: options.pop(name) for name in names if name in options}
        for name, value in given.items():
            setattr(self, name, declared(self)[name].check(value))
        written(self, *args, **options)

    return init


def shape(part: Part) -> dict[str, Any]:
    """A part's attributes that shape its graph: all but its name and the numbers that may change."""
    changing = {"name", "_origin", "_made_with", *live(part)}
    return {name: value for name, value in vars(part).items() if name not in changing}


def origin(part: Part) -> Part:
    """The part that a person made, of which this may be a copy under another name, or with its layer found."""
    found: Part = vars(part).get("_origin", part)
    return found


def alike(one: Any, other: Any) -> bool:
    """Whether two values, or parts, or tuples of them, come to the same thing but for numbers that may change."""
    if isinstance(one, Part) and isinstance(other, Part):
        return type(one) is type(other) and alike(shape(one), shape(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(value, other[name]) for name, value in one.items())
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(np.array_equal(one, other)) if isinstance(one, np.ndarray) else bool(one is other or one == other)


def is_users(part: Part) -> bool:
    """Whether a user wrote it, or what it does, so that nobody knows what that is."""
    return part.signature() is None or type(part).__module__.split(".", maxsplit=1)[0] != __package__


def declared(part: Part) -> dict[str, Parameter]:
    """All that a part's class declares, by name."""
    return parameters_of(type(part)) if dataclasses.is_dataclass(part) else {}


def live(part: Part) -> dict[str, Parameter]:
    """The numbers that may change during a run; the others shape the graph."""
    return {name: one for name, one in declared(part).items() if COMPILE not in one.takes_effect}
