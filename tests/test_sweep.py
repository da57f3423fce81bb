import dataclasses
import errno
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import keras
import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image

import actmax_widget as am
from actmax_widget.__main__ import main
from actmax_widget.export.run_file import RunFile
from actmax_widget.sweeps import Job, Jobs, Sweep, jobs, rendering, running, store
from actmax_widget.sweeps.rendering import render

STEPS = 4
SETTINGS = {"max_iter": STEPS, "keep": ["history"]}


def asked(model, layers="out", **given):
    return am.sweep_jobs(model, layers, **{**SETTINGS, **given})


@pytest.fixture(scope="module")
def model():
    return am.demo.digits()


@pytest.fixture(scope="module")
def made(model, tmp_path_factory):
    """A store of two layers, in jobs of four; what is made from it copies it."""
    folder = tmp_path_factory.mktemp("made")
    wanted = asked(model, ["conv1", "out"], filters=range(8), batch_size=4)
    return am.sweep(wanted, folder, progress=False)


@pytest.fixture
def copy(made, tmp_path):
    return shutil.copytree(made.folder, tmp_path / "copy")


def parts(folder):
    return {path.name: path.read_bytes() for path in Path(folder).glob("part-*.parquet")}


# --- jobs ------------------------------------------------------------------------------------------------------------


def test_jobs_are_batches_of_filters_in_the_models_order(model):
    found = asked(model, ["out", "conv*"], filters=[5, 3, 4], batch_size=2)
    assert [(one.layer, one.filters) for one in found] == [
        *[(layer, filters) for layer in ("conv1", "conv2", "conv3", "out") for filters in ((5, 3), (4,))]
    ]
    assert found.pictures == 12
    assert repr(found).startswith("12 pictures in 8 jobs: conv1 of digits, conv2 of digits")


def test_jobs_of_all_layers_are_those_with_weights_of_their_own(model):
    assert [one.layer for one in am.sweep_jobs(model, batch_size=64)] == ["conv1", "conv2", "conv3", "out"]


def test_jobs_are_plain_data_whose_hash_names_what_they_make(model):
    one = asked(model)[0]
    again = pickle.loads(pickle.dumps(one))  # noqa: S301 - our own
    assert again == one
    assert again.hash == one.hash
    assert Job.of(json.loads(json.dumps(one.to_dict())), one.recipe).hash == one.hash
    others = [
        asked(model, seed=1)[0],
        asked(model, preset="keras-vis")[0],
        asked(model, max_iter=5)[0],
        asked(model, keep=[])[0],
        asked(model, filters=[1])[0],
        asked(model, checkpoint="other")[0],
        asked(am.demo.digits("plain"))[0],
    ]
    assert len({one.hash, *[other.hash for other in others]}) == 8
    later = dataclasses.replace(one, recipe=one.recipe.replace(keras.__version__, "99.9"))
    assert later.hash == one.hash


def test_jobs_of_the_same_settings_share_their_hash(model):
    found = asked(model, ["conv1", "conv2"], batch_size=8)
    assert len({one.settings for one in found}) == 1


def test_jobs_add_up_and_are_cut(model):
    first, second = asked(model, "conv1", batch_size=8), asked(model, "out")
    both = first + second
    assert [*both] == [*first, *second]
    assert [*sum([first, second])] == [*both]
    assert [*both[:1]] == [first[0]]
    assert both.models.keys() == {first[0].model}


def test_jobs_of_several_files_are_named_by_them(model, tmp_path):
    paths = [tmp_path / "a.keras", tmp_path / "b.keras"]
    for path in paths:
        model.save(path)
    assert [(one.checkpoint, one.source) for one in asked(paths)] == [("a", str(paths[0])), ("b", str(paths[1]))]
    assert [one.checkpoint for one in asked({"early": paths[0], "late": paths[1]})] == ["early", "late"]
    with pytest.raises(ValueError, match="each with a name of its own"):
        asked([paths[0], paths[0]])
    with pytest.raises(ValueError, match="Pass a mapping from their names"):
        asked([model, model])
    with pytest.raises(ValueError, match="None where there are several models"):
        asked(paths, checkpoint="one")


def test_labels_are_kept_with_the_jobs_of_the_last_layer(model):
    names = [f"digit {one}" for one in range(10)]
    found = asked(model, ["conv1", "out"], filters=[0, 1], labels=names)
    assert [one.labels for one in found] == [(), ("digit 0", "digit 1")]
    assert asked(model, "out", filters=["digit 3"], labels=names)[0].filters == (3,)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"layers": "fire*"}, ValueError, "a pattern that some layer matches"),
        ({"layers": "nope"}, ValueError, "Choose one of: rescale, conv1"),
        ({"layers": []}, ValueError, "at least one layer"),
        ({"filters": [99]}, ValueError, "99"),
        ({"seed": None}, TypeError, "must draw the same pictures"),
        ({"seed": []}, ValueError, "at least one integer"),
        ({"seed": -1}, ValueError, "seed"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"batch_size": 65}, ValueError, "batch_size"),
        ({"keep": "history"}, TypeError, "a sequence of history, score, state"),
        ({"keep": ["pictures"]}, ValueError, "some of history, score, state"),
        ({"backprop_modifier": lambda model: model}, TypeError, "a name"),
        ({"preset": "nope"}, ValueError, "preset"),
        ({"tv_wieght": 3}, TypeError, "tv_weight"),
        ({"checkpoint": ""}, ValueError, "a name"),
        ({"checkpoint": " "}, ValueError, "a name"),
        ({"checkpoint": 1}, TypeError, "a name"),
        ({"max_iter": 0}, ValueError, "max_iter"),
    ],
)
def test_bad_jobs_are_refused_before_anything_is_computed(model, given, error, words):
    with pytest.raises(error, match=words):
        am.sweep_jobs(model, **{"layers": "out", **given})


def test_a_model_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no such model"):
        am.sweep_jobs(tmp_path / "nope.keras")
    (tmp_path / "bad.keras").write_text("no model")
    with pytest.raises(ValueError, match="a Keras model's file"):
        am.sweep_jobs(tmp_path / "bad.keras")


def test_a_layer_whose_name_looks_like_a_pattern_is_found():
    names = ["block[0]", "block?"]
    found = keras.Sequential([keras.Input((8, 8, 1)), *(keras.layers.Conv2D(1, 3, name=name) for name in names)])
    assert [asked(found, name)[0].layer for name in names] == names
    assert [one.layer for one in asked(found, "block*")] == names


def test_inputs_without_rows_and_columns_are_refused():
    flat = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="rows, columns and channels"):
        am.sweep_jobs(flat)


# --- pictures --------------------------------------------------------------------------------------------------------


def test_pictures_are_those_of_visualize_many(made, model):
    many = am.visualize_many(
        model, "out", vary={"filter_indices": [4, 5, 6, 7]}, preset="natural", seed=0, max_iter=STEPS, batch_size=4
    )
    for index, result in zip((4, 5, 6, 7), many, strict=True):
        row = next(made.read([made.find("out", index)]))
        assert row["history"] == result.history["total"].tolist()
        assert row["activation"] == result.history["activation"][-1]
        assert (
            row["probability"] == result.history["probability"][-1]
            if "probability" in result.history.measures
            else True
        )
        pixels = np.rint(np.clip(result.image, 0, 255)).astype(np.uint8)
        np.testing.assert_array_equal(made.image("out", index), pixels)


def test_a_layer_of_many_jobs_is_compiled_once(traces, tmp_path):
    fresh = am.demo.digits("plain")
    wanted = asked(fresh, "out", batch_size=5)
    assert len(wanted) == 2
    assert traces.of(lambda: am.sweep(wanted, tmp_path, progress=False)) == 1


def test_the_score_card_is_in_the_row(model):
    row = render(asked(model, filters=[3], keep=["score"])[0], model)[0]
    result = am.visualize_many(model, "out", vary={"filter_indices": [3]}, preset="natural", seed=0, max_iter=STEPS)[0]
    score = result.score()
    assert (row["strong"], row["sturdy"], row["natural"]) == (
        score.strong.verdict,
        score.sturdy.verdict,
        score.natural.verdict,
    )
    assert (row["strong_rank"], row["sturdy_kept"]) == (score.strong.rank, score.sturdy.kept)
    assert "history" not in row


def test_a_picture_goes_on_exactly_where_its_state_was_kept(model, tmp_path):
    found = am.sweep(asked(model, filters=[3], keep=["state"]), tmp_path, progress=False)
    widget = found.live(0)
    assert (widget.iteration, widget.layer, widget.filter_indices) == (STEPS, "out", (3,))
    widget.step(3)
    assert widget.wait(60)
    kept = am.Checkpoint.of_bytes(next(found.read([0], ["state"]))["state"])
    np.testing.assert_array_equal(widget.image, am.visualize(model, start=kept, max_iter=3).image)


def test_a_picture_is_the_start_of_a_run_where_it_was_not(made):
    index = made.find("out", 3)
    widget = made.live(index)
    assert (widget.iteration, widget.layer, widget.filter_indices) == (0, "out", (3,))
    widget.step()
    assert widget.wait(60)
    # What the first step saw: the picture, but for what the recipe's spectrum cannot hold.
    shown = am.utils.deprocess_input(widget.film[0].astype(np.float32))
    kept = made.image("out", 3).astype(np.float32)
    assert np.corrcoef(shown.ravel(), kept.ravel())[0, 1] > 0.95


def test_a_picture_is_made_again_from_its_noise(made):
    index = made.find("out", 3)
    widget = made.live(index, anew=True)
    widget.start()
    assert widget.wait(60)
    difference = widget.film[STEPS].astype(int) - made.image("out", 3)
    assert np.abs(difference).max() <= 1  # made alone, not in a batch of four


def test_another_model_is_refused(made):
    with pytest.raises(ValueError, match="another one, or other weights"):
        made.live(0, am.demo.digits("plain"))


def test_a_model_that_is_nowhere_is_asked_for(made):
    opened = am.open_sweep(made.folder)
    with pytest.raises(ValueError, match="which had no file"):
        opened.live(0)
    assert am.open_sweep(made.folder, am.demo.digits()).live(0).layer == "conv1"


def failing(monkeypatch, filters):
    """Batches with one of these filters raise, as a layer that somebody wrote may."""
    whole = rendering.visualize_many

    def make(model, *, vary, **given):
        if {*vary.vary["filter_indices"]} & {*filters}:
            raise RuntimeError("out of luck")
        return whole(model, vary=vary, **given)

    monkeypatch.setattr(rendering, "visualize_many", make)


def test_a_filter_that_fails_is_a_row_and_the_others_are_made(model, tmp_path, monkeypatch):
    failing(monkeypatch, [2])
    with pytest.warns(RuntimeWarning, match="1 of 4 pictures failed, see store.errors. .*out of luck"):
        found = am.sweep(asked(model, filters=range(4)), tmp_path, progress=False)
    assert found.errors == {"digits, out, filter 2": "RuntimeError: out of luck"}
    assert [found.png(found.find("out", index)) is None for index in range(4)] == [False, False, True, False]
    with pytest.raises(ValueError, match="out of luck"):
        found.image("out", 2)
    with pytest.raises(ValueError, match="out of luck"):
        found.live(found.find("out", 2))
    with pytest.warns(RuntimeWarning, match="1 of 4"):  # told, and not made again
        am.sweep(asked(model, filters=range(4)), tmp_path, progress=False)
    monkeypatch.undo()
    assert not am.sweep(asked(model, filters=range(4)), tmp_path, again=True, progress=False).errors


def test_again_leaves_alone_what_was_not_asked_for(model, tmp_path, monkeypatch):
    failing(monkeypatch, [2])
    with pytest.warns(RuntimeWarning, match="1 of 2"):
        am.sweep(asked(model, "conv1", filters=[1, 2]), tmp_path, progress=False)
    with pytest.warns(RuntimeWarning, match="1 of 3"):
        found = am.sweep(asked(model, filters=[1]), tmp_path, again=True, progress=False)
    assert found.index["filter"] == [1, 2, 1]


def test_a_filter_that_is_never_active_is_a_row_that_says_so(tmp_path):
    dead = am.demo.digits()
    kernel, bias = dead.get_layer("conv1").get_weights()
    kernel[..., 1], bias[1] = 0, -1
    dead.get_layer("conv1").set_weights([kernel, bias])
    with pytest.warns(RuntimeWarning, match="1 of 2 pictures failed"):
        found = am.sweep(asked(dead, "conv1", filters=[0, 1]), tmp_path, progress=False)
    assert [bool(one) for one in found.index["error"]] == [False, True]
    assert "excites filter 1 of conv1" in found.errors["digits, conv1, filter 1"]


def test_a_filter_that_fails_twice_is_told_twice(model, tmp_path, monkeypatch):
    failing(monkeypatch, [2])
    for count, steps in ((1, 1), (2, 2)):
        with pytest.warns(RuntimeWarning, match=f"{count} of {count} pictures failed"):
            found = am.sweep(asked(model, filters=[2], max_iter=steps), tmp_path, progress=False)
    assert [*found.errors] == [f"digits, out, filter 2, settings {one.settings}" for one in found.jobs]


def test_of_two_recipes_in_one_store_each_can_be_found(model, tmp_path):
    jobs = asked(model, filters=[2]) + asked(model, filters=[2], preset="keras-vis")
    found = am.sweep(jobs, tmp_path, progress=False)
    natural, keras_vis = found.index["settings"]
    assert [found.find("out", 2, settings=one) for one in (natural, keras_vis, None)] == [0, 1, 1]
    assert not np.array_equal(found.image("out", 2, settings=natural), found.image("out", 2))
    np.testing.assert_array_equal(found.film("out", 2, settings=natural)[0], found.image("out", 2, settings=natural))
    with pytest.raises(ValueError, match="settings: expected one that was drawn"):
        found.find("out", 2, settings="0123")


# --- what scores compare with ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    """A folder of real digits, and a network that knows the same classes."""
    folder = tmp_path_factory.mktemp("beside")
    real = folder / "real"
    real.mkdir()
    for index, picture in enumerate(np.random.default_rng(0).integers(0, 256, (24, 28, 28), np.uint8)):
        Image.fromarray(picture).save(real / f"{index}.png")
    am.demo.digits("plain").save(folder / "judge.keras")
    return real, folder / "judge.keras"


def test_scores_compare_with_real_pictures_and_another_network(model, beside, tmp_path):
    real, judge = beside
    jobs = asked(model, ["conv1", "out"], filters=[1, 2], keep=["score"], references=real, judge=judge)
    assert [bool(one.judge) for one in jobs] == [False, True]  # units inside of it have no counterpart
    found = am.sweep(jobs, tmp_path, progress=False)
    rows = found.to_pandas()
    assert rows["strong_percentile"].between(0, 100).all()
    assert rows["sturdy_judge_rank"].isna().tolist() == [True, True, False, False]
    assert am.open_sweep(tmp_path, model).jobs[0].references == str(real)
    alone = am.sweep(asked(model, ["conv1", "out"], filters=[1, 2], keep=["score"]), tmp_path / "alone", progress=False)
    assert not {one.hash for one in alone.jobs} & {one.hash for one in jobs}
    assert not {one.settings for one in alone.jobs} & {one.settings for one in jobs}  # each is found by its own
    assert alone.to_pandas()["strong_percentile"].isna().all()


def test_a_judge_of_pictures_of_any_size(model, tmp_path):
    inputs = keras.Input((None, None, 1))
    units = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(10, 3)(inputs))
    keras.Model(inputs, keras.layers.Dense(10)(units)).save(tmp_path / "open.keras")
    jobs = asked(model, "out", filters=[1], keep=["score"], judge=tmp_path / "open.keras")
    found = am.sweep(jobs, tmp_path / "store", progress=False)
    assert found.to_pandas()["sturdy_judge_rank"].between(1, 10).all()


@pytest.mark.parametrize("change", ["same size", "fewer", "inside"])
def test_what_scores_compare_with_must_be_as_it_was(model, beside, tmp_path, change):
    real = shutil.copytree(beside[0], tmp_path / "real")
    (real / "more").mkdir()
    shutil.copy(real / "1.png", real / "more")
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(real / "0.bmp")
    jobs = asked(model, filters=[1], keep=["score"], references=real)
    render(jobs[0], model)
    (real / ".DS_Store").write_text("no picture")  # what is none does not count
    render(jobs[0], model)
    if change == "same size":
        Image.fromarray(np.full((28, 28), 9, np.uint8)).save(real / "0.bmp")
    else:
        ((real / "0.png") if change == "fewer" else (real / "more" / "1.png")).unlink()
    with pytest.raises(ValueError, match=r"jobs: expected .*real as the jobs have it"):
        am.sweep(jobs, tmp_path / "store", progress=False)
    assert not [*tmp_path.rglob("part-*")]


def test_references_and_a_judge_may_be_moved(model, beside, tmp_path):
    real = shutil.copytree(beside[0], tmp_path / "real")
    am.sweep(asked(model, filters=[1], keep=["score"], references=real), tmp_path / "store", progress=False)
    moved = real.rename(tmp_path / "moved")
    jobs = asked(model, filters=[1, 2], batch_size=1, keep=["score"], references=moved)
    found = am.sweep(jobs, tmp_path / "store", progress=False)
    assert {one.references for one in found.jobs} == {str(moved)}
    assert len(found) == 2


def test_references_that_cannot_be_read_are_told_before_anything_is_made(model, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "0.png").write_text("no picture")
    with pytest.raises(ValueError, match="references"):
        am.sweep(asked(model, filters=[1], keep=["score"], references=tmp_path / "real"), tmp_path / "store")
    assert not [*tmp_path.rglob("part-*")]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"references": np.zeros((2, 28, 28, 1))}, TypeError, "the path of a folder"),
        ({"references": "no/such/folder"}, ValueError, "a folder of pictures"),
        ({"references": ""}, TypeError, "the path of a folder"),
        ({"judge": ("JUDGE", "torch")}, ValueError, "preprocess"),
        ({"judge": "no/such.keras"}, OSError, "no such judge"),
        ({"judge": am.demo.digits}, TypeError, "the path of a model"),
        ({"judge": ("JUDGE", "no such")}, ValueError, "preprocess"),
        ({"judge": "JUDGE", "layers": "conv1"}, ValueError, "None where no layer has classes"),
        ({"judge": "JUDGE", "keep": ["history"]}, ValueError, '"score"'),
        ({"judge": "APPLES"}, ValueError, "10 classes"),
    ],
)
def test_nothing_to_compare_with_is_told_before_anything_is_made(model, beside, tmp_path, given, error, words):
    if given.get("judge") == "APPLES":
        path = tmp_path / "apples.keras"
        am.demo.apples().save(path)
    else:
        path = beside[1]
    if isinstance(given.get("judge"), tuple):
        given = {"judge": (str(path), given["judge"][1])}
    elif given.get("judge") in {"JUDGE", "APPLES"}:
        given = {**given, "judge": str(path)}
    with pytest.raises(error, match=words):
        asked(model, **{"keep": ["score"], **given})


def test_a_store_without_pictures_says_so(model, tmp_path):
    store.begun(tmp_path, asked(model, filters=[1]), None, 1)
    with pytest.raises(ValueError, match=r"store\.missing tells"):
        am.open_sweep(tmp_path).image("out", 1)


# --- the store -------------------------------------------------------------------------------------------------------


def test_readers_of_parquet_read_it_as_it_is(made):
    files = f"{made.folder}/*.parquet"
    rows = duckdb.sql(
        f"select layer, count(*), max(activation), count(image), max(len(history)) from '{files}' group by layer order by layer"  # noqa: S608, E501
    ).fetchall()
    assert [(layer, count, images, steps) for layer, count, _, images, steps in rows] == [
        ("conv1", 8, 8, STEPS),
        ("out", 8, 8, STEPS),
    ]
    by_term = duckdb.sql(f"select losses['TV(2.0) Loss'] from '{files}' where layer = 'conv1'").fetchall()  # noqa: S608
    assert len(by_term) == 8
    table = pl.read_parquet(files)
    assert table.filter(pl.col("layer") == "out")["filter"].sort().to_list() == [*range(8)]
    frame = pd.concat([pd.read_parquet(path) for path in made.folder.glob("*.parquet")])
    assert len(frame) == 16
    assert bytes(frame["image"].iloc[0]).startswith(b"\x89PNG")


def test_the_table_has_a_column_for_each_loss(made):
    table = made.to_pandas(images=True)
    assert {"loss: TV(2.0) Loss", "activation", "image", "history"} <= {*table.columns}
    assert table["activation"].dtype == np.float64
    one = table[(table.layer == "conv1")].iloc[0]
    total = sum(one[name] for name in table.columns if name.startswith("loss: ") and np.isfinite(one[name]))
    assert total == pytest.approx(one["total"], rel=1e-5)


def test_the_manifest_is_a_run_file(made, model):
    run = RunFile.load(made.folder / store.MANIFEST)
    assert run.vary == {"filter_indices": (0, 1, 2, 3)}
    assert am.load_run(made.folder / store.MANIFEST, model).layer == "conv1"


def test_the_same_call_makes_nothing_twice(copy, model, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in copy.glob("part-*")}
    monkeypatch.setattr(rendering, "visualize_many", lambda *args, **given: pytest.fail("made again"))
    wanted = asked(model, ["conv1", "out"], filters=range(8), batch_size=4)
    assert len(am.sweep(wanted, copy, progress=False)) == 16
    assert {path: path.stat().st_mtime_ns for path in copy.glob("part-*")} == before


def test_a_model_that_was_moved_is_found_after_the_next_sweep(model, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "later").mkdir()
    path = tmp_path / "m.keras"
    model.save(path)
    am.sweep(asked(path, filters=[1]), "~/store", progress=False)
    path = path.rename(tmp_path / "later" / "m.keras")
    with pytest.raises(FileNotFoundError, match="There is no such model"):
        am.open_sweep("~/store").live(0)
    am.sweep(asked(path, filters=[1]), "~/store", progress=False)
    assert am.open_sweep("~/store").live(0).layer == "out"


def test_what_is_missing_is_made_the_same_bit_for_bit(made, copy, model):
    gone = sorted(copy.glob("part-*"))[1]
    gone.unlink()
    opened = am.open_sweep(copy)
    assert (len(opened), len(opened.missing)) == (12, 1)
    assert repr(opened).endswith("3 of 4 jobs made")
    am.sweep(opened.missing, copy, progress=False) if opened.missing.models else am.sweep(
        Jobs(opened.missing, made.models), copy, progress=False
    )
    assert parts(copy) == parts(made.folder)
    assert opened.refresh() == 4
    assert not opened.missing


def test_what_is_asked_for_twice_is_made_once(model, tmp_path):
    wanted = asked(model, filters=[3, 1, 3], seed=[5, 5])
    assert [one.filters for one in wanted] == [(3, 1)]
    found = am.sweep(wanted + wanted, tmp_path, progress=False)
    assert (len(found.jobs), found.index["filter"]) == (1, [3, 1])


def test_jobs_that_were_picked_from_others_need_their_model(model, tmp_path):
    wanted = asked(model, filters=[1, 2], batch_size=1)
    picked = [one for one in wanted if one.filters == (2,)]
    with pytest.raises(ValueError, match=r"Jobs\(chosen, jobs.models\)"):
        am.sweep(picked, tmp_path, progress=False)
    assert len(am.sweep(Jobs(picked, wanted.models), tmp_path, progress=False)) == 1
    assert am.open_sweep(tmp_path, model).missing.models


def test_more_is_added_to_a_store(copy, model):
    more = am.sweep(asked(model, "conv2", filters=[1]), copy, progress=False)
    assert (len(more), len(more.jobs)) == (17, 5)
    assert [one[1:] for one in more.progress()] == [("conv1", 8, 8), ("out", 8, 8), ("conv2", 1, 1)]


def test_a_store_that_is_being_filled_is_looked_at_again(copy, model):
    opened = am.open_sweep(copy)
    assert opened.refresh() == 0
    am.sweep(asked(model, "conv2", filters=[1], seed=[1, 2]), copy, progress=False)
    assert opened.refresh() == 2
    assert (opened.index["layer"][16:], opened.index["seed"][16:]) == (["conv2", "conv2"], [1, 2])
    assert opened.job_of(17).layer == "conv2"
    assert opened.image("conv2", 1, seed=1).shape == (28, 28, 1)


def test_thousands_of_parts_are_read_from_one_index(made, tmp_path, monkeypatch):
    row = next(made.read([0]))
    one = made.jobs[0]
    wanted = Jobs([dataclasses.replace(one, filters=(0,), checkpoint=f"epoch {at}") for at in range(40)], made.models)
    store.begun(tmp_path, wanted, None, 1)
    for job in wanted:
        content = store.part_of([{**row, "losses": [*row["losses"]], "checkpoint": job.checkpoint}])
        (tmp_path / store.part_name(job)).write_bytes(content)
    first = am.sweep(wanted, tmp_path, progress=False)
    assert (tmp_path / store.INDEX).exists()
    changed = tmp_path / store.part_name(wanted[7])
    changed.write_bytes(store.part_of([{**row, "losses": [*row["losses"]], "checkpoint": "other"}]))
    read, whole = [], Sweep._columns_of
    monkeypatch.setattr(Sweep, "_columns_of", lambda self, job: read.append(job) or whole(self, job))
    opened = am.open_sweep(tmp_path)
    assert read == [wanted[7]]
    assert opened.index["checkpoint"] == [*first.index["checkpoint"][:7], "other", *first.index["checkpoint"][8:]]
    for index in (0, 39):
        assert opened.png(index) == row["image"]
    (tmp_path / store.INDEX).write_bytes(b"damaged")
    assert len(am.open_sweep(tmp_path)) == 40


@pytest.mark.parametrize("damage", ["cut", "other version", "empty"])
def test_a_part_that_is_not_whole_is_made_again(made, copy, model, damage):
    path = min(copy.glob("part-*"))
    content = path.read_bytes()
    if damage == "other version":  # whose hash, which its format is part of, is another one
        path.rename(path.with_name("part-00000000000000000000000000000000.parquet"))
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    assert len(am.open_sweep(copy)) == 12
    am.sweep(asked(model, ["conv1", "out"], filters=range(8), batch_size=4), copy, progress=False)
    assert parts(made.folder).items() <= parts(copy).items()


def test_a_part_that_is_damaged_inside_is_told_and_left_out(copy):
    path = min(copy.glob("part-*"))
    content = bytearray(path.read_bytes())
    content[-400:-8] = bytes(392)
    path.write_bytes(content)
    with pytest.warns(RuntimeWarning, match="is damaged, and left out"):
        assert len(am.open_sweep(copy)) == 12


def test_a_full_disk_is_told_and_the_next_call_goes_on(model, tmp_path):
    wanted = asked(model, ["conv1", "out"], filters=range(4))
    # Where the system really has no room, for the second part.
    trap = tmp_path / f"{store.part_name(wanted[1])}.{os.getpid()}.part"
    trap.symlink_to("/dev/full")
    with pytest.raises(OSError, match="The disk is full: nothing was written") as told:
        am.sweep(wanted, tmp_path, progress=False)
    assert told.value.errno == errno.ENOSPC
    assert len(parts(tmp_path)) == 1
    assert len(am.sweep(wanted, tmp_path, progress=False)) == 8


@pytest.mark.parametrize("where", ["a/file", "nothing"])
def test_a_folder_that_takes_nothing_is_told(model, tmp_path, where):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("")
    wanted = asked(model, filters=[1])
    if where == "a/file":
        with pytest.raises(ValueError, match="a folder"):
            am.sweep(wanted, tmp_path / "a" / "file")
        with pytest.raises(NotADirectoryError):
            am.sweep(wanted, tmp_path / "a" / "file" / "below")
    else:
        with pytest.raises(ValueError, match=r"It has no manifest.json"):
            am.open_sweep(tmp_path / "nothing")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"sweep": {"format": 99}}', '{"sweep": {"format": 1}}', "{cut"])
def test_a_damaged_manifest_is_told(copy, content):
    (copy / store.MANIFEST).write_text(content)
    with pytest.raises(ValueError, match=r"sweep|manifest"):
        am.open_sweep(copy)


def test_a_model_that_changed_since_is_refused_by_name(copy):
    changed = am.demo.digits()
    changed.get_layer("out").bias.assign_add(np.ones(10, np.float32))
    with pytest.raises(ValueError, match=r"'digits' as it was when .* was begun"):
        am.sweep(asked(changed, filters=[1]), copy)
    assert len(am.sweep(asked(changed, filters=[1], checkpoint="later"), copy, progress=False)) == 17


def test_a_model_that_changed_after_its_jobs_were_made_is_refused(model, tmp_path):
    path = tmp_path / "m.keras"
    model.save(path)
    wanted = asked(path, filters=[1])
    am.demo.digits("plain").save(path)
    with pytest.raises(ValueError, match=r"m.keras as the jobs have it"):
        render(wanted[0])
    changed = am.demo.digits()
    mine = asked(changed, filters=[1])
    changed.get_layer("out").bias.assign_add(np.ones(10, np.float32))
    with pytest.raises(ValueError, match="It changed since the jobs were made"):
        am.sweep(mine, tmp_path / "store", progress=False)
    assert not parts(tmp_path / "store")


def test_the_last_two_models_of_files_are_kept(model, tmp_path, monkeypatch):
    monkeypatch.setattr(rendering, "_models", {})
    for name in "abc":
        model.save(tmp_path / f"{name}.keras")
    loaded = []
    monkeypatch.setattr(rendering, "load", lambda path: loaded.append(path[-7]) or jobs.load(path))
    wanted = {name: asked(tmp_path / f"{name}.keras", filters=[1], max_iter=1)[0] for name in "abc"}
    for name in "abacab":
        render(wanted[name])
    assert "".join(loaded) == "abcb"


def test_two_sweeps_into_one_store_at_once_are_refused(copy, model):
    with store.written_by_one(copy), pytest.raises(ValueError, match=f"It is process {os.getpid()} on "):
        am.sweep(asked(model, filters=[1]), copy)
    assert len(am.sweep(asked(model, "conv2", filters=[1]), copy, progress=False)) == 17


def test_other_threads_than_the_stores_are_refused(copy, model):
    held = am.open_sweep(copy).threads
    with pytest.raises(ValueError, match=f"threads.*{held}, as"):
        am.sweep(asked(model, filters=[1]), copy, threads=held + 1)


@pytest.mark.parametrize("given", [None, [], "jobs", [1], {}])
def test_what_is_no_job_is_refused(given, tmp_path):
    with pytest.raises(TypeError, match=r"Pass what am\.sweep_jobs"):
        am.sweep(given, tmp_path)


def test_what_is_no_client_or_folder_is_refused(model, tmp_path):
    with pytest.raises(TypeError, match=r"a distributed.Client"):
        am.sweep(asked(model, filters=[1]), tmp_path, "tcp://127.0.0.1:8786")
    with pytest.raises(TypeError, match="the path of a folder"):
        am.sweep(asked(model, filters=[1]), 3)


def test_what_was_not_drawn_is_told(made):
    for given, words in [
        (("out", 9), "store.missing tells"),
        (("fire2", 0), "There are: conv1, out"),
        (("out", 1, "epoch 3"), "There are: digits"),
        (("out", "flamingo"), "filter"),
    ]:
        with pytest.raises(ValueError, match=words):
            made.image(*given)


CTRL_C = """
import os, signal, sys
import actmax_widget as am
from actmax_widget.sweeps import rendering, store
write, made = store.part_of, []

def part_of(rows):
    made.append(rows)
    if len(made) == 2:
        os.kill(os.getpid(), signal.SIGINT)  # while the second part is written
    return write(rows)

store.part_of = part_of
jobs = am.sweep_jobs(am.demo.digits(), "out", batch_size=2, max_iter=2, keep=[])
try:
    am.sweep(jobs, sys.argv[1], progress=False)
except KeyboardInterrupt:
    print("ended", len(jobs))
"""


def test_ctrl_c_leaves_whole_parts_and_nothing_is_made_twice(model, tmp_path):
    done = subprocess.run([sys.executable, "-c", CTRL_C, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "ended 5\n"
    opened = am.open_sweep(tmp_path)
    assert 1 <= len(opened.jobs) - len(opened.missing) < 5
    before = parts(tmp_path)
    whole = am.sweep(asked(model, batch_size=2, max_iter=2, keep=[]), tmp_path, progress=False)
    assert sorted(whole.index["filter"]) == [*range(10)]
    assert before.items() <= parts(tmp_path).items()


def test_a_run_that_is_interrupted_gives_no_rows(model, monkeypatch):
    whole = rendering.visualize_many

    def interrupted(*args, **given):
        signal.raise_signal(signal.SIGINT)
        return whole(*args, **given)

    monkeypatch.setattr(rendering, "visualize_many", interrupted)
    with pytest.raises(KeyboardInterrupt):
        render(asked(model, filters=[1])[0], model)


# --- a shell ---------------------------------------------------------------------------------------------------------


def test_a_sweep_from_a_shell(model, tmp_path, capsys):
    path, folder = tmp_path / "m.keras", tmp_path / "pictures"
    model.save(path)
    given = ["sweep", str(path), "--layer", "ou*", "--filters", "0-2", "7", "--store", str(folder)]
    more = ["--max-iter", "2", "--keep", "--preset", "natural"]
    assert main([*given, *more]) == 0
    assert "4 pictures in" in capsys.readouterr().out
    assert main(["status", str(folder)]) == 0
    assert re.search(r"m  out  4 of 4", capsys.readouterr().out)
    opened = am.open_sweep(folder)
    assert opened.live(0).layer == "out"  # from its file
    min(folder.glob("part-*")).unlink()
    assert main(["status", str(folder)]) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--layer", "nope*"], "a pattern that some layer matches"),
        (["--layer", "out", "--filters", "x"], "received 'x'"),
        (["--scheduler", "tcp://127.0.0.1:1", "--workers", "2"], "none with --scheduler"),
        (["--workers", "0"], "--workers"),
    ],
)
def test_a_shell_is_told_what_is_wrong(model, tmp_path, capsys, given, words):
    model.save(tmp_path / "m.keras")
    assert main(["sweep", str(tmp_path / "m.keras"), "--store", str(tmp_path / "s"), *given]) == 2
    assert words in capsys.readouterr().err


# --- training --------------------------------------------------------------------------------------------------------


def network():
    layers = [
        keras.Input((12, 12, 1)),
        keras.layers.Conv2D(3, 3, activation="relu", name="conv"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, activation="softmax", name="out"),
    ]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


X, Y = np.random.RandomState(0).rand(16, 12, 12, 1).astype(np.float32) * 255, np.arange(16) % 2


def test_a_film_has_one_picture_of_each_checkpoint(model, tmp_path):
    for size in (2, 1):
        wanted = asked({"epoch 3": model, "epoch 7": am.demo.digits("plain")}, filters=[0, 1], batch_size=size)
        found = am.sweep(wanted, tmp_path, progress=False)
    assert found.film("out", 1).iterations == (3, 7)


def test_a_film_of_training(tmp_path, traces):
    trained = network()
    film = am.FilmCallback("out", [0, 1], every=2, store=tmp_path / "film", max_iter=STEPS, keep=["history"])
    atlas = film.widget()  # before fit, which no later cell overtakes
    assert (atlas.sheet.count, atlas.sheet.error) == (0, "")
    assert traces.of(lambda: trained.fit(X, Y, epochs=4, callbacks=[film], verbose=0)) == 1
    found = film.store
    assert [*dict.fromkeys(found.index["checkpoint"])] == ["epoch 0", "epoch 2", "epoch 4"]
    assert len(found) == 6
    atlas._greet(0)  # as the page asks
    assert (atlas.sheet.count, atlas.sheet.expected, atlas.sheet.error) == (6, 6, "")
    assert film.film(1).iterations == (0, 2, 4)
    assert film.film().images.shape == (3, 12, 12, 1)
    film.film().to_gif(tmp_path / "film.gif")
    # Each from the same noise, on the network as it was.
    assert len({one.recipe for one in found.jobs}) == len({one.model for one in found.jobs}) == 3
    seeds = {one.run.changes[0].settings.seed for one in found.jobs}
    assert seeds == {0}
    one, other = film.live(2, 1), film.live(4, 1)
    assert not np.array_equal(one.model.get_weights()[0], other.model.get_weights()[0])
    np.testing.assert_array_equal(other.model.get_weights()[0], trained.get_weights()[0])
    both = am.compare(one, other, names=["epoch 2", "epoch 4"])
    both.start()
    assert both.wait(60)
    difference = one.film[STEPS].astype(int) - found.image("out", 1, "epoch 2")
    assert np.abs(difference).max() <= 1
    # fit() again counts on.
    trained.fit(X, Y, epochs=2, callbacks=[film], verbose=0)
    assert [*dict.fromkeys(film.store.index["checkpoint"])][-1] == "epoch 6"


def test_several_films_of_one_training_share_a_store(tmp_path):
    films = [
        am.FilmCallback("conv", 2, store=tmp_path, max_iter=1, keep=[]),
        am.FilmCallback("out", 1, store=tmp_path, max_iter=1, keep=[]),
    ]
    network().fit(X, Y, callbacks=films, verbose=0)
    assert [(one.live(1).layer, one.live(1).filter_indices) for one in films[1:]] == [("out", (1,))]
    np.testing.assert_array_equal(films[1].film().images[1], films[1].store.image("out", 1, "epoch 1"))


class Impatient(keras.callbacks.Callback):
    """Ctrl-C in the first epoch."""

    def on_train_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt


def test_training_that_was_interrupted_goes_on_with_its_film(tmp_path):
    trained = network()
    film = am.FilmCallback("out", 0, store=tmp_path, max_iter=1, keep=[])
    with pytest.raises(KeyboardInterrupt):
        trained.fit(X, Y, batch_size=8, callbacks=[film, Impatient()], verbose=0)
    trained.fit(X, Y, callbacks=[film], verbose=0)
    assert film.store.index["checkpoint"] == ["epoch 0", "epoch 1"]
    with pytest.raises(ValueError, match="give this one a callback"):
        network().fit(X, Y, callbacks=[am.FilmCallback("out", 0, store=tmp_path, max_iter=1, keep=[])], verbose=0)


def test_a_film_without_models_goes_on_nowhere_and_says_so(tmp_path):
    trained = network()
    film = am.FilmCallback("out", 0, store=tmp_path, models=False, max_iter=1, keep=[])
    trained.fit(X, Y, epochs=1, callbacks=[film], verbose=0)
    assert not (tmp_path / "models").exists()
    with pytest.raises(ValueError, match="which had no file"):
        film.live(1)


def test_a_film_of_what_there_is_not_is_refused_before_training():
    trained = network()
    before = trained.get_weights()[0].copy()
    with pytest.raises(ValueError, match="Choose one of: "):
        trained.fit(X, Y, callbacks=[am.FilmCallback("nope")], verbose=0)
    with pytest.raises(ValueError, match="one layer"):
        trained.fit(X, Y, callbacks=[am.FilmCallback("*", 0)], verbose=0)
    np.testing.assert_array_equal(trained.get_weights()[0], before)
    with pytest.raises(TypeError, match="one layer"):
        am.FilmCallback(["conv", "out"])
    with pytest.raises(ValueError, match="every"):
        am.FilmCallback("out", every=0)
    with pytest.raises(TypeError, match="none here"):
        am.FilmCallback("out", checkpoint="epoch")
    with pytest.raises(ValueError, match="a folder"):
        am.FilmCallback("out", store=__file__)
    with pytest.raises(TypeError, match="the path of a folder"):
        am.FilmCallback("out", store=3)


def test_a_store_of_another_training_is_refused_before_training(tmp_path):
    film = am.FilmCallback("out", 0, store=tmp_path, max_iter=1, keep=[])
    network().fit(X, Y, callbacks=[film], verbose=0)
    other = network()
    with pytest.raises(ValueError, match=r"'epoch 0' as it was when .* a callback, and a store, of its own"):
        other.fit(X, Y, callbacks=[am.FilmCallback("out", 0, store=tmp_path, max_iter=1, keep=[])], verbose=0)
    assert film.live(0).layer == "out"  # whose model is still that of the first training
    moved = shutil.move(tmp_path, tmp_path.with_name(f"{tmp_path.name} moved"))
    assert am.open_sweep(moved).live(0).layer == "out"


def test_training_survives_a_picture_that_cannot_be_kept(tmp_path, monkeypatch):
    trained = network()
    film = am.FilmCallback("out", 0, store=tmp_path, max_iter=1, keep=[])
    write = running.files.write

    def full(path, content):
        if "part-" in str(path) and len(parts(tmp_path)) == 1:
            raise OSError(errno.ENOSPC, "The disk is full: nothing was written", str(path))
        write(path, content)

    monkeypatch.setattr(running.files, "write", full)
    with pytest.warns(RuntimeWarning, match="There is no picture of epoch 1: .*The disk is full"):
        trained.fit(X, Y, epochs=1, callbacks=[film], verbose=0)
    monkeypatch.undo()
    assert len(film.store) == 1
