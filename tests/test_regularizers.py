import keras
import numpy as np
import pytest
import tensorflow as tf

from actmax_widget.regularizers import LPNorm, TotalVariation

SHAPES = [(6, 5, 1), (6, 5, 3), (9, 2), (4, 3, 5, 2)]


def value_and_gradient(make, array):
    inputs = keras.Input(array.shape[1:])
    model = keras.Model(inputs, make(inputs).build_loss())
    with tf.GradientTape() as tape:
        tensor = tf.constant(array)
        tape.watch(tensor)
        value = model(tensor)
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
