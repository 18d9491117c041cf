"""Stage `evaluate`: read the test rows, once. Run: mlops evaluate.

Writes metrics.json (committed), reports/predictions.parquet, reports/plots/*.csv for `dvc plots`, reports/model_card.md.
"""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, roc_curve

from mlops import card, contract, metrics, params, slices, task
from mlops.files import read_table, sha256, write_json, write_table, write_text
from mlops.metrics import DIGITS, PRIMARY, Scores, rounded
from mlops.onnx_model import Model
from mlops.paths import CARD, METRICS, PART, PIPELINE, PLOT, PREDICTIONS, RAW
from mlops.pipeline.train import calibrated, predicted
from mlops.split import keys
from model.metrics import per_row

SCHEMA = 1
BINS = 10


def run(args) -> None:
    """Score the test rows with the exported model and write what everything after reads."""
    table, knobs, model = contract.read(), params.read(), Model.read()
    test = read_table(PART.format("test"))
    target, score = contract.targets(test[table.target], table), model.score(test)
    said = model.said(score, per_row(target, score, model.decide(score)))
    write_table(PREDICTIONS, _predictions(test, target, said, table))
    for name, columns in plots(target, said).items():
        write_text(PLOT.format(name), pd.DataFrame(columns).round(DIGITS).to_csv(index=False))
    summary = {
        "schema": SCHEMA,
        "model_hash": model.hash,
        "data_hash": sha256(Path(RAW).read_bytes()),
        "window": knobs.data.window and knobs.data.window.model_dump(),
        "rows": {
            part: len(read_table(PART.format(part), [table.key])) for part in ("train", "validation", "test", "holdout")
        },
        "threshold": model.threshold,
        "metrics": rounded(metrics.evaluate(target, said)),
        "parity": parity(test, score, model, joblib.load(PIPELINE)),
        "slices": worst(slices.labels(test, table)[table.slices], target, said, knobs.gates.slices.min_class_rows),
    }
    write_json(METRICS, summary)
    write_text(CARD, card.render(summary, table, knobs))
    print("evaluate: " + ", ".join(f"{name} {value}" for name, value in summary["metrics"].items()))


def parity(test, score, model: Model, fitted: dict) -> dict:
    """Return how far the served scores are from the fitted pipeline's, and how many decisions differ.

    Differences of predicted numbers are in units of their standard deviation.
    """
    raw = predicted(fitted["pipeline"], test, model.columns, model.task)
    pipeline = calibrated(raw, fitted["calibration"])
    unit = task.spread(model.task, pipeline) or 1.0
    changed = 0
    if model.task != "regression":
        # a score within float32's step of the threshold is on it, in both; so are two classes as likely as each other
        top = np.sort(pipeline, axis=-1) if pipeline.ndim == 2 else pipeline
        sure = np.abs(top[:, -1] - top[:, -2] if pipeline.ndim == 2 else top - model.threshold) > 1e-6
        changed = int(((model.decide(pipeline) != model.decide(score)) & sure).sum())
    return {
        "max_difference": float(f"{np.abs(pipeline - score).max() / unit:.2g}"),
        "decisions_changed": changed,
        "rows": len(score),
    }


def worst(groups: pd.DataFrame, target, said: Scores, min_class_rows: int, count: int = 5) -> list[dict]:
    """Return the `count` crossings of the slice columns with the worst value of the task's first metric.

    groups: one column of labels a slice column; crossings with too few rows to judge are left out.
    """
    name, found = PRIMARY[said.task], slices.crossings(groups, list(groups))
    rows = [
        {"slice": title, "rows": len(at), name: round(metrics.evaluate(target[at], said.at(at), [name])[name], DIGITS)}
        for title, at in found.items()
        if slices.judged(at, target, min_class_rows, said.task)
    ]
    return sorted(rows, key=lambda row: metrics.named(name).sign * row[name])[:count]


def _predictions(test, target, said: Scores, table) -> pd.DataFrame:
    """One row a test row: its key, id, target, score (one column a class), decision and groups."""
    own = {table.id: test[table.id]} if table.id not in (None, "key") else {}
    scores = dict(zip(task.score_columns(said.classes), np.atleast_2d(said.score.round(DIGITS).T), strict=True))
    frame = pd.DataFrame({"key": keys(test, table), **own, "target": target, **scores, "decision": said.decision})
    return pd.concat([frame, slices.labels(test, table).add_prefix("slice_")], axis=1)


def plots(target, said: Scores) -> dict[str, dict]:
    """Return {plot: {column: values}}: what dvc.yaml draws."""
    stated, seen = task.stated(said.task, target, said.score)
    counts, edges = np.histogram(stated, bins=20, range=None if said.task == "regression" else (0, 1))
    found = {"scores": {"score_from": edges[:-1], "rows": counts}}
    if said.task == "binary":
        false_positive, true_positive, _ = roc_curve(target, said.score)
        kept = np.unique(np.linspace(0, len(false_positive) - 1, 200).astype(int))
        found["roc"] = {"false_positive_rate": false_positive[kept], "true_positive_rate": true_positive[kept]}
    elif said.task == "multiclass":
        names, count = np.array(said.classes), len(said.classes)
        rows = confusion_matrix(target, said.decision, labels=range(count)).ravel()
        found["confusion"] = {"actual": np.repeat(names, count), "predicted": np.tile(names, count), "rows": rows}
    if said.task == "regression":
        tenths = np.array_split(np.argsort(stated, kind="stable"), BINS)
        observed, predicted_ = ([values[rows].mean() for rows in tenths if len(rows)] for values in (seen, stated))
    else:
        observed, predicted_ = calibration_curve(seen, stated, n_bins=BINS, strategy="quantile")
    return found | {"calibration": {"mean_score": predicted_, "observed_rate": observed}}
