"""What the network is shown of a canvas: transforms in a row, and the way back of the gradient.

Runs of adjacent geometric transforms are one resampling, a sparse matrix: the same matrix, transposed, brings the
gradient back, so that it is the exact adjoint. (That of TensorFlow's ``ImageProjectiveTransformV3`` is not: it is off
by half for a zoom of 0.7.) All others are differentiated by TensorFlow.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from actmax_widget.checks import asked, invalid
from actmax_widget.engine import returned
from actmax_widget.transforms import Geometric, Jitter, Random, Transform, takes_progress

Pull = Callable[[tf.Tensor], tf.Tensor]
"""Brings a gradient by what is seen back to one by what it was seen of."""
Parts = Sequence[tuple[Any, Random]]
"""Transforms, each with its random numbers."""


def seen(
    transforms: Sequence[Transform],
    canvas: tf.Tensor,
    size: tuple[int, ...],
    *,
    seeds: tf.Tensor,
    iteration: tf.Tensor,
    numbers: Sequence[Mapping[str, tf.Tensor]],
    progress: tf.Tensor,
    input_range: tf.Tensor,
    unit: bool,
) -> tuple[tf.Tensor, Pull]:
    """What the network is shown, and the function that brings a gradient by it back to one by the canvas.

    Args:
        transforms: in the order in which they are done.
        canvas: float32 (batch, ..., channels); its sides are static, the number of pictures need not be.
        size: the sides of what is shown; if after all transforms it is still as large as the canvas, the middle is.
        seeds: int32 (batch,), each picture's; with the iteration, the part's place in the row and the view all that
            random numbers depend on.
        iteration: int32.
        numbers: of each transform those that may change, float32 (batch,) each.
        progress: float32, from 0 to 1.
        input_range: float32 (2,), low and high.
        unit: whether the canvas is of 0 to 1; else it is in ``input_range``.

    Returns:
        float32 (batch * views, ..., channels) in ``input_range``, the views of a picture one after the other; and a
        function, to be called once, from a gradient of this shape to one of the canvas's.

    Raises:
        TypeError: a user's transform that returns no float tensor.
        ValueError: one that returns another shape.
    """
    views = math.prod(one.views for one in transforms)

    single = canvas.shape[0] == 1 and views == 1

    def view(index: tf.Tensor | int) -> tuple[tf.Tensor, Pull]:
        picture, number = index // views, index % views

        def of_picture(values: tf.Tensor) -> tf.Tensor:
            return tf.squeeze(values, 0) if single else values[picture]

        bound = [
            one.bound({name: of_picture(value) for name, value in own.items()})
            for one, own in zip(transforms, numbers, strict=True)
        ]
        seed = tf.stack([of_picture(seeds), iteration])
        randoms = [Random(seed, 1024 * number + place) for place in range(len(bound))]
        return _view(bound, randoms, of_picture(canvas), size, progress, input_range, unit=unit)

    if single:
        image, pull = view(0)
        return image[None], lambda upstream: pull(tf.squeeze(upstream, 0))[None]

    def each(function: Callable[[Any], tf.Tensor], given: Any, sides: Sequence[int]) -> tf.Tensor:
        return tf.map_fn(function, given, fn_output_signature=tf.TensorSpec([*sides, canvas.shape[-1]]))

    indices = tf.range(tf.shape(canvas)[0] * views)

    # One by one, as users' functions take one. The gradient draws and looks up once more: TensorFlow leaves out what it
    # does not need, and nothing is kept of many pictures meanwhile.
    def pull_all(upstream: tf.Tensor) -> tf.Tensor:
        grads = each(lambda one: view(one[0])[1](one[1]), (indices, upstream), canvas.shape[1:-1])
        return grads if views == 1 else tf.reduce_sum(tf.reshape(grads, [-1, views, *canvas.shape[1:]]), 1)

    return each(lambda index: view(index)[0], indices, size), pull_all


def _view(
    transforms: Sequence[Transform],
    randoms: Sequence[Random],
    image: tf.Tensor,
    size: tuple[int, ...],
    progress: tf.Tensor,
    input_range: tf.Tensor,
    *,
    unit: bool,
) -> tuple[tf.Tensor, Pull]:
    """One view of one canvas, (..., channels)."""
    pulls: list[Pull] = []
    scale = _Scale(input_range, unit=unit)
    for geometric, group in itertools.groupby(
        zip(transforms, randoms, strict=True), lambda pair: isinstance(pair[0], Geometric)
    ):
        image, pull = (_moved if geometric else _changed)([*group], image, size, progress, scale)
        pulls.append(pull)
    if tuple(image.shape[:-1]) != tuple(size):
        image, pull = _shifted(image, tf.zeros([len(size)], tf.int32), size)
        pulls.append(pull)
    if scale.unit:
        span = scale.span
        image = scale.brought(image, unit=False)
        pulls.append(lambda upstream: upstream * span)

    def back(upstream: tf.Tensor) -> tf.Tensor:
        for one in reversed(pulls):
            upstream = one(upstream)
        return upstream

    return image, back


class _Scale:
    """What values a picture has on its way: of 0 to 1, or the network's. It changes where a transform asks for it."""

    def __init__(self, input_range: tf.Tensor, *, unit: bool) -> None:
        self.low, high = tf.unstack(input_range)
        self.span, self.unit = high - self.low, unit

    def brought(self, image: tf.Tensor, *, unit: bool) -> tf.Tensor:
        """The picture in the values asked for."""
        if unit == self.unit:
            return image
        self.unit = unit
        return (image - self.low) / self.span if unit else image * self.span + self.low


def _changed(
    parts: Parts, image: tf.Tensor, size: tuple[int, ...], progress: tf.Tensor, scale: _Scale
) -> tuple[tf.Tensor, Pull]:
    """A run of transforms of values."""
    del size
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(image)
        result = image
        for part, random in parts:
            result = _called(part, scale.brought(result, unit=part.unit), random, progress)

    def pull(upstream: tf.Tensor) -> tf.Tensor:
        return tape.gradient(result, image, upstream, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    return result, pull


def _called(part: Transform, image: tf.Tensor, random: Random, progress: tf.Tensor) -> tf.Tensor:
    """What a transform, maybe a user's, makes of a picture."""
    expected = f"a transform to return a float tensor of the picture's shape {tuple(image.shape)}"
    advice = "Use TensorFlow's operations, and return the picture that shall be seen."
    more = {"progress": progress} if takes_progress(part) else {}
    result = asked(part.name, lambda: part(image, random, **more), expected, advice)
    returned.check_tensor(part.name, result, image.shape, expected, advice)
    return tf.ensure_shape(tf.cast(result, tf.float32), image.shape)


def _moved(
    parts: Parts, image: tf.Tensor, size: tuple[int, ...], progress: tf.Tensor, scale: _Scale
) -> tuple[tf.Tensor, Pull]:
    """A run of geometric transforms."""
    del progress, scale
    if all(isinstance(part, Jitter) for part, _ in parts):
        return _jittered(parts, image, size)
    canvas = tuple(image.shape[:-1])
    matrix = tf.eye(3)
    for part, random in parts:
        found = part.matrix(random, size, canvas)
        if not tf.is_tensor(found) or found.shape != (3, 3):
            received = getattr(found, "shape", found)
            raise invalid(part.name, "matrix() to return a float32 tensor (3, 3)", received, "Use tf.stack.", TypeError)
        matrix @= tf.cast(found, tf.float32)
    return _resampled(image, matrix, size)


def _jittered(parts: Parts, image: tf.Tensor, size: tuple[int, ...]) -> tuple[tf.Tensor, Pull]:
    """A run of jitters, which are one shift."""

    def drawn() -> tf.Tensor:
        return tf.add_n([part.offset(random, size) for part, random in parts])

    if tuple(image.shape[:-1]) != tuple(size) or any(type(part) is not Jitter for part, _ in parts):
        return _shifted(image, drawn(), size)

    def moved() -> tuple[tf.Tensor, ...]:
        edges, rest = _window(image.shape, drawn(), size)
        return _cut(image, edges, rest, size), edges, rest

    def stays() -> tuple[tf.Tensor, ...]:
        none = tf.zeros([image.shape.rank, 2], tf.int32)
        return tf.identity(image), none, none

    # The widget's own is 0 as long as nobody moves its slider: to draw takes a tenth of a step of a small network.
    moves = tf.reduce_any(tf.stack([part.shift for part, _ in parts]) > 0)
    result, edges, rest = tf.cond(moves, moved, stays)

    def pull(upstream: tf.Tensor) -> tf.Tensor:
        return tf.cond(moves, lambda: _pasted(upstream, edges, rest, image.shape), lambda: tf.identity(upstream))

    return result, pull


def _shifted(image: tf.Tensor, offset: tf.Tensor, size: tuple[int, ...]) -> tuple[tf.Tensor, Pull]:
    """The middle of a picture, or what is ``offset`` whole pixels beside it, mirrored at the edges."""
    edges, rest = _window(image.shape, offset, size)
    return _cut(image, edges, rest, size), lambda upstream: _pasted(upstream, edges, rest, image.shape)


def _window(canvas: tf.TensorShape, offset: tf.Tensor, size: tuple[int, ...]) -> tuple[tf.Tensor, tf.Tensor]:
    """How far a window reaches into the mirror image beside a canvas, and what is left beside it.

    Returns:
        By how many pixels each axis, that of channels too, is to be widened before and after: int32 (axes, 2). And how
        many pixels of that are then before and after the window.
    """
    sides, wanted = np.array(canvas), np.array([*size, canvas[-1]])
    # One mirror image on each side is all there is.
    begin = tf.clip_by_value(tf.pad(offset, [[0, 1]]) + (sides - wanted) // 2, -sides, 2 * sides - wanted)
    beside = tf.stack([begin, (sides - wanted) - begin], 1)
    edges = tf.nn.relu(-beside)
    return edges, beside + edges


def _cut(image: tf.Tensor, edges: tf.Tensor, rest: tf.Tensor, size: tuple[int, ...]) -> tf.Tensor:
    """A window of a canvas."""
    return tf.slice(tf.pad(image, edges, "SYMMETRIC"), rest[:, 0], [*size, image.shape[-1]])


def _pasted(upstream: tf.Tensor, edges: tf.Tensor, rest: tf.Tensor, canvas: tf.TensorShape) -> tf.Tensor:
    """The gradient by a canvas, of one by a window of it."""
    grads = tf.raw_ops.MirrorPadGrad(input=tf.pad(upstream, rest), paddings=edges, mode="SYMMETRIC")
    return tf.ensure_shape(grads, canvas)


def _resampled(image: tf.Tensor, matrix: tf.Tensor, size: tuple[int, ...]) -> tuple[tf.Tensor, Pull]:
    """A picture looked up where a matrix says, see :meth:`~actmax_widget.transforms.Geometric.matrix`."""
    *canvas, channels = image.shape
    pixels, sources = math.prod(size), math.prod(canvas)
    rows, columns = (_looked_up(matrix[axis], side, size) for axis, side in enumerate(canvas))
    first = [tf.minimum(tf.floor(at), max(side - 2, 0)) for at, side in zip((rows, columns), canvas, strict=True)]
    down, right = rows - first[0], columns - first[1]
    both = down * right
    weights = tf.stack([1 - down - right + both, right - both, down - both, both])
    corner = tf.cast(first[0] * canvas[1] + first[1], tf.int32)
    # Where a side is a single pixel its neighbour is itself.
    below, beside = canvas[1] * (canvas[0] > 1), int(canvas[1] > 1)
    found = tf.reshape(tf.stack([corner, corner + beside, corner + below, corner + below + beside]), [4, -1])
    entries = {
        "a_indices": tf.reshape(_pairs(tf.broadcast_to(tf.range(pixels), [4, pixels]), found), [-1, 2]),
        "a_values": tf.reshape(weights, [-1]),
        "a_shape": tf.constant([pixels, sources], tf.int64),
    }

    def times(values: tf.Tensor, shape: Sequence[int], *, transposed: bool = False) -> tf.Tensor:
        product = tf.raw_ops.SparseTensorDenseMatMul(
            **entries, b=tf.reshape(values, [-1, channels]), adjoint_a=transposed
        )
        return tf.reshape(product, [*shape, channels])

    return times(image, size), lambda upstream: times(upstream, canvas, transposed=True)


def _looked_up(row: tf.Tensor, side: int, size: tuple[int, ...]) -> tf.Tensor:
    """Where along an axis of the canvas pixels are looked up, 0 to side - 1: float32 of sides ``size``."""
    period = 2 * side  # of a picture and its mirror image
    down, right = (tf.constant((np.arange(one) - (one - 1) / 2) / period, tf.float32) for one in size)
    at = (down * row[0] + (row[2] / period + 0.25))[:, None] + right * row[1]
    at = tf.abs(at - tf.round(at)) * period - 0.5
    return tf.minimum(tf.nn.relu(at), side - 1.0)  # half a pixel beyond the last one is its own mirror image


def _pairs(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Two int32 tensors side by side in a new last axis, as complex numbers: tf.stack takes ten times as long there."""
    return tf.bitcast(tf.complex(tf.bitcast(one, tf.float32), tf.bitcast(other, tf.float32)), tf.int32)
