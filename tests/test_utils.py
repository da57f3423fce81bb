import random
import re
import threading

import keras
import numpy as np
import pytest
from keras import layers, ops
from PIL import Image

from actmax_widget import pictures, utils
from tests import networks


@pytest.mark.parametrize(
    ("value", "listed"),
    [
        (1, [1]),
        (None, [None]),
        ([1, 2], [1, 2]),
        ((1, 2), [1, 2]),
        (range(2), [0, 1]),
        (np.array([3]), [3]),
        ("ab", ["ab"]),
    ],
)
def test_listify(value, listed):
    assert utils.listify(value) == listed


# --- arrays ----------------------------------------------------------------------------------------------------------


def test_random_array():
    array = utils.random_array((3, 50), mean=10, std=2)
    assert array.mean() == pytest.approx(10)
    assert array.std() == pytest.approx(2, rel=1e-6)
    first, second = (utils.random_array(5, random=np.random.RandomState(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_deprocess_input():
    array = np.random.default_rng(0).normal(5, 3, (20, 20))
    image = utils.deprocess_input(array, (0, 200))
    assert image.mean() == pytest.approx(100)
    assert image.std() == pytest.approx(20)
    assert utils.deprocess_input(np.full((3, 3), 7.0)).tolist() == [[127.5] * 3] * 3


@pytest.mark.parametrize("function", [utils.deprocess_input, utils.normalize])
def test_bytes_do_not_overflow_and_halves_keep_the_epsilon(function):
    for dtype in ("int8", "uint8", "bool", "float16", "float32"):
        flat = np.ones((4, 4), dtype)
        assert np.isfinite(function(flat)).all()
    array = np.array([-100, 100], np.int8)
    np.testing.assert_allclose(function(array), function(array.astype(float)))
    assert array.tolist() == [-100, 100]


@pytest.mark.usefixtures("channels_first")
def test_axes_with_channels_first():
    assert utils.get_img_shape(np.zeros((2, 3, 5, 6))) == (2, 3, 5, 6)
    assert utils.get_img_indices() == (0, 1, 2, 3)
    assert utils.slicer[:, 1, ...] == (slice(None), 1, ...)


def test_axes_with_channels_last():
    picture = np.arange(2 * 5 * 6 * 3).reshape(2, 5, 6, 3)
    assert utils.get_img_shape(keras.Input((5, 6, 3))) == (None, 3, 5, 6)
    assert picture.transpose(utils.get_img_indices()).shape == (2, 3, 5, 6)
    np.testing.assert_array_equal(picture[utils.slicer[:, 1, 2:, :]], picture[:, 2:, :, 1])


def test_plain_python_helpers():
    assert list(utils.reverse_enumerate([])) == []
    defaults = {"a": 1}
    assert utils.add_defaults_to_kwargs(defaults, b=2) == {"a": 1, "b": 2}
    assert defaults == {"a": 1}


# --- pictures --------------------------------------------------------------------------------------------------------


def test_stitched_pictures_stand_where_they_should():
    grid = utils.stitch_images([np.full((2, 3), value) for value in (1, 2, 3)], margin=1, cols=2)
    assert grid.tolist() == [
        [1, 1, 1, 0, 2, 2, 2],
        [1, 1, 1, 0, 2, 2, 2],
        [0, 0, 0, 0, 0, 0, 0],
        [3, 3, 3, 0, 0, 0, 0],
        [3, 3, 3, 0, 0, 0, 0],
    ]


@pytest.mark.parametrize("shape", [(24, 60), (24, 60, 1), (24, 60, 3), (24, 60, 4), (24, 60, 5)])
@pytest.mark.parametrize(("dtype", "white"), [("uint8", 255), ("float32", 1)])
def test_text_is_drawn_on_any_picture(shape, dtype, white):
    picture = np.full(shape, white, dtype)
    drawn = utils.draw_text(picture, "Step 1", position=(2, 2))
    assert (drawn.shape, drawn.dtype) == (shape, picture.dtype)
    assert drawn.min() == 0  # black ink
    assert (drawn[:, -8:] == white).all()  # and not everywhere
    assert (picture == white).all()
    if shape[-1] == 4:
        assert (drawn[..., 3] == white).all()


def test_text_has_its_place_its_size_and_its_color():
    black = np.zeros((80, 120, 3), np.uint8)

    def box(**kwargs):
        rows, columns = np.nonzero(utils.draw_text(black, "Step", color=(0, 200, 0), **kwargs).any(-1))
        return rows.min(), columns.min(), rows.max() - rows.min()

    top, left, height = box()
    assert top >= 10
    assert left >= 10
    assert box(position=(20, 30))[:2] == (top + 20, left + 10)
    assert box(font_size=28)[2] > 1.5 * height
    assert utils.draw_text(black, "Step", color=(0, 200, 0)).max((0, 1)).tolist() == [0, 200, 0]
    assert utils.draw_text(black[..., 0], "Step", color=(30, 60, 90)).max() == 60  # grey takes the mean


def test_a_font_that_is_missing_is_replaced(caplog):
    pictures._font.cache_clear()
    black = np.zeros((40, 60), np.uint8)
    drawn = utils.draw_text(black, "x", font="no such font.ttf", color=255)
    assert drawn.max() > 200
    assert "no such font.ttf" in caplog.text
    caplog.clear()
    utils.draw_text(black, "x")
    assert not caplog.text


@pytest.fixture
def photo(tmp_path):
    """A picture of 6 x 8 pixels, red on the left, blue on the right, as a file."""
    pixels = np.zeros((6, 8, 3), np.uint8)
    pixels[:, :4, 0] = pixels[:, 4:, 2] = 255
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path, pixels


def test_a_picture_is_loaded(photo):
    path, pixels = photo
    np.testing.assert_array_equal(utils.load_img(str(path)), pixels)
    loaded = utils.load_img(path)
    loaded[:] = 0  # it may be written to


def test_a_picture_is_loaded_in_grey(photo):
    grey = utils.load_img(photo[0], grayscale=True)
    assert (grey.shape, grey.dtype) == ((6, 8), np.uint8)
    assert [grey[0, 0], grey[0, -1]] == [54, 18]  # 255 x 0.2125 and 255 x 0.0721


def test_a_picture_is_resized_to_height_and_width(photo):
    small = utils.load_img(photo[0], target_size=(3, 4))
    assert (small.shape, small.dtype) == ((3, 4, 3), np.uint8)
    assert small[1, 0].tolist() == [255, 0, 0]
    assert small[1, 3].tolist() == [0, 0, 255]
    assert utils.load_img(photo[0], grayscale=True, target_size=np.array([12, 2])).shape == (12, 2)


@pytest.mark.parametrize(
    ("mode", "shape", "dtype"),
    [
        ("L", (6, 8), "uint8"),
        ("1", (6, 8), "uint8"),
        ("P", (6, 8, 3), "uint8"),
        ("RGBA", (6, 8, 4), "uint8"),
        ("LA", (6, 8, 4), "uint8"),
        ("I;16", (6, 8), "uint16"),
    ],
)
def test_files_of_every_mode(photo, tmp_path, mode, shape, dtype):
    path = tmp_path / "other.png"
    Image.open(photo[0]).convert("L" if mode == "I;16" else mode).convert(mode).save(path)
    loaded = utils.load_img(path)
    assert (loaded.shape, loaded.dtype) == (shape, dtype)
    assert loaded.max() >= 76  # red in grey; a palette's index would be small
    small = utils.load_img(path, grayscale=True, target_size=(3, 4))
    assert (small.shape, small.dtype) == ((3, 4), dtype)


IMAGE = np.zeros((4, 4, 3))
BAD = {
    "deprocess_input text": (lambda: utils.deprocess_input("a"), TypeError, "input_array"),
    "deprocess_input empty": (lambda: utils.deprocess_input([]), ValueError, "input_array"),
    "deprocess_input no range": (lambda: utils.deprocess_input(IMAGE, None), TypeError, "input_range"),
    "deprocess_input one end": (lambda: utils.deprocess_input(IMAGE, (0,)), TypeError, "input_range"),
    "deprocess_input nan": (lambda: utils.deprocess_input(IMAGE, (0, np.nan)), ValueError, "input_range"),
    "normalize empty": (lambda: utils.normalize([]), ValueError, "array"),
    "normalize to text": (lambda: utils.normalize(IMAGE, "0"), TypeError, "min_value"),
    "overlay alpha": (lambda: utils.overlay(IMAGE, IMAGE, 1.5), ValueError, "alpha"),
    "overlay alpha text": (lambda: utils.overlay(IMAGE, IMAGE, "1"), TypeError, "alpha"),
    "overlay shapes": (lambda: utils.overlay(IMAGE, IMAGE[:2]), ValueError, "array2"),
    "overlay none": (lambda: utils.overlay(None, IMAGE), TypeError, "array1"),
    "bgr2rgb number": (lambda: utils.bgr2rgb(3), ValueError, "img"),
    "stitch_images number": (lambda: utils.stitch_images(3), TypeError, "images"),
    "stitch_images none": (lambda: utils.stitch_images([]), ValueError, "images"),
    "stitch_images sizes": (lambda: utils.stitch_images([IMAGE, IMAGE[:2]]), ValueError, "images"),
    "stitch_images channels": (lambda: utils.stitch_images([IMAGE, IMAGE[..., :2]]), ValueError, "images"),
    "stitch_images grey and RGB": (lambda: utils.stitch_images([IMAGE, IMAGE[..., 0]]), ValueError, "images"),
    "stitch_images signals": (lambda: utils.stitch_images([IMAGE[0, 0]]), ValueError, "images"),
    "stitch_images margin": (lambda: utils.stitch_images([IMAGE], margin=-1), ValueError, "margin"),
    "stitch_images half a margin": (lambda: utils.stitch_images([IMAGE], margin=0.5), TypeError, "margin"),
    "stitch_images cols": (lambda: utils.stitch_images([IMAGE], cols=0), ValueError, "cols"),
    "draw_text batch": (lambda: utils.draw_text(IMAGE[None], "a"), ValueError, "img"),
    "draw_text text": (lambda: utils.draw_text("a", "a"), TypeError, "img"),
    "draw_text position": (lambda: utils.draw_text(IMAGE, "a", position=3), TypeError, "position"),
    "draw_text size": (lambda: utils.draw_text(IMAGE, "a", font_size=0), ValueError, "font_size"),
    "draw_text color": (lambda: utils.draw_text(IMAGE, "a", color=(1, 2)), ValueError, "color"),
    "draw_text color name": (lambda: utils.draw_text(IMAGE, "a", color="red"), TypeError, "color"),
    "load_img number": (lambda: utils.load_img(3), TypeError, "path"),
    "load_img no picture": (lambda: utils.load_img(__file__), ValueError, "path"),
    "load_img size": (lambda: utils.load_img(__file__, target_size=7), TypeError, "target_size"),
    "load_img no size": (lambda: utils.load_img(__file__, target_size=(0, 7)), ValueError, "target_size"),
    "random_array shape": (lambda: utils.random_array((0, 3)), ValueError, "shape"),
    "random_array text": (lambda: utils.random_array("ab"), TypeError, "shape"),
    "random_array mean": (lambda: utils.random_array((3,), mean=np.nan), ValueError, "mean"),
    "get_img_shape list": (lambda: utils.get_img_shape([1]), TypeError, "img"),
    "get_img_shape vector": (lambda: utils.get_img_shape(np.zeros(3)), ValueError, "img"),
    "slicer": (lambda: utils.slicer[3], TypeError, "slicer"),
    "find_layer_idx": (lambda: utils.find_layer_idx(networks.small_cnn(), "nope"), ValueError, "layer"),
    "apply_modifications": (lambda: utils.apply_modifications(None), TypeError, "model"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_argument_is_named_with_what_was_expected_and_what_came(case):
    call, kind, name = BAD[case]
    with pytest.raises(kind, match=rf"^{name}: expected .*received"):
        call()


def test_a_file_that_is_missing_is_named():
    with pytest.raises(FileNotFoundError, match=re.escape("no-such-file.png")):
        utils.load_img("no-such-file.png")


# --- apply_modifications ---------------------------------------------------------------------------------------------


class Scale(keras.Layer):
    """A custom layer with weights that no one registered; Keras writes its config."""

    def __init__(self, factor=2.0, **options):
        super().__init__(**options)
        self.factor = factor

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="random_normal")

    def call(self, x):
        return x * self.scale * self.factor


class Block(keras.Layer):
    """A layer of layers, whose config does not tell what is changed inside."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = layers.Dense(4, activation="relu")
        self.drop = layers.Dropout(0.5)

    def call(self, x):
        return self.drop(self.inner(x))


class Subclassed(keras.Model):
    def __init__(self, units=3, **options):
        super().__init__(**options)
        self.out = layers.Dense(units, activation="softmax")

    def call(self, x):
        return self.out(x)


class WithConfig(Subclassed):
    def get_config(self):
        return {"units": self.out.units, "name": self.name}


def square(x):
    return x * x


def everything():
    """A compiled network with all kinds of layers: nested, used twice, custom, of custom functions, operations."""
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(0)
    normalization = layers.Normalization(name="normalization")
    normalization.adapt(rng.random((10, 6, 6, 3)))
    inner_input = keras.Input((6, 6, 3), name="inner_input")
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(normalization(inner_input))
    nested = keras.Model(inner_input, layers.BatchNormalization()(x), name="nested")
    inputs = keras.Input((6, 6, 3))
    x = ops.concatenate([nested(inputs), nested(inputs * 2.0)], axis=-1)
    x = ops.relu(ops.mean(x[:, 1:], axis=(1, 2)))
    twice = layers.Dense(8, activation=lambda value: value * value, name="twice")
    x = Scale(3.0, name="scale")(twice(twice(x)))
    x = layers.Lambda(lambda value: value + 1, name="lambda")(Block(name="block")(x))
    x = keras.Sequential([layers.Dense(7, activation=square), layers.Dropout(0.5)], name="sequential")(x)
    x = layers.Dense(3, activation="softmax", name="out")(WithConfig(5, name="subclassed")(x))
    model = keras.Model(inputs, x, name="everything")
    # A loss that Keras could not write down must not matter.
    model.compile("adam", loss=lambda truth, guess: ops.mean(truth - guess))
    return model


def wrapped():
    inputs = keras.Input((5, 4))
    x = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(inputs)
    return keras.Model(inputs, layers.TimeDistributed(layers.Dense(2, activation=square))(x), name="wrapped")


def called_sequential():
    model = keras.Sequential([layers.Dense(3, activation="softmax")], name="called")
    model(np.zeros((1, 4)))
    return model


def called_subclass():
    model = WithConfig(2, name="subclass")
    model(np.zeros((1, 4)))
    return model


MODELS = [everything, wrapped, called_sequential, called_subclass, networks.small_sequential, networks.small_cnn]


def answer(model, shape=(2, 4)):
    """What a model makes of random numbers."""
    shape = shape if isinstance(model, Subclassed) else (2, *model.inputs[0].shape[1:])
    return np.asarray(model(np.random.default_rng(1).random(shape).astype("float32")))


@pytest.mark.parametrize("make", MODELS)
def test_the_copy_is_the_same_model(make):
    model = make()
    copy = utils.apply_modifications(model)
    assert (copy.name, isinstance(copy, keras.Sequential)) == (model.name, isinstance(model, keras.Sequential))
    assert [layer.name for layer in copy._flatten_layers()] == [layer.name for layer in model._flatten_layers()]
    assert [type(layer) for layer in copy.layers] == [type(layer) for layer in model.layers]
    assert not {id(weight) for weight in copy.weights} & {id(weight) for weight in model.weights}
    np.testing.assert_array_equal(answer(copy), answer(model))


@pytest.mark.parametrize("make", MODELS)
def test_the_user_s_model_and_the_global_state_stay_as_they_are(make):
    model = make()
    weights, config = model.get_weights(), [layer.name for layer in model._flatten_layers()]
    uses = [len(layer._inbound_nodes) for layer in model._flatten_layers()]
    before = answer(model)
    name = layers.Dense(1).name
    states = random.getstate(), np.random.get_state()[1].tobytes()
    copy = utils.apply_modifications(model)
    for variable in copy.weights:
        variable.assign(variable + 1.0)
    assert random.getstate() == states[0]
    assert np.random.get_state()[1].tobytes() == states[1]
    if make not in {everything, called_subclass}:  # layers of layers name what they make inside
        number = int(name.rpartition("_")[2]) if "_" in name else 0
        assert layers.Dense(1).name == f"dense_{number + 1}"
    assert [layer.name for layer in model._flatten_layers()] == config
    assert [len(layer._inbound_nodes) for layer in model._flatten_layers()] == uses
    for now, then in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, then)
    np.testing.assert_array_equal(answer(model), before)


def test_a_changed_activation_is_in_the_copy():
    model = networks.small_cnn(softmax=True)
    assert answer(model).sum(-1) == pytest.approx(1)
    model.get_layer("out").activation = keras.activations.linear
    copy = utils.apply_modifications(model)
    kernel, bias = model.get_layer("out").get_weights()
    flat = keras.Model(copy.input, copy.get_layer("flatten").output)
    np.testing.assert_allclose(answer(copy), answer(flat) @ kernel + bias, rtol=1e-4)
    model.get_layer("out").activation = keras.activations.softmax
    assert answer(copy).sum(-1) != pytest.approx(1)  # the copy is on its own


@pytest.mark.parametrize(
    "find",
    [
        lambda model: model.get_layer("nested").get_layer("conv"),
        lambda model: model.get_layer("sequential").layers[0],
        lambda model: model.get_layer("twice"),
        lambda model: model.get_layer("block").inner,
        lambda model: model.get_layer("subclassed").out,
    ],
)
@pytest.mark.parametrize("activation", [keras.activations.tanh, lambda value: value - 0.5])
def test_a_change_deep_inside_is_in_the_copy(find, activation):
    model = everything()
    before = utils.apply_modifications(model)
    find(model).activation = activation
    copy = utils.apply_modifications(model)
    assert find(copy).activation is activation
    np.testing.assert_array_equal(answer(copy), answer(model))
    assert np.abs(answer(copy) - answer(before)).max() > 1e-6


def test_several_inputs_and_outputs_keep_their_structure():
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    model = keras.Model({"a": a, "b": b}, {"x": layers.Dense(2)(a), "y": layers.Dense(1)(b)})
    data = {"a": np.ones((1, 3)), "b": np.ones((1, 2))}
    ours, theirs = utils.apply_modifications(model)(data), model(data)
    assert ours.keys() == theirs.keys()
    np.testing.assert_array_equal(ours["x"], theirs["x"])


def test_mixed_precision_is_kept():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, dtype="mixed_float16")])
    assert utils.apply_modifications(model).layers[0].dtype_policy.name == "mixed_float16"


class Holder(keras.Layer):
    """Its config names a function that only custom_objects can tell."""

    def __init__(self, name_of_function="cubed", **options):
        super().__init__(**options)
        self.name_of_function = name_of_function
        self.function = keras.saving.get_registered_object(name_of_function).__call__

    def call(self, x):
        return x


def test_custom_objects_are_known_while_the_copy_is_made():
    with keras.saving.custom_object_scope({"cubed": square}):
        inputs = keras.Input((3,))
        model = keras.Model(inputs, Holder(name="holder")(inputs))
    with pytest.raises(ValueError, match=r"model: expected layers that can be copied .*'holder'.*custom_objects"):
        utils.apply_modifications(model)
    assert utils.apply_modifications(model, {"cubed": square}).get_layer("holder").name_of_function == "cubed"
    assert "cubed" not in keras.saving.get_custom_objects()


class Unclear(keras.Layer):
    """Keras cannot write down how it was made."""

    def __init__(self, lock, **options):
        super().__init__(**options)
        self.lock = lock

    def call(self, x):
        return x


@pytest.mark.parametrize("make", [lambda: Unclear(threading.Lock(), name="odd"), lambda: Subclassed(4, name="odd")])
def test_what_cannot_be_copied_is_named(make):
    inputs = keras.Input((3,))
    model = keras.Sequential([inputs, keras.Model(inputs, make()(inputs))])
    state = random.getstate()
    with pytest.raises(ValueError, match=r"model: expected layers that can be copied .*received 'odd'.*get_config"):
        utils.apply_modifications(model)
    assert random.getstate() == state


def test_nothing_is_written_to_disk(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a file is opened")

    model = everything()
    for target in ("builtins.open", "tempfile.mkstemp", "tempfile.mkdtemp", "os.open", "h5py.File"):
        monkeypatch.setattr(target, refuse)
    utils.apply_modifications(model)


@pytest.mark.filterwarnings("ignore:.*HDF5 file:UserWarning", "ignore:.*`lambda`:UserWarning")
@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_a_lambda_that_was_read_from_a_file_is_copied(ending, tmp_path):
    scaled = layers.Lambda(lambda x: x / 255, output_shape=lambda shape: shape)
    made = keras.Sequential([keras.Input((4, 4, 3)), scaled, layers.Flatten(), layers.Dense(3, activation="softmax")])
    made.save(tmp_path / f"model.{ending}")
    model = keras.saving.load_model(tmp_path / f"model.{ending}", safe_mode=False, compile=False)
    model.layers[-1].activation = keras.activations.linear
    for each in (model, made):
        np.testing.assert_array_equal(answer(utils.apply_modifications(each)), answer(each))
