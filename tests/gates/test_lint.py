"""Gate lint: the code is clean."""

import pytest

from judging import said
from mlops.gates import lint


def test_accepts_clean_code():
    """Nothing found passes."""
    assert "pass" == said(lint, lint="pass")[0].status


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("zizmor --offline", "zizmor --offline found something: run `make lint`"),
        ("ruff format, actionlint", "ruff format, actionlint found something: run `make format`, then `make lint`"),
        ("", "lint found something: run `make lint`"),
        ("PASS", "PASS found something: run `make lint`"),
    ],
)
def test_refuses_all_else(word, message):
    """Only the word pass passes; the message names the linters that failed, and what mends them or shows more."""
    (gate,) = said(lint, lint=word)
    assert ("fail", message) == (gate.status, gate.message)


def test_a_job_of_its_own_is_neutral():
    """Where lint is not part of the run, it is said, and is no pass."""
    (gate,) = said(lint, lint=None)
    assert ("neutral", "a job of its own") == (gate.status, gate.message)
