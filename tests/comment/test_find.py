"""Which pull request a run judged, and what it touches."""

import pytest

from github_stub import SHA, finished_run, pull
from mlops.comment.find import pull_requests, touched
from mlops.github import GitHub


@pytest.fixture
def hub(stub):
    return GitHub(stub.repository, "ghs_clean", stub.url, backoff=0)


def numbers(hub, **event) -> list[int]:
    return [found["number"] for found in pull_requests(hub, finished_run(SHA, **event)["workflow_run"])]


def test_a_pull_request_from_a_branch_is_found(hub):
    """The branch, the commit and both repositories agree."""
    assert numbers(hub) == [7]


def test_a_pull_request_from_a_fork_is_found(stub, hub):
    """A fork's run names no pull request, so it is looked up by the fork's owner and branch."""
    stub.pulls = [pull(8, SHA, "main", "guest/loans")]
    assert numbers(hub, branch="main", source="guest/loans") == [8]
    assert stub.log[-1].query["head"] == "guest:main"


@pytest.mark.parametrize(
    "other",
    [
        pull(9, "c" * 40),
        pull(9, SHA, base="other/loans"),
        pull(9, SHA, source="acme/another-fork"),
        pull(9, SHA) | {"state": "closed"},
        pull(9, SHA) | {"head": {"sha": SHA, "ref": "feature", "user": {"login": "acme"}, "repo": None}},
    ],
    ids=["commit", "base", "source", "closed", "source is gone"],
)
def test_a_pull_request_that_differs_is_not_found(stub, hub, other):
    """One disagreement is enough: commit, base repository, source repository, state."""
    stub.pulls = [other]
    assert numbers(hub) == []


def test_a_run_of_a_deleted_fork_finds_nothing(hub):
    """Without a source repository nothing is asked."""
    run = finished_run(SHA)["workflow_run"] | {"head_repository": None}
    assert pull_requests(hub, run) == []


def test_a_branch_with_an_odd_name_is_one_parameter(stub, hub):
    """A branch name cannot add a parameter to the request."""
    stub.pulls = [pull(7, SHA, "a&state=all#x")]
    assert numbers(hub, branch="a&state=all#x") == [7]


def test_the_old_name_of_a_renamed_file_is_touched(stub, hub):
    """A protected file that is moved away counts."""
    stub.files[7] = [{"filename": "docs/x", "previous_filename": "params.yaml"}]
    assert touched(hub, 7) == ["docs/x", "params.yaml"]
