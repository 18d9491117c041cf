"""Which pull request of a branch is meant, and what GitHub is asked to do with it."""

import pytest

from github_stub import Fault, GitHubStub, pull
from mlops.delivery import pull_request
from mlops.github import GitHub, GitHubError
from remote import ASKED, pull_requests

HEAD, MERGED = "a" * 40, "2026-01-01T00:00:00Z"
PERSONS = ASKED | {"enabled_by": {"login": "ann", "type": "User"}}
CLEAN = "Pull request Pull request is in clean status"
REFUSED = "Pull request Auto merge is not allowed for this repository"


@pytest.fixture
def stub():
    """The API with a main, and a branch that has a commit of its own."""
    with GitHubStub() as running:
        yield pull_requests(running, {"main": "b" * 40, "deploy/dev": HEAD, "same": "b" * 40, "gone": ""}.get)


@pytest.fixture
def hub(stub):
    """The client, with an App's token."""
    return GitHub(stub.repository, "ghs_app", stub.url, backoff=0)


def there(stub, number: int = 7, branch: str = "deploy/dev", **values) -> dict:
    """A pull request that is there."""
    stub.pulls.append(pull(number, HEAD, branch) | {"title": "one", "body": "why"} | values)
    return stub.pulls[-1]


def keep(hub, branch: str = "deploy/dev") -> dict | None:
    """Keep the pull request of a branch that none was found of."""
    return pull_request.keep(hub, None, branch, "one", "why")


def test_the_newest_pull_request_of_a_branch_is_found(stub, hub):
    """Of its own state, and of this repository's branch."""
    for number in (7, 9, 8):
        there(stub, number, state="closed")
    there(stub, 10, branch="other")
    stub.pulls.append(pull(11, HEAD, "deploy/dev", source="fork/loans"))
    assert pull_request.find(hub, "deploy/dev") is None
    for number in (5, 6, 4):
        there(stub, number)
    assert 6 == pull_request.find(hub, "deploy/dev")["number"]


@pytest.mark.parametrize("merged", [None, MERGED])
def test_a_title_that_was_merged_or_closed_is_settled(stub, hub, merged):
    """By the newest closed pull request of the branch."""
    there(stub, 7, state="closed")
    there(stub, 8, state="closed", merged_at=merged)
    assert (8, merged) == tuple(
        pull_request.settled(hub, "deploy/dev", "one")[name] for name in ("number", "merged_at")
    )


@pytest.mark.parametrize("newest", [{"title": "two"}, {"state": "open"}, {"branch": "other"}])
def test_another_title_is_not_settled(stub, hub, newest):
    """Nor what is open, or another branch's."""
    there(stub, **({"state": "closed"} | newest))
    assert pull_request.settled(hub, "deploy/dev", "one") is None


def test_what_a_bot_has_closed_settles_nothing(stub, hub):
    """Its title says so, and what a person did before it still counts."""
    found = there(stub, 7, auto_merge=ASKED)
    pull_request.retire(hub, found, "main has it")
    assert ("closed", "Outdated: one", None) == tuple(found[name] for name in ("state", "title", "auto_merge"))
    assert ["main has it"] == [each["body"] for each in stub.comments[7]]
    assert pull_request.settled(hub, "deploy/dev", "one") is None
    there(stub, 6, state="closed", merged_at=MERGED)
    assert 6 == pull_request.settled(hub, "deploy/dev", "one")["number"]


def test_one_that_a_person_reopened_is_closed_by_the_same_title(stub, hub):
    """However often."""
    found = there(stub, 7)
    for _ in range(2):
        pull_request.retire(hub, found | {"title": stub.pulls[0]["title"]}, "main has it")
    assert ("Outdated: one", 1) == (stub.pulls[0]["title"], len(stub.comments[7]))


def test_only_the_newest_closed_one_counts(stub, hub):
    """A title that was declined before another was merged may come again."""
    there(stub, 7, state="closed")
    there(stub, 8, state="closed", title="two", merged_at=MERGED)
    assert pull_request.settled(hub, "deploy/dev", "one") is None


def test_a_pull_request_is_opened_or_brought_up_to_date(stub, hub):
    """Changed only where it says something else."""
    made = keep(hub)
    assert ("one", "why", "main") == (made["title"], made["body"], made["base"]["ref"])
    for _ in range(2):
        found = pull_request.find(hub, "deploy/dev")
        pull_request.keep(hub, found, "deploy/dev", "two", "why")
    assert ["two"] == [each["title"] for each in stub.pulls]
    assert 1 == len([call for call in stub.calls() if call.startswith("PATCH")])


def test_one_that_another_run_has_opened_meanwhile_is_kept(stub, hub):
    """GitHub refuses a second of a branch: the first is brought up to date."""
    there(stub, title="of the other run")
    assert 7 == keep(hub)["number"]
    assert ["one"] == [each["title"] for each in stub.pulls]


def test_one_that_exists_and_cannot_be_found_is_an_error(stub, hub):
    """Never a third try."""
    there(stub)
    stub.faults.append(Fault("GET .*/pulls$", 200, body=b"[]"))
    with pytest.raises(GitHubError, match="A pull request already exists for acme:deploy/dev"):
        keep(hub)


@pytest.mark.parametrize(
    ("branch", "said"), [("same", "No commits between main and same"), ("gone", "Validation Failed")]
)
def test_a_branch_without_a_commit_of_its_own_is_an_error(hub, branch, said):
    """As GitHub says it."""
    with pytest.raises(GitHubError, match=said):
        keep(hub, branch)


def test_where_actions_may_open_none_there_is_none(stub, hub):
    """That is a setting; a missing permission is an error."""
    refusal = b'{"message": "GitHub Actions is not permitted to create or approve pull requests."}'
    stub.faults.append(Fault("POST", 403, body=refusal))
    assert keep(hub) is None
    stub.faults.append(Fault("POST", 403))
    with pytest.raises(GitHubError, match="GitHub answered 403"):
        keep(hub)


def test_a_comment_is_written_once(stub, hub):
    """Another text is another comment."""
    found = there(stub)
    for text in ("a", "a", "b"):
        pull_request.comment(hub, found, text)
    assert ["a", "b"] == [each["body"] for each in stub.comments[7]]


def test_checks_are_started_once_a_commit(stub):
    """By a job's token, whose pull requests start none."""
    hub = GitHub(stub.repository, "ghs_bot", stub.url, backoff=0)
    for _ in range(2):
        pull_request.check(hub, "deploy/dev", HEAD)
    assert [("pull-request.yml", "deploy/dev")] == stub.dispatched


def test_github_merges_once_the_checks_are_green(stub, hub):
    """It is asked once."""
    found = there(stub)
    for _ in range(2):
        assert "GitHub merges it once every rule of main holds" == pull_request.merge(hub, found, HEAD)
    assert ["POST /graphql"] == stub.calls()


@pytest.mark.parametrize("reason", [REFUSED, "Pull request Pull request is in unstable status"])
def test_what_github_does_not_merge_by_itself_waits_for_a_person(stub, hub, reason):
    """With its reason; it is never merged directly, green or not."""
    found, stub.no_auto_merge, stub.concluded[HEAD] = there(stub), reason, "success"
    assert f"it waits for a person: {reason}" == pull_request.merge(hub, found, HEAD)
    assert ["POST /graphql"] == stub.calls()


def test_what_is_green_already_is_merged(stub, hub):
    """GitHub sets no merge for later on what it calls clean."""
    found, stub.no_auto_merge, stub.concluded[HEAD] = there(stub), CLEAN, "success"
    assert "merged: its checks are green" == pull_request.merge(hub, found, HEAD)
    assert {"sha": HEAD, "merge_method": "squash"} == stub.log[-1].body
    assert stub.pulls[0]["merged_at"]


@pytest.mark.parametrize("concluded", [{}, {HEAD: None}, {HEAD: "failure"}, {"c" * 40: "success"}])
def test_what_is_clean_for_want_of_a_required_check_is_not_merged(stub, hub, concluded):
    """A repository without a ruleset calls a commit clean that no check has looked at, and one whose checks failed."""
    found, stub.no_auto_merge, stub.concluded = there(stub), CLEAN, concluded
    assert "its checks are not green yet, and nothing requires them" in pull_request.merge(hub, found, HEAD)
    assert stub.pulls[0]["merged_at"] is None


def test_a_branch_that_has_moved_since_is_not_merged(stub, hub):
    """Somebody pushed between: GitHub says so."""
    found, stub.no_auto_merge, stub.concluded["d" * 40] = there(stub), CLEAN, "success"
    said = pull_request.merge(hub, found, "d" * 40)
    assert "it waits for a person: Head branch was modified. Review and try the merge again." == said
    assert stub.pulls[0]["merged_at"] is None


def test_a_token_that_may_not_merge_leaves_it_to_a_person(stub, hub):
    """The pull request is there all the same."""
    found = there(stub)
    stub.tokens["ghs_app"]["contents"] = "read"
    assert "it waits for a person: contents=write" == pull_request.merge(hub, found, HEAD)
    stub.refused.clear()


def test_no_answer_is_no_refusal(stub, hub):
    """Whether it merges is not known: that is an error."""
    found = there(stub)
    stub.faults.append(Fault("graphql", 502))
    with pytest.raises(GitHubError, match="GitHub answered 502"):
        pull_request.merge(hub, found, HEAD)


@pytest.mark.parametrize("asked", [ASKED, {"merge_method": "squash", "enabled_by": None}])
@pytest.mark.parametrize("everybody", [True, False])
def test_a_merge_that_a_bot_has_asked_for_is_stopped(stub, hub, asked, everybody):
    """Once: the next time nothing is on its way."""
    there(stub, auto_merge=asked)
    assert "#7 does not merge itself any more" == pull_request.stop(hub, "deploy/dev", everybody=everybody)
    assert (None, "open") == (stub.pulls[0]["auto_merge"], stub.pulls[0]["state"])
    assert "" == pull_request.stop(hub, "deploy/dev", everybody=everybody)
    assert 1 == stub.calls().count("POST /graphql")


@pytest.mark.parametrize(("everybody", "left"), [(True, None), (False, PERSONS)])
def test_a_merge_that_a_person_has_asked_for_is_stopped_only_where_it_is_meant(stub, hub, everybody, left):
    """A pause means everybody's."""
    there(stub, auto_merge=PERSONS)
    assert (left is None) == bool(pull_request.stop(hub, "deploy/dev", everybody=everybody))
    assert left == stub.pulls[0]["auto_merge"]


@pytest.mark.parametrize("more", [{}, {"state": "closed"}, {"branch": "other", "auto_merge": ASKED}])
def test_where_nothing_merges_itself_nothing_is_stopped(stub, hub, more):
    """Nor another branch's."""
    there(stub, **more)
    assert "" == pull_request.stop(hub, "deploy/dev", everybody=True)
    assert ["GET pulls"] == stub.calls()


def test_a_merge_that_github_does_not_stop_is_a_persons_to_close(stub, hub):
    """A job's own token may be refused: that is said, with the reason."""
    there(stub, auto_merge=ASKED)
    stub.no_stop = "Resource not accessible by integration"
    said = pull_request.stop(hub, "deploy/dev", everybody=True)
    assert "#7: GitHub refuses to stop its auto-merge: Resource not accessible by integration: close #7" == said
    stub.tokens["ghs_app"]["contents"] = "read"
    assert "stop its auto-merge: contents=write: close #7" in pull_request.stop(hub, "deploy/dev", everybody=True)
    stub.refused.clear()


def test_no_answer_to_a_stop_is_an_error(stub, hub):
    """Whether it is stopped is not known."""
    there(stub, auto_merge=ASKED)
    stub.faults.append(Fault("graphql", 502))
    with pytest.raises(GitHubError, match="GitHub answered 502"):
        pull_request.stop(hub, "deploy/dev", everybody=True)


def test_what_is_green_is_merged_at_the_commit_that_was_pushed(stub, hub):
    """And at no other one."""
    pull = there(stub)
    stub.green = stub.bypass = True
    assert "is green and waits for a person: Head branch was modified" in pull_request.finish(
        hub, "deploy/dev", "c" * 40, 0
    )
    assert "#7 is merged" == pull_request.finish(hub, "deploy/dev", HEAD, 0)
    assert "closed" == pull["state"]


def test_checks_that_are_not_done_in_time_leave_it_to_a_person(stub, hub):
    """Nothing is merged, and nothing fails."""
    there(stub)
    stub.bypass = True
    assert "#7 waits for a person: its checks were not done in 0 s" == pull_request.finish(
        hub, "deploy/dev", HEAD, 0, 0
    )


def test_what_goes_elsewhere_than_to_main_is_not_merged(stub, hub):
    """Nor what is not there."""
    there(stub)["base"]["ref"] = "other"
    stub.green = stub.bypass = True
    for branch in ("deploy/dev", "gone"):
        assert f"{branch} has no open pull request to main: nothing is merged" == pull_request.finish(
            hub, branch, HEAD, 0
        )


def test_an_outage_while_it_is_merged_is_an_error(stub, hub):
    """Nobody knows whether it was."""
    there(stub)
    stub.green = stub.bypass = True
    stub.faults.append(Fault("PUT .*/merge", 502))
    with pytest.raises(GitHubError):
        pull_request.finish(hub, "deploy/dev", HEAD, 0)
