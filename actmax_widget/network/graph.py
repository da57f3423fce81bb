"""Models, layers and symbolic tensors: which layers there are, and what they put out.

Keras has no public way to walk a symbolic graph, so this module reads the nodes Keras keeps; so does
:mod:`actmax_widget.network.layout`, and no other.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from actmax_widget.checks import check_integer, invalid, listify
from actmax_widget.network.layout import channel_axis

BUILDING = threading.RLock()
"""Held while something is built on a user's graph for the time being: what two threads build would be taken away by
the first that is done."""

Call = Callable[..., Any]
"""A layer's ``call``."""


def check_model(model: Any) -> None:
    """Refuse what is not a Keras model, and say how to make one of it.

    Raises:
        TypeError: anything else.
    """
    if not isinstance(model, keras.Model):
        raise invalid("model", "a Keras model", model, _way_to_a_model(model), TypeError)


def _way_to_a_model(thing: Any) -> str:
    inside = "keras.layers.TFSMLayer(folder, call_endpoint='serving_default')"
    if isinstance(thing, keras.Layer):
        inside = "layer"
    elif not _is_of_saved_model(thing):
        return "Pass e.g. keras.saving.load_model('model.keras')."
    return f"Put it in one: keras.Sequential([keras.Input((height, width, channels)), {inside}])."


def _is_of_saved_model(thing: Any) -> bool:
    """Whether it is a folder of a SavedModel, or what ``tf.saved_model.load`` made of it."""
    if isinstance(thing, str | os.PathLike):
        return Path(thing, "saved_model.pb").is_file()
    return hasattr(thing, "signatures")


def operations(tensors: Iterable[Any]) -> list[Any]:
    """All operations (layers among them) that symbolic tensors are computed by, each once."""
    return list({id(node.operation): node.operation for node in nodes(tensors)}.values())


def nodes(tensors: Iterable[Any]) -> list[Any]:
    """The nodes of the graph above symbolic tensors: uses of an operation."""
    found: dict[int, Any] = {}
    stack = list(tensors)
    while stack:
        operation, index, _ = stack.pop()._keras_history
        node = operation._inbound_nodes[index]
        if id(node) not in found:
            found[id(node)] = node
            stack.extend(node.input_tensors)
    return list(found.values())


def in_order(tensors: Iterable[Any], given: Container[int] = ()) -> list[Any]:
    """The nodes of the graph above symbolic tensors, each after those it needs; not above those of a ``given`` id."""
    found: dict[int, Any] = {}
    stack = [(tensor, False) for tensor in tensors]
    while stack:
        tensor, entered = stack.pop()
        operation, index, _ = tensor._keras_history
        node = operation._inbound_nodes[index]
        if entered:
            found.setdefault(id(node), node)
        elif id(node) not in found and id(tensor) not in given:
            stack.append((tensor, True))
            stack += [(above, False) for above in reversed(node.input_tensors)]
    return list(found.values())


def uses(model: Any) -> Iterator[tuple[str, Any, Any]]:
    """Each use of each layer in the model's graph: name, layer, node. The second use is called ``name:1``."""
    used: dict[int, list[Any]] = {}
    for node in nodes(model.outputs):
        used.setdefault(id(node.operation), []).append(node)
    for layer in model.layers:
        found = sorted(used.get(id(layer), ()), key=layer._inbound_nodes.index)
        for number, node in enumerate(found):
            yield (f"{layer.name}:{number}" if number else layer.name), layer, node


def sources(node: Any) -> list[Any]:
    """The nodes whose outputs a node takes, each once, in the order of its arguments."""
    found: dict[int, Any] = {}
    for tensor in node.input_tensors:
        operation, index, _ = tensor._keras_history
        found.setdefault(id(operation._inbound_nodes[index]), operation._inbound_nodes[index])
    return list(found.values())


def is_symbolic(model: Any) -> bool:
    """Whether a layer is a Functional or a built Sequential model, whose graph can be walked."""
    try:
        return isinstance(model, keras.Model) and bool(model.inputs) and bool(model.outputs)
    except (AttributeError, ValueError):
        return False


def count_values(tensors: Iterable[Any]) -> float:
    """How many numbers the graph above symbolic tensors computes for one picture; inf where that cannot be seen."""
    total = 0.0
    for node in nodes(tensors):
        operation = getattr(node.operation, "stands_for", node.operation)
        if getattr(operation, "_layers", None):  # a layer made of layers
            outputs = getattr(operation, "outputs", None)
            total += count_values(outputs) if outputs else np.inf
        total += sum(np.prod([size or 1 for size in output.shape[1:]]) for output in node.outputs)
    return total


def layers_of(outer: Any) -> list[Any]:
    """The layers directly inside of a layer or model."""
    return outer._flatten_layers(include_self=False, recursive=False) if isinstance(outer, keras.Layer) else []


@contextlib.contextmanager
def called_as(layer: Any, wrap: Callable[[Call], Call]) -> Iterator[None]:
    """For the time being, let this thread call a layer in another way; other threads call it as ever.

    So nobody has to wait: one thread may listen to a model, or trace it with a gate, while others compile it.

    Args:
        layer: the layer.
        wrap: makes the other function of the one that is called now.
    """
    _begin_to_dispatch(layer)
    mine = _MINE.calls.setdefault(id(layer), [])
    mine.append(wrap(mine[-1] if mine else _DISPATCHED[id(layer)].as_ever))
    try:
        yield
    finally:
        mine.pop()
        _end_to_dispatch(layer)


class _Mine(threading.local):
    def __init__(self) -> None:
        self.calls: dict[int, list[Call]] = {}


class _Dispatched:
    """A layer whose calls go to what the calling thread wants.

    Attributes:
        as_ever: the layer's ``call``, perhaps one that a user put on the object.
        number: how many want it.
    """

    def __init__(self, layer: Any) -> None:
        self.as_ever, self.number = layer.call, 0
        self._id, self._own = id(layer), vars(layer).get("call")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        mine = _MINE.calls.get(self._id)
        return (mine[-1] if mine else self.as_ever)(*args, **kwargs)

    def put_on(self, layer: Any) -> None:
        """Have the layer's calls come here."""
        vars(layer)["call"] = self  # past Keras's __setattr__, which would note it as part of the layer

    def take_off(self, layer: Any) -> None:
        """Leave the layer as it was."""
        if self._own is None:
            del vars(layer)["call"]
        else:
            vars(layer)["call"] = self._own


_MINE = _Mine()
_DISPATCHED: dict[int, _Dispatched] = {}
_DISPATCHING = threading.Lock()


def _begin_to_dispatch(layer: Any) -> None:
    with _DISPATCHING:
        if id(layer) not in _DISPATCHED:
            _DISPATCHED[id(layer)] = _Dispatched(layer)
            _DISPATCHED[id(layer)].put_on(layer)
        _DISPATCHED[id(layer)].number += 1


def _end_to_dispatch(layer: Any) -> None:
    with _DISPATCHING:
        found = _DISPATCHED[id(layer)]
        found.number -= 1
        if not found.number:
            del _DISPATCHED[id(layer)]
            found.take_off(layer)


def own_attributes(layer: Any) -> list[tuple[str, Any]]:
    """What is noted on a layer object, but for what :func:`called_as` puts there for the time being."""
    return [(name, value) for name, value in list(vars(layer).items()) if not isinstance(value, _Dispatched)]


@contextlib.contextmanager
def borrowed(input_tensor: Any) -> Iterator[set[Any]]:
    """Lets losses be built on a user's graph, and those inside of it, and leaves no trace there; yields its operations.

    Keras notes on each operation what was built on its output, and would so keep every objective alive with the model.
    """
    with BUILDING:
        counts: dict[Any, int] = {}
        stack = [input_tensor._keras_history.operation]
        while stack:
            operation = stack.pop()
            if operation not in counts:
                counts[operation] = len(operation._outbound_nodes)
                stack += [node.operation for node in operation._outbound_nodes]
                above = operation.inputs if is_symbolic(operation) else []
                stack += [tensor._keras_history.operation for tensor in above]
        try:
            yield set(counts)
        finally:
            for operation, count in counts.items():
                del operation._outbound_nodes[count:]


def part(inputs: Sequence[Any], outputs: Mapping[str, Any], users: set[Any]) -> keras.Model:
    """The part of a user's graph between symbolic tensors as a model: what no output needs is left out.

    Args:
        inputs: symbolic inputs.
        outputs: symbolic outputs by name.
        users: the user's operations, see :func:`borrowed`.
    """
    _rename_apart([*outputs.values(), *inputs], users)
    return keras.Model(list(inputs), dict(outputs), name="part")


def _rename_apart(tensors: Sequence[Any], users: set[Any]) -> None:
    """Give our operations names of their own.

    Keras counts names from 1 in each process, so a loaded model may have the same ones, and Keras refuses doubles.
    """
    found = operations(tensors)
    names = Counter(operation.name for operation in found)
    for number, operation in enumerate(found):
        if names[operation.name] > 1 and operation not in users:
            operation.name = f"actmax_{number}_{operation.name}"


def find_layer_idx(model: keras.Model, layer_name: str) -> int:
    """Index in ``model.layers`` of the layer with this name.

    Raises:
        ValueError: there is no such layer; the message lists those there are.
    """
    names = [layer.name for layer in model.layers]
    if layer_name not in names:
        raise invalid("layer", f"a layer of {model.name!r}", layer_name, f"Choose one of: {', '.join(names)}.")
    return names.index(layer_name)


def get_num_filters(layer: Any) -> int:
    """Number of filters or units of a layer: the size of its channel axis.

    Raises:
        ValueError: a layer without a symbolic output, such as one inside of a custom layer.
    """
    output = output_of(layer)
    return int(output.shape[channel_axis(output)])


def output_of(layer: Any) -> Any:
    """The symbolic output of a layer, or of what stands for one."""
    try:
        return layer.output
    except (AttributeError, ValueError):
        name = getattr(layer, "name", layer)
        advice = (
            "It is inside of a custom layer or of a subclassed model: give Network(model).find('path/of/it'), from "
            "actmax_widget.network.network, in its place."
        )
        raise invalid("layer", "a layer with a symbolic output", name, advice) from None


def from_end(index: int, count: int) -> int:
    """An index counted from the start, of one that may be negative."""
    return index + count if index < 0 else index


def check_filters(filters: Any, count: int, layer_name: str) -> tuple[int, ...]:
    """Return the filters that there shall be a picture of each of; ``None`` is all.

    Raises:
        ValueError, TypeError: as :func:`check_filter_indices`, and for a ``None`` among others.
    """
    chosen = range(count) if filters is None else filters
    found = check_filter_indices(chosen, count, layer_name, name="filters")
    if None in found:
        raise invalid("filters", "integers", filters, "Pass None alone for all filters.", TypeError)
    return tuple(index for index in found if index is not None)


def check_filter_indices(
    filter_indices: Any, count: int, layer_name: str, *, name: str = "filter_indices"
) -> tuple[int | None, ...]:
    """Return ``filter_indices`` as a tuple of indices counted from the start; ``None`` (all filters) stays.

    Raises:
        ValueError: none given, or out of range for the layer.
        TypeError: not integers.
    """
    advice = f"Layer {layer_name!r} has {count} filters: choose from 0 to {count - 1}, or None for all."
    indices = listify(filter_indices)
    if not indices:
        raise invalid(name, "at least one filter", filter_indices, advice)
    return tuple(
        None
        if index is None
        else from_end(check_integer(name, index, least=-count, most=count - 1, advice=advice), count)
        for index in indices
    )
