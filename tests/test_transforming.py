"""What the network is shown of a canvas, against NumPy, and the gradient's way back against finite differences."""

import numpy as np
import pytest
import tensorflow as tf

from actmax_widget import transforms
from actmax_widget.engine import compilation
from actmax_widget.engine.transforming import seen
from actmax_widget.parameters import number
from actmax_widget.transforms import (
    Brightness,
    Contrast,
    Crops,
    Flip,
    Function,
    Geometric,
    Jitter,
    Noise,
    Rotate,
    Scale,
)

UNIT = (0.0, 1.0)


class Fixed(Geometric):
    """Looks up where it is told."""

    zoom: float = number(1.0)
    degrees: float = number(0.0)
    down: float = number(0.0)
    right: float = number(0.0)

    def matrix(self, random, size, canvas):
        angle = self.degrees * (np.pi / 180)
        cos, sin = self.zoom * tf.cos(angle), self.zoom * tf.sin(angle)
        return tf.reshape(tf.stack([cos, -sin, self.down, sin, cos, self.right, 0.0, 0.0, 1.0]), [3, 3])


def viewer(parts, shape, size=None, *, unit=True):
    """A compiled function of one canvas of a shape, or of any number: what is seen, and the gradient."""
    parts = transforms.check_transforms(parts)
    batch, *sides, channels = shape
    size = tuple(sides if size is None else size)
    count = 1 if batch == 1 else None

    def run(canvas, upstream, seeds, iteration, progress, input_range):
        numbers = [
            {name: tf.fill(tf.shape(seeds), np.float32(value)) for name, value in part.numbers().items()}
            for part in parts
        ]
        image, pull = seen(
            parts,
            canvas,
            size,
            seeds=seeds,
            iteration=iteration,
            numbers=numbers,
            progress=progress,
            input_range=input_range,
            unit=unit,
        )
        return image, pull(tf.ensure_shape(tf.broadcast_to(upstream, tf.shape(image)), image.shape))

    traced = compilation.traced(
        compilation.function(run),
        tf.TensorSpec([count, *sides, channels]),
        tf.TensorSpec(None),
        tf.TensorSpec([count], tf.int32),
        tf.TensorSpec([], tf.int32),
        tf.TensorSpec([]),
        tf.TensorSpec([2]),
    )

    def look(canvas, *, seeds=None, iteration=0, progress=0.0, input_range=UNIT, up=1.0):
        seeds = tf.constant(np.arange(len(canvas)) if seeds is None else seeds, tf.int32)
        given = (tf.constant(up, tf.float32), seeds, tf.constant(iteration), tf.constant(progress))
        found = traced(tf.constant(canvas, tf.float32), *given, tf.constant(input_range, tf.float32))
        return [tensor.numpy() for tensor in found]

    return look


def view(parts, canvas, size=None, *, unit=True, **given):
    """What is seen of canvases, and the gradient, by a function of its own."""
    return viewer(parts, canvas.shape, size, unit=unit)(canvas, **given)


def reference(image, matrix, size):
    """Bilinear lookup of one picture, mirrored at the edges, pixel by pixel in double precision."""
    rows, columns, _ = image.shape
    pad = 3 * max(rows, columns)
    whole = np.pad(image.astype(float), [(pad, pad), (pad, pad), (0, 0)], "symmetric")
    result = np.zeros((*size, image.shape[-1]))
    for i, j in np.ndindex(*size):
        at = matrix @ [i - (size[0] - 1) / 2, j - (size[1] - 1) / 2, 1]
        y, x = at[0] + (rows - 1) / 2 + pad, at[1] + (columns - 1) / 2 + pad
        top, left = int(np.floor(y)), int(np.floor(x))
        down, right = y - top, x - left
        result[i, j] = (1 - down) * ((1 - right) * whole[top, left] + right * whole[top, left + 1]) + down * (
            (1 - right) * whole[top + 1, left] + right * whole[top + 1, left + 1]
        )
    return result


def matrix_of(zoom, degrees=0.0, down=0.0, right=0.0):
    angle = np.deg2rad(degrees)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.concatenate([np.concatenate([turn, [[down], [right]]], 1), [[0, 0, 1]]])


def picture(*shape, seed=0):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


CASES = [
    # zoom, degrees, down, right, canvas, size
    (1.0, 0, 0, 0, (9, 11), (9, 11)),
    (0.5, 0, 0, 0, (12, 12), (12, 12)),
    (0.7, 0, 0.3, -1.2, (15, 11), (13, 9)),
    (1.35, 0, 0, 0, (10, 13), (10, 13)),
    (1.0, 33, 0, 0, (14, 9), (10, 7)),
    (0.7, -15, 2, -3, (16, 16), (12, 12)),
    (1.35, 90, 0, 4.5, (9, 12), (9, 12)),
    (3.0, 20, 0, 0, (8, 7), (8, 7)),
    (1.0, 10, 0, 0, (1, 9), (1, 9)),
    (1.0, 10, 0, 0, (5, 1), (5, 1)),
    (1.0, 0, 0.5, 0, (1, 1), (3, 3)),
]


@pytest.mark.parametrize(("zoom", "degrees", "down", "right", "canvas", "size"), CASES)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_is_looked_up_between_pixels_and_mirrored(zoom, degrees, down, right, canvas, size, channels):
    image = picture(1, *canvas, channels)
    result, _ = view([Fixed(zoom, degrees, down, right)], image, size)
    expected = reference(image[0], matrix_of(zoom, degrees, down, right), size)
    np.testing.assert_allclose(result[0], expected, atol=2e-5)


@pytest.mark.parametrize(("zoom", "degrees", "down", "right", "canvas", "size"), CASES)
def test_the_gradient_of_the_resampling_is_the_exact_adjoint(zoom, degrees, down, right, canvas, size):
    image, upstream = picture(1, *canvas, 3) - 0.5, picture(1, *size, 3, seed=1) - 0.5
    result, grads = view([Fixed(zoom, degrees, down, right)], image, size, up=upstream)
    forth = np.vdot(result.astype(float), upstream)
    back = np.vdot(image.astype(float), grads)
    assert forth == pytest.approx(back, rel=1e-5, abs=1e-6 * float(np.linalg.norm(upstream)))
    assert grads.shape == image.shape


def test_adjacent_geometric_transforms_are_one_resampling():
    image = picture(1, 20, 18, 2)
    parts = [Fixed(0.8, 10, name="a"), Fixed(1.1, -25, 2, 1, name="b"), Jitter(0), Flip(1.0)]
    result, _ = view(parts, image, (14, 12))
    matrix = matrix_of(0.8, 10) @ matrix_of(1.1, -25, 2, 1) @ np.diag([1, -1, 1])
    np.testing.assert_allclose(result[0], reference(image[0], matrix, (14, 12)), atol=2e-5)


def bent(image, random):
    return tf.tanh(image * random.uniform((), 1, 2)) * image[:1]


ALL = [
    [],
    [Jitter(3)],
    [Jitter(3), Jitter(0.3, name="Jitter 2")],
    [Scale(0.5, 1.35), Rotate(15), Jitter(0.107), Contrast(0.5), Brightness(0.1), Noise(0.3, 0.03)],
    [Noise(0.2), Jitter(2), bent, Rotate(30), Flip()],
    [Crops(3, 0.4, 0.8), Contrast(), bent],
    [bent, Contrast()],
    [Crops(2), Crops(2, name="Crops 2")],
]


@pytest.mark.parametrize("parts", ALL)
@pytest.mark.parametrize(("batch", "unit"), [(1, True), (2, False)])
def test_the_gradient_is_that_of_finite_differences(parts, unit, batch):
    low, high = -2.0, 3.0
    image = picture(batch, 9, 8, 2) if unit else low + (high - low) * picture(batch, 9, 8, 2)
    image += picture(batch, 9, 8, 2, seed=5) * 0.1
    given = {"iteration": 3, "input_range": (low, high), "progress": 0.5}
    look = viewer(parts, image.shape, (7, 7), unit=unit)
    shown, _ = look(image, **given)
    upstream = picture(*shown.shape, seed=1) - 0.5
    _, grads = look(image, up=upstream, **given)
    direction = picture(*image.shape, seed=2) - 0.5
    step = 1e-2
    ahead, behind = (look(image + sign * step * direction, **given)[0].astype(float) for sign in (1, -1))
    slope = np.vdot(ahead - behind, upstream) / (2 * step)
    scale = float(np.linalg.norm(grads) * np.linalg.norm(direction))
    assert np.vdot(grads, direction) == pytest.approx(slope, abs=1e-3 * scale)
    assert grads.any()


@pytest.mark.parametrize("parts", ALL)
def test_a_picture_sees_the_same_alone_and_in_a_batch(parts):
    image = picture(3, 12, 10, 3)
    image[2] = image[0]
    together, grads = view(parts, image, (10, 8), seeds=[7, 8, 7], iteration=5)
    look = viewer(parts, (1, 12, 10, 3), (10, 8))
    views = len(together) // 3
    for place, seed in enumerate([7, 8, 7]):
        alone, slope = look(image[place : place + 1], seeds=[seed], iteration=5)
        np.testing.assert_allclose(together[place * views : (place + 1) * views], alone, atol=1e-6)
        np.testing.assert_allclose(grads[place : place + 1], slope, atol=1e-5)


@pytest.mark.parametrize("part", [Jitter(7), Scale(), Rotate(), Crops(1), Contrast(), Brightness(), Noise()])
def test_what_is_seen_is_drawn_anew(part):
    image = picture(1, 16, 16, 3)
    shown = [
        view([Rotate(0, name="First")] * place + [part], image, seeds=[seed], iteration=iteration)[0]
        for seed, iteration, place in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    ]
    for k, one in enumerate(shown):
        assert all(np.abs(one - other).max() > 1e-3 for other in shown[:k])
    np.testing.assert_array_equal(view([part], image)[0], shown[0])


def test_views_are_adjacent_and_differ():
    image = picture(2, 16, 16, 1)
    shown, grads = view([Crops(3, 0.5, 0.9)], image, seeds=[4, 4])
    assert shown.shape == (6, 16, 16, 1)
    assert grads.shape == image.shape
    assert len({one.tobytes() for one in shown}) == 6
    same = np.concatenate([image[:1], image[:1]])
    shown, _ = view([Crops(3, 0.5, 0.9)], same, seeds=[4, 4])
    np.testing.assert_array_equal(shown[:3], shown[3:])


def test_a_crop_lies_inside_the_canvas():
    ramp = np.broadcast_to(np.arange(20.0)[:, None, None], (20, 20, 1))[None]
    look = viewer([Crops(1, 0.25, 0.5)], ramp.shape, (16, 16))
    for iteration in range(20):
        shown, _ = look(ramp, iteration=iteration)
        column = shown[0, :, 0, 0]
        # Nothing is mirrored: it grows evenly, by the share of the side.
        np.testing.assert_allclose(np.diff(column), np.diff(column)[0], atol=1e-4)
        assert 0.25 - 1e-4 <= np.diff(column)[0] <= 0.5 + 1e-4


@pytest.mark.parametrize(
    ("canvas", "size"), [((9,), (9,)), ((9, 8), (9, 8)), ((13, 12), (9, 8)), ((6, 5, 7), (4, 5, 5))]
)
@pytest.mark.parametrize("shift", [0, 0.25, 3])
def test_jitter_is_a_cut_of_the_mirrored_picture_by_whole_pixels(canvas, size, shift):
    image = picture(1, *canvas, 2)
    whole = np.pad(image[0], [*[(12, 12)] * len(canvas), (0, 0)], "symmetric")
    found, look = set(), viewer([Jitter(shift)], image.shape, size)
    for iteration in range(25):
        shown, grads = look(image, iteration=iteration)
        most = [int(shift * side) if shift < 1 else int(shift) for side in size]
        offsets = [range(-m, m + 1) for m in most]
        matches = []
        for moved in np.stack(np.meshgrid(*offsets, indexing="ij"), -1).reshape(-1, len(size)):
            begin = [12 + (c - s) // 2 + o for c, s, o in zip(canvas, size, moved, strict=True)]
            cut = whole[tuple(slice(b, b + s) for b, s in zip(begin, size, strict=True))]
            if np.array_equal(cut, shown[0]):
                matches.append(tuple(moved))
        assert len(matches) == 1
        found |= set(matches)
        assert grads.sum() == pytest.approx(np.prod(size) * 2)
    assert len(found) > 1 or shift == 0


def test_jitter_reaches_both_ends_and_all_between():
    ramp = np.arange(40.0)[None, :, None]
    look = viewer([Jitter(2)], ramp.shape, (20,))
    starts = {int(look(ramp, iteration=k)[0][0, 0, 0]) for k in range(40)}
    assert starts == {8, 9, 10, 11, 12}


def test_a_shift_beyond_the_side_stays_at_one_mirror_image():
    image = picture(1, 5, 1)
    look = viewer([Jitter(1000)], image.shape)
    for iteration in range(10):
        shown, _ = look(image, iteration=iteration)
        assert set(shown.ravel()) <= set(image.ravel())


def test_the_gradient_of_a_jitter_is_its_adjoint():
    image, upstream = picture(1, 7, 6, 2), picture(1, 5, 5, 2, seed=3)
    look = viewer([Jitter(4)], image.shape, (5, 5))
    for iteration in range(8):
        shown, grads = look(image, iteration=iteration, up=upstream)
        assert np.vdot(shown, upstream) == pytest.approx(np.vdot(image, grads), rel=1e-5)


@pytest.mark.parametrize("shape", [(9, 2), (7, 6, 2), (4, 5, 6, 2)])
def test_values_change_for_any_number_of_axes(shape):
    image = picture(1, *shape)
    shown, grads = view([Jitter(1), Noise(0.1), Contrast(), Brightness()], image)
    assert shown.shape == grads.shape == image.shape


def test_without_transforms_the_middle_of_the_canvas_is_seen_in_the_range():
    image = picture(1, 8, 9, 3)
    shown, grads = view([], image, (6, 5), input_range=(-1.0, 3.0))
    np.testing.assert_allclose(shown, image[:, 1:7, 2:7] * 4 - 1, atol=1e-6)
    assert grads.sum() == pytest.approx(4 * 6 * 5 * 3)
    assert not grads[:, :1].any()
    assert not grads[:, :, :2].any()
    shown, grads = view([], image, (6, 5), input_range=(-1.0, 3.0), unit=False)
    np.testing.assert_array_equal(shown, image[:, 1:7, 2:7])
    assert grads.sum() == 6 * 5 * 3


@pytest.mark.parametrize("unit", [True, False])
def test_each_transform_sees_the_values_it_asks_for(unit):
    found = []

    def look(image, random):
        found.append(image)
        return image

    image = np.full((1, 4, 4, 1), 0.25 if unit else 50.0)
    # exp(0) about the middle changes nothing, but asks for 0 to 1 before the function and after.
    parts = [Contrast(0), look, Brightness(0), Rotate(0)]
    shown, _ = view(parts, image, input_range=(0.0, 200.0), unit=unit)
    np.testing.assert_allclose(shown, 50, rtol=1e-5)

    class Seen(transforms.Transform):
        def __call__(self, image, random):
            return image * 0 + tf.cast(tf.reduce_mean(image) > 49, tf.float32) * 100

    shown, _ = view([Contrast(0), Seen()], image, input_range=(0.0, 200.0), unit=unit)
    np.testing.assert_allclose(shown, 100)
    assert [tuple(one.shape) for one in found] == [(4, 4, 1)]


def test_noise_falls_geometrically_with_the_progress():
    image = np.full((1, 64, 64, 3), 0.5)

    def deviations(part):
        look = viewer([part], image.shape)
        return [(look(image, progress=progress)[0] - 0.5).std() for progress in (0.0, 0.5, 1.0)]

    assert deviations(Noise(0.4, 0.1)) == pytest.approx([0.4, 0.2, 0.1], rel=0.02)
    assert deviations(Noise(0.2)) == pytest.approx([0.2] * 3, rel=0.02)
    faintest = transforms.FAINTEST
    assert deviations(Noise(0.1, 0)) == pytest.approx([0.1, (0.1 * faintest) ** 0.5, faintest], rel=0.02)
    assert deviations(Noise(0, 0.3)) == deviations(Noise(0)) == [0, 0, 0]


def test_contrast_and_brightness_are_their_formulas():
    image = picture(1, 6, 6, 3)
    shown, _ = view([Contrast(0.5)], image)
    factors = (shown - 0.5) / (image - 0.5)
    assert np.ptp(factors) < 1e-2
    assert np.exp(-0.5) <= factors.mean() <= np.exp(0.5)
    shown, _ = view([Brightness(0.1)], image)
    assert np.ptp(shown - image) < 1e-6
    assert 0 < np.abs(shown - image).mean() <= 0.1


def test_numbers_are_each_picture_s_own_and_compile_nothing():
    parts = (Noise(0.1), Rotate(10))
    traces = []

    @tf.function(autograph=False)
    def run(canvas, numbers, iteration, progress):
        traces.append(1)
        return seen(
            parts,
            canvas,
            (8, 8),
            seeds=tf.constant([1, 1]),
            iteration=iteration,
            numbers=numbers,
            progress=progress,
            input_range=tf.constant(UNIT),
            unit=True,
        )[0]

    canvas = tf.constant(np.full((2, 8, 8, 3), 0.5, np.float32))
    for start in ([0.0, 0.2], [0.2, 0.0]):
        numbers = [
            {"start": tf.constant(start), "end": tf.constant([0.1, 0.1])},
            {"degrees": tf.constant([0.0, 20.0])},
        ]
        shown = run(canvas, numbers, tf.constant(3), tf.constant(0.0)).numpy()
        np.testing.assert_array_equal(shown.std((1, 2, 3)) > 0.01, np.array(start) > 0)
    assert len(traces) == 1


def test_noise_comes_up_from_nothing_where_it_has_a_warm_up():
    image = np.full((1, 64, 64, 3), 0.5)

    def deviations(part):
        look = viewer([part], image.shape)
        return [(look(image, progress=progress)[0] - 0.5).std() for progress in (0.0, 0.125, 0.25, 1.0)]

    shares = np.divide(deviations(Noise(0.2, 0.02, warmup=0.25)), deviations(Noise(0.2, 0.02)))
    np.testing.assert_allclose(shares, [0, 0.25, 1, 1], atol=1e-3)


def test_a_function_is_told_the_progress_if_it_asks():
    def later(image, random, progress):
        return image * 0 + progress

    assert view([later], picture(1, 4, 4, 1), progress=0.25)[0].max() == 0.25


def wrong_shape(image, random):
    return image[1:]


def as_array(image, random):
    return np.zeros(image.shape)


def by_numpy(image, random):
    return np.asarray(image) * 2


def nothing(image, random):
    return None


def whole_numbers(image, random):
    return tf.cast(image, tf.int32)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(
    ("function", "kind", "received"),
    [
        (wrong_shape, ValueError, r"\(3, 4, 1\)"),
        (as_array, TypeError, "ndarray"),
        (by_numpy, TypeError, "NumPy"),
        (nothing, TypeError, "None"),
        (whole_numbers, TypeError, "int32"),
    ],
)
def test_what_a_user_s_transform_returns_is_checked(batch, function, kind, received):
    with pytest.raises(kind, match=rf"^{function.__name__}: expected .*\(4, 4, 1\).*{received}"):
        view([Rotate(1), function], picture(batch, 4, 4, 1))


def test_another_float_type_is_taken():
    shown, _ = view([lambda image, random: tf.cast(image, tf.float64) / 2], np.ones((1, 4, 4, 1)))
    np.testing.assert_array_equal(shown, 0.5)


def test_a_transform_that_does_not_look_at_the_picture_has_no_gradient():
    _, grads = view([Function(lambda image, random: random.normal(image.shape), name="Other")], picture(1, 4, 4, 1))
    assert not grads.any()


class Half(Geometric):
    def matrix(self, random, size, canvas):
        return tf.eye(2)


class Bare(transforms.Transform):
    share = number(0.5)


def test_a_class_of_one_s_own_is_told_what_is_missing():
    with pytest.raises(
        TypeError, match=r"^Half: expected matrix\(\) to return .* \(3, 3\), received TensorShape\(\[2, 2\]\)"
    ):
        view([Half()], picture(1, 4, 4, 1))
    with pytest.raises(NotImplementedError, match=r"^Bare.__call__\(\) is missing"):
        view([Bare()], picture(1, 4, 4, 1))
    with pytest.raises(NotImplementedError, match=r"^Other.matrix\(\) is missing"):
        view([Geometric(name="Other")], picture(1, 4, 4, 1))
