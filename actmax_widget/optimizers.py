"""Optimizers: how parameters follow from their gradient.

An optimizer updates one array at a time and keeps nothing itself: what it remembers goes in and comes out, so each
picture of a batch has a memory and numbers of its own. ``keras.optimizers`` are translated by :func:`get`.

Example:
    >>> class Signs(Optimizer):
    ...     def update(self, value, grad, kept, iteration):
    ...         return value - self.learning_rate * tf.sign(grad), {}
    >>> get(Signs(learning_rate=0.1)), get("adam"), get(keras.optimizers.SGD(0.1, momentum=0.9))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from actmax_widget.checks import invalid
from actmax_widget.parameters import COMPILE, flag, number
from actmax_widget.parts import Part

Kept = dict[str, tf.Tensor]
CLOSEST_TO_1 = 0.999999
"""The slowest decay there is, see :func:`_rest`."""


def _rate(default: float) -> Any:
    """The learning rate, which each optimizer has with another default."""
    return number(
        default,
        above=0,
        bottom=0.001,
        top=100,
        label="Learning rate",
        help="Factor of each step. Raise it when the picture hardly changes, lower it when the losses jump.",
    )


def _decay(default: float, label: str, of: str) -> Any:
    """A share of what is remembered that is left after a step."""
    about = f"Share of {of} that is left after a step. Raise it for smoother steps, lower it to follow changes sooner."
    return number(default, least=0, most=CLOSEST_TO_1, top=CLOSEST_TO_1, scale="linear", label=label, help=about)


def _epsilon() -> Any:
    about = "What keeps steps small where the gradient is nearly 0. Raise it when flat parts of the picture flicker."
    return number(1e-7, above=0, bottom=1e-8, top=1, label="Epsilon", help=about)


class Optimizer(Part):
    """Base class: a pure update of one array, its numbers as tensors of shape (batch, 1, ..., 1).

    Attributes:
        slots: names of what it keeps of each array from step to step: arrays of the same shape, zeros at first.
        norm_grads: divide the gradient of each picture by its L2 norm before.
    """

    slots: ClassVar[tuple[str, ...]] = ()
    norm_grads: ClassVar[bool] = False
    learning_rate: float = _rate(1.0)

    def update(self, value: tf.Tensor, grad: tf.Tensor, kept: Kept, iteration: tf.Tensor) -> tuple[tf.Tensor, Kept]:
        """The next value and the next ``kept``; ``iteration`` is the number of updates made before, int32."""
        raise NotImplementedError(f"{self.name}.update() is missing: return the next value and what is kept.")


class RMSProp(Optimizer):
    """Steps of equal size in each value: ``kept = 0.95 kept + 0.05 g**2; x -= learning_rate g / sqrt(kept + 1e-7)``.

    Source: Hinton, *Neural networks for machine learning*, lecture 6, 2012; keras-vis ``vis.optimizer``, 2017, on the
    gradient divided by its L2 norm.

    Example:
        >>> RMSProp(learning_rate=2)
    """

    slots = ("mean_square",)
    norm_grads = True

    def update(self, value: tf.Tensor, grad: tf.Tensor, kept: Kept, iteration: tf.Tensor) -> tuple[tf.Tensor, Kept]:
        """See :meth:`Optimizer.update`."""
        del iteration
        mean = 0.95 * kept["mean_square"] + (1 - 0.95) * tf.square(grad)
        return value - self.learning_rate * grad / tf.sqrt(mean + 1e-7), {"mean_square": mean}


class Adam(Optimizer):
    """Steps of equal size along a running mean of the gradient.

    ``m += (1 - beta_1)(g - m); v += (1 - beta_2)(g**2 - v)``;
    ``x -= learning_rate sqrt(1 - beta_2**t) / (1 - beta_1**t) m / (sqrt(v) + epsilon)``, t = 1, 2, ...

    Source: Kingma and Ba, *Adam*, 2015, in the form of their section 2, as ``keras.optimizers.Adam`` has it.

    Example:
        >>> Adam(0.1, beta_1=0.8)
    """

    slots = ("mean", "mean_square")
    learning_rate: float = _rate(0.05)
    beta_1: float = _decay(0.9, "Beta 1", "the mean gradient")
    beta_2: float = _decay(0.999, "Beta 2", "the mean squared gradient")
    epsilon: float = _epsilon()

    def update(self, value: tf.Tensor, grad: tf.Tensor, kept: Kept, iteration: tf.Tensor) -> tuple[tf.Tensor, Kept]:
        """See :meth:`Optimizer.update`."""
        mean = kept["mean"] + _rest(self.beta_1) * (grad - kept["mean"])
        square = kept["mean_square"] + _rest(self.beta_2) * (tf.square(grad) - kept["mean_square"])
        time = tf.cast(iteration + 1, tf.float32)
        rate = self.learning_rate * tf.sqrt(1 - tf.pow(self.beta_2, time)) / (1 - tf.pow(self.beta_1, time))
        return value - rate * mean / (tf.sqrt(square) + self.epsilon), {"mean": mean, "mean_square": square}


class SGD(Optimizer):
    """Steps along the gradient: ``u = momentum u - learning_rate g; x += u``.

    With ``nesterov`` the last is ``x += momentum u - learning_rate g``.

    Source: Nesterov, *A method of solving a convex programming problem*, 1983; ``keras.optimizers.SGD``.

    Example:
        >>> SGD(0.1, momentum=0.9, nesterov=True)
    """

    slots = ("velocity",)
    learning_rate: float = _rate(0.01)
    momentum: float = number(
        0.0,
        least=0,
        most=1,
        top=1,
        scale="linear",
        label="Momentum",
        help="Share of the last step that is made again. Raise it to pass over small hills, lower it when it swings.",
    )
    nesterov: bool = flag(
        False,
        label="Nesterov",
        takes_effect=COMPILE,
        help="Take the gradient as if the next step were already made. Switch it on when the steps swing.",
    )

    def update(self, value: tf.Tensor, grad: tf.Tensor, kept: Kept, iteration: tf.Tensor) -> tuple[tf.Tensor, Kept]:
        """See :meth:`Optimizer.update`."""
        del iteration
        step = self.learning_rate * grad
        velocity = self.momentum * kept["velocity"] - step
        return value + (self.momentum * velocity - step if self.nesterov else velocity), {"velocity": velocity}


class Lion(Optimizer):
    """Steps of the same size in each value: ``x -= learning_rate sign(beta_1 m + (1 - beta_1) g)``.

    Then ``m = beta_2 m + (1 - beta_2) g``.

    Source: Chen et al., *Symbolic discovery of optimization algorithms*, 2023; ``keras.optimizers.Lion``.

    Example:
        >>> Lion(0.01)
    """

    slots = ("mean",)
    learning_rate: float = _rate(0.001)
    beta_1: float = _decay(0.9, "Beta 1", "the mean gradient in the step")
    beta_2: float = _decay(0.99, "Beta 2", "the mean gradient")

    def update(self, value: tf.Tensor, grad: tf.Tensor, kept: Kept, iteration: tf.Tensor) -> tuple[tf.Tensor, Kept]:
        """See :meth:`Optimizer.update`."""
        del iteration
        step = self.learning_rate * tf.sign(self.beta_1 * kept["mean"] + (1 - self.beta_1) * grad)
        return value - step, {"mean": self.beta_2 * kept["mean"] + (1 - self.beta_2) * grad}


class KerasRMSprop(Optimizer):
    """Keras's own: as :class:`RMSProp`, on the gradient as it is, with a decay and a momentum of one's own.

    ``v = rho v + (1 - rho) g**2; u = momentum u + learning_rate g / sqrt(v + epsilon); x -= u``; ``centered``: in place
    of v its difference from the square of the mean gradient.

    Source: Graves, *Generating sequences with recurrent neural networks*, 2013; ``keras.optimizers.RMSprop``.

    Example:
        >>> KerasRMSprop(0.01, rho=0.95, centered=True)
    """

    name = "RMSprop"
    slots = ("mean_square", "velocity", "mean")
    learning_rate: float = _rate(0.001)
    rho: float = _decay(0.9, "Rho", "the mean squared gradient")
    momentum: float = _decay(0.0, "Momentum", "the last step")
    epsilon: float = _epsilon()
    centered: bool = flag(
        False,
        label="Centered",
        takes_effect=COMPILE,
        help="Divide by the gradient's deviation instead of its size. Switch it on when steps are small and steady.",
    )

    def update(self, value: tf.Tensor, grad: tf.Tensor, kept: Kept, iteration: tf.Tensor) -> tuple[tf.Tensor, Kept]:
        """See :meth:`Optimizer.update`."""
        del iteration
        new, mean = _rest(self.rho), kept["mean"]
        square = spread = self.rho * kept["mean_square"] + new * tf.square(grad)
        if self.centered:
            mean = self.rho * mean + new * grad
            spread = square - tf.square(mean)
        velocity = self.momentum * kept["velocity"] + self.learning_rate * grad / tf.sqrt(spread + self.epsilon)
        return value - velocity, {"mean_square": square, "velocity": velocity, "mean": mean}


def _rest(decay: tf.Tensor) -> tf.Tensor:
    """``1 - decay``: in float32 it is off by 1e-5 of itself for a decay of .999, so it is taken to six decimals."""
    return tf.round((1 - decay) * 1e6) / 1e6


# --- what a person may say -------------------------------------------------------------------------------------------

BUILT_IN: dict[str, Callable[[], Optimizer]] = {"rmsprop": RMSProp, "adam": Adam, "sgd": SGD, "lion": Lion}
"""The optimizers that have a name."""
OF_KERAS: dict[type, Callable[..., Optimizer]] = {
    keras.optimizers.SGD: SGD,
    keras.optimizers.Adam: Adam,
    keras.optimizers.RMSprop: KerasRMSprop,
    keras.optimizers.Lion: Lion,
}
"""What stands for Keras's optimizers."""
REFUSED = {
    "weight_decay": "weight decay, which a regularizer like LPNorm is for",
    "clipnorm": "clipping (clipnorm)",
    "clipvalue": "clipping (clipvalue)",
    "global_clipnorm": "clipping (global_clipnorm)",
    "use_ema": "an average of iterates (use_ema)",
    "loss_scale_factor": "scaling of the loss (loss_scale_factor)",
    "gradient_accumulation_steps": "accumulated gradients (gradient_accumulation_steps)",
    "amsgrad": "the AMSGrad variant (amsgrad)",
}
"""Options of Keras's optimizers that no pure update is made of, with what they are."""
EXPECTED = f"None, one of {', '.join(BUILT_IN)}, an Optimizer, or a keras.optimizers SGD, Adam, RMSprop or Lion"
ADVICE = 'Pass e.g. optimizer="adam" or optimizers.Adam(0.05).'


def get(value: Any) -> Optimizer:
    """The optimizer that something stands for.

    Args:
        value: None: :class:`RMSProp`; ``"rmsprop"``, ``"adam"``, ``"sgd"`` or ``"lion"``; an :class:`Optimizer`, as it
            is; or a ``keras.optimizers`` ``SGD``, ``Adam``, ``RMSprop`` or ``Lion``, of which the configuration is
            taken, not what it has learned.

    Raises:
        ValueError: an unknown name, or an option of Keras's that does not work here: schedules, weight decay,
            clipping, averages, scaling or accumulation, AMSGrad.
        TypeError: something else, another optimizer of Keras's among it.

    Example:
        >>> get(keras.optimizers.Adam(0.1))
        Adam(learning_rate=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-07)
    """
    if value is None:
        return RMSProp()
    if isinstance(value, Optimizer):
        return value
    if isinstance(value, str):
        if value.lower() not in BUILT_IN:
            raise invalid("optimizer", EXPECTED, value, "Check the spelling.")
        return BUILT_IN[value.lower()]()
    if isinstance(value, keras.optimizers.Optimizer):
        return _translated(value)
    if isinstance(value, type):
        raise invalid("optimizer", EXPECTED, value, f"Make one of it: {value.__name__}().", TypeError)
    raise invalid("optimizer", EXPECTED, value, ADVICE, TypeError)


def _translated(optimizer: Any) -> Optimizer:
    """Ours in place of one of Keras's."""
    own = type(optimizer).__name__
    if type(optimizer) not in OF_KERAS:
        expected = "an SGD, Adam, RMSprop or Lion of keras.optimizers"
        raise invalid("optimizer", expected, own, f"{own} has no translation. {ADVICE}", TypeError)
    config = optimizer.get_config()
    for option, what in REFUSED.items():
        if given := config.pop(option, None):
            raise invalid("optimizer", f"{own} without {what}", given, f"Leave {option} out.")
    rate = config.pop("learning_rate")
    if not isinstance(rate, float):
        raise invalid(
            "optimizer", f"{own} with a number as learning_rate", rate, "Schedules do not work here. " + ADVICE
        )
    # Keras keeps it in float32: .05 comes back as .0500000007.
    rate = float(np.format_float_positional(np.float32(rate)))
    options = {name: one for name, one in config.items() if name != "name" and not name.startswith("ema_")}
    return OF_KERAS[type(optimizer)](rate, **options)
