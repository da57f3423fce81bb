import csv
import errno
import functools
import json
import os
import subprocess
import sys

import av
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

import actmax_widget as am
from actmax_widget import __main__ as cli
from actmax_widget import losses, optimizers, parametrizations, regularizers, transforms
from actmax_widget.__main__ import main
from actmax_widget.export import page, saving, written
from actmax_widget.labels import Labels
from actmax_widget.network import Network
from actmax_widget.network.fingerprint import fingerprint
from actmax_widget.parameters import number
from tests.networks import small_cnn

network = functools.cache(am.demo.digits)


@pytest.fixture(scope="module")
def digits():
    return network()


class Fade(transforms.Transform):
    share: float = number(0.9, least=0, most=1, help="How much is left.")

    def __call__(self, image, random):
        return image * self.share


def wobble(image, random):
    return image * random.uniform((), 0.9, 1.1)


def halved(grads):
    return grads / 2


PICTURE = np.random.RandomState(0).uniform(0, 255, (28, 28, 1)).astype("float32")
OBJECTIVE = losses.ActivationMaximization("out", 3) + 0.5 * regularizers.TotalVariation(beta=1.5)
RUNS = {
    "by default": {},
    "keras-vis from a picture": {"preset": "keras-vis", "tv_weight": 3, "start": PICTURE, "seed_fit": "pad"},
    "an objective": {"target": OBJECTIVE - 0.1 * losses.Direction("conv3", np.ones(64))},
    "parts": {
        "transforms": [transforms.Noise(0.3, 0.03, name="grain"), Fade(0.8), transforms.Jitter(2), wobble],
        "optimizer": keras.optimizers.SGD(0.5, momentum=0.9),
        "parametrization": parametrizations.Phase(np.ones((28, 15))),
        "grad_modifier": halved,
    },
    "preprocessed, elsewhere": {"preprocess": (127.5, 127.5), "input_range": (0, 255), "class_loss": "activation"},
    "a Keras layer": {"preprocess": keras.layers.Rescaling(0.5), "backprop_modifier": "guided"},
    "stopped early": {"changes": {13: None}},
    "put back to the default": {
        "changes": {3: {"clip": False, "Noise.end": 0.4}, 6: {"clip": True, "Noise.end": 0.05}, 9: {"temperature": 2.0}}
    },
    "a part taken out": {"changes": {3: {"jitter": 5, "Noise.end": 0.6}, 9: {"transforms": [transforms.Flip()]}}},
    "beyond the goal": {"changes": {22: {"tv_weight": 2}, 25: None}},
    "steered": {
        "changes": {
            5: {"tv_weight": 2, "Noise.end": 0.2},
            9: {"optimizer": "sgd"},
            12: {"goal": 30, "jitter": 3},
            25: None,
        }
    },
}


@functools.cache
def made(name):
    given = {"target": "out", **RUNS[name]}
    target = given.pop("target")
    filters = () if isinstance(target, losses.Sum) else (3,)
    return am.visualize(network(), target, *filters, **{"seed": 4, "max_iter": 20, **given})


@pytest.mark.parametrize("name", RUNS)
def test_a_run_file_repeats_the_run_bit_for_bit(digits, name, tmp_path):
    result = made(name)
    run = am.RunFile.load(result.save(tmp_path / "run.json"))
    assert run.iteration == len(result.history)
    again = am.visualize(digits, changes=run.changes, max_iter=run.iteration)
    np.testing.assert_array_equal(again.image, result.image)
    np.testing.assert_array_equal(again.history.values, result.history.values)
    assert am.RunFile.of(again.checkpoint).to_json() == am.RunFile.of(result.checkpoint).to_json()


@pytest.mark.parametrize("name", RUNS)
def test_the_copied_code_makes_the_picture_bit_for_bit(digits, name):
    code = made(name).code()
    assert code.splitlines()[-1].startswith(("result = am.visualize(", ")"))
    known = {"model": digits, **globals()} if "tests." not in code else {"model": digits}
    exec(code, known)  # noqa: S102 - what is tested
    np.testing.assert_array_equal(known["result"].image, made(name).image)


def test_a_widget_that_was_steered_gives_code_and_file_of_all_of_it(digits, tmp_path):
    widget = am.ActMaxWidget(digits, filter_indices=3, max_iter=30, steps_per_second=None, ui={"hide": ["table"]})
    widget.step(7)
    widget.tv_weight = 5
    widget.knobs["Rotate.degrees"] = 3
    widget.start()
    assert widget.wait(60)
    widget.tv_weight = 1
    widget.step(4)
    known = {"model": digits}
    exec(widget.code(), known)  # noqa: S102 - what is tested
    np.testing.assert_array_equal(known["result"].image, widget.image)
    run = am.RunFile.of_picture(widget.save(tmp_path / "steered.png"))
    np.testing.assert_array_equal(am.visualize(digits, changes=run.changes, max_iter=run.iteration).image, widget.image)
    loaded = am.load_run(tmp_path / "steered.png", digits)
    assert (loaded.ui, loaded.tv_weight, loaded.iteration) == ({"hide": ["table"]}, 0, 0)
    for one in (widget, loaded):
        one.close()


@pytest.fixture(scope="module")
def steered(digits, tmp_path_factory):
    """A run that was stepped, dragged, paused, run to its goal and beyond it with another optimizer, and its file."""
    widget = am.ActMaxWidget(digits, filter_indices=3, max_iter=30, steps_per_second=None)
    widget.step(7)
    for weight in (1, 2, 5):
        widget.tv_weight = weight
    widget.knobs["Rotate.degrees"] = 3
    widget.step(4)
    widget.learning_rate = 0.1
    widget.start()
    assert widget.wait(60)
    widget.tv_weight = 1
    widget.step(4)
    widget.optimizer = "sgd"
    widget.step(3)
    path = widget.save(tmp_path_factory.mktemp("steered") / "run.json")
    yield widget, path
    widget.close()


@pytest.mark.parametrize("way", ["started", "stepped and started", "reset in its course"])
def test_a_loaded_widget_is_steered_again_bit_for_bit(digits, steered, way, tmp_path):
    widget, path = steered
    again = am.load_run(path, digits)
    again.steps_per_second = None  # of the eyes that look on now
    if way != "started":
        again.step(9)
        assert (again.tv_weight, again.knobs["Rotate.degrees"]) == (5, 3)
    if way == "reset in its course":
        again.reset()
        assert (again.iteration, again.tv_weight, again.knobs["Rotate.degrees"]) == (0, 0, 10)
    again.start()
    assert again.wait(60)
    assert (again.status, again.iteration, again.tv_weight) == ("finished", 37, 1)
    assert type(again.optimizer) is type(widget.optimizer) is optimizers.SGD
    np.testing.assert_array_equal(again.image, widget.image)
    np.testing.assert_array_equal(again.history.rows, widget.history.rows)
    assert again.save(tmp_path / "again.json").read_text() == path.read_text()
    again.close()


def test_a_loaded_widget_that_is_saved_before_it_is_started_keeps_the_course(digits, steered, tmp_path):
    widget, path = steered
    again = am.load_run(path, digits)
    again.ui = {"title": "A lesson"}
    saved = am.RunFile.load(again.save(tmp_path / "again.json"))
    whole = am.RunFile.load(path)
    assert (repr(saved.changes), saved.iteration, saved.ui) == (repr(whole.changes), 37, {"title": "A lesson"})
    assert again.code() == widget.code()
    again.tv_weight = 7  # it is another run now
    assert len(am.RunFile.load(again.save(tmp_path / "again.json")).changes) == 1
    again.close()


def test_set_otherwise_it_is_another_run_and_says_so(digits, steered):
    _, path = steered
    again = am.load_run(path, digits)
    again.steps_per_second = None
    again.step(9)
    again.tv_weight = 7
    assert again.message == "Set otherwise at iteration 9: from there on this is not the recorded run."
    again.start()
    assert again.wait(60)
    assert (again.status, again.iteration, again.tv_weight, again.learning_rate) == ("finished", 30, 7, 0.03)
    assert [change.iteration for change in again.changes] == [0, 7, 9]
    again.close()


def test_what_was_stopped_early_stops_there_again(digits, tmp_path):
    path = made("stopped early").save(tmp_path / "run.json")
    again = am.load_run(path, digits)
    again.start()
    assert again.wait(60)
    assert (again.status, again.iteration, again.goal) == ("paused", 13, 20)
    np.testing.assert_array_equal(again.image, made("stopped early").image)
    again.start()
    assert again.wait(60)
    assert (again.status, again.iteration) == ("finished", 20)
    again.close()


def darker(model):
    """A function of the model, as a backprop modifier may be."""
    other = keras.models.clone_model(model)
    other.set_weights([weight / 2 for weight in model.get_weights()])
    return other


def test_a_function_as_backprop_modifier_goes_along_by_its_name(digits, tmp_path):
    result = am.visualize(digits, "out", 3, seed=1, max_iter=3, backprop_modifier=darker)
    known = {"model": digits}
    code = result.code()
    assert f"backprop_modifier={__name__}.darker" in code
    exec(code, known)  # noqa: S102 - what is tested
    np.testing.assert_array_equal(known["result"].image, result.image)
    path = result.save(tmp_path / "run.json")
    widget = am.load_run(path, digits)
    widget.start()
    assert widget.wait(60)
    np.testing.assert_array_equal(widget.image, result.image)
    assert widget.save(tmp_path / "again.json").read_text() == path.read_text()
    widget.close()
    path.write_text(path.read_text().replace(f"{__name__}:darker", "elsewhere:darker"))
    with pytest.raises(ValueError, match=r"darker of elsewhere is not.*Import elsewhere before"):
        am.load_run(path, digits)
    unnamed = am.visualize(digits, "out", 3, max_iter=1, backprop_modifier=functools.partial(darker))
    with pytest.raises(ValueError, match="backprop_modifier: expected a function that has a name"):
        unnamed.save(path)


def test_a_loaded_widget_repeats_the_run(digits, tmp_path):
    result = made("keras-vis from a picture")
    widget = am.load_run(result.save(tmp_path / "run.json"), digits)
    assert (widget.iteration, widget.tv_weight, widget.preset) == (0, 3, "keras-vis")
    widget.start()
    assert widget.wait(60)
    np.testing.assert_array_equal(widget.image, result.image)
    assert widget.status == "finished"
    widget.close()


@pytest.mark.parametrize("preset", ["natural", "keras-vis"])
def test_what_is_set_up_and_not_begun_is_handed_out_as_a_lesson(digits, preset, tmp_path):
    ui = {"hide": ["table"], "title": "What is a three?"}
    widget = am.ActMaxWidget(digits, filter_indices=3, preset=preset, max_iter=8, steps_per_second=None, ui=ui)
    widget.knobs["Jitter.shift"] = 2
    code, path = widget.code(), widget.save(tmp_path / "lesson.json")
    lesson = am.load_run(path, digits)
    again = lesson.save(tmp_path / "again.json").read_text()
    assert again == path.read_text()
    assert (lesson.iteration, lesson.ui, lesson.knobs["Jitter.shift"]) == (0, ui, 2)
    for one in (widget, lesson):
        one.start()
        assert one.wait(60)
    assert (lesson.status, lesson.iteration) == ("finished", 8)
    known = {"model": digits}
    exec(code, known)  # noqa: S102 - what is tested
    np.testing.assert_array_equal(known["result"].image, widget.image)
    np.testing.assert_array_equal(lesson.image, widget.image)
    if preset == "keras-vis":
        digits.save(tmp_path / "model.keras")
        out = tmp_path / "out.csv"
        assert main(["run", str(path), "--model", str(tmp_path / "model.keras"), "--out", str(out)]) == 0
        assert len(pd.read_csv(out)) == 8
    for one in (widget, lesson):
        one.close()


def test_a_random_state_that_was_drawn_is_not_told_as_set_otherwise(digits):
    widget = am.ActMaxWidget(digits, filter_indices=3, preset="keras-vis", max_iter=9, steps_per_second=None)
    widget.step(3)
    widget.tv_weight = 5
    widget.step(2)
    assert repr(widget.changes).splitlines()[1:] == ["iteration 3: tv_weight 5.0"]
    assert ["Iteration 3", "tv_weight 5"] in page.described(widget.result)
    widget.close()


def test_what_differs_is_said(tmp_path, capsys, monkeypatch):
    path = made("by default").save(tmp_path / "run.json")
    whole = json.loads(path.read_text())
    whole["versions"]["keras"] = "2.9"
    whole["changes"][0]["settings"] |= {"sharpness": 3, "Adam.gamma": 2}
    whole["ui"] = {"hide": ["table", "knobs of old"], "subtitle": "Press Run.", "title": "Three"}
    path.write_text(json.dumps(whole))
    other = keras.models.clone_model(am.demo.digits())
    with pytest.warns(RuntimeWarning) as told:
        widget = am.load_run(path, other)
    assert widget.ui == {"hide": ["table"], "title": "Three"}
    widget.close()
    (message,) = [str(one.message) for one in told if "run.json" in str(one.message)]
    assert "another model" in message
    assert "keras 2.9 (here" in message
    assert "does not know Adam.gamma, sharpness, subtitle, knobs of old: left out." in message
    am.demo.digits().save(tmp_path / "model.keras")
    command = ["run", str(path), "--model", str(tmp_path / "model.keras"), "--out"]
    assert main([*command, str(tmp_path / "rows.csv")]) == 0
    told = capsys.readouterr().err
    assert "keras 2.9 (here" in told
    assert "does not know Adam.gamma, sharpness: left out." in told
    monkeypatch.setattr(cli, "visualize", None)  # what cannot be written is told before anything is computed
    assert main([*command, str(tmp_path / "rows.csv"), str(tmp_path / "y.bmp")]) == 2


def test_numbers_of_its_own_parts_may_be_hidden_in_a_lesson(digits, tmp_path):
    ui = {"hide": ["Fade.share"]}
    widget = am.ActMaxWidget(digits, filter_indices=3, transforms=[Fade(0.8)], ui=ui)
    lesson = am.load_run(widget.save(tmp_path / "lesson.json"), digits)
    assert lesson.ui == ui
    for one in (widget, lesson):
        one.close()


NAMES = ["nought", *map(str, range(1, 9)), "neun"]


@pytest.mark.parametrize("kind", ["json", "png"])
def test_a_run_file_has_the_labels_that_a_result_or_a_widget_had(digits, kind, tmp_path):
    result = am.visualize(digits, "out", "neun", labels=NAMES, seed=0, max_iter=2)
    loaded = am.load_run(result.save(tmp_path / f"run.{kind}"), digits)
    assert loaded.labels == NAMES
    assert loaded.filter_indices == (9,)
    saved = am.RunFile.load(loaded.save(tmp_path / "again.json"))
    assert [*saved.labels] == NAMES
    others = [f"number {k}" for k in range(10)]
    assert am.load_run(tmp_path / "again.json", digits, labels=others).labels == others
    # As files were before there was any of it.
    text = (tmp_path / "again.json").read_text()
    old = {name: value for name, value in json.loads(text).items() if name != "labels"}
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert am.load_run(tmp_path / "old.json", digits).labels == []


def test_the_labels_of_imagenet_are_a_word_in_the_file(digits, tmp_path):
    kept = am.visualize(digits, "out", 3, max_iter=1).checkpoint
    text = am.RunFile.of(kept, labels=Labels("imagenet")).to_json()
    assert json.loads(text)["labels"] == "imagenet"
    run = am.RunFile.of_text(text)
    assert run.labels.name(130) == "flamingo"
    assert run.labels.index("Norwegian_elkhound") == run.labels.index("elkhound")  # what else they are called, too
    own = [f"one {k}" for k in range(1000)]
    assert json.loads(am.RunFile.of(kept, labels=Labels(own)).to_json())["labels"] == own


def test_labels_that_do_not_fit_the_model_are_left_out_and_that_is_said(digits, tmp_path, capsys):
    path = am.visualize(digits, "conv1", 1, labels=NAMES, seed=0, max_iter=2).save(tmp_path / "run.json")
    run = json.loads(path.read_text())
    path.write_text(json.dumps({**run, "labels": NAMES[:3]}))
    with pytest.warns(RuntimeWarning, match=r"run.json: It has 3 labels, and 'out' has 10 units: left out\."):
        assert am.load_run(path, digits).labels == []
    digits.save(tmp_path / "model.keras")
    command = ["run", str(path), "--model", str(tmp_path / "model.keras"), "--out", str(tmp_path / "y.json")]
    assert main(command) == 0
    assert "It has 3 labels, and 'out' has 10 units: left out." in capsys.readouterr().err
    path.write_text(json.dumps({**run, "labels": NAMES}))
    assert main(command) == 0
    assert json.loads((tmp_path / "y.json").read_text())["labels"] == NAMES


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: json.dumps({**json.loads(text), "labels": "run.json"}), "labels: expected a list of names"),
        (lambda text: json.dumps({**json.loads(text), "labels": ["a", "a"]}), "labels: expected names of which each"),
        (lambda text: json.dumps({**json.loads(text), "labels": [1]}), r"labels\[0\]: expected a name"),
        (lambda text: text[: len(text) // 2], "cut or damaged"),
        (lambda text: "{}", "other JSON"),
        (lambda text: text.replace('"actmax_widget_run": 1', '"actmax_widget_run": 99'), "format 99"),
        (lambda text: text.replace("optimizers.Adam", "os:system"), "system of os is not"),
        (lambda text: text.replace("optimizers.Adam", "numpy:array"), "parts: losses, transforms"),
        (lambda text: text.replace("optimizers.Adam", "optimizers.Nothing"), "Nothing of actmax_widget is not"),
        (lambda text: text.replace('"out"', '"nowhere"'), "nowhere"),
        (lambda text: text.replace('"changes"', '"change"'), "KeyError"),
        (lambda text: text.replace('"seed": 4', '"seed": -4'), "seed"),
        (lambda text: text.replace('"iteration": 20', '"iteration": -3'), "iteration: expected an integer >= 0"),
        (lambda text: text.replace('"iteration": 20', '"iteration": "x"'), "iteration: expected an integer >= 0"),
        (lambda text: text.replace('"goal": 20', '"goal": 0'), "goal: expected an integer >= 1"),
        (lambda text: text.replace('"iteration": 0', '"iteration": 3'), "begins at iteration 0"),
        (lambda text: json.dumps({**json.loads(text), "changes": []}), "begins at iteration 0"),
        (lambda text: json.dumps({**json.loads(text), "ui": "x"}), "It is damaged"),
        (lambda text: "[" * 100_000, "cut or damaged"),
        (lambda text: text.replace('"seed": 4', '"seed_input": {"array": "AAAA"}'), "It is damaged"),
        (
            lambda text: text.replace('"seed": 4', '"preprocess": {"function": "actmax_widget.files:os.remove"}'),
            "is not",
        ),
        (lambda text: text.replace('"seed": 4', '"preprocess": {"function": "actmax_widget.files:Path"}'), "is not"),
    ],
)
def test_a_damaged_run_file_is_refused_in_words(digits, change, words, tmp_path):
    path = made("by default").save(tmp_path / "run.json")
    path.write_text(change(path.read_text()))
    with pytest.raises((ValueError, TypeError), match=words):
        am.load_run(path, digits)


NORMALIZATION = keras.layers.Normalization()
NORMALIZATION.adapt(PICTURE[None])


@pytest.mark.parametrize(
    "preprocess",
    [NORMALIZATION, keras.layers.Lambda(lambda x: x / 2), keras.layers.Dense(1)],
    ids=["adapted", "lambda", "dense"],
)
def test_layers_that_their_configuration_does_not_tell_are_refused(digits, preprocess):
    result = am.visualize(digits, "out", 3, max_iter=2, preprocess=preprocess)
    with pytest.raises(ValueError, match="preprocess: expected layers that their configuration tells whole"):
        result.code()


def test_what_the_model_was_given_goes_along(tmp_path):
    inputs = [keras.Input((None, None, 3), name="picture"), keras.Input((2,), name="more")]
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs[0]))
    model = keras.Model(inputs, keras.layers.Dense(3, name="out")(keras.layers.Concatenate()([pooled, inputs[1]])))
    given = {"input_shape": (20, 24, 3), "held_inputs": {"more": [1.0, 2.0]}}
    result = am.visualize(model, "out", 1, seed=1, max_iter=3, **given)
    known = {"model": model}
    exec(result.code(), known)  # noqa: S102 - what is tested
    np.testing.assert_array_equal(known["result"].image, result.image)
    widget = am.load_run(result.save(tmp_path / "x.png"), model)
    widget.start()
    assert widget.wait(60)
    np.testing.assert_array_equal(widget.image, result.image)
    widget.close()


def test_a_picture_is_saved_without_its_run_where_that_cannot_be_written(digits, tmp_path):
    result = am.visualize(digits, "out", 3, max_iter=2, transforms=[lambda image, random: image])
    with pytest.warns(RuntimeWarning, match="saved without the run that made it. transforms: expected"):
        path = result.save(tmp_path / "x.png")
    with pytest.raises(ValueError, match="a PNG that holds the run"):
        am.RunFile.of_picture(path)


def test_what_has_no_name_is_refused_before_a_file_is_written(digits, tmp_path):
    result = am.visualize(digits, "out", 3, max_iter=2, transforms=[lambda image, random: image])
    before = made("by default").save(tmp_path / "run.json").read_bytes()
    with pytest.raises(ValueError, match="transforms: expected functions and classes that have a name"):
        result.save(tmp_path / "run.json")
    assert (tmp_path / "run.json").read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["run.json"]


def test_classes_that_are_not_there_may_be_given(digits, tmp_path):
    path = made("parts").save(tmp_path / "run.json")
    path.write_text(path.read_text().replace("tests.test_export:", "elsewhere:"))
    with pytest.raises(ValueError, match=r"halved of elsewhere is not.* own=\{'halved': halved\}"):
        am.RunFile.load(path)
    run = am.RunFile.load(path, own={"Fade": Fade, "wobble": wobble, "halved": halved})
    np.testing.assert_array_equal(am.visualize(digits, changes=run.changes, max_iter=20).image, made("parts").image)


def test_files_are_read_by_others(tmp_path):
    result = made("by default")
    with Image.open(result.save(tmp_path / "a.png")) as picture:
        assert picture.size == (532, 532)  # 19 times 28
        small = np.asarray(picture)[9::19, 9::19]
        assert json.loads(picture.text["actmax_widget run"])["iteration"] == 20
    np.testing.assert_array_equal(small, np.rint(np.clip(result.image[..., 0], 0, 255)))
    for ending in (".gif", ".webp"):
        with Image.open(result.save(tmp_path / f"a{ending}")) as film:
            assert film.n_frames > 10
            assert film.size == (224, 224)
    table = pd.read_csv(result.save(tmp_path / "a.csv"), index_col="iteration", dtype="float32")
    np.testing.assert_array_equal(table.to_numpy(), result.history.rows)
    assert [*table.columns] == [*result.history.columns, *result.history.measures]
    with (tmp_path / "a.csv").open(newline="") as file:
        assert next(csv.reader(file))[0] == "iteration"
    kept = am.Checkpoint.load(result.save(tmp_path / "a.actmax"))
    assert kept.is_of_same_moment(result.checkpoint)
    assert result.save(str(tmp_path / "A.PY")).read_text() == result.code()


def test_film_and_rows_for_others(tmp_path):
    result = made("by default")
    with av.open(result.save(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert (stream.codec_context.name, frames[0].shape) == ("h264", (224, 224, 3))
        assert 4 < container.duration / av.time_base < 6
    shown = result.film.images[-1, ..., 0].repeat(8, 0).repeat(8, 1)
    assert np.abs(frames[-1].mean(-1) - shown).mean() < 4
    table = pd.read_parquet(result.save(tmp_path / "a.parquet"))
    np.testing.assert_array_equal(table.to_numpy(), result.history.rows)
    assert table.index.name == "iteration"


@pytest.mark.parametrize(("ending", "module"), [(".mp4", "av"), (".parquet", "pyarrow")])
def test_what_is_not_installed_is_said(ending, module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=f"Saving {ending} needs {module}: pip install"):
        made("by default").save(tmp_path / f"a{ending}")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("path", ["picture", "picture.bmp", 3, None])
def test_a_bad_path_is_refused(path):
    with pytest.raises((ValueError, TypeError), match="path: expected"):
        made("by default").save(path)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no such folder"):
        made("by default").save(tmp_path / "nowhere" / "a.png")
    (tmp_path / "a.png").mkdir()
    with pytest.raises(IsADirectoryError):
        made("by default").save(tmp_path / "a.png")
    assert [one.name for one in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("ending", [".png", ".html", ".csv", ".json"])
def test_a_full_disk_is_told_and_leaves_what_was_there(ending, tmp_path):
    path = tmp_path / f"a{ending}"
    path.write_text("of before")
    # Where the system really has no room.
    path.with_name(f"{path.name}.{os.getpid()}.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="The disk is full: nothing was written") as told:
        made("by default").save(path)
    assert (told.value.errno, told.value.filename) == (errno.ENOSPC, str(path))
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "of before"


def test_where_nobody_may_write_is_told():
    with pytest.raises(OSError, match=r"It may not be written there: '/sys/kernel/a\.png'"):
        made("by default").save("/sys/kernel/a.png")


def test_a_cut_picture_is_told(tmp_path):
    path = made("by default").save(tmp_path / "a.png")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="path: expected a"):
        am.RunFile.of_picture(path)
    path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match="expected a whole PNG"):
        am.RunFile.of_picture(path)


def test_a_picture_of_many_is_saved_and_told_by_its_own_numbers(digits, tmp_path):
    many = am.visualize_many(digits, "out", 3, vary={"tv_weight": [0, 5]}, seed=1, max_iter=6)
    run = am.RunFile.of_picture(many[1].save(tmp_path / "one.png"))
    assert run.changes[0].settings.tv_weight == 5
    with pytest.raises(ValueError, match="no film"):
        many[1].save(tmp_path / "one.gif")


def test_the_figure_shows_film_and_losses():
    figure = made("by default").plot()
    *stills, curves = figure.axes
    assert len(stills) == 8
    assert {"activation", "total"} <= {line.get_label() for line in curves.lines}
    blank = am.visualize(small_cnn(), "conv2", 1, max_iter=1, seed=0)
    assert blank.plot().axes
    widget = am.ActMaxWidget(am.demo.digits())
    assert len(widget.plot().axes) == 2  # of the start, without a warning that there is nothing to name
    widget.close()


def test_a_description_is_read_back():
    values = [None, True, 3, 0.1, float("inf"), "a", (1, (2, "b")), {"a": (1, 2)}, np.arange(6.0).reshape(2, 3)]
    for value in values:
        tree = json.loads(json.dumps(written.described(value, "value")))
        found = written.read(tree, {})
        assert np.array_equal(found, value) if isinstance(value, np.ndarray) else found == value
    for part in (optimizers.Adam(0.1, beta_1=0.8), transforms.Crops(4), parametrizations.Fourier(decay=2).named("F")):
        tree = json.loads(json.dumps(written.described(part, "part")))
        found = written.read(tree, {})
        assert (type(found), found.name, found.numbers()) == (type(part), part.name, part.numbers())
    with pytest.raises(ValueError, match="value: expected what can be written"):
        written.described(object(), "value")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({0: {}}, "an integer from 1 to"),
        ({5: 3}, "settings by name"),
        ({5: {"layer": "conv1"}}, "settings that a run can go on with"),
        ({5: {"nothing": 1}}, "nothing"),
        ({5: {"Noise.nothing": 1}}, "Noise.nothing"),
        ({"a": {}}, "an integer from 1 to"),
        ({5: {"goal": 2}}, "goal"),
        ({5: {3: 2}}, "settings by name"),
        ({5: None, 9: None}, "once and as the last"),
        ({5: None, 9: {"tv_weight": 1}}, "once and as the last"),
        ({15: {"tv_weight": 1}}, "iterations up to 10, where the run ends"),
    ],
)
def test_bad_changes_are_refused(digits, changes, words):
    with pytest.raises((ValueError, TypeError), match=words):
        am.visualize(digits, "out", 3, max_iter=10, changes=changes)


def test_another_activation_is_another_model(digits):
    configured = [keras.layers.Dense(3, activation=one) for one in ("relu", "tanh")]
    prints = []
    for layer in configured:
        model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), layer])
        model.set_weights([np.ones(weight.shape) for weight in model.weights])
        prints.append(fingerprint(Network(model)))
    assert prints[0] != prints[1]


def test_from_a_shell(digits, tmp_path, capsys):
    digits.save(tmp_path / "model.keras")
    path = made("by default").save(tmp_path / "run.json")
    command = [sys.executable, "-m", "actmax_widget", "run", path, "--model", tmp_path / "model.keras"]
    done = subprocess.run([*command, "--out", tmp_path / "y.png"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "y.png").read_bytes() == made("by default").save(tmp_path / "x.png").read_bytes()
    assert main([*map(str, command[3:]), "--out", str(tmp_path / "y.bmp")]) == 2
    assert "expected a name that ends in one of" in capsys.readouterr().err


def test_the_kinds_are_told_in_the_help():
    for ending in saving.KINDS:
        assert f"``{ending}``" in am.ActMaxWidget.save.__doc__
        assert f"``{ending}``" in saving.save.__doc__


def test_tensors_of_a_shape_are_arrays_in_writing():
    assert written.read(written.described(tf.constant([1.0, 2.0]).numpy(), "value"), {}).tolist() == [1, 2]
