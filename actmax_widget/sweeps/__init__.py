"""From one picture to a whole network: jobs, what makes them here or on a cluster, and the store they fill."""

from actmax_widget.sweeps.jobs import Job, Jobs, sweep_jobs
from actmax_widget.sweeps.rendering import render
from actmax_widget.sweeps.running import sweep
from actmax_widget.sweeps.store import Sweep, open_sweep
from actmax_widget.sweeps.training import FilmCallback

__all__ = ["FilmCallback", "Job", "Jobs", "Sweep", "open_sweep", "render", "sweep", "sweep_jobs"]
