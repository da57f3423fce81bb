"""The atlas in a real JupyterLab: seen, scrolled, searched, opened, gone on from, and without its kernel."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import atlas_store
from tests.browser.lab import ARTIFACTS, ROOT, LabServer, OpenNotebook, open_notebook, write_notebook
from tests.browser.test_accessible import AXE, expect_nothing_found
from tests.browser.view import WidgetView

CELL = """import sys
sys.path.insert(0, {root!r})
from tests import atlas_store
import actmax_widget as am
store = am.open_sweep({folder!r}, atlas_store.digits())
atlas = store.widget()"""
PAINTED = """() => {
    const tiles = [...document.querySelectorAll('.actmax-atlas-tile:not([hidden], [data-failed="true"])')];
    return tiles.length > 8 && tiles.every(tile => tile.querySelector('canvas').width > 0);
}"""
MOST_NODES = 900
"""Elements of the sheet in the page, whatever there is to scroll."""
BUSY = "import time, pathlib\nwhile not pathlib.Path('go-on').exists():\n    time.sleep(0.05)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three checkpoints of which the last job is missing, and one of 3,000 pictures."""
    pytest.importorskip("pyarrow")
    made = tmp_path_factory.mktemp("stores")
    atlas_store.make_store(made / "pictures", missing=1)
    atlas_store.make_large(made / "large", 3000)
    return made


def tile(page: Page, row: int) -> Locator:
    return page.locator(f'.actmax-atlas-tile[data-row="{row}"]')


def test_atlas(page: Page, lab: LabServer, folder: Path):
    notebook = shown(page, lab, folder / "pictures")
    page.add_script_tag(path=AXE)
    see_all(notebook)
    search(notebook)
    open_one(notebook)
    play_the_film(notebook)
    go_on_while_a_cell_runs(notebook, lab)
    compare_two(notebook)
    take_in_what_comes(notebook)
    scroll_many(notebook, folder / "large")
    lose_the_kernel(notebook)
    reopen(notebook, lab)


def shown(page: Page, lab: LabServer, store: Path) -> OpenNotebook:
    write_notebook(lab.folder / "atlas.ipynb", [CELL.format(root=str(ROOT), folder=str(store)), "atlas"])
    notebook = open_notebook(page, lab, "atlas.ipynb")
    notebook.run(0)
    notebook.run(1)
    return notebook


def see_all(notebook: OpenNotebook) -> None:
    """Pictures by layer, and what failed says so."""
    page = notebook.page
    page.wait_for_function(PAINTED)
    expect(page.get_by_test_id("atlas-status")).to_have_text("116 of 126 pictures, 3 failed")
    expect(tile(page, 3).locator(".actmax-atlas-failed")).to_be_visible()
    expect(page.get_by_test_id("atlas-list")).to_have_accessible_name(
        "Pictures. Arrow keys move, Enter opens, Escape closes."
    )
    expect(tile(page, 0)).to_have_accessible_name("conv2, filter 0, epoch 1, activation 0, score 1.5 of 3")
    expect_nothing_found(notebook, "atlas", pictured=page.get_by_test_id("atlas"))


def search(notebook: OpenNotebook) -> None:
    """By layer, by words, and what failed; from the page and from Python."""
    page = notebook.page
    page.get_by_test_id("atlas-layer").select_option("out")
    expect(page.get_by_test_id("atlas-shown")).to_have_text("20 of 116 shown")
    page.get_by_test_id("atlas-search").fill("epoch 2 7")
    expect(page.get_by_test_id("atlas-shown")).to_have_text("1 of 116 shown")
    notebook.expect_told("repr((atlas.layer, atlas.search))", "('out', 'epoch 2 7')")
    notebook.ask("atlas.layer, atlas.search, atlas.failures = '', '', True")
    expect(page.get_by_test_id("atlas-shown")).to_have_text("3 of 116 shown")
    notebook.ask("atlas.failures, atlas.sort = False, 'activation'")
    page.wait_for_function(PAINTED)
    first = page.locator('.actmax-atlas-tile[aria-posinset="1"]:not([hidden])')
    assert float((first.locator(".actmax-tile-activation").text_content() or "").split(" · ")[-1]) >= 10
    notebook.ask("atlas.sort = 'filter'")


def open_one(notebook: OpenNotebook) -> None:
    """By the keys alone; its numbers, losses and score, and small pixels as squares."""
    page = notebook.page
    sheet = page.get_by_test_id("atlas-list")
    sheet.focus()
    for key in ("Home", "ArrowRight", "ArrowRight", "Enter"):
        sheet.press(key)
    expect(page.get_by_test_id("atlas-title")).to_have_text("conv2, filter 0")
    picture = page.get_by_test_id("atlas-picture")
    expect(picture).to_have_attribute("width", "28")
    expect(picture).to_have_css("image-rendering", "pixelated")
    expect(page.get_by_test_id("atlas-numbers")).to_contain_text("TV(2.0) Loss0.2500")
    expect(page.get_by_test_id("atlas-chart").locator("canvas")).to_be_visible()
    expect(page.get_by_test_id("atlas-score")).to_contain_text("rank 1 of 10")
    expect_nothing_found(notebook, "atlas-open", pictured=page.get_by_test_id("atlas"))
    expect_none_cut(page)
    page.evaluate("() => window.jupyterapp.shell.collapseLeft()")  # or a narrow window has no room for a notebook
    page.set_viewport_size({"width": 500, "height": 1500})
    page.wait_for_function(PAINTED)
    expect_none_cut(page)
    page.get_by_test_id("atlas").screenshot(path=ARTIFACTS / "atlas-narrow.png")
    page.set_viewport_size({"width": 1280, "height": 1500})
    sheet.press("Escape")
    expect(page.get_by_test_id("atlas-open")).to_be_hidden()
    expect(sheet).to_be_focused()
    notebook.expect_told("atlas.selected", "None")


def expect_none_cut(page: Page) -> None:
    """No tile reaches over the sheet's edge."""
    page.wait_for_function("""() => {
        const edge = document.querySelector('.actmax-atlas-list').getBoundingClientRect().right;
        const tiles = [...document.querySelectorAll('.actmax-atlas-tile:not([hidden])')];
        return tiles.length > 8 && tiles.every(tile => tile.getBoundingClientRect().right <= edge);
    }""")


def play_the_film(notebook: OpenNotebook) -> None:
    """Over the checkpoints, to the last one."""
    page = notebook.page
    notebook.ask("atlas.selected = store.find('conv2', 7, 'epoch 1')")
    expect(page.get_by_test_id("atlas-checkpoint-at")).to_have_text("epoch 1 (1 of 3)")
    page.get_by_test_id("atlas-play").click()
    expect(page.get_by_test_id("atlas-checkpoint-at")).to_have_text("epoch 3 (3 of 3)")
    expect(page.get_by_test_id("atlas-play")).to_have_text("Play")
    page.get_by_test_id("atlas-film").press("Home")
    expect(page.get_by_test_id("atlas-checkpoint-at")).to_have_text("epoch 1 (1 of 3)")


def go_on_while_a_cell_runs(notebook: OpenNotebook, lab: LabServer) -> None:
    """A busy cell keeps nobody from looking, and from going on."""
    page = notebook.page
    notebook.start(BUSY)
    page.get_by_test_id("atlas-go-on").click()
    expect(page.get_by_test_id("atlas-told")).to_have_text("A live widget goes on from it, beneath.", timeout=60_000)
    view = WidgetView(page.locator(".actmax:not(.actmax-atlas)"))
    view.press("Run", then="finished")
    page.get_by_test_id("atlas-search").fill("epoch 2")
    page.wait_for_function(PAINTED)
    (lab.folder / "go-on").touch()
    page.get_by_test_id("atlas-search").fill("")
    expect(view.part("model-name")).to_have_text("digits")
    assert notebook.ask("print(atlas.live.layer, atlas.live.filter_indices)").strip() == "conv2 (7,)"


def compare_two(notebook: OpenNotebook) -> None:
    page = notebook.page
    page.get_by_test_id("atlas-against").select_option("epoch 2")
    page.get_by_test_id("atlas-compare").click()
    expect(page.locator(".actmax")).to_have_count(4, timeout=60_000)
    expect(page.get_by_test_id("title")).to_have_text("epoch 1 and epoch 2, in lock-step")
    page.screenshot(path=ARTIFACTS / "atlas-compare.png")
    notebook.ask("atlas.close_beneath()")
    expect(page.locator(".actmax")).to_have_count(1)


def take_in_what_comes(notebook: OpenNotebook) -> None:
    """A part that is written while it is shown."""
    notebook.ask("(job,) = store.missing; atlas_store.write(store.folder, job, atlas_store.rows_of(job, store.png))")
    expect(notebook.page.get_by_test_id("atlas-status")).to_have_text("126 pictures, 3 failed")
    notebook.ask("atlas.selected = None")


def scroll_many(notebook: OpenNotebook, store: Path) -> None:
    """From one end of 3,000 to the other: what is in the page does not grow."""
    page = notebook.page
    notebook.ask(f"many = am.open_sweep({str(store)!r}).widget()")
    notebook.start("many")
    root = page.get_by_test_id("atlas").nth(1)
    expect(root).to_have_attribute("data-count", "3000")
    sheet = root.get_by_test_id("atlas-list")
    sheet.focus()
    counts = []
    for _ in range(6):
        for _ in range(3):
            sheet.press("PageDown")
        page.wait_for_function(PAINTED)
        counts.append(sheet.evaluate("list => list.querySelectorAll('*').length"))
    sheet.press("End")
    expect(root.locator(".actmax-atlas-tile[data-active]")).to_have_accessible_name(
        "block26, filter 99, activation 0.03500, score 2 of 3"
    )
    page.wait_for_function(PAINTED)
    assert max(counts) < MOST_NODES
    root.screenshot(path=ARTIFACTS / "atlas-many.png")


def lose_the_kernel(notebook: OpenNotebook) -> None:
    """What is there stays; what needs a kernel is off, and says why."""
    page = notebook.page
    notebook.ask("atlas.selected = 0")
    notebook.save()
    notebook.shut_down_kernels()
    expect(page.get_by_test_id("not-connected").first).to_be_visible()
    expect(page.get_by_test_id("atlas-go-on").first).to_be_disabled()
    expect(tile(page, 1).first).to_be_visible()
    expect_nothing_found(notebook, "atlas-lost", pictured=page.get_by_test_id("atlas").first)


def reopen(notebook: OpenNotebook, lab: LabServer) -> None:
    """A saved notebook shows the first pictures to whoever has no kernel."""
    again = open_notebook(notebook.page, lab, "atlas.ipynb")
    saved = again.page.get_by_test_id("atlas-saved").first
    expect(saved).to_be_visible(timeout=60_000)
    expect(again.page.get_by_test_id("not-connected").first).to_be_visible()
    expect(again.page.locator(".jp-RenderedImage img").first).to_be_hidden()  # the same, for pages without widgets
    again.page.screenshot(path=ARTIFACTS / "atlas-saved.png")
