"""Train/serve skew: is what was served the same as what the training table says of the same row?"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlops.contract import Contract
from mlops.drift.finding import CRITICAL, FEW, OK, Finding
from mlops.drift.looked import ALL
from mlops.params import Drift


@dataclass
class Served:
    """A feature: rows that were compared, and those that differ."""

    rows: int = 0
    differ: int = 0


def count(served: dict[str, Served], frame: pd.DataFrame, truth: pd.DataFrame, table: Contract) -> None:
    """Add the rows of a chunk that the source knows, too. truth: the source's rows, by id."""
    both = frame[frame[table.id].isin(truth.index)]
    theirs = truth.reindex(both[table.id])
    for name, column in table.features.items():
        one, other = both[name], theirs[name].set_axis(both.index)
        same = _numbers(one, other) if column.type in ("number", "integer") else _values(one, other)
        found = served.setdefault(name, Served())
        found.rows, found.differ = found.rows + len(same), found.differ + int((~same).sum())


def check(served: dict[str, Served], knobs: Drift) -> Iterator[Finding]:
    """Yield a finding a feature: critical where more rows differ than the limit allows, since no chance makes them."""
    for name, found in served.items():
        if found.rows < knobs.min_rows:
            note = f"{found.rows:,} rows are in log and source, and {knobs.min_rows} are needed"
            yield Finding("skew", name, ALL, "", None, None, None, FEW, note)
            continue
        share = found.differ / found.rows
        state = CRITICAL if share > knobs.limits.skew else OK
        note = f"{found.differ:,} of {found.rows:,} rows were served another value than the source has"
        yield Finding("skew", name, ALL, "share", share, knobs.limits.skew, None, state, note)


def _numbers(one: pd.Series, other: pd.Series) -> np.ndarray:
    a, b = (
        pd.to_numeric(each, errors="coerce").to_numpy(np.float64, na_value=np.nan).astype(np.float32)
        for each in (one, other)
    )
    return (a == b) | (np.isnan(a) & np.isnan(b))  # float32, as every model reads them


def _values(one: pd.Series, other: pd.Series) -> np.ndarray:
    gone = one.isna() & other.isna()
    return ((one.astype(object) == other.astype(object)) | gone).to_numpy(dtype=bool)
