"""What a run came to, and what can be taken away from it."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from actmax_widget.checks import invalid
from actmax_widget.export import page, plotting, saving, sheet
from actmax_widget.export.code import code as code_of
from actmax_widget.network import Network
from actmax_widget.network.dataset import References
from actmax_widget.results import History, Note
from actmax_widget.scoring.examples import Examples
from actmax_widget.scoring.score import Score, of_run, top_of_run
from actmax_widget.settings import Settings


@dataclass(frozen=True, eq=False)
class Result:
    """What a run came to. ``image, history = result`` takes it apart.

    Attributes:
        image: (H, W, C) float32 in ``input_range``, the picture that the last row of the history was measured at, as
            the network takes it: before transforms.
        history: every iteration's losses, a column for each term, and the target's activation.
        checkpoint: all that the next iteration needs, see :class:`~actmax_widget.Checkpoint`.
        film: pictures and checkpoints of the run, see :class:`~actmax_widget.Film`; None for one of many, see
            :func:`~actmax_widget.visualize_many`.
        subject: model and target in words; empty where nobody told.
        network: of the model, which is not pickled with it; None where it is not known.
        labels: names of the last layer's units; None without.
        references: real pictures that were given with the run; None without.
        to_come: of a widget that will repeat a recorded run, and has not begun: its changes, and how far it came.
        notes: what went wrong, or is odd about it, the most urgent first: a tuple of
            :class:`~actmax_widget.results.Note`, each a sentence and what to set; empty where nothing was found.
    """

    image: np.ndarray = field(repr=False)
    history: History
    checkpoint: Any
    film: Any
    notes: tuple[Note, ...] = field(default=(), kw_only=True)
    subject: str = field(default="", repr=False, kw_only=True)
    network: Network | None = field(default=None, repr=False, kw_only=True)
    labels: Any = field(default=None, repr=False, kw_only=True)
    references: Any = field(default=None, repr=False, kw_only=True)
    to_come: Any = field(default=None, repr=False, kw_only=True)

    @property
    def course(self) -> Any:
        """The checkpoint, for who writes down how it was made: of a run that is still to be repeated, as of its end."""
        changes, iteration = self.to_come or (self.checkpoint.changes, self.checkpoint.iteration)
        return replace(self.checkpoint, changes=changes, iteration=iteration)

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: a model has its own file."""
        return {**vars(self), "network": None, "references": None}

    def __iter__(self) -> Iterator[Any]:
        return iter((self.image, self.history))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file, of the kind that the ending says: see :func:`actmax_widget.export.saving.save`."""
        return saving.save(self, path)

    def code(self) -> str:
        """Python code that makes this picture: see :func:`actmax_widget.export.code.code`."""
        return code_of(self.course)

    def to_html(self) -> page.Page:
        """The text of what ``save("x.html")`` writes; at the end of a cell it is shown: film, chart, table, settings.

        It stays in the saved notebook, which it makes larger by itself: 0.3 MB for digits, 3 MB for photographs. So a
        result alone shows none.

        Raises:
            ValueError: pictures that are not of rows and columns.
        """
        return page.of_run(self)

    def score(self, references: Any = None, judge: Any = None, *, model: Any = None) -> Score:
        """How far the picture can be trusted: see :func:`actmax_widget.score`.

        Args:
            references: real pictures, see :class:`~actmax_widget.References`; None: those given with the run, if any.
            judge: another network of the same classes, or a pair of it and how it is fed.
            model: the Keras model, where the result was pickled; else the run's is taken.

        Raises:
            ValueError, TypeError: no such references, a judge of other classes, or no model: before anything is
                computed.

        Example:
            >>> print(am.visualize(am.demo.photos(), "logits", "flamingo", seed=0).score())
            Score of logits, flamingo
            strong  green  It is first of 1000 classes, with a probability of 1.00.
            ...
        """
        network = self._known(model)
        references = self.references if references is None else references
        settings = self.checkpoint.settings
        return of_run(network, settings, self.image, references=references, judge=judge, labels=self.labels)

    def top_references(self, references: Any = None, count: int = 9, *, model: Any = None) -> Examples:
        """The real pictures that excite the target most: see :func:`actmax_widget.visualize_references`.

        Args:
            references: see there; None: those given with the run.
            count: how many.
            model: see :meth:`score`.

        Raises:
            ValueError, TypeError: no references, none that can be read, or an objective without units.
        """
        references = self.references if references is None else references
        return top_of_run(self._known(model), self.checkpoint.settings, References.of(references), count, self.labels)

    def _known(self, model: Any) -> Network:
        given = {name: one for name, one in self.checkpoint.given.items() if name != "modified_by"}
        network = self.network if model is None else Network(model, **given)
        if network is None:
            advice = "A result that was pickled has none: pass the one that it was made of."
            raise invalid("model", "the Keras model", None, advice)
        return network

    def plot(self) -> Any:
        """The losses and the film as a figure: see :func:`actmax_widget.export.plotting.plot`."""
        return plotting.plot(self)


def subject(model: str, settings: Settings, names: Sequence[str] = (), without: Container[str] = ()) -> str:
    """Model and target in words, "digits · out · filter 3".

    Args:
        model: its name.
        settings: with the target.
        names: of the units of the layer, where they have any.
        without: settings that are left out, as pictures differ in them.
    """
    if settings.objective is not None:
        return f"{model} · {' + '.join(settings.objective.names)}"
    chosen = settings.filter_indices
    if "filter_indices" in without:
        return f"{model} · {settings.layer}"
    if chosen is None:
        return f"{model} · {settings.layer} · all filters"
    words = [f"{one} {names[one]}" if one < len(names) else f"{one}" for one in chosen]
    return f"{model} · {settings.layer} · filter{'s' * (len(words) > 1)} {', '.join(words)}"


@dataclass(frozen=True, eq=False)
class Many:
    """Several pictures of one objective. ``many[i]`` is one's :class:`Result`; ``len`` and iterating work, too.

    Attributes:
        results: of each.
        varied: what each has of its own: name -> value.
        vary: the values that were asked for: name -> values; of several names each with each of the others'.
        base: the settings that all have in common, with the random state that was drawn; None where each has another.
        titles: what a person knows the names by.
        subject: model and target in words.
    """

    results: tuple[Result, ...] = field(repr=False)
    varied: tuple[dict[str, Any], ...]
    vary: Mapping[str, Sequence[Any]] = field(default_factory=dict, repr=False)
    base: Settings | None = field(default=None, repr=False)
    titles: Mapping[str, str] = field(default_factory=dict, repr=False)
    subject: str = field(default="", repr=False)

    @property
    def images(self) -> np.ndarray:
        """(n, H, W, C) float32, see :attr:`Result.image`."""
        return np.stack([one.image for one in self.results])

    @property
    def histories(self) -> list[History]:
        """Every iteration's losses of each picture."""
        return [one.history for one in self.results]

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, index: int) -> Result:
        return self.results[index]

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def save(self, path: str | os.PathLike[str], *, ui: Mapping[str, Any] | None = None) -> Path:
        """Write all of them to a file, of the kind that its ending says.

        ``.png``: a sheet of them, with what each differs in and its activation, and what made them as text. ``.html``:
        a page without a kernel, to sort and to look closer. ``.csv``, ``.parquet``: all rows, with the number of the
        picture and what it has of its own as columns. ``.json``: the run file, see :func:`~actmax_widget.load_run`.
        ``.py``: code that makes them.

        Args:
            path: of the file, which is there as a whole or not at all.
            ui: how a widget was shown, for a run file.

        Returns:
            The path.

        Raises:
            ValueError, TypeError: an unknown ending, or something that cannot be written down.
            ImportError, OSError: something is not installed, or the file cannot be written.

        Example:
            >>> many = am.visualize_many(am.demo.digits(), "out", 3, vary={"seed": range(8)})
            >>> many.save("seeds.png"), many.save("seeds.html")
        """
        return saving.save(self, path, ui=ui, kinds=sheet.KINDS)

    def to_html(self) -> page.Page:
        """The text of what ``save("x.html")`` writes; at the end of a cell it is shown."""
        return sheet.html(self)

    def code(self) -> str:
        """Python code that makes all of them, as ``result``, from a variable ``model``.

        The same bit for bit on the same machine with the same versions, if ``batch_size`` was left as it is.

        Raises:
            ValueError: each has a random state that was drawn, or something has no name, such as a lambda.
        """
        return sheet.code(self)

    def plot(self) -> Any:
        """The pictures as a figure: see :func:`actmax_widget.export.sheet.plot`."""
        return sheet.plot(self)
