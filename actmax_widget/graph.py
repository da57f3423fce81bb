"""Models, layers and symbolic tensors: which layers there are, what they put out, along which axes.

Keras has no public way to walk a symbolic graph, so this module (and ``objective``) reads the nodes Keras keeps.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from actmax_widget.checks import check_integer, invalid, listify
from actmax_widget.records import LayerInfo


def check_model(model: Any) -> keras.Model:
    """Return ``model`` if activation maximization can start on it.

    Raises:
        TypeError: not a Keras model.
        ValueError: not built, several inputs, or an input of unknown size.
    """
    if not isinstance(model, keras.Model):
        raise invalid("model", "a Keras model", model, "Pass e.g. keras.saving.load_model('model.keras').", TypeError)
    if not _inputs(model):
        advice = "Start it with keras.Input(shape) or call it once on data."
        raise invalid("model", "a built Sequential or Functional model", model, advice)
    if len(model.inputs) != 1:
        names = ", ".join(tensor.name for tensor in model.inputs)
        raise invalid(
            "model",
            f"a model with one input, not {len(model.inputs)} ({names})",
            model,
            "Wrap it in one with a single input.",
        )
    shape = tuple(model.inputs[0].shape[1:])
    if None in shape:
        advice = "Give the input a fixed size: keras.Model over keras.Input((224, 224, 3)), for example."
        raise invalid("model", f"an input of known size, not {shape}", model, advice)
    return model


def _inputs(model: keras.Model) -> list[Any]:
    try:
        return list(model.inputs or [])
    except (AttributeError, ValueError):
        return []


def layer_outputs(model: Any) -> dict[int, Any]:
    """The symbolic output of each layer *in this model's graph*, by ``id(layer)``.

    A layer that was first used in another model has its ``layer.output`` there, so the graph is walked from the model's
    outputs. Layers used more than once, or with several outputs, are left out.
    """
    found: dict[int, list[Any]] = {}
    for node in _nodes(model.outputs):
        found.setdefault(id(node.operation), []).extend(node.outputs)
    return {layer: outputs[0] for layer, outputs in found.items() if len(outputs) == 1}


def operations(tensors: Iterable[Any]) -> list[Any]:
    """All operations (layers among them) that symbolic tensors are computed by, each once."""
    return list({id(node.operation): node.operation for node in _nodes(tensors)}.values())


def _nodes(tensors: Iterable[Any]) -> list[Any]:
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


def list_layers(model: keras.Model) -> list[LayerInfo]:
    """The layers of a model that can be a target, in model order."""
    outputs = layer_outputs(model)
    pairs = [
        (layer, outputs.get(id(layer))) for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)
    ]
    return [
        LayerInfo(layer.name, type(layer).__name__, tuple(output.shape[1:]), count_filters(output))
        for layer, output in pairs
        if output is not None and has_filters(output)
    ]


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


def find_layer(model: keras.Model, layer: Any) -> tuple[Any, Any]:
    """The layer that ``layer`` names, and its symbolic output.

    Args:
        model: a Keras model.
        layer: an index into ``model.layers`` (negative: from the end), the name of a layer, or a layer of the model.

    Raises:
        ValueError: no such layer, or one whose output cannot be a target.
        TypeError: neither an integer, a name, nor a layer.
    """
    if isinstance(layer, keras.Layer):
        layer = find_layer_idx(model, layer.name)
    if isinstance(layer, str):
        layer = find_layer_idx(model, layer)
    count = len(model.layers)
    advice = "Pass an index into model.layers, the name of a layer, or a layer."
    found = model.layers[
        _from_end(check_integer("layer_idx", layer, least=-count, most=count - 1, advice=advice), count)
    ]
    output = layer_outputs(model).get(id(found))
    if output is None or not has_filters(output):
        names = ", ".join(info.name for info in list_layers(model))
        raise invalid(
            "layer", "a layer used once with one output that has filters", found.name, f"Choose one of: {names}."
        )
    return found, output


def get_num_filters(layer: Any) -> int:
    """Number of filters or units of a layer: the size of its channel axis."""
    return count_filters(layer.output)


def check_filter_indices(filter_indices: Any, count: int, layer_name: str) -> tuple[int | None, ...]:
    """Return ``filter_indices`` as a tuple of indices counted from the start; ``None`` (all filters) stays.

    Raises:
        ValueError: none given, or out of range for the layer.
        TypeError: not integers.
    """
    advice = f"Layer {layer_name!r} has {count} filters: choose from 0 to {count - 1}, or None for all."
    indices = listify(filter_indices)
    if not indices:
        raise invalid("filter_indices", "at least one filter", filter_indices, advice)
    return tuple(
        None
        if index is None
        else _from_end(check_integer("filter_indices", index, least=-count, most=count - 1, advice=advice), count)
        for index in indices
    )


def _from_end(index: int, count: int) -> int:
    return index + count if index < 0 else index


# --- axes of a picture
# -------------------------------------------------------------------------------------------------


def channel_axis(tensor: Any) -> int:
    """The axis that holds channels or units: the last, or the first after the batch with ``channels_first``."""
    first = keras.config.image_data_format() == "channels_first" and len(tensor.shape) > 2
    return 1 if first else len(tensor.shape) - 1


def spatial_axes(tensor: Any) -> list[int]:
    """The axes that are neither batch nor channels."""
    return [axis for axis in range(1, len(tensor.shape)) if axis != channel_axis(tensor)]


def image_size(tensor: Any) -> int:
    """Number of values of one picture (H * W * C)."""
    return int(np.prod(tensor.shape[1:]))


def shifted(tensor: Any, axes: Iterable[int], by_one: int | None = None) -> Any:
    """The tensor without its last entry along each of ``axes``, or, along ``by_one``, without its first."""
    index = [slice(None)] * len(tensor.shape)
    for axis in axes:
        index[axis] = slice(1, None) if axis == by_one else slice(None, -1)
    return tensor[tuple(index)]
