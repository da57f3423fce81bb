"""Wherever the widget is put, all of it can be read."""

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.boxes import faults, settle, widths
from tests.browser.lab import ARTIFACTS, OpenNotebook, open_notebook, write_notebook
from tests.browser.view import WidgetView

# Names, numbers and lists as long as they come.
SETUP = """
import ipywidgets as W, keras, actmax_widget as am
from keras import layers
model = keras.Sequential([
    layers.Input((12, 12, 1)),
    layers.Conv2D(512, 3, name="block_17_expanded_depthwise_separable_convolution"),
    layers.GlobalAveragePooling2D(), layers.Dense(10, name="out"),
], name="a_network_with_a_name_that_goes_on_and_on_and_is_longer_than_any_line")
a, b, c = (am.ActMaxWidget(model, 0, preset="keras-vis", filter_indices=[1, 2, 3, 5, 7, 9, 11], max_iter=1,
                           tv_weight=-12345.6, input_range=(-123.68, 151.061)) for _ in range(3))
for widget in (a, b, c):
    widget.set_trait("error", "layer: expected one of these layers, received 'block_17_expanded_depthwise'. Look.")
a.start(), a.wait(60), a.visualize_layer(range(12)), a.wait(60)
"""
PLACES = {
    "cell": "a",
    "hbox-2": "W.HBox([a, b])",
    "hbox-3": "W.HBox([a, b, c])",
    "hbox-beside": "W.HBox([W.IntSlider(description='A slider'), a])",
    "hbox-of-vbox": "W.HBox([W.VBox([W.Label('A'), a]), W.VBox([W.Label('B'), b])])",
    "gridbox": "W.GridBox([a, b], layout={'grid_template_columns': 'repeat(2, 1fr)'})",
    "tab": "W.Tab([a, b], titles=['A', 'B'])",
    "accordion": "W.Accordion([a, b], titles=['A', 'B'], selected_index=0)",
    "column": "W.VBox([a], layout={'width': '244px'})",
}
GERMAN = {
    "Total variation": "Gesamtvariation",
    "Steps per second": "Höchstgeschwindigkeit",
    "Reset": "Zurücksetzen",
    "Upload picture…": "Anfangsbild hochladen …",
}
TRANSLATE = """(root, words) => {
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.data = words[texts.currentNode.data] ?? texts.currentNode.data;
}"""
TALL = ViewportSize(width=1000, height=2900)


@pytest.fixture
def places(page: Page, lab) -> OpenNotebook:
    page.set_viewport_size(TALL)
    write_notebook(lab.folder / "places.ipynb", [SETUP, *PLACES.values()])
    notebook = open_notebook(page, lab, "places.ipynb")
    notebook.command("application:toggle-left-area")
    notebook.run(0)
    return notebook


def put(notebook: OpenNotebook, place: str) -> Locator:
    """Show the widgets at a place, with all of their parts open."""
    index = list(PLACES).index(place) + 1
    notebook.run(index)
    cell = notebook.page.locator(".jp-CodeCell").nth(index)
    expect(cell.locator(".actmax").first).to_be_visible()
    cell.locator("details").evaluate_all("all => all.forEach(details => { details.open = true; })")
    cell.get_by_test_id("vary-open").evaluate_all("all => all.forEach(button => button.click())")
    cell.scroll_into_view_if_needed()
    settle(notebook.page)
    return cell.locator(".actmax")


def faults_of_all(widgets: Locator) -> list[str]:
    """Say what cannot be read, tab by tab; the first tab is open at the end."""
    found = []
    for tab in ("tiles", "recipe", "more", "losses"):
        for root in widgets.all():
            if root.is_visible():
                WidgetView(root).open_tab(tab)
        settle(widgets.page)
        found += faults(widgets)
    return found


def picture(widgets: Locator, name: str) -> None:
    """Keep a picture to look at."""
    widgets.first.locator("xpath=ancestor::*[contains(@class, 'jp-OutputArea-output')][1]").screenshot(
        path=ARTIFACTS / f"fit-{name}.png"
    )


def test_every_place_shows_all_of_it(places):
    found = {}
    for place in PLACES:
        widgets = put(places, place)
        picture(widgets, place)
        found[place] = faults_of_all(widgets)
        assert min(width for width in widths(widgets) if width) >= 200, place
    assert not any(found.values()), found
    first = WidgetView(places.page.locator(".jp-CodeCell").nth(1))
    first.open_tab("tiles")
    expect(first.part("tiles")).to_be_visible()
    beside = places.page.locator(".jp-CodeCell").nth(2).locator(".actmax")
    assert len(set(beside.evaluate_all("all => all.map(e => e.getBoundingClientRect().top)"))) == 1  # side by side

    column = places.page.locator(".jp-CodeCell").last.locator(".actmax")
    for widget in (column, places.page.locator(".jp-CodeCell").nth(1).locator(".actmax")):
        widget.evaluate(TRANSLATE, GERMAN)
        settle(places.page)
        assert faults_of_all(widget) == []
    picture(column, "german")

    # 200 % of a laptop's page has half of its pixels.
    cell = places.page.locator(".jp-CodeCell").nth(1).locator(".actmax")
    for width, height in ((360, 800), (640, 400)):
        places.page.set_viewport_size({"width": width, "height": height})
        cell.scroll_into_view_if_needed()
        settle(places.page)
        assert faults_of_all(cell) == []
        places.page.screenshot(path=ARTIFACTS / f"fit-page-{width}.png")


def drawn(part: Locator) -> float:
    """Give how much of a part's middle line is seen against what is around it, from 0 to 1."""
    path = ARTIFACTS / "fit-part.png"
    part.screenshot(path=path)
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L"), float)
    return float((np.abs(grey[grey.shape[0] // 2] - grey[0, 0]) > 40).mean())


def test_forced_colours_and_high_contrast(next_widget):
    notebook, view = next_widget("max_iter=20")
    view.press("Run", then="finished")
    for media in ({"forced_colors": "active"}, {"contrast": "more"}):
        notebook.page.emulate_media(**media)
        settle(notebook.page)
        view.root.screenshot(path=ARTIFACTS / f"fit-{next(iter(media))}.png")
        # The track of a slider, from end to end.
        assert drawn(view.part("tv-weight-slider")) > 0.9
        assert drawn(view.part("progress")) > 0.9
        assert faults(view.root) == []
        notebook.page.emulate_media(forced_colors="none", contrast="no-preference")
    notebook.page.emulate_media(forced_colors="active")
    off, on = (view.button(name).evaluate("e => getComputedStyle(e).color") for name in ("Pause", "Step"))
    assert off != on
