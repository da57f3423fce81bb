"""What the target answers with, beside the losses: measured at the picture of the row, whatever is minimised."""

import pickle

import keras
import numpy as np
import pytest

import actmax_widget as am
from actmax_widget import transforms
from actmax_widget.callbacks import OptimizerCallback
from actmax_widget.engine.measuring import measures_of
from actmax_widget.engine.objective import Objective
from actmax_widget.engine.step import State, Step
from actmax_widget.live.run import Run
from actmax_widget.losses import ActivationMaximization, Direction, LogOdds, Neuron
from actmax_widget.network import Network
from actmax_widget.regularizers import TotalVariation
from actmax_widget.settings import Settings
from tests.networks import losses_of, small_cnn, small_sequential
from tests.test_heads import apart, fused

BOTH = ("activation", "probability")
PLAIN = {"preset": "keras-vis", "transforms": (), "seed": 0, "max_iter": 5}
"""What the network is shown is the picture itself."""


class Seen(OptimizerCallback):
    """The picture of each iteration, and the names of the losses that were told with it."""

    def __init__(self):
        self.pictures, self.names = [], set()

    def callback(self, i, named_losses, overall_loss, grads, wrt_value):
        self.pictures.append(wrt_value[0])
        self.names.add(tuple(name for name, _ in named_losses))


def made(model, *target, **options):
    """A history, and the pictures that its rows were measured at."""
    seen = Seen()
    history = am.visualize(model, *target, callbacks=[seen], **PLAIN | options).history
    assert seen.names == {history.names}  # what callbacks are told is keras-vis's
    assert len(seen.pictures) == len(history) == 5
    return history, np.stack(seen.pictures)


def answers(model, pictures, layer, before=""):
    """What a layer puts out for pictures; of the tests' heads also before their activation, by hand."""
    if not before:
        return keras.Model(model.inputs, model.get_layer(layer).output).predict(pictures, verbose=0)
    kernel, bias = model.get_layer(layer).get_weights()
    return answers(model, pictures, before) @ kernel + bias


def equal(found, wanted):
    assert np.ptp(wanted) > 1e-4  # it does change
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-5)


LINEAR = fused("linear")
HEADS = [
    (fused("softmax"), "out"),
    (apart("softmax"), "out"),
    (apart("softmax"), "after"),
    (LINEAR, "out"),
    (fused("sigmoid"), "out"),
    (apart("sigmoid"), "out"),
    (apart("sigmoid"), "after"),
    (fused("sigmoid", 1), "out"),
]


CASES = [(*head, "activation") for head in HEADS] + [(*head, "log-odds") for head in HEADS[::3]]


@pytest.mark.parametrize(("model", "layer", "class_loss"), CASES)
def test_a_head_has_logit_and_probability_of_the_picture_of_the_row(model, layer, class_loss):
    unit = model.output_shape[-1] - 1
    history, pictures = made(model, layer, unit, class_loss=class_loss, lp_norm_weight=0, learning_rate=20)
    assert history.measures == BOTH
    logits, output = answers(model, pictures, "out", before="inner"), model.predict(pictures, verbose=0)
    if model is LINEAR:  # classes that a softmax is only meant to follow
        output = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    equal(history["activation"], logits[:, unit])
    equal(history["probability"], output[:, unit])
    assert history.measured.dtype == np.float32


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_of_several_classes_the_probabilities_add_up_and_of_several_labels_they_are_a_mean(activation):
    model = fused(activation)
    history, pictures = made(model, "out", (1, 3), learning_rate=20)
    output = model.predict(pictures, verbose=0)[:, [1, 3]]
    equal(history["activation"], answers(model, pictures, "out", before="inner")[:, [1, 3]].mean(1))
    equal(history["probability"], output.sum(1) if activation == "softmax" else output.mean(1))


def test_a_layer_has_the_mean_of_the_chosen_filters_over_their_places_without_weight_or_sign():
    model = small_cnn()
    history, pictures = made(model, "conv2", (1, 6), act_max_weight=-3.0, learning_rate=20)
    assert history.measures == ("activation",)
    equal(history["activation"], answers(model, pictures, "conv2")[..., [1, 6]].mean((1, 2, 3)))
    equal(history["ActivationMax Loss"], 6 * history["activation"])  # the loss is their sum, times a weight
    history, pictures = made(model, "conv2", 6, position=(0, 2), learning_rate=20)
    equal(history["activation"], answers(model, pictures, "conv2")[:, 0, 2, 6])
    history, pictures = made(model, "conv2", None, learning_rate=20)
    equal(history["activation"], answers(model, pictures, "conv2").mean((1, 2, 3)))


def test_a_regression_has_an_activation_alone():
    model = fused("linear", 1)
    history, pictures = made(model, "out", 0, learning_rate=20)
    assert history.measures == ("activation",)
    equal(history["activation"], model.predict(pictures, verbose=0)[:, 0])


def test_an_objective_has_the_columns_of_its_target():
    model = fused("softmax")
    for loss in (LogOdds("out", 2), ActivationMaximization(model.get_layer("out"), 2), Neuron("out", 2)):
        history, pictures = made(model, 3 * loss + TotalVariation(), learning_rate=20)
        assert history.measures == BOTH
        equal(history["probability"], model.predict(pictures, verbose=0)[:, 2])
    history, _ = made(model, Direction("inner", np.ones(8)) + TotalVariation())
    assert (history.measures, history.measured.shape) == ((), (5, 0))
    assert list(history.to_pandas().columns) == ["Direction", "TV(2.0) Loss", "total"]


def test_of_several_targets_each_has_its_columns():
    model = fused("softmax")
    objective = ActivationMaximization("inner", 0) - ActivationMaximization("inner", 5) + LogOdds("out", 1)
    history, pictures = made(model, objective, learning_rate=20)
    first, second = (f"activation of ActivationMax Loss inner {index}" for index in (0, 5))
    assert history.measures == (first, second, "activation of Log odds", "probability of Log odds")
    inner = answers(model, pictures, "inner")
    np.testing.assert_allclose(history[first], inner[:, 0], atol=1e-5)
    np.testing.assert_allclose(history[second], inner[:, 5], atol=1e-5)
    equal(history["probability of Log odds"], model.predict(pictures, verbose=0)[:, 1])


def test_the_network_is_asked_about_what_it_was_shown():
    model = fused("softmax")
    history, pictures = made(model, "out", 1, preprocess=lambda pictures: 0.5 * pictures, learning_rate=20)
    equal(history["probability"], model.predict(0.5 * pictures, verbose=0)[:, 1])
    history, pictures = made(model, "out", 1, transforms=[transforms.Flip(), transforms.Crops(3)], learning_rate=20)
    assert not np.allclose(history["probability"], model.predict(pictures, verbose=0)[:, 1], atol=1e-3)
    assert ((history["probability"] > 0) & (history["probability"] < 1)).all()


def test_at_another_size_of_input():
    model = small_sequential()
    for target in (("out", 1), (ActivationMaximization(model.get_layer("out"), 1),)):
        history, pictures = made(model, *target, input_shape=(16, 16, 1), learning_rate=20)
        other = keras.Sequential([keras.Input((16, 16, 1)), *model.layers])
        equal(history["activation"], other.predict(pictures, verbose=0)[:, 1])


def test_every_loss_is_the_same_to_the_bit_with_measures_and_without():
    model = small_cnn(softmax=True)
    network, rows = Network(model), []
    measures = measures_of(network, [loss for loss, _ in losses_of(model, 2)])
    for given in ((), measures):
        step = Step(Objective(network.input, losses_of(model, 2), measures=given))
        state = State.at(np.random.RandomState(0).uniform(0, 255, (1, 12, 12, 1)).astype(np.float32))
        rows.append(step.run(state, step.knobs(), 20)[1])
    without, steps = rows
    assert (without.measured.shape, steps.measured.shape) == ((20, 1, 0), (20, 1, 2))
    np.testing.assert_array_equal(without.losses, steps.losses)


def test_all_filters_have_them_in_their_histories():
    model = fused("softmax")
    images, histories = am.visualize_layer(model, "out", seed=0, max_iter=4, clip=True, progress=False)
    for index, (image, history) in enumerate(zip(images, histories, strict=True)):
        assert history.measures == BOTH
        last = model.predict(image[None], verbose=0)[0, index]
        assert history["probability"][-1] == pytest.approx(last, rel=1e-3)
    run = Run(Network(model), Settings(layer="out", max_iter=4, seed=0))
    run.make_tiles()
    assert run.wait(60)
    (image, *_), (history, *_) = run.tiles
    assert history["probability"][-1] == pytest.approx(model.predict(image[None], verbose=0)[0, 0], rel=1e-3)
    run.open_tile(3)
    assert (run.measures, run.history.measures) == (BOTH, BOTH)
    np.testing.assert_array_equal(run.history.measured, run.tiles.histories[3].measured)
    run.step(2)
    assert run.wait(60)
    assert run.history.measured.shape == (6, 2)


def test_a_widget_has_them_as_columns_of_history_and_rows():
    widget = am.ActMaxWidget(fused("softmax"), max_iter=3, preset="keras-vis", class_loss="log-odds")
    widget.step(3)
    history = pickle.loads(pickle.dumps(widget.history))  # noqa: S301 - our own
    assert widget.measures == list(history.measures) == [*BOTH]
    rows = np.frombuffer(widget.rows, "<f4").reshape(3, 6)
    np.testing.assert_array_equal(rows, history.to_pandas())
    assert list(history.to_pandas().columns)[-3:] == ["total", *BOTH]
    widget.layer = "inner"  # the rows are those of before, until the next start
    assert widget.measures == [*BOTH]
    widget.step()
    assert widget.measures == ["activation"]
    widget.close()


def test_a_column_that_there_is_not_is_told_with_those_that_there_are():
    history, _ = made(fused("softmax"), "out", 1)
    with pytest.raises(ValueError, match=r"'certainty'.*activation, probability"):
        history["certainty"]
