"""Dataset examples: the real pictures that excite a unit most, and the part of each that it sees."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from actmax_widget.checks import check_integer
from actmax_widget.network import Network
from actmax_widget.network.dataset import References
from actmax_widget.network.fingerprint import fingerprint
from actmax_widget.scoring.aims import Aim
from actmax_widget.scoring.receptive import Box, boxes

COUNT = 9


@dataclass(frozen=True, eq=False)
class Examples:
    """The real pictures that excite a unit most, the strongest first; of one that a run lowers, the weakest first.

    Attributes:
        target: what a person calls the unit.
        crops: of each the part that the unit sees, (height, width, channels) uint8; of a class the whole picture.
        pictures: (n, height, width, channels) uint8, the whole ones as the network sees them.
        boxes: where the crops are: for each side, where it begins and ends. It is the support of the gradient.
        activations: (n,) the unit's strongest answer anywhere in the picture, or at the place that the run was after.
        names: of each: its file's, or its place in what was given.
        number: of how many references.
        passes: how many of them the network had to be shown now; 0 if its answers were known.
        notes: what was left out of the references or done to them.
        lowest: the run lowers the unit: these are the pictures that excite it least, and ``activations`` its means.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> figure, axes = plt.subplots(3, 3)
        >>> for one, crop, name in zip(axes.flat, examples.crops, examples.names):
        ...     one.imshow(crop)
        ...     one.set_title(name)
    """

    target: str
    crops: tuple[np.ndarray, ...] = field(repr=False)
    pictures: np.ndarray = field(repr=False)
    boxes: tuple[Box, ...] = field(repr=False)
    activations: np.ndarray = field(repr=False)
    names: tuple[str, ...]
    number: int
    passes: int
    notes: tuple[str, ...] = ()
    lowest: bool = False

    def __len__(self) -> int:
        return len(self.crops)


def top(
    network: Network, aim: Aim, references: References, input_range: tuple[float, float], count: int = COUNT
) -> Examples:
    """The references that excite a target most.

    Args:
        network: fed as in the run.
        aim: the target. Of several units the mean of their strongest answers counts, and the place is the first's.
        references: the pictures.
        input_range: of the network's values.
        count: how many, at least 1.
    """
    count = check_integer("count", count, least=1, advice="Pass e.g. count=9.")
    pictures = references.pictures(network, input_range)
    strengths, places, passes = excitement(network, aim, references, input_range)
    order = np.argsort(-aim.sign * strengths, kind="stable")[:count]
    shown = pictures.pixels[order]
    where = [tuple(int(side) for side in places[one]) for one in order]
    key = fingerprint(network), aim.target.name, tuple(zip(order.tolist(), where, strict=True)), id(pictures)
    if key not in references.known:
        fed = np.concatenate([pictures.fed(network, int(one), int(one) + 1) for one in order])
        references.known[key] = boxes(network, aim.target, where, fed, input_range)
    found = references.known[key]
    crops = tuple(one[tuple(slice(*side) for side in box)] for one, box in zip(shown, found, strict=True))
    names = tuple(pictures.names[one] for one in order)
    told = aim.name, crops, shown, tuple(found), strengths[order], names, len(pictures), passes, pictures.notes
    return Examples(*told, lowest=aim.sign < 0)


def excitement(
    network: Network, aim: Aim, references: References, input_range: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, int]:
    """How much each reference excites a target, (n,), where, (n, axes of the map), and how many were shown for that.

    A unit that is to be low counts by its mean, as the lowest of its answers is 0 nearly everywhere.
    """
    known, passes = references.answers(network, aim.target, input_range, aim.position)
    answers = known.maxima if aim.sign > 0 else known.means
    places = known.places[:, aim.chosen[0]] if aim.sign > 0 else known.places[:, 0, :0]
    return aim.activation(answers), places, passes
