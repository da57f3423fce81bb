"""A saved page, a sheet and a page of nbconvert: in Chromium, without a network, without a kernel, without an error."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, Frame, Page, expect

import actmax_widget as am
from tests.browser.lab import ARTIFACTS
from tests.browser.test_accessible import AXE

RUN_AXE = """async () => {
    const {violations, passes} = await axe.run(document);
    if (passes.length < 15) throw new Error(`axe looked at ${passes.length} rules only`);
    return violations.map(({id, nodes}) => id + ': ' + nodes.map(one => one.html.slice(0, 200)));
}"""
PIXELS = "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 4 === 0)"
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A run of the digits, and its page."""
    result = am.visualize(am.demo.digits(), "out", 3, seed=0, max_iter=600)
    return result, result.save(tmp_path_factory.mktemp("page") / "run.html")


@contextmanager
def offline(browser: Browser, path: Path, **look: Any) -> Iterator[Page]:
    """The page, opened where nothing can be reached; in the end it has asked for nothing and had no error."""
    context = browser.new_context(offline=True, **look)
    page, asked, wrong = context.new_page(), list[str](), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(path.as_uri())
    yield page
    assert asked == [path.as_uri()]
    assert wrong == []
    context.close()


def drawn(page: Page | Frame, iteration: int) -> None:
    """The picture of an iteration is on the screen."""
    expect(page.locator(".actmax[data-iteration]").last).to_have_attribute("data-iteration", str(iteration))


def expect_accessible(page: Page) -> None:
    """Let axe-core look at all of it."""
    page.evaluate(AXE.read_text(encoding="utf-8"))  # the policy of the page lets no file in
    assert page.evaluate(RUN_AXE) == []


def test_a_run_is_scrubbed_and_read(browser: Browser, saved: tuple[Any, Path]):
    result, path = saved
    kept = result.film.iterations
    with offline(browser, path, color_scheme="light", viewport={"width": 1000, "height": 900}) as page:
        drawn(page, 600)
        picture, film = page.get_by_test_id("picture"), page.get_by_test_id("film")
        np.testing.assert_array_equal(picture.evaluate(PIXELS), result.film.images[-1].ravel())
        film.focus()
        for place in (-2, -3, -4):
            page.keyboard.press("ArrowLeft")
            drawn(page, kept[place])
        np.testing.assert_array_equal(picture.evaluate(PIXELS), result.film.images[-4].ravel())
        expect(page.get_by_test_id("past-words")).to_contain_text(f"iteration {kept[-4]} of 600")
        page.keyboard.press("Home")
        drawn(page, 0)
        np.testing.assert_array_equal(picture.evaluate(PIXELS), result.film.images[0].ravel())
        chart = page.get_by_test_id("chart")
        box = chart.bounding_box()
        assert box
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        chosen = int((page.get_by_test_id("chart-iteration").text_content() or "0").replace(",", ""))
        assert 200 < chosen < 400
        drawn(page, result.film.nearest(chosen))
        row = page.locator(".actmax-table [aria-current=true]")
        expect(row).to_have_attribute("data-iteration", str(chosen))
        expect(row).to_contain_text(f"{result.history['total'][chosen - 1]:,.5g}"[:5])
        expect_accessible(page)
        page.screenshot(path=ARTIFACTS / "page-light.png", full_page=True)
        page.get_by_test_id("tab-code").click()
        expect(page.get_by_test_id("code")).to_have_text(result.code())
        page.get_by_test_id("copy").click()
        page.get_by_test_id("tab-settings").click()
        expect(page.get_by_test_id("settings")).to_contain_text("Transforms")
    for scheme, width in (("dark", 1000), ("dark", 300)):
        with offline(browser, path, color_scheme=scheme, viewport={"width": width, "height": 900}) as page:
            drawn(page, 600)
            expect_accessible(page)
            assert page.evaluate(OVERFLOW) <= 0
            page.screenshot(path=ARTIFACTS / f"page-{scheme}-{width}.png", full_page=True)
    with offline(browser, path, java_script_enabled=False) as page:
        shown = page.locator("noscript img, img").first
        expect(shown).to_be_visible()
        assert shown.evaluate("i => i.naturalWidth") == 28
        expect(page.get_by_text("600", exact=True)).to_be_visible()


def test_a_sheet_is_sorted_and_opened(browser: Browser, tmp_path: Path):
    many = am.visualize_many(am.demo.digits(), "out", vary={"filter_indices": range(6)}, seed=0, max_iter=40)
    path = many.save(tmp_path / "sheet.html")
    activations = [history["activation"][-1] for history in many.histories]
    for scheme in ("light", "dark"):
        with offline(browser, path, color_scheme=scheme, viewport={"width": 1000, "height": 900}) as page:
            tiles = page.locator(".actmax-tile")
            expect(tiles).to_have_count(6)
            page.get_by_test_id("order").select_option(label="By activation")
            order = tiles.evaluate_all("all => all.map(one => Number(one.dataset.index))")
            assert order == [*np.argsort(activations)[::-1]]
            tiles.first.focus()
            page.keyboard.press("ArrowRight")
            page.keyboard.press("Enter")
            opened = page.get_by_test_id("opened")
            drawn(page, 40)
            expect(opened.get_by_test_id("table")).to_have_attribute("data-rows", "40")
            expect(tiles.nth(1)).to_have_attribute("aria-current", "true")
            shown = opened.get_by_test_id("picture").evaluate(PIXELS)
            np.testing.assert_array_equal(shown, np.rint(np.clip(many.images[order[1]], 0, 255)).ravel())
            expect_accessible(page)
            assert page.evaluate(OVERFLOW) <= 0
            page.screenshot(path=ARTIFACTS / f"sheet-{scheme}.png", full_page=True)


def test_nbconvert_shows_it_to_be_scrubbed(browser: Browser, saved: tuple[Any, Path], tmp_path: Path):
    result, _ = saved
    data, _ = DisplayFormatter().format(result.to_html())
    output = nbformat.v4.new_output("execute_result", data, execution_count=1)
    cell = nbformat.v4.new_code_cell("result.to_html()", outputs=[output])
    text, _ = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    path = tmp_path / "notebook.html"
    path.write_text(text, encoding="utf-8")
    context = browser.new_context(offline=True)  # what nbconvert itself asks for is not here
    page = context.new_page()
    page.goto(path.as_uri(), wait_until="domcontentloaded")
    frame = page.locator("iframe").element_handle().content_frame()
    assert frame
    drawn(frame, 600)
    frame.get_by_test_id("film").focus()
    page.keyboard.press("ArrowLeft")
    drawn(frame, result.film.iterations[-2])
    page.screenshot(path=ARTIFACTS / "page-nbconvert.png")
    context.close()
