"""Losses that are written with layers of a model inside of the model that is looked at.

Such a layer's ``output`` is symbolic, but computed from the inner model's own input. Here it is brought up to where the
inner model is used.
"""

from __future__ import annotations

from typing import Any

from actmax_widget.checks import invalid
from actmax_widget.network import graph
from actmax_widget.network.rebuilding import rebuilt


def brought_up(term: Any, known: set[int], users: set[Any], layer: str) -> Any:
    """A symbolic value, computed from known inputs alone.

    Args:
        term: it may be computed from inputs of models inside of the one that is looked at.
        known: ids of the inputs that it shall be computed from.
        users: the operations of the one that is looked at, those of the models inside included.
        layer: name of the layer that the term is of, for errors.

    Raises:
        ValueError: an inner model is used several times, or not at all.
    """
    while foreign := [tensor for tensor in _inputs_of(term) if id(tensor) not in known]:
        places = {id(tensor): _place(tensor, users, layer) for tensor in foreign}
        (term,) = rebuilt([term], places)
    return term


def _inputs_of(term: Any) -> list[Any]:
    return [node.outputs[0] for node in graph.nodes([term]) if not node.input_tensors]


def _place(tensor: Any, users: set[Any], layer: str) -> Any:
    """What a model inside, whose input this is, is called on."""
    expected = "layers of the model that input_tensor is of"
    way = "give Network(model).find({path!r}), from actmax_widget.network.network, in the layer's place."
    for model in filter(graph.is_symbolic, users):
        positions = [k for k, own in enumerate(model.inputs) if own is tensor]
        calls = _calls(model, users) if positions else []
        if len(calls) == 1:
            return calls[0][positions[0]]
        if calls:
            path = f"{model.name}:1/{layer}"
            advice = f"It is in {model.name!r}, which is used {len(calls)} times: {way.format(path=path)}"
            raise invalid("losses", f"{expected}, once", layer, advice)
    advice = f"For one inside of a custom layer {way.format(path=f'path/{layer}')}"
    raise invalid("losses", expected, layer, advice)


def _calls(model: Any, users: set[Any]) -> list[list[Any]]:
    """The inputs of each use of a model; a Sequential model that grew has used its layers for each size it had."""
    found = {}
    for node in model._inbound_nodes:
        given = node.input_tensors
        if given and all(one._keras_history.operation in users for one in given) and given[0] is not model.inputs[0]:
            found[tuple(id(above.operation) for above in graph.in_order(given))] = list(given)
    return [*found.values()]
