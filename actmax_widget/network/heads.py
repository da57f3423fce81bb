"""The last layer: whether its units are classes, labels or values, and their numbers before a softmax or sigmoid.

A softmax hides what speaks for a class: its picture may show what speaks against the others, and where the network is
sure no gradient is left. So a class is taken before it, whichever of the two layers is named.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from actmax_widget.network import graph
from actmax_widget.network.targets import Inputs, Target


class Kind(enum.StrEnum):
    """What the units of a head are."""

    CLASSES = "classes"
    """One of them is right: a softmax, or several linear units that are the model's output."""
    LABELS = "labels"
    """Each is right or not: sigmoids."""


@dataclasses.dataclass(frozen=True)
class Head:
    """The units that a model puts out, before their activation.

    Attributes:
        target: they.
        kind: what they are.
        activation: what comes after them: "softmax", "sigmoid" or "linear".
    """

    target: Target
    kind: Kind
    activation: str


NAMES = {
    **dict.fromkeys(("softmax", "softmax_v2", "log_softmax", "log_softmax_v2"), "softmax"),
    **{name: name for name in ("sigmoid", "linear")},
}
"""Activations by the name of their function, in Keras or TensorFlow. The units before a log_softmax are a softmax's."""
UNKNOWN = (keras.layers.Lambda, keras.layers.UnitNormalization)
"""Layers without an activation that may be one."""


def head_of(model: Any, target: Target) -> Head | None:
    """The head that a target is, or feeds; None for any other layer, and for a single linear unit, a regression.

    Args:
        model: the network's model.
        target: one of the network's.
    """
    if len(target.shape) != 1 or not graph.is_symbolic(model):
        return None
    last = [tensor._keras_history.operation for tensor in model.outputs]
    layer, own = target.layer, _activation_of(target.layer)
    if layer in last:
        if own == "linear":
            return Head(target, Kind.CLASSES, own) if target.filters > 1 else None
        before = _before(target, own)
        return _of(before, own) if before else None
    after = {node.operation for node in layer._outbound_nodes}
    if own == "linear" and len(after) == 1 and after <= set(last):
        (only,) = after
        name = _activation_of(only)
        return _of(target, name) if name in {"softmax", "sigmoid"} and _is_activation(only) else None
    return None


def _of(target: Target, activation: str | None) -> Head | None:
    if activation == "sigmoid":
        return Head(target, Kind.LABELS, activation)
    return Head(target, Kind.CLASSES, "softmax") if activation == "softmax" and target.filters > 1 else None


def _activation_of(layer: Any) -> str | None:
    """Name of a layer's activation, if it is one of those known; a layer of Keras's that has none is linear."""
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    if not isinstance(layer, keras.layers.Activation | keras.layers.Dense | keras.layers.Layer):
        return None
    if not hasattr(layer, "activation"):
        # What a layer that somebody wrote does, a softmax maybe, nobody knows.
        known = type(layer).__module__.startswith("keras.") and not isinstance(layer, UNKNOWN)
        return "linear" if known else None
    activation = layer.activation
    if isinstance(activation, keras.layers.Softmax):
        return "softmax"
    whose = getattr(activation, "__module__", None) or ""
    return NAMES.get(getattr(activation, "__name__", "")) if whose.startswith(("keras.", "tensorflow.")) else None


def _is_activation(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Activation | keras.layers.Softmax)


def _before(target: Target, activation: str | None) -> Target | None:
    """The same units before their activation; None where that is not known to be taken off."""
    if activation is None or activation not in {"softmax", "sigmoid"}:
        return None
    if not _is_activation(target.layer) and type(target.layer) is not keras.layers.Dense:
        return None

    def build(inputs: Inputs) -> Any:
        output = target.build(inputs)
        history = output._keras_history
        (given, *_) = history.operation._inbound_nodes[history.node_index].input_tensors
        return given if _is_activation(target.layer) else _Linear(target.layer)(given)

    return dataclasses.replace(target, name=f"{target.name} before {activation}", build=build, before=activation)


class _Linear(keras.Layer):  # type: ignore[misc]
    """What a Dense layer puts out before its activation, by its own weights as they are."""

    def __init__(self, layer: Any) -> None:
        super().__init__(dtype=layer.dtype_policy)
        self._dense: Callable[[], Any] = lambda: layer  # which Keras shall not take for a part of this one
        self.built = True

    def call(self, inputs: Any) -> Any:
        layer = self._dense()
        output = ops.matmul(inputs, ops.cast(layer.kernel, self.compute_dtype))
        return output if layer.bias is None else ops.add(output, ops.cast(layer.bias, self.compute_dtype))

    def compute_output_spec(self, inputs: Any) -> Any:
        return keras.KerasTensor((*inputs.shape[:-1], self._dense().units), self.compute_dtype)
