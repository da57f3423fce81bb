"""How many steps to make in a call, and when to make the next one."""

from __future__ import annotations

from collections.abc import Callable

FRAME = 1 / 30
"""Seconds a call should last: one frame, so that a view is never further behind than that."""
SMOOTHING = 0.3
"""Share of the newest measurement in the running averages."""


class Pace:
    """Chooses the number of steps of a call from the measured time of a step, and keeps to a limit of steps per second.

    Args:
        clock: seconds, monotonic.

    Attributes:
        rate: steps per second lately, waiting included; None before two calls were measured.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.rate: float | None = None
        self._step_seconds: float | None = None
        self._ended: float | None = None
        self._due = 0.0

    def begin(self) -> None:
        """Forget when the last call was: time that passed in a pause says nothing about the rate."""
        self.rate = self._ended = None
        self._due = self.clock()

    def steps(self, left: int, limit: float | None) -> int:
        """How many steps fill about a frame: at least 1, at most ``left`` and what ``limit`` steps per second allow."""
        fit = 1 if self._step_seconds is None else round(FRAME / max(self._step_seconds, 1e-9))
        allowed = left if limit is None else int(limit * FRAME)
        return max(1, min(fit, allowed, left))

    def measured(self, begin: float, steps: int, limit: float | None) -> None:
        """Note that a call began at ``begin``, made ``steps`` steps under ``limit``, and has just ended."""
        now = self.clock()
        self._step_seconds = _blend(self._step_seconds, (now - begin) / steps)
        if self._ended is not None and now > self._ended:
            self.rate = _blend(self.rate, steps / (now - self._ended))
        self._ended = now
        # What was missed is not caught up by more than a frame, or a slow call would be followed by a rush; and a call
        # that did not wait, as something was set, is no debt, or a drag of a slider would be followed by a standstill.
        self._due = now if limit is None else min(max(self._due, now - FRAME), now) + steps / limit

    def delay(self) -> float:
        """Seconds to wait until the next call keeps to the limit."""
        return max(0.0, self._due - self.clock())


def _blend(old: float | None, new: float) -> float:
    return new if old is None else (1 - SMOOTHING) * old + SMOOTHING * new
