"""The model: its layers as a tree, their weights, and where a picture is answered."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.boxes import faults, settle
from tests.browser.conftest import FirstWidget
from tests.browser.lab import ARTIFACTS, OpenNotebook
from tests.browser.test_accessible import AXE, expect_nothing_found
from tests.browser.view import WidgetView

NESTED = """import keras
inputs = keras.Input((28, 28, 1))
inner = am.demo.digits()
nested = keras.Model(inputs, keras.layers.Softmax(name="probability")(inner(keras.layers.Rescaling(1)(inputs))))"""


@pytest.fixture
def of_a_nested_model(shared: OpenNotebook, next_widget: FirstWidget) -> tuple[OpenNotebook, WidgetView]:
    """A widget of a model in which there is another."""
    shared.ask(NESTED)
    return next_widget("nested, filter_indices=3, max_iter=60", model="")


def test_a_layer_is_searched_chosen_and_looked_into(of_a_nested_model):
    notebook, view = of_a_nested_model
    page = notebook.page
    view.press("Run", then="finished")
    view.part("tab-network").click()
    view.part("layer-search").fill("conv1")
    view.root.locator("[data-layer='digits/conv1']").click()
    expect(view.part("layer")).to_have_value("digits/conv1")
    view.part("layer-search").fill("")
    view.part("ask-weights").click()
    expect(view.part("weight-pictures").locator("canvas")).to_have_count(16)
    view.part("ask-response").click()
    expect(view.part("response-sentence")).to_contain_text("at 28 × 28 places of the picture of iteration 60")
    expect(view.part("response")).to_be_visible()
    for theme in ("Dark", "Light"):
        notebook.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        expect(page.locator("body")).to_have_attribute("data-jp-theme-name", f"JupyterLab {theme}")
        settle(page)
        view.root.screenshot(path=ARTIFACTS / f"network-{theme.lower()}.png")
        assert faults(view.root) == []


IN_SIGHT = """button => {
    const [a, b] = [button, button.closest('.actmax-map-frame')].map(e => e.getBoundingClientRect());
    return a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom;
}"""


def node_of(view: WidgetView, name: str) -> Locator:
    return view.part("map-layers").locator(f"[data-layer='{name}']")


def expect_in_sight(node: Locator) -> None:
    node.page.wait_for_function(IN_SIGHT, arg=node.element_handle())


def middle(node: Locator) -> tuple[float, float]:
    box = node.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_layers_hang_together_on_a_map(of_a_nested_model, next_widget):
    notebook, view = of_a_nested_model
    page = notebook.page
    view.part("tab-network").click()
    view.part("show-map").click()
    expect(node_of(view, "probability")).to_have_attribute("aria-current", "true")
    expect_in_sight(node_of(view, "probability"))

    # Along what flows, into the model inside; Enter chooses there.
    node_of(view, "probability").press("ArrowUp")
    expect(node_of(view, "digits/out")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(node_of(view, "digits/conv3")).to_be_focused()
    expect_in_sight(node_of(view, "digits/conv3"))
    page.keyboard.press("Enter")
    expect(view.part("layer")).to_have_value("digits/conv3")
    expect(node_of(view, "digits/conv3")).to_have_attribute("aria-current", "true")
    assert node_of(view, "digits/conv3").get_attribute("aria-label") == "digits/conv3, Conv2D, 7 × 7 × 64, from pool2"

    # What is dragged is not chosen; what is clicked is.
    box, start = view.part("map-frame").bounding_box(), middle(node_of(view, "digits/conv2"))
    assert box
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0], start[1] + 60, steps=4)
    page.mouse.up()
    expect(view.part("layer")).to_have_value("digits/conv3")
    page.wait_for_function(
        "([node, y]) => node.getBoundingClientRect().top + node.getBoundingClientRect().height / 2 > y + 30",
        arg=[node_of(view, "digits/conv2").element_handle(), start[1]],
    )
    node_of(view, "digits/conv2").click()
    expect(view.part("layer")).to_have_value("digits/conv2")
    view.part("layer-search").fill("pool1")
    expect(node_of(view, "digits/pool1")).to_have_attribute("data-found", "")
    page.add_script_tag(path=AXE)
    expect_nothing_found(notebook, "the map")
    picture(notebook, view, "map-digits")

    _, view = next_widget(model='am.demo.photos(), layer="fire4_concat", max_iter=4')
    view.part("tab-network").click()
    view.part("show-map").click()
    chosen = node_of(view, "fire4_concat")
    expect(chosen).to_have_attribute("aria-current", "true")
    # Two branches beside each other, and one that both come to.
    left, right = (middle(node_of(view, f"fire4_expand{side}")) for side in ("1x1", "3x3"))
    assert left[1] == right[1] < middle(chosen)[1]
    assert left[0] < middle(chosen)[0] < right[0]
    picture(notebook, view, "map-photos")
    view.root.evaluate("root => { root.parentElement.style.width = '360px'; }")
    settle(page)
    expect(view.part("map-frame")).to_be_visible()
    expect_in_sight(chosen)
    assert faults(view.root) == []
    view.part("network").screenshot(path=ARTIFACTS / "map-photos-360.png")


def picture(notebook: OpenNotebook, view: WidgetView, name: str) -> None:
    for theme in ("Dark", "Light"):
        notebook.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-name", f"JupyterLab {theme}")
        # JupyterLab draws a veil over the page, which fades away.
        expect(notebook.page.locator("#jupyterlab-splash")).to_have_count(0)
        settle(notebook.page)
        view.part("network").screenshot(path=ARTIFACTS / f"{name}-{theme.lower()}.png")
        assert faults(view.root) == []
