"""Which tiles go to the browser, and when: those of the batch in hand as they grow, each finished one once more.

A helper of :mod:`~actmax_widget.view.stream`, which holds its lock around every call.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from actmax_widget.live.facts import Status, TilesFacts
from actmax_widget.live.run import Run
from actmax_widget.pictures import opened, stitch_images, to_pixels
from actmax_widget.view.messages import SavedTiles, TilesClosedMessage, TilesMessage, content

TILE_FRAME = 1 / 8
"""Seconds between two messages of growing tiles at the least: there are many pictures in each."""
TILES_AT_ONCE = 64
"""Tiles in a message at the most."""
SIDE = 112
"""Pixels of a tile's longer side at the most; larger pictures are shown at half, a third, ... of their size."""
UNKNOWN = -1
"""Stands for tiles that a front end may have."""
EXACT = 2_000_000
"""Bytes of pixels up to which a saved notebook holds tiles without loss."""


class TileFeed:
    """The tiles on their way to the browser.

    Args:
        run: where they come from.
        clock: seconds, monotonic.
    """

    def __init__(self, run: Run, clock: Callable[[], float]) -> None:
        self._run, self._clock = run, clock
        self._number: int | None = None  # of the tiles that the browser has, or is getting
        self._told = False  # it ever got any
        self._settled = 0  # tiles that were sent after they were finished
        self._reached = 0  # tiles that were sent at all
        self._next = 0  # the tile to send next
        self._final = 0  # tiles that were finished when this round began
        self._moment: tuple[int, int] | None = None  # of which this round is
        self._status: tuple[Status, tuple[str, ...]] | None = None  # and what was set otherwise since
        self._sent_at = -np.inf

    def hello(self) -> None:
        """A front end is there (again) and has nothing, or tiles of which it was not heard that they are closed."""
        self._forget()
        self._number = self._number if self._number is None and not self._told else UNKNOWN

    def wait(self, facts: TilesFacts | None) -> float | None:
        """Seconds until there is something to send that may be sent; None if there is nothing."""
        if (facts.number if facts else None) != self._number:
            return 0.0
        if facts is None:
            return None
        halfway = self._next > self._settled
        other = self._status != (facts.status, facts.changed)
        if halfway or other or self._settled < facts.done or self._reached < facts.begun:
            return 0.0
        if (facts.done, facts.iteration) == self._moment:
            return None
        return max(0.0, self._sent_at + TILE_FRAME - self._clock())

    def message(self, seq: int, facts: TilesFacts | None) -> tuple[dict[str, Any], list[bytes]]:
        """The next message and its buffers, a :class:`~actmax_widget.view.messages.TilesMessage`."""
        if facts is None:
            self._number = None
            return content(TilesClosedMessage(seq=seq)), []
        if facts.number != self._number:
            self._forget()
            self._number, self._told = facts.number, True
        self._status, self._sent_at = (facts.status, facts.changed), self._clock()
        first, end = self._go_round(facts)
        images, activations = self._run.tiles_shown(first, end, facts.number)
        pictures = [_thumbnail(one, facts.input_range) for one in images]
        sent = TilesMessage(seq=seq, first=first, **_news(self._run, facts, activations))
        return content(sent), [b"".join(picture.tobytes() for picture in pictures)]

    def _go_round(self, facts: TilesFacts) -> tuple[int, int]:
        """The tiles to send next. A round leads from the first that may still change to the last that was begun."""
        if self._next == self._settled:
            self._moment, self._final = (facts.done, facts.iteration), facts.done
        first, begun = self._next, facts.begun
        end = min(first + TILES_AT_ONCE, begun)
        self._next = end
        if end == begun:
            self._next = self._settled = self._final
            self._reached = begun
        return first, end

    def _forget(self) -> None:
        self._settled = self._reached = self._next = self._final = 0
        self._moment = self._status = None
        self._sent_at = -np.inf


def snapshot(run: Run) -> tuple[dict[str, Any], bytes]:
    """All tiles of one moment for a saved notebook: what the message says, and the pictures in one picture file.

    They stand in rows of ``across``. A file of more than :data:`EXACT` bytes of pixels is a JPEG, or a layer of 512
    filters would take 12 MB of a notebook. Without tiles it is empty.
    """
    facts = run.facts().tiles
    if facts is None:
        return {}, b""
    images, activations = run.tiles_shown(0, facts.begun, facts.number)
    pictures = [_thumbnail(one, facts.input_range) for one in images]
    across = math.isqrt(len(pictures) - 1) + 1 if pictures else 0
    saved = content(SavedTiles(across=across, first=0, **_news(run, facts, activations)))
    if not pictures:
        return saved, b""
    pixels = stitch_images(pictures, margin=0, cols=across)
    image = opened(pixels)
    file = io.BytesIO()
    image.save(file, *(["png"] if pixels.nbytes <= EXACT else ["jpeg"]), quality=90, subsampling=0)
    return saved, file.getvalue()


def _news(run: Run, facts: TilesFacts, activations: list[float | None]) -> dict[str, Any]:
    """What there is to tell of tiles, and the activations of those sent: see ``TilesNews`` in the messages."""
    blank = _thumbnail(run.network.layout.as_shown(np.zeros(run.network.input.shape[1:])), (0, 1))
    return {
        "number": facts.number,
        "layer": facts.layer,
        "varied": list(facts.names),
        "titles": list(facts.titles),
        "values": [list(map(_plain, own)) for own in facts.values],
        "shape": list(blank.shape),
        "count": len(activations),
        "activations": activations,
        "done": facts.done,
        "iteration": facts.iteration,
        "goal": facts.goal,
        "status": facts.status.value,
        "error": facts.error,
        "changed": list(facts.changed),
    }


def _plain(value: Any) -> Any:
    """A value as it travels."""
    return list(value) if isinstance(value, tuple) else value


def _thumbnail(image: np.ndarray, input_range: tuple[float, float]) -> np.ndarray:
    """A picture as uint8, (h, w, 1) or (h, w, 3), each pixel the mean of as many as make it small enough."""
    pixels = to_pixels(image, input_range)
    factor = -(-max(pixels.shape[:2]) // SIDE)
    small = opened(pixels).reduce(factor)
    return np.asarray(small).reshape(small.height, small.width, -1)
