"""Many pictures of one objective at once, each with numbers of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from actmax_widget import demo, varying
from actmax_widget.checkpoint import Changes, Checkpoint
from actmax_widget.checks import check_integer, invalid
from actmax_widget.engine import diagnosis, keeping
from actmax_widget.engine.batch import Tiles
from actmax_widget.engine.batch import batch_size as fitting_batch
from actmax_widget.engine.doctor import Doctor
from actmax_widget.engine.varied import Varied
from actmax_widget.export.result import Many, Result, subject
from actmax_widget.export.run_file import RunFile
from actmax_widget.labels import Labels
from actmax_widget.network import Network
from actmax_widget.network.fingerprint import fingerprint
from actmax_widget.optimizer import progress_bar
from actmax_widget.settings import Settings
from actmax_widget.visualization.activation import prepared
from actmax_widget.visualization.compose import DEFAULTS, checked_settings, names_in, settled
from actmax_widget.visualization.layer import make


def visualize_many(
    model: Any,
    target: Any = None,
    filter_indices: Any = None,
    *,
    vary: Mapping[str, Sequence[Any]] | RunFile,
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
            goes with each of the others', the last name's first, as in a grid. Or a run file of such pictures, which
            says all but ``labels``, ``batch_size``, ``progress`` and what the model was given, and is repeated.
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
        own, by name) and ``many[i]``, a :class:`~actmax_widget.export.result.Result` whose checkpoint goes on alone. A
        picture made in a batch agrees with one made alone but for rounding. Ctrl-C gives those begun so far. None has a
        film: 32 pictures of each of thousands would take gigabytes. ``visualize(model,
        changes=many[i].checkpoint.changes)`` makes one again, with its film.

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
    if isinstance(vary, RunFile):
        base = _again(vary, {"target": target, "filter_indices": filter_indices, "start": start, **settings})
        asked, found = varying.listed(vary.vary), None
    else:
        asked = varying.listed(vary)
        given = checked_settings(network, names, target, filter_indices, {**DEFAULTS, **settings}, backprop_modifier)
        base, found = settled(network, given, start)
    own = varying.grid(base, asked)
    varied = Varied(network, [varying.settings_of(base, one, network, names) for one in own])
    step = varied.step(gate)
    size = fitting_batch(step) if batch_size is None else check_integer("batch_size", batch_size, least=1)
    if found is not None:
        found.warn()
    tiles = varied.tiles(step, size)
    with progress_bar(tiles.count * tiles.goal, shown=progress) as advance:
        make(tiles, advance)
    model_print = fingerprint(network)
    doctor, layers = Doctor(varied.plan, names), step.objective.layers
    results = tuple(
        _result(network, varied, tiles, position, model_print, names, doctor, layers) for position in range(tiles.begun)
    )
    named = names_in(network, base, names)
    values = varying.plain(base, asked, network, names)
    titles = {name: varying.title(base, name) for name in asked}
    whose = subject(network.model.name, base, named, without=asked)
    many = Many(results, tuple(own[: tiles.begun]), values, keeping.named(base, network), titles, whose)
    if wrong := [str(one) for one, history in zip(many.varied, many.histories, strict=True) if not _sound(history)]:
        advice = "Lower the learning rate or a weight there. Their pictures are the last good ones."
        diagnosis.warn(f"The total loss was not finite for {'; '.join(wrong)}. {advice}")
    return many


def _again(run: RunFile, given: dict[str, Any]) -> Settings:
    """What the pictures of a run file have in common."""
    if not run.vary:
        advice = "Pass it as changes=run.changes to visualize()."
        raise invalid("vary", "a run file of several pictures", "one of a single picture", advice)
    if bad := [name for name, value in given.items() if value is not None]:
        raise invalid(bad[0], "None where there is a run file, which says it", given[bad[0]], "Leave it out.")
    return run.changes[0].settings


def _result(
    network: Network, varied: Varied, tiles: Tiles, position: int, model: str, names: Any, doctor: Doctor, layers: Any
) -> Result:
    alone, own, seed = tiles.alone(position), varied.settings[position], varied.seeds[position]
    changes = Changes().then(0, own, tiles.goal)
    kept = keeping.kept(network, alone, own, changes, seed=seed, goal=tiles.goal, model=model)
    # Of hundreds of pictures the network is not asked one by one.
    more = {"is_over": alone.iteration >= tiles.goal, "silent": position in tiles.silent, "layers": layers}
    notes = doctor.notes(doctor.look(alone, own, changes, {}, asks=False, **more))
    image = network.layout.as_shown(alone.pictures[0])
    said: dict[str, Any] = {"notes": notes, "subject": subject(network.model.name, own, names_in(network, own, names))}
    return Result(image, alone.history(), kept, None, **said, network=network, labels=names)


def _sound(history: Any) -> bool:
    return not len(history) or abs(history["total"][-1]) < float("inf")
