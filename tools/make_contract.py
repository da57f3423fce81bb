"""Writes js/src/kernel/contract.ts, what the page knows of Python: `make contract`.

Parameters, facts, messages and commands are declared in `actmax_widget`. Here they become a JSON schema, out of which
json-schema-to-typescript makes types, and a list of controls.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import os
import shutil
import subprocess
import sys
import types
from collections.abc import Callable, Collection
from dataclasses import MISSING
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from actmax_widget.parameters import parameters_of
from actmax_widget.settings import Settings
from actmax_widget.view.atlas_messages import ATLAS_COMMANDS, ATLAS_MESSAGES, COLUMNS, AtlasFacts, AtlasSettings
from actmax_widget.view.messages import (
    COMMANDS,
    MESSAGES,
    Choice,
    CompareFacts,
    Control,
    KernelFacts,
    PartsFacts,
    SavedTiles,
    Ui,
    control_of,
)

FRONT_END = Path(__file__).resolve().parents[1] / "js"
CONTRACT = FRONT_END / "src" / "kernel" / "contract.ts"
PLAIN = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}
BANNER = "/** Made by `make contract` from what `actmax_widget` declares: change it there. */"
Schema = dict[str, Any]
BY_NAME: Schema = {"tsType": "(number | string)[] | null"}
"""Filters: the page sends names that it does not know to the kernel, which answers with indices."""


def main() -> int:
    """Write the contract."""
    CONTRACT.write_text(contract(), encoding="utf-8")
    print(
        f"{CONTRACT.relative_to(FRONT_END.parent)} is up to date; `make lab` or `make test` builds the front end anew."
    )
    return 0


def contract() -> str:
    """The text of the contract."""
    found = node()
    if not (FRONT_END / "node_modules").is_dir() or found is None:
        raise RuntimeError("The tools in js/node_modules are missing. Run `make lint-js`, which installs them.")
    command = [found, "contract.mjs"]
    given = json.dumps({"banner": BANNER, "schema": schema(), "controls": controls(), "columns": COLUMNS})
    made = subprocess.run(command, cwd=FRONT_END, input=given, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if made.returncode:
        raise RuntimeError(f"js/contract.mjs failed:\n{made.stderr}")
    return made.stdout


def node() -> str | None:
    """Node, from the virtual environment first."""
    return shutil.which("node", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))


def controls() -> list[dict[str, Any]]:
    """A control for each parameter that has one."""
    return [control_of(parameter) for parameter in parameters_of(Settings).values() if parameter.control]


# --- schema -----------------------------------------------------------------------------------------------------------


def schema() -> Schema:
    """Everything as one JSON schema."""
    definitions: dict[str, Schema] = {"Parameters": parameters()}
    definitions["Facts"] = of_dataclass(KernelFacts, definitions)
    unions: dict[str, tuple[type, ...]] = {"Incoming": MESSAGES, "Outgoing": COMMANDS}
    unions |= {"AtlasIncoming": ATLAS_MESSAGES, "AtlasOutgoing": ATLAS_COMMANDS}
    for name, members in unions.items():
        definitions[name] = {"anyOf": [of(member, definitions) for member in members]}
    alone = (SavedTiles, PartsFacts, Ui, Control, CompareFacts, AtlasFacts, AtlasSettings)
    for cls in alone:
        of(cls, definitions)
    names = ("Parameters", "Facts", *unions, *(cls.__name__ for cls in alone))
    properties = {name.lower(): {"$ref": f"#/definitions/{name}"} for name in names}
    return whole(properties, "All that Python and the page have in common.") | {"definitions": definitions}


def parameters() -> Schema:
    """What a person may change; a picture travels as a file instead, parts go by commands."""
    hints, definitions = get_type_hints(Settings), dict[str, Schema]()
    properties = {
        name: (BY_NAME if parameter.kind == "filters" else of(hints[name], definitions))
        | {"description": parameter.help}
        for name, parameter in parameters_of(Settings).items()
        if parameter.kind not in {"picture", "part"}
    }
    return whole(properties, "What a person may change: set, saved, checked by the kernel.")


def of(hint: Any, definitions: dict[str, Schema]) -> Schema:
    """The schema of a type; classes of ours are put among the definitions and referred to."""
    if hint in PLAIN:
        return {"type": PLAIN[hint]}
    if hint is Any:
        return {"tsType": "unknown"}
    if hint is bytes:
        return {"tsType": "DataView | null"}
    if isinstance(hint, type) and not get_args(hint):
        if hint.__name__ not in definitions:
            definitions[hint.__name__] = of_class(hint, definitions)
        return {"$ref": f"#/definitions/{hint.__name__}"}
    return of_generic(get_origin(hint), get_args(hint), definitions)


def of_generic(origin: Any, args: tuple[Any, ...], definitions: dict[str, Schema]) -> Schema:
    """The schema of a union, a literal or a container."""
    if origin in {Union, types.UnionType}:
        # A function travels by its name.
        return {"anyOf": [of(arg, definitions) for arg in args if get_origin(arg) is not Callable]}
    if origin is Literal:
        return {"enum": list(args)}
    if origin is dict and Any not in args:
        return {"type": "object", "additionalProperties": of(args[1], definitions)}
    if origin is list or args[-1] is ...:
        return {"type": "array", "items": of(args[0], definitions)}
    if origin is tuple:
        ends = {"minItems": len(args), "maxItems": len(args)}
        return {"type": "array", "items": [of(arg, definitions) for arg in args], **ends}
    return {"type": "object"}


def of_class(cls: type, definitions: dict[str, Schema]) -> Schema:
    """The schema of an enumeration, a dataclass or a named tuple."""
    if issubclass(cls, enum.Enum):
        return {"enum": [member.value for member in cls]}
    if dataclasses.is_dataclass(cls):
        return of_dataclass(cls, definitions)
    return whole({name: of(hint, definitions) for name, hint in get_type_hints(cls).items()}, cls.__doc__ or "")


def of_dataclass(cls: Any, definitions: dict[str, Schema]) -> Schema:
    """The schema of a dataclass: what its fields tell of themselves goes along."""
    hints = get_type_hints(cls)
    properties = {}
    for field in dataclasses.fields(cls):
        told_of = field.metadata
        own = {"tsType": told_of["ts"]} if told_of.get("ts") else of(hints[field.name], definitions)
        properties[field.name] = {**own, **({"description": told_of["help"]} if told_of else {})}
    # A fact begins with its default and a command is sent with all of its fields: these are never missing.
    missing = {
        field.name for field in dataclasses.fields(cls) if cls in {Choice, Control} and field.default is not MISSING
    }
    return whole(properties, cls.__doc__ or "", missing)


def whole(properties: dict[str, Schema], description: str, missing: Collection[str] = ()) -> Schema:
    """An object that has all of these properties but for some, and no other."""
    required = [name for name in properties if name not in missing]
    fixed = {"type": "object", "additionalProperties": False, "required": required}
    return {**fixed, "description": description.replace("``", "`"), "properties": properties}


if __name__ == "__main__":
    sys.exit(main())
