"""A picture of every filter of a layer, made in batches."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from actmax_widget import grad_modifiers, optimizers, parametrizations, utils
from actmax_widget.callbacks import OptimizerCallback, Print
from actmax_widget.checks import check_integer, check_range, check_sequence, invalid
from actmax_widget.engine import cache, diagnosis
from actmax_widget.engine.batch import Tiles
from actmax_widget.engine.batch import batch_size as fitting_batch
from actmax_widget.engine.measuring import measures_of, names_of
from actmax_widget.engine.rendering import Rendering
from actmax_widget.engine.step import Knobs, State, Step, Steps
from actmax_widget.input_modifiers import InputModifier
from actmax_widget.losses import Loss, selection, summed
from actmax_widget.network import Network, graph, starting
from actmax_widget.network.starting import starting_image
from actmax_widget.network.targets import Target
from actmax_widget.optimizer import Calls, progress_bar, switched_on, told
from actmax_widget.parameters import documented, parameters_of
from actmax_widget.presets import activation_losses
from actmax_widget.results import History, LayerPictures
from actmax_widget.settings import Settings
from actmax_widget.transforms import check_transforms
from actmax_widget.visualization.activation import as_returned, prepared


@documented(Settings)
def visualize_layer(
    model: Any,
    layer_idx: Any,
    filters: Any = None,
    wrt_tensor: Any = None,
    seed_input: Any = None,
    input_range: tuple[float, float] = (0, 255),
    backprop_modifier: Any = None,
    grad_modifier: Any = None,
    act_max_weight: float | None = 1,
    lp_norm_weight: float | None = 10,
    tv_weight: float | None = 10,
    *,
    input_shape: Sequence[int] | None = None,
    held_inputs: Mapping[str, Any] | None = None,
    max_iter: int = 200,
    input_modifiers: Sequence[InputModifier] | None = None,
    callbacks: Callable[[int], Sequence[OptimizerCallback]] | None = None,
    verbose: bool = False,
    learning_rate: float | None = None,
    clip: bool = False,
    seed: int | None = None,
    progress: bool | None = None,
    batch_size: int | None = None,
    seed_fit: str = "crop",
    parametrization: Any = "pixels",
    transforms: Any = (),
    optimizer: Any = None,
    losses: Any = None,
) -> LayerPictures:
    """Make a picture for each filter of a layer: what :func:`visualize_activation` would make of each alone.

    The pictures are made in batches, which is faster, and compiled once for all batches and all later calls. No picture
    depends on its batch mates. Single pictures and batches are computed by other kernels, so a picture made alone has
    the same losses but for rounding, which many iterations can make visible.

    Args:
        model: see :func:`~actmax_widget.visualization.visualize_activation`, also for what is not told here.
        layer_idx: see there.
        filters: filters, units or classes: an int or a sequence; ``None`` is all of the layer.
        wrt_tensor: see there.
        seed_input: one starting picture for all (a path, a Pillow image or an array), or an array of one for each,
            (n, H, W, C); ``None`` is noise.
        input_range: see there.
        backprop_modifier: see there.
        grad_modifier: see there; a function of the gradient sees one picture at a time.
        act_max_weight: see there.
        lp_norm_weight: see there.
        tv_weight: see there.
        input_shape: see there.
        held_inputs: see there.
        max_iter: >= 1, for each picture; default 200. {max_iter}
        input_modifiers: e.g. ``[Jitter(0.05)]``; with a ``seed`` the pictures of a batch are jittered by the same
            offsets, without each by its own.
        callbacks: a function of the filter that gives that picture's callbacks; steps are then made one at a time. One
            that raises ``StopIteration`` ends that filter's picture; the others go on.
        verbose: print each iteration's losses of each filter.
        learning_rate: > 0; default that of the optimizer. {learning_rate}
        clip: {clip} With it the pictures are those that the network saw last.
        seed: random state of each picture's noise (the same for all) and of the jitter; ``None`` takes NumPy's global
            one.
        progress: show a tqdm bar; ``None``, the default, does if tqdm is installed.
        batch_size: pictures made at once, >= 1; ``None`` takes as many as fit well in memory, at most 64.
        seed_fit: see there.
        parametrization: {parametrization} Of any but pixels the pictures are those that the network saw last.
        transforms: {transforms} Random numbers are each picture's own, as with ``input_modifiers``.
        optimizer: {optimizer}
        losses: further weighted losses, an objective or pairs of a loss and its weight; None: none. With
            ``filters=[3, 3, 3, 3]`` and ``0.1 * Diversity(layer)`` four pictures of filter 3 keep apart; they are then
            made in one batch.

    Returns:
        ``images`` (n, H, W, C), of the type :func:`visualize_activation` gives, and ``histories``, one for each. Ctrl-C
        gives those begun so far, which are the first ones; ``on_end`` of their callbacks is called.

    Raises:
        ValueError, TypeError: for a bad argument, before anything is computed.
        KeyboardInterrupt: Ctrl-C before the first iteration was made.
        ImportError: ``progress=True`` without tqdm.
        FloatingPointError: no picture's loss was finite in the first iteration.

    Warns:
        RuntimeWarning: interrupted by Ctrl-C; filters whose loss was not finite; filters that no gradient reached, as
            they are never active.

    Example:
        >>> import actmax_widget as am
        >>> images, histories = am.visualize_layer(am.demo.digits(), "out", seed=0)
        >>> images.shape
        (10, 28, 28, 1)
        >>> len(histories[3])
        200
        >>> sheet = am.utils.stitch_images(images)
    """
    declared = parameters_of(Settings)
    max_iter = declared["max_iter"].check(max_iter)
    part, shown_as = parametrizations.get(parametrization), check_transforms(transforms)
    update = optimizers.get(optimizer)
    if learning_rate is not None:
        update = update.bound({"learning_rate": declared["learning_rate"].check(learning_rate)})
    modifiers = check_sequence("input_modifiers", input_modifiers, InputModifier, "Pass e.g. [Jitter(0.05)].")
    if modifiers and not part.plain:
        advice = "Use transforms in their place."
        raise invalid("input_modifiers", "none but with pixels, which they change", input_modifiers, advice)
    if batch_size is not None:
        batch_size = check_integer("batch_size", batch_size, least=1, advice="Pass None for as many as fit well.")
    low, high = check_range(input_range, reverse=True)
    grad_modifiers.get(grad_modifier)
    network, gate = prepared(model, backprop_modifier, input_shape, held_inputs, seed_input)
    target = network.find(layer_idx)
    fixed = network.input.shape[0]
    if fixed is not None and batch_size not in {None, fixed}:
        raise invalid("batch_size", f"{fixed}, which the model's input is made for", batch_size, "Pass None.")
    chosen = graph.check_filters(filters, target.filters, target.name)
    watchers = _watchers(callbacks, chosen, verbose=verbose)
    terms = switched_on(activation_losses(network, layer_idx, 0, (act_max_weight, lp_norm_weight, tv_weight)))
    if losses is not None:
        more = summed(losses)
        terms += [(loss.on(network).named(name), weight) for (loss, weight), name in zip(more, more.names, strict=True)]
    start = starting.start_of(network.input, seed_input, (low, high), seed_fit)
    rendering = Rendering(network.input, part, shown_as)
    starts = _starts(network, rendering, update.slots, start.array, (low, high), seed, len(chosen))
    start.warn()
    step = cache.step_for(
        network,
        terms,
        gate=gate,
        wrt_tensor=wrt_tensor,
        parametrization=part,
        transforms=shown_as,
        optimizer=update,
        input_modifiers=modifiers,
        grad_modifier=grad_modifier if callable(grad_modifier) else None,
    )
    clip |= not part.plain
    batch = fitting_batch(step) if batch_size is None else batch_size
    if any(loss.together for loss, _ in terms):
        batch = len(chosen) if batch_size is None else batch
        if batch < len(chosen):
            advice = f"Pass batch_size={len(chosen)}, fewer filters, or leave the loss out."
            raise invalid("batch_size", "all pictures in one batch, as a loss compares them", batch, advice)
    own = [loss for loss, _ in terms]

    def knobs(where: slice) -> Knobs:
        return step.knobs(
            weights=[weight for _, weight in terms],
            parametrization=part,
            transforms=shown_as,
            optimizer=update,
            input_range=(low, high),
            goal=max_iter,
            bounds=(min(low, high), max(low, high)) if clip else (-np.inf, np.inf),
            grad_modifier=grad_modifier,
            seed=_seeds(seed, where.stop - where.start if modifiers or shown_as else 0),
            losses=_selecting(own, chosen[where], target.filters),
            modifiers=modifiers,
            search=start.array is None,
        )

    tiles = Tiles(
        step,
        len(chosen),
        names=[loss.name for loss in own],
        measures=names_of(measures_of(network, own)),
        starts=starts,
        knobs=knobs,
        goal=max_iter,
        batch=batch,
        best=not clip,
    )
    bar = importlib.util.find_spec("tqdm") is not None if progress is None else progress
    with progress_bar(len(chosen) * max_iter, shown=bar) as advance:
        make(tiles, advance, watchers)
    histories = [tiles.history(position) for position in range(tiles.begun)]
    _report(chosen, tiles, histories, step, target)
    pictures = [network.layout.to_channels_last(picture) for picture in tiles.pictures[: tiles.begun]]
    if not clip:
        seeded = seed_input is not None
        pictures = [
            as_returned(utils.deprocess_input(one, (low, high)), (low, high), seeded=seeded) for one in pictures
        ]
    return LayerPictures(np.stack(pictures), histories)


def _seeds(seed: int | None, count: int) -> int | list[int]:
    """Random states for the jitter of so many pictures; without a seed each has its own."""
    random: Any = np.random
    return (seed or 0) if seed is not None or not count else [int(random.randint(2**31)) for _ in range(count)]


def _selecting(losses: Sequence[Loss], filters: Sequence[int], of: int) -> list[np.ndarray]:
    """The losses' knobs for a picture of each of some filters: the first loss that selects any gets each picture's."""
    found, selects = [], True
    for loss in losses:
        for name, value in loss.knobs().items():
            own = selects and name == "selection"
            each = [selection((index,), of) if own else value for index in filters]
            found.append(np.stack(each).astype(np.float32))
            selects = selects and not own
    return found


def _starts(
    network: Network,
    rendering: Rendering,
    slots: Sequence[str],
    seed_input: Any,
    input_range: tuple[float, float],
    seed: Any,
    count: int,
) -> Callable[[slice], State]:
    """Gives the state that a slice of the filters starts at; checked now."""
    seed = parameters_of(Settings)["seed"].check(seed)
    images = None if seed_input is None else starting_image(network.input, seed_input, input_range)
    if images is not None and len(images) not in {1, count}:
        expected = f"one picture, or {count}: one for each filter"
        raise invalid("seed_input", expected, np.shape(seed_input), "Pass (H, W, C) or (n, H, W, C).")

    def at(position: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        random: Any = np.random if seed is None else np.random.RandomState(seed)
        own = None if images is None else images[[position % len(images)]]
        return rendering.start(own, input_range, random)

    return lambda where: State.of([at(position) for position in range(count)[where]], slots)


class _PrintOfFilter(Print):
    """Print each iteration's losses of a filter."""

    def __init__(self, index: int) -> None:
        self.index = index

    def callback(self, *args: Any) -> None:
        print(f"Filter {self.index}:", end=" ")  # noqa: T201 - its purpose
        super().callback(*args)


def _watchers(callbacks: Any, filters: Sequence[int], *, verbose: bool) -> list[list[OptimizerCallback]] | None:
    """Each picture's callbacks; None if there are none at all."""
    if callbacks is not None and not callable(callbacks):
        advice = "Pass e.g. callbacks=lambda index: [GifGenerator(f'filter{index}.gif')]."
        raise invalid("callbacks", "a function of the filter", callbacks, advice, TypeError)
    given = [callbacks(index) if callbacks is not None else [] for index in filters]
    checked = [check_sequence("callbacks", one, OptimizerCallback, "Return e.g. [Print()].") for one in given]
    found = [[*own, *([_PrintOfFilter(index)] if verbose else [])] for own, index in zip(checked, filters, strict=True)]
    return found if any(found) else None


def make(tiles: Tiles, advance: Callable[[int], Any], watchers: Any = None) -> None:
    """Make all pictures, batch after batch. Ctrl-C ends it, with a warning, once something was made.

    Args:
        tiles: the pictures.
        advance: called with the number of steps made, those of each picture counted.
        watchers: callbacks of each picture, which are told of each step; None: none at all.
    """
    calls = Calls(single=bool(watchers))
    try:
        while not tiles.finished:
            _make_batch(tiles, calls, watchers[tiles.in_hand] if watchers else [], advance)
    except KeyboardInterrupt:
        if not tiles.begun:
            raise
        part = f" and {tiles.iteration} iterations of the next" if tiles.begun > tiles.done else ""
        made, whole = f"{tiles.done} of {tiles.count} pictures{part}", tiles.begun
        diagnosis.warn(f"Interrupted after {made}: the first {whole} are given back as they are.")


def _make_batch(tiles: Tiles, calls: Calls, watchers: Sequence[Any], advance: Callable[[int], Any]) -> None:
    where, listening = tiles.in_hand, list(watchers)
    calls.made = 0
    try:
        while tiles.in_hand == where and not tiles.finished:
            before = tiles.iteration
            steps = tiles.advance(calls.begin(tiles.goal))
            calls.end(len(steps.losses))
            advance(len(steps.losses) * (where.stop - where.start))
            _tell(listening, where.start, before, tiles, steps)
    except KeyboardInterrupt:
        if tiles.begun > where.start:
            _end(watchers)
        raise
    _end(watchers)


def _end(watchers: Sequence[Any]) -> None:
    for callback in itertools.chain.from_iterable(watchers):
        callback.on_end()


def _tell(listening: list[Any], first: int, i: int, tiles: Tiles, steps: Steps) -> None:
    """Call the callbacks of each picture of a batch; those of a picture that ended hear no more."""
    if not any(listening):
        return
    grads, wrt_value = utils.to_numpy(steps.grads), utils.to_numpy(steps.wrt_value)
    for position, own in enumerate(listening):
        row, part = steps.losses[0, position], slice(position, position + 1)
        named = list(zip(tiles.names, row[:-1], strict=True))
        if told(own, i, named, row[-1], grads[part], wrt_value[part]):
            listening[position] = []
            tiles.end(first + position)
        elif not np.isfinite(row[-1]):
            listening[position] = []


def _report(filters: Sequence[int], tiles: Tiles, histories: Sequence[History], step: Step, target: Target) -> None:
    """Raise or warn about pictures that came to nothing."""
    dead = [filters[position] for position in tiles.silent]
    if dead:
        diagnosis.warn(diagnosis.silent(diagnosis.filters_of(dead, target.name), tiles.goal, [target.layer]))
    wrong = [index for index, history in zip(filters, histories, strict=False) if not np.isfinite(history["total"][-1])]
    if not wrong:
        return
    advice = "Lower learning_rate or a weight, or change the seed."
    message = diagnosis.not_finite(f"The total loss of filters {wrong} was not finite", step.objective.layers, advice)
    if all(len(history) == 1 for history in histories):
        raise FloatingPointError(message)
    diagnosis.warn(f"{message} Their pictures are the best ones before that.")
