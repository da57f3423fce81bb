"""Whether a person can still reach an object by a name: asked of Python's garbage collector.

A notebook holds on to much that its person let go of: ipywidgets keeps each widget, the kernel each comm, IPython each
output (``Out``, ``_``). So references are followed backwards, from the object to whatever leads to it, and those
holders do not count. Whoever holds it in a way that is not understood does: to stop what somebody still wants is worse
than to let go late.
"""

from __future__ import annotations

import contextlib
import enum
import faulthandler
import gc
import os
import re
import select
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Container, Iterator
from types import FrameType, ModuleType
from typing import Any

import numpy as np

HISTORY = re.compile(r"_{1,3}|_\d+|_oh|Out")
"""IPython's own names of outputs."""
HOSTS = ("IPython", "ipykernel", "comm", "ipywidgets", "anywidget", "traitlets")
"""Packages whose tables of widgets, comms and results do not count."""
TABLES = ("pandas", "__main__")
"""Packages whose objects are looked into for arrays."""
NOBODY = "NOBODY"
COPY_SECONDS = 10.0
"""How long an answer may take; a third of a second is much."""
MOST = 20_000
"""Objects looked at; what is still not clear then counts as held."""


class Holder(enum.Enum):
    """Who holds an object."""

    NAME = enum.auto()
    """A name of the person's, which can be deleted."""
    OTHER = enum.auto()
    """A thread, a task, a module, or who knows."""


def holder_of(thing: object, namespace: dict[str, Any]) -> Holder | None:
    """Who leads to an object, be it through lists, closures or widgets; None: nobody. Takes up to a third of a second.

    Args:
        thing: the object.
        namespace: the person's names, with IPython's among them.
    """
    in_hand = {id(value) for frame in _frames(namespace) for value in list(frame.f_locals.values())}
    return _asked_apart(lambda: _searched(thing, namespace, in_hand))


def _searched(thing: object, namespace: dict[str, Any], in_hand: Container[int]) -> Holder | None:
    modules = {id(vars(module)): name for name, module in _modules()}
    widgets = getattr(sys.modules.get("ipywidgets.widgets.widget"), "_instances", None)
    ignored = {id(one) for one in (namespace.get("_oh"), namespace, widgets)}
    reached: dict[int, object] = {id(thing): thing}  # holds them, or an id could be used again
    edge: list[object] = [thing]
    while edge:
        if any(is_named(one, namespace) for one in edge):
            return Holder.NAME
        if len(reached) > MOST:
            return Holder.OTHER
        edge = _holders(edge, ignored | reached.keys() | {id(edge), id(reached)})
        if any(_counts(modules[id(one)]) for one in edge if id(one) in modules):
            return Holder.OTHER
        edge = [one for one in edge if id(one) not in modules]
        reached |= {id(one): one for one in edge}
    if any(part in reached for part in _parts_of_arrays(namespace)):
        return Holder.NAME
    return Holder.OTHER if any(one in in_hand for one in reached) else None


def _asked_apart(question: Callable[[], Holder | None]) -> Holder | None:
    """An answer from a copy of this process, which may die: to look at every object there is has killed kernels.

    That was once in some thousand looks, by a call of a null pointer inside of ``gc.get_referrers``, also while no
    other thread was inside of TensorFlow. Where a process cannot be copied it is asked in this one. A copy that dies or
    does not answer tells that somebody holds it: then it is looked again later.
    """
    if sys.platform != "linux":  # elsewhere a copy of a process with threads is no safe place, or there is none
        return question()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads do not come along, and none is needed
        copy = os.fork()
    if not copy:
        faulthandler.disable()  # that it died is told by its silence
        try:
            found = question()
            os.write(writing, (found.name if found else NOBODY).encode())
        finally:
            os._exit(0)  # and nothing of this process's own end happens twice
    os.close(writing)
    try:
        answered = select.select([reading], [], [], COPY_SECONDS)[0]
        answer = os.read(reading, 64).decode() if answered else ""
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.kill(copy, signal.SIGKILL)
        os.waitpid(copy, 0)
    if answer == NOBODY:
        return None
    return Holder[answer] if answer else Holder.OTHER


def _holders(edge: list[object], ignored: set[int]) -> list[object]:
    """What leads to one of these objects. A function of its own, or its lists would be among the next ones."""
    return [one for one in gc.get_referrers(*edge) if id(one) not in ignored and not _is_of_host(one)]


def _parts_of_arrays(namespace: dict[str, Any]) -> Iterator[int]:
    """What arrays of objects hold, by id: the garbage collector knows of no array, so they are looked for forwards.

    That is from the names, through containers, tables of pandas and the person's own objects. Not from all there is
    (``gc.get_objects``): that holds what other threads are just making, and TensorFlow's calls in them then fail.
    """
    edge = [value for name, value in namespace.copy().items() if not HISTORY.fullmatch(name)]
    seen: dict[int, object] = {}
    while edge and len(seen) < MOST:
        one = edge.pop()
        if isinstance(one, np.ndarray):
            yield from map(id, one.flat if one.dtype.hasobject else ())
        elif id(one) not in seen and (isinstance(one, list | tuple | dict) or _root(type(one)) in TABLES):
            seen[id(one)] = one
            edge += gc.get_referents(one)


def _root(kind: type) -> str:
    return str(kind.__module__).split(".", maxsplit=1)[0]


def is_named(thing: object, namespace: dict[str, Any]) -> bool:
    """Whether an object itself has a name. Takes no time."""
    return any(value is thing and not HISTORY.fullmatch(name) for name, value in namespace.copy().items())


def _modules() -> Iterator[tuple[str, ModuleType]]:
    return ((name, module) for name, module in sys.modules.copy().items() if isinstance(module, ModuleType))


def _counts(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] not in {*HOSTS, "actmax_widget"}


def _is_of_host(one: object) -> bool:
    """Whether it is the host's own record of a result or a comm, or what this search itself is made of."""
    kind = type(one)
    return kind is FrameType or _root(kind) in {"IPython", "ipykernel", "comm"}


def _frames(namespace: dict[str, Any]) -> Iterator[FrameType]:
    """What is being executed in any thread but ours; the garbage collector does not see into it."""
    ours = {thread.ident for thread in threading.enumerate() if thread.name.startswith("actmax-")}
    for ident, top in sys._current_frames().items():  # noqa: SLF001 - public in all but its name: it is documented
        frame: FrameType | None = None if ident in ours else top
        while frame is not None:
            if frame.f_locals is not namespace and _counts(str(frame.f_globals.get("__name__", ""))):
                yield frame
            frame = frame.f_back
