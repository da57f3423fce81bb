"""A view of ActMaxWidget in the page, as the browser tests see it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Locator, TimeoutError, expect  # noqa: A004 - what it raises

from tests.browser.lab import OpenNotebook

Pixels = npt.NDArray[np.uint8]

ITERATION_BEYOND = "([root, iteration]) => Number(root.dataset.iteration) > iteration"
STATUSES_FROM_NOW = """root => {
    root.statusesSeen = [];
    let last = root.dataset.status;
    const note = () => {
        if (root.dataset.status !== last) root.statusesSeen.push(last = root.dataset.status);
    };
    new MutationObserver(note).observe(root, {attributeFilter: ['data-status']});
}"""
# The first ancestor that is not transparent gives the colour behind the widget.
COLOURS = """root => {
    let behind = root;
    while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
    const channels = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
    return [getComputedStyle(root).color, getComputedStyle(behind).backgroundColor].map(channels);
}"""


@dataclass(frozen=True)
class WidgetView:
    """One view: its element in the page, and what a person reads off it."""

    root: Locator

    @property
    def iteration(self) -> int:
        """The iteration of the picture that is drawn."""
        return int(self.root.get_attribute("data-iteration") or 0)

    @property
    def rows(self) -> int:
        """The number of rows of the table, shown or to be scrolled to."""
        return int(self.part("table").get_attribute("data-rows") or 0)

    def part(self, name: str) -> Locator:
        """Give the part with the test id `name`."""
        return self.root.get_by_test_id(name)

    def button(self, name: str) -> Locator:
        """Give the button that a person knows by `name`."""
        return self.root.get_by_role("button", name=name, exact=True)

    def open_tab(self, name: str) -> None:
        """Open the tab with the test id `tab-name`, where the drawer has tabs."""
        tab = self.part(f"tab-{name}")
        if tab.is_visible():
            tab.click()
            expect(tab).to_have_attribute("aria-selected", "true")

    def press(self, name: str, *, then: str) -> None:
        """Press a button, and wait until the status is `then`."""
        self.button(name).click()
        self.expect_status(then)

    def expect_status(self, status: str, *, seconds: float = 60) -> None:
        """Wait until the status is `status`."""
        expect(self.root).to_have_attribute("data-status", status, timeout=seconds * 1000)

    def expect_iterations(self, iterations: int) -> None:
        """Wait until the picture of this iteration is drawn, and the table has exactly that many rows."""
        expect(self.root).to_have_attribute("data-iteration", str(iterations))
        expect(self.part("table")).to_have_attribute("data-rows", str(iterations))

    def expect_enabled(self, *names: str) -> None:
        """Wait until exactly these of the four buttons can be pressed."""
        for name in ("Run", "Pause", "Step", "Reset"):
            expect(self.button(name)).to_be_enabled(enabled=name in names)

    def wait_beyond(self, iteration: int) -> None:
        """Wait until a picture beyond `iteration` is drawn."""
        for _ in range(20):  # JupyterLab may take the element away and make another one, as after a reload
            element = self.root.element_handle()
            with contextlib.suppress(TimeoutError):
                self.root.page.wait_for_function(ITERATION_BEYOND, arg=[element, iteration], timeout=3000)
                return
        raise AssertionError(f"The picture of iteration {self.iteration} is shown, and none beyond {iteration}.")

    def wait_for_rows(self, rows: int) -> None:
        """Wait until the table has at least so many rows: while a run goes it comes after the picture."""
        self.root.page.wait_for_function(
            "([table, rows]) => Number(table.dataset.rows) >= rows", arg=[self.part("table").element_handle(), rows]
        )

    def pixels(self) -> Pixels:
        """Give the picture as drawn, height x width x 4, 0 to 255."""
        height, width, values = self.part("picture").evaluate(
            "c => [c.height, c.width, [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]]"
        )
        return np.array(values, np.uint8).reshape(height, width, 4)

    def roughness(self) -> float:
        """Give the mean absolute difference of neighbouring pixels: the picture's total variation a pixel."""
        grey = self.pixels()[..., :3].astype(float).mean(-1)
        return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean())

    def note_statuses(self) -> None:
        """Note from now on each status that the view goes through."""
        self.root.evaluate(STATUSES_FROM_NOW)

    def statuses_noted(self) -> list[str]:
        """Give the statuses since `note_statuses`, in their order."""
        noted: list[str] = self.root.evaluate("root => root.statusesSeen")
        return noted

    def colours(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Give the colours of the text and of what is behind it, each red, green, blue from 0 to 255."""
        text, behind = self.root.evaluate(COLOURS)
        return np.array(text, float), np.array(behind, float)

    def choose(self, *, layer: str | None = None, filters: Any = None) -> None:
        """Choose a layer by its name, and filters as a person would type them."""
        if layer is not None:
            self.part("layer").select_option(layer)
        if filters is not None:
            self.part("filters").fill(str(filters))
            self.part("filters").press("Enter")


def iterations_of(notebook: OpenNotebook) -> int:
    """Ask the kernel, through a cell, how many iterations were made."""
    return int(notebook.ask("print(widget.iteration)"))
