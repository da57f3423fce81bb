"""What a page gets to see of a run's film: a strip of small pictures, and one whole picture at a time.

A page asks, and asks again when it has drawn what came: nobody who does not look costs anything. A helper of
:mod:`~actmax_widget.view.stream`, which holds its lock around every call.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from actmax_widget.live.run import Run
from actmax_widget.pictures import opened
from actmax_widget.view.messages import AskFilm, AskPicture, FilmMessage, PictureMessage, content

SIDE = 64
"""Pixels of the longer side of a small picture at the most."""

Message = tuple[dict[str, Any], list[bytes]]


class FilmFeed:
    """What a page asked for last and did not get yet: who scrubs asks for many pictures and wants the last.

    Args:
        run: whose film it is.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._strip: AskFilm | None = None
        self._picture: AskPicture | None = None

    @property
    def is_asked(self) -> bool:
        """Whether there is something to answer."""
        return self._strip is not None or self._picture is not None

    def ask(self, asked: AskFilm | AskPicture) -> None:
        """Note what a page asks for, instead of what it asked for before."""
        if isinstance(asked, AskFilm):
            self._strip = asked
        else:
            self._picture = asked

    def message(self, seq: int) -> Message | None:
        """The next answer and its buffer; the whole picture first. None where there is nothing any more."""
        run, pictures = self._run.film_pictures()
        picture, self._picture = self._picture, None
        if picture is not None:
            return _whole(seq, run, pictures, picture.iteration) if pictures else None
        strip, self._strip = self._strip, None
        return _strip(seq, run, pictures, strip) if strip is not None and pictures else None


def _whole(seq: int, run: int, pictures: dict[int, np.ndarray], wanted: int) -> Message:
    found = min(pictures, key=lambda one: (abs(one - wanted), one))
    pixels = np.ascontiguousarray(pictures[found])
    return content(PictureMessage(seq=seq, run=run, iteration=found, shape=pixels.shape)), [pixels.tobytes()]


def _strip(seq: int, run: int, pictures: dict[int, np.ndarray], asked: AskFilm) -> Message:
    kept = [*pictures]
    sent = sorted(_evenly(kept, asked.count) - {*asked.have})
    small = [_small(pictures[one]) for one in sent]
    shape = small[0].shape if small else _small(pictures[kept[-1]]).shape
    told = FilmMessage(seq=seq, run=run, kept=kept, sent=sent, shape=shape)
    return content(told), [b"".join(one.tobytes() for one in small)]


def _evenly(kept: list[int], count: int) -> set[int]:
    """As many of them, evenly by iteration; the page chooses in the same way."""
    around = np.asarray(kept)
    return {int(around[np.abs(around - place).argmin()]) for place in np.linspace(kept[0], kept[-1], count)}


def _small(pixels: np.ndarray) -> np.ndarray:
    """Each pixel the mean of as many as make it small enough."""
    small = opened(pixels).reduce(-(-max(pixels.shape[:2]) // SIDE))
    return np.asarray(small).reshape(small.height, small.width, -1)
