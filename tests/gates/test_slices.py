"""Gate slices: no group of rows is worse off, and many groups make no false alarm."""

from dataclasses import replace
from math import nan

import numpy as np
import pytest

from judging import CITIES, blurred, evidence, first_run, holding, knobs, said, world
from mlops.bootstrap import Difference
from mlops.gates import slices
from mlops.gates.result import Evidence


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


def test_accepts_groups_that_keep_their_worth():
    """No group lost anything that matters."""
    (gate,) = said(slices)
    assert "pass" == gate.status
    assert gate.message.startswith("0 of 6 groups got worse by more than 0.05 ROC AUC; the lowest changes: ")


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
    assert ("neutral", "no group has 5000 rows of each class: too few to judge") == (gate.status, gate.message)


def test_a_first_run_is_neutral():
    """Without a baseline there is nothing to compare, which is said."""
    (gate,) = said(slices, first_run())
    assert ("neutral", first_run().no_baseline) == (gate.status, gate.message)
    assert said(slices, replace(first_run(), no_baseline=""))[0].message
