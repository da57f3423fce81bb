"""Transforms: what the network is shown instead of the picture, drawn anew at each step, never left in the picture.

A picture has (..., channels) axes. ``u`` stands for a uniform number between -1 and 1, another one each time. All
lengths are fractions of the picture's side; a shift of 1 and more is in pixels. Adjacent :class:`Geometric` transforms
are composed into one resampling. A function of (image, random) is a transform, too (:class:`Function`).

Example:
    >>> transforms=[Scale(0.5, 1.35), Rotate(15), Jitter(0.1), Contrast(0.5), Noise(0.3, 0.03)]
    >>> transforms=[Jitter(8), lambda image, random: image * random.uniform((), 0.8, 1.2)]
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from actmax_widget.checks import invalid, listify
from actmax_widget.parameters import COMPILE, integer, number, shift
from actmax_widget.parts import Part

FAINTEST = 0.001
"""Standard deviation of a noise that nobody sees: a quarter of a step of a picture in 8 bits."""


class Random:
    """Random numbers that follow from a picture's seed, the iteration and the part: never from its place in a batch.

    Args:
        seed: int32 (2,).
        part: its number, mixed in when something is drawn, so that a part that draws nothing costs nothing.
    """

    def __init__(self, seed: tf.Tensor, part: tf.Tensor | int = 0) -> None:
        self._seed, self._part, self._drawn = seed, part, 0

    def uniform(self, shape: Sequence[int] = (), low: float = 0.0, high: float = 1.0) -> tf.Tensor:
        """Uniform numbers in [low, high), float32; other ones at each call."""
        return tf.random.stateless_uniform(shape, self._next(), low, high)

    def normal(self, shape: Sequence[int] = ()) -> tf.Tensor:
        """Normal numbers of mean 0 and standard deviation 1, float32, at most 4.9; other ones at each call.

        Two of each 32 random bits (Box and Muller, 1958), in less than half the time of ``stateless_normal``.
        """
        count = math.prod(shape)
        bits = tf.random.stateless_uniform([(count + 1) // 2], self._next(), None, None, tf.int32)
        share = (tf.cast(tf.bitwise.bitwise_and(bits, 2**16 - 1), tf.float32) + 0.5) / 2**16
        radius, angle = (
            tf.sqrt(-2 * tf.math.log(share)),
            tf.cast(tf.bitwise.right_shift(bits, 16), tf.float32) * (math.pi / 2**15),
        )
        return tf.reshape(tf.concat([radius * tf.cos(angle), radius * tf.sin(angle)], 0)[:count], shape)

    def _next(self) -> tf.Tensor:
        self._drawn += 1
        return tf.random.experimental.stateless_fold_in(self._seed, 1024 * self._part + self._drawn)


class Transform(Part):
    """Base class. Override ``__call__``, which is given one picture at a time, its numbers as scalar tensors.

    Attributes:
        unit: whether it takes pictures of 0 to 1; else they are as the network takes them, in ``input_range``.
        views: how many views of a picture it makes; what is maximised is their mean.
        dimensions: spatial axes that pictures must have; None: any.
    """

    unit: bool = False
    views: int = 1
    dimensions: int | None = None

    def __call__(self, image: tf.Tensor, random: Random) -> tf.Tensor:
        """What is seen in place of a picture, (..., channels), of the same shape, differentiable.

        Where it has an argument ``progress``, it is given that too: iteration / goal, a scalar from 0 to 1.
        """
        raise NotImplementedError(f"{self.name}.__call__() is missing: return the picture that shall be seen.")


class Geometric(Transform):
    """Base class of those that only move pixels. Override :meth:`matrix`.

    Adjacent ones are composed and looked up together: between four pixels (bilinear), and beyond the canvas's edge in
    its mirror image.
    """

    dimensions: int | None = 2

    def matrix(self, random: Random, size: tuple[int, ...], canvas: tuple[int, ...]) -> tf.Tensor:
        """Where a pixel of what is seen is looked up: float32 (3, 3), applied to (row, column, 1), in pixels.

        Rows and columns are counted from the middle, of what is seen and of the canvas. All units are pixels of sides
        ``size``; the canvas's sides, ``canvas``, are as large or larger.
        """
        raise NotImplementedError(f"{self.name}.matrix() is missing: return a float32 tensor (3, 3).")


class Jitter(Geometric):
    """Shift by whole pixels: along each axis by one of ``-most, ..., most``, all as likely, where most is ``shift``.

    Args:
        shift: the largest shift either way; a fraction of the side below 1, pixels from 1 on, rounded down.

    Example:
        >>> visualize(model, "conv3", 5, transforms=[Jitter(8)])

    Source: Mordvintsev et al., *Inceptionism*, 2015.
    """

    dimensions = None
    shift: float = shift(
        8.0,
        label="Jitter",
        help="Largest random shift at each step: a fraction of the side below 1, pixels from 1 on. Raise it against "
        "patterns that cling to single pixels, lower it when edges smear.",
    )

    def offset(self, random: Random, size: tuple[int, ...]) -> tf.Tensor:
        """By how many pixels it looks further along each axis: int32 (spatial axes,)."""
        sides = tf.constant(size, tf.float32)
        # A share such as 0.07 of 100 pixels is 6.9999995 in float32.
        most = tf.floor(tf.minimum(tf.where(self.shift < 1, self.shift * sides + 1e-4, self.shift), sides))
        steps = tf.floor(random.uniform([len(size)]) * (2 * most + 1))
        return tf.cast(tf.minimum(steps, 2 * most) - most, tf.int32)

    def matrix(self, random: Random, size: tuple[int, ...], canvas: tuple[int, ...]) -> tf.Tensor:
        """See :meth:`Geometric.matrix`."""
        del canvas
        rows, columns = tf.unstack(tf.cast(self.offset(random, size), tf.float32))
        return _matrix(1.0, 0.0, rows, 0.0, 1.0, columns)


class Scale(Geometric):
    """Show a share of the side, enlarged or made smaller: ``low * (high / low) ** v``, v uniform in 0 to 1.

    Args:
        low: > 0, the smallest share; 0.5 shows the middle half, twice as large.
        high: >= low, the largest share; 1.35 shows more than the picture: of the canvas, and its mirror image.

    Raises:
        ValueError: a share that is not positive, or low > high.

    Example:
        >>> visualize(model, "conv3", 5, transforms=[Scale(0.5, 1.35)])

    Source: Olah et al., *Feature visualization*, 2017.
    """

    low: float = number(
        0.9,
        above=0,
        bottom=0.25,
        top=2,
        scale="linear",
        label="Smallest part seen",
        help="The smallest share of the side that is shown at a step, enlarged to the input. Lower it for things that "
        "keep their looks from near, raise it when only details grow.",
    )
    high: float = number(
        1.1,
        above=0,
        bottom=0.25,
        top=2,
        scale="linear",
        label="Largest part seen",
        help="The largest share of the side that is shown at a step; above 1 the rest is mirrored. Raise it for things "
        "that keep their looks from afar.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_order(self.name, self.low, self.high)

    def matrix(self, random: Random, size: tuple[int, ...], canvas: tuple[int, ...]) -> tf.Tensor:
        """See :meth:`Geometric.matrix`."""
        del size, canvas
        share = self.low * tf.pow(self.high / self.low, random.uniform())
        return _matrix(share, 0.0, 0.0, 0.0, share, 0.0)


class Rotate(Geometric):
    """Turn about the middle, by ``degrees * u``.

    Args:
        degrees: the largest angle either way.

    Example:
        >>> visualize(model, "conv3", 5, transforms=[Rotate(15)])

    Source: Olah et al., *Feature visualization*, 2017.
    """

    degrees: float = number(
        5.0,
        least=0,
        top=180,
        unit="degrees",
        label="Rotation",
        help="Largest angle, either way, by which the picture is turned at a step. Raise it for shapes that stand in "
        "any direction, lower it when they melt into rings.",
    )

    def matrix(self, random: Random, size: tuple[int, ...], canvas: tuple[int, ...]) -> tf.Tensor:
        """See :meth:`Geometric.matrix`."""
        del size, canvas
        angle = random.uniform((), -1, 1) * self.degrees * (math.pi / 180)
        cos, sin = tf.cos(angle), tf.sin(angle)
        return _matrix(cos, -sin, 0.0, sin, cos, 0.0)


class Flip(Geometric):
    """Swap left and right with a probability.

    Args:
        probability: from 0, never, to 1, always.

    Example:
        >>> visualize(model, "conv3", 5, transforms=[Flip()])

    Source: what networks are trained with, e.g. Krizhevsky et al., *ImageNet classification*, 2012.
    """

    probability: float = number(
        0.5,
        least=0,
        most=1,
        top=1,
        scale="linear",
        label="Flip",
        help="How often left and right are swapped: 0 is never, 1 always. Raise it towards 0.5 for things that may "
        "look either way, lower it for writing.",
    )

    def matrix(self, random: Random, size: tuple[int, ...], canvas: tuple[int, ...]) -> tf.Tensor:
        """See :meth:`Geometric.matrix`."""
        del size, canvas
        return _matrix(1.0, 0.0, 0.0, 0.0, tf.where(random.uniform() < self.probability, -1.0, 1.0), 0.0)


class Crops(Geometric):
    """Several random cuts at each step, each brought to the input's size; what is maximised is their mean.

    Each has its own share of the side, uniform between ``low`` and ``high``, its own place inside the canvas, all as
    likely, and its own draw of all other transforms. A step takes n times as long.

    Args:
        n: how many. Another number compiles.
        low: > 0, the smallest share.
        high: >= low, up to 1, the largest share.

    Raises:
        ValueError: a share that is not in (0, 1], or low > high.

    Example:
        >>> visualize(model, "conv3", 5, transforms=[Crops(8, 0.25, 0.5)])

    Source: Fel et al., *Unlocking feature visualization for deeper networks with magnitude constrained optimization*,
        2023 (MACO).
    """

    n: int = integer(
        4,
        least=1,
        most=256,
        top=16,
        label="Crops",
        takes_effect=COMPILE,
        help="How many cuts are seen at each step, in whose mean noise goes down. Raise it for calmer steps, lower it "
        "for quicker ones.",
    )
    low: float = number(
        0.5,
        above=0,
        most=1,
        bottom=0.05,
        top=1,
        scale="linear",
        label="Smallest crop",
        help="The smallest share of the side that a cut shows. Lower it for more and smaller things in the picture.",
    )
    high: float = number(
        1.0,
        above=0,
        most=1,
        bottom=0.05,
        top=1,
        scale="linear",
        label="Largest crop",
        help="The largest share of the side that a cut shows. Raise it for fewer and larger things in the picture.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_order(self.name, self.low, self.high)
        self.views = self.n

    def matrix(self, random: Random, size: tuple[int, ...], canvas: tuple[int, ...]) -> tf.Tensor:
        """See :meth:`Geometric.matrix`."""
        share = random.uniform((), self.low, self.high)
        room = (tf.constant(canvas, tf.float32) - share * tf.constant(size, tf.float32)) / 2
        rows, columns = tf.unstack(random.uniform([2], -1, 1) * room)
        return _matrix(share, 0.0, rows, 0.0, share, columns)


class Contrast(Transform):
    """More or less contrast, about the middle of the range: ``0.5 + (image - 0.5) * exp(amount * u)``.

    Args:
        amount: the logarithm of the largest factor.

    Example:
        >>> visualize(model, "conv3", 5, transforms=[Contrast(0.5)])

    Source: the Lucid project's notebooks on feature visualization, 2018.
    """

    unit = True
    amount: float = number(
        0.5,
        least=0,
        top=2,
        scale="linear",
        label="Contrast",
        help="How much the contrast varies from step to step: 0.5 is by a factor of up to 1.6. Raise it when the "
        "picture lives by glaring values, lower it when it stays pale.",
    )

    def __call__(self, image: tf.Tensor, random: Random) -> tf.Tensor:
        """See :meth:`Transform.__call__`."""
        factor = tf.exp(self.amount * random.uniform((), -1, 1))
        return image * factor + (0.5 - 0.5 * factor)


class Brightness(Transform):
    """Brighter or darker as a whole: ``image + amount * u``, in a range of 0 to 1.

    Args:
        amount: the largest change either way, as a share of the range.

    Example:
        >>> visualize(model, "conv3", 5, transforms=[Brightness(0.1)])

    Source: what networks are trained with, e.g. Howard, *Some improvements on deep convolutional neural network based
        image classification*, 2013.
    """

    unit = True
    amount: float = number(
        0.1,
        least=0,
        top=1,
        scale="linear",
        label="Brightness",
        help="How much the brightness varies from step to step, as a share of the range. Raise it when the picture is "
        "all bright or all dark.",
    )

    def __call__(self, image: tf.Tensor, random: Random) -> tf.Tensor:
        """See :meth:`Transform.__call__`."""
        return image + self.amount * random.uniform((), -1, 1)


class Noise(Transform):
    """Normal noise on each value, whose standard deviation goes evenly in its logarithm from a start to an end.

    ``image + start ** (1 - progress) * end ** progress * min(1, progress / warmup) ** 2 * normal``, in a range of 0
    to 1.

    Args:
        start: standard deviation at the first step, as a share of the range; 0: no noise at all.
        end: at the last step. 0 counts as 0.001, which nobody sees. None: as at the start.
        warmup: share of the run in which the noise comes up from nothing, so that the form is there sooner; 0: none.
        name: of the part.

    Example:
        >>> visualize(model, "conv3", 5, transforms=[Noise(0.3, 0.03, warmup=0.25)])

    Source: Smilkov et al., *SmoothGrad*, 2017, for gradients; falling as in annealing (Kirkpatrick et al., 1983); the
    warm-up is this project's (2026), after that of learning rates (Goyal et al., 2017).
    """

    unit = True
    start: float = number(
        0.1,
        least=0,
        top=1,
        label="Noise at first",
        help="Standard deviation of the noise on what is seen at the first step, as a share of the range; 0 is none. "
        "Raise it against fine patterns, lower it when the picture stays blurred.",
    )
    end: float = number(
        0.1,
        least=0,
        top=1,
        label="Noise at last",
        help="Standard deviation of the noise at the last step, as a share of the range. Lower it for fine details, "
        "raise it when they turn to grain.",
    )
    warmup: float = number(
        0.0,
        least=0,
        most=1,
        top=1,
        scale="linear",
        label="Noise warm-up",
        help="Share of the run in which the noise comes up from nothing. Raise it to see the form sooner, lower it "
        "when fine patterns of the first steps stay.",
    )

    def __init__(self, start: float = 0.1, end: float | None = None, *, warmup: float = 0.0, name: str = "") -> None:
        self.start, self.end, self.warmup, self.name = start, start if end is None else end, warmup, name
        self.__post_init__()

    def __call__(self, image: tf.Tensor, random: Random, progress: tf.Tensor) -> tf.Tensor:  # type: ignore[override]
        """See :meth:`Transform.__call__`."""
        some = tf.maximum(self.start, FAINTEST * FAINTEST)
        end = tf.maximum(self.end, tf.minimum(some, FAINTEST))
        risen = tf.square(tf.clip_by_value(tf.math.divide_no_nan(progress, self.warmup), 0, 1))
        share = tf.where(self.warmup > 0, risen, 1.0)
        deviation = tf.where(self.start > 0, share * some * tf.pow(end / some, progress), 0.0)
        return image + deviation * random.normal(image.shape)


class Function(Transform):
    """A function of a picture and random numbers as a transform.

    Args:
        function: of image, a float32 tensor (H, W, C) as the network takes it, in ``input_range``, and of random, a
            :class:`Random`; it returns a float tensor of the same shape, by TensorFlow's operations. A third argument
            ``progress``, if it has one, goes from 0 to 1 in the course of a run.
        name: of the part; by default the function's.

    Raises:
        TypeError: not a function of (image, random); while compiling, one that returns no float tensor.
        ValueError: while compiling, one that returns another shape.

    Example:
        >>> def fade(image, random):
        ...     return image * random.uniform((), 0.8, 1.2)
        >>> visualize(model, "conv3", 5, transforms=[Jitter(8), fade])
    """

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        called = getattr(function, "__name__", type(function).__name__)
        self.name = name or (type(self).name if called == "<lambda>" else called)
        if not callable(function) or isinstance(function, type) or not _accepts(function):
            expected = "a function of (image, random)"
            raise invalid(self.name, expected, function, "Write e.g. def fade(image, random): ...", TypeError)
        self.function = function
        self.__post_init__()

    def __call__(self, image: tf.Tensor, random: Random, progress: tf.Tensor) -> Any:  # type: ignore[override]
        """See :meth:`Transform.__call__`."""
        more = {"progress": progress} if takes_progress(self.function) else {}
        return self.function(image, random, **more)

    def signature(self) -> None:
        """See :meth:`~actmax_widget.parts.Part.signature`: what a function depends on nobody knows."""


BUILT_IN: dict[str, type[Transform]] = {
    kind.__name__.lower(): kind for kind in (Jitter, Scale, Rotate, Flip, Crops, Contrast, Brightness, Noise)
}


def check_transforms(value: Any) -> tuple[Transform, ...]:
    """Transforms from a list of them, or of functions of (image, random); None is none.

    Raises:
        TypeError: something else.
        ValueError: two of the same name, by which their numbers are addressed.
    """
    found: list[Transform] = []
    for entry in [] if value is None else listify(value):
        part = Function(entry) if callable(entry) and not isinstance(entry, Transform | type) else entry
        if not isinstance(part, Transform):
            advice = "Pass e.g. [transforms.Jitter(8), transforms.Rotate(5)]."
            if isinstance(entry, type) and issubclass(entry, Transform):
                advice = f"Make one: {entry.__name__}()."
            raise invalid(
                "transforms", "a list of transforms or functions of (image, random)", entry, advice, TypeError
            )
        if part.name in {one.name for one in found}:
            given = "transforms.Function(…, " if isinstance(part, Function) else f"{type(part).__name__}(…, "
            advice = f'Name one of them, e.g. {given}name="{part.name} 2") or .named("{part.name} 2").'
            raise invalid("transforms", "parts of different names", [one.name for one in [*found, part]], advice)
        found.append(part)
    return tuple(found)


def check_for(transforms: Sequence[Transform], shape: tuple[int, ...]) -> None:
    """Raise a ValueError if one of them cannot do with pictures of this shape, (..., channels)."""
    axes = len(shape) - 1
    for one in transforms:
        wanted = one.dimensions
        if axes != wanted if wanted is not None else isinstance(one, Geometric) and not axes:
            expected = f"pictures with {wanted or 'some'} spatial axes and channels"
            raise invalid(one.name, expected, shape, f"Leave {one.name} out for this network.")


def takes_progress(function: Callable[..., Any]) -> bool:
    """Whether a transform asks for how far the run is."""
    try:
        return "progress" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # some that are not written in Python have none
        return False


def _accepts(function: Callable[..., Any]) -> bool:
    """Whether it can be called with (image, random)."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(None, None, **({"progress": None} if "progress" in signature.parameters else {}))
    except TypeError:
        return False
    return True


def _check_order(name: str, low: float, high: float) -> None:
    if low > high:
        raise invalid(name, "low <= high", (low, high), f"Pass e.g. {name}(low={high:g}, high={low:g}).")


def _matrix(*entries: Any) -> tf.Tensor:
    """A (3, 3) matrix from its first two rows."""
    return tf.reshape(tf.stack([*entries, 0.0, 0.0, 1.0]), [3, 3])
