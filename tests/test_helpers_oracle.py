"""keras-vis's helper functions, replayed: the 153 pairs of arguments and results in ``tests/oracle/utils``.

The format is told in ``../shared/oracle/FORMAT.md``, section utils.json, of which the data is a copy. Where an entry
stands in ``DEPARTURES`` keras-vis is departed from on purpose, and a test of its own shows what happens instead.
"""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from actmax_widget import grad_modifiers, input_modifiers, regularizers, utils

FOLDER = Path(__file__).parent / "oracle" / "utils"
ENTRIES = json.loads((FOLDER / "utils.json").read_text(encoding="utf-8"))["entries"]
with np.load(FOLDER / "utils.npz") as file:
    ARRAYS = dict(file)

DEPARTURES = {
    "deprocess_input takes integers": [8],
    "stitch_images of no pictures is an error, not None": [15],
    "stitch_images takes grey pictures (height, width)": [17],
    "listify makes lists of tuples and arrays, so that they work as filter indices": [66, 69],
    "grad_modifiers.relu leaves its argument alone": [83],
    "grad_modifiers.get says TypeError of what is neither a name nor a function": [87],
    "grad_modifiers.get(None) changes nothing": [88],
    "TotalVariation's gradient is 0, not NaN, where neighbours are equal": [135],
    "LPNorm's gradient is 0, not NaN, at a zero picture": [136, 138],
    "LPNorm with p=inf is the largest absolute value": [106, 133, 139],
    "Jitter is a true roll": [144, 145, 146, 147, 148, 149, 151],
}
DEPARTING = {index: name for name, indices in DEPARTURES.items() for index in indices}

FILTERS = {
    "input": 3,
    "block1_conv1": 8,
    "block1_conv2": 8,
    "block1_pool": 8,
    "block2_conv1": 12,
    "block2_conv2": 12,
    "block2_pool": 12,
    "block3_conv1": 16,
    "block3_conv2": 16,
    "gap": 16,
    "preds": 5,
}
"""Names and filters of the layers of the recorded model; what the layers compute does not matter here."""


@pytest.fixture(scope="module")
def model():
    x = inputs = keras.Input((4, 4, 3), name="input")
    for name, filters in list(FILTERS.items())[1:-2]:
        x = keras.layers.Conv2D(filters, 1, name=name)(x)
    x = keras.layers.GlobalAveragePooling2D(name="gap")(x)
    return keras.Model(inputs, keras.layers.Dense(FILTERS["preds"], name="preds")(x))


# --- reading ---------------------------------------------------------------------------------------------------------


def decoded(value):
    """A recorded value as it was in Python; slices and Ellipsis are their repr."""
    if "array" in value:
        return ARRAYS[value["array"]].copy()
    for kind, make in (("list", list), ("tuple", tuple)):
        if kind in value:
            return make(decoded(entry) for entry in value[kind])
    if "dict" in value:
        return {key: decoded(entry) for key, entry in value["dict"].items()}
    if "numpy_scalar" in value:
        return np.dtype(value["dtype"]).type(value["numpy_scalar"])
    if "repr" in value:
        return value["repr"]
    return float(value["value"]) if value["type"] == "float" else value["value"]


def arguments(entry):
    return [decoded(arg) for arg in entry["args"]], {name: decoded(arg) for name, arg in entry["kwargs"].items()}


# --- calling ---------------------------------------------------------------------------------------------------------


def regularizer(kind):
    def call(value, **kwargs):
        inp = keras.Input(value.shape[1:])
        loss = kind(inp, **kwargs)
        graph = keras.Model(inp, loss.build_loss())
        tensor = tf.constant(value)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            total = loss.joint(graph(tensor))  # keras-vis has one number for all pictures
        return {"name": loss.name, "value": total.numpy(), "grad": tape.gradient(total, tensor).numpy()}

    return call


def jitter_pre(image, jitter, offsets):
    """Jitter with the recorded offsets in place of random ones, and what it asked the random state for."""
    asked, left = [], list(offsets)

    def randint(low, high):
        asked.append([int(low), int(high)])
        return left.pop(0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np.random, "randint", randint)
        out = input_modifiers.Jitter(jitter).pre(image)
    return {"out": out, "randint_calls": asked}


def slices(i):
    picked = utils.slicer[:, i, ...] if not slices.called else utils.slicer[:, i, 1:, :-1]
    slices.called = True
    return tuple(repr(part) if isinstance(part, slice) or part is ... else part for part in picked)


slices.called = False

SPECIAL = {
    "visualization.overlay": utils.overlay,
    "utils.reverse_enumerate": lambda text: list(utils.reverse_enumerate(text)),
    "utils.add_defaults_to_kwargs": lambda defaults, kwargs: utils.add_defaults_to_kwargs(defaults, **kwargs),
    "utils.slicer": slices,
    "grad_modifiers.get": lambda name: grad_modifiers.get(name).__name__,
    "regularizers.TotalVariation": regularizer(regularizers.TotalVariation),
    "regularizers.LPNorm": regularizer(regularizers.LPNorm),
    "input_modifiers.Jitter": input_modifiers.Jitter,
    "input_modifiers.Jitter.pre": jitter_pre,
}


def function(entry, model):
    name = entry["fn"]
    if name == "utils.find_layer_idx":
        return lambda _, layer: utils.find_layer_idx(model, layer)
    if name == "visualization.get_num_filters":
        return lambda _, layer: utils.get_num_filters(model.get_layer(layer))
    module, _, attribute = name.partition(".")
    return SPECIAL.get(name) or getattr({"utils": utils, "grad_modifiers": grad_modifiers}[module], attribute)


def run(index, model):
    """What our function makes of the arguments of an entry, and what keras-vis made of them."""
    entry = ENTRIES[index]
    args, kwargs = arguments(entry)
    if "numpy_random_seed" in entry:
        np.random.seed(entry["numpy_random_seed"])
    result = function(entry, model)(*args, **kwargs)
    before = arguments(entry)[0]
    for position, (left, right) in enumerate(zip(args, before, strict=True)):
        assert same(left, right), f"argument {position} was changed"
    return result, decoded(entry["out"])


def same(ours, theirs, rtol=0.0):
    """Equal in type, shape, dtype and value."""
    if isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key], rtol) for key in theirs)
    if isinstance(theirs, list | tuple):
        return type(ours) is type(theirs) and len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, np.ndarray | np.generic):
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            return False
        if not np.array_equal(np.isnan(ours), np.isnan(theirs)):
            return False
        # Not the largest value: keras-vis's 1 / gradient reaches 1e7, which would hide all others.
        return np.allclose(ours, theirs, rtol, rtol * np.nanmedian(np.abs(theirs)), equal_nan=True)
    return type(ours) is type(theirs) and ours == theirs


# --- the tests -------------------------------------------------------------------------------------------------------

TOLERANCE = 1e-5
"""Float noise, relative to a value or to the median of its array; integers must be equal."""


def label(index):
    return f"{index}-{ENTRIES[index]['fn']}"


@pytest.mark.parametrize("index", [i for i in range(len(ENTRIES)) if i not in DEPARTING], ids=label)
def test_a_recorded_call_gives_the_recorded_result(index, model):
    entry = ENTRIES[index]
    if "raises" in entry:
        args, kwargs = arguments(entry)
        kind = {"ValueError": ValueError}[entry["raises"]["type"]]
        with pytest.raises(kind, match=r": expected .*received"):
            function(entry, model)(*args, **kwargs)
        return
    ours, theirs = run(index, model)
    integers = isinstance(theirs, np.ndarray) and theirs.dtype.kind == "u"
    assert same(ours, theirs, 0 if integers else TOLERANCE)


def test_every_departure_is_shown_by_a_test():
    assert set(SHOWN) == set(DEPARTURES)


@pytest.mark.parametrize("name", DEPARTURES)
def test_a_departure_differs_only_as_it_says(name, model):
    for index in DEPARTURES[name]:
        SHOWN[name](index, model)


def call(index, model=None):
    args, kwargs = arguments(ENTRIES[index])
    return function(ENTRIES[index], model)(*args, **kwargs)


def show_integers_are_deprocessed(index, model):
    array = arguments(ENTRIES[index])[0][0]
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(call(index), utils.deprocess_input(array.astype(np.float64)))


def show_no_pictures_are_refused(index, model):
    assert decoded(ENTRIES[index]["out"]) is None
    with pytest.raises(ValueError, match="images: expected at least one picture"):
        call(index)


def show_grey_pictures_are_stitched(index, model):
    pictures = arguments(ENTRIES[index])[0][0]
    np.testing.assert_array_equal(
        call(index), utils.stitch_images([picture[..., None] for picture in pictures])[..., 0]
    )


def show_sequences_become_lists(index, model):
    assert call(index) == list(arguments(ENTRIES[index])[0][0])
    assert len(decoded(ENTRIES[index]["out"])) == 1


def show_the_argument_stays(index, model):
    assert ENTRIES[index]["mutates_args"] == [0]
    assert same(*run(index, model))  # run checks that the argument did not change


def show_a_type_error(index, model):
    with pytest.raises(TypeError, match="grad_modifier: expected"):
        call(index)


def show_nothing_is_modified(index, model):
    assert call(index) == "identity"


def show_the_gradient_is_zero(index, model):
    ours, theirs = run(index, model)
    assert np.isnan(theirs["grad"]).any()
    assert not ours["grad"].any()
    assert same({**ours, "grad": None}, {**theirs, "grad": None}, TOLERANCE)


def show_the_largest_magnitude_counts(index, model):
    ours, theirs = run(index, model)
    picture = arguments(ENTRIES[index])[0][0]
    largest = np.abs(picture).max()
    assert ours["name"] == theirs["name"] == "L-inf Norm Loss"
    assert ours["value"] == pytest.approx(largest / picture[0].size)
    assert largest > picture.max() or not picture.any()
    # All of the gradient is where the magnitude is largest, with its sign; there is none at a zero picture.
    wanted = np.where(np.abs(picture) == largest, np.sign(picture), 0) / picture[0].size
    np.testing.assert_allclose(ours["grad"], wanted, rtol=1e-6)


def show_the_roll_is_true(index, model):
    ours, theirs = run(index, model)
    picture, _, offsets = arguments(ENTRIES[index])[0]
    assert ours["randint_calls"] == theirs["randint_calls"]
    np.testing.assert_array_equal(ours["out"], np.roll(picture, offsets, range(1, 1 + len(offsets))))
    assert not np.array_equal(np.sort(theirs["out"], axis=None), np.sort(picture, axis=None)), "a row is lost there"


SHOWN = dict(
    zip(
        DEPARTURES,
        [
            show_integers_are_deprocessed,
            show_no_pictures_are_refused,
            show_grey_pictures_are_stitched,
            show_sequences_become_lists,
            show_the_argument_stays,
            show_a_type_error,
            show_nothing_is_modified,
            show_the_gradient_is_zero,
            show_the_gradient_is_zero,
            show_the_largest_magnitude_counts,
            show_the_roll_is_true,
        ],
        strict=True,
    )
)
