"""Two models of one contract, a service of each, and routers of every step before them."""

import json
import shutil
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from github_stub import GitHubStub
from mlops.onnx_model import Model
from mlops.serve.scorer import Scorer
from mlops.serve.sinks.sqlite import Sqlite
from remote import pull_requests
from rollout.faults import listening, stand_in
from rollout_cases import main
from router import Router, free_port
from serving import Served
from tables import Folder, one_thread


@pytest.fixture(scope="session")
def models(answered, tmp_path_factory) -> tuple[Path, Path]:
    """The folders of champion and challenger: the same rows, another seed."""
    challenger = tmp_path_factory.mktemp("models") / "challenger"
    shutil.copytree(answered("binary").path, challenger)
    with pytest.MonkeyPatch.context() as patch, one_thread():
        patch.chdir(challenger)
        Folder(challenger).set_params({"train.seed": 2}).run("train", "evaluate")
    return answered("binary").path, challenger


@pytest.fixture(scope="session")
def row(models) -> dict:
    """A row as a caller sends it."""
    folder = Folder(models[0])
    return Scorer(Model.read(folder.path / "models/model.onnx"), folder.table, max_rows=2000).example


@pytest.fixture(scope="session")
def body(row) -> bytes:
    """The same, as it is sent."""
    return json.dumps(row).encode()


@pytest.fixture(scope="session")
def hashes(models) -> tuple[str, str]:
    """By these the answers of champion and challenger are told apart."""
    champion, challenger = (Model.read(folder / "models/model.onnx").hash for folder in models)
    assert champion != challenger
    return champion, challenger


@pytest.fixture(scope="session")
def services(models, tmp_path_factory):
    """Champion and challenger, each with its prediction log. Tests leave them as they were."""
    logs = [tmp_path_factory.mktemp("log") / "predictions.db" for _ in models]
    with ExitStack() as stack:
        running = [
            stack.enter_context(Served(folder, PREDICTION_LOG=f"sqlite:///{log}", USER_HASH_KEY="k" * 32))
            for folder, log in zip(models, logs, strict=True)
        ]
        for service, log in zip(running, logs, strict=True):
            service.log = log
        yield running


@pytest.fixture(scope="session")
def routed(services, tmp_path_factory):
    """A function: step, salt -> its router before those services. Tests leave it as it was."""
    with ExitStack() as stack:
        champion, challenger = services

        @cache
        def start(step: str, salt: str = "a") -> Router:
            return stack.enter_context(
                Router(tmp_path_factory.mktemp(step), step, [champion.port], [challenger.port], salt)
            )

        yield start


@pytest.fixture
def route(tmp_path):
    """A function: what Router takes -> a router of a test's own."""
    with ExitStack() as stack:
        yield lambda step, champions, challengers=(), **more: stack.enter_context(
            Router(tmp_path / f"router-{free_port()}", step, champions, challengers, **more)
        )


@pytest.fixture
def stands_in():
    """A function: kind, seconds -> the port of what stands in a service's place; see rollout/standin.py."""
    with ExitStack() as stack:

        def start(kind: str, seconds: float = 0) -> int:
            port = free_port()
            stack.enter_context(stand_in(kind, port, seconds))
            return listening(port)

        yield start


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """Main with prod at step stable, as working directory, and no source of figures."""
    (tmp_path / "git").mkdir()
    made = main(tmp_path / "git")
    monkeypatch.chdir(made.path)
    for name in ("PROMETHEUS_URL", "PREDICTION_LOG_URL"):
        monkeypatch.delenv(name, raising=False)
    return made


@pytest.fixture
def log(tmp_path, monkeypatch):
    """A function: records -> they are the prediction log that is named."""

    def written(records):
        sink = Sqlite(str(tmp_path / "log.db"))
        sink.write(records)
        sink.close()
        monkeypatch.setenv("PREDICTION_LOG_URL", f"sqlite:///{tmp_path}/log.db")

    return written


@pytest.fixture
def stub(remote, monkeypatch):
    """The API, and a token as a workflow has it."""
    with GitHubStub() as running:
        pull_requests(running, remote.head)
        given = {"GITHUB_REPOSITORY": running.repository, "GITHUB_TOKEN": "ghs_bot", "GITHUB_API_URL": running.url}
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("APP", raising=False)
        yield running
