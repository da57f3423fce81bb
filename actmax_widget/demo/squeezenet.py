"""SqueezeNet 1.1, and how its weights are kept: a byte each, with a scale for each output channel."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from actmax_widget.checks import invalid

__all__ = ["build", "read"]

CLASSES = 1000
ALWAYS = {"data_format": "channels_last", "dtype": "float32"}
"""Whatever Keras is set to, as the bundled ``.keras`` files have it too."""
KINDS = {"kernels": np.int8, "scales": np.float32, "biases": np.float32}
"""The arrays of a file, flat: all layers one after the other in the order of their names, which no Keras changes."""


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


def weighted(model: Any) -> list[Any]:
    """Give the layers that have weights, in the order of a file."""
    return sorted((layer for layer in model.layers if layer.weights), key=lambda layer: layer.name)


def read(model: Any, path: Path) -> None:
    """Put the weights of a file into a network that :func:`build` made.

    Raises:
        FileNotFoundError: there is no file.
        ValueError: it is damaged, or is not such a file; the network is as it was.
    """
    found, owners = arrays(path), weighted(model)
    sizes = np.cumsum([math.prod(layer.kernel.shape) for layer in owners])
    channels = np.cumsum([layer.filters for layer in owners])
    ends = {"kernels": sizes, "scales": channels, "biases": channels}
    expected = ", ".join(f"{name} {np.dtype(kind)}[{ends[name][-1]}]" for name, kind in KINDS.items())
    received = ", ".join(f"{name} {array.dtype}{list(array.shape)}" for name, array in found.items())
    if received != expected:
        raise _refused(path, expected, received)
    if not all(np.isfinite(found[name]).all() for name in KINDS):
        raise _refused(path, "finite numbers", "some that are not")
    parts = (np.split(found[name], ends[name][:-1]) for name in KINDS)
    for layer, kernel, scale, bias in zip(owners, *parts, strict=True):
        layer.set_weights([kernel.reshape(layer.kernel.shape) * scale, bias])


def arrays(path: Path) -> dict[str, Any]:
    """Give the arrays of a file, or raise as :func:`read` does."""
    if not path.is_file():
        raise _refused(path, "the weights of the network", None, FileNotFoundError)
    try:
        # Each array has a checksum in the archive, so that none comes out changed.
        with path.open("rb") as whole, np.load(whole, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # what a damaged archive raises goes from zlib.error to NotImplementedError
        raise _refused(path, "a whole file", f"{type(error).__name__}: {error}") from error


def _refused(path: Path, expected: str, received: Any, kind: type[Exception] = ValueError) -> Exception:
    advice = "The file is missing or damaged: install actmax-widget anew, or make it by tools/train/photos.py."
    return invalid(str(path), expected, received, advice, kind)
