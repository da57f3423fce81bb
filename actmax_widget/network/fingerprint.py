"""What tells one model from another: the kinds of its layers, and its weights."""

from __future__ import annotations

import hashlib

import numpy as np
from keras import ops

from actmax_widget.network.network import Network

SAMPLES = 4096
"""How many values of a weight are looked at, evenly spread: VGG16's are 550 MB."""


def fingerprint(network: Network) -> str:
    """A text that is the same for the same layers, weights, input and held inputs, in any process: 32 hex digits."""
    model = network.model
    found = hashlib.blake2b(digest_size=16)
    found.update(" ".join(type(layer).__name__ for layer in model._flatten_layers()).encode())
    for weight in model.weights:
        values = ops.convert_to_numpy(weight)
        found.update(f"{values.shape}{values.dtype}".encode())
        found.update(values.reshape(-1)[:: max(1, values.size // SAMPLES)].tobytes())
    found.update(str(tuple(network.input.shape)).encode())
    for _, held in network.held:
        found.update(np.ascontiguousarray(held).tobytes())
    return found.hexdigest()
