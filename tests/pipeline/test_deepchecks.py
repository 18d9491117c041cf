"""The verb `mlops deepchecks`: it refuses before it starts the suite, and says why the suite stopped."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from mlops import contract, files
from mlops.errors import CannotRun
from mlops.paths import DEEPCHECKS, DEEPCHECKS_PAGE, PART, PREDICTIONS
from mlops.pipeline import deepchecks

CONTRACT = """
version: 1
task: binary
target: bought
id: visit
columns:
  visit: {type: text}
  amount: {type: number}
  bought: {type: integer}
"""
PARAMS = """
data: {window: {start: "2024-01", end: "2024-02"}}
split: {salt: "visits"}
train: {estimator: logistic}
deepchecks: {gate: [%s]}
"""


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A repository with a contract, whose params gate on the named checks."""
    monkeypatch.chdir(tmp_path)
    files.write_text("data/contract.yaml", CONTRACT)
    return lambda *gate: files.write_text("params.yaml", PARAMS % ", ".join(gate))


def test_refuses_without_the_environment(tree):
    """Where .venv-deepchecks is missing, the sentence names the verb that makes it."""
    tree("DataDuplicates")
    with pytest.raises(CannotRun, match="run `make setup-deepchecks`"):
        deepchecks.run(None)


def test_leaves_no_report_of_an_earlier_run_when_it_refuses(tree):
    """A refusal takes old reports away, so that no gate reads them."""
    tree("DataDuplicates")
    for path in (DEEPCHECKS, DEEPCHECKS_PAGE):
        files.write_text(path, "{}")
    with pytest.raises(CannotRun):
        deepchecks.run(None)
    assert [] == list(Path("reports").iterdir())


def test_refuses_a_gate_that_is_no_check(tree):
    """A misspelt check is refused with the nearest right name, before anything runs."""
    tree("DataDuplicate")
    with pytest.raises(
        CannotRun, match="'DataDuplicate', which is no check of the suite; did you mean 'DataDuplicates'"
    ):
        deepchecks.run(None)


def test_refuses_predictions_of_other_rows(tree):
    """Test scores count only where they belong to the prepared test rows, in their order."""
    rows = pd.DataFrame({"visit": ["a", "b"], "amount": [1.0, 2.0], "bought": [0, 1]})
    files.write_table(PART.format("test"), rows)
    files.write_table(PREDICTIONS, rows[::-1].assign(score=0.5, decision=True))
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


def test_sums_the_report_up_in_a_line():
    """Conditions that do not hold and checks that could not run are counted apart."""
    held, broken = {"passed": True}, {"passed": False}
    report = {"checks": [{"conditions": [held, broken], "error": ""}, {"conditions": [broken], "error": "why"}]}
    expected = "deepchecks: 3 conditions, 2 do not hold, 1 could not run; see reports/deepchecks.html"
    assert expected == deepchecks.summary(report)
