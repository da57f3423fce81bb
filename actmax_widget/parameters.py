"""A parameter is declared once, as a dataclass field; check, control, trait and documentation follow from that.

A declaration is a field made by :func:`number`, :func:`integer`, :func:`shift`, :func:`choice`, :func:`flag`,
:func:`interval`, :func:`seed`, :func:`layer_name`, :func:`filters`, :func:`position` or :func:`picture`. Its metadata
holds a :class:`Parameter`, which :func:`parameters_of` reads back with name and default. Any frozen dataclass may
declare some.

Example:
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Blur:
    ...     sigma: float = number(1.0, least=0, top=10, label="Blur", help="Width of the blur.")
    >>> parameters_of(Blur)["sigma"].check(-1)
    Traceback (most recent call last):
    ValueError: sigma: expected a finite number >= 0, received -1 (int). Pass e.g. sigma=1.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import textwrap
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np

from actmax_widget.checks import (
    MAX_SEED,
    bounds,
    check_choice,
    check_flag,
    check_integer,
    check_number,
    check_range,
    invalid,
)

Kind = Literal[
    "number", "integer", "shift", "choice", "flag", "interval", "layer", "filters", "position", "picture", "part"
]
Scale = Literal["growing", "linear"]
Control = Literal["slider", "field", "select", "checkbox", "interval", "layer", "filters", "position", "picture"]
OWN_CONTROL: dict[Kind, Control] = {
    "flag": "checkbox",
    "interval": "interval",
    "layer": "layer",
    "filters": "filters",
    "position": "position",
    "picture": "picture",
}
Documented = TypeVar("Documented", bound=Callable[..., Any])

WIDTH = 120
"""Columns of a docstring's line."""


class Effect(enum.Flag):
    """When a change takes effect, and on what."""

    STEP = enum.auto()
    """At the next step."""
    RUN = enum.auto()
    """At once: it is another optimization, which starts afresh."""
    COMPILE = enum.auto()
    """When another step is compiled."""
    START = enum.auto()
    """At the next fresh start."""


STEP, RUN, COMPILE, START = Effect.STEP, Effect.RUN, Effect.COMPILE, Effect.START


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """All that is known of a parameter.

    Attributes:
        kind: what its values are, which also says what controls it.
        judge: function of name and value that returns the checked value or raises; None need not be expected.
        default: of the field; :data:`dataclasses.MISSING` without.
        name: of the field.
        label: what a person knows it by.
        help: what it does, and when to raise or lower it: one or two plain sentences without code.
        group: what it is shown with.
        folded: it is set once and seldom touched, so its control is out of the way until asked for.
        unit: of the number.
        above, least, most: bounds of the number, the first not itself allowed; None is none.
        bottom, top: ends of its slider, where there is one; the number itself may go beyond.
        scale: "growing" starts at 0 and grows a hundredfold in the second half, and with a bottom below 0 to either
            side; "linear" goes evenly.
        choices: value -> what a person reads: all there are, or for a number those that are offered.
        sentences: value -> what choosing it means, where its name does not say it.
        none: what a person calls None; None is not allowed where this is None.
        takes_effect: when a change does.
        advice: what to do about a bad value.
        no_control: why the widget has no control for it; empty: it has.
    """

    kind: Kind
    judge: Callable[[str, Any], Any] = field(repr=False)
    default: Any
    name: str = ""
    label: str = ""
    help: str = ""
    group: str = ""
    folded: bool = False
    unit: str = ""
    above: float | None = None
    least: float | None = None
    most: float | None = None
    bottom: float | None = None
    top: float | None = None
    scale: Scale = "growing"
    choices: Mapping[Any, str] = field(default_factory=dict)
    sentences: Mapping[Any, str] = field(default_factory=dict)
    none: str | None = None
    takes_effect: Effect = STEP
    advice: str = ""
    no_control: str = ""

    def check(self, value: Any) -> Any:
        """Return the checked value; raises ValueError or TypeError with a full sentence."""
        if value is None and self.none is not None:
            return None
        return self.judge(self.name, value)

    def renamed(self, name: str) -> Parameter:
        """The same under another name."""
        return dataclasses.replace(self, name=name)

    @property
    def control(self) -> Control | Literal[""]:
        """What sets it: "slider", "field", "select", "checkbox", or its kind where that has its own; "" is nothing."""
        if self.no_control:
            return ""
        if self.kind in OWN_CONTROL:
            return OWN_CONTROL[self.kind]
        return "select" if self.choices else "field" if self.top is None else "slider"

    @property
    def type(self) -> str:
        """Its type in words: "float > 0 or None"."""
        words = {"number": "float", "integer": "int", "shift": "float", "choice": "str", "flag": "bool"}
        words |= {"interval": "(low, high)", "layer": "str", "filters": "int, several", "picture": "picture"}
        words |= {"position": "int, or one for each side", "part": "part"}
        return (
            words[self.kind] + bounds(self.above, self.least, self.most) + (" or None" if self.none is not None else "")
        )

    def said(self) -> str:
        """A line of documentation: name, type, default and help."""
        default = "" if self.default is dataclasses.MISSING else f", default {self.default!r}"
        choices = f" One of {_listed(map(repr, self.choices))}." if self.kind == "choice" else ""
        each = "".join(f" {value!r}: {sentence}" for value, sentence in self.sentences.items())
        none = f" None: {self.none}." if self.none not in {None, "none"} else ""
        return f"{self.name} ({self.type}{default}): {self.help}{choices}{each}{none}"


_FOUND: weakref.WeakKeyDictionary[type, dict[str, Parameter]] = weakref.WeakKeyDictionary()


def parameters_of(cls: type) -> dict[str, Parameter]:
    """Name -> parameter of a dataclass, in the order declared; fields that declare none are left out."""
    if cls not in _FOUND:
        _FOUND[cls] = {
            one.name: _known_as(one.name, one.metadata["parameter"])
            for one in dataclasses.fields(cls)
            if "parameter" in one.metadata
        }
    return _FOUND[cls]


def _known_as(name: str, parameter: Parameter) -> Parameter:
    """With the name of its field, which is also its label where none was given: a person reads it at the slider."""
    return dataclasses.replace(parameter, name=name, label=parameter.label or name.replace("_", " ").capitalize())


# --- declarations ---------------------------------------------------------------------------------------------------
# Each takes the default first, and by name what a Parameter has. They return Any, as dataclasses.field does in effect.


def number(
    default: Any = dataclasses.MISSING,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    choices: Iterable[float] = (),
    offered: str = "{:g}",
    **more: Any,
) -> Any:
    """A finite number.

    Args:
        default: of the field.
        above: it must be greater than this.
        least: it must not be smaller than this.
        most: it must not be greater than this.
        choices: numbers to offer in a list instead of a field; another one is taken all the same.
        offered: how one of them is written.
        **more: see :class:`Parameter`.
    """

    def judge(name: str, value: Any) -> float:
        advice = _advice(name, default, more)
        return check_number(name, value, above=above, least=least, most=most, advice=advice)

    listed = {choice: offered.format(choice) for choice in choices}
    return _declared("number", default, judge, above=above, least=least, most=most, choices=listed, **more)


def integer(default: Any = dataclasses.MISSING, *, least: int = -(2**31), most: int | None = None, **more: Any) -> Any:
    """A whole number from ``least`` to ``most``."""

    def judge(name: str, value: Any) -> int:
        return check_integer(name, value, least=least, most=most, advice=_advice(name, default, more))

    return _declared("integer", default, judge, least=least, most=most, **more)


def shift(default: Any = dataclasses.MISSING, **more: Any) -> Any:
    """A length in the picture: a fraction of its side below 1, pixels from 1 on. Its slider ends at a quarter of it."""

    def judge(name: str, value: Any) -> float:
        return check_number(name, value, least=0, advice=_advice(name, default, more))

    return _declared("shift", default, judge, least=0, **{"top": 8, **more})


def seed(default: Any = dataclasses.MISSING, **more: Any) -> Any:
    """A random state, as NumPy takes it."""
    return integer(default, least=0, most=MAX_SEED, **more)


def choice(
    default: Any = dataclasses.MISSING,
    choices: Mapping[str, str] | Iterable[str] = (),
    *,
    accepted: Iterable[str] = (),
    also: Callable[[Any], Any] | None = None,
    **more: Any,
) -> Any:
    """One of several names.

    Args:
        default: of the field.
        choices: the names, as a mapping with what a person reads for each.
        accepted: all names that are taken, where some are not worth offering.
        also: function that raises for what is neither one of the names nor taken besides, such as a function.
        **more: see :class:`Parameter`.
    """
    offered = dict(choices) if isinstance(choices, Mapping) else {name: name for name in choices}
    names = tuple(accepted) or tuple(offered)

    def judge(name: str, value: Any) -> Any:
        if also is not None and not isinstance(value, str):
            also(value)
            return value
        optional = more.get("none") is not None
        return check_choice(name, value, names, optional=optional, advice=_advice(name, default, more))

    return _declared("choice", default, judge, choices=offered, **more)


def flag(default: Any = dataclasses.MISSING, **more: Any) -> Any:
    """True or False."""

    def judge(name: str, value: Any) -> bool:
        return check_flag(name, value, advice=more.get("advice", ""))

    return _declared("flag", default, judge, **more)


def interval(default: Any = dataclasses.MISSING, **more: Any) -> Any:
    """Two finite numbers, the lower one first, kept as they came: ints matter to keras-vis."""

    def judge(name: str, value: Any) -> tuple[float, float]:
        return check_range(value, name=name)

    return _declared("interval", default, judge, **more)


def layer_name(default: Any = dataclasses.MISSING, **more: Any) -> Any:
    """The name of a layer; whether a model has it is for the model to say."""

    def judge(name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise invalid(name, "the name of a layer", value, more.get("advice", ""), TypeError)
        return value

    return _declared("layer", default, judge, **more)


def filters(default: Any = dataclasses.MISSING, **more: Any) -> Any:
    """Filters of a layer as a tuple of ints; whether it has them is for the layer to say."""

    def judge(name: str, value: Any) -> tuple[int, ...]:
        advice = f"Pass e.g. {name}=3, [3, 7] or None for all filters."
        if isinstance(value, str | bytes | dict | set):
            raise invalid(name, "an integer, a sequence of integers or None", value, advice, TypeError)
        entries = [value] if np.ndim(value) == 0 else list(value)
        if not entries:
            raise invalid(name, "at least one filter", value, advice)
        return tuple(check_integer(name, entry, least=-(2**31), advice=advice) for entry in entries)

    return _declared("filters", default, judge, **more)


def position(default: Any = None, **more: Any) -> Any:
    """A place in a layer's map as a tuple of 1 to 3 ints, negative from the end; whether it is there the layer says."""

    def judge(name: str, value: Any) -> tuple[int, ...]:
        expected = "an integer, a sequence of 1 to 3 integers or None"
        advice = f"Pass e.g. {name}=(3, 7), or None for the whole map."
        if isinstance(value, str | bytes | dict | set):
            raise invalid(name, expected, value, advice, TypeError)
        sides = [value] if np.ndim(value) == 0 else list(value)
        if not 1 <= len(sides) <= 3:
            raise invalid(name, expected, value, advice)
        return tuple(check_integer(name, side, least=-(2**31), advice=advice) for side in sides)

    return _declared("position", default, judge, **more)


def picture(default: Any = None, **more: Any) -> Any:
    """An array, kept as float32 that nobody writes to. Two are the same only if they are one object."""

    def judge(name: str, value: Any) -> np.ndarray:
        image = np.asarray(value)
        if image.dtype.kind not in "biuf":
            raise invalid(name, "a numeric array or None", value, "Pass e.g. a NumPy array of pixels.", TypeError)
        if image.dtype == np.float32 and not image.flags.writeable:
            return image  # checked before; the same object tells that it is the same picture
        image = image.astype(np.float32)
        image.flags.writeable = False
        return image

    return _declared("picture", default, judge, compare=False, **more)


def part(default: Any, judge: Callable[[Any], Any], **more: Any) -> Any:
    """A part, or several.

    Args:
        default: of the field.
        judge: function that returns what was given, checked, or raises.
        **more: see :class:`Parameter`.
    """
    return _declared("part", default, lambda _, value: judge(value), no_control="it is chosen by name", **more)


def _declared(kind: Kind, default: Any, judge: Callable[[str, Any], Any], *, compare: bool = True, **more: Any) -> Any:
    parameter = Parameter(kind=kind, judge=judge, default=default, **more)
    return field(default=default, repr=compare, compare=compare, metadata={"parameter": parameter})


def _advice(name: str, default: Any, more: Mapping[str, Any]) -> str:
    if "advice" in more or default is dataclasses.MISSING or default is None:
        return str(more.get("advice", ""))
    return f"Pass e.g. {name}={default:g}." if isinstance(default, float) else f"Pass e.g. {name}={default!r}."


# --- documentation --------------------------------------------------------------------------------------------------


def documented(cls: type) -> Callable[[Documented], Documented]:
    """Fill a docstring's placeholders in.

    ``{name}`` becomes the help of that parameter of ``cls``, and ``{parameters}`` a paragraph for each.
    """
    told = {name: parameter.help for name, parameter in parameters_of(cls).items()}
    return filled(told | {"parameters": [one.said() for one in parameters_of(cls).values()]})


def filled(told: Mapping[str, str | list[str]]) -> Callable[[Documented], Documented]:
    """Put text in the place of ``{name}``, or for a list, which has a line to itself, a paragraph for each."""
    names = re.compile("{(" + "|".join(told) + ")}")

    def fill(line: str) -> str:
        found = names.search(line)
        if not found:
            return line
        indent = " " * (len(line) - len(line.lstrip()))
        text = told[found[1]]
        paragraphs = text if isinstance(text, list) else [names.sub(lambda match: str(told[match[1]]), line.strip())]
        wrapped = textwrap.TextWrapper(
            WIDTH, initial_indent=indent, subsequent_indent=f"{indent}    ", break_on_hyphens=False
        )
        return "\n".join(wrapped.fill(one) for one in paragraphs)

    def decorate(target: Documented) -> Documented:
        # A long line of ours goes on in the next one, which is deeper by a level: together they are wrapped again.
        if target.__doc__:  # `python -OO` has none
            target.__doc__ = "\n".join(fill(line) for line in target.__doc__.split("\n"))
        return target

    return decorate


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
