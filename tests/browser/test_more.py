"""The parts under More: starting picture, modifiers, several filters."""

import io

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from tests.browser.lab import ARTIFACTS


def test_starting_picture_is_uploaded_and_taken_away_again(first_widget):
    _, view = first_widget("max_iter=20")
    file = io.BytesIO()
    Image.fromarray(np.tile(np.linspace(0, 255, 50).astype(np.uint8), (40, 1))).save(file, "png")
    view.part("more").locator("summary").click()
    view.part("seed-file").set_input_files({"name": "ramp.png", "mimeType": "image/png", "buffer": file.getvalue()})
    expect(view.part("seed-name")).to_contain_text("ramp.png")
    expect(view.part("seed-picture")).to_be_visible()
    view.press("Step", then="paused")
    columns = view.pixels()[..., 0].astype(float).mean(axis=0)
    assert (np.diff(columns) > 0).all()  # the first step measures the starting picture: a ramp
    view.root.screenshot(path=ARTIFACTS / "more.png")
    view.press("Run", then="finished")
    view.part("seed-clear").click()
    expect(view.part("seed-name")).not_to_contain_text("ramp.png")
    view.press("Reset", then="ready")


def test_bad_file_is_explained(first_widget):
    _, view = first_widget()
    view.part("more").locator("summary").click()
    view.part("seed-file").set_input_files({"name": "no.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(view.part("error")).to_contain_text("seed_picture: expected a picture file")


def test_modifiers_and_several_filters(first_widget):
    notebook, view = first_widget("max_iter=10, layer='conv2'")
    view.part("more").locator("summary").click()
    view.part("backprop-modifier").select_option("guided")
    view.part("grad-modifier").select_option("negate")
    view.part("filters").fill("1, 3-4")
    view.part("filters").press("Enter")
    view.press("Run", then="finished")
    shown = notebook.ask("print(widget.filter_indices, widget.backprop_modifier, widget.grad_modifier)")
    assert shown.strip() == "(1, 3, 4) guided negate"
