import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.lab import ARTIFACTS


def test_first_cell_shows_the_whole_instrument(first_widget):
    _, view = first_widget()
    view.expect_status("ready")
    layers = view.part("layer").locator("option").all_text_contents()
    assert layers[-1].startswith("out")
    assert "Dense" in layers[-1]
    assert any("Conv2D" in layer and "×" in layer for layer in layers)
    for part in ("filters", "picture", "table", "progress"):
        expect(view.part(part)).to_be_visible()
    for button in ("Run", "Pause", "Step", "Reset"):
        expect(view.button(button)).to_be_visible()
    expect(view.part("error")).to_be_hidden()
    # The first thing to see is the widget, not the log of TensorFlow on a red ground.
    expect(
        view.root.page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']")
    ).to_have_count(0)


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_colours_follow_the_theme(first_widget, theme):
    notebook, view = first_widget("max_iter=30")
    notebook.command("apputils:change-theme", theme=f"JupyterLab {theme}")
    expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-name", f"JupyterLab {theme}")
    view.press("Run", then="finished")
    text, behind = (np.mean(colour) for colour in view.colours())
    assert (text > behind) == (theme == "Dark")
    assert abs(text - behind) > 100  # far enough apart to be read
    view.root.screenshot(path=ARTIFACTS / f"widget-{theme.lower()}.png")
