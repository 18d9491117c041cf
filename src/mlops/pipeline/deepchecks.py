"""Stage `deepchecks`: integrity and leakage checks of the rows and the model's answers. Run: mlops deepchecks.

deepchecks 0.19.1 stays behind today's versions of its libraries, so the suite runs in an environment of its own and is fed with
scores. Writes reports/deepchecks.json and reports/deepchecks.html; a check that fails is a red gate of the verdict, not an error.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from mlops import contract
from mlops.errors import CannotRun
from mlops.files import read_json, read_table, write_table
from mlops.onnx_model import Model
from mlops.paths import DEEPCHECKS, DEEPCHECKS_PAGE, PART, PREDICTIONS
from mlops.split import keys
from mlops.task import score_columns

PYTHON = ".venv-deepchecks/bin/python"
SUITE = "mlops.pipeline.deepchecks_suite"
# The suite's numpy is older, and has other names for what mlops.cli turns off in today's.
ENVIRONMENT = {
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_KNL AVX512_KNM AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL"
}


def run(args) -> None:
    """Run the suite; raises CannotRun where it has no environment, no scores, or stops."""
    for path in (DEEPCHECKS, DEEPCHECKS_PAGE):
        Path(path).unlink(missing_ok=True)
    table = contract.read()
    if not Path(PYTHON).exists():
        raise CannotRun(f"{PYTHON} is not there: run `make setup-deepchecks`, then again")
    with tempfile.TemporaryDirectory() as folder:
        for name, frame in scores(table).items():
            write_table(Path(folder) / f"{name}.parquet", frame)
        execute([PYTHON, "-m", SUITE, folder])
    print(summary(read_json(DEEPCHECKS, "run `mlops deepchecks` again")))


def scores(table: contract.Contract) -> dict[str, pd.DataFrame]:
    """Return {train, test}: the score, one column a class, and decision of each prepared row.

    Test scores are those that `evaluate` wrote.
    """
    model, columns = Model.read(), score_columns(table.classes)
    tested = read_table(PREDICTIONS, ["key", *columns, "decision"])
    if list(tested["key"]) != list(keys(read_table(PART.format("test"), [table.key]), table)):
        raise CannotRun(f"{PREDICTIONS} is not of the rows in {PART.format('test')}: run `mlops evaluate` first")
    score = model.score(read_table(PART.format("train")))
    trained = pd.DataFrame(score.reshape(len(score), -1), columns=columns).assign(decision=model.decide(score))
    return {"train": trained, "test": tested[[*columns, "decision"]]}


def execute(command: list[str]) -> None:
    """Run `command`, passing its stderr on as it comes; raises CannotRun with the last line where it fails."""
    last = ""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | ENVIRONMENT) as process:
        for line in process.stderr:
            print(line, end="", file=sys.stderr)
            last = line.strip() or last
    if process.returncode:
        why = last or "it said nothing; the machine may be out of memory"
        raise CannotRun(f"the deepchecks suite stopped (exit {process.returncode}): {why}")


def summary(report: dict) -> str:
    """Return the report's content in one line."""
    conditions = [condition for check in report["checks"] for condition in check["conditions"]]
    broken = sum(not condition["passed"] for condition in conditions)
    errors = sum(bool(check["error"]) for check in report["checks"])
    held = "does" if broken == 1 else "do"
    counts = (
        f"{_count(len(conditions), 'condition')}, {broken} {held} not hold, {_count(errors, 'check')} could not run"
    )
    return f"deepchecks: {counts}; see {DEEPCHECKS_PAGE}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"
