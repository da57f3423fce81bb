"""What a run came to, and what can be taken away from it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from actmax_widget.export import page, plotting, saving
from actmax_widget.export.code import code as code_of
from actmax_widget.results import History
from actmax_widget.settings import Settings


@dataclass(frozen=True, eq=False)
class Result:
    """What a run came to. ``image, history = result`` takes it apart.

    Attributes:
        image: (H, W, C) float32 in ``input_range``, the picture that the last row of the history was measured at, as
            the network takes it: before transforms.
        history: every iteration's losses, a column for each term, and the target's activation.
        checkpoint: all that the next iteration needs, see :class:`~actmax_widget.Checkpoint`.
        film: pictures and checkpoints of the run, see :class:`~actmax_widget.Film`; None for one of many, see
            :func:`~actmax_widget.visualize_many`.
        subject: model and target in words; empty where nobody told.
    """

    image: np.ndarray = field(repr=False)
    history: History
    checkpoint: Any
    film: Any
    subject: str = field(default="", repr=False)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.image, self.history))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file, of the kind that the ending says: see :func:`actmax_widget.export.saving.save`."""
        return saving.save(self, path)

    def code(self) -> str:
        """Python code that makes this picture: see :func:`actmax_widget.export.code.code`."""
        return code_of(self.checkpoint)

    def to_html(self) -> page.Page:
        """The text of what ``save("x.html")`` writes; at the end of a cell it is shown: film, chart, table, settings.

        It stays in the saved notebook, which it makes larger by itself: 0.3 MB for digits, 3 MB for photographs. So a
        result alone shows none.

        Raises:
            ValueError: pictures that are not of rows and columns.
        """
        return page.of_run(self)

    def plot(self) -> Any:
        """The losses and the film as a figure: see :func:`actmax_widget.export.plotting.plot`."""
        return plotting.plot(self)


def subject(model: str, settings: Settings, names: Sequence[str] = ()) -> str:
    """Model and target in words, "digits · out · filter 3".

    Args:
        model: its name.
        settings: with the target.
        names: of the units of the layer, where they have any.
    """
    if settings.objective is not None:
        return f"{model} · {' + '.join(settings.objective.names)}"
    chosen = settings.filter_indices
    if chosen is None:
        return f"{model} · {settings.layer} · all filters"
    words = [f"{one} {names[one]}" if one < len(names) else f"{one}" for one in chosen]
    return f"{model} · {settings.layer} · filter{'s' * (len(words) > 1)} {', '.join(words)}"


@dataclass(frozen=True, eq=False)
class Many:
    """Several pictures of one objective. ``many[i]`` is one's :class:`Result`; ``len`` and iterating work, too.

    Attributes:
        results: of each.
        varied: what each has of its own: name -> value.
    """

    results: tuple[Result, ...] = field(repr=False)
    varied: tuple[dict[str, Any], ...]

    @property
    def images(self) -> np.ndarray:
        """(n, H, W, C) float32, see :attr:`Result.image`."""
        return np.stack([one.image for one in self.results])

    @property
    def histories(self) -> list[History]:
        """Every iteration's losses of each picture."""
        return [one.history for one in self.results]

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, index: int) -> Result:
        return self.results[index]

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)
