"""Stage `ingest`: the window's rows in a fixed order, or one sentence about what the source gave instead."""

from pathlib import Path

import pandas as pd
import pytest

import model.source
from mlops.errors import CannotRun
from mlops.files import read_table
from mlops.paths import RAW
from mlops.pipeline import ingest
from tables import applications


@pytest.fixture
def source(folder, monkeypatch):
    """A function: the owner's source from now on gives this, or raises it; on a laptop, not in CI."""
    monkeypatch.delenv("CI", raising=False)

    def give(what):
        def read(start, end, options):
            if isinstance(what, Exception):
                raise what
            return what

        monkeypatch.setattr(model.source, "read", read)

    return give


def refusal() -> str:
    """What `ingest` says when it refuses; it leaves no table."""
    with pytest.raises(CannotRun) as raised:
        ingest.run(None)
    assert not Path(RAW).exists()
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_writes_the_rows_of_the_window(folder, capsys):
    """Every month of the window is there, with the columns of the contract."""
    ingest.run(None)
    frame = read_table(RAW)
    assert (1200, list(folder.table.columns)) == (len(frame), list(frame))
    assert ["2024-01", "2024-02", "2024-03", "2024-04"] == sorted(set(frame["applied_at"].dt.strftime("%Y-%m")))
    assert "ingest: 1,200 rows, 17 columns\n" == capsys.readouterr().out


def test_equal_rows_give_equal_bytes_in_any_order(source):
    """The order in which a source gives rows, its index and its column order leave no trace."""
    rows = applications(300)
    source(rows)
    ingest.run(None)
    first = Path(RAW).read_bytes()
    source(rows.sample(frac=1, random_state=1)[rows.columns[::-1]].set_index("application_id", drop=False))
    ingest.run(None)
    assert first == Path(RAW).read_bytes()


def test_rows_are_sorted_by_id_and_columns_as_in_the_contract(source, folder):
    """Columns that the contract does not name come last, as the source had them."""
    source(applications(50, zebra=1, ant=2)[::-1])
    ingest.run(None)
    frame = read_table(RAW)
    assert frame["application_id"].is_monotonic_increasing
    assert [*folder.table.columns, "zebra", "ant"] == list(frame)


@pytest.mark.parametrize("of", [{}, {"id": None}], ids=["with an id", "without one"])
def test_rows_of_one_group_stand_together(source, folder, of):
    """Sorted by group, and inside it by the id where there is one, else as the source had them."""
    rows = applications(60, person=[f"p{number % 7}" for number in range(60)])
    folder.set_contract({"group": "person", "columns.person": {"type": "text"}, **of})
    source(rows)
    ingest.run(None)
    first, by = Path(RAW).read_bytes(), ["person", "application_id"]
    assert list(rows.sort_values(by)["application_id"]) == list(read_table(RAW)["application_id"])
    source(rows[::-1])
    ingest.run(None)
    assert (first == Path(RAW).read_bytes()) == (not of)


def test_a_table_without_time_is_read_whole(folder, monkeypatch):
    """Neither window nor time column: the source is asked for no months."""
    rows, asked = applications(50), []
    monkeypatch.setattr(model.source, "read", lambda *words: asked.append(words) or rows)
    folder.set_contract({"time": None}).set_params({"data.window": None})
    ingest.run(None)
    assert [(None, None)] == [words[:2] for words in asked]
    assert 50 == len(read_table(RAW))


@pytest.mark.parametrize("change", [{"time": None}, {}], ids=["a window alone", "a time column alone"])
def test_refuses_a_window_without_time_and_time_without_a_window(folder, change):
    """The sentence says that both belong together."""
    folder.set_contract(change).set_params({} if change else {"data.window": None})
    assert "params.yaml: `data.window` is of a table with a `time` column" in refusal()


def test_refuses_a_table_without_rows(source, folder):
    """Where there is no window to move, the file is in doubt."""
    folder.set_contract({"time": None}).set_params({"data.window": None})
    source(applications(50)[:0])
    assert "src/model/source.py gives no rows: is it the right file?" == refusal()


def test_reads_other_months_on_request(folder):
    """Drift reads months outside of the window, from the same source."""
    frame = ingest.given(folder.knobs.data, folder.table, "2024-06", "2024-06")
    assert {"2024-06"} == set(frame["applied_at"].dt.strftime("%Y-%m"))


@pytest.mark.parametrize(
    "given",
    [
        lambda days: days.dt.strftime("%Y-%m-%d"),
        lambda days: days.dt.date,
        lambda days: days.dt.tz_localize("UTC"),
        lambda days: days.astype("datetime64[ns]"),
    ],
)
def test_dates_are_datetimes_whatever_they_came_as(source, given):
    """Text, dates, a time zone: the table has datetimes without a zone."""
    rows = applications(50)
    source(rows.assign(applied_at=given(rows["applied_at"])))
    ingest.run(None)
    found = read_table(RAW)["applied_at"]
    assert str(found.dtype).startswith("datetime64")
    assert found.dt.tz is None
    assert list(rows.set_index("application_id")["applied_at"].sort_index()) == list(found)


@pytest.mark.parametrize("value", ["soon", "01/02/2024", "2024-13-01"])
def test_what_is_no_date_is_missing(source, value):
    """A bad value is left for `validate` to count; a date of two readings is one, and is not guessed."""
    rows = applications(50)
    source(rows.assign(applied_at=[value, *rows["applied_at"].dt.strftime("%Y-%m-%d")[1:]]))
    ingest.run(None)
    assert 1 == read_table(RAW)["applied_at"].isna().sum()


def test_a_number_is_not_taken_for_a_date(source):
    """20240131 stays as it is, so that `validate` refuses it; it is not some day of 1970."""
    source(applications(50, applied_at=20240131))
    ingest.run(None)
    assert {20240131} == set(read_table(RAW)["applied_at"])


def test_refuses_a_window_without_rows(source):
    """The sentence names the window and the key to move."""
    source(applications(50)[:0])
    assert refusal() == (
        "the window 2024-01 to 2024-04 has no rows: move `data.window` in params.yaml to months that have some"
    )


def test_refuses_a_table_without_a_column_of_the_contract(source):
    """The sentence names the column and those that are there."""
    source(applications(50).drop(columns=["age", "debt"])[["application_id", "income"]])
    assert refusal() == (
        "column 'applied_at' of data/contract.yaml is not in the table (application_id, income): correct either"
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no table at s3://loans: set data.options.path"), "no table at s3://loans: set data.options.path"),
        (FileNotFoundError(2, "No such file", "loans.parquet"), "No such file: 'loans.parquet'"),
        (TypeError("generate() got an unexpected keyword argument 'rows'"), "unexpected keyword argument 'rows'"),
        (KeyError("path"), "KeyError: 'path'"),
    ],
)
def test_says_why_the_source_could_not_read(source, error, said):
    """On a laptop the reason is shown behind the file and the window."""
    source(error)
    with pytest.raises(CannotRun, match=rf"^src/model/source.py could not read 2024-01 to 2024-04: .*{said}$"):
        ingest.run(None)


def test_shows_no_value_in_the_log_of_ci(source, monkeypatch):
    """A reader's message may quote a row, and everybody reads that log: the kind of error is named, and where to see it."""
    source(ValueError("invalid literal for int(): 'Jane Doe'"))
    monkeypatch.setenv("CI", "true")
    said = refusal()
    assert "src/model/source.py could not read 2024-01 to 2024-04: ValueError" in said
    assert "Jane Doe" not in said


def test_refuses_an_option_that_the_source_does_not_know(folder, monkeypatch):
    """A misspelt option of params.yaml is named with the nearest right one."""
    monkeypatch.delenv("CI", raising=False)
    folder.set_params({"data.options": {"rows_per_mont": 10}})
    assert "option 'rows_per_mont' is unknown" in refusal()


@pytest.mark.parametrize("given", [None, [1, 2], {"income": [1]}])
def test_refuses_what_is_no_table(source, given):
    """A source that forgets to return says so by its type."""
    source(given)
    assert f"src/model/source.py gives {type(given).__name__}, not a table: return a pandas DataFrame" == refusal()


def test_refuses_a_column_of_two_types_without_showing_a_value(source):
    """Numbers and text in one column: the column is named, the person's value is not."""
    rows = applications(50).astype({"income": object})
    rows.loc[3, "income"] = "Jane Doe"
    source(rows)
    said = refusal()
    assert "income" in said
    assert "Jane Doe" not in said


def test_refuses_a_column_that_is_there_twice(source):
    """Two columns of one name cannot be kept."""
    rows = applications(50)
    source(pd.concat([rows, rows[["age"]]], axis=1))
    assert "age" in refusal()
