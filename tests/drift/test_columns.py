"""Covariate and prediction drift: which columns, scores and groups are held against the reference."""

import numpy as np
import pandas as pd
import pytest

from drift_cases import knobs, table, visits
from mlops.drift import columns
from mlops.drift.finding import CRITICAL, DRIFT, FEW, OK, Finding, decided
from mlops.drift.looked import look

KNOBS = knobs().drift
NUMBERS, VALUES = {"psi", "ks", "wasserstein"}, {"psi", "cramers_v"}


def found(reference: pd.DataFrame, current: pd.DataFrame) -> list[Finding]:
    """What is said of rows, against others."""
    return list(columns.check(look([reference], table()), look([current], table()), KNOBS))


def scored(count: int = 1000, seed: int = 0, **more) -> pd.DataFrame:
    """Rows with a score."""
    return visits(count, seed=seed, **{"_score": np.random.default_rng(seed + 9).random(count)} | more)


def loud(said: list[Finding]) -> set[tuple[str, str]]:
    """(group, what) that counts."""
    return {(each.group, each.what) for each in decided(said, 0.01, 3) if each.state in (DRIFT, CRITICAL)}


def test_each_column_has_the_statistics_of_its_kind():
    """With their limits, and a p that is not corrected yet; scores are predictions."""
    said = found(scored(), scored(seed=1))
    whole = {(each.kind, each.what): set() for each in said if not each.group}
    for each in said:
        if not each.group:
            whole[each.kind, each.what].add(each.statistic)
    assert {
        ("covariate", "amount"): NUMBERS,
        ("covariate", "items"): NUMBERS,
        ("covariate", "city"): VALUES,
        ("covariate", "member"): VALUES,
        ("covariate", "gender"): VALUES,
        ("prediction", "_score"): NUMBERS,
    } == whole
    assert {("psi", 0.2), ("ks", 0.1), ("wasserstein", 0.1), ("cramers_v", 0.15)} == {
        (each.statistic, each.limit) for each in said
    }
    assert all(0 <= each.p <= 1 for each in said)


def test_equal_rows_are_quiet_in_all_groups():
    """Each group is there, and none of it counts."""
    said = found(scored(), scored(seed=1))
    assert {"", "city=north", "city=south", "gender=f", "gender=m"} == {each.group for each in said}
    assert {OK} == {each.state for each in decided(said, 0.01, 3)}


def test_a_column_that_moves_is_found_and_only_that_one():
    """In all rows and in each group."""
    said = found(scored(), scored(seed=1).assign(amount=lambda frame: frame["amount"] / 2))
    groups = ("", "city=north", "city=south", "gender=f", "gender=m")
    assert {(group, "amount") for group in groups} == loud(said)


def test_a_group_alone_may_move():
    """Which all rows together hardly show."""
    current = scored(4000, seed=1)
    south = current["city"] == "south"
    current = current.assign(
        member=current["member"].where(~south, current["member"].sample(frac=1, random_state=0).to_numpy() | True)
    )
    assert ("city=south", "member") in loud(found(scored(4000), current))
    assert ("city=north", "member") not in loud(found(scored(4000), current))


def test_scores_of_several_classes_are_predictions_each():
    """By their columns."""
    one, other = (visits(200, seed=seed, _score_a=0.1 * seed, _score_b=0.5) for seed in (0, 1))
    said = [each for each in found(one, other) if each.kind == "prediction" and not each.group]
    assert {"_score_a", "_score_b"} == {each.what for each in said}


def test_of_few_rows_that_is_said_once_a_column_and_of_groups_nothing():
    """99 say nothing; of 150 the groups are too small."""
    few = found(scored(), scored(99))
    assert {FEW} == {each.state for each in few}
    assert ["amount", "items", "city", "member", "gender", "_score"] == [each.what for each in few]
    assert {"99 rows, and 100 are needed"} == {each.note for each in few}
    assert {""} == {each.group for each in found(scored(), scored(150))}
    assert {FEW} == {each.state for each in found(scored(99), scored())}
    assert FEW not in {each.state for each in found(scored(100), scored(100))}


def test_a_column_that_only_one_side_has_is_not_compared():
    """A new one has no past, one that is gone no present; nor has a new group."""
    without = scored().drop(columns="member")
    for one, other in ((without, scored()), (scored(), without)):
        assert "member" not in {each.what for each in found(one, other)}
    assert {"", "city=north", "gender=f", "gender=m"} == {
        each.group for each in found(scored(city="north"), scored(seed=1))
    }


def test_a_new_category_is_drift():
    """Of values that the reference has never seen."""
    assert {("", "city")} <= loud(found(scored(), scored(city="west")))


@pytest.mark.parametrize("column", ["amount", "items"])
def test_numbers_that_are_gone_are_drift(column):
    """By the index, which has a bin for them."""
    said = found(scored(), scored(seed=1, **{column: np.nan}))
    assert {"psi"} == {each.statistic for each in said if each.what == column}
    assert ("", column) in loud(said)
