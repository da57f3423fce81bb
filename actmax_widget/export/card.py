"""The picture that stands beside the widget where no widget can be shown: on GitHub, in a page without a network.

It is one PNG, since a PNG is shown everywhere, without trust and without scripts: the picture, enlarged by whole
pixels, a line of what it is, and the end of the table of losses. It says in its first chunk which software made it, so
that the style sheet of the widget knows it by that and hides it beside a live widget.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from actmax_widget.pictures import opened, to_pixels
from actmax_widget.results import History

LEAST = 240
"""Pixels of the picture's longer side at the least."""
ROWS = 5
"""Rows of the end of the table."""
COLUMN, LINE, MARGIN, SIZE = 136, 19, 12, 13
"""Pixels: a column's width, a line's height, what stands around, the letters' size."""
INK, FAINT, PAPER = (22, 24, 29), (106, 112, 124), (255, 255, 255)
MAKER = "actmax_widget"
"""``js/src/widget.css`` looks for it, written as it is in a PNG in base64."""


def to_png(image: np.ndarray, input_range: tuple[float, float]) -> bytes:
    """A picture as the bytes of a PNG file; see :func:`actmax_widget.pictures.to_pixels`."""
    return marked(opened(to_pixels(image, input_range)))


def to_card(image: np.ndarray, input_range: tuple[float, float], lines: Sequence[str], history: History) -> bytes:
    """The card as the bytes of a PNG file.

    Args:
        image: (H, W, C) in ``input_range``.
        input_range: (low, high).
        lines: what it is.
        history: the losses so far; the last rows are shown.
    """
    picture = _enlarged(opened(to_pixels(image, input_range)))
    table = [("iteration", *history.columns, *history.measures), *_rows(history)] if len(history) else []
    words = max([len(table[0]) * COLUMN if table else 0, *(round(_font().getlength(line)) for line in lines)])
    width = max(picture.width, words) + 2 * MARGIN
    height = picture.height + (len(lines) + len(table)) * LINE + (4 if table else 3) * MARGIN
    card = Image.new("RGB", (width, height), PAPER)
    card.paste(picture.convert("RGB"), (MARGIN, MARGIN))
    draw, top = ImageDraw.Draw(card), picture.height + 2 * MARGIN
    for line in lines:
        draw.text((MARGIN, top), line, INK, _font())
        top += LINE
    for number, row in enumerate(table):
        for column, text in enumerate(row):
            right = MARGIN + (column + 1) * COLUMN - MARGIN
            draw.text((right, top + MARGIN), text, INK if number else FAINT, _font(), anchor="ra")
        top += LINE
    return marked(card)


def _rows(history: History) -> list[tuple[str, ...]]:
    first = max(0, len(history) - ROWS)
    return [
        (str(first + number + 1), *(f"{value:#,.5g}".rstrip(".") for value in row))
        for number, row in enumerate(np.concatenate([history.values, history.measured], -1)[first:])
    ]


def _enlarged(picture: Image.Image) -> Image.Image:
    factor = -(-LEAST // max(picture.size))
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def marked(picture: Image.Image) -> bytes:
    """A PNG file that says which software made it."""
    file, info = io.BytesIO(), PngInfo()
    info.add_text("Software", MAKER)
    picture.save(file, "png", pnginfo=info)
    return file.getvalue()


@functools.cache
def _font() -> Any:
    return ImageFont.load_default(SIZE)
