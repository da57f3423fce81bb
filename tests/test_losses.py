import keras
import numpy as np
import pytest

from actmax_widget.losses import ActivationMaximization, Loss, selection
from tests.networks import small_cnn


@pytest.fixture(scope="module")
def model():
    return small_cnn()


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).uniform(0, 255, (2, 12, 12, 1)).astype("float32")


def evaluate(model, loss, picture):
    return float(keras.Model(model.inputs[0], loss.build_loss())(picture))


@pytest.mark.parametrize("layer", ["conv1", "conv2", "pool", "flatten", "out"])
@pytest.mark.parametrize("filters", [0, -1, [0, 3], [2, 2], None])
def test_activation_is_the_sum_of_the_filters_means(model, picture, layer, filters):
    output = keras.Model(model.inputs[0], model.get_layer(layer).output)(picture).numpy()
    wanted = [output.mean()] if filters is None else [output[..., i].mean() for i in np.ravel(filters)]
    loss = ActivationMaximization(model.get_layer(layer), filters)
    assert evaluate(model, loss, picture) == pytest.approx(-np.sum(wanted), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("filters", [5, -6, [0, 99]])
def test_a_filter_out_of_range_is_refused(model, filters):
    with pytest.raises(ValueError, match=r"filter_indices.*Layer 'out' has 5 filters: choose from 0 to 4"):
        ActivationMaximization(model.get_layer("out"), filters)


@pytest.mark.parametrize("filters", [1.0, "1", [[0, 1]], [True]])
def test_what_is_no_index_is_refused(model, filters):
    with pytest.raises(TypeError, match="filter_indices"):
        ActivationMaximization(model.get_layer("out"), filters)


def test_no_filters_are_refused(model):
    with pytest.raises(ValueError, match="at least one filter"):
        ActivationMaximization(model.get_layer("out"), [])


def test_selection_counts_each_filter():
    assert selection((0, 2, 2), 4).tolist() == [1, 0, 2, 0]
    assert selection((None,), 4).tolist() == [0.25] * 4


def test_an_infinite_filter_that_is_not_selected_does_no_harm():
    inputs = keras.Input((4,))
    outputs = keras.layers.Rescaling([1, 1, 1, 1e38], name="scale")(inputs)
    model = keras.Model(inputs, outputs)
    loss = ActivationMaximization(model.get_layer("scale"), 1)
    assert evaluate(model, loss, np.full((1, 4), 1e10, "float32")) == pytest.approx(-1e10)


def test_a_loss_without_build_loss_says_so():
    with pytest.raises(NotImplementedError, match=r"build_loss\(\) is missing"):
        Loss().build_loss()
