"""The router as manifests/ say it: a real Envoy on this machine, before services that are processes here and not pods."""

import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ENVOY = shutil.which("envoy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
CANARIES = {"canary-01": 1, "canary-05": 5, "canary-25": 25, "canary-50": 50}  # step: the challenger's share in percent
STEPS = ("stable", "shadow", *CANARIES)

needs_envoy = pytest.mark.skipif(
    ENVOY is None and not os.environ.get("CI"), reason="envoy is not installed here: its wheel is of another platform"
)


def free_port() -> int:
    """Return a port that nobody listens on, and that no connection is given: whoever stops may come back to it."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)  # two processes never draw the same in turn
        with socket.socket() as held:
            try:
                held.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def read(path: str) -> dict:
    """Return a file of manifests/, parsed."""
    return yaml.safe_load((ROOT / "manifests" / path).read_text(encoding="utf-8"))


def routes(step: str) -> dict:
    """Return the routes of a step, parsed."""
    return read(f"rollout/{step}/routes.yaml")


def bootstrap() -> dict:
    """Return the router's own configuration, parsed."""
    return read("base/router/envoy.yaml")


def manager(said: dict) -> dict:
    """Return what a bootstrap says of the callers' connections."""
    return said["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


def cluster(said: dict, name: str) -> dict:
    """Return what a bootstrap says of a cluster."""
    return next(each for each in said["static_resources"]["clusters"] if each["name"] == name)


def routes_from(said: dict, path: Path) -> None:
    """Let a bootstrap read its routes from this file."""
    manager(said)["rds"]["config_source"]["path_config_source"]["path"] = str(path)


def validate(folder: Path, said: dict, step: str) -> subprocess.CompletedProcess:
    """Let Envoy read a bootstrap, and not start."""
    routes_from(said, ROOT / f"manifests/rollout/{step}/routes.yaml")
    (folder / "validated.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
    command = [ENVOY, "--mode", "validate", "--config-path", str(folder / "validated.yaml"), "--log-level", "error"]
    return subprocess.run(command, capture_output=True, text=True, env={"CHALLENGER": "a", "PATH": os.environ["PATH"]})


class Router:
    """Envoy with manifests' configuration; what is changed of it is where it listens, where its files are, and where pods are."""

    def __init__(
        self,
        folder: Path,
        step: str,
        champions: list[int],
        challengers: list[int | str] = (),
        salt: str = "a",
        edit: Callable[[dict], None] = lambda said: None,
    ):
        """Ports of the services, or names to look up. salt: the challenger's image. edit: changes the bootstrap further."""
        text = (ROOT / f"manifests/rollout/{step}/routes.yaml").read_text(encoding="utf-8")
        self._found(folder)
        self._configure(bootstrap(), text, champions, challengers, salt, edit)
        self.start()

    @classmethod
    def of(
        cls, folder: Path, files: dict[str, str], champions: list[int], challengers: list[int], salt: str
    ) -> "Router":
        """A router with the files that a cluster mounts: envoy.yaml and routes.yaml."""
        made = cls.__new__(cls)
        made._found(folder)
        made._configure(yaml.safe_load(files["envoy.yaml"]), files["routes.yaml"], champions, challengers, salt)
        return made.start()

    def becomes(self, files: dict[str, str], champions: list[int], challengers: list[int], salt: str) -> "Router":
        """Start again with other files, on the same ports."""
        self.stop()
        self._configure(yaml.safe_load(files["envoy.yaml"]), files["routes.yaml"], champions, challengers, salt)
        return self.start()

    def _found(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port, self.stats, self.admin = free_port(), free_port(), free_port()

    def _configure(
        self, said: dict, text: str, champions: list, challengers: list, salt: str, edit: Callable = lambda said: None
    ) -> None:
        self.salt = salt
        self._place(said, {"champion": champions, "challenger-pods": challengers, "admin": [self.admin]})
        edit(said)
        (self.folder / "envoy.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
        (self.folder / "routes.yaml").write_text(text, encoding="utf-8")

    def _place(self, said: dict, pods: dict[str, list]) -> None:
        said["admin"]["address"]["socket_address"]["port_value"] = self.admin
        for listener, port in zip(said["static_resources"]["listeners"], (self.port, self.stats), strict=True):
            listener["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": port}
        routes_from(said, self.folder / "routes.yaml")
        for name, places in pods.items():
            cluster(said, name)["load_assignment"]["endpoints"] = [{"lb_endpoints": [*map(_endpoint, places)]}]

    def start(self) -> "Router":
        """Start it, on the same ports, and wait until it is ready."""
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [ENVOY, "--config-path", str(self.folder / "envoy.yaml"), "--disable-hot-restart", "--concurrency", "1", "--log-level", "warn"],
                env={"CHALLENGER": self.salt, "PATH": os.environ["PATH"]}, stdout=log, stderr=log,
            )  # fmt: skip
        until = time.monotonic() + 30
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if self.get("/ready", self.stats)[0] == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.02)
        self.stop(signal.SIGKILL)
        raise AssertionError(f"the router did not start: {(self.folder / 'log').read_text()}")

    def reroute(self, old: str, new: str) -> "Router":
        """Change what its routes say, and start it again."""
        self.stop()
        path = self.folder / "routes.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        return self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, sig: int = signal.SIGTERM) -> int:
        """End it, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        return self.process.wait(30)

    def get(self, path: str, port: int = 0, method: str = "GET") -> tuple[int, str]:
        """Return (status, body) of a request without a body."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def counts(self) -> dict[str, float]:
        """Return what Prometheus reads: {name{labels}: value}."""
        lines = self.get("/stats/prometheus", self.stats)[1].splitlines()
        return {found[1]: float(found[2]) for line in lines if (found := re.fullmatch(r"([^#].*?) ([0-9.e+]+)", line))}

    def count(self, name: str, cluster: str) -> float:
        """Return one of a cluster's counters."""
        return self.counts()[f'envoy_cluster_{name}{{envoy_cluster_name="{cluster}"}}']

    def ask(
        self, body, user: str | None = None, path: str = "/predict", **headers
    ) -> tuple[int, dict[str, str], bytes]:
        """POST a prediction on a connection of its own, and return (status, headers, body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {"content-type": "application/json"} | ({} if user is None else {"x-user-id": user})
        connection.request("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode(), named)
        answer = connection.getresponse()
        said = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return said


def _endpoint(place: int | str) -> dict:
    address, port = ("127.0.0.1", place) if isinstance(place, int) else (place, 8000)
    return {"endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}}}
