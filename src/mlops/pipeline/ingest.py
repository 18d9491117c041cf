"""Stage `ingest`: the training window's rows, as src/model/source.py gives them, sorted by group and id. Run: mlops ingest."""

import os

from mlops import contract, params
from mlops.errors import CannotRun
from mlops.files import write_table
from mlops.paths import RAW


def run(args) -> None:
    """Read the window and write data/raw.parquet; raises CannotRun where the source gives no table that can be kept."""
    frame = read(params.read().data, contract.read())
    try:
        write_table(RAW, frame)
    except (ValueError, TypeError) as error:  # pyarrow's: the value first, where it was last
        raise CannotRun(
            f"Parquet cannot hold the table of src/model/source.py ({error.args[-1]}): give each column one type"
        ) from None
    print(f"ingest: {len(frame):,} rows, {frame.shape[1]} columns")


def read(data: params.Data, table: contract.Contract):
    """Return the rows of the window as `given` does; raises CannotRun where it has none."""
    frame = given(data, table)
    if not len(frame):
        raise CannotRun(
            f"the window {data.window.start} to {data.window.end} has no rows: move `data.window` in params.yaml to months that have some"
            if data.window
            else "src/model/source.py gives no rows: is it the right file?"
        )
    return frame


def given(data: params.Data, table: contract.Contract, start=None, end=None):
    """Return the rows of the months `start`..`end` (the window where not given), sorted by group and id, columns in contract order.

    Dates, also as text ("2024-01-31"), become datetimes without a zone (UTC); what is no date counts as missing. A month that has no
    rows yet may give none.
    """
    import pandas as pd

    from model.source import read as source

    if (table.time is None) != (data.window is None):
        raise CannotRun(
            "params.yaml: `data.window` is of a table with a `time` column, and a table with one needs it: name both, or neither"
        )
    start, end = (start or data.window.start, end or data.window.end) if data.window else (None, None)
    rows = f"{start} to {end}" if data.window else "the table"
    try:
        frame = source(start, end, dict(data.options))
    except (ValueError, TypeError, OSError, LookupError) as error:
        # a reader's message quotes the value it stumbled over; CI's log is read by everybody
        why = (
            f"{type(error).__name__}; run `make train` on your machine to see why"
            if os.environ.get("CI")
            else f"{type(error).__name__}: {error}"
        )
        raise CannotRun(f"src/model/source.py could not read {rows}: {why}") from error
    if not isinstance(frame, pd.DataFrame):
        raise CannotRun(f"src/model/source.py gives {type(frame).__name__}, not a table: return a pandas DataFrame")
    absent = [name for name in table.columns if name not in frame]
    if absent:
        raise CannotRun(
            f"column '{absent[0]}' of data/contract.yaml is not in the table ({', '.join(map(str, frame.columns))}): correct either"
        )
    order = [*table.columns, *(name for name in frame.columns if name not in table.columns)]
    dates = {
        name: pd.to_datetime(frame[name], format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None)
        for name, column in table.columns.items()
        if column.type == "date" and not pd.api.types.is_numeric_dtype(frame[name])
    }
    by = [name for name in (table.group, table.id) if name]
    return frame[order].assign(**dates).reset_index(drop=True).sort_values(by, kind="stable", ignore_index=True)
