"""Callbacks of :meth:`actmax_widget.optimizer.Optimizer.minimize`, as in keras-vis (2017, ``vis.callbacks``)."""

from __future__ import annotations

import os
import pprint
from pathlib import Path
from typing import Any

import numpy as np
from PIL import GifImagePlugin, Image

from actmax_widget import pictures
from actmax_widget.checks import check_range, check_sequence, invalid
from actmax_widget.network import layout

FRAME_MS = 100
"""How long an animation shows an iteration, in milliseconds, as in keras-vis."""
GIF_END = b";"
"""The last byte of a GIF file."""


class OptimizerCallback:
    """Base class: called at each iteration, and once at the end.

    Example:
        >>> class Enough(OptimizerCallback):
        ...     def callback(self, i, named_losses, overall_loss, grads, wrt_value):
        ...         if named_losses[0][1] < -50_000:
        ...             raise StopIteration
    """

    def callback(
        self,
        i: int,
        named_losses: list[tuple[str, float]],
        overall_loss: float,
        grads: np.ndarray,
        wrt_value: np.ndarray,
    ) -> None:
        """Look at an iteration.

        Args:
            i: iteration, from 0.
            named_losses: name and value of each loss, times its weight.
            overall_loss: their sum.
            grads: the gradient after normalisation and gradient modifier, in the shape of ``wrt_value``.
            wrt_value: what the gradient was taken by: the input of this iteration, (1, ..., channels).

        Raises:
            StopIteration: good enough. The other callbacks hear of this iteration too, then the run ends and gives the
                picture back. Any other error is raised on.
        """
        raise NotImplementedError

    def on_end(self) -> None:
        """Called after the last iteration."""


class Print(OptimizerCallback):
    """Print each iteration's losses, in keras-vis's format."""

    def callback(
        self,
        i: int,
        named_losses: list[tuple[str, float]],
        overall_loss: float,
        grads: np.ndarray,
        wrt_value: np.ndarray,
    ) -> None:
        """Print one iteration; the first is called 1."""
        del grads, wrt_value
        with np.printoptions(legacy="1.25"):  # float32 numbers as plain digits, as NumPy printed them for keras-vis
            losses = pprint.pformat(named_losses)
        print(f"Iteration: {i + 1}, named_losses: {losses}, overall loss: {overall_loss}")  # noqa: T201 - its purpose


class GifGenerator(OptimizerCallback):
    """Write an animated GIF: a frame an iteration, with its number ("Step 1" is the first), 0.1 s each, played once.

    Each frame is written as it comes, so memory does not grow and the file can be played at any time, also after a run
    that was interrupted. A new run starts the file anew.

    Args:
        path: the file; ``.gif`` is appended if it does not end so.
        input_range: (low, high) of the input's values, or ``None``. Checked, and otherwise without effect: each frame
            is rescaled by :func:`~actmax_widget.pictures.deprocess_input`, which looks the same in every range.

    Raises:
        ValueError: no such folder; or, from the first iteration, values that are not pictures (1, height, width,
            channels).
        TypeError: not a path, or a range that is not two numbers.

    Example:
        >>> visualize_activation(model, "out", 3, callbacks=[GifGenerator("three.gif")])  # doctest: +SKIP

    Pictures with another number of channels than 1 or 3 are shown as the mean of their channels. On pictures under
    about 80 pixels the number is cut.

    Source: keras-vis ``vis.callbacks.GifGenerator``, 2017, which worked for RGB in a range of (0, 255) only.
    """

    def __init__(self, path: str | os.PathLike[str], input_range: tuple[float, float] | None = (0, 255)) -> None:
        if not isinstance(path, str | os.PathLike):
            raise invalid("path", "a path", path, "Pass e.g. 'run.gif'.", TypeError)
        name = os.fspath(path)
        self.path = Path(name if name.endswith(".gif") else f"{name}.gif")
        if not self.path.parent.is_dir():
            raise invalid("path", "a file in a folder that exists", name, f"Make {str(self.path.parent)!r} first.")
        self.input_range = None if input_range is None else check_range(input_range)
        self._under_way = False

    def callback(
        self,
        i: int,
        named_losses: list[tuple[str, float]],
        overall_loss: float,
        grads: np.ndarray,
        wrt_value: np.ndarray,
    ) -> None:
        """Append the picture of an iteration; the first one starts the file."""
        del named_losses, overall_loss, grads
        frame = Image.fromarray(pictures.draw_text(_frame(wrt_value), f"Step {i + 1}"))
        frame = frame.convert("P") if frame.mode == "L" else frame.quantize()
        # Pillow's own way to save an animation keeps all frames in memory until the end.
        encoded = b"".join(GifImagePlugin.getdata(frame, duration=FRAME_MS, include_color_table=True))
        if i == 0 or not self._under_way:
            header, _ = GifImagePlugin.getheader(frame.copy())
            self.path.write_bytes(b"".join(header) + encoded + GIF_END)
        else:
            with self.path.open("r+b") as file:
                file.seek(-len(GIF_END), os.SEEK_END)
                file.write(encoded + GIF_END)
        self._under_way = True

    def on_end(self) -> None:
        """The file is complete; the next picture starts a new one."""
        self._under_way = False


def _frame(wrt_value: Any) -> np.ndarray:
    """The first picture of a batch for display: uint8, (height, width) or (height, width, 3)."""
    value = np.asarray(wrt_value)
    if value.ndim != 4:
        advice = "An animation can show inputs that are pictures only."
        raise invalid("wrt_value", "a picture (1, height, width, channels)", value.shape, advice)
    picture = pictures.grey_or_rgb(_order(value.shape).to_channels_last(value[0]))
    shown = np.nan_to_num(pictures.deprocess_input(picture)).astype(np.uint8)
    return shown[..., 0] if shown.shape[-1] == 1 else shown


def _order(shape: tuple[int, ...]) -> layout.Layout:
    """Where the channels are, of which an array does not tell: at the one end where there are 1 or 3."""
    rank, colors = len(shape), {1, 3}
    usual = layout.assumed(rank)
    here, there = (1, rank - 1) if usual.channels == 1 else (rank - 1, 1)
    return layout.Layout(rank, there) if shape[here] not in colors and shape[there] in colors else usual


def check_callbacks(value: Any) -> list[OptimizerCallback]:
    """The callbacks of a sequence, or none of None; raises a TypeError for anything else."""
    return check_sequence("callbacks", value, OptimizerCallback, "Pass e.g. [Print()].")
