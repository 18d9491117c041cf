"""The image of the Dockerfile, really built and run: what is in it, as whom it runs, and that it answers as the pipeline does."""

import json
import shutil
import socket
import subprocess

import pytest

from images import ROOT, Running, build, run
from mlops.files import sha256
from serving import row_of

TOOLS = ("buildah", "podman", "runc", "mmdebstrap")
missing = [name for name in TOOLS if not shutil.which(name)]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")]
COMMIT = "c" * 40


@pytest.fixture(scope="module")
def context(answered, tmp_path_factory):
    """What a build is given: this repository's service, and a model of 1,200 rows."""
    folder = tmp_path_factory.mktemp("image") / "context"
    shutil.copytree(ROOT / "src/mlops", folder / "src/mlops", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Dockerfile", ".dockerignore", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("data/contract.yaml", "models/model.onnx", "metrics.json", "models/pipeline.joblib", "params.yaml"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(answered("binary").path / name, folder / name)
    (folder / ".env").write_text("SECRET=1")
    return folder


@pytest.fixture(scope="module")
def image(context):
    """Its name."""
    data = (context / "models/model.onnx").read_bytes()
    return build(context, GIT_COMMIT=COMMIT, MODEL_HASH=sha256(data), DATA_HASH="d" * 64)


@pytest.fixture(scope="module")
def running(image):
    """A container of it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Running(image, port, DRAIN_SECONDS="0")
    yield made
    made.remove()


def test_it_answers_as_the_pipeline_does(running, scorer, test_rows):
    """Scores within 1e-6, every decision equal."""
    rows, made = test_rows(), scorer()
    score = made.model.score(rows)
    for place in range(0, 30, 3):
        said = running.predict(row_of(rows, made.rows.inputs, place))
        assert (pytest.approx(score[place], abs=1e-6), bool(made.model.decide(score)[place])) == (
            said["score"],
            said["decision"],
        )


def test_it_says_what_it_was_made_of(running, image, scorer):
    """By GET /version, and by its labels."""
    assert (COMMIT, scorer().model.hash) == (running.get("/version")["commit"], running.get("/version")["model_hash"])
    labels = json.loads(run("podman", "inspect", image))[0]["Labels"]
    assert (COMMIT, scorer().model.hash, "d" * 64) == (
        labels["org.opencontainers.image.revision"], labels["mlops.model-hash"], labels["mlops.data-hash"],
    )  # fmt: skip


def test_it_is_nobodys_and_writes_nothing(running):
    """Not root, and no place to write."""
    assert "10001\n" == running.execute("id", "-u").stdout
    for place in ("/app/x", "/etc/x", "/x"):
        assert "Read-only file system" in running.execute("sh", "-c", f"echo > {place}").stderr


@pytest.mark.parametrize("name", ["pip", "pip3", "gcc", "cc", "perl", "uv"])
def test_nothing_in_it_installs_or_compiles(running, name):
    """Neither by name nor as a module."""
    assert 0 != running.execute("sh", "-c", f"command -v {name}").returncode
    assert 0 != running.execute("python", "-m", name, "--version").returncode


def test_nothing_is_in_it_but_what_it_needs(running):
    """No training code, no pickle, no secret of the folder that it was built in; no scikit-learn and no pandas."""
    found = running.execute("sh", "-c", "cd /app && find . -path ./.venv -prune -o -type f -print").stdout.split()
    kept = {name for name in found if not name.endswith(".pyc") and not name.startswith("./src/mlops/serve/")}
    modules = ("__init__", "config", "contract", "errors", "files", "onnx_model", "paths", "task")
    expected = {f"./src/mlops/{name}.py" for name in modules} | {
        "./data/contract.yaml",
        "./models/model.onnx",
        "./metrics.json",
    }
    assert expected == kept
    for name in ("sklearn", "pandas", "joblib", "mlops.pipeline"):
        assert 0 != running.execute("python", "-c", f"import {name}").returncode


def test_its_byte_code_is_there(running):
    """A read-only root could not keep what the first import makes."""
    code = "import sys, mlops.serve.server as s, fastapi as f; print(*(__import__('os').path.exists(m.__cached__) for m in (s, f)))"
    assert "True True\n" == running.execute("python", "-c", code).stdout


def test_its_health_check_tells(running, image):
    """Good while it answers; bad where nothing listens."""
    command = json.loads(run("podman", "inspect", image))[0]["Healthcheck"]["Test"][1:]
    assert 0 == running.execute(*command).returncode
    assert 0 != running.execute("env", "PORT=9", *command).returncode


def test_it_ends_well(image):
    """SIGTERM, exit code 0."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Running(image, port, DRAIN_SECONDS="0")
    assert 0 == made.stop()
    made.remove()


def test_its_size_is_bounded(image):
    """Unpacked 280 MB, packed 95: what is pulled before a pod can start."""
    container = run("buildah", "from", image)
    root = run("buildah", "mount", container)
    packed = subprocess.run(f"tar -C {root} -c . | gzip -6 | wc -c", shell=True, capture_output=True, text=True)  # noqa: S602
    unpacked = int(run("du", "-xs", "--block-size=1000000", root).split()[0])
    run("buildah", "rm", container)
    assert unpacked <= 280
    assert int(packed.stdout) <= 95e6
