import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from actmax_widget.export.card import LEAST, to_card, to_png
from actmax_widget.results import History

NAMES = ("ActivationMax Loss", "L-6.0 Norm Loss", "TV(2.0) Loss")
CSS = Path(__file__).parents[1] / "js" / "src" / "widget.css"


def card(shape=(28, 28, 1), rows=7):
    image = np.random.default_rng(0).uniform(0, 255, shape)
    history = History(NAMES, np.arange(rows * 4, dtype=np.float32).reshape(-1, 4))
    return image, to_card(image, (0, 255), ["digits, layer out, filter 3.", "Paused."], history)


@pytest.mark.parametrize(("shape", "factor"), [((28, 28, 1), 9), ((224, 224, 3), 2), ((300, 100, 3), 1)])
def test_the_picture_stands_in_it_enlarged_by_whole_pixels(shape, factor):
    image, png = card(shape)
    seen = np.asarray(Image.open(io.BytesIO(png)))
    height, width = shape[0] * factor, shape[1] * factor
    assert max(height, width) >= LEAST
    picture = seen[12 : 12 + height, 12 : 12 + width]
    expected = np.rint(np.broadcast_to(image, (*shape[:2], 3)) if shape[2] == 1 else image)
    np.testing.assert_array_equal(picture[::factor, ::factor], expected)
    np.testing.assert_array_equal(picture, picture[::factor, ::factor].repeat(factor, 0).repeat(factor, 1))


def test_beneath_it_are_words_and_the_end_of_the_table():
    _, with_rows = card(rows=7)
    _, without = card(rows=0)
    tall, short = (np.asarray(Image.open(io.BytesIO(png))) for png in (with_rows, without))
    assert tall.shape[0] > short.shape[0] + 5 * 15
    assert (short[270:] < 128).any()  # letters
    _, more = card(rows=70)
    assert Image.open(io.BytesIO(more)).size == tall.shape[1::-1]  # the end alone


def test_the_style_sheet_knows_it_by_its_beginning():
    mark = re.search(r'img\[src\*="(\w+)"\]', CSS.read_text())[1]
    for shape in ((28, 28, 1), (300, 100, 3)):
        assert mark in base64.b64encode(card(shape)[1]).decode()
        assert mark in base64.b64encode(to_png(np.zeros(shape), (0, 1))).decode()[:120]
    plain = io.BytesIO()
    Image.new("RGB", (9, 9)).save(plain, "png")
    assert mark not in base64.b64encode(plain.getvalue()).decode()
