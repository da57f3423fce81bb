"""The sentences bad input is refused with: argument, what was expected, what came, what to do next.

Whoever writes Python reads all of it; whoever typed into a field of the widget reads :func:`in_words`.
"""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

MAX_SEED = 2**32 - 1
"""The largest random state NumPy takes."""

WORDS = (
    ("an integer, a sequence of integers or None", "a whole number, several of them, or nothing"),
    ("an integer, a sequence of 1 to 3 integers or None", "a whole number for each side, or nothing"),
    ("an integer", "a whole number"),
    ("finite number", "number"),
    (" (low, high), low < high", ", the lower one first"),
    (" >= ", " of at least "),
    (" <= ", " of at most "),
    (" > ", " above "),
    ("None or ", ""),
)
"""How what was expected is said in Python, and to a person."""


def invalid(name: str, expected: str, received: Any, advice: str = "", kind: type[Exception] = ValueError) -> Exception:
    """The error for a bad argument: its name, what was expected, what came, what to do next."""
    shown = repr(received)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    error = kind(f"{name}: expected {expected}, received {shown} ({type(received).__name__}). {advice}".rstrip())
    vars(error)["parts"] = expected, "" if received is None else f", not {shown}"
    return error


def saying(error: Exception, sentence: str) -> Exception:
    """The same error, with what a person reads in the page: for what no argument is at fault."""
    vars(error)["sentence"] = sentence
    return error


def in_words(error: Exception) -> str:
    """Give the sentence for the field that was refused: no argument's name, no code; its own, where it has one.

    Example:
        >>> in_words(invalid("learning_rate", "a finite number > 0", -1, "Pass e.g. learning_rate=1."))
        'This must be a number above 0, not -1.'
    """
    expected, received = vars(error).get("parts", ("", ""))
    if "sentence" in vars(error):
        return str(vars(error)["sentence"])
    if not expected:
        return str(error)
    for code, words in WORDS:
        expected = expected.replace(code, words)
    return f"This must be {expected}{received}."


def check_number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    advice: str = "",
) -> float:
    """Return ``value`` as a finite float, or raise.

    Args:
        name: the argument's name, for the error.
        value: a Python or NumPy number.
        above: the value must be greater than this.
        least: the value must not be smaller than this.
        most: the value must not be greater than this.
        advice: the next move, for the error.

    Raises:
        TypeError: not a real number.
        ValueError: not finite or out of bounds.
    """
    expected = f"a finite number{bounds(above, least, most)}"
    if isinstance(value, str | bytes | bool) or np.ndim(value) != 0:
        raise invalid(name, expected, value, advice, TypeError)
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise invalid(name, expected, value, advice, TypeError) from None
    low, high = -math.inf if least is None else least, math.inf if most is None else most
    if not math.isfinite(number) or (above is not None and number <= above) or not low <= number <= high:
        raise invalid(name, expected, value, advice)
    return number


def near(name: str, names: Iterable[str]) -> str:
    """``"Did you mean 'conv1'?"``, for a name that there is not; empty if none comes near."""
    found = difflib.get_close_matches(name, list(names), 1)
    return f"Did you mean {found[0]!r}?" if found else ""


def bounds(above: float | None, least: float | None, most: float | None) -> str:
    """The bounds of a number in words, to follow its type; empty without any."""
    if least is not None and most is not None:
        return f" from {least:.15g} to {most:.15g}"
    ends = [(" > ", above), (" >= ", least), (" <= ", most)]
    return " and".join(f"{sign}{end:.15g}" for sign, end in ends if end is not None)


def check_integer(name: str, value: Any, *, least: int, most: int | None = None, advice: str = "") -> int:
    """Return ``value`` as an int between ``least`` and ``most``, or raise (see :func:`check_number`)."""
    expected = f"an integer >= {least}" if most is None else f"an integer from {least} to {most}"
    if isinstance(value, bool):
        raise invalid(name, expected, value, advice, TypeError)
    try:
        number = operator.index(value)
    except TypeError:
        raise invalid(name, expected, value, advice, TypeError) from None
    if number < least or (most is not None and number > most):
        raise invalid(name, expected, value, advice)
    return number


def check_choice(name: str, value: Any, choices: Iterable[str], *, optional: bool = False, advice: str = "") -> str:
    """Return ``value`` if it is one of ``choices``, or raise; ``optional`` says that None would be taken, too."""
    names = tuple(choices)
    expected = f"one of {', '.join(names)}"
    if not isinstance(value, str):
        raise invalid(name, f"None or {expected}" if optional else expected, value, advice, TypeError)
    if value not in names:
        raise invalid(name, expected, value, f"{near(value, names)} {advice}".strip())
    return value


def check_flag(name: str, value: Any, *, advice: str = "") -> bool:
    """Return True or False, or raise."""
    if not isinstance(value, bool | np.bool_):
        raise invalid(name, "True or False", value, advice, TypeError)
    return bool(value)


def check_range(value: Any, *, reverse: bool = False, name: str = "input_range") -> tuple[float, float]:
    """Return an interval as ``(low, high)``, the numbers kept as they came (ints matter to keras-vis).

    With ``reverse`` low may be above high, which inverts a picture.
    """
    expected = f"two finite numbers (low, high), {'not equal' if reverse else 'low < high'}"
    advice = f"Pass e.g. {name}=(0, 255)."
    if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray):
        raise invalid(name, expected, value, advice, TypeError)
    if len(value) != 2:
        raise invalid(name, expected, value, advice)
    low, high = (check_number(name, end, advice=advice) for end in value)
    if low == high or (low > high and not reverse):
        raise invalid(name, expected, value, advice)
    return value[0], value[1]


def check_seed(value: Any) -> int:
    """Return ``value`` as an integer from 0 to 2**32 - 1, or raise."""
    return check_integer("seed", value, least=0, most=MAX_SEED, advice="Pass e.g. seed=0.")


def asked(name: str, ask: Callable[[], Any], expected: str, advice: str) -> Any:
    """What a user's part returns; a TypeError if it takes a tensor for an array.

    Args:
        name: of the part.
        ask: asks it.
        expected: to return what.
        advice: what to do next.
    """
    try:
        return ask()
    except NotImplementedError as error:  # which is what TensorFlow raises where an array is made of a tensor
        if "numpy" not in str(error):
            raise
        raise invalid(name, expected, "NumPy functions", advice, TypeError) from error


def check_sequence(name: str, value: Any, kind: type, advice: str) -> list[Any]:
    """A list of objects of one kind, or of any that have its methods; None is none."""
    if value is None:
        return []
    expected = f"a sequence of {kind.__name__} objects"
    if not isinstance(value, list | tuple):
        raise invalid(name, expected, value, advice, TypeError)
    methods = [name for name, value in vars(kind).items() if callable(value) and not name.startswith("_")]
    for entry in value:
        if not all(hasattr(entry, method) for method in methods):
            raise invalid(name, expected, entry, advice, TypeError)
    return list(value)


def listify(value: Any) -> list[Any]:
    """Return a list of a list, tuple, range or array; anything else, ``None`` too, becomes a list of one."""
    if isinstance(value, list | tuple | range):
        return list(value)
    if isinstance(value, np.ndarray) and value.ndim:
        return list(value)
    return [value]
