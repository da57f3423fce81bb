import copy
import gc
import pickle
import threading
import types
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import actmax_widget as am
from actmax_widget.backprop_modifiers import BUILT_IN
from actmax_widget.engine import State, cache
from actmax_widget.input_modifiers import InputModifier, Jitter
from actmax_widget.live.run import Run
from actmax_widget.losses import ActivationMaximization, Loss
from actmax_widget.network import Network
from actmax_widget.presets import activation_losses
from actmax_widget.regularizers import Regularizer, TotalVariation
from actmax_widget.settings import Settings
from tests.networks import channels_first, losses_of, small_cnn, small_sequential


def picture(model, layer="out", filters=0, **options):
    return am.visualize_activation(model, layer, filters, **{"max_iter": 2, "seed": 0} | options)


def pictures(model, filters, **options):
    return am.visualize_layer(model, "out", filters, max_iter=2, seed=0, progress=False, **options)


def step_of(model, layer="out", **options):
    """The step for a layer of a model, not compiled yet."""
    network = Network(model)
    return cache.step_for(network, activation_losses(network, layer, 0), **options)


def kept(model):
    return list(cache._kept_with(model).steps.values())


# --- what compiles nothing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"filters": 3},
        {"filters": [1, 1, 4]},
        {"filters": None},
        {"act_max_weight": 2},
        {"lp_norm_weight": 0.5},
        {"tv_weight": 99},
        {"learning_rate": 7},
        {"grad_modifier": "negate"},
        {"input_range": (0.0, 1.0)},
        {"clip": True},
        {"seed": 5},
        {"seed": None},
        {"seed_input": np.full((12, 12, 1), 99)},
        {"max_iter": 11},
        {"verbose": True},
    ],
    ids=",".join,
)
def test_what_a_person_changes_compiles_nothing(model, traces, change):
    picture(model)
    assert traces.of(lambda: picture(model, **change)) == 0


@pytest.mark.parametrize("modifiers", [[Jitter(0)], [Jitter(3)], [Jitter(0.2)], [Jitter([0, 2])]])
def test_another_jitter_compiles_nothing(model, traces, modifiers):
    picture(model, input_modifiers=[Jitter(1)])
    assert traces.of(lambda: picture(model, input_modifiers=modifiers)) == 0


def test_the_second_call_has_its_own_numbers(model):
    fresh = small_cnn()
    for options in ({"filters": 2, "tv_weight": 0.1}, {"filters": 4, "input_modifiers": [Jitter(2)]}):
        np.testing.assert_array_equal(picture(model, **options), picture(fresh, **options))
        picture(model, filters=0, tv_weight=3, input_modifiers=[Jitter(5)])


def test_another_number_of_filters_or_batch_size_compiles_nothing(model, traces):
    pictures(model, [0, 1, 2])
    assert traces.of(lambda: pictures(model, None)) == 0
    assert traces.of(lambda: pictures(model, 4, seed_input=np.ones((12, 12, 1)), learning_rate=3)) == 0
    assert traces.of(lambda: pictures(model, None, batch_size=2)) == 0


def made(run):
    run.start()
    while run.advance() is not None:
        pass


def test_a_second_start_another_run_and_a_call_find_the_step_of_the_first(traces):
    model = small_cnn()
    first, second = (Run(Network(model), Settings(layer="out", max_iter=3), spawn=lambda _: None) for _ in "12")
    assert traces.of(lambda: made(first)) == 1
    assert traces.of(lambda: made(first)) == 0
    assert traces.of(lambda: made(second)) == 0
    assert traces.of(lambda: am.visualize(model, "out", 3, preset="keras-vis", jitter=2, max_iter=3)) == 0
    assert second.iteration == 3
    assert first.iteration == 6


def test_new_weights_of_the_network_compile_nothing_and_count(traces):
    model, other = small_cnn(), small_cnn()
    options = {"clip": True, "learning_rate": 20, "max_iter": 4}
    before, after = picture(model, **options), []
    for one in (model, other):
        one.set_weights([weight * -1 for weight in one.get_weights()])
    assert traces.of(lambda: after.append(picture(model, **options))) == 0
    np.testing.assert_array_equal(after[0], picture(other, **options))
    assert (after[0] != before).any()


def test_training_compiles_nothing(traces):
    model = small_cnn()
    picture(model)
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((1, 12, 12, 1)), np.ones((1, 5)))
    assert traces.of(lambda: picture(model)) == 0


# --- what compiles once more -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"layer": "conv1"},
        {"layer": "conv2", "backprop_modifier": "guided"},
        {"layer": "conv2", "backprop_modifier": "rectified"},
        {"layer": "pool", "tv_weight": 0},
        {"layer": "pool", "input_modifiers": [Jitter(1), Jitter(1)]},
    ],
    ids=",".join,
)
def test_another_graph_is_compiled_once(model, traces, change):
    assert traces.of(lambda: picture(model, **change)) == 1
    assert traces.of(lambda: picture(model, **change)) == 0


def test_another_model_has_its_own(model, traces):
    picture(model)
    assert traces.of(lambda: picture(small_cnn())) == 1


@pytest.mark.parametrize(
    "wrap", [lambda inner: inner, lambda inner: keras.Sequential([keras.Input((12, 12, 1)), inner])]
)
def test_a_layer_whose_activation_was_exchanged_is_compiled_once_more_and_counts(traces, wrap):
    def make(activation):
        inner = small_cnn()
        inner.get_layer("conv1").activation = activation
        return inner, wrap(inner)

    options = {"layer": -1, "filters": 2, "clip": True, "learning_rate": 20, "max_iter": 4}
    relu, tanh = keras.activations.relu, keras.activations.tanh
    before, wanted = (picture(make(activation)[1], **options) for activation in (relu, tanh))
    inner, model = make(relu)
    picture(model, **options)
    inner.get_layer("conv1").activation = tanh
    after = []
    assert traces.of(lambda: after.append(picture(model, **options))) == 1
    np.testing.assert_array_equal(after[0], wanted)
    assert (before != wanted).any()
    inner.get_layer("conv1").activation = relu
    assert traces.of(lambda: picture(model, **options)) == 0  # that one is still there


def test_a_layer_whose_settings_were_changed_is_another_step():
    inputs = keras.Input((4, 4, 1))
    model = keras.Model(inputs, layers.Dense(2, name="out")(layers.Rescaling(1.0, name="rescale")(inputs)))
    first = step_of(model)
    model.get_layer("rescale").scale = 2.0
    assert step_of(model) is not first
    model.get_layer("rescale").scale = 1.0
    assert step_of(model) is first


def test_other_held_inputs_are_compiled_once_more(traces):
    image, extra = keras.Input((6, 6, 1), name="image"), keras.Input((2,), name="extra")
    features = layers.Concatenate()([layers.Flatten()(image), extra])
    model = keras.Model([image, extra], layers.Dense(3, name="out")(features))
    made = []
    for held, wanted in [([1, 2], 1), ([1, 2], 0), ([1, 3], 1), ([1, 2], 0)]:
        assert traces.of(lambda held=held: made.append(picture(model, held_inputs={"extra": held}))) == wanted
    np.testing.assert_array_equal(made[0], made[3])


def test_another_size_of_an_input_that_leaves_it_open_is_another_step():
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, layers.GlobalAveragePooling2D(name="out")(layers.Conv2D(2, 3)(inputs)))

    def step(*shape):
        network = Network(model, shape)
        return cache.step_for(network, activation_losses(network, "out", 0))

    assert step(9, 7, 1) is step(9, 7, 1)
    assert step(9, 7, 1) is not step(7, 9, 1)


def test_another_input_that_is_optimized_is_another_step():
    one, other = keras.Input((2,), name="one"), keras.Input((2,), name="other")
    model = keras.Model([one, other], layers.Subtract(name="out")([one, other]))

    def step(held):
        network = Network(model, held_inputs={held: [1, 2]})
        return cache.step_for(network, activation_losses(network, "out", 0))

    assert step("one") is step("one")
    assert step("one") is not step("other")


def test_channels_first_is_another_step(model):
    # The axes of filters and pixels are numbers of the graph.
    first = step_of(model)
    with channels_first():
        assert step_of(model) is not first
    assert step_of(model) is first


@pytest.mark.parametrize(
    "options",
    [
        {"gate": BUILT_IN["guided"]},
        {"gate": BUILT_IN["rectified"]},
        {"input_modifiers": [Jitter(1)]},
        {"norm_grads": False},
        {"layer": "conv1"},
    ],
    ids=",".join,
)
def test_what_shapes_the_graph_is_another_step(model, options):
    assert step_of(model, **options) is not step_of(model)
    assert step_of(model, **options) is step_of(model, **options)


# --- what is never shared --------------------------------------------------------------------------------------------


class Brightness(Loss):
    """A user's loss."""

    name = "Brightness"

    def __init__(self, img):
        self.img = img

    def build_loss(self):
        return -ops.mean(self.img)


class Own(InputModifier):
    """A user's modifier."""


class OwnJitter(Jitter):
    """A user's kind of jitter."""


@pytest.mark.parametrize(
    "options",
    [
        {"grad_modifier": np.negative},
        {"input_modifiers": [Own()]},
        {"input_modifiers": [OwnJitter(1)]},
        {"input_modifiers": [Jitter(1), Own()]},
        {"wrt": "conv2"},
    ],
    ids=",".join,
)
def test_what_a_user_wrote_is_never_shared_nor_kept(options):
    model = small_cnn()
    losses = losses_of(model)
    if "wrt" in options:
        options["wrt_tensor"] = model.get_layer(options.pop("wrt")).output
    network = Network(model)
    assert cache.step_for(network, losses, **options) is not cache.step_for(network, losses, **options)
    assert kept(model) == []


def test_a_part_that_a_user_wrote_is_shared_with_itself_alone_as_long_as_it_is_the_same():
    model = small_cnn()
    network, own = Network(model), Brightness(model.inputs[0])

    def step(loss):
        return cache.step_for(network, [*losses_of(model), (loss, 1.0)])

    assert step(own) is step(own)
    assert step(own) is not step(Brightness(model.inputs[0]))
    before = step(own)
    own.level = 3  # which its formula may depend on
    assert step(own) is not before


def test_each_call_has_its_own_gradient_function(model):
    start = np.full((12, 12, 1), 99)
    options = {"seed_input": start, "clip": True, "filters": 1, "learning_rate": 5}
    own = [picture(model, grad_modifier=function, **options) for function in (np.zeros_like, np.negative)]
    np.testing.assert_array_equal(own[0], start)
    np.testing.assert_allclose(own[1], picture(model, grad_modifier="negate", **options), atol=1e-3)
    assert (own[1] != start).any()


class Scale(layers.Layer):
    """What a user may keep a number in."""

    def __init__(self, **options):
        super().__init__(**options)
        self._hidden, self.tensor, self.config = 1.0, tf.constant(1.0), types.SimpleNamespace(factor=1.0)

    def call(self, x):
        return x * self._hidden * self.tensor * self.config.factor


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: setattr(layer, "_hidden", 0.001),
        lambda layer: setattr(layer, "tensor", tf.constant(0.001)),
        lambda layer: setattr(layer.config, "factor", 0.001),
    ],
    ids=["hidden", "tensor", "nested"],
)
def test_a_changed_number_of_a_users_layer_is_compiled_anew(traces, change):
    layer = Scale(name="scale")
    model = keras.Sequential([keras.Input((12, 12, 1)), layers.Conv2D(4, 3), layer])

    def loss():
        return am.visualize_layer(model, "scale", 0, max_iter=1, seed=0, progress=False).histories[0].values[0, 0]

    before = loss()
    assert traces.of(loss) == 0
    change(layer)
    np.testing.assert_allclose(loss(), 0.001 * before, rtol=1e-4)
    assert traces.of(loss) == 0


# --- how many, and how long ------------------------------------------------------------------------------------------


def test_no_more_than_so_many_are_kept_and_those_not_used_for_longest_go():
    model = small_cnn()
    kinds = [
        {"layer": layer, "norm_grads": norm}
        for layer in ("conv1", "pool", "conv2", "flatten", "out")
        for norm in (0, 1)
    ]
    first, second = step_of(model, **kinds[0]), step_of(model, **kinds[1])
    for kind in kinds[2 : cache.KEPT]:
        step_of(model, **kind)
    assert step_of(model, **kinds[0]) is first  # used: not the oldest any more
    for kind in kinds[cache.KEPT :]:
        step_of(model, **kind)
    assert len(kept(model)) == cache.KEPT < len(kinds)
    assert first in kept(model)
    assert second not in kept(model)


def test_steps_go_with_their_model():
    model = small_sequential()
    picture(model, layer="conv")
    pictures(model, [0, 1])
    Run(Network(model), Settings(layer="out"))
    gone = [weakref.ref(one) for one in (model, *kept(model))]
    assert len(gone) == 3
    del model
    gc.collect()
    assert [one() for one in gone] == [None] * 3


def reloaded(model, path):
    model.save(path)
    return keras.saving.load_model(path)


@pytest.mark.parametrize(
    "copied",
    [
        reloaded,
        lambda model, _: keras.models.clone_model(model),
        lambda model, _: pickle.loads(pickle.dumps(model)),  # noqa: S301 - our own bytes
        lambda model, _: copy.deepcopy(model),
    ],
    ids=["save", "clone_model", "pickle", "deepcopy"],
)
@pytest.mark.parametrize("make", [small_cnn, small_sequential])
def test_a_model_is_copied_without_its_steps(tmp_path, make, copied):
    model = make()
    step = step_of(model)
    other = copied(model, tmp_path / "model.keras")
    assert kept(other) == []
    assert step_of(other) is not step
    assert step_of(model) is step
    other.set_weights(model.get_weights())
    inp = np.ones((1, *model.inputs[0].shape[1:]), np.float32)
    np.testing.assert_array_equal(other(inp), model(inp))


def test_the_model_looks_as_before():
    model = small_cnn()
    before = model.get_config(), [layer.name for layer in model._flatten_layers()], len(model.variables)
    step_of(model)
    assert (model.get_config(), [layer.name for layer in model._flatten_layers()], len(model.variables)) == before


# --- several threads -------------------------------------------------------------------------------------------------


class Gated(layers.Layer):
    """A user's layer at which the thread that traces first waits, until the other one is done or waits for it."""

    def __init__(self):
        super().__init__()
        self.inside, self.go_on = threading.Event(), threading.Event()

    def call(self, inputs):
        if threading.current_thread().name == "first":
            self.inside.set()
            self.go_on.wait(60)
        return inputs


def with_relus(gate):
    inputs = keras.Input((8, 8, 1))
    x = layers.ReLU()(gate(layers.Conv2D(4, 3)(inputs)))
    return keras.Model(inputs, layers.Dense(3, name="out")(layers.Flatten()(x)))


class Subclassed(keras.Model):
    """A model whose layers are found by listening to a call."""

    def __init__(self, gate):
        super().__init__()
        self.conv, self.gate, self.out = layers.Conv2D(4, 3, activation="relu"), gate, layers.Dense(3, name="out")

    def call(self, inputs, training=None):
        del training
        return self.out(ops.mean(self.gate(self.conv(inputs)), (1, 2)))


def subclassed(gate):
    model = Subclassed(gate)
    model(np.zeros((1, 8, 8, 1)))
    return model


class Both:
    """Two pictures of a model at once, as when the widget prepares its step while a cell asks for another picture."""

    def __init__(self, make):
        self.gate, self.images = Gated(), {}
        self.model = make(self.gate)
        self.start = np.random.default_rng(0).uniform(0, 255, (8, 8, 1))

    def thread(self, name):
        modifier = {"first": "guided", "second": None}[name]
        options = {"clip": True, "learning_rate": 5, "lp_norm_weight": 0.001, "tv_weight": 0.001}

        def work():
            image = picture(self.model, backprop_modifier=modifier, seed_input=self.start, **options)
            self.images.setdefault(name, []).append(image)

        return threading.Thread(target=work, name=name)

    def at_once(self):
        first, second = self.thread("first"), self.thread("second")
        first.start()
        assert self.gate.inside.wait(60)
        second.start()
        second.join(1)  # it may wait for the first
        self.gate.go_on.set()
        first.join()
        second.join()

    def one_by_one(self):
        for name in ("first", "second"):
            thread = self.thread(name)
            thread.start()
            thread.join()


@pytest.mark.parametrize("make", [with_relus, subclassed])
def test_two_threads_compile_steps_of_a_model_as_one_does(make):
    both = Both(make)
    both.at_once()
    both.one_by_one()
    for name in ("first", "second"):
        one, other = both.images[name]
        np.testing.assert_array_equal(one, other)
    assert (both.images["first"][1] != both.images["second"][1]).any()


def test_a_step_asked_for_while_another_one_is_traced_is_kept_as_any(traces):
    both = Both(with_relus)
    assert traces.of(both.at_once) == 2
    assert traces.of(both.one_by_one) == 0


def test_a_users_regularizers_of_one_name_do_not_share_a_step():
    # B14 of the review: type and name alone were compared, and the second would have got the first one's numbers.
    class Bright(Regularizer):
        name = "Bright"

        def __init__(self, img_input, factor):
            super().__init__(img_input)
            self.factor = factor

        def penalty(self, img):
            size = np.prod(img.shape[1:])
            value = self.factor * tf.reduce_mean(img, list(range(1, img.shape.rank)), keepdims=True)
            return value, lambda upstream: upstream * tf.ones_like(img) * (self.factor / size)

    network = Network(small_cnn())
    rows = []
    for factor in (2.0, 10.0):
        losses = [*activation_losses(network, "out", 0), (Bright(network.input, factor), 1.0)]
        step = cache.step_for(network, losses)
        _, steps = step.run(State.at(np.full((1, 12, 12, 1), 100, "float32")), step.knobs(), 1)
        rows.append(float(steps.losses[0, 0, 3]))
    assert rows == pytest.approx([200, 1000])


def test_a_users_kind_of_a_loss_is_compared_with_nothing():
    class Stronger(TotalVariation):
        def __init__(self, img_input, factor):
            super().__init__(img_input)
            self.factor = factor

    class Squared(ActivationMaximization):
        def build_loss(self, selection=None):
            return -ops.square(super().build_loss(selection))

    model = small_cnn()
    assert Stronger(model.inputs[0], 2).signature() is None
    assert Squared(model.get_layer("out"), 1).signature() is None
