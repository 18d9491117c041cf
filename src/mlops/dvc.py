"""The few things asked of DVC and git: run the pipeline, find an output by its hash, look at another commit's lock."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import yaml

from mlops import stopped
from mlops.errors import CannotRun
from mlops.paths import FINGERPRINT, LOCK

# A store that answers may not have the folder yet.
ANSWERS = """
from dvc.repo import Repo
store = Repo().cloud.get_remote_odb()
try:
    store.fs.info(store.path)
except FileNotFoundError:
    pass
"""
SCHEMES = ("s3://", "gs://", "azure://", "ssh://", "/", "./", "../")


def git(*words: str, root=".", check: bool = True) -> str | None:
    """Return what git prints, stripped; None where it fails and `check` is off."""
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True)
    if done.returncode and check:
        raise CannotRun(f"`git {' '.join(words)}` failed: {' '.join(done.stderr.split())[:200]}")
    return done.stdout.strip() if not done.returncode else None


def environment(root=".") -> dict[str, str]:
    """Return the environment in which a tree's stages run: its own source first, and this environment's programs."""
    here = str(Path(sys.executable).parent)
    source = str((Path(root) / "src").resolve())
    return os.environ | {
        "PATH": f"{here}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": source,
        "DVC_NO_ANALYTICS": "1",
    }


def _dvc(*words: str, root, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "dvc", *words]
    return subprocess.run(command, cwd=root, env=environment(root), text=True, **options)


def repro(targets=(), root=".", options=()) -> int:
    """Run `dvc repro` and return its exit code; raises CannotRun first where dvc.lock cannot be read, or another run is on."""
    read_lock(Path(root) / LOCK)
    _alone(root)
    return _dvc("repro", *options, *targets, root=root).returncode


def stale(root=".") -> set[str]:
    """Return the stages whose outputs are not what the tree would make, without the one that always looks.

    `dvc status` reads fingerprints as they were last written, and takes frozen stages as they are: both are looked at here.
    """
    read_lock(Path(root) / LOCK)
    _fingerprinted(root)
    found = status(root)
    frozen = {name for name, stage in _stages(root).items() if stage.get("frozen")}
    return {stage for stage, why in found.items() if why != ["always changed"]} | frozen


def status(root=".") -> dict:
    """Return what `dvc status` finds; raises CannotRun where it cannot read the pipeline."""
    done = _dvc("status", "--json", root=root, capture_output=True)
    if done.returncode:
        raise CannotRun(f"`dvc status` failed: {' '.join(done.stderr.split())[-200:]}")
    return json.loads(done.stdout)


def _alone(root) -> None:
    """Raise CannotRun where another process runs the pipeline in this folder: DVC would stop, and advise to take its lock away."""
    path = Path(root, ".dvc/tmp/rwlock")
    try:
        held = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (ValueError, OSError):  # being written this moment
        return
    readers = (holder for holders in held.get("read", {}).values() for holder in holders)
    for holder in (*held.get("write", {}).values(), *readers):
        if _lives(int(holder["pid"])):
            raise CannotRun(f"another run (process {holder['pid']}) is at work in this folder: wait for it to end")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()


def _stages(root) -> dict:
    return yaml.safe_load((Path(root) / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def _fingerprinted(root) -> None:
    from mlops.pipeline.fingerprint import fingerprints

    path = Path(root) / FINGERPRINT
    if not path.exists() or json.loads(path.read_text(encoding="utf-8")) != fingerprints(root):
        raise CannotRun(
            stopped.why(["fingerprint"], root)
            or "the pipeline has not run since the code or data/contract.yaml changed: run `make train`"
        )


def read_lock(path) -> dict:
    """Return the parsed lock, {} where there is none; raises CannotRun where it is broken or in conflict."""
    path = Path(path)
    return parse_lock(path.read_text(encoding="utf-8"), path.name) if path.exists() else {}


def parse_lock(text: str, name: str = LOCK) -> dict:
    """Return the lock of `text`; raises CannotRun where it is broken or in conflict."""
    if "\n<<<<<<< " in f"\n{text}":
        raise CannotRun(
            f"{name} has conflict markers: take main's with `git checkout origin/main -- dvc.lock metrics.json`, then run `make pr` again"
        )
    try:
        lock = yaml.safe_load(text)
        lock["stages"].keys()
        return lock
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise CannotRun(f"{name} is no lock of DVC: restore it with `git checkout origin/main -- dvc.lock`") from None


def out_hash(lock: dict, path: str) -> str | None:
    """Return the md5 under which the lock keeps the output `path`."""
    outs = (out for stage in lock.get("stages", {}).values() for out in stage.get("outs", []))
    return next((out["md5"] for out in outs if out["path"] == path), None)


def cache_folder(root=".") -> Path:
    """Return the folder of DVC's cache."""
    from dvc.config import Config

    folder = Path(root, ".dvc").resolve()
    return Path(Config(str(folder))["cache"].get("dir") or folder / "cache").resolve()


def cached(md5: str | None, cache: Path) -> bytes | None:
    """Return the cached file of that md5, None where it is not there."""
    path = cache / "files" / "md5" / (md5 or "--")[:2] / (md5 or "--")[2:]
    return path.read_bytes() if path.is_file() else None


def configure_remote(root=".", seconds: float = 60) -> str | None:
    """Name DVC_REMOTE_URL as the default remote in .dvc/config.local, which git does not keep; return it.

    Raises CannotRun where it does not answer within `seconds`: what is in a store that was named must not count as absent.
    """
    from dvc.config import Config

    url = os.environ.get("DVC_REMOTE_URL")
    if not url:
        return None
    if not url.startswith(SCHEMES):
        raise CannotRun(f"DVC_REMOTE_URL is '{shown(url)}': it must begin with one of {', '.join(SCHEMES)}")
    with Config(str(Path(root, ".dvc").resolve())).edit("local") as local:
        # an absolute path, since a worktree is elsewhere
        local["remote"].setdefault("origin", {})["url"] = url if "://" in url else os.path.abspath(url)
        local["core"] |= {"remote": "origin", "check_update": False}
    try:
        command = [sys.executable, "-c", ANSWERS]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=seconds)
        reason = last_line(done.stderr) if done.returncode else ""
    except subprocess.TimeoutExpired:
        reason = f"no answer in {seconds:g} s"
    if reason:
        raise CannotRun(
            f"DVC_REMOTE_URL {shown(url)} cannot be reached ({shown(reason)}): check its address, network, credentials and client (`uv sync --group remote`), or unset DVC_REMOTE_URL"
        )
    return url


def shown(url: str) -> str:
    """Return an address without the password that it may hold."""
    return re.sub(r"//[^/@\s]+@", "//***@", url)


def fetch(paths, root=".") -> str:
    """Fetch outputs of the tree's lock from the remote, where it has them, into the cache; return why not, or ""."""
    done = _dvc("fetch", *paths, root=root, capture_output=True)
    return last_line(done.stderr) if done.returncode else ""


def checkout(paths, root=".") -> None:
    """Put outputs of the tree's lock from the cache where they belong, in the place of what is there."""
    done = _dvc("checkout", "--force", "--quiet", *paths, root=root, capture_output=True)
    if done.returncode:
        raise CannotRun(f"`dvc checkout` failed: {last_line(done.stderr)}")


def last_line(text: str) -> str:
    """Return why a program stopped: the last line it said."""
    return (text.strip().splitlines() or ["no reason given"])[-1][-300:]


@contextmanager
def worktree(commit: str, root="."):
    """Yield a folder with the tree of `commit` that shares this tree's DVC cache; it is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="baseline-")).resolve()
    try:
        git("worktree", "add", "--detach", "--force", str(folder / "tree"), commit, root=root)
        tree = folder / "tree"
        if not os.path.lexists(tree / ".venv-deepchecks"):  # main's stage needs it too
            (tree / ".venv-deepchecks").symlink_to(Path(root, ".venv-deepchecks").resolve())
        (tree / ".dvc" / "config.local").write_text(f"[cache]\n    dir = {cache_folder(root)}\n", encoding="utf-8")
        configure_remote(tree)
        yield tree
    finally:
        git("worktree", "remove", "--force", str(folder / "tree"), root=root, check=False)
        shutil.rmtree(folder, ignore_errors=True)
