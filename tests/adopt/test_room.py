"""The owner's room is never left half replaced, and nothing in it is lost that git could not give back."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlops.adopt import room
from mlops.errors import CannotRun
from mlops.files import write_text

FILES = {
    "params.yaml": "a: 1\n",
    "data/contract.yaml": "b: 2\n",
    "data/.gitignore": "/mine.csv\n",
    "src/mlops/x.py": "x = 1\n",
}


def git(*words: str) -> str:
    """What git prints."""
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A repository with a room, in which git ignores one file."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        write_text(name, text)
    git("init", "-q")
    git("add", "-A")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "all")
    write_text("data/mine.csv", "the only copy")
    return tmp_path


def replace() -> None:
    """What an adoption does to the room."""
    write_text("params.yaml", "other")
    Path("data/contract.yaml").unlink()
    write_text("data/new/table.parquet", "rows")
    write_text("data/.gitignore", "/new\n/mine.csv\n")
    git("add", "-A")


def stopped(error: BaseException) -> None:
    """An adoption that does not end well."""
    with room.all_or_nothing():
        replace()
        raise error


def as_before() -> bool:
    """Whether every file is as it was."""
    return (
        all(text == Path(name).read_text() for name, text in FILES.items())
        and not Path("data/new/table.parquet").exists()
    )


@pytest.mark.parametrize("error", [CannotRun("no"), KeyboardInterrupt(), ValueError("a bug")])
def test_what_stops_puts_everything_back(tree, error):
    """Whatever stops it; index and tree are main's, and a file that git ignores is still there."""
    with pytest.raises(type(error)):
        stopped(error)
    assert as_before()
    assert ("", "the only copy") == (git("status", "--porcelain"), Path("data/mine.csv").read_text())


def test_putting_back_is_not_interrupted(tree, monkeypatch):
    """A second Ctrl-C comes while files are written: they are all there, and the signals mean afterwards what they meant."""
    before, restore = signal.getsignal(signal.SIGINT), room._restore

    def interrupted(*words):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        restore(*words)

    monkeypatch.setattr(room, "_restore", interrupted)
    with pytest.raises(CannotRun):
        stopped(CannotRun("no"))
    assert as_before()
    assert before is signal.getsignal(signal.SIGINT)


def test_what_ends_well_stays(tree):
    """Nothing is put back."""
    with room.all_or_nothing():
        replace()
    assert not as_before()
    assert "other" == Path("params.yaml").read_text()


def test_a_process_that_is_told_to_end_puts_everything_back(tree):
    """SIGTERM, as a cancelled job sends it: exit code 143, and the tree as it was."""
    code = (
        "import time\nfrom pathlib import Path\nfrom mlops.adopt import room\nwith room.all_or_nothing():\n"
        "    Path('params.yaml').write_text('other')\n    Path('data/new').write_text('')\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], env=os.environ) as process:
        until = time.monotonic() + 30
        while not Path("data/new").exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert 143 == process.wait(30)
    assert as_before()
    assert "" == git("status", "--porcelain")


def test_a_clean_room_can_be_replaced(tree, tmp_path):
    """What git ignores is no change."""
    assert room.nothing_to_lose(tmp_path / "elsewhere.csv") is None


def test_changes_in_no_commit_are_named_with_two_ways_out(tree, tmp_path):
    """Commit, or stash."""
    write_text("params.yaml", "mine")
    with pytest.raises(
        CannotRun, match=r"\(params.yaml\): .*commit them, or put them aside with `git stash --include-untracked`"
    ):
        room.nothing_to_lose(tmp_path / "elsewhere.csv")


def test_a_table_among_the_files_that_are_replaced_is_refused(tree):
    """With the way out."""
    write_text("data/others.csv", "x,y\n")
    with pytest.raises(CannotRun, match="put it outside data/, src/model/ and tests/model/"):
        room.nothing_to_lose(Path("data/others.csv"))


def test_a_verb_of_dvc_that_fails_is_one_sentence(tree):
    """With DVC's last line."""
    with pytest.raises(CannotRun, match="^`dvc checkout none.dvc` failed: "):
        room.run_dvc("checkout", "none.dvc")
