"""A row as the contract describes it: what /docs shows, what the page starts with, what warms the model up."""

from mlops.contract import Column
from mlops.serve.rows import Rows


def row(columns: dict[str, Column], rows: Rows) -> dict:
    """Return a value for each column that the model reads: the middle of a range, the first category."""
    return {name: value(columns[name]) for name in rows.columns if name in rows.inputs}


def value(column: Column):
    """Return a value that the column allows."""
    if column.type == "boolean":
        return True
    if column.type == "category":
        return column.categories[0]
    low, high = column.min, column.max
    if low is None or high is None:
        middle = low if high is None else high
        return (int if column.type == "integer" else float)(middle or 0)
    middle = low + (high - low) / 4  # ranges have headroom, and most quantities are skewed
    return int(max(low, middle // 1)) if column.type == "integer" else float(f"{middle:.4g}")
