"""Who makes pictures, each with its defaults: (network, class or channel, seed) -> pictures, (H, W, 3) of 0 to 255."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import actmax_widget as am
from benchmarks.contenders import truncated, xplique_objective
from benchmarks.gallery.subjects import Subject, rescaled

GRADIENTS = 256
"""Of the network, for each picture: a step with 8 crops counts 8."""
CROPS = 8
HALF = ", its middle half"
ON_SCREEN = ", on screen"
"""The widget compiles its step as soon as it is shown: a person reads the cell meanwhile, and then presses Run."""

Pictures = dict[str, np.ndarray]
"""Name of the system -> its picture. Two for those that draw more than they show."""
System = Callable[..., Pictures]
"""(network, class or channel, seed, layer="logits") -> its pictures."""


def recipe(**settings: Any) -> Callable[..., np.ndarray]:
    """A picture by `am.visualize` with some settings."""

    def draw(subject: Subject, index: int, seed: int, layer: str = "logits") -> np.ndarray:
        return am.visualize(subject.model, layer, index, seed=seed, **settings).image

    return draw


def _ours(name: str, **settings: Any) -> System:
    draw = recipe(**settings)
    return lambda subject, *target: {name: draw(subject, *target)}


def _keras_vis(subject: Subject, index: int, seed: int, layer: str = "logits") -> Pictures:
    """keras-vis's function, which stretches what it gives back to a fixed contrast."""
    picture = am.visualize_activation(subject.model, layer, index, seed=seed, max_iter=GRADIENTS)
    return {"visualize_activation": picture.astype(np.float32)}


def _tf_keras_vis(subject: Subject, index: int, seed: int, layer: str = "logits") -> Pictures:
    from tf_keras_vis.activation_maximization import ActivationMaximization  # noqa: PLC0415 - a peer
    from tf_keras_vis.utils.scores import CategoricalScore  # noqa: PLC0415

    seeded(seed)
    visualizer = ActivationMaximization(truncated(subject.model, layer), clone=False)
    return {"tf-keras-vis": np.asarray(visualizer(CategoricalScore([index]), steps=GRADIENTS))[0]}


def _optimize(subject: Subject, index: int, seed: int, layer: str = "logits") -> Pictures:
    from xplique.features_visualizations import optimize  # noqa: PLC0415 - a peer

    seeded(seed)
    pictures, _ = optimize(objective(subject, index, (0, 1), layer), nb_steps=GRADIENTS)
    return _and_half("xplique optimize", 255 * np.asarray(pictures[-1])[0])


def _maco(subject: Subject, index: int, seed: int, layer: str = "logits") -> Pictures:
    from xplique.features_visualizations import maco  # noqa: PLC0415 - a peer

    seeded(seed)
    picture, _ = maco(objective(subject, index, (-1, 1), layer), nb_steps=GRADIENTS // CROPS, nb_crops=CROPS)
    return _and_half("xplique MACO", 127.5 * (np.asarray(picture) + 1))


def objective(subject: Subject, index: int, values: tuple[float, float], layer: str = "logits") -> Any:
    """What xplique maximises, of a network for pictures of its own range of values."""
    return xplique_objective(rescaled(truncated(subject.model, layer), *values), "target", index)


def _and_half(name: str, picture: np.ndarray) -> Pictures:
    """A picture of xplique's, and its middle half: that is what its transforms mostly show to the network."""
    quarter = len(picture) // 4
    return {name: picture, name + HALF: picture[quarter:-quarter, quarter:-quarter]}


def seeded(seed: int) -> None:
    """Seed all that the peers draw from, as far as they let it be."""
    keras.utils.set_random_seed(seed)
    tf.random.set_seed(seed)


SYSTEMS: Mapping[str, System] = {
    "natural": _ours("natural", preset="natural", max_iter=GRADIENTS),
    "quick": _ours("quick", preset="quick"),
    "fourier": _ours("fourier", preset="fourier", max_iter=GRADIENTS),
    "phase": _ours("phase", preset="phase", max_iter=GRADIENTS // CROPS),
    "keras-vis": _ours("keras-vis", preset="keras-vis", max_iter=GRADIENTS),
    "visualize_activation": _keras_vis,
    "tf-keras-vis": _tf_keras_vis,
    "xplique optimize": _optimize,
    "xplique MACO": _maco,
}
"""Name -> what makes its pictures."""
