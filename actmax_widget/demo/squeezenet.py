"""SqueezeNet 1.1: its layers; how its weights are kept says :mod:`actmax_widget.demo.packed`."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

__all__ = ["build"]

CLASSES = 1000
ALWAYS = {"data_format": "channels_last", "dtype": "float32"}
"""Whatever Keras is set to, as the bundled ``.keras`` files have it too."""


def build(name: str = "squeezenet") -> Any:
    """Make the network, (227, 227, 3) -> 1000 ``logits`` without a softmax; its weights are zero.

    Layers are ``conv1``, for each of eight fire modules ``fire2_squeeze1x1``, ``fire2_expand1x1``, ``fire2_expand3x3``
    and ``fire2_concat``, then ``conv10``, a map for each class, and ``logits``, its mean.

    Source: Iandola et al., *SqueezeNet: AlexNet-level accuracy with 50x fewer parameters*, 2016; version 1.1.
    """
    picture = keras.Input((227, 227, 3), name="picture", dtype="float32")
    x = _conv(picture, 64, 3, "conv1", strides=2, padding="valid")
    x = layers.MaxPooling2D(3, 2, name="pool1", **ALWAYS)(x)
    for number, (squeezed, expanded) in enumerate([(16, 64)] * 2 + [(32, 128)] * 2 + [(48, 192)] * 2 + [(64, 256)] * 2):
        x = _fire(x, squeezed, expanded, f"fire{number + 2}")
        if number in {1, 3}:
            x = layers.MaxPooling2D(3, 2, name=f"pool{number + 2}", **ALWAYS)(x)
    x = _conv(x, CLASSES, 1, "conv10", activation=None)
    return keras.Model(picture, layers.GlobalAveragePooling2D(name="logits", **ALWAYS)(x), name=name)


def _fire(x: Any, squeezed: int, expanded: int, name: str) -> Any:
    x = _conv(x, squeezed, 1, f"{name}_squeeze1x1")
    parts = [_conv(x, expanded, 1, f"{name}_expand1x1"), _conv(x, expanded, 3, f"{name}_expand3x3")]
    return layers.Concatenate(name=f"{name}_concat", dtype="float32")(parts)


def _conv(x: Any, filters: int, size: int, name: str, **options: Any) -> Any:
    # Zeros, as random numbers that are written over at once would take as long as all the rest.
    settings = {"padding": "same", "activation": "relu", "kernel_initializer": "zeros"} | ALWAYS | options
    return layers.Conv2D(filters, size, name=name, **settings)(x)
