"""What runs come to: frozen records of NumPy arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from actmax_widget.checks import invalid


@dataclass(frozen=True)
class History:
    """Every iteration's losses, and what the target answered with.

    Attributes:
        names: names of the losses, a column each; the last column is the total.
        values: float32 of shape (iterations, len(names) + 1): each loss times its weight, then their sum. Row ``i`` was
            measured at the input of iteration ``i + 1``, before its step.
        measures: names of what was measured beside the losses, whatever they are: ``"activation"``, and for a class or
            a label ``"probability"``. Where several terms of an objective have a target of their own, each has its
            columns, ``"activation of NAME"``; without any target there are none.
        measured: float32 of shape (iterations, len(measures)), of the same iterations, at the picture as the network
            *was shown* it in that step, after transforms and ``preprocess``; of several views the mean.

            The activation is that of the layer itself, without weight or sign: the mean of the chosen filters over all
            places of their map, or at one place. For a class or a label it is the logit, before the softmax or sigmoid,
            whichever layer was named. The probability is what the softmax or sigmoid makes of the logits, 0 to 1; of
            several classes the sum, of several labels the mean.

    Example:
        >>> import actmax_widget as am
        >>> history = am.visualize(am.demo.photos(), "logits", "flamingo", seed=0, max_iter=64).history
        >>> history.measures
        ('activation', 'probability')
        >>> history["probability"][-1]  # how sure the network was of what it was shown last
    """

    names: tuple[str, ...]
    values: np.ndarray = field(repr=False)
    measures: tuple[str, ...] = ()
    measured: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32), repr=False)

    def __post_init__(self) -> None:
        if not self.measures:
            object.__setattr__(self, "measured", np.empty((len(self.values), 0), np.float32))

    @classmethod
    def of(cls, names: tuple[str, ...], measures: tuple[str, ...], rows: np.ndarray) -> History:
        """The history that rows are: float32 (iterations, losses + 1 + measures)."""
        losses = len(names) + 1
        return cls(names, rows[:, :losses], measures, rows[:, losses:])

    @property
    def rows(self) -> np.ndarray:
        """Losses, total and measures together: float32 of shape (iterations, len(names) + 1 + len(measures))."""
        return np.concatenate([self.values, self.measured], -1)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> np.ndarray:
        """A column by its name: that of a loss, ``"total"``, or of a measure: float32 of shape (iterations,).

        Raises:
            ValueError: there is no such column.
        """
        if name in self.columns:
            return self.values[:, self.columns.index(name)]
        if name in self.measures:
            return self.measured[:, self.measures.index(name)]
        advice = f"Choose one of: {', '.join((*self.columns, *self.measures))}."
        raise invalid("history", "the name of a column", name, advice)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of ``values``: the losses, then ``"total"``."""
        return (*self.names, "total")

    def to_pandas(self) -> Any:
        """The history as a :class:`pandas.DataFrame`, indexed by iteration from 1: losses, total, measures.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas as pd  # noqa: PLC0415 - not a dependency, and slow to import
        except ImportError as error:
            message = "history.to_pandas() needs pandas: pip install pandas. history.values holds the same numbers."
            raise ImportError(message) from error
        return pd.DataFrame(
            self.rows,
            columns=[*self.columns, *self.measures],
            index=pd.RangeIndex(1, len(self) + 1, name="iteration"),
        )


@dataclass(frozen=True)
class Note:
    """What went wrong with a run, or is odd about it, and what to do: see :mod:`actmax_widget.engine.doctor`.

    Attributes:
        name: of the symptom: ``"outweighed"``, ``"saturated"``, ...
        text: a sentence or two for a person.
        remedy: what to set, by the names of settings and the addresses of numbers; None where nothing that can be set
            is known to help.
        button: what setting it is called, and what that begins; empty without a remedy.

    Example:
        >>> am.visualize(am.demo.digits("plain"), "out", 3, preset="keras-vis", seed=0).notes[0].remedy
        {'tv_weight': 0.03}
    """

    name: str
    text: str
    remedy: Mapping[str, Any] | None = None
    button: str = ""


class LayerPictures(NamedTuple):
    """Pictures of a layer's filters.

    Attributes:
        images: (n, H, W, C): a picture for each filter, in the order asked for.
        histories: n :class:`History`: every iteration's losses of each picture.
    """

    images: np.ndarray
    histories: list[History]


class TilePictures(LayerPictures):
    """Pictures of a widget's tiles. ``images, histories = widget.tiles`` takes them apart.

    Attributes:
        images: (n, H, W, C), those begun so far, in order.
        histories: n :class:`History`: every iteration's losses of each picture.
        varied: what each has of its own: name -> value, as ``visualize_many`` gives it.
    """

    varied: tuple[dict[str, Any], ...] = ()

    @classmethod
    def of(cls, images: np.ndarray, histories: list[History], varied: Iterable[dict[str, Any]]) -> TilePictures:
        """The pictures with what they differ in."""
        found = cls(images, histories)
        found.varied = tuple(varied)
        return found
