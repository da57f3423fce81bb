import keras
import numpy as np
import pytest

import actmax_widget as am
from actmax_widget.callbacks import OptimizerCallback
from actmax_widget.input_modifiers import Jitter
from actmax_widget.losses import ActivationMaximization, Loss
from actmax_widget.network import Network
from actmax_widget.regularizers import LPNorm, TotalVariation
from tests.networks import small_cnn, small_sequential


@pytest.fixture(scope="module")
def model():
    return small_cnn(3)


@pytest.mark.parametrize("layer", ["out", -1, "conv1", 2])
def test_the_picture_excites_the_filter(model, layer):
    image = am.visualize_activation(
        model, layer, 1, input_range=(0.0, 255.0), lp_norm_weight=0, tv_weight=0, max_iter=30, seed=0
    )
    start = np.full((12, 12, 3), 127.5)
    assert image.shape == (12, 12, 3)
    assert activation(model, layer, image) > activation(model, layer, start)


def activation(model, layer, image):
    layer = model.layers[layer] if isinstance(layer, int) else model.get_layer(layer)
    return float(np.mean(keras.Model(model.inputs[0], layer.output)(image[None].astype("float32"))[..., 1]))


def test_two_ints_give_bytes_and_floats_give_floats(model):
    assert am.visualize_activation(model, "out", 0, max_iter=2, seed=0).dtype == np.uint8
    image = am.visualize_activation(model, "out", 0, input_range=(0.0, 1.0), max_iter=2, seed=0)
    assert image.dtype.kind == "f"
    assert 0 <= image.min() <= image.max() <= 1


def test_with_clip_the_picture_is_what_the_network_saw(model):
    image = am.visualize_activation(model, "out", 0, max_iter=50, seed=0, clip=True, learning_rate=10)
    assert image.dtype == np.float32
    assert 0 <= image.min() <= image.max() <= 255


def test_verbose_prints_each_iteration_as_keras_vis_does(model, capsys):
    am.visualize_activation(model, "out", 0, max_iter=3, verbose=True, seed=0)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Iteration: ")]
    assert [line.split(",")[0] for line in lines] == ["Iteration: 1", "Iteration: 2", "Iteration: 3"]
    assert "ActivationMax Loss" in lines[0]


def test_it_is_silent_by_default(model, capsys):
    am.visualize_activation(model, "out", 0, max_iter=3, seed=0)
    assert capsys.readouterr().out == ""


def test_negate_lowers_the_activation(model):
    up, down = (
        am.visualize_activation(
            model,
            "out",
            1,
            input_range=(0.0, 255.0),
            lp_norm_weight=0,
            tv_weight=0,
            max_iter=30,
            seed=0,
            grad_modifier=modifier,
        )
        for modifier in (None, "negate")
    )
    assert activation(model, "out", down) < activation(model, "out", up)


def test_a_list_of_filters_is_one_joint_picture(model):
    image = am.visualize_activation(model, "conv1", [0, 2, 3], max_iter=3, seed=0)
    assert image.shape == (12, 12, 3)


def test_a_sequential_model():
    assert am.visualize_activation(small_sequential(), -1, 0, max_iter=2).shape == (8, 8, 1)


def test_with_losses(model):
    losses = [
        (ActivationMaximization(model.get_layer("conv1"), 0), 1),
        (ActivationMaximization(model.get_layer("out"), 2), 1),
    ]
    image = am.visualize_activation_with_losses(model.inputs[0], losses, max_iter=3, seed=0)
    assert image.shape == (12, 12, 3)
    assert image.dtype == np.uint8


# --- losses of one's own on layers inside of others ------------------------------------------------------------------

EXACT = {"max_iter": 4, "seed": 0, "clip": True, "input_range": (0.0, 255.0)}


class Spread(Loss):
    """A loss as a user writes it."""

    name = "Spread"

    def __init__(self, one, other):
        self.one, self.other = one, other

    def build_loss(self):
        first, second = self.one.output, self.other.output
        return -keras.ops.mean(first[..., 1]) + keras.ops.mean(second[..., 0]) * 0.5


def deep(inner, depth=2):
    """A model inside of models."""
    for level in range(depth):
        inner = keras.Sequential([keras.Input((12, 12, 3)), inner], name=f"level{level}")
    return inner


@pytest.mark.parametrize("depth", [1, 3])
def test_a_loss_of_a_layer_inside_of_a_model_is_that_of_its_path(depth):
    inner = small_cnn(3)
    outer = deep(inner, depth)
    path = "/".join([*(f"level{level}" for level in reversed(range(depth - 1))), "small", "conv2"])
    wanted = am.visualize_activation(outer, path, 1, lp_norm_weight=0, tv_weight=0, **EXACT)
    losses = [(ActivationMaximization(inner.get_layer("conv2"), 1), 1)]
    np.testing.assert_allclose(am.visualize_activation_with_losses(outer.inputs[0], losses, **EXACT), wanted, atol=0.01)
    assert np.ptp(wanted) > 10


def test_a_loss_of_ones_own_may_mix_layers_of_both():
    inner = small_cnn(3)
    inputs = keras.Input((12, 12, 3))
    head = keras.layers.Dense(2, name="head")
    outer = keras.Model(inputs, head(inner(inputs)))
    flat = keras.Model(inner.inputs[0], head(inner.outputs[0]))
    layer = inner.get_layer("conv1")

    class Plain(Spread):
        """The same on a model without another inside."""

        def build_loss(self):
            second = keras.ops.mean(flat.outputs[0][..., 0]) * 0.5
            return -keras.ops.mean(self.one.output[..., 1]) + second

    ours, wanted = (
        am.visualize_activation_with_losses(tensor, [(loss, 1), (TotalVariation(tensor), 1)], **EXACT)
        for tensor, loss in ((outer.inputs[0], Spread(layer, head)), (inner.inputs[0], Plain(layer, head)))
    )
    np.testing.assert_allclose(ours, wanted, atol=0.05)


@pytest.mark.parametrize("shape", [(20, 16, 3), (9, 9, 3)])
@pytest.mark.parametrize("inside", [False, True])
def test_a_loss_of_ones_own_at_another_size(shape, inside):
    model = small_cnn(3)
    outer = deep(model) if inside else model
    path = "level0/small/conv2" if inside else "conv2"
    wanted = am.visualize_activation(outer, path, 1, input_shape=shape, **EXACT)
    losses = [
        (ActivationMaximization(model.get_layer("conv2"), 1), 1),
        (LPNorm(outer.inputs[0]), 10),
        (TotalVariation(outer.inputs[0]), 10),
    ]
    ours = am.visualize_activation_with_losses(outer.inputs[0], losses, input_shape=shape, **EXACT)
    np.testing.assert_allclose(ours, wanted, atol=0.05)
    losses = [(ActivationMaximization(model.get_layer("out"), 1), 1)]
    with pytest.raises(ValueError, match=r"^losses: expected layers that work on inputs of shape .*Layer 'out' needs"):
        am.visualize_activation_with_losses(outer.inputs[0], losses, input_shape=shape, max_iter=1)


def test_the_gradient_by_an_inner_tensor_at_another_size(model):
    class Seen(OptimizerCallback):
        def callback(self, i, named_losses, overall_loss, grads, wrt_value):
            self.grads, self.value = grads, wrt_value

    seen = Seen()
    options = {"wrt_tensor": model.get_layer("pool").output, "callbacks": [seen], "input_shape": (20, 16, 3)}
    am.visualize_activation(model, "conv2", 1, max_iter=1, **options)
    assert seen.value.shape == (1, 9, 7, 6)
    assert np.abs(seen.grads).max() > 0


def test_a_loss_of_a_model_that_is_used_twice_says_how_to_tell_which():
    inner, inputs = small_cnn(3), keras.Input((12, 12, 3))
    outer = keras.Model(inputs, keras.layers.Add()([inner(inputs), inner(keras.layers.Rescaling(0.5)(inputs))]))
    losses = [(ActivationMaximization(inner.get_layer("conv2"), 3), 1)]
    with pytest.raises(
        ValueError, match=r"^losses: .*'conv2'.*'small', which is used 2 times.*find\('small:1/conv2'\)"
    ):
        am.visualize_activation_with_losses(outer.inputs[0], losses, max_iter=1)
    network = Network(outer)
    losses = [(ActivationMaximization(network.find("small:1/conv2"), 3), 1)]
    assert am.visualize_activation_with_losses(network.input, losses, max_iter=1).shape == (12, 12, 3)


def test_a_loss_of_a_layer_of_another_model_is_refused(model):
    losses = [(ActivationMaximization(small_cnn(3).get_layer("conv2"), 3), 1)]
    with pytest.raises(ValueError, match=r"^losses: expected layers of the model that input_tensor is of.*'conv2'"):
        am.visualize_activation_with_losses(model.inputs[0], losses, max_iter=1)


def test_a_loss_of_a_layer_inside_of_a_custom_layer_says_how():
    class Block(keras.layers.Layer):
        def __init__(self):
            super().__init__(name="block")
            self.conv = keras.layers.Conv2D(4, 3, name="conv")

        def call(self, inputs):
            return self.conv(inputs)

    model = keras.Sequential([keras.Input((8, 8, 1)), Block()])
    with pytest.raises(
        ValueError, match=r"^layer: expected a layer with a symbolic output.*'conv'.*Network\(model\).find"
    ):
        ActivationMaximization(model.layers[0].conv, 1)
    network = Network(model)
    losses = [(ActivationMaximization(network.find("block/conv"), 1), 1)]
    assert am.visualize_activation_with_losses(network.input, losses, max_iter=1).shape == (8, 8, 1)


def test_losses_of_ones_own_leave_no_trace_inside():
    inner = small_cnn(3)
    outer = deep(inner)

    def traces():
        return [(len(one._inbound_nodes), len(one._outbound_nodes)) for one in outer._flatten_layers()]

    before = traces()
    losses = [(ActivationMaximization(inner.get_layer("conv2"), 1), 1)]
    am.visualize_activation_with_losses(outer.inputs[0], losses, max_iter=1)
    assert traces() == before


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"model": 3}, "model"),
        ({"layer_idx": "nope"}, "layer"),
        ({"layer_idx": None}, "layer_idx"),
        ({"filter_indices": 9}, "filter_indices"),
        ({"seed_input": [[1]]}, "seed_input"),
        ({"input_range": None}, "input_range"),
        ({"input_range": (0,)}, "input_range"),
        ({"backprop_modifier": "nope"}, "backprop_modifier"),
        ({"grad_modifier": "nope"}, "grad_modifier"),
        ({"act_max_weight": "1"}, "act_max_weight"),
        ({"tv_weight": float("nan")}, "tv_weight"),
        ({"act_max_weight": 0, "lp_norm_weight": 0, "tv_weight": None}, "losses"),
        ({"max_iter": 0}, "max_iter"),
        ({"foo": 1}, "foo"),
        ({"callbacks": OptimizerCallback()}, "callbacks"),
        ({"input_modifiers": Jitter()}, "input_modifiers"),
        ({"input_modifiers": [3]}, "input_modifiers"),
    ],
)
def test_bad_arguments_are_named_before_anything_is_computed(model, arguments, name):
    arguments = {"model": model, "layer_idx": "out", "filter_indices": 0, **arguments}
    with pytest.raises((ValueError, TypeError), match=f"^{name}: expected "):
        am.visualize_activation(**arguments)


def test_weights_as_pictures(model):
    kernel = model.get_layer("conv1").kernel.numpy()
    pictures = am.visualize_weights(model, "conv1")
    assert pictures.shape == (6, 3, 3, 3)
    assert pictures.dtype == np.uint8
    one = am.visualize_weights(model, "conv1", 2, input_range=(-1.0, 1.0))
    np.testing.assert_allclose(one[0], kernel[..., 2] / np.abs(kernel[..., 2]).max(), atol=1e-6)


def test_weights_of_a_dense_layer_have_the_shape_of_the_input():
    model = keras.Sequential([keras.Input((4, 5, 1)), keras.layers.Flatten(), keras.layers.Dense(3, name="out")])
    assert am.visualize_weights(model, "out").shape == (3, 4, 5, 1)


@pytest.mark.parametrize("layer", ["pool", "flatten"])
def test_a_layer_without_weights_is_refused(model, layer):
    with pytest.raises(ValueError, match="a layer with a kernel for each filter"):
        am.visualize_weights(model, layer)


def test_response_is_the_layers_activation(model):
    picture = np.random.default_rng(0).uniform(0, 255, (12, 12, 3)).astype("float32")
    wanted = keras.Model(model.inputs[0], model.get_layer("conv1").output)(picture[None]).numpy()[0]
    np.testing.assert_allclose(am.visualize_response(model, "conv1", 4, picture), wanted[..., 4], rtol=1e-5)
    several = am.visualize_response(model, "conv1", [4, -1], picture)
    np.testing.assert_allclose(several, np.moveaxis(wanted[..., [4, 5]], -1, 0), rtol=1e-5)
    assert am.visualize_response(model, "conv1", None, picture).shape == (6, 10, 10)
    assert am.visualize_response(model, "out", 1, picture).shape == ()
    with pytest.raises(ValueError, match=r"^image: expected"):
        am.visualize_response(model, "conv1", 0, picture[:3])


def test_nothing_grows_over_many_calls(model):
    def everything():
        return sum(len(one._inbound_nodes) + len(one._outbound_nodes) for one in model._flatten_layers())

    am.visualize_activation(model, "conv1", 0, max_iter=1)
    before = everything()
    weights = [weight.copy() for weight in model.get_weights()]
    for call in range(3):
        am.visualize_activation(model, "conv1", call, max_iter=1, backprop_modifier="guided")
    assert everything() == before
    for old, new in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_many_pictures_do_not_make_tensorflow_complain(model, caplog):
    for filters in range(6):
        am.visualize_activation(model, "conv1", filters, max_iter=1)
    assert "retracing" not in caplog.text
