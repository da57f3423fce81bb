import os
import signal
import sys
import threading
import weakref

import numpy as np
import pandas as pd
import pytest

from actmax_widget.view import references
from actmax_widget.view.references import Holder, holder_of

ASK = """def ask(box, names):
    return holder_of(box.pop(), names)"""


class Thing:
    pass


def asked_by_the_package():
    """holder_of() of the one thing in a list: what frames of the package hold does not count."""
    space = {"__name__": "actmax_widget.view.lifetime", "holder_of": holder_of}
    exec(ASK, space)  # noqa: S102 - a function whose frame says that it is of the package
    return space["ask"]


def answer(make, **names):
    """Whether what `make` makes, and nobody here holds, is held by the names."""
    box = [make()]
    return asked_by_the_package()(box, {name: value(box[0]) for name, value in names.items()})


def closure(thing):
    return lambda: thing


class Owner:
    def __init__(self, thing):
        self.parts = {"a": [thing]}


@pytest.mark.parametrize(
    "hold",
    [
        lambda thing: thing,
        lambda thing: [[thing]],
        lambda thing: {"x": (thing,)},
        closure,
        Owner,
        lambda thing: Owner(closure(thing)).parts,
        lambda thing: np.array([None, thing], object),
        lambda thing: [np.array([[{"x": thing}]], object)],
        lambda thing: pd.Series([thing]),
    ],
)
def test_a_name_holds_it_in_whatever_way(hold):
    assert answer(Thing, mine=hold)


def test_a_name_is_told_from_whatever_else_holds_it():
    assert answer(Thing, mine=closure) is Holder.NAME
    assert answer(Thing, mine=lambda thing: np.array([thing], object)) is Holder.NAME


def test_an_array_in_the_history_does_not_count():
    assert not answer(Thing, _3=lambda thing: np.array([thing], object))


def test_what_other_threads_are_making_is_left_alone():
    done, wrong = threading.Event(), []

    def make_tuples():
        while not done.is_set():
            try:
                tuple(number for number in range(1000))  # grows in place, which a second reference forbids
            except SystemError as error:
                wrong.append(error)

    thread = threading.Thread(target=make_tuples)
    thread.start()
    for _ in range(5):
        assert not answer(Thing)
    done.set()
    thread.join()
    assert wrong == []


@pytest.mark.parametrize("name", ["_", "__", "___", "_12", "_oh", "Out"])
def test_the_history_of_outputs_does_not_count(name):
    assert not answer(Thing, **{name: lambda thing: thing})
    assert not answer(Thing, _oh=lambda thing: {1: thing}, _1=lambda thing: thing)


def test_a_name_like_those_of_the_history_counts():
    for name in ("_w", "_1a", "Outs", "____"):
        assert answer(Thing, **{name: lambda thing: thing})


def test_a_circle_alone_holds_nothing():
    def circle():
        thing = Thing()
        thing.me = [thing, lambda: thing]
        return thing

    assert not answer(circle)


def test_what_a_thread_has_in_hand_is_held():
    release, started = threading.Event(), threading.Event()
    box = [Thing()]

    def work(things):
        mine = [things.pop()]
        things.append(None)
        started.set()
        release.wait(60)
        del mine

    reference = weakref.ref(box[0])
    thread = threading.Thread(target=work, args=(box,))
    thread.start()
    assert started.wait(60)
    assert asked_by_the_package()([reference()], {}) is Holder.OTHER
    release.set()
    thread.join()
    assert reference() is None


@pytest.mark.skipif(sys.platform != "linux", reason="Elsewhere it is asked in this process.")
def test_a_search_that_dies_kills_nobody_and_holds(monkeypatch):
    monkeypatch.setattr(references, "_searched", lambda *_: os.kill(os.getpid(), signal.SIGSEGV))
    assert answer(Thing) is Holder.OTHER
    monkeypatch.setattr(references, "COPY_SECONDS", 0.01)
    monkeypatch.setattr(references, "_searched", lambda *_: threading.Event().wait())
    assert answer(Thing) is Holder.OTHER
