"""Callbacks of a live run, told of each iteration with copies, in a thread of their own: they hold nothing up."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any

from actmax_widget.callbacks import OptimizerCallback
from actmax_widget.reason import reason

AHEAD = 32
"""How many iterations the run may be ahead of the slowest callback; then it waits, as copies take memory."""


class Listeners:
    """Some callbacks.

    Args:
        callbacks: told in this order.
        end: called where one had enough, with an empty sentence, or failed, with why; in their thread.
    """

    def __init__(self, callbacks: Sequence[OptimizerCallback], end: Callable[[int, str], None]) -> None:
        self._callbacks, self._end = tuple(callbacks), end
        self._told: int | None = None  # the run of which something was told since the last end; in their thread
        self._pending: collections.deque[concurrent.futures.Future[None]] = collections.deque()
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "actmax-callbacks")

    def __bool__(self) -> bool:
        return bool(self._callbacks)

    def tell(self, run: int, *iteration: Any) -> None:
        """Have them told of an iteration of a run: what :meth:`OptimizerCallback.callback` takes. Theirs to keep."""
        if self._callbacks:
            self._submit(self._tell, run, *iteration)
            if len(self._pending) > AHEAD:
                self._pending.popleft().result()

    def finish(self) -> None:
        """Have them told that the run is over, if they were told of any of it. Never waits."""
        if self._callbacks:
            self._submit(self._finish)

    def _submit(self, work: Callable[..., None], *args: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the process ends
            self._pending.append(self._thread.submit(work, *args))

    def _tell(self, run: int, *iteration: Any) -> None:
        if self._told != run:
            self._finish()  # that one was given up for this
        self._told = run
        for callback in self._callbacks:
            self._ask(run, callback, functools.partial(callback.callback, *iteration))

    def _finish(self) -> None:
        run, self._told = self._told, None
        if run is not None:
            for callback in self._callbacks:
                self._ask(run, callback, callback.on_end)

    def _ask(self, run: int, callback: OptimizerCallback, ask: Callable[[], None]) -> None:
        try:
            ask()
        except StopIteration:
            self._end(run, "")
        except BaseException as error:  # noqa: BLE001 - whatever it raises is told, and the others hear of the iteration
            self._end(run, f"The callback {type(callback).__name__} failed: {reason(error)}")
