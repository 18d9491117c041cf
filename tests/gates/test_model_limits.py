"""Gate model_limits: the service can carry the model."""

from math import inf, nan

import pytest

from judging import knobs, said
from mlops.gates import model_limits

LIMITS = knobs({"model": {"size_mb": 2, "latency_ms": 1}})


def judged(**changes) -> list[str]:
    return [gate.status for gate in said(model_limits, params=LIMITS, **changes)]


def test_accepts_a_small_and_fast_model():
    """On the limits is inside."""
    assert ["pass", "pass"] == judged(size_mb=2, latency_ms=1)


@pytest.mark.parametrize("value", [2.1, None, nan, inf])
def test_refuses_a_large_model(value):
    """A file beyond its limit fails, and so does one that was not measured."""
    assert ["fail", "pass"] == judged(size_mb=value)


@pytest.mark.parametrize("value", [1.1, None, nan, inf])
def test_refuses_a_slow_model(value):
    """A single row that takes too long fails, and so does one that was not timed."""
    assert ["pass", "fail"] == judged(latency_ms=value)
