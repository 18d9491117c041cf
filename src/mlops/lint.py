"""Verb `lint`: the code, the workflow files and the Dockerfile. Run: mlops lint."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

WORKFLOWS = ".github"
COMMANDS = (
    ("ruff", "check", "--quiet", "."),
    ("ruff", "format", "--check", "--quiet", "."),
    ("zizmor", "--offline", "--quiet", "--persona", "pedantic", WORKFLOWS),
    ("actionlint",),
    ("hadolint", "--no-color", "Dockerfile"),
)


def run(args) -> int:
    """Return 1 where a linter finds something, or, in CI, where one is missing."""
    return int(bool(failing()))


def failing() -> list[str]:
    """Run every linter and return those that found something."""
    return [" ".join(command[:2]) for command in COMMANDS if not _clean(command)]


def _clean(command: tuple[str, ...]) -> bool:
    program = shutil.which(command[0], path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if program is None:
        print(f"lint: {command[0]} is not installed here; CI runs it", flush=True)
        return not os.environ.get("CI")
    clean = subprocess.run([program, *command[1:]]).returncode == 0
    print(f"lint: {' '.join(command)}: {'clean' if clean else 'FAILED'}", flush=True)
    return clean
