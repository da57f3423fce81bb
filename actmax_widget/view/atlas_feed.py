"""What an atlas sends of a store: light columns once, pictures small and large when asked. No thread, no widget."""

from __future__ import annotations

import contextlib
import io
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from PIL import Image

from actmax_widget.checks import in_words
from actmax_widget.export.card import marked
from actmax_widget.reason import reason
from actmax_widget.scoring.score import figure
from actmax_widget.view.atlas_messages import (
    COLUMNS,
    TEXTS,
    VERDICTS,
    AtlasPictureMessage,
    AtlasRowsMessage,
    AtlasScore,
    AtlasTilesMessage,
)
from actmax_widget.view.messages import content

Answer = tuple[dict[str, Any], list[bytes]]
"""A message and its buffers."""
SIDE = 128
"""Pixels of a small picture's longer side at the most; what is smaller stays as it is."""
KEPT_BYTES = 8 * 2**20
"""Of small pictures that are kept: a thousand, of which a page has most, too."""
CONTACTS, CONTACT_SIDE, GAP, ACROSS = 100, 56, 4, 15
"""Pictures of a saved notebook, their side, what is between them, and how many stand in a row."""
NOTHING = (0, 0, 0, 0)
"""What is between them: the page's own ground."""
CARD: dict[str, tuple[str, ...]] = {
    "strong": (
        "activation {activation}",
        "probability {probability:.1%}",
        "rank {rank} of {of}",
        "above {percentile:.0f} % of the real pictures",
        "{ratio:.2g} times the strongest of them",
    ),
    "sturdy": (
        "{kept:.0%} of its answer is kept",
        "shifted {shift:.0%}",
        "turned {turn:.0%}",
        "smaller {zoom:.0%}",
        "as JPEG {jpeg:.0%}",
        "with noise {noise:.0%}",
        "another network has it at rank {judge_rank}, with probability {judge_probability:.1%}",
    ),
    "natural": (
        "frequencies {spectrum:.2g} from those of real pictures (usual: up to {usual_spectrum:.2g})",
        "colours {colour:.2g} (usual: up to {usual_colour:.2g})",
        "{saturated:.0%} saturated",
    ),
}
"""The score card in words: of each phrase the numbers by the names of its fields."""


class Store(Protocol):
    """What an atlas is of: :class:`actmax_widget.sweeps.Sweep` is one."""

    folder: Any
    jobs: Any

    def __len__(self) -> int:
        """Pictures that there are."""

    @property
    def index(self) -> Mapping[str, list[Any]]:
        """Light columns of all of them."""

    @property
    def missing(self) -> Sequence[Any]:
        """Jobs that are still to be made."""

    def refresh(self) -> int:
        """Look for more."""

    def read(self, which: Iterable[int], columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Rows with heavy columns."""

    def live(self, index: int, *, anew: bool = False) -> Any:
        """A widget that goes on from a picture, or from the noise that it was made of."""


class Columns:
    """The light columns of a store, each text once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._codes: dict[str, dict[str, int]] = {name: {} for name in TEXTS}
        self._columns: dict[str, np.ndarray] = {name: np.empty(0, kind) for name, kind in COLUMNS.items()}

    def __len__(self) -> int:
        return len(self._columns["filter"])

    def take(self) -> None:
        """Take what came to the store since."""
        index, first = self._store.index, len(self)
        end = min((len(index.get(name, ())) for name in COLUMNS), default=0)
        for name, kind in COLUMNS.items() if end > first else ():
            new = np.asarray([self._number(name, one) for one in index[name][first:end]], kind)
            self._columns[name] = np.concatenate([self._columns[name], new])

    def _number(self, name: str, value: Any) -> float:
        if name in self._codes:
            codes = self._codes[name]
            return codes.setdefault(value or "", len(codes))
        if COLUMNS[name] == "u1":
            return VERDICTS.index(value) if value in VERDICTS else 0
        return np.nan if value is None else value

    def message(self, first: int) -> Answer:
        """All rows from one on."""
        known = {name: int(self._columns[name][:first].max(initial=0)) + 1 if first else 0 for name in TEXTS}
        message = AtlasRowsMessage(
            first=first,
            count=len(self) - first,
            texts={name: list(codes)[known[name] :] for name, codes in self._codes.items()},
            texts_first=known,
        )
        little = [self._columns[name][first:].astype(f"<{kind}") for name, kind in COLUMNS.items()]
        return content(message), [one.tobytes() for one in little]


class Pictures:
    """Small pictures and large ones of a store; small ones that were made are kept, as many as there is room for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._bytes = 0

    @property
    def kept(self) -> int:
        """Bytes of small pictures that are kept."""
        return self._bytes

    def tiles(self, seq: int, indices: Sequence[int]) -> Answer:
        """The answer to a question for small pictures."""
        found = {index: self._kept[index] for index in indices if index in self._kept}
        wanted = sorted({index for index in indices if index not in found})
        errors = {}
        for index, row in self._read(wanted, ["image", "error"]):
            if isinstance(row, str):
                errors[index] = row
            elif row["image"] is None:
                errors[index] = row["error"] or "It has no picture."
            else:
                self._made(index, row["image"], found, errors)
        files = [found.get(index, b"") for index in indices]
        for index, file in found.items():
            self._keep(index, file)
        message = AtlasTilesMessage(
            seq=seq,
            indices=list(indices),
            sizes=[len(one) for one in files],
            errors=[errors.get(index, "") for index in indices],
        )
        return content(message), [b"".join(files)]

    @staticmethod
    def _made(index: int, file: bytes, found: dict[int, bytes], errors: dict[int, str]) -> None:
        try:
            found[index] = thumbnail(file)
        except Exception as error:  # noqa: BLE001 - whatever Pillow raises for a damaged file
            errors[index] = f"Its picture is damaged: {reason(error)}"

    def picture(self, index: int) -> Answer:
        """The answer to a question for a picture."""
        ((_, row),) = self._read([index], None)
        if isinstance(row, str):
            nothing: dict[str, Any] = {"losses": {}, "score": [], "notes": []}
            return content(AtlasPictureMessage(index=index, steps=0, error=row, **nothing)), [b"", b"", b""]
        message = AtlasPictureMessage(
            index=index,
            steps=row["steps"] or 0,
            losses={name: value for name, value in row["losses"] or () if value is not None},
            score=[_score_of(name, row) for name in CARD if row.get(name)],
            notes=[one for one in row["notes"] or () if one != row["error"]],
            error=row["error"] or "",
        )
        curves = [np.asarray(row.get(name) or (), "<f4").tobytes() for name in ("history", "activations")]
        return content(message), [row["image"] or b"", *curves]

    def contacts(self) -> bytes:
        """The first pictures side by side, for notebooks without a kernel; empty where there are none."""
        small = []
        for _, row in self._read(range(min(CONTACTS, len(self._store))), ["image"]):
            if not isinstance(row, str) and row["image"] is not None:
                with Image.open(io.BytesIO(row["image"])) as picture:
                    small.append(_contact(picture))
        if not small:
            return b""
        across, place = min(ACROSS, len(small)), CONTACT_SIDE + GAP
        sheet = Image.new("RGBA", (across * place - GAP, -(-len(small) // across) * place - GAP), NOTHING)
        for number, one in enumerate(small):
            sheet.paste(one, (number % across * place, number // across * place))
        # Of 256 colours: a third of the bytes, which a notebook holds twice.
        return marked(sheet.quantize(256, Image.Quantize.FASTOCTREE))

    def _read(self, indices: Sequence[int], columns: list[str] | None) -> Iterator[tuple[int, Any]]:
        """Each row, or a sentence why it cannot be read: of a damaged part the others know nothing."""
        left = list(indices)
        while left:
            try:
                for row in self._store.read(tuple(left), columns):
                    yield left.pop(0), row
            except Exception as error:  # noqa: BLE001 - whatever a file that is gone, or damaged, raises
                yield left.pop(0), unread(error)

    def _keep(self, index: int, file: bytes) -> None:
        self._bytes += len(file) - len(self._kept.pop(index, b""))
        self._kept[index] = file
        while self._bytes > KEPT_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest)


def thumbnail(file: bytes) -> bytes:
    """A picture's file, made small where it is large."""
    with Image.open(io.BytesIO(file)) as picture:
        if max(picture.size) <= SIDE:
            picture.verify()
            return file
        picture.draft(None, (SIDE, SIDE))
        small = picture.convert("L" if picture.mode in {"1", "L", "I;16"} else "RGB")
        small.thumbnail((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=None)
    made = io.BytesIO()
    small.save(made, "jpeg", quality=88, subsampling=0)
    return made.getvalue()


def unread(error: Exception) -> str:
    """Why a picture cannot be read."""
    if isinstance(error, FileNotFoundError):
        return "Its part of the store is gone. Call am.sweep again: it makes what is not there."
    if isinstance(error, OSError) or type(error).__name__.startswith("Arrow"):
        return f"Its part of the store is damaged: {reason(error)} Delete it and call am.sweep again."
    return in_words(error) if isinstance(error, ValueError | TypeError) else reason(error)


def _score_of(name: Any, row: Mapping[str, Any]) -> Any:
    known = {key.removeprefix(f"{name}_"): value for key, value in row.items() if value is not None}
    if "activation" in known:
        known["activation"] = figure(known["activation"])
    phrases = []
    for phrase in CARD[name]:
        with contextlib.suppress(KeyError):  # a number that there is not, as without real pictures
            phrases.append(phrase.format_map(known))
    return content(AtlasScore(name=name, verdict=row[name], words=", ".join(phrases)))


def _contact(picture: Image.Image) -> Image.Image:
    """Within a square, in whole pixels where it is small."""
    rgb, method = picture.convert("RGBA"), Image.Resampling.NEAREST
    factor = CONTACT_SIDE // max(rgb.size)
    size = rgb.width * factor, rgb.height * factor
    if not factor:
        share, method = CONTACT_SIDE / max(rgb.size), Image.Resampling.BOX
        size = max(1, round(rgb.width * share)), max(1, round(rgb.height * share))
    square = Image.new("RGBA", (CONTACT_SIDE, CONTACT_SIDE), NOTHING)
    square.paste(rgb.resize(size, method), ((CONTACT_SIDE - size[0]) // 2, (CONTACT_SIDE - size[1]) // 2))
    return square
