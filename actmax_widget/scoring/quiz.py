"""A quiz: which of two real pictures excites a unit more? Whoever sees it off the made picture has learned from it.

Source: Borowski et al., *Exemplary natural images explain CNN activations better than state-of-the-art feature
visualization*, 2021: with made pictures people were right in 82 of 100, with real ones in 92; by chance it is 50.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from actmax_widget.checks import check_choice, invalid

SHARE = 0.2
"""One picture is of the fifth that excites the unit most, the other of the fifth that does so least."""
SIDES = ("left", "right")
DEVIATIONS = 1.96
"""Standard deviations on either side that hold 95 %."""


class Question(NamedTuple):
    """Two real pictures by their indices."""

    left: int
    right: int


class Quiz:
    """Questions about a unit, and how many were answered rightly.

    Args:
        strengths: (n,): how much each real picture excites it.
        seed: of the draw.

    Attributes:
        question: the one to be answered.
        asked: how many were answered.
        right: how many of them rightly.

    Raises:
        ValueError: all pictures excite the unit the same, or there is but one.
    """

    def __init__(self, strengths: np.ndarray, seed: int = 0) -> None:
        strengths = np.asarray(strengths, np.float64)
        order = np.argsort(strengths, kind="stable")
        if len(order) < 2 or not strengths[order[0]] < strengths[order[-1]]:
            expected = "at least two pictures that excite the unit differently"
            advice = "Pass more of them, or choose another unit."
            raise invalid("references", expected, f"{len(order)} pictures", advice)
        few = max(1, int(SHARE * len(order)))
        self._strengths, self._random = strengths, np.random.default_rng(seed)
        self._least, self._most = order[:few], order[-few:]
        self.asked = self.right = 0
        self.question = self._drawn()

    def _drawn(self) -> Question:
        least, most = self._random.choice(self._least), self._random.choice(self._most)
        if not self._strengths[least] < self._strengths[most]:  # of a unit that is mostly silent
            least, most = self._least[0], self._most[-1]
        pair = (int(least), int(most)) if self._random.random() < 0.5 else (int(most), int(least))
        return Question(*pair)

    def answer(self, side: str) -> bool:
        """Answer the question, ``"left"`` or ``"right"``; tells whether that is so, and asks the next one.

        Raises:
            ValueError, TypeError: another side.
        """
        side = check_choice("side", side, SIDES)
        left, right = (self._strengths[one] for one in self.question)
        is_right = bool(left > right) is (side == "left")
        self.asked, self.right = self.asked + 1, self.right + is_right
        self.question = self._drawn()
        return is_right

    @property
    def interval(self) -> tuple[float, float]:
        """Where the share of right answers lies with 95 %: Wilson's interval (1927)."""
        return wilson(self.right, self.asked)

    def said(self) -> str:
        """The count, in a sentence."""
        if not self.asked:
            return "Chance is 50 %."
        low, high = self.interval
        return f"{self.right} of {self.asked} right: {100 * low:.0f} to {100 * high:.0f} % with 95 %; chance is 50 %."


def wilson(right: int, asked: int, deviations: float = DEVIATIONS) -> tuple[float, float]:
    """Wilson's interval of a share of which ``right`` of ``asked`` were counted.

    Example:
        >>> wilson(8, 10)
        (0.490..., 0.943...)
    """
    if not asked:
        return 0.0, 1.0
    share, square = right / asked, deviations**2
    middle = (share + square / (2 * asked)) / (1 + square / asked)
    spread = math.sqrt(share * (1 - share) / asked + square / (4 * asked**2)) * deviations / (1 + square / asked)
    return max(0.0, middle - spread), min(1.0, middle + spread)
