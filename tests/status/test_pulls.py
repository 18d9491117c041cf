"""The bots' open pull requests, at GitHub's stub; who may not be asked is said."""

from datetime import UTC, datetime

import pytest

from github_stub import SHA, Fault, GitHubStub, pull
from mlops.errors import CannotRun
from mlops.github import GitHub, GitHubError
from mlops.status.pulls import NO_GITHUB, NO_TOKEN, Pull, asked, pulls
from remote import git, pull_requests

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CREATED = "2026-03-01T12:00:00Z"


@pytest.fixture
def stub():
    """The API, with one pull request of a bot and a token that may read it and its checks."""
    with GitHubStub() as running:
        pull_requests(running)
        running.tokens["ghs_read"] = {"pull-requests": "read", "actions": "read"}
        running.pulls.append(opened(7, "promote/prod"))
        yield running


@pytest.fixture
def nobody(tmp_path, monkeypatch):
    """A repository without a remote, and nobody logged in."""
    (tmp_path / "gh").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (tmp_path / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    git(tmp_path, "init", "-q")
    monkeypatch.chdir(tmp_path)
    return {"PATH": str(tmp_path)}


def opened(number: int, branch: str, source: str = "acme/loans") -> dict:
    """A pull request as the API shows it."""
    return pull(number, SHA, branch, source) | {"title": f"From {branch}", "created_at": CREATED}


def told(stub, checks: bool = True) -> list[Pull]:
    """What is told by that token."""
    return pulls(GitHub(stub.repository, "ghs_read", stub.url, backoff=0.01), checks=checks)


@pytest.mark.parametrize(
    ("concluded", "said"), [({SHA: "success"}, "success"), ({SHA: None}, "running"), ({}, "not started")]
)
def test_a_pull_request_of_a_bot_has_the_state_of_its_checks(stub, concluded, said):
    """Of its head commit."""
    stub.concluded = concluded
    assert [Pull(7, "From promote/prod", AT, said)] == told(stub)


@pytest.mark.parametrize("branch", ["deploy/staging", "rollback/prod", "revert/aaaaaaaaaaaa", "retrain/prod"])
def test_every_kind_of_bot_is_told_the_newest_first(stub, branch):
    """By the branches that they propose."""
    stub.pulls.append(opened(9, branch))
    assert [9, 7] == [each.number for each in told(stub)]


@pytest.mark.parametrize(
    ("branch", "source"), [("feature", "acme/loans"), ("promoted", "acme/loans"), ("promote/prod", "mallory/loans")]
)
def test_a_persons_branch_and_a_forks_are_left_out(stub, branch, source):
    """Whatever the fork has called its branch."""
    stub.pulls.append(opened(9, branch, source))
    assert [7] == [each.number for each in told(stub)]


def test_a_fork_that_was_deleted_is_left_out(stub):
    """The API says null of it."""
    stub.pulls.append(opened(9, "promote/prod"))
    stub.pulls[-1]["head"]["repo"] = None
    assert [7] == [each.number for each in told(stub)]


def test_where_checks_are_not_wanted_they_are_not_asked(stub):
    """One request is all."""
    assert [Pull(7, "From promote/prod", AT, "")] == told(stub, checks=False)
    assert ["GET pulls"] == stub.calls()


def test_a_token_that_may_not_read_actions_leaves_the_checks_open(stub):
    """The pull request is told all the same."""
    stub.tokens["ghs_read"] = {"pull-requests": "read"}
    assert [Pull(7, "From promote/prod", AT, "")] == told(stub)
    assert ["actions=read"] == [each.rpartition(" ")[2] for each in stub.refused]
    stub.refused.clear()


def test_a_refusal_and_a_failure_are_sentences(stub):
    """The list itself may not be read; GitHub fails over the checks."""
    stub.faults.append(Fault("GET .*/runs", 500))
    with pytest.raises(GitHubError, match="GitHub answered 500"):
        told(stub)
    stub.tokens["ghs_read"] = {}
    with pytest.raises(GitHubError, match="grant pull_requests=read"):
        told(stub)
    stub.refused.clear()


def test_who_is_asked_is_what_the_environment_says(stub):
    """As a workflow step has it."""
    env = {"GITHUB_TOKEN": "ghs_read", "GITHUB_REPOSITORY": "acme/loans", "GITHUB_API_URL": stub.url}
    hub, why = asked(env)
    assert (GitHub("acme/loans", "ghs_read", stub.url), "") == (hub, why)


def test_on_a_laptop_the_repository_is_origins(nobody, tmp_path):
    """And the token that of the environment, or of `gh`."""
    git(tmp_path, "remote", "add", "origin", "git@github.com:acme/loans.git")
    hub, _ = asked(nobody | {"GITHUB_TOKEN": "ghs_read"})
    assert "acme/loans" == hub.repository


def test_without_a_token_or_a_repository_nobody_is_asked(nobody):
    """Which of both is missing is said."""
    assert (None, NO_TOKEN) == asked(nobody | {"GITHUB_REPOSITORY": "acme/loans"})
    assert (None, NO_GITHUB) == asked(nobody | {"GITHUB_TOKEN": "ghs_read"})


def test_a_repository_that_is_none_is_refused(nobody):
    """The sentence names the variable."""
    with pytest.raises(CannotRun, match="GITHUB_REPOSITORY is 'loans'"):
        asked(nobody | {"GITHUB_TOKEN": "ghs_read", "GITHUB_REPOSITORY": "loans"})
