"""The networks that are drawn, each with the other one as its judge, and the classes."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import keras
import numpy as np
from PIL import Image

from benchmarks import networks
from benchmarks.gallery import efficientnet

CHOSEN = {1: "goldfish", 130: "flamingo", 985: "daisy", 980: "volcano", 84: "peacock", 340: "zebra", 937: "broccoli", 483: "castle"}  # fmt: skip  # noqa: E501
"""The classes that recipes are chosen on."""
UNSEEN = {207: "retriever", 291: "lion", 323: "monarch", 817: "sports car", 954: "banana", 779: "school bus", 971: "bubble", 107: "jellyfish"}  # fmt: skip  # noqa: E501
"""The classes that are reported."""
CLASSES = CHOSEN | UNSEEN
MEAN = np.array([122.679, 116.669, 104.007], np.float32)
"""Of red, green and blue in the pictures that SqueezeNet was trained on."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """A network of ImageNet's classes.

    Attributes:
        name: what it is called.
        model: (side, side, 3) RGB of 0 to 255 -> 1000 logits, in a layer named ``logits``.
        judge: name of the network that judges its pictures.
    """

    name: str
    model: Any
    judge: str

    @property
    def side(self) -> int:
        """Side of its input, pixels."""
        return int(self.model.inputs[0].shape[1])

    def fitted(self, picture: Image.Image) -> np.ndarray:
        """A picture at the size of the input, (side, side, 3) float32 of 0 to 255."""
        if picture.size != (self.side, self.side):
            picture = picture.resize((self.side, self.side), Image.Resampling.BICUBIC)
        return np.asarray(picture.convert("RGB"), np.float32)

    def logits(self, pictures: np.ndarray) -> np.ndarray:
        """What it answers to (n, side, side, 3) pictures of 0 to 255: (n, 1000) float32."""
        return np.asarray(self.model.predict_on_batch(pictures))


@functools.cache
def subject(name: str) -> Subject:
    """A network by its name, ``"squeezenet"`` or ``"efficientnet"``, made once.

    Raises:
        FileNotFoundError: its weights were not downloaded.
    """
    return {
        "squeezenet": lambda: Subject(name, squeezenet(), "efficientnet"),
        "efficientnet": lambda: Subject(name, efficientnet.build(), "squeezenet"),
    }[name]()


def squeezenet() -> Any:
    """The published SqueezeNet, with its preprocessing in ``conv1``: exactly, as that has no padding."""
    model = networks.squeezenet()
    layer = model.get_layer("conv1")
    kernel, bias = layer.get_weights()
    kernel = kernel[:, :, ::-1]
    layer.set_weights([kernel, bias - MEAN @ kernel.sum(axis=(0, 1))])
    return model


def rescaled(model: Any, low: float, high: float) -> Any:
    """The network for pictures of ``low`` to ``high``, as a peer takes them by its defaults; it ends in ``target``."""
    picture = keras.Input(model.inputs[0].shape[1:], name="rescaled_picture")
    scale = 255 / (high - low)
    x = model(keras.layers.Rescaling(scale, -low * scale)(picture))
    return keras.Model(picture, keras.layers.Identity(name="target")(x))
