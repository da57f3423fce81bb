"""The Jupyter widget. Beside :mod:`actmax_widget.view.comparing` the only file that knows ipywidgets and anywidget.

Parameters are traits, made from and checked by their declarations in :mod:`actmax_widget.settings`, and handed to the
:class:`~actmax_widget.live.run.Run`. Facts are read-only traits (:mod:`actmax_widget.view.messages`), set at
transitions, and now and then in a long run, so that a notebook saved meanwhile holds all of one moment. Pictures and
rows travel as custom messages (:mod:`actmax_widget.view.stream`), sent by one thread. Handlers may run in any thread
(JupyterLab uses subshells), so every trait is set under one lock, the same for all widgets. What the page knows of all
this is ``js/src/kernel/contract.ts``, which ``make contract`` writes.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import functools
import os
import pathlib
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Container, Iterator, Mapping
from types import MappingProxyType
from typing import Any, get_origin, get_type_hints

import anywidget
import traitlets
from IPython.display import display

from actmax_widget import backprop_modifiers, demo, preprocessing, presets, reading
from actmax_widget.callbacks import check_callbacks
from actmax_widget.checkpoint import Changes, Checkpoint
from actmax_widget.checks import in_words, invalid, near, saying
from actmax_widget.export import saving
from actmax_widget.export.card import to_card, to_png
from actmax_widget.export.page import Page, side_by_side
from actmax_widget.export.result import Many, Result, subject
from actmax_widget.film import Film
from actmax_widget.labels import Labels
from actmax_widget.live.facts import Facts, Frame
from actmax_widget.live.pump import Pump
from actmax_widget.live.quiet import QUIET
from actmax_widget.live.run import Branch, Past, Run
from actmax_widget.network import Network, Target, graph, starting
from actmax_widget.network.dataset import References
from actmax_widget.network.starting import starting_image
from actmax_widget.parameters import Parameter, documented, filled, parameters_of
from actmax_widget.results import History, Note, TilePictures
from actmax_widget.scoring.examples import Examples
from actmax_widget.scoring.score import Score, known_of_run, top_of_run
from actmax_widget.settings import PARTS, Settings, differ
from actmax_widget.view import choices, inquiry, looks, messages
from actmax_widget.view.lesson import check_ui
from actmax_widget.view.lifetime import Lifetime
from actmax_widget.view.messages import KernelFacts
from actmax_widget.view.pins import Pin, Pins, made_with, pin_of
from actmax_widget.view.stream import Stream
from actmax_widget.view.tile_feed import snapshot

STATIC = pathlib.Path(__file__).parents[1] / "static"
PARAMETERS = parameters_of(Settings)
DEFAULTS = {name: parameter.default for name, parameter in PARAMETERS.items()} | {"layer": ""}
KNOBS = KernelFacts.__dataclass_fields__["knobs"]
UI = KernelFacts.__dataclass_fields__["ui"]
IMAGE_RANK = 3
LOOK = ("layout", "tabbable", "tooltip")
"""Keywords of every ipywidgets widget that are passed on."""
KEEP_SECONDS = 5.0
"""Seconds of a run after which the facts for a saved notebook are renewed."""
KEEP_RATE = 200_000
"""Bytes per second that renewing them may take on the way to the browser: a long run is kept less often."""


def _named(value: Any, _: Any = None) -> Any:
    """A function by its name; anything else as it is."""
    return getattr(value, "__name__", type(value).__name__) if callable(value) else value


class ParameterTrait(traitlets.TraitType[Any, Any]):
    """A trait that a person sets: checked by the run before it is set, and handed to it after."""

    def __init__(self, parameter: Parameter) -> None:
        # Not allow_none: traitlets would take None for any of them without asking validate().
        super().__init__(default_value=DEFAULTS[parameter.name], help=parameter.said())
        self.tag(sync=parameter.kind not in {"picture", "part"}, to_json=_named)  # these travel in other ways
        self.parameter = parameter

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the checked value; raises ValueError or TypeError with a full sentence."""
        return obj.checked(self.parameter, value)

    def set(self, obj: Any, value: Any) -> None:
        """Set the value, one thread at a time: the trait machinery is not safe for threads."""
        with obj.lock:
            super().set(obj, value)


class PictureTrait(ParameterTrait):
    """The starting picture: whatever it is given as, it is held as the network takes it."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the array; raises ValueError or TypeError with a full sentence."""
        if value is obj.start_picture.array:
            return value
        start = obj.read_start(value)
        array = super().validate(obj, start.array)
        obj.start_picture = dataclasses.replace(start, array=array)
        return array


class KnobsTrait(traitlets.TraitType[Any, Any]):
    """The numbers of all parts; what is set changes those that it names."""

    def __init__(self) -> None:
        super().__init__(default_value=None, allow_none=True, help=KNOBS.metadata["help"])
        self.tag(sync=True)

    def validate(self, obj: Any, value: Any) -> Any:
        """Return all numbers; raises ValueError or TypeError with a full sentence."""
        return obj.checked_knobs(value)

    def set(self, obj: Any, value: Any) -> None:
        """See :meth:`ParameterTrait.set`."""
        with obj.lock:
            super().set(obj, value)


class UiTrait(traitlets.TraitType[Any, Any]):
    """What of the instrument is shown: a person sets it, and the page only reads it."""

    def __init__(self) -> None:
        super().__init__(default_value={}, help=UI.metadata["help"])
        self.tag(sync=True)

    def validate(self, obj: Any, value: Any) -> Any:
        """Return a dict of its own; raises ValueError or TypeError with a full sentence."""
        return obj.checked_ui(value)

    def set(self, obj: Any, value: Any) -> None:
        """See :meth:`ParameterTrait.set`."""
        with obj.lock:
            super().set(obj, value)


class Knobs(dict[str, float]):
    """The numbers of all parts of a widget by their addresses: ``widget.knobs["Jitter.shift"] = 4`` sets one."""

    def __init__(self, values: Any, owner: Any) -> None:
        super().__init__(values)
        self._owner = weakref.ref(owner)

    def __setitem__(self, address: str, value: float) -> None:
        self.update({address: value})

    def update(self, *values: Any, **more: float) -> None:
        """Set several at once."""
        if owner := self._owner():
            owner.knobs = dict(*values, **more)
            super().update(owner.knobs)  # for whoever holds on to this one

    def __ior__(self, values: Any) -> Any:  # type: ignore[misc]
        self.update(values)
        return self

    def _refuse(self, *_: Any) -> Any:
        message = "The numbers of a widget's parts can be set, not taken away. Leave the part itself out."
        raise TypeError(message)

    __delitem__ = pop = popitem = clear = setdefault = _refuse

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


def _parameter_traits() -> dict[str, ParameterTrait]:
    kinds = {"picture": PictureTrait}
    return {name: kinds.get(parameter.kind, ParameterTrait)(parameter) for name, parameter in PARAMETERS.items()}


def fact_traits(facts: Any, without: Container[str] = ()) -> dict[str, Any]:
    """A read-only trait for each fact of a class of :mod:`actmax_widget.view.messages` or its like.

    Args:
        facts: the class.
        without: names of those that a person sets, too.
    """
    kinds: dict[Any, Any] = {
        bool: traitlets.Bool,
        int: traitlets.Int,
        float: traitlets.Float,
        bytes: traitlets.Bytes,
        list: traitlets.List,
        dict: traitlets.Dict,
    }
    traits = {}
    for name, kind in get_type_hints(facts).items():
        if name in without:
            continue
        fact, plain = facts.__dataclass_fields__[name], get_origin(kind) or kind
        trait = kinds.get(plain, traitlets.Unicode)
        default = plain(fact.default) if plain in {list, dict} else fact.default
        traits[name] = trait(default, read_only=True, help=fact.metadata["help"]).tag(sync=True)
    return traits


class DeclaredTraits(traitlets.HasTraits):
    """The traits that follow from declarations."""

    # A class's namespace can be written to as long as its body runs, and traitlets looks at what is in it then.
    vars().update(_parameter_traits() | fact_traits(KernelFacts, {KNOBS.name, UI.name}))


class _Text:
    """A file's text as it is when a widget is made.

    A path would be watched by anywidget, which holds on to each widget, and so to its model, for ever.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return self._path.read_text(encoding="utf-8")


@documented(Settings)
@filled({"facts": [f"{fact.name}: {fact.metadata['help']}" for fact in dataclasses.fields(KernelFacts)]})
class ActMaxWidget(DeclaredTraits, anywidget.AnyWidget):
    """Watch and steer activation maximization in a notebook.

    Args:
        model: a Keras model with one picture as input, (height, width, channels) of known size; default: the bundled
            photo network, :func:`actmax_widget.demo.photos`, and its goldfish.
        layer: target layer: its name, its index in ``model.layers``, or the layer; default: the last one.
        input_shape: (height, width, channels). None is as the model was made; where that is open, the size of
            ``seed_input``. At another size than a model was made for, the layers that need that one are no targets.
        held_inputs: for a model with several inputs: name of each other input -> the value it is held at.
        losses: the objective as keras-vis writes it: pairs of a loss and its weight.
        labels: what the last layer's units are called: a list of names, a dict of index and name, a file with one a
            line, or "imagenet"; None: those of a bundled network, if it is one. ``filter_indices`` may then be a name.
        references: real pictures to set beside the made one: an array, a folder, a list, a ``tf.data`` or Keras
            dataset, see :class:`~actmax_widget.References`; ``widget.references`` may be set at any time. With
            ``preset="references"`` the picture's features are made to be theirs, see :func:`~actmax_widget.visualize`.
        callbacks: of :class:`~actmax_widget.callbacks.OptimizerCallback`: told of each iteration in a thread of their
            own. Steps are then made one at a time. One that raises ``StopIteration`` ends the run.
        **parameters: start values of the parameters below, and ``layout``. Where no ``preset`` is named it is
            ``"natural"``; what it stands for takes the place of the defaults below, which are keras-vis's, and what is
            named takes the place of both.

    Parameters are traits: set, observe or link them at any time.
        {parameters}
        ``preset`` brings parametrization, transforms, optimizer, weights, ``class_loss`` and ``max_iter``, each of
        which may be set again after it. An objective keeps its own terms.
        ``preprocess`` may be a pair (mean, standard deviation) in units of 0 to 255, a Keras layer or a function of
        ``keras.ops``, too.
        ``seed_input`` may be set to a path or a Pillow image, which is fitted to the input and scaled to
        ``input_range``, or to an array, which has the network's own values. It then holds the array.
        ``backprop_modifier`` may be a function of the model when the widget is made.
        ``knobs`` are the numbers of all parts by their addresses, ``part.number``: read, set and observe them, as in
        ``widget.knobs["Jitter.shift"] = 4``.
        ``ui`` is what of the instrument a lesson shows: ``{"hide": names, "title": words, "text": words}``, or some.
        Hidden are parts of it ("table", "tiles", "settings", "recipe", "knobs", "buttons", ...), parameters
        ("tv_weight"), numbers ("Jitter.shift") and parts ("Jitter"); a name that there is not is refused with all that
        there are. The title is shown in place of the model's name, the text, without any markup, beneath. From Python
        all can be set as before.

    Facts are traits that only the widget sets.
        image: The picture of the last iteration, (H, W, C) float32 in ``input_range``, before ``preprocess`` and
            without transforms: the last row tells its losses as the network was shown it.
        {facts}

    Raises:
        TypeError: a keyword that does not exist, a value of the wrong type, not a model.
        ValueError: a bad value, an unknown layer, a filter out of range, an input of unknown size.

    Example:
        >>> import actmax_widget as am
        >>> widget = am.ActMaxWidget(filter_indices="flamingo", max_iter=100)
        >>> widget                      # in a notebook cell: shows it
        >>> widget.start()              # or press Run
        >>> widget.wait(60)
        True
        >>> widget.image.shape, widget.preset
        ((227, 227, 3), 'natural')
        >>> widget.history.to_pandas()  # every iteration's losses, activation and probability
    """

    if STATIC.is_dir():  # without it the functions still work, and the widget says what to do
        _esm = _Text(STATIC / "widget.js")
        _css = _Text(STATIC / "widget.css")

    image = traitlets.Any(read_only=True)
    """The picture of the last iteration, (H, W, C) float32 in ``input_range``; the last row tells its losses."""

    _labels: Labels | None = None
    _replayed = 0
    _followed: Settings | None = None
    _references: References | None = None
    _published: Any = None
    _kept: Any = None
    _run: Any = None  # until the model was checked; ipywidgets also closes widgets that were never finished
    lock = threading.RLock()
    """Held while a trait is set. One for all widgets: where one observes another, two threads would each hold one lock
    and wait for the other."""
    knobs = KnobsTrait()
    ui = UiTrait()
    start_picture = starting.Start()
    """What ``seed_input`` was made of, and how."""

    def __init__(
        self,
        model: Any = None,
        layer: Any = None,
        *,
        input_shape: Any = None,
        held_inputs: Any = None,
        losses: Any = None,
        callbacks: Any = None,
        labels: Any = None,
        references: Any = None,
        **parameters: Any,
    ) -> None:
        _check_keywords(parameters)
        self._references = None if references is None else References.of(references)
        if losses is not None:
            if parameters.get("objective") is not None:
                raise invalid("losses", "None where there is an objective", losses, "Pass one of the two.", TypeError)
            parameters["objective"] = losses
        listeners = check_callbacks(callbacks)
        _check_front_end()
        self._foreign = threading.local()  # set in a thread while it acts for the browser
        self._pump = Pump(self.pump)
        self._shown = (-1, 0)
        self._keep_at = 0.0
        self._card_id = ""  # none was put beneath it yet
        self._card_due = False
        self._card_lock = threading.Lock()
        self._pins = Pins()
        # What takes long, and of each kind the page's newest question, not answered yet.
        self._asking, self._asked = inquiry.Inquiry(), dict[Any, Any]()
        look = {name: parameters.pop(name) for name in LOOK if name in parameters}
        shown = parameters.pop("ui", None)
        seed_input = parameters.pop("seed_input", None)
        if model is None:
            model = _photos()
            if layer is None and parameters.get("objective") is None:
                parameters.setdefault("filter_indices", "goldfish")
        modifier = parameters.pop("backprop_modifier") if callable(parameters.get("backprop_modifier")) else None
        network = Network(_modified(model, modifier), input_shape, held_inputs, seed_input)
        network.modified_by = backprop_modifiers.address_of(modifier)
        _check_picture(network)
        target = network.last if layer is None else network.find(layer)
        self._labels = demo.labels(model) if labels is None else Labels(labels)
        parameters = self._looked_up(network, target, parameters)
        settings = Settings(layer=target.name)
        settings = settings.changed(**presets.with_preset({"preset": "natural", **parameters}, settings, network))
        start = starting.start_of(network.input, seed_input, settings.input_range, settings.seed_fit)
        settings = dataclasses.replace(settings, seed_input=start.array)
        self.start_picture = dataclasses.replace(start, array=settings.seed_input)
        shown = check_ui(shown, settings)
        run = Run(network, settings, listeners, notify=self._pump.wake)
        self._parts = choices.Choices()
        self._fed = {"input_range": settings.input_range, "preprocess": settings.preprocess}
        self._recipe: tuple[Any, ...] = ()  # the preset and the parts that the defaults are of, and they
        super().__init__(ui=shown, **look)
        self._stream = Stream(run, _weakly(self.send), time.monotonic)
        run.watched, run.labels = self._stream.watched, self._labels
        self._lifetime = Lifetime(self, ActMaxWidget._is_busy, ActMaxWidget._let_go)
        self._show_run(run)
        self.on_msg(self._on_message)
        run.prepare()

    def _looked_up(self, network: Network, target: Target, parameters: dict[str, Any]) -> dict[str, Any]:
        """Parameters with indices in the place of names, and with what a preset makes of the references."""
        if self._labels is not None:
            self._labels.check(network.last.filters, network.last.name)
            if "filter_indices" in parameters:
                given = self._labels.indices(parameters["filter_indices"], target.filters, target.name)
                parameters = {**parameters, "filter_indices": given}
        if parameters.get("preset") != presets.REFERENCES:
            return parameters
        chosen = parameters.get("filter_indices", DEFAULTS["filter_indices"])
        return presets.by_references(network, target.name, chosen, self._references, parameters)

    # --- commands --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Run until the goal, in the background. After the end it goes on for another ``max_iter`` iterations."""
        self._stream.expect()
        self._command("start")

    def pause(self) -> None:
        """Stop after the step in hand."""
        self._run.pause()  # at once: the rest may have to wait for what is just being sent
        self._command("pause")

    def step(self, n: int = 1) -> None:
        """Make exactly ``n`` iterations and wait for them; tiles pause. Running: nothing.

        Raises:
            ValueError, TypeError: ``n`` is not an integer >= 1.
        """
        if self._command("step", n):
            self._wait(None)

    def reset(self) -> None:
        """Stop, and go back to the starting picture and an empty history."""
        self._command("reset")

    def visualize_layer(self, filters: Any = None) -> None:
        """Make a picture of each filter of the layer with the present settings, in the background; shown as tiles.

        Args:
            filters: an int or a sequence; ``None`` is all of the layer.

        Raises:
            ValueError, TypeError: filters that the layer does not have.
        """
        self._stream.expect()
        self._command("make_tiles", filters)

    def visualize_many(self, *, vary: Any = None) -> None:
        """Make pictures that differ in a number, a random state or a filter, in the background; shown as tiles.

        Args:
            vary: what differs: name -> values, as :func:`~actmax_widget.visualize_many` takes it: ``"seed"``,
                ``"filter_indices"``, ``"position"``, ``"temperature"``, a weight, or any number of a part by its
                address. Of several names each value goes with each of the others'. All else is as it is set now;
                where ``seed`` is None one random state is drawn for all. None: what the run file had that
                :func:`~actmax_widget.load_run` has set this widget up by.

        Raises:
            ValueError, TypeError: no such name, no values, bad ones, or too many; nothing is changed.

        Example:
            >>> widget.visualize_many(vary={"seed": range(8)})
            >>> widget.wait()
            True
            >>> widget.tiles.varied[3]
            {'seed': 3}
            >>> widget.open_tile(3)  # and Run goes on with it
        """
        self._stream.expect()
        self._command("make_varied_tiles", (self.vary or None) if vary is None else vary, self._labels)

    @property
    def tiles(self) -> TilePictures | None:
        """The tiles begun so far: pictures as the network saw them last, losses, and what they differ in."""
        found: TilePictures | None = self._run.tiles
        return found

    @property
    def sheet(self) -> Many:
        """The tiles begun so far as :func:`~actmax_widget.visualize_many` gives pictures: to save, or as code.

        Raises:
            ValueError: there are none.

        Example:
            >>> widget.visualize_many(vary={"seed": range(8)})
            >>> widget.wait()
            True
            >>> widget.sheet.save("seeds.png"), widget.sheet.save("seeds.html")
        """
        found = self._run.sheet()
        if found is None:
            error = invalid("sheet", "tiles with a picture", "none", "Press All filters or Vary first.")
            raise saying(error, "There are no tiles with a picture yet.")
        names = self.labels if found.layer in self.labelled else ()
        results = tuple(
            self._result_of(one.image, one.history, one.checkpoint, one.checkpoint.settings) for one in found.pictures
        )
        whose = subject(self.model_name, results[0].checkpoint.settings, names, without=found.vary)
        return Many(results, found.varied, found.vary, found.base, found.titles, whose)

    def _result_of(
        self, image: Any, history: History, kept: Checkpoint, settings: Settings, film: Any = None, **more: Any
    ) -> Result:
        """A picture of this network, with all that is known of it here."""
        known = {"network": self._run.network, "labels": self._labels, "references": self._references}
        return Result(image, history, kept, film, subject=self._subject(settings), **known, **more)

    def _subject(self, settings: Settings) -> str:
        return subject(self.model_name, settings, self.labels if settings.layer in self.labelled else ())

    def open_tile(self, which: int) -> None:
        """Take a tile over, with picture and losses: Run goes on from there.

        What it is made of comes with it: what is maximised, and its values of what the tiles differ in.

        Args:
            which: where tiles differ by their filter alone, as those of :meth:`visualize_layer` do, the filter; else
                the position, counted from 0, as in ``tiles.varied``.

        Raises:
            ValueError: there is no such tile, or it is not begun.
        """
        self._go_back("open_tile", which)

    def checkpoint(self) -> Checkpoint:
        """The picture at this moment with its settings, losses and all that its next step needs; also in mid-run.

        It can be pickled, saved to a file, and gone on from by :meth:`restore` or ``visualize(start=...)``.
        """
        found: Checkpoint = self._run.checkpoint()
        return found

    def restore(self, checkpoint: Checkpoint) -> None:
        """Stop, and go back to a checkpoint: its picture, losses and settings. Run goes on from there.

        Args:
            checkpoint: of this model, from :meth:`checkpoint`, ``result.checkpoint`` or ``Checkpoint.load``.

        Raises:
            TypeError: no checkpoint.
            ValueError: it is damaged, or of another model; nothing is changed.
        """
        self._go_back("restore", checkpoint)

    def repeat(self, changes: Changes, iteration: int) -> None:
        """Set in the course of the next Run what was set in a recorded one, each at its iteration.

        :func:`actmax_widget.load_run` does it. The Run ends where the recorded one did; a Reset begins it again. As
        soon as anything but the speed is set otherwise it is another run, which the message says.

        Args:
            changes: of the recorded run, from its beginning. What it began with is in force, and nothing is made yet.
            iteration: how far it came.

        Raises:
            ValueError, TypeError: changes that are not those of a run of this model; nothing is changed.
        """
        self._run.repeat(changes, iteration)
        self._publish()

    @property
    def film(self) -> Film:
        """Pictures and checkpoints of the run up to this moment: :class:`~actmax_widget.Film`."""
        found: Film = self._run.film()
        return found

    def rewind(self, iteration: int) -> int:
        """Stop, and go back to the checkpoint nearest to an iteration, with its settings; what was made after it goes.

        Args:
            iteration: one that was made, or 0.

        Returns:
            The iteration that it went back to; the message says so where it is another one.

        Raises:
            TypeError, IndexError: no integer, or an iteration that was not made.
        """
        found: int = self._go_back("rewind", iteration)
        return found

    def branch(self, iteration: int, name: str | None = None, **changes: Any) -> str:
        """Go back as :meth:`rewind` does, but keep the old line, and go on from there with other settings.

        Args:
            iteration: see :meth:`rewind`.
            name: of the new line; None: ``"branch 1"``, and so on.
            **changes: parameters, but for those that begin a run afresh.

        Returns:
            The new line's name. ``widget.branches`` has all of them: name, parent, the iteration at which it left that
            one, and a checkpoint to :meth:`restore`; :meth:`open_branch` goes back to one.

        Raises:
            ValueError, TypeError, IndexError: a bad iteration, value or name; nothing is changed.

        Example:
            >>> widget.branch(100, tv_weight=30)
            'branch 1'
            >>> widget.start()
            >>> widget.open_branch("main")  # back to the old line
        """
        found: str = self._go_back("branch", iteration, name, **changes)
        return found

    def open_branch(self, name: str) -> None:
        """Stop, and go back to a line that was left, to where it was then, with its film; the present one is kept.

        Args:
            name: one of ``widget.branches``. Of the one in front: nothing happens.

        Raises:
            ValueError, TypeError: there is no such line; nothing is changed.

        Example:
            >>> widget.branch(100, tv_weight=30)
            'branch 1'
            >>> widget.open_branch("main")  # and "branch 1" waits where it is
        """
        self._go_back("open_branch", name)

    @property
    def branches(self) -> dict[str, Branch]:
        """The lines of this run that were left, and the one in front, by name; see :meth:`branch`."""
        found: dict[str, Branch] = self._run.branches
        return found

    def _go_back(self, command: str, *arguments: Any, **changes: Any) -> Any:
        with self.lock:
            found = getattr(self._run, command)(*arguments, **changes)
            self._follow(self._run.settings)
            self._run.prepare()
        self._complain("")
        self._publish()
        return found

    def pin(self, name: str | None = None, *, iteration: int | None = None) -> str:
        """Keep the present picture with its settings, to compare it with others and to go back to it.

        Args:
            name: by which ``widget.pins`` has it; None: ``"Pin 1"``, and so on.
            iteration: an earlier one instead, 0 for the start; the nearest of which the film has a picture. None: the
                newest.

        Returns:
            The name.

        Raises:
            ValueError, TypeError, IndexError: a name that is taken, an iteration that was not made, or too many pins:
                there may be 12.

        Example:
            >>> widget.pin("smooth")
            'smooth'
            >>> widget.tv_weight = 0
            >>> widget.start()                                     # and the tab Compare shows both
            >>> widget.restore(widget.pins["smooth"].checkpoint)   # Go on from here
        """
        with self.lock:
            name = self._pins.named(name)
            self._pins[name] = pin_of(self._run.film(), name, iteration, self._run.network.layout.as_shown)
            self._show_pins()
        return name

    @property
    def pins(self) -> Mapping[str, Pin]:
        """The pins by name, in their order: :class:`~actmax_widget.view.pins.Pin`; see :meth:`pin`, :meth:`unpin`."""
        return MappingProxyType(self._pins)

    def unpin(self, name: str) -> None:
        """Take a pin away.

        Raises:
            ValueError: there is none of that name.
        """
        with self.lock:
            del self._pins[self._pins.of(name).name]
            self._show_pins()

    def rename_pin(self, name: str, new: str) -> None:
        """Give a pin another name; it stays where it is among the others.

        Args:
            name: of the pin.
            new: what it is called from now on; white space around it is left out.

        Raises:
            ValueError, TypeError: there is none of that name, or the new one is none, empty, or another pin's.

        Example:
            >>> widget.rename_pin("Pin 1", "smooth")
        """
        with self.lock:
            self._pins.rename(name, new)
            self._show_pins()

    def pins_to_html(self) -> Page:
        """The text of what :meth:`save_pins` writes; at the end of a cell it is shown."""
        if not self._pins:
            raise invalid("pins", "at least one pin", "none", "Press Pin, or call widget.pin().")
        pairs = [
            (one.name, self._result_of(one.image, one.history, one.checkpoint, one.settings))
            for one in self._pins.values()
        ]
        notes = [
            f"{one.name} is of iteration {one.iteration}; losses and code are of iteration {one.checkpoint.iteration}."
            for one in self._pins.values()
            if one.iteration != one.checkpoint.iteration
        ]
        return side_by_side(pairs, title=f"Pins of {self.model_name}", notes=notes)

    def save_pins(self, path: str | os.PathLike[str]) -> pathlib.Path:
        """Write the pins, side by side, with what they differ in, to a page that needs no kernel and no network.

        Args:
            path: of the file, which ends in ``.html`` and is there as a whole or not at all.

        Returns:
            The path.

        Raises:
            ValueError, TypeError: there are no pins, another ending, or no path.
            OSError: the file cannot be written.

        Example:
            >>> widget.save_pins("compared.html")
        """
        return saving.save_page(self.pins_to_html(), path)

    def _show_pins(self) -> None:
        """Tell the page which there are, and what the present picture is made with."""
        with self.lock, self.hold_sync():
            pinned, pictures = self._pins.facts(self._start_called)
            self._complain("")
            self.set_trait("pinned", pinned)
            self.set_trait("pin_pictures", pictures)
            self._show_present()

    def _show_present(self) -> None:
        """Tell the page what the present picture is made with; it is asked for where there is a pin beside it."""
        present = {}
        if self._pins:
            settings, seed = self._run.in_front()
            present = messages.content(made_with(settings, seed, self._start_called(settings)))
        if self.present != present:
            self.set_trait("present", present)

    def _start_called(self, settings: Settings) -> str:
        """What the starting picture of settings is called; empty for noise."""
        if settings.seed_input is None:
            return ""
        return self.start_picture.name if settings.seed_input is self.start_picture.array else "another picture"

    @property
    def result(self) -> Result:
        """What the run has come to, as ``visualize`` gives it: image, history, checkpoint and film, of one moment."""
        film: Film = self._run.film()
        kept = film.checkpoints[-1]
        image = self._run.network.layout.as_shown(kept.arrays["measured"][0])
        more = {"film": film, "notes": self.notes, "to_come": self._run.to_repeat}
        return self._result_of(image, kept.history, kept, kept.settings, **more)

    @property
    def references(self) -> References | None:
        """Real pictures to set beside the made one, whatever :class:`~actmax_widget.References` takes; None: none."""
        return self._references

    @references.setter
    def references(self, value: Any) -> None:
        self._references = None if value is None else References.of(value)
        self._asking.forget()
        with self.lock:
            self.set_trait("has_references", self._references is not None)
            if isinstance(self._run, Run):  # and not what is left of one
                self._tell_run(self._run)
                self._run.examine_again()

    def _tell_run(self, run: Run) -> None:
        """Let a run know what its target answers the real pictures with, as far as somebody asked."""
        given = self._references
        run.references = (lambda _: None) if given is None else functools.partial(known_of_run, run.network, given)

    def score(self, references: Any = None, judge: Any = None) -> Score:
        """How far the picture can be trusted: see :func:`actmax_widget.score`.

        Args:
            references: real pictures; None: ``widget.references``, if there are any.
            judge: another network of the same classes, or a pair of it and how it is fed.

        Raises:
            ValueError, TypeError: nothing was run yet, no such references, or a judge of other classes: before
                anything is computed.
        """
        if not self._run.facts().iteration:
            raise invalid("picture", "one that was run", "the start", "Press Run, or call start(), first.")
        found = self.result.score(references, judge)
        self._run.examine_again()
        return found

    def top_references(self, references: Any = None, count: int = 9) -> Examples:
        """The real pictures that excite the target most: see :func:`actmax_widget.visualize_references`.

        Args:
            references: real pictures; None: ``widget.references``.
            count: how many.

        Raises:
            ValueError, TypeError: no references, none that can be read, or an objective without units.
        """
        given = self._references if references is None else References.of(references)
        if given is None:
            raise invalid("references", "real pictures", None, "Set widget.references, or pass them.", TypeError)
        found = top_of_run(self._run.network, self._run.settings, given, count, self._labels)
        if found.passes:
            self._run.examine_again()
        return found

    @property
    def notes(self) -> tuple[Note, ...]:
        """What went wrong with the run, or is odd about it, the most urgent first: sentences with a remedy each.

        They are of the picture in front, as they were when it came to rest; while it runs once a second what is plain
        by then. Also those that were dismissed; the page shows the first of the others.

        Example:
            >>> for note in widget.notes:
            ...     print(note.name, note.text, note.remedy)
            >>> widget.apply_note("outweighed")
        """
        found: tuple[Note, ...] = self._run.notes
        return found

    def apply_note(self, name: str) -> None:
        """Set what a note says. What begins the run afresh does so as ever: at once in a run, else with the next Run.

        Args:
            name: of one of ``notes``.

        Raises:
            ValueError: there is no such note, or it has no remedy; or what it says to set is refused by now.
        """
        with self.lock:
            note = self._run.note(name)
            if note.remedy is None:
                raise invalid("name", "a note with a remedy", name, "Its text says what there is to do.")
            knobs = {one: value for one, value in note.remedy.items() if "." in one}
            for setting, value in note.remedy.items():
                if setting not in knobs:
                    setattr(self, setting, value)
            if knobs:
                self.knobs = knobs
            if name in {one.name for one in self._run.notes}:  # else it has begun afresh
                self._run.dismiss_note(name, applied=True)
        self._complain("")
        self._publish()

    def dismiss_note(self, name: str) -> None:
        """Do not show a note again in this run.

        Raises:
            ValueError: there is no such note.
        """
        self._command("dismiss_note", name)

    def save(self, path: str | os.PathLike[str]) -> pathlib.Path:
        """Write the picture, the film, the rows or the run to a file, of the kind that its ending says.

        ``.png``, ``.gif``, ``.webp``, ``.mp4``, ``.html`` (a page with film, chart, table and settings, without a
        kernel), ``.csv``, ``.parquet``, ``.json`` (the run file, which :func:`actmax_widget.load_run` reads), ``.py``
        or ``.actmax`` (the checkpoint); see :func:`actmax_widget.export.saving.save`.

        Args:
            path: of the file, which is there as a whole or not at all.

        Returns:
            The path.

        Raises:
            ValueError, TypeError: an unknown ending, or something that cannot be written down.
            ImportError, OSError: something is not installed, or the file cannot be written.

        Example:
            >>> widget.save("three.png"), widget.save("three.json")
        """
        return saving.save(self.result, path, ui=self.ui)

    def to_html(self) -> Page:
        """The text of what ``save("x.html")`` writes; see :meth:`actmax_widget.export.result.Result.to_html`."""
        return self.result.to_html()

    def code(self) -> str:
        """Python code that makes the present picture without a screen, as ``result``, from a variable ``model``.

        Raises:
            ValueError: a picture that was taken from tiles, or something that has no name, such as a lambda.
        """
        return self.result.code()

    def plot(self) -> Any:
        """The losses and the film as a :class:`matplotlib.figure.Figure`."""
        return self.result.plot()

    @property
    def changes(self) -> Changes:
        """What the picture's run began with and what was set since, each with its iteration.

        ``visualize(model, changes=widget.changes)`` repeats the run. None, an empty sequence, where nothing was made
        yet. A picture that was a tile is repeated but for rounding, as it was made in a batch.
        """
        found: Changes = self._run.changes
        return found

    def set_together(self, changes: Mapping[str, Any], knobs: Mapping[str, float]) -> None:
        """Set several parameters, and numbers by their addresses, at one moment; all of them or none.

        Raises:
            ValueError, TypeError: a bad value; nothing is changed.
        """
        with self.lock:
            self._follow(self._run.update(**changes, knobs=knobs))
            self._run.prepare()
        self._publish()

    def restore_defaults(self) -> None:
        """Take parts, weights and numbers as the present preset has them on this input: *All defaults* in the page.

        The target, an objective and the starting picture stay. ``input_range`` and ``preprocess`` are again as the
        widget was made. What each would be tells ``defaults``.
        """
        with self.lock:
            settings = self._run.settings
            self._follow(self._run.update(**presets.changes_to(settings, self._defaults(settings))))
            self._run.prepare()
        self._complain("")
        self._publish()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until neither the optimization nor the tiles are running; at most ``timeout`` seconds. Ctrl-C pauses.

        Returns:
            Whether they have stopped.
        """
        return self._wait(timeout)

    def _wait(self, timeout: float | None) -> bool:
        if not self._lifetime.has_output:
            self._stream.expect(soon=False)  # while this waits no cell can show it
        try:
            stopped: bool = self._run.wait(timeout)
        except KeyboardInterrupt:
            self.pause()
            raise
        self._publish()
        return stopped

    @property
    def history(self) -> History:
        """Every iteration's losses and the target's activation: ``["total"]``, ``["activation"]``, ``.to_pandas()``."""
        return self._run.history

    @property
    def run(self) -> Run:
        """What computes; for whoever builds upon the widget, as :func:`actmax_widget.compare` does."""
        found: Run = self._run
        return found

    @property
    def model(self) -> Any:
        """The Keras model."""
        return self._run.network.model

    def close(self) -> None:
        """Stop the optimization and remove the widget from the page."""
        if self._run is not None:
            self._run.pause()
        super().close()

    def _let_go(self, for_good: bool) -> None:
        """Stop; where nobody will see it again, forget the network and what was compiled, which take megabytes."""
        self._run.pause()
        if for_good:
            self.close()
            self._run = Past(self._run)
            self._stream = Stream(self._run, _weakly(self.send), time.monotonic)
            self._pump.end()

    def _is_busy(self) -> bool:
        return self._run is not None and self._run.status.busy

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse to be pickled, and say what can be kept instead."""
        message = (
            "An ActMaxWidget cannot be pickled: it holds a live network and the connection to its page. "
            "Keep widget.checkpoint(), which can be, and the model by model.save()."
        )
        raise TypeError(message)

    # --- parameters ------------------------------------------------------------------------------------------------

    def checked(self, parameter: Parameter, value: Any) -> Any:
        """A parameter's value as it will be set; raises ValueError or TypeError with a full sentence."""
        if self._run is None:
            return parameter.check(value)
        if self._is_followed(parameter.name, value):
            return value
        held = getattr(self._run.settings, parameter.name)
        if type(held) is type(value) and not differ(held, value):
            return held  # what belongs together is set one after the other, and fits only as a whole
        if parameter.name == "filter_indices" and self._labels is not None:
            target = self._run.network.targets[self._run.settings.layer]
            value = self._labels.indices(value, target.filters, target.name)
        return getattr(self._run.preview(**{parameter.name: value}), parameter.name)

    def checked_knobs(self, values: Any) -> Any:
        """All numbers as they will be set; raises ValueError or TypeError with a full sentence."""
        of = (self._run.settings, self._followed) if self._run is not None else ()
        if not of or (isinstance(values, Knobs) and any(one is not None and values == one.values() for one in of)):
            return values  # as they are: a slider that is dragged has only its own value checked
        return Knobs(self._run.preview(knobs=values).values(), self)

    def checked_ui(self, value: Any) -> Any:
        """What of the instrument is to be shown; raises ValueError or TypeError with a full sentence."""
        return value if self._run is None else check_ui(value, self._run.settings)

    @traitlets.observe(*DEFAULTS)
    def _on_parameter(self, change: Any) -> None:
        if self._run is None or not differ(getattr(self._run.settings, change["name"]), change["new"]):
            return
        if self._is_followed(change["name"], change["new"]):
            return
        try:
            settings = self._run.update(**{change["name"]: change["new"]})
        except (ValueError, TypeError):  # inside hold_trait_notifications others were changed since it was checked
            setattr(self, change["name"], getattr(self._run.settings, change["name"]))
            raise
        self._run.prepare()
        self._follow(settings)
        if change["name"] == "seed_input":
            self._name_seed()
        elif change["name"] in {"seed_fit", "input_range"} and self.start_picture.source is not None:
            self.seed_input = self.start_picture.source
        self._complain("")
        self._publish()

    @traitlets.observe("knobs")
    def _on_knobs(self, change: Any) -> None:
        if self._run is None or dict(change["new"]) == self._run.settings.values():
            return
        if self._followed is not None and dict(change["new"]) == self._followed.values():
            return
        self._follow(self._run.update(knobs=change["new"]))
        self._complain("")
        self._publish()

    def _is_followed(self, name: str, value: Any) -> bool:
        """Whether a parameter is only shown: a recorded run that is repeated may be one change ahead by now."""
        return self._followed is not None and not differ(getattr(self._followed, name), value)

    def _follow_replay(self) -> None:
        """Show what a recorded run that is repeated has put in force."""
        while (replayed := self._run.replayed) != self._replayed:
            self._replayed, self._followed = replayed, self._run.settings
            try:
                self._follow(self._followed)
            finally:
                self._followed = None

    def _follow(self, settings: Settings) -> None:
        """Set what a change brought along: the numbers of another part, the filter of a layer that lacks the old."""
        for name in DEFAULTS:
            if differ(getattr(self, name), getattr(settings, name)):
                setattr(self, name, getattr(settings, name))
        if self.knobs != settings.values():
            self.knobs = Knobs(settings.values(), self)
        self._show_parts(settings)

    def read_start(self, value: Any) -> starting.Start:
        """A starting picture as the network takes it. Raises what setting ``seed_input`` to it would raise."""
        settings = self._run.settings
        return starting.start_of(self._run.network.input, value, settings.input_range, settings.seed_fit)

    def _name_seed(self) -> None:
        """Show the starting picture, its name, and what was done to it."""
        with self.lock, self.hold_sync():
            seed = self.seed_input
            network = self._run.network
            start = None if seed is None else starting_image(network.input, seed, self.input_range)[0]
            image = None if start is None else network.layout.as_shown(start)
            self.set_trait("seed_name", self.start_picture.name)
            self.set_trait("seed_note", self.start_picture.said())
            self.set_trait("seed_picture", b"" if image is None else to_png(image, self.input_range))

    def _take_seed(self, name: str, buffers: Any) -> None:
        """Start from a picture file that the browser sent; what is wrong with it is told beside the button."""
        try:
            self.seed_input = reading.read_bytes(buffers[0] if buffers else b"", name)
        except (ValueError, TypeError) as error:
            self._refuse("seed_picture", error)

    @contextlib.contextmanager
    def hold_sync(self) -> Iterator[None]:
        """Hold syncing back for the time being; what another thread sets meanwhile waits, and so is not forgotten."""
        with self.lock, super().hold_sync():
            yield

    @contextlib.contextmanager
    def hold_trait_notifications(self) -> Iterator[None]:
        """Hold notifications back for the time being; see :meth:`hold_sync`."""
        with self.lock, super().hold_trait_notifications():
            yield

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take parameters from the browser; facts are ours. For a bad value it gets the old one, and why."""
        with self.lock, self._acting_for_others():
            for name in sorted(sync_data, key=lambda name: name != "layer"):  # filters are checked against the layer
                if self.has_trait(name) and not self.traits()[name].read_only:
                    self._set_one(name, sync_data[name])

    def _set_one(self, name: str, value: Any) -> None:
        if name == "grad_modifier":
            value = self._parts.modifier(value)  # a function travels by its name
        if name == "preprocess" and value == _named(self._fed[name]):
            value = self._fed[name]
        try:
            super().set_state({name: value})
        except (ValueError, TypeError, traitlets.TraitError) as error:
            self.send_state(name)
            self._refuse(name, error, value)
        else:
            if name == "filter_indices" and any(isinstance(one, str) for one in value or ()):
                self.send_state(name)  # the page has names now; where they are what was set before, nothing changed

    def _refuse(self, name: str, error: Exception, value: Any = None) -> None:
        """Say why: to a person beside the field that it was typed into, to whoever writes Python in ``error``."""
        sentence = getattr(error, "sentence", in_words(error))
        refused = messages.RefusedMessage(name=name, value=value, sentence=sentence, error=str(error))
        self.send(messages.content(refused))
        self._complain(str(error))

    # --- facts -----------------------------------------------------------------------------------------------------

    def _show_run(self, run: Run) -> None:
        """Show a run: its settings and the facts about its model."""
        with self.lock, self.hold_sync():
            for name in DEFAULTS:
                setattr(self, name, getattr(run.settings, name))
            self.knobs = Knobs(run.settings.values(), self)
            self._run = run
            self._tell_run(run)
            self._show_parts(run.settings)
            if self.seed_input is not None:
                self._name_seed()
            self.set_trait("layers", [info._asdict() | {"shape": list(info.shape)} for info in run.network.layers()])
            self.set_trait("model_name", run.network.model.name)
            self.set_trait("has_references", self._references is not None)
            if self._labels is not None:
                named = [
                    one.name for one in run.network.layers() if one.filters == len(self._labels) and len(one.shape) == 1
                ]
                self.set_trait("labels", list(self._labels.names))
                self.set_trait("labelled", named)
            self._publish()

    def _show_parts(self, settings: Settings) -> None:
        """Show of what the run is composed, and the controls that follow from it."""
        found = self._run.network.targets[settings.layer]
        sides = [side for axis, side in enumerate(found.shape, 1) if axis != found.axis]
        facts = self._parts.facts(settings) | {"position_shape": [] if settings.objective else sides}
        defaults = presets.default_values(settings, self._defaults(settings))
        facts["defaults"] = {name: _named(value) for name, value in defaults.items()}
        for name, value in facts.items():
            if getattr(self, name) != value:
                self.set_trait(name, value)
        self._show_present()

    def _defaults(self, settings: Settings) -> Settings:
        """What a person may go back to. It is of the preset and the parts: while a slider is dragged it stays."""
        of = (settings.preset, *(getattr(settings, name) for name in PARTS))
        if len(self._recipe) != len(of) + 1 or any(
            one is not other for one, other in zip(of, self._recipe, strict=False)
        ):
            self._recipe = (*of, self._run.defaults(**self._fed))
        fresh: Settings = self._recipe[-1]
        return fresh

    def _publish(self) -> None:
        """Bring the facts up to date. The browser gets them at transitions; between those it has the frames."""
        with self.lock, self.hold_sync():
            self._follow_replay()
            facts = self._run.facts()
            if (facts.run, facts.iteration) != self._shown:
                frame = self._run.frame(facts.run, facts.iteration)  # picture and iteration of one moment
                self._shown = frame.run, frame.iteration
                self.set_trait("image", frame.image)
                self.set_trait("iteration", frame.iteration)
            tiles = facts.tiles and (facts.tiles.number, facts.tiles.status, facts.tiles.changed)
            moment = (
                dataclasses.replace(facts, iteration=-1 if facts.status.busy else facts.iteration, tiles=None),
                tiles,
            )
            kept, is_new = self._is_to_be_kept(), False
            if moment != self._published or kept:
                self._published = moment
                self._publish_all(facts)
                is_new = bool(self._card_id) and (kept or not facts.status.busy)
                self._card_due |= is_new
        if not self._is_acting:
            self._renew_card()
        elif is_new:
            self._pump.wake()

    def _is_to_be_kept(self) -> bool:
        """Whether what a saved notebook would hold is too old, although nothing but the iteration changed."""
        return self._stream.watched() and self._is_busy() and time.monotonic() >= self._keep_at

    def _publish_all(self, facts: Facts) -> None:
        run = self._run
        self.set_trait("status", facts.status.value)
        self.set_trait("goal", facts.goal)
        self.set_trait("loss_names", list(run.loss_names))
        self.set_trait("measures", list(run.measures))
        self.set_trait("message", f"{facts.sentence()} {self._offer(facts)}".strip())
        self.set_trait("lines", [line._asdict() for line in facts.lines])
        self.set_trait("advice", self._advice(facts))
        if facts.error:
            self.set_trait("error", facts.error)
        frame = run.frame()  # picture and rows of one moment
        if (frame.run, frame.iteration) != self._kept:  # a long run takes megabytes, and its start changes nothing
            self._kept = frame.run, frame.iteration
            self.set_trait("picture", to_png(frame.image, run.settings.input_range))
            self.set_trait("rows", frame.rows.astype("<f4").tobytes())
        saved, picture = snapshot(run)
        self.set_trait("saved_tiles", saved)
        self.set_trait("tiles_picture", picture)
        self._show_present()
        self._states_to_send.add("iteration")
        size = len(self.picture) + len(self.rows) + len(picture)
        self._keep_at = time.monotonic() + max(KEEP_SECONDS, size / KEEP_RATE)

    def _renew_card(self) -> None:
        """Draw the card anew where it is due.

        Without the lock, and for the browser's messages in the thread that sends: it takes as long as several steps,
        for which whoever presses Pause would wait.
        """
        with self._card_lock:
            if self._card_due:
                self._card_due = False
                self._show_card(self._run.frame(), update=True)

    def _advice(self, facts: Facts) -> list[dict[str, str]]:
        """The notes, but for those that say what stands elsewhere."""
        said = [one for one in facts.notes if one.button or one.text not in facts.error]
        return [messages.content(messages.NoteInfo(name=one.name, text=one.text, button=one.button)) for one in said]

    def _offer(self, facts: Facts) -> str:
        """What a person is told before the first run of a model that looks as if it wanted another input."""
        mode = preprocessing.of_model(self.model_name or self._run.network.model.name)
        if mode is None or self._run.settings.preprocess is not None or facts.iteration or facts.status.busy:
            return ""
        return f"This looks like a model of keras.applications that is fed by preprocess={mode!r}: see More."

    def _should_send_property(self, key: str, value: Any) -> bool:
        return key != "iteration" and super()._should_send_property(key, value)

    def _complain(self, error: str) -> None:
        with self.lock:
            self.set_trait("error", error)

    def notify_change(self, change: Any) -> None:
        """Tell observers. What one of them raises while this acts for others is shown, and stops nothing."""
        try:
            super().notify_change(change)
        except BaseException as error:  # SystemExit too: it would end the thread that sends, without a word
            if not self._is_acting:
                raise
            self.log.warning("An observer of %r failed.", change["name"], exc_info=True)
            if change["name"] != "error":
                reason = f"{type(error).__name__}: {error}"
                self._complain(f"A function that observes {change['name']!r} failed: {reason}")

    @contextlib.contextmanager
    def _acting_for_others(self) -> Iterator[None]:
        """This thread acts for the browser or the run: nobody would catch what an observer raises."""
        before = self._is_acting
        self._foreign.acting = True
        try:
            yield
        finally:
            self._foreign.acting = before

    @property
    def _is_acting(self) -> bool:
        """Whether this thread acts for the browser or the run."""
        return getattr(self._foreign, "acting", False)

    # --- messages --------------------------------------------------------------------------------------------------

    def _command(self, name: str, *args: Any) -> Any:
        self._complain("")
        found = getattr(self._run, name)(*args)
        self._publish()
        return found

    def _handle_msg(self, msg: Any) -> None:
        """Take a message of the front end; what is none is ignored, where ipywidgets would print into some cell."""
        if _is_message(msg):
            with self._acting_for_others(), QUIET.work():
                super()._handle_msg(msg)

    def _on_message(self, _: Any, content: Any, buffers: Any) -> None:
        command = None
        try:
            command = messages.read(content)
            if command is not None:
                self._obey(command, buffers)
        except (ValueError, TypeError, LookupError) as error:
            if not isinstance(command, messages.SILENT):
                self._complain(str(error))
        self._pump.wake()

    def _obey(self, command: Any, buffers: Any) -> None:
        answers: dict[type, Callable[[], Any]] = {
            messages.Hello: lambda: self._greet(command),
            messages.Receipt: lambda: self._stream.receipt(command.seq),
            messages.AskFilm: lambda: self._stream.ask(command),
            messages.AskPicture: lambda: self._stream.ask(command),
            messages.Rewind: lambda: self.rewind(command.iteration),
            messages.BranchOff: lambda: self.branch(command.iteration),
            messages.OpenBranch: lambda: self.open_branch(command.name),
            messages.Views: lambda: self._lose_views(cleared=command.cleared),
            messages.Start: self.start,
            messages.Pause: self.pause,
            messages.Reset: self.reset,
            messages.Step: lambda: self._command("step", command.n),
            messages.ShowBest: lambda: self._stream.show_best(command.best),
            messages.SetKnob: lambda: self._set_knob(command.name, command.value),
            messages.RestoreDefaults: self.restore_defaults,
            messages.ChoosePart: lambda: self._choose(command.family, self._parts.chosen, command.family, command.name),
            messages.AddTransform: lambda: self._choose("transforms", self._parts.added, self.transforms, command.name),
            messages.RemoveTransform: lambda: self._choose(
                "transforms", self._parts.without, self.transforms, command.name
            ),
            messages.SeedPicture: lambda: self._take_seed(command.name, buffers),
            messages.ClearSeedPicture: lambda: setattr(self, "seed_input", None),
            messages.MakeTiles: lambda: self._make_tiles(command.vary),
            messages.OpenTile: lambda: self._go_back("open_tile_at", command.tile),
            messages.PauseTiles: lambda: self._command("pause_tiles"),
            messages.ResumeTiles: lambda: self._command("resume_tiles"),
            messages.CloseTiles: lambda: self._command("close_tiles"),
            messages.MakePin: lambda: self._of_pins(self._pin_seen, command.iteration),
            messages.Unpin: lambda: self._of_pins(self.unpin, command.name),
            messages.RenamePin: lambda: self._of_pins(lambda new: self.rename_pin(command.name, new), command.to),
            messages.RestorePin: lambda: self._of_pins(self._restore_pin, command.name),
            messages.ApplyNote: lambda: self.apply_note(command.name),
            messages.DismissNote: lambda: self.dismiss_note(command.name),
            **dict.fromkeys(
                (messages.AskWeights, messages.AskResponse, messages.AskMap, messages.AskLines, messages.TakeAway),
                lambda: self._asked.__setitem__((type(command), getattr(command, "of", "")), command),
            ),
            **dict.fromkeys(
                (messages.AskScore, messages.AskExamples, messages.AskQuiz),
                lambda: self._asking.ask(command, self, _weakly(self.send)),
            ),
        }
        answers[type(command)]()

    def _make_tiles(self, vary: Any) -> None:
        """Make what the page asked for; what is wrong with its values is told beside them."""
        if vary is None:
            self.visualize_layer()
            return
        try:
            self.visualize_many(vary=vary)
        except (ValueError, TypeError) as error:
            self._refuse("vary", error)

    def _of_pins(self, act: Callable[[Any], Any], what: Any) -> None:
        """Do what the page asked for; why it cannot be done is told beside the pins."""
        try:
            act(what)
        except (ValueError, TypeError, LookupError) as error:
            sentence = getattr(error, "sentence", str(error))
            self.send(messages.content(messages.RefusedMessage(name="pin", sentence=sentence, error=str(error))))
            self._complain(str(error))

    def _pin_seen(self, iteration: int | None) -> None:
        self.pin(iteration=iteration)

    def _restore_pin(self, name: str) -> None:
        self.restore(self._pins.of(name).checkpoint)

    def _set_knob(self, address: str, value: Any) -> None:
        """Set a number from the page; what is wrong with it is told beside its slider."""
        try:
            self.knobs = {address: value}
        except (ValueError, TypeError) as error:
            self.send_state("knobs")
            self._refuse(address, error, value)

    def _choose(self, name: str, choose: Callable[..., Any], *args: Any) -> None:
        """Take other parts, chosen in the page; what is wrong with them is told beside the list."""
        try:
            setattr(self, name, choose(*args))
        except (ValueError, TypeError) as error:
            self.send_state("parts")
            self._refuse(name, error)

    def _greet(self, hello: messages.Hello) -> None:
        """A front end is there: it gets what it lacks, and the facts, as any message to it may have been lost."""
        self._stream.hello(hello.run, hello.rows, viewed=bool(hello.views))
        if hello.views:
            self._lifetime.viewed()
        with self.lock:
            self.send_state(GREETING)

    def _lose_views(self, *, cleared: bool) -> None:
        """The last view of a page is gone; cleared: because its output was, not because the page was closed."""
        self._stream.unwatch()
        if cleared:
            self._lifetime.cleared()

    @traitlets.observe("comm")
    def _on_comm(self, change: Any) -> None:
        """Let the front end's messages come in while a cell runs, see :func:`let_in`."""
        let_in(change["new"], self._handle_msg)

    def pump(self) -> float | None:
        """Bring traits and browser up to date; seconds until that is due again, None: when something happens."""
        try:
            with self._acting_for_others(), QUIET.work():
                self._publish()
                due = self._stream.pump()
                self._renew_card()
                while self._asked:
                    self._answer(self._asked.popitem()[1])
                return due
        except Exception as error:  # whatever a comm or an encoder raises: the thread goes on
            self.log.warning("The page could not be brought up to date.", exc_info=True)
            with contextlib.suppress(Exception):
                self._complain(f"The page could not be brought up to date: {error}")
            return None

    def _answer(self, asked: Any) -> None:
        if isinstance(asked, messages.TakeAway):
            made = {"run": lambda: self.result, "tiles": lambda: self.sheet, "pins": self.pins_to_html}
            self.send(*looks.file(asked, made[asked.of], self.ui))
        elif isinstance(asked, messages.AskLines):
            self.send(*looks.lines(self._run))
        elif isinstance(asked, messages.AskMap):
            self.send(*looks.map_of(self._run))
        else:
            self.send(*looks.answer(asked, self._run))

    # --- outputs ---------------------------------------------------------------------------------------------------

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and the picture for viewers without widgets."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        words = {"text/plain": " ".join(self._sentences())}
        return {**data, **words, "image/png": base64.b64encode(self.picture).decode()}, metadata

    def _ipython_display_(self, **kwargs: Any) -> None:
        """Show the widget, and beneath it, for pages that cannot, its picture: see :mod:`actmax_widget.export.card`.

        An output of its own, as nbconvert would prefer the widget to a picture in the same one, and as renewing it
        then makes no view anew.
        """
        if self.comm is None:
            display({"text/plain": " ".join(self._sentences())}, raw=True)
            return
        self._lifetime.displayed()
        self._stream.expect()
        data, metadata = self._repr_mimebundle_(**kwargs)
        del data["image/png"]
        display(data, metadata=metadata, raw=True)
        if self._lifetime.has_output:
            self._card_id = self._card_id or uuid.uuid4().hex
            with self._card_lock:
                self._show_card(self._run.frame(), update=False)

    def _show_card(self, frame: Frame, *, update: bool) -> None:
        """Put the card beneath the widget, or renew all that were put there; ``frame`` has all rows."""
        words, history = self._sentences(), History.of(self._run.loss_names, self._run.measures, frame.rows)
        card = to_card(frame.image, self._run.settings.input_range, words, history)
        data = {"image/png": base64.b64encode(card).decode(), "text/plain": " ".join(words)}
        display(data, raw=True, display_id=self._card_id, update=update)

    def _sentences(self) -> list[str]:
        """What is seen, and how far it is."""
        filters = self.filter_indices
        chosen = "all filters" if filters is None else f"filter{'s' * (len(filters) > 1)} {self._called(filters)}"
        facts = self._run.facts()
        # No word of what to press: it is read where nothing can be pressed.
        far = f"iteration {facts.iteration} of {facts.goal}" if facts.goal else f"{facts.iteration} iterations"
        where = facts.status.value.capitalize()
        whose = f"{self.model_name}, layer {self.layer}, {chosen}"
        if facts.tiles and facts.at_tiles:
            return [f"{whose}: {far}.", f"{where}, {facts.tiles.far()} made."]
        return [f"{whose}.", f"{where}, {far}."]

    def _called(self, filters: tuple[int, ...]) -> str:
        """Filters with their names, if they have any."""
        names = self.labels if self.layer in self.labelled else []
        return ", ".join(f"{index} ({names[index]})" if index < len(names) else f"{index}" for index in filters)


GREETING = ("status", "message", "error", "goal", "loss_names", "measures", "lines", "advice")
"""Facts that a front end is told when it says hello."""


def let_in(comm: Any, handle: Callable[[Any], Any]) -> None:
    """Let the front end's messages come in while a cell runs, unnoticed by the cell.

    ipykernel 7.4 sends them to the shell of our last send's parent, that is behind the running cell, if that cell
    started the run. Its choice is overridden where it exists, so that each message goes where the front end sent
    it: to a thread of its own. There ``comm`` would tell IPython that a cell begins and ends, upon which matplotlib
    closes the figure that the cell in the main thread is drawing.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default  # noqa: ARG005, SLF001
    if hasattr(comm, "handle_msg"):
        comm.handle_msg = _without_cell_events(comm.handle_msg, _weakly(handle))


def _is_message(msg: Any) -> bool:
    """Whether ipywidgets can read it: a front end, or somebody who plays one, may send anything."""
    try:
        data, buffers = msg["content"]["data"], msg["buffers"]
        state, paths = data.get("state", {}), data.get("buffer_paths", [])
        whole = isinstance(state, dict) and all(len(path) == 1 and path[0] in state for path in paths)
        return whole and len(paths) == len(buffers) if data["method"] == "update" else isinstance(data["method"], str)
    except (KeyError, TypeError, AttributeError):
        return False


def _weakly(method: Callable[..., Any]) -> Callable[..., None]:
    """A method as long as its object lives: the thread that computes must not hold the widget."""
    reference = weakref.WeakMethod(method)

    def call(*args: Any) -> None:
        if found := reference():
            found(*args)

    return call


def _without_cell_events(as_ever: Callable[[Any], Any], quietly: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """How a comm hands messages on: in the main thread as ever, elsewhere past IPython's events."""

    def hand_on(msg: Any) -> None:
        in_main_thread = threading.current_thread() is threading.main_thread()
        (as_ever if in_main_thread else quietly)(msg)

    return hand_on


def _check_keywords(parameters: dict[str, Any]) -> None:
    """Refuse keywords that do not exist; traitlets would only warn."""
    known = [*DEFAULTS, "losses", "callbacks", "labels", "references", "ui", *LOOK]
    for name in parameters:
        if name not in known:
            hint = near(name, known) or f"Choose from: {', '.join(known)}."
            message = f"ActMaxWidget() has no parameter {name!r}. {hint}"
            raise TypeError(message)


def _modified(model: Any, modifier: Callable[[Any], Any] | None) -> Any:
    if modifier is None:
        return model
    graph.check_model(model)
    return modifier(model)


@functools.cache
def _photos() -> Any:
    """The bundled network of all widgets without one of their own: a cell that is run again finds it compiled."""
    return demo.photos()


def _check_front_end() -> None:
    if not STATIC.is_dir():
        message = f"The front end is not built ({STATIC} is missing). Run `make lab`, or `pip install -e .` again."
        raise RuntimeError(message)


def _check_picture(network: Network) -> None:
    """Refuse an input that cannot be shown as a picture."""
    shape = tuple(network.input.shape[1:])
    if len(network.layout.spatial) != IMAGE_RANK - 1:
        expected = f"a model whose input is a picture (height, width, channels) or (height, width), not {shape}"
        advice = (
            "If its values are those of a picture, say so in front: keras.Sequential([keras.Input((height, width, "
            f"channels)), keras.layers.Reshape({shape}), model]). actmax_widget.visualize_activation takes any input."
        )
        raise invalid("model", expected, network.model.name, advice)
