"""Pins side by side and under a curtain, and two widgets in lock-step, in a real JupyterLab."""

import re

from playwright.sync_api import expect

from tests.browser.lab import ARTIFACTS, OpenNotebook
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
