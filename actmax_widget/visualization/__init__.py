"""One call, one answer: keras-vis's functions (2017, ``vis.visualization``) and their neighbours.

``activation`` and ``compose`` make one picture, ``layer`` one of each filter, ``many`` several that differ in a number,
``weights`` shows what a layer has learned and how it answers a given picture, ``scoring`` how far a picture can be
trusted. Nothing lives here: each function returns what it was asked for.
"""

from actmax_widget.network.graph import get_num_filters
from actmax_widget.pictures import overlay
from actmax_widget.visualization.activation import visualize_activation, visualize_activation_with_losses
from actmax_widget.visualization.compose import visualize
from actmax_widget.visualization.layer import visualize_layer
from actmax_widget.visualization.many import visualize_many
from actmax_widget.visualization.scoring import score, visualize_references
from actmax_widget.visualization.weights import visualize_response, visualize_weights

__all__ = [
    "get_num_filters",
    "overlay",
    "score",
    "visualize",
    "visualize_activation",
    "visualize_activation_with_losses",
    "visualize_layer",
    "visualize_many",
    "visualize_references",
    "visualize_response",
    "visualize_weights",
]
