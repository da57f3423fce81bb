"""The inputs of a model: the one that is optimized, of which size, and the values of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from actmax_widget import reading
from actmax_widget.checks import check_integer, invalid
from actmax_widget.network import layout
from actmax_widget.network.layout import Layout
from actmax_widget.network.targets import Inputs

ADVICE = "Pass input_shape=, e.g. (224, 224, 3), or a starting picture of that size."


class StandIn(keras.layers.InputLayer):  # type: ignore[misc]
    """An input of ours in place of a model's.

    Args:
        batch_shape: its shape, the batch axis included.
        dtype: its type.
        layout: the axes of the pictures it takes.
        original: the model's own input, if it has one.
    """

    def __init__(self, batch_shape: Sequence[int | None], dtype: Any, layout: Layout, original: Any = None) -> None:
        super().__init__(batch_shape=tuple(batch_shape), dtype=dtype)
        self.layout, self.original = layout, original


def stand_in(tensor: Any, shape: Sequence[int]) -> Any:
    """An input of this shape in place of a model's symbolic input."""
    return StandIn((tensor.shape[0], *shape), tensor.dtype, layout.of_input(tensor), tensor).output


def original_of(tensor: Any) -> Any:
    """The model's own symbolic input that one of ours is in place of, if there is one; else the tensor itself."""
    operation = tensor._keras_history.operation
    own = operation.original if isinstance(operation, StandIn) else None
    return tensor if own is None else own


def of_subclassed(model: Any, input_shape: Any, seed_input: Any) -> Any:
    """The input of a model that has no symbolic one.

    Raises:
        ValueError: not built, several inputs, or of unknown size.
    """
    if not model.built:
        advice = "Start it with keras.Input(shape), or call it once on data."
        raise invalid("model", "a built model", model, advice)
    known = getattr(model, "_build_shapes_dict", None) or {}
    shape = next(iter(known.values()), None) if len(known) == 1 else None
    if shape is not None and all(isinstance(size, int | None) for size in shape):
        rank = len(shape)
        found = size_of(shape[1:], layout.of_layers(layout.inside(model), rank), input_shape, seed_input)
    else:
        found = None if input_shape is None else checked_shape(input_shape)
    if found is None:
        raise invalid("model", "an input of known size", model, ADVICE)
    rank = len(found) + 1
    return StandIn((None, *found), None, layout.of_layers(layout.inside(model), rank)).output


def of_size(tensor: Any, input_shape: Any, seed_input: Any) -> Any:
    """A model's symbolic input, or, for another size than it was made with, one in its place.

    Raises:
        ValueError: a size that nobody tells, or a shape that no picture of the model's kind has.
        TypeError: not a shape.
    """
    shape = tuple(tensor.shape[1:])
    found = size_of(shape, layout.of_input(tensor), input_shape, seed_input)
    if found is None:
        name = tensor._keras_history.operation.name
        raise invalid("model", f"an input of known size, not {shape}", name, ADVICE)
    return tensor if found == shape else stand_in(tensor, found)


def size_of(
    shape: Sequence[int | None], axes: Layout, input_shape: Any, seed_input: Any = None
) -> tuple[int, ...] | None:
    """The shape of an input without batch axis: as asked for, else as made; where that is open, the starting picture's.

    Args:
        shape: as the model was made, with None where it is open.
        axes: the axes of the pictures it takes.
        input_shape: as asked for; None if it is not.
        seed_input: the starting picture: an array with or without batch axis, a path or a Pillow image; None if there
            is none.

    Returns:
        The shape; None if nothing tells it.

    Raises:
        ValueError: a shape that no picture of the model's kind has: another number of axes or of channels.
        TypeError: not a shape.
    """
    if input_shape is not None:
        found = checked_shape(input_shape)
        fixed = [size for axis, size in enumerate(shape, 1) if axis not in axes.spatial]
        given = [size for axis, size in enumerate(found, 1) if axis not in axes.spatial]
        if len(found) != len(shape) or any(want not in {None, size} for want, size in zip(fixed, given, strict=True)):
            advice = "Pass e.g. input_shape=(224, 224, 3), without the batch axis."
            raise invalid("input_shape", f"a shape that fits the model's {tuple(shape)}", input_shape, advice)
        return found
    if None in shape and reading.is_picture(seed_input):
        return _size_of_file(shape, axes, reading.shape_of(seed_input))
    if None in shape:
        return _size_of_picture(shape, axes, np.shape(seed_input))
    return tuple(size for size in shape if size is not None)


def _size_of_picture(shape: Sequence[int | None], axes: Layout, picture: Sequence[int]) -> tuple[int, ...] | None:
    """The size of a starting picture, with or without batch axis and in either order, if it is one for this input."""
    for given in (list(picture), list(picture[1:])):
        place = len(shape) - 1 if axes.channels is None else axes.channels - 1
        for sizes in (given, [*given[:-1][:place], *given[-1:], *given[:-1][place:]]):
            if len(sizes) == len(shape) and all(
                want in {None, size} and size for want, size in zip(shape, sizes, strict=True)
            ):
                return tuple(sizes)
    return None


def _size_of_file(shape: Sequence[int | None], axes: Layout, sides: Sequence[int]) -> tuple[int, ...] | None:
    """The size of a starting picture that is no array, (height, width), with the model's channels: 3 where open."""
    if len(axes.spatial) != len(sides):
        return None
    own = dict(zip(axes.spatial, sides, strict=True))
    return tuple(size or own.get(axis, 3) for axis, size in enumerate(shape, 1))


def checked_shape(input_shape: Any) -> tuple[int, ...]:
    """Return a shape as a tuple of integers >= 1, or raise."""
    advice = "Pass e.g. input_shape=(224, 224, 3), without the batch axis."
    if not isinstance(input_shape, tuple | list):
        raise invalid("input_shape", "a sequence of integers", input_shape, advice, TypeError)
    return tuple(check_integer("input_shape", size, least=1, advice=advice) for size in input_shape)


# --- inputs that are held
# -----------------------------------------------------------------------------------------------


def checked_held(held_inputs: Any) -> Mapping[str, Any]:
    """Return held inputs as a mapping, or raise a TypeError."""
    if held_inputs is not None and not isinstance(held_inputs, Mapping):
        advice = "Pass e.g. held_inputs={'age': 30.0}."
        raise invalid("held_inputs", "a mapping from input names to values", held_inputs, advice, TypeError)
    return held_inputs or {}


def position_of_optimized(inputs: Inputs, held: Mapping[str, Any]) -> int:
    """Which of a model's inputs is not held; raises a ValueError unless it is exactly one."""
    names = [_name(tensor) for tensor in inputs]
    left = [index for index, name in enumerate(names) if name not in held]
    if unknown := set(held) - set(names):
        raise invalid("held_inputs", f"names of inputs ({', '.join(names)})", min(unknown), "Check the spelling.")
    if len(left) != 1:
        advice = f"The model has the inputs {', '.join(names)}: give held_inputs={{name: value}} for all but one."
        raise invalid("held_inputs", "values for all inputs but the one to optimize", sorted(held), advice)
    return left[0]


def held_value(tensor: Any, held: Mapping[str, Any]) -> np.ndarray:
    """The value of an input that is held, with batch axis, in the input's type; raises a ValueError if none."""
    value = np.asarray(held[_name(tensor)])
    shape = tuple(tensor.shape[1:])
    value = value[None] if value.ndim == len(shape) else value
    if (
        value.ndim != len(shape) + 1
        or len(value) != 1
        or any(want not in {None, size} for want, size in zip(shape, value.shape[1:], strict=True))
    ):
        expected = f"an array of shape {shape} for {_name(tensor)!r}"
        raise invalid("held_inputs", expected, value.shape, "A batch axis of 1 may be added.")
    return value.astype(tensor.dtype)


def _name(tensor: Any) -> str:
    return str(tensor._keras_history.operation.name)
