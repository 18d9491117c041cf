"""Which months a challenger is trained on: the newest whose labels have settled, as many as the champion had, none of them at fault."""

from collections.abc import Sequence
from datetime import date, timedelta

import pandas as pd

from mlops.drift import decision
from mlops.drift.decision import Seen
from mlops.errors import CannotRun
from mlops.params import Window


class NotYet(CannotRun):
    """No month can be trained on yet: that is so after each retrain, until labels have come."""


def moved(window: Window, seen: Sequence[Seen], as_of: date, label_delay_days: int) -> Window:
    """Return the window of a retrain; it begins after the last month whose rows are at fault, so it may be shorter than `window`.

    seen: the windows of `drift`. Raises NotYet where no month is new, or the newest one itself is at fault.
    """
    last = settled(as_of, label_delay_days)
    if str(last) <= window.end:
        raise NotYet(
            f"`data.window` ends with {window.end}, and no later month has labels on {as_of}: wait for {last + 1}"
        )
    months = pd.Period(window.end, "M") - pd.Period(window.start, "M")
    first = max([last - months.n, *(month + 1 for month in faulty(seen) if month <= last)])
    if first > last:
        raise NotYet(
            f"the rows of {last} are at fault, so nothing is trained on them: mend what delivers them (`make drift`)"
        )
    return Window(start=str(first), end=str(last))


def settled(as_of: date, label_delay_days: int) -> pd.Period:
    """Return the newest month whose labels have come by the end of a day."""
    return pd.Period(as_of + timedelta(days=1) - timedelta(days=label_delay_days), "M") - 1


def faulty(seen: Sequence[Seen]) -> list[pd.Period]:
    """Return the months whose rows are at fault, whatever else they show; a week may lie in two."""
    broken = [one.window for one in seen if decision.faulty(one)]
    return sorted({pd.Period(day, "M") for window in broken for day in (window.start, window.end - timedelta(days=1))})
