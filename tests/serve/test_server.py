"""A process that is told to end says so, answers what comes meanwhile, writes what waits, and ends with 0."""

import asyncio
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
import yaml

from copies import ROOT
from mlops.serve import log as logs
from mlops.serve import server
from mlops.serve.settings import Settings


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
    sentence = f"LISTEN=127.0.0.1 PORT={taken.port} cannot be listened on (Address already in use)"
    assert 2 == done.returncode
    assert [sentence in line for line in done.stderr.splitlines()] == [True]


@pytest.mark.parametrize("moment", [0, 0.1, 0.3])
def test_a_process_that_is_told_to_end_while_it_starts_ends(answered, moment):
    """Whatever it is doing: in a container nobody else would end it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mlops.serve"], cwd=answered("binary").path, env=os.environ | {"PORT": "0", "DRAIN_SECONDS": "0"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(moment)
    process.terminate()
    assert process.wait(30) in (0, -signal.SIGTERM)


def test_a_second_signal_loses_no_row_in_silence(serve, scorer, tmp_path):
    """The log is closed as at any other end, though a request hangs."""
    path = tmp_path / "log.db"
    running = serve(DRAIN_SECONDS="0", PREDICTION_LOG=f"sqlite:///{path}")
    running.post("/predict-batch", [scorer().example] * 1000)
    with socket.create_connection(("127.0.0.1", running.port)) as half:
        half.sendall(b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{")
        for _ in range(2):
            running.process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        assert 0 == running.process.wait(20)
    with sqlite3.connect(path) as connection:
        assert (1000,) == connection.execute("SELECT count(*) FROM predictions").fetchone()


def test_ending_takes_less_than_a_cluster_waits():
    """Draining, finishing and writing together, against compose's time, and against the manifests' with their drain."""
    rest = server.GRACE + logs.LAST + 1
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]["champion"]
    pod = yaml.safe_load((ROOT / "manifests/model/deployment.yaml").read_text(encoding="utf-8"))["spec"]["template"][
        "spec"
    ]
    lines = (ROOT / "manifests/base/model.env").read_text(encoding="utf-8").splitlines()
    drain = next(float(line.partition("=")[2]) for line in lines if line.startswith("DRAIN_SECONDS="))
    assert Settings().drain_seconds + rest < int(compose["stop_grace_period"].removesuffix("s"))
    assert drain + rest < pod["terminationGracePeriodSeconds"]
    assert drain > 30  # seconds that a cluster's DNS may keep an answer: no router knows a new pod sooner


def test_an_answer_is_one_write(serve):
    """Its head waits for its body, or for nobody where there is none."""
    running = serve()
    with socket.create_connection(("127.0.0.1", running.port)) as caller:
        caller.sendall(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
        first = caller.recv(65536)
        assert first.endswith(b'{"status":"ok"}')
        caller.sendall(b"HEAD /health HTTP/1.1\r\nhost: a\r\n\r\n")
        assert caller.recv(65536).startswith(b"HTTP/1.1 405")


class Written:
    """A transport that keeps what it is given, write by write."""

    def __init__(self):
        self.writes, self.closed = [], False

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.writes.append(data)

    def close(self) -> None:
        """Remember it."""
        self.closed = True

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closed


HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


def joined(*does) -> Written:
    """What arrives of these, in one turn of the loop and after it."""
    written = Written()

    async def run() -> None:
        transport = server.Joined(written)
        for each in does:
            each(transport)
        assert written.closed == transport.is_closing()
        await asyncio.sleep(0)

    asyncio.run(run())
    return written


def test_a_head_waits_for_its_body():
    """They are one write; what follows is its own."""
    assert [HEAD + b"ab", b"cd"] == joined(
        *(lambda to, data=data: to.write(data) for data in (HEAD, b"ab", b"cd"))
    ).writes


def test_a_head_without_a_body_is_not_kept_for_ever():
    """It goes when the loop turns, or before the connection closes."""
    assert [HEAD] == joined(lambda to: to.write(HEAD)).writes
    ended = joined(lambda to: to.write(HEAD), lambda to: to.close())
    assert ([HEAD], True) == (ended.writes, ended.closed)
