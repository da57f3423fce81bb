"""How far a picture is from photographs, by its pixels alone: its frequencies and its colours.

What photographs are like was measured on 27 of them (2026: 20 of ImageNet's classes in foolbox 3.3.4, and those that
scikit-image, scikit-learn and Matplotlib bring along), brought to 227 pixels.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

RINGS = 16
"""Of the plane of frequencies, logarithmic from a wave a side to half a wave a pixel; sides below 100 lack some."""
GREY = 4.0
"""A standard deviation, of 255, below which nobody sees anything."""
SATURATED = 0.5
"""A share of values at 0 or 255 from which a picture counts as saturated, if real ones like it are not."""
LEAST_SIDE = 96
"""Pixels: smaller pictures are none that photographs can be compared with."""
ENOUGH = 8
"""References from which their own statistics are taken in the place of photographs'."""
PHOTOGRAPHS = 27

FREQUENCY = np.array(
    [
        *(-2.356, -2.206, -2.022, -1.873, -1.759, -1.641, -1.517, -1.387),
        *(-1.257, -1.127, -0.999, -0.872, -0.743, -0.614, -0.486, -0.357),
    ]
)
"""Log10 frequencies, in waves a pixel, at which their mean log10 power is known."""
POWER = np.array(
    (6.722, 6.547, 6.247, 5.920, 5.517, 5.235, 5.028, 4.729, 4.445, 4.123, 3.784, 3.486, 3.140, 2.782, 2.385, 1.914)
)
"""That, of all channels."""
COLOURS = np.array(((6.471, 1.705, 0.711), (1.705, 5.504, 1.770), (0.711, 1.770, 6.325)))
"""Mean matrix logarithm of the covariance of red, green and blue."""
USUAL_SPECTRUM, USUAL_COLOURS = 0.47, 3.94
"""Nine of ten photographs are no farther from the mean of all."""


class Standard(NamedTuple):
    """What pictures are compared with.

    Attributes:
        rings: mean log10 power in each ring of a side's, (RINGS,); NaN where a side has none.
        colours: mean logarithm of the colours' covariance; None for grey pictures.
        usual_spectrum: what nine of ten of them are within.
        usual_colours: the same.
        number: how many.
        given: whether they are a person's own, and not the built-in photographs.
        usual_saturated: at most this share of values is at either end of the range: of nine of ten of them, or half.
    """

    rings: np.ndarray
    colours: np.ndarray | None
    usual_spectrum: float
    usual_colours: float
    number: int
    given: bool
    usual_saturated: float = SATURATED


class Look(NamedTuple):
    """How far a picture is from a standard.

    Attributes:
        slope: of its log power over log frequency; photographs have about -2.4.
        spectrum: RMS over rings of the difference of log10 power.
        colour: distance of the logarithms of the colours' covariance (Frobenius); None for grey pictures.
        saturated: share of values at either end of the range.
        deviation: standard deviation of all values, of 255.
    """

    slope: float
    spectrum: float
    colour: float | None
    saturated: float
    deviation: float


def look(pixels: np.ndarray, standard: Standard) -> Look:
    """How far a picture, (height, width, channels) of 0 to 255, is from a standard of pictures of its size.

    Source: spectra as in Field, *Relations between the statistics of natural images and the response properties of
    cortical cells*, 1987; the distance of covariances as in Arsigny et al., *Log-Euclidean metrics*, 2006.
    """
    square = middle(pixels)
    rings = spectrum(square)
    colour = None if standard.colours is None else distance_of_colours(log_covariance(pixels), standard.colours)
    ends = share_at_ends(pixels)
    slope = slope_of(rings, len(square))
    return Look(slope, distance(rings, standard.rings), colour, ends, float(pixels.std()))


def photographs(side: int, channels: int) -> Standard | None:
    """The standard of photographs for pictures of a side; None for smaller ones."""
    if side < LEAST_SIDE or channels not in {1, 3}:
        return None
    known = np.isfinite(_rings(side)[2])
    power = np.full(RINGS, np.nan)
    power[known] = np.interp(_rings(side)[2][known], FREQUENCY, POWER)
    return Standard(power, COLOURS if channels == 3 else None, USUAL_SPECTRUM, USUAL_COLOURS, PHOTOGRAPHS, False)


def standard_of(pictures: np.ndarray) -> Standard | None:
    """The standard of a person's own pictures, (n, height, width, channels) of 0 to 255; None if there are too few."""
    if len(pictures) < ENOUGH or min(pictures.shape[1:3]) < ENOUGH or pictures.shape[-1] not in {1, 3}:
        return None
    rings = np.stack([spectrum(middle(one)) for one in pictures])
    mean = rings.mean(0)
    usual = float(np.quantile([distance(one, mean) for one in rings], 0.9))
    # A drawing in ink, a digit, is at the ends of the range nearly everywhere.
    ends = max(SATURATED, float(np.quantile([share_at_ends(one) for one in pictures], 0.9)))
    if pictures.shape[-1] == 1:
        return Standard(mean, None, usual, 0.0, len(pictures), True, ends)
    colours = np.stack([log_covariance(one) for one in pictures])
    apart = [distance_of_colours(one, colours.mean(0)) for one in colours]
    return Standard(mean, colours.mean(0), usual, float(np.quantile(apart, 0.9)), len(pictures), True, ends)


def share_at_ends(pixels: np.ndarray) -> float:
    """The share of values that are 0 or 255."""
    return float(np.mean((pixels <= 0) | (pixels >= 255)))


def middle(picture: np.ndarray) -> np.ndarray:
    """The middle square of a picture."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]


def distance(rings: np.ndarray, others: np.ndarray) -> float:
    """RMS over the rings that there are."""
    return float(np.sqrt(np.nanmean((rings - others) ** 2)))


def distance_of_colours(one: np.ndarray, other: np.ndarray) -> float:
    """Between two logarithms of covariances."""
    return float(np.linalg.norm(one - other))


def spectrum(picture: np.ndarray, *, windowed: bool = True) -> np.ndarray:
    """Log10 of the mean power in each ring, (RINGS,), of all channels of a square picture of 0 to 255.

    A window (Hann) keeps the picture's edges out of it: sides that do not meet look like sharp lines to a transform.
    It also gives the middle more weight than the rest. Rings without a frequency are NaN.
    """
    side = len(picture)
    window = np.outer(np.hanning(side), np.hanning(side)) if windowed else np.ones((side, side))
    window /= np.sqrt(np.mean(window**2))
    values = (picture - picture.mean(axis=(0, 1))) * window[..., None]
    power = np.mean(np.abs(np.fft.fft2(values, axes=(0, 1))) ** 2, axis=-1) / side**2
    ring, counts, _ = _rings(side)
    sums = np.bincount(ring, power.ravel(), minlength=RINGS + 2)[1:-1]
    means = np.divide(sums, counts, out=np.full(RINGS, np.nan), where=counts > 0)
    # A picture of one grey has no power at all: what rounding to 8 bits adds, 1/12, stands for it.
    return np.log10(means + 1 / 12)


def slope_of(rings: np.ndarray, side: int) -> float:
    """Of the log10 power of a picture's rings over their log10 frequency; photographs have about -2.4."""
    known = np.isfinite(rings)
    return float(np.polyfit(_rings(side)[2][known], rings[known], 1)[0]) if known.sum() > 1 else float("nan")


def log_covariance(picture: np.ndarray) -> np.ndarray:
    """Matrix logarithm of the covariance of red, green and blue, (3, 3)."""
    values, vectors = np.linalg.eigh(np.cov(picture.reshape(-1, 3).T))
    found: np.ndarray = (vectors * np.log(np.maximum(values, 1 / 12))) @ vectors.T
    return found


@functools.cache
def _rings(side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ring of each frequency, from 1, where 0 and RINGS + 1 are outside; how many each has; its log10 frequency."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side))).ravel()
    ring = np.digitize(frequency, np.geomspace(1 / side * 0.999, 0.5, RINGS + 1))
    counts = np.bincount(ring, minlength=RINGS + 2)[1:-1]
    sums = np.bincount(ring, frequency, minlength=RINGS + 2)[1:-1]
    logs = np.full(RINGS, np.nan)
    logs[counts > 0] = np.log10(sums[counts > 0] / counts[counts > 0])
    return ring, counts, logs
