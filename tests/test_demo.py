import json
from importlib import resources
from pathlib import Path

import apples as train_apples
import digit_twins as train_twins
import digits as train_digits
import keras
import matplotlib.cbook
import numpy as np
import photos as make_photos
import pytest
import training
from PIL import Image

from actmax_widget import demo, losses, optimizers, transforms
from actmax_widget.demo import packed, squeezenet
from actmax_widget.labels import Labels
from actmax_widget.visualization import visualize, visualize_activation
from benchmarks import networks

PACKED = resources.files("actmax_widget.demo")
LIMIT = 300_000
"""Bytes of a bundled network, at most."""


@pytest.fixture(scope="module")
def digits():
    return demo.digits()


@pytest.fixture(scope="module")
def apples():
    return demo.apples()


@pytest.fixture(scope="module")
def photos():
    return demo.photos()


@pytest.fixture(scope="module")
def hopper():
    """Grace Hopper in uniform, of Matplotlib's own pictures: (1, 227, 227, 3), RGB."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        whole = Image.open(file).convert("RGB")
    return np.asarray(whole.resize((227, 227)), np.float32)[None]


@pytest.fixture
def untrained():
    return squeezenet.build()


@pytest.fixture(scope="module")
def real_digits():
    """40 of the held-out digits, four of each: the first ones that ``train_digits.split`` gives."""
    with np.load(Path(__file__).parent / "data" / "digits.npz") as file:
        return file["pictures"], file["labels"]


@pytest.mark.parametrize("name", ["digits", "apples"])
def test_files_are_small(name):
    assert len((PACKED / f"{name}.keras").read_bytes()) < LIMIT


def test_digits_takes_grey_pictures(digits):
    assert digits.input_shape == (None, 28, 28, 1)
    assert digits.output_shape == (None, 10)


def test_digits_layers_have_clear_names(digits):
    assert [layer.name for layer in digits.layers if layer.weights] == ["conv1", "conv2", "conv3", "out"]
    assert {digits.get_layer(name).activation.__name__ for name in ("conv1", "conv2", "conv3")} == {"relu"}


def test_digits_ends_in_ten_linear_units(digits):
    assert digits.layers[-1].name == "out"
    assert digits.layers[-1].units == 10
    assert digits.layers[-1].activation.__name__ == "linear"


def test_digits_recognises_real_digits_in_0_to_255(digits, real_digits):
    pictures, labels = real_digits
    assert pictures.max() == 255
    assert (digits.predict(pictures, verbose=0).argmax(axis=1) == labels).mean() >= 0.95


def test_digits_says_how_good_it_is():
    facts = json.loads((PACKED / "digits.json").read_text())
    assert facts["accuracy"] >= 0.985
    assert facts["held_out"] == 2000
    assert facts["file_bytes"] == len((PACKED / "digits.keras").read_bytes())
    assert {"trained_on", "source", "seed", "steps", "parameters", "keras", "tensorflow"} <= facts.keys()


def test_each_call_gives_a_new_model(digits):
    other = demo.digits()
    other.set_weights([np.zeros_like(weight) for weight in other.get_weights()])
    for weight, again in zip(digits.get_weights(), demo.digits().get_weights(), strict=True):
        np.testing.assert_array_equal(weight, again)
    assert np.any(digits.get_weights()[0])


def test_pictures_of_digits_look_like_digits(digits, real_digits):
    """With the default weights: seen as its digit, and near a real one, which a pattern of noise would not be."""
    pictures, labels = real_digits
    made = np.stack([visualize_activation(digits, "out", d, clip=True, seed=0, max_iter=300) for d in range(10)])
    assert digits.predict(made, verbose=0).argmax(axis=1).tolist() == list(range(10))
    likeness = np.corrcoef(made.reshape(10, -1), pictures.reshape(len(pictures), -1))[:10, 10:]
    nearest = [row[labels == digit].max() for digit, row in enumerate(likeness)]
    assert min(nearest) > 0.4, nearest


# --- the twins of the digits ----------------------------------------------------------------------------------------

TWINS = ("plain", "adversarial")


@pytest.fixture(scope="module")
def reader():
    """A second network, of another kind and other digits, that reads pictures of digits."""
    with np.load(Path(__file__).parent / "data" / "digits_to_learn.npz") as file:
        pictures, labels = file["pictures"], file["labels"]
    keras.utils.set_random_seed(1)
    layers = keras.layers
    moved = [
        layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
        layers.RandomRotation(0.05),
        layers.RandomZoom(0.1),
    ]
    start = [keras.Input((28, 28, 1)), layers.Rescaling(1 / 255), *moved, layers.GaussianNoise(0.2)]
    convolutions = [layers.Conv2D(n, size, 2, activation="swish") for n, size in ((24, 5), (48, 3), (64, 3))]
    model = keras.Sequential([*start, *convolutions, layers.Flatten(), layers.Dropout(0.3), layers.Dense(10)])
    model.compile(keras.optimizers.Adam(2e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(pictures, labels, batch_size=50, epochs=50, verbose=0)
    return model


def test_twins_together_are_small():
    assert sum(len((PACKED / f"digits_{twin}.npz").read_bytes()) for twin in TWINS) < 150_000


@pytest.mark.parametrize("twin", TWINS)
def test_a_twin_has_the_layers_of_the_digits_and_other_weights(digits, twin):
    other = demo.digits(twin)
    assert [layer.name for layer in other.layers] == [layer.name for layer in digits.layers]
    assert other.name == f"digits_{twin}"
    for mine, theirs in zip(digits.get_weights(), other.get_weights(), strict=True):
        assert mine.shape == theirs.shape
        assert np.any(mine != theirs)
    assert np.abs(other.predict(np.zeros((1, 28, 28, 1)), verbose=0)).max() < 100  # not stretched


@pytest.mark.parametrize("twin", TWINS)
def test_a_twin_says_how_good_it_is(twin):
    facts = json.loads((PACKED / f"digits_{twin}.json").read_text())
    assert facts["accuracy"] >= 0.975
    assert facts["file_bytes"] == len((PACKED / f"digits_{twin}.npz").read_bytes())
    assert {"trained_on", "source", "seed", "epochs", "attack", "keras", "tensorflow"} <= facts.keys()


def test_only_training_on_adversarial_digits_withstands_an_attack(real_digits):
    pictures, labels = real_digits
    held = {}
    for twin in TWINS:
        model = demo.digits(twin)
        assert (model.predict(pictures, verbose=0).argmax(axis=1) == labels).mean() >= 0.95
        held[twin] = train_twins.accuracy_under_attack(model, (pictures, labels))
    assert held["plain"] < 0.65
    assert held["adversarial"] > 0.8


@pytest.mark.soak  # `make gallery` asks it, too
@pytest.mark.parametrize(("variant", "least"), [("stretched", 10), ("plain", 9), ("adversarial", 9)])
def test_a_second_network_reads_the_digits_of_each(reader, variant, least):
    model = demo.digits(variant)
    made = np.stack([visualize(model, "out", digit, seed=0).image for digit in range(10)])
    files = np.clip(np.rint(made), 0, 255)
    assert (model.predict(files, verbose=0).argmax(axis=1) == range(10)).all()
    assert (reader.predict(files, verbose=0).argmax(axis=1) == range(10)).sum() >= least


@pytest.mark.parametrize(
    ("variant", "kind"), [("plian", ValueError), ("", ValueError), (3, TypeError), (None, TypeError)]
)
def test_digits_refuses_another_variant(variant, kind):
    with pytest.raises(kind, match=r"^variant: expected one of stretched, plain"):
        demo.digits(variant)


@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv3"])
def test_first_filters_of_each_layer_draw(digits, layer):
    """The widget starts with filter 0; its picture must have contrast at the default weights."""
    made = visualize_activation(digits, layer, 0, clip=True, seed=0)
    assert made.std() > 10


def test_apples_takes_colour_pictures_and_gives_a_number(apples):
    assert apples.input_shape == (None, 48, 48, 3)
    assert apples.output_shape == (None, 1)
    assert apples.layers[-1].name == "count"
    assert apples.get_layer("evidence").activation.__name__ == "linear"
    names = ["conv1", "conv2", "conv3", "conv4", "density", "evidence"]
    assert [layer.name for layer in apples.layers if layer.weights] == names


def test_apples_says_how_good_it_is():
    facts = json.loads((PACKED / "apples.json").read_text())
    assert facts["mean_absolute_error"] < 0.5
    assert facts["held_out"] == 1000
    assert facts["file_bytes"] == len((PACKED / "apples.keras").read_bytes())


def test_apples_counts(apples):
    assert train_apples.mean_absolute_error(apples, train_apples.draw(range(50))) < 0.5


@pytest.mark.parametrize("n", range(10))
def test_draw_apples_gives_a_picture(n):
    picture = demo.draw_apples(n, seed=n)
    assert picture.shape == (48, 48, 3)
    assert picture.dtype == np.uint8


def test_draw_apples_repeats_itself():
    np.testing.assert_array_equal(demo.draw_apples(4, seed=1), demo.draw_apples(4, seed=1))
    assert np.any(demo.draw_apples(4, seed=1) != demo.draw_apples(4, seed=2))


@pytest.mark.parametrize(("n", "seed"), [(10, 0), (-1, 0), (3, -1)])
def test_draw_apples_refuses_what_it_cannot_draw(n, seed):
    with pytest.raises(ValueError, match=r"^(n|seed): expected an integer"):
        demo.draw_apples(n, seed)


def test_split_holds_out_equally_many_of_each_digit():
    labels = np.repeat(np.arange(10), [9, 8, 7, 6, 5, 9, 8, 7, 6, 5])
    pictures = np.arange(70)
    (known, _), (held, held_labels) = train_digits.split((pictures, labels), 20)
    assert sorted([*known, *held]) == list(range(70))
    assert np.bincount(held_labels).tolist() == [2] * 10


def test_stretch_changes_layers_but_not_the_answer(digits, real_digits):
    pictures = real_digits[0][:5]
    stretched = demo.digits()
    training.stretch(stretched, {"conv1": 2.0, "conv2": 0.5, "conv3": 8.0, "out": 1.0})
    assert not np.allclose(stretched.get_layer("conv1").get_weights()[0], digits.get_layer("conv1").get_weights()[0])
    before, after = (model.predict(pictures, verbose=0) for model in (digits, stretched))
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-3 * np.abs(before).max())


def test_attack_stays_near_the_pictures_and_inside_the_range():
    pictures = np.full((3, 8, 8, 1), 250, np.float32)
    hard = training.attack(lambda x: training.tf.reduce_sum(x, axis=[1, 2, 3]), pictures, 0.2, steps=3).numpy()
    assert hard.max() == 255
    assert np.all(training.norm(hard - pictures) <= 0.2 * training.WHITE * 1.001)
    assert np.all(hard.mean(axis=(1, 2, 3)) > 250)


def test_hold_edges_makes_filters_sum_to_zero():
    kernel = training.tf.Variable(np.random.default_rng(0).normal(size=(3, 3, 2, 4)), dtype="float32")
    training.hold_edges(kernel, 2)
    sums = kernel.numpy().sum(axis=(0, 1, 2))
    np.testing.assert_allclose(sums[:2], 0, atol=1e-5)
    assert np.all(np.abs(sums[2:]) > 1e-3)


# --- photos ----------------------------------------------------------------------------------------------------------


def test_photos_takes_colour_pictures_and_ends_in_linear_units(photos):
    assert photos.input_shape == (None, 227, 227, 3)
    assert photos.output_shape == (None, 1000)
    assert photos.layers[-1].name == "logits"
    assert photos.get_layer("conv10").activation.__name__ == "linear"
    fires = [f"fire{n}_{part}" for n in range(2, 10) for part in ("squeeze1x1", "expand1x1", "expand3x3")]
    assert {layer.name for layer in photos.layers if layer.weights} == {"conv1", "conv10", *fires}
    assert photos.get_layer("fire6_concat").output.shape == (None, 13, 13, 384)


def test_photos_says_how_good_it_is():
    facts = json.loads((PACKED / "photos.json").read_text())
    assert facts["photographs"] == 20
    assert facts["top_1"] >= facts["top_1_in_float32"] - 1
    assert facts["top_5"] >= facts["top_5_in_float32"] - 1
    assert facts["file_bytes"] == len((PACKED / "photos.npz").read_bytes()) < 1_200_000


def test_photos_recognises_a_photograph_as_it_is(photos, hopper):
    """By its colours too: turned round, they make a military uniform a shower cap."""
    seen = photos.predict(np.concatenate([hopper, hopper[..., ::-1]]), verbose=0).argsort(axis=1)[:, :-6:-1]
    names, turned = ({demo.labels(photos).name(index) for index in best} for best in seen)
    assert names >= {"military uniform", "suit", "bow tie"}
    assert "military uniform" not in turned


def test_photos_answers_as_the_published_network(photos, hopper):
    if not networks.NDF.exists():
        pytest.skip("`make bench` downloads the published weights")
    ours = photos.predict(hopper, verbose=0)
    theirs = networks.squeezenet().predict(make_photos.as_published(hopper), verbose=0)
    assert np.sqrt(((ours - theirs) ** 2).mean()) < 0.04 * theirs.std()


def test_rounding_costs_at_most_one_of_twenty_photographs(photos):
    if not (networks.NDF.exists() and make_photos.FOOLBOX.exists()):
        pytest.skip("`make bench` downloads the published weights and the photographs")
    pictures, classes = make_photos.labelled(227)
    assert len(classes) == 20
    ours = photos.predict(pictures, verbose=0)
    theirs = networks.squeezenet().predict(make_photos.as_published(pictures), verbose=0)
    for n, known in ((1, 13), (5, 18)):
        assert make_photos.top(theirs, classes, n) >= known
        assert make_photos.top(ours, classes, n) >= make_photos.top(theirs, classes, n) - 1


def test_a_goldfish_appears(photos):
    """In a quarter of the steps that a person would take; seen by the network without any transform."""
    shown = [transforms.Scale(0.5, 1.35), transforms.Rotate(15), transforms.Jitter(0.107), transforms.Noise(0.3, 0.03)]
    goldfish = demo.labels(photos).index("goldfish")
    options = {"parametrization": "ringspectrum", "transforms": shown, "optimizer": optimizers.Adam(0.1)}
    made = visualize(photos, losses.LogOdds("logits", goldfish), max_iter=64, seed=0, **options).image
    logits = photos.predict(made[None], verbose=0)[0]
    assert logits.argmax() == goldfish
    red, green, blue = made.reshape(-1, 3)[np.argsort(made[..., 0].ravel() - made[..., 2].ravel())[-500:]].mean(axis=0)
    assert red > green > blue  # the fish is orange, not blue as with channels the wrong way round


def test_photos_can_be_saved_and_read_again(photos, hopper, tmp_path):
    photos.save(tmp_path / "photos.keras")
    again = keras.saving.load_model(tmp_path / "photos.keras")
    np.testing.assert_array_equal(again.predict(hopper, verbose=0), photos.predict(hopper, verbose=0))


def test_photos_is_the_same_whatever_keras_is_set_to(photos, hopper):
    format_, policy = keras.config.image_data_format(), keras.config.dtype_policy()
    try:
        keras.config.set_image_data_format("channels_first")
        keras.config.set_dtype_policy("mixed_float16")
        other = demo.photos()
        np.testing.assert_array_equal(other.predict(hopper, verbose=0), photos.predict(hopper, verbose=0))
    finally:
        keras.config.set_image_data_format(format_)
        keras.config.set_dtype_policy(policy)


def test_only_photos_has_labels(photos, digits):
    assert demo.labels(photos) == Labels("imagenet")
    assert demo.labels(digits) is None
    assert demo.labels(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)], name="photos")) is None


def test_missing_weights_are_told(untrained, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"photos\.npz: expected the weights.*install actmax-widget anew"):
        packed.read(untrained, tmp_path / "photos.npz")


def test_weights_that_were_cut_short_are_told(untrained, tmp_path):
    cut = tmp_path / "photos.npz"
    cut.write_bytes((PACKED / "photos.npz").read_bytes()[:1_000_000])
    with pytest.raises(ValueError, match=r"photos\.npz: expected a whole file.*The file is missing or damaged"):
        packed.read(untrained, cut)
    assert not np.any(untrained.get_layer("conv1").get_weights()[0])


def test_no_damaged_byte_changes_the_weights(untrained, tmp_path):
    """A byte is turned over here and there: the file is refused, or that byte did not matter."""
    whole = (PACKED / "photos.npz").read_bytes()
    right = packed.arrays(Path(PACKED / "photos.npz"))
    damaged = tmp_path / "photos.npz"
    refused = 0
    places = [*range(0, 200, 9), *range(1000, len(whole), 99_991), *range(len(whole) - 400, len(whole), 17)]
    for place in places:
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            found = packed.arrays(damaged)
        except ValueError as error:
            refused += "photos.npz: expected a whole file" in str(error)
        else:
            for name, array in found.items():
                np.testing.assert_array_equal(array, right.get(name, array))
    assert refused > len(places) // 2


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kernels": np.zeros(7, np.int8)}, r"expected kernels int8\[1231552\], .*received .*int8\[7\]"),
        ({"scales": np.zeros(3944, np.float64)}, r"received .*scales float64\[3944\]"),
        ({"more": np.zeros(1)}, "received .*, more"),
        ({"biases": np.full(3944, np.nan, np.float32)}, "expected finite numbers"),
    ],
    ids=["size", "type", "names", "not finite"],
)
def test_other_weights_are_told(untrained, tmp_path, changes, sentence):
    other = tmp_path / "other.npz"
    np.savez(other, **{**packed.arrays(Path(PACKED / "photos.npz")), **changes})
    with pytest.raises(ValueError, match=sentence):
        packed.read(untrained, other)


def test_quantise_rounds_each_output_channel_by_its_own_scale():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 4, 5)).astype(np.float32) * np.array([1, 10, 0.1, 2, 0])
    rounded, scale = packed.quantise(kernel.astype(np.float32))
    assert rounded.dtype == np.int8
    assert np.abs(rounded).max(axis=(0, 1, 2)).tolist() == [127, 127, 127, 127, 0]
    assert np.all(np.abs(rounded * scale - kernel) <= scale / 2 * 1.001)
