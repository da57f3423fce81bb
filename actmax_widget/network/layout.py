"""Which axis holds what: the channels of a picture, the filters of what a layer puts out.

A layer's own ``data_format`` tells. What has none, an activation say, has its channels where the layers before it put
them, and an input where the first layers that look at it take them from; only where no layer tells, Keras's global
setting does. Like :mod:`actmax_widget.network.graph`, this module reads the nodes Keras keeps.
"""

from __future__ import annotations

import dataclasses
import functools
import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers

from actmax_widget.checks import saying

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
CONVOLUTIONS = (
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.Conv3DTranspose,
)
"""Layers that a processor computes with channels first by oneDNN only; for others Keras has a way of its own."""
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
    return Axes().of_input(tensor)


def of_layers(layers_inside: Iterable[Any], rank: int) -> Layout:
    """The layout of the input of a model of which nothing is known but its layers: as the first that tells takes it."""
    found = _taken_by_first(layers_inside, rank) if rank > 2 else None
    return assumed(rank) if found is None else Layout(rank, *found)


def check_computable(model: Any) -> None:
    """See that TensorFlow has what computes a model's convolutions here.

    Raises:
        ValueError: some have their channels first, and there is neither a GPU nor oneDNN.
    """
    first = (one for one in inside(model) if isinstance(one, CONVOLUTIONS) and one.data_format == "channels_first")
    # Keras gives groups to XLA, which can do them.
    found = next((one for one in first if getattr(one, "groups", 1) == 1), None)
    if found is not None and not _convolves_channels_first():
        expected = "one that TensorFlow can compute on this machine"
        received = f"{model.name!r}, whose {found.name!r} has its channels first"
        advice = (
            "Without a GPU it needs oneDNN for that, which is off by default on processors without AVX-512: set the "
            "environment variable TF_ENABLE_ONEDNN_OPTS=1 before TensorFlow is imported. Or build the model with "
            'keras.config.set_image_data_format("channels_last").'
        )
        message = f"model: expected {expected}, received {received}. {advice}"
        raise saying(ValueError(message), f"TensorFlow cannot compute this model here. {advice}")


@functools.cache
def _convolves_channels_first() -> bool:
    """Whether it can, which is tried once."""
    one = np.ones((1, 1, 1, 1), np.float32)
    try:
        keras.ops.conv(one, one, 1, "valid", "channels_first")
    except Exception:  # noqa: BLE001 - an error of TensorFlow's, which this module does not know
        return False
    return True


def channel_axis(tensor: Any) -> int:
    """The axis of a layer's symbolic output that holds its filters or units; of many, see :class:`Axes`."""
    return Axes().channel_axis(tensor)


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


# --- many tensors of a graph
# ---------------------------------------------------------------------------------------------------------


class Taken(NamedTuple):
    """What the layers below a tensor take for its channels.

    Attributes:
        distance: how many steps from tensor to tensor it is to the nearest whose users tell; inf: none tells.
        axis: what that one takes.
        flat: where none tells, whether one below takes every value alike.
    """

    distance: float
    axis: Axis | None
    flat: bool


class Axes:
    """The channel axes of the tensors of a graph. Each is looked at once, however many of them are asked for.

    What was found is kept, so it is for one walk: a graph that something is built on is to be looked at anew.
    """

    def __init__(self) -> None:
        self._kept: list[Any] = []  # an id is a tensor's as long as that lives
        self._put: dict[int, Axis | None] = {}
        self._taken: dict[int, Taken] = {}
        self._users: dict[int, dict[int, list[Any]]] = {}

    def of_input(self, tensor: Any) -> Layout:
        """See :func:`of_input`."""
        known = getattr(tensor._keras_history.operation, "layout", None)  # an input of ours, in place of a model's
        if isinstance(known, Layout):
            return known
        rank = len(tensor.shape)
        found = self._taken_from(tensor) if rank > 2 else None
        return assumed(rank) if found is None else Layout(rank, *found)

    def channel_axis(self, tensor: Any) -> int:
        """The axis of a layer's symbolic output that holds its filters or units."""
        rank = len(tensor.shape)
        if rank <= 2:
            return rank - 1
        found = self._put_to(tensor) or self._taken_from(tensor)
        axis = found[0] if found else None
        return assumed(rank).channels or 0 if axis is None else axis

    # --- up: where the layers before put the channels

    def _put_to(self, tensor: Any) -> Axis | None:
        """Where the layers that compute a tensor put its channels."""
        stack: list[tuple[Any, Sequence[tuple[Any, Sequence[int]]] | None]] = [(tensor, None)]
        while stack:
            tensor, above = stack.pop()
            if above is not None:  # those are known by now
                self._put[id(tensor)] = self._put_above(above)
            elif id(tensor) not in self._put:
                self._kept.append(tensor)
                self._put[id(tensor)] = found = self._put_by(tensor)
                above = [] if found else list(_above(tensor))
                # The first of several inputs is looked at first.
                stack += [(tensor, above), *((one, None) for one, _ in reversed(above))] if above else []
        return self._put[id(tensor)]

    def _put_above(self, above: Sequence[tuple[Any, Sequence[int]]]) -> Axis | None:
        """What the first of the tensors above that tells says, in the axes of the one below."""
        for tensor, moved in above:
            if (found := self._put[id(tensor)]) is not None:
                return found if found[0] is None else (moved[found[0]],)
        return None

    def _put_by(self, tensor: Any) -> Axis | None:
        """The channel axis of a tensor, if the operation that computes it tells."""
        operation, rank = _meant(tensor._keras_history.operation), len(tensor.shape)
        if isinstance(operation, layers.InputLayer):
            layout = self.of_input(tensor)
            return None if layout.channels is None else (layout.channels,)
        if isinstance(operation, layers.Flatten) or _graph_outputs(operation):
            return None
        axis = own_axis(operation, rank)
        if axis is None and _is_opaque(operation):
            axes = (own_axis(layer, rank) for layer in inside(operation) if _looks_at(layer, rank))
            axis = next((axis for axis in axes if axis is not None), None)
        return None if axis is None else (axis,)

    # --- down: where the layers after take the channels from

    def _taken_from(self, tensor: Any) -> Axis | None:
        """What the first layers that look at a tensor take for its channels."""
        if id(tensor) not in self._taken:
            self._look_below(tensor)
        _, axis, flat = self._taken[id(tensor)]
        return (None,) if axis is None and flat and len(tensor.shape) == 3 else axis

    def _look_below(self, tensor: Any) -> None:
        """Find what is taken from a tensor and from all below it.

        Of the nearest layer that tells the word counts, so it is gone up from those that do. Going down would not end:
        a model that is called on its own input makes a circle.
        """
        ways: dict[int, list[tuple[Any, Sequence[int | None]]]] = {}
        above: dict[int, list[int]] = {}
        telling: list[tuple[float, int]] = []
        flattened: list[int] = []
        stack = [tensor]
        while stack:
            tensor = stack.pop()
            key = id(tensor)
            if key in ways:
                continue
            ways[key], known = ([], self._taken[key]) if key in self._taken else self._look_at(tensor)
            if known.axis is not None:
                telling.append((known.distance, key))
            elif known.flat:
                flattened.append(key)
            for one, _ in ways[key]:
                above.setdefault(id(one), []).append(key)
                stack.append(one)
        self._go_up(telling, ways, above)
        flat: set[int] = set()
        while flattened:
            key = flattened.pop()
            if key not in flat:
                flat.add(key)
                flattened += above.get(key, ())
        for key in ways:
            self._taken.setdefault(key, Taken(np.inf, None, key in flat))

    def _look_at(self, tensor: Any) -> tuple[list[tuple[Any, Sequence[int | None]]], Taken]:
        """The tensors that a tensor's axes are passed on to, none if its users tell; and what these say."""
        self._kept.append(tensor)
        ways: list[tuple[Any, Sequence[int | None]]] = []
        flat = False
        for node in self._users_of(tensor):
            found = _taken_by(_meant(node.operation), len(tensor.shape))
            if found is not None:
                self._taken[id(tensor)] = taken = Taken(0, found, flat=False)
                return [], taken
            flat |= _flattens(node, tensor)
            ways += _below(node, tensor)
        return ways, Taken(np.inf, None, flat)

    def _go_up(
        self,
        telling: list[tuple[float, int]],
        ways: Mapping[int, Sequence[tuple[Any, Sequence[int | None]]]],
        above: Mapping[int, Sequence[int]],
    ) -> None:
        """Note for each tensor what the nearest that tells takes, from the nearest on; of several the first's word."""
        heapq.heapify(telling)
        seen: set[int] = set()
        while telling:
            distance, key = heapq.heappop(telling)
            if key in seen:
                continue
            seen.add(key)
            if key not in self._taken:
                near = ((self._taken.get(id(one)), moved) for one, moved in ways[key])
                found = ((one.axis, moved) for one, moved in near if one and one.distance == distance - 1)
                axis, moved = next((axis[0], moved) for axis, moved in found if axis)
                self._taken[key] = Taken(distance, (None,) if axis is None else (moved[axis],), flat=False)
            for one in above.get(key, ()):
                heapq.heappush(telling, (distance + 1, one))

    def _users_of(self, tensor: Any) -> list[Any]:
        """The nodes that a tensor is an input of."""
        operation = tensor._keras_history.operation
        if id(operation) not in self._users:
            users = self._users[id(operation)] = {}
            for node in operation._outbound_nodes:
                for one in {id(one) for one in node.input_tensors}:
                    users.setdefault(one, []).append(node)
        return self._users[id(operation)].get(id(tensor), [])


# --- steps from tensor to tensor
# -----------------------------------------------------------------------------------------------------


def _above(tensor: Any) -> Iterator[tuple[Any, Sequence[int]]]:
    """The tensors with the same axes that a tensor is computed from, and where each of their axes goes."""
    operation, index, _ = tensor._keras_history
    rank = len(tensor.shape)
    if inner := _graph_outputs(_meant(operation)):  # what is inside tells first
        yield inner[tensor._keras_history.tensor_index], range(rank)
    if _is_reshape(_meant(operation)):
        return
    for above in operation._inbound_nodes[index].input_tensors:
        if len(above.shape) == rank:
            order = _order_of_axes(_meant(operation), rank)
            yield above, [order.index(axis) for axis in range(rank)]


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
