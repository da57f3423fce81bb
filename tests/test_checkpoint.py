"""Runs that can be kept: a checkpoint goes on as if nothing had been, and a steered run can be repeated."""

import contextlib
import dataclasses
import itertools
import os
import pickle
import subprocess
import sys
import textwrap
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import actmax_widget as am
from actmax_widget import losses, regularizers, transforms
from actmax_widget.callbacks import OptimizerCallback
from actmax_widget.checkpoint import Changes, Checkpoint
from actmax_widget.engine.batch import Batch
from actmax_widget.network import Network
from actmax_widget.network.fingerprint import fingerprint
from actmax_widget.settings import PARTS
from tests.networks import small_cnn
from tests.soaking import part

NOISE = transforms.Noise(0.2)


def visualize(model, *args, **options):
    return am.visualize(model, *args, **{"seed": 3, "preset": "keras-vis", "jitter": 0.1, **options})


def sent(value):
    """As another process would get it."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - our own


def equal(one, other):
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.history.values, other.history.values)


class EndsAt(OptimizerCallback):
    def __init__(self, iteration):
        self.iteration = iteration

    def callback(self, i, *_):
        if i + 1 == self.iteration:
            raise StopIteration


# --- going on


@pytest.mark.parametrize(
    "options",
    [
        {},
        {
            "parametrization": "Fourier",
            "optimizer": "Adam",
            "transforms": [transforms.Jitter(2), transforms.Noise(0.2)],
        },
        {"parametrization": "RingSpectrum", "optimizer": "Lion", "transforms": [transforms.Rotate(10)]},
        {"parametrization": "Phase", "optimizer": "SGD", "transforms": []},
    ],
    ids=["keras-vis", "Fourier", "RingSpectrum", "Phase"],
)
def test_it_goes_on_bit_for_bit(model, options):
    whole = am.visualize(model, "conv1", 2, seed=3, preset="keras-vis", max_iter=200, **options)
    half = am.visualize(model, "conv1", 2, seed=3, preset="keras-vis", max_iter=120, **options)
    assert len(half.history) == half.checkpoint.iteration == 120
    further = am.visualize(model, start=sent(half.checkpoint), max_iter=80)
    equal(further, whole)
    assert further.checkpoint.iteration == 200
    np.testing.assert_array_equal(further.checkpoint.arrays["measured"], whole.checkpoint.arrays["measured"])


ELSEWHERE = """
import sys, numpy as np, actmax_widget as am
result = am.visualize(am.demo.digits(), start=am.Checkpoint.load(sys.argv[1]), max_iter=80)
np.savez(sys.argv[2], image=result.image, values=result.history.values)
"""


@pytest.mark.soak  # test_from_a_shell in test_export.py makes the same bits in another process, too
def test_it_goes_on_in_another_process(tmp_path):
    model = am.demo.digits()
    whole = visualize(model, "out", 3, max_iter=200)
    visualize(model, "out", 3, max_iter=120).checkpoint.save(tmp_path / "half")
    command = [sys.executable, "-c", textwrap.dedent(ELSEWHERE), tmp_path / "half", tmp_path / "made.npz"]
    subprocess.run(command, check=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    with np.load(tmp_path / "made.npz") as made:
        np.testing.assert_array_equal(made["image"], whole.image)
        np.testing.assert_array_equal(made["values"], whole.history.values)


def test_what_falls_over_a_run_goes_on_where_it_was_interrupted(model):
    falls = {"preset": "natural", "max_iter": 50}
    whole = am.visualize(model, "conv1", 2, seed=3, **falls)
    stopped = am.visualize(model, "conv1", 2, seed=3, callbacks=[EndsAt(30)], **falls)
    assert (stopped.checkpoint.iteration, stopped.checkpoint.goal) == (30, 50)
    equal(am.visualize(model, start=stopped.checkpoint), whole)
    # One that has arrived holds the end of what falls.
    arrived = am.visualize(model, "conv1", 2, seed=3, preset="natural", max_iter=30)
    further = am.visualize(model, start=arrived.checkpoint, max_iter=20)
    assert further.checkpoint.goal == 30
    assert not np.array_equal(further.history.values, whole.history.values)


def test_without_max_iter_it_makes_as_many_again(model):
    first = visualize(model, "conv1", 2, max_iter=5)
    assert len(visualize(model, start=first.checkpoint, seed=None).history) == 10


def test_other_numbers_may_go_on_from_it(model):
    first = visualize(model, "conv1", 2, max_iter=5)
    plain = am.visualize(model, start=first.checkpoint, max_iter=5)
    other = am.visualize(model, start=first.checkpoint, max_iter=5, tv_weight=100.0)
    np.testing.assert_array_equal(other.history.values[:5], plain.history.values[:5])
    assert not np.array_equal(other.image, plain.image)
    assert (other.checkpoint.changes[1].iteration, other.checkpoint.changes[1].changed) == (5, {"tv_weight": 100.0})


def test_an_objective_is_kept_with_its_layers_by_name(model):
    layer = model.get_layer("conv1")
    objective = losses.ActivationMaximization(layer, 1) + 0.5 * losses.Neuron(layer, 2) + regularizers.LPNorm()
    parts = {"transforms": [], "seed": 1, "parametrization": "Fourier"}
    whole = am.visualize(model, objective, max_iter=9, **parts)
    half = am.visualize(model, objective, max_iter=4, callbacks=[EndsAt(4)], **parts)
    assert len(pickle.dumps(half.checkpoint)) < 100_000  # no model in it
    equal(am.visualize(model, start=sent(half.checkpoint), max_iter=5), whole)


# --- in the widget


@pytest.fixture
def widget(model):
    made = am.ActMaxWidget(model, "conv1", filter_indices=2, preset="keras-vis", seed=5, max_iter=40)
    yield made
    made.close()


def test_a_widget_goes_back_and_on(widget):
    widget.step(6)
    kept = widget.checkpoint()
    widget.step(4)
    image, values = widget.image, widget.history.values
    widget.tv_weight = 77.0
    widget.step(3)
    widget.restore(sent(kept))
    assert (widget.iteration, widget.status, widget.tv_weight) == (6, "paused", 10.0)
    widget.step(4)
    np.testing.assert_array_equal(widget.image, image)
    np.testing.assert_array_equal(widget.history.values, values)


def test_a_widgets_picture_goes_on_in_a_function_and_back(widget, model):
    widget.step(6)
    further = am.visualize(model, start=widget.checkpoint(), max_iter=4)
    widget.step(4)
    np.testing.assert_array_equal(widget.image, further.image)
    widget.reset()
    widget.restore(further.checkpoint)
    np.testing.assert_array_equal(widget.image, further.image)
    assert widget.iteration == 10


def test_a_steered_run_is_repeated(widget, model):
    widget.jitter = 0.2
    widget.step(3)
    for value in (1.0, 2.0, 3.0):  # dragged
        widget.tv_weight = value
    widget.step(4)
    widget.start()
    widget.pause()
    widget.wait()
    widget.learning_rate = 0.5
    widget.start()
    assert widget.wait(60)
    widget.transforms = [transforms.Rotate(20), transforms.Noise(0.3, 0.1)]
    widget.knobs["Rotate.degrees"] = 5
    widget.step(2)
    widget.optimizer = "Adam"
    widget.grad_modifier = "negate"
    widget.max_iter = 50
    widget.start()
    assert widget.wait(60)
    again = am.visualize(model, changes=sent(widget.changes), max_iter=widget.iteration)
    np.testing.assert_array_equal(again.image, widget.image)
    np.testing.assert_array_equal(again.history.values, widget.history.values)
    assert [one.iteration for one in widget.changes][:2] == [0, 3]
    assert widget.changes[1].changed == {"tv_weight": 3.0}
    assert "iteration 3: tv_weight 3.0" in repr(widget.changes)
    # A checkpoint has them, too, and what goes on from it adds its own.
    further = am.visualize(model, start=widget.checkpoint(), max_iter=2, tv_weight=9.0)
    equal(am.visualize(model, changes=further.checkpoint.changes, max_iter=len(further.history)), further)


def test_a_run_with_a_drawn_random_state_is_repeated(widget, model):
    widget.seed = None
    widget.jitter = 0.2
    widget.reset()
    widget.step(5)
    again = am.visualize(model, changes=widget.changes, max_iter=5)
    np.testing.assert_array_equal(again.image, widget.image)


def test_a_run_that_went_on_after_a_loss_that_was_not_finite_is_repeated(model):
    widget = am.ActMaxWidget(model, "conv1", filter_indices=2, preset="keras-vis", seed=5, max_iter=9, clip=False)
    widget.step(2)
    widget.learning_rate = 1e30
    widget.start()
    assert widget.wait(60)
    assert widget.status == "failed"
    widget.learning_rate = 1.0
    widget.step(3)
    assert widget.status == "paused"
    with pytest.warns(RuntimeWarning) if not np.isfinite(widget.history["total"][-1]) else contextlib.nullcontext():
        again = am.visualize(model, changes=widget.changes, max_iter=widget.iteration)
    assert not np.isfinite(widget.history["total"]).all()
    equal(again, widget)
    widget.close()


def test_nothing_made_nothing_changed(widget):
    assert not widget.changes
    assert repr(widget.changes) == "no changes"
    kept = widget.checkpoint()
    widget.step(2)
    image = widget.image
    widget.restore(kept)
    assert widget.iteration == 0
    widget.step(2)
    np.testing.assert_array_equal(widget.image, image)
    assert len(widget.changes) == 1


# --- refused


@pytest.fixture(scope="module")
def kept(model):
    return visualize(model, "conv1", 2, max_iter=3).checkpoint


def test_another_model_is_refused(kept, widget):
    other = small_cnn()
    other.get_layer("out").set_weights([weight + 1 for weight in other.get_layer("out").get_weights()])
    with pytest.raises(ValueError, match="checkpoint: expected one of this model"):
        am.visualize(other, start=kept)
    with pytest.raises(ValueError, match="checkpoint: expected one of this model"):
        am.ActMaxWidget(other, "conv1").restore(kept)


def test_weights_make_another_model(model):
    network = Network(model)
    before = fingerprint(network)
    layer = model.get_layer("conv1")
    weights = layer.get_weights()
    layer.set_weights([weights[0] + 1e-3, *weights[1:]])
    changed = fingerprint(network)
    layer.set_weights(weights)
    assert changed != before == fingerprint(network)


@pytest.mark.parametrize(
    ("arguments", "options", "named"),
    [
        (("conv1", 1), {}, "filter_indices: expected that of the checkpoint"),
        (("out",), {}, "layer: expected that of the checkpoint"),
        ((losses.ActivationMaximization("conv1", 2),), {}, "objective: expected that of the checkpoint"),
        ((), {"parametrization": "Fourier"}, "parametrization: expected that of the checkpoint"),
        ((), {"seed": 4}, "seed: expected that of the checkpoint, 3"),
    ],
)
def test_what_it_began_with_cannot_be_another(model, kept, arguments, options, named):
    with pytest.raises(ValueError, match=named):
        am.visualize(model, *arguments, start=kept, **options)


def test_the_same_target_may_be_said_again(model, kept):
    assert len(am.visualize(model, "conv1", 2, start=kept, max_iter=1).history) == 4
    objective = losses.ActivationMaximization("conv1", 2) + 0.1 * losses.Direction("conv1", np.ones(6, "float32"))
    first = am.visualize(model, objective, seed=1, max_iter=2).checkpoint
    same = losses.ActivationMaximization("conv1", 2) + 0.1 * losses.Direction("conv1", np.ones(6, "float32"))
    assert len(am.visualize(model, same, start=first, max_iter=1).history) == 3
    other = losses.ActivationMaximization("conv1", 2) + 0.1 * losses.Direction("conv1", -np.ones(6, "float32"))
    with pytest.raises(ValueError, match="objective"):
        am.visualize(model, other, start=first, max_iter=1)


def changed(kept, name, value):
    return dataclasses.replace(kept, arrays={**kept.arrays, name: value})


@pytest.mark.parametrize(
    ("damaged", "why"),
    [
        (lambda one: dataclasses.replace(one, format=0), "one of format 1, received 'one of format 0'"),
        (lambda one: dataclasses.replace(one, iteration=9), "9 rows"),
        (lambda one: changed(one, "measured", one.arrays["measured"][:, :5]), "measured of shape"),
        (lambda one: changed(one, "measured", one.arrays["measured"].astype("float64")), "type float32"),
        (lambda one: changed(one, "measured", one.arrays["measured"] * np.nan), "NaN or infinite ones in measured"),
        (lambda one: changed(one, "more", one.arrays["measured"]), "arrays"),
    ],
)
def test_a_damaged_one_is_refused_and_nothing_changes(model, widget, kept, damaged, why):
    widget.step(2)
    image = widget.image
    with pytest.raises(ValueError, match=why):
        am.visualize(model, start=damaged(kept))
    with pytest.raises(ValueError, match=why):
        widget.restore(damaged(kept))
    np.testing.assert_array_equal(widget.image, image)
    assert widget.iteration == 2


def test_what_is_none(widget, model, kept):
    with pytest.raises(TypeError, match="checkpoint: expected a checkpoint, received 3"):
        widget.restore(3)
    with pytest.raises(TypeError, match="changes: expected the changes of a run"):
        am.visualize(model, changes=[1])
    with pytest.raises(ValueError, match="from its beginning"):
        am.visualize(model, changes=Changes())
    with pytest.raises(ValueError, match="tv_weight: expected None where there are changes"):
        am.visualize(model, changes=kept.changes, tv_weight=3)
    with pytest.raises(TypeError, match="target: expected what is to be maximised"):
        am.visualize(model)


# --- files


def test_a_file_is_read_as_it_was_written(tmp_path, kept):
    kept.save(tmp_path / "one")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    read = Checkpoint.load(tmp_path / "one")
    np.testing.assert_array_equal(read.arrays["measured"], kept.arrays["measured"])
    assert (read.seed, read.iteration, read.goal, repr(read.changes)) == (3, 3, 3, repr(kept.changes))


def test_a_file_cut_in_half_is_refused(tmp_path, kept):
    path = tmp_path / "one"
    kept.save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"checkpoint: expected a whole file of Checkpoint\.save"):
        Checkpoint.load(path)
    path.write_bytes(pickle.dumps("text"))
    with pytest.raises(ValueError, match=r"expected a file of Checkpoint\.save\(\), received 'str'"):
        Checkpoint.load(path)
    with pytest.raises(FileNotFoundError):
        Checkpoint.load(tmp_path / "none")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="No process can be copied here.")
def test_who_dies_while_writing_leaves_the_old_file(tmp_path, kept):
    kept.save(tmp_path / "one")
    before = (tmp_path / "one").read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of other threads, which do not come along
        copy = os.fork()
    if not copy:
        try:
            os.fsync = lambda file: os._exit(9)
            kept.save(tmp_path / "one")
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]) == 9
    assert (tmp_path / "one").read_bytes() == before


def test_what_cannot_be_pickled_is_said(tmp_path, model):
    kept = visualize(model, "conv1", 2, max_iter=1, grad_modifier=lambda grads: grads).checkpoint
    with pytest.raises(ValueError, match=r"checkpoint: expected settings that can be pickled.*by def and class"):
        kept.save(tmp_path / "one")
    assert not [*tmp_path.iterdir()]
    assert len(am.visualize(model, start=kept, max_iter=1).history) == 2


# --- between parts


OBJECTIVE = losses.ActivationMaximization("conv1", 2) + 2 * regularizers.TotalVariation()


MADE, TAKES = ("fourier", "keras-vis", "phase", "objective"), ("phase", "natural", "keras-vis", "objective")


@pytest.mark.parametrize(
    ("preset", "other"),
    part(itertools.product(MADE, TAKES), lambda preset, other: (MADE.index(preset) + TAKES.index(other)) % 2 == 0),
)
def test_a_widget_of_any_parts_takes_a_checkpoint_of_any_others(model, preset, other):
    made = (
        am.visualize(model, OBJECTIVE, seed=1, max_iter=3)
        if preset == "objective"
        else am.visualize(model, "conv1", 2, seed=1, preset=preset, max_iter=3)
    )
    options = {"objective": OBJECTIVE} if other == "objective" else {"preset": other}
    widget = am.ActMaxWidget(model, **({} if other == "objective" else {"layer": "out"}), **options)
    widget.step(2)
    widget.restore(made.checkpoint)
    np.testing.assert_array_equal(widget.image, made.image)
    settings = widget._run.settings
    assert {name: getattr(widget, name) for name in PARTS} == {name: getattr(settings, name) for name in PARTS}
    assert dict(widget.knobs) == settings.values()
    widget.step(2)
    further = am.visualize(model, start=made.checkpoint, max_iter=2)
    np.testing.assert_array_equal(widget.image, further.image)
    widget.close()


def test_a_widget_rewinds_over_a_change_of_its_parts(model):
    widget = am.ActMaxWidget(model, "conv1", filter_indices=3, transforms=[], max_iter=40)
    widget.step(20)
    widget.transforms = [transforms.Jitter(2)]
    widget.step(20)
    assert widget.rewind(10) == 10
    assert widget.transforms == ()
    assert widget.iteration == 10
    widget.close()


def test_the_gradients_way_through_relus_is_kept(model):
    options = {"preset": "fourier", "seed": 0, "backprop_modifier": "guided"}
    whole = am.visualize(model, "out", 3, max_iter=12, **options)
    half = am.visualize(model, "out", 3, max_iter=8, **options)
    equal(am.visualize(model, start=sent(half.checkpoint), max_iter=4), whole)


def test_other_held_inputs_make_another_model():
    first, second = keras.Input((8, 8, 1), name="picture"), keras.Input((4,), name="side")
    flat = keras.layers.Concatenate()([keras.layers.Flatten()(first), second])
    model = keras.Model([first, second], keras.layers.Dense(3, name="out")(flat))
    ones = {"side": np.ones((1, 4), "float32")}
    kept = visualize(model, "out", 1, held_inputs=ones, max_iter=2).checkpoint
    assert len(am.visualize(model, start=kept, held_inputs=ones, max_iter=1).history) == 3
    with pytest.raises(ValueError, match="of another model"):
        am.visualize(model, start=kept, held_inputs={"side": 50 * ones["side"]})


def test_a_run_that_went_on_is_repeated_whole(model):
    first = visualize(model, "conv1", 2, max_iter=4)
    for options in ({}, {"tv_weight": 3.0}):
        further = am.visualize(model, start=first.checkpoint, max_iter=6, **options)
        equal(am.visualize(model, changes=further.checkpoint.changes), further)


def test_another_layer_alone_is_what_is_refused(model, kept):
    with pytest.raises(ValueError, match="layer: expected that of the checkpoint"):
        am.visualize(model, "out", start=kept)
    assert len(am.visualize(model, "conv1", start=kept, max_iter=1).history) == 4
    with pytest.raises(ValueError, match="preset: expected one of the parts of the checkpoint, received 'natural'"):
        am.visualize(model, start=kept, preset="natural")


def test_everybody_may_read_a_file_who_may_read_others(tmp_path, kept):
    kept.save(tmp_path / "one")
    (tmp_path / "other").write_bytes(b"")
    assert (tmp_path / "one").stat().st_mode == (tmp_path / "other").stat().st_mode
    with pytest.raises(FileNotFoundError):
        kept.save(tmp_path / "none" / "one")


# --- runs that came to a loss that is not finite


class Falls(layers.Layer):
    """The mean of a picture, which the gradient raises; of bright ones NaN, and the highest of those of 140."""

    def __init__(self, limit=160.0, wrong=np.nan, **options):
        super().__init__(**options)
        self.limit, self.wrong = limit, wrong

    def call(self, inputs):
        mean = tf.reduce_mean(inputs, axis=[1, 2, 3])
        value = mean + tf.stop_gradient(-tf.abs(mean - 140) - mean)
        return (value + tf.stop_gradient(tf.where(mean > self.limit, self.wrong, 0.0)))[:, None]


def falling(*arguments):
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, Falls(*arguments, name="out")(inputs))


PLAIN = {"preset": "keras-vis", "class_loss": "activation", "lp_norm_weight": 0, "tv_weight": 0, "seed": 1}
WARNS = pytest.mark.filterwarnings("ignore:The total loss")


@WARNS
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_the_best_of_a_run_that_failed_is_the_picture_of_its_iteration(wrong):
    model = falling(160.0, wrong)
    made = am.visualize(model, "out", 0, max_iter=500, learning_rate=0.5, **PLAIN)
    totals = made.history["total"]
    assert 10 < len(made.history) < 500
    assert not np.isfinite(totals[-1])
    assert made.film.best == int(totals[:-1].argmin()) + 1 < len(made.history) - 1
    assert made.film[made.film.best].mean() == pytest.approx(140, abs=2)
    for one in made.film.checkpoints:
        one.check()
        further = am.visualize(model, start=sent(one), max_iter=1)
        assert len(further.history) == one.iteration + 1


@WARNS
def test_back_to_the_iteration_that_failed_and_on():
    widget = am.ActMaxWidget(falling(), filter_indices=0, max_iter=40, **PLAIN)
    widget.start()
    assert widget.wait(60)
    assert widget.status == "failed"
    failed = widget.iteration
    widget.act_max_weight = -1.0
    widget.start()
    assert widget.wait(60)
    assert widget.rewind(failed) == failed  # with the settings of then
    widget.start()
    assert widget.wait(60)
    assert widget.status == "failed"
    assert widget.iteration > failed
    widget.close()


@WARNS
def test_a_run_that_failed_and_went_on_is_repeated_whole():
    """Nothing was set: Run was pressed again, from the last good picture."""
    model = falling(155.0)
    widget = am.ActMaxWidget(model, filter_indices=0, max_iter=30, learning_rate=1.0, **PLAIN)
    widget.start()
    assert widget.wait(60)
    first = widget.iteration
    widget.start()
    assert widget.wait(60)
    assert widget.status == "failed"
    assert widget.iteration > first + 1
    again = am.visualize(model, changes=widget.changes)
    np.testing.assert_array_equal(again.history.values, widget.history.values)
    np.testing.assert_array_equal(again.image, widget.image)
    widget.close()


def test_a_change_that_is_yet_to_come_hides_no_failure():
    with pytest.raises(FloatingPointError, match="iteration 1 is nan"):
        am.visualize(falling(10.0), "out", 0, max_iter=50, changes={30: {"tv_weight": 1}}, **PLAIN)
    with pytest.warns(RuntimeWarning, match="The total loss of iteration"):
        made = am.visualize(falling(), "out", 0, max_iter=500, changes={400: {"tv_weight": 1}}, **PLAIN)
    assert len(made.history) < 400


# --- faults


def without(checkpoint, name, value):
    other = sent(checkpoint)
    if value is None:
        del vars(other)[name]
    else:
        vars(other)[name] = value
    return other


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (one.name, value)
        for one in dataclasses.fields(am.Checkpoint)
        for value in (None, -5, "x", True)
        if (one.name, value) not in {("format", True), ("model", "x")}  # of which one is right, the other of another
    ],
)
def test_what_lacks_a_part_is_told_in_a_sentence(kept, model, name, value, tmp_path):
    other = without(kept, name, value)
    (tmp_path / "bad.actmax").write_bytes(pickle.dumps(other))
    with pytest.raises(ValueError, match="checkpoint: expected"):
        am.Checkpoint.load(tmp_path / "bad.actmax")
    with pytest.raises(ValueError, match="checkpoint: expected"):
        am.visualize(model, start=other)


@pytest.mark.parametrize(
    ("name", "value"),
    [("sound", np.array([False])), ("best_loss", np.array([np.nan], "float32")), ("measured", [1.0]), ("best", None)],
)
def test_arrays_that_nothing_goes_on_from(kept, model, name, value):
    other = without(kept, "arrays", {**kept.arrays, name: value})
    with pytest.raises(ValueError, match="checkpoint: expected"):
        am.visualize(model, start=other)


def test_a_path_that_is_none():
    with pytest.raises(TypeError, match="path: expected the path of a file"):
        am.Checkpoint.load(None)


def test_a_ctrl_c_between_rows_and_state_leaves_both_of_one_moment(model, monkeypatch):
    take, calls = Batch.take, []

    def interrupted(self, state, steps):
        calls.append(state)
        if len(calls) == 3:
            self.add_rows(np.concatenate([steps.losses, steps.measured], -1))
            raise KeyboardInterrupt
        take(self, state, steps)

    with monkeypatch.context() as patch:
        patch.setattr(Batch, "take", interrupted)
        with pytest.warns(RuntimeWarning, match="Interrupted"):
            made = am.visualize(model, "conv1", 2, seed=3, preset="keras-vis", max_iter=400)
    assert 0 < made.checkpoint.iteration < 400
    further = am.visualize(model, start=made.checkpoint)
    whole = am.visualize(model, "conv1", 2, seed=3, preset="keras-vis", max_iter=400)
    np.testing.assert_array_equal(further.image, whole.image)


# --- what was set in the course of a run


def test_another_kind_of_optimizer_that_was_set_in_a_pause_is_kept(model):
    widget = am.ActMaxWidget(model, "conv1", filter_indices=2, preset="natural", max_iter=40, seed=3)
    widget.step(20)
    widget.optimizer = am.optimizers.RMSProp(0.1)
    kept = widget.checkpoint()
    further = am.visualize(model, start=kept)
    widget.step(20)
    np.testing.assert_array_equal(further.image, widget.image)
    widget.rewind(20)
    widget.branch(10)
    widget.open_branch("main")
    assert widget.iteration == 20
    widget.close()


def test_a_goal_that_is_lowered_below_what_is_made_ends_the_run_there(model):
    widget = am.ActMaxWidget(model, "conv1", filter_indices=2, preset="keras-vis", max_iter=400, seed=3)
    widget.step(60)
    widget.start()
    widget.max_iter = 5
    assert widget.wait(60)
    assert widget.status == "finished"
    again = am.visualize(model, changes=widget.changes)
    assert len(again.history) == widget.iteration
    np.testing.assert_array_equal(again.image, widget.image)
    widget.close()


def test_a_repetition_comes_as_far_as_the_run_had(model):
    widget = am.ActMaxWidget(model, "conv1", filter_indices=2, preset="keras-vis", max_iter=30, seed=3)
    widget.start()
    widget.wait(60)
    widget.step(10)  # beyond its goal
    again = am.visualize(model, changes=widget.changes)
    np.testing.assert_array_equal(again.image, widget.image)
    further = am.visualize(model, start=again.checkpoint, changes={50: {"tv_weight": 9}, 60: None})
    repeated = am.visualize(model, changes=further.checkpoint.changes)
    assert len(repeated.history) == 60
    np.testing.assert_array_equal(repeated.image, further.image)
    assert len(am.visualize(model, changes=further.checkpoint.changes, max_iter=70).history) == 70
    widget.close()


@pytest.mark.parametrize("changes", [{10**12: None}, {5: {"goal": 10**12}}, {10**12: {"tv_weight": 1}}])
def test_more_iterations_than_can_be_counted(model, changes):
    with pytest.raises(ValueError, match=r"expected an integer from \d+ to 1000000000"):
        am.visualize(model, "conv1", 2, changes=changes)
