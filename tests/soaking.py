"""Parametrizations of which `make test` takes a part, and `make soak` the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def part(values: Iterable[Any], each_time: Callable[..., bool]) -> list[Any]:
    """The values, or tuples of them, as parameters: those for which ``each_time(*value)`` is false are for `soak`."""
    return [
        pytest.param(*value, id="-".join(map(str, value)), marks=[] if each_time(*value) else pytest.mark.soak)
        for value in ((one if isinstance(one, tuple) else (one,)) for one in values)
    ]
