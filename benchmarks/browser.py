"""What a real JupyterLab in real Chromium costs and delivers: kernel time, pauses, frames, memory.

The browser shares the cores with the kernel, as on a student's laptop. Each measurement can be made alone::

    python -c "from benchmarks import browser; print(browser.pause_on_digits(quick=True))"
"""

from __future__ import annotations

import itertools
import statistics
from typing import Any

import numpy as np

from actmax_widget.view import stream
from benchmarks.browser_page import Bench, Lab, bench, laboratory
from benchmarks.record import Row, row

MOST_PAUSE_MS = 100
MOST_GROWTH = 20
ROW_BYTES = 16
"""Bytes of a row of losses: three losses and their total, float32."""
KEPT_TWICE = 2
"""The kernel holds the history and its copy in the widget's state; so does the page."""

# Cells of the notebooks.
DIGITS = "widget = kernel.digits()\nwidget"
SQUEEZENET = "widget = kernel.squeezenet({})\nwidget"
TWIN = "twin = kernel.headless_twin(widget)"
QUICK_STEPS = "widget = kernel.quick_steps()\nwidget"
IDLE = "idle = kernel.BareCanvas('idle')\nidle"
BESIDE = "beside = kernel.BareCanvas('beside', kernel.headless_twin(widget))\nbeside"


def rows(quick: bool) -> list[Row]:
    """All rows that need a browser; ``quick`` is a smoke run of seconds each."""
    with laboratory() as lab:
        return [
            *cost_on_screen(quick=quick, lab=lab),
            pause_on_digits(quick=quick, lab=lab),
            pause_on_squeezenet(quick=quick, lab=lab),
            *frames_painted(quick=quick, lab=lab),
            *drawn(quick=quick, lab=lab),
            *growth(quick=quick, lab=lab),
        ]


# --- the kernel's time -----------------------------------------------------------------------------------------------


def cost_on_screen(*, quick: bool, lab: Lab | None = None) -> list[Row]:
    """What the kernel spends on a step of SqueezeNet with the widget on screen, against one that no browser knows.

    The browser takes turns with the computing threads on the same cores, which makes their own work slower too (caches,
    threads that spin while they wait). So a row of its own tells what the threads spent that only send and receive.
    """
    pairs, steps = (2, 60) if quick else (12, 150)
    with laboratory(lab) as open_lab, bench(open_lab, "cost", SQUEEZENET.format(steps), TWIN) as opened:
        opened.do("kernel.run_both(widget, twin, 1)")  # the first frames, and the clock of the processor
        both = opened.ask(f"kernel.run_both(widget, twin, {pairs})")
        frames = [_rate(opened, "picture", shown["began"], shown["ended"]) for shown, _ in both]
    if any(headless["sent"] for _, headless in both):
        raise RuntimeError("The headless widget sent frames: there is nothing to compare with.")
    against = "a widget in the same kernel that no browser knows"
    name = "per step of SqueezeNet with the widget on screen at full frame rate, over headless"
    telling = [1 + (shown["telling"] - headless["telling"]) / headless["cpu"] for shown, headless in both]
    cpu, wall = ([shown[kind] / headless[kind] for shown, headless in both] for kind in ("cpu", "wall"))
    detail: dict[str, Any] = {"steps": steps, "frames_per_second": frames, "runs": both}
    return [
        row(f"kernel CPU seconds {name}", against, cpu, most=1.05, **detail),
        row(f"kernel CPU seconds {name}, of sending and receiving alone", against, telling),
        row(f"wall-clock seconds {name}", against, wall),
    ]


def _rate(opened: Bench, canvas: str, began: float, ended: float) -> float:
    """Frames per second painted between two times."""
    return opened.paints(canvas, began, ended) / (ended - began)


# --- pausing ---------------------------------------------------------------------------------------------------------


def pause_on_digits(*, quick: bool, lab: Lab | None = None) -> Row:
    """From a click on Pause to the last step, on the bundled digit network as fast as it goes."""
    return _pause("digits", DIGITS, 5 if quick else 50, lab)


def pause_on_squeezenet(*, quick: bool, lab: Lab | None = None) -> Row:
    """From a click on Pause to the last step, on SqueezeNet as fast as it goes."""
    return _pause("SqueezeNet", SQUEEZENET.format(""), 5 if quick else 50, lab)


def _pause(network: str, cell: str, clicks: int, lab: Lab | None) -> Row:
    with laboratory(lab) as open_lab, bench(open_lab, f"pause-{network}", cell) as opened:
        opened.do("log = kernel.CallLog(widget)")
        opened.view.press("Run", then="running")
        for _ in range(clicks):
            _pause_and_go_on(opened)
        opened.view.press("Pause", then="paused")  # does not count: nothing tells which step would be too late for it
        ends, pauses, calls = (opened.ask(f"log.{what}") for what in ("ends", "pauses", "calls"))
        moments = _moments(opened.clicks())
    if len(moments) != clicks:
        raise RuntimeError(f"{clicks} clicks on Pause were made, and the page noted {len(moments)}.")
    last_steps = [1000 * (_last(ends, *moment) - moment[0]) for moment in moments]
    told = [1000 * (_last(pauses, *moment) - moment[0]) for moment in moments]
    # The status may say so before the step in hand has ended, or after it: whichever comes later counts.
    latencies = [max(both) for both in zip(last_steps, told, strict=True)]
    step = 1000 * statistics.median(seconds / steps for steps, seconds in calls)
    return row(
        f"Pause clicked to the last step, p95 of {clicks} clicks: {network}",
        f"{MOST_PAUSE_MS} ms and one step",
        [float(np.percentile(latencies, 95))],
        most=round(MOST_PAUSE_MS + step, 1),
        unit="ms",
        step_ms=step,
        median=statistics.median(latencies),
        clicks=latencies,
        to_last_step=last_steps,
        to_status=told,
    )


def _pause_and_go_on(opened: Bench) -> None:
    """Click Pause at a random moment of a run, wait until the page says so, and run on."""
    view = opened.view
    view.wait_beyond(view.iteration)
    opened.notebook.page.wait_for_timeout(np.random.default_rng().uniform(200, 1000))
    view.press("Pause", then="paused")
    view.press("Run", then="running")


def _moments(clicks: list[tuple[str, float]]) -> list[tuple[float, float]]:
    """For each click on Pause, its time and the time of the click on Run that followed; the last one had none."""
    return [(at, later) for (name, at), (_, later) in itertools.pairwise(clicks) if name == "Pause"]


def _last(times: list[float], clicked: float, resumed: float) -> float:
    """The last of these times before the run went on; the click's own if nothing came after it."""
    return max([clicked, *(at for at in times if at < resumed)])


# --- frames ----------------------------------------------------------------------------------------------------------


def frames_painted(*, quick: bool, lab: Lab | None = None) -> list[Row]:
    """Frames painted at 224 x 224 RGB and 500 steps/s, against a bare canvas in the same page; and those in flight."""
    rounds, seconds = (2, 2.0) if quick else (8, 5.0)
    with laboratory(lab) as open_lab, bench(open_lab, "frames", QUICK_STEPS, IDLE, BESIDE) as opened:
        measured = [_paint_all(opened, seconds) for _ in range(rounds)]
        in_flight = opened.ask("widget.most_in_flight")
    name = "frames/s painted at 224 px RGB at 500 steps/s"
    bare = "pictures of that size on a bare canvas in the same page, from a kernel that computes"
    return [
        row(f"{name}, over bare", f"{bare} the same", _ratios(measured, "beside"), least=0.9, rounds=measured),
        row(f"{name}, over bare and idle", f"{bare} nothing", _ratios(measured, "idle")),
        row(
            "most messages in flight at 224 px RGB at 500 steps/s",
            "the window of the stream",
            [float(in_flight)],
            most=stream.WINDOW,
            unit="messages",
        ),
    ]


def _ratios(measured: list[dict[str, float]], bare: str) -> list[float]:
    return [rates["widget"] / rates[bare] for rates in measured]


def _paint_all(opened: Bench, seconds: float) -> dict[str, float]:
    """Frames per second of the widget and of both bare canvases, and the widget's steps per second."""
    widget, steps = _paint_widget(opened, seconds)
    bare = {canvas: _paint_bare(opened, canvas, seconds) for canvas in ("idle", "beside")}
    return {"widget": widget, "steps": steps, **bare}


def _paint_widget(opened: Bench, seconds: float) -> tuple[float, float]:
    """Frames and steps per second of the widget."""
    view = opened.view
    opened.look(view.part("picture"))
    view.press("Run", then="running")
    view.wait_beyond(view.iteration + 50)
    before = view.iteration
    frames, window = _painted(opened, "picture", seconds)
    steps = (view.iteration - before) / window
    view.press("Pause", then="paused")
    return frames, steps


def _paint_bare(opened: Bench, canvas: str, seconds: float) -> float:
    """Frames per second of a bare canvas; a click starts it and another one stops it."""
    page = opened.notebook.page
    element = page.get_by_test_id(canvas)
    opened.look(element)
    element.click()
    page.wait_for_function("([name, begun]) => probe.paints[name]?.at(-1) > begun", arg=[canvas, opened.now()])
    frames, _ = _painted(opened, canvas, seconds)
    element.click()
    return frames


def _painted(opened: Bench, canvas: str, seconds: float) -> tuple[float, float]:
    """Frames painted per second in a window of time, and the seconds it had in the end."""
    began = opened.now()
    opened.notebook.page.wait_for_timeout(1000 * seconds)
    ended = opened.now()
    return _rate(opened, canvas, began, ended), ended - began


# --- drawing ---------------------------------------------------------------------------------------------------------


def drawn(*, quick: bool, lab: Lab | None = None) -> list[Row]:
    """What drawing a frame takes with chart, table and film of few iterations, and of many."""
    many, seconds = (5_000, 2) if quick else (100_000, 8)
    found = []
    with laboratory(lab) as open_lab, bench(open_lab, "drawn", QUICK_STEPS) as opened:
        for count, most in ((1_000, None), (many, 8.0)):
            opened.do(f"kernel.run_to(widget, {count})")
            opened.look(opened.view.part("picture"))
            opened.view.press("Run", then="running")
            opened.draws()
            times = [_milliseconds_a_frame(opened, seconds) for _ in range(2 if quick else 5)]
            opened.view.press("Pause", then="paused")
            median, late = zip(*times, strict=True)
            name = f"drawing of a frame at 500 steps/s after {count:,} iterations"
            found += [row(name, "", median, most=most, unit="ms"), row(f"{name}, p95", "", late, unit="ms")]
    return found


def _milliseconds_a_frame(opened: Bench, seconds: float) -> tuple[float, float]:
    """Median and 95th percentile of a while."""
    opened.notebook.page.wait_for_timeout(1000 * seconds)
    median, late = np.percentile(opened.draws(), [50, 95])
    return float(median), float(late)


# --- memory ----------------------------------------------------------------------------------------------------------


def growth(*, quick: bool, lab: Lab | None = None) -> list[Row]:
    """How much kernel and page grow in minutes at 500 steps/s, beyond the rows of losses that are kept by design."""
    warm_up, seconds = (3, 20) if quick else (60, 300)
    with laboratory(lab) as open_lab, bench(open_lab, "growth", QUICK_STEPS) as opened:
        opened.look(opened.view.part("picture"))
        before, after = (_run_for(opened, length) for length in (warm_up, seconds))
    steps = after["steps"] - before["steps"]
    kept = KEPT_TWICE * ROW_BYTES * steps / 2**20
    detail: dict[str, Any] = {"before": before, "after": after, "rows": steps, "rows_kept_mb": kept}
    return [
        row(
            f"growth of {what} in {seconds:g} s at 500 steps/s, beyond the rows kept",
            "nothing",
            [after[part] - before[part] - kept],
            most=MOST_GROWTH,
            unit="MB",
            **detail,
        )
        for part, what in (("kernel", "kernel memory"), ("heap", "browser heap"))
    ]


def _run_for(opened: Bench, seconds: float) -> dict[str, float]:
    """Run for some seconds; the megabytes after that, when everything is drawn and nothing runs."""
    opened.view.press("Run", then="running")
    opened.notebook.page.wait_for_timeout(1000 * seconds)
    opened.view.press("Pause", then="paused")
    # In one cell, as each that is added makes the page's heap half a megabyte larger.
    steps, kernel = opened.ask("[widget.iteration, kernel.memory()]")
    opened.view.expect_iterations(steps)
    return {"steps": steps, "kernel": kernel, "heap": opened.heap()}
