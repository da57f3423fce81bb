import keras
import numpy as np
import pytest
from keras import layers

import actmax_widget as am
from actmax_widget.live.run import Run
from actmax_widget.network import Network
from actmax_widget.settings import Settings
from actmax_widget.view import looks, messages
from tests.networks import small_cnn
from tests.test_widget import FrontEnd

WEIGHTS, RESPONSE, OF_START = messages.AskWeights(), messages.AskResponse(), messages.AskResponse(start=True)


def run_of(model=None, **settings):
    return Run(Network(small_cnn() if model is None else model), Settings(**{"layer": "conv1", **settings}))


def test_weights_of_a_first_layer_are_pictures():
    model = small_cnn(channels=3)
    told, (pixels,) = looks.answer(WEIGHTS, run_of(model))
    assert (told["layer"], told["count"], told["of"], told["shape"], told["sentence"]) == ("conv1", 6, 6, (3, 3, 3), "")
    expected = am.visualize_weights(model, "conv1")
    np.testing.assert_allclose(np.frombuffer(pixels, np.uint8).reshape(6, 3, 3, 3).astype(int), expected, atol=1)


def test_of_many_filters_the_first_are_shown():
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, layers.Conv2D(100, 3, name="conv1")(inputs))
    told, (pixels,) = looks.answer(WEIGHTS, run_of(model))
    assert (told["count"], told["of"], len(pixels)) == (64, 100, 64 * 9)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("conv2", "3 × 3 × 6, which are no picture"),
        ("pool", "This must be a layer with a kernel"),
        ("out", "no picture"),
    ],
)
def test_weights_that_are_no_pictures_are_told_in_a_sentence(layer, words):
    told, buffers = looks.answer(WEIGHTS, run_of(layer=layer))
    assert words in told["sentence"]
    assert (told["count"], buffers) == (0, [])


def test_the_response_is_that_of_the_chosen_filters_to_the_present_picture():
    model = small_cnn()
    run = run_of(model, layer="conv2", filter_indices=(1, 6), seed=3)
    run.step(3)
    assert run.wait(60)
    told, (response, picture) = looks.answer(RESPONSE, run)
    expected = am.visualize_response(model, "conv2", [1, 6], run.image).mean(0)
    assert (told["shape"], told["iteration"], told["filter_indices"]) == (expected.shape, 3, (1, 6))
    assert (told["low"], told["high"]) == pytest.approx((expected.min(), expected.max()))
    scaled = np.frombuffer(response, np.uint8).reshape(expected.shape) / 255
    np.testing.assert_allclose(scaled * (told["high"] - told["low"]) + told["low"], expected, atol=0.01)
    np.testing.assert_array_equal(np.frombuffer(picture, np.uint8).reshape(12, 12, 1), np.rint(run.image))


def test_the_response_to_the_starting_picture_as_the_network_is_fed():
    model, start = small_cnn(), np.random.RandomState(0).uniform(0, 255, (12, 12, 1)).astype("float32")
    assert "no starting picture" in looks.answer(OF_START, run_of(model))[0]["sentence"]
    run = run_of(model, seed_input=start[None], preprocess="tf")
    told, _ = looks.answer(OF_START, run)
    expected = am.visualize_response(model, "conv1", 0, start / 127.5 - 1)
    assert (told["low"], told["high"]) == pytest.approx((expected.min(), expected.max()), rel=1e-4)


def test_the_lines_that_were_left_are_sent_with_every_so_many_of_their_rows(monkeypatch):
    monkeypatch.setattr(looks, "MOST_ROWS", 4)
    run = run_of(layer="out", filter_indices=(1,))
    assert looks.lines(run)[0]["lines"] == []
    run.step(9)
    assert run.wait(60)
    run.branch(2, name="short")
    run.branch(1, name="third")
    told, (values,) = looks.lines(run)
    left = [(one["name"], one["made"], one["every"], one["count"]) for one in told["lines"]]
    assert left == [("main", 9, 3, 3), ("short", 2, 1, 2)]
    rows = np.frombuffer(values, np.float32).reshape(5, 2)
    main, short = (run.branches[name].checkpoint.history for name in ("main", "short"))
    for name, column in (("total", 0), ("activation", 1)):
        np.testing.assert_array_equal(rows[:, column], [*main[name][::3], *short[name]])


def test_channels_first():
    start = np.random.RandomState(0).uniform(0, 255, (12, 10, 3)).astype("float32")
    inputs = keras.Input((3, 12, 10))
    moved = layers.Permute((2, 3, 1))(inputs)
    model = keras.Model(inputs, layers.Conv2D(2, 3, data_format="channels_last", name="conv1")(moved))
    run = run_of(model, seed_input=np.moveaxis(start, -1, 0)[None])
    told, (_, picture) = looks.answer(OF_START, run)
    assert told["shape"] == (10, 8)
    assert len(picture) == np.prod(told["picture"])


@pytest.mark.parametrize(("layer", "words"), [("out", "one number for the whole picture"), ("flatten", "one number")])
def test_a_response_that_is_no_map_is_told_in_a_sentence(layer, words):
    told, buffers = looks.answer(RESPONSE, run_of(layer=layer))
    assert words in told["sentence"]
    assert buffers == []


def test_what_a_layer_raises_is_told():
    class Broken(layers.Layer):
        @property
        def kernel(self):
            raise OSError("the weights are on another disk")

        def call(self, inputs):
            return inputs * 1.0

    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, layers.Conv2D(2, 3, name="conv1")(Broken(name="broken")(inputs)))
    assert "on another disk" in looks.answer(WEIGHTS, run_of(model, layer="broken"))[0]["sentence"]


@pytest.mark.parametrize("kind", ["png", "gif", "webp", "html", "csv", "json", "py"])
def test_a_file_is_made_of_the_run_as_it_is(kind, monkeypatch, tmp_path):
    widget = am.ActMaxWidget(small_cnn(), layer="conv1", preset="keras-vis", ui={"title": "A lesson"})
    page = FrontEnd(widget, monkeypatch)
    widget.step(3)
    page.send(type="take_away", kind=kind)
    page.wait_for(lambda: any(content["type"] == "file" for content, _ in page.custom))
    ((content, (found,)),) = [one for one in page.custom if one[0]["type"] == "file"]
    assert content == {"type": "file", "kind": kind, "of": "run", "sentence": ""}
    assert found == widget.save(tmp_path / f"a.{kind}").read_bytes()
    if kind == "json":
        assert am.RunFile.of_text(found.decode()).ui == {"title": "A lesson"}
    widget.close()


def test_a_file_is_made_of_the_tiles(monkeypatch, tmp_path):
    widget = am.ActMaxWidget(small_cnn(), layer="conv1", preset="keras-vis", max_iter=3)
    page = FrontEnd(widget, monkeypatch)
    came = lambda: [one for one in page.custom if one[0]["type"] == "file"]  # noqa: E731
    page.send(type="take_away", kind="png", of="tiles")
    page.wait_for(came)
    assert came()[0][0]["sentence"] == "There are no tiles with a picture yet."
    widget.visualize_many(vary={"seed": range(3)})
    assert widget.wait(60)
    for number, kind in enumerate(("png", "html", "json", "py"), 2):
        page.send(type="take_away", kind=kind, of="tiles")
        page.wait_for(lambda number=number: len(came()) == number)
        content, (found,) = came()[-1]
        assert content == {"type": "file", "kind": kind, "of": "tiles", "sentence": ""}
        assert found == widget.sheet.save(tmp_path / f"a.{kind}").read_bytes()
    page.send(type="take_away", kind="gif", of="tiles")
    page.wait_for(lambda: len(came()) == 6)
    assert "one of .png, .html" in came()[-1][0]["sentence"]
    widget.close()


def test_a_page_is_made_of_the_pins(monkeypatch):
    widget = am.ActMaxWidget(small_cnn(), layer="conv1", preset="keras-vis")
    page = FrontEnd(widget, monkeypatch)
    came = lambda: [one for one in page.custom if one[0]["type"] == "file"]  # noqa: E731
    for number, words in enumerate(("at least one pin", ""), 1):
        page.send(type="take_away", kind="html", of="pins")
        page.wait_for(lambda number=number: len(came()) == number)
        assert words in came()[-1][0]["sentence"]
        widget.pin()
    assert came()[-1][1][0].decode().startswith("<!doctype html>")
    page.send(type="take_away", kind="png", of="pins")
    page.wait_for(lambda: len(came()) == 3)
    assert "one of .html" in came()[-1][0]["sentence"]
    widget.close()


def test_a_film_of_a_run_that_has_not_begun_is_told_in_a_sentence(monkeypatch):
    widget = am.ActMaxWidget(small_cnn())
    page = FrontEnd(widget, monkeypatch)
    page.send(type="take_away", kind="gif")
    page.wait_for(lambda: any(content["type"] == "file" for content, _ in page.custom))
    (content,) = [one for one, _ in page.custom if one["type"] == "file"]
    assert content["sentence"] == "The run has not begun, so it has no film yet."
    with pytest.raises(ValueError, match="a film of a run that has not begun"):
        widget.save("x.gif")
    widget.close()


def test_a_file_that_cannot_be_made_is_told_in_a_sentence(monkeypatch):
    widget = am.ActMaxWidget(small_cnn(), transforms=[lambda image, random: image])
    page = FrontEnd(widget, monkeypatch)
    widget.step(1)
    page.send(type="take_away", kind="json")
    page.wait_for(lambda: any(content["type"] == "file" for content, _ in page.custom))
    (content,) = [one for one, _ in page.custom if one["type"] == "file"]
    assert content["sentence"].startswith("This must be functions and classes that have a name")
    page.send(type="take_away", kind="exe")
    assert "kind" in widget.error
    widget.close()


def test_the_page_asks_and_is_answered_by_a_message(monkeypatch):
    widget = am.ActMaxWidget(small_cnn(), layer="conv1", preset="keras-vis")
    page = FrontEnd(widget, monkeypatch)
    page.send(type="ask_weights")
    page.send(type="ask_response", start="no")
    kinds = ("weights", "response")
    page.wait_for(lambda: {content["type"] for content, _ in page.custom} >= {*kinds})
    found = {content["type"]: buffers for content, buffers in page.custom}
    assert [len(buffer) for kind in kinds for buffer in found[kind]] == [6 * 9, 100, 144]
    widget.close()
