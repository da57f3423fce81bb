"""Settings and parts in writing: as JSON, which can be read back, and as Python.

A part is written by its class and what it was made with, and what was set of it since; so one that a user wrote is
written as ours are. What has no name that another process could look up, such as a lambda, is refused.

A description is what JSON knows: a number, a text, a list, or a mapping whose first key says what it stands for.
"""

from __future__ import annotations

import base64
import io
import json
import math
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from actmax_widget import losses, optimizers, parametrizations, regularizers, transforms
from actmax_widget.checks import invalid
from actmax_widget.losses import Sum
from actmax_widget.parts import Part, declared

OURS = {
    module.__name__.rpartition(".")[2]: module
    for module in (losses, optimizers, parametrizations, regularizers, transforms)
}
"""Modules whose classes are written without where they come from."""
Tree = Any
Own = Mapping[str, Any]


def described(value: Any, what: str) -> Tree:
    """A value as a description.

    Args:
        value: of a setting.
        what: the setting, for errors.

    Raises:
        ValueError: something of it has no name, or is of a kind that cannot be written.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    for kinds, describe in _DESCRIPTIONS:
        if isinstance(value, kinds):
            return describe(value, what)
    if callable(value):
        return {"function": _address(value, what)}
    advice = "Leave it out, or pass numbers, arrays, names or functions that a module defines."
    raise invalid(what, "what can be written to a file", type(value).__name__, advice)


def read(tree: Tree, own: Own) -> Any:
    """The value of a description; lists become tuples.

    Args:
        tree: what :func:`described` gave.
        own: classes and functions by name, which are looked for here first.

    Raises:
        ValueError: it is none, or names what there is not.
    """
    if isinstance(tree, list):
        return tuple(read(one, own) for one in tree)
    if not isinstance(tree, dict):
        return tree
    kind = next(iter(tree), "")
    if kind not in _READERS:
        raise invalid("run file", "what this version writes", kind, "Write it anew with this version of actmax_widget.")
    return _READERS[kind](tree, own)


def source(tree: Tree) -> str:
    """A description as a Python expression; :func:`imports_of` tells what it needs.

    Example:
        >>> source(described(transforms.Jitter(8), "transforms"))
        'transforms.Jitter(8)'
    """
    if isinstance(tree, list):
        inside = ", ".join(map(source, tree))
        return f"({inside},)" if len(tree) == 1 else f"({inside})"
    if isinstance(tree, str):
        return json.dumps(tree, ensure_ascii=False)
    return _SOURCES[next(iter(tree))](tree) if isinstance(tree, dict) else repr(tree)


def imports_of(tree: Tree) -> set[str]:
    """The lines that import what the expression of a description names."""
    if isinstance(tree, list):
        return set().union(*map(imports_of, tree))
    if not isinstance(tree, dict):
        return set()
    kind = next(iter(tree))
    lines = {"array": f"from {__name__} import unpacked", "keras": "import keras"}
    if kind in lines:
        return {lines[kind]}
    inside: list[Tree] = [*tree.get("arguments", []), *tree.get("options", {}).values()]
    if kind in {"function", "part"}:
        module, _, _ = tree[kind].rpartition(":")
        line = f"import {module}" if module else f"from actmax_widget import {tree[kind].partition('.')[0]}"
        return ({line} - {"import __main__"}).union(*map(imports_of, inside))
    inside = [*tree[kind].values()] if kind == "mapping" else tree[kind] if kind == "sum" else []
    return set().union(*map(imports_of, inside))


def unpacked(text: str) -> np.ndarray:
    """The array that a text holds, as code that was copied has it."""
    array: np.ndarray = np.load(io.BytesIO(zlib.decompress(base64.b64decode(text))), allow_pickle=False)
    array.flags.writeable = False
    return array


# --- descriptions -----------------------------------------------------------------------------------------------------


def _number(value: float, _: str) -> Tree:
    return value if math.isfinite(value) else {"number": str(value)}


def _part(part: Part, what: str) -> Tree:
    arguments, options = vars(part)["_made_with"]
    made = type(part)(*arguments, **options)
    changed = {name: getattr(part, name) for name in declared(part) if getattr(part, name) != getattr(made, name)}
    if part.name != made.name:
        changed["name"] = part.name
    told = {
        "part": _address(type(part), what),
        "arguments": described(arguments, what),
        "options": {name: described(one, what) for name, one in options.items()},
        "changed": {name: described(one, what) for name, one in changed.items()},
    }
    return {name: one for name, one in told.items() if one}


def _layer(layer: keras.Layer, what: str) -> Tree:
    if layer.weights or isinstance(layer, keras.layers.Lambda):
        kind = "Lambda" if isinstance(layer, keras.layers.Lambda) else f"{type(layer).__name__} with weights"
        advice = "Pass (mean, standard deviation), or a function that a module defines."
        raise invalid(what, "layers that their configuration tells whole", kind, advice)
    return {"keras": keras.saving.serialize_keras_object(layer)}


def _array(array: np.ndarray, what: str) -> Tree:
    if array.dtype.kind not in "biuf":
        raise invalid(what, "arrays of numbers", f"one of type {array.dtype}", "Convert it by array.astype(float).")
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(array), allow_pickle=False)
    return {"array": base64.b64encode(zlib.compress(file.getvalue(), 9)).decode()}


_DESCRIPTIONS: tuple[tuple[Any, Callable[[Any, str], Tree]], ...] = (
    (float, _number),
    (Part, _part),
    (Sum, lambda value, what: {"sum": [[described(loss, what), weight] for loss, weight in value]}),
    (np.ndarray, _array),
    (Mapping, lambda value, what: {"mapping": {str(name): described(one, what) for name, one in value.items()}}),
    (keras.Layer, _layer),
    (Sequence, lambda value, what: [described(one, what) for one in value]),
)


# --- values -----------------------------------------------------------------------------------------------------------


def _read_part(tree: Tree, own: Own) -> Part:
    options, changed = ({name: read(one, own) for name, one in tree.get(key, {}).items()} for key in _NAMED)
    kind = _found(tree["part"], own)
    if not (isinstance(kind, type) and issubclass(kind, Part)):
        raise invalid(
            "run file", "parts: losses, transforms and the like", tree["part"], "It is damaged, or no run file."
        )
    made = kind(*read(tree.get("arguments", []), own), **options)
    if changed:
        made = made.bound(changed)
        vars(made).pop("_origin", None)
    return made


_NAMED = ("options", "changed")
_READERS: dict[str, Callable[[Tree, Own], Any]] = {
    "number": lambda tree, _: float(tree["number"]),
    "part": _read_part,
    "sum": lambda tree, own: Sum((read(loss, own), weight) for loss, weight in tree["sum"]),
    "array": lambda tree, _: unpacked(tree["array"]),
    "mapping": lambda tree, own: {name: read(one, own) for name, one in tree["mapping"].items()},
    "keras": lambda tree, _: keras.saving.deserialize_keras_object(tree["keras"]),
    "function": lambda tree, own: _found(tree["function"], own),
}


# --- expressions ------------------------------------------------------------------------------------------------------


def _call(tree: Tree) -> str:
    given = [source(one) for one in tree.get("arguments", [])]
    given += [f"{name}={source(one)}" for name, one in tree.get("options", {}).items()]
    made = f"{_name(tree['part'])}({', '.join(given)})"
    return f"{made}.bound({_mapping(tree['changed'])})" if "changed" in tree else made


def _mapping(values: Mapping[str, Tree]) -> str:
    return "{" + ", ".join(f"{source(name)}: {source(one)}" for name, one in values.items()) + "}"


def _name(address: str) -> str:
    """As it is written in Python."""
    module, _, name = address.rpartition(":")
    if not module:
        return address
    return name if module == "__main__" else f"{module}.{name}"


_SOURCES: dict[str, Callable[[Tree], str]] = {
    "number": lambda tree: f'float("{tree["number"]}")',
    "part": _call,
    "sum": lambda tree: "[" + ", ".join(f"({source(loss)}, {weight!r})" for loss, weight in tree["sum"]) + "]",
    "array": lambda tree: f'unpacked("{tree["array"]}")',
    "mapping": lambda tree: _mapping(tree["mapping"]),
    "keras": lambda tree: f"keras.saving.deserialize_keras_object({tree['keras']!r})",
    "function": lambda tree: _name(tree["function"]),
}


# --- names ------------------------------------------------------------------------------------------------------------


def _address(value: Any, what: str) -> str:
    """Where another process finds a class or function: ``losses.Direction``, ``module:name``."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None) or ""
    for short, ours in OURS.items():
        if module == ours.__name__ and getattr(ours, name, None) is value:
            return f"{short}.{name}"
    if not module or _inside(sys.modules.get(module), name) is not value:
        advice = "Define functions and classes of your own by def and class at the top of a module or notebook."
        raise invalid(what, "functions and classes that have a name", value, advice)
    return f"{module}:{name}"


def _found(address: str, own: Own) -> Any:
    module, _, name = address.rpartition(":")
    short = name if module else name.rpartition(".")[2]
    if short in own:
        return own[short]
    # A file that somebody sends imports nothing, and gets nothing of the system's: what it names is there already.
    apart = module.partition(".")[0] in sys.stdlib_module_names - {"__main__"}
    holder = None if apart else sys.modules.get(module) if module else OURS.get(name.partition(".")[0])
    found = _inside(holder, short)
    if module and getattr(found, "__module__", None) != module:
        found = None  # what a module has imported is not its own
    if found is None:
        expected = f"a file whose classes and functions are there: {short} of {module or 'actmax_widget'} is not"
        advice = f"Import {module or 'it'} before, or pass own={{{short!r}: {short}}}."
        raise invalid("run file", expected, None, advice)
    return found


def _inside(holder: Any, name: str) -> Any:
    for one in name.split("."):
        holder = getattr(holder, one, None)
    return holder
