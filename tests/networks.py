"""Small untrained networks for the unit tests, and the order of their axes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
import pytest
import tensorflow as tf
from keras import layers

from actmax_widget.losses import ActivationMaximization, Loss
from actmax_widget.regularizers import LPNorm, TotalVariation


def seed_networks(seed: int) -> None:
    """Have the networks that are made from now on the same weights in every run.

    TensorFlow's own seed stays as it is: to set it throws away whatever is compiled, and no network is made by it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.random, "set_seed", lambda seed: None)
        keras.utils.set_random_seed(seed)


@contextlib.contextmanager
def channels_first() -> Iterator[None]:
    """Keras with channels first for a while."""
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        yield
    finally:
        keras.config.set_image_data_format(before)


def small_cnn(channels: int = 1, *, size: int = 12, softmax: bool = False) -> keras.Model:
    """A Functional network on pictures of 0 to 255: rescale, conv, pool, conv, flatten, out."""
    seed_networks(1)
    inputs = keras.Input((size, size, channels), name="picture")
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    x = layers.Conv2D(6, 3, activation="relu", name="conv1")(x)
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.Conv2D(8, 3, activation="tanh", name="conv2")(x)
    x = layers.Flatten(name="flatten")(x)
    outputs = layers.Dense(5, activation="softmax" if softmax else None, name="out")(x)
    return keras.Model(inputs, outputs, name="small")


def small_sequential() -> keras.Sequential:
    """The same kind of network as a Sequential model."""
    seed_networks(2)
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.GlobalAveragePooling2D(name="mean"),
            layers.Dense(3, name="out"),
        ],
        name="sequential",
    )


def exploding() -> keras.Model:
    """A network whose output overflows as soon as its input gets brighter than 128 anywhere."""
    inputs = keras.Input((4, 4, 1))
    bright = keras.ops.relu(keras.ops.max(inputs, axis=(1, 2)) - 150.0)
    return keras.Model(inputs, layers.Rescaling(1.0, name="out")(inputs[:, 0, 0] + keras.ops.exp(1e4 * bright)))


def losses_of(model: keras.Model, filters: object = 0) -> list[tuple[Loss, float]]:
    """The three usual terms for units of its layer ``out``."""
    inp = model.inputs[0]
    return [
        (ActivationMaximization(model.get_layer("out"), filters), 1.0),
        (LPNorm(inp), 10.0),
        (TotalVariation(inp), 0.1),
    ]


def partly_exploding() -> keras.Model:
    """As :func:`exploding`, between two units that only want it darker."""
    inputs = keras.Input((4, 4, 1))
    bright = keras.ops.relu(keras.ops.max(inputs, axis=(1, 2)) - 150.0)
    units = [
        -keras.ops.mean(inputs, axis=(1, 2)),
        inputs[:, 0, 0] + keras.ops.exp(1e4 * bright),
        -inputs[:, 3, 3],
    ]
    return keras.Model(inputs, layers.Rescaling(1.0, name="out")(keras.ops.concatenate(units, axis=-1)))
