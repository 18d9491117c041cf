"""One row of the prediction log, and how it is made of what the queue held: in the writer's thread, off the hot path."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from mlops.serve.entry import Entry
from mlops.serve.scorer import Scorer

SCHEMA = 1  # of the log's tables; a sink refuses a table of another one


class Record(msgspec.Struct, kw_only=True, gc=False):
    """One answer. Unique by (request_id, row, model_hash), as mirrors and retries repeat ids.

    at: when it was answered, UTC. row: place in a batch, 0 of a single row. user_hash: keyed hash of the user's id, null
    without a key. arm: what the router assigned. features: what was given, {column: value}. score: of several classes the
    likeliest's; scores: each class's. latency_ms: of the whole request.
    """

    at: datetime
    request_id: str
    row: int
    user_hash: str | None
    model_hash: str
    arm: str
    features: dict[str, Any]
    score: float
    scores: dict[str, float] | None
    decision: bool | str | float
    latency_ms: float


COLUMNS = Record.__struct_fields__


def unfolder(scorer: Scorer) -> Callable[[Entry], Iterator[Record]]:
    """Return a function: an entry of the queue -> its rows.

    Protected columns, and prose other than id, group and time, are left out: see Column.logged of the contract.
    """
    model_hash, one = scorer.model.hash, scorer.rows.row
    logged = [(name, scorer.rows.field(name)) for name in scorer.logged]

    def records(entry: Entry) -> Iterator[Record]:
        asked, at = entry.asked, datetime.fromtimestamp(entry.at, UTC)
        same = {
            "at": at,
            "request_id": asked.id,
            "user_hash": asked.user_hash,
            "model_hash": model_hash,
            "arm": asked.arm,
        }
        same["latency_ms"] = round(entry.latency_ms, 3)
        if isinstance(entry.held, one):
            features = {name: value for name, field in logged if (value := getattr(entry.held, field)) is not None}
            yield Record(
                row=0, features=features, score=entry.score, decision=entry.decision, scores=entry.scores, **same
            )
            return
        given = [(name, values) for name, field in logged if (values := getattr(entry.held, field)) is not None]
        every = entry.scores or [None] * len(entry.score)
        for row, (score, decision, scores) in enumerate(zip(entry.score, entry.decision, every, strict=True)):
            features = {name: value for name, values in given if (value := values[row]) is not None}
            yield Record(row=row, features=features, score=score, decision=decision, scores=scores, **same)

    return records
