"""The table and the contact sheet."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from benchmarks.gallery.compare import summary
from benchmarks.gallery.pictures import path_of
from benchmarks.gallery.subjects import CHOSEN, CLASSES, UNSEEN
from benchmarks.gallery.systems import HALF, ON_SCREEN

Rows = Sequence[Mapping[str, Any]]
SHOWN = (
    "natural",
    "quick",
    "xplique MACO" + HALF,
    "xplique optimize" + HALF,
    "tf-keras-vis",
    "phase",
    "fourier",
    "visualize_activation",
    "keras-vis",
)
"""Systems of the sheet, from the top."""
CAPTIONS = {
    "natural": "actmax_widget\nnatural",
    "quick": "quick\n128 gradients",
    "fourier": "preset fourier",
    "phase": "preset phase",
    "keras-vis": "preset keras-vis",
    "visualize_activation": "keras-vis's\nfunction",
    "tf-keras-vis": "tf-keras-vis\n0.8.7",
    "xplique optimize" + HALF: "xplique 2.0.2\noptimize,\nmiddle half",
    "xplique MACO" + HALF: "xplique 2.0.2\nMACO,\nmiddle half",
}
LARGEST = 600_000
"""Bytes of the sheet."""


# --- tables ----------------------------------------------------------------------------------------------------------


def tables(found: Mapping[str, Any]) -> str:
    """All that was measured, as Markdown."""
    drawn = found.get("pictures", [])
    of = ("squeezenet", "efficientnet")
    parts = [
        photographs(found.get("photographs", [])),
        goals(found),
        *(systems([row for row in drawn if row["network"] == one], one) for one in of),
    ]
    parts += [channels(found.get("channels", [])), digits(found.get("digits", [])), waiting(found.get("waiting", []))]
    return "\n\n".join(part for part in parts if part)


PRESETS = ("natural", "quick")
WAITED = tuple(preset + where for where in ("", ON_SCREEN) for preset in PRESETS)


def photographs(rows: Rows) -> str:
    """What photographs have themselves, and how many of them are recognised."""
    if not rows:
        return ""
    looks = {name: [row[name] for row in rows] for name in ("spectrum", "colour", "sd")}
    mean = ", ".join(
        f"{name} {_short(float(np.mean(values)))} (nine of ten within {_short(float(np.quantile(values, 0.9)))})"
        for name, values in looks.items()
    )
    known = [row for row in rows if row["class"] is not None]
    networks = ("squeezenet", "efficientnet")
    right = ", ".join(
        f"{network} {sum(row[network] == 1 for row in known)} / {sum(row[network] <= 5 for row in known)}"
        for network in networks
    )
    return f"{len(rows)} photographs: {mean}. Recognised of {len(known)}, top 1 / top 5: {right}."


def goals(found: Mapping[str, Any]) -> str:
    """What is to be reached, and what was."""
    rows: list[tuple[str, str, str, bool]] = []
    own = [row for row in found.get("pictures", []) if row["network"] == "squeezenet" and row["system"] == "natural"]
    if own:
        mean = summary(own)
        n = len(own)
        rows += [
            _goal("own rank 1", f"{n} of {n}", round(mean["own_first"] * n), least=n),
            _goal("own probability", "at least .97", mean["own_p"], least=0.97),
            _goal("the same under shifts", "at least .92", mean["shift_p"], least=0.92),
            _goal("the same as JPEG", "at least .92", mean["jpeg_p"], least=0.92),
            _goal("slope of the spectrum, less photographs'", "within .20", mean["slope_off"], least=-0.2, most=0.2),
            _goal("distance of the spectrum", "at most .30", mean["spectrum"], most=0.3),
            _goal("the slope, without a window", "within .20", mean["slope_off_with_edges"], least=-0.2, most=0.2),
            _goal("the distance, without a window", "at most .30", mean["spectrum_with_edges"], most=0.3),
            _goal("distance of the colours", "at most 2.5", mean["colour"], most=2.5),
            _goal("standard deviation, of 255", "40 to 75", mean["sd"], least=40, most=75),
            _goal("grey, saturated or no numbers", "0", round(mean["bad"] * n), most=0),
            _goal("judge, top 1", "at least .72", mean["judge_top_1"], least=23 / 32),
            _goal("judge, top 5", "at least .84", mean["judge_top_5"], least=0.84),
        ]
    live = [row for row in found.get("channels", []) if row["system"] == "natural" and is_live(row)]
    if live:
        times = [row["activation"] / row["photograph"] for row in live]
        rows += [
            _goal("channels: times the best photograph, median", "at least 5", float(np.median(times)), least=5),
            _goal("channels: the same, the least of all", "above 1", min(times), least=1),
            _goal("channels: kept under shifts", "at least .95", _kept(live, "shift"), least=0.95),
            _goal("channels: kept as JPEG", "at least .85", _kept(live, "jpeg"), least=0.85),
        ]
    least = {"digits": 10, "digits, plain": 9, "digits, adversarial": 10}
    for network, count in least.items():
        read = [row["read"] == row["class"] for row in found.get("digits", []) if _is(row, network, "natural")]
        if read:
            rows.append(_goal(f"{network}: read by a second network", f"{count} of 10", sum(read), least=count))
    waited = found.get("waiting", [])
    for network, preset, kind in itertools.product(("squeezenet", "digits"), WAITED, ("seconds", "cpu")):
        ahead = _ahead([row for row in waited if row["network"] == network], preset, kind)
        if ahead is not None:
            name = f"{'seconds' if kind == 'seconds' else 'seconds of the processor'} to a good picture, {network}"
            rows.append(_goal(f"{name}: the best peer's over those of `{preset}`", "at least 3", ahead, least=3))
    lines = [f"| {name} | {goal} | {value} | {'reached' if met else '**missed**'} |" for name, goal, value, met in rows]
    return "\n".join(["| `natural` | goal | measured | |", "|---|---|---|---|", *lines]) if lines else ""


def _goal(
    name: str, goal: str, value: float, *, least: float = -np.inf, most: float = np.inf
) -> tuple[str, str, str, bool]:
    return name, goal, _short(value), least <= value <= most


def _is(row: Mapping[str, Any], network: str, system: str) -> bool:
    return row["network"] == network and row["system"] == system


def systems(rows: Rows, network: str) -> str:
    """A line for each system: the mean scores of its pictures."""
    if not rows:
        return ""
    head = "pictures | own rank 1 | own p | shift | JPEG | judge, chosen | judge, unseen | judge's log p | slope | spectrum | colour | sd | bad"  # noqa: E501
    lines = [f"| {network} | {head} |", "|---" * (head.count("|") + 2) + "|"]
    for system in dict.fromkeys(row["system"] for row in rows):
        own = [row for row in rows if row["system"] == system]
        mean = summary(own)
        judged = [_judged([row for row in own if row["class"] in group]) for group in (CHOSEN, UNSEEN)]
        first = f"{round(mean['own_first'] * len(own))}"
        numbers = [_short(mean[name]) for name in ("own_p", "shift_p", "jpeg_p")]
        look = [_short(mean[name]) for name in ("judge_log_p", "slope_off", "spectrum", "colour", "sd")]
        bad = str(round(mean["bad"] * len(own)))
        lines.append(f"| {system} | " + " | ".join([str(len(own)), first, *numbers, *judged, *look, bad]) + " |")
    return "\n".join(lines)


def _judged(rows: Rows) -> str:
    if not rows:
        return ""
    mean = summary(rows)
    return f"{_short(mean['judge_top_1'])} / {_short(mean['judge_top_5'])}"


def is_live(row: Mapping[str, Any]) -> bool:
    """Whether any photograph excites a channel."""
    return bool(row["photograph"] > 0)


def _kept(rows: Rows, how: str) -> float:
    return float(np.median([row[how] / row["activation"] for row in rows if row["activation"] > 0]))


def channels(rows: Rows) -> str:
    """A line for each system: what its pictures of channels excite."""
    lines = [
        "| channels | live | times the best photograph, median | above it | shift | JPEG | silent, and told so |",
        "|---|---|---|---|---|---|---|",
    ]
    for system in dict.fromkeys(row["system"] for row in rows):
        own = [row for row in rows if row["system"] == system]
        live = [row for row in own if is_live(row)]
        times = [row["activation"] / row["photograph"] for row in live]
        silent = [row for row in own if row["activation"] <= 0]
        told = f"{len(silent)}, {sum(bool(row['told']) for row in silent)}"
        numbers = [
            _short(float(np.median(times))),
            f"{sum(one > 1 for one in times)}",
            *(_short(_kept(live, how)) for how in ("shift", "jpeg")),
        ]
        lines.append(f"| {system} | " + " | ".join([f"{len(live)} of {len(own)}", *numbers, told]) + " |")
    return "\n".join(lines) if rows else ""


def digits(rows: Rows) -> str:
    """A line for each network and preset: how many pictures are read."""
    lines = ["| digits | preset | rank 1 in its own network | read by a second network |", "|---|---|---|---|"]
    for network, system in dict.fromkeys((row["network"], row["system"]) for row in rows):
        own = [row for row in rows if _is(row, network, system)]
        counts = [sum(row[by] == row["class"] for row in own) for by in ("own", "read")]
        lines.append(f"| {network} | {system} | {counts[0]} of {len(own)} | {counts[1]} of {len(own)} |")
    return "\n".join(lines) if rows else ""


def waiting(rows: Rows) -> str:
    """A line for each network and system: medians of seconds to a good picture, and of the processor's."""
    lines = [
        "| seconds from Run (of the processor) | | to a good picture | reached by | first look | end |",
        "|---|---|---|---|---|---|",
    ]
    for network, system in dict.fromkeys((row["network"], row["system"]) for row in rows):
        own = [row for row in rows if _is(row, network, system)]
        good = [row for row in own if row["seconds"] is not None]
        medians = [
            _seconds(good, ""),
            f"{len(good)} of {len(own)}",
            _seconds(own, "first_look_"),
            _seconds(own, "end_"),
        ]
        lines.append(f"| {network} | {system} | " + " | ".join(medians) + " |")
    return "\n".join(lines) if rows else ""


def _seconds(rows: Rows, of: str) -> str:
    if not rows:
        return "never"
    clock, cpu = (_short(float(np.median([row[f"{of}{kind}"] for row in rows]))) for kind in ("seconds", "cpu"))
    return f"{clock} ({cpu})"


def _ahead(rows: Rows, preset: str, kind: str) -> float | None:
    """Median over classes of the quickest peer's seconds, its end where it never gets there, over ours; 0 if never."""
    ratios = []
    for index in dict.fromkeys(row["class"] for row in rows):
        own = [row for row in rows if row["class"] == index]
        ours = [row[kind] for row in own if row["system"] == preset and row[kind] is not None]
        theirs = [row[kind] or row[f"end_{kind}"] for row in own if row["system"].split(",")[0] not in PRESETS]
        if theirs:
            ratios.append(min(theirs) / ours[0] if ours else 0.0)
    return float(np.median(ratios)) if ratios else None


def _short(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    text = f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


# --- the sheet -------------------------------------------------------------------------------------------------------


def sheet(found: Mapping[str, Any], path: Path, network: str = "squeezenet", tile: int = 112) -> bool:
    """Write the contact sheet: a row for each system, a column for each class, seed 0. Tells whether there are any."""
    rows = [row for row in found.get("pictures", []) if row["network"] == network and row["seed"] == 0]
    known = {(row["system"], row["class"]): row for row in rows}
    names = [name for name in SHOWN if any(system == name for system, _ in known)]
    classes = [index for index in CLASSES if any(one == index for _, one in known)]
    if not names:
        return False
    gap, left, top = 4, 118, 26
    canvas = Image.new("RGB", (left + len(classes) * (tile + gap), top + len(names) * (tile + gap)), "white")
    pen = ImageDraw.Draw(canvas)
    plain, bold = (ImageFont.truetype(font_manager.findfont(font), 13) for font in ("DejaVu Sans", "DejaVu Sans:bold"))
    for column, index in enumerate(classes):
        middle = left + column * (tile + gap) + tile // 2
        pen.text((middle, top // 2), CLASSES[index], "black", plain, anchor="mm")
    for line, name in enumerate(names):
        height = top + line * (tile + gap)
        font = bold if name == "natural" else plain
        pen.multiline_text((4, height + tile // 2), CAPTIONS[name], "black", font, anchor="lm", spacing=4)
        for column, index in enumerate(classes):
            file = path_of(network, name, index, 0)
            if (name, index) in known and file.exists():
                picture = Image.open(file).convert("RGB").resize((tile, tile), Image.Resampling.LANCZOS)
                canvas.paste(picture, (left + column * (tile + gap), height))
    for quality in range(92, 40, -4):
        canvas.save(path, quality=quality, subsampling=0, optimize=True)
        if path.stat().st_size <= LARGEST:
            break
    return True
