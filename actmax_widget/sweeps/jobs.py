"""Jobs of a sweep: plain data, each a batch of filters of one layer of one model, whose hash names what it makes."""

from __future__ import annotations

import dataclasses
import fnmatch
import functools
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Self, overload

import keras
import numpy as np

from actmax_widget import demo, preprocessing, varying
from actmax_widget.checkpoint import Changes, versions
from actmax_widget.checks import check_integer, invalid, near
from actmax_widget.engine.batch import LARGEST_BATCH, VALUES_AT_ONCE
from actmax_widget.export.run_file import RunFile
from actmax_widget.labels import Labels
from actmax_widget.network import Network, graph, head_of
from actmax_widget.network.dataset import picture_files
from actmax_widget.network.fingerprint import fingerprint
from actmax_widget.network.targets import Target
from actmax_widget.presets import activation_losses
from actmax_widget.scoring.aims import aims_of
from actmax_widget.scoring.score import checked_judge, network_of_judge
from actmax_widget.settings import LOG_ODDS
from actmax_widget.visualization.activation import prepared
from actmax_widget.visualization.compose import DEFAULTS, checked_settings, settled

FORMAT = 1
"""Of the parts of a store; another one is made anew."""
NO_UNITS = ("Normalization", "Embedding")
"""Layers with weights whose outputs nobody looks for: those of the layer before them, scaled."""
KEEP = ("history", "score", "state")
"""What rows may hold beside the picture."""


@dataclass(frozen=True)
class Job:
    """A batch of filters of one layer. Plain data: it can be pickled, sent anywhere and written as JSON.

    Attributes:
        model: fingerprint of the model and its weights.
        source: path of the model's file; empty for a model that is in memory only.
        name: of the model.
        checkpoint: what a person knows this state of the model by.
        layer: path of the layer.
        filters: filters, made at once.
        labels: of the filters, where they have names; else empty.
        recipe: a run file, as text: settings with the random state, and what the model was given.
        keep: what rows hold beside the picture, see :func:`sweep_jobs`.
        references: folder of real pictures that the score compares with; empty for none.
        judge: path of another network that the score asks, and how that is fed; empty for none.
        compared: fingerprint of both.
    """

    model: str
    source: str
    name: str
    checkpoint: str
    layer: str
    filters: tuple[int, ...]
    labels: tuple[str, ...] = ()
    recipe: str = field(default="", repr=False)
    keep: tuple[str, ...] = ("history", "score")
    references: str = ""
    judge: tuple[str, ...] = ()
    compared: str = ""

    @functools.cached_property
    def settings(self) -> str:
        """Hash of all that makes the rows but for model, layer and filters: 16 hex digits."""
        own = _told(self.recipe)
        return _hash([own, self.compared] if self.compared else own, 8)

    @functools.cached_property
    def hash(self) -> str:
        """Names what it makes, in any process and any version of the libraries: 32 hex digits."""
        own = [FORMAT, self.model, self.name, self.checkpoint, self.layer, self.filters, self.labels, self.keep]
        return _hash([*own, self.settings], 16)

    @property
    def run(self) -> RunFile:
        """What makes its pictures, with the filters as what varies."""
        return dataclasses.replace(_read(self.recipe), vary={varying.FILTERS: [*self.filters]})

    @property
    def given(self) -> dict[str, Any]:
        """What its network was given beside the model, as :class:`~actmax_widget.network.Network` takes it."""
        return {name: one for name, one in self.run.given.items() if name in {"input_shape", "held_inputs"}}

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it, but for what it shares with other jobs: ``recipe``."""
        found = {one.name: getattr(self, one.name) for one in dataclasses.fields(self) if one.name != "recipe"}
        return {name: [*value] if isinstance(value, tuple) else value for name, value in found.items()}

    @classmethod
    def of(cls, found: Mapping[str, Any], recipe: str) -> Self:
        """The job that :meth:`to_dict` wrote."""
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in found.items()
        }
        return cls(**plain, recipe=recipe)


@functools.lru_cache(maxsize=64)
def _read(recipe: str) -> RunFile:
    return RunFile.of_text(recipe)


@functools.lru_cache(maxsize=1024)
def _told(recipe: str) -> Any:
    """What of a run file makes another picture, but for the layer."""
    found = json.loads(recipe)
    # Versions differ from day to day: the store's manifest says which they were.
    changes = [
        {**one, "settings": {name: value for name, value in one["settings"].items() if name != "layer"}}
        for one in found["changes"]
    ]
    return [changes, found.get("given", {})]


def _hash(value: Any, size: int) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


class Jobs(Sequence[Job]):
    """Jobs in order. ``jobs + others``, ``len(jobs)``, ``jobs[3]``, ``jobs[:10]``.

    Attributes:
        models: those in memory, by fingerprint: whoever makes the jobs here needs not load them.
    """

    def __init__(self, jobs: Iterable[Job], models: Mapping[str, Any] | None = None) -> None:
        self._jobs, self.models = tuple(jobs), dict(models or {})

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> Jobs: ...
    def __getitem__(self, index: Any) -> Any:
        found = self._jobs[index]
        return Jobs(found, self.models) if isinstance(index, slice) else found

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs)

    def __add__(self, other: Iterable[Job]) -> Jobs:
        return Jobs([*self, *other], self.models | getattr(other, "models", {}))

    def __radd__(self, other: Any) -> Jobs:
        return self if other == 0 else Jobs([*other, *self], self.models)  # so that sum() works

    @property
    def pictures(self) -> int:
        """How many pictures they make."""
        return sum(len(one.filters) for one in self)

    def __repr__(self) -> str:
        layers = {(one.checkpoint, one.layer): None for one in self}
        shown = [f"{layer} of {checkpoint}" for checkpoint, layer in layers]
        more = f" and {len(shown) - 4} more layers" if len(shown) > 4 else ""
        return f"{self.pictures:,} pictures in {len(self):,} jobs: {', '.join(shown[:4])}{more}"


def sweep_jobs(
    model: Any,
    layers: Any = None,
    filters: Any = None,
    *,
    preset: str = "natural",
    seed: int | Sequence[int] = 0,
    checkpoint: str | None = None,
    labels: Any = None,
    batch_size: int | None = None,
    keep: Sequence[str] = ("history", "score"),
    references: str | os.PathLike[str] | None = None,
    judge: Any = None,
    input_shape: Sequence[int] | None = None,
    held_inputs: Mapping[str, Any] | None = None,
    backprop_modifier: Any = None,
    **settings: Any,
) -> Jobs:
    """Say which pictures to make of one or more models: a job for each batch of filters. Nothing is computed.

    Args:
        model: a Keras model; the path of one, as ``keras.models.load_model`` reads it; or several paths, as a list or
            as a mapping from names of checkpoints to paths. On a cluster a path must be readable by each worker; a
            model that is given itself is sent to each once.
        layers: paths of layers, which may have wildcards, as in ``["conv3", "fire*"]``; None: every layer with weights
            of its own but for normalizations.
        filters: filters or units: an int, a sequence, or names where there are ``labels``; of every layer the same.
            None: all of each.
        preset: see :func:`~actmax_widget.visualize`.
        seed: random state of each picture's start, >= 0; of several each filter is drawn with each.
        checkpoint: what this state of the model is called in the store; None: the name of its file, or of the model.
        labels: names of the last layer's units, see :class:`~actmax_widget.ActMaxWidget`.
        batch_size: filters of a job, which are made at once, 1 to 64; None: as many as fit well in memory.
        keep: what rows hold beside the picture, of ``"history"`` (total loss and activation of each iteration),
            ``"score"`` (the score card, see :func:`~actmax_widget.score`) and ``"state"`` (all that a run needs to go
            on exactly; of 227 px some 2 MB each).
        references: a folder of real pictures that the score compares with, see :func:`~actmax_widget.score`. On a
            cluster each worker must be able to read it; so for ``judge``.
        judge: the path of another model of the same classes that the score of a class asks, or a pair of it and how it
            is fed, as ``preprocess`` has it. Units of other layers have no counterpart in it.
        input_shape: see :func:`~actmax_widget.visualize`.
        held_inputs: see there.
        backprop_modifier: see there; by its name.
        **settings: see there: ``max_iter``, ``transforms``, numbers and so on, for all pictures.

    Returns:
        Jobs, which can be added, counted, cut and looked at.

    Raises:
        ValueError, TypeError: a bad argument, no such layer, or pictures that cannot be seen; before anything is
            computed.
        OSError: the model's file cannot be read.

    Example:
        >>> import actmax_widget as am
        >>> jobs = am.sweep_jobs(am.demo.digits(), layers=["conv3", "out"], seed=0)
        >>> jobs
        58 pictures in 2 jobs: conv3 of digits, out of digits
        >>> store = am.sweep(jobs, "pictures/")
    """
    several = _several(model, checkpoint)
    if several is not None:
        one_by_one = functools.partial(
            sweep_jobs, layers=layers, filters=filters, preset=preset, seed=seed, labels=labels, batch_size=batch_size,
            keep=keep, references=references, judge=judge, input_shape=input_shape, held_inputs=held_inputs,
            backprop_modifier=backprop_modifier,
        )  # fmt: skip
        return sum((one_by_one(path, checkpoint=name, **settings) for name, path in several.items()), start=Jobs([]))
    kept = _kept(keep)
    real, other = _real(references), _other(judge)
    if (real or other) and "score" not in kept:
        advice = 'Add "score" to keep, or leave references and judge out.'
        raise invalid("keep", '"score", as there is something to compare with', [*kept], advice)
    if batch_size is not None:
        batch_size = check_integer("batch_size", batch_size, least=1, most=LARGEST_BATCH)
    if backprop_modifier is not None and not isinstance(backprop_modifier, str):
        advice = 'Pass e.g. "guided": a job is plain data.'
        raise invalid("backprop_modifier", "a name", backprop_modifier, advice, TypeError)
    loaded, source = _loaded(model)
    called = check_name(checkpoint) if checkpoint is not None else Path(source).stem or loaded.name
    names = demo.labels(loaded) if labels is None else Labels(labels)
    network, _ = prepared(loaded, backprop_modifier, input_shape, held_inputs, None)
    if len(network.layout.shape_shown(network.input.shape)) != 3:
        advice = "Make them by visualize_many()."
        raise invalid("model", "an input with rows, columns and channels", tuple(network.input.shape), advice)
    if names is not None and labels is not None:
        names.check(network.last.filters, network.last.name)
    model_print = fingerprint(network)
    found = []
    wanted = _chosen(network, layers)
    asked = fed_judge(other)
    judged = _judged(network, wanted, other, asked)
    beside = {
        is_judged: _beside(real, other if is_judged else (), asked)
        for is_judged in {one.name in judged for one in wanted}
    }
    for layer in wanted:
        size = min(batch_size or _fitting(layer), network.input.shape[0] or LARGEST_BATCH)
        known = names.names if names is not None and layer.filters == len(names) else ()
        chosen = names.indices(filters, layer.filters, layer.name) if known and names is not None else filters
        indices = [*dict.fromkeys(graph.check_filters(chosen, layer.filters, layer.name))]
        for one in _seeds(seed):
            given = {**DEFAULTS, **settings, "preset": preset, "seed": one}
            checked = checked_settings(network, names, layer.name, None, given, backprop_modifier)
            recipe = _recipe(network, checked, model_print)
            for first in range(0, len(indices), size):
                own = tuple(indices[first : first + size])
                called_so = tuple(known[index] for index in own) if known else ()
                job = Job(
                    model_print,
                    source,
                    loaded.name,
                    called,
                    layer.name,
                    own,
                    called_so,
                    recipe,
                    kept,
                    **beside[layer.name in judged],
                )
                found.append(job)
    return Jobs(found, {model_print: loaded})


def check_name(value: Any) -> str:
    """The name of a checkpoint; raises TypeError or ValueError."""
    if not isinstance(value, str) or not value.strip():
        kind = ValueError if isinstance(value, str) else TypeError
        raise invalid("checkpoint", "a name", value, 'Pass e.g. "epoch 10".', kind)
    return value


def _several(model: Any, checkpoint: Any) -> Mapping[str, Any] | None:
    """Paths by the names of checkpoints, if there are several."""
    if isinstance(model, str | os.PathLike | keras.Model) or not isinstance(model, Iterable):
        return None
    given = model if isinstance(model, Mapping) else [*model]
    paths = [
        one for one in given if isinstance(one, str | os.PathLike)
    ]  # models themselves are named by a mapping only
    found = dict(given) if isinstance(given, Mapping) else {Path(one).stem: one for one in paths}
    if not found or len(found) < len(given):
        advice = 'Pass a mapping from their names, {"epoch 1": "a/model.keras", "epoch 2": "b/model.keras"}.'
        raise invalid("model", "at least one path, each with a name of its own", [*given], advice)
    if checkpoint is not None:
        advice = "Leave it out, or pass a mapping from names to paths."
        raise invalid("checkpoint", "None where there are several models", checkpoint, advice)
    return found


def _kept(keep: Any) -> tuple[str, ...]:
    if isinstance(keep, str) or not isinstance(keep, Iterable):
        raise invalid("keep", f"a sequence of {', '.join(KEEP)}", keep, 'Pass e.g. keep=["history"].', TypeError)
    given = [*keep]
    if wrong := [one for one in given if one not in KEEP]:
        raise invalid("keep", f"some of {', '.join(KEEP)}", wrong[0], near(str(wrong[0]), KEEP))
    return tuple(one for one in KEEP if one in given)


def _real(references: Any) -> str:
    """The folder of real pictures; empty for none."""
    if references is None:
        return ""
    if not isinstance(references, str | os.PathLike) or not str(references):
        advice = "Save them as files, and pass the folder: each worker reads it."
        raise invalid("references", "the path of a folder", references, advice, TypeError)
    path = Path(references).expanduser().resolve()
    if not path.is_dir() or not picture_files(path):
        raise invalid(
            "references", "a folder of pictures", str(path), "Pass one that there is, with files of pictures."
        )
    return str(path)


def _other(judge: Any) -> tuple[str, ...]:
    """The path of another network, and how it is fed; empty for none."""
    if judge is None:
        return ()
    file, *fed = judge if isinstance(judge, tuple | list) and judge else (judge,)
    if (
        not isinstance(file, str | os.PathLike)
        or not str(file)
        or len(fed) > 1
        or not all(isinstance(one, str) for one in fed)
    ):
        advice = 'Save it by model.save(), and pass the path, or e.g. ("judge.keras", "torch").'
        raise invalid("judge", "the path of a model, or a pair of it and how it is fed", judge, advice, TypeError)
    for one in fed:
        preprocessing.get(one)
    return str(Path(file).expanduser().resolve()), *fed


def _judged(network: Network, layers: Sequence[Target], judge: Sequence[str], asked: Any) -> set[str]:
    """Names of the layers whose units are classes that another network knows too: it is shown grey to see that."""
    if not judge:
        return set()
    found, refused = set(), None
    grey = np.zeros(network.layout.shape_shown(network.input.shape), np.float32)
    for one in layers:
        if head_of(network, one) is None:
            continue
        try:
            aims = aims_of(network, activation_losses(network, one.name, 0, class_loss=LOG_ODDS))
            checked_judge(asked, network, aims)(grey)
            found.add(one.name)
        except ValueError as error:
            refused = error
    if refused is not None and not found:
        raise refused
    if not found:
        advice = "Name the layer of the classes too, or leave the judge out: other units have no counterpart in it."
        shown = ", ".join(one.name for one in layers[:4]) + ", ..." * (len(layers) > 4)
        raise invalid("judge", "None where no layer has classes", judge[0], f"The layers are {shown}. {advice}")
    return found


def fed_judge(judge: Sequence[str]) -> Any:
    """Another network as scores take it, a pair of it and how it is fed; None without one."""
    return (load(judge[0], "judge"), judge[1] if len(judge) > 1 else None) if judge else None


def _beside(references: str, judge: tuple[str, ...], asked: Any) -> Mapping[str, Any]:
    """What the score of a layer compares with, as a job has it."""
    if not (references or judge):
        return {}
    return {"references": references, "judge": judge, "compared": compared(references, judge, asked)}


def compared(references: str, judge: Sequence[str], asked: Any) -> str:
    """Fingerprint of what scores compare with: names, sizes and beginnings of the pictures, weights of the judge.

    Args:
        references: as a job has them.
        judge: the same.
        asked: what :func:`fed_judge` gave of it.
    """
    folder = Path(references)
    files = picture_files(folder) if references else []
    told = [(str(PurePosixPath(one.relative_to(folder))), one.stat().st_size, _beginning(one)) for one in files]
    # The same at any size of picture, where the judge leaves that open.
    other = [fingerprint(network_of_judge(asked[0], (1, 1))), *judge[1:]] if judge else []
    return _hash([told, other], 8)


def _beginning(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.blake2b(file.read(2**16), digest_size=8).hexdigest()


def _loaded(model: Any) -> tuple[Any, str]:
    """The model, and the path that it is of."""
    if not isinstance(model, str | os.PathLike):
        return model, ""
    path = Path(model).expanduser().resolve()
    return load(str(path)), str(path)


def load(path: str, name: str = "model") -> Any:
    """The model of a file.

    Raises:
        OSError: there is none, or it cannot be read.
        ValueError: it holds no Keras model.
    """
    if not os.path.exists(path):  # noqa: PTH110 - keras says less
        raise FileNotFoundError(2, f"There is no such {name}. On a cluster each worker must be able to read it", path)
    try:
        return keras.models.load_model(path, compile=False)
    except OSError:
        raise
    except Exception as error:
        advice = (
            "Register classes of your own by keras.saving.register_keras_serializable, in a module that is imported."
        )
        raise invalid(name, "a Keras model's file", f"{path} ({error})", advice) from error


def _chosen(network: Network, layers: Any) -> list[Target]:
    """The layers that are asked for, in the model's order."""
    if layers is None:
        found = [one for one in network.targets.values() if _has_filters(one)]
        return found or [network.last]
    given = [layers] if isinstance(layers, str | int | np.integer | keras.Layer) else [*layers]
    if not given:
        raise invalid("layers", "at least one layer", layers, "Pass None for all of them.")
    names = [*network.targets]
    chosen: dict[str, None] = {}
    for one in given:
        if isinstance(one, str) and one not in names and any(mark in one for mark in "*?["):
            matching = fnmatch.filter(names, one)
            if not matching:
                advice = f"Choose from: {', '.join(names)}."
                raise invalid("layers", "a pattern that some layer matches", one, advice)
            chosen |= dict.fromkeys(matching)
        else:
            chosen[network.find(one, "layers").name] = None
    return [network.targets[name] for name in names if name in chosen]


def _has_filters(target: Target) -> bool:
    kind = type(target.layer).__name__
    return bool(target.layer.weights) and not any(one in kind for one in NO_UNITS)


def _fitting(target: Target) -> int:
    """Filters that fit well in a batch, see :func:`actmax_widget.engine.batch.batch_size`."""
    return int(np.clip(VALUES_AT_ONCE // graph.count_values([target.output]), 1, LARGEST_BATCH))


def _seeds(seed: Any) -> list[int]:
    given = [seed] if isinstance(seed, int | np.integer) else seed
    if given is None or isinstance(given, str) or not isinstance(given, Iterable):
        advice = "Pass an integer, or several: a sweep that goes on must draw the same pictures."
        raise invalid("seed", "an integer >= 0, or some", seed, advice, TypeError)
    found = [*dict.fromkeys(check_integer("seed", one, least=0) for one in given)]
    if not found:
        raise invalid("seed", "at least one integer >= 0", seed, "Pass e.g. seed=0.")
    return found


def _recipe(network: Network, given: Mapping[str, Any], model: str) -> str:
    """The run file of the pictures of a layer, without filters."""
    base, _ = settled(network, given, None)
    changes = Changes().then(0, base, base.max_iter)
    own = {name: one for name, one in network.given().items() if name != "modified_by"}
    return RunFile(changes, base.max_iter, model, dict(versions()), {}, own).to_json()
