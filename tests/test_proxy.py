"""Proxies: what the model's inputs tell about a protected column that it never reads."""

from math import nan

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from mlops.proxy import auc_error, strongest

COLUMNS = [
    {"name": "amount", "type": "number", "categories": []},
    {"name": "city", "type": "category", "categories": ["A", "B"]},
]


def world(rows: int = 2000, seed: int = 0, told: float = 0.0, **columns) -> pd.DataFrame:
    """Rows of two groups; `told` is how far the amount of group m is above that of group f, in standard deviations."""
    random = np.random.default_rng(seed)
    gender = random.choice(["f", "m"], rows)
    usual = {
        "gender": gender,
        "amount": random.normal(size=rows) + told * (gender == "m"),
        "city": random.choice(["A", "B"], rows),
    }
    return pd.DataFrame(usual | columns)


def found(train: pd.DataFrame, test: pd.DataFrame, name: str = "gender", min_rows: int = 50):
    with threadpool_limits(1):  # as the command line pins it: more threads wait for each other
        return strongest(train, test, name, COLUMNS, min_rows)


def test_finds_a_column_that_gives_the_group_away():
    """An amount that depends on the group tells it with a high AUC, sure to a few hundredths."""
    proxy = found(world(told=2), world(seed=1, told=2))
    assert proxy.auc > 0.85
    assert proxy.se < 0.02


@pytest.mark.parametrize("name", ["amount", "city"])
def test_names_the_input_that_gives_the_group_away(name):
    """A number or a category, missing values or not, with about the AUC that it has alone."""
    train, test = (world(seed=seed, told=2 * (name == "amount")) for seed in (0, 1))
    for frame in (train, test):
        if name == "city":
            frame["city"] = np.where(frame["gender"] == "m", "A", "B")
        frame.loc[::10, name] = None
    proxy = found(train, test)
    assert name == proxy.column
    assert pytest.approx(proxy.auc, abs=0.03) == proxy.alone


def test_an_input_that_tells_only_with_another_is_less_alone():
    """A group that is the parity of two inputs is told by both together, and by none alone."""
    train, test = (world(seed=seed) for seed in (0, 1))
    for frame in (train, test):
        frame["gender"] = np.where((frame["amount"] > 0) == (frame["city"] == "A"), "m", "f")
    proxy = found(train, test)
    assert proxy.auc > 0.95
    assert proxy.alone < 0.6


def test_an_input_that_is_always_missing_tells_nothing():
    """It is not the one that is named."""
    train, test = (world(seed=seed, told=2, city=None) for seed in (0, 1))
    assert "amount" == found(train, test).column


def test_finds_nothing_in_noise():
    """Inputs that have nothing to do with the group stay within two errors of 0.5."""
    proxy = found(world(), world(seed=1))
    assert abs(proxy.auc - 0.5) < 2.5 * proxy.se


def test_finds_a_category_that_gives_the_group_away():
    """A city where one group lives tells it."""
    train, test = (world(seed=seed) for seed in (0, 1))
    for frame in (train, test):
        frame["city"] = np.where(frame["gender"] == "m", "A", "B")
    assert 1.0 == found(train, test).auc


def test_learns_from_all_of_a_table_that_is_sorted_by_group():
    """More rows than are learned from, one group after the other: both are seen."""
    train = world(50_000, told=2).sort_values("gender")
    assert found(train, world(seed=1, told=2)).auc > 0.85


def test_names_the_group_that_is_told_best():
    """Of three groups, the one that stands apart."""
    gender = np.resize(["f", "m", "x"], 1500)
    train, test = (world(1500, seed, gender=gender) for seed in (0, 1))
    for frame in (train, test):
        frame["amount"] += 2 * (frame["gender"] == "x")
    assert "x" == found(train, test).group


def test_a_number_of_many_values_is_looked_at_in_fifths():
    """Age as a protected column is five groups, not one a year, and an amount that rises with age tells the ends."""
    train, test = (world(seed=seed, age=np.random.default_rng(seed).integers(18, 90, 2000)) for seed in (0, 1))
    for frame in (train, test):
        frame["amount"] += frame["age"] / 10
    proxy = found(train, test, "age")
    assert proxy.group in ("fifth 1", "fifth 5")
    assert proxy.auc > 0.85


def test_rows_without_a_group_are_left_out():
    """Missing values are no group."""
    train, test = (world(seed=seed, told=2) for seed in (0, 1))
    for frame in (train, test):
        frame.loc[::10, "gender"] = None
    assert found(train, test).group in ("f", "m")


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (world(gender="f"), world(seed=1)),  # one group to learn from
        (world(), world(seed=1, gender=None)),  # no group in the test rows
        (world(), world(60, 1)),  # too few test rows of each
        (world().head(0), world(seed=1)),
        (world(), world().head(0)),
        (world(amount=None, city=None), world(seed=1)),  # nothing to learn from
    ],
)
def test_too_few_rows_are_none(train, test):
    """Where no two groups can be told apart with rows enough, there is nothing to say."""
    assert None is found(train, test)


def test_error_of_an_auc_is_that_of_hanley_and_mcneil():
    """100 rows a class and no skill: sqrt((0.25 + 2 * 99 / 12) / 10,000)."""
    assert pytest.approx(np.sqrt((0.25 + 2 * 99 * (1 / 3 - 1 / 4)) / 10_000)) == auc_error(0.5, 100, 100)
    assert 0.0 == auc_error(1.0, 100, 100)
    assert np.isnan(auc_error(nan, 100, 100))
