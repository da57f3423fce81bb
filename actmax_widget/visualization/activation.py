"""One call, one picture: keras-vis's functions (2017, ``vis.visualization``), and what the widget shares with them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from actmax_widget import backprop_modifiers
from actmax_widget.checks import check_range, invalid
from actmax_widget.engine import cache
from actmax_widget.engine.step import Step
from actmax_widget.losses import Loss
from actmax_widget.network import Network, inputs
from actmax_widget.optimizer import Optimizer
from actmax_widget.parameters import documented
from actmax_widget.presets import activation_losses
from actmax_widget.settings import Settings

PARAMETERS = tuple(inspect.signature(Optimizer.minimize).parameters)[2:]
"""What ``**optimizer_params`` may hold."""


@documented(Settings)
def visualize_activation(
    model: Any,
    layer_idx: Any,
    filter_indices: Any = None,
    wrt_tensor: Any = None,
    seed_input: Any = None,
    input_range: tuple[float, float] = (0, 255),
    backprop_modifier: Any = None,
    grad_modifier: Any = None,
    act_max_weight: float | None = 1,
    lp_norm_weight: float | None = 10,
    tv_weight: float | None = 10,
    *,
    input_shape: Sequence[int] | None = None,
    held_inputs: Mapping[str, Any] | None = None,
    **optimizer_params: Any,
) -> np.ndarray:
    """Make the picture that most excites filters or classes of a layer.

    Args:
        model: a Keras model: Sequential, Functional, or a subclassed one that was called once.
        layer_idx: index of the layer in ``model.layers``, its name (``"mobilenet/block_3_expand_relu"`` for one in a
            nested model, ``"shared:1"`` for the second use of one), or the layer.
        filter_indices: filter, unit or class, or a sequence of them which are maximised together; ``None`` is the mean
            of all. For a class use a layer without softmax, or its picture shows what makes *other* classes unlikely.
        wrt_tensor: symbolic tensor to take gradients by; ``None`` is the input.
        seed_input: starting picture: a path or a Pillow image, which is fitted and scaled to ``input_range``, or an
            array of the network's own values, (H, W, C) with or without batch axis; ``None`` is noise around the middle
            of the range.
        input_range: (low, high) of the input's values. Two ints other than (0, 1) give a uint8 picture.
        backprop_modifier: ``"guided"``, ``"rectified"``, or a function of the model that returns the model to use; see
            :mod:`~actmax_widget.backprop_modifiers`.
        grad_modifier: name in :mod:`~actmax_widget.grad_modifiers` or a function of the gradient, e.g. ``"negate"``.
        act_max_weight: {act_max_weight} ``None`` or 0 leaves a term out.
        lp_norm_weight: {lp_norm_weight} See :class:`~actmax_widget.regularizers.LPNorm`.
        tv_weight: {tv_weight} See :class:`~actmax_widget.regularizers.TotalVariation`.
        input_shape: size of the input, e.g. (224, 224, 3). ``None`` is as the model was made; where that is open, the
            size of ``seed_input``. At another size than a model was made for its convolutions still work.
        held_inputs: for a model with several inputs: name of each other input -> the value it is held at.
        **optimizer_params: ``max_iter=200``, ``input_modifiers``, ``callbacks``, ``verbose=False``,
            ``learning_rate=1.0``, ``clip=False``, ``seed=None``, ``progress=False``, ``seed_fit="crop"``: see
            :meth:`~actmax_widget.optimizer.Optimizer.minimize`.

    Returns:
        The picture, (H, W, C) inside ``input_range``: rescaled to a fixed brightness and contrast, uint8 for a range of
        two ints, as in keras-vis. With ``clip=True`` the picture exactly as the network saw it last, float32. A
        callback that raises ``StopIteration``, and Ctrl-C after the first iteration, end the run: the picture so far is
        returned.

    Raises:
        ValueError, TypeError: for a bad argument, before anything is computed: which, what was expected, what came.

    Example:
        >>> import actmax_widget as am
        >>> image = am.visualize_activation(am.demo.digits(), "out", filter_indices=3, seed=0)
        >>> image.shape
        (28, 28, 1)

    Source: keras-vis ``visualize_activation``, 2017.
    """
    network, gate = prepared(model, backprop_modifier, input_shape, held_inputs, seed_input)
    losses = activation_losses(network, layer_idx, filter_indices, (act_max_weight, lp_norm_weight, tv_weight))
    step_for = functools.partial(cache.step_for, network, gate=gate, wrt_tensor=wrt_tensor)
    return _minimize(
        network.input,
        losses,
        wrt_tensor,
        seed_input,
        input_range,
        step_for,
        grad_modifier=grad_modifier,
        **optimizer_params,
    )


def prepared(
    model: Any, backprop_modifier: Any, input_shape: Any, held_inputs: Any, seed_input: Any
) -> tuple[Network, backprop_modifiers.Gate | None]:
    """The network of a model, and the gate if its gradient passes ReLUs in another way."""
    modifier = backprop_modifiers.get(backprop_modifier)
    gate = modifier if isinstance(modifier, backprop_modifiers.Gate) else None
    if modifier is not None and not isinstance(modifier, backprop_modifiers.Gate):
        model = modifier(model)
    network = Network(model, input_shape, held_inputs, seed_input)
    network.modified_by = backprop_modifiers.address_of(modifier)
    return network, gate


def visualize_activation_with_losses(
    input_tensor: Any,
    losses: Sequence[tuple[Loss, float]],
    wrt_tensor: Any = None,
    seed_input: Any = None,
    input_range: tuple[float, float] = (0, 255),
    *,
    input_shape: Sequence[int] | None = None,
    **optimizer_params: Any,
) -> np.ndarray:
    """Make the picture that minimises the given losses.

    Args:
        input_tensor: the model's symbolic input, ``model.inputs[0]``.
        losses: pairs of a :class:`~actmax_widget.losses.Loss` and its weight.
        wrt_tensor: see :func:`visualize_activation`, also for the other arguments, the result and the errors.
        seed_input: starting picture, see there.
        input_range: (low, high) of the input's values.
        input_shape: see :func:`visualize_activation`.
        **optimizer_params: see there.

    Example:
        >>> losses = [(ActivationMaximization(model.layers[-1], 3), 2), (LPNorm(model.inputs[0]), 10)]
        >>> image = visualize_activation_with_losses(model.inputs[0], losses, seed=0)
    """
    tensor = inputs.of_size(input_tensor, input_shape, seed_input)
    return _minimize(tensor, losses, wrt_tensor, seed_input, input_range, None, **optimizer_params)


def _minimize(
    input_tensor: Any,
    losses: Sequence[tuple[Loss, float]],
    wrt_tensor: Any,
    seed_input: Any,
    input_range: tuple[float, float],
    step_for: Callable[..., Step] | None,
    **optimizer_params: Any,
) -> np.ndarray:
    params = {"verbose": False, **optimizer_params}
    for name, value in optimizer_params.items():
        if name not in PARAMETERS:
            raise invalid(
                name, f"one of the parameters {', '.join(PARAMETERS)}", value, "Check the spelling.", TypeError
            )
    low, high = check_range(input_range, reverse=True)
    optimizer = Optimizer(input_tensor, losses, (low, high), wrt_tensor, step_for=step_for)
    image, _, _ = optimizer.minimize(seed_input, **params)
    return image if params.get("clip") else as_returned(image, (low, high), seeded=seed_input is not None)


def as_returned(image: np.ndarray, input_range: tuple[float, float], *, seeded: bool) -> np.ndarray:
    """A picture in keras-vis's type.

    That is bytes for a range of ints (but not of 0 to 1, which would leave black and white), else double precision
    where there was no starting picture.
    """
    low, high = input_range
    if isinstance(low, int) and isinstance(high, int) and (low, high) != (0, 1):
        # By way of int64: negative floats as bytes are undefined.
        return np.clip(image, low, high).astype(np.int64).astype(np.uint8)
    return image if seeded else image.astype(np.float64)
