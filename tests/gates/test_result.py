"""What every gate returns: states that everyone counts, limits that NaN never keeps."""

from math import inf, nan

import pytest

from mlops.gates.result import STATUSES, Gate, decimals, form, limit, number


@pytest.mark.parametrize("status", STATUSES)
def test_gate_accepts_the_five_states(status):
    """pass, warn, fail, neutral and waived are states."""
    assert status == Gate("lint", "Lint", status, None, None, "").status


@pytest.mark.parametrize("status", ["ok", "error", "PASS", "", None])
def test_gate_refuses_any_other_state(status):
    """A state that nobody counts as a failure would be a pass."""
    with pytest.raises(ValueError, match="is no status"):
        Gate("lint", "Lint", status, None, None, "")


@pytest.mark.parametrize(("observed", "above"), [(1, False), (2, False), (2, True), (3, True), (-5, False)])
def test_limit_passes_inside_and_on_it(observed, above):
    """At most 2, or with `above` at least 2."""
    assert "pass" == limit("floor", "x", observed, 2, "", above=above).status


@pytest.mark.parametrize(
    ("observed", "above"),
    [(3, False), (1, True), (2 + 1e-9, False), *((v, a) for v in (None, nan, inf, -inf) for a in (0, 1))],
)
def test_limit_fails_beyond_it_and_without_a_number(observed, above):
    """What is beyond the limit fails, and so does what is no number, on both sides."""
    assert "fail" == limit("floor", "x", observed, 2, "", above=bool(above)).status


@pytest.mark.parametrize("above", [True, False])
def test_limit_fails_where_the_limit_is_no_number(above):
    """Nothing is inside a limit of NaN."""
    assert "fail" == limit("floor", "x", 1, nan, "", above=above).status


def test_limit_says_what_is_no_number():
    """The message names what was looked for, and nothing is shown as seen."""
    gate = limit("floor", "ROC AUC floor", nan, 0.7, "at least 0.7")
    assert (None, "ROC AUC floor is not a number: at least 0.7") == (gate.observed, gate.message)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.81897049, 0.81897), (1.04e-05, 1.04e-05), (0, 0.0), (-0.0, 0.0), (nan, None), (-inf, None), (None, None)],
)
def test_number_keeps_six_digits_and_no_nan(value, expected):
    """Small numbers keep their digits, so that a limit of 0.00001 can be read beside what was seen."""
    assert expected == number(value)


def test_no_change_has_no_sign():
    """-0 is 0 in verdict.json."""
    assert "0.0" == str(number(-0.0))


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((0.8024, 0.81), "0.8024"),
        ((0.0001234567, 0.0001), "0.0001235"),
        ((0.0001234567, 2.0), "0.0001"),
        ((53210.25,), "53210.2500"),
        ((1.5e-12, nan, None), "1.500e-12"),
        ((0.0, 0.0), "0.0000"),
    ],
)
def test_form_shows_four_digits_of_the_largest_beside_each_other(values, shown):
    """Four decimals, more where the largest value is small, and an exponent where that would be a long row of noughts."""
    assert shown == format(values[0], form(*values))


@pytest.mark.parametrize("value", [nan, inf, None])
def test_form_is_the_usual_one_without_a_number(value):
    """What is no number has no scale."""
    assert (4, ".4f") == (decimals(value), form(value))
