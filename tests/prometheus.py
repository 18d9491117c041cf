"""A real Prometheus on loopback, and what it scrapes where a test says the counters itself."""

import json
import os
import shutil
import socket
import subprocess
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None and not os.environ.get("CI"),
    reason="prometheus is not installed here; CI has it",
)


def scraping(targets: dict[str, dict[str, str]], namespace: str = "model-prod") -> str:
    """Return the configuration of a server that scrapes `targets` ({host:port/path: labels}) each second, with the label namespace."""
    jobs = []
    for place, (target, labels) in enumerate(targets.items()):
        host, _, path = target.partition("/")
        static = [{"targets": [host], "labels": {"namespace": namespace} | labels}]
        jobs.append({"job_name": f"job{place}", "metrics_path": f"/{path}", "static_configs": static})
    return json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": jobs})


class Prometheus:
    """A server with a configuration of its own."""

    def __init__(self, folder: Path, config: str):
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "prometheus.yml").write_text(config, encoding="utf-8")
        words = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        with (folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                [*words, f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log
            )
        self.until(self._ready, 30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def _ready(self) -> bool:
        try:
            return urlopen(f"{self.url}/-/ready", timeout=2).status == 200  # noqa: S310 - loopback
        except OSError:
            return False

    def ask(self, query: str) -> list[dict]:
        """The series that a query gives now."""
        with urlopen(f"{self.url}/api/v1/query?{urlencode({'query': query})}", timeout=10) as answer:  # noqa: S310
            return json.load(answer)["data"]["result"]

    def alerts(self, state: str) -> dict[str, dict]:
        """The alerts in a state, by name."""
        with urlopen(f"{self.url}/api/v1/alerts", timeout=10) as answer:  # noqa: S310 - loopback
            found = json.load(answer)["data"]["alerts"]
        return {each["labels"]["alertname"]: each for each in found if each["state"] == state}

    def until(self, holds, seconds: float = 60) -> None:
        """Wait until something holds."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "it did not come to hold"
            time.sleep(0.1)


class Exposition:
    """An endpoint that says what a test wants: `text`."""

    def __init__(self):
        said = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = said.text.encode()
                self.send_response(200)
                self.send_header("content-type", "text/plain; version=0.0.4")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.text = ""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.target = f"127.0.0.1:{self.server.server_port}/metrics"
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
