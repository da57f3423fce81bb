"""How far a picture can be trusted: its score, and real pictures beside it.

``look`` measures pixels alone, beside photographs; ``changes`` are the small changes that a picture should stand;
``score`` asks the network about the saved picture. ``examples`` are the real pictures that excite a unit most
(``receptive`` tells which part of them it sees), and ``quiz`` asks a person which of two does so more.
"""
