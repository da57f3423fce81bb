"""A picture of each of some filters of a layer, as part of a run: no thread and no lock, the run has both."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from actmax_widget.engine import Knobs, State, Step, diagnosis
from actmax_widget.engine.batch import Batch, Tiles, batch_size
from actmax_widget.engine.loop import Pace
from actmax_widget.engine.plan import Plan, random_state
from actmax_widget.live.facts import Status, TilesFacts
from actmax_widget.network import Network, graph
from actmax_widget.results import LayerPictures
from actmax_widget.settings import Settings

_numbers = itertools.count(1)


class LiveTiles:
    """Tiles that grow batch by batch, as fast as it goes, with the settings of when they were asked for.

    Args:
        network: the model with its input.
        settings: the layer, and how each picture is made.
        filters: which filters; None is all of the layer.
        pace: how many steps to make in a call.

    Attributes:
        number: another one for each object.
        settings: as given.
        filters: the filters, in order.
        ended: the status they came to: finished or failed.
        error: why they failed, or what some came to nothing for, a sentence; else empty.

    Raises:
        ValueError, TypeError: for filters that the layer does not have.
    """

    def __init__(self, network: Network, settings: Settings, filters: Any, pace: Pace) -> None:
        self.number = next(_numbers)
        self.network, self.settings = network, settings
        self._target = network.find(settings.layer)
        self.filters = graph.check_filters(filters, self._target.filters, self._target.name)
        self.ended: Status | None = None
        self.error = ""
        self._pace = pace
        self._plan = Plan(network, settings.changed(filter_indices=(self.filters[0],)))
        self._step: Step | None = None
        self._tiles: Tiles | None = None
        self._knobs: Knobs | None = None

    @property
    def is_compiled(self) -> bool:
        """Whether steps can be made."""
        return self._tiles is not None

    def facts(self, status: Status) -> TilesFacts:
        """Where they stand; ``status`` while they have not ended."""
        found = self._tiles
        far = (found.begun, found.done, found.iteration) if found else (0, 0, 0)
        status = self.ended or status
        settings = self.settings
        ends = settings.max_iter, settings.input_range
        return TilesFacts(self.number, settings.layer, self.filters, *far, *ends, status, self.error)

    def between(self, first: int, end: int) -> np.ndarray:
        """The pictures begun from position ``first`` to before ``end``, (n, H, W, C) float32."""
        shape = self.network.layout.as_shown(np.zeros(self.network.input.shape[1:])).shape
        if self._tiles is None:
            return np.empty((0, *shape), np.float32)
        pictures = [self.network.layout.as_shown(one) for one in self._tiles.between(first, end)]
        return np.stack(pictures) if pictures else np.empty((0, *shape), np.float32)

    def pictures(self) -> LayerPictures:
        """All pictures begun so far, and their losses."""
        tiles = self._tiles
        histories = [tiles.history(position) for position in range(tiles.begun)] if tiles else []
        return LayerPictures(self.between(0, len(histories)), histories)

    def alone(self, filter_index: int) -> Batch | None:
        """The picture of a filter with all that its next step needs; None if it was not begun."""
        tiles = self._tiles
        begun = self.filters[: tiles.begun] if tiles else ()
        return tiles.alone(begun.index(filter_index)) if tiles and filter_index in begun else None

    def begin(self) -> None:
        """They are made from now on."""
        self.ended, self.error = None, ""
        self._pace.begin()

    def fail(self, error: str) -> None:
        """They cannot be made, and why."""
        self.ended, self.error = Status.FAILED, error

    def compile(self) -> None:
        """Have the step ready. Takes long."""
        step = self._plan.step(self.settings)
        tiles = Tiles(
            step,
            self.filters,
            self._target.filters,
            names=self._plan.names,
            measures=self._plan.measures,
            starts=self._starts,
            goal=self.settings.max_iter,
            batch=batch_size(step),
            resumable=True,
        )
        if not step.is_compiled(len(tiles.selections())):
            # No step: it only compiles.
            tiles.compute(self._knobs_for(step, tiles, [0] * len(tiles.selections())), 0)
        self._step, self._tiles = step, tiles

    def compute(self, stop: Any) -> Any:
        """Make as many steps of the batch in hand as fill about a frame; nothing that can be seen changes."""
        tiles, step = self._tiles, self._step
        assert tiles is not None and step is not None  # noqa: S101, PT018 - for mypy: it is compiled
        if self._knobs is None:
            self._knobs = self._knobs_for(step, tiles, self._seeds(len(tiles.selections())))
        begin = self._pace.clock()
        state, steps = tiles.compute(self._knobs, self._pace.steps(self.settings.max_iter, None), stop)
        if len(steps.losses):
            self._pace.measured(begin, len(steps.losses), None)
        return state, steps

    def take(self, made: Any) -> None:
        """Go on from what :meth:`compute` gave."""
        assert self._tiles is not None  # noqa: S101 - for mypy
        where = self._tiles.in_hand
        self._tiles.take(*made)
        if self._tiles.in_hand != where:
            self._knobs = None
        if self._tiles.finished:
            self.ended, self.error = Status.FINISHED, self._shortcomings(self._tiles)

    def _shortcomings(self, tiles: Tiles) -> str:
        """What some of the pictures came to nothing for; empty if all are well."""
        assert self._step is not None  # noqa: S101 - for mypy
        ends = [tiles.history(position)["total"][-1] for position in range(tiles.done)]
        wrong = [index for index, end in zip(self.filters, ends, strict=True) if not np.isfinite(end)]
        dead = [self.filters[position] for position in tiles.silent]
        found = []
        if wrong:
            what = f"The total loss of filters {wrong} was not finite"
            advice = "Their last good pictures are kept. Lower the learning rate or a weight."
            found.append(diagnosis.not_finite(what, self._step.objective.layers, advice))
        if dead:
            what = diagnosis.filters_of(dead, self._target.name)
            found.append(diagnosis.silent(what, tiles.goal, [self._target.layer]))
        return " ".join(found)

    def _seeds(self, count: int) -> list[int]:
        """The random states of so many pictures: another one for each if none is set."""
        return [random_state(self.settings) for _ in range(count)]

    def _knobs_for(self, step: Step, tiles: Tiles, seeds: Sequence[int]) -> Knobs:
        return self._plan.knobs(self.settings, step, seeds, goal=self.settings.max_iter, tiles=tiles)

    def _starts(self, where: slice) -> State:
        return self._plan.start(self.settings, *self._seeds(where.stop - where.start))
