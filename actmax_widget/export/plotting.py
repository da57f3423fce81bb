"""A run as a figure of Matplotlib: its film above, its losses below."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from actmax_widget.checks import invalid
from actmax_widget.pictures import opened, to_pixels

STILLS = 8
"""Pictures of the film."""
WIDE = 30.0
"""Where the largest value is so many times the usual one the axis is symmetric-logarithmic."""


def plot(result: Any) -> Figure:
    """The film and the losses of a run.

    Args:
        result: with ``history`` and ``film``; without a film its picture alone is shown.

    Raises:
        ValueError: pictures that are not of rows and columns.

    Returns:
        A :class:`matplotlib.figure.Figure`, which a notebook shows, and ``savefig`` saves. It belongs to no window.

    Example:
        >>> am.visualize(am.demo.digits(), "out", 3, seed=0).plot().savefig("three.pdf")
    """
    stills = _stills(result)
    if stills[0][1].ndim != 3:
        raise invalid("result", "pictures of rows and columns", stills[0][1].shape, "Plot result.history.to_pandas().")
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    grid = figure.add_gridspec(2, len(stills), height_ratios=(1, 2))
    for column, (iteration, picture) in enumerate(stills):
        axes = figure.add_subplot(grid[0, column])
        axes.imshow(opened(picture).convert("RGB"), interpolation="nearest")
        axes.set_title(f"{iteration:,}", fontsize=9)
        axes.set_axis_off()
    history = result.history
    axes = figure.add_subplot(grid[1, :])
    names = [name for name in (*history.columns, *history.measures) if name != "probability"]
    iterations = np.arange(1, len(history) + 1)
    for name in names:
        values = history[name]
        if np.any(values != 0):
            axes.plot(iterations, values, label=name, linewidth=2 if name == "activation" else 1.2)
    values = np.abs(history.rows[np.isfinite(history.rows)])
    usual = float(np.median(values[values > 0])) if np.any(values > 0) else 1.0
    if values.size and values.max() > WIDE * usual:
        axes.set_yscale("symlog", linthresh=usual)
    axes.set_xlabel("iteration")
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(frameon=False, fontsize=9)
    return figure


def _stills(result: Any) -> list[tuple[int, np.ndarray]]:
    film = result.film
    if film is None:
        return [(len(result.history), to_pixels(result.image, result.checkpoint.settings.input_range))]
    chosen = np.unique(np.linspace(0, len(film) - 1, STILLS).round().astype(int))
    return [(film.iterations[one], film.images[one]) for one in chosen]
