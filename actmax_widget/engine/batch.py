"""Pictures that are made: a batch of one or more, and one batch after the other.

Here is what a run holds, and nobody who runs it: a function with a progress bar, and the live run with its pauses, take
the same two. A step is computed outside of any lock, as it takes long (:meth:`Tiles.compute`), and what it gave is
taken over inside (:meth:`Batch.take`), so that pictures and rows are always of one moment.
"""

from __future__ import annotations

import array
from collections.abc import Callable, Sequence

import numpy as np

from actmax_widget.engine import diagnosis
from actmax_widget.engine.step import Knobs, State, Step, Steps, StopFlag, view
from actmax_widget.network import graph
from actmax_widget.results import History

VALUES_AT_ONCE = 100_000_000
"""How many numbers a network may compute for a batch, so that what the gradient needs of them stays in memory."""
LARGEST_BATCH = 64


def batch_size(step: Step) -> int:
    """How many pictures fit well in a batch."""
    fixed = step.objective.input_tensor.shape[0]
    if fixed is not None:
        return int(fixed)
    return int(np.clip(VALUES_AT_ONCE // graph.count_values(step.objective.outputs), 1, LARGEST_BATCH))


class Batch:
    """Pictures made together, each as if it was made alone: their state, and a row of losses for each iteration.

    Args:
        names: of the losses.
        start: the state they start at.
        size: how many pictures the model takes at once, where that is fixed: the last one fills up.
        measures: names of what is measured beside the losses.
    """

    def __init__(
        self, names: Sequence[str], start: State, size: int | None = None, *, measures: Sequence[str] = ()
    ) -> None:
        self.names, self.measures, self.count = tuple(names), tuple(measures), len(start.measured)
        self.state = start.filled(size)
        self._rows = array.array("f")  # of floats, as millions of objects would take a hundred times the memory
        self._pictures: tuple[State, np.ndarray] | None = None
        self._apart: tuple[State, list[State]] | None = None

    @property
    def iteration(self) -> int:
        """Iterations made."""
        return len(self._rows) // self._width

    @property
    def _width(self) -> int:
        return self.count * (len(self.names) + 1 + len(self.measures))

    @property
    def pictures(self) -> np.ndarray:
        """The pictures as the network saw them last, (n, ..., channels) float32, not to be written to."""
        if self._pictures is None or self._pictures[0] is not self.state:  # one array, for all who ask
            self._pictures = self.state, view(self.state.measured)[: self.count]
        return self._pictures[1]

    def rows(self, first: int = 0, end: int | None = None) -> np.ndarray:
        """All from iteration ``first`` on, or to before ``end``: float32 (iterations, n, losses + 1 + measures)."""
        values = np.frombuffer(self._rows, np.float32) if self._rows else np.empty(0, np.float32)
        return values.reshape(-1, self.count, self._width // self.count)[first:end].copy()

    def losses(self, first: int = 0, end: int | None = None) -> np.ndarray:
        """The losses of the same iterations: float32 (iterations, n, losses + 1)."""
        return self.rows(first, end)[..., : len(self.names) + 1]

    def history(self, position: int = 0) -> History:
        """Every iteration's losses of a picture."""
        return History.of(self.names, self.measures, self.rows()[:, position])

    def whole(self, position: int, end: int | None = None) -> History:
        """The same up to an iteration, or to its first total that is not finite: from then on it did not change."""
        rows = self.rows(end=end)[:, position]
        wrong = np.flatnonzero(~np.isfinite(rows[:, len(self.names)]))
        return History.of(self.names, self.measures, rows[: wrong[0] + 1] if len(wrong) else rows)

    def best(self) -> tuple[int, np.ndarray]:
        """Of a single picture: the iteration with the lowest total, 0 where none was made, and its picture.

        Of one that was a tile the lowest since it was opened.
        """
        # By the loss that is kept with the picture, so that both are of one iteration.
        totals = self.losses()[:, 0, -1]
        found = np.flatnonzero(totals == view(self.state.best_loss)[0])
        if not len(found):
            return self.iteration if np.isfinite(totals).any() else 0, self.pictures[0]
        number = int(found[0]) + 1
        # The newest may be a better copy: with pixels as the parameter the best is kept as it was after its step.
        return number, self.pictures[0] if number == self.iteration else view(self.state.best)[0]

    def take(self, state: State, steps: Steps) -> None:
        """Go on from what a run of steps gave."""
        self.add_rows(np.concatenate([steps.losses, steps.measured], -1)[:, : self.count])
        self.state = state

    def add_rows(self, rows: np.ndarray) -> None:
        """Note iterations, (iterations, n, losses + 1 + measures)."""
        self._rows.frombytes(np.ascontiguousarray(rows, np.float32).tobytes())

    def end_at_state(self) -> None:
        """After a Ctrl-C anywhere: leave out rows of which the state was not taken any more."""
        made = int(self.state.iteration)
        del self._rows[made * self._width :]

    def go_back(self) -> None:
        """After a loss that is not finite: back to the last good pictures, which the next step begins with."""
        self.state = self.state.back()

    def alone(self, position: int, history: History) -> Batch:
        """One of the pictures in a batch of its own, with all that its next step needs.

        Args:
            position: of the picture.
            history: its losses as far as they are to be kept.
        """
        total = float(history.values[-1, -1]) if len(history) else np.inf
        going_on = bool(np.isfinite(total)) or not len(history)
        # From the picture as it was seen, not from the next one: what is opened shows what the tile showed.
        start = self._each()[position].alone(self.pictures[[position]], len(history), total, going_on=going_on)
        one = Batch(self.names, start, measures=self.measures)
        one.add_rows(history.rows[:, None])
        return one

    def _each(self) -> list[State]:
        """The states of the pictures, taken apart once for all of them."""
        if self._apart is None or self._apart[0] is not self.state:
            self._apart = self.state, self.state.each()
        return self._apart[1]

    def rest(self, *, resumable: bool) -> None:
        """No step is made any more: let go of what :meth:`alone` does not need, or, not ``resumable``, of all."""
        pictures = self.pictures
        self.state = self.state.at_rest(resumable=resumable)
        self._pictures = self.state, pictures


class Tiles:
    """Pictures of one step, each with a start and numbers of its own, made batch after batch.

    Args:
        step: the compiled step.
        count: how many pictures.
        names: of the losses; the step may have been compiled for others of the same kind.
        measures: names of what is measured beside them.
        starts: gives the state that a slice of the pictures starts at.
        knobs: gives the knobs of a slice of the pictures.
        goal: iterations for each picture.
        batch: pictures made at once.
        best: keep each picture after the step whose loss was the lowest; else as the network saw it last.
        resumable: keep what :meth:`alone` needs, three times the memory of the pictures.

    Attributes:
        begun: pictures whose batch was begun.
        done: pictures that are finished; always a whole number of batches, but for the last.
        silent: positions of the finished pictures that no gradient of the activation ever reached.
    """

    def __init__(
        self,
        step: Step,
        count: int,
        *,
        names: Sequence[str],
        measures: Sequence[str],
        starts: Callable[[slice], State],
        knobs: Callable[[slice], Knobs],
        goal: int,
        batch: int,
        best: bool = False,
        resumable: bool = False,
    ) -> None:
        self.count, self.goal = count, goal
        self.names, self.measures = tuple(names), tuple(measures)
        self.begun = self.done = 0
        self.silent: list[int] = []
        self._step, self._starts, self._knobs_of, self._size = step, starts, knobs, batch
        self._knobs: Knobs | None = None  # of the batch in hand
        self._best, self._resumable = best, resumable
        self._ended: dict[int, int] = {}  # by position: after how many iterations a picture was left as it was
        self._batches: list[Batch] = []  # the last one is in hand, or about to be
        self._kept: list[np.ndarray] = []  # of each finished batch: its pictures

    @property
    def finished(self) -> bool:
        """Whether all pictures are done."""
        return self.done == self.count

    @property
    def in_hand(self) -> slice:
        """The pictures of the batch in hand, or of the next one."""
        return slice(self.done, min(self.done + self._size, self.count))

    @property
    def iteration(self) -> int:
        """Iterations made by the batch in hand."""
        return self._batches[-1].iteration if self.begun > self.done else 0

    @property
    def pictures(self) -> np.ndarray:
        """The pictures begun so far, (n, ..., channels) float32."""
        return self.between(0, self.begun)

    def between(self, first: int, end: int) -> np.ndarray:
        """The pictures begun from position ``first`` to before ``end``, (n, ..., channels) float32."""
        shape = tuple(self._step.objective.input_tensor.shape[1:])
        found = [np.empty((0, *shape), np.float32)]
        for number in range(first // self._size, -(-min(end, self.begun) // self._size)):
            begin = number * self._size
            found.append(self._shown(number)[max(first - begin, 0) : max(end - begin, 0)])
        return np.concatenate(found)

    def _shown(self, number: int) -> np.ndarray:
        if number < len(self._kept):
            return self._kept[number]
        batch = self._batches[number]
        return view(batch.state.best)[: batch.count] if self._best else batch.pictures

    def last_rows(self, first: int, end: int) -> np.ndarray:
        """The last row of each of these pictures, (n, losses + 1 + measures) float32; NaN where none was made."""
        found = np.full((max(end - first, 0), len(self.names) + 1 + len(self.measures)), np.nan, np.float32)
        for position in range(first, min(end, self.begun)):
            batch = self._batches[position // self._size]
            if batch.iteration:
                found[position - first] = batch.rows(batch.iteration - 1)[0, position % self._size]
        return found

    @property
    def _fixed(self) -> int | None:
        size: int | None = self._step.objective.input_tensor.shape[0]
        return size

    def advance(self, n: int, stop: StopFlag | None = None) -> Steps:
        """Make up to ``n`` steps of the batch in hand; after its last one the next batch is in hand.

        Args:
            n: steps, >= 1.
            stop: see :meth:`Step.run`.
        """
        state, steps = self.compute(n, stop)
        self.take(state, steps)
        return steps

    def compute(self, n: int, stop: StopFlag | None = None) -> tuple[State, Steps]:
        """The first half of :meth:`advance`, which takes long: pictures and losses stay as they are."""
        knobs = self._knobs or self._knobs_of(self.in_hand).filled(self._fixed)
        self._knobs = knobs
        if self.begun == self.done and len(self._batches) == len(self._kept):
            start = self._starts(self.in_hand)
            self._batches.append(Batch(self.names, start, self._fixed, measures=self.measures))
        batch = self._batches[-1]
        state, steps = self._step.run(batch.state, knobs, min(n, self.goal - batch.iteration), stop)
        if batch.iteration + len(steps.losses) >= self.goal:
            self._note_silent(batch, state, knobs, steps)
        return state, steps

    def _note_silent(self, batch: Batch, state: State, knobs: Knobs, steps: Steps) -> None:
        """At a batch's last step, note which of its pictures no gradient reached."""
        rows = np.concatenate([batch.losses(), steps.losses[:, : batch.count]])
        still = diagnosis.unchanged(rows, self._step.objective.excites)
        if still.any():
            still = still & self._step.silent(state, knobs)[: batch.count]
        self.silent += [self.done + int(position) for position in np.flatnonzero(still)]

    def take(self, state: State, steps: Steps) -> None:
        """The other half, which takes no time: pictures and losses change together."""
        # Only now are the batch's pictures told of: a view never sees them without the rows that belong to them.
        batch, self.begun = self._batches[-1], self.in_hand.stop
        batch.take(state, steps)
        if batch.iteration >= self.goal or not state.sound.numpy().any():
            self._finish()

    def end(self, position: int) -> None:
        """Leave a picture of the batch in hand and its losses as they are now; the others go on."""
        if position < self.done:
            return  # the step was the batch's last
        batch, first = self._batches[-1], self.in_hand.start
        self._ended[position] = batch.iteration
        last = position + 1 == self.in_hand.stop  # which fills a batch up
        batch.state = batch.state.without(slice(position - first, None if last else position - first + 1))
        if not batch.state.sound.numpy().any():
            self._finish()

    def _finish(self) -> None:
        number = len(self._kept)
        self._kept.append(self._shown(number))
        self._batches[number].rest(resumable=self._resumable)
        self.done, self._knobs = self.in_hand.stop, None

    def history(self, position: int) -> History:
        """The losses of a picture so far; the last row may be one that is not finite."""
        if position >= self.begun:
            width = len(self.names) + 1 + len(self.measures)
            return History.of(self.names, self.measures, np.empty((0, width), np.float32))
        batch = self._batches[position // self._size]
        return batch.whole(position % self._size, self._ended.get(position))

    def alone(self, position: int) -> Batch:
        """A picture that was begun, in a batch of its own, from which it can go on; needs ``resumable``."""
        return self._batches[position // self._size].alone(position % self._size, self.history(position))
