"""Pictures of this package and its peers, scored: ``make gallery``, see ../README.md."""
