import subprocess
from pathlib import Path

import nbformat
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def committed(notebook):
    """The notebook as git holds it, or None: who runs an example in the work tree need not clear it for the tests."""
    command = ["git", "show", f":./{notebook.name}"]
    shown = subprocess.run(command, cwd=EXAMPLES, capture_output=True, text=True, check=False)
    return nbformat.reads(shown.stdout, as_version=4) if shown.returncode == 0 else None


def test_there_are_notebooks():
    assert "1-first-image.ipynb" in [notebook.name for notebook in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_notebook_has_no_outputs(path):
    notebook = committed(path)
    if notebook is None:
        pytest.skip(f"{path.name} is not in git.")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.source for cell in code if cell.outputs or cell.execution_count] == []
    assert "widgets" not in notebook.metadata


@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, executed):
    assert executed(path.stem).cells
