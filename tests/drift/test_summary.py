"""A column's summary: chunk by chunk the same as at once, and beyond a size a sketch that keeps its word."""

import numpy as np
import pandas as pd
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.drift import summary
from mlops.drift.summary import Numbers, Values

FLOATS = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40)


def numbers(*chunks) -> Numbers:
    """What chunks of numbers add up to."""
    found = Numbers()
    for chunk in chunks:
        found.add(np.asarray(chunk))
    return found


def values(*chunks) -> dict:
    """What chunks of values are counted as."""
    found = Values()
    for chunk in chunks:
        found.add(chunk)
    return dict(found.counts)


def apart(found: Numbers, exact: np.ndarray) -> float:
    """How far the ranks of a sketch are from those of the numbers themselves, at most."""
    points = np.sort(exact)
    known, upto = found.ranked()
    said = np.concatenate([[0.0], upto])[np.searchsorted(known, points, side="right")]
    return np.abs(said - np.searchsorted(points, points, side="right") / len(points)).max()


@given(FLOATS, st.lists(st.integers(0, 40), max_size=4))
def test_numbers_in_chunks_are_the_same_as_at_once(rows, cuts):
    """Whatever the chunks, empty ones too."""
    at_once, in_chunks = numbers(rows), numbers(*np.split(np.array(rows, dtype=float), sorted(cuts)))
    assert (at_once.known, at_once.missing, at_once.rows) == (in_chunks.known, in_chunks.missing, in_chunks.rows)
    for one, other in zip(at_once.ranked(), in_chunks.ranked(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_numbers_that_come_after_a_look_count_too():
    """A summary is read, and rows are added."""
    found = numbers([3, 1])
    found.ranked()
    found.add(np.array([2]))
    np.testing.assert_array_equal([1, 2, 3], found.ranked()[0])


def test_ranks_are_the_share_of_rows_that_are_at_most_a_number():
    """Equal numbers rise to the rank of the last of them."""
    known, upto = numbers([2, 1, 2, np.nan, 5]).ranked()
    assert [1, 2, 2, 5] == known.tolist()
    assert [0.25, 0.5, 0.75, 1] == upto.tolist()


def test_what_is_no_number_is_missing():
    """NaN, and both infinities, which no model takes."""
    found = numbers([1, np.nan, np.inf, -np.inf])
    assert (1, 3, 4) == (found.known, found.missing, found.rows)


@pytest.mark.parametrize("kind", ["float32", "int8", "bool", "uint64"])
def test_every_numeric_type_is_taken(kind):
    """As the number that it is."""
    assert [0, 1] == numbers(np.array([1, 0], dtype=kind)).ranked()[0].tolist()


def test_no_rows_have_no_ranks():
    """Neither without a chunk nor with an empty one."""
    assert [0, 0] == [len(numbers(*chunks).ranked()[0]) for chunks in ((), ([],))]


def test_numbers_are_exact_up_to_a_size_and_sketched_beyond(monkeypatch):
    """The error says which."""
    monkeypatch.setattr(summary, "EXACT", 10_000)
    rows = np.random.default_rng(0).normal(size=10_001)
    assert 0 == numbers(rows[:-1]).error
    assert 0 < numbers(rows).error < 0.001


@pytest.mark.parametrize("shape", ["normal", "lognormal", "poisson"])
def test_a_sketch_is_as_right_as_it_says(monkeypatch, shape):
    """At every rank, also after further chunks, and with many equal numbers."""
    monkeypatch.setattr(summary, "EXACT", 10_000)
    rows = getattr(np.random.default_rng(0), shape)(size=150_000).astype(float)
    found = numbers(*np.array_split(rows[:100_000], 7))
    assert apart(found, rows[:100_000]) <= found.error
    found.add(rows[100_000:])
    assert apart(found, rows) <= found.error


def test_a_few_rows_after_a_sketch_count_at_once(monkeypatch):
    """They are in its ranks, however few."""
    monkeypatch.setattr(summary, "EXACT", 1_000)
    found = numbers(np.arange(3_000.0), np.full(1_000, 1e9))
    known, upto = found.ranked()
    assert pytest.approx(0.75, abs=found.error) == upto[known < 1e9][-1]


def test_a_sketch_knows_its_rows(monkeypatch):
    """Those before it, those after it, and those without a number."""
    monkeypatch.setattr(summary, "EXACT", 1_000)
    chunk = np.append(np.arange(300.0), [np.nan, np.inf])
    for count in range(1, 9):
        found = numbers(*[chunk] * count)
        assert (300 * count, 2 * count, 302 * count) == (found.known, found.missing, found.rows)
        assert count > 3 or not found.error
    assert pytest.approx(1) == found.ranked()[1][-1]


def test_none_and_nan_are_one_value():
    """However a table says that it has none."""
    assert {"a": 2, None: 4} == values(
        pd.Series(["a", None], dtype=object),
        pd.Series(["a", np.nan]),
        pd.Series([pd.NA], dtype="string"),
        pd.Series([float("nan")]),
    )


@pytest.mark.parametrize("kind", ["bool", "boolean", "object"])
def test_booleans_are_the_same_values_in_every_type(kind):
    """A chunk without missing ones has another type than one with some."""
    assert {"True": 2, "False": 1} == values(pd.Series([True, False, True], dtype=kind))


def test_a_category_that_no_row_has_is_no_value():
    """Though the type names it."""
    found = values(pd.Categorical(["a", None], categories=["a", "b"]))
    assert {"a": 1, None: 1} == found


def encoded(rows):
    """An Arrow array that names each value once."""
    return pyarrow.array(rows).dictionary_encode()


def chunked(rows):
    """An Arrow column in two chunks, each with names of its own."""
    return pyarrow.chunked_array([encoded(rows[:1]), encoded(rows[1:])])


@pytest.mark.parametrize("kind", [list, pyarrow.array, encoded, chunked])
def test_values_of_arrow_are_those_of_pandas(kind):
    """Plain, encoded as a dictionary, and in chunks."""
    assert {"a": 2, "b": 1, None: 1} == values(kind(["a", "b", "a", None]))
    assert {"True": 2, "False": 1, None: 1} == values(kind([True, False, True, None]))
    assert {"1.0": 1, None: 2} == values(kind([1.0, float("nan"), None]))


@given(st.lists(st.sampled_from(["a", "b", "", None]), max_size=30), st.integers(0, 30))
def test_values_in_chunks_are_the_same_as_at_once(rows, cut):
    """And every row is counted."""
    at_once, in_chunks = Values(), Values()
    at_once.add(pd.Series(rows, dtype=object))
    for chunk in (rows[:cut], rows[cut:]):
        in_chunks.add(pd.Series(chunk, dtype=object))
    assert at_once == in_chunks
    assert len(rows) == in_chunks.rows
