"""A small shop whose visits are watched: its contract, its rows, and the log of the service that answers for it."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import yaml

import model.source
from mlops.contract import Contract
from mlops.drift.windows import Window
from mlops.params import Params
from mlops.serve.record import Record
from mlops.serve.sinks.sqlite import Sqlite

TABLE = yaml.safe_load("""
version: 1
task: binary
target: bought
positive: 1
id: visit
time: at
slices: [city]
columns:
  visit: {type: text}
  at: {type: date}
  amount: {type: number, min: 0, max: 1000}
  items: {type: integer, min: 0, nullable: 0.2}
  city: {type: category, categories: ["north", "south"]}
  member: {type: boolean, severity: warning}
  gender: {type: category, categories: ["f", "m"], protected: true}
""")
TARGETS = {  # task and type -> what the contract says of it, and labels of two rows
    "whole numbers": ({"type": "integer", "min": 0, "max": 1}, "binary", 1, [1, 0]),
    "words": ({"type": "category", "categories": ["no", "yes"]}, "binary", "yes", ["yes", "no"]),
    "booleans": ({"type": "boolean"}, "binary", True, [True, False]),
    "classes": ({"type": "category", "categories": ["1", "2", "3"]}, "multiclass", None, ["2", "1"]),
    "numbers": ({"type": "number"}, "regression", None, [1.5, 0.0]),
}


def table(target: str = "whole numbers", **changes) -> Contract:
    """The contract, perhaps with another target or other keys."""
    column, task, positive, _ = TARGETS[target]
    said = TABLE | {"task": task, "positive": positive, "columns": TABLE["columns"] | {"bought": column}} | changes
    return Contract.model_validate({key: value for key, value in said.items() if value is not None})


def knobs(delay: int = 0, **drift) -> Params:
    """Params with so many days of patience for a label, and perhaps other knobs of drift."""
    return Params.model_validate(
        {
            "data": {"window": {"start": "2024-01", "end": "2024-12"}},
            "split": {"salt": "shop", "label_delay_days": delay},
            "train": {"estimator": "linear", "estimators": {"linear": {}}},
            "drift": {"min_rows": 100} | drift,
        }
    )


def window(start: str = "2025-01-01", end: str = "2025-02-01") -> Window:
    """January of 2025, or another time; closed and settled."""
    return Window(start[:7], datetime.fromisoformat(start), datetime.fromisoformat(end), True, True)


def visits(count: int = 300, start: str = "2025-01-01", seed: int = 0, **columns) -> pd.DataFrame:
    """Rows that keep the contract, an hour apart; `columns` replace or add some."""
    random = np.random.default_rng(seed)
    usual = {
        "visit": [f"v{number}" for number in range(count)],
        "at": pd.date_range(start, periods=count, freq="h"),
        "amount": random.uniform(0, 1000, count),
        "items": random.integers(0, 9, count),
        "city": random.choice(["north", "south"], count),
        "member": random.random(count) < 0.5,
        "gender": random.choice(["f", "m"], count),
        "bought": random.integers(0, 2, count),
    }
    return pd.DataFrame(usual | columns)


def give(patch, what) -> list[tuple[str, str]]:
    """Let the owner's source give these rows, or raise this; return the months that it is asked for."""
    months = []

    def read(start, end, options):
        months.append((start, end))
        if isinstance(what, Exception):
            raise what
        return what

    patch.setattr(model.source, "read", read)
    return months


def record(request: str = "r", at: str = "2025-01-15T12:00:00", **changes) -> Record:
    """An answer of the service, which leaves out of the features what has no value."""
    when = datetime.fromisoformat(at).replace(tzinfo=UTC)
    said = {
        "row": 0, "user_hash": None, "model_hash": "m", "arm": "none", "score": 0.5, "scores": None, "decision": True,
        "latency_ms": 1.0, "features": {"amount": 10.5, "items": 2, "city": "north", "member": True},
    }  # fmt: skip
    return Record(at=when, request_id=request, **said | changes)


def asked(frame: pd.DataFrame, names=("visit", "amount", "items", "city", "member")) -> list[Record]:
    """The answers to the rows of a table, each a request of its own, with those columns."""
    return [
        record(f"r-{row['visit']}", row["at"].isoformat(), features={name: row[name] for name in names})
        for row in frame.to_dict("records")
    ]


def sqlite(records: list[Record], path: Path) -> str:
    """Write a log as the service does, and return its address."""
    sink = Sqlite(str(path))
    sink.write(records)
    sink.close()
    return f"sqlite:///{path}"


def lines(records: list[Record]) -> bytes:
    """A log as the service writes it on standard output."""
    return msgspec.json.Encoder().encode_lines(records)
