"""Many pictures of one objective at once, each with numbers of its own."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from actmax_widget import demo
from actmax_widget.checkpoint import Changes, Checkpoint
from actmax_widget.checks import check_integer, invalid, near
from actmax_widget.engine import Knobs, State, Step, diagnosis, keeping
from actmax_widget.engine.batch import batch_size as fitting_batch
from actmax_widget.engine.plan import Plan
from actmax_widget.labels import Labels
from actmax_widget.network import Network
from actmax_widget.network.fingerprint import fingerprint
from actmax_widget.optimizer import Calls, progress_bar
from actmax_widget.parameters import COMPILE, parameters_of
from actmax_widget.results import Many, Result
from actmax_widget.settings import LOG_ODDS, Settings
from actmax_widget.visualization.activation import prepared
from actmax_widget.visualization.compose import DEFAULTS, checked_settings, settled

MOST = 4096
"""Pictures of one call: more take hours, and belong into several."""
OF_PICTURE = ("seed", "filter_indices", "position", "temperature")
"""Settings that each picture may have its own of, beside the numbers of the parts."""


def visualize_many(
    model: Any,
    target: Any,
    filter_indices: Any = None,
    *,
    vary: Mapping[str, Sequence[Any]],
    start: Any = None,
    input_shape: Sequence[int] | None = None,
    held_inputs: Mapping[str, Any] | None = None,
    backprop_modifier: Any = None,
    labels: Any = None,
    batch_size: int | None = None,
    progress: bool = False,
    **settings: Any,
) -> Many:
    """Make several pictures that differ in a number, a random state or a filter: side by side, in one compiled call.

    Args:
        model: see :func:`~actmax_widget.visualize`, also for what is not told here.
        target: see there.
        filter_indices: see there.
        vary: what differs: name -> values. A name is ``"seed"``, ``"filter_indices"``, ``"position"``,
            ``"temperature"``, a weight, or any number of a part, by its setting (``"tv_weight"``, ``"learning_rate"``,
            ``"jitter"``) or by its address (``"Noise.start"``, ``"RingSpectrum.decay"``). Of several names each value
            goes with each of the others', the last name's first, as in a grid.
        start: see there, but for checkpoints; of all pictures.
        input_shape: see there.
        held_inputs: see there.
        backprop_modifier: see there.
        labels: see there.
        batch_size: pictures made at once, >= 1; None: as many as fit well in memory, at most 64.
        progress: show a tqdm bar (needs tqdm).
        **settings: see there. With ``seed=None``, the default, one random state is drawn for all: pictures differ in
            what is varied alone.

    Returns:
        The pictures in order: ``many.images`` (n, H, W, C), ``many.histories``, ``many.varied`` (what each has of its
        own, by name) and ``many[i]``, a :class:`~actmax_widget.results.Result` whose checkpoint goes on alone. A
        picture made in a batch agrees with one made alone but for rounding. Ctrl-C gives those begun so far.

    Raises:
        ValueError, TypeError: a bad argument, a name that is no number of this run, or no values; before anything is
            computed.
        KeyboardInterrupt: Ctrl-C before the first iteration was made.

    Warns:
        RuntimeWarning: interrupted by Ctrl-C; pictures whose loss was not finite: they are the last good ones.

    Example:
        >>> import actmax_widget as am
        >>> model = am.demo.digits()
        >>> many = am.visualize_many(model, "out", 3, vary={"seed": range(2), "temperature": [0.3, 1, 3]}, max_iter=64)
        >>> many.images.shape, many.varied[1]
        ((6, 28, 28, 1), {'seed': 0, 'temperature': 1})
    """
    if isinstance(start, Checkpoint):
        advice = "Go on from it by visualize(start=checkpoint), or pass start=picture."
        raise invalid("start", "a picture, an array or None", "a checkpoint", advice)
    names = demo.labels(model) if labels is None else Labels(labels)
    network, gate = prepared(model, backprop_modifier, input_shape, held_inputs, start)
    given = checked_settings(network, names, target, filter_indices, {**DEFAULTS, **settings})
    base, found = settled(network, given, start)
    varied = grid(base, vary)
    of_each = [_own(network, names, base, own) for own in varied]
    plans = [Plan(network, one) for one in of_each]
    step = plans[0].step(of_each[0], gate)
    if any(plan.step(one, gate) is not step for plan, one in zip(plans, of_each, strict=True)):
        advice = "Make one call for whole maps and one for places; or one for classes and one for all of them (None)."
        raise invalid("vary", "values that are computed alike", {**vary}, advice)
    size = fitting_batch(step) if batch_size is None else check_integer("batch_size", batch_size, least=1)
    found.warn()
    making = _Making(network, step, size, base.max_iter)
    with progress_bar(len(varied) * base.max_iter, shown=progress) as advance:
        for begin in range(0, len(varied), size):
            if not making.batch(plans[begin : begin + size], of_each[begin : begin + size], advance):
                whole = f"{len(making.made)} of {len(varied)} pictures, the last of them before their end"
                diagnosis.warn(f"Interrupted after {whole}: they are given back as they are.")
                break
    many = Many(tuple(making.made), tuple(varied[: len(making.made)]))
    if wrong := [str(one) for one, history in zip(many.varied, many.histories, strict=True) if not _sound(history)]:
        advice = "Lower the learning rate or a weight there. Their pictures are the last good ones."
        diagnosis.warn(f"The total loss was not finite for {'; '.join(wrong)}. {advice}")
    return many


class _Making:
    """Makes batches one after the other.

    Attributes:
        made: the pictures so far.
    """

    def __init__(self, network: Network, step: Step, size: int, goal: int) -> None:
        self.made: list[Result] = []
        self._network, self._step, self._size, self._goal = network, step, size, goal
        self._model = fingerprint(network)
        self._calls = Calls(single=False)

    def batch(self, plans: Sequence[Plan], own: Sequence[Settings], advance: Any) -> bool:
        """Make the pictures of some settings; returns whether nobody interrupted it."""
        seeds = [one.seed or 0 for one in own]
        each = list(zip(plans, own, seeds, strict=True))
        fixed = self._step.objective.input_tensor.shape[0]
        knobs = Knobs.joined([plan.knobs(one, self._step, seed, goal=self._goal) for plan, one, seed in each], fixed)
        batch = plans[0].batch(State.joined([plan.start(one, seed) for plan, one, seed in each]), fixed)
        self._calls.made, undisturbed = 0, True
        try:
            while batch.iteration < self._goal and batch.state.sound.numpy().any():
                state, steps = self._step.run(batch.state, knobs, self._calls.begin(self._goal))
                batch.take(state, steps)
                self._calls.end(len(steps.losses))
                advance(len(steps.losses) * len(own))
        except KeyboardInterrupt:
            if not self.made and not batch.iteration:
                raise
            undisturbed = False
        for position, (plan, one, seed) in enumerate(each if batch.iteration else []):
            alone = batch.alone(position, batch.whole(position))
            changes = Changes().then(0, one, self._goal)
            kept = keeping.kept(self._network, alone, one, changes, seed=seed, goal=self._goal, model=self._model)
            self.made.append(Result(plan.network.layout.as_shown(alone.pictures[0]), alone.history(), kept, None))
        return undisturbed


def grid(base: Settings, vary: Any) -> list[dict[str, Any]]:
    """What each picture has of its own.

    Raises:
        ValueError, TypeError: no mapping, a name that is no number of a run of these settings, no values or too many.
    """
    advice = 'Pass e.g. vary={"seed": range(8)} or vary={"tv_weight": [0, 1, 10]}.'
    if not isinstance(vary, Mapping):
        raise invalid("vary", "a mapping from names to values", vary, advice, TypeError)
    if not vary:
        raise invalid("vary", "at least one name", vary, advice)
    numbers = base.numbers()
    aliases = [one.alias for one in numbers.values() if one.alias]
    log_odds = base.objective is None and base.class_loss == LOG_ODDS
    known = [one for one in OF_PICTURE if one != "temperature" or log_odds] + [*aliases, *numbers]
    doubles = [one.address for one in numbers.values() if one.alias in vary and one.address in vary]
    if doubles:
        advice = f"Leave out {doubles[0]!r}."
        raise invalid("vary", "each number once", f"{numbers[doubles[0]].alias} and {doubles[0]}", advice)
    values = {}
    for name, given in vary.items():
        if name not in known:
            declared = parameters_of(Settings).get(name)
            shapes = declared is not None and COMPILE in declared.takes_effect
            why = "It shapes the graph: make one call for each value." if shapes else near(str(name), known) or ""
            raise invalid(
                "vary", "names of numbers of this run", name, f"{why} There are: {', '.join(known)}.".lstrip()
            )
        try:
            values[name] = [*given]
        except TypeError:
            raise invalid(f"vary[{name!r}]", "a sequence of values", given, advice, TypeError) from None
        if not values[name] or isinstance(given, str):
            raise invalid(f"vary[{name!r}]", "a sequence of at least one value", given, advice)
    combined = [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]
    if len(combined) > MOST:
        raise invalid("vary", f"at most {MOST} pictures", len(combined), "Make several calls.")
    return combined


def _own(network: Network, names: Labels | None, base: Settings, own: Mapping[str, Any]) -> Settings:
    """The settings of a picture."""
    plain = {name: value for name, value in own.items() if name in parameters_of(Settings)}
    if "filter_indices" in plain and names is not None and base.layer:
        layer = network.find(base.layer)
        plain["filter_indices"] = names.indices(plain["filter_indices"], layer.filters, layer.name)
    found = base.changed(**plain, knobs={name: value for name, value in own.items() if name not in plain})
    if found.seed is None:
        raise invalid("vary['seed']", "integers >= 0", None, "Pass e.g. range(8).", TypeError)
    return found


def _sound(history: Any) -> bool:
    return not len(history) or abs(history["total"][-1]) < float("inf")
