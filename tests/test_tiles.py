import gc
import itertools
import threading
import weakref

import keras
import numpy as np
import pytest
from keras import layers

import actmax_widget as am
from actmax_widget import losses
from actmax_widget.engine import batch as batch_module
from actmax_widget.engine import cache
from actmax_widget.live.facts import Status
from actmax_widget.live.run import Run
from actmax_widget.network import Network
from actmax_widget.optimizers import Adam
from actmax_widget.parametrizations import Fourier
from actmax_widget.settings import Settings
from actmax_widget.transforms import Jitter, Noise
from tests.networks import channels_first, exploding, partly_exploding, small_cnn
from tests.test_loop import Clock


@pytest.fixture(autouse=True)
def three_at_once(monkeypatch):
    monkeypatch.setattr(batch_module, "LARGEST_BATCH", 3)


class Driven:
    """A run's tiles that a test advances by hand: no thread, and a clock on which a step takes 8 ms, nothing else any.

    What is known of the tiles are its attributes, see TilesFacts. The picture in front is compiled and not begun.
    """

    def __init__(self, model, filters=None, **settings):
        self.workers, self.statuses, self.clock = [], [], Clock()
        self._wanted = filters
        worker = {"spawn": self.workers.append, "notify": self.note, "clock": self.clock}
        self.run = Run(Network(model), Settings(**{"layer": "conv2", "max_iter": 20} | settings), **worker)
        self.run.prepare()
        self.until_idle()
        self.workers.clear()
        self.statuses.clear()

    def note(self):
        if self.statuses[-1:] != [self.run.status]:
            self.statuses.append(self.run.status)

    def __getattr__(self, name):
        return getattr(self.run.facts().tiles, name)

    @property
    def images(self):
        return self.run.tiles.images

    @property
    def histories(self):
        return self.run.tiles.histories

    @property
    def step(self):
        """The step that is compiled for them."""
        return self.run._tiles._step

    def start(self, vary=None):
        """Begin them, or go on."""
        if self.run.tiles is not None:
            self.run.resume_tiles()
            return
        if vary is None:
            self.run.make_tiles(self._wanted)
        else:
            self.run.make_varied_tiles(vary)
        pace = self.run._tiles._pace
        measured = pace.measured

        def measure(begin, steps, limit):
            self.clock.now += 0.008 * steps
            measured(begin, steps, limit)

        pace.measured = measure

    def pause(self):
        self.run.pause_tiles()

    def advance(self):
        return self.run.advance()

    def until_idle(self, calls=1000):
        """Advance until there is nothing to do; after each call how many are begun, how many done, the iteration."""
        seen = []
        for _ in range(calls):
            if self.advance() is None:
                return seen
            if self.run.tiles is not None:
                seen.append((self.begun, self.done, self.iteration))
        raise AssertionError("The tiles did not come to an end.")

    def until(self, condition):
        while not condition():
            assert self.advance() is not None


def finished(model, *args, **settings):
    tiles = Driven(model, *args, **settings)
    tiles.start()
    tiles.until_idle()
    assert tiles.status is tiles.run.status is Status.FINISHED
    return tiles


def begun(model, *args, iteration=1, **settings):
    """Tiles in the middle of their first batch."""
    tiles = Driven(model, *args, **settings)
    tiles.start()
    tiles.until(lambda: tiles.iteration >= iteration)
    return tiles


def test_new_tiles_have_no_pictures(model):
    tiles = Driven(model)
    assert tiles.run.tiles is None
    assert tiles.run.tiles_between(0, 8).shape == (0, 12, 12, 1)
    tiles.start()
    assert (tiles.status, tiles.begun, tiles.done, tiles.iteration, tiles.error) == (Status.COMPILING, 0, 0, 0, "")
    assert tiles.filters == tuple(range(8))
    assert tiles.images.shape == (0, 12, 12, 1)
    assert tiles.histories == []


def test_they_grow_batch_by_batch(model):
    tiles = Driven(model)
    tiles.start()
    seen = tiles.until_idle()
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert {done for _, done, _ in seen} == {0, 3, 6, 8}
    assert {(begun, done) for begun, done, _ in seen} == {(0, 0), (3, 0), (3, 3), (6, 3), (6, 6), (8, 6), (8, 8)}
    for there, iterations in [(0, [1, 5, 9, 13, 17]), (3, [4, 8, 12, 16]), (6, [4, 8, 12, 16])]:
        assert [iteration for _, done, iteration in seen if done == there and iteration] == iterations
    assert [len(history) for history in tiles.histories] == [20] * 8
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
    images, losses = am.visualize_layer(model, "conv2", clip=True, transforms=[Jitter(2)], progress=False, **settings)
    np.testing.assert_array_equal(tiles.images, images)
    for own, wanted in zip(tiles.histories, losses, strict=True):
        np.testing.assert_array_equal(own.values, wanted.values)


@pytest.mark.parametrize(
    "settings", [{"backprop_modifier": "guided"}, {"grad_modifier": "negate"}, {"clip": False, "jitter": 1.0}]
)
def test_a_tile_is_the_picture_that_a_run_makes(model, settings):
    settings = {"max_iter": 8, "seed": 2} | settings
    tiles = finished(model, [6, 1], **settings)
    for position, index in enumerate(tiles.filters):
        options = Settings(layer="conv2", filter_indices=index, steps_per_second=None, **settings)
        one = Run(Network(model), options, spawn=lambda work: None)
        one.start()
        while one.advance() is not None:
            pass
        np.testing.assert_allclose(tiles.images[position], one.image, atol=0.02)
        np.testing.assert_allclose(tiles.histories[position].values, one.history.values, rtol=1e-3, atol=1e-3)


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
            model, "conv2", [2] * 3, seed=seed, seed_input=start, transforms=[Jitter(4)], clip=True, progress=False
        )
        assert different(tiles.images) == different(images) == wanted


@pytest.mark.parametrize("max_iter", [1, 20])
def test_the_function_and_the_widget_agree_on_what_no_seed_means(model, max_iter):
    for seed, wanted in [(None, 4), (0, 1)]:
        widget = am.ActMaxWidget(model, preset="keras-vis", layer="conv2", seed=seed, max_iter=max_iter)
        widget.visualize_layer([2] * 4)
        assert widget.wait(60)
        images, _ = am.visualize_layer(model, "conv2", [2] * 4, seed=seed, max_iter=max_iter, clip=True, progress=False)
        assert different(widget.tiles.images) == different(images) == wanted


@pytest.mark.parametrize(
    ("filters", "wanted"), [(None, tuple(range(8))), (3, (3,)), ([5, -1, 5], (5, 7, 5)), (range(2), (0, 1))]
)
def test_filters_of_any_kind(model, filters, wanted):
    tiles = Driven(model, filters)
    tiles.start()
    assert tiles.filters == wanted


@pytest.mark.parametrize(
    ("filters", "error"),
    [(8, ValueError), ([], ValueError), ("1", TypeError), ([None], TypeError), ([1, None], TypeError)],
)
def test_filters_that_there_are_not_are_refused(model, filters, error):
    tiles = begun(model)
    before = tiles.number
    with pytest.raises(error, match=r"^filters: expected "):
        tiles.run.make_tiles(filters)
    assert (tiles.number, tiles.status) == (before, Status.RUNNING)


def test_they_have_numbers_of_their_own(model):
    tiles, others = begun(model), begun(model)
    first = tiles.number
    tiles.run.make_tiles()
    assert len({first, tiles.number, others.number}) == 3


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
    for own, wanted in zip(paused.histories, straight.histories, strict=True):
        np.testing.assert_array_equal(own.values, wanted.values)
    assert len(paused.workers) > 10


@pytest.mark.parametrize("made", [0, 1, 2])
def test_a_pause_inside_of_a_call_ends_it_after_the_step_in_hand(model, monkeypatch, made):
    straight, paused = finished(model), Driven(model)
    paused.start()
    paused.until(lambda: paused.iteration > 1)
    run = paused.step.run

    def interrupted(state, knobs, n, stop):
        assert n > made
        paused.pause()  # by another thread, after so many steps
        assert stop.is_set
        return run(state, knobs, made)

    before = paused.iteration
    with monkeypatch.context() as patch:
        patch.setattr(paused.step, "run", interrupted)
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
    pace = tiles.run._tiles._pace
    steps = pace.steps
    monkeypatch.setattr(pace, "steps", lambda *args: tiles.pause() or steps(*args))
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
    compiled = cache.step_for
    with monkeypatch.context() as patch:
        patch.setattr(cache, "step_for", lambda *args, **options: tiles.pause() or compiled(*args, **options))
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
    others = {"tv_weight": 0, "jitter": 3, "seed": 1, "grad_modifier": "relu", "clip": False, "learning_rate": 9}
    for filters, settings, wanted in [
        (None, {}, 1),
        ([1, 2], others, 0),
        (None, {"backprop_modifier": "guided"}, 1),
        (None, {"layer": "conv1"}, 1),
    ]:
        tiles = Driven(model, filters, **settings)
        tiles.start()
        assert traces.of(tiles.until_idle) == wanted


# --- failures --------------------------------------------------------------------------------------------------------


def out_of_memory(*_, **__):
    raise MemoryError("no room\nat all")


def test_a_step_that_cannot_be_compiled_is_answered_with_a_sentence(model, monkeypatch):
    tiles = Driven(model)
    with monkeypatch.context() as patch:
        patch.setattr(cache, "step_for", out_of_memory)
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
        patch.setattr(tiles.step, "run", out_of_memory)
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
        tiles.start()
        shapes = [tiles.images.shape]
        tiles.until(lambda: tiles.begun)
        shapes += [tiles.images.shape, tiles.run.tiles_between(1, 3).shape, tiles.run.tiles_between(1, 1).shape]
    assert shapes == [(0, 10, 8, 3), (3, 10, 8, 3), (2, 10, 8, 3), (0, 10, 8, 3)]


def test_pictures_that_were_read_do_not_change(model):
    tiles = Driven(model)
    tiles.start()
    tiles.until(lambda: tiles.iteration)
    images = tiles.images
    before = images.copy()
    tiles.until_idle()
    np.testing.assert_array_equal(images, before)


# --- one story -------------------------------------------------------------------------------------------------------

AFTER = {
    "close_tiles": (Status.PAUSED, "Paused after 3 iterations."),
    "start": (Status.RUNNING, ""),
    "step": (Status.RUNNING, ""),
    "reset": (Status.READY, "Ready: press Run."),
    "open_tile": (Status.FINISHED, "Finished 20 iterations. Run goes on from here, Reset starts again."),
}
"""What brings the picture in front back, and its status and message then."""


def told(tiles):
    """Status and message of the run, which are all that there are."""
    facts = tiles.run.facts()
    assert facts.status is tiles.run.status
    assert not facts.at_tiles or facts.tiles.status is facts.status
    return facts.status, facts.sentence()


def with_three_iterations(model, **settings):
    """Tiles to come, of a run whose picture in front has made three iterations."""
    tiles = Driven(model, **settings)
    tiles.run.step(3)
    tiles.until_idle()
    return tiles


def command(tiles, name):
    getattr(tiles.run, name)(*[2] * (name == "open_tile"))


@pytest.mark.parametrize("back", AFTER)
def test_while_tiles_are_made_status_and_message_are_theirs_and_afterwards_those_of_the_picture_in_front(model, back):
    tiles = with_three_iterations(model)
    tiles.start()
    assert told(tiles) == (Status.COMPILING, "Compiling the step for this layer.")
    tiles.until(lambda: tiles.iteration)
    assert told(tiles) == (Status.RUNNING, "")
    tiles.pause()
    assert told(tiles) == (Status.PAUSED, "Paused with 0 of 8 filters of conv2 made.")
    tiles.start()
    assert told(tiles) == (Status.RUNNING, "")
    tiles.until(lambda: tiles.done == 3)
    tiles.run.pause()
    assert told(tiles) == (Status.PAUSED, "Paused with 3 of 8 filters of conv2 made.")
    tiles.start()
    tiles.until_idle()
    assert told(tiles) == (Status.FINISHED, "Made 8 of 8 filters of conv2. Run goes on with the large picture.")
    assert (tiles.run.iteration, len(tiles.run.history)) == (3, 3)
    command(tiles, back)
    assert told(tiles) == AFTER[back]


@pytest.mark.parametrize(
    ("back", "then", "iterations"),
    [("reset", (Status.READY, "Ready: press Run."), 0), ("open_tile", AFTER["open_tile"], 20)],
)
def test_what_does_not_run_the_picture_in_front_lets_tiles_go_on(model, back, then, iterations):
    tiles = with_three_iterations(model)
    tiles.start()
    tiles.until(lambda: tiles.iteration > 5 and tiles.done)
    command(tiles, back)
    assert told(tiles) == (Status.RUNNING, "")
    assert tiles.run.iteration == iterations
    tiles.until_idle()
    assert (tiles.status, told(tiles)[0]) == (Status.FINISHED, Status.FINISHED)
    np.testing.assert_array_equal(tiles.images, finished(model).images)
    command(tiles, "close_tiles")
    assert told(tiles) == then
    assert tiles.run.iteration == iterations


@pytest.mark.parametrize("back", ["start", "step", "close_tiles", "make_tiles"])
def test_whatever_is_pressed_while_tiles_are_made_pauses_them_where_they_are(model, back):
    tiles = with_three_iterations(model)
    tiles.start()
    tiles.until(lambda: tiles.iteration > 5 and tiles.done)
    before, there = tiles.run.tiles, (tiles.number, tiles.begun, tiles.done, tiles.iteration)
    command(tiles, back)
    if back == "close_tiles":
        assert tiles.run.tiles is None
    elif back == "make_tiles":  # others are made
        assert told(tiles) == (Status.COMPILING, "Compiling the step for this layer.")
        assert tiles.number > there[0]
        tiles.until_idle()
        assert (tiles.status, tiles.done) == (Status.FINISHED, 8)
        return
    else:
        assert (tiles.number, tiles.begun, tiles.done, tiles.iteration) == there
        assert tiles.status is Status.PAUSED
        tiles.until_idle()
        np.testing.assert_array_equal(tiles.images, before.images)
        tiles.start()
        tiles.until_idle()
        assert (tiles.status, told(tiles)[0]) == (Status.FINISHED, Status.FINISHED)
        np.testing.assert_array_equal(tiles.images, finished(model).images)


def test_tiles_pause_a_run_which_then_goes_on_as_if_nothing_had_been(model):
    straight, tiles = Driven(model, max_iter=50), Driven(model, max_iter=50)
    for one in (straight, tiles):
        one.run.start()
    straight.until_idle()
    tiles.until(lambda: tiles.run.iteration > 3)
    made = tiles.run.iteration
    tiles.start()
    assert tiles.run.facts().iteration == made
    tiles.until(lambda: tiles.done)
    assert tiles.run.facts().iteration == made
    tiles.run.close_tiles()
    assert told(tiles) == (Status.PAUSED, f"Paused after {made} iterations.")
    tiles.run.start()
    tiles.until_idle()
    assert (tiles.run.status, tiles.run.iteration) == (Status.FINISHED, 50)
    np.testing.assert_array_equal(tiles.run.history.values, straight.run.history.values)


def test_steps_of_a_call_in_hand_are_kept_as_tiles_are_asked_for(model, monkeypatch):
    tiles = Driven(model)
    step = tiles.run._step
    make = step.run

    def ask_meanwhile(*args):
        made = make(*args)
        monkeypatch.undo()
        tiles.run.make_tiles([1])
        return made

    tiles.run.start()
    with monkeypatch.context() as patch:
        patch.setattr(step, "run", ask_meanwhile)
        tiles.advance()
    assert (tiles.run.iteration, len(tiles.run.history), tiles.run.status) == (1, 1, Status.COMPILING)
    tiles.until_idle()
    assert (tiles.run.iteration, tiles.done) == (1, 1)


def test_tiles_that_fail_fail_the_run_until_something_else_is_done(model, monkeypatch):
    tiles = with_three_iterations(model)
    tiles.start()
    tiles.until(lambda: tiles.iteration)
    with monkeypatch.context() as patch:
        patch.setattr(tiles.step, "run", out_of_memory)
        tiles.until_idle()
    assert told(tiles) == (Status.FAILED, "Stopped with 0 of 8 filters of conv2 made.")
    assert tiles.run.facts().error == "MemoryError: no room\nat all"
    tiles.run.close_tiles()
    assert told(tiles) == AFTER["close_tiles"]
    assert tiles.run.facts().error == ""


def test_a_pause_in_the_last_call_is_the_end(model, monkeypatch):
    tiles = begun(model, [0])
    make = tiles.step.run

    def pause_afterwards(state, knobs, n, stop):
        made = make(state, knobs, n, stop)
        if int(made[0].iteration) == 20:
            tiles.pause()
        return made

    monkeypatch.setattr(tiles.step, "run", pause_afterwards)
    tiles.until_idle()
    assert (tiles.done, told(tiles)[0]) == (1, Status.FINISHED)


def test_without_a_thread_they_fail_and_may_be_tried_again(model):
    tiles = Driven(model)

    def none_left(work):
        raise RuntimeError("can't start new thread")

    tiles.run._spawn = none_left
    tiles.start()
    assert tiles.run.wait(0)
    assert (told(tiles)[0], tiles.error) == (Status.FAILED, "RuntimeError: can't start new thread")
    tiles.run._spawn = tiles.workers.append
    tiles.start()
    tiles.until_idle()
    assert (told(tiles)[0], tiles.error) == (Status.FINISHED, "")


def test_what_is_set_while_tiles_are_made_is_for_the_picture_in_front(model):
    tiles = Driven(model)
    tiles.start()
    tiles.until(lambda: tiles.iteration)
    before = tiles.run.image
    tiles.run.update(seed=9, tv_weight=0.0)
    assert told(tiles)[0] is Status.RUNNING
    assert (tiles.run.image != before).any()  # not begun, so the next start is seen
    tiles.run.update(layer="out")
    assert tiles.run.facts().stale
    tiles.until_idle()
    np.testing.assert_array_equal(tiles.images, finished(model).images)


def test_a_layer_chosen_while_tiles_are_made_is_prepared_and_they_go_on(traces, monkeypatch):
    tiles = begun(small_cnn(), max_iter=60)
    compiled, seen = cache.step_for, []

    def look(*args, **options):
        seen.append((tiles.run.facts().preparing, told(tiles)[0], tiles.iteration))
        return compiled(*args, **options)

    monkeypatch.setattr(cache, "step_for", look)
    made = tiles.iteration
    tiles.run.update(layer="out")
    tiles.run.prepare()
    assert len(tiles.workers) == 1
    assert traces.of(tiles.advance) == 1
    assert seen == [(True, Status.RUNNING, made)]
    assert not tiles.run.facts().preparing
    assert tiles.iteration > made
    tiles.until_idle()
    assert told(tiles)[0] is Status.FINISHED
    tiles.run.start()
    assert tiles.run.status is Status.RUNNING
    assert traces.of(tiles.until_idle) == 0
    assert tiles.run.iteration == 60


def test_a_layer_that_cannot_be_prepared_does_not_end_the_tiles(model, monkeypatch):
    tiles = begun(model)
    with monkeypatch.context() as patch:
        patch.setattr(cache, "step_for", out_of_memory)
        tiles.run.update(layer="out")
        tiles.run.prepare()
        tiles.until_idle()
    assert (told(tiles)[0], tiles.done) == (Status.FINISHED, 8)
    assert tiles.run.facts().error == ""  # of what it is not at
    tiles.run.close_tiles()
    assert tiles.run.facts().error == "MemoryError: no room\nat all"
    assert tiles.run.status is Status.FAILED


def test_closed_tiles_are_forgotten(model):
    for tiles in (finished(model), begun(model)):
        live = tiles.run._tiles
        gone = [weakref.ref(live), weakref.ref(live._tiles), *map(weakref.ref, live._tiles._batches)]
        del live
        tiles.run.close_tiles()
        gc.collect()
        assert [one() for one in gone] == [None] * len(gone)


# --- a tile is opened ------------------------------------------------------------------------------------------------


def assert_shows(run, model, layer, index):
    """Picture and losses in front belong together."""
    output = keras.Model(model.inputs[0], model.get_layer(layer).output)(run.image[None]).numpy()
    assert -run.history["ActivationMax Loss"][-1] == pytest.approx(output[..., index].mean(), rel=1e-4)


def assert_courses_agree(run, tile, image):
    """The same picture with the same losses, rounding apart."""
    np.testing.assert_allclose(run.history.values, tile.values, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(run.image, image, atol=0.05)


def test_a_run_goes_on_from_an_opened_tile(model):
    tiles = with_three_iterations(model)
    run, number = tiles.run, tiles.run.frame().run
    tiles.start()
    tiles.until(lambda: tiles.iteration > 5)
    tiles.pause()
    made = tiles.iteration
    run.update(layer="out", lp_norm_weight=3.0, max_iter=50)
    image, history = tiles.images[2], tiles.histories[2]
    run.open_tile(2)
    assert (run.settings.layer, run.settings.filter_indices, run.settings.lp_norm_weight) == ("conv2", (2,), 3.0)
    assert (run.iteration, run.goal, run.status) == (made, 20, Status.PAUSED)
    assert run.frame().run != number  # a view starts afresh
    assert (run.frame().layer, run.frame().filter_indices) == ("conv2", (2,))
    np.testing.assert_array_equal(run.image, image)
    np.testing.assert_array_equal(run.history.values, history.values)
    assert_shows(run, model, "conv2", 2)
    run.start()
    tiles.until_idle()
    assert (run.iteration, run.status) == (20, Status.FINISHED)
    np.testing.assert_array_equal(run.history.values[:made], history.values)
    assert_shows(run, model, "conv2", 2)
    run.start()
    tiles.until_idle()
    assert run.iteration == run.goal == 70


OPTIONS = [{}, {"jitter": 2, "learning_rate": 5.0}, {"clip": False, "grad_modifier": "negate"}]


@pytest.mark.parametrize("settings", OPTIONS)
@pytest.mark.parametrize("index", [0, 4, 7])
def test_an_opened_tile_goes_on_as_it_would_have_gone_on_itself(model, settings, index):
    tiles = Driven(model, **settings)
    tiles.start()
    tiles.until(lambda: tiles.begun > index and tiles.iteration > 0)
    tiles.until(lambda: tiles.iteration > 8 or tiles.done > index)
    tiles.run.open_tile(index)
    tiles.run.start()
    tiles.until(lambda: not tiles.run.status.busy)
    straight = finished(model, **settings)
    assert tiles.run.iteration == 20
    assert_courses_agree(tiles.run, straight.histories[index], straight.images[index])


@pytest.mark.parametrize("settings", OPTIONS)
def test_a_finished_tile_goes_on_beyond_its_goal_as_a_longer_run(model, settings):
    tiles = finished(model, **settings)
    tiles.run.open_tile(5)
    assert (tiles.run.status, tiles.run.iteration, tiles.run.goal) == (Status.FINISHED, 20, 20)
    tiles.run.start()
    assert tiles.run.goal == 40
    tiles.until_idle()
    longer = finished(model, max_iter=40, **settings)
    assert_courses_agree(tiles.run, longer.histories[5], longer.images[5])


def test_the_first_step_of_an_opened_tile_is_as_long_as_the_one_before(model):
    tiles = begun(model, iteration=10, max_iter=1000, clip=False, tv_weight=0, lp_norm_weight=0)
    run, pictures = tiles.run, []
    tiles.run.open_tile(1)
    for _ in range(4):
        pictures.append(run.image)
        run.step()
        tiles.until(lambda: not run.status.busy)
    lengths = [np.linalg.norm(new - old) for old, new in itertools.pairwise(pictures)]
    assert max(lengths) < 1.5 * min(lengths)


def test_an_opened_tile_ends_a_run(model, monkeypatch):
    tiles = finished(model)
    run, step = tiles.run, tiles.run._step
    make = step.run
    run.start()

    def open_meanwhile(*args):
        made = make(*args)
        run.open_tile(2)
        return made

    with monkeypatch.context() as patch:
        patch.setattr(step, "run", open_meanwhile)
        tiles.advance()
    assert tiles.advance() is None
    assert (run.iteration, run.status) == (20, Status.FINISHED)
    np.testing.assert_array_equal(run.image, tiles.images[2])


def test_a_failure_is_forgotten_with_the_picture_it_was_of():
    start = np.full((4, 4, 1), 20.0)
    options = {"layer": "out", "clip": False, "lp_norm_weight": 0, "tv_weight": 0, "seed_input": start}
    tiles = Driven(exploding(), max_iter=500, **options)
    run = tiles.run
    run.start()
    tiles.until_idle()
    assert (run.status, run.facts().error[:14]) == (Status.FAILED, "The total loss")
    run.update(max_iter=5)
    tiles.start()
    tiles.until_idle()
    run.open_tile(0)
    assert (run.facts().error, run.status) == ("", Status.FINISHED)
    run.start()
    tiles.until_idle()
    assert (run.iteration, run.status) == (10, Status.FINISHED)


def test_a_tile_whose_loss_is_not_finite_goes_on_from_its_last_good_picture(exploded):
    tiles = exploded
    before = tiles.images[1]
    tiles.run.open_tile(1)
    assert tiles.run.status is Status.PAUSED
    np.testing.assert_array_equal(tiles.run.image, before)
    assert np.isfinite(tiles.run.image).all()
    tiles.run.step()
    tiles.until_idle()
    assert np.isfinite(tiles.run.history["total"][-1])
    np.testing.assert_array_equal(tiles.run.image, before)


@pytest.fixture
def exploded():
    start = np.full((4, 4, 1), 140.0)
    options = {"layer": "out", "lp_norm_weight": 0, "tv_weight": 0, "seed_input": start, "input_range": (-1e3, 1e3)}
    return finished(partly_exploding(), max_iter=30, **options)


@pytest.mark.parametrize("index", [7, 99, None, -1])
def test_a_tile_that_there_is_not_is_refused_and_nothing_changes(model, index):
    tiles = begun(model)
    facts, settings = tiles.run.facts(), tiles.run.settings
    with pytest.raises(ValueError, match=r"^filter: expected a filter with a picture"):
        tiles.run.open_tile(index)
    assert (tiles.run.facts(), tiles.run.settings) == (facts, settings)


def test_an_opened_tile_has_its_channels_last_whatever_the_model_takes():
    with channels_first():
        inputs = keras.Input((3, 10, 8))
        model = keras.Model(inputs, layers.Conv2D(4, 3, name="out")(inputs))
        tiles = finished(model, layer="out", max_iter=2)
        tiles.run.open_tile(1)
        assert tiles.run._front.state.measured.shape == (1, 3, 10, 8)
        np.testing.assert_array_equal(tiles.run.image, tiles.images[1])
        tiles.run.start()
        tiles.until_idle()
        assert (tiles.run.iteration, tiles.run.image.shape) == (4, (10, 8, 3))


def test_a_tile_of_a_model_of_fixed_batch_is_opened():
    model = keras.Sequential([keras.Input(batch_shape=(4, 8, 8, 1)), layers.Conv2D(6, 3, name="out")])
    tiles = finished(model, layer="out", max_iter=3)
    longer = finished(model, layer="out", max_iter=6)
    tiles.run.open_tile(5)
    tiles.run.start()
    tiles.until_idle()
    assert_courses_agree(tiles.run, longer.histories[5], longer.images[5])


# --- read only -------------------------------------------------------------------------------------------------------


def test_nobody_writes_into_the_pictures_of_tiles(model):
    tiles = begun(model)
    for give in (lambda: tiles.run.tiles.images, lambda: tiles.run.tiles_between(0, 3)):
        before = give().copy()
        images = give()
        if images.flags.writeable:
            images[:] = 0
        np.testing.assert_array_equal(give(), before)
    tiles.run.open_tile(1)
    with pytest.raises(ValueError, match="read-only"):
        tiles.run.image[:] = 0


# --- with a thread ---------------------------------------------------------------------------------------------------


def test_a_real_worker_makes_them_and_is_waited_for(model):
    run = Run(Network(model), Settings(layer="conv2", max_iter=20))
    run.make_tiles()
    assert run.wait(60)
    np.testing.assert_array_equal(run.tiles.images, finished(model).images)


def test_a_real_worker_is_paused(model):
    run = Run(Network(model), Settings(layer="conv2", max_iter=10**6))
    moved = threading.Event()
    run._notify = lambda: moved.set() if run.facts().tiles and run.facts().tiles.iteration > 50 else None
    run.make_tiles()
    assert moved.wait(60)
    run.pause()
    assert run.wait(60)
    assert run.status is run.facts().tiles.status is Status.PAUSED
    assert 50 < run.facts().tiles.iteration == len(run.tiles.histories[0]) < 10**6


def test_reset_while_tiles_are_made_is_a_frame_of_the_picture_in_front(model):
    tiles = with_three_iterations(model)
    tiles.start()
    tiles.until(lambda: tiles.iteration)
    before = tiles.run.front_revision
    command(tiles, "reset")
    assert tiles.run.front_revision > before
    assert (tiles.run.frame().iteration, len(tiles.run.frame().rows)) == (0, 0)


def test_what_the_picture_in_front_failed_for_is_not_said_of_tiles(model, monkeypatch):
    tiles = with_three_iterations(model)
    with monkeypatch.context() as patch:
        patch.setattr(tiles.run._step, "run", out_of_memory)
        tiles.run.start()
        tiles.until_idle()
    assert tiles.run.facts().error
    tiles.start()
    assert tiles.run.facts().error == ""
    tiles.until_idle()
    command(tiles, "close_tiles")
    assert "MemoryError" in tiles.run.facts().error


# --- other things than filters ---------------------------------------------------------------------------------------


def varied(model, vary, **settings):
    """Finished tiles that differ in something."""
    tiles = Driven(model, **settings)
    tiles.run.make_varied_tiles(vary)
    tiles.until_idle()
    assert (tiles.status, tiles.error) == (Status.FINISHED, "")
    return tiles


NATURAL = {
    "parametrization": Fourier(),
    "optimizer": Adam(),
    "transforms": (Jitter(2), Noise(0.1)),
    "learning_rate": 0.05,
    "jitter": 2.0,
}


@pytest.mark.parametrize(
    ("vary", "settings"),
    [
        ({"seed": [3, 4, 5, 6]}, {}),
        ({"tv_weight": [0, 5], "jitter": [0, 3]}, {}),
        ({"Fourier.decay": [0.5, 2.0], "learning_rate": [0.1]}, NATURAL),
        ({"Noise.start": [0.0, 0.4], "filter_indices": [1, (0, 2)]}, NATURAL),
    ],
)
def test_each_tile_is_the_picture_that_visualize_many_makes(model, vary, settings):
    settings = {"layer": "conv1", "filter_indices": 2, "seed": 1, "max_iter": 12, **settings}
    tiles = varied(model, vary, **settings)
    target = settings.pop("layer"), settings.pop("filter_indices")
    wanted = am.visualize_many(model, *target, vary=vary, preset="keras-vis", batch_size=3, **settings)
    assert tiles.run.tiles.varied == wanted.varied
    np.testing.assert_array_equal(tiles.images, wanted.images)
    for own, other in zip(tiles.histories, wanted.histories, strict=True):
        np.testing.assert_array_equal(own.rows, other.rows)


def test_what_tiles_differ_in_is_told_by_name_and_value(model):
    tiles = varied(model, {"RMSProp.learning_rate": [0.5, np.float32(2)], "seed": np.arange(2)}, max_iter=2)
    assert (tiles.names, tiles.titles) == (("learning_rate", "seed"), ("Learning rate", "Seed"))
    assert tiles.values == ((0.5, 0), (0.5, 1), (2.0, 0), (2.0, 1))
    assert {type(value) for value in np.ravel(np.array(tiles.values, object))} == {int, float}
    assert tiles.filters == ()
    assert told(tiles)[1] == "Made 4 of 4 pictures. Run goes on with the large picture."


def test_numbers_of_one_label_are_told_apart_by_their_parts(model):
    parts = {"transforms": (Jitter(1), Jitter(2, name="Second"), Jitter(3, name="Third"))}
    tiles = varied(model, {"Second.shift": [1, 2]}, max_iter=1, **parts)
    assert tiles.titles == (f"Second {tiles.run.settings.numbers()['Second.shift'].parameter.label.lower()}",)
    assert varied(model, {"Fourier.decay": [1.0]}, max_iter=1, **NATURAL).titles == ("Decay",)


def test_where_no_seed_is_set_tiles_differ_in_what_is_varied_alone(model):
    tiles = varied(model, {"tv_weight": [1, 1]}, seed=None)
    np.testing.assert_array_equal(tiles.images[0], tiles.images[1])
    tiles.run.open_tile(0)
    assert tiles.run.settings.seed is None
    assert tiles.changed == ()


def test_values_compile_nothing_that_filters_have_not(traces):
    model = small_cnn()
    finished(model)

    def others():
        varied(model, {"tv_weight": [0, 1, 2, 3]})
        varied(model, {"seed": [1, 2], "learning_rate": [1, 2]})

    assert traces.of(others) == 0


def test_the_newest_activation_of_each_is_told(model):
    tiles = Driven(model)
    tiles.start({"seed": range(5)})

    def shown():
        return tiles.run.tiles_shown(0, 5, tiles.number)[1]

    assert shown() == []
    tiles.until(lambda: tiles.iteration > 3)
    assert shown() == [history["activation"][-1] for history in tiles.histories]
    tiles.until_idle()
    assert shown() == [history["activation"][-1] for history in tiles.histories]
    assert len(shown()) == 5
    assert tiles.run.tiles_shown(0, 5, tiles.number + 1)[1] == []


@pytest.mark.parametrize("position", [0, 3])
def test_an_opened_tile_brings_what_it_is_made_of(model, position):
    vary = {"Fourier.decay": [0.5, 2.0], "seed": [3, 8]}
    settings = {"layer": "conv1", "filter_indices": 2, "max_iter": 12, **NATURAL}
    tiles = varied(model, vary, **settings)
    run = tiles.run
    run.update(filter_indices=0, optimizer="rmsprop", transforms=[], parametrization="pixels", seed=1, tv_weight=3.0)
    parts = {"Optimizer", "Learning rate", "Transforms", "Parametrization"}
    assert set(tiles.changed) == {"Filters", "Total variation", *parts}
    image, history = tiles.images[position], tiles.histories[position]
    run.open_tile(np.int64(position))
    own = run.tiles.varied[position]
    assert (run.settings.filter_indices, run.settings.seed) == ((2,), own["seed"])
    assert run.settings.values()["Fourier.decay"] == own["Fourier.decay"]
    # What is not of it is as it is set.
    assert (run.settings.optimizer.name, run.settings.transforms, run.settings.tv_weight) == ("RMSProp", (), 3.0)
    np.testing.assert_array_equal(run.image, image)
    np.testing.assert_array_equal(run.history.rows, history.rows)
    assert [(one.iteration, one.settings.seed) for one in run.changes] == [(0, own["seed"])]
    kept = run.checkpoint()
    assert (kept.iteration, kept.seed, kept.goal) == (12, own["seed"], 12)
    run.step(2)
    tiles.until_idle()
    assert [one.iteration for one in run.changes] == [0, 12]
    assert run.changes[1].changed["tv_weight"] == 3.0


def test_a_number_of_a_part_that_has_gone_brings_it_back(model):
    tiles = varied(model, {"Noise.start": [0.1, 0.3]}, max_iter=2, **NATURAL)
    tiles.run.update(transforms=[])
    tiles.run.open_tile(1)
    assert [one.name for one in tiles.run.settings.transforms] == ["Jitter", "Noise"]
    assert tiles.run.settings.values()["Noise.start"] == 0.3


@pytest.mark.parametrize("vary", [{"seed": [7, 9]}, {"learning_rate": [0.5, 3.0]}])
def test_an_opened_tile_goes_on_as_a_run_of_its_settings(model, vary):
    settings = {"layer": "conv1", "filter_indices": 2, "max_iter": 10, "jitter": 2}
    tiles = varied(model, vary, **settings)
    tiles.run.open_tile(1)
    tiles.run.start()
    tiles.until_idle()
    own = {name: values[1] for name, values in vary.items()}
    straight = Driven(model, **{**settings, **own, "max_iter": 20})
    straight.run.start()
    straight.until_idle()
    assert_courses_agree(tiles.run, straight.run.history, straight.run.image)
    again = am.visualize(model, changes=tiles.run.changes)  # as its changes say
    assert len(again.history) == 20
    assert_courses_agree(tiles.run, again.history, again.image)


def test_an_objective_is_varied_and_opened(model):
    objective = losses.ActivationMaximization("conv1", 1) + 0.5 * losses.Neuron("conv1", 2)
    name = f"{objective.names[1]}.weight"
    tiles = varied(model, {name: [0.0, 5.0]}, objective=objective, max_iter=4)
    tiles.run.update(objective=None)
    tiles.run.open_tile(1)
    assert tiles.run.settings.values()[name] == 5.0
    assert tiles.run.loss_names == tiles.histories[1].names == objective.names
    assert tiles.run.step()
    tiles.until_idle()
    assert tiles.run.iteration == 5


def test_what_was_set_since_is_told_but_for_what_makes_no_other_pictures(model):
    tiles = varied(model, {"seed": [1, 2]}, max_iter=2)
    assert tiles.changed == ()
    tiles.run.update(steps_per_second=5, seed=9)
    assert tiles.changed == ()
    tiles.run.update(tv_weight=1.0, layer="conv1", filter_indices=(2,))
    assert tiles.changed == ("Layer", "Filters", "Total variation")
    tiles.run.open_tile(0)
    assert tiles.changed == ("Total variation",)
    tiles.run.update(tv_weight=10.0)
    assert tiles.changed == ()


@pytest.mark.parametrize(
    ("vary", "error", "why"),
    [
        ({"seed": []}, ValueError, "at least one value"),
        ({"seed": range(5000)}, ValueError, "at most 4096 pictures"),
        ({"clip": [True]}, ValueError, "names of numbers of this run"),
        ({"preprocess": ["tf"]}, ValueError, "It shapes the graph"),
        ({"tv_weight": ["x"]}, TypeError, "tv_weight: expected a finite number"),
        ({"filter_indices": [1, 99]}, ValueError, "filter_indices"),
        ({"position": [None, (0, 0)]}, ValueError, "computed alike"),
        (None, TypeError, "a mapping"),
    ],
)
def test_bad_values_are_refused_and_the_tiles_stay(model, vary, error, why):
    tiles = begun(model)
    before = tiles.number
    with pytest.raises(error, match=why):
        tiles.run.make_varied_tiles(vary)
    assert (tiles.number, tiles.status) == (before, Status.RUNNING)


def test_what_comes_to_nothing_is_called_by_its_values():
    start = np.full((4, 4, 1), 140.0)
    options = {"layer": "out", "lp_norm_weight": 0, "tv_weight": 0, "seed_input": start, "input_range": (-1e3, 1e3)}
    tiles = Driven(partly_exploding(), max_iter=30, filter_indices=1, **options)
    tiles.run.make_varied_tiles({"learning_rate": [1e-6, 1.0]})
    tiles.until_idle()
    assert tiles.error.startswith("The total loss of learning_rate 1.0 was not finite")
    assert tiles.run.tiles_shown(0, 2, tiles.number)[1][1] is None


@pytest.mark.parametrize("index", [2, -1, None, 1.0])
def test_a_position_that_there_is_not_is_refused(model, index):
    tiles = varied(model, {"seed": [1, 2]}, max_iter=1)
    for open_one in (tiles.run.open_tile, tiles.run.open_tile_at):
        with pytest.raises(ValueError, match=r"^tile: expected the position of a tile with a picture"):
            open_one(index)
