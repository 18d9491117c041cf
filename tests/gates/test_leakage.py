"""Gate leakage: no test row took part in training."""

from math import nan

import pytest

from judging import said
from mlops.gates import leakage


def test_accepts_test_rows_that_training_never_saw():
    """No shared id passes."""
    assert "pass" == said(leakage)[0].status


@pytest.mark.parametrize("shared", [1, 2000, None, nan])
def test_refuses_shared_ids(shared):
    """One shared id fails, and so does a count that was not made."""
    assert "fail" == said(leakage, shared_keys=shared)[0].status
