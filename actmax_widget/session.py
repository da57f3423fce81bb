"""A live optimization: start, pause, step, reset and change it while it runs.

The session owns the state of one optimization and the worker that advances it. It knows no UI: a view asks for
:meth:`Session.frame` when :attr:`Session.revision` has changed. All waiting is in the worker, so a test drives
:meth:`Session.advance` by hand, without a thread, a clock or a sleep.
"""

from __future__ import annotations

import array
import contextvars
import dataclasses
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from actmax_widget import backprop_modifiers, graph, utils
from actmax_widget.ascent import Ascent, Knobs, State
from actmax_widget.checks import check_integer
from actmax_widget.input_modifiers import Jitter
from actmax_widget.network import Network
from actmax_widget.objective import Objective, knobs_of
from actmax_widget.optimizer import starting_image
from actmax_widget.pace import Pace
from actmax_widget.records import Facts, Frame, History, Settings, Status
from actmax_widget.visualization import activation_losses

KEPT_COMPILED = 4
"""How many layers' compiled steps a session keeps."""


def in_thread(work: Callable[[], None]) -> None:
    """Run ``work`` in a daemon thread, with this thread's context, so that what it prints lands in this cell."""
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), name="actmax-session", daemon=True).start()


class Session:
    """One live optimization of one model.

    Args:
        network: the model with its input.
        settings: what to maximise and how.
        notify: called, from any thread and without arguments, when something has changed. Must return at once.
        spawn: runs the worker; default is a daemon thread. A test passes a function that does nothing and calls
            :meth:`advance` itself.
        clock: seconds, monotonic.

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

    def __init__(
        self,
        network: Network,
        settings: Settings,
        *,
        notify: Callable[[], None] = lambda: None,
        spawn: Callable[[Callable[[], None]], None] = in_thread,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.network = network
        self._changed = threading.Condition()
        self._notify, self._spawn = notify, spawn
        self._settings = self._checked(settings)
        self._pace = Pace(clock)
        self._ascents: dict[Any, Ascent] = {}
        self._ascent: Ascent | None = None
        self._knobs: Knobs | None = None
        self._stop = tf.Variable(False, trainable=False)
        self._working = False
        self._revision = 0
        self._run = 0
        self._error = ""
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
    def status(self) -> Status:
        """Where the session stands."""
        return self._status

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
            return Facts(self._run, self._status, self.iteration, self._goal, self._stale, self._error)

    @property
    def revision(self) -> int:
        """Rises with every change that a view would show."""
        return self._revision

    @property
    def loss_names(self) -> tuple[str, ...]:
        """Names of the losses, in the order of a row's columns; the total comes after them."""
        return self._names

    @property
    def image(self) -> np.ndarray:
        """The picture the network saw in the last iteration, (H, W, C) float32; at first the starting picture."""
        return graph.to_channels_last(utils.to_numpy(self._state.measured)[0])

    @property
    def history(self) -> History:
        """Every iteration's losses since the last fresh start."""
        with self._changed:
            return History(self._names, self._rows_from(0))

    @property
    def traces(self) -> int:
        """How often the step of the layer run last was compiled."""
        return self._ascent.traces if self._ascent else 0

    def frame(self, run: int = -1, first: int = 0) -> Frame:
        """What a view needs that has seen ``first`` rows of ``run``: all rows if that is not the present run."""
        with self._changed:
            first = first if run == self._run else 0
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

    def pause(self) -> None:
        """Stop after the step in hand. Not running: nothing."""
        with self._changed:
            if self._status.busy:
                self._halt(Status.PAUSED)
        self._notify()

    def reset(self) -> None:
        """Stop, and go back to the starting picture and an empty history."""
        with self._changed:
            self._error = ""
            self._start_afresh(Status.READY)
        self._notify()

    def update(self, **changes: Any) -> Settings:
        """Change settings, see :class:`~actmax_widget.records.Settings`; most take effect at the next step.

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
            self._stop.assign(True)  # the call in hand ends, the next one takes the new numbers
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

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the session is not running; at most ``timeout`` seconds. Returns whether it has stopped."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._status.busy and not self._working, timeout)

    # --- the worker ------------------------------------------------------------------------------------------------

    def advance(self) -> float | None:
        """Make as many steps as fill about one frame.

        Returns:
            Seconds to wait before the next call (0: none), or None if there is nothing to do.
        """
        try:
            plan = self._plan()
            if plan is None:
                return None
            return self._carry_out(*plan)
        except Exception as error:  # noqa: BLE001 - whatever a model or a graph raises is shown, not lost with the thread
            first_line = (str(error).strip() or "no message").splitlines()[0]
            self._fail(f"{type(error).__name__}: {first_line[:300]}")
            return 0.0
        finally:
            self._notify()

    def _plan(self) -> tuple[int, Ascent, State, Knobs, int] | None:
        """What the next call does, decided under the lock: run, step, state, numbers, and how many steps."""
        built = None
        while True:
            with self._changed:
                if not self._status.busy:
                    self._working = False
                    self._changed.notify_all()
                    return None
                settings = self._settings
                if self._ascent is not None and built == settings.graph():
                    return self._next_call(self._ascent)
            # Outside of the lock, as building takes long; the layer may be changed meanwhile.
            self._ascent, built = self._ascent_for(settings), settings.graph()

    def _next_call(self, ascent: Ascent) -> tuple[int, Ascent, State, Knobs, int]:
        if self._knobs is None:
            self._knobs = self._make_knobs(ascent)
        status = Status.RUNNING if ascent.traces else Status.COMPILING
        if status is not self._status:
            self._set_status(status)
        left = max(1, self._until - self.iteration)
        n = self._pace.steps(left, self._settings.steps_per_second) if ascent.traces else 1
        self._stop.assign(False)
        return self._run, ascent, self._state, self._knobs, n

    def _carry_out(self, run: int, ascent: Ascent, state: State, knobs: Knobs, n: int) -> float:
        traces = ascent.traces
        begin = self._pace.clock()
        state, steps = ascent.run(state, knobs, n, self._stop)
        rows = steps.losses
        with self._changed:
            if run != self._run:
                return 0.0  # reset meanwhile
            if traces == ascent.traces and len(rows):
                self._pace.measured(begin, len(rows), self._settings.steps_per_second)
            self._state = state
            self._rows.frombytes(np.ascontiguousarray(rows, np.float32).tobytes())
            self._settle(rows)
            return self._pace.delay() if self._status.busy else 0.0

    def _settle(self, rows: np.ndarray) -> None:
        """Take the status that follows from what was just computed."""
        if len(rows) and not np.isfinite(rows[-1, -1]):
            # The picture itself may be NaN by now; going on means from the last good one.
            self._state = self._state._replace(image=self._state.measured, cache=tf.zeros_like(self._state.cache))
            total = f"The total loss of iteration {self.iteration} is {rows[-1, -1]}."
            self._error = (
                f"{total} The last good picture is kept. Lower the learning rate or a weight and run on, or reset."
            )
            self._halt(Status.FAILED)
        elif self._status.busy and self.iteration >= self._until:
            self._halt(self._ending)
        self._touch()

    def _fail(self, error: str) -> None:
        with self._changed:
            self._error = error
            self._halt(Status.FAILED)

    def _work(self) -> None:
        while (delay := self.advance()) is not None:
            self._sleep(delay, self._settings.steps_per_second)

    def _sleep(self, seconds: float, limit: float | None) -> None:
        """Wait for the next step's time, but not through a pause or another speed limit."""
        with self._changed:
            if seconds:
                self._changed.wait_for(
                    lambda: not self._status.busy or self._settings.steps_per_second != limit, seconds
                )

    # --- with the lock held ----------------------------------------------------------------------------------------

    def _go(self, until: int, ending: Status) -> None:
        self._until, self._ending, self._error = until, ending, ""
        self._pace.begin()
        ready = self._ascent is not None and self._ascent is self._ascents.get(self._settings.graph())
        self._set_status(Status.RUNNING if ready else Status.COMPILING)
        if not self._working:
            self._working = True
            self._spawn(self._work)

    def _halt(self, status: Status) -> None:
        self._stop.assign(True)
        self._set_status(status)

    def _set_status(self, status: Status) -> None:
        self._status = status
        self._touch()

    def _touch(self) -> None:
        self._revision += 1
        self._changed.notify_all()

    def _start_afresh(self, status: Status) -> None:
        """Go back to iteration 0 with the present settings."""
        self._run += 1
        self._stop.assign(True)
        self._stale = False
        self._names = tuple(loss.name for loss, _ in self._losses(self._settings))
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

    def _rows_from(self, first: int) -> np.ndarray:
        values = np.frombuffer(self._rows, np.float32) if self._rows else np.empty(0, np.float32)
        return values.reshape(-1, self._width)[first:].copy()

    # --- building --------------------------------------------------------------------------------------------------

    def _checked(self, settings: Settings) -> Settings:
        """The settings, if the model has that layer and those filters, and its input that size."""
        self._losses(settings)
        if settings.seed_input is not None:
            starting_image(self.network.input, settings.seed_input, settings.input_range)
        return settings

    def _losses(self, settings: Settings) -> list[Any]:
        weights = (settings.act_max_weight, settings.lp_norm_weight, settings.tv_weight)
        return activation_losses(self.network, settings.layer, settings.filter_indices, weights)

    def _ascent_for(self, settings: Settings) -> Ascent:
        """The compiled step of a layer. Those used last are kept, so that going back does not compile again."""
        key = settings.graph()
        ascent = self._ascents.pop(key, None) or self._build_ascent(settings)
        self._ascents[key] = ascent
        if len(self._ascents) > KEPT_COMPILED:
            del self._ascents[next(iter(self._ascents))]
        return ascent

    def _build_ascent(self, settings: Settings) -> Ascent:
        gate = backprop_modifiers.BUILT_IN[settings.backprop_modifier] if settings.backprop_modifier else None
        objective = Objective(self.network.input, self._losses(settings), held=self.network.held, gate=gate)
        return Ascent(objective, input_modifiers=[Jitter(0)])

    def _make_knobs(self, ascent: Ascent) -> Knobs:
        settings = self._settings
        losses = self._losses(settings)
        return ascent.knobs(
            weights=[weight for _, weight in losses],
            learning_rate=settings.learning_rate,
            bounds=settings.input_range if settings.clip else (-np.inf, np.inf),
            grad_modifier=settings.grad_modifier,
            seed=self._seed,
            losses=knobs_of(loss for loss, _ in losses),
            modifiers=[Jitter(settings.jitter)],
        )

    def _first_state(self) -> State:
        settings = self._settings
        self._seed = int(np.random.SeedSequence().generate_state(1)[0]) if settings.seed is None else settings.seed
        random = np.random.RandomState(self._seed)
        start = tf.constant(starting_image(self.network.input, settings.seed_input, settings.input_range, random))
        return State.at(start)
