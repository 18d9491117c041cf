"""Stage `train`: fit on the train rows, calibrate and choose the threshold on validation rows, export. Run: mlops train.

Writes models/model.onnx (what serves), models/pipeline.joblib (only for the parity check) and models/training_keys.parquet.
"""

from difflib import get_close_matches

import joblib
import numpy as np
import pandas as pd
from scipy.special import expit, logit
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
from model.estimator import SCALED, estimator
from model.features import transformer


def run(args) -> None:
    """Train the model of params.yaml on the prepared rows."""
    table, knobs = contract.read(), params.read().train
    train, validation = (read_table(PART.format(name)) for name in ("train", "validation"))
    fitted = fit(train, validation, table, knobs)
    data = to_onnx(fitted["pipeline"], spec(table), fitted["calibration"], fitted["threshold"])
    with whole(MODEL) as part:
        part.write_bytes(data)
    with whole(PIPELINE) as part:
        joblib.dump(fitted, part)
    write_table(KEYS, pd.DataFrame({"key": np.sort(keys(pd.concat([train, validation]), table))}))
    print(
        f"train: {knobs.estimator} on {len(train):,} rows, threshold {fitted['threshold']:.3f}, model {sha256(data)[:12]}"
    )


def fit(train, validation, table: contract.Contract, knobs: params.Train) -> dict:
    """Return {pipeline, calibration (a, b) or None, threshold}, fitted on train, finished on validation rows."""
    columns = spec(table)
    pipeline = unfitted(columns, knobs)
    try:
        pipeline.fit(encode(train, columns), contract.positives(train[table.target], table))
    except ValueError as error:
        reason = " ".join(str(error).split())[:300]
        raise CannotRun(f"the model of params.yaml, train.{knobs.estimator}, cannot be fitted: {reason}") from error
    target = contract.positives(validation[table.target], table)
    raw = pipeline.predict_proba(encode(validation, columns))[:, 1]
    calibration = _sigmoid(raw, target) if knobs.calibration == "sigmoid" else None
    score = calibrated(raw, calibration)
    threshold = _best_f1(target, score) if knobs.threshold == "f1" else knobs.threshold
    return {"pipeline": pipeline, "calibration": calibration, "threshold": float(np.float32(threshold))}


def unfitted(columns: list[dict], knobs: params.Train) -> Pipeline:
    """Return the owner's transformer and estimator as one pipeline; raises CannotRun for an argument unknown to either."""
    numbers = [position for position, column in enumerate(columns) if column["type"] != "category"]
    categories = {
        position: len(column["categories"]) for position, column in enumerate(columns) if column["type"] == "category"
    }
    try:
        last = estimator(knobs.estimator, dict(knobs.options), knobs.seed)
    except TypeError as error:
        raise CannotRun(f"params.yaml: train.{knobs.estimator}: {error}{_near(error, knobs)}") from None
    scale = knobs.estimator in SCALED
    return Pipeline([("features", transformer(numbers, categories, scale)), ("estimator", last)])


def calibrated(probability: np.ndarray, calibration: tuple[float, float] | None) -> np.ndarray:
    """Return sigmoid(a * logit(p) + b), Platt (1999) on the logit; p itself without a calibration."""
    if calibration is None:
        return probability
    slope, shift = calibration
    return expit(slope * logit(np.clip(probability, CLIP, 1 - CLIP)) + shift)


def _sigmoid(probability, target) -> tuple[float, float]:
    feature = logit(np.clip(probability, CLIP, 1 - CLIP)).reshape(-1, 1)
    line = LogisticRegression(C=1e6).fit(feature, target)
    return float(line.coef_[0, 0]), float(line.intercept_[0])


def _best_f1(target, score) -> float:
    precision, recall, thresholds = precision_recall_curve(target, score)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[np.argmax(f1[:-1])])


def _near(error: TypeError, knobs: params.Train) -> str:
    asked = str(error).split("'")[-2:-1]
    known = estimator(knobs.estimator, {}, 0).get_params()
    if asked and asked[0] in known:
        return "; take it out of params.yaml, src/model/estimator.py sets it"
    near = get_close_matches(asked[0], known, 1) if asked else []
    return f"; did you mean '{near[0]}'?" if near else f"; known: {', '.join(sorted(known))}"
