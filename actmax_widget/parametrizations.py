"""Parametrizations: what the gradient is taken by, and how a picture comes from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from actmax_widget.checks import invalid, near
from actmax_widget.parts import Part

Params = dict[str, tf.Tensor]
Pull = Callable[[tf.Tensor], Params]


class Parametrization(Part):
    """Base class. Override :meth:`start` and :meth:`decode`.

    Pictures are (..., channels), channels last, with 1 to 3 spatial axes. In :meth:`decode` and :meth:`drawn` each of
    the part's own numbers is a tensor of shape (batch, 1, ..., 1) that multiplies with pictures.

    Attributes:
        plain: whether its one parameter is the picture as the network takes it.
        unit: whether its pictures are of 0 to 1, which the engine brings to ``input_range``; else they are as the
            network takes them.
        margin: by how much of the side the optimized picture, the *canvas*, is larger than what is shown, on each side.
            Transforms sample the canvas; its middle is shown, saved and regularized.
    """

    plain: bool = False
    unit: bool = True
    margin: float = 0.0

    def canvas(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the canvas for pictures of this shape, (..., channels)."""
        *sides, channels = shape
        return (*(side + 2 * round(self.margin * side) for side in sides), channels)

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise a ValueError if there are no such pictures of this shape, (..., channels)."""

    def start(
        self, shape: tuple[int, ...], random: np.random.RandomState, picture: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """The parameters of a fresh start: name -> float32 array, of one picture, without batch axis.

        Args:
            shape: of the canvas, (..., channels).
            random: the source of all random numbers.
            picture: a picture of this shape to start from (of 0 to 1 if ``unit``), which :meth:`decode` then gives back;
                None: from noise.
        """
        raise NotImplementedError

    def decode(self, params: Params, shape: tuple[int, ...]) -> tf.Tensor:
        """The canvas, (batch, *shape) float32, of parameters with batch axis."""
        raise NotImplementedError

    def drawn(self, params: Params, shape: tuple[int, ...]) -> tuple[tf.Tensor, Pull]:
        """The canvas, and the function that brings a gradient by the canvas back to one by the parameters.

        By default TensorFlow differentiates :meth:`decode`; override it where there is a quicker closed form.
        """
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(params)
            canvas = self.decode(params, shape)

        def pull(upstream: tf.Tensor) -> Params:
            return tape.gradient(canvas, params, upstream, unconnected_gradients=tf.UnconnectedGradients.ZERO)

        return canvas, pull


class Pixels(Parametrization):
    """The picture itself, as keras-vis has it: the gradient is taken by each value of the network's input.

    Source: Simonyan et al., *Deep inside convolutional networks*, 2014; keras-vis, 2017.
    """

    plain = True
    unit = False

    def start(self, shape: tuple[int, ...], random: Any, picture: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """See :meth:`Parametrization.start`; without a picture the engine gives one of noise."""
        del shape, random
        assert picture is not None  # noqa: S101 - the engine's own promise
        return {"pixels": picture}

    def decode(self, params: Params, shape: tuple[int, ...]) -> tf.Tensor:
        """See :meth:`Parametrization.decode`."""
        del shape
        return params["pixels"]


BUILT_IN: dict[str, type[Parametrization]] = {"pixels": Pixels}


def get(value: Any) -> Parametrization:
    """Look a parametrization up.

    Args:
        value: a parametrization, or the name of one: its class's, in any case.

    Raises:
        ValueError: an unknown name.
        TypeError: neither a name nor a parametrization.
    """
    names = ", ".join(BUILT_IN)
    if isinstance(value, str):
        if value.lower() not in BUILT_IN:
            advice = f"{near(value.lower(), BUILT_IN)} Check the spelling."
            raise invalid("parametrization", f"one of {names}", value, advice.lstrip())
        return BUILT_IN[value.lower()]()
    if not isinstance(value, Parametrization):
        advice = "Pass e.g. parametrization='fourier' or parametrizations.Fourier()."
        raise invalid("parametrization", f"a Parametrization or one of {names}", value, advice, TypeError)
    return value
