import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import actmax_widget as am
from actmax_widget import losses
from actmax_widget.engine.objective import Objective
from actmax_widget.network import Kind, Network, head_of

PICTURES = np.random.RandomState(0).uniform(0, 255, (5, 6, 6, 1)).astype("float32")


def model_of(*last):
    keras.utils.set_random_seed(0)
    start = [keras.Input((6, 6, 1)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(8, "relu", name="inner")]
    return keras.Sequential([*start, *last])


def fused(activation, units=4):
    return model_of(layers.Dense(units, activation, name="out"))


def apart(activation, units=4):
    after = layers.Softmax(name="after") if activation == "softmax" else layers.Activation(activation, name="after")
    return model_of(layers.Dense(units, name="out"), after)


def logits_of(model):
    """By hand: the last Dense layer without its activation."""
    inner = keras.Model(model.inputs, model.get_layer("inner").output)
    kernel, bias = model.get_layer("out").get_weights()
    return inner.predict(PICTURES, verbose=0) @ kernel + bias


def found(model, layer):
    network = Network(model)
    return head_of(network, network.find(layer))


@pytest.mark.parametrize(
    ("model", "layer", "kind", "activation"),
    [
        (fused("softmax"), "out", Kind.CLASSES, "softmax"),
        (fused("sigmoid"), "out", Kind.LABELS, "sigmoid"),
        (fused("sigmoid", 1), "out", Kind.LABELS, "sigmoid"),
        (apart("softmax"), "out", Kind.CLASSES, "softmax"),
        (apart("softmax"), "after", Kind.CLASSES, "softmax"),
        (apart("sigmoid"), "out", Kind.LABELS, "sigmoid"),
        (apart("sigmoid"), "after", Kind.LABELS, "sigmoid"),
        (fused("linear"), "out", Kind.CLASSES, "linear"),
    ],
)
def test_units_are_taken_before_their_activation_whichever_layer_is_named(model, layer, kind, activation):
    head = found(model, layer)
    assert (head.kind, head.activation, head.target.filters) == (kind, activation, model.output_shape[-1])
    np.testing.assert_allclose(values_of(head, Network(model)), logits_of(model)[:, 0], rtol=1e-4, atol=1e-5)


def nested(*last, after=()):
    """As everybody writes it who takes a model that was trained before: it is a layer of another."""
    inner = model_of(*last)
    inner.name = "base"
    return keras.Sequential([keras.Input((6, 6, 1)), layers.Rescaling(1), inner, *after])


def dense(activation=None):
    return layers.Dense(4, activation, name="out")


def softmax():
    return layers.Softmax(name="after")


def dropout():
    return layers.Dropout(0.5, name="drop")


IN_A_MODEL = [
    (nested(dense("softmax")), Kind.CLASSES, "softmax", ("base", "base/out")),
    (nested(dense("sigmoid")), Kind.LABELS, "sigmoid", ("base", "base/out")),
    (nested(dense(), softmax()), Kind.CLASSES, "softmax", ("base", "base/out", "base/after")),
    (nested(dense(), after=[softmax()]), Kind.CLASSES, "softmax", ("base", "base/out", "after")),
    (
        nested(dense(), dropout(), after=[softmax()]),
        Kind.CLASSES,
        "softmax",
        ("base/out", "base/drop", "base", "after"),
    ),
    (nested(layers.Identity(), after=[dense("softmax")]), Kind.CLASSES, "softmax", ("out",)),
    (nested(dense()), Kind.CLASSES, "linear", ("base", "base/out")),
    (model_of(dense(), dropout(), softmax()), Kind.CLASSES, "softmax", ("out", "drop", "after")),
    (model_of(dense(), layers.Activation("linear"), dropout()), Kind.CLASSES, "linear", ("out", "drop", -2)),
]


@pytest.mark.parametrize(("model", "kind", "activation", "names"), IN_A_MODEL)
def test_a_head_is_found_wherever_it_is(model, kind, activation, names):
    """Before, the softmax of a model inside was taken for logits, and maximised ahead of the others as such."""
    network = Network(model)
    each = {layer.name: layer for layer in model._flatten_layers()}
    for name in names:
        head = head_of(network, network.find(name))
        assert (head.kind, head.activation) == (kind, activation), name
        hidden = np.maximum(flat(PICTURES / 255, each["inner"]), 0)
        np.testing.assert_allclose(values_of(head, network), flat(hidden, each["out"])[:, 0], rtol=1e-4, atol=1e-5)


def flat(values, layer):
    return values.reshape(len(values), -1) @ layer.kernel.numpy() + layer.bias.numpy()


def values_of(head, network, pictures=PICTURES):
    """The first unit of each picture."""
    objective = Objective(network.input, [(losses.ActivationMaximization(head.target, 0), 1.0)])
    knobs = [np.repeat(knob, len(pictures), axis=0) for knob in objective.knobs()]
    return -objective.losses_at(pictures, objective.weights(), knobs)[:, 0].numpy()


@pytest.mark.parametrize("name", ["base", "base/out"])
def test_a_head_in_a_model_inside_at_another_size_of_input(name):
    open_size = [keras.Input((None, None, 1)), layers.Conv2D(3, 3), layers.GlobalAveragePooling2D()]
    base = keras.Sequential([*open_size, layers.Dense(4, "softmax", name="out")], name="base")
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, base(inputs))
    pictures = np.random.RandomState(0).uniform(0, 1, (3, 9, 7, 1)).astype("float32")
    network = Network(model, (9, 7, 1))
    head = head_of(network, network.find(name))
    out = base.get_layer("out")
    pooled = keras.Model(base.inputs, base.layers[-2].output).predict(pictures, verbose=0)
    expected = (pooled @ out.kernel.numpy() + out.bias.numpy())[:, 0]
    np.testing.assert_allclose(values_of(head, network, pictures), expected, rtol=1e-4, atol=1e-5)


def test_the_softmax_of_a_model_inside_has_logits_and_a_probability():
    model = nested(dense("softmax"))
    made = am.visualize(model, "base", 2, transforms=[], seed=0, max_iter=3)
    assert made.history.measures == ("activation", "probability")
    told = model.predict(made.image[None], verbose=0)[0, 2]
    np.testing.assert_allclose(made.history["probability"][-1], told, rtol=1e-4)


def ensemble(merged):
    inputs = keras.Input((6, 6, 1))
    return keras.Model(inputs, merged([fused("softmax")(inputs), fused("softmax")(inputs)]))


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        (ensemble(layers.Average()), -1),
        (ensemble(layers.Multiply()), -1),
        (model_of(dense("softmax"), layers.Reshape((4,))), -1),
        (model_of(dense("softmax"), layers.Rescaling(100.0)), -1),
        (nested(dense("softmax")), "base/inner"),
        (nested(dense(), after=[layers.Dense(2, name="more")]), "base"),
        (nested(dense("relu")), "base"),
        (fused("linear", 1), "out"),  # a regression
        (fused("softmax", 1), "out"),  # always 1
        (fused("softmax"), "inner"),
        (fused("relu"), "out"),
        (apart("relu"), "out"),
    ],
)
def test_other_layers_are_no_heads(model, layer):
    assert found(model, layer) is None


def test_the_models_own_weights_are_looked_at_as_they_are():
    model = fused("softmax")
    before = [weight.copy() for weight in model.get_weights()]
    first = am.visualize(model, "out", 2, seed=0, max_iter=3)
    for weight, own in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, own)
    assert model.get_layer("out").activation is keras.activations.softmax
    model.get_layer("out").set_weights([2 * weight for weight in model.get_layer("out").get_weights()])
    second = am.visualize(model, "out", 2, seed=0, max_iter=3)
    assert first.history["Log odds"][0] != second.history["Log odds"][0]


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_both_ways_to_write_a_head_give_the_same_picture(activation):
    one, other = fused(activation), apart(activation)
    other.set_weights(one.get_weights())
    made = [am.visualize(one, "out", 1, seed=0, max_iter=20), am.visualize(other, "after", 1, seed=0, max_iter=20)]
    made.append(am.visualize(other, "out", 1, seed=0, max_iter=20))
    for result in made[1:]:
        np.testing.assert_allclose(result.image, made[0].image, atol=0.5)


def of_type(value):
    return getattr(value, "__name__", type(value).__name__)


class Own(layers.Layer):
    """A head that somebody wrote: what it does to its units nobody knows."""

    def __init__(self, **options):
        super().__init__(**options)
        self.dense = layers.Dense(4)

    def call(self, inputs):
        return keras.ops.softmax(self.dense(inputs))


@pytest.mark.parametrize("activation", [tf.nn.softmax, keras.ops.softmax, layers.Softmax(), "log_softmax"], ids=of_type)
def test_a_softmax_is_known_however_it_is_written(activation):
    model = fused(activation)
    head = found(model, "out")
    assert (head.kind, head.activation) == (Kind.CLASSES, "softmax")
    made = am.visualize(model, "out", 1, transforms=[], seed=0, max_iter=3)
    told = model.predict(made.image[None], verbose=0)[0, 1]
    # The last row is of this picture.
    expected = np.exp(told) if activation == "log_softmax" else told
    np.testing.assert_allclose(made.history["probability"][-1], expected, rtol=1e-4)


@pytest.mark.parametrize(
    "last", [Own(name="out"), layers.Lambda(keras.ops.softmax, name="out"), layers.UnitNormalization()]
)
def test_what_nobody_knows_is_no_head(last):
    model = model_of(*([] if isinstance(last, Own) else [layers.Dense(4)]), last)
    assert found(model, -1) is None
    made = am.visualize(model, -1, 1, transforms=[], seed=0, max_iter=3)
    assert made.history.measures == ("activation",)
    np.testing.assert_allclose(
        made.history["activation"][-1], model.predict(made.image[None], verbose=0)[0, 1], rtol=1e-4
    )
