"""Which axis holds what: the channels of a picture, the filters of what a layer puts out.

A layer's own ``data_format`` tells. What has none, an activation say, has its channels where the layers before it put
them, and an input where the first layers that look at it take them from; only where no layer tells, Keras's global
setting does. Like :mod:`actmax_widget.network.graph`, this module reads the nodes Keras keeps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

FEATURES_LAST = (
    layers.Dense,
    layers.EinsumDense,
    layers.Embedding,
    layers.RNN,
    layers.Bidirectional,
    layers.TimeDistributed,
    layers.MultiHeadAttention,
    layers.GroupQueryAttention,
    layers.Attention,
    layers.AdditiveAttention,
    layers.Cropping1D,
    layers.UpSampling1D,
)
"""Layers without a ``data_format`` whose units are always the last axis."""
Axis = tuple[int | None]
"""An axis that was found; ``(None,)``: it was found that there is none."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """The axes of pictures as a model takes them.

    Attributes:
        rank: number of axes, that of the batch among them.
        channels: the axis that holds the channels; None: there is none, each value is a pixel.
    """

    rank: int
    channels: int | None

    @property
    def spatial(self) -> list[int]:
        """The axes that are neither batch nor channels."""
        return [axis for axis in range(1, self.rank) if axis != self.channels]

    def shape_shown(self, shape: Sequence[int | None]) -> tuple[int, ...]:
        """The shape (..., channels) of a picture as it is shown, from the model's with batch axis."""
        channels = 1 if self.channels is None else shape[self.channels]
        return (*(int(shape[axis] or 0) for axis in self.spatial), int(channels or 0))

    def to_channels_last(self, picture: np.ndarray) -> np.ndarray:
        """One picture as the model takes it, without batch axis, with its channels, if any, as the last axis."""
        return picture if self.channels is None else np.moveaxis(picture, self.channels - 1, -1)

    def from_channels_last(self, pictures: np.ndarray) -> np.ndarray:
        """Pictures with batch axis and channels last, as the model takes them; one channel may be too many."""
        if self.channels is None:
            return pictures[..., 0] if pictures.ndim > self.rank and pictures.shape[-1] == 1 else pictures
        return np.moveaxis(pictures, -1, self.channels)

    def as_shown(self, picture: np.ndarray) -> np.ndarray:
        """One picture as the model takes it, without batch axis, as (..., channels): one channel if it has none."""
        return picture[..., None] if self.channels is None else self.to_channels_last(picture)


def assumed(rank: int) -> Layout:
    """The layout of pictures that nothing is known of but the number of axes: Keras's global setting."""
    first = keras.config.image_data_format() == "channels_first" and rank > 2
    return Layout(rank, 1 if first else rank - 1)


def of_input(tensor: Any) -> Layout:
    """The layout of a model's symbolic input, as the first layers that look at it take it."""
    known = getattr(tensor._keras_history.operation, "layout", None)  # an input of ours, in place of a model's
    if isinstance(known, Layout):
        return known
    rank = len(tensor.shape)
    found = _taken_from(tensor) if rank > 2 else None
    return assumed(rank) if found is None else Layout(rank, *found)


def of_layers(layers_inside: Iterable[Any], rank: int) -> Layout:
    """The layout of the input of a model of which nothing is known but its layers: as the first that tells takes it."""
    found = _taken_by_first(layers_inside, rank) if rank > 2 else None
    return assumed(rank) if found is None else Layout(rank, *found)


def channel_axis(tensor: Any) -> int:
    """The axis of a layer's symbolic output that holds its filters or units."""
    rank = len(tensor.shape)
    if rank <= 2:
        return rank - 1
    found = _put_to(tensor) or _taken_from(tensor)
    axis = found[0] if found else None
    return assumed(rank).channels or 0 if axis is None else axis


def own_axis(layer: Any, rank: int) -> int | None:
    """The axis of the layer's filters or units in its output of this rank; None if it has no order of its own."""
    order = _order(layer)
    if order is not None and rank > 2:
        channels_first, steps = order
        return 1 + steps if channels_first else rank - 1
    return rank - 1 if isinstance(layer, FEATURES_LAST) else None


def _order(layer: Any) -> tuple[bool, int] | None:
    """Whether a layer has its channels first, and after how many axes of time; None if it does not say."""
    inner = getattr(layer, "cell", None) if isinstance(layer, layers.RNN) else None
    inner = layer.layer if isinstance(layer, layers.Wrapper) else inner
    if inner is not None:
        order, timed = _order(inner), isinstance(layer, layers.RNN | layers.TimeDistributed)
        return order and (order[0], order[1] + timed)
    order = getattr(layer, "data_format", None)
    return (order == "channels_first", 0) if order in {"channels_first", "channels_last"} else None


# --- up: where the layers before put the channels
# ------------------------------------------------------------------------------


def _put_to(tensor: Any) -> Axis | None:
    """Where the layers that compute a tensor put its channels."""
    stack, seen = [(tensor, tuple(range(len(tensor.shape))))], set()
    while stack:
        tensor, place = stack.pop()  # for each axis of it, the axis of the first one that it becomes
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        found = _put_by(tensor)
        if found is not None:
            return found if found[0] is None else (place[found[0]],)
        # The first of several inputs is looked at first.
        stack += [(above, _through(moved, place)) for above, moved in reversed(list(_above(tensor)))]
    return None


def _put_by(tensor: Any) -> Axis | None:
    """The channel axis of a tensor, if the operation that computes it tells."""
    operation, _, index = tensor._keras_history
    operation, rank = _meant(operation), len(tensor.shape)
    if isinstance(operation, layers.InputLayer):
        layout = of_input(tensor)
        return None if layout.channels is None else (layout.channels,)
    if isinstance(operation, layers.Flatten):
        return None
    if inner := _graph_outputs(operation):
        return _put_to(inner[index])
    axis = own_axis(operation, rank)
    if axis is None and _is_opaque(operation):
        axes = (own_axis(layer, rank) for layer in inside(operation) if _looks_at(layer, rank))
        axis = next((axis for axis in axes if axis is not None), None)
    return None if axis is None else (axis,)


def _above(tensor: Any) -> Iterator[tuple[Any, Sequence[int]]]:
    """The tensors with the same axes that a tensor is computed from, and where each of their axes goes."""
    operation, index, _ = tensor._keras_history
    rank = len(tensor.shape)
    if _is_reshape(_meant(operation)):
        return
    for above in operation._inbound_nodes[index].input_tensors:
        if len(above.shape) == rank:
            order = _order_of_axes(_meant(operation), rank)
            yield above, [order.index(axis) for axis in range(rank)]


def _through(moved: Sequence[int], place: Sequence[int]) -> tuple[int, ...]:
    return tuple(place[axis] for axis in moved)


# --- down: where the layers after take the channels from
# -----------------------------------------------------------------------


def _taken_from(tensor: Any) -> Axis | None:
    """What the first layers that look at a tensor take for its channels."""
    rank = len(tensor.shape)
    queue: list[tuple[Any, tuple[int | None, ...]]] = [(tensor, tuple(range(rank)))]
    flat, seen = False, set()
    while queue:
        tensor, origin = queue.pop(0)  # for each axis of it, the axis of the first one that it comes from
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        for node in _users(tensor):
            found = _taken_by(_meant(node.operation), len(tensor.shape))
            if found is not None:
                return found if found[0] is None else (origin[found[0]],)
            flat |= _flattens(node, tensor)
            queue += [(below, _renamed(origin, moved)) for below, moved in _below(node, tensor)]
    return (None,) if flat and rank == 3 else None


def _users(tensor: Any) -> list[Any]:
    """The nodes that a tensor is an input of."""
    below = tensor._keras_history.operation._outbound_nodes
    return [node for node in below if any(one is tensor for one in node.input_tensors)]


def _taken_by(operation: Any, rank: int) -> Axis | None:
    """What an operation takes for the channels of an input of this rank; None if it does not tell."""
    if isinstance(operation, layers.Flatten) or _graph_outputs(operation):
        return None
    if _is_opaque(operation):
        return _taken_by_first(inside(operation), rank)
    if not _looks_at(operation, rank) or (rank == 3 and isinstance(operation, layers.Dense | layers.EinsumDense)):
        return None  # a Dense layer takes rows of a picture as well as steps of a sequence
    axis = own_axis(operation, rank)
    return None if axis is None else (axis,)


def _taken_by_first(layers_inside: Iterable[Any], rank: int) -> Axis | None:
    """What the first of some layers that tells takes for the channels of an input of this rank."""
    for layer in layers_inside:
        if rank == 3 and (isinstance(layer, layers.Flatten) or _looks_at(layer, 4, only=True)):
            return (None,)
        found = None if _is_opaque(layer) else _taken_by(layer, rank)
        if found is not None:
            return found
    return None


def _looks_at(layer: Any, rank: int, *, only: bool = False) -> bool:
    """Whether a layer takes inputs of this rank; ``only``: and of no other."""
    spec = getattr(layer, "input_spec", None)
    wanted = getattr(spec, "ndim", None) or getattr(spec, "min_ndim", None)
    if _order(layer) is None or wanted is None:
        return not only
    return wanted == rank


def _flattens(node: Any, tensor: Any) -> bool:
    """Whether a node takes every value of pictures alike: puts them into a row, or makes other pictures of them."""
    operation, shape, made = _meant(node.operation), tensor.shape[1:], node.outputs[0].shape[1:]
    if isinstance(operation, layers.Dense) and len(shape) == 2:
        return True
    return len(made) not in {0, len(shape)} and None not in {*shape, *made} and np.prod(made) == np.prod(shape)


def _below(node: Any, tensor: Any) -> Iterator[tuple[Any, Sequence[int | None]]]:
    """The tensors that an operation passes the axes of an input on to, and where each of their axes comes from."""
    operation, rank = _meant(node.operation), len(tensor.shape)
    if _graph_outputs(operation):
        given = [one is tensor for one in node.input_tensors]
        yield from ((inner, range(rank)) for inner, here in zip(operation.inputs, given, strict=False) if here)
        return
    for output in node.outputs:
        if len(output.shape) == rank and not _is_reshape(operation):
            yield output, _order_of_axes(operation, rank)
        elif (new := _new_axis(tensor.shape, output.shape)) is not None:
            yield output, [*range(new), None, *range(new, rank)]


def _new_axis(shape: Sequence[int | None], made: Sequence[int | None]) -> int | None:
    """The axis of size 1 that a shape has more than another."""
    if len(made) != len(shape) + 1:
        return None
    places = (axis for axis in range(len(made) - 1, 0, -1) if made[axis] == 1)
    return next((axis for axis in places if (*made[:axis], *made[axis + 1 :]) == tuple(shape)), None)


def _renamed(origin: Sequence[int | None], moved: Sequence[int | None]) -> tuple[int | None, ...]:
    return tuple(None if axis is None else origin[axis] for axis in moved)


# --- operations
# ----------------------------------------------------------------------------------------------------------------


def _meant(operation: Any) -> Any:
    """The user's operation that one of ours stands for."""
    return getattr(operation, "stands_for", operation)


def _graph_outputs(operation: Any) -> list[Any]:
    """The outputs of a model whose graph can be walked; none of anything else."""
    try:
        return list(operation.outputs) if isinstance(operation, keras.Model) and operation.inputs else []
    except (AttributeError, ValueError):
        return []


def _is_opaque(operation: Any) -> bool:
    """Whether it is a layer made of layers, and none whose axes are known."""
    return own_axis(operation, 3) is None and any(True for _ in inside(operation))


def inside(operation: Any) -> Iterator[Any]:
    """All layers inside a layer, those of a layer after it."""
    for layer in operation._flatten_layers(False, False) if isinstance(operation, keras.Layer) else ():
        yield layer
        yield from inside(layer)


def _is_reshape(operation: Any) -> bool:
    return type(operation).__name__ == "Reshape"  # the layer, and keras.ops.reshape


def _order_of_axes(operation: Any, rank: int) -> list[int]:
    """For each axis of what an operation gives, the axis of its input that it comes from."""
    if type(operation).__name__ not in {"Permute", "Transpose", "Moveaxis", "Swapaxes"}:
        return list(range(rank))
    sizes = list(range(2, rank + 2))  # all different, so that the sizes tell which axis went where
    made = operation.compute_output_spec(keras.KerasTensor(sizes)).shape
    return [sizes.index(size) for size in made]
