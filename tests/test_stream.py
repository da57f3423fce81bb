import threading

import numpy as np
import pytest

from actmax_widget.live.run import Run
from actmax_widget.network import Network
from actmax_widget.pictures import to_pixels
from actmax_widget.settings import Settings
from actmax_widget.view.film_feed import SIDE
from actmax_widget.view.messages import AskFilm, AskPicture
from actmax_widget.view.stream import FRAME, GRACE, HEARTBEATS, SILENCE, WINDOW, Stream, message
from actmax_widget.view.tile_feed import TILE_FRAME
from tests.networks import small_cnn
from tests.test_loop import Clock


def as_rows(history):
    """A history as the page has it: losses, total and activation."""
    return np.concatenate([history.values, history.measured], -1)


class Wire:
    """A run, its stream, and the far end of the comm."""

    def __init__(self):
        self.clock = Clock()
        self.run = Run(Network(small_cnn()), Settings(layer="conv2", max_iter=10**6), spawn=lambda work: None)
        self.sent = []
        self.stream = Stream(self.run, lambda content, buffers: self.sent.append((content, buffers)), self.clock)

    def steps(self, n=1):
        self.run.step(n)
        while self.run.advance() is not None:
            pass

    def pump_later(self, seconds=1.0):
        self.clock.now += seconds
        return self.stream.pump()

    @property
    def last(self):
        return self.sent[-1][0]

    def rows(self):
        """All rows as the far end puts them together."""
        parts = []
        for content, buffers in self.sent:
            block = np.frombuffer(buffers[1], "<f4").reshape(content["count"], 5)
            if content["type"] == "snapshot":
                parts = []
            assert content["first"] == sum(map(len, parts))
            parts.append(block)
        return np.concatenate(parts)


@pytest.fixture(scope="module")
def shared():
    return Wire()


@pytest.fixture
def wire(shared):
    """A fresh stream on a run that is compiled already."""
    shared.run.close_tiles()
    shared.run.update(max_iter=10**6)
    shared.run.reset()
    shared.sent = []
    shared.stream = Stream(shared.run, lambda content, buffers: shared.sent.append((content, buffers)), shared.clock)
    return shared


def test_nothing_is_sent_before_hello(wire):
    wire.steps(3)
    assert wire.pump_later() is None
    assert wire.sent == []


def test_hello_is_answered_with_everything(wire):
    wire.steps(3)
    wire.stream.hello()
    wire.stream.pump()
    assert (wire.last["type"], wire.last["first"], wire.last["count"], wire.last["seq"]) == ("snapshot", 0, 3, 1)
    assert wire.last["shape"] == (12, 12, 1)
    assert len(wire.sent[0][1][0]) == 144


def test_nothing_new_nothing_sent(wire):
    wire.stream.hello()
    wire.stream.pump()
    assert wire.pump_later() is None
    assert len(wire.sent) == 1


def test_frames_carry_each_row_once(wire):
    wire.stream.hello()
    wire.stream.pump()
    for n in (1, 4, 2):
        wire.steps(n)
        wire.pump_later()
        wire.stream.receipt(wire.last["seq"])
    np.testing.assert_array_equal(wire.rows(), as_rows(wire.run.history))
    assert [content["type"] for content, _ in wire.sent] == ["snapshot", "frame", "frame", "frame"]


def test_frames_keep_their_distance(wire):
    wire.stream.hello()
    wire.stream.pump()
    wire.steps()
    assert wire.pump_later(0) == pytest.approx(FRAME)
    assert len(wire.sent) == 1
    wire.pump_later(FRAME)
    assert len(wire.sent) == 2


def test_never_more_than_the_window_is_on_its_way(wire):
    wire.stream.hello()
    for _ in range(10):
        wire.steps()
        wire.pump_later(0.1)
    assert len(wire.sent) == wire.stream.in_flight == WINDOW
    wire.stream.receipt(2)
    wire.pump_later(0.1)
    assert len(wire.sent) == WINDOW + 1
    np.testing.assert_array_equal(wire.rows(), as_rows(wire.run.history))  # what was held back came with the last


def test_silence_gets_a_heartbeat_and_then_nothing_until_hello(wire):
    wire.stream.hello()
    for _ in range(100):
        wire.steps()
        wire.pump_later(SILENCE / 4)
    assert len(wire.sent) == WINDOW + HEARTBEATS
    wire.stream.hello()
    wire.pump_later()
    assert wire.last["type"] == "snapshot"
    np.testing.assert_array_equal(wire.rows(), as_rows(wire.run.history))


def test_a_receipt_however_late_has_the_newest_sent(wire):
    wire.stream.hello()
    for _ in range(100):
        wire.steps()
        wire.pump_later(SILENCE / 4)
    assert len(wire.sent) == WINDOW + HEARTBEATS
    wire.stream.receipt(2)
    wire.pump_later()
    assert (wire.last["type"], wire.last["iteration"]) == ("frame", wire.run.iteration)
    np.testing.assert_array_equal(wire.rows(), as_rows(wire.run.history))


def test_hello_of_one_that_has_rows_is_answered_with_the_others(wire):
    wire.steps(5)
    run = wire.run.facts().run
    wire.stream.hello(run, 3)
    wire.pump_later()
    assert (wire.last["type"], wire.last["first"], wire.last["count"]) == ("frame", 3, 2)
    wire.stream.hello(run, 5)
    wire.pump_later()
    assert (wire.last["type"], wire.last["first"], wire.last["count"]) == ("frame", 5, 0)


@pytest.mark.parametrize(("run", "rows"), [(None, None), (-3, 3), ("x", 3), (True, 2.5), (..., 6), (..., -1), ([], {})])
def test_hello_of_one_that_has_something_else_is_answered_with_everything(wire, run, rows):
    wire.steps(5)
    wire.stream.hello(wire.run.facts().run if run is ... else run, rows)
    wire.pump_later()
    assert (wire.last["type"], wire.last["first"], wire.last["count"]) == ("snapshot", 0, 5)


def test_a_hello_while_a_frame_is_on_its_way_is_answered_in_full(wire):
    wire.stream.hello()
    wire.pump_later()
    greeted = []

    def send_as_another_thread_says_hello(content, buffers):
        wire.sent.append((content, buffers))
        if not greeted:
            greeted.append(threading.Thread(target=wire.stream.hello))
            greeted[0].start()
            greeted[0].join(60)

    wire.stream._send = send_as_another_thread_says_hello
    wire.steps(4)
    wire.pump_later()
    wire.pump_later()
    assert (wire.last["type"], wire.last["first"], wire.last["count"]) == ("snapshot", 0, 4)


def test_messages_from_many_threads_leave_no_gap_in_the_rows(wire):
    def talk(number):
        for _ in range(50):
            wire.stream.hello() if number == 0 else wire.stream.receipt(wire.stream._seq)

    wire.stream.hello()
    threads = [threading.Thread(target=talk, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        wire.steps()
        wire.pump_later()
    wire.stream.hello()
    wire.pump_later()
    np.testing.assert_array_equal(wire.rows(), as_rows(wire.run.history))


def test_it_is_watched_while_a_view_draws(wire):
    assert not wire.stream.watched()
    wire.stream.expect()
    assert wire.stream.watched()  # one may come
    wire.clock.now += GRACE
    assert not wire.stream.watched()
    wire.stream.hello(viewed=False)  # a page, without a view
    assert not wire.stream.watched()
    wire.stream.hello()
    assert wire.stream.watched()
    for _ in range(WINDOW):
        wire.steps()
        wire.pump_later(0.1)
    assert wire.stream.watched()
    wire.clock.now += SILENCE
    assert not wire.stream.watched()  # nobody draws
    wire.stream.receipt(WINDOW)
    assert wire.stream.watched()
    wire.stream.unwatch()
    assert not wire.stream.watched()
    wire.stream.expect()
    wire.stream.expect(soon=False)
    assert not wire.stream.watched()


def test_a_restart_is_a_snapshot(wire):
    wire.stream.hello()
    wire.steps(3)
    wire.pump_later()
    run = wire.last["run"]
    wire.run.reset()
    wire.pump_later()
    assert wire.last["type"] == "snapshot"
    assert wire.last["run"] != run
    assert wire.last["count"] == 0


def test_receipts_of_the_future_or_the_past_do_no_harm(wire):
    wire.stream.hello()
    wire.stream.pump()
    wire.stream.receipt(99)
    assert wire.stream.in_flight == 0
    wire.stream.receipt(-5)
    assert wire.stream.in_flight == 0


def test_the_end_is_not_lost_when_the_window_is_full(wire):
    wire.stream.hello()
    for _ in range(WINDOW + 3):
        wire.steps()
        wire.pump_later(0.1)
    wire.stream.receipt(WINDOW)
    wire.pump_later(0.1)
    assert wire.last["iteration"] == wire.run.iteration


def test_the_time_left_follows_from_the_rate(wire):
    wire.run.start()
    while wire.run.advance() is not None and wire.run.iteration < 20:
        pass
    content, _ = message("frame", 1, wire.run.frame(), (0, 255))
    assert content["remaining"] == pytest.approx((content["goal"] - content["iteration"]) / content["rate"])


def test_the_best_picture_is_sent_instead_while_it_is_asked_for_and_costs_nothing_else(wire):
    wire.stream.hello()
    wire.pump_later()
    assert wire.last["best"] is None
    wire.stream.show_best(True)
    wire.pump_later()  # although nothing was made
    assert (wire.last["best"], wire.last["iteration"]) == (0, 0)
    wire.steps(20)
    wire.run.update(learning_rate=50.0)  # from here on it gets worse
    wire.steps()
    following = to_pixels(wire.run.image, (0, 255)).tobytes()
    wire.steps(9)
    wire.pump_later()
    content, (pixels, _) = wire.sent[-1]
    assert (content["best"], content["iteration"]) == (wire.run.film().best, 30) == (20, 30)
    assert pixels == following  # as keras-vis has it: after the step of that loss
    newest = to_pixels(wire.run.image, (0, 255)).tobytes()
    assert pixels != newest
    wire.stream.show_best(False)
    wire.pump_later()
    assert (wire.last["best"], wire.sent[-1][1][0]) == (None, newest)
    wire.run.update(learning_rate=1.0)


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_span_the_range_and_clip_beyond_it(channels):
    image = np.array([[[-9.0], [-1.0], [0.0], [1.0], [9.0], [np.nan]]], np.float32).repeat(channels, -1)
    pixels = to_pixels(image, (-1, 1))
    assert pixels.shape == (1, 6, channels)
    assert pixels[0, :, 0].tolist() == [0, 0, 128, 255, 255, 0] or pixels[0, :5, 0].tolist() == [0, 0, 128, 255, 255]


def test_other_channels_are_shown_as_their_mean():
    assert to_pixels(np.full((2, 2, 5), 51.0), (0, 255)).tolist() == [[[51], [51]]] * 2


# --- tiles: see test_tile_feed.py for what is in their messages -----------------------------------------------------


class Tiles:
    """Tiles of the wire's run, made by hand."""

    def __init__(self, run, **settings):
        self.run = run
        run.update(**settings)
        run.make_tiles()

    @property
    def iteration(self):
        return self.run.facts().tiles.iteration

    def advance(self):
        made = self.iteration
        while self.iteration == made:
            assert self.run.advance() is not None


@pytest.fixture
def tiles(wire):
    """Tiles that grow, compiled and begun."""
    tiles = Tiles(wire.run)
    tiles.advance()
    return tiles


def kinds(wire):
    return [content["type"] for content, _ in wire.sent]


@pytest.mark.usefixtures("tiles")
def test_no_tiles_before_hello(wire):
    assert wire.pump_later() is None
    assert wire.sent == []


@pytest.mark.usefixtures("tiles")
def test_tiles_come_after_the_frames_in_one_numbering(wire):
    wire.stream.hello()
    wire.stream.pump()
    assert kinds(wire) == ["snapshot", "tiles"]
    assert [content["seq"] for content, _ in wire.sent] == [1, 2]
    assert wire.stream.in_flight == 2
    wire.stream.receipt(2)
    assert wire.stream.in_flight == 0


def test_pump_tells_when_the_next_tiles_are_due(wire, tiles):
    wire.stream.hello()
    assert wire.stream.pump() is None
    tiles.advance()
    assert wire.stream.pump() == pytest.approx(TILE_FRAME)
    assert wire.pump_later(TILE_FRAME) is None
    assert kinds(wire) == ["snapshot", "tiles", "tiles"]


def test_the_next_frame_may_be_due_before_the_tiles(wire, tiles):
    wire.stream.hello()
    wire.stream.pump()
    tiles.advance()
    wire.run.update(tv_weight=1.0)
    assert wire.stream.pump() == pytest.approx(FRAME)


def test_tiles_that_grow_send_no_frame(wire, tiles):
    wire.stream.hello()
    wire.stream.pump()
    for _ in range(5):
        tiles.advance()
        wire.pump_later(1.0)
        wire.stream.receipt(wire.last["seq"])
    assert kinds(wire) == ["snapshot", *["tiles"] * 6]


def test_tiles_that_end_leave_the_rows_as_they_are(wire):
    wire.steps(3)
    wire.stream.hello()
    wire.pump_later()
    Tiles(wire.run, max_iter=1)
    while wire.run.advance() is not None:
        wire.pump_later()
        wire.stream.receipt(wire.last["seq"])
    wire.run.close_tiles()
    wire.pump_later()
    wire.stream.receipt(wire.last["seq"])
    wire.steps(2)
    wire.pump_later()
    wire.sent = [one for one in wire.sent if not one[0]["type"].startswith("tiles")]
    np.testing.assert_array_equal(wire.rows(), as_rows(wire.run.history))
    assert {(content["layer"], content["filter_indices"]) for content, _ in wire.sent} == {("conv2", (0,))}


def test_frames_and_tiles_share_the_window(wire, tiles):
    wire.stream.hello()
    for _ in range(10):
        tiles.advance()
        wire.pump_later(0.5)
    assert kinds(wire) == ["snapshot", *["tiles"] * (WINDOW - 1)]
    wire.stream.receipt(1)
    assert wire.pump_later(0) is None
    assert kinds(wire)[WINDOW:] == ["tiles"]
    assert wire.stream.in_flight == WINDOW
    assert wire.last["iteration"] == tiles.iteration  # what was held back came with it


def test_into_silence_go_frames_now_and_then_and_no_tiles(wire, tiles):
    wire.stream.hello()
    for weight in range(100):
        tiles.advance()
        wire.run.update(tv_weight=float(weight))
        wire.pump_later(SILENCE / 4)
    sent = kinds(wire)
    assert len(sent) == WINDOW + HEARTBEATS
    assert set(sent[WINDOW:]) == {"frame"}


def test_a_silence_of_tiles_alone_is_waited_out(wire, tiles):
    wire.stream.hello()
    for _ in range(10):
        tiles.advance()
        wire.pump_later(SILENCE)
    assert len(wire.sent) == WINDOW
    assert wire.pump_later() is None  # not before something is heard
    wire.stream.receipt(wire.last["seq"])
    wire.stream.pump()
    assert len(wire.sent) == WINDOW + 1


@pytest.mark.usefixtures("tiles")
def test_hello_is_answered_with_the_tiles_too(wire):
    for _ in range(2):
        wire.stream.hello()
        wire.stream.pump()
    assert kinds(wire) == ["snapshot", "tiles"] * 2
    first, again = ((content | {"seq": 0}, buffers) for content, buffers in wire.sent[1::2])
    assert first == again
    assert first[0]["count"] == 8


def test_many_finished_tiles_come_in_one_go_as_far_as_the_window_allows(wire, monkeypatch):
    monkeypatch.setattr("actmax_widget.view.tile_feed.TILES_AT_ONCE", 2)
    Tiles(wire.run, max_iter=1)
    while wire.run.advance() is not None:
        pass
    wire.stream.hello()
    while wire.stream.pump() == 0:
        pass
    assert [content.get("count") for content, _ in wire.sent] == [0, 2, 2, 2]
    wire.stream.receipt(WINDOW)
    assert wire.stream.pump() is None
    assert [content["count"] for content, _ in wire.sent[WINDOW:]] == [2]


def test_nothing_of_the_film_is_sent_unasked_and_a_strip_once(wire):
    wire.stream.hello()
    wire.steps(60)
    wire.pump_later()
    assert kinds(wire) == ["snapshot"]
    wire.stream.ask(AskFilm(count=5))
    wire.stream.pump()
    film, (pixels,) = wire.sent[-1]
    kept = [*wire.run.film_pictures()[1]]
    assert (film["type"], film["seq"], film["run"], film["kept"]) == ("film", 2, wire.run.facts().run, kept)
    assert len(film["sent"]) == 5
    assert [film["sent"][0], film["sent"][-1]] == [0, 60]
    assert max(abs(one - place) for one, place in zip(film["sent"], (0, 15, 30, 45, 60), strict=True)) <= 4
    shown = np.frombuffer(pixels, np.uint8).reshape(5, *film["shape"])
    np.testing.assert_array_equal(shown[2], wire.run.film_pictures()[1][film["sent"][2]])  # as small as it is
    wire.stream.receipt(2)
    wire.stream.pump()
    assert len(wire.sent) == 2
    wire.stream.ask(AskFilm(count=5, have=film["sent"]))
    wire.stream.pump()
    assert (wire.last["sent"], wire.sent[-1][1]) == ([], [b""])


def test_the_picture_asked_for_last_comes_and_says_which_it_is(wire):
    wire.stream.hello()
    wire.steps(400)
    wire.pump_later()
    pictures = wire.run.film_pictures()[1]
    lost = next(one for one in range(400) if one not in pictures)
    for iteration in (3, 10, lost):
        wire.stream.ask(AskPicture(iteration=iteration))
    wire.stream.pump()
    assert kinds(wire) == ["snapshot", "picture"]
    assert wire.last["iteration"] == min(pictures, key=lambda one: (abs(one - lost), one))
    pixels = np.frombuffer(wire.sent[-1][1][0], np.uint8).reshape(wire.last["shape"])
    np.testing.assert_array_equal(pixels, pictures[wire.last["iteration"]])


def test_answers_wait_for_room_in_the_window(wire):
    wire.stream.hello()
    for _ in range(WINDOW):
        wire.steps()
        wire.pump_later()
    assert wire.stream.in_flight == WINDOW
    wire.stream.ask(AskPicture(iteration=1))
    wire.stream.pump()
    assert "picture" not in kinds(wire)
    wire.stream.receipt(WINDOW)
    wire.stream.pump()
    assert kinds(wire)[-1] == "picture"


def test_a_large_picture_is_small_in_the_strip():
    run = Run(Network(small_cnn(3, size=150)), Settings(layer="conv2"), spawn=lambda work: None)
    sent = []
    stream = Stream(run, lambda content, buffers: sent.append((content, buffers)), Clock())
    stream.hello()
    stream.ask(AskFilm(count=14))
    stream.pump()
    film, (pixels,) = sent[-1]
    assert film["shape"] == (50, 50, 3)
    assert max(film["shape"]) <= SIDE
    assert len(pixels) == 50 * 50 * 3
