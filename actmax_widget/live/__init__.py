"""A run while it lives: threads are here and nowhere else, and no view is known.

A :class:`Run` is a ``worker``: it owns a thread. It makes one picture that a person steers, or the ``tiles`` of a
layer; a ``plan`` tells the engine what is set. Whoever shows it asks for its :class:`Facts` and, from where it stands,
for what is new (:class:`Frame`).
"""

from actmax_widget.live.facts import Facts, Frame, Status, TilesFacts
from actmax_widget.live.run import Run

__all__ = ["Facts", "Frame", "Run", "Status", "TilesFacts"]
