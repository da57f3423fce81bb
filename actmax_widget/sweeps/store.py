"""The store of a sweep: a folder of Parquet parts, one a job, and a manifest that says what they are of.

A part is written under another name and renamed when it is whole, so its name is the news that its job is done: to go
on is to make the jobs whose parts are not there. Nobody coordinates anything, and any reader of Parquet reads it.
"""

from __future__ import annotations

import bisect
import contextlib
import dataclasses
import functools
import io
import itertools
import json
import os
import re
import threading
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from actmax_widget import files
from actmax_widget.checkpoint import Checkpoint
from actmax_widget.checks import invalid, near
from actmax_widget.export import saving
from actmax_widget.film import Film
from actmax_widget.network import Network, starting
from actmax_widget.network.fingerprint import fingerprint
from actmax_widget.scoring.score import Natural, Strong, Sturdy
from actmax_widget.sweeps.jobs import FORMAT, Job, Jobs, load
from actmax_widget.view.atlas import Atlas
from actmax_widget.view.loading import beginning
from actmax_widget.view.widget import ActMaxWidget

try:
    import fcntl
except ImportError:  # Windows has none: two sweeps there write the same parts, each whole
    fcntl = None  # type: ignore[assignment]

MANIFEST = "manifest.json"
LOCK = ".sweep.lock"
MODELS = "models"
"""The folder in the store that holds the model of each epoch of a film of training."""
SWEEP = "sweep"
"""Under which the manifest, which is a run file, has what is ours."""
KEY_OF_FORMAT = b"actmax_widget_part"
INDEX = "index.arrow"
FEW = 32
"""Parts that are opened one by one as fast as an index is read."""
ENDING = b"PAR1"
"""A whole file of Parquet ends with it."""
HEAVY = ("image", "history", "activations", "state")
"""Columns that are read for few rows at a time."""
_refreshing = threading.Lock()
"""Held while a store takes parts: an atlas does so in a thread of its own. One for all, as a store can be pickled."""
ADVICE = "Pass a folder that am.sweep() wrote."
_KINDS = {"str": "string", "float": "float64", "int": "int32"}


def scores() -> dict[str, str]:
    """The columns of the score card, and their types: ``strong``, ``strong_rank``, ``sturdy``, ..."""
    found = {}
    for name, kind in (("strong", Strong), ("sturdy", Sturdy), ("natural", Natural)):
        for one in dataclasses.fields(kind):
            if one.name == "verdict":
                found[name] = "string"
            elif one.name != "words":
                found[f"{name}_{one.name}"] = _KINDS[str(one.type).partition(" ")[0]]
    return found


@functools.cache
def schema() -> Any:
    """The columns of every part, whatever the layer and the objective: readers of many files want them alike."""
    pa, _ = _pyarrow()
    own = {
        "model": pa.string(),
        "fingerprint": pa.string(),
        "checkpoint": pa.string(),
        "layer": pa.string(),
        "filter": pa.int32(),
        "label": pa.string(),
        "seed": pa.int64(),
        "settings": pa.string(),
        "steps": pa.int32(),
        "total": pa.float64(),
        "activation": pa.float64(),
        "probability": pa.float64(),
        "losses": pa.map_(pa.string(), pa.float64()),
        **{name: getattr(pa, kind)() for name, kind in scores().items()},
        "notes": pa.list_(pa.string()),
        "error": pa.string(),
        "image": pa.binary(),
        "history": pa.list_(pa.float32()),
        "activations": pa.list_(pa.float32()),
        "state": pa.binary(),
    }
    return pa.schema(list(own.items()), metadata={KEY_OF_FORMAT: str(FORMAT).encode()})


@functools.cache
def _light() -> Any:
    """The columns that are held in memory."""
    found = schema()
    for name in HEAVY:
        found = found.remove(found.get_field_index(name))
    return found


def part_of(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The file of some rows: the same bytes for the same rows and the same version of pyarrow."""
    pa, pq = _pyarrow()
    table = pa.Table.from_pylist([*rows], schema())
    file = io.BytesIO()
    # A PNG is packed already, and each is read alone.
    packed = {name: "none" if name == "image" else "zstd" for name in table.column_names}
    pq.write_table(table, file, compression=_by_path(packed), row_group_size=16, use_dictionary=["model", "layer"])
    return file.getvalue()


def _by_path(packed: Mapping[str, str]) -> dict[str, str]:
    """Compression as Parquet names columns: those that hold others by the path of these."""
    inner = {
        "losses": ["losses.key_value.key", "losses.key_value.value"],
        "notes": ["notes.list.element"],
        "history": ["history.list.element"],
        "activations": ["activations.list.element"],
    }
    return {path: kind for name, kind in packed.items() for path in inner.get(name, [name])}


def _pyarrow() -> tuple[Any, Any]:
    pa = saving.needed("pyarrow", "a sweep", "'actmax-widget[scale]'")
    import pyarrow.parquet as pq  # noqa: PLC0415 - not a dependency

    return pa, pq


class Sweep:
    """The store of a sweep, as it is on the disk: whole parts only, also while it is being filled.

    Pictures are counted from 0 in the order of the jobs. ``len(store)`` is how many there are; :meth:`refresh` looks
    for those that came since.

    Attributes:
        folder: where it is.
        jobs: all that were asked for, made or not.
        threads: TensorFlow's threads in an operation that it was begun with.
        models: models in memory by fingerprint, for :meth:`live`.

    Example:
        >>> store = am.open_sweep("pictures/")
        >>> store
        Sweep of 58 pictures in pictures: 2 of 2 jobs made
        >>> store.to_pandas().sort_values("activation").tail(3)[["layer", "filter", "activation"]]
        >>> store.image("out", 3).shape
        (28, 28, 1)
        >>> store.widget()  # all of them as one sheet
    """

    def __init__(
        self, folder: str | os.PathLike[str], models: Mapping[str, Any] | None = None, *, to_come: bool = False
    ) -> None:
        self.folder = Path(folder).expanduser()
        self._to_come = to_come  # no sweep has begun there yet, and this is no error
        self.models = dict(models or {})
        self.jobs, self.threads, self._stamp = Jobs([]), 0, (0, 0)
        self._made: set[str] = set()
        self._parts: list[tuple[Job, Path, int]] = []
        self._index: dict[str, list[Any]] = {}
        self._read = 0  # parts that were read one by one
        self.refresh()

    # --- what is there -----------------------------------------------------------------------------------------------

    def refresh(self) -> int:
        """Look for parts that were written, and jobs that were asked for, since; gives how many pictures came.

        Indices of pictures stay.

        Raises:
            ValueError: the folder is no sweep's, or is not whole any more.
        """
        with _refreshing:
            return self._refresh()

    def _refresh(self) -> int:
        before = len(self)
        if self._to_come and not (self.folder / MANIFEST).exists():
            return 0
        self._to_come = False
        if (stamp := _stamp_of(self.folder / MANIFEST)) != self._stamp:
            self.jobs, self.threads = _read_manifest(self.folder)
            self._stamp = stamp
        made = whole_parts(self.folder, self._made)
        new = [job for job in self.jobs if job.hash in made and job.hash not in self._made]
        known = _read_index(self.folder) if len(new) > FEW else {}
        for job in new:
            kept = known.get((job.hash, *made[job.hash]))
            columns = self._columns_of(job) if kept is None else kept
            if columns is not None:
                self._made.add(job.hash)
                self._parts.append((job, self.folder / part_name(job), len(self)))
                # The layer last, which tells how many there are: an atlas reads in another thread.
                for name, column in sorted(columns.items(), key=lambda one: one[0] == "layer"):
                    self._index.setdefault(name, []).extend(column)
        self._read += sum((job.hash, *made[job.hash]) not in known for job in new)
        return len(self) - before

    def _columns_of(self, job: Job) -> dict[str, list[Any]] | None:
        _, pq = _pyarrow()
        path = self.folder / part_name(job)
        try:
            return pq.read_table(path, columns=_light().names, use_threads=False).to_pydict()
        except Exception as error:  # noqa: BLE001 - whatever a damaged file raises
            warnings.warn(f"{path} is damaged, and left out ({error}). Sweep again.", RuntimeWarning, stacklevel=3)
            return None

    def keep_index(self) -> None:
        """Write the light columns of all parts into one file, by which thousands of them are opened at once.

        Nobody needs it: what is not in it, or is not as it was, is read from its part.
        """
        if self._read <= FEW:
            return
        pa, _ = _pyarrow()
        made, stamps = whole_parts(self.folder), dict[str, list[Any]](part=[], size=[], time=[])
        ends = [*(first for _, _, first in self._parts[1:]), len(self)]
        for (job, _, first), end in zip(self._parts, ends, strict=True):
            stamp = made.get(job.hash, (0, 0))
            for name, value in zip(stamps, (job.hash, *stamp), strict=True):
                stamps[name] += [value] * (end - first)
        table = pa.table(self._index, _light())
        for name, column in stamps.items():
            table = table.append_column(name, [column])
        sink = io.BytesIO()
        with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
            writer.write_table(table)
        files.write(self.folder / INDEX, sink.getvalue())
        self._read = 0

    def __len__(self) -> int:
        return len(self._index.get("layer", ()))

    @property
    def index(self) -> Mapping[str, list[Any]]:
        """The columns of all pictures but for pictures, histories and states: name -> values. Not to be changed."""
        return self._index

    @property
    def missing(self) -> Jobs:
        """The jobs that are not made yet."""
        return Jobs([one for one in self.jobs if one.hash not in self._made], self.models)

    def progress(self) -> list[tuple[str, str, int, int]]:
        """Of each layer of each checkpoint: both names, pictures made, and pictures asked for."""
        counts: dict[tuple[str, str], list[int]] = {}
        for job in self.jobs:
            found = counts.setdefault((job.checkpoint, job.layer), [0, 0])
            found[0] += len(job.filters) * (job.hash in self._made)
            found[1] += len(job.filters)
        return [(*names, made, count) for names, (made, count) in counts.items()]

    @property
    def errors(self) -> dict[str, str]:
        """What failed: "checkpoint, layer, filter" -> a sentence; with seed and settings where there are several."""
        named = ("checkpoint", "layer", "filter", "seed", "settings", "error")
        columns = zip(*(self._index.get(name, []) for name in named), strict=True)
        seeds, recipes = (len({*self._index.get(name, [])}) for name in ("seed", "settings"))

        def told(seed: int, recipe: str) -> str:  # each seed has settings of its own
            return f", seed {seed}" * (seeds > 1) + f", settings {recipe}" * (recipes > seeds)

        return {
            f"{of}, {layer}, filter {index}{told(seed, recipe)}": error
            for of, layer, index, seed, recipe, error in columns
            if error
        }

    def __repr__(self) -> str:
        failed = f"; {len(self.errors):,} failed, see store.errors" if self.errors else ""
        done, count = len(self._made), len(self.jobs)
        return f"Sweep of {self.jobs.pictures:,} pictures in {self.folder}: {done:,} of {count:,} jobs made{failed}"

    def to_pandas(self, *, images: bool = False) -> Any:
        """A row a picture as a :class:`pandas.DataFrame`, each loss in a column of its own, ``"loss: TV"``.

        Args:
            images: with the columns ``image`` (the bytes of a PNG), ``history`` and ``activations``.

        Raises:
            ImportError: pandas is not installed.
        """
        saving.needed("pandas", "a table", "pandas")
        light = _light()
        table = _pyarrow()[0].table({name: self._index.get(name, []) for name in light.names}, light).to_pandas()
        losses = [dict(one or ()) for one in table.pop("losses")]
        for name in dict.fromkeys(name for one in losses for name in one):
            table[f"loss: {name}"] = [one.get(name) for one in losses]
        if images:
            for name in ("image", "history", "activations"):
                table[name] = [row[name] for row in self.read(range(len(self)), [name])]
        return table

    # --- one picture -------------------------------------------------------------------------------------------------

    def find(
        self,
        layer: str,
        filter: Any,  # noqa: A002 - as the column
        checkpoint: str | None = None,
        seed: int | None = None,
        settings: str | None = None,
    ) -> int:
        """The index of a picture.

        Args:
            layer: path of the layer.
            filter: filter, or its label.
            checkpoint: of which state of the model; None: the last one that has it.
            seed: random state; None: the last one.
            settings: which of several recipes, as the column of that name has it; None: the last one.

        Raises:
            ValueError: there is none such.

        Example:
            >>> store.find("conv3", 7, settings=store.to_pandas()["settings"].iloc[0])
            7
        """
        wanted = {"layer": layer, "checkpoint": checkpoint, "seed": seed, "settings": settings}
        wanted["label" if isinstance(filter, str) else "filter"] = filter
        asked = [(self._index.get(name, []), value) for name, value in wanted.items() if value is not None]
        found = [i for i in range(len(self)) if all(column[i] == value for column, value in asked)]
        if found:
            return found[-1]
        for name in ("checkpoint", "layer", "settings"):
            known = [*dict.fromkeys(self._index.get(name, []))]
            if known and wanted[name] is not None and wanted[name] not in known:
                advice = near(str(wanted[name]), known) or f"There are: {', '.join(known[:20])}."
                raise invalid(name, "one that was drawn", wanted[name], advice)
        raise invalid("filter", f"one of {layer!r} that was drawn", filter, "store.missing tells what is yet to come.")

    def read(self, which: Iterable[int], columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Rows of pictures, with their pictures and histories, each part opened once for neighbours.

        Args:
            which: indices.
            columns: those of interest; None: all.
        """
        _, pq = _pyarrow()
        opened: tuple[Path, Any] | None = None
        held: tuple[Any, int, Any] | None = None
        for index in which:
            _, path, row = self._place(index)
            if opened is None or opened[0] != path:
                opened = path, pq.ParquetFile(path)
            file = opened[1]
            group = 0
            while row >= (size := file.metadata.row_group(group).num_rows):
                row, group = row - size, group + 1
            if held is None or held[0] is not file or held[1] != group:
                held = file, group, file.read_row_group(group, columns=None if columns is None else [*columns])
            yield held[2].slice(row, 1).to_pylist()[0]

    def _place(self, index: int) -> tuple[Job, Path, int]:
        """The job of a picture, its part, and the row there."""
        index = range(len(self))[index]
        at = bisect.bisect_right(self._parts, index, key=lambda part: part[2]) - 1
        job, path, first = self._parts[at]
        return job, path, index - first

    def job_of(self, index: int) -> Job:
        """The job that made a picture."""
        return self._place(index)[0]

    def png(self, index: int) -> bytes | None:
        """The file of a picture; None where it failed."""
        found: bytes | None = next(self.read([index], ["image"]))["image"]
        return found

    def image(
        self,
        layer: str,
        filter: Any,  # noqa: A002 - as the column
        checkpoint: str | None = None,
        seed: int | None = None,
        settings: str | None = None,
    ) -> np.ndarray:
        """A picture: (H, W, C) uint8, C of 1 or 3. See :meth:`find`.

        Raises:
            ValueError: there is none such, or it failed.
        """
        index = self.find(layer, filter, checkpoint, seed, settings)
        content = self.png(index)
        if content is None:
            raise invalid("filter", "one that was drawn", filter, f"It failed: {self._index['error'][index]}")
        return _opened(content)

    def film(self, layer: str, filter: Any, seed: int | None = None, settings: str | None = None) -> Film:  # noqa: A002 - as the column
        """The pictures of a filter over the checkpoints of the model, in the order of the sweep.

        Args:
            layer: path of the layer.
            filter: filter, or its label.
            seed: random state; None: that of the first picture.
            settings: see :meth:`find`.

        Returns:
            A :class:`~actmax_widget.Film` whose iterations are the numbers that the checkpoints' names end in, as in
            "epoch 12", if these rise; else 0, 1, 2, ... The best is the one with the highest activation.

        Raises:
            ValueError: there is no picture of it.
        """
        first = self.find(layer, filter, seed=seed, settings=settings)
        index, wanted = self._index["filter"][first], self._index["seed"][first] if seed is None else seed
        columns = zip(*(self._index[name] for name in ("layer", "filter", "seed", "error", "settings")), strict=True)
        # The last of each checkpoint, as find() has it: it may be in two jobs of other sizes or settings.
        last = {
            self._index["checkpoint"][at]: at
            for at, (*one, recipe) in enumerate(columns)
            if one == [layer, index, wanted, None] and settings in {None, recipe}
        }
        same = [*last.values()]
        if not same:
            raise invalid("filter", "one that was drawn", filter, "All of its pictures failed, see store.errors.")
        pictures = [_opened(row["image"]) for row in self.read(same, ["image"])]
        ends = [re.search(r"(\d+)\D*$", self._index["checkpoint"][at]) for at in same]
        numbers = [int(one[1]) for one in ends if one]
        rise = len(numbers) == len(same) and all(a < b for a, b in itertools.pairwise(numbers))
        iterations = tuple(numbers) if rise else tuple(range(len(same)))
        activations = [self._index["activation"][at] or 0.0 for at in same]
        return Film(iterations, np.stack(pictures), iterations[int(np.argmax(activations))], ())

    def live(self, index: int, model: Any = None, *, anew: bool = False) -> ActMaxWidget:
        """A widget that goes on from a picture.

        Of a sweep that kept ``"state"`` the run goes on exactly. Else the picture is the start of a run by the same
        settings.

        Args:
            index: see :meth:`find`.
            model: the Keras model; None: that of the sweep, in memory or read from its file.
            anew: begin at the noise that the picture was made from, by which the widget makes it again.

        Raises:
            ValueError: the model is not there, is another one now, or the picture failed.
            OSError: its file cannot be read.

        A state is a pickle, which can run any code: go on from stores of people you trust.
        """
        job, row = self.job_of(index), next(self.read([index], ["image", "state", "filter"]))
        if row["image"] is None:
            raise invalid("index", "a picture that was drawn", index, f"It failed: {self._index['error'][index]}")
        given = self._model_of(job) if model is None else model
        network = Network(given, **job.given)
        if fingerprint(network) != job.model:
            advice = "Pass the one that the pictures are of: store.live(index, model)."
            raise invalid("model", f"the model of {job.checkpoint!r}", "another one, or other weights", advice)
        widget = ActMaxWidget(
            given, layer=job.layer, filter_indices=row["filter"], labels=self._names_of(job), **job.given
        )
        if row["state"] is not None and not anew:
            widget.restore(Checkpoint.of_bytes(row["state"], f"the state of picture {index}"))
            return widget
        settings = job.run.changes[0].settings.changed(filter_indices=(row["filter"],))
        if not anew:
            start = starting.start_of(
                network.input, self._as_start(row["image"], network), settings.input_range, "crop"
            )
            settings = settings.changed(seed_input=start.array)
        widget.restore(beginning(network, settings, settings.max_iter, job.model))
        return widget

    def _as_start(self, content: bytes, network: Network) -> Any:
        channels = network.layout.shape_shown(network.input.shape)[-1]
        if channels not in {1, 3}:
            advice = "Sweep with keep=[..., 'state'], or take it anew: store.live(index, anew=True)."
            raise invalid("index", "a picture of 1 or 3 channels", f"the mean of {channels}", advice)
        return Image.fromarray(np.squeeze(_opened(content)))

    def _names_of(self, job: Job) -> list[str] | None:
        """Names of all units of a layer, if the sweep has drawn all of them."""
        same = [one for one in self.jobs if (one.model, one.layer) == (job.model, job.layer)]
        names = dict(pair for one in same for pair in zip(one.filters, one.labels, strict=False))
        return (
            [names[index] for index in range(len(names))]
            if names and [*sorted(names)] == [*range(len(names))]
            else None
        )

    def _model_of(self, job: Job) -> Any:
        if job.model not in self.models:
            if not job.source:
                advice = "Pass it: am.open_sweep(folder, model) or store.live(index, model)."
                raise invalid("model", f"the model {job.name!r}, which had no file", None, advice)
            # A store that was moved has the models of a film of training with it.
            moved = self.folder / MODELS / Path(job.source).name
            self.models[job.model] = load(
                str(moved if moved.exists() and not Path(job.source).exists() else job.source)
            )
        return self.models[job.model]

    def widget(self) -> Atlas:
        """All pictures as one sheet, sorted, filtered and read as they come into sight: see :class:`Atlas`."""
        return Atlas(self)


def open_sweep(folder: str | os.PathLike[str], model: Any = None) -> Sweep:
    """Open the store of a sweep, finished or not.

    Args:
        folder: that :func:`~actmax_widget.sweep` wrote.
        model: the Keras model, or several, where they have no file and pictures are to go on live; None: read when
            they are needed.

    Raises:
        ValueError: it is no such folder, or its manifest is damaged or of another version.
        OSError: it cannot be read.
        ImportError: pyarrow is not installed: ``pip install 'actmax-widget[scale]'``.

    Warns:
        RuntimeWarning: a part is damaged, and left out.

    Example:
        >>> store = am.open_sweep("pictures/")
        >>> store.image("conv3", 7).shape, store.to_pandas().columns
    """
    models = [] if model is None else model if isinstance(model, list | tuple) else [model]
    store = Sweep(folder)
    for one in models:  # a sweep's models are given the same
        store.models[fingerprint(Network(one, **store.jobs[0].given))] = one
    return store


def _opened(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as picture:
        pixels = np.asarray(picture)
    return pixels[..., None] if pixels.ndim == 2 else pixels


# --- the folder ------------------------------------------------------------------------------------------------------


def part_name(job: Job) -> str:
    """The name of the file that a job makes."""
    return f"part-{job.hash}.parquet"


def whole_parts(folder: Path, known: Collection[str] = ()) -> dict[str, tuple[int, int]]:
    """Hashes of the jobs whose parts are there as a whole, each with the size of its file and when it was written.

    Those that are ``known`` are not looked at again. A part that was cut, as by a copy onto a full disk, is as one that
    is not there.
    """
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            job = entry.name.removeprefix("part-").removesuffix(".parquet")
            if entry.name == f"part-{job}.parquet" and job not in known and _is_whole(entry.path):
                status = entry.stat()
                found[job] = status.st_size, status.st_mtime_ns
    return found


def _is_whole(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - of thousands a Path costs as much as the file
            file.seek(-len(ENDING), os.SEEK_END)
            return file.read() == ENDING
    except OSError:
        return False


def _read_index(folder: Path) -> dict[tuple[str, int, int], dict[str, list[Any]]]:
    """Columns of parts by hash, size and time, as :meth:`Sweep.keep_index` wrote them; none where it is not whole."""
    pa, _ = _pyarrow()
    names = _light().names
    try:
        with pa.OSFile(str(folder / INDEX)) as file:
            columns = pa.ipc.open_file(file).read_all().to_pydict()
        stamps = [*zip(*(columns[name] for name in ("part", "size", "time")), strict=True)]
        light = {name: columns[name] for name in names}
    except Exception:  # noqa: BLE001 - a help, and no more
        return {}
    found, first = {}, 0
    for stamp, same in itertools.groupby(stamps):
        end = first + sum(1 for _ in same)
        found[stamp] = {name: column[first:end] for name, column in light.items()}
        first = end
    return found


@contextlib.contextmanager
def written_by_one(folder: Path) -> Iterator[None]:
    """Hold the folder for one sweep. The system lets go of the lock when a process ends, however it does.

    Raises:
        ValueError: another sweep writes there.
    """
    with (folder / LOCK).open("a+") as file:
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            who = file.read().strip() or "unknown"
            advice = f"Wait for it, end it, or choose another folder. It is {who}."
            raise invalid("folder", "one that no other sweep writes into", str(folder), advice) from None
        except OSError:  # a file system without locks; parts are whole all the same
            pass
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()} on {os.uname().nodename if hasattr(os, 'uname') else 'this machine'}")
        file.flush()
        yield


def _stamp_of(path: Path) -> tuple[int, int]:
    with contextlib.suppress(OSError):
        status = path.stat()
        return status.st_mtime_ns, status.st_size
    return 0, 1  # not as any that was read


def _read_manifest(folder: Path) -> tuple[Jobs, int]:
    try:
        whole = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise invalid("folder", "the folder of a sweep", str(folder), f"It has no {MANIFEST}. {ADVICE}") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        advice = f"It is damaged ({error}). Delete it and sweep again: parts that are there are kept."
        raise invalid("folder", f"a whole {MANIFEST}", str(folder), advice) from None
    given = whole.get(SWEEP) if isinstance(whole, dict) else None
    found: dict[str, Any] = given if isinstance(given, dict) else {}
    made = found.get("format")
    if made != FORMAT:
        advice = "Sweep into another folder with this version of actmax_widget."
        raise invalid("folder", f"a sweep of format {FORMAT}", f"one of format {made}", advice)
    try:
        recipes = [json.dumps(one, indent=1, ensure_ascii=False) + "\n" for one in found["recipes"]]
        jobs = Jobs([Job.of(dict(zip(found["columns"], one, strict=True)), recipes[at]) for at, *one in found["jobs"]])
        return jobs, int(found["threads"])
    except (LookupError, TypeError, ValueError) as error:
        advice = f"It is damaged ({error!r}). Delete it and sweep again: parts that are there are kept."
        raise invalid("folder", f"a whole {MANIFEST}", str(folder), advice) from None


def begun(folder: Path, jobs: Jobs, threads: int | None, by_itself: int) -> int:
    """Write the manifest of what is asked for now and was before; gives the threads to take.

    Args:
        folder: the store.
        jobs: what is asked for.
        threads: TensorFlow's, if somebody said how many.
        by_itself: how many a store is begun with where nobody did.

    Raises:
        ValueError: a model changed since, or the store was begun with other threads.
    """
    before, held = _read_manifest(folder) if (folder / MANIFEST).exists() else (Jobs([]), threads or by_itself)
    see_models(folder, before, jobs)
    if threads is not None and held != threads and len(before):
        advice = "Leave it out, or choose another folder: pictures differ in their last bits by the number of threads."
        raise invalid("threads", f"{held}, as {folder} was begun with", threads, advice)
    known = {one.hash: one for one in before}
    for one in jobs:  # files may have been moved since
        same = known.get(one.hash, one)
        source = one.source or same.source
        known[one.hash] = dataclasses.replace(same, source=source, references=one.references, judge=one.judge)
    every = Jobs(known.values())
    if [*every] != [*before]:
        _write_manifest(folder, every, held)
    return held


def see_models(folder: Path, before: Iterable[Job], jobs: Iterable[Job], advice: str = "") -> None:
    """See that checkpoints are what they were in the jobs before; raises a ValueError otherwise."""
    known = {one.checkpoint: one.model for one in before}
    for job in jobs:
        if known.setdefault(job.checkpoint, job.model) != job.model:
            other = f"Choose another folder, or another name: sweep_jobs(..., checkpoint='{job.checkpoint}, later')."
            expected = f"{job.checkpoint!r} as it was when {folder} was begun"
            raise invalid("jobs", expected, "other weights", advice or other)


def _write_manifest(folder: Path, jobs: Jobs, threads: int) -> None:
    recipes = {one.recipe: None for one in jobs}
    places = {recipe: place for place, recipe in enumerate(recipes)}
    columns = [*jobs[0].to_dict()]
    # A run file of the first job's pictures, so that whoever reads run files reads this.
    whole = json.loads(dataclasses.replace(jobs[0].run, ui={}).to_json())
    whole[SWEEP] = {
        "format": FORMAT,
        "threads": threads,
        "columns": columns,
        "recipes": [json.loads(one) for one in recipes],
        "jobs": [[places[one.recipe], *one.to_dict().values()] for one in jobs],
    }
    files.write(folder / MANIFEST, (json.dumps(whole, ensure_ascii=False) + "\n").encode())
