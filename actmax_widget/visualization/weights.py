"""What a layer has learned, and how it answers a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from actmax_widget.checks import check_range
from actmax_widget.network import Network, Target, graph, response_of, weights_of
from actmax_widget.network.starting import starting_image


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
    pictures = weights_of(network, target, _indices(filter_indices, target))
    pictures = (low + high) / 2 + pictures * (high - low) / 2
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
    chosen = response_of(network, target, _indices(filter_indices, target), picture)
    return chosen[0] if np.ndim(filter_indices) == 0 and filter_indices is not None else chosen


def _indices(filter_indices: Any, target: Target) -> np.ndarray:
    """Filters as an index array; ``None`` is all of them."""
    chosen = range(target.filters) if filter_indices is None else filter_indices
    return np.array(graph.check_filter_indices(chosen, target.filters, target.name), int)


def _as_bytes(pictures: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.rint(np.clip(pictures, low, high)).astype(np.uint8)
