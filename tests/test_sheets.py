import json
import math

import keras
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

import actmax_widget as am
from actmax_widget import losses, regularizers
from actmax_widget.__main__ import main
from actmax_widget.export import sheet

VARY = {"seed": range(2), "tv_weight": [0, 0.5, 4]}
SHEETS = {
    "a grid": {"vary": VARY},
    "filters": {"vary": {"filter_indices": [2, (0, 1), 7]}, "preset": "keras-vis"},
    "an address": {"vary": {"Rotate.degrees": np.array([0.0, 20.0])}, "start": np.full((28, 28, 1), 90.0)},
    "an objective": {
        "target": losses.ActivationMaximization("out", 3) + 0.5 * regularizers.TotalVariation(),
        "vary": {"seed": [4, 9]},
    },
}


@pytest.fixture(scope="module")
def digits():
    return am.demo.digits()


@pytest.fixture(scope="module")
def made(digits):
    kept = {}

    def make(name):
        given = {"target": "out", **SHEETS[name]}
        filters = () if isinstance(given["target"], losses.Sum) else (3,)
        if name not in kept:
            kept[name] = am.visualize_many(digits, given.pop("target"), *filters, **{"seed": 5, "max_iter": 8, **given})
        return kept[name]

    return make


@pytest.mark.parametrize("name", SHEETS)
def test_code_and_file_make_the_pictures_bit_for_bit(digits, made, name, tmp_path):
    many, known = made(name), {"model": digits}
    code = many.code()
    assert "result = am.visualize_many(" in code
    exec(code, known)  # noqa: S102 - what is tested
    path = many.save(tmp_path / "sheet.json")
    again = am.visualize_many(digits, vary=am.RunFile.load(path))
    for other in (known["result"], again):
        np.testing.assert_array_equal(other.images, many.images)
        assert len(other) == len(many)
        for one, own in zip(other.histories, many.histories, strict=True):
            np.testing.assert_array_equal(one.rows, own.rows)
    assert again.save(tmp_path / "again.json").read_text() == path.read_text()
    assert many.save(tmp_path / "sheet.py").read_text() == code


def test_the_sheet_is_a_picture_that_holds_what_made_it(made, tmp_path):
    many = made("a grid")
    path = many.save(tmp_path / "sheet.png")
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    run = am.RunFile.of_picture(path)
    assert dict(run.vary) == {"seed": (0, 1), "tv_weight": (0, 0.5, 4)}
    # A column for each weight, a row for each seed, enlarged by whole pixels.
    side = 6 * 28
    assert pixels.shape[1] == 3 * side + 2 * sheet.GAP + 2 * sheet.MARGIN
    top = sheet.MARGIN + sheet.LINE + sheet.GAP
    first = pixels[top : top + side : 6, sheet.MARGIN : sheet.MARGIN + side : 6, 0]
    np.testing.assert_array_equal(first, np.rint(np.clip(many.images[0, ..., 0], 0, 255)))
    below = pixels[top + side : top + side + 3 * sheet.LINE, sheet.MARGIN : sheet.MARGIN + side]
    assert (below < 100).any()  # a caption


def test_rows_are_read_by_others(made, tmp_path):
    many = made("a grid")
    for table in (pd.read_csv(many.save(tmp_path / "a.csv")), pd.read_parquet(many.save(tmp_path / "a.parquet"))):
        assert [*table.columns[:4]] == ["picture", "seed", "tv_weight", "iteration"]
        assert len(table) == 6 * 8
        for number, (own, history) in enumerate(zip(many.varied, many.histories, strict=True)):
            part = table[table["picture"] == number]
            assert {*part["seed"]} == {own["seed"]}
            assert {*part["tv_weight"]} == {own["tv_weight"]}
            np.testing.assert_array_equal(part.iloc[:, 4:].to_numpy("float32"), history.rows)
    grouped = pd.read_csv(made("filters").save(tmp_path / "b.csv"))
    assert [*grouped["filter_indices"].unique()] == ["2", "0, 1", "7"]


def test_the_figure_shows_them_and_the_activation_at_each_number(made):
    figure = made("an address").plot()
    assert isinstance(figure, Figure)
    *pictures, curve = figure.axes
    assert len(pictures) == 2
    xs, ys = curve.lines[0].get_data()
    assert [*xs] == [0, 20]
    assert [*ys] == [history["activation"][-1] for history in made("an address").histories]
    assert len(made("a grid").plot().axes) == 6


def test_the_tiles_of_a_widget_are_saved(digits, tmp_path):
    widget = am.ActMaxWidget(digits, filter_indices=3, max_iter=6)
    with pytest.raises(ValueError, match="sheet: expected tiles with a picture"):
        _ = widget.sheet
    widget.visualize_many(vary={"tv_weight": [0, 2], "seed": range(2)})
    assert widget.wait(60)
    many = widget.sheet
    np.testing.assert_array_equal(many.images, widget.tiles.images)
    assert many.varied == widget.tiles.varied
    known = {"model": digits}
    exec(many.code(), known)  # noqa: S102 - what is tested
    np.testing.assert_array_equal(known["result"].images, many.images)
    path = many.save(tmp_path / "sheet.png")
    widget.visualize_layer([1, 4])
    assert widget.wait(60)
    exec(widget.sheet.code(), known)  # noqa: S102 - what is tested
    np.testing.assert_array_equal(known["result"].images, widget.tiles.images)
    widget.seed = None
    widget.visualize_layer([1, 4])
    assert widget.wait(60)
    with pytest.raises(ValueError, match="a random state of its own"):
        widget.sheet.code()
    with pytest.warns(RuntimeWarning, match="The sheet was saved without the run"):
        widget.sheet.save(tmp_path / "drawn.png")
    widget.close()

    loaded = am.load_run(path, digits)
    assert loaded.vary == {"tv_weight": [0, 2], "seed": [0, 1]}
    loaded.visualize_many()
    assert loaded.wait(60)
    np.testing.assert_array_equal(loaded.tiles.images, many.images)
    loaded.close()


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        ({"number": 3}, "It is damaged"),
        ({"mapping": {"nothing": [1]}}, "vary: expected names of numbers"),
        ({"mapping": {"seed": []}}, "vary"),
        ({"mapping": {"seed": 3}}, "vary"),
    ],
)
def test_a_damaged_file_is_refused_in_words(made, vary, words, tmp_path):
    path = made("a grid").save(tmp_path / "a.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "vary": vary}))
    with pytest.raises((ValueError, TypeError), match=words):
        am.RunFile.load(path)


def test_bad_input_is_refused(digits, made, tmp_path):
    run = am.RunFile.load(made("a grid").save(tmp_path / "a.json"))
    with pytest.raises(ValueError, match="target: expected None where there is a run file"):
        am.visualize_many(digits, "out", vary=run)
    alone = am.RunFile.of(am.visualize(digits, "out", 3, max_iter=1).checkpoint)
    with pytest.raises(ValueError, match="vary: expected a run file of several pictures"):
        am.visualize_many(digits, vary=alone)
    with pytest.raises(ValueError, match=r"path: expected a name that ends in one of \.png, \.html"):
        made("a grid").save(tmp_path / "a.gif")
    widget = am.ActMaxWidget(digits)
    with pytest.raises(TypeError, match="vary: expected a mapping"):
        widget.visualize_many()
    widget.close()


def test_from_a_shell(digits, made, tmp_path, capsys):
    digits.save(tmp_path / "model.keras")
    path = made("a grid").save(tmp_path / "a.json")
    out = tmp_path / "y.png"
    assert main(["run", str(path), "--model", str(tmp_path / "model.keras"), "--out", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    assert out.read_bytes() == made("a grid").save(tmp_path / "x.png").read_bytes()


def test_many_are_laid_out_as_a_sheet(tmp_path):
    model = keras.Sequential([keras.Input((6, 5, 1)), keras.layers.Flatten(), keras.layers.Dense(70, name="out")])
    many = am.visualize_many(model, "out", vary={"filter_indices": range(70)}, max_iter=1, seed=0, preset="keras-vis")
    with Image.open(many.save(tmp_path / "a.png")) as picture:
        assert math.prod(picture.size) < 4e6


def test_filters_are_told_by_their_names(digits):
    labels = [f"digit {number}" for number in range(10)]
    many = am.visualize_many(digits, "out", vary={"filter_indices": ["digit 3", 7]}, labels=labels, max_iter=1, seed=0)
    assert dict(many.vary) == {"filter_indices": [3, 7]}
    assert sheet.words(many) == [{"Filters": "3 digit 3"}, {"Filters": "7 digit 7"}]
    known = {"model": digits}
    exec(many.code(), known)  # noqa: S102 - what is tested
    np.testing.assert_array_equal(known["result"].images, many.images)
