import keras
import numpy as np
import pytest
import tensorflow as tf

from actmax_widget.regularizers import LPNorm, TotalVariation
from tests.networks import channels_first

SHAPES = [(6, 5, 1), (6, 5, 3), (9, 2), (4, 3, 5, 2)]


def value_and_gradient(make, array):
    inputs = keras.Input(array.shape[1:])
    loss = make(inputs)
    model = keras.Model(inputs, loss.build_loss())
    with tf.GradientTape() as tape:
        tensor = tf.constant(array)
        tape.watch(tensor)
        value = loss.joint(model(tensor))
    return float(value), tape.gradient(value, tensor).numpy()


def total_variation(array, beta):
    """The definition, straight in NumPy."""
    spatial = range(1, array.ndim - 1)
    corner = array[(slice(None), *[slice(None, -1)] * len(spatial))]
    squares = 0
    for axis in spatial:
        index = [slice(None), *[slice(None, -1)] * len(spatial)]
        index[axis] = slice(1, None)
        squares = squares + (array[tuple(index)] - corner) ** 2
    return (squares ** (beta / 2)).sum() / array[0].size


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("beta", [1.0, 1.5, 2, 3.0])
def test_total_variation_is_its_definition(shape, beta):
    array = np.random.default_rng(1).normal(size=(2, *shape)).astype("float32")
    value, gradient = value_and_gradient(lambda inputs: TotalVariation(inputs, beta), array)
    assert value == pytest.approx(total_variation(array, beta), rel=1e-5)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("beta", [0.5, 1.0, 1.5, 2.0])
def test_total_variation_of_a_flat_picture_has_gradient_0(beta):
    value, gradient = value_and_gradient(lambda inputs: TotalVariation(inputs, beta), np.ones((1, 5, 5, 1), "float32"))
    assert value == 0
    assert not gradient.any()


def test_total_variation_without_neighbours_is_0():
    assert value_and_gradient(TotalVariation, np.ones((1, 7), "float32"))[0] == 0
    assert value_and_gradient(TotalVariation, np.ones((1, 1, 7, 1), "float32"))[0] == 0


@pytest.mark.parametrize("p", [1, 1.5, 2, 6.0, 30, float("inf")])
def test_lp_norm_is_its_definition(p):
    array = np.random.default_rng(2).normal(0, 200, (1, 6, 5, 3)).astype("float32")
    value, gradient = value_and_gradient(lambda inputs: LPNorm(inputs, p), array)
    assert value == pytest.approx(np.linalg.norm(array.astype("float64").ravel(), p) / array.size, rel=1e-5)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("p", [1, 2, 6.0, float("inf")])
def test_lp_norm_of_a_zero_picture_has_a_finite_gradient(p):
    value, gradient = value_and_gradient(lambda inputs: LPNorm(inputs, p), np.zeros((1, 4, 4, 1), "float32"))
    assert value == 0
    assert np.isfinite(gradient).all()


def test_names_are_keras_vis_names():
    inputs = keras.Input((4, 4, 1))
    assert LPNorm(inputs).name == "L-6.0 Norm Loss"
    assert LPNorm(inputs, p=2).name == "L-2 Norm Loss"
    assert LPNorm(inputs, p=float("inf")).name == "L-inf Norm Loss"
    assert TotalVariation(inputs).name == "TV(2.0) Loss"


def test_bad_exponents_are_refused():
    inputs = keras.Input((4, 4, 1))
    with pytest.raises(ValueError, match="p: expected"):
        LPNorm(inputs, p=0.5)
    with pytest.raises(TypeError, match="p: expected"):
        LPNorm(inputs, p="6")
    with pytest.raises(ValueError, match="beta: expected"):
        TotalVariation(inputs, beta=0)


# --- gradients, which are written by hand ----------------------------------------------------------------------------


def derived(formula, array):
    """The gradient that TensorFlow derives for the formula, in double precision."""
    tensor = tf.constant(array, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        value = formula(tensor)
    return tape.gradient(value, tensor).numpy()


def plain_total_variation(beta):
    def formula(img):
        rank = len(img.shape)
        corner = img[(slice(None), *[slice(None, -1)] * (rank - 2))]
        squares = tf.zeros_like(corner)
        for axis in range(1, rank - 1):
            index = [slice(None), *[slice(None, -1)] * (rank - 2)]
            index[axis] = slice(1, None)
            squares += (img[tuple(index)] - corner) ** 2
        return tf.reduce_sum(squares ** (beta / 2)) / np.prod(img.shape[1:])

    return formula


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("beta", [0.5, 1.0, 1.5, 2, 3.0])
def test_the_gradient_of_total_variation_is_that_of_its_definition(shape, beta):
    array = np.random.default_rng(1).normal(0, 20, (2, *shape)).astype("float32")
    _, gradient = value_and_gradient(lambda inputs: TotalVariation(inputs, beta), array)
    wanted = derived(plain_total_variation(beta), array)
    assert np.abs(wanted).max() > 1e-3
    np.testing.assert_allclose(gradient, wanted, rtol=1e-3, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("shape", [(6, 5, 3), (7,)])
@pytest.mark.parametrize("p", [1, 1.5, 2, 3, 5, 6.0, 7.5, 30, float("inf")])
def test_the_gradient_of_the_lp_norm_is_that_of_its_definition(shape, p):
    def formula(img):
        size = np.abs(img)
        largest = tf.reduce_max(tf.abs(img))
        return (largest if p == float("inf") else tf.reduce_sum(tf.abs(img) ** p) ** (1 / p)) / np.prod(size.shape[1:])

    array = np.random.default_rng(2).normal(0, 200, (2, *shape)).astype("float32")
    _, gradient = value_and_gradient(lambda inputs: LPNorm(inputs, p), array)
    wanted = derived(formula, array)
    np.testing.assert_allclose(gradient, wanted, rtol=2e-3, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("make", [TotalVariation, LPNorm, lambda inputs: LPNorm(inputs, float("inf"))])
def test_the_gradient_is_multiplied_by_what_comes_from_above(make):
    array = np.random.default_rng(3).normal(size=(1, 6, 5, 2)).astype("float32")
    inputs = keras.Input(array.shape[1:])
    model = keras.Model(inputs, make(inputs).build_loss() * -3.0)
    with tf.GradientTape() as tape:
        tensor = tf.constant(array)
        tape.watch(tensor)
        value = model(tensor)
    np.testing.assert_allclose(tape.gradient(value, tensor), -3 * value_and_gradient(make, array)[1], rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-20, 1e20, 3e37])
@pytest.mark.parametrize("p", [2, 6.0, 30])
def test_no_power_is_too_high_for_the_lp_norm(p, scale):
    array = np.random.default_rng(2).uniform(-1, 1, (1, 4, 4, 1)).astype("float32")
    value, gradient = value_and_gradient(lambda inputs: LPNorm(inputs, p), array)
    scaled_value, scaled_gradient = value_and_gradient(lambda inputs: LPNorm(inputs, p), array * np.float32(scale))
    assert scaled_value == pytest.approx(value * scale, rel=1e-4)
    np.testing.assert_allclose(scaled_gradient, gradient, rtol=1e-3, atol=1e-7)


# --- each picture ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [*SHAPES, (7,)])
@pytest.mark.parametrize(
    "make",
    [TotalVariation, lambda inputs: TotalVariation(inputs, 1.0), LPNorm, lambda inputs: LPNorm(inputs, float("inf"))],
)
def test_each_pictures_penalty_and_gradient_are_what_they_are_alone(shape, make):
    array = np.random.default_rng(4).normal(0, 50, (3, *shape)).astype("float32")
    array[1] = 0
    inputs = keras.Input(shape)
    each = keras.Model(inputs, make(inputs).build_loss())
    with tf.GradientTape() as tape:
        tensor = tf.constant(array)
        tape.watch(tensor)
        values = each(tensor)
    gradients = tape.gradient(values, tensor).numpy()
    assert values.shape == (3,)
    for position in range(3):
        value, gradient = value_and_gradient(make, array[[position]])
        assert float(values[position]) == pytest.approx(value, rel=1e-5)
        np.testing.assert_allclose(gradients[position], gradient[0], rtol=1e-4, atol=1e-8)
    assert np.isfinite(gradients).all()


def test_channels_first_is_differenced_along_the_same_axes():
    array = np.random.default_rng(5).normal(size=(2, 6, 5, 3)).astype("float32")
    value, gradient = value_and_gradient(TotalVariation, array)
    with channels_first():
        first_value, first_gradient = value_and_gradient(TotalVariation, np.moveaxis(array, -1, 1))
    assert first_value == pytest.approx(value, rel=1e-6)
    np.testing.assert_allclose(np.moveaxis(first_gradient, 1, -1), gradient, rtol=1e-5)


def test_what_shapes_a_penalty_is_its_signature():
    inputs = keras.Input((4, 4, 1))
    assert TotalVariation(inputs).signature() == TotalVariation(inputs, 2.0).signature()
    every = [TotalVariation(inputs), TotalVariation(inputs, 1.5), LPNorm(inputs), LPNorm(inputs, 2)]
    assert len({one.signature() for one in every}) == 4
