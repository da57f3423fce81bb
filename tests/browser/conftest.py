"""Fixtures of the browser tests: one JupyterLab and one Chromium for the session.

A test has a notebook of its own (`first_widget`), or, where it leaves page and kernel as they are, the next widget of a
notebook that many share (`next_widget`): a page and a kernel take eight seconds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.lab import (
    ARTIFACTS,
    QUICK,
    SHARED,
    LabServer,
    OpenNotebook,
    chromium,
    end_kernels,
    launch,
    open_notebook,
    serve,
    show_widget,
    write_notebook,
)
from tests.browser.view import WidgetView

# Two cores run the browser, the server and TensorFlow; a first compilation can take seconds.
expect.set_options(timeout=30_000)

# anywidget loads the front end from here. JupyterLab and Notebook 7 have uncaught errors of their own: of requests to a
# kernel that died, of themes changed in a row, of settings.
OURS = "blob:"
LABS = "Error: Canceled future for"
"""JupyterLab's own, and without a stack: what it had asked a kernel that died."""

FirstWidget = Callable[..., tuple[OpenNotebook, WidgetView]]
"""Shows a widget: see `first_widget` and `next_widget`."""


def file_name(test: pytest.Item) -> str:
    """Give the name of a test as a file name."""
    return re.sub(r"\W+", "-", test.name).strip("-")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A real JupyterLab server with settings of its own."""
    with serve(tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium; where there is none the test is skipped, or fails if it must not be."""
    if chromium() is None:
        reason = "Chromium is not installed (Debian: apt-get install chromium)."
        if os.environ.get("ACTMAX_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright, launch(playwright) as launched:
        yield launched


@contextmanager
def watched(browser: Browser, name: str) -> Iterator[Page]:
    """A page of its own; at the end it is pictured, its kernel ended, and an uncaught error in it is one here."""
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 1500})
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(error.stack or str(error)))
    yield page
    page.screenshot(path=ARTIFACTS / f"{name}.png")
    end_kernels(page, [one for one in SHARED if one != f"{name}.ipynb"])
    context.close()
    assert [error for error in errors if OURS in error or not ("\n" in error or error.startswith(LABS))] == []


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page for one test, see `watched`."""
    with watched(browser, file_name(request.node)) as page:
        yield page


@pytest.fixture
def first_widget(page: Page, lab: LabServer, request: pytest.FixtureRequest) -> FirstWidget:
    """A function that runs the first cell of the README, with the given arguments, in a new notebook."""

    def run_first_cell(arguments: str = "") -> tuple[OpenNotebook, WidgetView]:
        name = f"{file_name(request.node)}.ipynb"
        write_notebook(
            lab.folder / name, [f"import actmax_widget as am\nwidget = am.ActMaxWidget({QUICK}{arguments})\nwidget"]
        )
        notebook = open_notebook(page, lab, name)
        notebook.run(0)
        expect(notebook.widget).to_be_visible()
        return notebook, WidgetView(notebook.widget)

    return run_first_cell


@pytest.fixture(scope="session")
def shared(browser: Browser, lab: LabServer) -> Iterator[OpenNotebook]:
    """A notebook whose last cell shows one widget after the other."""
    with watched(browser, "shared") as page:
        write_notebook(lab.folder / "shared.ipynb", ["import actmax_widget as am", ""])
        notebook = open_notebook(page, lab, "shared.ipynb")
        notebook.run(0)
        yield notebook


@pytest.fixture
def next_widget(shared: OpenNotebook, request: pytest.FixtureRequest) -> Iterator[FirstWidget]:
    """A function that shows another widget, with the given arguments, in place of the one of the test before."""
    shared.page.emulate_media(forced_colors="none", contrast="no-preference")
    shared.command("apputils:change-theme", theme="JupyterLab Light")
    expect(shared.page.locator("body")).to_have_attribute("data-jp-theme-name", "JupyterLab Light")

    def show(arguments: str = "", model: str = QUICK) -> tuple[OpenNotebook, WidgetView]:
        show_widget(shared, arguments, model)
        return shared, WidgetView(shared.widget)

    yield show
    shared.page.screenshot(path=ARTIFACTS / f"{file_name(request.node)}.png")
