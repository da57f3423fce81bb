"""The figures of the example notebooks are whole in a real browser, where widgets run and are shown beside them.

They are compared with those of the same notebook run without a browser: as many in each cell, of the same size, none
blank; by Run All, cell by cell, and by Run All with ipykernel 6, which hands a front end's messages on otherwise. All
that takes minutes, so it is for `make soak`: each time tests/test_notebooks.py runs every notebook, and test_held.py
draws while a widget runs.
"""

import base64
import io
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from actmax_widget.export.card import MAKER
from tests.browser.lab import LabServer, OpenNotebook, open_notebook, serve

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(path.stem for path in EXAMPLES.glob("*.ipynb"))
IPYKERNEL_6 = Path(sys.prefix) / "share" / "ipykernel6"
"""Where `make soak` installs it."""
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


@pytest.mark.soak
@pytest.mark.parametrize("way", [run_all, run_one_by_one])
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_figures_are_those_of_a_run_without_a_browser(page: Page, lab: LabServer, executed: Any, name: str, way: Any):
    notebook = opened(page, lab, name)
    way(notebook)
    compare(page, executed(name))


@pytest.fixture(scope="module")
def lab6(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A JupyterLab whose kernels are of ipykernel 6."""
    if not IPYKERNEL_6.is_dir():
        pytest.skip(f"ipykernel 6 is not in {IPYKERNEL_6}; `make soak` puts it there.")
    with serve(tmp_path_factory.mktemp("lab6"), packages=IPYKERNEL_6) as server:
        yield server


@pytest.mark.soak
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_figures_with_ipykernel_6(page: Page, lab6: LabServer, executed: Any, name: str):
    notebook = opened(page, lab6, name)
    run_all(notebook)
    assert notebook.ask("import ipykernel; print(ipykernel.version_info[0])").strip() == "6"
    compare(page, executed(name))


def compare(page: Page, alone: Any) -> None:
    """The figures of the notebook in the page are those of the one that was run alone."""
    expected = figures([cell.get("outputs", []) for cell in alone.cells])
    found = figures(page.evaluate(OUTPUTS))[: len(expected)]
    assert [len(cell) for cell in found] == [len(cell) for cell in expected]
    for one, other in zip(chain.from_iterable(found), chain.from_iterable(expected), strict=True):
        # A title with another number is a little wider.
        np.testing.assert_allclose(one, other, atol=12)
