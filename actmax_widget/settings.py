"""Every parameter of a run, declared once.

What else there is to a parameter follows from its declaration here: the check, the widget's trait, its place in
docstrings, and by ``make contract`` its control in the browser.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from actmax_widget import backprop_modifiers, grad_modifiers, losses, optimizers, parametrizations, preprocessing
from actmax_widget import transforms as transforms_
from actmax_widget.checks import invalid
from actmax_widget.composition import OF_TARGET, WANTED, Numbers
from actmax_widget.network.starting import FITS
from actmax_widget.parameters import (
    COMPILE,
    RUN,
    START,
    STEP,
    Effect,
    choice,
    filters,
    flag,
    integer,
    interval,
    layer_name,
    number,
    parameters_of,
    part,
    picture,
    position,
    seed,
    shift,
)

MOST_ITERATIONS = 10**9
LOG_ODDS = "log-odds"
PRESETS = {
    "natural": "For any network: many views of a picture whose frequencies keep the energy that photographs have, 256 "
    "steps; for small or grey pictures milder views and a free spectrum.",
    "quick": "natural with 128 larger steps, for a first look.",
    "fourier": "Lucid's (2017): a Fourier basis, jitter, scale and rotation, 512 steps.",
    "phase": "MACO's (2023): crops and noise, a fixed spectrum of which only the phases change, 128 steps.",
    "keras-vis": "That of 2017: pixels, an L6 norm and a total variation, which fit networks with large outputs, 500 "
    "steps.",
}
"""Names of :data:`actmax_widget.presets.BUILT_IN`, and what each is."""
TARGET, RECIPE, LOSSES, PICTURE = "Target", "Recipe", "Losses", "Picture"
TRANSFORMS, OPTIMIZER, ITERATIONS = "Transforms", "Optimizer", "Run"
"""The groups of controls."""
FUNCTIONS = "Check the spelling, or pass a function."
PARTS = ("objective", "parametrization", "transforms", "optimizer")
"""The settings that parts are chosen by."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a person can set about a run; checked when made. Units: pixel values, iterations, seconds."""

    layer: str = layer_name(
        label="Layer",
        group=TARGET,
        takes_effect=RUN | COMPILE,
        advice="Choose one of widget.layers.",
        help="Name of the layer that is looked into. Layers near the input show edges and textures, later ones parts "
        "and whole things. A change restarts a running optimization.",
    )
    filter_indices: tuple[int, ...] | None = filters(
        (0,),
        label="Filters",
        group=TARGET,
        none="all",
        takes_effect=RUN,
        help="Filters, units or classes that are maximised together: one, several, or the mean of all. A change "
        "restarts a running optimization.",
    )
    position: tuple[int, ...] | None = position(
        None,
        label="Position",
        group=TARGET,
        none="whole map",
        takes_effect=RUN,
        help="Where in the layer's map the filters are maximised: one place, as row and column, or the whole map. One "
        "place shows what a single unit looks for, the whole map a pattern of it. A change restarts a running "
        "optimization.",
    )
    preset: str = choice(
        "keras-vis",
        {name: name for name in PRESETS},
        sentences=PRESETS,
        label="Recipe",
        group=RECIPE,
        help="A named set of parts with their weights and numbers, all of which may be changed after it. A change sets "
        "all of them anew.",
    )
    act_max_weight: float = number(
        1.0,
        bottom=-1000,
        top=1000,
        label="Activation",
        group=LOSSES,
        help="Weight of minus the activation. Raise it when the picture stays grey, lower it when it is all noise; "
        "below 0 the activation, or a regression's answer, goes down.",
    )
    lp_norm_weight: float = number(
        10.0,
        top=1000,
        label="Lp norm",
        group=LOSSES,
        advice="Pass e.g. lp_norm_weight=10, or 0 to switch it off.",
        help="Weight of the L6 norm, which keeps values small. Raise it when single pixels glare, lower it when the "
        "picture is pale.",
    )
    tv_weight: float = number(
        10.0,
        top=1000,
        label="Total variation",
        group=LOSSES,
        advice="Pass e.g. tv_weight=10, or 0 to switch it off.",
        help="Weight of the total variation, which keeps the picture smooth. Raise it when the picture is noisy, lower "
        "it when it is blurred.",
    )
    jitter: float = shift(
        0.0,
        label="Jitter",
        group=TRANSFORMS,
        advice="Pass e.g. jitter=0.05 (a fraction) or 2 (pixels).",
        help="Largest random shift at each step: a fraction of the side below 1, pixels from 1 on. Raise it against "
        "patterns that cling to single pixels, lower it when edges smear.",
    )
    learning_rate: float = number(
        1.0,
        above=0,
        bottom=0.001,
        top=100,
        label="Learning rate",
        group=OPTIMIZER,
        help="Factor of each step. Raise it when the picture hardly changes, lower it when the losses jump.",
    )
    grad_modifier: str | Callable[[Any], Any] | None = choice(
        None,
        tuple(grad_modifiers.BUILT_IN),
        also=grad_modifiers.get,
        none="none",
        label="Gradient modifier",
        group=OPTIMIZER,
        folded=True,
        advice=FUNCTIONS,
        help="What is done to the gradient before each step; negate lowers the activation instead of raising it.",
    )
    backprop_modifier: str | None = choice(
        None,
        ("guided", "rectified"),
        accepted=backprop_modifiers.BUILT_IN,
        none="none",
        label="Backprop",
        group=OPTIMIZER,
        folded=True,
        takes_effect=COMPILE,
        advice="Check the spelling. A function of the model is taken when a widget is made, and by the functions.",
        help="How the gradient goes back through a ReLU: rectified lets only what is positive through, guided only "
        "that of units that are active, too. A change is compiled first.",
    )
    class_loss: str = choice(
        "activation",
        {"log-odds": "ahead of the others", "activation": "as it is"},
        label="Classes",
        group=LOSSES,
        folded=True,
        takes_effect=RUN | COMPILE,
        help="How a class of the last layer is maximised: taken before the softmax and ahead of all other classes, or "
        "by its own unit as it is. Take the latter where the last units are no classes.",
    )
    temperature: float = number(
        1.0,
        above=0,
        bottom=0.02,
        top=10,
        label="Temperature",
        group=LOSSES,
        folded=True,
        help="How many of the other classes count where a class is maximised ahead of them, in standard deviations of "
        "the logits. Raise it to hold all of them down, lower it for the nearest alone.",
    )
    preprocess: Any = choice(
        None,
        {"tf": "tf: -1 to 1", "caffe": "caffe: BGR - mean", "torch": "torch: mean and std"},
        also=preprocessing.get,
        none="none",
        label="Preprocessing",
        group=PICTURE,
        folded=True,
        takes_effect=RUN | COMPILE,
        help="What is done to a picture of 0 to 255 before the network sees it: what it was trained with. Without the "
        "right one pictures are odd in colour, or grey.",
    )
    input_range: tuple[float, float] = interval(
        (0, 255),
        label="Input range",
        group=PICTURE,
        folded=True,
        takes_effect=STEP | START,
        help="Lowest and highest value of the pictures that the network was trained with, such as 0 and 255, or -1 and "
        "1.",
    )
    clip: bool = flag(
        True,
        label="Clip to the input range",
        group=PICTURE,
        folded=True,
        help="Keep the picture inside the input range at every step. Without it values may go beyond what the network "
        "knows.",
    )
    seed_input: np.ndarray | None = picture(
        label="Start from",
        group=PICTURE,
        folded=True,
        none="noise",
        takes_effect=START,
        help="Picture to start from instead of noise, used at a fresh start.",
    )
    seed_fit: str = choice(
        "crop",
        dict(zip(FITS, ("by cropping", "by padding", "by stretching"), strict=True)),
        label="Fit starting picture",
        group=PICTURE,
        folded=True,
        takes_effect=START,
        advice='Pass e.g. seed_fit="pad".',
        help="What is done with a starting picture of another aspect than the input's: crop to the middle, pad with "
        "the middle of the range, or stretch.",
    )
    seed: int | None = seed(
        0,
        label="Seed of noise, jitter",
        group=PICTURE,
        folded=True,
        none="random",
        takes_effect=START,
        help="Random state of the starting noise and of the jitter, used at a fresh start. The same one gives the same "
        "picture.",
    )
    max_iter: int = integer(
        500,
        least=1,
        most=MOST_ITERATIONS,
        label="Iterations a run",
        group=ITERATIONS,
        folded=True,
        help="Iterations that a run makes. Raise it when the picture still changes at the end.",
    )
    steps_per_second: float | None = number(
        60.0,
        above=0,
        choices=(1, 5, 15, 30, 60, 120, 250),
        offered="at most {:g}",
        none="as fast as it goes",
        label="Steps per second",
        group=ITERATIONS,
        folded=True,
        advice="Pass None for as fast as it goes.",
        help="Speed limit while somebody watches. Lower it to follow single steps, raise it to be done sooner.",
    )

    objective: losses.Sum | None = part(
        None,
        losses.summed,
        label="Objective",
        group=TARGET,
        none="layer and filter_indices, as class_loss says, with an L6 norm and a total variation",
        takes_effect=RUN | COMPILE,
        help="What is minimised: weighted losses added up, as in ActivationMaximization('conv1', 3) + 0.1 * LPNorm(), "
        "or pairs of a loss and its weight.",
    )
    parametrization: parametrizations.Parametrization = part(
        parametrizations.Pixels(),
        parametrizations.get,
        label="Parametrization",
        group=PICTURE,
        takes_effect=RUN | COMPILE,
        help="What the gradient is taken by, and how a picture comes from it: a parametrization, or its name.",
    )
    transforms: tuple[transforms_.Transform, ...] = part(
        (transforms_.Jitter(0),),
        transforms_.check_transforms,
        label="Transforms",
        group=TRANSFORMS,
        takes_effect=COMPILE,
        help="What the network is shown instead of the picture: transforms, or functions of a picture and random "
        "numbers, in the order in which they are done.",
    )
    optimizer: optimizers.Optimizer = part(
        optimizers.RMSProp(),
        optimizers.get,
        label="Optimizer",
        group=OPTIMIZER,
        takes_effect=COMPILE,
        help="How the picture follows from the gradient: an optimizer, its name, or one of Keras's.",
    )
    knobs: Mapping[str, float] = field(default_factory=dict)
    """Numbers of parts that were changed, by address; those that are settings themselves are not among them."""

    def __post_init__(self) -> None:
        for name, parameter in parameters_of(type(self)).items():
            object.__setattr__(self, name, parameter.check(getattr(self, name)))

    def __getstate__(self) -> dict[str, Any]:
        own = {name: value for name, value in vars(self).items() if name != "_numbers"}
        return {**own, "knobs": dict(self.knobs)}

    def __setstate__(self, own: dict[str, Any]) -> None:
        vars(self).update(own, knobs=MappingProxyType(own["knobs"]))

    def changed(self, **changes: Any) -> Settings:
        """The settings with some other values. Only those are checked: a slider that is dragged changes one.

        Other parts bring their own numbers along. A number of a part is changed by ``knobs={address: value}``, which
        leaves the other ones as they are.

        Raises:
            ValueError, TypeError: a bad value, a name that there is not, or a number that no part has.
        """
        declared, numbers_to_change = parameters_of(type(self)), changes.pop("knobs", {})
        for name, value in changes.items():
            if name not in declared:
                raise invalid("changes", f"names of {', '.join(declared)}", name, "Check the spelling.", TypeError)
            changes[name] = declared[name].check(value)
        new = copy.copy(self)
        for name, value in changes.items():
            object.__setattr__(new, name, value)
        if any(getattr(new, name) is not getattr(self, name) for name in PARTS):
            vars(new).pop("_numbers", None)
            new._take_numbers_of_parts(self, changes)  # noqa: SLF001 - its own kind
        if absent := new.numbers().absent([*changes]):
            wanted = WANTED[absent[0]]
            advice = f"Add {wanted}() to the objective or the transforms first."
            raise invalid(absent[0], f"a {wanted} among the parts, whose number it is", changes[absent[0]], advice)
        other = [one for one in OF_TARGET if getattr(new, one) != getattr(self, one)]
        if new.objective is not None and other:
            advice = "Set objective=None first, or another objective."
            raise invalid(other[0], "no objective, as that has targets of its own", changes[other[0]], advice)
        if numbers_to_change:
            new._change_numbers(numbers_to_change)  # noqa: SLF001 - the same
        return new

    def _take_numbers_of_parts(self, before: Settings, given: Mapping[str, Any]) -> None:
        numbers, old = self.numbers(), before.numbers()
        for alias, value in numbers.aliases.items():
            kept = [one.part for one in old.values() if one.alias == alias]
            if alias not in given and not (kept and any(one.part is kept[0] for one in numbers.values())):
                object.__setattr__(self, alias, parameters_of(type(self))[alias].check(value))
        left = {
            address: value
            for address, value in self.knobs.items()
            if address in numbers and numbers[address].part is old[address].part
        }
        object.__setattr__(self, "knobs", MappingProxyType(left))

    def _change_numbers(self, values: Any) -> None:
        if not isinstance(values, Mapping):
            advice = "Pass e.g. knobs={'Jitter.shift': 4}."
            raise invalid("knobs", "a mapping from addresses to numbers", values, advice, TypeError)
        numbers, changed = self.numbers(), dict(self.knobs)
        for address, value in values.items():
            number = numbers.find(address)
            if number.alias:
                object.__setattr__(self, number.alias, parameters_of(type(self))[number.alias].check(value))
            else:
                changed[address] = number.parameter.renamed(address).check(value)
        object.__setattr__(self, "knobs", MappingProxyType(changed))

    def numbers(self) -> Numbers:
        """The numbers of all parts, with the values that the parts have."""
        if "_numbers" not in vars(self):
            found = Numbers(self.objective, self.parametrization, self.transforms, self.optimizer)
            object.__setattr__(self, "_numbers", found)
        return vars(self)["_numbers"]

    def values(self) -> dict[str, float]:
        """The numbers of all parts as they are set: address -> value."""
        return {
            address: getattr(self, one.alias) if one.alias else self.knobs.get(address, one.value)
            for address, one in self.numbers().items()
        }

    def is_of_parametrization(self, address: str) -> bool:
        """Whether a number, by its address, is one of the parametrization."""
        return self.numbers()[address].part is self.parametrization

    def families(self, names: Sequence[str]) -> list[str]:
        """The settings that have the parts of some numbers, which are named by alias or by address."""
        numbers = self.numbers().items()
        wanted = [one.part for address, one in numbers if one.part and (address in names or one.alias in names)]
        held = {family: getattr(self, family) for family in PARTS}
        parts = {family: value if isinstance(value, tuple) else (value,) for family, value in held.items()}
        return [family for family, own in parts.items() if any(part is one for part in wanted for one in own)]

    def target(self) -> tuple[Any, ...]:
        """What is maximised. A change of it starts the optimization afresh."""
        return self._that_takes_effect(RUN)

    def start(self) -> tuple[Any, ...]:
        """What the optimization starts from. A change of it takes effect with the next fresh start."""
        return self._that_takes_effect(START)

    def graph(self) -> tuple[Any, ...]:
        """What the step is compiled for. A change of it compiles."""
        own = self.grad_modifier if callable(self.grad_modifier) else None  # all others are in every graph
        return (*self._that_takes_effect(COMPILE), own, self.position is None)  # another place is another number

    def _that_takes_effect(self, effect: Effect) -> tuple[Any, ...]:
        found = parameters_of(type(self)).items()
        values = [getattr(self, name) for name, parameter in found if effect in parameter.takes_effect]
        return tuple(id(value) if isinstance(value, np.ndarray) else value for value in values)


OF_RUN = [name for name, parameter in parameters_of(Settings).items() if RUN in parameter.takes_effect]
"""Settings that a run begins with, and keeps."""


def differ(one: Any, other: Any) -> bool:
    """Whether two values of a setting are others; arrays if they are not the same object."""
    return one is not other and (isinstance(one, np.ndarray) or isinstance(other, np.ndarray) or bool(one != other))
