"""Pictures that were pinned: kept beside the run with all that made them, to be compared and gone back to."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from actmax_widget import varying
from actmax_widget.checkpoint import Checkpoint
from actmax_widget.checks import check_integer, invalid, near, saying
from actmax_widget.composition import EVERY_ALIAS, OF_TARGET
from actmax_widget.export.card import to_png
from actmax_widget.film import Film
from actmax_widget.parameters import parameters_of
from actmax_widget.results import History
from actmax_widget.settings import Settings
from actmax_widget.view.messages import Made, PinInfo, content

MOST = 12
"""Pins of a widget: of photographs each takes some 4 MB."""
FAMILIES = ("parametrization", "optimizer")
UNSEEN = {"steps_per_second", "seed_fit", "objective", *FAMILIES, "transforms", "seed", "seed_input"}
"""Settings that make no other picture, and those that are told in other words."""

_numbers = itertools.count(1)


@dataclass(frozen=True, eq=False)
class Pin:
    """A picture that was kept with what made it.

    Attributes:
        name: by which ``widget.pins`` has it.
        iteration: of the picture.
        image: (H, W, C) float32 in ``input_range``. Of an iteration that is past and of which the film has no
            checkpoint it is the film's picture, in 256 steps.
        settings: those in force then, with the random state that was drawn.
        checkpoint: where :meth:`~actmax_widget.ActMaxWidget.restore` goes on: of this iteration, or the nearest one of
            which the film has a checkpoint.
        measured: the losses, the total, the activation and for a class the probability, by name; empty at the start.

    Example:
        >>> widget.pin("smooth")
        'smooth'
        >>> widget.pins["smooth"].activation
        21.3
        >>> widget.restore(widget.pins["smooth"].checkpoint)
    """

    name: str
    iteration: int
    image: np.ndarray = field(repr=False)
    settings: Settings = field(repr=False)
    checkpoint: Checkpoint = field(repr=False)
    measured: Mapping[str, float] = field(repr=False)
    number: int = field(repr=False, default_factory=lambda: next(_numbers))

    @property
    def history(self) -> History:
        """The rows up to the checkpoint."""
        return self.checkpoint.history

    @property
    def activation(self) -> float | None:
        """What the target answered, of several the first; None at the start."""
        return self._first("activation")

    @property
    def probability(self) -> float | None:
        """How sure the network was of a class; None where there is none."""
        return self._first("probability")

    @property
    def total(self) -> float | None:
        """The sum of all losses; None at the start."""
        return self.measured.get("total")

    def _first(self, kind: str) -> float | None:
        return next((value for name, value in self.measured.items() if name.split(" of ")[0] == kind), None)

    def info(self, start: str) -> PinInfo:
        """What the page is told; ``start``: what its starting picture is called."""
        return PinInfo(
            number=self.number,
            name=self.name,
            iteration=self.iteration,
            goes_on=self.checkpoint.iteration,
            activation=_finite(self.activation),
            probability=_finite(self.probability),
            total=_finite(self.total),
            made=made_with(self.settings, self.settings.seed, start),
        )


def pin_of(film: Film, name: str, iteration: int | None, shown: Callable[[np.ndarray], np.ndarray]) -> Pin:
    """A pin of a run.

    Args:
        film: of the run, up to now.
        name: of the pin.
        iteration: one that was made, or 0; the nearest of which there is a picture is taken. None: the newest.
        shown: the picture, channels last, of what a checkpoint has.

    Raises:
        ValueError, TypeError, IndexError: an iteration that was not made.
    """
    advice = "Pass one that was made, 0 for the start, or None."
    wanted = -1 if iteration is None else check_integer("iteration", iteration, least=0, advice=advice)
    found = film.nearest(wanted)
    newest, checkpoint = film.checkpoints[-1], film.checkpoint(found)
    changes = [one for one in newest.changes if one.iteration < found or not one.iteration]
    settings = changes[-1].settings if changes and found != newest.iteration else newest.settings
    low, high = settings.input_range
    if checkpoint.iteration == found:
        image = shown(checkpoint.arrays["measured"][0])
    else:
        image = low + np.float32((high - low) / 255) * film.images[film.iterations.index(found)].astype(np.float32)
    rows, columns = newest.history.rows, (*newest.history.columns, *newest.history.measures)
    measured = dict(zip(columns, map(float, rows[found - 1]), strict=True)) if found else {}
    return Pin(name, found, image, settings.changed(seed=newest.seed), checkpoint, measured)


def made_with(settings: Settings, seed: int | None, start: str) -> Made:
    """What a picture is made with, as far as another one may be made with something else.

    Args:
        settings: of it.
        seed: the random state that was set, or drawn.
        start: what its starting picture is called; empty for noise.
    """
    numbers, absent = settings.numbers(), {*settings.numbers().absent(sorted(EVERY_ALIAS))}
    absent |= {*OF_TARGET} if settings.objective is not None else set()
    declared = [name for name in parameters_of(Settings) if name not in UNSEEN | absent]
    values: dict[str, Any] = {name: _plain(getattr(settings, name)) for name in declared}
    titles = {name: parameters_of(Settings)[name].label for name in declared}
    if settings.objective is not None:
        values["objective"] = list(settings.objective.names)
    values |= {name: getattr(settings, name).name for name in FAMILIES}
    values["transforms"] = [one.name for one in settings.transforms]
    values["seed"], values["seed_input"] = seed, start or "noise"
    for name in ("objective", *FAMILIES, "transforms", "seed_input", "seed"):
        titles[name] = varying.TITLES.get(name) or parameters_of(Settings)[name].label
    for address, one in numbers.items():
        if not one.alias:
            values[address], titles[address] = settings.values()[address], varying.title(settings, address)
    return Made(values=values, titles=titles, layer=settings.layer)


class Pins(dict[str, Pin]):
    """The pins of a widget by name, in the order in which they were made."""

    def named(self, name: Any) -> str:
        """A name for another one.

        Raises:
            ValueError, TypeError: no name, one that is taken, or there is no room for another one.
        """
        if len(self) >= MOST:
            advice = "Remove one first: widget.unpin(name)."
            error = invalid("pins", f"at most {MOST} pins", f"{len(self)}, and another one", advice)
            vars(error)["sentence"] = f"There are {MOST} pins, which is as many as there may be: remove one first."
            raise error
        if name is None:
            return next(free for k in range(1, MOST + 2) if (free := f"Pin {k}") not in self)
        return self._free(name, "a name, or None")

    def rename(self, name: Any, new: Any) -> None:
        """Give one another name; it stays where it is.

        Raises:
            ValueError, TypeError: there is none of that name, or the other one is none, empty or taken.
        """
        pin = self.of(name)
        new = name if new == name else self._free(new, "a name")
        others = [(new, replace(one, name=new)) if one is pin else (own, one) for own, one in self.items()]
        self.clear()
        self.update(others)

    def _free(self, name: Any, expected: str) -> str:
        """A name without white space around it that no pin has."""
        if not isinstance(name, str) or not name.strip():
            kind = ValueError if isinstance(name, str) else TypeError
            raise saying(invalid("name", expected, name, 'Pass e.g. "smooth".', kind), "A pin needs a name.")
        name = name.strip()
        if name in self:
            error = invalid("name", "a name that no other pin has", name, f"Taken are {', '.join(self)}.")
            raise saying(error, f"There is a pin {name!r} already.")
        return name

    def of(self, name: Any) -> Pin:
        """The pin of a name; raises a ValueError if there is none."""
        if isinstance(name, str) and name in self:
            return self[name]
        known = f"There are: {', '.join(self)}." if self else "There are none: press Pin, or call widget.pin()."
        error = invalid("name", "the name of a pin", name, f"{near(str(name), self)} {known}".lstrip())
        vars(error)["sentence"] = f"There is no pin {name!r} any more."
        raise error

    def facts(self, start_of: Callable[[Settings], str]) -> tuple[list[dict[str, Any]], list[bytes]]:
        """What the page is told of them, and their pictures as PNG."""
        told = [one.info(start_of(one.settings)) for one in self.values()]
        pictures = [to_png(one.image, one.settings.input_range) for one in self.values()]
        return [{**content(one), "made": content(one.made)} for one in told], pictures


def _plain(value: Any) -> Any:
    """A value as it travels: functions and layers by their names."""
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return getattr(value, "__name__", None) or getattr(value, "name", None) or type(value).__name__


def _finite(value: float | None) -> float | None:
    """JSON has no other numbers."""
    return value if value is not None and np.isfinite(value) else None
