"""What tells one model from another: the kinds of its layers, and its weights."""

from __future__ import annotations

import hashlib
from typing import Any

from keras import ops

SAMPLES = 4096
"""How many values of a weight are looked at, evenly spread: VGG16's are 550 MB."""


def fingerprint(model: Any) -> str:
    """A text that is the same for the same architecture and weights, in any process: 32 hexadecimal digits.

    Args:
        model: a Keras model.
    """
    found = hashlib.blake2b(digest_size=16)
    found.update(" ".join(type(layer).__name__ for layer in model._flatten_layers()).encode())
    for weight in model.weights:
        values = ops.convert_to_numpy(weight)
        found.update(f"{values.shape}{values.dtype}".encode())
        found.update(values.reshape(-1)[:: max(1, values.size // SAMPLES)].tobytes())
    return found.hexdigest()
