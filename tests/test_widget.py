import base64
import copy
import dataclasses
import functools
import gc
import inspect
import io
import json
import pydoc
import re
import threading
import weakref

import keras
import numpy as np
import pytest
import traitlets
from PIL import Image

import actmax_widget as am
from actmax_widget.engine import cache
from actmax_widget.losses import ActivationMaximization
from actmax_widget.network import Network
from actmax_widget.parameters import Parameter, parameters_of
from actmax_widget.pictures import to_pixels
from actmax_widget.regularizers import LPNorm, TotalVariation
from actmax_widget.settings import Settings
from actmax_widget.view import widget as widget_module
from actmax_widget.view.messages import KernelFacts
from actmax_widget.view.widget import DEFAULTS, PARAMETERS, ActMaxWidget
from tests.networks import exploding, small_cnn, small_sequential


@pytest.fixture
def make(model):
    """Makes widgets and closes them."""
    made = []

    def make_one(given=None, **parameters):
        parameters = {"layer": "out", "steps_per_second": None, "max_iter": 30} | parameters
        # keras-vis's terms and pixels, which are known by hand.
        parameters = {"preset": "keras-vis"} | parameters
        made.append(ActMaxWidget(model if given is None else given, **parameters))
        return made[-1]

    yield make_one
    for one in made:
        one.close()


@pytest.fixture
def widget(make):
    return make()


class FrontEnd:
    """The far end of the comm: what the widget sent, and what a browser would send."""

    def __init__(self, widget, monkeypatch):
        self.widget, self.custom, self.states = widget, [], []
        self.came = threading.Condition()
        monkeypatch.setattr(widget, "_send", self._receive)

    def _receive(self, message, buffers=None):
        with self.came:
            if message["method"] == "custom":
                self.custom.append((message["content"], buffers))
            else:
                self.states.append(message)
            self.came.notify_all()

    def send(self, **content):
        self.widget._handle_custom_msg(content, [])

    def set(self, **state):
        self.widget.set_state(state)

    def wait_for(self, condition):
        with self.came:
            assert self.came.wait_for(condition, 60)


@pytest.fixture
def front_end(widget, monkeypatch):
    return FrontEnd(widget, monkeypatch)


def test_it_starts_ready_with_the_facts_about_the_model(widget):
    assert (widget.status, widget.iteration, widget.goal, widget.error) == ("ready", 0, 0, "")
    assert widget.model_name == "small"
    assert widget.layers[1] == {"name": "conv1", "type": "Conv2D", "shape": [10, 10, 6], "filters": 6, "parameters": 60}
    assert widget.loss_names == ["ActivationMax Loss", "L-6.0 Norm Loss", "TV(2.0) Loss"]
    assert widget.image.shape == (12, 12, 1)
    assert Image.open(io.BytesIO(widget.picture)).size == (12, 12)


def test_run_and_wait(widget):
    until_nothing_works(widget._run)  # the step is compiled in advance
    statuses = []
    widget.observe(lambda change: statuses.append(change["new"]), "status")
    widget.start()
    assert widget.wait(60)
    assert (widget.status, widget.iteration, widget.goal) == ("finished", 30, 30)
    assert len(widget.history) == 30
    assert np.frombuffer(widget.rows, "<f4").reshape(-1, 6).tolist() == widget.history.to_pandas().values.tolist()
    assert statuses in (["running", "finished"], ["finished"])
    assert "30 iterations" in widget.message


def test_the_picture_fed_back_gives_the_activation_of_the_last_row(make, model):
    for parameters in ({}, {"tv_weight": 0, "learning_rate": 50}, {"input_range": (50, 180)}):
        widget = make(filter_indices=3, **parameters)
        widget.step(17)
        low, high = widget.input_range
        assert low <= widget.image.min() <= widget.image.max() <= high
        activation = float(model(widget.image[None])[0, 3])
        assert -widget.history["ActivationMax Loss"][-1] == pytest.approx(activation, rel=1e-4, abs=1e-5)


def test_pause_step_reset(make):
    widget = make(max_iter=10**8)
    widget.start()
    assert not widget.wait(0.01)
    widget.pause()
    assert widget.wait(60)
    assert widget.status == "paused"
    paused = widget.iteration
    widget.step()
    assert widget.iteration == paused + 1
    widget.step(4)
    assert widget.iteration == len(widget.history) == paused + 5
    widget.reset()
    assert (widget.iteration, widget.status, len(widget.rows)) == (0, "ready", 0)


def test_a_single_step_sends_picture_and_rows_once(make, monkeypatch):
    # B17 of the review: twice, each time all rows of the run and another PNG.
    widget = make(max_iter=10**8)
    widget.step(50)
    front_end, made, as_ever = FrontEnd(widget, monkeypatch), [], widget_module.to_png
    monkeypatch.setattr(widget_module, "to_png", lambda *args: made.append(args) or as_ever(*args))
    widget.step()
    front_end.wait_for(lambda: any(["rows"] in message["buffer_paths"] for message in front_end.states))
    widget.pump()
    sent = [message for message in front_end.states if ["rows"] in message["buffer_paths"]]
    assert len(sent) == len(made) == 1
    assert np.frombuffer(widget.rows, "<f4").reshape(-1, 6).tolist() == widget.history.to_pandas().values.tolist()


def test_what_another_thread_sets_while_syncing_is_held_back_is_not_forgotten(make, monkeypatch):
    # ipywidgets sends what was held back and then clears the list, whatever was added meanwhile.
    widget = make()
    front_end, added = FrontEnd(widget, monkeypatch), threading.Event()

    def publish():
        with widget.lock:
            widget.set_trait("message", "from the thread that sends")
        added.set()

    with widget.hold_sync():
        widget.tv_weight = 3
        thread = threading.Thread(target=publish)
        thread.start()
        assert not added.wait(0.05)  # it waits until all is sent
    thread.join(60)
    front_end.wait_for(lambda: any("message" in message["state"] for message in front_end.states))


def test_step_does_not_wait_for_a_run(make):
    widget = make(max_iter=10**8)
    widget.start()
    widget.step(3)
    assert widget.status in {"compiling", "running"}
    widget.pause()
    assert widget.wait(60)


def test_iteration_and_image_can_be_observed_and_linked(widget):
    seen = []
    widget.observe(lambda change: seen.append(widget.image is not None), "iteration")

    class Mirror(traitlets.HasTraits):
        tv = traitlets.Float()
        iteration = traitlets.Int()

    mirror = Mirror()
    traitlets.dlink((widget, "iteration"), (mirror, "iteration"))
    traitlets.link((widget, "tv_weight"), (mirror, "tv"))
    widget.step(5)
    assert mirror.iteration == 5
    mirror.tv = 2.5
    assert widget.tv_weight == 2.5
    assert seen


@pytest.mark.parametrize(
    ("parameters", "error", "sentence"),
    [
        ({"tv_wieght": 1}, TypeError, "no parameter 'tv_wieght'. Did you mean 'tv_weight'?"),
        ({"foo": 1}, TypeError, "no parameter 'foo'. Choose from: layer, "),
        ({"layer": "nope"}, ValueError, "layer: expected a layer of 'small'"),
        ({"layer": 2.5}, TypeError, "layer_idx: expected an integer"),
        ({"filter_indices": 99}, ValueError, "Layer 'out' has 5 filters"),
        ({"tv_weight": "a"}, TypeError, "tv_weight: expected a finite number"),
        ({"given": 3}, TypeError, "model: expected a Keras model"),
        ({"given": keras.Sequential([keras.layers.Dense(2)])}, ValueError, "model: expected a built"),
        ({"given": keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="out")])}, ValueError, "picture"),
    ],
)
def test_bad_arguments_are_refused_in_python(make, parameters, error, sentence):
    with pytest.raises(error) as caught:
        make(**parameters)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"), [("tv_weight", float("nan")), ("layer", "nope"), ("filter_indices", [77]), ("seed", -1)]
)
def test_bad_values_are_refused_in_python_and_change_nothing(widget, name, value):
    before = getattr(widget, name)
    with pytest.raises((ValueError, TypeError), match=f"^{name}: expected "):
        setattr(widget, name, value)
    assert getattr(widget, name) == before


def test_facts_are_read_only(widget):
    for name in ("status", "iteration", "layers", "picture", "image"):
        with pytest.raises(traitlets.TraitError):
            setattr(widget, name, 1)


@pytest.mark.parametrize(
    ("given", "kept"), [(3, (3,)), ([1, 2], (1, 2)), (None, None), (np.array([4]), (4,)), (-1, (-1,))]
)
def test_filters_of_any_kind(widget, given, kept):
    widget.filter_indices = given
    assert widget.filter_indices == kept


@pytest.mark.parametrize("layer", ["conv2", 4, None])
def test_a_layer_by_name_index_or_default(make, model, layer):
    assert make(layer=layer).layer == ("out" if layer is None else "conv2")
    assert make(layer=model.get_layer("conv1")).layer == "conv1"


def test_a_sequential_and_a_loaded_model(make, tmp_path):
    small_sequential().save(tmp_path / "model.keras")
    for given in (small_sequential(), keras.saving.load_model(tmp_path / "model.keras")):
        widget = make(given, layer="conv")
        widget.step(3)
        assert widget.iteration == 3


def test_another_layer_takes_filter_0_if_it_lacks_the_filter(make):
    widget = make(layer="conv2", filter_indices=7)
    widget.layer = "out"
    assert widget.filter_indices == (0,)
    wait_for(widget, "message", lambda message: "Run starts afresh" in message)  # after the step is compiled


def test_a_failed_run_says_why_and_keeps_what_there_is(make):
    widget = make(exploding(), clip=False, lp_norm_weight=0, tv_weight=0, max_iter=1000)
    widget.start()
    assert widget.wait(60)
    assert widget.status == "failed"
    assert "The total loss of iteration" in widget.error
    assert np.isfinite(widget.image).all()
    assert len(widget.history) == widget.iteration > 1
    widget.reset()
    assert (widget.error, widget.status) == ("", "ready")


def test_the_png_is_in_the_mimebundle_for_viewers_without_widgets(widget):
    data, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).size == (12, 12)


def test_keyboard_interrupt_pauses(make, monkeypatch):
    widget = make(max_iter=10**8)
    widget.start()

    def interrupted(timeout):
        raise KeyboardInterrupt

    monkeypatch.setattr(widget._run, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        widget.wait()
    monkeypatch.undo()
    assert widget.wait(60)
    assert widget.status == "paused"


def test_without_a_built_front_end_it_says_what_to_do(make, monkeypatch, tmp_path):
    monkeypatch.setattr(widget_module, "STATIC", tmp_path / "none")
    with pytest.raises(RuntimeError, match=r"The front end is not built.*make lab"):
        make()


# --- the browser's side ---------------------------------------------------------------------------------------------


def test_hello_is_answered_and_a_run_streamed(widget, front_end):
    front_end.send(type="hello")
    front_end.wait_for(lambda: front_end.custom)
    assert front_end.custom[0][0]["type"] == "snapshot"
    front_end.send(type="start")

    def receive():
        content = front_end.custom[-1][0]
        front_end.send(type="receipt", seq=content["seq"])
        return content["iteration"] == 30

    front_end.wait_for(receive)
    rows = sum(content["count"] for content, _ in front_end.custom)
    assert rows == 30


def test_commands_of_the_browser(widget, front_end):
    front_end.send(type="step", n=3)
    assert widget.wait(60)
    assert widget.iteration == 3
    front_end.send(type="reset")
    assert widget.iteration == 0
    front_end.send(type="start")
    front_end.send(type="pause")
    assert widget.wait(60)
    assert widget.status in {"paused", "finished"}


def test_a_bad_command_is_answered_with_a_sentence(widget, front_end):
    front_end.send(type="step", n=0)
    assert "n: expected an integer >= 1" in widget.error
    front_end.send(type="nonsense")
    front_end.send()


def test_parameters_of_the_browser(widget, front_end):
    front_end.set(tv_weight=3, filter_indices=[1, 2])
    assert widget.tv_weight == 3
    assert widget.filter_indices == (1, 2)
    assert widget._run.settings.tv_weight == 3


def test_layer_and_filter_in_one_message(widget, front_end):
    front_end.set(filter_indices=[7], layer="conv2")
    assert (widget.layer, widget.filter_indices, widget.error) == ("conv2", (7,), "")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("filter_indices", [99], "This must be a whole number from -5 to 4, not 99."),
        ("learning_rate", -1, "This must be a number above 0, not -1."),
        ("jitter", -0.5, "This must be a number of at least 0, not -0.5."),
        ("tv_weight", "much", "This must be a number, not 'much'."),
        ("max_iter", 0, "This must be a whole number from 1 to 1000000000, not 0."),
        ("seed", -1, "This must be a whole number from 0 to 4294967295, not -1."),
        ("input_range", [5, 1], "This must be two numbers, the lower one first, not [5, 1]."),
        ("steps_per_second", 0, "This must be a number above 0, not 0."),
        ("clip", 3, "This must be True or False, not 3."),
        ("backprop_modifier", "guided!", "This must be one of guided, rectified, relu, deconv, not 'guided!'."),
        ("layer", "nowhere", "This must be a layer of "),
    ],
)
def test_a_bad_value_of_the_browser_is_answered_with_the_old_one_and_the_reason(
    widget, front_end, name, value, sentence
):
    before = getattr(widget, name)
    front_end.set(**{name: value})
    assert getattr(widget, name) == before
    assert {name: before} in [message["state"] for message in front_end.states]
    ((message, _),) = front_end.custom
    assert message == {"type": "refused", "name": name, "value": value} | {
        key: message[key] for key in ("sentence", "error")
    }
    assert message["sentence"].startswith(sentence)
    # No word for who writes Python: it stands beside a field.
    assert not re.search(rf"{name}[:=]|\(int\)|Pass|None", message["sentence"])
    assert widget.error == message["error"]  # in Python in Python's words
    assert widget.error.startswith(f"{name}: expected")


def test_jitter_is_no_larger_than_the_picture(widget, front_end):
    side = min(widget.image.shape[:2])
    widget.jitter = side
    front_end.set(jitter=side + 1)
    ((message, _),) = front_end.custom
    assert message["sentence"] == f"This must be at most {side} pixels, the picture's shorter side, not {side + 1}.0."
    assert widget.jitter == side
    with pytest.raises(ValueError, match="jitter: expected at most"):
        widget.jitter = 10 * side


def test_the_browser_cannot_set_facts(widget, front_end):
    front_end.set(status="finished", iteration=99, rows=b"x", model_name="other")
    assert (widget.status, widget.iteration, widget.model_name) == ("ready", 0, "small")


def test_a_click_on_pause_does_not_wait_for_what_is_being_sent(make, monkeypatch):
    widget = make(max_iter=10**8)
    front_end = FrontEnd(widget, monkeypatch)
    widget.start()
    with widget.lock:  # as it is held while traits are brought up to date
        click = threading.Thread(target=front_end.send, kwargs={"type": "pause"})
        click.start()
        assert widget.run.wait(60)
        assert widget.run.status.value == "paused"
    click.join(60)
    assert widget.status == "paused"


def test_a_run_sends_no_trait_per_iteration(make, monkeypatch):
    widget = make(max_iter=200)
    front_end = FrontEnd(widget, monkeypatch)
    widget.start()
    assert widget.wait(60)
    widget.pump()
    updates = [message["state"] for message in front_end.states if message["method"] == "update"]
    # The doctor looks by the clock: what it finds while the run goes is told at once.
    looked = [state for state in updates if "advice" in state and "status" not in state]
    assert len(updates) - len(looked) <= 4  # compiling, running, finished
    assert [state["iteration"] for state in updates if "iteration" in state][-1] == 200


def test_without_a_browser_nothing_is_sent_and_nothing_waits(widget, front_end):
    widget.start()
    assert widget.wait(60)
    assert front_end.custom == []
    assert widget.status == "finished"


def test_messages_are_not_sent_behind_a_running_cell(widget):
    class Comm:
        def _reply_subshell_for(self, data, default):
            return "the shell of the running cell"

    comm = Comm()
    widget._on_comm({"new": comm})
    assert comm._reply_subshell_for({}, "the front end's choice") == "the front end's choice"
    widget._on_comm({"new": None})


def test_parameters_set_from_many_threads_all_arrive(make):
    widget = make(max_iter=10**8)
    widget.start()
    errors = []

    def drag(name):
        try:
            for value in range(1, 60):
                setattr(widget, name, value)
        except Exception as error:  # noqa: BLE001 - any would be a defect
            errors.append(error)

    threads = [threading.Thread(target=drag, args=(name,)) for name in ("tv_weight", "lp_norm_weight", "learning_rate")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    settings = widget._run.settings
    assert (settings.tv_weight, settings.lp_norm_weight, settings.learning_rate) == (59, 59, 59)
    widget.pause()
    assert widget.wait(60)
    assert widget._run.traces == 1


def test_every_parameter_is_a_trait_with_the_default_of_the_settings(widget):
    for name in DEFAULTS:
        # A picture travels as a file, parts go by commands.
        assert widget.trait_metadata(name, "sync") == (PARAMETERS[name].kind not in {"picture", "part"})
    assert widget.tv_weight == DEFAULTS["tv_weight"]


@pytest.mark.parametrize("parameter", parameters_of(Settings).values(), ids=lambda parameter: parameter.name)
def test_help_shows_each_parameter_with_type_default_and_help(parameter):
    shown = " ".join(inspect.getdoc(ActMaxWidget).split())  # what `ActMaxWidget?` shows
    assert parameter.said() in shown
    assert parameter.help in parameter.said()
    assert f"{parameter.name} ({parameter.type}" in shown
    assert parameter.said() in pydoc.plain(pydoc.render_doc(ActMaxWidget)).replace(" |  ", "")  # and beside the trait
    assert ActMaxWidget.class_traits()[parameter.name].help == parameter.said()


def test_help_shows_each_fact():
    shown = " ".join(inspect.getdoc(ActMaxWidget).split())
    for fact in dataclasses.fields(KernelFacts):
        assert f"{fact.name}: {fact.metadata['help']}" in shown
        assert ActMaxWidget.class_traits()[fact.name].read_only == (fact.name not in {"knobs", "ui"})


def test_the_default_is_the_goldfish_of_the_photo_network():
    widget = am.ActMaxWidget()
    assert (widget.layer, widget.labels[widget.filter_indices[0]], widget.preset) == ("logits", "goldfish", "natural")
    assert widget.image.shape == (227, 227, 3)
    again = am.ActMaxWidget()  # as a cell does that is run again: nothing is compiled anew
    assert again.model is widget.model
    again.close()
    widget.close()


# --- starting picture, modifiers, models ----------------------------------------------------------------------


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "png")
    return file.getvalue()


def test_a_starting_picture_as_an_array(widget):
    start = np.random.default_rng(0).uniform(0, 255, (12, 12, 1))
    widget.seed_input = start
    np.testing.assert_allclose(widget.image, start, rtol=1e-6)
    assert widget.seed_name == "array 12 × 12 × 1"
    assert Image.open(io.BytesIO(widget.seed_picture)).size == (12, 12)
    widget.step(3)
    widget.seed_input = None
    assert widget.iteration == 3  # takes effect with the next fresh start
    assert (widget.seed_name, widget.seed_picture) == ("", b"")
    widget.reset()
    assert (widget.image != start).any()


def test_a_starting_picture_in_the_constructor(make):
    start = np.full((12, 12, 1), 60.0)
    widget = make(seed_input=start)
    np.testing.assert_array_equal(widget.image, start)
    assert widget.seed_name


@pytest.mark.parametrize(
    ("start", "error"),
    [
        (np.ones((3, 3, 2)), ValueError),
        ("a.png", ValueError),
        (object(), TypeError),
        (np.full((12, 12, 1), np.nan), ValueError),
    ],
)
def test_a_bad_starting_picture_is_refused(widget, start, error):
    with pytest.raises(error, match="seed_input: expected"):
        widget.seed_input = start
    assert widget.seed_input is None


@pytest.mark.parametrize("channels", [1, 3])
def test_a_starting_picture_of_the_browser(make, monkeypatch, channels):
    widget = make(small_cnn(channels), input_range=(-1.0, 1.0))
    front_end = FrontEnd(widget, monkeypatch)
    widget._handle_custom_msg({"type": "seed_picture", "name": "half.png"}, [png(np.full((30, 40, 3), 255, np.uint8))])
    assert widget.error == ""
    assert widget.seed_name == "half.png"
    np.testing.assert_allclose(widget.image, 1.0)
    front_end.send(type="clear_seed_picture")
    assert widget.seed_name == ""
    assert widget.image.std() > 0


@pytest.mark.parametrize(
    ("content", "buffers", "sentence"),
    [
        ({"name": "bad.png"}, [b"no picture"], "bad.png is not a picture that can be read. "),
        ({"name": "bad.png"}, [memoryview(b"")], "bad.png is empty. "),
        ({"name": "bad.png"}, [], "bad.png is empty. "),
        ({"name": "bad.png"}, None, "bad.png is empty. "),
        ({}, [b"no picture"], "the file is not a picture that can be read. "),
        ({"name": ["bad.png"]}, [b"no picture"], "the file is not a picture that can be read. "),
        ({"name": ""}, [memoryview(b"no picture")], "the file is not a picture that can be read. "),
    ],
)
def test_a_bad_file_of_the_browser_is_answered_with_a_sentence_beside_its_button(
    widget, front_end, content, buffers, sentence
):
    widget._handle_custom_msg({"type": "seed_picture", **content}, buffers)
    (answer,) = [content for content, _ in front_end.custom if content["type"] == "refused"]
    assert answer["name"] == "seed_picture"
    assert answer["sentence"].startswith(sentence)
    assert widget.error.startswith("seed_picture: expected ")
    assert widget.seed_input is None
    widget._handle_custom_msg({"type": "seed_picture", "name": "good.png"}, [png(np.zeros((9, 9), np.uint8))])
    assert (widget.error, widget.seed_name) == ("", "good.png")


def test_the_last_of_many_uploads_wins(widget):
    for shade in range(0, 200, 20):
        upload = {"type": "seed_picture", "name": f"{shade}.png"}
        widget._handle_custom_msg(upload, [png(np.full((9, 9), shade, np.uint8))])
    assert widget.seed_name == "180.png"
    np.testing.assert_allclose(widget.image, 180)
    np.testing.assert_allclose(widget.seed_input, 180)


def saved(image, folder, name="wide.png"):
    path = folder / name
    image.save(path)
    return path


def wide():
    """A picture with a white middle."""
    image = Image.new("L", (90, 30), 100)
    image.paste(255, (30, 0, 60, 30))
    return image


@pytest.mark.parametrize("as_path", [str, lambda path: path])
def test_a_path_is_a_starting_picture(make, widget, tmp_path, as_path):
    path = as_path(saved(wide(), tmp_path))
    widget.seed_input = path
    for one in (widget, make(seed_input=path)):
        assert one.seed_name == "wide.png"
        assert one.seed_note == "Cropped from 90 × 30 to the middle 30 × 30."
        assert one.seed_input.shape == (12, 12, 1)
        np.testing.assert_allclose(one.image, 255)
        np.testing.assert_allclose(one.seed_input, 255)
        assert Image.open(io.BytesIO(one.seed_picture)).size == (12, 12)


def test_a_pillow_image_is_a_starting_picture(make):
    widget = make(small_cnn(3), seed_input=Image.new("RGB", (30, 30), (255, 100, 20)), input_range=(0.0, 1.0))
    np.testing.assert_allclose(widget.seed_input[3, 4], np.divide((255, 100, 20), 255), rtol=1e-6)
    assert (widget.seed_name, widget.seed_note) == ("picture 30 × 30", "")


def test_another_fit_applies_to_the_picture_that_was_chosen(widget, tmp_path):
    widget.seed_input = saved(wide(), tmp_path)
    widget.seed_fit = "pad"
    assert widget.seed_note == "Padded from 90 × 30 to the input's shape."
    np.testing.assert_allclose(widget.seed_input[[0, -1]], 127.5)
    np.testing.assert_array_equal(widget.image, widget.seed_input)  # nothing has run: it starts from it
    widget.seed_fit = "stretch"
    assert (widget.seed_name, widget.seed_note) == ("wide.png", "Stretched from 90 × 30 to the input's shape.")
    assert np.ptp(widget.seed_input) > 100
    widget.step(2)
    before = widget.image
    widget.set_state({"seed_fit": "crop"})  # as the browser does
    np.testing.assert_allclose(widget.seed_input, 255)
    np.testing.assert_array_equal(widget.image, before)  # taken at the next fresh start
    widget.reset()
    np.testing.assert_allclose(widget.image, 255)


def test_a_fit_is_there_before_a_picture(make, front_end, tmp_path):
    del front_end
    widget = make(seed_fit="pad")
    widget.seed_input = saved(wide(), tmp_path)
    np.testing.assert_allclose(widget.seed_input[0], 127.5)
    both = make(seed_fit="stretch", seed_input=wide())
    assert both.seed_note.startswith("Stretched")
    with pytest.raises(ValueError, match="seed_fit: expected one of crop, pad, stretch"):
        widget.seed_fit = "cover"
    with pytest.raises(ValueError, match="seed_fit: expected one of crop, pad, stretch"):
        make(seed_fit="cover")


def test_another_input_range_scales_the_picture_anew_and_leaves_an_array(widget):
    widget.seed_input = Image.new("L", (30, 30), 255)
    widget.input_range = (-1.0, 1.0)
    np.testing.assert_allclose(widget.seed_input, 1)
    array = np.random.default_rng(0).uniform(0, 1, (12, 12, 1))
    widget.seed_input = array
    assert widget.seed_note == ""
    widget.input_range = (0, 255)
    np.testing.assert_allclose(widget.seed_input, array, rtol=1e-6)
    assert "nearly black" in widget.seed_note
    widget.seed_input = None
    assert (widget.seed_name, widget.seed_note, widget.seed_picture) == ("", "", b"")
    widget.input_range = (0, 1)
    assert widget.seed_input is None


def test_a_picture_that_is_refused_leaves_the_one_before(widget, tmp_path):
    widget.seed_input = saved(wide(), tmp_path)
    (tmp_path / "bad.png").write_text("no picture")
    for bad in (tmp_path / "bad.png", np.ones((3, 3, 3, 3)), np.full((12, 12, 1), np.nan)):
        with pytest.raises(ValueError, match=r"^seed_input: expected"):
            widget.seed_input = bad
        widget.seed_fit = "pad" if widget.seed_fit == "crop" else "crop"
        assert widget.seed_name == "wide.png"
        assert widget.seed_input.max() > 200


def test_a_starting_picture_is_the_widgets_own(widget):
    start = np.full((12, 12, 1), 60.0)
    widget.seed_input = start
    start[:] = 0
    widget.seed_fit = "pad"
    np.testing.assert_array_equal(widget.seed_input, np.full((12, 12, 1), 60))


def test_backprop_modifier_is_compiled_once_and_restarts_nothing(make):
    widget = make(layer="conv2")
    widget.step(3)
    widget.backprop_modifier = "guided"
    widget.step(3)
    assert widget.iteration == 6
    widget.backprop_modifier = None
    widget.step(3)
    assert widget.iteration == 9
    assert widget._run.traces == 1
    with pytest.raises(ValueError, match="backprop_modifier"):
        widget.backprop_modifier = "nope"


def test_a_layer_of_a_nested_model(make):
    inner = small_cnn()
    outer = keras.Sequential([keras.Input((12, 12, 1)), inner], name="outer")
    widget = make(outer, layer="small/conv1", filter_indices=[0, 2])
    widget.step(2)
    assert widget.iteration == 2
    assert {"small", "small/conv1", "small/out"} <= {info["name"] for info in widget.layers}


def test_an_open_size_and_held_inputs(make):
    image, extra = keras.Input((None, None, 1), name="image"), keras.Input((2,), name="extra")
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3, name="conv")(image))
    model = keras.Model([image, extra], keras.layers.Add(name="out")([x, extra]))
    widget = make(model, input_shape=(9, 8, 1), held_inputs={"extra": [1, 2]})
    widget.step(2)
    assert widget.image.shape == (9, 8, 1)


# --- compiled in advance ---------------------------------------------------------------------------------------------


def wait_for(widget, name, condition):
    """Wait until a trait is as it should be."""
    there = threading.Event()

    def look(change):
        if condition(change["new"]):
            there.set()

    widget.observe(look, name)
    look({"new": getattr(widget, name)})
    assert there.wait(60)
    widget.unobserve(look, name)


def until_nothing_works(run):
    with run._changed:
        assert run._changed.wait_for(lambda: not run._working, 60)


def test_a_new_widget_compiles_in_the_background_and_run_finds_the_step_ready(make, monkeypatch, traces):
    hold, compiled = threading.Event(), cache.step_for
    monkeypatch.setattr(cache, "step_for", lambda *args, **options: hold.wait(60) and compiled(*args, **options))
    widget = make(small_cnn())
    wait_for(widget, "message", lambda message: message.startswith("Compiling the step for this layer."))
    assert widget.status == "ready"
    assert widget.wait(0)

    def prepare():
        hold.set()
        wait_for(widget, "message", lambda message: message == "Ready: press Run.")

    def run():
        widget.start()
        assert widget.wait(60)

    assert traces.of(prepare) == 1
    assert traces.of(run) == 0
    assert (widget.status, widget.iteration) == ("finished", 30)


def test_another_layer_is_compiled_in_the_background(make, traces):
    widget = make(small_cnn())
    until_nothing_works(widget._run)
    front_end_sets = {"layer": "conv2", "filter_indices": [3]}

    def choose():
        widget.set_state(front_end_sets)
        until_nothing_works(widget._run)

    assert traces.of(choose) == 1
    assert traces.of(functools.partial(widget.step, 3)) == 0
    assert widget.iteration == 3


def test_a_second_widget_on_a_model_compiles_nothing(make, traces):
    model = small_cnn()
    make(model).step(2)
    second = []
    assert traces.of(lambda: second.append(make(model)) or second[0].step(2)) == 0
    assert second[0].iteration == 2


def test_a_step_that_cannot_be_compiled_is_told_and_not_tried_again_and_again(make, monkeypatch):
    tried = []

    def out_of_memory(*_, **__):
        tried.append(True)
        raise MemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(cache, "step_for", out_of_memory)
        widget = make(small_cnn())
        for times in (1, 2):
            wait_for(widget, "status", lambda status: status == "failed")
            until_nothing_works(widget._run)
            widget.pump()
            assert (widget.error, len(tried)) == ("MemoryError: no room", times)
            widget.tv_weight = 3.0 + times  # no reason to try again
            until_nothing_works(widget._run)
            assert len(tried) == times
            if times == 1:
                widget.start()
                assert widget.wait(60)
    widget.start()
    assert widget.wait(60)
    assert (widget.status, widget.error) == ("finished", "")


# --- all filters of a layer ------------------------------------------------------------------------------------------

FOREVER = 10**7


def tiles_of(widget):
    """Where the tiles stand."""
    return widget._run.facts().tiles


def begun(widget, iteration=20):
    """Wait until there is something to see of the tiles; their number."""
    with widget._run._changed:
        assert widget._run._changed.wait_for(
            lambda: tiles_of(widget).iteration >= iteration or tiles_of(widget).done, 60
        )
    return tiles_of(widget).number


def test_a_picture_of_every_filter(make, model):
    widget = make(layer="conv2", seed=3, tv_weight=1)
    assert widget.tiles is None
    widget.visualize_layer()
    assert widget.wait(60)
    images, histories = widget.tiles
    wanted = am.visualize_layer(model, "conv2", max_iter=30, seed=3, tv_weight=1, clip=True, progress=False)
    np.testing.assert_allclose(images, wanted.images, atol=0.5)
    assert [history.values.shape for history in histories] == [(30, 4)] * 8
    assert (widget.iteration, widget.status) == (0, "finished")
    assert widget.message == "Made 8 of 8 filters of conv2. Run goes on with the large picture."
    widget._command("close_tiles")
    assert (widget.iteration, widget.status, widget.message) == (0, "ready", "Ready: press Run.")


def test_pictures_of_some_filters(make):
    widget = make(layer="conv2")
    widget.visualize_layer([5, -1])
    assert widget.wait(60)
    assert tiles_of(widget).filters == (5, 7)
    assert widget.tiles.images.shape == (2, 12, 12, 1)


def test_filters_that_there_are_not_are_refused_and_the_tiles_stay(widget):
    widget.visualize_layer(1)
    before = tiles_of(widget).number
    for filters, error in [(99, ValueError), ([], ValueError), ("1", TypeError), ([None], TypeError)]:
        with pytest.raises(error, match=r"^filters: expected "):
            widget.visualize_layer(filters)
        assert tiles_of(widget).number == before


def test_tiles_are_made_with_the_settings_at_their_start(make):
    straight, changed = make(layer="conv2", max_iter=1000), make(layer="conv2", max_iter=1000)
    for widget in (straight, changed):
        widget.visualize_layer([0, 1])
    begun(changed)
    changed.tv_weight = 0
    changed.layer = "conv1"
    changed.max_iter = 5
    assert straight.wait(60)
    assert changed.wait(60)
    np.testing.assert_array_equal(straight.tiles.images, changed.tiles.images)
    assert len(changed.tiles.histories[0]) == 1000


def test_start_pauses_the_tiles_and_tiles_pause_the_run(make):
    widget = make(layer="conv2", max_iter=FOREVER)
    widget.start()
    widget.visualize_layer()
    begun(widget)
    made = widget._run.iteration
    assert widget._run.facts().at_tiles
    begun(widget, tiles_of(widget).iteration + 20)
    assert widget._run.iteration == made
    widget.start()
    assert tiles_of(widget).status == "paused"
    assert widget._run.status.busy
    wait_for(widget, "iteration", lambda iteration: iteration > made)
    widget.pause()
    assert widget.wait(60)
    assert (widget.status, tiles_of(widget).status) == ("paused", "paused")


def test_pause_pauses_the_tiles(make):
    widget = make(layer="conv2", max_iter=FOREVER)
    widget.visualize_layer()
    begun(widget)
    assert not widget.wait(0.01)
    widget.pause()
    assert widget.wait(60)
    assert (widget.status, tiles_of(widget).status) == ("paused", "paused")
    assert widget.message == "Paused with 0 of 8 filters of conv2 made."


def test_waiting_is_for_both_and_ctrl_c_pauses_both(make, monkeypatch):
    widget = make(layer="conv2", max_iter=FOREVER)
    widget.visualize_layer()
    begun(widget)

    def interrupted(timeout):
        raise KeyboardInterrupt

    monkeypatch.setattr(widget._run, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        widget.wait()
    monkeypatch.undo()
    assert widget.wait(60)
    assert tiles_of(widget).status == "paused"
    widget.start()
    assert not widget.wait(0.01)
    widget.pause()
    assert widget.wait(60)


def test_other_tiles_pause_those_before(make):
    widget = make(layer="conv2", max_iter=FOREVER)
    widget.visualize_layer()
    first = begun(widget)
    before = widget._run._tiles
    widget.visualize_layer([1])
    assert begun(widget) != first
    made = before.facts(widget._run.status, widget._run.settings).iteration
    begun(widget, tiles_of(widget).iteration + 20)
    assert before.facts(widget._run.status, widget._run.settings).iteration == made


def test_close_ends_all_work(make):
    widget = make(layer="conv2", max_iter=FOREVER)
    widget.visualize_layer()
    begun(widget)
    widget.close()
    assert widget._run.wait(60)
    assert tiles_of(widget).status == "paused"
    until_nothing_works(widget._run)


def test_a_widget_closed_while_its_tiles_compile(make, monkeypatch):
    widget = make(small_cnn(), layer="conv2", max_iter=FOREVER)
    until_nothing_works(widget._run)
    compiled = cache.step_for
    monkeypatch.setattr(cache, "step_for", lambda *args, **options: widget.close() or compiled(*args, **options))
    widget.visualize_layer()
    until_nothing_works(widget._run)
    assert (tiles_of(widget).status, tiles_of(widget).begun) == ("paused", 0)


class Tiled(FrontEnd):
    """A front end that draws tiles, and acknowledges what it gets."""

    def __init__(self, widget, monkeypatch):
        super().__init__(widget, monkeypatch)
        self.tiles, self.news = {}, {"status": None}
        self.send(type="hello")

    def wait_for_tiles(self, condition):
        def look():
            for content, buffers in self.custom:
                if content["type"] == "tiles_closed":
                    self.news = {"status": "closed"}
                if content["type"] == "tiles":
                    self.news = content
                    pictures = np.frombuffer(buffers[0], np.uint8).reshape(content["count"], *content["shape"])
                    self.tiles |= {content["first"] + k: picture for k, picture in enumerate(pictures)}
            if self.custom:
                self.send(type="receipt", seq=self.custom[-1][0]["seq"])
            self.custom.clear()
            return condition(self.news)

        self.wait_for(look)


@pytest.fixture
def tiled(make, monkeypatch):
    return Tiled(make(layer="conv2", max_iter=400), monkeypatch)


def test_the_browser_asks_for_all_filters_and_sees_them_finished(tiled):
    tiled.send(type="make_tiles")
    tiled.wait_for_tiles(lambda news: news["status"] == "finished" and len(tiled.tiles) == 8)
    assert (tiled.news["layer"], tiled.news["done"], tiled.news["goal"]) == ("conv2", 8, 400)
    for position, image in enumerate(tiled.widget.tiles.images):
        np.testing.assert_array_equal(tiled.tiles[position], to_pixels(image, (0, 255)))


def test_the_browser_pauses_resumes_and_closes_the_tiles(make, monkeypatch):
    tiled = Tiled(make(layer="conv2", max_iter=FOREVER), monkeypatch)
    widget = tiled.widget
    for command in ("pause_tiles", "resume_tiles", "close_tiles"):
        tiled.send(type=command)  # no tiles: nothing
    assert (widget.error, widget.tiles) == ("", None)
    tiled.send(type="make_tiles")
    tiled.wait_for_tiles(lambda news: news["status"] == "running" and news["iteration"] > 0)
    tiled.send(type="pause_tiles")
    tiled.wait_for_tiles(lambda news: news["status"] == "paused")
    iteration = tiles_of(widget).iteration
    tiled.send(type="start")
    assert widget._run.status.busy
    assert tiles_of(widget).status == "paused"
    tiled.send(type="resume_tiles")
    assert widget._run.facts().at_tiles  # one at a time
    tiled.wait_for_tiles(lambda news: news["status"] == "running" and news["iteration"] > iteration)
    tiled.send(type="close_tiles")
    tiled.wait_for_tiles(lambda news: news["status"] == "closed")
    assert widget.tiles is None
    assert widget.wait(60)
    assert widget.status == "paused"


def test_resumed_tiles_that_failed_are_tried_again(tiled, monkeypatch):
    def out_of_memory(*_, **__):
        raise MemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(cache, "step_for", out_of_memory)
        tiled.send(type="make_tiles")
        tiled.wait_for_tiles(lambda news: news["status"] == "failed")
    assert tiled.news["error"] == "MemoryError: no room"
    tiled.send(type="resume_tiles")
    tiled.wait_for_tiles(lambda news: news["status"] == "finished")
    assert tiled.news["error"] == ""


# --- tiles of other things than filters ------------------------------------------------------------------------------


def test_seeds_and_numbers_are_varied_and_one_is_taken_over(make, model):
    widget = make(layer="conv2", filter_indices=3, tv_weight=1.0, max_iter=12)
    widget.visualize_many(vary={"seed": [4, 5], "tv_weight": (0, 30)})
    assert widget.wait(60)
    images, histories = widget.tiles
    varied = widget.tiles.varied
    assert varied[2] == {"seed": 5, "tv_weight": 0}
    wanted = am.visualize_many(
        model, "conv2", 3, vary={"seed": [4, 5], "tv_weight": (0, 30)}, preset="keras-vis", max_iter=12
    )
    assert varied == wanted.varied
    np.testing.assert_array_equal(images, wanted.images)
    again = copy.deepcopy(widget.tiles)  # which takes the way of pickle
    assert (again.varied, len(again.histories)) == (varied, 4)
    widget.open_tile(3)
    assert (widget.seed, widget.tv_weight, widget.knobs["TV(2.0) Loss.weight"]) == (5, 30.0, 30.0)
    np.testing.assert_array_equal(widget.image, images[3])
    np.testing.assert_array_equal(widget.history.rows, histories[3].rows)
    assert widget.changes[0].changed["tv_weight"] == 30.0
    kept = widget.checkpoint()
    assert (kept.seed, kept.iteration, kept.settings.tv_weight) == (5, 12, 30.0)
    further = am.visualize(model, start=kept, max_iter=5)
    widget.step(5)
    np.testing.assert_array_equal(widget.image, further.image)


def test_filters_are_varied_by_their_names():
    digits = am.demo.digits()
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    widget = am.ActMaxWidget(digits, labels=names, max_iter=2)
    widget.visualize_many(vary={"filter_indices": ["two", "seven"]})
    assert widget.wait(60)
    assert tiles_of(widget).filters == (2, 7)
    widget.open_tile(7)
    assert widget.filter_indices == (7,)
    with pytest.raises(ValueError, match="Did you mean 'seven'"):
        widget.visualize_many(vary={"filter_indices": ["sevn"]})
    widget.close()


def test_the_browser_varies_and_opens_by_the_place(tiled):
    tiled.send(type="make_tiles", vary={"seed": [3, 8], "learning_rate": [1, 2.5]})
    tiled.wait_for_tiles(lambda news: news["status"] == "finished" and len(tiled.tiles) == 4)
    told = json.loads(json.dumps(tiled.news))
    assert (told["varied"], told["titles"]) == (["seed", "learning_rate"], ["Seed", "Learning rate"])
    assert told["values"] == [[3, 1], [3, 2.5], [8, 1], [8, 2.5]]
    assert all(isinstance(one, float) for one in told["activations"])
    tiled.send(type="open_tile", tile=2)
    assert (tiled.widget.seed, tiled.widget.learning_rate, tiled.widget.error) == (8, 1.0, "")
    tiled.set(tv_weight=2.0)
    tiled.wait_for_tiles(lambda news: news["changed"] == ["Total variation"])
    wait_for(tiled.widget, "saved_tiles", lambda saved: saved["changed"] == ["Total variation"])


@pytest.mark.parametrize(
    ("vary", "sentence"),
    [
        ({"learning_rate": [0]}, "This must be a number above 0, not 0."),
        ({"seed": list(range(5000))}, "This must be at most 4096 pictures, not 5000."),
        ({"seed": []}, "This must be a sequence of at least one value, not []."),
        ({"nothing": [1]}, "This must be names of numbers of this run, not 'nothing'."),
        (3, "This must be a mapping from names to values, not 3."),
    ],
)
def test_what_cannot_be_varied_is_refused_in_a_sentence_and_nothing_is_lost(tiled, vary, sentence):
    tiled.send(type="make_tiles")
    tiled.wait_for_tiles(lambda news: news["status"] == "finished")
    number = tiled.news["number"]
    with tiled.came:
        tiled.custom.clear()
    tiled.send(type="make_tiles", vary=vary)
    refused = [content for content, _ in tiled.custom if content["type"] == "refused"]
    assert [(one["name"], one["sentence"]) for one in refused] == [("vary", sentence)]
    assert tiles_of(tiled.widget).number == number


# --- a tile becomes the present picture ------------------------------------------------------------------------------


def agree(widget, model, layer, index):
    """Whether picture, losses and target belong together."""
    assert (widget.layer, widget.filter_indices) == (layer, (index,))
    assert widget.iteration == len(widget.history)
    rows = np.frombuffer(widget.rows, "<f4").reshape(-1, 5)
    np.testing.assert_array_equal(rows, widget.history.to_pandas())
    output = keras.Model(model.inputs[0], model.get_layer(layer).output)(widget.image[None]).numpy()
    last = widget.history["ActivationMax Loss"][-1] / widget.act_max_weight
    assert -last == pytest.approx(output[..., index].mean(), rel=1e-4, abs=1e-5)


def test_an_opened_tile_is_the_present_picture_and_run_goes_on_from_there(make, model):
    widget = make(layer="conv2", learning_rate=5)
    widget.visualize_layer([4, 6])
    assert widget.wait(60)
    widget.layer = "out"  # meanwhile
    images, histories = widget.tiles
    widget.open_tile(6)
    np.testing.assert_array_equal(widget.image, images[1])
    np.testing.assert_array_equal(widget.history.values, histories[1].values)
    agree(widget, model, "conv2", 6)
    assert (widget.status, widget.iteration, widget.goal, widget.error) == ("finished", 30, 30, "")
    widget.start()
    assert widget.wait(60)
    assert (widget.status, widget.iteration) == ("finished", 60)
    np.testing.assert_array_equal(widget.history.values[:30], histories[1].values)
    agree(widget, model, "conv2", 6)


def test_a_tile_that_is_not_finished_goes_on_to_its_goal(make, model):
    widget = make(layer="conv2", max_iter=FOREVER)
    widget.visualize_layer()
    begun(widget)
    widget.pause()
    assert widget.wait(60)
    made = tiles_of(widget).iteration
    widget.open_tile(3)
    assert (widget.status, widget.iteration, widget.goal) == ("paused", made, FOREVER)
    agree(widget, model, "conv2", 3)
    widget.max_iter = made + 5
    widget.start()
    assert widget.wait(60)
    assert (widget.status, widget.iteration) == ("finished", made + 5)


def test_an_opened_tile_compiles_its_step_in_the_background(make, traces):
    widget = make(small_cnn(), layer="out")
    until_nothing_works(widget._run)
    widget.layer = "conv2"
    until_nothing_works(widget._run)
    widget.visualize_layer([1])
    assert widget.wait(60)
    for name, value in [("layer", "out"), ("backprop_modifier", "guided")]:
        setattr(widget, name, value)
        until_nothing_works(widget._run)

    def open_tile():
        widget.open_tile(1)
        until_nothing_works(widget._run)

    assert traces.of(open_tile) == 1  # the present settings with the tile's layer
    assert traces.of(widget.step) == 0


def test_the_browser_opens_a_tile(tiled, model):
    widget = tiled.widget
    tiled.send(type="make_tiles")
    assert widget.wait(60)
    tiled.set(layer="out")
    tiled.states.clear()
    tiled.send(type="open_tile", tile=2)
    agree(widget, model, "conv2", 2)
    # While its step is compiled in the background, that is what the message tells.
    wait_for(widget, "message", lambda message: not message.startswith("Compiling"))
    told = {name: value for message in tiled.states for name, value in message["state"].items()}
    assert (told["layer"], told["filter_indices"], told["message"][:23]) == ("conv2", (2,), "Finished 400 iterations")
    assert widget.status == "finished"  # as that of the tiles was


@pytest.mark.parametrize("content", [{"tile": 5}, {"tile": "a"}, {"tile": None}, {}])
def test_a_tile_that_there_is_not_is_answered_with_a_sentence(widget, front_end, content):
    widget.visualize_layer([1, 2])
    assert widget.wait(60)
    before = widget.image
    front_end.send(type="open_tile", **content)
    assert widget.error
    assert widget.filter_indices == (0,)
    np.testing.assert_array_equal(widget.image, before)
    front_end.send(type="open_tile", tile=1)
    assert (widget.error, widget.filter_indices) == ("", (2,))


def test_the_browser_goes_back_branches_and_opens_a_branch(widget, front_end):
    widget.start()
    assert widget.wait(60)
    front_end.send(type="rewind", iteration=20)
    assert (widget.iteration, widget.status, len(widget.history)) == (20, "paused", 20)
    front_end.send(type="branch", iteration=10)
    assert [(one["name"], one["iteration"], one["made"]) for one in widget.lines] == [
        ("main", 0, 20),
        ("branch 1", 10, None),
    ]
    front_end.send(type="open_branch", name="main")
    assert (widget.iteration, widget.error) == (20, "")
    for refused in (
        {"type": "rewind", "iteration": 21},
        {"type": "branch", "iteration": None},
        {"type": "open_branch", "name": "branch 2"},
    ):
        front_end.send(**refused)
        assert widget.error.startswith(("iteration: expected", "name: expected"))
        assert widget.iteration == 20
    front_end.send(type="ask_film", count="many")  # behind which nobody is
    front_end.send(type="hello", views=1)
    front_end.send(type="ask_film", count=3)
    front_end.send(type="ask_picture", iteration=7)
    front_end.wait_for(lambda: {"film", "picture"} <= {content["type"] for content, _ in front_end.custom})


def test_before_there_are_tiles_none_can_be_opened(widget):
    with pytest.raises(ValueError, match=r"^filter: expected a filter with a picture, received 1 .*All filters"):
        widget.open_tile(1)


def by_hand(widget):
    """Nothing works any more but what a test advances."""
    until_nothing_works(widget._run)
    widget._run._spawn = lambda work: None
    return widget


def test_a_tile_that_is_not_begun_cannot_be_opened(make, monkeypatch):
    monkeypatch.setattr("actmax_widget.engine.batch.LARGEST_BATCH", 2)
    widget = by_hand(make(layer="conv2"))
    widget.visualize_layer()
    for _ in range(2):
        widget._run.advance()
    widget.open_tile(1)
    with pytest.raises(ValueError, match=r"^filter: expected a filter with a picture, received 2 "):
        widget.open_tile(2)


class Hasty(threading.Condition):
    """A worker's lock; the worker waits for it, and makes steps as soon as it is let go."""

    def __init__(self, worker):
        super().__init__()
        self.worker, self.depth = worker, 0

    def __enter__(self):
        self.depth += 1
        return super().__enter__()

    def __exit__(self, *details):
        super().__exit__(*details)
        self.depth -= 1
        if not self.depth:
            self.depth += 1
            self.worker.advance()
            self.depth -= 1


def test_a_tile_that_grows_as_it_is_opened_has_the_losses_of_its_picture(make, model):
    widget = by_hand(make(layer="conv2", learning_rate=20, max_iter=FOREVER))
    widget.visualize_layer()
    for _ in range(5):
        widget._run.advance()
    widget._run._changed = Hasty(widget._run)
    widget.open_tile(3)
    agree(widget, model, "conv2", 3)


def test_pictures_and_losses_of_growing_tiles_belong_together(make, model):
    widget = by_hand(make(layer="out", learning_rate=20, max_iter=FOREVER))
    widget.visualize_layer()
    for _ in range(5):
        widget._run.advance()
    widget._run._changed = Hasty(widget._run)
    images, histories = widget.tiles
    wanted = [-history["ActivationMax Loss"][-1] for history in histories]
    np.testing.assert_allclose(np.diagonal(model(images)), wanted, rtol=1e-4, atol=1e-5)


# --- what a widget holds and does not do -----------------------------------------------------------------------------


def test_nobody_writes_into_the_picture(make):
    widget = make()
    for _ in range(2):
        with pytest.raises(ValueError, match="read-only"):
            widget.image[:] = 0
        widget.step()
    before = widget.image.copy()
    widget.visualize_layer([1, 2])
    assert widget.wait(60)
    images = widget.tiles.images
    if images.flags.writeable:
        images[:] = 0
    assert widget.tiles.images.any()
    np.testing.assert_array_equal(widget.image, before)


def test_closed_tiles_are_forgotten(make, monkeypatch):
    tiled = Tiled(make(layer="conv2"), monkeypatch)
    tiled.send(type="make_tiles")
    tiled.wait_for_tiles(lambda news: news["status"] == "finished")
    until_nothing_works(tiled.widget._run)
    live = tiled.widget._run._tiles
    gone = [weakref.ref(live), *map(weakref.ref, live._tiles._batches)]
    del live
    tiled.send(type="close_tiles")
    gc.collect()
    assert [one() for one in gone] == [None] * len(gone)


@pytest.mark.parametrize("running", [False, True])
def test_a_drag_finds_no_layer_and_builds_no_loss(make, monkeypatch, running):
    widget = make(max_iter=FOREVER)
    until_nothing_works(widget._run)
    if running:
        widget.start()
        wait_for(widget, "iteration", lambda iteration: iteration > 3)
    counted = []

    def count(owner, name):
        as_ever = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *args, **options: counted.append(name) or as_ever(*args, **options))

    count(Network, "find")
    for loss in (ActivationMaximization, LPNorm, TotalVariation):
        count(loss, "__init__")
    for value in range(20):
        widget.set_state({"tv_weight": float(value)})
    for value in range(20):
        widget.tv_weight = value + 0.5
    until = widget._run.iteration + 3
    if running:
        wait_for(widget, "iteration", lambda iteration: iteration > until)
    assert counted == []
    assert widget._run.settings.tv_weight == 19.5
    widget.layer = "conv1"
    assert set(counted) == {"find", "__init__"}  # they are what is counted
    checked, as_ever = [], Parameter.check
    monkeypatch.setattr(Parameter, "check", lambda one, value: checked.append((one.name, value)) or as_ever(one, value))
    widget.tv_weight = 3
    assert ("tv_weight", 3) in checked
    assert len(checked) <= 6  # when it is offered, when it is taken, and what the layer before it set; 63 of the review
    widget.pause()
    assert widget.wait(60)


def test_one_story_is_told_of_a_run_and_its_tiles(make):
    widget, told = make(layer="conv2"), []
    widget.step(3)
    for tell in ("status", "message"):
        widget.observe(lambda change: told.append(change["new"]), tell)
    widget.visualize_layer()
    assert widget.wait(60)
    told = [one for one in told if one]
    assert told[-2:] == ["finished", "Made 8 of 8 filters of conv2. Run goes on with the large picture."]
    assert not {"paused", "ready", "Paused after 3 iterations."} & set(told)
    words = "small, layer conv2, filter 0: 3 iterations. Finished, 8 of 8 filters of conv2 made."
    assert widget._repr_mimebundle_()[0]["text/plain"] == words
    widget.step()
    assert (widget.status, widget.message, widget.iteration) == ("paused", "Paused after 4 iterations.", 4)
    assert widget.saved_tiles["status"] == "finished"


def test_a_step_while_tiles_are_made_pauses_them_and_waits_for_itself_alone(make):
    widget = make(layer="conv2", max_iter=FOREVER)
    widget.visualize_layer()
    begun(widget)
    widget.step(2)
    assert (widget.iteration, widget.status, tiles_of(widget).status) == (2, "paused", "paused")


def test_a_closed_widget_goes_and_takes_its_model_along():
    others = threading.enumerate()
    model = small_sequential()
    widget = ActMaxWidget(model, "out", max_iter=2)
    widget.start()
    assert widget.wait(60)
    widget.close()
    gone = [weakref.ref(widget), weakref.ref(model)]
    del widget, model
    # Its threads let go of it one after the other.
    for thread in threading.enumerate():
        if thread.name.startswith("actmax") and thread not in others:
            thread.join(10)
    gc.collect()
    assert [one() for one in gone] == [None, None]
