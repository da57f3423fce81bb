"""The Jupyter widget. The only file that knows ipywidgets and anywidget.

Parameters are traits, checked by :data:`actmax_widget.records.CHECKS` and handed to the
:class:`~actmax_widget.session.Session`. Facts are read-only traits, set at transitions only. Pictures and rows travel
as custom messages (:mod:`actmax_widget.stream`), sent by one thread. Handlers may run in any thread (JupyterLab uses
subshells), so every trait is set under one lock. ``js/src/model.ts`` mirrors the traits and the messages.
"""

from __future__ import annotations

import base64
import dataclasses
import difflib
import io
import pathlib
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import anywidget
import numpy as np
import traitlets
from PIL import Image

from actmax_widget import demo, grad_modifiers
from actmax_widget.checks import invalid
from actmax_widget.network import Network
from actmax_widget.pictures import to_pixels
from actmax_widget.records import CHECKS, Facts, History, LayerPictures, Settings, Status
from actmax_widget.session import Session
from actmax_widget.stream import Stream
from actmax_widget.tiles import Tiles

STATIC = pathlib.Path(__file__).parent / "static"
DEFAULTS = {"layer": ""} | {
    field.name: field.default for field in dataclasses.fields(Settings) if field.name != "layer"
}
IMAGE_RANK = 3
LOOK = ("layout", "tabbable", "tooltip")
"""Keywords of every ipywidgets widget that are passed on."""


class Parameter(traitlets.TraitType[Any, Any]):
    """A trait that a person sets: checked by the session before it is set, and handed to it after."""

    def __init__(self, parameter: str, *, sync: bool = True) -> None:
        super().__init__(default_value=DEFAULTS[parameter], allow_none=True)
        self.tag(sync=sync)
        self.parameter = parameter

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the checked value; raises ValueError or TypeError with a full sentence."""
        value = CHECKS[self.parameter](value)
        obj.check(**{self.parameter: value})
        return value

    def set(self, obj: Any, value: Any) -> None:
        """Set the value, one thread at a time: the trait machinery is not safe for threads."""
        with obj.lock:
            super().set(obj, value)


class _Text:
    """A file's text as it is when a widget is made.

    A path would be watched by anywidget, which holds on to each widget, and so to its model, for ever.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return self._path.read_text(encoding="utf-8")


class ActMaxWidget(anywidget.AnyWidget):
    """Watch and steer activation maximization in a notebook.

    Args:
        model: a Keras model with one picture as input, (height, width, channels) of known size; default: the bundled
            digit network, :func:`actmax_widget.demo.digits`.
        layer: target layer: its name, its index in ``model.layers``, or the layer; default: the last one.
        input_shape: (height, width, channels) where the model leaves them open.
        held_inputs: for a model with several inputs: name of each other input -> the value it is held at.
        **parameters: start values of the traits below, and ``layout``.

    Raises:
        TypeError: a keyword that does not exist, a value of the wrong type, not a model.
        ValueError: a bad value, an unknown layer, a filter out of range, an input of unknown size.

    Example:
        >>> import actmax_widget as am
        >>> widget = am.ActMaxWidget(layer="out", filter_indices=3, tv_weight=1)
        >>> widget                      # in a notebook cell: shows it
        >>> widget.start()              # or press Run
        >>> widget.wait(60)
        True
        >>> widget.image.shape
        (28, 28, 1)
        >>> widget.history.to_pandas()  # every iteration's losses
    """

    if STATIC.is_dir():  # without it the functions still work, and the widget says what to do
        _esm = _Text(STATIC / "widget.js")
        _css = _Text(STATIC / "widget.css")

    layer = Parameter("layer")
    """Name of the target layer. A change restarts a running optimization."""
    filter_indices = Parameter("filter_indices")
    """Filters or classes maximised together, as a tuple or an int; None is the mean of all. Restarts a run."""
    act_max_weight = Parameter("act_max_weight")
    """Weight of minus the activation; default 1."""
    lp_norm_weight = Parameter("lp_norm_weight")
    """Weight of the L6 norm, which keeps values small; default 10."""
    tv_weight = Parameter("tv_weight")
    """Weight of the total variation, which keeps the picture smooth; default 10."""
    learning_rate = Parameter("learning_rate")
    """Factor of each step, > 0; default 1."""
    jitter = Parameter("jitter")
    """Largest random shift at each step: a fraction of the side below 1, pixels from 1 on; default 0."""
    grad_modifier = Parameter("grad_modifier")
    """Name in :mod:`actmax_widget.grad_modifiers`, or None; "negate" lowers the activation."""
    backprop_modifier = Parameter("backprop_modifier")
    """"guided", "rectified" or None, see :mod:`actmax_widget.backprop_modifiers`. Another one is compiled first."""
    seed_input = Parameter("seed_input", sync=False)
    """Picture to start from, shaped like the input, in ``input_range``; None is noise. Used at a fresh start."""
    seed = Parameter("seed")
    """Random state of the starting picture and the jitter; None: another one each time. Used at a fresh start."""
    input_range = Parameter("input_range")
    """(low, high) of the values the model takes; default (0, 255)."""
    clip = Parameter("clip")
    """Keep the input inside ``input_range`` at every step; default True."""
    max_iter = Parameter("max_iter")
    """Iterations a Run makes; default 500."""
    steps_per_second = Parameter("steps_per_second")
    """Speed limit for watching; default 60. None is as fast as it goes."""

    status = traitlets.Unicode(Status.READY.value, read_only=True).tag(sync=True)
    """"ready", "compiling", "running", "paused", "finished" or "failed"."""
    message = traitlets.Unicode("", read_only=True).tag(sync=True)
    """A sentence about the status."""
    error = traitlets.Unicode("", read_only=True).tag(sync=True)
    """Why the last input was refused or the last run failed; empty if neither."""
    iteration = traitlets.Int(0, read_only=True).tag(sync=True)
    """Iterations made since the last fresh start. The browser reads it off the frames."""
    goal = traitlets.Int(0, read_only=True).tag(sync=True)
    """The iteration at which the Run ends; 0 before the first."""
    image = traitlets.Any(read_only=True)
    """The picture the network saw last, (H, W, C) float32 in ``input_range``: the last row tells its losses."""
    layers: Any = traitlets.List(read_only=True).tag(sync=True)
    """The layers that can be a target: dicts of name, type, shape (without batch axis) and number of filters."""
    model_name = traitlets.Unicode(read_only=True).tag(sync=True)
    """The model's name."""
    grad_modifiers: Any = traitlets.List(list(grad_modifiers.BUILT_IN), read_only=True).tag(sync=True)
    """Choices for ``grad_modifier``."""
    backprop_modifiers: Any = traitlets.List(["guided", "rectified"], read_only=True).tag(sync=True)
    """Choices for ``backprop_modifier``."""
    seed_name = traitlets.Unicode("", read_only=True).tag(sync=True)
    """What the starting picture is called; empty for noise."""
    seed_picture = traitlets.Bytes(b"", read_only=True).tag(sync=True)
    """The starting picture as PNG; empty for noise."""
    loss_names: Any = traitlets.List(read_only=True).tag(sync=True)
    """Names of the losses, a column of the history each."""
    picture = traitlets.Bytes(b"", read_only=True).tag(sync=True)
    """``image`` as PNG at the last transition, for saved notebooks."""
    rows = traitlets.Bytes(b"", read_only=True).tag(sync=True)
    """``history.values`` (float32, little endian) at the last transition, for saved notebooks."""

    _session: Any = None  # until the model was checked; ipywidgets also closes widgets that were never finished
    _tiles: Tiles | None = None

    def __init__(
        self,
        model: Any = None,
        layer: Any = None,
        *,
        input_shape: Any = None,
        held_inputs: Any = None,
        **parameters: Any,
    ) -> None:
        _check_keywords(parameters)
        _check_front_end()
        self.lock = threading.RLock()
        self._wake = threading.Event()
        self._shown = (-1, 0)
        self._published: Facts | None = None
        look = {name: parameters.pop(name) for name in LOOK if name in parameters}
        network = Network(demo.digits() if model is None else model, input_shape, held_inputs)
        _check_picture(network)
        settings = Settings(layer=network.find(-1 if layer is None else layer).name, **parameters)
        session = Session(network, settings, notify=self._wake.set)
        super().__init__(**look)
        self._adopt(session)
        self._stream = Stream(session, self.send, time.monotonic)
        self.on_msg(self._on_message)
        session.prepare()
        threading.Thread(target=_pump, args=(weakref.ref(self), self._wake), name="actmax-widget", daemon=True).start()

    # --- commands --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Run until the goal, in the background. After the end it goes on for another ``max_iter`` iterations."""
        self._pause_tiles()  # one thing at a time has the processor
        self._command("start")

    def pause(self) -> None:
        """Stop after the step in hand."""
        self._pause_tiles()
        self._command("pause")

    def step(self, n: int = 1) -> None:
        """Make exactly ``n`` iterations and wait for them. Running: nothing.

        Raises:
            ValueError, TypeError: ``n`` is not an integer >= 1.
        """
        if not self._session.status.busy:
            self._command("step", n)
            self.wait()

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
        tiles = Tiles(self._session.network, self._session.settings, filters, notify=self._wake.set)
        self.pause()
        self._show_tiles(tiles)
        tiles.start()

    @property
    def tiles(self) -> LayerPictures | None:
        """The pictures of :meth:`visualize_layer` begun so far, as the network saw them last, and their losses."""
        if self._tiles is None:
            return None
        return self._tiles.pictures()

    def open_tile(self, filter_index: int) -> None:
        """Take a tile's picture and losses over: Run goes on from there.

        Args:
            filter_index: one of the filters that there are tiles of.

        Raises:
            ValueError: there is no tile of it, or it is not begun.
        """
        tiles = self._tiles
        begun = tiles.filters[: tiles.begun] if tiles is not None else ()
        if tiles is None or filter_index not in begun:
            raise invalid("filter", "a filter with a picture", filter_index, "Press All filters first.")
        position = begun.index(filter_index)
        with self.lock:
            (image,), (history,) = tiles.pictures(position, position + 1)
            self._session.adopt(tiles.settings.layer, filter_index, image, history, tiles.settings.max_iter)
            self.layer = self._session.settings.layer
            self.filter_indices = self._session.settings.filter_indices
            self._session.prepare()
        self._complain("")
        self._publish()

    def _show_tiles(self, tiles: Tiles | None) -> None:
        self._pause_tiles()
        self._tiles = tiles
        self._stream.tiles.show(tiles)
        self._wake.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until neither the optimization nor the tiles are running; at most ``timeout`` seconds. Ctrl-C pauses.

        Returns:
            Whether they have stopped.
        """
        try:
            begin = time.monotonic()
            stopped = self._tiles is None or self._tiles.wait(timeout)
            left = None if timeout is None else max(0.0, timeout - (time.monotonic() - begin))
            stopped = self._session.wait(left) and stopped
        except KeyboardInterrupt:
            self.pause()
            raise
        self._publish()
        return stopped

    @property
    def history(self) -> History:
        """Every iteration's losses: ``.values``, ``.names``, ``["total"]``, ``.to_pandas()``."""
        return self._session.history

    @property
    def model(self) -> Any:
        """The Keras model."""
        return self._session.network.model

    def close(self) -> None:
        """Stop the optimization and remove the widget from the page."""
        if self._session is not None:
            self._session.pause()
            self._pause_tiles()
            self._wake.set()
        super().close()

    # --- parameters ------------------------------------------------------------------------------------------------

    def check(self, **changes: Any) -> None:
        """Raise what setting these parameters would raise."""
        if self._session is not None:
            self._session.preview(**changes)

    @traitlets.observe(*DEFAULTS)
    def _on_parameter(self, change: Any) -> None:
        if self._session is None or getattr(self._session.settings, change["name"]) is change["new"]:
            return
        settings = self._session.update(**{change["name"]: change["new"]})
        self._session.prepare()
        self.filter_indices = settings.filter_indices  # another layer may not have had that filter
        if change["name"] == "seed_input":
            self._name_seed(None if change["new"] is None else _called(change["new"]))
        self._complain("")
        self._publish()

    def _name_seed(self, name: str | None) -> None:
        """Show the starting picture and its name; None for noise."""
        with self.lock, self.hold_sync():
            seed = self.seed_input
            image = None if seed is None else seed[0] if seed.ndim > IMAGE_RANK else seed
            self.set_trait("seed_name", name or "")
            self.set_trait("seed_picture", b"" if image is None else to_png(image, self.input_range))

    def _take_seed(self, name: str, file: Any) -> None:
        """Start from a picture file that the browser sent: resized to the input, scaled to its range."""
        height, width, channels = self.image.shape
        try:
            picture = Image.open(io.BytesIO(file)).convert("L" if channels == 1 else "RGB").resize((width, height))
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise invalid("seed_picture", "a picture file such as PNG or JPEG", name, str(error)) from None
        low, high = self.input_range
        pixels = np.asarray(picture, np.float32).reshape(height, width, -1) * ((high - low) / 255) + low
        if channels not in {1, 3}:
            pixels = np.repeat(pixels.mean(-1, keepdims=True), channels, -1)
        self.seed_input = pixels
        self._name_seed(name)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take parameters from the browser; facts are ours. For a bad value the browser gets the old one back."""
        with self.lock:
            for name in sorted(sync_data, key=lambda name: name != "layer"):  # filters are checked against the layer
                if self.has_trait(name) and not self.traits()[name].read_only:
                    self._set_one(name, sync_data[name])

    def _set_one(self, name: str, value: Any) -> None:
        try:
            super().set_state({name: value})
        except (ValueError, TypeError, traitlets.TraitError) as error:
            self._complain(str(error))
            self.send_state(name)

    # --- facts -----------------------------------------------------------------------------------------------------

    def _adopt(self, session: Session) -> None:
        """Show a session: its settings and the facts about its model."""
        with self.lock, self.hold_sync():
            for name in DEFAULTS:
                setattr(self, name, getattr(session.settings, name))
            self._session = session
            if self.seed_input is not None:
                self._name_seed(_called(self.seed_input))
            self.set_trait(
                "layers", [info._asdict() | {"shape": list(info.shape)} for info in session.network.layers()]
            )
            self.set_trait("model_name", session.network.model.name)
            self._publish()

    def _publish(self) -> None:
        """Bring the facts up to date. The browser gets them at transitions only; between those it has the frames."""
        with self.lock, self.hold_sync():
            facts = self._session.facts()
            if (facts.run, facts.iteration) != self._shown:
                self._shown = facts.run, facts.iteration
                self.set_trait("image", self._session.image)
                self.set_trait("iteration", facts.iteration)
            moment = dataclasses.replace(facts, iteration=-1) if facts.status.busy else facts
            if moment != self._published:
                self._published = moment
                self._publish_transition(facts)

    def _publish_transition(self, facts: Facts) -> None:
        session = self._session
        self.set_trait("status", facts.status.value)
        self.set_trait("goal", facts.goal)
        self.set_trait("loss_names", list(session.loss_names))
        self.set_trait("message", facts.sentence())
        self.set_trait("picture", to_png(session.image, session.settings.input_range))
        self.set_trait("rows", session.history.values.astype("<f4").tobytes())
        if facts.error:
            self.set_trait("error", facts.error)
        self._states_to_send.add("iteration")

    def _should_send_property(self, key: str, value: Any) -> bool:
        return key != "iteration" and super()._should_send_property(key, value)

    def _complain(self, error: str) -> None:
        with self.lock:
            self.set_trait("error", error)

    # --- messages --------------------------------------------------------------------------------------------------

    def _command(self, name: str, *args: Any) -> None:
        self._complain("")
        getattr(self._session, name)(*args)
        self._publish()

    def _on_message(self, _: Any, content: dict[str, Any], buffers: Any) -> None:
        answers: dict[str, Callable[[], Any]] = {
            "hello": self._stream.hello,
            "receipt": lambda: self._stream.receipt(int(content["seq"])),
            "start": self.start,
            "pause": self.pause,
            "reset": self.reset,
            "step": lambda: self._command("step", content.get("n", 1)),
            "seed_picture": lambda: self._take_seed(str(content.get("name", "")), buffers[0]),
            "clear_seed_picture": lambda: setattr(self, "seed_input", None),
            "visualize_layer": self.visualize_layer,
            "open_tile": lambda: self.open_tile(int(content["filter"])),
            "pause_tiles": self._pause_tiles,
            "resume_tiles": self._resume_tiles,
            "close_tiles": lambda: self._show_tiles(None),
        }
        try:
            answers.get(content.get("type", ""), lambda: None)()
        except (ValueError, TypeError, LookupError) as error:
            self._complain(str(error))
        self._wake.set()

    def _pause_tiles(self) -> None:
        if self._tiles is not None:
            self._tiles.pause()

    def _resume_tiles(self) -> None:
        if self._tiles is not None:
            self._command("pause")
            self._tiles.start()

    @traitlets.observe("comm")
    def _on_comm(self, change: Any) -> None:
        """Let the front end's messages come in while a cell runs.

        ipykernel 7.4 sends them to the shell of our last send's parent, that is behind the running cell, if that cell
        started the run. Its choice is overridden where it exists, so that each message goes where the front end sent
        it.
        """
        comm = change["new"]
        if hasattr(comm, "_reply_subshell_for"):
            comm._reply_subshell_for = lambda data, default: default  # noqa: ARG005, SLF001

    def pump(self) -> float | None:
        """Bring traits and browser up to date; seconds until that is due again, None: when something happens."""
        self._publish()
        return self._stream.pump()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and the picture for viewers without widgets."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "image/png": base64.b64encode(self.picture).decode()}, metadata


def _pump(widget: weakref.ref[ActMaxWidget], wake: threading.Event) -> None:
    """The thread that sends, as long as the widget lives."""
    wait: float | None = None
    while True:
        wake.wait(wait if wait is not None else 60)
        wake.clear()
        alive = widget()
        if alive is None or alive.comm is None:
            return
        wait = alive.pump()
        del alive


def _called(array: np.ndarray) -> str:
    """What a starting picture without a file name is called."""
    return f"array {' × '.join(map(str, array.shape))}"


def _check_keywords(parameters: dict[str, Any]) -> None:
    """Refuse keywords that do not exist; traitlets would only warn."""
    known = [*DEFAULTS, *LOOK]
    for name in parameters:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean {close[0]}?" if close else f"Choose from: {', '.join(known)}."
            message = f"ActMaxWidget() has no parameter {name!r}. {hint}"
            raise TypeError(message)


def _check_front_end() -> None:
    if not STATIC.is_dir():
        message = f"The front end is not built ({STATIC} is missing). Run `make lab`, or `pip install -e .` again."
        raise RuntimeError(message)


def _check_picture(network: Network) -> None:
    """Refuse an input that cannot be shown as a picture."""
    shape = tuple(network.input.shape[1:])
    if len(shape) != IMAGE_RANK:
        expected = f"a model whose input is a picture (height, width, channels), not {shape}"
        advice = "actmax_widget.visualize_activation takes inputs of any rank."
        raise invalid("model", expected, network.model.name, advice)


def to_png(image: np.ndarray, input_range: tuple[float, float]) -> bytes:
    """A picture as the bytes of a PNG file; see :func:`actmax_widget.stream.to_pixels`."""
    pixels = to_pixels(image, input_range)
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, "png")
    return file.getvalue()
