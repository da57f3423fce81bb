import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from actmax_widget.engine.objective import Objective
from actmax_widget.losses import ActivationMaximization, Loss
from actmax_widget.regularizers import LPNorm, Regularizer, TotalVariation
from tests.networks import small_cnn, small_sequential


def picture(seed=0):
    return tf.constant(np.random.default_rng(seed).uniform(0, 255, (1, 12, 12, 1)), tf.float32)


def evaluate(objective, inp, weights=None):
    weights = tf.constant(objective.weights() if weights is None else weights, tf.float32)
    return objective(inp, weights, [tf.constant(knob) for knob in objective.knobs()])


def three_losses(model):
    inp = model.inputs[0]
    return [
        (ActivationMaximization(model.get_layer("out"), 2), 3.0),
        (LPNorm(inp), 10),
        (TotalVariation(inp, 1.5), 0.5),
    ]


def test_terms_are_weighted_in_list_order_and_summed(model):
    objective = Objective(model.inputs[0], three_losses(model))
    losses = evaluate(objective, picture()).losses.numpy()[0]
    assert objective.names == ("ActivationMax Loss", "L-6.0 Norm Loss", "TV(1.5) Loss")
    assert losses[0] == pytest.approx(-3 * float(model(picture())[0, 2]), rel=1e-5)
    assert losses[-1] == pytest.approx(losses[:-1].sum(), rel=1e-6)
    doubled = evaluate(objective, picture(), [[6.0, 10, 0.5]]).losses.numpy()[0]
    assert doubled[0] == pytest.approx(2 * losses[0])


def test_gradient_agrees_with_finite_differences():
    model = small_cnn()
    model.get_layer("conv1").activation = keras.activations.softplus  # no kinks
    objective = Objective(model.inputs[0], three_losses(model))
    inp = picture(1)
    grads = evaluate(objective, inp).grads.numpy()
    for index in [(0, 3, 4, 0), (0, 0, 0, 0), (0, 11, 5, 0)]:
        bump = np.zeros(inp.shape, "float32")
        bump[index] = 0.5
        up, down = (evaluate(objective, inp + sign * bump).losses.numpy()[0, -1] for sign in (1, -1))
        assert up - down == pytest.approx(grads[index], rel=2e-2, abs=2e-3)


def test_a_custom_loss_written_as_for_keras_vis(model):
    class Difference(Loss):
        name = "Difference"

        def build_loss(self):
            output = model.get_layer("conv2").output
            return -ops.mean(output[..., 1] - output[..., 4])

    losses = evaluate(Objective(model.inputs[0], [(Difference(), 2)]), picture()).losses.numpy()
    output = keras.Model(model.inputs[0], model.get_layer("conv2").output)(picture()).numpy()
    assert losses[0] == pytest.approx(-2 * (output[..., 1] - output[..., 4]).mean(), rel=1e-4)


def test_gradient_by_an_inner_tensor(model):
    wrt = model.get_layer("conv2").output
    evaluation = evaluate(
        Objective(model.inputs[0], [(ActivationMaximization(model.get_layer("out"), 1), 1)], wrt), picture()
    )
    inner = keras.Model(model.inputs[0], wrt)(picture())
    np.testing.assert_allclose(evaluation.wrt_value, inner, rtol=1e-6)
    kernel = model.get_layer("out").kernel.numpy()[:, 1]
    np.testing.assert_allclose(evaluation.grads.numpy().ravel(), -kernel, rtol=1e-5)


def test_layers_that_no_loss_needs_are_left_out(model):
    objective = Objective(model.inputs[0], [(ActivationMaximization(model.get_layer("conv1"), 0), 1)])
    names = [layer.name for layer in objective._graph.layers]
    assert "conv1" in names
    assert "conv2" not in names


def test_the_users_model_is_left_as_it_was(model):
    def nodes():
        return [(len(layer._inbound_nodes), len(layer._outbound_nodes)) for layer in model.layers]

    before = nodes()
    evaluate(Objective(model.inputs[0], three_losses(model)), picture())
    assert nodes() == before


def test_a_loaded_model_whose_operations_have_keras_own_names(tmp_path):
    inputs = keras.Input((4, 4, 1))
    x = ops.stack([ops.mean(inputs), ops.cast(ops.sum(inputs), "float32")])
    keras.Model(inputs, keras.layers.Identity(name="out")(ops.reshape(x, (1, 2)))).save(tmp_path / "ops.keras")
    keras.backend.clear_session()  # names start from 1 again, as in a new process
    loaded = keras.saving.load_model(tmp_path / "ops.keras")
    losses = [(ActivationMaximization(loaded.layers[-1], 1), 1), (LPNorm(loaded.inputs[0]), 1)]
    inp = tf.ones((1, 4, 4, 1))
    assert evaluate(Objective(loaded.inputs[0], losses), inp).losses.numpy()[0, 0] == pytest.approx(-16)


@pytest.mark.parametrize("reload", [False, True])
def test_a_sequential_model(tmp_path, reload):
    model = small_sequential()
    if reload:
        model.save(tmp_path / "model.keras")
        model = keras.saving.load_model(tmp_path / "model.keras")
    objective = Objective(model.inputs[0], [(ActivationMaximization(model.layers[0], 1), 1)])
    assert np.isfinite(evaluate(objective, tf.ones((1, 8, 8, 1))).losses.numpy()).all()


def test_mixed_precision():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = small_cnn()
    finally:
        keras.mixed_precision.set_global_policy("float32")
    evaluation = evaluate(Objective(model.inputs[0], three_losses(model)), picture())
    assert evaluation.losses.dtype == evaluation.grads.dtype == tf.float32
    assert np.isfinite(evaluation.grads.numpy()).all()


@pytest.mark.parametrize("losses", [[], [3], ["ab"], [(1, 2)], [(LPNorm, 1)]])
def test_what_are_no_losses_is_refused(model, losses):
    with pytest.raises((ValueError, TypeError), match="losses: expected"):
        Objective(model.inputs[0], losses)


@pytest.mark.parametrize("weight", ["1", float("nan")])
def test_a_bad_weight_is_refused(model, weight):
    with pytest.raises((ValueError, TypeError), match="losses: expected a finite number"):
        Objective(model.inputs[0], [(LPNorm(model.inputs[0]), weight)])


def test_an_infinite_filter_that_is_not_selected_does_no_harm():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Rescaling([1, 1e38], name="scale")(inputs))
    losses = [(ActivationMaximization(model.get_layer("scale"), 0), 1.0)]
    objective = Objective(model.inputs[0], losses)
    knobs = [tf.constant(knob) for knob in objective.knobs()]
    found = objective(tf.constant([[1e3, 1e3]]), tf.constant([1.0]), knobs).losses
    np.testing.assert_array_equal(np.ravel(found), [-1e3, -1e3])


# --- each picture with its own losses --------------------------------------------------------------------------------


def pictures(count=4):
    return tf.constant(np.random.default_rng(3).uniform(0, 255, (count, 12, 12, 1)), tf.float32)


def evaluate_each(objective, inp, filters):
    knobs = [tf.constant(np.eye(5, dtype=np.float32)[filters])]
    return objective(inp, tf.constant(objective.weights()), knobs)


def test_each_picture_has_its_losses_and_its_gradient(model):
    each, inp = Objective(model.inputs[0], three_losses(model)), pictures()
    evaluation = evaluate_each(each, inp, [2, 0, 4, 2])
    assert evaluation.losses.shape == (4, 4)
    assert evaluation.grads.shape == evaluation.wrt_value.shape == inp.shape
    joint = Objective(model.inputs[0], three_losses(model))
    for position, index in enumerate([2, 0, 4, 2]):
        one = tf.constant(inp[position : position + 1])
        knobs = [tf.constant(np.eye(5, dtype=np.float32)[[index]])]
        alone = joint(one, tf.constant(joint.weights()), knobs)
        np.testing.assert_allclose(evaluation.losses[position], alone.losses[0], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(evaluation.grads[position], alone.grads[0], rtol=1e-3, atol=1e-7)
        np.testing.assert_array_equal(evaluation.wrt_value[position], one[0])


def test_regularizers_of_a_large_picture_count_from_the_first_weight_on():
    inputs = keras.Input((80, 80, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs))
    activation = ActivationMaximization(model.layers[-1], 0)
    weighed = [(LPNorm(inputs), 0.0), (TotalVariation(inputs), 0.0)]
    whole, alone = Objective(inputs, [(activation, 1.0), *weighed]), Objective(inputs, [(activation, 1.0)])
    inp = tf.constant(np.random.default_rng(0).uniform(0, 255, (2, 80, 80, 3)), tf.float32)
    knobs = [tf.constant([[1.0, 0.0]] * 2)]
    bare, off = alone(inp, tf.constant([[1.0]]), knobs), whole(inp, tf.constant([[1.0, 0.0, 0.0]]), knobs)
    assert not off.losses[:, 1:3].numpy().any()
    np.testing.assert_array_equal(off.grads, bare.grads)
    on = whole(inp, tf.constant([[1.0, 0.0, 0.0], [1.0, 0.0, 3.0]]), knobs)
    penalty, slope = TotalVariation(inputs).penalty(inp[1:])
    np.testing.assert_array_equal(on.grads[0], bare.grads[0])
    np.testing.assert_allclose(on.grads[1], bare.grads[1] + slope(3.0)[0], rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(on.losses[1, 2], 3 * penalty[0, 0, 0, 0], rtol=1e-6)


def test_other_pictures_of_the_batch_make_no_difference(model):
    each, inp, other = Objective(model.inputs[0], three_losses(model)), pictures(), pictures().numpy() * 0.3
    other[1] = inp[1]
    one = evaluate_each(each, inp, [0, 1, 2, 3])
    changed = evaluate_each(each, tf.constant(other), [4, 1, 0, 0])
    np.testing.assert_array_equal(one.losses[1], changed.losses[1])
    np.testing.assert_array_equal(one.grads[1], changed.grads[1])
    assert (one.losses[0] != changed.losses[0]).numpy().any()


def test_the_gradient_of_each_picture_by_an_inner_tensor(model):
    wrt = model.get_layer("conv2").output
    losses = [(ActivationMaximization(model.get_layer("out"), 1), 1)]
    evaluation = evaluate_each(Objective(model.inputs[0], losses, wrt), pictures(3), [4, 1, 0])
    kernel = model.get_layer("out").kernel.numpy()
    np.testing.assert_allclose(evaluation.grads.numpy().reshape(3, -1), -kernel[:, [4, 1, 0]].T, rtol=1e-5)


def test_held_inputs_are_held_for_each_picture():
    image, extra = keras.Input((3,), name="image"), keras.Input((3,), name="extra")
    model = keras.Model([image, extra], keras.layers.Multiply(name="out")([image, extra]))
    losses = [(ActivationMaximization(model.get_layer("out"), 0), 1)]
    held = [(model.inputs[1], np.array([[1, 2, 3]], np.float32))]
    objective = Objective(model.inputs[0], losses, held=held)
    inp = tf.constant(np.arange(6.0).reshape(2, 3), tf.float32)
    evaluation = objective(inp, tf.constant([1.0]), [tf.constant([[0, 0, 1.0], [0, 1, 0]])])
    assert evaluation.losses[:, 0].numpy().tolist() == [-2 * 3, -4 * 2]
    assert evaluation.grads.numpy().tolist() == [[0, 0, -3], [0, -2, 0]]


class Scalar(Loss):
    """keras-vis's way: one number, whatever the batch."""

    name = "Scalar"

    def __init__(self, model):
        self.layer = model.get_layer("out")

    def build_loss(self):
        return -(ops.mean(self.layer.output[..., 1]) ** 2)


def test_a_loss_that_is_one_number_is_computed_picture_by_picture(model):
    objective = Objective(model.inputs[0], [*three_losses(model), (Scalar(model), 0.5)])
    inp, knobs = pictures(), tf.constant(np.eye(5, dtype=np.float32)[[2, 0, 4, 2]])
    weights = tf.constant(objective.weights())
    together = objective(inp, weights, [knobs])
    assert together.losses.shape == (4, 5)
    for position in range(4):
        alone = objective(tf.constant(inp[position : position + 1]), weights, [knobs[position : position + 1]])
        np.testing.assert_allclose(together.losses[position], alone.losses[0], rtol=1e-4)
        np.testing.assert_allclose(together.grads[position], alone.grads[0], rtol=1e-3, atol=1e-7)
        np.testing.assert_array_equal(together.wrt_value[position], inp[position])


def test_a_loss_of_another_shape_is_refused_by_its_name(model):
    class Map(Scalar):
        def build_loss(self):
            return self.layer.output

    with pytest.raises(ValueError, match=r"losses: expected Map\.build_loss\(\) to return a number, or one for each"):
        Objective(model.inputs[0], [(Map(model), 1)])


def test_a_regularizer_written_as_a_loss_is_taken_as_it_is_written(model):
    class Mean(Regularizer):
        name = "Mean"

        def build_loss(self):
            return ops.mean(self.img, axis=[1, 2, 3])

    class Doubled(LPNorm):
        def build_loss(self):
            return 2 * super().build_loss()

    inputs, inp = model.inputs[0], pictures(2)
    losses = [
        (ActivationMaximization(model.get_layer("out"), 1), 1),
        (Mean(inputs), 1),
        (Doubled(inputs), 1),
        (LPNorm(inputs), 1),
    ]
    found = evaluate_each(Objective(inputs, losses), inp, [1, 1]).losses
    np.testing.assert_allclose(found[:, 1], tf.reduce_mean(inp, [1, 2, 3]), rtol=1e-5)
    np.testing.assert_allclose(found[:, 2], 2 * found[:, 3], rtol=1e-5)


def test_a_wrt_tensor_that_is_none(model):
    losses = [(ActivationMaximization(model.get_layer("out"), 1), 1)]
    with pytest.raises(TypeError, match=r"wrt_tensor: expected a symbolic tensor of the model, received 3 \(int\)"):
        Objective(model.inputs[0], losses, 3)
