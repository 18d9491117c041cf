"""Gate slices: no group of rows is worse off, and many groups make no false alarm."""

from dataclasses import replace
from math import nan

import numpy as np
import pytest

from judging import CITIES, TABLES, TASKS, WORLDS, blurred, evidence, first_run, holding, knobs, said, world
from mlops.bootstrap import Difference
from mlops.gates import slices
from mlops.gates.result import Evidence

FEW = "no group has enough rows (gates.slices.min_class_rows is 5000): too few to judge"


def twenty_cities(seed: int, worse: str = "") -> Evidence:
    """20 groups of 200 rows; main and candidate see the cause through the same noise, but for one city."""
    target, truth = world(4000, seed)
    city = np.random.default_rng(seed).permutation(np.resize(CITIES, 4000))
    main, score = (blurred(truth, seed + other, 1.2) for other in (100, 200))
    score = np.where(city == worse, np.random.default_rng(seed).random(4000), score)
    return evidence(target, score, main, city=city)


def one(delta: float, half: float, **gates):
    """The gate's word on one group with this change and symmetric interval."""
    change = Difference(0.8, 0.8 + delta, delta, delta - half, delta + half, half / 1.96, 2000)
    (gate,) = said(slices, slice_differences=dict.fromkeys(holding().slice_differences, change), params=knobs(gates))
    return gate


@pytest.mark.parametrize(
    ("task", "metric"), [("binary", "ROC AUC"), ("multiclass", "Macro F1"), ("regression", "RMSE")]
)
def test_accepts_groups_that_keep_their_worth(task, metric):
    """No group lost anything that matters."""
    (gate,) = said(slices, holding(task))
    assert "pass" == gate.status
    assert gate.message.startswith(f"0 of 6 groups got worse by more than 0.05 {metric}; the lowest changes: ")


@pytest.mark.parametrize("task", TASKS)
def test_refuses_a_group_that_is_worse_in_every_task(task):
    """One city of four whose scores see the cause through much noise fails and is named."""
    target, truth = WORLDS[task](4000)
    city = np.array(CITIES)[np.arange(4000) % 4]
    at = (city == "C02").reshape(-1, *[1] * (truth.ndim - 1))
    found = evidence(target, np.where(at, blurred(truth, 2, 3), truth), truth, contract=TABLES[task], city=city)
    (gate,) = said(slices, found)
    assert "fail" == gate.status
    assert "these: city=C02 " in gate.message


def test_twenty_unchanged_groups_do_not_fail():
    """In six worlds the adjusted intervals pass an unchanged recipe; 'any group 0.05 worse' would fail most of them."""
    worlds = [twenty_cities(seed) for seed in range(6)]
    plain = [min(each.delta for each in found.slice_differences.values()) < -0.05 for found in worlds]
    assert ["pass"] * 6 == [said(slices, found)[0].status for found in worlds]
    assert sum(plain) >= 4


def test_refuses_a_group_that_is_truly_worse():
    """One city among twenty whose scores mean nothing fails in every world, and is named with both values."""
    gates = [said(slices, twenty_cities(seed, worse="C07"))[0] for seed in range(3)]
    assert ["fail"] * 3 == [gate.status for gate in gates]
    assert all("1 of 22 groups got worse" in gate.message and "these: city=C07 0." in gate.message for gate in gates)


def test_says_how_many_are_uncertain():
    """A group that may have lost more than the margin passes, and is counted."""
    gate = one(-0.04, 0.05)
    assert "pass" == gate.status
    assert "6 may have: too few rows to tell" in gate.message


@pytest.mark.parametrize(("delta", "half"), [(nan, 0.01), (-0.1, nan)])
def test_refuses_a_group_without_a_number(delta, half):
    """NaN in a group's change or interval fails."""
    assert "fail" == one(delta, half).status


def test_a_group_without_a_number_is_named_first():
    """What could not be measured stands before what got worse."""
    broken = Difference(nan, nan, nan, nan, nan, nan, 0)
    (gate,) = said(slices, slice_differences=holding().slice_differences | {"gender=f": broken})
    assert ("fail", None) == (gate.status, gate.observed)
    assert "these: gender=f nan -> nan" in gate.message


def test_a_loss_that_rises_in_a_group_is_worse():
    """Where lower is better, a rise fails and a fall passes."""
    assert ["fail", "pass"] == [one(delta, 0.01, primary="log_loss").status for delta in (0.1, -0.1)]


def test_refuses_groups_that_were_not_measured():
    """A group with rows enough that nobody measured fails: the slices are not quietly empty."""
    (gate,) = said(slices, slice_differences={})
    assert "fail" == gate.status
    assert "has rows enough to judge, and was not measured" in gate.message


def test_too_few_rows_are_neutral():
    """Groups that are too small to judge are no pass."""
    few = knobs({"slices": {"min_class_rows": 5000}})
    (gate,) = said(slices, slice_differences={}, params=few)
    assert ("neutral", FEW) == (gate.status, gate.message)


def test_a_contract_without_groups_is_said():
    """Where it names neither slices nor protected columns, no limit of rows is to blame."""
    none = holding().slices[[]]
    (gate,) = said(slices, slices=none, slice_differences={})
    words = "data/contract.yaml names no slices and no protected columns, so there are no groups to compare"
    assert ("neutral", words) == (gate.status, gate.message)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_too_few_rows_are_neutral_in_every_task(task):
    """Of several classes and of numbers it is twice `min_class_rows` that a group needs in all."""
    whole = holding(task)
    for least, expected in ((250, "fail"), (251, "neutral")):  # 1,000 rows are 500 of each gender
        (gate,) = said(slices, whole, slice_differences={}, params=knobs({"slices": {"min_class_rows": least}}, task))
        assert expected == gate.status


def test_a_first_run_is_neutral():
    """Without a baseline there is nothing to compare, which is said."""
    (gate,) = said(slices, first_run())
    assert ("neutral", first_run().no_baseline) == (gate.status, gate.message)
    assert said(slices, replace(first_run(), no_baseline=""))[0].message


@pytest.mark.parametrize(("name", "sign"), [("roc_auc", -1), ("log_loss", 1)])
def test_what_is_seen_is_what_the_worst_group_lost(name, sign):
    """It stands beside the limit: above 0 it got worse, whichever way the metric is better."""
    change = holding().slice_differences["gender=f"]
    lost = replace(change, delta=0.2 * sign, low=0.15 * sign, high=0.25 * sign)
    found = dict.fromkeys(holding().slice_differences, lost)
    gate = said(slices, params=knobs({"primary": name}), slice_differences=found)[0]
    assert (0.2, 0.05) == (gate.observed, gate.threshold)
