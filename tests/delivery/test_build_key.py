"""A build key is that of what an image holds: nothing else changes it, and it is known of every commit."""

import subprocess

import pytest

from mlops.delivery.build_key import admitted, build_key, changed
from mlops.errors import CannotRun
from mlops.files import write_text

FILES = {
    "Dockerfile": "FROM scratch\n",
    ".dockerignore": "*\n!src/serve\n!metrics.json\n!models/model.onnx\n",
    "src/serve/a.py": "1\n",
    "metrics.json": "{}\n",
    "README.md": "hello\n",
}


def git(tree, *words):
    """Run git."""
    words = ["-c", "user.name=A", "-c", "user.email=a@example.com", *words]
    return subprocess.run(["git", *words], cwd=tree, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def tree(tmp_path):
    """A commit."""
    for name, text in FILES.items():
        write_text(tmp_path / name, text)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "one")
    return tmp_path


def edited(tree, name: str) -> str:
    """The key after a commit that changes a file."""
    write_text(tree / name, "changed\n" + (FILES.get(name, "")))
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "two")
    return build_key(root=tree)


@pytest.mark.parametrize("name", ["Dockerfile", "src/serve/a.py", "src/serve/b.py", "metrics.json"])
def test_what_an_image_holds_changes_its_key(tree, name):
    """Sources, the recipe, and the model by its hash in metrics.json."""
    before = build_key(root=tree)
    assert 64 == len(before)
    assert before != edited(tree, name)


@pytest.mark.parametrize("name", ["README.md", "manifests/x.yaml", "src/other.py"])
def test_what_no_image_holds_leaves_its_key(tree, name):
    """Promotions and documents build nothing anew."""
    assert build_key(root=tree) == edited(tree, name)


def test_an_older_commits_key_is_known_without_a_checkout(tree):
    """From git alone."""
    before, first = build_key(root=tree), git(tree, "rev-parse", "HEAD")
    edited(tree, "src/serve/a.py")
    assert before == build_key(first, tree)
    assert ["src/serve", "metrics.json"] == admitted(first, tree)


def test_a_commit_that_lacks_a_file_has_no_key(tree):
    """It is named."""
    git(tree, "rm", "-q", "metrics.json")
    git(tree, "commit", "-q", "-m", "gone")
    with pytest.raises(CannotRun, match=r"has no metrics\.json, of which an image is made"):
        build_key(root=tree)


def test_files_that_differ_from_the_commit_are_named(tree):
    """New ones too, and those that git ignores and a builder does not; others do not count."""
    assert [] == changed(tree)
    write_text(tree / ".git/info/exclude", "*.db\n")
    for name in ("src/serve/a.py", "src/serve/new.py", "src/serve/ignored.db", "README.md", "x.db"):
        write_text(tree / name, "other\n")
    assert ["src/serve/a.py", "src/serve/ignored.db", "src/serve/new.py"] == sorted(changed(tree))
