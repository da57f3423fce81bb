"""The film of a run: its pictures and checkpoints, evenly; back to one of them, and another way from there."""

import numpy as np
import pytest
from PIL import Image

import actmax_widget as am
from actmax_widget import film as film_module
from actmax_widget.engine.batch import Batch
from actmax_widget.engine.reel import Reel
from actmax_widget.engine.step import State, Step
from actmax_widget.film import LEAST, MEGABYTES, MOST
from actmax_widget.network import Network
from actmax_widget.pictures import to_pixels


def visualize(model, steps, **options):
    return am.visualize(model, "conv1", 2, seed=3, preset="keras-vis", jitter=0.1, max_iter=steps, **options)


@pytest.mark.parametrize("steps", [1, 31, 100, 129, 700])
def test_it_is_even_and_has_both_ends_and_the_best(model, steps):
    made = visualize(model, steps)
    film, total = made.film, made.history["total"]
    assert film.iterations[0] == 0
    assert film.iterations[-1] == steps
    assert film.best == int(total.argmin()) + 1
    assert film.best in film.iterations
    assert min(steps + 1, LEAST) <= len(film) <= MOST + 2
    every = film.iterations[1]
    assert all(one % every == 0 for one in film.iterations if one not in {film.best, steps})
    np.testing.assert_array_equal(film[-1], to_pixels(made.image, (0, 255)))
    assert film.images.shape == (len(film), *film[0].shape)
    assert film.checkpoints[-1].iteration == steps
    assert [one.iteration for one in film.checkpoints] == sorted({one.iteration for one in film.checkpoints})


def test_its_pictures_are_those_of_a_run_of_so_many_steps(model):
    film = visualize(model, 40).film
    for iteration in (0, 7, 40):
        made = visualize(model, iteration).image if iteration else visualize(model, 1).film[0]
        shown = to_pixels(made, (0, 255)) if iteration else made
        np.testing.assert_array_equal(film[iteration], shown)


def test_no_call_ends_for_it(model, monkeypatch):
    """What it keeps is handed out of the compiled loop: 32 calls more would cost a run of 96 steps two per cent."""
    run, ends = Step.run, []

    def noted(self, state, *how, **options):
        found = run(self, state, *how, **options)
        ends.append(int(found[0].iteration))
        return found

    monkeypatch.setattr(Step, "run", noted)
    film = visualize(model, 320).film
    assert {*range(0, 321, 10)} <= {*film.iterations}
    assert len(ends) < 16
    assert len(film.checkpoints) > len(ends)


@pytest.mark.parametrize(("before", "more"), [(120, 80), (300, 40), (320, 100)])
def test_a_run_that_goes_on_has_as_many_pictures_of_what_it_made(model, before, more):
    film = am.visualize(model, start=visualize(model, before).checkpoint, max_iter=more).film
    assert LEAST <= len(film) <= 2 * LEAST + 4
    steps = np.diff(
        [one for one in film.iterations if before <= one and (one != film.best or film.best == before + more)]
    )
    assert steps[0] <= more // LEAST
    assert {*steps[1:-1]} <= {more // LEAST, 2 * (more // LEAST)}  # the best one may be among them


def test_the_goal_that_is_set_before_a_run_begins_is_that_of_its_film(model):
    options = {"filter_indices": 2, "preset": "keras-vis", "seed": 3, "jitter": 0.1}
    widget = am.ActMaxWidget(model, "conv1", max_iter=500, **options)
    widget.max_iter = 64
    widget.start()
    assert widget.wait(60)
    assert widget.film.iterations == visualize(model, 64).film.iterations
    np.testing.assert_array_equal(widget.film.images, visualize(model, 64).film.images)
    widget.close()


def test_each_picture_is_shown_in_the_range_of_its_time(model):
    made = visualize(model, 20, changes={10: {"input_range": (0, 128)}})
    np.testing.assert_array_equal(made.film[0], visualize(model, 20).film[0])


def test_each_checkpoint_goes_on_to_the_same_end(model):
    made = visualize(model, 300)
    for checkpoint in made.film.checkpoints[:3]:
        further = am.visualize(model, start=checkpoint, max_iter=300 - checkpoint.iteration)
        np.testing.assert_array_equal(further.image, made.image)
        np.testing.assert_array_equal(further.history.values, made.history.values)


def test_a_lost_iteration_is_said(model):
    film = visualize(model, 300).film
    lost = next(one for one in range(300) if one not in film.iterations)
    with pytest.warns(RuntimeWarning, match=f"Iteration {lost} was not kept: this is {film.nearest(lost)}"):
        np.testing.assert_array_equal(film[lost], film[film.nearest(lost)])
    with pytest.raises(IndexError, match="iteration: expected 0 to 300, the last one made, received 301"):
        film[301]
    with pytest.raises(TypeError, match="iteration"):
        film["first"]


@pytest.mark.parametrize("side", [28, 227, 1500])
def test_memory_is_bounded_and_thins_as_the_run_grows(model, side):
    """Also where it goes on long after its goal, and of pictures of any size."""
    network = Network(model)
    state = State.at(np.full((1, side, side, 3), 100.0, "float32"))
    batch = Batch(("one",), state)
    reel, sizes = Reel(network, batch, 100, (0, 255)), []
    for _ in range(4000):
        batch.add_rows(np.zeros((reel.every - batch.iteration % reel.every, 1, 2), "float32"))
        batch._pictures = batch.state, batch.pictures
        reel.take(batch, (0, 255))
        if batch.iteration > 100_000:
            break
        sizes.append((len(reel._pictures), len(reel._states)))
    pictures = sum(one.nbytes for one in reel._pictures.values())
    states = len(reel._states) * sum(one.numpy().nbytes for one in (*state.params.values(), state.measured)) * 3
    fewest, _ = film_module.CHECKPOINTS
    assert pictures < MEGABYTES * 2**20
    assert pictures + states < 1.3 * MEGABYTES * 2**20 or len(reel._states) <= fewest + 1
    assert max(count for count, _ in sizes) <= MOST + 1
    assert all(count >= min(LEAST, iteration) for iteration, (count, _) in enumerate(sizes))
    assert batch.iteration > 4000


def test_a_gif_plays_it(model, tmp_path):
    film = visualize(model, 60).film
    film.to_gif(tmp_path / "film.gif", seconds=2, scale=2)
    with Image.open(tmp_path / "film.gif") as gif:
        assert gif.format == "GIF"
        assert gif.size == tuple(2 * side for side in film[0].shape[1::-1])
        assert gif.n_frames > 20
        assert gif.info["loop"] == 0
        durations = []
        for number in range(gif.n_frames):
            gif.seek(number)
            durations.append(gif.info["duration"])
        assert sum(durations) == pytest.approx(3000, rel=0.1)  # and a second at the end
    for seconds in (0, 1e9):
        with pytest.raises(ValueError, match="seconds"):
            film.to_gif(tmp_path / "no.gif", seconds=seconds)
    assert not (tmp_path / "no.gif").exists()


# --- in the widget


@pytest.fixture
def widget(model):
    made = am.ActMaxWidget(model, "conv1", filter_indices=2, preset="keras-vis", seed=5, max_iter=90)
    yield made
    made.close()


def run(widget):
    widget.start()
    assert widget.wait(60)


def test_a_live_run_has_the_film_of_a_headless_one(widget, model):
    run(widget)
    alone = am.visualize(model, changes=widget.changes).film
    assert widget.film.iterations == alone.iterations
    np.testing.assert_array_equal(widget.film.images, alone.images)


def test_it_rewinds_and_comes_to_the_same_end(widget):
    run(widget)
    image, values = widget.image, widget.history.values
    there = widget.rewind(50)
    assert abs(there - 50) < 10
    assert (widget.iteration, widget.status) == (there, "paused")
    assert len(widget.history) == there
    assert max(widget.film.iterations) == there
    assert there == 50 or "of iteration 50" in widget.message.lower()
    run(widget)
    np.testing.assert_array_equal(widget.image, image)
    np.testing.assert_array_equal(widget.history.values, values)
    assert 0 in widget.film.iterations


def test_a_branch_goes_another_way_and_the_old_one_is_kept(widget, model):
    run(widget)
    image = widget.image
    assert widget.branch(30, tv_weight=500.0) == "branch 1"
    begin = widget.iteration
    run(widget)
    assert not np.array_equal(widget.image, image)
    branches = widget.branches
    assert {one.name: (one.parent, one.iteration) for one in branches.values()} == {
        "main": ("", 0),
        "branch 1": ("main", begin),
    }
    again = am.visualize(model, changes=widget.changes)
    np.testing.assert_array_equal(again.image, widget.image)
    widget.restore(branches["main"].checkpoint)
    np.testing.assert_array_equal(widget.image, image)
    assert widget.tv_weight == 10.0
    assert widget.branches["main"].checkpoint.iteration == 90
    np.testing.assert_array_equal(
        widget.branches["branch 1"].checkpoint.arrays["measured"], branches["branch 1"].checkpoint.arrays["measured"]
    )


def test_a_branch_that_is_opened_is_where_it_was_with_its_film_and_goes_on(widget):
    run(widget)
    image, film = widget.image, widget.film
    assert widget.lines == []
    widget.branch(30, tv_weight=500.0)
    there = widget.iteration
    widget.step(5)
    at, of_branch = widget.image, widget.film
    told = [{"name": "main", "parent": "", "iteration": 0, "made": 90}]
    told.append({"name": "branch 1", "parent": "main", "iteration": there, "made": None})
    assert widget.lines == told
    widget.open_branch("main")
    np.testing.assert_array_equal(widget.image, image)
    assert (widget.iteration, widget.tv_weight, widget.status) == (90, 10.0, "finished")
    assert [one["made"] for one in widget.lines] == [None, there + 5]
    assert {*film.iterations} - {film.best} <= {*widget.film.iterations}
    np.testing.assert_array_equal(widget.film[60], film[60])
    assert widget.rewind(60) == 60  # also what it goes back to
    widget.open_branch("branch 1")
    np.testing.assert_array_equal(widget.image, at)
    assert {*of_branch.iterations} - {of_branch.best} <= {*widget.film.iterations}
    assert widget.tv_weight == 500.0
    widget.step(5)
    # As if it had never been left.
    again = am.visualize(widget.model, changes=widget.changes, max_iter=widget.iteration)
    np.testing.assert_array_equal(again.image, widget.image)
    widget.open_branch("branch 1")  # which is in front
    assert widget.iteration == there + 10
    with pytest.raises(ValueError, match=r"name: expected a branch of this run, received 'branch 7'.*branch 1"):
        widget.open_branch("branch 7")
    widget.reset()
    assert widget.lines == []


def test_lines_left_long_ago_keep_their_ends_alone(widget):
    widget.step(40)
    for _ in range(5):
        widget.branch(widget.iteration)
        widget.step(1)
    assert len(widget.lines) == 6
    assert len(widget._run._reels) == 3
    widget.open_branch("main")
    assert [one.iteration for one in widget.film.checkpoints] == [40]
    assert [*widget.branches] == [*widget._run._names]


def test_going_back_to_another_target_says_so(model):
    widget = am.ActMaxWidget(model, "conv1", preset="keras-vis", filter_indices=2, max_iter=40)
    widget.step(40)
    widget.layer = "out"
    assert widget.rewind(20) == 20
    assert (widget.layer, widget._run.facts().note) == ("conv1", "The target is that of then again.")
    widget.close()


def test_its_pictures_are_read_without_its_states(widget):
    widget.step(50)
    run, pictures = widget._run.film_pictures()
    film = widget.film
    assert run == widget._run.facts().run
    assert [*pictures] == [one for one in film.iterations if one in pictures]
    assert {0, 50} <= pictures.keys()
    for iteration, picture in pictures.items():
        np.testing.assert_array_equal(picture, film[iteration])


def test_what_cannot_be_a_branch_changes_nothing(widget):
    run(widget)
    with pytest.raises(IndexError, match="iteration"):
        widget.rewind(91)
    with pytest.raises(IndexError, match="iteration"):
        widget.branch(91)
    with pytest.raises(ValueError, match="filter_indices: expected a setting that does not begin a run afresh"):
        widget.branch(30, filter_indices=1)
    with pytest.raises(ValueError, match="tv_weight"):
        widget.branch(30, tv_weight=float("nan"))
    with pytest.raises(ValueError, match="name: expected a name that no other branch has"):
        widget.branch(30, name="main")
    assert (widget.iteration, widget.status, [*widget.branches]) == (90, "finished", ["main"])


def test_a_tile_that_was_opened_goes_on_with_its_film(widget):
    widget.visualize_layer([1, 3])
    assert widget.wait(60)
    widget.open_tile(3)
    run(widget)
    assert widget.film.iterations[0] == 90
    assert widget.film.iterations[-1] == 180
    assert [change.iteration for change in widget.changes] == [0, 90]  # as if it had been made alone


def test_a_branch_is_of_the_settings_of_then_and_nothing_is_changed_where_they_do_not_fit(model):
    widget = am.ActMaxWidget(model, "conv1", preset="keras-vis", transforms=[am.transforms.Jitter(2)], max_iter=40)
    widget.step(30)
    widget.transforms = [am.transforms.Noise(0.1)]
    widget.step(10)
    before = widget.image
    with pytest.raises(ValueError, match=r"Noise\.start"):
        widget.branch(20, knobs={"Noise.start": 0.3})
    for name, value in (("seed", 3), ("seed_input", np.zeros((12, 12, 1), "float32")), ("layer", "out")):
        with pytest.raises(ValueError, match=f"{name}: expected a setting that does not begin a run afresh"):
            widget.branch(20, **{name: value})
    np.testing.assert_array_equal(widget.image, before)
    assert [*widget.branches] == ["main"]
    widget.branch(20, knobs={"Jitter.shift": 3})
    assert widget.jitter == 3
    widget.close()


def test_names_of_branches_never_meet_and_a_fresh_start_has_none(widget):
    widget.step(60)
    assert widget.branch(20, "branch 2") == "branch 2"
    widget.step(5)
    assert widget.branch(10) == "branch 1"
    assert widget.branch(4) == "branch 3"
    kept = widget.branches
    widget.restore(kept["branch 3"].checkpoint)  # which is in front
    assert {*widget.branches} == {*kept}
    widget.restore(kept["main"].checkpoint)
    assert {*widget.branches} == {*kept}
    widget.reset()
    widget.step(2)
    assert [*widget.branches] == ["main"]


def test_a_run_that_is_stopped_long_before_its_goal_has_a_film(model):
    widget = am.ActMaxWidget(model, "conv1", preset="keras-vis", max_iter=10**6)
    for _ in range(40):
        widget.step(5)
    assert len(widget.film) >= 20
    there = widget.rewind(100)
    assert abs(there - 100) <= 10
    widget.close()


def test_the_film_is_of_the_range_of_each_moment(widget):
    widget.step(40)
    widget.input_range = (0, 1)
    widget.step(20)
    assert widget.film[-1].max() > 200


def test_a_film_knows_what_it_has(model):
    film = visualize(model, 300).film
    assert 0 in film
    assert 1 not in film
    for path, error in (("film.mp4", ValueError), (None, TypeError)):
        with pytest.raises(error, match=r"path: expected the name of a file that ends in \.gif"):
            film.to_gif(path)


def test_the_goal_goes_on_after_going_back(widget):
    run(widget)
    widget.start()
    widget.pause()
    widget.wait()
    widget.restore(widget.checkpoint())
    widget.max_iter = 100
    assert widget.goal == 190
