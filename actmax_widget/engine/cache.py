"""Where compiled steps are kept: with the model they belong to, for all who ask for the same.

Compiling takes longer than many a whole run, so a second picture, a second widget and a second call find the step
ready. It is kept under everything that shapes its graph, and nothing else: other weights of losses, filters, rates and
pictures are tensors of the same graph.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import keras
import numpy as np

from actmax_widget.backprop_modifiers import Gate
from actmax_widget.engine.measuring import measures_of
from actmax_widget.engine.objective import Objective
from actmax_widget.engine.rendering import Rendering
from actmax_widget.engine.step import Step
from actmax_widget.input_modifiers import InputModifier, Jitter
from actmax_widget.losses import Loss
from actmax_widget.network import Network, Target, graph
from actmax_widget.optimizers import Optimizer, RMSProp
from actmax_widget.parametrizations import Parametrization, Pixels
from actmax_widget.parts import Part, origin, shape
from actmax_widget.transforms import Transform

KEPT = 8
"""How many compiled steps are kept for a model; those not used for longest go first."""
PLAIN = (int, float, str, bool, type(None))
"""Settings of a layer that are compared by value."""


def step_for(
    network: Network,
    losses: Sequence[tuple[Loss, float]],
    *,
    gate: Gate | None = None,
    wrt_tensor: Any = None,
    parametrization: Parametrization | None = None,
    transforms: Sequence[Transform] = (),
    optimizer: Optimizer | None = None,
    input_modifiers: Sequence[InputModifier] = (),
    grad_modifier: Callable[[Any], Any] | None = None,
    norm_grads: bool | None = None,
    joint: bool = False,
) -> Step:
    """The compiled step for losses of a network: the one that is kept, if there is one.

    Its own weights, knobs and parts are those of whoever asked first: give yours to :meth:`Step.knobs`.

    Args:
        network: the model with its inputs.
        losses: see :class:`~actmax_widget.engine.Objective`.
        gate: see there.
        wrt_tensor: see there.
        parametrization: see :class:`~actmax_widget.engine.rendering.Rendering`; None: pixels.
        transforms: see there.
        optimizer: see :class:`~actmax_widget.engine.Step`.
        input_modifiers: see :class:`~actmax_widget.engine.Step`.
        grad_modifier: see there.
        norm_grads: see there.
        joint: see there.
    """
    parametrization, optimizer = parametrization or Pixels(), optimizer or RMSProp()
    # What an input or gradient modifier does nobody knows: it is compiled for that call alone.
    own = grad_modifier is not None or any(type(modifier) is not Jitter for modifier in input_modifiers)
    own |= wrt_tensor is not None
    norm_grads = optimizer.norm_grads if norm_grads is None else norm_grads
    parts = tuple(map(_signature, (parametrization, *transforms, optimizer)))
    with _kept_with(network.model).lock:  # and nobody builds twice
        kept = {} if own else _kept_with(network.model).steps
        key = None if own else (_key(network, losses), gate, parts, len(input_modifiers), norm_grads, joint)
        step = kept.pop(key, None)  # and put back below, as the one used last
        if step is None:
            rendering = Rendering(network.input, parametrization, transforms, network.preprocess)
            objective = Objective(
                network.input,
                losses,
                network.tensor(wrt_tensor),
                held=network.held,
                gate=gate,
                transformed=rendering.transformed,
                measures=measures_of(network, [loss for loss, _ in losses]),
            )
            step = Step(
                objective,
                rendering=rendering,
                optimizer=optimizer,
                input_modifiers=input_modifiers,
                grad_modifier=grad_modifier,
                norm_grads=norm_grads,
                joint=joint,
            )
        kept[key] = step
        while len(kept) > KEPT:
            del kept[next(iter(kept))]
        return step


def _signature(part: Part) -> Hashable:
    """What shapes a part's graph. One that a user wrote is equal to itself alone, as long as its attributes are."""
    signature = part.signature()
    if signature is not None:
        return signature
    return _Same(origin(part)), tuple((name, _comparable(value)) for name, value in shape(part).items())


class _Kept:
    """A dictionary and its lock, that Keras does not take for a part of the model to save."""

    def __init__(self) -> None:
        self.steps: dict[Hashable, Step] = {}
        self.lock = threading.RLock()


def _kept_with(model: Any) -> _Kept:
    # On the model itself, past Keras's own __setattr__: a compiled step holds on to the model's layers, so a weak
    # dictionary would never let go of either.
    kept: _Kept = vars(model).setdefault("_actmax_kept", _Kept())
    return kept


def _key(network: Network, losses: Sequence[tuple[Loss, float]]) -> Hashable:
    """What shapes the graph from the inputs to the losses."""
    inputs = tuple((tuple(tensor.shape), tensor.dtype, tensor is network.input) for tensor in network.inputs)
    held = tuple((value.shape, value.dtype.str, value.tobytes()) for _, value in network.held)
    signatures = tuple(_signature(loss) for loss, _ in losses)
    fed_by = getattr(network.preprocess, "key", network.preprocess)
    return inputs, held, fed_by, signatures, keras.config.image_data_format(), _layers(network.model)


def _layers(model: Any) -> tuple[Any, ...]:
    """The layers and their settings: a layer whose activation was exchanged is compiled anew."""
    return tuple(
        (layer, layer.dtype_policy.name, *_settings(layer))
        for layer in model._flatten_layers()
        # What compile() and fit() note on a model does not change what it computes; its layers are looked at.
        if not graph.is_symbolic(layer)
    )


def _settings(layer: Any) -> list[tuple[str, Hashable]]:
    # What Keras notes on its layers under private names does not change what they compute; what a user notes may.
    users = not isinstance(layer, keras.Model) and not type(layer).__module__.startswith("keras.")
    return [
        (name, _comparable(value))
        for name, value in graph.own_attributes(layer)
        if not name.startswith("_") or (users and name not in _names_of_keras())
    ]


@functools.cache
def _names_of_keras() -> frozenset[str]:
    return frozenset(vars(keras.Layer()))


def _comparable(value: Any, *, deep: bool = True) -> Hashable:
    """What is equal if, and as far as anyone can tell only if, a layer computes the same with it."""
    if isinstance(value, PLAIN) or callable(value):
        return value if isinstance(value, Hashable) else id(value)
    if isinstance(value, list | tuple | dict):
        return repr(value)
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if keras.ops.is_tensor(value):  # variables are read at each step, other tensors are part of the graph
        return _Same(value) if hasattr(value, "_numpy_internal") else None
    if deep and not type(value).__module__.startswith(("keras.", "tensorflow.")):
        # What else there is of a target is made anew each time that it is found.
        found = isinstance(value, Target)
        inside = {"name": value.name, "layer": value.layer} if found else getattr(value, "__dict__", {})
        return tuple((name, _comparable(one, deep=False)) for name, one in inside.items() if not name.startswith("_"))
    return None


class _Same:
    """Equal to itself alone. It holds what it is of, whose id would be another's otherwise."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._value is self._value

    def __hash__(self) -> int:
        return id(self._value)
