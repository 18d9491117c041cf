"""Distances between two windows: those of scipy, honest without drift, and told of what they are there for."""

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from mlops.drift import distance, summary
from mlops.drift.distance import Distance
from mlops.drift.summary import Numbers, Values

ROWS = [(400, 400), (3_000, 250), (250, 3_000)]  # of the reference, of the window


def numbers(rows) -> Numbers:
    """A column of numbers."""
    found = Numbers()
    found.add(np.asarray(rows, dtype=float))
    return found


def of_numbers(reference, current) -> dict[str, Distance]:
    """{name: distance}."""
    return {each.name: each for each in distance.of_numbers(numbers(reference), numbers(current))}


def of_values(reference: dict, current: dict) -> dict[str, Distance]:
    """{name: distance}, of counts."""
    found = distance.of_values(Values(Counter(reference)), Values(Counter(current)))
    return {each.name: each for each in found}


def counts(random, rows: int, shares) -> dict:
    """How often each value comes in rows that are drawn."""
    return {f"v{place}": int(count) for place, count in enumerate(random.multinomial(rows, shares)) if count}


def zipf(values: int, exponent: float) -> np.ndarray:
    """The shares of values of which few are usual and most are rare."""
    shares = np.arange(1.0, values + 1) ** -exponent
    return shares / shares.sum()


def shown(p_values, below: float) -> int:
    """How many are below, as a z-score of what chance has; 0 is as many as it should be."""
    expected = len(p_values) * below
    return (sum(p < below for p in p_values) - expected) / (expected * (1 - below)) ** 0.5


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("digits", [9, 1, 0])
def test_both_distances_of_numbers_are_those_of_scipy(rows, digits):
    """With ties within a window and between both, and windows of unequal size."""
    random = np.random.default_rng(digits)
    one, other = random.normal(size=rows[0]).round(digits), random.normal(0.2, 1.1, size=rows[1]).round(digits)
    found, largest = of_numbers(one, other), stats.ks_2samp(one, other, method="asymp").statistic
    assert pytest.approx(largest) == found["ks"].effect
    assert pytest.approx(stats.kstwobign.sf(largest * (rows[0] * rows[1] / sum(rows)) ** 0.5)) == found["ks"].p
    assert pytest.approx(stats.wasserstein_distance(one, other) / one.std()) == found["wasserstein"].effect
    assert found["ks"].p == found["wasserstein"].p


def test_the_index_is_of_the_tenths_of_the_reference_and_of_missing_values():
    """0 to 99, and all of the window in its first tenth, or missing."""
    reference, current = numbers(range(100)), numbers([5.0] * 90 + [np.nan] * 10)
    expected = distance.stability([10] * 10 + [0], [90] + [0] * 9 + [10])
    found = distance.of_numbers(reference, current)[0]
    assert pytest.approx((expected.effect, expected.p)) == (found.effect, found.p)


def test_equal_windows_are_not_apart():
    """Less than chance has it, so the index is below 0."""
    found = of_numbers(range(500), range(500))
    assert found["psi"].effect < 0
    assert [0, 0] == [found[name].effect for name in ("ks", "wasserstein")]
    assert [1, 1, 1] == [pytest.approx(each.p) for each in found.values()]


@pytest.mark.parametrize("rows", ROWS)
def test_without_drift_the_index_is_zero_on_average_and_its_p_uniform(rows):
    """p is below 0.05 as often as it should be, give or take three standard errors; so is that of Kolmogorov and Smirnov."""
    random = np.random.default_rng(0)
    drawn = [of_numbers(*(random.normal(size=count) for count in rows)) for _ in range(300)]
    effects = [each["psi"].effect for each in drawn]
    assert abs(np.mean(effects)) < 4 * np.std(effects) / len(effects) ** 0.5
    for name in ("psi", "ks"):
        p_values = [each[name].p for each in drawn]
        assert [] == [below for below in (0.05, 0.5) if abs(shown(p_values, below)) > 3.5]


def test_effects_do_not_grow_with_the_rows():
    """A shift of a fifth of a standard deviation, in 1,000 rows and in 100,000: one limit holds for both."""
    random = np.random.default_rng(0)
    small, large = (of_numbers(random.normal(size=9_000), random.normal(0.2, 1, count)) for count in (1_000, 100_000))
    assert {} == {name: each for name, each in large.items() if abs(each.effect - small[name].effect) > 0.04}
    assert all(each.p < 1e-4 for each in (*small.values(), *large.values()))


def test_missing_values_alone_move_the_index():
    """The numbers are as they were, so no distance between them does."""
    random = np.random.default_rng(0)
    one, other = random.normal(size=4_000), random.normal(size=1_000)
    found = of_numbers(one, np.where(np.arange(1_000) < 100, np.nan, other))
    assert (0.2 < found["psi"].effect, found["psi"].p < 1e-6) == (True, True)
    assert found["ks"].p > 0.01
    assert of_numbers(one, other)["psi"].p > 0.01


@pytest.mark.parametrize("gone", ["reference", "current"])
def test_a_column_without_a_number_is_told_by_the_index_alone(gone):
    """Between numbers and none there is no other distance."""
    rows, none = np.arange(600.0), np.full(600, np.nan)
    found = of_numbers(*((none, rows) if gone == "reference" else (rows, none)))
    assert ["psi"] == list(found)
    assert (1 < found["psi"].effect, found["psi"].p < 1e-6) == (True, True)


def test_a_column_that_never_had_a_number_has_not_changed():
    """It has one bin."""
    assert {"psi": Distance("psi", 0.0, 1.0)} == of_numbers(np.full(600, np.nan), np.full(600, np.nan))


def test_a_constant_that_stays_has_not_changed():
    """Nothing is apart."""
    assert [("psi", 0, 1), ("ks", 0, 1)] == [
        (each.name, each.effect, each.p) for each in of_numbers([0.1] * 600, [0.1] * 600).values()
    ]


@pytest.mark.parametrize("to", [0.2, 0.0])
def test_a_constant_that_moves_is_told(to):
    """Up and down; in standard deviations of a constant nothing can be measured."""
    found = of_numbers([0.1] * 600, [to] * 600)
    assert ["psi", "ks"] == list(found)
    assert (1, True) == (found["ks"].effect, found["ks"].p < 1e-6)


def test_a_column_that_becomes_constant_is_told():
    """By all three."""
    found = of_numbers(np.arange(600.0), [300.0] * 600)
    assert ["psi", "ks", "wasserstein"] == [name for name, each in found.items() if each.effect > 0.3 and each.p < 1e-6]


def test_a_sketch_is_as_far_as_the_numbers_within_its_error(monkeypatch):
    """All three statistics; an error of either window moves the largest difference of ranks at most by itself."""
    random = np.random.default_rng(0)
    one, other = random.normal(size=60_000), random.normal(0.1, 1.2, size=30_000)
    exact = of_numbers(one, other)
    monkeypatch.setattr(summary, "EXACT", 10_000)
    sketched, error = of_numbers(one, other), numbers(one).error + numbers(other).error
    assert 0 < error
    assert pytest.approx(exact["ks"].effect, abs=error) == sketched["ks"].effect
    assert pytest.approx(exact["wasserstein"].effect, abs=10 * error) == sketched["wasserstein"].effect
    assert pytest.approx(exact["psi"].effect, abs=10 * error) == sketched["psi"].effect


def test_a_sketch_is_held_against_numbers(monkeypatch):
    """A reference beyond the size, and a window below it."""
    random = np.random.default_rng(0)
    one, other = random.normal(size=30_000), random.normal(0.1, 1, size=2_000)
    exact = of_numbers(one, other)
    monkeypatch.setattr(summary, "EXACT", 10_000)
    assert pytest.approx(exact["ks"].effect, abs=numbers(one).error) == of_numbers(one, other)["ks"].effect


@pytest.mark.parametrize("rows", ROWS)
def test_the_p_of_values_is_pearsons(rows):
    """As scipy has it, without a correction for continuity."""
    random = np.random.default_rng(0)
    one, other = counts(random, rows[0], [0.5, 0.3, 0.2]), counts(random, rows[1], [0.45, 0.32, 0.23])
    expected = stats.chi2_contingency([list(one.values()), list(other.values())], correction=False)
    assert pytest.approx(expected.pvalue) == of_values(one, other)["cramers_v"].p


def test_cramers_v_of_equal_windows_is_that_of_the_textbook_less_its_null_mean():
    """The root of chi squared over all rows, where chi squared is one degree of freedom a value but one."""
    one, other = {"a": 500, "b": 300, "c": 200}, {"a": 400, "b": 300, "c": 300}
    table = [list(one.values()), list(other.values())]
    squared = stats.contingency.association(table, method="cramer") ** 2
    assert pytest.approx((squared - 2 / 2_000) ** 0.5) == of_values(one, other)["cramers_v"].effect


def test_cramers_v_does_not_shrink_with_a_smaller_window():
    """A tenth of the rows, and the same shares: the textbook's would be half as large."""
    reference = {"a": 5_000, "b": 3_000, "c": 2_000}
    equal = of_values(reference, {"a": 4_000, "b": 3_000, "c": 3_000})["cramers_v"].effect
    tenth = of_values(reference, {"a": 400, "b": 300, "c": 300})["cramers_v"].effect
    assert pytest.approx(equal, rel=0.05) == tenth
    textbook = stats.contingency.association([[5_000, 3_000, 2_000], [400, 300, 300]], method="cramer")
    assert textbook < 0.65 * equal


@pytest.mark.parametrize("reference", [{"a": 18_000, "b": 18_000}, {"a": 300, "b": 300}])
def test_a_value_that_only_one_window_has_is_told(reference):
    """One that is new in a tenth of the rows, None too; and one that is gone."""
    for new in ("c", None):
        found = of_values(reference, {"a": 300, "b": 240, new: 60})
        assert all(each.effect > 0.15 and each.p < 1e-6 for each in found.values())
    found = of_values({**reference, "c": 2_000}, {"a": 300, "b": 300})
    assert all(each.effect > 0.15 and each.p < 1e-6 for each in found.values())


def test_a_value_that_a_few_rows_have_is_not_told():
    """Three of 600: chance has that."""
    found = of_values({"a": 18_000, "b": 18_000, "c": 100}, {"a": 300, "b": 297, "c": 3})
    assert [] == [name for name, each in found.items() if each.p < 0.05]


@pytest.mark.parametrize("kind", ["constant", "all of them rare"])
def test_values_that_cannot_differ_do_not(kind):
    """One value in both, or none in more than a row or two: those are texts, and no categories."""
    one, other = ({"a": 600}, {"a": 500})
    if kind != "constant":
        one, other = ({f"{side}{place}": 1 for place in range(600)} for side in "xy")
    assert {"psi": Distance("psi", 0, 1), "cramers_v": Distance("cramers_v", 0, 1)} == of_values(one, other)


def test_a_constant_that_becomes_another_is_told():
    """As far as it goes: Cramer's V is 1."""
    found = of_values({"a": 600}, {"b": 600})
    assert pytest.approx(1, abs=0.01) == found["cramers_v"].effect
    assert all(each.p < 1e-6 for each in found.values())


@pytest.mark.parametrize(("values", "exponent"), [(5, 1), (300, 1), (300, 1.5), (2_000, 1)])
@pytest.mark.parametrize("rows", [(36_000, 500), (500, 500)])
def test_without_drift_values_are_told_no_more_often_than_chance_has_it(values, exponent, rows):
    """Few values or many, of which most are in fewer rows than the chi-squared distribution needs: a p below 0.001 in 1 % at most."""
    random, shares = np.random.default_rng(0), zipf(values, exponent)
    drawn = [of_values(*(counts(random, count, shares) for count in rows)) for _ in range(300)]
    assert abs(np.mean([each["psi"].effect for each in drawn])) < 0.01
    for name in ("psi", "cramers_v"):
        p_values = [each[name].p for each in drawn]
        assert [] == [below for below in (0.05, 0.5) if shown(p_values, below) > 3.5]
        assert sum(p < 0.001 for p in p_values) <= 3


@pytest.mark.parametrize("new", [40, 100])
def test_a_new_value_is_told_among_many_rare_ones(new):
    """In more rows than chance has it, so that it is not one of them."""
    random, shares = np.random.default_rng(0), zipf(300, 1)
    reference, current = counts(random, 36_000, shares), counts(random, 500 - new, shares)
    assert all(each.effect > 0.15 and each.p < 1e-6 for each in of_values(reference, current | {"new": new}).values())
    assert all(each.effect < 0.1 for each in of_values(reference, current).values())
