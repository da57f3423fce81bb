import threading

import keras
import numpy as np
import pytest

from actmax_widget.live import recipe
from actmax_widget.live.facts import Status
from actmax_widget.live.session import Session
from actmax_widget.network import Network
from actmax_widget.results import History
from actmax_widget.settings import Settings
from tests.networks import channels_first, exploding, small_cnn
from tests.test_pace import Clock


class Driven:
    """A session that a test advances by hand: no thread, and a clock that stands still but for a millisecond a call."""

    def __init__(self, model, **settings):
        self.clock = Clock()
        self.notified = 0
        self.workers = 0
        settings = {"layer": "out", "steps_per_second": None, "max_iter": 50} | settings
        self.session = Session(
            Network(model), Settings(**settings), notify=self.note, spawn=self.spawn, clock=self.tick
        )

    def note(self):
        self.notified += 1

    def spawn(self, work):
        del work
        self.workers += 1

    def tick(self):
        self.clock.now += 0.004
        return self.clock.now

    def until_idle(self, calls=1000):
        """Advance until there is nothing to do; the iterations after each call."""
        seen = []
        for _ in range(calls):
            if self.session.advance() is None:
                return seen
            seen.append(self.session.iteration)
        raise AssertionError("The session did not come to an end.")


def test_a_new_session_is_ready_and_shows_the_starting_picture(model):
    session = Driven(model).session
    assert session.facts().status is Status.READY
    assert session.iteration == session.goal == len(session.history) == 0
    assert session.image.shape == (12, 12, 1)
    assert session.advance() is None


def test_a_run_has_a_row_for_every_iteration_and_finishes_at_its_goal(model):
    driven = Driven(model)
    driven.session.start()
    assert driven.session.status is Status.COMPILING
    seen = driven.until_idle()
    session = driven.session
    assert session.status is Status.FINISHED
    assert session.iteration == session.goal == len(session.history) == 50
    assert seen[0] == 1  # the compiling call makes one step
    assert len(seen) < 30  # later ones make several
    assert session.traces == 1
    assert driven.workers == 1


def test_the_picture_is_the_one_of_the_last_row(model):
    driven = Driven(model, filter_indices=3, tv_weight=0.1, learning_rate=30.0, jitter=0.2)
    driven.session.start()
    for _ in range(5):
        driven.session.advance()
        image = driven.session.image
        assert 0 <= image.min() <= image.max() <= 255
        row = driven.session.history.values[-1]
        assert -row[0] == pytest.approx(float(model(image[None])[0, 3]), rel=1e-4, abs=1e-5)


def test_run_goes_on_after_a_pause_and_after_the_end(model):
    driven = Driven(model)
    session = driven.session
    session.start()
    driven.session.advance()
    session.pause()
    assert driven.until_idle() == []
    paused = session.iteration
    assert 0 < paused < 50
    assert session.status is Status.PAUSED
    session.start()
    driven.until_idle()
    assert (session.iteration, session.status) == (50, Status.FINISHED)
    session.start()
    driven.until_idle()
    assert session.iteration == session.goal == 100
    assert session.traces == 1


def test_pausing_makes_no_difference_to_the_numbers(model):
    straight, paused = Driven(model, jitter=2), Driven(model, jitter=2)
    straight.session.start()
    straight.until_idle()
    paused.session.step(7)
    paused.until_idle()
    paused.session.start()
    paused.until_idle()
    np.testing.assert_array_equal(straight.session.history.values, paused.session.history.values)
    np.testing.assert_array_equal(straight.session.image, paused.session.image)


@pytest.mark.parametrize("n", [1, 3, 40])
def test_step_makes_exactly_n(model, n):
    driven = Driven(model)
    for turn in (1, 2):
        driven.session.step(n)
        driven.until_idle()
        assert driven.session.iteration == turn * n
        assert driven.session.status is Status.PAUSED


def test_steps_count_towards_the_goal(model):
    driven = Driven(model)
    for steps, goal in [(7, 50), (3, 100)]:
        driven.session.step(steps)
        driven.until_idle()
        driven.session.start()
        driven.until_idle()
        assert driven.session.iteration == driven.session.goal == goal


def test_step_and_start_do_nothing_while_running(model):
    driven = Driven(model)
    driven.session.start()
    driven.session.step(5)
    driven.session.start()
    driven.until_idle()
    assert driven.session.iteration == 50
    assert driven.workers == 1


def test_reset_stops_and_starts_again_from_the_same_picture(model):
    driven = Driven(model)
    start = driven.session.image
    driven.session.start()
    driven.session.advance()
    driven.session.reset()
    assert driven.until_idle() == []
    assert driven.session.status is Status.READY
    assert driven.session.iteration == 0
    np.testing.assert_array_equal(driven.session.image, start)


def test_a_whole_dragged_run_compiles_once_and_never_restarts(model):
    driven = Driven(model, max_iter=10**6)
    session = driven.session
    session.start()
    made = [0]
    for drag in range(20):
        session.update(
            tv_weight=drag * 5.0, learning_rate=1 + drag / 10, jitter=drag % 3, grad_modifier=[None, "negate"][drag % 2]
        )
        session.advance()
        made.append(session.iteration)
    assert made == sorted(set(made))
    assert session.traces == 1
    assert len(session.history) == session.iteration


def test_a_weight_takes_effect_at_the_next_step(model):
    driven = Driven(model, lp_norm_weight=1.0)
    driven.session.step(1)
    driven.until_idle()
    driven.session.update(lp_norm_weight=0.0)
    driven.session.step(1)
    driven.until_idle()
    before, after = driven.session.history["L-6.0 Norm Loss"]
    assert before > 0
    assert after == 0


def test_another_filter_restarts_a_run_at_once_without_compiling(model):
    driven = Driven(model)
    session = driven.session
    session.start()
    session.advance()
    session.advance()
    run = session.frame().run
    session.update(filter_indices=4)
    assert session.iteration == 0
    assert session.frame().run != run
    driven.until_idle()
    assert (session.iteration, session.status, session.traces) == (50, Status.FINISHED, 1)


def test_another_target_while_idle_keeps_picture_and_rows_until_the_next_start(model):
    driven = Driven(model)
    session = driven.session
    session.step(5)
    driven.until_idle()
    image = session.image
    session.update(layer="conv2", filter_indices=7)
    assert session.facts().stale
    assert session.iteration == 5
    np.testing.assert_array_equal(session.image, image)
    session.step(2)
    driven.until_idle()
    assert session.iteration == 2
    assert not session.facts().stale


def test_going_back_to_a_layer_does_not_compile_again(model):
    driven = Driven(model)
    session = driven.session
    for layer in ("out", "conv1", "out"):
        session.update(layer=layer, filter_indices=0)
        session.step(2)
        driven.until_idle()
    assert session.traces == 1


def test_a_new_layer_without_that_filter_takes_filter_0(model):
    session = Driven(model, layer="conv2", filter_indices=7).session
    assert session.update(layer="out").filter_indices == (0,)
    with pytest.raises(ValueError, match="filter_indices"):
        session.update(layer="conv1", filter_indices=7)
    assert session.settings.layer == "out"


def test_a_call_in_hand_is_dropped_if_the_session_was_reset_meanwhile(model):
    driven = Driven(model)
    session = driven.session
    session.step(1)
    driven.until_idle()
    step = session._step
    run = step.run

    def reset_meanwhile(*args):
        result = run(*args)
        session.reset()
        return result

    step.run = reset_meanwhile
    session.start()
    driven.until_idle()
    assert session.iteration == 0
    assert session.status is Status.READY


def test_a_seed_gives_the_starting_picture(model):
    driven = Driven(model)
    first = driven.session.image
    driven.session.update(seed=1)
    other = driven.session.image
    assert (first != other).any()
    driven.session.step(3)
    driven.until_idle()
    driven.session.update(seed=0)  # takes effect with the next fresh start
    assert driven.session.iteration == 3
    driven.session.reset()
    np.testing.assert_array_equal(driven.session.image, first)


def test_no_seed_gives_another_picture_each_time(model):
    session = Driven(model, seed=None).session
    first = session.image
    session.reset()
    assert (session.image != first).any()


def test_the_goal_follows_max_iter(model):
    driven = Driven(model)
    session = driven.session
    session.start()
    session.advance()
    session.update(max_iter=20)
    driven.until_idle()
    assert session.iteration == session.goal == 20


def test_a_loss_that_is_not_finite_fails_with_a_sentence_and_keeps_what_there_is():
    driven = Driven(exploding(), clip=False, lp_norm_weight=0, tv_weight=0, max_iter=500)
    session = driven.session
    session.start()
    driven.until_idle()
    facts = session.facts()
    assert facts.status is Status.FAILED
    assert f"The total loss of iteration {session.iteration} is -inf" in facts.error
    assert 1 < session.iteration == len(session.history) < 500
    assert np.isfinite(session.history.values[:-1]).all()
    assert np.isfinite(session.image).all()
    session.start()  # goes on from the last good picture, and fails again, rather than staying at NaN
    driven.until_idle()
    assert np.isfinite(session.image).all()
    session.reset()
    assert session.facts().error == ""


def test_whatever_the_engine_raises_ends_the_run_with_a_sentence(model, monkeypatch):
    driven = Driven(model)
    session = driven.session
    session.step(2)
    driven.until_idle()

    def out_of_memory(*_):
        raise MemoryError("no room\nat all")

    monkeypatch.setattr(session._step, "run", out_of_memory)
    session.start()
    driven.until_idle()
    assert session.facts().status is Status.FAILED
    assert session.facts().error == "MemoryError: no room\nat all"
    assert session.iteration == 2


@pytest.mark.parametrize("change", [{"tv_weight": "a"}, {"layer": "nope"}, {"filter_indices": 99}, {"max_iter": 0}])
def test_a_bad_change_is_refused_and_the_run_goes_on(model, change):
    driven = Driven(model)
    driven.session.start()
    before = driven.session.settings
    with pytest.raises((ValueError, TypeError)):
        driven.session.update(**change)
    assert driven.session.settings == before
    driven.until_idle()
    assert driven.session.iteration == 50


def test_frames_hold_the_rows_not_seen_yet(model):
    driven = Driven(model)
    session = driven.session
    session.step(10)
    driven.until_idle()
    everything = session.frame()
    assert (everything.first, len(everything.rows), everything.iteration) == (0, 10, 10)
    newer = session.frame(everything.run, 7)
    np.testing.assert_array_equal(newer.rows, everything.rows[7:])
    assert newer.first == 7
    session.reset()
    assert session.frame(everything.run, 7).first == 0


def test_the_speed_limit_is_a_delay(model):
    driven = Driven(model, steps_per_second=10.0)
    driven.session.start()
    assert driven.session.advance() == pytest.approx(0.1, abs=0.03)


def test_dragging_at_a_slow_speed_neither_hurries_nor_delays(model, monkeypatch):
    driven = Driven(model, steps_per_second=10.0)
    driven.session.start()
    driven.session.advance()
    delay = driven.session.advance()
    run = driven.session._step.run

    def interrupted(state, knobs, n, stop):
        stop.assign(True)  # a slider was moved just before the call
        return run(state, knobs, n, stop)

    monkeypatch.setattr(driven.session._step, "run", interrupted)
    made = driven.session.iteration
    assert driven.session.advance() <= delay
    assert driven.session.iteration == made


def test_another_seed_while_the_first_step_compiles_waits_for_the_next_start(model):
    driven = Driven(model)
    driven.session.start()
    driven.session.update(seed=5)
    driven.until_idle()
    assert driven.session.iteration == 50


def test_a_real_worker_runs_pauses_and_is_waited_for(model):
    session = Session(Network(model), Settings(layer="out", steps_per_second=None, max_iter=10**8))
    session.start()
    assert not session.wait(0.01)
    moved = threading.Event()
    session._notify = lambda: moved.set() if session.iteration > 50 else None
    assert moved.wait(60)
    session.pause()
    assert session.wait(60)
    assert session.status is Status.PAUSED
    assert session.iteration == len(session.history) > 50
    session.reset()


def test_pause_does_not_wait_for_the_whole_call(model):
    session = Session(Network(model), Settings(layer="out", steps_per_second=None, max_iter=10**9))
    session.step(1)
    assert session.wait(60)
    session._pace.steps = lambda left, limit: 300_000  # one call of minutes
    session.start()
    threading.Timer(0.2, session.pause).start()
    assert session.wait(60)
    assert 1 < session.iteration < 10**6


# --- compiled in advance ---------------------------------------------------------------------------------------------


def test_prepared_a_run_finds_its_step_ready(traces):
    driven = Driven(small_cnn())
    session, start = driven.session, driven.session.image
    session.prepare()
    facts = session.facts()
    assert (facts.preparing, facts.status) == (True, Status.READY)
    assert "Compiling" in facts.sentence()
    assert traces.of(driven.until_idle) == 1
    assert not session.facts().preparing
    assert session.facts().sentence() == "Ready: press Run."
    assert session.iteration == session.goal == len(session.history) == 0
    np.testing.assert_array_equal(session.image, start)
    session.start()
    assert session.status is Status.RUNNING
    assert traces.of(driven.until_idle) == 0
    assert session.iteration == 50


def test_what_was_prepared_makes_no_difference_to_the_numbers():
    plain, prepared = Driven(small_cnn(), jitter=2), Driven(small_cnn(), jitter=2)
    prepared.session.prepare()
    prepared.until_idle()
    for driven in (plain, prepared):
        driven.session.start()
        driven.until_idle()
    np.testing.assert_array_equal(plain.session.history.values, prepared.session.history.values)


def test_prepared_once_there_is_nothing_to_do(model):
    driven = Driven(model)
    for _ in range(3):
        driven.session.prepare()
    assert driven.workers == 1
    driven.until_idle()
    driven.session.prepare()
    driven.session.update(tv_weight=3.0)
    driven.session.prepare()
    assert driven.workers == 1
    assert not driven.session.facts().preparing


def test_the_next_layer_is_prepared_too(traces):
    driven = Driven(small_cnn())
    for change, wanted in [
        ({}, 1),
        ({"layer": "conv2"}, 1),
        ({"backprop_modifier": "guided"}, 1),
        ({"layer": "out"}, 1),
    ]:
        driven.session.update(**change)
        driven.session.prepare()
        assert traces.of(driven.until_idle) == wanted
    driven.session.update(backprop_modifier=None)  # the first one
    driven.session.prepare()
    assert traces.of(driven.until_idle) == 0


def test_nobody_waits_for_what_is_only_prepared(model):
    driven = Driven(model)
    driven.session.prepare()
    assert driven.session.wait(0)


def meanwhile(monkeypatch, work):
    """Something happens while the next step is being compiled."""
    compiled, done = recipe.step_for, []

    def compile_and_work(*args, **options):
        if not done:
            done.append(True)
            work()
        return compiled(*args, **options)

    monkeypatch.setattr(recipe, "step_for", compile_and_work)


def test_run_may_be_pressed_while_the_step_is_prepared(monkeypatch, traces):
    driven = Driven(small_cnn())
    session = driven.session
    seen = []

    def press_run():
        session.start()
        seen.append((session.status, session.facts().preparing, session.wait(0)))

    meanwhile(monkeypatch, press_run)
    session.prepare()
    assert traces.of(driven.until_idle) == 1
    assert seen == [(Status.COMPILING, False, False)]
    assert (session.iteration, session.status, driven.workers) == (50, Status.FINISHED, 1)


def test_another_layer_may_be_chosen_while_one_is_prepared(monkeypatch, traces):
    driven, seen = Driven(small_cnn()), []

    def choose():
        driven.session.update(layer="conv1")
        driven.session.prepare()
        seen.append((driven.session.facts().preparing, driven.session.wait(0)))

    meanwhile(monkeypatch, choose)
    driven.session.prepare()
    driven.until_idle()
    assert driven.workers == 1
    driven.session.start()
    assert driven.session.status is Status.RUNNING
    assert traces.of(driven.until_idle) == 0
    assert seen == [(True, True)]  # it still is only prepared: nobody waits for it


def test_prepare_does_not_disturb_a_run(model):
    driven = Driven(model)
    session = driven.session
    session.start()
    session.advance()
    session.prepare()
    assert (session.status, session.facts().preparing, driven.workers) == (Status.RUNNING, False, 1)
    driven.until_idle()
    assert session.iteration == 50


def test_a_step_that_cannot_be_prepared_is_tried_again_by_run_and_only_then(model, monkeypatch):
    driven, tried = Driven(model), []
    session = driven.session

    def out_of_memory(*_, **__):
        tried.append(True)
        raise MemoryError("no room\nat all")

    with monkeypatch.context() as patch:
        patch.setattr(recipe, "step_for", out_of_memory)
        for command, times in [(session.prepare, 1), (session.prepare, 1), (session.start, 2), (session.prepare, 2)]:
            command()
            driven.until_idle()
            facts = session.facts()
            assert (facts.status, facts.preparing, facts.error) == (
                Status.FAILED,
                False,
                "MemoryError: no room\nat all",
            )
            assert "Compiling" not in facts.sentence()
            assert len(tried) == times
    session.start()
    driven.until_idle()
    assert (session.iteration, session.status, session.facts().error) == (50, Status.FINISHED, "")


def test_a_layer_that_was_changed_between_two_runs_counts(traces):
    model, other = small_cnn(), small_cnn()
    other.get_layer("conv1").activation = keras.activations.tanh
    driven, wanted = Driven(model, max_iter=10), Driven(other, max_iter=10)
    driven.session.start()
    driven.until_idle()
    model.get_layer("conv1").activation = keras.activations.tanh
    driven.session.reset()
    driven.session.start()
    assert traces.of(driven.until_idle) == 1
    wanted.session.start()
    wanted.until_idle()
    np.testing.assert_array_equal(driven.session.history.values, wanted.session.history.values)


def test_two_sessions_share_what_is_compiled_and_nothing_else(traces):
    model = small_cnn()
    first, second = Driven(model, filter_indices=1), Driven(model, filter_indices=3, seed=4)
    for driven in (first, second):
        driven.session.start()
    alone = Driven(small_cnn(), filter_indices=3, seed=4)
    alone.session.start()
    alone.until_idle()

    def take_turns():
        going = [first, second]
        while going:
            going = [driven for driven in going if driven.session.advance() is not None]

    assert traces.of(take_turns) == 1
    np.testing.assert_array_equal(second.session.history.values, alone.session.history.values)
    assert (first.session.history.values != second.session.history.values).any()


# --- a picture that was made elsewhere -------------------------------------------------------------------------------


def elsewhere(rows=7, names=("ActivationMax Loss", "L-6.0 Norm Loss", "TV(2.0) Loss")):
    random = np.random.default_rng(0)
    return random.uniform(0, 255, (12, 12, 1)).astype("float32"), History(names, random.normal(size=(rows, 4)))


def test_a_run_goes_on_from_a_picture_made_elsewhere(model):
    driven = Driven(model, tv_weight=3.0, max_iter=50)
    session = driven.session
    session.step(3)
    driven.until_idle()
    run = session.frame().run
    image, history = elsewhere()
    session.adopt("conv2", 5, image, history, 20)
    assert (session.settings.layer, session.settings.filter_indices, session.settings.tv_weight) == ("conv2", (5,), 3.0)
    assert (session.iteration, session.goal, session.status) == (7, 20, Status.PAUSED)
    assert session.frame().run != run  # a view starts afresh
    np.testing.assert_array_equal(session.image, image)
    np.testing.assert_allclose(session.history.values, history.values, rtol=1e-6)
    session.start()
    driven.until_idle()
    assert (session.iteration, session.status) == (20, Status.FINISHED)
    np.testing.assert_allclose(session.history.values[:7], history.values, rtol=1e-6)
    output = keras.Model(model.inputs[0], model.get_layer("conv2").output)(image[None]).numpy()
    assert -session.history["ActivationMax Loss"][7] == pytest.approx(output[..., 5].mean(), rel=1e-4)
    session.start()
    driven.until_idle()
    assert session.iteration == session.goal == 70


def test_a_picture_that_was_finished_is_finished(model):
    session = Driven(model).session
    session.adopt("out", 1, *elsewhere(20), 20)
    assert (session.status, session.iteration, session.goal) == (Status.FINISHED, 20, 20)
    session.start()
    assert session.goal == 70


def test_a_picture_made_elsewhere_ends_a_run(model):
    driven = Driven(model)
    session = driven.session
    session.start()
    session.advance()
    run = session._step.run
    image, history = elsewhere()

    def adopt_meanwhile(*args):
        result = run(*args)
        session.adopt("out", 2, image, history, 20)
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session._step, "run", adopt_meanwhile)
        session.advance()
    assert session.advance() is None
    assert (session.iteration, session.status) == (7, Status.PAUSED)
    np.testing.assert_array_equal(session.image, image)


def test_a_failure_is_forgotten_with_the_picture_it_was_of():
    driven = Driven(exploding(), clip=False, lp_norm_weight=0, tv_weight=0, max_iter=500)
    session = driven.session
    session.start()
    driven.until_idle()
    assert session.facts().error
    image = np.full((4, 4, 1), 20, "float32")
    session.adopt("out", 0, image, History(session.loss_names, np.zeros((2, 4))), 5)
    assert (session.facts().error, session.status) == ("", Status.PAUSED)
    session.start()
    driven.until_idle()
    assert (session.iteration, session.status) == (5, Status.FINISHED)


@pytest.mark.parametrize(("layer", "index"), [("nope", 0), ("out", 99)])
def test_a_picture_of_what_there_is_not_is_refused_and_nothing_changes(model, layer, index):
    driven = Driven(model)
    driven.session.step(3)
    driven.until_idle()
    before = driven.session.settings
    with pytest.raises(ValueError, match="expected"):
        driven.session.adopt(layer, index, *elsewhere(), 20)
    assert driven.session.settings == before
    assert (driven.session.iteration, driven.session.status) == (3, Status.PAUSED)


def test_a_picture_made_elsewhere_has_its_channels_last_whatever_the_model_takes():
    with channels_first():
        inputs = keras.Input((3, 10, 8))
        session = Driven(keras.Model(inputs, keras.layers.Conv2D(4, 3, name="out")(inputs))).session
        image = np.random.default_rng(0).uniform(0, 255, (10, 8, 3)).astype("float32")
        session.adopt("out", 1, image, elsewhere()[1], 20)
        assert session._state.image.shape == (1, 3, 10, 8)
        np.testing.assert_array_equal(session.image, image)


def test_a_pause_before_the_first_iteration_is_no_failure(model):
    driven = Driven(model)
    session = driven.session
    session.start()
    session.pause()
    driven.until_idle()
    assert (session.status, session.facts().error, session.iteration) == (Status.PAUSED, "", 0)
    session.start()
    session.advance()
    run = session._step.run
    session.reset()

    def paused_before_it_began(state, knobs, n, stop):
        session.pause()
        return run(state, knobs, n, stop)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session._step, "run", paused_before_it_began)
        session.start()
        driven.until_idle()
    assert (session.status, session.facts().error, session.iteration) == (Status.PAUSED, "", 0)
