"""The paths beside the predictions, and a service that cannot start."""

import json
import os
import subprocess
import sys

import pytest

from mlops.files import read_json, write_json
from serving import Served, row_of
from tables import TASKS


@pytest.mark.parametrize(("path", "word"), [("/health", "ok"), ("/startup", "started"), ("/ready", "ready")])
def test_a_service_says_that_it_lives(served, path, word):
    """A probe a question."""
    said = served().get(path)
    assert (200, {"status": word}) == (said.status, said.json)


@pytest.mark.parametrize("task", TASKS)
def test_a_service_says_what_it_serves(served, answered, task):
    """The hashes of model and data are those of metrics.json; what the image does not say is null."""
    metrics = read_json(answered(task).path / "metrics.json", "")
    said = served(task).get("/version").json
    assert (metrics["model_hash"], metrics["data_hash"], task) == (said["model_hash"], said["data_hash"], said["task"])
    assert (None, None) == (said["commit"], said["image"])


def test_the_image_says_what_it_was_made_of(serve):
    """Its build names the commit, its deployment the digest."""
    said = serve(GIT_COMMIT="c" * 40, IMAGE_DIGEST="sha256:" + "d" * 64).get("/version").json
    assert ("c" * 40, "sha256:" + "d" * 64) == (said["commit"], said["image"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/predict", 405),
        ("PUT", "/predict-batch", 405),
        ("GET", "/nothing", 404),
        ("POST", "/health", 405),
        ("GET", "/docs", 200),
    ],
)
def test_other_methods_and_paths_are_answered_as_http_says(served, method, path, status):
    """405 where the path is known, 404 where it is not."""
    assert status == served().call(method, path).status


def test_metrics_are_of_prometheus(served):
    """In its text format."""
    said = served().get("/metrics")
    assert said.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"# TYPE predict_requests_total counter" in said.body


def started(folder, **variables) -> tuple[int, str]:
    """Exit code and words of a service that should not start."""
    environment = os.environ | {"PORT": "0"} | variables
    done = subprocess.run(
        [sys.executable, "-m", "mlops.serve"], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"MODEL_FILE": "models/none.onnx"}, "mlops.serve: models/none.onnx is not there: run `make train` first"),
        ({"MODEL_FILE": "params.yaml"}, "cannot be read as a model of this template"),
        ({"CONTRACT_FILE": "data/none.yaml"}, "mlops.serve: data/none.yaml is not there"),
        ({"PORT": "x"}, "mlops.serve: PORT cannot be 'x'"),
        (
            {"PREDICTION_LOG": "sqlite:///params.yaml"},
            "mlops.serve: PREDICTION_LOG sqlite:///params.yaml cannot be written",
        ),
    ],
)
def test_a_service_that_cannot_serve_says_why(answered, variables, sentence):
    """One sentence, exit code 2, no stack trace."""
    code, said = started(answered("binary").path, **variables)
    assert (2, True, False) == (code, sentence in said, "Traceback" in said)


def test_a_model_of_another_contract_is_not_served(copied):
    """A column that changed since the training."""
    folder = copied("binary").set_contract({"columns.purpose.categories": ["home", "car"]})
    code, said = started(folder.path)
    assert (2, True) == (
        code,
        "column 'purpose' has categories" in said,
    )


def test_a_model_that_was_not_judged_is_not_served(copied):
    """What serves is what was reviewed: metrics.json names the model by its hash."""
    folder = copied("binary")
    metrics = read_json("metrics.json", "")
    write_json("metrics.json", metrics | {"model_hash": "0" * 64})
    code, said = started(folder.path)
    assert (2, True) == (
        code,
        f"metrics.json is of model {'0' * 12}, models/model.onnx is {metrics['model_hash'][:12]}: run" in said,
    )


def test_metrics_json_need_not_be_there(copied):
    """Then the data's hash is unknown, and the model is served all the same."""
    folder = copied("binary")
    (folder.path / "metrics.json").unlink()
    with Served(folder.path) as running:
        assert running.get("/version").json["data_hash"] is None


def test_a_number_has_a_histogram_of_its_range(served, scorer):
    """Not of tenths between 0 and 1."""
    column = scorer("regression").table.columns["amount"]
    text = served("regression").get("/metrics").body.decode()
    assert f'predict_score_bucket{{arm="none",le="{column.max}"' in text


def test_words_are_lines_of_json(serve):
    """On standard error, each with time, level and message."""
    running = serve()
    assert 0 == running.stop()
    for line in running.said().splitlines():
        assert {"at", "level", "logger", "message"} <= set(json.loads(line))


def test_a_model_that_breaks_is_500_without_its_words(copied):
    """A model whose answer is no number: counted as failed, no trace to the caller."""
    folder = copied("binary")
    rows = folder.parts()["test"]
    broken(folder.path / "models/model.onnx")
    (folder.path / "metrics.json").unlink()
    with Served(folder.path) as running:
        said = running.predict(row_of(rows, folder.table.features, 0))
        assert (500, "the model could not answer; the log says why") == (said.status, said.json["error"])
        assert 'outcome="failed"} 1.0' in running.get("/metrics").body.decode()
        assert "no number for this row" in running.said()


def broken(path) -> None:
    """Let the model answer NaN: its score, less infinity, plus infinity."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load(path)
    for node in model.graph.node:
        node.output[:] = ["before" if name == "score" else name for name in node.output]
    model.graph.initializer.append(helper.make_tensor("infinity", TensorProto.FLOAT, [], [float("inf")]))
    model.graph.node.append(helper.make_node("Sub", ["before", "infinity"], ["less"]))
    model.graph.node.append(helper.make_node("Add", ["less", "infinity"], ["score"]))
    onnx.save(model, path)
