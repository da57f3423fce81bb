"""Coming back: after a reload, in a second cell, from a saved notebook the picture and all rows are there again."""

import numpy as np
from playwright.sync_api import expect

from tests.browser.lab import reopen_without_kernel
from tests.browser.view import WidgetView, iterations_of


def test_reload_during_a_run(first_widget):
    notebook, view = first_widget("max_iter=100_000")
    view.press("Run", then="running")
    view.wait_beyond(50)
    notebook.save()
    before = view.iteration
    notebook.reload()
    expect(view.root).to_be_visible()
    view.wait_beyond(before + 20)
    view.press("Pause", then="paused")
    view.expect_iterations(iterations_of(notebook))


def test_second_display(next_widget):
    notebook, view = next_widget("max_iter=100_000")
    view.press("Run", then="running")
    view.wait_beyond(30)
    notebook.start("widget")
    expect(notebook.widget).to_have_count(2)
    first, second = WidgetView(notebook.widget.nth(0)), WidgetView(notebook.widget.nth(1))
    second.wait_beyond(50)
    second.press("Pause", then="paused")
    first.expect_status("paused")
    made = iterations_of(notebook)
    first.expect_iterations(made)
    second.expect_iterations(made)
    assert np.array_equal(first.pixels(), second.pixels())


def test_saved_notebook_without_its_kernel(first_widget, lab):
    notebook, view = first_widget("max_iter=60")
    view.press("Run", then="finished")
    view.expect_iterations(60)
    picture = view.pixels()
    view = WidgetView(reopen_without_kernel(notebook, lab).widget)
    view.expect_iterations(60)
    assert np.array_equal(view.pixels(), picture)
    expect(view.root).to_contain_text("Not connected to a kernel")
    view.expect_enabled()
