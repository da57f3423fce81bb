"""The film of a run: pictures and checkpoints of its iterations, in a bounded memory.

It is kept evenly: every so many iterations, and every second of these goes when there are too many. So a run that comes
to its goal has at least :data:`LEAST` pictures, if it has that many iterations, and at most :data:`MOST` and a few. One
that is stopped long before has what was at hand at the ends of its calls.
"""

from __future__ import annotations

import bisect
import io
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from actmax_widget import files
from actmax_widget.checkpoint import Checkpoint
from actmax_widget.checks import check_integer, check_number, invalid
from actmax_widget.pictures import opened

LEAST, MOST = 32, 128
MEGABYTES = 64
"""For pictures and checkpoints together."""
CHECKPOINTS = 2, 32
"""The fewest and the most that are kept; as large ones as fit into the memory, but for these two."""


@dataclass(frozen=True, eq=False)
class Film:
    """Pictures of a run and checkpoints to go on from, evenly by iteration; the first, last and best always among them.

    ``film[120]`` is the picture of iteration 120, ``len(film)`` counts the pictures, and iterating gives them in order.

    Attributes:
        iterations: of each picture, rising; the first is what the run began with: 0, or where it went on from, unless
            the best was before that.
        images: (n, H, W, 1) or (n, H, W, 3) uint8: 0 to 255 are ``input_range``; other channels by their mean. Of large
            pictures (above some 500 x 500 px in colour) every second pixel, or third.
        best: the iteration with the lowest total loss, of a picture that was a tile since it was opened; 0: none was
            made. Where it was not kept its picture is that of the best loss as keras-vis has it: with pixels as the
            parameter, the one after that step.
        checkpoints: some of the run, rising; the last is where it is.

    Example:
        >>> film = am.visualize(model, "conv3", 5).film
        >>> film[120].shape, film.nearest(57)
        ((28, 28, 1), 56)
        >>> film.to_gif("conv3-5.gif", seconds=4)
    """

    iterations: tuple[int, ...]
    images: np.ndarray = field(repr=False)
    best: int
    checkpoints: tuple[Checkpoint, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.iterations)

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.images)

    def __getitem__(self, iteration: Any) -> np.ndarray:
        """The picture of an iteration, (H, W, C) uint8; of the nearest one that was kept, which is then said.

        Raises:
            TypeError: no integer.
            IndexError: an iteration that was not made.

        Warns:
            RuntimeWarning: it was not kept, and which one this is.
        """
        wanted = self._made(iteration)
        found = self.nearest(wanted)
        if found != wanted:
            warnings.warn(f"Iteration {wanted} was not kept: this is {found}.", RuntimeWarning, stacklevel=2)
        picture: np.ndarray = self.images[self.iterations.index(found)]
        return picture

    def __contains__(self, iteration: object) -> bool:
        """Whether an iteration's picture was kept."""
        return iteration in self.iterations

    def nearest(self, iteration: int) -> int:
        """The iteration with a picture that is nearest to one; of two the earlier."""
        return _nearest(self.iterations, self._made(iteration))

    def checkpoint(self, iteration: int) -> Checkpoint:
        """The checkpoint that is nearest to an iteration; of two the earlier. Its ``iteration`` tells which."""
        found = _nearest([one.iteration for one in self.checkpoints], self._made(iteration))
        return next(one for one in self.checkpoints if one.iteration == found)

    def to_gif(self, path: str | os.PathLike[str], *, seconds: float = 4.0, scale: int | None = None) -> None:
        """Write an animated GIF, which stays at the last picture for a second and then begins anew.

        Args:
            path: of the file, whose name ends in ``.gif``.
            seconds: that the film takes, > 0 and at most 600. A browser shows at most 50 pictures a second, so a long
                one is thinned.
            scale: how many pixels each pixel becomes, >= 1; None: so many that the shorter side has 224.

        Raises:
            ValueError, TypeError: a bad argument, or pictures that are not of rows and columns.
            OSError: the file cannot be written.
        """
        if not isinstance(path, str | os.PathLike) or Path(path).suffix.lower() != ".gif":
            kind = ValueError if isinstance(path, str | os.PathLike) else TypeError
            raise invalid("path", "the name of a file that ends in .gif", path, 'Pass e.g. "film.gif".', kind)
        frames, durations = self.frames(seconds=seconds, scale=scale)
        # Pillow writes one of the formats that a name stands for; whatever it is called, this is a GIF.
        file = io.BytesIO()
        _animated(file, "GIF", frames, durations)
        files.write(path, file.getvalue())

    def write(self, file: Any, kind: Literal["GIF", "WEBP"]) -> None:
        """Write it to an open file by Pillow, as :meth:`to_gif` does."""
        _animated(file, kind, *self.frames())

    def frames(self, *, seconds: float = 4.0, scale: int | None = None) -> tuple[list[Image.Image], list[int]]:
        """The pictures as an animation of some seconds, and how many milliseconds each is shown; see :meth:`to_gif`."""
        seconds = check_number("seconds", seconds, above=0, most=600, advice="Pass e.g. seconds=4.")
        if not len(self):
            raise invalid("film", "at least one picture", "an empty film", "Make some iterations first.")
        if self.images.ndim != len("nhwc"):
            advice = "Use film.images."
            raise invalid("film", "pictures of rows and columns", self.images.shape[1:], advice)
        scale = max(1, 224 // min(self.images.shape[1:3])) if scale is None else check_integer("scale", scale, least=1)
        every = max(1, round(len(self) / (50 * seconds)))
        chosen = [*self.images[::every]]
        if (len(self) - 1) % every:
            chosen.append(self.images[-1])
        each = max(20, round(1000 * seconds / len(chosen)))
        return [_frame(one, scale) for one in chosen], [each] * (len(chosen) - 1) + [each + 1000]

    def _made(self, iteration: Any) -> int:
        wanted = check_integer("iteration", iteration, least=-1, advice="Pass e.g. film[120].")
        last = self.iterations[-1]
        wanted = last if wanted == -1 else wanted
        if not 0 <= wanted <= last:
            raise invalid("iteration", f"0 to {last}, the last one made", wanted, "Or -1 for the last.", IndexError)
        return wanted


def _animated(file: Any, kind: str, frames: list[Image.Image], durations: list[int]) -> None:
    lossless = {"lossless": True} if kind == "WEBP" else {}
    frames[0].save(file, format=kind, save_all=True, append_images=frames[1:], duration=durations, loop=0, **lossless)


def _frame(picture: np.ndarray, scale: int) -> Image.Image:
    image = opened(picture)
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)


def _nearest(iterations: Sequence[int], wanted: int) -> int:
    position = bisect.bisect_left(iterations, wanted)
    around = iterations[max(position - 1, 0) : position + 1]
    return min(around, key=lambda one: (abs(one - wanted), one))
