"""The deepchecks suite: which checks it runs, what its reports show, and that the same rows give the same bytes."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops import cli, files
from mlops.errors import CannotRun
from mlops.paths import DEEPCHECKS, DEEPCHECKS_PAGE, PART
from mlops.pipeline import deepchecks_suite as suite

ENVIRONMENT = Path(__file__).resolve().parents[2] / ".venv-deepchecks"
CANARY = "Canary-Lane"
CANARIES = (CANARY, "canarylane", "31337", "1987-06-05")
CONTRACT = """
version: 1
task: binary
target: bought
positive: "yes"
id: visit
time: day
slices: [group]
columns:
  visit: {type: text}
  day: {type: date}
  amount: {type: number, nullable: true}
  age: {type: integer}
  street: {type: category, categories: [north, south], nullable: true}
  member: {type: boolean}
  group: {type: category, categories: [a, b], protected: true}
  note: {type: text}
  bought: {type: category, categories: ["no", "yes"]}
"""
PARAMS = """
data: {window: {start: "2024-01", end: "2024-02"}}
split: {salt: "visits"}
train: {estimator: logistic}
deepchecks: {seed: 1, rows: 500, gate: [DataDuplicates, TrainTestSamplesMix]}
reports: {examples: %s}
"""


def visits(rows: int, seed: int) -> pd.DataFrame:
    """Return `rows` random visits of the contract above; a higher amount is bought more often."""
    rng = np.random.default_rng(seed)
    amount = rng.normal(50, 10, rows).round(2)
    return pd.DataFrame(
        {
            "visit": [f"{seed}-{number}" for number in range(rows)],
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 59, rows), "D"),
            "amount": np.where(rng.random(rows) < 0.05, np.nan, amount),
            "age": rng.integers(18, 90, rows),
            "street": rng.choice(np.array(["north", "south", None], dtype=object), rows),
            "member": rng.random(rows) < 0.5,
            "group": rng.choice(["a", "b"], rows),
            "note": "said nothing",
            "bought": np.where(amount + rng.normal(0, 10, rows) > 50, "yes", "no"),
        }
    )


def plant(train: pd.DataFrame, test: pd.DataFrame) -> None:
    """Put one person into both parts, under several ids and spellings, so that many checks have something to show."""
    for frame in (train, test):
        frame.loc[:5, "amount"], frame.loc[:5, "note"], frame.loc[:5, "age"] = 31337.0625, CANARY, 40
        frame.loc[:5, "street"] = [CANARY, CANARY, "canary lane", "CANARY LANE", CANARY, CANARY]
        frame.loc[:5, "day"], frame.loc[:5, "member"], frame.loc[:4, "bought"] = pd.Timestamp("1987-06-05"), True, "yes"
        frame.loc[5, ["visit", "bought"]] = [CANARY, "no"]
    test.loc[6, "street"] = f"{CANARY} 2"


@pytest.fixture
def reports(tmp_path, monkeypatch):
    """A function (train, test, examples): run the suite as the verb runs it, and return the parsed JSON and the page."""
    monkeypatch.chdir(tmp_path)
    for name, value in cli.PINS.items():
        monkeypatch.setenv(name, value)

    def run(train, test, examples=False):
        files.write_text("data/contract.yaml", CONTRACT)
        files.write_text("params.yaml", PARAMS % str(examples).lower())
        for name, frame in (("train", train), ("test", test)):
            score = frame["amount"].fillna(50).rank(pct=True)
            files.write_table(PART.format(name), frame)
            files.write_table(f"scores/{name}.parquet", pd.DataFrame({"score": score, "decision": score > 0.5}))
        command = [ENVIRONMENT / "bin/python", "-m", "mlops.pipeline.deepchecks_suite", "scores"]
        subprocess.run(command, check=True)
        return json.loads(Path(DEEPCHECKS).read_text()), Path(DEEPCHECKS_PAGE).read_text()

    return run


def test_takes_a_gate_of_checks_that_it_runs():
    """Every check of the suite may gate."""
    for by in ("hash", "time"):
        suite.check_gate(sorted(suite.names(by)), by)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("MixedNull", "did you mean 'MixedNulls'"),
        ("Xyz", "known: CalibrationScore, "),
        ("BoostingOverfit", "is left out of the suite .it needs the model"),
        ("DateTrainTestLeakageOverlap", "is left out of the suite .with `split.by: hash`"),
    ],
)
def test_refuses_a_gate_that_it_does_not_run(name, sentence):
    """What is misspelt gets the nearest name, what is left out gets the reason."""
    with pytest.raises(CannotRun, match=sentence):
        suite.check_gate(["DataDuplicates", name], "hash")


@pytest.mark.slow
def test_names_every_check_of_the_full_suite_once():
    """A check is shown, half shown, dated or left out; a newer deepchecks with other checks is noticed here."""
    script = "from deepchecks.tabular.suites import full_suite; print(*(type(c).__name__ for c in full_suite().checks.values()))"
    output = subprocess.run(
        [ENVIRONMENT / "bin/python", "-W", "ignore", "-c", script], capture_output=True, text=True, check=True
    )
    groups = [*suite.PLOTS, *suite.SHARES, *suite.STATES, *suite.DATES, *suite.LEFT_OUT]
    assert sorted(output.stdout.split()) == sorted(groups)


@pytest.mark.slow
def test_holds_on_rows_without_a_fault_and_gives_the_same_bytes_twice(reports):
    """Every check of the suite can run on every column type, integrity holds, and a second run changes no byte."""
    train, test = visits(900, 1), visits(400, 2)
    report, page = reports(train, test)
    assert [] == [check["title"] for check in report["checks"] if check["error"]]
    assert suite.names("hash") == {check["check"] for check in report["checks"]}
    assert failing(report).isdisjoint(
        {"DataDuplicates", "IndexTrainTestLeakage", "TrainTestSamplesMix", "ConflictingLabels"}
    )
    assert (report, page) == reports(train, test)


@pytest.mark.slow
def test_shows_no_value_of_a_person_unless_told_to(reports):
    """A planted person is in neither report; with reports.examples they are, which shows that the search can find them."""
    train, test = visits(900, 1), visits(400, 2)
    plant(train, test)
    report, page = reports(train, test)
    assert {"ConflictingLabels", "IndexTrainTestLeakage", "NewCategoryTrainTest", "StringMismatch"} <= failing(report)
    assert [] == [word for word in CANARIES if word.lower() in (page + json.dumps(report)).lower()]
    report, page = reports(train, test, examples=True)
    assert [] == [word for word in CANARIES if word.lower() not in page.lower()]
    assert CANARIES[1] in json.dumps(report)


@pytest.mark.slow
def test_fails_where_test_rows_are_train_rows_under_other_ids(reports):
    """Copies are found among all rows, though the other checks read a sample of them."""
    train = visits(2000, 1)
    copies = train.tail(400).reset_index(drop=True)
    report, _ = reports(train, copies.assign(visit=[f"copy-{number}" for number in range(400)]))
    assert ["fail"] == [
        c["category"]
        for check in report["checks"]
        if check["check"] == "TrainTestSamplesMix"
        for c in check["conditions"]
    ]
    assert {"DataDuplicates", "IndexTrainTestLeakage"}.isdisjoint(failing(report))


@pytest.mark.slow
def test_calls_a_check_that_cannot_run_an_error(reports):
    """A check that deepchecks stops on has one condition, of category error, and has not passed."""
    train = visits(900, 1)
    report, _ = reports(train, visits(5, 2))
    stopped = [check for check in report["checks"] if check["error"]]
    assert stopped
    assert {("error", False)} == {(c["category"], c["passed"]) for check in stopped for c in check["conditions"]}


def failing(report: dict) -> set[str]:
    """Return the checks with a condition that does not hold."""
    return {
        check["check"] for check in report["checks"] for condition in check["conditions"] if not condition["passed"]
    }
