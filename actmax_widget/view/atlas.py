"""The atlas: all pictures of a sweep as one sheet, and beneath it the widget that goes on from one of them.

A sheet of twenty thousand has in the page only what is in sight. The page asks, and what it does not ask for is never
read: light columns once, small pictures as they come into sight, a large one when it is opened. Questions are answered
by a thread of its own, so that runs and cells go on meanwhile; to load a model, which takes longer, by another.
"""

from __future__ import annotations

import base64
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import anywidget
import ipywidgets
import numpy as np
import traitlets
from IPython.display import display

from actmax_widget.checks import check_choice, check_flag, check_integer, invalid, near
from actmax_widget.live.pump import Pump
from actmax_widget.live.quiet import QUIET
from actmax_widget.reason import reason
from actmax_widget.view import atlas_messages as messages
from actmax_widget.view.atlas_feed import Columns, Pictures, Store
from actmax_widget.view.atlas_messages import AtlasFacts, AtlasSettings
from actmax_widget.view.comparing import Compare, compare
from actmax_widget.view.messages import by_type, read
from actmax_widget.view.widget import (
    STATIC,
    ActMaxWidget,
    _check_front_end,
    _is_message,
    _Text,
    _weakly,
    fact_traits,
    let_in,
)

KNOWN = by_type(messages.ATLAS_COMMANDS)
PENDING_TILES = 2
"""Questions for small pictures that wait at the most: of those before them nobody sees the answer any more."""
PENDING_PICTURES = 8
"""The same of large ones: a film of training asks for some ahead."""


def _setting_traits() -> dict[str, Any]:
    """A trait for each of the settings."""
    kinds: dict[Any, Any] = {bool: traitlets.Bool, str: traitlets.Unicode}
    found: dict[str, Any] = {}
    for name, hint in get_type_hints(AtlasSettings).items():
        field: Any = AtlasSettings.__dataclass_fields__[name]
        own = {"help": field.metadata["help"]}
        trait: Any
        if hint is messages.Sort:
            trait = traitlets.Enum(get_args(hint), field.default, **own)
        elif hint in kinds:
            trait = kinds[hint](field.default, **own)
        else:
            trait = traitlets.Int(None, allow_none=True, **own)
        found[name] = trait.tag(sync=True)
    return found


class Sheet(anywidget.AnyWidget):
    """The sheet itself: what the page shows of an :class:`Atlas`."""

    if STATIC.is_dir():
        _esm = _Text(STATIC / "atlas.js")
        _css = _Text(STATIC / "widget.css")
    vars().update(fact_traits(AtlasFacts) | _setting_traits())

    def __init__(self, heard: Callable[..., None]) -> None:
        # Before the page knows of it: the first question comes at once, and is not asked again soon.
        self.on_msg(heard)
        super().__init__()

    def tell(self, **facts: Any) -> None:
        """Set facts, from whatever thread."""
        with ActMaxWidget.lock, self.hold_sync():
            for name, value in facts.items():
                self.set_trait(name, value)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take settings from the page; facts are ours, and for what is none of them it gets the old value."""
        with ActMaxWidget.lock:
            for name, value in sync_data.items():
                if name not in AtlasSettings.__dataclass_fields__:
                    continue
                try:
                    super().set_state({name: value})
                except traitlets.TraitError:
                    self.send_state(name)

    def _handle_msg(self, msg: Any) -> None:
        if _is_message(msg):
            with QUIET.work():
                super()._handle_msg(msg)

    @traitlets.observe("comm")
    def _on_comm(self, change: Any) -> None:
        let_in(change["new"], self._handle_msg)


class Atlas(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """All pictures of a sweep as one sheet; made by ``store.widget()``.

    Pictures are grouped by layer, sorted and searched in the page, and read as they come into sight. One that is opened
    shows its losses, its score card and what was noticed; *Go on from it* makes a widget beneath that goes on from it.
    Where the same layer and filter is there of several checkpoints, it plays over them, and two can be compared. As
    long as it is seen it looks for new parts: every two seconds while jobs of the store are missing, and for two
    minutes after the last ones came; else every ten.

    Attributes:
        store: whose pictures they are.
        sheet: the sheet; its traits can be observed: ``count``, ``expected``, ``error``, ``selected``, ``sort``, ...
        live: what stands beneath: the :class:`~actmax_widget.ActMaxWidget` that goes on from a picture, the
            :class:`~actmax_widget.view.comparing.Compare` of two, or None. Another one takes its place, and closes it.
        sort: ``"filter"``, ``"activation"`` or ``"score"`` (how many of strong, sturdy and natural are good), the
            greatest first.
        grouped: whether each layer stands by itself.
        search: words that label, layer, filter, checkpoint or error must have.
        layer: path of the layer that is shown; ``""``: all.
        checkpoint: the checkpoint that is shown; ``""``: all.
        failures: whether only what failed is shown.
        selected: index of the picture that is open; None: none.

    Example:
        >>> store = am.open_sweep("pictures/")
        >>> atlas = store.widget()
        >>> atlas                        # in a notebook: shows it
        >>> atlas.sort, atlas.search = "activation", "castle"
        >>> atlas.selected = store.find("conv3", 7)
        >>> atlas.go_on(atlas.selected)  # or press the button
        >>> atlas.live.start()
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._live: Any = None
        _check_front_end()
        self._columns, self._pictures = Columns(store), Pictures(store)
        self._hellos: deque[int] = deque(maxlen=4)
        self._tiles: deque[messages.AskTiles] = deque(maxlen=PENDING_TILES)
        self._opened: deque[int] = deque(maxlen=PENDING_PICTURES)
        self._beneath: deque[tuple[int, ...]] = deque(maxlen=1)
        self._feeding, self._making = Pump(self.feed), Pump(self.make)
        self._one_at_a_time = threading.RLock()  # of what stands beneath
        self._columns.take()
        self.sheet = Sheet(_weakly(self._on_message))
        self._look()
        super().__init__([self.sheet])

    # --- from Python ------------------------------------------------------------------------------------------------

    @property
    def live(self) -> ActMaxWidget | Compare | None:
        """What stands beneath."""
        return self._live

    def go_on(self, index: int) -> ActMaxWidget:
        """Make a widget beneath that goes on from a picture, see ``store.live``.

        Args:
            index: of the picture, see ``store.find``.

        Returns:
            The widget.

        Raises:
            ValueError: there is no such picture, it failed, or the model is not there or another one by now.
            OSError: the model's file, or the picture's, cannot be read.
        """
        index = self._index(index)
        with self._one_at_a_time:
            widget: ActMaxWidget = self.store.live(index)
            self._show((index,), widget)
        return widget

    def compare(self, one: int, other: int) -> Compare:
        """Compare the runs of two pictures beneath, from the same noise: see :func:`~actmax_widget.compare`.

        Raises:
            ValueError, OSError: as :meth:`go_on`, or twice the same picture.
        """
        both = self._index(one), self._index(other)
        if both[0] == both[1]:
            raise invalid("other", "another picture", other, "Choose two.")
        with self._one_at_a_time:
            widgets = [self.store.live(index, anew=True) for index in both]
            names = [self._called(index) for index in both]
            names = names if names[0] != names[1] else [f"picture {index}" for index in both]
            found = compare(*widgets, names=names)
            self._show(both, found)
        return found

    def close_beneath(self) -> None:
        """Take away what stands beneath, and stop it."""
        with self._one_at_a_time:
            self._show((), None)

    def close(self) -> None:
        """Stop what stands beneath, and remove all from the page."""
        self._close_live()
        self.sheet.close()
        super().close()

    def __repr__(self) -> str:
        return f"Atlas of {self._far()} in {self.store.folder}"

    # --- what stands beneath ----------------------------------------------------------------------------------------

    def _show(self, indices: tuple[int, ...], widget: Any) -> None:
        self._close_live()
        self._live = widget
        with ActMaxWidget.lock:
            self.children = [self.sheet] if widget is None else [self.sheet, widget]
        self.sheet.tell(beneath=list(indices), opening=[], refused="")

    def _close_live(self) -> None:
        live, self._live = self._live, None
        beneath = [] if live is None else [live]
        for one in [*beneath, *(live.widgets if isinstance(live, Compare) else ())]:
            one.close()

    def make(self) -> None:
        """Do what the page asked for beneath, in a thread of its own: a model is loaded, which takes seconds."""
        while self._beneath:
            asked = self._beneath.popleft()
            self.sheet.tell(opening=list(asked), refused="")
            try:
                with QUIET.work():
                    self.compare(*asked) if len(asked) > 1 else self.go_on(*asked)
            except Exception as error:  # noqa: BLE001 - whatever a model's file or a damaged part raises
                self.sheet.tell(opening=[], refused=_sentence(error))

    # --- the page ---------------------------------------------------------------------------------------------------

    def _on_message(self, _: Any, content: Any, __: Any) -> None:
        """Note what is asked for: nothing here may take time, as a cell may wait."""
        try:
            command = read(content, KNOWN)
        except (ValueError, TypeError):  # no person is behind it
            return
        if isinstance(command, messages.GoOn):
            self._beneath.append((command.index,))
        elif isinstance(command, messages.CompareTwo):
            self._beneath.append((command.one, command.other))
        elif isinstance(command, messages.CloseBeneath):
            self.close_beneath()
        elif isinstance(command, messages.AskTiles):
            self._tiles.append(command)
        elif isinstance(command, messages.AskAtlasPicture):
            self._opened.append(command.index)
        elif isinstance(command, messages.AtlasHello):
            self._hellos.append(command.rows)
        (self._making if self._beneath else self._feeding).wake()

    def feed(self) -> None:
        """Answer the page."""
        try:
            with QUIET.work():
                while self._hellos or self._opened or self._tiles:
                    # A large picture is what somebody looks at; of small ones the newest question first.
                    if self._hellos:
                        self._greet(self._hellos.popleft())
                    elif self._opened:
                        self._answer(self._pictures.picture, self._opened.pop())
                    else:
                        asked = self._tiles.pop()
                        self._answer(self._pictures.tiles, asked.seq, list(asked.indices))
        except Exception:  # whatever a comm raises: the thread goes on
            self.log.warning("The sheet could not be brought up to date.", exc_info=True)

    def _answer(self, made: Callable[..., Any], *asked: Any) -> None:
        if all(index < len(self._columns) for index in np.ravel(asked[-1])):
            self.sheet.send(*made(*asked))

    def _greet(self, rows: int) -> None:
        """A page is there, or looks whether there is more: it gets what it lacks."""
        self._look()
        # Also where it lacks none: then it knows that somebody is there.
        self.sheet.send(*self._columns.message(min(rows, len(self._columns))))

    def _look(self) -> None:
        """Look for new parts, and tell what there is."""
        error = ""
        try:
            self.store.refresh()
        except (OSError, ValueError) as failed:
            if Path(self.store.folder).is_dir():
                error = f"The store cannot be looked at any more. {_sentence(failed)}"
            else:
                error = f"The store's folder, {self.store.folder}, is gone. Pictures that were not seen yet stay away."
        self._columns.take()
        self.sheet.tell(
            title=Path(self.store.folder).name or str(self.store.folder),
            count=len(self._columns),
            expected=max(self.store.jobs.pictures, len(self._columns)),
            error=error,
        )

    # --- outputs ----------------------------------------------------------------------------------------------------

    def _far(self) -> str:
        count, expected = len(self._columns), self.sheet.expected
        return f"{count:,} pictures" if count >= expected else f"{count:,} of {expected:,} pictures"

    def _ipython_display_(self, **kwargs: Any) -> None:
        """Show it, and beneath it, for pages that cannot, its first pictures: see :mod:`actmax_widget.export.card`."""
        words = {"text/plain": f"{self!r}. Run the cell again to look at them."}
        if self.sheet.comm is None:
            display(words, raw=True)
            return
        bundle = self._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        display({**data, **words}, metadata=metadata, raw=True)
        if card := self._pictures.contacts():
            self.sheet.tell(picture=card)
            display({"image/png": base64.b64encode(card).decode(), **words}, raw=True)

    # --- names ------------------------------------------------------------------------------------------------------

    def _index(self, value: Any) -> int:
        most = len(self._columns) - 1
        if most < 0:
            raise invalid("index", "a picture", value, "There are none yet.")
        return check_integer("index", value, least=0, most=most, advice="store.find(layer, filter) gives it.")

    def _called(self, index: int) -> str:
        return str(self.store.index["checkpoint"][index])

    def _known(self, name: str, value: Any) -> str:
        """A layer or a checkpoint that there is, or "" for all."""
        known = [*dict.fromkeys(self.store.index.get(name, ()))]
        if not isinstance(value, str) or (value and value not in known):
            advice = near(str(value), known) or f"There are: {', '.join(known[:20])}."
            raise invalid(name, f"a {name} that is there, or '' for all", value, advice)
        return value


def _setting(name: str, check: Callable[[Atlas, Any], Any]) -> property:
    """What the page and Python both set, checked in words where Python does."""

    def put(self: Atlas, value: Any) -> None:
        checked = check(self, value)
        with ActMaxWidget.lock:
            setattr(self.sheet, name, checked)

    words = AtlasSettings.__dataclass_fields__[name].metadata["help"]
    return property(lambda self: getattr(self.sheet, name), put, doc=words)


def _text(_: Atlas, value: Any) -> str:
    if not isinstance(value, str):
        raise invalid("search", "words", value, 'Pass e.g. "castle".', TypeError)
    return value


_CHECKS: dict[str, Callable[[Atlas, Any], Any]] = {
    "sort": lambda _, value: check_choice("sort", value, get_args(messages.Sort)),
    "grouped": lambda _, value: check_flag("grouped", value),
    "search": _text,
    "layer": lambda atlas, value: atlas._known("layer", value),  # noqa: SLF001 - its own
    "checkpoint": lambda atlas, value: atlas._known("checkpoint", value),  # noqa: SLF001 - its own
    "failures": lambda _, value: check_flag("failures", value),
    "selected": lambda atlas, value: None if value is None else atlas._index(value),  # noqa: SLF001 - its own
}
for _name, _check in _CHECKS.items():
    setattr(Atlas, _name, _setting(_name, _check))


def _sentence(error: Exception) -> str:
    plain = str(error) if isinstance(error, ValueError | TypeError) else reason(error)
    return str(getattr(error, "sentence", plain))
