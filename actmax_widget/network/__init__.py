"""The model: its inputs, and what can be maximised in it.

A :class:`Network` wraps a Keras model as a person passes it. It finds a :class:`Target` at any depth: by walking the
symbolic graph (``graph``), by listening to a call where there is none (``listening``), through nested models
(``nested``), and at another input size by building what it needs again (``rebuilding``). ``inputs`` settles the input's
size, ``heads`` what its last units are, ``layout`` which of its axes are rows, columns and channels, ``starting`` the
first picture; ``flow`` tells what flows from layer to layer; ``answers`` gives what a layer has learned, and its
response; ``clone`` makes a copy with other activations. Keras's private parts are read here, and by the cache of
compiled steps.
"""

from actmax_widget.network.answers import respond, response_of, weights_of
from actmax_widget.network.flow import MapNode, flow_of, is_known
from actmax_widget.network.heads import Head, Kind, head_of
from actmax_widget.network.network import Network
from actmax_widget.network.targets import LayerInfo, Target

__all__ = [
    "Head",
    "Kind",
    "LayerInfo",
    "MapNode",
    "Network",
    "Target",
    "flow_of",
    "head_of",
    "is_known",
    "respond",
    "response_of",
    "weights_of",
]
