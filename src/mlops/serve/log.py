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
LAST = 10  # seconds that the last write may take after SIGTERM

logger = logging.getLogger("mlops.serve")


class Sink(Protocol):
    """Where rows go. `write` raises any error and has then written nothing of them, or what it can tell apart again."""

    def write(self, records: list[Record]) -> None:
        """Write all rows; raises ValueError where their content cannot be written, however often it is tried."""

    def close(self) -> None:
        """Let go of files and connections."""


class PredictionLog:
    """A bounded queue before a sink.

    Attributes: waiting, written, dropped (rows), up (whether the last write succeeded).
    """

    def __init__(self, sink: Sink, limit: int, unfold: Callable):
        """`unfold`: an entry of the queue -> its rows, made in the writer's thread. limit: rows that may wait."""
        self.sink, self.limit, self.unfold = sink, limit, unfold
        self.queue: deque = deque()
        self.written = self.dropped = self.waiting = 0
        self.up, self._until = True, 0.0
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)

    def start(self) -> None:
        """Start to write."""
        self._thread.start()

    def put(self, entry, rows: int = 1) -> None:
        """Take an entry of so many rows, or count them as dropped where the queue is full; never waits."""
        with self._lock:
            if self.waiting + rows > self.limit:
                self.dropped += rows
                return
            self.waiting += rows
        self.queue.append(entry)

    def close(self) -> None:
        """Write what waits and let go of the sink; what cannot be written in time is counted and said."""
        self._until = time.monotonic() + LAST
        self._stop.set()
        self._thread.join(LAST + 1)
        if self.waiting:
            self.dropped += self.waiting
            logger.error("prediction log: %d rows could not be written in time and are lost", self.waiting)
        if not self._thread.is_alive():
            self.sink.close()

    def _run(self) -> None:
        while not self._stop.wait(PAUSE):
            self._empty()
        self._empty()

    def _empty(self) -> None:
        while self.queue:
            records: list[Record] = []
            while self.queue and len(records) < BATCH:
                records.extend(self.unfold(self.queue.popleft()))
            self._write(records)

    def _write(self, records: list[Record]) -> None:
        """Write until it succeeds, however long that takes: meanwhile the queue fills, and drops are counted."""
        for pause in chain(RETRY, repeat(RETRY[-1])):
            try:
                self.sink.write(records)
                break
            except ValueError as error:
                self._apart(records, error)
                return
            except Exception as error:
                self._failed(error)
            if self._stop.wait(pause):
                if time.monotonic() > self._until:
                    return
                time.sleep(RETRY[0])
        if not self.up:
            logger.warning("prediction log: writes again")
        self.up = True
        with self._lock:
            self.waiting -= len(records)
            self.written += len(records)

    def _apart(self, records: list[Record], error: ValueError) -> None:
        """Write the halves of what a sink refuses for its content; the one row that is at fault is dropped, counted and said."""
        if len(records) > 1:
            middle = len(records) // 2
            self._write(records[:middle])
            self._write(records[middle:])
            return
        logger.error("prediction log: a row cannot be written and is dropped (%s)", type(error).__name__)
        with self._lock:
            self.waiting -= len(records)
            self.dropped += len(records)

    def _failed(self, error: Exception) -> None:
        if self.up:  # once, not at each try
            reason = " ".join(str(error).split())[:200] if isinstance(error, CannotRun) else type(error).__name__
            logger.error("prediction log: cannot write (%s), trying again", reason)
        self.up = False
