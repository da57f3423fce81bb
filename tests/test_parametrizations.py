import inspect
import itertools
import re

import numpy as np
import pytest
import tensorflow as tf

from actmax_widget import parametrizations
from actmax_widget.parametrizations import Fourier, Parametrization, Phase, Pixels, RingSpectrum
from actmax_widget.parts import live

# One to three spatial axes, odd, even and prime sides, 1, 2, 3, 4 and 13 channels.
SHAPES = [(12, 1), (13, 3), (16, 15, 3), (9, 8, 1), (11, 23, 4), (8, 9, 10, 3), (9, 8, 11, 2), (17, 16, 13)]
PARTS = [Fourier, Phase, RingSpectrum]
NUMBERS = {"decay": (0.7, 1.6), "contrast": (0.2, 0.4), "colour": (1.3, 0.5)}
"""Of two pictures in a batch."""


def batch_of_two(part, shape):
    """The part with numbers of two pictures, and their parameters, which are those of no picture in particular."""
    random = np.random.RandomState(4)
    starts = [part.start(shape, random) for _ in range(2)]
    params = {name: np.stack([start[name] for start in starts]) for name in starts[0]}
    for name, array in params.items():
        scale = 0.3 if name in part.fixed else 0.5 * array.std()
        params[name] = (array + random.normal(0, scale, array.shape)).astype("float32")
    rank = len(shape) + 1
    numbers = {name: tf.reshape(tf.constant(NUMBERS[name]), [2, *[1] * (rank - 1)]) for name in part.numbers()}
    return part.bound(numbers), {name: tf.constant(array) for name, array in params.items()}


def reference(part, params, shape, *, decay, colour, contrast=None):
    """One picture by the formulas, straight in NumPy and float64."""
    *sides, channels = shape
    size, spatial = np.prod(sides), tuple(range(1, len(shape)))
    axes = [*map(np.fft.fftfreq, sides[:-1]), np.fft.rfftfreq(sides[-1])]
    f = np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")))
    zero = f == 0
    w = np.full(f.shape, 2.0)
    w[..., 0] = 1
    if sides[-1] % 2 == 0:
        w[..., -1] = 1
    law = np.where(zero, 0, np.where(zero, 1, f) ** -decay)
    mixes = channels == 3 and len(sides) > 1
    deviations = np.array([1, 0.4 * colour, 0.2 * colour] if mixes else [1] * channels)
    natural = np.array([[1, 1, 1], [1, 0, -1], [-0.5, 1, -0.5]])
    if isinstance(part, Fourier):
        v = params["spectrum"][0] + 1j * params["spectrum"][1]
        spectrum = v * np.sqrt(size) / 4 / np.maximum(f, 1 / max(sides)) ** decay
        lucid = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
        natural = (lucid / np.linalg.norm(lucid, axis=0).max()).T * np.array([[1], [colour], [colour]])
    elif isinstance(part, Phase):
        unit = law / np.sqrt((w * law**2).sum()) + 0.3 * zero
        spectrum = size * unit * params["magnitude"] * np.exp(1j * params["phase"])
    else:
        v = params["spectrum"][0] + 1j * params["spectrum"][1]
        edges = np.geomspace(f[f > 0].min(), f.max(), part.rings + 1) * (1 - 1e-6)
        edges[-1] = np.inf
        spectrum = size * 0.3 * zero * v
        for r, (low, high) in enumerate(itertools.pairwise(edges)):
            ring = (f >= low) & (f < high)
            if ring.any():
                wanted = (w * law**2 * ring).sum() / (w * law**2).sum() * size**2  # energy for a variance of 1
                energy = (w * np.abs(v) ** 2 * law**2 * ring).sum(spatial, keepdims=True)
                amplitude = params["rings"][:, r].reshape(-1, *[1] * len(sides))
                spectrum += np.sqrt(wanted / energy) * amplitude * v * law * ring
    planes = np.moveaxis(np.fft.irfftn(spectrum, sides, spatial), 0, -1)
    if not isinstance(part, Fourier):
        planes = planes * deviations * 4 * contrast
    return 1 / (1 + np.exp(-(planes @ natural if mixes else planes)))


def of_reference(part, params, shape):
    """Both pictures of :func:`batch_of_two`."""
    return np.stack(
        [
            reference(
                part,
                {name: np.asarray(array[one], np.float64) for name, array in params.items()},
                shape,
                **{name: float(np.ravel(getattr(part, name))[one]) for name in part.numbers()},
            )
            for one in range(2)
        ]
    )


def photograph(shape, low=0.05, high=0.95):
    """Something smooth with edges, its values from ``low`` to ``high``."""
    along = np.meshgrid(*(np.linspace(0, 1, side) for side in shape[:-1]), indexing="ij")
    planes = [np.sin(3 * sum(along) + c) + (along[0] > 0.4) * np.cos(5 * along[-1] - c) for c in range(shape[-1])]
    picture = np.stack(planes, -1)
    return (low + (high - low) * (picture - picture.min()) / np.ptp(picture)).astype("float32")


def drawn(part, start, shape):
    return part.decode({name: tf.constant(array[None]) for name, array in start.items()}, shape)[0].numpy()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("part", PARTS)
def test_a_picture_is_its_formula(part, shape):
    bound, params = batch_of_two(part(), shape)
    canvas = bound.decode(params, shape)
    assert canvas.dtype == tf.float32
    np.testing.assert_allclose(canvas, of_reference(bound, params, shape), atol=2e-5)
    np.testing.assert_array_equal(bound.drawn(params, shape)[0], canvas)


# TensorFlow has no derivative of IRFFT3D.
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if len(shape) < 4])
@pytest.mark.parametrize("part", PARTS)
def test_a_gradient_is_what_tensorflow_derives(part, shape):
    bound, params = batch_of_two(part(), shape)
    upstream = tf.constant(np.random.RandomState(1).normal(size=(2, *shape)).astype("float32"))
    grads = bound.drawn(params, shape)[1](upstream)
    derived = Parametrization.drawn(bound, params, shape)[1](upstream)
    assert set(grads) == set(params)
    for name, grad in grads.items():
        if name in part.fixed:
            assert not grad.numpy().any()
        else:
            assert np.linalg.norm(grad - derived[name]) < 1e-5 * np.linalg.norm(derived[name])
            assert np.linalg.norm(derived[name]) > 1e-3


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("part", PARTS)
def test_a_gradient_is_that_of_finite_differences(part, shape):
    bound, params = batch_of_two(part(), shape)
    random = np.random.RandomState(2)
    upstream = random.normal(size=(2, *shape)).astype("float32")
    grads = bound.drawn(params, shape)[1](tf.constant(upstream))
    (name,) = set(params) - set(part.fixed)
    array = params[name].numpy().astype("float64")
    largest = np.argsort(np.abs(np.ravel(grads[name])))[-4:]  # single values, and a direction in all of them
    directions = [random.normal(size=array.shape), *np.eye(array.size)[largest].reshape(-1, *array.shape)]
    for direction in directions:
        step = 1e-5 * array.std()

        def at(there, direction=direction):
            return np.vdot(upstream, of_reference(bound, params | {name: array + there * direction}, shape))

        slope = (at(step) - at(-step)) / (2 * step)
        tolerance = 1e-4 * np.linalg.norm(grads[name]) * np.linalg.norm(direction) / np.sqrt(direction.size)
        assert np.vdot(grads[name], direction) == pytest.approx(slope, rel=1e-4, abs=tolerance)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("part", PARTS)
def test_a_starting_picture_is_given_back(part, shape):
    picture = photograph(shape)
    start = part().start(shape, np.random.RandomState(0), picture)
    assert {array.dtype for array in start.values()} == {np.dtype("float32")}
    np.testing.assert_allclose(drawn(part(), start, shape), picture, atol=2 / 255)


@pytest.mark.parametrize("part", PARTS)
def test_black_and_white_of_a_starting_picture_are_given_back(part):
    shape = (32, 30, 3)
    picture = photograph(shape, 0, 1)
    picture[:4], picture[-4:] = 0, 1
    picture[0, 0], picture[0, 1] = -0.5, 1.5  # as a network's range may be narrower than a picture's
    there = drawn(part(), part().start(shape, np.random.RandomState(0), picture), shape)
    np.testing.assert_allclose(there, np.clip(picture, 0, 1), atol=2 / 255)


@pytest.mark.parametrize("part", PARTS)
def test_a_starting_picture_is_given_back_whatever_the_numbers_are(part):
    shape, picture = (16, 15, 3), photograph((16, 15, 3))
    given = {name: NUMBERS[name][0] for name in part().numbers()}
    start = part(**given).start(shape, np.random.RandomState(0), picture)
    np.testing.assert_allclose(drawn(part(**given), start, shape), picture, atol=2 / 255)


@pytest.mark.parametrize("part", PARTS)
def test_the_colours_of_a_starting_picture_wait_while_there_is_no_colour(part):
    shape, picture = (16, 15, 3), photograph((16, 15, 3))
    start = part(colour=0).start(shape, np.random.RandomState(0), picture)
    grey = drawn(part(colour=0), start, shape)
    if part is not Fourier:  # lucid's first plane has a tint
        np.testing.assert_allclose(grey, grey[..., :1] + np.zeros(3), atol=1e-6)
    assert np.ptp(grey) > 0.3
    np.testing.assert_allclose(drawn(part(colour=1), start, shape), picture, atol=2 / 255)


@pytest.mark.parametrize("value", [0.0, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("part", PARTS)
def test_a_flat_picture_is_given_back_and_has_a_finite_gradient(part, value):
    shape = (16, 12, 3)
    picture = np.full(shape, value, "float32")
    start = part().start(shape, np.random.RandomState(0), picture)
    params = {name: tf.constant(array[None]) for name, array in start.items()}
    canvas, pull = part().drawn(params, shape)
    np.testing.assert_allclose(canvas[0], picture, atol=2 / 255)
    grads = pull(tf.random.stateless_normal([1, *shape], [1, 2]))
    assert all(np.isfinite(grad).all() for grad in grads.values())
    if part is not Phase:  # whose amplitudes are the picture's: 0
        assert np.count_nonzero(grads["spectrum"][:, :, :, 1:]) > 100


@pytest.mark.parametrize("part", PARTS)
def test_parameters_of_0_have_a_finite_gradient(part):
    shape = (16, 12, 3)
    params = {
        name: tf.zeros([1, *array.shape]) if name not in part.fixed else tf.constant(array[None])
        for name, array in part().start(shape, np.random.RandomState(0)).items()
    }
    canvas, pull = part().drawn(params, shape)
    assert np.isfinite(canvas).all()
    assert all(np.isfinite(grad).all() for grad in pull(tf.ones([1, *shape])).values())


def planes_of(canvas):
    """Standard deviations of brightness and the two colours before the sigmoid."""
    logits = np.log(canvas / (1 - canvas)).astype("float64")
    planes = logits @ np.linalg.inv(parametrizations.NATURAL) if logits.shape[-1] == 3 else logits
    return (planes - planes.mean((0, 1))).std((0, 1))


@pytest.mark.parametrize("part", [Phase, RingSpectrum])
@pytest.mark.parametrize(("contrast", "colour"), [(0.25, 1), (0.1, 2)])
def test_contrast_and_colour_are_those_of_photographs(part, contrast, colour):
    one = part(contrast=contrast, colour=colour)
    canvas = drawn(one, one.start((64, 63, 3), np.random.RandomState(3)), (64, 63, 3))
    expected = 4 * contrast * np.array([1, 0.4 * colour, 0.2 * colour])
    np.testing.assert_allclose(planes_of(canvas), expected, rtol=2e-3)
    grey = drawn(one, one.start((64, 63, 1), np.random.RandomState(3)), (64, 63, 1))
    np.testing.assert_allclose(planes_of(grey), 4 * contrast, rtol=2e-3)


def test_a_ring_keeps_its_energy_whatever_is_in_it():
    shape, part = (32, 30, 1), RingSpectrum(rings=5)
    start = part.start(shape, np.random.RandomState(0))
    before = drawn(part, start, shape)
    start["spectrum"] *= 7.0
    start["spectrum"][:, :, 0, 0] /= 7.0  # the mean is free
    np.testing.assert_allclose(drawn(part, start, shape), before, atol=1e-5)
    start["spectrum"][:, :, 3:20, 4:-1] *= 5.0  # not the columns in which a frequency comes twice
    after = drawn(part, start, shape)
    assert np.abs(after - before).max() > 0.1
    energies = [
        parametrizations._ring(shape[:-1], 5)
        @ (
            np.abs(np.fft.rfft2(np.log(one / (1 - one))[..., 0])) ** 2 * parametrizations._half(shape[:-1]).twice
        ).ravel()
        for one in (before, after)
    ]
    np.testing.assert_allclose(*energies, rtol=1e-3)


def test_lucids_contrast():
    """Its ``fft_image``: a logit's variance is the sum of its frequencies', for a grey picture."""
    side = 48
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    scale = 0.01 * side / 4 / np.maximum(f, 1 / side)
    scale[0, 0] = 0
    expected = np.sqrt(2 * (scale**2).sum()) / side**2
    random = np.random.RandomState(0)
    found = [planes_of(drawn(Fourier(), Fourier().start((side, side, 1), random), (side, side, 1))) for _ in range(30)]
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(expected, rel=0.05)


def test_rings_cover_each_frequency_but_the_mean_once():
    for sides in [(8,), (9, 8), (31, 64), (8, 9, 10)]:
        ring = parametrizations._ring(sides, 24)
        covered = ring.sum(0)
        assert (covered == 1).all()
        assert ring[0].ravel()[0] == ring[0].sum() == 1


def test_a_magnitude_takes_the_place_of_the_law():
    shape = (16, 15, 3)
    picture = photograph(shape)
    magnitude = np.moveaxis(np.abs(np.fft.rfft2(np.moveaxis(picture, -1, 0))), 0, -1)
    for given in (magnitude, 100 * magnitude[..., 0]):
        part = Phase(given, colour=0.5)
        part.check(shape)
        canvas = drawn(part, part.start(shape, np.random.RandomState(0)), shape)
        planes = np.log(canvas / (1 - canvas)) @ np.linalg.inv(parametrizations.NATURAL)
        wanted = given if given.ndim == 3 else np.stack([given] * 3, -1)
        for c, deviation in enumerate([1, 0.2, 0.1]):
            found = np.abs(np.fft.rfft2(planes[..., c])).ravel()[1:]
            expected = wanted[..., c].ravel()[1:]
            np.testing.assert_allclose(found / found.max(), expected / expected.max(), atol=1e-4)
            assert planes[..., c].std() == pytest.approx(deviation, rel=1e-3)


def test_a_magnitude_is_of_the_start_and_shapes_no_graph():
    mine = np.ones((8, 5), "float32")
    part = Phase(mine)
    assert part.signature() == Phase().signature()
    assert hash(part.signature()) == hash(Phase(2 * mine).signature())
    assert part.magnitude is not mine
    mine[:] = 0
    assert part.magnitude.all()
    assert live(part).keys() == {"decay", "contrast", "colour"}


def test_what_shapes_the_graph_is_told_from_numbers():
    assert RingSpectrum(decay=2, contrast=0.5, colour=0).signature() == RingSpectrum().signature()
    assert RingSpectrum(rings=12).signature() != RingSpectrum().signature()
    assert RingSpectrum(margin=0).signature() != RingSpectrum().signature()
    assert Fourier(decay=2).signature() == Fourier().signature() != Phase().signature()
    assert RingSpectrum().numbers() == {"decay": 1.32, "contrast": 0.25, "colour": 1}
    assert Fourier().numbers() == {"decay": 1, "colour": 1}


@pytest.mark.parametrize("part", PARTS)
def test_each_picture_of_a_batch_is_as_it_is_alone(part):
    shape = (12, 11, 3)
    bound, params = batch_of_two(part(), shape)
    upstream = tf.random.stateless_normal([2, *shape], [1, 2])
    canvas, pull = bound.drawn(params, shape)
    grads = pull(upstream)
    for one in range(2):
        alone = part(**{name: NUMBERS[name][one] for name in part().numbers()})
        picture, pull_one = alone.drawn({name: array[one : one + 1] for name, array in params.items()}, shape)
        np.testing.assert_allclose(picture[0], canvas[one], atol=1e-6)
        for name, grad in pull_one(upstream[one : one + 1]).items():
            np.testing.assert_allclose(grad[0], grads[name][one], rtol=1e-4, atol=1e-5 * np.abs(grad).max())


@pytest.mark.parametrize("shape", [(13, 3), (16, 15, 3), (8, 9, 10, 2)])
@pytest.mark.parametrize("part", PARTS)
def test_the_size_of_a_batch_may_be_unknown(part, shape):
    bound, params = batch_of_two(part(), shape)
    numbers = {name: getattr(bound, name) for name in part().numbers()}

    def specs(tensors):
        return {name: tf.TensorSpec([None, *tensor.shape[1:]]) for name, tensor in tensors.items()}

    @tf.function(autograph=False, input_signature=[specs(params), specs(numbers), tf.TensorSpec([None, *shape])])
    def step(params, numbers, upstream):
        canvas, pull = part().bound(numbers).drawn(params, shape)
        assert canvas.shape[1:] == shape
        return canvas, pull(upstream)

    upstream = tf.ones([2, *shape])
    canvas, grads = step(params, numbers, upstream)
    np.testing.assert_allclose(canvas, bound.decode(params, shape), atol=1e-6)
    for name, grad in bound.drawn(params, shape)[1](upstream).items():
        np.testing.assert_allclose(grads[name], grad, rtol=1e-4, atol=1e-5 * max(np.abs(grad).max(), 1))


@pytest.mark.parametrize("part", PARTS)
def test_a_start_follows_from_its_random_numbers(part):
    first, again, other = (part().start((9, 8, 3), np.random.RandomState(seed)) for seed in (0, 0, 1))
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])
        assert (name in part.fixed) == np.array_equal(array, other[name])


@pytest.mark.parametrize(
    ("part", "shape", "canvas"),
    [
        (RingSpectrum(), (227, 227, 3), (256, 256, 3)),
        (RingSpectrum(), (224, 160, 1), (256, 180, 1)),
        (RingSpectrum(), (28, 28, 1), (32, 32, 1)),
        (RingSpectrum(margin=0), (227, 31, 3), (227, 31, 3)),
        (RingSpectrum(margin=0.001), (64, 65, 3), (64, 70, 3)),
        (RingSpectrum(margin=0.5), (131, 4), (256, 4)),
        (Fourier(), (227, 227, 3), (227, 227, 3)),
        (Fourier(margin=0.02), (227, 227, 3), (240, 240, 3)),
        (Phase(), (227, 4), (227, 4)),
    ],
)
def test_a_canvas_is_larger_by_the_margin_and_quick_to_transform(part, shape, canvas):
    assert part.canvas(shape) == canvas


@pytest.mark.parametrize(
    ("part", "shape", "message"),
    [
        (
            RingSpectrum(),
            (7, 64, 3),
            "RingSpectrum: expected pictures of at least 8 px along each side, received (7, 64",
        ),
        (RingSpectrum(), (1, 64, 3), "Use parametrizations.Pixels() for this input."),
        (RingSpectrum(), (7, 64, 3), "Use parametrizations.Fourier() for this input."),
        (Fourier(), (1, 64, 3), "Fourier: expected pictures of at least 2 px along each side, received (1, 64, 3)"),
        (Fourier(), (3,), "Fourier: expected pictures with 1 to 3 spatial axes and an axis of channels, received (3,)"),
        (Phase().named("mine"), (4, 4, 4, 4, 1), "mine: expected pictures with 1 to 3 spatial axes"),
        (
            Phase(np.ones((8, 8))),
            (8, 8, 3),
            "Phase: expected a magnitude of shape (8, 5) or (8, 5, 3) for a canvas of (8",
        ),
        (Phase(np.zeros((8, 5))), (8, 8, 3), "Phase: expected a magnitude above 0 beside frequency 0 in each channel"),
    ],
)
def test_a_picture_that_does_not_fit_is_refused(part, shape, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        part.check(shape)


@pytest.mark.parametrize("part", PARTS)
def test_pictures_that_fit_are_not_refused(part):
    for shape in [*SHAPES, (227, 227, 3), (8, 8, 1)]:
        part().check(shape)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: RingSpectrum(rings=1), ValueError, "rings: expected an integer from 2 to 256, received 1"),
        (lambda: RingSpectrum(rings=2.5), TypeError, "rings: expected an integer"),
        (lambda: RingSpectrum(margin=-0.1), ValueError, "margin: expected a finite number from 0 to 0.5"),
        (lambda: RingSpectrum(contrast=0), ValueError, "contrast: expected a finite number > 0"),
        (lambda: Fourier(decay=-1), ValueError, "decay: expected a finite number from 0 to 10, received -1"),
        (lambda: Phase(colour=-1), ValueError, "colour: expected a finite number >= 0"),
        (lambda: Phase(decay="x"), TypeError, "decay: expected a finite number"),
        (lambda: Phase("x"), TypeError, "magnitude: expected an array of numbers >= 0, or None, received 'x'"),
        (lambda: Phase([-1.0, 2.0]), ValueError, "magnitude: expected finite numbers >= 0"),
        (lambda: Phase([np.nan, 2.0]), ValueError, "magnitude: expected finite numbers >= 0"),
    ],
)
def test_a_bad_number_is_refused(make, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        make()


@pytest.mark.parametrize("part", [*PARTS, Pixels])
def test_a_docstring_tells_formula_source_and_example(part):
    said = inspect.getdoc(part)
    assert "Source: " in said
    if part is not Pixels:
        assert "``picture = sigmoid(" in said
        assert "Example:" in said
        assert all(f"{name}: " in said for name in part().numbers())
