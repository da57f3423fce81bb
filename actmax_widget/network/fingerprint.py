"""What tells one model from another: the kinds of its layers, and its weights."""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import Any

import keras
import numpy as np
from keras import ops

from actmax_widget.network.network import Network

IGNORED = ("name", "trainable", "batch_shape", "build_config")
"""What a configuration says that makes no difference."""
SAMPLES = 4096
"""How many values of a weight are looked at, evenly spread: VGG16's are 550 MB."""


def fingerprint(network: Network) -> str:
    """A text that is the same for the same layers, weights, input and held inputs, in any process: 32 hex digits."""
    model = network.model
    found = hashlib.blake2b(digest_size=16)
    found.update(" ".join(map(_told, model._flatten_layers())).encode())
    for weight in model.weights:
        values = ops.convert_to_numpy(weight)
        found.update(f"{values.shape}{values.dtype}".encode())
        found.update(values.reshape(-1)[:: max(1, values.size // SAMPLES)].tobytes())
    found.update(str(tuple(network.input.shape)).encode())
    for _, held in network.held:
        found.update(np.ascontiguousarray(held).tobytes())
    return found.hexdigest()


def _told(layer: Any) -> str:
    """The kind of a layer, and what its configuration says in plain values, such as its activation; not its name."""
    config: dict[str, Any] = {}
    if not isinstance(layer, keras.Model):
        with contextlib.suppress(Exception):  # of a layer that somebody wrote
            config = layer.get_config()
    plain = {
        name: one
        for name, one in config.items()
        if name not in IGNORED and isinstance(one, bool | int | float | str | list | tuple)
    }
    return type(layer).__name__ + json.dumps(plain, sort_keys=True, default=str)
