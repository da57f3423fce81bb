"""The matching of features to those of real pictures, against the formula of its source."""

import pickle
from pathlib import Path

import keras
import numpy as np
import pytest

import actmax_widget as am
from actmax_widget import losses
from actmax_widget.network import Network
from actmax_widget.presets import FREE
from tests.networks import small_cnn


def vital(answers, picture):
    """The source's formula: the value at each place is set beside the references' of its rank."""
    wanted = np.sort(answers.reshape(len(answers), -1, answers.shape[-1]), axis=1).mean(0)
    own = picture.reshape(-1, picture.shape[-1])
    rank = own.argsort(0).argsort(0)
    return np.mean((own - np.take_along_axis(wanted, rank, 0)) ** 2) / np.mean(wanted**2)


def test_match_features_is_the_sources_formula_over_the_references_size():
    model, random = small_cnn(channels=3), np.random.default_rng(0)
    real, picture = random.integers(0, 256, (5, 12, 12, 3), np.uint8), random.uniform(0, 255, (1, 12, 12, 3))
    network = Network(model)
    loss = losses.MatchFeatures(real, ["conv1", "conv2"], weights=[1, 3]).on(network)
    built = keras.Model(model.inputs[0], loss.build_loss())
    answers = [keras.Model(model.inputs[0], model.get_layer(name).output) for name in ("conv1", "conv2")]
    each = [vital(np.asarray(one(real.astype("float32"))), np.asarray(one(picture))) for one in answers]
    np.testing.assert_allclose(built(picture), [each[0] / 4 + 3 * each[1] / 4], rtol=1e-4)
    alone = losses.MatchFeatures(real[:1], "conv1").on(network)
    np.testing.assert_allclose(
        keras.Model(model.inputs[0], alone.build_loss())(real[:1].astype("float32")), [0], atol=1e-8
    )


def test_match_features_falls_in_a_run_and_can_be_gone_on_with():
    model, real = small_cnn(channels=3), np.random.default_rng(0).integers(0, 256, (5, 12, 12, 3), np.uint8)
    objective = losses.MatchFeatures(am.References(real), ["conv1", "conv2"])
    result = am.visualize(model, objective, seed=0, max_iter=60)
    values = result.history["Match features"]
    assert values[-1] < 0.5 * values[0]
    kept = pickle.loads(pickle.dumps(result.checkpoint))  # noqa: S301 - our own
    more = am.visualize(model, start=kept, max_iter=5)
    np.testing.assert_array_equal(more.history.values[:60], result.history.values)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ((3, "conv1"), TypeError, "references: expected pictures"),
        ((np.zeros((1, 12, 12, 1)), []), ValueError, "at least one layer"),
        ((np.zeros((1, 12, 12, 1)), ["conv1"], [1, 2]), ValueError, "1 numbers"),
        ((np.zeros((1, 12, 12, 1)), ["conv1"], [0]), ValueError, "not all of them 0"),
        ((np.zeros((1, 12, 12, 1)), ["out"]), ValueError, "layers with a map"),
        (([], ["conv1"]), ValueError, "at least one picture"),
    ],
)
def test_what_cannot_be_matched_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        losses.MatchFeatures(*given).on(Network(small_cnn()))


def test_the_preset_makes_a_picture_of_the_class_with_real_features():
    model, real = am.demo.digits(), np.load(Path(__file__).parent / "data" / "digits.npz")
    threes = real["pictures"][real["labels"] == 3]
    made = am.visualize(model, "out", 3, preset="references", references=threes, seed=0, max_iter=128)
    # The class as natural takes it.
    assert made.checkpoint.settings.values()["Log odds.temperature"] == FREE["temperature"]
    assert made.history.names == ("Log odds", "Match features")
    matched = made.history["Match features"]
    assert matched[-5:].mean() < matched[:5].mean()
    assert made.score().strong.rank == 1
    widget = am.ActMaxWidget(model, "out", filter_indices=3, preset="references", references=threes)
    assert widget.preset == "natural"
    assert "Match features" in widget.loss_names
    widget.close()


def test_the_preset_needs_references_and_a_layer():
    with pytest.raises(TypeError, match="Pass references= too"):
        am.visualize(am.demo.digits(), "out", 3, preset="references")
    objective = losses.ActivationMaximization("out", 3)
    with pytest.raises(ValueError, match=r"Add losses\.MatchFeatures"):
        am.visualize(am.demo.digits(), objective, preset="references", references=np.zeros((1, 28, 28, 1)))


def test_a_run_by_references_goes_on_from_its_file(tmp_path):
    real = np.random.default_rng(0).integers(0, 256, (4, 12, 12, 1)).astype(np.float32)
    given = {"preset": "references", "references": real, "seed": 0}
    whole = am.visualize(small_cnn(), "out", 3, max_iter=12, **given)
    kept = whole.film.checkpoint(6)
    kept.save(tmp_path / "six.actmax")
    again = am.visualize(small_cnn(), start=am.Checkpoint.load(tmp_path / "six.actmax"), max_iter=12 - kept.iteration)
    np.testing.assert_array_equal(again.image, whole.image)
