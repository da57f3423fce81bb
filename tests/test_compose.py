"""Objectives: losses that add up, that find their layers late, and numbers of a person's own."""

import copy
import pickle
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from actmax_widget import losses, regularizers
from actmax_widget.engine import cache
from actmax_widget.engine.objective import Objective, knobs_of
from actmax_widget.engine.step import State
from actmax_widget.losses import ActivationMaximization, Direction, Loss, Neuron, Sum, summed
from actmax_widget.network import Network, Target
from actmax_widget.parameters import number
from actmax_widget.regularizers import LPNorm, Regularizer, TotalVariation
from tests.networks import small_cnn


class One(Loss):
    name = "One"

    def __init__(self, layer=None):
        self.layer = layer


class Two(One):
    name = "Two"


A, B, C = One(), Two(), One().named("C")


# --- the algebra
# ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("objective", "pairs"),
    [
        (A + B, [(A, 1), (B, 1)]),
        (A + 0.5 * B - C, [(A, 1), (B, 0.5), (C, -1)]),
        (-A, [(A, -1)]),
        (A * 2, [(A, 2)]),
        (A / 4, [(A, 0.25)]),
        (A - (B - 2 * C), [(A, 1), (B, -1), (C, 2)]),
        (3 * (A + 2 * B) / 2, [(A, 1.5), (B, 3)]),
        (-(A - B), [(A, -1), (B, 1)]),
        (sum([A, B]), [(A, 1), (B, 1)]),
        (sum([2 * A, -B]), [(A, 2), (B, -1)]),
        (0 * A + B, [(A, 0), (B, 1)]),
        (A + A, [(A, 1), (A, 1)]),
        (A + [(B, 2)], [(A, 1), (B, 2)]),  # noqa: RUF005 - it is no list
        ([(B, 2)] + 3 * A, [(B, 2), (A, 3)]),
        (((B, 2),) - A, [(B, 2), (A, -1)]),
        (np.float64(2) * A, [(A, 2)]),
        (np.float32(0.5) * (A + B), [(A, 0.5), (B, 0.5)]),
        (summed(A), [(A, 1)]),
        (summed([(A, 1), (B, None)]), [(A, 1), (B, 0)]),
        (summed(([A, 2],)), [(A, 2)]),
    ],
)
def test_losses_add_up_to_pairs(objective, pairs):
    assert isinstance(objective, Sum)
    assert objective == tuple(pairs)
    assert all(type(weight) is float for _, weight in objective)


def test_no_operand_changes():
    first, second = A + B, 2 * C
    before = tuple(first), tuple(second)
    _ = [first + second, first - second, -first, 3 * first, first / 2, sum([first, second])]
    more = first
    more += C
    assert (tuple(first), tuple(second)) == before
    assert len(more) == 3
    assert summed(first) is first


@pytest.mark.parametrize(
    ("make", "error", "named"),
    [
        (lambda: A * "2", TypeError, "weight: expected a finite number, received '2'"),
        (lambda: A * None, TypeError, "weight: expected a finite number, received None"),
        (lambda: A * True, TypeError, "weight: expected a finite number, received True"),
        (lambda: A * B, TypeError, "weight: expected a finite number, received Two"),
        (lambda: float("nan") * A, ValueError, r"weight: expected a finite number, received nan.*0\.5 \* loss"),
        (lambda: A * float("inf"), ValueError, "weight: expected a finite number"),
        (lambda: 1e200 * (A * 1e200), ValueError, "weight: expected a finite number"),
        (lambda: A / 0, ValueError, "weight: expected a number that is not 0"),
        (lambda: A + 3, TypeError, "objective: expected a loss, a sum of losses, or a list of pairs"),
        (lambda: 3 + A, TypeError, "objective: expected a loss"),
        (lambda: 1 - A, TypeError, "objective: expected a loss"),
        (lambda: A + One, TypeError, "objective: expected a loss"),
        (lambda: (A + B) + [A], TypeError, "objective: expected pairs of a loss and its weight"),
        (lambda: summed([]), ValueError, "objective: expected at least one loss"),
        (lambda: summed([(A, "1")]), TypeError, "weight: expected a finite number, received '1'"),
        (lambda: summed([(A, float("nan"))]), ValueError, "weight: expected a finite number"),
        (lambda: summed("conv1"), TypeError, "objective: expected a loss"),
    ],
)
def test_what_is_no_sum_is_refused(make, error, named):
    with pytest.raises(error, match=named):
        make()


def test_a_sum_says_what_it_is():
    assert repr(A + 0.5 * B - C) == "Sum(One + 0.5 * Two - C)"


def test_a_sum_may_be_kept_and_copied():
    objective = ActivationMaximization("conv1", 1) + 2 * Direction("conv2", [1, 2], name="Mine")
    for other in (pickle.loads(pickle.dumps(objective)), copy.deepcopy(objective)):  # noqa: S301 - our own
        assert isinstance(other, Sum)
        assert other.names == objective.names == ("ActivationMax Loss", "Mine")
        assert [weight for _, weight in other] == [1, 2]


# --- names
# ------------------------------------------------------------------------------------------------------------


def test_terms_keep_their_names_and_those_of_one_name_are_told_apart_by_their_targets():
    objective = ActivationMaximization("conv3", 5) + TotalVariation() - ActivationMaximization("conv3", [7, 8])
    assert objective.names == ("ActivationMax Loss conv3 5", "TV(2.0) Loss", "ActivationMax Loss conv3 7, 8")
    objective = Neuron("conv3", 5, (1, 2)) + Neuron("conv3", 5) + One("conv1") + One("conv2") + Two()
    assert objective.names == ("Neuron conv3 5 at 1, 2", "Neuron conv3 5", "One conv1", "One conv2", "Two")


def test_a_name_that_was_given_stays():
    other = ActivationMaximization("conv3", 6)
    objective = ActivationMaximization("conv3", 5, name="Eyes") + other + other.named("Ears") + LPNorm(name="Small")
    assert objective.names == ("Eyes", "ActivationMax Loss", "Ears", "Small")


def test_losses_without_a_name_have_that_of_their_class():
    class Mine(Loss):
        pass

    class Yours(Loss):
        pass

    assert (Mine() + Yours()).names == ("Mine", "Yours")
    assert Mine().name == "Unnamed Loss"  # keras-vis's


@pytest.mark.parametrize(
    "objective",
    [
        A + A,
        TotalVariation() + 2 * TotalVariation(),
        ActivationMaximization("conv3", 5) + ActivationMaximization("conv3", 5),
        ActivationMaximization("conv3", 5, name="Eyes") + LPNorm(name="Eyes"),
        Direction("conv3", [1, 2]) + Direction("conv3", [2, 1]),
    ],
)
def test_two_terms_that_nothing_tells_apart_are_refused(objective):
    with pytest.raises(ValueError, match=r'a part given twice under one name.*loss\.named\("\.\.\."\)'):
        _ = objective.names


@pytest.mark.parametrize("name", ["", 3])
def test_what_is_no_name_is_refused(name):
    for make in (lambda: ActivationMaximization("conv1", 0, name=name), lambda: TotalVariation(name=name)):
        with pytest.raises(TypeError, match="name: expected what the loss shall be called"):
            make()


# --- layers that are found late
# ---------------------------------------------------------------------------------------


def nested():
    inputs = keras.Input((12, 12, 1))
    return keras.Model(inputs, layers.Dense(2, name="top")(small_cnn()(inputs)), name="whole")


def test_a_name_a_path_and_an_index_are_found_in_a_network(model):
    network = Network(nested())
    unbound = ActivationMaximization("small/conv2", [1, -1])
    bound = unbound.on(network)
    assert isinstance(bound.layer, Target)
    assert bound.layer.name == "small/conv2"
    assert (bound.filter_indices, bound.filters) == ((1, 7), 8)
    assert (unbound.layer, unbound.filter_indices, unbound.filters) == ("small/conv2", (1, -1), None)
    assert ActivationMaximization(-1, 0).on(network).layer.name == "top"
    assert ActivationMaximization(np.int64(1), 0).on(Network(model)).layer.name == "rescale"
    assert unbound.on(Network(nested())).layer.layer is not bound.layer.layer


def test_a_layer_itself_stays(model):
    layer = model.get_layer("conv1")
    bound = ActivationMaximization(layer, 0).on(Network(model))
    assert bound.layer is layer


def test_filters_are_checked_when_the_layer_is_found(model):
    for index in (5, -6):
        with pytest.raises(ValueError, match=r"filter_indices: expected an integer from -5 to 4.*Layer 'out' has 5"):
            ActivationMaximization("out", index).on(Network(model))
    with pytest.raises(TypeError, match="filter_indices: expected an integer"):
        ActivationMaximization("out", 1.5)
    with pytest.raises(ValueError, match="filter_indices: expected at least one filter"):
        ActivationMaximization("out", [])


def test_a_loss_whose_layer_is_not_found_yet_says_so():
    for use in (Loss.knobs, Loss.build_loss):
        with pytest.raises(ValueError, match=r"layer: expected a layer of a model, received 'out'.*loss\.on\("):
            getattr(ActivationMaximization("out", 1), use.__name__)()


@pytest.mark.parametrize(
    ("given", "meant"),
    [("conv3", "conv2"), ("Conv1", "conv1"), ("flaten", "flatten"), ("outt", "out")],
)
def test_a_misspelt_layer_is_answered_with_the_one_that_was_meant(model, given, meant):
    with pytest.raises(ValueError, match=rf"layer: expected .*received '{given}'.*Did you mean '{meant}'\? Choose one"):
        ActivationMaximization(given, 0).on(Network(model))


def test_a_layer_inside_of_a_model_is_meant_by_its_own_name():
    for given in ("conv2", "conv_2", "smal/conv2"):
        with pytest.raises(ValueError, match=r"Did you mean 'small/conv2'\?"):
            Network(nested()).find(given)


def test_nothing_is_meant_by_what_is_like_nothing(model):
    with pytest.raises(ValueError, match="received 'xyz'") as caught:
        Network(model).find("xyz")
    assert "Did you mean" not in str(caught.value)


def test_a_sum_is_found_as_its_losses_are_and_is_what_keras_vis_computes(model):
    network, inputs = Network(model), model.inputs[0]
    picture = tf.constant(np.random.default_rng(0).uniform(0, 255, (1, 12, 12, 1)), tf.float32)
    late = (ActivationMaximization("out", 2) + 10 * LPNorm() - 0.5 * TotalVariation(beta=1.5)).on(network)
    early = [
        (ActivationMaximization(model.get_layer("out"), 2), 1),
        (LPNorm(inputs), 10),
        (TotalVariation(inputs, 1.5), -0.5),
    ]
    found, wanted = (
        objective(picture, tf.constant(objective.weights()), [tf.constant(knob) for knob in objective.knobs()])
        for objective in (Objective(network.input, late), Objective(inputs, early))
    )
    np.testing.assert_allclose(found.losses, wanted.losses, rtol=1e-6)
    np.testing.assert_allclose(found.grads, wanted.grads, rtol=1e-5)


def test_a_regularizer_takes_the_networks_input_and_keeps_its_own(model):
    network = Network(model)
    unbound = TotalVariation()
    assert unbound.on(network).img is network.input
    assert unbound.img is None
    own = keras.Input((12, 12, 1))
    assert LPNorm(own).on(network).img is own
    with pytest.raises(ValueError, match=r"img_input: expected the symbolic input.*loss\.on\("):
        unbound.build_loss()


def test_layers_of_a_persons_own_loss_are_found(model):
    class Several(Loss):
        def __init__(self, *layers):
            self.layers = list(layers)

        def build_loss(self):
            return -sum(ops.mean(layer.output) for layer in self.layers)

    network, layer = Network(model), model.get_layer("pool")
    bound = Several("conv1", 3, layer).on(network)
    assert [one.name for one in bound.layers] == ["conv1", "pool", "pool"]
    assert bound.layers[2] is layer
    assert One("conv2").on(network).layer.name == "conv2"
    assert One(layer).on(network).layer is layer
    assert (Several("conv1") + Several("conv2")).names == ("Several conv1", "Several conv2")


# --- numbers of a person's own
# ----------------------------------------------------------------------------------------


class Margin(Loss):
    """A number for each picture."""

    name = "Margin"
    margin = number(1.0, bottom=0, top=10, help="How much is wanted.")

    def __init__(self, layer, margin=1.0):
        self.layer, self.margin = layer, margin

    def build_loss(self):
        return ops.mean(self.layer.output[..., 0] ** 2, axis=tuple(range(1, len(self.layer.output.shape) - 1))) * (
            self.margin
        )


class WholeMargin(Margin):
    """keras-vis's way: one number, whatever the batch."""

    name = "Whole"

    def build_loss(self):
        return ops.mean(ops.abs(self.layer.output[..., 0] - self.margin)) + self.margin


def losses_of(network, loss, pictures, knobs=None):
    objective = Objective(network.input, summed(loss.on(network)))
    own = [np.repeat(one, len(pictures), axis=0) for one in objective.knobs()]
    found = objective(tf.constant(pictures), tf.ones((len(pictures), 1)), [tf.constant(one) for one in knobs or own])
    return found.losses.numpy()[:, 0]


def some_pictures(count=3):
    return np.random.default_rng(2).uniform(0, 255, (count, 12, 12, 1)).astype(np.float32)


@pytest.mark.parametrize("kind", [Margin, WholeMargin])
@pytest.mark.parametrize("layer", ["conv2", "out"])
def test_each_picture_has_a_number_of_its_own(model, kind, layer):
    network, pictures = Network(model), some_pictures()
    margins = np.array([0.5, 2, -3], np.float32)
    found = losses_of(network, kind(layer), pictures, [margins])
    wanted = [
        losses_of(network, kind(layer, float(margin)), pictures[[position]])[0]
        for position, margin in enumerate(margins)
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    output = keras.Model(model.inputs[0], model.get_layer(layer).output)(pictures).numpy()[..., 0].reshape(3, -1)
    by_hand = {Margin: (output**2).mean(1) * margins}
    by_hand[WholeMargin] = np.abs(output - margins[:, None]).mean(1) + margins
    np.testing.assert_allclose(found, by_hand[kind], rtol=1e-4)


def test_a_number_is_a_knob_that_compiles_nothing(model):
    network, picture = Network(model), some_pictures(1)
    objective = (Margin("conv2", 2) + ActivationMaximization("out", 1)).on(network)
    step = cache.step_for(network, objective)
    rows = {}
    for margin in (2.0, 4.0):
        changed = [objective[0][0].bound({"margin": margin}), objective[1][0]]
        _, steps = step.run(State.at(picture), step.knobs(losses=knobs_of(changed), learning_rate=1.0), 2)
        rows[margin] = steps.losses[0, 0]
    assert step.traces == 1
    assert rows[2.0][0] > 0
    np.testing.assert_allclose(rows[4.0][:2], rows[2.0][:2] * [2, 1], rtol=1e-5)


def test_a_number_out_of_bounds_is_refused_by_its_name():
    with pytest.raises(TypeError, match="margin: expected a finite number, received 'x'"):
        Margin("conv2", "x").knobs()


def test_numbers_and_knobs_of_ones_own_go_together(model):
    class Powered(ActivationMaximization):
        power = number(2.0, least=0, top=4, help="What the activation is raised to.")

        def build_loss(self, selection=None):
            return super().build_loss(selection) ** self.power

    network, pictures = Network(model), some_pictures()
    loss = Powered("out", 3, power=4, name="Powered")
    assert (loss.name, loss.numbers(), loss.on(network).filters) == ("Powered", {"power": 4}, 5)
    assert list(loss.on(network).knobs()) == ["selection", "power"]
    plain = losses_of(network, ActivationMaximization("out", 3), pictures)
    np.testing.assert_allclose(losses_of(network, loss, pictures), plain**4, rtol=1e-4)
    with pytest.raises(ValueError, match="power: expected a finite number >= 0, received -1"):
        Powered("out", 3, power=-1)


def test_a_loss_may_declare_all_of_its_arguments(model):
    class Target1(Loss):
        weight = number(3.0, help="Factor.")
        layer: Any
        unit: int = 1

        def build_loss(self):
            return -self.weight * self.layer.output[:, self.unit]

    found = losses_of(Network(model), Target1("out", unit=2), some_pictures())
    np.testing.assert_allclose(found, -3 * model(some_pictures())[:, 2], rtol=1e-5)


def test_a_regularizer_of_ones_own_with_a_number(model):
    class Mean(Regularizer):
        level = number(1.0, help="What the mean shall be.")

        def __init__(self, level=1.0):
            super().__init__()
            self.level = level

        def build_loss(self):
            return (ops.mean(self.img, axis=(1, 2, 3)) - self.level) ** 2

    class Near(Regularizer):
        level = number(1.0, help="What all values shall be.")

        def penalty(self, img):
            apart = img - self.level
            axes = list(range(1, img.shape.rank))
            return tf.reduce_mean(tf.square(apart), axes, keepdims=True), lambda up: 2 * up * apart / 144

    network, pictures, levels = Network(model), some_pictures(), np.array([100, 50, 0], np.float32)
    np.testing.assert_allclose(
        losses_of(network, Mean(7), pictures, [levels]), (pictures.mean((1, 2, 3)) - levels) ** 2, rtol=1e-4
    )
    assert Near(level=3).numbers() == {"level": 3}
    near = Near().on(network)
    inputs = keras.Input(())
    graph = keras.Model([network.input, inputs], near.built({"level": inputs}))
    with tf.GradientTape() as tape:
        tensor = tf.constant(pictures)
        tape.watch(tensor)
        values = graph([tensor, tf.constant(levels)])
    apart = pictures - levels[:, None, None, None]
    np.testing.assert_allclose(values, (apart**2).mean((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(values, tensor), 2 * apart / 144, rtol=1e-4)


def test_every_public_loss_has_an_example_and_a_source():
    kinds = [one for module in (losses, regularizers) for one in vars(module).values() if isinstance(one, type)]
    parts = [one for one in kinds if issubclass(one, Loss) and not one.__name__.startswith("_")]
    parts = [one for one in parts if one not in {Loss, Regularizer}]
    assert len(parts) == 9
    for one in parts:
        assert "Source: " in one.__doc__
        assert "Example:" in one.__doc__
