import itertools
import signal
import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

import actmax_widget as am
from actmax_widget.callbacks import OptimizerCallback, Print
from actmax_widget.engine import batch as batch_module
from actmax_widget.engine.step import Step
from actmax_widget.input_modifiers import InputModifier, Jitter
from actmax_widget.live.run import Run
from actmax_widget.network import Network
from actmax_widget.settings import Settings
from tests.networks import partly_exploding, small_cnn, small_sequential

FEW = 8
"""Iterations over which batches and single pictures agree: float noise grows with each."""


@pytest.fixture(scope="module")
def model():
    return small_cnn(3)


def pictures(model, layer="out", filters=None, **options):
    return am.visualize_layer(model, layer, filters, **{"max_iter": FEW, "seed": 0, "progress": False} | options)


class Recorder(OptimizerCallback):
    """What a picture's callbacks are told."""

    def __init__(self):
        self.calls, self.ends = [], 0

    def callback(self, *call):
        self.calls.append(call)

    def on_end(self):
        self.ends += 1

    @property
    def values(self):
        """As in a history."""
        return np.array([[*(value for _, value in named), total] for _, named, total, _, _ in self.calls])


def alone(model, layer, filters, **options):
    """The same pictures, each by a call of its own; and their losses."""
    made, rows = [], []
    for index in filters:
        recorder = Recorder()
        options = {"max_iter": FEW, "seed": 0} | options
        made.append(am.visualize_activation(model, layer, index, callbacks=[recorder], **options))
        rows.append(recorder.values)
    return np.stack(made), rows


def assert_made_as_alone(model, layer="out", filters=range(3), batch_size=None, **options):
    images, histories = pictures(model, layer, list(filters), batch_size=batch_size, **options)
    wanted, rows = alone(model, layer, filters, **options)
    assert images.shape == wanted.shape
    assert images.dtype == wanted.dtype
    np.testing.assert_allclose(images, wanted, atol=0.02)
    for history, values in zip(histories, rows, strict=True):
        np.testing.assert_allclose(history.values, values, rtol=1e-3, atol=1e-3)
    return images


# --- each picture as if it was made alone ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"layer": "conv1", "filters": [1, 0]},
        {"layer": "conv2", "filters": [7, 1]},
        {"layer": -1},
        {"learning_rate": 5.0, "tv_weight": 0.1, "lp_norm_weight": 1, "act_max_weight": 30},
        {"lp_norm_weight": 0, "tv_weight": None},
        {"grad_modifier": "negate"},
        {"layer": "conv2", "backprop_modifier": "guided"},
        {"input_modifiers": [Jitter(2)], "seed": 3},
        {"input_modifiers": [Jitter(2), Jitter(0.2)]},
        {"input_range": (0, 1)},
        {"max_iter": 1},
    ],
    ids=",".join,
)
def test_a_picture_is_what_a_call_of_its_own_makes(model, options):
    assert_made_as_alone(model, clip=True, **options)


@pytest.mark.parametrize("start", [None, 90.0])
@pytest.mark.parametrize("input_range", [(0, 255), (0.0, 255.0), (0, 1), (-1.0, 1.0), (255, 0)])
@pytest.mark.parametrize("clip", [False, True])
def test_shape_type_and_scale_are_those_of_a_single_picture(model, start, input_range, clip):
    seed_input = None if start is None else np.random.default_rng(0).normal(start, 5, (12, 12, 3))
    options = {"seed_input": seed_input, "input_range": input_range, "clip": clip, "max_iter": 2, "tv_weight": 0.1}
    images = pictures(model, filters=[1, 4], **options).images
    wanted, _ = alone(model, "out", [1, 4], **options)
    assert images.dtype == wanted.dtype
    difference = np.abs(images.astype(float) - wanted)
    assert difference.max() <= (1 if images.dtype == np.uint8 else 1e-3)


@pytest.mark.parametrize("layer", ["out", "conv2"])
def test_batch_mates_make_no_difference_bit_for_bit(model, layer):
    one, other = (pictures(model, layer, filters, max_iter=60) for filters in ([0, 1, 2, 3], [0, 4, 2, 2]))
    for position in (0, 2):
        np.testing.assert_array_equal(one.images[position], other.images[position])
        np.testing.assert_array_equal(one.histories[position].values, other.histories[position].values)
    assert (one.images[1] != other.images[1]).any()


@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_the_size_of_a_batch_makes_no_difference(model, batch_size):
    whole, parts = pictures(model, clip=True), pictures(model, clip=True, batch_size=batch_size)
    np.testing.assert_allclose(parts.images, whole.images, atol=0.02)
    for one, other in zip(parts.histories, whole.histories, strict=True):
        np.testing.assert_allclose(one.values, other.values, rtol=1e-3, atol=1e-3)


def test_as_many_at_once_as_fit(model, monkeypatch):
    made, run = [], Step.run
    monkeypatch.setattr(
        Step, "run", lambda self, state, *rest: made.append(len(state.measured)) or run(self, state, *rest)
    )
    pictures(model, max_iter=1)
    monkeypatch.setattr(batch_module, "LARGEST_BATCH", 2)
    pictures(model, max_iter=1)
    assert made == [5, 2, 2, 1]


def test_the_bundled_network():
    images, histories = am.visualize_layer(am.demo.digits(), "out", seed=0, max_iter=3, progress=False)
    assert images.shape == (10, 28, 28, 1)
    assert images.dtype == np.uint8
    assert [len(history) for history in histories] == [3] * 10
    assert am.utils.stitch_images(images).ndim == 3


# --- filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (None, range(5)),
        (3, [3]),
        ([4, 0], [4, 0]),
        (-1, [4]),
        ([2, 2], [2, 2]),
        (range(2), [0, 1]),
        (np.array([1]), [1]),
    ],
)
def test_filters_of_any_kind(model, filters, wanted):
    options = {"clip": True, "lp_norm_weight": 0, "tv_weight": 0}
    everything = pictures(model, **options)
    images, histories = pictures(model, filters=filters, **options)
    np.testing.assert_allclose(images, everything.images[list(wanted)], atol=0.02)
    assert len(images) == len(histories) == len(wanted)
    assert np.abs(images[0] - everything.images[wanted[0] - 1]).max() > 0.5  # no other filter's


# --- where they start ------------------------------------------------------------------------------------------------


def starts(model, filters=range(3), **options):
    """The starting pictures: what the network sees in the first iteration."""
    return pictures(model, filters=filters, clip=True, **{"max_iter": 1} | options).images


def test_a_seed_is_the_noise_of_every_picture(model):
    images = starts(model, seed=4)
    for image in images:
        np.testing.assert_array_equal(image, am.visualize_activation(model, 1, 0, seed=4, clip=True, max_iter=1))


@pytest.mark.parametrize("batch_size", [None, 2])
def test_without_a_seed_each_picture_has_its_own_noise_from_numpys_random_state(model, batch_size):
    np.random.seed(7)
    first = starts(model, seed=None, batch_size=batch_size)
    second = starts(model, seed=None, batch_size=batch_size)
    np.random.seed(7)
    again = starts(model, seed=None, batch_size=batch_size)
    np.testing.assert_array_equal(again, first)
    for one, other in itertools.combinations([*first, *second], 2):
        assert (one != other).any()


def test_without_a_seed_the_jitter_differs_too(model):
    np.random.seed(7)
    options = {"seed": None, "seed_input": np.random.uniform(0, 255, (12, 12, 3)), "input_modifiers": [Jitter(5)]}
    first, second = (starts(model, **options) for _ in range(2))
    assert (first != second).any()


@pytest.mark.parametrize("shape", [(12, 12, 3), (1, 12, 12, 3)])
def test_one_starting_picture_for_all(model, shape):
    start = np.random.default_rng(0).uniform(0, 255, shape).astype("float32")
    for image in starts(model, seed_input=start):
        np.testing.assert_array_equal(image, start.reshape(12, 12, 3))


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_a_starting_picture_for_each(model, batch_size):
    start = np.random.default_rng(0).uniform(0, 255, (3, 12, 12, 3)).astype("float32")
    np.testing.assert_array_equal(starts(model, seed_input=start, batch_size=batch_size), start)


# --- what is told on the way -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [None, 2])
def test_each_picture_has_its_own_callbacks(model, batch_size):
    recorders = {}
    images, histories = pictures(
        model,
        filters=[4, 0, 3],
        clip=True,
        batch_size=batch_size,
        callbacks=lambda index: [recorders.setdefault(index, Recorder())],
    )
    assert list(recorders) == [4, 0, 3]
    for recorder, image, history in zip(recorders.values(), images, histories, strict=True):
        assert [call[0] for call in recorder.calls] == list(range(FEW))
        assert recorder.ends == 1
        np.testing.assert_array_equal(recorder.values, history.values)
        assert [name for name, _ in recorder.calls[0][1]] == list(history.names)
        for *_, grads, wrt_value in recorder.calls:
            assert grads.shape == wrt_value.shape == (1, 12, 12, 3)
            assert np.linalg.norm(grads) == pytest.approx(1, rel=1e-4)  # its own, not the batch's
        np.testing.assert_array_equal(recorder.calls[-1][-1][0], image)


def test_callbacks_change_nothing(model):
    with_them, without = pictures(model, callbacks=lambda _: [Recorder()]), pictures(model)
    np.testing.assert_array_equal(with_them.images, without.images)


def test_some_pictures_may_have_none(model, capsys):
    pictures(model, filters=[0, 1, 2], callbacks=lambda index: [Print()] if index == 1 else [], max_iter=2)
    assert capsys.readouterr().out.count("Iteration: ") == 2


def test_verbose_names_the_filter(model, capsys):
    _, (history, _) = pictures(model, filters=[3, 1], verbose=True, max_iter=2)
    lines = [line for line in capsys.readouterr().out.splitlines() if "Iteration: " in line]
    assert [line.split(",")[0] for line in lines] == [f"Filter {k}: Iteration: {i}" for i in (1, 2) for k in (3, 1)]
    with np.printoptions(legacy="1.25"):
        assert f"('ActivationMax Loss', {history['ActivationMax Loss'][0]!r})" in lines[0]


def test_it_is_silent_by_default(model, capsys):
    pictures(model, filters=[0, 1])
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("progress", [True, None])
@pytest.mark.parametrize("callbacks", [None, lambda _: [Recorder()]])
def test_a_progress_bar_counts_the_steps_of_all_pictures(model, capsys, progress, callbacks):
    pictures(model, filters=[0, 1, 2], max_iter=5, batch_size=2, progress=progress, callbacks=callbacks)
    assert "15/15" in capsys.readouterr().err


def test_without_tqdm_there_is_no_bar_unless_it_is_asked_for(model, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    pictures(model, filters=[0], progress=None)
    assert capsys.readouterr().err == ""
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match="pip install tqdm"):
        pictures(model, filters=[0], progress=True)


# --- what a user wrote -----------------------------------------------------------------------------------------------


def test_a_function_of_the_gradient_sees_one_picture_at_a_time(model):
    seen = []

    def negated_and_scaled(grads):
        seen.append(grads.shape)
        return -grads / np.abs(grads).max()

    assert_made_as_alone(model, grad_modifier=negated_and_scaled, clip=True)
    assert set(seen) == {(1, 12, 12, 3)}
    assert len(seen) == 2 * 3 * FEW


def test_an_input_modifier_sees_one_picture_at_a_time(model):
    class Centred(InputModifier):
        """Takes what it sees to the middle."""

        def __init__(self):
            self.seen = []

        def pre(self, inp):
            self.seen.append(inp.shape)
            return inp - inp.mean() + 128

        def post(self, inp):
            return inp - inp.min()

    centred = Centred()
    start = np.random.default_rng(0).uniform(0, 255, (3, 12, 12, 3)) * np.reshape([0.2, 0.6, 1], (3, 1, 1, 1))
    images, _ = pictures(model, filters=[0, 1, 2], seed_input=start, input_modifiers=[centred, Jitter(2)], clip=True)
    assert set(centred.seen) == {(1, 12, 12, 3)}
    for index, image in enumerate(images):
        options = {"input_modifiers": [Centred(), Jitter(2)], "clip": True, "seed": 0, "max_iter": FEW}
        wanted = am.visualize_activation(model, "out", index, seed_input=start[index], **options)
        np.testing.assert_allclose(image, wanted, atol=0.02)


def test_a_backprop_modifier_of_the_user(model):
    def without_biases(model):
        other = keras.models.clone_model(model)
        other.set_weights([weight * (weight.ndim > 1) for weight in model.get_weights()])
        return other

    assert_made_as_alone(model, backprop_modifier=without_biases, clip=True)


def test_the_gradient_by_an_inner_tensor_is_looked_at_not_followed(model):
    recorders = [Recorder(), Recorder()]
    options = {"wrt_tensor": model.get_layer("conv2").output, "clip": True}
    images, _ = pictures(model, filters=[0, 1], callbacks=lambda index: [recorders[index]], **options)
    kernel = model.get_layer("out").kernel.numpy()
    for index, recorder in enumerate(recorders):
        *_, grads, wrt_value = recorder.calls[-1]
        assert grads.shape == wrt_value.shape == (1, 3, 3, 8)
        wanted = -kernel[:, index] / np.linalg.norm(kernel[:, index])
        np.testing.assert_allclose(grads.ravel(), wanted, atol=1e-5)
        np.testing.assert_array_equal(images[index], starts(model)[index])


# --- models and inputs -----------------------------------------------------------------------------------------------


def test_other_models():
    inner = small_cnn()
    nested = keras.Sequential([keras.Input((12, 12, 1)), inner], name="nested")
    assert_made_as_alone(small_sequential(), "conv", [0, 2, 3], clip=True)
    assert_made_as_alone(nested, "small/conv1", clip=True)


def test_a_subclassed_model():
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv, self.out = layers.Conv2D(4, 3, activation="relu", name="conv"), layers.Dense(2, name="head")

        def call(self, inputs, training=None):
            return self.out(ops.mean(self.conv(inputs / 255), (1, 2)))

    subclassed = Subclassed()
    subclassed(np.zeros((1, 8, 8, 1)))
    assert_made_as_alone(subclassed, "conv", clip=True, batch_size=2)


def test_held_inputs_hold_for_every_picture():
    image, extra = keras.Input((8, 8, 1), name="image"), keras.Input((8,), name="extra")
    mixed = layers.Multiply()([layers.Dense(8, activation="tanh")(layers.Flatten()(image)), extra])
    model = keras.Model([image, extra], layers.Dense(4, name="out")(mixed))
    made = [
        assert_made_as_alone(model, held_inputs={"extra": value}, input_range=(-1.0, 1.0), tv_weight=0, clip=True)
        for value in (np.arange(8.0), -np.arange(8.0))
    ]
    assert (made[0] != made[1]).any()


def test_an_open_size():
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, layers.Conv2D(3, 3, name="conv")(inputs))
    assert pictures(model, "conv", input_shape=(9, 7, 1), max_iter=1).images.shape == (3, 9, 7, 1)
    assert pictures(model, "conv", seed_input=np.ones((6, 5, 1)), max_iter=1).images.shape == (3, 6, 5, 1)


@pytest.mark.usefixtures("channels_first")
def test_channels_first_in_channels_last_out():
    inputs = keras.Input((3, 10, 8))
    model = keras.Model(inputs, layers.Conv2D(4, 3, activation="relu", name="conv")(inputs))
    start = np.random.default_rng(0).uniform(0, 255, (4, 10, 8, 3)).astype("float32")
    np.testing.assert_array_equal(pictures(model, "conv", seed_input=start, max_iter=1, clip=True).images, start)
    assert_made_as_alone(model, "conv", clip=True)


def test_without_the_activation_all_pictures_are_the_same(model):
    images, histories = pictures(model, act_max_weight=0)
    assert histories[0].names == ("L-6.0 Norm Loss", "TV(2.0) Loss")
    for image in images[1:]:
        np.testing.assert_array_equal(image, images[0])


# --- losses that are not finite --------------------------------------------------------------------------------------

EXPLOSIVE = {"seed_input": np.full((4, 4, 1), 140), "lp_norm_weight": 0, "tv_weight": 0, "max_iter": 30}


@pytest.mark.parametrize("clip", [False, True])
def test_a_picture_whose_loss_is_not_finite_does_not_disturb_its_mates_and_is_named(clip):
    model = partly_exploding()
    options = {"input_range": (-1000.0, 1000.0), "clip": clip} | EXPLOSIVE
    with pytest.warns(
        RuntimeWarning, match=r"total loss of filters \[1\] was not finite\. Lower learning_rate"
    ) as told:
        images, histories = pictures(model, filters=[0, 1, 2], **options)
    assert told[0].filename == __file__
    without = pictures(model, filters=[0, 2, 2], **options)
    for position in (0, 2):
        np.testing.assert_array_equal(images[position], without.images[position])
        np.testing.assert_array_equal(histories[position].values, without.histories[position].values)
    assert [len(histories[position]) for position in (0, 2)] == [30, 30]
    values = histories[1]["total"]
    assert 1 < len(values) < 30
    assert np.isfinite(values[:-1]).all()
    assert not np.isfinite(values[-1])
    assert np.isfinite(images).all()


def test_one_bad_from_the_start_does_not_stop_the_others():
    start = np.full((3, 4, 4, 1), 140.0)
    start[1] = 200
    with pytest.warns(RuntimeWarning, match=r"filters \[1\]"):
        _, histories = pictures(partly_exploding(), **EXPLOSIVE | {"seed_input": start})
    assert [len(history) for history in histories] == [30, 1, 30]


@pytest.mark.parametrize("batch_size", [1, 2, None])
def test_nothing_but_bad_pictures_raise(batch_size):
    options = EXPLOSIVE | {"seed_input": np.full((4, 4, 1), 200), "batch_size": batch_size}
    with pytest.raises(FloatingPointError, match=r"filters \[1, 1\] was not finite"):
        pictures(partly_exploding(), filters=[1, 1], **options)


def test_callbacks_of_a_picture_that_is_not_finite_hear_of_it_once():
    recorders = {}

    def callbacks(index):
        return [recorders.setdefault(index, Recorder())]

    with pytest.warns(RuntimeWarning, match="not finite"):
        _, histories = pictures(partly_exploding(), filters=[0, 1], callbacks=callbacks, **EXPLOSIVE)
    assert len(histories[1]) < len(histories[0])
    for index, history in enumerate(histories):
        np.testing.assert_array_equal([call[2] for call in recorders[index].calls], history["total"])
        assert recorders[index].ends == 1


# --- bad arguments ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ({"model": 3}, TypeError, "model"),
        ({"layer_idx": "nope"}, ValueError, "layer"),
        ({"layer_idx": None}, TypeError, "layer_idx"),
        ({"filters": 9}, ValueError, "filters"),
        ({"filters": []}, ValueError, "filters"),
        ({"filters": 1.0}, TypeError, "filters"),
        ({"filters": "1"}, TypeError, "filters"),
        ({"filters": [0, None]}, TypeError, "filters"),
        ({"seed_input": [[1]]}, ValueError, "seed_input"),
        ({"seed_input": np.ones((3, 12, 12, 3))}, ValueError, "seed_input"),
        ({"seed_input": "a.png"}, ValueError, "seed_input"),
        ({"input_range": (0,)}, ValueError, "input_range"),
        ({"input_range": None}, TypeError, "input_range"),
        ({"backprop_modifier": "nope"}, ValueError, "backprop_modifier"),
        ({"grad_modifier": "nope"}, ValueError, "grad_modifier"),
        ({"act_max_weight": "1"}, TypeError, "act_max_weight"),
        ({"tv_weight": float("nan")}, ValueError, "tv_weight"),
        ({"act_max_weight": 0, "lp_norm_weight": 0, "tv_weight": None}, ValueError, "losses"),
        ({"input_shape": (9, 9)}, ValueError, "input_shape"),
        ({"input_shape": (9, 9, 3)}, ValueError, "layer"),
        ({"held_inputs": {"nope": 1}}, ValueError, "held_inputs"),
        ({"max_iter": 0}, ValueError, "max_iter"),
        ({"learning_rate": 0}, ValueError, "learning_rate"),
        ({"input_modifiers": Jitter()}, TypeError, "input_modifiers"),
        ({"input_modifiers": [3]}, TypeError, "input_modifiers"),
        ({"callbacks": [Recorder()]}, TypeError, "callbacks"),
        ({"callbacks": lambda index: Recorder()}, TypeError, "callbacks"),
        ({"callbacks": lambda index: [3]}, TypeError, "callbacks"),
        ({"seed": -1}, ValueError, "seed"),
        ({"seed": 1.5}, TypeError, "seed"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"batch_size": 2.0}, TypeError, "batch_size"),
    ],
)
def test_bad_arguments_are_named_before_anything_is_computed(model, traces, arguments, error, name):
    def call():
        with pytest.raises(error, match=f"^{name}: expected "):
            am.visualize_layer(**{"model": model, "layer_idx": "out", "progress": False, **arguments})

    assert traces.of(call) == 0


# --- models that take so many pictures and no others -----------------------------------------------------------------


def stateful(batch):
    return keras.Sequential(
        [
            keras.Input(batch_shape=(batch, 6, 4)),
            layers.LSTM(4, stateful=True, name="lstm"),
            layers.Dense(6, name="out"),
        ]
    )


@pytest.mark.parametrize("batch", [1, 4])
def test_a_model_of_fixed_batch_gets_whole_batches(batch):
    images, histories = pictures(stateful(batch), filters=range(6), max_iter=3)
    assert images.shape == (6, 6, 4)
    assert [len(history) for history in histories] == [3] * 6


def test_a_batch_size_that_the_model_does_not_take():
    with pytest.raises(ValueError, match="batch_size: expected 4, which the model's input is made for, received 3"):
        pictures(stateful(4), batch_size=3)


def test_tiles_of_a_model_of_fixed_batch():
    model = keras.Sequential([keras.Input(batch_shape=(4, 8, 8, 1)), layers.Conv2D(6, 3, name="out")])
    run = Run(Network(model), Settings(layer="out", max_iter=3))
    run.make_tiles()
    assert run.wait(60)
    tiles = run.facts().tiles
    assert (tiles.done, tiles.error, run.tiles.images.shape) == (6, "", (6, 8, 8, 1))


# --- ended early -----------------------------------------------------------------------------------------------------


class Raises(Recorder):
    """Raises something at an iteration."""

    def __init__(self, at, error=StopIteration):
        super().__init__()
        self.at, self.error = at, error

    def callback(self, *call):
        super().callback(*call)
        if call[0] + 1 == self.at:
            raise self.error


@pytest.mark.parametrize("batch_size", [1, 2, 3, None])
@pytest.mark.parametrize("clip", [False, True])
def test_a_callback_that_has_had_enough_ends_its_picture_and_no_other(model, batch_size, clip):
    ends = {0: 3, 1: FEW, 2: 1, 3: 99, 4: 5}
    recorders = {index: Raises(at) for index, at in ends.items()}
    options = {"filters": list(ends), "clip": clip, "batch_size": batch_size}
    images, histories = pictures(model, callbacks=lambda index: [recorders[index]], **options)
    for index, end in ends.items():
        made = min(end, FEW)
        wanted = pictures(model, **options | {"max_iter": made})
        np.testing.assert_array_equal(images[index], wanted.images[index])
        np.testing.assert_array_equal(histories[index].values, wanted.histories[index].values)
        np.testing.assert_allclose(recorders[index].values, histories[index].values)
        assert (len(histories[index]), len(recorders[index].calls), recorders[index].ends) == (made, made, 1)


def test_a_batch_whose_pictures_have_all_ended_is_over(model, monkeypatch):
    made, run = [], Step.run
    monkeypatch.setattr(Step, "run", lambda self, *rest: made.append(1) or run(self, *rest))
    pictures(model, max_iter=1000, batch_size=3, callbacks=lambda index: [Raises(2 + index)])
    assert len(made) == 4 + 6


def test_a_batch_that_is_filled_up_ends_with_its_pictures():
    images, histories = pictures(stateful(4), filters=range(6), max_iter=9, callbacks=lambda index: [Raises(index + 1)])
    assert images.shape == (6, 6, 4)
    assert [len(history) for history in histories] == [1, 2, 3, 4, 5, 6]


def test_other_errors_of_callbacks_are_raised_on(model):
    with pytest.raises(ZeroDivisionError):
        pictures(model, callbacks=lambda index: [Raises(2, ZeroDivisionError)])


@pytest.mark.parametrize("clip", [False, True])
def test_ctrl_c_gives_the_pictures_so_far(model, clip):
    recorders = {index: Raises(3 if index == 3 else 99, KeyboardInterrupt) for index in range(5)}
    options = {"batch_size": 2, "clip": clip}
    sentence = "^Interrupted after 2 of 5 pictures and 3 iterations of the next: the first 4 are given back as they are"
    with pytest.warns(RuntimeWarning, match=sentence) as told:
        images, histories = pictures(model, callbacks=lambda index: [recorders[index]], **options)
    assert told[0].filename == __file__
    assert [len(history) for history in histories] == [FEW, FEW, 3, 3]
    for position, history in enumerate(histories):
        wanted = pictures(model, **options | {"max_iter": len(history)})
        np.testing.assert_array_equal(images[position], wanted.images[position])
        np.testing.assert_array_equal(history.values, wanted.histories[position].values)
    assert [recorder.ends for recorder in recorders.values()] == [1, 1, 1, 1, 0]


def test_ctrl_c_in_the_middle_of_a_call(model):
    class PressesCtrlC(InputModifier):
        calls = 0

        def pre(self, inp):
            self.calls += 1
            if self.calls == 300:
                signal.raise_signal(signal.SIGINT)
            return inp

    with pytest.warns(RuntimeWarning, match="Interrupted after 0 of 5 pictures and .* the first 2 are"):
        images, histories = pictures(model, max_iter=10**6, input_modifiers=[PressesCtrlC()], batch_size=2)
    assert len(images) == len(histories) == 2
    assert 0 < len(histories[0]) == len(histories[1]) < 10**5


def test_ctrl_c_before_the_first_iteration_is_raised_on(model, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Step, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pictures(model)
