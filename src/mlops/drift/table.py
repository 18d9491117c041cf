"""The rows of a window from src/model/source.py, as they were known on a day."""

from datetime import date, timedelta

import pandas as pd

from mlops.contract import Contract
from mlops.drift.windows import Window
from mlops.params import Params
from mlops.pipeline import ingest


def rows(window: Window, as_of: date, table: Contract, knobs: Params) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of a window, and what was left out of them, a sentence each.

    A label that was not known on the day `as_of` is taken out: those of rows younger than split.label_delay_days. Raises CannotRun
    where the source cannot be read: that is no quiet window.
    """
    known = pd.Timestamp(as_of) + timedelta(days=1)
    first, last = window.start, window.end - timedelta(days=1)
    frame = ingest.given(knobs.data, table, f"{first:%Y-%m}", f"{last:%Y-%m}")
    when, undated = frame[table.time], int(frame[table.time].isna().sum())
    frame, said = once(frame[(when >= window.start) & (when < min(window.end, known))], table)
    young = frame[table.time] + timedelta(days=knobs.split.label_delay_days) >= known
    said += [f"{undated:,} rows have no {table.time}, so they are in no window"] * bool(undated)
    return frame.assign(**{table.target: frame[table.target].mask(young)}), said


def once(frame: pd.DataFrame, table: Contract) -> tuple[pd.DataFrame, list[str]]:
    """Return each row once, by its id, and how many came twice."""
    if not table.id or table.id not in frame:
        return frame, []
    first = ~frame[table.id].duplicated() | frame[table.id].isna()
    twice = int((~first).sum())
    return frame[first], [f"{twice:,} rows came twice"] * bool(twice)
