"""Verb `log`: what the pipeline made, kept in MLflow. Run: mlops log, after the pipeline and outside of it.

One run a lock hash and one registered version a model hash, both as tags: running again changes nothing. Without
MLFLOW_TRACKING_URI it is mlruns.db and mlruns/, kept out of git. Nothing later reads them, and no row of data is logged.
"""

import os
import re
from hashlib import md5
from pathlib import Path

import pandas as pd

from mlops import contract, dvc, params
from mlops.errors import CannotRun
from mlops.files import read_json, sha256
from mlops.onnx_model import Model
from mlops.paths import CARD, LOCK, METRICS, MODEL, PLOT, REPORT, VERDICT

LOCAL = "sqlite:///mlruns.db"
SETTINGS = {  # an unreachable server is given up after about a minute instead of several
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def run(args) -> None:
    """Log the pipeline's last run to MLflow, once; raises CannotRun where the store or server cannot be used."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)  # before the import, which reads them
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    model, uri = Model.read(), os.environ.get("MLFLOW_TRACKING_URI") or LOCAL
    summary = checked(model)
    try:
        run_id, new = log(model, summary, uri)
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
        fix = "correct or unset MLFLOW_TRACKING_URI" if uri != LOCAL else "delete mlruns.db"
        sentence = f"MLflow at {uri} cannot be used (...{' '.join(str(error).split())[-200:]}): {fix} and run again"
        raise CannotRun(dvc.shown(sentence)) from error
    look = "`make runs` shows it" if uri == LOCAL else f"in {dvc.shown(uri)}"
    print(f"log: {'new run' if new else 'already there: run'} {run_id}; {look}")


def checked(model: Model) -> dict:
    """Return metrics.json; raises CannotRun where it, the lock and the model are not of one run."""
    summary = read_json(METRICS, "run `make train` first")
    kept = dvc.out_hash(dvc.read_lock(LOCK), MODEL)
    if summary.get("model_hash") != model.hash or kept != md5(model.data, usedforsecurity=False).hexdigest():
        raise CannotRun(f"{LOCK} and {METRICS} do not name the model in {MODEL}: run `make train` first")
    return summary


def files(model: Model) -> list[Path]:
    """Return what is logged beside the model: named one by one, so that no rows are among it."""
    judged = Path(VERDICT).exists() and read_json(VERDICT, "run `make compare`").get("candidate")
    report = [REPORT] if judged and judged["model_hash"] == model.hash else []  # else it is another model's
    return [path for name in (PLOT.format("*"), CARD, METRICS, *report) for path in sorted(Path().glob(name))]


def log(model: Model, summary: dict, uri: str) -> tuple[str, bool]:
    """Return the id of the run of this lock hash, and whether it was made now."""
    import mlflow

    lock_hash, name = sha256(Path(LOCK).read_bytes()), legal(f"predict-{contract.read().target}")
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME") or name)
    known = mlflow.search_runs(filter_string=f"tags.lock_hash = '{lock_hash}'", output_format="list", max_results=1)
    if known:
        return known[0].info.run_id, False
    commit = dvc.git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    tags = {"model_hash": model.hash, "data_hash": summary["data_hash"], "git_commit": commit}
    # MLflow's own source would be a path of this machine
    with mlflow.start_run(run_name=lock_hash[:12], tags=tags | {"mlflow.source.name": "mlops log"}) as active:
        mlflow.log_params(flat(params.read().model_dump(mode="json")))
        numbers = summary["metrics"] | {part: summary[part] for part in ("threshold", "rows", "parity")}
        mlflow.log_metrics({key: value for key, value in flat(numbers).items() if value is not None})
        for path in files(model):
            mlflow.log_artifact(str(path), "reports")
        register(model, name)
        mlflow.set_tag("lock_hash", lock_hash)  # last: a run that broke on the way is not taken for this lock's
    return active.info.run_id, True


def flat(values: dict) -> dict:
    """Return nested keys as one level, as MLflow takes them: {"a": {"b": 1}} becomes {"a.b": 1}."""
    return {legal(key): value for key, value in pd.json_normalize(values).to_dict("records")[0].items()}


def legal(name: str) -> str:
    """Return a name without the characters that MLflow refuses, each as its code: a class may be called `>50K`."""
    return re.sub(r"[^\w.\- ]", lambda found: f"_{ord(found[0]):x}_", name)


def register(model: Model, name: str) -> None:
    """Log the model with its signature to the active run; register it where no version has its hash."""
    import mlflow.onnx
    import numpy as np
    import onnx
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    shapes = {"X": (-1, len(model.columns)), "score": (-1, len(model.classes)) if model.classes else (-1,)}
    schemas = (Schema([TensorSpec(np.dtype("float32"), shape, key)]) for key, shape in shapes.items())
    info = mlflow.onnx.log_model(
        onnx.load_from_string(model.data),
        name="model",
        signature=ModelSignature(*schemas),
        tags={"model_hash": model.hash, "mlflow.source.name": "mlops log"},
        pip_requirements=mlflow.onnx.get_default_pip_requirements(),
        onnx_execution_providers=["CPUExecutionProvider"],
        save_as_external_data=False,  # one file, the same bytes
    )
    query = f"name = '{name}' and tag.model_hash = '{model.hash}'"
    if not mlflow.MlflowClient().search_model_versions(query, max_results=1):
        mlflow.register_model(info.model_uri, name, tags={"model_hash": model.hash})
