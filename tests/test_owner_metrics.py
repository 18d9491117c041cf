"""The owner's metric: what each decision is worth."""

import numpy as np
import pytest

from model.metrics import MISSED, REFUSED, per_row


@pytest.mark.parametrize(("target", "decision", "expected"), [(0, 0, 0), (1, 1, 0), (1, 0, -MISSED), (0, 1, -REFUSED)])
@pytest.mark.parametrize("kind", [bool, int, float])
def test_a_right_decision_costs_nothing_and_a_wrong_one_its_price(target, decision, expected, kind):
    """Decisions may come as truth values or as numbers."""
    found = per_row(np.array([target]), np.array([0.5]), np.array([decision], dtype=kind))
    assert {"value": [expected]} == {name: list(values) for name, values in found.items()}


def test_there_is_one_value_a_row():
    """Its mean over rows is the metric."""
    random = np.random.default_rng(0)
    target, score = random.integers(2, size=50), random.random(50)
    assert {(50,)} == {values.shape for values in per_row(target, score, score > 0.5).values()}


def test_a_missed_default_costs_more_than_a_customer_turned_away():
    """Higher is better, so costs are negative."""
    assert -MISSED < -REFUSED < 0
