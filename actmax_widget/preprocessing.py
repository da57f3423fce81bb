"""What a network wants to be fed, while people see and steer pictures of 0 to 255.

A preprocessing is the last thing that happens to a picture before the network: after the transforms, at each step. The
modes are those of ``keras.applications.imagenet_utils.preprocess_input``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from actmax_widget.checks import asked, check_number, invalid, near

BGR_MEAN = (103.939, 116.779, 123.68)
TORCH_MEAN, TORCH_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
MODES = ("tf", "caffe", "torch")
OF_MODELS = {
    "caffe": ("vgg16", "vgg19", "resnet50", "resnet101", "resnet152"),
    "tf": (
        *("inception_v3", "inception_resnet_v2", "mobilenet", "mobilenetv2", "nasnet", "xception"),
        *("resnet50v2", "resnet101v2", "resnet152v2"),
    ),
    "torch": ("densenet121", "densenet169", "densenet201"),
}
"""Names of models of ``keras.applications``, which their files keep, by what they are fed. The others do it inside."""


class Preprocessing:
    """A function of pictures, (batch, ..., channels) of 0 to 255, to what the network is fed, of the same shape.

    Args:
        function: of a tensor, by ``keras.ops``.
        key: equal for two that do the same; None: nobody knows.
    """

    def __init__(self, function: Callable[[Any], Any], key: Hashable = None) -> None:
        self._function = function
        self.key = ("own", id(function), function) if key is None else key

    def __call__(self, pictures: Any) -> Any:
        """What the network is fed.

        Raises:
            TypeError: the function returned no tensor.
            ValueError: it returned another shape.
        """
        expected = f"a function that returns a tensor of the pictures' shape {tuple(pictures.shape)}"
        advice = "Use keras.ops or a Keras layer, and keep the shape."
        fed = asked("preprocess", lambda: self._function(pictures), expected, advice)
        if not ops.is_tensor(fed):
            raise invalid("preprocess", expected, None if fed is None else type(fed), advice, TypeError)
        if tuple(fed.shape) != tuple(pictures.shape):
            raise invalid("preprocess", expected, tuple(fed.shape), advice)
        return ops.cast(fed, "float32")


def get(value: Any) -> Preprocessing | None:
    """Look a preprocessing up.

    Args:
        value: None; "tf" (to -1 to 1), "caffe" (BGR minus ImageNet's mean) or "torch" (ImageNet's mean and standard
            deviation); a pair (mean, std) in units of 0 to 255, numbers or one for each channel; a Keras layer, or a
            function by ``keras.ops``: of pictures, (batch, ..., channels), to a tensor of the same shape.

    Returns:
        What does it; None for None.

    Raises:
        ValueError: an unknown name, or a standard deviation that is not positive.
        TypeError: something else. What a function returns is checked when it is called.

    Example:
        >>> get("tf")(np.full((1, 2, 2, 3), 255.0)).max()
        1.0

    Source: ``keras.applications.imagenet_utils.preprocess_input``.
    """
    if value is None or isinstance(value, Preprocessing):
        return value
    if isinstance(value, str):
        if value not in MODES:
            advice = f"{near(value, MODES)} Pass (mean, std), a Keras layer or a function for another.".lstrip()
            raise invalid("preprocess", f"one of {', '.join(MODES)}", value, advice)
        if value == "tf":
            return Preprocessing(lambda pictures: pictures / 127.5 - 1, value)
        if value == "torch":
            return _scaled(TORCH_MEAN, TORCH_STD)
        return Preprocessing(lambda pictures: ops.flip(pictures, -1) - np.array(BGR_MEAN, np.float32), value)
    if isinstance(value, tuple | list) and len(value) == 2:
        return _scaled(*value)
    if callable(value) and not isinstance(value, type):
        called = (lambda pictures: value(pictures, training=False)) if isinstance(value, keras.Layer) else value
        return Preprocessing(called, ("own", id(value), value))
    advice = "Pass e.g. preprocess='caffe', (127.5, 127.5), keras.layers.Rescaling(1 / 255) or a function."
    raise invalid("preprocess", "a name, (mean, std), a Keras layer or a function", value, advice, TypeError)


def of_model(name: str) -> str | None:
    """What a model of ``keras.applications`` is fed, by its name; None where it does that itself or is not known.

    Example:
        >>> of_model("vgg16"), of_model("mobilenetv2_1.00_224"), of_model("mine")
        ('caffe', 'tf', None)
    """
    found = [mode for mode, names in OF_MODELS.items() if name.lower() in names or _is_mobilenet(name.lower(), mode)]
    return found[0] if found else None


def _is_mobilenet(name: str, mode: str) -> bool:
    """Their names tell width and size, as in ``mobilenetv2_1.00_224``; version 3 rescales inside."""
    return mode == "tf" and name.startswith(("mobilenet_", "mobilenetv2_"))


def _scaled(mean: Any, std: Any) -> Preprocessing:
    means, stds = _numbers(mean, above=None), _numbers(std, above=0)
    shift, scale = np.array(means, np.float32), np.array(stds, np.float32)
    return Preprocessing(lambda pictures: (pictures - shift) / scale, ("scaled", means, stds))


def _numbers(value: Any, *, above: float | None) -> tuple[float, ...]:
    entries = list(value) if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str) else [value]
    advice = "Pass e.g. preprocess=(127.5, 127.5), mean and standard deviation in units of 0 to 255."
    return tuple(check_number("preprocess", entry, above=above, advice=advice) for entry in entries)
