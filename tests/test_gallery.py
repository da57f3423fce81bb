from __future__ import annotations

import io
import json
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from benchmarks.gallery import __main__ as main
from benchmarks.gallery import compare, efficientnet, pictures, report, scores, torch_file
from benchmarks.gallery.subjects import Subject

SIDE = 128


def waves(slope: float, contrast: float = 50.0) -> np.ndarray:
    """A picture, (SIDE, SIDE, 3), whose log power falls with that slope."""
    noise = np.random.default_rng(0).normal(size=(SIDE, SIDE, 3))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    frequency[0, 0] = np.inf
    picture = np.fft.ifft2(np.fft.fft2(noise, axes=(0, 1)) * frequency[..., None] ** (slope / 2), axes=(0, 1)).real
    return 127 + contrast * picture / picture.std()


@pytest.mark.parametrize("slope", [-2.4, -1.0, 0.0])
def test_the_slope_of_a_picture_that_was_made_with_it(slope):
    assert scores.slope_of(scores.spectrum(waves(slope)), SIDE) == pytest.approx(slope, abs=0.15)


def test_a_tenth_of_the_contrast_is_two_units_of_log_power_everywhere():
    strong, weak = scores.spectrum(waves(-1)), scores.spectrum(waves(-1, contrast=5.0))
    np.testing.assert_allclose(strong - weak, 2, atol=0.02)


def test_a_photograph_like_picture_is_nearer_to_photographs_than_noise(monkeypatch):
    like = [waves(-2.4), waves(-2.4)[::-1]]
    monkeypatch.setattr(scores.photographs, "all_of", lambda side: np.stack(like))
    near, far = scores.look(waves(-2.2)), scores.look(waves(0))
    assert near["spectrum"] < 0.3 < far["spectrum"]
    assert abs(near["slope_off"]) < 0.3 < far["slope_off"]
    grey = scores.look(np.full((SIDE, SIDE, 3), 127.0))
    assert grey["grey"]
    assert not near["grey"]
    assert grey["spectrum"] > 1
    assert np.isfinite(list(grey.values())).all()
    assert scores.look(np.where(waves(0) > 127, 255.0, 0.0))["saturated"]
    assert not near["saturated"]


def test_colours_that_vary_alike_have_no_distance_and_a_factor_has_its_logarithm():
    picture = waves(-1)
    found = scores.log_covariance(127 + 2 * (picture - 127)) - scores.log_covariance(picture)
    np.testing.assert_allclose(found, np.eye(3) * np.log(4), atol=1e-6)


def test_a_shift_moves_down_and_right_and_reflects_at_the_edge():
    picture = np.arange(9.0).reshape(3, 3, 1)
    np.testing.assert_array_equal(scores.shifted(picture, (1, 0))[..., 0], [[3, 4, 5], [0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(scores.shifted(picture, (0, -1))[..., 0], [[1, 2, 1], [4, 5, 4], [7, 8, 7]])


def test_numbers_that_are_none_are_told_and_saved_as_black(tmp_path):
    picture = np.full((4, 4, 3), 300.0)
    assert not scores.save(picture, tmp_path / "white.png")
    picture[0, 0] = np.nan
    assert scores.save(picture, tmp_path / "broken.png")
    saved = np.asarray(Image.open(tmp_path / "broken.png"))
    assert saved[0, 0].tolist() == [0, 0, 0]
    assert saved[1, 1].tolist() == [255, 255, 255]


def brightness() -> Subject:
    """A network whose class 0 is how bright the upper half is, and class 1 how bright the lower half."""
    picture = keras.Input((SIDE, SIDE, 3))
    halves = keras.layers.AveragePooling2D((SIDE // 2, SIDE))(picture)
    means = keras.layers.Flatten()(keras.ops.mean(halves, axis=-1))
    return Subject("brightness", keras.Model(picture, keras.layers.Rescaling(0.1, name="logits")(means)), "brightness")


def test_a_file_is_scored_by_its_own_network_and_the_judge(tmp_path, monkeypatch):
    own = brightness()
    monkeypatch.setattr(scores, "subject", lambda name: own)
    monkeypatch.setattr(scores, "look", lambda picture: {})
    picture = np.zeros((SIDE, SIDE, 3))
    picture[: SIDE // 2] = 40
    scores.save(picture, tmp_path / "upper.png")
    upper, lower = (scores.score(tmp_path / "upper.png", own, index) for index in (0, 1))
    assert (upper["own_rank"], upper["judge_rank"], upper["shift_rank"]) == (1, 1, 1)
    assert (lower["own_rank"], lower["judge_rank"], lower["jpeg_rank"]) == (2, 2, 2)
    assert upper["own_p"] == pytest.approx(1 / (1 + np.exp(-4)))
    assert upper["judge_log_p"] == pytest.approx(-np.log1p(np.exp(-4)), rel=1e-4)
    assert upper["shift_p"] < upper["own_p"]


def test_recipes_are_compared_in_pairs():
    def rows(*log_p: float) -> list[dict[str, float | bool]]:
        same = {"own_rank": 1, "shift_rank": 1, "jpeg_rank": 1, "own_p": 1, "shift_p": 1, "jpeg_p": 1, "judge_rank": 2}
        look = {
            "slope_off": 0,
            "spectrum": 0,
            "slope_off_with_edges": 0,
            "spectrum_with_edges": 0,
            "colour": 0,
            "sd": 50,
            "grey": False,
            "saturated": False,
        }
        return [{"class": k, "seed": 0, "judge_log_p": p, "broken": False, **same, **look} for k, p in enumerate(log_p)]

    found = compare.compare(rows(-1, -2, -3), rows(-2, -4, -6))
    assert found.difference == pytest.approx(2)
    assert found.error == pytest.approx(1 / 3**0.5)
    assert found.first["judge_top_5"] == 1
    assert found.first["judge_top_1"] == 0
    with pytest.raises(ValueError, match="same classes and seeds"):
        compare.compare(rows(-1, -2), list(reversed(rows(-1, -2))))


# --- files of PyTorch ------------------------------------------------------------------------------------------------


def state(what: bytes) -> io.BytesIO:
    parts = [pickle.dumps(torch_file.MAGIC), pickle.dumps(1001), pickle.dumps({}), what, pickle.dumps(["0"])]
    values = np.arange(6, dtype="<f4").tobytes()
    return io.BytesIO(b"".join([*parts, (6).to_bytes(8, "little"), values]))


TENSOR = (
    b"\x80\x02}U\x01wctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x06NtQ"
    b"K%dK\x02K\x03\x86K\x01K\x02\x86\x89ccollections\nOrderedDict\n)RtRs."
)
"""{"w": a tensor of two rows and three columns, column by column}, as PyTorch pickles it."""


def test_a_tensor_of_pytorch_is_read_by_its_strides():
    found = torch_file.read(state(TENSOR.replace(b"K%d", b"K\x00")))
    assert list(found) == ["w"]
    np.testing.assert_array_equal(found["w"], [[0, 2, 4], [1, 3, 5]])


def test_a_tensor_beyond_its_storage_is_refused():
    with pytest.raises(pickle.UnpicklingError, match="outside"):
        torch_file.read(state(TENSOR.replace(b"K%d", b"K\x01")))


def test_a_pickle_that_would_run_something_is_refused_and_does_not_run(tmp_path):
    class Bad:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    with pytest.raises(pickle.UnpicklingError, match="no tensor"):
        torch_file.read(state(pickle.dumps(Bad())))
    assert not (tmp_path / "ran").exists()


def test_another_file_is_refused():
    with pytest.raises(pickle.UnpicklingError, match="no file of weights"):
        torch_file.read(io.BytesIO(pickle.dumps(OrderedDict())))


def test_a_batch_norm_is_multiplied_into_the_convolution_before_it():
    rng = np.random.default_rng(0)
    for shape in ((5, 3, 3, 3), (4, 1, 3, 3)):  # PyTorch's (out, in, h, w): an ordinary one, one of a filter a channel
        channels = 3 if shape[1] == 3 else 4
        kernel = {"conv.weight": rng.normal(size=shape)}
        norm = {
            f"norm.{name}": rng.uniform(0.5, 2, shape[0]) for name in ("weight", "bias", "running_mean", "running_var")
        }
        picture = keras.Input((6, 6, channels))
        kind = keras.layers.Conv2D(5, 3) if channels == 3 else keras.layers.DepthwiseConv2D(3)
        folded = keras.Model(picture, kind(picture))
        kind.set_weights(efficientnet.folded(kernel | norm, "conv", "norm"))
        shown = rng.normal(size=(1, 6, 6, channels)).astype("float32")
        plain = torch_convolution(shown, kernel["conv.weight"])
        scale = norm["norm.weight"] / np.sqrt(norm["norm.running_var"] + 1e-3)
        expected = (plain - norm["norm.running_mean"]) * scale + norm["norm.bias"]
        np.testing.assert_allclose(folded.predict_on_batch(shown), expected, atol=1e-4)


def torch_convolution(pictures: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """(n, h, w, in) by (out, in, 3, 3), or (channels, 1, 3, 3) of a filter a channel: by its definition."""
    views = np.lib.stride_tricks.sliding_window_view(pictures, (3, 3), axis=(1, 2))  # (n, h, w, in, 3, 3)
    if kernel.shape[1] == 1:
        return np.einsum("nhwcij,cij->nhwc", views, kernel[:, 0])
    return np.einsum("nhwcij,ocij->nhwo", views, kernel)


def picture_row(system: str, index: int, **changes: float | bool) -> dict[str, Any]:
    ranks = {"own_rank": 1, "shift_rank": 1, "jpeg_rank": 1, "judge_rank": 1}
    numbers = {"own_p": 0.99, "shift_p": 0.98, "jpeg_p": 0.97, "judge_log_p": -0.5}
    looks = {
        "slope_off_with_edges": 0.1,
        "spectrum_with_edges": 0.1,
        "slope_off": 0.1,
        "spectrum": 0.2,
        "colour": 2.0,
        "sd": 55.0,
        "grey": False,
        "saturated": False,
    }
    told = {"network": "squeezenet", "system": system, "class": index, "seed": 0, "broken": False}
    return {**told, **ranks, **numbers, **looks, **changes}


def test_the_table_says_which_goals_are_reached_and_which_are_missed():
    rows = [picture_row("natural", 1), picture_row("natural", 207, spectrum=0.6, grey=True, judge_rank=9)]
    lines = report.tables({"pictures": rows}).splitlines()
    (spectrum,) = [line for line in lines if line.startswith("| distance of the spectrum")]
    assert spectrum == "| distance of the spectrum | at most .30 | .40 | **missed** |"
    assert "| own rank 1 | 2 of 2 | 2 | reached |" in lines
    assert "| grey, saturated or no numbers | 0 | 1 | **missed** |" in lines
    (all_of_them,) = [line for line in lines if line.startswith("| natural | 2 | 2 |")]
    assert "1.00 / 1.00 | .00 / .00" in all_of_them


def test_the_sheet_has_a_row_for_each_system_and_a_column_for_each_class(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "FOLDER", tmp_path)
    rows = [picture_row(system, index) for system in ("natural", "tf-keras-vis") for index in (1, 130)]
    for row in rows:
        red = np.full((8, 8, 3), (200.0, 0.0, 0.0))
        scores.save(red, pictures.path_of("squeezenet", row["system"], row["class"], 0))
    assert report.sheet({"pictures": rows}, tmp_path / "sheet.jpg")
    shown = np.asarray(Image.open(tmp_path / "sheet.jpg"), np.int32)
    is_red = (abs(shown - (200, 0, 0)) < 30).all(axis=-1)
    assert [edges(is_red.any(axis=axis)) for axis in (0, 1)] == [2, 2]
    assert not report.sheet({}, tmp_path / "none.jpg")


def edges(line: np.ndarray) -> int:
    """How many runs of True there are."""
    return int((np.diff(np.concatenate([[0], line])) == 1).sum())


def test_a_row_that_is_measured_again_takes_the_old_ones_place(tmp_path):
    path = tmp_path / "gallery.json"
    for p in (0.1, 0.2):
        main.keep(path, "pictures", picture_row("natural", 1, own_p=p))
    main.keep(path, "pictures", picture_row("natural", 130))
    assert [row["own_p"] for row in json.loads(path.read_text())["pictures"]] == [0.2, 0.99]


def test_a_recipe_on_the_command_line_is_a_preset_or_settings():
    assert main.recipe("keras-vis") == "keras-vis"
    given = main.recipe("dict(optimizer=optimizers.Adam(0.2), max_iter=3)")
    assert given["max_iter"] == 3
    assert given["optimizer"].learning_rate == 0.2
