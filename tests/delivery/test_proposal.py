"""A bot's pull request is one, however often it is made; what a person did stays."""

import pytest

from github_stub import Fault, GitHubStub
from mlops.delivery import overlay, proposal
from mlops.delivery.proposal import EMAIL, Proposal
from mlops.errors import CannotRun
from mlops.github import GitHub
from remote import ASKED, Remote, git, pull_requests

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


def propose(hub, wanted, remote, **how) -> str:
    """Propose it on today's main."""
    return proposal.propose(hub, wanted, proposal.fetched(hub, remote.path), remote.path, **how)


NEWER = changed(title="Deploy def to dev", files={"manifests/a.yaml": "a: 3 # why\n"})


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
    assert "#100 proposes: Deploy def to dev" == propose(hub, NEWER, remote)
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
    for _ in range(2):
        assert "has a commit of a person's, so it is not pushed to" in propose(hub, NEWER, remote)
    assert theirs == remote.head("deploy/dev")
    (comment,) = stub.comments[100]
    assert "What the bot would propose now: Deploy def to dev" in comment["body"]


def test_what_a_person_closed_is_not_proposed_again(stub, hub, remote):
    """The next day's run leaves it, whether its branch is still there or not, and says how to have it back."""
    propose(hub, WANTED, remote)
    stub.pulls[0]["state"] = "closed"
    remote.merge({"README.md": "the next day\n"})
    before, sentence = (
        remote.head("deploy/dev"),
        "nothing to propose: #100 proposed this and was closed unmerged: reopen it, and the next run",
    )
    assert propose(hub, WANTED, remote).startswith(sentence)
    assert before == remote.head("deploy/dev")
    git(remote.bare, "update-ref", "-d", "refs/heads/deploy/dev")
    assert propose(hub, WANTED, remote).startswith(sentence)
    assert ("", 1, 1) == (remote.head("deploy/dev"), len(stub.pulls), len(stub.dispatched))


def test_a_newer_image_is_proposed_anew_after_a_person_closed_one(stub, hub, remote):
    """In a pull request of its own; closed in its turn, it is the newest that counts."""
    propose(hub, WANTED, remote)
    stub.pulls[0]["state"] = "closed"
    assert "#101 proposes: Deploy def to dev" == propose(hub, NEWER, remote)
    stub.pulls[1]["state"] = "closed"
    assert "#101 proposed this and was closed unmerged" in propose(hub, NEWER, remote)
    assert "#102 proposes: Deploy abc to dev" == propose(hub, WANTED, remote)


def merged(stub, remote, wanted) -> None:
    """A person merges the newest pull request."""
    stub.pulls[-1] |= {"state": "closed", "merged_at": "2026-01-01T00:00:00Z", "auto_merge": None}
    remote.merge(wanted.files, wanted.title)


@pytest.mark.parametrize("branch", ["kept", "deleted"])
def test_what_was_merged_and_taken_back_is_not_proposed_again(stub, hub, remote, branch):
    """A person has reverted it on main: the next run leaves that, and says how to have it all the same."""
    propose(hub, WANTED, remote)
    merged(stub, remote, WANTED)
    remote.merge(FILES, "Roll dev back")
    if branch == "deleted":
        git(remote.bare, "update-ref", "-d", "refs/heads/deploy/dev")
    before = remote.head("deploy/dev")
    for _ in range(2):
        said = propose(hub, WANTED, remote, app=True, merge=True)
        assert said.startswith("nothing to propose: #100 was merged and is taken back on main: a newer image is")
        assert said.endswith("change main by a pull request of your own")
    assert (before, 1) == (remote.head("deploy/dev"), len(stub.pulls))


def test_after_something_newer_was_merged_the_older_may_come_again(stub, hub, remote):
    """Main is built to it again: the newest that was merged is another."""
    for number, wanted in enumerate((WANTED, NEWER, WANTED)):
        assert f"#{100 + number} proposes: {wanted.title}" == propose(hub, wanted, remote)
        merged(stub, remote, wanted)
    assert "nothing to propose: main has what deploy/dev would bring" == propose(hub, WANTED, remote)


def test_what_was_taken_back_comes_in_no_other_pull_request(stub, hub, remote):
    """One that is open for something else is not turned into it: it is closed."""
    propose(hub, WANTED, remote)
    merged(stub, remote, WANTED)
    remote.merge(FILES, "Roll dev back")
    assert "#101 proposes: Deploy def to dev" == propose(hub, NEWER, remote)
    assert propose(hub, WANTED, remote).endswith("of your own; #101 is outdated, and closed")
    assert ["closed", "closed"] == [pull["state"] for pull in stub.pulls]
    assert "#102 still proposes: Deploy def to dev" == propose(hub, NEWER, remote)


def test_what_was_declined_before_may_come_in_one_that_is_open(stub, hub, remote):
    """Its own branch has moved on, so a person could not reopen it."""
    propose(hub, WANTED, remote)
    stub.pulls[0]["state"] = "closed"
    propose(hub, NEWER, remote)
    assert "#101 proposes: Deploy abc to dev" == propose(hub, WANTED, remote)


GONE_BACK = changed(title="Deploy old to dev", files={"manifests/a.yaml": "a: 1 # why\n"})


def reverted(remote):
    """Main is built to what it serves already."""
    return GONE_BACK


def by_hand(remote):
    """Somebody has made the same change."""
    remote.merge(WANTED.files)
    return WANTED


@pytest.mark.parametrize("did", [reverted, by_hand])
def test_an_open_pull_request_that_main_does_not_need_is_closed(stub, hub, remote, did):
    """It could merge itself: one comment says why, and nothing else changes."""
    hub = GitHub(stub.repository, "ghs_app", stub.url, backoff=0)
    propose(hub, WANTED, remote, app=True, merge=True)
    before, wanted = remote.head("deploy/dev"), did(remote)
    said = propose(hub, wanted, remote, app=True, merge=True)
    assert "nothing to propose: main has what deploy/dev would bring; #100 is outdated, and closed" == said
    assert ("closed", None) == (stub.pulls[0]["state"], stub.pulls[0]["auto_merge"])
    (comment,) = stub.comments[100]
    assert f"It would propose `{wanted.title}` now, but main has what deploy/dev would bring." in comment["body"]
    assert before == remote.head("deploy/dev")
    assert "nothing to propose: main has what deploy/dev would bring" == propose(hub, wanted, remote)


def test_an_open_pull_request_of_a_persons_is_not_closed(stub, hub, remote):
    """Nor commented: there is nothing that the bot would do."""
    propose(hub, WANTED, remote)
    remote.commit("deploy/dev", {"manifests/a.yaml": "a: 9\n"})
    assert "nothing to propose: main has what deploy/dev would bring" == propose(hub, GONE_BACK, remote)
    assert ("open", WANTED.title, {}) == (stub.pulls[0]["state"], stub.pulls[0]["title"], stub.comments)


def test_what_the_bot_has_closed_is_proposed_anew(stub, hub, remote):
    """That was no person's no."""
    propose(hub, WANTED, remote)
    propose(hub, GONE_BACK, remote)
    remote.merge({"README.md": "new\n"})
    assert "#101 proposes: Deploy abc to dev" == propose(hub, WANTED, remote)


def test_a_pull_request_that_the_bot_closed_between_hides_no_rollback(stub, hub, remote):
    """What a person has merged and taken back before it is still taken back."""
    propose(hub, WANTED, remote)
    merged(stub, remote, WANTED)
    remote.merge(FILES, "Roll dev back")
    propose(hub, NEWER, remote)
    propose(hub, GONE_BACK, remote)
    assert "#100 was merged and is taken back on main" in propose(hub, WANTED, remote)
    assert ["closed", "closed"] == [pull["state"] for pull in stub.pulls]


@pytest.mark.parametrize("branch", ["kept", "deleted"])
def test_what_a_person_reopened_is_kept_again(stub, hub, remote, branch):
    """It is open, and brought to today's main."""
    propose(hub, WANTED, remote)
    stub.pulls[0]["state"] = "closed"
    propose(hub, WANTED, remote)
    remote.merge({"README.md": "new\n"})
    stub.pulls[0]["state"] = "open"
    if branch == "deleted":
        git(remote.bare, "update-ref", "-d", "refs/heads/deploy/dev")
    assert "#100 proposes: Deploy abc to dev" == propose(hub, WANTED, remote)
    assert (1, "new") == (len(stub.pulls), remote.text("deploy/dev", "README.md"))


def test_the_button_update_branch_makes_no_branch_a_persons(stub, hub, remote):
    """It merges main, and is left as it is while it is what would be proposed; then the branch is made anew."""
    propose(hub, WANTED, remote)
    remote.merge({"README.md": "new\n"})
    merged = remote.update("deploy/dev")
    assert "#100 still proposes: Deploy abc to dev" == propose(hub, WANTED, remote)
    assert merged == remote.head("deploy/dev")
    assert "#100 proposes: Deploy def to dev" == propose(hub, NEWER, remote)
    assert remote.head("main") == git(remote.bare, "rev-parse", "deploy/dev^")


def test_a_branch_updated_beyond_the_main_at_hand_is_no_persons(stub, hub, remote):
    """What the remote's main has by now is no edit of the branch, though the files were made of an older one."""
    propose(hub, WANTED, remote)
    main = proposal.fetched(hub, remote.path)
    remote.merge({"README.md": "new\n"})
    remote.update("deploy/dev")
    git(remote.path, "update-ref", proposal.MAIN, main)
    assert "#100 proposes: Deploy def to dev" == proposal.propose(hub, NEWER, main, remote.path)
    assert main == git(remote.bare, "rev-parse", "deploy/dev^")


def test_a_shallow_checkout_knows_what_is_mains(stub, hub, remote):
    """A workflow's checkout has one commit, and the branch stands on an older one."""
    propose(hub, WANTED, remote)
    for text in ("one\n", "two\n"):
        remote.merge({"README.md": text})
    shallow = remote.path.with_name("shallow")
    git(remote.bare, "clone", "-q", "--depth", "1", f"file://{remote.bare}", str(shallow))
    main = proposal.fetched(hub, shallow)
    assert "#100 proposes: Deploy def to dev" == proposal.propose(hub, NEWER, main, shallow)


def hidden(remote):
    """A merge of main that changes a file by the way."""
    remote.update("deploy/dev", files={"manifests/a.yaml": "a: 9\n"})


def solved(remote):
    """A merge of main that a person has solved."""
    remote.merge({"manifests/a.yaml": "a: 7\n"})
    remote.update("deploy/dev", files={"manifests/a.yaml": "a: 9\n"})


def other(remote):
    """A clean merge of another branch than main."""
    git(remote.bare, "update-ref", "refs/heads/other", remote.head("main"))
    remote.commit("other", {"b.yaml": "b: 1\n"})
    remote.update("deploy/dev", "other")


def below(remote):
    """A commit of a person's below a clean merge of main."""
    remote.commit("deploy/dev", {"manifests/a.yaml": "a: 9\n"})
    remote.merge({"README.md": "newest\n"})
    remote.update("deploy/dev")


def orphan(remote):
    """A branch that shares nothing with main."""
    tree = git(remote.bare, "rev-parse", "main^{tree}")
    git(remote.bare, "update-ref", "refs/heads/deploy/dev", git(remote.bare, "commit-tree", tree, "-m", "no parent"))


@pytest.mark.parametrize("did", [hidden, solved, other, below, orphan])
def test_a_merge_with_something_of_a_persons_is_theirs(stub, hub, remote, did):
    """Whatever the merge commit's committer says."""
    propose(hub, WANTED, remote)
    remote.merge({"README.md": "new\n"})
    did(remote)
    theirs = remote.head("deploy/dev")
    assert "has a commit of a person's" in propose(hub, NEWER, remote)
    assert theirs == remote.head("deploy/dev")


def test_line_ends_arrive_as_they_are(stub, hub, remote):
    """An overlay of Windows' line ends, edited, differs from main's in the edited lines and nothing else."""
    old, new = f"sha256:{'a' * 64}", overlay.Image("new/model", f"sha256:{'b' * 64}")
    text = f"# é\r\nimages:\r\n  - name: champion\r\n    newName: old/model\r\n    digest: {old} # why\r\n\r\n\r\n"
    remote.merge({"o.yaml": text, "README.md": "\r\n hello\r\n"})
    git(remote.path, "config", "core.autocrlf", "true")
    main = proposal.fetched(hub, remote.path)
    assert text == proposal.read(main, "o.yaml", remote.path)
    files = {"o.yaml": overlay.with_image(text, "o.yaml", "champion", new)}
    files["README.md"] = proposal.read(main, "README.md", remote.path)
    proposal.propose(hub, changed(files=files), main, remote.path)
    assert "2\t2\to.yaml" == git(remote.bare, "diff", "--numstat", "main", "deploy/dev")
    head = proposal._remote(hub, "deploy/dev", remote.path)
    assert files == {name: proposal.read(head, name, remote.path) for name in files}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("b.yaml", "^there is no file b.yaml in [0-9a-f]{12}$"),
        ("manifests", "^there is no file manifests in"),
        ("latin", "^latin of [0-9a-f]{12} is not UTF-8: save it as UTF-8$"),
    ],
)
def test_what_is_no_text_of_a_commit_is_named(hub, remote, name, said):
    """Absent, a folder, another encoding."""
    (remote.path / "latin").write_bytes(b"\xe9")
    main = remote.merge({})
    with pytest.raises(CannotRun, match=said):
        proposal.read(main, name, remote.path)


def test_an_apps_pull_request_starts_its_checks_by_itself(stub, hub, remote):
    """And waits for a person who merges it, where nobody asked for more."""
    hub = GitHub(stub.repository, "ghs_app", stub.url, backoff=0)
    assert "#100 proposes: Deploy abc to dev" == propose(hub, WANTED, remote, app=True)
    assert ([], None) == (stub.dispatched, stub.pulls[0]["auto_merge"])


def test_a_pull_request_may_merge_by_itself(stub, hub, remote):
    """Once its checks are green; the next run finds that set."""
    hub = GitHub(stub.repository, "ghs_app", stub.url, backoff=0)
    for verb in ("proposes", "still proposes"):
        said = propose(hub, WANTED, remote, app=True, merge=True)
        assert f"#100 {verb}: Deploy abc to dev; GitHub merges it once every rule of main holds" == said
    assert ASKED == stub.pulls[0]["auto_merge"]
    assert 1 == stub.calls().count("POST /graphql")


def test_what_a_person_has_committed_to_is_not_merged(stub, hub, remote):
    """Nor asked to be."""
    propose(hub, WANTED, remote)
    remote.commit("deploy/dev", {"manifests/a.yaml": "a: 9\n"})
    assert "has a commit of a person's" in propose(hub, NEWER, remote, merge=True)
    assert "POST /graphql" not in stub.calls()


def test_of_two_runs_at_the_same_moment_one_opens_and_both_keep(stub, hub, remote):
    """The second did not see the pull request when it looked: GitHub says so, and it is brought up to date."""
    propose(hub, WANTED, remote)
    stub.faults.append(Fault("GET .*/pulls$", 200, times=2, body=b"[]"))
    assert "#100 proposes: Deploy def to dev" == propose(hub, NEWER, remote)
    assert ["Deploy def to dev"] == [pull["title"] for pull in stub.pulls]


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


def test_what_the_bot_has_pushed_is_read_and_a_persons_is_not(stub, hub, remote):
    """Whoever may push could say anything there."""
    name = "manifests/a.yaml"
    assert "" == proposal.pushed(hub, WANTED.branch, name, remote.path)
    propose(hub, WANTED, remote)
    assert WANTED.files[name] == proposal.pushed(hub, WANTED.branch, name, remote.path)
    assert "" == proposal.pushed(hub, WANTED.branch, "none.yaml", remote.path)
    remote.commit(WANTED.branch, {name: "a: 3\n"})
    assert "" == proposal.pushed(hub, WANTED.branch, name, remote.path)


def test_a_commit_is_named_only_where_it_is_proposed(stub, hub, remote):
    """A person's branch, and what main has already, have none that could be merged."""
    assert remote.head(WANTED.branch) == "" != propose(hub, WANTED, remote).head == remote.head(WANTED.branch)
    remote.commit(WANTED.branch, {"other": "1\n"})
    assert "" == propose(hub, WANTED, remote).head
