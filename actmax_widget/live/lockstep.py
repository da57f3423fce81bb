"""Two runs that go side by side: neither gets ahead of the other by more than one frame.

Both run up to a common *mark*, each in its own thread; whoever is there waits. When the other has come, their pictures
are taken, of one iteration, and the mark is set one frame further. A pause lets both come to the mark, so that it ends
them at the same iteration. Where one is started, paused or reset by itself, the other follows; where one fails, the
other pauses.

Locks: :meth:`Lockstep._look` is told of each change by the runs' own threads, some of which hold their run's lock. So
with the lock held it reads plain attributes of the runs alone, and whatever it makes them do, it does after that.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from actmax_widget.checks import check_integer
from actmax_widget.live.facts import Status
from actmax_widget.live.run import Run

Act = Callable[[], Any]


class Moment(NamedTuple):
    """Both pictures at one iteration.

    Attributes:
        iteration: of both.
        images: (H, W, C) float32 each.
    """

    iteration: int
    images: tuple[np.ndarray, np.ndarray]


class Lockstep:
    """Two runs in lock-step.

    Args:
        one: a run that does not run.
        other: another one.
        notify: called, from any thread and without arguments, when something has changed. Must return at once.

    Example:
        >>> both = Lockstep(one, other)
        >>> both.start()
        >>> both.wait(60)
        True
        >>> both.moment.iteration == one.iteration == other.iteration
        True
    """

    def __init__(self, one: Run, other: Run, notify: Callable[[], None] = lambda: None) -> None:
        self.runs = one, other
        self._notify = notify
        self._changed = threading.Condition(threading.RLock())
        self._mark = 0  # read without the lock by the runs' threads
        self._moving = self._ending = self._meeting = False
        self._starting = 0
        self._numbers = self._of_runs()
        self.moment = self._pictured()
        self._met: tuple[Any, int] | None = None
        self._ends = [run.follow(self._leash, self._look) for run in self.runs]

    @property
    def iteration(self) -> int:
        """The last iteration that both came to."""
        return self.moment.iteration

    @property
    def is_busy(self) -> bool:
        """Whether they are running, or still on their way to the same iteration."""
        return self._moving or self._meeting or any(run.front_is_busy for run in self.runs)

    def start(self) -> None:
        """Run both until their goal; the one that is behind first comes to where the other is."""
        self._move([run.start for run in self.runs])

    def step(self, n: int = 1) -> bool:
        """Make ``n`` iterations, counted from the one that is ahead; returns whether they are made.

        Raises:
            ValueError, TypeError: ``n`` is not an integer >= 1.
        """
        n = check_integer("n", n, least=1, advice="Pass e.g. step(1).")
        end = n + (0 if any(run.is_stale for run in self.runs) else max(run.iteration for run in self.runs))
        missing = [end - (0 if run.is_stale else run.iteration) for run in self.runs]
        return self._move([functools.partial(run.step, left) for run, left in zip(self.runs, missing, strict=True)])

    def pause(self) -> None:
        """Stop both, at the same iteration: after the frame in hand."""
        with self._changed:
            self._ending = self._moving
            # What compiles has nothing in hand, and may take long.
            at_once = not self._moving or any(run.status is Status.COMPILING for run in self.runs)
        for run in self.runs if at_once else ():
            run.pause()
        self._look()

    def reset(self) -> None:
        """Stop both, and go back to the starting picture."""
        with self._changed:
            self._starting += 1
        try:
            for run in self.runs:
                run.reset()
        finally:
            with self._changed:
                self._starting -= 1
                self._moving = self._ending = False
        self._look()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until both have stopped; at most ``timeout`` seconds. Returns whether they have."""
        with self._changed:
            return self._changed.wait_for(lambda: not self.is_busy, timeout)

    def end(self) -> None:
        """Let go of both: from now on each goes alone."""
        for end in self._ends:
            end()
        with self._changed:
            self._moving = False
            self._changed.notify_all()

    # --- the protocol ----------------------------------------------------------------------------------------------

    def _move(self, starts: list[Act]) -> bool:
        with self._changed:
            if self.is_busy:
                return False
            self._set_out()
            self._starting += 1
        try:
            for start in starts:
                start()
        finally:
            with self._changed:
                self._starting -= 1
        self._look()
        return True

    def _set_out(self) -> None:
        self._numbers = self._of_runs()
        self._moving, self._ending = True, False
        self._mark = self._ahead()

    def _leash(self, iteration: int) -> int:
        """How many iterations a run may make from one on. Called with its lock held."""
        return max(0, self._mark - iteration)

    def _look(self) -> None:
        """Do what follows from where both stand."""
        with self._changed:
            acts = [] if self._starting or self._meeting else self._decide()
        for act in acts:
            act()
        with self._changed:
            self._changed.notify_all()
        self._notify()

    def _decide(self) -> list[Act]:
        busy = [run for run in self.runs if run.front_is_busy]
        numbers = self._of_runs()
        if numbers != self._numbers:  # a fresh start, or something that was gone back to
            begun = [run for run, old, new in zip(self.runs, self._numbers, numbers, strict=True) if old != new]
            self._numbers, self._mark = numbers, self._ahead()
            reset = [run for run in begun if not run.iteration and run.status is Status.READY]
            if reset and any(run.iteration for run in self.runs):
                self._moving = False
                return [run.reset for run in self.runs if run not in reset]
        if not self._moving:
            return self._join(busy) if busy else self._meet_at_rest()
        if len(busy) == len(self.runs):
            return self._meet_at_mark()
        return self._follow(busy[0]) if busy else self._come_together()

    def _join(self, busy: list[Run]) -> list[Act]:
        """Somebody started one by itself: the other goes along."""
        self._set_out()
        mover = busy[0]
        others = [run for run in self.runs if run not in busy]
        if mover.heads_for_goal:
            return [*(run.start for run in others), self._look]
        steps = [functools.partial(run.step, max(1, mover.until - run.iteration)) for run in others]
        return [*steps, self._look]

    def _meet_at_mark(self) -> list[Act]:
        if any(run.iteration < self._mark for run in self.runs):
            return []
        if self._ending:
            return [run.pause for run in self.runs]  # both wait at the mark: nothing is in hand
        self._meeting = True
        return [self._go_further]

    def _go_further(self) -> None:
        moment = self._pictured()
        with self._changed:
            self.moment, self._meeting = moment, False
            self._mark += max(1, min(run.steps_in_frame for run in self.runs))
        for run in self.runs:
            run.loosen()
        self._look()  # nobody did meanwhile

    def _follow(self, mover: Run) -> list[Act]:
        """One has ended, or was paused: the other comes to where that is."""
        (ended,) = (run for run in self.runs if run is not mover)
        if ended.status is Status.FAILED or mover.iteration >= ended.iteration:
            return [mover.pause]
        self._mark = ended.iteration
        return [mover.loosen]

    def _come_together(self) -> list[Act]:
        if not all(run.is_at_rest for run in self.runs):
            return []
        behind = min(self.runs, key=lambda run: run.iteration)
        missing = self._ahead() - behind.iteration
        if missing and not any(run.status is Status.FAILED or run.is_at_tiles for run in self.runs):
            self._mark = self._ahead()
            return [functools.partial(behind.step, missing)]
        self._moving = self._ending = False
        return self._meet_at_rest()

    def _meet_at_rest(self) -> list[Act]:
        same = len({run.iteration for run in self.runs}) == 1
        if not same or not all(run.is_at_rest for run in self.runs):
            return []

        def meet() -> None:
            moment = self._pictured()
            with self._changed:
                self.moment, self._meeting, self._met = moment, False, (self._of_runs(), moment.iteration)
            self._look()

        if self._met == (self._of_runs(), self._ahead()):
            return []
        self._meeting = True
        return [meet]

    def _ahead(self) -> int:
        return max(run.iteration for run in self.runs)

    def _of_runs(self) -> tuple[int, ...]:
        return tuple(run.number for run in self.runs)

    def _pictured(self) -> Moment:
        """Where both are; called without the lock, as each run's own is taken."""
        one, other = self.runs
        return Moment(max(one.iteration, other.iteration), (one.image, other.image))
