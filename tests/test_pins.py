"""The environment of every verb: understood by numpy without a warning, and enough for equal bytes."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from copies import copy
from mlops.pins import PINS
from tables import TASKS, Folder

STAGES = ("fingerprint", "ingest", "validate", "prepare", "train", "evaluate")
OUTPUTS = ("models/model.onnx", "models/training_keys.parquet", "metrics.json")


def python(code: str, folder: Path | None = None, **env: str) -> subprocess.CompletedProcess:
    """A Python that begins with the pins, as one that a verb starts does."""
    words = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(words, cwd=folder, env={**os.environ, **PINS, **env}, capture_output=True, text=True)


def test_numpy_knows_every_feature_that_is_turned_off():
    """It would only warn of a name of another version, and run on with faster instructions."""
    done = python("import numpy")
    assert (0, "") == (done.returncode, done.stderr)


def test_numpy_warns_of_a_name_that_it_does_not_know():
    """So the test before would notice."""
    done = python("import numpy", NPY_DISABLE_CPU_FEATURES="AVX512F")
    assert 0 != done.returncode
    assert "AVX512F" in done.stderr


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the pins are for x86-64")
def test_nothing_above_avx2_is_left_on():
    """Of all that numpy has code of its own for: AVX2 is on every reference machine, what comes after it on some."""
    code = "from numpy._core._multiarray_umath import __cpu_dispatch__ as own, __cpu_features__ as on; "
    done = python(code + "print(*[name for name in own if on[name]])")
    assert {*done.stdout.split()} <= {"X86_V3"}, done.stderr


def run(folder: Path, pins: dict[str, str]) -> list[bytes]:
    """The outputs of the stages, each a process of its own with these pins."""
    for stage in STAGES:
        code = f"import sys; from mlops import cli; cli.PINS.update({pins!r}); sys.exit(cli.main([{stage!r}]))"
        env = {**os.environ, "PYTHONPATH": str(folder / "src")}
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True)
        assert 0 == done.returncode, done.stderr
    return [(folder / name).read_bytes() for name in OUTPUTS]


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("estimator", ["gradient_boosting", "hist_gradient_boosting", "linear"])
def test_the_same_tree_gives_the_same_bytes_with_fewer_cpu_features(tmp_path, estimator, task):
    """Run twice, the second time also without numpy's AVX2 code: model, keys and figures are the same."""
    made = copy(tmp_path)
    made.edit("params.yaml", "rows_per_month: 2000", "rows_per_month: 400")
    made.edit("params.yaml", "estimator: gradient_boosting", f"estimator: {estimator}")
    Folder(tmp_path).ask(task)
    fewer = {"NPY_DISABLE_CPU_FEATURES": f"{PINS['NPY_DISABLE_CPU_FEATURES']} X86_V3"}
    assert run(tmp_path, {}) == run(tmp_path, fewer)
