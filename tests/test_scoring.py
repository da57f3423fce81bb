import pickle
import warnings
from pathlib import Path

import keras
import matplotlib as mpl
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from PIL import Image

import actmax_widget as am
from actmax_widget import losses
from actmax_widget.network import Network
from actmax_widget.network.answers import responding
from actmax_widget.scoring import changes, look
from actmax_widget.scoring.score import CAUTION
from tests.networks import seed_networks, small_cnn

SIDE = 128
PHOTOGRAPH = Path(mpl.get_data_path(), "sample_data", "grace_hopper.jpg")
"""Rear admiral Hopper in uniform, a work of the US Navy: what networks of ImageNet's classes call a bow tie."""


def cloud(random: np.random.Generator) -> np.ndarray:
    """Noise with the frequencies and colours of photographs."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    frequency[0, 0] = np.inf
    noise = np.fft.fft2(random.normal(size=(SIDE, SIDE, 3)), axes=(0, 1)) * frequency[..., None] ** -1.2
    waves = np.fft.ifft2(noise, axes=(0, 1)).real
    coloured = waves[..., :1] + 0.4 * (waves - waves[..., :1])
    return np.clip(127 + 55 * (coloured - coloured.mean()) / coloured.std(), 0, 255)


def altered_grey(model: keras.Model, index: int) -> np.ndarray:
    """Grey, moved by at most 8 of 255 where the class goes up: projected gradient descent (Madry et al., 2018)."""
    network = Network(model, (SIDE, SIDE, 3))
    logits, picture = (
        responding(network, network.find("logits")),
        tf.Variable(np.full((1, SIDE, SIDE, 3), 128, np.float32)),
    )
    for _ in range(10):
        with tf.GradientTape() as tape:
            value = tf.nn.log_softmax(logits(picture * 1.0))[0, index]
        picture.assign(tf.clip_by_value(picture + 2 * tf.sign(tape.gradient(value, picture)), 120, 136))
    return picture.numpy()[0]


def test_what_must_be_ordered_is_ordered(tmp_path):
    model, random = am.demo.photos(), np.random.default_rng(0)
    index = am.demo.labels(model).index("bow tie")
    shape = (SIDE, SIDE, 3)  # quicker than the network's own
    made = {
        "noise": random.uniform(0, 255, (SIDE, SIDE, 3)),
        "cloud": cloud(random),
        "altered grey": altered_grey(model, index),
        "natural": am.visualize(model, "logits", index, seed=0, input_shape=shape, max_iter=96).image,
        "keras-vis": am.visualize(
            model, "logits", index, seed=0, input_shape=shape, max_iter=300, preset="keras-vis"
        ).image,
    }
    files = {"photograph": PHOTOGRAPH}
    for name, picture in made.items():
        files[name] = tmp_path / f"{name}.png"
        Image.fromarray(np.clip(np.rint(picture), 0, 255).astype(np.uint8)).save(files[name])
    with warnings.catch_warnings():  # the photograph is cropped, which is said
        warnings.simplefilter("ignore", UserWarning)
        found = {name: am.score(model, file, "logits", index, input_shape=shape) for name, file in files.items()}
    verdicts = {name: (one.strong.verdict, one.sturdy.verdict, one.natural.verdict) for name, one in found.items()}
    # How far ten steps of signs come, decides the order in which a processor sums.
    assert verdicts.pop("altered grey")[1:] == ("amber", "amber")
    assert verdicts == {
        "noise": ("amber", "grey", "amber"),
        "cloud": ("amber", "grey", "green"),
        "photograph": ("green", "green", "green"),
        "natural": ("green", "green", "green"),
        "keras-vis": ("green", "amber", "amber"),
    }
    probability = {name: one.strong.probability for name, one in found.items()}
    assert max(probability["noise"], probability["cloud"]) < 0.01 < probability["altered grey"]
    assert found["altered grey"].sturdy.kept < 0.2 < found["photograph"].sturdy.kept
    off = [found[name].natural.spectrum for name in ("photograph", "noise", "altered grey")]
    assert off == sorted(off)
    assert found["photograph"].passes == 16
    assert found["photograph"].target == "logits, bow tie"


# --- rows ------------------------------------------------------------------------------------------------------------


def digit(seed: int = 0) -> am.export.result.Result:
    return am.visualize(am.demo.digits(), "out", 3, seed=seed, max_iter=100)


@pytest.fixture(scope="module")
def result():
    return digit()


def test_a_result_and_the_function_say_the_same(result):
    model = am.demo.digits()
    found, again = result.score(), am.score(model, result.image, "out", 3)
    assert str(found) == str(again)
    saved = np.rint(np.clip(result.image, 0, 255))
    logits = keras.ops.convert_to_numpy(model(saved[None]))[0]
    assert found.strong.activation == pytest.approx(logits[3], rel=1e-4)
    assert (found.strong.rank, found.strong.of, found.strong.verdict) == (1, 10, "green")
    assert found.natural.verdict == "grey"
    assert "28 pixels" in found.natural.words
    assert CAUTION in str(found)
    assert found.to_dict()["sturdy"]["shift"] == found.sturdy.shift


def test_a_pickled_result_asks_for_its_model(result):
    other = pickle.loads(pickle.dumps(result))  # noqa: S301 - our own
    with pytest.raises(ValueError, match="model: expected the Keras model"):
        other.score()
    assert str(other.score(model=am.demo.digits())) == str(result.score())


def test_references_give_percentile_ratio_and_a_natural_row(result):
    digits = np.load(Path(__file__).parent / "data" / "digits.npz")["pictures"]
    references = am.References(digits)
    found = result.score(references)
    logits = keras.ops.convert_to_numpy(am.demo.digits()(digits.astype("float32")))[:, 3]
    assert found.strong.percentile == pytest.approx(100 * np.mean(logits < found.strong.activation))
    assert found.strong.ratio == pytest.approx(found.strong.activation / logits.max(), rel=1e-4)
    # By which it can be set beside the answers of the real pictures.
    assert f"a logit of {found.strong.activation:,.0f}. " in found.strong.words
    assert (found.natural.against, found.passes) == (40, 16 + 40)
    assert found.natural.spectrum > 0
    again = result.score(references)
    assert (again.passes, again.strong) == (16, found.strong)


def test_a_real_digit_is_as_black_and_white_as_its_references():
    digits = np.load(Path(__file__).parent / "data" / "digits.npz")["pictures"]
    names = [am.score(am.demo.digits(), one, "out", 3, references=digits).natural.verdict for one in digits[:20]]
    assert names.count("green") >= 15
    white = np.where(digits[3] > 100, 255, 0)
    assert look.share_at_ends(white) == 1
    assert "100 % of its values are at the end of the range" in (
        am.score(am.demo.digits(), white, "out", 3, references=digits).natural.words
    )


def test_of_few_references_no_verdict_is_drawn_and_those_below_are_counted():
    model, bright = small_cnn(), np.full((12, 12, 1), 255.0)
    darker = np.arange(0, 200, dtype=np.uint8)[:, None, None, None].repeat(12, 1).repeat(12, 2)
    mean = keras.Sequential([model.inputs[0], layers.GlobalAveragePooling2D(name="mean")])
    few = am.score(mean, bright, "mean", 0, references=darker[:3]).strong
    assert few.verdict == "grey"
    assert "3 of 3 real pictures excite it less." in few.words
    assert few.words.endswith("For a verdict it takes 20.")
    many = am.score(mean, bright * 0.78, "mean", 0, references=darker).strong
    assert many.verdict == "green"
    assert many.percentile == 99.5
    assert "199 of 200 real pictures excite it less." in many.words


def test_a_channel_is_compared_with_references_alone():
    model, random = small_cnn(channels=3), np.random.default_rng(0)
    picture = random.uniform(0, 255, (12, 12, 3)).astype("float32")
    assert am.score(model, picture, "conv1", 2).strong.verdict == "grey"
    flat = np.repeat(np.linspace(0, 255, 20)[:, None, None, None], 12, 1).repeat(12, 2).repeat(3, 3)
    found = am.score(model, picture, "conv1", 2, references=flat.astype("float32"))
    answer = keras.Model(model.inputs[0], model.get_layer("conv1").output)
    own = float(np.mean(answer(np.rint(picture)[None])[..., 2]))
    real = np.mean(answer(np.rint(flat)), axis=(1, 2))[:, 2]
    assert found.strong.percentile == pytest.approx(100 * np.mean(real < own))
    assert found.strong.activation == pytest.approx(own, rel=1e-4)
    assert found.strong.probability is None
    # At one place, by an objective of several terms, of which the heaviest counts.
    objective = losses.ActivationMaximization("out", 1) + 3 * losses.Neuron("conv1", 2, position=(1, 4))
    found = am.score(model, picture, objective)
    assert found.strong.activation == pytest.approx(
        float(answer(np.rint(picture)[None])[0, 1, 4, 2]), rel=1e-4, abs=1e-5
    )
    assert set(found.activations) == {"conv1, unit 2", "out, unit 1"}


def test_of_all_classes_together_there_is_no_probability():
    found = am.score(small_cnn(), np.full((12, 12, 1), 99.0), "out")
    assert (found.strong.verdict, found.strong.probability, found.strong.rank) == ("grey", None, None)
    assert found.strong.words.startswith("Its activation is ")


def test_an_objective_without_units_is_told_in_a_sentence():
    found = am.score(small_cnn(), np.full((12, 12, 1), 99.0), losses.Diversity("conv1"))
    assert (found.strong.verdict, found.sturdy.verdict) == ("grey", "grey")
    assert "names no units" in found.strong.words


@pytest.mark.parametrize("input_range", [(0, 1), (-1, 1), (0, 255)])
def test_the_range_changes_nothing_but_the_units(input_range):
    low, high = input_range
    inputs = keras.Input((16, 16, 1))
    scaled = layers.Rescaling(1 / (high - low), -low / (high - low))(inputs)
    keras.utils.set_random_seed(0)
    model = keras.Model(inputs, layers.Dense(3, name="out")(layers.Flatten()(scaled)))
    shares = np.random.default_rng(1).uniform(0, 1, (16, 16, 1)).astype("float32")
    found = am.score(model, low + shares * (high - low), "out", 1, input_range=input_range)
    model_of_shares = keras.Model(inputs, layers.Flatten()(inputs))
    saved = np.rint(shares * 255)[None] / 255
    kernel, bias = model.get_layer("out").get_weights()
    wanted = (keras.ops.convert_to_numpy(model_of_shares(saved)) @ kernel + bias)[0, 1]
    assert found.strong.activation == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("shape", [(20, 2), (6, 6, 6, 1), (9,), (8, 8, 5)])
def test_inputs_that_are_no_pictures_have_no_natural_row(shape):
    inputs = keras.Input(shape)
    keras.utils.set_random_seed(0)
    model = keras.Model(inputs, layers.Dense(3, activation="sigmoid", name="out")(layers.Flatten()(inputs)))
    found = am.score(
        model, np.random.default_rng(0).uniform(0, 1, shape).astype("float32"), "out", 1, input_range=(0, 1)
    )
    assert found.natural.verdict == "grey"
    assert 0 < found.strong.probability < 1
    assert found.sturdy.noise is not None
    assert found.sturdy.turn is None


def test_a_regression_that_is_lowered():
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, layers.GlobalAveragePooling2D(name="mean")(inputs))
    references = np.arange(0, 250, 10, dtype=np.uint8)[:, None, None, None].repeat(8, 1).repeat(8, 2)
    dark = am.score(model, np.zeros((8, 8, 1)), -losses.ActivationMaximization("mean", 0), references=references + 1)
    assert dark.strong.percentile == 100
    assert "excite it more" in dark.strong.words


def test_preprocessing_is_done_again():
    model, picture = small_cnn(channels=3), np.full((12, 12, 3), 200.0, np.float32)
    found = am.score(model, picture, "out", 1, preprocess="tf")
    wanted = float(model(picture[None] / 127.5 - 1)[0, 1])
    assert found.strong.activation == pytest.approx(wanted, rel=1e-4)


# --- the judge -------------------------------------------------------------------------------------------------------


def test_another_network_of_the_same_classes_agrees_or_not(result):
    agreeing = result.score(judge=am.demo.digits("adversarial"))
    assert agreeing.sturdy.judge_rank is not None
    assert "Another network" in agreeing.sturdy.words
    assert agreeing.passes == 17


def open_judge(channels=1, classes=10):
    """A classifier of pictures of any size."""
    seed_networks(0)
    inputs = keras.Input((None, None, channels))
    features = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(inputs))
    return keras.Model(inputs, layers.Dense(classes, name="out")(features))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_judge_of_pictures_of_any_size_is_asked_at_theirs(channels):
    judge, picture = open_judge(channels), np.random.default_rng(0).uniform(0, 255, (28, 28, 1)).round()
    found = am.score(am.demo.digits(), picture, "out", 3, judge=judge)
    logits = np.asarray(judge(picture[None].repeat(channels, -1)))[0]
    assert found.sturdy.judge_rank == 1 + int((logits > logits[3]).sum())


@pytest.mark.parametrize(
    ("judge", "target", "error", "words"),
    [
        (small_cnn, "out", ValueError, "a network of 10 classes"),
        (lambda: open_judge(classes=9), "out", ValueError, "a network of 10 classes"),
        (lambda: "judge", "out", TypeError, "judge: expected a Keras model"),
        (am.demo.digits, "conv1", ValueError, "no counterpart"),
    ],
)
def test_a_judge_that_cannot_judge_is_refused(judge, target, error, words):
    with pytest.raises(error, match=words):
        am.score(am.demo.digits(), np.zeros((28, 28, 1)), target, 3, judge=judge())


def test_a_widget_scores_what_it_ran():
    widget = am.ActMaxWidget(small_cnn(), filter_indices=1, seed=0)
    with pytest.raises(ValueError, match="Press Run"):
        widget.score()
    widget.step(2)
    assert widget.score().target == "out, unit 1"
    with pytest.raises(TypeError, match="references: expected pictures"):
        widget.references = 3
    widget.close()


# --- pixels ----------------------------------------------------------------------------------------------------------


def test_changes_keep_the_shape_and_change_the_picture():
    picture = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    kinds = [
        kind for kind, one in changes.changed(picture) if one.shape == picture.shape and not (one == picture).all()
    ]
    assert kinds == ["shift"] * 8 + ["turn", "turn", "zoom", "jpeg", "noise"]


def test_a_turn_and_a_smaller_size_move_a_dot_as_they_should():
    picture = np.zeros((101, 101, 1), np.uint8)
    picture[48:53, 88:93] = 255  # to the right of the middle

    def middle_of_light(one):
        rows, columns = np.nonzero(one[..., 0] > 128)
        return rows.mean(), columns.mean()

    down, right = middle_of_light(changes.seen_as(picture, scale=0.9))
    assert (down, right) == pytest.approx((50, 86), abs=1)
    down, right = middle_of_light(changes.seen_as(picture, degrees=5))
    assert abs(down - 50) == pytest.approx(40 * np.sin(np.radians(5)), abs=1)
    back, _ = middle_of_light(changes.seen_as(picture, degrees=-5))
    assert back - 50 == pytest.approx(50 - down, abs=1)


@pytest.mark.parametrize("side", [96, 128, 300])
def test_the_built_in_standard_is_that_of_photographs(side):
    with Image.open(PHOTOGRAPH) as file:
        picture = np.asarray(file.convert("RGB").crop((0, 0, 512, 512)).resize((side, side)), np.float64)
    standard = look.photographs(side, 3)
    assert look.look(picture, standard).spectrum < standard.usual_spectrum
    assert look.look(np.random.default_rng(0).uniform(0, 255, picture.shape), standard).spectrum > 1
    assert look.photographs(28, 1) is None
