"""One row of the prediction log, and how it is made of what the queue held: in the writer's thread, off the hot path."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from mlops.serve.entry import Entry
from mlops.serve.scorer import Scorer

SCHEMA = 1  # of the log's tables; a sink refuses a table of another one


class Record(msgspec.Struct, gc=False):
    """One answer. Unique by (request_id, row, model_hash), as mirrors and retries repeat ids.

    at: when it was answered, UTC. row: place in a batch, 0 of a single row. user_hash: keyed hash of the user's id, null
    without a key. arm: what the router assigned. features: what was given, a Row or {column: value}. score: of several classes the
    likeliest's; scores: each class's. latency_ms: of the whole request.
    """

    at: datetime
    request_id: str
    row: int
    user_hash: str | None
    model_hash: str
    arm: str
    features: Any
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
    left_out = [scorer.rows.field(name) for name in scorer.rows.columns if name not in scorer.logged]

    def cut(row):
        for field in left_out:  # they are optional, and the answer has been given
            setattr(row, field, None)
        return row

    def features(held) -> Iterator:
        if isinstance(held, list):
            return map(cut, held)
        given = {name: values for name, field in logged if (values := getattr(held, field)) is not None}
        return (dict(zip(given, values, strict=True)) for values in zip(*given.values(), strict=True))

    def records(entry: Entry) -> Iterator[Record]:
        asked, at, latency = entry.asked, datetime.fromtimestamp(entry.at, UTC), round(entry.latency_ms, 3)
        about = (asked.user_hash, model_hash, asked.arm)
        if isinstance(entry.held, one):
            answer = (entry.score, entry.scores, entry.decision)
            yield Record(at, asked.id, 0, *about, cut(entry.held), *answer, latency)
            return
        answers = zip(
            features(entry.held), entry.score, entry.scores or [None] * len(entry.score), entry.decision, strict=True
        )
        for row, (kept, *answer) in enumerate(answers):
            yield Record(at, asked.id, row, *about, kept, *answer, latency)

    return records
