"""Pictures that differ in filters, seeds or numbers, as part of a run: no thread and no lock, the run has both."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from actmax_widget import varying
from actmax_widget.checkpoint import Changes, Checkpoint, differences
from actmax_widget.engine import State, Step, Steps, diagnosis, keeping
from actmax_widget.engine.batch import Batch, Tiles, batch_size
from actmax_widget.engine.loop import Pace
from actmax_widget.engine.plan import random_state
from actmax_widget.engine.varied import Varied
from actmax_widget.labels import Labels
from actmax_widget.live.facts import Status, TilesFacts, filters_alone
from actmax_widget.network import Network
from actmax_widget.parameters import parameters_of
from actmax_widget.regularizers import Regularizer
from actmax_widget.results import History, TilePictures
from actmax_widget.settings import Settings

ACTIVATION = "activation"
"""The measure that a tile shows, or where terms have one each the first of theirs."""
NO_EFFECT = {"preset", "seed_fit", "steps_per_second"}
"""Settings that make no other pictures."""
_numbers = itertools.count(1)


class Opened(NamedTuple):
    """What a tile is made of.

    Attributes:
        batch: its state and rows.
        settings: those that it was begun with; its random state is None if none was set.
        seed: its random state.
        names: the settings that tiles differ in.
    """

    batch: Batch
    settings: Settings
    seed: int
    names: tuple[str, ...]


class MadeTile(NamedTuple):
    """A tile as a run of its own: its picture, (H, W, C), losses and checkpoint."""

    image: np.ndarray
    history: History
    checkpoint: Checkpoint


class Sheet(NamedTuple):
    """Tiles with all that makes them.

    Attributes:
        layer: that they are of.
        pictures: those begun.
        varied: what each has of its own.
        vary: what was asked for: name -> values.
        base: the settings that they have in common; None where each has a random state that was drawn.
        titles: what a person knows the names by.
    """

    layer: str
    pictures: tuple[MadeTile, ...]
    varied: tuple[dict[str, Any], ...]
    vary: dict[str, Any]
    base: Settings | None
    titles: dict[str, str]


class LiveTiles:
    """Tiles that grow batch by batch, as fast as it goes, with the settings of when they were asked for.

    Args:
        network: the model with its input.
        settings: what all have in common.
        varied: what each has of its own, see :func:`~actmax_widget.varying.grid`.
        pace: how many steps to make in a call.
        alike: where no random state is set, one is drawn for all; else another one for each.
        labels: by which filters may be named.

    Attributes:
        number: another one for each object.
        ended: the status they came to: finished or failed.
        error: why they failed, or what some came to nothing for, a sentence; else empty.

    Raises:
        ValueError, TypeError: a bad value, or pictures that are not computed alike.
    """

    def __init__(
        self,
        network: Network,
        settings: Settings,
        varied: Sequence[Mapping[str, Any]],
        pace: Pace,
        *,
        vary: Mapping[str, Sequence[Any]],
        alike: bool = False,
        labels: Labels | None = None,
    ) -> None:
        self.number = next(_numbers)
        self.network = network
        self.ended: Status | None = None
        self.error = ""
        self._asked, self._own = settings, tuple(map(dict, varied))
        base = settings.changed(seed=random_state(settings)) if alike else settings
        self._base = base if base.seed is not None else None
        self._vary = varying.plain(base, vary, network, labels)
        each = [varying.settings_of(base, own, network, labels) for own in self._own]
        self._varied = Varied(network, each)
        self._names = tuple(varying.named(settings, [*self._own[0]]))
        self._titles = tuple(varying.title(settings, name) for name in self._names)
        self._values = tuple(tuple(varying.value(one, name) for name in self._names) for one in each)
        self._pace = pace
        self._tiles: Tiles | None = None
        self._step: Step | None = None
        self._compared: tuple[Settings, tuple[str, ...]] = settings, ()

    @property
    def is_compiled(self) -> bool:
        """Whether steps can be made."""
        return self._tiles is not None

    @property
    def filters(self) -> tuple[int, ...]:
        """See :attr:`TilesFacts.filters`."""
        return filters_alone(self._names, self._values)

    def facts(self, status: Status, now: Settings) -> TilesFacts:
        """Where they stand; ``status`` while they have not ended, ``now``: the settings in force."""
        found, settings = self._tiles, self._asked
        what = self.number, settings.layer, self._names, self._titles, self._values
        far = (found.begun, found.done, found.iteration) if found else (0, 0, 0)
        ends = self._varied.goal, settings.input_range
        return TilesFacts(*what, *far, *ends, self.ended or status, self.error, self._changed_since(now))

    def _changed_since(self, now: Settings) -> tuple[str, ...]:
        """What of all that they have in common was set otherwise since."""
        if self._compared[0] is not now:  # settings are never changed, other ones take their place
            before, found = self._asked, differences(self._asked, now)
            known = [one for one in found if one in parameters_of(Settings) or one in before.values()]
            left = [one for one in known if one not in {*self._names, *NO_EFFECT}]
            self._compared = now, tuple(varying.title(now, one) for one in left)
        return self._compared[1]

    def between(self, first: int, end: int) -> np.ndarray:
        """The pictures begun from position ``first`` to before ``end``, (n, H, W, C) float32."""
        shape = self.network.layout.as_shown(np.zeros(self.network.input.shape[1:])).shape
        if self._tiles is None:
            return np.empty((0, *shape), np.float32)
        pictures = [self.network.layout.as_shown(one) for one in self._tiles.between(first, end)]
        return np.stack(pictures) if pictures else np.empty((0, *shape), np.float32)

    def activations(self, first: int, end: int) -> list[float | None]:
        """The newest activation of each of these; None where nothing was measured."""
        tiles = self._tiles
        column = next((k for k, name in enumerate(tiles.measures) if name.startswith(ACTIVATION)), None) if tiles else 0
        if tiles is None or column is None:
            return [None] * max(end - first, 0)
        values = tiles.last_rows(first, end)[:, len(tiles.names) + 1 + column]
        return [float(one) if np.isfinite(one) else None for one in values]

    def pictures(self) -> TilePictures:
        """All pictures begun so far, their losses, and what they differ in."""
        tiles = self._tiles
        histories = [tiles.history(position) for position in range(tiles.begun)] if tiles else []
        return TilePictures.of(self.between(0, len(histories)), histories, self._own[: len(histories)])

    def alone(self, position: int) -> Opened | None:
        """A picture with all that its next step needs; None if it was not begun."""
        tiles = self._tiles
        if tiles is None or not 0 <= position < tiles.begun:
            return None
        settings = self._varied.settings[position]
        if "seed" not in self._names:  # one that was drawn is none that was set
            settings = settings.changed(seed=self._asked.seed)
        return Opened(tiles.alone(position), settings, self._varied.seeds[position], self._names)

    def sheet(self, model: str) -> Sheet | None:
        """All pictures begun so far with all that makes them; None before there is one.

        Args:
            model: fingerprint of the network's model.
        """
        found = []
        for position in range(self._tiles.begun if self._tiles else 0):
            batch, settings, seed, _ = self.alone(position) or (None, None, 0, ())
            if batch is None or settings is None:
                break
            settings = settings.changed(seed=seed)
            goal, changes = self._varied.goal, Changes().then(0, settings, self._varied.goal)
            kept = keeping.kept(self.network, batch, settings, changes, seed=seed, goal=goal, model=model)
            found.append(MadeTile(self.network.layout.as_shown(batch.pictures[0]), batch.history(), kept))
        if not found:
            return None
        titles = {name: varying.title(self._asked, name) for name in self._own[0]}
        base = None if self._base is None else keeping.named(self._base, self.network)
        return Sheet(self._asked.layer, tuple(found), self._own[: len(found)], self._vary, base, titles)

    def begin(self) -> None:
        """They are made from now on."""
        self.ended, self.error = None, ""
        self._pace.begin()

    def fail(self, error: str) -> None:
        """They cannot be made, and why."""
        self.ended, self.error = Status.FAILED, error

    def compile(self) -> None:
        """Have the step ready. Takes long."""
        step = self._varied.step()
        tiles = self._varied.tiles(step, batch_size(step))
        fixed = step.objective.input_tensor.shape[0]
        if not step.is_compiled(fixed or tiles.in_hand.stop):
            tiles.compute(0)  # no step: it only compiles
        self._step, self._tiles = step, tiles

    def compute(self, stop: Any) -> tuple[State, Steps]:
        """Make as many steps of the batch in hand as fill about a frame; nothing that can be seen changes."""
        tiles = self._tiles
        assert tiles is not None  # noqa: S101 - for mypy: it is compiled
        begin = self._pace.clock()
        state, steps = tiles.compute(self._pace.steps(self._varied.goal, None), stop)
        if len(steps.losses):
            self._pace.measured(begin, len(steps.losses), None)
        return state, steps

    def take(self, made: tuple[State, Steps]) -> None:
        """Go on from what :meth:`compute` gave."""
        assert self._tiles is not None  # noqa: S101 - for mypy
        self._tiles.take(*made)
        if self._tiles.finished:
            self.ended, self.error = Status.FINISHED, self._shortcomings(self._tiles)

    def _shortcomings(self, tiles: Tiles) -> str:
        """What some of the pictures came to nothing for; empty if all are well."""
        assert self._step is not None  # noqa: S101 - for mypy
        ends = [tiles.history(position)["total"][-1] for position in range(tiles.done)]
        wrong = [position for position, end in enumerate(ends) if not np.isfinite(end)]
        found = []
        if wrong:
            what = f"The total loss of {self._called(wrong)} was not finite"
            advice = "Their last good pictures are kept. Lower the learning rate or a weight."
            found.append(diagnosis.not_finite(what, self._step.objective.layers, advice))
        if tiles.silent:
            found.append(self._silent(tiles))
        return " ".join(found)

    def _called(self, positions: Sequence[int]) -> str:
        """Some of the tiles, for a sentence."""
        if self.filters:
            return f"filters {[self.filters[position] for position in positions]}"
        return "; ".join(", ".join(f"{name} {own!r}" for name, own in self._own[one].items()) for one in positions[:8])

    def _silent(self, tiles: Tiles) -> str:
        """What is said of pictures that no gradient reached."""
        if self._asked.objective is not None:
            plan = self._varied.plan
            what = diagnosis.subject(loss for loss in plan.losses if not isinstance(loss, Regularizer))
            return diagnosis.silent(what, tiles.goal, plan.layers)
        target = self.network.find(self._asked.layer)
        chosen = [self._varied.settings[position].filter_indices or (None,) for position in tiles.silent]
        filters = list(dict.fromkeys(itertools.chain.from_iterable(chosen)))
        return diagnosis.silent(diagnosis.filters_of(filters, target.name), tiles.goal, [target.layer])
