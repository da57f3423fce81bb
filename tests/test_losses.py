import keras
import numpy as np
import pytest

from actmax_widget.losses import ActivationMaximization, Loss, selection
from tests.networks import channels_first


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).uniform(0, 255, (2, 12, 12, 1)).astype("float32")


def evaluate(model, loss, picture):
    return float(loss.joint(keras.Model(model.inputs[0], loss.build_loss())(picture)))


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


# --- each picture ----------------------------------------------------------------------------------------------------


def evaluate_each(model, loss, picture, **knobs):
    inputs = {name: keras.Input(value.shape[1:]) for name, value in knobs.items()}
    each = keras.Model([model.inputs[0], *inputs.values()], loss.build_loss(**inputs))
    return each.predict_on_batch([picture, *knobs.values()])


def both(filters, count):
    """The selection of the same filters for two pictures."""
    return selection(tuple(np.ravel(filters)), count)[None].repeat(2, axis=0)


@pytest.mark.parametrize("layer", ["conv1", "flatten", "out"])
@pytest.mark.parametrize("filters", [0, -1, [2, 2, 3], None])
def test_each_pictures_activation_is_what_it_is_alone(model, picture, layer, filters):
    loss = ActivationMaximization(model.get_layer(layer), filters)
    wanted = [evaluate(model, loss, picture[[position]]) for position in (0, 1)]
    found = evaluate_each(model, loss, picture, selection=both(loss.filter_indices, loss.filters))
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_each_picture_is_of_the_losss_own_filters_if_no_others_are_given(model, picture):
    loss = ActivationMaximization(model.get_layer("out"), 3)
    wanted = [evaluate(model, loss, picture[[position]]) for position in (0, 1)]
    np.testing.assert_allclose(evaluate_each(model, loss, picture), wanted, rtol=1e-5, atol=1e-6)


def test_each_picture_may_be_of_another_filter(model, picture):
    output = keras.Model(model.inputs[0], model.get_layer("conv2").output)(picture).numpy()
    selections = np.stack([selection((3,), 8), selection((None,), 8)])
    found = evaluate_each(model, ActivationMaximization(model.get_layer("conv2"), 0), picture, selection=selections)
    np.testing.assert_allclose(found, [-output[0, ..., 3].mean(), -output[1].mean()], rtol=1e-5)


def test_an_infinite_filter_of_one_picture_does_no_harm_to_another():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Rescaling([1, 1e38], name="scale")(inputs))
    loss = ActivationMaximization(model.get_layer("scale"), 0)
    values = evaluate_each(
        model, loss, np.full((3, 2), 1e3, "float32"), selection=np.eye(2, dtype="float32")[[0, 1, 0]]
    )
    assert values.tolist() == [-1000, -np.inf, -1000]


def test_filters_are_the_first_axis_with_channels_first():
    with channels_first():
        inputs = keras.Input((3, 4, 5))
        model = keras.Model(inputs, keras.layers.Rescaling(1.0, name="same")(inputs))
        loss = ActivationMaximization(model.get_layer("same"), 1)
        image = np.random.default_rng(0).uniform(0, 1, (2, 3, 4, 5)).astype("float32")
        found = evaluate_each(model, loss, image, selection=both(1, 3))
    np.testing.assert_allclose(found, -image[:, 1].mean((1, 2)), rtol=1e-5)


# --- what can be shared ----------------------------------------------------------------------------------------------


def test_other_filters_have_the_same_signature_and_other_layers_another_one(model):
    def signature(layer, filters=0):
        return ActivationMaximization(model.get_layer(layer), filters).signature()

    assert signature("out") == signature("out", [1, 2]) == signature("out", None)
    assert signature("out") != signature("flatten")


def test_a_users_loss_is_not_to_be_shared(model):
    assert Loss().signature() is None


def test_a_users_kind_of_our_loss_is_not_taken_for_ours(model):
    class Squared(ActivationMaximization):
        pass

    layer = model.get_layer("out")
    assert Squared(layer, 0).signature() != ActivationMaximization(layer, 0).signature()
