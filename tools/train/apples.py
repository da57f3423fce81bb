"""Train the bundled apple counter: ``python tools/train/apples.py`` (some fifteen minutes on one core).

It writes ``apples.keras`` and ``apples.json`` into this folder. The pictures are drawn, so there is no end of them and
no question whose they are: :func:`~actmax_widget.demo.drawing.draw_apples`. A third of each batch is adversarial, moved
so that the count goes wrong, up or down, and a third is noise moved so that apples are counted in it. A network trained
on it needs to see an apple before it counts one more, and that is what activation maximization then draws. See
``training.py``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import training

from actmax_widget import demo
from actmax_widget.demo.drawing import MOST_APPLES, SIDE, draw_apples

SEED = 0
DRAWN = 10_000
HELD_OUT = 1000
STEPS = 3000
THIRD = 24
"""A batch is three times as many: pictures as they are, adversarial ones, and adversarial noise."""
PEAK_RATE = 3e-3
STRETCHED = 1e4
"""How much larger the last layer but one is than the count, chosen by eye."""
PICTURE_RADIUS = 8.0
NOISE_RADIUS = 8.0
"""How far adversarial pictures and noise are moved at most, in units of 255; one apple on a table is about 7."""

Pictures = tuple[np.ndarray, np.ndarray]
"""Pictures, (n, 48, 48, 3) uint8, and how many apples are on each, (n,) float32."""


def main() -> None:
    """Draw, train, measure, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(demo.__file__).parent, help="where the files go")
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    training.seed_everything(SEED)
    model = build(stretched=1.0)  # the size that the optimizer is made for
    # Each number seeds one picture, so what is held out was never trained on.
    train(model, draw(range(HELD_OUT, HELD_OUT + DRAWN)), options.steps)
    facts = {
        "mean_absolute_error": mean_absolute_error(model, draw(range(HELD_OUT))),
        "held_out": HELD_OUT,
        "trained_on": DRAWN,
        "source": "actmax_widget.demo.draw_apples",
        "seed": SEED,
        "steps": options.steps,
    }
    print(facts)
    evidence = model.get_layer("evidence")
    evidence.set_weights([STRETCHED * kernel for kernel in evidence.get_weights()])
    training.save(build, model, options.folder, facts)


def build(stretched: float = STRETCHED) -> Any:
    """Make the untrained network: convolutions that end in a map of where apples are, and one unit that sums it up.

    That unit, ``evidence``, is ``stretched`` times the count: total variation is a sum of squares of grey levels, and a
    count of 3 could not be seen beside it at keras-vis's default weights.
    """
    layers, constant = keras.layers, keras.initializers.Constant
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            layers.Rescaling(1 / 255, name="rescale"),
            layers.Conv2D(12, 3, padding="same", activation="relu", name="conv1"),
            layers.AveragePooling2D(2, name="pool1"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2"),
            layers.AveragePooling2D(2, name="pool2"),
            layers.Conv2D(48, 3, padding="same", activation="relu", name="conv3"),
            layers.Conv2D(64, 3, padding="same", activation="relu", name="conv4"),
            # Apples per area (Lempitsky and Zisserman, "Learning to Count Objects in Images", 2010): nowhere negative,
            # so the count falls only where an apple goes, not by signs of "no apple" all over the table.
            layers.Conv2D(1, 1, activation="softplus", bias_initializer=constant(-3.0), name="density"),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(1, use_bias=False, kernel_initializer=constant(16.0 * stretched), name="evidence"),
            layers.Rescaling(1 / stretched, name="count"),
        ],
        name="apples",
    )


def draw(seeds: range) -> Pictures:
    """Draw one picture for each seed, with 0 to 9 apples in turn."""
    numbers = [seed % (MOST_APPLES + 1) for seed in seeds]
    pictures = [draw_apples(n, seed) for n, seed in zip(numbers, seeds, strict=True)]
    return np.stack(pictures), np.array(numbers, np.float32)


def train(model: Any, pictures: Pictures, steps: int) -> None:
    """Train in place, printing the losses now and then."""
    optimizer = keras.optimizers.Adam()
    step = make_step(model, optimizer)
    rng = np.random.default_rng(SEED)
    sums = np.zeros(3)
    for i in range(steps):
        chosen = rng.integers(len(pictures[1]), size=2 * THIRD)
        optimizer.learning_rate.assign(training.learning_rate(i, steps, PEAK_RATE))
        # The first half brings the adversaries in slowly: at full strength nothing is learned from scratch.
        strength = tf.constant(min(1.0, 2 * i / steps))
        sums += step(tf.constant(pictures[0][chosen], tf.float32), tf.constant(pictures[1][chosen]), strength).numpy()
        if (i + 1) % 500 == 0:
            print(f"step {i + 1}: mean errors of pictures, adversarial pictures, noise {sums / 500}", flush=True)
            sums[:] = 0


def make_step(model: Any, optimizer: Any) -> Callable[..., Any]:
    """Make the compiled training step: (pictures, counts, strength of the adversaries) -> three mean errors."""

    def step(pictures: Any, counts: Any, strength: Any) -> Any:
        pictures = vary(pictures)
        radii = (
            strength
            * tf.random.uniform([2, THIRD, 1, 1, 1])
            * tf.reshape([PICTURE_RADIUS, NOISE_RADIUS], [2, 1, 1, 1, 1])
        )
        signs = tf.sign(tf.random.uniform([THIRD], -1.0, 1.0))
        hard = training.attack(lambda x: signs * model(x)[:, 0], pictures[:THIRD], radii[0], steps=4)
        noise = training.noise(THIRD, (SIDE, SIDE, 3))
        noise = training.attack(lambda x: model(x)[:, 0], noise, radii[1], steps=4)
        with tf.GradientTape() as tape:
            errors = model(tf.concat([hard, pictures[THIRD:], noise], axis=0), training=True)[:, 0]
            errors -= tf.concat([counts, tf.zeros(THIRD)], axis=0)
            # Huber's loss: adversarial pictures that really show half an apple more do not rule the training.
            losses = tf.where(tf.abs(errors) < 1, tf.square(errors) / 2, tf.abs(errors) - 0.5)
            total = tf.reduce_mean(losses)
        optimizer.apply(tape.gradient(total, model.trainable_variables), model.trainable_variables)
        wrong, plain, invented = tf.split(tf.abs(errors), 3)
        return tf.reduce_mean([plain, wrong, invented], axis=1)

    return tf.function(step)


def vary(pictures: Any) -> Any:
    """Mirror half of the pictures, change the light, and give them colourful blotches and, half of them, noise.

    Without the blotches the count can be lowered by tinting the table instead of taking apples away.
    """
    n = tf.shape(pictures)[0]
    mirrored = tf.where(tf.random.uniform([n, 1, 1, 1]) < 0.5, pictures, pictures[:, :, ::-1])
    light = tf.random.uniform([n, 1, 1, 3], 0.75, 1.2)
    blotches = tf.image.resize(tf.random.normal([n, SIDE // 8, SIDE // 8, 3]), [SIDE, SIDE])
    strengths = (
        tf.random.uniform([n, 1, 1, 1], 0.0, 40.0),
        tf.maximum(tf.random.uniform([n, 1, 1, 1], -20.0, 20.0), 0.0),
    )
    changed = light * mirrored + strengths[0] * blotches + strengths[1] * tf.random.normal(tf.shape(pictures))
    return tf.clip_by_value(changed, 0.0, training.WHITE)


def mean_absolute_error(model: Any, pictures: Pictures) -> float:
    """Give by how many apples the counts are wrong, on average."""
    counts = model.predict(pictures[0], batch_size=200, verbose=0)[:, 0]
    return float(np.abs(counts - pictures[1]).mean())


if __name__ == "__main__":
    main()
