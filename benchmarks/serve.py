"""How the service answers, against others of the same model. Needs wrk, a trained model, and uv, which fetches BentoML.

Run: .venv/bin/python benchmarks/serve.py [--seconds 5] [--rounds 5]
Peers take turns, so that a machine that is busy for a moment is so for all; figures are medians, and only ratios count.
"""

import argparse
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

BENTOML = "bentoml==1.4.39"
UVICORN = [sys.executable, "-m", "uvicorn", "--no-access-log", "--log-level", "warning", "--app-dir", "benchmarks"]
WRK = """wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = [==[{body}]==]
"""


@dataclass
class Peer:
    """A service; cases: how many of the four it can answer, in their order; wrap: a row as it wants it, at `path`."""

    name: str
    command: list[str]
    port: int
    cases: int
    variables: dict = field(default_factory=dict)
    path: str = "/predict"
    wrap: Callable = lambda row: row
    megabytes: float = 0
    process: subprocess.Popen | None = None

    def start(self) -> float:
        """Start it, and return the seconds to its first answer."""
        began = time.perf_counter()
        environment = os.environ | {"PORT": str(self.port), "DRAIN_SECONDS": "0"} | self.variables
        with open(os.devnull, "w") as nothing:
            self.process = subprocess.Popen(
                self.command, env=environment, stdout=nothing, stderr=nothing, start_new_session=True
            )
        while not self.answers():
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} ended with {self.process.returncode}: {' '.join(self.command)}")
            time.sleep(0.005)
        return time.perf_counter() - began

    def stop(self) -> None:
        """End it and its children."""
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(30)

    def memory(self) -> float:
        """Return the resident memory in MB, its children's too."""
        words = ["ps", "-o", "rss=", "-g", str(self.process.pid)]
        return sum(map(int, subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())) / 1000

    def answers(self) -> bool:
        """Whether one request is answered with 200."""
        body = json.dumps(self.wrap(row())).encode()
        head = f"POST {self.path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(head.encode() + body)
                return b" 200 " in connection.recv(100)
        except OSError:
            return False


def peers(folder: str) -> list[Peer]:
    """Ours first. `folder` is MLflow's model."""
    serve = [sys.executable, "-m", "mlops.serve"]
    mlflow = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local", "--model-uri", folder]
    bento = ["uv", "tool", "run", "--from", BENTOML, "--with", "onnxruntime", "bentoml", "serve", "peers.bento:Predict"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    here = {"PATH": path, "PYTHONPATH": "benchmarks", "DO_NOT_TRACK": "true", "BENTOML_DO_NOT_TRACK": "true"}
    return [
        Peer("service", serve, 8101, 4),
        Peer("service, no log", serve, 8102, 4, {"PREDICTION_LOG": "off"}),
        Peer("constant", [*UVICORN, "peers.constant:app", "--port", "8103"], 8103, 2),
        Peer("tutorial", [*UVICORN, "peers.tutorial:app", "--port", "8104"], 8104, 3),
        Peer(
            "mlflow models serve",
            [*mlflow, "--port", "8105"],
            8105,
            2,
            here,
            "/invocations",
            lambda row: {"dataframe_records": [row]},
        ),
        Peer("BentoML", [*bento, "--port", "8106"], 8106, 2, here, "/predict", lambda row: {"row": row}),
    ]


@cache
def row() -> dict:
    """The example of the sample's contract."""
    from mlops import contract
    from mlops.onnx_model import Model
    from mlops.serve.scorer import Scorer

    return Scorer(Model.read(), contract.read(), 10).example


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
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "peers.mlflow_model", f"{folder}/model"]
        subprocess.run(words, check=True, capture_output=True, env=os.environ | {"PYTHONPATH": "benchmarks"})
        report(peers(f"{folder}/model"), cases, args)


def report(running: list[Peer], cases: dict, args) -> None:
    """Measure and print."""
    starts = {peer.name: [] for peer in running}
    for _ in range(args.rounds):
        for peer in running:
            starts[peer.name].append(peer.start())
            peer.stop()
    found = measured(running, cases, args)
    for (case, name), runs in found.items():
        rps, p99 = (statistics.median(run[key] for run in runs) for key in ("rps", "p99"))
        bad = sum(run["bad"] for run in runs)
        print(f"{case:<26} {name:<20} {rps:>9,.0f} requests/s  p99 {p99:>8.2f} ms  not 200: {bad}")
    for peer in running:
        print(
            f"{peer.name:<20} first answer after {statistics.median(starts[peer.name]):.2f} s, memory {peer.megabytes:.0f} MB"
        )


def measured(running: list[Peer], cases: dict, args) -> dict:
    """Return {(case, peer): runs}, all peers up at once and each loaded in turn."""
    found: dict = {}
    for peer in running:
        peer.start()
    for _ in range(args.rounds):
        for place, (case, (path, body, connections)) in enumerate(cases.items()):
            for peer in (peer for peer in running if place < peer.cases):
                ask = (peer.path, peer.wrap(body)) if path == "/predict" else (path, body)
                found.setdefault((case, peer.name), []).append(load(peer.port, *ask, connections, args.seconds))
    for peer in running:
        peer.megabytes = peer.memory()
        peer.stop()
    return found


if __name__ == "__main__":
    main()
