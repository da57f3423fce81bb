"""A run while it lives: threads are here and nowhere else, and no view is known.

A ``worker`` owns the thread; a session and the tiles of a layer are workers. Whoever shows them asks for their
:class:`Facts` and, from where it stands, for what is new (:class:`Frame`).
"""

from actmax_widget.live.facts import Facts, Frame, Status

__all__ = ["Facts", "Frame", "Status"]
