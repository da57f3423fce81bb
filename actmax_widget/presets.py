"""Named sets of parts with their numbers; so far keras-vis's own (2017, ``vis.visualization``)."""

from __future__ import annotations

from typing import Any

from actmax_widget.losses import ActivationMaximization, Loss, Neuron
from actmax_widget.network import Network
from actmax_widget.parameters import parameters_of
from actmax_widget.regularizers import LPNorm, TotalVariation
from actmax_widget.settings import Settings


def activation_losses(
    network: Network,
    layer: Any,
    filter_indices: Any,
    weights: tuple[float | None, float | None, float | None] = (1.0, 10.0, 10.0),
    position: tuple[int, ...] | None = None,
) -> list[tuple[Loss, float]]:
    """The three terms of :func:`visualize_activation` with their weights; a weight of ``None`` counts as 0.

    With a position the activation is that of one place of the layer's map.

    Raises:
        ValueError, TypeError: for a bad layer, filter or weight.
    """
    target = network.find(layer)
    activation = ActivationMaximization(target, filter_indices, target.filters)
    if position is not None:
        chosen = {"filter_indices": activation.filter_indices, "name": activation.name}
        activation = Neuron(target, 0, position).bound(chosen)
    losses = [activation, LPNorm(network.input), TotalVariation(network.input)]
    names = ("act_max_weight", "lp_norm_weight", "tv_weight")
    declared = parameters_of(Settings)
    checked = [
        0.0 if weight is None else declared[name].check(weight) for name, weight in zip(names, weights, strict=True)
    ]
    return list(zip(losses, checked, strict=True))
