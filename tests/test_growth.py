"""Nothing grows: not with the number of calls, and not with the length of a run."""

import ctypes
import ctypes.util
import gc

import psutil
import pytest

import actmax_widget as am
from tests.networks import small_cnn

MEGABYTES = 2**20


def memory():
    """Megabytes in use, without what is free already but not given back."""
    gc.collect()
    trim = getattr(ctypes.CDLL(ctypes.util.find_library("c")), "malloc_trim", None)
    if trim:
        trim(0)
    return psutil.Process().memory_info().rss / MEGABYTES


@pytest.mark.filterwarnings("ignore:No gradient reached")  # some filters of an untrained network are dead
def test_after_100_calls_memory_is_within_20_mb():
    model = small_cnn()

    def call(number):
        am.visualize_activation(model, ["conv1", "conv2", "out"][number % 3], number % 5, max_iter=2)

    for number in range(15):  # what TensorFlow sets up once
        call(number)
    before = memory()
    for number in range(100):
        call(number)
    assert memory() - before < 20


@pytest.mark.soak
def test_a_run_of_200_000_iterations_keeps_its_memory_and_every_row():
    widget = am.ActMaxWidget(small_cnn(), layer="out", steps_per_second=None, max_iter=200_000)
    widget.step(5000)
    before = memory()
    widget.start()
    assert widget.wait(1800)
    assert widget.iteration == len(widget.history) == 200_000
    rows = widget.history.values.nbytes / MEGABYTES
    assert memory() - before < 20 + 4 * rows  # the history itself, its growth, and its copy in the widget's state
    widget.close()
