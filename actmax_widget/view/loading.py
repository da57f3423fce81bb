"""A widget set up as a run file says."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actmax_widget import demo
from actmax_widget.checkpoint import Changes, Checkpoint
from actmax_widget.engine import keeping
from actmax_widget.engine.plan import Plan
from actmax_widget.export.run_file import RunFile
from actmax_widget.network import Network
from actmax_widget.network.fingerprint import fingerprint
from actmax_widget.settings import Settings
from actmax_widget.view.lesson import known_ui
from actmax_widget.view.widget import ActMaxWidget


def load_run(
    path: str | os.PathLike[str],
    model: Any = None,
    *,
    own: Mapping[str, Any] | None = None,
    input_shape: Any = None,
    held_inputs: Any = None,
    **options: Any,
) -> ActMaxWidget:
    """A widget set up as a run file, or a picture that holds one, says. Started, it repeats the run.

    On the same machine, with the same versions, the picture is the same bit for bit. Of a run that was steered, what
    was set in its course is set again, each at its iteration, and the run stops where the recorded one did; Reset
    begins it again. As soon as anything but the speed is set otherwise, it is another run, which its message says.

    Of several pictures, the widget has what they have in common, and its *Vary* what they differ in: *Make*, or
    ``widget.visualize_many()``, makes them again.

    Args:
        path: of a ``.json`` that ``save`` wrote, or of a ``.png``.
        model: the Keras model; None: the bundled photo network.
        own: name -> class or function, of those that the file names and that are not there by themselves.
        input_shape: see :class:`~actmax_widget.ActMaxWidget`.
        held_inputs: see there.
        **options: ``labels``, ``callbacks`` and ``layout``, see there. Without ``labels`` those of the file are taken.

    Raises:
        ValueError, TypeError: the file is damaged, or of something that this model does not have.
        OSError: it cannot be read.

    Warns:
        RuntimeWarning: what differs from what it was made with, so that the picture may be another: the model or its
            weights, versions; labels that are not as many as the last layer's units; or settings, numbers and parts of
            the instrument that this version does not know.

    Example:
        >>> am.visualize(am.demo.digits(), "out", 3, seed=0).save("three.json")
        >>> widget = am.load_run("three.json", am.demo.digits())
        >>> widget.start()
    """
    read = RunFile.of_picture if Path(path).suffix.lower() == ".png" else RunFile.load
    run = read(path, own)
    model = demo.photos() if model is None else model
    asked = {"input_shape": input_shape, "held_inputs": held_inputs}
    given = [run.given.get(name) if one is None else one for name, one in asked.items()]
    input_shape, held_inputs = given
    first, goal = run.changes[0].settings, run.changes[0].goal
    # A function of the model: its name is in the file, which was looked up.
    modifier = {name: one for name, one in run.given.items() if name == "backprop_modifier"}
    own_model = modifier["backprop_modifier"](model) if modifier else model
    network = Network(own_model, input_shape, held_inputs, first.seed_input)
    layer = {} if first.objective is not None or first.layer not in network.targets else {"layer": first.layer}
    labels, misfit = (None, []) if options.get("labels") is not None else run.labels_for(network)
    options |= {} if labels is None else {"labels": labels}
    widget = ActMaxWidget(model, input_shape=input_shape, held_inputs=held_inputs, **layer, **modifier, **options)
    model_print = fingerprint(network)
    widget.restore(beginning(network, first, goal, model_print))
    if not run.vary:
        widget.repeat(run.changes, run.iteration)
    else:
        with widget.lock:
            widget.set_trait("vary", {name: [_plain(one) for one in values] for name, values in run.vary.items()})
    # Not before: what may be hidden are numbers of its parts, too.
    shown, left = known_ui(run.ui, widget.run.settings)
    widget.ui = shown
    run = dataclasses.replace(run, unknown=(*run.unknown, *left))
    if found := [*run.otherwise(model_print), *misfit]:
        warnings.warn(f"{path}: {' '.join(found)}", RuntimeWarning, stacklevel=2)
    return widget


def beginning(network: Network, settings: Settings, goal: int, model: str) -> Checkpoint:
    """The checkpoint of a run that has not begun, by which a widget is set up in one go.

    Args:
        network: the model with its input.
        settings: with a random state.
        goal: the iteration that it will head for.
        model: fingerprint of the model.
    """
    plan, seed = Plan(network, settings), settings.seed or 0
    batch = plan.batch(plan.start(settings, seed))
    changes = Changes().then(0, settings, goal)
    return keeping.kept(network, batch, settings, changes, seed=seed, goal=goal, model=model)


def _plain(value: Any) -> Any:
    """A value as it travels."""
    return list(value) if isinstance(value, tuple) else value
