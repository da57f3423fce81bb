"""A film of training: the same picture, from the same noise, after each epoch."""

from __future__ import annotations

import dataclasses
import os
import tempfile
import warnings
from typing import Any

import keras

from actmax_widget.checks import check_flag, check_integer, invalid
from actmax_widget.film import Film
from actmax_widget.sweeps.jobs import Jobs, sweep_jobs
from actmax_widget.sweeps.running import checked_folder, sweep
from actmax_widget.sweeps.store import MANIFEST, MODELS, Sweep, see_models
from actmax_widget.view.atlas import Atlas
from actmax_widget.view.widget import ActMaxWidget


class FilmCallback(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Keeps what some filters look for, epoch by epoch, in ``model.fit``.

    Each picture is made from the same noise with the same settings, so that what differs is the network. The step is
    compiled once. An epoch's picture that cannot be made is a warning: training goes on.

    Args:
        target: layer: its name, path or index.
        filter_indices: filter, unit or class, or several, a picture each; None: all of the layer.
        every: epochs between two pictures, >= 1. The first picture is of the network before training.
        store: folder for the pictures, see :func:`~actmax_widget.sweep`; None: a temporary one, ``callback.folder``.
        models: keep the model of each picture, too, which takes as much of the disk as ``model.save()`` each time;
            without, pictures can be seen but not go on live, and :func:`~actmax_widget.compare` has no two networks.
        seed: random state of the noise, >= 0.
        **settings: see :func:`~actmax_widget.sweep_jobs`: ``preset``, ``labels``, ``max_iter``, ...

    Raises:
        ValueError, TypeError: a bad argument, at once or, where only the model tells, before training begins.

    Example:
        >>> film = am.FilmCallback("conv2", 3, every=2, store="training/")
        >>> film.widget()                                     # in a cell before fit, to watch: the epochs as a sheet
        >>> model.fit(x, y, epochs=10, callbacks=[film])
        >>> film.store.to_pandas()[["checkpoint", "activation"]]
        >>> film.film().to_gif("training.gif")
        >>> am.compare(film.live(2), film.live(10), names=["epoch 2", "epoch 10"])

    Source: the course of features in training as in Zeiler and Fergus, *Visualizing and Understanding Convolutional
    Networks*, 2014, section 4.
    """

    def __init__(
        self,
        target: Any,
        filter_indices: Any = None,
        *,
        every: int = 1,
        store: str | os.PathLike[str] | None = None,
        models: bool = True,
        seed: int = 0,
        **settings: Any,
    ) -> None:
        super().__init__()
        if isinstance(target, list | tuple | set):
            advice = "Use a callback for each."
            raise invalid("target", "one layer", target, advice, TypeError)
        for name in ("checkpoint", "layers", "filters"):
            if name in settings:
                raise invalid(name, "none here", settings[name], "See help(am.FilmCallback).", TypeError)
        self.target, self.filter_indices = target, filter_indices
        self.every = check_integer("every", every, least=1)
        self.models = check_flag("models", models)
        self.folder = checked_folder(tempfile.mkdtemp(prefix="actmax-film-") if store is None else store)
        self._settings = {**settings, "seed": check_integer("seed", seed, least=0)}
        self._has_begun, self._named, self._before = False, 0, 0
        self._first: tuple[str, int] | None = None
        self._made: tuple[Any, int] | None = None  # the model, and the epoch whose picture was the last one due

    # --- what Keras calls --------------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Any = None) -> None:
        """See that the pictures can be made."""
        del logs
        self._has_begun = False
        if self.model.built:
            self._jobs("before")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """The picture before the first epoch."""
        del logs
        if not self._has_begun:
            self._has_begun = True
            # A callback that is given to fit() again counts on; fit(initial_epoch=) counts by itself.
            self._before = self._named - epoch if epoch < self._named else 0
            number = epoch + self._before
            # After a Ctrl-C in an epoch the weights are others than at its beginning, of which there is a picture.
            if self.model.built and self._made != (self.model, number):
                self._make(number, is_first=True)
                self._made = self.model, number

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """The picture after an epoch, if it is due."""
        del logs
        number = epoch + 1 + self._before
        self._named, self._made = number, (self.model, number)
        if number % self.every == 0:
            self._make(number)

    def _make(self, epoch: int, *, is_first: bool = False) -> None:
        name = f"epoch {epoch}"
        try:
            jobs = self._jobs(name)
            if (self.folder / MANIFEST).exists():  # before the model of another training is written over
                advice = "A film is of one training: give this one a callback, and a store, of its own."
                see_models(self.folder, Sweep(self.folder).jobs, jobs, advice)
            if self.models:
                jobs = self._kept(jobs, epoch)
            with warnings.catch_warnings():
                # Of a network that has learned nothing yet many a filter is silent; the rows say so.
                warnings.filterwarnings("ignore", "[0-9,]+ of [0-9,]+ pictures failed", RuntimeWarning)
                sweep(jobs, self.folder, progress=False)
        except Exception as error:
            if is_first:  # nothing is lost yet
                raise
            warnings.warn(f"There is no picture of {name}: {error}", RuntimeWarning, stacklevel=2)

    def _jobs(self, name: str) -> Jobs:
        found = sweep_jobs(self.model, [self.target], self.filter_indices, checkpoint=name, **self._settings)
        if len({one.layer for one in found}) > 1:
            raise invalid("target", "one layer", self.target, "Use a callback for each.")
        self._first = found[0].layer, found[0].filters[0]
        return found

    def _kept(self, jobs: Jobs, epoch: int) -> Jobs:
        """The jobs of the same model in a file."""
        path = (self.folder / MODELS / f"epoch-{epoch}.keras").resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.stem}.part.keras")
        self.model.save(part)
        part.replace(path)
        return Jobs([dataclasses.replace(one, source=str(path)) for one in jobs], jobs.models)

    # --- what it has made --------------------------------------------------------------------------------------------

    @property
    def store(self) -> Sweep:
        """The pictures so far; raises a ValueError before the first."""
        return Sweep(self.folder)

    def film(self, filter: Any = None) -> Film:  # noqa: A002 - as the store has it
        """A filter's pictures with the epoch as iteration, see :meth:`Sweep.film <actmax_widget.sweeps.Sweep.film>`.

        Args:
            filter: filter or label; None: the first one.
        """
        found = self.store
        return found.film(*self._chosen(found, filter))

    def live(self, epoch: int, filter: Any = None) -> ActMaxWidget:  # noqa: A002 - as the store has it
        """A widget on the network as it was after an epoch, set up to make the same picture from the same noise.

        Args:
            epoch: of which there is a picture, 0 is before training.
            filter: filter or label; None: the first one.

        Raises:
            ValueError: there is no picture of it, or its model was not kept.
        """
        found = self.store
        return found.live(found.find(*self._chosen(found, filter), f"epoch {epoch}"), anew=True)

    def _chosen(self, found: Sweep, filter: Any) -> tuple[str, Any]:  # noqa: A002 - as the store has it
        """Layer and filter. Those of this callback, as several may share a store; before fit() those of the store."""
        layer, first = self._first or (found.index["layer"][0], found.index["filter"][0])
        return layer, first if filter is None else filter

    def widget(self) -> Atlas:
        """The pictures as a sheet; each opens as a film with the epoch as time.

        Also before ``fit``, which keeps every later cell waiting: the pictures come in while it runs.
        """
        return Sweep(self.folder, to_come=True).widget()
