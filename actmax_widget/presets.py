"""Named sets of parts with their numbers, and the terms that are minimised where no objective is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from actmax_widget import preprocessing, transforms
from actmax_widget.checks import check_range, invalid
from actmax_widget.composition import EVERY_ALIAS
from actmax_widget.losses import ActivationMaximization, LogOdds, Loss, MatchFeatures, Neuron
from actmax_widget.network import Kind, Network, head_of
from actmax_widget.network.dataset import References
from actmax_widget.optimizers import Adam, RMSProp
from actmax_widget.parameters import parameters_of
from actmax_widget.parametrizations import Fourier, Phase, Pixels, RingSpectrum
from actmax_widget.parts import alike
from actmax_widget.regularizers import LPNorm, TotalVariation
from actmax_widget.settings import LOG_ODDS, PARTS, Settings, differ

SMALL = 64
"""Sides in pixels below which a picture has no room for the rings of photographs."""
REFERENCES = "references"
"""The preset that needs real pictures, and so is none of those to choose in the page."""
MATCHED = 5.0
"""How much features count beside the target in it."""
FEATURES = (
    *(keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D, keras.layers.DepthwiseConv2D),
    *(keras.layers.SeparableConv2D, keras.layers.Concatenate, keras.layers.Add, keras.layers.MultiHeadAttention),
)
"""Layers that put out features of their own."""
FREE = {"act_max_weight": 1.0, "lp_norm_weight": 0.0, "tv_weight": 0.0, "class_loss": LOG_ODDS, "temperature": 1.0}
"""The weights of presets that need no penalty: what keeps the picture natural is its parametrization."""


def settings_of(preset: str, shape: tuple[int, ...]) -> dict[str, Any]:
    """The settings that a preset stands for.

    Args:
        preset: one of :data:`BUILT_IN`.
        shape: of the pictures, (..., channels): small or grey ones get other parts than photographs.

    Example:
        >>> settings_of("natural", (227, 227, 3))["parametrization"].name
        'RingSpectrum'
        >>> settings_of("natural", (28, 28, 1))["parametrization"].name
        'Fourier'
    """
    return {"preset": preset, **BUILT_IN[preset](shape)}


def with_preset(changes: dict[str, Any], before: Settings, network: Network) -> dict[str, Any]:
    """Changes with all that a preset among them stands for; what they say themselves counts.

    An objective, of before or among them, brings its own terms: then the preset's weights are left out.
    """
    if "preset" not in changes:
        return changes
    preset = parameters_of(Settings)["preset"].check(changes["preset"])
    found = settings_of(preset, network.layout.shape_shown(network.input.shape))
    same, values = before.parametrization, before.values()
    touched = [one for one in before.knobs if before.is_of_parametrization(one)]
    untouched = all(values[one] == before.numbers()[one].value for one in touched)
    if untouched and alike(same, found["parametrization"]) and same.numbers() == found["parametrization"].numbers():
        found["parametrization"] = same  # another one would begin the run afresh
    if changes.get("objective", before.objective) is not None:
        found = {name: value for name, value in found.items() if name not in FREE}
    return {**found, **changes}


def defaults(settings: Settings, network: Network, **given: Any) -> Settings:
    """The settings with their preset as it stands for itself on this input, and nothing that was changed after it.

    The target, an objective and the starting picture stay; so does ``class_loss`` where there is an objective.

    Args:
        settings: the present ones.
        network: of the run.
        **given: what the preset does not say and the declared default would not fit, such as ``input_range``.
    """
    of_target = {"layer", "filter_indices", "position", "objective"}
    own = of_target | {"preset", "seed_input"} | (FREE.keys() if settings.objective is not None else set())
    plain = {
        name: parameter.default
        for name, parameter in parameters_of(Settings).items()
        if name not in own | {*PARTS} | EVERY_ALIAS
    }
    fresh = settings.changed(**plain | with_preset({"preset": settings.preset}, settings, network) | given)
    # An objective, and a parametrization like the preset's, stay, with numbers that may have been changed.
    numbers = fresh.numbers()
    others = {address: one.value for address, one in numbers.items() if not one.alias}
    return fresh.changed(**numbers.aliases, knobs=others)


def default_values(settings: Settings, fresh: Settings) -> dict[str, Any]:
    """What the present parameters and numbers have in :func:`defaults`, by name or address, and the parts by name.

    A number that the preset does not have, as it is of a part chosen besides, is as that part was made.
    """
    target = {"layer", "filter_indices", "position", "preset", "seed_input", *PARTS}
    found = {name: getattr(fresh, name) for name in parameters_of(Settings) if name not in target}
    numbers, values = settings.numbers(), fresh.values()
    found |= {one.alias: one.value for one in numbers.values() if one.alias in fresh.numbers().absent([one.alias])}
    found |= {address: values.get(address, one.value) for address, one in numbers.items() if not one.alias}
    parts = {"parametrization": fresh.parametrization.name, "optimizer": fresh.optimizer.name}
    return found | parts | {"transforms": [one.name for one in fresh.transforms]}


def changes_to(settings: Settings, fresh: Settings) -> dict[str, Any]:
    """What to change about the settings to have those of :func:`defaults`; parts that are the preset's stay in place.

    Another part in the same place would be compiled or even begin the run afresh, although its numbers can be set.
    """
    parts = ("parametrization", "transforms", "optimizer")
    new = {name: getattr(fresh, name) for name in parts if not _same(getattr(settings, name), getattr(fresh, name))}
    absent = {*fresh.numbers().absent([*EVERY_ALIAS])}
    plain = {name: getattr(fresh, name) for name in parameters_of(Settings) if name not in {*PARTS, "preset", *absent}}
    changed = {
        name: value for name, value in plain.items() if name in EVERY_ALIAS or differ(value, getattr(settings, name))
    }
    others = {address: fresh.values()[address] for address, one in fresh.numbers().items() if not one.alias}
    return {**new, **changed, "knobs": others}


def _same(ones: Any, others: Any) -> bool:
    """Whether parts come to the same thing under the same names, so that their numbers are."""
    names = [[part.name for part in (some if isinstance(some, tuple) else (some,))] for some in (ones, others)]
    return names[0] == names[1] and alike(ones, others)


def _natural(shape: tuple[int, ...], steps: int = 256, rates: tuple[float, float] = (0.1, 0.03)) -> dict[str, Any]:
    """This project's recipe (``PICTURES.md``, 2026).

    Nothing in it is in the units of a network: sizes are shares of the side, values shares of the range, Adam's steps
    do not follow the gradient's size, and the temperature is in standard deviations of the logits.
    """
    *sides, channels = shape
    view: list[transforms.Transform]
    if len(sides) != 2 or min(sides) < SMALL or channels == 1:
        # Rings wash small and grey pictures out: a free spectrum, and views that are nearer to the picture. It begins
        # nearly grey and goes in small steps, so that the whole form is there before the details: with larger ones, or
        # more noise, a stroke at the border that was there first stays, and half of the digits are none.
        own = {**FREE, "optimizer": _adam(rates[1]), "max_iter": steps}
        view = [transforms.Scale(0.85, 1.2), transforms.Rotate(10)] if len(sides) == 2 else []
        view += [transforms.Jitter(0.07)] if sides else []
        view = [*view, transforms.Noise(0.1, 0.05)]
        return {**own, "parametrization": Fourier() if min(sides, default=0) > 1 else Pixels(), "transforms": view}
    own = {**FREE, "optimizer": _adam(rates[0]), "max_iter": steps}
    view = [transforms.Scale(0.5, 1.35), transforms.Rotate(15), transforms.Jitter(0.107)]
    values = [transforms.Contrast(0.5), transforms.Brightness(0.1), transforms.Noise(0.65, 0.03, warmup=0.25)]
    return {**own, "parametrization": RingSpectrum(), "transforms": [*view, *values]}


def _adam(rate: float) -> Adam:
    # The usual epsilon is seen beside the gradient of logits of 10: some grey levels after 40 steps.
    return Adam(rate, epsilon=1e-12)


def _quick(shape: tuple[int, ...]) -> dict[str, Any]:
    """The same in half the steps, which are larger, for a first look."""
    return _natural(shape, steps=128, rates=(0.15, 0.045))


def _fourier(shape: tuple[int, ...]) -> dict[str, Any]:
    """Lucid's defaults (Olah et al., *Feature visualization*, 2017)."""
    flat: list[transforms.Transform] = [transforms.Jitter(8, name="First jitter")] if len(shape) == 3 else []
    turned: list[transforms.Transform] = [transforms.Scale(0.9, 1.1), transforms.Rotate(5)] if len(shape) == 3 else []
    last: list[transforms.Transform] = [transforms.Jitter(4)] if len(shape) > 1 else []
    own = {
        "parametrization": Fourier() if len(shape) > 1 else Pixels(),
        "optimizer": Adam(0.05),
        "max_iter": 512,
        "class_loss": "activation",
    }
    return {**FREE, **own, "transforms": [*flat, *turned, *last]}


def _phase(shape: tuple[int, ...]) -> dict[str, Any]:
    """MACO (Fel et al., 2023): many crops, noise, a fixed spectrum."""
    crops: list[transforms.Transform] = [transforms.Crops(8, 0.25, 0.5)] if len(shape) == 3 else []
    own = {
        "parametrization": Phase() if len(shape) > 1 else Pixels(),
        "optimizer": Adam(1.0),
        "max_iter": 128,
        "class_loss": "activation",
    }
    return {**FREE, **own, "transforms": [*crops, transforms.Noise(0.08)]}


def _keras_vis(shape: tuple[int, ...]) -> dict[str, Any]:
    """Parts and weights of keras-vis (2017, ``vis.visualization``), and the widget's 500 iterations."""
    weights = {"act_max_weight": 1.0, "lp_norm_weight": 10.0, "tv_weight": 10.0, "class_loss": "activation"}
    moved = [transforms.Jitter(0)] if len(shape) > 1 else []
    parts = {"parametrization": Pixels(), "transforms": moved, "optimizer": RMSProp()}
    return {**weights, **parts, "max_iter": 500}


BUILT_IN: dict[str, Callable[[tuple[int, ...]], dict[str, Any]]] = {
    "natural": _natural,
    "quick": _quick,
    "fourier": _fourier,
    "phase": _phase,
    "keras-vis": _keras_vis,
}


def by_references(
    network: Network, layer: Any, filter_indices: Any, references: Any, given: Mapping[str, Any]
) -> dict[str, Any]:
    """The settings that ``preset="references"`` stands for: natural's, and an objective that has real features.

    The target as natural takes it, in standard deviations of all units' answers to the references, and 5 times
    :class:`~actmax_widget.losses.MatchFeatures` in 5 layers.

    Args:
        network: of the model.
        layer: the target layer.
        filter_indices: its filters.
        references: real pictures, best some of the class.
        given: other settings; ``input_range`` and ``preprocess`` tell how the network is fed.

    Raises:
        TypeError: no references.
        ValueError: a network that has no layers with a map.
    """
    if references is None:
        advice = "Pass references= too: an array, a folder, or a tf.data or Keras dataset."
        raise invalid("preset", 'another one than "references" where there are none', REFERENCES, advice, TypeError)
    low, high = check_range(given.get("input_range", (0, 255)))
    network, real = network.fed_by(preprocessing.get(given.get("preprocess"))), References.of(references)
    layers = feature_layers(network)
    if not layers:
        raise invalid("preset", "a network with layers that have a map", REFERENCES, 'Take preset="natural".')
    terms = activation_losses(network, layer, filter_indices, (1.0, None, None), given.get("position"), LOG_ODDS)
    target: Any = terms[0][0]
    if isinstance(target, LogOdds):
        target = target.bound({"temperature": given.get("temperature", FREE["temperature"])})
    answers = real.answers(network, target.layer, (low, high))[0].means
    deviation = float(answers.std()) or float(np.abs(answers).max()) or 1.0
    objective = target / deviation + MATCHED * MatchFeatures(real, layers, input_range=(low, high))
    # An objective has targets of its own.
    others = {name: value for name, value in given.items() if name not in {"filter_indices", "position"}}
    return {**others, "preset": "natural", "objective": objective}


def feature_layers(network: Network) -> list[str]:
    """Layers, from the first to the last, evenly spread, whose answers are features at places: at most 5."""
    maps = [
        name
        for name, target in network.targets.items()
        if len(target.shape) > 1 and None not in target.shape and isinstance(target.layer, FEATURES)
    ]
    chosen = np.linspace(0, len(maps) - 1, min(len(maps), 5)).round().astype(int)
    return [maps[one] for one in chosen]


def activation_losses(
    network: Network,
    layer: Any,
    filter_indices: Any,
    weights: tuple[float | None, float | None, float | None] = (1.0, 10.0, 10.0),
    position: tuple[int, ...] | None = None,
    class_loss: str = "activation",
) -> list[tuple[Loss, float]]:
    """What is minimised where there is no objective: a target, a norm and a total variation, with their weights.

    Args:
        network: of the model.
        layer: what is looked into.
        filter_indices: its filters.
        weights: of the activation, the norm and the total variation; None counts as 0.
        position: the activation is that of one place of the layer's map; None: of the whole map.
        class_loss: "log-odds": a class is taken before its softmax and ahead of all others, a label before its sigmoid;
            "activation": the filters as they are. They are the same for other layers, all classes, and a regression.

    Raises:
        ValueError, TypeError: for a bad layer, filter or weight.
    """
    target = network.find(layer)
    whole = ActivationMaximization(target, filter_indices, target.filters)
    activation: Loss = whole
    chosen: Any = whole.filter_indices
    if position is not None:
        activation = Neuron(target, 0, position).bound({"filter_indices": chosen, "name": activation.name})
    head = head_of(network, target) if class_loss == LOG_ODDS and None not in chosen else None
    if head and head.kind is Kind.CLASSES and len(set(chosen)) < target.filters:
        activation = LogOdds(head.target, chosen, standardized=True)
    elif head:
        activation = ActivationMaximization(head.target, chosen, target.filters)
    losses = [activation, LPNorm(network.input), TotalVariation(network.input)]
    names = ("act_max_weight", "lp_norm_weight", "tv_weight")
    declared = parameters_of(Settings)
    checked = [
        0.0 if weight is None else declared[name].check(weight) for name, weight in zip(names, weights, strict=True)
    ]
    return list(zip(losses, checked, strict=True))
