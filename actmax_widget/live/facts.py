"""Where a live thing stands, and what a view of it lacks: frozen records."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from actmax_widget.results import Note


class Status(enum.StrEnum):
    """Where a run stands."""

    READY = "ready"
    COMPILING = "compiling"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def busy(self) -> bool:
        """Whether the worker has something to do."""
        return self in {Status.COMPILING, Status.RUNNING}


@dataclass(frozen=True)
class Frame:
    """What a view needs to catch up: the newest picture and the rows it has not seen.

    Attributes:
        run: number of the run; another number means that the rows started afresh.
        iteration: iterations made in this run.
        goal: the iteration at which the run ends.
        image: (H, W, C) float32, the picture the network saw in that iteration.
        first: index of the first row in ``rows``.
        rows: float32 (n, losses + 1 + measures), see :class:`History`.
        rate: steps per second, or None before it was measured.
        layer: name of the layer that the run is of; what is set may be ahead of it.
        filter_indices: its filters; None is all.
        best: the iteration with the lowest total so far, 0 before the first, where its picture was asked for and
            ``image`` is that; else None.
    """

    run: int
    iteration: int
    goal: int
    image: np.ndarray = field(repr=False)
    first: int
    rows: np.ndarray = field(repr=False)
    rate: float | None
    layer: str
    filter_indices: tuple[int, ...] | None
    best: int | None = None


@dataclass(frozen=True)
class TilesFacts:
    """Where the tiles of a run stand.

    Attributes:
        number: another one for each set of tiles.
        layer: name of the layer.
        names: the settings that they differ in, by name, or by address for a number of a part.
        titles: what a person knows each by.
        values: of each tile, in order, its values of these.
        begun: tiles that there is something to see of.
        done: tiles that are finished.
        iteration: iterations made by the batch in hand.
        goal: iterations for each tile.
        input_range: (low, high) of their values.
        status: running or compiling while they are what the run is at; paused, finished or failed.
        error: why they failed, or what some of them came to nothing for, a sentence; else empty.
        changed: labels of what was set otherwise since they were asked for, and would make other pictures.
    """

    number: int
    layer: str
    names: tuple[str, ...]
    titles: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]
    begun: int
    done: int
    iteration: int
    goal: int
    input_range: tuple[float, float]
    status: Status
    error: str
    changed: tuple[str, ...] = ()

    @property
    def filters(self) -> tuple[int, ...]:
        """The filter of each tile; none where they do not differ by their filter alone."""
        return filters_alone(self.names, self.values)

    def far(self) -> str:
        """How many are made: ``"3 of 8 filters of conv2"``."""
        what = f"filters of {self.layer}" if self.filters else "pictures"
        return f"{self.done} of {len(self.values)} {what}"

    def sentence(self) -> str:
        """What to tell a person while the run is at them."""
        far = self.far()
        return {
            Status.COMPILING: "Compiling the step for this layer.",
            Status.RUNNING: "",
            Status.PAUSED: f"Paused with {far} made.",
            Status.FINISHED: f"Made {far}. Run goes on with the large picture.",
        }.get(self.status, f"Stopped with {far} made.")


def filters_alone(names: Sequence[str], values: Sequence[Sequence[Any]]) -> tuple[int, ...]:
    """The filter of each tile, where each is of one filter and they differ in nothing else; else none."""
    if tuple(names) != ("filter_indices",) or any(one is None or len(one) != 1 for (one,) in values):
        return ()
    return tuple(one[0] for (one,) in values)


class Line(NamedTuple):
    """A line of a run: what was made from its beginning on, without another going back.

    Attributes:
        name: of it; the first is called main.
        parent: the name of the line that it was taken from; empty for the first.
        iteration: where it left that one.
        made: iterations that it came to; None for the one in front, which goes on.
    """

    name: str
    parent: str
    iteration: int
    made: int | None


@dataclass(frozen=True)
class Facts:
    """Where a run stands, all of it at one moment.

    Attributes:
        run: rises with every fresh start of the picture in front.
        status: see :class:`Status`; of the tiles while the run is at them.
        iteration: iterations made of the picture in front.
        goal: the iteration at which a Run ends; 0 before the first.
        stale: the target was changed, so the next start is a fresh one; picture and rows are still the old target's.
        preparing: the step is being compiled although nothing runs, so that a start will find it ready.
        error: why the run failed, a sentence; empty if it did not.
        note: what a run that did not fail came to, if there is more to say of it than that it ended; else empty.
        tiles: the tiles, if there are any.
        lines: of the run, those that were left and the one in front, in the order of their beginning; empty as long as
            there is but one.
        at_tiles: whether the status is theirs: they are made, or were what was made last.
        notes: what went wrong with the picture in front, or is odd about it, the most urgent first, but for those that
            were dismissed.
    """

    run: int
    status: Status
    iteration: int
    goal: int
    stale: bool
    preparing: bool
    error: str
    note: str = ""
    tiles: TilesFacts | None = None
    at_tiles: bool = False
    lines: tuple[Line, ...] = ()
    notes: tuple[Note, ...] = ()

    def sentence(self) -> str:
        """What to tell a person."""
        if self.tiles and self.at_tiles:
            return self.tiles.sentence()
        done = f"{self.iteration} iteration{'' if self.iteration == 1 else 's'}"
        if self.preparing and self.status is not Status.FAILED:
            return "Compiling the step for this layer. Run can be pressed already."
        if self.stale:
            return "The target was changed: Run starts afresh with it."
        if self.note and self.status not in {Status.COMPILING, Status.FAILED}:
            return self.note
        return {
            Status.READY: "Ready: press Run.",
            Status.COMPILING: "Compiling the step for this layer.",
            Status.RUNNING: "",
            Status.PAUSED: f"Paused after {done}.",
            Status.FINISHED: f"Finished {done}. Run goes on from here, Reset starts again.",
            Status.FAILED: f"Stopped after {done}.",
        }[self.status]
