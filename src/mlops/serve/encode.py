"""From what a request held to the float32 matrix that the model reads, without pandas: see mlops.encoding."""

from collections.abc import Callable
from operator import attrgetter

import numpy as np

from mlops.serve.rows import Rows

MISSING = float("nan")


def encoder(rows: Rows, columns: list[dict]) -> tuple[Callable, Callable]:
    """Return two functions: a Row -> float32 [1, columns]; n values a column, see Rows.values -> float32 [n, columns]."""
    read = attrgetter(*map(rows.field, rows.inputs))
    read = read if len(rows.inputs) > 1 else lambda held, only=read: (only(held),)
    places = [rows.columns.index(name) for name in rows.inputs]
    codes = [
        (place, {name: code for code, name in enumerate(column["categories"])})
        for place, column in enumerate(columns)
        if column["type"] == "category"
    ]

    def one(row) -> np.ndarray:
        values = [*read(row)]
        for place, code in codes:
            values[place] = code.get(values[place], MISSING)
        return np.array([values], dtype=np.float32)  # None becomes NaN

    def many(held: tuple) -> np.ndarray:
        values = [held[place] for place in places]
        for place, code in codes:
            values[place] = [code.get(value, MISSING) for value in values[place]]
        matrix = np.empty((len(values[0]), len(columns)), dtype=np.float32)
        for place, column in enumerate(values):
            matrix[:, place] = column
        return matrix

    return one, many
