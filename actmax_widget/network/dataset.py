"""Real pictures that a person gives beside the made one, read once, and what a layer answers all of them with."""

from __future__ import annotations

import os
import pathlib
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from actmax_widget import reading
from actmax_widget.checks import invalid
from actmax_widget.network import starting
from actmax_widget.network.answers import answering, at_place
from actmax_widget.network.fingerprint import fingerprint
from actmax_widget.network.network import Network
from actmax_widget.network.targets import Target

MOST = 1000
"""Pictures that are looked at; of more a sample."""
MOST_READ = 20 * MOST
"""Pictures that are taken out of a stream, which may have no end, to draw the sample from."""
BYTES = 2**29
"""Of pictures that are held."""
AT_ONCE = 32
"""Pictures in a batch."""
ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
ADVICE = "Pass an array (n, height, width, channels), a folder of pictures, a list, or a tf.data or Keras dataset."


@dataclass(frozen=True, eq=False)
class Pictures:
    """Real pictures as one network takes them.

    Attributes:
        pixels: (n, ..., channels) uint8, channels last: 0 is the low end of the range, 255 the high one.
        names: of each: its file's, or its place in what was given.
        input_range: (low, high) of the network's values.
        notes: what was left out or done to them, sentences.
        classes: of each the number of its class, where it came with one; else None.
    """

    pixels: np.ndarray
    names: tuple[str, ...]
    input_range: tuple[float, float]
    notes: tuple[str, ...] = ()
    classes: tuple[int | None, ...] = ()

    def __len__(self) -> int:
        return len(self.pixels)

    def fed(self, network: Network, start: int, stop: int) -> np.ndarray:
        """Some of them as the network takes them, with batch axis."""
        return network.layout.from_channels_last(from_bytes(self.pixels[start:stop], self.input_range))


class Pass(NamedTuple):
    """What all units of a layer answer all pictures with.

    Attributes:
        means: (n, filters): the mean over the places of the layer's map, or what it is at the one place asked for.
        maxima: (n, filters): the strongest answer anywhere, or the same.
        places: (n, filters, axes of the map) int32: where that is.
    """

    means: np.ndarray
    maxima: np.ndarray
    places: np.ndarray


class References:
    """Real pictures, read at the first use and kept, with what layers answered them, for all uses after it.

    ``references=`` takes whatever this does; one object for several uses has the pictures read once.

    Args:
        source: one of

            - an array (n, height, width, channels), with the network's own values, or of uint8, 0 black and 255 white;
            - the path of a folder, whose picture files are read, those of folders in it too;
            - a list of paths, Pillow images or arrays of one picture each;
            - a ``tf.data`` or Keras dataset, a loader or a generator, of pictures, batches, or pairs of either and
              their labels.

            Pictures of another size are fitted as starting pictures are: cropped to the aspect and resized. Of more
            than 1000 a sample is taken, always the same one; of a stream it is drawn from the first 20,000. What
            cannot be read is left out. :attr:`notes` say all of that.

    Attributes:
        known: what else was found out about them, by what it is of.

    Raises:
        TypeError: something else.
        ValueError: at the first use: no picture at all, or none that can be read, or that fits.

    Example:
        >>> photos = am.References("holidays")
        >>> am.visualize_references(model, "conv4", 5, photos).names[0]
        'beach.jpg'
    """

    def __init__(self, source: Any) -> None:
        if source is None or isinstance(source, bytes | int | float | dict) or not _is_source(source):
            raise invalid("references", "pictures", source, ADVICE, TypeError)
        self._source = source
        self._read: dict[Any, Pictures] = {}
        self._passes: dict[Any, Pass] = {}
        self.known: dict[Any, Any] = {}

    @classmethod
    def of(cls, value: Any) -> References:
        """Those that there are already, or new ones of a source."""
        return value if isinstance(value, cls) else cls(value)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, or done to pictures, when they were read."""
        return next(reversed(self._read.values())).notes if self._read else ()

    def pictures(self, network: Network, input_range: tuple[float, float]) -> Pictures:
        """The pictures as a network takes them.

        Raises:
            ValueError: there are none.
        """
        key = _taken(network, input_range)
        if key not in self._read:
            self._read[key] = _Reader(network, input_range).read(self._source)
            # An iterator gives its pictures once: what came is the source from now on.
            if isinstance(self._source, Iterator):
                self._source = list(self._read[key].pixels)
        return self._read[key]

    def answers(
        self,
        network: Network,
        target: Target,
        input_range: tuple[float, float],
        position: tuple[int, ...] | None = None,
    ) -> tuple[Pass, int]:
        """What a layer answers them with, and how many had to be shown to the network: 0 if it was known.

        Args:
            network: fed as it is in the run.
            target: the layer; all of its units are asked at once.
            input_range: of its values.
            position: a place of its map; None: all of them.
        """
        found = self.pictures(network, input_range)
        key = _asked(network, target, position, found)
        known = self._passes.get(key)
        if known is not None:
            return known, 0
        answer = answering(network, target)
        batches = (found.fed(network, start, start + AT_ONCE) for start in range(0, len(found), AT_ONCE))
        parts = [_summary(answer(batch), position) for batch in batches]
        self._passes[key] = Pass(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        return self._passes[key], len(found)

    def answers_known(
        self,
        network: Network,
        target: Target,
        input_range: tuple[float, float],
        position: tuple[int, ...] | None = None,
    ) -> Pass | None:
        """What :meth:`answers` found before; None if nobody asked. Nothing is read or shown to the network."""
        found = self._read.get(_taken(network, input_range))
        return None if found is None else self._passes.get(_asked(network, target, position, found))

    def sorted_answers(self, network: Network, target: Target, input_range: tuple[float, float]) -> np.ndarray:
        """Each filter's answers sorted over the places of the map, averaged over the pictures: (places, filters)."""
        found, answer = self.pictures(network, input_range), answering(network, target)
        feed = getattr(network.preprocess, "key", None)
        key = "sorted", fingerprint(network), target.name, feed, id(found)
        if key not in self.known:
            total: Any = 0.0
            for start in range(0, len(found), AT_ONCE):
                some = answer(found.fed(network, start, start + AT_ONCE))
                total = total + np.sort(some.reshape(len(some), -1, some.shape[-1]), axis=1).sum(0, dtype=np.float64)
            self.known[key] = (total / len(found)).astype(np.float32)
        kept: np.ndarray = self.known[key]
        return kept

    def __getstate__(self) -> dict[str, Any]:
        """The pictures alone: what a layer answered is asked again."""
        read = next(iter(self._read.values()), None)
        plain = isinstance(self._source, str | os.PathLike | np.ndarray)
        source = self._source if plain or read is None else list(read.pixels)
        return {"_source": source, "_read": {}, "_passes": {}, "known": {}}

    def __deepcopy__(self, _: Any) -> References:
        """Itself: it only grows in what it knows."""
        return self


def picture_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """The files of pictures in a folder and those inside of it, in order."""
    return sorted(one for one in folder.rglob("*") if one.suffix.lower() in ENDINGS and one.is_file())


def to_bytes(values: np.ndarray, input_range: tuple[float, float]) -> np.ndarray:
    """Values in a range as a file of 8 bits keeps them: uint8 of the same shape; what is no number is 0."""
    low, high = input_range
    scaled = (np.nan_to_num(np.asarray(values, np.float32), nan=low) - np.float32(low)) * np.float32(255 / (high - low))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def from_bytes(pixels: np.ndarray, input_range: tuple[float, float]) -> np.ndarray:
    """What comes of it when the file is read: float32."""
    low, high = input_range
    found: np.ndarray = np.float32(low) + pixels.astype(np.float32) * np.float32((high - low) / 255)
    return found


def _taken(network: Network, input_range: tuple[float, float]) -> Any:
    """What pictures look like to a network."""
    return tuple(network.input.shape[1:]), network.layout.channels, tuple(map(float, input_range))


def _asked(network: Network, target: Target, position: tuple[int, ...] | None, pictures: Pictures) -> Any:
    """Whose answers to what."""
    feed = getattr(network.preprocess, "key", None)
    return fingerprint(network), target.name, target.before, position, feed, id(pictures)


def _summary(answer: np.ndarray, position: tuple[int, ...] | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of answers, (n, ..., filters): see :class:`Pass`."""
    count, *sides, filters = answer.shape
    if not sides:
        return answer, answer, np.zeros((count, filters, 0), np.int32)
    if position is not None:
        here, place = at_place(answer, position)
        return here, here, np.broadcast_to(np.array(place, np.int32), (count, filters, len(sides)))
    flat = answer.reshape(count, -1, filters)
    places = np.stack(np.unravel_index(flat.argmax(1), sides), -1).astype(np.int32)
    return flat.mean(1), flat.max(1), places


# --- reading ---------------------------------------------------------------------------------------------------------


def _is_source(value: Any) -> bool:
    indexed = hasattr(value, "__len__") and hasattr(value, "__getitem__")
    return isinstance(value, str | os.PathLike | np.ndarray | Iterable) or hasattr(value, "__array__") or indexed


class _Reader:
    """Reads pictures for one network, and notes what it does."""

    def __init__(self, network: Network, input_range: tuple[float, float]) -> None:
        self._network, self._range = network, input_range
        self._shape = network.layout.shape_shown(network.input.shape)
        size = int(np.prod(self._shape))
        self._most = max(1, min(MOST, BYTES // max(size, 1)))
        self._broken: list[str] = []
        self._fitted = self._clipped = self._seen = 0
        self._more = ""
        self._odd = ""

    def read(self, source: Any) -> Pictures:
        found: list[tuple[str, np.ndarray, int | None]] = []
        draw = random.Random(0)  # noqa: S311 - no secret
        for name, one, label in self._each(source):
            self._seen += 1
            # Each of those seen is as likely to be kept (Vitter's reservoir, 1985).
            slot = len(found) if len(found) < self._most else draw.randrange(self._seen)
            pixels = self._pixels(name, one) if slot < self._most else None
            if pixels is not None:
                found[slot : slot + 1] = [(name, pixels, label)]
            if self._seen >= MOST_READ:
                self._more = f"Of a stream of pictures the first {MOST_READ:,} were taken."
                break
        if not found:
            self._refuse(source)
        names, pictures, classes = zip(*found, strict=True)
        return Pictures(np.stack(pictures), names, self._range, self._notes(found), classes)

    def _refuse(self, source: Any) -> None:
        if self._broken:
            names = ", ".join(self._broken[:3])
            advice = f"None of {self._seen} could be used: {names}{' ...' if len(self._broken) > 3 else ''}."
            raise invalid("references", f"pictures for an input of {self._shape}", _said(source), advice)
        once = " A generator gives its pictures once: make a new one." if isinstance(source, Iterator) else ""
        raise invalid("references", "at least one picture", _said(source), f"There is none in it.{once} {ADVICE}")

    def _notes(self, found: list[Any]) -> tuple[str, ...]:
        size, notes = reading.sides(self._shape[:-1]), []
        if self._broken:
            names = ", ".join(self._broken[:3]) + (f" and {len(self._broken) - 3} more" if self._broken[3:] else "")
            notes.append(f"Left out, as no picture could be read of them: {names}.")
        if self._fitted:
            notes.append(f"{self._fitted:,} were of another size: cropped to the middle and resized to {size}.")
        usable = self._seen - len(self._broken)
        if usable > len(found):
            notes.append(f"A sample of {len(found):,} of {usable:,}.")
        if self._clipped:
            low, high = self._range
            notes.append(f"{self._clipped:,} have values beyond {low:g} to {high:g}, which were taken as its ends.")
        return (*notes, *filter(None, (self._more, self._odd)))

    # What there is, one by one.

    def _each(self, source: Any) -> Iterator[tuple[str, Any, int | None]]:
        if isinstance(source, str | os.PathLike):
            yield from self._files(pathlib.Path(os.fsdecode(source)).expanduser())
            return
        if hasattr(source, "__array__") and not isinstance(source, Image.Image):
            source = np.asarray(source)
            wanted = len(self._network.input.shape)
            # Not one picture, (height, width, 1), whose rows would be taken for pictures of one column.
            grey = self._shape[-1] == 1 and source.ndim == wanted - 1 and source.shape != self._shape
            if source.ndim != wanted and not grey:
                shape = f"an array (n, {', '.join(map(str, self._shape))})"
                raise invalid("references", shape, source.shape, "Put an axis in front if it is one picture.")
        if isinstance(source, Image.Image):
            source = [source]
        places = None
        if isinstance(source, np.ndarray | list | tuple) and len(source) > self._most:
            self._more = f"A sample of {self._most:,} of {len(source):,}."
            places = sorted(random.Random(0).sample(range(len(source)), self._most))  # noqa: S311 - no secret
        count = 0
        for entry in _entries(source) if places is None else (source[place] for place in places):
            for one, label in self._labelled(entry):
                place = count if places is None else places[min(count, len(places) - 1)]
                name = pathlib.Path(os.fsdecode(one)).name if isinstance(one, str | os.PathLike) else f"picture {place}"
                yield name, one, label
                count += 1

    def _files(self, path: pathlib.Path) -> Iterator[tuple[str, Any, None]]:
        if not path.exists():
            raise invalid("references", "the path of a folder that exists", str(path), "Check the path.")
        if path.is_file():
            yield path.name, path, None
            return
        files = picture_files(path)
        if len(files) > self._most:
            self._more = f"A sample of {self._most:,} of {len(files):,} files."
            files = sorted(random.Random(0).sample(files, self._most))  # noqa: S311 - no secret
        yield from ((str(one.relative_to(path)), one, None) for one in files)

    def _labelled(self, entry: Any) -> Iterator[tuple[Any, int | None]]:
        """The pictures of an entry, each with its class where the entry tells it."""
        pictures = list(self._pictures_of(entry))
        labels = entry[1] if isinstance(entry, tuple | list) and len(entry) > 1 else None
        classes = _classes_of(labels, len(pictures))
        yield from zip(pictures, classes, strict=True)

    def _pictures_of(self, entry: Any) -> Iterator[Any]:
        """The pictures of an entry: one, a batch, or either with labels."""
        if isinstance(entry, tuple | list) and entry:
            entry = entry[0]
        if isinstance(entry, dict):
            name = self._network.input._keras_history.operation.name
            entry = entry.get(name, next(iter(entry.values()), None))
        if reading.is_picture(entry):
            yield entry
            return
        array = np.asarray(entry)
        one = len(self._shape) if self._network.layout.channels is not None else len(self._shape) - 1
        single = array.ndim == one or (array.ndim == one - 1 and self._shape[-1] == 1)
        if array.ndim == one == 3 and self._shape[-1] == 1 and array.shape[-1] not in {1, 3, 4}:
            single = False  # a batch of grey pictures without an axis for their channel
        yield from [array] if single else array if array.ndim else [array]

    # One picture.

    def _pixels(self, name: str, one: Any) -> np.ndarray | None:
        """A picture in 8 bits, fitted; None for one that cannot be used, which is noted."""
        try:
            return self._file(one) if reading.is_picture(one) else self._array(np.asarray(one))
        except (ValueError, TypeError):
            self._broken.append(name)
            return None

    def _file(self, one: Any) -> np.ndarray:
        picture = reading.read(one, "references")
        start = starting.start_of(self._network.input, picture, (0.0, 255.0), name="references")
        if picture.size != self._shape[1::-1]:
            self._fitted += 1
        return to_bytes(np.reshape(start.array, self._shape), (0, 255))

    def _array(self, values: np.ndarray) -> np.ndarray:
        if values.dtype.kind not in "biuf" or values.size == 0 or not np.isfinite(values).all():
            message = "no finite numbers"
            raise ValueError(message)
        shown = self._shown(values)
        if values.dtype == np.uint8:
            pixels = shown
        else:
            low, high = self._range
            if shown.min() < low - 1e-3 * (high - low) or shown.max() > high + 1e-3 * (high - low):
                self._clipped += 1
            if not self._odd and shown.min() >= 0 and shown.max() <= 1 and high - low > starting.DIM and shown.any():
                self._odd = f"Values of 0 to 1 are nearly black in a range of {low:g} to {high:g}: multiply them."
            pixels = to_bytes(shown, self._range)
        if pixels.shape == self._shape:
            return pixels
        if len(self._shape) != 3 or pixels.ndim != 3 or pixels.shape[-1] not in {1, 3, 4}:
            message = "another shape"
            raise ValueError(message)
        return self._file(Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))

    def _shown(self, values: np.ndarray) -> np.ndarray:
        """An array with its channels last, of one picture."""
        taken = tuple(self._network.input.shape[1:])
        if values.shape == taken and self._network.layout.channels is not None:
            return self._network.layout.to_channels_last(values)
        return values[..., None] if values.ndim == len(self._shape) - 1 else values


def _classes_of(labels: Any, count: int) -> list[int | None]:
    """The classes of so many pictures, of whole numbers or of vectors with a single 1; None where labels are others."""
    unknown: list[int | None] = [None] * count
    try:
        values = np.asarray(labels)
    except (ValueError, TypeError):
        return unknown
    if values.dtype.kind not in "biuf" or values.size == 0:
        return unknown
    if values.size == count:
        whole = values.reshape(count)
        return [int(one) for one in whole] if np.all(whole == np.floor(whole)) and np.all(whole >= 0) else unknown
    if values.size % count:
        return unknown
    rows = values.reshape(count, -1)
    is_one = np.all((rows == 0) | (rows == 1)) and np.all(rows.sum(1) == 1)
    return [int(one) for one in rows.argmax(1)] if is_one else unknown


def _entries(source: Any) -> Iterator[Any]:
    """The entries of what can be gone through, a Keras dataset without ``__iter__`` too."""
    if hasattr(source, "__iter__"):
        yield from source
        return
    for index in range(len(source)):
        yield source[index]


def _said(source: Any) -> Any:
    return source if isinstance(source, str | os.PathLike) else type(source).__name__
