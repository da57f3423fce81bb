"""The optimization: an initial state, a compiled run of n steps, and keras-vis's ``minimize`` that loops over it.

:class:`Ascent` knows no loop of its own, no callbacks, no clock: a caller asks for n steps and gets the next state and
each step's losses. Every number that a person may change meanwhile is a tensor (:class:`Knobs`), so changing it never
compiles again. The update is keras-vis's RMSProp (2017, ``vis.optimizer``; Hinton, 2012): on the gradient divided by
its L2 norm, ``cache = 0.95 cache + 0.05 g**2; x -= learning_rate * g / sqrt(cache + 1e-7)``.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from actmax_widget import grad_modifiers, graph, utils
from actmax_widget.callbacks import OptimizerCallback, Print
from actmax_widget.checks import check_integer, check_number, check_range, check_seed, invalid
from actmax_widget.input_modifiers import InputModifier
from actmax_widget.objective import Evaluation, Objective

DECAY = 0.95
EPSILON = 1e-7
SECONDS_PER_CALL = 0.5
"""How long a compiled call of ``minimize`` may last, so that Ctrl-C is answered."""


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


class Optimizer:
    """keras-vis's optimizer: minimise weighted losses over the input.

    Args:
        input_tensor: the model's symbolic input, ``model.inputs[0]``.
        losses: pairs of a :class:`~actmax_widget.losses.Loss` and its weight; a weight of 0 or ``None`` leaves the loss
            out.
        input_range: (low, high), the range of the input's values.
        wrt_tensor: symbolic tensor to take gradients by. With any other than the input the input is not changed.
        norm_grads: divide the gradient by its L2 norm.
        **objective: ``held`` and ``gate`` of :class:`~actmax_widget.objective.Objective`.

    Raises:
        ValueError, TypeError: for bad arguments, before anything is computed.

    Example:
        >>> losses = [(ActivationMaximization(model.layers[-1], 3), 1), (TotalVariation(model.inputs[0]), 10)]
        >>> image, grads, wrt_value = Optimizer(model.inputs[0], losses).minimize(max_iter=100)

    Source: keras-vis ``vis.optimizer.Optimizer``, 2017.
    """

    def __init__(
        self,
        input_tensor: Any,
        losses: Sequence[Any],
        input_range: tuple[float, float] = (0, 255),
        wrt_tensor: Any = None,
        norm_grads: bool = True,
        **objective: Any,
    ) -> None:
        self.input_range = check_range(input_range, reverse=True)
        self.norm_grads = norm_grads
        used = [entry for entry in losses if not _is_switched_off(entry)]
        self.objective = Objective(input_tensor, used, wrt_tensor, **objective)

    def minimize(
        self,
        seed_input: np.ndarray | None = None,
        max_iter: int = 200,
        input_modifiers: Sequence[InputModifier] | None = None,
        grad_modifier: Any = None,
        callbacks: Sequence[OptimizerCallback] | None = None,
        verbose: bool = True,
        *,
        learning_rate: float = 1.0,
        clip: bool = False,
        seed: int | None = None,
        progress: bool = False,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Run the optimization.

        Args:
            seed_input: starting picture, with or without batch axis; ``None`` is noise around the middle of
                ``input_range``.
            max_iter: iterations, >= 1.
            input_modifiers: e.g. ``[Jitter(0.05)]``.
            grad_modifier: a name in :mod:`~actmax_widget.grad_modifiers` or a function of the gradient array.
            callbacks: called at each iteration; the optimization then makes one step a call.
            verbose: print each iteration's losses.
            learning_rate: > 0, factor of the step.
            clip: keep the input inside ``input_range`` at every step, and return the picture the network saw last.
            seed: random state for the noise and the jitter; ``None`` takes NumPy's global one.
            progress: show a tqdm bar (needs tqdm).

        Returns:
            The picture (without batch axis, channels last), and the gradient and the value of ``wrt_tensor`` at the
            last iteration. Without ``clip`` the picture is the one after the step whose loss was lowest, rescaled by
            :func:`~actmax_widget.utils.deprocess_input`.

        Raises:
            ValueError, TypeError: for bad arguments, before anything is computed.
            ImportError: ``progress`` without tqdm.
            FloatingPointError: the loss was not finite in the first iteration, so that there is no picture.
        """
        max_iter = check_integer("max_iter", max_iter, least=1, advice="Pass e.g. max_iter=200.")
        learning_rate = check_number("learning_rate", learning_rate, above=0, advice="Pass e.g. learning_rate=1.")
        modifiers = _check_sequence("input_modifiers", input_modifiers, InputModifier, "Pass e.g. [Jitter(0.05)].")
        callbacks = _check_sequence("callbacks", callbacks, OptimizerCallback, "Pass e.g. [Print()].")
        modifier = grad_modifiers.get(grad_modifier)
        custom = modifier if callable(grad_modifier) else None
        ascent = Ascent(self.objective, input_modifiers=modifiers, grad_modifier=custom, norm_grads=self.norm_grads)
        random = np.random if seed is None else np.random.RandomState(check_seed(seed))
        state = State.at(starting_image(self.objective.input_tensor, seed_input, self.input_range, random))
        knobs = ascent.knobs(
            learning_rate=learning_rate,
            bounds=(min(self.input_range), max(self.input_range)) if clip else (-np.inf, np.inf),
            grad_modifier=grad_modifier,
            seed=int(random.randint(2**31)) if seed is None and modifiers else seed or 0,
        )
        watchers = [*callbacks, *([Print()] if verbose else ())]
        with _progress_bar(max_iter, shown=progress) as advance:
            if watchers:
                state, steps = self._watched(ascent, state, knobs, max_iter, watchers, advance)
            else:
                state, steps = self._unwatched(ascent, state, knobs, max_iter, advance)
        return self._picture(state, clip=clip), utils.to_numpy(steps.grads), utils.to_numpy(steps.wrt_value)

    def _watched(
        self,
        ascent: Ascent,
        state: State,
        knobs: Knobs,
        max_iter: int,
        callbacks: Sequence[OptimizerCallback],
        advance: Callable[[int], Any],
    ) -> tuple[State, Steps]:
        for i in range(max_iter):
            state, steps = ascent.run(state, knobs, 1)
            row = steps.losses[0]
            advance(1)
            named = list(zip(self.objective.names, row[:-1], strict=True))
            for callback in callbacks:
                callback.callback(i, named, row[-1], utils.to_numpy(steps.grads), utils.to_numpy(steps.wrt_value))
            if not np.isfinite(row[-1]):
                _report_not_finite(i, row)
                break
        for callback in callbacks:
            callback.on_end()
        return state, steps

    def _unwatched(
        self, ascent: Ascent, state: State, knobs: Knobs, max_iter: int, advance: Callable[[int], Any]
    ) -> tuple[State, Steps]:
        made, n = 0, 1
        while made < max_iter:
            begin = time.perf_counter()
            state, steps = ascent.run(state, knobs, min(n, max_iter - made))
            made += len(steps.losses)
            advance(len(steps.losses))
            if not np.isfinite(steps.losses[-1, -1]):
                _report_not_finite(made - 1, steps.losses[-1])
                break
            # The first call was compiled, so it tells nothing about the time of a step.
            n = 8 if n == 1 else max(1, int(n * SECONDS_PER_CALL / (time.perf_counter() - begin)))
        return state, steps

    def _picture(self, state: State, *, clip: bool) -> np.ndarray:
        if clip:
            return graph.to_channels_last(utils.to_numpy(state.measured)[0])
        return utils.deprocess_input(graph.to_channels_last(utils.to_numpy(state.best)[0]), self.input_range)


@contextlib.contextmanager
def _progress_bar(total: int, *, shown: bool) -> Iterator[Callable[[int], Any]]:
    """A bar to advance by a number of iterations; not shown, it does nothing."""
    if not shown:
        yield lambda _: None
        return
    try:
        from tqdm.auto import tqdm  # noqa: PLC0415 - not a dependency
    except ImportError as error:
        message = "progress=True needs tqdm: pip install tqdm."
        raise ImportError(message) from error
    with tqdm(total=total, unit="step") as bar:
        yield bar.update


def _check_sequence(name: str, value: Any, kind: type, advice: str) -> list[Any]:
    """A list of objects of one kind, or of any that have its methods; None is none."""
    if value is None:
        return []
    expected = f"a sequence of {kind.__name__} objects"
    if not isinstance(value, list | tuple):
        raise invalid(name, expected, value, advice, TypeError)
    methods = [method for method in vars(kind) if not method.startswith("_")]
    for entry in value:
        if not all(hasattr(entry, method) for method in methods):
            raise invalid(name, expected, entry, advice, TypeError)
    return list(value)


def _is_switched_off(entry: Any) -> bool:
    return (
        isinstance(entry, tuple | list)
        and len(entry) == 2
        and (entry[1] is None or (np.isscalar(entry[1]) and entry[1] == 0))
    )


def _report_not_finite(i: int, row: np.ndarray) -> None:
    message = f"The total loss of iteration {i + 1} is {row[-1]}. Lower learning_rate or a weight, or change the seed."
    if i == 0:
        raise FloatingPointError(message)
    warnings.warn(f"{message} The picture is the best one before it.", RuntimeWarning, stacklevel=4)


def _fits(shape: tuple[int | None, ...], pictures: np.ndarray) -> bool:
    given = pictures.shape[1:]
    return len(given) == len(shape) and all(want in {None, size} for want, size in zip(shape, given, strict=True))


def starting_image(
    input_tensor: Any,
    seed_input: Any,
    input_range: tuple[float, float],
    random: Any = np.random,
    name: str = "seed_input",
) -> np.ndarray:
    """The starting picture as float32 with a batch axis.

    Args:
        input_tensor: the model's symbolic input, of known size.
        seed_input: an array shaped like the input, with or without batch axis; ``None`` for noise with mean in the
            middle of ``input_range`` and a standard deviation of a twentieth of it.
        input_range: (low, high).
        random: a :class:`numpy.random.RandomState` or ``numpy.random``.
        name: what the argument is called, for errors.

    Raises:
        ValueError: another shape than the input's, no size known, or values that are not finite.
        TypeError: not an array of numbers.
    """
    shape = tuple(input_tensor.shape[1:])
    if seed_input is None:
        if None in shape:
            raise invalid(
                "seed_input", f"an array, as the input's size {shape} is not known", None, "Pass a starting picture."
            )
        low, high = input_range
        return utils.random_array((1, *shape), (low + high) / 2, 0.05 * (high - low), random).astype(np.float32)
    image = np.asarray(seed_input)
    expected = f"a numeric array of shape {shape}, with or without a batch axis"
    if image.dtype.kind not in "biuf":
        raise invalid(name, expected, seed_input, "Pass e.g. a NumPy array of pixels.", TypeError)
    image = image[None] if image.ndim == len(shape) else image
    if not _fits(shape, image) and image.ndim == len(shape) + 1:
        image = graph.from_channels_last(image)  # taken too where the model wants its channels first
    if not _fits(shape, image) or 0 in image.shape:
        raise invalid(name, expected, np.shape(seed_input), "Resize or reshape the picture.")
    if not np.isfinite(image).all():
        raise invalid(name, "finite values", "NaN or infinity", "Check the picture.")
    return image.astype(np.float32)
