import numpy as np
import pytest
import tensorflow as tf

from actmax_widget.input_modifiers import InputModifier, Jitter


@pytest.mark.parametrize(
    ("jitter", "pixels"),
    [(0.05, [1, 2]), (0.03, [0, 1]), (0, [0, 0]), (1, [1, 1]), (1.9, [1, 1]), ([2, 3], [2, 3]), ((0.5, 1), [14, 1])],
)
def test_fractions_and_pixels(jitter, pixels):
    assert Jitter(jitter).pixels((1, 28, 56, 3)).tolist() == pixels


@pytest.mark.parametrize("shape", [(1, 8, 1), (2, 8, 9, 3), (1, 5, 6, 7, 1)])
def test_pre_is_a_true_roll(shape):
    np.random.seed(0)
    array = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    moved = Jitter(2).pre(array)
    assert moved.shape == shape
    np.testing.assert_array_equal(np.sort(moved, axis=None), np.sort(array, axis=None))


def offsets(jitter, seeds, size=50):
    """The rolls that seeds give, read off a picture with one bright pixel."""
    picture = np.zeros((1, size, size, 1), "float32")
    picture[0, 25, 25] = 1
    modifier = Jitter(jitter)
    knobs = {name: tf.constant(value) for name, value in modifier.knobs(picture.shape).items()}
    moved = [modifier.pre_tensor(tf.constant(picture), tf.constant([[7, seed]]), **knobs).numpy() for seed in seeds]
    return np.array([np.argwhere(picture)[0][1:3] - 25 for picture in moved])


def test_compiled_rolls_cover_the_whole_range_evenly():
    rolls = offsets(2, range(500))
    values, counts = np.unique(rolls, return_counts=True)
    assert values.tolist() == [-2, -1, 0, 1, 2]
    assert counts.min() > 130  # of 1000, 200 expected


def test_the_same_seed_gives_the_same_roll():
    np.testing.assert_array_equal(offsets(5, range(9)), offsets(5, range(9)))
    assert not offsets(0, range(9)).any()


@pytest.mark.parametrize(
    ("jitter", "error"), [(-1, ValueError), (float("nan"), ValueError), ("1", TypeError), ([1, "a"], TypeError)]
)
def test_bad_jitter_is_refused(jitter, error):
    with pytest.raises(error, match="jitter: expected"):
        Jitter(jitter)


def test_a_sequence_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="jitter: expected one number or 2"):
        Jitter([1, 2, 3]).pixels((1, 8, 8, 1))


def test_the_base_class_changes_nothing_and_a_numpy_modifier_is_called():
    class Half(InputModifier):
        def pre(self, inp):
            return inp / 2

        def post(self, inp):
            return np.float64(inp + 1)

    ones = tf.ones((1, 2, 2, 1))
    assert InputModifier().pre_tensor(ones, tf.constant([[0, 0]])) is ones
    assert InputModifier().post_tensor(ones) is ones
    assert Half().pre_tensor(ones, tf.constant([[0, 0]])).numpy().max() == 0.5
    assert Half().post_tensor(ones).numpy().max() == 2


def test_each_picture_of_a_batch_is_rolled_by_the_offsets_of_its_seed():
    images = tf.constant(np.random.default_rng(0).normal(size=(400, 7, 5, 2)).astype("float32"))
    knobs = {name: tf.constant(value) for name, value in Jitter([2, 1]).knobs(images.shape).items()}
    apart = tf.stack([tf.range(400), tf.fill(400, 4)], -1)
    rolled = Jitter([2, 1]).pre_tensor(images, apart, **knobs).numpy()
    offsets = []
    for before, after in zip(images.numpy(), rolled, strict=True):
        found = [by for by in np.ndindex(5, 3) if (np.roll(before, np.subtract(by, (2, 1)), (0, 1)) == after).all()]
        assert len(found) == 1
        offsets += found
    assert set(offsets) == set(np.ndindex(5, 3))
    together = Jitter([2, 1]).pre_tensor(images, tf.constant([[3, 4]] * 400), **knobs).numpy()
    alone = Jitter([2, 1]).pre_tensor(images[:1], tf.constant([[3, 4]]), **knobs).numpy()
    moved = [by for by in np.ndindex(5, 3) if (np.roll(images[0], np.subtract(by, (2, 1)), (0, 1)) == alone[0]).all()]
    np.testing.assert_array_equal(together, np.roll(images, np.subtract(moved[0], (2, 1)), (1, 2)))
