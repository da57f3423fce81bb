"""keras-vis's optimizer (2017, ``vis.optimizer``): ``minimize`` loops over the compiled steps of an :class:`Step`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from actmax_widget import grad_modifiers, utils
from actmax_widget.callbacks import OptimizerCallback, Print, check_callbacks
from actmax_widget.checks import check_range, check_sequence
from actmax_widget.engine import diagnosis
from actmax_widget.engine.objective import Objective, check_losses, knobs_of
from actmax_widget.engine.step import Knobs, State, Step, Steps
from actmax_widget.input_modifiers import InputModifier
from actmax_widget.losses import Loss
from actmax_widget.network import layout, starting
from actmax_widget.parameters import documented, parameters_of
from actmax_widget.regularizers import Regularizer
from actmax_widget.settings import Settings

SECONDS_PER_CALL = 0.5
"""How long a compiled call of ``minimize`` may last, so that Ctrl-C is answered."""


class Optimizer:
    """keras-vis's optimizer: minimise weighted losses over the input.

    Args:
        input_tensor: the model's symbolic input, ``model.inputs[0]``.
        losses: pairs of a :class:`~actmax_widget.losses.Loss` and its weight; a weight of 0 or ``None`` leaves the loss
            out.
        input_range: (low, high), the range of the input's values.
        wrt_tensor: symbolic tensor to take gradients by. With any other than the input the input is not changed.
        norm_grads: divide the gradient by its L2 norm.
        step_for: makes the compiled step from the losses and the input modifiers, see
            :func:`actmax_widget.engine.cache.step_for`; ``None`` compiles one for each call.

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
        *,
        step_for: Callable[..., Step] | None = None,
    ) -> None:
        self.input_range = check_range(input_range, reverse=True)
        self.norm_grads = norm_grads
        self.input_tensor = input_tensor
        self.losses = switched_on(losses)
        if step_for is None:
            # Built now, so that what is wrong with a loss is said now.
            objective = Objective(input_tensor, self.losses, wrt_tensor)
            self._step_for: Callable[..., Step] = lambda _, **options: Step(objective, **options)
        else:
            self._step_for = step_for

    @documented(Settings)
    def minimize(
        self,
        seed_input: Any = None,
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
        seed_fit: str = "crop",
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Run the optimization.

        Args:
            seed_input: starting picture: a path or a Pillow image, scaled to ``input_range``, or an array of the
                network's own values, with or without batch axis; ``None`` is noise around the middle of
                ``input_range``. See :func:`~actmax_widget.network.starting.start_of`.
            max_iter: >= 1. {max_iter}
            input_modifiers: e.g. ``[Jitter(0.05)]``.
            grad_modifier: a name in :mod:`~actmax_widget.grad_modifiers` or a function of the gradient array.
            callbacks: called at each iteration; the optimization then makes one step a call. One that raises
                ``StopIteration`` ends the run after this iteration.
            verbose: print each iteration's losses.
            learning_rate: > 0. {learning_rate}
            clip: {clip} With it the picture is the one that the network saw last.
            seed: random state for the noise and the jitter; ``None`` takes NumPy's global one.
            progress: show a tqdm bar (needs tqdm).
            seed_fit: ``"crop"``, which a warning tells, ``"pad"`` or ``"stretch"``. {seed_fit}

        Returns:
            The picture (without batch axis, channels last), and the gradient and the value of ``wrt_tensor`` at the
            last iteration. Without ``clip`` the picture is the one after the step whose loss was lowest, rescaled by
            :func:`~actmax_widget.utils.deprocess_input`.
            A run that was ended early, by a callback or by Ctrl-C, gives the picture made so far; ``on_end`` of the
            callbacks is called.

        Raises:
            ValueError, TypeError: for bad arguments, and for a ``wrt_tensor`` that no gradient reaches, before anything
                is computed.
            ImportError: ``progress`` without tqdm.
            FloatingPointError: the loss was not finite in the first iteration, so that there is no picture.
            KeyboardInterrupt: Ctrl-C before the first iteration was made.

        Warns:
            RuntimeWarning: interrupted by Ctrl-C, after how many iterations; a loss that was not finite; or no gradient
                at all, as the unit is never active.
        """
        declared = parameters_of(Settings)
        max_iter = declared["max_iter"].check(max_iter)
        learning_rate = declared["learning_rate"].check(learning_rate)
        modifiers = check_sequence("input_modifiers", input_modifiers, InputModifier, "Pass e.g. [Jitter(0.05)].")
        callbacks = check_callbacks(callbacks)
        modifier = grad_modifiers.get(grad_modifier)
        custom = modifier if callable(grad_modifier) else None
        random = np.random if seed is None else np.random.RandomState(declared["seed"].check(seed))
        start = starting.start_of(self.input_tensor, seed_input, self.input_range, seed_fit)
        state = State.at(starting.starting_image(self.input_tensor, start.array, self.input_range, random))
        start.warn()
        pictures = len(state.measured)
        options = {"input_modifiers": modifiers, "grad_modifier": custom, "norm_grads": self.norm_grads}
        options["joint"] = pictures > 1
        step = self._step_for(self.losses, **options)
        knobs = step.knobs(
            weights=[weight for _, weight in self.losses],
            losses=[knob.repeat(pictures, axis=0) for knob in knobs_of(loss for loss, _ in self.losses)],
            modifiers=modifiers,
            learning_rate=learning_rate,
            bounds=(min(self.input_range), max(self.input_range)) if clip else (-np.inf, np.inf),
            grad_modifier=grad_modifier,
            seed=int(random.randint(2**31)) if seed is None and modifiers else seed or 0,
        )
        watchers = [*callbacks, *([Print()] if verbose else ())]
        with progress_bar(max_iter, shown=progress) as advance:
            state, steps = self._run(step, state, knobs, max_iter, watchers, advance)
        return self._picture(state, clip=clip), utils.to_numpy(steps.grads), utils.to_numpy(steps.wrt_value)

    def _run(
        self,
        step: Step,
        state: State,
        knobs: Knobs,
        max_iter: int,
        watchers: Sequence[OptimizerCallback],
        advance: Callable[[int], Any],
    ) -> tuple[State, Steps]:
        steps, calls, still = None, Calls(single=bool(watchers)), Still(step.objective.excites)
        try:
            while calls.made < max_iter:
                state, steps = step.run(state, knobs, calls.begin(max_iter))
                calls.end(len(steps.losses))
                advance(len(steps.losses))
                still.look(steps.losses[:, 0])
                enough = self._tell(watchers, calls.made - 1, steps)
                if not np.isfinite(steps.losses[-1, 0, -1]):
                    kept = "The picture is the best one before it."
                    report_not_finite(calls.made - 1, steps.losses[-1, 0, -1], step, kept)
                    break
                if enough:
                    break
        except KeyboardInterrupt:
            if steps is None:
                raise
            report_interrupted(int(state.iteration), max_iter)
        for callback in watchers:
            callback.on_end()
        assert steps is not None  # noqa: S101 - for mypy: there is at least one iteration
        if still.all() and step.silent(state, knobs)[0]:
            report_silent([loss for loss, _ in self.losses], int(state.iteration))
        return state, steps

    def _tell(self, watchers: Sequence[OptimizerCallback], i: int, steps: Steps) -> bool:
        """Call the callbacks of an iteration; whether one of them has had enough."""
        if not watchers:
            return False
        row = steps.losses[0, 0]
        named = [(loss.name, value) for (loss, _), value in zip(self.losses, row[:-1], strict=True)]
        return told(watchers, i, named, row[-1], utils.to_numpy(steps.grads), utils.to_numpy(steps.wrt_value))

    def _picture(self, state: State, *, clip: bool) -> np.ndarray:
        picture = utils.to_numpy(state.measured if clip else state.best)[0]
        picture = layout.of_input(self.input_tensor).to_channels_last(picture)
        return picture if clip else utils.deprocess_input(picture, self.input_range)


def told(watchers: Sequence[OptimizerCallback], i: int, named: Any, total: Any, grads: Any, wrt_value: Any) -> bool:
    """Call each callback, and tell whether any ended the picture by raising StopIteration."""
    enough = False
    for callback in watchers:
        try:
            callback.callback(i, named, total, grads, wrt_value)
        except StopIteration:
            enough = True  # the others hear of this iteration too
    return enough


class Calls:
    """How many steps to make in a compiled call: so many that Ctrl-C is answered, and the call costs little.

    Args:
        single: one in each, so that somebody can be told of it.

    Attributes:
        made: steps made.
    """

    def __init__(self, *, single: bool) -> None:
        self.made, self._begin = 0, 0.0
        self._n, self._single = 1, single

    def begin(self, most: int) -> int:
        """Steps to make now, so that ``made`` is ``most`` at the most."""
        self._begin = time.perf_counter()
        return min(self._n, most - self.made)

    def end(self, made: int) -> None:
        """So many were made."""
        self.made += made
        if not self._single:
            # The first call was compiled, so it tells nothing about the time of a step.
            seconds = time.perf_counter() - self._begin
            self._n = 8 if self._n == 1 else max(1, int(made * SECONDS_PER_CALL / max(seconds, 1e-6)))


class Still:
    """Whether some losses have the same value at every iteration.

    Args:
        columns: (n,) bool, which.
    """

    def __init__(self, columns: np.ndarray) -> None:
        self._columns, self._looked = columns, 0
        self._first = np.empty((0, len(columns) + 1), np.float32)
        self._all = True

    def look(self, rows: np.ndarray) -> None:
        """Look at the next iterations' losses, (steps, losses + 1)."""
        seen = np.concatenate([self._first, rows])
        self._first = seen[:1]
        self._all = self._all and (len(seen) < 2 or bool(diagnosis.unchanged(seen, self._columns)))
        self._looked += len(rows)

    def all(self) -> bool:
        """Whether they had, in two iterations at least."""
        return self._all and self._looked > 1


@contextlib.contextmanager
def progress_bar(total: int, *, shown: bool, unit: str = "step") -> Iterator[Callable[[int], Any]]:
    """A bar to advance by a number of iterations, or whatever is counted; not shown, it does nothing."""
    if not shown:
        yield lambda _: None
        return
    try:
        from tqdm.auto import tqdm  # noqa: PLC0415 - not a dependency
    except ImportError as error:
        message = "progress=True needs tqdm: pip install tqdm."
        raise ImportError(message) from error
    with tqdm(total=total, unit=unit) as bar:
        yield bar.update


def switched_on(losses: Sequence[Any]) -> list[tuple[Loss, float]]:
    """The losses whose weight is neither 0 nor None, checked."""
    return check_losses([entry for entry in losses if not _is_switched_off(entry)])


def _is_switched_off(entry: Any) -> bool:
    return (
        isinstance(entry, tuple | list)
        and len(entry) == 2
        and (entry[1] is None or (np.isscalar(entry[1]) and entry[1] == 0))
    )


def report_not_finite(i: int, total: float, step: Step, kept: str) -> None:
    """Warn of a total that is not finite, and say which picture is ``kept``; of the first one raise, as none is."""
    advice = "Lower learning_rate or a weight, or change the seed."
    what = f"The total loss of iteration {i + 1} is {total}"
    message = diagnosis.not_finite(what, step.objective.layers, advice)
    if i == 0:
        raise FloatingPointError(message)
    diagnosis.warn(f"{message} {kept}")


def report_interrupted(made: int, goal: int) -> None:
    """Warn of a run that Ctrl-C ended."""
    diagnosis.warn(f"Interrupted after {made} of {goal} iterations: this is the picture so far.")


def report_silent(losses: Iterable[Loss], made: int) -> None:
    """Warn that nothing was ever excited. The losses are the run's own: its step may have been compiled for others."""
    excited = [loss for loss in losses if not isinstance(loss, Regularizer)]
    layers = [getattr(loss.layer, "layer", loss.layer) for loss in excited if hasattr(loss, "layer")]
    diagnosis.warn(diagnosis.silent(diagnosis.subject(excited), made, layers))
