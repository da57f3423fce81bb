"""A worker: a status, a thread that works while there is something to do, and those who wait for it.

All waiting is in the thread, so a test drives :meth:`Worker.advance` by hand, without a thread, a clock or a sleep.
"""

from __future__ import annotations

import atexit
import contextvars
import threading
import time
import weakref
from collections.abc import Callable

from actmax_widget.engine import StopFlag
from actmax_widget.engine.loop import Pace
from actmax_widget.live.facts import Status
from actmax_widget.live.quiet import QUIET
from actmax_widget.reason import reason

LAST_CALL_SECONDS = 30
"""How long the end of the process waits for a step, or a compilation, in hand."""


def in_thread(work: Callable[[], None]) -> None:
    """Run ``work`` in a daemon thread, with this thread's context, so that what it prints lands in this cell."""
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(work,), name="actmax-worker", daemon=True)
    thread.start()
    _threads.add(thread)


_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
_workers: weakref.WeakSet[Worker] = weakref.WeakSet()


@atexit.register
def _end() -> None:
    """Stop all work before Python takes its threads away: TensorFlow aborts the process if that happens in a call."""
    for worker in list(_workers):
        worker.pause()
    for thread in list(_threads):
        thread.join(LAST_CALL_SECONDS)


def end_calls() -> None:
    """Have all calls in hand end after their step; their runs go on with the next one."""
    for worker in list(_workers):
        worker._stop.set(True)  # noqa: SLF001 - without its lock, as whoever holds that may be waiting


class Worker:
    """Something that works in the background and can be paused after any step.

    Args:
        notify: called, from any thread and without arguments, when something has changed. Must return at once.
        spawn: runs the work; default is a daemon thread. A test passes a function that does nothing and calls
            :meth:`advance` itself.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        *,
        notify: Callable[[], None] = lambda: None,
        spawn: Callable[[Callable[[], None]], None] = in_thread,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._changed = threading.Condition()
        self._notify, self._spawn = notify, spawn
        self._pace = Pace(clock)
        self._stop = StopFlag()
        self._status = Status.READY
        self._error = ""
        self._revision = 0
        self._working = False
        self._preparing = False  # at work although not busy
        _workers.add(self)

    @property
    def status(self) -> Status:
        """Where it stands."""
        return self._status

    @property
    def revision(self) -> int:
        """Rises with every change that a view would show."""
        return self._revision

    def pause(self) -> None:
        """Stop after the step in hand. Not running: nothing."""
        with self._changed:
            if self._status.busy:
                self._halt(Status.PAUSED)
        self._notify()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is not running; at most ``timeout`` seconds. Returns whether it has stopped."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._status.busy and (self._preparing or not self._working), timeout
            )

    def advance(self) -> float | None:
        """Do as much as fills about one frame.

        Returns:
            Seconds to wait before the next call (0: none), or None if there is nothing to do.
        """
        try:
            with QUIET.work():
                return self._turn()
        except BaseException as error:  # noqa: BLE001 - whatever a user's layer raises, SystemExit too, ends the run only
            self._fail(reason(error))
            return 0.0
        finally:
            self._notify()

    def _turn(self) -> float | None:
        """What :meth:`advance` does and returns; errors are shown by it."""
        raise NotImplementedError

    def _work(self) -> None:
        while (delay := self.advance()) is not None:
            self._sleep(delay)

    def _sleep(self, seconds: float) -> None:
        """Wait for the next step's time, but not through a pause."""
        with self._changed:
            if seconds:
                self._changed.wait_for(lambda: not self._status.busy, seconds)

    def _fail(self, error: str) -> None:
        with self._changed:
            self._error = error
            self._halt(Status.FAILED)

    # --- with the lock held ----------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Have the thread running."""
        if not self._working:
            self._working = True
            try:
                self._spawn(self._work)
            except RuntimeError as error:  # as many threads as the system allows
                self._rest()
                self._fail(reason(error))

    def _rest(self) -> None:
        """There is nothing to do: the thread ends."""
        self._working = self._preparing = False
        self._changed.notify_all()

    def _halt(self, status: Status) -> None:
        self._stop.set(True)
        self._set_status(status)

    def _set_status(self, status: Status) -> None:
        self._status = status
        self._touch()

    def _touch(self) -> None:
        self._revision += 1
        self._changed.notify_all()
