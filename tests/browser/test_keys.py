"""Keys typed into the widget do nothing to the notebook; JupyterLab's own keys do what they always do."""

from playwright.sync_api import Page, expect

from tests.browser.view import WidgetView

CELLS = "() => window.jupyterapp.shell.currentWidget.content.model.cells.length"
IS_DIRTY = "() => window.jupyterapp.shell.currentWidget.context.model.dirty"
MAKE_DIRTY = "() => { window.jupyterapp.shell.currentWidget.context.model.dirty = true; }"
# As after Escape, and after a click into the widget.
COMMAND_MODE = "() => { window.jupyterapp.shell.currentWidget.content.mode = 'command'; }"


def test_what_is_typed_leaves_the_cells_alone(next_widget):
    notebook, view = next_widget("max_iter=100_000")
    page = notebook.page
    notebook.ask("1")
    page.evaluate(COMMAND_MODE)
    cells = page.evaluate(CELLS)
    prompts = page.locator(".jp-InputPrompt").all_text_contents()
    view.part("filters").fill("")
    # Into the field, and with a button, a slider, a list and the table in hand.
    for part in ("filters", "run", "tv-weight-slider", "layer", "table"):
        view.part(part).focus()
        page.evaluate(COMMAND_MODE)
        page.keyboard.type("ddabx")
        page.keyboard.press("Shift+Enter")
        page.keyboard.press("ArrowDown")
        assert page.evaluate(CELLS) == cells, part
    expect(view.part("filters")).to_have_value("ddabx")
    assert page.locator(".jp-InputPrompt").all_text_contents() == prompts  # not run again
    view.part("filters").press("Escape")
    view.press("Pause", then="paused")  # Enter on Run has started it
    press_the_widgets_own_keys(page, view)
    assert page.evaluate(CELLS) == cells


def press_the_widgets_own_keys(page: Page, view: WidgetView) -> None:
    """Run, pause, and open the list of keys."""
    view.root.click(position={"x": 300, "y": 20})  # beside all buttons: the keys are the widget's from then on
    page.keyboard.press("Space")
    view.expect_status("running")
    view.part("picture-frame").focus()
    page.keyboard.press("Space")
    view.expect_status("paused")
    view.part("tv-weight-slider").focus()
    page.keyboard.press("?")
    expect(view.part("key-list")).to_be_focused()
    page.keyboard.press("b")  # which would make a cell
    page.keyboard.press("Escape")
    expect(view.part("key-list")).to_be_hidden()
    expect(view.part("tv-weight-slider")).to_be_focused()


def test_the_keys_of_jupyterlab_work(next_widget):
    notebook, view = next_widget()
    page = notebook.page
    side = page.locator("#jp-left-stack")
    for part in ("tv-weight-value", "filters", "step"):
        page.evaluate(MAKE_DIRTY)
        view.part(part).focus()
        page.keyboard.press("Control+s")
        page.wait_for_function(f"() => !({IS_DIRTY})()")
        view.part(part).focus()
        page.keyboard.press("Control+Shift+c")
        palette = page.locator("#modal-command-palette, .jp-ModalCommandPalette").first
        expect(palette).to_be_visible()
        page.keyboard.press("Escape")
        expect(palette).to_be_hidden()
        shown = side.is_visible()
        view.part(part).focus()
        page.keyboard.press("Control+b")
        expect(side).to_be_visible(visible=not shown)
        page.keyboard.press("Control+b")
        expect(side).to_be_visible(visible=shown)
    view.part("filters").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("4")
    expect(view.part("filters")).to_have_value("4")
