"""What takes minutes: `make soak`. Many views and Python at once, a cell run a hundred times, thirty widgets."""

import json
import random
from typing import Any

import pytest
from playwright.sync_api import Locator, TimeoutError, expect  # noqa: A004 - playwright's own name

from tests.browser.lab import ARTIFACTS, QUICK, OpenNotebook, open_notebook, write_notebook
from tests.browser.view import WidgetView

pytestmark = pytest.mark.soak

ROUNDS, COMPARED_EVERY = 300, 40
FACTS = """import json
widget.pause(); widget.wait(60)
print(json.dumps([widget.status, widget.iteration, len(widget.history), widget.layer,
    widget.filter_indices and list(widget.filter_indices), widget.tv_weight, widget.jitter]))"""
# A function, as its names would hold the widgets; with the kernel's number, as one that dies is started again.
MEMORY = """import ctypes, gc, os, psutil, threading
from ipywidgets.widgets.widget import _instances as known
def count():
    gc.collect(); ctypes.CDLL("libc.so.6").malloc_trim(0)
    busy = [w for w in list(known.values()) if getattr(w, "status", "") in ("compiling", "running")]
    ours = [t for t in threading.enumerate() if t.name.startswith("actmax")]
    print(psutil.Process().memory_info().rss / 2**20, len(busy), len(ours), os.getpid())
count()"""


def python_does(notebook: OpenNotebook, chance: random.Random) -> None:
    value = chance.choice(["tv_weight = 3.5", "tv_weight = 20", "jitter = 2", "jitter = 0", "filter_indices = 4"])
    action = chance.choice(["start()", "pause()", "step(3)", "reset()", "visualize_layer([0, 1])", value])
    notebook.ask(f"widget.{action}")


def press(part: Locator) -> None:
    """Press a button. Another view, or Python, may have just had it taken away: then there is nothing to press."""
    try:
        part.click(timeout=10_000)
    except TimeoutError:
        if part.is_visible():
            raise


def page_does(view: WidgetView, chance: random.Random) -> None:
    name = chance.choice(["Run", "Pause", "Step", "Reset", "layer", "weight", "filters", "tiles"])
    if name == "layer":
        view.choose(layer=chance.choice(["out", "conv2", "conv3"]))
    elif name == "weight":
        view.part("tv-weight").get_by_role("slider").press(chance.choice(["ArrowUp", "ArrowDown", "PageUp"]))
    elif name == "filters":
        view.choose(filters=chance.choice(["0", "3", "1, 2", "99", ""]))
    elif name == "tiles":
        tiles = view.part("tiles-close")
        press(tiles if tiles.is_visible() else view.part("all-filters"))
    elif view.part(name.lower()).is_enabled():
        view.part(name.lower()).click(force=True)


def shows(view: WidgetView, facts: list[Any]) -> None:
    status, iteration, rows, layer, _, tv_weight, _ = facts
    view.expect_status(status)
    view.expect_iterations(iteration)
    assert view.rows == rows
    expect(view.part("layer")).to_have_value(layer)
    expect(view.part("tv-weight").get_by_role("spinbutton")).to_have_value(f"{tv_weight:g}")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_300_random_operations_from_two_views_and_python(page, lab, seed):
    first = f"import actmax_widget as am\nwidget = am.ActMaxWidget({QUICK}max_iter=400)\nwidget"
    write_notebook(lab.folder / f"soak-{seed}.ipynb", [first, "widget"])
    notebook = open_notebook(page, lab, f"soak-{seed}.ipynb")
    notebook.run(0)
    notebook.run(1)
    expect(notebook.widget).to_have_count(2)
    views = [WidgetView(notebook.widget.nth(number)) for number in range(2)]
    chance = random.Random(seed)  # noqa: S311 - a test's
    for number in range(1, ROUNDS + 1):
        who = chance.choice([None, *views])
        python_does(notebook, chance) if who is None else page_does(who, chance)
        if number % COMPARED_EVERY == 0 or number == ROUNDS:
            facts = json.loads(notebook.ask(FACTS))
            for view in views:
                shows(view, facts)


def test_100_reruns_of_a_cell_leave_one_run(page, lab):
    cell = f"import actmax_widget as am\nwidget = am.ActMaxWidget({QUICK}max_iter=10**8)\nwidget.start()\nwidget"
    write_notebook(lab.folder / "reruns.ipynb", [cell, MEMORY])
    notebook = open_notebook(page, lab, "reruns.ipynb")
    for _ in range(40):  # what TensorFlow's threads and Python's allocators set up once takes some 50 MB
        notebook.run(0)
    before, *_, kernel = map(float, notebook.run(1).split())
    for _ in range(100):
        notebook.run(0)
    view = WidgetView(notebook.widget)
    view.wait_beyond(view.iteration + 20)
    after, busy, threads, same_kernel = map(float, notebook.run(1).split())
    (ARTIFACTS / "reruns.txt").write_text(f"{(after - before) / 100:.3f} MB a re-run\n")
    assert same_kernel == kernel
    assert busy == 1
    assert threads <= 2
    assert after - before <= 50
    view.press("Pause", then="paused")


def test_30_widgets_at_once(page, lab):
    # JupyterLab shows 50 outputs of a cell until "Show more outputs" is pressed, and a widget has two: it and its card.
    make = f"import actmax_widget as am\nwidgets = [am.ActMaxWidget({QUICK}filter_indices=n % 10) for n in range(30)]"
    show = "for w in widgets[{}:{}]: display(w); w.start()"
    write_notebook(lab.folder / "thirty.ipynb", [make, show.format(0, 15), show.format(15, 30)])
    notebook = open_notebook(page, lab, "thirty.ipynb")
    for cell in range(3):
        notebook.run(cell)
    expect(notebook.widget).to_have_count(30)
    for number in range(30):
        view = WidgetView(notebook.widget.nth(number))
        view.root.scroll_into_view_if_needed()
        view.expect_status("finished", seconds=240)
        view.expect_iterations(500)


def test_ten_views_of_one_widget(page, lab):
    first = f"import actmax_widget as am\nwidget = am.ActMaxWidget({QUICK}max_iter=100_000)\nwidget"
    write_notebook(lab.folder / "ten.ipynb", [first, *["widget"] * 9])
    notebook = open_notebook(page, lab, "ten.ipynb")
    for cell in range(10):
        notebook.run(cell)
    expect(notebook.widget).to_have_count(10)
    views = [WidgetView(notebook.widget.nth(number)) for number in range(10)]
    views[0].press("Run", then="running")
    for view in reversed(views):  # one after the other comes into sight, and shows what is newest then
        made = views[0].iteration
        view.root.scroll_into_view_if_needed()
        view.wait_beyond(made)
    field = views[9].part("tv-weight").get_by_role("spinbutton")
    field.fill("12.5")
    field.press("Enter")
    notebook.expect_told("widget.tv_weight", "12.5")
    views[4].press("Pause", then="paused")
    facts = json.loads(notebook.ask(FACTS))
    for view in views:
        view.root.scroll_into_view_if_needed()
        shows(view, facts)


def test_a_page_does_not_grow_with_100_000_iterations(first_widget):
    notebook, view = first_widget("max_iter=120_000, steps_per_second=None")
    devtools = notebook.page.context.new_cdp_session(notebook.page)

    def megabytes() -> float:
        devtools.send("HeapProfiler.collectGarbage")
        usage = devtools.send("Runtime.getHeapUsage")
        return sum(usage[name] for name in ("usedSize", "embedderHeapUsedSize", "backingStorageSize")) / 2**20

    view.press("Run", then="running")
    found = {}
    for iteration in (20_000, 100_000):
        view.wait_beyond(iteration)
        found[view.iteration] = megabytes()
    before, after = found.values()
    (ARTIFACTS / "long-run.txt").write_text(", ".join(f"{mb:.1f} MB at {at}" for at, mb in found.items()))
    # A row is 24 bytes, and room is made for twice as many. The notebook's own copy comes when the run pauses.
    assert after - before < 8
