"""What went wrong with a run, or is odd about it: a sentence with a remedy for each symptom.

A :class:`Doctor` looks at what is there anyway, the rows and a few kept pictures (:class:`Case`). It stands in the
engine, and not in the live wing, as the functions ask it, too. Nothing of it is in a step; it asks the network only
when a run has come to rest, and only where the rows leave two answers: whether units that look like probabilities are
those of a softmax, and what the network calls a picture that it was not sure of.

What it says has to be true of any run, so each sentence tells what was measured, and thresholds are far from sound
runs: ``tests/test_doctor.py`` has those of both kinds. The documented tips of keras-vis (2017, ``docs/visualizations/
activation_maximization.md``) are among them: a softmax, terms that are dominated, weights that are too small, a
starting picture.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np

from actmax_widget import preprocessing
from actmax_widget.checkpoint import NO_EFFECT, Changes
from actmax_widget.engine import diagnosis
from actmax_widget.engine.batch import Batch
from actmax_widget.engine.measuring import Measure
from actmax_widget.engine.plan import Plan
from actmax_widget.labels import Labels
from actmax_widget.losses import LogOdds
from actmax_widget.network import Target, graph, respond
from actmax_widget.network.dataset import to_bytes
from actmax_widget.network.layout import Layout
from actmax_widget.parameters import RUN, START, parameters_of
from actmax_widget.parts import is_users
from actmax_widget.regularizers import Regularizer
from actmax_widget.results import History, Note
from actmax_widget.settings import LOG_ODDS, Settings

logger = logging.getLogger(__name__)

FEW = 16
"""Rows that tell nothing of a course yet."""
ENOUGH = 32
"""Iterations after which a picture should have become one."""
MOST_ROWS = 20_000
"""Of a longer run the last ones are looked at."""
OUTWEIGHED = 0.95
"""Share of all change from which on one term leaves the others without a say; sound runs are below .15."""
PALE, GREY = 20.0, 3.0
"""Standard deviations of a picture in levels of 255."""
UNMOVED = 1.0
"""Mean change of a picture in levels; sound runs change it by more than 15."""
JUMPS = 12.0
"""Mean change in a tenth of a run that gained nothing in its last quarter; in sound runs it is below 8."""
ENDS, EITHER_END = 0.5, 0.15
"""Shares of the pixels that are black or white, and of each of the two: a white digit on black is sound."""
BINARY, CONTRAST = 0.98, 60.0
"""So many may not be black or white together, and with such a standard deviation it is not one of the two alone."""
UNLIKE = 0.25
"""A correlation of neighbouring pixels from zero to which is noise; those of sound pictures are above .5."""
SPECK = 5.0
"""Below such a standard deviation noise is not seen."""
RISING = 0.5
"""Twice the gain of the last quarter, in that of the whole run: that of a straight line."""
SPAN = 0.05
"""What a network is fed spans more than that, after its own rescaling."""
RECIPE = 128
"""Iterations of the quickest recipe."""
BEYOND = 2.0
"""How many times the spread of references an answer may be above the highest of them."""
REAL = 20
"""References of which fewer say little about what is usual."""
CERTAIN = 0.5
"""Probability below which the network is asked what it calls a picture."""
LAST = 8
"""Rows whose mean is the end of a run, as each is of another view."""
SUM_TO_ONE = 1e-3

Remedy = Mapping[str, Any] | None


class Known(NamedTuple):
    """What is known of real pictures.

    Attributes:
        answers: the target's plain activation at each, (n,).
        right: share of them whose class the network names; None where their classes are not known.
        chance: the share that guessing would name.
    """

    answers: np.ndarray
    right: float | None = None
    chance: float = 0.0


@dataclass(frozen=True, eq=False)
class Case:
    """A run as the doctor sees it, all of one moment.

    Attributes:
        settings: those that its rows were made with.
        history: its rows since the last change of settings; of many the first ones and :data:`MOST_ROWS` last ones.
        before: iterations made before the first of them.
        made: iterations made; -1: as many as there are rows.
        image: the picture as the network takes it, float32.
        layout: of its axes.
        pictures: iteration -> uint8 picture, those kept of the run so far, see :meth:`Reel.pictures`.
        is_over: the run came to its goal.
        rests: nothing is being made; else only what is plain by then is said.
        asks: the network may be asked, one picture at a time: three at most, and of most runs none.
        silent: no gradient ever reached the picture, see :meth:`Step.silent`.
        refused: why no gradient can; else empty.
        layers: what the losses are computed by, whose weights may not be finite.
        references: what is known of real pictures; None: nothing.
    """

    settings: Settings
    history: History
    image: np.ndarray
    layout: Layout
    before: int = 0
    made: int = -1
    pictures: Mapping[int, np.ndarray] = dataclasses.field(default_factory=dict)
    is_over: bool = True
    rests: bool = True
    asks: bool = True
    silent: bool = False
    refused: str = ""
    layers: Sequence[Any] = ()
    references: Known | None = None

    @property
    def iteration(self) -> int:
        """Iterations made."""
        return self.before + len(self.history) if self.made < 0 else self.made

    @functools.cached_property
    def shown(self) -> np.ndarray:
        """The picture as people see it, (H, W, C); of other inputs (..., C)."""
        return self.layout.as_shown(self.image)

    @property
    def reversed(self) -> bool:
        """Whether the losses are meant to grow."""
        return self.settings.grad_modifier == "negate" or _named(self.settings.grad_modifier) == "negate"

    @functools.cached_property
    def pixels(self) -> np.ndarray:
        """All values of the picture in levels of 8 bits, (..., C) float32, also of what is no picture in a file."""
        return to_bytes(self.shown, self.settings.input_range).astype(np.float32)

    @functools.cached_property
    def contrast(self) -> float:
        """Standard deviation of the pixels."""
        return float(self.pixels.std())

    @functools.cached_property
    def moved(self) -> float:
        """Mean change of a pixel since the start; infinite where none was kept from long enough ago."""
        start = min(self.pictures, default=self.iteration)
        return self._change(start) if self.iteration - start >= ENOUGH else np.inf

    @functools.cached_property
    def jumped(self) -> float:
        """The same in the last tenth of the run; 0 where nothing was kept there."""
        kept = [one for one in self.pictures if one <= 0.9 * self.iteration]
        change = self._change(max(kept)) if kept and len(self.pictures) >= LAST else 0.0
        return change if np.isfinite(change) else 0.0

    def _change(self, iteration: int) -> float:
        """Mean change of a pixel since an iteration; infinite where nobody knows."""
        then, now = self.pictures.get(iteration), self.pictures.get(self.iteration)
        # Of what is no picture in grey or colours, something smaller is kept.
        if then is None or now is None or iteration == self.iteration or now.shape != self.shown.shape:
            return np.inf
        return float(np.abs(now.astype(np.float32) - then).mean())

    def end(self, column: np.ndarray) -> float:
        """What a column came to."""
        return float(column[-LAST:].mean())


class Term(NamedTuple):
    """A term that has a weight.

    Attributes:
        column: of the rows.
        title: what a person calls it.
        address: of its weight: a setting or a number of a part.
        weight: the weight.
        excites: whether it looks at the network.
    """

    column: int
    title: str
    address: str
    weight: float
    excites: bool


class Doctor:
    """Looks at the runs of one target.

    Args:
        plan: of the target.
        labels: what the units of its last layer are called.

    Example:
        >>> Doctor(plan).notes(Case(settings, batch.history(), image))
        (Note(name='outweighed', text='Total variation outweighs all else: ...', ...),)
    """

    def __init__(self, plan: Plan, labels: Labels | None = None) -> None:
        self._plan, self._labels = plan, labels
        self._is_softmax: bool | None = None  # of a target of which the graph does not tell; None: not asked yet

    def notes(self, case: Case) -> tuple[Note, ...]:
        """What there is to say, the most urgent first; nothing of a run without rows.

        A picture is never lost to this: what goes wrong here, a network that takes no such picture maybe, is logged.

        Args:
            case: the run.
        """
        try:
            return self._notes(case)
        except Exception:
            logger.warning("The run could not be examined.", exc_info=True)
            return ()

    def _notes(self, case: Case) -> tuple[Note, ...]:
        if not len(case.history) and not case.refused:
            return ()
        found: dict[str, Note] = {}
        for name, look, explained_by in _LOOKS:
            said = None if found.keys() & set(explained_by) else look(self, case)
            if said is not None:
                text, remedy, *label = said
                found[name] = Note(name, text, remedy, _button(remedy, *label) if remedy else "")
        return tuple(found.values())

    def look(
        self, batch: Batch, settings: Settings, changes: Changes, pictures: Mapping[int, np.ndarray], **more: Any
    ) -> Case:
        """A run of one picture as it is now.

        Args:
            batch: its rows and its picture.
            settings: in force.
            changes: what was set so far.
            pictures: see :class:`Case`.
            **more: what else a :class:`Case` has.
        """
        since = next((one.iteration for one in reversed(changes) if one.changed.keys() - NO_EFFECT), 0)
        first = max(since, batch.iteration - MOST_ROWS)
        begin = batch.rows(since, min(since + LAST, first))
        rows = np.concatenate([begin, batch.rows(first)])[:, 0]
        history, layout = History.of(batch.names, batch.measures, rows), self._plan.network.layout
        return Case(settings, history, batch.pictures[0], layout, since, batch.iteration, pictures, **more)

    # --- what came to nothing --------------------------------------------------------------------------------------

    def _not_finite(self, case: Case) -> Any:
        *terms, total = case.history.values[-1] if len(case.history) else [0.0]
        if np.isfinite(total):
            return None
        names = [term.title for term in self._terms(case.settings) if not np.isfinite(terms[term.column])]
        whose = f" ({', '.join(names)})" if names else ""
        what = f"The total loss of iteration {case.iteration} is {total}{whose}"
        if case.iteration == 1:
            advice = "It was so at the start, before any step: the loss or the model gives it for the starting picture."
            return diagnosis.not_finite(what, case.layers, advice), None
        advice = "The model's weights are finite, and so were the losses before: smaller steps may stay where they are."
        said = diagnosis.not_finite(what, case.layers, advice)
        blamed = "own weights are not finite" in said
        return said, None if blamed else self._slower(case.settings, 10)

    def _no_gradient(self, case: Case) -> Any:
        return (case.refused, None) if case.refused else None

    def _silent(self, case: Case) -> Any:
        if not case.silent:
            return None
        what = self._subject(case.settings)
        tried = f"No gradient reached the picture in {_times(len(case.history))}: nothing in it excites {what}"
        if any(one.head is not None for one in self._plan.measured):
            text = f"{tried}, as its softmax or sigmoid is flat there."
            return text, self._before_softmax(case.settings), "Take what is before it"
        if case.settings.seed_input is not None:
            return f"{tried}. Noise is drawn anew until something does.", {"seed_input": None}, "Start from noise"
        if _searches(case.settings):
            return f"{tried}, although noise was drawn anew each time. Start from a picture that does.", None
        advice = "The recipe natural draws noise anew until something does."
        return f"{tried}. {advice}", {"preset": "natural"}, "Take the recipe natural"

    # --- how the network is fed ------------------------------------------------------------------------------------

    def _input_range(self, case: Case) -> Any:
        scaled = _rescaling(self._plan.network.model)
        fed = _span(case.settings)
        if scaled is None or fed is None:
            return None
        layer, scale = scaled
        if fed * scale >= SPAN:
            return None
        low, high = case.settings.input_range
        text = (
            f"The network multiplies its input by {scale:.3g} itself (layer {layer.name!r}), and is fed a range of "
            f"{fed:.3g}: that leaves {fed * scale:.2g} from black to white."
        )
        if case.settings.preprocess is not None:
            return text, {"preprocess": None}, "No preprocessing"
        return (text, {"input_range": (0, 255)}) if high - low < 255 else (text, None)

    def _preprocessing(self, case: Case) -> Any:
        name = self._plan.network.model.name
        mode = preprocessing.of_model(name)
        if mode is None or case.settings.preprocess is not None or tuple(case.settings.input_range) != (0, 255):
            return None
        text = (
            f"The model is called {name}: one of keras.applications of this name is fed by preprocess={mode!r}, and "
            "this run was not."
        )
        return text, {"preprocess": mode}

    def _chance(self, case: Case) -> Any:
        known = case.references
        if known is None or known.right is None:
            return None
        # Two standard errors above what guessing comes to is no guessing.
        error = np.sqrt(known.chance * (1 - known.chance) / max(len(known.answers), 1))
        if known.right > known.chance + 2 * error:
            return None
        text = (
            f"Of the reference pictures the network names {known.right:.0%} right, and guessing would name "
            f"{known.chance:.0%}: it may want to be fed otherwise, or its classes stand in another order."
        )
        return text, None

    # --- what is maximised -----------------------------------------------------------------------------------------

    def _softmax(self, case: Case) -> Any:
        weighed = {term.column for term in self._terms(case.settings)}
        for measure in self._plan.measured:
            if measure.term not in weighed:
                continue
            if measure.head is not None and not isinstance(self._plan.losses[measure.term], LogOdds):
                text = (
                    f"The probability is maximised, not the logit before the {measure.after}: where the network is "
                    "sure its gradient fades"
                )
                # A label of a sigmoid is not told from others.
                text += (
                    "." if measure.after == "sigmoid" else ", and it grows as well by what speaks against the others."
                )
                return text, self._before_softmax(case.settings), f"Take it before the {measure.after}"
        target = self._unknown_units(case)
        if target is None or not case.asks:
            return None
        if self._is_softmax is None:
            self._is_softmax = self._sums_to_one(target, case)
        if not self._is_softmax:
            return None
        text = (
            f"What {target.name} puts out are probabilities, never below 0 and together 1: that is maximised, "
            "not the logit. Give the model that ends before the softmax, or make that layer the target."
        )
        return text, None

    def _unknown_units(self, case: Case) -> Target | None:
        """Units that may be those of a softmax of which the graph tells nothing: so far they were from 0 to 1."""
        for measure in self._plan.measured:
            loss: Any = self._plan.losses[measure.term]
            column = case.history[measure.names[0]]
            if measure.after or not ((column >= 0) & (column <= 1)).all():
                continue
            target = loss.layer if isinstance(loss.layer, Target) else self._plan.network.find(loss.layer)
            if len(target.shape) == 1 and target.filters > 1:
                return target
        return None

    def _sums_to_one(self, target: Target, case: Case) -> bool:
        """Whether the units are never negative and sum to 1, for a few pictures: half of that may be by chance."""
        low, high = case.settings.input_range
        random = np.random.default_rng(0)
        pictures = [case.image, *random.uniform(low, high, (2, *self._plan.network.input.shape[1:]))]
        answers = [self._answer(target, one) for one in pictures]
        return all((one >= 0).all() and abs(one.sum() - 1) < SUM_TO_ONE for one in answers)

    def _not_reached(self, case: Case) -> Any:
        """The class that was wanted, and the one that the network sees."""
        if not (case.is_over and case.asks) or case.reversed or len(self._plan.measured) != 1:
            return None
        (measure,) = self._plan.measured
        loss: Any = self._plan.losses[measure.term]
        weight = next((one.weight for one in self._terms(case.settings) if one.column == measure.term), 0.0)
        wanted = [one for one in getattr(loss, "classes", getattr(loss, "filter_indices", ())) if one is not None]
        # Several linear units may be no classes: then it is the loss that says so.
        known = measure.head is not None or bool(getattr(loss.layer, "before", ""))
        classes = known or isinstance(loss, LogOdds)
        if (
            not measure.after
            or not classes
            or not wanted
            or weight <= 0
            or case.end(case.history["probability"]) >= CERTAIN
        ):
            return None
        odds = self._odds(measure, case)
        own = max(wanted, key=lambda one: odds[one])
        title = self._name(own, measure)
        if measure.after == "sigmoid":
            text = f"The network gives this picture a probability of {odds[own]:.2f} for {title}, less than a half."
            return (text, None) if odds[own] < CERTAIN else None
        rank = 1 + int((odds > odds[own]).sum())
        if rank == 1:
            return None
        first = self._name(int(odds.argmax()), measure)
        seen = f"to the network it is {first}, with a probability of {odds.max():.2f}"
        text = (
            f"The network does not call this picture {title}: {seen}, and {title} comes {_ordinal(rank)} with "
            f"{odds[own]:.2f}."
        )
        logit_alone = self._plan.of_layer and case.settings.class_loss != LOG_ODDS
        return (text, {"class_loss": LOG_ODDS}, "Ahead of the others") if logit_alone else (text, None)

    def _odds(self, measure: Measure, case: Case) -> np.ndarray:
        """What the network makes of the picture: a probability for each unit."""
        loss: Any = self._plan.losses[measure.term]
        layer = measure.head or loss.layer
        target = layer if isinstance(layer, Target) else self._plan.network.find(layer)
        answer = self._answer(target, case.image)
        units = answer.reshape(-1, answer.shape[-1]).mean(0) if answer.ndim > 1 else answer
        return 1 / (1 + np.exp(-units)) if measure.after == "sigmoid" else _softmax_of(units)

    def _beyond(self, case: Case) -> Any:
        known, measures = case.references, self._plan.measured
        if known is None or len(measures) != 1 or len(known.answers) < REAL or case.reversed:
            return None
        reached, highest, lowest = case.end(case.history["activation"]), known.answers.max(), known.answers.min()
        spread = highest - lowest
        if lowest - BEYOND * spread <= reached <= highest + BEYOND * spread:
            return None
        what = self._subject(case.settings)
        side = "above" if reached > highest else "below"
        text = (
            f"This picture takes {what} to {reached:.4g}, far {side} the {len(known.answers)} real ones, which take it "
            f"to {lowest:.4g} … {highest:.4g}: read it as an exaggeration of them, not as one of them."
        )
        return text, None

    # --- how it went -----------------------------------------------------------------------------------------------

    def _outweighed(self, case: Case) -> Any:
        """One term's share of all change, from the first row to the last ones: what the steps were spent on."""
        values, terms = case.history.values, self._terms(case.settings)
        if len(values) < (FEW if case.rests else ENOUGH) or not terms or case.reversed:
            return None
        ends = values[-max(1, len(values) // FEW) :].mean(0) - values[0]
        change = {term: float(ends[term.column]) for term in terms}
        whole = sum(map(abs, change.values()))
        if not np.isfinite(whole) or whole == 0 or not any(term.excites for term in terms):
            return None
        share = {term: abs(one) / whole for term, one in change.items()}
        heavy = [term for term in terms if not term.excites and change[term] < 0 and share[term] >= 1 - OUTWEIGHED]
        wanted = sum(-change[term] for term in terms if term.excites)
        first = max(terms, key=lambda term: share[term])
        if first in heavy and sum(share[term] for term in heavy) >= OUTWEIGHED and case.contrast < PALE:
            # So that both have the same share; where the target lost, well below that.
            fair = max(wanted, 0.0) or whole / 1e5
            remedy = {term.address: _round(term.weight * fair / abs(change[term])) for term in heavy}
            text = (
                f"{first.title} outweighs all else: {_percent(share[first])} of what the losses changed by in "
                f"{_times(case.iteration - case.before)} is its own, so the picture stays pale."
            )
            return text, remedy
        return self._forgotten(case, first, change, share)

    def _forgotten(self, case: Case, first: Term, change: Mapping[Term, float], share: Mapping[Term, float]) -> Any:
        """A term of the objective that lost, as another one has all the weight."""
        worse = [term for term in change if term.excites and change[term] > 0 and term is not first]
        lost = [term for term in worse if not self._gained(case, term)]
        if not first.excites or not lost or share[first] < OUTWEIGHED:
            return None
        left = max(lost, key=lambda term: share[term])
        text = (
            f"{first.title} outweighs {left.title}: {_percent(share[first])} of what the losses changed by is its own, "
            f"and {left.title} got worse."
        )
        return text, {left.address: _round(left.weight * abs(change[first]) / abs(change[left]))}

    def _still(self, case: Case) -> Any:
        if case.moved >= UNMOVED:
            return None
        made = _times(case.iteration - min(case.pictures))
        text = f"In {made} the picture changed by {case.moved:.2g} of 255 levels: the steps are too small."
        return text, self._slower(case.settings, 1 / min(1000.0, 30 / max(case.moved, 0.03)))

    def _saturated(self, case: Case) -> Any:
        low, high = float((case.pixels <= 0).mean()), float((case.pixels >= 255).mean())
        both = low + high >= ENDS and min(low, high) >= EITHER_END
        if case.iteration < FEW or not (both or (low + high >= BINARY and case.contrast > CONTRAST)):
            return None
        text = f"{_percent(low + high)} of the pixels' values are black or white, at the ends of the range"
        weights = [one.weight for one in self._terms(case.settings) if not one.excites]
        if case.settings.parametrization.plain and not any(weights):
            return f"{text}: nothing holds them back.", {"preset": "natural"}, "Take the recipe natural"
        return f"{text}: the steps are too large.", self._slower(case.settings, 10)

    def _bounces(self, case: Case) -> Any:
        gain = _late_gain(case.history["total"])
        if not case.rests or gain is None or case.jumped < JUMPS or gain > 0.1 or case.reversed:
            return None
        text = (
            f"The picture still jumps, by {case.jumped:.0f} of 255 levels in the last tenth of the run, and the losses "
            "do not get better by it: the steps are too large."
        )
        return text, self._slower(case.settings, 5)

    def _lost(self, case: Case) -> Any:
        values, terms = case.history.values, [one for one in self._terms(case.settings) if one.excites]
        if not case.rests or len(values) < ENOUGH or not terms or case.reversed:
            return None
        wanted = values[:, [one.column for one in terms]].sum(1)
        begin, last = wanted[:LAST].mean(), wanted[-len(wanted) // 4 :]
        text = f"What was to be excited gained nothing: its loss began at {begin:.4g} and came to {last.mean():.4g}"
        changed = case.settings.grad_modifier is not None or case.settings.backprop_modifier is not None
        # Otherwise the views of the last quarter may differ by that much.
        if not last.mean() - begin > (0 if changed else max(last.std(), 1e-6 * abs(begin))):
            return None
        if any(self._gained(case, term) for term in terms):
            return None
        if case.settings.grad_modifier is not None:
            how = f"as the gradient is changed by {_named(case.settings.grad_modifier)!r} before each step."
            return f"{text}, {how}", {"grad_modifier": None}, "The gradient as it is"
        if case.settings.backprop_modifier is not None:
            how = f"as the gradient goes back by {_named(case.settings.backprop_modifier)!r}."
            return f"{text}, {how}", {"backprop_modifier": None}, "The gradient as it is"
        return f"{text}.", self._slower(case.settings, 10)

    def _gained(self, case: Case, term: Term) -> bool:
        """Whether a term's target became more active, or less where it is lowered, whatever else its loss consists of.

        A loss also grows as other classes do, or what it is divided by.
        """
        for measure in self._plan.measured:
            if measure.term == term.column:
                column = np.sign(term.weight) * case.history[measure.names[0]]
                last = column[-len(column) // 4 :]
                return bool(last.mean() - column[:LAST].mean() > last.std())
        return False

    def _noise(self, case: Case) -> Any:
        enough = case.rests and case.iteration >= ENOUGH
        if not enough or case.contrast < SPECK or abs(_likeness(case.pixels)) >= UNLIKE:
            return None
        text = (
            "Neighbouring pixels have nothing to do with each other: to an eye this is noise, whatever the network "
            "makes of it. The recipe natural looks for forms."
        )
        return text, {"preset": "natural"}, "Take the recipe natural"

    def _grey(self, case: Case) -> Any:
        if not case.rests or case.iteration < ENOUGH or case.contrast >= GREY:
            return None
        return f"The picture is all but one colour: its values differ by {case.contrast:.1f} of 255 levels.", None

    def _rising(self, case: Case) -> Any:
        gain = _late_gain(case.history["total"])
        if not case.is_over or case.before or gain is None or gain < RISING or case.reversed:
            return None
        text = (
            f"The losses still fall at the end, no slower than on the average of the {case.iteration} iterations: more "
            "of them would bring more."
        )
        more = (4 if case.iteration < RECIPE else 2) * case.iteration
        most = parameters_of(Settings)["max_iter"].most or more
        return text, {"max_iter": int(min(more, most))}, f"Up to {min(more, most)} iterations"

    def _rescued(self, case: Case) -> Any:
        if case.before or case.silent or not _searches(case.settings):
            return None
        wanted = [one.column for one in self._terms(case.settings) if one.excites]
        if not wanted or len(case.history) < 3:
            return None
        values = case.history.values[:, wanted]
        other = np.flatnonzero((values != values[0]).any(1))
        alike = int(other[0]) if len(other) else 0
        if alike < 2:
            return None
        what = self._subject(case.settings)
        return (
            f"At first nothing excited {what}: the noise was drawn anew for {_times(alike)}, until something did.",
            None,
        )

    # --- remedies --------------------------------------------------------------------------------------------------

    def _slower(self, settings: Settings, factor: float) -> Remedy:
        """The learning rate divided by a factor; None where the optimizer has none, or where it would be too small."""
        if settings.numbers().absent(["learning_rate"]):
            return None
        return {"learning_rate": _round(settings.learning_rate / factor)}

    def _before_softmax(self, settings: Settings) -> Remedy:
        known = self._plan.of_layer and settings.filter_indices is not None and settings.position is None
        return {"class_loss": LOG_ODDS} if known and settings.class_loss != LOG_ODDS else None

    # --- words -----------------------------------------------------------------------------------------------------

    def _terms(self, settings: Settings) -> list[Term]:
        """The terms that have a weight."""
        names = ("act_max_weight", "lp_norm_weight", "tv_weight")
        declared, values, found = parameters_of(Settings), settings.values(), []
        for column, loss in enumerate(self._plan.losses):
            excites = not isinstance(loss, Regularizer)
            if self._plan.of_layer:
                address = names[column]
                title, weight = declared[address].label, getattr(settings, address)
            else:
                own = f"{loss.name}.weight"
                address = settings.numbers()[own].alias or own
                title, weight = declared[address].label if address in declared else loss.name, values[own]
            found.append(Term(column, title, address, float(weight), excites))
        return [term for term in found if term.weight]

    def _subject(self, settings: Settings) -> str:
        if self._plan.of_layer:
            return diagnosis.filters_of(settings.filter_indices or (None,), settings.layer)
        return diagnosis.subject(loss for loss in self._plan.losses if not isinstance(loss, Regularizer))

    def _name(self, index: int, measure: Measure) -> str:
        known = self._labels.names if self._labels is not None else ()
        what = "label" if measure.after == "sigmoid" else "class"
        return f"{what} {index} ({known[index]})" if 0 <= index < len(known) else f"{what} {index}"

    # --- the network -----------------------------------------------------------------------------------------------

    def _answer(self, target: Target, picture: np.ndarray) -> np.ndarray:
        """What a target answers to one picture, its filters last."""
        network = self._plan.network
        fed = np.repeat(picture[None].astype(np.float32), network.input.shape[0] or 1, axis=0)
        found = keras.ops.convert_to_numpy(respond(network, target, fed))
        return np.moveaxis(found, target.axis, -1)[0].astype(np.float64)


Look = Callable[[Doctor, Case], Any]
_LOOKS: Sequence[tuple[str, Look, tuple[str, ...]]] = (
    ("not finite", Doctor._not_finite, ()),
    ("no gradient", Doctor._no_gradient, ()),
    ("silent", Doctor._silent, ("not finite", "no gradient")),
    ("input range", Doctor._input_range, ()),
    ("preprocessing", Doctor._preprocessing, ("input range",)),
    ("chance", Doctor._chance, ("input range", "preprocessing")),
    ("softmax", Doctor._softmax, ("not finite", "no gradient", "silent")),
    ("outweighed", Doctor._outweighed, ("not finite", "no gradient", "silent")),
    ("still", Doctor._still, ("not finite", "no gradient", "silent", "outweighed")),
    ("saturated", Doctor._saturated, ("not finite",)),
    ("bounces", Doctor._bounces, ("not finite", "no gradient", "silent", "saturated", "outweighed")),
    ("lost", Doctor._lost, ("not finite", "no gradient", "silent", "saturated", "outweighed", "still")),
    ("noise", Doctor._noise, ("not finite", "no gradient", "silent", "saturated", "outweighed", "still")),
    ("grey", Doctor._grey, ("not finite", "no gradient", "silent", "outweighed", "still")),
    ("not reached", Doctor._not_reached, ("not finite", "no gradient", "silent", "still")),
    (
        "rising",
        Doctor._rising,
        ("not finite", "no gradient", "silent", "still", "saturated", "outweighed", "bounces", "lost", "grey"),
    ),
    ("beyond", Doctor._beyond, ("not finite", "no gradient", "silent")),
    ("rescued", Doctor._rescued, ("not finite", "no gradient")),
)
"""Symptoms, what looks for each, and those that explain it: beside them it is not said. The urgent ones first."""


# --- numbers ---------------------------------------------------------------------------------------------------------


def _late_gain(column: np.ndarray) -> float | None:
    """Twice by how much a falling column fell from its third to its last quarter, in its whole range; None: too few."""
    if len(column) < ENOUGH or not np.isfinite(column).all():
        return None
    blocks = np.array([one.mean() for one in np.array_split(column, FEW)])
    span = float(np.ptp(blocks))
    return float(2 * (blocks[8:12].mean() - blocks[12:].mean()) / span) if span > 0 else None


def _likeness(pixels: np.ndarray) -> float:
    """Correlation of neighbouring pixels, of all channels' mean; 1 of what an eye does not see as a picture."""
    grey = pixels.mean(-1)
    grey = grey - grey.mean()
    power = float(np.square(grey).mean())
    if grey.ndim != 2 or min(grey.shape) < 2 or power == 0:
        return 1.0
    return float(((grey[1:] * grey[:-1]).mean() + (grey[:, 1:] * grey[:, :-1]).mean()) / (2 * power))


def _softmax_of(units: np.ndarray) -> np.ndarray:
    odds = np.exp(units - units.max())
    return odds / odds.sum()


def _searches(settings: Settings) -> bool:
    """Whether noise is drawn anew as long as it excites nothing, see :meth:`Step._searched`."""
    own = settings.parametrization
    return not (own.plain or is_users(own)) and bool(settings.optimizer.slots) and settings.seed_input is None


def _rescaling(model: Any) -> tuple[Any, float] | None:
    """The layer that a model begins with, if it rescales, and by what; None where nobody knows."""
    if not graph.is_symbolic(model) or len(model.inputs) != 1:
        return None
    layers = [one for one in model.layers if not isinstance(one, keras.layers.InputLayer)]
    if layers and graph.is_symbolic(layers[0]):
        return _rescaling(layers[0])
    if not layers or type(layers[0]) is not keras.layers.Rescaling:
        return None
    scale = np.abs(np.asarray(layers[0].scale, np.float64))
    return (layers[0], float(scale.max())) if scale.size else None


def _span(settings: Settings) -> float | None:
    """From the least to the greatest value that the model gets; None where nobody knows."""
    low, high = settings.input_range
    of_modes = {"tf": 2 / 255, "torch": 1 / 58, "caffe": 1.0}
    if settings.preprocess is None:
        return float(high - low)
    factor = of_modes.get(settings.preprocess) if isinstance(settings.preprocess, str) else None
    return None if factor is None else float(high - low) * factor


# --- words -----------------------------------------------------------------------------------------------------------


def _button(remedy: Mapping[str, Any], label: str = "") -> str:
    """What setting a remedy is called, and what that begins."""
    declared = parameters_of(Settings)
    if not label:
        said = [
            f"{declared[name].label if name in declared else name} to {_said(value)}" for name, value in remedy.items()
        ]
        label = f"Set {', '.join(said)}"
    effects = [declared[name].takes_effect for name in remedy if name in declared]
    if "preset" in remedy or any(RUN in one for one in effects):
        return f"{label}, afresh"
    return f"{label}, at a fresh start" if any(one == START for one in effects) else label


def _said(value: Any) -> str:
    if isinstance(value, tuple):
        return " … ".join(map(_said, value))
    return np.format_float_positional(value, trim="-") if isinstance(value, float) else str(value)


def _named(value: Any) -> Any:
    return getattr(value, "__name__", value)


def _percent(share: float) -> str:
    """A share, which is all only where it is."""
    return f"{share:.0%}" if share < 0.995 or share == 1 else f"{min(share, 0.9999):.1%}".replace("100.0%", "99.9%")


def _round(value: float) -> float:
    """One digit is enough for a number to try."""
    return float(f"{value:.1g}")


def _times(number: int) -> str:
    return f"{number} iteration{'' if number == 1 else 's'}"


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


def names() -> Iterable[str]:
    """The names of all symptoms."""
    return [name for name, _, _ in _LOOKS]
