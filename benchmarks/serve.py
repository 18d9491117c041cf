"""How the service answers, against others of the same model. Needs wrk and a trained model.

Run: .venv/bin/python benchmarks/serve.py [--seconds 5] [--rounds 5]
Peers take turns, so that a machine that is busy for a moment is so for all; figures are medians, and only ratios count.
"""

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

UVICORN = [sys.executable, "-m", "uvicorn", "--no-access-log", "--log-level", "warning", "--app-dir", "benchmarks"]
WRK = """wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = [==[{body}]==]
"""


@dataclass
class Peer:
    """A service; cases: how many of the four it can answer, in their order."""

    name: str
    command: list[str]
    port: int
    cases: int
    variables: dict = field(default_factory=dict)
    megabytes: float = 0
    process: subprocess.Popen | None = None

    def start(self) -> float:
        """Start it, and return the seconds to its first answer."""
        began = time.perf_counter()
        environment = os.environ | {"PORT": str(self.port), "DRAIN_SECONDS": "0"} | self.variables
        with open(os.devnull, "w") as nothing:
            self.process = subprocess.Popen(self.command, env=environment, stdout=nothing, stderr=nothing)
        while not answers(self.port):
            time.sleep(0.005)
        return time.perf_counter() - began

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(30)

    def memory(self) -> float:
        """Return its resident memory in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1000


def peers() -> list[Peer]:
    """Ours first."""
    serve = [sys.executable, "-m", "mlops.serve"]
    return [
        Peer("service", serve, 8101, 4),
        Peer("service, no log", serve, 8102, 4, {"PREDICTION_LOG": "off"}),
        Peer("constant", [*UVICORN, "peers.constant:app", "--port", "8103"], 8103, 2),
        Peer("tutorial", [*UVICORN, "peers.tutorial:app", "--port", "8104"], 8104, 3),
    ]


@cache
def row() -> dict:
    """The example of the sample's contract."""
    from mlops import contract
    from mlops.onnx_model import Model
    from mlops.serve.scorer import Scorer

    return Scorer(Model.read(), contract.read(), 10).example


def answers(port: int) -> bool:
    """Whether one request is answered with 200."""
    body = json.dumps(row()).encode()
    head = f"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(head.encode() + body)
            return b" 200 " in connection.recv(100)
    except OSError:
        return False


def load(port: int, path: str, body, connections: int, seconds: int) -> dict:
    """Return {rps, p99 in ms, bad} of so many seconds of wrk on one thread."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK.format(body=json.dumps(body)))
        script.flush()
        words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script.name]
        text = subprocess.run(
            [*words, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
        ).stdout
    p99, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    rps = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    return {"rps": rps, "p99": float(p99) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit], "bad": int(bad[1]) if bad else 0}


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    rows = [row()] * 1000
    cases = {
        "/predict, 8 connections": ("/predict", row(), 8),
        "/predict, 32 connections": ("/predict", row(), 32),
        "1,000 rows a request": ("/predict-batch", rows, 2),
        "1,000 rows, lists": ("/predict-batch", {name: [value] * 1000 for name, value in row().items()}, 2),
    }
    running = peers()
    starts = {peer.name: [] for peer in running}
    for _ in range(args.rounds):
        for peer in running:
            starts[peer.name].append(peer.start())
            peer.stop()
    found = measured(running, cases, args)
    for (case, name), runs in found.items():
        rps, p99 = (statistics.median(run[key] for run in runs) for key in ("rps", "p99"))
        bad = sum(run["bad"] for run in runs)
        print(f"{case:<26} {name:<16} {rps:>9,.0f} requests/s  p99 {p99:>8.2f} ms  not 200: {bad}")
    for peer in running:
        print(
            f"{peer.name:<16} first answer after {statistics.median(starts[peer.name]):.2f} s, memory {peer.megabytes:.0f} MB"
        )


def measured(running: list[Peer], cases: dict, args) -> dict:
    """Return {(case, peer): runs}, all peers up at once and each loaded in turn."""
    found: dict = {}
    for peer in running:
        peer.start()
    for _ in range(args.rounds):
        for place, (case, (path, body, connections)) in enumerate(cases.items()):
            for peer in running:
                if place < peer.cases:
                    found.setdefault((case, peer.name), []).append(
                        load(peer.port, path, body, connections, args.seconds)
                    )
    for peer in running:
        peer.megabytes = peer.memory()
        peer.stop()
    return found


if __name__ == "__main__":
    main()
