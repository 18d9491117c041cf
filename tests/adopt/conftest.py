"""A file that a test writes, read and planned as `make adopt` does."""

from pathlib import Path

import pytest

from mlops.adopt.plan import Asked, Plan
from mlops.adopt.read import SEPARATED, opened
from mlops.adopt.table import plan
from tables import one_thread


@pytest.fixture(scope="session", autouse=True)
def _pinned():
    """On one thread."""
    with one_thread():
        yield


@pytest.fixture
def written(tmp_path):
    """A function: text or bytes -> the file that holds them."""

    def write(content: str | bytes, name: str = "t.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def planned(written):
    """A function: text, bytes, columns or a file, target and the words of `make adopt` -> the plan."""

    def make(content, target: str = "y", **asked) -> Plan:
        if isinstance(content, dict):
            content = csv(content)
        path = content if isinstance(content, Path) else written(content)
        with opened(path, target) as (rows, words):
            delimiter = ";" if SEPARATED.format(";") in words else ""
            return plan(rows, Asked(target, **asked), "t", delimiter)

    return make


def csv(columns: dict) -> str:
    """The text of a CSV file with these columns."""
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    return "\n".join(lines) + "\n"
