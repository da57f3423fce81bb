"""Files of several pictures that differ in a number: a sheet of them, all rows, and what makes them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from actmax_widget.checks import invalid, saying
from actmax_widget.export import page, saving
from actmax_widget.export.code import code_of_many
from actmax_widget.export.run_file import RunFile
from actmax_widget.pictures import opened, to_pixels

SIDES = ((64, 160), (400, 112), (4096, 64))
"""Up to so many pictures, pixels of the longer side of each at the least; a larger one is made so small beyond the
first."""
SIZE, LINE, GAP, MARGIN = 13, 17, 10, 14
INK, FAINT, PAPER = (22, 24, 29), (106, 112, 124), (255, 255, 255)
FILTERS = "filter_indices"
ADVICE = "Set seed to a number, and make them again."
PLOTTED = 64
MOST_ACROSS = 16
ACTIVATION = "activation"


def run_file(many: Any, ui: Any = None) -> RunFile:
    """What makes all of them.

    Raises:
        ValueError: nothing tells what they have in common.
    """
    if many.base is None:
        advice = f"{ADVICE} Each of these has a random state of its own."
        error = invalid("sheet", "pictures with one random state", "one that was drawn for each", advice)
        raise saying(error, f"Each of these pictures has a random state of its own. {ADVICE}")
    kept = many[0].checkpoint
    return RunFile.of_sheet(many.base, many.vary, kept, ui, many[0].labels)


def code(many: Any) -> str:
    """Python code that makes all of them, as ``result``, from a variable ``model``; raises as :func:`run_file`."""
    found = run_file(many)
    return code_of_many(
        found.changes[0].settings, many.vary, found.given, many[0].checkpoint.arrays["measured"].shape[1:]
    )


def html(many: Any) -> page.Page:
    """The page, see :func:`actmax_widget.export.page.side_by_side`."""
    try:
        text, notes = code(many), []
    except ValueError as error:
        text, notes = "", [f"There is no code of all of them. {error}"]
    count = math.prod(len(values) for values in many.vary.values())
    if many.vary and len(many) < count:
        notes.append(f"{len(many)} of {count} pictures were made.")
    pairs = [("", one) for one in many]
    title = many.subject or "Pictures side by side"
    varied = [{many.titles.get(name, name): value for name, value in own.items()} for own in many.varied]
    return page.side_by_side(pairs, title=title, varied=varied, words=words(many), code=text, notes=notes)


def words(many: Any) -> list[dict[str, str]]:
    """What each differs by, as a person knows it: title -> value, a filter with its name."""
    found = []
    for own, result in zip(many.varied, many, strict=True):
        target = result.subject.rpartition(" · ")[2]
        known = {FILTERS: target.removeprefix("filters ").removeprefix("filter ")} if target else {}
        found.append({many.titles.get(name, name): known.get(name) or page.said(one) for name, one in own.items()})
    return found


def plot(many: Any) -> Figure:
    """The pictures with what they differ in, the first 64; and where that is one number the activation at each.

    Returns:
        A :class:`matplotlib.figure.Figure`. It belongs to no window.

    Raises:
        ValueError: pictures that are not of rows and columns.
    """
    shown = [(_pixels(one), lines) for one, lines in zip(many, _captions(many), strict=True)][:PLOTTED]
    across = min(8, math.isqrt(len(shown) - 1) + 1 if len(shown) > 4 else len(shown))
    rows = -(-len(shown) // across)
    numbers = [page.number_of(next(iter(own.values()))) for own in many.varied] if len(many.titles) == 1 else [None]
    activations = [page.activation_of(one.history) for one in many]
    has_curve = len(many) > 1 and None not in numbers and None not in activations
    height = 1.5 * rows + 0.4 + (2.4 if has_curve else 0)
    figure = Figure(figsize=(max(4, 1.4 * across), height), layout="constrained")
    grid = figure.add_gridspec(rows + has_curve, across, height_ratios=[1] * rows + [1.6] * has_curve)
    for place, (picture, lines) in enumerate(shown):
        axes = figure.add_subplot(grid[place // across, place % across])
        axes.imshow(picture.convert("RGB"), interpolation="nearest")
        axes.set_title("\n".join(lines), fontsize=7)
        axes.set_axis_off()
    if has_curve:
        axes = figure.add_subplot(grid[rows, :])
        points = sorted(zip(numbers, activations, strict=True))
        axes.plot(*zip(*points, strict=True), marker="o", linewidth=1.2)
        axes.set_xlabel(next(iter(many.titles.values())))
        axes.set_ylabel("activation")
        axes.grid(alpha=0.3)
    return figure


def _png(many: Any, ui: Any) -> bytes:
    info = PngInfo()
    info.add_text("Software", "actmax_widget")
    saving.add_run(info, lambda: run_file(many, ui), what="sheet")
    file = io.BytesIO()
    _contact(many).save(file, "png", pnginfo=info)
    return file.getvalue()


def _contact(many: Any) -> Image.Image:
    """All of them with their captions."""
    pictures, captions = [_pixels(one) for one in many], _captions(many)
    count = len(pictures)
    side = next(side for most, side in SIDES if count <= most or most == SIDES[-1][0])
    pictures = [_fitted(one, side, shrunk=count > SIDES[0][0]) for one in pictures]
    font: Any = ImageFont.load_default(SIZE)
    captions = [[line for text in lines for line in _broken(text, font, pictures[0].width)] for lines in captions]
    width = pictures[0].width + GAP
    height = pictures[0].height + max(map(len, captions)) * LINE + GAP
    across = _across(many)
    rows = -(-count // across)
    head = LINE + GAP if many.subject else 0
    sheet = Image.new("RGB", (across * width + 2 * MARGIN - GAP, head + rows * height + 2 * MARGIN - GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    if head:
        draw.text((MARGIN, MARGIN), many.subject, INK, font)
    for place, (picture, lines) in enumerate(zip(pictures, captions, strict=True)):
        left, top = MARGIN + place % across * width, MARGIN + head + place // across * height
        sheet.paste(picture, (left, top))
        for number, line in enumerate(lines):
            ink = FAINT if line.startswith(ACTIVATION) else INK
            draw.text((left, top + picture.height + 3 + number * LINE), line, ink, font)
    return sheet


def _across(many: Any) -> int:
    """A column for each value of the second name, if there are two; else about as many as rows."""
    last = len([*many.vary.values()][-1]) if len(many.vary) > 1 else 0
    return last if 1 < last <= MOST_ACROSS else math.isqrt(len(many) - 1) + 1


def _fitted(picture: Image.Image, side: int, *, shrunk: bool) -> Image.Image:
    if max(picture.size) > side and shrunk:
        share = side / max(picture.size)
        return picture.convert("RGB").resize([max(1, round(one * share)) for one in picture.size])
    factor = max(1, -(-side // max(picture.size)))
    return picture.convert("RGB").resize([one * factor for one in picture.size], Image.Resampling.NEAREST)


def _broken(text: str, font: Any, width: int) -> list[str]:
    """A text in lines of a width, between words."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _captions(many: Any) -> list[list[str]]:
    """What each has of its own, and its activation."""
    found = []
    for own, result in zip(words(many), many, strict=True):
        activation = page.activation_of(result.history)
        lines = [f"{name} {value}" for name, value in own.items()]
        found.append([*lines, *([] if activation is None else [f"{ACTIVATION} {_short(activation)}"])])
    return found


def _short(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.4g}"


def _pixels(result: Any) -> Image.Image:
    pixels = to_pixels(result.image, result.checkpoint.settings.input_range)
    if pixels.ndim != 3:
        advice = "Save the rows as .csv."
        raise invalid("path", "the ending of another kind of file", "pictures without rows and columns", advice)
    return opened(pixels)


def _html(many: Any, ui: Any) -> bytes:
    del ui
    return html(many).encode()


def _csv(many: Any, ui: Any) -> bytes:
    del ui
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    history = many[0].history
    names = [*many.varied[0]]
    writer.writerow(["picture", *names, "iteration", *history.columns, *history.measures])
    for number, (own, result) in enumerate(zip(many.varied, many, strict=True)):
        values = [_cell(own[name]) for name in names]
        for iteration, row in enumerate(result.history.rows, 1):
            writer.writerow([number, *values, iteration, *map(saving.shortest, row)])
    return file.getvalue().encode()


def _parquet(many: Any, ui: Any) -> bytes:
    del ui
    saving.needed("pyarrow", ".parquet", "pyarrow")
    pandas = saving.needed("pandas", ".parquet", "pandas")
    tables = []
    for number, (own, result) in enumerate(zip(many.varied, many, strict=True)):
        table = result.history.to_pandas().reset_index()
        for place, (name, value) in enumerate({"picture": number, **own}.items()):
            table.insert(place, name, _cell(value))
        tables.append(table)
    file = io.BytesIO()
    pandas.concat(tables, ignore_index=True).to_parquet(file)
    return file.getvalue()


def _cell(value: Any) -> Any:
    """A varied value in a table: as it is if it is a number or a text."""
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, int | float | str) else page.said(value)


def _json(many: Any, ui: Any) -> bytes:
    return run_file(many, ui).to_json().encode()


def _py(many: Any, ui: Any) -> bytes:
    del ui
    return code(many).encode()


KINDS: Mapping[str, Callable[[Any, Any], bytes]] = {
    ".png": _png,
    ".html": _html,
    ".csv": _csv,
    ".parquet": _parquet,
    ".json": _json,
    ".py": _py,
}
