import threading

import keras
import numpy as np
import pytest
from keras import layers

import actmax_widget as am
from actmax_widget import network as network_module
from actmax_widget.losses import ActivationMaximization
from actmax_widget.network import Network
from actmax_widget.objective import Objective
from tests.networks import small_cnn, small_sequential


def picture(shape=(12, 12, 1), seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (1, *shape)).astype("float32")


def activation(network, layer, filters, inp):
    """What the objective of a target says about an input; its gradient must not vanish."""
    target = network.find(layer)
    objective = Objective(
        network.input, [(ActivationMaximization(target, filters, target.filters), 1.0)], held=network.held
    )
    knobs = [keras.ops.convert_to_tensor(knob) for knob in objective.knobs()]
    evaluation = objective(keras.ops.convert_to_tensor(inp), objective.weights(), knobs)
    assert np.abs(evaluation.grads).max() > 0
    return -float(evaluation.losses[0])


def test_layers(model):
    infos = Network(model).layers()
    assert [info.name for info in infos] == ["rescale", "conv1", "pool", "conv2", "flatten", "out"]
    assert infos[1] == ("conv1", "Conv2D", (10, 10, 6), 6)


@pytest.mark.parametrize("layer", ["conv2", 4, -3])
def test_find_by_name_index_and_layer(model, layer):
    wanted = model.get_layer("conv2")
    assert Network(model).find(layer).layer is wanted
    assert Network(model).find(wanted).output is wanted.output


@pytest.mark.parametrize(
    ("layer", "error"), [("nope", ValueError), (99, ValueError), (-99, ValueError), (2.0, TypeError), (None, TypeError)]
)
def test_an_unknown_layer_is_refused(model, layer, error):
    with pytest.raises(error, match="layer"):
        Network(model).find(layer)


def test_a_misspelt_layer_is_answered_with_the_names_there_are(model):
    with pytest.raises(ValueError, match=r"'conv3'.*Choose one of: picture, rescale, conv1"):
        Network(model).find("conv3")


def test_a_layer_of_another_model_is_refused(model):
    with pytest.raises(ValueError, match="expected a layer of 'small'"):
        Network(model).find(small_sequential().layers[0])


def test_a_layer_first_used_in_another_model_is_found_in_this_one(model):
    inputs = keras.Input((12, 12, 1))
    reused = model.get_layer("conv1")
    other = keras.Model(inputs, layers.Dense(2, name="head")(layers.Flatten()(reused(inputs))))
    network = Network(other)
    assert network.find("conv1").output is not reused.output
    wanted = reused(picture())[..., 2].numpy().mean()
    assert activation(network, "conv1", 2, picture()) == pytest.approx(wanted, rel=1e-5)


def test_each_use_of_a_layer_is_a_target():
    inputs = keras.Input((12, 12, 1))
    twice = layers.Conv2D(1, 3, padding="same", name="twice")
    model = keras.Model(inputs, twice(twice(inputs)))
    network = Network(model)
    once = twice(picture()).numpy()
    assert activation(network, "twice", 0, picture()) == pytest.approx(once.mean(), rel=1e-4)
    assert activation(network, "twice:1", 0, picture()) == pytest.approx(twice(once).numpy().mean(), rel=1e-4)


def nested(inner):
    """A model of a rescaling, an inner model, and a head."""
    inputs = keras.Input((12, 12, 1))
    x = layers.Rescaling(0.5)(inputs)
    return keras.Model(inputs, layers.Dense(3, name="head")(inner(x)), name="outer")


@pytest.mark.parametrize(
    "wrap", [nested, lambda inner: keras.Sequential([keras.Input((12, 12, 1)), layers.Rescaling(0.5), inner])]
)
def test_a_layer_inside_of_a_nested_model_by_path_and_by_layer(wrap):
    inner = small_cnn()
    network = Network(wrap(inner))
    wanted = keras.Model(inner.inputs[0], inner.get_layer("conv2").output)(picture() * 0.5).numpy()[..., 3].mean()
    assert network.find("small/conv2").info.shape == (3, 3, 8)
    assert activation(network, "small/conv2", 3, picture()) == pytest.approx(wanted, rel=1e-4)
    assert activation(network, inner.get_layer("conv2"), 3, picture()) == pytest.approx(wanted, rel=1e-4)


def test_a_model_inside_of_a_model_inside_of_a_model():
    innermost = small_sequential()
    middle = keras.Sequential([keras.Input((8, 8, 1)), innermost], name="middle")
    outer = keras.Sequential([keras.Input((8, 8, 1)), middle, layers.Dense(2)])
    network = Network(outer)
    wanted = innermost.layers[0](picture((8, 8, 1))).numpy()[..., 1].mean()
    assert activation(network, "middle/sequential/conv", 1, picture((8, 8, 1))) == pytest.approx(wanted, rel=1e-4)


class Subclassed(keras.Model):
    """A network whose graph cannot be walked, with a Functional one inside."""

    def __init__(self):
        super().__init__(name="subclassed")
        self.first = layers.Conv2D(4, 3, activation="relu", name="first")
        self.inner = small_cnn(4, size=10)
        self.head = layers.Dense(2, name="head")

    def call(self, inputs, training=None):
        del training
        return self.head(self.inner(self.first(inputs / 255.0)))


@pytest.fixture(scope="module")
def subclassed():
    model = Subclassed()
    model(picture())
    return model


@pytest.mark.parametrize("layer", ["first", "inner/conv2", "small/conv2", "head"])
def test_a_layer_of_a_subclassed_model(subclassed, layer):
    network = Network(subclassed)
    if layer.startswith("inner"):
        layer = subclassed.inner.get_layer("conv2")  # by the layer, where the attribute's name is not the path
    first = subclassed.first(picture() / 255.0)
    wanted = {
        "first": first,
        "head": subclassed(picture()),
    }.get(layer, keras.Model(subclassed.inner.inputs[0], subclassed.inner.get_layer("conv2").output)(first))
    assert activation(network, layer, 1, picture()) == pytest.approx(wanted.numpy()[..., 1].mean(), rel=1e-4)


def test_a_subclassed_model_inside_of_a_functional_one(subclassed):
    network = Network(nested(subclassed))
    wanted = subclassed.first(picture() * 0.5 / 255.0).numpy()[..., 0].mean()
    assert activation(network, "subclassed/first", 0, picture()) == pytest.approx(wanted, rel=1e-4)


def test_looking_leaves_no_trace(subclassed):
    model = nested(subclassed)

    def traces():
        every = [*model._flatten_layers()]
        return [(len(one._inbound_nodes), len(one._outbound_nodes), "call" in vars(one)) for one in every]

    before = traces()
    for layer in ("subclassed/first", "subclassed/small/conv1", "head"):
        activation(Network(model), layer, 0, picture())
    assert traces() == before


# --- inputs ----------------------------------------------------------------------------------------------------------


def open_size():
    inputs = keras.Input((None, None, 1))
    x = layers.Conv2D(3, 3, name="conv")(inputs)
    return keras.Model(inputs, layers.GlobalAveragePooling2D(name="mean")(x))


def test_an_input_of_open_size_takes_the_given_one():
    model = open_size()
    network = Network(model, (9, 7, 1))
    assert network.input.shape == (None, 9, 7, 1)
    wanted = model(picture((9, 7, 1))).numpy()[0, 2]
    for layer in ("mean", "conv"):
        assert activation(network, layer, 2, picture((9, 7, 1))) == pytest.approx(wanted, rel=1e-4)


def test_an_open_size_follows_the_starting_picture():
    assert am.visualize_activation(open_size(), "conv", 0, max_iter=2, input_shape=(9, 7, 1)).shape == (9, 7, 1)
    assert am.visualize_activation(open_size(), "conv", 0, max_iter=2, seed_input=picture((6, 5, 1))).shape == (6, 5, 1)


def two_inputs():
    image, extra = keras.Input((8, 8, 1), name="image"), keras.Input((3,), name="extra")
    x = layers.Concatenate()(
        [layers.Flatten()(layers.Conv2D(2, 3, name="conv")(image)), layers.Dense(4, name="side")(extra)]
    )
    return keras.Model([image, extra], [layers.Dense(5, name="a")(x), layers.Dense(2, name="b")(x)])


@pytest.mark.parametrize("layer", ["a", "b", "conv"])
def test_of_several_inputs_one_is_optimized_and_the_others_are_held(layer):
    model = two_inputs()
    extra = np.array([1.0, -2, 3], "float32")
    network = Network(model, held_inputs={"extra": extra})
    outputs = dict(zip("ab", model([picture((8, 8, 1)), extra[None]]), strict=True))
    wanted = outputs.get(layer, model.get_layer("conv")(picture((8, 8, 1)))).numpy()[..., 1].mean()
    assert activation(network, layer, 1, picture((8, 8, 1))) == pytest.approx(wanted, rel=1e-4)


def test_the_other_input_can_be_the_one():
    held = {"image": picture((8, 8, 1))}
    image = am.visualize_activation(
        two_inputs(), "a", 0, held_inputs=held, lp_norm_weight=0, tv_weight=0, max_iter=3, input_range=(0.0, 1.0)
    )
    assert image.shape == (3,)


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        (None, "values for all inputs but the one to optimize"),
        ({"nope": 1}, r"names of inputs \(image, extra\)"),
        ({"extra": np.ones(3), "image": np.ones((8, 8, 1))}, "values for all inputs"),
        ({"extra": np.ones(4)}, r"an array of shape \(3,\) for 'extra'"),
    ],
)
def test_held_inputs_that_do_not_fit_are_refused(held, sentence):
    with pytest.raises(ValueError, match=f"^held_inputs: expected {sentence}"):
        Network(two_inputs(), held_inputs=held)


@pytest.mark.parametrize(
    ("shape", "error"), [((8, 8), ValueError), ((8, 8, 3), ValueError), ("ab", TypeError), ((8, 8.0, 1), TypeError)]
)
def test_an_input_shape_that_does_not_fit_is_refused(shape, error):
    with pytest.raises(error, match=r"^input_shape: expected"):
        Network(open_size(), shape)


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: 3, TypeError, "a Keras model"),
        (lambda: layers.Dense(3), TypeError, "a Keras model"),
        (lambda: keras.Sequential([layers.Dense(3)]), ValueError, "a built model"),
        (Subclassed, ValueError, "a built model"),
        (open_size, ValueError, "an input of known size"),
    ],
)
def test_models_that_cannot_be_used_are_refused(make, error, sentence):
    with pytest.raises(error, match=f"^model: expected {sentence}"):
        Network(make())


# --- ranks and precision ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "conv"), [((20, 2), layers.Conv1D), ((12, 12, 5), layers.Conv2D), ((6, 6, 6, 1), layers.Conv3D)]
)
def test_inputs_of_any_rank(shape, conv):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, conv(3, 3, activation="relu", name="conv")(inputs))
    assert am.visualize_activation(model, "conv", 1, max_iter=3, seed=0).shape == shape


def test_mixed_precision():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = nested(small_cnn())
    finally:
        keras.mixed_precision.set_global_policy("float32")
    image = am.visualize_activation(model, "small/conv1", 0, max_iter=3, seed=0, clip=True)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()


@pytest.mark.usefixtures("channels_first")
def test_channels_first_in_channels_last_out():
    inputs = keras.Input((3, 10, 8))
    model = keras.Model(inputs, layers.Conv2D(4, 3, activation="relu", name="conv")(inputs))
    start = picture((10, 8, 3))[0]
    image = am.visualize_activation(model, "conv", 1, seed_input=start, max_iter=1, clip=True)
    np.testing.assert_array_equal(image, start)
    wanted = model(np.moveaxis(start, -1, 0)[None]).numpy()[0, 1].mean()
    assert activation(Network(model), "conv", 1, np.moveaxis(start, -1, 0)[None]) == pytest.approx(wanted, rel=1e-4)
    widget = am.ActMaxWidget(model, seed_input=start)
    np.testing.assert_array_equal(widget.image, start)
    widget.close()


def test_a_model_may_be_used_while_it_is_listened_to():
    class Sub(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(3, name="inner")

        def call(self, x, training=False):
            del training
            return self.inner(x) * 2

    model, seen = Sub(), []
    model(np.ones((1, 4), "float32"))
    with network_module._recording([model.inner]) as noted:
        other = threading.Thread(target=lambda: seen.append(model(np.ones((1, 4), "float32"))))
        other.start()
        other.join()
        assert len(seen) == 1
        assert noted == {}
        own = model(np.zeros((1, 4), "float32"))
    np.testing.assert_array_equal(noted[id(model.inner)] * 2, own)


@pytest.mark.parametrize("held", [3, ["age"]])
def test_held_inputs_that_are_no_mapping(held):
    with pytest.raises(TypeError, match="held_inputs: expected a mapping from input names to values"):
        Network(small_cnn(), held_inputs=held)
