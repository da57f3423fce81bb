"""What is kept of a run while it goes: some of its pictures and states, evenly, in a bounded memory."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from actmax_widget.checkpoint import Changes
from actmax_widget.engine import keeping
from actmax_widget.engine.batch import Batch
from actmax_widget.engine.step import Passed, State, view
from actmax_widget.film import CHECKPOINTS, LEAST, MEGABYTES, MOST, Film
from actmax_widget.network import Network
from actmax_widget.pictures import to_pixels
from actmax_widget.settings import Settings


class Reel:
    """Records a run. Tensors never change, so a state is kept by holding on to it: that takes no time.

    Args:
        network: of the run.
        batch: of one picture, where the run begins.
        goal: the iteration that it is heading for, as far as is known.
        input_range: (low, high) of what is kept as 0 to 255.
    """

    def __init__(self, network: Network, batch: Batch, goal: int, input_range: tuple[float, float]) -> None:
        self._network, self._range = network, input_range
        picture = int(np.prod(batch.state.measured.shape[1:]))
        state = sum(one.dtype.size * int(np.prod(one.shape)) for one in tf.nest.flatten(batch.state))
        budget = MEGABYTES * 2**20
        # Half of the most is left after thinning. A picture too large for that is kept at every second pixel, or third.
        of_pictures = budget * 3 // 4
        self._stride = next(n for n in range(1, 1000) if 2 * LEAST * picture <= of_pictures * n**2)
        self._most = int(np.clip(of_pictures // max(picture // self._stride**2, 1), 2 * LEAST, MOST))
        self._most_states = int(np.clip((budget - self._most * picture // self._stride**2) // state, *CHECKPOINTS))
        self._begin = batch.iteration
        self._every = self._every_state = 1
        self._pictures: dict[int, np.ndarray] = {}
        self._states: dict[int, State] = {}
        self._between: list[int] = []  # kept beside, until there are enough: a run may be stopped long before its goal
        self.take(batch, input_range)
        self.head_for(goal)

    def head_for(self, goal: int) -> None:
        """Before anything is made: no more are kept than are promised, as each is made ready to be shown."""
        if len(self._pictures) == 1:
            self._every = self._every_state = max(1, (goal - self._begin) // LEAST)

    @property
    def every(self) -> int:
        """Iterations from one that is kept to the next: those divisible by it."""
        return self._every

    def take(self, batch: Batch, input_range: tuple[float, float], passed: Passed | None = None) -> None:
        """Keep what a run came through, as far as it is time.

        Args:
            batch: the run, as it is now.
            input_range: of now.
            passed: the states on the way there, of each :attr:`every` iterations.
        """
        self._range, now = input_range, batch.iteration
        if passed is not None:
            for position, iteration in enumerate(passed.iterations):
                if iteration < now and not iteration % self._every:  # it may have been thinned since
                    self._keep(iteration, passed.state(position))
        if not self._pictures or now % self._every == 0:
            self._keep(now, batch.state)
        elif len(self._pictures) < LEAST and now - max(self._pictures) >= max(1, (now - self._begin) // LEAST):
            self._between.append(now)
            self._pictures[now] = self._pixels(batch.pictures[0])
            if len(self._states) < self._most_states:
                self._states[now] = batch.state

    def _keep(self, iteration: int, state: State) -> None:
        self._pictures[iteration] = self._pixels(view(state.measured)[0])
        if len(self._pictures) - len(self._between) > LEAST:
            self._forget(self._between)
            self._between = []
        self._every = _thinned(self._pictures, self._most, self._every)
        if not self._states or iteration % self._every_state == 0:
            self._states[iteration] = state
            self._every_state = max(_thinned(self._states, self._most_states, self._every_state), self._every)

    def film(self, batch: Batch, settings: Settings, changes: Changes, *, seed: int, goal: int, model: str) -> Film:
        """The film up to where the run is.

        Args:
            batch: of the run.
            settings: in force now.
            changes: what was set so far.
            seed: the random state that was drawn.
            goal: what it is heading for now.
            model: fingerprint of the model.
        """
        history, last = batch.history(), batch.iteration
        best, best_picture = batch.best()
        pictures = self._pictures | {last: self._pixels(batch.pictures[0])}
        if best not in pictures:
            pictures[best] = self._pixels(best_picture)
        iterations = tuple(sorted(pictures))
        kept = []
        for iteration, state in sorted((self._states | {last: batch.state}).items()):
            # What was set by then; the settings of now hold from the last change on.
            of_then = Changes(one for one in changes if one.iteration < iteration or not one.iteration)
            now = iteration == last or not of_then
            own, aim = (settings, goal) if now else (of_then[-1].settings, of_then[-1].goal)
            made = keeping.at(state, history, iteration)
            kept.append(keeping.kept(self._network, made, own, of_then, seed=seed, goal=aim, model=model))
        return Film(iterations, np.stack([pictures[one] for one in iterations]), best, tuple(kept))

    def pictures(self, batch: Batch) -> dict[int, np.ndarray]:
        """The pictures kept so far by their iterations, and where the run is; no state is looked at, as in a film.

        Args:
            batch: of the run.

        Returns:
            iteration -> (H, W, 1) or (H, W, 3) uint8, rising; nobody writes into them.
        """
        pictures = self._pictures | {batch.iteration: self._pixels(batch.pictures[0])}
        return {iteration: pictures[iteration] for iteration in sorted(pictures)}

    def parted(self, iteration: int) -> Reel:
        """Another one of what was kept up to an iteration, for a line that leaves this one there. It shares them."""
        other = copy.copy(self)
        other._pictures, other._states = dict(self._pictures), dict(self._states)
        other._between = list(self._between)
        other.until(iteration)
        return other

    def until(self, iteration: int) -> None:
        """Forget what was made after an iteration, which the run went back to."""
        self._forget([one for one in {*self._pictures, *self._states} if one > iteration])
        self._between = [one for one in self._between if one <= iteration]

    def _forget(self, iterations: Iterable[int]) -> None:
        for one in iterations:
            self._pictures.pop(one, None)
            self._states.pop(one, None)

    def _pixels(self, image: np.ndarray) -> np.ndarray:
        shown = self._network.layout.as_shown(image)
        where = tuple(slice(None, None, self._stride) for _ in shown.shape[:-1])
        return to_pixels(shown[where], self._range)


def _thinned(kept: dict[int, Any], most: int, every: int) -> int:
    """Leave out every second one where there are too many, but for the first; returns every how many are kept now."""
    while len(kept) > most:
        every *= 2
        first = min(kept)
        for one in [one for one in kept if one % every and one != first]:
            del kept[one]
    return every
