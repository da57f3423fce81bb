"""Settings as the engine takes them: what is minimised, resolved once, and the numbers of a step."""

from __future__ import annotations

from typing import Any

import numpy as np

from actmax_widget import backprop_modifiers, preprocessing, presets
from actmax_widget.checks import invalid
from actmax_widget.composition import bound
from actmax_widget.engine import Knobs, State, Step, cache
from actmax_widget.engine.batch import Batch
from actmax_widget.engine.measuring import measures_of, names_of
from actmax_widget.engine.objective import knobs_of
from actmax_widget.engine.rendering import Rendering
from actmax_widget.losses import LogOdds, Loss
from actmax_widget.network import Network
from actmax_widget.settings import Settings


class Plan:
    """What to minimise for a network. To find a layer takes time, so a plan lasts as long as its target.

    Args:
        network: the model with its input.
        settings: an objective, or a layer with its filters; what else they say does not matter here.

    Attributes:
        target: the settings' target.
        losses: the terms.
        measured: what is measured beside them.
        measures: names of that.
        of_layer: whether they are those of a layer, whose filters are a knob.

    Raises:
        ValueError, TypeError: there is no such layer, filter or place.
    """

    def __init__(self, network: Network, settings: Settings) -> None:
        network = network.fed_by(preprocessing.get(settings.preprocess))
        self.network, self.target = network, settings.target()
        self.of_layer = settings.objective is None
        if settings.objective is None:
            terms = presets.activation_losses(
                network,
                settings.layer,
                settings.filter_indices,
                position=settings.position,
                class_loss=settings.class_loss,
            )
            self.losses: list[Loss] = [loss for loss, _ in terms]
        else:
            both = zip(settings.objective, settings.objective.names, strict=True)
            self.losses = [loss.on(network).named(name) for (loss, _), name in both]
            if alone := [loss.name for loss in self.losses if loss.together]:
                advice = "Make them by visualize_layer(model, layer, [3, 3, 3], losses=Diversity(layer))."
                raise invalid(alone[0], "several pictures, which it compares", 1, advice)

        self.measured = measures_of(network, self.losses)
        self.measures = names_of(self.measured)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the losses."""
        return tuple(loss.name for loss in self.losses)

    @property
    def layers(self) -> list[Any]:
        """The layers that the terms look at."""
        found = [getattr(loss, "layer", None) for loss in self.losses]
        return [getattr(layer, "layer", layer) for layer in found if layer is not None]

    def step(self, settings: Settings, gate: Any = None) -> Step:
        """The compiled step, from the model's cache if it is there; ``gate``: in place of the settings'."""
        if settings.backprop_modifier is not None:
            gate = backprop_modifiers.BUILT_IN[settings.backprop_modifier]
        return cache.step_for(
            self.network,
            list(zip(self.losses, self._weights(settings), strict=True)),
            gate=gate,
            parametrization=settings.parametrization,
            transforms=settings.transforms,
            optimizer=settings.optimizer,
            grad_modifier=settings.grad_modifier if callable(settings.grad_modifier) else None,
        )

    def knobs(self, settings: Settings, step: Step, seed: int, *, goal: int) -> Knobs:
        """The numbers of one picture that may change at any step.

        Args:
            settings: what they are.
            step: from :meth:`step`.
            seed: random state of the transforms.
            goal: the iteration that the run is heading for.
        """
        values = settings.values()
        if settings.objective is None:
            values = {**values, f"{LogOdds.name}.temperature": settings.temperature}
        losses = [bound(loss, loss.name, values) for loss in self.losses]
        return step.knobs(
            weights=self._weights(settings),
            bounds=settings.input_range if settings.clip else (-np.inf, np.inf),
            input_range=settings.input_range,
            goal=goal,
            grad_modifier=settings.grad_modifier,
            seed=seed,
            losses=knobs_of(losses),
            parametrization=bound(settings.parametrization, settings.parametrization.name, values),
            transforms=[bound(one, one.name, values) for one in settings.transforms],
            optimizer=bound(settings.optimizer, settings.optimizer.name, values),
            search=settings.seed_input is None,
        )

    def start(self, settings: Settings, seed: int) -> State:
        """The state of a fresh start of one picture."""
        part = bound(settings.parametrization, settings.parametrization.name, settings.values())
        rendering, look = Rendering(self.network.input, part, ()), settings.input_range
        random: Any = np.random.RandomState(seed)
        return State.of([rendering.start(settings.seed_input, look, random)], settings.optimizer.slots)

    def template(self, settings: Settings) -> State:
        """A state of the shapes of a fresh start, to hold another one against."""
        part = bound(settings.parametrization, settings.parametrization.name, settings.values())
        return State.of([Rendering(self.network.input, part, ()).template()], settings.optimizer.slots)

    def batch(self, state: State, size: int | None = None) -> Batch:
        """What its rows are collected in, from a state on; ``size``: of the model's batches, where that is fixed."""
        return Batch(self.names, state, size, measures=self.measures)

    def _weights(self, settings: Settings) -> list[float]:
        """The weights of the losses."""
        if settings.objective is None:
            return [settings.act_max_weight, settings.lp_norm_weight, settings.tv_weight]
        values = settings.values()
        return [values[f"{loss.name}.weight"] for loss in self.losses]


def random_state(settings: Settings) -> int:
    """The random state of a run: the one set, or another one each time."""
    return int(np.random.SeedSequence().generate_state(1)[0]) if settings.seed is None else settings.seed
