"""One call, one answer: keras-vis's functions (2017, ``vis.visualization``) and their neighbours.

``activation`` makes one picture, ``layer`` one of each filter, ``weights`` shows what a layer has learned and how it
answers a given picture. Nothing lives here: each function returns what it was asked for.
"""

from actmax_widget.network.graph import get_num_filters
from actmax_widget.pictures import overlay
from actmax_widget.visualization.activation import visualize_activation, visualize_activation_with_losses
from actmax_widget.visualization.compose import visualize
from actmax_widget.visualization.layer import visualize_layer
from actmax_widget.visualization.weights import visualize_response, visualize_weights

__all__ = [
    "get_num_filters",
    "overlay",
    "visualize",
    "visualize_activation",
    "visualize_activation_with_losses",
    "visualize_layer",
    "visualize_response",
    "visualize_weights",
]
