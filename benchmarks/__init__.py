"""Ratios of this package to its peers and to itself: ``make bench``, see README.md."""
