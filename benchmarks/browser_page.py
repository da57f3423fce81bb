"""A JupyterLab in Chromium for :mod:`benchmarks.browser`, and what can be read off its page.

Times are seconds of the system's clock, which the kernel on the same machine has too.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, expect, sync_playwright

from tests.browser.lab import ROOT, LabServer, OpenNotebook, launch, open_notebook, serve, write_notebook
from tests.browser.view import WidgetView

IMPORT = f"import json, sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom benchmarks import browser_kernel as kernel"
PATIENCE = 120_000
"""Milliseconds that anything may take; two cores run the browser, the server and TensorFlow."""
ANSWER = "answer: "
"""Before what a cell prints for us; TensorFlow may print as well."""

# Two pictures put onto a canvas before the screen shows either count once: the document's time stands still meanwhile.
# A click's own time is when the browser got it, which its listeners may be told of later.
PROBE = """(() => {
    const paints = {}, frames = {};
    const put = CanvasRenderingContext2D.prototype.putImageData;
    CanvasRenderingContext2D.prototype.putImageData = function (...args) {
        put.apply(this, args);
        const name = this.canvas.dataset.testid, frame = document.timeline.currentTime;
        if (frames[name] !== frame) (paints[name] ??= []).push(Date.now() / 1000);
        frames[name] = frame;
    };
    const clicks = [];
    addEventListener('click', event => {
        const button = event.isTrusted && event.target.closest('.actmax button');
        const ago = performance.now() - event.timeStamp;
        if (button) clicks.push([button.textContent, (Date.now() - ago) / 1000]);
    }, true);
    const draws = [], request = requestAnimationFrame;
    window.requestAnimationFrame = draw => request(time => {
        const before = paints.picture?.length, began = performance.now();
        draw(time);
        if (paints.picture?.length !== before) draws.push(performance.now() - began);
    });
    window.probe = {paints, clicks, draws};
})()"""


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab and a browser."""

    server: LabServer
    browser: Browser


@dataclass(frozen=True)
class Bench:
    """A notebook with the widget on screen, and its kernel with :mod:`benchmarks.browser_kernel` as ``kernel``."""

    notebook: OpenNotebook
    view: WidgetView

    def do(self, source: str) -> str:
        """Run `source` in the kernel to its end, and have the picture on the screen again; what it printed."""
        text = self.notebook.ask(source)
        self.look(self.view.part("picture"))
        return text

    def ask(self, expression: str) -> Any:
        """The value of an expression in the kernel, as far as JSON can tell it."""
        text = self.do(f"print({ANSWER!r} + json.dumps({expression}))")
        return json.loads(next(line for line in text.splitlines() if line.startswith(ANSWER))[len(ANSWER) :])

    def look(self, canvas: Locator) -> None:
        """Have a canvas on the screen, as a browser may save itself the trouble with others."""
        canvas.scroll_into_view_if_needed()
        expect(canvas).to_be_in_viewport(ratio=0.95)

    def paints(self, name: str, began: float, ended: float) -> int:
        """How many frames of the screen brought another picture to the canvas with that test id, between two times."""
        count: int = self.notebook.page.evaluate(
            "([name, began, ended]) => (probe.paints[name] ?? []).filter(t => began < t && t <= ended).length",
            [name, began, ended],
        )
        return count

    def clicks(self) -> list[tuple[str, float]]:
        """Each click on one of the widget's buttons: the button's name and the time."""
        return [(name, at) for name, at in self.notebook.page.evaluate("() => probe.clicks")]

    def draws(self) -> list[float]:
        """Milliseconds of each drawing of a frame since this was asked last, what it had the page lay out included."""
        found: list[float] = self.notebook.page.evaluate("() => probe.draws.splice(0)")
        return found

    def now(self) -> float:
        """The page's time."""
        now: float = self.notebook.page.evaluate("() => Date.now() / 1000")
        return now

    def heap(self) -> float:
        """Megabytes of the page's heap after collecting garbage, with what lies outside: buffers and elements."""
        page = self.notebook.page
        session = page.context.new_cdp_session(page)
        session.send("HeapProfiler.collectGarbage")
        usage = session.send("Runtime.getHeapUsage")
        session.detach()
        parts = ("usedSize", "embedderHeapUsedSize", "backingStorageSize")
        return float(sum(usage.get(part, 0) for part in parts)) / 2**20


def laboratory(lab: Lab | None = None) -> AbstractContextManager[Lab]:
    """The given laboratory, or one that is opened and closed again."""
    return contextlib.nullcontext(lab) if lab else _laboratory()


@contextmanager
def _laboratory() -> Iterator[Lab]:
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        serve(Path(folder)) as server,
        sync_playwright() as playwright,
        launch(playwright) as browser,
    ):
        yield Lab(server, browser)


@contextmanager
def bench(lab: Lab, name: str, *cells: str) -> Iterator[Bench]:
    """A new notebook with these cells run, one of which shows an ActMaxWidget called ``widget``.

    Raises:
        RuntimeError: there was an uncaught error in the page.
    """
    errors: list[str] = []
    context = lab.browser.new_context(viewport={"width": 1280, "height": 1500})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(PROBE)
    page.on("pageerror", lambda error: errors.append(str(error)))
    write_notebook(lab.server.folder / f"{name}.ipynb", [IMPORT, *cells])
    try:
        notebook = open_notebook(page, lab.server, f"{name}.ipynb")
        for index in range(len(cells) + 1):
            notebook.run(index)
        yield Bench(notebook, WidgetView(notebook.widget))
    finally:
        page.evaluate("() => window.jupyterapp?.serviceManager.sessions.shutdownAll()")
        context.close()
    if errors:
        raise RuntimeError(f"The page had an error: {errors[0]}")
