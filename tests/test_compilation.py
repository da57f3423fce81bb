import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tensorflow.python.eager import context as tf_context

from actmax_widget.engine import compilation
from actmax_widget.engine.objective import Objective
from actmax_widget.engine.step import State, Step
from tests.networks import channels_first, losses_of, small_cnn


def ascent_of(model, **options):
    return Step(Objective(model.inputs[0], losses_of(model), **options))


# --- as_written ------------------------------------------------------------------------------------------------------


def executed(call):
    """The operations of the functions that TensorFlow ran in a call."""
    context = tf_context.context()
    context.enable_graph_collection()
    try:
        call()
        graphs = context.export_run_metadata().function_graphs
    finally:
        context.disable_graph_collection()
    return [node.op for graph in graphs for node in graph.post_optimization_graph.node]


def superfluous():
    """A compiled multiplication that TensorFlow leaves out if it may rewrite."""
    function, ones = compilation.function(lambda x: x * 1.0), tf.ones(3)
    return lambda: function(ones)


def test_functions_run_as_they_were_traced():
    assert "Mul" not in executed(superfluous())
    with compilation.as_written():
        assert "Mul" in executed(superfluous())


def test_a_run_of_steps_is_not_rewritten(model, seed, monkeypatch):
    def operations():
        step = ascent_of(model)
        return executed(lambda: step.run(State.at(seed), step.knobs(), 2))

    written = operations()
    monkeypatch.setattr(compilation, "_has_gpu", lambda: True)
    assert len(operations()) != len(written)


def test_other_peoples_functions_are_rewritten_afterwards(model, seed):
    step = ascent_of(model)
    step.run(State.at(seed), step.knobs(), 1)
    with pytest.raises(ZeroDivisionError), compilation.as_written():
        1 / 0  # noqa: B018 - for its error
    assert "Mul" not in executed(superfluous())


def test_what_was_set_otherwise_stays_in_force():
    before = tf_context.context().function_call_options
    expected = tf.compat.v1.ConfigProto.FromString(before.config_proto_serialized)
    expected.graph_options.rewrite_options.disable_meta_optimizer = True
    with compilation.as_written():
        options = tf_context.context().function_call_options
        assert tf.compat.v1.ConfigProto.FromString(options.config_proto_serialized) == expected
        assert options.executor_type == before.executor_type
    assert tf_context.context().function_call_options is before


def test_on_a_gpu_tensorflow_may_choose_the_layout(monkeypatch):
    monkeypatch.setattr(compilation, "_has_gpu", lambda: True)
    with compilation.as_written():
        assert "Mul" not in executed(superfluous())


# --- traced ----------------------------------------------------------------------------------------------------------


def test_a_traced_function_gives_what_the_function_gives_in_its_structure():
    function = compilation.function(lambda pair, c: {"sum": pair[0] + pair[1], "more": (c * 2.0,)})
    arguments = ((tf.constant(1.0), tf.constant(2.0)), tf.constant(3.0))
    traced = compilation.traced(function, *arguments)
    assert tf.nest.map_structure(float, traced(*arguments)) == {"sum": 3.0, "more": (6.0,)}
    assert tf.nest.map_structure(float, traced((tf.constant(5.0), tf.constant(2.0)), tf.constant(0.0))) == {
        "sum": 7.0,
        "more": (0.0,),
    }


def test_a_graph_goes_with_the_ascent_it_was_traced_for(seed):
    model = small_cnn()
    step = ascent_of(model)
    step.run(State.at(seed), step.knobs(), 1)
    graph = weakref.ref(step._functions[True]._list_all_concrete_functions()[0].graph)
    assert graph() is not None
    del step
    gc.collect()
    assert graph() is None


# --- small networks --------------------------------------------------------------------------------------------------


def loops(step, seed, pictures=1):
    """For each loop of the compiled step whether TensorFlow may take it apart."""
    step.run(
        State.at(seed.repeat(pictures, axis=0)), step.knobs(losses=[np.repeat(*step.objective.knobs(), pictures, 0)]), 1
    )
    graph = step._functions[pictures == 1]._list_all_concrete_functions()[0].graph
    found = [operation for operation in graph.get_operations() if operation.type in {"While", "StatelessWhile"}]
    return [operation.get_attr("_lower_using_switch_merge") for operation in found]


def test_the_loop_of_a_small_network_runs_as_it_is_written(model, seed, monkeypatch):
    assert loops(ascent_of(model), seed) == [False]
    monkeypatch.setattr(compilation, "SMALL", 100)
    assert loops(ascent_of(model), seed) == [True]


def test_of_a_batch_nobody_knows_how_large_it_is(model, seed):
    assert loops(ascent_of(model), seed, pictures=2) == [True]


def test_a_loop_that_runs_as_it_is_written_gives_the_same_numbers(model, seed, monkeypatch):
    small, _ = ascent_of(model).run(State.at(seed), ascent_of(model).knobs(), 10)
    monkeypatch.setattr(compilation, "SMALL", 0)
    large, _ = ascent_of(model).run(State.at(seed), ascent_of(model).knobs(), 10)
    np.testing.assert_allclose(small.measured, large.measured, atol=0.05)


def test_channels_first_are_left_to_onednn():
    with channels_first():
        inputs = keras.Input((3, 8, 8))
        model = keras.Model(inputs, layers.Conv2D(2, 3, name="out")(inputs))
        step = ascent_of(model)
        assert loops(step, np.ones((1, 3, 8, 8), "float32")) == [True]
        _, steps = step.run(State.at(np.ones((1, 3, 8, 8), "float32")), step.knobs(), 2)
    assert np.isfinite(steps.losses).all()
