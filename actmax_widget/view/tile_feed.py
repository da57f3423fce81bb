"""Which tiles go to the browser, and when: those of the batch in hand as they grow, each finished one once more."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from actmax_widget.live.facts import Status
from actmax_widget.live.tiles import Tiles
from actmax_widget.pictures import stitch_images, to_pixels
from actmax_widget.view.messages import SavedTiles, TilesMessage, content

TILE_FRAME = 1 / 8
"""Seconds between two messages of growing tiles at the least: there are many pictures in each."""
TILES_AT_ONCE = 64
"""Tiles in a message at the most."""
SIDE = 112
"""Pixels of a tile's longer side at the most; larger pictures are shown at half, a third, ... of their size."""
EXACT = 2_000_000
"""Bytes of pixels up to which a saved notebook holds tiles without loss."""


class TileFeed:
    """The tiles on their way to the browser.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tiles: Tiles | None = None
        self._closed: Tiles | None = None  # the browser is to be told
        self._status: Status | None = None
        self._settled = 0  # tiles that were sent after they were finished
        self._reached = 0  # tiles that were sent at all
        self._next = 0  # the tile to send next
        self._final = 0  # tiles that were finished when this round began
        self._forget()

    def show(self, tiles: Tiles | None) -> None:
        """Show these from now on; None: no tiles any more."""
        self._closed = (self._tiles or self._closed) if tiles is None else None
        self._tiles = tiles
        self._forget()

    def hello(self) -> None:
        """A front end is there (again) and has nothing."""
        self._forget()

    def wait(self) -> float | None:
        """Seconds until there is something to send that may be sent; None if there is nothing."""
        tiles = self._tiles or self._closed
        if tiles is None:
            return None
        halfway = self._next > self._settled
        if halfway or self._status is not tiles.status or self._settled < tiles.done or self._reached < tiles.begun:
            return 0.0
        if tiles.revision == self._revision:
            return None
        return max(0.0, self._sent_at + TILE_FRAME - self._clock())

    def message(self, seq: int) -> tuple[dict[str, Any], list[bytes]]:
        """The next message and its buffer, a :class:`~actmax_widget.view.messages.TilesMessage`."""
        tiles = self._tiles or self._closed
        assert tiles is not None  # noqa: S101 - for mypy: see wait()
        self._status, self._sent_at = tiles.status, self._clock()
        first, end = self._go_round(tiles)
        pictures = [_thumbnail(one, tiles.settings.input_range) for one in tiles.between(first, end)]
        news = _news(tiles) | ({} if self._tiles else {"status": "closed"})
        sent = TilesMessage(seq=seq, first=first, count=len(pictures), **news)
        return content(sent), [b"".join(picture.tobytes() for picture in pictures)]

    def _go_round(self, tiles: Tiles) -> tuple[int, int]:
        """The tiles to send next. A round leads from the first that may still change to the last that was begun."""
        if self._next == self._settled:
            self._revision, self._final = tiles.revision, tiles.done
        first, begun = self._next, tiles.begun
        end = first if self._tiles is None else min(first + TILES_AT_ONCE, begun)
        self._next = end
        if end == begun or self._tiles is None:
            self._next = self._settled = self._final
            self._reached = begun
        return first, end

    def _forget(self) -> None:
        self._settled = self._next = self._final = self._reached = 0
        self._revision, self._status = -1, None
        self._sent_at = -np.inf


def snapshot(tiles: Tiles) -> tuple[dict[str, Any], bytes]:
    """All tiles of one moment for a saved notebook: what the message says, and the pictures in one picture file.

    They stand in rows of ``across``. A file of more than :data:`EXACT` bytes of pixels is a JPEG, or a layer of 512
    filters would take 12 MB of a notebook.
    """
    pictures = [_thumbnail(one, tiles.settings.input_range) for one in tiles.images]
    across = math.isqrt(len(pictures) - 1) + 1 if pictures else 0
    saved = content(SavedTiles(first=0, count=len(pictures), across=across, **_news(tiles)))
    if not pictures:
        return saved, b""
    pixels = stitch_images(pictures, margin=0, cols=across)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    file = io.BytesIO()
    image.save(file, *(["png"] if pixels.nbytes <= EXACT else ["jpeg"]), quality=90, subsampling=0)
    return saved, file.getvalue()


def _news(tiles: Tiles) -> dict[str, Any]:
    """All that there is to tell of tiles but their pictures: see :class:`~actmax_widget.view.messages.TilesNews`."""
    blank = _thumbnail(tiles.network.layout.as_shown(np.zeros(tiles.network.input.shape[1:])), (0, 1))
    return {
        "sheet": tiles.number,
        "layer": tiles.settings.layer,
        "filters": list(tiles.filters),
        "shape": list(blank.shape),
        "done": tiles.done,
        "iteration": tiles.iteration,
        "goal": tiles.settings.max_iter,
        "status": tiles.status.value,
        "error": tiles.error,
    }


def _thumbnail(image: np.ndarray, input_range: tuple[float, float]) -> np.ndarray:
    """A picture as uint8, (h, w, 1) or (h, w, 3), each pixel the mean of as many as make it small enough."""
    pixels = to_pixels(image, input_range)
    factor = -(-max(pixels.shape[:2]) // SIDE)
    small = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).reduce(factor)
    return np.asarray(small).reshape(small.height, small.width, -1)
