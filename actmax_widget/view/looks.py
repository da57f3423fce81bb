"""What is asked for once, beside the run: weights, a picture's answer, the map, lines that were left, a file.

Computed by the thread that sends, as a layer's answer takes as long as some steps, and may wait for what is compiled.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from actmax_widget import preprocessing
from actmax_widget.checks import in_words, invalid
from actmax_widget.export import saving, sheet
from actmax_widget.live.run import Run
from actmax_widget.network import MapNode, Target, flow_of, is_known, response_of, weights_of
from actmax_widget.pictures import to_pixels
from actmax_widget.reason import reason
from actmax_widget.view.messages import (
    AskResponse,
    AskWeights,
    FileMessage,
    LineCurves,
    LinesMessage,
    MapMessage,
    ResponseMessage,
    TakeAway,
    WeightsMessage,
    content,
)

MOST = 64
"""Filters whose weights are shown."""
MOST_ROWS = 1000
"""Rows of a line that are sent at the most: more than its curve has pixels."""

KINDS: dict[str, Any] = {
    "run": saving.KINDS,
    "tiles": sheet.KINDS,
    "pins": {".html": lambda page, _: page.encode()},
}
"""What makes each kind of file, by what it is of."""

Answer = tuple[dict[str, Any], list[bytes]]
"""A message and its buffers."""


def answer(asked: AskWeights | AskResponse, run: Run) -> Answer:
    """What a person asked for, or a sentence why there is none."""
    layer = run.settings.layer
    try:
        target = run.network.find(layer)
        found = _weights(run, target) if isinstance(asked, AskWeights) else _response(run, target, asked)
    except Exception as error:  # noqa: BLE001 - a layer that somebody wrote may raise anything
        found = (_said(error),)
    if isinstance(asked, AskWeights):
        return _message(WeightsMessage, found, layer=layer, shape=(0, 0, 1), count=0, of=0)
    nothing = {"shape": (0, 0), "picture": (0, 0, 1), "low": 0.0, "high": 0.0, "iteration": run.iteration}
    indices = run.settings.filter_indices
    return _message(ResponseMessage, found, layer=layer, filter_indices=indices, start=asked.start, **nothing)


def lines(run: Run) -> Answer:
    """The total and the activation of the lines that were left, of long ones every so many rows."""
    found, rows = [], []
    for line in run.left_lines:
        history = line.checkpoint.history
        every = max(1, -(-len(history) // MOST_ROWS))
        measured = [name for name in history.measures if name.startswith("activation")]
        activation = history[measured[0]] if measured else np.full(len(history), np.nan, np.float32)
        rows.append(np.stack([history["total"], activation], -1)[::every])
        found.append(LineCurves(name=line.name, made=len(history), every=every, count=len(rows[-1])))
    buffer = np.concatenate([np.empty((0, 2), np.float32), *rows]).astype(np.float32).tobytes()
    return content(LinesMessage(lines=found)) | {"lines": [content(one) for one in found]}, [buffer]


def map_of(run: Run) -> Answer:
    """The layers of the model and what flows between them, or a sentence why there is none."""
    network, sentence, nodes = run.network, "", list[MapNode]()
    try:
        nodes = flow_of(network)
        if not is_known(network):
            sentence = (
                f"{network.model.name} is a subclassed model: what flows from layer to layer is in its code alone. "
                "Its layers stand in the order in which they are called."
            )
    except Exception as error:  # noqa: BLE001 - a layer that somebody wrote may raise anything
        sentence = _said(error)
    return content(MapMessage(nodes=nodes, sentence=sentence)) | {"nodes": [node._asdict() for node in nodes]}, []


def file(asked: TakeAway, result: Any, ui: Any) -> Answer:
    """The file that a person asked for, or a sentence why there is none.

    Args:
        asked: which.
        result: gives what the run, or the tiles, have come to; of the pins their page.
        ui: how the widget is shown.
    """
    kinds = KINDS[asked.of]
    try:
        if f".{asked.kind}" not in kinds:
            raise invalid("kind", f"one of {', '.join(kinds)}", asked.kind, "Choose one from the list.")  # noqa: TRY301
        buffers, sentence = [kinds[f".{asked.kind}"](result(), ui)], ""
    except Exception as error:  # noqa: BLE001 - as above
        buffers, sentence = [], _said(error)
    return content(FileMessage(kind=asked.kind, of=asked.of, sentence=sentence)), buffers


def _said(error: Exception) -> str:
    return in_words(error) if isinstance(error, ValueError | TypeError) else reason(error)


def _message(cls: type, found: tuple[Any, ...], **fields: Any) -> Answer:
    sentence, *rest = found
    own, buffers = rest or ({}, [])
    return content(cls(**{**fields, "sentence": sentence, **own})), buffers


def _weights(run: Run, target: Target) -> tuple[Any, ...]:
    count = min(target.filters, MOST)
    pictures = weights_of(run.network, target, np.arange(count))
    if pictures.ndim != 4 or pictures.shape[-1] not in {1, 3}:
        sides = " × ".join(str(side) for side in pictures.shape[1:])
        what = f"Each filter of {target.name} has weights of {sides}"
        return (f"{what}, which are no picture: those of a layer that looks at the input itself are.",)
    pixels = np.rint((pictures + 1) * 127.5).astype(np.uint8)
    return "", {"shape": pixels.shape[1:], "count": count, "of": target.filters}, [pixels.tobytes()]


def _response(run: Run, target: Target, asked: AskResponse) -> tuple[Any, ...]:
    settings, iteration = run.settings, run.iteration
    picture = settings.seed_input if asked.start else run.network.layout.from_channels_last(run.image[None])
    if picture is None:
        return ("There is no starting picture: choose one under Start from.",)
    indices = np.arange(target.filters) if settings.filter_indices is None else np.array(settings.filter_indices)
    network = run.network.fed_by(preprocessing.get(settings.preprocess))
    response = response_of(network, target, indices, np.asarray(picture, np.float32)).mean(0)
    if response.ndim == 0:
        return (f"{target.name} answers with one number for the whole picture: {float(response):.5g}.",)
    if response.ndim != 2:
        sides = " × ".join(str(side) for side in response.shape)
        return (f"{target.name} answers with {sides} numbers, which are no map of a picture.",)
    low, high = float(response.min()), float(response.max())
    if not np.isfinite([low, high]).all():
        return (f"{target.name} answers with numbers that are not finite.",)
    scaled = (response - low) / ((high - low) or 1.0) * 255
    shown = to_pixels(run.network.layout.as_shown(np.asarray(picture)[0]), settings.input_range)
    own = {"shape": response.shape, "picture": shown.shape, "low": low, "high": high, "iteration": iteration}
    return "", own, [np.rint(scaled).astype(np.uint8).tobytes(), shown.tobytes()]
