"""Pins side by side and under a curtain, and two widgets in lock-step, in a real JupyterLab."""

import re

from playwright.sync_api import expect

from tests.browser.lab import ARTIFACTS, QUICK, OpenNotebook, open_notebook, write_notebook
from tests.browser.test_accessible import AXE, expect_nothing_found
from tests.browser.view import WidgetView


def shoot(notebook: OpenNotebook, view: WidgetView, name: str) -> None:
    """Picture the widget in both themes."""
    for theme in ("Dark", "Light"):
        notebook.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-name", f"JupyterLab {theme}")
        view.root.screenshot(path=ARTIFACTS / f"{name}-{theme.lower()}.png")


def test_pins_side_by_side_and_under_a_curtain(first_widget):
    notebook, view = first_widget("max_iter=40")
    notebook.page.add_script_tag(path=AXE)
    view.press("Run", then="finished")
    view.button("Pin").click()
    expect(view.part("tab-compare")).to_have_attribute("aria-selected", "true")
    notebook.ask("widget.tv_weight, widget.filter_indices = 0, 8")
    view.press("Run", then="running")
    view.expect_status("finished")
    view.button("Pin").click()
    expect(view.part("compared").get_by_role("button", pressed=True)).to_have_count(3)
    canvases = view.part("pins").locator("canvas")
    expect(canvases).to_have_count(3)
    for index in range(3):
        expect(canvases.nth(index)).to_have_attribute("width", "28")
    expect(view.part("differences")).to_contain_text("Total variation")
    expect(view.part("differences")).not_to_contain_text("Learning rate")
    shoot(notebook, view, "pins")
    expect_nothing_found(notebook, "pins side by side")
    # All are zoomed alike.
    frame = view.part("pins").locator(".actmax-pin-frame").first
    frame.press("+")
    stages = view.part("pins").locator(".actmax-zoomed")
    for index in range(3):
        expect(stages.nth(index)).to_have_css("transform", re.compile(r"matrix\(1\.49182, 0, 0, 1\.49182, 0, 0\)"))
    frame.press("ArrowLeft")
    moved = [re.compile(r"matrix\(1\.49182, 0, 0, 1\.49182, [1-9].*, 0\)")] * 3
    for index in range(3):
        expect(stages.nth(index)).to_have_css("transform", moved[index])
    assert len(set(stages.evaluate_all("all => all.map(one => one.style.transform)"))) == 1
    view.root.screenshot(path=ARTIFACTS / "pins-zoomed.png")
    view.part("compared-now").click()
    view.button("Curtain").click()
    divider = view.part("divider")
    divider.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "52")
    box = view.part("curtain").bounding_box()
    divider.hover()
    notebook.page.mouse.down()
    notebook.page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 40)
    notebook.page.mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", "30")
    view.button("Fit all pictures").click()
    shoot(notebook, view, "curtain")
    expect_nothing_found(notebook, "pins under a curtain")


LOCKSTEP = f"""import actmax_widget as am
one = am.ActMaxWidget({QUICK}filter_indices=3, tv_weight=0, max_iter=100_000)
other = am.ActMaxWidget({QUICK}filter_indices=3, tv_weight=30)
both = am.compare(one, other, names=["rough", "smooth"])
both"""


def test_two_in_lock_step(page, lab):
    write_notebook(lab.folder / "lockstep.ipynb", [LOCKSTEP])
    notebook = open_notebook(page, lab, "lockstep.ipynb")
    notebook.run(0)
    expect(notebook.widget).to_have_count(3)
    panel, one, other = (WidgetView(notebook.widget.nth(index)) for index in range(3))
    for view, name in ((one, "rough"), (other, "smooth")):
        expect(view.part("model-name")).to_have_text(re.compile(f"^{name} · digits"))
        expect(view.button("Run")).to_be_hidden()
        expect(view.part("tv-weight-slider")).to_be_visible()
    expect(one.part("learning-rate-slider")).to_be_visible()
    expect(other.part("learning-rate-slider")).to_be_hidden()
    panel.press("Run", then="running")
    panel.wait_beyond(30)
    one.part("learning-rate-value").fill("2")
    one.part("learning-rate-value").press("Enter")
    panel.press("Pause", then="paused")
    told = notebook.ask("print(one.iteration, other.iteration, both.iteration, other.learning_rate, other.tv_weight)")
    made, *others = told.split()
    assert others == [made, made, "2.0", "30.0"]
    for view in (panel, one, other):
        expect(view.root).to_have_attribute("data-iteration", made)
    expect(panel.part("rms")).to_have_text(re.compile(r"^\d[\d.]* % of the input range"))
    expected = notebook.ask(
        "import numpy as np\n"
        "grey = 127.5 * (1 + both.difference / both.panel.scale)\n"
        "print(int(np.rint(grey[14, 14, 0])), round(100 * both.rms, 1))"
    ).split()
    drawn = panel.part("difference").evaluate("c => c.getContext('2d').getImageData(14, 14, 1, 1).data[0]")
    assert abs(drawn - int(expected[0])) <= 1
    assert panel.part("rms").text_content().startswith(f"{float(expected[1]):g}")
    page.add_script_tag(path=AXE)
    shoot(notebook, WidgetView(page.locator(".widget-vbox").first), "lockstep")
    expect_nothing_found(notebook, "lock-step")
