"""A user's graph once more, on other inputs: the same layers with the same weights, and no trace on them.

Keras's own ways to do so note each call on the user's layers, and hold every input to the size it was made with.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import keras

from actmax_widget.network import graph


class RebuildError(ValueError):
    """A layer does not take an input of this size.

    Args:
        layer: its name.
        reason: why, in Keras's words.
    """

    def __init__(self, layer: str, reason: str) -> None:
        super().__init__(f"Layer {layer!r} needs the size of input that it was made for: {reason.rstrip('.')}.")


class Use(keras.Layer):  # type: ignore[misc]
    """A call of a user's layer or operation in a graph of ours.

    Args:
        node: the call in the user's graph.

    Attributes:
        node: the call.
        stands_for: the layer or operation.
    """

    def __init__(self, node: Any) -> None:
        super().__init__(autocast=False)
        self.stands_for = node.operation
        self.supports_masking = True
        self.data_format = getattr(node.operation, "data_format", None)
        self.node = node
        self.built = True

    def call(self, tensors: Sequence[Any]) -> Any:
        """Call it on these in place of the user's tensors."""
        args, kwargs = self.arguments(tensors)
        return self.stands_for(*args, **kwargs)

    def compute_output_spec(self, tensors: Sequence[Any]) -> Any:
        """The symbolic outputs; raises if it does not take tensors of this size."""
        args, kwargs = self.arguments(tensors)
        layer = self.stands_for
        if isinstance(layer, keras.Layer):
            layer._assert_input_compatibility(args[0] if args else next(iter(kwargs.values())))
            if layer.weights and not getattr(layer.input_spec, "axes", None):
                # It does not say what its weights need: computing its output tells.
                return keras.Operation.compute_output_spec(layer, *args, **kwargs)
        return layer.compute_output_spec(*args, **kwargs)

    def arguments(self, tensors: Sequence[Any]) -> tuple[Any, Any]:
        """What the user called it with, these in place of the user's tensors."""
        known = {id(user): tensor for user, tensor in zip(self.node.input_tensors, tensors, strict=True)}
        return self.node.arguments.fill_in(known)


def rebuilt(tensors: Sequence[Any], given: Mapping[int, Any]) -> list[Any]:
    """The same computation of symbolic tensors from other ones.

    Args:
        tensors: what is computed.
        given: by ``id`` of a symbolic tensor that it is computed from, the one to take instead.

    Raises:
        RebuildError: a layer does not take an input of this size.
    """
    known = dict(given)
    follow([node for node in graph.in_order(tensors, given) if node.input_tensors], known)
    found = [known.get(id(tensor), tensor) for tensor in tensors]
    for one in found:
        if isinstance(one, RebuildError):
            raise one
    return found


class Inside(NamedTuple):
    """What was computed inside of a model that is called.

    Attributes:
        known: by ``id`` of each tensor in its graph, the one that stands for it, or why there is none.
        inside: the same of the models inside of it, by ``id`` of the call.
    """

    known: dict[int, Any]
    inside: dict[int, Inside]


def follow(nodes: Iterable[Any], known: dict[int, Any]) -> dict[int, Inside]:
    """Make the calls of a user's graph again, in their order, from what is known, to which what they put out is added.

    Where a layer does not take its input, the :class:`RebuildError` stands for what it would put out, and for all that
    is computed of that. What does not depend on anything that is known stays the user's.
    """
    inside = {}
    for node in nodes:
        if any(id(tensor) in known for tensor in node.input_tensors):
            inputs = [known.get(id(tensor), tensor) for tensor in node.input_tensors]
            wrong = next((one for one in inputs if isinstance(one, RebuildError)), None)
            if wrong is None and graph.is_symbolic(node.operation):
                inside[id(node)] = within = inside_of(node.operation, inputs)
                outputs = [within.known[id(tensor)] for tensor in node.operation.outputs]
            else:
                outputs = [wrong] * len(node.outputs) if wrong else _used(node, inputs)
            known.update(zip(map(id, node.outputs), outputs, strict=True))
    return inside


def inside_of(model: Any, inputs: Sequence[Any]) -> Inside:
    """What a model with a symbolic graph computes of these inputs."""
    known = {id(own): given for own, given in zip(model.inputs, inputs, strict=True)}
    return Inside(known, follow(graph.in_order(model.outputs), known))


def _used(node: Any, inputs: Sequence[Any]) -> list[Any]:
    if isinstance(node.operation, Use):
        node = node.operation.node
    try:
        return list(keras.tree.flatten(Use(node)(list(inputs))))
    except Exception as error:  # noqa: BLE001 - whatever a layer raises at a size that it does not know
        return [RebuildError(node.operation.name, reason(error))] * len(node.outputs)


def reason(error: Exception) -> str:
    """What an error says, without what Keras tells of the arguments."""
    parts = re.sub(r"\x1b\[\d+m", "", str(error)).split("\n\n")
    wrapped = parts[0].startswith("Exception encountered") and len(parts) > 1
    return textwrap.shorten(parts[1] if wrapped else parts[0], 200)
