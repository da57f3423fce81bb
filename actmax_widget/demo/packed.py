"""How the weights of a bundled network are kept small: a byte each, with a scale for each output channel.

Krishnamoorthi, *Quantizing deep convolutional networks for efficient inference*, 2018. They come back as float32: only
the file is small.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from actmax_widget.checks import invalid

__all__ = ["arrays", "quantise", "read", "save", "weighted", "write"]

KINDS = {"kernels": np.int8, "scales": np.float32, "biases": np.float32}
"""The arrays of a file, flat: all layers one after the other in the order of their names, which no Keras changes."""
LARGEST = 127


def weighted(model: Any) -> list[Any]:
    """Give the layers that have weights, in the order of a file."""
    return sorted((layer for layer in model.layers if layer.weights), key=lambda layer: layer.name)


def quantise(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Round a kernel, (..., out): integers, int8, and what to multiply each output channel by, float32."""
    scale = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1))).astype(np.float32) / LARGEST
    scale[scale == 0] = 1  # a filter of zeros stays one
    return np.rint(kernel / scale).astype(np.int8), scale


def write(model: Any, path: Path) -> None:
    """Write the file of a network whose layers with weights have a kernel and a bias."""
    rounded = []
    for layer in weighted(model):
        kernel, bias = layer.get_weights()
        rounded.append((*quantise(kernel), bias))
    save(rounded, path)


def save(layers: list[tuple[np.ndarray, np.ndarray, np.ndarray]], path: Path) -> None:
    """Write a file of integers, scales and bias of each layer, in the order of :func:`weighted`."""
    kernels, scales, biases = (
        np.concatenate([array.ravel() for array in of_all]) for of_all in zip(*layers, strict=True)
    )
    np.savez_compressed(path, kernels=kernels, scales=scales, biases=biases)


def read(model: Any, path: Path) -> None:
    """Put the weights of a file into a network of the same layers.

    Raises:
        FileNotFoundError: there is no file.
        ValueError: it is damaged, or is not such a file; the network is as it was.
    """
    found, owners = arrays(path), weighted(model)
    sizes = np.cumsum([math.prod(layer.kernel.shape) for layer in owners])
    channels = np.cumsum([layer.kernel.shape[-1] for layer in owners])
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
    advice = "The file is missing or damaged: install actmax-widget anew, or make it by the scripts in tools/train."
    return invalid(str(path), expected, received, advice, kind)
