"""The windows of time that are held against the reference: days, weeks or months that do not overlap."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from mlops.errors import CannotRun

FREQUENCY = {"day": "D", "week": "W-SUN", "month": "M"}  # as pandas names them


@dataclass(frozen=True)
class Window:
    """The rows from `start` on and before `end`.

    name: as people read it, 2025-03 of a month. closed: whether no more rows come. settled: whether its labels are there, as far as
    params.yaml says how long they take.
    """

    name: str
    start: datetime
    end: datetime
    closed: bool
    settled: bool


def since(last: date, as_of: date, every: str, label_delay_days: int) -> list[Window]:
    """Return the windows after the day `last`, up to the day `as_of`, the oldest first; the last one may still be open."""
    import pandas as pd

    known = as_of + timedelta(days=1)  # the whole of that day
    found, first = [], pd.Timestamp(last) + timedelta(days=1)
    period = pd.Period(first, FREQUENCY[every])
    while period.start_time.date() < known:
        start = max(period.start_time, first)  # of a week that began before, the rest
        end = (period + 1).start_time.to_pydatetime()
        closed = end.date() <= known
        settled = end.date() + timedelta(days=label_delay_days) <= known
        name = str(period) if every != "week" else str(start.date())
        found.append(Window(name, start.to_pydatetime(), end, closed, settled))
        period += 1
    return found


def day(text: str) -> date:
    """Return the day that AS_OF names, today (UTC) where it names none; raises CannotRun where it is no day, or one to come."""
    today = datetime.now(UTC).date()
    try:
        named = date.fromisoformat(text) if text else today
    except ValueError:
        raise CannotRun(f"AS_OF is '{text}', which is no day: write it as {today}") from None
    if named > today:
        raise CannotRun(f"AS_OF is {named}, a day to come: its rows are not there yet, so name {today} at the latest")
    return named
