"""What a run was after, as it can be asked of any picture: units of a layer, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from actmax_widget.engine import measuring
from actmax_widget.labels import Labels
from actmax_widget.losses import Loss
from actmax_widget.network import Network, Target
from actmax_widget.network.answers import at_place


@dataclass(frozen=True)
class Aim:
    """Units that a term of an objective maximises, or with a negative weight minimises.

    Attributes:
        name: what a person calls them.
        target: whose units they are: of a head those before its softmax or sigmoid.
        after: "softmax" or "sigmoid", which makes probabilities of them; empty for other layers.
        selection: (filters,): how often each counts.
        position: a place of the layer's map, -1 for the middle of a side; None: the mean of all.
        sign: 1, or -1 for units that are to be low.
    """

    name: str
    target: Target
    after: str
    selection: np.ndarray
    position: tuple[int, ...] | None
    sign: int

    @property
    def chosen(self) -> np.ndarray:
        """The units' indices, each once."""
        return np.flatnonzero(self.selection)

    def units(self, answer: np.ndarray) -> np.ndarray:
        """What all units of the layer answer, (n, filters), of (n, ..., filters)."""
        if self.position is not None and answer.ndim > 2:
            return at_place(answer, self.position)[0]
        return answer.mean(tuple(range(1, answer.ndim - 1))) if answer.ndim > 2 else answer

    def activation(self, units: np.ndarray) -> np.ndarray:
        """What the chosen ones answer, (n,), of :meth:`units`: their mean."""
        counts = self.selection[self.chosen]
        found: np.ndarray = (units[:, self.chosen] @ counts) / counts.sum()
        return found

    def probability(self, units: np.ndarray) -> np.ndarray | None:
        """Of classes the sum, of labels the mean, (n,), 0 to 1; None where there is none, or where all are chosen."""
        if self.after == "softmax" and len(self.chosen) == self.target.filters:
            return None  # it is always 1
        if self.after == "softmax":
            logits = units.astype(np.float64)
            return np.exp(logits[:, self.chosen] - np.logaddexp.reduce(logits, axis=1, keepdims=True)).sum(1)
        if self.after == "sigmoid":
            return self.activation(1 / (1 + np.exp(-np.clip(units.astype(np.float64), -500, 500))))
        return None

    def rank(self, units: np.ndarray) -> np.ndarray | None:
        """The place of the best of the chosen units among all, from 1, (n,); None where all are chosen."""
        if self.target.filters < 2 or len(self.chosen) == self.target.filters:
            return None
        found: np.ndarray = 1 + (units > units[:, self.chosen].max(1, keepdims=True)).sum(1)
        return found


def aims_of(network: Network, losses: Sequence[tuple[Loss, float]], labels: Labels | None = None) -> list[Aim]:
    """What an objective is after, the heaviest first; of terms that choose no units nothing is known.

    Args:
        network: of the model.
        losses: terms whose layers are found, with their weights.
        labels: names of the last layer's units.
    """
    found = []
    for measure in measuring.measures_of(network, [loss for loss, _ in losses]):
        loss, weight = losses[measure.term]
        own: Any = getattr(loss, "layer", None)
        target = measure.head or (own if isinstance(own, Target) else _found(network, own))
        if not weight or target is None:
            continue
        knobs = loss.knobs()
        place = tuple(int(one) for one in knobs["position"]) if "position" in knobs else None
        selection = np.asarray(knobs["selection"])
        name = _called(own.name if isinstance(own, Target) else target.name, selection, labels)
        found.append((abs(weight), Aim(name, target, measure.after, selection, place, 1 if weight > 0 else -1)))
    return [aim for _, aim in sorted(found, key=lambda one: -one[0])]


def _found(network: Network, layer: Any) -> Target | None:
    try:
        return network.find(layer)
    except (ValueError, TypeError):
        return None


def _called(layer: str, selection: np.ndarray, labels: Labels | None) -> str:
    chosen = np.flatnonzero(selection)
    if len(chosen) == len(selection):
        return f"{layer}, all units" if len(chosen) > 1 else layer
    if labels is not None and len(labels) == len(selection):
        return f"{layer}, {', '.join(labels.name(int(index)) for index in chosen)}"
    return f"{layer}, unit{'s' * (len(chosen) > 1)} {', '.join(map(str, chosen))}"
