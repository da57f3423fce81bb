import numpy as np
import pytest
import tensorflow as tf

from actmax_widget import grad_modifiers

GRADS = np.array([[-2.0, -1e-3, 0.0, 0.5]], np.float32)
WANTED = {
    "negate": -GRADS,
    "absolute": np.abs(GRADS),
    "invert": 1 / (GRADS + np.float32(1e-7)),
    "relu": np.maximum(GRADS, 0),
    "small_values": np.abs(1 / (GRADS + np.float32(1e-7))),
}


@pytest.mark.parametrize("name", WANTED)
@pytest.mark.parametrize("kind", [np.array, tf.constant])
def test_each_does_what_its_name_says_to_arrays_and_tensors(name, kind):
    given = kind(GRADS)
    result = grad_modifiers.get(name)(given)
    np.testing.assert_allclose(np.asarray(result), WANTED[name], rtol=1e-6)
    np.testing.assert_array_equal(np.asarray(given), GRADS)  # keras-vis's relu changed its argument


def test_all_built_in_ones_are_tested():
    assert set(WANTED) == set(grad_modifiers.BUILT_IN)


def test_get():
    assert grad_modifiers.get(None)(GRADS) is GRADS
    assert grad_modifiers.get(np.sign) is np.sign
    with pytest.raises(ValueError, match="grad_modifier: expected one of negate"):
        grad_modifiers.get("nope")
    with pytest.raises(ValueError, match="grad_modifier"):
        grad_modifiers.get("np")
    with pytest.raises(TypeError, match="grad_modifier"):
        grad_modifiers.get(3)
