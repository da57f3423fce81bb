import math

import numpy as np
import pytest
import tensorflow as tf

from actmax_widget import transforms
from actmax_widget.parameters import number
from actmax_widget.parts import declared, live
from actmax_widget.transforms import (
    Brightness,
    Contrast,
    Crops,
    Flip,
    Function,
    Jitter,
    Noise,
    Random,
    Rotate,
    Scale,
    Transform,
    check_for,
    check_transforms,
)

BUILT_IN = [Jitter, Scale, Rotate, Flip, Crops, Contrast, Brightness, Noise]


def fade(image, random):
    return image * random.uniform((), 0.8, 1.2)


def random(seed=0):
    return Random(tf.constant([seed, 5]))


@pytest.mark.parametrize("cls", BUILT_IN)
def test_all_numbers_have_what_a_slider_needs(cls):
    part = cls()
    assert part.name == cls.__name__
    assert cls(name="Other").name == part.named("Other").name == "Other"
    assert part.numbers().keys() == live(part).keys()
    for one in declared(part).values():
        assert one.label
        assert one.help.endswith(".")
        assert one.top
        assert not one.group
    with pytest.raises(TypeError, match=r"^name: expected a text, received 3"):
        cls(name=3)


def test_crops_make_views_and_compile_for_another_number():
    assert Crops(3).views == 3
    assert Jitter().views == 1
    assert set(live(Crops())) == {"low", "high"}
    assert Crops(3).signature() != Crops(4).signature()
    assert Crops(3).signature() == Crops(3, 0.1, 0.2, name="Other").signature()


def test_noise_stays_without_an_end():
    assert Noise(0.3).numbers() == {"start": 0.3, "end": 0.3, "warmup": 0}
    assert Noise(0.3, 0, warmup=0.5).numbers() == {"start": 0.3, "end": 0, "warmup": 0.5}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Scale(low=-1), r"Scale.low: expected a finite number > 0, received -1"),
        (lambda: Scale(low=0), r"Scale.low: expected a finite number > 0, received 0"),
        (lambda: Scale(1.2, 0.8), r"Scale: expected low <= high, received \(1.2, 0.8\).*Scale\(low=0.8, high=1.2\)"),
        (lambda: Crops(2, 0.9, 0.5), r"Crops: expected low <= high"),
        (lambda: Crops(2, 0.5, 1.5), r"Crops.high: expected .* > 0 and <= 1, received 1.5"),
        (lambda: Crops(0), r"Crops.n: expected an integer from 1"),
        (lambda: Jitter(-1), r"Jitter.shift: expected a finite number >= 0"),
        (lambda: Rotate(math.nan), r"Rotate.degrees: expected a finite number"),
        (lambda: Flip(2), r"Flip.probability: expected a finite number from 0 to 1"),
        (lambda: Noise(-0.1), r"Noise.start: expected"),
        (lambda: Noise(0.1, -0.1, name="Grain"), r"Grain.end: expected"),
        (lambda: Noise(0.1, warmup=2), r"Noise.warmup: expected"),
    ],
)
def test_bad_numbers_are_refused(make, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        make()


def test_a_list_of_parts_and_functions_is_taken():
    parts = check_transforms([Jitter(8), fade, Function(lambda image, random: image), Rotate(5)])
    assert [part.name for part in parts] == ["Jitter", "fade", "Function", "Rotate"]
    assert isinstance(parts[1], Function)
    assert parts[1].signature() is None
    assert check_transforms(None) == check_transforms([]) == ()
    assert [part.name for part in check_transforms(Jitter(8))] == ["Jitter"]
    assert check_transforms(parts) == parts


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("jitter", TypeError, "transforms: expected a list of transforms or functions .* received 'jitter'"),
        ([8], TypeError, "transforms: expected .* received 8"),
        ([Jitter], TypeError, r"transforms: .*Make one: Jitter\(\)"),
        ([None], TypeError, "transforms: expected"),
        ([lambda image: image], TypeError, r"Function: expected a function of \(image, random\)"),
        ([Jitter(2), Jitter(4)], ValueError, r"transforms: .*\['Jitter', 'Jitter'\].*Jitter\(…, name=\"Jitter 2\"\)"),
        ([fade, fade], ValueError, r"transforms: expected parts .*Function\(…, name=\"fade 2\"\)"),
    ],
)
def test_anything_else_is_refused(value, kind, message):
    with pytest.raises(kind, match=f"^{message}"):
        check_transforms(value)
    with pytest.raises(TypeError, match=r"^Function: expected|^int: expected"):
        Function(3)


def test_two_of_a_kind_have_names_of_their_own():
    parts = [Jitter(2), Jitter(4).named("Jitter 2"), Jitter(6, name="Third"), fade, Function(fade, name="fade 2")]
    assert [part.name for part in check_transforms(parts)] == ["Jitter", "Jitter 2", "Third", "fade", "fade 2"]


@pytest.mark.parametrize("part", [Scale(), Rotate(), Flip(), Crops()])
def test_turning_and_scaling_need_two_axes(part):
    check_for([part], (8, 9, 3))
    for shape in [(8, 3), (8, 9, 7, 3), (10,)]:
        with pytest.raises(ValueError, match=rf"^{part.name}: expected pictures with 2 spatial axes.*Leave"):
            check_for([part], shape)


def test_the_others_take_any_number_of_axes():
    parts = check_transforms([Jitter(), Noise(), Contrast(), Brightness(), fade])
    for shape in [(8, 3), (8, 9, 3), (8, 9, 7, 3)]:
        check_for(parts, shape)
    check_for(parts[1:], (10,))
    with pytest.raises(ValueError, match=r"^Jitter: expected pictures with some spatial axes"):
        check_for(parts, (10,))


def test_random_numbers_are_those_of_their_seed_and_differ_from_call_to_call():
    one, same, other = random(), random(), random(1)
    first = one.normal([50])
    np.testing.assert_array_equal(first, same.normal([50]))
    assert not np.allclose(first, one.normal([50]))
    assert not np.allclose(first, other.normal([50]))
    assert one.uniform().shape == one.normal().shape == ()
    assert one.normal([3, 5]).shape == (3, 5)
    uniform = one.uniform([1000], -3, 2).numpy()
    assert -3 <= uniform.min() < -2.9
    assert 1.9 < uniform.max() < 2


def test_normal_numbers_are_normal():
    found = np.sort(random().normal([200_001]).numpy())
    ranks = (np.arange(len(found)) + 0.5) / len(found)
    expected = np.array([(1 + math.erf(value / math.sqrt(2))) / 2 for value in found])
    assert np.abs(ranks - expected).max() < 1.63 / math.sqrt(len(found))  # Kolmogorov and Smirnov, 1 % level
    halves = np.split(random().normal([200_000]).numpy(), 2)
    assert abs(np.corrcoef(*halves)[0, 1]) < 0.01
    assert abs(np.corrcoef(*np.square(halves))[0, 1]) < 0.01


def matrices(part, count=300, size=(20, 10), canvas=(24, 12)):
    return np.array([part.matrix(random(seed), size, canvas) for seed in range(count)])


def test_a_scale_is_uniform_in_its_logarithm():
    found = matrices(Scale(0.5, 2.0))
    shares = found[:, 0, 0]
    np.testing.assert_array_equal(found[0], np.diag([shares[0], shares[0], 1]))
    assert 0.5 <= shares.min() < 0.52
    assert 1.92 < shares.max() <= 2.0
    assert np.median(shares) == pytest.approx(1, abs=0.15)


def test_a_rotation_turns_up_to_its_degrees():
    found = matrices(Rotate(30))
    np.testing.assert_allclose(np.linalg.det(found), 1, atol=1e-6)
    np.testing.assert_allclose(found @ found.transpose(0, 2, 1), np.broadcast_to(np.eye(3), found.shape), atol=1e-6)
    angles = np.rad2deg(np.arctan2(found[:, 1, 0], found[:, 0, 0]))
    assert -30 <= angles.min() < -28
    assert 28 < angles.max() <= 30


def test_a_flip_has_a_probability():
    assert {tuple(np.diag(one)) for one in matrices(Flip(0))} == {(1, 1, 1)}
    assert {tuple(np.diag(one)) for one in matrices(Flip(1))} == {(1, -1, 1)}
    assert np.mean(matrices(Flip(0.5))[:, 1, 1] < 0) == pytest.approx(0.5, abs=0.1)


def test_a_jitter_is_a_fraction_below_one_and_pixels_from_there():
    shifts = matrices(Jitter(0.1))[:, :2, 2]
    assert {tuple(one) for one in shifts} == {(row, column) for row in (-2, -1, 0, 1, 2) for column in (-1, 0, 1)}
    shifts = matrices(Jitter(3))[:, :2, 2]
    assert set(shifts.ravel()) == set(range(-3, 4))
    # 0.07 of 100 is 7, also in single precision.
    assert np.abs(matrices(Jitter(0.07), size=(100, 100), canvas=(100, 100))[:, :2, 2]).max() == 7


def test_crops_stay_inside_the_canvas():
    found = matrices(Crops(1, 0.3, 0.9))
    shares = found[:, 0, 0]
    assert 0.3 <= shares.min() < 0.33
    assert 0.87 < shares.max() <= 0.9
    reach = np.abs(found[:, :2, 2]) + shares[:, None] * [10, 5]
    assert (reach <= np.array([12, 6]) + 1e-5).all()
    assert (reach.max(0) > np.array([11.8, 5.9])).all()


def test_a_class_of_one_s_own_declares_numbers_and_takes_a_name():
    class Fade(Transform):
        name: str = "Fading"
        share: float = number(0.5, least=0, most=1, top=1)

        def __call__(self, image, random):
            return image * self.share

    assert Fade(0.2).numbers() == {"share": 0.2}
    assert Fade(0.2).name == "Fading"
    assert Fade(share=0.2, name="Other").name == "Other"
    assert repr(Fade(0.2)) == "Fade(share=0.2)"
    assert transforms.check_transforms([Fade(0.2), Fade(0.4, name="Other")])
