import gc
import itertools
import weakref

import keras
import numpy as np
import pytest
from keras import layers

from actmax_widget.engine import batch as batch_module
from actmax_widget.live.facts import Status
from actmax_widget.pictures import to_pixels
from actmax_widget.view import tile_feed
from actmax_widget.view.tile_feed import SIDE, TILE_FRAME, TileFeed
from tests.soaking import part
from tests.test_loop import Clock
from tests.test_tiles import Driven

BATCH = 3
"""Tiles in a batch; the layer has 8 filters."""


@pytest.fixture(autouse=True)
def three_at_once(monkeypatch):
    monkeypatch.setattr(batch_module, "LARGEST_BATCH", BATCH)


class Far:
    """A feed, its clock, and what arrives at the far end."""

    def __init__(self, tiles):
        self.clock = Clock()
        self.feed = TileFeed(tiles.run, self.clock)
        self.messages, self.pixels = [], {}
        self.tiles = tiles

    def wait(self):
        return self.feed.wait(self.tiles.run.facts().tiles)

    def take(self):
        """One message, as the far end takes it."""
        content, buffers = self.feed.message(len(self.messages) + 1, self.tiles.run.facts().tiles)
        if self.messages and content.get("number") != self.messages[-1].get("number"):
            self.pixels.clear()
        if content["type"] != "tiles_closed":
            pictures = np.frombuffer(*buffers, np.uint8).reshape(content["count"], *content["shape"])
            self.pixels |= {content["first"] + k: picture for k, picture in enumerate(pictures)}
        self.messages.append(content)
        return content

    def take_all(self):
        """All messages that may be sent now; of each the index of its first tile, and how many there are."""
        taken = []
        while self.wait() == 0:
            content = self.take()
            taken.append((content.get("first"), content.get("count")))
            assert len(taken) < 100
        return taken

    def later(self):
        self.clock.now += 1.0
        return self.take_all()

    def has_everything(self):
        """Whether the far end sees what there is to see."""
        images = self.tiles.images
        wanted = [to_pixels(image, self.tiles.input_range) for image in images]
        return len(self.pixels) == len(images) and all(
            (self.pixels[k] == picture).all() for k, picture in enumerate(wanted)
        )


CLOSED = [(None, None)]
"""What :meth:`Far.take_all` gives of the message that there are no tiles any more."""


def started(model, **settings):
    tiles = Driven(model, **settings)
    tiles.start()
    return tiles


def all_made(model, **settings):
    tiles = started(model, **settings)
    tiles.until_idle()
    return tiles


def test_without_tiles_there_is_nothing_to_send(model):
    far = Far(Driven(model))
    assert far.wait() is None
    far.tiles.run.close_tiles()
    assert far.wait() is None
    far.feed.hello()
    assert far.wait() is None


def test_the_first_message_tells_everything(model):
    far = Far(all_made(model, max_iter=7))
    assert far.take_all() == [(0, 8)]
    activations = [float(history["activation"][-1]) for history in far.tiles.histories]
    assert far.messages[0] == {
        "type": "tiles",
        "seq": 1,
        "number": far.tiles.number,
        "layer": "conv2",
        "varied": ["filter_indices"],
        "titles": ["Filters"],
        "values": [[[index]] for index in range(8)],
        "activations": activations,
        "changed": [],
        "shape": [12, 12, 1],
        "first": 0,
        "count": 8,
        "done": 8,
        "iteration": 0,
        "goal": 7,
        "status": "finished",
        "error": "",
    }
    assert far.has_everything()


def test_the_first_message_may_come_before_any_picture(model):
    far = Far(Driven(model))
    far.tiles.start()
    assert far.take_all() == [(0, 0)]
    assert (far.messages[0]["status"], far.messages[0]["shape"]) == ("compiling", [12, 12, 1])


def test_nothing_new_nothing_to_send(model):
    far = Far(all_made(model))
    far.take_all()
    assert far.later() == []
    assert far.wait() is None


def test_growing_tiles_keep_their_distance(model):
    far = Far(started(model))
    far.tiles.until(lambda: far.tiles.iteration)
    far.take_all()
    far.tiles.advance()
    assert far.wait() == pytest.approx(TILE_FRAME)
    far.clock.now += TILE_FRAME * 0.75
    assert far.wait() == pytest.approx(TILE_FRAME / 4)
    far.clock.now += TILE_FRAME / 4
    assert far.take_all() == [(0, BATCH)]
    assert far.messages[-1]["iteration"] == far.tiles.iteration
    assert far.has_everything()


def test_only_the_batch_in_hand_grows(model):
    far = Far(started(model))
    far.tiles.until(lambda: far.tiles.done == BATCH)
    far.later()
    far.tiles.until(lambda: far.tiles.iteration > 5)
    assert far.later() == [(BATCH, BATCH)]
    far.tiles.until(lambda: far.tiles.begun == 8)
    assert far.later() == [(BATCH, 8 - BATCH)]  # one batch for the last time, and the other for the first
    far.tiles.until_idle()
    assert far.later() == [(2 * BATCH, 8 - 2 * BATCH)]
    assert far.has_everything()


SECONDS, AT_ONCE = (0, TILE_FRAME / 3, TILE_FRAME, 10), (1, 2, 4, 64)


@pytest.mark.parametrize(
    ("seconds", "at_once"),
    part(itertools.product(SECONDS, AT_ONCE), lambda *of: (SECONDS.index(of[0]) + AT_ONCE.index(of[1])) % 2 == 0),
)
def test_no_finished_tile_is_lost_and_each_comes_once_more(model, monkeypatch, seconds, at_once):
    monkeypatch.setattr(tile_feed, "TILES_AT_ONCE", at_once)
    far = Far(started(model))
    while far.tiles.advance() is not None:
        far.clock.now += seconds
        far.take_all()
    assert far.has_everything()
    assert far.messages[-1]["status"] == "finished"
    assert max(content["count"] for content in far.messages) <= at_once
    finished = [content for content in far.messages if content["first"] + content["count"] <= content["done"]]
    assert sum(content["count"] for content in finished) == 8


def test_finished_tiles_do_not_wait(model):
    far = Far(started(model))
    far.tiles.until(lambda: far.tiles.iteration)
    far.take_all()
    far.tiles.until(lambda: far.tiles.done)
    assert far.wait() == 0


@pytest.mark.parametrize("command", ["pause", "start"])
def test_another_status_does_not_wait(model, command):
    far = Far(started(model))
    far.tiles.until(lambda: far.tiles.iteration)
    if command == "start":
        far.tiles.pause()
    far.take_all()
    getattr(far.tiles, command)()
    assert far.take_all() == [(0, BATCH)]
    assert far.messages[-1]["status"] == far.tiles.status.value


def test_a_failure_is_told(model, monkeypatch):
    far = Far(started(model))
    far.tiles.until(lambda: far.tiles.iteration)
    far.take_all()
    with monkeypatch.context() as patch:
        patch.setattr(far.tiles.step, "run", lambda *_: 1 / 0)
        far.tiles.until_idle()
    far.take_all()
    told = far.messages[-1]
    assert (told["status"], told["error"]) == ("failed", "ZeroDivisionError: division by zero")


@pytest.mark.parametrize("at_once", [BATCH, BATCH + 1, 64])
@pytest.mark.parametrize("begun", [3, 6, 8])
def test_a_new_front_end_gets_everything_there_is(model, monkeypatch, at_once, begun):
    # Paused in the middle of a batch, so that nothing comes by itself.
    monkeypatch.setattr(tile_feed, "TILES_AT_ONCE", at_once)
    far = Far(started(model))
    far.tiles.until(lambda: far.tiles.begun == begun and far.tiles.iteration)
    far.tiles.pause()
    far.tiles.until_idle()
    far.later()
    far.pixels.clear()
    far.feed.hello()
    for _ in range(20):
        far.later()
    assert max(content["count"] for content in far.messages) <= at_once
    assert far.has_everything()


def test_other_tiles_replace_those_shown(model):
    far = Far(all_made(model))
    far.take_all()
    far.tiles.run.update(layer="conv1")
    far.tiles.run.make_tiles()
    far.tiles.until_idle()
    far.take_all()
    assert far.messages[-1]["number"] == far.tiles.number != far.messages[0]["number"]
    assert (far.messages[-1]["layer"], far.messages[-1]["count"]) == ("conv1", 6)
    assert far.has_everything()


# --- closed ----------------------------------------------------------------------------------------------------------


def test_closed_is_told_once_and_again_to_a_new_front_end(model):
    far = Far(started(model))
    far.tiles.until(lambda: far.tiles.iteration)
    far.take_all()
    far.tiles.pause()
    far.tiles.until_idle()
    far.tiles.run.close_tiles()
    assert far.take_all() == CLOSED
    assert far.messages[-1] == {"type": "tiles_closed", "seq": 2}
    assert far.later() == []
    far.feed.hello()
    assert far.later() == CLOSED
    assert far.messages[-1]["type"] == "tiles_closed"


def test_closed_twice_is_told_once(model):
    far = Far(all_made(model))
    far.take_all()
    far.tiles.run.close_tiles()
    far.tiles.run.close_tiles()
    assert far.take_all() == CLOSED
    assert far.later() == []


def test_tiles_that_were_closed_before_anything_was_sent_are_never_told_of(model):
    far = Far(all_made(model))
    far.tiles.run.close_tiles()
    assert far.take_all() == []


def test_new_tiles_are_not_closed(model):
    far = Far(all_made(model))
    far.take_all()
    far.tiles.run.close_tiles()
    far.tiles.run.make_tiles()
    far.tiles.until_idle()
    far.take_all()
    assert [content["status"] for content in far.messages] == [Status.FINISHED.value] * 2
    assert far.has_everything()


def test_closed_tiles_are_not_held_although_the_browser_is_still_to_be_told(model):
    far = Far(all_made(model))
    far.take_all()
    gone = weakref.ref(far.tiles.run._tiles)
    far.tiles.run.close_tiles()
    gc.collect()
    assert gone() is None
    assert far.take_all() == CLOSED


def test_tiles_that_others_take_the_place_of_while_a_message_is_made_are_not_mixed(model):
    far = Far(all_made(model))
    run = far.tiles.run
    facts = run.facts().tiles
    run.update(layer="conv1")
    run.make_tiles([0])
    far.tiles.until_idle()
    content, (buffer,) = far.feed.message(1, facts)  # told before, made after
    assert (content["number"], content["count"], buffer) == (facts.number, 0, b"")
    far.take_all()
    assert far.has_everything()


# --- thumbnails ------------------------------------------------------------------------------------------------------


def thumbnail(model, image, **settings):
    """A starting picture as it arrives."""
    tiles = all_made(model, layer="conv", seed_input=image, max_iter=1, **settings)
    far = Far(tiles)
    far.take_all()
    return far.pixels[0]


def network(height, width, channels=1):
    inputs = keras.Input((height, width, channels))
    return keras.Model(inputs, layers.Conv2D(1, 1, name="conv")(inputs))


@pytest.mark.parametrize(
    ("size", "factor"), [((7, 112), 1), ((112, 112), 1), ((113, 20), 2), ((224, 224), 2), ((30, 225), 3), ((336, 9), 3)]
)
def test_a_large_picture_is_shown_at_a_part_of_its_size_by_the_mean_of_its_pixels(size, factor):
    image = np.random.default_rng(0).uniform(0, 255, (*size, 1)).astype("float32")
    small = thumbnail(network(*size), image)
    assert max(small.shape) <= SIDE
    assert small.shape == (-(-size[0] // factor), -(-size[1] // factor), 1)
    pixels = np.rint(image)
    for row, column in [(0, 0), (size[0] // factor - 1, size[1] // factor - 1)]:
        block = pixels[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor]
        assert abs(small[row, column, 0] - block.mean()) <= 1


@pytest.mark.parametrize(("channels", "shown"), [(1, 1), (3, 3), (2, 1), (5, 1)])
def test_other_channels_are_shown_as_their_mean(channels, shown):
    image = np.random.default_rng(0).uniform(0, 255, (6, 5, channels)).astype("float32")
    small = thumbnail(network(6, 5, channels), image)
    wanted = image if shown == channels else image.mean(-1, keepdims=True)
    assert small.shape == (6, 5, shown)
    np.testing.assert_allclose(small, wanted, atol=1)


def test_a_tile_spans_the_range_and_has_one_shape_from_the_first_message_on():
    far = Far(Driven(network(150, 40), layer="conv", input_range=(-1.0, 1.0), seed_input=np.full((150, 40, 1), 1.0)))
    far.tiles.start()
    far.take_all()
    far.tiles.until_idle()
    far.take_all()
    assert {tuple(content["shape"]) for content in far.messages} == {(75, 20, 1)}
    assert far.messages[0]["count"] == 0
    start = thumbnail(network(4, 4), np.full((4, 4, 1), 1.0), input_range=(-1.0, 1.0))
    assert (start == 255).all()
