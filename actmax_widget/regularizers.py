"""Regularizers: losses on the input itself, which keep it smooth and small.

The formulas and names are keras-vis's (2017, ``vis.regularizers``). Where those gave NaN gradients (a zero or a flat
picture), these give 0.

Their gradients are written out by hand, and the :class:`~actmax_widget.engine.Objective` takes them from here: what
TensorFlow derives for a power and a slice took a third of a whole step of SqueezeNet. (``tf.custom_gradient`` would
keep each traced graph for ever.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from actmax_widget.checks import check_number, invalid
from actmax_widget.losses import Loss, checked_name
from actmax_widget.network import Network, layout
from actmax_widget.parts import live

Slope = Callable[[tf.Tensor], tf.Tensor]


class Regularizer(Loss):
    """A loss on the input alone.

    Args:
        img_input: the model's symbolic input, (batch, ..., channels); None: that of the network it is used with, which
            :meth:`on` finds.
    """

    img: Any = None

    def __init__(self, img_input: Any = None) -> None:
        self.img = img_input

    def on(self, network: Network) -> Self:
        """See :meth:`Loss.on`: a copy on the network's input, if it is on none yet."""
        one = super().on(network)
        return one.bound({"img": network.input}) if one.img is None else one

    def penalty(self, img: tf.Tensor) -> tuple[tf.Tensor, Slope]:
        """The penalty of each picture, float32 (batch, 1, ..., 1), and its gradient.

        The gradient is a function of what it shall be multiplied with. Declared numbers are (batch, 1, ..., 1).
        """
        raise NotImplementedError

    def joint(self, values: Any) -> Any:
        """See :meth:`Loss.joint`: over all pictures, but divided by the size of one."""
        return ops.sum(values)

    def build_loss(self) -> Any:
        """Return each picture's loss, (batch,); see :meth:`Loss.build_loss`."""
        if self.img is None:
            advice = "Pass model.inputs[0], or find it in a network: loss.on(Network(model))."
            raise invalid("img_input", "the symbolic input of a model", None, advice)
        numbers = {name: getattr(self, name) for name in live(self)}
        symbolic = {name: value for name, value in numbers.items() if isinstance(value, keras.KerasTensor)}
        return ops.reshape(_Penalty(self)(self.img, symbolic), (-1,))


class TotalVariation(Regularizer):
    """Total variation: penalises differences between neighbouring values.

    ``sum over pixels of (sum over axes of difference**2) ** (beta / 2)``, divided by the number of values of one
    picture. Each axis is differenced where all its neighbours exist, that is on the picture without its last row and
    column.

    Args:
        img_input: the model's symbolic input, with any number of spatial axes. Its channels, which are not compared
            with each other, are where the first layers that look at it take them from. None: see :class:`Regularizer`.
        beta: > 0. Smaller values give sharper edges; 2 is usual.
        name: of the loss.

    Raises:
        ValueError: ``beta`` <= 0.

    Example:
        >>> objective = ActivationMaximization("conv3", 5) + 10 * TotalVariation()

    Source: Mahendran and Vedaldi, *Understanding deep image representations by inverting them*, 2015.
    """

    def __init__(self, img_input: Any = None, beta: float = 2.0, *, name: str | None = None) -> None:
        check_number("beta", beta, above=0, advice="Pass e.g. beta=2.")
        super().__init__(img_input)
        self.beta = beta
        self.name = checked_name(name, f"TV({beta}) Loss")

    def signature(self) -> Hashable | None:
        """See :meth:`Loss.signature`; nobody knows what a subclass depends on."""
        return (type(self), self.beta) if type(self) is TotalVariation else None

    def penalty(self, img: tf.Tensor) -> tuple[tf.Tensor, Slope]:
        """See :meth:`Regularizer.penalty`."""
        spatial, size, axes = layout.of_input(self.img).spatial, _size(img), _axes(img)
        if not spatial:
            return tf.reduce_sum(img * 0, axes, keepdims=True), lambda _: tf.zeros_like(img)
        corner = _without_last(img, spatial)
        rises = [_without_last(img, spatial, first_of=axis) - corner for axis in spatial]
        squares = tf.add_n([tf.square(rise) for rise in rises])

        def slope(upstream: tf.Tensor) -> tf.Tensor:
            factor = upstream * (self.beta / size)
            if self.beta != 2:
                factor *= _power(squares, self.beta / 2 - 1)
            pulls = [rise * factor for rise in rises]
            ahead = [_padded(pull, spatial, first_of=axis) for axis, pull in zip(spatial, pulls, strict=True)]
            return tf.add_n(ahead) - _padded(tf.add_n(pulls), spatial)

        total = tf.reduce_sum(_power(squares, self.beta / 2), axes, keepdims=True)
        return total / size, slope


class LPNorm(Regularizer):
    """L-p norm of the picture, divided by its number of values: keeps values small.

    Args:
        img_input: the model's symbolic input, (batch, ..., channels). None: see :class:`Regularizer`.
        p: >= 1 or ``inf`` (the largest absolute value).
        name: of the loss.

    Raises:
        ValueError: ``p`` < 1.

    Example:
        >>> objective = ActivationMaximization("conv3", 5) + 10 * LPNorm(p=2)

    Source: Simonyan et al., *Deep inside convolutional networks*, 2014; keras-vis ``vis.regularizers.LPNorm``, 2017.
    """

    def __init__(self, img_input: Any = None, p: float = 6.0, *, name: str | None = None) -> None:
        if p != math.inf:
            check_number("p", p, advice="Pass e.g. p=6, or float('inf').")
        if p < 1:
            raise invalid("p", "a number in [1, inf]", p, "Pass e.g. p=6.")
        super().__init__(img_input)
        self.p = p
        self.name = checked_name(name, f"L-{p} Norm Loss")

    def signature(self) -> Hashable | None:
        """See :meth:`Loss.signature`; nobody knows what a subclass depends on."""
        return (type(self), self.p) if type(self) is LPNorm else None

    def joint(self, values: Any) -> Any:
        """See :meth:`Loss.joint`."""
        if self.p == math.inf:
            return ops.max(values)
        largest = tf.stop_gradient(tf.reduce_max(values))
        scale = tf.where(largest > 0, largest, 1.0)  # as in penalty()
        return scale * _power(tf.reduce_sum(_power(values / scale, self.p)), 1 / self.p)

    def penalty(self, img: tf.Tensor) -> tuple[tf.Tensor, Slope]:
        """See :meth:`Regularizer.penalty`."""
        size, axes = _size(img), _axes(img)
        largest = tf.reduce_max(tf.abs(img), axes, keepdims=True)
        if self.p == math.inf:
            return largest / size, lambda upstream: _slope_of_largest(img, largest, axes) * (upstream / size)
        # Scaled by the largest value, so that a high power cannot overflow.
        scale = tf.where(largest > 0, largest, 1.0)
        scaled = img / scale
        lower = _signed_power(scaled, self.p - 1)
        total = tf.reduce_sum(lower * scaled, axes, keepdims=True)

        def slope(upstream: tf.Tensor) -> tf.Tensor:
            return lower * (upstream * _power(total, 1 / self.p - 1) / size)

        return scale * _power(total, 1 / self.p) / size, slope


class _Penalty(keras.Layer):  # type: ignore[misc]
    """A regularizer as an operation of the symbolic graph."""

    def __init__(self, regularizer: Regularizer) -> None:
        super().__init__(dtype="float32")
        self._regularizer = regularizer
        self.built = True

    def call(self, img: tf.Tensor, numbers: Mapping[str, tf.Tensor]) -> tf.Tensor:
        img = tf.cast(img, tf.float32)
        shaped = {name: tf.reshape(value, [-1, *[1] * (img.shape.rank - 1)]) for name, value in numbers.items()}
        value, slope = self._regularizer.bound(shaped).penalty(tf.stop_gradient(img))
        # Adds nothing but the gradient.
        moved = slope(tf.ones_like(value)) * (img - tf.stop_gradient(img))
        return value + tf.reduce_sum(moved, _axes(img), keepdims=True)

    def compute_output_spec(self, img: Any, numbers: Mapping[str, Any]) -> Any:
        del numbers
        return keras.KerasTensor([img.shape[0], *[1] * (len(img.shape) - 1)], "float32")


def _size(img: tf.Tensor) -> int:
    """Number of values of one picture (H * W * C)."""
    return int(np.prod(img.shape[1:]))


def _axes(img: tf.Tensor) -> list[int]:
    """The axes of one picture."""
    return list(range(1, img.shape.rank))


def _slope_of_largest(img: tf.Tensor, largest: tf.Tensor, axes: Sequence[int]) -> tf.Tensor:
    """The gradient of the largest magnitude; several that are as large share it."""
    there = tf.cast(tf.abs(img) == largest, img.dtype)
    return tf.sign(img) * there / tf.reduce_sum(there, axes, keepdims=True)


def _without_last(img: tf.Tensor, axes: Iterable[int], first_of: int | None = None) -> tf.Tensor:
    """Pictures without their last entry along each of ``axes``, or, along ``first_of``, without their first."""
    begin, size = [0] * img.shape.rank, [-1] * img.shape.rank
    for axis in axes:
        begin[axis] = int(axis == first_of)
        size[axis] = img.shape[axis] - 1
    return tf.slice(img, begin, size)


def _padded(img: tf.Tensor, axes: Iterable[int], first_of: int | None = None) -> tf.Tensor:
    """The reverse of :func:`_without_last`: zeros where that cut."""
    edges = [[0, 0] for _ in img.shape]
    for axis in axes:
        edges[axis] = [1, 0] if axis == first_of else [0, 1]
    return tf.pad(img, edges)


def _power(base: tf.Tensor, exponent: float) -> tf.Tensor:
    """``base ** exponent`` for base >= 0; 0 where the base is 0, also if the exponent is negative."""
    if exponent == 1:
        return base
    positive = base > 0
    return tf.where(positive, tf.pow(tf.where(positive, base, 1.0), exponent), 0.0)


def _signed_power(base: tf.Tensor, exponent: float) -> tf.Tensor:
    """``sign(base) * abs(base) ** exponent``; a few multiplications if the exponent is odd, as with the L6 norm."""
    if exponent % 2 != 1:
        return tf.sign(base) * tf.pow(tf.abs(base), exponent)
    square, result, halved = base, base, int(exponent) // 2
    while halved:
        square = tf.square(square)
        result = result * square if halved % 2 else result
        halved //= 2
    return result
