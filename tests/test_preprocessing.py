import keras
import numpy as np
import pytest
from keras import layers, ops

import actmax_widget as am
from actmax_widget import losses, preprocessing

PICTURES = np.random.RandomState(0).uniform(0, 255, (2, 6, 6, 3)).astype("float32")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    last = [layers.Conv2D(4, 3, name="conv"), layers.Flatten(), layers.Dense(3, name="out")]
    return keras.Sequential([keras.Input((6, 6, 3)), *last])


@pytest.mark.parametrize("mode", ["tf", "caffe", "torch"])
def test_modes_are_those_of_keras_applications(mode):
    wanted = keras.applications.imagenet_utils.preprocess_input(PICTURES.copy(), mode=mode, data_format="channels_last")
    np.testing.assert_allclose(preprocessing.get(mode)(ops.convert_to_tensor(PICTURES)), wanted, atol=1e-4)


@pytest.mark.parametrize(
    "value",
    [
        (127.5, 50.0),
        ([10, 20, 30], [1, 2, 3]),
        layers.Rescaling(1 / 255),
        lambda pictures: ops.flip(pictures, -1) - 100.0,
    ],
    ids=["numbers", "channels", "layer", "function"],
)
def test_the_network_is_fed_what_it_wants_and_the_picture_is_what_is_seen(model, value):
    made = am.visualize(
        model, losses.ActivationMaximization("out", 1), preprocess=value, transforms=[], seed=0, max_iter=5
    )
    fed = preprocessing.get(value)(ops.convert_to_tensor(made.image[None]))
    assert -made.history["total"][-1] == pytest.approx(float(model(fed)[0, 1]), rel=1e-4)
    assert 0 <= made.image.min() <= made.image.max() <= 255


def test_it_is_as_if_the_network_began_with_it(model):
    inside = keras.Sequential([keras.Input((6, 6, 3)), layers.Rescaling(1 / 127.5, -1), *model.layers])
    outside = am.visualize(model, "out", 1, preprocess="tf", seed=0, max_iter=10)
    made = am.visualize(inside, "out", 1, seed=0, max_iter=10)
    np.testing.assert_allclose(outside.image, made.image, atol=0.05)


def test_a_reference_is_a_picture_too(model):
    picture = PICTURES[0]
    result = am.visualize(
        model, losses.Similarity("conv", picture), preprocess="tf", start=picture, transforms=[], max_iter=1
    )
    assert result.history["total"][0] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        ("caffee", ValueError, "Did you mean 'caffe'"),
        (3, TypeError, "a name, \\(mean, std\\)"),
        ((0, 0), ValueError, "> 0"),
        (np.asarray, TypeError, "NumPy functions|ndarray"),
        (lambda pictures: pictures[:, 1:], ValueError, r"\(1, 5, 6, 3\)"),
        (lambda pictures: None, TypeError, "received None"),
    ],
)
def test_bad_ones_are_refused_before_the_run(model, value, error, words):
    with pytest.raises(error, match=f"^preprocess: .*({words})"):
        am.visualize(model, "out", 1, preprocess=value, max_iter=3)
    with pytest.raises(error, match=f"^preprocess: .*({words})"):
        am.ActMaxWidget(model, preprocess=value)


def test_the_widget_offers_what_a_known_model_wants():
    start = keras.Input((12, 12, 3))
    known = keras.Model(start, layers.Dense(3)(layers.Flatten()(start)), name="vgg16")
    widget = am.ActMaxWidget(known, max_iter=2)
    assert "preprocess='caffe'" in widget.message
    widget.preprocess = "caffe"
    assert "preprocess" not in widget.message
    widget.preprocess = None
    widget.step()
    assert "preprocess" not in widget.message  # it was told
    widget.close()


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("vgg16", "caffe"),
        ("ResNet50V2", "tf"),
        ("mobilenetv2_1.00_224", "tf"),
        ("densenet121", "torch"),
        ("mine", None),
    ],
)
def test_models_of_keras_applications_are_known_by_their_names(name, mode):
    assert preprocessing.of_model(name) == mode
