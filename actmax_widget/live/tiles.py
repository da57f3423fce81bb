"""The pictures of a whole layer, live: they grow batch by batch, and can be paused after any step."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from actmax_widget.engine import diagnosis
from actmax_widget.engine.batch import Sheet, batch_size
from actmax_widget.engine.step import Knobs, Step
from actmax_widget.live import recipe
from actmax_widget.live.facts import Status
from actmax_widget.live.worker import Worker
from actmax_widget.network import Network, graph
from actmax_widget.results import History, LayerPictures
from actmax_widget.settings import Settings

_numbers = itertools.count(1)


class Tiles(Worker):
    """A picture of each of some filters of a layer, made in the background.

    Args:
        network: the model with its input.
        settings: the layer, and how each picture is made; each makes ``max_iter`` iterations as fast as it goes.
        filters: which filters; None is all of the layer.
        **worker: see :class:`~actmax_widget.live.worker.Worker`.

    Attributes:
        number: another one for each object.
        settings: as given.
        filters: the filters, in order.

    Raises:
        ValueError, TypeError: for filters that the layer does not have.

    Example:
        >>> tiles = Tiles(Network(model), Settings(layer="conv1"))
        >>> tiles.start()
        >>> tiles.wait(60)
        True
        >>> tiles.images.shape
        (16, 28, 28, 1)
    """

    def __init__(self, network: Network, settings: Settings, filters: Any = None, **worker: Any) -> None:
        super().__init__(**worker)
        self.number = next(_numbers)
        self.network, self.settings = network, settings
        target = network.find(settings.layer)
        self.filters = graph.check_filters(filters, target.filters, target.name)
        self._count = target.filters
        self._sheet: Sheet | None = None
        self._step: Step | None = None
        self._knobs: Knobs | None = None

    # --- what a view reads -----------------------------------------------------------------------------------------

    @property
    def error(self) -> str:
        """Why it failed, or what some pictures came to nothing for, a sentence; else empty."""
        return self._error

    @property
    def begun(self) -> int:
        """Pictures that there is something to see of."""
        return self._sheet.begun if self._sheet else 0

    @property
    def done(self) -> int:
        """Pictures that are finished."""
        return self._sheet.done if self._sheet else 0

    @property
    def iteration(self) -> int:
        """Iterations made by the batch in hand."""
        return self._sheet.iteration if self._sheet else 0

    @property
    def images(self) -> np.ndarray:
        """The pictures begun so far as the network saw them last, (n, H, W, C) float32, in the order of the filters."""
        return self.between(0, self.begun)

    def between(self, first: int, end: int) -> np.ndarray:
        """The pictures from position ``first`` to before ``end``, (n, H, W, C) float32."""
        with self._changed:
            blank = np.zeros(self.network.input.shape[1:], np.float32)
            pictures = [blank] if self._sheet is None else [blank, *self._sheet.pictures[first:end]]
            return np.stack([self.network.layout.as_shown(one) for one in pictures])[1:]

    def history(self, position: int) -> History:
        """The losses of the picture at a position, so far."""
        with self._changed:
            if self._sheet is None:
                return History((), np.empty((0, 1), np.float32))
            return self._sheet.history(position)

    def pictures(self, first: int = 0, end: int | None = None) -> LayerPictures:
        """Pictures begun so far with their losses, all of it at one moment; see :meth:`between`."""
        with self._changed:
            positions = range(self.begun)[first:end]
            images = self.between(positions.start, positions.stop)
            return LayerPictures(images, [self.history(position) for position in positions])

    # --- commands: all return at once ------------------------------------------------------------------------------

    def start(self) -> None:
        """Go on until all pictures are finished. Running or finished: nothing."""
        with self._changed:
            if not self._status.busy and self._status is not Status.FINISHED:
                self._error = ""
                self._pace.begin()
                self._set_status(Status.COMPILING if self._step is None else Status.RUNNING)
                self._begin()
        self._notify()

    # --- the worker ------------------------------------------------------------------------------------------------

    def _turn(self) -> float | None:
        with self._changed:
            if not self._status.busy:
                self._rest()
                return None
            sheet, step = self._sheet, self._step
        if sheet is None or step is None:
            self._compile()
            return 0.0
        if self._knobs is None:
            seed, selections = recipe.random_state(self.settings), sheet.selections()
            self._knobs = recipe.knobs_for(self.network, self.settings, step, seed, selections)
        self._go_on()
        begin, where = self._pace.clock(), sheet.in_hand
        n = self._pace.steps(self.settings.max_iter, None)
        steps = sheet.compute(self._knobs, n, self._stop)
        with self._changed:
            sheet.take(steps)
            if len(steps.losses):
                self._pace.measured(begin, len(steps.losses), None)
            if sheet.in_hand != where:
                self._knobs = None
            if sheet.finished:
                self._error = self._shortcomings(sheet, step)
                self._halt(Status.FINISHED)
            self._touch()
        return 0.0

    def _shortcomings(self, sheet: Sheet, step: Step) -> str:
        """What some of the pictures came to nothing for; empty if all are well."""
        ends = [sheet.history(position)["total"][-1] for position in range(sheet.done)]
        wrong = [index for index, end in zip(self.filters, ends, strict=True) if not np.isfinite(end)]
        dead = [self.filters[position] for position in sheet.silent]
        found = []
        if wrong:
            what = f"The total loss of filters {wrong} was not finite"
            advice = "Their last good pictures are kept. Lower the learning rate or a weight."
            found.append(diagnosis.not_finite(what, step.objective.layers, advice))
        if dead:
            target = self.network.find(self.settings.layer)
            found.append(diagnosis.silent(diagnosis.filters_of(dead, target.name), sheet.goal, [target.layer]))
        return " ".join(found)

    def _go_on(self) -> None:
        """Let the next call run, unless a pause came meanwhile."""
        with self._changed:
            self._stop_call(not self._status.busy)

    def _compile(self) -> None:
        step = recipe.step_for(self.network, self.settings, each=True)
        batch = batch_size(step)
        sheet = Sheet(step, self.filters, self._count, starts=self._starts, goal=self.settings.max_iter, batch=batch)
        if not step.traces:
            sheet.compute(step.knobs(losses=[sheet.selections()]), 0)  # no step: it only compiles
        with self._changed:
            self._step, self._sheet = step, sheet
            if self._status.busy:
                self._set_status(Status.RUNNING)

    def _starts(self, where: slice) -> np.ndarray:
        seeds = [
            recipe.random_state(self.settings) for _ in self.filters[where]
        ]  # another one each time if none is set
        return np.concatenate([recipe.start_for(self.network, self.settings, seed) for seed in seeds])
