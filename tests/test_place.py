"""A starting picture is kept by every parametrization, and whatever is dreamed into it, it stays at its place."""

import itertools

import numpy as np
import pytest

import actmax_widget as am
from actmax_widget import input_modifiers, optimizers, parametrizations, transforms
from tests.networks import small_cnn
from tests.soaking import part

RATES = {
    "pixels": optimizers.RMSProp(0.3),
    "fourier": optimizers.Adam(0.003),
    "phase": optimizers.Adam(0.02),
    "ringspectrum": optimizers.Adam(0.02),
}
"""Rates at which as much is dreamed in 100 steps, and the picture is still to be seen."""


@pytest.fixture(scope="module")
def apples():
    return am.demo.apples()


@pytest.fixture(scope="module")
def photograph():
    return am.demo.draw_apples(3, seed=0)


def moved(image, start):
    """By how many pixels a picture was shifted: where correlation with its start peaks, plain and of phases alone."""
    spectra = [np.fft.fft2(picture.mean(-1) - picture.mean()) for picture in (image, start)]
    cross = spectra[0] * spectra[1].conj()
    peaks = [np.fft.ifft2(one).real for one in (cross, cross / np.maximum(abs(cross), 1e-9))]
    return [tuple(map(int, np.unravel_index(one.argmax(), one.shape))) for one in peaks]


@pytest.mark.parametrize("parametrization", RATES)
def test_a_picture_keeps_its_place_to_the_pixel(apples, photograph, parametrization):
    parts = {
        "parametrization": parametrization,
        "optimizer": RATES[parametrization],
        "transforms": [transforms.Jitter(8)],
        "max_iter": 100,
        "seed": 0,
    }
    dreamed = am.visualize(apples, "evidence", 0, start=photograph, **parts)
    assert dreamed.history["total"][-1] < 1.15 * dreamed.history["total"][0] < 0  # so much of it is new
    assert moved(dreamed.image, photograph) == [(0, 0), (0, 0)]


def test_it_does_in_the_widget_too(apples, photograph):
    parts = {"parametrization": "pixels", "transforms": [transforms.Jitter(0)], "optimizer": RATES["pixels"]}
    widget = am.ActMaxWidget(apples, layer="evidence", seed_input=photograph, seed=0, **parts)
    widget.jitter = 8
    widget.step(100)
    assert np.abs(widget.image - photograph).mean() > 5
    assert moved(widget.image, photograph) == [(0, 0), (0, 0)]
    widget.close()


def test_a_shift_by_keras_vis_stays_in_the_picture(apples, photograph):
    options = {"learning_rate": 0.3, "clip": True, "max_iter": 100, "seed": 0}
    jitter = [input_modifiers.Jitter(8)]
    image = am.visualize_activation(apples, "evidence", 0, seed_input=photograph, input_modifiers=jitter, **options)
    assert moved(image, photograph)[0] == moved(image, photograph)[1] != (0, 0)


def some_picture(channels, low, high):
    """Forms, edges and noise of the whole range; its ends are for :func:`test_black_and_white_are_kept_nearly`."""
    rows, columns = np.mgrid[:16, :16] / 15
    picture = 0.5 + 0.3 * np.sin(6 * rows + np.arange(channels)[:, None, None]) + 0.1 * (columns > rows)
    picture += np.random.default_rng(0).uniform(-0.08, 0.08, picture.shape)
    return (low + (high - low) * np.moveaxis(picture, 0, -1)).astype(np.float32)


KINDS, CHANNELS, RANGES = (*parametrizations.BUILT_IN,), (1, 3, 4), ((0, 255), (-1, 1), (0.0, 1.0))


def one_of_three(kind, channels, ends):
    """Each two values meet once."""
    return (KINDS.index(kind) + CHANNELS.index(channels) + RANGES.index(ends)) % 3 == 0


@pytest.mark.parametrize(
    ("parametrization", "channels", "input_range"), part(itertools.product(KINDS, CHANNELS, RANGES), one_of_three)
)
def test_a_starting_picture_is_kept(parametrization, channels, input_range):
    model, start = small_cnn(channels, size=16), some_picture(channels, *input_range)
    options = {"parametrization": parametrization, "optimizer": "adam", "input_range": input_range}
    first = am.visualize(model, "out", 1, start=start, max_iter=1, **options)
    widget = am.ActMaxWidget(model, layer="out", filter_indices=1, seed_input=start, **options)
    widget.step()
    for image in (first.image, widget.image):
        assert image.shape == start.shape
        assert np.abs(image - start).max() <= 2 / 255 * (input_range[1] - input_range[0])
    widget.step()
    assert np.abs(widget.image - start).max() > 0
    widget.close()


@pytest.mark.parametrize("parametrization", parametrizations.BUILT_IN)
def test_black_and_white_are_kept_nearly(parametrization):
    start = np.random.default_rng(1).integers(0, 2, (16, 16, 1)) * 255
    first = am.visualize(small_cnn(size=16), "out", 1, start=start, max_iter=1, parametrization=parametrization)
    assert np.abs(first.image - start).max() <= 2
