"""How TensorFlow compiles a step: what it is told so that compiling is quick and the step too."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context as tf_context

from actmax_widget.network import graph, layout

SMALL = 100_000
"""A network that puts out fewer values than this in all its layers is small."""


def function(run: Callable[..., Any], **options: Any) -> Any:
    """A compiled function."""
    compiled = tf.function(run, autograph=False, **options)
    # Each step compiles once, and by design; TensorFlow would warn from the fifth picture on.
    compiled._omit_frequent_tracing_warning = True
    return compiled


def traced(compiled: Any, *arguments: Any) -> Callable[..., Any]:
    """A compiled function for arguments like these, which is called without anyone looking at what it is given.

    To look takes TensorFlow more than half a millisecond each time.
    """
    concrete = compiled.get_concrete_function(*arguments)
    captured = concrete.captured_inputs

    def call(*arguments: Any) -> Any:
        return concrete._call_flat(tf.nest.flatten(arguments), captured)

    return call


@contextlib.contextmanager
def as_written() -> Iterator[None]:
    """Has TensorFlow run this thread's compiled functions as they were traced, without rewriting them (Grappler).

    Rewriting takes up to half of the time of compiling and makes no step quicker: the gradient needs what it would
    fuse, and the weights, which it would fold, are variables. On a GPU it also chooses the layout of pictures, so there
    it is left alone. A function must be called this way each time, or it is compiled once more.
    """
    if _has_gpu():
        yield
        return
    context = tf_context.context()  # tf.config has this for the whole process only
    options = context.function_call_options
    context.function_call_options = _not_rewriting(options.config_proto_serialized, options.executor_type)
    try:
        yield
    finally:
        context.function_call_options = options


@functools.cache
def _has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


@functools.lru_cache(4)
def _not_rewriting(config: bytes, executor: str | None) -> tf_context.FunctionCallOptions:
    changed = tf.compat.v1.ConfigProto.FromString(config)
    changed.graph_options.rewrite_options.disable_meta_optimizer = True
    return tf_context.FunctionCallOptions(executor, changed)


def is_small(outputs: Sequence[Any]) -> bool:
    """Whether a network computes so little for a picture that oneDNN would not pay; see :func:`leave_loops_whole`."""
    operations = graph.operations(outputs)
    # Pictures with channels first only oneDNN can do.
    inside = (layer for operation in operations for layer in (operation, *layout.inside(operation)))
    needed = any(getattr(one, "data_format", None) == "channels_first" for one in inside)
    return not needed and graph.count_values(outputs) < SMALL


def leave_loops_whole() -> None:
    """Have the loops of the graph being traced run as they are written, without oneDNN's kernels.

    TensorFlow takes loops apart into single operations, and lets oneDNN have those it knows. On small pictures what
    oneDNN does before and after its work takes longer than the work.
    """
    for operation in tf.compat.v1.get_default_graph().get_operations():
        if operation.type in {"While", "StatelessWhile"}:
            operation._set_attr("_lower_using_switch_merge", tf.compat.v1.AttrValue(b=False))
