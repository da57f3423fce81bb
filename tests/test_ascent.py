import numpy as np
import pytest
import tensorflow as tf

from actmax_widget import grad_modifiers
from actmax_widget.ascent import Ascent, State
from actmax_widget.input_modifiers import InputModifier, Jitter
from actmax_widget.losses import ActivationMaximization
from actmax_widget.objective import Objective
from tests.networks import exploding, losses_of, small_cnn


@pytest.fixture(scope="module")
def model():
    return small_cnn()


@pytest.fixture
def seed():
    return np.random.default_rng(0).uniform(100, 150, (1, 12, 12, 1)).astype("float32")


def ascent_of(model, **options):
    return Ascent(Objective(model.inputs[0], losses_of(model)), **options)


def by_hand(model, seed, steps, learning_rate=1.0, low=-np.inf, high=np.inf):
    """keras-vis's loop in NumPy, on our objective's losses and gradients."""
    objective = Objective(model.inputs[0], losses_of(model))
    knobs = [tf.constant(knob) for knob in objective.knobs()]
    x, cache, rows, measured = np.clip(seed, low, high), 0.0, [], None
    for _ in range(steps):
        measured = x
        evaluation = objective(tf.constant(x), tf.constant(objective.weights()), knobs)
        rows.append(evaluation.losses.numpy())
        g = evaluation.grads.numpy()
        g = g / np.sqrt(max(np.sum(g**2), 1e-12))
        cache = 0.95 * cache + 0.05 * g**2
        x = np.clip(x - learning_rate * g / np.sqrt(cache + 1e-7), low, high).astype("float32")
    return x, measured, np.array(rows)


@pytest.mark.parametrize(("learning_rate", "bounds"), [(1.0, (-np.inf, np.inf)), (3.0, (110.0, 140.0))])
def test_the_compiled_run_is_the_loop_by_hand(model, seed, learning_rate, bounds):
    ascent = ascent_of(model)
    state, steps = ascent.run(State.at(seed), ascent.knobs(learning_rate=learning_rate, bounds=bounds), 12)
    image, measured, rows = by_hand(model, seed, 12, learning_rate, *bounds)
    np.testing.assert_allclose(steps.losses, rows, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(state.image, image, atol=1e-2)
    np.testing.assert_allclose(state.measured, measured, atol=1e-2)
    np.testing.assert_allclose(steps.wrt_value, state.measured)
    assert int(state.iteration) == 12


def test_n_steps_in_one_call_are_n_calls_bit_for_bit(model, seed):
    ascent = ascent_of(model, input_modifiers=[Jitter(2)])
    knobs = ascent.knobs(seed=5)
    at_once, steps = ascent.run(State.at(seed), knobs, 7)
    state, rows = State.at(seed), []
    for n in (1, 4, 2):
        state, part = ascent.run(state, knobs, n)
        rows.append(part.losses)
    np.testing.assert_array_equal(np.concatenate(rows), steps.losses)
    np.testing.assert_array_equal(state.image, at_once.image)
    assert ascent.traces == 1


def test_one_trace_for_every_number_that_can_be_changed(model, seed):
    ascent = ascent_of(model, input_modifiers=[Jitter(0)])
    state = State.at(seed)
    for number in range(20):
        knobs = ascent.knobs(
            weights=[1, number, number / 3],
            learning_rate=1 + number,
            bounds=(0, 100 + number),
            grad_modifier=[None, *grad_modifiers.BUILT_IN][number % 6],
            seed=number,
            losses=[value for loss, _ in losses_of(model, [number % 5, 1]) for value in loss.knobs().values()],
            modifiers=[Jitter(number)],
        )
        state, steps = ascent.run(state, knobs, number + 1)
        assert len(steps.losses) == number + 1
    assert ascent.traces == 1


def test_another_filter_is_another_number(model, seed):
    ascent = ascent_of(model)
    knobs = [value for loss, _ in losses_of(model, 4) for value in loss.knobs().values()]
    _, steps = ascent.run(State.at(seed), ascent.knobs(losses=knobs), 1)
    assert -steps.losses[0, 0] == pytest.approx(float(model(seed)[0, 4]), rel=1e-4)


def test_stop_ends_the_call_in_hand(model, seed):
    ascent = ascent_of(model, input_modifiers=[Stopper()])
    state, steps = ascent.run(State.at(seed), ascent.knobs(), 1000, Stopper.stop)
    assert len(steps.losses) == Stopper.after == int(state.iteration)
    state, steps = ascent.run(state, ascent.knobs(), 1000, Stopper.stop)
    assert len(steps.losses) == 0


class Stopper(InputModifier):
    """Sets the stop flag in the middle of a compiled call, as Pause does from another thread."""

    stop = tf.Variable(False)
    after = 3

    def __init__(self):
        self.calls = 0

    def pre(self, inp):
        self.calls += 1
        if self.calls == self.after:
            self.stop.assign(True)
        return inp


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_last_good_picture():
    model = exploding()
    ascent = Ascent(Objective(model.inputs[0], [(ActivationMaximization(model.get_layer("out"), 0), 1.0)]))
    state, steps = ascent.run(State.at(np.full((1, 4, 4, 1), 140, "float32")), ascent.knobs(), 100)
    assert 1 < len(steps.losses) < 100
    assert np.isfinite(steps.losses[:-1]).all()
    assert not np.isfinite(steps.losses[-1, -1])
    assert np.isfinite(model(state.measured.numpy())).all()


@pytest.mark.parametrize("name", grad_modifiers.BUILT_IN)
def test_gradient_modifiers_act_after_normalisation(model, seed, name):
    ascent = ascent_of(model)
    _, plain = ascent.run(State.at(seed), ascent.knobs(), 1)
    _, steps = ascent.run(State.at(seed), ascent.knobs(grad_modifier=name), 1)
    assert np.sum(plain.grads.numpy() ** 2) == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(steps.grads, grad_modifiers.get(name)(plain.grads), rtol=1e-3)
