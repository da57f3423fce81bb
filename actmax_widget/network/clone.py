"""Copy a model layer by layer, in memory, so that what was changed on its layers is in a graph of its own."""

from __future__ import annotations

import functools
import random
import textwrap
import warnings
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import keras

from actmax_widget.checks import invalid
from actmax_widget.network.graph import check_model


def apply_modifications(model: keras.Model, custom_objects: Mapping[str, Any] | None = None) -> keras.Model:
    """A copy of a model, with what was changed on its layers (``layer.activation = ...``) in its graph.

    Nothing is written to disk. The copy has the same layer names and its own weights, equal to the model's; the model,
    its weights and Python's random state stay as they are. It is not compiled: it is for looking, not for training.

    Args:
        model: a Sequential or Functional model, nested ones and custom layers included, or a subclassed model with
            ``get_config``.
        custom_objects: name -> class or function, for those that a custom layer's own config names and Keras does not
            know. The classes of the model's layers and the functions that are their activations are found without.

    Returns:
        The copy.

    Raises:
        TypeError: not a Keras model.
        ValueError: a layer cannot be copied; the message says which and why.

    Example:
        >>> model.layers[-1].activation = keras.activations.linear  # in place of softmax
        >>> model = apply_modifications(model)

    Source: keras-vis ``apply_modifications``, which saved the model to a temporary file and loaded it again.
    """
    check_model(model)
    # A new layer draws the seeds of its initializers from Python's global random state.
    state = random.getstate()
    try:
        with keras.saving.custom_object_scope({**_custom_classes(model), **(custom_objects or {})}):
            return _Copier().copy_with_weights(model)
    finally:
        random.setstate(state)


class CopyError(ValueError):
    """A layer cannot be copied."""


class _Copier:
    """Copies of the layers of one model. A layer that is used twice has one copy."""

    def __init__(self) -> None:
        self._copies: dict[int, Any] = {}
        self._single: list[tuple[Any, Any]] = []  # layers that are copied by their config, and their copies

    def copy_with_weights(self, model: Any) -> Any:
        copy = self.copy(model)
        for layer, twin in self._single:
            _attempt(layer, functools.partial(_transfer, layer, twin))
        return copy

    def copy(self, layer: Any) -> Any:
        if id(layer) not in self._copies:
            self._copies[id(layer)] = self._new(layer)
        return self._copies[id(layer)]

    def _new(self, layer: Any) -> Any:
        if isinstance(layer, keras.Sequential):
            start = [_input_layer(tensor) for tensor in _symbolic(layer, "inputs")]
            return keras.Sequential([*map(self.copy, [*start, *layer.layers])], name=layer.name)
        if _symbolic(layer, "inputs") and _symbolic(layer, "outputs"):
            # The same graph, not compiled: clone_model would rebuild the optimizer and the training loss, too.
            bare = keras.Model(layer.input, layer.output, name=layer.name)
            # Given, as clone_model would name new ones after the tensors, not after the input layers.
            inputs = keras.tree.map_structure(lambda tensor: self.copy(_input_layer(tensor)).output, layer.input)
            return _attempt(layer, functools.partial(keras.models.clone_model, bare, inputs, self.copy))
        twin = _attempt(layer, functools.partial(_from_config, layer))
        if isinstance(layer, keras.Layer):
            self._single.append((layer, twin))
        return twin


def _attempt(layer: Any, action: Callable[[], Any]) -> Any:
    try:
        return action()
    except CopyError:
        raise  # from a layer inside this one, which is the one to name
    except Exception as error:
        kind = type(layer).__name__
        advice = (
            f"The reason: {_reason(error)} Give {kind} a get_config, pass custom_objects, "
            "or use the model as it is: a changed layer.activation acts without a copy, too."
        )
        expected = f"layers that can be copied by their config, not {kind}"
        raise invalid("model", expected, layer.name, advice, CopyError) from error


def _reason(error: Exception) -> str:
    """What an error of Keras says, without the configs that it prints."""
    text = str(error).rpartition("Exception encountered: ")[2].strip() or type(error).__name__
    return textwrap.shorten(text.split("\n\n")[0], 200).rstrip(".") + "."


def _from_config(layer: Any) -> Any:
    """A new layer like this one, without weights."""
    if isinstance(layer, keras.Model) and type(layer).get_config is keras.Model.get_config:
        # Keras 3.15 then answers with the defaults of its arguments, whatever it was made with.
        raise NotImplementedError("a subclassed model needs a get_config.")
    # Keras writes a function down by its name, or as byte code, and does not read it again without being told.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="(?s).*`lambda`")
        config = layer.get_config()
    functions = {name: value for name, value in _functions(layer).items() if name in config}
    twin = type(layer)(**{**config, **functions}) if functions else type(layer).from_config(config)
    twin.name = layer.name  # missing in the config of a layer that Keras writes itself and that takes no **kwargs
    return twin


def _transfer(layer: Any, twin: Any) -> None:
    """Give the copy the values of the layer, and of those inside it."""
    if layer.built and not twin.built:
        twin.build_from_config(layer.get_build_config())
    for source, target in zip(_layers(layer), _layers(twin), strict=True):
        values: dict[str, Any] = {}
        source.save_own_variables(values)
        target.load_own_variables(values)
        target.name = source.name
        # The config of a layer of layers tells how it was made, not what was changed inside it since.
        activation = getattr(source, "activation", None)
        if isinstance(activation, FunctionType) and getattr(target, "activation", None) is not activation:
            target.activation = activation


def _layers(layer: Any) -> list[Any]:
    """The layer and all layers inside it."""
    return layer._flatten_layers()


def _custom_classes(model: Any) -> dict[str, Any]:
    """Classes of layers, and functions that layers hold, which Keras does not know by name."""
    layers = _layers(model)
    classes = {type(layer).__name__: type(layer) for layer in layers if not _is_of_keras(type(layer))}
    functions = {function.__name__: function for layer in layers for function in _functions(layer).values()}
    return {**functions, **classes}


def _functions(layer: Any) -> dict[str, Any]:
    """The functions of others than Keras that a layer holds, by argument; its methods are not among them."""
    return {
        name.lstrip("_"): value  # Lambda keeps its output_shape as _output_shape
        for name, value in vars(layer).items()
        if isinstance(value, FunctionType) and not _is_of_keras(value) and not hasattr(type(layer), name)
    }


def _is_of_keras(thing: Any) -> bool:
    """Whether Keras finds it by its name; not so a lambda, which is said to be Keras's if it was read from a file."""
    return (thing.__module__ or "").split(".")[0] == "keras" and thing.__name__ != "<lambda>"


def _symbolic(layer: Any, which: str) -> list[Any]:
    """The symbolic ``inputs`` or ``outputs`` of a Functional or built Sequential model; none of anything else."""
    try:
        return list(getattr(layer, which)) if isinstance(layer, keras.Model) else []
    except (AttributeError, ValueError):
        return []


def _input_layer(tensor: Any) -> Any:
    """The InputLayer of a model's symbolic input; a Sequential model does not list its own."""
    return tensor._keras_history.operation
