"""What is kept of the rows of a window: a summary of each column in each group, and a sample of whole rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mlops import slices
from mlops.contract import Column, Contract
from mlops.drift.summary import Numbers, Values

SAMPLE = 20_000  # whole rows: for what cannot be said by adding up
ALL = ""  # the group of all rows
SCORE = "_score"  # then the class, where there are several


@dataclass
class Looked:
    """Rows of a window.

    rows: how many. columns: (group, column) -> summary. sample: at most SAMPLE of the rows, drawn at random, with `_score`, shape
    [rows] or a list of one number a class, and `_known`, whether the label is there and the model was not trained on the row.
    """

    rows: int = 0
    columns: dict[tuple[str, str], Numbers | Values] = field(default_factory=dict)
    sample: pd.DataFrame = field(default_factory=pd.DataFrame)


def watched(table: Contract) -> dict[str, type]:
    """Return {column: how it is summarised}: every number and every category that describes a row, the model's inputs or not."""
    apart = {table.target, table.id, table.group, table.time}
    kinds = {"number": Numbers, "integer": Numbers, "category": Values, "boolean": Values}
    return {
        name: kinds[column.type] for name, column in table.columns.items() if column.type in kinds and name not in apart
    }


def look(chunks: Iterable[pd.DataFrame], table: Contract, seed: int = 0) -> Looked:
    """Return what is kept of rows that come in chunks; a row has the contract's columns, `_score` and `_known`, or some of them."""
    found, random = Looked(), np.random.default_rng(seed)
    for chunk in chunks:
        found.rows += len(chunk)
        _add(found, chunk.reset_index(drop=True), table)
        drawn = chunk.assign(_drawn=random.random(len(chunk)))
        found.sample = pd.concat([found.sample, drawn], ignore_index=True) if len(found.sample) else drawn
        found.sample = found.sample.nsmallest(SAMPLE, "_drawn") if len(found.sample) > SAMPLE else found.sample
    found.sample = found.sample.reset_index(drop=True)
    return found


def _add(found: Looked, chunk: pd.DataFrame, table: Contract) -> None:
    kinds = {name: kind for name, kind in watched(table).items() if name in chunk}
    kinds |= {name: Numbers for name in chunk if name.startswith(SCORE)}
    columns = {name: _plain(chunk[name], table.columns.get(name)) for name in kinds}
    for group, rows in groups(chunk, table).items():
        for name, values in columns.items():
            if group.partition("=")[0] != name:  # of gender=female gender says nothing
                part = values if rows is None else values.take(rows)
                if name in table.columns and name not in table.features:  # a request need not have it
                    part = part[pd.notna(part)]
                found.columns.setdefault((group, name), kinds[name]()).add(part)


def groups(frame: pd.DataFrame, table: Contract) -> dict[str, np.ndarray | None]:
    """Return {group: positions of its rows}, None for all: the groups of the contract's slices that the frame has columns of."""
    names = [name for name in dict.fromkeys([*table.slices, *table.protected]) if name in frame]
    few = table.model_copy(update={"slices": names, "columns": {name: table.columns[name] for name in names}})
    return {ALL: None} | (slices.singles(slices.labels(frame, few)) if names else {})


def _plain(values: pd.Series, column: Column | None) -> pd.Series | np.ndarray:
    """Return the values of a category as they are, all others as numbers: True is 1, as some tables have it."""
    if column is not None and column.type == "category":
        return values
    return pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
