"""The rows of a window from the prediction log, and what became of them: what was really asked, not what a table says of it.

PREDICTION_LOG_URL names it: sqlite:///file, postgresql://..., or files of JSON lines or Parquet at any address that fsspec reads
(/log/*.jsonl, s3://bucket/log/*.parquet). A copy to a challenger, or a line that a collector sent twice, is no second row.
"""

import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from mlops.contract import Contract
from mlops.drift.windows import Window
from mlops.dvc import shown
from mlops.errors import CannotRun

CHUNK = 50_000  # rows at a time
COLUMNS = ("at", "request_id", "row", "features")
SELECT = "SELECT at, request_id, \"row\", features FROM predictions WHERE arm <> 'shadow' AND"
ORDER = 'ORDER BY at, request_id, "row"'  # a sample of the same rows is the same sample
CLIENT = "its client is missing: `uv sync --group remote` has those of s3, gs, azure and ssh"
REQUEST, AT = "_request", "_at"  # of a row of the log: its name, and when it was answered


def chunks(url: str, window: Window, table: Contract) -> Iterator[pd.DataFrame]:
    """Yield the rows of a window: every feature, the other columns that were logged, `_request` and `_at`.

    Raises CannotRun where the log cannot be read: that is no quiet window.
    """
    seen = np.empty(0, dtype=np.uint64)
    try:
        for rows in _batches(_read(url, window)):
            frame = _frame(rows, window, table)
            names = pd.util.hash_array(frame[REQUEST].to_numpy(dtype=object))
            new = ~np.isin(names, seen) & ~pd.Series(names).duplicated().to_numpy()
            seen = np.concatenate([seen, names[new]])
            yield frame[new].reset_index(drop=True)
    except CannotRun:
        raise
    except Exception as error:  # the client of each store has errors of its own
        fix = CLIENT if isinstance(error, ImportError) else "correct PREDICTION_LOG_URL"
        raise CannotRun(f"the prediction log {_told(url)} cannot be read ({_why(error)}): {fix}") from None


def _read(url: str, window: Window) -> Iterable[tuple]:
    kind, _, path = url.partition("://")
    if kind in ("postgresql", "postgres"):
        return _postgres(url, window)
    if kind == "sqlite":
        return _sqlite(path.removeprefix("/"), window)
    return _files(url)


def _sqlite(path: str, window: Window) -> Iterator[tuple]:
    if not Path(path).is_file():
        raise CannotRun(f"PREDICTION_LOG_URL names {path}, which is not there: write sqlite:///file")
    span = [each.isoformat(timespec="milliseconds") for each in (window.start, window.end)]
    with closing(sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)) as connection:
        yield from connection.execute(f"{SELECT} at >= ? AND at < ? {ORDER}", span)


def _postgres(url: str, window: Window) -> Iterator[tuple]:
    import psycopg

    try:
        psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # which quotes what it does not understand, and that may be the password
        raise CannotRun(
            "PREDICTION_LOG_URL is no address of PostgreSQL: it should be postgresql://user:password@host:5432/base"
        ) from None
    span = [each.replace(tzinfo=UTC) for each in (window.start, window.end)]
    days = [each.date() for each in span]
    try:
        with psycopg.connect(url, connect_timeout=5) as connection, connection.cursor("drift") as cursor:
            cursor.itersize = CHUNK
            where = "day >= %s AND day <= %s AND at >= %s AND at < %s"
            yield from cursor.execute(f"{SELECT} {where} {ORDER}", [*days, *span])
    except psycopg.Error as error:
        raise CannotRun(
            f"the prediction log in PostgreSQL cannot be read ({str(error).splitlines()[0]}): correct PREDICTION_LOG_URL"
        ) from None


def _files(url: str) -> Iterator[tuple]:
    import fsspec

    files = fsspec.open_files(url, "rb", compression="infer")
    if not files:
        raise CannotRun(f"PREDICTION_LOG_URL {_told(url)} names no file: is it the log that is written?")
    lines = answers = 0
    for each in files:
        with each as file:
            for said in _parquet(file, each.path) if _suffix(each.path) == ".parquet" else _lines(file):
                answer = "request_id" in said and "row" in said  # others may write there, too
                lines, answers = lines + 1, answers + answer
                if answer and said.get("arm") != "shadow":
                    yield _values(said)
    if lines and not answers:
        raise CannotRun(
            f"PREDICTION_LOG_URL {_told(url)} has {lines:,} rows and none is an answer: is it the log that is written?"
        )


def _parquet(file, name: str) -> Iterator[dict]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        opened = pq.ParquetFile(file)
        known = [each for each in (*COLUMNS, "arm") if each in opened.schema_arrow.names]
        for batch in opened.iter_batches(CHUNK, columns=known):
            yield from batch.to_pylist()
    except pa.ArrowInvalid as error:
        raise CannotRun(
            f"{_told(name)} of PREDICTION_LOG_URL is not a readable Parquet file ({str(error)[:80]}): is it still being written?"
        ) from None


def _lines(file) -> Iterator[dict]:
    for line in file:
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        yield said if isinstance(said, dict) else {}


def _values(said: dict) -> tuple:
    absent = [name for name in COLUMNS if said.get(name) is None]
    if absent:
        raise CannotRun(
            f"an answer in PREDICTION_LOG_URL has no `{absent[0]}`: name a log with {', '.join(COLUMNS)} in every row"
        )
    return tuple(said[name] for name in COLUMNS)


def _batches(rows: Iterable[tuple]) -> Iterator[list[tuple]]:
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == CHUNK:
            yield batch
            batch = []
    if batch:
        yield batch


def _frame(rows: list[tuple], window: Window, table: Contract) -> pd.DataFrame:
    at, request, row, features = zip(*rows, strict=True)
    given = [dict(json.loads(each) if isinstance(each, str) else each) for each in features]
    when = pd.to_datetime(pd.Series(at), utc=True, format=None if isinstance(at[0], datetime) else "ISO8601")
    frame = _columns(pd.DataFrame(given, index=when.index), table).assign(
        **{
            REQUEST: [f"{name}/{place}" for name, place in zip(request, row, strict=True)],
            AT: when.dt.tz_localize(None),
        }
    )
    if table.time:  # what a client says of it is read by nobody
        frame[table.time] = frame[AT]
    return frame[(frame[AT] >= window.start) & (frame[AT] < window.end)].reset_index(drop=True)


def _columns(frame: pd.DataFrame, table: Contract) -> pd.DataFrame:
    """Return the contract's columns that were logged, in its order, and all features: the log leaves out what has no value."""
    frame = frame.reindex(columns=[name for name in table.columns if name in frame or name in table.features])
    empty = [name for name in frame if frame[name].isna().all()]
    return frame.astype(dict.fromkeys(empty, float))  # None alone is of no type


def upto(frame: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Return the rows that were answered by the end of a day."""
    return frame[frame[AT] < pd.Timestamp(as_of) + pd.Timedelta(days=1)]


def outcomes(url: str, table: Contract) -> pd.Series:
    """Return the labels that have come in, by request: a file of CSV, JSON lines or Parquet with request_id, label and perhaps row.

    Of two labels the later one counts. Raises CannotRun where the file cannot be read, or names one of the two nowhere.
    """
    kind = table.columns[table.target].type
    try:
        frame = _outcomes(url, words=kind in ("category", "text")).dropna(subset=["request_id", "label"])
        row = frame["row"].fillna(0).astype(int) if "row" in frame else pd.Series(0, index=frame.index)
        labels = pd.to_numeric(frame["label"]).astype(float) if kind in ("number", "integer") else frame["label"]
        labels = labels.set_axis(frame["request_id"].astype(str) + "/" + row.astype(str))
        return labels[~labels.index.duplicated(keep="last")]
    except Exception as error:  # the client of each store has errors of its own
        raise CannotRun(
            f"OUTCOMES_URL {_told(url)} cannot be read ({_why(error)}): name CSV, JSON lines or Parquet with the columns "
            f"request_id and label, whose values are those of {table.target}"
        ) from None


def _outcomes(url: str, words: bool) -> pd.DataFrame:
    """words: labels are words, also where they look like numbers."""
    suffix = _suffix(url)
    if suffix == ".parquet":
        frame = pd.read_parquet(url)
    elif suffix in (".jsonl", ".json", ".ndjson"):
        frame = pd.read_json(url, lines=True, dtype=False, convert_dates=False)
    else:
        return pd.read_csv(url, dtype={"request_id": str} | ({"label": str} if words else {}))
    return frame.assign(label=frame["label"].astype(str).where(frame["label"].notna())) if words else frame


def _suffix(url: str) -> str:
    """Return what kind of file an address names, whatever compresses it and whatever key follows."""
    return Path(url.partition("?")[0].removesuffix(".gz")).suffix


def _why(error: Exception) -> str:
    if os.environ.get("CI"):  # a reader's message quotes the value it stumbled over; CI's log is read by everybody
        return type(error).__name__
    return f"{type(error).__name__}: {_told(str(error))[:120]}"


def _told(text: str) -> str:
    """Return an address, or what is said of one, without what opens it: a password, or the key of a signed address."""
    return re.sub(r"\?\S*", "", shown(" ".join(text.split())))
