import numpy as np
import pytest

from actmax_widget import utils


@pytest.mark.parametrize(
    ("value", "listed"),
    [
        (1, [1]),
        (None, [None]),
        ([1, 2], [1, 2]),
        ((1, 2), [1, 2]),
        (range(2), [0, 1]),
        (np.array([3]), [3]),
        ("ab", ["ab"]),
    ],
)
def test_listify(value, listed):
    assert utils.listify(value) == listed


def test_random_array():
    array = utils.random_array((3, 50), mean=10, std=2)
    assert array.mean() == pytest.approx(10)
    assert array.std() == pytest.approx(2, rel=1e-6)


def test_deprocess_input():
    array = np.random.default_rng(0).normal(5, 3, (20, 20))
    image = utils.deprocess_input(array, (0, 200))
    assert image.mean() == pytest.approx(100)
    assert image.std() == pytest.approx(20)
    assert utils.deprocess_input(np.full((3, 3), 7.0)).tolist() == [[127.5] * 3] * 3
