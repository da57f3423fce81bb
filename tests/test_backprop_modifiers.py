import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import actmax_widget as am
from actmax_widget import backprop_modifiers
from actmax_widget.engine.objective import Objective
from actmax_widget.losses import ActivationMaximization
from tests.networks import small_cnn

X = np.array([[-3.0, -1.0, -0.5, 0.5, 2.0, 9.0]], np.float32)
WEIGHTS = np.array([1.0, -1.0, 2.0, -2.0, 3.0, 5.0], np.float32)  # of each value in the activation


class Custom(layers.Layer):
    """A layer of a user's own, with TensorFlow's relu inside."""

    def call(self, inputs):
        return tf.nn.relu(inputs)


def after(activation):
    """A model whose unit 0 is the weighted sum of an activation."""
    inputs = keras.Input((6,))
    outputs = layers.Dense(1, use_bias=False, name="out")(activation(inputs))
    model = keras.Model(inputs, outputs)
    model.get_layer("out").set_weights([WEIGHTS[:, None]])
    return model


def prelu():
    return layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25))


def gradient(model, name, weight=1.0):
    """Gradient of the activation by the input, through the modifier."""
    target = model.get_layer("out")
    objective = Objective(
        model.inputs[0],
        [(ActivationMaximization(target, 0), weight)],
        gate=backprop_modifiers.get(name),
    )
    knobs = [tf.constant(knob) for knob in objective.knobs()]
    compiled = tf.function(lambda inp: objective(inp, tf.constant(objective.weights()), knobs).grads)
    return -compiled(tf.constant(X)).numpy() / weight


RELUS = {
    "activation": lambda: layers.Activation("relu"),
    "relu layer": layers.ReLU,
    "leaky layer": lambda: layers.LeakyReLU(0.3),
    "leaky activation": lambda: layers.Activation("leaky_relu"),
    "prelu": prelu,
    "relu with slope": lambda: layers.ReLU(negative_slope=0.2),
    "ops": lambda: ops.relu,
    "custom layer": Custom,
    "nested": lambda: keras.Sequential([keras.Input((6,)), layers.ReLU()]),
}
CAPPED = {
    "relu6": lambda: layers.Activation("relu6"),
    "relu6 layer": lambda: layers.ReLU(6.0),
    "relu with maximum": lambda: layers.ReLU(4.0),
}


@pytest.mark.parametrize("make", RELUS.values(), ids=RELUS)
def test_every_relu_is_gated(make):
    model = after(make())
    np.testing.assert_allclose(gradient(model, "guided")[0], np.where((X[0] > 0) & (WEIGHTS > 0), WEIGHTS, 0))
    np.testing.assert_allclose(gradient(model, "rectified")[0], np.where(WEIGHTS > 0, WEIGHTS, 0))


@pytest.mark.parametrize("make", CAPPED.values(), ids=CAPPED)
def test_where_a_relu_is_capped_a_guided_gradient_does_not_pass(make):
    model = after(make())
    np.testing.assert_allclose(gradient(model, "guided")[0], [0, 0, 0, 0, 3, 0])
    np.testing.assert_allclose(gradient(model, "rectified")[0], np.where(WEIGHTS > 0, WEIGHTS, 0))


def test_a_threshold_moves_the_gate():
    model = after(layers.ReLU(threshold=3.0))
    np.testing.assert_allclose(gradient(model, "guided")[0], [0, 0, 0, 0, 0, 5])


@pytest.mark.parametrize("activation", ["elu", "tanh", "sigmoid", "linear"])
def test_other_activations_are_left_alone(activation):
    model = after(layers.Activation(activation))
    np.testing.assert_allclose(gradient(model, "guided"), gradient(model, None), rtol=1e-6)


@pytest.mark.parametrize("name", ["guided", "rectified"])
def test_the_gate_looks_at_the_activation_whatever_the_sign_of_its_weight(name):
    model = after(layers.ReLU())
    np.testing.assert_allclose(gradient(model, name, weight=-2.0), gradient(model, name))


def test_a_guided_picture_raises_the_activation():
    model = small_cnn()
    image = am.visualize_activation(
        model,
        "conv1",
        1,
        backprop_modifier="guided",
        input_range=(0.0, 255.0),
        max_iter=20,
        seed=0,
        lp_norm_weight=0,
        tv_weight=0,
        clip=True,
    )
    first = keras.Model(model.inputs[0], model.get_layer("conv1").output)
    start = np.full((1, 12, 12, 1), 127.5, "float32")
    assert first(image[None]).numpy()[..., 1].mean() > first(start).numpy()[..., 1].mean()


def test_the_users_model_is_left_as_it_was():
    model = after(layers.LeakyReLU(0.3))
    before = gradient(model, None)
    gradient(model, "guided")
    np.testing.assert_array_equal(gradient(model, None), before)
    assert not any("call" in vars(layer) for layer in model._flatten_layers())


def test_new_weights_are_used_at_once():
    model = after(layers.ReLU())
    gradient(model, "guided")
    model.get_layer("out").set_weights([2 * WEIGHTS[:, None]])
    np.testing.assert_allclose(gradient(model, "guided")[0], np.where((X[0] > 0) & (WEIGHTS > 0), 2 * WEIGHTS, 0))


def test_a_function_of_the_model():
    model = small_cnn()
    asked = []

    def modifier(given):
        asked.append(given)
        return small_cnn(softmax=True)

    am.visualize_activation(model, "out", 0, backprop_modifier=modifier, max_iter=1)
    assert asked == [model]


def test_get():
    assert backprop_modifiers.get("relu") == backprop_modifiers.get("deconv") == backprop_modifiers.get("rectified")
    assert backprop_modifiers.get(None) is None
    for name in ("nope", "get"):
        with pytest.raises(ValueError, match="backprop_modifier: expected one of guided, rectified"):
            backprop_modifiers.get(name)
    for other in (3, False, ["guided"]):
        with pytest.raises(TypeError, match="backprop_modifier"):
            backprop_modifiers.get(other)
