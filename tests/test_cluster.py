"""Sweeps on real worker processes of Dask's, and what of these, or of the scheduler, that die."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import keras
import pytest
from distributed import Client, LocalCluster

import actmax_widget as am
from actmax_widget.sweeps import cluster, rendering


def parts(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in Path(folder).glob("part-*")}


@pytest.fixture(scope="module")
def client():
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as made, Client(made) as found:
        yield found


class Sweeping(threading.Thread):
    """A sweep in a thread, with what it came to."""

    def __init__(self, *args):
        super().__init__(daemon=True)
        self.args, self.store, self.error = args, None, None

    def run(self):
        try:
            self.store = am.sweep(*self.args, progress=False)
        except Exception as error:  # noqa: BLE001 - looked at
            self.error = error


def busy(client):
    """Waits until some worker is at work; gives its address."""
    while True:
        for where, what in client.run(lambda dask_worker: [*dask_worker.state.executing]).items():
            if what:
                return where


def test_parts_are_the_same_bit_for_bit_wherever_they_are_made(client, tmp_path):
    path = tmp_path / "photos.keras"
    am.demo.photos().save(path)
    given = ["--layer", "fire2_squeeze1x1", "--filters", "0-3", "--batch-size", "2", "--max-iter", "6"]
    command = [sys.executable, "-m", "actmax_widget", "sweep", str(path), "--store", str(tmp_path / "here"), *given]
    here = subprocess.Popen([*command, "--keep", "history", "--threads", "1"])
    jobs = am.sweep_jobs(path, "fire2_squeeze1x1", range(4), batch_size=2, max_iter=6, keep=["history"])
    there = am.sweep(jobs, tmp_path / "there", client, progress=False)
    assert here.wait(120) == 0
    assert there.threads == am.open_sweep(tmp_path / "here").threads == 1
    assert len(there) == 4
    assert parts(tmp_path / "there") == parts(tmp_path / "here")
    before = parts(tmp_path / "there")
    min((tmp_path / "there").glob("part-*")).unlink()
    am.sweep(jobs, tmp_path / "there", client, progress=False)
    assert parts(tmp_path / "there") == before


def test_a_worker_that_is_killed_costs_nothing_but_time(client, tmp_path):
    pids = client.run(os.getpid)
    jobs = am.sweep_jobs(am.demo.digits(), "conv1", range(8), batch_size=1, max_iter=64, keep=[])
    sweeping = Sweeping(jobs, tmp_path, client)
    sweeping.start()
    os.kill(pids[busy(client)], signal.SIGKILL)
    sweeping.join(120)
    assert sweeping.error is None
    assert sorted(sweeping.store.index["filter"]) == [*range(8)]
    assert not sweeping.store.errors
    assert client.run(os.getpid) != pids


@keras.saving.register_keras_serializable("here only")
class Own(keras.layers.Layer):
    """Of a module that no worker has."""


def test_what_a_worker_cannot_read_is_told_as_that(client, tmp_path):
    path = tmp_path / "m.keras"
    am.demo.digits("plain").save(path)
    jobs = am.sweep_jobs(path, "out", [0], max_iter=1, keep=[])
    path.unlink()
    with pytest.raises(FileNotFoundError, match="There is no such model"):
        am.sweep(jobs, tmp_path / "a", client, progress=False)
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 3), Own()])
    with pytest.raises(ValueError, match=r"to be read by a worker.*Register classes of your own"):
        am.sweep(am.sweep_jobs(model, max_iter=1, keep=[]), tmp_path / "b", client, progress=False)


def test_a_client_that_is_closed_is_told(client, tmp_path):
    closed = Client(client.scheduler.address)
    closed.close()
    with pytest.raises(ValueError, match="one that is closed"):
        am.sweep(am.sweep_jobs(am.demo.digits(), "out", [0]), tmp_path, closed, progress=False)


@pytest.mark.soak  # each worker that dies takes five seconds to come back
def test_a_job_that_no_worker_survives_is_told_and_the_others_are_made(client, tmp_path, monkeypatch):
    jobs = am.sweep_jobs(am.demo.digits(), "conv1", range(3), batch_size=1, max_iter=1, keep=[])
    fatal = jobs[1].hash
    monkeypatch.setattr(cluster.rendering, "render", Fatal(fatal))
    with pytest.warns(RuntimeWarning, match="1 of 3 jobs were not made: 3 workers died of it"):
        found = am.sweep(jobs, tmp_path, client, progress=False)
    assert sorted(found.index["filter"]) == [0, 2]
    monkeypatch.undo()
    assert len(am.sweep(jobs, tmp_path, client, progress=False)) == 3


class Fatal:
    """Ends the process of one job, as the system does where there is no memory left."""

    def __init__(self, which):
        self.which = which

    def __call__(self, job):
        if job.hash == self.which:
            os._exit(9)
        return rendering.render(job)


def test_a_scheduler_that_dies_is_told_and_the_next_call_goes_on(tmp_path):
    environment = {**os.environ, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "3s"}
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    file = tmp_path / "scheduler.json"
    scheduler = subprocess.Popen([*command, "--no-dashboard", "--scheduler-file", str(file)], env=environment)
    worker = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "distributed.cli.dask_worker",
            "--scheduler-file",
            str(file),
            "--nthreads",
            "1",
            "--no-nanny",
            "--no-dashboard",
        ],
        env=environment,
    )
    jobs = am.sweep_jobs(am.demo.digits(), "conv1", range(4), batch_size=1, max_iter=64, keep=[])
    try:
        with Client(scheduler_file=str(file), timeout=60) as client:
            sweeping = Sweeping(jobs, tmp_path / "store", client)
            sweeping.start()
            busy(client)
            scheduler.kill()
            sweeping.join(120)
    finally:
        for process in (scheduler, worker):
            process.kill()
            process.wait(60)
    assert isinstance(sweeping.error, ConnectionError), sweeping.error
    assert "What was made is kept: sweep again to go on" in str(sweeping.error)
    left = len(am.open_sweep(tmp_path / "store").missing)
    assert left
    with pytest.warns(RuntimeWarning, match="was begun with 1 of TensorFlow's threads, and this process has others"):
        found = am.sweep(jobs, tmp_path / "store", progress=False)
    assert sorted(found.index["filter"]) == [*range(4)]
