"""What was reviewed is what is here, byte for byte; a cache that was tampered with is found out."""

import json
import subprocess

import pytest

from mlops.baseline import SCHEMA, USED
from mlops.delivery import verify
from mlops.dvc import environment
from mlops.errors import CannotRun
from mlops.files import sha256, write_text
from remote import git

FILES = {"models/model.onnx": "a model", "data/prepared/test.parquet": "rows", "data/prepared/train.parquet": "more"}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A pipeline of two outputs, run by DVC itself, its lock committed."""
    monkeypatch.chdir(tmp_path)
    stage = (
        "stages:\n  train:\n    cmd: python make.py\n    deps: [make.py]\n    outs: [models/model.onnx, data/prepared]\n"
        "  evaluate:\n    cmd: echo done\n    deps: [models/model.onnx]\n"
    )
    make = "import pathlib\n" + "".join(
        f"p = pathlib.Path({name!r}); p.parent.mkdir(parents=True, exist_ok=True); p.write_text({text!r})\n"
        for name, text in FILES.items()
    )
    judged = {name: {} for name in USED} | {"schema": SCHEMA, "model_hash": sha256(b"a model")}
    metrics = json.dumps(judged)
    for name, text in {"dvc.yaml": stage, "make.py": make, "metrics.json": metrics}.items():
        write_text(name, text)
    git(tmp_path, "init", "-q")
    for words in (["init", "-q"], ["repro", "-q"]):
        subprocess.run(["dvc", *words], check=True, env=environment())
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "main")
    return tmp_path


def test_what_dvc_has_made_is_what_its_lock_names(tree, capsys):
    """Files and folders are hashed as DVC hashes them."""
    assert 0 == verify.run(None)
    assert "verify: every output is what was reviewed\n" == capsys.readouterr().out


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte_is_found(tree, capsys, name):
    """In a file, or in a file of a folder, though DVC's own records may say otherwise."""
    path = tree / name
    path.unlink()  # DVC may have linked it to its cache
    path.write_text(FILES[name] + "!")
    assert 1 == verify.run(None)
    said = capsys.readouterr().out
    assert "not what was reviewed: " in said
    assert "nothing is released" in said


@pytest.mark.parametrize("change", ["gone", "added"])
def test_a_folder_is_the_files_in_it(tree, capsys, change):
    """One less, one more."""
    if change == "gone":
        (tree / "data/prepared/test.parquet").unlink()
    else:
        (tree / "data/prepared/own.parquet").write_text("")
    assert 1 == verify.run(None)
    assert "data/prepared of stage train is " in capsys.readouterr().out


def test_an_output_that_is_not_there_is_named(tree, capsys):
    """It was not restored."""
    (tree / "models/model.onnx").unlink()
    assert 1 == verify.run(None)
    assert "models/model.onnx of stage train is not there" in capsys.readouterr().out


def test_a_lock_of_nothing_is_no_review(tree, capsys):
    """No stage, no model: nothing was reviewed."""
    write_text("dvc.lock", "schema: '2.0'\nstages: {}\n")
    (tree / "models/model.onnx").unlink()
    git(tree, "commit", "-q", "-a", "-m", "nothing")
    assert 1 == verify.run(None)
    said = capsys.readouterr().out
    assert "dvc.lock has no stage evaluate, train" in said
    assert "models/model.onnx is not there, metrics.json names" in said


def test_the_lock_of_the_commit_counts(tree, capsys):
    """One that a run has written over is not what was reviewed."""
    (tree / "make.py").write_text((tree / "make.py").read_text().replace("a model", "another"))
    subprocess.run(["dvc", "repro", "-q"], check=True, env=environment())
    assert 1 == verify.run(None)
    said = capsys.readouterr().out
    assert "models/model.onnx of stage train is" in said
    assert f"models/model.onnx is {sha256(b'another')[:12]}, metrics.json names {sha256(b'a model')[:12]}" in said


@pytest.mark.parametrize("name", ["dvc.lock", "metrics.json"])
def test_a_commit_without_a_lock_says_nothing_of_what_was_reviewed(tree, name):
    """That is no pass."""
    git(tree, "rm", "-q", name)
    git(tree, "commit", "-q", "-m", "gone")
    with pytest.raises(CannotRun, match=rf"the commit has no {name}, so nothing says what was reviewed"):
        verify.run(None)
