"""Callbacks of :meth:`actmax_widget.optimizer.Optimizer.minimize`, as in keras-vis (2017, ``vis.callbacks``)."""

from __future__ import annotations

import pprint

import numpy as np


class OptimizerCallback:
    """Base class: called at each iteration, and once at the end."""

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
        print(f"Iteration: {i + 1}, named_losses: {pprint.pformat(named_losses)}, overall loss: {overall_loss}")  # noqa: T201 - its purpose
