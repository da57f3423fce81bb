"""A moment in which no thread of ours is inside of TensorFlow.

Who holds an object is asked of Python's garbage collector, which then looks at every object there is. While another
thread is inside of TensorFlow, which makes objects of Python in its own way, that has killed the kernel (a call of a
null pointer, seen twice in some thousand looks). So whoever computes says so, and whoever looks waits for a moment
between two calls; a call that takes longer, as compiling does, is not waited for.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class Quiet:
    """Many may work at once; somebody who wants quiet has it alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._at_work: dict[int, int] = {}  # thread -> how deep
        self._wanted = 0

    @contextlib.contextmanager
    def work(self) -> Iterator[None]:
        """Work in this thread; waits while somebody has quiet, or is about to."""
        me = threading.get_ident()
        with self._changed:
            if me not in self._at_work:
                self._changed.wait_for(lambda: not self._wanted)
            self._at_work[me] = self._at_work.get(me, 0) + 1
        try:
            yield
        finally:
            with self._changed:
                self._at_work[me] -= 1
                if not self._at_work[me]:
                    del self._at_work[me]
                    self._changed.notify_all()

    @contextlib.contextmanager
    def quiet(self, seconds: float) -> Iterator[bool]:
        """Wait until no other thread works, at most so long; yields whether none does, and then none begins."""
        me = threading.get_ident()
        with self._changed:
            self._wanted += 1
            found = self._changed.wait_for(lambda: self._at_work.keys() <= {me}, seconds)
        try:
            yield found
        finally:
            with self._changed:
                self._wanted -= 1
                self._changed.notify_all()


QUIET = Quiet()
"""Of this process."""
