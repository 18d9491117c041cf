"""A process is ready between its start and SIGTERM."""

import pytest

from mlops.serve.settings import Settings
from mlops.serve.state import State


@pytest.mark.parametrize(
    ("started", "draining", "ready"),
    [(False, False, False), (True, False, True), (True, True, False), (False, True, False)],
)
def test_ready_is_started_and_not_draining(started, draining, ready):
    """Before and after, requests are sent elsewhere."""
    assert ready == State(Settings(), started, draining).ready
