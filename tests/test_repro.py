"""The pipeline, run by its verb: what stops it, what it brings from a store, and whose lock stays."""

import platform
import shutil
import subprocess
import sys

import pytest

from copies import SAMPLE, Copy
from mlops import cli, dvc, stopped
from mlops.files import write_text
from mlops.pins import PINS
from mlops.repro import lock_of_reference, reference_machine

PIPELINE = """
stages:
  evaluate: {cmd: echo run >> log && cp params.yaml out && cp params.yaml metrics.json, deps: [params.yaml], outs: [out], metrics: [metrics.json: {cache: false}]}
  other: {cmd: test -f there, deps: [out]}
"""
REFERENCE = "flags : fpu avx avx2 fma\n"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A pipeline of two small stages with the repository's params, as working directory."""
    monkeypatch.chdir(tmp_path)
    for name, value in PINS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DVC_REMOTE_URL", raising=False)
    shutil.copy(SAMPLE / "params.yaml", tmp_path)
    write_text("dvc.yaml", PIPELINE)
    write_text(".dvc/config", "[core]\n    analytics = false\n")
    made = Copy(tmp_path, "")
    made.git("init", "-q")
    return made


def test_a_run_makes_what_is_asked_for(tree):
    """One stage, once; a second run has nothing to do."""
    assert (0, 0) == (cli.main(["repro", "evaluate"]), cli.main(["repro", "evaluate"]))
    assert "run\n" == (tree.path / "log").read_text()


def test_a_stage_that_fails_is_2(tree):
    """What came before it is done and recorded."""
    assert 2 == cli.main(["repro", "evaluate", "other"])
    assert ["evaluate"] == list(dvc.read_lock("dvc.lock")["stages"])


def test_a_file_that_is_not_there_is_named(tree, capfd):
    """DVC, told to be quiet, says nothing at all: the sentence has the file, the stage and the fix, and the verdict too."""
    tree.edit("dvc.yaml", "deps: [params.yaml]", "deps: [params.yaml, table.csv]")
    assert 2 == cli.main(["repro", "other"])
    sentence = "dvc.yaml: stage evaluate needs table.csv, which is not there: restore it, or take it out of its deps"
    assert f"mlops repro: {sentence}\n" in capfd.readouterr().err
    assert sentence == stopped.why(["evaluate"])
    write_text("table.csv", "a\n")
    assert 0 == cli.main(["repro", "evaluate"])


def test_a_pipeline_that_dvc_cannot_read_is_said(tree, capfd):
    """DVC's own reason, which it would keep to itself."""
    tree.edit("dvc.yaml", "other: {cmd", "other: {comand: x, cmd")
    assert 2 == cli.main(["repro", "evaluate"])
    assert "mlops repro: `dvc status` failed: " in capfd.readouterr().err


def test_a_misspelt_param_stops_before_anything_runs(tree, capsys):
    """One sentence, and no stage, output or lock."""
    tree.edit("params.yaml", "calibration: sigmoid", "calibraton: sigmoid")
    assert 2 == cli.main(["repro", "evaluate"])
    assert capsys.readouterr().err.endswith("unknown key 'train.calibraton'; did you mean 'calibration'?\n")
    assert not any((tree.path / name).exists() for name in ("log", "out", "dvc.lock"))


def test_a_lock_in_conflict_stops_before_anything_runs(tree, capsys):
    """The sentence says how to end the conflict; the file is left for git."""
    text = "<<<<<<< HEAD\nschema: '2.0'\n=======\nschema: '2.0'\n>>>>>>> main\n"
    write_text("dvc.lock", text)
    assert 2 == cli.main(["repro", "evaluate"])
    assert "dvc.lock has conflict markers: take main's with" in capsys.readouterr().err
    assert (False, text) == ((tree.path / "log").exists(), (tree.path / "dvc.lock").read_text())


def test_a_store_that_cannot_be_reached_stops_before_anything_runs(tree, monkeypatch, capsys):
    """One sentence with address, reason and fix; DVC alone would stop with an unexpected error, or wait."""
    monkeypatch.setenv("DVC_REMOTE_URL", f"{tree.path}/params.yaml/store")
    assert 2 == cli.main(["repro", "evaluate"])
    said = capsys.readouterr().err
    assert said.startswith(f"mlops repro: DVC_REMOTE_URL {tree.path}/params.yaml/store cannot be reached (")
    assert 1 == len(said.splitlines())
    assert not any((tree.path / name).exists() for name in ("log", "out", "dvc.lock"))


def test_outputs_come_from_the_store_without_a_run(tree, monkeypatch):
    """What somebody else made and pushed is not made again."""
    cli.main(["repro", "evaluate"])
    shutil.move(".dvc/cache", "store")
    for name in ("out", "log"):
        (tree.path / name).unlink()
    monkeypatch.setenv("DVC_REMOTE_URL", f"{tree.path}/store")
    assert 0 == cli.main(["repro", "evaluate"])
    assert (True, False) == ((tree.path / "out").exists(), (tree.path / "log").exists())


@pytest.mark.parametrize(
    ("text", "expected"), [(REFERENCE, True), ("flags : avx fma", False), ("flags : avx2", False), (None, False)]
)
def test_a_reference_machine_has_avx2_and_fma(tmp_path, text, expected):
    """On x86-64; a machine that cannot be asked is none."""
    if text:
        (tmp_path / "cpuinfo").write_text(text)
    assert (expected and platform.machine() == "x86_64") == reference_machine(str(tmp_path / "cpuinfo"))


@pytest.mark.parametrize("reference", [True, False])
def test_the_lock_is_the_reference_machines(tmp_path, monkeypatch, reference):
    """Elsewhere both files are put back, also after an error: hashes made there are not the lock's."""
    if reference and platform.machine() != "x86_64":
        pytest.skip("only an x86-64 machine can be the reference")
    monkeypatch.chdir(tmp_path)
    write_text("cpuinfo", REFERENCE if reference else "flags : avx")
    write_text("dvc.lock", "main's")
    with pytest.raises(ZeroDivisionError), lock_of_reference("cpuinfo"):  # noqa: PT012 - the error comes after the change
        write_text("dvc.lock", "made here")
        raise ZeroDivisionError
    assert ("made here" if reference else "main's") == (tmp_path / "dvc.lock").read_text()


@pytest.mark.skipif(not shutil.which("linux32"), reason="the program that shows a process another machine is not there")
def test_the_verb_leaves_the_lock_alone_on_another_machine(tree):
    """The outputs are made, dvc.lock and metrics.json are those of before."""
    write_text("dvc.lock", "schema: '2.0'\nstages: {}\n")
    write_text("metrics.json", "main's")
    words = ["linux32", sys.executable, "-m", "mlops", "repro", "evaluate"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert 0 == done.returncode, done.stderr
    assert "this machine is not x86-64 with AVX2" in done.stdout
    assert ("main's", True) == ((tree.path / "metrics.json").read_text(), (tree.path / "out").exists())
    assert {} == dvc.read_lock("dvc.lock")["stages"]
