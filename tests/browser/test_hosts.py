"""The main path in Notebook 7 and in Voila: run, vary a weight, pause, all filters, reload."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.boxes import faults
from tests.browser.lab import ARTIFACTS, QUICK, open_notebook, serve, write_notebook
from tests.browser.view import WidgetView

CELL = f"import actmax_widget as am\nwidget = am.ActMaxWidget({QUICK}max_iter=100_000)\nwidget"
# The picture of the last row.
ALL_IS_HERE = "root => root.dataset.iteration === root.querySelector('[role=table]').dataset.rows"
NAME = "host.ipynb"


@pytest.fixture(scope="session")
def notebook7(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("notebook"), "notebook") as server:
        write_notebook(server.folder / NAME, [CELL])
        yield server


@pytest.fixture(scope="session")
def voila(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("voila"), "voila") as server:
        write_notebook(server.folder / NAME, [CELL])
        yield server


def run_vary_pause_and_tiles(page: Page) -> WidgetView:
    """Take the main path; what is shown at its end stands still."""
    view = WidgetView(page.locator(".actmax"))
    expect(view.root).to_be_visible(timeout=90_000)
    view.expect_status("ready")
    assert faults(view.root) == []
    view.press("Run", then="running")
    view.wait_beyond(30)
    rough = view.roughness()
    field = view.part("tv-weight-value")
    field.fill("900")
    field.press("Enter")
    view.wait_beyond(view.iteration + 60)
    assert view.roughness() < rough
    view.press("Pause", then="paused")
    page.wait_for_function(ALL_IS_HERE, arg=view.root.element_handle())

    view.open_tab("more")
    view.part("max-iter").fill("20")
    view.part("max-iter").press("Enter")
    view.part("all-filters").click()
    expect(view.part("tiles")).to_have_attribute("data-status", "finished", timeout=60_000)
    expect(view.part("tiles")).to_have_attribute("data-done", "10")
    assert faults(view.root) == []
    return view


def test_notebook_7(notebook7, page):
    notebook = open_notebook(page, notebook7, NAME)
    notebook.run(0)
    view = run_vary_pause_and_tiles(page)
    page.screenshot(path=ARTIFACTS / "notebook7.png")
    made, picture = view.iteration, view.pixels()
    notebook.save()
    notebook.reload()
    view.expect_iterations(made)
    assert (view.pixels() == picture).all()
    expect(view.part("tiles")).to_have_attribute("data-done", "10")
    notebook.shut_down_kernels()
    expect(view.part("not-connected")).to_contain_text("shut down")


def test_voila(voila, page):
    page.goto(voila.address(NAME))
    view = run_vary_pause_and_tiles(page)
    page.screenshot(path=ARTIFACTS / "voila.png")
    page.reload()  # which is another kernel there
    expect(view.root).to_be_visible(timeout=90_000)
    view.expect_status("ready")
    view.press("Step", then="paused")
    view.expect_iterations(1)
