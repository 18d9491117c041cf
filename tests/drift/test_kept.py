"""What drift has found stays on a branch of one commit: a file a champion, and no history."""

import pytest

from github_stub import GitHubStub
from mlops.cli import main as mlops
from mlops.delivery import proposal
from mlops.delivery.proposal import EMAIL
from mlops.drift import kept
from mlops.errors import CannotRun
from mlops.files import write_json
from mlops.github import GitHub
from mlops.paths import DRIFT
from remote import Remote, git

BRANCH = "reports/drift"
FIRST, SECOND = "a" * 64, "b" * 64


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """Main, and a checkout of it as working directory."""
    made = Remote(tmp_path, {"README.md": "hello\n", ".gitignore": "reports/\n"})
    monkeypatch.chdir(made.path)
    return made


@pytest.fixture(autouse=True)
def stub(monkeypatch):
    """The API, which is asked for nothing."""
    with GitHubStub() as running:
        given = {"GITHUB_REPOSITORY": running.repository, "GITHUB_TOKEN": "ghs_bot", "GITHUB_API_URL": running.url}
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        yield running
        assert [] == running.calls()


def found(model: str = FIRST, **more) -> str:
    """Let drift have found something of a champion, and return its JSON."""
    write_json(DRIFT, {"as_of": "2026-11-22", "reference": {"model_hash": model}} | more)
    with open(DRIFT, encoding="utf-8") as file:
        return file.read()


def names(remote) -> list[str]:
    """The files of the branch."""
    return git(remote.bare, "ls-tree", "-r", "--name-only", BRANCH).splitlines()


def test_the_first_look_makes_the_branch(remote, capsys):
    """One commit of the bot's without a parent, which holds the JSON as it is; the checkout stays as it was."""
    text = found()
    assert 0 == mlops(["keep"])
    assert f"keep: {BRANCH} has {'a' * 12}.json now\n" in capsys.readouterr().out
    assert (["a" * 12 + ".json"], text.strip()) == (names(remote), remote.text(BRANCH, f"{'a' * 12}.json"))
    assert [EMAIL] == git(remote.bare, "log", "--format=%P%ce", BRANCH).splitlines()
    assert ("main", "") == (git(remote.path, "branch", "--show-current"), git(remote.path, "status", "--porcelain"))


def test_the_same_again_is_nothing_new(remote, capsys):
    """The commit stays."""
    found()
    mlops(["keep"])
    before = remote.head(BRANCH)
    assert (0, before) == (mlops(["keep"]), remote.head(BRANCH))
    assert f"keep: {BRANCH} has it already\n" in capsys.readouterr().out


def test_what_was_found_later_takes_its_place(remote):
    """And the commit before it is gone for good."""
    found()
    mlops(["keep"])
    before, text = remote.head(BRANCH), found(answer="retrain")
    assert 0 == mlops(["keep"])
    assert text.strip() == remote.text(BRANCH, f"{'a' * 12}.json")
    assert "1" == git(remote.bare, "rev-list", "--count", BRANCH)
    assert before not in git(remote.bare, "rev-list", "--all").split()


def test_another_champion_has_a_file_beside_the_first(remote):
    """Charts go back beyond the champion; still it is one commit."""
    texts = {}
    for model in (FIRST, SECOND):
        texts[model[:12]] = found(model)
        assert 0 == mlops(["keep"])
    assert [f"{model}.json" for model in texts] == names(remote)
    assert "1" == git(remote.bare, "rev-list", "--count", BRANCH)
    assert texts == kept.texts()


def test_a_clone_that_knows_nothing_of_the_branch_keeps_what_is_there(remote, tmp_path, monkeypatch):
    """A workflow's checkout has one commit of main."""
    found(FIRST)
    mlops(["keep"])
    git(tmp_path, "clone", "-q", "--depth", "1", "--branch", "main", f"file://{remote.bare}", "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    found(SECOND)
    assert (0, 2) == (mlops(["keep"]), len(names(remote)))


@pytest.mark.parametrize(("day", "kept_"), [("2026-11-21", False), ("2026-11-22", True), ("2026-12-01", True)])
def test_a_day_before_the_newest_undoes_nothing(remote, capsys, day, kept_):
    """A backfill, of whatever champion, looks at days that are past; the remote counts, not what was fetched last."""
    found(FIRST)
    mlops(["keep"])
    git(remote.path, "update-ref", "-d", kept.THERE)
    before = remote.head(BRANCH)
    found(SECOND, as_of=day)
    assert (0, kept_) == (mlops(["keep"]), remote.head(BRANCH) != before)
    said = f"keep: 2026-11-22 was looked at already, and {day} is before it: {BRANCH} stays as it is\n"
    assert kept_ != (said in capsys.readouterr().out)


def test_a_branch_that_was_deleted_is_forgotten(remote):
    """It is how a person begins anew: what was fetched of it before hides no day."""
    found(FIRST)
    mlops(["keep"])
    git(remote.bare, "update-ref", "-d", f"refs/heads/{BRANCH}")
    found(SECOND, as_of="2026-01-01")
    assert (0, ["b" * 12 + ".json"]) == (mlops(["keep"]), names(remote))


def test_where_nobody_has_looked_nothing_is_kept(remote, capsys):
    """It is said, and no error: drift may not be configured."""
    assert 0 == mlops(["keep"])
    assert "keep: there is no reports/drift.json, so nothing is kept\n" in capsys.readouterr().out
    assert "" == remote.head(BRANCH)


@pytest.mark.parametrize(
    "said",
    [
        b"", b"{", b"[]", b"7", b"{}", b'{"a": "\xff"}', b'{"as_of": "2026-11-22", "reference": {}}',
        b'{"as_of": "2026-11-22", "reference": {"model_hash": 7}}', b'{"as_of": "soon", "reference": {"model_hash": "a"}}',
        b'{"as_of": 7, "reference": {"model_hash": "a"}}', b'{"reference": {"model_hash": "a"}}',
    ],
)  # fmt: skip
def test_what_drift_has_not_written_is_not_kept(remote, capsys, said):
    """Half a file, or something else: it could not run, and nothing is pushed."""
    found()
    with open(DRIFT, "wb") as file:
        file.write(said)
    assert 2 == mlops(["keep"])
    assert "mlops keep: reports/drift.json is not what `mlops drift` writes: run it again\n" == capsys.readouterr().err
    assert "" == remote.head(BRANCH)


def test_texts_are_those_that_the_last_fetch_has_brought(remote, tmp_path):
    """Not what the remote has by now; nothing where nothing was kept, nor where there is no git."""
    assert {} == kept.texts() == kept.texts(tmp_path)
    first = found()
    mlops(["keep"])
    git(remote.path, "update-ref", "-d", kept.THERE)
    assert {} == kept.texts()
    git(remote.path, "fetch", "-q", "origin")
    assert {"a" * 12: first} == kept.texts() == kept.texts(remote.path)


def test_what_is_no_text_of_the_branch_is_passed_over(remote):
    """Whoever may push could have put anything there."""
    text = found()
    mlops(["keep"])
    git(remote.path, "fetch", "-q", "origin")
    git(remote.path, "checkout", "-q", "-B", BRANCH, f"origin/{BRANCH}")
    (remote.path / "latin.json").write_bytes(b"\xe9")
    (remote.path / "folder").mkdir()
    (remote.path / "folder/file").write_text("1")
    git(remote.path, "add", "-A")
    git(remote.path, "commit", "-q", "-m", "by hand")
    remote._pushed(BRANCH)
    assert {"a" * 12: text} == kept.texts()


def test_a_push_at_the_same_moment_is_not_overwritten(remote, monkeypatch, capsys):
    """The lease is on what was seen: who comes second ends with 2, changes nothing, and may run again."""
    found()
    mlops(["keep"])
    made = proposal._with

    def meanwhile(base, files, root):
        git(remote.bare, "update-ref", f"refs/heads/{BRANCH}", remote.head("main"))
        return made(base, files, root)

    with monkeypatch.context() as patch:
        patch.setattr(proposal, "_with", meanwhile)
        found(SECOND)
        assert 2 == mlops(["keep"])
    assert f"mlops keep: {BRANCH} could not be pushed (" in capsys.readouterr().err
    assert remote.head("main") == remote.head(BRANCH)


def test_a_branch_that_came_between_is_not_overwritten_either(remote, monkeypatch):
    """There was none when it was looked for."""
    head, hub = remote.head("main"), GitHub("acme/loans", "ghs_bot")
    git(remote.bare, "update-ref", f"refs/heads/{BRANCH}", head)
    monkeypatch.setattr(proposal, "_remote", lambda *_: "")
    with pytest.raises(CannotRun, match=f"{BRANCH} could not be pushed .*nothing was changed; run this job again"):
        proposal.kept(hub, BRANCH, {"a.json": "{}\n"})
    assert head == remote.head(BRANCH)
