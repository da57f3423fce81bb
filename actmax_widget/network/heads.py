"""The last layer: whether its units are classes, labels or values, and their numbers before a softmax or sigmoid.

A softmax hides what speaks for a class: its picture may show what speaks against the others, and where the network is
sure no gradient is left. So a class is taken before it, whichever of the two layers is named.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
from keras import ops
from keras.layers import Dense

from actmax_widget.network import graph
from actmax_widget.network.targets import Inputs, Target

if TYPE_CHECKING:
    from actmax_widget.network.network import Network


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
NOTHING = (
    *(keras.layers.Dropout, keras.layers.GaussianDropout, keras.layers.AlphaDropout, keras.layers.GaussianNoise),
    *(keras.layers.Identity, keras.layers.ActivityRegularization, keras.layers.Activation),
)
"""Layers that put out what they get, where nobody trains; an activation if it is linear."""
LAST = (
    *(Dense, keras.layers.EinsumDense, keras.layers.GlobalAveragePooling1D, keras.layers.GlobalAveragePooling2D),
    *(keras.layers.GlobalAveragePooling3D, keras.layers.GlobalMaxPooling1D, keras.layers.GlobalMaxPooling2D),
    keras.layers.GlobalMaxPooling3D,
)
"""Layers that put out units of their own, of whatever they get."""
UNKNOWN = (keras.layers.Lambda, keras.layers.UnitNormalization)
"""Layers without an activation that may be one."""


def head_of(network: Network, target: Target) -> Head | None:
    """The head that a target is, or feeds; None for any other layer, and for a single linear unit, a regression.

    Args:
        network: the model's.
        target: one of the network's.
    """
    if len(target.shape) != 1 or not graph.is_symbolic(network.model):
        return None
    for output in network.model.outputs:
        end = _end_of(network, output)
        if end is None or target.filters != end.units or not any(one is target.layer for one in end.layers):
            continue
        if end.activation == "sigmoid":
            kind = Kind.LABELS
        elif target.filters > 1:
            kind = Kind.CLASSES
        else:
            return None
        if any(one is target.layer for one in end.before):
            return Head(target, kind, end.activation)
        name = f"{target.name} before {end.activation}"
        return Head(
            dataclasses.replace(target, name=name, build=end.build, before=end.activation), kind, end.activation
        )
    return None


class _End(NamedTuple):
    """Where a model ends.

    Attributes:
        layers: those which put its units out, after or before their activation.
        before: those of them that put them out before it.
        units: how many.
        activation: that of the head.
        build: symbolic inputs of the model -> the units before it.
    """

    layers: list[Any]
    before: list[Any]
    units: int
    activation: str
    build: Callable[[Inputs], Any]


def _end_of(network: Network, output: Any) -> _End | None:
    """What is met on the way back from an output: models inside, an activation, what does nothing, and the units."""
    calls: tuple[Any, ...] = ()  # the calls of the models that are gone into
    tensor, layers = output, list[Any]()
    activation, after, own = "", 0, None
    while len(tensor.shape) == 2:
        layer, index, position = tensor._keras_history
        node = layer._inbound_nodes[index]
        inner = calls[-1].operation if calls else network.model
        places = [k for k, one in enumerate(inner.inputs) if one is tensor]
        if places and calls:
            tensor, calls = calls[-1].input_tensors[places[0]], calls[:-1]
            continue
        if graph.is_symbolic(layer):
            layers.append(layer)
            tensor, calls = layer.outputs[position], (*calls, node)
            continue
        own = _activation_of(layer)
        if own in {"softmax", "sigmoid"} and not activation and (_is_activation(layer) or type(layer) is Dense):
            layers.append(layer)
            tensor, activation, after = node.input_tensors[0], own, len(layers)
            if type(layer) is Dense:
                return _End(layers, [], layer.units, own, _linear(layer, network.at(tensor, calls)))
        elif own == "linear":
            layers.append(layer)
            if not isinstance(layer, NOTHING):
                break
            tensor = node.input_tensors[0]
        else:
            break
    if activation or (own == "linear" and not _of_probabilities(layers[-1])):
        return _End(layers, layers[after:], tensor.shape[-1], activation or "linear", network.at(tensor, calls))
    return None


def _of_probabilities(layer: Any) -> bool:
    """Whether a layer without an activation, and without units of its own, may put out means or parts of a softmax."""
    above, seen = [layer], set[int]()
    while above:
        one = above.pop()
        activation = _activation_of(one)
        if activation in {"softmax", "sigmoid"}:
            return True
        if id(one) in seen or activation != "linear" or isinstance(one, LAST):
            continue
        seen.add(id(one))
        nodes = [tensor for node in one._inbound_nodes for tensor in node.input_tensors]
        given = one.outputs if graph.is_symbolic(one) else nodes
        above += [tensor._keras_history.operation for tensor in given]
    return False


def _linear(layer: Any, given: Callable[[Inputs], Any]) -> Callable[[Inputs], Any]:
    return lambda inputs: _Linear(layer)(given(inputs))


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
