"""One call, one picture: keras-vis's functions (2017, ``vis.visualization``), and what the widget shares with them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from actmax_widget import backprop_modifiers, graph, inputs, shelf, utils
from actmax_widget.ascent import Ascent
from actmax_widget.checks import check_number, check_range, invalid
from actmax_widget.graph import get_num_filters
from actmax_widget.losses import ActivationMaximization, Loss
from actmax_widget.network import Network, respond
from actmax_widget.optimizer import Optimizer, starting_image
from actmax_widget.pictures import overlay
from actmax_widget.regularizers import LPNorm, TotalVariation
from actmax_widget.targets import Target

__all__ = [
    "get_num_filters",
    "overlay",
    "visualize_activation",
    "visualize_activation_with_losses",
    "visualize_response",
    "visualize_weights",
]

PARAMETERS = tuple(inspect.signature(Optimizer.minimize).parameters)[2:]
"""What ``**optimizer_params`` may hold."""


def activation_losses(
    network: Network, layer: Any, filter_indices: Any, weights: tuple[float | None, float | None, float | None]
) -> list[tuple[Loss, float]]:
    """The three terms of :func:`visualize_activation` with their weights; a weight of ``None`` counts as 0.

    Raises:
        ValueError, TypeError: for a bad layer, filter or weight.
    """
    target = network.find(layer)
    activation = ActivationMaximization(target, filter_indices, target.filters)
    losses = [activation, LPNorm(network.input), TotalVariation(network.input)]
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
        act_max_weight: weight of minus the activation. ``None`` or 0 leaves a term out.
        lp_norm_weight: weight of :class:`~actmax_widget.regularizers.LPNorm`.
        tv_weight: weight of :class:`~actmax_widget.regularizers.TotalVariation`.
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
    ascent_for = functools.partial(shelf.ascent_for, network, gate=gate, wrt_tensor=wrt_tensor)
    return _minimize(
        network.input,
        losses,
        wrt_tensor,
        seed_input,
        input_range,
        ascent_for,
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
    return Network(model, input_shape, held_inputs, seed_input), gate


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
    ascent_for: Callable[..., Ascent] | None,
    **optimizer_params: Any,
) -> np.ndarray:
    params = {"verbose": False, **optimizer_params}
    for name, value in optimizer_params.items():
        if name not in PARAMETERS:
            raise invalid(
                name, f"one of the parameters {', '.join(PARAMETERS)}", value, "Check the spelling.", TypeError
            )
    low, high = check_range(input_range, reverse=True)
    optimizer = Optimizer(input_tensor, losses, (low, high), wrt_tensor, ascent_for=ascent_for)
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


def visualize_weights(
    model: Any, layer_idx: Any, filter_indices: Any = None, input_range: tuple[float, float] = (0, 255)
) -> np.ndarray:
    """Show a layer's weights as pictures, best a first layer's, whose weights look at pixels.

    Args:
        model: a Keras model.
        layer_idx: a convolution (any rank) or a Dense layer; see :func:`visualize_activation`.
        filter_indices: filter or unit, or a sequence of them; ``None`` is all.
        input_range: (low, high) of the pictures' values. Two ints give uint8.

    Returns:
        (n, height, width, channels): each filter scaled so that weight 0 is the middle of the range and its largest
        absolute weight one end. A Dense layer on a flattened input gives pictures of the input's shape.

    Raises:
        ValueError, TypeError: a layer without such weights, a filter out of range, a bad range.

    Example:
        >>> from actmax_widget import demo, utils
        >>> pictures = visualize_weights(demo.digits(), "conv1")
        >>> pictures.shape
        (16, 5, 5, 1)
        >>> sheet = utils.stitch_images(pictures)

    Source: Zeiler and Fergus, *Visualizing and understanding convolutional networks*, 2014.
    """
    low, high = check_range(input_range)
    network = Network(model)
    target = network.find(layer_idx)
    kernel = getattr(target.layer, "kernel", None)
    if kernel is None or len(kernel.shape) < 2 or kernel.shape[-1] != target.filters:
        advice = "Choose a convolution or a Dense layer."
        raise invalid("layer_idx", "a layer with a kernel for each filter", target.name, advice)
    weights = np.moveaxis(utils.to_numpy(kernel), -1, 0)[_indices(filter_indices, target)]
    shape = tuple(network.input.shape[1:])
    if weights.ndim == 2 and weights.shape[1] == np.prod(shape):
        weights = np.stack([network.layout.to_channels_last(one.reshape(shape)) for one in weights])
    largest = np.abs(weights).max(axis=tuple(range(1, weights.ndim)), keepdims=True)
    pictures = (low + high) / 2 + weights / np.where(largest > 0, largest, 1) * (high - low) / 2
    return _as_bytes(pictures, low, high) if isinstance(low, int) and isinstance(high, int) else pictures


def visualize_response(model: Any, layer_idx: Any, filter_indices: Any, image: Any) -> np.ndarray:
    """Apply filters to a picture: how much each answers, and where.

    Args:
        model: a Keras model with one input.
        layer_idx: see :func:`visualize_activation`.
        filter_indices: a filter, or a sequence of them; ``None`` is all.
        image: the picture as the network takes it, (H, W, C) with or without batch axis.

    Returns:
        float32, the layer's activation: (height, width) for one filter of a convolution, (n, height, width) for
        several; for a Dense layer () and (n,).

    Raises:
        ValueError, TypeError: an unknown layer, a filter out of range, a picture that does not fit.

    Example:
        >>> from actmax_widget import demo
        >>> visualize_response(demo.digits(), "conv1", 0, np.zeros((28, 28, 1))).shape
        (28, 28)

    Source: Yosinski et al., *Understanding neural networks through deep visualization*, 2015 (its live activations).
    """
    network = Network(model, seed_input=image)
    target = network.find(layer_idx)
    picture = starting_image(network.input, image, (0, 255), name="image")
    response = utils.to_numpy(respond(network, target, picture))
    chosen = np.moveaxis(response, target.axis, 1)[0][_indices(filter_indices, target)]
    return chosen[0] if np.ndim(filter_indices) == 0 and filter_indices is not None else chosen


def _indices(filter_indices: Any, target: Target) -> np.ndarray:
    """Filters as an index array; ``None`` is all of them."""
    chosen = range(target.filters) if filter_indices is None else filter_indices
    return np.array(graph.check_filter_indices(chosen, target.filters, target.name), int)


def _as_bytes(pictures: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.rint(np.clip(pictures, low, high)).astype(np.uint8)
