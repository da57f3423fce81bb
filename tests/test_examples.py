import keras
import numpy as np
import pytest
from keras import layers

import actmax_widget as am
from actmax_widget import losses
from actmax_widget.scoring.quiz import Quiz, wilson
from tests.networks import small_cnn


@pytest.fixture(scope="module")
def model():
    return small_cnn(channels=3)


@pytest.fixture(scope="module")
def photos():
    return am.References(np.random.default_rng(0).integers(0, 256, (50, 12, 12, 3), np.uint8))


def test_the_pictures_that_excite_a_channel_most_cut_to_what_it_sees(model, photos):
    found = am.visualize_references(model, "conv1", 2, photos)
    assert (len(found), found.number, found.passes) == (9, 50, 50)
    assert am.visualize_references(model, "conv1", 4, photos).passes == 0
    assert (np.diff(found.activations) <= 0).all()
    kernel, bias = model.get_layer("conv1").get_weights()
    for crop, activation in zip(found.crops, found.activations, strict=True):
        assert crop.shape == (3, 3, 3)
        # What the unit sees is all that it needs.
        assert (crop / 255 * kernel[..., 2]).sum() + bias[2] == pytest.approx(activation, rel=1e-3)
    (top, bottom), (left, right) = found.boxes[0]
    np.testing.assert_array_equal(found.pictures[0][top:bottom, left:right], found.crops[0])
    assert found.names[0].startswith("picture ")


def test_a_deeper_layer_sees_more_and_a_class_the_whole_picture(model, photos):
    assert am.visualize_references(model, "conv2", 1, photos).crops[0].shape == (8, 8, 3)  # 3 + 1 + 2 * 2
    assert am.visualize_references(model, "out", 1, photos, count=60).crops[0].shape == (12, 12, 3)


def test_what_sees_beyond_the_edge_is_cut_at_it():
    inputs = keras.Input((10, 10, 1))
    model = keras.Model(inputs, layers.Conv2D(1, 5, padding="same", kernel_initializer="ones", name="c")(inputs))
    picture = np.zeros((1, 10, 10, 1), np.uint8)
    picture[0, 9, 0] = 255
    found = am.visualize_references(model, losses.Neuron("c", 0, position=(9, 0)), references=picture)
    assert found.boxes == (((7, 10), (0, 3)),)


def test_a_run_has_its_references_and_so_has_a_widget(model, photos):
    result = am.visualize(model, "out", 1, references=photos, max_iter=2, seed=0)
    assert result.top_references().names == am.visualize_references(model, "out", 1, photos).names
    assert result.score().strong.percentile is not None
    widget = am.ActMaxWidget(model, "out", filter_indices=1, references=photos)
    assert widget.top_references().names == result.top_references().names
    widget.references = None
    with pytest.raises(TypeError, match=r"Set widget\.references"):
        widget.top_references()
    widget.close()


def test_a_target_without_units_is_refused(model, photos):
    with pytest.raises(ValueError, match="names no units"):
        am.visualize_references(model, losses.Diversity("conv1"), references=photos)


# --- the quiz --------------------------------------------------------------------------------------------------------


def test_questions_set_a_strong_picture_beside_a_weak_one_on_either_side():
    strengths = np.random.default_rng(1).permutation(50).astype(float)
    quiz, sides = Quiz(strengths), []
    for _ in range(30):
        left, right = quiz.question
        assert abs(strengths[left] - strengths[right]) >= 30
        sides.append("left" if strengths[left] > strengths[right] else "right")
        assert quiz.answer(sides[-1])
    assert set(sides) == {"left", "right"}
    assert (quiz.right, quiz.asked) == (30, 30)
    assert not quiz.answer("right" if strengths[quiz.question.left] > strengths[quiz.question.right] else "left")
    assert quiz.said() == "30 of 31 right: 84 to 99 % with 95 %; chance is 50 %."


def test_the_interval_is_wilsons():
    # The numbers of Newcombe, Statistics in Medicine 17 (1998), table I.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=1e-4)
    assert wilson(0, 0) == (0, 1)


def test_a_unit_that_is_mostly_silent_is_asked_about_what_differs():
    quiz = Quiz(np.array([0.0] * 49 + [1.0]))
    for _ in range(5):
        assert 49 in quiz.question
        quiz.answer("left")


@pytest.mark.parametrize("strengths", [np.zeros(5), np.ones(1)])
def test_no_quiz_without_two_that_differ(strengths):
    with pytest.raises(ValueError, match="at least two pictures"):
        Quiz(strengths)
