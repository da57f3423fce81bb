"""The atlas of 20,000 pictures in a real JupyterLab: how soon it is there, how it scrolls, and what it keeps.

The browser draws by software and shares the cores with the kernel; a row of its own tells what it reaches without
drawing anything.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.browser_page import Bench, Lab, bench, laboratory
from benchmarks.record import Row, row
from tests import atlas_store

PICTURES = 20_000
FRAMES = 60
"""Of a screen, in a second."""
STEP = 24
"""CSS pixels that are scrolled in each frame: a screen in half a second."""
MOST_GROWTH = 20
OPEN = """import actmax_widget as am
store = am.open_sweep({folder!r})
atlas = store.widget()"""
# From the moment that the cell is sent to that in which every tile in sight has its picture on the screen.
FIRST_SCREEN = """() => new Promise(done => {
    const begun = performance.now();
    const inSight = () => {
        const list = document.querySelector('.actmax-atlas-list');
        if (!list) return [];
        const {top, bottom} = list.getBoundingClientRect();
        return [...list.querySelectorAll('.actmax-atlas-tile:not([hidden])')].filter(tile => {
            const box = tile.getBoundingClientRect();
            return box.bottom > top && box.top < Math.min(bottom, innerHeight);
        });
    };
    const look = () => {
        const tiles = inSight();
        if (tiles.length > 8 && tiles.every(tile => tile.querySelector('canvas').width > 0))
            requestAnimationFrame(() => done(performance.now() - begun));
        else requestAnimationFrame(look);
    };
    const notebook = jupyterapp.shell.currentWidget.content;
    const index = notebook.model.cells.length;
    notebook.model.sharedModel.insertCell(index, {cell_type: 'code', source: 'atlas'});
    notebook.activeCellIndex = index;
    notebook.deselectAll();
    jupyterapp.commands.execute('notebook:run-cell');
    look();
})"""
# Times of the frames while it scrolls by so much in each, and how many of the tiles in sight had no picture yet.
SCROLL = """([seconds, step]) => new Promise(done => {
    const list = document.querySelector('.actmax-atlas-list');
    const frames = [], blank = [];
    let way = step;
    const tick = now => {
        frames.push(now);
        if (list.scrollTop + list.clientHeight >= list.scrollHeight - 1) way = -step;
        else if (list.scrollTop <= 0) way = step;
        if (step) list.scrollTop += way;
        // Now and then: to look at all of them takes time, too.
        if (step && frames.length % 10 === 0) {
            const tiles = [...list.querySelectorAll('.actmax-atlas-tile:not([hidden])')];
            blank.push(tiles.filter(tile => !tile.querySelector('canvas').width).length / tiles.length);
        }
        if (now - frames[0] < 1000 * seconds) requestAnimationFrame(tick);
        else done({frames, blank, nodes: list.querySelectorAll('*').length});
    };
    requestAnimationFrame(tick);
})"""
# A list of nothing but text in the same place of the same page.
PLAIN = """() => {
    const plain = document.createElement('div');
    plain.className = 'actmax-atlas-list';
    plain.style.cssText = 'height: 640px; overflow: hidden auto; background: white';
    for (let i = 0; i < 600; i++) {
        const row = document.createElement('div');
        row.style.cssText = 'height: 140px; display: grid; grid-template-columns: repeat(8, 1fr)';
        for (let j = 0; j < 8; j++)
            row.append(Object.assign(document.createElement('span'), {textContent: `${i} ${j}`}));
        plain.append(row);
    }
    document.querySelector('.actmax-atlas').before(plain);
}"""
END_TO_END = """() => new Promise(done => {
    const list = document.querySelector('.actmax-atlas-list');
    let screens = 0;
    const jump = () => {
        list.scrollTop = list.scrollTop + list.clientHeight + 10 < list.scrollHeight ?
            list.scrollTop + 2 * list.clientHeight : 0;
        if (++screens < 150) setTimeout(jump, 60);
        else setTimeout(done, 1500);
    };
    jump();
})"""


def rows(quick: bool) -> list[Row]:
    """All rows of the atlas."""
    with tempfile.TemporaryDirectory() as folder, laboratory() as lab:
        atlas_store.make_large(Path(folder), PICTURES)
        return [*first_screen(folder, quick=quick, lab=lab), *scrolling(folder, quick=quick, lab=lab)]


def _open(lab: Lab, folder: str, name: str) -> Any:
    return bench(lab, name, OPEN.format(folder=folder), "None")


def first_screen(folder: str, *, quick: bool, lab: Lab) -> list[Row]:
    """From the cell to all pictures of the first screen, of a store that is open; and opening it."""
    times = []
    with _open(lab, folder, "atlas-first") as opened:
        for _ in range(2 if quick else 7):
            times.append(opened.notebook.page.evaluate(FIRST_SCREEN) / 1000)
            _forget(opened)
        bytes_sent = _ask(opened, "sum(map(len, atlas._columns.message(0)[1]))")
    name = f"first screen of an atlas of {PICTURES:,} pictures, from running the cell to all tiles in sight"
    return [
        row(name, "a second", times, most=1.0, unit="s", times=times),
        row(f"columns of {PICTURES:,} pictures that the page gets", "2 MB", [bytes_sent / 1e6], most=2.0, unit="MB"),
    ]


def _forget(opened: Bench) -> None:
    """Another atlas of the same store, which no page knows."""
    page = opened.notebook.page
    page.evaluate(
        "() => jupyterapp.shell.currentWidget.content.model.sharedModel.deleteCell("
        "jupyterapp.shell.currentWidget.content.model.cells.length - 1)"
    )
    page.wait_for_function("() => !document.querySelector('.actmax-atlas')")
    opened.notebook.ask("atlas.close(); atlas = store.widget()")


def _ask(opened: Bench, expression: str) -> float:
    return float(opened.notebook.ask(f"print({expression})").split()[-1])


def scrolling(folder: str, *, quick: bool, lab: Lab) -> list[Row]:
    """Frames a second while it scrolls, against the same page at rest; and what page and kernel grow by meanwhile."""
    rounds, seconds = (2, 2.0) if quick else (8, 5.0)
    with _open(lab, folder, "atlas-scroll") as opened:
        page = opened.notebook.page
        page.evaluate(FIRST_SCREEN)
        page.evaluate(SCROLL, [2.0, STEP])  # what scrolls is compiled
        rest, moving, plain, blank, nodes, longest = [], [], [], [], [], []
        for _ in range(rounds):
            rest.append(_rate(page.evaluate(SCROLL, [seconds, 0])["frames"]))
            told = page.evaluate(SCROLL, [seconds, STEP])
            moving.append(_rate(told["frames"]))
            blank.append(statistics.mean(told["blank"]))
            nodes.append(told["nodes"])
            page.evaluate(PLAIN)
            plain.append(_rate(page.evaluate(SCROLL, [seconds, STEP])["frames"]))
            page.evaluate("() => document.querySelector('.actmax-atlas-list').remove()")
            longest.append(max(b - a for a, b in zip(told["frames"], told["frames"][1:], strict=False)))
        page.evaluate(END_TO_END)
        before = _memory(opened)
        for _ in range(1 if quick else 3):
            page.evaluate(END_TO_END)
        after = _memory(opened)
    detail: dict[str, Any] = {
        "blank": blank,
        "nodes": nodes,
        "longest_frame_ms": longest,
        "at_rest": rest,
        "plain": plain,
    }
    grown = {part: after[part] - before[part] for part in before}
    screens = 150 * (1 if quick else 3)
    return [
        row(
            f"frames/s while an atlas of {PICTURES:,} scrolls by {STEP} px in each",
            f"{FRAMES} a second",
            moving,
            least=FRAMES * 0.95,
            unit="frames/s",
            **detail,
        ),
        row("the same over the page at rest", "the same page, where nothing moves", _ratios(moving, rest)),
        row("the same over a list of text alone", "as far, in the same page", _ratios(moving, plain)),
        row("elements of its sheet in the page", "1,000", [float(one) for one in nodes], most=1000, unit="elements"),
        *(
            row(
                f"growth of {what} over {screens} screens of it",
                "nothing",
                [grown[part]],
                most=MOST_GROWTH,
                unit="MB",
                before=before,
                after=after,
            )
            for part, what in (("heap", "browser heap"), ("kernel", "kernel memory"))
        ),
    ]


def _ratios(one: list[float], other: list[float]) -> list[float]:
    return [a / b for a, b in zip(one, other, strict=True)]


def _rate(frames: list[float]) -> float:
    return 1000 * (len(frames) - 1) / (frames[-1] - frames[0])


def _memory(opened: Bench) -> dict[str, float]:
    return {"kernel": _ask(opened, "kernel.memory()"), "heap": opened.heap()}
