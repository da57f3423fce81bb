"""Live activation maximization for Keras models: see what a network looks for."""

from actmax_widget import demo, losses, optimizers, parametrizations, regularizers, transforms
from actmax_widget.checkpoint import Checkpoint
from actmax_widget.export.run_file import RunFile
from actmax_widget.film import Film
from actmax_widget.network.dataset import References
from actmax_widget.scoring.score import Score
from actmax_widget.sweeps import FilmCallback, open_sweep, sweep, sweep_jobs
from actmax_widget.view.comparing import compare
from actmax_widget.view.loading import load_run
from actmax_widget.view.widget import ActMaxWidget
from actmax_widget.visualization import (
    score,
    visualize,
    visualize_activation,
    visualize_activation_with_losses,
    visualize_layer,
    visualize_many,
    visualize_references,
    visualize_response,
    visualize_weights,
)

__version__ = "0.1.0"
__all__ = [
    "ActMaxWidget",
    "Checkpoint",
    "Film",
    "FilmCallback",
    "References",
    "RunFile",
    "Score",
    "compare",
    "demo",
    "load_run",
    "losses",
    "open_sweep",
    "optimizers",
    "parametrizations",
    "regularizers",
    "score",
    "sweep",
    "sweep_jobs",
    "transforms",
    "visualize",
    "visualize_activation",
    "visualize_activation_with_losses",
    "visualize_layer",
    "visualize_many",
    "visualize_references",
    "visualize_response",
    "visualize_weights",
]
