"""How the layers of a model hang together: what is drawn as its map."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras

from actmax_widget.network import graph
from actmax_widget.network.network import Network, free


class MapNode(NamedTuple):
    """A use of a layer or of an operation, and what it takes.

    Attributes:
        name: its path; that of a target is the target's.
        type: its class.
        shape: of its output, without the batch axis; empty where there is none at this size of input.
        sources: the places, in the list of all nodes, of those beside it whose outputs it takes.
        first: the path of the first use of the same layer; empty for that one itself.
        why: a sentence why it is no target; empty if it is one.
    """

    name: str
    type: str
    shape: tuple[int | None, ...]
    sources: tuple[int, ...]
    first: str
    why: str


def is_known(network: Network) -> bool:
    """Whether the model has a graph that can be walked: a subclassed one has none."""
    return graph.is_symbolic(network.model)


def flow_of(network: Network) -> list[MapNode]:
    """All that a model computes, in order, what is inside of a layer right after it.

    Of a subclassed model, and inside of a layer that somebody wrote, only the layers are known and the order in which
    they were called: their nodes have no sources.

    Example:
        >>> import actmax_widget as am
        >>> [node.name for node in flow_of(Network(am.demo.digits()))][-3:]
        ['conv3', 'flatten', 'out']
    """
    found: list[MapNode] = []
    if is_known(network):
        _walk(network, network.model, "", found)
    else:
        found += [_node(network, name) for name in (*network.targets, *network.refused)]
    return found


def _walk(network: Network, model: Any, prefix: str, found: list[MapNode]) -> None:
    """Add the nodes of a model with a graph, and those inside of them."""
    names = {id(node): prefix + name for name, _, node in graph.uses(model)}
    taken, places, first = {*names.values()}, dict[int, int](), dict[int, str]()
    for node in graph.in_order(model.outputs):
        operation = node.operation
        name = names.get(id(node)) or free(prefix + operation.name, taken)
        taken.add(name)
        places[id(node)] = len(found)
        sources = tuple(places[id(source)] for source in graph.sources(node))
        found.append(_node(network, name, node, sources, first.get(id(operation), "")))
        first.setdefault(id(operation), name)
        if graph.is_symbolic(operation):
            _walk(network, operation, f"{name}/", found)
        elif graph.layers_of(operation):
            inside = (one for one in (*network.targets, *network.refused) if one.startswith(f"{name}/"))
            found += [_node(network, one) for one in inside]


def _node(network: Network, name: str, node: Any = None, sources: tuple[int, ...] = (), first: str = "") -> MapNode:
    """What there is to say of one; without a node it is inside of something that has no graph."""
    target, refusal = network.targets.get(name), network.refused.get(name)
    operation = node.operation if node else (target or refusal).layer  # type: ignore[union-attr]
    shape: tuple[int | None, ...] = ()
    if target:
        shape = target.shape
    elif node and not refusal and "input_shape" not in network.given():
        shape = tuple(node.outputs[0].shape[1:])
    why = refusal.why if refusal else _why(target, operation)
    return MapNode(name, type(operation).__name__, shape, sources, first, why)


def _why(target: Any, operation: Any) -> str:
    if isinstance(operation, keras.layers.InputLayer):
        return "It is the input itself: to maximise that is no riddle."
    if target:
        return ""
    if not isinstance(operation, keras.Layer):
        return "It is an operation and no layer: choose a layer before or after it."
    return "What it puts out has no filters or units."
