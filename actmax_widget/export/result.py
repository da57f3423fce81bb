"""What a run came to, and what can be taken away from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from actmax_widget.export import plotting, saving
from actmax_widget.export.code import code as code_of
from actmax_widget.results import History, Note


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
        notes: what went wrong, or is odd about it, the most urgent first: a tuple of
            :class:`~actmax_widget.results.Note`, each a sentence and what to set; empty where nothing was found.
    """

    image: np.ndarray = field(repr=False)
    history: History
    checkpoint: Any
    film: Any
    notes: tuple[Note, ...] = ()

    def __iter__(self) -> Iterator[Any]:
        return iter((self.image, self.history))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file, of the kind that the ending says: see :func:`actmax_widget.export.saving.save`."""
        return saving.save(self, path)

    def code(self) -> str:
        """Python code that makes this picture: see :func:`actmax_widget.export.code.code`."""
        return code_of(self.checkpoint)

    def plot(self) -> Any:
        """The losses and the film as a figure: see :func:`actmax_widget.export.plotting.plot`."""
        return plotting.plot(self)


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
