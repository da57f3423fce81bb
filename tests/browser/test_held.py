"""The picture on screen is the newest, whenever it is shown; what nobody holds stops; figures stay whole."""

import time

from playwright.sync_api import Page, expect

from tests.browser.lab import QUICK, LabServer, OpenNotebook, open_notebook, write_notebook
from tests.browser.view import WidgetView, iterations_of

MANY = f"import actmax_widget as am\nwidget = am.ActMaxWidget({QUICK}max_iter=10**7)"
BUSY = """from ipywidgets.widgets.widget import _instances
def busy(): return sum(getattr(w, "status", "") in ("compiling", "running") for w in list(_instances.values()))
"""
RUNNING = f"{BUSY}print(busy())"
# Sooner than for a person.
UNHEARD = """import time
from actmax_widget.view import stream
usual, stream.SILENCE = stream.SILENCE, 0.1
end = time.monotonic() + 60
while widget._stream._listening and time.monotonic() < end: time.sleep(.1)
stream.SILENCE = usual
print(widget._stream._listening)"""


def opened(page: Page, lab: LabServer, name: str, cells: list[str]) -> OpenNotebook:
    write_notebook(lab.folder / f"{name}.ipynb", cells)
    return open_notebook(page, lab, f"{name}.ipynb")


def test_shown_long_after_its_start_it_shows_the_newest(page, lab):
    notebook = opened(page, lab, "late", [f"{MANY}\nwidget.start()", UNHEARD, "widget"])
    notebook.run(0)
    assert notebook.run(1).strip() == "False"  # the kernel gave up: nobody has drawn anything
    notebook.run(2)
    view = WidgetView(notebook.widget)
    view.wait_beyond(iterations_of(notebook))
    view.press("Pause", then="paused")
    view.expect_iterations(iterations_of(notebook))
    # And again after its output was cleared for as long.
    view.press("Run", then="running")
    notebook.command("notebook:clear-all-cell-outputs")
    expect(notebook.widget).to_have_count(0)
    assert notebook.run(1).strip() == "False"
    assert notebook.ask("print(widget.status)").strip() == "running"  # it has a name
    notebook.run(2)
    view.wait_beyond(iterations_of(notebook))
    view.press("Pause", then="paused")
    view.expect_iterations(iterations_of(notebook))


def test_what_nobody_holds_stops(page, lab):
    cells = [
        f"{MANY}; widget.start()\nwidget",
        f"import actmax_widget as am\nam.ActMaxWidget({QUICK}max_iter=10**7)",
    ]
    notebook = opened(page, lab, "held", cells)
    for _ in range(3):
        notebook.run(0)
    expect(notebook.widget).to_have_count(1)
    expect_running(notebook, 1)
    notebook.ask("del widget")
    expect_running(notebook, 0)
    # Without a name its output holds it.
    notebook.run(1)
    view = WidgetView(notebook.widget.nth(1))
    view.press("Run", then="running")
    expect_running(notebook, 1)
    notebook.page.evaluate("""() => {
        const {content} = window.jupyterapp.shell.currentWidget;
        content.activeCellIndex = 1;
        return window.jupyterapp.commands.execute('notebook:clear-cell-output');
    }""")
    expect(notebook.widget).to_have_count(1)
    expect_running(notebook, 0)
    notebook.run(1)
    WidgetView(notebook.widget.nth(1)).press("Run", then="running")
    notebook.run(1)
    expect_running(notebook, 0)


def expect_running(notebook: OpenNotebook, count: int) -> None:
    """Wait until so many widgets run, asking in short cells.

    Nobody looks for references while a cell runs or a step is compiled: then it is looked again after a second.
    """
    end = time.monotonic() + 60
    while (busy := notebook.ask(RUNNING).strip()) != str(count) and time.monotonic() < end:
        pass
    assert busy == str(count)


def test_figures_are_whole_while_a_widget_runs(next_widget):
    draw = """%matplotlib inline
import matplotlib.pyplot as plt, time
for number in range(3):
    figure, axes = plt.subplots(2, 2)
    for ax in axes.flat:
        ax.plot([0, number]); time.sleep(.2)
plt.show()
plt.plot([1, 2]); time.sleep(.3); plt.title('last');"""
    notebook, view = next_widget("max_iter=10**7")
    view.press("Run", then="running")
    view.wait_beyond(20)
    notebook.ask(draw)
    figures = notebook.page.locator(".jp-Cell").last.locator(".jp-RenderedImage img")
    view.press("Pause", then="paused")
    expect(figures).to_have_count(4)
    heights = {figures.nth(number).evaluate("image => image.naturalHeight") for number in range(3)}
    assert len(heights) == 1
