"""The course of a run: chart, film, table and picture on one cursor, and the ways back."""

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.boxes import faults, settle
from tests.browser.lab import ARTIFACTS, OpenNotebook
from tests.browser.test_accessible import AXE, RUN_AXE
from tests.browser.view import Pixels, WidgetView

FILM = "film = widget.film; print(film[{0}][0].ravel().tolist() if {0} in film else None)"
SHADES = "all => all.map(c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].join())"


def point(part: Locator, across: float, *, click: bool = True) -> None:
    """Point at a place of a part, from 0 (its left edge) to 1, and click there."""
    part.scroll_into_view_if_needed()
    box = part.bounding_box()
    assert box is not None
    mouse = part.page.mouse
    mouse.move(box["x"] + across * box["width"], box["y"] + box["height"] / 2)
    if click:
        mouse.down()
        mouse.up()


def iteration_at(view: WidgetView) -> int:
    """Read off the legend which iteration its values are of."""
    return int((view.part("chart-iteration").text_content() or "").replace(",", ""))


def expect_picture(view: WidgetView, iteration: int) -> None:
    """Wait until the picture of an iteration is drawn."""
    expect(view.root).to_have_attribute("data-iteration", str(iteration))


def first_row_of(notebook: OpenNotebook, iteration: int) -> str:
    """Ask the kernel for the uppermost row of pixels of the film's picture."""
    return notebook.ask(FILM.format(iteration)).strip()


def test_back_in_the_course_of_a_run_and_another_way(first_widget):
    notebook, view = first_widget("max_iter=200, filter_indices=3")
    view.press("Run", then="finished")
    view.expect_iterations(200)
    expect(view.button("Rewind")).to_be_disabled()
    newest = view.pixels()
    look_back(view, newest)
    scrub(notebook, view)
    look_well(notebook, view)
    go_another_way_and_back(notebook, view, newest)
    keep_what_was_fetched(notebook, view, newest)


def look_back(view: WidgetView, newest: Pixels) -> None:
    """Pointing shows values and changes nothing; a click goes there, and table and picture go along."""
    chart = view.part("chart")
    point(chart, 0.4, click=False)
    assert 50 < iteration_at(view) < 100
    expect(view.part("past")).to_be_hidden()
    point(chart, 0.5)
    at = iteration_at(view)
    marked = view.part("table").locator("[aria-current]")
    expect(marked.get_by_role("cell").first).to_have_text(str(at))
    expect(marked).to_be_in_viewport()
    expect(view.part("past-words")).to_contain_text(f"iteration {at} of 200")
    assert not np.array_equal(view.pixels(), newest)


def scrub(notebook: OpenNotebook, view: WidgetView) -> None:
    """By the keyboard, also in the film, which stops where there are pictures."""
    keyboard, film = view.root.page.keyboard, view.part("film")
    view.part("chart").focus()
    keyboard.press("Escape")
    keyboard.press("Home")
    for _ in range(10):
        keyboard.press("Shift+ArrowRight")
    expect(view.part("chart-iteration")).to_have_text("100")
    total = float((view.part("curve-total").locator("b").text_content() or "").replace(",", ""))
    assert total == pytest.approx(float(notebook.ask("print(widget.history['total'][99])")), rel=1e-3)
    film.focus()
    keyboard.press("ArrowLeft")
    expect(view.part("chart-iteration")).not_to_have_text("100")
    kept = iteration_at(view)
    expect_picture(view, kept)
    assert str(view.pixels()[0, :, 0].tolist()) == first_row_of(notebook, kept)
    strip = film.locator("canvas")
    assert 10 <= strip.count() <= 16
    assert len(set(strip.evaluate_all(SHADES))) == strip.count()


def look_well(notebook: OpenNotebook, view: WidgetView) -> None:
    """Nothing is cut and nobody kept out while it stands in the past, in light and dark."""
    point(view.part("film"), 0.3)
    expect(view.part("past")).to_be_visible()
    settle(notebook.page)
    assert faults(view.root) == []
    notebook.page.add_script_tag(path=AXE)
    for theme in ("Dark", "Light"):
        notebook.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-name", f"JupyterLab {theme}")
        assert notebook.page.evaluate(RUN_AXE) == []
        for _ in range(2):  # there and back, in the theme's colours
            view.part("chart-log").click()
        settle(notebook.page)
        view.root.screenshot(path=ARTIFACTS / f"course-{theme.lower()}.png")


def go_another_way_and_back(notebook: OpenNotebook, view: WidgetView, newest: Pixels) -> None:
    """Branch, and back to the old line; then rewind in it, and on to the same picture, bit for bit."""
    notebook.ask("image = widget.image")
    view.button("Branch").click()
    view.expect_status("paused")
    expect(view.part("lines").get_by_role("button")).to_have_count(2)
    view.expect_iterations(int(notebook.ask("print(widget.iteration)")))
    view.part("tv-weight-value").fill("400")
    view.part("tv-weight-value").press("Enter")
    view.press("Run", then="finished")
    view.expect_iterations(200)
    assert not np.array_equal(view.pixels(), newest)
    expect(view.part("chart")).to_have_attribute("data-others", "main")
    settle(notebook.page)
    view.root.screenshot(path=ARTIFACTS / "course-branch.png")
    view.part("line-main").click()
    expect(view.part("chart")).to_have_attribute("data-others", "branch 1")
    expect(view.part("line-main")).to_have_attribute("aria-current", "true")
    expect(view.part("tv-weight-value")).to_have_value("10")
    view.expect_iterations(200)
    assert np.array_equal(view.pixels(), newest)
    point(view.part("film"), 0.5)
    view.button("Rewind").click()
    view.expect_status("paused")
    assert int(notebook.ask("print(widget.iteration)")) < 120
    view.press("Run", then="finished")
    view.expect_iterations(200)
    assert notebook.ask("print((widget.image == image).all())").strip() == "True"
    assert np.array_equal(view.pixels(), newest)
    view.root.screenshot(path=ARTIFACTS / "course-back.png")


def keep_what_was_fetched(notebook: OpenNotebook, view: WidgetView, newest: Pixels) -> None:
    """A kernel that dies while somebody scrubs takes nothing away that was there."""
    point(view.part("film"), 0.5)
    notebook.shut_down_kernels()
    expect(view.part("not-connected")).to_be_visible()
    expect(view.button("Rewind")).to_be_disabled()
    point(view.part("film"), 0.1)
    expect(view.part("past")).to_be_visible()
    view.part("film").focus()
    view.root.page.keyboard.press("Escape")
    expect_picture(view, 200)
    assert np.array_equal(view.pixels(), newest)
