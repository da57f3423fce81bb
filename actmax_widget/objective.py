"""Many weighted losses -> one evaluation: every term and the gradient in one forward and one backward pass."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from actmax_widget import graph
from actmax_widget.checks import check_number, invalid
from actmax_widget.losses import Loss


class Evaluation(NamedTuple):
    """What one evaluation gives: tensors.

    Attributes:
        losses: (n + 1,) float32: each loss times its weight, then their sum.
        grads: gradient of the sum, in the shape of ``wrt_value``.
        wrt_value: value of the tensor the gradient was taken by.
    """

    losses: tf.Tensor
    grads: tf.Tensor
    wrt_value: tf.Tensor


class Objective:
    """The weighted sum of losses as a function of the model's input.

    Args:
        input_tensor: the model's symbolic input.
        losses: pairs of :class:`~actmax_widget.losses.Loss` and weight.
        wrt_tensor: symbolic tensor to take the gradient by; ``None`` is the input.

    Raises:
        ValueError: no losses, or a loss that cannot be computed from the input.
        TypeError: not pairs of a loss and a number.
    """

    def __init__(self, input_tensor: Any, losses: Sequence[tuple[Loss, float]], wrt_tensor: Any = None) -> None:
        self.input_tensor = input_tensor
        self.losses = [_check_pair(entry) for entry in losses]
        if not self.losses:
            raise invalid(
                "losses", "at least one loss with a weight that is not 0", losses, "Pass e.g. act_max_weight=1."
            )
        self.names = tuple(loss.name for loss, _ in self.losses)
        self.wrt_is_input = wrt_tensor is None or wrt_tensor is input_tensor
        self.wrt_rank = len((input_tensor if self.wrt_is_input else wrt_tensor).shape)
        self._graph = self._build(input_tensor if self.wrt_is_input else wrt_tensor)

    def _build(self, wrt_tensor: Any) -> keras.Model:
        """One model from the input and the losses' knobs to all terms, which leaves out every layer no term needs."""
        with _borrowed(self.input_tensor) as users:
            knobs = [self._knob_inputs(loss) for loss, _ in self.losses]
            terms = [
                ops.cast(loss.build_loss(**inputs), "float32")
                for (loss, _), inputs in zip(self.losses, knobs, strict=True)
            ]
            inputs = [self.input_tensor, *(tensor for entry in knobs for tensor in entry.values())]
            outputs = {"terms": ops.stack(terms)}
            if not self.wrt_is_input:
                outputs["wrt"] = wrt_tensor
            _rename_apart([*outputs.values(), *inputs], users)
            return keras.Model(inputs, outputs, name="objective")

    @staticmethod
    def _knob_inputs(loss: Loss) -> dict[str, Any]:
        return {name: keras.Input(batch_shape=value.shape, dtype="float32") for name, value in loss.knobs().items()}

    def weights(self) -> np.ndarray:
        """The losses' weights: float32 (n,)."""
        return np.array([weight for _, weight in self.losses], np.float32)

    def knobs(self) -> list[np.ndarray]:
        """The present values of all losses' knobs, in graph order."""
        return [np.asarray(value, np.float32) for loss, _ in self.losses for value in loss.knobs().values()]

    def __call__(self, inp: tf.Tensor, weights: tf.Tensor, knobs: Sequence[tf.Tensor]) -> Evaluation:
        """Evaluate at ``inp``, (batch, ..., channels) float32."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inp)
            outputs = self._graph([inp, *knobs], training=False)
            wrt_value = outputs.get("wrt", inp)
            weighted = outputs["terms"] * weights
            total = tf.reduce_sum(weighted)
        grads = tape.gradient(total, wrt_value, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return Evaluation(tf.concat([weighted, total[None]], 0), tf.cast(grads, tf.float32), wrt_value)


def _check_pair(entry: Any) -> tuple[Loss, float]:
    if not isinstance(entry, tuple | list) or len(entry) != 2 or not isinstance(entry[0], Loss):
        advice = "Pass e.g. losses=[(ActivationMaximization(layer, 3), 1)]."
        raise invalid("losses", "pairs of a Loss and its weight", entry, advice, TypeError)
    return entry[0], check_number("losses", entry[1], advice="Give each loss a number as weight.")


@contextlib.contextmanager
def _borrowed(input_tensor: Any) -> Iterator[set[Any]]:
    """Lets losses be built on a user's graph and leaves no trace there; yields the user's operations.

    Keras notes on each operation what was built on its output, and would so keep every objective alive with the model.
    """
    counts: dict[Any, int] = {}
    stack = [input_tensor._keras_history.operation]
    while stack:
        operation = stack.pop()
        if operation not in counts:
            counts[operation] = len(operation._outbound_nodes)
            stack.extend(node.operation for node in operation._outbound_nodes)
    try:
        yield set(counts)
    finally:
        for operation, count in counts.items():
            del operation._outbound_nodes[count:]


def _rename_apart(tensors: Sequence[Any], users: set[Any]) -> None:
    """Give our operations names of their own.

    Keras counts names from 1 in each process, so a loaded model may have the same ones, and Keras refuses doubles.
    """
    operations = graph.operations(tensors)
    names = Counter(operation.name for operation in operations)
    for number, operation in enumerate(operations):
        if names[operation.name] > 1 and operation not in users:
            operation.name = f"actmax_{number}_{operation.name}"
