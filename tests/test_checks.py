import numpy as np
import pytest

from actmax_widget import checks


def test_the_sentence_names_argument_expected_received_and_next_move():
    error = checks.invalid("tv_weight", "a finite number", "x", "Pass e.g. 10.", TypeError)
    assert isinstance(error, TypeError)
    assert str(error) == "tv_weight: expected a finite number, received 'x' (str). Pass e.g. 10."


def test_a_long_value_is_cut():
    assert len(str(checks.invalid("a", "b", "x" * 1000))) < 150


@pytest.mark.parametrize("value", ["1", b"1", None, [1], np.ones(2), True, 1j, object()])
def test_what_is_no_number_is_a_type_error(value):
    with pytest.raises(TypeError, match="w: expected a finite number"):
        checks.check_number("w", value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.float32("nan")])
def test_what_is_not_finite_is_a_value_error(value):
    with pytest.raises(ValueError, match="w: expected a finite number"):
        checks.check_number("w", value)


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3), np.array(3)])
def test_numbers_of_any_kind_are_taken(value):
    assert checks.check_number("w", value) == 3.0


def test_bounds():
    assert checks.check_number("w", 0, least=0) == 0
    with pytest.raises(ValueError, match="> 0"):
        checks.check_number("w", 0, above=0)
    with pytest.raises(ValueError, match=">= 0"):
        checks.check_number("w", -1, least=0)
    assert checks.check_number("w", 1, least=0, most=1) == 1
    for value in (-1, 2):
        with pytest.raises(ValueError, match="w: expected a finite number from 0 to 1,"):
            checks.check_number("w", value, least=0, most=1)
    with pytest.raises(ValueError, match="w: expected a finite number > 0 and <= 1,"):
        checks.check_number("w", 2, above=0, most=1)


@pytest.mark.parametrize("value", [2.0, "2", None, True, [2]])
def test_what_is_no_integer_is_a_type_error(value):
    with pytest.raises(TypeError, match="n: expected an integer"):
        checks.check_integer("n", value, least=0)


def test_integers_outside_of_the_bounds():
    for value in (-1, 11):
        with pytest.raises(ValueError, match="from 0 to 10"):
            checks.check_integer("n", value, least=0, most=10)
    assert checks.check_integer("n", np.int8(10), least=0, most=10) == 10


@pytest.mark.parametrize("value", [(255, 0), (1, 1), (0,), (0, 1, 2), (0, float("nan"))])
def test_a_bad_range_is_a_value_error(value):
    with pytest.raises(ValueError, match="input_range: expected "):
        checks.check_range(value)


@pytest.mark.parametrize("value", ["ab", 3, None, (0, "1")])
def test_what_is_no_range_is_a_type_error(value):
    with pytest.raises(TypeError, match="input_range: expected "):
        checks.check_range(value)


def test_a_range_keeps_its_numbers_as_they_are():
    low, high = checks.check_range([0, 255.0])
    assert isinstance(low, int)
    assert isinstance(high, float)


def test_a_seed():
    assert checks.check_seed(2**32 - 1) == 2**32 - 1
    with pytest.raises(ValueError, match="seed"):
        checks.check_seed(2**32)


def test_a_person_reads_neither_the_argument_nor_code():
    error = checks.invalid("jitter", "a finite number >= 0", -1, "Pass e.g. jitter=2.")
    assert str(error) == "jitter: expected a finite number >= 0, received -1 (int). Pass e.g. jitter=2."
    assert checks.in_words(error) == "This must be a number of at least 0, not -1."
    assert checks.in_words(checks.invalid("seed", "an integer", None)) == "This must be a whole number."


def test_an_error_of_somebody_else_is_said_as_it_is():
    assert checks.in_words(ValueError("No room.")) == "No room."
