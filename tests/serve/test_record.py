"""A row of the prediction log has what joins it to its model, its user and its outcome, and nothing that it should not have."""

import msgspec
import pytest

from mlops.serve.entry import Asked, Entry
from mlops.serve.record import COLUMNS, Record, unfolder

ASKED = Asked("r-1", "champion", "ab12", 0.0)


def held(scorer, kind, **changes):
    """A row, or lists of two, with these values."""
    many = kind is scorer.rows.lists
    return msgspec.convert(
        {name: [value] * 2 if many else value for name, value in scorer.example.items()} | changes, kind
    )


def given(record: Record) -> dict:
    """The features as a sink writes them."""
    return msgspec.json.decode(msgspec.json.encode(record.features))


def entry(kept, score, decision, scores=None) -> Entry:
    """An entry of half past midnight on a day of 2026."""
    return Entry(1_767_227_400.0, ASKED, kept, score, decision, scores, 1.23456)


def test_a_row_is_one_record(scorer):
    """Every field, at its time in UTC; missing values are left out."""
    made = scorer()
    kept = held(made, made.rows.row, application_id="a-1", debt=None)
    (record,) = unfolder(made)(entry(kept, 0.25, True))
    assert COLUMNS == tuple(msgspec.structs.asdict(record))
    assert ("2026-01-01T00:30:00+00:00", "r-1", 0) == (record.at.isoformat(), record.request_id, record.row)
    assert ("ab12", made.model.hash, "champion") == (record.user_hash, record.model_hash, record.arm)
    assert (0.25, True, None, 1.235) == (record.score, record.decision, record.scores, record.latency_ms)
    expected = {name: value for name, value in made.example.items() if name != "debt"} | {"application_id": "a-1"}
    assert expected == given(record)


def test_a_batch_is_a_record_a_row(scorer):
    """Numbered, each with its own values."""
    made = scorer()
    kept = made.rows.values(held(made, made.rows.lists, age=[20, 60], debt=[None, 5]))
    first, second = unfolder(made)(entry(kept, [0.1, 0.9], [False, True]))
    assert ((0, 20, 0.1, False), (1, 60, 0.9, True)) == tuple(
        (each.row, given(each)["age"], each.score, each.decision) for each in (first, second)
    )
    assert "debt" not in given(first)
    assert 5 == given(second)["debt"]


def test_each_class_has_its_score(scorer):
    """Of several classes the likeliest's is the score, and all are kept."""
    made = scorer("multiclass")
    scores = {"rent": 0.2, "own": 0.5, "mortgage": 0.3}
    (record,) = unfolder(made)(entry(held(made, made.rows.row), 0.5, "own", scores))
    assert (0.5, "own", scores) == (record.score, record.decision, record.scores)


@pytest.mark.parametrize("kind", ["row", "rows", "lists"])
def test_protected_columns_leave_no_trace(scorer, kind):
    """They were sent, and are in no record."""
    made = scorer()
    row = held(made, made.rows.row, gender="female")
    score = (0.1, True) if kind == "row" else ([0.1] * 2, [True] * 2)
    lists = held(made, made.rows.lists, gender=["female", "male"])
    kept = {"row": row, "rows": made.rows.values([row, row]), "lists": made.rows.values(lists)}[kind]
    for record in unfolder(made)(entry(kept, *score)):
        assert isinstance(record, Record)
        assert "gender" not in given(record)
