"""The losses that keras-vis does not have, each against its definition in NumPy and against finite differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from actmax_widget.engine import cache
from actmax_widget.engine.objective import Objective, knobs_of
from actmax_widget.engine.step import State
from actmax_widget.losses import ActivationMaximization, Direction, Diversity, LogOdds, Neuron, Similarity, summed
from actmax_widget.network import Network, respond
from tests.networks import channels_first


def smooth(rank):
    """A network without kinks on pictures of so many spatial axes: conv, dense."""
    keras.utils.set_random_seed(rank)
    conv = {1: layers.Conv1D, 2: layers.Conv2D, 3: layers.Conv3D}[rank]
    inputs = keras.Input((*(9, 8, 7)[:rank], 2), name="picture")
    x = conv(4, 3, activation="tanh", name="conv")(inputs)
    x = conv(5, 2, activation="softplus", name="above")(x)
    return keras.Model(inputs, layers.Dense(3, name="out")(layers.Flatten(name="flat")(x)), name="smooth")


def nested():
    inner = smooth(2)
    inputs = keras.Input((9, 8, 2))
    return keras.Model(inputs, layers.Dense(4, name="top")(inner(layers.Rescaling(0.5)(inputs))))


NETWORKS = {"1": smooth(1), "2": smooth(2), "3": smooth(3), "nested": nested()}


def network_of(kind):
    return Network(NETWORKS[kind])


def path(kind, layer):
    return f"smooth/{layer}" if kind == "nested" else layer


def pictures_for(network, count=3):
    return np.random.RandomState(1).normal(size=(count, *network.input.shape[1:])).astype(np.float32)


def answers(network, layer, pictures):
    """The layer's own answers, channels last, in double precision."""
    target = network.find(layer)
    found = np.concatenate([respond(network, target, one[None]) for one in pictures])
    return np.moveaxis(found, target.axis, -1).astype(np.float64)


def measured(network, loss, pictures, knobs=None):
    """Each picture's loss and gradient, in one batch."""
    objective = Objective(network.input, summed(loss.on(network)), held=network.held)
    own = [np.repeat(one, len(pictures), axis=0) for one in objective.knobs()]
    evaluation = objective(
        tf.constant(pictures), tf.ones((len(pictures), 1)), [tf.constant(one) for one in knobs or own]
    )
    assert evaluation.losses.shape == (len(pictures), 2)
    return evaluation.losses.numpy()[:, 0], evaluation.grads.numpy()


def check_gradient(network, loss, pictures, *, apart=True):
    """Against central differences along random directions, of each picture, or of the sum of all."""
    _, grads = measured(network, loss, pictures)
    for seed in range(3):
        direction = np.random.RandomState(seed).normal(size=pictures.shape).astype(np.float32) * 0.004
        up, down = (measured(network, loss, pictures + sign * direction)[0].astype(np.float64) for sign in (1, -1))
        axes = tuple(range(1, pictures.ndim))
        wanted = (grads.astype(np.float64) * direction).sum(axes)
        found = (up - down) / 2
        if not apart:
            wanted, found = wanted.sum(), found.sum()
        scale = np.abs(wanted).max()
        assert scale > 0
        np.testing.assert_allclose(found, wanted, rtol=2e-2, atol=2e-2 * scale)


LOSSES = {
    "neuron": lambda kind: Neuron(path(kind, "conv"), 2),
    "direction": lambda kind: Direction(path(kind, "conv"), [1, -2, 0.5, 0]),
    "direction, cosine": lambda kind: Direction(path(kind, "conv"), [1, -2, 0.5, 1], cosine_power=2),
    "log odds": lambda kind: LogOdds(path(kind, "out"), 1, temperature=0.3),
    "similarity": lambda kind: Similarity(path(kind, "above"), pictures_for(network_of(kind), 4)[3]),
}


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_is_that_of_finite_differences(kind, name):
    network = network_of(kind)
    check_gradient(network, LOSSES[name](kind), pictures_for(network))


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_gradient_of_diversity_is_that_of_finite_differences(kind):
    network = network_of(kind)
    check_gradient(network, Diversity(path(kind, "conv")), pictures_for(network), apart=False)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_may_be_built_with_its_own_values(name):
    network = network_of("2")
    pictures, bound = pictures_for(network), LOSSES[name]("2").on(network)
    alone = keras.Model(network.input, bound.build_loss())(pictures)
    np.testing.assert_allclose(alone, measured(network, bound, pictures)[0], rtol=1e-5)


# --- neuron
# -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "position", "place"),
    [
        ("1", None, (3,)),
        ("1", 0, (0,)),
        ("1", -1, (6,)),
        ("2", None, (3, 3)),
        ("2", (1, -2), (1, 4)),
        ("3", None, (3, 3, 2)),
        ("3", (6, 0, -5), (6, 0, 0)),
        ("nested", (5, 2), (5, 2)),
    ],
)
def test_a_neuron_is_one_filter_at_one_place(kind, position, place):
    network = network_of(kind)
    pictures = pictures_for(network)
    found, _ = measured(network, Neuron(path(kind, "conv"), -2, position), pictures)
    wanted = answers(network, path(kind, "conv"), pictures)[(slice(None), *place, 2)]
    np.testing.assert_allclose(found, -wanted, rtol=1e-5)


def test_a_neuron_of_a_dense_layer_is_its_unit():
    network = network_of("2")
    pictures = pictures_for(network)
    found, _ = measured(network, Neuron("out", 1), pictures)
    np.testing.assert_allclose(found, -answers(network, "out", pictures)[:, 1], rtol=1e-5)


def test_each_picture_may_have_a_neuron_of_its_own():
    network = network_of("2")
    pictures = pictures_for(network)
    places = [(0, 0), (4, 2), (6, 5)]
    each = [Neuron("conv", index, place).on(network) for index, place in enumerate(places)]
    knobs = [np.concatenate(one) for one in zip(*(knobs_of([loss]) for loss in each), strict=True)]
    found, _ = measured(network, each[0], pictures, knobs)
    wanted = answers(network, "conv", pictures)
    np.testing.assert_allclose(found, [-wanted[k, row, column, k] for k, (row, column) in enumerate(places)], rtol=1e-5)


@pytest.mark.parametrize(
    ("layer", "position", "named"),
    [
        ("conv", (7, 0), r"position: expected an integer from -7 to 6, received 7.*map of 7 × 6"),
        ("conv", 3, r"position: expected 2 integers, one for each axis of the map"),
        ("conv", (1, 2, 3), "position: expected 2 integers"),
        ("out", 0, "position: expected None, received 0.*'out' has one number for each unit and no positions"),
    ],
)
def test_a_place_that_there_is_not_is_refused(layer, position, named):
    with pytest.raises(ValueError, match=named):
        Neuron(layer, 0, position).on(network_of("2"))
    with pytest.raises(ValueError, match=named):
        Neuron(NETWORKS["2"].get_layer(layer), 0, position)


def test_what_is_no_neuron_is_refused():
    with pytest.raises(TypeError, match=r"filter: expected an integer, received \[1, 2\]"):
        Neuron("conv", [1, 2])
    with pytest.raises(TypeError, match="filter: expected an integer"):
        Neuron("conv", None)
    with pytest.raises(TypeError, match="position: expected an integer"):
        Neuron("conv", 0, (0.5, 1))
    with pytest.raises(ValueError, match="filter: expected an integer from -4 to 3, received 4"):
        Neuron("conv", 4).on(network_of("2"))


def test_in_a_map_of_unknown_size_there_is_only_the_middle():
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, layers.Rescaling(1.0, name="same")(inputs))
    picture = np.random.RandomState(0).normal(size=(1, 5, 8, 1)).astype(np.float32)
    network = Network(model, input_shape=(5, 8, 1))
    found, _ = measured(network, Neuron(model.get_layer("same"), 0), picture)
    np.testing.assert_allclose(found, -picture[:, 2, 4, 0])
    with pytest.raises(ValueError, match=r"position: expected None, as the size of the map is not known"):
        Neuron(model.get_layer("same"), 0, (0, 0))
    found, _ = measured(network, Neuron("same", 0, (0, 7)), picture)
    np.testing.assert_allclose(found, -picture[:, 0, 7, 0])


def test_what_is_infinite_elsewhere_does_no_harm_to_a_neuron():
    inputs = keras.Input((3, 2))
    model = keras.Model(inputs, layers.Rescaling([1, 1e38], name="scale")(inputs))
    picture = np.full((1, 3, 2), 1e3, np.float32)
    picture[0, 0, 0] = np.inf
    found, grads = measured(Network(model), Neuron("scale", 0, 1), picture)
    assert found.tolist() == [-1e3]
    assert grads.tolist() == [[[0, 0], [-1, 0], [0, 0]]]


# --- direction
# --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("power", [0, 1, 2.5])
def test_a_direction_is_the_dot_product_times_the_cosine_to_a_power(kind, power):
    network = network_of(kind)
    pictures, vector = pictures_for(network), np.array([0.5, -1, 2, 0.25])
    found, _ = measured(network, Direction(path(kind, "conv"), vector, power), pictures)
    answer = answers(network, path(kind, "conv"), pictures).reshape(3, -1, 4)
    dot = answer @ vector
    cosine = dot / np.linalg.norm(answer, axis=-1) / np.linalg.norm(vector)
    np.testing.assert_allclose(found, -(dot * np.maximum(cosine, 0.1) ** power).mean(1), rtol=1e-4, atol=1e-6)


def test_a_direction_of_a_dense_layer():
    network = network_of("2")
    pictures = pictures_for(network)
    found, _ = measured(network, Direction("out", [1, 2, 3]), pictures)
    np.testing.assert_allclose(found, -answers(network, "out", pictures) @ [1, 2, 3], rtol=1e-4)


def test_where_nothing_is_active_a_direction_has_a_finite_gradient():
    inputs = keras.Input((2, 2, 3))
    model = keras.Model(inputs, layers.ReLU(name="relu")(inputs))
    picture = np.full((1, 2, 2, 3), -1, np.float32)
    picture[0, 0, 0] = 2
    found, grads = measured(Network(model), Direction("relu", [1, 1, 1], 3), picture)
    assert found.tolist() == pytest.approx([-6 / 4])
    assert np.isfinite(grads).all()
    assert grads[0, 0, 0].any()


def test_an_infinite_filter_that_a_direction_leaves_out_does_no_harm():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, layers.Rescaling([1, 1e38], name="scale")(inputs))
    found, grads = measured(Network(model), Direction("scale", [2, 0]), np.full((1, 2), 1e3, np.float32))
    assert found.tolist() == [-2000]
    assert grads.tolist() == [[-2, 0]]


@pytest.mark.parametrize(
    ("vector", "error", "named"),
    [
        ([1, 2, 3], ValueError, r"vector: expected 4 numbers, received \(3,\).*'conv'"),
        (np.ones((4, 1)), ValueError, "vector: expected 4 numbers"),
        ([1, 2, 3, np.nan], ValueError, "vector: expected finite numbers"),
        (np.zeros(4), ValueError, "vector: expected a direction"),
        ("abcd", TypeError, "vector: expected 4 numbers"),
    ],
)
def test_what_is_no_direction_is_refused(vector, error, named):
    with pytest.raises(error, match=named):
        Direction(NETWORKS["2"].get_layer("conv"), vector)
    if len(vector) == 3:
        with pytest.raises(error, match=named):
            Direction("conv", vector).on(network_of("2"))


def test_a_negative_cosine_power_is_refused():
    with pytest.raises(ValueError, match="cosine_power: expected a finite number >= 0"):
        Direction("conv", [1, 2], -1)


# --- log odds
# ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("layer", ["conv", "out"])
@pytest.mark.parametrize(("classes", "temperature"), [(1, 5), (-1, 0.5), ([0, 2], 1), ([0, 0, 1], 2)])
def test_log_odds_are_the_logit_minus_that_of_the_others(kind, layer, classes, temperature):
    network = network_of(kind)
    pictures = pictures_for(network)
    found, _ = measured(network, LogOdds(path(kind, layer), classes, temperature), pictures)
    answer = answers(network, path(kind, layer), pictures)
    logits = answer.reshape(3, -1, answer.shape[-1]).mean(1)
    chosen = np.ravel(classes) % logits.shape[-1]
    others = np.delete(logits, np.unique(chosen), axis=1)
    wanted = logits[:, chosen].mean(1) - temperature * np.log(np.exp(others / temperature).sum(1))
    np.testing.assert_allclose(found, -wanted, rtol=1e-4, atol=1e-5)


def test_logits_of_any_size_have_log_odds():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layers.Rescaling(1.0, name="logits")(inputs))
    picture = np.array([[1e5, -1e5, 0], [-1e5, 9e4, 0]], np.float32)
    found, grads = measured(Network(model), LogOdds("logits", 0, temperature=1), picture)
    assert found.tolist() == [-1e5, 1.9e5]
    assert grads.tolist() == [[-1, 0, 1], [-1, 1, 0]]


def test_each_picture_may_have_a_temperature_and_classes_of_its_own():
    network = network_of("2")
    pictures = pictures_for(network)
    each = [LogOdds("out", k, temperature).on(network) for k, temperature in enumerate((1, 2, 4))]
    knobs = [np.concatenate(one) for one in zip(*(knobs_of([loss]) for loss in each), strict=True)]
    found, _ = measured(network, each[0], pictures, knobs)
    wanted = [measured(network, loss, pictures[[k]])[0][0] for k, loss in enumerate(each)]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_what_has_no_odds_is_refused():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1, name="one")(inputs))
    with pytest.raises(ValueError, match=r"layer: expected a layer with several units.*'one' has 1"):
        LogOdds("one", 0).on(Network(model))
    with pytest.raises(ValueError, match=r"classes: expected fewer classes than there are"):
        LogOdds("out", [0, 1, 2]).on(network_of("2"))
    with pytest.raises(ValueError, match="classes: expected an integer from -3 to 2, received 3"):
        LogOdds("out", 3).on(network_of("2"))
    with pytest.raises(TypeError, match="classes: expected integers"):
        LogOdds("out", None)
    with pytest.raises(ValueError, match="temperature: expected a finite number > 0"):
        LogOdds("out", 0, temperature=0)


# --- similarity
# -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("layer", ["conv", "out"])
def test_similarity_is_the_mean_squared_distance_of_answers(kind, layer):
    network = network_of(kind)
    pictures = pictures_for(network)
    found, _ = measured(network, Similarity(path(kind, layer), pictures[0]), pictures)
    answer = answers(network, path(kind, layer), pictures)
    wanted = ((answer - answer[0]) ** 2).reshape(3, -1).mean(1)
    assert found[0] == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-9)


def test_a_picture_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="picture: expected a numeric array of shape"):
        Similarity("conv", np.zeros((4, 4, 2))).on(network_of("2"))
    with pytest.raises(TypeError, match="picture: expected"):
        Similarity("conv", None)


def test_a_similarity_that_has_no_network_yet_says_so():
    with pytest.raises(ValueError, match=r"picture: expected the layer's answer to it.*loss\.on\(Network\(model\)\)"):
        Similarity(NETWORKS["2"].get_layer("conv"), np.zeros((9, 8, 2))).knobs()


def test_a_layer_itself_may_be_similar():
    network, layer = network_of("2"), NETWORKS["2"].get_layer("conv")
    pictures = pictures_for(network)
    by_layer, by_name = (Similarity(one, pictures[0]) for one in (layer, "conv"))
    np.testing.assert_allclose(measured(network, by_layer, pictures)[0], measured(network, by_name, pictures)[0])


# --- diversity
# --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("layer", ["conv", "out"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_diversity_is_the_mean_cosine_of_gram_matrices(kind, layer, count):
    network = network_of(kind)
    pictures = pictures_for(network, count)
    found, grads = measured(network, Diversity(path(kind, layer)), pictures)
    answer = answers(network, path(kind, layer), pictures)
    flat = answer.reshape(count, -1, answer.shape[-1])
    grams = [one.T @ one / np.linalg.norm(one.T @ one) for one in flat]
    wanted = [np.mean([(grams[i] * grams[j]).sum() for j in range(count) if j != i] or [0.0]) for i in range(count)]
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    assert grads.any() == (count > 1)


def test_pictures_that_are_black_or_broken_do_no_harm_to_others():
    network = network_of("2")
    pictures = pictures_for(network, 4)
    alone, _ = measured(network, Diversity("conv"), pictures[:2])
    pictures[2] = np.nan
    found, grads = measured(network, Diversity("conv"), pictures[:3])
    np.testing.assert_allclose(found[:2], alone / 2, rtol=1e-5)
    assert np.isfinite(grads[:2]).all()


@pytest.mark.parametrize("scale", [1e-15, 1e15])
def test_diversity_is_the_same_at_any_scale(scale):
    inputs = keras.Input((3, 3, 2))
    network = Network(keras.Model(inputs, layers.Rescaling(1.0, name="same")(inputs)))
    pictures = pictures_for(network)
    small, _ = measured(network, Diversity("same"), pictures)
    np.testing.assert_allclose(measured(network, Diversity("same"), pictures * np.float32(scale))[0], small, rtol=1e-4)


# --- all of them
# ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda picture: Neuron("same", 1, (1, 2)),
        lambda picture: Direction("same", [1, 2, 3], 1),
        lambda picture: LogOdds("same", 2),
        lambda picture: Similarity("same", picture),
        lambda picture: Diversity("same"),
    ],
)
def test_channels_first_is_the_same(make):
    pictures = np.random.RandomState(3).normal(size=(2, 4, 5, 3)).astype(np.float32)
    inputs = keras.Input((4, 5, 3))
    last = Network(keras.Model(inputs, layers.Rescaling(2.0, name="same")(inputs)))
    wanted, slopes = measured(last, make(pictures[1] + 1), pictures)
    with channels_first():
        inputs = keras.Input((3, 4, 5))
        first = Network(keras.Model(inputs, layers.Rescaling(2.0, name="same")(inputs)))
        found, grads = measured(first, make(pictures[1] + 1), np.moveaxis(pictures, -1, 1))
    assert np.abs(wanted).max() > 0
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    np.testing.assert_allclose(np.moveaxis(grads, 1, -1), slopes, rtol=1e-4, atol=1e-7)


def test_other_values_share_a_compiled_step():
    network = network_of("2")
    picture = pictures_for(network)[0]
    same = [
        (Neuron("conv", 0), Neuron("conv", 3, (0, 0), name="Corner")),
        (Direction("conv", [1, 2, 3, 4]), Direction("conv", [4, 3, 2, 1], 2)),
        (LogOdds("out", 0), LogOdds("out", [1, 2], temperature=1)),
        (Similarity("above", picture), Similarity("above", picture + 1)),
        (Diversity("conv"), Diversity("conv", name="Other")),
    ]
    kinds = set()
    for one, other in same:
        bound = one.on(network), other.on(network)
        steps = [cache.step_for(network, summed(loss)) for loss in bound]
        assert steps[0] is steps[1]
        kinds.add(bound[0].signature())
        values = []
        for loss in bound:
            knobs = steps[0].knobs(losses=knobs_of([loss]), learning_rate=0.01)
            values.append(steps[0].run(State.at(picture[None]), knobs, 1)[1].losses[0, 0, 0])
        assert steps[0].traces == 1
        expected = [measured(network, loss, picture[None])[0][0] for loss in bound]
        np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-6)
    assert len({*kinds, ActivationMaximization("conv", 0).on(network).signature()}) == 6
    assert Neuron("conv", 0).on(network).signature() != Neuron("above", 0).on(network).signature()


def test_the_numbers_of_losses_are_live():
    assert Direction("conv", [1], 2).numbers() == {"cosine_power": 2}
    assert LogOdds("out", 0).numbers() == {"temperature": 5}
    assert ActivationMaximization("out", 0).numbers() == {}


@pytest.mark.parametrize("name", [*LOSSES, "diversity"])
def test_a_compiled_step_of_several_pictures(name):
    network = network_of("2")
    loss = (LOSSES | {"diversity": lambda kind: Diversity("conv")})[name]("2").on(network)
    pictures = pictures_for(network)
    step = cache.step_for(network, summed(loss))
    knobs = step.knobs(losses=[one.repeat(3, axis=0) for one in knobs_of([loss])], seed=[0, 0, 0], learning_rate=0.01)
    _, steps = step.run(State.at(pictures), knobs, 5)
    np.testing.assert_allclose(steps.losses[0, :, 0], measured(network, loss, pictures)[0], rtol=1e-4)
    assert (steps.losses[-1, :, 0] < steps.losses[0, :, 0]).all()


def test_another_size_of_input_has_another_middle():
    inputs = keras.Input((9, 8, 2))
    conv = layers.Conv2D(4, 3, activation="tanh", name="conv")
    model = keras.Model(inputs, conv(inputs))
    network = Network(model, input_shape=(15, 12, 2))
    pictures = pictures_for(network)
    wanted = answers(network, "conv", pictures)[:, 6, 5, 1]
    for layer in ("conv", conv):
        np.testing.assert_allclose(measured(network, Neuron(layer, 1), pictures)[0], -wanted, rtol=1e-5)


def test_mixed_precision():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = smooth(2)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    network = Network(model)
    pictures = pictures_for(network)
    every = {**LOSSES, "diversity": lambda kind: Diversity("conv")}
    for make in every.values():
        values, grads = measured(network, make("2").on(network), pictures)
        wanted, slopes = measured(network_of("2"), make("2").on(network_of("2")), pictures)
        np.testing.assert_allclose(values, wanted, rtol=3e-2, atol=3e-2)
        assert np.abs(grads - slopes).max() < 0.1 * np.abs(slopes).max()
