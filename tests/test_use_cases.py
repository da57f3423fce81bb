"""keras-vis's documented use cases, on the bundled networks: does activation maximization do what it is for?

Each test says what a person would look for in the picture, as a number that would come out otherwise if it failed.
"""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
from keras import layers, ops

import actmax_widget as am
from actmax_widget import utils
from actmax_widget.input_modifiers import InputModifier, Jitter
from actmax_widget.losses import ActivationMaximization, Loss
from actmax_widget.regularizers import LPNorm, TotalVariation

ITERATIONS = 100
THREE_APPLES = range(3)
"""Seeds of the drawings that the count is raised and lowered from."""


@functools.cache
def digits():
    """The digit network; no test changes it."""
    return am.demo.digits()


@functools.cache
def apples():
    """The apple counter; no test changes it."""
    return am.demo.apples()


def grow(filter_indices, layer="out", **kwargs):
    """A picture that excites filters of the digit network, as the network saw it."""
    return am.visualize_activation(
        digits(), layer, filter_indices, **{"max_iter": ITERATIONS, "seed": 0, "clip": True, **kwargs}
    )


def grow_with(losses, **kwargs):
    """A picture that minimises losses of the digit network."""
    return am.visualize_activation_with_losses(
        digits().inputs[0], losses, **{"max_iter": ITERATIONS, "seed": 0, "clip": True, **kwargs}
    )


def outputs(picture, model=None):
    """What a network, the digit network by default, says about a picture."""
    return ops.convert_to_numpy((model or digits())(np.asarray(picture, np.float32)[None]))[0]


def roughness(picture):
    """Mean squared difference of neighbours."""
    return np.mean(np.square(np.diff(picture, axis=0))) + np.mean(np.square(np.diff(picture, axis=1)))


def test_noise_is_no_digit():
    """What the tests below start from: there, no unit is near what a grown picture gives."""
    noise = utils.random_array((28, 28, 1), 127.5, 12.75, np.random.RandomState(0))
    assert outputs(noise).max() < 0.3 * outputs(grow(3))[3]


# --- classes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digit", range(10))
def test_a_class_picture_is_read_as_that_class(digit):
    logits = outputs(grow(digit))
    others = np.delete(logits, digit)
    assert logits[digit] > 2 * others.max()
    assert logits[digit] > 30_000


def test_the_picture_as_keras_vis_returns_it_is_read_right_too():
    picture = am.visualize_activation(digits(), "out", 3, seed=0)
    assert picture.dtype == np.uint8
    # Its contrast is a tenth of the range: stretched to the range, it is a bright digit on a dark ground.
    assert outputs(utils.normalize(picture, 0, 255)).argmax() == 3


def test_softmax_hides_the_class_and_linear_shows_it():
    softmax = am.demo.digits()
    softmax.layers[-1].activation = keras.activations.softmax
    softmax = utils.apply_modifications(softmax)
    kwargs = {"max_iter": ITERATIONS, "seed": 0, "clip": True}
    with pytest.warns(RuntimeWarning, match=r"filter 3 of out is silent here \(a flat softmax .* linear activation"):
        hidden = am.visualize_activation(softmax, -1, 3, **kwargs)
    softmax.layers[-1].activation = keras.activations.linear
    shown = am.visualize_activation(utils.apply_modifications(softmax), -1, 3, **kwargs)
    # A softmax far from its class is flat: only the regularizers act.
    assert outputs(hidden)[3] < 0.2 * outputs(shown)[3]
    np.testing.assert_allclose(shown, grow(3), atol=1e-3)


@pytest.mark.parametrize("pair", [(3, 7), (5, 6), (4, 9)])
def test_two_classes_at_once_are_both_raised_above_all_others(pair):
    logits = outputs(grow(pair))
    assert set(np.argsort(logits)[-2:]) == set(pair)
    others = np.delete(logits, pair)
    assert logits[list(pair)].min() > 1.5 * others.max()


def test_multi_label_draws_each_label():
    wide = keras.Input((28, 56, 1))
    halves = [digits()(wide[:, :, :28]), digits()(wide[:, :, 28:])]
    model = keras.Model(wide, layers.Maximum(name="labels")(halves))
    picture = am.visualize_activation(model, "labels", (3, 7), max_iter=ITERATIONS, seed=0, clip=True)
    assert set(np.argsort(outputs(picture, model))[-2:]) == {3, 7}
    assert {int(outputs(half).argmax()) for half in np.split(picture, 2, axis=1)} == {3, 7}


@pytest.mark.parametrize(
    "options", [{"grad_modifier": "negate", "tv_weight": 0, "lp_norm_weight": 0}, {"act_max_weight": -1}]
)
def test_a_class_can_be_lowered(options):
    three = grow(3)
    lowered = grow(3, seed_input=three, **options)
    assert outputs(three)[3] > 30_000
    assert outputs(lowered)[3] < 0


# --- regression ------------------------------------------------------------------------------------------------------


FEWER = [
    {"act_max_weight": -1},
    # The modifier turns the regularizers' gradient round, too, so they are off.
    {"grad_modifier": "negate", "tv_weight": 0, "lp_norm_weight": 0},
]


@pytest.mark.parametrize("seed", THREE_APPLES)
def test_more_apples(seed):
    start = am.demo.draw_apples(3, seed)
    more = am.visualize_activation(apples(), "evidence", 0, seed_input=start, clip=True)  # the default recipe
    assert abs(outputs(start, apples())[0] - 3) < 1
    assert outputs(more, apples())[0] > outputs(start, apples())[0] + 1


@pytest.mark.parametrize("options", FEWER)
@pytest.mark.parametrize("seed", THREE_APPLES)
def test_fewer_apples(seed, options):
    start = am.demo.draw_apples(3, seed)
    fewer = am.visualize_activation(apples(), "evidence", 0, seed_input=start, clip=True, **options)
    assert outputs(fewer, apples())[0] < outputs(start, apples())[0] - 1


# --- filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("layer", "filter_index"), [("conv1", 0), ("conv2", 6), ("conv3", 4)])
def test_a_filter_is_excited_more_by_its_own_picture_than_by_a_digit_or_noise(layer, filter_index):
    own = grow(filter_index, layer)
    noise = utils.random_array((28, 28, 1), 127.5, 12.75, np.random.RandomState(0))
    answers = [am.visualize_response(digits(), layer, filter_index, p).mean() for p in (own, grow(4), noise)]
    assert answers[0] > 2 * max(answers[1:])


def test_first_layer_weights_are_shown_as_pictures():
    pictures = am.visualize_weights(digits(), "conv1")
    kernel = np.moveaxis(ops.convert_to_numpy(digits().get_layer("conv1").kernel), -1, 0)
    assert (pictures.shape, pictures.dtype) == ((16, 5, 5, 1), np.uint8)
    for picture, weights in zip(pictures.astype(float), kernel, strict=True):
        assert np.corrcoef(picture.ravel(), weights.ravel())[0, 1] > 0.999
        assert (picture[weights > 0.05 * np.abs(weights).max()] > 127.5).all()
    assert utils.stitch_images(pictures, margin=1, cols=8).shape == (11, 47, 1)


def test_the_response_of_a_first_layer_filter_is_its_weights_slid_over_the_picture():
    three = grow(3)
    response = am.visualize_response(digits(), "conv1", 5, three)
    conv = digits().get_layer("conv1")
    kernel, bias = (ops.convert_to_numpy(weights)[..., 5] for weights in conv.weights)
    seen = ops.convert_to_numpy(digits().get_layer("rescale")(three))
    patch = seen[10 - 2 : 10 + 3, 12 - 2 : 12 + 3]  # around row 10, column 12
    assert response.shape == (28, 28)
    assert response[10, 12] == pytest.approx(max(0.0, np.sum(patch * kernel) + bias), rel=1e-4)


# --- the start -------------------------------------------------------------------------------------------------------


def test_the_result_stays_near_the_seed_picture():
    """A few small steps change a nine into a four, and not into a picture of its own."""
    nine, four = grow(9), grow(4)
    changed = grow(4, seed_input=nine, max_iter=30)
    assert outputs(nine).argmax() == 9
    assert outputs(changed)[4] > outputs(nine)[4] + 10_000
    assert np.abs(changed - nine).mean() < np.abs(changed - four).mean()


def test_a_second_pass_smooths_the_first():
    rough = grow(3, tv_weight=0, lp_norm_weight=0)
    smooth = grow(3, seed_input=rough, tv_weight=100)
    assert roughness(smooth) < 0.5 * roughness(rough)
    assert outputs(smooth).argmax() == 3


# --- losses and modifiers of one's own -------------------------------------------------------------------------------


class Difference(Loss):
    """Minus the difference of two units."""

    name = "Difference"

    def __init__(self, layer, more, less):
        self.layer, self.more, self.less = layer, more, less

    def build_loss(self):
        output = self.layer.output
        return -ops.mean(output[..., self.more] - output[..., self.less])


class Target(Loss):
    """Distance of a unit from a value."""

    name = "Target"

    def __init__(self, layer, unit, value):
        self.layer, self.unit, self.value = layer, unit, value

    def build_loss(self):
        return ops.mean(ops.abs(self.layer.output[..., self.unit] - self.value))


class Mirror(Loss):
    """How much a picture differs from its mirror image, upside down."""

    name = "Mirror"

    def __init__(self, img_input):
        self.img = img_input

    def build_loss(self):
        return ops.mean(ops.square(self.img - ops.flip(self.img, axis=1)))


class LeftHalf(InputModifier):
    """Keeps the right half black."""

    def post(self, inp):
        return inp * (np.arange(inp.shape[2]) < 14)[:, None]


def test_the_three_losses_by_hand_are_visualize_activation():
    out, picture = digits().get_layer("out"), digits().inputs[0]
    by_hand = grow_with([(ActivationMaximization(out, 3), 1), (LPNorm(picture), 10), (TotalVariation(picture), 10)])
    np.testing.assert_allclose(by_hand, grow(3), atol=1e-3)


def test_a_difference_of_two_units():
    out, picture = digits().get_layer("out"), digits().inputs[0]
    logits = outputs(grow_with([(Difference(out, 3, 8), 1), (TotalVariation(picture), 10)]))
    plain = outputs(grow(3))
    assert logits[3] - logits[8] > plain[3] - plain[8]


def test_a_target_value_is_reached_and_not_passed():
    out, picture = digits().get_layer("out"), digits().inputs[0]
    losses = [(Target(out, 3, 50_000), 1), (TotalVariation(picture), 0.1)]
    assert outputs(grow_with(losses, learning_rate=0.3, max_iter=200))[3] == pytest.approx(50_000, rel=0.03)


def test_a_loss_on_the_picture():
    out, picture = digits().get_layer("out"), digits().inputs[0]
    losses = [(ActivationMaximization(out, 3), 1), (TotalVariation(picture), 10), (Mirror(picture), 100)]
    mirrored, plain = grow_with(losses), grow(3)
    assert np.abs(mirrored - mirrored[::-1]).mean() < 0.2 * np.abs(plain - plain[::-1]).mean()
    assert outputs(mirrored).argmax() == 3


def test_an_input_modifier_of_ones_own():
    picture = grow(1, input_modifiers=[LeftHalf()])
    assert not picture[:, 14:].any()
    assert outputs(picture).argmax() == 1


def test_a_gradient_modifier_of_ones_own():
    """Only the strongest pixels move, so fewer leave the black start."""

    def strongest(grads):
        size = np.abs(grads)
        return np.where(size > np.quantile(size, 0.9), grads, 0)

    black = {"seed_input": np.zeros((28, 28, 1)), "tv_weight": 0, "max_iter": 30}
    few, all_pixels = grow(3, grad_modifier=strongest, **black), grow(3, **black)
    assert np.mean(few > 10) < 0.7 * np.mean(all_pixels > 10)
    assert outputs(few)[3] > outputs(np.zeros((28, 28, 1)))[3] + 10_000


@pytest.mark.parametrize(("layer", "filter_index"), [("conv2", 6), ("conv3", 0)])
def test_jitter_keeps_a_picture_from_getting_rough(layer, filter_index):
    """No pattern stays tied to the pixel grid, so without total variation a picture is smoother with it."""
    rough = grow(filter_index, layer, tv_weight=0)
    smooth = grow(filter_index, layer, tv_weight=0, input_modifiers=[Jitter(2)])
    assert roughness(smooth) < 0.7 * roughness(rough)
