"""The rows of a window, wherever they come from, each with its label where that is known on the day.

With PREDICTION_LOG_URL they are the requests that were served: their labels come from OUTCOMES_URL by request, else from
src/model/source.py by the contract's id. Without it they are the rows of src/model/source.py.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from mlops.contract import Contract
from mlops.drift import log, skew, table
from mlops.drift.windows import Window
from mlops.params import Params

SOURCES = ("PREDICTION_LOG_URL", "OUTCOMES_URL")


@dataclass
class Rows:
    """The rows of one window, read once, in chunks.

    said: what was left out, a sentence each. served: how served features compare with those of the source, by column. Both are
    complete when all chunks have been read.
    """

    window: Window
    as_of: date
    table: Contract
    knobs: Params
    log: str = ""
    labels: pd.Series | None = None
    said: list[str] = field(default_factory=list)
    served: dict[str, skew.Served] = field(default_factory=dict)

    def chunks(self) -> Iterator[pd.DataFrame]:
        """Yield the rows; raises CannotRun where a source that is named cannot be read."""
        if self.log:
            yield from self._served()
            return
        frame, self.said = table.rows(self.window, self.as_of, self.table, self.knobs)
        if len(frame):
            yield frame

    def _served(self) -> Iterator[pd.DataFrame]:
        truth, later = None, 0
        for chunk in log.chunks(self.log, self.window, self.table):
            frame = log.upto(chunk, self.as_of)
            later += len(chunk) - len(frame)
            if frame.empty:
                continue
            if self.table.time and self.table.id in frame:
                truth = self._truth() if truth is None else truth
                skew.count(self.served, frame, truth, self.table)
            yield frame.assign(**{self.table.target: self._known(self._label(frame, truth), frame)})
        if later:
            clock = ": is a clock wrong?" * (self.as_of >= datetime.now(UTC).date())  # of a day long ago they are none
            self.said.append(f"{later:,} answers are later than {self.as_of}{clock}")

    def _truth(self) -> pd.DataFrame:
        """Return the source's rows by id; of ids that it repeats the first."""
        frame, _ = table.rows(self.window, self.as_of, self.table, self.knobs)
        return frame.dropna(subset=self.table.id).set_index(self.table.id)

    def _label(self, frame: pd.DataFrame, truth: pd.DataFrame | None) -> pd.Series:
        if self.labels is not None:
            return frame[log.REQUEST].map(self.labels)
        if truth is not None:
            return frame[self.table.id].map(truth[self.table.target])
        return pd.Series(np.nan, index=frame.index)

    def _known(self, label: pd.Series, frame: pd.DataFrame) -> pd.Series:
        """Return labels without those that nobody knew on the day."""
        delay = timedelta(days=self.knobs.split.label_delay_days)
        return label.mask(frame[log.AT] + delay >= pd.Timestamp(self.as_of) + timedelta(days=1))


def source(table_: Contract, knobs: Params, env=os.environ):
    """Return a function (window, day) -> Rows, None where nothing says which rows are new."""
    url, outcomes = (env.get(name, "") for name in SOURCES)
    if not url and table_.time is None:
        return None
    labels = log.outcomes(outcomes, table_) if url and outcomes else None
    return lambda window, as_of: Rows(window, as_of, table_, knobs, url, labels)
