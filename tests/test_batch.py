import keras
import numpy as np
import pytest
from keras import layers

from actmax_widget.engine import batch as batch_module
from actmax_widget.engine.batch import Tiles, batch_size
from actmax_widget.engine.objective import Objective
from actmax_widget.engine.step import State, Step, StopFlag, view
from actmax_widget.losses import ActivationMaximization, selection
from tests.networks import losses_of, partly_exploding, small_cnn

LARGE = np.random.default_rng(0).uniform(100, 150, (9, 12, 12, 1)).astype("float32")


def ascent_of(model, losses=None):
    return Step(Objective(model.inputs[0], losses or losses_of(model)))


@pytest.fixture(scope="module")
def step():
    return ascent_of(small_cnn())


def tiles_of(step, filters=range(5), **options):
    """Pictures of units of ``out``, which start from noise, each from its own."""
    numbers = {"learning_rate": options.pop("learning_rate", None)}

    def knobs(where):
        return step.knobs(losses=[np.stack([selection((one,), 5) for one in list(filters)[where]])], **numbers)

    defaults = {"starts": lambda where: State.at(LARGE[where]), "knobs": knobs, "goal": 6, "batch": 2}
    return Tiles(step, len(filters), names=step.objective.names, measures=(), **defaults | options)


def finish(tiles, n=100):
    while not tiles.finished:
        tiles.advance(n)
    return tiles


def test_batch_after_batch(step):
    tiles, seen = tiles_of(step), []
    while not tiles.finished:
        before = tiles.in_hand
        tiles.advance(4)
        seen.append((before, tiles.begun, tiles.done, tiles.iteration))
    assert seen == [
        (slice(0, 2), 2, 0, 4),
        (slice(0, 2), 2, 2, 0),  # 2 of the 4 steps: no more than the goal
        (slice(2, 4), 4, 2, 4),
        (slice(2, 4), 4, 4, 0),
        (slice(4, 5), 5, 4, 4),
        (slice(4, 5), 5, 5, 0),
    ]
    assert [len(tiles.history(position)) for position in range(5)] == [6] * 5


def test_a_state_is_looked_at_without_a_copy_and_cannot_be_written_to(step):
    """A film holds on to many: to copy them took more than all else that is done for it."""
    state = State.at(np.full((1, 12, 12, 1), 7, "float32"))
    shown = batch_module.Batch(("one",), state).pictures
    assert np.shares_memory(shown, view(state.measured))
    assert not shown.flags.writeable
    np.testing.assert_array_equal(shown, state.measured.numpy())
    kept = shown.copy()
    step.run(state, step.knobs(learning_rate=2.0), 3)  # gives another state
    np.testing.assert_array_equal(shown, kept)


def test_before_it_begins(step):
    tiles = tiles_of(step)
    assert (tiles.begun, tiles.done, tiles.iteration, tiles.finished) == (0, 0, 0, False)
    assert tiles.pictures.shape == (0, 12, 12, 1)
    assert tiles.history(3).values.shape == (0, 4)
    assert tiles.names == tiles.history(3).names == ("ActivationMax Loss", "L-6.0 Norm Loss", "TV(2.0) Loss")


def test_starts_and_knobs_are_asked_for_once_a_batch(step):
    asked = []
    tiles = tiles_of(step, [4, 0, 4])
    starts, knobs = tiles._starts, tiles._knobs_of
    tiles._starts = lambda where: asked.append(("start", where)) or starts(where)
    tiles._knobs_of = lambda where: asked.append(("knobs", where)) or knobs(where)
    finish(tiles, 2)
    both = [slice(0, 2), slice(2, 3)]
    assert asked == [(what, where) for where in both for what in ("knobs", "start")]


def test_the_last_row_of_each_is_that_of_its_history(step):
    tiles = tiles_of(step)
    tiles.advance(4)
    rows = tiles.last_rows(0, 5)
    assert rows.shape == (5, 4)
    assert np.isnan(rows[2:]).all()
    finish(tiles)
    rows = tiles.last_rows(1, 5)
    np.testing.assert_array_equal(rows, [tiles.history(position).rows[-1] for position in range(1, 5)])


def test_a_picture_and_its_row_are_of_its_filter_and_its_start(step):
    # The first row is measured at the start: the network tells what must stand there.
    model = keras.Model(step.objective.input_tensor, step.objective.losses[0][0].layer.output)
    tiles = finish(tiles_of(step, [3, 1, 4, 1, 0], goal=1))
    np.testing.assert_array_equal(tiles.pictures, LARGE[:5])
    wanted = model.predict_on_batch(LARGE[:5])[range(5), [3, 1, 4, 1, 0]]
    found = [-tiles.history(position)["ActivationMax Loss"][0] for position in range(5)]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("best", [False, True])
def test_it_makes_no_difference_how_many_steps_are_made_at_once(step, best):
    whole = finish(tiles_of(step, best=best))
    parts = finish(tiles_of(step, best=best), 1)
    np.testing.assert_array_equal(parts.pictures, whole.pictures)
    for position in range(5):
        np.testing.assert_array_equal(parts.history(position).values, whole.history(position).values)


def test_the_last_or_the_best_picture(step):
    def final(goal, *, best):
        tiles = finish(tiles_of(step, [2], goal=goal, best=best, learning_rate=20.0))
        return tiles.pictures[0], tiles.history(0)["total"]

    best, totals = final(6, best=True)
    lowest = int(np.argmin(totals))
    assert lowest < 4  # the steps are so large that the loss goes up
    np.testing.assert_array_equal(best, final(lowest + 2, best=False)[0])  # the one after the best step
    assert (best != final(6, best=False)[0]).any()


def test_a_stop_ends_the_call_and_the_next_one_goes_on(step):
    whole, stopped = finish(tiles_of(step)), tiles_of(step)
    stop = StopFlag()
    for n in (3, 3):
        stop.set(True)
        assert stopped.advance(n, stop).losses.shape == (0, 2, 4)
        stop.set(False)
        stopped.advance(n, stop)
    assert (stopped.begun, stopped.done) == (2, 2)
    finish(stopped)
    np.testing.assert_array_equal(stopped.pictures, whole.pictures)


def test_stopped_before_the_first_step_it_shows_the_start(step):
    tiles = tiles_of(step)
    stop = StopFlag()
    stop.set(True)
    tiles.advance(3, stop)
    assert (tiles.begun, tiles.iteration) == (2, 0)
    np.testing.assert_array_equal(tiles.pictures[:2], LARGE[:2])
    assert len(tiles.history(0)) == 0


# --- losses that are not finite --------------------------------------------------------------------------------------


def explosive(filters, **options):
    model = partly_exploding()
    step = ascent_of(model, [(ActivationMaximization(model.get_layer("out"), 0), 1.0)])
    start = np.full((4, 4, 1), 140, np.float32)
    options = {"goal": 30, "batch": 3, "names": step.objective.names, "measures": ()} | options
    tiles = Tiles(
        step,
        len(filters),
        starts=lambda where: State.at(np.stack([start] * len(filters))[where]),
        knobs=lambda where: step.knobs(losses=[np.stack([selection((one,), 3) for one in filters[where]])]),
        **options,
    )
    return finish(tiles, 7)


def test_a_picture_whose_loss_is_not_finite_ends_alone():
    with_it, without = explosive([0, 1, 2]), explosive([0, 2, 2])
    values = with_it.history(1)["total"]
    assert 1 < len(values) < 30
    assert np.isfinite(values[:-1]).all()
    assert not np.isfinite(values[-1])
    assert np.isfinite(with_it.pictures).all()
    for position in (0, 2):
        np.testing.assert_array_equal(with_it.pictures[position], without.pictures[position])
        np.testing.assert_array_equal(with_it.history(position).values, without.history(position).values)
        assert len(with_it.history(position)) == 30


@pytest.mark.parametrize("batch", [1, 2])
def test_a_batch_of_nothing_else_ends_at_once_and_the_next_one_begins(batch):
    tiles = explosive([1, 1, 0], batch=batch)
    assert len(tiles.history(0)) == len(tiles.history(1)) < 30
    assert len(tiles.history(2)) == 30
    assert np.isfinite(tiles.history(2).values).all()


# --- how many at once ------------------------------------------------------------------------------------------------


def test_as_many_as_fit_in_memory(step, monkeypatch):
    assert batch_size(step) == batch_module.LARGEST_BATCH
    values = 1187 + 5 + 144  # of the network, see test_graph.py; and a bit for knobs and losses
    monkeypatch.setattr(batch_module, "VALUES_AT_ONCE", 7 * values)
    assert 5 <= batch_size(step) <= 7
    monkeypatch.setattr(batch_module, "VALUES_AT_ONCE", 1)
    assert batch_size(step) == 1


def test_a_batch_axis_of_fixed_size_is_kept():
    inputs = keras.Input(batch_shape=(1, 6, 6, 1))
    model = keras.Model(inputs, layers.Dense(3, name="out")(layers.Flatten()(inputs)))
    assert batch_size(ascent_of(model)) == 1
