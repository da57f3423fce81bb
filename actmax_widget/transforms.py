"""Transforms: what the network is shown instead of the picture, drawn anew at each step, never left in the picture."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from actmax_widget.parts import Part


class Random:
    """Random numbers that follow from a picture's seed, the iteration and the part: never from its place in a batch.

    Args:
        seed: int32 (2,).
    """

    def __init__(self, seed: tf.Tensor) -> None:
        self._seed, self._drawn = seed, 0

    def uniform(self, shape: Sequence[int] = (), low: float = 0.0, high: float = 1.0) -> tf.Tensor:
        """Uniform numbers in [low, high), float32; other ones at each call."""
        return low + (high - low) * tf.random.stateless_uniform(shape, self._next())

    def normal(self, shape: Sequence[int] = ()) -> tf.Tensor:
        """Normal numbers of mean 0 and standard deviation 1, float32; other ones at each call."""
        return tf.random.stateless_normal(shape, self._next())

    def _next(self) -> tf.Tensor:
        self._drawn += 1
        return tf.random.experimental.stateless_fold_in(self._seed, self._drawn)


class Transform(Part):
    """Base class. Override ``__call__``, which is given one picture at a time, its numbers as scalar tensors.

    Attributes:
        unit: whether it takes pictures of 0 to 1; else they are as the network takes them, in ``input_range``.
        views: how many views of a picture it makes; what is maximised is their mean.
        dimensions: spatial axes that pictures must have; None: any.
    """

    unit: bool = False
    views: int = 1
    dimensions: int | None = None

    def __call__(self, image: tf.Tensor, random: Random) -> tf.Tensor:
        """What is seen in place of a picture, (..., channels), of the same shape, differentiable.

        A keyword ``progress`` is given too, if there is one: iteration / goal, a scalar from 0 to 1.
        """
        raise NotImplementedError
