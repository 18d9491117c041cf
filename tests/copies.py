"""Copies of this repository for tests that change it: a real git repository whose first commit is main.

The owner's room is the sample's, whatever this copy's owner has put in its place: tests/sample holds it as it was handed out.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "tests/sample"
OWNERS = ("params.yaml", "dvc.yaml", "dvc.lock", "metrics.json", "data/", "src/model/", "tests/model/")


@dataclass(frozen=True)
class Copy:
    """A copy at `path`; `main` is its first commit."""

    path: Path
    main: str

    def git(self, *words: str) -> str:
        """Run git in the copy and return what it prints."""
        return _run(["git", *words], self.path).stdout.strip()

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace `old`, which must be there, in the file `name`."""
        text = (self.path / name).read_text(encoding="utf-8")
        assert old in text, f"{name} has no {old!r}"
        (self.path / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    def mlops(self, *words: str, **env: str) -> subprocess.CompletedProcess:
        """Run `mlops <words>` on the copy's own source."""
        return self._module("mlops", *words, **env)

    def dvc(self, *words: str) -> subprocess.CompletedProcess:
        """Run `dvc <words>`, whose stages run on the copy's own source."""
        return self._module("dvc", *words)

    def _module(self, module: str, *words: str, **env: str) -> subprocess.CompletedProcess:
        here = {
            "PYTHONPATH": str(self.path / "src"),
            **{k: v for k, v in os.environ.items() if k not in ("CI", "DVC_REMOTE_URL")},
            **env,
        }
        here["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{here['PATH']}"
        return subprocess.run(
            [sys.executable, "-m", module, *words], cwd=self.path, env=here, capture_output=True, text=True
        )

    def verdict(self, *words: str, **env: str) -> dict:
        """Run the pipeline without lint, compare with main, and return verdict.json with the exit code and the output."""
        made = self.mlops("repro", **env)
        done = self.mlops("compare", "--base", self.main, *words, **env)
        found = json.loads((self.path / "reports/verdict.json").read_text(encoding="utf-8"))
        return {**found, "exit": done.returncode, "said": made.stdout + made.stderr + done.stdout + done.stderr}


def lay_out(folder: Path) -> Path:
    """Fill `folder` with what git would commit of this repository, the sample in its owner's room, and return it."""
    names = _run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file() and not name.startswith(OWNERS):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    shutil.copytree(SAMPLE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in unreleased().items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def unreleased(root: Path = ROOT) -> dict[str, str]:
    """The overlays as a fresh copy has them, whatever has been promoted since: {path: text}."""
    found = {}
    for path in sorted(root.glob("manifests/overlays/*/kustomization.yaml")):
        text = re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", path.read_text(encoding="utf-8"))
        text = re.sub(r"newName: \S+", "newName: unreleased", text)
        found[str(path.relative_to(root))] = re.sub(r"-model: \S+", "-model: none", text)
    return found


def copy(folder: Path) -> Copy:
    """Return a copy as a git repository, its pipeline not yet run."""
    lay_out(folder)
    for name in (".venv-deepchecks",):
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    _run(["git", "init", "-q", "-b", "main"], folder)
    _run(["git", "config", "user.name", "A Person"], folder)
    _run(["git", "config", "user.email", "person@example.com"], folder)
    _run(["git", "add", "-A"], folder)
    _run(["git", "commit", "-q", "-m", "main"], folder)
    return Copy(folder, _run(["git", "rev-parse", "HEAD"], folder).stdout.strip())


def ran(folder: Path) -> Copy:
    """Return a copy whose pipeline has run."""
    made = copy(folder)
    done = made.mlops("repro")
    assert 0 == done.returncode, done.stderr
    return made


def failed(verdict: dict) -> set[str]:
    """Return the ids of the gates that failed."""
    return {gate["id"] for gate in verdict["gates"] if gate["status"] == "fail"}


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
