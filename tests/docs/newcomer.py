"""A newcomer's machine: a fresh clone of this repository, its remote, and the programs that a page may ask for."""

import os
import shutil
import subprocess
from pathlib import Path

from copies import ROOT, lay_out
from docs.commands import Step
from router import free_port

HIDDEN = ("skopeo", "cosign", "podman", "docker", "buildah", "trivy", "gh", "uv")  # a laptop that has the least
UV = """#!/bin/sh
# In the place of uv: the environments are there, so `sync` does nothing, and `run` runs on the copy's own source.
[ "$1" = run ] || exit 0
shift
while :; do case "$1" in --frozen) shift ;; --group) shift 2 ;; *) break ;; esac; done
PYTHONPATH="$PWD/src" exec "$@"
"""
PERSON = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Ann"), ("EMAIL", "ann@example.com"))
}


class Newcomer:
    """Types commands one after the other, in a shell that stays where the last one has gone."""

    def __init__(self, folder: Path):
        self.folder, self.here = folder, folder
        tree = folder / "tree"
        tree.mkdir()
        lay_out(tree)
        self.env = PERSON | {
            "PATH": os.pathsep.join(map(str, (stand_in(folder / "uv"), ROOT / ".venv/bin", programs(folder / "bin")))),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "GIT_EDITOR": "true",
            "ORIGIN": str(folder / "origin.git"),
            "STORE": str(folder / "store"),
            "PORT": str(free_port()),
        }
        for words in (
            "init -q --bare -b main ../origin.git", "init -q -b main", "add -A", "commit -q -m main", "push -q ../origin.git main",
        ):  # fmt: skip
            subprocess.run(["git", *words.split()], cwd=tree, env=self.env, check=True)

    def types(self, step: Step) -> subprocess.CompletedProcess:
        """Run a step as it is typed, and follow it where it goes."""
        went = self.folder / "went"
        typed = f"{step.given or step.text}\ncode=$?; pwd > {went}; exit $code"
        done = subprocess.run(
            ["bash", "-c", typed], cwd=self.here, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )  # fmt: skip
        self.here = Path(went.read_text().strip())
        self._furnish()
        return done

    def _furnish(self) -> None:
        """Lend the clone the environments of this repository: `make pr` would make them, of 1.8 GB."""
        for name in (".venv", ".venv-deepchecks"):
            if (self.here / ".git").exists() and not (self.here / name).exists():
                (self.here / name).mkdir()
                for path in (ROOT / name).iterdir():
                    (self.here / name / path.name).symlink_to(path)


def programs(folder: Path) -> Path:
    """A folder with a link to each program of this machine but those of HIDDEN."""
    folder.mkdir()
    for place in (*os.environ["PATH"].split(os.pathsep), str(ROOT / ".tools/bin")):
        for path in sorted(Path(place).iterdir()) if Path(place).is_dir() else ():
            if path.name not in HIDDEN and not (folder / path.name).is_symlink():
                (folder / path.name).symlink_to(path)
    return folder


def stand_in(folder: Path) -> Path:
    """A folder with what is in the place of uv."""
    folder.mkdir()
    (folder / "uv").write_text(UV)
    (folder / "uv").chmod(0o755)
    return folder


def tool(command: str) -> str | None:
    """The program that a command runs, where this machine has it."""
    first = command.split()[0]
    return str(ROOT / first) if first.startswith(".venv/") else shutil.which(first)
