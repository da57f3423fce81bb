"""Optimizers: how parameters follow from their gradient."""

from __future__ import annotations

from typing import ClassVar

import tensorflow as tf

from actmax_widget.parameters import number
from actmax_widget.parts import Part


class Optimizer(Part):
    """Base class: a pure update of one array, its numbers as tensors of shape (batch, 1, ..., 1).

    Attributes:
        slots: names of what it keeps of each array from step to step: arrays of the same shape, zeros at first.
        norm_grads: divide the gradient of each picture by its L2 norm before.
    """

    slots: ClassVar[tuple[str, ...]] = ()
    norm_grads: ClassVar[bool] = False
    learning_rate: float = number(
        1.0,
        above=0,
        bottom=0.001,
        top=100,
        label="Learning rate",
        help="Factor of each step. Raise it when the picture hardly changes, lower it when the losses jump.",
    )

    def update(
        self, value: tf.Tensor, grad: tf.Tensor, kept: dict[str, tf.Tensor], iteration: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """The next value and the next ``kept``; ``iteration`` is the number of updates made before, int32."""
        raise NotImplementedError


class RMSProp(Optimizer):
    """Steps of equal size in each value: ``kept = 0.95 kept + 0.05 g**2; x -= learning_rate g / sqrt(kept + 1e-7)``.

    Source: Hinton, *Neural networks for machine learning*, lecture 6, 2012; keras-vis ``vis.optimizer``, 2017, on the
    gradient divided by its L2 norm.
    """

    slots = ("mean_square",)
    norm_grads = True

    def update(
        self, value: tf.Tensor, grad: tf.Tensor, kept: dict[str, tf.Tensor], iteration: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """See :meth:`Optimizer.update`."""
        del iteration
        mean = 0.95 * kept["mean_square"] + (1 - 0.95) * tf.square(grad)
        return value - self.learning_rate * grad / tf.sqrt(mean + 1e-7), {"mean_square": mean}
