import numpy as np
import pytest
import tensorflow as tf

from actmax_widget import grad_modifiers
from actmax_widget.callbacks import OptimizerCallback
from actmax_widget.input_modifiers import InputModifier, Jitter
from actmax_widget.losses import ActivationMaximization
from actmax_widget.objective import Objective
from actmax_widget.optimizer import Ascent, Optimizer, State, starting_image
from actmax_widget.regularizers import LPNorm, TotalVariation
from tests.networks import exploding, small_cnn


@pytest.fixture(scope="module")
def model():
    return small_cnn()


@pytest.fixture
def seed():
    return np.random.default_rng(0).uniform(100, 150, (1, 12, 12, 1)).astype("float32")


def losses_of(model, filters=0):
    inp = model.inputs[0]
    return [
        (ActivationMaximization(model.get_layer("out"), filters), 1.0),
        (LPNorm(inp), 10.0),
        (TotalVariation(inp), 0.1),
    ]


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


class Recorder(OptimizerCallback):
    def __init__(self):
        self.calls, self.ended = [], 0

    def callback(self, i, named_losses, overall_loss, grads, wrt_value):
        self.calls.append((i, named_losses, overall_loss, grads, wrt_value))

    def on_end(self):
        self.ended += 1


def test_minimize_gives_picture_gradient_and_value(model, seed):
    recorder = Recorder()
    optimizer = Optimizer(model.inputs[0], losses_of(model))
    image, grads, wrt_value = optimizer.minimize(seed, max_iter=5, callbacks=[recorder], verbose=False)
    assert image.shape == (12, 12, 1)
    assert grads.shape == wrt_value.shape == (1, 12, 12, 1)
    assert [call[0] for call in recorder.calls] == [0, 1, 2, 3, 4]
    assert recorder.ended == 1
    named = recorder.calls[0][1]
    assert [name for name, _ in named] == ["ActivationMax Loss", "L-6.0 Norm Loss", "TV(2.0) Loss"]
    assert recorder.calls[0][2] == pytest.approx(sum(value for _, value in named), rel=1e-6)
    np.testing.assert_array_equal(recorder.calls[0][4], seed)
    np.testing.assert_array_equal(recorder.calls[-1][4], wrt_value)


def test_callbacks_do_not_change_the_result(model, seed):
    optimizer = Optimizer(model.inputs[0], losses_of(model))
    watched = optimizer.minimize(seed, max_iter=30, callbacks=[Recorder()], verbose=False)[0]
    unwatched = optimizer.minimize(seed, max_iter=30, verbose=False)[0]
    np.testing.assert_array_equal(watched, unwatched)


def test_the_callers_list_stays_as_it_is(model, seed, capsys):
    callbacks = [Recorder()]
    Optimizer(model.inputs[0], losses_of(model)).minimize(seed, max_iter=2, callbacks=callbacks, verbose=True)
    assert len(callbacks) == 1
    assert capsys.readouterr().out.count("Iteration: ") == 2


@pytest.mark.parametrize("weight", [0, 0.0, None, False])
def test_a_weight_of_0_or_none_leaves_a_loss_out(model, weight):
    inp = model.inputs[0]
    losses = [(ActivationMaximization(model.get_layer("out"), 0), 1), (LPNorm(inp), weight)]
    assert Optimizer(inp, losses).objective.names == ("ActivationMax Loss",)


def test_clip_keeps_the_input_in_range_and_returns_what_the_network_saw(model):
    recorder = Recorder()
    optimizer = Optimizer(model.inputs[0], losses_of(model), input_range=(0, 255))
    modifiers = [Jitter(0.2), Scale()]
    image, _, wrt_value = optimizer.minimize(
        None, 60, modifiers, callbacks=[recorder], verbose=False, clip=True, learning_rate=20, seed=1
    )
    assert all(call[4].min() >= 0 and call[4].max() <= 255 for call in recorder.calls)
    assert recorder.calls[-1][4].max() == 255
    np.testing.assert_array_equal(image, wrt_value[0])
    assert -recorder.calls[-1][1][0][1] == pytest.approx(float(model(image[None])[0, 0]), rel=1e-5)


class Scale(InputModifier):
    def pre(self, inp):
        return inp * 1.5


def test_the_same_seed_gives_the_same_picture(model):
    optimizer = Optimizer(model.inputs[0], losses_of(model))
    first, again, other = (
        optimizer.minimize(max_iter=20, input_modifiers=[Jitter(2)], verbose=False, seed=seed)[0] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_without_a_seed_numpys_global_state_decides(model):
    optimizer = Optimizer(model.inputs[0], losses_of(model))
    images = []
    for _ in range(2):
        np.random.seed(0)
        images.append(optimizer.minimize(max_iter=3, input_modifiers=[Jitter(2)], verbose=False)[0])
    np.testing.assert_array_equal(*images)


def test_a_function_as_gradient_modifier(model, seed):
    optimizer = Optimizer(model.inputs[0], losses_of(model))
    by_name = optimizer.minimize(seed, 5, grad_modifier="negate", verbose=False)[0]
    by_function = optimizer.minimize(
        seed, 5, grad_modifier=lambda grads: np.negative(grads, dtype="float64"), verbose=False
    )[0]
    np.testing.assert_array_equal(by_name, by_function)


def test_an_inner_wrt_tensor_leaves_the_input_alone(model, seed):
    wrt = model.get_layer("conv1").output
    optimizer = Optimizer(model.inputs[0], losses_of(model)[:1], wrt_tensor=wrt)
    _, grads, wrt_value = optimizer.minimize(seed, 3, verbose=False)
    assert grads.shape == wrt_value.shape == (1, 10, 10, 6)


def test_not_finite_from_the_start_is_an_error_and_later_a_warning():
    model = exploding()
    losses = [(ActivationMaximization(model.get_layer("out"), 0), 1)]
    optimizer = Optimizer(model.inputs[0], losses)
    with pytest.raises(FloatingPointError, match="iteration 1 is"):
        optimizer.minimize(np.full((4, 4, 1), 200.0), verbose=False)
    for callbacks in (None, [Recorder()]):
        with pytest.warns(RuntimeWarning, match="The picture is the best one before it"):
            image = optimizer.minimize(np.full((4, 4, 1), 140.0), verbose=False, callbacks=callbacks)[0]
        assert np.isfinite(image).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_iter", 0),
        ("max_iter", 2.0),
        ("learning_rate", 0),
        ("seed", -1),
        ("grad_modifier", "nope"),
        ("seed_input", "picture"),
        ("seed_input", np.zeros((12, 12))),
        ("seed_input", np.zeros((12, 12, 3))),
        ("seed_input", np.zeros((0, 12, 12, 1))),
        ("seed_input", np.full((12, 12, 1), np.nan)),
    ],
)
def test_bad_arguments_are_named(model, name, value):
    with pytest.raises((ValueError, TypeError), match=f"^{name}: expected "):
        Optimizer(model.inputs[0], losses_of(model)).minimize(**{name: value, "verbose": False})


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "float64"])
def test_a_starting_picture_of_any_number_type_with_or_without_batch_axis(model, dtype):
    picture = np.random.default_rng(0).uniform(0, 2, (12, 12, 1)).astype(dtype)
    for given in (picture, picture[None]):
        start = starting_image(model.inputs[0], given, (0, 255))
        assert start.dtype == np.float32
        np.testing.assert_array_equal(start[0], picture.astype("float32"))


def test_noise_has_exactly_the_mean_and_deviation_of_keras_vis(model):
    start = starting_image(model.inputs[0], None, (-1, 3), np.random.RandomState(0))
    assert start.mean() == pytest.approx(1, abs=1e-5)
    assert start.std() == pytest.approx(0.2, rel=1e-4)


@pytest.mark.parametrize("callbacks", [None, [Recorder()]])
def test_a_progress_bar(model, seed, capsys, callbacks):
    Optimizer(model.inputs[0], losses_of(model)).minimize(seed, 12, progress=True, verbose=False, callbacks=callbacks)
    assert "12/12" in capsys.readouterr().err


def test_a_callback_gets_copies(model, seed):
    class Vandal(OptimizerCallback):
        def callback(self, i, named_losses, overall_loss, grads, wrt_value):
            grads[:] = 0
            wrt_value[:] = 0

    optimizer = Optimizer(model.inputs[0], losses_of(model))
    disturbed = optimizer.minimize(seed, 3, callbacks=[Vandal()], verbose=False)[0]
    np.testing.assert_array_equal(disturbed, optimizer.minimize(seed, 3, verbose=False)[0])
