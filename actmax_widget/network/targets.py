"""What can be maximised: the outputs of layers, and how they are come by."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from actmax_widget.network import layout

Inputs = Sequence[Any]
"""Symbolic tensors, one for each input of a model."""


class LayerInfo(NamedTuple):
    """A layer that can be a target: its path, type, output shape without the batch axis, and numbers.

    Attributes:
        name: its path.
        type: its class.
        shape: of its output, without the batch axis.
        filters: how many filters or units it has.
        parameters: how many weights, those of the layers inside of it among them.
    """

    name: str
    type: str
    shape: tuple[int | None, ...]
    filters: int
    parameters: int


@dataclasses.dataclass(frozen=True)
class Target:
    """An output that can be maximised; it stands for its layer in a :class:`~actmax_widget.losses.Loss`.

    Attributes:
        name: path of the layer.
        layer: the layer.
        shape: shape of its output, without the batch axis.
        axis: the axis of its output, the batch axis counted, that holds its filters or units.
        build: symbolic inputs of the model -> symbolic output of the layer. Adds to the graph, so it is called late.
        inputs: the symbolic inputs.
        before: name of the activation that was taken off its units; empty if none was.
    """

    name: str
    layer: Any
    shape: tuple[int | None, ...]
    axis: int
    build: Callable[[Inputs], Any]
    inputs: Inputs = ()
    before: str = ""

    @property
    def output(self) -> Any:
        """The symbolic output, as ``layer.output`` of a Keras layer."""
        return self.build(self.inputs)

    @property
    def filters(self) -> int:
        """Number of its filters or units: the size of its channel axis."""
        return int(self.shape[self.axis - 1] or 0)

    @property
    def info(self) -> LayerInfo:
        """What there is to say of it."""
        parameters = sum(math.prod(weight.shape) for weight in self.layer.weights)
        return LayerInfo(self.name, type(self.layer).__name__, self.shape, self.filters, parameters)


def target_at(name: str, layer: Any, output: Any, build: Callable[[Inputs], Any], axes: layout.Axes) -> Target | None:
    """The target of a layer's symbolic output; None if it has no channel axis of known size."""
    if len(output.shape) < 2:
        return None
    return with_filters(Target(name, layer, tuple(output.shape[1:]), axes.channel_axis(output), build))


def with_filters(target: Target) -> Target | None:
    """The target, if it has filters or units."""
    return target if target.shape and target.shape[target.axis - 1] is not None else None


@dataclasses.dataclass(frozen=True)
class Refusal:
    """A layer that cannot be a target at this size of input.

    Attributes:
        name: its path.
        layer: the layer.
        why: a sentence.
    """

    name: str
    layer: Any
    why: str
