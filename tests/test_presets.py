"""The recipes, on networks that nobody made for them."""

import itertools
import pathlib
import re

import keras
import numpy as np
import pytest
from keras import layers

import actmax_widget as am
from actmax_widget import losses, parametrizations, presets, regularizers, transforms
from actmax_widget.settings import PRESETS
from tests.soaking import part


@pytest.fixture(scope="module")
def ordinary():
    """An ordinary classifier, with logits of 10: which quarter of a picture is bright."""
    keras.utils.set_random_seed(0)
    random = np.random.RandomState(0)
    classes = random.randint(0, 4, 800)
    pictures = random.rand(800, 24, 24, 3).astype("float32") * 80
    for picture, quarter in zip(pictures, classes, strict=True):
        row, column = divmod(int(quarter), 2)
        picture[row * 12 + 2 : row * 12 + 10, column * 12 + 2 : column * 12 + 10] += 150
    start = [keras.Input((24, 24, 3)), layers.Rescaling(1 / 255), layers.Conv2D(16, 3), layers.BatchNormalization()]
    middle = [layers.ReLU(), layers.MaxPooling2D(), layers.Conv2D(16, 3, activation="relu", name="conv2")]
    model = keras.Sequential([*start, *middle, layers.Flatten(), layers.Dense(4, name="logits")])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    assert model.fit(pictures, classes, epochs=8, verbose=0).history["accuracy"][-1] > 0.98
    return model


def scaled(model, low, high):
    """The same network for pictures of another range."""
    inputs = keras.Input(model.input_shape[1:])
    return keras.Model(inputs, model((inputs - low) * (255 / (high - low))))


def logits(model, image):
    return keras.ops.convert_to_numpy(model(image[None]))[0]  # predict() would compile one more function


@pytest.mark.parametrize("preset", ["natural", "quick", "fourier"])
def test_an_ordinary_classifier_reads_each_class_in_its_picture(ordinary, preset):
    for quarter in range(4):
        image = am.visualize(ordinary, "logits", quarter, preset=preset, seed=0).image
        assert logits(ordinary, np.clip(image, 0, 255).round()).argmax() == quarter
        assert image.std() > 20  # not grey


@pytest.mark.parametrize("ends", [(0, 1), (-1, 1)])
def test_the_input_range_makes_no_difference_but_of_scale(ordinary, ends):
    low, high = ends
    plain = am.visualize(ordinary, "logits", 2, seed=0, max_iter=40).image
    other = am.visualize(scaled(ordinary, low, high), -1, 2, seed=0, max_iter=40, input_range=ends).image
    np.testing.assert_allclose((other - low) * (255 / (high - low)), plain, atol=2)


@pytest.mark.parametrize("factor", [0.1, 1e3, 1e5])
def test_logits_of_any_size_give_the_same_picture(ordinary, factor):
    inputs = keras.Input(ordinary.input_shape[1:])
    louder = keras.Model(inputs, layers.Rescaling(factor, name="louder")(ordinary(inputs)))
    plain, other = (
        am.visualize(*one, 2, seed=0, max_iter=40).image for one in ((ordinary, "logits"), (louder, "louder"))
    )
    np.testing.assert_allclose(other, plain, atol=2)


def test_the_temperature_is_in_deviations_of_the_logits_and_live(ordinary):
    low, high = (am.visualize(ordinary, "logits", 2, seed=0, max_iter=40, temperature=one).image for one in (0.02, 10))
    assert np.abs(high - low).max() > 5


def test_a_regression_goes_up_and_down():
    model = am.demo.apples()
    up, none, down = (
        am.visualize(model, "count", 0, seed=0, max_iter=steps, act_max_weight=weight).image
        for steps, weight in ((256, 1), (1, 1), (256, -1))
    )
    assert logits(model, up)[0] > logits(model, none)[0] + 4
    assert logits(model, down)[0] < logits(model, none)[0]


def test_the_widget_begins_with_natural_and_makes_the_same_picture(ordinary):
    widget = am.ActMaxWidget(ordinary, filter_indices=1, seed=0)
    assert (widget.preset, widget.max_iter, widget.parametrization.name) == ("natural", 256, "Fourier")
    widget.start()
    assert widget.wait(120)
    made = am.visualize(ordinary, "logits", 1, seed=0)
    np.testing.assert_allclose(widget.history["total"], made.history["total"], rtol=1e-4)
    np.testing.assert_allclose(widget.image, made.image, atol=0.5)
    widget.close()


def test_a_sigmoid_goes_up_and_down():
    keras.utils.set_random_seed(1)
    random = np.random.RandomState(1)
    bright = random.randint(0, 2, 400)
    pictures = (random.rand(400, 16, 16, 1) * 100 + 100 * bright[:, None, None, None]).astype("float32")
    start = [keras.Input((16, 16, 1)), layers.Rescaling(1 / 255), layers.Conv2D(8, 3, activation="relu")]
    model = keras.Sequential([*start, layers.GlobalAveragePooling2D(), layers.Dense(1, "sigmoid", name="bright")])
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")
    model.fit(pictures, bright, epochs=20, verbose=0)
    up = am.visualize(model, "bright", 0, seed=0).image
    down = am.visualize(model, "bright", 0, seed=0, act_max_weight=-1).image
    assert logits(model, up)[0] > 0.9
    assert logits(model, down)[0] < 0.1


NAMES, SHAPES = (*PRESETS,), ((9, 11, 1), (31, 17, 4), (13, 13, 13), (67, 71, 3), (40, 2), (6, 7, 8, 1))


def some(preset, shape):
    """All of the recipe by default, of the others each shape with one or two."""
    return preset == "natural" or (NAMES.index(preset) + SHAPES.index(shape)) % 3 == 0


@pytest.mark.parametrize(("preset", "shape"), part(itertools.product(NAMES, SHAPES), some))
def test_any_input_has_a_recipe(preset, shape):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(3, name="out")])
    first, last = (am.visualize(model, "out", 1, preset=preset, seed=0, max_iter=n) for n in (1, 30))
    assert last.image.shape in {shape, (*shape, 1)}  # in (40, 2) nothing tells steps from channels
    assert np.isfinite(last.image).all()
    assert len(last.history) == 30
    if preset in {"natural", "quick"}:  # keras-vis's weights and MACO's fixed spectrum are not for any network
        assert logits(model, last.image.reshape(shape))[1] > logits(model, first.image.reshape(shape))[1]


def test_explicit_parts_replace_those_of_the_preset(ordinary):
    part, view = parametrizations.Phase(), [transforms.Jitter(2)]
    given = presets.with_preset(
        {"preset": "natural", "parametrization": part, "transforms": view, "max_iter": 7},
        am.view.widget.Settings(layer="logits"),
        am.view.widget.Network(ordinary),
    )
    assert (given["parametrization"], given["transforms"], given["max_iter"]) == (part, view, 7)
    assert given["optimizer"].name == "Adam"


def test_an_objective_brings_no_terms_of_the_preset_with_it(ordinary):
    objective = losses.ActivationMaximization("conv2", 3) + 0.5 * regularizers.TotalVariation()
    result = am.visualize(ordinary, objective, seed=0, max_iter=3)
    assert result.history.names == ("ActivationMax Loss", "TV(2.0) Loss")
    widget = am.ActMaxWidget(ordinary, objective=objective)
    assert (widget.tv_weight, widget.parametrization.name) == (0.5, "Fourier")
    widget.preset = "keras-vis"
    assert (widget.tv_weight, widget.parametrization.name) == (0.5, "Pixels")
    widget.close()


def test_each_preset_says_what_it_is_as_the_readme_does():
    assert PRESETS.keys() == presets.BUILT_IN.keys()
    readme = re.sub(r"</?sub>", "", (pathlib.Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8"))
    for name, sentence in PRESETS.items():
        assert f'`"{name}"` | {sentence} |'.replace("| natural with", '| `"natural"` with') in readme
        assert sentence in am.ActMaxWidget.__doc__.replace("\n" + 12 * " ", " ")


def changed(widget):
    """The values that are not those to go back to."""
    present = {**dict(widget.knobs), **{name: getattr(widget, name) for name in widget.trait_names()}}
    parts = widget.parts
    named = {"preprocess": getattr(widget.preprocess, "__name__", widget.preprocess)}
    return {name for name, value in widget.defaults.items() if {**present, **named, **parts}[name] != value}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_widget_goes_back_to_what_its_preset_is_on_its_input(ordinary, preset):
    widget = am.ActMaxWidget(ordinary, preset=preset, input_range=(0, 200), filter_indices=2)
    assert changed(widget) == set()
    before = dict(widget.knobs), widget.transforms, widget.parametrization, widget.optimizer
    widget.tv_weight, widget.learning_rate, widget.max_iter, widget.seed = 77, 3.5, 9, 8
    widget.input_range, widget.grad_modifier = (0, 255), "relu"
    address = next(one for one in widget.knobs if "Jitter" in one or "Crops" in one or "Noise" in one)
    widget.knobs[address] = 0.3
    wanted = {"tv_weight", "learning_rate", "max_iter", "seed", "input_range", "grad_modifier"}
    assert wanted < changed(widget)
    assert widget.defaults["input_range"] == (0, 200)  # not the declared one: the network is fed by it
    target = widget._run.settings.target()
    widget.restore_defaults()
    assert changed(widget) == set()
    assert (dict(widget.knobs), widget.transforms, widget.parametrization, widget.optimizer) == before
    assert widget._run.settings.target() == target  # nothing begins afresh
    widget.close()


def test_parts_that_were_chosen_go_with_all_defaults_and_an_objective_stays(ordinary):
    objective = losses.ActivationMaximization("conv2", 3) - 0.5 * losses.ActivationMaximization("conv2", 4)
    widget = am.ActMaxWidget(ordinary, objective=objective, transforms=[transforms.Rotate(3)], optimizer="sgd")
    assert {"optimizer", "transforms"} <= changed(widget)
    widget.act_max_weight, widget.knobs["ActivationMax Loss conv2 4.weight"] = 5, 2
    assert {"act_max_weight", "ActivationMax Loss conv2 4.weight"} <= changed(widget)
    widget.restore_defaults()
    assert changed(widget) == set()
    assert (widget.act_max_weight, widget.knobs["ActivationMax Loss conv2 4.weight"]) == (1, -0.5)
    assert (widget.objective, widget.optimizer.name) == (objective, "Adam")
    assert [one.name for one in widget.transforms] == ["Scale", "Rotate", "Jitter", "Noise"]
    widget.close()


def test_the_page_asks_for_all_defaults_and_gives_a_function_back_by_its_name(ordinary):
    def halved(image):
        return image / 2

    widget = am.ActMaxWidget(ordinary, preprocess=halved)
    assert widget.defaults["preprocess"] == "halved"
    widget.set_state({"preprocess": "tf"})
    assert widget.preprocess == "tf"
    widget.set_state({"preprocess": "halved"})
    assert widget.preprocess is halved
    widget.tv_weight = 3
    widget._handle_custom_msg({"type": "restore_defaults"}, [])
    assert (widget.tv_weight, changed(widget), widget.error) == (0, set(), "")
    widget.close()


def test_a_preset_of_another_name_is_refused(ordinary):
    with pytest.raises(ValueError, match=r"^preset: expected one of natural, quick.*'natrual'"):
        am.visualize(ordinary, "logits", 1, preset="natrual")


STARTS = ((28, 28, 1), *SHAPES[1:4])


@pytest.mark.parametrize(
    ("preset", "shape"),
    part(
        itertools.product(NAMES, STARTS),
        lambda preset, shape: preset == "natural" or shape == STARTS[NAMES.index(preset) - 1],
    ),
)
def test_a_run_begins_with_its_starting_picture(preset, shape):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(3, name="out")])
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    picture = (128 + 90 * np.sin(rows / 5) * np.cos(columns / 7))[..., None] * np.ones(shape[-1])
    first = am.visualize(model, "out", 1, preset=preset, seed=0, seed_input=picture.astype("float32"), max_iter=1)
    np.testing.assert_allclose(first.image, picture, atol=2.5)


@pytest.mark.parametrize("preset", presets.BUILT_IN)
def test_numbers_in_a_row_are_an_input(preset):
    model = keras.Sequential([keras.Input((12,)), layers.Dense(3, name="o")])
    assert am.visualize(model, "o", 1, preset=preset, max_iter=2).image.shape[0] == 12


def test_a_recipe_that_differs_in_numbers_alone_goes_on(ordinary):
    widget = am.ActMaxWidget(ordinary, "logits", max_iter=256)
    widget.step(3)
    widget.preset = "quick"
    widget.step(2)
    assert widget.iteration == 5
    widget.close()
