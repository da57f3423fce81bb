"""The optimization: an initial state, a step, a run of n steps. No clock, no thread, no screen.

An :class:`Objective` turns weighted losses into one evaluation: all terms and the gradient in one pass. A :class:`Step`
compiles it with the update: ``step.run(state, knobs, n)`` gives the next :class:`State` and each step's losses. Numbers
that may change between two steps are tensors, :class:`Knobs`. ``cache`` keeps compiled steps with their model,
``batch`` makes many pictures, ``loop`` says how many steps to make in a call, ``diagnosis`` why a run came to nothing,
``doctor`` what else went wrong with it.
"""

from actmax_widget.engine.objective import Evaluation, Objective
from actmax_widget.engine.step import Knobs, State, Step, Steps, StopFlag

__all__ = ["Evaluation", "Knobs", "Objective", "State", "Step", "Steps", "StopFlag"]
