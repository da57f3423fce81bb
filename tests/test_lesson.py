"""What of the instrument a lesson shows."""

import pytest

from actmax_widget import transforms
from actmax_widget.settings import Settings
from actmax_widget.view.lesson import PARTS, check_ui, names_to_hide
from actmax_widget.view.widget import ActMaxWidget


@pytest.fixture
def settings():
    return Settings(layer="out").changed(transforms=[transforms.Jitter(2), transforms.Scale(0.8, 1.2)])


def test_parts_parameters_numbers_and_whole_parts_can_be_hidden(settings):
    known = names_to_hide(settings)
    assert len(known) == len({*known})
    assert {*PARTS, "tv_weight", "seed_input", "Scale.low", "Scale", "Jitter.shift"} <= {*known}
    given = {"hide": ("Scale.low", "table", "Jitter.shift", "table"), "title": "A three", "text": "<b>Look.</b>"}
    found = check_ui(given, settings)
    # The shift of Jitter is the setting jitter, whose slider it is.
    assert found == {"hide": ["table", "jitter", "Scale.low"], "title": "A three", "text": "<b>Look.</b>"}
    given["title"] = "Another"
    assert found["title"] == "A three"
    assert check_ui(None, settings) == {}


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (3, TypeError, "ui: expected a dict, received 3"),
        ({"hidden": []}, ValueError, "ui: expected keys of hide, title, text, received 'hidden'"),
        ({"hide": "table"}, TypeError, "ui: expected a list of names as 'hide', received 'table'"),
        ({"hide": ["tabel"]}, ValueError, "received 'tabel' (str). Did you mean 'table'? There are: status, target,"),
        ({"hide": ["Fog.density"]}, ValueError, "received 'Fog.density' (str)."),
        ({"hide": [3]}, ValueError, "received 3 (int)."),
        ({"title": 3}, TypeError, "ui: expected a text as 'title', received 3"),
    ],
)
def test_what_there_is_not_is_refused_and_said(settings, value, error, words):
    with pytest.raises(error) as refused:
        check_ui(value, settings)
    assert words in str(refused.value)


def test_it_is_a_trait_that_is_saved_and_set_at_any_time(model):
    with pytest.raises(ValueError, match=r"^ui: expected names of what can be hidden, received 'tabel'"):
        ActMaxWidget(model, layer="out", ui={"hide": ["tabel"]})
    widget = ActMaxWidget(model, layer="out", ui={"hide": ["table", "tv_weight"], "title": "A three"})
    assert widget.get_state("ui") == {"ui": {"hide": ["table", "tv_weight"], "title": "A three"}}
    seen = []
    widget.observe(seen.append, "ui")
    widget.ui = {"text": "Press Run."}
    assert [change["new"] for change in seen] == [{"text": "Press Run."}]
    with pytest.raises(TypeError, match=r"^ui: expected a dict"):
        widget.ui = 3
    assert widget.ui == {"text": "Press Run."}
    widget.ui = {"hide": ["tv_weight"]}
    widget.tv_weight = 7  # from Python as before
    widget.ui = None
    assert (widget.ui, widget.tv_weight) == ({}, 7)
    widget.close()
