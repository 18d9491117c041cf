"""The rows of a window with the labels that were known on a day, from the log or from the table."""

from datetime import date
from functools import partial

import numpy as np
import pandas as pd
import pytest

from drift_cases import TARGETS, asked, give, knobs, record, sqlite, table, visits, window
from mlops import contract
from mlops.drift import log, rows
from mlops.errors import CannotRun

LONG_AFTER = date(2025, 12, 31)


@pytest.fixture
def source(monkeypatch):
    """A function: what the owner's source gives, or raises -> the months that it is asked for."""
    return partial(give, monkeypatch)


@pytest.fixture
def logged(tmp_path):
    """A function: answers, and perhaps {request: label} -> the environment that names both."""

    def keep(records, labels: dict | None = None) -> dict[str, str]:
        named = {"PREDICTION_LOG_URL": sqlite(records, tmp_path / "log.db")}
        if labels is None:
            return named
        pd.DataFrame({"request_id": labels.keys(), "label": labels.values()}).to_csv(
            tmp_path / "labels.csv", index=False
        )
        return named | {"OUTCOMES_URL": str(tmp_path / "labels.csv")}

    return keep


def given(env=None, as_of: date = LONG_AFTER, when=None, of=None, delay: int = 0) -> tuple[pd.DataFrame, rows.Rows]:
    """The rows of January, or of another window, and who gave them."""
    found = rows.source(of or table(), knobs(delay), env or {})(when or window(), as_of)
    chunks = list(found.chunks())
    return pd.concat(chunks, ignore_index=True) if chunks else pd.DataFrame(), found


def named(by: str, logged, frame: pd.DataFrame) -> dict[str, str]:
    """The environment in which the labels of these rows come by the request, by the id, or with a table that is alone."""
    if by == "table":
        return {}
    said = {f"r-{visit}": label for visit, label in zip(frame["visit"], frame["bought"], strict=True)}
    return logged(asked(frame), said if by == "request" else None)


def labels(frame: pd.DataFrame, name: str = "visit") -> dict:
    """{row: label} of those that have one."""
    known = frame.dropna(subset="bought")
    return dict(zip(known[name], known["bought"], strict=True))


def test_without_a_time_and_without_a_log_nothing_says_which_rows_are_new():
    """Either of them is enough."""
    assert rows.source(table(time=None), knobs(), {}) is None
    assert rows.source(table(), knobs(), {}) is not None
    assert rows.source(table(time=None), knobs(), {"PREDICTION_LOG_URL": "/nowhere"}) is not None


def test_without_a_log_they_are_those_of_the_table(source):
    """With its labels; nothing was served, so nothing is compared."""
    source(pd.concat([visits(800, bought=1), visits(1)]))
    frame, found = given()
    assert (744, {1}) == (len(frame), set(labels(frame).values()))
    assert (["1 rows came twice"], {}) == (found.said, found.served)


def test_labels_without_a_log_are_the_tables(source, tmp_path):
    """Outcomes are of requests."""
    source(visits(10, bought=1))
    assert 10 == len(labels(given({"OUTCOMES_URL": str(tmp_path / "gone.csv")})[0]))


def test_a_month_without_rows_gives_none(source):
    """That is no error."""
    source(visits(10))
    assert 0 == len(given(when=window("2025-05-01", "2025-06-01"))[0])


def test_a_label_comes_by_its_request(logged):
    """Where OUTCOMES_URL says so; a request of which nothing is said has none."""
    env = logged([record("a"), record("b"), record("c")], {"b": 1, "c": 0, "elsewhere": 1})
    assert {"b/0": 1, "c/0": 0} == labels(given(env)[0], "_request")


def test_a_label_comes_by_the_id_from_the_table(logged, source):
    """Where the log has the id and no outcomes are named."""
    frame = visits(4, bought=[1, 0, 1, 0])
    source(frame[1:])
    assert {"v1": 0, "v2": 1, "v3": 0} == labels(given(logged(asked(frame)))[0])


def test_answers_without_an_id_have_no_label(logged, source):
    """They are rows all the same, and nobody asks the table."""
    source(OSError("away"))
    frame, _ = given(logged([record("a"), record("b")]))
    assert (2, {}) == (len(frame), labels(frame, "_request"))


def test_ids_that_are_missing_or_there_twice_take_the_first_label(logged, source):
    """A row without an id is nobody's."""
    source(visits(5, visit=["v0", "v0", None, None, "v1"], bought=[1, 0, 1, 0, 0]))
    frame = [*asked(visits(2)), record("none", features={"amount": 1.0})]
    assert {"v0": 1, "v1": 0} == labels(given(logged(frame))[0])


@pytest.mark.parametrize("by", ["request", "id", "table"])
def test_a_label_is_not_known_before_its_time(logged, source, by):
    """With 30 days of patience that of the 10th is known on the 9th of February, and not on the 8th."""
    frame = visits(2, "2025-01-10", at=pd.to_datetime(["2025-01-10 00:00", "2025-01-10 23:00"]), bought=1)
    source(frame)
    env = named(by, logged, frame)
    before, on = (given(env, date(2025, 2, day), delay=30)[0] for day in (8, 9))
    assert (0, 2) == (before["bought"].notna().sum(), on["bought"].notna().sum())


def test_a_late_label_is_one_of_its_rows_month(logged):
    """It came in March for a visit of January, which was not known before, and no other month has it."""
    visits_of = [record("january", "2025-01-10T12:00:00"), record("march", "2025-03-10T12:00:00")]
    march = window("2025-03-01", "2025-04-01")
    before = logged(visits_of, {})
    assert [{}, {}] == [labels(given(before, when=when)[0], "_request") for when in (window(), march)]
    after = logged(visits_of, {"january": 1})
    assert [{"january/0": 1}, {}] == [labels(given(after, when=when)[0], "_request") for when in (window(), march)]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("by", ["request", "id", "table"])
def test_labels_that_are_known_are_what_metrics_take(logged, source, target, by):
    """Beside rows whose label is not known yet."""
    of, said = table(target), TARGETS[target][3]
    frame = visits(3, at=pd.to_datetime(["2025-01-10", "2025-01-11", "2025-01-30"]), bought=[*said, said[0]])
    source(frame)
    env = named(by, logged, frame)
    found, _ = given(env, date(2025, 2, 10), of=of, delay=20)
    assert [True, True, False] == found["bought"].notna().tolist()
    expected = contract.targets(pd.Series(said), of)
    np.testing.assert_array_equal(expected, contract.targets(found["bought"].dropna(), of))


def test_answers_later_than_today_are_left_out_and_said(logged):
    """A clock may be wrong; of a day long ago it is not."""
    when = window("2200-01-01", "2200-02-01")
    env = logged([record(name, f"2200-01-{day}T12:00:00") for name, day in (("a", 10), ("b", 11), ("c", 12))])
    frame, found = given(env, date(2200, 1, 10), when)
    assert (["a/0"], ["2 answers are later than 2200-01-10: is a clock wrong?"]) == (
        list(frame["_request"]),
        found.said,
    )
    env = logged([record("now"), record("later", "2025-01-16T00:00:00")])
    frame, found = given(env, date(2025, 1, 15))
    assert (["now/0"], ["1 answers are later than 2025-01-15"]) == (list(frame["_request"]), found.said)


def test_answers_that_are_all_later_are_no_rows(logged):
    """Nothing is left to be looked at."""
    found = rows.source(table(), knobs(), logged([record("a")]))(window(), date(2025, 1, 14))
    assert ([], ["1 answers are later than 2025-01-14"]) == (list(found.chunks()), found.said)


@pytest.mark.parametrize("outcomes", [None, {"r-v0": 0}])
def test_what_was_served_is_held_against_the_table(logged, source, outcomes):
    """Wherever labels come from: where outcomes are named, from there alone."""
    frame = visits(50, bought=1)
    source(frame)
    served = frame.assign(amount=[-1.0, *frame["amount"][1:]])
    found, given_by = given(logged(asked(served), outcomes))
    assert {"amount": (50, 1), "items": (50, 0), "city": (50, 0), "member": (50, 0)} == {
        name: (each.rows, each.differ) for name, each in given_by.served.items()
    }
    assert ({"v0": 0} if outcomes else dict.fromkeys(frame["visit"], 1)) == labels(found)


def test_chunks_change_nothing(logged, source, monkeypatch):
    """The table is asked once."""
    frame = visits(40, bought=[0, 1] * 20)
    months = source(frame)
    env = logged(asked(frame))
    whole, first = given(env)
    monkeypatch.setattr(log, "CHUNK", 7)
    parts, again = given(env)
    pd.testing.assert_frame_equal(whole, parts)
    assert first.served == again.served
    assert 2 == len(months)


@pytest.mark.parametrize("by", ["id", "table"])
def test_a_table_that_cannot_be_read_is_no_quiet_month(logged, source, by):
    """Neither alone nor beside a log."""
    env = logged(asked(visits(3))) if by == "id" else {}
    source(OSError("the base is away"))
    with pytest.raises(CannotRun, match=r"src/model/source\.py could not read 2025-01 to 2025-01"):
        given(env)


def test_outcomes_that_cannot_be_read_are_refused_at_once(logged):
    """Before a window is looked at."""
    env = logged([record()]) | {"OUTCOMES_URL": "/nowhere/labels.csv"}
    with pytest.raises(CannotRun, match="OUTCOMES_URL /nowhere/labels.csv cannot be read"):
        rows.source(table(), knobs(), env)
