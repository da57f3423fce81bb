import dataclasses
import gc
import pickle
import weakref
from dataclasses import dataclass

import numpy as np
import pytest

from actmax_widget import parameters
from actmax_widget.parameters import (
    COMPILE,
    RUN,
    START,
    STEP,
    choice,
    documented,
    filled,
    filters,
    flag,
    integer,
    interval,
    layer_name,
    number,
    parameters_of,
    picture,
    position,
    seed,
    shift,
)
from actmax_widget.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Part:
    """Declares one of each kind, as a part of a user may."""

    weight: float = number(2.0, help="Weight of it.")
    rate: float = number(0.5, above=0, top=1, scale="linear")
    share: float = number(0.25, least=0, most=1)
    limit: float | None = number(None, above=0, choices=(1, 2.5), offered="at most {:g}", none="no limit")
    count: int = integer(3, least=1, most=9)
    offset: float = shift(0.0)
    way: str = choice("up", {"up": "upwards", "down": "downwards"})
    gate: str | None = choice(None, ("a", "b"), accepted=("a", "b", "c"), none="none", advice="Check the spelling.")
    on: bool = flag(True)
    span: tuple[float, float] = interval((0, 1))
    state: int | None = seed(0, none="random")
    layer: str = layer_name(advice="Choose one.")
    chosen: tuple[int, ...] | None = filters((0,), none="all")
    place: tuple[int, ...] | None = position(none="whole map")
    image: np.ndarray | None = picture(none="noise")
    plain: int = 0


PART = parameters_of(Part)


def test_it_is_read_back_with_name_and_default_in_the_order_declared():
    assert list(PART) == [field.name for field in dataclasses.fields(Part)][:-1]
    assert (PART["weight"].name, PART["weight"].default, PART["weight"].help) == ("weight", 2.0, "Weight of it.")
    assert PART["layer"].default is dataclasses.MISSING


def test_a_class_is_a_dataclass_as_ever():
    part = Part(layer="a", image=np.zeros(3))
    assert (part.weight, part.plain) == (2.0, 0)
    assert part == Part(layer="a")  # a picture is neither compared nor shown
    assert "image" not in repr(part)
    again = pickle.loads(pickle.dumps(Settings(layer="a", tv_weight=3)))  # noqa: S301 - our own
    assert (again.layer, again.values()) == ("a", Settings(layer="a", tv_weight=3).values())


@pytest.mark.parametrize(
    ("name", "value", "checked"),
    [
        ("weight", np.float32(0.5), 0.5),
        ("rate", 7, 7.0),
        ("limit", None, None),
        ("limit", 3, 3.0),
        ("count", np.int64(9), 9),
        ("offset", 12, 12.0),
        ("way", "down", "down"),
        ("gate", None, None),
        ("gate", "c", "c"),
        ("on", np.False_, False),
        ("span", [0, 255.0], (0, 255.0)),
        ("state", None, None),
        ("state", 2**32 - 1, 2**32 - 1),
        ("layer", "conv", "conv"),
        ("chosen", None, None),
        ("chosen", 3, (3,)),
        ("chosen", np.array([1, -1]), (1, -1)),
        ("image", None, None),
    ],
)
def test_a_good_value_comes_back_as_it_is_kept(name, value, checked):
    found = PART[name].check(value)
    assert (type(found), found) == (type(checked), checked)


@pytest.mark.parametrize(
    ("name", "value", "kind", "sentence"),
    [
        ("weight", "x", TypeError, "a finite number, received 'x' (str). Pass e.g. weight=2."),
        ("weight", None, TypeError, "a finite number, received None (NoneType). Pass e.g. weight=2."),
        ("weight", float("inf"), ValueError, "a finite number, received inf (float). Pass e.g. weight=2."),
        ("rate", 0, ValueError, "a finite number > 0, received 0 (int). Pass e.g. rate=0.5."),
        ("share", 1.5, ValueError, "a finite number from 0 to 1, received 1.5 (float). Pass e.g. share=0.25."),
        ("share", -1, ValueError, "a finite number from 0 to 1, received -1 (int). Pass e.g. share=0.25."),
        ("limit", 0, ValueError, "a finite number > 0, received 0 (int)."),
        ("count", 10, ValueError, "an integer from 1 to 9, received 10 (int). Pass e.g. count=3."),
        ("count", 1.5, TypeError, "an integer from 1 to 9, received 1.5 (float). Pass e.g. count=3."),
        ("offset", -1, ValueError, "a finite number >= 0, received -1 (int). Pass e.g. offset=0."),
        ("way", "left", ValueError, "one of up, down, received 'left' (str). Pass e.g. way='up'."),
        ("way", None, TypeError, "one of up, down, received None (NoneType). Pass e.g. way='up'."),
        ("gate", "d", ValueError, "one of a, b, c, received 'd' (str). Check the spelling."),
        ("gate", 3, TypeError, "None or one of a, b, c, received 3 (int). Check the spelling."),
        ("on", 1, TypeError, "True or False, received 1 (int)."),
        ("span", (1, 0), ValueError, "two finite numbers (low, high), low < high, received (1, 0) (tuple). Pass e.g."),
        ("state", -1, ValueError, "an integer from 0 to 4294967295, received -1 (int). Pass e.g. state=0."),
        ("layer", 3, TypeError, "the name of a layer, received 3 (int). Choose one."),
        ("chosen", "3", TypeError, "an integer, a sequence of integers or None, received '3' (str). Pass e.g."),
        ("chosen", [], ValueError, "at least one filter, received [] (list). Pass e.g. chosen=3, [3, 7] or None"),
        ("image", ["x"], TypeError, "a numeric array or None, received ['x'] (list). Pass e.g."),
    ],
)
def test_a_bad_value_is_refused_in_a_sentence(name, value, kind, sentence):
    with pytest.raises(kind) as refused:
        PART[name].check(value)
    assert str(refused.value).startswith(f"{name}: expected {sentence}")


def test_a_picture_is_kept_so_that_nobody_can_write_to_it():
    given = np.zeros((2, 2, 1))
    kept = PART["image"].check(given)
    assert (kept.dtype, kept.flags.writeable, given.flags.writeable) == (np.float32, False, True)
    assert PART["image"].check(kept) is kept


@pytest.mark.parametrize(
    ("name", "control"),
    [
        ("weight", "field"),
        ("rate", "slider"),
        ("limit", "select"),
        ("count", "field"),
        ("offset", "slider"),
        ("way", "select"),
        ("on", "checkbox"),
        ("span", "interval"),
        ("layer", "layer"),
        ("chosen", "filters"),
        ("place", "position"),
        ("image", "picture"),
    ],
)
def test_what_controls_it_follows_from_what_it_is(name, control):
    assert PART[name].control == control


def test_without_a_control_it_says_why():
    @dataclass(frozen=True)
    class Hidden:
        number: float = number(1.0, no_control="There is nothing to see of it.")

    assert parameters_of(Hidden)["number"].control == ""


def test_a_line_of_documentation():
    assert PART["rate"].said() == "rate (float > 0, default 0.5): "
    assert PART["share"].said().startswith("share (float from 0 to 1, default 0.25)")
    assert PART["way"].said().endswith(" One of 'up' or 'down'.")
    assert PART["limit"].said() == "limit (float > 0 or None, default None):  None: no limit."


def test_docstrings_are_filled_in_and_wrapped():
    @documented(Part)
    def function():
        """Do it.

        Args:
            weight: {weight} None leaves it out. {not_ours}
            {parameters}
        """

    lines = function.__doc__.split("\n")
    assert "            weight: Weight of it. None leaves it out. {not_ours}" in lines
    assert "            weight (float, default 2.0): Weight of it." in lines
    long = filled({"it": "word " * 60})(lambda: None)
    assert long.__doc__ is None  # as everything is with `python -OO`

    @filled({"it": "word " * 60})
    def other():
        """Say {it}"""

    first, *others = other.__doc__.split("\n")
    assert len(first) > 100
    assert all(len(line) <= parameters.WIDTH and line.startswith("    word") for line in others)


def test_a_class_that_declares_some_can_go():
    @dataclass(frozen=True)
    class Own:
        sigma: float = number(1.0)

    assert parameters_of(Own)["sigma"].check(2) == 2.0
    gone = weakref.ref(Own)
    del Own
    gc.collect()
    assert gone() is None


# --- Settings


@pytest.mark.parametrize("parameter", parameters_of(Settings).values(), ids=lambda parameter: parameter.name)
def test_every_setting_says_all_that_a_person_needs(parameter):
    assert parameter.label
    assert parameter.group in {"Target", "Recipe", "Losses", "Picture", "Transforms", "Optimizer", "Run"}
    assert len(parameter.help.split()) > 8
    assert parameter.help.endswith(".")
    assert "`" not in parameter.help  # it is read in a tooltip, too
    assert bool(parameter.control) != bool(parameter.no_control)
    if parameter.default is not dataclasses.MISSING and parameter.default is not None:
        assert parameter.check(parameter.default) == parameter.default


def test_what_a_change_does_follows_from_the_declarations():
    before = Settings(layer="a")
    effects = {"layer": RUN | COMPILE, "filter_indices": RUN, "position": RUN, "backprop_modifier": COMPILE}
    effects |= {"objective": RUN | COMPILE, "parametrization": RUN | COMPILE}
    effects |= {"class_loss": RUN | COMPILE, "preprocess": RUN | COMPILE}
    effects |= {"transforms": COMPILE, "optimizer": COMPILE}
    effects |= {"input_range": STEP | START, "seed": START, "seed_input": START, "seed_fit": START}
    assert {name: parameter.takes_effect for name, parameter in parameters_of(Settings).items()} == {
        name: effects.get(name, STEP) for name in parameters_of(Settings)
    }
    assert dataclasses.replace(before, filter_indices=3).target() != before.target()
    assert dataclasses.replace(before, filter_indices=3).graph() == before.graph()
    assert dataclasses.replace(before, backprop_modifier="guided").graph() != before.graph()
    assert dataclasses.replace(before, tv_weight=3).start() == before.start()
    one, same = (dataclasses.replace(before, seed_input=np.zeros(3)) for _ in range(2))
    assert one.start() != same.start()  # another picture, though it looks the same
    assert dataclasses.replace(one, tv_weight=3).start() == one.start()
