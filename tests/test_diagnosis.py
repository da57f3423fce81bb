import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import actmax_widget as am
from actmax_widget.losses import ActivationMaximization, Loss
from actmax_widget.optimizer import Optimizer
from actmax_widget.regularizers import TotalVariation
from actmax_widget.visualization import visualize_activation_with_losses
from tests.networks import small_cnn


class Whole(layers.Layer):
    """A layer of a user's own that makes whole numbers of what it gets."""

    def call(self, x):
        return tf.cast(tf.cast(x, "int32"), x.dtype)


def cut(work, size=6):
    """A network in which something stands between a convolution and the end."""
    inputs = keras.Input((size, size, 3), name="picture")
    x = work(layers.Conv2D(2, 3, name="conv")(inputs))
    return keras.Model(inputs, layers.Dense(3, name="out")(layers.Flatten()(x)), name="cut")


def of_bytes():
    pixels = keras.Input((8, 8, 3), dtype="uint8", name="pixels")
    x = layers.Conv2D(4, 3, activation="relu")(layers.Rescaling(1 / 255)(pixels))
    return keras.Model(pixels, layers.Dense(2, name="out")(layers.GlobalAveragePooling2D()(x)))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.whole, self.out = Whole(name="whole"), layers.Dense(3, name="out")

    def call(self, inputs):
        return self.out(ops.mean(self.whole(inputs), (1, 2)))


def subclassed():
    model = Subclassed()
    model(np.zeros((1, 6, 6, 3), "float32"))
    return model


WITHOUT = {
    "bytes": (of_bytes, "to the input 'pixels', received None.* takes uint8, .*keras.Input((8, 8, 3))"),
    "int64": (lambda: keras.Sequential([keras.Input((4, 4, 1), dtype="int64"), layers.Dense(2)]), "takes int64"),
    "rounding": (lambda: cut(ops.round), "of the kind Round"),
    "stop_gradient": (lambda: cut(ops.stop_gradient), "of the kind StopGradient"),
    "comparing": (lambda: cut(lambda x: ops.cast(x > 0, "float32")), "of the kind Greater"),
    "argmax": (lambda: cut(lambda x: ops.cast(ops.argmax(x, -1, keepdims=True), "float32")), "to the input 'picture'"),
    "a layer": (lambda: cut(Whole(name="whole")), "in the layer 'whole' (Cast)"),
    "no known gradient": (
        lambda: cut(lambda x: ops.cast(layers.Discretization([0.0, 1.0], name="steps")(x), "float32")),
        "in the layer 'steps' (Bucketize)",
    ),
    "nested": (
        lambda: keras.Sequential([keras.Input((6, 6, 3)), cut(Whole(name="whole")), layers.Dense(2)]),
        "in the layer 'whole' (Cast)",
    ),
    "subclassed": (subclassed, "in the layer 'whole' (Cast)"),
}


def pattern(sentence):
    return r"^model: expected a gradient from .*" + re.escape(sentence).replace(r"\.\*", ".*")


@pytest.mark.parametrize(("make", "sentence"), WITHOUT.values(), ids=WITHOUT)
def test_an_input_that_no_gradient_reaches_is_refused(make, sentence):
    model = make()
    with pytest.raises(ValueError, match=pattern(sentence)):
        am.visualize_activation(model, -1, 1, max_iter=3)
    with pytest.raises(ValueError, match=pattern(sentence)):
        am.visualize_layer(model, -1, [0, 1], max_iter=3, progress=False)
    widget = am.ActMaxWidget(model, max_iter=3)
    widget.start()
    assert widget.wait(60)
    assert (widget.status, widget.iteration, len(widget.history)) == ("failed", 0, 0)
    assert re.search(pattern(sentence)[1:], widget.error)
    widget.visualize_layer()
    assert widget.wait(60)
    assert (widget._tiles.status, widget._tiles.begun) == ("failed", 0)
    assert re.search(pattern(sentence)[1:], widget._tiles.error)


def test_guided_too():
    with pytest.raises(ValueError, match=pattern("in the layer 'whole' (Cast)")):
        am.visualize_activation(cut(Whole(name="whole")), -1, 1, backprop_modifier="guided")


def text():
    return keras.Sequential(
        [
            keras.Input((20,), name="words"),
            layers.Embedding(50, 8, name="embedding"),
            layers.Conv1D(4, 3, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(2, name="out"),
        ]
    )


def test_text_has_no_gradient_before_the_embedding_and_has_one_behind_it():
    model = text()
    for call in (am.visualize_activation, am.visualize_layer):
        with pytest.raises(ValueError, match=pattern("to the input 'words', .* in the layer 'embedding'")):
            call(model, "out", 1, input_range=(0, 49))
    losses = [(ActivationMaximization(model.get_layer("out"), 1), 1)]
    with pytest.raises(ValueError, match=pattern("in the layer 'embedding'")):
        visualize_activation_with_losses(model.inputs[0], losses)
    embedded = model.get_layer("embedding").output
    _, grads, _ = Optimizer(model.inputs[0], losses, (0, 49), embedded).minimize(max_iter=1, verbose=False)
    assert grads.shape == (1, 20, 8)
    assert grads.any()


def test_the_way_out_for_bytes_works():
    model = of_bytes()
    with pytest.raises(ValueError, match="takes uint8") as told:
        am.visualize_activation(model, "out", 1)
    code = str(told.value).partition("float input: ")[2].rstrip(".")
    names = {"keras": keras, "model": model}
    exec(code, names)  # noqa: S102 - what the sentence says
    picture = np.random.default_rng(0).integers(0, 255, (1, 8, 8, 3)).astype("uint8")
    np.testing.assert_array_equal(names["copy"](picture.astype("float32")), model(picture))
    one, two = (am.visualize_activation(names["copy"], "out", 1, max_iter=n, seed=0, clip=True) for n in (1, 9))
    assert (one != two).any()


def test_a_tensor_that_the_losses_are_not_computed_from_is_refused():
    model = small_cnn()
    with pytest.raises(ValueError, match=r"^wrt_tensor: expected a tensor that filter 0 of conv1 is computed from"):
        am.visualize_activation(model, "conv1", 0, wrt_tensor=model.get_layer("conv2").output)


def test_what_has_no_activation_is_legal():
    model = small_cnn()
    for weights in ({"act_max_weight": 0}, {"act_max_weight": None, "lp_norm_weight": 0}):
        am.visualize_activation(model, "out", 0, max_iter=3, **weights)
        am.visualize_layer(model, "out", [0, 1], max_iter=3, progress=False, **weights)
    visualize_activation_with_losses(model.inputs[0], [(TotalVariation(model.inputs[0]), 1)], max_iter=3)
    widget = am.ActMaxWidget(model, act_max_weight=0, max_iter=3)
    widget.start()
    assert widget.wait(60)
    assert widget.message.startswith("Finished 3 iterations.")


def test_one_loss_without_a_gradient_does_not_matter_beside_another():
    class Constant(Loss):
        name = "Constant"

        def build_loss(self):
            return ops.sum(ops.stop_gradient(model.outputs[0]))

    model = small_cnn()
    losses = [(Constant(), 1), (ActivationMaximization(model.get_layer("out"), 1), 1)]
    image = visualize_activation_with_losses(model.inputs[0], losses, max_iter=3)
    assert image.shape == (12, 12, 1)
    with pytest.raises(ValueError, match=pattern("Constant to the input 'picture'")):
        visualize_activation_with_losses(model.inputs[0], losses[:1], max_iter=3)
