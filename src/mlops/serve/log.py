"""The prediction log: every answer is a row. A request costs one append; a thread writes in batches and counts what it drops.

Two threads share a deque, whose append and popleft are atomic: the event loop appends, the writer takes.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import chain, repeat
from typing import Protocol

from mlops.errors import CannotRun
from mlops.serve.record import Record

BATCH = 500  # rows from which on a write takes no further entry
PAUSE = 0.02  # seconds between two looks at the queue: short turns of the writer keep the slowest answers fast
RETRY = (0.2, 0.5, 1, 2, 5)  # seconds before a failed write is tried again
LAST = 8  # seconds that the last writes may take after SIGTERM
HANGS = 10  # seconds after which a write that has not ended counts as failed
BYTES = 64_000_000  # of bodies whose rows wait: in memory they take a few times as much
AGAIN = 60  # seconds before it is said again that rows are dropped

logger = logging.getLogger("mlops.serve")


class Sink(Protocol):
    """Where rows go. `write` raises any error and has then written nothing of them, or what it can tell apart again."""

    def write(self, records: list[Record]) -> int:
        """Write all rows, and return how many were not there before; raises UNWRITABLE where their content is at fault."""

    def close(self) -> None:
        """Let go of files and connections."""


UNWRITABLE = (ValueError, TypeError, OverflowError)  # however often it is tried


class PredictionLog:
    """A bounded queue before a sink.

    Attributes: waiting, written, repeated, dropped (rows), up (whether the last write succeeded, and none hangs).
    """

    def __init__(self, sink: Sink, limit: int, unfold: Callable):
        """`unfold`: an entry of the queue -> its rows, made in the writer's thread. limit: rows that may wait."""
        self.sink, self.limit, self.unfold = sink, limit, unfold
        self.queue: deque = deque()
        self.written = self.repeated = self.dropped = self.waiting = self.bytes = 0
        self._works, self._began, self._said, self._until = True, 0.0, -AGAIN, 0.0
        self._lock, self._stop, self._closed = threading.Lock(), threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)

    @property
    def up(self) -> bool:
        """Whether the last write succeeded, and none has been going on for long."""
        return self._works and not (self._began and time.monotonic() - self._began > HANGS)

    def start(self) -> None:
        """Start to write."""
        self._thread.start()

    def put(self, entry, rows: int = 1, size: int = 0) -> None:
        """Take an entry of so many rows and bytes, or count them as dropped where there is no room; never waits."""
        with self._lock:
            full = self.waiting + rows > self.limit or self.bytes + size > BYTES
            if not full:
                self.waiting += rows
                self.bytes += size
        if full:
            self._drop(rows)
        else:
            self.queue.append((entry, rows, size))

    def close(self) -> None:
        """Write what waits and let go of the sink; what cannot be written in time is counted and said. A second call does nothing."""
        if self._closed:
            return
        self._closed, self._until = True, time.monotonic() + LAST
        self._stop.set()
        if self._thread.ident:
            self._thread.join(LAST + 1)
        if self.waiting:
            self.dropped += self.waiting
            logger.error("prediction log: %d rows could not be written in time and are lost", self.waiting)
        if self.dropped:
            logger.error("prediction log: %d rows written, %d dropped since the start", self.written, self.dropped)
        if not self._thread.is_alive():
            self.sink.close()

    def _drop(self, rows: int) -> None:
        """Count rows as dropped, and say so now and then."""
        with self._lock:
            self.dropped += rows
        if time.monotonic() - self._said >= AGAIN:
            self._said = time.monotonic()
            logger.warning("prediction log: %d rows dropped so far, as too many wait; see LOG_ROWS", self.dropped)

    def _run(self) -> None:
        while not self._stop.wait(PAUSE):
            self._empty()
        self._empty()

    def _empty(self) -> None:
        while self.queue and not (self._until and time.monotonic() > self._until):
            records: list[Record] = []
            while self.queue and len(records) < BATCH:
                entry, rows, size = self.queue.popleft()
                self.bytes -= size
                try:
                    records.extend(self.unfold(entry))
                except Exception as error:  # the writer goes on, whatever an entry holds
                    self._lose(rows, error)
            self._write(records)

    def _write(self, records: list[Record]) -> None:
        """Write until it succeeds, however long that takes: meanwhile the queue fills, and drops are counted."""
        new = 0
        for pause in chain(RETRY, repeat(RETRY[-1])):
            self._began = time.monotonic()
            try:
                new = self.sink.write(records)
                break
            except UNWRITABLE as error:
                self._apart(records, error)
                return
            except Exception as error:
                self._failed(error)
            finally:
                self._began = 0.0
            if self._stop.wait(pause):
                if time.monotonic() > self._until:
                    return
                time.sleep(RETRY[0])
        if not self._works:
            logger.warning("prediction log: writes again")
        self._works = True
        with self._lock:
            self.waiting -= len(records)
            self.written += new
            self.repeated += len(records) - new

    def _apart(self, records: list[Record], error: Exception) -> None:
        """Write the halves of what a sink refuses for its content; the one row that is at fault is dropped, counted and said."""
        if len(records) > 1:
            middle = len(records) // 2
            self._write(records[:middle])
            self._write(records[middle:])
        else:
            self._lose(1, error)

    def _lose(self, rows: int, error: Exception) -> None:
        logger.error("prediction log: %d row(s) cannot be written and are dropped (%s)", rows, type(error).__name__)
        with self._lock:
            self.waiting -= rows
            self.dropped += rows

    def _failed(self, error: Exception) -> None:
        if self._works:  # once, not at each try
            reason = " ".join(str(error).split())[:200] if isinstance(error, CannotRun) else type(error).__name__
            logger.error("prediction log: cannot write (%s), trying again", reason)
        self._works = False
