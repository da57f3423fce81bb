"""Helpers named as in keras-vis (2017, ``vis.utils.utils``)."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import backend, ops

from actmax_widget.checks import listify
from actmax_widget.graph import find_layer_idx, get_num_filters

__all__ = ["deprocess_input", "find_layer_idx", "get_num_filters", "listify", "random_array", "to_numpy"]


def random_array(shape: tuple[int, ...], mean: float = 128.0, std: float = 20.0, random: Any = np.random) -> np.ndarray:
    """Uniform noise, shifted and scaled to exactly this mean and standard deviation: float64 of the given shape.

    Args:
        shape: shape of the array.
        mean: its mean.
        std: its standard deviation.
        random: a :class:`numpy.random.RandomState`; default is NumPy's global one, as in keras-vis.
    """
    noise = random.random_sample(shape)
    return (noise - noise.mean()) / (noise.std() + backend.epsilon()) * std + mean


def deprocess_input(input_array: np.ndarray, input_range: tuple[float, float] = (0, 255)) -> np.ndarray:
    """Make an optimised input presentable: mean to mid-range, deviation to a tenth of the range, clipped, as keras-vis.

    Brightness and contrast of the input are lost; the picture the network really saw comes from ``clip=True``.
    """
    scaled = (input_array - input_array.mean()) / (input_array.std() + backend.epsilon()) * 0.1 + 0.5
    low, high = input_range
    return (high - low) * np.clip(scaled, 0, 1) + low


def to_numpy(tensor: Any) -> np.ndarray:
    """A tensor as an array that owns its memory."""
    return np.array(ops.convert_to_numpy(tensor))
