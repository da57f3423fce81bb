"""How far a picture can be trusted, and real pictures beside it."""

from playwright.sync_api import expect

from tests.browser.boxes import faults, settle
from tests.browser.lab import ARTIFACTS, ROOT, OpenNotebook
from tests.browser.test_accessible import AXE, RUN_AXE
from tests.browser.view import WidgetView

DIGITS = f"""import numpy as np
digits = np.load({str(ROOT / "tests" / "data" / "digits.npz")!r})["pictures"]"""
MODEL = 'am.demo.digits(), "conv3", filter_indices=5, references=digits, max_iter=40, seed=0'


def test_a_picture_is_scored_beside_real_ones_and_a_quiz_is_answered_by_keys(shared, next_widget):
    shared.ask(DIGITS)
    notebook, view = next_widget(model=MODEL)
    page = notebook.page
    view.press("Run", then="finished")
    view.open_tab("score")
    view.part("ask-score").click()
    expect(view.part("score-status")).to_contain_text("conv3, unit 5, iteration 40")
    expect(view.part("score-strong")).to_contain_text("of 40 real pictures excite it less")
    expect(view.part("score-caution")).to_contain_text("does not show the whole function")
    look(notebook, view, "score")

    view.open_tab("real")
    view.part("ask-examples").click()
    expect(view.part("examples").locator("canvas")).to_have_count(9)
    expect(view.part("examples-status")).to_contain_text("the strongest 9 of 40 pictures")
    view.part("ask-quiz").focus()
    page.keyboard.press("Enter")
    expect(view.part("quiz-told")).to_have_text("Chance is 50 %.")
    page.keyboard.press("Tab")
    expect(view.part("quiz-left")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(view.part("quiz-told")).to_contain_text("of 1 right")
    expect(view.part("quiz-right")).to_be_focused()
    look(notebook, view, "real")
    notebook.ask("widget.references = None")
    expect(view.part("tab-real")).to_be_hidden()


def look(notebook: OpenNotebook, view: WidgetView, name: str) -> None:
    """Pictures of it in the dark and in the light, in which nothing keeps anybody out."""
    notebook.page.add_script_tag(path=AXE)
    for theme in ("Dark", "Light"):
        notebook.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-name", f"JupyterLab {theme}")
        settle(notebook.page)
        view.root.screenshot(path=ARTIFACTS / f"{name}-{theme.lower()}.png")
        assert faults(view.root) == []
    assert notebook.page.evaluate(RUN_AXE) == []
