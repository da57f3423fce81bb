"""When a run that nobody holds any more may stop.

In a notebook a cell is run again and again, and each time makes another widget. The one before has lost its name and
its output, but ipywidgets, the kernel and IPython keep it, and it would compute on, unseen. So after each cell is asked
who holds a widget: a name of the person's, as :mod:`actmax_widget.view.references` finds it, or, if it never had one,
its output.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from IPython import get_ipython

from actmax_widget.live.quiet import QUIET
from actmax_widget.live.worker import end_calls
from actmax_widget.view.references import Holder, holder_of, is_named

WAIT_SECONDS = 1.0
"""How long a look waits for the steps in hand, and for a small network's compilation."""
AGAIN_SECONDS, LATEST_SECONDS = 1.0, 30.0
"""How long after that it is tried again, at first and at the most."""
UNKNOWN = ""
"""Stands for an output of which nobody knows which cell it belongs to."""


class Lifetime:
    """Who holds a widget.

    Args:
        owner: the widget, kept by a weak reference.
        is_busy: whether it has anything to stop; called with it.
        let_go: called with it when nobody holds it any more, and with whether its cell was run again: then nobody will
            see it again. A cleared output may be back, as that of a cell that is cut and pasted.
    """

    def __init__(self, owner: Any, is_busy: Callable[[Any], bool], let_go: Callable[[Any, bool], None]) -> None:
        self._owner = weakref.ref(owner)
        self._is_busy, self._let_go = is_busy, let_go
        self._outputs: set[str] = set()
        self._new = True
        self._named = self._replaced = False
        self._over = False  # the last output went as its cell was run again
        if shell := get_ipython():
            _lifetimes.add(self)
            _listen_to(shell)

    @property
    def has_output(self) -> bool:
        """Whether it stands in a cell's output."""
        return bool(self._outputs)

    def displayed(self) -> None:
        """It is put into the output of the cell that runs; a terminal has none."""
        if hasattr(get_ipython(), "kernel"):
            self._outputs.add(_present_cell())
            self._over = False

    def viewed(self) -> None:
        """It has a view, wherever that came from."""
        if not self._outputs:
            self._outputs.add(UNKNOWN)
            self._over = False

    def cleared(self) -> None:
        """It has no output any more."""
        self._outputs.clear()
        self.look()

    def executed(self, cell: str) -> None:
        """A cell is executed again: its output goes."""
        if cell != UNKNOWN and cell in self._outputs:
            self._outputs.discard(cell)
            self._replaced, self._over = True, not self._outputs

    def look(self) -> None:
        """Let go of the widget if the last who held it did, since the last look."""
        _look_at([self])

    def is_unclear(self) -> bool:
        """Whether the garbage collector has to be asked; it notes what can be told without."""
        owner, shell = self._owner(), get_ipython()
        if owner is None or shell is None:
            return False
        looked_at, named = not (self._new or self._replaced), is_named(owner, shell.user_ns)
        # Without a name it lives by its output, so there is nothing to find out as long as that stands.
        if not named and not (looked_at and (not self._is_busy(owner) or (not self._named and bool(self._outputs)))):
            return True
        self._new, self._replaced, self._named = False, False, named
        return False

    def ask(self) -> Callable[[], None]:
        """Ask the garbage collector who holds the widget; returns what is to be done about it."""
        owner, shell = self._owner(), get_ipython()
        if owner is None or shell is None:
            return lambda: None
        had_name, busy = self._named, self._is_busy(owner)
        holder = holder_of(owner, shell.user_ns)
        self._new = self._replaced = False
        # A thread or a task that is done with it deletes no name.
        self._named = holder is Holder.NAME or (holder is Holder.OTHER and had_name)
        if not holder and (not self._outputs or (had_name and busy)):
            return functools.partial(self._let_go, owner, self._over)
        return lambda: None


def _look_at(lifetimes: Iterable[Lifetime], again: float | None = None) -> None:
    """Look at some widgets, all in one moment of quiet.

    A step may be in hand that takes long, or one may be compiled: nobody waits for that at a cell's end, so it is then
    looked again, and ever more seldom, as a look that waits keeps all others from beginning.
    """
    global _later  # noqa: PLW0603 - one for all
    with _looking:  # an output is told to be cleared in another thread than a cell ends in
        unclear = [one for one in lifetimes if one.is_unclear()]
        if not unclear:
            return
        with QUIET.quiet(WAIT_SECONDS, end_calls) as is_quiet:
            to_do = [one.ask() for one in unclear] if is_quiet else []
        for let_go in to_do:
            let_go()
        if not is_quiet:
            seconds = AGAIN_SECONDS if again is None else again
            if _later is not None:
                _later.cancel()
            _later = threading.Timer(seconds, _look_again, [min(2 * seconds, LATEST_SECONDS)])
            _later.name, _later.daemon = "actmax-look", True
            _later.start()


def _look_again(again: float) -> None:
    _look_at(list(_lifetimes), again)


_later: threading.Timer | None = None
_looking = threading.RLock()
"""Held while anybody looks: of two at once each would find what the other has in hand, and both would let go."""
_lifetimes: weakref.WeakSet[Lifetime] = weakref.WeakSet()
_listening: weakref.WeakSet[Any] = weakref.WeakSet()


def _listen_to(shell: Any) -> None:
    if shell not in _listening:
        _listening.add(shell)
        shell.events.register("pre_run_cell", _before_cell)
        shell.events.register("post_run_cell", _after_cell)


def _before_cell(info: Any) -> None:
    QUIET.begin()  # whatever a cell does may be inside of TensorFlow
    for lifetime in list(_lifetimes):
        lifetime.executed(getattr(info, "cell_id", None) or UNKNOWN)


def _after_cell(_: Any) -> None:
    QUIET.end()
    if _later is not None:
        _later.cancel()  # this is the look that it waits for
    _look_at(list(_lifetimes))


def _present_cell() -> str:
    """The id of the cell that runs, where the front end tells it."""
    get_parent = getattr(get_ipython(), "get_parent", None)
    parent = get_parent() if get_parent else {}
    return str(((parent or {}).get("metadata") or {}).get("cellId") or UNKNOWN)
