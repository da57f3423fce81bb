"""A model as activation maximization sees it: one input that is optimized, others that are held, and targets.

Any layer can be a target: of a Sequential or Functional model, inside a nested model, used several times, of a
    subclassed model.
A layer is named by its path: ``"conv1"``, ``"mobilenet/block_3_expand_relu"``, and ``"shared:1"`` for the second use of
    one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from actmax_widget import graph
from actmax_widget.checks import check_integer, invalid
from actmax_widget.records import LayerInfo

Inputs = Sequence[Any]
"""Symbolic tensors, one for each input of a model."""


@dataclasses.dataclass(frozen=True)
class Target:
    """An output that can be maximised; it stands for its layer in a :class:`~actmax_widget.losses.Loss`.

    Attributes:
        name: path of the layer.
        layer: the layer.
        shape: shape of its output, without the batch axis.
        filters: size of the channel axis.
        build: symbolic inputs of the model -> symbolic output of the layer. Adds to the graph, so it is called late.
        inputs: the symbolic inputs.
    """

    name: str
    layer: Any
    shape: tuple[int | None, ...]
    filters: int
    build: Callable[[Inputs], Any]
    inputs: Inputs = ()

    @property
    def output(self) -> Any:
        """The symbolic output, as ``layer.output`` of a Keras layer."""
        return self.build(self.inputs)

    @property
    def info(self) -> LayerInfo:
        """Name, type, shape and number of filters."""
        return LayerInfo(self.name, type(self.layer).__name__, self.shape, self.filters)


def _target(name: str, layer: Any, output: Any, build: Callable[[Inputs], Any]) -> Target:
    return Target(name, layer, tuple(output.shape[1:]), graph.count_filters(output), build)


class Network:
    """A model, the input that is optimized, and the values of the others.

    Args:
        model: a Keras model: Sequential, Functional, or a subclassed one that was called once.
        input_shape: shape of the optimized input without batch axis, (H, W, C) for pictures; needed where the model
            leaves it open.
        held_inputs: for a model with several inputs: name of each other input -> its value, with or without batch axis.
            The input that is left is optimized.

    Attributes:
        inputs: the model's symbolic inputs.
        input: the one that is optimized.
        held: pairs of the others and their values, float32 with batch axis.

    Raises:
        TypeError: not a Keras model.
        ValueError: not built, an input of unknown size, held inputs that do not leave exactly one.
    """

    def __init__(
        self,
        model: Any,
        input_shape: Sequence[int] | None = None,
        held_inputs: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(model, keras.Model):
            raise invalid(
                "model", "a Keras model", model, "Pass e.g. keras.saving.load_model('model.keras').", TypeError
            )
        held = _checked_held(held_inputs)
        self.model = model
        self._symbolic = is_symbolic(model)
        own = list(model.inputs) if self._symbolic else [_input_of_subclassed(model, input_shape)]
        position = _position_of_optimized(own, held)
        self.inputs = [*own]
        self.inputs[position] = self.input = _sized(own[position], input_shape)
        self.held = [(tensor, _held_value(tensor, held)) for tensor in own if tensor is not own[position]]
        self._targets: dict[str, Target] | None = None

    @property
    def targets(self) -> dict[str, Target]:
        """All targets by their path, in model order, those of nested models after the nested model."""
        if self._targets is None:
            found = _targets(self.model) if self._symbolic else _recorded_targets(self.model, self.inputs)
            bound = (dataclasses.replace(target, inputs=self.inputs) for target in found)
            self._targets = {target.name: target for target in bound}
        return self._targets

    def layers(self) -> list[LayerInfo]:
        """The layers that can be a target, in model order, without the inputs: to maximise those is no riddle."""
        targets = self.targets.values()
        return [target.info for target in targets if not isinstance(target.layer, keras.layers.InputLayer)]

    def find(self, layer: Any) -> Target:
        """The target that ``layer`` names.

        Args:
            layer: an index into ``model.layers`` (negative: from the end), a path, or a layer of the model at any
                depth.

        Raises:
            ValueError: no such layer, or one whose output cannot be a target.
            TypeError: neither an integer, a name, nor a layer.
        """
        if not isinstance(layer, str | keras.Layer):
            count = len(self.model.layers)
            advice = "Pass an index into model.layers, the name of a layer, or a layer."
            index = check_integer("layer_idx", layer, least=-count, most=count - 1, advice=advice)
            layer = self.model.layers[graph.from_end(index, count)]
        for target in self.targets.values():
            if target.layer is layer or target.name == layer:
                return target
        name = layer if isinstance(layer, str) else layer.name
        names = ", ".join(self.targets)
        raise invalid(
            "layer", f"a layer of {self.model.name!r} whose output has filters", name, f"Choose one of: {names}."
        )


def respond(network: Network, target: Target, picture: np.ndarray) -> Any:
    """The target's activation for a picture, (1, ..., channels) float32: a tensor."""
    with graph.borrowed(network.input) as users:
        inputs = [network.input, *(tensor for tensor, _ in network.held)]
        model = graph.part(inputs, {"response": target.output}, users)
    given = [tf.constant(value) for value in (picture, *(value for _, value in network.held))]
    return model(given, training=False)["response"]


def is_symbolic(model: Any) -> bool:
    """Whether a layer is a Functional or a built Sequential model, whose graph can be walked."""
    try:
        return isinstance(model, keras.Model) and bool(model.inputs) and bool(model.outputs)
    except (AttributeError, ValueError):
        return False


# --- inputs
# --------------------------------------------------------------------------------------------------------------


def _input_of_subclassed(model: Any, input_shape: Sequence[int] | None) -> Any:
    if not model.built:
        advice = "Start it with keras.Input(shape), or call it once on data."
        raise invalid("model", "a built model", model, advice)
    known = getattr(model, "_build_shapes_dict", None) or {}
    shape = input_shape or next(iter(known.values()), (None,))[1:]
    if not all(isinstance(size, int) for size in shape) or (len(known) > 1 and input_shape is None):
        raise invalid("model", "an input of known size", model, "Pass input_shape=, e.g. (224, 224, 3).")
    return keras.Input(shape)


def _checked_held(held_inputs: Any) -> Mapping[str, Any]:
    if held_inputs is not None and not isinstance(held_inputs, Mapping):
        advice = "Pass e.g. held_inputs={'age': 30.0}."
        raise invalid("held_inputs", "a mapping from input names to values", held_inputs, advice, TypeError)
    return held_inputs or {}


def _position_of_optimized(inputs: Inputs, held: Mapping[str, Any]) -> int:
    names = [_name(tensor) for tensor in inputs]
    left = [index for index, name in enumerate(names) if name not in held]
    if unknown := set(held) - set(names):
        raise invalid("held_inputs", f"names of inputs ({', '.join(names)})", min(unknown), "Check the spelling.")
    if len(left) != 1:
        advice = f"The model has the inputs {', '.join(names)}: give held_inputs={{name: value}} for all but one."
        raise invalid("held_inputs", "values for all inputs but the one to optimize", sorted(held), advice)
    return left[0]


def _name(tensor: Any) -> str:
    return str(tensor._keras_history.operation.name)


def _sized(tensor: Any, input_shape: Sequence[int] | None) -> Any:
    """The input itself if its size is known, else a new one of the given size."""
    shape = tuple(tensor.shape[1:])
    if input_shape is None:
        if None in shape:
            raise invalid(
                "model", f"an input of known size, not {shape}", _name(tensor), "Pass input_shape=, e.g. (224, 224, 3)."
            )
        return tensor
    advice = "Pass e.g. input_shape=(224, 224, 3), without the batch axis."
    if not isinstance(input_shape, tuple | list):
        raise invalid("input_shape", "a sequence of integers", input_shape, advice, TypeError)
    given = tuple(check_integer("input_shape", size, least=1, advice=advice) for size in input_shape)
    if len(given) != len(shape) or any(want not in {None, size} for want, size in zip(shape, given, strict=True)):
        raise invalid("input_shape", f"a shape that fits the model's {shape}", input_shape, advice)
    return tensor if given == shape else keras.Input(given, dtype=tensor.dtype)


def _held_value(tensor: Any, held: Mapping[str, Any]) -> np.ndarray:
    value = np.asarray(held[_name(tensor)])
    shape = tuple(tensor.shape[1:])
    value = value[None] if value.ndim == len(shape) else value
    if (
        value.ndim != len(shape) + 1
        or len(value) != 1
        or any(want not in {None, size} for want, size in zip(shape, value.shape[1:], strict=True))
    ):
        expected = f"an array of shape {shape} for {_name(tensor)!r}"
        raise invalid("held_inputs", expected, value.shape, "A batch axis of 1 may be added.")
    return value.astype(tensor.dtype)


# --- targets of a graph
# ------------------------------------------------------------------------------------------------


def _targets(model: Any, prefix: str = "") -> Iterator[Target]:
    """The targets of a model with a symbolic graph, and of the models nested in it."""
    for name, layer, node in _uses(model):
        output = node.outputs[0]
        if graph.has_filters(output):
            yield _target(prefix + name, layer, output, _within(model, output))
        below = _below(layer, list(node.input_tensors), f"{prefix}{name}/")
        for target in below:
            build = _chain(_within(model, list(node.input_tensors)), target.build)
            yield dataclasses.replace(target, build=build)


def _below(layer: Any, inputs: Inputs, prefix: str) -> list[Target]:
    """The targets inside of a layer that is a model itself."""
    if is_symbolic(layer):
        return list(_targets(layer, prefix))
    return list(_recorded_targets(layer, inputs, prefix)) if isinstance(layer, keras.Model) else []


def _uses(model: Any) -> Iterator[tuple[str, Any, Any]]:
    """Each use of each layer in the model's graph: name, layer, node. The second use is called ``name:1``."""
    used: dict[int, list[Any]] = {}
    for node in graph.nodes(model.outputs):
        used.setdefault(id(node.operation), []).append(node)
    for layer in model.layers:
        nodes = sorted(used.get(id(layer), ()), key=layer._inbound_nodes.index)
        for number, node in enumerate(nodes):
            yield (f"{layer.name}:{number}" if number else layer.name), layer, node


def _within(model: Any, tensors: Any) -> Callable[[Inputs], Any]:
    """The tensors of a model's graph, for other inputs than the model's own."""

    def build(inputs: Inputs) -> Any:
        if all(given is own for given, own in zip(inputs, model.inputs, strict=True)):
            return tensors
        part = keras.Model(list(model.inputs), {"part": tensors})
        return part(list(inputs))["part"]

    return build


def _chain(outer: Callable[[Inputs], Any], inner: Callable[[Inputs], Any]) -> Callable[[Inputs], Any]:
    return lambda inputs: inner(outer(inputs))


# --- targets that only a call reveals
# ------------------------------------------------------------------------------------


@contextlib.contextmanager
def _recording(layers: Sequence[Any]) -> Iterator[dict[int, Any]]:
    """While the model is called, note the output of each layer's first call, by ``id(layer)``.

    Others may use the model meanwhile: only calls of this thread are noted.
    """
    seen: dict[int, Any] = {}
    listener = threading.get_ident()

    def recorder(layer: Any, call: Any) -> Callable[..., Any]:
        def record(*args: Any, **kwargs: Any) -> Any:
            outputs = call(*args, **kwargs)
            if threading.get_ident() == listener:
                seen.setdefault(id(layer), outputs)
            return outputs

        return record

    with graph.TRACING, contextlib.ExitStack() as stack:
        for layer in layers:
            # Past Keras's own __setattr__, which would note the function as part of the layer.
            vars(layer)["call"] = recorder(layer, layer.call)
            stack.callback(vars(layer).pop, "call")
        yield seen


class Recorded(keras.Layer):  # type: ignore[misc]
    """The output of a layer inside of a model whose graph cannot be walked: the model is called and listened to.

    What that output does not need is left out when the step is compiled.

    Args:
        model: the model to call.
        layer: the layer to listen to.
    """

    def __init__(self, model: Any, layer: Any) -> None:
        super().__init__(dtype=model.dtype_policy)
        self.model, self.layer = model, layer
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Call the model and return the layer's output."""
        with _recording([self.layer]) as seen:
            self.model(inputs, training=False)
        return seen[id(self.layer)]


def _recorded_targets(model: Any, inputs: Inputs, prefix: str = "") -> Iterator[Target]:
    """The targets inside of a subclassed model, found by tracing it once."""
    named = list(_named(model))
    specs = [tf.TensorSpec([1, *tensor.shape[1:]], tensor.dtype) for tensor in inputs]
    with _recording([layer for _, layer in named]) as seen:
        tf.function(lambda *given: model(_one_or_list(given), training=False)).get_concrete_function(*specs)
    for name, layer in named:
        output = seen.get(id(layer))
        if isinstance(output, tf.Tensor) and graph.has_filters(output):
            yield _target(prefix + name, layer, output, _listener(model, layer))


def _named(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The layers of a model and of the models inside of it, with their paths."""
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            yield prefix + layer.name, layer
        if isinstance(layer, keras.Model):
            yield from _named(layer, f"{prefix}{layer.name}/")


def _listener(model: Any, layer: Any) -> Callable[[Inputs], Any]:
    return lambda inputs: Recorded(model, layer)(_one_or_list(inputs))


def _one_or_list(inputs: Inputs) -> Any:
    return inputs[0] if len(inputs) == 1 else list(inputs)
