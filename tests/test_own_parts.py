"""Parts as a user writes them: what works at once, and what is said where one does not."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import actmax_widget as am
from actmax_widget import losses, optimizers, regularizers, transforms
from actmax_widget.losses import Loss
from actmax_widget.parameters import number
from actmax_widget.parametrizations import Parametrization
from tests.networks import small_cnn


@pytest.fixture(scope="module")
def model():
    return small_cnn(3)


class Fog(transforms.Transform):
    unit = True
    density = number(0.5, least=0, most=1, top=1, help="How thick it gets.")

    def __call__(self, image, random):
        share = self.density * random.uniform()
        return (1 - share) * image + share


class Soft(Parametrization):
    slope = number(1.0, above=0, top=4, help="How hard the picture is.")

    def start(self, shape, random, picture=None):
        if picture is None:
            return {"values": random.normal(size=shape)}  # float64, as NumPy has it
        inside = np.clip(picture, 0.01, 0.99)
        return {"values": np.log(inside / (1 - inside)) / self.slope}

    def decode(self, params, shape):
        del shape
        return tf.sigmoid(self.slope * params["values"])


class Signs(optimizers.Optimizer):
    def update(self, value, grad, kept, iteration):
        del kept, iteration
        return value - self.learning_rate * tf.sign(grad), {}


class Level(Loss):
    level = number(3.0, top=10, help="What the unit shall give.")

    def __init__(self, layer):
        self.layer = layer

    def build_loss(self):
        return ops.mean(ops.abs(self.layer.output[..., 3] - self.level))


class Warm(regularizers.Regularizer):
    redness = number(0.5, least=0, most=1, top=1, help="How red it shall be.")

    def build_loss(self):
        return ops.mean(ops.square(self.img[..., 0] / 255 - self.redness), axis=(1, 2))


def test_parts_of_ones_own_work_together_in_function_and_widget_with_a_slider_for_each_number(model):
    parts = {"parametrization": Soft(), "transforms": [Fog(0.2)], "optimizer": Signs(0.01), "seed": 0, "max_iter": 5}
    result = am.visualize(model, Level("out") + 100 * Warm(), **parts)
    widget = am.ActMaxWidget(model, losses=[(Level("out"), 1), (Warm(), 100)], **parts)
    widget.step(5)
    np.testing.assert_allclose(widget.image, result.image, atol=1e-3)
    assert result.history["total"][-1] < result.history["total"][0]
    sliders = {(one["group"], one["label"]) for one in widget.knob_controls if one["control"] == "slider"}
    assert {("Level", "Level"), ("Warm", "Redness"), ("Soft", "Slope"), ("Fog", "Density")} <= sliders
    for address in ("Level.level", "Warm.redness", "Soft.slope", "Fog.density"):
        assert address in widget.knobs
    widget.close()


class Gone(Soft):
    def start(self, shape, random, picture=None):
        del picture
        return random.normal(size=shape)


class Texts(Soft):
    def start(self, shape, random, picture=None):
        del shape, random, picture
        return {"values": "noise"}


class Cropped(Soft):
    def decode(self, params, shape):
        return super().decode(params, shape)[:, :5]


class Whole(Soft):
    def decode(self, params, shape):
        return tf.cast(super().decode(params, shape), tf.int32)


class NumPys(Soft):
    def decode(self, params, shape):
        del shape
        return np.tanh(params["values"])


class Nothing(Parametrization):
    pass


@pytest.mark.parametrize(
    ("part", "error", "said"),
    [
        (Gone, TypeError, "Gone: expected start() to return a dict of arrays, received array"),
        (Texts, TypeError, "Texts: expected start() to return a dict of arrays, received {'values': 'noise'}"),
        (
            Cropped,
            ValueError,
            "Cropped: expected decode() to return a float32 tensor of pictures, (batch, 12, 12, 3), ",
        ),
        (
            Whole,
            TypeError,
            "Whole: expected decode() to return a float32 tensor of pictures, (batch, 12, 12, 3), received",
        ),
        (NumPys, TypeError, "NumPys: expected decode() to return a float32 tensor of pictures, (batch, 12, 12, 3), "),
        (Nothing, NotImplementedError, "Nothing.start() is missing"),
    ],
)
def test_a_parametrization_that_cannot_work_is_told_so_by_name(model, part, error, said):
    with pytest.raises(error) as caught:
        am.visualize(model, "out", 1, parametrization=part(), max_iter=2)
    assert str(caught.value).startswith(said)
    assert len(str(caught.value)) > len(said)


class InNumPy(Level):
    def build_loss(self):
        return np.mean(self.layer.output)


class Constant(Level):
    def build_loss(self):
        return ops.mean(ops.ones(3)) * 2


class Forgotten(Level):
    def build_loss(self):
        ops.mean(self.layer.output)


class OfNothing(Level):
    def build_loss(self):
        return 0 * ops.stop_gradient(ops.mean(self.layer.output))


@pytest.mark.parametrize(
    ("loss", "error", "said"),
    [
        (InNumPy, TypeError, r"to return a symbolic tensor, received 'NumPy functions'.* keras\.ops"),
        (Constant, ValueError, "to depend on the network's input, received 'a constant'"),
        (Forgotten, TypeError, "to return a symbolic tensor, received None"),
    ],
)
def test_a_loss_that_is_not_computed_from_the_network_is_told_so_by_name(model, loss, error, said):
    for make in (
        lambda: am.visualize(model, loss("out"), max_iter=2),
        lambda: am.visualize_activation_with_losses(model.inputs[0], [(loss(model.get_layer("out")), 1)], max_iter=2),
    ):
        with pytest.raises(error, match=rf"^.+: expected {loss.__name__}\.build_loss\(\) {said}"):
            make()


def test_a_loss_that_no_gradient_comes_through_is_told_so(model):
    with pytest.raises(ValueError, match="gradient"):
        am.visualize(model, OfNothing("out"), max_iter=2)


def test_the_widget_says_the_same_and_keeps_what_it_has(model):
    widget = am.ActMaxWidget(
        model, objective=losses.LogOdds("out", 1), parametrization="pixels", transforms=[], optimizer="adam", seed=0
    )
    widget.step(3)
    with pytest.raises(ValueError, match=r"Cropped: expected decode\(\) to return a float32 tensor"):
        widget.parametrization = Cropped()
    assert widget.parametrization.name == "Pixels"
    widget.step()
    assert (len(widget.history), widget.error) == (4, "")
    with pytest.raises(
        ValueError, match="Function: expected a transform to return a float tensor of the picture's shape"
    ):
        widget.transforms = [lambda image, random: image[:3]]
    widget.step()
    assert (len(widget.history), widget.transforms) == (5, ())
    widget.close()


def test_a_number_without_a_label_goes_by_its_name():
    class Part(Level):
        cosine_power = number(1.0, help="Twice.")
        power = number(1.0, label="Something else", help="Thrice.")

    widget = am.ActMaxWidget(small_cnn(), losses=[(Part("out"), 1)])
    found = {one["name"]: one["label"] for one in widget.knob_controls}
    assert found["Part.cosine_power"] == "Cosine power"
    assert found["Part.power"] == "Something else"
    widget.close()


@pytest.mark.parametrize("name", ["named", "numbers", "build_loss"])
def test_a_number_cannot_go_by_the_name_of_a_method(name):
    with pytest.raises(TypeError, match=f"Odd: expected another name for a number, received '{name}'"):
        type("Odd", (Level,), {name: number(1.0, help="Once.")})
