"""The owner's room while it is replaced: nothing in it is lost, and it is put back whole where adopt stops."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops import dvc
from mlops.errors import CannotRun
from mlops.paths import OWNERS, TABLE


def nothing_to_lose(data: Path) -> None:
    """Raise CannotRun where a file that is replaced has changes in no commit; `data` is the table that is adopted."""
    lines = dvc.git("status", "--porcelain", "-z", "--untracked-files=all", "--", *OWNERS).split("\0")
    changed = [line.split(maxsplit=1)[-1] for line in lines if line]
    if not changed:
        return
    if any(Path(name).resolve() == data.resolve() for name in changed):
        raise CannotRun(
            f"DATA is '{data}', among the files that are replaced: put it outside data/, src/model/ and tests/model/"
        )
    raise CannotRun(
        f"there are changes that are in no commit ({changed[0]}): so that nothing is lost, commit them, or put them aside with "
        "`git stash --include-untracked`"
    )


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """Put the owner's room back as it was where the block stops, also by Ctrl-C and SIGTERM; what git ignores there stays."""

    def stop(*_):
        raise SystemExit(128 + signal.SIGTERM)

    before = set(_room())
    kept = {name: Path(name).read_bytes() for name in dvc.git("ls-files", "-z", "--", *OWNERS).split("\0") if name}
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except BaseException:
        for each in handlers:  # a second Ctrl-C must not leave it half put back
            signal.signal(each, signal.SIG_IGN)
        _restore(kept, before)
        raise
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)


def _room() -> list[Path]:
    """Every file of the owner's room, whatever git says of it."""
    paths = [Path(name) for name in OWNERS]
    return [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]


def _restore(kept: dict[str, bytes], before: set[Path]) -> None:
    """Put the owner's room back as it was, the index too."""
    dvc.git("reset", "--quiet", "--", *OWNERS, check=False)
    for path in set(_room()) - before:
        path.unlink()
    for name, data in kept.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(data)
    if f"{TABLE}.dvc" in kept:  # DVC keeps the table, and git its address
        run_dvc("checkout", "--force", f"{TABLE}.dvc")
    shutil.rmtree("reports", ignore_errors=True)


def run_dvc(verb: str, *words: str) -> None:
    """Run a verb of DVC on a file; raises CannotRun with its last line."""
    command = [sys.executable, "-m", "dvc", verb, "--quiet", *words]
    done = subprocess.run(command, env=dvc.environment(), capture_output=True, text=True)
    if done.returncode:
        raise CannotRun(f"`dvc {verb} {words[-1]}` failed: {dvc.shown(dvc.last_line(done.stderr))}")
