"""The run file: what makes a picture, in JSON, without the picture. ``load_run`` and ``visualize`` repeat it.

It holds the settings that a run began with and what was set in its course, each with its iteration, the random state
that was drawn, how far it came, the model's fingerprint, what its last layer's units are called, and the versions of
what made it. Nothing in it is run when it
is read but constructors of parts, by their names.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from actmax_widget import files, varying
from actmax_widget.checkpoint import Change, Changes, Checkpoint, differences, versions
from actmax_widget.checks import check_integer, invalid, saying
from actmax_widget.export import written
from actmax_widget.labels import IMAGENET, Labels
from actmax_widget.network import Network
from actmax_widget.parameters import parameters_of
from actmax_widget.settings import Settings

FORMAT = 1
KEY = "actmax_widget_run"
"""The first key of a run file, whose value is its format."""
IN_PICTURE = "actmax_widget run"
"""Under which a PNG keeps what made it."""
DAMAGE = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError, zlib.error, EOFError)
"""What is raised by a file that is not as we write it."""
ADVICE = "Pass a file that widget.save('run.json') or result.save('run.json') wrote."


@dataclass(frozen=True)
class RunFile:
    """What makes a picture.

    Attributes:
        changes: the settings that it began with, and those set in its course.
        iteration: how far it came.
        model: fingerprint of the model.
        versions: of what made it.
        ui: how the widget was shown, see :class:`~actmax_widget.ActMaxWidget`.
        given: what the model was given: ``input_shape``, ``held_inputs``, where they do not follow from the model, and
            a function as ``backprop_modifier``.
        unknown: names of settings that this version does not know, which were left out.
        labels: names of the last layer's units; None where it had none.
        vary: of several pictures what they differ in: name -> values, see :func:`~actmax_widget.visualize_many`; else
            empty. ``changes`` then has what they have in common.

    Example:
        >>> run = RunFile.of(result.checkpoint)
        >>> run.save("run.json")
        >>> am.visualize(model, changes=RunFile.load("run.json").changes, max_iter=run.iteration)
    """

    changes: Changes = field(repr=False)
    iteration: int
    model: str
    versions: Mapping[str, str]
    ui: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict, repr=False)
    unknown: tuple[str, ...] = ()
    vary: Mapping[str, Any] = field(default_factory=dict)
    labels: Labels | None = None

    @classmethod
    def of_sheet(
        cls,
        base: Settings,
        vary: Any,
        first: Checkpoint,
        ui: Mapping[str, Any] | None = None,
        labels: Labels | None = None,
    ) -> Self:
        """What makes several pictures.

        Args:
            base: what they have in common.
            vary: what they differ in, name -> values.
            first: the checkpoint of one of them.
            ui: how the widget was shown.
            labels: names of the last layer's units.
        """
        changes = Changes().then(0, base, base.max_iter)
        made, given = dict(first.versions), _given(first)
        return cls(changes, base.max_iter, first.model, made, dict(ui or {}), given, (), dict(vary), labels)

    @classmethod
    def of(cls, checkpoint: Checkpoint, ui: Mapping[str, Any] | None = None, labels: Labels | None = None) -> Self:
        """The run that came to a checkpoint; of one that has not begun, the run as it is set up.

        Args:
            checkpoint: of the run.
            ui: how the widget was shown.
            labels: names of the last layer's units.

        Raises:
            ValueError: a picture that was not made from its beginning here, as one taken from tiles.
        """
        changes = checkpoint.changes
        if not changes and not checkpoint.iteration:  # set up and not begun: what Run would make
            first = checkpoint.settings.changed(seed=checkpoint.seed)
            changes = Changes().then(0, first, checkpoint.goal or first.max_iter)
        if not changes or changes[0].iteration:
            advice = "Make it alone: visualize(model, layer, filter), or Run."
            error = invalid("run file", "a run from its beginning", "a picture that was taken from tiles", advice)
            raise saying(error, "Of a picture that was taken from tiles nothing tells how it was made.")
        made_with = dict(checkpoint.versions)
        shown, given = dict(ui or {}), _given(checkpoint)
        return cls(changes, checkpoint.iteration, checkpoint.model, made_with, shown, given, labels=labels)

    def to_json(self) -> str:
        """As text.

        Raises:
            ValueError: something of the settings cannot be written, see :mod:`actmax_widget.export.written`.
        """
        before: dict[str, Any] = {}
        changes = []
        for change in self.changes:
            now = described(change.settings)
            own = {name: value for name, value in now.items() if name not in before or before[name] != value}
            gone = [name for name in before if name not in now]
            entry = {"iteration": change.iteration, "goal": change.goal, "settings": own}
            changes.append({**entry, "back_to_default": gone} if gone else entry)
            before = now
        whole = {
            KEY: FORMAT,
            "iteration": self.iteration,
            "changes": changes,
            "model": self.model,
            "versions": dict(self.versions),
            **({"ui": dict(self.ui)} if self.ui else {}),
            **({"labels": self.labels.plain} if self.labels is not None else {}),
            **({"given": written.described(self.given, "held_inputs")} if self.given else {}),
            **({"vary": written.described(self.vary, "vary")} if self.vary else {}),
        }
        return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file, which is there as a whole or not at all; raises ValueError or OSError."""
        files.write(path, self.to_json().encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str], own: Mapping[str, Any] | None = None) -> Self:
        """Read one from a file.

        Args:
            path: of the file.
            own: name -> class or function, of those that the file names and no module here has.

        Raises:
            ValueError: it is damaged, no run file, of another version, or names what there is not.
            OSError: it cannot be read.
        """
        try:
            text = Path(path).read_bytes().decode()
        except UnicodeDecodeError:
            raise invalid("path", "a run file, which is text", path, ADVICE) from None
        return cls.of_text(text, own, str(path))

    @classmethod
    def of_picture(cls, path: str | os.PathLike[str], own: Mapping[str, Any] | None = None) -> Self:
        """The run that made a picture, as a PNG file of ours holds it; raises as :meth:`load` does."""
        try:
            with Image.open(path) as picture:
                text = picture.text.get(IN_PICTURE) if isinstance(picture, PngImageFile) else None
        except (OSError, ValueError, SyntaxError, struct.error) as error:
            if getattr(error, "errno", None):  # it cannot be read at all
                raise
            raise invalid("path", "a whole PNG", path, "It is cut or damaged. Save it again.") from None
        if not text:
            raise invalid("path", "a PNG that holds the run it is of", path, "Pass one that widget.save() wrote.")
        return cls.of_text(text, own, str(path))

    @classmethod
    def of_text(cls, text: str, own: Mapping[str, Any] | None = None, path: str = "this text") -> Self:
        """The same from a text."""
        try:
            whole = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise invalid("path", "a whole run file", path, f"It is cut or damaged ({error}). {ADVICE}") from None
        if not isinstance(whole, dict) or KEY not in whole:
            raise invalid("path", "a run file, and not other JSON", path, ADVICE)
        if whole[KEY] != FORMAT:
            advice = "Write it anew with this version of actmax_widget."
            raise invalid("path", f"a run file of format {FORMAT}", f"one of format {whole[KEY]}", advice)
        try:
            return cls._of(whole, dict(own or {}))
        except DAMAGE as error:
            if hasattr(error, "parts"):  # a sentence of ours
                raise
            raise invalid("path", "a whole run file", path, f"It is damaged ({error!r}). {ADVICE}") from error

    def otherwise(self, model: str) -> list[str]:
        """What differs here from what it was made with, or could not be honoured, a sentence each.

        Args:
            model: fingerprint of the model that is there.
        """
        found = []
        if self.model != model:
            found.append("It is of another model, or of other weights: the picture will be another.")
        now = versions()
        other = [f"{name} {one} (here {now.get(name)})" for name, one in self.versions.items() if now.get(name) != one]
        if other:
            found.append(f"It was made with {', '.join(other)}: the picture may differ.")
        if self.unknown:
            found.append(f"This version does not know {', '.join(self.unknown)}: left out.")
        return found

    def labels_for(self, network: Network) -> tuple[Labels | None, list[str]]:
        """The labels, if there are as many as the last layer has units; and else, in a sentence, that there are not."""
        if self.labels is None or len(self.labels) == network.last.filters:
            return self.labels, []
        last = network.last
        return None, [f"It has {len(self.labels)} labels, and {last.name!r} has {last.filters} units: left out."]

    @classmethod
    def _of(cls, whole: dict[str, Any], own: Mapping[str, Any]) -> Self:
        iteration = check_integer("iteration", whole["iteration"], least=0)
        changes, unknown = _changes(whole["changes"], own, iteration)
        made_with = {str(name): str(value) for name, value in whole["versions"].items()}
        ui, given = dict(whole.get("ui", {})), dict(written.read(whole.get("given", {"mapping": {}}), own))
        vary = dict(written.read(whole.get("vary", {"mapping": {}}), own))
        if vary:
            varying.grid(changes[0].settings, vary)  # raises a sentence where they are no numbers of it
        return cls(
            changes, iteration, str(whole["model"]), made_with, ui, given, unknown, vary, _labels(whole.get("labels"))
        )


def _given(checkpoint: Checkpoint) -> dict[str, Any]:
    """What the model was given, as it is passed: a function of the model by which it was modified, too."""
    given = dict(checkpoint.given)
    address = given.pop("modified_by", "")
    if address:
        try:
            given["backprop_modifier"] = written.read({"function": address}, {})
        except ValueError:
            advice = "Define it by def at the top of a module or notebook, or take one by its name."
            raise invalid("backprop_modifier", "a function that has a name", address, advice) from None
    return given


def _labels(found: Any) -> Labels | None:
    """The labels of a file; a text is no path here, as a file of somebody else's is not to have others read."""
    if found is None or found == IMAGENET or isinstance(found, list):
        return None if found is None else Labels(found)
    raise invalid("labels", f'a list of names, or "{IMAGENET}"', found, ADVICE)


def described(settings: Settings) -> dict[str, Any]:
    """Settings that are not as they are by default, by name, and the numbers of parts that were set, by address."""
    blank, aliases = Settings(layer=""), settings.numbers().aliases
    absent = {*settings.numbers().absent([*parameters_of(Settings)])}
    found: dict[str, Any] = {}
    for name in [name for name in parameters_of(Settings) if name not in absent]:
        value = getattr(settings, name)
        tree = written.described(value, name)
        if (
            name in aliases
            or name in {"layer", "filter_indices", "preset"}
            or tree != written.described(getattr(blank, name), name)
        ):
            found[name] = tree
    numbers = settings.numbers()
    own = {address: float(value) for address, value in settings.knobs.items() if numbers[address].value != value}
    return found | own


def _changes(entries: Any, own: Mapping[str, Any], iterations: int) -> tuple[Changes, tuple[str, ...]]:
    declared, unknown = parameters_of(Settings), set[str]()
    values: dict[str, Any] = {}
    trees: dict[str, Any] = {}
    found: list[Change] = []
    if not isinstance(entries, list) or not entries or entries[0]["iteration"] != 0:
        raise invalid("changes", "a list that begins at iteration 0", entries, ADVICE)
    for entry in entries:
        iteration = check_integer("iteration", entry["iteration"], least=found[-1].iteration + 1 if found else 0)
        goal = check_integer("goal", entry["goal"], least=1)
        for name in entry.get("back_to_default", ()):
            values.pop(name, None)
        for name, tree in entry["settings"].items():
            known = name in declared or "." in name
            if not known:
                unknown.add(name)
            # What did not change stays the same object: a part that a user wrote is compiled once.
            elif name not in values or trees[name] != tree:
                trees[name], values[name] = tree, written.read(tree, own)
        numbers = {name: value for name, value in values.items() if name not in declared}
        plain = {name: value for name, value in values.items() if name in declared}
        settings = Settings(layer=str(plain.get("layer", ""))).changed(**plain)
        there = {address: value for address, value in numbers.items() if address in settings.numbers()}
        unknown |= {*numbers} - {*there}  # of a part that has other numbers here
        settings = settings.changed(knobs=there) if there else settings
        before = found[-1].settings if found else None
        changed = differences(before, settings)
        found.append(Change(iteration, settings, goal, changed))
    return Changes(found, iterations or None), tuple(sorted(unknown))
