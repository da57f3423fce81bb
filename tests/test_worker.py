import contextvars
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from actmax_widget.live import worker as worker_module
from actmax_widget.live.facts import Status
from actmax_widget.live.worker import Worker, in_thread
from tests.soaking import part


class Counting(Worker):
    """Counts to a number, one a turn."""

    def __init__(self, until=3, **worker):
        super().__init__(**worker)
        self.until, self.count = until, 0

    def start(self):
        with self._changed:
            self._set_status(Status.RUNNING)
            self._begin()

    def _turn(self):
        with self._changed:
            if not self._status.busy:
                self._rest()
                return None
            self.count += 1
            if self.count >= self.until:
                self._halt(Status.FINISHED)
            return 0.0


class Driven(Counting):
    """Advanced by hand."""

    def __init__(self, **options):
        self.spawned, self.notified = [], 0
        super().__init__(spawn=self.spawned.append, notify=self._note, **options)

    def _note(self):
        self.notified += 1


def test_a_turn_at_a_time_until_there_is_nothing_to_do():
    worker = Driven()
    assert worker.status is Status.READY
    assert worker.advance() is None
    worker.start()
    assert [worker.advance() for _ in range(4)] == [0.0, 0.0, 0.0, None]
    assert worker.status is Status.FINISHED
    assert worker.notified == 5


def test_without_a_thread_it_fails_and_may_be_started_again():
    def none_left(work):
        raise RuntimeError("can't start new thread")

    worker = Counting(spawn=none_left)
    worker.start()
    assert worker.wait(0)
    assert (worker.status, worker._error) == (Status.FAILED, "RuntimeError: can't start new thread")
    worker._spawn = in_thread
    worker.start()
    assert worker.wait(60)
    assert (worker.status, worker.count) == (Status.FINISHED, 3)


def test_one_thread_at_a_time():
    worker = Driven()
    worker.start()
    worker.start()
    assert len(worker.spawned) == 1
    while worker.advance() is not None:
        pass
    worker.count = 0
    worker.start()
    assert len(worker.spawned) == 2


def test_pause_ends_the_call_in_hand_and_the_work():
    worker = Driven()
    worker.start()
    worker.advance()
    assert not worker._stop.is_set
    before = worker.revision
    worker.pause()
    assert worker.status is Status.PAUSED
    assert worker.revision > before
    assert worker._stop.is_set  # what a compiled loop looks at
    assert worker.advance() is None
    assert worker.count == 1


@pytest.mark.parametrize("status", [status for status in Status if not status.busy])
def test_pause_does_nothing_to_a_worker_that_is_not_running(status):
    worker = Driven()
    with worker._changed:
        worker._set_status(status)
    before = worker.revision
    worker.pause()
    assert (worker.status, worker.revision) == (status, before)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("layer: expected\na layer"), "ValueError: layer: expected\na layer"),
        (MemoryError(), "MemoryError: no message"),
        (RuntimeError("  \n"), "RuntimeError: no message"),
        (RuntimeError("x" * 1000), f"RuntimeError: {'x' * 300}"),
    ],
)
def test_whatever_is_raised_becomes_a_sentence(error, sentence):
    worker = Driven()

    def fail():
        raise error

    worker.start()
    turn, worker._turn = worker._turn, fail
    before = worker.notified
    assert worker.advance() == 0.0
    assert (worker.status, worker._error) == (Status.FAILED, sentence)
    assert worker.notified == before + 1
    worker._turn = turn
    assert worker.advance() is None  # the thread ends as after any work


def test_waiting_is_over_when_the_thread_has_ended_not_before():
    worker = Driven()
    assert worker.wait(0)
    worker.start()
    assert not worker.wait(0)
    worker.pause()
    assert not worker.wait(0)  # the step in hand
    worker.advance()
    assert worker.wait(0)


def test_waiting_does_not_wait_for_what_is_only_prepared():
    worker = Driven()
    with worker._changed:
        worker._preparing = True
        worker._begin()
    assert worker.wait(0)


# --- with a thread ---------------------------------------------------------------------------------------------------


def test_a_thread_works_and_is_waited_for():
    worker = Counting(1000)
    worker.start()
    assert worker.wait(60)
    assert (worker.count, worker.status) == (1000, Status.FINISHED)


def test_a_thread_that_sleeps_until_the_next_step_wakes_for_a_pause():
    worker = Counting(float("inf"))
    turn, asleep = worker._turn, threading.Event()

    def slow_turn():
        delay = None if turn() is None else 1000.0
        asleep.set()
        return delay

    worker._turn = slow_turn
    worker.start()
    assert asleep.wait(60)
    worker.pause()
    assert worker.wait(60)
    assert worker.count == 1


def test_the_thread_has_the_context_of_the_cell_that_started_it():
    cell, seen, done = contextvars.ContextVar("cell"), [], threading.Event()

    def work():
        seen.extend([cell.get(None), threading.current_thread().daemon])
        done.set()

    cell.set("cell 3")
    in_thread(work)
    assert done.wait(60)
    assert seen == ["cell 3", True]


# --- the end of the process ------------------------------------------------------------------------------------------


def test_at_the_end_all_work_is_stopped_and_waited_for():
    before = set(worker_module._threads)  # another test's may be about to end
    worker = Counting(float("inf"))
    worker.start()
    (thread,) = [one for one in worker_module._threads if one not in before]
    worker_module._end()
    assert not thread.is_alive()
    assert worker.status is Status.PAUSED


SCRIPT = """
import actmax_widget as am
widget = am.ActMaxWidget(am.demo.digits(), max_iter=10**9, steps_per_second=None)
{then}
"""
RUNNING = "widget._run._notify = lambda: reached.set() if widget._run.iteration > 50 else None"
THEN = {
    "while it compiles": "widget.start()",
    "in a run": f"import threading\nreached = threading.Event()\n{RUNNING}\nwidget.start()\nassert reached.wait(60)",
    "while it prepares": "",
    "in the tiles": "widget.visualize_layer()\nwhile not widget._run.facts().tiles.iteration: pass",
}


@pytest.mark.parametrize("when", part(THEN, lambda when: when in {"while it compiles", "in a run"}))
def test_a_process_may_end_at_any_time(when):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(then=THEN[when])],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
