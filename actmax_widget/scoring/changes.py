"""Small changes that leave a picture what it is to a person, and that its answer should outlast."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator

import numpy as np
from PIL import Image

SHIFT = 0.08
"""Of the side."""
DEGREES = 5.0
ZOOM = 0.9
"""The picture made so much smaller."""
JPEG_QUALITY = 75
NOISE = 0.02
"""Standard deviation, of the range."""
KINDS = ("shift", "turn", "zoom", "jpeg", "noise")


def changed(pixels: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The changes of a picture, (..., channels) uint8, each with its kind; what comes in at the edge is reflected.

    8 shifts: by 8 % of the side along the axes, and by 4 % of it along both; a turn by 5 degrees either way; made
    smaller to 0.9; JPEG of quality 75; normal noise of 2 % of the range. What is no picture of 1 or 3 channels has only
    the shifts and the noise, and what has no places only the noise.
    """
    sides = pixels.shape[:-1]
    for by in _shifts(sides):
        yield "shift", shifted(pixels, by)
    if len(sides) == 2 and pixels.shape[-1] in {1, 3} and min(sides) > 4:
        yield "turn", seen_as(pixels, degrees=DEGREES)
        yield "turn", seen_as(pixels, degrees=-DEGREES)
        yield "zoom", seen_as(pixels, scale=ZOOM)
        yield "jpeg", as_jpeg(pixels)
    noise = np.random.default_rng(0).normal(0, 255 * NOISE, pixels.shape)
    yield "noise", np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def _shifts(sides: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Shifts in places along each axis, none of them by nothing."""
    far = [max(1, round(SHIFT * side)) for side in sides]
    near = [max(1, round(SHIFT / 2 * side)) for side in sides]
    along = [
        tuple(sign * far[k] if k == axis else 0 for k in range(len(sides)))
        for axis in range(len(sides))
        for sign in (1, -1)
    ]
    if len(sides) != 2 or min(sides) < 4:
        return [by for by, side in zip(along, [s for s in sides for _ in (0, 1)], strict=True) if side > 2]
    return [*along, *((a * near[0], b * near[1]) for a in (1, -1) for b in (1, -1))]


def shifted(picture: np.ndarray, by: tuple[int, ...]) -> np.ndarray:
    """A picture, (..., channels), moved by some places along each axis, reflected at its edge."""
    most = max(abs(one) for one in by)
    width = [(most, most) if one else (0, 0) for one in by]
    padded = np.pad(picture, [*width, (0, 0)], "reflect")
    cut = [
        slice(most - one, most - one + side) if one else slice(None)
        for one, side in zip(by, picture.shape, strict=False)
    ]
    return padded[(*cut, slice(None))]


def seen_as(picture: np.ndarray, *, degrees: float = 0.0, scale: float = 1.0) -> np.ndarray:
    """A picture, (height, width, channels) uint8, turned about its middle and made smaller, reflected at its edge."""
    height, width, _ = picture.shape
    edge = min(height, width) // 4
    padded = np.pad(picture, ((edge, edge), (edge, edge), (0, 0)), "reflect")
    cos, sin = math.cos(math.radians(degrees)) / scale, math.sin(math.radians(degrees)) / scale
    across, down = padded.shape[1] / 2, padded.shape[0] / 2
    # Pillow asks where each pixel of the result comes from.
    matrix = (cos, sin, across - cos * across - sin * down, -sin, cos, down + sin * across - cos * down)
    image = _image(padded)
    turned = image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    return np.asarray(turned).reshape(padded.shape)[edge : edge + height, edge : edge + width]


def as_jpeg(picture: np.ndarray) -> np.ndarray:
    """The same picture, through a JPEG file."""
    file = io.BytesIO()
    _image(picture).save(file, "JPEG", quality=JPEG_QUALITY)
    return np.asarray(Image.open(file)).reshape(picture.shape)


def _image(picture: np.ndarray) -> Image.Image:
    return Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
