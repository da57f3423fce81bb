"""Regularizers: losses on the input itself, which keep it smooth and small.

The formulas and names are keras-vis's (2017, ``vis.regularizers``). Where those gave NaN gradients (a zero or a flat
picture), these give 0.
"""

from __future__ import annotations

import math
from typing import Any

from keras import ops

from actmax_widget import graph
from actmax_widget.checks import check_number, invalid
from actmax_widget.losses import Loss


class TotalVariation(Loss):
    """Total variation: penalises differences between neighbouring values.

    ``sum over pixels of (sum over axes of difference**2) ** (beta / 2)``, divided by the number of values of one
    picture. Each axis is differenced where all its neighbours exist, that is on the picture without its last row and
    column.

    Args:
        img_input: the model's symbolic input, (batch, ..., channels), with any number of spatial axes.
        beta: > 0. Smaller values give sharper edges; 2 is usual.

    Source: Mahendran and Vedaldi, *Understanding deep image representations by inverting them*, 2015.
    """

    def __init__(self, img_input: Any, beta: float = 2.0) -> None:
        check_number("beta", beta, above=0, advice="Pass e.g. beta=2.")
        self.img = img_input
        self.beta = beta
        self.name = f"TV({beta}) Loss"

    def build_loss(self) -> Any:
        """Return the loss; see :meth:`Loss.build_loss`."""
        axes = graph.spatial_axes(self.img)
        img = ops.cast(self.img, "float32")
        corner = graph.shifted(img, axes)
        squares = sum(ops.square(graph.shifted(img, axes, by_one=axis) - corner) for axis in axes)
        return ops.sum(_power(squares, self.beta / 2)) / graph.image_size(self.img) if axes else ops.sum(img) * 0


class LPNorm(Loss):
    """L-p norm of the picture, divided by its number of values: keeps values small.

    Args:
        img_input: the model's symbolic input, (batch, ..., channels).
        p: >= 1 or ``inf`` (the largest absolute value).

    Raises:
        ValueError: ``p`` < 1.

    Source: Simonyan et al., *Deep inside convolutional networks*, 2014; keras-vis ``vis.regularizers.LPNorm``, 2017.
    """

    def __init__(self, img_input: Any, p: float = 6.0) -> None:
        if p != math.inf:
            check_number("p", p, advice="Pass e.g. p=6, or float('inf').")
        if p < 1:
            raise invalid("p", "a number in [1, inf]", p, "Pass e.g. p=6.")
        self.img = img_input
        self.p = p
        self.name = f"L-{p} Norm Loss"

    def build_loss(self) -> Any:
        """Return the loss; see :meth:`Loss.build_loss`."""
        magnitudes = ops.abs(ops.cast(self.img, "float32"))
        if self.p == math.inf:
            return ops.max(magnitudes) / graph.image_size(self.img)
        # Scaled by the largest value, so that a high power cannot overflow; at a zero picture the gradient is 0, not
        # NaN.
        largest = ops.stop_gradient(ops.max(magnitudes))
        scale = ops.where(largest > 0, largest, 1.0)
        total = ops.sum(ops.power(magnitudes / scale, self.p))
        return scale * _power(total, 1.0 / self.p) / graph.image_size(self.img)


def _power(base: Any, exponent: float) -> Any:
    """``base ** exponent`` for base >= 0 whose gradient at 0 is 0 also where the exponent is below 1."""
    if exponent >= 1:
        return ops.power(base, exponent) if exponent != 1 else base
    positive = base > 0
    return ops.where(positive, ops.power(ops.where(positive, base, 1.0), exponent), 0.0)
