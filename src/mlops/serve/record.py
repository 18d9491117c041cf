"""One row of the prediction log, and how it is made of what the queue held: in the writer's thread, off the hot path."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import astuple

from mlops.serve.entry import Entry
from mlops.serve.scorer import Scorer

SCHEMA = 1  # of the log's tables; a sink refuses a table of another one


class Record(msgspec.Struct, gc=False):
    """One answer. Unique by (request_id, row, model_hash), as mirrors and retries repeat ids.

    at: when it was answered, UTC. row: place in a batch, 0 of a single row. user_hash: keyed hash of the user's id, null
    without a key. arm: what the router assigned. features: what was given, a field a column. score: of several classes the
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
    model_hash, one, columns = scorer.model.hash, scorer.rows.row, scorer.rows.columns
    places = [columns.index(name) for name in scorer.logged]
    fields = [(f"c{place}", object, None) for place in places]
    names = {f"c{place}": columns[place] for place in places}
    kept = msgspec.defstruct("Logged", fields, rename=names, omit_defaults=True, gc=False)

    def records(entry: Entry) -> Iterator[Record]:
        asked, at, latency = entry.asked, datetime.fromtimestamp(entry.at, UTC), round(entry.latency_ms, 3)
        about = (asked.user_hash, model_hash, asked.arm)
        if isinstance(entry.held, one):
            values = astuple(entry.held)
            features = kept(*(values[place] for place in places))
            yield Record(at, asked.id, 0, *about, features, entry.score, entry.scores, entry.decision, latency)
            return
        held, absent = entry.held, [None] * len(entry.score)
        features = map(kept, *(absent if held[place] is None else held[place] for place in places))
        answers = zip(features, entry.score, entry.scores or absent, entry.decision, strict=True)
        for row, answer in enumerate(answers):
            yield Record(at, asked.id, row, *about, *answer, latency)

    return records
