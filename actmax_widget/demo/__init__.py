"""Small trained networks that come with the package, to try things on: no download, no data set.

Each network is a ``.keras`` file, made by the script of its name in ``tools/train``; the ``.json`` beside it, which the
script wrote too, says how well it does on pictures it was never trained on, and what it was trained with.
"""

from importlib import resources
from typing import Any

import keras

from actmax_widget.demo.drawing import draw_apples

__all__ = ["apples", "digits", "draw_apples"]


def apples() -> Any:
    """Give the network that counts apples: a regression, so its one unit can be raised and lowered.

    Its input is (48, 48, 3), RGB values from 0 to 255, as :func:`draw_apples` draws them. Layers ``conv1`` to ``conv4``
    are followed by a map of apples and its average; ``evidence`` is 10,000 times the count, and ``count``, one linear
    unit, is the number of apples, 0 to 9. To draw apples, or take them away, maximise ``evidence``: it tells beside the
    total variation of pictures in 0 to 255, where a ``count`` of 3 would not. It was trained against adversarial
    pictures and noise, so raising the count makes apples appear.

    Returns:
        A new, uncompiled ``keras.Model`` at each call.

    Example:
        >>> apples().predict(draw_apples(3, seed=0)[None]).item()  # about 3
    """
    return _load("apples.keras")


def digits() -> Any:
    """Give the network that recognises handwritten digits (MNIST; LeCun, Cortes and Burges, 1998).

    Its input is (28, 28, 1), grey values from 0 to 255, a bright digit on a dark ground. Layers ``conv1``, ``conv2``
    and ``conv3`` are followed by ``out``: a linear unit for each digit, so no softmax stands in the way. It was trained
    against adversarial pictures and noise; pictures made by activation maximization look like digits. Its activations
    are large, some ten thousands, so that they count beside a total variation of pictures in 0 to 255:
    see ``tools/train/digits.py``.

    Returns:
        A new, uncompiled ``keras.Model`` at each call, so changing one leaves the next as it was.

    Example:
        >>> model = digits()
        >>> model.predict(pictures).argmax(axis=1)  # pictures: (n, 28, 28, 1), 0 to 255
    """
    return _load("digits.keras")


def _load(name: str) -> Any:
    with resources.as_file(resources.files(__name__) / name) as path:
        return keras.saving.load_model(path, compile=False)
