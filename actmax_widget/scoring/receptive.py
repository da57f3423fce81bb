"""Which part of a picture a unit sees: where the gradient of its answer is not zero.

It is measured and not derived from the layers' sizes, so that it holds for any graph. A gate that is shut, as of a ReLU
or a maximum, hides what is behind it, so the picture is joined by copies with noise, and all units at the place are
asked together.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from actmax_widget.network import Network, Target
from actmax_widget.network.answers import responding

COPIES = 3
NOISE = 0.1
"""Standard deviation of the copies' noise, of the range."""

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
    respond, random = responding(network, target), np.random.default_rng(0)
    found = []
    for place, picture in zip(places, pictures, strict=True):
        deviation = NOISE * (input_range[1] - input_range[0])
        noise = random.normal(0, deviation, (COPIES, *picture.shape))
        given = tf.constant(np.concatenate([picture[None], picture + noise]).astype(np.float32))
        with tf.GradientTape() as tape:
            tape.watch(given)
            answer = respond(given)
            order = [0, *(axis for axis in range(1, len(answer.shape)) if axis != target.axis), target.axis]
            units = tf.transpose(answer, order)[(slice(None), *place)]
            total = tf.reduce_sum(tf.cast(units, tf.float32) * random.normal(size=target.filters).astype(np.float32))
        seen = tape.gradient(total, given)
        found.append(whole if seen is None else _around(network, seen.numpy(), whole))
    return found


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
