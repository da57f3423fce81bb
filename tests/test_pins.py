"""Pictures kept with their settings, to be compared and gone back to."""

import io
import json

import numpy as np
import pytest
from PIL import Image

import actmax_widget as am
from actmax_widget.pictures import to_pixels
from actmax_widget.view import pins as pins_module
from tests.networks import small_cnn
from tests.test_page import pixels, told


@pytest.fixture(scope="module")
def digits():
    return am.demo.digits()


@pytest.fixture
def make(digits):
    """Makes widgets and closes them."""
    made = []

    def make_one(**parameters):
        known = {"preset": "keras-vis", "filter_indices": 3, "steps_per_second": None, "max_iter": 60, "seed": 1}
        made.append(am.ActMaxWidget(digits, **known | parameters))
        return made[-1]

    yield make_one
    for one in made:
        one.close()


def test_a_pin_is_the_picture_with_what_made_it_and_can_be_gone_back_to(make):
    widget = make(seed=None)
    widget.step(12)
    assert widget.pin("first") == "first"
    image, history = widget.image, widget.history
    widget.tv_weight = 0
    widget.step(5)
    assert widget.pin() == "Pin 1"
    first, second = widget.pins.values()
    assert [*widget.pins] == ["first", "Pin 1"]
    assert np.array_equal(first.image, image)
    assert (first.iteration, first.settings.tv_weight, second.iteration, second.settings.tv_weight) == (12, 10, 17, 0)
    assert first.settings.seed == first.checkpoint.seed  # the one that was drawn
    assert first.activation == history["activation"][-1]
    assert first.probability == history["probability"][-1]
    assert first.total == history["total"][-1]
    widget.restore(first.checkpoint)
    assert (widget.iteration, widget.tv_weight) == (12, 10)
    assert np.array_equal(widget.image, image)


def test_the_start_and_the_past_can_be_pinned(make):
    widget = make()
    start = widget.image
    widget.pin("nothing yet")
    widget.step(33)
    widget.tv_weight = 0
    widget.step(27)
    widget.pin("start", iteration=0)
    widget.pin("past", iteration=32)
    for name in ("nothing yet", "start"):
        pin = widget.pins[name]
        assert np.array_equal(pin.image, start)
        assert (pin.iteration, pin.activation, pin.probability, pin.total) == (0, None, None, None)
    past = widget.pins["past"]
    assert past.iteration in widget.film
    assert past.settings.tv_weight == 10
    assert past.total == widget.history["total"][past.iteration - 1]
    low, high = past.settings.input_range
    kept = widget.film[past.iteration]
    assert np.abs(past.image - (low + (high - low) / 255 * kept)).max() <= (high - low) / 255


def test_a_past_without_a_checkpoint_is_the_films_picture_and_goes_on_from_the_nearest(make):
    widget = make()
    widget.step(40)
    film = widget.film
    kept = [one.iteration for one in film.checkpoints]
    alone = [one for one in film.iterations if one not in kept]
    film = film if alone else _without_checkpoints(film)
    wanted = (alone or [film.iterations[5]])[0]
    pin = pins_module.pin_of(film, "past", wanted, widget._run.network.layout.as_shown)
    assert pin.iteration == wanted
    assert np.array_equal(to_pixels(pin.image, pin.settings.input_range), film[wanted])
    assert pin.checkpoint.iteration == film.checkpoint(wanted).iteration != wanted


def _without_checkpoints(film):
    return am.Film(film.iterations, film.images, film.best, (film.checkpoints[0], film.checkpoints[-1]))


def test_the_page_is_told_of_them_and_of_what_differs(make):
    widget = make()
    assert (widget.pinned, widget.pin_pictures, widget.present) == ([], [], {})
    widget.step(3)
    widget.pin()
    (told,) = widget.pinned
    assert json.loads(json.dumps(told)) == told
    assert (told["name"], told["iteration"], told["goes_on"]) == ("Pin 1", 3, 3)
    assert told["made"] == widget.present
    pixels = np.asarray(Image.open(io.BytesIO(widget.pin_pictures[0])))
    assert np.array_equal(pixels, to_pixels(widget.image, widget.input_range)[..., 0])
    widget.tv_weight, widget.transforms = 2, [am.transforms.Jitter(2), am.transforms.Rotate(5)]
    made, now = told["made"], widget.present
    differing = {
        name for name in {**made["values"], **now["values"]} if made["values"].get(name) != now["values"].get(name)
    }
    assert differing == {"tv_weight", "transforms", "jitter", "Rotate.degrees"}
    assert {now["titles"][name] for name in differing} == {"Total variation", "Transforms", "Jitter", "Rotation"}
    widget.unpin("Pin 1")
    assert (widget.pinned, widget.pin_pictures, widget.present) == ([], [], {})


def test_the_random_state_that_was_drawn_and_the_starting_picture_differ_too(make):
    widget = make(seed=None)
    widget.step(1)
    widget.pin()
    widget.reset()
    assert widget.present["values"]["seed"] != widget.pinned[0]["made"]["values"]["seed"]
    widget.seed_input = np.full((28, 28, 1), 99, np.float32)
    widget.reset()
    assert widget.present["values"]["seed_input"] != "noise" == widget.pinned[0]["made"]["values"]["seed_input"]


def test_an_objective_is_told_by_its_terms(digits):
    objective = am.losses.ActivationMaximization("out", 3) - 0.5 * am.losses.ActivationMaximization("out", 8)
    widget = am.ActMaxWidget(digits, objective=objective)
    widget.pin()
    values = widget.pinned[0]["made"]["values"]
    assert len(values["objective"]) == 2
    assert "layer" not in values
    assert values["ActivationMax Loss out 8.weight"] == -0.5
    widget.close()


def test_bad_input_is_told_in_a_sentence(make, monkeypatch):
    widget = make()
    widget.pin("a")
    with pytest.raises(ValueError, match=r"no other pin has.*Taken are a"):
        widget.pin("a")
    with pytest.raises(TypeError, match="name: expected a name"):
        widget.pin(3)
    with pytest.raises(IndexError, match="iteration"):
        widget.pin(iteration=5)
    with pytest.raises(ValueError, match=r"the name of a pin.*There are: a"):
        widget.unpin("b")
    with pytest.raises(TypeError):
        widget.pins["b"] = widget.pins["a"]
    monkeypatch.setattr(pins_module, "MOST", 2)
    widget.pin()
    with pytest.raises(ValueError, match=r"at most 2 pins.*widget\.unpin"):
        widget.pin()
    assert [*widget.pins] == ["a", "Pin 1"]


def test_a_pin_is_renamed_and_stays_what_and_where_it_is(make):
    widget = make()
    pins = widget.pins
    widget.pin("a")
    widget.pin("b")
    before = pins["a"]
    widget.rename_pin("a", "  smooth ")
    assert [*pins] == ["smooth", "b"]
    assert pins["smooth"].name == "smooth"
    assert pins["smooth"].checkpoint is before.checkpoint
    assert [(one["number"], one["name"]) for one in widget.pinned] == [
        (before.number, "smooth"),
        (pins["b"].number, "b"),
    ]
    widget.rename_pin("b", "b")
    with pytest.raises(ValueError, match=r"no other pin has.*Taken are smooth, b"):
        widget.rename_pin("b", "smooth")
    with pytest.raises(ValueError, match="name: expected a name, received ' '"):
        widget.rename_pin("b", " ")
    with pytest.raises(TypeError, match="name: expected a name, received None"):
        widget.rename_pin("b", None)
    with pytest.raises(ValueError, match=r"the name of a pin.*There are: smooth, b"):
        widget.rename_pin("a", "c")
    assert [*pins] == ["smooth", "b"]


def test_the_page_pins_unpins_and_goes_back(make, monkeypatch):
    widget = make()
    sent = []
    monkeypatch.setattr(widget, "send", lambda content, buffers=None: sent.append(content))
    widget.step(4)

    def say(**content):
        widget._handle_custom_msg(content, [])

    say(type="pin")
    say(type="pin", iteration=0)
    assert [one.iteration for one in widget.pins.values()] == [4, 0]
    say(type="restore_pin", name="Pin 2")
    assert widget.iteration == 0
    say(type="rename_pin", name="Pin 2", to="Pin 1")
    say(type="rename_pin", name="Pin 2", to="")
    refused = [one["sentence"] for one in sent if one["type"] == "refused"]
    assert refused == ["There is a pin 'Pin 1' already.", "A pin needs a name."]
    sent.clear()
    say(type="rename_pin", name="Pin 2", to="second")
    say(type="rename_pin", name="second", to="Pin 2")
    say(type="unpin", name="Pin 2")
    assert [*widget.pins] == ["Pin 1"]
    say(type="restore_pin", name="Pin 2")
    refused = [one for one in sent if one["type"] == "refused"]
    assert [(one["name"], one["sentence"]) for one in refused] == [("pin", "There is no pin 'Pin 2' any more.")]
    assert "the name of a pin" in widget.error
    monkeypatch.setattr(pins_module, "MOST", 1)
    say(type="pin")
    assert "remove one first" in sent[-1]["sentence"]


def test_a_pin_of_a_model_whose_weights_have_changed_is_refused_and_stays():
    widget = am.ActMaxWidget(small_cnn(), layer="out", preset="keras-vis")
    widget.step(2)
    widget.pin()
    layer = widget.model.get_layer("out")
    layer.set_weights([one + 1 for one in layer.get_weights()])
    with pytest.raises(ValueError, match="of another model, or of other weights"):
        widget.restore(widget.pins["Pin 1"].checkpoint)
    assert widget.iteration == 2
    assert [*widget.pins] == ["Pin 1"]
    widget.close()


def test_pins_are_saved_as_a_page_that_says_what_is_of_another_iteration(model, tmp_path):
    widget = am.ActMaxWidget(model, layer="out", preset="keras-vis", steps_per_second=None, seed=3, max_iter=400)
    with pytest.raises(ValueError, match="at least one pin"):
        widget.save_pins(tmp_path / "none.html")
    widget.step(300)
    past = next(one for one in widget.film.iterations if widget.film.checkpoint(one).iteration != one)
    widget.pin("past", iteration=past)
    widget.tv_weight = 0
    widget.step(5)
    widget.pin("now")
    page = told(widget.save_pins(tmp_path / "pins.html").read_text(encoding="utf-8"))
    assert [run["title"] for run in page["runs"]] == ["past", "now"]
    assert dict(page["runs"][1]["differs"])["Total variation"] == "0"
    assert page["notes"] == [
        f"past is of iteration {past}; losses and code are of iteration {widget.film.checkpoint(past).iteration}."
    ]
    shown = np.rint(np.clip(widget.image[..., 0], 0, 255))
    np.testing.assert_array_equal(pixels(page["runs"][1]["picture"])[..., 0], shown)
    widget.close()
