"""A rolled back challenger has one issue, with the figures, which a person closes."""

import json

import pytest

from github_stub import Fault, GitHubStub
from mlops.cli import main as mlops
from rollout_cases import SECOND, THIRD
from tickets import issues

WHY = "the challenger answered none of 40 requests"


@pytest.fixture
def stub(monkeypatch):
    """The API, and a token that may write issues."""
    with issues(GitHubStub(), "ghs_issues") as running:
        given = {"GITHUB_REPOSITORY": running.repository, "GITHUB_TOKEN": "ghs_issues", "GITHUB_API_URL": running.url}
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        yield running


def run(digest: str = SECOND.digest, step: str = "canary-01") -> int:
    """Run the verb with what `guard` said of prod."""
    said = {"environment": "prod", "step": step, "digest": digest, "model": SECOND.model, "why": WHY}
    return mlops(["alarm", "--breaches", json.dumps([said])])


def test_one_issue_a_challenger(stub):
    """Asked twice it is one; another challenger has its own, and so has another step."""
    assert (0, 0, 0, 0) == (run(), run(), run(THIRD.digest), run(step="canary-50"))
    assert [
        f"prod: challenger {digit * 12} is rolled back from canary-{step}"
        for digit, step in (("b", "01"), ("c", "01"), ("b", "50"))
    ] == [each["title"] for each in stub.issues]
    assert WHY in stub.issues[0]["body"]
    assert "docs/runbook.md" in stub.issues[0]["body"]


def test_the_chat_hears_it_once_where_two_runs_open_it_at_once(stub, chat, capsys):
    """The run that gives way says which one stays."""
    assert 0 == run()
    stub.faults.append(Fault("GET .*/issues$", 200, body=b"[]"))  # the second looked before the first had written
    assert 0 == run()
    assert ["open", "closed"] == [each["state"] for each in stub.issues]
    assert 1 == len(chat.texts)
    assert "alarm: #1 is about it already" in capsys.readouterr().out


def test_what_a_person_has_closed_is_not_opened_again(stub):
    """However long the alarm goes on."""
    assert 0 == run()
    stub.issues[0]["state"] = "closed"
    assert 0 == run()
    assert 1 == len(stub.issues)


def test_where_issues_are_off_it_is_said(stub, capsys):
    """And fails nothing."""
    stub.faults.append(Fault("GET .*/issues", 410))
    assert 0 == run()
    assert "because Issues are off" in capsys.readouterr().out


def test_any_other_refusal_is_an_error(stub, capsys):
    """Nobody would be told."""
    stub.faults.append(Fault("POST .*/issues", 403))
    assert 2 == run()
    assert "403" in capsys.readouterr().err


def test_the_chat_hears_each_issue_once(stub, chat, capsys):
    """With its figures; however long the alarm goes on, and also where a person has closed it."""
    assert (0, 0) == (run(), run())
    stub.issues[0]["state"] = "closed"
    assert 0 == run()
    assert [f"acme/loans: prod: challenger {'b' * 12} is rolled back from canary-01: {WHY}"] == chat.texts
    said = capsys.readouterr().out
    assert (1, 2) == tuple(
        said.count(each) for each in ("#1 is opened; webhook: the chat was told", "is about it already")
    )


def test_where_issues_are_off_the_chat_hears_it(stub, chat, capsys):
    """There is nothing else that tells people."""
    stub.faults.append(Fault("GET .*/issues", 410))
    assert 0 == run()
    assert [f"acme/loans: prod: {WHY}"] == chat.texts
    assert "because Issues are off; webhook: the chat was told\n" in capsys.readouterr().out


def test_a_chat_that_is_away_fails_nothing(stub, chat, capsys):
    """The issue is there, and the address is in no sentence."""
    chat.answers.append(500)
    assert 0 == run()
    said = capsys.readouterr().out
    assert "alarm: #1 is opened; webhook: nobody could be told (HTTPError 500)\n" in said
    assert (1, False) == (len(stub.issues), chat.url in said)
