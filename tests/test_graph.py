import keras
import numpy as np
import pytest
from keras import layers

from actmax_widget import graph
from tests.networks import small_cnn, small_sequential


@pytest.fixture(scope="module")
def model():
    return small_cnn()


def test_list_layers(model):
    infos = graph.list_layers(model)
    assert [info.name for info in infos] == ["rescale", "conv1", "pool", "conv2", "flatten", "out"]
    assert infos[1] == ("conv1", "Conv2D", (10, 10, 6), 6)


@pytest.mark.parametrize("layer", ["conv2", 4, -3])
def test_find_layer_by_name_index_and_layer(model, layer):
    wanted = model.get_layer("conv2")
    assert graph.find_layer(model, layer) == (wanted, wanted.output)
    assert graph.find_layer(model, wanted)[0] is wanted


@pytest.mark.parametrize(
    ("layer", "error"), [("nope", ValueError), (99, ValueError), (-99, ValueError), (2.0, TypeError), (None, TypeError)]
)
def test_an_unknown_layer_is_refused(model, layer, error):
    with pytest.raises(error, match="layer"):
        graph.find_layer(model, layer)


def test_a_misspelt_layer_is_answered_with_the_names_there_are(model):
    with pytest.raises(ValueError, match=r"'conv3'.*Choose one of: picture, rescale, conv1"):
        graph.find_layer(model, "conv3")


def test_a_layer_of_another_model_is_refused(model):
    with pytest.raises(ValueError, match="expected a layer of 'small'"):
        graph.find_layer(model, small_sequential().layers[0])


def test_a_layer_first_used_in_another_model_is_found_in_this_one(model):
    inputs = keras.Input((12, 12, 1))
    reused = model.get_layer("conv1")
    other = keras.Model(inputs, layers.Dense(2, name="head")(layers.Flatten()(reused(inputs))))
    _, output = graph.find_layer(other, "conv1")
    assert output is not reused.output
    keras.Model(other.inputs[0], output)


def test_a_layer_used_twice_is_refused():
    inputs = keras.Input((4, 4, 1))
    twice = layers.Conv2D(1, 1, name="twice")
    model = keras.Model(inputs, twice(twice(inputs)))
    assert graph.list_layers(model) == []
    with pytest.raises(ValueError, match="used once"):
        graph.find_layer(model, "twice")


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, inputs):
        return self.dense(inputs)


def built(model):
    model(np.zeros((1, 4), "float32"))
    return model


def two_inputs():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    return keras.Model([a, b], layers.Add()([a, b]))


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: 3, TypeError, "a Keras model"),
        (lambda: layers.Dense(3), TypeError, "a Keras model"),
        (lambda: keras.Sequential([layers.Dense(3)]), ValueError, "a built Sequential or Functional model"),
        (lambda: built(Subclassed()), ValueError, "a built Sequential or Functional model"),
        (lambda: keras.applications.MobileNetV2(weights=None, include_top=False), ValueError, "an input of known size"),
        (two_inputs, ValueError, r"a model with one input, not 2 \(a, b\)"),
    ],
)
def test_models_that_cannot_be_used_are_refused(make, error, sentence):
    with pytest.raises(error, match=f"^model: expected {sentence}"):
        graph.check_model(make())
