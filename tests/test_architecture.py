"""Who may import whom: the tree is the architecture, and this holds it."""

import ast
import functools
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "actmax_widget"
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
GROUND = {"checks", "files", "labels", "parameters", "pictures", "reading", "reason", "results"}
WORDS = {
    "backprop_modifiers",
    "callbacks",
    "checkpoint",
    "composition",
    "film",
    "grad_modifiers",
    "input_modifiers",
    "losses",
    "optimizers",
    "parametrizations",
    "parts",
    "preprocessing",
    "presets",
    "regularizers",
    "settings",
    "transforms",
    "utils",
    "varying",
}
DOORS = {"optimizer", "visualization"}
MAY_IMPORT = {
    "ground": set(),
    "network": {"ground"},
    "words": {"ground", "network"},
    "engine": {"ground", "network", "words"},
    "scoring": {"ground", "network", "words", "engine"},
    "live": {"ground", "network", "words", "engine"},
    "doors": {"ground", "network", "words", "engine", "scoring", "export", "demo"},
    "export": {"ground", "network", "words", "scoring"},
    "demo": {"ground"},
    "view": {"ground", "network", "words", "engine", "scoring", "live", "export", "demo"},
    "sweeps": {"ground", "network", "words", "engine", "scoring", "doors", "export", "demo", "view"},
    "__init__": {"network", "words", "doors", "scoring", "export", "view", "sweeps", "demo"},
    "__main__": {"ground", "network", "doors", "export", "sweeps"},
}
"""Each wing stands above all that it imports."""
ONLY_IN = {
    "anywidget": {"view.atlas", "view.comparing", "view.widget"},
    "traitlets": {"view.atlas", "view.comparing", "view.widget"},
    "ipywidgets": {"view.atlas", "view.comparing"},
    "IPython": {"view.atlas", "view.lifetime", "view.widget"},
    "threading": {
        "backprop_modifiers",
        "engine.cache",
        "engine.step",
        "live.lockstep",
        "live.pump",
        "live.quiet",
        "live.worker",
        "network.graph",
        "sweeps.rendering",
        "sweeps.store",
        "view.atlas",
        "view.comparing",
        "view.inquiry",
        "view.lifetime",
        "view.references",
        "view.stream",
        "view.widget",
    },
    "tensorflow": {
        "backprop_modifiers",
        "engine.compilation",
        "engine.diagnosis",
        "engine.keeping",
        "engine.objective",
        "engine.reel",
        "engine.rendering",
        "engine.returned",
        "engine.step",
        "engine.transforming",
        "engine.trial",
        "input_modifiers",
        "network.listening",
        "optimizers",
        "parametrizations",
        "regularizers",
        "scoring.receptive",
        "sweeps.rendering",
        "transforms",
    },
}


def wing(module):
    first = module.split(".")[0]
    for name, members in {"ground": GROUND, "words": WORDS, "doors": DOORS}.items():
        if first in members:
            return name
    return first


@functools.cache
def imports(module):
    """Our modules and the others' packages that a module imports."""
    ours, others = set(), set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "actmax_widget":
            base = (node.module or "").removeprefix("actmax_widget").removeprefix(".")
            for alias in node.names:
                full = f"{base}.{alias.name}".removeprefix(".")
                ours.add(full if full in MODULES else base)
        elif isinstance(node, ast.ImportFrom):
            others.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Import):
            others |= {alias.name.split(".")[0] for alias in node.names}
    return ours, others


def test_every_module_is_in_a_wing():
    assert {wing(module) for module in MODULES} == set(MAY_IMPORT)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_from_the_wings_below(module):
    here = wing(module)
    assert {wing(other) for other in imports(module)[0]} <= MAY_IMPORT[here] | {here}


def test_there_is_no_circle():
    # A wing's __init__ only gathers what is in it; its own modules name each other.
    wings = {name for name in MODULES if MODULES[name].stem == "__init__"}
    TopologicalSorter({module: imports(module)[0] - wings for module in MODULES if module not in wings}).prepare()


@pytest.mark.parametrize("package", ONLY_IN)
def test_a_package_is_known_only_where_it_should_be(package):
    assert {module for module in MODULES if package in imports(module)[1]} <= ONLY_IN[package]
