"""YOURS: changes that must not change a decision."""

import numpy as np
import pytest


@pytest.mark.parametrize("column", ["gender", "race"])
def test_swapping_a_protected_column_keeps_the_decision(
    column, rows, decide, inputs, protected, cases, by_construction, limits
):
    """Each row's group replaced by another one of the same column: the decision stays."""
    if column not in inputs:
        by_construction(f"the model does not read {column}")
    values = np.array(protected[column])
    other = rows.assign(**{column: values[(rows[column].map(list(values).index) + 1) % len(values)]})
    cases(decide(other) == decide(rows), at_least=limits.invariance)


def test_a_day_later_is_the_same_decision(rows, decide, cases):
    """The day of the application is no reason."""
    cases(decide(rows.assign(applied_at=rows["applied_at"] + np.timedelta64(1, "D"))) == decide(rows))
