"""What the training scripts of the bundled networks share.

A network trained in the plain way is moved by patterns that no person sees, and activation maximization draws just
those. The bundled networks are therefore trained against adversarial pictures (Madry et al., 2018), and the digits also
against adversarial *noise*: what starts as noise and is pushed towards a class must not count as that class until it
looks like it (Augustin, Meinke and Hein, "Adversarial Robustness on In- and Out-Distribution Improves Explainability",
2020). Pictures are (n, H, W, channels) float32 in 0 to 255; distances are L2 norms in units of the whole range, 255.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

WHITE = 255.0


def seed_everything(seed: int) -> None:
    """Make the training repeat itself on the same machine."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Give the rate of a step: a short rise to ``peak``, then half a cosine down to almost nothing."""
    progress = step / steps
    return peak * min(1.0, 20 * progress + 0.05) * (0.5 + 0.5 * math.cos(math.pi * progress)) + 1e-5


def attack(loss: Callable[[Any], Any], pictures: Any, radius: Any, steps: int) -> Any:
    """Change pictures so that a loss grows: projected gradient ascent (Madry et al., 2018).

    Args:
        loss: function of the pictures, (n,).
        pictures: (n, H, W, channels), 0 to 255.
        radius: how far each picture may move, L2 norm in units of 255.
        steps: gradient steps, each 1.5 ``radius / steps`` long.

    Returns:
        The changed pictures, inside 0 to 255.
    """
    start = tf.random.uniform([tf.shape(pictures)[0], 1, 1, 1])
    shift = radius * start * into_ball(tf.random.normal(tf.shape(pictures)), 1.0)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            moved = tf.clip_by_value(pictures + WHITE * shift, 0.0, WHITE)
            tape.watch(moved)
            harm = loss(moved)
        uphill = tape.gradient(harm, moved)
        shift = into_ball(shift + 1.5 * radius / steps * uphill / (norm(uphill) + 1e-9), radius)
    return tf.stop_gradient(tf.clip_by_value(pictures + WHITE * shift, 0.0, WHITE))


def norm(pictures: Any) -> Any:
    """Give each picture's L2 norm, (n, 1, 1, 1)."""
    return tf.sqrt(tf.reduce_sum(tf.square(pictures), axis=[1, 2, 3], keepdims=True))


def into_ball(shift: Any, radius: Any) -> Any:
    """Shorten what is longer than ``radius``."""
    return shift * tf.minimum(1.0, radius / (norm(shift) + 1e-9))


def noise(n: int, shape: tuple[int, int, int]) -> Any:
    """Give n pictures of coarse and fine noise of any strength around any grey: what optimizations start from."""
    height, width, channels = shape
    grey = tf.random.uniform([n, 1, 1, 1], 0.25 * WHITE, 0.75 * WHITE)
    coarse = tf.image.resize(tf.random.normal([n, height // 4, width // 4, channels]), [height, width])
    fine = tf.random.normal([n, height, width, channels])
    strengths = tf.random.uniform([2, n, 1, 1, 1])
    return tf.clip_by_value(grey + 60 * strengths[0] * coarse + 40 * strengths[1] * fine, 0.0, WHITE)


def hold_edges(kernel: Any, n: int) -> None:
    """Make the first n filters of a kernel, (h, w, in, out), sum to zero: they then see edges, not brightness."""
    mean = tf.reduce_mean(kernel[..., :n], axis=[0, 1, 2], keepdims=True)
    kernel.assign(tf.concat([kernel[..., :n] - mean, kernel[..., n:]], axis=-1))


def stretch(model: Any, gains: Mapping[str, float]) -> None:
    """Multiply layers' outputs by their gains and undo it in the next layer, without changing what the model says.

    ReLU and pooling let a positive factor through, so only the last layer's gain shows, as a factor of the output.

    Args:
        model: a chain of layers with kernel and bias, joined by ReLU, pooling and reshaping only.
        gains: factor for each such layer, by name, in the order of the chain.
    """
    before = 1.0
    for name, gain in gains.items():
        layer = model.get_layer(name)
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel * gain / before, bias * gain])
        before = gain


def save(build: Callable[[], Any], model: Any, folder: Path, facts: Mapping[str, Any]) -> None:
    """Write ``<name>.keras`` and ``<name>.json`` for a model that ``build`` makes; the name is the model's.

    The file is made from a fresh copy, which carries no optimizer state and so is half as large.
    """
    copy = build()
    copy.set_weights(model.get_weights())
    path = folder / f"{model.name}.keras"
    copy.save(path)
    sizes = {"parameters": copy.count_params(), "file_bytes": path.stat().st_size}
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__}
    path.with_suffix(".json").write_text(json.dumps({**facts, **sizes, **versions}, indent=2) + "\n")
