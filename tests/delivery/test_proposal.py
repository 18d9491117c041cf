"""A bot's pull request is one, however often it is made; what a person did stays."""

import pytest

from github_stub import Fault, GitHubStub
from mlops.delivery import proposal
from mlops.delivery.proposal import EMAIL, Proposal
from mlops.errors import CannotRun
from mlops.github import GitHub
from remote import Remote, git, pull_requests

FILES = {"manifests/a.yaml": "a: 1 # why\n", "README.md": "hello\n"}
WANTED = Proposal("deploy/dev", "Deploy abc to dev", "What it is.\n", {"manifests/a.yaml": "a: 2 # why\n"})


@pytest.fixture
def stub(remote):
    """The API, as a job's token may use it."""
    with GitHubStub() as running:
        yield pull_requests(running, remote.head)


@pytest.fixture
def hub(stub):
    """The client."""
    return GitHub(stub.repository, "ghs_bot", stub.url, backoff=0)


@pytest.fixture
def remote(tmp_path):
    """Main with two files."""
    return Remote(tmp_path, FILES)


def changed(**values) -> Proposal:
    """The proposal with other values."""
    return Proposal(**(vars(WANTED) | values))


def propose(hub, wanted, remote) -> str:
    """Propose it on today's main."""
    return proposal.propose(hub, wanted, proposal.fetched(hub, remote.path), remote.path)


def test_a_pull_request_is_one_commit_on_main(stub, hub, remote):
    """The files and no others, by the bot; its checks are started, and nothing of the checkout has moved."""
    assert "#100 proposes: Deploy abc to dev" == propose(hub, WANTED, remote)
    head = remote.head("deploy/dev")
    assert [remote.head("main"), EMAIL] == git(remote.bare, "show", "--no-patch", "--format=%P %ce", head).split()
    assert "manifests/a.yaml" == git(remote.bare, "diff", "--name-only", "main", head)
    assert "a: 2 # why" == remote.text("deploy/dev", "manifests/a.yaml")
    (pull,) = stub.pulls
    assert ("deploy/dev", "main", "What it is.\n") == (pull["head"]["ref"], pull["base"]["ref"], pull["body"])
    assert [("pull-request.yml", "deploy/dev")] == stub.dispatched
    assert ("main", "") == (git(remote.path, "branch", "--show-current"), git(remote.path, "status", "--porcelain"))


def test_the_same_again_changes_nothing(stub, hub, remote):
    """No push, no second pull request, no second run."""
    propose(hub, WANTED, remote)
    before = remote.head("deploy/dev")
    assert "#100 still proposes: Deploy abc to dev" == propose(hub, WANTED, remote)
    assert (before, 1, 1) == (remote.head("deploy/dev"), len(stub.pulls), len(stub.dispatched))


def test_something_newer_takes_its_place(stub, hub, remote):
    """The branch is made anew on today's main, and the pull request says what it is now."""
    propose(hub, WANTED, remote)
    remote.merge({"README.md": "new\n"})
    newer = changed(title="Deploy def to dev", files={"manifests/a.yaml": "a: 3 # why\n"})
    assert "#100 proposes: Deploy def to dev" == propose(hub, newer, remote)
    assert ("a: 3 # why", "new") == tuple(remote.text("deploy/dev", name) for name in FILES)
    assert ["Deploy def to dev"] == [pull["title"] for pull in stub.pulls]
    assert remote.head("main") == git(remote.bare, "rev-parse", "deploy/dev^")


def test_what_main_has_is_not_proposed(stub, hub, remote):
    """After the merge."""
    remote.merge(WANTED.files)
    assert "nothing to propose: main has what deploy/dev would bring" == propose(hub, WANTED, remote)
    assert ("", []) == (remote.head("deploy/dev"), stub.pulls)


def test_a_branch_that_a_person_has_committed_to_is_theirs(stub, hub, remote):
    """It gets one comment, and no push."""
    propose(hub, WANTED, remote)
    theirs = remote.commit("deploy/dev", {"manifests/a.yaml": "a: 9\n"})
    newer = changed(title="Deploy def to dev", files={"manifests/a.yaml": "a: 3\n"})
    for _ in range(2):
        assert "has a commit of a person's, so it is not pushed to" in propose(hub, newer, remote)
    assert theirs == remote.head("deploy/dev")
    (comment,) = stub.comments[100]
    assert "What the bot would propose now: Deploy def to dev" in comment["body"]


def test_a_runner_that_died_after_its_push_is_made_good(stub, hub, remote):
    """The branch is there and the pull request is not: the next run opens it."""
    stub.faults.append(Fault("POST .*/pulls$", 500))
    with pytest.raises(CannotRun, match="GitHub answered 500"):
        propose(hub, WANTED, remote)
    pushed = remote.head("deploy/dev")
    assert "#100 still proposes: Deploy abc to dev" == propose(hub, WANTED, remote)
    assert (pushed, 1) == (remote.head("deploy/dev"), len(stub.pulls))
    assert [("pull-request.yml", "deploy/dev")] == stub.dispatched


def test_checks_that_could_not_be_started_are_started_by_the_next_run(stub, hub, remote):
    """Once a commit."""
    stub.faults.append(Fault("POST .*/dispatches$", 500))
    with pytest.raises(CannotRun, match="GitHub answered 500"):
        propose(hub, WANTED, remote)
    for _ in range(2):
        propose(hub, WANTED, remote)
    assert [("pull-request.yml", "deploy/dev")] == stub.dispatched


def test_a_merge_between_is_not_undone(stub, hub, remote):
    """The files were made of a main that is older by now: the branch stands on that one, and git tells who merges."""
    main = proposal.fetched(hub, remote.path)
    remote.merge({"manifests/a.yaml": "a: 7\n"})
    proposal.propose(hub, WANTED, main, remote.path)
    assert main == git(remote.bare, "rev-parse", "deploy/dev^")


def test_a_repository_that_lets_no_bot_open_pull_requests_is_given_a_link(stub, hub, remote):
    """The branch is pushed, and a person opens it."""
    refusal = b'{"message": "GitHub Actions is not permitted to create or approve pull requests."}'
    stub.faults.append(Fault("POST .*/pulls$", 403, body=refusal))
    said = propose(hub, WANTED, remote)
    assert said.endswith("open it: https://github.com/acme/loans/compare/deploy/dev?expand=1")
    assert remote.head("deploy/dev")


def test_another_refusal_is_no_advice_to_open_it_by_hand(stub, hub, remote):
    """The token lacks a permission: that is said."""
    stub.faults.append(Fault("POST .*/pulls$", 403))
    with pytest.raises(CannotRun, match="GitHub answered 403"):
        propose(hub, WANTED, remote)


def test_a_push_at_the_same_moment_is_not_overwritten(stub, hub, remote, monkeypatch):
    """The lease is on what was seen: who comes second is refused, changes nothing, and may run again."""
    propose(hub, WANTED, remote)
    seen = proposal._remote

    def meanwhile(hub, branch, root):
        found = seen(hub, branch, root)
        git(remote.bare, "update-ref", f"refs/heads/{branch}", remote.head("main"))
        return found

    monkeypatch.setattr(proposal, "_remote", meanwhile)
    with pytest.raises(CannotRun, match="deploy/dev could not be pushed .*nothing was changed; run this job again"):
        propose(hub, changed(files={"manifests/a.yaml": "a: 3\n"}), remote)
    assert remote.head("main") == remote.head("deploy/dev")


def test_the_token_is_on_no_command_line_and_in_no_file(stub, hub, remote, monkeypatch):
    """Others read the first, and an artifact may hold the second."""
    said = []
    run = proposal.subprocess.run
    monkeypatch.setattr(proposal.subprocess, "run", lambda words, **more: (said.append(words), run(words, **more))[1])
    propose(hub, WANTED, remote)
    assert not [words for words in said if "ghs_bot" in " ".join(words)]
    assert "extraheader" not in (remote.path / ".git/config").read_text()
