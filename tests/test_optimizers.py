import keras
import numpy as np
import pytest
import tensorflow as tf

from actmax_widget import optimizers
from actmax_widget.optimizers import SGD, Adam, KerasRMSprop, Lion, Optimizer, RMSProp
from actmax_widget.parameters import number
from actmax_widget.parts import live

STEPS = 20


def gradients(shape=(2, 3, 4, 1)):
    """Of both signs, of all sizes, and some that are 0."""
    random = np.random.default_rng(0)
    found = random.normal(size=(STEPS, *shape)) * 10 ** random.uniform(-3, 2, (STEPS, *shape))
    found[:, 0, 0] = 0
    return found.astype(np.float32)


def trajectory(optimizer, grads, numbers=None):
    """All values an optimizer goes through from 0 on, its numbers given as the engine gives them."""
    batch, rank = grads.shape[1], grads.ndim - 1

    @tf.function(autograph=False)
    def update(value, grad, kept, iteration, numbers):
        return optimizer.bound(numbers).update(value, grad, kept, iteration)

    value = tf.zeros(grads.shape[1:])
    kept = {name: tf.zeros(grads.shape[1:]) for name in optimizer.slots}
    given = {
        name: tf.reshape(tf.broadcast_to(tf.constant(one, tf.float32), [batch]), [batch, *[1] * (rank - 1)])
        for name, one in (optimizer.numbers() | (numbers or {})).items()
    }
    found = []
    for iteration, grad in enumerate(grads):
        value, kept = update(value, tf.constant(grad), kept, tf.constant(iteration), given)
        assert set(kept) == set(optimizer.slots)
        found.append(value.numpy())
    return np.array(found)


def trajectory_of_keras(optimizer, grads):
    variable = keras.Variable(np.zeros(grads.shape[1:], np.float32))
    found = []
    for grad in grads:
        optimizer.apply_gradients([(tf.constant(grad), variable)])
        found.append(variable.numpy())
    return np.array(found)


# --- Keras's own
# ------------------------------------------------------------------------------------------------------

KERAS = [
    lambda: keras.optimizers.SGD(0.05),
    lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    lambda: keras.optimizers.SGD(0.05, momentum=0.7, nesterov=True),
    lambda: keras.optimizers.Adam(0.05),
    lambda: keras.optimizers.Adam(0.01, beta_1=0.5, beta_2=0.9, epsilon=1e-3),
    lambda: keras.optimizers.RMSprop(0.05),
    lambda: keras.optimizers.RMSprop(0.01, rho=0.99, momentum=0.5, epsilon=1e-5),
    lambda: keras.optimizers.RMSprop(0.001, momentum=0.5, centered=True, epsilon=1e-3),
    lambda: keras.optimizers.Lion(0.02),
    lambda: keras.optimizers.Lion(0.02, beta_1=0.6, beta_2=0.8),
]


@pytest.mark.parametrize("make", KERAS)
def test_a_translated_optimizer_goes_where_keras_own_goes(make):
    grads = gradients()
    wanted = trajectory_of_keras(make(), grads)
    assert np.abs(wanted[-1]).max() > 1e-3
    np.testing.assert_allclose(trajectory(optimizers.get(make()), grads), wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (keras.optimizers.SGD, SGD),
        (keras.optimizers.Adam, Adam),
        (keras.optimizers.RMSprop, KerasRMSprop),
        (keras.optimizers.Lion, Lion),
    ],
)
def test_the_numbers_of_keras_are_the_numbers_of_the_translation(make, kind):
    found = optimizers.get(make(learning_rate=0.05))
    assert type(found) is kind
    assert found.learning_rate == 0.05
    assert not found.norm_grads


@pytest.mark.parametrize(
    ("optimizer", "named"),
    [
        (keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)), "Schedules do not work"),
        (keras.optimizers.Adam(clipnorm=1.0), r"Adam without clipping \(clipnorm\)"),
        (keras.optimizers.SGD(clipvalue=1.0), "clipvalue"),
        (keras.optimizers.SGD(global_clipnorm=1.0), "global_clipnorm"),
        (keras.optimizers.RMSprop(weight_decay=0.1), "weight decay"),
        (keras.optimizers.Lion(use_ema=True), "use_ema"),
        (keras.optimizers.Adam(amsgrad=True), "AMSGrad"),
        (keras.optimizers.Adam(loss_scale_factor=2.0), "loss_scale_factor"),
        (keras.optimizers.Adam(gradient_accumulation_steps=2), "gradient_accumulation_steps"),
    ],
)
def test_what_has_no_translation_is_refused_by_its_name(optimizer, named):
    with pytest.raises(ValueError, match=f"optimizer: expected .*{named}"):
        optimizers.get(optimizer)


@pytest.mark.parametrize("kind", [keras.optimizers.AdamW, keras.optimizers.Nadam, keras.optimizers.Adagrad])
def test_another_class_of_keras_is_refused_by_its_name(kind):
    with pytest.raises(TypeError, match=f"{kind.__name__} has no translation"):
        optimizers.get(kind())


# --- what may be said
# -------------------------------------------------------------------------------------------------


def test_optimizers_have_names_and_stay_what_they_are():
    assert type(optimizers.get(None)) is type(optimizers.get("rmsprop")) is RMSProp
    kinds = {"adam": Adam, "sgd": SGD, "lion": Lion, "Adam": Adam}
    assert {name: type(optimizers.get(name)) for name in kinds} == kinds
    own = Adam(0.2)
    assert optimizers.get(own) is own


def test_what_is_no_optimizer_is_refused():
    with pytest.raises(ValueError, match=r"optimizer: expected None, one of rmsprop, adam, sgd, lion.*received 'adm'"):
        optimizers.get("adm")
    with pytest.raises(TypeError, match=r"Make one of it: Adam\(\)"):
        optimizers.get(Adam)
    with pytest.raises(TypeError, match="optimizer: expected"):
        optimizers.get(0.1)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Adam(0), "learning_rate"),
        (lambda: Adam(beta_1=1), "beta_1"),
        (lambda: Adam(epsilon=0), "epsilon"),
        (lambda: SGD(momentum=-0.1), "momentum"),
        (lambda: Lion(beta_2=2), "beta_2"),
        (lambda: RMSProp(float("nan")), "learning_rate"),
    ],
)
def test_a_number_out_of_bounds_is_refused(make, name):
    with pytest.raises(ValueError, match=f"{name}: expected a finite number"):
        make()


def test_what_is_no_flag_is_refused():
    with pytest.raises(TypeError, match="nesterov: expected True or False"):
        SGD(nesterov=1)


# --- updates
# ----------------------------------------------------------------------------------------------------------


def test_rmsprop_is_that_of_keras_vis():
    grads, cache, value = gradients(), 0.0, 0.0
    for grad in grads:
        cache = 0.95 * cache + 0.05 * grad.astype(np.float64) ** 2
        value = value - 2 * grad / np.sqrt(cache + 1e-7)
    np.testing.assert_allclose(trajectory(RMSProp(2), grads)[-1], value, rtol=1e-5, atol=1e-5)
    assert RMSProp().learning_rate == 1
    assert RMSProp().norm_grads


def test_adam_is_its_definition():
    grads, mean, square, value = gradients().astype(np.float64), 0.0, 0.0, 0.0
    for time, grad in enumerate(grads, 1):
        mean = 0.9 * mean + 0.1 * grad
        square = 0.999 * square + 0.001 * grad**2
        corrected = mean / (1 - 0.9**time), square / (1 - 0.999**time)
        value = value - 0.05 * corrected[0] / (np.sqrt(corrected[1]) + 1e-7 / np.sqrt(1 - 0.999**time))
    np.testing.assert_allclose(trajectory(Adam(), gradients())[-1], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "optimizer", [RMSProp(), Adam(), SGD(0.1, 0.9), Lion(), KerasRMSprop(), KerasRMSprop(centered=True)]
)
def test_each_picture_has_numbers_and_a_memory_of_its_own(optimizer):
    grads = gradients()
    rates = np.array([1e-3, 2e-3], np.float32)
    together = trajectory(optimizer, grads, {"learning_rate": rates})
    for position, rate in enumerate(rates):
        alone = trajectory(optimizer, grads[:, position : position + 1], {"learning_rate": rate})
        np.testing.assert_allclose(together[:, position], alone[:, 0], rtol=1e-5, atol=1e-6 * np.abs(alone).max())


@pytest.mark.parametrize("optimizer", [RMSProp(), Adam(), SGD(0.1, 0.9, nesterov=True), Lion(), KerasRMSprop()])
def test_all_numbers_are_live_and_other_ones_have_the_same_signature(optimizer):
    assert "learning_rate" in live(optimizer)
    assert optimizer.signature() == optimizer.bound({"learning_rate": 0.3, "name": "Mine"}).signature()


def test_what_shapes_the_update_is_in_the_signature():
    assert SGD().signature() != SGD(nesterov=True).signature()
    assert KerasRMSprop().signature() != KerasRMSprop(centered=True).signature()
    assert Adam().signature() != Lion().signature()


def test_an_optimizer_of_ones_own():
    class Damped(Optimizer):
        slots: tuple[str, ...] = ("speed",)
        damping = number(0.5, least=0, most=1, help="Share of the speed that is lost.")

        def update(self, value, grad, kept, iteration):
            speed = (1 - self.damping) * kept["speed"] - self.learning_rate * grad
            return value + speed, {"speed": speed}

    own = optimizers.get(Damped(0.1, damping=0.25))
    assert own.numbers() == {"learning_rate": 0.1, "damping": 0.25}
    assert own.name == "Damped"
    assert own.signature() is None
    grads, speed, value = gradients(), 0.0, 0.0
    for grad in grads:
        speed = 0.75 * speed - 0.1 * grad
        value = value + speed
    np.testing.assert_allclose(trajectory(own, grads)[-1], value, rtol=1e-4, atol=1e-5)


def test_an_optimizer_without_update_says_so():
    with pytest.raises(NotImplementedError):
        Optimizer().update(tf.zeros(1), tf.zeros(1), {}, tf.constant(0))
