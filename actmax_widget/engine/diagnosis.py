"""Why a run comes to nothing: no gradient reaches the input, a unit is silent, a number is not finite.

Sentences for all who run: the functions raise or warn with them, the widget shows them.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from actmax_widget.checks import invalid
from actmax_widget.losses import ActivationMaximization, Loss

HERE = Path(__file__).parents[1]
LAYERS_NAMED = 3
"""Layers that a sentence names at the most."""
FLATTENING = [keras.activations.softmax, keras.activations.sigmoid, keras.activations.hard_sigmoid]
FILTERS_NAMED = 8
"""Filters that a sentence names at the most."""
SHAPES = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"}
"""TensorFlow operations that look at a tensor's shape alone, so that no gradient is lost there."""


def warn(message: str) -> None:
    """Warn whoever called the package, however deep inside of it this is."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and HERE in Path(frame.f_code.co_filename).parents:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, RuntimeWarning, stacklevel=level)


# --- what is maximised -----------------------------------------------------------------------------------------------


def subject(losses: Iterable[Loss]) -> str:
    """What losses are of, for a sentence: ``"filter 3 of out"``."""
    return " and ".join(_of_loss(loss) for loss in losses)


def filters_of(filters: Sequence[int | None], layer: str) -> str:
    """Filters of a layer, for a sentence."""
    if None in filters:
        return f"{layer}"
    return f"filter{'s' if len(filters) > 1 else ''} {_listed(filters, FILTERS_NAMED)} of {layer}"


def _listed(names: Sequence[Any], most: int) -> str:
    """Some of the names, and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


def _of_loss(loss: Loss) -> str:
    return filters_of(loss.filter_indices, loss.layer.name) if isinstance(loss, ActivationMaximization) else loss.name


# --- no gradient -----------------------------------------------------------------------------------------------------


class NoGradientError(ValueError):
    """No gradient can reach the picture, whatever its values."""


def no_gradient(what: str, inp: Any, wrt: Any, traced: tf.Tensor, terms: tf.Tensor, layers: Iterable[Any]) -> Exception:
    """The error for a picture that no gradient can reach, whatever its values.

    Args:
        what: what is maximised.
        inp: the model's symbolic input.
        wrt: the symbolic tensor the gradient is taken by.
        traced: the same in the graph that is being traced.
        terms: the losses there.
        layers: the layers that may be in between.
    """
    if wrt is not inp:
        expected = f"a tensor that {what} is computed from, by steps that have a gradient"
        advice = "Pass a tensor before that layer, or None for the input."
        return invalid("wrt_tensor", expected, wrt.name, advice, NoGradientError)
    expected = f"a gradient from {what} to the input {inp.name!r}"
    if not keras.backend.is_float_dtype(inp.dtype):
        return invalid("model", expected, None, _as_float(inp), NoGradientError)
    lost = _where_lost(traced, terms)
    place = "somewhere between" if lost is None else f"in {_place(lost, layers)}"
    advice = (
        f"It ends {place}: whole numbers, looking up, rounding, comparing, argmax and stop_gradient have none. "
        "Use a model that takes float input and begins after that."
    )
    return invalid("model", expected, None, advice, NoGradientError)


def _as_float(inp: Any) -> str:
    return (
        f"The input takes {inp.dtype}, and whole numbers have no gradient. Use a model that takes float input: "
        f"copy = keras.models.clone_model(model, input_tensors=keras.Input({tuple(inp.shape[1:])})); "
        "copy.set_weights(model.get_weights())."
    )


def _where_lost(start: tf.Tensor, terms: tf.Tensor) -> tf.Operation | None:
    """The first operation on the way from one tensor to another that has no gradient."""
    if tf.executing_eagerly():
        return None  # there is no graph to look at
    operations = list(terms.graph.get_operations())  # in an order in which they can be computed; looking adds some
    needed = _above(terms, operations)
    reached = {start.ref()}
    for operation in operations:
        given = [tensor for tensor in operation.inputs if tensor.ref() in reached]
        if not given or operation not in needed or operation.type in SHAPES:
            continue
        if not _passes(operation, given):
            return operation
        reached.update(tensor.ref() for tensor in operation.outputs)
    return None


def _above(terms: tf.Tensor, operations: Sequence[tf.Operation]) -> set[tf.Operation]:
    """The operations that a tensor is computed by."""
    needed = {terms.op}
    for operation in reversed(operations):
        if operation in needed:
            needed.update(tensor.op for tensor in operation.inputs)
    return needed


def _passes(operation: tf.Operation, given: Sequence[tf.Tensor]) -> bool:
    outputs = [tensor for tensor in operation.outputs if tensor.dtype.is_floating]
    try:
        return bool(outputs) and any(grads is not None for grads in tf.gradients(outputs, list(given)))
    except LookupError:  # TensorFlow knows no gradient of this kind of operation
        return False


def _place(operation: tf.Operation, layers: Iterable[Any]) -> str:
    """The layer of an operation, which stands in its path with a number after its name, and the kind of operation."""
    names = {layer.name for layer in layers}
    for part in reversed(operation.name.split("/")[:-1]):
        for name in (part, part.rpartition("_")[0]):
            if name in names:
                return f"the layer {name!r} ({operation.type})"
    return f"an operation of the kind {operation.type}"


# --- silence ---------------------------------------------------------------------------------------------------------


def silent(what: str, iterations: int, layers: Iterable[Any]) -> str:
    """The sentence about a picture that no gradient reached although it might.

    A unit's ReLU was never active, or a softmax so far from its class that it is flat.

    Args:
        what: see :func:`subject`.
        iterations: how many were made.
        layers: those that are maximised.
    """
    if any(_flattens(layer) for layer in layers):
        why, advice = "a flat softmax or sigmoid?", "Give the layer a linear activation (utils.apply_modifications)."
    else:
        why, advice = "dead unit?", "Start from a picture or another seed."
    times = f"{iterations} iteration{'' if iterations == 1 else 's'}"
    verb = "are" if what.startswith("filters ") or " and " in what else "is"
    return f"No gradient reached the picture in {times}: {what} {verb} silent here ({why}). {advice}"


def _flattens(layer: Any) -> bool:
    """Whether a layer squeezes what it computes between two ends."""
    activation = getattr(layer, "activation", None)
    return isinstance(layer, keras.layers.Softmax) or activation in FLATTENING


def unchanged(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Whether losses had one value in all rows, of which there are at least two: bool, () or (batch,).

    Args:
        rows: (steps, losses + 1) or (steps, batch, losses + 1).
        columns: (losses,) bool, which of them to look at.
    """
    values = rows[..., :-1][..., columns]
    return (values == values[:1]).all(axis=(0, -1)) & (len(rows) > 1)


# --- numbers that are not finite -------------------------------------------------------------------------------------


def not_finite(what: str, layers: Iterable[Any], advice: str) -> str:
    """The sentence about a loss that is not finite.

    Args:
        what: whose, and what it is: ``"The total loss of iteration 3 is nan"``.
        layers: the layers it was computed by. Where their weights are not finite, that is why.
        advice: what to do if they are.
    """
    names = [layer.name for layer in layers if _has_wrong_weights(layer)]
    if not names:
        return f"{what}. {advice}"
    listed = f"layer{'s' if len(names) > 1 else ''} {_listed([repr(name) for name in names], LAYERS_NAMED)}"
    return (
        f"{what}, as the model's own weights are not finite, those of the {listed}. "
        "Load the model again, or train it anew with a lower learning rate; nothing that can be set here helps."
    )


def _has_wrong_weights(layer: Any) -> bool:
    """Whether weights of a layer itself, not of one inside of it, are not finite."""
    inside = {id(weight) for one in layer._flatten_layers(include_self=False) for weight in one.weights}
    own = [weight for weight in layer.weights if id(weight) not in inside]
    floats = [weight for weight in own if keras.backend.is_float_dtype(weight.dtype)]
    return not all(bool(keras.ops.all(keras.ops.isfinite(weight))) for weight in floats)
