"""Checkpoints: what a run comes to at one of its iterations, and the run that goes on from there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from actmax_widget.checkpoint import Change, Changes, Checkpoint, versions
from actmax_widget.checks import invalid
from actmax_widget.engine.batch import Batch
from actmax_widget.engine.plan import Plan
from actmax_widget.engine.step import State, view
from actmax_widget.losses import Sum
from actmax_widget.network import Network, Target
from actmax_widget.network.fingerprint import fingerprint
from actmax_widget.results import History
from actmax_widget.settings import Settings


def kept(
    network: Network, batch: Batch, settings: Settings, changes: Changes, *, seed: int, goal: int, model: str
) -> Checkpoint:
    """A checkpoint of a run of one picture.

    Args:
        network: of the run.
        batch: its state and rows, of one moment.
        settings: those in force.
        changes: what was set so far.
        seed: the random state that was drawn.
        goal: the iteration that it is heading for.
        model: fingerprint of the network's model.
    """
    return Checkpoint(
        settings=named(settings, network),
        arrays=_arrays(batch.state.with_slots(settings.optimizer.slots)),  # another optimizer may have been set since
        seed=seed,
        iteration=batch.iteration,
        goal=goal,
        history=batch.history(),
        changes=Changes((_of_names(one, network) for one in changes), batch.iteration),
        model=model,
        versions=versions(),
        given=network.given(),
    )


def at(state: State, history: History, iteration: int) -> Batch:
    """A run as it was at an earlier iteration, of which a state was kept."""
    batch = Batch(history.names, state, measures=history.measures)
    batch.add_rows(history.rows[:iteration, None])
    return batch


def check_model(checkpoint: Checkpoint, network: Network, model: str = "") -> None:
    """See that a checkpoint is of a network, whose fingerprint may be known; raises ValueError if it is not."""
    if checkpoint.model != (model or fingerprint(network)):
        advice = "Pass what it was made with: the same layers and weights, input_shape and held_inputs."
        raise invalid("checkpoint", "one of this model", "one of another model, or of other weights", advice)


def restored(checkpoint: Checkpoint, plan: Plan) -> Batch:
    """The run of a checkpoint, ready for its next step.

    Args:
        checkpoint: whole, see :meth:`Checkpoint.check`.
        plan: of its settings.

    Raises:
        ValueError: it is of another objective or input.
    """
    own, wanted = (*checkpoint.history.columns, *checkpoint.history.measures), (*plan.names, "total", *plan.measures)
    if own != wanted:
        expected, received = f"one of the columns {[*wanted]}", [*own]
        raise invalid("checkpoint", expected, received, "Pass the objective that it was made with.")
    settings = checkpoint.settings
    template = plan.template(settings)
    arrays = checkpoint.fitting(_arrays(template))
    fields = {name: _tensors(value) for name, value in arrays.items()}
    state = template._replace(**fields, iteration=tf.constant(checkpoint.iteration))
    return at(state, checkpoint.history, checkpoint.iteration)


def _of_names(change: Change, network: Network) -> Change:
    settings = named(change.settings, network)
    other = {"objective": settings.objective} if change.changed.get("objective") is not None else {}
    return change._replace(settings=settings, changed=change.changed | other)


def named(settings: Settings, network: Network) -> Settings:
    """The settings with layers by name, so that they hold no model and can be pickled."""
    if settings.objective is None:
        return settings
    pairs = []
    for loss, weight in settings.objective:
        own = {name: _named(value, network) for name, value in vars(loss).items() if name in {"layer", "layers"}}
        other = loss.bound(own)
        vars(other).pop("_origin", None)
        arguments, options = vars(loss)["_made_with"]
        options = {name: _named(value, network) for name, value in options.items()}
        vars(other)["_made_with"] = _named(arguments, network), options
        pairs.append((other, weight))
    # Not changed(): what was set about these terms stays.
    other_settings = settings.changed()
    object.__setattr__(other_settings, "objective", Sum(pairs))
    vars(other_settings).pop("_numbers", None)
    return other_settings


def _named(layer: Any, network: Network) -> Any:
    if isinstance(layer, list | tuple):
        return type(layer)(_named(one, network) for one in layer)
    known = isinstance(layer, keras.Layer | Target)
    return network.find(getattr(layer, "layer", layer) if isinstance(layer, Target) else layer).name if known else layer


def _arrays(state: State) -> dict[str, Any]:
    arrays = tf.nest.map_structure(view, {**state._asdict(), "iteration": state.best_loss})
    del arrays["iteration"]
    return dict(arrays)


def _tensors(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _tensors(one) for name, one in value.items()}
    return tf.constant(value)
