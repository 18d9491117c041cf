"""A process that is told to end says so, answers what comes meanwhile, writes what waits, and ends with 0."""

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest


def test_sigterm_drains(serve, scorer, tmp_path):
    """Not ready at once, still answering, closing connections; then the log is whole and the exit code 0."""
    path = tmp_path / "log.db"
    running = serve(DRAIN_SECONDS="1.5", PREDICTION_LOG=f"sqlite:///{path}")
    assert "connection" not in running.predict(scorer().example).headers
    running.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    assert (503, {"status": "not ready"}) == (running.get("/ready").status, running.get("/ready").json)
    assert 200 == running.get("/health").status
    said = running.predict(scorer().example)
    assert (200, "close") == (said.status, said.headers["connection"])
    assert 0 == running.process.wait(20)
    with sqlite3.connect(path) as connection:
        assert (2,) == connection.execute("SELECT count(*) FROM predictions").fetchone()


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM, signal.SIGINT]])
def test_a_person_need_not_wait(serve, signals):
    """SIGINT ends it at once, also while it drains."""
    running = serve(DRAIN_SECONDS="600")
    for each in signals:
        running.process.send_signal(each)
        time.sleep(0.2)
    assert 0 == running.process.wait(20)


def test_no_request_is_lost_under_load(serve, scorer, tmp_path):
    """Callers who keep connections and go away when they are told to: every request that was sent is answered, and logged."""
    path, body = tmp_path / "log.db", json.dumps(scorer().example).encode()
    running = serve(DRAIN_SECONDS="1", PREDICTION_LOG=f"sqlite:///{path}")
    answered, lost = [], []

    def call() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
        while True:
            try:
                connection.request("POST", "/predict", body, {"content-type": "application/json"})
                said = connection.getresponse()
                said.read()
            except OSError as error:
                lost.append(error)
                return
            answered.append(said.status)
            if said.getheader("connection") == "close":
                return

    callers = [threading.Thread(target=call) for _ in range(8)]
    for caller in callers:
        caller.start()
    while len(answered) < 500:
        time.sleep(0.01)
    assert 0 == running.stop()
    for caller in callers:
        caller.join()
    assert ([], {200}) == (lost, set(answered))
    with sqlite3.connect(path) as connection:
        assert (len(answered),) == connection.execute("SELECT count(*) FROM predictions").fetchone()


def test_a_port_that_is_taken_is_said(serve, answered):
    """And is no success."""
    taken = serve()
    done = subprocess.run(
        [sys.executable, "-m", "mlops.serve"], cwd=answered("binary").path, env=os.environ | {"PORT": str(taken.port)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert 0 != done.returncode
    assert "address already in use" in done.stderr
