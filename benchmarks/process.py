"""What a whole process costs: the import, and memory over many models."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.record import Row, row

IMPORT = """
import time, keras
begin = time.perf_counter()
import actmax_widget
print(time.perf_counter() - begin)
"""
GROWTH = """
import ctypes, gc, keras, psutil
import actmax_widget as am

def megabytes():
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what malloc holds free is no growth
    return psutil.Process().memory_info().rss / 1e6

def use_a_model():
    model = keras.models.clone_model(am.demo.digits())
    for index in range({runs}):
        am.visualize_activation(model, "out", index % 10, max_iter=10)

use_a_model()
use_a_model()
before = megabytes()
for _ in range({models}):
    use_a_model()
print(megabytes() - before)
"""


def _printed(script: str) -> float:
    """The number that a script prints in a process of its own."""
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return float(finished.stdout.split()[-1])


def import_time(*, quick: bool) -> list[Row]:
    """Seconds that importing takes after Keras."""
    values = [_printed(IMPORT) for _ in range(2 if quick else 7)]
    return [row("import actmax_widget", "import keras", values, most=0.3, unit="s more")]


def growth(*, quick: bool) -> list[Row]:
    """Memory that 10 models with 10 runs each leave behind, after two models."""
    script = GROWTH.format(runs=10, models=2 if quick else 10)
    values = [_printed(script) for _ in range(1 if quick else 3)]
    return [row("100 runs, 10 models: growth of memory", "itself", values, most=20, unit="MB")]
