"""Stage `train`: fit on the train rows, calibrate and choose the threshold on validation rows, export. Run: mlops train.

Writes models/model.onnx (what serves), models/pipeline.joblib (only for the parity check) and models/training_keys.parquet.
"""

from difflib import get_close_matches

import joblib
import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, logit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve
from sklearn.pipeline import Pipeline

from mlops import contract, params
from mlops.encoding import encode, spec
from mlops.errors import CannotRun
from mlops.export import CLIP, to_onnx
from mlops.files import read_table, sha256, whole, write_table
from mlops.paths import KEYS, MODEL, PART, PIPELINE
from mlops.split import keys
from mlops.task import Task
from model.estimator import SCALED, estimator
from model.features import transformer


def run(args) -> None:
    """Train the model of params.yaml on the prepared rows."""
    table, knobs = contract.read(), params.read().train
    train, validation = (read_table(PART.format(name)) for name in ("train", "validation"))
    fitted = fit(train, validation, table, knobs)
    data = to_onnx(fitted["pipeline"], spec(table), fitted["calibration"], described(table, fitted["threshold"]))
    with whole(MODEL) as part:
        part.write_bytes(data)
    with whole(PIPELINE) as part:
        joblib.dump(fitted, part)
    write_table(KEYS, pd.DataFrame({"key": np.unique(keys(pd.concat([train, validation]), table))}))
    decides = f", threshold {fitted['threshold']:.3f}" if table.task == "binary" else ""
    print(f"train: {knobs.estimator} on {len(train):,} rows{decides}, model {sha256(data)[:12]}")


def described(table: contract.Contract, threshold: float) -> dict:
    """Return what the model file says of itself beside its columns."""
    question = {"table": table.table, "target": table.target, "positive": table.positive}
    return {"task": table.task, "classes": list(table.classes), "threshold": threshold, "question": question}


def fit(train, validation, table: contract.Contract, knobs: params.Train) -> dict:
    """Return {pipeline, calibration or None, threshold}, fitted on train, finished on validation rows.

    calibration: (slope, shift) for two classes, (slope, 0) for several; threshold: 0.5, without meaning, but for binary.
    """
    columns, target = spec(table), contract.targets(train[table.target], table)
    absent = sorted(set(range(len(table.classes))) - set(target))
    if absent:
        raise CannotRun(
            f"class '{table.classes[absent[0]]}' of '{table.target}' has no row among the {len(train):,} train rows: "
            "take it out of data/contract.yaml and of src/model/source.py, or bring more rows"
        )
    pipeline = unfitted(columns, knobs, table.task)
    try:
        pipeline.fit(encode(train, columns), target)
    except ValueError as error:
        reason = " ".join(str(error).split())[:300]
        raise CannotRun(
            f"the model of params.yaml, train.estimators.{knobs.estimator}, cannot be fitted: {reason}"
        ) from error
    raw, seen = predicted(pipeline, validation, columns, table.task), contract.targets(validation[table.target], table)
    calibration = CALIBRATIONS[table.task](raw, seen) if knobs.calibration == "sigmoid" else None
    score = calibrated(raw, calibration)
    threshold = 0.5
    if table.task == "binary":
        threshold = _best_f1(seen, score) if knobs.threshold == "f1" else knobs.threshold
    return {"pipeline": pipeline, "calibration": calibration, "threshold": float(np.float32(threshold))}


def predicted(pipeline, frame, columns: list[dict], task: Task) -> np.ndarray:
    """Return what a fitted pipeline says of each row before calibration: see mlops.task for the shape."""
    if task == "regression":
        return pipeline.predict(encode(frame, columns)).astype(np.float64)
    probability = pipeline.predict_proba(encode(frame, columns))
    return probability[:, 1] if task == "binary" else probability


def unfitted(columns: list[dict], knobs: params.Train, task: Task) -> Pipeline:
    """Return the owner's transformer and estimator as one pipeline; raises CannotRun for an argument unknown to either."""
    numbers = [position for position, column in enumerate(columns) if column["type"] != "category"]
    categories = {
        position: len(column["categories"]) for position, column in enumerate(columns) if column["type"] == "category"
    }
    try:
        last = estimator(knobs.estimator, dict(knobs.options), knobs.seed, task)
    except TypeError as error:
        raise CannotRun(
            f"params.yaml: train.estimators.{knobs.estimator}: {error}{_near(error, knobs, task)}"
        ) from None
    except ValueError as error:
        raise CannotRun(f"params.yaml: train.estimator: {error}") from None
    if task != "regression" and not hasattr(last, "predict_proba"):
        raise CannotRun(
            f"src/model/estimator.py: {knobs.estimator} is {type(last).__name__}, which has no predict_proba: "
            f"task {task} needs one that has"
        )
    scale = knobs.estimator in SCALED
    return Pipeline([("features", transformer(numbers, categories, scale)), ("estimator", last)])


def calibrated(probability: np.ndarray, calibration: tuple[float, float] | None) -> np.ndarray:
    """Return the calibrated probabilities, those given without a calibration.

    Two classes: sigmoid(slope * logit(p) + shift), Platt (1999) on the logit. Several: softmax(slope * log p), one over the
    temperature of Guo et al. (2017).
    """
    if calibration is None:
        return probability
    slope, shift = calibration
    if probability.ndim == 2:
        return softmax(slope * np.log(np.clip(probability, CLIP, 1)), axis=1)
    return expit(slope * logit(np.clip(probability, CLIP, 1 - CLIP)) + shift)


def _sigmoid(probability, target) -> tuple[float, float] | None:
    feature = logit(np.clip(probability, CLIP, 1 - CLIP)).reshape(-1, 1)
    line = LogisticRegression(C=1e6).fit(feature, target)
    slope, shift = float(line.coef_[0, 0]), float(line.intercept_[0])
    return (slope, shift) if slope > 0 else None  # else validation rows say nothing, and scores must not turn round


def _temperature(probability, target) -> tuple[float, float]:
    logs, rows = np.log(np.clip(probability, CLIP, 1)), np.arange(len(target))
    found = minimize_scalar(lambda slope: -log_softmax(slope * logs, axis=1)[rows, target].mean(), bounds=(0.05, 20))
    return float(found.x), 0.0


CALIBRATIONS = {"binary": _sigmoid, "multiclass": _temperature, "regression": lambda raw, target: None}


def _best_f1(target, score) -> float:
    precision, recall, thresholds = precision_recall_curve(target, score)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[np.argmax(f1[:-1])])


def _near(error: TypeError, knobs: params.Train, task: Task) -> str:
    asked = str(error).split("'")[-2:-1]
    known = estimator(knobs.estimator, {}, 0, task).get_params()
    if asked and asked[0] in known:
        return "; take it out of params.yaml, src/model/estimator.py sets it"
    near = get_close_matches(asked[0], known, 1) if asked else []
    return f"; did you mean '{near[0]}'?" if near else f"; known: {', '.join(sorted(known))}"
