"""The picture that minimises any objective, by any parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from actmax_widget import demo
from actmax_widget.callbacks import Print, check_callbacks
from actmax_widget.checks import check_flag, invalid, near
from actmax_widget.engine import Knobs, Step
from actmax_widget.engine.batch import Batch
from actmax_widget.engine.plan import Plan, random_state
from actmax_widget.labels import Labels
from actmax_widget.losses import Loss, Sum
from actmax_widget.network import starting
from actmax_widget.optimizer import (
    Calls,
    Still,
    progress_bar,
    report_interrupted,
    report_not_finite,
    report_silent,
    told,
)
from actmax_widget.parameters import documented, parameters_of
from actmax_widget.presets import with_preset
from actmax_widget.results import Result
from actmax_widget.settings import Settings
from actmax_widget.utils import to_numpy
from actmax_widget.visualization.activation import prepared

DEFAULTS = {"preset": "natural", "seed": None}
"""Where it begins with another value than the widget."""
NO_USE = ("layer", "filter_indices", "objective", "backprop_modifier", "seed_input", "steps_per_second")
"""Settings that have another name here, or no use."""


@documented(Settings)
def visualize(
    model: Any,
    target: Any,
    filter_indices: Any = None,
    *,
    start: Any = None,
    seed_input: Any = None,
    input_shape: Sequence[int] | None = None,
    held_inputs: Mapping[str, Any] | None = None,
    backprop_modifier: Any = None,
    labels: Any = None,
    callbacks: Any = None,
    verbose: bool = False,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Make the picture that a network, or any objective of it, asks for.

    Args:
        model: a Keras model: Sequential, Functional, or a subclassed one that was called once.
        target: what is minimised: an objective, as in ``ActivationMaximization("conv3", 5) + 0.5 * Direction(...)``, a
            loss, or pairs of a loss and its weight; or a layer: its name, path or index in ``model.layers``, or the
            layer itself, whose filters are then maximised.
        filter_indices: filter, unit or class of a layer, or several which are maximised together; None: the mean of
            all.
        start: starting picture: a path or a Pillow image, which is fitted and scaled to ``input_range``, or an array of
            the network's own values, (H, W, C) with or without batch axis; None: noise. ``seed_input`` is the same.
        seed_input: see there.
        input_shape: see :func:`~actmax_widget.visualize_activation`.
        held_inputs: see there.
        backprop_modifier: see there.
        labels: what the last layer's units are called, see :class:`~actmax_widget.ActMaxWidget`; ``filter_indices``
            may then be a name.
        callbacks: see there.
        verbose: print each iteration's losses.
        progress: show a tqdm bar (needs tqdm).
        **settings: any of those below but for the target. Where no ``preset`` is named it is ``"natural"``; what it
            stands for (parts, weights, ``class_loss``, ``max_iter``) takes the place of the defaults below, which are
            keras-vis's, and what is named takes the place of both. An objective brings all of its terms. ``seed`` is
            None by default.

    Settings:
        {parameters}

    Returns:
        The picture and the history: ``result.image``, (H, W, C) float32 in ``input_range``, before ``preprocess`` and
        without transforms, and ``result.history``, the weighted losses of each iteration.

    Raises:
        ValueError, TypeError: a bad argument, or parts that do not fit, before anything is computed.
        FloatingPointError: the loss was not finite in the first iteration, so that there is no picture.
        KeyboardInterrupt: Ctrl-C before the first iteration was made.

    Warns:
        RuntimeWarning: interrupted by Ctrl-C, after how many iterations; a loss that was not finite; or no gradient at
            all, as the unit is never active.

    Example:
        >>> import actmax_widget as am
        >>> am.visualize(am.demo.photos(), "logits", "flamingo", seed=0).image.shape
        (227, 227, 3)
        >>> from actmax_widget import losses, regularizers, transforms
        >>> objective = losses.ActivationMaximization("out", 3) + 0.1 * regularizers.TotalVariation()
        >>> result = am.visualize(am.demo.digits(), objective, transforms=[transforms.Jitter(2)], seed=0)
        >>> result.image.shape
        (28, 28, 1)
    """
    names = demo.labels(model) if labels is None else Labels(labels)
    given = _checked(target, filter_indices, settings)
    if start is not None and seed_input is not None:
        raise invalid("start", "None where there is a seed_input, which is the same", start, "Pass one of them.")
    start = seed_input if start is None else start
    listeners = [*check_callbacks(callbacks), *([Print()] if check_flag("verbose", verbose) else ())]
    network, gate = prepared(model, backprop_modifier, input_shape, held_inputs, start)
    if names is not None and labels is not None:
        names.check(network.last.filters, network.last.name)
    layer = ""
    if "objective" not in given:
        found_layer = network.find(target)
        layer = found_layer.name
        if names is not None:
            given["filter_indices"] = names.indices(filter_indices, found_layer.filters, layer)
    blank = Settings(layer=layer)
    chosen = blank.changed(**with_preset(given, blank, network))
    found = starting.start_of(network.input, start, chosen.input_range, chosen.seed_fit, "start")
    chosen = chosen.changed(seed_input=found.array)
    plan, seed = Plan(network, chosen), random_state(chosen)
    batch = Batch(plan.names, plan.start(chosen, seed), measures=plan.measures)
    step = plan.step(chosen, gate)
    knobs = plan.knobs(chosen, step, seed, goal=chosen.max_iter)
    found.warn()
    with progress_bar(chosen.max_iter, shown=progress) as advance:
        _run(batch, step, knobs, chosen.max_iter, listeners, advance)
    return Result(network.layout.as_shown(batch.pictures[0]), batch.history())


def _checked(target: Any, filter_indices: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that differ from the widget's, as far as they are known to be such."""
    known = [name for name in parameters_of(Settings) if name not in NO_USE]
    for name, value in given.items():
        if name not in known:
            advice = near(name, known) or f"Choose from: {', '.join(known)}."
            raise invalid(name, "a keyword of visualize()", value, advice, TypeError)
    objective = isinstance(target, Loss | Sum | list | tuple)
    if objective and filter_indices is not None:
        advice = "The objective's own losses have their filters. Or pass a layer."
        raise invalid("filter_indices", "None where the target is an objective", filter_indices, advice)
    own = {"objective": target} if objective else {"filter_indices": filter_indices}
    return {**DEFAULTS, **own, **given}


def _run(batch: Batch, step: Step, knobs: Knobs, goal: int, listeners: Sequence[Any], advance: Any) -> None:
    calls, still = Calls(single=bool(listeners)), Still(step.objective.excites)
    try:
        while calls.made < goal:
            state, steps = step.run(batch.state, knobs, calls.begin(goal))
            batch.take(state, steps)
            calls.end(len(steps.losses))
            advance(len(steps.losses))
            still.look(steps.losses[:, 0])
            *values, total = steps.losses[-1, 0]
            enough = False
            if listeners:
                named = list(zip(batch.names, values, strict=True))
                grads, seen = to_numpy(steps.grads), to_numpy(steps.wrt_value)
                enough = told(listeners, calls.made - 1, named, total, grads, seen)
            if not np.isfinite(total):
                report_not_finite(calls.made - 1, total, step, "The picture is the last good one before it.")
            if enough or not np.isfinite(total):
                break
    except KeyboardInterrupt:
        if not batch.iteration:
            raise
        report_interrupted(batch.iteration, goal)
    for callback in listeners:
        callback.on_end()
    if still.all() and step.silent(batch.state, knobs)[0]:
        report_silent(step, batch.iteration)
