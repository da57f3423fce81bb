import dataclasses
import json
from typing import get_args, get_type_hints

import pytest

from actmax_widget.view import messages
from actmax_widget.view.messages import COMMANDS, MESSAGES, KernelFacts, content, read

NESTED = (
    messages.SavedTiles,
    messages.LineInfo,
    messages.Control,
    messages.Choice,
    messages.PartsFacts,
    messages.PartChoice,
    messages.ScoreRow,
)


def kinds(cls):
    return get_args(get_type_hints(cls)["type"])


def test_each_has_a_name_of_its_own():
    names = [name for cls in (*MESSAGES, *COMMANDS) for name in kinds(cls)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("cls", [*MESSAGES, *COMMANDS, *NESTED, KernelFacts])
def test_each_field_says_what_it_is(cls):
    assert cls.__doc__
    for field in dataclasses.fields(cls):
        assert field.name == "type" or field.metadata["help"].endswith(".")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_can_be_read(command):
    whole = {"type": kinds(command)[0], "seq": 3, "tile": 0, "n": 2, "name": "a.png", "run": 1, "rows": 5, "views": 1}
    whole |= {"value": 0.5, "family": "optimizer", "iteration": 7, "count": 14, "have": [0, 5]}
    whole |= {"vary": {"seed": [1, 2]}, "kind": "png", "of": "run", "answer": "left", "to": "b"}
    came = read(json.loads(json.dumps(whole)))
    assert type(came) is command
    whole["have"] = (0, 5)
    assert content(came) == {name: whole.get(name, False) for name in content(came)}


@pytest.mark.parametrize("came", [None, 3, "start", [], {}, {"type": None}, {"type": ["start"]}, {"type": "frame"}])
def test_what_is_no_command_is_none(came):
    assert read(came) is None


def test_what_is_left_out_has_its_default():
    assert read({"type": "step"}).n == 1
    assert read({"type": "seed_picture", "name": 3}).name == "the file"
    assert read({"type": "set_knob", "name": "Jitter.shift", "value": "x"}).value == "x"  # for the part to refuse
    assert content(read({"type": "ask_film", "count": 10**9, "have": [3, -1, "x"]})) == {
        "type": "ask_film",
        "count": messages.MOST_OF_STRIP,
        "have": (3,),
    }
    assert read({"type": "ask_film", "count": 1}) is None  # no person is behind it
    assert content(read({"type": "hello"})) == {"type": "hello", "run": None, "rows": 0, "views": 0}


@pytest.mark.parametrize(
    ("came", "sentence"),
    [
        ({"type": "step", "n": 0}, r"^n: expected an integer >= 1, received 0 \(int\)\. Pass e\.g\. step\(1\)\.$"),
        ({"type": "open_tile"}, "^tile: expected an integer >= 0, received None"),
        ({"type": "rewind", "iteration": -1}, "^iteration: expected an integer >= 0, received -1"),
        ({"type": "branch"}, "^iteration: expected an integer >= 0, received None"),
        ({"type": "open_branch", "name": None}, "^name: expected a name, received None"),
        ({"type": "choose_part", "family": "transform"}, "^family: expected one of parametrization, optimizer, rec"),
        ({"type": "add_transform", "name": 3}, r"^name: expected a name, received 3 \(int\)"),
    ],
)
def test_a_bad_command_is_refused_in_a_sentence(came, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        read(came)


@pytest.mark.parametrize("seq", [None, -1, 1.5, "1"])
def test_where_no_person_is_behind_it_a_bad_one_is_none(seq):
    assert read({"type": "receipt", "seq": seq}) is None
