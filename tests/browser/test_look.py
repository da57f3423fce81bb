import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.lab import ARTIFACTS


def test_first_cell_shows_the_whole_instrument(first_widget):
    _, view = first_widget()
    view.expect_status("ready")
    layers = view.part("layer").locator("option").all_text_contents()
    assert layers[-1].startswith("out")
    assert "Dense" in layers[-1]
    assert any("Conv2D" in layer and "×" in layer for layer in layers)
    for part in ("filters", "picture", "table", "progress"):
        expect(view.part(part)).to_be_visible()
    for button in ("Run", "Pause", "Step", "Reset"):
        expect(view.button(button)).to_be_visible()
    expect(view.part("error")).to_be_hidden()
    # The first thing to see is the widget, not the log of TensorFlow on a red ground.
    expect(
        view.root.page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']")
    ).to_have_count(0)


def test_the_picture_is_looked_at_closely_and_values_go_back(first_widget):
    notebook, view = first_widget("max_iter=30, input_range=(0, 1), tv_weight=3")
    page = notebook.page
    view.press("Run", then="finished")
    expect(view.part("measured")).to_contain_text("logit")
    stage = view.root.locator(".actmax-stage")
    frame = view.part("picture-frame")
    box = frame.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    page.mouse.move(*middle)
    grey = view.pixels()[14, 14, 0]
    expect(view.part("pixel")).to_have_text(re.compile(rf"^x 14, y 14 · grey {grey} = [\d.]+$"))
    page.mouse.wheel(0, -100)
    assert scale(stage) == 1  # that was the page's
    page.mouse.move(*middle)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.wait_for_function("e => /scale\\(1\\.[1-9]/.test(e.style.transform)", arg=stage.element_handle())
    frame.focus()
    page.keyboard.press("+")
    page.wait_for_function("e => /scale\\([2-9]/.test(e.style.transform)", arg=stage.element_handle())
    view.root.screenshot(path=ARTIFACTS / "zoomed.png")
    page.keyboard.press("0")
    page.wait_for_function("e => /scale\\(1\\)/.test(e.style.transform)", arg=stage.element_handle())
    view.part("best").click()
    expect(view.part("best")).to_have_attribute("aria-pressed", "true")
    best = notebook.ask("print(widget.film.best)").strip()
    expect(view.part("picture")).to_have_attribute("aria-label", re.compile(rf"iteration {best}, the best so far$"))

    # The recipe says 10; the input range is as the widget was made.
    expect(view.part("tv-weight-reset")).to_have_accessible_name("Total variation: back to 10")
    view.part("tv-weight-reset").click()
    expect(view.part("tv-weight-value")).to_have_value("10")
    expect(view.part("tv-weight-slider")).to_be_focused()
    view.part("tv-weight-slider").dblclick(position={"x": 20, "y": 10})
    expect(view.part("tv-weight-value")).to_have_value("10")
    notebook.ask("widget.learning_rate, widget.optimizer, widget.input_range = 5, 'adam', (0, 255)")
    expect(view.part("optimizer")).to_have_value("Adam")
    view.part("all-defaults").click()
    expect(view.part("optimizer")).to_have_value("RMSProp")
    told = notebook.ask("print(widget.tv_weight, widget.learning_rate, widget.input_range, widget.max_iter)")
    assert told.strip() == "10.0 1.0 (0, 1) 500"
    expect(view.part("all-defaults")).to_have_attribute("aria-disabled", "true")

    names = "'table', 'settings', 'tiles', 'tv_weight', 'transforms', 'zoom'"
    notebook.ask(f"widget.ui = {{'hide': [{names}], 'title': 'What is a three?', 'text': 'Press <b>Run</b>.'}}")
    expect(view.part("lesson")).to_have_text("Press <b>Run</b>.")
    expect(view.part("model-name")).to_have_text("What is a three?")
    for part in ("table", "more", "all-filters", "tv-weight", "transforms", "zoom-in"):
        expect(view.part(part)).to_be_hidden()
    view.part("save").focus()
    reached = set()
    for _ in range(25):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.testid"))
    assert {"act-max-weight-slider", "lp-norm-weight-value"} < reached
    assert not reached & {"tv-weight-slider", "tv-weight-value", "add-transform", "zoom-in", "table", "seed-upload"}
    view.root.screenshot(path=ARTIFACTS / "lesson.png")


def scale(stage):
    """Give how many times as large as its frame the picture is."""
    return float(re.search(r"scale\(([\d.]+)\)", stage.evaluate("e => e.style.transform"))[1])


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_colours_follow_the_theme(first_widget, theme):
    notebook, view = first_widget("max_iter=30")
    notebook.command("apputils:change-theme", theme=f"JupyterLab {theme}")
    expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-name", f"JupyterLab {theme}")
    view.press("Run", then="finished")
    text, behind = (np.mean(colour) for colour in view.colours())
    assert (text > behind) == (theme == "Dark")
    assert abs(text - behind) > 100  # far enough apart to be read
    view.root.screenshot(path=ARTIFACTS / f"widget-{theme.lower()}.png")
