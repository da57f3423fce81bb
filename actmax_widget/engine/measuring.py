"""What is measured at each iteration beside the losses: what the target answers with, whatever is minimised.

Losses are weighted, turned around, and made of further terms. A person also wants to know how active the target is, and
how sure of it the network is: its logit and its probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from actmax_widget.losses import ActivationMaximization, LogOdds, Loss
from actmax_widget.network import Kind, Network, Target, head_of


class Measure(NamedTuple):
    """What is measured of the target of a term.

    Attributes:
        term: index of the loss.
        names: of what is measured: the activation, and of a head also the probability.
        head: the units before a softmax or sigmoid, where the loss looks at those after it; else None.
        after: "softmax" or "sigmoid", which makes probabilities of the units; empty where they are no head's.
    """

    term: int
    names: tuple[str, ...]
    head: Target | None
    after: str


def measures_of(network: Network, losses: Sequence[Loss]) -> tuple[Measure, ...]:
    """What there is to measure beside losses whose layers are found.

    Each term that chooses filters has a target: :class:`~actmax_widget.losses.ActivationMaximization`,
    :class:`~actmax_widget.losses.Neuron`, :class:`~actmax_widget.losses.LogOdds`, and what is derived of them. Of one
    target the names are ``"activation"`` and ``"probability"``; where several terms have one, the name of the term is
    added: ``"activation of Two units"``.

    Args:
        network: of the model, whose heads have probabilities.
        losses: the terms.
    """
    terms = [
        k
        for k, loss in enumerate(losses)
        if isinstance(loss, ActivationMaximization | LogOdds) and "selection" in loss.knobs()
    ]
    found = []
    for k in terms:
        head, after = _head(network, losses[k])
        of = f" of {losses[k].name}" if len(terms) > 1 else ""
        names = ("activation", "probability") if after else ("activation",)
        found.append(Measure(k, tuple(f"{name}{of}" for name in names), head, after))
    return tuple(found)


def names_of(measures: Sequence[Measure]) -> tuple[str, ...]:
    """A name for each column."""
    return tuple(name for measure in measures for name in measure.names)


def _head(network: Network, loss: Any) -> tuple[Target | None, str]:
    """See :class:`Measure`."""
    try:
        target = loss.layer if isinstance(loss.layer, Target) else network.find(loss.layer)
    except (ValueError, TypeError):
        return None, ""  # a layer that only its loss knows where to find
    if target.before:
        return None, target.before
    head = head_of(network, target)
    if head is None:
        return None, ""
    after = "softmax" if head.kind is Kind.CLASSES else "sigmoid"
    return (None if head.target is target else head.target), after
