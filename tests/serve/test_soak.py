"""Good and bad requests for a long time, PostgreSQL failing in the middle: memory stays, nothing breaks, no row is lost in silence.

One minute; SOAK_MINUTES=60 for an hour.
"""

import http.client
import itertools
import json
import os
import re
import statistics
import sys
import threading
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
MINUTES = float(os.environ.get("SOAK_MINUTES", "1"))
CALLERS = 4
PAUSE = 0.004  # seconds between two requests of a caller
GROWTH = 4  # MB, before PostgreSQL fails and after, from one fifth of the time to the next


def asked(scorer) -> list[tuple[str, str, bytes, int, int]]:
    """Method, path, body, expected status and rows of what callers send, in turn: most are good."""
    row = scorer.example
    good = [row, row | {"age": 20}, row | {"debt": None}, row | {"application_id": "a-1"}] * 5
    lists = {name: [value] * 50 for name, value in row.items()}
    posts = [("/predict", json.dumps(each), 200, 1) for each in (*good, row | {"years_employed": 75})]
    posts += [("/predict-batch", json.dumps([row] * 20), 200, 20), ("/predict-batch", json.dumps(lists), 200, 50)]
    posts += [("/predict", json.dumps(row | {"age": wrong}), 422, 0) for wrong in ("old", -1, None, [], 1e300)]
    posts += [("/predict", body, 400, 0) for body in ("{", '{"age": NaN}', '{"age": ' + "[" * 5000)]
    posts += [("/predict", "[" * 5000, 422, 0)]
    posts += [("/predict-batch", json.dumps([row] * 601), 413, 0), ("/predict", "x" * 400_000, 413, 0)]
    gets = ["/health", "/ready", "/metrics", "/version", "/openapi.json", "/"]
    calls = [("POST", path, body.encode(), status, rows) for path, body, status, rows in posts]
    return calls + [("GET", path, b"", 200, 0) for path in gets] + [("GET", "/nothing", b"", 404, 0)]


class Caller(threading.Thread):
    """Sends everything in turn on one connection until it is told to end."""

    def __init__(self, port: int, asked: list, end: threading.Event):
        super().__init__()
        self.port, self.asked, self.end, self.wrong, self.sent = port, asked, end, [], 0

    def run(self) -> None:
        """Send; keep what was answered otherwise than expected."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        for method, path, body, expected, _ in itertools.cycle(self.asked):
            if self.end.is_set():
                break
            headers = {"content-type": "application/json", "x-user-id": f"user-{self.sent % 1000}"}
            try:
                connection.request(method, path, body or None, headers)
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                status = type(error).__name__
            self.sent += 1
            time.sleep(PAUSE)
            if status != expected:
                self.wrong.append((path, body[:80], expected, status))
        connection.close()


def memory(pid: int) -> float:
    """Resident megabytes."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1000


def test_good_and_bad_load_leaves_the_service_as_it_was(serve, scorer, server):
    """No status but the expected one, flat memory, and every answered row in PostgreSQL, which fails and comes back."""
    running = serve(PREDICTION_LOG=server.url, USER_HASH_KEY="k" * 32, MAX_BODY=300_000, MAX_ROWS=600)
    end = threading.Event()
    callers = [Caller(running.port, asked(scorer()), end) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    held = []
    for moment in range(100):
        time.sleep(MINUTES * 60 / 100)
        held.append(memory(running.process.pid))
        if moment == 50:
            server.stop()
            time.sleep(2)
            server.start()
    end.set()
    for caller in callers:
        caller.join()
    assert [] == [wrong for caller in callers for wrong in caller.wrong][:5]
    for early, late in (((10, 30), (30, 50)), ((60, 80), (80, 100))):  # the queue of those seconds stays allocated
        assert statistics.median(held[slice(*late)]) - statistics.median(held[slice(*early)]) < GROWTH
    assert 0 == running.stop()
    calls = asked(scorer())
    rows = sum(calls[place % len(calls)][-1] for caller in callers for place in range(caller.sent))
    assert [(rows,)] == server.rows("SELECT count(*) FROM predictions")
    sys.stdout.write(
        f"{sum(caller.sent for caller in callers):,} requests, {rows:,} rows, {min(held):.0f} to {max(held):.0f} MB\n"
    )
