"""The model: its layers as a tree, their weights, and where a picture is answered."""

from playwright.sync_api import Page, expect

from tests.browser.boxes import faults, settle
from tests.browser.lab import ARTIFACTS, LabServer, open_notebook, write_notebook
from tests.browser.view import WidgetView

NESTED = """
import keras
import actmax_widget as am
inputs = keras.Input((28, 28, 1))
inner = am.demo.digits()
model = keras.Model(inputs, keras.layers.Softmax(name="probability")(inner(keras.layers.Rescaling(1)(inputs))))
widget = am.ActMaxWidget(model, filter_indices=3, max_iter=60)
widget"""


def test_a_layer_is_searched_chosen_and_looked_into(page: Page, lab: LabServer) -> None:
    write_notebook(lab.folder / "network.ipynb", [NESTED])
    notebook = open_notebook(page, lab, "network.ipynb")
    notebook.run(0)
    view = WidgetView(notebook.widget)
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
