"""A note about the run: one sentence under the chart, one button that sets what it says."""

from playwright.sync_api import expect

from tests.browser.boxes import faults, settle
from tests.browser.lab import ARTIFACTS
from tests.browser.test_accessible import AXE, RUN_AXE

GREY = """am.demo.digits("plain"), "conv3", filter_indices=9, preset="keras-vis", max_iter=80"""


def test_a_note_is_read_applied_and_dismissed(next_widget):
    notebook, view = next_widget(model=GREY)
    page = notebook.page
    expect(view.part("note-apply")).to_be_hidden()
    view.press("Run", then="finished")
    expect(view.part("note-text")).to_contain_text("Total variation outweighs all else")
    expect(view.part("note-apply")).to_contain_text("Set Total variation to")
    page.add_script_tag(path=AXE)
    for theme in ("Dark", "Light"):
        notebook.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        expect(page.locator("body")).to_have_attribute("data-jp-theme-name", f"JupyterLab {theme}")
        settle(page)
        view.root.screenshot(path=ARTIFACTS / f"notes-{theme.lower()}.png")
        assert faults(view.root) == []
        assert page.evaluate(RUN_AXE) == []
    view.root.evaluate("root => { root.parentElement.style.width = '244px'; }")
    settle(page)
    view.root.screenshot(path=ARTIFACTS / "notes-narrow.png")
    assert faults(view.root) == []
    view.root.evaluate("root => { root.parentElement.style.width = ''; }")

    view.part("note-apply").focus()
    page.keyboard.press("Enter")
    expect(view.part("notes")).to_have_attribute("data-empty", "")
    set_to = float(notebook.ask("print(widget.tv_weight)"))
    assert set_to < 1
    expect(view.part("tv-weight-value")).not_to_have_value("10")
    assert float(view.part("tv-weight-value").input_value()) == set_to
    notebook.ask("widget.reset(); widget.tv_weight = 1000")
    view.press("Run", then="finished")
    expect(view.part("note-text")).to_contain_text("outweighs")
    view.part("note-dismiss").focus()
    page.keyboard.press("Enter")
    expect(view.part("notes")).to_have_attribute("data-empty", "")
    assert notebook.ask("print(widget.notes[0].name)").strip() == "outweighed"
