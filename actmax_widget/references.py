"""Whether a person can still reach an object by a name: asked of Python's garbage collector.

A notebook holds on to much that its person let go of: ipywidgets keeps each widget, the kernel each comm, IPython each
output (``Out``, ``_``). So references are followed backwards, from the object to whatever leads to it, and those
holders do not count. Whoever holds it in a way that is not understood does: to stop what somebody still wants is worse
than to let go late.
"""

from __future__ import annotations

import enum
import gc
import itertools
import operator
import re
import sys
import threading
from collections.abc import Iterator
from types import FrameType, ModuleType
from typing import Any

import numpy as np

HISTORY = re.compile(r"_{1,3}|_\d+|_oh|Out")
"""IPython's own names of outputs."""
HOSTS = ("IPython", "ipykernel", "comm", "ipywidgets", "anywidget", "traitlets")
"""Packages whose tables of widgets, comms and results do not count."""
MOST = 20_000
"""Objects looked at; what is still not clear then counts as held."""


class Holder(enum.Enum):
    """Who holds an object."""

    NAME = enum.auto()
    """A name of the person's, which can be deleted."""
    OTHER = enum.auto()
    """A thread, a task, a module, or who knows."""


def holder_of(thing: object, namespace: dict[str, Any]) -> Holder | None:
    """Who leads to an object, be it through lists, closures or widgets; None: nobody. Takes up to a second.

    Args:
        thing: the object.
        namespace: the person's names, with IPython's among them.
    """
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
    in_hand = any(id(value) in reached for frame in _frames(namespace) for value in list(frame.f_locals.values()))
    return Holder.OTHER if in_hand or _is_in_array(reached, namespace) else None


def _holders(edge: list[object], ignored: set[int]) -> list[object]:
    """What leads to one of these objects. A function of its own, or its lists would be among the next ones."""
    return [one for one in gc.get_referrers(*edge) if id(one) not in ignored and not _is_of_host(one)]


def _is_in_array(reached: dict[int, object], namespace: dict[str, Any]) -> bool:
    """Whether an array of objects, or a table of pandas, holds one of these: the collector knows nothing of arrays.

    Who holds the array is not asked, since it does not know that either; in any case it is somebody.
    """
    held = gc.get_referents(namespace, *gc.get_objects())  # millions, of which Python code looks at arrays alone
    arrays = itertools.compress(held, map(operator.is_, map(type, held), itertools.repeat(np.ndarray)))
    tables = {id(one): one for one in arrays if one.dtype.hasobject}
    return any(id(part) in reached for one in tables.values() for part in one.flat)


def is_named(thing: object, namespace: dict[str, Any]) -> bool:
    """Whether an object itself has a name. Takes no time."""
    return any(value is thing and not HISTORY.fullmatch(name) for name, value in list(namespace.items()))


def _modules() -> Iterator[tuple[str, ModuleType]]:
    return ((name, module) for name, module in list(sys.modules.items()) if isinstance(module, ModuleType))


def _counts(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] not in {*HOSTS, __package__}


def _is_of_host(one: object) -> bool:
    """Whether it is the host's own record of a result or a comm, or what this search itself is made of."""
    kind = type(one)
    return kind is FrameType or str(kind.__module__).split(".")[0] in {"IPython", "ipykernel", "comm"}


def _frames(namespace: dict[str, Any]) -> Iterator[FrameType]:
    """What is being executed in any thread but ours; the garbage collector does not see into it."""
    ours = {thread.ident for thread in threading.enumerate() if thread.name.startswith("actmax-")}
    for ident, top in sys._current_frames().items():  # noqa: SLF001 - public in all but its name: it is documented
        frame: FrameType | None = None if ident in ours else top
        while frame is not None:
            if frame.f_locals is not namespace and _counts(str(frame.f_globals.get("__name__", ""))):
                yield frame
            frame = frame.f_back
