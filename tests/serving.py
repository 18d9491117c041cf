"""The service as a process of its own, and a caller that speaks HTTP to it."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

LISTENS = re.compile(r"listening on http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class Said:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        """The body, parsed."""
        return json.loads(self.body)


class Served:
    """`python -m mlops.serve` in `folder`, with `variables` in its environment."""

    def __init__(self, folder: Path, **variables):
        environment = (
            os.environ | {"PORT": "0", "DRAIN_SECONDS": "0"} | {name: str(value) for name, value in variables.items()}
        )
        self.folder = tempfile.TemporaryDirectory()
        self.out, self.err = (Path(self.folder.name) / name for name in ("out", "err"))
        command = [sys.executable, "-m", "mlops.serve"]
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err)
        self.port = self._port()

    def _port(self) -> int:
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            if found := LISTENS.search(self.said()):
                return int(found[1])
            time.sleep(0.02)
        raise AssertionError(f"the service did not start: {self.said()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.folder.cleanup()

    def said(self) -> str:
        """What it wrote on standard error."""
        return self.err.read_text(encoding="utf-8")

    def lines(self) -> list[dict]:
        """What it wrote on standard output, parsed."""
        return [json.loads(line) for line in self.out.read_text(encoding="utf-8").splitlines()]

    def stop(self, sig: int = signal.SIGTERM) -> int:
        """End it as a cluster does, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        return self.process.wait(60)

    def call(self, method: str, path: str, body: bytes | None = None, **headers) -> Said:
        """Send one request on a connection of its own; header `x_user_id` is sent as x-user-id."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        said = Said(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        connection.close()
        return said

    def get(self, path: str) -> Said:
        """GET a path."""
        return self.call("GET", path)

    def post(self, path: str, value, **headers) -> Said:
        """POST a value as JSON, or bytes as they are."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.call("POST", path, body, **({"content_type": "application/json"} | headers))

    def predict(self, value, **headers) -> Said:
        """POST a row."""
        return self.post("/predict", value, **headers)


def row_of(frame, columns, place: int) -> dict:
    """A row of a table as a caller sends it: missing values are null."""
    return json.loads(frame[list(columns)].iloc[[place]].to_json(orient="records", double_precision=15))[0]


def lists_of(frame, columns) -> dict:
    """A table as a caller sends it, a list a column."""
    return {name: json.loads(frame[name].to_json(orient="values", double_precision=15)) for name in columns}


plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
anything = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def repeating(scorer):
    """Texts of rows that may give a name several times: what a dict cannot hold, JSON can."""
    items = st.tuples(st.sampled_from([*scorer.example, "x"]), plain | st.sampled_from([*scorer.example.values()]))
    row = [*scorer.example.items()]
    return st.lists(items, max_size=4).map(
        lambda more: "{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in [*more, *row]) + "}"
    )


def bodies(scorer):
    """Rows near the example: some values replaced by anything, some taken out."""
    names = st.sampled_from([*scorer.rows.columns, "default", "x"])
    return st.dictionaries(names, anything, max_size=4).flatmap(
        lambda changes: st.sets(st.sampled_from([*scorer.example]), max_size=2).map(
            lambda gone: {name: value for name, value in (scorer.example | changes).items() if name not in gone}
        )
    )
