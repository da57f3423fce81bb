"""What users' parts return, checked while they are traced: TensorFlow would not say which part it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from actmax_widget.checks import invalid

ADVICE = "Use TensorFlow's operations on what it is given."


def check_tensor(name: str, value: Any, shape: Sequence[int | None], expected: str, advice: str = ADVICE) -> None:
    """Raise if what a part returned is no float tensor, or one of another shape; None stands for any size."""
    if not tf.is_tensor(value):
        raise invalid(name, expected, None if value is None else type(value), advice, TypeError)
    if not value.dtype.is_floating:
        raise invalid(name, expected, value.dtype, advice, TypeError)
    if not value.shape.is_compatible_with(shape):
        raise invalid(name, expected, tuple(value.shape), advice)
