"""A real registry on loopback, and what this machine's containers need."""

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

CONTAINERS = """[containers]
netns = "host"
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
"""


class Registry:
    """docker-registry in a folder of its own; stopped and started again it has what it had."""

    def __init__(self, folder: Path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder, self.host, self.process = folder, f"127.0.0.1:{self.port}", None
        (folder / "containers.conf").write_text(CONTAINERS)
        self.variables = {
            "CONTAINERS_CONF": f"{folder}/containers.conf",
            "BUILDAH_ISOLATION": "chroot",
        }

    def start(self, readonly: bool = False) -> "Registry":
        """Listen; readonly: what is there can be looked at, and nothing is taken."""
        storage = f"filesystem: {{rootdirectory: {self.folder}/store}}, delete: {{enabled: true}}"
        (self.folder / "config.yml").write_text(
            f"version: 0.1\nstorage: {{{storage}, maintenance: {{readonly: {{enabled: {str(readonly).lower()}}}}}}}\n"
            f"http: {{addr: '{self.host}'}}\nlog: {{level: error}}\n"
        )
        words = ["docker-registry", "serve", str(self.folder / "config.yml")]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                assert time.monotonic() < until
                time.sleep(0.05)

    def stop(self) -> None:
        """End."""
        self.process.kill()
        self.process.wait()


@contextmanager
def listening(folder: Path):
    """Yield a registry that listens."""
    registry = Registry(folder).start()
    try:
        yield registry
    finally:
        registry.stop()
