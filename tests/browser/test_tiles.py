"""Pictures side by side, of a whole layer and of other values, in a real JupyterLab."""

import re

import numpy as np
from playwright.sync_api import expect

import actmax_widget as am
from tests.browser.lab import ARTIFACTS, LabServer, OpenNotebook, reopen_without_kernel
from tests.browser.test_accessible import AXE, expect_nothing_found
from tests.browser.view import WidgetView

TILE_PIXELS = """tile => {
    const canvas = tile.querySelector('canvas');
    return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data];
}"""

COMPILED = """with widget._run._changed:
    assert widget._run._changed.wait_for(lambda: widget._run._compiled == widget._run.settings.graph(), 60)"""


def tile(view: WidgetView, index: int):
    return view.root.locator(f'.actmax-tile[data-index="{index}"]')


def finish_tiles(view: WidgetView, count: int) -> None:
    view.part("all-filters").click()
    expect(view.part("tiles")).to_have_attribute("data-status", "finished", timeout=60_000)
    expect(view.part("tiles")).to_have_attribute("data-done", str(count))


def test_all_filters_of_a_layer_and_other_values_fill_in_and_one_is_opened(first_widget, lab):
    notebook, view = first_widget("max_iter=60")
    finish_tiles(view, 10)
    shown = [np.array(tile(view, index).evaluate(TILE_PIXELS)) for index in range(10)]
    assert all(pixels.std() > 10 for pixels in shown)
    assert len({pixels.tobytes() for pixels in shown}) == 10
    view.root.screenshot(path=ARTIFACTS / "tiles.png")
    tile(view, 7).click()
    view.expect_iterations(60)
    expect(view.part("filters")).to_have_value("7")
    np.testing.assert_array_equal(view.pixels().ravel(), shown[7])
    view.press("Run", then="finished")
    view.expect_iterations(120)
    assert notebook.ask("print(len(widget.tiles.histories), widget.tiles.images.shape)").strip() == "10 (10, 28, 28, 1)"
    vary(view, "tv_weight", then=5)
    labels = view.root.locator(".actmax-tile-name").all_text_contents()
    assert labels[2:4] == ["Total variation 10", "Total variation 25"]
    expect(view.root.locator(".actmax-tile[aria-current]")).to_have_attribute("data-index", "2")
    tile(view, 3).click()
    view.expect_iterations(60)
    expect(view.part("tv-weight-value")).to_have_value("25")
    expect(view.root.locator(".actmax-tile[aria-current]")).to_have_attribute("data-index", "3")
    assert notebook.ask("print(widget.changes[0].changed['tv_weight'], widget.checkpoint().iteration)") == "25.0 60\n"
    expect(view.part("tiles-changed")).to_be_hidden()
    view.choose(filters=3)
    expect(view.part("tiles-changed")).to_have_text("Made with other settings: Filters")

    view.part("vary-open").click()
    view.part("vary").select_option("seed")
    view.part("vary-values").fill("0-2, x")
    view.part("vary-make").click()
    expect(view.part("vary-problem")).to_contain_text('"x" is not a seed')
    expect(view.part("tiles-title")).to_have_text("Total variation")  # nothing is lost
    view.part("vary-values").fill("0-2")
    view.part("vary-by").select_option("jitter")
    view.part("vary-by-values").fill("0, 2")
    picture(notebook, view, "vary")
    view.part("vary-values").press("Enter")
    expect(view.part("tiles-title")).to_have_text("Seed × Jitter")
    expect(view.part("tiles")).to_have_attribute("data-status", "finished", timeout=60_000)
    view.part("tiles-order").select_option("activation")
    shown = view.root.locator(".actmax-tile-activation").all_text_contents()
    assert shown == sorted(shown, key=lambda text: float(text.replace(",", "")), reverse=True)
    sort_and_save(notebook, view)
    tile(view, 5).click()
    expect(view.part("seed")).to_have_value("2")
    picture(notebook, view, "varied")
    look_without_a_kernel(notebook, lab)


def look_without_a_kernel(notebook: OpenNotebook, lab: LabServer) -> None:
    """Open it as whoever finds it later does: the tiles are there, and nothing keeps anybody out."""
    notebook = reopen_without_kernel(notebook, lab)
    view = WidgetView(notebook.widget)
    expect(tile(view, 5)).to_have_text(re.compile(r"Seed 2 · Jitter 2\s*[-\d.]+"))
    assert np.array(tile(view, 5).evaluate(TILE_PIXELS)).std() > 10
    notebook.page.add_script_tag(path=AXE)
    expect_nothing_found(notebook, "disconnected")


def sort_and_save(notebook: OpenNotebook, view: WidgetView) -> None:
    """Sort the tiles of three seeds and two jitters, and take all of them away."""
    view.part("tiles-order").select_option(label="By Jitter")
    labels = view.root.locator(".actmax-tile-name").all_text_contents()
    assert [label.rpartition(" ")[2] for label in labels] == ["0"] * 3 + ["2"] * 3
    with notebook.page.expect_download() as saved:
        view.part("sheet-as").select_option("png")
    assert saved.value.suggested_filename == "digits-out-Seed-Jitter.png"
    assert dict(am.RunFile.of_picture(saved.value.path()).vary) == {"seed": (0, 1, 2), "jitter": (0, 2)}


def picture(notebook: OpenNotebook, view: WidgetView, name: str) -> None:
    """Keep a picture in dark and in light to look at."""
    for theme in ("Dark", "Light"):
        notebook.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-name", f"JupyterLab {theme}")
        expect(notebook.page.locator("#jupyterlab-splash")).to_have_count(0)
        view.root.screenshot(path=ARTIFACTS / f"{name}-{theme.lower()}.png")


def vary(view: WidgetView, name: str, *, then: int) -> None:
    """Vary a number by the values that are proposed, and wait for the pictures."""
    view.part("vary-open").click()
    view.part("vary").select_option(name)
    view.part("vary-make").click()
    expect(view.part("vary-panel")).to_be_hidden()
    expect(view.part("tiles")).to_have_attribute("data-done", str(then), timeout=60_000)
    expect(view.part("tiles")).to_have_attribute("data-status", "finished")


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


def test_the_step_is_compiled_before_run_is_pressed(next_widget):
    notebook, view = next_widget("max_iter=5")
    view.choose(layer="conv2", filters=3)
    notebook.ask(COMPILED)
    view.note_statuses()
    view.press("Run", then="finished")
    assert "compiling" not in view.statuses_noted()
