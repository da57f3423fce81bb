"""A saved notebook is whole: in mid-run, with tiles, without a kernel, untrusted, and as a page without a network."""

import nbformat
import numpy as np
from nbconvert import HTMLExporter
from playwright.sync_api import Page, expect

from tests.browser.lab import ARTIFACTS, open_notebook, reopen_without_kernel
from tests.browser.test_tiles import TILE_PIXELS, tile
from tests.browser.view import WidgetView

CARD = '.jp-RenderedImage img[src*="AAAAFnRFWHRTb2Z0d2FyZQBhY3RtYXhfd2lkZ2V0"]'
OFTEN = "from actmax_widget.view import widget as module; module.KEEP_SECONDS = 0.3"
LEAST = 240
PAINTED = "() => [...document.querySelectorAll('.actmax-tile canvas')].every(canvas => canvas.width > 1)"


def shown_large(page: Page) -> None:
    """The picture stands in the page, whole, and at least 240 px wide or high."""
    card = page.locator(CARD)
    expect(card).to_have_count(1)
    expect(card).to_be_visible()
    width, height, loaded = card.evaluate("i => [i.width, i.height, i.complete && i.naturalWidth > 0]")
    assert loaded
    assert max(width, height) >= LEAST


def test_beside_a_live_widget_the_picture_for_others_is_hidden_and_renewed(next_widget):
    notebook, view = next_widget("max_iter=40")
    card = notebook.page.locator(CARD)
    expect(card).to_have_count(1)
    expect(card).to_be_hidden()
    at_first = card.get_attribute("src")
    view.root.evaluate("root => { root.isTheSame = true; }")
    view.press("Run", then="finished")
    expect(card).not_to_have_attribute("src", at_first or "")
    assert view.root.evaluate("root => root.isTheSame")  # no view was made anew
    expect(card).to_be_hidden()


def test_saved_with_tiles_and_opened_without_a_kernel_untrusted_and_as_a_page_without_a_network(
    first_widget, lab, browser
):
    notebook, view = first_widget("max_iter=60")
    view.press("Run", then="finished")
    view.part("all-filters").click()
    expect(view.part("tiles")).to_have_attribute("data-status", "finished", timeout=60_000)
    before = [tile(view, number).evaluate(TILE_PIXELS) for number in range(10)]
    notebook.ask("1")  # what was sent before it has come
    reopened = reopen_without_kernel(notebook, lab)
    view = WidgetView(reopened.widget)
    view.expect_iterations(60)
    expect(view.part("tiles")).to_have_attribute("data-done", "10")
    view.part("tiles").scroll_into_view_if_needed()  # what nobody sees is not painted
    reopened.page.wait_for_function(PAINTED)
    after = [tile(view, number).evaluate(TILE_PIXELS) for number in range(10)]
    assert np.abs(np.array(before) - np.array(after)).max() <= 1
    view.root.screenshot(path=ARTIFACTS / "reopened.png")

    saved = nbformat.read(lab.folder / reopened.name, as_version=4)
    page, _ = HTMLExporter().from_notebook_node(saved)
    (ARTIFACTS / "saved.html").write_text(page)
    context = browser.new_context(offline=True)
    offline = context.new_page()
    offline.goto((ARTIFACTS / "saved.html").as_uri(), wait_until="domcontentloaded")
    shown_large(offline)
    offline.screenshot(path=ARTIFACTS / "offline.png")
    context.close()

    # Another's notebook, and without the state of its widgets, which JupyterLab saves only where that is switched on.
    saved.metadata.pop("widgets")
    saved.cells[0].source += "  # by somebody else"
    nbformat.write(saved, lab.folder / "untrusted.ipynb")
    reopened = open_notebook(notebook.page, lab, "untrusted.ipynb")
    shown_large(reopened.page)


def test_saved_in_mid_run_it_is_of_one_moment(first_widget, lab):
    notebook, view = first_widget("max_iter=100_000")
    notebook.ask(OFTEN)
    view.press("Run", then="running")
    view.wait_beyond(60)
    view = WidgetView(reopen_without_kernel(notebook, lab).widget)
    expect(view.root).to_contain_text("Not connected to a kernel")
    made = view.rows
    assert made > 0
    view.expect_iterations(made)
    row = view.part("table").get_by_role("row").last
    expect(row).to_contain_text(str(made))
    assert view.pixels()[..., 0].std() > 5
