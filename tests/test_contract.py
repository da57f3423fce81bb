"""js/src/kernel/contract.ts follows from what Python declares."""

import dataclasses
import re

import make_contract
import pytest

from actmax_widget.parameters import parameters_of
from actmax_widget.settings import PRESETS, Settings
from actmax_widget.view.atlas_messages import ATLAS_COMMANDS, ATLAS_MESSAGES
from actmax_widget.view.messages import COMMANDS, MESSAGES

CONTRACT = make_contract.CONTRACT.read_text(encoding="utf-8")


def test_it_is_as_new_as_the_declarations():
    assert make_contract.contract() == CONTRACT, "Run `make contract`."


def test_each_parameter_has_a_control_with_all_that_is_declared_of_it():
    controls = {control["name"]: control for control in make_contract.controls()}
    assert list(controls) == [name for name, parameter in parameters_of(Settings).items() if parameter.control]
    jitter = parameters_of(Settings)["jitter"]
    assert controls["jitter"] == {
        "name": "jitter",
        "kind": "shift",
        "control": "slider",
        "label": "Jitter",
        "group": "Transforms",
        "help": jitter.help,
        "default": 0.0,
        "least": 0,
        "top": 8,
    }
    assert controls["seed"]["none"] == "random"
    assert (
        controls["act_max_weight"]["bottom"] == -controls["act_max_weight"]["top"]
    )  # a regression goes down by a drag
    assert [choice["help"] for choice in controls["preset"]["choices"]] == [*PRESETS.values()]
    assert controls["seed_fit"]["choices"][1] == {"value": "pad", "label": "by padding"}


@pytest.mark.parametrize("cls", [*MESSAGES, *COMMANDS, *ATLAS_MESSAGES, *ATLAS_COMMANDS])
def test_each_message_has_a_type_with_all_its_fields(cls):
    (body,) = re.findall(rf"export interface {cls.__name__} {{\n(.*?)^}}", CONTRACT, re.MULTILINE | re.DOTALL)
    assert re.findall(r"^  (\w+):", body, re.MULTILINE) == [field.name for field in dataclasses.fields(cls)]


def test_what_changed_is_noticed(monkeypatch):
    declared = parameters_of(Settings)["tv_weight"]
    monkeypatch.setitem(parameters_of(Settings), "tv_weight", dataclasses.replace(declared, label="Smoothness"))
    assert make_contract.contract() == CONTRACT.replace('"Total variation"', '"Smoothness"')
