import base64
import dataclasses
import io
import json
import re

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from PIL import Image

import actmax_widget as am
from actmax_widget import losses
from actmax_widget.export import page
from actmax_widget.film import Film

HOSTILE = '</script><img src=x onerror="document.title=1">&<!--'


@pytest.fixture(scope="module")
def digits():
    return am.demo.digits()


@pytest.fixture(scope="module")
def result(digits):
    return am.visualize(digits, "out", 3, seed=0, max_iter=512, changes={200: {"tv_weight": 1}})


def told(text):
    """What a page holds, as its script reads it."""
    return json.loads(re.search(r'<script type="application/json" id="actmax-data">(.*?)</script>', text, re.DOTALL)[1])


def pixels(file):
    with Image.open(io.BytesIO(base64.b64decode(file))) as picture:
        return np.asarray(picture)


def test_a_page_holds_the_run_as_it_is(result, tmp_path):
    path = result.save(tmp_path / "run.html")
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < 1_000_000
    assert text == result.to_html()
    (run,) = told(text)["runs"]
    shown = np.rint(np.clip(result.image[..., 0], 0, 255))
    np.testing.assert_array_equal(pixels(run["picture"])[..., 0], shown)
    assert tuple(run["film"]["kept"]) == result.film.iterations
    for file, still in zip(run["film"]["pictures"], result.film.images, strict=True):
        np.testing.assert_array_equal(pixels(file)[..., :1], still)
    rows = np.frombuffer(base64.b64decode(run["rows"]), "<f4")
    np.testing.assert_array_equal(rows.reshape(512, -1), result.history.rows)
    assert run["code"] == result.code()
    settings = dict(run["settings"])
    assert (settings["Layer"], settings["Filters"], settings["Iteration 200"]) == ("out", "3", "tv_weight 1")
    assert told(text)["title"] == "digits · out · filter 3"
    assert told(text)["notes"] == []


def test_nothing_is_named_that_could_be_fetched(result):
    text = result.to_html()
    assert {*re.findall(r"https?://[\w./-]+", text)} == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"""(?:src|href)=["'](?!data:)|url\((?!["']?data:)|@import|sourceMappingURL""", text)
    assert f'content="{page.POLICY}"' in text
    assert "default-src 'none'" in page.POLICY


def test_names_and_texts_are_never_markup(digits):
    objective = losses.ActivationMaximization("out", 3).named(HOSTILE) + 0 * losses.ActivationMaximization("out", 4)
    hostile = am.visualize(digits, objective, max_iter=2, seed=0)
    for text in (hostile.to_html(), page.side_by_side([(HOSTILE, hostile), ("other", hostile)], title=HOSTILE)):
        assert "<img src=x" not in text
        assert HOSTILE in json.dumps(told(text), ensure_ascii=False).replace('\\"', '"')
        assert text.count("</script>") == 2  # those of its own


def test_without_scripts_there_are_the_picture_and_the_end_of_the_rows(result):
    plain = re.search(r"<noscript>(.*)</noscript>", result.to_html(), re.DOTALL)[1]
    file = re.search(r'src="data:image/webp;base64,([^"]+)"', plain)[1]
    np.testing.assert_array_equal(pixels(file)[..., 0], np.rint(np.clip(result.image[..., 0], 0, 255)))
    assert "<td>512</td>" in plain
    assert f"<td>{result.history['total'][-1]:.5g}</td>" in plain


def test_large_pictures_are_compressed_and_said_so(result):
    """As large as those of SqueezeNet, and harder to compress: noise."""
    random = np.random.RandomState(0)
    images = random.randint(0, 256, (130, 227, 227, 3), dtype=np.uint8)
    film = Film(tuple(range(0, 520, 4)), images, 0, result.film.checkpoints)
    large = dataclasses.replace(result, image=images[-1].astype("float32"), film=film)
    text = large.to_html()
    assert len(text.encode()) < 4_000_000
    run = told(text)["runs"][0]
    assert 16 <= len(run["film"]["kept"]) < 130
    assert {0, 516} <= {*run["film"]["kept"]}
    thinned, compressed = sorted(told(text)["notes"])
    assert thinned == f"Of the film's 130 pictures {len(run['film']['kept'])} are here."
    assert compressed.startswith("Pictures of the film are compressed for this page (WebP, quality")
    np.testing.assert_array_equal(pixels(run["picture"]), images[-1])  # that one as it is


def test_a_page_is_shown_at_the_end_of_a_cell_in_a_frame_of_its_own(result):
    shown, _ = DisplayFormatter().format(result.to_html())
    assert shown["text/html"].startswith("<iframe ")
    assert 'sandbox="allow-scripts allow-downloads"' in shown["text/html"]
    assert len(shown["text/plain"]) < 80  # and not all of it once more
    assert "text/html" not in DisplayFormatter().format(result)[0]  # a notebook grows by its pages


def test_several_are_told_by_what_differs(digits):
    pairs = [(name, am.visualize(digits, "out", 3, seed=0, max_iter=4, tv_weight=weight)) for name, weight in WEIGHTS]
    whole = told(page.side_by_side(pairs, title="Two weights"))
    assert whole["titles"] == ["Total variation"]
    assert [(run["title"], run["differs"], run["values"]) for run in whole["runs"]] == [
        ("low", [["Total variation", "0"]], [0]),
        ("high", [["Total variation", "3"]], [3]),
    ]
    common = dict(whole["settings"])
    assert common["Layer"] == "out"
    assert "Total variation" not in common
    with pytest.raises(ValueError, match="page: expected at least one picture"):
        page.side_by_side([])


WEIGHTS = (("low", 0), ("high", 3))


def test_of_very_many_the_losses_are_left_out(digits, monkeypatch):
    monkeypatch.setattr(page, "ROWS", 100)
    many = am.visualize_many(digits, "out", 3, vary={"seed": range(2)}, max_iter=4)
    assert [run["rows"] for run in told(many.to_html())["runs"]] == ["", ""]


def test_what_has_no_page_or_no_code_is_told(digits, monkeypatch, tmp_path):
    unnamed = am.visualize(digits, "out", 3, max_iter=1, transforms=[lambda image, random: image])
    whole = told(unnamed.to_html())
    assert whole["runs"][0]["code"] == ""
    assert "functions and classes that have a name" in whole["notes"][0]
    monkeypatch.setattr(page, "STATIC", tmp_path)
    with pytest.raises(RuntimeError, match="The front end is not built"):
        unnamed.to_html()
