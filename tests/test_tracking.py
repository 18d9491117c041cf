"""Tracking: what a run holds, and that MLflow gets one run a lock and one version a model."""

import contextlib
import hashlib
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from mlops import config, contract, params, tracking
from mlops.encoding import spec
from mlops.errors import CannotRun
from mlops.export import to_onnx
from mlops.onnx_model import Model
from mlops.pipeline.train import described, fit

CONTRACT = """\
version: 1
task: binary
target: late
positive: 1
id: id
columns:
  id: {type: text}
  debt: {type: number}
  job: {type: category, categories: ["none", "some"]}
  late: {type: integer}
"""
PARAMS = """\
data: {window: {start: "2024-01", end: "2024-02"}, options: {seed: 7}}
split: {salt: "s"}
train: {estimator: linear, estimators: {linear: {}}}
"""
SEVERAL = CONTRACT.replace("binary", "multiclass").replace("target: late\npositive: 1", "target: grade") + (
    '  grade: {type: category, categories: ["<10", "10-90", ">=90%"]}\n'
)
TABLE, GRADES = (config.parse(text, contract.Contract, "contract") for text in (CONTRACT, SEVERAL))
CANARY = 987654.25  # a value of the training rows that must not leave them


def made(seed: int, table: contract.Contract = TABLE) -> Model:
    """A small model, another for each seed."""
    random = np.random.default_rng(seed)
    rows = pd.DataFrame({"debt": random.normal(size=80), "job": ["none", "some"] * 40})
    rows["late"] = (rows["debt"] > 0).astype(int)
    rows["grade"] = pd.cut(rows["debt"], [-np.inf, -0.5, 0.5, np.inf], labels=["<10", "10-90", ">=90%"]).astype(str)
    rows.loc[0, "debt"] = CANARY
    fitted = fit(rows, rows, table, config.parse(PARAMS, params.Params, "params").train)
    told = described(table, fitted["threshold"])
    return Model(to_onnx(fitted["pipeline"], spec(table), fitted["calibration"], told))


MODEL, OTHER = made(0), made(1)


def write(root: Path, model: Model, judged: str | None = None, note: str = "", text: str = CONTRACT, **metrics) -> None:
    """The files that a pipeline leaves behind; `note` makes it another lock of the same model."""
    summary = {"model_hash": model.hash, "data_hash": "d" * 64, "threshold": 0.25, "rows": {"test": 20}}
    summary |= {"metrics": metrics or {"roc_auc": 0.75, "value": -1.5, "f1": None}, "parity": {"max_difference": 1e-7}}
    out = {"path": "models/model.onnx", "md5": hashlib.md5(model.data).hexdigest()}  # noqa: S324
    files = {
        "params.yaml": PARAMS,
        "data/contract.yaml": text,
        "metrics.json": json.dumps(summary),
        "dvc.lock": yaml.safe_dump({"stages": {"train": {"cmd": f"mlops train {note}", "outs": [out]}}}),
        "reports/plots/roc.csv": "x,y\n0,0\n",
        "reports/model_card.md": "# card\n",
        "reports/report.md": "# report\n",
        "reports/verdict.json": json.dumps({"candidate": {"model_hash": judged or model.hash}}),
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "models").mkdir(exist_ok=True)
    (root / "models/model.onnx").write_bytes(model.data)


def repository(root: Path) -> Path:
    """A git repository with the files of MODEL, committed."""
    write(root, MODEL)
    for words in ["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=first"]:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.invalid", *words], cwd=root, check=True)
    return root


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository to itself, and to be in."""
    monkeypatch.chdir(repository(tmp_path))
    return tmp_path


def names(model: Model) -> list[str]:
    return [path.name for path in tracking.files(model)]


def test_plots_and_reports_are_taken_but_no_rows(project):
    """Files are named one by one, so that predictions and prepared rows stay where they are."""
    (project / "reports/predictions.parquet").write_bytes(b"rows")
    assert ["roc.csv", "model_card.md", "metrics.json", "report.md"] == names(MODEL)


def test_the_report_of_another_model_is_left_out(project):
    """A verdict from before the last training says nothing about this lock."""
    write(project, MODEL, judged=OTHER.hash)
    assert ["roc.csv", "model_card.md", "metrics.json"] == names(MODEL)


def test_the_model_that_lock_and_metrics_name_is_accepted(project):
    """What is logged is then metrics.json."""
    assert MODEL.hash == tracking.checked(MODEL)["model_hash"]


def test_a_model_that_lock_and_metrics_do_not_name_is_refused(project):
    """A run of this lock with another's model would be a lie."""
    with pytest.raises(CannotRun, match=r"dvc.lock and metrics.json do not name the model in models/model.onnx"):
        tracking.checked(OTHER)


def test_a_lock_of_another_model_is_refused(project):
    """metrics.json alone is not enough: the run is found by its lock."""
    lock = project / "dvc.lock"
    lock.write_text(lock.read_text().replace(hashlib.md5(MODEL.data).hexdigest(), "0" * 32))  # noqa: S324
    with pytest.raises(CannotRun, match=r"run `make train` first"):
        tracking.checked(MODEL)


def test_nested_keys_become_one_level():
    """Empty sections have nothing to say."""
    assert {"a": 1, "b.c": None, "b.d.e": [3]} == tracking.flat({"a": 1, "b": {"c": None, "d": {"e": [3]}, "f": {}}})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("recall_low", "recall_low"),
        ("train.estimators.linear.C", "train.estimators.linear.C"),
        ("recall_very low", "recall_very low"),
        ("recall_>=90%", "recall__3e__3d_90_25_"),
        ("recall_a/b:c", "recall_a_2f_b_3a_c"),
        ("recall_größer", "recall_größer"),
    ],
)
def test_names_are_those_that_mlflow_takes(name, expected):
    """Another character becomes its code, so that no two names become one."""
    assert {expected: 1.0} == tracking.flat({name: 1.0})


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A folder with a database of MLflow, which takes seconds to make; MLflow keeps where it is for the whole process."""
    root = repository(tmp_path_factory.mktemp("store"))
    before = dict(os.environ)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    with contextlib.chdir(root):
        yield root
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def store(database):
    """The same folder with the files of MODEL, whatever an earlier test left there."""
    write(database, MODEL)
    return database


def logged() -> tuple[list, list]:
    """The runs that have a lock hash, and the registered versions, as MLflow gives them."""
    import mlflow

    runs = mlflow.search_runs(filter_string="tags.lock_hash != ''", search_all_experiments=True, output_format="list")
    return runs, list(mlflow.MlflowClient().search_model_versions("name = 'predict-late'"))


def lock_hash() -> str:
    return hashlib.sha256(Path("dvc.lock").read_bytes()).hexdigest()


@pytest.mark.slow
def test_logging_twice_is_one_run_and_one_version(store, capsys):
    """The second time finds the run by its lock hash; the sqlite file and mlruns/ are all that is written."""
    tracking.run(None)
    tracking.run(None)
    (run,) = [run for run in logged()[0] if run.data.tags["lock_hash"] == lock_hash()]
    (version,) = [version for version in logged()[1] if version.tags["model_hash"] == MODEL.hash]
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=store, text=True).strip()
    tags = {"model_hash": MODEL.hash, "data_hash": "d" * 64, "git_commit": commit}
    assert "FINISHED" == run.info.status
    assert tags.items() <= run.data.tags.items()
    assert {"train.estimator": "linear", "data.options.seed": "7"}.items() <= run.data.params.items()
    expected = {"roc_auc": 0.75, "value": -1.5, "threshold": 0.25, "rows.test": 20.0, "parity.max_difference": 1e-7}
    assert expected == run.data.metrics  # and f1, which has no number, is left out
    assert "models:/" == version.source[:8]
    assert f"already there: run {run.info.run_id}" in capsys.readouterr().out
    changed = subprocess.check_output(["git", "status", "--porcelain"], cwd=store, text=True)
    assert {"?? mlruns.db", "?? mlruns/"} == set(changed.splitlines())


@pytest.mark.slow
def test_the_registered_model_is_the_one_that_serves(store):
    """It has the same bytes, a signature of the model's own columns, and it answers."""
    import mlflow

    tracking.run(None)
    uri = "models:/predict-late/1"
    info = mlflow.models.get_model_info(uri)
    assert (
        MODEL.hash
        == hashlib.sha256(Path(mlflow.artifacts.download_artifacts(uri), "model.onnx").read_bytes()).hexdigest()
    )
    assert [("X", (-1, 2)), ("score", (-1,))] == [
        (tensor.name, tensor.shape) for tensor in (*info.signature.inputs, *info.signature.outputs)
    ]
    matrix = np.array([[1.0, 0.0]], dtype=np.float32)
    assert MODEL.score_matrix(matrix).tolist() == mlflow.pyfunc.load_model(uri).predict(matrix)["score"].tolist()


@pytest.mark.slow
def test_another_lock_of_the_same_model_is_a_run_and_no_version(store):
    """Two locks may hold one model: its hash is registered once; another model is the next version."""
    tracking.run(None)
    runs, versions = logged()
    write(store, MODEL, note="again")
    tracking.run(None)
    assert (len(runs) + 1, len(versions)) == tuple(map(len, logged()))
    write(store, OTHER)
    tracking.run(None)
    assert (len(runs) + 2, len(versions) + 1) == tuple(map(len, logged()))
    assert OTHER.hash in {version.tags["model_hash"] for version in logged()[1]}


@pytest.mark.slow
def test_a_model_of_several_classes_is_logged_with_their_names(store):
    """Its signature has a column a class, and a class may be called what MLflow would refuse."""
    import mlflow

    model = made(0, GRADES)
    write(store, model, note="several", text=SEVERAL, accuracy=0.5, **{"recall_<10": 0.25, "recall_>=90%": 0.75})
    tracking.run(None)
    (run,) = [run for run in logged()[0] if run.data.tags["lock_hash"] == lock_hash()]
    assert {"accuracy": 0.5, "recall__3c_10": 0.25, "recall__3e__3d_90_25_": 0.75}.items() <= run.data.metrics.items()
    info = mlflow.models.get_model_info("models:/predict-grade/1")
    assert [("score", (-1, 3))] == [(tensor.name, tensor.shape) for tensor in info.signature.outputs]
    matrix = np.array([[1.0, 0.0, 1.0]], dtype=np.float32)
    said = mlflow.pyfunc.load_model("models:/predict-grade/1").predict(matrix)["score"]
    assert model.score_matrix(matrix).tolist() == said.tolist()


@pytest.mark.slow
def test_a_run_that_broke_is_not_taken_for_the_locks(store):
    """A failure in the middle is one sentence, and the next try makes the run that is then found."""
    write(store, MODEL, note="broken")
    broken = Path("reports/plots/a.csv")
    broken.symlink_to("absent.csv")
    with pytest.raises(CannotRun, match=r"MLflow at sqlite:///mlruns.db cannot be used \(.*a.csv.*delete mlruns.db"):
        tracking.run(None)
    assert lock_hash() not in {run.data.tags["lock_hash"] for run in logged()[0]}
    broken.unlink()
    tracking.run(None)
    assert lock_hash() in {run.data.tags["lock_hash"] for run in logged()[0]}


@pytest.mark.slow
def test_a_run_of_changed_files_says_so(store):
    """The commit alone does not tell what ran where a tracked file differs from it."""
    write(store, MODEL, note="changed")
    tracking.run(None)
    (run,) = [run for run in logged()[0] if run.data.tags["lock_hash"] == lock_hash()]
    assert run.data.tags["git_commit"].endswith("-dirty")


@pytest.mark.slow
def test_nothing_that_was_logged_holds_a_row(store):
    """A value of the training rows is in no file and in no table of MLflow."""
    tracking.run(None)
    written = [Path("mlruns.db"), *(path for path in Path("mlruns").rglob("*") if path.is_file())]
    assert len(written) > 5
    assert not [path for path in written if str(CANARY).encode() in path.read_bytes()]


@pytest.mark.slow
def test_a_server_that_cannot_be_reached_is_one_sentence(project, monkeypatch):
    """The sentence names the address, why, and MLFLOW_TRACKING_URI, and never the password in it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(CannotRun, match=r"http://\*\*\*@127.0.0.1:9 .*refused.* unset MLFLOW_TRACKING_URI") as caught:
        tracking.run(None)
    assert "secret" not in str(caught.value)
