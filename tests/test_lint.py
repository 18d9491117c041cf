"""The linters, run on small trees by the verb."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlops import lint
from mlops.files import write_text

CLEAN = {"a.py": '"""A module."""\n', "pyproject.toml": "", "Dockerfile": "FROM scratch\n"}
WORKFLOW = """# What it is.
name: hello

on:
  push:
    branches: [main]

permissions: {}

concurrency:
  group: hello
  cancel-in-progress: false

jobs:
  hello:
    name: hello
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions: {}
    steps:
      - run: echo hello
"""


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A tree in which no linter finds anything, as working directory, on a laptop."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    subprocess.run(["git", "init", "-q"], check=True)
    for name, text in {**CLEAN, ".github/workflows/hello.yml": WORKFLOW}.items():
        write_text(name, text)
    return tmp_path


def test_a_clean_tree_passes(tree, capfd):
    """Each linter is named with its result."""
    assert 0 == lint.run(None), capfd.readouterr()
    said = capfd.readouterr().out
    assert [] == [name for name in ("ruff check", "ruff format", "zizmor", "hadolint") if f"lint: {name}" not in said]
    assert "FAILED" not in said


@pytest.mark.parametrize(
    ("name", "text", "linter"),
    [
        ("b.py", '"""A module."""\n\nimport os\n', "ruff check"),
        ("b.py", '"""A module."""\nx = {  "a":1}\n', "ruff format"),
        (".github/workflows/b.yml", WORKFLOW.replace("echo hello", "echo ${{ github.event.issue.title }}"), "zizmor"),
        ("Dockerfile", "FROM debian:latest\n", "hadolint"),
    ],
)
def test_one_finding_fails_and_the_others_are_looked_for_all_the_same(tree, capfd, name, text, linter):
    """A person mends everything in one go."""
    write_text(name, text)
    assert 1 == lint.run(None)
    said = [line for line in capfd.readouterr().out.splitlines() if line.startswith("lint: ")]
    assert any(line.startswith(f"lint: {linter}") and line.endswith("FAILED") for line in said)
    assert len(lint.COMMANDS) == len(said)


@pytest.mark.skipif(not shutil.which("actionlint"), reason="actionlint is not installed here; CI runs it")
def test_a_workflow_that_github_would_not_read_fails(tree, capfd):
    """A key that is none."""
    write_text(".github/workflows/b.yml", WORKFLOW.replace("steps:", "stepss:"))
    assert 1 == lint.run(None)
    assert "lint: actionlint: FAILED" in capfd.readouterr().out


@pytest.mark.parametrize(("ci", "expected"), [("", 0), ("true", 1)], ids=["on a laptop", "in CI"])
def test_a_linter_that_is_not_there_fails_in_ci_only(tree, monkeypatch, capfd, ci, expected):
    """Said in both: what CI runs needs no tool at home, and CI never skips one."""
    git = str(Path(shutil.which("git")).parent)
    if shutil.which("actionlint", path=f"{git}:{Path(sys.executable).parent}"):
        pytest.skip("actionlint stands beside git or Python here")
    monkeypatch.setenv("PATH", git)
    monkeypatch.setenv("CI", ci)
    assert expected == lint.run(None)
    assert "lint: actionlint is not installed here; CI runs it" in capfd.readouterr().out
