"""A model as activation maximization sees it: one input that is optimized, others that are held, and targets.

Any layer can be a target: of a Sequential or Functional model, inside a nested model, used several times, of a
    subclassed model, inside a custom layer or a wrapper.
A layer is named by its path: ``"conv1"``, ``"mobilenet/block_3_expand_relu"``, and ``"shared:1"`` for the second use of
    one, or for the second layer of that name.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import difflib
import itertools
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras

from actmax_widget.checks import check_integer, invalid
from actmax_widget.network import graph, inputs, layout
from actmax_widget.network.listening import Call, targets_inside
from actmax_widget.network.rebuilding import Inside, RebuildError, inside_of, reason
from actmax_widget.network.targets import Inputs, LayerInfo, Refusal, Target, target_at


class Network:
    """A model, the input that is optimized, and the values of the others.

    Args:
        model: a Keras model: Sequential, Functional, or a subclassed one that was called once.
        input_shape: shape of the optimized input without batch axis, (H, W, C) for pictures; ``None`` is as the model
            was made. At another size only those layers are targets that do not need the one they were made for.
        held_inputs: for a model with several inputs: name of each other input -> its value, with or without batch axis.
            The input that is left is optimized.
        seed_input: the starting picture, if there is one: it tells the size where the model leaves it open and
            ``input_shape`` does not.

    Attributes:
        inputs: the model's symbolic inputs.
        input: the one that is optimized; one of ours, if its size is not the model's.
        layout: the axes of the pictures it takes.
        held: pairs of the others and their values, float32 with batch axis.
        preprocess: function of pictures, (batch, ..., channels), to what the input is fed; None: they are.

    Raises:
        TypeError: not a Keras model.
        ValueError: not built, an input of unknown size, held inputs that do not leave exactly one; or convolutions with
            channels first where TensorFlow cannot compute them.
    """

    def __init__(
        self,
        model: Any,
        input_shape: Sequence[int] | None = None,
        held_inputs: Mapping[str, Any] | None = None,
        seed_input: Any = None,
    ) -> None:
        graph.check_model(model)
        layout.check_computable(model)
        held = inputs.checked_held(held_inputs)
        self.model = model
        symbolic = graph.is_symbolic(model)
        own = list(model.inputs) if symbolic else [inputs.of_subclassed(model, input_shape, seed_input)]
        position = inputs.position_of_optimized(own, held)
        self.inputs = [*own]
        self.inputs[position] = self.input = inputs.of_size(own[position], input_shape, seed_input)
        self.layout = layout.of_input(self.input)
        self.modified_by = ""  # the module and name of a function of the model that was given
        self.held = [(tensor, inputs.held_value(tensor, held)) for tensor in own if tensor is not own[position]]
        # What stands for the model's tensors at another size than it was made with.
        own_size = not symbolic or self.inputs[position] is own[position]
        self._within = None if own_size else inside_of(model, self.inputs)
        self._targets: dict[str, Target] | None = None
        self._refused: list[Refusal] = []
        self.preprocess: Any = None

    def fed_by(self, preprocess: Any) -> Network:
        """The same network, which is shown what a preprocessing makes of pictures; None: the pictures themselves."""
        if preprocess is self.preprocess:
            return self
        _ = self.targets  # found once, for all
        other = copy.copy(self)
        other.preprocess = preprocess
        return other

    @property
    def targets(self) -> dict[str, Target]:
        """All targets by their path, in model order, those inside of a layer after it."""
        if self._targets is None:
            found: dict[str, Target] = {}
            refused = []
            for one in self._looked_up():
                if isinstance(one, Target):
                    name = free(one.name, found)
                    found[name] = dataclasses.replace(one, name=name, inputs=self.inputs)
                else:
                    refused.append(one)
            self._refused, self._targets = refused, found
        return self._targets

    @property
    def refused(self) -> dict[str, Refusal]:
        """The layers that are no targets at this size of input, by their paths."""
        _ = self.targets
        return {one.name: one for one in self._refused}

    def _looked_up(self) -> Iterable[Target | Refusal]:
        if not graph.is_symbolic(self.model):
            try:
                return list(targets_inside(self.model, self.inputs))
            except Exception as error:
                shape, advice = tuple(self.input.shape[1:]), f"The reason: {reason(error)}"
                raise invalid("model", f"a model that can be called on {shape}", self.model.name, advice) from error
        axes = layout.Axes()
        return _targets(self.model, axes) if self._within is None else _rebuilt_targets(self.model, axes, self._within)

    def tensor(self, own: Any) -> Any:
        """What stands for a symbolic tensor of the model; the tensor itself, unless the input is of another size.

        Raises:
            ValueError: there is no such tensor at this size.
        """
        found = own if self._within is None else self._within.known.get(id(own), own)
        if isinstance(found, RebuildError):
            raise invalid("wrt_tensor", "a tensor that there is at this size", own, f"{found} Leave input_shape out.")
        return found

    def given(self) -> dict[str, Any]:
        """What of it does not follow from the model: ``input_shape`` and ``held_inputs``, as they are passed.

        And the name of the function that made the model of another one, ``modified_by``.
        """
        own = self.model.inputs if graph.is_symbolic(self.model) else [None]
        found: dict[str, Any] = {}
        if not any(one is not None and tuple(one.shape) == tuple(self.input.shape) for one in own):
            found["input_shape"] = tuple(self.input.shape[1:])
        if self.held:
            found["held_inputs"] = {tensor.name: value for tensor, value in self.held}
        if self.modified_by:
            found["modified_by"] = self.modified_by
        return found

    def at(self, tensor: Any, calls: Sequence[Any] = ()) -> Callable[[Inputs], Any]:
        """The function of the model's inputs that gives a tensor of its graph.

        Args:
            tensor: symbolic, of the model's graph, or of that of a model inside of it.
            calls: the nodes at which that one is called, from outside to inside; none of the model's own.
        """
        if self._within is not None:
            within = self._within
            for call in calls:
                within = within.inside[id(call)]
            found = within.known.get(id(tensor), tensor)
            return lambda _: found
        models = [self.model, *(call.operation for call in calls)]
        build = _within(models[-1], tensor)
        for model, call in zip(models[-2::-1], reversed(calls), strict=True):
            build = _chain(_within(model, list(call.input_tensors)), build)
        return build

    @property
    def last(self) -> Target:
        """The last layer that can be a target; raises a ValueError if none can."""
        with contextlib.suppress(ValueError):
            return self.find(-1)
        return self.find([*self.targets][-1]) if self.targets else self.find(-1)

    def layers(self) -> list[LayerInfo]:
        """The layers that can be a target, in model order, without the inputs: to maximise those is no riddle."""
        targets = self.targets.values()
        return [target.info for target in targets if not isinstance(target.layer, keras.layers.InputLayer)]

    def find(self, layer: Any, argument: str = "layer") -> Target:
        """The target that ``layer`` names.

        Args:
            layer: an index into ``model.layers`` (negative: from the end), a path, or a layer of the model at any
                depth.
            argument: who asks, for the error.

        Raises:
            ValueError: no such layer, or one whose output cannot be a target, or not at this size of input.
            TypeError: neither an integer, a name, nor a layer.
        """
        named, layer = layer, self._layer(layer)
        for target in self.targets.values():
            if target.name == named:
                return target
        for target in self.targets.values():
            if target.layer is layer:
                return target
        name = named if isinstance(named, str) else layer.name
        names = ", ".join(self.targets)
        for refusal in self._refused:
            if refusal.layer is layer or refusal.name == named:
                expected = f"a layer that works on inputs of shape {tuple(self.input.shape[1:])}"
                advice = f"{refusal.why} Leave input_shape out, or choose one of: {names}."
                raise invalid(argument, expected, name, advice)
        advice = f"{_meant(name, self.targets)}Choose one of: {names}."
        raise invalid(argument, f"a layer of {self.model.name!r} whose output has filters", name, advice)

    def _layer(self, layer: Any) -> Any:
        """The layer of the model itself that an index or a name tells; a layer, or another name, as it is."""
        if isinstance(layer, str):
            return next((one for one in self.model.layers if one.name == layer), layer)
        if not isinstance(layer, keras.Layer):
            count = len(self.model.layers)
            advice = "Pass an index into model.layers, the name of a layer, or a layer."
            index = check_integer("layer_idx", layer, least=-count, most=count - 1, advice=advice)
            return self.model.layers[graph.from_end(index, count)]
        return layer


def _meant(name: str, names: Iterable[str]) -> str:
    """A question for whoever wrote a name that there is not; empty if there is none like it."""
    last = {one: one.rpartition("/")[2] for one in names}
    inside = [one for one, own in last.items() if own == name]
    near = inside or difflib.get_close_matches(name, names, 1)
    near += [one for one, own in last.items() if own in difflib.get_close_matches(name, last.values(), 1)]
    return f"Did you mean {near[0]!r}? " if near else ""


def free(name: str, taken: Container[str]) -> str:
    """The name, with a number if another layer has it."""
    names = itertools.chain([name], (f"{name}:{number}" for number in itertools.count(1)))
    return next(one for one in names if one not in taken)


# --- targets of a graph
# ------------------------------------------------------------------------------------------------


def _targets(model: Any, axes: layout.Axes, prefix: str = "") -> Iterator[Target | Refusal]:
    """The targets of a model with a symbolic graph, and of the models and layers inside of it."""

    def build(tensors: Any) -> Callable[[Inputs], Any]:
        return _within(model, tensors)

    for name, layer, node in graph.uses(model):
        given = list(node.input_tensors)
        yield from _at_use(prefix + name, node, node.outputs[0], given, build, axes)
        if graph.is_symbolic(layer):
            yield from (_fed(one, build(given)) for one in _targets(layer, axes, f"{prefix}{name}/"))


def _rebuilt_targets(model: Any, axes: layout.Axes, within: Inside, prefix: str = "") -> Iterator[Target | Refusal]:
    """The same of a model whose graph was built again on other inputs."""

    def build(tensors: Any) -> Callable[[Inputs], Any]:
        return lambda _: tensors

    for name, layer, node in graph.uses(model):
        output, *given = (within.known.get(id(one), one) for one in (node.outputs[0], *node.input_tensors))
        yield from _at_use(prefix + name, node, output, given, build, axes)
        if id(node) in within.inside:
            yield from _rebuilt_targets(layer, axes, within.inside[id(node)], f"{prefix}{name}/")


def _at_use(
    name: str,
    node: Any,
    output: Any,
    given: Inputs,
    build: Callable[[Any], Callable[[Inputs], Any]],
    axes: layout.Axes,
) -> Iterator[Target | Refusal]:
    """The targets at one use of a layer: its output, and the layers inside of it, if there is no graph of them.

    Args:
        name: its path.
        node: the use.
        output: what is put out, or why nothing is.
        given: what it is called on.
        build: makes, of such tensors, the function of the model's inputs that gives them.
        axes: of the graph's tensors.
    """
    layer = node.operation
    if isinstance(output, RebuildError):
        yield Refusal(name, layer, str(output))
    else:
        wrapped = [(f"{name}/{layer.layer.name}", layer.layer)] if _is_plain_wrapper(layer) else []
        targets = (target_at(path, one, output, build(output), axes) for path, one in ((name, layer), *wrapped))
        yield from filter(None, targets)
    # Cells are called in a loop, which nothing can be taken out of.
    opaque = not (graph.is_symbolic(layer) or _is_plain_wrapper(layer) or isinstance(layer, keras.layers.RNN))
    if opaque and graph.layers_of(layer) and not any(isinstance(one, RebuildError) for one in given):
        with contextlib.suppress(Exception):  # a layer that cannot be looked into can still be used
            yield from (_fed(one, build(given)) for one in targets_inside(layer, given, _call_of(node), f"{name}/"))


def _is_plain_wrapper(layer: Any) -> bool:
    """Whether what a layer inside of another puts out at each step is what the other puts out."""
    return isinstance(layer, keras.layers.TimeDistributed) and not graph.layers_of(layer.layer)


def _fed(target: Target | Refusal, build: Callable[[Inputs], Any]) -> Target | Refusal:
    """A target inside of something, as one of what that is inside of."""
    return dataclasses.replace(target, build=_chain(build, target.build)) if isinstance(target, Target) else target


def _call_of(node: Any) -> Call:
    """Calls the layer of a node as it was called there, on other tensors."""

    def call(layer: Any, tensors: Sequence[Any]) -> Any:
        args, kwargs = node.arguments.fill_in(
            {id(own): one for own, one in zip(node.input_tensors, tensors, strict=True)}
        )
        return layer(*args, **{"training": False, **kwargs})

    return call


def _within(model: Any, tensors: Any) -> Callable[[Inputs], Any]:
    """The tensors of a model's graph, for other inputs than the model's own."""

    def build(given: Inputs) -> Any:
        if all(one is own for one, own in zip(given, model.inputs, strict=True)):
            return tensors
        part = keras.Model(list(model.inputs), {"part": tensors})
        return part(list(given))["part"]

    return build


def _chain(outer: Callable[[Inputs], Any], inner: Callable[[Inputs], Any]) -> Callable[[Inputs], Any]:
    return lambda given: inner(outer(given))
