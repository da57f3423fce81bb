import functools
import threading

import keras
import numpy as np
import pytest

from actmax_widget.engine import cache
from actmax_widget.engine.step import Step
from actmax_widget.live.facts import Status
from actmax_widget.live.run import Run
from actmax_widget.network import Network
from actmax_widget.settings import Settings
from tests.networks import exploding, small_cnn
from tests.test_loop import Clock


class Driven:
    """A run that a test advances by hand: no thread, and a clock that stands still but for a millisecond a call."""

    def __init__(self, model, **settings):
        self.clock, self.statuses = Clock(), []
        self.notified = 0
        self.workers = 0
        settings = {"layer": "out", "steps_per_second": None, "max_iter": 50} | settings
        self.run = Run(Network(model), Settings(**settings), notify=self.note, spawn=self.spawn, clock=self.tick)

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
            if self.run.advance() is None:
                return seen
            seen.append(self.run.iteration)
        raise AssertionError("The run did not come to an end.")


def test_a_new_session_is_ready_and_shows_the_starting_picture(model):
    run = Driven(model).run
    assert run.facts().status is Status.READY
    assert run.iteration == run.goal == len(run.history) == 0
    assert run.image.shape == (12, 12, 1)
    assert run.advance() is None


def test_a_run_has_a_row_for_every_iteration_and_finishes_at_its_goal(model):
    driven = Driven(model, max_iter=320)
    driven.run.start()
    assert driven.run.status is Status.COMPILING
    seen = driven.until_idle()
    run = driven.run
    assert run.status is Status.FINISHED
    assert run.iteration == run.goal == len(run.history) == 320
    assert seen[0] == 1  # the compiling call makes one step
    assert len(seen) < 160  # later ones make several
    assert {*range(0, 321, 10)} <= {*run.film().iterations}  # wherever they end
    assert run.traces == 1
    assert driven.workers == 1


def test_the_picture_is_the_one_of_the_last_row(model):
    driven = Driven(model, filter_indices=3, tv_weight=0.1, learning_rate=30.0)
    driven.run.start()
    for _ in range(5):
        driven.run.advance()
        image = driven.run.image
        assert 0 <= image.min() <= image.max() <= 255
        row = driven.run.history.values[-1]
        assert -row[0] == pytest.approx(float(model(image[None])[0, 3]), rel=1e-4, abs=1e-5)


def test_run_goes_on_after_a_pause_and_after_the_end(model):
    driven = Driven(model)
    run = driven.run
    run.start()
    driven.run.advance()
    run.pause()
    assert driven.until_idle() == []
    paused = run.iteration
    assert 0 < paused < 50
    assert run.status is Status.PAUSED
    run.start()
    driven.until_idle()
    assert (run.iteration, run.status) == (50, Status.FINISHED)
    run.start()
    driven.until_idle()
    assert run.iteration == run.goal == 100
    assert run.traces == 1


def test_pausing_makes_no_difference_to_the_numbers(model):
    straight, paused = Driven(model, jitter=2), Driven(model, jitter=2)
    straight.run.start()
    straight.until_idle()
    paused.run.step(7)
    paused.until_idle()
    paused.run.start()
    paused.until_idle()
    np.testing.assert_array_equal(straight.run.history.values, paused.run.history.values)
    np.testing.assert_array_equal(straight.run.image, paused.run.image)


@pytest.mark.parametrize("n", [1, 3, 40])
def test_step_makes_exactly_n(model, n):
    driven = Driven(model)
    for turn in (1, 2):
        driven.run.step(n)
        driven.until_idle()
        assert driven.run.iteration == turn * n
        assert driven.run.status is Status.PAUSED


def test_steps_count_towards_the_goal(model):
    driven = Driven(model)
    for steps, goal in [(7, 50), (3, 100)]:
        driven.run.step(steps)
        driven.until_idle()
        driven.run.start()
        driven.until_idle()
        assert driven.run.iteration == driven.run.goal == goal


def test_step_and_start_do_nothing_while_running(model):
    driven = Driven(model)
    driven.run.start()
    driven.run.step(5)
    driven.run.start()
    driven.until_idle()
    assert driven.run.iteration == 50
    assert driven.workers == 1


def test_reset_stops_and_starts_again_from_the_same_picture(model):
    driven = Driven(model)
    start = driven.run.image
    driven.run.start()
    driven.run.advance()
    driven.run.reset()
    assert driven.until_idle() == []
    assert driven.run.status is Status.READY
    assert driven.run.iteration == 0
    np.testing.assert_array_equal(driven.run.image, start)


def test_a_whole_dragged_run_compiles_once_and_never_restarts(model):
    driven = Driven(model, max_iter=10**6)
    run = driven.run
    run.start()
    made = [0]
    for drag in range(20):
        run.update(
            tv_weight=drag * 5.0, learning_rate=1 + drag / 10, jitter=drag % 3, grad_modifier=[None, "negate"][drag % 2]
        )
        run.advance()
        made.append(run.iteration)
    assert made == sorted(set(made))
    assert run.traces == 1
    assert len(run.history) == run.iteration


def test_a_weight_takes_effect_at_the_next_step(model):
    driven = Driven(model, lp_norm_weight=1.0)
    driven.run.step(1)
    driven.until_idle()
    driven.run.update(lp_norm_weight=0.0)
    driven.run.step(1)
    driven.until_idle()
    before, after = driven.run.history["L-6.0 Norm Loss"]
    assert before > 0
    assert after == 0


def test_another_filter_restarts_a_run_at_once_without_compiling(model):
    driven = Driven(model)
    run = driven.run
    run.start()
    run.advance()
    run.advance()
    number = run.frame().run
    run.update(filter_indices=4)
    assert run.iteration == 0
    assert run.frame().run != number
    driven.until_idle()
    assert (run.iteration, run.status, run.traces) == (50, Status.FINISHED, 1)


def test_another_target_while_idle_keeps_picture_and_rows_until_the_next_start(model):
    driven = Driven(model)
    run = driven.run
    run.step(5)
    driven.until_idle()
    image = run.image
    run.update(layer="conv2", filter_indices=7)
    assert run.facts().stale
    assert run.iteration == 5
    np.testing.assert_array_equal(run.image, image)
    run.step(2)
    driven.until_idle()
    assert run.iteration == 2
    assert not run.facts().stale


def test_going_back_to_a_layer_does_not_compile_again(model):
    driven = Driven(model)
    run = driven.run
    for layer in ("out", "conv1", "out"):
        run.update(layer=layer, filter_indices=0)
        run.step(2)
        driven.until_idle()
    assert run.traces == 1


def test_a_new_layer_without_that_filter_takes_filter_0(model):
    run = Driven(model, layer="conv2", filter_indices=7).run
    assert run.update(layer="out").filter_indices == (0,)
    with pytest.raises(ValueError, match="filter_indices"):
        run.update(layer="conv1", filter_indices=7)
    assert run.settings.layer == "out"


def test_a_call_in_hand_is_dropped_if_the_session_was_reset_meanwhile(model):
    driven = Driven(model)
    run = driven.run
    run.step(1)
    driven.until_idle()
    step = run._step
    make = step.run

    def reset_meanwhile(*args):
        result = make(*args)
        run.reset()
        return result

    step.run = reset_meanwhile
    run.start()
    driven.until_idle()
    assert run.iteration == 0
    assert run.status is Status.READY


def test_a_seed_gives_the_starting_picture(model):
    driven = Driven(model)
    first = driven.run.image
    driven.run.update(seed=1)
    other = driven.run.image
    assert (first != other).any()
    driven.run.step(3)
    driven.until_idle()
    driven.run.update(seed=0)  # takes effect with the next fresh start
    assert driven.run.iteration == 3
    driven.run.reset()
    np.testing.assert_array_equal(driven.run.image, first)


def test_no_seed_gives_another_picture_each_time(model):
    run = Driven(model, seed=None).run
    first = run.image
    run.reset()
    assert (run.image != first).any()


def test_the_goal_follows_max_iter(model):
    driven = Driven(model)
    run = driven.run
    run.start()
    run.advance()
    run.update(max_iter=20)
    driven.until_idle()
    assert run.iteration == run.goal == 20


def test_a_loss_that_is_not_finite_fails_with_a_sentence_and_keeps_what_there_is():
    driven = Driven(exploding(), clip=False, lp_norm_weight=0, tv_weight=0, max_iter=500)
    run = driven.run
    run.start()
    driven.until_idle()
    facts = run.facts()
    assert facts.status is Status.FAILED
    assert f"The total loss of iteration {run.iteration} is -inf" in facts.error
    assert 1 < run.iteration == len(run.history) < 500
    assert np.isfinite(run.history.values[:-1]).all()
    assert np.isfinite(run.image).all()
    run.start()  # goes on from the last good picture, and fails again, rather than staying at NaN
    driven.until_idle()
    assert np.isfinite(run.image).all()
    run.reset()
    assert run.facts().error == ""


def test_whatever_the_engine_raises_ends_the_run_with_a_sentence(model, monkeypatch):
    driven = Driven(model)
    run = driven.run
    run.step(2)
    driven.until_idle()

    def out_of_memory(*_):
        raise MemoryError("no room\nat all")

    monkeypatch.setattr(run._step, "run", out_of_memory)
    run.start()
    driven.until_idle()
    assert run.facts().status is Status.FAILED
    assert run.facts().error == "MemoryError: no room\nat all"
    assert run.iteration == 2


@pytest.mark.parametrize("change", [{"tv_weight": "a"}, {"layer": "nope"}, {"filter_indices": 99}, {"max_iter": 0}])
def test_a_bad_change_is_refused_and_the_run_goes_on(model, change):
    driven = Driven(model)
    driven.run.start()
    before = driven.run.settings
    with pytest.raises((ValueError, TypeError)):
        driven.run.update(**change)
    assert driven.run.settings == before
    driven.until_idle()
    assert driven.run.iteration == 50


def test_frames_hold_the_rows_not_seen_yet(model):
    driven = Driven(model)
    run = driven.run
    run.step(10)
    driven.until_idle()
    everything = run.frame()
    assert (everything.first, len(everything.rows), everything.iteration) == (0, 10, 10)
    newer = run.frame(everything.run, 7)
    np.testing.assert_array_equal(newer.rows, everything.rows[7:])
    assert newer.first == 7
    run.reset()
    assert run.frame(everything.run, 7).first == 0


def test_the_speed_limit_is_a_delay(model):
    driven = Driven(model, steps_per_second=10.0)
    driven.run.start()
    assert driven.run.advance() == pytest.approx(0.1, abs=0.03)


def test_dragging_at_a_slow_speed_neither_hurries_nor_delays(model, monkeypatch):
    driven = Driven(model, steps_per_second=10.0)
    driven.run.start()
    driven.run.advance()
    delay = driven.run.advance()
    make = driven.run._step.run

    def interrupted(state, knobs, n, stop):
        stop.assign(True)  # a slider was moved just before the call
        return make(state, knobs, n, stop)

    monkeypatch.setattr(driven.run._step, "run", interrupted)
    made = driven.run.iteration
    assert driven.run.advance() <= delay
    assert driven.run.iteration == made


def test_another_seed_while_the_first_step_compiles_waits_for_the_next_start(model):
    driven = Driven(model)
    driven.run.start()
    driven.run.update(seed=5)
    driven.until_idle()
    assert driven.run.iteration == 50


def test_a_real_worker_runs_pauses_and_is_waited_for(model):
    run = Run(Network(model), Settings(layer="out", steps_per_second=None, max_iter=10**8))
    run.start()
    assert not run.wait(0.01)
    moved = threading.Event()
    run._notify = lambda: moved.set() if run.iteration > 50 else None
    assert moved.wait(60)
    run.pause()
    assert run.wait(60)
    assert run.status is Status.PAUSED
    assert run.iteration == len(run.history) > 50
    run.reset()


def test_pause_does_not_wait_for_the_whole_call(model):
    run = Run(Network(model), Settings(layer="out", steps_per_second=None, max_iter=10**9))
    run.step(1)
    assert run.wait(60)
    run._pace.steps = lambda left, limit: 300_000  # one call of minutes
    run.start()
    threading.Timer(0.2, run.pause).start()
    assert run.wait(60)
    assert 1 < run.iteration < 10**6


# --- compiled in advance ---------------------------------------------------------------------------------------------


def test_prepared_a_run_finds_its_step_ready(traces):
    driven = Driven(small_cnn())
    run, start = driven.run, driven.run.image
    run.prepare()
    facts = run.facts()
    assert (facts.preparing, facts.status) == (True, Status.READY)
    assert "Compiling" in facts.sentence()
    assert traces.of(driven.until_idle) == 1
    assert not run.facts().preparing
    assert run.facts().sentence() == "Ready: press Run."
    assert run.iteration == run.goal == len(run.history) == 0
    np.testing.assert_array_equal(run.image, start)
    run.start()
    assert run.status is Status.RUNNING
    assert traces.of(driven.until_idle) == 0
    assert run.iteration == 50


def test_what_was_prepared_makes_no_difference_to_the_numbers():
    plain, prepared = Driven(small_cnn(), jitter=2), Driven(small_cnn(), jitter=2)
    prepared.run.prepare()
    prepared.until_idle()
    for driven in (plain, prepared):
        driven.run.start()
        driven.until_idle()
    np.testing.assert_array_equal(plain.run.history.values, prepared.run.history.values)


def test_prepared_once_there_is_nothing_to_do(model):
    driven = Driven(model)
    for _ in range(3):
        driven.run.prepare()
    assert driven.workers == 1
    driven.until_idle()
    driven.run.prepare()
    driven.run.update(tv_weight=3.0)
    driven.run.prepare()
    assert driven.workers == 1
    assert not driven.run.facts().preparing


def test_the_next_layer_is_prepared_too(traces):
    driven = Driven(small_cnn())
    for change, wanted in [
        ({}, 1),
        ({"layer": "conv2"}, 1),
        ({"backprop_modifier": "guided"}, 1),
        ({"layer": "out"}, 1),
    ]:
        driven.run.update(**change)
        driven.run.prepare()
        assert traces.of(driven.until_idle) == wanted
    driven.run.update(backprop_modifier=None)  # the first one
    driven.run.prepare()
    assert traces.of(driven.until_idle) == 0


def test_nobody_waits_for_what_is_only_prepared(model):
    driven = Driven(model)
    driven.run.prepare()
    assert driven.run.wait(0)


def meanwhile(monkeypatch, work):
    """Something happens while the next step is being compiled."""
    compiled, done = cache.step_for, []

    def compile_and_work(*args, **options):
        if not done:
            done.append(True)
            work()
        return compiled(*args, **options)

    monkeypatch.setattr(cache, "step_for", compile_and_work)


def test_run_may_be_pressed_while_the_step_is_prepared(monkeypatch, traces):
    driven = Driven(small_cnn())
    run = driven.run
    seen = []

    def press_run():
        run.start()
        seen.append((run.status, run.facts().preparing, run.wait(0)))

    meanwhile(monkeypatch, press_run)
    run.prepare()
    assert traces.of(driven.until_idle) == 1
    assert seen == [(Status.COMPILING, False, False)]
    assert (run.iteration, run.status, driven.workers) == (50, Status.FINISHED, 1)


def test_another_layer_may_be_chosen_while_one_is_prepared(monkeypatch, traces):
    driven, seen = Driven(small_cnn()), []

    def choose():
        driven.run.update(layer="conv1")
        driven.run.prepare()
        seen.append((driven.run.facts().preparing, driven.run.wait(0)))

    meanwhile(monkeypatch, choose)
    driven.run.prepare()
    driven.until_idle()
    assert driven.workers == 1
    driven.run.start()
    assert driven.run.status is Status.RUNNING
    assert traces.of(driven.until_idle) == 0
    assert seen == [(True, True)]  # it still is only prepared: nobody waits for it


def test_prepare_does_not_disturb_a_run(model):
    driven = Driven(model)
    run = driven.run
    run.start()
    run.advance()
    run.prepare()
    assert (run.status, run.facts().preparing, driven.workers) == (Status.RUNNING, False, 1)
    driven.until_idle()
    assert run.iteration == 50


def test_a_step_that_cannot_be_prepared_is_tried_again_by_run_and_only_then(model, monkeypatch):
    driven, tried = Driven(model), []
    run = driven.run

    def out_of_memory(*_, **__):
        tried.append(True)
        raise MemoryError("no room\nat all")

    with monkeypatch.context() as patch:
        patch.setattr(cache, "step_for", out_of_memory)
        for command, times in [(run.prepare, 1), (run.prepare, 1), (run.start, 2), (run.prepare, 2)]:
            command()
            driven.until_idle()
            facts = run.facts()
            assert (facts.status, facts.preparing, facts.error) == (
                Status.FAILED,
                False,
                "MemoryError: no room\nat all",
            )
            assert "Compiling" not in facts.sentence()
            assert len(tried) == times
    run.start()
    driven.until_idle()
    assert (run.iteration, run.status, run.facts().error) == (50, Status.FINISHED, "")


def test_a_layer_that_was_changed_between_two_runs_counts(traces):
    model, other = small_cnn(), small_cnn()
    other.get_layer("conv1").activation = keras.activations.tanh
    driven, wanted = Driven(model, max_iter=10), Driven(other, max_iter=10)
    driven.run.start()
    driven.until_idle()
    model.get_layer("conv1").activation = keras.activations.tanh
    driven.run.reset()
    driven.run.start()
    assert traces.of(driven.until_idle) == 1
    wanted.run.start()
    wanted.until_idle()
    np.testing.assert_array_equal(driven.run.history.values, wanted.run.history.values)


def test_two_runs_share_what_is_compiled_and_nothing_else(traces):
    model = small_cnn()
    first, second = Driven(model, filter_indices=1), Driven(model, filter_indices=3, seed=4)
    for driven in (first, second):
        driven.run.start()
    alone = Driven(small_cnn(), filter_indices=3, seed=4)
    alone.run.start()
    alone.until_idle()

    def take_turns():
        going = [first, second]
        while going:
            going = [driven for driven in going if driven.run.advance() is not None]

    assert traces.of(take_turns) == 1
    np.testing.assert_array_equal(second.run.history.values, alone.run.history.values)
    assert (first.run.history.values != second.run.history.values).any()


def test_a_pause_before_the_first_iteration_is_no_failure(model):
    driven = Driven(model)
    run = driven.run
    run.start()
    run.pause()
    driven.until_idle()
    assert (run.status, run.facts().error, run.iteration) == (Status.PAUSED, "", 0)
    run.start()
    run.advance()
    make = run._step.run
    run.reset()

    def paused_before_it_began(*how):
        run.pause()
        return make(*how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run._step, "run", paused_before_it_began)
        run.start()
        driven.until_idle()
    assert (run.status, run.facts().error, run.iteration) == (Status.PAUSED, "", 0)


# --- changes while it waits ------------------------------------------------------------------------------------------


class Patient(threading.Condition):
    """A worker's lock whose waiting takes the time of the test's clock only; in the second wait something happens."""

    def __init__(self, clock, work):
        super().__init__()
        self.clock, self.work, self.waits = clock, work, 0

    def wait(self, timeout=None):
        self.clock.now += timeout
        self.waits += 1
        if self.waits == 2:
            self.work()


def waiting(model, **settings):
    """A run that has just made a step, at one step in five seconds; and how long it is to wait."""
    driven = Driven(model, **{"steps_per_second": 0.2} | settings)
    driven.run.prepare()
    driven.until_idle()
    driven.run.start()
    delay = driven.run.advance()
    assert delay == pytest.approx(5, abs=0.1)
    return driven, delay


def slept(driven, delay, work):
    """Seconds that it waits in which ``work`` is done."""
    begin = driven.clock.now
    driven.run._changed = Patient(driven.clock, work)
    driven.run._sleep(delay)
    return driven.clock.now - begin


CHANGES = [{"tv_weight": 3.0}, {"filter_indices": 2}, {"learning_rate": 4.0}, {"steps_per_second": 60.0}]


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_set_at_a_slow_speed_takes_effect_at_once(model, change):
    driven, delay = waiting(model)
    made = driven.run.iteration
    assert slept(driven, delay, lambda: driven.run.update(**change)) < 1
    driven.run.advance()
    assert (driven.run.iteration == 1) if "filter_indices" in change else (driven.run.iteration > made)


def test_what_is_set_just_before_it_waits_takes_effect_at_once_too(model):
    driven, delay = waiting(model)
    driven.run.update(tv_weight=3.0)
    assert slept(driven, delay, lambda: None) < 0.1


def test_if_nothing_is_set_it_waits(model):
    driven, delay = waiting(model)
    assert slept(driven, delay, lambda: None) == pytest.approx(delay, abs=0.3)


@pytest.mark.parametrize("command", ["pause", "reset", "make_tiles"])
def test_a_command_ends_the_wait(model, command):
    driven, delay = waiting(model)
    assert slept(driven, delay, getattr(driven.run, command)) < 1


def test_after_a_drag_it_waits_no_longer_than_before(model):
    driven, delay = waiting(model)
    for value in range(20):
        driven.run.update(tv_weight=float(value))
        after = driven.run.advance()
    assert after == pytest.approx(delay, abs=0.1)


def test_a_higher_speed_holds_from_the_next_step_on(model):
    driven, _ = waiting(model)
    driven.run.update(steps_per_second=10.0)
    assert driven.run.advance() == pytest.approx(0.1, abs=0.03)


# --- two at once -----------------------------------------------------------------------------------------------------


def test_a_second_run_on_a_step_that_still_compiles_says_so_and_takes_no_wait_for_a_step(monkeypatch):
    network = small_cnn()
    first, second = Driven(network), Driven(network)
    tracing, go_on, called = threading.Event(), threading.Event(), threading.Event()
    loop, make = Step._loop, second.run._made

    def held(self, *args):
        outputs = loop(self, *args)
        tracing.set()
        assert go_on.wait(60)
        return outputs

    def note_call(*args):
        called.set()
        return make(*args)

    monkeypatch.setattr(Step, "_loop", held)
    monkeypatch.setattr(second.run, "_made", note_call)
    for driven in (first, second):
        driven.run.start()
    compiling = threading.Thread(target=first.run.advance)
    held_up = functools.partial(compile_before, second.run._compile, compiling, tracing)
    monkeypatch.setattr(second.run, "_compile", held_up)
    waiting = threading.Thread(target=second.run.advance)
    waiting.start()
    assert called.wait(60)
    assert second.run.status is Status.COMPILING
    go_on.set()
    for thread in (compiling, waiting):
        thread.join(60)
    assert (first.run.iteration, second.run.iteration, second.run.traces) == (1, 1, 1)
    assert second.run._pace._step_seconds is None
    second.run.advance()
    assert second.run.status is Status.RUNNING


def compile_before(compile_step, compiling, tracing, *args):
    """A run has its step, and before it makes one, another begins to compile it."""
    compile_step(*args)
    compiling.start()
    assert tracing.wait(60)


# --- read only -------------------------------------------------------------------------------------------------------


def test_nobody_writes_into_what_a_run_holds(model):
    driven = Driven(model)
    run = driven.run
    for n in (0, 2):
        if n:
            run.step(n)
            driven.until_idle()
        for give in (lambda: run.image, lambda: run.frame().image):
            with pytest.raises(ValueError, match="read-only"):
                give()[:] = 0
        rows = run.history.values
        rows[:] = 0
        assert n == 0 or run.history.values.any()
