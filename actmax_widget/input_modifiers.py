"""Input modifiers: change the running input before (``pre``) or after (``post``) each step.

A modifier's change stays: it is part of the input from then on, as in keras-vis (2017, ``vis.input_modifiers``).
``pre`` runs in list order, ``post`` in reversed order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from actmax_widget.checks import invalid, listify
from actmax_widget.network import layout
from actmax_widget.parameters import parameters_of
from actmax_widget.settings import Settings


class InputModifier:
    """Base class. Override ``pre`` and/or ``post``: functions of the input array, (batch, ..., channels).

    Attributes:
        only_moves: whether ``pre`` only moves values about: none leaves the input's range, and the optimizer's memory
            of the gradient, which is each pixel's own, moves along.
        takes_batches: whether ``pre_tensor`` and ``post_tensor`` take many pictures, each by itself; else they are
            given one after the other.
    """

    only_moves = takes_batches = False

    def pre(self, inp: np.ndarray) -> np.ndarray:
        """Return the input to measure."""
        return inp

    def post(self, inp: np.ndarray) -> np.ndarray:
        """Return the input to go on with after the step."""
        return inp

    def knobs(self, shape: tuple[int, ...], spatial: Sequence[int] | None = None) -> dict[str, np.ndarray]:
        """Numbers that may change during a run, for an input of this shape; given to :meth:`pre_tensor` by name.

        ``spatial`` are the axes of its rows, columns and the like; None: as Keras's global setting has them.
        """
        del shape, spatial
        return {}

    def pre_tensor(self, inp: tf.Tensor, random: tf.Tensor, **knobs: tf.Tensor) -> tf.Tensor:
        """``pre`` inside the compiled loop. ``random`` has a seed for each picture and iteration, int32 (batch, 2)."""
        del random, knobs
        if type(self).pre is InputModifier.pre:
            return inp
        return _call_numpy(self.pre, inp)

    def post_tensor(self, inp: tf.Tensor) -> tf.Tensor:
        """``post`` inside the compiled loop."""
        if type(self).post is InputModifier.post:
            return inp
        return _call_numpy(self.post, inp)


class Jitter(InputModifier):
    """Roll the picture by a random offset along each spatial axis, so that no pattern stays tied to the pixel grid.

    Args:
        jitter: largest offset either way: a fraction of the side if < 1, pixels if >= 1; a number for all spatial axes
            or a sequence with one for each. Default 0.05.

    Raises:
        ValueError: negative or not finite, or a sequence whose length is not the number of spatial axes (when it is
            applied).
        TypeError: not numbers.

    Source: Mordvintsev et al., *Inceptionism*, 2015. keras-vis shifted with a period one too short; this is a true
        roll.
    """

    only_moves = takes_batches = True

    def __init__(self, jitter: Any = 0.05) -> None:
        declared = parameters_of(Settings)["jitter"]
        self.jitter = [declared.check(entry) for entry in listify(jitter)]

    def pixels(self, shape: tuple[int, ...], spatial: Sequence[int] | None = None) -> np.ndarray:
        """Largest offset along each spatial axis of an input of this shape: int32."""
        spatial = layout.assumed(len(shape)).spatial if spatial is None else spatial
        values = self.jitter * len(spatial) if len(self.jitter) == 1 else self.jitter
        if len(values) != len(spatial):
            advice = f"Pass one for each spatial axis of {shape}."
            raise invalid("jitter", f"one number or {len(spatial)}", self.jitter, advice)
        return np.array(
            [int(value * shape[axis] if value < 1 else value) for axis, value in zip(spatial, values, strict=True)],
            np.int32,
        )

    def pre(self, inp: np.ndarray) -> np.ndarray:
        """Roll an array with offsets from NumPy's global random state."""
        spatial = layout.assumed(inp.ndim).spatial
        offsets = [
            np.random.randint(-most, most + 1)  # noqa: NPY002 - keras-vis's own source of randomness
            for most in self.pixels(inp.shape)
        ]
        return np.roll(inp, offsets, spatial)

    def knobs(self, shape: tuple[int, ...], spatial: Sequence[int] | None = None) -> dict[str, np.ndarray]:
        """``pixels``: see :meth:`pixels`; ``axes``: the axes they are of."""
        spatial = layout.assumed(len(shape)).spatial if spatial is None else spatial
        return {"pixels": self.pixels(shape, spatial), "axes": np.array(spatial, np.int32)}

    def pre_tensor(self, inp: tf.Tensor, random: tf.Tensor, **knobs: tf.Tensor) -> tf.Tensor:
        """Roll each picture; its offsets follow from its ``random``."""
        most, axes = knobs["pixels"], knobs["axes"]

        def offsets(seed: tf.Tensor) -> tf.Tensor:
            uniform = tf.random.stateless_uniform([axes.shape[0]], seed)
            return tf.cast(tf.floor(uniform * tf.cast(2 * most + 1, tf.float32)), tf.int32) - most

        def together() -> tf.Tensor:
            return tf.roll(inp, offsets(random[0]), axes)

        def apart() -> tf.Tensor:
            def moved(one: Any) -> tf.Tensor:
                return tf.roll(one[0], offsets(one[1]), axes - 1)

            return tf.map_fn(moved, (inp, random), fn_output_signature=inp.dtype)

        # Of one seed, as many pictures mostly are, all are rolled at once.
        alike = tf.reduce_all(random == random[:1])
        moved = together if inp.shape[0] == 1 else lambda: tf.cond(alike, together, apart)
        return tf.cond(tf.reduce_any(most > 0), moved, lambda: tf.identity(inp))


def _call_numpy(function: Any, inp: tf.Tensor) -> tf.Tensor:
    """Call a user's NumPy function from the compiled loop; its errors come out of the loop's call."""
    result = tf.numpy_function(lambda array: np.asarray(function(array), np.float32), [inp], tf.float32)
    return tf.ensure_shape(result, inp.shape)
