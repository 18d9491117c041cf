"""The deepchecks suite: which checks it runs, what its reports show, and that the same rows give the same bytes."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops import cli, files
from mlops.config import parse
from mlops.contract import Contract
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
ASKED = 'task: binary\ntarget: bought\npositive: "yes"\n'
CONTRACTS = {
    "binary": CONTRACT,
    "multiclass": CONTRACT.replace(ASKED, "task: multiclass\ntarget: kind\n")
    + '  kind: {type: category, categories: ["few", "some", "many"]}\n',
    "regression": CONTRACT.replace(ASKED, "task: regression\ntarget: spent\n") + "  spent: {type: number}\n",
}
TABLES = {task: parse(text, Contract, "data/contract.yaml") for task, text in CONTRACTS.items()}
OF_CLASSES = {"CalibrationScore", "ConflictingLabels", "ConfusionMatrixReport", "NewLabelTrainTest", "RocReport"}
PARAMS = """
data: {window: {start: "2024-01", end: "2024-02"}}
split: {salt: "visits"}
train: {estimator: linear, estimators: {linear: {}}}
deepchecks: {seed: 1, rows: 500, gate: [DataDuplicates, TrainTestSamplesMix]}
reports: {examples: %s}
"""


def visits(rows: int, seed: int) -> pd.DataFrame:
    """Return `rows` random visits of the contract above; a higher amount is bought more often."""
    rng = np.random.default_rng(seed)
    amount = rng.normal(50, 10, rows).round(2)
    spent = amount + rng.normal(0, 10, rows).round(2)
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
            "bought": np.where(spent > 50, "yes", "no"),
            "kind": np.array(["few", "some", "many"])[np.digitize(0.7 * amount + 0.3 * spent, [42, 58])],
            "spent": spent,
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


def answers(frame: pd.DataFrame, task: str) -> pd.DataFrame:
    """The score and decision of each row, as a model would see its amount."""
    rank = frame["amount"].fillna(50).rank(pct=True)
    if task == "binary":
        return pd.DataFrame({"score": rank, "decision": rank > 0.5})
    if task == "regression":
        return pd.DataFrame({"score": frame["amount"].fillna(50), "decision": frame["amount"].fillna(50)})
    shares = np.exp(-30 * (rank.to_numpy()[:, None] - [0.1, 0.5, 0.9]) ** 2)
    scores = pd.DataFrame(shares / shares.sum(axis=1, keepdims=True), columns=["score_few", "score_some", "score_many"])
    return scores.assign(decision=shares.argmax(axis=1))


@pytest.fixture
def reports(tmp_path, monkeypatch):
    """A function (train, test, examples, task, contract): run the suite as the verb runs it, and return the parsed JSON and the page."""
    monkeypatch.chdir(tmp_path)
    for name, value in cli.PINS.items():
        monkeypatch.setenv(name, value)

    def run(train, test, examples=False, task="binary", contract=None):
        files.write_text("data/contract.yaml", contract or CONTRACTS[task])
        files.write_text("params.yaml", PARAMS % str(examples).lower())
        for name, frame in (("train", train), ("test", test)):
            files.write_table(PART.format(name), frame)
            files.write_table(f"scores/{name}.parquet", answers(frame, task))
        command = [ENVIRONMENT / "bin/python", "-m", "mlops.pipeline.deepchecks_suite", "scores"]
        subprocess.run(command, check=True)
        return json.loads(Path(DEEPCHECKS).read_text()), Path(DEEPCHECKS_PAGE).read_text()

    return run


@pytest.mark.parametrize("task", TABLES)
@pytest.mark.parametrize("by", ["hash", "time"])
def test_takes_a_gate_of_checks_that_it_runs(by, task):
    """Every check of the suite may gate."""
    suite.check_gate(sorted(suite.names(by, TABLES[task])), by, TABLES[task])


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
        suite.check_gate(["DataDuplicates", name], "hash", TABLES["binary"])


@pytest.mark.parametrize("name", sorted(OF_CLASSES))
def test_refuses_a_gate_of_classes_for_a_number(name):
    """Two classes and several may gate on it, a number cannot: the reason says so."""
    for task in ("binary", "multiclass"):
        suite.check_gate([name], "hash", TABLES[task])
    with pytest.raises(CannotRun, match=rf"names '{name}', which is left out of the suite \(it is for classes\)"):
        suite.check_gate([name], "hash", TABLES["regression"])


def test_a_table_without_an_id_has_no_check_of_ids():
    """A group is shared on purpose."""
    grouped = TABLES["binary"].model_copy(update={"id": None, "group": "visit"})
    assert {"IndexTrainTestLeakage"} == suite.names("hash", TABLES["binary"]) - suite.names("hash", grouped)
    with pytest.raises(CannotRun, match=r"is left out of the suite \(data/contract.yaml names no `id`\)"):
        suite.check_gate(["IndexTrainTestLeakage"], "hash", grouped)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_the_target_is_a_number_and_no_feature(reports, task):
    """The place of its class, or the number itself; the targets of other questions are what the contract makes of them."""
    files.write_table(PART.format("train"), visits(50, 1))
    found, table = suite.data("train", TABLES[task]), TABLES[task]
    assert {"multiclass": "i", "regression": "f"}[task] == found[table.target].dtype.kind
    assert ["visit", "day", *table.features, table.target] == list(found)


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
@pytest.mark.parametrize("task", TABLES)
def test_holds_on_rows_without_a_fault_and_gives_the_same_bytes_twice(reports, task):
    """Every check of the suite can run on every column type and task, integrity holds, and a second run changes no byte."""
    train, test = visits(900, 1), visits(400, 2)
    report, page = reports(train, test, task=task)
    assert [] == [check["title"] for check in report["checks"] if check["error"]]
    assert suite.names("hash", TABLES[task]) == {check["check"] for check in report["checks"]}
    assert failing(report).isdisjoint(
        {"DataDuplicates", "IndexTrainTestLeakage", "TrainTestSamplesMix", "ConflictingLabels"}
    )
    assert (report, page) == reports(train, test, task=task)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "check"), [("multiclass", "RocReport"), ("regression", "SimpleModelComparison")])
def test_tells_a_useless_model_of_any_task(reports, task, check):
    """Scores and decisions are read: answers of other rows are found out, those of their own rows are not."""
    train, test = visits(900, 1), visits(400, 2)
    assert check not in failing(reports(train, test, task=task)[0])
    mixed = (frame.assign(amount=np.roll(frame["amount"], 7)) for frame in (train, test))
    assert check in failing(reports(*mixed, task=task)[0])


@pytest.mark.slow
def test_runs_on_a_table_of_groups_without_dates(reports):
    """No id and no time: every other check runs."""
    text = CONTRACT.replace("id: visit\ntime: day\n", "group: visit\n")
    report, _ = reports(visits(900, 1), visits(400, 2), contract=text)
    assert [] == [check["title"] for check in report["checks"] if check["error"]]
    grouped = parse(text, Contract, "data/contract.yaml")
    assert suite.names("hash", grouped) == {check["check"] for check in report["checks"]}


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


def test_up_to_so_many_rows_all_are_looked_at():
    """A pair of equal rows is found only where both are."""
    rows = pd.DataFrame({"visit": range(9), "amount": 1.0, "bought": 0})
    assert [True] * 9 == suite.sampled(rows, TABLES["binary"], suite.MOST).tolist()


def test_of_more_rows_equal_ones_stay_together(monkeypatch):
    """About one of three is looked at, by its content: a row and its copies are in, or out, whatever their ids."""
    monkeypatch.setattr(suite, "MOST", 1000)
    names = [*TABLES["binary"].features]
    rows = pd.DataFrame({name: [f"{name}{row // 2}" for row in range(3000)] for name in names})
    rows = rows.assign(**{TABLES["binary"].target: 0, TABLES["binary"].id: range(3000)})
    kept = suite.sampled(rows, TABLES["binary"], 3000)
    assert (kept[::2] == kept[1::2]).all()
    assert 0.25 < kept.mean() < 0.42
    assert (kept == suite.sampled(rows.assign(**{TABLES["binary"].id: 0}), TABLES["binary"], 3000)).all()
