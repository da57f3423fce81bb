"""All that travels between Python and the page, each declared once; ``make contract`` gives the page its types.

:class:`KernelFacts` are the read-only traits. Messages go to the page: :func:`content` of one is what is sent. Commands
come from it: :func:`read` checks what came.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints

from actmax_widget.checks import check_choice, check_integer, invalid
from actmax_widget.live.facts import Status
from actmax_widget.network.flow import MapNode
from actmax_widget.network.targets import LayerInfo
from actmax_widget.parameters import Control as ControlName
from actmax_widget.parameters import Kind, Parameter, Scale, parameters_of
from actmax_widget.settings import Settings

MOST_OF_STRIP = 64
"""Pictures of a strip at the most: a page asks for as many as it has room for."""
MOST_KNOWN = 512
"""Iterations that a page may say it has."""
FileKind = Literal["png", "gif", "webp", "html", "csv", "json", "py"]
"""Files that the page offers, by their endings."""
FileOf = Literal["run", "tiles", "pins"]
"""What a file may be of."""
Family = Literal["parametrization", "optimizer"]
"""A family of parts in which there is always just one."""


def told(
    words: str, default: Any = dataclasses.MISSING, *, take: Callable[[str, Any], Any] | None = None, ts: str = ""
) -> Any:
    """A field, and what it is.

    Args:
        words: what it is.
        default: of the field.
        take: function of name and value that came from the page; it returns the value checked, or raises.
        ts: its type in TypeScript, where that does not follow from the annotation.
    """
    return dataclasses.field(default=default, metadata={"help": words, "take": take, "ts": ts})


# --- controls -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A value to choose, and what a person reads."""

    value: str | float = told("What is set.")
    label: str = told("What a person reads.")
    help: str = told("What choosing it means, in a sentence; where its label says it all, there is none.", "")


@dataclass(frozen=True, kw_only=True)
class Control:
    """What sets a parameter, or a number of a part. The order of a list of them is that on the screen."""

    name: str = told('Of the parameter; of a part\'s number its address, such as "Jitter.shift".')
    kind: Kind = told("What its values are.")
    control: ControlName = told("What sets it.")
    label: str = told("What a person knows it by.")
    help: str = told("What it does, and when to raise or lower it.")
    group: str = told("What it is shown with; a part's number with the others of the part, whose name this is.")
    default: Any = told("Where neither Python nor the recipe sets another: see the fact `defaults`.")
    folded: bool = told("It is set once and seldom touched.", False)
    unit: str = told("Of the number.", "")
    least: float = told("The least number that is taken.", None)
    most: float = told("The greatest number that is taken.", None)
    bottom: float = told("Near end of a slider; 0 unless told.", None)
    top: float = told("Far end of a slider; the number itself may go beyond.", None)
    scale: Scale = told(
        'Of a slider; "growing" starts at 0 and has the hundredth part half way, to both sides of it.', "growing"
    )
    choices: list[Choice] = told("All there are, or for a number those that are offered.", ())
    none: str = told("What a person calls null; null is not allowed without.", None)


def control_of(parameter: Parameter, **other: str) -> dict[str, Any]:
    """The :class:`Control` of a parameter as it travels: without what goes without saying.

    Args:
        parameter: the parameter.
        **other: what is another than the parameter's own: ``name`` and ``group`` of a part's number.

    Example:
        >>> control_of(parameters_of(Settings)["jitter"], name="Jitter.shift", group="Jitter")["name"]
        'Jitter.shift'
    """
    own: dict[str, Any] = {field.name: getattr(parameter, field.name) for field in dataclasses.fields(Control)} | other
    own["label"] = parameter.label or parameter.name.replace("_", " ").capitalize()  # users seldom say one
    own["choices"] = tuple(
        {"value": value, "label": label}
        | ({"help": parameter.sentences[value]} if value in parameter.sentences else {})
        for value, label in parameter.choices.items()
    )
    own["default"] = None if parameter.default is dataclasses.MISSING else parameter.default
    return {field.name: own[field.name] for field in dataclasses.fields(Control) if own[field.name] != field.default}


@dataclass(frozen=True, kw_only=True)
class PartChoice:
    """A part to choose."""

    value: str = told("Its name.")
    label: str = told("What a person reads.")
    help: str = told("What it does, in a sentence or two; empty where nobody said.")


@dataclass(frozen=True, kw_only=True)
class PartsFacts:
    """Of what a run is composed, and what else there is: a user's own part is among it, under its own name."""

    parametrization: str = told("Name of the present one.")
    optimizer: str = told("Name of the present one.")
    transforms: list[str] = told("Names of those present, in their order.")
    terms: list[str] = told("Names of the objective's terms.")
    parametrizations: list[PartChoice] = told("All there are.")
    optimizers: list[PartChoice] = told("All there are.")
    transform_choices: list[PartChoice] = told("All there are, also those present.")


@dataclass(frozen=True, kw_only=True)
class LineInfo:
    """A line of a run."""

    name: str = told("Of it; the first is called main.")
    parent: str = told("The name of the line that it was taken from; empty for the first.")
    iteration: int = told("Where it left that one.")
    made: int | None = told("Iterations that it came to; None for the one in front.")


@dataclass(frozen=True, kw_only=True)
class NoteInfo:
    """What went wrong with the run, or is odd about it."""

    name: str = told("Of the symptom.")
    text: str = told("A sentence or two.")
    button: str = told("What applying its remedy is called; empty where there is none.")


@dataclass(frozen=True, kw_only=True)
class Ui:
    """What of the instrument is shown, and what is said above it."""

    hide: list[str] = told("What is neither drawn nor reached: names of its parts, parameters, and numbers of parts.")
    title: str = told("In place of the model's name.")
    text: str = told("A paragraph beneath.")


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a picture was made with."""

    values: dict[str, Any] = told("Of each setting and number, by name or address.", ts="Record<string, unknown>")
    titles: dict[str, str] = told("What a person calls each.")
    layer: str = told("The layer, after whose units filters are called.")


@dataclass(frozen=True, kw_only=True)
class PinInfo:
    """A picture that was pinned."""

    number: int = told("Another one for each pin.")
    name: str = told("Of it; no two of a widget have the same.")
    iteration: int = told("Of the picture.")
    goes_on: int = told("The iteration that is gone back to.")
    activation: float | None = told("Of the target; None at the start.")
    probability: float | None = told("Of a class; None where there is none.")
    total: float | None = told("Of the losses; None at the start.")
    made: Made = told("What it was made with.")


# --- facts ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class KernelFacts:
    """What only the kernel knows: read-only traits that the page sees, with the values they begin with."""

    status: Status = told('"ready", "compiling", "running", "paused", "finished" or "failed".', Status.READY.value)
    message: str = told("A sentence about the status.", "")
    error: str = told("Why the last input was refused or the last run failed; empty if neither.", "")
    iteration: int = told("Iterations made since the last fresh start. The page reads it off the frames.", 0)
    goal: int = told("The iteration at which the run ends; 0 before the first.", 0)
    knob_controls: list[Control] = told(
        "A control for each number of the present parts that may change during a run and is no parameter: dicts, named "
        'and grouped by part ("Jitter.shift", "Jitter").',
        (),
    )
    knobs: dict[str, float] = told('The value of each, by its address: {"Jitter.shift": 8.0}.', ())
    defaults: dict[str, Any] = told(
        "What the present recipe stands for on this input: the value of each parameter but for those of the target, of "
        "each number by its address, and the names of its parametrization, optimizer and transforms. What says how the "
        "network is fed is as the widget was made.",
        (),
        ts="Record<string, unknown>",
    )
    ui: dict[str, Any] = told(
        "What of the instrument is hidden, and what is said in place of the model's name and beneath it.",
        (),
        ts="Partial<Ui>",
    )
    absent: list[str] = told("Names of parameters that the present parts have no use for.", ())
    parts: dict[str, Any] = told(
        "The parts present, and those to choose; empty before they are known.", (), ts="Partial<PartsFacts>"
    )
    position_shape: list[int | None] = told(
        "Sides of the map of the layer, where a position may be chosen; empty where it has no places. None is a side "
        "that varies.",
        (),
    )
    layers: list[LayerInfo] = told(
        "The layers that can be a target: dicts of name, type, shape (without batch axis; None is a side that varies) "
        "and number of filters.",
        (),
    )
    model_name: str = told("The model's name.", "")
    labels: list[str] = told("Names of the units of the layers below; empty without any.", ())
    labelled: list[str] = told("Names of the layers whose units have these names.", ())
    grad_modifiers: list[str] = told(
        "Choices for grad_modifier.", tuple(parameters_of(Settings)["grad_modifier"].choices)
    )
    backprop_modifiers: list[str] = told(
        "Choices for backprop_modifier.", tuple(parameters_of(Settings)["backprop_modifier"].choices)
    )
    has_references: bool = told("Whether there are real pictures to set beside the made one.", False)
    seed_name: str = told("What the starting picture is called; empty for noise.", "")
    seed_note: str = told("What was done to the starting picture, or is odd about it: a sentence; mostly empty.", "")
    seed_picture: bytes = told("The starting picture as PNG; empty for noise.", b"")
    loss_names: list[str] = told("Names of the losses, a column of the history each; the total comes after them.", ())
    measures: list[str] = told(
        "Names of what is measured beside the losses, a column each after the total: the target's activation, and for "
        "a class its probability.",
        (),
    )
    lines: list[LineInfo] = told(
        "The lines of the run, where it went back and took another way: dicts of name, parent, the iteration at which "
        "it left that one, and the iterations made (None for the one in front); empty as long as there is but one.",
        (),
    )
    advice: list[NoteInfo] = told(
        "What went wrong with the run, or is odd about it, the most urgent first, but for what was dismissed: dicts of "
        "name, text and button; `widget.notes` has all of them.",
        (),
    )
    picture: bytes = told("The picture as PNG at the last transition, for saved notebooks.", b"")
    rows: bytes = told(
        "The history at the last transition, for saved notebooks: float32, little endian, of each iteration the "
        "losses, their total and the measures.",
        b"",
    )
    saved_tiles: dict[str, Any] = told(
        "The tiles of the same moment, but for their pictures; empty without any.", (), ts="Partial<SavedTiles>"
    )
    tiles_picture: bytes = told("Their pictures, side by side in one picture file.", b"")
    vary: dict[str, Any] = told(
        "What a run file of several pictures has them differ in: name -> values; the form of Vary begins with it. "
        "Empty without one.",
        (),
        ts="{ [name: string]: (number | string | (number | string)[] | null)[] }",
    )
    pinned: list[PinInfo] = told("Pictures that were pinned, in order: dicts.", ())
    pin_pictures: list[bytes] = told("The picture of each as PNG.", (), ts="DataView[]")
    present: dict[str, Any] = told(
        "What the present picture is made with, as long as there are pins to compare it with; else empty.",
        (),
        ts="Partial<Made>",
    )


@dataclass(frozen=True, kw_only=True)
class CompareFacts:
    """What the panel above two widgets in lock-step sees: read-only traits."""

    status: Status = told("As of a widget, of both.", Status.READY.value)
    message: str = told("A sentence about the status.", "")
    error: str = told("What failed, and which of the two; empty if nothing did.", "")
    iteration: int = told("The last one that both came to, at transitions.", 0)
    goal: int = told("The iteration at which a Run ends; 0 before the first.", 0)
    names: list[str] = told("What the two are called.", ())
    rms: float = told("Root of the mean squared difference, in units of the input range, at transitions.", 0.0)
    scale: float = told("The difference from which on it is drawn white or black, in the same units.", 1.0)
    picture: bytes = told("The difference as PNG at the last transition, for saved notebooks.", b"")


# --- messages to the page -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class FrameMessage:
    """The newest picture and the rows that the page lacks. Buffers: pixels, uint8 (H, W, C), and rows, float32."""

    type: Literal["frame", "snapshot"] = told("A snapshot replaces everything, a frame goes on from what is held.")
    seq: int = told("Rises by one with each message, whatever it is.")
    run: int = told("Changes at every restart.")
    layer: str = told("The layer that it is of; what is set may be ahead of it.")
    filter_indices: tuple[int, ...] | None = told("Its filters; None is all.")
    iteration: int = told("Iterations made in this run.")
    best: int | None = told(
        "The iteration with the lowest total, 0 before the first, where its picture was asked for; None: it is the "
        "newest."
    )
    goal: int = told("The iteration at which the run ends.")
    first: int = told("Index, within the run, of the first row sent.")
    count: int = told("Rows sent.")
    shape: tuple[int, int, int] = told("Height, width, and channels: 1 (grey), 3 (RGB) or 4 (RGBA).")
    rate: float | None = told("Steps per second; None before it was measured.")
    remaining: float | None = told("Seconds left.")


@dataclass(frozen=True, kw_only=True)
class FilmMessage:
    """The answer to `ask_film`. The buffer holds small pictures, uint8 (H, W, C), one after the other."""

    type: Literal["film"] = "film"
    seq: int = told("In one numbering with the frames, and acknowledged as they are.")
    run: int = told("Of which run: another than the page's where that has just begun.")
    kept: list[int] = told("The iterations of which there are pictures, rising; the last is where the run is.")
    sent: list[int] = told("The iterations of those sent.")
    shape: tuple[int, int, Literal[1, 3]] = told("Height, width and channels of each.")


@dataclass(frozen=True, kw_only=True)
class PictureMessage:
    """The answer to `ask_picture`. The buffer holds the picture, uint8 (H, W, C)."""

    type: Literal["picture"] = "picture"
    seq: int = told("In the same numbering.")
    run: int = told("Of which run.")
    iteration: int = told("Of which iteration: of those kept the nearest to the one asked for.")
    shape: tuple[int, int, Literal[1, 3]] = told("Height, width and channels.")


@dataclass(frozen=True, kw_only=True)
class TilesNews:
    """Pictures that differ in filters, seeds or numbers, but for the pictures."""

    number: int = told("Another number is another set of tiles, which starts afresh.")
    layer: str = told("The layer.")
    varied: list[str] = told(
        'Names of the settings that they differ in: "filter_indices", "seed", or a number of a part by its address.'
    )
    titles: list[str] = told("What a person calls each of these.")
    values: list[list[Any]] = told("Of each tile, in order, its values of these.", ts="(number | number[] | null)[][]")
    shape: tuple[int, int, Literal[1, 3]] = told("Height, width and channels of one tile.")
    first: int = told("Index of the first tile sent.")
    count: int = told("Tiles sent; 0 where only the status changed.")
    activations: list[float | None] = told("The newest activation of each tile sent; None where none is measured.")
    done: int = told("Tiles finished.")
    iteration: int = told("Iterations of the batch in hand.")
    goal: int = told("Iterations for each tile.")
    status: Status = told("Of the run while it is at them; else paused, finished or failed.")
    error: str = told("Why they failed; empty if they did not.")
    changed: list[str] = told("What was set otherwise since they were asked for, in a person's words.")


@dataclass(frozen=True, kw_only=True)
class TilesMessage(TilesNews):
    """Tiles as they grow. The buffer holds ``count`` tiles, uint8, one after the other."""

    type: Literal["tiles"] = "tiles"
    seq: int = told("In one numbering with the frames, and acknowledged as they are.")


@dataclass(frozen=True, kw_only=True)
class TilesClosedMessage:
    """There are no tiles any more."""

    type: Literal["tiles_closed"] = "tiles_closed"
    seq: int = told("In the same numbering.")


@dataclass(frozen=True, kw_only=True)
class SavedTiles(TilesNews):
    """All tiles for a saved notebook; their pictures stand in one, in rows."""

    across: int = told("Tiles in a row.")


@dataclass(frozen=True, kw_only=True)
class RefusedMessage:
    """Why a value was not taken; the value of before was sent already."""

    type: Literal["refused"] = "refused"
    name: str = told(
        'A parameter, the address of a part\'s number, "seed_picture", "parametrization", "optimizer", "transforms", '
        '"vary" or "pin".'
    )
    sentence: str = told("For the person who typed it.")
    error: str = told("The same in Python's words, as the trait `error` has it.")
    value: Any = told("What was refused.", None)


@dataclass(frozen=True, kw_only=True)
class WeightsMessage:
    """Weights of the chosen layer's first filters as pictures. The buffer holds them, uint8, one after the other."""

    type: Literal["weights"] = "weights"
    layer: str = told("The layer.")
    shape: tuple[int, int, int] = told("Height, width, and channels, 1 or 3, of one; 128 is a weight of 0.")
    count: int = told("Pictures sent.")
    of: int = told("Filters that the layer has.")
    sentence: str = told("Why there are none; empty if there are.")


@dataclass(frozen=True, kw_only=True)
class ResponseMessage:
    """Where the chosen filters answer a picture. Buffers: the answers, uint8 (H, W); the picture, uint8 (H, W, C)."""

    type: Literal["response"] = "response"
    layer: str = told("The layer.")
    filter_indices: tuple[int, ...] | None = told("Its filters, whose mean it is; None is all.")
    start: bool = told("Of the starting picture, and not of the present one.")
    iteration: int = told("That of the present picture.")
    shape: tuple[int, int] = told("Height and width of the map.")
    picture: tuple[int, int, int] = told("Height, width and channels of the picture.")
    low: float = told("The least answer, a 0 in the map.")
    high: float = told("The largest one, 255 in the map.")
    sentence: str = told("Why there is no map; empty if there is one.")


@dataclass(frozen=True, kw_only=True)
class MapMessage:
    """The answer to `ask_map`: the layers and operations of the model, and what flows from one to the other."""

    type: Literal["map"] = "map"
    nodes: list[MapNode] = told("In the order in which they are computed, what is inside of one right after it.")
    sentence: str = told("What is not known of it, or why there is none; empty if all is.")


@dataclass(frozen=True, kw_only=True)
class FileMessage:
    """A file to take away. The buffer holds it."""

    type: Literal["file"] = "file"
    kind: FileKind = told("Of which kind.")
    of: FileOf = told("Of the picture in front, of all tiles, or of the pins.")
    sentence: str = told("Why there is none; empty if there is one.")


@dataclass(frozen=True, kw_only=True)
class LineCurves:
    """What one of the lines that were left came to."""

    name: str = told("Of it.")
    made: int = told("Iterations that it came to.")
    every: int = told("Of its rows each how-manieth is sent, from the first on.")
    count: int = told("Rows sent.")


@dataclass(frozen=True, kw_only=True)
class LinesMessage:
    """The course of the lines that were left. The buffer holds rows of two float32, one line after the other.

    The two are the total, and the activation, which is NaN where it was not measured.
    """

    type: Literal["lines"] = "lines"
    lines: list[LineCurves] = told("They, in the order of their beginning.")


@dataclass(frozen=True, kw_only=True)
class DifferenceMessage:
    """The first picture minus the second. The buffer holds it, uint8 (H, W, C): 128 is none."""

    type: Literal["difference"] = "difference"
    seq: int = told("Rises by one, and is acknowledged.")
    iteration: int = told("Of both.")
    goal: int = told("The iteration at which the run ends.")
    shape: tuple[int, int, Literal[1, 3]] = told("Height, width and channels.")
    rms: float = told("Root of the mean squared difference, in units of the input range.")
    scale: float = told("The difference from which on it is drawn white or black, in the same units.")


@dataclass(frozen=True, kw_only=True)
class ScoreRow:
    """One of the three words of a score."""

    name: Literal["strong", "sturdy", "natural"] = told("Which.")
    verdict: Literal["green", "amber", "grey"] = told("Grey is where data is missing.")
    words: str = told("What was found, in sentences with its numbers.")


@dataclass(frozen=True, kw_only=True)
class ScoreMessage:
    """How far the present picture can be trusted: the answer to `ask_score`."""

    type: Literal["score"] = "score"
    iteration: int = told("That of the picture.")
    target: str = told("What it was made for.")
    rows: list[ScoreRow] = told("Strong, sturdy, natural; none where there is no score.")
    passes: int = told("Pictures that the network was shown for it.")
    notes: list[str] = told("What else there is to say.")
    caution: str = told("What stands beneath every score.")
    sentence: str = told("Why there is none; empty if there is one.")


@dataclass(frozen=True, kw_only=True)
class ExamplesMessage:
    """The real pictures that excite the target most: the answer to `ask_examples`. A buffer each, uint8 (H, W, C)."""

    type: Literal["examples"] = "examples"
    target: str = told("The target.")
    names: list[str] = told("Of each.")
    activations: list[float] = told("Of each.")
    shapes: list[list[int]] = told("Height, width, and channels, 1 or 3, of each: cut to what the unit sees.")
    number: int = told("Of how many real pictures.")
    lowest: bool = told("The run lowers the target: these are the pictures that excite it least.")
    notes: list[str] = told("What was left out of them, or done to them.")
    sentence: str = told("Why there are none; empty if there are.")


@dataclass(frozen=True, kw_only=True)
class QuizMessage:
    """Two real pictures, of which one excites the target more: the answer to `ask_quiz`. Buffers: left, right."""

    type: Literal["quiz"] = "quiz"
    target: str = told("The target.")
    shape: list[int] = told("Height, width, and channels, 1 or 3, of both.")
    right: bool | None = told("Whether the answer was right; None where none was given.")
    said: str = told("How many were answered rightly, with the interval, in a sentence.")
    sentence: str = told("Why there is no quiz; empty if there is one.")


MESSAGES = (
    *(FrameMessage, FilmMessage, PictureMessage, TilesMessage, TilesClosedMessage),
    *(RefusedMessage, WeightsMessage, ResponseMessage, MapMessage, FileMessage, LinesMessage, DifferenceMessage),
    *(ScoreMessage, ExamplesMessage, QuizMessage),
)


def content(message: Any) -> dict[str, Any]:
    """A message as the dict that is sent."""
    return dict(vars(message))


# --- commands of the page -------------------------------------------------------------------------------------------


def _count(name: str, value: Any) -> int:
    return check_integer(name, value, least=0)


def _steps(name: str, value: Any) -> int:
    return check_integer(name, value, least=1, advice="Pass e.g. step(1).")


def _or_none(_: str, value: Any) -> int | None:
    """What is no count is not known: no person is behind it, to whom a sentence could be said."""
    return value if isinstance(value, int) and value >= 0 else None


def _file_name(_: str, value: Any) -> str:
    return value if isinstance(value, str) and value else "the file"


def _file_kind(name: str, value: Any) -> str:
    return check_choice(name, value, get_args(FileKind))


def _file_of(name: str, value: Any) -> str:
    return check_choice(name, value, get_args(FileOf))


def _family(name: str, value: Any) -> str:
    return check_choice(name, value, get_args(Family))


def _name(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise invalid(name, "a name", value, "Choose one from the list.", TypeError)
    return value


def _strip(name: str, value: Any) -> int:
    return min(check_integer(name, value, least=2), MOST_OF_STRIP)


def _iterations(_: str, value: Any) -> tuple[int, ...]:
    """What is no list of counts is as if there were none."""
    known = value if isinstance(value, list) else []
    return tuple(one for one in known[:MOST_KNOWN] if isinstance(one, int) and one >= 0)


def _as_it_came(_: str, value: Any) -> Any:
    return value


@dataclass(frozen=True, kw_only=True)
class Hello:
    """A page is there (again), with what it has: the answer begins where that ends."""

    type: Literal["hello"] = "hello"
    run: int | None = told("The run of its newest frame; None without any.", None, take=_or_none)
    rows: int | None = told("Rows of that run that it has.", 0, take=_or_none)
    views: int | None = told("Views it shows.", 0, take=_or_none)


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """All messages up to ``seq`` are drawn."""

    type: Literal["receipt"] = "receipt"
    seq: int = told("Number of the newest.", None, take=_count)


@dataclass(frozen=True, kw_only=True)
class Views:
    """The last view of a page is gone."""

    type: Literal["views"] = "views"
    cleared: bool = told("With its output, and not with the page.", False, take=lambda _, value: value is True)


@dataclass(frozen=True, kw_only=True)
class AskFilm:
    """Send small pictures of the run for a strip: evenly by iteration, the first and the last always among them."""

    type: Literal["ask_film"] = "ask_film"
    count: int = told("How many the strip has; at most 64.", None, take=_strip)
    have: list[int] = told("The iterations of those that the page has.", (), take=_iterations)


@dataclass(frozen=True, kw_only=True)
class AskPicture:
    """Send the picture of an iteration, or of the nearest that was kept."""

    type: Literal["ask_picture"] = "ask_picture"
    iteration: int = told("The iteration.", None, take=_count)


@dataclass(frozen=True, kw_only=True)
class Start:
    """Run until the goal."""

    type: Literal["start"] = "start"


@dataclass(frozen=True, kw_only=True)
class Pause:
    """Stop after the step in hand."""

    type: Literal["pause"] = "pause"


@dataclass(frozen=True, kw_only=True)
class Reset:
    """Go back to the start."""

    type: Literal["reset"] = "reset"


@dataclass(frozen=True, kw_only=True)
class Step:
    """Make some iterations."""

    type: Literal["step"] = "step"
    n: int = told("How many.", 1, take=_steps)


@dataclass(frozen=True, kw_only=True)
class Rewind:
    """Go back to the checkpoint nearest to an iteration; what was made after it goes."""

    type: Literal["rewind"] = "rewind"
    iteration: int = told("The iteration.", None, take=_count)


@dataclass(frozen=True, kw_only=True)
class BranchOff:
    """Go back to the checkpoint nearest to an iteration, on a line of its own; the present one is kept."""

    type: Literal["branch"] = "branch"
    iteration: int = told("The iteration.", None, take=_count)


@dataclass(frozen=True, kw_only=True)
class OpenBranch:
    """Go back to a line that was left; the present one is kept."""

    type: Literal["open_branch"] = "open_branch"
    name: str = told("Of the line.", None, take=_name)


@dataclass(frozen=True, kw_only=True)
class ShowBest:
    """Send the picture of the lowest total so far in place of the newest one, or the newest again."""

    type: Literal["show_best"] = "show_best"
    best: bool = told("The former.", False, take=lambda _, value: value is True)


@dataclass(frozen=True, kw_only=True)
class SeedPicture:
    """Start from the picture file in the buffer."""

    type: Literal["seed_picture"] = "seed_picture"
    name: str = told("What the file is called.", None, take=_file_name)


@dataclass(frozen=True, kw_only=True)
class ClearSeedPicture:
    """Start from noise."""

    type: Literal["clear_seed_picture"] = "clear_seed_picture"


@dataclass(frozen=True, kw_only=True)
class MakeTiles:
    """Make tiles with the present settings; what is wrong with the values is refused under the name "vary"."""

    type: Literal["make_tiles"] = "make_tiles"
    vary: dict[str, list[Any]] | None = told(
        "What they differ in: name -> values, each with each of the others'; None is all filters of the present layer.",
        None,
        take=_as_it_came,
        ts="{ [name: string]: (number | string | (number | string)[] | null)[] } | null",
    )


@dataclass(frozen=True, kw_only=True)
class OpenTile:
    """Make a tile the present picture, with its losses and what it is made of."""

    type: Literal["open_tile"] = "open_tile"
    tile: int = told("Its index.", None, take=_count)


@dataclass(frozen=True, kw_only=True)
class PauseTiles:
    """Stop the tiles after the step in hand."""

    type: Literal["pause_tiles"] = "pause_tiles"


@dataclass(frozen=True, kw_only=True)
class ResumeTiles:
    """Go on with the tiles."""

    type: Literal["resume_tiles"] = "resume_tiles"


@dataclass(frozen=True, kw_only=True)
class CloseTiles:
    """Take the tiles away."""

    type: Literal["close_tiles"] = "close_tiles"


@dataclass(frozen=True, kw_only=True)
class SetKnob:
    """Give a number of a part another value; the part checks it. For what it refuses `knobs` is sent, and then why."""

    type: Literal["set_knob"] = "set_knob"
    name: str = told('Its address, such as "Jitter.shift".', None, take=_name)
    value: float = told("The value.", None, take=_as_it_came)


@dataclass(frozen=True, kw_only=True)
class RestoreDefaults:
    """Take parts, weights and numbers as the present recipe has them, and all else but the target as it began."""

    type: Literal["restore_defaults"] = "restore_defaults"


@dataclass(frozen=True, kw_only=True)
class ChoosePart:
    """Take another part of a family in which there is always one."""

    type: Literal["choose_part"] = "choose_part"
    family: Family = told("Of which family.", None, take=_family)
    name: str = told("The part.", None, take=_name)


@dataclass(frozen=True, kw_only=True)
class AddTransform:
    """Put a transform after the others."""

    type: Literal["add_transform"] = "add_transform"
    name: str = told("The transform.", None, take=_name)


@dataclass(frozen=True, kw_only=True)
class RemoveTransform:
    """Leave a transform out."""

    type: Literal["remove_transform"] = "remove_transform"
    name: str = told("The transform.", None, take=_name)


@dataclass(frozen=True, kw_only=True)
class ApplyNote:
    """Set what a note says."""

    type: Literal["apply_note"] = "apply_note"
    name: str = told("Of the note.", None, take=_name)


@dataclass(frozen=True, kw_only=True)
class DismissNote:
    """Do not show a note again in this run."""

    type: Literal["dismiss_note"] = "dismiss_note"
    name: str = told("Of the note.", None, take=_name)


@dataclass(frozen=True, kw_only=True)
class AskWeights:
    """Show the weights of the present layer."""

    type: Literal["ask_weights"] = "ask_weights"


@dataclass(frozen=True, kw_only=True)
class AskResponse:
    """Show where the present filters answer a picture."""

    type: Literal["ask_response"] = "ask_response"
    start: bool = told("The starting picture, and not the present one.", False, take=lambda _, value: value is True)


@dataclass(frozen=True, kw_only=True)
class AskLines:
    """Send the course of the lines that were left."""

    type: Literal["ask_lines"] = "ask_lines"


@dataclass(frozen=True, kw_only=True)
class AskMap:
    """Show how the layers of the model hang together."""

    type: Literal["ask_map"] = "ask_map"


@dataclass(frozen=True, kw_only=True)
class MakePin:
    """Pin a picture; why it is refused is told under the name "pin"."""

    type: Literal["pin"] = "pin"
    iteration: int | None = told(
        "Of the nearest iteration of which there is one; None: the newest.", None, take=_or_none
    )


@dataclass(frozen=True, kw_only=True)
class Unpin:
    """Take a pin away."""

    type: Literal["unpin"] = "unpin"
    name: str = told("Of it.", None, take=_name)


@dataclass(frozen=True, kw_only=True)
class RenamePin:
    """Give a pin another name; why it is refused is told under the name "pin"."""

    type: Literal["rename_pin"] = "rename_pin"
    name: str = told("Of it.", None, take=_name)
    to: str = told("What it is called from now on.", None, take=_name)


@dataclass(frozen=True, kw_only=True)
class RestorePin:
    """Stop, and go back to a pin; why it is refused is told under the name "pin"."""

    type: Literal["restore_pin"] = "restore_pin"
    name: str = told("Of it.", None, take=_name)


@dataclass(frozen=True, kw_only=True)
class TakeAway:
    """Make a file of the run as it is."""

    type: Literal["take_away"] = "take_away"
    kind: FileKind = told("Of which kind.", None, take=_file_kind)
    of: FileOf = told("Of the picture in front, of all tiles, or of the pins.", "run", take=_file_of)


@dataclass(frozen=True, kw_only=True)
class AskScore:
    """Say how far the present picture can be trusted."""

    type: Literal["ask_score"] = "ask_score"


@dataclass(frozen=True, kw_only=True)
class AskExamples:
    """Show the real pictures that excite the target most."""

    type: Literal["ask_examples"] = "ask_examples"


@dataclass(frozen=True, kw_only=True)
class AskQuiz:
    """Show two real pictures of which one excites the target more; with an answer to the question before."""

    type: Literal["ask_quiz"] = "ask_quiz"
    answer: Literal["left", "right"] | None = told(
        "Which one does; None begins anew.", None, take=lambda _, value: value if value in {"left", "right"} else None
    )


COMMANDS = (
    *(Hello, Receipt, Views, AskFilm, AskPicture),
    *(Start, Pause, Reset, Step, ShowBest, SeedPicture, ClearSeedPicture),
    *(Rewind, BranchOff, OpenBranch),
    *(SetKnob, RestoreDefaults, ChoosePart, AddTransform, RemoveTransform),
    *(MakeTiles, OpenTile, PauseTiles, ResumeTiles, CloseTiles),
    *(ApplyNote, DismissNote),
    *(AskWeights, AskResponse, AskMap, AskLines, TakeAway),
    *(MakePin, Unpin, RenamePin, RestorePin),
    *(AskScore, AskExamples, AskQuiz),
)
SILENT = (Hello, Receipt, Views, AskFilm, AskPicture)
"""Nobody pressed a button for these, so nobody is told what is wrong with one."""


def by_type(commands: Iterable[type]) -> Mapping[str, type]:
    """Commands by what they are called on their way."""
    return {get_args(get_type_hints(command)["type"])[0]: command for command in commands}


_BY_TYPE = by_type(COMMANDS)


def read(came: Any, known: Mapping[str, type] = _BY_TYPE) -> Any:
    """The command that came from the page, checked; None for what is none of ``known``.

    Raises:
        ValueError, TypeError: a field that is not what it should be, and that a person may have caused.
    """
    kind = came.get("type") if isinstance(came, dict) else None
    command = known.get(kind) if isinstance(kind, str) else None
    if command is None:
        return None
    fields = [field for field in dataclasses.fields(command) if field.name != "type"]
    given = {field.name: came.get(field.name, field.default) for field in fields}
    try:
        return command(**{field.name: field.metadata["take"](field.name, given[field.name]) for field in fields})
    except (ValueError, TypeError):
        if command in SILENT:
            return None
        raise
