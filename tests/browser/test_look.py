import contextlib
import re

import numpy as np
from playwright.sync_api import TimeoutError, expect  # noqa: A004 - what it raises

from tests.browser.lab import ARTIFACTS, OpenNotebook
from tests.browser.view import WidgetView


def test_first_cell_shows_the_whole_instrument_of_which_a_lesson_takes_some(next_widget):
    notebook, view = next_widget("max_iter=30, input_range=(0, 1), tv_weight=3")
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
    look_closely(notebook, view)
    go_back_to_the_defaults(notebook, view)
    give_a_lesson(notebook, view)


LARGER = r"/scale\((1\.[1-9]|[2-9])/"


def look_closely(notebook: OpenNotebook, view: WidgetView) -> None:
    """Zoom, read a pixel, and see the best picture."""
    view.press("Run", then="finished")
    expect(view.part("measured")).to_contain_text("logit")
    page, frame, stage = notebook.page, view.part("picture-frame"), view.root.locator(".actmax-zoomed").element_handle()

    def wait_for(transform: str) -> None:
        page.wait_for_function(f"e => /{transform}/.test(e.style.transform)", arg=stage)

    frame.hover(position={"x": 197, "y": 197})  # in the middle of a pixel
    grey = view.pixels()[14, 14, 0]
    expect(view.part("pixel")).to_have_text(re.compile(rf"^x 14, y 14 · grey {grey} = [\d.]+$"))
    page.keyboard.down("Control")
    for _ in range(10):  # the page is busy after a run, and a browser may drop a wheel's event then
        page.mouse.wheel(0, -100)
        with contextlib.suppress(TimeoutError):
            page.wait_for_function(f"e => {LARGER}.test(e.style.transform)", arg=stage, timeout=2000)
            break
    page.keyboard.up("Control")
    page.wait_for_function(f"e => {LARGER}.test(e.style.transform)", arg=stage)
    frame.press("+")
    frame.press("+")
    wait_for(r"scale\([2-9]")
    view.root.screenshot(path=ARTIFACTS / "zoomed.png")
    frame.press("0")
    wait_for(r"scale\(1\)")
    view.part("best").click()
    expect(view.part("best")).to_have_attribute("aria-pressed", "true")
    best = notebook.ask("print(widget.film.best)").strip()
    expect(view.part("picture")).to_have_attribute("aria-label", re.compile(rf"iteration {best}, the best so far$"))


def go_back_to_the_defaults(notebook: OpenNotebook, view: WidgetView) -> None:
    """Take changes back, one at a time and all at once."""
    # keras-vis says 10; the input range is as the widget was made.
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
    expect(view.part("all-defaults")).to_have_attribute("aria-disabled", "true")
    told = notebook.ask("print(widget.tv_weight, widget.learning_rate, widget.input_range, widget.max_iter)")
    assert told.strip() == "10.0 1.0 (0, 1) 500"


def give_a_lesson(notebook: OpenNotebook, view: WidgetView) -> None:
    """Hide some of it, and see that no key reaches that."""
    names = "'table', 'settings', 'tiles', 'tv_weight', 'transforms', 'zoom'"
    notebook.ask(f"widget.ui = {{'hide': [{names}], 'title': 'What is a three?', 'text': 'Press <b>Run</b>.'}}")
    expect(view.part("lesson")).to_have_text("Press <b>Run</b>.")
    expect(view.part("model-name")).to_have_text("What is a three?")
    for part in ("table", "more", "all-filters", "tv-weight", "transforms", "zoom-in"):
        expect(view.part(part)).to_be_hidden()
    view.part("save").focus()
    reached = set()
    for _ in range(24):  # two of them are a note's
        notebook.page.keyboard.press("Tab")
        reached.add(notebook.page.evaluate("document.activeElement.dataset.testid"))
    assert {"act-max-weight-slider", "lp-norm-weight-value"} < reached
    assert not reached & {"tv-weight-slider", "tv-weight-value", "add-transform", "zoom-in", "table", "seed-upload"}
    view.root.screenshot(path=ARTIFACTS / "lesson.png")


LAST_ROW_IS_IN_SIGHT = """() => {
    const table = document.querySelector('[data-testid="table"]')
    const { top, bottom } = table.getBoundingClientRect()
    const last = table.querySelector('[data-iteration="30"]:not([hidden])')?.getBoundingClientRect()
    return last && top < last.top && last.bottom <= bottom
}"""
PUT_ANEW = """table => {
    const cell = table.closest(".jp-Cell"), place = document.createComment("")
    cell.replaceWith(place)
    place.replaceWith(cell)
}"""
"""As a notebook does with its cells when it lays them out anew: what was scrolled is then at its top."""


def test_colours_follow_the_theme(next_widget):
    notebook, view = next_widget("max_iter=30")
    view.press("Run", then="finished")
    for theme in ("Dark", "Light"):
        notebook.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-name", f"JupyterLab {theme}")
        text, behind = (np.mean(colour) for colour in view.colours())
        assert (text > behind) == (theme == "Dark")
        assert abs(text - behind) > 100  # far enough apart to be read
        notebook.page.wait_for_function(LAST_ROW_IS_IN_SIGHT)
        view.part("table").evaluate(PUT_ANEW)
        notebook.page.wait_for_function(LAST_ROW_IS_IN_SIGHT)
        view.root.screenshot(path=ARTIFACTS / f"widget-{theme.lower()}.png")
