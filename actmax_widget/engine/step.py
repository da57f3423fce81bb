"""Steps of the optimization, compiled: an initial state, and a run of n steps.

:class:`Step` knows no loop of its own, no callbacks, no clock: a caller asks for n steps and gets the next state and
each step's losses. Every number that a person may change meanwhile is a tensor (:class:`Knobs`), so changing it never
compiles again. How the picture comes from what is optimized, and what the network is shown, says a
:class:`~actmax_widget.engine.rendering.Rendering`; the update is an :class:`~actmax_widget.optimizers.Optimizer`'s.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from actmax_widget import grad_modifiers
from actmax_widget.checks import asked, invalid
from actmax_widget.engine import compilation, returned
from actmax_widget.engine.objective import Evaluation, Objective
from actmax_widget.engine.rendering import Rendering, shaped
from actmax_widget.input_modifiers import InputModifier
from actmax_widget.optimizers import Optimizer, RMSProp
from actmax_widget.parametrizations import Parametrization, Params, Pixels
from actmax_widget.parts import Part, is_users
from actmax_widget.transforms import Random, Transform

Kept = dict[str, dict[str, tf.Tensor]]
"""What an optimizer keeps of each parameter."""


SLOTS = RMSProp.slots
SEARCH = 10**6
"""Tells the random numbers of a search from those of transforms."""
NEVER = 2**30
"""More iterations than anybody makes."""
LOUDER, LOUDER_FOR = 1.07, 64
"""By how much a search's noise grows in an iteration, and for how many: 76 times in the end."""


class State(NamedTuple):
    """The whole state of an optimization of some pictures. Tensors.

    Attributes:
        params: what is optimized, after the last step: (batch, ...) float32 each.
        kept: what the optimizer keeps of each.
        iteration: steps made, int32.
        measured: (batch, ..., channels) float32, the picture the last step's losses were measured at; while all losses
            are finite this is the newest one.
        good: the parameters that it came from; none where the picture itself is the parameter.
        best: each picture of the lowest total loss so far; where the picture itself is the parameter the one after that
            step, as keras-vis has it.
        best_loss: that total, float32 (batch,); inf before the first step.
        sound: whether all totals so far were finite, bool (batch,). A picture that is not sound does not change any
            more.
    """

    params: Params
    kept: Kept
    iteration: tf.Tensor
    measured: tf.Tensor
    good: Params
    best: tf.Tensor
    best_loss: tf.Tensor
    sound: tf.Tensor

    @classmethod
    def at(cls, image: np.ndarray, params: dict[str, np.ndarray] | None = None, slots: Sequence[str] = SLOTS) -> State:
        """The state before the first step.

        Args:
            image: the starting pictures, (batch, ..., channels).
            params: what they come from, (batch, ...) each; None: they themselves are the parameter.
            slots: names of what the optimizer keeps.
        """
        picture, number = tf.constant(image, tf.float32), (len(image),)
        plain = params is None or params.keys() == {"pixels"}
        started = {"pixels": picture} if params is None or plain else _tensors(params)
        return cls(
            started,
            {name: {slot: tf.zeros_like(value) for slot in slots} for name, value in started.items()},
            tf.constant(0),
            picture,
            {} if plain else started,
            picture,
            tf.fill(number, np.float32(np.inf)),
            tf.fill(number, value=True),
        )

    @classmethod
    def of(cls, started: Sequence[tuple[dict[str, np.ndarray], np.ndarray]], slots: Sequence[str] = SLOTS) -> State:
        """The state before the first step of several pictures.

        Args:
            started: parameters and picture of each, with batch axis.
            slots: see :meth:`at`.
        """
        first, _ = started[0]
        params = {name: np.concatenate([own[name] for own, _ in started]) for name in first}
        return cls.at(np.concatenate([image for _, image in started]), params, slots)

    @classmethod
    def joined(cls, states: Sequence[State]) -> State:
        """The state of the pictures of several, which are at the same iteration."""
        parts = [one._replace(iteration=one.best_loss) for one in states]
        return _joined(parts)._replace(iteration=states[0].iteration)

    def back(self) -> State:
        """The state before the first step at the pictures measured last, with the iterations made and the best."""
        params = self.good or {"pixels": self.measured}
        kept = tf.nest.map_structure(tf.zeros_like, self.kept)
        return self._replace(params=params, kept=kept, sound=tf.fill(self.best_loss.shape, value=True))

    def with_slots(self, slots: Sequence[str]) -> State:
        """The state for an optimizer that keeps these; another one than it was made by begins with nothing kept."""
        if all(kept.keys() == set(slots) for kept in self.kept.values()):
            return self
        return self._replace(
            kept={name: {slot: tf.zeros_like(value) for slot in slots} for name, value in self.params.items()}
        )

    def part(self, where: slice) -> State:
        """The state of some of the pictures."""
        parts = tf.nest.map_structure(lambda one: one[where], self._replace(iteration=self.best_loss))
        return parts._replace(iteration=self.iteration)

    def each(self) -> list[State]:
        """The states of all pictures, as :meth:`part` gives them one by one, in a few operations."""
        count = len(self.best_loss)
        flat = [
            tf.split(one, count) if len(one) == count else [one] * count
            for one in tf.nest.flatten(self._replace(iteration=self.best_loss))
        ]
        states = [tf.nest.pack_sequence_as(self, [*one]) for one in zip(*flat, strict=True)]
        return [state._replace(iteration=self.iteration) for state in states]

    def filled(self, size: int | None) -> State:
        """The state of as many pictures as a model takes at once: the last is repeated where it takes more."""
        missing = 0 if size is None else size - len(self.measured)
        filled = _with_more(self._replace(iteration=self.best_loss), missing)
        return filled._replace(iteration=self.iteration)

    def alone(self, image: np.ndarray, iteration: int, total: float, *, going_on: bool) -> State:
        """The state of one picture, which is shown as the network saw it last, with all that its next step needs.

        Args:
            image: it as the network saw it last, (1, ..., channels).
            iteration: iterations made of it.
            total: its last total loss: from here on it is the best, as those before are not kept of a tile.
            going_on: whether its next step begins where this state's would; else it begins at the picture itself.
        """
        shown = tf.constant(image, tf.float32)
        one = self._replace(iteration=tf.constant(iteration), measured=shown, best=shown, sound=tf.constant([True]))
        one = one._replace(best_loss=tf.constant([total if going_on else np.inf], tf.float32))
        return one if going_on else one.back()

    def at_rest(self, *, resumable: bool) -> State:
        """The state without the pictures that no step needs, or, not ``resumable``, without any."""
        nothing = self.measured[:0]
        at_rest = self._replace(measured=nothing, best=nothing)
        none = dict.fromkeys(self.params, nothing)
        return at_rest if resumable else at_rest._replace(params=none, good={}, kept={})

    def without(self, positions: slice) -> State:
        """The state in which some pictures do not change any more."""
        sound = self.sound.numpy()
        sound[positions] = False
        return self._replace(sound=tf.constant(sound))


class StopFlag:
    """Ends a compiled run after the step in hand, if another thread sets it."""

    def __init__(self) -> None:
        self._variable, self._is_set = tf.Variable(False, trainable=False), False

    def set(self, stop: bool) -> None:
        """Have the run in hand end, or the next one run."""
        if stop is not self._is_set:  # to assign takes as long as the rest of what is done for a call
            self._variable.assign(stop)
            self._is_set = stop

    @property
    def is_set(self) -> bool:
        """Whether it ends the run in hand."""
        return self._is_set

    @property
    def handle(self) -> tf.Tensor:
        """What the loop reads at each step."""
        return self._variable.handle


def view(tensor: tf.Tensor) -> np.ndarray:
    """A tensor's numbers as an array that cannot be written to: not a copy, where they are in the machine's memory.

    Tensors do not change. ``tensor.numpy()`` copies nevertheless, so that its array can be written to.
    """
    return np.asarray(memoryview(tensor))


class Knobs(NamedTuple):
    """What can be changed between two steps without compiling again. Tensors.

    Attributes:
        weights: (batch, n) float32, one for each loss of each picture.
        bounds: (2,) float32, pixels are kept between them; (-inf, inf) for no bounds.
        input_range: (2,) float32, (low, high) of the pictures that the network knows.
        goal: float32, iterations that the run is heading for: what changes over a run follows iteration over goal.
        grad_modifier: int32, index of the gradient modifier; :meth:`Step.knobs` takes its name.
        seeds: (batch,) int32, seed the input modifiers' random numbers, together with the iteration.
        losses: the losses' knobs, (batch, ...): each picture has its own.
        modifiers: the input modifiers' knobs, a dict for each.
        parametrization: its numbers, (batch,) float32 each.
        transforms: the same for each.
        optimizer: the same.
        search: bool, whether the start, which is noise, may be drawn anew as long as nothing is excited by it.
    """

    weights: tf.Tensor
    bounds: tf.Tensor
    input_range: tf.Tensor
    goal: tf.Tensor
    grad_modifier: tf.Tensor
    seeds: tf.Tensor
    losses: tuple[tf.Tensor, ...]
    modifiers: tuple[dict[str, tf.Tensor], ...]
    parametrization: dict[str, tf.Tensor]
    transforms: tuple[dict[str, tf.Tensor], ...]
    optimizer: dict[str, tf.Tensor]
    search: tf.Tensor

    @classmethod
    def joined(cls, knobs: Sequence[Knobs]) -> Knobs:
        """Those of the pictures of several; what is of all pictures is the first's."""
        return knobs[0]._replace(**{name: _joined([getattr(one, name) for one in knobs]) for name in BATCHED})

    def filled(self, size: int | None) -> Knobs:
        """Those of as many pictures as a model takes at once, see :meth:`State.filled`."""
        missing = 0 if size is None else size - len(self.seeds)
        return self._replace(**{name: _with_more(getattr(self, name), missing) for name in BATCHED})


BATCHED = ("weights", "seeds", "losses", "parametrization", "transforms", "optimizer")
"""Knobs that each picture has its own of."""


class Steps(NamedTuple):
    """What a run of n steps gives besides the next state.

    Attributes:
        losses: (steps made, batch, losses + 1) float32: each step's weighted losses and their sum.
        measured: (steps made, batch, measures) float32: what was measured beside, of what the network was shown.
        grads: the last step's gradient by the picture; by pixels after normalisation and gradient modifier.
        wrt_value: the value it was taken at.
    """

    losses: np.ndarray
    measured: np.ndarray
    grads: tf.Tensor
    wrt_value: tf.Tensor
    passed: Passed


class Passed(NamedTuple):
    """States that a run of steps went through: those of each ``every``-th iteration.

    Attributes:
        iterations: of each.
        lists: a list of tensors for each of a state's, in order: tensors do not change, so nothing was copied.
        like: a state of the same run.
    """

    iterations: range
    lists: tuple[tf.Tensor, ...]
    like: State

    def state(self, position: int) -> State:
        """One of them, by its position."""
        where, anything = tf.constant(position), _any_shape()  # made once, as that takes longer than to get one
        found = [
            tf.raw_ops.TensorListGetItem(
                input_handle=one, index=where, element_shape=anything, element_dtype=like.dtype
            )
            for one, like in zip(self.lists, tf.nest.flatten(self.like), strict=True)
        ]
        state: State = tf.nest.pack_sequence_as(self.like, found)
        return state


class Step:
    """Steps of activation maximization, compiled: once for a single picture, once for any number of them.

    A single picture is by far the most common thing to make, and TensorFlow makes it faster where it knows that there
    is one. Batches of any other size share a graph.

    Args:
        objective: what is minimised.
        rendering: how pictures come about, and are shown; None: pixels as they are.
        optimizer: the update; None: RMSProp.
        input_modifiers: run before and after each step; see :mod:`actmax_widget.input_modifiers`. Of pixels only.
        grad_modifier: a function of the gradient that Knobs may choose besides the built-in ones.
        norm_grads: divide the gradient by its L2 norm; None: as the optimizer has it.
        joint: optimize the pictures of a batch as one, as keras-vis does with a starting batch: losses and norm are
            over all of them. Each picture's row is then that of all.

    Attributes:
        traces: how often the step was compiled.

    Example:
        >>> step = Step(Objective(model.inputs[0], [(ActivationMaximization(layer, 3), 1.0)]))
        >>> state, knobs = State.at(seed), step.knobs()
        >>> state, steps = step.run(state, knobs, 100)
        >>> steps.losses.shape
        (100, 1, 2)
    """

    def __init__(
        self,
        objective: Objective,
        *,
        rendering: Rendering | None = None,
        optimizer: Optimizer | None = None,
        input_modifiers: Sequence[InputModifier] = (),
        grad_modifier: Callable[[Any], Any] | None = None,
        norm_grads: bool | None = None,
        joint: bool = False,
    ) -> None:
        self.objective = objective
        self.rendering = Rendering(objective.input_tensor, Pixels(), ()) if rendering is None else rendering
        self.optimizer = RMSProp() if optimizer is None else optimizer
        self.input_modifiers = tuple(input_modifiers)
        self.traces = 0
        self._norm_grads = self.optimizer.norm_grads if norm_grads is None else norm_grads
        self._joint = joint
        self._plain = self.rendering.parametrization.plain
        self._modifiers = [grad_modifiers.identity, *grad_modifiers.BUILT_IN.values()]
        self._own_modifier = grad_modifier
        if grad_modifier is not None:
            self._modifiers.append(_numpy_modifier(grad_modifier))
        self._small = compilation.is_small(objective.outputs)
        # A function of its own is outside of the loop's circle: inside, TensorFlow may leave the gradient of a pooling
        # layer to a kernel ten times slower, as it looks for the forward one first.
        self._apart = compilation.function(self._objective, experimental_attributes={"_noinline": True})
        # Two functions: of one, TensorFlow would take the graph for any number of pictures for a single one, too.
        self._functions = {single: compilation.function(self._loop) for single in (True, False)}
        # Its own lock: the widgets and functions that share this step wait for it, those of other steps do not.
        self._compiling = threading.Lock()
        self._compiled: dict[bool, Callable[..., Any]] = {}  # by whether it is for a single picture

    def is_compiled(self, pictures: int = 1) -> bool:
        """Whether a run of so many pictures would begin at once."""
        return (pictures == 1) in self._compiled

    def _specs(self, arguments: Any, *, single: bool) -> Any:
        """What to compile for, from arguments like it: the batch axis is left open, unless the model fixes it."""
        batch = 1 if single else self.objective.input_tensor.shape[0]

        def of(tensor: tf.Tensor) -> tf.TensorSpec:
            return tf.TensorSpec([batch, *tensor.shape[1:]] if tensor.shape.rank else [], tensor.dtype)

        def fixed(tensor: tf.Tensor) -> tf.TensorSpec:
            return tf.TensorSpec(tensor.shape, tensor.dtype)

        state, knobs, *rest = arguments
        batched = {name: tf.nest.map_structure(of, getattr(knobs, name)) for name in BATCHED}
        knobs = tf.nest.map_structure(fixed, knobs)._replace(**batched)
        return tf.nest.map_structure(of, state), knobs, *map(fixed, rest)

    def knobs(
        self,
        *,
        weights: Sequence[float] | None = None,
        bounds: tuple[float, float] = (-np.inf, np.inf),
        input_range: tuple[float, float] = (0, 255),
        goal: float = 0,
        grad_modifier: Any = None,
        seed: int | Sequence[int] = 0,
        losses: Sequence[Any] | None = None,
        modifiers: Sequence[InputModifier] | None = None,
        parametrization: Parametrization | None = None,
        transforms: Sequence[Transform] | None = None,
        optimizer: Optimizer | None = None,
        learning_rate: float | None = None,
        search: bool = False,
    ) -> Knobs:
        """Knobs from plain numbers; what is not given is as the objective and the parts have it.

        Args:
            weights: of the losses, (n,), or of each picture's, (batch, n).
            bounds: (low, high).
            input_range: (low, high).
            goal: iterations.
            grad_modifier: a name, a built-in function, or the function that the step was made with.
            seed: one for all pictures, or a sequence with one for each.
            losses: the losses' knobs, (batch, ...), see :func:`~actmax_widget.engine.objective.knobs_of`.
            modifiers: as many as the step was made with, of the same types.
            parametrization: one of the type the step was made with, with other numbers.
            transforms: the same of the transforms.
            optimizer: the same of the optimizer.
            learning_rate: in place of the optimizer's.
            search: whether a start that excites nothing may be drawn anew; see :class:`Knobs`.

        Raises:
            ValueError: another gradient modifier.
        """
        shape = tuple(self.objective.input_tensor.shape)
        losses = self.objective.knobs() if losses is None else losses
        pictures = len(losses[0]) if losses else np.size(seed)
        given = np.asarray(self.objective.weights() if weights is None else weights, np.float32)
        optimizer = self.optimizer if optimizer is None else optimizer
        if learning_rate is not None:
            optimizer = optimizer.bound({"learning_rate": learning_rate})

        def of(part: Part) -> dict[str, tf.Tensor]:
            numbers = part.numbers().items()
            return {name: tf.constant(np.broadcast_to(np.float32(value), pictures)) for name, value in numbers}

        return Knobs(
            weights=tf.constant(np.broadcast_to(given, (pictures, given.shape[-1])), tf.float32),
            bounds=tf.constant(bounds, tf.float32),
            input_range=tf.constant(input_range, tf.float32),
            goal=tf.constant(goal, tf.float32),
            grad_modifier=tf.constant(self._modifier_index(grad_modifier)),
            seeds=tf.constant(np.broadcast_to(np.asarray(seed, np.uint32).astype(np.int32), pictures)),
            losses=tuple(tf.constant(value, tf.float32) for value in losses),
            modifiers=tuple(
                _tensors(modifier.knobs(shape, self.objective.layout.spatial))
                for modifier in (self.input_modifiers if modifiers is None else modifiers)
            ),
            parametrization=of(self.rendering.parametrization if parametrization is None else parametrization),
            transforms=tuple(map(of, self.rendering.transforms if transforms is None else transforms)),
            optimizer=of(optimizer),
            search=tf.constant(search),
        )

    def run(
        self, state: State, knobs: Knobs, n: int, stop: StopFlag | None = None, every: int = NEVER
    ) -> tuple[State, Steps]:
        """Make up to ``n`` steps in one compiled call.

        Args:
            state: from :meth:`State.at` or an earlier run.
            knobs: from :meth:`knobs`.
            n: steps to make, >= 1.
            stop: set from another thread it ends the call after the step in hand.
            every: of which iterations to hand out the states besides the last one: those divisible by it.

        Returns:
            The next state and what the steps measured. Fewer than ``n`` steps were made if ``stop`` was set, or if a
            total loss was not finite: that step's row is the last, and ``state.measured`` is the picture before it.
        """
        state = state.with_slots(self.optimizer.slots)
        single = state.measured.shape[0] == 1
        numbers = tf.constant(n), tf.constant(every)
        arguments = (state, knobs, *numbers, (_never() if stop is None else stop).handle)
        if single not in self._compiled:
            with self._compiling:  # and nobody compiles it twice
                if single not in self._compiled:
                    specs = self._specs(arguments, single=single)
                    self._compiled[single] = compilation.traced(self._functions[single], *specs)
        with compilation.as_written():
            state, found, grads, wrt_value, made, lists = self._compiled[single](*arguments)
        rows, losses = found.numpy()[: int(made)], len(self.objective.names) + 1
        last = int(state.iteration)
        first = (last - len(rows)) // every + 1
        passed = Passed(range(first * every, last + 1, every), lists, state)
        return state, Steps(rows[..., :losses], rows[..., losses:], grads, wrt_value, passed)

    def silent(self, state: State, knobs: Knobs) -> np.ndarray:
        """Whether no gradient of what is excited reaches a state's pictures: bool (batch,).

        It takes a step, with the regularizers off, so it is asked only where the losses never changed.
        """
        weights = knobs.weights.numpy() * self.objective.excites
        none = np.zeros(state.sound.shape, bool)
        if not weights.any():
            return none  # nothing is excited, and that is what was asked for
        _, steps = self.run(state, knobs._replace(weights=tf.constant(weights), grad_modifier=tf.constant(0)), 1)
        axes = tuple(range(1, steps.grads.ndim))
        return ~np.any(steps.grads.numpy(), axis=axes) & state.sound.numpy() if len(steps.losses) else none

    # The loop is part of what is compiled: a call of TensorFlow costs as much as ten steps of a small network. So a
    # caller asks for as many steps as it can wait for, and gets every step's losses at once. What may change between
    # two calls comes in as a tensor, what may come in the middle of one is a variable that the loop reads.
    def _loop(self, state: State, knobs: Knobs, n: tf.Tensor, every: tf.Tensor, stop: tf.Tensor) -> tuple[Any, ...]:
        state = state._replace(params=self._kept_in(state.params, knobs))  # bounds may have changed since the last call
        width = len(self.objective.names) + 1 + len(self.objective.measures)
        rows = tf.TensorArray(tf.float32, n, element_shape=[*state.best_loss.shape, width])

        def go_on(made: tf.Tensor, state: State, until: tf.Tensor) -> tf.Tensor:
            # The variable is read at each step, so that Pause does not wait for the whole call.
            stopped = tf.raw_ops.ReadVariableOp(resource=stop, dtype=tf.bool)
            return (made < until) & tf.reduce_any(state.sound) & ~stopped

        def body(made: tf.Tensor, state: State, rows: Any, *_: Any) -> tuple[Any, ...]:
            state, evaluation = self._step(state, knobs)
            row = evaluation.losses
            if self.objective.measures:
                row = tf.concat([row, evaluation.measured], -1)
            return made + 1, state, rows.write(made, row), evaluation.grads, evaluation.wrt_value

        # The gradient's shape is only known for certain where it is the input's, so any size of its axes is allowed.
        wrt = state.measured if self.objective.wrt_is_input else tf.zeros([0] * self.objective.wrt_rank)
        # By the canvas meanwhile: only the last one is looked at.
        canvas = self.objective.wrt_is_input and not self._plain
        start = (tf.constant(0), state, rows, self.rendering.blank(state.measured) if canvas else wrt, wrt)
        shapes = tf.nest.map_structure(_shape_of, start)
        if not self.objective.wrt_is_input:
            shapes = (*shapes[:3], *[tf.TensorShape([None] * self.objective.wrt_rank)] * 2)
        before = state.iteration // every
        size = (state.iteration + n) // every - before + 1
        lists = [_empty_list(size, one.dtype) for one in tf.nest.flatten(state)]

        # What is handed out of the way is noted between two loops, as a choice at each step would cost more. A list
        # holds on to tensors: nothing is copied. Of an interval that was not ended it holds the last state, which is
        # that of the run.
        def interval(lists: Any, made: tf.Tensor, state: State, *rest: Any) -> tuple[Any, ...]:
            until = tf.minimum(n, made + every - state.iteration % every)
            made, state, *rest = tf.while_loop(
                lambda made, state, *_: go_on(made, state, until), body, (made, state, *rest), shapes
            )
            if self._is_small(state.measured):
                compilation.leave_loops_whole()
            where = tf.maximum((state.iteration - 1) // every - before, 0)  # a stop may come before the first step
            lists = [
                tf.raw_ops.TensorListSetItem(input_handle=own, index=where, item=one)
                for own, one in zip(lists, tf.nest.flatten(state), strict=True)
            ]
            return lists, made, state, *rest

        lists, made, state, rows, grads, wrt_value = tf.while_loop(
            lambda _, made, state, *__: go_on(made, state, n),
            interval,
            (lists, *start),
            ([tf.TensorShape([])] * len(lists), *shapes),
        )
        if canvas:
            grads = self.rendering.by_picture(grads, knobs.input_range)
        if self._is_small(state.measured):
            compilation.leave_loops_whole()
        self.traces += 1  # not before, as what cannot be compiled is not compiled
        if state.measured.shape[0] is not None:
            return state, rows.stack(), grads, wrt_value, made, lists
        # Of no rows at all TensorFlow cannot tell the number of pictures.
        none = tf.zeros([0, tf.shape(state.best_loss)[0], width])
        return state, tf.cond(made > 0, rows.stack, lambda: none), grads, wrt_value, made, lists

    # A step is keras-vis's: modify, measure, update, modify. The row of a step is measured before its update, and the
    # picture it was measured at is kept, so that the last row and the last picture belong together.
    def _step(self, state: State, knobs: Knobs) -> tuple[State, Evaluation]:
        params, kept = self._modified(state, knobs)
        rendered = self.rendering.rendered(
            params,
            parametrization=knobs.parametrization,
            transforms=knobs.transforms,
            seeds=knobs.seeds,
            iteration=state.iteration,
            progress=tf.clip_by_value(tf.cast(state.iteration, tf.float32) / tf.maximum(knobs.goal - 1, 1), 0, 1),
            input_range=knobs.input_range,
        )
        measured = rendered.image
        evaluation = self._evaluate(rendered.seen, measured, knobs)
        if self.objective.wrt_is_input:
            by_params, by_canvas = rendered.pull(
                evaluation.grads, evaluation.slopes, self.objective.regularizes(knobs.weights)
            )
            grads = {name: self._modify(grad, knobs.grad_modifier) for name, grad in self._normed(by_params).items()}
            evaluation = evaluation._replace(grads=grads["pixels"] if self._plain else by_canvas, wrt_value=measured)
            updated, next_kept = self._updated(params, kept, grads, knobs, state.iteration)
            updated = self._searched(updated, by_params, state, knobs)
        else:  # the gradient by an inner tensor is looked at, not followed
            by_inner = self._normed({"": evaluation.grads})[""]
            evaluation = evaluation._replace(grads=self._modify(by_inner, knobs.grad_modifier))
            updated, next_kept = params, kept
        for modifier in reversed(self.input_modifiers):
            updated = {"pixels": self._changed(modifier, modifier.post_tensor, updated["pixels"])}
        updated = self._kept_in(updated, knobs)
        *_, total = tf.unstack(evaluation.losses, axis=-1)
        # From its first total that is not finite on a picture stays as it was; in a batch the others go on.
        sound = state.sound & tf.math.is_finite(total)
        ahead = updated["pixels"] if self._plain else measured
        # NaN never wins, nor a loss of -inf, nor a step that a NaN gradient made.
        better = sound & (total < state.best_loss) & tf.math.is_finite(tf.reduce_sum(ahead, _axes_of(ahead)))
        next_state = State(
            params=updated,
            kept=next_kept,
            iteration=state.iteration + 1,
            measured=_select(sound, measured, state.measured),
            good={name: _select(sound, params[name], good) for name, good in state.good.items()},
            best=_select(better, ahead, state.best),
            best_loss=_select(better, total, state.best_loss),
            sound=sound,
        )
        return next_state, evaluation

    # A unit behind a ReLU may answer the noise that a run begins with by 0 all over its map, and no gradient leads away
    # from there, although other noise would do. So as long as there never was one, each number changes its sign or not,
    # by chance: noise of the same kind, a little louder each time at first where starts are nearly grey. Pixels stay as
    # they are, as keras-vis's do, and so does a starting picture.
    def _searched(self, updated: Params, grads: Params, state: State, knobs: Knobs) -> Params:
        if self._plain or is_users(self.rendering.parametrization) or not self.optimizer.slots:
            return updated  # of a user's nobody knows what another sign means
        free = [name for name in grads if name not in self.rendering.parametrization.fixed]

        def nothing_in(arrays: Iterable[tf.Tensor]) -> tf.Tensor:
            return tf.equal(tf.add_n([_squares(one) for one in arrays]), 0)

        # A few numbers tell: by one pixel that counts, all frequencies do.
        silent = tf.reshape(nothing_in(grads[name][..., :2] for name in free), [-1])

        def drawn() -> Params:
            seeds = tf.stack([knobs.seeds, tf.fill(tf.shape(knobs.seeds), state.iteration)], -1)
            never = silent & nothing_in(slot for name in free for slot in state.kept[name].values())
            grows = self.rendering.parametrization.faint & (state.iteration < LOUDER_FOR)
            louder = tf.where(grows, LOUDER, 1.0)
            found = dict(updated)
            for number, name in enumerate(free):
                shape = updated[name].shape[1:]

                def signs(seed: tf.Tensor, number: int = number, shape: Any = shape) -> tf.Tensor:
                    return tf.sign(Random(seed, SEARCH + number).uniform(shape, -1, 1))

                other = louder * updated[name] * tf.map_fn(signs, seeds, fn_output_signature=tf.TensorSpec(shape))
                found[name] = _select(never, other, updated[name])
            return found

        return tf.cond(knobs.search & tf.reduce_any(silent), drawn, lambda: dict(updated))

    def _modified(self, state: State, knobs: Knobs) -> tuple[Params, Kept]:
        """The pixels after the input modifiers, which change them for good."""
        if not self.input_modifiers:
            return state.params, state.kept
        random = tf.stack([knobs.seeds, tf.fill(tf.shape(knobs.seeds), state.iteration)], -1)
        image, kept = state.params["pixels"], state.kept["pixels"]
        for index, modifier in enumerate(self.input_modifiers):
            seed = random + tf.constant([index * 7919, 0])
            change = functools.partial(modifier.pre_tensor, random=seed, **knobs.modifiers[index])
            image = self._changed(modifier, change, image)
            if getattr(modifier, "only_moves", False):
                # What is kept of a place in the picture: left behind, it would scale another's gradient.
                kept = {slot: self._changed(modifier, change, value) for slot, value in kept.items()}
        if not all(getattr(modifier, "only_moves", False) for modifier in self.input_modifiers):
            image = self._kept_in({"pixels": image}, knobs)["pixels"]
        return {"pixels": image}, {"pixels": kept}

    def _evaluate(self, seen: tf.Tensor, image: tf.Tensor, knobs: Knobs) -> Evaluation:
        if self._joint:
            return self.objective.jointly(seen, knobs.weights, knobs.losses)
        apart = self.objective.may_pool and not self._is_small(image)
        evaluate = self._apart if apart else self._objective
        return Evaluation(*evaluate(seen, knobs.weights, knobs.losses, image))

    def _objective(
        self, seen: tf.Tensor, weights: tf.Tensor, knobs: Sequence[tf.Tensor], image: tf.Tensor
    ) -> Evaluation:
        if not self.rendering.transformed:
            return self.objective(seen, weights, knobs)
        return self.objective(seen, weights, knobs, image, self.rendering.views)

    def _changed(self, modifier: InputModifier, change: Callable[..., tf.Tensor], image: tf.Tensor) -> tf.Tensor:
        """The pictures changed by a modifier; by one that a user wrote one after the other, if each is on its own."""
        if self._joint or image.shape[0] == 1 or getattr(modifier, "takes_batches", False):
            return change(image)
        return tf.map_fn(lambda picture: change(picture[None])[0], image)

    def _normed(self, grads: Params) -> Params:
        """The gradient of each picture divided by its L2 norm, if that is wanted."""
        if not self._norm_grads:
            return grads
        one = self._joint or all(grad.shape[0] == 1 for grad in grads.values())
        factor = tf.math.rsqrt(tf.maximum(tf.add_n([_squares(grad, one=one) for grad in grads.values()]), 1e-12))
        if one:
            return {name: grad * factor for name, grad in grads.items()}
        return {name: grad * tf.reshape(factor, [-1, *[1] * (grad.shape.rank - 1)]) for name, grad in grads.items()}

    def _modify(self, grads: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        # All are in the graph, as it is a drop-down list in the widget: another choice must not compile.
        branches = [lambda modify=modify: tf.ensure_shape(modify(grads), grads.shape) for modify in self._modifiers]
        return tf.switch_case(index, branches)

    def _is_small(self, image: tf.Tensor) -> bool:
        """Whether so little is computed that oneDNN's kernels would not pay; of a batch nobody knows its size here."""
        return image.shape[0] == 1 and self._small

    def _updated(
        self, params: Params, kept: Kept, grads: Params, knobs: Knobs, iteration: tf.Tensor
    ) -> tuple[Params, Kept]:
        next_params, next_kept = {}, {}
        for name, value in params.items():
            next_params[name], next_kept[name] = updated(
                self.optimizer, knobs.optimizer, value, grads[name], kept[name], iteration
            )
        return next_params, next_kept

    def _kept_in(self, params: Params, knobs: Knobs) -> Params:
        """Pixels inside of the bounds; other parameters have none."""
        if not self._plain:
            return params
        return {"pixels": tf.clip_by_value(params["pixels"], *tf.unstack(knobs.bounds))}

    def _modifier_index(self, grad_modifier: Any) -> int:
        if grad_modifier is not None and grad_modifier is self._own_modifier:
            return len(self._modifiers) - 1
        modifier = grad_modifiers.get(grad_modifier)
        if modifier not in self._modifiers:
            expected = f"None, one of {', '.join(grad_modifiers.BUILT_IN)}, or the function that the step was made with"
            raise invalid("grad_modifier", expected, grad_modifier, "Make a step with it.")
        return self._modifiers.index(modifier)


def updated(
    optimizer: Optimizer,
    numbers: dict[str, tf.Tensor],
    value: tf.Tensor,
    grad: tf.Tensor,
    kept: dict[str, tf.Tensor],
    iteration: tf.Tensor,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The next value of a parameter and what the optimizer keeps of it, with its numbers, (batch,) each."""
    bound = optimizer.bound(shaped(numbers, value.shape.rank))
    if not is_users(optimizer):
        return bound.update(value, grad, kept, iteration)
    slots = f"a dict of {', '.join(optimizer.slots)}" if optimizer.slots else "{}"
    expected = f"update() to return the next value, a float32 tensor of shape {tuple(value.shape)}, and {slots}"
    found = asked(optimizer.name, lambda: bound.update(value, grad, kept, iteration), expected, returned.ADVICE)
    if not isinstance(found, tuple) or len(found) != 2 or not isinstance(found[1], dict):
        raise invalid(optimizer.name, expected, type(found), "Return both of them.", TypeError)
    if found[1].keys() != set(optimizer.slots):
        raise invalid(optimizer.name, expected, [*found[1]], "Name in `slots` what it keeps.")
    for one in (found[0], *found[1].values()):
        returned.check_tensor(optimizer.name, one, value.shape, expected)
    return found


@functools.cache
def _never() -> StopFlag:
    """A flag that nobody sets. Not on import: a variable ends what can be set of TensorFlow's devices and threads."""
    return StopFlag()


@functools.cache
def _any_shape() -> tf.Tensor:
    return tf.constant(-1)


def _empty_list(size: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    return tf.raw_ops.TensorListReserve(element_shape=tf.constant(-1), num_elements=size, element_dtype=dtype)


def _joined(parts: Sequence[Any]) -> Any:
    """Structures of tensors, put together along their first axes."""
    return tf.nest.map_structure(lambda *own: tf.concat(own, 0), *parts)


def _with_more(structure: Any, missing: int) -> Any:
    """A structure of tensors of which each has its last entry so many times more along its first axis."""
    if missing <= 0:
        return structure
    return tf.nest.map_structure(lambda one: tf.concat([one, tf.repeat(one[-1:], missing, axis=0)], 0), structure)


def _select(condition: tf.Tensor, new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
    """Of each two pictures, or numbers, one."""
    if condition.shape[0] == 1:
        condition = tf.reshape(condition, [])  # then nothing is copied
    return tf.raw_ops.Select(condition=condition, x=new, y=old)  # tf.where, which broadcasts, takes five times as long


def _tensors(knobs: dict[str, np.ndarray]) -> dict[str, tf.Tensor]:
    return {name: tf.constant(value) for name, value in knobs.items()}


def _shape_of(tensor: Any) -> Any:
    return tensor.shape if isinstance(tensor, tf.Tensor) else None


def _squares(array: tf.Tensor, *, one: bool | None = None) -> tf.Tensor:
    """The sum of squares of each picture, or of all, (): for that TensorFlow has an operation of its own."""
    if array.shape[0] == 1 if one is None else one:
        return 2 * tf.nn.l2_loss(array)
    return tf.reduce_sum(tf.square(array), _axes_of(array))


def _axes_of(pictures: tf.Tensor) -> list[int]:
    """The axes of one picture."""
    return list(range(1, pictures.shape.rank))


def _numpy_modifier(function: Callable[[Any], Any]) -> Callable[[tf.Tensor], tf.Tensor]:
    """A user's gradient modifier, written for arrays, inside the compiled loop; one picture at a time."""

    def changed(grads: np.ndarray) -> np.ndarray:
        parts = np.split(grads, len(grads)) if len(grads) > 1 else [grads]
        return np.concatenate([as_gradient(function, part) for part in parts])

    def modify(grads: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.numpy_function(changed, [grads], tf.float32), grads.shape)

    return modify


def as_gradient(function: Callable[[Any], Any], grads: np.ndarray) -> np.ndarray:
    """What a user's gradient modifier makes of one; raises a ValueError or TypeError if it is no gradient."""
    result = function(grads)
    if result is None:
        raise invalid(
            "grad_modifier", "a function that returns the new gradient", result, "Return an array.", TypeError
        )
    array = np.asarray(result, np.float32)
    try:
        return np.broadcast_to(array, grads.shape)
    except ValueError:
        expected = f"a function that returns a gradient of shape {grads.shape}"
        raise invalid("grad_modifier", expected, array.shape, "Return an array of the shape it is given.") from None
