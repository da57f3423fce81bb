import keras
import numpy as np
import pytest

import actmax_widget as am
from actmax_widget.losses import ActivationMaximization
from tests.networks import small_cnn, small_sequential


@pytest.fixture(scope="module")
def model():
    return small_cnn(3)


@pytest.mark.parametrize("layer", ["out", -1, "conv1", 2])
def test_the_picture_excites_the_filter(model, layer):
    image = am.visualize_activation(
        model, layer, 1, input_range=(0.0, 255.0), lp_norm_weight=0, tv_weight=0, max_iter=30, seed=0
    )
    start = np.full((12, 12, 3), 127.5)
    assert image.shape == (12, 12, 3)
    assert activation(model, layer, image) > activation(model, layer, start)


def activation(model, layer, image):
    layer = model.layers[layer] if isinstance(layer, int) else model.get_layer(layer)
    return float(np.mean(keras.Model(model.inputs[0], layer.output)(image[None].astype("float32"))[..., 1]))


def test_two_ints_give_bytes_and_floats_give_floats(model):
    assert am.visualize_activation(model, "out", 0, max_iter=2, seed=0).dtype == np.uint8
    image = am.visualize_activation(model, "out", 0, input_range=(0.0, 1.0), max_iter=2, seed=0)
    assert image.dtype.kind == "f"
    assert 0 <= image.min() <= image.max() <= 1


def test_with_clip_the_picture_is_what_the_network_saw(model):
    image = am.visualize_activation(model, "out", 0, max_iter=50, seed=0, clip=True, learning_rate=10)
    assert image.dtype == np.float32
    assert 0 <= image.min() <= image.max() <= 255


def test_verbose_prints_each_iteration_as_keras_vis_does(model, capsys):
    am.visualize_activation(model, "out", 0, max_iter=3, verbose=True, seed=0)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Iteration: ")]
    assert [line.split(",")[0] for line in lines] == ["Iteration: 1", "Iteration: 2", "Iteration: 3"]
    assert "ActivationMax Loss" in lines[0]


def test_it_is_silent_by_default(model, capsys):
    am.visualize_activation(model, "out", 0, max_iter=3, seed=0)
    assert capsys.readouterr().out == ""


def test_negate_lowers_the_activation(model):
    up, down = (
        am.visualize_activation(
            model,
            "out",
            1,
            input_range=(0.0, 255.0),
            lp_norm_weight=0,
            tv_weight=0,
            max_iter=30,
            seed=0,
            grad_modifier=modifier,
        )
        for modifier in (None, "negate")
    )
    assert activation(model, "out", down) < activation(model, "out", up)


def test_a_list_of_filters_is_one_joint_picture(model):
    image = am.visualize_activation(model, "conv1", [0, 2, 3], max_iter=3, seed=0)
    assert image.shape == (12, 12, 3)


def test_a_sequential_model():
    assert am.visualize_activation(small_sequential(), -1, 0, max_iter=2).shape == (8, 8, 1)


def test_with_losses(model):
    losses = [
        (ActivationMaximization(model.get_layer("conv1"), 0), 1),
        (ActivationMaximization(model.get_layer("out"), 2), 1),
    ]
    image = am.visualize_activation_with_losses(model.inputs[0], losses, max_iter=3, seed=0)
    assert image.shape == (12, 12, 3)
    assert image.dtype == np.uint8


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"model": 3}, "model"),
        ({"layer_idx": "nope"}, "layer"),
        ({"layer_idx": None}, "layer_idx"),
        ({"filter_indices": 9}, "filter_indices"),
        ({"seed_input": [[1]]}, "seed_input"),
        ({"input_range": None}, "input_range"),
        ({"input_range": (0,)}, "input_range"),
        ({"backprop_modifier": "nope"}, "backprop_modifier"),
        ({"grad_modifier": "nope"}, "grad_modifier"),
        ({"act_max_weight": "1"}, "act_max_weight"),
        ({"tv_weight": float("nan")}, "tv_weight"),
        ({"act_max_weight": 0, "lp_norm_weight": 0, "tv_weight": None}, "losses"),
        ({"max_iter": 0}, "max_iter"),
    ],
)
def test_bad_arguments_are_named_before_anything_is_computed(model, arguments, name):
    arguments = {"model": model, "layer_idx": "out", "filter_indices": 0, **arguments}
    with pytest.raises((ValueError, TypeError), match=f"^{name}: expected "):
        am.visualize_activation(**arguments)
