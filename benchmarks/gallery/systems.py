"""Who makes pictures, each with its defaults: (network, class, seed) -> pictures, (H, W, 3) of 0 to 255."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import actmax_widget as am
from benchmarks.contenders import xplique_objective
from benchmarks.gallery.subjects import Subject, rescaled

GRADIENTS = 256
"""Of the network, for each picture: a step with 8 crops counts 8."""
CROPS = 8
HALF = ", its middle half"

Pictures = dict[str, np.ndarray]
"""Name of the system -> its picture. Two for those that draw more than they show."""


def recipe(**settings: Any) -> Callable[[Subject, int, int], np.ndarray]:
    """A picture by `am.visualize` with some settings."""

    def draw(subject: Subject, index: int, seed: int) -> np.ndarray:
        return am.visualize(subject.model, "logits", index, seed=seed, **settings).image

    return draw


def _ours(name: str, **settings: Any) -> Callable[[Subject, int, int], Pictures]:
    draw = recipe(**settings)
    return lambda subject, index, seed: {name: draw(subject, index, seed)}


def _keras_vis(subject: Subject, index: int, seed: int) -> Pictures:
    """keras-vis's function, which stretches what it gives back to a fixed contrast."""
    picture = am.visualize_activation(subject.model, "logits", index, seed=seed, max_iter=GRADIENTS)
    return {"visualize_activation": picture.astype(np.float32)}


def _tf_keras_vis(subject: Subject, index: int, seed: int) -> Pictures:
    from tf_keras_vis.activation_maximization import ActivationMaximization  # noqa: PLC0415 - a peer
    from tf_keras_vis.utils.scores import CategoricalScore  # noqa: PLC0415

    seeded(seed)
    visualizer = ActivationMaximization(subject.model, clone=False)
    return {"tf-keras-vis": np.asarray(visualizer(CategoricalScore([index]), steps=GRADIENTS))[0]}


def _optimize(subject: Subject, index: int, seed: int) -> Pictures:
    from xplique.features_visualizations import optimize  # noqa: PLC0415 - a peer

    seeded(seed)
    objective = xplique_objective(rescaled(subject.model, 0, 1), "logits", index)
    pictures, _ = optimize(objective, nb_steps=GRADIENTS)
    return _and_half("xplique optimize", 255 * np.asarray(pictures[-1])[0])


def _maco(subject: Subject, index: int, seed: int) -> Pictures:
    from xplique.features_visualizations import maco  # noqa: PLC0415 - a peer

    seeded(seed)
    objective = xplique_objective(rescaled(subject.model, -1, 1), "logits", index)
    picture, _ = maco(objective, nb_steps=GRADIENTS // CROPS, nb_crops=CROPS)
    return _and_half("xplique MACO", 127.5 * (np.asarray(picture) + 1))


def _and_half(name: str, picture: np.ndarray) -> Pictures:
    """A picture of xplique's, and its middle half: that is what its transforms mostly show to the network."""
    quarter = len(picture) // 4
    return {name: picture, name + HALF: picture[quarter:-quarter, quarter:-quarter]}


def seeded(seed: int) -> None:
    """Seed all that the peers draw from, as far as they let it be."""
    keras.utils.set_random_seed(seed)
    tf.random.set_seed(seed)


SYSTEMS: Mapping[str, Callable[[Subject, int, int], Pictures]] = {
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
