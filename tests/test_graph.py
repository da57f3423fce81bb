import threading

import keras
import numpy as np
import pytest
from keras import layers

import actmax_widget as am
from actmax_widget.network import Network, graph
from actmax_widget.network.graph import count_values
from tests.networks import small_cnn, small_sequential

SMALL = {"picture": 144, "rescale": 144, "conv1": 600, "pool": 150, "conv2": 72, "flatten": 72, "out": 5}


def test_every_layers_values_are_counted():
    assert count_values(small_cnn().outputs) == sum(SMALL.values())


def test_layers_above_are_not_counted():
    output = small_cnn().get_layer("pool").output
    assert count_values([output]) == SMALL["picture"] + SMALL["rescale"] + SMALL["conv1"] + SMALL["pool"]


def test_a_layer_used_twice_counts_twice_and_one_seen_twice_once():
    inputs = keras.Input((10,))
    shared = layers.Dense(10)
    once, twice = shared(inputs), shared(shared(inputs))
    assert count_values([twice]) == 30
    assert count_values([once, once]) == 20


def test_a_model_inside_counts_with_all_its_layers():
    inner = small_sequential()
    outer = keras.Sequential([keras.Input((8, 8, 1)), inner, layers.Dense(2)])
    assert count_values(outer.outputs) >= count_values(inner.outputs) + 64 + 2


def test_what_cannot_be_seen_is_infinite():
    class Opaque(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(2)

        def call(self, inputs):
            return self.inner(inputs)

    inputs = keras.Input((4,))
    assert count_values([Opaque()(inputs)]) == np.inf


@pytest.mark.parametrize("shape", [(None, None, 2), (None, 5, 2)])
def test_an_open_size_counts_as_one(shape):
    assert count_values([keras.Input(shape)]) == 2 * (shape[1] or 1)


def test_of_a_batch_of_fixed_size_one_picture_counts():
    inputs = keras.Input(batch_shape=(4, 6))
    assert count_values([inputs]) == 6


# --- several threads at one model ------------------------------------------------------------------------------------


def in_thread(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_what_two_threads_build_on_a_model_is_all_taken_away_again():
    model, inside, leave = small_cnn(), threading.Event(), threading.Event()
    before = [len(layer._outbound_nodes) for layer in model.layers]
    begun, seen = threading.Event(), []

    def first():
        with graph.borrowed(model.inputs[0]):
            inside.set()
            assert leave.wait(60)
            layers.Dense(2)(model.output)

    def second():
        begun.set()
        with graph.borrowed(model.inputs[0]):
            seen.append(leave.is_set())
            layers.Dense(3)(model.output)

    threads = [in_thread(first)]
    assert inside.wait(60)
    threads.append(in_thread(second))
    assert begun.wait(60)
    leave.set()
    for thread in threads:
        thread.join(60)
    assert seen == [True]
    assert [len(layer._outbound_nodes) for layer in model.layers] == before


def test_a_layer_is_called_another_way_in_one_thread_only():
    layer, calls = layers.Rescaling(2.0), []

    def noted(call):
        return lambda *args: calls.append("noted") or call(*args)

    def elsewhere():
        with graph.called_as(layer, lambda call: lambda *args: calls.append("elsewhere") or call(*args)):
            inside.set()
            assert leave.wait(60)
            layer(1.0)

    inside, leave = threading.Event(), threading.Event()
    thread = in_thread(elsewhere)
    assert inside.wait(60)
    layer(1.0)
    assert calls == []
    with graph.called_as(layer, noted), graph.called_as(layer, noted):
        layer(1.0)
        leave.set()
        thread.join(60)
        assert sorted(calls) == ["elsewhere", "noted", "noted"]
    assert "call" not in vars(layer)
    assert float(layer(1.0)) == 2.0


def test_a_small_model_is_looked_at_while_another_is_compiled():
    # B15 of the review: one lock for all models, held as long as any of them was compiled.
    compiling, seen, built = threading.Event(), threading.Event(), []

    class Slow(layers.Layer):
        def call(self, inputs):
            if built:
                compiling.set()
                assert seen.wait(60)
            return inputs

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = layers.Conv2D(2, 3, name="inner")

        def call(self, inputs):
            return self.inner(inputs)

    inputs = keras.Input((6, 6, 1))
    model = keras.Model(inputs, Slow(name="slow")(layers.Conv2D(2, 3)(inputs)))
    built.append(True)
    thread = in_thread(lambda: am.visualize_activation(model, "slow", 0, max_iter=1))
    assert compiling.wait(60)
    subclassed = Subclassed()
    subclassed(np.zeros((1, 6, 6, 1), "float32"))
    assert [info.name for info in Network(subclassed, (6, 6, 1)).layers()] == ["inner"]
    seen.set()
    thread.join(60)
    assert not thread.is_alive()
