"""Protected paths: whoever changes what judges is seen."""

import subprocess
from pathlib import Path

import pytest

from mlops.protected import FREE, KEPT, MADE, protected

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    "path",
    [
        "src/mlops/gates/slices.py",
        "src/mlops/gates/é.py",
        "src/sitecustomize.py",
        "src/yaml.py",
        "src/mlops.md",
        "src/model.py",
        "tests/model/test_invariance.py",
        ".github/workflows/pull-request.yml",
        ".github/README.md",
        ".tools/bin/actionlint",
        ".gitignore",
        "GNUmakefile",
        "conftest.py",
        "data/contract.yaml",
        "docsite/x",
        "params.yaml",
        "pytest.ini",
        "uv.lock",
    ],
)
def test_protects_what_judges(path):
    """Gates, tests, workflows, params, contract, and every file that would slip in beside them."""
    assert [path] == protected([path])


@pytest.mark.parametrize(
    "path", ["src/model/features.py", "data/raw.csv", "README.md", "docs/params.yaml", "dvc.lock", "metrics.json"]
)
def test_leaves_the_owners_room_alone(path):
    """The owner's code and data, prose, and what every honest pull request makes anew."""
    assert [] == protected([path])


def test_names_each_path_once_and_in_order():
    """What is not protected is left out, the rest is sorted."""
    assert ["Makefile", "uv.lock"] == protected(["uv.lock", "README.md", "Makefile", "uv.lock"])


def test_codeowners_says_the_same():
    """All is owned but the free paths, which have a line without an owner; what is kept of them is owned again, further down.

    A lock is owned, so that a new model has a reviewer; it is left out of the comment's list, which would never be empty.
    """
    lines = [line.split() for line in (ROOT / ".github/CODEOWNERS").read_text(encoding="utf-8").splitlines()]
    rules = [(words[0].removeprefix("/"), len(words) > 1) for words in lines if words and words[0] != "#"]
    assert ("*", True) == rules[0]
    assert {*FREE, "*.md"} == {path for path, owned in rules if not owned}
    assert {"*", *KEPT, *MADE} == {path for path, owned in rules if owned}
    for path in KEPT:
        assert rules.index((path, True)) > max(
            i for i, (rule, _) in enumerate(rules) if rule != path and path.startswith(rule)
        )


def test_the_repository_has_few_free_paths():
    """Of the files in git only hooks, prose, data and what the pipeline makes are free."""
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    free = set(files) - set(protected(files))
    assert all(path.startswith(FREE) or path in MADE or path.endswith(".md") for path in free)
    assert "src/mlops/verdict.schema.json" not in free
