"""Drawn pictures for the apple counter: fruit on a table, as many apples as wanted."""

from __future__ import annotations

from typing import Any

import numpy as np

from actmax_widget.checks import check_integer, check_seed

__all__ = ["MOST_APPLES", "SIDE", "draw_apples"]

SIDE = 48
"""Height and width of a picture in pixels."""
MOST_APPLES = 9

_ROWS, _COLUMNS = np.mgrid[:SIDE, :SIDE].astype(np.float32)
_TABLES = np.array([[214, 206, 190], [176, 190, 205], [150, 118, 86], [92, 104, 122], [232, 232, 228], [190, 172, 140]])
_DARK_RED, _BRIGHT_RED, _YELLOW = np.array([160, 20, 36]), np.array([228, 56, 44]), np.array([236, 204, 60])
_LEAF, _STEM = np.array([56, 132, 48]), np.array([84, 56, 32])


def draw_apples(n: int, seed: int = 0) -> np.ndarray:
    """Draw n apples on a table, with a banana or a few leaves lying about in some pictures.

    Args:
        n: how many apples, 0 to 9. They are dark to bright red and hardly overlap.
        seed: the same seed and n draw the same picture.

    Returns:
        The picture, (48, 48, 3) uint8, RGB.

    Raises:
        ValueError, TypeError: for a bad number or seed.

    Example:
        >>> picture = draw_apples(3, seed=0)
        >>> picture.shape
        (48, 48, 3)
    """
    n = check_integer("n", n, least=0, most=MOST_APPLES, advice="There is no room for more apples.")
    rng = np.random.default_rng(check_seed(seed))
    picture = _table(rng)
    radii = rng.uniform(3.9, 5.4) * rng.uniform(0.88, 1.12, n)
    # What is no apple is drawn first, so that it never hides one.
    for _ in range(rng.choice([0, 0, 1, 2])):
        _banana(picture, rng)
    for _ in range(rng.choice([0, 0, 1, 3])):
        _leaf(picture, rng.uniform(3, SIDE - 3, 2), rng.uniform(2.0, 3.6), rng.uniform(0, np.pi), rng)
    for place, radius in zip(_places(radii, rng), radii, strict=True):
        _apple(picture, place, radius, rng)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _table(rng: Any) -> np.ndarray:
    """Give a table top, or in one picture of three a cloth of any colour, lit from a side, with a little grain."""
    cloth = rng.uniform([30, 40, 40], [170, 230, 230])  # not as red as an apple
    colour = cloth if rng.random() < 1 / 3 else rng.choice(_TABLES) + rng.normal(0, 7, 3)
    slope = rng.uniform(-25, 25, 2) / SIDE
    light = slope[0] * (_ROWS - SIDE / 2) + slope[1] * (_COLUMNS - SIDE / 2)
    grain = rng.normal(0, rng.uniform(0, 5), (SIDE, SIDE))
    return colour + (light + grain)[..., None]


def _places(radii: np.ndarray, rng: Any) -> np.ndarray:
    """Find places for apples, (n, 2): the roomiest of many random ones, one apple after the other."""
    places = np.empty((0, 2))
    for i, radius in enumerate(radii):
        tries = rng.uniform(radius + 1, SIDE - 2 - radius, (200, 2))
        gaps = np.linalg.norm(tries[:, None] - places[None], axis=-1) - radii[:i] - radius
        room = gaps.min(axis=1, initial=np.inf)
        fits = np.flatnonzero(room > 1)
        places = np.vstack([places, tries[fits[0] if len(fits) else room.argmax()]])
    return places


def _apple(picture: np.ndarray, place: np.ndarray, radius: float, rng: Any) -> None:
    """Draw an apple: a ball with a dent on top, a shine, a stem and often a leaf."""
    down, right = (_ROWS - place[0]) / radius, (_COLUMNS - place[1]) / radius
    distance = np.hypot(down, right)
    dent = 0.28 * np.exp(-((right / 0.35) ** 2)) * (down < 0)
    skin = _DARK_RED + rng.random() * (_BRIGHT_RED - _DARK_RED) + rng.normal(0, 8, 3)
    shade = 1.08 - 0.42 * np.hypot(down + 0.35, right + 0.35) ** 2 / 2
    shine = 110 * np.exp(-((down + 0.35) ** 2 + (right + 0.38) ** 2) / 0.06)
    _paint(picture, skin * shade[..., None] + shine[..., None], radius * (1 - distance - dent))
    top = place - [0.75 * radius, 0]
    tip = top + radius * np.array([-0.6, rng.uniform(-0.3, 0.3)])
    _paint(picture, _STEM, 0.9 - _distance_to(top, tip))
    if rng.random() < 0.6:
        side = rng.choice([-1, 1])
        _leaf(picture, tip + radius * np.array([0.15, 0.45 * side]), 0.42 * radius, side * 0.5, rng)


def _leaf(picture: np.ndarray, place: np.ndarray, length: float, angle: float, rng: Any) -> None:
    """Draw a leaf: an ellipse, half as wide as long."""
    down, right = _ROWS - place[0], _COLUMNS - place[1]
    along = np.cos(angle) * right - np.sin(angle) * down
    across = np.sin(angle) * right + np.cos(angle) * down
    _paint(picture, _LEAF + rng.normal(0, 10, 3), length * (1 - np.hypot(along / length, 2 * across / length)))


def _banana(picture: np.ndarray, rng: Any) -> None:
    """Draw a banana: a piece of a ring."""
    bend, angle = rng.uniform(8, 12), rng.uniform(0, 2 * np.pi)
    centre = rng.uniform(8, SIDE - 8, 2) - bend * np.array([np.sin(angle), np.cos(angle)])
    down, right = _ROWS - centre[0], _COLUMNS - centre[1]
    turn = (np.arctan2(down, right) - angle + np.pi) % (2 * np.pi) - np.pi
    width = 3.6 * np.sqrt(np.clip(1 - (turn / 0.8) ** 2, 0, None)) - 1  # so the rest of the ring is left out
    shade = 1 - 0.08 * (np.hypot(down, right) - bend)
    _paint(picture, (_YELLOW + rng.normal(0, 10, 3)) * shade[..., None], width - np.abs(np.hypot(down, right) - bend))


def _distance_to(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Give each pixel's distance to a line between two points, in pixels."""
    line = end - start
    down, right = _ROWS - start[0], _COLUMNS - start[1]
    share = np.clip((down * line[0] + right * line[1]) / (line @ line), 0, 1)
    return np.hypot(down - share * line[0], right - share * line[1])


def _paint(picture: np.ndarray, colour: np.ndarray, depth: np.ndarray) -> None:
    """Lay a colour where ``depth``, the distance inside the edge in pixels, is positive; edges are soft, one pixel."""
    cover = np.clip(depth + 0.5, 0, 1)[..., None]
    picture += cover * (np.clip(colour, 0, 255) - picture)
