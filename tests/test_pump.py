import gc
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest

from actmax_widget.live import pump as pump_module
from actmax_widget.live.pump import Pump


class Sender:
    """Says after each call when it is due again."""

    def __init__(self, *waits):
        self.waits, self.calls, self.changed = list(waits), 0, threading.Condition()
        self.pump = Pump(self.send)

    def send(self):
        with self.changed:
            self.calls += 1
            self.changed.notify_all()
            return self.waits.pop(0) if self.waits else None

    def wait_for(self, calls):
        with self.changed:
            assert self.changed.wait_for(lambda: self.calls >= calls, 60)


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "actmax-pump"]


def ended():
    for thread in threads():
        thread.join(60)
    return threads() == []


def test_it_has_no_thread_until_it_is_woken_and_none_after_a_while(monkeypatch):
    monkeypatch.setattr(pump_module, "LINGER", 0.01)
    sender = Sender()
    assert ended()
    sender.pump.wake()
    sender.wait_for(1)
    assert ended()
    sender.pump.wake()
    sender.wait_for(2)
    assert ended()


def test_it_comes_again_when_it_is_due():
    sender = Sender(0.0, 0.01, None)
    sender.pump.wake()
    sender.wait_for(3)


@pytest.mark.parametrize("linger", [0.0, 0.0005, 1.0])
def test_no_wake_is_lost_however_short_the_thread_lives(monkeypatch, linger):
    monkeypatch.setattr(pump_module, "LINGER", linger)
    sender = Sender()
    for number in range(1, 300):
        sender.pump.wake()
        sender.wait_for(number)


def test_a_thread_that_cannot_be_started_is_tried_again(monkeypatch):
    def none_left(thread):
        raise RuntimeError("can't start new thread")

    sender = Sender()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        sender.pump.wake()
    sender.pump.wake()
    with sender.changed:
        assert sender.changed.wait_for(lambda: sender.calls, 10)


def test_it_does_not_keep_the_sender(monkeypatch):
    monkeypatch.setattr(pump_module, "LINGER", 0.01)
    sender = Sender()
    sender.pump.wake()
    sender.wait_for(1)
    reference = weakref.ref(sender)
    pump = sender.pump
    del sender
    gc.collect()
    assert ended()
    assert reference() is None
    pump.wake()
    assert ended()


def test_told_to_end_it_does_not_linger():
    class Sender:
        def __init__(self):
            self.pump, self.sent = Pump(self.send), threading.Event()

        def send(self):
            self.sent.set()

    sender = Sender()
    sender.pump.wake()
    assert sender.sent.wait(60)
    (thread,) = [one for one in threading.enumerate() if one.name == "actmax-pump"]
    sender.pump.end()
    thread.join(pump_module.LINGER / 2)
    assert not thread.is_alive()


LATE = """
from pump import Pump

class Late:
    def __init__(self):
        self.pump, self.itself = Pump(self.send), self

    def send(self):
        return None

    def __del__(self):  # as that of a widget, which closes itself
        self.pump.wake()

late = Late()
"""


def test_who_is_let_go_at_the_end_of_the_process_does_not_hang_it():
    folder = Path(pump_module.__file__).parent  # that file alone, as TensorFlow takes seconds
    done = subprocess.run([sys.executable, "-c", LATE], cwd=folder, timeout=30, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
