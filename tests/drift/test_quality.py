"""The contract's rules on the rows of a window: which of them hold, and what is no fault of new rows."""

import numpy as np
import pandas as pd
import pytest

from drift_cases import asked, knobs, sqlite, table, visits, window
from mlops.drift import log, quality
from mlops.drift.finding import CRITICAL, DRIFT, OK, Finding
from mlops.drift.quality import Quality

KNOBS = knobs().drift


def checked(*chunks: pd.DataFrame) -> list[Finding]:
    """What is said of rows that come in these chunks."""
    found = Quality()
    for each in chunks:
        found.add(each, table())
    return list(quality.check(found, KNOBS))


def told(*chunks: pd.DataFrame) -> dict[str, str]:
    """{what is broken: how bad it is}."""
    return {each.note: each.state for each in checked(*chunks) if each.state != OK}


def test_rows_that_keep_the_contract_are_said_to():
    """One finding, of no column."""
    (found,) = checked(visits(150))
    assert ("quality", "contract", OK, "26 rules hold") == (found.kind, found.what, found.state, found.note)


def test_a_fault_is_as_bad_as_the_contract_calls_it():
    """Of each column by its own rules; an unknown category is one, and a new column is said."""
    frame = visits(150, city=["west"] * 3 + ["north"] * 147, member=["yes"] * 2 + [True] * 148, colour="blue")
    frame["amount"] = [-1.0] * 15 + [5.0] * 135
    assert {
        "column 'amount' breaks 'to_be_between min_value=0.0 max_value=1000.0' in 15 rows (10.00%)": CRITICAL,
        "column 'city' breaks 'to_be_in_set value_set=['north', 'south']' in 3 rows (2.00%)": CRITICAL,
        "column 'member' breaks 'to_be_in_set value_set=[True, False]' in 2 rows (1.33%)": DRIFT,
        "column 'colour' breaks 'is in data/contract.yaml'": DRIFT,
    } == told(frame)
    assert 4 == len(checked(frame))


def test_a_feature_that_is_lost_is_a_fault_and_a_missing_label_is_none():
    """Nor is a column that no model reads."""
    frame = visits(150, bought=[None] * 100 + [1.0] * 50).drop(columns=["city", "gender"])
    assert {"column 'city' breaks 'to_exist'": CRITICAL} == told(frame)


def test_a_wrong_label_is_a_fault():
    """Beside those that are missing."""
    frame = visits(150, bought=[None] * 100 + [2.0] * 15 + [1.0] * 35)
    assert {"column 'bought' breaks 'to_be_between min_value=0.0 max_value=1.0' in 15 rows (10.00%)": CRITICAL} == told(
        frame
    )


def test_few_rows_are_held_against_the_rules_of_single_rows_alone():
    """A share of them is chance; a wrong value is wrong."""
    frame = visits(50, items=[None] * 40 + [-1.0] * 10)
    assert {"column 'items' breaks 'to_be_between min_value=0.0' in 10 rows (20.00%)": CRITICAL} == told(frame)


def test_counts_of_chunks_add_up_and_a_share_is_that_of_all_rows():
    """A fifth of the items may be missing: of the first chunk all are, and of all rows fewer, or more."""
    wrong, gone = visits(60, amount=[-1.0] * 3 + [1.0] * 57, items=np.nan), visits(60, "2025-02-01", items=np.nan)
    held = visits(240, "2025-03-01")
    between = "column 'amount' breaks 'to_be_between min_value=0.0 max_value=1000.0' in 3 rows"
    assert {f"{between} (1.00%)": CRITICAL} == told(wrong, held)
    assert {
        f"{between} (0.83%)": CRITICAL,
        "column 'items' breaks 'to_not_be_null mostly=0.8' in 120 rows (33.33%)": CRITICAL,
    } == told(wrong, gone, held)


def served(path, names, **columns) -> pd.DataFrame:
    """150 rows as the log of a service has them, whose labels are not known; `columns` replace what was asked."""
    records = asked(visits(150))
    for place, each in enumerate(records):
        said = each.features | {name: values[place] for name, values in columns.items()}
        each.features = {name: said[name] for name in names}
    return pd.concat(log.chunks(sqlite(records, path), window(), table())).assign(bought=np.nan)


def test_what_was_served_keeps_the_contract(tmp_path):
    """Twice the same id is no fault of requests, nor a column that few of them have; none of the log's own columns is a new one."""
    names = ["visit", "amount", "items", "city", "member", "gender"]
    frame = served(tmp_path / "log.db", names, visit=["v0"] * 150, gender=[None] * 149 + ["f"])
    (found,) = checked(frame)
    assert (OK, 150) == (found.state, len(frame))


def test_a_fault_in_what_no_model_reads_is_a_warning_of_what_was_served(tmp_path):
    """The service takes whatever it is given there."""
    names = ["amount", "items", "city", "member", "gender"]
    (state,) = told(served(tmp_path / "log.db", names, gender=["x"] * 150)).values()
    assert DRIFT == state


@pytest.mark.parametrize("lost", ["amount", "items"])
def test_a_feature_that_no_request_has_is_a_fault(tmp_path, lost):
    """Also one that some of them may lack."""
    names = [name for name in ("amount", "items", "city", "member") if name != lost]
    ((said, state),) = told(served(tmp_path / "log.db", names)).items()
    assert (True, CRITICAL) == (said.startswith(f"column '{lost}' breaks 'to_not_be_null"), state)
