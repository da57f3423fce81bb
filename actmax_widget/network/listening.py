"""Layers that only a call reveals: those inside of subclassed models, of custom layers and of wrappers.

Their outputs cannot be reached symbolically. So whatever they are inside of is called, and listened to.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from actmax_widget.network import graph, layout
from actmax_widget.network.rebuilding import reason
from actmax_widget.network.targets import Inputs, Refusal, Target, with_filters

Call = Callable[[Any, Sequence[Any]], Any]
"""Calls a layer on some tensors."""


class _HeardEnough(BaseException):
    """Ends a call whose rest is not needed; no Exception, since Keras and others wrap those."""


class Ear:
    """Notes what layers put out while something is called in this thread; others may use the layers meanwhile.

    Args:
        layers: the layers to listen to.
        last: end the call when this one has put out something,
        calls: so many times.

    Attributes:
        heard: the layers in the order in which they were done, each with the outputs of its calls.
    """

    def __init__(self, layers: Sequence[Any], last: Any = None, calls: int = 1) -> None:
        self.heard: dict[int, list[Any]] = {}
        self._layers, self._last, self._calls = layers, last, calls

    @contextlib.contextmanager
    def listen(self) -> Iterator[None]:
        """Listen for the time being."""
        with contextlib.ExitStack() as stack:
            for layer in self._layers:
                stack.enter_context(graph.called_as(layer, functools.partial(self._recorder, layer)))
            with contextlib.suppress(_HeardEnough):
                yield

    def _recorder(self, layer: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        def record(*args: Any, **kwargs: Any) -> Any:
            outputs = call(*args, **kwargs)
            self.heard.setdefault(id(layer), []).append(outputs)
            if layer is self._last and len(self.heard[id(layer)]) == self._calls:
                raise _HeardEnough
            return outputs

        return record


class Recorded(keras.Layer):  # type: ignore[misc]
    """The output of a layer inside of another whose graph cannot be walked: that is called and listened to.

    What comes after the layer is not called; what its output does not need is left out when the step is compiled.

    Args:
        outer: the model or layer to call.
        layer: the layer to listen to.
        call: calls ``outer`` on the tensors this is called on.
        steps: the layer is called for each of these steps of a sequence, and what it puts out is put together along
            axis 1; None: its first call counts.
    """

    def __init__(self, outer: Any, layer: Any, call: Call, steps: int | None) -> None:
        super().__init__(autocast=False)
        self.outer, self.layer = outer, layer
        self._outer_call, self._steps = call, steps
        self.built = True

    def call(self, tensors: Sequence[Any]) -> Any:
        """Call the outer layer and return the inner one's output."""
        ear = Ear([self.layer], self.layer, self._steps or 1)
        with ear.listen():
            self._outer_call(self.outer, tensors)
        outputs = ear.heard[id(self.layer)]
        return outputs[0] if self._steps is None else tf.stack(outputs, 1)


def call_model(model: Any, tensors: Sequence[Any]) -> Any:
    """Call a model on its inputs."""
    return model(tensors[0] if len(tensors) == 1 else list(tensors), training=False)


def targets_inside(outer: Any, inputs: Inputs, call: Call = call_model, prefix: str = "") -> Iterator[Target | Refusal]:
    """The targets inside of a model or layer, found by tracing it once.

    Args:
        outer: the model or layer.
        inputs: symbolic tensors that it is called on.
        call: calls it on such tensors.
        prefix: of the targets' paths.

    Returns:
        Targets, and if the call raised, a refusal for each layer that had not put out anything by then.

    Raises:
        Exception: what calling it raised, if no layer had.
    """
    inside = list(_named(outer))
    ear = Ear([layer for _, layer, _ in inside])
    outside: list[Any] = []

    def trace(*given: Any) -> None:
        outside.append(tf.compat.v1.get_default_graph())
        call(outer, given)

    specs = [tf.TensorSpec([1, *tensor.shape[1:]], tensor.dtype) for tensor in inputs]
    why = ""
    try:
        with ear.listen():
            tf.function(trace, autograph=False).get_concrete_function(*specs)
    except Exception as error:  # a layer does not take this size; those before it do
        if not ear.heard:
            raise
        why = reason(error)
    axes = _channel_axes(ear, [layer for _, layer, _ in inside], [len(spec.shape) for spec in specs])
    for path, layer, each_step in inside:
        outputs = ear.heard.get(id(layer), [])
        if why and not outputs:
            yield Refusal(prefix + path, layer, f"{outer.name!r} stops before it: {why.rstrip('.')}.")
        # What was put out inside of a loop or a branch cannot be seen from outside.
        if outputs and all(isinstance(one, tf.Tensor) and one.graph is outside[-1] for one in outputs):
            steps = [len(outputs)] if each_step else []
            shape, axis = (*steps, *outputs[0].shape[1:]), axes[id(layer)] + len(steps)
            build = _recorder(outer, layer, call, *steps)
            if target := with_filters(Target(prefix + path, layer, shape, axis, build)):
                yield target


def _recorder(outer: Any, layer: Any, call: Call, steps: int | None = None) -> Callable[[Inputs], Any]:
    return lambda inputs: Recorded(outer, layer, call, steps)(list(inputs))


def _channel_axes(ear: Ear, layers: Sequence[Any], ranks: Sequence[int]) -> dict[int, int]:
    """The channel axis of each layer's output: of one that does not tell, as the layer before it had it.

    Args:
        ear: what was heard.
        layers: the layers that may have been.
        ranks: of the inputs.
    """
    found: dict[int, int] = {}
    before = {rank: layout.of_layers(layers, rank).channels for rank in ranks}
    by_id = {id(layer): layer for layer in layers}
    for key, outputs in ear.heard.items():
        rank = len(getattr(outputs[0], "shape", ()))
        axis = layout.own_axis(by_id[key], rank)
        if axis is None:
            axis = before.get(rank)
        found[key] = before[rank] = axis if axis is not None else layout.assumed(rank).channels or 0
    return found


def _named(outer: Any) -> Iterator[tuple[str, Any, bool]]:
    """The layers inside a layer, each once, with their paths, and whether they are called for each step."""
    seen: set[int] = set()

    def inside(outer: Any, prefix: str, *, each_step: bool) -> Iterator[tuple[str, Any, bool]]:
        each_step |= isinstance(outer, keras.layers.TimeDistributed)
        for layer in graph.layers_of(outer):
            if id(layer) not in seen:
                seen.add(id(layer))
                if not isinstance(layer, keras.layers.InputLayer):
                    yield prefix + layer.name, layer, each_step
                yield from inside(layer, f"{prefix}{layer.name}/", each_step=each_step)

    return inside(outer, "", each_step=False)
