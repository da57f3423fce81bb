"""What all tests share: a quiet TensorFlow, and the order in which they run."""

from __future__ import annotations

import os

import pytest

# Both are read when TensorFlow and Matplotlib are imported, so before any test module is.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what fails fastest first: unit tests, then notebooks, then the browser."""
    items.sort(key=_slowness)


def _slowness(item: pytest.Item) -> int:
    return 2 if item.get_closest_marker("browser") else 1 if item.get_closest_marker("notebook") else 0
