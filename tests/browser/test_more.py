"""The parts under More: starting picture, modifiers, several filters."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from tests.browser.lab import ARTIFACTS
from tests.browser.view import WidgetView


def png(image: Image.Image) -> bytes:
    """Give a picture as the bytes of a PNG file."""
    file = io.BytesIO()
    image.save(file, "png")
    return file.getvalue()


def upload(view: WidgetView, name: str, data: bytes) -> None:
    """Choose a file of this name as the starting picture."""
    view.part("seed-file").set_input_files({"name": name, "mimeType": "image/png", "buffer": data})


def wide() -> bytes:
    """Give a picture ten times as wide as it is high, with a white square in its middle."""
    image = Image.new("L", (640, 64), 60)
    ImageDraw.Draw(image).rectangle((304, 16, 335, 47), 255)
    return png(image)


def test_starting_picture_is_uploaded_and_taken_away_again(next_widget):
    _, view = next_widget("max_iter=20")
    view.open_tab("more")
    upload(view, "ramp.png", png(Image.fromarray(np.tile(np.linspace(0, 255, 50).astype(np.uint8), (40, 1)))))
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


@pytest.mark.parametrize("theme", ["Light", pytest.param("Dark", marks=pytest.mark.soak)])
def test_another_shape_is_cropped_and_said_and_padded_by_choice(next_widget, theme):
    notebook, view = next_widget()
    notebook.command("apputils:change-theme", theme=f"JupyterLab {theme}")
    expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-name", f"JupyterLab {theme}")
    view.open_tab("more")
    upload(view, "wide.png", wide())
    note = view.part("seed-note")
    expect(note).to_have_text("Cropped from 640 × 64 to the middle 64 × 64.")
    view.root.screenshot(path=ARTIFACTS / f"more-crop-{theme.lower()}.png")
    view.part("seed-fit").select_option("by padding")
    expect(note).to_have_text("Padded from 640 × 64 to the input's shape.")
    expect(view.part("seed-name")).to_have_text("wide.png")
    view.root.screenshot(path=ARTIFACTS / f"more-pad-{theme.lower()}.png")
    view.press("Step", then="paused")
    grey = view.pixels()[..., 0]
    assert set(grey[[0, -1]].ravel()) <= {127, 128}
    assert grey[13, 0] < 100
    assert grey[13, 13] > 127
    view.part("seed-fit").select_option("by cropping")
    expect(note).to_contain_text("Cropped from 640 × 64 to the middle 64 × 64. Takes effect at the next fresh start")
    view.press("Reset", then="ready")
    assert [*view.pixels()[14, [0, 14], 0]] == [60, 255]


@pytest.mark.parametrize("theme", ["Dark", pytest.param("Light", marks=pytest.mark.soak)])
def test_a_file_that_is_no_picture_is_explained_beside_its_button(next_widget, theme):
    notebook, view = next_widget()
    notebook.command("apputils:change-theme", theme=f"JupyterLab {theme}")
    expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-name", f"JupyterLab {theme}")
    view.open_tab("more")
    upload(view, "notes.txt", b"no picture")
    problem = view.part("seed-problem")
    expect(problem).to_be_visible()
    expect(problem).to_have_text(
        "notes.txt is not a picture that can be read. Choose a PNG, JPEG, WebP, GIF, TIFF or BMP file."
    )
    expect(view.part("seed-name")).to_have_text("noise")
    expect(view.part("error")).to_be_hidden()  # not said twice
    button, sentence = view.part("seed-upload").bounding_box(), problem.bounding_box()
    assert 0 <= sentence["y"] - button["y"] - button["height"] < 10
    view.root.screenshot(path=ARTIFACTS / f"more-refused-{theme.lower()}.png")
    assert notebook.ask("print(widget.error)").startswith("seed_picture: expected a picture")
    upload(view, "wide.png", wide())
    expect(problem).to_be_hidden()
    expect(view.part("error")).to_be_hidden()
    expect(view.part("seed-name")).to_have_text("wide.png")


def test_the_last_of_ten_uploads_wins(next_widget):
    notebook, view = next_widget()
    view.open_tab("more")
    for shade in range(0, 100, 10):
        upload(view, f"{shade}.png", png(Image.new("L", (30, 30), shade)))
    expect(view.part("seed-name")).to_have_text("90.png")
    assert notebook.ask("print(widget.seed_name, widget.seed_input.mean())").strip() == "90.png 90.0"


def test_modifiers_and_several_filters(next_widget):
    notebook, view = next_widget("max_iter=10, layer='conv2'")
    view.open_tab("more")
    view.part("backprop-modifier").select_option("guided")
    view.part("grad-modifier").select_option("negate")
    view.part("filters").fill("1, 3-4")
    view.part("filters").press("Enter")
    view.press("Run", then="finished")
    shown = notebook.ask("print(widget.filter_indices, widget.backprop_modifier, widget.grad_modifier)")
    assert shown.strip() == "(1, 3, 4) guided negate"
