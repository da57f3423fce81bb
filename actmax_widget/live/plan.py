"""Settings as the engine takes them: what is maximised, resolved once, and the numbers of a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from actmax_widget import backprop_modifiers, presets
from actmax_widget.engine import Knobs, Step, cache
from actmax_widget.engine.objective import knobs_of
from actmax_widget.input_modifiers import Jitter
from actmax_widget.losses import Loss
from actmax_widget.network import Network
from actmax_widget.network.starting import starting_image
from actmax_widget.settings import Settings


class Plan:
    """What to maximise in a network. To find a layer takes time, so a plan lasts as long as its target.

    Args:
        network: the model with its input.
        layer: name of the layer.
        filter_indices: the filters maximised together; None is all.

    Attributes:
        losses: the three terms.

    Raises:
        ValueError, TypeError: there is no such layer or filter.
    """

    def __init__(self, network: Network, layer: str, filter_indices: tuple[int, ...] | None) -> None:
        self.network, self.target = network, (layer, filter_indices)
        self.losses: list[Loss] = [loss for loss, _ in presets.activation_losses(network, layer, filter_indices)]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the losses."""
        return tuple(loss.name for loss in self.losses)

    def step(self, settings: Settings) -> Step:
        """The compiled step, from the model's cache if it is there."""
        gate = backprop_modifiers.BUILT_IN[settings.backprop_modifier] if settings.backprop_modifier else None
        losses = list(zip(self.losses, weights_of(settings), strict=True))
        return cache.step_for(self.network, losses, gate=gate, input_modifiers=[Jitter(0)])

    def knobs(
        self, settings: Settings, step: Step, seed: int | Sequence[int], selections: np.ndarray | None = None
    ) -> Knobs:
        """The numbers that may change at any step.

        Args:
            settings: what they are.
            step: from :meth:`step`.
            seed: random state of the jitter, or one for each picture.
            selections: (batch, filters) which filter each picture is of; None: one picture of the plan's filters.
        """
        return step.knobs(
            weights=weights_of(settings),
            **settings.numbers(),
            bounds=settings.input_range if settings.clip else (-np.inf, np.inf),
            grad_modifier=settings.grad_modifier,
            seed=seed,
            losses=knobs_of(self.losses) if selections is None else [selections],
            modifiers=[Jitter(settings.jitter)],
        )

    def start(self, settings: Settings, seed: int) -> np.ndarray:
        """The starting picture, (1, ..., channels) float32 as the model takes it."""
        random: Any = np.random.RandomState(seed)
        return starting_image(self.network.input, settings.seed_input, settings.input_range, random)


def weights_of(settings: Settings) -> tuple[float, float, float]:
    """The weights of the losses."""
    return settings.act_max_weight, settings.lp_norm_weight, settings.tv_weight


def random_state(settings: Settings) -> int:
    """The random state of a run: the one set, or another one each time."""
    return int(np.random.SeedSequence().generate_state(1)[0]) if settings.seed is None else settings.seed
