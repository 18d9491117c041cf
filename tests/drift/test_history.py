"""The history of windows: read back as it was written, and nothing where it is of something else."""

import json
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from drift_cases import knobs, table
from judging import model
from mlops.drift import history
from mlops.drift.decision import Alarm, Decision, Seen
from mlops.drift.finding import CRITICAL, DRIFT, FEW, OK, Finding
from mlops.drift.kept import THERE
from mlops.drift.reference import Reference
from mlops.drift.windows import Window
from mlops.params import Data, Gates, Params
from mlops.params import Window as Months
from remote import git

REFERENCE = Reference(
    "a" * 40, model(), pd.DataFrame(), np.empty(0, bool), Months(start="2024-01", end="2024-12"), "b" * 64
)
JANUARY = Window("2025-01", datetime(2025, 1, 1), datetime(2025, 2, 1), True, True)
LOUD = Finding("covariate", "amount", "", "psi", 0.7, 0.2, 1e-9, CRITICAL)
FOUND = (
    LOUD,
    Finding("covariate", "items", "", "psi", 0.01, 0.2, 0.5, OK),
    Finding("covariate", "amount", "city=north", "psi", 0.3, 0.2, 1e-4, DRIFT, "a note"),
    Finding("performance", "roc_auc", "", "loss", 0.1, 0.02, 0.2, OK, "0.8 -> 0.7", 0.8, 0.7),
    Finding("performance", "roc_auc", "city=north", "", None, None, None, FEW, "few"),
)
SEEN = Seen(JANUARY, 2000, 1500, FOUND, ("2 rows came twice",))
NAME = history.identity(REFERENCE, table(), knobs())


def with_gates(**gates) -> Params:
    """Params with other gates."""
    return knobs().model_copy(update={"gates": Gates.model_validate(gates)})


@pytest.fixture
def path(tmp_path):
    """Where it is written."""
    return str(tmp_path / "reports/drift.json")


def write(path: str, *seen: Seen, name: str = NAME) -> dict:
    """Write windows, and return the JSON."""
    found = Decision("retrain", (Alarm(LOUD, ("2025-01",), critical=True),))
    history.write(path, name, date(2025, 4, 2), REFERENCE, seen, found)
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def test_what_was_written_is_read_back(path):
    """Equal, with its window's times, and every finding."""
    write(path, SEEN)
    assert {"2025-01": SEEN} == history.known(path, NAME)


def test_of_groups_only_what_is_not_ok_is_kept(path):
    """There are many of them."""
    quiet = Finding("covariate", "amount", "city=south", "psi", 0.01, 0.2, 0.5, OK)
    write(path, replace(SEEN, found=(*FOUND, quiet)))
    assert {"2025-01": SEEN} == history.known(path, NAME)


@pytest.mark.parametrize("closed", [True, False])
def test_a_window_that_was_not_settled_is_not_known(path, closed):
    """More rows, or more labels, were to come; it is written for people and charts."""
    young = replace(JANUARY, name="2025-02", closed=closed, settled=False)
    said = write(path, SEEN, replace(SEEN, window=young))
    assert ["2025-01", "2025-02"] == [each["window"]["name"] for each in said["windows"]]
    assert ["2025-01"] == list(history.known(path, NAME))


def test_it_says_the_decision_and_the_champion(path):
    """For whoever reads the JSON."""
    said = write(path, SEEN)
    assert ("2025-04-02", "retrain") == (said["as_of"], said["answer"])
    assert {
        "commit": "a" * 40, "model_hash": model().hash, "data_hash": "b" * 64, "start": "2024-01", "end": "2024-12",
    } == said["reference"]  # fmt: skip
    (alarm,) = said["alarms"]
    assert ("covariate", "amount", ["2025-01"], True) == tuple(
        alarm[key] for key in ("kind", "what", "windows", "critical")
    )
    assert alarm["sentence"].startswith("covariate drift, critical (2025-01): amount: psi 0.7")


def test_what_is_no_number_is_none(path):
    """JSON has no word for it."""
    strange = replace(FOUND[3], before=float("nan"), now=float("inf"))
    write(path, replace(SEEN, found=(strange,)))
    assert (replace(strange, before=None, now=None),) == history.known(path, NAME)["2025-01"].found


def test_numbers_of_numpy_are_numbers(path):
    """As statistics give them."""
    said = write(path, replace(SEEN, found=(replace(LOUD, effect=np.float64(0.7), p=np.float64(1e-9)),)))
    assert 0.7 == said["windows"][0]["found"][0]["effect"]


def test_no_windows_are_a_history_too(path):
    """On the day after a training window."""
    write(path)
    assert {} == history.known(path, NAME)


@pytest.mark.parametrize(
    "change",
    [
        lambda: history.identity(replace(REFERENCE, data_hash="c" * 64), table(), knobs()),
        lambda: history.identity(replace(REFERENCE, model=SimpleNamespace(hash="c" * 64)), table(), knobs()),
        lambda: history.identity(REFERENCE, table(slices=[]), knobs()),
        lambda: history.identity(REFERENCE, table("words"), knobs()),
        lambda: history.identity(REFERENCE, table(), knobs(delay=3)),
        lambda: history.identity(REFERENCE, table(), knobs(min_rows=101)),
        lambda: history.identity(REFERENCE, table(), knobs(limits={"psi": 0.3})),
        lambda: history.identity(REFERENCE, table(), with_gates(primary="brier")),
        lambda: history.identity(REFERENCE, table(), with_gates(slices={"min_class_rows": 70})),
        lambda: history.identity(REFERENCE, table(), knobs().model_copy(update={"data": Data(options={"seed": 2})})),
    ],
)
def test_of_another_champion_contract_or_limit_nothing_is_known(path, change):
    """Every window is looked at again."""
    write(path, SEEN)
    assert {} == history.known(path, change())


def test_the_same_champion_contract_and_limits_are_the_same_name():
    """However often it is made; what only says when to alarm is part of it."""
    assert NAME == history.identity(REFERENCE, table(), knobs())


def test_of_another_schema_nothing_is_known(path):
    """A newer template wrote it."""
    said = write(path, SEEN) | {"schema": history.SCHEMA + 1}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(said, file)
    assert {} == history.known(path, NAME)


def test_without_a_file_nothing_is_known(path):
    """The first run."""
    assert {} == history.known(path, NAME)


@pytest.mark.parametrize("size", [0, 1, 100, 0.5, -3])
def test_half_a_file_is_none(path, size):
    """It is made again."""
    write(path, SEEN)
    with open(path, "r+b") as file:
        whole = file.read()
        file.truncate(int(size * len(whole)) if size == 0.5 else size % len(whole))
    assert {} == history.known(path, NAME)


@pytest.mark.parametrize("text", ["[]", "null", "7", '"text"', '{"schema": 1}', "\xff"])
def test_what_is_something_else_is_none(path, text, tmp_path):
    """Whatever it is."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/drift.json").write_bytes(text.encode("latin-1"))
    assert {} == history.known(path, NAME)


@pytest.mark.parametrize(
    "change",
    [
        {"windows": [7]},
        {"windows": [{}]},
        {"windows": [{"window": "2025-01"}]},
        {"windows": None},
        {"windows": {"a": 1}},
    ],
)
def test_windows_of_another_form_are_none(path, change):
    """A person has edited it."""
    said = write(path, SEEN) | change
    with open(path, "w", encoding="utf-8") as file:
        json.dump(said, file)
    assert {} == history.known(path, NAME)


def test_findings_of_another_form_are_none(path):
    """A field of theirs is unknown here."""
    said = write(path, SEEN)
    said["windows"][0]["found"][0]["surprise"] = 1
    with open(path, "w", encoding="utf-8") as file:
        json.dump(said, file)
    assert {} == history.known(path, NAME)


@pytest.fixture
def branch(path, tmp_path):
    """A function: texts {name: JSON} -> they are what the last fetch brought of the branch that `keep` writes."""
    git(tmp_path, "init", "-q")

    def there(texts: dict[str, str]) -> None:
        for name, text in texts.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        git(tmp_path, "add", *texts)
        tree = git(tmp_path, "write-tree")
        git(tmp_path, "update-ref", THERE, git(tmp_path, "commit-tree", tree, "-m", "kept"))

    return there


def said(path: str, *seen: Seen, name: str = NAME) -> str:
    """What would be kept; here is none of it any more."""
    text = json.dumps(write(path, *seen, name=name))
    Path(path).unlink()
    return text


def test_where_nothing_is_here_the_branch_is_read(path, branch, tmp_path):
    """A fresh checkout knows what was kept, of the same champion and limits alone."""
    other = replace(SEEN, window=replace(JANUARY, name="2024-12"))
    branch({"a.json": said(path, other, name="another's"), "b.json": said(path, SEEN), "c.json": "{"})
    assert {"2025-01": SEEN} == history.known(path, NAME, tmp_path)
    assert {"2024-12": other} == history.known(path, "another's", tmp_path)
    assert {} == history.known(path, "nobody's", tmp_path)


def test_what_is_here_comes_before_what_was_kept(path, branch, tmp_path):
    """It was looked at later; what is here of another champion, or broken, does not hide the branch."""
    later = replace(SEEN, rows=9)
    branch({"a.json": said(path, SEEN)})
    write(path, later)
    assert {"2025-01": later} == history.known(path, NAME, tmp_path)
    write(path, later, name="another's")
    assert {"2025-01": SEEN} == history.known(path, NAME, tmp_path)
    Path(path).write_bytes(b"\xff")
    assert {"2025-01": SEEN} == history.known(path, NAME, tmp_path)


def test_all_windows_of_a_text_are_read_with_their_champion(path):
    """Settled or not, whatever they were held against: for charts."""
    young = replace(SEEN, window=replace(JANUARY, name="2025-02", settled=False))
    text = said(path, SEEN, young, name="another's")
    title = f"Champion {REFERENCE.model.hash[:12]}, trained on 2024-01 to 2024-12"
    assert (title, [SEEN, young]) == history.read(text)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"windows": []}', b"\xff"])
def test_what_is_no_history_has_no_champion_and_no_window(text):
    """Nobody's."""
    assert ("", []) == history.read(text)


@pytest.mark.parametrize("change", [{"windows": [7]}, {"windows": None}, {"reference": {}}, {"reference": 7}])
def test_a_history_of_another_form_has_none_either(path, change):
    """A person has edited it, or it is of another schema."""
    assert ("", []) == history.read(json.dumps(write(path, SEEN) | change))


def test_the_last_windows_are_those_of_the_last_look(path):
    """None where nobody has looked, or where the file is broken."""
    assert [] == history.last(path)
    write(path, SEEN, name="another's")
    assert [SEEN] == history.last(path)
    Path(path).write_bytes(b"\xff")
    assert [] == history.last(path)
