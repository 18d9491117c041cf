"""Groups of rows that are looked at on their own: each group of a slice column, and the crossings of all of them."""

import numpy as np
import pandas as pd

from mlops.contract import Column, Contract, groups
from mlops.task import Task


def labels(frame: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return one string column a slice or protected column of the contract: the group of each row.

    A value that the contract's categories do not name is 'undeclared': group names are shown in reports, values of rows not.
    """
    names = dict.fromkeys([*contract.slices, *contract.protected])
    return pd.DataFrame({name: _groups(frame, name, contract.columns[name]) for name in names}, index=frame.index)


def _groups(frame: pd.DataFrame, name: str, column: Column) -> pd.Series:
    found = groups(frame, name, column)
    return found.where(found.isin([*column.categories, "missing"]), "undeclared") if column.categories else found


def singles(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return {'column=group': positions of its rows} for every group of every column of `labels`."""
    found = {}
    for name in table:
        for group, rows in table.groupby(name, sort=True).indices.items():
            found[f"{name}={group}"] = rows
    return found


def crossings(table: pd.DataFrame, names: list[str]) -> dict[str, np.ndarray]:
    """Return {'a=x, b=y': positions} for every combination of groups of the columns `names` that has rows."""
    if not names:
        return {}
    found = table.groupby(names, sort=True).indices
    as_tuple = {(key if isinstance(key, tuple) else (key,)): rows for key, rows in found.items()}
    return {", ".join(f"{n}={g}" for n, g in zip(names, key, strict=True)): rows for key, rows in as_tuple.items()}


def judged(rows: np.ndarray, target: np.ndarray, min_class_rows: int, task: Task = "binary") -> bool:
    """Whether a group has enough rows to be judged: of each class, or, where there are not two, twice as many in all."""
    if task != "binary":
        return len(rows) >= 2 * min_class_rows
    return min(int(target[rows].sum()), int(len(rows) - target[rows].sum())) >= min_class_rows
