"""What a cluster does with main, on this machine: what an overlay renders to, with containers for pods and a real Envoy before them.

Nothing else moves it: `follow` takes a tree of main, and what it names by digest is what runs.
"""

import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from images import Running, run
from mlops.delivery.render import rendered
from router import Router, free_port

ROLES = ("champion", "challenger")


class Cluster:
    """One environment. `ports`: of each role's service, the same for ever; `images`: what runs, by role."""

    def __init__(self, folder: Path, environment: str):
        self.folder, self.environment = folder / environment, environment
        self.ports = {role: free_port() for role in ROLES}
        self.images: dict[str, str] = {}
        self.pods: dict[str, Running] = {}
        self.router: Router | None = None

    def follow(self, tree: Path) -> "Cluster":
        """Run what the overlay of a tree says: its images by digest, its router's own files."""
        objects = rendered(tree / "manifests/overlays" / self.environment)
        deployments = {each["metadata"]["name"]: each for each in objects if each["kind"] == "Deployment"}
        wanted = {role: deployments[f"model-{role}"] for role in ROLES if f"model-{role}" in deployments}
        for role in ROLES:
            self._run(role, wanted.get(role), _data(objects, "model"))
        (container,) = _containers(deployments["router"])
        salt = next((each.get("value", "") for each in container.get("env", ()) if each["name"] == "CHALLENGER"), "")
        places = ([self.ports["champion"]], [self.ports["challenger"]], salt or "none")
        files = _data(objects, "router")
        if self.router is None:
            self.router = Router.of(self.folder, files, *places)
        else:
            self.router.becomes(files, *places)
        return self

    def _run(self, role: str, deployment: dict | None, settings: dict[str, str]) -> None:
        """Let one image of a role run, or none."""
        (container,) = _containers(deployment) if deployment else (None,)
        image = container["image"] if container else ""
        if image == self.images.get(role, ""):
            return
        if role in self.pods:
            self.pods.pop(role).remove()
        self.images[role] = image
        if image:
            run("podman", "pull", "--quiet", "--tls-verify=false", image)
            own = {each["name"]: each["value"] for each in container.get("env", ()) if "value" in each}
            self.pods[role] = Running(image, self.ports[role], **(settings | own))

    def version(self, role: str = "champion") -> dict:
        """What a service says that it is."""
        return self.pods[role].get("/version")

    def targets(self) -> dict[str, dict[str, str]]:
        """What Prometheus scrapes, with the labels that manifests/monitoring gives it."""
        services = {f"127.0.0.1:{self.ports[role]}/metrics": {"component": role} for role in ROLES}
        return {f"127.0.0.1:{self.router.stats}/stats/prometheus": {}} | services

    @contextmanager
    def slow(self, role: str) -> Iterator[None]:
        """Let a service stand still most of the time, as one that has too little processor."""
        process = int(run("podman", "inspect", "--format", "{{.State.Pid}}", self.pods[role].id))
        ended = threading.Event()

        def stand() -> None:
            while not ended.is_set():
                os.kill(process, signal.SIGSTOP)
                time.sleep(0.08)
                os.kill(process, signal.SIGCONT)
                time.sleep(0.004)

        thread = threading.Thread(target=stand)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def stop(self) -> None:
        """End all of it."""
        if self.router:
            self.router.stop()
        for pod in self.pods.values():
            pod.remove()


def _containers(deployment: dict) -> list[dict]:
    return deployment["spec"]["template"]["spec"]["containers"]


def _data(objects: list[dict], name: str) -> dict[str, str]:
    """What the ConfigMap of a name holds; its own name ends in a hash of it."""
    maps = {each["metadata"]["name"]: each["data"] for each in objects if each["kind"] == "ConfigMap"}
    (found,) = (data for each, data in maps.items() if each.rpartition("-")[0] == name)
    return found


def asked(url: str, row: dict, user: str) -> tuple[dict, str]:
    """POST a row as a user; return the answer, and the hash of the model that gave it."""
    head = {"content-type": "application/json", "x-user-id": user}
    request = urllib.request.Request(f"{url}/predict", json.dumps(row).encode(), head)  # noqa: S310 - on loopback
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer), answer.headers["x-model-hash"]
