"""What all tests share: a quiet TensorFlow, and the order in which they run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdist.scheduler import LoadScopeScheduling

# All are read when TensorFlow and Matplotlib are imported, so before any test module is. oneDNN is on by default with
# AVX-512 only, and without it no processor computes channels first.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

WAIT = ("tests/browser/", "tests/test_notebooks.py")
"""Tests that wait for browsers and kernels most of their time."""
SEARCH = ("tests/test_held.py", "tests/test_references.py")
"""Tests that look through every object there is: four times as quick in a process that has not made many yet."""


class OneBrowser(LoadScopeScheduling):
    """Of the two processes of `make test` one has all that waits, and the other the unit tests, file by file.

    Two browsers at once would have a core each.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "waits" if nodeid.startswith(WAIT) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneBrowser:
    """Ours, however pytest-xdist was asked to share out."""
    return OneBrowser(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run what fails fastest first: unit tests, then notebooks, then the browser; of two processes one these first."""
    items.sort(key=lambda item: not item.nodeid.startswith(SEARCH))
    items.sort(key=_slowness, reverse=hasattr(config, "workerinput"))


@pytest.fixture(autouse=True)
def _same_networks_each_time(request: pytest.FixtureRequest) -> None:
    """Untrained networks have dead filters now and then, which is told by a warning: the same ones in every run."""
    if "browser" not in request.keywords and "notebook" not in request.keywords:
        from tests.networks import seed_networks  # noqa: PLC0415 - imports TensorFlow, which reads the settings above

        seed_networks(0)


class Traces:
    """How often steps were compiled, by whomever: counted where it is done."""

    def __init__(self) -> None:
        self.made = 0

    def of(self, work: Callable[[], Any]) -> int:
        """How often ``work()`` compiles."""
        before = self.made
        work()
        return self.made - before


@pytest.fixture(scope="module")
def traces() -> Iterator[Traces]:
    from actmax_widget.engine.step import Step  # noqa: PLC0415 - imports TensorFlow, which reads the settings above

    counter, loop = Traces(), Step._loop

    def counted(self: Step, *args: Any) -> Any:
        counter.made += 1
        return loop(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Step, "_loop", counted)
        yield counter


@pytest.fixture(scope="module")
def model() -> Any:
    """A small network of pictures, for modules that need none of their own."""
    from tests.networks import small_cnn  # noqa: PLC0415 - as above

    return small_cnn()


@pytest.fixture(scope="session")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """A function that runs an example notebook by nbclient, once for all who ask for it."""
    known: dict[str, Any] = {}

    def execute(name: str) -> Any:
        if name not in known:
            import nbformat  # noqa: PLC0415 - few tests need it
            from nbclient import NotebookClient  # noqa: PLC0415 - as above

            examples, home = Path(__file__).parents[1] / "examples", tmp_path_factory.mktemp("home")
            with pytest.MonkeyPatch.context() as patch:
                # A kernel of the same name in the person's own folder would take the place of this environment's.
                for variable in ("JUPYTER_DATA_DIR", "IPYTHONDIR"):
                    patch.setenv(variable, str(home / variable.lower()))
                notebook = nbformat.read(examples / f"{name}.ipynb", as_version=4)
                place = {"metadata": {"path": examples}}
                NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()
            known[name] = notebook
        return known[name]

    return execute


@pytest.fixture
def seed() -> np.ndarray:
    """A starting picture for it, with a batch axis."""
    return np.random.default_rng(0).uniform(100, 150, (1, 12, 12, 1)).astype("float32")


@pytest.fixture
def channels_first() -> Iterator[None]:
    """Keras with channels first throughout the test."""
    from tests import networks  # noqa: PLC0415 - as above

    with networks.channels_first():
        yield


def _slowness(item: pytest.Item) -> int:
    return 2 if item.get_closest_marker("browser") else 1 if item.get_closest_marker("notebook") else 0
