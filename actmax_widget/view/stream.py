"""Which frame goes to the browser, and when: receipts and back-pressure, without a widget or a thread.

The newest picture and all rows not sent yet travel together. At most :data:`WINDOW` frames are on their way; the
browser acknowledges those it has drawn. A browser that is silent (a hidden tab, a lost connection) gets a frame now and
then, later none until it is heard again: by a receipt, however late, or by a hello, which says what it has and is
answered with what it lacks. Nobody ever waits for a browser.

Messages come in other threads than the one that sends, so one lock is held from reading what a front end lacks to
noting that it got it: a hello in between would be answered with half of what it asks for. It is not held while sending.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from actmax_widget.live.facts import Frame
from actmax_widget.live.run import Run
from actmax_widget.pictures import to_pixels
from actmax_widget.view.film_feed import FilmFeed
from actmax_widget.view.messages import AskFilm, AskPicture, FrameMessage, content
from actmax_widget.view.tile_feed import TileFeed

FRAME = 1 / 30
"""Seconds between two frames at the least."""
WINDOW = 4
"""Frames that may be unacknowledged."""
SILENCE = 2.0
"""Seconds without a receipt after which a frame is sent only now and then, and the seconds between those."""
HEARTBEATS = 5
"""Frames sent into silence before sending stops."""
GRACE = 1.0
"""Seconds that a view is waited for after a start or a display."""

Message = tuple[dict[str, Any], list[bytes]]
Send = Callable[[dict[str, Any], list[bytes]], None]


class Stream:
    """The frames, the tiles and what is asked of the film of one run to its front end.

    Args:
        run: where they come from.
        send: called with a message and its buffers.
        clock: seconds, monotonic.
    """

    def __init__(self, run: Run, send: Send, clock: Callable[[], float]) -> None:
        self._run, self._send, self._clock = run, send, clock
        self._lock = threading.RLock()
        self._listening = False
        self._viewed = False  # by somebody, as far as was heard
        self._owed = False  # an answer to a hello
        self._seq = self._acknowledged = 0
        self._number, self._rows = -1, 0  # of the run, what the front end has, once it got all that was sent
        self._revision = -1
        self._sent_at = self._heard_at = self._expected_at = -np.inf
        self._beats = 0
        self._best = False
        self._tiles = TileFeed(run, clock)
        self._film = FilmFeed(run)

    @property
    def in_flight(self) -> int:
        """Frames sent and not acknowledged."""
        return self._seq - self._acknowledged

    def hello(self, run: Any = -1, rows: Any = 0, *, viewed: bool = True) -> None:
        """A front end is there (again), or shows another view, and has so many rows of that run."""
        with self._lock:
            self._viewed |= viewed
            self._listening = self._owed = True
            self._acknowledged = self._seq
            known = isinstance(rows, int) and run == self._run.facts().run and rows >= 0
            self._number, self._rows = (run, rows) if known else (-1, 0)
            self._tiles.hello()
            self._hear()

    def receipt(self, seq: int) -> None:
        """The front end has drawn all frames up to ``seq``: it is there, however long it was silent."""
        with self._lock:
            if not self._listening:
                self._acknowledged = self._seq  # what was sent into the silence is drawn or lost
            self._listening = self._viewed = True
            self._acknowledged = max(self._acknowledged, min(seq, self._seq))
            self._hear()

    def ask(self, asked: AskFilm | AskPicture) -> None:
        """A front end wants to see something of the film: it is there."""
        with self._lock:
            self._film.ask(asked)
            self._listening = True
            self._hear()

    def show_best(self, best: bool) -> None:
        """Send the best picture so far in place of the newest one, or the newest again."""
        with self._lock:
            self._best, self._revision = best, -1  # with the next frame, although nothing else has changed

    def unwatch(self) -> None:
        """The last view is gone; another page may still have one, and then a receipt comes."""
        self._viewed = False

    def expect(self, *, soon: bool = True) -> None:
        """A view may come soon, or cannot."""
        self._expected_at = self._clock() if soon else -np.inf

    def watched(self) -> bool:
        """Whether a view shows what is sent, or may be about to: then, and only then, a speed for eyes makes sense."""
        # Without the lock: the run asks with its own held, for which whoever has ours may be waiting.
        now = self._clock()
        if not (self._listening and self._viewed):
            return now < self._expected_at + GRACE
        return self.in_flight < WINDOW or now < max(self._sent_at, self._heard_at) + SILENCE

    def pump(self) -> float | None:
        """Send what may be sent now.

        Returns:
            Seconds after which to pump again, or None: not before something changes or is heard.
        """
        messages: list[Message] = []
        with self._lock:
            waits = [self._add_frame(messages), self._add_tiles(messages)] if self._listening else []
            if self._listening:
                self._add_film(messages)
        for sent, buffers in messages:
            self._send(sent, buffers)
        return min((wait for wait in waits if wait is not None), default=None)

    def _add_frame(self, messages: list[Message]) -> float | None:
        """Add a frame if one may be sent now; seconds until one may be, None if there is nothing new."""
        if not self._owed and self._run.front_revision == self._revision:
            return None
        wait = self._wait(self._clock())
        if wait > 0:
            return wait
        if self.in_flight >= WINDOW and not self._owed:
            self._beats += 1
            if self._beats > HEARTBEATS:
                self._listening = self._viewed = False
                return None
        messages.append(self._frame())
        return None

    def _add_tiles(self, messages: list[Message]) -> float | None:
        """Tiles come after the frames and in the same window; into silence none are sent."""
        if self.in_flight >= WINDOW:
            return None
        facts = self._run.facts().tiles
        wait = self._tiles.wait(facts)
        if wait is None or wait > 0:
            return wait
        self._seq += 1
        messages.append(self._tiles.message(self._seq, facts))
        return self._tiles.wait(facts)

    def _add_film(self, messages: list[Message]) -> None:
        """Answers come last and in the same window; where that is full a receipt wakes whoever pumps."""
        while self._film.is_asked and self.in_flight < WINDOW:
            answer = self._film.message(self._seq + 1)
            if answer is not None:
                self._seq += 1
                messages.append(answer)

    def _wait(self, now: float) -> float:
        """Seconds until a frame may be sent."""
        if self._owed:
            return 0.0
        if self.in_flight < WINDOW:
            return self._sent_at + FRAME - now
        return max(self._sent_at, self._heard_at) + SILENCE - now

    def _hear(self) -> None:
        self._heard_at = self._clock()
        self._beats = 0

    def _frame(self) -> Message:
        # Read before the frame: what changes in between is then sent once more, and never missed.
        self._revision = self._run.front_revision
        frame = self._run.frame(self._number, self._rows, best=self._best)
        goes_on = frame.run == self._number and frame.first == self._rows
        self._seq += 1
        self._owed = False
        self._number, self._rows = frame.run, frame.first + len(frame.rows)
        self._sent_at = self._clock()
        return message("frame" if goes_on else "snapshot", self._seq, frame, self._run.settings.input_range)


def message(kind: Literal["frame", "snapshot"], seq: int, frame: Frame, input_range: tuple[float, float]) -> Message:
    """A frame as a message and its two buffers: the pixels, uint8 (H, W, C), and the rows, float32 little endian."""
    pixels = to_pixels(frame.image, input_range)
    left = max(0, frame.goal - frame.iteration)
    sent = FrameMessage(
        type=kind,
        seq=seq,
        run=frame.run,
        layer=frame.layer,
        filter_indices=frame.filter_indices,
        iteration=frame.iteration,
        best=frame.best,
        goal=frame.goal,
        first=frame.first,
        count=len(frame.rows),
        shape=pixels.shape,
        rate=frame.rate,
        remaining=left / frame.rate if frame.rate else None,
    )
    return content(sent), [pixels.tobytes(), frame.rows.astype("<f4").tobytes()]
