import threading

import numpy as np
import pytest

from actmax_widget.network import Network
from actmax_widget.records import Settings, Status
from actmax_widget.session import Session
from tests.networks import exploding, small_cnn
from tests.test_pace import Clock


@pytest.fixture(scope="module")
def model():
    return small_cnn()


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
    ascent = session._ascent
    run = ascent.run

    def reset_meanwhile(*args):
        result = run(*args)
        session.reset()
        return result

    ascent.run = reset_meanwhile
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

    monkeypatch.setattr(session._ascent, "run", out_of_memory)
    session.start()
    driven.until_idle()
    assert session.facts().status is Status.FAILED
    assert session.facts().error == "MemoryError: no room"
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
    run = driven.session._ascent.run

    def interrupted(state, knobs, n, stop):
        stop.assign(True)  # a slider was moved just before the call
        return run(state, knobs, n, stop)

    monkeypatch.setattr(driven.session._ascent, "run", interrupted)
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
