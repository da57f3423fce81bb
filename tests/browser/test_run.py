import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.view import iterations_of


def test_run_pause_step_reset(next_widget):
    # So many that it does not end while the page is looked at, however busy the machine is.
    notebook, view = next_widget("max_iter=1000")
    view.expect_status("ready")
    view.expect_enabled("Run", "Step")

    start = view.pixels()
    view.press("Run", then="running")
    view.expect_enabled("Pause", "Reset")
    view.wait_beyond(20)
    early = view.pixels()
    view.wait_beyond(40)
    late = view.pixels()
    assert not np.array_equal(start, early)
    assert not np.array_equal(early, late)

    view.press("Pause", then="paused")
    view.expect_enabled("Run", "Step", "Reset")
    made = iterations_of(notebook)
    view.expect_iterations(made)
    # A further round trip through the kernel: nothing goes on behind the pause.
    assert iterations_of(notebook) == made
    assert view.rows == view.iteration == made

    view.button("Step").click()
    view.expect_iterations(made + 1)
    assert iterations_of(notebook) == made + 1

    notebook.ask("widget.steps_per_second = None")
    view.press("Run", then="finished")
    view.expect_iterations(iterations_of(notebook))
    assert int(notebook.ask("print(len(widget.history.to_pandas()))")) == view.rows >= 1000

    view.press("Reset", then="ready")
    view.expect_iterations(0)
    view.expect_enabled("Run", "Step")
    assert iterations_of(notebook) == 0


def test_picture_gets_smoother_as_total_variation_is_dragged(next_widget):
    notebook, view = next_widget("tv_weight=0, max_iter=100_000")
    view.press("Run", then="running")
    view.wait_beyond(60)
    rough, before = view.roughness(), view.iteration
    view.note_statuses()

    slider = view.part("tv-weight").get_by_role("slider")
    box = slider.bounding_box()
    mouse = slider.page.mouse
    mouse.move(box["x"] + 2, box["y"] + box["height"] / 2)
    mouse.down()
    mouse.move(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2, steps=15)
    assert view.iteration >= before  # no restart at the start of the drag ...
    mouse.up()
    dragged = view.iteration
    assert dragged >= before  # ... nor at its end
    view.wait_beyond(dragged + 100)

    assert view.roughness() < 0.7 * rough
    assert view.statuses_noted() == []  # neither compiled again nor stopped
    view.press("Pause", then="paused")
    view.expect_iterations(iterations_of(notebook))


def test_typed_weight_reaches_the_kernel(next_widget):
    notebook, view = next_widget()
    field = view.part("tv-weight").get_by_role("spinbutton")
    field.fill("12.5")
    field.press("Enter")
    view.press("Step", then="paused")
    notebook.expect_told("widget.tv_weight", "12.5")


def test_wrong_filter_is_explained_and_the_run_survives(next_widget):
    notebook, view = next_widget("max_iter=100_000")
    view.press("Run", then="running")
    view.wait_beyond(10)
    view.choose(filters=99)
    expect(view.root).to_contain_text(re.compile(r"99"))
    expect(view.root.get_by_role("alert").filter(has_text="99")).to_be_visible()
    view.wait_beyond(view.iteration + 20)
    view.press("Pause", then="paused")
    view.expect_iterations(iterations_of(notebook))


BLOCKING = ["widget.wait(20)", pytest.param("import time; time.sleep(20)", marks=pytest.mark.soak)]


@pytest.mark.parametrize("blocking", BLOCKING)
def test_pause_works_while_a_cell_blocks(next_widget, blocking):
    notebook, view = next_widget("max_iter=100_000")
    view.press("Run", then="running")
    notebook.start(blocking)
    busy = notebook.page.locator(".jp-InputPrompt", has_text="[*]")
    expect(busy).to_be_visible()
    view.wait_beyond(view.iteration + 20)
    view.button("Pause").click()
    view.expect_status("paused", seconds=5)
    if "wait" not in blocking:  # which ends by itself; a cell that is interrupted as it ends may stay busy (ipykernel)
        notebook.command("notebook:interrupt-kernel")
    expect(busy).to_have_count(0)
    view.expect_iterations(iterations_of(notebook))
