"""The queue before a sink: it never waits, counts what it drops, and writes the rest, whatever happens to the sink meanwhile."""

import logging
import threading
import time

import pytest

from mlops.errors import CannotRun
from mlops.serve import log as logs
from mlops.serve.log import PredictionLog


class Sink:
    """Keeps rows; fails as often as it is told."""

    def __init__(self, failures: int = 0, error: Exception | None = None):
        self.rows, self.failures, self.error, self.closed = [], failures, error or OSError("disk of Ann Smith"), False

    def write(self, records):
        """Fail, or keep them."""
        if self.failures:
            self.failures -= 1
            raise self.error
        self.rows += records
        return len(records)

    def close(self):
        """Remember it."""
        self.closed = True


def started(sink, limit: int = 1000) -> PredictionLog:
    """A log whose entries are lists of rows."""
    made = PredictionLog(sink, limit, list)
    made.start()
    return made


def wait(condition) -> None:
    """Until it holds."""
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_rows_are_written_in_order():
    """Entries of one row and of many."""
    sink = Sink()
    log = started(sink)
    log.put([1])
    log.put([2, 3], 2)
    wait(lambda: log.written == 3)
    assert ([1, 2, 3], 0, 0) == (sink.rows, log.waiting, log.dropped)
    log.close()


def test_a_write_takes_so_many_rows(monkeypatch):
    """However many entries of however many rows wait: a large batch is not unfolded together with the next."""
    sizes = []

    class Sizes(Sink):
        def write(self, records):
            sizes.append(len(records))
            return len(records)

    monkeypatch.setattr(logs, "BATCH", 10)
    log = PredictionLog(Sizes(), 1000, list)
    for rows in (4, 4, 4, 25, 25, 1):
        log.put([0] * rows, rows)
    log.start()
    log.close()
    assert [12, 25, 25, 1] == sizes


def test_what_waits_is_written_at_the_end():
    """Close flushes, and lets go of the sink."""
    sink = Sink()
    log = started(sink)
    for row in range(5000):
        log.put([row])
        if row % 500 == 0:
            wait(lambda: log.waiting < 500)
    log.close()
    assert ([*range(5000)], True) == (sink.rows, sink.closed)
    assert (5000, 0) == (log.written, log.dropped)


def test_a_full_queue_drops_and_counts():
    """The entry that does not fit is left out whole; those before are kept."""
    sink = Sink()
    log = PredictionLog(sink, 3, list)
    for rows in ([1], [2, 3, 4], [5, 6], [7]):
        log.put(rows, len(rows))
    assert (3, 4) == (log.waiting, log.dropped)
    log.start()
    log.close()
    assert ([1, 5, 6], 3, 4) == (sink.rows, log.written, log.dropped)


def test_a_sink_that_fails_is_tried_again(caplog):
    """Nothing is lost, the state is shown, and it is said once, without what the error quotes."""
    sink = Sink(failures=3)
    with caplog.at_level(logging.WARNING, "mlops.serve"):
        log = started(sink)
        log.put([1])
        wait(lambda: not log.up)
        wait(lambda: log.up)
        log.close()
    assert ([1], 1, 0) == (sink.rows, log.written, log.dropped)
    assert ["prediction log: cannot write (OSError), trying again", "prediction log: writes again"] == caplog.messages


def test_a_row_that_a_sink_cannot_hold_is_dropped_alone(caplog):
    """The others of its batch are written, in order, and it is said without what it holds."""

    class Picky(Sink):
        def write(self, records):
            if 13 in records:
                raise ValueError("13 of Ann Smith")
            self.rows += records
            return len(records)

    sink = Picky()
    log = PredictionLog(sink, 1000, list)
    log.put([*range(50)], 50)
    with caplog.at_level(logging.ERROR, "mlops.serve"):
        log.start()
        log.close()
    assert [row for row in range(50) if row != 13] == sink.rows
    assert (49, 1, 0) == (log.written, log.dropped, log.waiting)
    assert "prediction log: 1 row(s) cannot be written and are dropped (ValueError)" == caplog.messages[0]


def test_an_entry_that_is_no_rows_is_dropped_alone(caplog):
    """The writer goes on."""

    def picky(entry):
        if entry == "bad":
            raise KeyError("Ann Smith")
        return list(entry)

    sink = Sink()
    log = PredictionLog(sink, 1000, picky)
    for entry in ([1], "bad", [2]):
        log.put(entry)
    with caplog.at_level(logging.ERROR, "mlops.serve"):
        log.start()
        log.close()
    assert ([1, 2], 2, 1, 0) == (sink.rows, log.written, log.dropped, log.waiting)
    assert "prediction log: 1 row(s) cannot be written and are dropped (KeyError)" == caplog.messages[0]


def test_what_waits_is_bounded_in_bytes_too(monkeypatch):
    """Few rows may be long ones."""
    monkeypatch.setattr(logs, "BYTES", 100)
    log = PredictionLog(Sink(), 1000, list)
    for size in (60, 50, 40):
        log.put([size], 1, size)
    assert (2, 1, 100) == (log.waiting, log.dropped, log.bytes)
    log.start()
    log.close()
    assert ([60, 40], 0) == (log.sink.rows, log.bytes)


def test_drops_are_said_at_once_and_at_the_end(caplog):
    """Not at each of them."""
    log = PredictionLog(Sink(), 1, list)
    with caplog.at_level(logging.WARNING, "mlops.serve"):
        for row in range(5):
            log.put([row])
        log.start()
        log.close()
        log.close()
    assert [
        "prediction log: 1 rows dropped so far, as too many wait; see LOG_ROWS",
        "prediction log: 1 rows written, 4 dropped since the start",
    ] == caplog.messages


def test_a_write_that_hangs_is_no_success(monkeypatch):
    """It is not up while it lasts."""
    monkeypatch.setattr(logs, "HANGS", 0.05)
    free = threading.Event()

    class Slow(Sink):
        def write(self, records):
            free.wait(30)
            return super().write(records)

    log = started(Slow())
    assert log.up
    log.put([1])
    wait(lambda: not log.up)
    free.set()
    wait(lambda: log.up)
    log.close()


def test_rows_that_were_there_are_no_written_ones():
    """A sink says how many were new."""

    class Half(Sink):
        def write(self, records):
            return len(records) // 2

    log = PredictionLog(Half(), 1000, list)
    log.put([*range(10)], 10)
    log.start()
    log.close()
    assert (5, 5, 0) == (log.written, log.repeated, log.waiting)


def test_a_sentence_for_people_is_said_whole(caplog):
    """A CannotRun names the fix, and no row."""
    with caplog.at_level(logging.WARNING, "mlops.serve"):
        log = started(Sink(1, CannotRun("the table has schema version 9: name another")))
        log.put([1])
        wait(lambda: log.written == 1)
        log.close()
    assert (
        "prediction log: cannot write (the table has schema version 9: name another), trying again"
        == caplog.messages[0]
    )


def test_rows_that_cannot_be_written_at_the_end_are_counted_and_said(caplog, monkeypatch):
    """The process must end; nothing is lost in silence."""
    monkeypatch.setattr(logs, "LAST", 0.5)
    log = started(Sink(failures=10**9))
    log.put([1, 2], 2)
    wait(lambda: not log.up)
    with caplog.at_level(logging.ERROR, "mlops.serve"):
        log.close()
    assert [
        "prediction log: 2 rows could not be written in time and are lost",
        "prediction log: 0 rows written, 2 dropped since the start",
    ] == caplog.messages[-2:]
    assert 2 == log.dropped


@pytest.mark.parametrize("limit", [1, 50])
def test_every_row_is_written_or_counted(limit):
    """However small the queue."""
    sink = Sink()
    log = started(sink, limit)
    for row in range(3000):
        log.put([row])
    log.close()
    assert 3000 == log.written + log.dropped
    assert len(sink.rows) == log.written
