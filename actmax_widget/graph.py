"""Models, layers and symbolic tensors: which layers there are, what they put out, along which axes.

Keras has no public way to walk a symbolic graph, so this module reads the nodes Keras keeps.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from actmax_widget.checks import check_integer, invalid, listify

TRACING = threading.RLock()
"""Held by whoever traces a model, or notes things on its layers for the time being: one thread at a time."""


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


def count_values(tensors: Iterable[Any]) -> float:
    """How many numbers the graph above symbolic tensors computes for one picture; inf where that cannot be seen."""
    total = 0.0
    for node in nodes(tensors):
        operation = node.operation
        if getattr(operation, "_layers", None):  # a layer made of layers
            outputs = getattr(operation, "outputs", None)
            total += count_values(outputs) if outputs else np.inf
        total += sum(np.prod([size or 1 for size in output.shape[1:]]) for output in node.outputs)
    return total


@contextlib.contextmanager
def borrowed(input_tensor: Any) -> Iterator[set[Any]]:
    """Lets losses be built on a user's graph and leaves no trace there; yields the user's operations.

    Keras notes on each operation what was built on its output, and would so keep every objective alive with the model.
    """
    counts: dict[Any, int] = {}
    stack = [input_tensor._keras_history.operation]
    while stack:
        operation = stack.pop()
        if operation not in counts:
            counts[operation] = len(operation._outbound_nodes)
            stack.extend(node.operation for node in operation._outbound_nodes)
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


def has_filters(output: Any) -> bool:
    """Whether an output has filters or units: a batch axis and a channel axis of known size."""
    return len(output.shape) > 1 and output.shape[channel_axis(output)] is not None


def count_filters(output: Any) -> int:
    """Number of filters or units of a layer's symbolic output: the size of its channel axis."""
    return int(output.shape[channel_axis(output)])


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
    """Number of filters or units of a layer: the size of its channel axis."""
    return count_filters(layer.output)


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


# --- axes of a picture
# -------------------------------------------------------------------------------------------------


def channel_axis(tensor: Any) -> int:
    """The axis that holds channels or units: the last, or the first after the batch with ``channels_first``."""
    first = keras.config.image_data_format() == "channels_first" and len(tensor.shape) > 2
    return 1 if first else len(tensor.shape) - 1


def spatial_axes(tensor: Any) -> list[int]:
    """The axes that are neither batch nor channels."""
    return [axis for axis in range(1, len(tensor.shape)) if axis != channel_axis(tensor)]


def to_channels_last(picture: np.ndarray) -> np.ndarray:
    """One picture as the model takes it, without batch axis, with its channels as the last axis."""
    return np.moveaxis(picture, channel_axis(picture[None]) - 1, -1)


def from_channels_last(pictures: np.ndarray) -> np.ndarray:
    """Pictures with batch axis and channels last, as the model takes them."""
    return np.moveaxis(pictures, -1, channel_axis(pictures))


def image_size(tensor: Any) -> int:
    """Number of values of one picture (H * W * C)."""
    return int(np.prod(tensor.shape[1:]))
