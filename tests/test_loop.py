import pytest

from actmax_widget.engine.loop import FRAME, Pace


class Clock:
    """Seconds that pass when told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def run(pace, clock, seconds, steps, limit=None):
    begin = clock.now
    clock.now += seconds
    pace.measured(begin, steps, limit)


def test_one_step_before_anything_was_measured(clock):
    assert Pace(clock).steps(1000, None) == 1


def test_steps_fill_a_frame(clock):
    pace = Pace(clock)
    run(pace, clock, 0.001, 1)
    assert pace.steps(1000, None) == pytest.approx(FRAME / 0.001, abs=1)
    assert pace.steps(5, None) == 5
    assert pace.steps(1000, 60) == 2


def test_a_slow_step_is_made_alone(clock):
    pace = Pace(clock)
    run(pace, clock, 0.5, 1)
    assert pace.steps(1000, None) == 1
    assert pace.steps(1000, 10_000) == 1


@pytest.mark.parametrize("limit", [0.5, 20, 60, 1000])
def test_the_limit_is_kept_over_time(clock, limit):
    pace = Pace(clock)
    pace.begin()
    start, made = clock.now, 0
    while made < 10 * limit:
        n = pace.steps(10**6, limit)
        run(pace, clock, 1e-5 * n, n, limit)
        made += n
        assert pace.delay() == pace.delay()  # asking changes nothing
        clock.now += pace.delay()
    assert made / (clock.now - start) == pytest.approx(limit, rel=0.01)
    assert pace.rate == pytest.approx(limit, rel=0.2)


def test_what_was_missed_is_not_caught_up_by_a_rush(clock):
    pace = Pace(clock)
    pace.begin()
    run(pace, clock, 5.0, 1, 30)
    run(pace, clock, 0.001, 1, 30)
    run(pace, clock, 0.001, 1, 30)
    assert pace.delay() > 0


def test_no_limit_no_delay(clock):
    pace = Pace(clock)
    run(pace, clock, 0.001, 1)
    assert pace.delay() == 0


def test_a_pause_does_not_count_in_the_rate(clock):
    pace = Pace(clock)
    for _ in range(30):
        run(pace, clock, 0.01, 1)
    assert pace.rate == pytest.approx(100, rel=0.01)
    clock.now += 1000
    pace.begin()
    assert pace.rate is None
    for _ in range(2):
        run(pace, clock, 0.01, 1)
    assert pace.rate == pytest.approx(100, rel=0.01)


def test_calls_that_come_early_are_no_debt(clock):
    pace = Pace(clock)
    pace.begin()
    for _ in range(20):  # a slider is dragged
        run(pace, clock, 0.001, 1, 0.2)
    assert pace.delay() == pytest.approx(5)
