import numpy as np
import pytest

from tests.browser.view import iterations_of

CLASSIFY = "print(int(am.demo.digits().predict(widget.image[None], verbose=0).argmax()))"


@pytest.mark.soak  # the goldfish of test_photos.py is the same, for photographs
def test_digit_three(next_widget):
    notebook, view = next_widget("max_iter=300, steps_per_second=None, layer='conv1'")
    view.choose(layer="out", filters=3)
    view.press("Run", then="finished")
    assert view.pixels().shape == (28, 28, 4)
    assert notebook.ask(CLASSIFY).split()[-1] == "3"
    assert notebook.ask("print(widget.layer, list(widget.filter_indices))").strip() == "out [3]"


def test_layer_chosen_during_a_run_starts_afresh(next_widget):
    notebook, view = next_widget("max_iter=100_000")
    view.press("Run", then="running")
    view.wait_beyond(150)
    digit = view.pixels()
    view.choose(layer="conv2")
    notebook.page.wait_for_function(
        "root => Number(root.dataset.iteration) < 100", arg=view.root.element_handle(), timeout=30_000
    )
    view.wait_beyond(5)
    assert not np.array_equal(view.pixels(), digit)
    view.press("Pause", then="paused")
    view.expect_iterations(iterations_of(notebook))
    assert notebook.ask("print(widget.layer)").strip() == "conv2"
