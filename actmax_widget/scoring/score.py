"""How far one picture can be trusted: strong, sturdy, natural, each with its numbers and a word.

Everything is asked of the picture as a file keeps it: in 8 bits, within the range, decoded and preprocessed again.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
from PIL import Image

from actmax_widget import preprocessing, presets
from actmax_widget.checks import invalid
from actmax_widget.engine.doctor import Known
from actmax_widget.labels import Labels
from actmax_widget.losses import Loss, summed
from actmax_widget.network import Network, graph, head_of, layout
from actmax_widget.network.answers import answering
from actmax_widget.network.dataset import References, from_bytes, to_bytes
from actmax_widget.scoring import changes
from actmax_widget.scoring import look as looking
from actmax_widget.scoring.aims import Aim, aims_of
from actmax_widget.scoring.examples import Examples, top
from actmax_widget.settings import Settings

Verdict = Literal["green", "amber", "grey"]
CAUTION = (
    "A picture of a maximum does not show the whole function: it says what excites a unit most, not all that does."
)
"""What stands beneath every score (Geirhos et al., *Don't trust your eyes*, 2023)."""
SURE = 0.5
"""A probability from which a network says so."""
KEPT = 0.5
"""The share of its answer that a sturdy picture keeps after each kind of change."""
TOP = 5
"""Ranks that count as agreement of another network."""
STRONG_PERCENTILE = 95.0
FEW = 20
"""References of which fewer have no 95th percentile."""
SUPER = 2.0
"""Times the strongest real picture from which a picture is no typical trigger."""
NOTHING = "There is nothing to keep: "
NO_AIM = "The objective names no units whose answer could be asked for: its terms choose no filters."


@dataclass(frozen=True, kw_only=True)
class Strong:
    """What the network says to the saved picture.

    Attributes:
        verdict: "green", "amber", or "grey" where there is nothing to compare with.
        words: a sentence.
        activation: of the target; of a class its logit.
        probability: of a class or a label, 0 to 1; else None.
        rank: place among all units of the layer, from 1; None where there is none.
        of: how many units there are.
        percentile: share of the references that excite it less, in %; None without references.
        ratio: its activation over that of the strongest reference; None without, or where that is not positive.
        lost: how much of the activation saving in 8 bits took, as a share of it.
    """

    verdict: Verdict
    words: str
    activation: float | None = None
    probability: float | None = None
    rank: int | None = None
    of: int | None = None
    percentile: float | None = None
    ratio: float | None = None
    lost: float | None = None


@dataclass(frozen=True, kw_only=True)
class Sturdy:
    """What is left of it after small changes, and what another network says.

    Attributes:
        verdict: see :class:`Strong`.
        words: a sentence.
        kept: mean share of the answer that is left, over the kinds of changes, 0 to 1; of a class or a label its
            probability, else the activation above that of a plain grey picture.
        shift: mean share after shifts by up to 8 %.
        turn: after turns by 5 degrees.
        zoom: after it was made smaller to 0.9.
        jpeg: after JPEG of quality 75.
        noise: after noise of 2 % of the range.
        judge_rank: rank of the class in the other network; None without one.
        judge_probability: its probability there.
    """

    verdict: Verdict
    words: str
    kept: float | None = None
    shift: float | None = None
    turn: float | None = None
    zoom: float | None = None
    jpeg: float | None = None
    noise: float | None = None
    judge_rank: int | None = None
    judge_probability: float | None = None


@dataclass(frozen=True, kw_only=True)
class Natural:
    """How far its frequencies and colours are from those of photographs, or of the references.

    Attributes:
        verdict: see :class:`Strong`.
        words: a sentence.
        spectrum: RMS difference of log10 power over 16 rings of frequencies.
        usual_spectrum: what nine of ten real pictures are within.
        colour: distance of the logarithms of the colours' covariances; None for grey pictures.
        usual_colour: the same as above.
        slope: of log power over log frequency; photographs have about -2.4.
        saturated: share of values at either end of the range.
        against: how many real pictures it is compared with.
    """

    verdict: Verdict
    words: str
    spectrum: float | None = None
    usual_spectrum: float | None = None
    colour: float | None = None
    usual_colour: float | None = None
    slope: float | None = None
    saturated: float | None = None
    against: int = 0


@dataclass(frozen=True, kw_only=True)
class Score:
    """How far a picture can be trusted. ``print(score)`` reads it out.

    Attributes:
        target: what it was made for.
        strong: what the network says.
        sturdy: what is left after small changes.
        natural: how far it is from real pictures.
        activations: of every target of the objective, by name.
        passes: pictures that the networks were shown: forward passes of one picture.
        notes: what else there is to say, such as references that were left out.
        caution: what stands beneath every score.
    """

    target: str
    strong: Strong
    sturdy: Sturdy
    natural: Natural
    activations: dict[str, float]
    passes: int
    notes: tuple[str, ...] = ()
    caution: str = CAUTION

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, nested as the attributes are."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        rows = [
            f"{name:8}{row.verdict:7}{row.words}"
            for name, row in (("strong", self.strong), ("sturdy", self.sturdy), ("natural", self.natural))
        ]
        shown = f"{self.passes:,} forward passes of one picture."
        return "\n".join([f"Score of {self.target}", *rows, *self.notes, shown, self.caution])

    __repr__ = __str__


def score(
    network: Network,
    losses: Sequence[tuple[Loss, float]],
    picture: np.ndarray,
    input_range: tuple[float, float],
    *,
    references: Any = None,
    judge: Any = None,
    labels: Labels | None = None,
) -> Score:
    """Score a picture.

    Args:
        network: fed as it was in the run.
        losses: terms of the objective, whose layers are found, with their weights.
        picture: (..., channels) in ``input_range``, its channels last.
        input_range: (low, high).
        references: see :class:`~actmax_widget.network.dataset.References`; None: none.
        judge: another network, see :func:`checked_judge`; None: none.
        labels: names of the last layer's units.

    Raises:
        ValueError, TypeError: no such references, a judge with other classes, a picture that does not fit; before
            anything is computed.
    """
    aims = aims_of(network, losses, labels)
    asked = None if judge is None else checked_judge(judge, network, aims)
    real = None if references is None else References.of(references)
    found = None if real is None else real.pictures(network, input_range)
    wanted = network.layout.shape_shown(network.input.shape)
    if np.shape(picture) != wanted:
        raise invalid("picture", f"an array of shape {wanted}", np.shape(picture), "Resize it first.")
    pixels = to_bytes(picture, input_range)
    standard = None
    if pixels.ndim == 3:
        own = looking.standard_of(found.pixels) if found is not None else None
        standard = own or looking.photographs(min(pixels.shape[:2]), pixels.shape[-1])
    natural = _natural(pixels, standard, pixels.ndim == 3 and pixels.shape[-1] in {1, 3})
    notes = found.notes if found is not None else ()
    if not aims:
        strong, sturdy = Strong(verdict="grey", words=NO_AIM), Sturdy(verdict="grey", words=NO_AIM)
        return Score(
            target="the objective", strong=strong, sturdy=sturdy, natural=natural, activations={}, passes=0, notes=notes
        )
    aim = aims[0]
    kinds, shown = zip(*_shown(picture, pixels, input_range), strict=True)
    fed = network.layout.from_channels_last(np.stack(shown))
    units = aim.units(answering(network, aim.target)(fed))
    passes = len(fed)
    others = {aim.name: float(aim.activation(units[1:2])[0])}
    for other in aims[1:]:
        others[other.name] = float(other.activation(other.units(answering(network, other.target)(fed[1:2])))[0])
        passes += 1
    real_answers = None
    if real is not None:
        known, cost = real.answers(network, aim.target, input_range, aim.position)
        real_answers, passes = aim.activation(known.means), passes + cost
    opinion = None
    if asked is not None:
        opinion, passes = asked(from_bytes(pixels, input_range)), passes + 1
    return Score(
        target=aim.name,
        strong=_strong(aim, units, real_answers, labels),
        sturdy=_sturdy(aim, units, kinds, opinion),
        natural=natural,
        activations=others,
        passes=passes,
        notes=notes,
    )


def _shown(picture: np.ndarray, pixels: np.ndarray, input_range: tuple[float, float]) -> Any:
    """What the network is shown, each with its kind: as it was, as saved, plain grey, and changed."""
    yield "float", np.asarray(picture, np.float32)
    yield "saved", from_bytes(pixels, input_range)
    yield "grey", from_bytes(np.full_like(pixels, 128), input_range)
    for kind, one in changes.changed(pixels):
        yield kind, from_bytes(one, input_range)


def of_run(network: Network, settings: Settings, image: np.ndarray, **given: Any) -> Score:
    """The score of the picture that a run came to, see :func:`score`.

    Args:
        network: of the run.
        settings: those in force.
        image: (..., channels).
        **given: ``references``, ``judge`` and ``labels``.
    """
    fed = network.fed_by(preprocessing.get(settings.preprocess))
    return score(fed, losses_of(network, settings), image, settings.input_range, **given)


def aim_of_run(network: Network, settings: Settings, labels: Labels | None = None) -> tuple[Network, Aim]:
    """The network as a run feeds it, and what the run is after.

    Raises:
        ValueError: an objective that names no units.
    """
    fed = network.fed_by(preprocessing.get(settings.preprocess))
    aims = aims_of(fed, losses_of(network, settings), labels)
    if not aims:
        raise invalid("objective", "one that names units", settings.objective, "Its terms choose no filters.")
    return fed, aims[0]


def known_of_run(network: Network, references: References, settings: Settings) -> Known | None:
    """What the target of a run answered the references with, where that was found out before; asks nothing."""
    try:
        fed, aim = aim_of_run(network, settings)
    except ValueError:
        return None
    found = references.answers_known(fed, aim.target, settings.input_range, aim.position)
    if found is None:
        return None
    right, chance = _named_right(aim, found.means, references.pictures(fed, settings.input_range).classes)
    return Known(aim.activation(found.means), right, chance)


def _named_right(aim: Aim, answers: np.ndarray, classes: Sequence[int | None]) -> tuple[float | None, float]:
    """Share of pictures whose class the network names, and what guessing would; None where some class is not known."""
    known = [one for one in classes if one is not None and one < answers.shape[1]]
    if aim.after != "softmax" or len(known) < len(answers) or len(known) < FEW or len({*known}) < 2:
        return None, 0.0
    # Whoever always names the class that is there most often is as often right.
    return float(np.mean(answers.argmax(1) == np.array(known))), float(np.bincount(known).max() / len(known))


def top_of_run(
    network: Network, settings: Settings, references: References, count: int, labels: Labels | None = None
) -> Examples:
    """The references that excite the target of a run most, see :func:`actmax_widget.scoring.examples.top`."""
    fed, aim = aim_of_run(network, settings, labels)
    return top(fed, aim, references, settings.input_range, count)


def losses_of(network: Network, settings: Settings) -> list[tuple[Loss, float]]:
    """The terms of a run's objective, with their layers found."""
    if settings.objective is not None:
        return [*summed(settings.objective).on(network)]
    weights = (settings.act_max_weight, settings.lp_norm_weight, settings.tv_weight)
    chosen = settings.filter_indices, weights, settings.position, settings.class_loss
    return presets.activation_losses(network, settings.layer, *chosen)


# --- rows ------------------------------------------------------------------------------------------------------------


def _strong(aim: Aim, units: np.ndarray, real: np.ndarray | None, labels: Labels | None) -> Strong:
    activation = aim.activation(units)
    before, own = float(activation[0]), float(activation[1])
    ranks, probabilities = aim.rank(units), aim.probability(units)
    rank = None if ranks is None else int(ranks[1])
    probability = None if probabilities is None else float(probabilities[1])
    percentile = ratio = None
    if real is not None:
        percentile = 100 * float(np.mean(aim.sign * real < aim.sign * own))
        ratio = own / float(real.max()) if real.max() > 0 and aim.sign > 0 else None
    told = _told_strong(aim, own, probability, rank, units[1], labels)
    words = [told, *_beside(percentile, ratio, 0 if real is None else len(real), aim)]
    return Strong(
        verdict=_verdict_strong(aim, probability, rank, None if real is None or len(real) < FEW else percentile),
        words=" ".join(words),
        activation=own,
        probability=probability,
        rank=rank,
        of=aim.target.filters,
        percentile=percentile,
        ratio=ratio,
        lost=abs(own - before) / abs(before) if before else None,
    )


def _verdict_strong(aim: Aim, probability: float | None, rank: int | None, percentile: float | None) -> Verdict:
    if probability is not None:
        sure = probability >= SURE if aim.sign > 0 else probability < SURE
        first = rank == 1 or aim.after == "sigmoid" or rank is None or aim.sign < 0
        return "green" if sure and first else "amber"
    if percentile is None:
        return "grey"
    return "green" if percentile >= STRONG_PERCENTILE else "amber"


def _told_strong(
    aim: Aim, own: float, probability: float | None, rank: int | None, units: np.ndarray, labels: Labels | None
) -> str:
    """What the network says, in a sentence."""
    if probability is None:
        return f"Its activation is {figure(own)}."
    if aim.after == "sigmoid":
        return f"The network says so with a probability of {_share(probability)} and a logit of {figure(own)}."
    place = "first" if rank == 1 else f"number {rank}"
    sure = f"a probability of {_share(probability)} and a logit of {figure(own)}"
    said = f"It is {place} of {aim.target.filters} classes, with {sure}."
    if rank != 1:
        first = int(units.argmax())
        name = labels.name(first) if labels is not None and len(labels) == len(units) else f"class {first}"
        said += f" The network takes it for {name}."
    return said


def _beside(percentile: float | None, ratio: float | None, count: int, aim: Aim) -> list[str]:
    if percentile is None:
        return [] if aim.after else ["Without real pictures there is nothing to compare that with."]
    less = "more" if aim.sign < 0 else "less"
    # Counted, as a share is rounded: 999 of 1,000 are not 100 %.
    words = [f"{round(percentile * count / 100):,} of {count:,} real pictures excite it {less}."]
    if ratio is not None and not aim.after:
        words.append(f"It is {figure(ratio) if ratio >= 100 else f'{ratio:.2g}'} times as active as by the strongest.")
        if ratio > SUPER:
            words.append("None of them comes near: it shows more than what is in them.")
    if count < FEW and not aim.after:
        words.append(f"For a verdict it takes {FEW}.")
    return words


def _sturdy(aim: Aim, units: np.ndarray, kinds: Sequence[str], opinion: tuple[int, float] | None) -> Sturdy:
    probabilities = aim.probability(units)
    if probabilities is not None:
        rank = aim.rank(units)
        answers = probabilities if aim.sign > 0 else 1 - probabilities
        seen = answers[1] >= 0.1 or (rank is not None and rank[1] == 1)
        nothing = f"{NOTHING}the network does not see the target in it."
    else:
        activation = aim.sign * aim.activation(units)
        answers = activation - activation[2]
        seen = bool(answers[1] > 1e-6 * max(1e-6, float(np.abs(activation[:3]).max())))
        nothing = f"{NOTHING}plain grey excites the target as much."
    judged: dict[str, Any] = {} if opinion is None else {"judge_rank": opinion[0], "judge_probability": opinion[1]}
    agreed = "" if opinion is None else _agreed(*opinion)
    if not seen:
        return Sturdy(verdict="grey", words=f"{nothing} {agreed}".rstrip(), **judged)
    left: dict[str, list[float]] = defaultdict(list)
    for kind, one in zip(kinds[3:], answers[3:], strict=True):
        left[kind].append(float(np.clip(one / answers[1], 0, 1)))
    means = {kind: float(np.mean(values)) for kind, values in left.items()}
    kept = float(np.mean(list(means.values())))
    names = {"shift": "shifts", "turn": "turns", "zoom": "a smaller size", "jpeg": "JPEG", "noise": "noise"}
    told = ", ".join(f"{_percent(means[kind])} after {names[kind]}" for kind in changes.KINDS if kind in means)
    good = min(means.values()) >= KEPT and (opinion is None or opinion[0] <= TOP)
    words = f"{_percent(kept)} of its answer is left after small changes: {told}. {agreed}".rstrip()
    return Sturdy(verdict="green" if good else "amber", words=words, kept=kept, **{**means, **judged})


def _agreed(rank: int, probability: float) -> str:
    agrees = "agrees" if rank == 1 else "has it among its first five" if rank <= TOP else "does not agree"
    return f"Another network {agrees}: rank {rank}, probability {_share(probability)}."


def _natural(pixels: np.ndarray, standard: looking.Standard | None, is_picture: bool) -> Natural:
    if not is_picture:
        return Natural(verdict="grey", words="This input is no picture in grey or colours.")
    if standard is None:
        few = f"Pictures of {min(pixels.shape[:2])} pixels cannot be compared with photographs:"
        return Natural(verdict="grey", words=f"{few} pass at least {looking.ENOUGH} references.")
    found = looking.look(pixels.astype(np.float64), standard)
    whom = f"of the {standard.number} references" if standard.given else "photographs"
    near = found.spectrum <= standard.usual_spectrum
    coloured = found.colour is None or found.colour <= standard.usual_colours
    plain = found.deviation < looking.GREY
    words = "It is nearly plain grey." if plain else _told_natural(found, standard, whom)
    if found.saturated > standard.usual_saturated:
        words += f" {_percent(found.saturated)} of its values are at the end of the range."
    good = near and coloured and not plain and found.saturated <= standard.usual_saturated
    return Natural(
        verdict="green" if good else "amber",
        words=words,
        spectrum=found.spectrum,
        usual_spectrum=standard.usual_spectrum,
        colour=found.colour,
        usual_colour=None if found.colour is None else standard.usual_colours,
        slope=found.slope,
        saturated=found.saturated,
        against=standard.number,
    )


def _told_natural(found: looking.Look, standard: looking.Standard, whom: str) -> str:
    def off(value: float, usual: float) -> str:
        return f"{value:.2f} off, where nine of ten {whom} are within {usual:.2f}"

    words = f"Frequencies {off(found.spectrum, standard.usual_spectrum)}"
    if found.colour is not None:
        words += f"; colours {off(found.colour, standard.usual_colours)}"
    return f"{words}."


def _share(value: float) -> str:
    return f"{value:.2f}" if value >= 0.005 else f"{value:.1g}"


def figure(value: float) -> str:
    """A number in words: of thousands all digits."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


# --- another network -------------------------------------------------------------------------------------------------


def checked_judge(judge: Any, network: Network, aims: Sequence[Aim]) -> Any:
    """A function of a picture, (height, width, channels) in the run's range, to rank and probability of the class.

    Args:
        judge: a Keras model that tells the same classes, at any size of input, or a pair of it and how it is fed, as
            ``preprocess`` has it.
        network: the run's.
        aims: what it was after.

    Raises:
        TypeError: no model.
        ValueError: other classes, or a target that is none of the network's classes.
    """
    model, fed = judge if isinstance(judge, tuple) and len(judge) == 2 else (judge, None)
    advice = "Pass another Keras model of the same classes, or (model, preprocess)."
    if not isinstance(model, keras.Model):
        raise invalid("judge", "a Keras model", judge, advice, TypeError)
    if not aims or not aims[0].after:
        whose = aims[0].name if aims else "the objective"
        advice = "Units inside of a network have no counterpart in another: leave the judge out."
        raise invalid("judge", "None where the target is no class", model.name, f"The target is {whose}. {advice}")
    aim = aims[0]
    other = network_of_judge(model, network.layout.shape_shown(network.input.shape)[:-1])
    head = head_of(other, other.last)
    if head is None or head.target.filters != aim.target.filters:
        classes = f"a network of {aim.target.filters} classes, as the target's"
        received = f"{model.name} of {other.last.filters if head is None else head.target.filters}"
        raise invalid("judge", classes, received, "It must know the same classes in the same order.")
    axes = other.layout
    if len(axes.spatial) != 2 or len(network.layout.spatial) != 2:
        raise invalid("judge", "a network of pictures", model.name, advice)
    other = other.fed_by(preprocessing.get(fed))
    answer = answering(other, head.target)
    judged = dataclasses.replace(aim, target=head.target, position=None)

    def ask(picture: np.ndarray) -> tuple[int, float]:
        wanted = axes.shape_shown(other.input.shape)
        units = judged.units(answer(axes.from_channels_last(_resized(picture, wanted)[None])))
        ranks, probabilities = judged.rank(units), judged.probability(units)
        return int(ranks[0]) if ranks is not None else 1, float(probabilities[0]) if probabilities is not None else 0.0

    return ask


def network_of_judge(model: Any, size: Sequence[int]) -> Network:
    """Another network; one that leaves the size of its pictures open is asked about them at the given size."""
    own = model.inputs[0] if graph.is_symbolic(model) and len(model.inputs) == 1 else None
    if own is None or None not in own.shape[1:]:
        return Network(model)
    axes = layout.of_input(own)
    channels = [] if axes.channels is None else [own.shape[axes.channels] or 1]
    return Network(model, seed_input=np.zeros((*size, *channels), np.float32))


def _resized(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A picture at another network's size, and in its number of channels."""
    height, width, channels = shape
    found = picture if picture.shape[:2] == (height, width) else _scaled(picture, height, width)
    if found.shape[-1] == channels:
        return found
    return np.repeat(found.mean(-1, keepdims=True), channels, -1)


def _scaled(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    planes = [
        Image.fromarray(picture[..., k]).resize((width, height), Image.Resampling.BICUBIC)
        for k in range(picture.shape[-1])
    ]
    return np.stack([np.asarray(plane, np.float32) for plane in planes], -1)
