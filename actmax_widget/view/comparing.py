"""Two widgets in lock-step: :func:`compare`.

A panel with the only buttons and the difference stands above both. Beside :mod:`actmax_widget.view.widget` and
:mod:`actmax_widget.view.atlas` the only file that knows ipywidgets and anywidget.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import keras
import numpy as np

from actmax_widget.checks import invalid
from actmax_widget.export.card import to_png
from actmax_widget.export.page import Page, side_by_side
from actmax_widget.export.saving import save_page
from actmax_widget.live.facts import Status
from actmax_widget.live.lockstep import Lockstep, Moment
from actmax_widget.live.pump import Pump
from actmax_widget.live.quiet import QUIET
from actmax_widget.parameters import parameters_of
from actmax_widget.parts import alike
from actmax_widget.pictures import to_pixels
from actmax_widget.settings import PARTS, Settings, differ
from actmax_widget.view import messages
from actmax_widget.view.lesson import names_to_hide
from actmax_widget.view.messages import CompareFacts, DifferenceMessage
from actmax_widget.view.widget import STATIC, ActMaxWidget, _Text, _weakly, fact_traits

ALWAYS = ("seed", "seed_input", "seed_fit", "max_iter", "steps_per_second")
"""Settings that are those of the first: both begin with the same noise, and run as long and as fast."""
BOTH_WITHOUT = (
    *("buttons", "progress", "lines", "tiles", "table", "network", "keys", "pins"),
    *("score", "examples", "quiz"),
)
"""Parts that neither shows: the panel has the buttons and says how far they are, what leads one of them elsewhere would
part the two, and side by side there is little room."""
SEEN = (
    *("picture", "measured", "zoom", "save", "smooth", "best", "film", "chart", "status"),
    *("target", "layer", "filter_indices", "position", "recipe", "preset", "defaults"),
)
"""Parts that the second shows besides the settings that are its own: target and recipe so that both pictures stand at
the same height."""
HOLD = {"target": ("layer", "filter_indices", "position"), "recipe": ("preset",)}
"""Parts that hold nothing but controls of these settings."""
SCALES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Differences, in units of the range, that may be drawn white or black."""
FRAME, WINDOW, SILENCE, HEARTBEATS = 1 / 15, 2, 2.0, 5
"""As in :mod:`actmax_widget.view.stream`: nobody waits for a browser, and a silent one gets less and less."""
EXAMPLE = "Pass two widgets, or two models with the settings of both: am.compare(a, b, layer='out', filter_indices=3)."


def compare(one: Any, other: Any, *, names: Sequence[str] = ("A", "B"), **parameters: Any) -> Compare:
    """Two widgets side by side, in lock-step from the same noise, with one set of controls and the difference picture.

    Settings in which the two differ stay their own; each other one that is set in one of them, in the page or from
    Python, is set in the other. Seed, starting picture, number of iterations and speed are those of the first. Both go
    back to iteration 0 with it: pin what is to be kept. As long as the two are compared, the page shows of each what
    is of use here; :meth:`Compare.close` gives both back as they were.

    Args:
        one: an :class:`~actmax_widget.ActMaxWidget` that does not run, or a Keras model.
        other: another one, of the same size and number of channels.
        names: what a person calls them.
        **parameters: of both widgets, where models are given.

    Returns:
        A widget: show it, or use it from Python.

    Raises:
        TypeError: something else, or parameters for widgets that are there already.
        ValueError: twice the same widget, one that runs or is compared already, or inputs of different shapes.

    Example:
        >>> plain, robust = am.demo.digits("plain"), am.demo.digits("adversarial")
        >>> both = am.compare(plain, robust, names=["plain", "robust"], filter_indices=3)
        >>> both                     # in a notebook: shows it
        >>> both.start()             # or press Run
        >>> both.wait(60)
        True
        >>> both.iteration, both.difference.shape, both.rms
        (256, (28, 28, 1), 0.11)
    """
    widgets = [_widget(name, given, parameters) for name, given in (("one", one), ("other", other))]
    return Compare(*widgets, names=names)


def _widget(name: str, given: Any, parameters: dict[str, Any]) -> ActMaxWidget:
    if isinstance(given, keras.Model):
        return ActMaxWidget(given, **parameters)
    if not isinstance(given, ActMaxWidget):
        hint = "Go back to it first: widget.restore(checkpoint)." if hasattr(given, "checkpoint") else EXAMPLE
        raise invalid(name, "an ActMaxWidget or a Keras model", given, hint, TypeError)
    if parameters:
        advice = "Set them on the widgets first."
        raise invalid("parameters", "none beside widgets", ", ".join(parameters), advice, TypeError)
    return given


class Panel(anywidget.AnyWidget):
    """The buttons of both, how far they are, and their difference. Its facts can be observed."""

    if STATIC.is_dir():
        _esm = _Text(STATIC / "compare.js")
    vars().update(fact_traits(CompareFacts))


class Compare(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Two widgets in lock-step; made by :func:`compare`.

    Attributes:
        widgets: both.
        panel: what stands above them; its traits ``status``, ``message``, ``error``, ``iteration``, ``goal`` and
            ``rms`` can be observed.
        own: names and addresses of the settings in which they differ on purpose.
    """

    def __init__(self, one: ActMaxWidget, other: ActMaxWidget, *, names: Sequence[str] = ("A", "B")) -> None:
        self._is_open = False  # ipywidgets also closes widgets that were never finished
        self.widgets = one, other
        self.names = _check_names(names)
        _check_pair(one, other)
        self._sharing = threading.RLock()
        self._is_sharing, self._refused = False, ""
        self._published: tuple[Any, ...] = ()
        self._pump = Pump(self.pump)
        self._feed_lock = threading.Lock()
        self._seq = self._acknowledged = self._beats = 0
        self._listening = False
        self._sent: Moment | None = None
        self._sent_at = self._heard_at = -np.inf
        self._before = [(one.ui, one), (other.ui, other)]
        settings = [widget.run.settings for widget in self.widgets]
        self.own = _differing(*settings, same_model=one.model is other.model)
        self._begin(one, other)
        self._lockstep = Lockstep(one.run, other.run, self._pump.wake)
        self.panel = Panel()
        self.panel.set_trait("names", list(self.names))
        self.panel.on_msg(_weakly(self._on_message))
        super().__init__([self.panel, ipywidgets.HBox(list(self.widgets))])
        self._show_parts()
        for widget in self.widgets:
            widget.observe(self._share, [*parameters_of(Settings), "knobs"])
        self._is_open = True
        self._pump.wake()

    # --- commands --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Run both until their goal, in the background; after the end for another ``max_iter`` iterations."""
        self._forget_errors()
        self._lockstep.start()

    def pause(self) -> None:
        """Stop both at the same iteration, after the frame in hand."""
        self._lockstep.pause()

    def step(self, n: int = 1) -> None:
        """Make exactly ``n`` iterations of both and wait for them. Running: nothing.

        Raises:
            ValueError, TypeError: ``n`` is not an integer >= 1.
        """
        self._forget_errors()
        if self._lockstep.step(n):
            self.wait()

    def reset(self) -> None:
        """Stop, and go back to the starting picture and empty histories."""
        self._forget_errors()
        self._lockstep.reset()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until both have stopped; at most ``timeout`` seconds. Ctrl-C pauses. Returns whether they have."""
        try:
            stopped = self._lockstep.wait(timeout)
        except KeyboardInterrupt:
            self.pause()
            raise
        for widget in self.widgets:
            widget.wait(0)  # which brings its own facts up to date
        self._publish()
        return stopped

    def close(self) -> None:
        """Stop, and give both widgets back: each goes alone from now on, and shows what it showed before."""
        if self._is_open:
            self._is_open = False
            self._lockstep.pause()
            self._lockstep.wait()
            self._lockstep.end()
            for widget in self.widgets:
                widget.unobserve(self._share, [*parameters_of(Settings), "knobs"])
            for ui, widget in self._before:
                widget.ui = ui
            self.panel.close()
        super().close()

    # --- facts -----------------------------------------------------------------------------------------------------

    @property
    def iteration(self) -> int:
        """The last iteration that both came to, of which :attr:`difference` is."""
        return self._lockstep.iteration

    @property
    def status(self) -> str:
        """Of both: ``"failed"`` where one has failed."""
        return self._status().value

    @property
    def error(self) -> str:
        """Why one has failed, and which, or what one did not take over from the other; else empty."""
        self._publish()
        found: str = self.panel.error
        return found

    @property
    def difference(self) -> np.ndarray:
        """The first picture minus the second, (H, W, C) float32 in units of the input range: 1 is all of it."""
        return self._difference(self._lockstep.moment)

    @property
    def rms(self) -> float:
        """Root of the mean squared difference, in units of the input range."""
        return _rms(self.difference)

    def to_html(self) -> Page:
        """The text of what ``save("x.html")`` writes; at the end of a cell it is shown."""
        pairs = list(zip(self.names, [widget.result for widget in self.widgets], strict=True))
        notes = [f"The pictures differ by {self.rms:.3g} of the input range (root of the mean square)."]
        return side_by_side(pairs, title=" and ".join(self.names), notes=notes)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write both, with their films, losses and settings, to a page that needs no kernel and no network.

        Args:
            path: of the file, which ends in ``.html`` and is there as a whole or not at all.

        Returns:
            The path.

        Raises:
            ValueError, TypeError: another ending, or no path.
            OSError: the file cannot be written.

        Example:
            >>> both.save("plain-and-robust.html")
        """
        return save_page(self.to_html(), path)

    def __repr__(self) -> str:
        return f"{self.names[0]} and {self.names[1]} in lock-step: {self.status} at iteration {self.iteration}."

    # --- settings --------------------------------------------------------------------------------------------------

    def _begin(self, one: ActMaxWidget, other: ActMaxWidget) -> None:
        """Both with the same noise at iteration 0."""
        if one.seed is None:
            one.seed = int(np.random.SeedSequence().generate_state(1)[0] % 2**31)
        changes = {name: getattr(one, name) for name in ALWAYS if name != "seed_input"}
        other.set_together(changes, {})
        if not _same(one.seed_input, other.seed_input):
            other.seed_input = one.seed_input
        for widget in (one, other):
            widget.reset()

    def _share(self, change: Any) -> None:
        """Set in the other what was set in one, as far as it is not the other's own."""
        source = change["owner"]
        (target,) = (widget for widget in self.widgets if widget is not source)
        with self._sharing:
            if self._is_sharing:
                return
            self._is_sharing = True
            try:
                self._hand_over(source, target)
                self._refused = ""
            except (ValueError, TypeError) as error:
                name = self.names[self.widgets.index(target)]
                self._refused = f"{name} did not take what was set, and differs in it now: {error}"
            finally:
                self._is_sharing = False
        if change["name"] in {"preset", *PARTS}:
            self._show_parts()  # other parts have other numbers
        self._pump.wake()

    def _hand_over(self, source: ActMaxWidget, target: ActMaxWidget) -> None:
        new, old = source.run.settings, target.run.settings
        shared = [name for name in parameters_of(Settings) if name not in {*self.own, "seed_input"}]
        changes = {
            name: getattr(new, name)
            for name in shared
            if not _equal(name, new, old) and name not in new.numbers().absent([name])
        }
        if "preset" in changes:  # which would bring its own
            kept = [name for name in self.own if name in parameters_of(Settings) and name not in {*PARTS, *changes}]
            changes |= {name: getattr(old, name) for name in kept if name not in new.numbers().absent([name])}
        aliases = {address for address, one in new.numbers().items() if one.alias}
        before = old.values() if not changes else old.changed(**changes).values()
        knobs = {
            address: value
            for address, value in new.values().items()
            if address in before and before[address] != value and address not in aliases | {*self.own}
        }
        if changes or knobs:
            target.set_together(changes, knobs)
        if not _same(new.seed_input, old.seed_input):
            target.seed_input = new.seed_input

    def _show_parts(self) -> None:
        """One set of controls: the second shows those alone that are its own."""
        for widget, name in zip(self.widgets, self.names, strict=True):
            settings = widget.run.settings
            hidden = set(BOTH_WITHOUT)
            if widget is self.widgets[1]:
                hidden |= {*names_to_hide(settings)} - {*SEEN, *self.own, *_holders(self.own, settings)}
            words = f"Its own: {', '.join(_titles(self.own))}." if self.own else ""
            title = name if self.widgets[0].model is self.widgets[1].model else f"{name} · {widget.model_name}"
            widget.ui = {
                "hide": [one for one in names_to_hide(settings) if one in hidden],
                "title": title,
                "text": words,
            }

    # --- the panel -------------------------------------------------------------------------------------------------

    def _status(self) -> Status:
        found = {widget.run.status for widget in self.widgets}
        for status in (Status.FAILED, Status.COMPILING, Status.RUNNING):
            if status in found:
                return status
        if self._lockstep.is_busy:
            return Status.RUNNING
        return found.pop() if len(found) == 1 else Status.PAUSED

    def _forget_errors(self) -> None:
        self._refused = ""
        for widget in self.widgets:
            with widget.lock:
                widget.set_trait("error", "")

    def _publish(self) -> None:
        """Bring the panel's facts up to date, at transitions."""
        status, goal = self._status(), max(widget.run.goal for widget in self.widgets)
        facts = [widget.run.facts() for widget in self.widgets]
        failed = [
            f"{name} stopped, so both are paused: {fact.error}"
            for name, fact in zip(self.names, facts, strict=True)
            if fact.status is Status.FAILED
        ]
        error = " ".join([*failed, *([self._refused] if self._refused else [])])
        iteration = self.iteration
        at = -1 if status.busy else iteration
        if (status, goal, error, at) == self._published:
            return
        with ActMaxWidget.lock, self.panel.hold_sync():
            self._published = status, goal, error, at
            difference = self.difference
            told = {
                "status": status.value,
                "goal": goal,
                "iteration": iteration,
                "error": error,
                "message": self._sentence(status, iteration),
                "rms": _rms(difference),
                "scale": (scale := _scale(difference)),
                "picture": to_png(difference, (-scale, scale)),
            }
            for name, value in told.items():
                self.panel.set_trait(name, value)

    def _sentence(self, status: Status, iteration: int) -> str:
        far = f"{iteration} iteration{'' if iteration == 1 else 's'}"
        return {
            Status.READY: f"Both begin with the noise of seed {self.widgets[0].seed}.",
            Status.COMPILING: "Compiling.",
            Status.RUNNING: "",
            Status.PAUSED: f"Both are paused after {far}.",
            Status.FINISHED: f"Both have made {far}. Run goes on from here, Reset starts again.",
        }.get(status, "")

    def _on_message(self, _: Any, content: Any, __: Any) -> None:
        try:
            command = messages.read(content)
            self._obey(command)
        except (ValueError, TypeError) as error:
            self._refused = str(error)
        self._pump.wake()

    def _obey(self, command: Any) -> None:
        if isinstance(command, messages.Start):
            self.start()
        elif isinstance(command, messages.Pause):
            self.pause()
        elif isinstance(command, messages.Step):
            self._forget_errors()
            self._lockstep.step(command.n)
        elif isinstance(command, messages.Reset):
            self.reset()
        elif isinstance(command, messages.Hello):
            with self._feed_lock:
                self._listening, self._sent, self._acknowledged = True, None, self._seq
            with ActMaxWidget.lock:
                self.panel.send_state()
        elif isinstance(command, messages.Receipt):
            with self._feed_lock:
                self._listening, self._beats = True, 0
                self._acknowledged = max(self._acknowledged, min(command.seq, self._seq))
                self._heard_at = time.monotonic()

    def pump(self) -> float | None:
        """Bring the panel up to date; seconds until that is due again, None: when something happens."""
        try:
            with QUIET.work():
                self._publish()
                return self._send_difference()
        except Exception:  # whatever a comm or an encoder raises: the thread goes on
            self.log.warning("The panel could not be brought up to date.", exc_info=True)
            return None

    def _send_difference(self) -> float | None:
        moment, now = self._lockstep.moment, time.monotonic()
        with self._feed_lock:
            if not self._listening or moment is self._sent:
                return None
            if self._seq - self._acknowledged >= WINDOW:
                wait = max(self._sent_at, self._heard_at) + SILENCE - now
                if wait > 0:
                    return wait
                self._beats += 1
                if self._beats > HEARTBEATS:
                    self._listening = False
                    return None
            if (wait := self._sent_at + FRAME - now) > 0:
                return wait
            self._seq += 1
            self._sent, self._sent_at = moment, now
        difference = self._difference(moment)
        scale = _scale(difference)
        pixels = to_pixels(difference, (-scale, scale))
        goal = max(widget.run.goal for widget in self.widgets)
        sent = DifferenceMessage(
            seq=self._seq,
            iteration=moment.iteration,
            goal=goal,
            shape=pixels.shape,
            rms=_rms(difference),
            scale=scale,
        )
        self.panel.send(messages.content(sent), [pixels.tobytes()])
        return None

    def _difference(self, moment: Moment) -> np.ndarray:
        scaled = []
        for widget, image in zip(self.widgets, moment.images, strict=True):
            low, high = widget.run.settings.input_range
            scaled.append((image - np.float32(low)) / np.float32(high - low))
        found: np.ndarray = scaled[0] - scaled[1]
        return found


def _check_names(names: Any) -> tuple[str, str]:
    found = tuple(names) if isinstance(names, list | tuple) else ()
    if len(found) != 2 or not all(isinstance(one, str) and one for one in found) or found[0] == found[1]:
        raise invalid("names", "two names", names, 'Pass e.g. names=["plain", "robust"].')
    return found[0], found[1]


def _check_pair(one: ActMaxWidget, other: ActMaxWidget) -> None:
    if one is other:
        raise invalid("other", "another widget", "the same one", "Make a second one: ActMaxWidget(model, ...).")
    for name, widget in (("one", one), ("other", other)):
        if widget.run.status.busy:
            raise invalid(name, "a widget that does not run", widget.status, "Pause it first: widget.pause().")
        if widget.run.follows:
            advice = "Close that first: both.close()."
            raise invalid(name, "a widget that is not compared", "one in lock-step with another", advice)
    if one.image.shape != other.image.shape:
        advice = "Make one with input_shape= of the other."
        raise invalid("other", f"pictures of {one.image.shape}", other.image.shape, advice)


def _differing(one: Settings, other: Settings, *, same_model: bool) -> tuple[str, ...]:
    """Names and addresses of what two settings differ in."""
    names = [name for name in parameters_of(Settings) if name not in ALWAYS and not _equal(name, one, other)]
    if not same_model and one.objective is not None:
        names.append("objective")  # it holds layers of its own model
    aliases = {address for address, number in one.numbers().items() if number.alias}
    mine, others = one.values(), other.values()
    numbers = [name for name in mine if name in others and name not in aliases and mine[name] != others[name]]
    return tuple(dict.fromkeys([*names, *numbers]))


def _equal(name: str, one: Settings, other: Settings) -> bool:
    mine, others = getattr(one, name), getattr(other, name)
    if name in {"parametrization", "transforms", "optimizer"}:
        return alike(mine, others)
    return not differ(mine, others)


def _same(one: Any, other: Any) -> bool:
    """Whether two starting pictures are the same."""
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


def _holders(own: Sequence[str], settings: Settings) -> set[str]:
    """The parts of the instrument in which controls of these settings are, and what else those go by."""
    found = {part for part, names in HOLD.items() if any(name in names for name in own)}
    of_parts = {address for address, one in settings.numbers().items() if address in own or one.alias in own}
    found |= of_parts | {address.rpartition(".")[0] for address in of_parts}
    if any(name in settings.numbers() for name in own):
        found.add("knobs")
    declared = parameters_of(Settings)
    left = [declared[name] for name in own if name in declared and not any(name in names for names in HOLD.values())]
    return found | {"settings" if one.folded else "weights" for one in left}


def _titles(own: Sequence[str]) -> list[str]:
    declared = parameters_of(Settings)
    return [declared[name].label if name in declared else name for name in own]


def _rms(difference: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(difference, dtype=np.float64)))) if difference.size else 0.0


def _scale(difference: np.ndarray) -> float:
    """A round number that 99 of 100 differences do not exceed, up to the whole range."""
    most = float(np.nanquantile(np.abs(difference), 0.99)) if difference.size else 0.0
    return next((one for one in SCALES if most <= one * (1 + 1e-6)), 1.0) if math.isfinite(most) else 1.0
