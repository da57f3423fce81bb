"""All that travels between an atlas and its page, declared as in :mod:`actmax_widget.view.messages`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from actmax_widget.checks import check_integer
from actmax_widget.view.messages import told

TILES_AT_ONCE = 64
"""Small pictures in an answer at the most: whoever scrolls on does not wait for more."""
Sort = Literal["filter", "activation", "score"]
Numbers = Literal["i4", "u4", "f4", "f8", "u1"]
"""Of a column: little endian, as NumPy calls them."""
COLUMNS: dict[str, Numbers] = {
    "filter": "i4",
    "seed": "f8",
    "activation": "f4",
    "total": "f4",
    "probability": "f4",
    "strong": "u1",
    "sturdy": "u1",
    "natural": "u1",
    "layer": "u4",
    "checkpoint": "u4",
    "label": "u4",
    "settings": "u4",
    "error": "u4",
}
"""Of which pictures are sorted and searched; the last five are places in lists of texts."""
TEXTS = ("layer", "checkpoint", "label", "settings", "error")
VERDICTS = (None, "grey", "amber", "green")
"""Of the score card, by the number that stands for them: the larger the better."""


@dataclass(frozen=True, kw_only=True)
class AtlasFacts:
    """What the sheet of an atlas sees: read-only traits."""

    title: str = told("What the store is called.", "")
    count: int = told("Pictures that there are.", 0)
    expected: int = told("Pictures that there will be.", 0)
    error: str = told("Why the store cannot be looked at; empty if it can.", "")
    opening: list[int] = told("Pictures from which a run is being made; none while nothing is.", ())
    beneath: list[int] = told("Pictures from which what stands beneath goes on: none, one, or two compared.", ())
    refused: str = told("Why a run could not go on; empty if it could.", "")
    picture: bytes = told("The first pictures as a PNG, for saved notebooks.", b"")


@dataclass(frozen=True, kw_only=True)
class AtlasSettings:
    """What the page and Python both set: traits."""

    sort: Sort = told("By which pictures stand in their groups.", "filter")
    grouped: bool = told("Each layer by itself.", True)
    search: str = told("Words that label, layer, filter, checkpoint or error must have.", "")
    layer: str = told("The layer that is shown; empty: all.", "")
    checkpoint: str = told("The checkpoint that is shown; empty: all.", "")
    failures: bool = told("Only what failed.", False)
    selected: int | None = told("The picture that is open; None: none.", None)


# --- messages to the page -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class AtlasRowsMessage:
    """Rows of pictures. Buffers: a column each, in the order of ``COLUMNS``; what is not known is no number."""

    type: Literal["atlas_rows"] = "atlas_rows"
    first: int = told("Index of the first picture.")
    count: int = told("How many.")
    texts: dict[str, list[str]] = told("Of each column of texts those that are new.")
    texts_first: dict[str, int] = told("Of each column of texts the number of the first that is new.")


@dataclass(frozen=True, kw_only=True)
class AtlasTilesMessage:
    """The answer to `ask_tiles`. The buffer holds the files of small pictures, one after the other."""

    type: Literal["atlas_tiles"] = "atlas_tiles"
    seq: int = told("Of the question.")
    indices: list[int] = told("Of which pictures.")
    sizes: list[int] = told("Bytes of each file; 0 where there is none.")
    errors: list[str] = told("Why there is none; empty where there is one.")


@dataclass(frozen=True, kw_only=True)
class AtlasScore:
    """A row of the score card."""

    name: Literal["strong", "sturdy", "natural"] = told("Of what.")
    verdict: Literal["green", "amber", "grey"] = told("The word.")
    words: str = told("Its numbers.")


@dataclass(frozen=True, kw_only=True)
class AtlasPictureMessage:
    """The answer to `ask_atlas_picture`. Buffers: the picture's file, total and activation by iteration, float32."""

    type: Literal["atlas_picture"] = "atlas_picture"
    index: int = told("Of which picture.")
    steps: int = told("Iterations made.")
    losses: dict[str, float] = told("At the end, by their names.")
    score: list[AtlasScore] = told("The score card, if it was kept.")
    notes: list[str] = told("What was noticed.")
    error: str = told("Why it failed, or cannot be read; empty if neither.")


# --- commands from the page -----------------------------------------------------------------------------------------


def _count(name: str, value: Any) -> int:
    return check_integer(name, value, least=0)


def _indices(_: str, value: Any) -> tuple[int, ...]:
    """What is no list of indices is as if there were none."""
    known = value if isinstance(value, list) else []
    return tuple(one for one in known[:TILES_AT_ONCE] if isinstance(one, int) and one >= 0)


@dataclass(frozen=True, kw_only=True)
class AtlasHello:
    """A page is there (again), or looks whether there is more: it gets the rows that it lacks."""

    type: Literal["atlas_hello"] = "atlas_hello"
    rows: int = told("Rows that it has.", 0, take=_count)


@dataclass(frozen=True, kw_only=True)
class AskTiles:
    """Send small pictures. Of questions that wait only the newest two are answered."""

    type: Literal["ask_tiles"] = "ask_tiles"
    seq: int = told("Number of the question.", None, take=_count)
    indices: list[int] = told("Of which, at most 64.", (), take=_indices)


@dataclass(frozen=True, kw_only=True)
class AskAtlasPicture:
    """Send a picture as it is, with all that is known of it. Only the newest few questions are answered."""

    type: Literal["ask_atlas_picture"] = "ask_atlas_picture"
    index: int = told("Of which.", None, take=_count)


@dataclass(frozen=True, kw_only=True)
class GoOn:
    """Make a widget that goes on from a picture, beneath; why it cannot is told by `refused`."""

    type: Literal["go_on"] = "go_on"
    index: int = told("From which.", None, take=_count)


@dataclass(frozen=True, kw_only=True)
class CompareTwo:
    """The same of two, compared."""

    type: Literal["compare_two"] = "compare_two"
    one: int = told("From which.", None, take=_count)
    other: int = told("And from which.", None, take=_count)


@dataclass(frozen=True, kw_only=True)
class CloseBeneath:
    """Take away what stands beneath."""

    type: Literal["close_beneath"] = "close_beneath"


ATLAS_MESSAGES = (AtlasRowsMessage, AtlasTilesMessage, AtlasPictureMessage)
ATLAS_COMMANDS = (AtlasHello, AskTiles, AskAtlasPicture, GoOn, CompareTwo, CloseBeneath)
