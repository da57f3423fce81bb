"""What an optimization starts from: pictures and arrays, fitted to a network's input.

Two kinds of things come in. A *picture* (a path, a Pillow image, an upload) has a black and a white, and is scaled to
``input_range``; an *array* has the network's own values, and keeps them. Whatever else is done is told by a note.
"""

from __future__ import annotations

import dataclasses
import inspect
import pathlib
import warnings
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from keras import backend
from PIL import Image

from actmax_widget.checks import check_choice, check_integer, check_number, invalid, listify
from actmax_widget.network import layout
from actmax_widget.reading import MIDDLE, Note, Picture, is_picture, read, sides

FITS = ("crop", "pad", "stretch")
"""What is done with a picture of another aspect: cropped to the middle, padded with grey, or stretched."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Share of red, green and blue in grey (ITU-R BT.601, Pillow's own)."""
DIM = 10
"""An array of 0 to 1 is suspicious where the range is more than so many times as wide."""
ENOUGH = 3
"""How many of a picture's pixels a pixel of the input is made of at most; more change nothing that can be seen."""
PACKAGE = str(pathlib.Path(__file__).parents[1])


@dataclass(frozen=True)
class Start:
    """What an optimization starts from.

    Attributes:
        array: as the network takes it, in ``input_range``, channels last; None is noise.
        name: what it is called; empty for noise.
        notes: what was done to it.
        source: what it was made of, to be fitted anew.
    """

    array: Any = None
    name: str = ""
    notes: tuple[Note, ...] = ()
    source: Any = None

    def said(self) -> str:
        """The notes in a row, for a person."""
        return " ".join(note.said for note in self.notes)

    def warn(self) -> None:
        """Give the warnings, on the line that called this package."""
        for note in self.notes:
            if note.warning:
                warnings.warn(note.warning, UserWarning, stacklevel=_outside())


def _outside() -> int:
    """How many frames above its caller the first one is that is not this package's."""
    level, frame = 0, inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        level, frame = level + 1, frame.f_back
    return level


class _Place(NamedTuple):
    """Where a picture goes: its part ``box`` (left, top, right, bottom), resized to ``size``, with this ``corner``."""

    box: tuple[int, int, int, int]
    size: tuple[int, int]
    corner: tuple[int, int] = (0, 0)


def start_of(
    input_tensor: Any, seed_input: Any, input_range: tuple[float, float], fit: str = "crop", name: str = "seed_input"
) -> Start:
    """What to start from, made to fit a model's input.

    Args:
        input_tensor: the model's symbolic input.
        seed_input: ``None`` (noise), a picture (see :func:`read`), or an array of the network's own values.
        input_range: (low, high): black and white of a picture.
        fit: for another aspect than the input's, one of :data:`FITS`.
        name: what the argument is called, for errors and warnings.

    Returns:
        A picture is resized, transparent parts are the middle of the range. An array is copied as it is: one that
        does not fit is to be refused.

    Raises:
        ValueError, TypeError: a picture that cannot be read, another fit.
    """
    fit = check_fit(fit)
    if seed_input is None:
        return Start()
    shape = _shape(input_tensor)
    if is_picture(seed_input):
        picture = _lighter(read(seed_input, name), shape)
        array, notes = _fitted_picture(picture, shape, input_range, fit, name)
        array = array.reshape(array.shape[: len(input_tensor.shape) - 1])
        return Start(array, picture.name, (*picture.notes, *notes), picture)
    array = np.array(seed_input)
    notes = _odd_values(array, input_range, name)
    return Start(array, f"array {sides(np.shape(seed_input))}", tuple(notes), array)


def check_fit(value: Any) -> str:
    """Return ``seed_fit``, or raise."""
    return check_choice("seed_fit", value, FITS, advice='Pass e.g. seed_fit="pad".')


def _shape(input_tensor: Any) -> tuple[int | None, ...]:
    """The input's shape without batch axis, with its channels last, one if it has none."""
    shape, channels = list(input_tensor.shape[1:]), layout.of_input(input_tensor).channels
    shape.append(1 if channels is None else shape.pop(channels - 1))
    return tuple(shape)


def _lighter(picture: Picture, shape: tuple[int | None, ...]) -> Picture:
    """The picture with as many pixels as any fit can use: it is kept, and a photograph takes 100 megabytes."""
    ratios = zip(picture.image.size[::-1], shape, strict=False)
    factor = int(min(given / (wanted or given) for given, wanted in ratios) / ENOUGH)
    return dataclasses.replace(picture, image=picture.image.reduce(factor)) if factor > 1 else picture


def _fitted_picture(
    picture: Picture, shape: tuple[int | None, ...], input_range: tuple[float, float], fit: str, name: str
) -> tuple[np.ndarray, list[Note]]:
    """The picture as (height, width, channels) in ``input_range``."""
    if len(shape) not in {2, 3}:
        expected = f"an array of shape {shape}, as the input is not a picture (height, width, channels)"
        raise invalid(name, expected, picture.name, "Pass a NumPy array.")
    image = picture.image
    size = (shape[1] or image.width, shape[0] or image.height)
    place = _place(image.size, size, fit)
    parts = _resized(image, place)
    if image.mode != "F":
        parts = parts / np.float32(255)
    if image.mode == "RGBA":
        opaque = parts[..., 3:]
        parts = parts[..., :3] * opaque + MIDDLE * (1 - opaque)
    whole = _in_channels(_on_ground(np.clip(parts, 0, 1), place, size, MIDDLE), (*shape, 1)[2] or 3)
    low, high = input_range
    notes = _notes(picture.name, picture.size, size, fit, name)
    return (low + whole * (high - low)).astype(np.float32), notes


def _place(given: tuple[int, int], wanted: tuple[int, int], fit: str) -> _Place:
    """How a picture of a size goes onto another; both (width, height)."""
    (from_width, from_height), (width, height) = given, wanted
    if fit == "pad":
        scale = min(width / from_width, height / from_height)
        across, down = max(1, round(from_width * scale)), max(1, round(from_height * scale))
        return _Place((0, 0, *given), (across, down), ((width - across) // 2, (height - down) // 2))
    if fit == "stretch":
        return _Place((0, 0, *given), wanted)
    wide = max(1, round(min(from_width, from_height * width / height)))
    high = max(1, round(min(from_height, from_width * height / width)))
    left, top = (from_width - wide) // 2, (from_height - high) // 2
    return _Place((left, top, left + wide, top + high), wanted)


def _resized(image: Image.Image, place: _Place) -> np.ndarray:
    """The picture's part at its new size, float32 (height, width, bands)."""
    left, top, right, bottom = place.box
    shrinks = place.size[0] < right - left or place.size[1] < bottom - top
    # Lanczos rings where it enlarges.
    resample = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    # Cropped before, since a filter looks over the edge of a mere box.
    small = image.crop(place.box).resize(place.size, resample)
    return np.asarray(small, np.float32).reshape(place.size[1], place.size[0], -1)


def _on_ground(part: np.ndarray, place: _Place, size: tuple[int, int], ground: float) -> np.ndarray:
    whole = np.full((size[1], size[0], part.shape[-1]), ground, np.float32)
    (left, top), (across, down) = place.corner, place.size
    whole[top : top + down, left : left + across] = part
    return whole


def _in_channels(picture: np.ndarray, channels: int) -> np.ndarray:
    """A grey or RGB picture with as many channels as the model has: 1, 3, or all alike."""
    if picture.shape[-1] == 3 and channels == 1:
        return picture @ LUMA[:, None]
    # As pictures with many channels are shown: by their mean.
    return picture if picture.shape[-1] == channels else picture.mean(-1, keepdims=True).repeat(channels, -1)


def _notes(called: str, given: tuple[int, int], wanted: tuple[int, int], fit: str, name: str) -> list[Note]:
    """What became of the aspect; (width, height) as everywhere outside of arrays."""
    place = _place(given, wanted, fit)
    left, top, right, bottom = place.box
    kept = right - left, bottom - top
    if fit == "crop" and kept != given:
        done = f"ropped from {sides(given)} to the middle {sides(kept)}."
        advice = 'Pass seed_fit="pad" or "stretch" to keep all of it.'
        return [Note(f"C{done}", f"{name}: {called} was c{done} {advice}")]
    if fit == "pad" and place.size != wanted:
        return [Note(f"Padded from {sides(given)} to the input's shape.")]
    if fit == "stretch" and round(wanted[0] * given[1] / given[0]) != wanted[1]:
        return [Note(f"Stretched from {sides(given)} to the input's shape.")]
    return []


# --- arrays
# -------------------------------------------------------------------------------------------------------------


def _odd_values(array: np.ndarray, input_range: tuple[float, float], name: str) -> list[Note]:
    """Whether the values look as if they were of another range than the network's."""
    if array.dtype.kind not in "biuf" or array.size == 0:
        return []
    low, high = sorted(input_range)
    least, most = array.min(), array.max()
    if least >= 0 and most <= 1 and high - low > DIM and not (least == most and most in {0, 1}):
        shade = "nearly black" if low == 0 else "nearly one shade"
        odd = f"ll values lie between 0 and 1 but input_range is {input_range}: {shade}."
        advice = f"Multiply by {high:g} or pass" if low == 0 else "Scale it, or pass"
        advice += " a picture (path or PIL image), which is scaled."
    elif array.dtype.kind == "u" and most > high:
        odd = f"ll values are taken as they are, up to {most}, but input_range is {input_range}."
        advice = "Scale it, or pass PIL.Image.fromarray(array), which is scaled."
    else:
        return []
    return [Note(f"A{odd} {advice}", f"{name}: a{odd} {advice}")]


def _fits(shape: tuple[int | None, ...], pictures: np.ndarray) -> bool:
    given = pictures.shape[1:]
    return len(given) == len(shape) and all(want in {None, size} for want, size in zip(shape, given, strict=True))


def _ordered(shape: tuple[int | None, ...], image: np.ndarray, axes: layout.Layout) -> np.ndarray:
    """Pictures with batch axis as the model takes them; taken with channels last too where the model wants no such."""
    for pictures in (image, image[None]):
        if pictures.ndim in {len(shape) + 1, len(shape) + 2}:
            for one in (pictures, axes.from_channels_last(pictures)):
                if _fits(shape, one):
                    return one
    return image


def starting_image(
    input_tensor: Any,
    seed_input: Any,
    input_range: tuple[float, float],
    random: Any = np.random,
    name: str = "seed_input",
) -> np.ndarray:
    """The starting picture as float32 with a batch axis.

    Args:
        input_tensor: the model's symbolic input, of known size.
        seed_input: an array shaped like the input, with or without batch axis; ``None`` for noise with mean in the
            middle of ``input_range`` and a standard deviation of a twentieth of it.
        input_range: (low, high).
        random: a :class:`numpy.random.RandomState` or ``numpy.random``.
        name: what the argument is called, for errors.

    Raises:
        ValueError: another shape than the input's, no size known, or values that are not finite.
        TypeError: not an array of numbers.
    """
    shape = tuple(input_tensor.shape[1:])
    if seed_input is None:
        if None in shape:
            raise invalid(
                "seed_input", f"an array, as the input's size {shape} is not known", None, "Pass a starting picture."
            )
        low, high = input_range
        return random_array((1, *shape), (low + high) / 2, 0.05 * (high - low), random).astype(np.float32)
    image = np.asarray(seed_input)
    expected = f"a numeric array of shape {shape}, with or without a batch axis"
    if image.dtype.kind not in "biuf":
        raise invalid(name, expected, seed_input, "Pass e.g. a NumPy array of pixels.", TypeError)
    image = _ordered(shape, image, layout.of_input(input_tensor))
    if not _fits(shape, image) or 0 in image.shape:
        raise invalid(
            name,
            expected,
            np.shape(seed_input),
            "Resize it, or pass it as PIL.Image.fromarray(array), which is fitted.",
        )
    if not np.isfinite(image).all():
        raise invalid(name, "finite values", "NaN or infinity", "Check the picture.")
    return image.astype(np.float32)


def random_array(shape: Any, mean: float = 128.0, std: float = 20.0, random: Any = np.random) -> np.ndarray:
    """Uniform noise, shifted and scaled to exactly this mean and standard deviation.

    Args:
        shape: shape of the array: integers >= 1.
        mean: its mean.
        std: its standard deviation.
        random: a :class:`numpy.random.RandomState`; default is NumPy's global one, as in keras-vis.

    Returns:
        float64 array of the given shape.

    Raises:
        ValueError, TypeError: a bad shape, or numbers that are not finite.

    Example:
        >>> random_array((1, 28, 28, 1), mean=0.5, std=0.05).shape
        (1, 28, 28, 1)
    """
    sizes = tuple(check_integer("shape", size, least=1, advice="Pass e.g. (28, 28, 1).") for size in listify(shape))
    mean, std = check_number("mean", mean), check_number("std", std)
    noise = random.random_sample(sizes)
    return (noise - noise.mean()) / (noise.std() + backend.epsilon()) * std + mean
