"""Files of a run: pictures, films, rows, and the run itself, by the ending of the name.

Each file is there as a whole or not at all. A picture holds what made it, as text beside the pixels, so that it can be
made again: :func:`actmax_widget.export.run_file.RunFile.of_picture` reads it.
"""

from __future__ import annotations

import csv
import importlib
import io
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from actmax_widget import files
from actmax_widget.checks import invalid, saying
from actmax_widget.export import page
from actmax_widget.export.run_file import IN_PICTURE, RunFile
from actmax_widget.film import Film
from actmax_widget.pictures import opened, to_pixels
from actmax_widget.results import History

SIDE = 512
"""Pixels of the shorter side of a saved picture, at the least: it is enlarged by whole pixels."""


Kinds = Mapping[str, "Callable[[Any, Any], bytes]"]
"""What makes a file of a result and the look of its widget, by the ending of the name."""


def save(
    result: Any, path: str | os.PathLike[str], *, ui: Mapping[str, Any] | None = None, kinds: Kinds | None = None
) -> Path:
    """Write a run to a file, of the kind that the ending of its name says.

    ``.png``: the picture, enlarged by whole pixels so that its shorter side has at least 512, with what made it as
    text. ``.gif``, ``.webp``: the film, 4 seconds. ``.mp4``: the same; needs PyAV (``pip install
    actmax-widget[film]``). ``.csv``: the rows, an iteration each. ``.parquet``: the same; needs pandas and pyarrow.
    ``.html``: a page with picture, film, chart, table and settings that needs no kernel and no network.
    ``.json``: the run file, see :class:`~actmax_widget.export.run_file.RunFile`. ``.py``: code that makes the picture.
    ``.actmax``: the checkpoint, which goes on.

    Args:
        result: with ``image``, ``history``, ``checkpoint`` and ``film``.
        path: of the file.
        ui: how a widget was shown, for a run file.
        kinds: of files that there are; None: those above.

    Returns:
        The path.

    Raises:
        ValueError: an unknown ending, a run that has no such file, or that cannot be written down.
        TypeError: no path.
        ImportError: what a kind of file needs is not installed.
        OSError: the file cannot be written; one that was there stays as it was.

    Example:
        >>> result = am.visualize(am.demo.digits(), "out", 3, seed=0)
        >>> result.save("three.png"), result.save("three.gif"), result.save("three.json")
    """
    write = kind_of(path, KINDS if kinds is None else kinds)
    target = Path(path)
    files.write(target, write(result, ui))
    return target


def kind_of(path: str | os.PathLike[str], kinds: Kinds) -> Callable[[Any, Any], bytes]:
    """What makes a file of a name; raises a ValueError or TypeError where nothing does."""
    if not isinstance(path, str | os.PathLike):
        raise invalid("path", "the name of a file", path, 'Pass e.g. "picture.png".', TypeError)
    target = Path(path)
    write = kinds.get(target.suffix.lower())
    if write is None:
        received = target.suffix or f"{target.name}, which has none"
        advice = f'Pass e.g. "picture{next(iter(kinds))}".'
        raise invalid("path", f"a name that ends in one of {', '.join(kinds)}", received, advice)
    return write


def save_page(text: str, path: str | os.PathLike[str]) -> Path:
    """Write the page of a comparison, which is the one kind of file there is of it.

    Args:
        text: see :func:`actmax_widget.export.page.side_by_side`.
        path: of the file, which ends in ``.html``.

    Returns:
        The path.

    Raises:
        ValueError: another ending.
        TypeError: no path.
        OSError: the file cannot be written; one that was there stays as it was.
    """
    if not isinstance(path, str | os.PathLike):
        raise invalid("path", "the name of a file", path, 'Pass e.g. "compared.html".', TypeError)
    target = Path(path)
    if target.suffix.lower() != ".html":
        received = target.suffix or f"{target.name}, which has none"
        raise invalid("path", "a name that ends in .html", received, "Save one of the pictures for other kinds.")
    files.write(target, text.encode())
    return target


def _png(result: Any, ui: Any) -> bytes:
    info = PngInfo()
    info.add_text("Software", "actmax_widget")
    add_run(info, lambda: RunFile.of(result.course, ui, result.labels), what="picture")
    file = io.BytesIO()
    _picture(result).save(file, "png", pnginfo=info)
    return file.getvalue()


def add_run(info: PngInfo, run: Callable[[], RunFile], *, what: str) -> None:
    """Put what made a picture beside its pixels, or say why that is not possible."""
    try:
        info.add_itxt(IN_PICTURE, run().to_json(), zip=True)
    except ValueError as error:  # the picture is worth keeping without
        warnings.warn(f"The {what} was saved without the run that made it. {error}", RuntimeWarning, stacklevel=5)


def _picture(result: Any) -> Image.Image:
    pixels = to_pixels(result.image, result.checkpoint.settings.input_range)
    if pixels.ndim != 3:
        raise invalid("path", "the ending of another kind of file", "a picture", "It has no rows and columns.")
    return enlarged(opened(pixels))


def enlarged(picture: Image.Image, side: int = SIDE) -> Image.Image:
    """A picture enlarged by whole pixels, so that its shorter side has at least so many."""
    factor = max(1, -(-side // min(picture.size)))
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def _gif(result: Any, ui: Any) -> bytes:
    del ui
    file = io.BytesIO()
    _film(result).write(file, "GIF")
    return file.getvalue()


def _webp(result: Any, ui: Any) -> bytes:
    del ui
    file = io.BytesIO()
    _film(result).write(file, "WEBP")
    return file.getvalue()


def _mp4(result: Any, ui: Any) -> bytes:
    del ui
    film = _film(result)
    av = needed("av", ".mp4", "actmax-widget[film]")
    frames, durations = film.frames()
    # Of a codec that every browser plays, whose sides are even.
    width, height = (side + side % 2 for side in frames[0].size)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        rate = max(1, round(1000 / durations[0]))
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in [*frames, *[frames[-1]] * rate]:
            whole = Image.new("RGB", (width, height))
            whole.paste(frame.convert("RGB"), (0, 0))
            container.mux(stream.encode(av.VideoFrame.from_image(whole)))
        container.mux(stream.encode())
    return file.getvalue()


def _film(result: Any) -> Film:
    if result.film is None:
        advice = "Make it alone by visualize(), or save it as .png."
        error = invalid("path", "the ending of another kind of file", "one of many, which has no film", advice)
        raise saying(error, "One of many pictures has no film.")
    found: Film = result.film
    if len(found) < 2:
        advice = "Run it first, or save it as .png."
        error = invalid("path", "the ending of another kind of file", "a film of a run that has not begun", advice)
        raise saying(error, "The run has not begun, so it has no film yet.")
    return found


def _csv(result: Any, ui: Any) -> bytes:
    del ui
    history: History = result.history
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["iteration", *history.columns, *history.measures])
    for iteration, row in enumerate(history.rows, 1):
        writer.writerow([iteration, *map(shortest, row)])
    return file.getvalue().encode()


def shortest(value: Any) -> Any:
    """The shortest text that is the same float32."""
    return np.format_float_positional(value, trim="-") if np.isfinite(value) else value


def _parquet(result: Any, ui: Any) -> bytes:
    del ui
    needed("pyarrow", ".parquet", "pyarrow")
    file = io.BytesIO()
    result.history.to_pandas().to_parquet(file)
    return file.getvalue()


def _json(result: Any, ui: Any) -> bytes:
    return RunFile.of(result.course, ui, result.labels).to_json().encode()


def _py(result: Any, ui: Any) -> bytes:
    del ui
    code: str = result.code()
    return code.encode()


def _actmax(result: Any, ui: Any) -> bytes:
    del ui
    content: bytes = result.checkpoint.to_bytes()
    return content


def _html(result: Any, ui: Any) -> bytes:
    del ui
    return page.of_run(result).encode()


def needed(module: str, ending: str, what: str) -> Any:
    """A module that a kind of file needs; raises an ImportError that says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        message = f"Saving {ending} needs {module}: pip install {what}."
        raise ImportError(message) from error


KINDS: Kinds = {
    ".png": _png,
    ".gif": _gif,
    ".webp": _webp,
    ".mp4": _mp4,
    ".csv": _csv,
    ".parquet": _parquet,
    ".html": _html,
    ".json": _json,
    ".py": _py,
    ".actmax": _actmax,
}
