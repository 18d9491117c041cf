"""What is passed on of a request: plain data without references back, so that the garbage collector need not look."""

import msgspec


class Asked(msgspec.Struct, gc=False):
    """A request without its body; start: time.perf_counter()."""

    id: str
    arm: str
    user_hash: str | None
    start: float


class Entry(msgspec.Struct, gc=False):
    """What the prediction log's queue holds: a request, what it held, what it was answered. Lists where it was a batch.

    at: seconds since the epoch; held: a Row, or of a batch its columns (see rows.Rows.values).
    """

    at: float
    asked: Asked
    held: object
    score: object
    decision: object
    scores: object
    latency_ms: float
