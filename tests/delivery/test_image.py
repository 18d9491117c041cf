"""An image is of a commit and of the model that was judged, and the same commit gives the same bytes."""

import argparse
import json
import shutil
import subprocess

import pytest

from images_built import build_image, needs_images
from mlops.delivery import image, push_image
from mlops.delivery.build_key import build_key
from mlops.errors import CannotRun
from mlops.files import read_json, sha256, write_text
from oci import archive


@pytest.fixture
def tree(committed, tmp_path):
    """A copy of the commit, for a test to change."""
    return shutil.copytree(committed, tmp_path / "tree", symlinks=True)


def test_an_image_says_of_what_it_is_made(tree):
    """Commit, key, hashes, and the commit's time."""
    about, judged = image.described(tree), read_json(tree / "metrics.json", "")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tree, capture_output=True, text=True).stdout.strip()
    assert (head, build_key(root=tree)) == (about["commit"], about["build_key"])
    assert (judged["model_hash"], judged["data_hash"]) == (about["model_hash"], about["data_hash"])


def test_files_that_no_commit_holds_give_no_key(tree, capsys):
    """It is said, and the commit is marked."""
    write_text(tree / "src/mlops/serve/new.py", "")
    about = image.described(tree)
    assert ("", True) == (about["build_key"], about["commit"].endswith("-changed"))
    assert "not of the commit: src/mlops/serve/new.py" in capsys.readouterr().out


def test_a_model_that_was_not_judged_is_not_built(tree):
    """A cache may hold another one's bytes: the hash in metrics.json decides."""
    (tree / "models/model.onnx").write_bytes(b"poison")
    with pytest.raises(CannotRun, match=rf"models/model.onnx is {sha256(b'poison')[:12]}, metrics.json names"):
        image.described(tree)
    (tree / "models/model.onnx").unlink()
    with pytest.raises(CannotRun, match="models/model.onnx is not there: run `make train` first"):
        image.described(tree)


def test_an_archives_digest_is_read(tmp_path):
    """Of one image."""
    assert archive(tmp_path / "a.tar", {}) == image.digest(tmp_path / "a.tar")


@pytest.mark.parametrize("content", ["none", "text", "empty", "several"])
def test_what_is_no_archive_of_one_image_is_refused(tmp_path, content):
    """Nothing there, no tar, no index, two images."""
    path = tmp_path / "a.tar"
    if content == "several":
        archive(path, {}, count=2)
    elif content != "none":
        path.write_bytes(b"text" if content == "text" else b"\0" * 10_240)
    with pytest.raises(CannotRun, match="is no OCI archive of one image: build it with `make image`"):
        image.digest(path)


def test_a_machine_that_builds_nothing_is_told_what_does(tree, monkeypatch):
    """By name."""
    monkeypatch.chdir(tree)
    monkeypatch.setattr(image, "TOOLS", ("no-such-builder",))
    with pytest.raises(CannotRun, match="none of no-such-builder is installed here"):
        image.run(type("Args", (), {"tool": None, "out": "build/image.tar", "base_image": None}))


@pytest.mark.slow
@needs_images
def test_the_same_commit_gives_the_same_digest(built, containers, monkeypatch, tmp_path):
    """In another folder, built from nothing: packages, byte code, users and times."""
    for name, value in containers.items():
        monkeypatch.setenv(name, value)
    again = shutil.copytree(built, tmp_path / "elsewhere", symlinks=True, ignore=shutil.ignore_patterns("build"))
    build_image(again)
    first, second = (json.loads((tree / "build/image.json").read_text()) for tree in (built, again))
    assert first == second
    assert first["digest"] == image.digest(again / "build/image.tar")


@pytest.mark.slow
@needs_images
def test_an_image_on_another_base_is_pushed_nowhere(built, monkeypatch):
    """Its bytes are not the Dockerfile's: its own label has no key, which is what a push looks at."""
    monkeypatch.chdir(built)
    digest, labels = image.opened("build/image.tar")
    assert not labels.get("mlops.build-key")
    with pytest.raises(CannotRun, match="has no build key"):
        push_image.run(argparse.Namespace(to="127.0.0.1:1/a/b", digest=digest, archive="build/image.tar"))


def test_a_mirror_of_the_same_bytes_is_the_same_base(tree, monkeypatch):
    """It is named by the Dockerfile's digest; a tag, and another digest, are not."""
    monkeypatch.chdir(tree)
    digest = (tree / "Dockerfile").read_text().partition("@sha256:")[2][:64]
    assert image.same_base(f"mirror.example/python@sha256:{digest}")
    assert not image.same_base(f"mirror.example/python@sha256:{'0' * 64}")
    assert not image.same_base("mirror.example/python:3.12")


@pytest.mark.slow
@needs_images
def test_a_build_that_fails_leaves_the_archive_before(built, containers, monkeypatch, tmp_path):
    """Nothing half-written, and the builder's words."""
    for name, value in containers.items():
        monkeypatch.setenv(name, value)
    tree = shutil.copytree(built, tmp_path / "tree", symlinks=True)
    write_text(tree / "Dockerfile", "FROM scratch\nCOPY missing /\n")
    before = (tree / "build/image.tar").read_bytes()
    monkeypatch.chdir(tree)
    with pytest.raises(CannotRun, match="`buildah bud` failed: .*missing"):
        image.run(type("Args", (), {"tool": "buildah", "out": "build/image.tar", "base_image": None}))
    assert before == (tree / "build/image.tar").read_bytes()
