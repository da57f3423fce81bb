"""Steps of the optimization, compiled: an initial state, and a run of n steps.

:class:`Ascent` knows no loop of its own, no callbacks, no clock: a caller asks for n steps and gets the next state and
each step's losses. Every number that a person may change meanwhile is a tensor (:class:`Knobs`), so changing it never
compiles again. The update is keras-vis's RMSProp (2017, ``vis.optimizer``; Hinton, 2012), on the gradient divided by
its L2 norm: ``cache = 0.95 cache + 0.05 g**2; x -= learning_rate * g / sqrt(cache + 1e-7)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from actmax_widget import grad_modifiers
from actmax_widget.checks import invalid
from actmax_widget.input_modifiers import InputModifier
from actmax_widget.objective import Evaluation, Objective

DECAY = 0.95
EPSILON = 1e-7


class State(NamedTuple):
    """The whole state of an optimization. Tensors; the shapes of all but the scalars are the input's.

    Attributes:
        image: the running input, (batch, ..., channels) float32, after the last step.
        cache: running mean of the squared gradient.
        iteration: steps made, int32.
        measured: the input the last step's losses were measured at; while all losses are finite this is the newest one.
        best: the running input after the step whose total loss was the lowest so far.
        best_loss: that total, float32; inf before the first step.
    """

    image: tf.Tensor
    cache: tf.Tensor
    iteration: tf.Tensor
    measured: tf.Tensor
    best: tf.Tensor
    best_loss: tf.Tensor

    @classmethod
    def at(cls, image: np.ndarray) -> State:
        """The state before the first step, from a starting picture (batch, ..., channels)."""
        start = tf.constant(image, tf.float32)
        return cls(start, tf.zeros_like(start), tf.constant(0), start, start, tf.constant(np.inf, tf.float32))


class Knobs(NamedTuple):
    """What can be changed between two steps without compiling again. Tensors.

    Attributes:
        weights: (n,) float32, one for each loss.
        learning_rate: float32, factor of the step.
        bounds: (2,) float32, the input is kept between them; (-inf, inf) for no bounds.
        grad_modifier: int32, index of the gradient modifier; see :func:`modifier_index`.
        seed: int32, seeds the input modifiers' random numbers, together with the iteration.
        losses: the losses' knobs.
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
        losses: (steps made, losses + 1) float32: each step's weighted losses and their sum.
        grads: the last step's gradient, after normalisation and gradient modifier.
        wrt_value: the value it was taken at.
    """

    losses: np.ndarray
    grads: tf.Tensor
    wrt_value: tf.Tensor


class Ascent:
    """Steps of activation maximization, compiled.

    Args:
        objective: what is minimised.
        input_modifiers: run before and after each step; see :mod:`actmax_widget.input_modifiers`.
        grad_modifier: a function of the gradient that Knobs may choose besides the built-in ones.
        norm_grads: divide the gradient by its L2 norm.

    Attributes:
        traces: how often the step was compiled.

    Example:
        >>> ascent = Ascent(Objective(model.inputs[0], [(ActivationMaximization(layer, 3), 1.0)]))
        >>> state, knobs = State.at(seed), ascent.knobs()
        >>> state, steps = ascent.run(state, knobs, 100)
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
            self._modifiers.append(_numpy_modifier(grad_modifier))
        self._compiled = tf.function(self._loop, autograph=False)
        # Each ascent compiles once, and by design; TensorFlow would warn from the fifth picture on.
        self._compiled._omit_frequent_tracing_warning = True  # noqa: SLF001 - Keras's own way, without a public one

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
    ) -> Knobs:
        """Knobs from plain numbers; what is not given is as the objective and the input modifiers have it."""
        shape = tuple(self.objective.input_tensor.shape)
        return Knobs(
            tf.constant(self.objective.weights() if weights is None else weights, tf.float32),
            tf.constant(learning_rate, tf.float32),
            tf.constant(bounds, tf.float32),
            tf.constant(self._modifier_index(grad_modifier)),
            tf.constant(np.uint32(seed).astype(np.int32)),
            tuple(tf.constant(value, tf.float32) for value in (self.objective.knobs() if losses is None else losses)),
            tuple(
                _tensors(modifier.knobs(shape))
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
        state, losses, grads, wrt_value, made = self._compiled(
            state, knobs, tf.constant(n), _NEVER if stop is None else stop
        )
        return state, Steps(losses.numpy()[: int(made)], grads, wrt_value)

    def _loop(self, state: State, knobs: Knobs, n: tf.Tensor, stop: tf.Variable) -> tuple[Any, ...]:
        self.traces += 1
        width = len(self.objective.names) + 1
        rows = tf.TensorArray(tf.float32, n, element_shape=[width])

        def go_on(made: tf.Tensor, finite: tf.Tensor, *_: Any) -> tf.Tensor:
            # The variable is read at each step, so that Pause does not wait for the whole call.
            return (made < n) & finite & ~stop.read_value()

        def body(made: tf.Tensor, _: Any, state: State, rows: Any, *__: Any) -> tuple[Any, ...]:
            state, evaluation = self._step(state, knobs)
            finite = tf.math.is_finite(evaluation.losses[-1])
            return made + 1, finite, state, rows.write(made, evaluation.losses), evaluation.grads, evaluation.wrt_value

        # The gradient's shape is only known for certain where it is the input's, so any size of its axes is allowed.
        wrt = state.image if self.objective.wrt_is_input else tf.zeros([0] * self.objective.wrt_rank)
        start = (tf.constant(0), tf.constant(True), state, rows, wrt, wrt)
        shapes = tf.nest.map_structure(_shape_of, start)
        if not self.objective.wrt_is_input:
            shapes = (*shapes[:4], *[tf.TensorShape([None] * self.objective.wrt_rank)] * 2)
        made, _, state, rows, grads, wrt_value = tf.while_loop(go_on, body, start, shapes)
        return state, rows.stack(), grads, wrt_value, made

    def _step(self, state: State, knobs: Knobs) -> tuple[State, Evaluation]:
        random = tf.stack([knobs.seed, state.iteration])
        image = state.image
        for index, modifier in enumerate(self.input_modifiers):
            image = modifier.pre_tensor(image, random + tf.constant([index * 7919, 0]), **knobs.modifiers[index])
        measured = _keep(image, knobs)
        evaluation = self.objective(measured, knobs.weights, knobs.losses)
        grads = self._modify(evaluation.grads, knobs.grad_modifier)
        image, cache = self._update(measured, state.cache, grads, knobs)
        for modifier in reversed(self.input_modifiers):
            image = modifier.post_tensor(image)
        image = _keep(image, knobs)
        total = evaluation.losses[-1]
        # NaN never wins, nor a loss of -inf, nor a step that a NaN gradient made.
        better = (total < state.best_loss) & tf.math.is_finite(total) & tf.math.is_finite(tf.reduce_sum(image))
        next_state = State(
            image=image,
            cache=cache,
            iteration=state.iteration + 1,
            measured=tf.where(tf.math.is_finite(total), measured, state.measured),
            best=tf.where(better, image, state.best),
            best_loss=tf.where(better, total, state.best_loss),
        )
        return next_state, evaluation._replace(grads=grads)

    def _modify(self, grads: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        if self._norm_grads:
            grads = tf.math.l2_normalize(grads)  # over the whole array, batch included; epsilon 1e-12 as in keras-vis
        branches = [lambda modify=modify: tf.ensure_shape(modify(grads), grads.shape) for modify in self._modifiers]
        return tf.switch_case(index, branches)

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
    return tf.clip_by_value(image, knobs.bounds[0], knobs.bounds[1])


def _tensors(knobs: dict[str, np.ndarray]) -> dict[str, tf.Tensor]:
    return {name: tf.constant(value) for name, value in knobs.items()}


def _shape_of(tensor: Any) -> Any:
    return tensor.shape if isinstance(tensor, tf.Tensor) else None


def _numpy_modifier(function: Callable[[Any], Any]) -> Callable[[tf.Tensor], tf.Tensor]:
    """A user's gradient modifier, written for arrays, inside the compiled loop."""

    def modify(grads: tf.Tensor) -> tf.Tensor:
        result = tf.numpy_function(lambda array: _as_gradient(function, array), [grads], tf.float32)
        return tf.ensure_shape(result, grads.shape)

    return modify


def _as_gradient(function: Callable[[Any], Any], grads: np.ndarray) -> np.ndarray:
    result = function(grads)
    if result is None:
        raise invalid(
            "grad_modifier", "a function that returns the new gradient", result, "Return an array.", TypeError
        )
    return np.broadcast_to(np.asarray(result, np.float32), grads.shape)
