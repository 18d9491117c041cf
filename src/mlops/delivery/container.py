"""A container of an archive's image, run as a cluster runs it: read-only, nobody's, with no capability. Needs podman."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

from mlops.errors import CannotRun

READY = 60  # seconds that it may take to be ready
HARDENED = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges")


class Container:
    """A running container; id and url."""

    def __init__(self, identity: str, port: int):
        self.id, self.url = identity, f"http://127.0.0.1:{port}"

    def get(self, path: str):
        """Return the JSON value at a path."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310 - on loopback
            return json.load(answer)

    def post(self, path: str, value):
        """Return the JSON answer to a value."""
        request = urllib.request.Request(  # noqa: S310 - on loopback
            self.url + path, json.dumps(value).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)

    def ready(self) -> bool:
        """Wait until it says that it is ready; raises CannotRun where it has ended, or never is."""
        until = time.monotonic() + READY
        while time.monotonic() < until:
            try:
                if self.get("/ready")["status"] == "ready":
                    return True
            except (OSError, ValueError):
                if podman("inspect", "--format", "{{.State.Running}}", self.id) != "true":
                    break
                time.sleep(0.05)
        raise CannotRun(f"the image is not ready: {' '.join(podman('logs', self.id, errors=True).split())[-400:]}")

    def executed(self, *words: str) -> tuple[int, str]:
        """Run a program inside; return its exit code and what it printed, without podman's own warnings where it printed something."""
        done = subprocess.run(["podman", "exec", self.id, *words], capture_output=True, text=True)
        return done.returncode, (done.stdout or done.stderr).strip()

    def stop(self) -> int:
        """SIGTERM, as a cluster does; return the exit code."""
        podman("stop", "--time", "30", self.id)
        return int(podman("inspect", "--format", "{{.State.ExitCode}}", self.id))


def podman(*words: str, errors: bool = False) -> str:
    """Return what podman prints; raises CannotRun where it fails."""
    try:
        done = subprocess.run(["podman", *words], capture_output=True, text=True)
    except FileNotFoundError:
        raise CannotRun("podman is not installed here: the image is run by it") from None
    if done.returncode:
        raise CannotRun(f"`podman {words[0]}` failed: {' '.join(done.stderr.split())[-400:]}")
    return (done.stdout + (done.stderr if errors else "")).strip()


@contextmanager
def running(archive: str, **variables: str):
    """Yield a container of an OCI archive's image, taken away at the end."""
    image = podman("pull", "--quiet", f"oci-archive:{archive}").splitlines()[-1]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = [word for name, value in ({"PORT": str(port)} | variables).items() for word in ("--env", f"{name}={value}")]
    identity = podman("create", *HARDENED, "--publish", f"127.0.0.1:{port}:{port}", *given, image)
    try:
        podman("start", identity)
        yield Container(identity, port)
    finally:
        podman("rm", "--force", identity)
