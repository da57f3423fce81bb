"""What compiles and what does not, where a run is made of parts: numbers never, other parts once."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import actmax_widget as am
from actmax_widget import losses, optimizers, parametrizations, regularizers, transforms
from actmax_widget.losses import Loss
from actmax_widget.parameters import number
from actmax_widget.parametrizations import Parametrization
from actmax_widget.transforms import Transform
from tests.networks import small_cnn


class Apart(Loss):
    """A loss as a user writes one."""

    margin: float = number(1.0, top=10, help="How far apart.")

    def __init__(self, layer, margin=1.0):
        self.layer, self.margin = layer, margin

    def build_loss(self):
        output = self.layer.output
        return ops.square(self.margin - ops.mean(output[..., 0] - output[..., 1]))


class Fade(Transform):
    share: float = number(0.5, least=0, most=1, top=1, help="How much is left.")

    def __call__(self, image, random):
        return image * (1 - self.share * random.uniform())


class Soft(Parametrization):
    slope: float = number(1.0, above=0, top=4, help="How hard the picture is.")

    def start(self, shape, random, picture=None):
        if picture is None:
            return {"values": random.normal(size=shape).astype("float32") / 10}
        safe = np.clip(picture, 0.01, 0.99)
        return {"values": (np.log(safe / (1 - safe)) / self.slope).astype("float32")}

    def decode(self, params, shape):
        del shape
        return tf.sigmoid(self.slope * params["values"])


@pytest.fixture(scope="module")
def model():
    return small_cnn(3, size=16)


@pytest.fixture(scope="module")
def alone():
    """A network for tests each of which compiles what no other does."""
    return small_cnn(3, size=16)


@pytest.fixture(scope="module")
def own(model):
    """A widget of a user's own parts, compiled."""
    widget = am.ActMaxWidget(
        model,
        losses=[(Apart("conv1"), 1), (losses.LogOdds("out", 1), 1), (regularizers.TotalVariation(), 0.1)],
        parametrization=Soft(),
        transforms=[transforms.Jitter(2), Fade(), transforms.Scale(), transforms.Noise(0.1, 0.01)],
        optimizer=optimizers.Adam(0.1),
        max_iter=3,
    )
    widget.step()
    yield widget
    widget.close()


OWN = {
    "Apart.margin": 2,
    "Apart.weight": 3,
    "Log odds.temperature": 1,
    "TV(2.0) Loss.weight": 2,
    "Soft.slope": 2,
    "Jitter.shift": 0,
    "Fade.share": 0.1,
    "Scale.low": 0.7,
    "Noise.start": 0.3,
    "Noise.end": 0,
    "Adam.learning_rate": 0.5,
    "Adam.beta_1": 0.5,
}


def of_any_process(value):
    """An id without addresses, as two processes must collect the same tests."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))


@pytest.mark.parametrize("address", OWN)
def test_a_slider_of_any_part_compiles_nothing_and_counts(own, traces, address):
    def picture():
        own.reset()
        own.step(3)
        return own.image.copy()

    before = own.knobs[address]
    unchanged = picture()

    def drag():
        own.knobs[address] = OWN[address]
        assert (picture() != unchanged).any()

    assert traces.of(drag) == 0
    own.knobs[address] = before
    np.testing.assert_array_equal(picture(), unchanged)


@pytest.mark.parametrize(
    "change",
    [
        {"filter_indices": 3},
        {"filter_indices": (1, 1, 2)},
        {"position": (2, 1)},
        {"position": 0},
        {"tv_weight": 3},
        {"act_max_weight": -1},
        {"learning_rate": 0.2},
        {"jitter": 5},
        {"seed": 3},
        {"seed": None},
        {"max_iter": 7},
        {"input_range": (0, 1)},
        {"grad_modifier": "relu"},
        {"seed_input": np.full((16, 16, 3), 99)},
    ],
    ids=of_any_process,
)
def test_what_is_no_other_part_compiles_nothing_in_the_widget(model, traces, change):
    if "position" in change:  # of a map; from the whole of it to a place is another graph
        start, change = {"layer": "conv2", "position": (0, 0)}, {"position": (2, 1) if change["position"] else (-1, -1)}
    else:
        start = {"layer": "out"}
    parts = {"parametrization": "fourier", "transforms": [transforms.Jitter(0)], "optimizer": "rmsprop"}
    widget = am.ActMaxWidget(model, **start, **parts)
    widget.step()

    def changed():
        for name, value in change.items():
            setattr(widget, name, value)
        widget.reset()
        widget.step()

    assert traces.of(changed) == 0
    assert widget.iteration == 1
    widget.close()


@pytest.mark.parametrize(
    "change",
    [
        {"parametrization": "phase"},
        {"parametrization": parametrizations.RingSpectrum(rings=12)},
        {"optimizer": keras.optimizers.SGD(0.1)},
        {"transforms": [transforms.Jitter(1), transforms.Flip()]},
        {"transforms": [transforms.Jitter(1), Fade()]},
        {"transforms": []},
        {"layer": "conv1"},
        {"objective": losses.Neuron("conv2", 3) - losses.Neuron("conv2", 4)},
    ],
    ids=of_any_process,
)
def test_another_part_compiles_once(alone, traces, change):
    parts = {"parametrization": "ringspectrum", "transforms": [transforms.Jitter(0)], "optimizer": "adam"}
    widget = am.ActMaxWidget(alone, layer="out", **parts)
    widget.step()
    before = {name: getattr(widget, name) for name in change}

    def set_to(values):
        for name, value in values.items():
            setattr(widget, name, value)
        widget.step()

    assert traces.of(lambda: set_to(change)) == 1
    assert traces.of(lambda: set_to(before)) == 0  # that one is still there
    widget.close()


# --- functions -------------------------------------------------------------------------------------------------------


def made(model, target="out", filter_indices=1, **options):
    recipe = {
        "parametrization": parametrizations.RingSpectrum(),
        "transforms": [transforms.Scale(0.5, 1.35), transforms.Rotate(15), transforms.Jitter(0.1), transforms.Noise()],
        "optimizer": optimizers.Adam(0.1),
        "max_iter": 2,
        "seed": 0,
    }
    return am.visualize(model, target, filter_indices, **recipe | options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"filter_indices": [2, 3]},
        {"tv_weight": 3},
        {"seed": 8},
        {"max_iter": 4},
        {"start": np.full((16, 16, 3), 200)},
        {"optimizer": optimizers.Adam(0.3, beta_1=0.5)},
        {"parametrization": parametrizations.RingSpectrum(decay=2, contrast=0.1, colour=0)},
        {
            "transforms": [
                transforms.Scale(0.9, 1),
                transforms.Rotate(0, name="Tilt"),
                transforms.Jitter(3),
                transforms.Noise(0),
            ]
        },
    ],
    ids=of_any_process,
)
def test_a_second_call_with_equal_parts_finds_the_step_of_the_first(model, traces, options):
    made(model)
    assert traces.of(lambda: made(model, **options)) == 0


@pytest.mark.parametrize(
    "objective",
    [
        lambda k: losses.ActivationMaximization("conv2", k) + (1 + k) * regularizers.TotalVariation(),
        lambda k: losses.Neuron("conv2", k, (k, 0)) - 0.5 * losses.Direction("conv1", np.arange(6) + k, k),
        lambda k: losses.LogOdds("out", k, 1 + k),
        lambda k: losses.Similarity("pool", np.full((16, 16, 3), 50 * k)) + 0.1 * regularizers.LPNorm(),
    ],
)
def test_an_equal_objective_of_other_numbers_finds_the_step_too(model, traces, objective):
    made(model, objective(0), None)
    assert traces.of(lambda: made(model, objective(1), None)) == 0


@pytest.mark.parametrize(
    "options",
    [
        {"parametrization": "fourier"},
        {"parametrization": parametrizations.RingSpectrum(margin=0.2)},
        {"optimizer": "lion"},
        {"transforms": [transforms.Crops(2)]},
        {"target": losses.LogOdds("out", 1), "filter_indices": None},
    ],
    ids=of_any_process,
)
def test_a_call_with_another_part_compiles_once(alone, traces, options):
    made(alone)
    assert traces.of(lambda: made(alone, **options)) == 1
    assert traces.of(lambda: made(alone, **options)) == 0


def test_widget_and_function_find_each_others_step(traces):
    model = small_cnn(3, size=16)
    parts = {"parametrization": "fourier", "transforms": [transforms.Jitter(1)], "optimizer": "adam"}
    am.visualize(model, "out", 3, max_iter=2, **parts)

    def watched():
        widget = am.ActMaxWidget(model, layer="out", **parts)
        widget.step()
        widget.close()

    assert traces.of(watched) == 0


def test_parts_of_ones_own_are_compiled_for_each_call_and_share_nothing(model, traces):
    dim, pale = (lambda image, random: image * 0.5), (lambda image, random: image + 9)
    first = made(model, transforms=[dim])
    second = []
    assert traces.of(lambda: second.append(made(model, transforms=[pale]))) == 1
    assert (first.image != second[0].image).any()
