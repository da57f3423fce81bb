"""The widget among others: observers that raise, malformed messages, nobody watching, nobody holding it."""

import asyncio
import contextlib
import gc
import io
import math
import pickle
import threading
import weakref

import numpy as np
import pytest
import traitlets
from comm.base_comm import BaseComm
from ipywidgets.widgets.widget import _instances
from PIL import Image

import actmax_widget as am
from actmax_widget.live.quiet import QUIET
from actmax_widget.live.tiles import LiveTiles
from actmax_widget.view import lifetime
from actmax_widget.view.widget import DEFAULTS
from tests.networks import small_cnn
from tests.test_widget import FrontEnd

FOREVER = 10**8


@pytest.fixture
def make(model):
    made = []

    def make_one(**parameters):
        made.append(
            am.ActMaxWidget(
                model, layer="out", **({"preset": "keras-vis", "steps_per_second": None, "max_iter": 30} | parameters)
            )
        )
        return made[-1]

    yield make_one
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def shared(model):
    """One widget for what leaves it as it was."""
    widget = am.ActMaxWidget(model, layer="out")
    yield widget
    widget.close()


class Page(FrontEnd):
    """A far end that keeps the state, with its buffers, as a browser would save it."""

    def __init__(self, widget, monkeypatch):
        super().__init__(widget, monkeypatch)
        self.kept, self.moments = {}, []

    def _receive(self, message, buffers=None):
        with self.came:
            if message["method"] == "update":
                state = dict(message["state"])
                for path, buffer in zip(message["buffer_paths"], buffers, strict=True):
                    state[path[0]] = buffer
                self.kept |= state
                self.moments.append(dict(self.kept))
        super()._receive(message, buffers)


# --- observers


def test_an_observer_that_raises_stops_neither_traits_nor_frames_and_is_told(make, monkeypatch):
    widget = make(max_iter=50)
    front_end = FrontEnd(widget, monkeypatch)
    seen = []
    widget.observe(lambda change: 1 / 0, ["status", "iteration", "image", "picture", "error"])
    widget.observe(lambda change: seen.append(change["new"]), "goal")
    front_end.send(type="hello", views=1)
    with contextlib.suppress(ZeroDivisionError):  # whoever sets it hears of it, if no other thread set it before ...
        widget.start()

    def receive():
        if not front_end.custom:
            return False
        content = front_end.custom[-1][0]
        front_end.send(type="receipt", seq=content["seq"])
        return content["iteration"] == 50

    front_end.wait_for(receive)  # ... and the run, which nobody called, goes on and is shown to its end
    front_end.wait_for(lambda: any(one["state"].get("status") == "finished" for one in front_end.states))
    assert (widget.status, widget.iteration, seen) == ("finished", 50, [50])
    assert "ZeroDivisionError" in widget.error
    assert "observes" in widget.error


@pytest.mark.parametrize("error", [SystemExit, asyncio.CancelledError, GeneratorExit])
def test_an_observer_that_wants_out_does_not_end_the_thread_that_sends(make, monkeypatch, error):
    widget = make()
    front_end = FrontEnd(widget, monkeypatch)

    def leave(change):
        raise error

    widget.observe(leave, "iteration")
    widget._run.step()  # as the browser would: no thread of a person's is in it
    front_end.wait_for(lambda: any(error.__name__ in one["state"].get("error", "") for one in front_end.states))
    front_end.send(type="hello", views=1)
    front_end.wait_for(lambda: front_end.custom)


def test_a_page_that_cannot_be_sent_to_does_not_stop_the_thread(make, monkeypatch):
    widget = make()
    front_end = FrontEnd(widget, monkeypatch)
    failed = threading.Event()

    def fail(message, buffers=None):
        failed.set()
        raise OSError("the socket is gone")

    monkeypatch.setattr(widget, "_send", fail)
    widget._stream.hello()
    widget._pump.wake()
    assert failed.wait(60)
    monkeypatch.setattr(widget, "_send", front_end._receive)
    front_end.send(type="hello")
    front_end.wait_for(lambda: front_end.custom)


def test_two_that_set_each_other_do_not_wait_for_each_other_for_ever(make):
    one, other = make(), make()
    both = threading.Barrier(2)

    def meet(change):  # both threads are here before either goes on, if they can be
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.5)

    for widget, follower in ((one, other), (other, one)):
        widget.observe(meet, "tv_weight")
        widget.observe(lambda change, follower=follower: setattr(follower, "tv_weight", change["new"]), "tv_weight")
    threads = [threading.Thread(target=setattr, args=(widget, "tv_weight", 1), daemon=True) for widget in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert one.tv_weight == other.tv_weight == 1


def test_of_two_tiles_begun_at_once_one_goes_on(make, monkeypatch):
    widget, made, both = make(max_iter=FOREVER), [], threading.Barrier(2)
    as_ever = LiveTiles.__init__

    def begin(tiles, *args, **options):
        as_ever(tiles, *args, **options)
        made.append(tiles)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.5)

    monkeypatch.setattr(LiveTiles, "__init__", begin)
    threads = [threading.Thread(target=widget.visualize_layer) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (other,) = (tiles for tiles in made if tiles is not widget._run._tiles)

    def wait_for(iteration):
        with widget._run._changed:
            assert widget._run._changed.wait_for(lambda: widget._run.facts().tiles.iteration > iteration, 60)
            return other.facts(widget._run.status, widget._run.settings).iteration

    assert wait_for(20) == wait_for(40)
    widget.pause()
    assert widget.wait(60)


# --- what is refused


@pytest.mark.parametrize("name", DEFAULTS)
@pytest.mark.parametrize("value", [None, math.nan, "x", [], {}, Exception(), -1, [[1]], b"x"], ids=repr)
def test_no_trait_takes_what_the_run_does_not_hold(shared, name, value):
    widget = shared
    for give in (
        lambda: setattr(widget, name, value),
        lambda: widget.set_state({name: value}),
        lambda: widget.set_trait(name, value),
    ):
        with contextlib.suppress(ValueError, TypeError, traitlets.TraitError):
            give()
        assert np.array_equal(getattr(widget, name), getattr(widget._run.settings, name))


def test_a_link_cannot_set_what_is_refused(make):
    widget = make()

    class Other(traitlets.HasTraits):
        weight = traitlets.Any(5)

    other = Other()
    traitlets.link((other, "weight"), (widget, "tv_weight"))
    with pytest.raises(TypeError):
        other.weight = None
    assert widget.tv_weight == widget._run.settings.tv_weight == 5


def test_two_that_do_not_fit_together_are_refused_at_the_end(make):
    widget = make(filter_indices=4)

    def change():
        with widget.hold_trait_notifications():
            widget.layer = "conv2"
            widget.filter_indices = 7  # judged by the layer that the run still has

    with pytest.raises(ValueError, match="filters"):
        change()
    for name in ("layer", "filter_indices"):
        assert getattr(widget, name) == getattr(widget._run.settings, name)


MALFORMED = [
    *[None, 1, "start", [], {}, {"type": None}, {"type": ["start"]}, {"type": {}}, {"type": "nonsense"}],
    *[{"type": "receipt"}, {"type": "receipt", "seq": math.inf}, {"type": "receipt", "seq": None}],
    *[{"type": "receipt", "seq": "1"}, {"type": "receipt", "seq": -1}, {"type": "hello", "run": [], "rows": math.nan}],
    *[{"type": "hello", "rows": -5, "views": "many"}, {"type": "views", "cleared": {}}],
    *[{"type": "step", "n": value} for value in (None, math.inf, math.nan, 0, -1, 1.5, "3", [], True)],
    *[{"type": "open_tile"}, {"type": "open_tile", "filter": math.inf}, {"type": "open_tile", "filter": [0]}],
    *[{"type": "seed_picture"}, {"type": "seed_picture", "name": 3}],
]


@pytest.mark.parametrize("content", MALFORMED, ids=repr)
def test_a_malformed_message_is_ignored_or_answered_in_a_sentence(shared, content):
    widget = shared
    widget.comm.handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})
    assert widget.status == "ready"
    assert widget.error == "" or len(widget.error.split()) > 4
    assert "Error" not in widget.error


MISSHAPEN = [
    *[{}, {"content": None}, {"content": {"data": None}}, {"content": {"data": {}}, "buffers": []}],
    *[{"content": {"data": {"method": "update", "state": state}}, "buffers": []} for state in (None, 3, "x", [])],
    {"content": {"data": {"method": "update", "state": {}, "buffer_paths": [["x", "y"]]}}, "buffers": [b""]},
    {"content": {"data": {"method": "update", "state": {}, "buffer_paths": [[]]}}, "buffers": [b""]},
    {"content": {"data": {"method": "update", "state": {"layer": 0}, "buffer_paths": [["layer"]]}}, "buffers": []},
    {"content": {"data": {"method": ["update"]}}, "buffers": []},
]


@pytest.mark.parametrize("message", MISSHAPEN, ids=repr)
def test_what_is_no_message_of_ipywidgets_raises_nothing(shared, message, caplog):
    widget = shared
    before = {name: getattr(widget, name) for name in DEFAULTS}
    widget.comm.handle_msg(message)
    assert {name: getattr(widget, name) for name in DEFAULTS} == before
    assert caplog.records == []


def test_a_widget_is_not_pickled_and_says_what_can_be(make):
    widget = make()
    with pytest.raises(TypeError, match=r"widget\.checkpoint"):
        pickle.dumps(widget)
    assert pickle.loads(pickle.dumps(widget.image)).shape == (12, 12, 1)  # noqa: S301 - our own


# --- cells


class Shell:
    """What of IPython is asked: names, events, the cell that runs."""

    kernel = None

    def __init__(self):
        self.user_ns, self.events, self.cell, self.triggered = {"_oh": {}}, self, "", []
        self.callbacks = {}

    def register(self, event, callback):
        self.callbacks.setdefault(event, []).append(callback)

    def trigger(self, event, *args):
        self.triggered.append((event, threading.current_thread()))
        for callback in self.callbacks.get(event, []):
            callback(*args)

    def get_parent(self):
        return {"metadata": {"cellId": self.cell}}

    def run(self, cell, work):
        """Run `work(names)` as a cell; what it returns is an output."""
        self.cell = cell
        self.trigger("pre_run_cell", type("Info", (), {"cell_id": cell}))
        output = work(self.user_ns)
        if output is not None:
            output._lifetime.displayed()
            self.user_ns["_oh"][len(self.user_ns["_oh"])] = self.user_ns["_"] = output
        del output
        self.trigger("post_run_cell", None)
        self.cell = ""


@pytest.fixture
def shell(monkeypatch):
    shell = Shell()
    monkeypatch.setattr(lifetime, "get_ipython", lambda: shell)
    monkeypatch.setattr("actmax_widget.view.widget.display", lambda *args, **kwargs: None)
    return shell


class Runs:
    """Widgets that run, known by number alone, so that the test holds none."""

    def __init__(self, model):
        self.model, self.made = model, []

    def make(self):
        widget = am.ActMaxWidget(self.model, layer="out", max_iter=FOREVER, steps_per_second=None)
        widget.start()
        self.made.append(widget._run)
        return widget

    def running(self):
        assert not [run.facts().error for run in self.made if run.facts().error]
        return [number for number, run in enumerate(self.made) if run.status.busy]


@pytest.fixture
def runs(model):
    runs = Runs(model)
    yield runs
    for run in runs.made:
        run.pause()


def named(runs, name="widget"):
    def work(names):
        names[name] = runs.make()
        return names[name]

    return work


def test_nobody_looks_while_a_call_is_in_hand_and_then_it_is_looked_again(shell, runs, monkeypatch):
    monkeypatch.setattr(lifetime, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(lifetime, "AGAIN_SECONDS", 0.05)
    looks, in_hand, leave = [], threading.Event(), threading.Event()
    as_ever = lifetime.holder_of
    monkeypatch.setattr(lifetime, "holder_of", lambda *args: looks.append(leave.is_set()) or as_ever(*args))

    def compile_for_long():
        with QUIET.work():
            in_hand.set()
            assert leave.wait(60)

    shell.run("a", named(runs))
    looks.clear()
    thread = threading.Thread(target=compile_for_long)
    thread.start()
    assert in_hand.wait(60)
    shell.run("a", named(runs))
    assert runs.running() == [0, 1]
    leave.set()
    thread.join(60)
    assert runs.made[0].wait(60)
    assert runs.running() == [1]
    assert looks
    assert all(looks)


def test_a_cell_run_again_leaves_one_run(shell, runs):
    for _ in range(4):
        shell.run("a", named(runs))
    assert runs.running() == [3]
    shell.run("b", named(runs, "another"))
    assert runs.running() == [3, 4]


def test_a_name_deleted_ends_its_run_and_no_other(shell, runs):
    shell.run("a", named(runs))
    shell.run("b", named(runs, "other"))
    shell.run("c", lambda names: names.pop("widget") and None)
    assert runs.running() == [1]


def closure(thing):
    return lambda: thing


def test_a_name_in_a_list_or_a_closure_holds_it(shell, runs):
    shell.run("a", lambda names: names.update(them=[runs.make()], show=closure(runs.make())))
    shell.run("a", lambda names: None)
    assert runs.running() == [0, 1]
    shell.run("b", lambda names: names["them"].clear())
    assert runs.running() == [1]
    shell.run("c", lambda names: names.pop("show") and None)
    assert runs.running() == []


def test_a_thread_that_is_done_with_it_leaves_it_to_its_output(shell, runs):
    release = threading.Event()
    box = []

    def use(widgets):
        mine = widgets.pop()
        release.wait(60)
        del mine

    def show_and_hand_over(names):
        widget = runs.make()
        thread = threading.Thread(target=use, args=([widget],), daemon=True)
        thread.start()
        box.append(thread)
        return widget

    shell.run("a", show_and_hand_over)
    release.set()
    box.pop().join(60)
    shell.run("b", lambda names: None)
    assert runs.running() == [0]  # it stands on the page, and never had a name
    shell.run("a", lambda names: None)
    assert runs.running() == []


def test_without_a_name_its_output_holds_it_until_its_cell_is_run_again(shell, runs):
    shell.run("a", lambda names: runs.make())
    shell.run("b", lambda names: None)
    assert runs.running() == [0]
    shell.run("a", lambda names: None)
    assert runs.running() == []


def front_end_says(run, **content):
    """A message to the widget of a run, which nobody here holds."""
    (widget,) = (one for one in list(_instances.values()) if getattr(one, "_run", None) is run)
    widget._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})


@pytest.mark.parametrize(("name", "cleared", "running"), [(False, True, []), (False, False, [0]), (True, True, [0])])
def test_a_cleared_output_ends_what_has_no_name_and_a_closed_page_ends_nothing(shell, runs, name, cleared, running):
    shell.run("a", named(runs) if name else lambda names: runs.make())
    front_end_says(runs.made[0], type="views", cleared=cleared)
    shell.run("b", lambda names: None)
    assert runs.running() == running
    # It may be back, as the output of a cell that is cut and pasted.
    assert any(getattr(one, "_run", None) is runs.made[0] for one in _instances.values())


def test_an_output_told_to_be_cleared_while_its_cell_ends_is_let_go_of_once(shell, runs, monkeypatch):
    shell.run("a", named(runs))
    is_named, looks, second = lifetime.is_named, [], threading.Event()
    # Not by a message, as the frames of whoever sends it would hold the widget.
    thread = threading.Thread(target=shell.user_ns["widget"]._lifetime.cleared, daemon=True)

    def look(*args):
        looks.append(None)
        if len(looks) == 1:
            thread.start()
            assert not second.wait(0.2)
        second.set()
        return is_named(*args)

    monkeypatch.setattr(lifetime, "is_named", look)
    shell.run("a", named(runs))
    thread.join(60)
    assert runs.running() == [1]


def test_nothing_stops_outside_of_a_notebook_or_because_nothing_was_shown(runs, shell, monkeypatch):
    shell.run("a", lambda names: names.update(widget=runs.make()))
    shell.run("b", lambda names: None)
    assert runs.running() == [0]
    monkeypatch.setattr(lifetime, "get_ipython", lambda: None)
    runs.make()
    shell.run("c", lambda names: None)
    assert runs.running() == [0, 1]


# --- messages while a cell draws


@pytest.mark.parametrize("main", [True, False])
def test_messages_in_other_threads_are_no_cell_events(make, monkeypatch, main):
    shell = Shell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    widget = make()
    assert isinstance(widget.comm, BaseComm)
    message = {"content": {"data": {"method": "update", "state": {"tv_weight": 3}}}, "buffers": []}
    if main:
        widget.comm.handle_msg(message)
    else:
        thread = threading.Thread(target=widget.comm.handle_msg, args=(message,))
        thread.start()
        thread.join(60)
    assert widget.tv_weight == 3
    assert [event for event, _ in shell.triggered] == (["pre_execute", "post_execute"] if main else [])


# --- nobody watching


def test_the_speed_for_eyes_holds_only_while_a_view_shows_it(make, monkeypatch):
    widget = make(steps_per_second=1, max_iter=500)
    front_end = FrontEnd(widget, monkeypatch)
    widget.start()
    assert widget.wait(120)  # at one step a second it would not come to its end
    assert widget.iteration == 500
    widget.steps_per_second = 1e-3
    front_end.send(type="hello", views=1)
    widget.start()
    front_end.wait_for(lambda: front_end.custom and front_end.custom[-1][0]["iteration"] == 501)
    assert not widget.wait(0.2)
    assert widget.iteration == 501
    front_end.send(type="views", cleared=False)
    widget.pause()
    widget.start()
    assert widget.wait(120)
    assert widget.iteration == 1000


# --- what a saved notebook holds


def test_a_notebook_saved_in_a_run_holds_picture_and_rows_of_one_moment(make, monkeypatch):
    monkeypatch.setattr("actmax_widget.view.widget.KEEP_SECONDS", 0.0)
    monkeypatch.setattr("actmax_widget.view.widget.KEEP_RATE", 1e12)
    widget = make(max_iter=FOREVER, steps_per_second=200)
    front_end = Page(widget, monkeypatch)
    monkeypatch.setattr(widget._stream, "watched", lambda: True)
    front_end.send(type="hello", views=1)
    widget.start()
    of_row = 4 * (len(widget.loss_names) + 1 + len(widget.measures))
    for least in (1, 20, 60):
        front_end.wait_for(lambda least=least: len(front_end.kept.get("rows", b"")) // of_row > least)
    widget.pause()
    assert widget.wait(60)
    for state in [one for one in front_end.moments if len(one.get("rows", b"")) > 0][-3:]:
        iterations = len(state["rows"]) // of_row
        pixels = np.asarray(Image.open(io.BytesIO(state["picture"])))
        expected = am.visualize_activation(
            widget.model, "out", 0, max_iter=iterations, seed=0, clip=True, learning_rate=1.0
        )
        assert np.abs(pixels - np.clip(np.rint(expected[..., 0]), 0, 255)).max() <= 1


def test_tiles_are_saved_with_the_notebook(make, monkeypatch):
    widget = make(max_iter=5)
    front_end = Page(widget, monkeypatch)
    widget.visualize_layer()
    assert widget.wait(120)
    front_end.wait_for(lambda: front_end.kept.get("tiles_picture"))
    state = front_end.kept
    assert state["saved_tiles"]["status"] == "finished"
    assert state["saved_tiles"]["values"] == [[[index]] for index in range(5)]
    assert state["saved_tiles"]["activations"] == [
        float(history["activation"][-1]) for history in widget.tiles.histories
    ]
    across, picture = state["saved_tiles"]["across"], np.asarray(Image.open(io.BytesIO(state["tiles_picture"])))
    for number, image in enumerate(widget.tiles.images):
        top, left = number // across * 12, number % across * 12
        seen = picture[top : top + 12, left : left + 12]
        assert np.abs(seen - np.clip(image[..., 0], 0, 255)).max() <= 0.5 + 1e-3
    front_end.send(type="close_tiles")
    front_end.wait_for(lambda: front_end.kept["saved_tiles"] == {})
    assert front_end.kept["tiles_picture"] == b""


def test_the_thread_that_sends_finds_the_last_of_a_run_that_was_let_go_of(shell, runs, caplog):
    shell.run("a", lambda names: runs.make())
    shell.run("a", lambda names: None)
    widget = shell.user_ns["_oh"][0]
    widget._published = None  # it comes when the run is gone, and has still to tell of its end
    widget.pump()
    assert (widget.status, widget.error, caplog.records) == ("paused", "", [])
    assert widget._run.frame().image.shape == widget.image.shape


def test_a_run_that_was_let_go_of_at_its_tiles_shows_the_picture_in_front_as_it_stands(shell):
    def cell(names):
        widget = am.ActMaxWidget(small_cnn(), layer="out", max_iter=2, steps_per_second=None)
        widget.step()
        widget.visualize_layer([1])
        widget.wait(60)
        return widget

    shell.run("a", cell)
    shell.run("a", lambda names: None)
    widget = shell.user_ns["_oh"][0]
    widget.pump()
    assert (widget.status, widget.message) == ("paused", "Paused after 1 iteration.")
    assert (widget.iteration, widget.tiles, widget.saved_tiles) == (1, None, {})


def test_what_only_the_history_of_outputs_holds_forgets_its_network_and_keeps_its_picture(shell):
    networks = []

    def cell(names):
        network = small_cnn()
        networks.append(weakref.ref(network))
        names["widget"] = am.ActMaxWidget(network, layer="out", max_iter=20, steps_per_second=None)
        names["widget"].start()
        names["widget"].wait(60)
        return names["widget"]

    shell.run("a", cell)
    shell.run("a", cell)
    gc.collect()
    assert networks[0]() is None
    assert networks[1]() is not None
    first = shell.user_ns["_oh"][0]
    assert (first.status, len(first.history), first.image.shape) == ("finished", 20, (12, 12, 1))
    assert first.wait(1)
    for use in (first.start, first.step, first.visualize_layer, lambda: first.model, lambda: setattr(first, "seed", 3)):
        with pytest.raises(RuntimeError, match="let go of"):
            use()
    first.pause()
    first.close()
    first._ipython_display_()
