"""What of the instrument a lesson shows: the widget's ``ui``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from actmax_widget.checks import invalid, near
from actmax_widget.parameters import parameters_of
from actmax_widget.settings import Settings
from actmax_widget.view.messages import Ui

PARTS = (
    *("status", "target", "picture", "measured", "zoom", "save", "smooth", "best"),
    *("buttons", "run", "pause", "step", "reset", "rewind", "branch", "progress"),
    *("recipe", "defaults", "parametrization", "optimizer", "transforms"),
    *("weights", "knobs", "settings", "tiles", "table", "chart", "film", "lines", "network", "keys", "pins"),
    *("notes", "score", "examples", "quiz"),
)
"""What may be hidden besides single controls; the page knows its elements by these names."""
EXAMPLE = 'Pass e.g. ui={"hide": ["table", "tv_weight"], "title": "What is a three?"}.'


def check_ui(value: Any, settings: Settings) -> dict[str, Any]:
    """What a person passed as ``ui``, checked: a dict of its own.

    Args:
        value: a mapping with any of ``hide``, ``title`` and ``text``; None is an empty one.
        settings: the present ones, whose parts have numbers that may be hidden.

    Raises:
        TypeError: no mapping, no names, no text.
        ValueError: a key or a name that there is not.

    Example:
        >>> check_ui({"hide": ["table"], "title": "A three"}, Settings(layer="out"))
        {'hide': ['table'], 'title': 'A three'}
    """
    if not isinstance(value, Mapping | None):
        raise invalid("ui", "a dict", value, EXAMPLE, TypeError)
    known = [field.name for field in dataclasses.fields(Ui)]
    found: dict[str, Any] = {}
    for key, own in (value or {}).items():
        if key not in known:
            raise invalid("ui", f"keys of {', '.join(known)}", key, f"{near(str(key), known)} {EXAMPLE}".lstrip())
        found[key] = _names(own, settings) if key == "hide" else _text(key, own)
    return found


def known_ui(value: Mapping[str, Any], settings: Settings) -> tuple[dict[str, Any], list[str]]:
    """What of the ``ui`` of a file there is here, and the names of what there is not; see :func:`check_ui`."""
    keys, names = {field.name for field in dataclasses.fields(Ui)}, names_to_hide(settings)
    found, left = {key: own for key, own in value.items() if key in keys}, [key for key in value if key not in keys]
    if isinstance(hidden := found.get("hide"), list):
        found["hide"] = [name for name in hidden if name in names]
        left += [str(name) for name in hidden if name not in names]
    return found, left


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise invalid("ui", f"a text as {key!r}", value, EXAMPLE, TypeError)
    return value


def _names(value: Any, settings: Settings) -> list[str]:
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        raise invalid("ui", "a list of names as 'hide'", value, EXAMPLE, TypeError)
    known = names_to_hide(settings)
    for name in value:
        if name not in known:
            advice = f"{near(str(name), known)} There are: {', '.join(known)}.".lstrip()
            raise invalid("ui", "names of what can be hidden", name, advice)
    aliases = {address: one.alias for address, one in settings.numbers().items() if one.alias}
    asked = {aliases.get(name, name) for name in value}  # its slider has the setting's name
    return [name for name in known if name in asked]


def names_to_hide(settings: Settings) -> list[str]:
    """All that can be hidden: parts of the instrument, parameters, numbers of the parts, and parts with theirs."""
    controls = [name for name, parameter in parameters_of(Settings).items() if parameter.control]
    addresses = list(settings.numbers())
    parts = [address.rpartition(".")[0] for address in addresses]
    return list(dict.fromkeys([*PARTS, *controls, *addresses, *parts]))
