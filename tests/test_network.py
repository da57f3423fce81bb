import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import actmax_widget as am
from actmax_widget.engine.objective import Objective
from actmax_widget.losses import ActivationMaximization
from actmax_widget.network import Network
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
    return -float(evaluation.losses[0, 0])


def test_layers(model):
    infos = Network(model).layers()
    assert [info.name for info in infos] == ["rescale", "conv1", "pool", "conv2", "flatten", "out"]
    assert infos[1] == ("conv1", "Conv2D", (10, 10, 6), 6, 60)


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


# --- layers inside of layers -----------------------------------------------------------------------------------------


class Block(layers.Layer):
    """A custom layer with layers inside, some of them in a list."""

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.conv = layers.Conv2D(filters, 3, padding="same", name="conv")
        self.rest = [layers.ReLU(name="act"), layers.Conv2D(filters, 1, name="mix")]
        self.unused = layers.Dense(3, name="unused")

    def build(self, shape):
        for layer in (self.conv, *self.rest):
            layer.build(shape)

    def call(self, inputs, training=None):
        del training
        x = self.conv(inputs)
        for layer in self.rest:
            x = layer(x)
        return x + inputs


class Stage(layers.Layer):
    """Two of them, with one name."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [Block(3, name="block"), Block(3, name="block")]

    def build(self, shape):
        for block in self.blocks:
            block.build(shape)

    def call(self, inputs):
        return self.blocks[1](self.blocks[0](inputs))


class OfStages(keras.Model):
    def __init__(self):
        super().__init__()
        self.stage, self.head = Stage(name="stage"), layers.Dense(2, name="head")

    def call(self, inputs):
        return self.head(self.stage(inputs))


def of_stages(kind):
    keras.utils.set_random_seed(4)
    inputs = keras.Input((12, 12, 3))
    if kind == "sequential":
        return keras.Sequential([inputs, Stage(name="stage"), layers.Flatten(), layers.Dense(2, name="head")])
    if kind == "functional":
        return keras.Model(inputs, layers.Dense(2, name="head")(Stage(name="stage")(inputs)))
    model = OfStages()
    model(picture((12, 12, 3)))
    return model if kind == "subclassed" else keras.Model(inputs, model(inputs))


KINDS = ["sequential", "functional", "subclassed", "inside"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by", ["path", "layer"])
def test_a_layer_inside_of_custom_layers(kind, by):
    model = of_stages(kind)
    network = Network(model)
    stage = next(layer for layer in model._flatten_layers() if layer.name == "stage")
    first, second = stage.blocks
    prefix = f"{model.layers[1].name}/" if kind == "inside" else ""
    middle = first(picture((12, 12, 3)))
    wanted = {
        "stage/block/conv": (first.conv, first.conv(picture((12, 12, 3)))),
        "stage/block:1": (second, second(middle)),
        "stage/block/act:1": (second.rest[0], second.rest[0](second.conv(middle))),
    }
    for path, (layer, answer) in wanted.items():
        target = network.find(prefix + path if by == "path" else layer)
        assert target.layer is layer
        assert activation(network, target.name, 1, picture((12, 12, 3))) == pytest.approx(
            answer.numpy()[..., 1].mean(), rel=1e-3, abs=1e-3
        )


@pytest.mark.parametrize("kind", KINDS)
def test_layers_inside_are_listed_after_what_they_are_inside_of(kind):
    names = [info.name for info in Network(of_stages(kind)).layers()]
    inside = [name.rpartition("stage/")[2] for name in names if "stage/" in name]
    assert inside == [
        *("block", "block/conv", "block/act", "block/mix"),
        *("block:1", "block/conv:1", "block/act:1", "block/mix:1"),
    ]


def wrapped():
    keras.utils.set_random_seed(5)
    net = [layers.Conv2D(4, 3, name="deep"), layers.ReLU(name="act"), layers.GlobalAveragePooling2D()]
    return keras.Sequential(
        [
            keras.Input((3, 8, 8, 1)),
            layers.TimeDistributed(layers.Conv2D(2, 3, name="conv"), name="steps"),
            layers.TimeDistributed(keras.Sequential(net, name="net"), name="again"),
            layers.Bidirectional(layers.LSTM(5, name="lstm"), name="both"),
            layers.Dense(2, name="head"),
        ]
    )


def test_layers_inside_of_wrappers():
    model = wrapped()
    network, given = Network(model), picture((3, 8, 8, 1))
    steps, again, both, _ = model.layers
    frames = steps(given).numpy()
    deep = again.layer.layers[0](frames[0]).numpy()
    assert network.find("steps/conv").info.shape == (3, 6, 6, 2)
    assert network.find("again/net/deep").info.shape == (3, 4, 4, 4)
    wanted = {
        "steps/conv": frames[..., 1].mean(),
        "again/net/deep": deep[..., 1].mean(),
        "again/net/act": np.maximum(deep, 0)[..., 1].mean(),
        "both/forward_lstm": both.forward_layer(again(frames)).numpy()[0, 1],
    }
    for path, answer in wanted.items():
        assert activation(network, path, 1, given) == pytest.approx(answer, rel=1e-3)
    assert network.find(steps.layer).name == "steps/conv"


class Twice(keras.Model):
    """A layer that is reachable in two ways."""

    def __init__(self):
        super().__init__()
        self.base = small_cnn()
        self.conv = self.base.get_layer("conv1")
        self.head = layers.Dense(2, name="head")

    def call(self, inputs):
        return self.head(self.base(inputs))


def test_a_layer_that_is_reachable_twice_is_one_target():
    model = Twice()
    model(picture())
    network = Network(model)
    names = [info.name for info in network.layers()]
    assert names.count("small/conv1") == 1
    assert "conv1" not in names
    wanted = model.conv(model.base.get_layer("rescale")(picture())).numpy()[..., 2].mean()
    for layer in ("small/conv1", "conv1", model.conv, 1):
        assert network.find(layer).name == "small/conv1"
        assert activation(network, layer, 2, picture()) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("modifier", [None, "guided"])
def test_a_call_of_ones_own_stays(modifier):
    model = of_stages("functional")
    block = model.get_layer("stage").blocks[0]
    relu, conv = block.rest[0], block.conv
    relu.call = lambda inputs: inputs * 7.0
    conv.call = own = lambda inputs: inputs
    am.visualize_activation(model, "stage/block/mix", 0, max_iter=1, backprop_modifier=modifier)
    am.visualize_activation(model, relu, 0, max_iter=1)
    assert vars(conv)["call"] is own
    assert relu(np.ones((1, 1), "float32"))[0, 0] == 7.0


def test_a_layer_that_cannot_be_looked_into_is_a_target_itself():
    class Closed(layers.Layer):
        def __init__(self):
            super().__init__(name="closed")
            self.inner = layers.Dense(3)

        def call(self, inputs, training=None):
            if isinstance(inputs, keras.KerasTensor) or training is not False:
                return self.inner(inputs)
            message = "not so"
            raise RuntimeError(message)

        def compute_output_shape(self, shape):
            return (*shape[:-1], 3)

    model = keras.Sequential([keras.Input((4,)), Closed(), layers.Dense(2, name="head")])
    assert [info.name for info in Network(model).layers()] == ["closed", "head"]


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


@pytest.mark.parametrize("start", [picture((6, 5, 1)), picture((6, 5, 1))[0]])
def test_one_rule_for_open_sizes(start):
    """What is asked for, else the starting picture, else a sentence: wherever a model is taken."""
    model = open_size()
    losses = [(ActivationMaximization(model.get_layer("conv"), 1), 1)]
    quiet = {"max_iter": 1, "verbose": False}

    def shown(**given):
        widget = am.ActMaxWidget(model, preset="keras-vis", **given)
        widget.close()
        return widget.image

    ways = [
        lambda **given: am.visualize_activation(model, "conv", 0, **quiet, **given),
        lambda **given: am.visualize_activation_with_losses(model.inputs[0], losses, **quiet, **given),
        lambda **given: am.visualize_layer(model, "conv", [0], max_iter=1, progress=False, **given).images[0],
        shown,
    ]
    for way in ways:
        assert way(seed_input=start).shape == (6, 5, 1)
        assert way(input_shape=(9, 7, 1)).shape == (9, 7, 1)
        assert way(input_shape=(6, 5, 1), seed_input=start).shape == (6, 5, 1)
        with pytest.raises(
            ValueError, match=r"^model: expected an input of known size.*input_shape=.*starting picture"
        ):
            way()
        with pytest.raises(ValueError, match=r"^seed_input: expected a numeric array of shape \(9, 7, 1\)"):
            way(input_shape=(9, 7, 1), seed_input=start)


def test_an_open_size_of_a_subclassed_model_and_of_one_of_several_inputs():
    subclassed = keras.Sequential([layers.Conv2D(3, 3, name="conv")])

    class Sub(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = subclassed.layers[0]

        def build(self, shape):
            self.conv.build(shape)

        def call(self, inputs):
            return self.conv(inputs)

    model = Sub()
    model.build((None, None, None, 1))
    start = picture((6, 5, 1))
    assert am.visualize_activation(model, "conv", 0, max_iter=1, seed_input=start).shape == (6, 5, 1)
    image, extra = keras.Input((None, None, 1), name="image"), keras.Input((3,), name="extra")
    mean = layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3, name="conv")(image))
    both = keras.Model([image, extra], layers.Add(name="sum")([mean, extra]))
    options = {"held_inputs": {"extra": np.ones(3)}, "max_iter": 1, "seed_input": start}
    assert am.visualize_activation(both, "sum", 0, **options).shape == (6, 5, 1)


# --- other sizes than the model was made with ------------------------------------------------------------------------


def answer_at(model, layer, given):
    """A layer's answer, computed by calling the layers one after the other."""
    for one in model.layers[not isinstance(model, keras.Sequential) :]:
        given = one(given)
        if one is layer:
            return given.numpy()
    raise AssertionError(layer)


@pytest.mark.parametrize("shape", [(20, 17, 1), (9, 9, 1)])
def test_a_convolution_works_at_another_size(model, shape):
    network = Network(model, shape)
    assert [info.name for info in network.layers()] == ["rescale", "conv1", "pool", "conv2", "flatten"]
    wanted = answer_at(model, model.get_layer("conv2"), picture(shape))
    target = network.find("conv2")
    assert target.info.shape == wanted.shape[1:]
    assert activation(network, "conv2", 3, picture(shape)) == pytest.approx(wanted[..., 3].mean(), rel=1e-4)
    assert am.visualize_activation(model, "conv2", 3, input_shape=shape, max_iter=2).shape == shape
    assert am.visualize_response(model, "conv1", 0, picture()).shape == (10, 10)


@pytest.mark.parametrize("layer", ["out", -1])
def test_a_layer_that_needs_its_size_says_so(model, layer):
    with pytest.raises(
        ValueError, match=r"^layer: expected a layer that works on inputs of shape \(20, 20, 1\)"
    ) as caught:
        Network(model, (20, 20, 1)).find(layer)
    said = str(caught.value)
    assert "Layer 'out' needs the size of input that it was made for: " in said
    assert "Leave input_shape out, or choose one of: picture, rescale, conv1, pool, conv2, flatten." in said


def inside_of_stages():
    return nested(small_cnn())


@pytest.mark.parametrize(
    ("make", "shape", "layer", "stops"),
    [
        (inside_of_stages, (30, 20, 1), "small/conv2", "head"),
        (lambda: of_stages("sequential"), (30, 20, 3), "stage/block/act:1", "head"),
        (lambda: of_stages("functional"), (30, 20, 3), "head", None),
        (lambda: of_stages("subclassed"), (30, 20, 3), "head", None),
        (wrapped, (3, 14, 12, 1), "again/net/act", None),
    ],
)
@pytest.mark.parametrize("modifier", [None, "guided"])
def test_any_kind_of_model_at_another_size(make, shape, layer, stops, modifier):
    model = make()
    network = Network(model, shape)
    options = {"max_iter": 3, "seed": 0, "clip": True, "tv_weight": 0, "lp_norm_weight": 0, "input_range": (0.0, 255.0)}
    image = am.visualize_activation(model, layer, 1, input_shape=shape, backprop_modifier=modifier, **options)
    assert image.shape == shape
    assert image.std() > 0
    if stops:
        with pytest.raises(ValueError, match="Leave input_shape out"):
            network.find(stops)


class Fixed(layers.Layer):
    """A custom layer that needs its size and does not tell."""

    def build(self, shape):
        self.place = self.add_weight(shape=tuple(shape[1:]), name="place")

    def call(self, inputs):
        return inputs + self.place


class FlatHead(keras.Model):
    """A subclassed model that needs its size at the end."""

    def __init__(self):
        super().__init__(name="flathead")
        self.conv, self.flat = layers.Conv2D(3, 3, name="conv"), layers.Flatten(name="flat")
        self.head = layers.Dense(2, name="head")

    def call(self, inputs):
        return self.head(self.flat(self.conv(inputs)))


@pytest.mark.parametrize("needy", [Fixed, layers.PReLU, lambda: layers.LayerNormalization(axis=(1, 2, 3))])
def test_what_needs_its_size_is_found_out(needy):
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(3, 3, name="conv"), needy(), layers.ReLU(name="end")]
    )
    assert [info.name for info in Network(model).layers()][-1] == "end"
    assert [info.name for info in Network(model, (9, 9, 1)).layers()] == ["conv"]


def test_a_subclassed_model_that_needs_its_size_at_the_end():
    model = FlatHead()
    model(picture((8, 8, 1)))
    assert [info.name for info in Network(model, (10, 9, 1)).layers()] == ["conv", "flat"]
    assert am.visualize_activation(model, "conv", 1, input_shape=(10, 9, 1), max_iter=2).shape == (10, 9, 1)
    with pytest.raises(
        ValueError, match=r"layer: expected a layer that works on inputs of shape \(10, 9, 1\).*'flathead'"
    ):
        Network(model, (10, 9, 1)).find("head")


def test_nothing_of_the_model_changes_at_another_size(model):
    def traces():
        every = model._flatten_layers()
        return [(len(one._inbound_nodes), len(one._outbound_nodes), sorted(vars(one))) for one in every]

    am.visualize_activation(model, "conv1", 0, max_iter=1, input_shape=(20, 20, 1))
    before, answer = traces(), model(picture()).numpy()
    weights = [id(weight) for weight in model.weights]
    for modifier in (None, "guided"):
        am.visualize_activation(model, "conv2", 0, max_iter=1, input_shape=(30, 20, 1), backprop_modifier=modifier)
    losses = [(ActivationMaximization(model.get_layer("conv1"), 0), 1)]
    am.visualize_activation_with_losses(model.inputs[0], losses, max_iter=1, input_shape=(20, 20, 1))
    assert traces() == before
    assert [id(weight) for weight in model.weights] == weights
    np.testing.assert_array_equal(model(picture()).numpy(), answer)


def test_another_size_has_the_models_weights():
    model = small_cnn()
    options = {"input_shape": (20, 20, 1), "seed_input": picture((20, 20, 1)), "max_iter": 1, "clip": True}
    losses = []
    for factor in (1, 3):
        model.get_layer("conv1").kernel.assign(model.get_layer("conv1").kernel * factor)
        result = am.visualize_layer(model, "conv1", [0], lp_norm_weight=0, tv_weight=0, progress=False, **options)
        losses.append(float(result.histories[0].values[0, 0]))
    assert losses[1] == pytest.approx(3 * losses[0], rel=1e-4)


def test_the_widget_at_another_size(model):
    widget = am.ActMaxWidget(model, preset="keras-vis", input_shape=(20, 24, 1), max_iter=2)
    assert widget.image.shape == (20, 24, 1)
    assert [info["name"] for info in widget.layers] == ["rescale", "conv1", "pool", "conv2", "flatten"]
    assert widget.layer == "flatten"
    widget.layer = "conv2"
    widget.start()
    assert widget.wait(60)
    assert widget.iteration == 2
    with pytest.raises(ValueError, match="needs the size of input"):
        widget.layer = "out"
    widget.visualize_layer([0, 1])
    assert widget.wait(60)
    assert widget.tiles.images.shape == (2, 20, 24, 1)
    widget.close()


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


def test_what_comes_from_a_saved_model_is_refused_with_the_way_to_use_it(tmp_path):
    small_sequential().export(tmp_path, verbose=False)
    layer = keras.layers.TFSMLayer(tmp_path, call_endpoint="serve")
    for thing in (layer, tf.saved_model.load(tmp_path), tmp_path, str(tmp_path)):
        for use in (Network, am.utils.apply_modifications):
            with pytest.raises(TypeError, match=r"^model: expected a Keras model, .* keras.Sequential\(\[keras.Input"):
                use(thing)
    assert Network(keras.Sequential([keras.Input((8, 8, 1)), layer])).find(-1).filters == 3


# --- ranks and precision ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "conv"), [((20, 2), layers.Conv1D), ((12, 12, 5), layers.Conv2D), ((6, 6, 6, 1), layers.Conv3D)]
)
def test_inputs_of_any_rank(shape, conv):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, conv(3, 3, name="conv")(inputs))
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
    widget = am.ActMaxWidget(model, preset="keras-vis", seed_input=start)
    np.testing.assert_array_equal(widget.image, start)
    widget.close()


def test_a_model_may_be_used_while_it_is_listened_to():
    class Sub(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(3, name="inner")

        def call(self, x, training=False):
            del training
            if not isinstance(x, tf.__internal__.EagerTensor):  # it is looked at: another thread uses it meanwhile
                other = threading.Thread(target=lambda: seen.append(self(np.ones((5, 4), "float32"))))
                other.start()
                other.join()
            return self.inner(x) * 2

    seen = []
    model = Sub()
    model(np.ones((1, 4), "float32"))
    (info,) = Network(model).layers()
    assert info == ("inner", "Dense", (3,), 3, 15)
    np.testing.assert_array_equal(seen[0], model(np.ones((5, 4), "float32")))


@pytest.mark.parametrize("held", [3, ["age"]])
def test_held_inputs_that_are_no_mapping(held):
    with pytest.raises(TypeError, match="held_inputs: expected a mapping from input names to values"):
        Network(small_cnn(), held_inputs=held)
