"""Pictures of many targets, made in batches: each picture as if it was made alone.

A :class:`Sheet` offers steps, others loop: :func:`~actmax_widget.visualization.visualize_layer` with a progress bar,
:class:`~actmax_widget.live.tiles.Tiles` with pauses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from actmax_widget.engine import diagnosis
from actmax_widget.engine.step import Knobs, State, Step, Steps
from actmax_widget.losses import selection
from actmax_widget.network import graph
from actmax_widget.results import History

VALUES_AT_ONCE = 100_000_000
"""How many numbers a network may compute for a batch, so that what the gradient needs of them stays in memory."""
LARGEST_BATCH = 64


def batch_size(step: Step) -> int:
    """How many pictures fit well in a batch, for an step with losses for each picture."""
    fixed = step.objective.input_tensor.shape[0]
    if fixed is not None:
        return int(fixed)
    return int(np.clip(VALUES_AT_ONCE // graph.count_values(step.objective.outputs), 1, LARGEST_BATCH))


class Sheet:
    """One picture for each of some filters of a layer.

    Args:
        step: the compiled step, with losses for each picture.
        filters: (n,) the filters.
        of: how many filters the layer has.
        starts: gives the starting pictures, (n, ..., channels) as the model takes them, of a slice of the filters.
        goal: iterations for each picture.
        batch: pictures made at once.
        best: keep each picture after the step whose loss was the lowest; else as the network saw it last.

    Attributes:
        pictures: (n, ..., channels) float32: each picture so far; zeros before its batch was begun.
        begun: pictures whose batch was begun.
        done: pictures that are finished; always a whole number of batches, but for the last.
        silent: positions of the finished pictures that no gradient of the activation ever reached.
    """

    def __init__(
        self,
        step: Step,
        filters: Sequence[int],
        of: int,
        *,
        starts: Callable[[slice], np.ndarray],
        goal: int,
        batch: int,
        best: bool = False,
    ) -> None:
        self.filters, self.goal = tuple(filters), goal
        self.pictures = np.zeros((len(self.filters), *step.objective.input_tensor.shape[1:]), np.float32)
        self.begun = self.done = 0
        self.silent: list[int] = []
        self._ended: dict[int, int] = {}  # by position: after how many iterations a picture was left as it was
        self._step, self._of, self._starts, self._batch, self._best = step, of, starts, batch, best
        self._rows: list[list[np.ndarray]] = []  # for each batch: what its calls gave, (steps, pictures, losses + 1)
        self._state: State | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the losses."""
        return self._step.objective.names

    @property
    def finished(self) -> bool:
        """Whether all pictures are done."""
        return self.done == len(self.filters)

    @property
    def in_hand(self) -> slice:
        """The pictures of the batch in hand, or of the next one."""
        return slice(self.done, min(self.done + self._batch, len(self.filters)))

    @property
    def iteration(self) -> int:
        """Iterations made by the batch in hand."""
        return sum(map(len, self._rows[-1])) if self.begun > self.done else 0

    def selections(self) -> np.ndarray:
        """Which filter each picture of the batch in hand is of: the knob of its ActivationMaximization."""
        return self._filled(np.stack([selection((index,), self._of) for index in self.filters[self.in_hand]]))

    def advance(self, knobs: Knobs, n: int, stop: tf.Variable | None = None) -> Steps:
        """Make up to ``n`` steps of the batch in hand; after its last one the next batch is in hand.

        Args:
            knobs: from :meth:`Step.knobs`, with ``losses=[sheet.selections()]``.
            n: steps, >= 1.
            stop: see :meth:`Step.run`.
        """
        steps = self.compute(knobs, n, stop)
        self.take(steps)
        return steps

    def compute(self, knobs: Knobs, n: int, stop: tf.Variable | None = None) -> Steps:
        """The first half of :meth:`advance`, which takes long: pictures and losses stay as they are."""
        if self._state is None:
            self._state = State.at(self._filled(self._starts(self.in_hand)), each=True)
        self._state, steps = self._step.run(self._state, knobs, min(n, self.goal - self.iteration), stop)
        if self.iteration + len(steps.losses) >= self.goal:
            self._note_silent(knobs, steps)
        return steps

    def _note_silent(self, knobs: Knobs, steps: Steps) -> None:
        """At a batch's last step, note which of its pictures no gradient reached."""
        assert self._state is not None  # noqa: S101 - for mypy: it was computed
        where = self.in_hand
        count = where.stop - where.start
        rows = self._rows[-1] if self.begun > self.done else []
        still = diagnosis.unchanged(np.concatenate([*rows, steps.losses[:, :count]]), self._step.objective.excites)
        if still.any():
            still = still & self._step.silent(self._state, knobs)[:count]
        self.silent += [where.start + int(position) for position in np.flatnonzero(still)]

    def end(self, position: int) -> None:
        """Leave a picture of the batch in hand and its losses as they are now; the others go on."""
        if position < self.done or self._state is None:
            return  # the step was the batch's last
        self._ended[position] = self.iteration
        first, sound = self.in_hand.start, self._state.sound.numpy()
        last = position + 1 == self.in_hand.stop
        sound[position - first : None if last else position - first + 1] = False  # the last one fills a batch up
        self._state = self._state._replace(sound=tf.constant(sound))
        if not sound.any():
            self.done, self._state = self.in_hand.stop, None

    def take(self, steps: Steps) -> None:
        """The other half, which takes no time: pictures and losses change together."""
        assert self._state is not None  # noqa: S101 - for mypy: it was computed
        where = self.in_hand
        if self.begun == self.done:
            self.begun = where.stop
            self._rows.append([])
        count = where.stop - where.start
        self._rows[-1].append(steps.losses[:, :count])
        self.pictures[where] = (self._state.best if self._best else self._state.measured).numpy()[:count]
        if self.iteration >= self.goal or not self._state.sound.numpy().any():
            self.done, self._state = where.stop, None

    def history(self, position: int) -> History:
        """The losses of a picture so far; the last row may be one that is not finite."""
        rows = self._rows[position // self._batch] if position < self.begun else []
        nothing = np.empty((0, len(self.names) + 1), np.float32)
        values = np.concatenate([nothing, *[row[:, position % self._batch] for row in rows]])
        values = values[: self._ended.get(position)]
        wrong = np.flatnonzero(~np.isfinite(values[:, -1]))
        return History(self.names, values[: wrong[0] + 1] if len(wrong) else values)

    def _filled(self, entries: np.ndarray) -> np.ndarray:
        """One entry for each picture of the batch: the last is repeated where a model takes more than are left."""
        fixed = self._step.objective.input_tensor.shape[0]
        missing = 0 if fixed is None else fixed - len(entries)
        return np.concatenate([entries, np.repeat(entries[-1:], missing, axis=0)])
