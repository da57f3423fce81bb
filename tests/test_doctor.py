import logging

import keras
import numpy as np
import pytest

import actmax_widget as am
from actmax_widget.engine.doctor import Case, Doctor, names
from actmax_widget.engine.plan import Plan
from actmax_widget.live.run import EXAMINE_SECONDS
from actmax_widget.network import Network
from actmax_widget.results import History, Note
from actmax_widget.settings import Settings
from tests import doctor_runs
from tests.doctor_runs import PLAIN, SOUND, WRONG, on, run_of
from tests.soaking import part
from tests.test_run import Driven


def named(run):
    return [one.name for one in run.notes]


def check(note, settings):
    """A note's sentence can be read, and its remedy set."""
    assert note.name in names()
    assert note.text[0].isupper() or note.text[0].isdigit() or note.text.startswith("model: ")
    assert note.text.endswith(".")
    assert bool(note.remedy) is bool(note.button)
    for name, value in (note.remedy or {}).items():
        settings.changed(**({"knobs": {name: value}} if "." in name else {name: value}))


@pytest.mark.parametrize("name", part(WRONG, lambda name: name not in doctor_runs.ALIKE))
def test_a_run_that_goes_wrong_is_told_so(name):
    run = run_of(WRONG[name])
    assert set(named(run)) & set(WRONG[name].names), (named(run), WRONG[name].names)
    for note in run.notes:
        check(note, run.settings)


@pytest.mark.parametrize("name", part(SOUND, lambda name: name not in doctor_runs.ALIKE))
def test_of_a_sound_run_nothing_false_is_said(name):
    assert set(named(run_of(SOUND[name]))) <= set(SOUND[name].names)


def test_there_is_a_run_for_each_symptom():
    each_time = [made for name, made in WRONG.items() if name not in doctor_runs.ALIKE]
    assert {one for made in each_time for one in made.names} == set(names())
    assert {*WRONG, *SOUND} > doctor_runs.ALIKE


HEALED = {
    "weights for another network": "outweighed",
    "a rate of 3, adversarial": "saturated",
    "a rate of 1e-5": "still",
    "60 steps of 256": "rising",
    "a softmax as it is": "softmax",
    "values of 0 to 1": "input range",
    "a gradient without its sign": "lost",
    "two terms of which one is forgotten": "outweighed",
}


@pytest.mark.parametrize(("name", "symptom"), HEALED.items())
def test_a_remedy_helps(name, symptom):
    made = WRONG[name]
    note = run_of(made).note(symptom)
    knobs = {address: value for address, value in note.remedy.items() if "." in address}
    plain = {setting: value for setting, value in note.remedy.items() if setting not in knobs}
    healed = made._replace(settings=made.settings | plain)
    assert symptom not in named(run_of(healed, knobs=knobs))


# --- what is said, and of whom ----------------------------------------------------------------------------------------


def test_sentences_tell_what_was_measured():
    outweighed = run_of(WRONG["weights for another network"]).notes[0]
    assert outweighed.text == (
        "Total variation outweighs all else: 99.9% of what the losses changed by in 200 iterations is its own, so the "
        "picture stays pale."
    )
    assert outweighed.button == f"Set Total variation to {outweighed.remedy['tv_weight']}"
    run = run_of(WRONG["a weight that is nan"])
    assert "the model's own weights are not finite, those of the layer 'conv2'" in run.notes[0].text
    assert "(Mine)" in run_of(WRONG["a loss that is nan later"]).notes[0].text
    assert run_of(WRONG["a softmax as it is"]).notes[0].button == "Take it before the softmax, afresh"


def test_classes_have_their_names():
    labels = ["lying", "standing", "disc"]
    made = {"input_range": (0, 1), "seed": 0, "labels": labels}
    notes = am.visualize(doctor_runs.trained(), "kind", "standing", **made).notes
    reached = next(one for one in notes if one.name == "not reached")
    assert (
        "The network does not call this picture class 1 (standing): to the network it is class 2 (disc)" in reached.text
    )


def test_functions_say_it_too():
    result = am.visualize(PLAIN(), "out", 3, preset="keras-vis", max_iter=200, seed=0)
    assert [one.name for one in result.notes] == ["outweighed"]
    many = am.visualize_many(
        PLAIN(), "out", 3, vary={"tv_weight": [0.01, 10]}, preset="keras-vis", max_iter=200, seed=0
    )
    assert [[one.name for one in each.notes] for each in many] == [[], ["outweighed"]]
    assert am.visualize(PLAIN(), "out", 3, max_iter=64, seed=0).notes == ()


def test_of_a_run_that_has_not_come_far_nothing_is_said():
    network = Network(PLAIN())
    plan = Plan(network, Settings(layer="out", filter_indices=(3,)))
    start = np.full((28, 28, 1), 127, np.float32)
    for count in (0, 1, 3):
        rows = np.ones((count, 4 + len(plan.measures)), np.float32)
        case = Case(Settings(layer="out"), History.of(plan.names, plan.measures, rows), start, network.layout)
        assert Doctor(plan).notes(case) == ()


def test_a_run_that_is_interrupted_is_not_told_that_it_might_go_on():
    driven = Driven(doctor_runs.digits(), filter_indices=(3,), preset="keras-vis", max_iter=400)
    driven.run.step(40)
    driven.until_idle()
    assert named(driven.run) == []


def test_what_is_turned_around_is_no_loss():
    for settings in ({"act_max_weight": -1.0}, {"grad_modifier": "negate"}):
        made = on(model=doctor_runs.apples, layer="evidence", filter_indices=0, max_iter=128, **settings)
        assert not {"lost", "outweighed", "rising"} & set(named(run_of(made)))


def test_only_rows_since_the_last_change_count():
    driven = Driven(PLAIN(), filter_indices=(3,), preset="keras-vis", lp_norm_weight=10, tv_weight=10, max_iter=100)
    driven.run.start()
    driven.until_idle()
    assert named(driven.run) == ["outweighed"]
    driven.run.update(**driven.run.notes[0].remedy, max_iter=400)
    driven.run.start()
    driven.until_idle()
    assert named(driven.run) == []


def test_what_was_set_after_a_run_is_not_blamed_for_it():
    run = run_of(WRONG["weights for another network"])
    before = run.notes
    run.update(tv_weight=0.1)
    run.examine_again()
    while run.advance() is not None:
        pass
    assert run.notes == before
    run.branch(100, tv_weight=0.2)
    while run.advance() is not None:
        pass
    # Of the first half of the rows, which were made with the weight of before.
    assert before[0].remedy["tv_weight"] / 3 < run.notes[0].remedy["tv_weight"] < 3 * before[0].remedy["tv_weight"]


def test_notes_are_of_the_picture_in_front():
    driven = Driven(PLAIN(), filter_indices=(3,), preset="keras-vis", max_iter=100)
    run = driven.run
    run.start()
    driven.until_idle()
    assert named(run) == ["outweighed"]
    run.make_varied_tiles({"tv_weight": [0.01, 10.0]})
    driven.until_idle()
    assert named(run) == ["outweighed"]
    run.open_tile(0)
    assert named(run) == []
    driven.until_idle()
    assert named(run) == []
    run.open_tile(1)
    driven.until_idle()
    assert named(run) == ["outweighed"]


def test_a_note_that_was_dismissed_stays_so_on_all_lines_of_a_run():
    driven = Driven(PLAIN(), filter_indices=(3,), preset="keras-vis", max_iter=100)
    run = driven.run
    run.start()
    driven.until_idle()
    run.dismiss_note("outweighed")
    assert run.facts().notes == ()
    assert named(run) == ["outweighed"]
    run.rewind(60)
    driven.until_idle()
    assert named(run) == ["outweighed"]
    assert run.facts().notes == ()
    with pytest.raises(ValueError, match="the name of a note of this run"):
        run.dismiss_note("silent")
    run.reset()
    assert named(run) == []
    run.start()
    driven.until_idle()
    assert [one.name for one in run.facts().notes] == ["outweighed"]


def test_what_goes_wrong_here_costs_no_picture(monkeypatch, caplog):
    def fail(self, case):
        raise RuntimeError("a network that takes no such picture")

    monkeypatch.setattr(Doctor, "_notes", fail)
    with caplog.at_level(logging.WARNING):
        result = am.visualize(PLAIN(), "out", 3, max_iter=8, seed=0)
    assert result.notes == ()
    assert "could not be examined" in caplog.text


@pytest.mark.parametrize("shape", [(32,), (64, 1), (12, 12, 5)])
@pytest.mark.parametrize("preset", ["natural", "keras-vis"])
def test_of_inputs_that_are_no_pictures_nothing_false_is_said(shape, preset, caplog):
    keras.utils.set_random_seed(0)
    inputs = keras.Input(shape)
    model = keras.Model(inputs, keras.layers.Dense(3, name="out")(keras.layers.Flatten()(inputs)))
    with caplog.at_level(logging.WARNING):
        result = am.visualize(model, "out", 1, preset=preset, input_range=(0, 1), max_iter=80, seed=0)
    assert result.image.std() > 0.1
    assert not {one.name for one in result.notes} & {"grey", "still", "noise"}
    assert "could not be examined" not in caplog.text


@pytest.mark.parametrize(("kind", "ending"), [("softmax", "what speaks against the others."), ("sigmoid", "fades.")])
def test_a_label_is_not_told_from_others(kind, ending):
    keras.utils.set_random_seed(0)
    made = [keras.Input((8, 8, 1)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    model = keras.Sequential([*made, keras.layers.Dense(2, activation=kind, name="out")])
    result = am.visualize(model, "out", 1, class_loss="activation", max_iter=40, seed=0)
    assert result.notes[0].text.endswith(ending)


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_it_is_looked_at_once_a_second_and_nothing_is_traced_or_computed(monkeypatch, traces):
    driven = Driven(PLAIN(), filter_indices=(3,), preset="natural", max_iter=2000)
    run, looks, asked = driven.run, [], []
    inner, answer = Doctor._notes, Doctor._answer
    monkeypatch.setattr(Doctor, "_notes", lambda self, case: looks.append(case.rests) or inner(self, case))
    monkeypatch.setattr(Doctor, "_answer", lambda *args: asked.append(1) or answer(*args))
    run.prepare()
    driven.until_idle()

    def make():
        run.start()
        begin = driven.clock.now
        while run.advance() is not None:
            driven.clock.now += 0.3
        seconds = driven.clock.now - begin
        assert looks.count(False) <= seconds / EXAMINE_SECONDS
        assert looks.count(False) >= 1

    assert traces.of(make) == 0
    assert looks.count(True) == 1
    assert asked == []


def test_while_it_runs_a_note_keeps_its_words():
    driven = Driven(PLAIN(), filter_indices=(3,), preset="keras-vis", max_iter=3000)
    run = driven.run
    run.start()
    said = set()
    while run.status.busy:
        said |= {one.text for one in run.facts().notes}
        run.advance()
        driven.clock.now += 0.3
    assert len(said) == 1
    driven.until_idle()
    assert {one.text for one in run.notes} != said


# --- in the widget ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def grey():
    """A widget whose weights are another network's, at the end of a run."""
    widget = am.ActMaxWidget(PLAIN(), filter_indices=3, preset="keras-vis", max_iter=120, steps_per_second=None)
    widget.start()
    assert widget.wait(60)
    return widget


def test_the_page_gets_the_notes_and_says_which_to_apply(grey):
    (note,) = grey.notes
    assert isinstance(note, Note)
    assert grey.result.notes == grey.notes
    assert grey.advice == [{"name": note.name, "text": note.text, "button": note.button}]
    grey._on_message(grey, {"type": "apply_note", "name": "outweighed"}, [])
    assert grey.tv_weight == note.remedy["tv_weight"]
    assert grey.advice == []
    grey.max_iter = 400
    grey.start()
    assert grey.wait(60)
    assert grey.notes == ()
    grey._on_message(grey, {"type": "apply_note", "name": "outweighed"}, [])
    assert "name: expected the name of a note of this run" in grey.error


def test_a_remedy_that_begins_afresh_says_so_and_one_that_is_dismissed_is_gone():
    widget = am.ActMaxWidget(doctor_runs.trained(), filter_indices=1, preset="keras-vis", max_iter=64)
    widget.start()
    assert widget.wait(60)
    found = {one.name: one for one in widget.notes}
    assert found["softmax"].button.endswith(", afresh")
    shown = [one["name"] for one in widget.advice]
    widget._on_message(widget, {"type": "dismiss_note", "name": shown[-1]}, [])
    assert [one["name"] for one in widget.advice] == shown[:-1]
    widget.apply_note("softmax")
    assert widget.class_loss == "log-odds"
    assert widget._run.facts().stale
    widget.start()
    assert widget.wait(60)
    assert "softmax" not in [one.name for one in widget.notes]
    with pytest.raises(ValueError, match="a note of this run"):
        widget.apply_note("softmax")


def test_what_the_error_says_is_not_said_twice():
    widget = am.ActMaxWidget(doctor_runs.rounded(), filter_indices=1, preset="keras-vis", max_iter=8)
    widget.start()
    assert widget.wait(60)
    assert [one.name for one in widget.notes] == ["no gradient"]
    assert widget.notes[0].text in widget.error
    assert widget.advice == []
    with pytest.raises(ValueError, match="a note with a remedy"):
        widget.apply_note("no gradient")
