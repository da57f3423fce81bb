"""What runs come to: frozen records of NumPy arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np


@dataclass(frozen=True)
class History:
    """Every iteration's losses.

    Attributes:
        names: names of the losses, a column each; the last column is the total.
        values: float32 of shape (iterations, len(names) + 1): each loss times its weight, then their sum. Row ``i`` was
            measured at the input of iteration ``i + 1``, before its step.
    """

    names: tuple[str, ...]
    values: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> np.ndarray:
        """The column of a loss by its name, or ``"total"``: float32 of shape (iterations,)."""
        return self.values[:, self.columns.index(name)]

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names: the losses, then ``"total"``."""
        return (*self.names, "total")

    def to_pandas(self) -> Any:
        """The history as a :class:`pandas.DataFrame`, indexed by iteration from 1. Needs pandas."""
        try:
            import pandas as pd  # noqa: PLC0415 - not a dependency, and slow to import
        except ImportError as error:
            message = "history.to_pandas() needs pandas: pip install pandas. history.values holds the same numbers."
            raise ImportError(message) from error
        return pd.DataFrame(
            self.values, columns=list(self.columns), index=pd.RangeIndex(1, len(self) + 1, name="iteration")
        )


class LayerPictures(NamedTuple):
    """Pictures of a layer's filters.

    Attributes:
        images: (n, H, W, C): a picture for each filter, in the order asked for.
        histories: n :class:`History`: every iteration's losses of each picture.
    """

    images: np.ndarray
    histories: list[History]


@dataclass(frozen=True, eq=False)
class Result:
    """What a run came to. ``image, history = result`` takes it apart.

    Attributes:
        image: (H, W, C) float32 in ``input_range``, the picture that the last row of the history was measured at, as
            the network takes it: before transforms.
        history: every iteration's losses, a column for each term.
        checkpoint: all that the next iteration needs, see :class:`~actmax_widget.Checkpoint`.
        film: pictures and checkpoints of the run, see :class:`~actmax_widget.Film`.
    """

    image: np.ndarray = field(repr=False)
    history: History
    checkpoint: Any
    film: Any

    def __iter__(self) -> Iterator[Any]:
        return iter((self.image, self.history))
