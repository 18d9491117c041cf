"""A refusal names every fault: field, rule, given value. What is refused has faults, and what is accepted has none."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.serve import refuse
from mlops.serve.rows import BROKEN
from serving import anything, bodies


def why(scorer, **changes) -> refuse.Fault:
    """The one fault of the example with these values."""
    (fault,) = refuse.row(json.dumps(scorer.example | changes).encode(), scorer.rows).faults
    return fault


@pytest.mark.parametrize(
    ("changes", "field", "rule", "given"),
    [
        ({"income": "much"}, "income", "type", '"much"'),
        ({"income": {"a": 1}}, "income", "type", '{"a": 1}'),
        ({"income": 1}, "income", "range", "1"),
        ({"income": 1e300}, "income", "range", "1e+300"),
        ({"age": 30.5}, "age", "range", "30.5"),
        ({"age": None}, "age", "missing", "null"),
        ({"purpose": "holiday"}, "purpose", "category", '"holiday"'),
        ({"purpose": 3}, "purpose", "type", "3"),
        ({"years_employed": "x" * 500}, "years_employed", "type", '"' + 36 * "x" + "..."),
        ({"application_id": "x" * 20_001}, "application_id", "length", '"' + 36 * "x" + "..."),
        ({"application_id": "a\0b"}, "application_id", "text", '"a\\u0000b"'),
        ({"incme": 5}, "incme", "unknown", ""),
        ({"default": 1}, "default", "unknown", ""),
    ],
)
def test_a_fault_names_field_rule_and_given_value(scorer, changes, field, rule, given):
    """The value is shortened; an unknown name is answered with the nearest."""
    fault = why(scorer(), **changes)
    assert (field, rule, given) == (fault.field, fault.rule, fault.given)
    assert fault.rule in refuse.RULES


def test_an_unknown_name_is_answered_with_the_nearest(scorer):
    """Where there is one."""
    assert "is no column of the contract; did you mean 'income'?" == why(scorer(), incme=5).message
    assert "is no column of the contract" == why(scorer(), zzz=5).message


def test_every_fault_is_named(scorer):
    """Not only the first."""
    found = refuse.row(b'{"income": -5, "purpose": "x"}', scorer().rows).faults
    assert {"income", "purpose", "age"} <= {fault.field for fault in found}


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b" ", 400, "the body is empty"),
        (b"{", 400, "the body is not JSON"),
        (b'{"income": NaN}', 400, "null means missing"),
        (b'{"income": Infinity}', 400, "the body is not JSON"),
        (b'{"a": "\xff"}', 400, "the body is not JSON"),
        (b"[" * 100_000, 422, "the body must be an object"),
        (b'{"income": ' + b"[" * 100_000, 400, "nested too deep"),
        (b"[1]", 422, "the body must be an object"),
        (b"null", 422, "the body must be an object"),
        (b'"x"', 422, "the body must be an object"),
    ],
)
def test_a_body_that_is_no_row_is_refused_whole(scorer, body, status, message):
    """400 for what is no JSON, 422 for JSON of another kind."""
    refused = refuse.row(body, scorer().rows)
    assert status == refused.status
    assert message in refused.faults[0].message


def test_a_batch_of_another_kind_is_refused_whole(scorer):
    """Both shapes are named."""
    (fault,) = refuse.batch(b"3", scorer().rows, 10).faults
    assert "the body must be an array of rows, or an object of columns" == fault.message


def test_a_column_that_is_no_list_is_refused(scorer):
    """A row sent to the path of batches."""
    found = refuse.batch(json.dumps(scorer().example).encode(), scorer().rows, 10).faults
    assert {"must be a list with a value a row"} == {fault.message for fault in found}


def test_an_answer_lists_so_many_faults_and_no_more(scorer):
    """However many rows are wrong."""
    assert refuse.FAULTS == len(refuse.batch(b"[" + b",".join([b"{}"] * 500) + b"]", scorer().rows, 1000).faults)


def test_lists_of_one_length_are_a_table():
    """Others are not."""
    assert refuse.lengths({"a": 2, "b": 2}) is None
    assert ["b"] == [fault.field for fault in refuse.lengths({"a": 2, "b": 1}).faults]


@settings(max_examples=500, deadline=None)
@given(data=st.data())
def test_what_is_refused_has_a_fault_and_what_is_accepted_has_none(scorer, data):
    """The slow words agree with the fast decision, for rows and for batches of one."""
    made = scorer()
    value = data.draw(bodies(made) | anything)
    for body, kind, words in (
        (json.dumps(value).encode(), made.rows.row, lambda body: refuse.row(body, made.rows)),
        (json.dumps([value]).encode(), made.rows.batch, lambda body: refuse.batch(body, made.rows, 10)),
    ):
        try:
            msgspec.json.decode(body, type=kind)
            accepted = True
        except BROKEN:
            accepted = False
        assert accepted == (not words(body).faults)


@settings(max_examples=300, deadline=None)
@given(body=st.binary(max_size=200))
def test_no_bytes_are_beyond_words(scorer, body):
    """Whatever is sent, a fault has a rule and a sentence."""
    for refused in (refuse.row(body, scorer().rows), refuse.batch(body, scorer().rows, 10)):
        assert all(fault.rule in refuse.RULES and fault.message for fault in refused.faults)
