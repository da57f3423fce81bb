"""Pins side by side and under a curtain, and two widgets in lock-step, in a real JupyterLab."""

import re

from playwright.sync_api import expect

from tests.browser.lab import QUICK, OpenNotebook
from tests.browser.test_accessible import AXE, expect_nothing_found
from tests.browser.view import WidgetView

ZOOMED = r"matrix\(1\.49182, 0, 0, 1\.49182, %s, 0\)"
LOCKSTEP = f"""one = am.ActMaxWidget({QUICK}filter_indices=3, tv_weight=0, max_iter=100_000)
other = am.ActMaxWidget({QUICK}filter_indices=3, tv_weight=30)
both = am.compare(one, other, names=["rough", "smooth"])"""
DIFFERENCE = """grey = 127.5 * (1 + both.difference[14, 14, 0] / both.panel.scale)
print(round(float(grey)), f"{100 * both.rms:.3g}")"""


def test_compare(first_widget):
    notebook, view = first_widget("max_iter=40")
    notebook.page.add_script_tag(path=AXE)
    pin_two(notebook, view)
    rename_a_pin(notebook, view)
    zoom_alike(view)
    draw_the_curtain(notebook, view)
    go_back_to_a_pin(notebook, view)
    notebook.reload()
    expect(view.part("compared").get_by_role("button")).to_have_count(3)
    expect(view.part("pins").locator("canvas").first).to_have_attribute("width", "28")
    go_in_lock_step(notebook)


def pin_two(notebook: OpenNotebook, view: WidgetView) -> None:
    """Pin a zero, and an eight of another weight."""
    view.press("Run", then="finished")
    view.button("Pin").click()
    expect(view.part("tab-compare")).to_have_attribute("aria-selected", "true")
    notebook.ask("widget.tv_weight, widget.filter_indices = 0, 8; widget.start(); print(widget.wait(60))")
    view.expect_status("finished")
    expect(view.part("since").first).to_have_text("Set otherwise since: Filters, Total variation")
    view.button("Pin").click()
    expect(view.part("compared").get_by_role("button", pressed=True)).to_have_text(["Pin 1", "Pin 2", "Now"])
    for index in range(3):
        expect(view.part("pins").locator("canvas").nth(index)).to_have_attribute("width", "28")
    cells = view.part("differences").locator("tr").all_text_contents()
    assert {"Filters088", "Total variation1000"} <= {*cells}, cells
    expect_nothing_found(notebook, "pins", pictured=view.root)


def rename_a_pin(notebook: OpenNotebook, view: WidgetView) -> None:
    """By the pencil, by a double click and by F2; a name that is taken is refused."""
    figure, field = view.part("pins").locator("figure").first, view.part("new-name").first
    view.button("Rename Pin 1").click()
    field.fill("Pin 2")
    field.press("Enter")
    expect(figure.get_by_role("alert")).to_have_text("There is a pin “Pin 2” already.")
    expect_nothing_found(notebook, "pin-renamed", pictured=view.root)
    field.fill("a zero")
    field.press("Enter")
    expect(view.part("compared").get_by_role("button")).to_have_text(["a zero", "Pin 2", "Now"])
    expect(view.button("Rename a zero")).to_be_focused()
    assert notebook.ask("print([*widget.pins])").strip() == "['a zero', 'Pin 2']"
    figure.locator("b").dblclick()
    expect(field).to_be_focused()
    field.press("Escape")
    view.button("Rename a zero").press("F2")
    field.fill("Pin 1")
    field.press("Enter")
    expect(view.part("compared").get_by_role("button")).to_have_text(["Pin 1", "Pin 2", "Now"])


def zoom_alike(view: WidgetView) -> None:
    """Zoom and move one of three: the others follow."""
    stages = view.part("pins").locator(".actmax-zoomed")
    for key, moved in (("+", "0"), ("ArrowLeft", r"[1-9][\d.]*")):
        view.part("pins").locator(".actmax-pin-frame").first.press(key)
        for index in range(3):
            expect(stages.nth(index)).to_have_css("transform", re.compile(ZOOMED % moved))
    assert len(set(stages.evaluate_all("all => all.map(one => one.style.transform)"))) == 1


def draw_the_curtain(notebook: OpenNotebook, view: WidgetView) -> None:
    """Lay the pins on top of each other, and move the divider by keys and by hand."""
    view.part("compared-now").click()
    view.button("Curtain").click()
    divider = view.part("divider")
    divider.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "52")
    box = view.part("curtain").bounding_box() or {"x": 0.0, "y": 0.0, "width": 0.0, "height": 0.0}
    divider.hover()
    notebook.page.mouse.down()
    notebook.page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 40)
    notebook.page.mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", "40")
    view.button("Fit all pictures").click()
    expect_nothing_found(notebook, "curtain", pictured=view.root)


def go_back_to_a_pin(notebook: OpenNotebook, view: WidgetView) -> None:
    """Go on from a pin: its picture and its settings are those of the run."""
    view.button("Go on from here: Pin 1").click()
    expect(view.part("tv-weight-value")).to_have_value("10")
    asked = "print(widget.filter_indices, (widget.image == widget.pins['Pin 1'].image).all())"
    assert notebook.ask(asked).strip() == "(0,) True"
    notebook.save()


def go_in_lock_step(notebook: OpenNotebook) -> None:
    """Run, steer and pause two at once."""
    page = notebook.page
    page.set_viewport_size({"width": 1280, "height": 2600})
    notebook.ask(LOCKSTEP)
    notebook.start("both")
    box = page.locator(".widget-vbox")
    found = box.locator(".actmax")
    expect(found).to_have_count(3)
    panel, one, other = (WidgetView(found.nth(index)) for index in range(3))
    for view, name in ((one, "rough"), (other, "smooth")):
        expect(view.part("model-name")).to_have_text(f"{name} · digits")
        expect(view.button("Run")).to_be_hidden()
        expect(view.part("tv-weight-slider")).to_be_visible()
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
    grey, rms = notebook.ask(DIFFERENCE).split()
    expect(panel.part("rms")).to_have_text(f"{rms} % of the input range (root mean square)")
    drawn = panel.part("difference").evaluate("c => c.getContext('2d').getImageData(14, 14, 1, 1).data[0]")
    assert abs(drawn - int(grey)) <= 1
    page.add_script_tag(path=AXE)
    expect_nothing_found(notebook, "lockstep", pictured=box)
