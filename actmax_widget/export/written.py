"""Settings and parts in writing: as JSON, which can be read back, and as Python.

A part is written by its class and what it was made with, and the numbers that were set since; so one that a user wrote
is written as ours are. What has no name that another process could look up, a lambda or a layer without its model, is
refused by name.
"""

from __future__ import annotations

import base64
import importlib
import io
import json
import math
import sys
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from actmax_widget import losses, optimizers, parametrizations, regularizers, transforms
from actmax_widget.checks import invalid
from actmax_widget.losses import Sum
from actmax_widget.parts import Part, declared

OURS = {module.__name__.rpartition(".")[2]: module for module in (losses, optimizers, parametrizations, regularizers, transforms)}
"""Modules whose classes are written without where they come from."""
PLAIN = (type(None), bool, int, str)
Tree = Any
"""What JSON knows."""


def described(value: Any, what: str) -> Tree:
    """A value as what JSON knows.

    Args:
        value: of a setting.
        what: the setting, for errors.

    Raises:
        ValueError: something of it has no name, or is of a kind that cannot be written.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"number": str(value)}
    if isinstance(value, Part):
        return _part(value, what)
    if isinstance(value, Sum):
        return {"sum": [[described(loss, what), weight] for loss, weight in value]}
    if isinstance(value, np.ndarray):
        return {"array": _packed(value, what), "shape": [*value.shape], "type": str(value.dtype)}
    if isinstance(value, Mapping):
        return {"mapping": {str(name): described(one, what) for name, one in value.items()}}
    if isinstance(value, keras.Layer):
        return {"keras": keras.saving.serialize_keras_object(value)}
    if isinstance(value, Sequence):
        return [described(one, what) for one in value]
    if callable(value):
        return {"function": _address(value, what)}
    advice = "Leave it out, or pass numbers, arrays, names or functions that a module defines."
    raise invalid(what, "what can be written to a file", type(value).__name__, advice)


def read(tree: Tree, own: Mapping[str, Any]) -> Any:
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
    if kind == "number":
        return float(tree[kind])
    if kind == "sum":
        return Sum((read(loss, own), weight) for loss, weight in tree[kind])
    if kind == "array":
        return _unpacked(tree)
    if kind == "mapping":
        return {name: read(one, own) for name, one in tree[kind].items()}
    if kind == "keras":
        return keras.saving.deserialize_keras_object(tree[kind])
    if kind == "function":
        return _found(tree[kind], own)
    if kind == "part":
        options, changed = (
            {name: read(one, own) for name, one in tree.get(key, {}).items()} for key in ("options", "changed")
        )
        made = _found(tree[kind], own)(*read(tree.get("arguments", []), own), **options)
        return _with(made, changed) if changed else made
    raise invalid("run file", "what this version writes", kind, "Write it anew with this version of actmax_widget.")


def source(tree: Tree) -> str:
    """A description as a Python expression, with ``numpy`` as ``np`` and the modules of parts by their names.

    Example:
        >>> source(described(transforms.Jitter(8), "transforms"))
        'transforms.Jitter(8)'
    """
    if isinstance(tree, list):
        inside = ", ".join(map(source, tree))
        return f"({inside},)" if len(tree) == 1 else f"({inside})"
    if isinstance(tree, str):
        return json.dumps(tree, ensure_ascii=False)
    if not isinstance(tree, dict):
        return repr(tree)
    kind = next(iter(tree))
    if kind == "number":
        return f'float("{tree[kind]}")'
    if kind == "sum":
        return "[" + ", ".join(f"({source(loss)}, {weight!r})" for loss, weight in tree[kind]) + "]"
    if kind == "array":
        return f'unpacked("{tree[kind]}")'
    if kind == "mapping":
        return "{" + ", ".join(f"{source(name)}: {source(one)}" for name, one in tree[kind].items()) + "}"
    if kind == "keras":
        return f"keras.saving.deserialize_keras_object({tree[kind]!r})"
    if kind == "function":
        return _name(tree[kind])
    given = [source(one) for one in tree.get("arguments", [])]
    given += [f"{name}={source(one)}" for name, one in tree.get("options", {}).items()]
    made = f"{_name(tree[kind])}({', '.join(given)})"
    return f"{made}.bound({source({'mapping': tree['changed']})})" if "changed" in tree else made


def imports_of(tree: Tree) -> set[str]:
    """The lines that import what the expression of a description names."""
    if isinstance(tree, list):
        return set().union(*map(imports_of, tree))
    if not isinstance(tree, dict):
        return set()
    kind = next(iter(tree))
    if kind == "array":
        return {f"from {__name__} import unpacked"}
    if kind == "keras":
        return {"import keras"}
    if kind in {"function", "part"}:
        module, _, _ = tree[kind].rpartition(":")
        line = f"import {module}" if module else f"from actmax_widget import {tree[kind].partition('.')[0]}"
        inside = [*tree.get("arguments", []), *tree.get("options", {}).values()]
        return ({line} if module != "__main__" else set()).union(*map(imports_of, inside))
    values = [*tree[kind].values()] if kind == "mapping" else tree[kind] if kind == "sum" else []
    return set().union(*map(imports_of, values))


def unpacked(text: str) -> np.ndarray:
    """The array that :func:`described` packed into a text."""
    array: np.ndarray = np.load(io.BytesIO(zlib.decompress(base64.b64decode(text))), allow_pickle=False)
    return array


def _unpacked(tree: dict[str, Any]) -> np.ndarray:
    array = unpacked(tree["array"])
    if [*array.shape] != tree["shape"] or str(array.dtype) != tree["type"]:
        advice = "Save it again."
        raise invalid("run file", f"an array of shape {tree['shape']}", [*array.shape], advice)
    array.flags.writeable = False
    return array


def _packed(array: np.ndarray, what: str) -> str:
    if array.dtype.kind not in "biuf":
        raise invalid(what, "arrays of numbers", f"one of type {array.dtype}", "Convert it by array.astype(float).")
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(array), allow_pickle=False)
    return base64.b64encode(zlib.compress(file.getvalue(), 9)).decode()


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


def _address(value: Any, what: str) -> str:
    """Where another process finds a class or function: ``losses.Direction``, ``module:name``."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    for short, ours in OURS.items():
        if module == ours.__name__ and name and getattr(ours, name, None) is value:
            return f"{short}.{name}"
    if not module or not name or "<" in name or not _is_there(module, name, value):
        advice = "Define functions and classes of your own by def and class at the top of a module or notebook."
        raise invalid(what, "functions and classes that have a name", value, advice)
    return f"{module}:{name}"


def _is_there(module: str, name: str, value: Any) -> bool:
    return _inside(sys.modules.get(module), name) is value


def _found(address: str, own: Mapping[str, Any]) -> Any:
    module, _, name = address.rpartition(":")
    short = address.rpartition(".")[2] if not module else name
    if short in own:
        return own[short]
    try:
        holder = importlib.import_module(module) if module else OURS[address.partition(".")[0]]
        found = _inside(holder, short)
    except (ImportError, KeyError):
        found = None
    if found is None:
        advice = f"Pass it: own={{{short!r}: {short}}}."
        raise invalid("run file", f"classes and functions that are there; {short} of {module or 'this package'} is not", None, advice)
    return found


def _inside(holder: Any, name: str) -> Any:
    for one in name.split("."):
        holder = getattr(holder, one, None)
    return holder


def _name(address: str) -> str:
    """As it is written in Python."""
    module, _, name = address.rpartition(":")
    if not module:
        return address
    return name if module == "__main__" else f"{module}.{name}"
