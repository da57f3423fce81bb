import dataclasses

import numpy as np
import pytest

from actmax_widget.parameters import parameters_of
from actmax_widget.settings import Settings


def test_every_setting_is_declared():
    # The numbers of parts are declared by these.
    assert {*parameters_of(Settings), "knobs"} == {field.name for field in dataclasses.fields(Settings)}


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("layer", 3, TypeError),
        ("filter_indices", [], ValueError),
        ("filter_indices", "3", TypeError),
        ("filter_indices", [1.0], TypeError),
        ("position", (), ValueError),
        ("position", (1, 2, 3, 4), ValueError),
        ("position", "3, 7", TypeError),
        ("position", (1, 2.5), TypeError),
        ("act_max_weight", "1", TypeError),
        ("lp_norm_weight", float("nan"), ValueError),
        ("tv_weight", None, TypeError),
        ("learning_rate", 0, ValueError),
        ("jitter", -1, ValueError),
        ("grad_modifier", "nope", ValueError),
        ("grad_modifier", 3, TypeError),
        ("objective", 3, TypeError),
        ("parametrization", "fouriers", ValueError),
        ("transforms", [3], TypeError),
        ("optimizer", "adams", ValueError),
        ("seed", -1, ValueError),
        ("input_range", (255, 0), ValueError),
        ("clip", 1, TypeError),
        ("max_iter", 0, ValueError),
        ("max_iter", 1.5, TypeError),
        ("steps_per_second", 0, ValueError),
    ],
)
def test_a_bad_setting_is_named(name, value, error):
    with pytest.raises(error, match=f"^{name}: expected "):
        Settings(**{"layer": "out", name: value})


@pytest.mark.parametrize(
    ("given", "kept"),
    [(3, (3,)), ([1, 2], (1, 2)), (range(3), (0, 1, 2)), (np.array([4, 5]), (4, 5)), (np.int64(6), (6,)), (None, None)],
)
def test_filters_of_any_kind_become_a_tuple(given, kept):
    assert Settings(layer="out", filter_indices=given).filter_indices == kept


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings(layer="out").tv_weight = 3
