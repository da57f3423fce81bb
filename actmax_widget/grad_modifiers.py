"""Gradient modifiers: what the optimizer does to the normalised gradient before it steps.

A gradient modifier takes the gradient (an array or tensor of any shape) and returns one of the same shape. It acts
*after* the gradient was divided by its L2 norm and *before* callbacks see it, as in keras-vis (2017,
``vis.grad_modifiers``).

Example:
    >>> from actmax_widget import grad_modifiers
    >>> grad_modifiers.get("negate")(np.array([1.0, -2.0]))
    array([-1.,  2.])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import backend, ops

from actmax_widget.checks import invalid

GradModifier = Callable[[Any], Any]


def identity(grads: Any) -> Any:
    """Return the gradient as it is."""
    return grads


def negate(grads: Any) -> Any:
    """Turn ascent into descent: the way to *lower* an output, for example of a regression."""
    return -grads


def absolute(grads: Any) -> Any:
    """Keep magnitudes, drop signs."""
    return abs(grads)


def invert(grads: Any) -> Any:
    """``1 / (gradient + epsilon)``: strengthen where the gradient is weak."""
    return 1.0 / (grads + backend.epsilon())


def relu(grads: Any) -> Any:
    """Set negative gradients to 0 (keras-vis changed its argument in place; this returns a new array)."""
    return ops.maximum(grads, 0) if ops.is_tensor(grads) else np.maximum(grads, 0)


def small_values(grads: Any) -> Any:
    """Absolute value of :func:`invert`: strengthen small gradients of either sign."""
    return absolute(invert(grads))


BUILT_IN: dict[str, GradModifier] = {
    "negate": negate,
    "absolute": absolute,
    "invert": invert,
    "relu": relu,
    "small_values": small_values,
}


def get(identifier: str | GradModifier | None) -> GradModifier:
    """Look a gradient modifier up.

    Args:
        identifier: ``None`` (no change), one of :data:`BUILT_IN` by name, or a function of the gradient.

    Raises:
        ValueError: for an unknown name.
        TypeError: for anything that is neither a name nor callable.
    """
    if identifier is None:
        return identity
    if isinstance(identifier, str):
        if identifier not in BUILT_IN:
            raise invalid(
                "grad_modifier", f"one of {', '.join(BUILT_IN)}", identifier, "Check the spelling or pass a function."
            )
        return BUILT_IN[identifier]
    if callable(identifier):
        return identifier
    raise invalid("grad_modifier", f"None, one of {', '.join(BUILT_IN)}, or a function", identifier, "", TypeError)
