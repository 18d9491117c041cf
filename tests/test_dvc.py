"""What is asked of DVC and git, asked of a real repository of both."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mlops import dvc
from mlops.errors import CannotRun
from mlops.files import write_json, write_text
from mlops.pipeline.fingerprint import fingerprints

PIPELINE = """
stages:
  always: {cmd: echo 1 > always, always_changed: true, outs: [always]}
  train: {cmd: mkdir -p models && cat given >> models/model.onnx && echo run >> log, deps: [given], outs: [models/model.onnx]}
  after: {cmd: cp models/model.onnx after, deps: [models/model.onnx], outs: [after]}
"""
ABC = "0bee89b07a248e27c83fc3d5951213c1"  # md5 of "abc\n"


def run(folder: Path, *words: str) -> str:
    """A command in `folder`, which must succeed; what it prints."""
    env = dvc.environment(folder)
    return subprocess.run(words, cwd=folder, env=env, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(autouse=True)
def _no_remote(monkeypatch):
    monkeypatch.delenv("DVC_REMOTE_URL", raising=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A repository whose pipeline ran once, committed."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "dvc.yaml").write_text(PIPELINE)
    (folder / "given").write_text("abc\n")
    (folder / ".gitignore").write_text("models/\nreports/\nalways\nafter\nlog\n")
    write_text(folder / "data/contract.yaml", "{}")
    write_json(folder / "reports/fingerprint.json", fingerprints(folder))
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, "git", "config", "user.name", "A Person")
    run(folder, "git", "config", "user.email", "person@example.com")
    run(folder, sys.executable, "-m", "dvc", "init", "-q")
    run(folder, sys.executable, "-m", "dvc", "repro", "-q")
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-q", "-m", "main")
    return folder


@pytest.fixture
def tree(made, tmp_path):
    """A copy of it that a test may change."""
    run(tmp_path, "cp", "-a", f"{made}/.", str(tmp_path / "tree"))
    return tmp_path / "tree"


def without_outputs(tree: Path) -> None:
    """As in a fresh clone: neither cache nor outputs."""
    run(tree, "rm", "-rf", ".dvc/cache", "models", "always", "after", "log")


def stored(tree: Path) -> Path:
    """A store beside the tree that has every output, while the tree has none."""
    store = tree.parent / "store"
    run(tree, "cp", "-a", ".dvc/cache", str(store))  # a store in a folder is laid out as the cache is
    without_outputs(tree)
    return store


def test_git_says_what_it_says(made):
    """Stripped of its line break."""
    assert "main" == dvc.git("branch", "--show-current", root=made)


def test_git_that_fails_is_one_sentence(made):
    """The command and git's own reason."""
    with pytest.raises(CannotRun, match=r"^`git rev-parse --verify nowhere` failed: fatal: .*$"):
        dvc.git("rev-parse", "--verify", "nowhere", root=made)


def test_git_that_may_fail_says_nothing(made):
    """None is no answer, "" is an empty one."""
    assert [None, ""] == [
        dvc.git(*words, root=made, check=False) for words in (["show", "main:no"], ["status", "--short"])
    ]


def test_a_stage_runs_on_its_own_trees_source_and_this_environments_programs(tmp_path):
    """So that main's tree is run by main's code."""
    env = dvc.environment(tmp_path)
    assert str(tmp_path / "src") == env["PYTHONPATH"]
    assert env["PATH"].startswith(f"{Path(sys.executable).parent}{os.pathsep}")


def test_nothing_is_stale_after_a_run(tree):
    """A stage that always looks is no stale one."""
    assert set() == dvc.stale(tree)


def test_what_a_change_reaches_is_stale(tree):
    """The stage whose input changed, and the one whose output somebody edited by hand."""
    (tree / "given").write_text("other\n")
    (tree / "after").unlink()
    (tree / "after").write_text("mine\n")
    assert {"train", "after"} == dvc.stale(tree)


def test_a_pipeline_that_cannot_be_read_has_no_status(tree):
    """One sentence with DVC's reason; one that can has the stages that would run."""
    assert ["always"] == list(dvc.status(tree))
    (tree / "dvc.yaml").write_text("stages: [")
    with pytest.raises(CannotRun, match="^`dvc status` failed: .*dvc.yaml"):
        dvc.status(tree)


def test_a_frozen_stage_is_stale(tree):
    """DVC takes it as it is, whatever changed before it."""
    (tree / "dvc.yaml").write_text(PIPELINE.replace("cmd: cp", "frozen: true, cmd: cp"))
    assert {"after"} == dvc.stale(tree)


def test_a_pipeline_that_never_ran_on_this_code_is_refused(tree):
    """Fingerprints are what `dvc status` looks at: written before the code changed, they say nothing of it."""
    write_text(tree / "src/mlops/pipeline/train.py", "print()")
    with pytest.raises(CannotRun, match="has not run since the code or data/contract.yaml changed: run `make train`"):
        dvc.stale(tree)


def test_a_run_does_what_is_stale_and_no_more(tree):
    """The first run wrote one line; with nothing to do there is no second."""
    assert 0 == dvc.repro(["train"], tree)
    assert "run\n" == (tree / "log").read_text()


def test_a_run_that_fails_gives_its_exit_code(tree):
    """And leaves the lock as it was."""
    before = (tree / "dvc.lock").read_bytes()
    (tree / "given").unlink()
    assert 0 != dvc.repro(["train"], tree)
    assert before == (tree / "dvc.lock").read_bytes()


CONFLICT = "schema: '2.0'\n<<<<<<< HEAD\nstages: {}\n=======\nstages: {}\n>>>>>>> main\n"


def test_a_second_run_in_the_same_folder_waits(tree):
    """DVC would stop with advice to delete the lock of the run that is at work."""
    holder = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    held = {"read": {str(tree / "given"): [{"pid": holder.pid, "cmd": "dvc repro"}]}, "write": {}}
    write_json(tree / ".dvc/tmp/rwlock", held)
    try:
        with pytest.raises(CannotRun, match=rf"another run \(process {holder.pid}\) is at work in this folder"):
            dvc.repro(["train"], tree)
    finally:
        holder.kill()
        holder.wait()
    assert 0 == dvc.repro(["train"], tree)


@pytest.mark.parametrize("ask", [dvc.stale, lambda tree: dvc.repro(["train"], tree)], ids=["stale", "repro"])
def test_a_lock_in_conflict_is_refused_before_anything_runs(tree, ask):
    """The sentence holds the command that ends the conflict; the file is left for git."""
    (tree / "dvc.lock").write_text(CONFLICT)
    with pytest.raises(
        CannotRun, match=r"^dvc.lock has conflict markers: take main's with `git checkout origin/main -- dvc"
    ):
        ask(tree)
    assert CONFLICT == (tree / "dvc.lock").read_text()


@pytest.mark.parametrize("text", ["", "[]", "schema: '2.0'", "stages: null", "stages: {a: [", "nonsense"])
def test_what_is_no_lock_is_refused(text):
    """The sentence says how to get it back."""
    with pytest.raises(CannotRun, match=r"^dvc.lock of main is no lock of DVC: restore it with `git checkout"):
        dvc.parse_lock(text, "dvc.lock of main")


def test_no_lock_at_all_is_an_empty_one(tmp_path):
    """A copy that never ran has none."""
    assert {} == dvc.read_lock(tmp_path / "dvc.lock")


def test_an_output_is_found_by_the_hash_in_the_lock(tree):
    """Its bytes come from the cache, whatever lies in the tree."""
    lock = dvc.read_lock(tree / "dvc.lock")
    assert ABC == dvc.out_hash(lock, "models/model.onnx")
    assert b"abc\n" == dvc.cached(ABC, dvc.cache_folder(tree))


@pytest.mark.parametrize("md5", ["0" * 32, None])
def test_what_is_not_in_the_cache_is_none(tree, md5):
    """An unknown hash, or none."""
    assert None is dvc.cached(md5, dvc.cache_folder(tree))


def test_an_output_that_the_lock_does_not_name_has_no_hash(tree):
    """Nor has one of no lock."""
    assert [None, None] == [dvc.out_hash(lock, "other") for lock in (dvc.read_lock(tree / "dvc.lock"), {})]


def test_the_cache_is_where_dvc_is_told_to_keep_it(tree, tmp_path):
    """In .dvc/cache unless the settings name another folder."""
    assert tree / ".dvc/cache" == dvc.cache_folder(tree)
    (tree / ".dvc/config.local").write_text(f"[cache]\n    dir = {tmp_path / 'elsewhere'}\n")
    assert tmp_path / "elsewhere" == dvc.cache_folder(tree)


def test_without_an_address_no_remote_is_named(tree):
    """The default is none."""
    assert None is dvc.configure_remote(tree)
    assert not (tree / ".dvc/config.local").exists()


def test_the_address_becomes_the_default_remote(tree, monkeypatch):
    """DVC itself pushes there, and git sees no change."""
    monkeypatch.setenv("DVC_REMOTE_URL", str(tree.parent / "store"))
    assert str(tree.parent / "store") == dvc.configure_remote(tree)
    run(tree, sys.executable, "-m", "dvc", "push", "-q")
    assert (tree.parent / "store/files/md5" / ABC[:2] / ABC[2:]).is_file()
    assert "" == run(tree, "git", "status", "--short")


def test_a_relative_address_means_the_folder_in_which_the_command_runs(tree, monkeypatch):
    """A worktree elsewhere finds the same store."""
    monkeypatch.setenv("DVC_REMOTE_URL", "../store")
    monkeypatch.chdir(tree)
    with dvc.worktree("main", tree) as other:
        assert f"url = {tree.parent / 'store'}\n" in (other / ".dvc/config.local").read_text()


def test_what_else_the_remote_was_told_is_kept(tree, monkeypatch):
    """A person's credentials stand in the same file."""
    (tree / ".dvc/config.local").write_text("['remote \"origin\"']\n    url = /old\n    verify = true\n")
    monkeypatch.setenv("DVC_REMOTE_URL", str(tree.parent / "store"))
    dvc.configure_remote(tree)
    assert "verify = true" in (tree / ".dvc/config.local").read_text()


def test_an_address_of_an_unknown_kind_is_refused(tree, monkeypatch):
    """The sentence names those that are known."""
    monkeypatch.setenv("DVC_REMOTE_URL", "ftp://somewhere")
    with pytest.raises(CannotRun, match=r"^DVC_REMOTE_URL is 'ftp://somewhere': it must begin with one of s3://"):
        dvc.configure_remote(tree)


def test_a_password_in_an_address_is_not_shown(tree, monkeypatch):
    """Who reads CI's log must not read the store's password."""
    monkeypatch.setenv("DVC_REMOTE_URL", "ftp://me:secret@host/store")
    with pytest.raises(CannotRun, match=r"'ftp://\*\*\*@host/store'"):
        dvc.configure_remote(tree)
    assert "s3://bucket/a@b" == dvc.shown("s3://bucket/a@b")


def test_an_address_that_cannot_be_reached_is_refused(tree, monkeypatch):
    """A folder inside a file: one sentence with address, reason and fix."""
    monkeypatch.setenv("DVC_REMOTE_URL", f"{tree}/given/store")
    with pytest.raises(CannotRun) as refused:
        dvc.configure_remote(tree)
    said = str(refused.value)
    assert said.startswith(f"DVC_REMOTE_URL {tree}/given/store cannot be reached (NotADirectoryError")
    assert said.endswith("or unset DVC_REMOTE_URL")
    assert "\n" not in said


def test_a_store_that_does_not_answer_is_waited_for_no_longer_than_said(tree, monkeypatch):
    """DVC alone would wait for minutes."""
    monkeypatch.setenv("DVC_REMOTE_URL", str(tree.parent / "store"))
    with pytest.raises(CannotRun, match=r"cannot be reached \(no answer in 0.01 s\)"):
        dvc.configure_remote(tree, seconds=0.01)


def test_a_server_that_takes_the_call_and_says_nothing_is_refused(tree, monkeypatch):
    """Where DVC's ssh client is installed (`uv sync --group remote`); where it is not, the sentence says that."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("DVC_REMOTE_URL", f"ssh://nobody@127.0.0.1:{silent.getsockname()[1]}/store")
        with pytest.raises(
            CannotRun, match=r"cannot be reached \(no answer in 5 s\)|requires 'dvc-ssh' to be installed"
        ):
            dvc.configure_remote(tree, seconds=5)


def test_an_output_is_fetched_from_the_store(tree, monkeypatch):
    """Only what was asked for."""
    monkeypatch.setenv("DVC_REMOTE_URL", str(stored(tree)))
    dvc.configure_remote(tree)
    assert "" == dvc.fetch(["models/model.onnx"], tree)
    assert b"abc\n" == dvc.cached(ABC, dvc.cache_folder(tree))


def test_a_fetch_that_fails_says_why(tree):
    """In DVC's own words, one line."""
    assert "'no/such.file' does not exist" in dvc.fetch(["no/such.file"], tree)


def test_a_fetch_of_what_is_nowhere_brings_nothing(tree):
    """Without a remote there is nothing to bring, which is no failure."""
    without_outputs(tree)
    dvc.fetch(["models/model.onnx"], tree)
    assert None is dvc.cached(ABC, dvc.cache_folder(tree))


def test_an_output_is_put_where_it_belongs(tree):
    """Out of the cache, in the place of what is there; no other output is touched."""
    run(tree, "rm", "-f", "models/model.onnx", "after")
    (tree / "models/model.onnx").write_text("another")
    dvc.checkout(["models/model.onnx"], tree)
    assert ("abc\n", False) == ((tree / "models/model.onnx").read_text(), (tree / "after").exists())


@pytest.mark.parametrize("path", ["models/model.onnx", "nowhere"])
def test_an_output_that_the_cache_does_not_have_is_not_put_anywhere(tree, path):
    """One sentence with DVC's reason; nor is one that no stage has."""
    without_outputs(tree)
    with pytest.raises(CannotRun, match="^`dvc checkout` failed: .+"):
        dvc.checkout([path], tree)


def test_a_program_that_said_nothing_has_no_reason():
    """The last line where there is one."""
    assert ["no reason given", "b"] == [dvc.last_line(text) for text in (" \n", "a\nb\n")]


def test_a_worktree_is_the_commits_tree_with_this_trees_cache(tree):
    """Main's files, not the ones being edited; outputs are shared by hash; the environment of deepchecks as well."""
    (tree / "given").write_text("edited\n")
    with dvc.worktree("main", tree) as other:
        assert "abc\n" == (other / "given").read_text()
        assert dvc.cache_folder(tree) == dvc.cache_folder(other)
        assert tree / ".venv-deepchecks" == (other / ".venv-deepchecks").readlink()


@pytest.mark.parametrize("error", [None, ZeroDivisionError])
def test_a_worktree_is_gone_afterwards(tree, error):
    """From the disk and from git, also after an error."""
    try:
        with dvc.worktree("main", tree) as other:
            if error:
                raise error
    except ZeroDivisionError:
        pass
    assert not other.parent.exists()
    assert 1 == len(run(tree, "git", "worktree", "list").splitlines())


def test_a_worktree_of_no_commit_is_refused(tree):
    """And leaves nothing behind."""
    with pytest.raises(CannotRun, match="git worktree add"), dvc.worktree("nowhere", tree):
        pass
    assert 1 == len(run(tree, "git", "worktree", "list").splitlines())
