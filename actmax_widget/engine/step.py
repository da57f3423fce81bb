"""Steps of the optimization, compiled: an initial state, and a run of n steps.

:class:`Step` knows no loop of its own, no callbacks, no clock: a caller asks for n steps and gets the next state and
each step's losses. Every number that a person may change meanwhile is a tensor (:class:`Knobs`), so changing it never
compiles again. The update is keras-vis's RMSProp (2017, ``vis.optimizer``; Hinton, 2012), on the gradient divided by
its L2 norm: ``cache = 0.95 cache + 0.05 g**2; x -= learning_rate * g / sqrt(cache + 1e-7)``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from actmax_widget import grad_modifiers
from actmax_widget.checks import invalid
from actmax_widget.engine import compilation
from actmax_widget.engine.objective import Evaluation, Objective
from actmax_widget.input_modifiers import InputModifier, Jitter
from actmax_widget.network import graph

DECAY = 0.95
EPSILON = 1e-7


class State(NamedTuple):
    """The whole state of an optimization. Tensors; the shapes of the pictures are the input's.

    What is "() or (batch,)" is one number for the whole input, or one for each picture if the objective has losses for
    each.

    Attributes:
        image: the running input, (batch, ..., channels) float32, after the last step.
        cache: running mean of the squared gradient.
        iteration: steps made, int32.
        measured: the input the last step's losses were measured at; while all losses are finite this is the newest one.
        best: the running input after the step whose total loss was the lowest so far.
        best_loss: that total, float32, () or (batch,); inf before the first step.
        sound: whether all totals so far were finite, bool, () or (batch,). What is not sound does not change any more.
    """

    image: tf.Tensor
    cache: tf.Tensor
    iteration: tf.Tensor
    measured: tf.Tensor
    best: tf.Tensor
    best_loss: tf.Tensor
    sound: tf.Tensor

    @classmethod
    def at(cls, image: np.ndarray, *, each: bool = False) -> State:
        """The state before the first step, from a starting picture (batch, ..., channels)."""
        start = tf.constant(image, tf.float32)
        numbers = (len(image),) if each else ()
        return cls(
            start,
            tf.zeros_like(start),
            tf.constant(0),
            start,
            start,
            tf.fill(numbers, np.float32(np.inf)),
            tf.fill(numbers, value=True),
        )


class Knobs(NamedTuple):
    """What can be changed between two steps without compiling again. Tensors.

    Attributes:
        weights: (n,) float32, one for each loss.
        learning_rate: float32, factor of the step.
        bounds: (2,) float32, the input is kept between them; (-inf, inf) for no bounds.
        grad_modifier: int32, index of the gradient modifier; see :func:`modifier_index`.
        seed: int32, seeds the input modifiers' random numbers, together with the iteration.
        losses: the losses' knobs, with a batch axis if the objective has losses for each picture.
        modifiers: the input modifiers' knobs, a dict for each.
    """

    weights: tf.Tensor
    learning_rate: tf.Tensor
    bounds: tf.Tensor
    grad_modifier: tf.Tensor
    seed: tf.Tensor
    losses: tuple[tf.Tensor, ...]
    modifiers: tuple[dict[str, tf.Tensor], ...]


class Steps(NamedTuple):
    """What a run of n steps gives besides the next state.

    Attributes:
        losses: (steps made, losses + 1) float32: each step's weighted losses and their sum; (steps made, batch,
            losses + 1) if the objective has losses for each picture.
        grads: the last step's gradient, after normalisation and gradient modifier.
        wrt_value: the value it was taken at.
    """

    losses: np.ndarray
    grads: tf.Tensor
    wrt_value: tf.Tensor


class Step:
    """Steps of activation maximization, compiled.

    Args:
        objective: what is minimised.
        input_modifiers: run before and after each step; see :mod:`actmax_widget.input_modifiers`.
        grad_modifier: a function of the gradient that Knobs may choose besides the built-in ones.
        norm_grads: divide the gradient by its L2 norm.

    Attributes:
        traces: how often the step was compiled.

    Example:
        >>> step = Step(Objective(model.inputs[0], [(ActivationMaximization(layer, 3), 1.0)]))
        >>> state, knobs = State.at(seed), step.knobs()
        >>> state, steps = step.run(state, knobs, 100)
        >>> steps.losses.shape
        (100, 2)
    """

    def __init__(
        self,
        objective: Objective,
        *,
        input_modifiers: Sequence[InputModifier] = (),
        grad_modifier: Callable[[Any], Any] | None = None,
        norm_grads: bool = True,
    ) -> None:
        self.objective = objective
        self.input_modifiers = tuple(input_modifiers)
        self.traces = 0
        self._norm_grads = norm_grads
        self._modifiers = [grad_modifiers.identity, *grad_modifiers.BUILT_IN.values()]
        if grad_modifier is not None:
            self._modifiers.append(_numpy_modifier(grad_modifier, each=objective.each))
        self._small = compilation.is_small(objective.outputs, each=objective.each)
        # A function of its own is outside of the loop's circle: inside, TensorFlow may leave the gradient of a pooling
        # layer to a kernel ten times slower, as it looks for the forward one first.
        apart = objective.may_pool and not self._small
        self._evaluate = (
            compilation.function(objective, experimental_attributes={"_noinline": True}) if apart else objective
        )
        self._function = compilation.function(self._loop, input_signature=self._signature() if objective.each else None)
        self._compiled: dict[tuple[int, ...] | None, Callable[..., Any]] = {}  # by the shape of the pictures

    def _signature(self) -> Any:
        """Any number of pictures, or as many as the model takes, where each has its own losses."""
        batch, *shape = self.objective.input_tensor.shape

        def of_any_number(tensor: tf.Tensor, number: int | None = None) -> tf.TensorSpec:
            return tf.TensorSpec([number, *tensor.shape[1:]] if tensor.shape.rank else [], tensor.dtype)

        start = State.at(np.zeros([1, *shape], np.float32), each=True)
        state = tf.nest.map_structure(functools.partial(of_any_number, number=batch), start)
        example = self.knobs()
        knobs = tf.nest.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), example)
        knobs = knobs._replace(losses=tf.nest.map_structure(of_any_number, example.losses))
        return state, knobs, tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.resource)

    def knobs(
        self,
        *,
        weights: Sequence[float] | None = None,
        learning_rate: float = 1.0,
        bounds: tuple[float, float] = (-np.inf, np.inf),
        grad_modifier: Any = None,
        seed: int = 0,
        losses: Sequence[Any] | None = None,
        modifiers: Sequence[InputModifier] | None = None,
        apart: bool = False,
    ) -> Knobs:
        """Knobs from plain numbers; what is not given is as the objective and the input modifiers have it.

        With ``apart`` each picture of a batch is jittered by offsets of its own.
        """
        shape = tuple(self.objective.input_tensor.shape)
        if losses is None:
            losses = [value[None] if self.objective.each else value for value in self.objective.knobs()]
        return Knobs(
            tf.constant(self.objective.weights() if weights is None else weights, tf.float32),
            tf.constant(learning_rate, tf.float32),
            tf.constant(bounds, tf.float32),
            tf.constant(self._modifier_index(grad_modifier)),
            tf.constant(np.uint32(seed).astype(np.int32)),
            tuple(tf.constant(value, tf.float32) for value in losses),
            tuple(
                _tensors(
                    modifier.knobs(shape, self.objective.layout.spatial)
                    | ({"apart": np.array(apart)} if type(modifier) is Jitter else {})
                )
                for modifier in (self.input_modifiers if modifiers is None else modifiers)
            ),
        )

    def run(self, state: State, knobs: Knobs, n: int, stop: tf.Variable | None = None) -> tuple[State, Steps]:
        """Make up to ``n`` steps in one compiled call.

        Args:
            state: from :meth:`State.at` or an earlier run.
            knobs: from :meth:`knobs`.
            n: steps to make, >= 1.
            stop: a boolean variable; set from another thread it ends the call after the step in hand.

        Returns:
            The next state and what the steps measured. Fewer than ``n`` steps were made if ``stop`` was set, or if a
            total loss was not finite: that step's row is the last, and ``state.measured`` is the picture before it.
        """
        shape = None if self.objective.each else tuple(state.image.shape)
        arguments = (state, knobs, tf.constant(n), (_NEVER if stop is None else stop).handle)
        if shape not in self._compiled:
            with graph.TRACING:
                self._compiled[shape] = compilation.traced(self._function, *arguments)
        with compilation.as_written():
            state, losses, grads, wrt_value, made = self._compiled[shape](*arguments)
        return state, Steps(losses.numpy()[: int(made)], grads, wrt_value)

    def silent(self, state: State, knobs: Knobs) -> np.ndarray:
        """Whether no gradient of what is excited reaches a state's picture: bool, () or (batch,).

        It takes a step, with the regularizers off, so it is asked only where the losses never changed.
        """
        weights = knobs.weights.numpy() * self.objective.excites
        none = np.zeros(state.sound.shape, bool)
        if not weights.any():
            return none  # nothing is excited, and that is what was asked for
        _, steps = self.run(state, knobs._replace(weights=tf.constant(weights), grad_modifier=tf.constant(0)), 1)
        axes = tuple(range(1, steps.grads.ndim)) if self.objective.each else None
        return ~np.any(steps.grads.numpy(), axis=axes) & state.sound.numpy() if len(steps.losses) else none

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
        if self._small:
            compilation.leave_loops_whole()
        self.traces += 1  # not before, as what cannot be compiled is not compiled
        if not self.objective.each:
            return state, rows.stack(), grads, wrt_value, made
        # Of no rows at all TensorFlow cannot tell the number of pictures.
        none = tf.zeros([0, tf.shape(state.best_loss)[0], width])
        return state, tf.cond(made > 0, rows.stack, lambda: none), grads, wrt_value, made

    def _step(self, state: State, knobs: Knobs) -> tuple[State, Evaluation]:
        random = tf.stack([knobs.seed, state.iteration])
        image = state.image
        for index, modifier in enumerate(self.input_modifiers):
            seed = random + tf.constant([index * 7919, 0])
            change = functools.partial(modifier.pre_tensor, random=seed, **knobs.modifiers[index])
            image = self._changed(modifier, change, image)
        if not all(getattr(modifier, "keeps_range", False) for modifier in self.input_modifiers):
            image = _keep(image, knobs)
        measured = image
        evaluation = Evaluation(*self._evaluate(measured, knobs.weights, knobs.losses))
        grads = self._modify(evaluation.grads, knobs.grad_modifier)
        image, cache = self._update(measured, state.cache, grads, knobs)
        for modifier in reversed(self.input_modifiers):
            image = self._changed(modifier, modifier.post_tensor, image)
        image = _keep(image, knobs)
        *_, total = tf.unstack(evaluation.losses, axis=-1)
        sound = state.sound & tf.math.is_finite(total)
        # NaN never wins, nor a loss of -inf, nor a step that a NaN gradient made.
        better = sound & (total < state.best_loss) & tf.math.is_finite(tf.reduce_sum(image, self._picture_axes(image)))
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

    def _changed(self, modifier: InputModifier, change: Callable[..., tf.Tensor], image: tf.Tensor) -> tf.Tensor:
        """The pictures changed by a modifier; by one that a user wrote one after the other, if each is on its own."""
        if not self.objective.each or type(modifier) is Jitter:
            return change(image)
        return tf.map_fn(lambda picture: change(picture[None])[0], image)

    def _modify(self, grads: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        if self._norm_grads:
            # By the norm of the whole array, batch included, as in keras-vis; by each picture's if it has its own loss.
            axes = self._picture_axes(grads)
            square = tf.reduce_sum(tf.square(grads), axes, keepdims=True) if axes else 2 * tf.nn.l2_loss(grads)
            grads *= tf.math.rsqrt(tf.maximum(square, 1e-12))
        branches = [lambda modify=modify: tf.ensure_shape(modify(grads), grads.shape) for modify in self._modifiers]
        return tf.switch_case(index, branches)

    def _picture_axes(self, tensor: tf.Tensor) -> list[int] | None:
        """The axes of one picture if each has its own losses; None for all axes."""
        return list(range(1, tensor.shape.rank)) if self.objective.each else None

    def _update(
        self, image: tf.Tensor, cache: tf.Tensor, grads: tf.Tensor, knobs: Knobs
    ) -> tuple[tf.Tensor, tf.Tensor]:
        if not self.objective.wrt_is_input:
            return image, cache  # the gradient by an inner tensor is looked at, not followed
        cache = DECAY * cache + (1 - DECAY) * tf.square(grads)
        return image - knobs.learning_rate * grads / tf.sqrt(cache + EPSILON), cache

    def _modifier_index(self, grad_modifier: Any) -> int:
        if isinstance(grad_modifier, str) or grad_modifier is None:
            return self._modifiers.index(grad_modifiers.get(grad_modifier))
        return len(self._modifiers) - 1


_NEVER = tf.Variable(False, trainable=False, name="never_stop")


def _keep(image: tf.Tensor, knobs: Knobs) -> tf.Tensor:
    return tf.clip_by_value(image, *tf.unstack(knobs.bounds))


def _select(condition: tf.Tensor, new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
    """One of two tensors, or, with a condition for each picture, of each two pictures."""
    return tf.raw_ops.Select(condition=condition, x=new, y=old)  # tf.where, which broadcasts, takes five times as long


def _tensors(knobs: dict[str, np.ndarray]) -> dict[str, tf.Tensor]:
    return {name: tf.constant(value) for name, value in knobs.items()}


def _shape_of(tensor: Any) -> Any:
    return tensor.shape if isinstance(tensor, tf.Tensor) else None


def _numpy_modifier(function: Callable[[Any], Any], *, each: bool) -> Callable[[tf.Tensor], tf.Tensor]:
    """A user's gradient modifier, written for arrays, inside the compiled loop; one picture at a time if ``each``."""

    def changed(grads: np.ndarray) -> np.ndarray:
        parts = np.split(grads, len(grads)) if each else [grads]
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
