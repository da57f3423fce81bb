"""What a layer has learned, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

from actmax_widget.checks import invalid
from actmax_widget.network import graph
from actmax_widget.network.network import Network
from actmax_widget.network.targets import Target


def responding(network: Network, target: Target) -> Callable[[Any], Any]:
    """A function of pictures, (n, ...) as the network takes them, to the target's activation, a tensor."""
    with graph.borrowed(network.input) as users:
        tensors = [network.input, *(tensor for tensor, _ in network.held)]
        model = graph.part(tensors, {"response": target.output}, users)

    def respond_to(pictures: Any) -> Any:
        tensor = ops.convert_to_tensor(pictures)
        fed = pictures if network.preprocess is None else network.preprocess(tensor)
        held = (np.repeat(value, len(pictures), 0) for _, value in network.held)
        return model([ops.convert_to_tensor(value) for value in (fed, *held)], training=False)["response"]

    return respond_to


def respond(network: Network, target: Target, picture: np.ndarray) -> Any:
    """The target's activation for a picture, (1, ..., channels) float32: a tensor."""
    return responding(network, target)(picture)


def answering(network: Network, target: Target) -> Callable[[np.ndarray], np.ndarray]:
    """A function of pictures, (n, ...) as the network takes them, to what all units answer: (n, ..., filters)."""
    respond_to = responding(network, target)

    def answer(pictures: np.ndarray) -> np.ndarray:
        found = ops.convert_to_numpy(ops.cast(respond_to(pictures), "float32"))
        return np.moveaxis(found, target.axis, -1)

    return answer


def at_place(answer: np.ndarray, position: Sequence[int]) -> tuple[np.ndarray, tuple[int, ...]]:
    """What is answered at one place, (n, filters), and the place; -1 is the middle of a side."""
    sides = answer.shape[1:-1]
    place = tuple(side // 2 if one < 0 else min(int(one), side - 1) for one, side in zip(position, sides, strict=True))
    return answer[(slice(None), *place)], place


def response_of(network: Network, target: Target, indices: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """How much some filters of a target answer a picture, (1, ..., channels), and where: (n, ...)."""
    response = ops.convert_to_numpy(respond(network, target, picture))
    found: np.ndarray = np.moveaxis(response, target.axis, 1)[0][indices]
    return found


def weights_of(network: Network, target: Target, indices: np.ndarray) -> np.ndarray:
    """A layer's weights as pictures, (n, height, width, channels) from -1 to 1, see ``visualize_weights``.

    Raises:
        ValueError: a layer without such weights.
    """
    kernel = getattr(target.layer, "kernel", None)
    if kernel is None or len(kernel.shape) < 2 or kernel.shape[-1] != target.filters:
        advice = "Choose a convolution or a Dense layer."
        raise invalid("layer_idx", "a layer with a kernel for each filter", target.name, advice)
    weights = np.moveaxis(ops.convert_to_numpy(kernel), -1, 0)[indices]
    shape = tuple(network.input.shape[1:])
    if weights.ndim == 2 and weights.shape[1] == np.prod(shape):
        weights = np.stack([network.layout.to_channels_last(one.reshape(shape)) for one in weights])
    largest = np.abs(weights).max(axis=tuple(range(1, weights.ndim)), keepdims=True)
    pictures: np.ndarray = weights / np.where(largest > 0, largest, 1)
    return pictures
