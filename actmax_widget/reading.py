"""Pictures as an image viewer shows them: upright, their first frame, in sRGB or grey, whatever file they come from."""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from actmax_widget.checks import invalid

MIDDLE = 0.5
"""What transparency and padding are: the middle of the range, as the noise is around it."""
DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")
"""Pillow's modes of more than 8 bits; all are grey."""
BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262
"""Tags of a TIFF file."""


class PictureError(ValueError):
    """A picture is refused; ``sentence`` says why to a person, the message in Python's words."""

    sentence: str = ""


class Note(NamedTuple):
    """Something that was done to a starting picture, or is odd about it.

    Attributes:
        said: a sentence for a person who sees the widget.
        warning: the same for a person who called a function, with the next move; empty if it is what was asked for.
    """

    said: str
    warning: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture upright, decoded, and not yet fitted.

    Attributes:
        image: of mode L, RGB or RGBA (8 bits), or F: grey, 0 (black) to 1 (white); once fitted, with fewer pixels.
        name: what it is called, a file's name.
        size: its own (width, height).
        notes: what was done to decode it.
    """

    image: Image.Image
    name: str
    size: tuple[int, int]
    notes: tuple[Note, ...] = ()


def is_picture(value: Any) -> bool:
    """Whether it is a path, a Pillow image, or was read of one."""
    return isinstance(value, str | os.PathLike | Image.Image | Picture)


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of a starting picture, whatever it is: (height, width) of a picture, else the array's.

    Raises:
        ValueError: a picture that cannot be read.
    """
    return read(value).size[::-1] if is_picture(value) else np.shape(value)


def read(source: Any, name: str = "seed_input") -> Picture:
    """A picture as a viewer shows it: upright, with its first frame, its colors in sRGB.

    Args:
        source: a path, a Pillow image (taken as it stands, at the frame it is at), or a :class:`Picture`.
        name: what the argument is called, for errors.

    Raises:
        ValueError: there is no such file, or it is no picture, or a damaged one.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, Image.Image):
        called = pathlib.Path(getattr(source, "filename", "")).name or f"picture {sides(source.size)}"
        return _decoded(lambda: contextlib.nullcontext(source), called, name)
    path = pathlib.Path(os.fsdecode(source)).expanduser()
    called = path.name or str(path)
    if path.is_dir():
        raise _refused(name, "the path of a picture file, not of a folder", called, "is a folder, not a picture")
    if not path.exists():
        raise _refused(name, "the path of a file that exists", called, "does not exist", "Check the path.")
    return _decoded(lambda: Image.open(path), called, name, empty=path.stat().st_size == 0)


def read_bytes(data: Any, called: str, name: str = "seed_picture") -> Picture:
    """The picture in the bytes of a file, see :func:`read`; ``called`` is the file's name."""
    return _decoded(lambda: Image.open(io.BytesIO(data)), called, name, empty=len(data) == 0)


def _decoded(opened: Callable[[], Any], called: str, name: str, *, empty: bool = False) -> Picture:
    if empty:
        raise _refused(name, "a picture file", called, "is empty")
    try:
        with opened() as image:
            return _picture(image, called, name)
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _refused(name, "a picture with fewer pixels", called, "has too many pixels", "Make it smaller.") from None
    except UnidentifiedImageError:
        raise _refused(name, "a picture that Pillow can read", called, "is not a picture that can be read") from None
    except PermissionError:
        raise _refused(name, "a file that may be read", called, "may not be read", "Check who may read it.") from None
    except Exception:  # noqa: BLE001 - what a damaged file makes Pillow's readers raise is of any kind
        raise _refused(name, "a whole picture", called, "is damaged, or was cut short") from None


def _refused(name: str, expected: str, called: str, why: str, advice: str = "") -> PictureError:
    advice = advice or "Choose a PNG, JPEG, WebP, GIF, TIFF or BMP file."
    error = PictureError(str(invalid(name, expected, called, advice)))
    error.sentence = f"{called} {why}. {advice}"
    return error


def _picture(opened: Image.Image, called: str, name: str) -> Picture:
    opened.load()
    if 0 in opened.size:
        raise _refused(name, "a picture with pixels", called, "has no pixels")
    upright = _upright(opened)
    if opened.mode not in DEEP:
        return Picture(_in_sRGB(upright), called, upright.size)
    values = np.asarray(upright, np.float32)
    if not np.isfinite(values).all():
        raise _refused(name, "finite values", called, "has values that are not numbers", "Check the picture.")
    black, white, notes = _ends(opened, values, called)
    grey = (values - black) / (white - black) if white != black else np.full_like(values, MIDDLE)
    key = opened.info.get("transparency")
    if isinstance(key, int):
        grey = np.where(values == key, MIDDLE, grey)
    return Picture(Image.fromarray(grey.astype(np.float32)), called, upright.size, notes)


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 - a viewer shows a picture whose EXIF data are damaged, too
        return image.copy()


def _in_sRGB(image: Image.Image) -> Image.Image:  # noqa: N802 - its name
    """A picture of 8 bits in the mode L, RGB or RGBA."""
    if image.mode == "La":  # premultiplied; Pillow has only this way out of it
        image = image.convert("LA")
    if image.mode == "LAB":
        return _converted(image, ImageCms.createProfile("LAB"))
    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode in {"1", "L"}:
        return image.convert("L")
    elif image.mode != "CMYK":
        image = image.convert("RGB")
    profile = image.info.get("icc_profile")
    return _converted(image, profile) if profile else _as_rgb(image)


def _converted(image: Image.Image, profile: Any) -> Image.Image:
    """The colors of a picture with a color profile; one that does not fit it, or is damaged, is ignored."""
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile) if isinstance(profile, bytes) else profile)
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        done = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, ImportError, OSError, TypeError, ValueError):
        done = None
    return _as_rgb(image) if done is None else done


def _as_rgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGBA" else image.convert("RGB")


def _ends(opened: Image.Image, values: np.ndarray, called: str) -> tuple[float, float, tuple[Note, ...]]:
    """The values that are black and white in a picture of more than 8 bits."""
    tags = getattr(opened, "tag_v2", {})
    if opened.mode.startswith("I;16") or (opened.mode == "I" and opened.format in {"PNG", "PPM"}):
        ends = 0.0, 2.0 ** tags.get(BITS_PER_SAMPLE, (16,))[0] - 1
        return (*(ends[::-1] if tags.get(PHOTOMETRIC) == 0 else ends), ())
    low, high = float(values.min()), float(values.max())
    if opened.mode == "F" and low >= 0 and high <= 1:
        return 0.0, 1.0, ()
    # The file does not say which value is white: the smallest usual one that holds all, or else the largest there is.
    usual = [white for white in (255.0, 65535.0) if low >= 0 and high <= white]
    black, white = (0.0, usual[0]) if usual else (low, high)
    done = f"its values, {low:g} to {high:g}, were taken as {black:g} (black) to {white:g} (white)"
    warning = f"seed_input: {called} does not tell which value is white; {done}. Pass a picture of 0 to 1 to decide."
    return black, white, (Note(f"{done[0].upper()}{done[1:]}.", warning),)


def sides(size: tuple[int, ...]) -> str:
    """A size in words."""
    return " × ".join(map(str, size))
