import keras
import numpy as np
import pytest
from keras import layers

from actmax_widget.network.graph import count_values
from tests.networks import small_cnn, small_sequential

SMALL = {"picture": 144, "rescale": 144, "conv1": 600, "pool": 150, "conv2": 72, "flatten": 72, "out": 5}


def test_every_layers_values_are_counted():
    assert count_values(small_cnn().outputs) == sum(SMALL.values())


def test_layers_above_are_not_counted():
    output = small_cnn().get_layer("pool").output
    assert count_values([output]) == SMALL["picture"] + SMALL["rescale"] + SMALL["conv1"] + SMALL["pool"]


def test_a_layer_used_twice_counts_twice_and_one_seen_twice_once():
    inputs = keras.Input((10,))
    shared = layers.Dense(10)
    once, twice = shared(inputs), shared(shared(inputs))
    assert count_values([twice]) == 30
    assert count_values([once, once]) == 20


def test_a_model_inside_counts_with_all_its_layers():
    inner = small_sequential()
    outer = keras.Sequential([keras.Input((8, 8, 1)), inner, layers.Dense(2)])
    assert count_values(outer.outputs) >= count_values(inner.outputs) + 64 + 2


def test_what_cannot_be_seen_is_infinite():
    class Opaque(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(2)

        def call(self, inputs):
            return self.inner(inputs)

    inputs = keras.Input((4,))
    assert count_values([Opaque()(inputs)]) == np.inf


@pytest.mark.parametrize("shape", [(None, None, 2), (None, 5, 2)])
def test_an_open_size_counts_as_one(shape):
    assert count_values([keras.Input(shape)]) == 2 * (shape[1] or 1)


def test_of_a_batch_of_fixed_size_one_picture_counts():
    inputs = keras.Input(batch_shape=(4, 6))
    assert count_values([inputs]) == 6
