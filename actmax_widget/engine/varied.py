"""Pictures of one objective, each with settings of its own: what makes them in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from actmax_widget.checks import invalid
from actmax_widget.engine import Knobs, State, Step
from actmax_widget.engine.batch import Tiles
from actmax_widget.engine.plan import Plan, random_state
from actmax_widget.network import Network
from actmax_widget.settings import Settings


class Varied:
    """What some pictures are made of. They differ in numbers, random states, filters or places, and share a step.

    Args:
        network: the model with its input.
        settings: of each picture, at least one.

    Attributes:
        settings: as given.
        seeds: the random state of each; where none is set, another one each time.
        goal: iterations for each.

    Raises:
        ValueError, TypeError: there is no such layer, filter or place, or they are not computed alike.
    """

    def __init__(self, network: Network, settings: Sequence[Settings]) -> None:
        self.settings, self.goal = tuple(settings), settings[0].max_iter
        self.seeds = tuple(map(random_state, settings))
        plan = Plan(network, settings[0])
        self._plans = [plan := plan if plan.target == one.target() else Plan(network, one) for one in settings]
        if len({tuple(map(type, plan.losses)) for plan in self._plans}) > 1:
            advice = (
                "Make one call for whole maps and one for places; or one for classes and one for all of them (None)."
            )
            raise invalid("vary", "values that are computed alike", None, advice)

    @property
    def plan(self) -> Plan:
        """What is minimised, of the first of them."""
        return self._plans[0]

    def step(self, gate: Any = None) -> Step:
        """The compiled step, see :meth:`Plan.step`."""
        return self._plans[0].step(self.settings[0], gate)

    def tiles(self, step: Step, batch: int) -> Tiles:
        """The pictures, to be made so many at once; each can go on alone."""
        first = self._plans[0]
        return Tiles(
            step,
            len(self.settings),
            names=first.names,
            measures=first.measures,
            starts=self._start,
            knobs=lambda where: self._knobs(where, step),
            goal=self.goal,
            batch=batch,
            resumable=True,
        )

    def _each(self, where: slice) -> Iterator[tuple[Plan, Settings, int]]:
        yield from zip(self._plans[where], self.settings[where], self.seeds[where], strict=True)

    def _start(self, where: slice) -> State:
        # Of one random state and the same parametrization all begin alike: a spectrum's noise takes 20 ms to make.
        made: dict[Any, State] = {}
        keys = []
        for plan, one, seed in self._each(where):
            own = [value for address, value in one.values().items() if one.is_of_parametrization(address)]
            keys.append((seed, *own))
            if keys[-1] not in made:
                made[keys[-1]] = plan.start(one, seed)
        return State.joined([made[key] for key in keys])

    def _knobs(self, where: slice, step: Step) -> Knobs:
        return Knobs.joined([plan.knobs(one, step, seed, goal=self.goal) for plan, one, seed in self._each(where)])
