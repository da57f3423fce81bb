"""The atlas from the kernel's side: what it sends when it is asked, and what Python sets. The far end is the test."""

import gc
import io
import threading
import weakref

import numpy as np
import pytest
from PIL import Image

import actmax_widget as am
from actmax_widget.sweeps import store as stores
from actmax_widget.view import atlas_feed
from actmax_widget.view.atlas import PENDING_TILES, Atlas
from actmax_widget.view.atlas_feed import SIDE, Columns, Pictures, thumbnail
from actmax_widget.view.atlas_messages import ATLAS_COMMANDS, COLUMNS, TILES_AT_ONCE
from actmax_widget.view.messages import by_type, read
from tests import atlas_store
from tests.test_widget import FrontEnd

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Of three checkpoints, 32 filters of conv2, of which one failed, and ten classes."""
    return atlas_store.make_store(tmp_path_factory.mktemp("store") / "pictures")


@pytest.fixture
def atlas(store):
    one = store.widget()
    yield one
    one.close()


@pytest.fixture
def page(atlas, monkeypatch):
    return FrontEnd(atlas.sheet, monkeypatch)


def answers(page, kind):
    return [one for one in page.custom if one[0].get("type") == kind]


def answer(page, kind, **command):
    """What comes back of that kind."""
    before = len(answers(page, kind))
    page.send(**command)
    page.wait_for(lambda: len(answers(page, kind)) > before)
    return answers(page, kind)[before]


def columns_of(message, buffers):
    """The rows of a message, as the page reads them."""
    found = {name: np.frombuffer(one, f"<{kind}") for (name, kind), one in zip(COLUMNS.items(), buffers, strict=True)}
    for name, texts in message["texts"].items():
        first = message["texts_first"][name]
        found[name] = [texts[code - first] if code >= first else None for code in found[name]]
    return found


def test_a_page_gets_the_light_columns_once(page, store):
    message, buffers = answer(page, "atlas_rows", type="atlas_hello", rows=0)
    assert (message["first"], message["count"]) == (0, len(store))
    rows = columns_of(message, buffers)
    assert rows["filter"].tolist() == store.index["filter"]
    assert rows["layer"] == store.index["layer"]
    assert rows["checkpoint"] == store.index["checkpoint"]
    assert [one or None for one in rows["error"]] == store.index["error"]
    known = [np.nan if one is None else one for one in store.index["activation"]]
    assert rows["activation"] == pytest.approx(known, nan_ok=True)
    assert {*rows["strong"].tolist()} == {0, 3}
    message, _ = answer(page, "atlas_rows", type="atlas_hello", rows=len(store))
    assert message["count"] == 0
    assert sum(map(len, message["texts"].values())) == 0


def test_a_store_that_is_being_filled_is_looked_at_when_the_page_asks(tmp_path, monkeypatch):
    store = atlas_store.make_store(tmp_path / "pictures", missing=2)
    atlas = store.widget()
    page = FrontEnd(atlas.sheet, monkeypatch)
    before = len(store)
    assert (atlas.sheet.count, atlas.sheet.expected) == (before, store.jobs.pictures)
    assert repr(atlas).startswith(f"Atlas of {before} of {store.jobs.pictures} pictures in ")
    first = Columns(store)
    first.take()
    for job in store.missing:
        atlas_store.write(store.folder, job, atlas_store.rows_of(job, atlas_store.made_up))
    message, buffers = answer(page, "atlas_rows", type="atlas_hello", rows=before)
    assert (message["first"], message["count"]) == (before, store.jobs.pictures - before)
    # Of the texts those alone that are new.
    assert message["texts"]["layer"] == []
    assert message["texts"]["checkpoint"] == ["epoch 3"]
    assert np.frombuffer(buffers[0], "<i4").tolist() == store.index["filter"][before:]
    assert atlas.sheet.count == store.jobs.pictures
    assert "of" not in repr(atlas).removeprefix("Atlas of ").partition(" in ")[0]
    atlas.close()


def test_20_000_pictures_take_less_than_two_megabytes():
    kinds = {"f4": 1.5, "f8": 3.0, "i4": 7, "u1": "green", "u4": "layer"}
    index = {name: [kinds[kind]] * 20_000 for name, kind in COLUMNS.items()}
    store = type("Store", (), {"index": index})()
    columns = Columns(store)
    columns.take()
    _, buffers = columns.message(0)
    assert sum(map(len, buffers)) < 2_000_000
    _, buffers = columns.message(19_990)
    assert sum(map(len, buffers)) < 1000


def test_small_pictures_come_as_they_are_and_large_ones_are_made_small(page, store):
    failed = store.index["error"].index(atlas_store.FAILED)
    message, (files,) = answer(page, "atlas_tiles", type="ask_tiles", seq=7, indices=[0, failed, 40])
    assert (message["seq"], message["indices"]) == (7, [0, failed, 40])
    assert message["errors"] == ["", atlas_store.FAILED, ""]
    assert message["sizes"][1] == 0
    assert files == store.png(0) + store.png(40)
    large = atlas_store.made_up(1, side=300, channels=3)
    with Image.open(io.BytesIO(thumbnail(large))) as small:
        assert (small.size, small.mode) == ((SIDE, SIDE), "RGB")
    assert len(thumbnail(large)) < len(large) / 3


def test_of_questions_that_wait_the_newest_are_answered(atlas, page, monkeypatch):
    began, go_on = threading.Event(), threading.Event()
    made = atlas._pictures.tiles

    def slow(seq, indices):
        began.set()
        assert go_on.wait(60)
        return made(seq, indices)

    monkeypatch.setattr(atlas._pictures, "tiles", slow)
    page.send(type="ask_tiles", seq=1, indices=[0])
    assert began.wait(60)
    for seq in range(2, 12):  # scrolled past while the first was made
        page.send(type="ask_tiles", seq=seq, indices=[seq])
    go_on.set()
    page.wait_for(lambda: len(answers(page, "atlas_tiles")) == 1 + PENDING_TILES)
    assert [message["seq"] for message, _ in answers(page, "atlas_tiles")] == [1, 11, 10]


def test_what_is_asked_for_is_checked(page, store):
    known = by_type(ATLAS_COMMANDS)
    assert len(read({"type": "ask_tiles", "seq": 1, "indices": [*range(500)]}, known).indices) == TILES_AT_ONCE
    assert read({"type": "ask_tiles", "seq": 1, "indices": ["x", -1, 3]}, known).indices == (3,)
    assert read({"type": "start"}, known) is None
    before = len(page.custom)
    for wrong in ({"type": "go_on", "index": -1}, {"type": "ask_tiles"}, {"type": "ask_atlas_picture", "index": 10**6}):
        page.send(**wrong)
    answer(page, "atlas_tiles", type="ask_tiles", seq=2, indices=[0])
    assert len(page.custom) == before + 1


def test_what_is_kept_of_small_pictures_is_bounded(store, monkeypatch):
    size = len(store.png(0))
    monkeypatch.setattr("actmax_widget.view.atlas_feed.KEPT_BYTES", 10 * size)
    pictures = Pictures(store)
    for first in range(0, 90, 30):
        pictures.tiles(1, range(first, first + 30))
        assert 0 < pictures.kept <= 10 * size


def test_neighbours_share_what_was_opened(store, monkeypatch):
    import pyarrow.parquet as pq  # noqa: PLC0415 - not a dependency

    opened = []
    true = pq.ParquetFile
    monkeypatch.setattr(pq, "ParquetFile", lambda path: opened.append(path) or true(path))
    pictures = Pictures(store)
    pictures.tiles(1, [*range(30, 10, -1)])
    assert len(opened) == 1
    pictures.tiles(2, [*range(30, 10, -1)])
    assert len(opened) == 1


def test_a_large_picture_comes_with_its_losses_and_its_score(page, store):
    message, (file, total, activation) = answer(page, "atlas_picture", type="ask_atlas_picture", index=5)
    assert file == store.png(5)
    assert len(total) == len(activation) == 4 * 60
    assert np.frombuffer(activation, "<f4")[-1] == pytest.approx(store.index["activation"][5])
    assert message["losses"] == {"ActivationMax Loss": -store.index["activation"][5], "TV(2.0) Loss": 0.25}
    assert [(one["name"], one["verdict"]) for one in message["score"]] == [
        ("strong", "green"),
        ("sturdy", "green"),
        ("natural", "grey"),
    ]
    assert message["score"][0]["words"].endswith("rank 1 of 10")
    # Of thousands all digits, as the page has it: a row that stands beside it is compared with this.
    row = {"strong": "green", "strong_activation": 121112.28}
    assert atlas_feed._score_of("strong", row)["words"] == "activation 121,112"
    assert message["score"][1]["words"] == "75% of its answer is kept"
    assert (message["error"], message["steps"]) == ("", 60)


def test_a_part_that_is_gone_or_damaged_is_told_and_the_others_are_shown(tmp_path, monkeypatch):
    store = atlas_store.make_store(tmp_path / "pictures")
    parts = [store.folder / stores.part_name(job) for job in store.jobs]
    first = {path: start for (_, path, start) in store._parts}
    parts[0].unlink()
    parts[2].write_bytes(parts[2].read_bytes()[:50] + b"x" * 200)
    message, (file,) = Pictures(store).tiles(1, [0, first[parts[1]], first[parts[2]], 1])
    gone, fine, damaged, also_gone = message["errors"]
    assert gone == also_gone == "Its part of the store is gone. Call am.sweep again: it makes what is not there."
    assert damaged.startswith("Its part of the store is damaged: ")
    assert (fine, file) == ("", store.png(first[parts[1]]))
    message, _ = Pictures(store).picture(0)
    assert message["error"] == gone
    atlas = store.widget()
    page = FrontEnd(atlas.sheet, monkeypatch)
    page.send(type="go_on", index=0)
    page.wait_for(lambda: atlas.sheet.refused != "")
    assert (atlas.live, atlas.sheet.opening) == (None, [])
    atlas.close()


def test_an_empty_store_and_one_whose_folder_is_gone(tmp_path, monkeypatch):
    store = atlas_store.make_store(tmp_path / "pictures", missing=6)
    atlas = store.widget()
    page = FrontEnd(atlas.sheet, monkeypatch)
    message, _ = answer(page, "atlas_rows", type="atlas_hello", rows=0)
    assert message["count"] == 0
    with pytest.raises(ValueError, match=r"index: expected a picture, received 0 .*There are none yet"):
        atlas.go_on(0)
    assert atlas._pictures.contacts() == b""
    (tmp_path / "pictures").rename(tmp_path / "elsewhere")
    page.send(type="atlas_hello", rows=0)
    page.wait_for(lambda: atlas.sheet.error)
    assert atlas.sheet.error.startswith(f"The store's folder, {atlas.store.folder}, is gone.")
    atlas.close()


def test_a_run_goes_on_beneath_and_another_takes_its_place(atlas, page, store):
    index = store.find("out", 4, "epoch 2")
    page.send(type="go_on", index=index)
    page.wait_for(lambda: atlas.sheet.beneath == [index])
    first = atlas.live
    assert (first.layer, first.filter_indices) == ("out", (4,))
    assert atlas.children == (atlas.sheet, first)
    assert np.allclose(first.image[..., 0], store.image("out", 4, "epoch 2")[..., 0], atol=1)
    second = atlas.go_on(store.find("conv2", 7))
    assert (atlas.live, atlas.children[-1]) == (second, second)
    assert first.comm is None
    page.send(type="close_beneath")
    assert (atlas.live, atlas.children, atlas.sheet.beneath) == (None, (atlas.sheet,), [])


def test_two_checkpoints_are_compared_beneath(atlas, page, store):
    one, other = (store.find("out", 3, epoch) for epoch in ("epoch 1", "epoch 3"))
    page.send(type="compare_two", one=one, other=other)
    page.wait_for(lambda: atlas.sheet.beneath == [one, other])
    assert atlas.live.names == ("epoch 1", "epoch 3")
    atlas.live.step(2)
    assert atlas.live.iteration == 2
    same = atlas.compare(one, store.find("out", 5, "epoch 1"))
    assert same.names == (f"picture {one}", f"picture {store.find('out', 5, 'epoch 1')}")
    with pytest.raises(ValueError, match=r"other: expected another picture.*Choose two"):
        atlas.compare(one, one)


def test_why_a_run_cannot_go_on_stands_beside_the_button(tmp_path, monkeypatch):
    folder = tmp_path / "pictures"
    atlas_store.make_store(folder)
    atlas = am.open_sweep(folder).widget()  # the model was in memory, of another process by now
    page = FrontEnd(atlas.sheet, monkeypatch)
    page.send(type="go_on", index=0)
    page.wait_for(lambda: atlas.sheet.refused)
    assert "model: expected the model 'digits', which had no file" in atlas.sheet.refused
    assert "store.live(index, model)" in atlas.sheet.refused
    atlas.store.models[atlas.store.jobs[0].model] = atlas_store.digits()
    page.send(type="go_on", index=0)
    page.wait_for(lambda: atlas.sheet.beneath)
    assert atlas.sheet.refused == ""
    failed = atlas.store.index["error"].index(atlas_store.FAILED)
    with pytest.raises(ValueError, match="It failed"):
        atlas.go_on(failed)
    atlas.close()


def test_python_and_the_page_set_the_same(atlas, page):
    atlas.sort, atlas.search, atlas.grouped = "activation", "castle", False
    atlas.layer, atlas.checkpoint, atlas.failures, atlas.selected = "out", "epoch 2", True, 3
    told = {name: value for state in page.states for name, value in state["state"].items()}
    assert told == {
        "sort": "activation",
        "search": "castle",
        "grouped": False,
        "layer": "out",
        "checkpoint": "epoch 2",
        "failures": True,
        "selected": 3,
    }
    page.set(sort="score", selected=None, count=10**6, failures=False)
    assert (atlas.sort, atlas.selected, atlas.failures) == ("score", None, False)
    assert atlas.sheet.count == len(atlas.store)  # a fact is the kernel's
    page.set(sort="by taste")
    assert atlas.sort == "score"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("sort", "size", "sort: expected one of filter, activation, score"),
        ("layer", "conv3", r"layer: expected a layer that is there.*Did you mean 'conv2'"),
        ("checkpoint", 3, "checkpoint: expected a checkpoint that is there.*There are: epoch 1, epoch 2, epoch 3"),
        ("search", None, "search: expected words"),
        ("failures", "yes", "failures: expected True or False"),
        ("selected", 10**6, r"selected|index: expected an integer from 0 to 125"),
    ],
)
def test_what_cannot_be_set_is_told_in_words(atlas, name, value, words):
    with pytest.raises((ValueError, TypeError), match=words):
        setattr(atlas, name, value)


def test_a_saved_notebook_has_the_first_pictures_and_a_sentence(atlas, monkeypatch):
    shown = []
    monkeypatch.setattr("actmax_widget.view.atlas.display", lambda data, **_: shown.append(data))
    atlas._ipython_display_()
    widget, card = shown
    assert "application/vnd.jupyter.widget-view+json" in widget
    assert widget["text/plain"] == f"{atlas!r}. Run the cell again to look at them."
    # By this the style sheet knows it, and hides it beside the atlas itself.
    assert "AAAAFnRFWHRTb2Z0d2FyZQBhY3RtYXhfd2lkZ2V0" in card["image/png"]
    with Image.open(io.BytesIO(atlas.sheet.picture)) as sheet:
        assert sheet.width == 15 * 60 - 4
    assert len(atlas.sheet.picture) < 300_000


def test_nothing_holds_an_atlas_that_was_closed(store):
    atlas = Atlas(store)
    atlas.go_on(0)
    gone = weakref.ref(atlas)
    atlas.close()
    del atlas
    gc.collect()
    assert gone() is None
