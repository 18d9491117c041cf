"""What effect and p make of a finding."""

from dataclasses import replace
from math import inf, nan

import pytest

from mlops import bootstrap
from mlops.drift.finding import KINDS, Finding, decided

TESTED = Finding("covariate", "age", "", "psi", 0.3, 0.25, 0.001, "")


def state(effect: float, p: float, limit: float = 0.25, critical: float = 3) -> str:
    """What a finding that is the only one of its window is."""
    (found,) = decided([replace(TESTED, effect=effect, p=p, limit=limit)], alpha=0.01, critical=critical)
    return found.state


@pytest.mark.parametrize(
    ("effect", "p", "expected"),
    [
        (0.3, 0.009, "drift"),
        (0.3, 0.01, "ok"),
        (0.25, 0.009, "ok"),
        (0.251, 0.009, "drift"),
        (-0.1, 0.0, "ok"),
        (0.75, 9e-7, "critical"),
        (0.75, 1e-6, "drift"),
        (0.749, 0.0, "drift"),
        (inf, 0.0, "critical"),
        (inf, 1.0, "ok"),
    ],
)
def test_a_difference_counts_where_it_is_both_sure_and_large(effect, p, expected):
    """p below alpha, and the effect above its limit; three times the limit with p below 1e-6 is critical."""
    assert expected == state(effect, p)


def test_what_does_not_count_is_not_critical():
    """Where the knob says that once the limit is enough, or the limit is 0."""
    assert "ok" == state(0.25, 0.0, critical=1)
    assert "ok" == state(0.0, 0.0, limit=0.0)


@pytest.mark.parametrize(("effect", "p"), [(nan, 0.001), (0.3, nan)])
def test_what_is_not_a_number_is_not_known(effect, p):
    """It is no test, and never ok."""
    (found,) = decided([replace(TESTED, effect=effect, p=p, note="lost")], alpha=0.01, critical=3)
    assert ("not known", None, None) == (found.state, found.effect, found.p)
    assert "age: lost" == found.sentence


def test_p_is_corrected_for_the_number_of_tests():
    """Holm's, by hand: the smallest times four, the next times three, and never falling."""
    found = decided([replace(TESTED, p=p) for p in (0.004, 0.001, 0.5, 0.003)], alpha=0.01, critical=3)
    assert pytest.approx([0.009, 0.004, 0.5, 0.009]) == [each.p for each in found]
    assert [each.p for each in found] == bootstrap.holm([0.004, 0.001, 0.5, 0.003]).tolist()
    assert ["drift", "drift", "ok", "drift"] == [each.state for each in found]


def test_one_test_among_many_has_to_be_surer():
    """0.009 of one test is drift, and of two it is not."""
    assert "drift" == state(0.3, 0.009)
    found = decided([replace(TESTED, p=p) for p in (0.009, 0.9)], alpha=0.01, critical=3)
    assert ["ok", "ok"] == [each.state for each in found]


def test_what_is_not_tested_stays_as_it_is():
    """It counts as no test either, and keeps its place."""
    rule = Finding("quality", "age", "", "not_be_null", 0.1, 0.0, None, "critical", "a tenth is missing")
    few = Finding("covariate", "income", "", "", None, None, None, "too few", "7 rows, and 500 are needed")
    tested = replace(TESTED, p=0.009)
    assert [rule, replace(tested, state="drift"), few] == decided([rule, tested, few], alpha=0.01, critical=3)


def test_no_findings_are_none():
    """Of a window without rows."""
    assert [] == decided([], alpha=0.01, critical=3)


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        (TESTED, "age: psi 0.3 (limit 0.25, p 0.001)"),
        (replace(TESTED, group="gender=female"), "age of gender=female: psi 0.3 (limit 0.25, p 0.001)"),
        (replace(TESTED, p=None, note="0.81 -> 0.78"), "age: psi 0.3 (limit 0.25): 0.81 -> 0.78"),
        (replace(TESTED, effect=None, note="7 rows, and 500 are needed"), "age: 7 rows, and 500 are needed"),
    ],
)
def test_a_finding_is_a_sentence(finding, expected):
    """The column and its group, effect, limit and p, and what there is to say about it."""
    assert expected == finding.sentence


def test_whichever_statistic_shows_it_is_the_same_thing_again():
    """Of one column in one group; another group or kind is another thing."""
    assert TESTED.key == replace(TESTED, statistic="ks", effect=0.9, p=None).key
    others = {"group": "gender=female", "what": "income", "kind": "skew"}
    assert TESTED.key not in [replace(TESTED, **{name: value}).key for name, value in others.items()]


def test_every_kind_has_a_clock_and_something_to_do():
    """Performance waits for labels; rows that are at fault are mended and not learned from."""
    assert {"closed", "settled"} == {clock for _, clock, _ in KINDS.values()}
    assert ["performance"] == [kind for kind, (_, clock, _) in KINDS.items() if clock == "settled"]
    assert ["quality", "skew"] == [kind for kind, (*_, answer) in KINDS.items() if answer == "mend"]
