import contextlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import actmax_widget as am
from actmax_widget.engine.step import Step
from actmax_widget.live.run import Run
from actmax_widget.losses import ActivationMaximization, Loss
from actmax_widget.network import Network
from actmax_widget.optimizer import Optimizer
from actmax_widget.regularizers import TotalVariation
from actmax_widget.settings import Settings
from actmax_widget.visualization import visualize_activation_with_losses
from tests.networks import exploding, partly_exploding, small_cnn


class Whole(layers.Layer):
    """A layer of a user's own that makes whole numbers of what it gets."""

    def call(self, x):
        return tf.cast(tf.cast(x, "int32"), x.dtype)


def cut(work, size=6):
    """A network in which something stands between a convolution and the end."""
    inputs = keras.Input((size, size, 3), name="picture")
    x = work(layers.Conv2D(2, 3, name="conv")(inputs))
    return keras.Model(inputs, layers.Dense(3, name="out")(layers.Flatten()(x)), name="cut")


def of_bytes():
    pixels = keras.Input((8, 8, 3), dtype="uint8", name="pixels")
    x = layers.Conv2D(4, 3, activation="tanh")(layers.Rescaling(1 / 255)(pixels))
    return keras.Model(pixels, layers.Dense(2, name="out")(layers.GlobalAveragePooling2D()(x)))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.whole, self.out = Whole(name="whole"), layers.Dense(3, name="out")

    def call(self, inputs):
        return self.out(ops.mean(self.whole(inputs), (1, 2)))


def subclassed():
    model = Subclassed()
    model(np.zeros((1, 6, 6, 3), "float32"))
    return model


WITHOUT = {
    "bytes": (of_bytes, "to the input 'pixels', received None.* takes uint8, .*keras.Input((8, 8, 3))"),
    "int64": (lambda: keras.Sequential([keras.Input((4, 4, 1), dtype="int64"), layers.Dense(2)]), "takes int64"),
    "rounding": (lambda: cut(ops.round), "of the kind Round"),
    "stop_gradient": (lambda: cut(ops.stop_gradient), "of the kind StopGradient"),
    "comparing": (lambda: cut(lambda x: ops.cast(x > 0, "float32")), "of the kind Greater"),
    "argmax": (lambda: cut(lambda x: ops.cast(ops.argmax(x, -1, keepdims=True), "float32")), "to the input 'picture'"),
    "a layer": (lambda: cut(Whole(name="whole")), "in the layer 'whole' (Cast)"),
    "no known gradient": (
        lambda: cut(lambda x: ops.cast(layers.Discretization([0.0, 1.0], name="steps")(x), "float32")),
        "in the layer 'steps' (Bucketize)",
    ),
    "nested": (
        lambda: keras.Sequential([keras.Input((6, 6, 3)), cut(Whole(name="whole")), layers.Dense(2)]),
        "in the layer 'whole' (Cast)",
    ),
    "subclassed": (subclassed, "in the layer 'whole' (Cast)"),
}


def pattern(sentence):
    return r"^model: expected a gradient from .*" + re.escape(sentence).replace(r"\.\*", ".*")


@pytest.mark.parametrize(("make", "sentence"), WITHOUT.values(), ids=WITHOUT)
def test_an_input_that_no_gradient_reaches_is_refused(make, sentence):
    model = make()
    with pytest.raises(ValueError, match=pattern(sentence)):
        am.visualize_activation(model, -1, 1, max_iter=3)
    with pytest.raises(ValueError, match=pattern(sentence)):
        am.visualize_layer(model, -1, [0, 1], max_iter=3, progress=False)
    widget = am.ActMaxWidget(model, preset="keras-vis", max_iter=3)
    widget.start()
    assert widget.wait(60)
    # What the start measures stands in the table: that is all there will be.
    assert (widget.status, widget.iteration, len(widget.history)) == ("failed", 1, 1)
    assert re.search(pattern(sentence)[1:], widget.error)
    widget.visualize_layer()
    assert widget.wait(60)
    tiles = widget._run.facts().tiles
    assert (widget.status, tiles.status, tiles.begun) == ("failed", "failed", 0)
    assert re.search(pattern(sentence)[1:], tiles.error)
    assert widget.error == tiles.error


def test_guided_too():
    with pytest.raises(ValueError, match=pattern("in the layer 'whole' (Cast)")):
        am.visualize_activation(cut(Whole(name="whole")), -1, 1, backprop_modifier="guided")


def text():
    return keras.Sequential(
        [
            keras.Input((20,), name="words"),
            layers.Embedding(50, 8, name="embedding"),
            layers.Conv1D(4, 3, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(2, name="out"),
        ]
    )


def test_text_has_no_gradient_before_the_embedding_and_has_one_behind_it():
    model = text()
    for call in (am.visualize_activation, am.visualize_layer):
        with pytest.raises(ValueError, match=pattern("to the input 'words', .* in the layer 'embedding'")):
            call(model, "out", 1, input_range=(0, 49))
    losses = [(ActivationMaximization(model.get_layer("out"), 1), 1)]
    with pytest.raises(ValueError, match=pattern("in the layer 'embedding'")):
        visualize_activation_with_losses(model.inputs[0], losses)
    embedded = model.get_layer("embedding").output
    _, grads, _ = Optimizer(model.inputs[0], losses, (0, 49), embedded).minimize(max_iter=1, verbose=False)
    assert grads.shape == (1, 20, 8)
    assert grads.any()


def test_the_way_out_for_bytes_works():
    model = of_bytes()
    with pytest.raises(ValueError, match="takes uint8") as told:
        am.visualize_activation(model, "out", 1)
    code = str(told.value).partition("float input: ")[2].rstrip(".")
    names = {"keras": keras, "model": model}
    exec(code, names)  # noqa: S102 - what the sentence says
    picture = np.random.default_rng(0).integers(0, 255, (1, 8, 8, 3)).astype("uint8")
    np.testing.assert_array_equal(names["copy"](picture.astype("float32")), model(picture))
    one, two = (am.visualize_activation(names["copy"], "out", 1, max_iter=n, seed=0, clip=True) for n in (1, 9))
    assert (one != two).any()


def test_a_tensor_that_the_losses_are_not_computed_from_is_refused():
    model = small_cnn()
    with pytest.raises(ValueError, match=r"^wrt_tensor: expected a tensor that filter 0 of conv1 is computed from"):
        am.visualize_activation(model, "conv1", 0, wrt_tensor=model.get_layer("conv2").output)


def test_what_has_no_activation_is_legal():
    model = small_cnn()
    for weights in ({"act_max_weight": 0}, {"act_max_weight": None, "lp_norm_weight": 0}):
        am.visualize_activation(model, "out", 0, max_iter=3, **weights)
        am.visualize_layer(model, "out", [0, 1], max_iter=3, progress=False, **weights)
    visualize_activation_with_losses(model.inputs[0], [(TotalVariation(model.inputs[0]), 1)], max_iter=3)
    widget = am.ActMaxWidget(model, preset="keras-vis", act_max_weight=0, max_iter=3)
    widget.start()
    assert widget.wait(60)
    assert widget.message.startswith("Finished 3 iterations.")


def test_one_loss_without_a_gradient_does_not_matter_beside_another():
    class Constant(Loss):
        name = "Constant"

        def build_loss(self):
            return ops.sum(ops.stop_gradient(model.outputs[0]))

    model = small_cnn()
    losses = [(Constant(), 1), (ActivationMaximization(model.get_layer("out"), 1), 1)]
    image = visualize_activation_with_losses(model.inputs[0], losses, max_iter=3)
    assert image.shape == (12, 12, 1)
    with pytest.raises(ValueError, match=pattern("Constant to the input 'picture'")):
        visualize_activation_with_losses(model.inputs[0], losses[:1], max_iter=3)


# --- silence ---------------------------------------------------------------------------------------------------------


def squeeze(*, dead=(), dtype="float32"):
    """A network of SqueezeNet's kind: a fire module, whose ReLU makes some units dead, and a classifier."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(6, 3, activation="relu", name="squeeze", dtype=dtype)(x)
    left = layers.Conv2D(4, 1, activation="relu", name="left", dtype=dtype)(x)
    right = layers.Conv2D(4, 3, activation="relu", padding="same", name="right", dtype=dtype)(x)
    x = layers.Concatenate(name="fire_concat")([left, right])
    outputs = layers.Dense(3, name="out", dtype=dtype)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, outputs)
    for layer in ("squeeze", "left", "right"):
        model.get_layer(layer).bias.assign(np.full(model.get_layer(layer).bias.shape, 2.0))
    bias = np.full(4, 2.0)
    bias[[index - 4 for index in dead]] = -1e3
    model.get_layer("right").bias.assign(bias)
    return model


@pytest.fixture(scope="module")
def dying():
    return squeeze(dead=[5, 7])


SENTENCE = "No gradient reached the picture in {}: {} silent here (dead unit?). Start from a picture or another seed."


@pytest.mark.parametrize("options", [{}, {"tv_weight": 0, "lp_norm_weight": 0}, {"backprop_modifier": "guided"}])
def test_a_dead_unit_is_told_of(dying, options):
    sentence = re.escape(SENTENCE.format("9 iterations", "filter 5 of fire_concat is"))
    with pytest.warns(RuntimeWarning, match=sentence) as told:
        am.visualize_activation(dying, "fire_concat", 5, max_iter=9, **options)
    assert (len(told), told[0].filename) == (1, __file__)
    sentence = re.escape(SENTENCE.format("9 iterations", "filters 7, 5 of fire_concat are"))
    with pytest.warns(RuntimeWarning, match=sentence) as told:
        am.visualize_layer(dying, "fire_concat", [7, 0, 5], max_iter=9, batch_size=2, progress=False, **options)
    assert (len(told), told[0].filename) == (1, __file__)


def test_each_dead_unit_is_told_by_its_own_number_though_they_share_a_step(dying):
    for made in (am.visualize, am.visualize_activation):
        for unit in (5, 7):
            with pytest.warns(RuntimeWarning, match=f"filter {unit} of fire_concat is silent"):
                made(
                    dying, "fire_concat", unit, max_iter=9, **({"preset": "keras-vis"} if made is am.visualize else {})
                )


@pytest.mark.parametrize("weights", [{}, {"tv_weight": 0, "lp_norm_weight": 0}])
def test_the_widget_tells_of_a_dead_unit(dying, weights):
    widget = am.ActMaxWidget(dying, preset="keras-vis", layer="fire_concat", filter_indices=5, max_iter=9, **weights)
    widget.start()
    assert widget.wait(60)
    assert (widget.status, widget.error) == ("finished", "")
    assert widget.message == SENTENCE.format("9 iterations", "filter 5 of fire_concat is")
    widget.filter_indices = 0
    widget.start()
    assert widget.wait(60)
    assert widget.message.startswith("Finished 9 iterations.")
    widget.reset()
    assert widget.message == "Ready: press Run."


def test_the_tiles_tell_of_dead_units_and_the_others_are_made(dying):
    widget = am.ActMaxWidget(dying, preset="keras-vis", layer="fire_concat", max_iter=9)
    widget.visualize_layer()
    assert widget.wait(60)
    tiles = widget._run.facts().tiles
    assert (tiles.status, tiles.done) == ("finished", 8)
    assert tiles.error == SENTENCE.format("9 iterations", "filters 5, 7 of fire_concat are")


def test_a_run_that_tiles_pause_tells_of_a_dead_unit_when_they_are_closed(dying, monkeypatch):
    run = Run(Network(dying), Settings(layer="fire_concat", filter_indices=5), spawn=lambda work: None)
    run.step(3)
    while run.advance() is not None:
        pass
    run.start()
    step = run._step
    make = step.run

    def ask_meanwhile(*args):
        made = make(*args)
        monkeypatch.undo()
        run.make_tiles([0])
        return made

    monkeypatch.setattr(step, "run", ask_meanwhile)
    run.advance()
    run.close_tiles()
    assert run.status == "paused"
    assert run.facts().sentence() == SENTENCE.format(f"{run.iteration} iterations", "filter 5 of fire_concat is")


def test_dead_together_with_one_alive_is_not_silent(dying):
    am.visualize_activation(dying, "fire_concat", [5, 0], max_iter=9)
    am.visualize_activation(dying, "fire_concat", None, max_iter=9)


def test_many_dead_units_are_counted(dying):
    with pytest.warns(RuntimeWarning, match="filters 5, 5, 5, 5, 5, 5, 5, 5 and 4 more of fire_concat are silent"):
        am.visualize_layer(dying, "fire_concat", [5] * 12, max_iter=2, progress=False)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_living_units_are_not_called_dead(dtype, traces):
    model = squeeze(dtype=dtype)

    def made():
        for n in (1, 2, 9):  # a single iteration tells nothing, and asks for no further one
            am.visualize_activation(model, "fire_concat", 1, max_iter=n)
            am.visualize_layer(model, "fire_concat", max_iter=n, progress=False)
        widget = am.ActMaxWidget(model, preset="keras-vis", layer="fire_concat", filter_indices=1, max_iter=9)
        for _ in range(3):
            widget.step()
        assert widget.message == "Paused after 3 iterations."

    assert traces.of(made) == 3  # one picture by the function, many, and in the widget, which jitters


def test_it_is_looked_for_without_compiling_and_only_where_nothing_changed(dying, traces, monkeypatch):
    def run(model, index):
        am.visualize_activation(model, "fire_concat", index, max_iter=9)
        widget = am.ActMaxWidget(model, preset="keras-vis", layer="fire_concat", filter_indices=index, max_iter=9)
        widget.start()
        assert widget.wait(60)

    run(dying, 0)
    looked, silent = [], Step.silent
    monkeypatch.setattr(Step, "silent", lambda *args: looked.append(1) or silent(*args))
    assert traces.of(lambda: run(dying, 0)) == 0
    assert not looked
    with pytest.warns(RuntimeWarning, match="No gradient reached"):
        assert traces.of(lambda: run(dying, 5)) == 0
    assert len(looked) == 2


def test_a_unit_that_comes_to_life_is_not_called_dead():
    """Total variation pulls the picture to where the unit answers: the activation was 0 for a while, not for good."""
    inputs = keras.Input((8, 8, 1))
    spread = ops.mean(ops.abs(inputs - ops.mean(inputs, (1, 2), keepdims=True)), (1, 2))
    model = keras.Model(inputs, layers.Rescaling(1.0, name="out")(ops.relu(8.0 - spread)))
    start = np.random.default_rng(0).uniform(110, 150, (8, 8, 1))
    made = am.visualize_activation(model, "out", 0, seed_input=start, max_iter=60, clip=True)
    assert model(made[None])[0, 0] > 0
    assert model(start[None])[0, 0] == 0


def test_a_loss_of_ones_own_is_named(dying):
    class Difference(Loss):
        name = "Difference"

        def build_loss(self):
            return ops.mean(dying.get_layer("right").output[..., 1])

    losses = [(Difference(), 2), (TotalVariation(dying.inputs[0]), 1)]
    with pytest.warns(RuntimeWarning, match="9 iterations: Difference is silent here"):
        visualize_activation_with_losses(dying.inputs[0], losses, max_iter=9)


# --- weights that are not finite -------------------------------------------------------------------------------------


def with_nan(*names, value=np.nan, make=squeeze):
    model = make()
    for name in names:
        layer = model.get_layer(name)
        layer.bias.assign(np.where(np.arange(layer.bias.shape[0]) == 1, value, 0))
    return model


def assert_blamed(model, layer, named, index=1):
    blame = f"as the model's own weights are not finite, those of the {named}. Load the model again"
    with pytest.raises(FloatingPointError, match=re.escape(f"The total loss of iteration 1 is nan, {blame}")):
        am.visualize_activation(model, layer, index)
    with pytest.raises(FloatingPointError, match=re.escape(f"filters [{index}] was not finite, {blame}")):
        am.visualize_layer(model, layer, index, progress=False)
    widget = am.ActMaxWidget(model, preset="keras-vis", layer=layer, filter_indices=index, max_iter=9)
    widget.start()
    assert widget.wait(60)
    assert widget.status == "failed"
    assert f"The total loss of iteration 1 is nan, {blame}" in widget.error
    widget.visualize_layer([index])
    assert widget.wait(60)
    assert f"The total loss of filters [{index}] was not finite, {blame}" in widget._run.facts().tiles.error
    assert not any("learning_rate" in one or "seed" in one for one in (widget.error, widget._run.facts().tiles.error))


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["squeeze"], "layer 'squeeze'"),
        (["right", "squeeze"], "layers 'squeeze', 'right'"),
        (["squeeze", "left", "right", "out"], "layers 'squeeze', 'left', 'right' and 1 more"),
    ],
)
def test_weights_that_are_not_finite_are_blamed(names, named):
    assert_blamed(with_nan(*names), "out", named)


def test_half_precision():
    assert_blamed(with_nan("squeeze", make=lambda: squeeze(dtype="mixed_float16")), "out", "layer 'squeeze'")


def test_inside_of_a_subclassed_and_of_a_nested_model():
    class Outer(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv, self.out = layers.Conv2D(3, 3, name="conv"), layers.Dense(2, name="out")

        def call(self, inputs):
            return self.out(ops.mean(self.conv(inputs), (1, 2)))

    outer = Outer()
    outer(np.zeros((1, 8, 8, 3)))
    outer.conv.bias.assign([np.nan, 0, 0])
    assert_blamed(outer, "out", "layer 'conv'")
    inner = with_nan("left")
    nested = keras.Sequential([keras.Input((16, 16, 3)), inner, layers.Dense(2, name="head")])
    assert_blamed(nested, "head", "layer 'left'")


def test_layers_that_the_target_does_not_need_are_not_blamed():
    model = with_nan("out", value=np.inf)
    widget = am.ActMaxWidget(model, preset="keras-vis", layer="fire_concat", max_iter=3)
    widget.start()
    assert widget.wait(60)
    assert (widget.status, widget.error) == ("finished", "")


def test_a_run_that_explodes_by_itself_is_told_as_such():
    widget = am.ActMaxWidget(exploding(), preset="keras-vis", clip=False, lp_norm_weight=0, tv_weight=0)
    widget.start()
    assert widget.wait(60)
    assert "is -inf. The last good picture is kept. Lower the learning rate" in widget.error


def test_one_bad_tile_is_that_tile():
    start = np.full((4, 4, 1), 140.0)
    widget = am.ActMaxWidget(
        partly_exploding(),
        preset="keras-vis",
        seed_input=start,
        lp_norm_weight=0,
        tv_weight=0,
        max_iter=30,
        input_range=(-1000, 1000),
    )
    widget.visualize_layer()
    assert widget.wait(60)
    tiles = widget._run.facts().tiles
    assert (tiles.status, tiles.done) == ("finished", 3)
    assert tiles.error.startswith("The total loss of filters [1] was not finite. Their last good pictures are kept.")
    assert [len(history) for history in widget.tiles.histories][::2] == [30, 30]
    assert np.isfinite(widget.tiles.images).all()


def shy(threshold):
    """A unit that answers pictures whose upper half is brighter than the lower one by so much, and no noise."""
    inputs = keras.Input((16, 16, 1))
    outputs = keras.layers.Conv2D(1, 16, activation="relu", name="shy")(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, outputs)
    halves = np.where(np.arange(16) < 8, 1, -1)[:, None] * np.ones((16, 16)) / 128
    model.layers[-1].set_weights([halves[..., None, None], np.array([-threshold])])
    return model


OFF = {"lp_norm_weight": 0, "tv_weight": 0}


@pytest.mark.parametrize("count", [1, 3])
def test_a_unit_that_answers_no_noise_is_searched_for(count):
    """Half of the noise leaves some channels of SqueezeNet at 0 all over: before, such a run ended where it began."""
    many = am.visualize_many(shy(0.05), "shy", 0, vary={"seed": range(count)}, max_iter=128)
    for history in many.histories:
        assert history["activation"][0] == 0
        assert history["activation"][-1] > 0.3


@pytest.mark.parametrize("options", [{"start": 255 * np.tri(16)[..., None]}, {"preset": "keras-vis", **OFF}])
def test_the_search_leaves_pixels_and_starting_pictures_alone(options):
    made = []
    for steps in (1, 16):
        with pytest.warns(RuntimeWarning, match="filter 0 of shy is silent") if steps > 1 else contextlib.nullcontext():
            made.append(am.visualize(shy(10.0), "shy", 0, seed=0, max_iter=steps, **options).image)
    np.testing.assert_array_equal(*made)


def test_what_answers_nothing_at_all_is_told_and_stays_finite():
    with pytest.warns(RuntimeWarning, match="filter 0 of shy is silent"):
        made = am.visualize(shy(10.0), "shy", 0, seed=0, max_iter=100)
    assert np.isfinite(made.image).all()
