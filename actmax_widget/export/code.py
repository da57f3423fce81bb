"""A run as Python: code that makes the same picture without a screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from actmax_widget import presets
from actmax_widget.checkpoint import NO_EFFECT, Checkpoint
from actmax_widget.composition import bound
from actmax_widget.export import written
from actmax_widget.export.run_file import RunFile, described
from actmax_widget.parameters import parameters_of
from actmax_widget.settings import PARTS, Settings

TARGET = ("layer", "filter_indices", "objective")
NOT_ASKED = ("steps_per_second", "seed_fit", "seed_input")
"""Settings that change no picture, or are another argument."""


def code(checkpoint: Checkpoint) -> str:
    """Python code that makes the picture of a checkpoint, as ``result``, from a variable ``model``.

    The same, bit for bit, on the same machine with the same versions. Functions and classes of a notebook's own are
    named, and must be there. It ends with ``result = am.visualize(...)``.

    Raises:
        ValueError: a picture that was taken from tiles, or something that has no name, such as a lambda.

    Example:
        >>> print(code(am.visualize(model, "out", 3, seed=0).checkpoint))
        import actmax_widget as am
        <BLANKLINE>
        # `model` is the network: a Keras model.
        result = am.visualize(model, "out", 3, preset="natural", seed=0)
    """
    run = RunFile.of(checkpoint)
    first, goal = run.changes[0].settings, run.changes[0].goal
    shape = checkpoint.arrays["measured"].shape[1:]
    arguments = {**_target(first), **_settings(first, shape)}
    arguments |= {name: written.described(one, name) for name, one in run.given.items()}
    changes = _changes(run)
    end = run.changes[-1].goal if len(run.changes) > 1 else goal
    if first.max_iter != goal and not changes:
        arguments["max_iter"] = written.described(goal, "max_iter")
    if run.iteration not in (0, end):  # one that has not begun goes to its goal
        changes[run.iteration] = None
    inside = ", ".join(f"{iteration}: {written.source(one)}" for iteration, one in changes.items())
    more = [f"changes={{{inside}}}"] if changes else []
    return _written("visualize", first, arguments, more, changes.values())


def code_of_many(base: Settings, vary: Mapping[str, Any], given: Mapping[str, Any], shape: tuple[int, ...]) -> str:
    """Python code that makes several pictures, as ``result``; it ends with ``result = am.visualize_many(...)``.

    Args:
        base: what they have in common.
        vary: what they differ in: name -> values.
        given: what the model was given.
        shape: of a picture, without batch axis.

    Raises:
        ValueError: something that has no name, such as a lambda.
    """
    arguments = {**_target(base), **_settings(base, shape)}
    arguments |= {name: written.described(one, name) for name, one in given.items()}
    arguments["vary"] = written.described(vary, "vary")
    return _written("visualize_many", base, arguments, [], [])


def _written(
    function: str, settings: Settings, arguments: dict[str, Any], more: list[str], others: Iterable[Any]
) -> str:
    lines = set().union(*map(written.imports_of, [*arguments.values(), *others]))
    given = [written.source(arguments.pop("")) if "" in arguments else written.source(settings.layer)]
    if "filters" in arguments:
        given.append(written.source(arguments.pop("filters")))
    given += [f"{name}={written.source(one)}" for name, one in arguments.items()]
    return "\n".join(
        [
            "import actmax_widget as am",
            *sorted(lines),
            "",
            "# `model` is the network: a Keras model.",
            _call(f"result = am.{function}", ["model", *given, *more]),
            "",
        ]
    )


def _call(function: str, arguments: list[str]) -> str:
    line = f"{function}({', '.join(arguments)})"
    return line if len(line) <= 100 else f"{function}(\n" + "".join(f"    {one},\n" for one in arguments) + ")"


def _target(settings: Settings) -> dict[str, Any]:
    """An objective as the argument without a name, or the filters of a layer."""
    if settings.objective is not None:
        return {"": written.described(_with_numbers(settings)["objective"], "objective")}
    filters = settings.filter_indices
    return {"filters": written.described(filters[0] if filters and len(filters) == 1 else filters, "filter_indices")}


def _settings(settings: Settings, shape: tuple[int, ...]) -> dict[str, Any]:
    """What differs from the recipe, by name, as descriptions."""
    parts = _with_numbers(settings)
    by_recipe = Settings(layer=settings.layer).changed(**presets.settings_of(settings.preset, shape))
    other = {name: one for name, one in parts.items() if not _same(one, getattr(by_recipe, name), name)}
    # Other parts bring their numbers along; an objective has all of its own.
    base = by_recipe.changed(**other)
    skipped = {*TARGET, *NOT_ASKED, "preset", "seed", *PARTS, *base.numbers().absent([*parameters_of(Settings)])}
    skipped |= {*presets.FREE} if settings.objective is not None else set()
    more = {name: getattr(settings, name) for name in parameters_of(Settings) if name not in skipped}
    other |= {name: one for name, one in more.items() if not _same(one, getattr(base, name), name)}
    if settings.seed_input is not None:
        other["start"] = settings.seed_input
    other.pop("objective", None)
    found = {name: written.described(one, name) for name, one in other.items()}
    return {"preset": settings.preset, **found, "seed": settings.seed}


def _same(one: Any, other: Any, name: str) -> bool:
    return bool(written.described(one, name) == written.described(other, name))


def _with_numbers(settings: Settings) -> dict[str, Any]:
    """The parts with the numbers that were set of them."""
    values = {address: value for address, value in settings.values().items() if address in settings.knobs}
    found: dict[str, Any] = {}
    for name in ("parametrization", "optimizer"):
        part = getattr(settings, name)
        found[name] = bound(part, part.name, values)
    found["transforms"] = tuple(bound(part, part.name, values) for part in settings.transforms)
    if settings.objective is not None:
        weights = settings.values()
        found["objective"] = type(settings.objective)(
            (bound(loss, name, values), weights[f"{name}.weight"])
            for name, (loss, _) in zip(settings.objective.names, settings.objective, strict=True)
        )
    return found


def _changes(run: RunFile) -> dict[int, Any]:
    found: dict[int, Any] = {}
    before, goal = described(run.changes[0].settings), run.changes[0].goal
    for change in run.changes[1:]:
        now = described(change.settings)
        # What is not described any more is as it is by default, or there is no such number any more.
        whole = {name: getattr(change.settings, name) for name in parameters_of(Settings)} | change.settings.values()
        absent = {*change.settings.numbers().absent([*parameters_of(Settings)])}
        own: Mapping[str, Any] = {
            name: now[name] if name in now else written.described(whole[name], name)
            for name in {**before, **now}
            if now.get(name) != before.get(name) and name in whole and name not in absent and name not in NO_EFFECT
        }
        found[change.iteration] = {"mapping": {**own, **({"goal": change.goal} if change.goal != goal else {})}}
        before, goal = now, change.goal
    return found
