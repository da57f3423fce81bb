"""Losses: what the optimization minimises.

A loss is a class with a ``name`` and a ``build_loss()`` that returns its *symbolic* value, written with
:mod:`keras.ops` from ``layer.output`` and the model's input, as in keras-vis (2017, ``vis.losses``): a number for each
picture of a batch, of shape (batch,), or one number, and then pictures are made one by one. Many weighted losses are
stacked into one graph by :class:`actmax_widget.engine.Objective`, so all of them are computed in one forward pass.

A number that shall change while the optimization runs, without compiling again, is a *knob*: ``knobs()`` names it with
its present value and ``build_loss`` takes it as a keyword.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from keras import Layer, ops

from actmax_widget.network import graph, layout


class Loss:
    """Base class of losses.

    Attributes:
        name: shown in the loss table and given to callbacks.

    Example:
        >>> class Difference(Loss):
        ...     name = "Difference"
        ...     def __init__(self, layer, a, b):
        ...         self.layer, self.a, self.b = layer, a, b
        ...     def build_loss(self):
        ...         output = self.layer.output
        ...         return -ops.mean(output[..., self.a] - output[..., self.b])
    """

    name = "Unnamed Loss"

    def knobs(self) -> dict[str, np.ndarray]:
        """Numbers that may change during a run: keyword of ``build_loss`` -> float32 array of a fixed shape.

        ``build_loss`` gets them symbolic, with a batch axis in front: each picture has its own.
        """
        return {}

    def signature(self) -> Hashable | None:
        """What shapes the loss's graph, knobs excepted: losses with the same signature can share a compiled step.

        None, unless a loss says otherwise, is not to be shared.
        """
        return None

    def joint(self, values: Any) -> Any:
        """The loss of pictures that are optimized as one (keras-vis's way with a starting batch), from each one's."""
        return ops.mean(values)

    def build_loss(self) -> Any:
        """Return the loss (a KerasTensor): a scalar, or, of shape (batch,), a number for each picture."""
        message = f"{type(self).__name__}.build_loss() is missing: return a scalar written with keras.ops."
        raise NotImplementedError(message)


class ActivationMaximization(Loss):
    """Minus the mean activation of filters or units: minimising it maximises the activation.

    Args:
        layer: a Keras layer, or a :class:`~actmax_widget.network.Target`. Its own ``data_format``, or that of layers
            before it, tells which axis holds its filters or units.
        filter_indices: an int or a sequence of ints; their activations are summed, and an index given twice counts
            twice. Negative indices count from the end. ``None`` stands for the mean over all filters.
        filters: how many filters the layer has, where that is known; else it is read off ``layer.output``.

    Raises:
        ValueError: an index that is out of range.
        TypeError: an index that is not an integer.

    Source: Erhan et al., *Visualizing higher-layer features of a deep network*, 2009; keras-vis ``vis.losses``, 2017.
    """

    name = "ActivationMax Loss"

    def __init__(self, layer: Any, filter_indices: Any, filters: int | None = None) -> None:
        self.layer = layer
        self.filters = graph.get_num_filters(layer) if filters is None else filters
        self.filter_indices = graph.check_filter_indices(filter_indices, self.filters, layer.name)

    def knobs(self) -> dict[str, np.ndarray]:
        """``selection``, (filters,): how often each filter counts. Other filters are other values, not a new graph."""
        return {"selection": selection(self.filter_indices, self.filters)}

    def signature(self) -> Hashable | None:
        """See :meth:`Loss.signature`; nobody knows what a subclass depends on."""
        return (type(self), self.layer.name, self.filters) if type(self) is ActivationMaximization else None

    def build_loss(self, selection: Any = None) -> Any:
        """Return each picture's loss, (batch,), for ``selection``, (batch, filters) or (filters,)."""
        if selection is None:
            selection = ops.convert_to_tensor(self.knobs()["selection"])
        output = graph.output_of(self.layer)
        # A target knows; what a layer calls its axis is another thing.
        known = None if isinstance(self.layer, Layer) else getattr(self.layer, "axis", None)
        kept = {0, layout.channel_axis(output) if known is None else known}
        output = ops.cast(output, "float32")
        means = ops.mean(output, axis=[axis for axis in range(len(output.shape)) if axis not in kept])
        # A filter that is not selected must not count even if it is infinite: 0 * inf would be NaN.
        return -ops.sum(ops.where(ops.equal(selection, 0), 0.0, means) * selection, axis=-1)


def selection(filter_indices: tuple[int | None, ...], filters: int) -> np.ndarray:
    """How often each of ``filters`` filters counts: float32 of shape (filters,). ``None`` adds 1 / filters to each."""
    counts = np.zeros(filters, np.float32)
    for index in filter_indices:
        if index is None:
            counts += 1.0 / filters
        else:
            counts[index] += 1.0
    return counts
