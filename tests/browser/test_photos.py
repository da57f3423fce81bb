"""The default widget: the photo network, its classes by name, and a recipe chosen in the page."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.boxes import faults, settle
from tests.browser.conftest import FirstWidget
from tests.browser.lab import ARTIFACTS, OpenNotebook
from tests.browser.test_accessible import AXE, RUN_AXE
from tests.browser.view import WidgetView

PRESENT = "widget.filter_indices[0], widget.preset, widget.max_iter, widget.learning_rate"
PENALTIES = ("Lp norm", "Total variation")
MEASURED = "print(*(widget.history[name][-1] for name in ('activation', 'probability')))"
VALUES = "all => all.map(option => option.value)"


@pytest.fixture
def notebook(next_widget: FirstWidget) -> OpenNotebook:
    """A notebook that shows the widget of no arguments, but for a short run."""
    shown, _ = next_widget(model="max_iter=10")
    return shown


def test_the_goldfish_grows_then_a_castle_by_a_quick_recipe(notebook: OpenNotebook) -> None:
    view, page = WidgetView(notebook.widget), notebook.page
    picture, turned = view.part("picture"), view.part("Rotate.degrees-slider")
    recipe = view.part("preset").locator("option:checked")
    expect(view.part("filters")).to_have_value("1 goldfish")
    expect(recipe).to_have_text("natural")
    for weight in ("lp-norm-weight", "tv-weight"):
        expect(view.part(f"{weight}-slider")).to_be_visible()
        expect(view.part(f"{weight}-value")).to_have_value("0")
    view.press("Run", then="finished")
    view.expect_iterations(10)
    assert view.pixels()[..., :3].std() > 10
    # What the network itself says of the goldfish stands after the losses, as in the history.
    heads = view.part("table").get_by_role("columnheader")
    expect(heads).to_have_text(["iteration", "Log odds", *PENALTIES, "total", "Activation", "Probability"])
    logit, probability = (float(one) for one in notebook.ask(MEASURED).split())
    logit_said, percent = view.part("table").get_by_role("row").last.get_by_role("cell").all_text_contents()[-2:]
    assert float(logit_said) == pytest.approx(logit, rel=1e-3)
    assert float(percent.removesuffix("%").removeprefix("<")) / 100 == pytest.approx(probability, rel=0.01, abs=2e-5)
    expect(picture).to_have_attribute("aria-label", "Layer logits, filter 1 goldfish, iteration 10")
    with page.expect_download() as saved:
        view.part("save").click()
    assert saved.value.suggested_filename == "photos-logits-filter_1_goldfish-iteration_10.png"

    # So many numbers begin folded, and stay as a person has them.
    expect(turned).to_be_hidden()
    view.part("knobs").locator("summary").focus()
    page.keyboard.press("Enter")
    expect(turned).to_be_visible()
    settle(page)
    assert faults(view.root) == []
    page.add_script_tag(path=AXE)
    assert page.evaluate(RUN_AXE) == []

    view.choose(filters="castle")
    view.part("preset").select_option(label="quick")
    expect(view.part("learning-rate-value")).to_have_value("0.15")
    notebook.expect_told(PRESENT, "483 quick 128 0.15")
    view.press("Run", then="running")
    view.wait_beyond(5)
    view.press("Pause", then="paused")
    expect(picture).to_have_attribute("aria-label", re.compile(r"Layer logits, filter 483 castle, iteration \d+"))
    view.part("learning-rate-value").fill("0.2")
    view.part("learning-rate-value").press("Enter")
    notebook.expect_told(PRESENT, "483 quick 128 0.2")
    expect(recipe).to_have_text("quick")  # what was changed since is changed
    expect(turned).to_be_visible()
    view.root.screenshot(path=ARTIFACTS / "photos.png")


def test_a_name_is_typed_completed_by_the_kernel_or_refused_beside_its_field(notebook: OpenNotebook) -> None:
    view, page = WidgetView(notebook.widget), notebook.page
    field, problem = view.part("filters"), view.part("filters-problem")
    expect(view.part("filter-count")).to_have_text("of 1000")
    # Entered by the keyboard: what is typed takes the place of the name, and its matches are offered.
    view.part("filter-previous").focus()
    page.keyboard.press("Tab")
    page.keyboard.type("castl")
    assert "483 castle" in view.part("filter-offers").locator("option").evaluate_all(VALUES)
    page.keyboard.type("e")
    page.keyboard.press("Enter")
    expect(field).to_have_value("483 castle")
    notebook.expect_told(PRESENT, "483 natural 10 0.1")
    # The beginning of a name is enough, also of that which is set already.
    for typed, shown in (
        ("flamin", "130 flamingo"),
        ("flamin", "130 flamingo"),
        ("483, goldfish", "483 castle, 1 goldfish"),
    ):
        view.choose(filters=typed)
        expect(field).to_have_value(shown)
    view.choose(filters="castel")
    expect(problem).to_have_text("This must be the name of a unit, not 'castel'. Did you mean 'castle'?")
    expect(field).to_have_value("castel")
    expect(view.part("error")).to_be_hidden()
    view.root.screenshot(path=ARTIFACTS / "photos-refused.png")
    view.choose(filters="castle")
    expect(problem).to_be_hidden()
    expect(field).to_have_value("483 castle")
    view.part("filter-next").click()
    expect(field).to_have_value(re.compile("^484 "))
