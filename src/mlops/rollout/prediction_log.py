"""Figures from the prediction log, where there is no Prometheus: what each model answered, by the arm that the router assigned.

It knows no errors and no copies that were lost on the way; it pairs the answers to one request, which counters cannot.
"""

import json
import os
import sqlite3
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import pstdev

from mlops.errors import CannotRun
from mlops.rollout.measured import Arm, Measured
from mlops.rollout.step import SHADOW

NEWEST = 1_000_000  # rows of a log that are read, the newest
COLUMNS = ("at", "request_id", "row", "model_hash", "arm", "score", "decision", "latency_ms")
SELECT = f"SELECT {', '.join(COLUMNS).replace('row', chr(34) + 'row' + chr(34))} FROM predictions WHERE "  # noqa: S608
BINS = 10
NEAR = 0.1  # numbers agree that differ by less than this share of the champion's standard deviation


@dataclass(frozen=True)
class Row:
    """One answer of the log."""

    at: datetime
    request_id: str
    row: int
    model_hash: str
    arm: str
    score: float
    decision: bool | str | float
    latency_ms: float


@dataclass(frozen=True)
class PredictionLog:
    """A log at `url`: sqlite:///file, postgresql://..., or a file of JSON lines."""

    url: str = field(repr=False)

    def measured(self, seconds: float, step: str, models: tuple[str, str]) -> Measured:
        """Return the figures of the last `seconds` of a step; models: hashes of champion and challenger.

        Raises CannotRun where the log cannot be read.
        """
        return _measured(self.rows(seconds), seconds, step, models)

    def rows(self, seconds: float) -> list[Row]:
        """Return the answers of the last `seconds`; raises CannotRun where the log cannot be read."""
        begin = datetime.now(UTC) - timedelta(seconds=seconds)
        try:
            found = [_row(values) for values in self._read(begin)]
        except (OSError, ValueError, KeyError, TypeError, sqlite3.Error) as error:
            raise CannotRun(
                f"the prediction log {self._shown} cannot be read ({type(error).__name__}): correct PREDICTION_LOG_URL"
            ) from None
        return [each for each in found if each.at >= begin]

    def silent(self, seconds: float) -> CannotRun:
        """Return what is to be said where it has no answer at all: it may be another log, or nobody writes it."""
        return CannotRun(
            f"the prediction log {self._shown} has no answer of the last {seconds / 60:.0f} minutes: is it the one that is written?"
        )

    def _read(self, begin: datetime) -> Iterable[tuple]:
        kind, _, path = self.url.partition("://")
        if kind in ("postgresql", "postgres"):
            return _postgres(self.url, begin)
        if kind == "sqlite":
            return _sqlite(path.removeprefix("/"), begin)
        return _lines(self.url)

    @property
    def _shown(self) -> str:
        return self.url.partition("://")[0] if "@" in self.url else self.url


def from_environment(env=os.environ) -> PredictionLog | None:
    """Return the log that PREDICTION_LOG_URL names, None where nobody has named one."""
    url = env.get("PREDICTION_LOG_URL", "")
    return PredictionLog(url) if url else None


def _sqlite(path: str, begin: datetime) -> list[tuple]:
    if not Path(path).is_file():
        raise CannotRun(f"PREDICTION_LOG_URL names {path}, which is not there: write sqlite:///file")
    query = f"{SELECT} at >= ? ORDER BY at DESC LIMIT {NEWEST}"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(query, [begin.isoformat(timespec="milliseconds")]).fetchall()


def _postgres(url: str, begin: datetime) -> list[tuple]:
    try:
        import psycopg
    except ImportError:
        raise CannotRun("psycopg is not installed here: run `uv sync --group log` first") from None
    query = f"{SELECT} day >= %s AND at >= %s ORDER BY at DESC LIMIT {NEWEST}"
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            return connection.execute(query, [begin.date(), begin]).fetchall()
    except psycopg.Error as error:
        raise CannotRun(f"PostgreSQL does not answer: {str(error).splitlines()[0]}") from None


def _lines(path: str) -> Iterator[tuple]:
    with Path(path).open(encoding="utf-8") as lines:
        for line in lines:
            said = _parsed(line)  # others may write there, too
            if isinstance(said, dict) and "request_id" in said:
                yield tuple(said[name] for name in COLUMNS)


def _row(values: tuple) -> Row:
    said = dict(zip(COLUMNS, values, strict=True))
    if not isinstance(said["at"], datetime):
        said["at"] = datetime.fromisoformat(said["at"])
    if isinstance(said["decision"], str):  # SQLite keeps JSON as text; what is no JSON is the name of a class
        said["decision"] = _parsed(said["decision"])
    return Row(**said)


def _parsed(text: str):
    try:
        return json.loads(text)
    except ValueError:
        return text


def _measured(rows: list[Row], seconds: float, step: str, models: tuple[str, str]) -> Measured:
    champion, challenger = models
    if champion == challenger:  # an image of other code; a shadow's rows are repetitions to this log
        return _unsure(rows, seconds)
    mine = [row for row in rows if row.model_hash == challenger]
    asked = {row.request_id for row in rows if row.arm == "challenger"}
    if step == SHADOW:  # a copy of each
        asked = {row.request_id for row in rows if row.model_hash == champion}
    answered = asked & {row.request_id for row in mine}
    theirs = [row for row in rows if row.model_hash == champion and row.arm != "challenger"]
    edges = _edges([row.score for row in theirs])
    arms = (
        Arm(len(ids), None, *_slowest(answers), _binned([row.score for row in answers], edges))
        for ids, answers in (({row.request_id for row in theirs}, theirs), (asked, mine))
    )
    return Measured(seconds, *arms, len(asked) - len(answered), len(answered), len(asked), _agreement(theirs, mine))


def _unsure(rows: list[Row], seconds: float) -> Measured:
    arms = [[row for row in rows if (row.arm in ("challenger", "shadow")) == mine] for mine in (False, True)]
    edges = _edges([row.score for row in arms[0]])
    known = (
        Arm(len({row.request_id for row in each}), None, *_slowest(each), _binned([row.score for row in each], edges))
        for each in arms
    )
    return Measured(seconds, *known, answered=None)


def _slowest(rows: list[Row]) -> tuple[float | None, float | None]:
    """Return the p98 and p99 of requests, ms; a batch is one."""
    times = sorted(row.latency_ms for row in rows if row.row == 0)
    return tuple(times[int(share * (len(times) - 1))] if times else None for share in (0.98, 0.99))


def _edges(scores: list[float]) -> list[float]:
    """Return the edges of bins that each hold a tenth of these scores."""
    scores = sorted(scores)
    return sorted({scores[len(scores) * place // BINS] for place in range(1, BINS)}) if scores else []


def _binned(scores: list[float], edges: list[float]) -> tuple[float, ...]:
    counts = Counter(bisect_right(edges, score) for score in scores)
    return tuple(float(counts[place]) for place in range(len(edges) + 1))


def _agreement(theirs: list[Row], mine: list[Row]) -> tuple[int, float] | None:
    """Return how many answers both models gave to the same row, and the share of them that agree."""
    other = {(row.request_id, row.row): row for row in theirs}
    pairs = [(other[key], row) for row in mine if (key := (row.request_id, row.row)) in other]
    if not pairs:
        return None
    spread = NEAR * pstdev([row.score for row in theirs])
    return len(pairs), sum(_agree(a.decision, b.decision, spread) for a, b in pairs) / len(pairs)


def _agree(one, other, spread: float) -> bool:
    if isinstance(one, bool | str):
        return one == other
    return abs(one - other) <= spread
