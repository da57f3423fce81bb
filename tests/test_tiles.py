import threading

import keras
import numpy as np
import pytest
from keras import layers

import actmax_widget as am
from actmax_widget.engine import batch as batch_module
from actmax_widget.input_modifiers import Jitter
from actmax_widget.live import recipe
from actmax_widget.live.facts import Status
from actmax_widget.live.session import Session
from actmax_widget.live.tiles import Tiles
from actmax_widget.network import Network
from actmax_widget.settings import Settings
from tests.networks import channels_first, small_cnn


@pytest.fixture(autouse=True)
def three_at_once(monkeypatch):
    monkeypatch.setattr(batch_module, "LARGEST_BATCH", 3)


class Driven(Tiles):
    """Tiles that a test advances by hand: no thread, and a clock on which a step takes 8 ms, and nothing else any."""

    def __init__(self, model, filters=None, **settings):
        self.workers, self.statuses = [], []
        settings = {"layer": "conv2", "max_iter": 20} | settings
        worker = {"spawn": self.workers.append, "notify": self.note, "clock": self.seconds}
        super().__init__(Network(model), Settings(**settings), filters, **worker)

    def seconds(self):
        batches = -(-self.done // 3)
        return 0.008 * (batches * self.settings.max_iter + self.iteration)

    def note(self):
        if self.statuses[-1:] != [self.status]:
            self.statuses.append(self.status)

    def until_idle(self, calls=1000):
        """Advance until there is nothing to do; after each call how many are begun, how many done, the iteration."""
        seen = []
        for _ in range(calls):
            if self.advance() is None:
                return seen
            seen.append((self.begun, self.done, self.iteration))
        raise AssertionError("The tiles did not come to an end.")

    def until(self, condition):
        while not condition():
            assert self.advance() is not None


def finished(model, *args, **settings):
    tiles = Driven(model, *args, **settings)
    tiles.start()
    tiles.until_idle()
    assert tiles.status is Status.FINISHED
    return tiles


def histories(tiles):
    return [tiles.history(position) for position in range(len(tiles.filters))]


def test_new_tiles_have_no_pictures(model):
    tiles = Driven(model)
    assert (tiles.status, tiles.begun, tiles.done, tiles.iteration, tiles.error) == (Status.READY, 0, 0, 0, "")
    assert tiles.filters == tuple(range(8))
    assert tiles.images.shape == (0, 12, 12, 1)
    assert len(tiles.history(0)) == 0
    assert tiles.advance() is None


def test_they_grow_batch_by_batch(model):
    tiles = Driven(model)
    tiles.start()
    seen = tiles.until_idle()
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert {done for _, done, _ in seen} == {0, 3, 6, 8}
    assert {(begun, done) for begun, done, _ in seen} == {(0, 0), (3, 0), (3, 3), (6, 3), (6, 6), (8, 6), (8, 8)}
    for there, iterations in [(0, [1, 5, 9, 13, 17]), (3, [4, 8, 12, 16]), (6, [4, 8, 12, 16])]:
        assert [iteration for _, done, iteration in seen if done == there and iteration] == iterations
    assert [len(history) for history in histories(tiles)] == [20] * 8
    assert tiles.images.shape == (8, 12, 12, 1)


def test_statuses_of_a_run_with_a_pause():
    tiles = Driven(small_cnn())
    tiles.start()
    tiles.until(lambda: tiles.iteration)
    tiles.pause()
    assert tiles.until_idle() == []
    tiles.start()
    tiles.until_idle()
    assert tiles.statuses == ["compiling", "running", "paused", "running", "finished"]
    assert len(tiles.workers) == 2


def test_a_tile_is_the_picture_that_visualize_layer_makes(model):
    settings = {"tv_weight": 0.5, "learning_rate": 3.0, "seed": 5, "input_range": (20, 200), "max_iter": 12}
    tiles = finished(model, jitter=2, **settings)
    images, losses = am.visualize_layer(
        model, "conv2", clip=True, input_modifiers=[Jitter(2)], progress=False, **settings
    )
    np.testing.assert_array_equal(tiles.images, images)
    for own, wanted in zip(histories(tiles), losses, strict=True):
        np.testing.assert_array_equal(own.values, wanted.values)


@pytest.mark.parametrize(
    "settings", [{"backprop_modifier": "guided"}, {"grad_modifier": "negate"}, {"clip": False, "jitter": 1.0}]
)
def test_a_tile_is_the_picture_that_a_run_makes(model, settings):
    settings = {"max_iter": 8, "seed": 2} | settings
    tiles = finished(model, [6, 1], **settings)
    for position, index in enumerate(tiles.filters):
        options = Settings(layer="conv2", filter_indices=index, steps_per_second=None, **settings)
        session = Session(Network(model), options, spawn=lambda work: None)
        session.start()
        while session.advance() is not None:
            pass
        np.testing.assert_allclose(tiles.images[position], session.image, atol=0.02)
        np.testing.assert_allclose(tiles.history(position).values, session.history.values, rtol=1e-3, atol=1e-3)


def test_a_starting_picture(model):
    start = np.random.default_rng(0).uniform(0, 255, (12, 12, 1)).astype("float32")
    for image in finished(model, seed_input=start, max_iter=1).images:
        np.testing.assert_array_equal(image, start)


def different(images):
    return len({image.tobytes() for image in images})


def test_without_a_seed_each_tile_starts_from_noise_of_its_own_another_each_time(model):
    made = [finished(model, [2] * 7, seed=None, max_iter=1).images for _ in range(2)]
    assert different(np.concatenate(made)) == 14
    assert different(finished(model, [2] * 7, seed=3, max_iter=1).images) == 1


def test_without_a_seed_each_tile_is_jittered_by_offsets_of_its_own(model):
    start = np.random.default_rng(0).uniform(0, 255, (12, 12, 1)).astype("float32")
    for seed, wanted in [(None, 3), (0, 1)]:
        tiles = finished(model, [2] * 3, seed=seed, seed_input=start, jitter=4, max_iter=20)
        images, _ = am.visualize_layer(
            model, "conv2", [2] * 3, seed=seed, seed_input=start, input_modifiers=[Jitter(4)], clip=True, progress=False
        )
        assert different(tiles.images) == different(images) == wanted


@pytest.mark.parametrize("max_iter", [1, 20])
def test_the_function_and_the_widget_agree_on_what_no_seed_means(model, max_iter):
    for seed, wanted in [(None, 4), (0, 1)]:
        widget = am.ActMaxWidget(model, layer="conv2", seed=seed, max_iter=max_iter)
        widget.visualize_layer([2] * 4)
        assert widget.wait(60)
        images, _ = am.visualize_layer(model, "conv2", [2] * 4, seed=seed, max_iter=max_iter, clip=True, progress=False)
        assert different(widget.tiles.images) == different(images) == wanted


@pytest.mark.parametrize(
    ("filters", "wanted"), [(None, tuple(range(8))), (3, (3,)), ([5, -1, 5], (5, 7, 5)), (range(2), (0, 1))]
)
def test_filters_of_any_kind(model, filters, wanted):
    assert Driven(model, filters).filters == wanted


@pytest.mark.parametrize(
    ("filters", "error"),
    [(8, ValueError), ([], ValueError), ("1", TypeError), ([None], TypeError), ([1, None], TypeError)],
)
def test_filters_that_there_are_not_are_refused(model, filters, error):
    with pytest.raises(error, match=r"^filters: expected "):
        Driven(model, filters)


def test_they_have_numbers_of_their_own(model):
    first, second = Driven(model), Driven(model)
    assert first.number != second.number


# --- pauses ----------------------------------------------------------------------------------------------------------


def test_a_pause_after_any_call_makes_no_difference(model):
    straight, paused = finished(model, jitter=2), Driven(model, jitter=2)
    for _ in range(1000):
        paused.start()
        if paused.status is Status.FINISHED:
            break
        paused.advance()
        paused.pause()
        assert paused.advance() is None
    np.testing.assert_array_equal(paused.images, straight.images)
    for own, wanted in zip(histories(paused), histories(straight), strict=True):
        np.testing.assert_array_equal(own.values, wanted.values)
    assert len(paused.workers) > 10


@pytest.mark.parametrize("made", [0, 1, 2])
def test_a_pause_inside_of_a_call_ends_it_after_the_step_in_hand(model, monkeypatch, made):
    straight, paused = finished(model), Driven(model)
    paused.start()
    paused.until(lambda: paused.iteration > 1)
    run = paused._step.run

    def interrupted(state, knobs, n, stop):
        assert n > made
        paused.pause()  # by another thread, after so many steps
        assert stop.numpy()
        return run(state, knobs, made)

    before = paused.iteration
    with monkeypatch.context() as patch:
        patch.setattr(paused._step, "run", interrupted)
        paused.advance()
    assert (paused.status, paused.iteration) == (Status.PAUSED, before + made)
    assert paused.advance() is None
    paused.start()
    paused.until_idle()
    np.testing.assert_array_equal(paused.images, straight.images)


def test_a_pause_just_before_a_call_makes_no_step(model, monkeypatch):
    tiles = Driven(model)
    tiles.start()
    tiles.until(lambda: tiles.iteration)
    before = tiles.iteration
    steps = tiles._pace.steps
    monkeypatch.setattr(tiles._pace, "steps", lambda *args: tiles.pause() or steps(*args))
    tiles.advance()
    assert (tiles.status, tiles.iteration) == (Status.PAUSED, before)


def test_start_does_nothing_while_they_run_and_when_they_are_finished(model):
    tiles = Driven(model)
    tiles.start()
    tiles.start()
    tiles.until_idle()
    images = tiles.images
    tiles.start()
    assert (tiles.status, len(tiles.workers)) == (Status.FINISHED, 1)
    np.testing.assert_array_equal(tiles.images, images)


def test_paused_while_they_compile_they_stay_paused(model, monkeypatch):
    tiles = Driven(model)
    compiled = recipe.step_for
    with monkeypatch.context() as patch:
        patch.setattr(recipe, "step_for", lambda *args, **options: tiles.pause() or compiled(*args, **options))
        tiles.start()
        tiles.advance()
    assert tiles.status is Status.PAUSED
    assert tiles.advance() is None
    assert tiles.begun == 0
    tiles.start()
    assert tiles.status is Status.RUNNING  # the step is there
    tiles.until_idle()
    assert tiles.status is Status.FINISHED


# --- what is compiled ------------------------------------------------------------------------------------------------


def test_other_tiles_of_the_layer_compile_nothing(traces):
    model = small_cnn()
    assert traces.of(lambda: finished(model)) == 1
    others = {"tv_weight": 0, "jitter": 3, "seed": 1, "grad_modifier": "relu", "clip": False, "learning_rate": 9}
    assert traces.of(lambda: finished(model, [1], **others)) == 0
    assert traces.of(lambda: finished(model, backprop_modifier="guided")) == 1
    assert traces.of(lambda: finished(model, layer="conv1")) == 1


# --- failures --------------------------------------------------------------------------------------------------------


def out_of_memory(*_, **__):
    raise MemoryError("no room\nat all")


def test_a_step_that_cannot_be_compiled_is_answered_with_a_sentence(model, monkeypatch):
    tiles = Driven(model)
    with monkeypatch.context() as patch:
        patch.setattr(recipe, "step_for", out_of_memory)
        tiles.start()
        tiles.until_idle()
    assert (tiles.status, tiles.error, tiles.begun) == (Status.FAILED, "MemoryError: no room\nat all", 0)
    tiles.start()
    assert (tiles.status, tiles.error) == (Status.COMPILING, "")
    tiles.until_idle()
    assert tiles.status is Status.FINISHED


def test_whatever_the_engine_raises_ends_the_run_and_start_goes_on(model, monkeypatch):
    straight, tiles = finished(model), Driven(model)
    tiles.start()
    tiles.until(lambda: tiles.iteration > 1 and tiles.done)
    before = (tiles.begun, tiles.done, tiles.iteration)
    with monkeypatch.context() as patch:
        patch.setattr(tiles._step, "run", out_of_memory)
        tiles.until_idle()
    assert (tiles.status, tiles.error) == (Status.FAILED, "MemoryError: no room\nat all")
    assert (tiles.begun, tiles.done, tiles.iteration) == before
    tiles.start()
    assert tiles.error == ""
    tiles.until_idle()
    np.testing.assert_array_equal(tiles.images, straight.images)


# --- what a view reads -----------------------------------------------------------------------------------------------


def test_channels_are_last_whatever_the_model_takes():
    with channels_first():
        inputs = keras.Input((3, 10, 8))
        model = keras.Model(inputs, layers.Conv2D(4, 3, name="conv")(inputs))
        tiles = Driven(model, layer="conv", max_iter=1)
        shapes = [tiles.images.shape]
        tiles.start()
        tiles.until(lambda: tiles.begun)
        shapes += [tiles.images.shape, tiles.between(1, 3).shape, tiles.between(1, 1).shape]
    assert shapes == [(0, 10, 8, 3), (3, 10, 8, 3), (2, 10, 8, 3), (0, 10, 8, 3)]


def test_pictures_that_were_read_do_not_change(model):
    tiles = Driven(model)
    tiles.start()
    tiles.until(lambda: tiles.iteration)
    images = tiles.images
    before = images.copy()
    tiles.until_idle()
    np.testing.assert_array_equal(images, before)


# --- with a thread ---------------------------------------------------------------------------------------------------


def test_a_real_worker_makes_them_and_is_waited_for(model):
    tiles = Tiles(Network(model), Settings(layer="conv2", max_iter=20))
    tiles.start()
    assert tiles.wait(60)
    np.testing.assert_array_equal(tiles.images, finished(model).images)


def test_a_real_worker_is_paused(model):
    tiles = Tiles(Network(model), Settings(layer="conv2", max_iter=10**6))
    moved = threading.Event()
    tiles._notify = lambda: moved.set() if tiles.iteration > 50 else None
    tiles.start()
    assert moved.wait(60)
    tiles.pause()
    assert tiles.wait(60)
    assert tiles.status is Status.PAUSED
    assert 50 < tiles.iteration == len(tiles.history(0)) < 10**6
