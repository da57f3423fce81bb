"""The picture that minimises any objective, by any parts."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from actmax_widget import demo
from actmax_widget.callbacks import Print, check_callbacks
from actmax_widget.checkpoint import Change, Changes, Checkpoint, check_changes
from actmax_widget.checks import check_flag, check_integer, invalid, near
from actmax_widget.engine import Knobs, Step, Steps, keeping
from actmax_widget.engine.batch import Batch
from actmax_widget.engine.doctor import Doctor, Known
from actmax_widget.engine.plan import Plan, random_state
from actmax_widget.engine.reel import Reel
from actmax_widget.export.result import Result, subject
from actmax_widget.labels import Labels
from actmax_widget.losses import Loss, Sum
from actmax_widget.network import Network, starting
from actmax_widget.network.dataset import References
from actmax_widget.network.fingerprint import fingerprint
from actmax_widget.optimizer import (
    Calls,
    Still,
    progress_bar,
    report_interrupted,
    report_not_finite,
    report_silent,
    told,
)
from actmax_widget.parameters import documented, parameters_of
from actmax_widget.parts import alike
from actmax_widget.presets import REFERENCES, by_references, with_preset
from actmax_widget.results import Note
from actmax_widget.scoring.score import known_of_run
from actmax_widget.settings import MOST_ITERATIONS, OF_RUN, Settings
from actmax_widget.utils import to_numpy
from actmax_widget.visualization.activation import prepared

DEFAULTS = {"preset": "natural", "seed": None}
"""Where it begins with another value than the widget."""
NO_USE = ("layer", "filter_indices", "objective", "backprop_modifier", "seed_input", "steps_per_second")
"""Settings that have another name here, or no use."""


@documented(Settings)
def visualize(
    model: Any,
    target: Any = None,
    filter_indices: Any = None,
    *,
    start: Any = None,
    changes: Changes | Mapping[int, Mapping[str, Any] | None] | None = None,
    seed_input: Any = None,
    input_shape: Sequence[int] | None = None,
    held_inputs: Mapping[str, Any] | None = None,
    backprop_modifier: Any = None,
    labels: Any = None,
    references: Any = None,
    callbacks: Any = None,
    verbose: bool = False,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Make the picture that a network, or any objective of it, asks for.

    Args:
        model: a Keras model: Sequential, Functional, or a subclassed one that was called once.
        target: what is minimised: an objective, as in ``ActivationMaximization("conv3", 5) + 0.5 * Direction(...)``, a
            loss, or pairs of a loss and its weight; or a layer: its name, path or index in ``model.layers``, or the
            layer itself, whose filters are then maximised. None: that of a checkpoint, or of ``changes``.
        filter_indices: filter, unit or class of a layer, or several which are maximised together; None: the mean of
            all.
        start: starting picture: a path or a Pillow image, which is fitted and scaled to ``input_range``, or an array of
            the network's own values, (H, W, C) with or without batch axis; None: noise. ``seed_input`` is the same.
            Or a :class:`~actmax_widget.Checkpoint`: the run goes on from there with its settings and those given
            here. ``max_iter`` then counts further iterations; None are those up to its goal, or as many as it had.
            What changes over a run follows the goal of the checkpoint, and holds its end.
        changes: of a run, ``widget.changes`` or ``checkpoint.changes``: it is repeated as it was steered, as far as it
            had come, or for ``max_iter`` iterations. ``callbacks``, ``verbose``, ``progress`` and ``labels`` may be
            given too, and what the model was given: ``input_shape``, ``held_inputs`` and ``backprop_modifier``. Or a
            mapping from iterations to what is set when so many were made, by the names of settings and the addresses of
            numbers: ``{57: {"tv_weight": 3, "Noise.end": 0.1}}``. ``"goal"`` is the iteration that the run heads for
            from then on, and None in place of settings ends it there, be that before its goal or after.
        seed_input: see there.
        input_shape: see :func:`~actmax_widget.visualize_activation`.
        held_inputs: see there.
        backprop_modifier: see there.
        labels: what the last layer's units are called, see :class:`~actmax_widget.ActMaxWidget`; ``filter_indices``
            may then be a name.
        references: real pictures that :meth:`Result.score <actmax_widget.export.result.Result.score>` and
            ``result.top_references()`` set beside the made one, see :class:`~actmax_widget.References`. With
            ``preset="references"``, natural's recipe, the picture's features are made to be theirs, too: give some
            pictures of the class.
        callbacks: see there.
        verbose: print each iteration's losses.
        progress: show a tqdm bar (needs tqdm).
        **settings: any of those below but for the target. Where no ``preset`` is named it is ``"natural"``; what it
            stands for (parts, weights, ``class_loss``, ``max_iter``) takes the place of the defaults below, which are
            keras-vis's, and what is named takes the place of both. An objective brings all of its terms. ``seed`` is
            None by default.

    Settings:
        {parameters}

    Returns:
        The picture and the history: ``result.image``, (H, W, C) float32 in ``input_range``, before ``preprocess`` and
        without transforms, and ``result.history``, the weighted losses of each iteration. ``result.notes`` tell what
        went wrong, with a remedy each.

    Raises:
        ValueError, TypeError: a bad argument, or parts that do not fit, before anything is computed.
        FloatingPointError: the loss was not finite in the first iteration, so that there is no picture.
        KeyboardInterrupt: Ctrl-C before the first iteration was made.

    Warns:
        RuntimeWarning: interrupted by Ctrl-C, after how many iterations; a loss that was not finite; or no gradient at
            all, as the unit is never active.

    Example:
        >>> import actmax_widget as am
        >>> am.visualize(am.demo.photos(), "logits", "flamingo", seed=0).image.shape
        (227, 227, 3)
        >>> from actmax_widget import losses, regularizers, transforms
        >>> objective = losses.ActivationMaximization("out", 3) + 0.1 * regularizers.TotalVariation()
        >>> result = am.visualize(am.demo.digits(), objective, transforms=[transforms.Jitter(2)], seed=0)
        >>> result.image.shape
        (28, 28, 1)
        >>> more = am.visualize(am.demo.digits(), start=result.checkpoint, max_iter=100)
        >>> len(more.history) - len(result.history)
        100
    """
    names = demo.labels(model) if labels is None else Labels(labels)
    if start is not None and seed_input is not None:
        raise invalid("start", "None where there is a seed_input, which is the same", start, "Pass one of them.")
    start = seed_input if start is None else start
    real = None if references is None else References.of(references)
    listeners = [*check_callbacks(callbacks), *([Print()] if check_flag("verbose", verbose) else ())]
    kept = start if isinstance(start, Checkpoint) else None
    network, gate = prepared(model, backprop_modifier, input_shape, held_inputs, None if kept else start)
    if names is not None and labels is not None:
        names.check(network.last.filters, network.last.name)
    if settings.get("preset") == REFERENCES:
        checked = checked_settings(network, names, target, filter_indices, {**settings, "preset": "natural"}, None)
        if "objective" in checked:
            advice = "Add losses.MatchFeatures(references, layers) to the objective."
            raise invalid("target", 'a layer where the preset is "references"', "an objective", advice)
        settings = by_references(network, checked.pop("layer"), checked.pop("filter_indices"), real, checked)
        target, filter_indices = settings.pop("objective"), None
    if changes is not None and not isinstance(changes, Mapping):
        run = _again(
            network,
            check_changes(changes),
            {"target": target, "filter_indices": filter_indices, "start": start, **settings},
        )
    elif kept is not None:
        kept.check()
        keeping.check_model(kept, network)
        given = checked_settings(network, names, target, filter_indices, settings, backprop_modifier, kept)
        run = _further(network, kept, given, settings)
    else:
        given = checked_settings(network, names, target, filter_indices, {**DEFAULTS, **settings}, backprop_modifier)
        run = _afresh(network, given, start)
    if isinstance(changes, Mapping):
        _steer(run, changes)
    begun_with = next((change for _, change in run.stages()), run.changes[-1])
    reel = Reel(network, run.batch, run.end, begun_with.settings.input_range)
    found = _make(run, reel, gate, listeners, progress=progress)
    _, last, goal, _ = run.changes[-1]
    model_print = fingerprint(network)
    film = reel.film(run.batch, last, run.changes, seed=run.seed, goal=goal, model=model_print)
    answers = None if real is None else known_of_run(network, real, last)
    said: dict[str, Any] = {
        "notes": _notes(run, reel, found, names, answers) if found else (),
        "subject": subject(network.model.name, last, names_in(network, last, names)),
    }
    known: dict[str, Any] = {"network": network, "labels": names, "references": real}
    image, history = network.layout.as_shown(run.batch.pictures[0]), run.batch.history()
    return Result(image, history, film.checkpoints[-1], film, **said, **known)


def _notes(
    run: _Run, reel: Reel, found: tuple[Plan, Step, bool], names: Labels | None, real: Known | None
) -> tuple[Note, ...]:
    """What went wrong with a run that was made."""
    plan, step, silent = found
    doctor, pictures, over = Doctor(plan, names), reel.pictures(run.batch), run.batch.iteration >= run.end
    more = {"is_over": over, "silent": silent, "layers": step.objective.layers, "references": real}
    return doctor.notes(doctor.look(run.batch, run.changes[-1].settings, run.changes, pictures, **more))


def names_in(network: Network, settings: Settings, names: Labels | None) -> Sequence[str]:
    """The names of the units of the layer that is maximised; none where they are another layer's."""
    target = network.targets.get(settings.layer)
    return names.names if names is not None and target is not None and target.filters == len(names) else ()


@dataclass
class _Run:
    """What is to be made.

    Attributes:
        batch: where it begins.
        changes: the settings, each from some iteration on, those to come too.
        seed: the random state.
        end: the iteration it ends at.
    """

    network: Network
    batch: Batch
    changes: Changes
    seed: int
    end: int

    def stages(self) -> Iterator[tuple[int, Change]]:
        """Up to which iteration which settings hold, from where it is."""
        for change, following in zip(self.changes, [*self.changes[1:], None], strict=True):
            until = self.end if following is None else min(following.iteration, self.end)
            if until > self.batch.iteration:
                yield until, change


def settled(network: Network, given: Mapping[str, Any], start: Any) -> tuple[Settings, starting.Start]:
    """The settings of a fresh start, with its random state drawn; and the starting picture, which has yet to warn."""
    # Of an objective the layer says nothing; a widget that goes on with it has one to show.
    blank = Settings(layer=given.get("layer") or next(reversed(network.targets), ""))
    chosen = blank.changed(**with_preset(dict(given), blank, network))
    found = starting.start_of(network.input, start, chosen.input_range, chosen.seed_fit, "start")
    return chosen.changed(seed_input=found.array, seed=random_state(chosen)), found


def _afresh(network: Network, given: Mapping[str, Any], start: Any) -> _Run:
    chosen, found = settled(network, given, start)
    seed, plan = random_state(chosen), Plan(network, chosen)
    found.warn()
    batch = plan.batch(plan.start(chosen, seed))
    return _Run(network, batch, Changes().then(0, chosen, chosen.max_iter), seed, chosen.max_iter)


def _further(network: Network, kept: Checkpoint, given: dict[str, Any], settings: Mapping[str, Any]) -> _Run:
    """A run that goes on from a checkpoint with some other settings."""
    before = kept.settings
    chosen = before.changed(**with_preset(given, before, network))
    plan = Plan(network, before)
    batch = keeping.restored(kept, plan)
    advice = "Leave it out to go on, or start afresh with it."
    own = keeping.named(chosen, network)
    for name in OF_RUN:
        if not alike(getattr(before, name), getattr(own, name)):
            by = "preset" if "preset" in settings and name not in settings else name
            what = "one of the parts of the checkpoint" if by == "preset" else "that of the checkpoint"
            raise invalid(by, what, settings.get(by, getattr(chosen, name)), advice)
    if settings.get("seed") not in {None, kept.seed}:
        raise invalid("seed", f"that of the checkpoint, {kept.seed}", settings["seed"], advice)
    left = max(kept.goal - kept.iteration, 0) or before.max_iter
    end = kept.iteration + (chosen.max_iter if "max_iter" in settings else left)
    # Also where nothing else was set: a replay is to make as many iterations.
    changes = kept.changes.then(kept.iteration, chosen.changed(max_iter=end - kept.iteration), kept.goal, always=True)
    return _Run(network, batch, changes, kept.seed, end)


def _steer(run: _Run, given: Mapping[int, Any]) -> None:
    """Add what is to be set in the course of a run.

    Raises:
        ValueError, TypeError: no iteration that is yet to come, no settings, or such as would begin the run afresh.
    """
    example = "Pass e.g. changes={57: {'tv_weight': 3}}."
    for iteration in given:
        check_integer("changes", iteration, least=run.batch.iteration + 1, most=MOST_ITERATIONS, advice=example)
    ends = [iteration for iteration, own in given.items() if own is None]
    if ends and (len(ends) > 1 or ends[0] < max(given)):
        raise invalid("changes", "None, which ends the run, once and as the last", given, example)
    for iteration, own in sorted(given.items()):
        if own is None:
            run.end = iteration
            continue
        if not isinstance(own, Mapping) or not all(isinstance(name, str) for name in own):
            raise invalid(
                f"changes[{iteration}]", "settings by name, or None, which ends the run", own, example, TypeError
            )
        _, last, goal, _ = run.changes[-1]
        goal = check_integer("goal", own["goal"], least=iteration, most=MOST_ITERATIONS) if "goal" in own else goal
        if iteration > run.end and "goal" not in own and not ends:
            advice = f"Give it a goal, {{{iteration}: {{..., 'goal': 400}}}}, or end the run later: {{400: None}}."
            raise invalid("changes", f"iterations up to {run.end}, where the run ends", iteration, advice)
        numbers = {name: value for name, value in own.items() if "." in name}
        plain = {name: value for name, value in own.items() if name not in numbers and name != "goal"}
        settings = last.changed(**with_preset(plain, last, run.network), knobs=numbers)
        for name in OF_RUN:
            if not alike(getattr(last, name), getattr(settings, name)):
                advice = "It begins a run afresh: make another one with it."
                raise invalid(f"changes[{iteration}]", "settings that a run can go on with", name, advice)
        run.changes = run.changes.then(iteration, settings, goal, always=True)
        run.end = goal if "goal" in own else run.end


def _again(network: Network, changes: Changes, given: dict[str, Any]) -> _Run:
    """A run that is repeated as it was steered."""
    iterations = given.pop("max_iter", None)
    if bad := [name for name, value in given.items() if value is not None]:
        raise invalid(bad[0], "None where there are changes, which say it", given[bad[0]], "Leave it out.")
    first = changes[0].settings
    seed = random_state(first)
    plan = Plan(network, first)
    last = changes[-1]
    to_goal = max(last.goal, last.iteration + (last.settings.max_iter if last.iteration >= last.goal else 0))
    whole = changes.iterations or to_goal
    end = whole if iterations is None else check_integer("max_iter", iterations, least=1)
    return _Run(network, plan.batch(plan.start(first, seed)), changes, seed, end)


def checked_settings(
    network: Network,
    names: Any,
    target: Any,
    filter_indices: Any,
    settings: Mapping[str, Any],
    backprop_modifier: Any,
    kept: Checkpoint | None = None,
) -> dict[str, Any]:
    """The settings that a person gave, the target among them; where a checkpoint is kept, it may have that.

    Raises:
        ValueError, TypeError: what is no setting, or no target.
    """
    given = _checked(target, filter_indices, settings)
    if isinstance(backprop_modifier, str):  # a name can be kept in a checkpoint; a function cannot
        given["backprop_modifier"] = backprop_modifier
    if "objective" in given:
        return given
    if target is None and kept is None:
        advice = "Pass a layer or an objective; or start=checkpoint, which has one."
        raise invalid("target", "what is to be maximised", None, advice, TypeError)
    if kept is not None and filter_indices is None:
        del given["filter_indices"]
        if target is None:
            return given
    layer = network.find(kept.settings.layer if kept is not None and target is None else target)
    given["layer"] = layer.name
    if names is not None and "filter_indices" in given:
        given["filter_indices"] = names.indices(filter_indices, layer.filters, layer.name)
    return given


def _checked(target: Any, filter_indices: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that differ from the widget's, as far as they are known to be such."""
    known = [name for name in parameters_of(Settings) if name not in NO_USE]
    for name, value in given.items():
        if name not in known:
            advice = near(name, known) or f"Choose from: {', '.join(known)}."
            raise invalid(name, "a keyword of visualize()", value, advice, TypeError)
    objective = isinstance(target, Loss | Sum | list | tuple)
    if objective and filter_indices is not None:
        advice = "The objective's own losses have their filters. Or pass a layer."
        raise invalid("filter_indices", "None where the target is an objective", filter_indices, advice)
    own = {"objective": target} if objective else {"filter_indices": filter_indices}
    return {**own, **given}


def _make(
    run: _Run, reel: Reel, gate: Any, listeners: Sequence[Any], *, progress: bool
) -> tuple[Plan, Step, bool] | None:
    """Make the steps, with the settings that hold at each.

    Returns:
        Of the last of them the plan and the step, and whether no gradient ever reached the picture; None: none made.
    """
    calls, still = Calls(single=bool(listeners)), None
    first = run.batch.iteration
    with progress_bar(run.end - first, shown=progress) as advance:
        try:
            for until, change in run.stages():
                plan = Plan(run.network, change.settings)
                step = plan.step(change.settings, gate)
                knobs = plan.knobs(change.settings, step, run.seed, goal=change.goal)
                still = still or Still(step.objective.excites)
                made = functools.partial(_told, run.batch, still, listeners, advance)
                look = change.settings.input_range
                if not _steps(run.batch, step, knobs, calls, reel, look, until, made, last=until == run.end):
                    break
        except KeyboardInterrupt:
            run.batch.end_at_state()
            if not run.batch.iteration:
                raise
            report_interrupted(run.batch.iteration, run.end)
    for callback in listeners:
        callback.on_end()
    if not still:
        return None
    silent = still.all() and bool(step.silent(run.batch.state, knobs)[0])
    if silent:
        report_silent(plan.losses, run.batch.iteration)
    return plan, step, silent


def _steps(
    batch: Batch,
    step: Step,
    knobs: Knobs,
    calls: Calls,
    reel: Reel,
    look: tuple[float, float],
    until: int,
    made: Any,
    *,
    last: bool,
) -> bool:
    """Make steps up to an iteration; returns whether to go on."""
    while batch.iteration < until:
        most = calls.begin(calls.made + until - batch.iteration)
        state, steps = step.run(batch.state, knobs, most, every=reel.every)
        batch.take(state, steps)
        total = steps.losses[-1, 0, -1]
        if not np.isfinite(total):
            batch.go_back()  # before it is kept, so that it can go on from there
        reel.take(batch, look, steps.passed)
        calls.end(len(steps.losses))
        enough = made(steps)
        # As in the widget: a run that is repeated went on from there, if something was set or Run was pressed.
        if not np.isfinite(total) and (last or batch.iteration < until):
            report_not_finite(batch.iteration - 1, total, step, "The picture is the last good one before it.")
            return False
        if enough:
            return False
    return True


def _told(batch: Batch, still: Still, listeners: Sequence[Any], advance: Any, steps: Steps) -> bool:
    """Tell everybody of steps that were made; returns whether a callback has had enough."""
    advance(len(steps.losses))
    still.look(steps.losses[:, 0])
    if not listeners:
        return False
    *values, total = steps.losses[-1, 0]
    named = list(zip(batch.names, values, strict=True))
    return told(listeners, batch.iteration - 1, named, total, to_numpy(steps.grads), to_numpy(steps.wrt_value))
