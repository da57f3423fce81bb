"""Pictures as arrays: scaling, stitching, drawing and loading, as in keras-vis (2017, ``vis.utils.utils``).

A picture is (height, width) or (height, width, channels); every function returns a new array and leaves its argument
alone. Files and fonts are Pillow's business.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Iterable
from typing import Any

import numpy as np
from keras import backend
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from actmax_widget.checks import check_integer, check_number, invalid

DEFAULT_FONT = "FreeSans.ttf"
GREY = (0.2125, 0.7154, 0.0721, 0.0)
"""Share of red, green and blue in grey (ITU-R BT.709, as in scikit-image, which keras-vis loaded files with)."""

logger = logging.getLogger(__name__)


# --- values ----------------------------------------------------------------------------------------------------------


def grey_or_rgb(picture: np.ndarray) -> np.ndarray:
    """A picture that can be shown: as it is with 1 or 3 channels (the last axis), else the mean of its channels."""
    return picture if picture.shape[-1] in {1, 3} else picture.mean(-1, keepdims=True)


def deprocess_input(input_array: np.ndarray, input_range: tuple[float, float] = (0, 255)) -> np.ndarray:
    """Make an optimised input presentable: mean to mid-range, standard deviation to a tenth of the range, clipped.

    Brightness and contrast of the input are lost; the picture the network really saw comes from ``clip=True``.

    Args:
        input_array: numbers of any shape. Integers work too (in keras-vis they raised an error).
        input_range: (low, high) of the result; reversed, it inverts the picture.

    Returns:
        Array of the same shape within ``input_range``: float32 or float64 as it came, float64 for integers. A flat
        picture becomes the middle of the range.

    Raises:
        ValueError, TypeError: no numbers, or not two finite ones as the range.

    Example:
        >>> deprocess_input(np.array([1.0, 2.0, 3.0]), (0, 1)).round(2)
        array([0.38, 0.5 , 0.62])

    Source: keras-vis ``deprocess_input``, after Chollet, *How convolutional neural networks see the world*, 2016.
    """
    array = _floats("input_array", input_array)
    low, high = _two_numbers("input_range", input_range)
    scaled = (array - array.mean()) / (array.std() + backend.epsilon()) * 0.1 + 0.5
    return (high - low) * np.clip(scaled, 0, 1) + low


def normalize(array: np.ndarray, min_value: float = 0.0, max_value: float = 1.0) -> np.ndarray:
    """Scale an array linearly, its smallest value to ``min_value`` and its largest to ``max_value``.

    Args:
        array: numbers of any shape.
        min_value: what the smallest becomes.
        max_value: what the largest becomes (to about 1e-7 of the array's own range).

    Returns:
        Array of the same shape: float32 or float64 as it came, float64 for integers. A flat array becomes
        ``min_value``.

    Raises:
        ValueError, TypeError: no numbers.

    Example:
        >>> normalize(np.array([2, 3, 4])).round(3)
        array([0. , 0.5, 1. ])
    """
    array = _floats("array", array)
    low, high = (check_number(name, end) for name, end in (("min_value", min_value), ("max_value", max_value)))
    return (high - low) * ((array - array.min()) / (np.ptp(array) + backend.epsilon())) + low


def overlay(array1: np.ndarray, array2: np.ndarray, alpha: float = 0.5) -> np.ndarray:
    """Blend two pictures: ``alpha * array1 + (1 - alpha) * array2``.

    Args:
        array1: numbers of any shape.
        array2: numbers of the same shape.
        alpha: share of ``array1``, in [0, 1].

    Returns:
        Array of the same shape with the dtype of ``array1`` (integers are truncated).

    Raises:
        ValueError: ``alpha`` out of [0, 1], or two shapes.
        TypeError: not numbers.

    Example:
        >>> overlay(np.array([100, 100]), np.array([0, 200]), alpha=0.25)
        array([ 25, 175])
    """
    alpha = check_number("alpha", alpha, advice="Pass e.g. alpha=0.5.")
    if not 0 <= alpha <= 1:
        raise invalid("alpha", "a number in [0, 1]", alpha, "Pass e.g. alpha=0.5.")
    one, two = _numbers("array1", array1), _numbers("array2", array2)
    if one.shape != two.shape:
        raise invalid("array2", f"the shape of array1, {one.shape}", two.shape, "Resize one of them.")
    return (one * alpha + two * (1.0 - alpha)).astype(one.dtype)


def bgr2rgb(img: np.ndarray) -> np.ndarray:
    """Reverse the order of the channels, the last axis: BGR to RGB and back. A view, as in keras-vis.

    Raises:
        ValueError, TypeError: not an array of numbers with at least one axis.
    """
    array = _numbers("img", img)
    if array.ndim == 0:
        raise invalid("img", "a picture (height, width, channels)", img, "Pass an array.")
    return array[..., ::-1]


# --- pictures --------------------------------------------------------------------------------------------------------


def stitch_images(images: Iterable[np.ndarray], margin: int = 5, cols: int = 5) -> np.ndarray:
    """Put pictures side by side into a grid, row by row, with black (0) between them.

    Args:
        images: pictures (H, W, C), or grey ones (H, W), all of one size; or one array of them. A picture with one
            channel among pictures with more is repeated over the channels.
        margin: pixels between two pictures, >= 0.
        cols: pictures in a row, >= 1.

    Returns:
        One picture with the dtype and the channels of the first.

    Raises:
        ValueError: no pictures (keras-vis returned ``None``), or of different sizes.
        TypeError: not pictures, or not integers.

    Example:
        >>> stitch_images([np.ones((8, 6, 3))] * 7, margin=2, cols=4).shape
        (18, 30, 3)
    """
    margin = check_integer("margin", margin, least=0, advice="Pass e.g. margin=5.")
    cols = check_integer("cols", cols, least=1, advice="Pass e.g. cols=5.")
    pictures = _same_size(images)
    height, width, *channels = pictures[0].shape
    across, down = min(len(pictures), cols), -(-len(pictures) // cols)
    size = (down * (height + margin) - margin, across * (width + margin) - margin)
    stitched = np.zeros((*size, *channels), pictures[0].dtype)
    for index, picture in enumerate(pictures):
        top, left = (index // cols) * (height + margin), (index % cols) * (width + margin)
        stitched[top : top + height, left : left + width] = picture
    return stitched


def draw_text(
    img: np.ndarray,
    text: str,
    position: tuple[float, float] = (10, 10),
    font: str = DEFAULT_FONT,
    font_size: float = 14,
    color: Any = (0, 0, 0),
) -> np.ndarray:
    """Write text on a copy of a picture.

    Args:
        img: (H, W), or (H, W, C) with any number of channels and any dtype.
        text: what to write; what does not fit on the picture is cut.
        position: (x, y) of the text's upper left corner, in pixels.
        font: file name of a TrueType font, looked for among the system's; where it is missing, Pillow's own is taken.
        font_size: in pixels, > 0.
        color: (r, g, b) in the picture's units, or one number. Pictures that are not RGB(A) take its mean. An alpha
            channel stays as it is.

    Returns:
        The picture with the text: same shape and dtype.

    Raises:
        ValueError, TypeError: not a picture, or a bad position, size or color.

    Example:
        >>> draw_text(np.full((32, 96, 3), 255, np.uint8), "Step 1").shape
        (32, 96, 3)
    """
    array = _numbers("img", img)
    if array.ndim not in {2, 3} or 0 in array.shape:
        raise invalid(
            "img", "a picture (height, width) or (height, width, channels)", array.shape, "Remove other axes."
        )
    corner = _two_numbers("position", position)
    size = check_number("font_size", font_size, above=0, advice="Pass e.g. font_size=14.")
    sheet = Image.new("L", (array.shape[1], array.shape[0]))
    ImageDraw.Draw(sheet).text(corner, str(text), fill=255, font=_font(str(font), size))
    ink = np.asarray(sheet)[..., None] / 255
    layers = array[..., None] if array.ndim == 2 else array
    painted = slice(3) if layers.shape[-1] in {3, 4} else slice(None)
    blended = layers[..., painted] * (1 - ink) + _color(color, layers.shape[-1]) * ink
    result = layers.copy()
    result[..., painted] = np.rint(blended) if array.dtype.kind in "iu" else blended
    return result.reshape(array.shape)


def load_img(
    path: str | os.PathLike[str], grayscale: bool = False, target_size: tuple[int, int] | None = None
) -> np.ndarray:
    """Load a picture from a file that Pillow can read.

    Args:
        path: PNG, JPEG, ...
        grayscale: make it grey, (height, width).
        target_size: (height, width) to resize to (keras-vis's documentation said (w, h), its code did this).

    Returns:
        (height, width, 3), with an alpha channel (height, width, 4), or (height, width) where the file is grey: uint8
        in 0 to 255; files with more bits keep their values.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a picture, or a bad size.
        TypeError: not a path, or not integers.

    Example:
        >>> load_img("ouzel.jpg", target_size=(224, 224)).shape  # doctest: +SKIP
        (224, 224, 3)
    """
    advice = "Pass the path of e.g. a PNG or JPEG file."
    if not isinstance(path, str | os.PathLike):
        raise invalid("path", "a path", path, advice, TypeError)
    size = None if target_size is None else _height_and_width(target_size)
    try:
        with Image.open(path) as file:
            image = _plain(file)
    except UnidentifiedImageError:
        raise invalid("path", "a picture that Pillow can read", str(path), advice) from None
    if grayscale and image.mode in {"RGB", "RGBA"}:
        image = image.convert("RGB").convert("L", GREY)
    dtype = np.asarray(image).dtype
    if size is not None:
        # Pillow resizes deep grey values only as floats.
        deep = dtype != np.uint8
        image = (image.convert("F") if deep else image).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.array(image, dtype)


# --- parts -----------------------------------------------------------------------------------------------------------


def _numbers(name: str, value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise invalid(name, "an array of numbers", value, "Pass a NumPy array.", TypeError)
    return array


def _floats(name: str, value: Any) -> np.ndarray:
    """The array as float32 or float64, so that neither bytes overflow nor halves lose the epsilon."""
    array = _numbers(name, value)
    if array.size == 0:
        raise invalid(name, "a non-empty array", array.shape, "Pass an array with values.")
    return array.astype(np.result_type(array, np.float32)) if array.dtype.kind == "f" else array.astype(np.float64)


def _two_numbers(name: str, value: Any) -> tuple[float, float]:
    if isinstance(value, str) or np.shape(value) != (2,):
        raise invalid(name, "two finite numbers", value, f"Pass e.g. {name}=(0, 255).", TypeError)
    first, second = (check_number(name, entry) for entry in value)
    return first, second


def _height_and_width(value: Any) -> tuple[int, int]:
    advice = "Pass (height, width), e.g. target_size=(224, 224)."
    if isinstance(value, str) or np.shape(value) != (2,):
        raise invalid("target_size", "two integers", value, advice, TypeError)
    height, width = (check_integer("target_size", side, least=1, advice=advice) for side in value)
    return height, width


def _same_size(images: Iterable[np.ndarray]) -> list[np.ndarray]:
    if not isinstance(images, Iterable):
        raise invalid("images", "a list of pictures", images, "Pass e.g. [image, image].", TypeError)
    pictures = [_numbers("images", image) for image in images]
    if not pictures:
        raise invalid("images", "at least one picture", images, "Pass e.g. [image, image].")
    shape = pictures[0].shape
    if len(shape) not in {2, 3}:
        raise invalid("images", "pictures (height, width) or (height, width, channels)", shape, "Remove other axes.")
    for picture in pictures:
        if picture.shape[:2] != shape[:2] or picture.ndim != len(shape) or picture.shape[2:] not in {shape[2:], (1,)}:
            raise invalid("images", f"pictures of one size, {shape}", picture.shape, "Resize them first.")
    return pictures


def _color(color: Any, channels: int) -> np.ndarray:
    """The color for each channel, or the three of RGBA's that are painted."""
    values = np.atleast_1d(_numbers("color", color)).astype(np.float64)
    if values.shape not in {(1,), (3,)}:
        raise invalid("color", "(r, g, b) or one number", color, "Pass e.g. color=(0, 0, 0).")
    return values if channels in {3, 4} else values.mean(keepdims=True)


@functools.lru_cache(maxsize=16)  # an animation writes in one font hundreds of times
def _font(name: str, size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        if name != DEFAULT_FONT:
            logger.warning("Font %r was not found; taking Pillow's own.", name)
        return ImageFont.load_default(size)


def _plain(file: Image.Image) -> Image.Image:
    """The picture in a mode whose array holds its colors, not indices into a palette, and that outlives the file."""
    if file.mode in {"RGB", "RGBA", "L", "I;16", "I", "F"}:
        return file.copy()
    if file.mode in {"LA", "La", "PA", "RGBa"} or "transparency" in file.info:
        return file.convert("RGBA")
    return file.convert("L" if file.mode == "1" else "RGB")


def to_pixels(image: np.ndarray, input_range: tuple[float, float]) -> np.ndarray:
    """A picture, (H, W, C) in ``input_range``, as uint8 for display: (H, W, 1) or (H, W, 3).

    Values outside of the range are shown as its ends. A picture with another number of channels than 1 or 3 is shown as
    the mean of its channels.
    """
    low, high = input_range
    # In place, as this is done for every frame; and nothing that would leave each number as it is.
    pixels, factor = grey_or_rgb(image), np.float32(255 / (high - low))
    if low or factor != 1:
        pixels = pixels - np.float32(low)
        pixels *= factor
    pixels = np.clip(pixels, np.float32(0), np.float32(255))  # a fifth of the time of a maximum and a minimum
    if np.isnan(pixels.min(initial=0)):
        pixels[np.isnan(pixels)] = 0
    return np.rint(pixels, out=pixels).astype(np.uint8)


def opened(pixels: np.ndarray) -> Image.Image:
    """What :func:`to_pixels` gives as a picture of Pillow's."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
