"""What several pictures differ in: ``vary={"seed": range(8), "tv_weight": [0, 1, 10]}``, a mapping of names to values.

Whoever makes many pictures of one objective reads it here: ``visualize_many`` and the widget.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from actmax_widget.checks import invalid, near
from actmax_widget.labels import Labels
from actmax_widget.network import Network
from actmax_widget.parameters import COMPILE, parameters_of
from actmax_widget.settings import LOG_ODDS, Settings

MOST = 4096
"""Pictures of one call: more take hours, and belong into several."""
FILTERS = "filter_indices"
OF_PICTURE = ("seed", FILTERS, "position", "temperature")
"""Settings that each picture may have its own of, beside the numbers of the parts."""
ADVICE = 'Pass e.g. vary={"seed": range(8)} or vary={"tv_weight": [0, 1, 10]}.'


def grid(base: Settings, vary: Any) -> list[dict[str, Any]]:
    """What each picture has of its own.

    Args:
        base: what they have in common.
        vary: name -> values. Of several names each value goes with each of the others', the last name's first.

    Raises:
        ValueError, TypeError: no mapping, a name that is no number of a run of these settings, no values or too many.

    Example:
        >>> grid(Settings(layer="out"), {"seed": [1, 2], "tv_weight": [0, 10]})[:2]
        [{'seed': 1, 'tv_weight': 0}, {'seed': 1, 'tv_weight': 10}]
    """
    if not isinstance(vary, Mapping):
        raise invalid("vary", "a mapping from names to values", vary, ADVICE, TypeError)
    if not vary:
        raise invalid("vary", "at least one name", vary, ADVICE)
    for name in vary:
        _check_name(base, name)
    doubles = [one.address for one in base.numbers().values() if one.alias in vary and one.address in vary]
    if doubles:
        alias = base.numbers()[doubles[0]].alias
        raise invalid("vary", "each number once", f"{alias} and {doubles[0]}", f"Leave out {doubles[0]!r}.")
    values = {name: _values(name, given) for name, given in vary.items()}
    combined = [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]
    if len(combined) > MOST:
        raise invalid("vary", f"at most {MOST} pictures", len(combined), "Make several calls.")
    return combined


def listed(vary: Any) -> Any:
    """The same with lists: a generator gives its values once. What is no such mapping is left to :func:`grid`."""
    if not isinstance(vary, Mapping):
        return vary
    several = {name for name, one in vary.items() if isinstance(one, Iterable) and not isinstance(one, str)}
    return {name: [*one] if name in several else one for name, one in vary.items()}


def plain(base: Settings, vary: Mapping[str, Any], network: Network, labels: Labels | None = None) -> dict[str, Any]:
    """The values as numbers, or tuples of numbers: a filter that was named by its index.

    Args:
        base: what all have in common.
        vary: what :func:`grid` has taken.
        network: the model with its input.
        labels: by which filters may be named.
    """
    found = {name: [one.item() if isinstance(one, np.generic) else one for one in own] for name, own in vary.items()}
    if FILTERS in found:
        each = [settings_of(base, {FILTERS: one}, network, labels).filter_indices for one in found[FILTERS]]
        found[FILTERS] = [one[0] if one is not None and len(one) == 1 else one for one in each]
    return found


def _check_name(base: Settings, name: Any) -> None:
    numbers = base.numbers()
    log_odds = base.objective is None and base.class_loss == LOG_ODDS
    aliases = [one.alias for one in numbers.values() if one.alias]
    known = [one for one in OF_PICTURE if one != "temperature" or log_odds] + [*aliases, *numbers]
    if name in known:
        return
    declared = parameters_of(Settings).get(name)
    shapes = declared is not None and COMPILE in declared.takes_effect
    why = "It shapes the graph: make one call for each value." if shapes else near(str(name), known)
    raise invalid("vary", "names of numbers of this run", name, f"{why} There are: {', '.join(known)}.".lstrip())


def _values(name: str, given: Any) -> list[Any]:
    try:
        values = [*given]
    except TypeError:
        raise invalid(f"vary[{name!r}]", "a sequence of values", given, ADVICE, TypeError) from None
    if not values or isinstance(given, str):
        raise invalid(f"vary[{name!r}]", "a sequence of at least one value", given, ADVICE)
    return values


def settings_of(base: Settings, own: Mapping[str, Any], network: Network, labels: Labels | None = None) -> Settings:
    """The settings of a picture.

    Args:
        base: what all have in common, with a random state.
        own: what it has of its own, see :func:`grid`.
        network: the model with its input.
        labels: by which filters may be named.

    Raises:
        ValueError, TypeError: a bad value.
    """
    plain = {name: value for name, value in own.items() if name in parameters_of(Settings)}
    if FILTERS in plain and labels is not None and base.layer:
        layer = network.find(base.layer)
        plain[FILTERS] = labels.indices(plain[FILTERS], layer.filters, layer.name)
    if "seed" in plain and plain["seed"] is None:
        raise invalid("vary['seed']", "integers >= 0", None, "Pass e.g. range(8).", TypeError)
    return base.changed(**plain, knobs={name: value for name, value in own.items() if name not in plain})


def named(settings: Settings, names: Sequence[str]) -> list[str]:
    """What settings that are varied are called: a number of a part that is a setting goes by that name."""
    numbers = settings.numbers()
    return [numbers[name].alias or name if name in numbers else name for name in names]


def title(settings: Settings, name: str) -> str:
    """What a person knows a varied setting by."""
    declared = parameters_of(Settings)
    if name in declared:
        return TITLES.get(name) or declared[name].label
    part, _, own = name.rpartition(".")
    label = settings.numbers()[name].parameter.label or own.replace("_", " ").capitalize()
    alone = [one for one in settings.numbers().values() if one.parameter.label == label and not one.alias]
    return label if len(alone) == 1 else f"{part} {label[:1].lower()}{label[1:]}"


TITLES = {"seed": "Seed"}
"""Where the label says more than there is room for."""


def value(settings: Settings, name: str) -> Any:
    """The value of a varied setting."""
    return getattr(settings, name) if name in parameters_of(Settings) else settings.values()[name]
