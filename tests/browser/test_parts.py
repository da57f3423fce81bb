"""Of what a run is composed: chosen in the page while it goes, turned, and written by oneself."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.boxes import faults, settle
from tests.browser.conftest import watched
from tests.browser.lab import (
    ARTIFACTS,
    LabServer,
    OpenNotebook,
    open_notebook,
    reopen_without_kernel,
    show_widget,
    write_notebook,
)
from tests.browser.view import WidgetView

SETUP = """
import actmax_widget as am
from actmax_widget import losses, regularizers, transforms
from actmax_widget.callbacks import OptimizerCallback
from actmax_widget.parameters import number
from keras import ops

class Apart(losses.Loss):
    name = "Two digits"
    margin = number(2.0, bottom=0, top=10, label="Margin", help="How far apart they get.")
    def __init__(self, layer, first, second):
        self.layer, self.first, self.second = layer, first, second
    def build_loss(self):
        output = self.layer.output
        return ops.maximum(self.margin - output[:, self.first] + output[:, self.second], -1e9)

class Fade(transforms.Transform):
    "Leaves some of the picture."
    share: float = number(0.9, least=0, most=1, top=1, help="How much is left.")
    def __call__(self, image, random):
        return image * self.share

def wobble(image, random):
    return image * random.uniform((), 0.9, 1.1)

def halved(grads):
    return grads / 2

class Count(OptimizerCallback):
    told = 0
    def callback(self, i, named_losses, overall_loss, grads, wrt_value):
        self.told += 1
    def on_end(self):
        self.told = -self.told
"""
SEEN = "([root, count]) => root.statusesSeen.length >= count"


@pytest.fixture(scope="module")
def notebook(browser: Browser, lab: LabServer) -> Iterator[OpenNotebook]:
    """One notebook for all tests of this file: each shows its widget in the same cell."""
    with watched(browser, "parts") as page:
        write_notebook(lab.folder / "parts.ipynb", [SETUP, ""])
        opened = open_notebook(page, lab, "parts.ipynb")
        opened.run(0)
        yield opened


def show(notebook: OpenNotebook, arguments: str) -> WidgetView:
    """Show a widget, and wait until it is ready."""
    show_widget(notebook, arguments)
    view = WidgetView(notebook.widget)
    view.expect_status("ready")
    return view


def groups(view: WidgetView) -> list[str]:
    """The parts that there are groups of sliders of."""
    return view.part("knobs").locator("legend").all_text_contents()


def expect_compiled(view: WidgetView, times: int) -> None:
    """Wait until it was so often that another step was compiled and the run went on with it."""
    element = view.root.element_handle()
    view.root.page.wait_for_function(SEEN, arg=[element, 2 * times])
    assert view.statuses_noted() == ["compiling", "running"] * times


def drag(slider: Locator, share: float) -> None:
    """Drag a slider from its present place to a share of its length."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    mouse, height = slider.page.mouse, box["y"] + box["height"] / 2
    mouse.move(box["x"] + 2, height)
    mouse.down()
    mouse.move(box["x"] + share * box["width"], height, steps=15)
    mouse.up()


def test_parts_are_chosen_while_it_runs(notebook):
    view = show(notebook, "filter_indices=3, max_iter=100_000")
    assert groups(view) == []
    expect(view.part("knobs")).to_be_hidden()
    view.press("Run", then="running")
    view.wait_beyond(20)
    view.note_statuses()

    view.open_tab("recipe")
    made = view.iteration
    view.part("add-transform").select_option("Rotate")
    view.part("add").click()
    expect(view.part("chip-Rotate")).to_be_visible()
    expect(view.part("Rotate.degrees-slider")).to_be_visible()
    expect_compiled(view, 1)
    view.wait_beyond(made + 20)  # it went on

    made = view.iteration
    view.part("optimizer").select_option("Adam")
    expect(view.part("Adam.beta-1-value")).to_have_value("0.9")
    expect(view.part("learning-rate-value")).to_have_value("0.05")
    expect_compiled(view, 2)
    view.wait_beyond(made + 20)
    assert groups(view) == ["Rotate", "Adam"]

    made = view.iteration
    view.button("Remove Jitter").click()
    expect(view.part("chip-Jitter")).to_have_count(0)
    expect(view.part("jitter")).to_be_hidden()
    expect_compiled(view, 3)
    view.wait_beyond(made + 20)
    view.wait_for_rows(made + 20)  # drawn when the page has time

    number = int(notebook.ask("print(widget._run.frame().run)"))
    view.part("parametrization").select_option("Fourier")
    expect(view.part("Fourier.decay-slider")).to_be_visible()
    expect_compiled(view, 4)
    assert int(notebook.ask("print(widget._run.frame().run)")) == number + 1  # afresh
    view.wait_beyond(20)
    assert groups(view) == ["Fourier", "Rotate", "Adam"]
    settle(notebook.page)
    assert faults(view.root) == []
    view.root.screenshot(path=ARTIFACTS / "parts.png")
    view.press("Pause", then="paused")
    told = notebook.ask("print([one.name for one in (widget.parametrization, *widget.transforms, widget.optimizer)])")
    assert told.strip() == "['Fourier', 'Rotate', 'Adam']"


def numbers(said: str) -> list[float]:
    return [float(one) for one in said.split()]


def test_a_parts_slider_is_dragged_and_compiles_nothing_and_what_is_refused_is_told_beside_it(notebook):
    view = show(notebook, "filter_indices=3, max_iter=100_000, transforms=[transforms.Rotate(5), Fade()]")
    view.press("Run", then="running")
    view.wait_beyond(20)
    told = "widget._run.traces, widget.knobs['Rotate.degrees'], widget.knobs['Fade.share']"
    traces, *before = notebook.ask(f"print({told})").split()
    assert before == ["5.0", "0.9"]
    view.note_statuses()
    made = view.iteration
    drag(view.part("Rotate.degrees-slider"), 0.75)
    drag(view.part("Fade.share-slider"), 0.5)
    view.wait_beyond(made + 20)
    shown = [float(view.part(f"{name}-value").input_value()) for name in ("Rotate.degrees", "Fade.share")]
    said = notebook.expect_told(told, lambda said: numbers(said)[1:] == pytest.approx(shown, rel=1e-4))
    assert said.split()[0] == traces
    assert shown[0] > 20
    assert 0 < shown[1] < 0.6
    assert view.statuses_noted() == []

    field = view.part("Fade.share-value")
    field.fill("2")
    field.press("Enter")
    problem = view.part("Fade.share-problem")
    expect(problem).to_have_text("This must be a number from 0 to 1, not 2.")
    sentence, above = problem.bounding_box(), field.bounding_box()
    assert sentence is not None
    assert above is not None
    assert 0 <= sentence["y"] - above["y"] - above["height"] < 10
    expect(view.part("error")).to_be_hidden()  # not said twice
    view.root.screenshot(path=ARTIFACTS / "parts-refused.png")
    assert notebook.ask(f"print({told})").strip() == said
    field.fill("0.5")
    field.press("Enter")
    expect(problem).to_be_hidden()
    view.wait_beyond(view.iteration + 20)
    view.press("Pause", then="paused")
    notebook.expect_told("widget.knobs['Fade.share']", "0.5")


def test_what_a_person_wrote_has_rows_and_sliders_of_its_name(notebook):
    own = "losses=[(Apart('out', 3, 8), 1), (regularizers.TotalVariation(), 10)], transforms=[Fade(), wobble], "
    own += "grad_modifier=halved, callbacks=[count := Count()], max_iter=40"
    view = show(notebook, own)
    columns = view.part("table").get_by_role("columnheader").all_text_contents()
    assert columns == ["iteration", "Two digits", "Total variation", "total"]
    assert groups(view) == ["Two digits", "Fade"]
    for label in ("Weight", "Margin", "Share"):
        expect(view.part("knobs").get_by_label(label, exact=True)).to_be_visible()
    view.open_tab("recipe")
    assert view.part("transforms").get_by_role("listitem").all_text_contents() == ["Fade×", "wobble×"]
    view.open_tab("more")
    expect(view.part("grad-modifier").locator("option:checked")).to_have_text("halved")
    view.part("Two digits.margin-value").fill("7")
    view.part("Two digits.margin-value").press("Enter")
    view.press("Run", then="finished")
    view.expect_iterations(40)
    assert notebook.ask("print(widget.knobs['Two digits.margin'], abs(count.told))").split() == ["7.0", "40"]

    # In place of a layer and its filters stand the terms.
    expect(view.part("terms").get_by_role("listitem")).to_have_text(["Two digits", "Total variation"])
    for part in ("layer", "filters", "all-filters", "position", "act-max-weight", "lp-norm-weight", "jitter"):
        expect(view.part(part)).to_be_hidden()
    expect(view.part("tv-weight")).to_be_visible()
    settle(notebook.page)
    assert faults(view.root) == []
    view.root.screenshot(path=ARTIFACTS / "parts-own.png")


def test_a_place_is_picked_beside_the_filter(notebook):
    view = show(notebook, "layer='conv2', filter_indices=3, max_iter=20")
    expect(view.part("position-of")).to_have_text("of 14 × 14")
    field, problem = view.part("position"), view.part("position-problem")
    field.fill("2, 11")
    field.press("Enter")
    view.press("Run", then="finished")
    bright = abs(view.pixels()[..., 0].astype(float) - 127)
    rows, columns = bright.sum(1), bright.sum(0)
    assert rows[:14].sum() > rows[14:].sum()  # where the unit looks
    assert columns[14:].sum() > columns[:14].sum()
    field.fill("2, 14")
    field.press("Enter")
    expect(problem).to_contain_text("14")
    expect(problem).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    notebook.expect_told("widget.position", "(2, 11)")
    view.part("position-middle").click()
    expect(problem).to_be_hidden()
    expect(field).to_have_value("7, 7")
    notebook.expect_told("widget.position", "(7, 7)")
    view.part("position-whole").click()
    notebook.expect_told("widget.position", "None")
    view.choose(layer="out")
    expect(field).to_be_hidden()


def test_saved_and_opened_without_a_kernel_it_shows_its_parts(notebook, lab):
    view = show(
        notebook, "filter_indices=3, max_iter=30, parametrization='fourier', transforms=[Fade()], optimizer='adam'"
    )
    view.press("Run", then="finished")
    view.part("Fade.share-value").fill("0.25")
    view.part("Fade.share-value").press("Enter")
    notebook.expect_told("widget.knobs['Fade.share']", "0.25")
    view = WidgetView(reopen_without_kernel(notebook, lab).widget)
    expect(view.root).to_contain_text("Not connected to a kernel")
    view.expect_iterations(30)
    assert groups(view) == ["Fourier", "Fade", "Adam"]
    expect(view.part("parametrization")).to_have_value("Fourier")
    expect(view.part("optimizer")).to_have_value("Adam")
    expect(view.part("Fade.share-value")).to_have_value("0.25")
    for part in ("parametrization", "optimizer", "add", "Fade.share-slider", "Fade.share-value"):
        expect(view.part(part)).to_be_disabled()
    view.open_tab("recipe")  # which needs no kernel
    expect(view.button("Remove Fade")).to_be_disabled()
    view.root.screenshot(path=ARTIFACTS / "parts-saved.png")
