"""What is measured of a picture: its saved file is fed back, and set beside photographs.

Softmax is added after the fact. Numbers of the spectrum and the colours are those of the picture at the size at which
the network sees it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from actmax_widget.network.dataset import to_bytes
from actmax_widget.scoring.changes import as_jpeg, shifted
from actmax_widget.scoring.look import GREY, SATURATED, distance, log_covariance, slope_of, spectrum
from benchmarks.gallery import photographs
from benchmarks.gallery.subjects import Subject, subject

SHIFTS = ((8, 8), (-8, -8), (8, -8), (-8, 8), (4, 0), (-4, 0), (0, 4), (0, -4))
"""Pixels down and to the right; what comes in at the edge is reflected."""


def save(picture: np.ndarray, path: Path) -> bool:
    """Save (H, W, C) of 0 to 255 as a file of 8 bits; numbers that are none become 0. Tells whether there were such."""
    broken = not np.isfinite(picture).all()
    values = to_bytes(picture, (0, 255))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values).save(path)
    return broken


def score(path: Path, own: Subject, index: int) -> dict[str, Any]:
    """Score a saved picture.

    Args:
        path: of an 8-bit file, of any size.
        own: the network it was made for; its judge is asked, too.
        index: the class.

    Returns:
        ``own_p``, ``own_rank`` (1 is the highest), the same of ``shift_`` (mean probability and worst rank over
        :data:`SHIFTS`) and ``jpeg_``; ``judge_rank``, ``judge_log_p``; and what :func:`look` gives.
    """
    file = Image.open(path).convert("RGB")
    picture = own.fitted(file)
    shown = [picture, own.fitted(through_jpeg(file)), *(shifted(picture, by) for by in SHIFTS)]
    log_p = log_softmax(own.logits(np.stack(shown)))
    p, rank = np.exp(log_p[:, index]), ranks(log_p, index)
    judge = subject(own.judge)
    opinion = log_softmax(judge.logits(judge.fitted(file)[None]))
    return {
        "own_p": float(p[0]),
        "own_rank": int(rank[0]),
        "shift_p": float(p[2:].mean()),
        "shift_rank": int(rank[2:].max()),
        "jpeg_p": float(p[1]),
        "jpeg_rank": int(rank[1]),
        "judge_rank": int(ranks(opinion, index)[0]),
        "judge_log_p": float(opinion[0, index]),
        **look(picture),
    }


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities of (n, classes) logits."""
    logits = logits.astype(np.float64)
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def ranks(logits: np.ndarray, index: int) -> np.ndarray:
    """The place of a class in each row, from 1."""
    return 1 + (logits > logits[:, index, None]).sum(axis=1)


def through_jpeg(picture: Image.Image) -> Image.Image:
    """The same picture, through a JPEG file."""
    return Image.fromarray(as_jpeg(np.asarray(picture)))


# --- beside photographs ----------------------------------------------------------------------------------------------


def look(picture: np.ndarray) -> dict[str, Any]:
    """How far a picture, (side, side, 3) of 0 to 255, is from photographs.

    Returns:
        ``slope`` of its log power over log frequency, and ``slope_off``, less that of photographs; ``spectrum``, RMS
        over rings of the difference of log10 power; both once more ``_with_edges``, without a window; ``colour``,
        distance of the logarithms of the colours' covariance (Frobenius; Arsigny et al., 2006); ``sd`` of all its
        values; ``grey`` and ``saturated``.
    """
    side = len(picture)
    rings, colours = _photographs(side), _colours_of_photographs(side)
    own, edges = spectrum(picture), spectrum(picture, windowed=False)
    return {
        "slope": slope_of(own, side),
        "slope_off": slope_of(own, side) - slope_of(rings, side),
        "spectrum": distance(own, rings),
        "slope_off_with_edges": slope_of(edges, side) - slope_of(_photographs(side, windowed=False), side),
        "spectrum_with_edges": distance(edges, _photographs(side, windowed=False)),
        "colour": float(np.linalg.norm(log_covariance(picture) - colours)),
        "sd": float(picture.std()),
        "grey": bool(picture.std() < GREY),
        "saturated": bool(np.mean((picture <= 0) | (picture >= 255)) > SATURATED),
    }


def of_photographs() -> Iterator[dict[str, Any]]:
    """What :func:`look` gives of photographs themselves, and the ranks of their classes in both networks."""
    networks = [subject(name) for name in ("squeezenet", "efficientnet")]
    pictures = photographs.all_of(networks[0].side)
    shown = {network.name: network.logits(photographs.labelled(network.side)[0]) for network in networks}
    _, classes = photographs.labelled(networks[0].side)
    for number, picture in enumerate(pictures):
        known = int(classes[number]) if number < len(classes) else None
        right = {
            name: None if known is None else int(ranks(logits[number, None], known)[0])
            for name, logits in shown.items()
        }
        yield {"photograph_number": number, "class": known, **right, **look(picture)}


@functools.cache
def _photographs(side: int, *, windowed: bool = True) -> np.ndarray:
    """Mean log power of photographs in each ring."""
    return np.mean([spectrum(picture, windowed=windowed) for picture in photographs.all_of(side)], axis=0)


@functools.cache
def _colours_of_photographs(side: int) -> np.ndarray:
    """Mean logarithm of their colours' covariance."""
    return np.mean([log_covariance(picture) for picture in photographs.all_of(side)], axis=0)
