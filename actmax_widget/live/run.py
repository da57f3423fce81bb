"""A live run: start, pause, step, reset and change it while it goes.

A run makes one thing at a time, in one thread: the picture *in front*, which a person steers, or *tiles*, several
pictures that differ in filters, seeds or numbers. It has one status, that of what it is at. It knows no UI: a view asks
for :meth:`Run.facts` and :meth:`Run.frame` when :attr:`Run.front_revision` has changed.

The protocol between commands and the thread: commands change what is wanted, with the lock held, and return at once.
The thread prepares one call with the lock held, computes it without (so that a command never waits for a step), and
takes over what came out with the lock held again, if it is still wanted: ``_run`` and ``_tiles`` tell.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from actmax_widget import presets, varying
from actmax_widget.callbacks import OptimizerCallback
from actmax_widget.checkpoint import Change, Changes, Checkpoint, check_changes, check_checkpoint, differences
from actmax_widget.checks import check_integer, invalid
from actmax_widget.composition import OF_TARGET
from actmax_widget.engine import Knobs, State, Step, Steps, diagnosis, keeping
from actmax_widget.engine.batch import Batch
from actmax_widget.engine.doctor import Doctor, Known
from actmax_widget.engine.loop import Pace
from actmax_widget.engine.plan import Plan, random_state
from actmax_widget.engine.reel import Reel
from actmax_widget.engine.trial import try_parts
from actmax_widget.film import Film
from actmax_widget.labels import Labels
from actmax_widget.live.facts import Facts, Frame, Line, Status, TilesFacts
from actmax_widget.live.listeners import Listeners
from actmax_widget.live.tiles import LiveTiles, Opened, Sheet
from actmax_widget.live.worker import Worker
from actmax_widget.network import Network, graph
from actmax_widget.network.fingerprint import fingerprint
from actmax_widget.network.starting import starting_image
from actmax_widget.parameters import START, parameters_of
from actmax_widget.reason import reason
from actmax_widget.regularizers import Regularizer
from actmax_widget.results import History, Note, TilePictures
from actmax_widget.settings import OF_RUN, Settings, differ
from actmax_widget.utils import to_numpy

OF_STEP = ("parametrization", "transforms", "optimizer")
"""The settings with the parts of a step."""
FILMS = 3
"""Lines that were left last and keep their films, each as large as that of a run; of others the end is kept."""
EXAMINE_SECONDS = 1.0
"""How often a run is examined while it goes."""
LOOK_SECONDS = 0.25
"""How often a waiting run looks whether it is still watched: nobody tells it when a page is closed."""


class Branch(NamedTuple):
    """A line of a run.

    Attributes:
        name: of it; the first is called main.
        parent: the name of the line that it was taken from; empty for the first.
        iteration: where it left that one.
        checkpoint: where it is; of one that was left, where it was then.
    """

    name: str
    parent: str
    iteration: int
    checkpoint: Any


class Recorded(NamedTuple):
    """A run that is repeated.

    Attributes:
        changes: what it began with, and what was set in its course.
        iteration: how far it came.
    """

    changes: Changes
    iteration: int


class Run(Worker):
    """One live optimization of one model.

    Args:
        network: the model with its input.
        settings: what to maximise and how.
        callbacks: told of each iteration of the picture in front; steps are then made one at a time. One that raises
            ``StopIteration`` ends the run.
        **worker: see :class:`~actmax_widget.live.worker.Worker`.

    Attributes:
        replayed: how often settings were put in force that a recorded run had, see :meth:`repeat`.
        watched: tells whether anybody looks on. ``steps_per_second`` is for eyes: without any it does not hold. Asked
            with the run's lock held, so it must not wait for anything.
        labels: what the units of the last layer are called, for the notes; None: nobody knows.
        references: gives what is known of real pictures for a run of some settings, for the notes, or None. Asked when
            a run has come to rest, so it must not compute much; see :meth:`examine_again`.

    Raises:
        ValueError, TypeError: for a bad target.

    Example:
        >>> run = Run(Network(model), Settings(layer="out", filter_indices=(3,)))
        >>> run.start()
        >>> run.wait(60)
        True
        >>> run.image.shape
        (28, 28, 1)
    """

    def __init__(
        self, network: Network, settings: Settings, callbacks: Sequence[OptimizerCallback] = (), **worker: Any
    ) -> None:
        super().__init__(**worker)
        self._listeners = Listeners(callbacks, self._end_for_callback)
        self.watched: Callable[[], bool] = lambda: True
        self._leash: Callable[[int], int] | None = None
        self.labels: Labels | None = None
        self.references: Callable[[Settings], Known | None] = lambda _: None
        self._found_out = 0  # how often more came to be known
        self._doctor: tuple[Plan, Doctor] | None = None
        self._notes: tuple[Note, ...] = ()
        self._hidden: dict[str, float] = {}  # notes, by name, that are not shown to runs whose rows began before this
        self._examined: Any = None  # where the run was then
        self._examine_at: float | None = None
        self._silent, self._refused = False, ""
        self.network = network
        self._plan: Plan | None = None
        self._tried_plan: Plan | None = None  # of a target that was asked for last, and may not have been taken
        self._fitting: Any = None  # the parts that were found to fit the input
        self._settings = self._checked(settings)
        self._step: Step | None = None
        self._compiled: Any = None  # the settings' graph that the step is for
        self._tried: Any = None  # the one that was to be compiled last
        self._is_fresh = False  # the step was asked of the cache since the last start
        self._knobs: Knobs | None = None  # None: to be made of the settings
        self._run = self._seed = 0
        self._reel: Reel
        self._front: Batch
        self._changes = Changes()
        self._goal = self._origin = self._until = 0  # iterations: of the Run's end and beginning, of the next stop
        self._ending = Status.FINISHED
        self._tiles: LiveTiles | None = None
        self._branches: dict[str, Branch] = {}
        self._line = Branch("main", "", 0, None)
        self._names: tuple[str, ...] = ("main",)  # of all lines, in the order of their beginning
        self._reels: dict[str, Reel] = {}  # of lines that were left, the last one left at the end
        self._recorded: Recorded | None = None  # the run that is repeated
        self._to_come: tuple[Change, ...] = ()  # what was set in its course, and is still to be set
        self.replayed = 0
        self._at_tiles = False
        self._front_status = Status.READY  # while at the tiles
        self._front_revision = 0
        with self._changed:
            self._start_afresh(Status.READY)

    # --- what a view reads -----------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings

    @property
    def iteration(self) -> int:
        """Iterations made of the picture in front since the last fresh start."""
        return self._front.iteration

    @property
    def goal(self) -> int:
        """The iteration at which the Run ends; 0 before the first Run."""
        return self._goal

    @property
    def front_revision(self) -> int:
        """Rises with every change that is not of the tiles alone: then there is a new :meth:`frame`."""
        return self._front_revision

    def facts(self) -> Facts:
        """Where the run stands, all of it at one moment."""
        with self._changed:
            here = self._run, self._status, self.iteration, self._goal
            tiles = self._tiles_facts()
            error = self._error
            if tiles and self._at_tiles:  # what the picture in front failed for is told when the run is back at it
                error = tiles.error if self._status is Status.FAILED else ""
            at = self._note, tiles, self._at_tiles
            return Facts(*here, self._stale, self._preparing, error, *at, self._lines(), self._shown_notes())

    def _tiles_facts(self) -> TilesFacts | None:
        if self._tiles is None:
            return None
        return self._tiles.facts(self._status if self._at_tiles else Status.PAUSED, self._settings)

    @property
    def loss_names(self) -> tuple[str, ...]:
        """Names of the losses, in the order of a row's columns; the total comes after them."""
        return self._front.names

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what is measured beside the losses: the columns of a row after the total."""
        return self._front.measures

    @property
    def image(self) -> np.ndarray:
        """The picture in front as the network saw it last, (H, W, C) float32; at first the starting picture."""
        with self._changed:
            return self.network.layout.as_shown(self._front.pictures[0])

    @property
    def history(self) -> History:
        """Every iteration's losses of the picture in front since the last fresh start."""
        with self._changed:
            return self._front.history()

    @property
    def tiles(self) -> TilePictures | None:
        """The tiles begun so far as the network saw them last, their losses, what they differ in; None without any."""
        with self._changed:
            return self._tiles.pictures() if self._tiles else None

    def sheet(self) -> Sheet | None:
        """The tiles begun so far with all that makes them, of one moment; None without any."""
        model = fingerprint(self.network)  # outside of the lock, as it looks at all weights
        with self._changed:
            return self._tiles.sheet(model) if self._tiles else None

    def tiles_between(self, first: int, end: int, number: int | None = None) -> np.ndarray:
        """The tiles begun from position ``first`` to before ``end``, (n, H, W, C) float32.

        Args:
            first: a position.
            end: another one.
            number: of the tiles that are meant: if others have taken their place meanwhile, there are none.
        """
        with self._changed:
            tiles = self._tiles if self._tiles and number in {None, self._tiles.number} else None
            return tiles.between(first, end) if tiles else np.empty((0, *self.image.shape), np.float32)

    def tiles_shown(self, first: int, end: int, number: int) -> tuple[np.ndarray, list[float | None]]:
        """The same, and the newest activation of each, of one moment; None where there is none."""
        with self._changed:
            pictures = self.tiles_between(first, end, number)
            end = first + len(pictures)
            return pictures, self._tiles.activations(first, end) if self._tiles else []

    @property
    def traces(self) -> int:
        """How often the step of the layer run last was compiled."""
        return self._step.traces if self._step else 0

    def frame(self, run: int = -1, first: int = 0, *, best: bool = False) -> Frame:
        """What a view needs that has seen ``first`` rows of ``run``: all rows if that is not the present run.

        Args:
            run: number of the run that it has seen.
            first: rows of it.
            best: give the picture of the lowest total so far in place of the newest one, as :attr:`Film.best` says.
        """
        with self._changed:
            first = first if run == self._run and first <= self.iteration else 0
            rows = self._front.rows(first)[:, 0]
            far = self._run, self.iteration, self._goal
            number, image = self._front.best() if best else (None, self._front.pictures[0])
            shown = self.network.layout.as_shown(image)
            return Frame(*far, shown, first, rows, self._pace.rate, *self._front_target, number)

    @property
    def notes(self) -> tuple[Note, ...]:
        """What went wrong with the picture in front, or is odd about it, those that were dismissed too."""
        return self._notes

    @property
    def changes(self) -> Changes:
        """What the picture in front began with, and what was set since."""
        with self._changed:
            return Changes(self._changes, self.iteration) if self._changes else self._changes

    @property
    def to_repeat(self) -> tuple[Changes, int] | None:
        """The changes of a recorded run that a start will repeat from the beginning, and how far it came."""
        with self._changed:
            recorded = self._recorded if not self.iteration else None
            return (recorded.changes, recorded.iteration) if recorded else None

    def checkpoint(self) -> Checkpoint:
        """What the picture in front is made of at this moment, with all that its next step needs."""
        model = fingerprint(self.network)  # outside of the lock, as it looks at all weights
        with self._changed:
            settings, goal, changes = self._settings_in_front, self._goal_of_knobs, self._changes
            return keeping.kept(self.network, self._front, settings, changes, seed=self._seed, goal=goal, model=model)

    def in_front(self) -> tuple[Settings, int]:
        """The settings of the picture in front, which may be behind those set, and the random state of its start."""
        with self._changed:
            return self._settings_in_front, self._seed

    def film(self) -> Film:
        """Pictures and checkpoints of the picture in front, up to this moment."""
        model = fingerprint(self.network)  # as above
        with self._changed:
            settings, goal, changes = self._settings_in_front, self._goal_of_knobs, self._changes
            return self._reel.film(self._front, settings, changes, seed=self._seed, goal=goal, model=model)

    def film_pictures(self) -> tuple[int, dict[int, np.ndarray]]:
        """The number of the run, and the pictures that are kept of it, by iteration: see :meth:`Reel.pictures`.

        For whoever looks at it again and again: a :meth:`film` converts each state that is kept, 30 ms for photographs.
        """
        with self._changed:
            return self._run, self._reel.pictures(self._front)

    @property
    def branches(self) -> dict[str, Branch]:
        """The lines of this run that were left, and the one in front, by name, in the order of their beginning."""
        with self._changed:
            found = {**self._branches, self._line.name: self._line._replace(checkpoint=self.checkpoint())}
            return {name: found[name] for name in self._names}

    @property
    def left_lines(self) -> list[Branch]:
        """The lines of this run that were left, in the order of their beginning, each with its end."""
        with self._changed:
            return [self._branches[name] for name in self._names if name in self._branches]

    # --- what another run goes along with: without the lock, as whoever asks may hold another one -------------------

    @property
    def number(self) -> int:
        """Another one for each fresh start, and after something was gone back to."""
        return self._run

    @property
    def front_is_busy(self) -> bool:
        """Whether the picture in front is being made."""
        return self._front_is_busy

    @property
    def is_at_rest(self) -> bool:
        """Whether it has stopped, and no call is in hand that will still add to it."""
        return not self._status.busy and (self._preparing or not self._working)

    @property
    def is_at_tiles(self) -> bool:
        """Whether its status is the tiles'."""
        return self._at_tiles

    @property
    def is_stale(self) -> bool:
        """Whether the next start is a fresh one, as the target was changed."""
        return self._stale

    @property
    def heads_for_goal(self) -> bool:
        """Whether it was started to run until the goal, and not for some steps."""
        return self._ending is Status.FINISHED

    @property
    def until(self) -> int:
        """The iteration at which it will stop."""
        return self._until

    @property
    def steps_in_frame(self) -> int:
        """How many steps fill about one frame, by its pace so far."""
        return self._pace.steps(2**20, self._limit())

    @property
    def follows(self) -> bool:
        """Whether it goes along with another one."""
        return self._leash is not None

    def follow(self, leash: Callable[[int], int], told: Callable[[], None]) -> Callable[[], None]:
        """Make no more steps than another one allows.

        Args:
            leash: called, with the lock held, with the present iteration; tells how many more may be made, 0: wait. It
                must not wait for anything. :meth:`loosen` has it asked again.
            told: called after each change, as ``notify`` is.

        Returns:
            A function that ends it.

        Raises:
            RuntimeError: it follows another one already.
        """
        if self._leash is not None:
            message = "This run goes along with another one already."
            raise RuntimeError(message)
        notify = self._notify

        def both() -> None:
            notify()
            told()

        def end() -> None:
            with self._changed:
                self._leash, self._notify = None, notify
            self.loosen()

        with self._changed:
            self._leash, self._notify = leash, both
        return end

    def loosen(self) -> None:
        """Ask the leash again, if it waits for that."""
        with self._changed:
            self._changed.notify_all()

    @property
    def _is_held(self) -> bool:
        return self._leash is not None and self._leash(self.iteration) <= 0

    # --- commands: all return at once ------------------------------------------------------------------------------

    def start(self) -> None:
        """Run until the goal: from the present iteration, or afresh if the target was changed. Running: nothing."""
        with self._changed:
            if self._front_is_busy:
                return
            self._leave_tiles()
            if self._stale:
                self._start_afresh(Status.READY)
            if self._recorded and self.iteration < self._recorded.iteration:
                end = self._recorded.iteration
                self._go(end, Status.FINISHED if end >= self._recorded.changes[-1].goal else Status.PAUSED)
                self._notify()
                return
            if self.iteration >= self._goal:
                # Single steps beyond the last goal count towards the next one.
                self._origin = self._goal if self.iteration < self._goal + self._settings.max_iter else self.iteration
                self._goal = self._origin + self._settings.max_iter
                self._knobs = None
            self._go(self._goal, Status.FINISHED)
        self._notify()

    def step(self, n: int = 1) -> bool:
        """Make exactly ``n`` iterations, then pause. Running: nothing.

        Returns:
            Whether they are made.

        Raises:
            ValueError, TypeError: ``n`` is not an integer >= 1.
        """
        n = check_integer("n", n, least=1, advice="Pass e.g. step(1).")
        with self._changed:
            if self._front_is_busy:
                return False
            self._leave_tiles()
            if self._stale:
                self._start_afresh(Status.READY)
            self._go(self.iteration + n, Status.PAUSED)
        self._notify()
        return True

    def reset(self) -> None:
        """Stop, and go back to the starting picture and an empty history. Tiles that are being made go on."""
        with self._changed:
            self._leave_tiles(unless_made=True)
            self._error = ""
            recorded = self._recorded
            if recorded:
                self._settings = self._at_present_speed(recorded.changes[0].settings)
            self._start_afresh(Status.READY)
            if recorded:
                self._begin_again(recorded)
        self._notify()

    def repeat(self, changes: Changes, iteration: int) -> None:
        """Set in the course of the next Run what was set in a recorded one, each at its iteration.

        A Run then ends where the recorded one did, and goes on from there as ever; a Reset begins it again. It is over
        as soon as anything but the speed is set otherwise, which the facts say.

        Args:
            changes: of the recorded run, from its beginning; its first settings are in force, and nothing is made yet.
            iteration: how far it came; 0: nothing is repeated.

        Raises:
            ValueError, TypeError: changes that are not those of a run of this network.
        """
        changes = check_changes(changes)
        with self._changed:
            for change in changes[1:]:
                self._checked(change.settings)
            self._begin_again(Recorded(changes, iteration))
        self._notify()

    def make_tiles(self, filters: Any = None) -> None:
        """Make a picture of each of some filters of the layer, with the present settings; all if None.

        Raises:
            ValueError, TypeError: filters that the layer does not have.
        """
        settings = self._settings
        if settings.objective is not None:
            advice = "Set objective=None to make the filters of a layer."
            raise invalid("objective", "None, as these tiles are of a layer", settings.objective, advice)
        target = self.network.find(settings.layer)
        chosen = graph.check_filters(filters, target.filters, target.name)
        varied = [{varying.FILTERS: index} for index in chosen]
        vary = {varying.FILTERS: chosen}
        self._begin_tiles(LiveTiles(self.network, settings, varied, Pace(self._pace.clock), vary=vary))

    def make_varied_tiles(self, vary: Any, labels: Labels | None = None) -> None:
        """Make pictures that differ in filters, seeds or numbers, else with the present settings.

        Args:
            vary: name -> values, see :func:`~actmax_widget.varying.grid`.
            labels: by which filters may be named.

        Raises:
            ValueError, TypeError: no such name, or bad values; nothing is changed.
        """
        settings = self._settings
        asked = varying.listed(vary)
        own, pace = varying.grid(settings, asked), Pace(self._pace.clock)
        self._begin_tiles(LiveTiles(self.network, settings, own, pace, vary=asked, alike=True, labels=labels))

    def _begin_tiles(self, tiles: LiveTiles) -> None:
        with self._changed:
            self._leave_tiles()
            self._tiles = tiles
            self._take_up_tiles()
        self._notify()

    def resume_tiles(self) -> None:
        """Go on with the tiles until all are finished. There are none, or all are finished: nothing."""
        with self._changed:
            running = self._at_tiles and self._status.busy
            if self._tiles is not None and self._tiles.ended is not Status.FINISHED and not running:
                self._take_up_tiles()
        self._notify()

    def pause_tiles(self) -> None:
        """Stop the tiles after the step in hand. The run is not at them: nothing."""
        if self._at_tiles:
            self.pause()

    def close_tiles(self) -> None:
        """Forget the tiles."""
        with self._changed:
            self._leave_tiles()
            self._tiles = None
            self._touch()
        self._notify()

    def open_tile(self, which: int) -> None:
        """Take a tile to the front, with its losses and all that its next step needs.

        What is maximised, what tiles differ in, and the numbers of the parametrization are the tile's; the other
        settings stay. Tiles that are being made go on, until the run is started.

        Args:
            which: the filter, where tiles differ by that alone; else the position.

        Raises:
            ValueError: there is no such tile, or it is not begun.
        """
        with self._changed:  # or others may take their place in between
            tiles = self._tiles
            filters = tiles.filters if tiles else ()
            known = not filters or which in filters
            if known and self._open(filters.index(which) if filters else which):
                return
        if filters or tiles is None:
            raise invalid("filter", "a filter with a picture", which, "Press All filters first.")
        raise invalid("tile", "the position of a tile with a picture, from 0", which, "See widget.tiles.varied.")

    def open_tile_at(self, position: int) -> None:
        """The same for the tile at a position."""
        if not self._open(position):
            advice = "Click one that has begun." if self._tiles else "Press All filters or Vary first."
            raise invalid("tile", "the position of a tile with a picture", position, advice)

    def _open(self, position: Any) -> bool:
        """Whether there was such a tile."""
        with self._changed:
            is_whole = isinstance(position, int | np.integer)
            opened = self._tiles.alone(int(position)) if self._tiles and is_whole else None
            if opened is None:
                return False
            made, goal = opened.settings, opened.settings.max_iter
            settings = self._checked(self._with_own_of(opened))
            self._leave_tiles(unless_made=True)
            self._settings, self._error = settings, ""
            self._start_afresh(Status.FINISHED if opened.batch.iteration >= goal else Status.PAUSED, opened.batch)
            self._goal, self._seed = goal, opened.seed
            self._changes = Changes().then(0, made.changed(seed=opened.seed), goal)
            self._touch()
        self._notify()
        return True

    def _with_own_of(self, opened: Opened) -> Settings:
        """The present settings with what a tile is made of."""
        now, made = self._settings, opened.settings
        declared = parameters_of(Settings)
        names = [name for name in OF_RUN if made.objective is None or name not in OF_TARGET]
        names += ["seed", *(name for name in opened.names if name in declared)]
        names += made.families(opened.names)  # whose parts may have gone meanwhile
        own = {name: getattr(made, name) for name in names if differ(getattr(made, name), getattr(now, name))}
        knobs = {name: value for name, value in made.knobs.items() if made.is_of_parametrization(name)}
        addressed = {name: made.values()[name] for name in opened.names if name not in declared}
        return now.changed(**own, knobs=knobs | addressed)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take a checkpoint's picture to the front, with its settings, losses and all that its next step needs.

        What was in front is kept as a branch.

        Raises:
            ValueError, TypeError: it is damaged, or of another model; nothing is changed.
        """
        checkpoint = check_checkpoint("checkpoint", checkpoint)
        with self._changed:
            left = self.branches if self.iteration else {}
            known = [one for one in left.values() if one.checkpoint.is_of_same_moment(checkpoint)]
            # All weights are looked at for it: not twice.
            self._go_back_to(checkpoint, model=left[self._line.name].checkpoint.model if left else "")
            line = known[0] if known else Branch(_free(left) if left else "main", "", 0, None)
            self._names = (*left, *([] if line.name in left else [line.name]))
            self._branches = {name: one for name, one in left.items() if name != line.name}
            self._line = line
        self._notify()

    def rewind(self, iteration: int) -> int:
        """Stop, and go back to the checkpoint that is nearest to an iteration, with the settings of then.

        Returns:
            The iteration that it went back to.

        Raises:
            ValueError, TypeError, IndexError: an iteration that was not made.
        """
        checkpoint = _nearest(self.film(), iteration)
        with self._changed:
            self._rewind_to(checkpoint, iteration, self._reel)
            self._reel.until(checkpoint.iteration)
        self._notify()
        return checkpoint.iteration

    def branch(self, iteration: int, name: str | None = None, **changes: Any) -> str:
        """Go back as :meth:`rewind` does, on a line of its own with some other settings; the old line is kept.

        Returns:
            The name of the new line.

        Raises:
            ValueError, TypeError: an iteration that was not made, a bad setting, one that begins a run afresh, or a
                name that there is; nothing is changed.
        """
        with self._changed:
            before = {*self._branches, self._line.name}
            name = _free(before) if name is None else name
            if not isinstance(name, str) or not name or name in before:
                raise invalid("name", "a name that no other branch has", name, f"Taken are {sorted(before)}.")
            # They change what held then, and are checked before anything is left.
            film = self.film()
            old, checkpoint = film.checkpoints[-1], _nearest(film, iteration)
            of_then = checkpoint.settings
            then = self._checked(of_then.changed(**presets.with_preset(changes, of_then, self.network)))
            for one, value in changes.items():
                declared = parameters_of(Settings).get(one)
                starts = declared is not None and START in declared.takes_effect and one != "input_range"
                if starts or (then.target() != of_then.target() and one in {*OF_RUN, "preset"}):
                    advice = "Begin afresh with it: set it, and press Run."
                    raise invalid(one, "a setting that does not begin a run afresh", value, advice)
            reel = self._reel
            self._rewind_to(checkpoint, iteration, reel.parted(checkpoint.iteration))
            self._leave_line(self._line._replace(checkpoint=old), reel)
            self._line = Branch(name, self._line.name, checkpoint.iteration, None)
            self._names = (*self._names, name)
            if changes:
                self.update(**changes)
        self._notify()
        return name

    def open_branch(self, name: str) -> None:
        """Stop, and go back to a line that was left, to where it was then; the present one is kept. In front: nothing.

        Raises:
            ValueError, TypeError: there is no such line.
        """
        with self._changed:
            line = self._branches.get(name) if isinstance(name, str) else None
            if line is None and name != self._line.name:
                raise invalid("name", "a branch of this run", name, f"There are {[*self._names]}.")
            if line is not None:
                present = self._line._replace(checkpoint=self.checkpoint())
                left = self._reel
                self._rewind_to(line.checkpoint, line.checkpoint.iteration, self._reels.get(name))
                self._reels.pop(name, None)
                del self._branches[name]
                self._leave_line(present, left)
                self._line = line._replace(checkpoint=None)
        self._notify()

    def update(self, **changes: Any) -> Settings:
        """Change settings, see :class:`~actmax_widget.settings.Settings`; most take effect at the next step.

        Another target restarts a running optimization at once. If it is not running, picture and history stay until the
        next start. If only the layer is changed and has no such filter, its filter 0 is chosen. Tiles keep the settings
        that they were begun with.

        Returns:
            The settings now in force.

        Raises:
            ValueError, TypeError: for a bad value; nothing is changed.
        """
        with self._changed:
            new = self.preview(**changes)
            old, self._settings = self._settings, new
            recorded = self._recorded
            self._knobs = None
            if self._front_is_busy:
                self._stop.set(True)  # the call in hand ends, the next one takes the new numbers
            if new.target() != old.target():
                self._retarget()
            elif new.start() != old.start() and not self.iteration and not self._front_is_busy:
                self._start_afresh(self._status_in_front)
            if new.max_iter != old.max_iter and self._goal:
                self._goal = self._origin + new.max_iter
                self._until = self._goal if self._ending is Status.FINISHED else self._until
            if recorded is not None and {*differences(old, new)} - {"steps_per_second", "seed_fit"}:
                self._leave_recorded(recorded)
            self._touch()
        self._notify()
        return new

    def dismiss_note(self, name: str, *, applied: bool = False) -> None:
        """Do not show a note again in this run; where its remedy was ``applied``, not until there are rows of it.

        Raises:
            ValueError: there is no such note.
        """
        with self._changed:
            self.note(name)
            self._hidden[name] = self.iteration if applied else np.inf
            self._touch()
        self._notify()

    def note(self, name: str) -> Note:
        """The note of a name; raises a ValueError if there is none."""
        found = [one for one in self._notes if one.name == name]
        if not found:
            advice = f"There are {[one.name for one in self._notes]}."
            raise invalid("name", "the name of a note of this run", name, advice)
        return found[0]

    def defaults(self, **given: Any) -> Settings:
        """The settings as the present preset has them; see :func:`actmax_widget.presets.defaults`."""
        return presets.defaults(self._settings, self.network, **given)

    def preview(self, **changes: Any) -> Settings:
        """The settings that :meth:`update` would put in force. Raises what it would raise; changes nothing."""
        changes = presets.with_preset(changes, self._settings, self.network)
        try:
            return self._checked(self._settings.changed(**changes))
        except ValueError:
            if "layer" not in changes or "filter_indices" in changes or self._settings.filter_indices is None:
                raise
            return self._checked(self._settings.changed(**changes, filter_indices=(0,)))

    def prepare(self) -> None:
        """Compile the step for the present target in the background, so that a start finds it ready."""
        with self._changed:
            if self._tried != self._settings.graph():
                self._preparing |= not self._working
                self._begin()
        self._notify()

    # --- the thread ------------------------------------------------------------------------------------------------

    def _turn(self) -> float | None:
        """Compile if needed, then make as many steps as fill about one frame."""
        while True:
            # All that a call needs is taken at one moment. Whatever is commanded from then on has the stop flag to end
            # the call in hand, or a number to have what it brings back dropped, and is seen in the next turn.
            with self._changed:
                self._take_what_is_due()
                settings, plan = self._settings, self._plan
                graph = settings.graph()
                if self._front_is_busy and self._is_fresh and self._compiled == graph:
                    if self.iteration >= self._until:  # the goal was set to what is made already
                        self._halt(self._ending)
                        continue
                    if self._is_held:
                        return LOOK_SECONDS
                    work = functools.partial(self._carry_out, *self._next_call())
                    break
                rests = not self._front_is_busy and self._tried == graph
                examine = rests and self.iteration > 0 and self._examined != self._place()
                if rests and not examine:
                    if self._tiles is None or not self._status.busy:
                        if self._status_in_front is not Status.PAUSED:
                            self._listeners.finish()
                        self._rest()
                        return None
                    self._stop.set(False)
                    work = functools.partial(self._carry_out_tiles, self._tiles)
                    break
                if not rests:
                    self._note_compiling(graph)
            # Both outside of the lock, as they take long; the layer may be changed meanwhile.
            if examine:
                self._examine(settled=True)
            else:
                self._compile(plan, settings)
        return work()

    def _note_compiling(self, graph: Any) -> None:
        # Noted before it is tried: what cannot be compiled is tried again by a start, and not for ever.
        self._tried = graph
        self._preparing = not self._front_is_busy
        if self._front_is_busy and self._compiled != graph:
            self._set_status(Status.COMPILING)

    def _compile(self, plan: Plan | None, settings: Settings) -> None:
        assert plan is not None  # noqa: S101 - for mypy: there is one since the settings were checked
        step = plan.step(settings)
        if self._preparing and not step.is_compiled():
            # The first step does it, and makes what TensorFlow puts off until then. Of a start of its own, as what is
            # in front may still be the old target's.
            self._made(self._run, step, plan.start(settings, 0), plan.knobs(settings, step, 0, goal=1), 1)
        with self._changed:
            self._step, self._compiled, self._is_fresh = step, settings.graph(), True
            self._preparing = False
            self._touch()

    def _next_call(self) -> tuple[int, Step, State, Knobs, int, int]:
        step, plan = self._step, self._plan
        assert step is not None and plan is not None  # noqa: S101, PT018 - for mypy: it was just compiled
        if self._knobs is None:
            goal = self._goal_of_knobs
            self._knobs = plan.knobs(self._settings, step, self._seed, goal=goal)
            if self._changes or not self.iteration:  # else nobody knows how it began
                settings = self._settings if self._changes else self._settings.changed(seed=self._seed)
                self._changes = self._changes.then(self.iteration, settings, goal, always=self._has_failed)
            self._reel.head_for(goal)
        compiled = step.is_compiled()
        status = Status.RUNNING if compiled else Status.COMPILING
        if status is not self._status:
            self._set_status(status)
        one = not compiled or self._listeners  # which are told of each
        ends = [self._until, *(change.iteration for change in self._to_come[:1])]
        most = min(ends) - self.iteration
        if self._leash is not None:
            most = max(1, min(most, self._leash(self.iteration)))
        n = 1 if one else self._pace.steps(most, self._limit())
        self._stop.set(False)
        return self._run, step, self._front.state, self._knobs, n, self._reel.every

    def _carry_out(self, run: int, step: Step, state: State, knobs: Knobs, n: int, every: int) -> float:
        compiled, begin = step.is_compiled(), self._pace.clock()
        state, steps = self._made(run, step, state, knobs, n, self._stop, every)
        with self._changed:
            if run != self._run:
                return 0.0  # another run has begun: these are no rows of it
            if len(steps.losses) and compiled:  # the time of a call that compiled says nothing about a step's
                self._pace.measured(begin, len(steps.losses), self._limit())
            iteration, names = self._front.iteration, self._front.names
            self._front.take(state, steps)
            self._settle(steps.losses[:, 0], step)
            self._reel.take(self._front, self._settings.input_range, steps.passed)  # what it can go on from
            delay = self._pace.delay() if self._status.busy else 0.0
        # Outside of the lock, as it waits for a callback that is far behind.
        if self._listeners and len(steps.losses):
            *losses, total = steps.losses[-1, 0]
            named = list(zip(names, losses, strict=True))
            self._listeners.tell(run, iteration, named, total, to_numpy(steps.grads), to_numpy(steps.wrt_value))
        self._look_for_silence(run, step, state, knobs)
        self._examine_at = begin + EXAMINE_SECONDS if self._examine_at is None else self._examine_at
        if begin >= self._examine_at:
            self._examine(settled=False)
            self._examine_at = begin + EXAMINE_SECONDS
        return delay

    def _place(self) -> Any:
        """Where the run is, as far as its notes depend on it."""
        place = self._run, self.iteration, self._status_in_front, self._silent, self._refused, len(self._changes)
        return *place, self._found_out

    def _examine(self, *, settled: bool) -> None:
        """Note what went wrong. While it runs a note that stands keeps its words, or they would never be read."""
        with self._changed:
            run, place, before = self._run, self._place(), self._notes
            # Those that the rows were made with: what was set since has made none yet.
            plan, settings = self._plan, self._changes[-1].settings if self._changes else self._settings_in_front
            if plan is None or plan.target != settings.target():
                plan = self._plan_for(settings)
            if self._doctor is None or self._doctor[0] is not plan:
                self._doctor = plan, Doctor(plan, self.labels)
            doctor = self._doctor[1]
            over = self._status_in_front is Status.FINISHED and self.iteration >= self._goal > 0
            states = {"is_over": over, "rests": settled, "asks": settled}
            wrong = {"silent": self._silent, "refused": self._refused}
            layers = self._step.objective.layers if self._step else ()
            kept = self._reel.pictures(self._front)
            case = doctor.look(self._front, settings, self._changes, kept, **states, **wrong, layers=layers)
        # Outside of the lock, as it may ask the network.
        known = self.references(settings) if settled else None
        notes = doctor.notes(dataclasses.replace(case, references=known))
        if not settled:
            standing = {one.name: one for one in before}
            notes = tuple(standing.get(one.name, one) for one in notes)
        with self._changed:
            if run == self._run:
                self._examined = place if settled else self._examined
                self._rows_from = case.before
                if notes != self._notes:
                    self._notes = notes
                    self._touch()

    def examine_again(self) -> None:
        """More is known of real pictures: look at the run once more, if it has come to rest."""
        with self._changed:
            self._found_out += 1
            self._begin()

    def _made(self, run: int, step: Step, state: State, knobs: Knobs, *how: Any) -> tuple[State, Steps]:
        """Make steps. Where no gradient is, a started run notes what its start measures: that is all there will be."""
        try:
            return step.run(state, knobs, *how)
        except diagnosis.NoGradientError as error:
            row = step.objective.losses_at(state.measured, knobs.weights, knobs.losses).numpy()
            with self._changed:
                if run == self._run and self._front_is_busy and not self.iteration:
                    self._front.add_rows(row[None])
                    self._refused = str(error)
            raise

    def _end_for_callback(self, run: int, error: str) -> None:
        """A callback had enough of a run, or failed."""
        with self._changed:
            if run != self._run:
                return
            if error:
                self._error = error
                self._end_front(Status.FAILED)
            elif self._front_is_busy:
                self._note = "A callback ended the run."  # the call in hand may bring one more
                self._end_front(Status.FINISHED)
        self._notify()

    def _look_for_silence(self, run: int, step: Step, state: State, knobs: Knobs) -> None:
        """When a run ends, note it if no gradient ever reached the picture: nothing was excited in all that time."""
        with self._changed:
            ended = self._status_in_front in {Status.PAUSED, Status.FINISHED}
            if not ended or not self._still(step.objective.excites):
                return
            layer, plan = self._settings.layer, self._plan
            what = diagnosis.filters_of(self._settings.filter_indices or (None,), layer)
            if plan is not None and not plan.of_layer:
                what = diagnosis.subject(loss for loss in plan.losses if not isinstance(loss, Regularizer))
        silent = step.silent(state, knobs)[0]  # outside of the lock, as it takes a step
        with self._changed:
            if silent and run == self._run and not self._front_is_busy:
                looked_at = [self.network.find(layer).layer] if plan is None or plan.of_layer else plan.layers
                self._note = diagnosis.silent(what, self.iteration, looked_at)
                self._silent = True
                self._touch()

    def _still(self, columns: np.ndarray) -> bool:
        """Whether losses never changed in this run; of those that did, a look at the first and the last row tells."""
        if self.iteration < 2:
            return False
        ends = np.concatenate([self._front.losses(0, 1)[:, 0], self._front.losses(self.iteration - 1)[:, 0]])
        return bool(diagnosis.unchanged(ends, columns) and diagnosis.unchanged(self._front.losses()[:, 0], columns))

    def _settle(self, rows: np.ndarray, step: Step) -> None:
        """Take the status that follows from what was just computed."""
        failed = len(rows) > 0 and not np.isfinite(rows[-1, -1])
        if failed:
            # The picture itself may be NaN by now; going on means from the last good one, which a replay has to do too.
            self._front.go_back()
            self._knobs = None
        if failed and not (self._to_come and self.iteration >= self._to_come[0].iteration):
            total = f"The total loss of iteration {self.iteration} is {rows[-1, -1]}"
            advice = "The last good picture is kept. Lower the learning rate or a weight and run on, or reset."
            self._error = diagnosis.not_finite(total, step.objective.layers, advice)
            self._end_front(Status.FAILED)
        elif self._front_is_busy and self.iteration >= self._until:
            self._halt(self._ending)
        self._touch()

    def _carry_out_tiles(self, tiles: LiveTiles) -> float:
        made, failure = None, ""
        try:
            if tiles.is_compiled:
                made = tiles.compute(self._stop)
            else:
                tiles.compile()
        except BaseException as error:  # noqa: BLE001 - as in Worker.advance; the picture in front is well
            failure = reason(error)
        with self._changed:
            # Taken in any case: a pause ends the call in hand, and what it made counts. If others have taken their
            # place, nobody sees it.
            if made is not None:
                tiles.take(made)
            if failure:
                tiles.fail(failure)
            if tiles is self._tiles and self._at_tiles and (tiles.ended or self._status.busy):
                self._status = tiles.ended or Status.RUNNING  # an end, even if a pause came meanwhile
            super()._touch()
        return 0.0

    def _fail(self, error: str) -> None:
        with self._changed:
            if self._tiles is not None and self._at_tiles and self._status.busy and not self._working:
                self._tiles.fail(error)  # they were to be made, and no thread was to be had
                self._halt(Status.FAILED)
            else:
                self._error = error
                self._end_front(Status.FAILED)

    def _sleep(self, seconds: float) -> None:
        """Wait for the next step's time, but not through a pause, a restart, or anything that was set."""
        limit, end = self._limit(), self._pace.clock() + seconds
        with self._changed:
            if self._is_held:
                self._changed.wait_for(lambda: not (self._front_is_busy and self._is_held), seconds or LOOK_SECONDS)
                return
            # The knobs are of the call just made: whatever was set since, before this waits too, took them away.
            while self._front_is_busy and self._knobs is not None and self._limit() == limit:
                left = end - self._pace.clock()
                if left <= 0:
                    break
                self._changed.wait(min(left, LOOK_SECONDS))

    # --- with the lock held ----------------------------------------------------------------------------------------

    # Growing tiles change nothing in front: a frame with each of their calls would fill the window of the stream.
    def _touch(self) -> None:
        self._front_revision += 1
        super()._touch()

    @property
    def _front_is_busy(self) -> bool:
        return self._status.busy and not self._at_tiles

    @property
    def _settings_in_front(self) -> Settings:
        """Those of the picture; what was set last may be for the next one."""
        return self._changes[-1].settings if self._stale and self._changes else self._settings

    @property
    def _has_failed(self) -> bool:
        """Whether the last loss was not finite."""
        return self.iteration > 0 and not np.isfinite(self._front.losses(self.iteration - 1)[0, 0, -1])

    @property
    def _goal_of_knobs(self) -> int:
        """What numbers that change over a run follow: whoever makes single steps before any Run heads for one, too."""
        return self._goal or self._settings.max_iter

    @property
    def _status_in_front(self) -> Status:
        return self._front_status if self._at_tiles else self._status

    def _go(self, until: int, ending: Status) -> None:
        self._until, self._ending, self._error, self._note = until, ending, "", ""
        self._pace.begin()
        self._silent, self._examine_at = False, None
        self._is_fresh = self._preparing = False  # the model's layers may have been changed since the last start
        self._set_status(Status.RUNNING if self._compiled == self._settings.graph() else Status.COMPILING)
        self._begin()

    def _start_afresh(self, status: Status, front: Batch | None = None) -> None:
        """Begin another run with the present settings: at iteration 0, or with a picture that was made elsewhere."""
        self._run += 1
        self._note = self._refused = ""
        self._notes, self._hidden, self._examined, self._silent = (), {}, None, False
        self._rows_from = 0
        self._stale = False
        self._knobs = None
        self._goal = self._origin = self._until = 0
        self._ending = Status.FINISHED
        self._plan = self._plan_for(self._settings)
        self._seed = random_state(self._settings)
        self._changes = Changes()
        self._branches, self._line = {}, Branch("main", "", 0, None)  # they were of the run before
        self._names, self._reels = ("main",), {}
        self._recorded, self._to_come = None, ()
        self._front = self._plan.batch(self._plan.start(self._settings, self._seed)) if front is None else front
        end = self._front.iteration + self._settings.max_iter
        self._reel = Reel(self.network, self._front, end, self._settings.input_range)
        self._front_target = self._settings.layer, self._settings.filter_indices
        if self._at_tiles:
            self._front_status = status
            self._touch()
        else:
            self._stop.set(True)
            self._set_status(status)
        if front is not None and self._tried == self._settings.graph():
            self._begin()  # it is examined

    def _shown_notes(self) -> tuple[Note, ...]:
        hidden = {name for name, since in self._hidden.items() if self._rows_from < since or self.iteration <= since}
        return tuple(one for one in self._notes if one.name not in hidden)

    def _begin_again(self, recorded: Recorded) -> None:
        """Have a recorded run repeated: its first settings are in force."""
        if not recorded.iteration:
            return
        self._recorded, self._to_come = recorded, (*recorded.changes[1:],)
        self._goal, self._knobs = recorded.changes[0].goal, None
        self._origin = max(0, self._goal - self._settings.max_iter)
        self.replayed += 1
        self._touch()

    def _take_what_is_due(self) -> None:
        """Put the settings in force that the recorded run had from this iteration on."""
        while self._front_is_busy and self._to_come and self.iteration >= self._to_come[0].iteration:
            change, *rest = self._to_come
            self._to_come = (*rest,)
            self._settings = self._at_present_speed(change.settings)
            self._plan = self._plan_for(self._settings)
            self._goal, self._knobs = change.goal, None
            self._origin = max(0, change.goal - change.settings.max_iter)
            self.replayed += 1
            self._touch()

    def _leave_recorded(self, recorded: Recorded) -> None:
        """Something was set otherwise: from here on this is another run."""
        self._recorded, self._to_come = None, ()
        if self.iteration >= recorded.iteration:
            return  # it was repeated to its end
        self._note = f"Set otherwise at iteration {self.iteration}: from there on this is not the recorded run."
        if self._front_is_busy and self._ending is not Status.PAUSED:
            self._until = max(self._goal, self.iteration + 1)

    def _at_present_speed(self, settings: Settings) -> Settings:
        """What was recorded says nothing of the eyes that look on now."""
        return settings.changed(steps_per_second=self._settings.steps_per_second)

    def _rewind_to(self, checkpoint: Checkpoint, iteration: int, reel: Reel | None) -> None:
        """Go back within this run: its lines stay, and so does the film; without one another begins."""
        lines = self._branches, self._line, self._names, self._reels, self._hidden
        target = self._settings.target()
        self._go_back_to(checkpoint)
        if reel is not None:
            self._reel = reel
        self._branches, self._line, self._names, self._reels, self._hidden = lines
        notes = []
        if checkpoint.iteration != iteration:
            notes.append(f"Of iteration {iteration} no state was kept: this is {checkpoint.iteration}, the nearest.")
        if self._settings.target() != target:
            notes.append("The target is that of then again.")
        self._note = " ".join(notes)
        self._touch()

    def _leave_line(self, line: Branch, reel: Reel) -> None:
        """Keep a line with its film, and of those left before it a few films."""
        self._branches = {**self._branches, line.name: line}
        self._reels = {**self._reels, line.name: reel}
        for name in [*self._reels][:-FILMS]:
            del self._reels[name]

    def _lines(self) -> tuple[Line, ...]:
        if not self._branches:
            return ()
        all_of_them = {**self._branches, self._line.name: self._line}
        found = [all_of_them[name] for name in self._names]
        return tuple(Line(*one[:3], one.checkpoint.iteration if one.checkpoint else None) for one in found)

    def _go_back_to(self, checkpoint: Checkpoint, model: str = "") -> None:
        keeping.check_model(checkpoint, self.network, model)
        settings = self._checked(checkpoint.settings)
        front = keeping.restored(checkpoint, self._plan_for(settings))
        self._leave_tiles(unless_made=True)
        self._settings, self._error = settings, ""
        self._start_afresh(Status.PAUSED if checkpoint.iteration < checkpoint.goal else Status.FINISHED, front)
        self._seed, self._goal, self._changes = checkpoint.seed, checkpoint.goal, checkpoint.changes
        self._origin = max(0, checkpoint.goal - settings.max_iter)
        self._touch()

    def _retarget(self) -> None:
        """Another target: a Run starts afresh at once; otherwise what was computed stays until the next start."""
        self._plan = self._plan_for(self._settings)
        if self._front_is_busy and self._ending is Status.FINISHED:
            self._start_afresh(self._status)
            self._goal = self._until = self._settings.max_iter
        else:
            if self._front_is_busy:  # in a Step, which ends here
                self._halt(Status.PAUSED)
            self._stale = True

    def _end_front(self, status: Status) -> None:
        if self._at_tiles:
            self._front_status = status
        else:
            self._halt(status)

    def _take_up_tiles(self) -> None:
        """Be at the tiles from now on; the picture in front pauses."""
        assert self._tiles is not None  # noqa: S101 - for mypy: whoever calls it has looked
        if not self._at_tiles:
            self._front_status = Status.PAUSED if self._status.busy else self._status
        self._at_tiles = True
        self._tiles.begin()
        self._stop.set(True)
        self._set_status(Status.RUNNING if self._tiles.is_compiled else Status.COMPILING)
        self._begin()

    def _leave_tiles(self, *, unless_made: bool = False) -> None:
        """Be at the picture in front from now on; the tiles pause. Or only if they are not being made."""
        if self._at_tiles and not (unless_made and self._status.busy):
            self._at_tiles = False
            self._halt(self._front_status)

    def _limit(self) -> float | None:
        """Steps per second at the most."""
        return self._settings.steps_per_second if self.watched() else None

    # --- what is set -----------------------------------------------------------------------------------------------

    def _plan_for(self, settings: Settings) -> Plan:
        """The plan of a target; the present one's is kept, so that a slider costs nothing."""
        for plan in (self._plan, self._tried_plan):
            if plan is not None and plan.target == settings.target():
                return plan
        plan = Plan(self.network, settings)
        if not plan.of_layer:
            plan.step(settings)  # what is wrong with a loss is told now; compiling finds it in the cache
        self._tried_plan = plan
        return plan

    def _checked(self, settings: Settings) -> Settings:
        """The settings, if the model has that layer and those filters, and its input that size."""
        self._plan_for(settings)
        parts = (*(getattr(settings, name) for name in OF_STEP), settings.grad_modifier, settings.preprocess)
        if parts != self._fitting:
            try_parts(self.network.input, settings)
            self._fitting = parts
        if settings.seed_input is not None:
            starting_image(self.network.input, settings.seed_input, settings.input_range)
        picture = self.network.input
        side = min((picture.shape[axis] for axis in self.network.layout.spatial), default=np.inf)
        if settings.jitter > side:
            expected = f"at most {side} pixels, the picture's shorter side"
            raise invalid("jitter", expected, settings.jitter, "Pass e.g. jitter=0.05, a fraction of the side.")
        return settings


def _nearest(film: Film, iteration: int) -> Checkpoint:
    """The checkpoint to go back to; raises ValueError, TypeError or IndexError for an iteration that was not made."""
    return film.checkpoint(check_integer("iteration", iteration, least=0, advice="Pass one that was made, or 0."))


def _free(branches: Collection[str]) -> str:
    """A name that no branch has."""
    return next(name for k in range(1, len(branches) + 2) if (name := f"branch {k}") not in branches)


class Past:
    """What is left of a run that nobody holds any more but IPython's history: no network, nothing compiled.

    Args:
        run: the run, which is to be forgotten.
    """

    left_lines: tuple[Branch, ...] = ()
    """None are left."""

    def __init__(self, run: Run) -> None:
        with run._changed:  # noqa: SLF001 - all of one moment
            run.pause()
            run.close_tiles()  # what is left is the picture in front, with its own status
            self.settings, self.loss_names, self.measures = run.settings, run.loss_names, run.measures
            self.image, self.history, self.notes = run.image, run.history, run.notes
            self._facts = run.facts()
            self._in_front = run.in_front()
            self._frame = run.frame()
        self.status, self.revision, self.front_revision, self.tiles = self._facts.status, 0, 0, None
        self.replayed = run.replayed

    def facts(self) -> Facts:
        """Where it stood."""
        return self._facts

    def frame(self, run: int = -1, first: int = 0, *, best: bool = False) -> Frame:
        """As of a run: the thread that sends may be at it while the run is let go of. No best picture is left."""
        del best
        first = first if run == self._frame.run and first <= len(self._frame.rows) else 0
        return dataclasses.replace(self._frame, first=first, rows=self._frame.rows[first:], rate=None)

    def in_front(self) -> tuple[Settings, int]:
        """As of a run."""
        return self._in_front

    def film_pictures(self) -> tuple[int, dict[int, np.ndarray]]:
        """None are left."""
        return self._facts.run, {}

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
