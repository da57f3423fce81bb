"""Users' parts tried once before a run: what is wrong with one is told at once, and a run in hand goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from actmax_widget import preprocessing
from actmax_widget.engine import compilation
from actmax_widget.engine.rendering import Rendering
from actmax_widget.engine.step import as_gradient, updated
from actmax_widget.parts import is_users
from actmax_widget.reason import reason
from actmax_widget.settings import Settings


def try_parts(input_tensor: Any, settings: Settings) -> None:
    """Trace users' parts for one picture, without the network; built-in ones are only looked at.

    Raises:
        ValueError, TypeError: a part that there is not for such pictures, that returns something else than it should,
            or that fails.
    """
    optimizer, modifier = settings.optimizer, settings.grad_modifier
    parts = settings.parametrization, settings.transforms
    try:
        rendering = Rendering(input_tensor, *parts, preprocessing.get(settings.preprocess))
        if any(map(is_users, (settings.parametrization, *settings.transforms, optimizer))):
            params, _ = rendering.start(None, settings.input_range, np.random.RandomState(0))
            compilation.function(lambda: _step(rendering, params, settings)).get_concrete_function()
        if callable(modifier):
            picture = (1, *input_tensor.shape[1:])
            as_gradient(modifier, np.random.RandomState(0).normal(size=picture).astype(np.float32))
    except (ValueError, TypeError):
        raise
    except Exception as error:  # whatever a user's part may raise
        raise ValueError(reason(error)) from error


def _step(rendering: Rendering, params: dict[str, np.ndarray], settings: Settings) -> None:
    def numbers(part: Any) -> dict[str, tf.Tensor]:
        return {name: tf.constant([value], tf.float32) for name, value in part.numbers().items()}

    tensors = {name: tf.constant(value) for name, value in params.items()}
    rendered = rendering.rendered(
        tensors,
        parametrization=numbers(settings.parametrization),
        transforms=[*map(numbers, settings.transforms)],
        seeds=tf.constant([0]),
        iteration=tf.constant(0),
        progress=tf.constant(0.0),
        input_range=tf.constant(settings.input_range, tf.float32),
    )
    grads, _ = rendered.pull(tf.zeros_like(rendered.seen), tf.zeros_like(rendered.image), True)
    for name, value in tensors.items():
        kept = {slot: tf.zeros_like(value) for slot in settings.optimizer.slots}
        updated(settings.optimizer, numbers(settings.optimizer), value, grads[name], kept, tf.constant(0))
