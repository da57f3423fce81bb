import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from PIL import Image

import actmax_widget as am
from actmax_widget.network import Network, dataset
from actmax_widget.network.dataset import References
from tests.networks import small_cnn


@pytest.fixture(scope="module")
def network():
    return Network(small_cnn(channels=3))


def greys(count, size=12, channels=3):
    """Pictures of one grey each, 0, 1, 2, ..."""
    shades = np.arange(count, dtype=np.uint8)[:, None, None, None]
    return np.broadcast_to(shades, (count, size, size, channels)).copy()


def shades_of(source, network, input_range=(0, 255)):
    return References(source).pictures(network, input_range).pixels[:, 0, 0, 0].tolist()


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return greys(6)[3 * index : 3 * index + 3], np.zeros(3)


@pytest.mark.parametrize(
    "source",
    [
        greys(6),
        greys(6).astype("float32"),
        list(greys(6)),
        [Image.fromarray(one) for one in greys(6)],
        tf.data.Dataset.from_tensor_slices((greys(6), np.arange(6))).batch(4),
        tf.data.Dataset.from_tensor_slices(greys(6).astype("float32")),
        Batches(),
        (one for one in greys(6)),
        ({"picture": greys(6)} for _ in range(1)),
        tf.constant(greys(6)),
    ],
    ids=["bytes", "floats", "list", "Pillow", "tf.data pairs", "tf.data", "Keras", "generator", "dict", "tensor"],
)
def test_pictures_come_in_many_ways(source, network):
    assert shades_of(source, network) == [0, 1, 2, 3, 4, 5]


def test_a_folder_with_a_broken_file_and_other_sizes(tmp_path, network):
    (tmp_path / "inside").mkdir()
    for number, one in enumerate(greys(3, 12)):
        Image.fromarray(one).save(tmp_path / f"{number}.png")
    Image.fromarray(np.full((30, 20), 9, np.uint8)).save(tmp_path / "inside" / "grey.png")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "words.txt").write_text("no picture either")
    references = References(tmp_path)
    found = references.pictures(network, (0, 255))
    assert found.names == ("0.png", "1.png", "2.png", "inside/grey.png")
    assert found.pixels[3].tolist() == np.full((12, 12, 3), 9).tolist()
    assert [*references.notes] == [
        "Left out, as no picture could be read of them: broken.jpg.",
        "1 were of another size: cropped to the middle and resized to 12 × 12.",
    ]


def test_an_exhausted_generator_is_kept_for_another_network(network):
    references = References(one for one in greys(4))
    references.pictures(network, (0, 255))
    other = Network(small_cnn(channels=1))
    assert references.pictures(other, (0, 255)).pixels[:, 0, 0, 0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ([], "at least one picture"),
        (iter([]), "A generator gives its pictures once"),
        ("/nowhere/at/all", "a folder that exists"),
        (np.zeros((3, 7, 7)), "an array"),
        ([np.full((12, 12, 3), np.nan)], "None of 1 could be used: picture 0"),
        ([np.zeros((12, 12, 2))], "None of 1"),
    ],
)
def test_what_gives_no_picture_is_refused(source, words, network):
    with pytest.raises(ValueError, match=words):
        References(source).pictures(network, (0, 255))


def test_one_grey_picture_is_not_taken_for_its_rows():
    with pytest.raises(ValueError, match="Put an axis in front if it is one picture"):
        References(np.zeros((12, 12, 1), np.uint8)).pictures(Network(small_cnn()), (0, 255))


@pytest.mark.parametrize("source", [None, 3, b"bytes", {}])
def test_what_is_no_source_is_refused(source):
    with pytest.raises(TypeError, match="references: expected pictures"):
        References(source)


def test_of_many_a_sample_is_taken_always_the_same(monkeypatch, network):
    monkeypatch.setattr(dataset, "MOST", 10)
    monkeypatch.setattr(dataset, "MOST_READ", 150)
    first, again = (shades_of(greys(100), network) for _ in range(2))
    assert first == again
    assert len(set(first)) == 10
    assert max(first) > 50
    references = References(greys(100))
    assert references.pictures(network, (0, 255)).names[0] == f"picture {first[0]}"
    assert references.notes == ("A sample of 10 of 100.",)
    references = References(one for _ in iter(int, 1) for one in greys(7))  # it never ends
    assert len(references.pictures(network, (0, 255))) == 10
    assert references.notes == ("A sample of 10 of 150.", "Of a stream of pictures the first 150 were taken.")


def test_values_beyond_the_range_and_nearly_black_ones_are_told(network):
    references = References(np.full((2, 12, 12, 3), 0.5, np.float32))
    references.pictures(network, (0, 255))
    assert "nearly black" in references.notes[0]
    assert References(greys(3)).pictures(network, (-1, 1)).fed(network, 0, 1).min() == -1
    references = References(np.full((2, 12, 12, 3), 5.0, np.float32))
    assert (references.pictures(network, (0, 1)).pixels == 255).all()
    assert "taken as its ends" in references.notes[0]


def test_all_units_of_a_layer_are_asked_once_until_the_weights_change(network):
    references, target = (
        References(np.random.default_rng(0).integers(0, 256, (40, 12, 12, 3), np.uint8)),
        network.find("conv1"),
    )
    found, shown = references.answers(network, target, (0, 255))
    assert shown == 40
    answer = keras.Model(network.model.inputs[0], network.model.get_layer("conv1").output)
    wanted = keras.ops.convert_to_numpy(answer(references.pictures(network, (0, 255)).pixels.astype("float32")))
    np.testing.assert_allclose(found.means, wanted.mean((1, 2)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.maxima, wanted.max((1, 2)), rtol=1e-4, atol=1e-5)
    row, column = found.places[3, 2]
    assert wanted[3, row, column, 2] == pytest.approx(found.maxima[3, 2], abs=1e-5)
    again, shown = references.answers(network, target, (0, 255))
    assert again is found
    assert shown == 0
    at_one, shown = references.answers(network, target, (0, 255), (4, -1))
    assert shown == 40
    np.testing.assert_allclose(at_one.maxima, wanted[:, 4, 5], rtol=1e-4, atol=1e-5)
    kernel, *rest = layer_weights = network.model.get_layer("conv1").get_weights()
    network.model.get_layer("conv1").set_weights([2 * kernel, *rest])
    assert references.answers(network, target, (0, 255))[1] == 40
    network.model.get_layer("conv1").set_weights(layer_weights)


def test_channels_first_and_other_ranks():
    inputs = keras.Input((3, 12, 10))
    model = keras.Model(
        inputs, layers.Conv2D(2, 3, data_format="channels_last", name="c")(layers.Permute((2, 3, 1))(inputs))
    )
    first = Network(model)
    pictures = np.random.default_rng(0).integers(0, 256, (5, 12, 10, 3), np.uint8)
    found = References(np.moveaxis(pictures, -1, 1)).pictures(first, (0, 255))
    np.testing.assert_array_equal(found.pixels, pictures)
    assert found.fed(first, 0, 2).shape == (2, 3, 12, 10)
    signal = keras.Input((30, 2))
    model = keras.Model(signal, layers.Conv1D(4, 3, name="c")(signal))
    examples = am.visualize_references(model, "c", 1, np.random.default_rng(0).uniform(0, 255, (20, 30, 2)))
    assert {crop.shape for crop in examples.crops} == {(3, 2)}


@pytest.mark.parametrize(
    ("source", "classes"),
    [
        (greys(3), (None,) * 3),
        ([(one, number) for number, one in enumerate(greys(3))], (0, 1, 2)),
        ([(greys(3), np.eye(4)[[2, 0, 3]])], (2, 0, 3)),
        (tf.data.Dataset.from_tensor_slices((greys(3), [[5], [1], [1]])).batch(2), (5, 1, 1)),
        ([(greys(3), [0.5, 1.5, 2.5])], (None,) * 3),
        ([(greys(3), ["a", "b", "c"])], (None,) * 3),
        ([(greys(3), np.full((3, 4), 0.25))], (None,) * 3),
        ([(greys(3), [-1, 0, 1])], (None,) * 3),
    ],
)
def test_classes_come_along_where_they_are_told(source, classes, network):
    assert References(source).pictures(network, (0, 255)).classes == classes
