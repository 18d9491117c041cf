"""From a table to the float32 matrix that every model reads; the columns and their codes travel inside the model file."""

import numpy as np
import pandas as pd

from mlops.contract import Contract
from mlops.errors import CannotRun


def spec(contract: Contract) -> list[dict]:
    """Return one {name, type, categories} a feature, in the order of the matrix's columns."""
    return [
        {"name": name, "type": column.type, "categories": list(column.categories or [])}
        for name, column in contract.features.items()
    ]


def encode(frame: pd.DataFrame, columns: list[dict]) -> np.ndarray:
    """Return float32 [rows, columns]: numbers as they are, category codes, NaN for missing and unknown.

    Raises CannotRun where a column is absent.
    """
    absent = [column["name"] for column in columns if column["name"] not in frame]
    if absent:
        raise CannotRun(f"the model reads column '{absent[0]}', which the table does not have")
    matrix = np.empty((len(frame), len(columns)), dtype=np.float32)
    for position, column in enumerate(columns):
        matrix[:, position] = _codes(frame[column["name"]], column)
    return matrix


def _codes(values: pd.Series, column: dict) -> np.ndarray:
    if column["type"] == "category":
        codes = pd.Categorical(values, categories=column["categories"]).codes.astype(np.float32)
        return np.where(codes < 0, np.float32("nan"), codes)
    return pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan).astype(np.float32)
