import numpy as np
import pytest
import tensorflow as tf

from actmax_widget import grad_modifiers
from actmax_widget.engine.objective import Objective, knobs_of
from actmax_widget.engine.step import State, Step, StopFlag
from actmax_widget.input_modifiers import InputModifier, Jitter
from actmax_widget.losses import ActivationMaximization
from actmax_widget.regularizers import LPNorm
from tests.networks import exploding, losses_of, partly_exploding


def ascent_of(model, **options):
    return Step(Objective(model.inputs[0], losses_of(model)), **options)


def by_hand(model, seed, steps, learning_rate=1.0, low=-np.inf, high=np.inf):
    """keras-vis's loop in NumPy, on our objective's losses and gradients."""
    objective = Objective(model.inputs[0], losses_of(model))
    knobs = [tf.constant(knob) for knob in objective.knobs()]
    x, cache, rows, measured = np.clip(seed, low, high), 0.0, [], None
    for _ in range(steps):
        measured = x
        evaluation = objective(tf.constant(x), tf.constant(objective.weights()), knobs)
        rows.append(evaluation.losses[0].numpy())
        g = evaluation.grads.numpy()
        g = g / np.sqrt(max(np.sum(g**2), 1e-12))
        cache = 0.95 * cache + 0.05 * g**2
        x = np.clip(x - learning_rate * g / np.sqrt(cache + 1e-7), low, high).astype("float32")
    return x, measured, np.array(rows)


@pytest.mark.parametrize(("learning_rate", "bounds"), [(1.0, (-np.inf, np.inf)), (3.0, (110.0, 140.0))])
def test_the_compiled_run_is_the_loop_by_hand(model, seed, learning_rate, bounds):
    step = ascent_of(model)
    state, steps = step.run(State.at(seed), step.knobs(learning_rate=learning_rate, bounds=bounds), 12)
    image, measured, rows = by_hand(model, seed, 12, learning_rate, *bounds)
    np.testing.assert_allclose(steps.losses[:, 0], rows, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(state.params["pixels"], image, atol=1e-2)
    np.testing.assert_allclose(state.measured, measured, atol=1e-2)
    np.testing.assert_allclose(steps.wrt_value, state.measured)
    assert int(state.iteration) == 12


def test_n_steps_in_one_call_are_n_calls_bit_for_bit(model, seed):
    step = ascent_of(model, input_modifiers=[Jitter(2)])
    knobs = step.knobs(seed=5)
    at_once, steps = step.run(State.at(seed), knobs, 7)
    state, rows = State.at(seed), []
    for n in (1, 4, 2):
        state, part = step.run(state, knobs, n)
        rows.append(part.losses)
    np.testing.assert_array_equal(np.concatenate(rows), steps.losses)
    np.testing.assert_array_equal(state.params["pixels"], at_once.params["pixels"])
    assert step.traces == 1


@pytest.mark.parametrize("pictures", [1, 3])
def test_states_on_the_way_are_those_of_calls_that_end_there(model, seed, pictures):
    step = ascent_of(model, input_modifiers=[Jitter(2)])
    start = State.at(np.concatenate([seed + number for number in range(pictures)]))
    knobs = step.knobs(seed=range(pictures), losses=[one.repeat(pictures, axis=0) for one in step.objective.knobs()])
    start, _ = step.run(start, knobs, 3)
    for n, every in ((17, 5), (17, 1), (12, 5), (1, 4), (1, 5), (30, 100)):
        end, steps = step.run(start, knobs, n, every=every)
        assert [*steps.passed.iterations] == [one for one in range(4, 4 + n) if one % every == 0]
        for position, iteration in enumerate(steps.passed.iterations):
            expected, _ = step.run(start, knobs, iteration - 3)
            tf.nest.map_structure(np.testing.assert_array_equal, steps.passed.state(position), expected)
        tf.nest.map_structure(np.testing.assert_array_equal, end, step.run(start, knobs, n)[0])
    assert step.run(start, knobs, 20)[1].passed.iterations == range(0)
    assert step.traces == 1


def test_one_trace_for_every_number_that_can_be_changed(model, seed):
    step = ascent_of(model, input_modifiers=[Jitter(0)])
    state = State.at(seed)
    for number in range(20):
        knobs = step.knobs(
            weights=[1, number, number / 3],
            learning_rate=1 + number,
            bounds=(0, 100 + number),
            grad_modifier=[None, *grad_modifiers.BUILT_IN][number % 6],
            seed=number,
            losses=knobs_of(loss for loss, _ in losses_of(model, [number % 5, 1])),
            modifiers=[Jitter(number)],
        )
        state, steps = step.run(state, knobs, number + 1)
        assert len(steps.losses) == number + 1
    assert step.traces == 1


def test_another_filter_is_another_number(model, seed):
    step = ascent_of(model)
    knobs = knobs_of(loss for loss, _ in losses_of(model, 4))
    _, steps = step.run(State.at(seed), step.knobs(losses=knobs), 1)
    assert -steps.losses[0, 0, 0] == pytest.approx(float(model(seed)[0, 4]), rel=1e-4)


def test_stop_ends_the_call_in_hand(model, seed):
    step = ascent_of(model, input_modifiers=[Stopper()])
    state, steps = step.run(State.at(seed), step.knobs(), 1000, Stopper.stop, every=2)
    assert len(steps.losses) == Stopper.after == int(state.iteration)
    assert [*steps.passed.iterations] == [2]
    state, steps = step.run(state, step.knobs(), 1000, Stopper.stop)
    assert len(steps.losses) == 0


@pytest.mark.parametrize("before", [0, 4, 5])
def test_a_stop_between_the_two_loops_makes_no_step(model, seed, monkeypatch, before):
    """Pause may come when the outer one has looked at the flag, and the inner one has not."""
    start = ascent_of(model)
    state, _ = start.run(State.at(seed), start.knobs(), before) if before else (State.at(seed), None)
    asked = []

    def stopped(**_):
        return tf.ensure_shape(tf.numpy_function(lambda: bool(asked.append(0) or len(asked) > 1), [], tf.bool), [])

    monkeypatch.setattr(tf.raw_ops, "ReadVariableOp", stopped)
    step = ascent_of(model)
    after, steps = step.run(state, step.knobs(), 3, every=2)
    assert len(asked) > 1
    assert len(steps.losses) == len(steps.passed.iterations) == 0
    assert int(after.iteration) == before


class Stopper(InputModifier):
    """Sets the stop flag in the middle of a compiled call, as Pause does from another thread."""

    stop = StopFlag()
    after = 3

    def __init__(self):
        self.calls = 0

    def pre(self, inp):
        self.calls += 1
        if self.calls == self.after:
            self.stop.set(True)
        return inp


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_last_good_picture():
    model = exploding()
    step = Step(Objective(model.inputs[0], [(ActivationMaximization(model.get_layer("out"), 0), 1.0)]))
    state, steps = step.run(State.at(np.full((1, 4, 4, 1), 140, "float32")), step.knobs(), 100)
    assert 1 < len(steps.losses) < 100
    assert np.isfinite(steps.losses[:-1]).all()
    assert not np.isfinite(steps.losses[-1, 0, -1])
    assert np.isfinite(model(state.measured.numpy())).all()


@pytest.mark.parametrize("name", grad_modifiers.BUILT_IN)
def test_gradient_modifiers_act_after_normalisation(model, seed, name):
    step = ascent_of(model)
    _, plain = step.run(State.at(seed), step.knobs(), 1)
    _, steps = step.run(State.at(seed), step.knobs(grad_modifier=name), 1)
    assert np.sum(plain.grads.numpy() ** 2) == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(steps.grads, grad_modifiers.get(name)(plain.grads), rtol=1e-3)


# --- pictures of a batch, each by itself ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def each(model):
    return Step(Objective(model.inputs[0], losses_of(model)), input_modifiers=[Jitter(0)])


@pytest.fixture
def seeds():
    return np.random.default_rng(1).uniform(0, 255, (5, 12, 12, 1)).astype("float32")


def stopped():
    stop = StopFlag()
    stop.set(True)
    return stop


def selections(*filters):
    return np.eye(5, dtype=np.float32)[list(filters)]


def run_each(each, seeds, filters, n, **knobs):
    return each.run(State.at(seeds), each.knobs(losses=[selections(*filters)], **knobs), n)


def test_a_state_for_each_picture(seeds):
    state = State.at(seeds)
    assert state.best_loss.numpy().tolist() == [np.inf] * 5
    assert state.sound.numpy().tolist() == [True] * 5


@pytest.mark.parametrize("knobs", [{}, {"learning_rate": 5.0, "bounds": (50.0, 200.0), "weights": [9.0, 1.0, 0.01]}])
def test_each_picture_is_made_as_alone(model, each, seeds, knobs):
    state, steps = run_each(each, seeds, [3, 0, 0, 4, 1], 8, **knobs)
    assert steps.losses.shape == (8, 5, 4)
    assert steps.grads.shape == steps.wrt_value.shape == (5, 12, 12, 1)
    assert int(state.iteration) == 8
    alone = ascent_of(model)
    for position, index in enumerate([3, 0, 0, 4, 1]):
        own, rows = alone.run(State.at(seeds[[position]]), alone.knobs(losses=[selections(index)], **knobs), 8)
        np.testing.assert_allclose(steps.losses[:, position], rows.losses[:, 0], rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(state.params["pixels"][position], own.params["pixels"][0], atol=0.02)
        for name in ("measured", "best"):
            np.testing.assert_allclose(getattr(state, name)[position], getattr(own, name)[0], atol=0.02)
        assert float(state.best_loss[position]) == pytest.approx(float(own.best_loss[0]), rel=1e-3)


def test_batch_mates_make_no_difference_bit_for_bit(each, seeds):
    others = seeds[::-1].copy()
    others[2] = seeds[2]
    one, rows = run_each(each, seeds, [0, 1, 2, 3, 4], 30)
    other, other_rows = run_each(each, others, [4, 4, 2, 0, 0], 30)
    np.testing.assert_array_equal(one.params["pixels"][2], other.params["pixels"][2])
    np.testing.assert_array_equal(rows.losses[:, 2], other_rows.losses[:, 2])
    assert (one.params["pixels"][0] != other.params["pixels"][0]).numpy().any()


def test_each_gradient_has_its_own_norm(each, seeds):
    _, steps = run_each(each, seeds * np.reshape([0.01, 0.1, 1, 1, 1], (5, 1, 1, 1)), range(5), 1)
    np.testing.assert_allclose(np.sum(steps.grads.numpy() ** 2, (1, 2, 3)), 1, rtol=1e-4)


def test_without_norm_grads_the_gradients_are_as_they_are(model, seeds):
    objective = Objective(model.inputs[0], losses_of(model))
    _, steps = run_each(Step(objective, norm_grads=False), seeds, range(5), 1)
    knobs = [tf.constant(selections(*range(5)))]
    wanted = objective(tf.constant(seeds), tf.constant(objective.weights()), knobs).grads
    np.testing.assert_allclose(steps.grads, wanted, rtol=1e-4, atol=1e-6)


def test_one_trace_for_a_single_picture_and_one_for_any_number(model, seeds):
    each = Step(Objective(model.inputs[0], losses_of(model)), input_modifiers=[Jitter(0)])
    for number in (1, 5, 2, 3):
        _, steps = run_each(each, seeds[:number], range(number), 2, modifiers=[Jitter(number)], seed=number)
        assert steps.losses.shape == (2, number, 4)
    assert each.traces == 2
    assert each.is_compiled(1)
    assert each.is_compiled(7)


@pytest.mark.parametrize("numbers", [(1, 3), (3, 1)])
def test_a_single_picture_has_a_graph_of_its_own_whichever_came_first(model, seeds, numbers):
    step = ascent_of(model)
    for number in numbers:
        step.run(State.at(seeds[:number]), step.knobs(losses=[selections(*range(number))]), 1)
    assert step.traces == 2


def test_what_was_not_compiled_is_not_compiled(model, seeds):
    step = ascent_of(model)
    assert not step.is_compiled(1)
    step.run(State.at(seeds[:2]), step.knobs(losses=[selections(0, 1)]), 1)
    assert (step.is_compiled(1), step.is_compiled(2)) == (False, True)


def test_without_a_seed_in_common_each_picture_is_jittered_by_its_own_offsets(each, seeds):
    alike = seeds[:1].repeat(3, axis=0)
    state, _ = run_each(each, alike, [2, 2, 2], 4, modifiers=[Jitter(4)], seed=[9, 9, 5])
    np.testing.assert_array_equal(state.measured[0], state.measured[1])
    assert (state.measured[0] != state.measured[2]).numpy().any()


def test_a_gradient_modifier_that_the_step_does_not_know_is_refused(model, seed):
    step = ascent_of(model)
    _, steps = step.run(State.at(seed), step.knobs(), 1)
    _, negated = step.run(State.at(seed), step.knobs(grad_modifier=grad_modifiers.negate), 1)
    np.testing.assert_array_equal(negated.grads, -steps.grads)
    with pytest.raises(ValueError, match=r"grad_modifier: expected None, one of negate, .*made with"):
        step.knobs(grad_modifier=lambda grads: grads)


def test_the_pictures_of_a_batch_are_jittered_by_the_same_offsets(each, seeds):
    alike = seeds[:1].repeat(3, axis=0)
    state, _ = run_each(each, alike, [2, 2, 2], 4, modifiers=[Jitter(4)], seed=9)
    still, _ = run_each(each, alike, [2, 2, 2], 4, modifiers=[Jitter(0)])
    np.testing.assert_array_equal(state.measured[1:], state.measured[:1].numpy().repeat(2, axis=0))
    assert (state.measured[0] != still.measured[0]).numpy().any()


def test_stopped_at_once_there_are_no_rows_and_nothing_has_changed(each, seeds):
    knobs = each.knobs(losses=[selections(*range(5))])
    state, steps = each.run(State.at(seeds), knobs, 10, stopped())
    assert steps.losses.shape == (0, 5, 4)
    np.testing.assert_array_equal(state.params["pixels"], seeds)
    np.testing.assert_array_equal(state.measured, seeds)
    assert int(state.iteration) == 0


def test_a_picture_that_is_not_sound_any_more_stays_as_it_was_and_the_others_go_on():
    model = partly_exploding()
    step = Step(Objective(model.inputs[0], [(ActivationMaximization(model.get_layer("out"), 0), 1.0)]))
    state = State.at(np.full((3, 4, 4, 1), 140, "float32"))
    knobs = step.knobs(losses=[np.eye(3, dtype="float32")])
    states, rows = [state], []
    for _ in range(20):
        state, steps = step.run(state, knobs, 1)
        states.append(state)
        rows.append(steps.losses[0])
    bad = [i for i, row in enumerate(rows) if not np.isfinite(row[1, -1])]
    first = bad[0]
    assert 0 < first < 15
    assert [one.sound.numpy().tolist() for one in states] == [[True, i <= first, True] for i in range(21)]
    for one in states[first + 1 :]:
        for name in ("measured", "best", "best_loss"):
            np.testing.assert_array_equal(getattr(one, name)[1], getattr(states[first], name)[1])
    assert np.isfinite(model(states[-1].measured.numpy())).all()
    assert np.isfinite([row[[0, 2]] for row in rows]).all()
    darkest = [float(tf.reduce_mean(one.measured[0])) for one in states[1:]]
    assert darkest == sorted(darkest, reverse=True)
    assert darkest[-1] < darkest[first] < 140


def test_the_run_ends_when_no_picture_is_sound():
    model = partly_exploding()
    step = Step(Objective(model.inputs[0], [(ActivationMaximization(model.get_layer("out"), 0), 1.0)]))
    start = np.full((2, 4, 4, 1), 140, "float32")
    start[1] = 148  # explodes earlier
    state, steps = step.run(State.at(start), step.knobs(losses=[np.eye(3, dtype="float32")[[1, 1]]]), 99)
    assert not state.sound.numpy().any()
    made = [np.flatnonzero(~np.isfinite(steps.losses[:, k, -1]))[0] + 1 for k in (0, 1)]
    assert 1 <= made[1] < made[0] == len(steps.losses) < 99


def test_the_best_picture_is_the_one_after_the_step_of_the_lowest_loss(each, seeds):
    state, steps = run_each(each, seeds, range(5), 7, learning_rate=20.0)
    totals = steps.losses[..., -1]
    np.testing.assert_array_equal(state.best_loss, totals.min(axis=0))
    lowest = totals.argmin(axis=0)
    assert (lowest < 6).any()
    for position, row in enumerate(lowest):
        then, _ = run_each(each, seeds, range(5), int(row) + 1, learning_rate=20.0)
        np.testing.assert_array_equal(state.best[position], then.params["pixels"][position])


def test_the_running_mean_moves_along_with_a_jittered_picture(model, seed):
    # The norm is the same wherever the picture is: with its memory moved along, jitter only moves the result (B8).
    objective = Objective(model.inputs[0], [(LPNorm(model.inputs[0], 2.0), 1.0)])
    still, moved = (Step(objective, input_modifiers=[Jitter(jitter)]) for jitter in (0, 4))
    wanted, found = (
        step.run(State.at(seed), step.knobs(seed=3, learning_rate=2.0), 12)[0].measured.numpy()
        for step in (still, moved)
    )
    rolled = [np.roll(wanted, (rows, columns), (1, 2)) for rows in range(12) for columns in range(12)]
    apart = [np.abs(found - one).max() for one in rolled]
    assert min(apart) < 1e-3
    assert np.argmin(apart) != 0
