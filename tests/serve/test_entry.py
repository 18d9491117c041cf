"""What waits in the queue is not looked at by the garbage collector: at thousands a second it would look again and again."""

import gc

import pytest

from mlops.serve.entry import Asked, Entry

ASKED = Asked("r", "none", None, 0.0)


@pytest.mark.parametrize("waiting", [ASKED, Entry(0.0, ASKED, None, 0.5, True, None, 1.0)])
def test_what_waits_is_not_tracked(waiting):
    """It holds no reference back to itself."""
    assert not gc.is_tracked(waiting)
