"""am.compare: two widgets in lock-step with shared controls, and the difference of their pictures."""

import gc
import weakref

import numpy as np
import pytest

import actmax_widget as am
from actmax_widget.live.pump import Pump
from actmax_widget.pictures import to_pixels
from tests.networks import exploding, small_cnn
from tests.test_page import told


@pytest.fixture
def make(model):
    """Makes widgets and closes them."""
    made = []

    def make_one(given=None, **parameters):
        known = {"layer": "out", "preset": "keras-vis", "steps_per_second": None, "max_iter": 30, "seed": 3}
        made.append(am.ActMaxWidget(model if given is None else given, **known | parameters))
        return made[-1]

    yield make_one
    for one in made:
        one.close()


@pytest.fixture
def both(make):
    made = am.compare(make(tv_weight=0), make(tv_weight=10, seed=8, max_iter=9), names=["rough", "smooth"])
    yield made
    made.close()


def test_both_begin_with_the_same_noise_and_end_at_the_same_iteration(both):
    one, other = both.widgets
    assert (one.seed, other.seed, other.max_iter) == (3, 3, 30)
    assert np.array_equal(one.image, other.image)
    assert (both.status, both.iteration, both.rms) == ("ready", 0, 0)
    both.start()
    assert both.wait(60)
    assert (both.status, both.iteration) == ("finished", 30)
    assert (one.iteration, other.iteration) == (30, 30)
    assert both.difference == pytest.approx((one.image - other.image) / 255, abs=1e-6)
    assert both.rms == pytest.approx(np.sqrt(np.mean(both.difference**2)))
    both.start()
    both.pause()
    assert both.wait(60)
    assert one.iteration == other.iteration == both.iteration
    both.reset()
    both.step(5)
    assert (one.iteration, other.iteration, both.iteration) == (5, 5, 5)
    assert repr(both) == "rough and smooth in lock-step: paused at iteration 5."


def test_what_is_set_in_one_is_set_in_the_other_but_for_what_is_its_own(both):
    one, other = both.widgets
    assert both.own == ("tv_weight",)
    one.filter_indices, one.learning_rate = 2, 3
    assert (other.filter_indices, other.learning_rate) == ((2,), 3)
    other.lp_norm_weight, other.tv_weight = 1, 4
    assert (one.lp_norm_weight, one.tv_weight) == (1, 0)
    other.transforms = [am.transforms.Jitter(1), am.transforms.Rotate(3)]
    one.knobs["Rotate.degrees"] = 7
    assert other.knobs["Rotate.degrees"] == 7
    one.seed = 5
    assert other.seed == 5
    picture = np.full((12, 12, 1), 77, np.float32)
    one.seed_input = picture
    assert np.array_equal(other.seed_input, one.seed_input)
    assert picture in other.seed_input
    both.reset()
    assert both.rms == 0
    one.preset = "quick"
    assert (other.preset, other.tv_weight, type(other.optimizer)) == ("quick", 4, type(one.optimizer))
    assert both.error == ""


def test_numbers_and_parts_that_differ_at_first_stay_ones_own(make):
    one = make(transforms=[am.transforms.Rotate(3)], optimizer="adam", learning_rate=1)
    other = make(transforms=[am.transforms.Rotate(30)], optimizer="rmsprop", learning_rate=1)
    both = am.compare(one, other)
    assert set(both.own) == {"optimizer", "Rotate.degrees"}
    one.knobs["Rotate.degrees"] = 5
    assert other.knobs["Rotate.degrees"] == 30
    one.learning_rate = 0.5
    assert other.learning_rate == 0.5
    assert type(other.optimizer) is am.optimizers.RMSProp
    both.close()


def test_two_models_and_what_one_of_them_cannot_take(make):
    small, large = small_cnn(), small_cnn()
    both = am.compare(small, large, layer="conv1", filter_indices=1, preset="keras-vis", max_iter=10)
    assert [widget.model for widget in both.widgets] == [small, large]
    assert both.own == ()
    both.widgets[0].layer = "out"
    assert both.widgets[1].layer == "out"
    both.close()
    both = am.compare(make(exploding(), filter_indices=0), make(exploding(), filter_indices=0))
    one, other = both.widgets
    other.model.trainable = False
    with pytest.raises(ValueError, match="filter"):
        one.filter_indices = 7
    assert both.error == ""
    both.close()


def test_each_shows_what_is_of_use_and_is_given_back(make):
    one, other = make(tv_weight=0), make(tv_weight=10, ui={"title": "Mine"})
    both = am.compare(one, other)
    assert {"buttons", "tiles"} <= {*one.ui["hide"]}
    assert "tv_weight" not in one.ui["hide"]
    assert {"buttons", "progress", "learning_rate", "knobs", "settings"} <= {*other.ui["hide"]}
    assert not {"tv_weight", "weights", "picture", "chart"} & {*other.ui["hide"]}
    assert other.ui["text"] == "Its own: Total variation."
    other.transforms = [am.transforms.Scale(0.9, 1.1)]
    assert "Scale.low" in other.ui["hide"]
    both.close()
    both.close()
    assert (one.ui, other.ui) == ({}, {"title": "Mine"})
    one.learning_rate = 9
    one.step(2)
    assert (other.learning_rate, other.iteration) == (1, 0)
    am.compare(one, other).close()


def test_where_one_fails_both_stop_and_it_is_said_which(make):
    known = {"clip": False, "lp_norm_weight": 0, "tv_weight": 0, "filter_indices": 0, "max_iter": 1000}
    one = make(exploding(), act_max_weight=-1, **known)
    other = make(exploding(), act_max_weight=1, **known)
    both = am.compare(one, other, names=["calm", "wild"])
    both.start()
    assert both.wait(60)
    assert both.status == "failed"
    assert both.error.startswith("wild stopped, so both are paused: ")
    assert one.status == "paused"
    both.reset()
    assert (both.error, both.status) == ("", "ready")
    both.close()


def test_bad_input_is_told_in_a_sentence(make, both):
    widget = make()
    with pytest.raises(ValueError, match=r"another widget.*ActMaxWidget"):
        am.compare(widget, widget)
    with pytest.raises(TypeError, match="one: expected an ActMaxWidget or a Keras model, received 3"):
        am.compare(3, widget)
    with pytest.raises(TypeError, match=r"other: .*widget\.restore"):
        am.compare(widget, am.visualize(widget.model, "out", 1, max_iter=2))
    with pytest.raises(TypeError, match=r"parameters: .*Set them on the widgets first"):
        am.compare(widget, make(), tv_weight=3)
    with pytest.raises(ValueError, match=r"pictures of \(12, 12, 1\), received \(4, 4, 1\)"):
        am.compare(widget, make(exploding(), filter_indices=0))
    with pytest.raises(ValueError, match=r"is not compared.*both\.close"):
        am.compare(widget, both.widgets[0])
    with pytest.raises(ValueError, match="names: expected two names"):
        am.compare(widget, make(), names=["a", "a"])
    widget.max_iter = 10**6
    widget.start()
    with pytest.raises(ValueError, match=r"does not run.*widget\.pause"):
        am.compare(widget, make())
    widget.pause()


class Page:
    """The far end of the panel's comm."""

    def __init__(self, both, monkeypatch):
        self.both, self.sent = both, []
        monkeypatch.setattr(both.panel, "send", lambda content, buffers=None: self.sent.append((content, buffers)))

    def say(self, **content):
        self.both.panel._handle_custom_msg(content, [])


@pytest.fixture
def page(monkeypatch, make):
    """That of a comparison whose differences are sent by the test itself, and by no thread."""
    monkeypatch.setattr(Pump, "wake", lambda _: None)
    both = am.compare(make(tv_weight=0), make(tv_weight=10), names=["rough", "smooth"])
    yield Page(both, monkeypatch)
    both.close()


def test_the_panel_gets_the_difference_as_fast_as_it_draws(page, monkeypatch):
    both = page.both
    both.pump()
    assert page.sent == []  # nobody is there
    page.say(type="hello")
    both.step(4)
    both.pump()
    ((told, (pixels,)),) = page.sent
    assert (told["type"], told["iteration"], told["shape"]) == ("difference", 4, (12, 12, 1))
    assert told["rms"] == pytest.approx(both.rms)
    assert np.quantile(np.abs(both.difference), 0.99) <= told["scale"] <= 1
    drawn = np.frombuffer(pixels, np.uint8).reshape(12, 12, 1)
    assert np.array_equal(drawn, to_pixels(both.difference, (-told["scale"], told["scale"])))
    for _ in range(5):  # as many as are not acknowledged
        monkeypatch.setattr(both, "_sent_at", -np.inf if len(page.sent) < 2 else both._sent_at)
        both.step(1)
        both.pump()
    assert len(page.sent) == 2
    page.say(type="receipt", seq=2)
    monkeypatch.setattr(both, "_sent_at", -np.inf)
    both.pump()
    assert page.sent[-1][0]["iteration"] == both.iteration


def test_the_panel_has_the_buttons_of_both(page):
    both = page.both
    page.say(type="step", n=2)
    both.wait(60)
    assert both.iteration == 2
    page.say(type="start")
    both.wait(60)
    assert [widget.iteration for widget in both.widgets] == [30, 30]
    both.pump()
    panel = both.panel
    assert (panel.status, panel.iteration, panel.goal, panel.names) == ("finished", 30, 30, ["rough", "smooth"])
    assert panel.message.startswith("Both have made 30 iterations.")
    page.say(type="step", n=0)
    assert "n: expected an integer >= 1" in both.error
    page.say(type="reset")
    page.say(type="nonsense")
    page.say(type="pause")
    assert (both.iteration, both.error) == (0, "")


def test_nothing_holds_a_comparison_that_was_closed(make):
    one, other = make(), make(tv_weight=3)
    both = am.compare(one, other)
    both.step(2)
    both.close()
    gone = weakref.ref(both)
    del both
    gc.collect()
    assert gone() is None


def test_a_comparison_is_saved_as_a_page(both, tmp_path):
    both.step(12)
    text = both.save(tmp_path / "both.html").read_text(encoding="utf-8")
    assert text == both.to_html()
    one, other = told(text)["runs"]
    assert (one["title"], other["title"]) == ("rough", "smooth")
    assert dict(one["differs"]) == {"Total variation": "0"}
    assert (one["iteration"], len(one["film"]["kept"])) == (12, 13)
    with pytest.raises(ValueError, match=r"ends in \.html"):
        both.save(tmp_path / "both.png")
    assert [path.name for path in tmp_path.iterdir()] == ["both.html"]
