import re
import signal

import numpy as np
import pytest

import actmax_widget as am
from actmax_widget.callbacks import OptimizerCallback
from actmax_widget.input_modifiers import InputModifier, Jitter
from actmax_widget.losses import ActivationMaximization
from actmax_widget.network.starting import starting_image
from actmax_widget.optimizer import Optimizer
from actmax_widget.regularizers import LPNorm
from actmax_widget.visualization import visualize_activation_with_losses
from tests.networks import exploding, losses_of


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
    assert [loss.name for loss, _ in Optimizer(inp, losses).losses] == ["ActivationMax Loss"]


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
        ("seed_input", np.zeros((12, 12, 2))),
        ("seed_input", np.zeros((1, 10, 10, 1))),
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


# --- ended early -----------------------------------------------------------------------------------------------------


class Raises(Recorder):
    """Raises something at its third iteration."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def callback(self, i, named_losses, overall_loss, grads, wrt_value):
        super().callback(i, named_losses, overall_loss, grads, wrt_value)
        if i == 2:
            raise self.error


def minimized(model, seed, **options):
    return Optimizer(model.inputs[0], losses_of(model)).minimize(seed, **{"max_iter": 30, "verbose": False} | options)


@pytest.mark.parametrize("clip", [False, True])
def test_a_callback_that_has_had_enough_ends_the_run_and_the_picture_so_far_comes_back(model, seed, clip):
    before, enough, after = Recorder(), Raises(StopIteration), Recorder()
    ended = minimized(model, seed, callbacks=[before, enough, after], clip=clip)
    for one, other in zip(ended, minimized(model, seed, max_iter=3, clip=clip), strict=True):
        np.testing.assert_array_equal(one, other)
    for callback in (before, enough, after):
        assert ([call[0] for call in callback.calls], callback.ended) == ([0, 1, 2], 1)


def test_a_callback_ends_the_functions_too(model, seed):
    options = {"seed_input": seed, "max_iter": 30, "clip": True}
    calls = [
        lambda **more: am.visualize_activation(model, "out", 1, **options | more),
        lambda **more: visualize_activation_with_losses(model.inputs[0], losses_of(model), **options | more),
    ]
    for call in calls:
        np.testing.assert_array_equal(call(callbacks=[Raises(StopIteration)]), call(max_iter=3))


@pytest.mark.parametrize("error", [ValueError, SystemExit, StopAsyncIteration])
def test_whatever_else_a_callback_raises_is_raised_on(model, seed, error):
    raising = Raises(error("no"))
    with pytest.raises(error, match="no"):
        minimized(model, seed, callbacks=[raising])
    assert raising.ended == 0


class PressesCtrlC(InputModifier):
    """The signal that Ctrl-C sends, in the middle of a compiled call, which TensorFlow makes in a thread of its own."""

    def __init__(self, at):
        self.at, self.calls = at, 0

    def pre(self, inp):
        self.calls += 1
        if self.calls == self.at:
            signal.raise_signal(signal.SIGINT)
        return inp


def test_ctrl_c_gives_the_picture_so_far(model, seed):
    with pytest.warns(RuntimeWarning, match=r"^Interrupted after (\d+) of 1000000 iterations: this is the pic") as told:
        image = am.visualize_activation(
            model, "out", 1, seed_input=seed, max_iter=10**6, input_modifiers=[PressesCtrlC(300)], clip=True
        )
    (made,) = map(int, re.findall(r"after (\d+) of", str(told[0].message)))
    assert 0 < made < 10**5
    assert told[0].filename == __file__
    straight = am.visualize_activation(
        model, "out", 1, seed_input=seed, max_iter=made, input_modifiers=[PressesCtrlC(0)], clip=True
    )
    np.testing.assert_array_equal(image, straight)


def test_ctrl_c_in_a_callback_counts_the_iteration_and_callbacks_hear_of_the_end(model, seed):
    interrupted, other = Raises(KeyboardInterrupt), Recorder()
    with pytest.warns(RuntimeWarning, match="Interrupted after 3 of 30 iterations"):
        image, _, _ = minimized(model, seed, callbacks=[other, interrupted])
    np.testing.assert_array_equal(image, minimized(model, seed, max_iter=3)[0])
    assert (interrupted.ended, other.ended) == (1, 1)


def test_ctrl_c_before_the_first_iteration_is_raised_on(model, seed):
    recorder = Recorder()
    with pytest.raises(KeyboardInterrupt):
        minimized(model, seed, input_modifiers=[PressesCtrlC(1)], callbacks=[recorder])
    assert (recorder.calls, recorder.ended) == ([], 0)
