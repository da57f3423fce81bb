"""A moment in which no thread that is known of is inside of TensorFlow.

Who holds an object is asked of Python's garbage collector, which then looks at every object there is. While another
thread is inside of TensorFlow, which makes objects of Python in its own way, that has killed the kernel (a call of a
null pointer, seen twice in some thousand looks). So whoever computes says so, and whoever looks waits for a moment
between two calls; what takes longer, as compiling or a person's cell does, is not waited for. That made it rarer and
not impossible, so it is asked in a copy of the process besides (``view/references.py``).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


class Quiet:
    """Many may work at once; somebody who wants quiet has it alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._at_work: dict[int, int] = {}  # thread -> how deep
        self._wanted_by: list[int] = []  # threads

    def begin(self) -> None:
        """This thread works from now on; waits while another has quiet, or is about to."""
        me = threading.get_ident()
        with self._changed:
            if me not in self._at_work:
                self._changed.wait_for(lambda: not self._wanted_by or me in self._wanted_by)
            self._at_work[me] = self._at_work.get(me, 0) + 1

    def end(self) -> None:
        """This thread is done with what it began last; it began nothing: nothing."""
        me = threading.get_ident()
        with self._changed:
            depth = self._at_work.pop(me, 0) - 1
            if depth > 0:
                self._at_work[me] = depth
            self._changed.notify_all()

    @contextlib.contextmanager
    def work(self) -> Iterator[None]:
        """Work in this thread for the time being."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    @contextlib.contextmanager
    def quiet(self, seconds: float, hurry: Callable[[], None] = lambda: None) -> Iterator[bool]:
        """Wait until no other thread works, at most so long; yields whether none does, and then none begins.

        ``hurry`` is called once nobody begins any more.
        """
        me = threading.get_ident()
        with self._changed:
            self._wanted_by.append(me)
        hurry()
        with self._changed:
            found = self._changed.wait_for(lambda: self._at_work.keys() <= {me}, seconds)
        try:
            yield found
        finally:
            with self._changed:
                self._wanted_by.remove(me)
                self._changed.notify_all()


QUIET = Quiet()
"""Of this process."""
