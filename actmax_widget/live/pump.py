"""The thread that sends: it lives while there is something to send."""

from __future__ import annotations

import contextlib
import sys
import threading
import weakref
from collections.abc import Callable

LINGER = 1.0
"""Seconds without anything to send after which the thread ends: a notebook may hold a hundred idle widgets."""


class Pump:
    """Calls a method in a thread of its own whenever it was woken, or when the method said that it is due again.

    Args:
        method: a bound method, kept by a weak reference. Returns the seconds until it is due again, or None for not
            before the next :meth:`wake`. Must not raise.
    """

    def __init__(self, method: Callable[[], float | None]) -> None:
        self._method = weakref.WeakMethod(method)
        self._due = threading.Event()
        self._lock = threading.Lock()
        self._alive, self._linger = False, LINGER

    def wake(self) -> None:
        """There is something to send. Returns at once."""
        if sys.is_finalizing():  # a thread would never begin, and whoever starts it would wait for that
            return
        self._due.set()
        with self._lock:
            if not self._alive:
                # Where there are as many as the system allows, none can be started: the next wake tries again.
                with contextlib.suppress(RuntimeError):
                    threading.Thread(target=self._run, name="actmax-pump", daemon=True).start()
                    self._alive = True

    def end(self) -> None:
        """Send what there is still to send, and do not linger from now on."""
        self._linger = 0.0
        self._due.set()

    def _run(self) -> None:
        wait: float | None = 0
        while not self._ends(wait):
            self._due.clear()
            method = self._method()
            if method is None:
                return
            wait = method()
            del method  # or the thread would keep the widget while it waits

    def _ends(self, wait: float | None) -> bool:
        """Wait, and tell whether there was nothing for so long that the thread ends."""
        if self._due.wait(self._linger if wait is None else wait) or wait is not None:
            return False
        with self._lock:
            self._alive = self._due.is_set()
            return not self._alive
