"""The verb `mlops deepchecks`: it refuses before it starts the suite, and says why the suite stopped."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mlops import contract, files
from mlops.errors import CannotRun
from mlops.onnx_model import Model
from mlops.paths import DEEPCHECKS, DEEPCHECKS_PAGE, PREDICTIONS
from mlops.pipeline import deepchecks
from mlops.task import score_columns
from tables import TASKS

CONTRACT = """
version: 1
task: binary
target: bought
positive: 1
id: visit
columns:
  visit: {type: text}
  amount: {type: number}
  bought: {type: integer}
"""
PARAMS = """
data: {window: {start: "2024-01", end: "2024-02"}}
split: {salt: "visits"}
train: {estimator: linear, estimators: {linear: {}}}
"""


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A repository with a contract and params."""
    monkeypatch.chdir(tmp_path)
    files.write_text("data/contract.yaml", CONTRACT)
    files.write_text("params.yaml", PARAMS)


def test_refuses_without_the_environment(tree):
    """Where .venv-deepchecks is missing, the sentence names the verb that makes it."""
    with pytest.raises(CannotRun, match="run `make setup-deepchecks`"):
        deepchecks.run(None)


def test_leaves_no_report_of_an_earlier_run_when_it_refuses(tree):
    """A refusal takes old reports away, so that no gate reads them."""
    for path in (DEEPCHECKS, DEEPCHECKS_PAGE):
        files.write_text(path, "{}")
    with pytest.raises(CannotRun):
        deepchecks.run(None)
    assert [] == list(Path("reports").iterdir())


@pytest.mark.parametrize("task", TASKS)
def test_takes_the_scores_and_decisions_of_both_parts(answered, monkeypatch, task):
    """Of the train rows the model's own, of the test rows those that `evaluate` wrote; one column a class."""
    folder = answered(task)
    monkeypatch.chdir(folder.path)
    found, model = deepchecks.scores(contract.read()), Model.read()
    columns = [*score_columns(model.classes), "decision"]
    assert {"train": columns, "test": columns} == {name: list(frame) for name, frame in found.items()}
    for name, frame in found.items():
        score = model.score(folder.parts()[name])
        np.testing.assert_allclose(frame[columns[:-1]].to_numpy().reshape(score.shape), score, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(frame["decision"].astype(float), model.decide(score).astype(float))


def test_refuses_predictions_of_other_rows(trained):
    """Test scores count only where they belong to the prepared test rows, in their order."""
    files.write_table(PREDICTIONS, files.read_table(PREDICTIONS)[::-1])
    with pytest.raises(CannotRun, match=r"predictions.parquet is not of the rows in data/prepared/test.parquet"):
        deepchecks.scores(contract.read())


def test_goes_on_after_a_command_that_ends_well(capfd):
    """What a command says on stderr is passed on, and is no failure."""
    deepchecks.execute([sys.executable, "-c", "import sys; print('a word', file=sys.stderr)"])
    assert "a word\n" == capfd.readouterr().err


def test_says_the_last_line_of_a_command_that_fails(capfd):
    """The last line on stderr is the reason, and the lines before it are passed on."""
    with pytest.raises(CannotRun, match=r"exit 3\): the reason$"):
        deepchecks.execute(
            [sys.executable, "-c", "import sys; sys.stderr.write('first\\nthe reason\\n\\n'); sys.exit(3)"]
        )
    assert "first\nthe reason\n\n" == capfd.readouterr().err


def test_says_so_where_a_command_ends_without_a_word():
    """A command that is killed says nothing, so the sentence does."""
    with pytest.raises(CannotRun, match=r"exit -9\): it said nothing"):
        deepchecks.execute([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ([([True, False], ""), ([False], "why")], "3 conditions, 2 do not hold, 1 check could not run"),
        ([([False], "")], "1 condition, 1 does not hold, 0 checks could not run"),
        ([([True], ""), ([], "why"), ([], "why")], "1 condition, 0 do not hold, 2 checks could not run"),
    ],
)
def test_sums_the_report_up_in_a_line(checks, said):
    """Conditions that do not hold and checks that could not run are counted apart."""
    found = [{"conditions": [{"passed": held} for held in helds], "error": error} for helds, error in checks]
    assert f"deepchecks: {said}; see reports/deepchecks.html" == deepchecks.summary({"checks": found})
