"""A live optimization: start, pause, step, reset and change it while it runs.

The session owns the state of one optimization. It knows no UI: a view asks for :meth:`Session.frame` when
:attr:`~actmax_widget.live.worker.Worker.revision` has changed.
"""

from __future__ import annotations

import array
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from actmax_widget import utils
from actmax_widget.checks import check_integer, invalid
from actmax_widget.engine import diagnosis
from actmax_widget.engine.step import Knobs, State, Step, Steps
from actmax_widget.live import recipe
from actmax_widget.live.facts import Facts, Frame, Status
from actmax_widget.live.worker import Worker
from actmax_widget.network import Network
from actmax_widget.network.starting import starting_image
from actmax_widget.results import History
from actmax_widget.settings import Settings

LOOK_SECONDS = 0.25
"""How often a waiting run looks whether it is still watched: nobody tells it when a page is closed."""


class Session(Worker):
    """One live optimization of one model.

    Args:
        network: the model with its input.
        settings: what to maximise and how.
        **worker: see :class:`~actmax_widget.live.worker.Worker`.

    Attributes:
        watched: tells whether anybody looks on. ``steps_per_second`` is for eyes: without any it does not hold. Asked
            with the session's lock held, so it must not wait for anything.

    Raises:
        ValueError, TypeError: for a bad target.

    Example:
        >>> session = Session(Network(model), Settings(layer="out", filter_indices=(3,)))
        >>> session.start()
        >>> session.wait(60)
        True
        >>> session.image.shape
        (28, 28, 1)
    """

    def __init__(self, network: Network, settings: Settings, **worker: Any) -> None:
        super().__init__(**worker)
        self.watched: Callable[[], bool] = lambda: True
        self.network = network
        self._settings = self._checked(settings)
        self._step: Step | None = None
        self._compiled: Any = None  # the settings' graph that the step is for
        self._tried: Any = None  # the one that was to be compiled last
        self._looked = False  # on the shelf, since the last start
        self._knobs: Knobs | None = None
        self._picture_of: State | None = None
        self._run = 0
        self._goal = self._origin = self._until = 0  # iterations: of the Run's end and beginning, of the next stop
        self._ending = Status.FINISHED
        with self._changed:
            self._start_afresh(Status.READY)

    # --- what a view reads -----------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings

    @property
    def iteration(self) -> int:
        """Iterations made since the last fresh start."""
        return len(self._rows) // self._width

    @property
    def goal(self) -> int:
        """The iteration at which a Run ends; 0 before the first Run."""
        return self._goal

    def facts(self) -> Facts:
        """Where the session stands, all of it at one moment."""
        with self._changed:
            here = self._run, self._status, self.iteration, self._goal
            return Facts(*here, self._stale, self._preparing, self._error, self._note)

    @property
    def loss_names(self) -> tuple[str, ...]:
        """Names of the losses, in the order of a row's columns; the total comes after them."""
        return self._names

    @property
    def image(self) -> np.ndarray:
        """The picture the network saw in the last iteration, (H, W, C) float32; at first the starting picture."""
        with self._changed:
            if self._picture_of is not self._state:  # copied out of TensorFlow once, for all who ask
                self._picture, self._picture_of = utils.to_numpy(self._state.measured)[0], self._state
            return self.network.layout.as_shown(self._picture)

    @property
    def history(self) -> History:
        """Every iteration's losses since the last fresh start."""
        with self._changed:
            return History(self._names, self._rows_from(0))

    @property
    def traces(self) -> int:
        """How often the step of the layer run last was compiled."""
        return self._step.traces if self._step else 0

    def frame(self, run: int = -1, first: int = 0) -> Frame:
        """What a view needs that has seen ``first`` rows of ``run``: all rows if that is not the present run."""
        with self._changed:
            first = first if run == self._run and first <= self.iteration else 0
            rows = self._rows_from(first)
            return Frame(self._run, self.iteration, self._goal, self.image, first, rows, self._pace.rate)

    # --- commands: all return at once ------------------------------------------------------------------------------

    def start(self) -> None:
        """Run until the goal: from the present iteration, or afresh if the target was changed. Running: nothing."""
        with self._changed:
            if self._status.busy:
                return
            if self._stale:
                self._start_afresh(Status.READY)
            if self.iteration >= self._goal:
                # Single steps beyond the last goal count towards the next one.
                self._origin = self._goal if self.iteration < self._goal + self._settings.max_iter else self.iteration
                self._goal = self._origin + self._settings.max_iter
            self._go(self._goal, Status.FINISHED)
        self._notify()

    def step(self, n: int = 1) -> None:
        """Make exactly ``n`` iterations, then pause. Running: nothing.

        Raises:
            ValueError, TypeError: ``n`` is not an integer >= 1.
        """
        n = check_integer("n", n, least=1, advice="Pass e.g. step(1).")
        with self._changed:
            if self._status.busy:
                return
            if self._stale:
                self._start_afresh(Status.READY)
            self._go(self.iteration + n, Status.PAUSED)
        self._notify()

    def reset(self) -> None:
        """Stop, and go back to the starting picture and an empty history."""
        with self._changed:
            self._error = ""
            self._start_afresh(Status.READY)
        self._notify()

    def adopt(self, layer: str, index: int, image: np.ndarray, history: History, goal: int) -> None:
        """Go on from a picture of a filter that was made elsewhere, with its losses; the other settings stay.

        Args:
            layer: the layer's name.
            index: the filter.
            image: (H, W, C), as the network saw it last.
            history: its losses, a row for each iteration made.
            goal: the iteration at which it was, or was to be, finished.
        """
        with self._changed:
            self._settings = self._checked(dataclasses.replace(self._settings, layer=layer, filter_indices=(index,)))
            self._error = ""
            self._start_afresh(Status.FINISHED if len(history) >= goal else Status.PAUSED)
            start = self.network.layout.from_channels_last(image[None])
            self._state = State.at(start)._replace(iteration=tf.constant(len(history)))
            self._rows.frombytes(np.ascontiguousarray(history.values, np.float32).tobytes())
            self._goal = goal
            self._touch()
        self._notify()

    def update(self, **changes: Any) -> Settings:
        """Change settings, see :class:`~actmax_widget.settings.Settings`; most take effect at the next step.

        Another target restarts a running optimization at once. If it is not running, picture and history stay until the
        next start. If only the layer is changed and has no such filter, its filter 0 is chosen.

        Returns:
            The settings now in force.

        Raises:
            ValueError, TypeError: for a bad value; nothing is changed.
        """
        with self._changed:
            new = self.preview(**changes)
            old, self._settings = self._settings, new
            self._knobs = None
            self._stop_call(True)  # the call in hand ends, the next one takes the new numbers
            if new.target() != old.target():
                self._retarget()
            elif new.start() != old.start() and not self.iteration and not self._status.busy:
                self._start_afresh(self._status)
            if new.max_iter != old.max_iter and self._goal:
                self._goal = self._origin + new.max_iter
                self._until = self._goal if self._ending is Status.FINISHED else self._until
            self._touch()
        self._notify()
        return new

    def preview(self, **changes: Any) -> Settings:
        """The settings that :meth:`update` would put in force. Raises what it would raise; changes nothing."""
        try:
            return self._checked(dataclasses.replace(self._settings, **changes))
        except ValueError:
            if "layer" not in changes or "filter_indices" in changes or self._settings.filter_indices is None:
                raise
            return self._checked(dataclasses.replace(self._settings, **changes, filter_indices=(0,)))

    def prepare(self) -> None:
        """Compile the step for the present target in the background, so that a start finds it ready."""
        with self._changed:
            if self._tried != self._settings.graph():
                self._preparing |= not self._working
                self._begin()
        self._notify()

    # --- the worker ------------------------------------------------------------------------------------------------

    def _turn(self) -> float | None:
        """Compile if needed, then make as many steps as fill about one frame."""
        while True:
            with self._changed:
                settings, state = self._settings, self._state
                target = settings.graph()
                if self._status.busy and self._looked and self._compiled == target:
                    plan = self._next_call()
                    break
                if not self._status.busy and self._tried == target:
                    self._rest()
                    return None
                self._tried = target
                self._preparing = not self._status.busy
                if self._status is Status.RUNNING and self._compiled != target:
                    self._set_status(Status.COMPILING)
            # Outside of the lock, as compiling takes long; the layer may be changed meanwhile.
            self._compile(settings, state)
        return self._carry_out(*plan)

    def _compile(self, settings: Settings, state: State) -> None:
        step = recipe.step_for(self.network, settings)
        if self._preparing and not step.traces:
            # The first step does it, and makes what TensorFlow puts off until then; it counts only if somebody waits.
            self._made(self._run, step, state, recipe.knobs_for(self.network, settings, step, 0), 1)
        with self._changed:
            self._step, self._compiled, self._looked = step, settings.graph(), True
            self._preparing = False
            self._touch()

    def _next_call(self) -> tuple[int, Step, State, Knobs, int]:
        step = self._step
        assert step is not None  # noqa: S101 - for mypy: it was just compiled
        if self._knobs is None:
            self._knobs = recipe.knobs_for(self.network, self._settings, step, self._seed)
        status = Status.RUNNING if step.traces else Status.COMPILING
        if status is not self._status:
            self._set_status(status)
        left = max(1, self._until - self.iteration)
        n = self._pace.steps(left, self._limit()) if step.traces else 1
        self._stop_call(False)
        return self._run, step, self._state, self._knobs, n

    def _carry_out(self, run: int, step: Step, state: State, knobs: Knobs, n: int) -> float:
        traces, begin = step.traces, self._pace.clock()
        state, steps = self._made(run, step, state, knobs, n, self._stop)
        rows = steps.losses
        with self._changed:
            if run != self._run:
                return 0.0  # reset meanwhile
            if len(rows) and traces == step.traces:
                self._pace.measured(begin, len(rows), self._limit())
            self._state = state
            self._rows.frombytes(np.ascontiguousarray(rows, np.float32).tobytes())
            self._settle(rows, step)
            delay = self._pace.delay() if self._status.busy else 0.0
        self._look_for_silence(run, step, state, knobs)
        return delay

    def _made(self, run: int, step: Step, state: State, knobs: Knobs, *how: Any) -> tuple[State, Steps]:
        """Make steps. Where no gradient is, a started run notes what its start measures: that is all there will be."""
        try:
            return step.run(state, knobs, *how)
        except diagnosis.NoGradientError:
            losses = step.objective.losses_at(state.image, knobs.weights, knobs.losses).numpy()
            with self._changed:
                if run == self._run and self._status.busy and not self.iteration:
                    self._rows.frombytes(losses.astype(np.float32).tobytes())
            raise

    def _look_for_silence(self, run: int, step: Step, state: State, knobs: Knobs) -> None:
        """When a run ends, note it if no gradient ever reached the picture: nothing was excited in all that time."""
        with self._changed:
            ended = self._status in {Status.PAUSED, Status.FINISHED}
            if not ended or not self._still(step.objective.excites):
                return
            layer = self._settings.layer
            what = diagnosis.filters_of(self._settings.filter_indices or (None,), layer)
        silent = step.silent(state, knobs)  # outside of the lock, as it takes a step
        with self._changed:
            if silent and run == self._run and not self._status.busy:
                self._note = diagnosis.silent(what, self.iteration, [self.network.find(layer).layer])
                self._touch()

    def _still(self, columns: np.ndarray) -> bool:
        """Whether losses never changed in this run; of those that did, a look at the first and the last row tells."""
        if self.iteration < 2:
            return False
        ends = np.array([self._rows[: self._width], self._rows[-self._width :]])
        return bool(diagnosis.unchanged(ends, columns) and diagnosis.unchanged(self._rows_from(0), columns))

    def _settle(self, rows: np.ndarray, step: Step) -> None:
        """Take the status that follows from what was just computed."""
        if len(rows) and not np.isfinite(rows[-1, -1]):
            # The picture itself may be NaN by now; going on means from the last good one.
            self._state = State.at(self._state.measured)._replace(iteration=self._state.iteration)
            total = f"The total loss of iteration {self.iteration} is {rows[-1, -1]}"
            advice = "The last good picture is kept. Lower the learning rate or a weight and run on, or reset."
            self._error = diagnosis.not_finite(total, step.objective.layers, advice)
            self._halt(Status.FAILED)
        elif self._status.busy and self.iteration >= self._until:
            self._halt(self._ending)
        self._touch()

    def _sleep(self, seconds: float) -> None:
        """Wait for the next step's time, but not through a pause, a restart or another speed limit."""
        limit, run = self._settings.steps_per_second, self._run
        end = self._pace.clock() + seconds
        with self._changed:
            while self._status.busy and self._limit() == limit and self._run == run:
                left = end - self._pace.clock()
                if left <= 0:
                    break
                self._changed.wait(min(left, LOOK_SECONDS))

    # --- with the lock held ----------------------------------------------------------------------------------------

    def _go(self, until: int, ending: Status) -> None:
        self._until, self._ending, self._error, self._note = until, ending, "", ""
        self._pace.begin()
        self._looked = self._preparing = False  # the model's layers may have been changed since the last start
        self._set_status(Status.RUNNING if self._compiled == self._settings.graph() else Status.COMPILING)
        self._begin()

    def _start_afresh(self, status: Status) -> None:
        """Go back to iteration 0 with the present settings."""
        self._run += 1
        self._note = ""
        self._stop_call(True)
        self._stale = False
        self._names = tuple(loss.name for loss, _ in recipe.losses_for(self.network, self._settings))
        self._width = len(self._names) + 1
        self._rows = array.array("f")
        self._knobs = None
        self._goal = self._origin = self._until = 0
        self._ending = Status.FINISHED
        self._state = self._first_state()
        self._set_status(status)

    def _retarget(self) -> None:
        """Another target: a Run starts afresh at once; otherwise what was computed stays until the next start."""
        if self._status.busy and self._ending is Status.FINISHED:
            self._start_afresh(self._status)
            self._goal = self._until = self._settings.max_iter
        else:
            if self._status.busy:  # in a Step, which ends here
                self._halt(Status.PAUSED)
            self._stale = True

    def _limit(self) -> float | None:
        """Steps per second at the most."""
        return self._settings.steps_per_second if self.watched() else None

    def _rows_from(self, first: int) -> np.ndarray:
        values = np.frombuffer(self._rows, np.float32) if self._rows else np.empty(0, np.float32)
        return values.reshape(-1, self._width)[first:].copy()

    # --- building --------------------------------------------------------------------------------------------------

    def _checked(self, settings: Settings) -> Settings:
        """The settings, if the model has that layer and those filters, and its input that size."""
        recipe.losses_for(self.network, settings)
        if settings.seed_input is not None:
            starting_image(self.network.input, settings.seed_input, settings.input_range)
        picture = self.network.input
        side = min((picture.shape[axis] for axis in self.network.layout.spatial), default=np.inf)
        if settings.jitter > side:
            expected = f"at most {side} pixels, the picture's shorter side"
            raise invalid("jitter", expected, settings.jitter, "Pass e.g. jitter=0.05, a fraction of the side.")
        return settings

    def _first_state(self) -> State:
        self._seed = recipe.random_state(self._settings)
        return State.at(recipe.start_for(self.network, self._settings, self._seed))


class Past:
    """What is left of a session that nobody holds any more but IPython's history: no network, nothing compiled.

    Args:
        session: the session, which is to be forgotten.
    """

    def __init__(self, session: Session) -> None:
        with session._changed:  # noqa: SLF001 - all of one moment
            session.pause()
            self.settings, self.loss_names = session.settings, session.loss_names
            self.image, self.history = session.image, session.history
            self._facts = session.facts()
        self.status, self.revision = self._facts.status, 0

    def facts(self) -> Facts:
        """Where it stood."""
        return self._facts

    def frame(self, run: int = -1, first: int = 0) -> Frame:
        """As of a session: the thread that sends may be at it while the session is let go of."""
        facts, rows = self._facts, self.history.values
        first = first if run == facts.run and first <= len(rows) else 0
        return Frame(facts.run, facts.iteration, facts.goal, self.image, first, rows[first:], None)

    def pause(self) -> None:
        """Nothing is left to pause."""

    def wait(self, timeout: float | None = None) -> bool:
        """Nothing is left to wait for."""
        del timeout
        return True

    def __getattr__(self, name: str) -> Any:
        message = (
            "This widget was let go of: its cell was run again, and no name held it. Its image and history are still "
            "there. Make another one to go on."
        )
        raise RuntimeError(message)
