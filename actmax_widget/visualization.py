"""One call, one picture: keras-vis's functions (2017, ``vis.visualization``), and what the widget shares with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from actmax_widget import graph
from actmax_widget.checks import check_number, check_range, invalid
from actmax_widget.losses import ActivationMaximization, Loss
from actmax_widget.optimizer import Optimizer
from actmax_widget.regularizers import LPNorm, TotalVariation


def activation_losses(
    model: Any, layer: Any, filter_indices: Any, weights: tuple[float | None, float | None, float | None]
) -> list[tuple[Loss, float]]:
    """The three terms of :func:`visualize_activation` with their weights; a weight of ``None`` counts as 0.

    Raises:
        ValueError, TypeError: for a bad model, layer, filter or weight.
    """
    inp = graph.check_model(model).inputs[0]
    found, output = graph.find_layer(model, layer)
    losses = [ActivationMaximization(found, filter_indices, output), LPNorm(inp), TotalVariation(inp)]
    names = ("act_max_weight", "lp_norm_weight", "tv_weight")
    checked = [
        0.0 if weight is None else check_number(name, weight, advice="Pass a number, or 0 to switch the term off.")
        for name, weight in zip(names, weights, strict=True)
    ]
    return list(zip(losses, checked, strict=True))


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
    **optimizer_params: Any,
) -> np.ndarray:
    """Make the picture that most excites filters or classes of a layer.

    Args:
        model: a Keras model with one input of known size.
        layer_idx: index of the layer in ``model.layers``, its name, or the layer.
        filter_indices: filter, unit or class, or a sequence of them which are maximised together; ``None`` is the mean
            of all. For a class use a layer without softmax, or its picture shows what makes *other* classes unlikely.
        wrt_tensor: symbolic tensor to take gradients by; ``None`` is the input.
        seed_input: starting picture, (H, W, C) with or without batch axis; ``None`` is noise around the middle of the
            range.
        input_range: (low, high) of the input's values. Two ints give a uint8 picture.
        backprop_modifier: not supported yet; must be ``None``.
        grad_modifier: name in :mod:`~actmax_widget.grad_modifiers` or a function of the gradient, e.g. ``"negate"``.
        act_max_weight: weight of minus the activation. ``None`` or 0 leaves a term out.
        lp_norm_weight: weight of :class:`~actmax_widget.regularizers.LPNorm`.
        tv_weight: weight of :class:`~actmax_widget.regularizers.TotalVariation`.
        **optimizer_params: ``max_iter=200``, ``input_modifiers``, ``callbacks``, ``verbose=False``,
            ``learning_rate=1.0``, ``clip=False``, ``seed=None``: see
            :meth:`~actmax_widget.optimizer.Optimizer.minimize`.

    Returns:
        The picture, (H, W, C) inside ``input_range``: rescaled to a fixed brightness and contrast, uint8 for a range of
        two ints, as in keras-vis. With ``clip=True`` the picture exactly as the network saw it last, float32.

    Raises:
        ValueError, TypeError: for a bad argument, before anything is computed: which, what was expected, what came.

    Example:
        >>> import actmax_widget as am
        >>> image = am.visualize_activation(am.demo.digits(), "out", filter_indices=3, seed=0)
        >>> image.shape
        (28, 28, 1)

    Source: keras-vis ``visualize_activation``, 2017.
    """
    if backprop_modifier is not None:
        raise invalid("backprop_modifier", "None", backprop_modifier, "Guided and rectified are not supported yet.")
    weights = (act_max_weight, lp_norm_weight, tv_weight)
    losses = activation_losses(model, layer_idx, filter_indices, weights)
    return visualize_activation_with_losses(
        model.inputs[0], losses, wrt_tensor, seed_input, input_range, grad_modifier=grad_modifier, **optimizer_params
    )


def visualize_activation_with_losses(
    input_tensor: Any,
    losses: Sequence[tuple[Loss, float]],
    wrt_tensor: Any = None,
    seed_input: Any = None,
    input_range: tuple[float, float] = (0, 255),
    **optimizer_params: Any,
) -> np.ndarray:
    """Make the picture that minimises the given losses.

    Args:
        input_tensor: the model's symbolic input, ``model.inputs[0]``.
        losses: pairs of a :class:`~actmax_widget.losses.Loss` and its weight.
        wrt_tensor: see :func:`visualize_activation`, also for the other arguments, the result and the errors.
        seed_input: starting picture.
        input_range: (low, high) of the input's values.
        **optimizer_params: see :func:`visualize_activation`.

    Example:
        >>> losses = [(ActivationMaximization(model.layers[-1], 3), 2), (LPNorm(model.inputs[0]), 10)]
        >>> image = visualize_activation_with_losses(model.inputs[0], losses, seed=0)
    """
    params = {"verbose": False, **optimizer_params}
    low, high = check_range(input_range)
    image, _, _ = Optimizer(input_tensor, losses, (low, high), wrt_tensor).minimize(seed_input, **params)
    if isinstance(low, int) and isinstance(high, int) and not params.get("clip"):
        image = np.clip(image, low, high).astype(np.uint8)
    return image
