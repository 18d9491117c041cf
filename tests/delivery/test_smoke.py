"""An image passes where it answers as the pipeline did, and says what differs where it does not."""

import argparse
import json
import shutil

import numpy as np
import pytest

from images_built import build_image, needs_images
from mlops import contract
from mlops.delivery import smoke
from mlops.delivery.container import Container
from mlops.errors import CannotRun
from mlops.files import read_json, read_table, write_json, write_table
from mlops.onnx_model import Model
from mlops.paths import PREDICTIONS
from tables import TASKS

WANTED = {"score": np.array([0.25, 0.75]), "decision": [False, True]}


@pytest.mark.parametrize("task", TASKS)
def test_golden_rows_are_as_a_caller_sends_them(copied, task):
    """JSON, without what the model does not read; scores and decisions are those of the verdict."""
    copied(task)
    model, table = Model.read(), contract.read()
    rows, expected = smoke.golden(model, table)
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert {column["name"] for column in model.columns} == set(rows[0])
    assert len(rows) == len(expected["score"]) == len(expected["decision"]) > 100
    kinds = {"binary": bool, "multiclass": str, "regression": float}
    assert {kinds[task]} == {type(each) for each in expected["decision"]}


@pytest.mark.parametrize("off", [0, 9e-7])
def test_what_is_near_enough_is_the_same(off):
    """A millionth."""
    assert [] == [*smoke.differences(WANTED["score"] + off, [False, True], WANTED, "")]


@pytest.mark.parametrize(
    ("score", "decision", "said"),
    [
        ([0.25, 0.750002], [False, True], "scores differ by up to 2e-06, 1e-06 is allowed"),
        ([0.25, float("nan")], [False, True], "scores differ by up to nan"),
        ([0.25, 0.75], [False, False], "1 of 2 decisions differ"),
    ],
)
def test_what_differs_is_said(score, decision, said):
    """A score that is no number, and a decision, whatever its score."""
    (found,) = smoke.differences(np.array(score), decision, WANTED, "")
    assert found.startswith(said)


def test_a_numbers_decision_is_its_score():
    """It is held to the same millionth, of a large number relative to it."""
    wanted = {"score": np.array([250_000.0]), "decision": [250_000.0]}
    assert [] == [*smoke.differences(np.array([250_000.1]), [250_000.1], wanted, "")]
    assert 1 == len([*smoke.differences(np.array([250_001.0]), [250_001.0], wanted, "")])


@pytest.fixture
def here(built, containers, monkeypatch):
    """The tree whose image is built, as working directory."""
    for name, value in containers.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(built)
    return built


def run(*words: str) -> int:
    """Run the verb."""
    parser = argparse.ArgumentParser()
    smoke.add_arguments(parser)
    return smoke.run(parser.parse_args(words))


PODMAN = """
import sys
sys.stderr.write('level=warning msg="there is no systemd user session available"\\n')
said, code = {answers!r}[sys.argv[-1]]
sys.stdout.write(said) if not code else sys.stderr.write(said)
sys.exit(code)
"""
SOUND = {"-u": ("10001", 0), "true": ("", 0), "echo > /app/written": ("sh: 1: cannot create: Read-only file system", 2)}


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({}, []),
        ({"-u": ("0", 0)}, ["it runs as user 0, which"]),
        ({"-u": ("no such program", 127)}, ["it runs as user"]),
        ({"true": ("exec failed", 126)}, ["nothing can be looked at in it"]),
        ({"echo > /app/written": ("", 0)}, ["its root file system can be written"]),
        ({"echo > /app/written": ("sh: not found", 127)}, ["its root file system can be written"]),
    ],
)
def test_what_a_container_is_is_looked_at_whatever_podman_warns_of(tmp_path, monkeypatch, program, answers, said):
    """Root, a root that can be written, and a look that failed are faults; a warning is none."""
    monkeypatch.chdir(tmp_path)
    write_json("metrics.json", {"model_hash": "a", "data_hash": "b"})
    program("podman", PODMAN.format(answers=SOUND | answers))
    container = Container("x", 1)
    monkeypatch.setattr(container, "get", lambda _: {"model_hash": "a", "data_hash": "b"})
    found = [*smoke.state(container)]
    assert len(said) == len(found)
    assert all(each.startswith(start) for each, start in zip(found, said, strict=True))


@pytest.mark.slow
@needs_images
def test_the_image_of_this_commit_passes(here, capsys):
    """Read-only, nobody's, with the scores that were judged."""
    assert 0 == run()
    assert "golden rows, no fault" in capsys.readouterr().out


@pytest.mark.slow
@needs_images
def test_an_image_that_answers_otherwise_fails(here, capsys):
    """Other scores and decisions were judged: of a batch, and of rows that are sent alone."""
    judged = read_table(PREDICTIONS)
    try:
        write_table(PREDICTIONS, judged.assign(score=judged["score"] + 0.01, decision=~judged["decision"]))
        assert 1 == run()
    finally:
        write_table(PREDICTIONS, judged)
    said = capsys.readouterr().out
    for which in ("", " of rows that are sent alone"):
        assert f"smoke: scores{which} differ by up to 0.01, 1e-06 is allowed" in said
        assert f"decisions{which} differ" in said


@pytest.mark.slow
@needs_images
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("USER 10001", "USER 0", "it runs as user 0, which should be a number that is not root's"),
        ("DATA_HASH}", "DATA_HASH}0", "its label mlops.data-hash is"),
    ],
)
def test_an_image_that_is_not_what_it_should_be_fails(here, tmp_path, monkeypatch, capsys, old, new, said):
    """Root, or a label that does not say what is in it."""
    tree = shutil.copytree(here, tmp_path / "tree", symlinks=True)
    (tree / "Dockerfile").write_text((tree / "Dockerfile").read_text().replace(old, new))
    build_image(tree)
    monkeypatch.chdir(tree)
    assert 1 == run()
    assert said in capsys.readouterr().out


@pytest.mark.slow
@needs_images
def test_an_image_of_another_model_fails(here, capsys):
    """Another one was judged meanwhile."""
    judged = read_json("metrics.json", "")
    try:
        write_json("metrics.json", judged | {"model_hash": "f" * 64})
        assert 1 == run()
    finally:
        write_json("metrics.json", judged)
    assert f"/version says model_hash {judged['model_hash']}, metrics.json says ffff" in capsys.readouterr().out


@pytest.mark.slow
@needs_images
def test_an_image_that_does_not_start_is_said(here, tmp_path, monkeypatch):
    """With what it wrote."""
    tree = shutil.copytree(here, tmp_path / "tree", symlinks=True)
    text = (tree / "Dockerfile").read_text()
    (tree / "Dockerfile").write_text(
        text.replace('CMD ["python", "-m", "mlops.serve"]', 'CMD ["python", "-c", "raise SystemExit(\'broken\')"]')
    )
    build_image(tree)
    monkeypatch.chdir(tree)
    with pytest.raises(CannotRun, match="the image is not ready: broken"):
        run()


def test_without_an_image_there_is_nothing_to_run(tmp_path, monkeypatch):
    """The sentence names the file and the verb."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotRun, match=r"build/image\.tar is no OCI archive of one image: build it with `make image`"):
        run()
