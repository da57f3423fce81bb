"""Helpers named as in keras-vis (2017, ``vis.utils.utils``).

Those for pictures are in :mod:`~actmax_widget.pictures`, ``apply_modifications`` is in
:mod:`~actmax_widget.network.clone`. Left out: ``lookup_imagenet_labels``, as no labels are bundled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from actmax_widget.checks import invalid, listify
from actmax_widget.network.clone import apply_modifications
from actmax_widget.network.graph import find_layer_idx, get_num_filters
from actmax_widget.network.starting import random_array
from actmax_widget.pictures import bgr2rgb, deprocess_input, draw_text, load_img, normalize, overlay, stitch_images

__all__ = [
    "add_defaults_to_kwargs",
    "apply_modifications",
    "bgr2rgb",
    "deprocess_input",
    "draw_text",
    "find_layer_idx",
    "get_img_indices",
    "get_img_shape",
    "get_num_filters",
    "listify",
    "load_img",
    "normalize",
    "overlay",
    "random_array",
    "reverse_enumerate",
    "slicer",
    "stitch_images",
    "to_numpy",
]


# --- arrays ----------------------------------------------------------------------------------------------------------


def to_numpy(tensor: Any) -> np.ndarray:
    """A tensor as an array that owns its memory."""
    return np.array(ops.convert_to_numpy(tensor))


# --- axes: (samples, channels, image dims...) whatever the image data format -----------------------------------------


def get_img_shape(img: Any) -> tuple[int | None, ...]:
    """Shape of an array or tensor as (samples, channels, image dims...), in either image data format.

    Example:
        >>> get_img_shape(np.zeros((2, 5, 6, 3)))
        (2, 3, 5, 6)

    Raises:
        TypeError: neither an array nor a tensor.
        ValueError: fewer than two axes.
    """
    if not hasattr(img, "shape"):
        raise invalid("img", "an array or tensor", img, "Pass e.g. model.inputs[0].", TypeError)
    shape = tuple(img.shape)
    if len(shape) < 2:
        raise invalid("img", "samples and channels at the least", shape, "Pass an array (samples, ..., channels).")
    return shape if _channels_first() else (shape[0], shape[-1], *shape[1:-1])


def get_img_indices() -> tuple[int, int, int, int]:
    """Where a batch of pictures has its (samples, channels, rows, columns): (0, 3, 1, 2) with ``channels_last``."""
    return (0, 1, 2, 3) if _channels_first() else (0, 3, 1, 2)


class _Slicer:
    """See :data:`slicer`."""

    def __getitem__(self, item: Any) -> tuple[Any, ...]:
        if not isinstance(item, tuple) or len(item) < 2:
            raise invalid(
                "slicer", "samples and channels at the least", item, "Write slicer[:, channel, ...].", TypeError
            )
        return item if _channels_first() else (item[0], *item[2:], item[1])


slicer = _Slicer()
"""An index written as [samples, channels, image dims...], for either image data format.

Example:
    >>> slicer[:, 4, ...]
    (slice(None, None, None), Ellipsis, 4)
"""


def _channels_first() -> bool:
    return bool(keras.config.image_data_format() == "channels_first")


# --- plain Python ----------------------------------------------------------------------------------------------------


def reverse_enumerate(iterable: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """Index and entry from the last to the first: ``list(reverse_enumerate("ab")) == [(1, "b"), (0, "a")]``."""
    return zip(reversed(range(len(iterable))), reversed(iterable), strict=True)


def add_defaults_to_kwargs(defaults: Mapping[str, Any], **kwargs: Any) -> dict[str, Any]:
    """``kwargs`` and those of ``defaults`` that it lacks, as a new dict."""
    return {**defaults, **kwargs}
