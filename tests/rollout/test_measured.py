"""What nobody has measured is not taken for nought."""

from mlops.rollout.measured import Arm, Measured


def test_what_is_not_known_is_none():
    """Counts begin at nought; times, errors and comparisons do not."""
    assert (0, None, None, None, ()) == (Arm().requests, Arm().failed, Arm().p98, Arm().p99, Arm().scores)
    assert (None, None) == (Measured(60).agreement, Measured(60).worse)
