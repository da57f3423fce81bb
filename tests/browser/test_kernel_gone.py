"""A kernel that is gone: the widget says so at once, stands still, and what it shows can still be read and saved."""

import os
import re
import signal
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.lab import QUICK, OpenNotebook
from tests.browser.view import WidgetView

SESSION = "window.jupyterapp.shell.currentWidget.context.sessionContext"
# JupyterLab gives a connection up that was closed in good order, and makes one anew that broke.
LOST = 3001
NO_KERNEL = f"() => {SESSION}.session === null"
# A new kernel has answered: whatever the old one had to say has come.
NEW_KERNEL = f"""() => {SESSION}.session?.kernel?.connectionStatus === 'connected'
    && {SESSION}.session.kernel.status === 'idle'"""
SLOW_TO_COMPILE = """
import threading, time, keras, actmax_widget as am
class Slow(keras.layers.Layer):
    def call(self, x):
        if threading.current_thread() is not threading.main_thread():
            time.sleep(60)
        return x
model = keras.Sequential([keras.layers.Input((8, 8, 1)), Slow(), keras.layers.Conv2D(4, 3)])
widget = am.ActMaxWidget(model, preset="keras-vis")
widget"""


def expect_still(view: WidgetView, reason: str, *, seconds: float = 1.5) -> None:
    """Wait until the view says that its kernel is gone, and see that nothing in it pretends otherwise."""
    note = view.part("not-connected")
    expect(note).to_have_text(re.compile(f"^Not connected to a kernel.*{reason}"), timeout=seconds * 1000)
    expect(view.part("status")).to_be_hidden()
    expect(view.part("figures")).not_to_contain_text("left")
    expect(view.part("figures")).not_to_contain_text("steps/s")
    expect(view.part("message")).to_be_empty()
    expect(view.root.locator("progress:indeterminate:visible")).to_have_count(0)
    for control in ("run", "pause", "step", "reset", "layer", "filters", "all-filters", "tv-weight-value"):
        expect(view.part(control)).to_be_disabled()


def expect_readable(view: WidgetView) -> None:
    """See that picture and table can still be used."""
    assert view.pixels().std() > 1
    with view.root.page.expect_download() as download:
        view.part("save").click()
    assert download.value.suggested_filename.endswith(".png")
    view.part("table").evaluate("table => { table.scrollTop = 0; }")
    expect(view.part("table").get_by_role("cell", name="1", exact=True)).to_be_in_viewport()


def begin_run(view: WidgetView) -> None:
    view.press("Run", then="running")
    view.wait_beyond(30)
    expect(view.part("figures")).to_contain_text("left")


def test_restart_in_mid_run_and_then_a_crash(first_widget):
    notebook, view = first_widget("max_iter=100_000")
    begin_run(view)
    notebook.page.evaluate(f"() => {{ {SESSION}.restartKernel(); }}")
    expect_still(view, "restarted")
    expect_readable(view)
    notebook.page.wait_for_function(NEW_KERNEL)
    assert view.iteration == view.rows  # both stand still
    notebook.run(0)  # its kernel knows nothing of the old view ...
    expect(view.part("not-connected")).to_be_hidden()  # ... and shows another

    notebook.ask(f"tiles = am.ActMaxWidget({QUICK}layer='conv3', max_iter=2000); tiles.visualize_layer()")
    notebook.start("tiles")
    expect(notebook.widget).to_have_count(2)
    view, tiles = WidgetView(notebook.widget.first), WidgetView(notebook.widget.last)
    expect(tiles.part("tiles")).to_have_attribute("data-status", "running", timeout=60_000)
    os.kill(int(notebook.ask("import os; print(os.getpid())")), signal.SIGKILL)
    # The server looks after its kernels every three seconds.
    expect_still(tiles, "died", seconds=8)
    expect(view.part("not-connected")).to_contain_text("died")
    expect(tiles.part("tiles-status")).to_have_text("not finished")
    expect(tiles.part("tiles-figures")).not_to_contain_text("left")
    expect(tiles.part("tiles-toggle")).to_be_disabled()
    assert tiles.part("tile-grid").get_by_role("button").count() > 20


def test_shut_down_in_mid_run_and_while_compiling(first_widget):
    notebook, view = first_widget("max_iter=100_000")
    begin_run(view)
    notebook.start(SLOW_TO_COMPILE)
    expect(notebook.widget).to_have_count(2)
    view, compiling = WidgetView(notebook.widget.first), WidgetView(notebook.widget.last)
    compiling.press("Run", then="compiling")
    expect(compiling.root.locator("progress:indeterminate:visible")).to_have_count(1)
    notebook.page.evaluate(f"() => {{ {SESSION}.shutdown(); }}")
    expect_still(view, "shut down")
    made = view.iteration
    expect_still(compiling, "shut down")
    notebook.page.wait_for_function(NO_KERNEL)
    assert view.iteration == made  # the kernel's last words were not listened to
    expect_readable(view)


class Cable:
    """The connection to the kernel, to be pulled and plugged in again."""

    def __init__(self, page: Page) -> None:
        self.plugged = True
        self._sockets: list[WebSocketRoute] = []
        page.route_web_socket(re.compile(r"/channels"), self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        if self.plugged:
            socket.connect_to_server()
            self._sockets.append(socket)
        else:
            socket.close(code=LOST)

    def pull(self) -> None:
        self.plugged = False
        for socket in self._sockets:
            socket.close(code=LOST)


@pytest.fixture
def cable(page: Page) -> Cable:
    return Cable(page)


def test_lost_connection_comes_back_by_itself(
    cable: Cable, first_widget: Callable[..., tuple[OpenNotebook, WidgetView]]
):
    _, view = first_widget("max_iter=100_000")
    begin_run(view)
    cable.pull()
    expect_still(view, "connection is lost")
    before = view.iteration
    cable.plugged = True
    expect(view.part("not-connected")).to_be_hidden()
    view.wait_beyond(before + 20)
    view.press("Pause", then="paused")
    view.expect_enabled("Run", "Step", "Reset")
