"""The pictures of a whole layer, in a real JupyterLab."""

import numpy as np
from playwright.sync_api import expect

from tests.browser.lab import ARTIFACTS
from tests.browser.view import WidgetView

TILE_PIXELS = """tile => {
    const canvas = tile.querySelector('canvas');
    return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data];
}"""

COMPILED = """with widget._run._changed:
    assert widget._run._changed.wait_for(lambda: widget._run._compiled == widget._run.settings.graph(), 60)"""


def tile(view: WidgetView, index: int):
    return view.root.locator(f'.actmax-tile[data-filter="{index}"]')


def finish_tiles(view: WidgetView, count: int) -> None:
    view.part("all-filters").click()
    expect(view.part("tiles")).to_have_attribute("data-status", "finished", timeout=60_000)
    expect(view.part("tiles")).to_have_attribute("data-done", str(count))


def test_all_filters_of_a_layer_fill_in_and_one_is_opened(first_widget):
    notebook, view = first_widget("max_iter=150")
    finish_tiles(view, 10)
    shown = [np.array(tile(view, index).evaluate(TILE_PIXELS)) for index in range(10)]
    assert all(pixels.std() > 10 for pixels in shown)
    assert len({pixels.tobytes() for pixels in shown}) == 10
    view.root.screenshot(path=ARTIFACTS / "tiles.png")
    tile(view, 7).click()
    view.expect_iterations(150)
    expect(view.part("filters")).to_have_value("7")
    np.testing.assert_array_equal(view.pixels().ravel(), shown[7])
    view.press("Run", then="finished")
    view.expect_iterations(300)
    assert notebook.ask("print(len(widget.tiles.histories), widget.tiles.images.shape)").strip() == "10 (10, 28, 28, 1)"
    view.part("tiles-close").click()
    expect(view.part("tiles")).to_be_hidden()


def test_tiles_pause_go_on_and_survive_a_reload(first_widget):
    notebook, view = first_widget("layer='conv3', max_iter=1000")
    view.part("all-filters").click()
    expect(view.part("tiles")).to_have_attribute("data-status", "running", timeout=60_000)
    view.part("tiles-toggle").click()
    expect(view.part("tiles")).to_have_attribute("data-status", "paused")
    made = notebook.ask("print(widget.tiles.histories[0].values.shape[0])")
    assert 0 < int(made) < 1000
    notebook.save()
    notebook.reload()
    view = WidgetView(notebook.widget)
    expect(view.part("tiles")).to_have_attribute("data-status", "paused")
    assert np.array(tile(view, 0).evaluate(TILE_PIXELS)).std() > 0
    view.press("Run", then="running")
    expect(view.part("tiles")).to_have_attribute("data-status", "paused")  # one thing at a time has the processor
    view.wait_beyond(view.iteration + 3)
    view.part("tiles-toggle").click()
    expect(view.part("tiles")).to_have_attribute("data-status", "running")
    view.expect_status("running")
    made = view.iteration
    view.part("pause").click()  # what runs, and that are the tiles
    view.expect_status("paused")
    expect(view.part("tiles")).to_have_attribute("data-status", "paused")
    expect(view.part("message")).to_contain_text("of 64 filters of conv3 made")
    assert view.iteration == made
    view.part("tiles-close").click()
    view.expect_status("paused")
    expect(view.part("message")).to_contain_text(f"Paused after {made} iterations")


def test_the_step_is_compiled_before_run_is_pressed(first_widget):
    notebook, view = first_widget("max_iter=5")
    view.choose(layer="conv2", filters=3)
    notebook.ask(COMPILED)
    view.note_statuses()
    view.press("Run", then="finished")
    assert "compiling" not in view.statuses_noted()
