"""Which part of a picture a unit sees: where the gradient of its answer is not zero.

It is measured and not derived from the layers' sizes, so that it holds for any graph. A gate that is shut, as of a ReLU
or a maximum, hides what is behind it, so the picture is joined by copies with noise, and all units at the place are
asked together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from actmax_widget.network import Network, Target
from actmax_widget.network.answers import responding

COPIES = 2
NOISE = 0.1
"""Standard deviation of the copies' noise, of the range."""

AT_ONCE = 3
"""Pictures in a batch, each with its copies: a gradient needs much memory."""

Box = tuple[tuple[int, int], ...]
"""For each side, where it begins and where it ends."""


def boxes(
    network: Network,
    target: Target,
    places: list[tuple[int, ...]],
    pictures: np.ndarray,
    input_range: tuple[float, float],
) -> list[Box]:
    """What the units of a layer see at a place each of some pictures.

    Args:
        network: fed as in the run.
        target: the layer.
        places: of its map, one for each picture; empty ones: the whole picture.
        pictures: as the network takes them, with batch axis.
        input_range: of its values.
    """
    sides = [network.layout.shape_shown(network.input.shape)[k] for k in range(len(network.layout.spatial))]
    whole: Box = tuple((0, side) for side in sides)
    if not places or not places[0]:
        return [whole for _ in places]
    respond, found = responding(network, target), list[Box]()
    for start in range(0, len(places), AT_ONCE):
        some, where = pictures[start : start + AT_ONCE], places[start : start + AT_ONCE]
        noise = np.random.default_rng(0).normal(0, NOISE * (input_range[1] - input_range[0]), (COPIES, *some.shape))
        seen = _gradient(respond, target, np.concatenate([some[None], some + noise]), where)
        found += [_around(network, one, whole) for one in np.moveaxis(seen, 1, 0)]
    return found


def _gradient(respond: Any, target: Target, pictures: np.ndarray, places: list[tuple[int, ...]]) -> np.ndarray:
    """By copies of pictures, (copies, n, ...), the gradient of all units at a place of each of the n."""
    copies, count, *shape = pictures.shape
    given = tf.constant(pictures.reshape(-1, *shape).astype(np.float32))
    weights = np.random.default_rng(1).normal(size=target.filters).astype(np.float32)
    with tf.GradientTape() as tape:
        tape.watch(given)
        answer = respond(given)
        order = [0, *(axis for axis in range(1, len(answer.shape)) if axis != target.axis), target.axis]
        where = [[copy * count + k, *place] for copy in range(copies) for k, place in enumerate(places)]
        units = tf.gather_nd(tf.transpose(answer, order), where)
        total = tf.reduce_sum(tf.cast(units, tf.float32) * weights)
    seen = tape.gradient(total, given, unconnected_gradients="zero")
    return np.reshape(seen.numpy(), (copies, count, *shape))


def _around(network: Network, gradient: np.ndarray, whole: Box) -> Box:
    """The smallest box around what is not zero, in the sides' order."""
    inside = [axis for axis in range(gradient.ndim) if axis not in network.layout.spatial]
    seen = np.abs(gradient).max(tuple(inside)) > 0
    if not seen.any():
        return whole
    found = []
    for axis in range(seen.ndim):
        along = np.flatnonzero(seen.any(tuple(other for other in range(seen.ndim) if other != axis)))
        found.append((int(along[0]), int(along[-1]) + 1))
    return tuple(found)
