"""What the benchmarks of :mod:`benchmarks.browser` run inside the notebook's kernel: it is imported there by a cell.

Everything is seen from outside of the product: messages where they leave and arrive, calls where they begin and end.
Times are seconds of :func:`time.time`, the clock that the kernel shares with the browser of the same machine.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
import pathlib
import threading
import time
from typing import Any
from unittest import mock

import anywidget
import comm
import keras
import numpy as np
import psutil
import traitlets

import actmax_widget as am
from actmax_widget.view import stream
from benchmarks import networks

SIDE = 224
MANY = 10**8
"""Iterations that no benchmark comes to the end of."""
MEGABYTE = 2**20

Cost = dict[str, float]
"""Of a run: when it began and ended, frames sent; seconds a step of the processor (all, and telling), on the wall."""


class WatchedWidget(am.ActMaxWidget):
    """The widget, with the frames counted that it sends.

    Attributes:
        sent: frames sent.
        most_in_flight: most frames that were sent and not acknowledged at a time.
    """

    def __init__(self, model: Any = None, layer: Any = None, **parameters: Any) -> None:
        self.sent = self.most_in_flight = self._newest = self._acknowledged = 0
        # Before the widget listens itself: a receipt is noted before it can set off the next frame.
        self.on_msg(self._note_receipt)
        super().__init__(model, layer, **parameters)

    def send(self, content: Any, buffers: Any = None) -> None:
        """Send, and count it if it is something that is acknowledged."""
        if "seq" in content:
            self.sent += 1
            self._newest = content["seq"]
            self.most_in_flight = max(self.most_in_flight, self._newest - self._acknowledged)
        super().send(content, buffers)

    def _note_receipt(self, _: Any, content: dict[str, Any], __: Any) -> None:
        if content.get("type") == "receipt":
            self._acknowledged = content["seq"]
        elif content.get("type") == "hello":  # from a page that was just loaded: what was on its way is gone
            self._acknowledged = self._newest


class BareCanvas(anywidget.AnyWidget):
    """The least that brings pictures of 224 x 224 RGB to a canvas: the frame rate and the window are the widget's own.

    A click on the canvas starts it, and another one stops it.

    Args:
        test_id: of the canvas.
        beside: a widget that runs meanwhile, so that the kernel computes as much as with the real one.
    """

    _esm = """
    function render({ model, el }) {
        const canvas = document.createElement("canvas");
        canvas.width = canvas.height = SIDE;
        canvas.dataset.testid = model.get("test_id");
        el.append(canvas);
        const context = canvas.getContext("2d");
        const image = context.createImageData(SIDE, SIDE);
        model.on("msg:custom", (_, [rgb]) => {
            for (let from = 0, to = 0; from < rgb.byteLength; from += 3, to += 4) {
                image.data[to] = rgb.getUint8(from);
                image.data[to + 1] = rgb.getUint8(from + 1);
                image.data[to + 2] = rgb.getUint8(from + 2);
                image.data[to + 3] = 255;
            }
            context.putImageData(image, 0, 0);
            model.send("receipt");
        });
        canvas.addEventListener("click", () => {
            model.set("running", !model.get("running"));
            model.save_changes();
        });
    }
    export default { render };
    """.replace("SIDE", str(SIDE))
    running = traitlets.Bool(default_value=False).tag(sync=True)
    test_id = traitlets.Unicode().tag(sync=True)

    def __init__(self, test_id: str, beside: WatchedWidget | None = None) -> None:
        super().__init__(test_id=test_id)
        self._beside = beside
        self._room = threading.Semaphore(stream.WINDOW)
        self._runs = threading.Event()
        self.on_msg(lambda *_: self._room.release())
        threading.Thread(target=self._stream, daemon=True).start()

    @traitlets.observe("running")
    def _on_running(self, change: Any) -> None:
        (self._runs.set if change["new"] else self._runs.clear)()
        if self._beside:
            (self._beside.start if change["new"] else self._beside.pause)()

    def _stream(self) -> None:
        pictures = np.random.default_rng(0).integers(0, 256, (8, SIDE, SIDE, 3), np.uint8)
        for number in range(MANY):
            self._runs.wait()
            self._room.acquire(timeout=stream.SILENCE)
            sent_at = time.monotonic()
            self.send("picture", [pictures[number % len(pictures)].tobytes()])
            time.sleep(max(0.0, sent_at + stream.FRAME - time.monotonic()))


class CallLog:
    """When the kernel computed, and when it said that it was paused.

    Attributes:
        ends: for each compiled call that made steps, the time of its end: no step was made later.
        calls: for each of them, the number of steps and the seconds it took.
        pauses: times at which the status became "paused" for whoever observes it in the kernel.
    """

    def __init__(self, widget: am.ActMaxWidget) -> None:
        self.ends: list[float] = []
        self.calls: list[tuple[int, float]] = []
        self.pauses: list[float] = []
        self._run = widget._run  # noqa: SLF001 - the only place where a call's end can be seen
        self._advance = self._run.advance
        self._run.advance = self._noting_advance
        widget.observe(self._note_status, "status")

    def _noting_advance(self) -> float | None:
        made, began = self._run.iteration, time.time()
        delay: float | None = self._advance()
        now = time.time()
        if self._run.iteration > made:
            self.ends.append(now)
            self.calls.append((self._run.iteration - made, now - began))
        return delay

    def _note_status(self, change: Any) -> None:
        if change["new"] == "paused":
            self.pauses.append(time.time())


def squeezenet(max_iter: int = MANY) -> WatchedWidget:
    """The widget on SqueezeNet 1.1, as fast as it goes, already compiled."""
    model = networks.squeezenet()
    return compiled(WatchedWidget(model, "logits", steps_per_second=None, max_iter=max_iter))


def digits() -> WatchedWidget:
    """The widget on the bundled digit network, as fast as it goes, already compiled."""
    return compiled(WatchedWidget(am.demo.digits(), steps_per_second=None, max_iter=MANY))


def run_to(widget: Any, iterations: int) -> None:
    """Make so many iterations as fast as they can be made, and pause."""
    speed, widget.steps_per_second = widget.steps_per_second, None
    widget.start()
    while widget.run.iteration < iterations:
        time.sleep(0.05)
    widget.pause()
    widget.wait(60)
    widget.steps_per_second = speed


def quick_steps() -> WatchedWidget:
    """The widget at 500 steps/s on a network that costs next to nothing at 224 x 224 RGB, already compiled.

    By a recipe that costs as little: a step of natural alone takes 6 ms there.
    """
    inputs = keras.Input((SIDE, SIDE, 3))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(10, name="out")(mean), name="mean")
    return compiled(WatchedWidget(model, "out", preset="keras-vis", steps_per_second=500, max_iter=MANY))


def compiled(widget: WatchedWidget) -> WatchedWidget:
    """Make the first step, for which TensorFlow sets up everything, and go back to the start."""
    widget.step()
    widget.reset()
    return widget


def headless_twin(widget: WatchedWidget) -> WatchedWidget:
    """A widget like this one, with the same compiled steps, of which no browser knows.

    Its comm leads nowhere, as in a plain script. To leave out the display would not do: the front end makes every
    widget's model, which then asks for frames until it turns out that nothing draws them.
    """
    settings = {name: getattr(widget, name) for name in ("preset", "max_iter", "steps_per_second")}
    with mock.patch("comm.create_comm", comm.DummyComm):
        return compiled(WatchedWidget(widget.model, widget.layer, **settings))


def run(widget: WatchedWidget) -> Cost:
    """Make the next ``max_iter`` steps; what the whole kernel spent on them, its sending and receiving too."""
    sent, iteration, telling = widget.sent, widget.iteration, _telling()
    began, wall, cpu = time.time(), time.perf_counter(), time.process_time()
    widget.start()
    widget.wait()
    cpu, wall, telling = time.process_time() - cpu, time.perf_counter() - wall, _telling() - telling
    spent = {"cpu": cpu, "wall": wall, "telling": telling}
    steps = widget.iteration - iteration
    per_step = {kind: seconds / steps for kind, seconds in spent.items()}
    return {"began": began, "ended": time.time(), "sent": widget.sent - sent, **per_step}


def _telling() -> float:
    """CPU seconds so far of the threads that do not compute: the widget's sender, Jupyter's and ZeroMQ's."""
    python = {thread.native_id for thread in threading.enumerate() if thread.name != "actmax-worker"}
    threads = psutil.Process().threads()
    return sum(one.user_time + one.system_time for one in threads if one.id in python or _is_of_zeromq(one.id))


def _is_of_zeromq(thread: int) -> bool:
    name = pathlib.Path(f"/proc/self/task/{thread}/comm")
    return name.exists() and name.read_text().startswith("ZMQ")


def run_both(shown: WatchedWidget, headless: WatchedWidget, pairs: int) -> list[tuple[Cost, Cost]]:
    """Run both in turn, ``pairs`` times, each first every other time: what :func:`run` says of shown and headless."""
    results = []
    for pair in range(pairs):
        first, second = (shown, headless) if pair % 2 else (headless, shown)
        costs = {id(first): run(first), id(second): run(second)}
        results.append((costs[id(shown)], costs[id(headless)]))
    return results


def memory() -> float:
    """Megabytes that the kernel holds, without what is free already but not given back."""
    gc.collect()
    trim = getattr(ctypes.CDLL(ctypes.util.find_library("c")), "malloc_trim", None)
    if trim:
        trim(0)
    return psutil.Process().memory_info().rss / MEGABYTE
