"""The pipeline's stages are tested on one thread, as every verb runs."""

import pytest

from tables import one_thread


@pytest.fixture(scope="session", autouse=True)
def _pinned():
    """On one thread."""
    with one_thread():
        yield
