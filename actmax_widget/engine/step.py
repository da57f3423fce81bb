"""Steps of the optimization, compiled: an initial state, and a run of n steps.

:class:`Step` knows no loop of its own, no callbacks, no clock: a caller asks for n steps and gets the next state and
each step's losses. Every number that a person may change meanwhile is a tensor (:class:`Knobs`), so changing it never
compiles again. The update is keras-vis's RMSProp (2017, ``vis.optimizer``; Hinton, 2012), on the gradient divided by
its L2 norm: ``cache = 0.95 cache + 0.05 g**2; x -= learning_rate * g / sqrt(cache + 1e-7)``.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from actmax_widget import grad_modifiers
from actmax_widget.checks import invalid
from actmax_widget.engine import compilation
from actmax_widget.engine.objective import Evaluation, Objective
from actmax_widget.input_modifiers import InputModifier
from actmax_widget.settings import NUMBERS

DECAY = 0.95
EPSILON = 1e-7


class State(NamedTuple):
    """The whole state of an optimization of some pictures. Tensors.

    Attributes:
        image: the running input, (batch, ..., channels) float32, after the last step.
        cache: running mean of the squared gradient.
        iteration: steps made, int32.
        measured: the input the last step's losses were measured at; while all losses are finite this is the newest one.
        best: each picture after the step whose total loss was the lowest so far.
        best_loss: that total, float32 (batch,); inf before the first step.
        sound: whether all totals so far were finite, bool (batch,). A picture that is not sound does not change any
            more.
    """

    image: tf.Tensor
    cache: tf.Tensor
    iteration: tf.Tensor
    measured: tf.Tensor
    best: tf.Tensor
    best_loss: tf.Tensor
    sound: tf.Tensor

    @classmethod
    def at(cls, image: np.ndarray) -> State:
        """The state before the first step, from starting pictures (batch, ..., channels)."""
        start = tf.constant(image, tf.float32)
        numbers = (len(image),)
        return cls(
            start,
            tf.zeros_like(start),
            tf.constant(0),
            start,
            start,
            tf.fill(numbers, np.float32(np.inf)),
            tf.fill(numbers, value=True),
        )

    def alone(self, position: int, start: State, iteration: int, *, going_on: bool) -> State:
        """The state of one picture: ``start``, its state at the picture the network saw last, with this one's memory.

        Args:
            position: of the picture.
            start: from :meth:`at`.
            iteration: iterations made of it.
            going_on: whether its next step begins where this state's would; else it begins at ``start``.
        """
        start = start._replace(iteration=tf.constant(iteration))
        if not going_on:
            return start
        where = slice(position, position + 1)
        return start._replace(image=self.image[where], cache=self.cache[where], best_loss=self.best_loss[where])

    def at_rest(self, *, resumable: bool) -> State:
        """The state without the pictures that no step needs, or, not ``resumable``, without any."""
        nothing = self.image[:0]
        at_rest = self._replace(measured=nothing, best=nothing)
        return at_rest if resumable else at_rest._replace(image=nothing, cache=nothing)

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


class Knobs(NamedTuple):
    """What can be changed between two steps without compiling again. Tensors.

    Attributes:
        weights: (batch, n) float32, one for each loss of each picture.
        numbers: float32, the numbers of the step itself by name: see :data:`actmax_widget.settings.NUMBERS`.
        bounds: (2,) float32, the input is kept between them; (-inf, inf) for no bounds.
        grad_modifier: int32, index of the gradient modifier; :meth:`Step.knobs` takes its name.
        seeds: (batch,) int32, seed the input modifiers' random numbers, together with the iteration.
        losses: the losses' knobs, (batch, ...): each picture has its own.
        modifiers: the input modifiers' knobs, a dict for each.
    """

    weights: tf.Tensor
    numbers: dict[str, tf.Tensor]
    bounds: tf.Tensor
    grad_modifier: tf.Tensor
    seeds: tf.Tensor
    losses: tuple[tf.Tensor, ...]
    modifiers: tuple[dict[str, tf.Tensor], ...]


class Steps(NamedTuple):
    """What a run of n steps gives besides the next state.

    Attributes:
        losses: (steps made, batch, losses + 1) float32: each step's weighted losses and their sum.
        grads: the last step's gradient, after normalisation and gradient modifier.
        wrt_value: the value it was taken at.
    """

    losses: np.ndarray
    grads: tf.Tensor
    wrt_value: tf.Tensor


class Step:
    """Steps of activation maximization, compiled: once for a single picture, once for any number of them.

    A single picture is by far the most common thing to make, and TensorFlow makes it faster where it knows that there
    is one. Batches of any other size share a graph.

    Args:
        objective: what is minimised.
        input_modifiers: run before and after each step; see :mod:`actmax_widget.input_modifiers`.
        grad_modifier: a function of the gradient that Knobs may choose besides the built-in ones.
        norm_grads: divide the gradient by its L2 norm.
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
        input_modifiers: Sequence[InputModifier] = (),
        grad_modifier: Callable[[Any], Any] | None = None,
        norm_grads: bool = True,
        joint: bool = False,
    ) -> None:
        self.objective = objective
        self.input_modifiers = tuple(input_modifiers)
        self.traces = 0
        self._norm_grads, self._joint = norm_grads, joint
        self._modifiers = [grad_modifiers.identity, *grad_modifiers.BUILT_IN.values()]
        self._own_modifier = grad_modifier
        if grad_modifier is not None:
            self._modifiers.append(_numpy_modifier(grad_modifier))
        self._small = compilation.is_small(objective.outputs)
        # A function of its own is outside of the loop's circle: inside, TensorFlow may leave the gradient of a pooling
        # layer to a kernel ten times slower, as it looks for the forward one first.
        self._apart = compilation.function(objective, experimental_attributes={"_noinline": True})
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
        batched = {name: tf.nest.map_structure(of, getattr(knobs, name)) for name in ("weights", "seeds", "losses")}
        knobs = tf.nest.map_structure(fixed, knobs)._replace(**batched)
        return tf.nest.map_structure(of, state), knobs, *map(fixed, rest)

    def knobs(
        self,
        *,
        weights: Sequence[float] | None = None,
        bounds: tuple[float, float] = (-np.inf, np.inf),
        grad_modifier: Any = None,
        seed: int | Sequence[int] = 0,
        losses: Sequence[Any] | None = None,
        modifiers: Sequence[InputModifier] | None = None,
        **numbers: float,
    ) -> Knobs:
        """Knobs from plain numbers; what is not given is as the objective and the input modifiers have it.

        Args:
            weights: of the losses, (n,), or of each picture's, (batch, n).
            bounds: (low, high).
            grad_modifier: a name, a built-in function, or the function that the step was made with.
            seed: one for all pictures, or a sequence with one for each.
            losses: the losses' knobs, (batch, ...), see :func:`~actmax_widget.engine.objective.knobs_of`.
            modifiers: as many as the step was made with, of the same types.
            **numbers: those of the step itself, such as ``learning_rate``.

        Raises:
            ValueError: another gradient modifier.
            TypeError: a number that there is not.
        """
        shape = tuple(self.objective.input_tensor.shape)
        losses = self.objective.knobs() if losses is None else losses
        pictures = len(losses[0]) if losses else np.size(seed)
        if unknown := numbers.keys() - NUMBERS.keys():
            raise invalid("numbers", f"some of {', '.join(NUMBERS)}", sorted(unknown), "Check the spelling.", TypeError)
        given = np.asarray(self.objective.weights() if weights is None else weights, np.float32)
        return Knobs(
            tf.constant(np.broadcast_to(given, (pictures, given.shape[-1])), tf.float32),
            {name: tf.constant(value, tf.float32) for name, value in (NUMBERS | numbers).items()},
            tf.constant(bounds, tf.float32),
            tf.constant(self._modifier_index(grad_modifier)),
            tf.constant(np.broadcast_to(np.asarray(seed, np.uint32).astype(np.int32), pictures)),
            tuple(tf.constant(value, tf.float32) for value in losses),
            tuple(
                _tensors(modifier.knobs(shape, self.objective.layout.spatial))
                for modifier in (self.input_modifiers if modifiers is None else modifiers)
            ),
        )

    def run(self, state: State, knobs: Knobs, n: int, stop: StopFlag | None = None) -> tuple[State, Steps]:
        """Make up to ``n`` steps in one compiled call.

        Args:
            state: from :meth:`State.at` or an earlier run.
            knobs: from :meth:`knobs`.
            n: steps to make, >= 1.
            stop: set from another thread it ends the call after the step in hand.

        Returns:
            The next state and what the steps measured. Fewer than ``n`` steps were made if ``stop`` was set, or if a
            total loss was not finite: that step's row is the last, and ``state.measured`` is the picture before it.
        """
        single = state.image.shape[0] == 1
        arguments = (state, knobs, tf.constant(n), (_NEVER if stop is None else stop).handle)
        if single not in self._compiled:
            with self._compiling:  # and nobody compiles it twice
                if single not in self._compiled:
                    specs = self._specs(arguments, single=single)
                    self._compiled[single] = compilation.traced(self._functions[single], *specs)
        with compilation.as_written():
            state, losses, grads, wrt_value, made = self._compiled[single](*arguments)
        return state, Steps(losses.numpy()[: int(made)], grads, wrt_value)

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
    def _loop(self, state: State, knobs: Knobs, n: tf.Tensor, stop: tf.Tensor) -> tuple[Any, ...]:
        state = state._replace(image=_keep(state.image, knobs))  # the bounds may have changed since the last call
        width = len(self.objective.names) + 1
        rows = tf.TensorArray(tf.float32, n, element_shape=[*state.best_loss.shape, width])

        def go_on(made: tf.Tensor, state: State, *_: Any) -> tf.Tensor:
            # The variable is read at each step, so that Pause does not wait for the whole call.
            stopped = tf.raw_ops.ReadVariableOp(resource=stop, dtype=tf.bool)
            return (made < n) & tf.reduce_any(state.sound) & ~stopped

        def body(made: tf.Tensor, state: State, rows: Any, *_: Any) -> tuple[Any, ...]:
            state, evaluation = self._step(state, knobs)
            return made + 1, state, rows.write(made, evaluation.losses), evaluation.grads, evaluation.wrt_value

        # The gradient's shape is only known for certain where it is the input's, so any size of its axes is allowed.
        wrt = state.image if self.objective.wrt_is_input else tf.zeros([0] * self.objective.wrt_rank)
        start = (tf.constant(0), state, rows, wrt, wrt)
        shapes = tf.nest.map_structure(_shape_of, start)
        if not self.objective.wrt_is_input:
            shapes = (*shapes[:3], *[tf.TensorShape([None] * self.objective.wrt_rank)] * 2)
        made, state, rows, grads, wrt_value = tf.while_loop(go_on, body, start, shapes)
        if self._is_small(state.image):
            compilation.leave_loops_whole()
        self.traces += 1  # not before, as what cannot be compiled is not compiled
        if state.image.shape[0] is not None:
            return state, rows.stack(), grads, wrt_value, made
        # Of no rows at all TensorFlow cannot tell the number of pictures.
        none = tf.zeros([0, tf.shape(state.best_loss)[0], width])
        return state, tf.cond(made > 0, rows.stack, lambda: none), grads, wrt_value, made

    # A step is keras-vis's: modify, measure, update, modify. The row of a step is measured before its update, and the
    # picture it was measured at is kept, so that the last row and the last picture belong together.
    def _step(self, state: State, knobs: Knobs) -> tuple[State, Evaluation]:
        random = tf.stack([knobs.seeds, tf.fill(tf.shape(knobs.seeds), state.iteration)], -1)
        image, cache = state.image, state.cache
        for index, modifier in enumerate(self.input_modifiers):
            seed = random + tf.constant([index * 7919, 0])
            change = functools.partial(modifier.pre_tensor, random=seed, **knobs.modifiers[index])
            image = self._changed(modifier, change, image)
            if getattr(modifier, "only_moves", False):
                # The running mean is that of a place in the picture: left behind, it would scale another's gradient.
                cache = self._changed(modifier, change, cache)
        if not all(getattr(modifier, "only_moves", False) for modifier in self.input_modifiers):
            image = _keep(image, knobs)
        measured = image
        evaluation = self._evaluate(measured, knobs)
        grads = self._modify(evaluation.grads, knobs.grad_modifier)
        image, cache = self._update(measured, cache, grads, knobs)
        for modifier in reversed(self.input_modifiers):
            image = self._changed(modifier, modifier.post_tensor, image)
        image = _keep(image, knobs)
        *_, total = tf.unstack(evaluation.losses, axis=-1)
        # From its first total that is not finite on a picture stays as it was; in a batch the others go on.
        sound = state.sound & tf.math.is_finite(total)
        # NaN never wins, nor a loss of -inf, nor a step that a NaN gradient made.
        better = sound & (total < state.best_loss) & tf.math.is_finite(tf.reduce_sum(image, _axes_of(image)))
        next_state = State(
            image=image,
            cache=cache,
            iteration=state.iteration + 1,
            measured=_select(sound, measured, state.measured),
            best=_select(better, image, state.best),
            best_loss=_select(better, total, state.best_loss),
            sound=sound,
        )
        return next_state, evaluation._replace(grads=grads)

    def _evaluate(self, image: tf.Tensor, knobs: Knobs) -> Evaluation:
        if self._joint:
            return self.objective.jointly(image, knobs.weights, knobs.losses)
        apart = self.objective.may_pool and not self._is_small(image)
        return Evaluation(*(self._apart if apart else self.objective)(image, knobs.weights, knobs.losses))

    def _changed(self, modifier: InputModifier, change: Callable[..., tf.Tensor], image: tf.Tensor) -> tf.Tensor:
        """The pictures changed by a modifier; by one that a user wrote one after the other, if each is on its own."""
        if self._joint or image.shape[0] == 1 or getattr(modifier, "takes_batches", False):
            return change(image)
        return tf.map_fn(lambda picture: change(picture[None])[0], image)

    def _modify(self, grads: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        if self._norm_grads:
            one = self._joint or grads.shape[0] == 1  # for which TensorFlow has an operation of its own
            square = 2 * tf.nn.l2_loss(grads) if one else tf.reduce_sum(tf.square(grads), _axes_of(grads), True)
            grads *= tf.math.rsqrt(tf.maximum(square, 1e-12))
        # All are in the graph, as it is a drop-down list in the widget: another choice must not compile.
        branches = [lambda modify=modify: tf.ensure_shape(modify(grads), grads.shape) for modify in self._modifiers]
        return tf.switch_case(index, branches)

    def _is_small(self, image: tf.Tensor) -> bool:
        """Whether so little is computed that oneDNN's kernels would not pay; of a batch nobody knows its size here."""
        return image.shape[0] == 1 and self._small

    def _update(
        self, image: tf.Tensor, cache: tf.Tensor, grads: tf.Tensor, knobs: Knobs
    ) -> tuple[tf.Tensor, tf.Tensor]:
        if not self.objective.wrt_is_input:
            return image, cache  # the gradient by an inner tensor is looked at, not followed
        cache = DECAY * cache + (1 - DECAY) * tf.square(grads)
        return image - knobs.numbers["learning_rate"] * grads / tf.sqrt(cache + EPSILON), cache

    def _modifier_index(self, grad_modifier: Any) -> int:
        if grad_modifier is not None and grad_modifier is self._own_modifier:
            return len(self._modifiers) - 1
        modifier = grad_modifiers.get(grad_modifier)
        if modifier not in self._modifiers:
            expected = f"None, one of {', '.join(grad_modifiers.BUILT_IN)}, or the function that the step was made with"
            raise invalid("grad_modifier", expected, grad_modifier, "Make a step with it.")
        return self._modifiers.index(modifier)


_NEVER = StopFlag()


def _keep(image: tf.Tensor, knobs: Knobs) -> tf.Tensor:
    return tf.clip_by_value(image, *tf.unstack(knobs.bounds))


def _select(condition: tf.Tensor, new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
    """Of each two pictures, or numbers, one."""
    if condition.shape[0] == 1:
        condition = tf.reshape(condition, [])  # then nothing is copied
    return tf.raw_ops.Select(condition=condition, x=new, y=old)  # tf.where, which broadcasts, takes five times as long


def _tensors(knobs: dict[str, np.ndarray]) -> dict[str, tf.Tensor]:
    return {name: tf.constant(value) for name, value in knobs.items()}


def _shape_of(tensor: Any) -> Any:
    return tensor.shape if isinstance(tensor, tf.Tensor) else None


def _axes_of(pictures: tf.Tensor) -> list[int]:
    """The axes of one picture."""
    return list(range(1, pictures.shape.rank))


def _numpy_modifier(function: Callable[[Any], Any]) -> Callable[[tf.Tensor], tf.Tensor]:
    """A user's gradient modifier, written for arrays, inside the compiled loop; one picture at a time."""

    def changed(grads: np.ndarray) -> np.ndarray:
        parts = np.split(grads, len(grads)) if len(grads) > 1 else [grads]
        return np.concatenate([_as_gradient(function, part) for part in parts])

    def modify(grads: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.numpy_function(changed, [grads], tf.float32), grads.shape)

    return modify


def _as_gradient(function: Callable[[Any], Any], grads: np.ndarray) -> np.ndarray:
    result = function(grads)
    if result is None:
        raise invalid(
            "grad_modifier", "a function that returns the new gradient", result, "Return an array.", TypeError
        )
    return np.broadcast_to(np.asarray(result, np.float32), grads.shape)
