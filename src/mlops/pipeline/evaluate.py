"""Stage `evaluate`: read the test rows, once. Run: mlops evaluate.

Writes metrics.json (committed), reports/predictions.parquet, reports/plots/*.csv for `dvc plots`, reports/model_card.md.
"""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_auc_score, roc_curve

from mlops import card, contract, metrics, params, slices
from mlops.encoding import encode
from mlops.files import read_table, sha256, write_json, write_table, write_text
from mlops.metrics import DIGITS, rounded
from mlops.onnx_model import Model
from mlops.paths import CARD, METRICS, PART, PIPELINE, PLOT, PREDICTIONS, RAW
from mlops.pipeline.train import calibrated
from model.metrics import per_row

SCHEMA = 1


def run(args) -> None:
    """Score the test rows with the exported model and write what everything after reads."""
    table, knobs, model = contract.read(), params.read(), Model.read()
    test = read_table(PART.format("test"))
    target = contract.positives(test[table.target], table)
    score = model.score(test)
    predictions = _predictions(test, target, score, model, table)
    write_table(PREDICTIONS, predictions)
    _plots(target, score)
    summary = {
        "schema": SCHEMA,
        "model_hash": model.hash,
        "data_hash": sha256(Path(RAW).read_bytes()),
        "window": knobs.data.window.model_dump(),
        "rows": {
            part: len(read_table(PART.format(part), [table.id])) for part in ("train", "validation", "test", "holdout")
        },
        "threshold": model.threshold,
        "metrics": rounded(
            metrics.evaluate(target, score, model.threshold, per_row(target, score, score >= model.threshold))
        ),
        "parity": parity(test, score, model, joblib.load(PIPELINE)),
        "slices": worst(predictions, table, knobs.gates.slices.min_class_rows),
    }
    write_json(METRICS, summary)
    write_text(CARD, card.render(summary, table, knobs))
    print("evaluate: " + ", ".join(f"{name} {value}" for name, value in summary["metrics"].items()))


def parity(test, score, model: Model, fitted: dict) -> dict:
    """Return how far the served scores are from the fitted pipeline's, and how many decisions differ."""
    probability = fitted["pipeline"].predict_proba(encode(test, model.columns))[:, 1]
    pipeline = calibrated(probability, fitted["calibration"])
    changed = (pipeline >= model.threshold) != (score >= model.threshold)
    # a score within float32's step of the threshold is on it, in both
    changed &= np.abs(pipeline - model.threshold) > 1e-6
    return {
        "max_difference": float(f"{np.abs(pipeline - score).max():.2g}"),
        "decisions_changed": int(changed.sum()),
        "rows": len(score),
    }


def worst(predictions: pd.DataFrame, table: contract.Contract, min_class_rows: int, count: int = 5) -> list[dict]:
    """Return the `count` crossings of the slice columns with the lowest AUC, and how many were too small to judge."""
    target, score = predictions["target"].to_numpy(), predictions["score"].to_numpy()
    groups = predictions[[f"slice_{name}" for name in table.slices]].set_axis(table.slices, axis=1)
    found = slices.crossings(groups, table.slices)
    rows = [
        {
            "slice": name,
            "rows": len(at),
            "positives": int(target[at].sum()),
            "roc_auc": round(float(roc_auc_score(target[at], score[at])), DIGITS),
        }
        for name, at in found.items()
        if slices.judged(at, target, min_class_rows)
    ]
    return sorted(rows, key=lambda row: row["roc_auc"])[:count]


def _predictions(test, target, score, model, table) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            table.id: test[table.id],
            "target": target,
            "score": np.round(score, DIGITS),
            "decision": score >= model.threshold,
        }
    )
    return pd.concat([frame, slices.labels(test, table).add_prefix("slice_")], axis=1)


def _plots(target, score) -> None:
    false_positive, true_positive, _ = roc_curve(target, score)
    observed, predicted = calibration_curve(target, score, n_bins=10, strategy="quantile")
    counts, edges = np.histogram(score, bins=20, range=(0, 1))
    kept = np.unique(np.linspace(0, len(false_positive) - 1, 200).astype(int))
    _csv("roc", false_positive_rate=false_positive[kept], true_positive_rate=true_positive[kept])
    _csv("calibration", mean_score=predicted, observed_rate=observed)
    _csv("scores", score_from=edges[:-1], rows=counts)


def _csv(name, **columns) -> None:
    write_text(PLOT.format(name), pd.DataFrame(columns).round(DIGITS).to_csv(index=False))
