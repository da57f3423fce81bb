"""Settings as the engine takes them: losses, the compiled step, its knobs, and the starting picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from actmax_widget import backprop_modifiers
from actmax_widget.engine import cache
from actmax_widget.engine.objective import knobs_of
from actmax_widget.engine.step import Knobs, Step
from actmax_widget.input_modifiers import Jitter
from actmax_widget.losses import Loss
from actmax_widget.network import Network
from actmax_widget.network.starting import starting_image
from actmax_widget.presets import activation_losses
from actmax_widget.settings import Settings


def losses_for(network: Network, settings: Settings) -> list[tuple[Loss, float]]:
    """The three terms with their weights. Raises ValueError or TypeError for a layer or filter that there is not."""
    weights = (settings.act_max_weight, settings.lp_norm_weight, settings.tv_weight)
    return activation_losses(network, settings.layer, settings.filter_indices, weights)


def step_for(network: Network, settings: Settings, *, each: bool = False) -> Step:
    """The step for ``settings.graph()``, from the shelf if it is there; ``each`` picture of a batch on its own."""
    gate = backprop_modifiers.BUILT_IN[settings.backprop_modifier] if settings.backprop_modifier else None
    losses = losses_for(network, settings)
    return cache.step_for(network, losses, gate=gate, each=each, input_modifiers=[Jitter(0)])


def knobs_for(
    network: Network, settings: Settings, step: Step, seed: int, selections: np.ndarray | None = None
) -> Knobs:
    """The numbers that may change at any step.

    Args:
        network: the model with its input.
        settings: what they are for.
        step: from :func:`step_for`.
        seed: random state of the jitter.
        selections: (batch, filters) which filter each picture is of; None: one picture of ``settings.filter_indices``.
    """
    losses = losses_for(network, settings)
    knobs: Sequence[Any] = knobs_of(loss for loss, _ in losses) if selections is None else [selections]
    return step.knobs(
        weights=[weight for _, weight in losses],
        learning_rate=settings.learning_rate,
        bounds=settings.input_range if settings.clip else (-np.inf, np.inf),
        grad_modifier=settings.grad_modifier,
        seed=seed,
        losses=knobs,
        modifiers=[Jitter(settings.jitter)],
        apart=settings.seed is None,
    )


def random_state(settings: Settings) -> int:
    """The random state of a run: the one set, or another one each time."""
    return int(np.random.SeedSequence().generate_state(1)[0]) if settings.seed is None else settings.seed


def start_for(network: Network, settings: Settings, seed: int) -> np.ndarray:
    """The starting picture, (1, ..., channels) float32 as the model takes it."""
    return starting_image(network.input, settings.seed_input, settings.input_range, np.random.RandomState(seed))
