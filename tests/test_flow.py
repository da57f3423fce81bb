"""What the map of a model is drawn from."""

import itertools

import keras
import numpy as np
from keras import layers

import actmax_widget as am
from actmax_widget.live.run import Run
from actmax_widget.network import Network, flow_of, is_known
from actmax_widget.settings import Settings
from actmax_widget.view import looks
from tests.networks import small_cnn
from tests.test_widget import FrontEnd

INPUT = "It is the input itself: to maximise that is no riddle."


def edges(model, **given):
    """Pairs of names, and the names of what nothing flows into."""
    nodes = flow_of(Network(model, **given))
    pairs = [(nodes[source].name, node.name) for node in nodes for source in node.sources]
    return pairs, [node.name for node in nodes if not node.sources]


def chain(*names):
    return list(itertools.pairwise(names))


def test_the_digits_are_a_chain_of_targets_behind_the_input():
    model = am.demo.digits()
    network = Network(model)
    nodes = flow_of(network)
    names = [node.name for node in nodes]
    assert names[1:] == [layer.name for layer in model.layers]
    assert edges(model)[0] == chain(*names)
    assert [node.why for node in nodes] == [INPUT] + [""] * 8
    # What is a target is told as the tree tells it.
    told = [(node.name, node.type, node.shape) for node in nodes[1:]]
    assert told == [(info.name, info.type, info.shape) for info in network.layers()]


def test_branches_that_are_put_together():
    pairs, sources = edges(am.demo.photos())
    fire = ("fire2_squeeze1x1", "fire2_expand1x1", "fire2_expand3x3", "fire2_concat")
    assert {*chain(*fire[:2], fire[3]), (fire[0], fire[2]), (fire[2], fire[3])} < {*pairs}
    assert (len(pairs), sources) == (38 + 8, ["picture"])


def inverted(x, name, *, strides=1):
    """A block of MobileNetV2: wide, depthwise, narrow, and added to what came in."""
    y = layers.Conv2D(12, 1, activation="relu6", name=f"{name}_expand")(x)
    y = layers.DepthwiseConv2D(3, strides=strides, padding="same", name=f"{name}_depthwise")(y)
    y = layers.Conv2D(4, 1, name=f"{name}_project")(y)
    return layers.Add(name=f"{name}_add")([x, y]) if strides == 1 else y


def test_what_is_added_to_what_came_in():
    inputs = keras.Input((8, 8, 3), name="picture")
    x = inverted(layers.Conv2D(4, 3, name="stem")(inputs), "block_1")
    model = keras.Model(inputs, inverted(inverted(x, "block_2", strides=2), "block_3"))
    pairs, _ = edges(model)
    assert [source for source, name in pairs if name == "block_1_add"] == ["stem", "block_1_project"]
    assert [source for source, name in pairs if name == "block_3_add"] == ["block_2_project", "block_3_project"]
    assert len(pairs) == 12 + 2


def test_a_model_inside_has_a_flow_of_its_own():
    inputs = keras.Input((12, 12, 1), name="whole")
    scaled = layers.Rescaling(1, name="scaled")(inputs)
    model = keras.Model(inputs, layers.Softmax(name="probability")(small_cnn()(scaled)))
    pairs, sources = edges(model)
    inside = [f"small/{name}" for name in ("picture", "rescale", "conv1", "pool", "conv2", "flatten", "out")]
    assert pairs == [*chain("whole", "scaled", "small"), *chain(*inside), ("small", "probability")]
    assert sources == ["whole", "small/picture"]
    # A layer inside comes right after the one that it is in.
    assert [node.name for node in flow_of(Network(model))][2:10] == ["small", *inside]


def test_a_layer_that_is_called_twice_has_two_places():
    one, two = keras.Input((8, 8, 1), name="one"), keras.Input((8, 8, 1), name="two")
    shared = layers.Conv2D(3, 3, name="shared")
    model = keras.Model([one, two], layers.Concatenate(name="both")([shared(one), shared(two)]))
    network = Network(model, held_inputs={"two": np.zeros((8, 8, 1))})
    nodes = {node.name: node for node in flow_of(network)}
    names = [*nodes]
    assert names == ["one", "shared", "two", "shared:1", "both"]
    assert [names[source] for source in nodes["both"].sources] == ["shared", "shared:1"]
    assert [nodes[name].first for name in ("shared", "shared:1")] == ["", "shared"]


def test_several_outputs_and_operations_that_are_no_layers():
    inputs = keras.Input((8, 8, 1), name="picture")
    body = layers.Conv2D(3, 3, name="body")(inputs)
    doubled = body + body
    heads = [layers.Dense(n, name=f"head{n}")(layers.Flatten(name=f"flat{n}")(doubled)) for n in (2, 5)]
    count = keras.ops.sum(doubled, axis=(1, 2, 3))
    nodes = {node.name: node for node in flow_of(Network(keras.Model(inputs, [*heads, count])))}
    added = next(node for node in nodes.values() if node.type == "Add")
    names = [*nodes]
    assert [names[source] for source in added.sources] == ["body"]  # once, although it takes it twice
    takers = [node.name for node in nodes.values() if names.index(added.name) in node.sources]
    total = next(node for node in nodes.values() if node.type == "Sum")
    assert {*takers} == {"flat2", "flat5", total.name}
    assert (total.shape, total.why) == ((), "It is an operation and no layer: choose a layer before or after it.")


class Block(layers.Layer):
    def __init__(self, **given):
        super().__init__(**given)
        self.first, self.second = layers.Conv2D(2, 3, name="first"), layers.Conv2D(3, 3, name="second")

    def call(self, inputs):
        return self.second(self.first(inputs))


def test_what_flows_inside_of_a_layer_that_somebody_wrote_is_not_known():
    inputs = keras.Input((8, 8, 1), name="picture")
    model = keras.Model(inputs, layers.Flatten(name="flat")(Block(name="block")(inputs)))
    pairs, sources = edges(model)
    assert pairs == chain("picture", "block", "flat")
    assert sources == ["picture", "block/first", "block/second"]


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="written")
        self.block, self.head = Block(name="block"), layers.Dense(2, name="head")

    def call(self, inputs):
        return self.head(self.block(inputs))


def test_a_subclassed_model_is_a_list_and_says_so():
    model = Subclassed()
    model(np.zeros((1, 8, 8, 1), "float32"))
    network = Network(model, (8, 8, 1))
    assert not is_known(network)
    assert [node.name for node in flow_of(network)] == ["block", "block/first", "block/second", "head"]
    assert not any(node.sources for node in flow_of(network))
    told, buffers = looks.map_of(Run(network, Settings(layer="head")))
    assert told["sentence"].startswith("written is a subclassed model: what flows from layer to layer is in its code")
    assert (told["nodes"][0]["type"], buffers) == ("Block", [])


def test_at_another_size_what_does_not_work_says_why():
    nodes = {node.name: node for node in flow_of(Network(small_cnn(), (20, 20, 1)))}
    assert (nodes["conv1"].shape, nodes["conv1"].why) == ((18, 18, 6), "")
    assert nodes["out"].shape == ()
    assert nodes["out"].why.startswith("Layer 'out' needs the size of input")
    assert nodes["out"].type == "Dense"


def test_the_state_of_the_widget_holds_no_map_before_a_page_asks(monkeypatch):
    deep = 200
    inputs = x = keras.Input((4, 4, 1), name="picture")
    for number in range(deep // 2):
        x = layers.Add(name=f"add{number}")([x, layers.Activation("relu", name=f"relu{number}")(x)])
    widget = am.ActMaxWidget(keras.Model(inputs, layers.Dense(2, name="out")(x)))
    page = FrontEnd(widget, monkeypatch)
    assert "sources" not in str({name: value for name, value in widget.get_state().items() if name != "_esm"})
    page.send(type="ask_map")
    page.wait_for(lambda: any(content["type"] == "map" for content, _ in page.custom))
    (content,) = [content for content, _ in page.custom if content["type"] == "map"]
    assert len(content["nodes"]) == deep + 2
    assert sum(len(node["sources"]) for node in content["nodes"]) == deep // 2 * 3 + 1
    assert content["sentence"] == ""
    widget.close()
