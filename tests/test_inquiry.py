from pathlib import Path

import numpy as np
import pytest

import actmax_widget as am
from tests.networks import small_cnn
from tests.test_widget import FrontEnd


@pytest.fixture(scope="module")
def model():
    return small_cnn()


@pytest.fixture
def photos():
    return np.random.default_rng(0).integers(0, 256, (30, 12, 12, 1), np.uint8)


@pytest.fixture
def widget(model):
    one = am.ActMaxWidget(model, "out", filter_indices=1, preset="keras-vis", max_iter=5, seed=0)
    yield one
    one.close()


@pytest.fixture
def page(widget, monkeypatch):
    return FrontEnd(widget, monkeypatch)


def answer(page, **command):
    """What comes back of that kind."""
    kind = command["type"].removeprefix("ask_")
    before = len(page.custom)

    def found():
        return [one for one in page.custom[before:] if one[0].get("type") == kind]

    page.send(**command)
    page.wait_for(found)
    return found()[0]


def test_the_page_gets_a_score_of_what_was_run(widget, page):
    told, _ = answer(page, type="ask_score")
    assert told["sentence"] == "There is no picture to score yet: press Run."
    widget.step(3)
    told, _ = answer(page, type="ask_score")
    found = widget.score()
    assert (told["sentence"], told["iteration"], told["target"], told["passes"]) == ("", 3, "out, unit 1", found.passes)
    assert [(row["name"], row["verdict"], row["words"]) for row in told["rows"]] == [
        (name, getattr(found, name).verdict, getattr(found, name).words) for name in ("strong", "sturdy", "natural")
    ]


def test_real_pictures_and_what_they_answer(widget, page, photos):
    assert not widget.has_references
    told, _ = answer(page, type="ask_examples")
    assert "set widget.references" in told["sentence"]
    widget.references = photos
    assert widget.has_references
    told, buffers = answer(page, type="ask_examples")
    found = widget.top_references()
    assert told["names"] == list(found.names)
    assert told["shapes"] == [[12, 12, 1]] * 9
    np.testing.assert_array_equal(np.frombuffer(buffers[0], np.uint8).reshape(12, 12, 1), found.crops[0])
    widget.references = []
    told, _ = answer(page, type="ask_examples")
    assert told["sentence"].startswith("This must be at least one picture")


def test_a_quiz_goes_on_until_another_target_is_chosen(widget, page, photos, model):
    widget.references = photos
    logits = np.asarray(model(photos.astype("float32")))
    told, (left, right) = answer(page, type="ask_quiz", answer=None)
    assert (told["right"], told["said"], told["shape"]) == (None, "Chance is 50 %.", [12, 12, 1])

    def strength(pixels, unit):
        which = [one.tobytes() for one in photos].index(bytes(pixels))
        return logits[which, unit]

    side = "left" if strength(left, 1) > strength(right, 1) else "right"
    told, (left, right) = answer(page, type="ask_quiz", answer=side)
    assert (told["right"], told["said"][:11]) == (True, "1 of 1 righ")
    side = "left" if strength(left, 1) < strength(right, 1) else "right"
    told, _ = answer(page, type="ask_quiz", answer=side)
    assert (told["right"], told["said"][:11]) == (False, "1 of 2 righ")
    widget.filter_indices = 2
    told, _ = answer(page, type="ask_quiz", answer="left")
    assert (told["right"], told["said"], told["target"]) == (None, "Chance is 50 %.", "out, unit 2")


def test_of_a_target_that_is_lowered_the_weakest_are_shown_and_the_quiz_asks_the_same(widget, page, photos, model):
    widget.references = photos
    widget.act_max_weight = -1
    logits = np.asarray(model(photos.astype("float32")))[:, 1]
    told, _ = answer(page, type="ask_examples")
    assert told["lowest"]
    assert told["names"][0] == f"picture {logits.argmin()}"
    _, pictures = answer(page, type="ask_quiz", answer=None)
    left, right = (logits[[one.tobytes() for one in photos].index(bytes(pixels))] for pixels in pictures)
    told, _ = answer(page, type="ask_quiz", answer="left" if left > right else "right")
    assert told["right"] is True


def test_what_real_pictures_answered_is_known_to_the_notes_without_another_pass(model, photos, monkeypatch):
    given = {"seed": 0, "preset": "keras-vis", "lp_norm_weight": 0, "tv_weight": 0}
    alike = am.References(np.clip(photos.astype(int) // 64 + 100, 0, 255).astype(np.uint8))
    widget = am.ActMaxWidget(model, "out", filter_indices=1, max_iter=60, references=alike, **given)
    widget.start()
    assert widget.wait(60)
    assert "beyond" not in [one.name for one in widget.notes]
    widget.top_references()
    FrontEnd(widget, monkeypatch).wait_for(lambda: "beyond" in [one.name for one in widget.notes])
    (note,) = [one for one in widget.notes if one.name == "beyond"]
    assert "above the 30 real ones" in note.text
    widget.close()
    # Known by then, so the function says it, too; of another unit nobody asked.
    monkeypatch.setattr(am.References, "answers", None)
    result = am.visualize(model, "out", 1, max_iter=60, references=alike, **given)
    assert [one.text for one in result.notes if one.name == "beyond"] == [note.text]
    result = am.visualize(model, "conv1", 1, max_iter=60, references=alike, **given)
    assert "beyond" not in [one.name for one in result.notes]


def test_references_whose_classes_are_named_by_guessing_are_told_of():
    model, known = am.demo.digits("plain"), np.load(Path(__file__).parent / "data" / "digits.npz")

    def notes(pictures, classes):
        references = am.References([*zip(pictures, classes, strict=True)])
        am.visualize_references(model, "out", 3, references)
        result = am.visualize(model, "out", 3, references=references, max_iter=40, seed=0)
        return {one.name: one.text for one in result.notes}

    pictures, classes = known["pictures"], known["labels"]
    assert "chance" not in notes(pictures, classes)
    assert "chance" not in notes(pictures / 255, classes.astype(float) + 0.5)  # no classes
    told = notes(pictures / 255, classes)["chance"]  # fed otherwise than it was trained
    assert told.startswith("Of the reference pictures the network names 12% right, and guessing would name 10%")
