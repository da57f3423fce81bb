"""What the kernel refuses is said beside the field that it was typed into."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.boxes import faults
from tests.browser.lab import ARTIFACTS

REFUSED = [
    ("learning-rate-value", "learning-rate-problem", "-1", "This must be a number above 0, not -1."),
    ("jitter-value", "jitter-problem", "-2", "This must be a number of at least 0, not -2."),
    ("max-iter", "max-iter-number-problem", "0", "This must be a whole number from 1 to 1000000000, not 0."),
    ("seed", "seed-number-problem", "-7", "This must be a whole number from 0 to 4294967295, not -7."),
]


def test_refusals_stand_beside_their_fields(next_widget):
    notebook, view = next_widget("learning_rate=2.5")
    view.open_tab("more")
    for field, problem, typed, sentence in REFUSED:
        view.part(field).fill(typed)
        view.part(field).press("Enter")
        expect(view.part(problem)).to_have_text(sentence)
        expect(view.part(problem)).to_have_role("alert")
        expect(view.part(field)).to_have_value(typed)
        expect(view.part(field)).to_have_attribute("aria-invalid", "true")
        expect(view.part(field)).to_have_accessible_description(re.compile(f"^{re.escape(sentence)} "))  # then its help
        assert view.part(problem).bounding_box()["y"] == pytest.approx(view.part(field).bounding_box()["y"], abs=60)
        view.root.screenshot(path=ARTIFACTS / f"refused-{field}.png")
        assert faults(view.root) == []
    expect(view.part("error")).to_be_hidden()  # not said twice

    view.part("seed").press("Tab")  # left: it goes back
    expect(view.part("seed")).to_have_value("0")
    expect(view.part("seed-number-problem")).to_be_hidden()

    view.part("learning-rate-value").fill("-1")
    view.part("learning-rate-value").press("Tab")  # left before the answer came: it can be read all the same
    expect(view.part("learning-rate-problem")).to_have_text(REFUSED[0][-1])
    expect(view.part("learning-rate-value")).to_have_value("-1")
    assert notebook.ask("print(widget.learning_rate, widget.error)").startswith("2.5 learning_rate: expected")
    view.part("learning-rate-value").fill("0.5")
    view.part("learning-rate-value").press("Enter")
    expect(view.part("learning-rate-problem")).to_be_hidden()
    notebook.expect_told("widget.learning_rate", "0.5")
