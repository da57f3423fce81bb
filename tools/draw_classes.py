"""Draw eight of SqueezeNet's classes: README's picture. Run `make bench` before, which downloads the weights.

python -m tools.draw_classes examples/images/classes.jpg
"""

import sys

import keras
import numpy as np
from PIL import Image

import actmax_widget as am
from actmax_widget import losses, optimizers, parametrizations, transforms
from benchmarks.networks import squeezenet

CLASSES = {
    "goldfish": 1,
    "flamingo": 130,
    "daisy": 985,
    "volcano": 980,
    "peacock": 84,
    "zebra": 340,
    "broccoli": 937,
    "castle": 483,
}


def network() -> keras.Model:
    """SqueezeNet for RGB of 0 to 255; its own input is BGR without the mean."""
    picture = keras.Input((227, 227, 3))
    mean = np.array([104.007, 116.669, 122.679], np.float32)
    return keras.Model(picture, squeezenet()(picture[..., ::-1] - mean), name="classes")


def draw(model: keras.Model, index: int) -> np.ndarray:
    """One class."""
    result = am.visualize(
        model,
        losses.LogOdds(-1, index),
        parametrization=parametrizations.RingSpectrum(),
        transforms=[
            transforms.Scale(0.5, 1.35),
            transforms.Rotate(15),
            transforms.Jitter(0.107),
            transforms.Contrast(0.5),
            transforms.Brightness(0.1),
            transforms.Noise(0.3, 0.03),
        ],
        optimizer=optimizers.Adam(0.1),
        max_iter=256,
        seed=0,
    )
    return np.clip(np.rint(result.image), 0, 255).astype(np.uint8)


def main() -> None:
    """Draw all, in two rows, and say how sure the network is of each file's picture."""
    model, pictures = network(), []
    for name, index in CLASSES.items():
        pictures.append(draw(model, index))
        logits = keras.ops.convert_to_numpy(model(pictures[-1][None].astype(np.float32)))[0]
        share = np.exp(logits - logits.max())
        print(f"{name}: {share[index] / share.sum():.3f}")
    rows = [np.concatenate(pictures[at : at + 4], axis=1) for at in (0, 4)]
    Image.fromarray(np.concatenate(rows)).save(sys.argv[1], quality=90)


if __name__ == "__main__":
    main()
