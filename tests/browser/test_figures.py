"""The figures of the example notebooks are whole in a real browser, where widgets run and are shown beside them.

They are compared with those of the same notebook run without a browser: as many in each cell, of the same size, none
blank. Run All for each notebook; cell by cell for those whose cells draw while a widget runs, the others in `make
soak`.
"""

import base64
import io
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from actmax_widget.export.card import MAKER
from tests.browser.lab import LabServer, OpenNotebook, open_notebook

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(path.stem for path in EXAMPLES.glob("*.ipynb"))
DRAW_WHILE_A_WIDGET_RUNS = {"2-live-widget", "4-your-own-loss"}
OUTPUTS = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
    .map(cell => cell.outputs ? cell.outputs.toJSON() : [])"""
CODE = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
    .flatMap((cell, index) => cell.type === 'code' ? [index] : [])"""
RUN_ALL = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"


def figures(cells: list[list[dict[str, Any]]]) -> list[list[tuple[int, int]]]:
    """The size of each figure of each cell; each is looked at."""
    return [[size for output in outputs for size in sizes(output)] for outputs in cells]


def sizes(output: dict[str, Any]) -> list[tuple[int, int]]:
    """The size of the figure that an output is, if it is one."""
    assert output["output_type"] != "error", output
    png = base64.b64decode(output.get("data", {}).get("image/png", ""))
    if not png or MAKER.encode() in png[:80]:
        return []
    image = Image.open(io.BytesIO(png)).convert("L")
    assert np.asarray(image).std() > 1, "a blank figure"
    return [image.size]


def opened(page: Page, lab: LabServer, name: str) -> OpenNotebook:
    """The notebook as it is in the examples."""
    page.set_default_timeout(300_000)
    (lab.folder / f"{name}.ipynb").write_text((EXAMPLES / f"{name}.ipynb").read_text())
    return open_notebook(page, lab, f"{name}.ipynb")


def run_all(notebook: OpenNotebook) -> None:
    """Run all cells as the menu does."""
    assert notebook.page.evaluate(RUN_ALL)


def run_one_by_one(notebook: OpenNotebook) -> None:
    """Run the cells as Shift+Enter does, each after the one before has ended."""
    for index in notebook.page.evaluate(CODE):
        notebook.run(index)


WAYS = [
    pytest.param(name, way, marks=[] if way is run_all or name in DRAW_WHILE_A_WIDGET_RUNS else pytest.mark.soak)
    for name in NOTEBOOKS
    for way in (run_all, run_one_by_one)
]


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_figures_are_those_of_a_run_without_a_browser(page: Page, lab: LabServer, executed: Any, name: str, way: Any):
    expected = figures([cell.get("outputs", []) for cell in executed(name).cells])
    notebook = opened(page, lab, name)
    way(notebook)
    found = figures(page.evaluate(OUTPUTS))
    assert [len(cell) for cell in found] == [len(cell) for cell in expected]
    for one, other in zip(chain.from_iterable(found), chain.from_iterable(expected), strict=True):
        # A title with another number is a little wider.
        np.testing.assert_allclose(one, other, atol=12)
