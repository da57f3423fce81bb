"""A run, a sheet or a comparison as one page of HTML: without a kernel, without a network, without another file.

It holds the front end's own components (``js/src/page.ts``), the pictures as WebP, the losses as they are, and what
made them. No address is in it but names of XML, and its policy forbids to load anything.
"""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from actmax_widget import varying
from actmax_widget.checkpoint import Change, differences
from actmax_widget.checks import invalid
from actmax_widget.composition import EVERY_ALIAS, OF_TARGET
from actmax_widget.parameters import parameters_of
from actmax_widget.pictures import opened, to_pixels
from actmax_widget.settings import PARTS, Settings

STATIC = Path(__file__).parents[1] / "static"
PICTURE = 500_000
"""Bytes of a picture up to which it is held without loss."""
FILM = 350_000, 1_900_000
"""Bytes of a film up to which it is held without loss, and at the most."""
SHEET = 600_000, 1_900_000
"""The same of all pictures of a sheet."""
ROWS = 1_500_000
"""Bytes of the losses of a sheet at the most: of more pictures they are left out."""
QUALITIES = (None, 92, 85, 75, 60, 45)
"""Of WebP; None is without loss."""
END = 8
"""Rows that are shown where scripts are not run."""
NOT_SAID = {"layer", "filter_indices", "objective", "seed_input", "seed_fit", "steps_per_second", *PARTS}
"""Settings that are said otherwise, or that change no picture."""
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
HEIGHT = 760
"""CSS pixels of the page within a notebook."""


class Page(str):
    """The text of a page; at the end of a cell it is shown, also by nbconvert."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        """In a frame of its own, which reaches nothing of the notebook."""
        look = f"width: 100%; height: {HEIGHT}px; border: 0"
        frame = 'title="Saved run" sandbox="allow-scripts allow-downloads"'
        return f'<iframe {frame} style="{look}" srcdoc="{html.escape(str(self))}"></iframe>'

    def __repr__(self) -> str:
        return f"<a page of {len(self):,} characters>"


def of_run(result: Any) -> Page:
    """The page of one run.

    Args:
        result: with ``image``, ``history``, ``checkpoint``, ``film``, ``subject`` and ``code()``.

    Raises:
        ValueError: pictures that are not of rows and columns.
        RuntimeError: the front end is not built.
    """
    notes: list[str] = []
    run = _run(result, _Budget(notes), film=FILM)
    title = result.subject or "A run of activation maximization"
    return _page(title, [run], notes=notes, plain=_plain_run(run, result))


def side_by_side(
    pairs: Sequence[tuple[str, Any]],
    *,
    title: str = "Side by side",
    varied: Sequence[Mapping[str, Any]] | None = None,
    words: Sequence[Mapping[str, str]] | None = None,
    code: str = "",
    notes: Sequence[str] = (),
) -> Page:
    """The page of several pictures: what each has of its own, its activation, and one of them large by a click.

    Args:
        pairs: a title, or none, and a result each; see :func:`of_run`.
        title: of all of them.
        varied: what each differs by, name -> value; None: all by which their settings differ.
        words: the same in words, where they say more than the values.
        code: that makes all of them.
        notes: sentences to put beneath.

    Raises:
        ValueError: there are none, or pictures that are not of rows and columns.
    """
    if not pairs:
        raise invalid("page", "at least one picture", "none", "Make some first.")
    results = [result for _, result in pairs]
    own = differing([one.checkpoint.settings for one in results]) if varied is None else [dict(one) for one in varied]
    if varied is None:
        named = _titles([one.checkpoint.settings for one in results], [*own[0]])
        own = [{named[name]: value for name, value in each.items()} for each in own]
    titles = [*own[0]]
    said_of = [*notes]
    budget = _Budget(said_of)
    pictures = budget.pictures([_pixels(one) for one in results], *SHEET, what="Pictures are")
    whole = sum(one.history.rows.nbytes for one in results) <= ROWS
    films = [one.film for one in results if one.film is not None]
    share = tuple(size // max(len(films), 1) for size in FILM)
    runs = []
    shown = [{one: said(value) for one, value in each.items()} for each in own] if words is None else words
    for (name, result), picture, each, text in zip(pairs, pictures, own, shown, strict=True):
        run = _run(result, budget, film=share, picture=picture, rows=whole)
        told = [[one, text[one]] for one in titles if one in text]
        runs.append({**run, "title": name, "differs": told, "values": [number_of(each.get(one)) for one in titles]})
    shared = set.intersection(*({(name, value) for name, value in run["settings"]} for run in runs))
    settings = [one for one in runs[0]["settings"] if tuple(one) in shared]
    plain = _plain_sheet(runs)
    return _page(title, runs, titles=titles, settings=settings, code=code, notes=said_of, plain=plain, sheet=True)


def differing(settings: Sequence[Settings]) -> list[dict[str, Any]]:
    """By what each of some settings differs from the others: name -> value, the same names for all."""
    names = dict.fromkeys(name for one in settings[1:] for name in differences(settings[0], one))
    wholes = [{**one.values(), **{own: getattr(one, own) for own in parameters_of(Settings)}} for one in settings]
    # Of two runs the same part is another object.
    other = [name for name in names if len({said(whole.get(name)) for whole in wholes}) > 1]
    return [{name: whole.get(name) for name in other} for whole in wholes]


def _titles(settings: Sequence[Settings], names: Sequence[str]) -> dict[str, str]:
    """What a person knows settings by; two that would be known by the same keep their names."""
    found = {}
    for name in names:
        whose = next((one for one in settings if name in one.numbers() or name in parameters_of(Settings)), None)
        found[name] = name if whose is None else varying.title(whose, name)
    seen = [*found.values()]
    return {name: title if seen.count(title) == 1 else name for name, title in found.items()}


# --- what is told -----------------------------------------------------------------------------------------------------


def _run(
    result: Any, budget: _Budget, *, film: tuple[int, ...], picture: bytes | None = None, rows: bool = True
) -> dict[str, Any]:
    """What the page is told of a run, see ``js/src/page/told.ts``."""
    kept, history = result.checkpoint, result.history
    first = kept.changes[0].settings if kept.changes else kept.settings
    pixels = _pixels(result)
    if picture is None:
        (picture,) = budget.pictures([pixels], PICTURE, PICTURE, what="The picture is")
    try:
        code = result.code()
    except ValueError as error:
        code = ""
        budget.note(f"There is no code of it. {error}")
    objective = first.objective
    facts = {
        "layer": first.layer,
        "filter_indices": first.filter_indices,
        "loss_names": history.names,
        "measures": history.measures,
        "absent": [*(OF_TARGET if objective is not None else ()), *first.numbers().absent(sorted(EVERY_ALIAS))],
        "parts": {"terms": [] if objective is None else objective.names},
        "model_name": result.subject.partition(" · ")[0] or "picture",
        "input_range": first.input_range,
        "status": "finished",
        "goal": kept.goal,
        "ui": {},
    }
    return {
        "title": "",
        "differs": [],
        "values": [],
        "activation": activation_of(history),
        "facts": facts,
        "iteration": len(history),
        "shape": pixels.shape,
        "picture": _text(picture),
        "rows": _text(history.rows.astype("<f4").tobytes()) if rows else "",
        "film": _film(result.film, budget, *film) if result.film is not None and len(result.film) > 1 else None,
        "settings": described(result),
        "code": code,
    }


def described(result: Any) -> list[list[str]]:
    """What a run was made with and what came of it, in words: name and value."""
    kept = result.checkpoint
    # One that has not begun has the random state that was drawn for it.
    first = kept.changes[0].settings if kept.changes else kept.settings.changed(seed=kept.seed)
    numbers = first.numbers()
    absent = {*numbers.absent([*parameters_of(Settings)])}
    if first.objective is None:
        chosen = first.filter_indices
        found = [["Layer", first.layer], ["Filters", "all" if chosen is None else ", ".join(map(str, chosen))]]
    else:
        found = [["Objective", ", ".join(first.objective.names)]]
        absent |= {*OF_TARGET}
    for name, parameter in parameters_of(Settings).items():
        if name not in absent | NOT_SAID:
            value = getattr(first, name)
            found.append([parameter.label, (parameter.none or "none") if value is None else said(value)])
    if first.seed_input is not None:
        found.append(["Start", "a picture"])
    found += [["Parametrization", first.parametrization.name], ["Optimizer", first.optimizer.name]]
    found.append(["Transforms", ", ".join(one.name for one in first.transforms) or "none"])
    values = first.values()
    found += [[address, said(values[address])] for address, one in numbers.items() if not one.alias]
    found += [_change(change) for change in kept.changes[1:]]
    if result.film is not None and result.film.best:
        found.append(["Lowest total", f"at iteration {result.film.best}"])
    found.append(["Made with", ", ".join(f"{name} {one}" for name, one in kept.versions.items())])
    found.append(["Model's fingerprint", kept.model])
    return found


def _change(change: Change) -> list[str]:
    words = ", ".join(f"{name} {said(value)}" for name, value in change.changed.items())
    return [f"Iteration {change.iteration}", words or f"goal {change.goal}"]


def said(value: Any) -> str:
    """A value of a setting in words."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, np.ndarray):
        return f"array of shape {value.shape}"
    if isinstance(value, list | tuple):
        return ", ".join(map(said, value)) or "none"
    named = getattr(value, "name", None) or getattr(value, "__name__", None)
    return str(value if named is None else named)


def number_of(value: Any) -> float | None:
    """A value to sort by: a finite number, or None."""
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    whole = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return float(value) if whole and np.isfinite(value) else None


def activation_of(history: Any) -> float | None:
    """What the target, or the first of them, answered with in the last row; None where nothing is measured."""
    name = next((one for one in history.measures if one.startswith("activation")), None)
    return number_of(history[name][-1]) if name and len(history) else None


# --- pictures ---------------------------------------------------------------------------------------------------------


class _Budget:
    """Pictures as files that take no more bytes than they may; says once what it did to them."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes

    def note(self, sentence: str) -> None:
        """Say it, once."""
        if sentence not in self._notes:
            self._notes.append(sentence)

    def pictures(self, pictures: Sequence[np.ndarray], lossless: int, most: int, *, what: str) -> list[bytes]:
        """Files of pictures: without loss up to so many bytes, else compressed as little as they fit with."""
        files: list[bytes] = []
        for quality in QUALITIES:
            limit = lossless if quality is None else most
            # One tells whether it is worth while: a film takes a second.
            one = len(_file(pictures[len(pictures) // 2], quality))
            if one * len(pictures) > 1.5 * limit and quality != QUALITIES[-1]:
                continue
            files = [_file(picture, quality) for picture in pictures]
            if sum(map(len, files)) <= limit or quality == QUALITIES[-1]:
                if quality is not None:
                    self.note(f"{what} compressed for this page (WebP, quality {quality} of 100): save them as .png.")
                break
        return files


def _film(film: Any, budget: _Budget, lossless: int, most: int) -> dict[str, Any]:
    """The film, thinned where it would be compressed too much."""
    if film.images.ndim != 4:
        return {"kept": (), "shape": (1, 1, 1), "pictures": ()}
    kept = [*range(len(film))]
    usual = len(_file(film.images[len(film) // 2], 85))
    while usual * len(kept) > most and len(kept) > 16:
        kept = sorted({*kept[::2], kept[-1]})  # fewer before worse
    if len(kept) < len(film):
        budget.note(f"Of the film's {len(film)} pictures {len(kept)} are here.")
    files = budget.pictures([film.images[one] for one in kept], lossless, most, what="Pictures of the film are")
    iterations = [film.iterations[one] for one in kept]
    return {"kept": iterations, "shape": film.images.shape[1:], "pictures": list(map(_text, files))}


def _file(pixels: np.ndarray, quality: int | None) -> bytes:
    file = io.BytesIO()
    how: dict[str, Any] = {"lossless": True} if quality is None else {"quality": quality}
    opened(pixels).save(file, "webp", **how)
    return file.getvalue()


def _pixels(result: Any) -> np.ndarray:
    pixels = to_pixels(result.image, result.checkpoint.settings.input_range)
    if pixels.ndim != 3:
        advice = "Save the numbers as .csv."
        raise invalid("path", "the ending of another kind of file", "a picture without rows and columns", advice)
    return pixels


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


# --- the page ---------------------------------------------------------------------------------------------------------


def _page(
    title: str,
    runs: list[dict[str, Any]],
    *,
    notes: list[str],
    plain: str,
    titles: Iterable[str] = (),
    settings: Iterable[Any] = (),
    code: str = "",
    sheet: bool = False,
) -> Page:
    if not (STATIC / "page.js").is_file():
        message = f"The front end is not built ({STATIC} is missing). Run `make lab`, or `pip install -e .` again."
        raise RuntimeError(message)
    told = {
        "title": title,
        "isSheet": sheet,
        "titles": list(titles),
        "settings": list(settings),
        "code": code,
        "notes": notes,
        "runs": runs,
    }
    script = (STATIC / "page.js").read_text(encoding="utf-8").replace("</script", "<\\/script")
    style = (STATIC / "page.css").read_text(encoding="utf-8")
    return Page(
        f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{html.escape(title)}</title>
<style>{style}</style>
</head>
<body>
<main class="actmax-page" id="actmax-page"></main>
<noscript><div class="actmax-page actmax-page-plain"><h1>{html.escape(title)}</h1>
{plain}</div></noscript>
<script type="application/json" id="actmax-data">{_json(told)}</script>
<script type="module">{script}</script>
</body>
</html>
"""
    )


def _json(told: Any) -> str:
    """As JSON that ends no script, whatever names are in it."""
    text = json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
    for one in "<>&\u2028\u2029":
        text = text.replace(one, f"\\u{ord(one):04x}")
    return text


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else list(value)


def _plain_run(run: dict[str, Any], result: Any) -> str:
    """What is shown where scripts are not run."""
    history = result.history
    heads = "".join(f"<th>{html.escape(one)}</th>" for one in ("iteration", *history.columns, *history.measures))
    rows = ""
    for iteration in range(max(0, len(history) - END), len(history)):
        cells = "".join(f"<td>{value:.5g}</td>" for value in history.rows[iteration])
        rows += f"<tr><td>{iteration + 1}</td>{cells}</tr>"
    lines = "".join(f"<li>{html.escape(name)}: {html.escape(value)}</li>" for name, value in run["settings"])
    code = f"<pre>{html.escape(run['code'])}</pre>"
    return f"{_img(run['picture'])}<table><tr>{heads}</tr>{rows}</table><ul>{lines}</ul>{code}"


def _plain_sheet(runs: Sequence[dict[str, Any]]) -> str:
    """The same of several: one picture of all, small."""
    shown = runs[:64]
    across = int(np.ceil(np.sqrt(len(shown))))
    side = 96
    sheet = Image.new("RGB", (across * side, -(-len(shown) // across) * side))
    for place, run in enumerate(shown):
        with Image.open(io.BytesIO(base64.b64decode(run["picture"]))) as picture:
            sheet.paste(picture.convert("RGB").resize((side, side)), (place % across * side, place // across * side))
    file = io.BytesIO()
    sheet.save(file, "webp", quality=80)
    names = [" ".join([run["title"], *(f"{name} {value}" for name, value in run["differs"])]) for run in shown]
    lines = "".join(f"<li>{html.escape(name.strip())}</li>" for name in names)
    return f"{_img(_text(file.getvalue()))}<ol>{lines}</ol>"


def _img(file: str) -> str:
    return f'<img alt="" src="data:image/webp;base64,{file}">'
