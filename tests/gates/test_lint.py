"""Gate lint: the code is clean."""

import pytest

from judging import said
from mlops.gates import lint


def test_accepts_clean_code():
    """Nothing found passes."""
    assert "pass" == said(lint, lint="pass")[0].status


@pytest.mark.parametrize("word", ["fail", "error", "", "PASS"])
def test_refuses_all_else(word):
    """Only the word pass passes, and the message says which command shows more."""
    (gate,) = said(lint, lint=word)
    assert ("fail", "run `make lint` and mend what it names") == (gate.status, gate.message)


def test_a_job_of_its_own_is_neutral():
    """Where lint is not part of the run, it is said, and is no pass."""
    (gate,) = said(lint, lint=None)
    assert ("neutral", "a job of its own") == (gate.status, gate.message)
