"""A model that is served: in this process for what is a function, in one of its own, over HTTP, for what a caller sees."""

import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from mlops.onnx_model import Model
from mlops.serve.scorer import Scorer
from postgres import Server
from serving import Served


@pytest.fixture(scope="session")
def scorer(answered):
    """A function: task -> the scorer of a model that was trained on 1,200 rows."""

    @cache
    def make(task: str = "binary") -> Scorer:
        folder = answered(task)
        return Scorer(Model.read(folder.path / "models/model.onnx"), folder.table, max_rows=2000)

    return make


@pytest.fixture(scope="session")
def test_rows(answered):
    """A function: task -> the test rows of that model's pipeline."""
    return cache(lambda task="binary": answered(task).parts()["test"])


@pytest.fixture(scope="session")
def served(answered, tmp_path_factory):
    """A function: task -> its service, listening. One process for all tests, which leave it as it was."""
    with ExitStack() as stack:

        @cache
        def start(task: str = "binary") -> Served:
            log = tmp_path_factory.mktemp("log") / "predictions.db"
            return stack.enter_context(
                Served(answered(task).path, PREDICTION_LOG=f"sqlite:///{log}", USER_HASH_KEY="k" * 32)
            )

        yield start


@pytest.fixture
def serve(answered):
    """A function: variables -> a service of its own, which a test may stop, or break; task binary."""
    with ExitStack() as stack:
        yield lambda task="binary", **variables: stack.enter_context(Served(answered(task).path, **variables))


@pytest.fixture
def server():
    """A running one, with a short path: a socket's may have 107 characters."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        running = Server(Path(folder)).start()
        yield running
        running.stop()
