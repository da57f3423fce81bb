"""Two runs side by side, driven by hand: whichever thread is let in, neither gets ahead by more than a frame."""

import random

import numpy as np
import pytest

from actmax_widget.live.facts import Status
from actmax_widget.live.lockstep import Lockstep
from actmax_widget.live.run import LOOK_SECONDS
from tests.networks import exploding
from tests.test_run import Driven

MOST = 5
"""Steps of a frame, by the limit of steps per second."""
SETTINGS = {"seed": 1, "max_iter": 60, "steps_per_second": 30 * MOST, "filter_indices": (2,), "input_range": (0, 1)}


class Pair:
    """Two runs in lock-step that a test advances."""

    def __init__(self, one, other, *settings):
        both = settings or ({"tv_weight": 0}, {"tv_weight": 10})
        self.driven = [Driven(model, **SETTINGS | own) for model, own in zip((one, other), both, strict=True)]
        self.runs = [one.run for one in self.driven]
        self.moments = []
        self.both = Lockstep(*self.runs, self.note)
        self.drain()

    def note(self):
        if not self.moments or self.moments[-1] is not self.both.moment:
            self.moments.append(self.both.moment)

    @property
    def iterations(self):
        return [run.iteration for run in self.runs]

    def drain(self, choose=None, until=lambda: False, calls=5000):
        """Let one of them in after the other, as ``choose`` says, until both have nothing to do; what was ahead."""
        ahead, idle = [0], set()
        for turn in range(calls):
            run = choose(self.runs) if choose else self.runs[turn % 2]
            idle = idle | {run} if run.advance() is None else set()
            ahead.append(abs(self.iterations[0] - self.iterations[1]))
            if until() or (len(idle) == 2 and not self.both.is_busy):
                return max(ahead)
        raise AssertionError("They did not come to an end.")


@pytest.fixture
def pair(model):
    return Pair(model, model)


@pytest.mark.parametrize("seed", range(3))
def test_neither_gets_ahead_by_more_than_a_frame_whichever_thread_is_let_in(pair, seed):
    chance = random.Random(seed)  # noqa: S311 - no secret
    weights = chance.choice([(1, 1), (9, 1), (1, 9)])
    pair.both.start()
    assert pair.drain(lambda runs: chance.choices(runs, weights)[0]) <= MOST
    assert pair.iterations == [60, 60]
    assert {run.status for run in pair.runs} == {Status.FINISHED}
    met = [moment.iteration for moment in pair.moments]
    assert met == sorted(met)
    assert max(np.diff(met)) <= MOST
    assert pair.both.iteration == 60


def test_one_that_is_let_in_alone_waits_at_the_mark(pair):
    one, other = pair.runs
    pair.both.start()
    pair.drain(until=lambda: min(pair.iterations) > 0)
    for _ in range(20):
        waits = one.advance()
    assert 0 < one.iteration - other.iteration <= MOST
    assert waits == LOOK_SECONDS
    assert one.status is Status.RUNNING


@pytest.mark.parametrize("calls", [3, 8, 21])
def test_a_pause_ends_both_at_the_same_iteration(pair, calls):
    chance = random.Random(calls)  # noqa: S311 - no secret
    pair.both.start()
    left = iter(range(calls))
    pair.drain(chance.choice, until=lambda: next(left, None) is None)
    before = max(pair.iterations)
    pair.both.pause()
    pair.drain(chance.choice)
    one, other = pair.iterations
    assert one == other == pair.both.iteration
    assert one - before <= MOST
    assert {run.status for run in pair.runs} == {Status.PAUSED}
    pair.both.start()
    pair.drain(chance.choice)
    assert pair.iterations == [60, 60]


def test_a_pause_while_one_compiles_does_not_wait_for_it(pair):
    pair.runs[0].update(backprop_modifier="guided")
    pair.both.start()
    assert Status.COMPILING in {run.status for run in pair.runs}
    pair.both.pause()
    assert {run.status for run in pair.runs} == {Status.PAUSED}
    pair.drain()
    assert pair.iterations == [0, 0]


def test_both_begin_alike_and_go_as_if_alone(pair, model):
    assert np.array_equal(pair.runs[0].image, pair.runs[1].image)
    assert pair.both.step(30)
    pair.drain()
    alone = Driven(model, **SETTINGS | {"tv_weight": 10})
    alone.run.step(30)
    alone.until_idle()
    assert np.array_equal(pair.runs[1].image, alone.run.image)
    assert np.array_equal(pair.both.moment.images[1], alone.run.image)
    assert not np.array_equal(*pair.both.moment.images)


def test_steps_are_exact_and_a_second_start_does_nothing(pair):
    assert pair.both.step(7)
    assert not pair.both.step(3)
    pair.drain()
    assert pair.iterations == [7, 7]
    with pytest.raises(ValueError, match="n: expected an integer >= 1"):
        pair.both.step(0)


def test_what_is_done_to_one_alone_is_done_to_the_other(pair):
    one, other = pair.runs
    one.step(9)
    pair.drain()
    assert pair.iterations == [9, 9]
    other.start()
    pair.drain(until=lambda: min(pair.iterations) > 20)
    one.pause()
    pair.drain()
    assert one.iteration == other.iteration < 60
    assert pair.both.iteration == one.iteration
    one.reset()
    pair.drain()
    assert pair.iterations == [0, 0]
    assert pair.both.iteration == 0


def test_one_that_went_back_catches_up_first(pair):
    one, other = pair.runs
    pair.both.step(20)
    pair.drain()
    one.rewind(0)
    pair.drain()
    assert pair.iterations == [0, 20]
    pair.both.step(5)
    pair.drain()
    assert pair.iterations == [25, 25]
    assert other.status is Status.PAUSED


def test_another_target_begins_both_afresh(pair):
    pair.both.start()
    pair.drain(until=lambda: min(pair.iterations) > 20)
    for run in pair.runs:
        run.update(filter_indices=(1,))
    assert pair.iterations == [0, 0]
    assert pair.drain() <= MOST
    assert pair.iterations == [60, 60]
    pair.both.reset()
    assert pair.iterations == [0, 0]


def test_where_one_fails_both_stop():
    model = exploding()
    settings = {"filter_indices": (0,), "input_range": (0, 255), "clip": False, "seed": 3, "lp_norm_weight": 0} | {
        "tv_weight": 0
    }
    pair = Pair(
        model,
        model,
        settings | {"act_max_weight": -1, "max_iter": 500},
        settings | {"act_max_weight": 1, "max_iter": 500},
    )
    pair.both.start()
    pair.drain()
    one, other = pair.runs
    assert other.status is Status.FAILED
    assert one.status is Status.PAUSED
    assert not pair.both.is_busy
    assert abs(one.iteration - other.iteration) <= MOST
    assert "The total loss of iteration" in other.facts().error
    assert one.facts().error == ""


def test_it_ends_and_a_run_follows_one_at_a_time(pair):
    one, other = pair.runs
    with pytest.raises(RuntimeError, match="along with another one already"):
        Lockstep(one, other)
    pair.both.end()
    one.step(12)
    while one.advance() is not None:
        pass
    assert pair.iterations == [12, 0]
