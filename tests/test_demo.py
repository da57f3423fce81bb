import json
from importlib import resources
from pathlib import Path

import apples as train_apples
import digits as train_digits
import numpy as np
import pytest
import training

from actmax_widget import demo
from actmax_widget.visualization import visualize_activation

PACKED = resources.files("actmax_widget.demo")
LIMIT = 300_000
"""Bytes of a bundled network, at most."""


@pytest.fixture(scope="module")
def digits():
    return demo.digits()


@pytest.fixture(scope="module")
def apples():
    return demo.apples()


@pytest.fixture(scope="module")
def real_digits():
    """40 of the held-out digits, four of each: the first ones that ``train_digits.split`` gives."""
    with np.load(Path(__file__).parent / "data" / "digits.npz") as file:
        return file["pictures"], file["labels"]


@pytest.mark.parametrize("name", ["digits", "apples"])
def test_files_are_small(name):
    assert len((PACKED / f"{name}.keras").read_bytes()) < LIMIT


def test_digits_takes_grey_pictures(digits):
    assert digits.input_shape == (None, 28, 28, 1)
    assert digits.output_shape == (None, 10)


def test_digits_layers_have_clear_names(digits):
    assert [layer.name for layer in digits.layers if layer.weights] == ["conv1", "conv2", "conv3", "out"]
    assert {digits.get_layer(name).activation.__name__ for name in ("conv1", "conv2", "conv3")} == {"relu"}


def test_digits_ends_in_ten_linear_units(digits):
    assert digits.layers[-1].name == "out"
    assert digits.layers[-1].units == 10
    assert digits.layers[-1].activation.__name__ == "linear"


def test_digits_recognises_real_digits_in_0_to_255(digits, real_digits):
    pictures, labels = real_digits
    assert pictures.max() == 255
    assert (digits.predict(pictures, verbose=0).argmax(axis=1) == labels).mean() >= 0.95


def test_digits_says_how_good_it_is():
    facts = json.loads((PACKED / "digits.json").read_text())
    assert facts["accuracy"] >= 0.985
    assert facts["held_out"] == 2000
    assert facts["file_bytes"] == len((PACKED / "digits.keras").read_bytes())
    assert {"trained_on", "source", "seed", "steps", "parameters", "keras", "tensorflow"} <= facts.keys()


def test_each_call_gives_a_new_model(digits):
    other = demo.digits()
    other.set_weights([np.zeros_like(weight) for weight in other.get_weights()])
    for weight, again in zip(digits.get_weights(), demo.digits().get_weights(), strict=True):
        np.testing.assert_array_equal(weight, again)
    assert np.any(digits.get_weights()[0])


def test_pictures_of_digits_look_like_digits(digits, real_digits):
    """With the default weights: seen as its digit, and near a real one, which a pattern of noise would not be."""
    pictures, labels = real_digits
    made = np.stack([visualize_activation(digits, "out", d, clip=True, seed=0, max_iter=300) for d in range(10)])
    assert digits.predict(made, verbose=0).argmax(axis=1).tolist() == list(range(10))
    likeness = np.corrcoef(made.reshape(10, -1), pictures.reshape(len(pictures), -1))[:10, 10:]
    nearest = [row[labels == digit].max() for digit, row in enumerate(likeness)]
    assert min(nearest) > 0.4, nearest


@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv3"])
def test_first_filters_of_each_layer_draw(digits, layer):
    """The widget starts with filter 0; its picture must have contrast at the default weights."""
    made = visualize_activation(digits, layer, 0, clip=True, seed=0)
    assert made.std() > 10


def test_apples_takes_colour_pictures_and_gives_a_number(apples):
    assert apples.input_shape == (None, 48, 48, 3)
    assert apples.output_shape == (None, 1)
    assert apples.layers[-1].name == "count"
    assert apples.get_layer("evidence").activation.__name__ == "linear"
    names = ["conv1", "conv2", "conv3", "conv4", "density", "evidence"]
    assert [layer.name for layer in apples.layers if layer.weights] == names


def test_apples_says_how_good_it_is():
    facts = json.loads((PACKED / "apples.json").read_text())
    assert facts["mean_absolute_error"] < 0.5
    assert facts["held_out"] == 1000
    assert facts["file_bytes"] == len((PACKED / "apples.keras").read_bytes())


def test_apples_counts(apples):
    assert train_apples.mean_absolute_error(apples, train_apples.draw(range(50))) < 0.5


@pytest.mark.parametrize("n", range(10))
def test_draw_apples_gives_a_picture(n):
    picture = demo.draw_apples(n, seed=n)
    assert picture.shape == (48, 48, 3)
    assert picture.dtype == np.uint8


def test_draw_apples_repeats_itself():
    np.testing.assert_array_equal(demo.draw_apples(4, seed=1), demo.draw_apples(4, seed=1))
    assert np.any(demo.draw_apples(4, seed=1) != demo.draw_apples(4, seed=2))


@pytest.mark.parametrize(("n", "seed"), [(10, 0), (-1, 0), (3, -1)])
def test_draw_apples_refuses_what_it_cannot_draw(n, seed):
    with pytest.raises(ValueError, match=r"^(n|seed): expected an integer"):
        demo.draw_apples(n, seed)


def test_split_holds_out_equally_many_of_each_digit():
    labels = np.repeat(np.arange(10), [9, 8, 7, 6, 5, 9, 8, 7, 6, 5])
    pictures = np.arange(70)
    (known, _), (held, held_labels) = train_digits.split((pictures, labels), 20)
    assert sorted([*known, *held]) == list(range(70))
    assert np.bincount(held_labels).tolist() == [2] * 10


def test_stretch_changes_layers_but_not_the_answer(digits, real_digits):
    pictures = real_digits[0][:5]
    stretched = demo.digits()
    training.stretch(stretched, {"conv1": 2.0, "conv2": 0.5, "conv3": 8.0, "out": 1.0})
    assert not np.allclose(stretched.get_layer("conv1").get_weights()[0], digits.get_layer("conv1").get_weights()[0])
    before, after = (model.predict(pictures, verbose=0) for model in (digits, stretched))
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-3 * np.abs(before).max())


def test_attack_stays_near_the_pictures_and_inside_the_range():
    pictures = np.full((3, 8, 8, 1), 250, np.float32)
    hard = training.attack(lambda x: training.tf.reduce_sum(x, axis=[1, 2, 3]), pictures, 0.2, steps=3).numpy()
    assert hard.max() == 255
    assert np.all(training.norm(hard - pictures) <= 0.2 * training.WHITE * 1.001)
    assert np.all(hard.mean(axis=(1, 2, 3)) > 250)


def test_hold_edges_makes_filters_sum_to_zero():
    kernel = training.tf.Variable(np.random.default_rng(0).normal(size=(3, 3, 2, 4)), dtype="float32")
    training.hold_edges(kernel, 2)
    sums = kernel.numpy().sum(axis=(0, 1, 2))
    np.testing.assert_allclose(sums[:2], 0, atol=1e-5)
    assert np.all(np.abs(sums[2:]) > 1e-3)
