"""What is kept of a run, so that it can go on, elsewhere or later: a checkpoint, and the changes that were made.

Both are of NumPy arrays and settings alone, and can be pickled.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
import pickle
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self, overload

import numpy as np

from actmax_widget import files
from actmax_widget.checks import invalid
from actmax_widget.parameters import parameters_of
from actmax_widget.results import History
from actmax_widget.settings import Settings, differ

FORMAT = 1
"""Of checkpoints: another one is refused."""
VERSIONS = ("actmax_widget", "tensorflow", "keras", "numpy")
NO_EFFECT = {"max_iter", "preset", "seed", "seed_fit", "seed_input", "steps_per_second"}
"""Settings that change no step of a run that has begun."""
ANEW = "Make it anew with this version of actmax_widget."
ADVICE = "Pass what widget.checkpoint(), result.checkpoint or Checkpoint.load() gave."


@functools.cache
def versions() -> Mapping[str, str]:
    """Of what makes runs, by name."""
    return {name: importlib.metadata.version(name) for name in VERSIONS}


class Change(NamedTuple):
    """The settings of a run from some iteration on.

    Attributes:
        iteration: iterations made when they took effect; 0: what it began with.
        settings: all of them. Those of the beginning have the random state that was drawn, if none was set.
        goal: the iteration that the run was heading for, which numbers that change over a run follow.
        changed: what they differ by from those before, by name, or by address for the numbers of parts; those of the
            beginning from the defaults.
    """

    iteration: int
    settings: Settings
    goal: int
    changed: dict[str, Any]


class Changes(Sequence[Change]):
    """What was set in the course of a run: ``visualize(model, changes=...)`` repeats it.

    Attributes:
        iterations: how many the run has made, which a repetition makes too; None: not said, so it is made to its goal.

    Example:
        >>> widget.changes
        iteration 0: layer 'out', filter_indices (3,), …
        iteration 57: tv_weight 3.0
    """

    iterations: int | None = None  # also of those that an earlier version has pickled

    def __init__(self, changes: Iterable[Change] = (), iterations: int | None = None) -> None:
        self._changes = tuple(changes)
        self.iterations = iterations

    @overload
    def __getitem__(self, index: int) -> Change: ...
    @overload
    def __getitem__(self, index: slice) -> Changes: ...
    def __getitem__(self, index: Any) -> Any:
        found = self._changes[index]
        return Changes(found) if isinstance(index, slice) else found

    def __len__(self) -> int:
        return len(self._changes)

    def __repr__(self) -> str:
        return "\n".join(f"iteration {one.iteration}: {_said(one.changed)}" for one in self) or "no changes"

    def then(self, iteration: int, settings: Settings, goal: int, *, always: bool = False) -> Changes:
        """The same with settings that hold from an iteration on, if these make another step, or always."""
        before = self[-1] if self else None
        if before is None:
            return Changes([Change(iteration, settings, goal, differences(None, settings))])
        if settings.seed is None:  # nobody set another: it is the one that was drawn
            settings = settings.changed(seed=before.settings.seed)
        changed = differences(before.settings, settings)
        if not always and goal == before.goal and not changed.keys() - NO_EFFECT:
            return self
        if iteration > before.iteration:
            return Changes([*self, Change(iteration, settings, goal, changed)])
        # Nothing was made by those before. A run's beginning keeps the random state that it has drawn.
        settings = settings.changed(seed=before.settings.seed) if len(self) == 1 else settings
        return self[:-1].then(iteration, settings, goal, always=always)


def differences(before: Settings | None, after: Settings) -> dict[str, Any]:
    """What settings differ by, as :meth:`Settings.changed` takes it but for the numbers of parts, by address."""
    base = _blank().changed(layer=after.layer) if before is None else before
    found = {
        name: getattr(after, name)
        for name in parameters_of(Settings)
        if differ(getattr(base, name), getattr(after, name))
    }
    if before is None:
        found = {"layer": after.layer, "filter_indices": after.filter_indices, **found}
    old, new = base.values(), after.values()
    aliases = {one.address for one in after.numbers().values() if one.alias}
    numbers = {name: value for name, value in new.items() if name not in aliases and old.get(name) != value}
    return {**found, **(numbers if before is not None else dict(after.knobs))}


@functools.cache
def _blank() -> Settings:
    """Settings as they are declared, made once: each is checked."""
    return Settings(layer="of any")


def _said(changed: Mapping[str, Any]) -> str:
    shown = {
        name: f"array of shape {value.shape}" if isinstance(value, np.ndarray) else value
        for name, value in changed.items()
    }
    return ", ".join(f"{name} {value!r}" for name, value in shown.items()) or "another goal"


KINDS = {
    "settings": Settings,
    "arrays": Mapping,
    "seed": int | np.integer,
    "iteration": int | np.integer,
    "goal": int | np.integer,
    "history": History,
    "changes": Changes,
    "model": str,
    "versions": Mapping,
    "given": Mapping,
}
"""Of the attributes of a checkpoint."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A run at one of its iterations, with all that its next step needs. Frozen; can be pickled.

    To go on from it gives the same picture, bit for bit, as the run that was not interrupted: on the same machine, with
    the same versions and number of threads.

    Attributes:
        settings: those in force, with the target. Layers are named.
        arrays: the state: ``params`` by name, what the optimizer keeps of each (``kept``), the picture measured last
            (``measured``) and what it came from (``good``), the best one (``best``, ``best_loss``), and ``sound``.
        seed: random state of the start and of the transforms.
        iteration: iterations made.
        goal: the iteration that the run was heading for.
        history: every iteration's losses.
        changes: what was set in its course.
        model: fingerprint of the model and its weights.
        versions: of what made it, by name.
        given: what the model was given, where that does not follow from the model: ``input_shape``, ``held_inputs``.

    Example:
        >>> result = am.visualize(model, "conv3", 5, max_iter=120, seed=0)
        >>> result.checkpoint.save("half.actmax")
        >>> am.visualize(model, start=am.Checkpoint.load("half.actmax"), max_iter=80).image
    """

    settings: Settings = field(repr=False)
    arrays: Mapping[str, Any] = field(repr=False)
    seed: int
    iteration: int
    goal: int
    history: History = field(repr=False)
    changes: Changes = field(repr=False)
    model: str
    versions: Mapping[str, str] = field(repr=False)
    format: int = FORMAT
    given: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def is_of_same_moment(self, other: Checkpoint) -> bool:
        """Whether another one is of the same run at the same iteration."""
        same = (self.iteration, self.seed, self.model) == (other.iteration, other.seed, other.model)
        return same and np.array_equal(self.arrays["measured"], other.arrays["measured"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file, which is there as a whole or not at all.

        Raises:
            ValueError: something of the settings cannot be pickled, such as a function without a name.
            OSError: the file cannot be written.
        """
        files.write(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """What :meth:`save` writes; raises a ValueError as it does."""
        try:
            return pickle.dumps(self)
        except Exception as error:
            advice = "Define functions and classes of your own by def and class in a module."
            raise invalid("checkpoint", "settings that can be pickled", f"{error}", advice) from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read one from a file. It is a pickle, which can run any code: load files of people you trust.

        Raises:
            ValueError: it is damaged, or no checkpoint, or of another version of this package.
            TypeError: ``path`` is no path.
            OSError: there is no such file.
        """
        if not isinstance(path, str | os.PathLike):
            raise invalid("path", "the path of a file", path, "Pass what Checkpoint.save() was given.", TypeError)
        return cls.of_bytes(Path(path).read_bytes(), str(path))

    @classmethod
    def of_bytes(cls, content: bytes, source: str = "these bytes") -> Self:
        """Read what :meth:`to_bytes` gave; see :meth:`load`, also for what is raised."""
        try:
            found = pickle.loads(content)  # noqa: S301 - said in the docstring
        except Exception as error:  # whatever a cut or foreign pickle raises
            advice = "The file is cut, or needs classes that are not defined here. Save it again."
            raise invalid("checkpoint", "a whole file of Checkpoint.save()", f"{source}: {error}", advice) from error
        if not isinstance(found, cls):
            raise invalid("checkpoint", "a file of Checkpoint.save()", type(found).__name__, ADVICE)
        found.check()
        return found

    def check(self) -> None:
        """See that it is of this version, and whole.

        Raises:
            ValueError: it is not.
        """
        made = vars(self).get("format")
        if made != FORMAT:
            raise invalid("checkpoint", f"one of format {FORMAT}", f"one of format {made}", ANEW)
        # What was pickled by another version may lack any of these.
        for name, kind in KINDS.items():
            found = vars(self).get(name)
            if not isinstance(found, kind) or isinstance(found, bool):
                raise invalid("checkpoint", f"one with its {name}", found, ANEW)
        for name in ("iteration", "goal", "seed"):
            if getattr(self, name) < 0:
                raise invalid("checkpoint", f"{name} >= 0", getattr(self, name), ANEW)
        if len(self.history) != self.iteration:
            raise invalid("checkpoint", f"{self.iteration} rows, one an iteration", len(self.history), "Save it again.")
        for name, array in _flat(self.arrays).items():
            _check_array(name, array)

    def fitting(self, template: Mapping[str, Any]) -> Mapping[str, Any]:
        """Its arrays, if they are of the same names, shapes and types as those of a fresh start.

        Raises:
            ValueError: they are not.
        """
        own, wanted = _flat(self.arrays), _flat(template)
        if own.keys() != wanted.keys():
            raise invalid("checkpoint", f"arrays {[*wanted]}", [*own], "It belongs to other parts. Make it anew.")
        for name, array in own.items():
            if array.shape != wanted[name].shape or array.dtype != wanted[name].dtype:
                expected = f"{name} of shape {wanted[name].shape} and type {wanted[name].dtype}"
                received = f"shape {array.shape} and type {array.dtype}"
                raise invalid("checkpoint", expected, received, "It belongs to another input. Make it anew.")
        return self.arrays


def _check_array(name: str, array: Any) -> None:
    advice = "It was made after a loss that was not finite. Take one from before."
    if not isinstance(array, np.ndarray):
        raise invalid("checkpoint", f"an array of {name}", array, ANEW)
    if np.isnan(array).any() if name == "best_loss" else not np.isfinite(array).all():
        raise invalid("checkpoint", "finite numbers", f"NaN or infinite ones in {name}", advice)
    if name == "sound" and not array.all():
        raise invalid("checkpoint", "a state that can go on", "one that cannot", advice)


def check_checkpoint(name: str, value: Any) -> Checkpoint:
    """Return a checkpoint that is whole; raises TypeError or ValueError otherwise."""
    if not isinstance(value, Checkpoint):
        raise invalid(name, "a checkpoint", value, ADVICE, TypeError)
    value.check()
    return value


def check_changes(value: Any) -> Changes:
    """Return changes in order; raises TypeError or ValueError otherwise."""
    if not isinstance(value, Changes):
        raise invalid(
            "changes", "the changes of a run", value, "Pass widget.changes, or checkpoint.changes.", TypeError
        )
    if not value or value[0].iteration:
        advice = "A picture that was taken from tiles has none, nor has one that was not begun."
        raise invalid("changes", "those of a whole run, from its beginning", value, advice)
    return value


def _flat(arrays: Mapping[str, Any], prefix: str = "") -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for name, value in arrays.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found
