"""Who may import whom: the tree is the architecture, and this holds it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "actmax_widget"
MAY_IMPORT = {
    "checks": set(),
    "layout": set(),
    "reading": {"checks"},
    "starting": {"checks", "layout", "reading"},
    "graph": {"checks", "layout"},
    "backprop_modifiers": {"checks", "graph"},
    "copying": {"checks", "graph"},
    "grad_modifiers": {"checks"},
    "input_modifiers": {"checks", "layout"},
    "losses": {"graph", "layout"},
    "regularizers": {"checks", "layout", "losses"},
    "diagnosis": {"checks", "losses"},
    "rebuilding": {"graph"},
    "nested": {"checks", "graph", "rebuilding"},
    "records": {"backprop_modifiers", "checks", "grad_modifiers", "starting"},
    "targets": {"layout", "records"},
    "inputs": {"checks", "layout", "reading", "targets"},
    "objective": {
        "backprop_modifiers",
        "checks",
        "diagnosis",
        "graph",
        "inputs",
        "layout",
        "losses",
        "nested",
        "rebuilding",
        "regularizers",
    },
    "compilation": {"graph", "layout"},
    "ascent": {"checks", "compilation", "grad_modifiers", "graph", "input_modifiers", "objective"},
    "pace": set(),
    "reason": set(),
    "pictures": {"checks"},
    "callbacks": {"checks", "layout", "pictures"},
    "listening": {"graph", "layout", "rebuilding", "targets"},
    "network": {"checks", "graph", "inputs", "layout", "listening", "rebuilding", "records", "targets"},
    "utils": {"checks", "copying", "graph", "pictures"},
    "shelf": {"ascent", "backprop_modifiers", "graph", "input_modifiers", "losses", "network", "objective"},
    "optimizer": {
        "ascent",
        "callbacks",
        "checks",
        "diagnosis",
        "grad_modifiers",
        "input_modifiers",
        "layout",
        "losses",
        "objective",
        "regularizers",
        "starting",
        "utils",
    },
    "visualization": {
        "ascent",
        "backprop_modifiers",
        "checks",
        "graph",
        "inputs",
        "losses",
        "network",
        "optimizer",
        "pictures",
        "regularizers",
        "shelf",
        "targets",
        "utils",
    },
    "sheet": {"ascent", "diagnosis", "graph", "losses", "records"},
    "whole_layer": {
        "ascent",
        "callbacks",
        "checks",
        "diagnosis",
        "grad_modifiers",
        "graph",
        "input_modifiers",
        "losses",
        "network",
        "optimizer",
        "records",
        "sheet",
        "shelf",
        "targets",
        "starting",
        "utils",
        "visualization",
    },
    "recipe": {
        "ascent",
        "backprop_modifiers",
        "input_modifiers",
        "losses",
        "network",
        "objective",
        "optimizer",
        "records",
        "shelf",
        "visualization",
    },
    "worker": {"pace", "reason", "records"},
    "session": {
        "ascent",
        "checks",
        "diagnosis",
        "graph",
        "network",
        "optimizer",
        "recipe",
        "records",
        "utils",
        "worker",
    },
    "tiles": {"ascent", "diagnosis", "graph", "network", "recipe", "records", "sheet", "worker"},
    "tile_feed": {"graph", "pictures", "records", "tiles"},
    "stream": {"pictures", "records", "session", "tile_feed", "tiles"},
    "card": {"pictures", "records"},
    "references": set(),
    "lifetime": {"references"},
    "pump": set(),
    "widget": {
        "card",
        "checks",
        "demo",
        "grad_modifiers",
        "lifetime",
        "network",
        "optimizer",
        "pump",
        "reading",
        "records",
        "session",
        "starting",
        "stream",
        "tile_feed",
        "tiles",
    },
    "__init__": {"demo", "visualization", "whole_layer", "widget"},
}
"""Each module stands below all that it imports."""
ONLY_IN = {
    "anywidget": {"widget"},
    "traitlets": {"widget"},
    "ipywidgets": set(),
    "IPython": {"lifetime", "widget"},
    "threading": {"graph", "listening", "pump", "references", "stream", "widget", "worker"},
    "tensorflow": {
        "ascent",
        "backprop_modifiers",
        "compilation",
        "diagnosis",
        "input_modifiers",
        "listening",
        "network",
        "objective",
        "regularizers",
        "session",
        "sheet",
        "worker",
    },
}


def imports(module):
    """Names of our modules and of others' packages that a module imports."""
    ours, others = set(), set()
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "actmax_widget":
            ours |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("actmax_widget."):
            ours.add(node.module.split(".")[1])
        elif isinstance(node, ast.ImportFrom):
            others.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Import):
            others |= {alias.name.split(".")[0] for alias in node.names}
    return ours, others


def test_every_module_is_in_the_table():
    assert {path.stem for path in PACKAGE.glob("*.py")} == set(MAY_IMPORT)


@pytest.mark.parametrize("module", MAY_IMPORT)
def test_a_module_imports_no_more_of_ours_than_the_table_allows(module):
    assert imports(module)[0] <= MAY_IMPORT[module]


def test_a_module_stands_below_all_that_it_imports():
    above = {"demo"}
    for module, imported in MAY_IMPORT.items():
        assert imported <= above, module
        above.add(module)


@pytest.mark.parametrize(("package", "modules"), ONLY_IN.items())
def test_a_package_is_known_only_where_it_should_be(package, modules):
    assert {module for module in MAY_IMPORT if package in imports(module)[1]} <= modules
