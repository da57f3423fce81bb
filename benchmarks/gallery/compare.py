"""Compares recipes: the paired difference of what a judge says of their pictures."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gallery import scores, systems
from benchmarks.gallery.subjects import CLASSES, Subject, subject

Recipe = str | Mapping[str, Any] | Callable[[Subject, int, int], np.ndarray]
"""A preset's name, settings of `am.visualize`, or a function of (subject, class, seed) that gives a picture."""

MEANS = (
    "own_p",
    "shift_p",
    "jpeg_p",
    "judge_log_p",
    "slope_off",
    "spectrum",
    "slope_off_with_edges",
    "spectrum_with_edges",
    "colour",
    "sd",
)
"""The scores that are averaged as they are."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How much better a recipe's pictures are.

    Attributes:
        difference: mean over pairs of the judge's log probability of the first's picture less that of the second's.
        error: its standard error. A difference below twice of it is none.
        first: mean scores of the first.
        second: those of the second.
    """

    difference: float
    error: float
    first: dict[str, float]
    second: dict[str, float]

    def __str__(self) -> str:
        lines = [f"{key:14} {self.first[key]:8.3f} {self.second[key]:8.3f}" for key in self.first]
        return "\n".join([*lines, f"judge's log probability: {self.difference:+.2f} +- {self.error:.2f}"])


def evaluate(
    recipe: Recipe,
    network: str = "squeezenet",
    classes: Iterable[int] = tuple(CLASSES),
    seeds: Iterable[int] = (0, 1),
    folder: Path | None = None,
) -> list[dict[str, Any]]:
    """Draw and score a recipe's pictures: about 10 s each on two cores.

    Args:
        recipe: a preset's name, a dict of settings of :func:`actmax_widget.visualize` (its ``preset`` is ``"natural"``
            where none is named), or a function of (subject, class, seed) that gives (H, W, 3) of 0 to 255.
        network: ``"squeezenet"`` or ``"efficientnet"``; the other one judges.
        classes: of ImageNet.
        seeds: of each class.
        folder: where the files are kept; None: nowhere.

    Returns:
        A dict for each picture: ``class``, ``seed``, and what :func:`~benchmarks.gallery.scores.score` gives.
    """
    settings = {"preset": recipe} if isinstance(recipe, str) else recipe
    draw = settings if callable(settings) else systems.recipe(**settings)
    own, found, seeds = subject(network), [], tuple(seeds)
    with tempfile.TemporaryDirectory() as temporary:
        for index in classes:
            for seed in seeds:
                path = (folder or Path(temporary)) / f"{index}-{seed}.png"
                broken = scores.save(draw(own, index, seed), path)
                found.append({"class": index, "seed": seed, "broken": broken, **scores.score(path, own, index)})
    return found


def compare(
    first: Recipe | list[dict[str, Any]],
    second: Recipe | list[dict[str, Any]] = "natural",
    network: str = "squeezenet",
    **options: Any,
) -> Comparison:
    """Compare two recipes over classes and seeds, in pairs.

    Args:
        first: a recipe, or what :func:`evaluate` gave of it.
        second: the same of what it is compared with. Keep ``evaluate("natural")`` for many comparisons.
        network: see :func:`evaluate`.
        **options: ``classes`` and ``seeds``, see :func:`evaluate`.

    Raises:
        ValueError: two lists that are not of the same classes and seeds.

    Example:
        >>> natural = evaluate("natural", classes=[1, 130], seeds=[0])
        >>> print(compare({"preset": "natural", "max_iter": 128}, natural, classes=[1, 130], seeds=[0]))
    """
    rows = [given if isinstance(given, list) else evaluate(given, network, **options) for given in (first, second)]
    pairs = list(zip(*rows, strict=True))
    if any((a["class"], a["seed"]) != (b["class"], b["seed"]) for a, b in pairs):
        raise ValueError("first and second: expected the same classes and seeds, in the same order.")
    differences = np.array([a["judge_log_p"] - b["judge_log_p"] for a, b in pairs])
    error = differences.std(ddof=1) / len(pairs) ** 0.5 if len(pairs) > 1 else np.nan
    return Comparison(float(differences.mean()), float(error), summary(rows[0]), summary(rows[1]))


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Mean scores of some pictures; of what is true or not, the share, 0 to 1."""
    truths = {
        **{f"{name}_first": [row[f"{name}_rank"] == 1 for row in rows] for name in ("own", "shift", "jpeg")},
        "judge_top_1": [row["judge_rank"] == 1 for row in rows],
        "judge_top_5": [row["judge_rank"] <= 5 for row in rows],
        "bad": [row["grey"] or row["saturated"] or row["broken"] for row in rows],
    }
    numbers = {name: [row[name] for row in rows] for name in MEANS}
    return {name: float(np.mean(values)) for name, values in (truths | numbers).items()}
