"""YOURS: changes that must not change a decision. Those of protected columns are made from data/contract.yaml."""

import numpy as np


def test_a_day_later_is_the_same_decision(rows, decide, cases):
    """The day of the application is no reason."""
    cases(decide(rows.assign(applied_at=rows["applied_at"] + np.timedelta64(1, "D"))) == decide(rows))
