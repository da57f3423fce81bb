"""Who runs in the benchmark: each a function that makes a number of steps, compiled and warm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from actmax_widget import losses, optimizers, presets, transforms
from actmax_widget.engine.plan import Plan
from actmax_widget.live.run import Run
from actmax_widget.network import Network
from actmax_widget.settings import Settings

Contender = Callable[[int], None]
"""Makes that many steps."""


def ours(model: Any, layer: str, index: int) -> Contender:
    """The run of the widget, without a browser: calls of about a frame, all rows kept."""
    settings = Settings(layer=layer, filter_indices=(index,), steps_per_second=None, max_iter=10**9)
    one = Run(Network(model), settings)

    def run(steps: int) -> None:
        one.step(steps)
        one.wait()
        assert not one.facts().error, one.facts().error  # noqa: S101 - a failed run is quick

    return run


def one_step_a_call(model: Any, layer: str, index: int) -> Contender:
    """The same run, told to make single steps."""
    settings = Settings(layer=layer, filter_indices=(index,), steps_per_second=None, max_iter=10**9)
    one = Run(Network(model), settings)
    one._pace.steps = lambda left, limit: 1  # type: ignore[method-assign]  # noqa: ARG005, SLF001

    def run(steps: int) -> None:
        one.step(steps)
        one.wait()

    return run


def composed(model: Any, layer: str, index: int, parametrization: str) -> Contender:
    """A step as `am.visualize` makes it of parts: a parametrization, wide views, noise that falls, and Adam."""
    settings = Settings(layer=layer).changed(
        objective=losses.ActivationMaximization(layer, index),
        parametrization=parametrization,
        transforms=[transforms.Scale(0.5, 1.35), transforms.Rotate(15), transforms.Jitter(0.107), FALLING_NOISE],
        optimizer=optimizers.Adam(0.1),
    )
    return _planned(Network(model), settings)


def natural(model: Any, layer: str, index: int) -> Contender:
    """A step as `am.visualize` makes it by default."""
    network = Network(model)
    start = Settings(layer=layer, filter_indices=(index,))
    settings = start.changed(**presets.with_preset({"preset": "natural"}, start, network))
    return _planned(network, settings)


def _planned(network: Network, settings: Settings) -> Contender:
    plan = Plan(network, settings)
    step, state = plan.step(settings), plan.start(settings, 0)
    knobs = plan.knobs(settings, step, 0, goal=256)

    def run(steps: int) -> None:
        nonlocal state
        state, _ = step.run(state, knobs, steps)

    return run


FALLING_NOISE = transforms.Noise(0.3, 0.03)


def truncated(model: Any, layer: str) -> Any:
    """The model up to a layer, and nothing else."""
    return keras.Model(model.inputs[0], model.get_layer(layer).output)


def bare(model: Any, layer: str, index: int) -> Contender:
    """The limit: forward pass and input gradient of the truncated model, compiled, and nothing else."""
    step = bare_step(truncated(model, layer), index)
    picture = tf.constant(np.random.RandomState(0).normal(127, 12, (1, *model.inputs[0].shape[1:])), tf.float32)

    def run(steps: int) -> None:
        for _ in range(steps):
            loss, grads = step(picture)
        loss.numpy(), grads.numpy()

    return run


def bare_step(model: Any, index: int) -> Any:
    """One compiled forward pass and input gradient."""

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def step(picture: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(picture)
            loss = tf.reduce_mean(model([picture], training=False)[..., index])
        return loss, tape.gradient(loss, picture)

    return step


def tf_keras_vis(model: Any, layer: str, index: int) -> Contender:
    """tf-keras-vis with its defaults, without rotation (which leaves TensorFlow for SciPy at each step)."""
    from tf_keras_vis.activation_maximization import ActivationMaximization  # noqa: PLC0415 - a peer
    from tf_keras_vis.activation_maximization.input_modifiers import Jitter  # noqa: PLC0415
    from tf_keras_vis.utils.scores import CategoricalScore  # noqa: PLC0415

    visualizer = ActivationMaximization(truncated(model, layer), clone=False)

    def run(steps: int) -> None:
        visualizer(CategoricalScore([index]), steps=steps, input_modifiers=[Jitter(jitter=4)])

    return run


def xplique(model: Any, layer: str, index: int) -> Contender:
    """The loop of xplique, a pixel image without transforms.

    Its ``optimize`` traces anew at each call, so the loop is copied from there, with the step it traces.
    """
    from xplique.features_visualizations import optim  # noqa: PLC0415 - a peer

    objective = xplique_objective(model, layer, index)
    part, function, _, shape = objective.compile()
    picture = tf.Variable(tf.random.normal(shape, 0.01))
    valid = optim.to_valid_rgb if shape[-1] == 3 else optim.to_valid_grayscale
    outputs = len(part.outputs)
    step = optim._get_optimisation_step(  # noqa: SLF001 - see above
        function, outputs, lambda inputs: valid(inputs, "sigmoid", (0, 255)), shape, None, None
    )
    optimizer = keras.optimizers.Adam(0.05)

    def run(steps: int) -> None:
        for _ in range(steps):
            optimizer.apply_gradients([(-step(part, picture), picture)])
        picture.numpy()

    return run


def xplique_objective(model: Any, layer: str, index: int) -> Any:
    """A filter or unit as xplique names it."""
    from xplique.features_visualizations import Objective  # noqa: PLC0415 - a peer

    part = truncated(model, layer)
    return (Objective.channel if len(part.output.shape) == 4 else Objective.neuron)(part, -1, index)
