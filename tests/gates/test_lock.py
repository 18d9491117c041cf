"""Gate lock: dvc.lock and metrics.json tell the truth."""

import pytest

from judging import said
from mlops.gates import lock


@pytest.mark.parametrize("status", ["pass", "warn", "fail"])
def test_says_what_was_found_about_the_lock(status):
    """A fresh lock passes, one made fresh on a laptop warns, a stale one fails; the message is the one that was found."""
    (gate,) = said(lock, lock={"status": status, "message": "why"})
    assert (status, "why") == (gate.status, gate.message)


def test_refuses_a_lock_that_was_not_looked_at():
    """Nothing known about the lock fails."""
    (gate,) = said(lock, lock={})
    assert ("fail", "dvc.lock was not looked at") == (gate.status, gate.message)


def test_refuses_a_state_that_nobody_knows():
    """A state outside the five cannot be said."""
    with pytest.raises(ValueError, match="'fresh' is no status"):
        said(lock, lock={"status": "fresh"})


def test_is_called_lock():
    """The title says what was looked at, not how it is: it may be stale."""
    assert ["Lock"] == [gate.title for gate in said(lock)]
