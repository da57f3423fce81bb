import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import actmax_widget as am
from actmax_widget.reason import reason


class Picky(layers.Layer):
    """Does with what it is given whatever it was told to do."""

    def __init__(self, work):
        super().__init__(name="picky")
        self.work = [work]

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)

    def call(self, x):
        return self.work[0](x)


class UnlikeOthersError(Exception):
    def __init__(self, one, two):
        super().__init__(one, two)

    def __str__(self):
        raise ValueError


def raising(error, cause=None):
    def work(_):
        raise error from cause

    return work


def in_numpy(x):
    def fail(_):
        message = "inside of NumPy"
        raise ValueError(message)

    return x + tf.ensure_shape(tf.numpy_function(fail, [x], tf.float32), x.shape)


WORK = {
    "a message": (
        raising(RuntimeError("my layer needs the mean: set picky.ready = True")),
        "RuntimeError: my layer needs the mean: set picky.ready = True\nIn Picky.call().",
    ),
    "no message": (raising(AssertionError()), "AssertionError: no message\nIn Picky.call()."),
    "a cause": (
        raising(RuntimeError("no mean"), KeyError("mean.npy")),
        "RuntimeError: no mean\nCaused by KeyError: 'mean.npy'\nIn Picky.call().",
    ),
    "a kind that cannot be made again": (raising(UnlikeOthersError(1, 2)), "UnlikeOthersError: 1\nIn Picky.call()."),
    "many lines": (raising(OSError("a\n\n b\nc\nd\ne")), "OSError: a\nb\nc\nIn Picky.call()."),
    "many letters": (raising(OSError("x" * 9999)), f"OSError: {'x' * 300}\nIn Picky.call()."),
    "not even an Exception": (raising(SystemExit(3)), "SystemExit: 3"),
    "a node that does not fit": (
        lambda x: x @ tf.ones((9, 9, 5, 4)),
        "/matmul' with input shapes: [1,6,6,2], [9,9,5,4].\nIn Picky.call().",
    ),
    "a node that fails when it runs": (
        lambda x: tf.debugging.check_numerics(x / 0.0, "too bright"),
        "InvalidArgumentError: too bright : Tensor had ",
    ),
    "a function of NumPy": (in_numpy, "InvalidArgumentError: ValueError: inside of NumPy\nIn "),
}


def model_with(work):
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, Picky(work)(layers.Conv2D(2, 3)(inputs)))


def refused(work):
    """The widget after a run that failed; it is run twice, as whoever reads the error may mend it and press Run."""
    widget = am.ActMaxWidget(model_with(work), max_iter=3)
    for _ in range(2):
        widget.start()
        assert widget.wait(60)
        assert widget.status == "failed"
    return widget


@pytest.mark.parametrize(("work", "sentence"), WORK.values(), ids=WORK)
def test_the_widget_shows_why_a_layer_failed(work, sentence):
    error = refused(work).error
    assert sentence in error
    assert error.count("\n") <= 4
    assert not any(
        noise in error for noise in ("Exception encountered", "Arguments received", "{{", "Traceback", "\x1b")
    )


@pytest.mark.parametrize("kind", [RuntimeError, SystemExit])
def test_tiles_show_it_too_and_go_on_when_it_is_mended(kind):
    model = model_with(raising(kind("set ready")))
    widget = am.ActMaxWidget(model, max_iter=3)
    widget.visualize_layer()
    assert widget.wait(60)
    tiles = widget._run.facts().tiles
    assert (tiles.status, tiles.error.split("\n")[0]) == ("failed", f"{kind.__name__}: set ready")
    model.get_layer("picky").work[0] = lambda x: x
    widget._run.resume_tiles()
    assert widget.wait(60)
    tiles = widget._run.facts().tiles
    assert (tiles.status, tiles.error, tiles.done) == ("finished", "", 2)


def test_a_run_goes_on_when_the_layer_is_mended():
    widget = refused(raising(RuntimeError("set ready")))
    widget.model.get_layer("picky").work[0] = lambda x: x
    widget.start()
    assert widget.wait(60)
    assert (widget.status, widget.error, widget.iteration) == ("finished", "", 3)


@pytest.mark.parametrize("call", [am.visualize_activation, am.visualize_layer])
def test_functions_raise_it_as_it_is(call):
    with pytest.raises(RuntimeError, match="set ready"):
        call(model_with(raising(RuntimeError("set ready"))), "picky", 0, max_iter=1)


GRAPH = """Graph execution error:

Detected at node small/out/MatMul defined at (most recent call last):
  File "run.py", line 3, in <module>
    run()

<stack traces unavailable>
2 root error(s) found.
  (0) INVALID_ARGUMENT:  Matrix size-incompatible: In[0]: [1,10], In[1]: [20,3]
\t [[{{node small/out/MatMul}}]]
\t [[small/out/Sum/_8]]
  (1) INVALID_ARGUMENT:  Matrix size-incompatible [Op:__inference_run_9]"""


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RuntimeError(" \n"), "RuntimeError: no message"),
        (RuntimeError(), "RuntimeError: no message"),
        (UnlikeOthersError(1, 2), "UnlikeOthersError: no message"),
        (
            tf.errors.InvalidArgumentError(None, None, GRAPH),
            "InvalidArgumentError: Matrix size-incompatible: In[0]: [1,10], In[1]: [20,3]\nIn out/MatMul.",
        ),
        (
            ValueError(
                "Exception encountered when calling Odd.call().\n\nCould not infer the shape. Error encountered:\n\n"
                "no such axis\n\nArguments received by Odd.call():\n  • x=1"
            ),
            "ValueError: no such axis\nIn Odd.call().",
        ),
    ],
)
def test_the_reason_is_found_in_what_stands_around_it(error, sentence):
    assert reason(error) == sentence


def test_an_error_that_is_its_own_cause_is_told_once():
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert reason(one) == "ValueError: one\nCaused by ValueError: two"


def test_numbers_in_the_picture_do_not_matter():
    assert reason(ValueError(np.zeros(3))) == "ValueError: [0. 0. 0.]"
