"""Images built and run without Docker: buildah, podman and runc, and a base made of Debian's packages."""

import hashlib
import json
import os
import subprocess
import tempfile
import time
import urllib.request
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
PACKAGES = "python3,python3-venv,ca-certificates"
INDEX = {name: os.environ[name] for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX") if name in os.environ}


def _recipe() -> str:
    """A name for what the base is made of."""
    trusted = Path(CERTIFICATES).read_bytes() if Path(CERTIFICATES).exists() else b""
    return hashlib.sha256(repr((PACKAGES, INDEX, hashlib.sha256(trusted).hexdigest())).encode()).hexdigest()[:12]


BASE, IMAGE = f"localhost/mlops-test-base:{_recipe()}", "localhost/mlops-test"
LIMITS = ["--network=host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"]


def run(*words: str) -> str:
    """Run a program to its end, and return what it prints."""
    done = subprocess.run(words, capture_output=True, text=True)
    assert 0 == done.returncode, f"{' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout.strip()


@cache
def base() -> str:
    """A base with Python, as the Dockerfile's; it trusts whom this machine trusts. Made once a machine."""
    if 0 == subprocess.run(["podman", "image", "exists", BASE]).returncode:
        return BASE
    with tempfile.TemporaryDirectory() as folder:
        run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", "bookworm", f"{folder}/base.tar")
        bare = run("podman", "import", "--quiet", f"{folder}/base.tar")
    container = run("buildah", "from", bare.splitlines()[-1])
    run("buildah", "copy", "--quiet", container, CERTIFICATES, CERTIFICATES)
    index = [word for name, value in INDEX.items() for word in ("--env", f"{name}={value}")]
    run(
        "buildah",
        "config",
        "--env",
        f"SSL_CERT_FILE={CERTIFICATES}",
        "--env",
        f"PIP_CERT={CERTIFICATES}",
        *index,
        container,
    )
    run("buildah", "commit", "--quiet", "--rm", container, BASE)
    return BASE


def build(folder: Path, **arguments: str) -> str:
    """Build the Dockerfile in `folder`, and return the image's name; in Docker's format, as OCI's has no health check."""
    given = [
        word for name, value in ({"BASE": base()} | arguments).items() for word in ("--build-arg", f"{name}={value}")
    ]
    run(
        "buildah",
        "bud",
        "--quiet",
        "--format",
        "docker",
        "--isolation",
        "chroot",
        "--network",
        "host",
        *given,
        "-t",
        IMAGE,
        str(folder),
    )
    return IMAGE


class Running:
    """A container of an image, on the host's network, its root read-only."""

    def __init__(self, image: str, port: int, **variables: str):
        given = [
            word for name, value in ({"PORT": str(port)} | variables).items() for word in ("--env", f"{name}={value}")
        ]
        words = ["podman", "--runtime", "runc", "run", "--detach", "--read-only", *LIMITS, *given, image]
        self.id, self.url = run(*words), f"http://127.0.0.1:{port}"
        until = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < until, self.logs()
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            return "ready" == self.get("/ready")["status"]
        except OSError:
            return False

    def get(self, path: str):
        """GET a path, parsed."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310 - on loopback
            return json.load(answer)

    def predict(self, row: dict) -> dict:
        """POST a row."""
        body, head = json.dumps(row).encode(), {"content-type": "application/json"}
        request = urllib.request.Request(self.url + "/predict", body, head)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer)

    def execute(self, *words: str) -> subprocess.CompletedProcess:
        """Run a program inside."""
        return subprocess.run(["podman", "--runtime", "runc", "exec", self.id, *words], capture_output=True, text=True)

    def logs(self) -> str:
        """What it wrote."""
        done = subprocess.run(["podman", "logs", self.id], capture_output=True, text=True)
        return done.stdout + done.stderr

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        run("podman", "--runtime", "runc", "stop", "--time", "20", self.id)
        return int(run("podman", "inspect", "--format", "{{.State.ExitCode}}", self.id))

    def remove(self) -> None:
        """Forget it."""
        subprocess.run(["podman", "--runtime", "runc", "rm", "--force", self.id], capture_output=True)
