"""Which axis holds what, seen from outside: the layers a model has, the pictures that are made and shown."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from PIL import Image

import actmax_widget as am
from actmax_widget.callbacks import GifGenerator
from actmax_widget.input_modifiers import Jitter
from actmax_widget.losses import ActivationMaximization
from actmax_widget.network import Network, layout
from actmax_widget.regularizers import TotalVariation
from tests.networks import small_cnn

FIRST = "channels_first"
QUIET = {"seed": 0, "clip": True, "input_range": (0.0, 255.0)}


def functional(order):
    """Pictures of 18 x 20 with 3 channels, in an order that only its layers tell."""
    keras.utils.set_random_seed(1)
    axis = 1 if order == FIRST else -1
    inputs = keras.Input((3, 18, 20) if order == FIRST else (18, 20, 3))
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    x = first = layers.Conv2D(6, 3, data_format=order, name="conv")(x)
    x = layers.BatchNormalization(axis=axis, name="norm")(x)
    x = layers.Add(name="add")([layers.Activation("relu", name="relu")(x), first])
    squeezed = layers.GlobalAveragePooling2D(data_format=order, name="squeezed")(x)
    squeezed = layers.Reshape((6, 1, 1) if order == FIRST else (1, 1, 6), name="reshape")(squeezed)
    x = layers.Multiply(name="multiply")([x, layers.Conv2D(6, 1, data_format=order, name="gate")(squeezed)])
    x = -layers.Concatenate(axis=axis, name="both")([x, first])
    x = layers.Activation("tanh", name="tanh")(x)
    x = (
        layers.Permute((2, 3, 1), name="permute")(x)
        if order == FIRST
        else layers.Activation("linear", name="permute")(x)
    )
    x = layers.Dense(5, name="dense")(x)
    return keras.Model(inputs, layers.GlobalAveragePooling2D(name="mean")(layers.ReLU(name="last")(x)), name="inner")


def nested(order):
    """The same inside another model."""
    inner = functional(order)
    return keras.Sequential([keras.Input(inner.inputs[0].shape[1:]), inner])


class Block(layers.Layer):
    """A layer made of layers."""

    def __init__(self, order):
        super().__init__(name="block")
        self.conv = layers.Conv2D(6, 3, data_format=order, name="conv")
        self.relu = layers.ReLU(name="relu")

    def call(self, inputs):
        return self.relu(self.conv(inputs)) * 2


class Subclassed(keras.Model):
    """A model without a graph."""

    def __init__(self, order):
        super().__init__()
        self.rescale = layers.Rescaling(1 / 255, name="rescale")
        self.block = Block(order)
        self.after = layers.Activation("tanh", name="after")
        self.mean = layers.GlobalAveragePooling2D(data_format=order, name="mean")

    def call(self, inputs):
        return self.mean(self.after(self.block(self.rescale(inputs))))


def subclassed(order):
    keras.utils.set_random_seed(1)
    model = Subclassed(order)
    model(np.zeros((1, 3, 18, 20) if order == FIRST else (1, 18, 20, 3), "float32"))
    return model


MODELS = [functional, nested, subclassed]


@pytest.mark.parametrize("make", MODELS)
def test_a_layers_filters_are_counted_by_its_own_order(make):
    first, last = (
        [(info.name, info.filters) for info in Network(make(order)).layers()] for order in (FIRST, "channels_last")
    )
    assert first == last
    assert {count for _, count in first} <= {3, 5, 6, 12}


@pytest.mark.parametrize("make", MODELS)
def test_pictures_do_not_depend_on_the_order(make):
    first, last = make(FIRST), make("channels_last")
    for layer in [info.name for info in Network(first).layers()][1::5]:
        options = {**QUIET, "max_iter": 8, "input_modifiers": [Jitter([2, 0])]}
        ours, wanted = (am.visualize_activation(model, layer, 1, **options) for model in (first, last))
        assert ours.shape == (18, 20, 3)
        # Noise is drawn in the model's own order, so that only a picture to start from makes them comparable.
        start = np.random.default_rng(0).uniform(100, 150, (18, 20, 3))
        ours, wanted = (
            am.visualize_activation(model, layer, 1, seed_input=start, tv_weight=1e3, **options)
            for model in (first, last)
        )
        np.testing.assert_allclose(ours, wanted, atol=0.5)


def test_a_filter_that_the_layer_does_not_have_is_refused():
    with pytest.raises(ValueError, match="'conv' has 6 filters"):
        am.visualize_activation(functional(FIRST), "conv", 10, max_iter=1)


def test_a_loss_of_ones_own_counts_along_the_layers_axis():
    model = functional(FIRST)
    loss = ActivationMaximization(model.get_layer("relu"), 5)
    assert loss.filters == 6
    picture = np.random.default_rng(0).uniform(0, 255, (1, 3, 18, 20)).astype("float32")
    term = keras.Model(model.inputs[0], loss.build_loss())(picture)
    wanted = keras.Model(model.inputs[0], model.get_layer("relu").output)(picture)
    assert float(term[0]) == pytest.approx(-float(np.mean(wanted[:, 5])), rel=1e-5)


@pytest.mark.parametrize("make", MODELS)
def test_the_widget_and_a_whole_layer_show_channels_first_as_pictures(make):
    model = make(FIRST)
    widget = am.ActMaxWidget(model, preset="keras-vis", max_iter=2)
    assert widget.image.shape == (18, 20, 3)
    widget.seed_input = start = np.random.default_rng(0).uniform(0, 255, (18, 20, 3)).astype("float32")
    np.testing.assert_array_equal(widget.image, start)
    widget.visualize_layer([0, 1])
    assert widget.wait(60)
    widget.open_tile(1)
    np.testing.assert_array_equal(widget.image, widget.tiles.images[1])
    widget.close()
    assert am.visualize_layer(model, -1, [0, 1], max_iter=1, progress=False).images.shape == (2, 18, 20, 3)


def test_weights_and_responses_of_channels_first():
    model = keras.Sequential(
        [keras.Input((3, 8, 9)), layers.Conv2D(4, 3, data_format=FIRST, name="conv"), layers.ReLU(name="relu")]
    )
    picture = np.random.default_rng(0).uniform(0, 255, (8, 9, 3)).astype("float32")
    wanted = model(np.moveaxis(picture, -1, 0)[None]).numpy()[0]
    np.testing.assert_allclose(am.visualize_response(model, "relu", [1, 2], picture), wanted[[1, 2]], rtol=1e-5)
    flat = keras.Sequential([keras.Input((3, 8, 9)), layers.ZeroPadding2D(0, data_format=FIRST)])
    flat.add(layers.Flatten())
    flat.add(layers.Dense(2, name="dense"))
    weights = am.visualize_weights(flat, "dense", 0, input_range=(-1.0, 1.0))[0]
    kernel = flat.get_layer("dense").kernel.numpy()[:, 0].reshape(3, 8, 9)
    np.testing.assert_allclose(weights, np.moveaxis(kernel / np.abs(kernel).max(), 0, -1), atol=1e-6)


def test_an_animation_of_channels_first_is_of_pictures(tmp_path):
    callbacks = [GifGenerator(tmp_path / "run.gif")]
    am.visualize_activation(functional(FIRST), "conv", 0, max_iter=1, callbacks=callbacks)
    with Image.open(tmp_path / "run.gif") as shown:
        assert shown.size == (20, 18)


def test_a_permutation_in_front_tells_too():
    model = keras.Sequential([keras.Input((3, 8, 9)), layers.Permute((2, 3, 1)), layers.Conv2D(4, 3, name="conv")])
    assert am.visualize_activation(model, "conv", 0, max_iter=1).shape == (8, 9, 3)


def test_where_no_layer_tells_the_global_setting_does(channels_first):
    model = keras.Sequential([keras.Input((3, 8, 9)), layers.Activation("relu", name="relu")])
    assert Network(model).find("relu").filters == 3


# --- large graphs --------------------------------------------------------------------------------------------------


def added(inputs, x, depth):
    for _ in range(depth // 2):
        x = layers.Add()([x, layers.Activation("relu")(x)])
    return keras.Model(inputs, layers.Flatten()(x))


def plain(depth):
    """Nothing tells where the channels are."""
    inputs = keras.Input((4, 4, 3))
    return added(inputs, inputs, depth)


def rows(depth):
    """Pictures without channels, which only the end tells."""
    inputs = keras.Input((4, 4))
    return added(inputs, inputs, depth)


def reshaped(depth):
    """Nothing above tells, and only the last layer below."""
    inputs = keras.Input((48,))
    x = layers.Reshape((4, 4, 3))(inputs)
    model = added(inputs, x, depth)
    return keras.Model(inputs, layers.Conv2D(2, 1, data_format="channels_last")(model.layers[-2].output))


def shared(depth):
    """One layer that is used everywhere."""
    inputs, relu = keras.Input((4, 4)), layers.Activation("relu")
    x = inputs
    for _ in range(depth):
        x = relu(x)
    return keras.Model(inputs, layers.Flatten()(x))


def calls_of(make, depth):
    """How many functions of the module are called until the targets of a model are found."""
    network, calls = Network(make(depth)), 0

    def note(frame, event, _):
        nonlocal calls
        calls += event == "call" and frame.f_code.co_filename == layout.__file__

    sys.setprofile(note)
    try:
        assert len(network.targets) > depth
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("make", [plain, rows, reshaped, shared])
def test_each_layer_of_a_large_graph_is_looked_at_once(make):
    assert calls_of(make, 160) < 2.2 * calls_of(make, 80)


def test_a_model_that_is_called_on_what_is_made_of_its_own_input_goes_in_a_circle_which_ends():
    inputs = keras.Input((3, 8, 9), name="picture")
    x = layers.Activation("tanh", name="tanh")(layers.Activation("relu", name="relu")(inputs))
    again = keras.Model(inputs, x, name="again")(x)
    conv = layers.Conv2D(4, 3, data_format=FIRST, name="conv")(layers.Activation("relu", name="last")(x))
    both = layers.Concatenate(name="both")([layers.Flatten()(conv), layers.Flatten()(again)])
    targets = Network(keras.Model(inputs, both)).targets
    assert {targets[name].filters for name in ("picture", "relu", "tanh", "again", "again/tanh", "last")} == {3}


# --- pictures without a channel axis ---------------------------------------------------------------------------------


def expanded(inputs):
    return ops.expand_dims(inputs, -1)


PICTURES = {
    "flatten": [layers.Flatten()],
    "reshape": [layers.Reshape((9, 8, 1)), layers.Conv2D(2, 3), layers.Flatten()],
    "row": [layers.Reshape((72,))],
    "rescaled": [layers.Rescaling(1 / 255), layers.BatchNormalization(), layers.Flatten()],
    "turned": [layers.Permute((2, 1)), layers.Flatten()],
    "lambda": [layers.Lambda(expanded), layers.Conv2D(2, 3), layers.Flatten()],
    "dense": [layers.Dense(5), layers.Flatten()],
}
SEQUENCES = {
    "conv": [layers.Conv1D(3, 3), layers.Flatten()],
    "lstm": [layers.LSTM(3)],
    "both": [layers.Bidirectional(layers.GRU(3))],
    "projected": [layers.Dense(5), layers.LSTM(3)],
    "each step": [layers.TimeDistributed(layers.Dense(3)), layers.Flatten()],
    "pooled": [layers.Rescaling(1.0), layers.GlobalMaxPooling1D()],
}


def total_variation(model, array):
    """What the regularizer says of the model's input."""
    tensor = tf.constant(array)
    loss = TotalVariation(model.inputs[0])
    return float(loss.joint(keras.Model(model.inputs[0], loss.build_loss())(tensor)))


def definition(array, axes):
    corner = array[tuple(slice(None, -1) if axis in axes else slice(None) for axis in range(array.ndim))]
    squares = 0
    for along in axes:
        index = [slice(None, -1) if axis in axes else slice(None) for axis in range(array.ndim)]
        index[along] = slice(1, None)
        squares = squares + (array[tuple(index)] - corner) ** 2
    return squares.sum() / array[0].size


@pytest.mark.parametrize(("kind", "axes"), [*((one, (1, 2)) for one in PICTURES), *((one, (1,)) for one in SEQUENCES)])
def test_columns_are_channels_only_for_what_takes_them_for_features(kind, axes):
    model = keras.Sequential([keras.Input((9, 8)), *(PICTURES | SEQUENCES)[kind], layers.Dense(2)])
    array = np.random.default_rng(0).normal(size=(1, 9, 8)).astype("float32")
    assert total_variation(model, array) == pytest.approx(definition(array, axes), rel=1e-5)


def test_a_picture_without_channel_axis_is_made_as_one_with():
    model = small_cnn()
    bare = keras.Sequential([keras.Input((12, 12)), layers.Reshape((12, 12, 1)), model])
    for options in ({}, {"input_modifiers": [Jitter(2)]}):
        ours, wanted = (am.visualize_activation(one, -1, 3, max_iter=20, **QUIET, **options) for one in (bare, model))
        np.testing.assert_allclose(ours, wanted[..., 0], atol=0.05)


class Expands(keras.Model):
    """A subclassed model of pictures without a channel axis."""

    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(4, 3, name="conv")

    def call(self, inputs):
        return self.conv(inputs[..., None])


def expands():
    model = Expands()
    model(np.zeros((1, 12, 10), "float32"))
    return model


def flattens():
    return keras.Sequential([keras.Input((12, 10)), layers.Flatten(), layers.Dense(4)])


@pytest.mark.parametrize("make", [flattens, expands])
def test_the_widget_shows_a_picture_without_channel_axis(make):
    widget = am.ActMaxWidget(make(), preset="keras-vis", max_iter=3, seed=0)
    assert widget.image.shape == (12, 10, 1)
    for start in (np.full((12, 10), 7.0), np.full((12, 10, 1), 8.0), np.full((1, 12, 10), 9.0)):
        widget.seed_input = start
        assert widget.image.shape == (12, 10, 1)
        assert widget.image.max() == start.max()
        assert widget.seed_picture.startswith(b"\x89PNG")
    widget.start()
    assert widget.wait(60)
    widget.visualize_layer([0, 2])
    assert widget.wait(60)
    assert widget.tiles.images.shape == (2, 12, 10, 1)
    widget.open_tile(2)
    assert widget.filter_indices == (2,)
    assert widget.image.shape == (12, 10, 1)
    widget.close()


@pytest.mark.parametrize("shape", [(108,), (36, 3)])
def test_the_widget_says_how_to_show_what_is_no_picture(shape):
    model = keras.Sequential([keras.Input(shape), *([layers.LSTM(3)] if len(shape) == 2 else []), layers.Dense(2)])
    with pytest.raises(ValueError, match=r"model: expected .* is a picture .*keras\.layers\.Reshape\(") as caught:
        am.ActMaxWidget(model, preset="keras-vis")
    way = str(caught.value).split("in front: ")[1].split(". actmax_widget")[0]
    sizes = {"height": 6, "width": 6, "channels": 3, "keras": keras, "model": model}
    widget = am.ActMaxWidget(eval(way, {}, sizes))  # noqa: S307 - the advice works
    assert widget.image.shape == (6, 6, 3)
    widget.close()


# --- where TensorFlow cannot compute them

WITHOUT_ONEDNN = """
import keras
from keras import layers
import actmax_widget as am
keras.config.set_image_data_format("channels_first")
for kind, options, nested in CASES:
    inputs = keras.Input((4, 8, 8))
    first = getattr(layers, kind)(4, 3, name="first", **options)(inputs)
    model = keras.Model(inputs, keras.Sequential([layers.Flatten(), layers.Dense(2)], name="head")(first), name="net")
    model = keras.Model(model.inputs, model(model.inputs), name="outer") if nested else model
    try:
        widget = am.ActMaxWidget(model)
    except ValueError as error:
        print(error)
    else:
        print(am.visualize(model, "head" if nested else "first", 1, max_iter=2).image.shape)
"""


def test_what_no_processor_without_onednn_computes_is_said_before_anything_is():
    """TensorFlow's own words are "only supports NHWC", at a node that nobody has seen."""
    cases = [
        ("Conv2D", {}, False),
        ("Conv2D", {}, True),
        ("Conv2DTranspose", {}, False),
        ("Conv2D", {"groups": 2}, False),
        ("Conv2D", {"data_format": "channels_last"}, False),
    ]
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", WITHOUT_ONEDNN.replace("CASES", repr(cases))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    refused, nested, transposed, *made = done.stdout.splitlines() or [done.stderr]
    expected = "model: expected one that TensorFlow can compute on this machine, received '{}', whose 'first' has its"
    assert refused.startswith(expected.format("net"))
    assert nested.startswith(expected.format("outer"))
    assert transposed == refused
    assert "set the environment variable TF_ENABLE_ONEDNN_OPTS=1 before TensorFlow is imported" in refused
    assert made == ["(8, 8, 4)", "(4, 8, 8)"]
