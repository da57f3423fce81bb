"""Backprop modifiers: what a ReLU lets through on the way back.

- ``guided``: the gradient passes where it is positive *and* the activation was positive (Springenberg et al., *Striving
  for simplicity*, 2015).
- ``rectified``, also ``relu`` and ``deconv``: the gradient passes where it is positive (Zeiler and Fergus, *Visualizing
  and understanding convolutional networks*, 2014).

They act on every ReLU-like activation while the step is traced: ``relu``, ``relu6`` and ``leaky_relu`` wherever they
are called, and the layers ``ReLU`` (with its parameters), ``LeakyReLU`` and ``PReLU``, nested ones too. The user's
model is not changed, its custom layers work as they are, and nothing is kept.

"Positive" is said of the gradient of the *activation*. keras-vis (2017) looked at the gradient of the loss, which is
minus the activation, so its gates kept what lowers the activation.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from actmax_widget.checks import invalid
from actmax_widget.network import graph


class Gate(NamedTuple):
    """How a modifier treats the gradient at a ReLU.

    Attributes:
        name: its name.
        forward: whether the gradient passes only where the activation passed, too.
    """

    name: str
    forward: bool

    def __call__(self, grads: tf.Tensor, slope: tf.Tensor) -> tf.Tensor:
        """The modified gradient.

        Args:
            grads: gradient of the loss by the ReLU's output.
            slope: the ReLU's own slope: 1 where it passes, 0 or a leak where not.
        """
        # The sign turns the loss's gradient into the activation's.
        passes = grads * tf.cast(_traced.sign, grads.dtype) > 0
        if self.forward:
            passes &= slope >= 1
        return tf.where(passes, grads, tf.zeros_like(grads))


BUILT_IN = {
    "guided": Gate("guided", forward=True),
    "rectified": Gate("rectified", forward=False),
    "relu": Gate("rectified", forward=False),
    "deconv": Gate("rectified", forward=False),
}
"""Modifiers by name; ``relu`` and ``deconv`` are keras-vis's other names of ``rectified``."""


def get(identifier: Any) -> Gate | Callable[[Any], Any] | None:
    """Look a backprop modifier up.

    Args:
        identifier: ``None``, one of :data:`BUILT_IN` by name, or a function of the model that returns the model to use.

    Raises:
        ValueError: for an unknown name.
        TypeError: for anything that is neither a name nor callable.
    """
    if identifier is None or callable(identifier):
        return identifier
    names = ", ".join(BUILT_IN)
    if not isinstance(identifier, str):
        raise invalid(
            "backprop_modifier", f"None, one of {names}, or a function of the model", identifier, "", TypeError
        )
    if identifier not in BUILT_IN:
        raise invalid("backprop_modifier", f"one of {names}", identifier, "Check the spelling or pass a function.")
    return BUILT_IN[identifier]


def address_of(modifier: Any) -> str:
    """Module and name of a function of the model, by which another process may find it; of a name nothing."""
    if not callable(modifier) or isinstance(modifier, Gate):
        return ""
    return f"{modifier.__module__}:{getattr(modifier, '__qualname__', type(modifier).__qualname__)}"


class _Traced(threading.local):
    """What the gates of this thread need to know: TensorFlow's gradient functions get no arguments."""

    def __init__(self) -> None:
        self.sign: Any = -1.0


_traced = _Traced()


@contextlib.contextmanager
def gated(gate: Gate | None, layers: list[Any], sign: Any) -> Iterator[None]:
    """Trace with ``gate`` at every ReLU.

    Args:
        gate: the modifier; ``None`` for none.
        layers: all layers that may be called meanwhile, nested ones too.
        sign: what turns the sign of the traced loss's gradient into that of the activation's: -1 where minus the
            activation is minimised. A tensor, as a weight may change its sign.
    """
    if gate is None:
        yield
        return
    with contextlib.ExitStack() as stack:
        for layer in layers:
            stack.enter_context(_gated_layer(gate, layer))
        kinds = {kind: f"Actmax_{gate.name}_{kind}" for kind in SLOPES}
        stack.enter_context(tf.compat.v1.get_default_graph().gradient_override_map(kinds))
        before, _traced.sign = _traced.sign, sign
        try:
            yield
        finally:
            _traced.sign = before


# --- operations: wherever tf.nn.relu and its like are called
# ------------------------------------------------------------


def _slope_of_relu(op: tf.Operation) -> tf.Tensor:
    return tf.cast(op.outputs[0] > 0, op.outputs[0].dtype)


def _slope_of_relu6(op: tf.Operation) -> tf.Tensor:
    return tf.cast((op.outputs[0] > 0) & (op.outputs[0] < 6), op.outputs[0].dtype)


def _slope_of_leaky(op: tf.Operation) -> tf.Tensor:
    return tf.cast(op.inputs[0] > 0, op.inputs[0].dtype)


SLOPES = {"Relu": _slope_of_relu, "Relu6": _slope_of_relu6, "LeakyRelu": _slope_of_leaky}
"""TensorFlow operation -> where it passes its input on as it is."""


def _register() -> None:
    for gate in {gate.name: gate for gate in BUILT_IN.values()}.values():
        for kind, slope in SLOPES.items():
            tf.RegisterGradient(f"Actmax_{gate.name}_{kind}")(
                lambda op, grads, gate=gate, slope=slope: gate(grads, slope(op))
            )


_register()


# --- layers that are made of several operations
# -------------------------------------------------------------------------


def _slope_of_layer(layer: Any, inputs: tf.Tensor) -> tf.Tensor | None:
    """Where a ReLU-like layer passes its input on as it is; None for other layers."""
    if isinstance(layer, keras.layers.ReLU):
        passes = inputs > tf.cast(layer.threshold or 0.0, inputs.dtype)
        if layer.max_value is not None:
            passes &= inputs < tf.cast(layer.max_value, inputs.dtype)
        return tf.cast(passes, inputs.dtype)
    if isinstance(layer, keras.layers.PReLU | keras.layers.LeakyReLU):
        return tf.cast(inputs > 0, inputs.dtype)
    return None


@contextlib.contextmanager
def _gated_layer(gate: Gate, layer: Any) -> Iterator[None]:
    """For the time being, let the layer's ``call`` have the gate's gradient."""
    if not isinstance(layer, keras.layers.ReLU | keras.layers.PReLU | keras.layers.LeakyReLU):
        yield
        return

    def with_gate(as_ever: Callable[..., Any]) -> Callable[..., Any]:
        return lambda inputs: _with_gradient(gate, inputs, _slope_of_layer(layer, inputs), as_ever(inputs))

    with graph.called_as(layer, with_gate):
        yield


def _with_gradient(gate: Gate, inputs: tf.Tensor, slope: Any, outputs: tf.Tensor) -> tf.Tensor:
    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def pass_on(_: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, Any]:
        return tf.identity(outputs), lambda grads: (gate(grads, slope), None)

    return pass_on(inputs, tf.stop_gradient(outputs))
