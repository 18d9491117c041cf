"""The owner's files for a table: contract, params, pipeline, source; texts in, texts out."""

import re

import yaml

from mlops.adopt.plan import Plan
from mlops.contract import Contract
from mlops.paths import CONTRACT, PARAMS, TABLE
from mlops.pipeline.deepchecks_suite import names
from mlops.yamledit import as_dvc_writes, edited

HEAD = re.compile(r"\A(#.*\n)*")
MARGINS = {  # how much worse a metric may get; of a number's error in standard deviations of the target
    "binary": {"average_precision": 0.03, "log_loss": 0.02, "brier": 0.01, "f1": 0.03},
    "multiclass": {"accuracy": 0.03, "log_loss": 0.05},
    "regression": {"mae": 0.02, "r2": 0.02},
}
PRIMARY = {"binary": ("roc_auc", 0.01), "multiclass": ("macro_f1", 0.03), "regression": ("rmse", 0.02)}
PLOTS = {
    "binary": ("roc.csv: {x: false_positive_rate, y: true_positive_rate}",),
    "multiclass": ("confusion.csv: {x: actual, y: predicted, template: confusion}",),
    "regression": (),
}
SOURCE = '''"""YOURS: where the rows come from. Nothing else of the template reads a table, a file or a database."""

import pandas as pd


def read(start: str | None, end: str | None, options: dict) -> pd.DataFrame:
    """Return the rows of the months `start`..`end` ("2024-01"), both included, with every column of data/contract.yaml.

    options: `data.options` in params.yaml: path, the table; time, the column that says when a row happened. Without it start
    and end are None, and all rows are meant. Raise ValueError with one sentence and its fix: it is shown as it is.
    """
    rows = pd.read_parquet(options["path"])
    if "time" not in options:
        return rows
    month = rows[options["time"]].dt.strftime("%Y-%m")
    return rows[month.between(start, end)]
'''
METRICS = '''"""YOURS: what a decision is worth to you, beside the metrics of the template."""

import numpy as np


def per_row(target: np.ndarray, score: np.ndarray, decision: np.ndarray) -> dict[str, np.ndarray]:
    """Return {name: one value a row}, higher is better; the mean over rows is the metric, with its interval in the report.

    All of shape [rows]. Two classes: target 0/1, score 0..1, decision 0/1. Several: target and decision the place of a class in
    data/contract.yaml, score one probability a class, [rows, classes]. A number: target and score are numbers, decision the score.
    """
    return {}
'''


class _Dumper(yaml.SafeDumper):
    """Lists in one line, everything else in lines of its own."""


_Dumper.add_representer(
    list, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)
)


def contract(made: Plan, old: str) -> str:
    """Return data/contract.yaml, under the comment that the old one begins with."""
    keys = ("version", "table", "task", "target", "positive", "id", "group", "time", "slices")
    values = {key: made.contract[key] for key in keys if made.contract.get(key) not in (None, [])}
    top = yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)
    columns = yaml.dump(
        {"columns": made.contract["columns"]}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6
    )
    return f"{HEAD.match(old)[0]}\n{top}\n{columns}"


def params(made: Plan, old: str, spread: float, estimator: str | None = None, again: bool = False) -> str:
    """Return params.yaml with the values that this table needs, everything else as it was.

    spread: the target's standard deviation, 1 where it is no number; estimator: what was chosen, None to keep the old one;
    again: whether this table was adopted before, whose rows stay in their parts.
    """
    task, rows, time = made.contract["task"], made.frame.height, made.contract["time"]
    primary, most = PRIMARY[task]
    leaf = max(3, min(50, rows // 600))
    of_error = lambda value, name: float(f"{value * (spread if name in ('rmse', 'mae') else 1):.2g}")  # noqa: E731
    boosting = {"learning_rate": 0.1, "min_samples_leaf": leaf}
    trees = {"n_estimators": 120, "max_depth": 3, **boosting, "subsample": 0.8}
    changes = {
        "data.window": _window(made, time),
        "data.options": {"path": TABLE, **({"time": time} if time else {})},
        "split.salt": yaml.safe_load(old)["split"]["salt"] if again else f"{made.contract['table']}-1",
        "split.by": "hash",
        "split.label_delay_days": 0,
        "train.estimators.linear": {} if task == "regression" else {"max_iter": 1000},
        "train.estimators.gradient_boosting": trees,
        "train.estimators.hist_gradient_boosting": {"max_iter": 120, **boosting},
        "gates.primary": primary,
        "gates.max_degradation": of_error(most, primary),
        "gates.max_total_degradation": of_error(2 * most, primary),
        "gates.margins": {name: of_error(value, name) for name, value in MARGINS[task].items()},
        "gates.floors": {},
        "gates.min_rows": max(100, min(1000, rows // 10)),
        "gates.slices": {"max_degradation": of_error(0.05, primary), "min_class_rows": 50},
        "gates.waivers": [],
        "deepchecks.gate": _gate(made, old),
        "behaviour.require": ["minimum functionality", *(["invariance"] if made.contract["slices"] else [])],
        "search.space.linear": {"alpha" if task == "regression" else "C": [0.01, 0.1, 1.0, 10.0]},
    }
    if "cut" in yaml.safe_load(old)["split"]:
        changes["split.cut"] = None
    if estimator:
        changes["train.estimator"] = estimator
    for key, value in changes.items():
        old = edited(old, key.split("."), value)
    return as_dvc_writes(old)


def _gate(made: Plan, old: str) -> list[str]:
    """Return the checks that gate, without those that mean nothing for this table."""
    parsed = Contract.model_validate(made.contract)
    known = names("hash", parsed)
    return [name for name in yaml.safe_load(old).get("deepchecks", {}).get("gate", []) if name in known]


def _window(made: Plan, time: str | None) -> dict | None:
    if time is None:
        return None
    months = made.frame[time].dt.strftime("%Y-%m")
    return {"start": months.min(), "end": months.max()}


def pipeline(made: Plan, old: str) -> str:
    """Return dvc.yaml: ingest depends on the table, and the plots are those of the task."""
    text = re.sub(r"(?m)^    # A file that src/model/source.py reads.*\n(    # .*\n)?", "", old)
    text = re.sub(
        r"(?m)^(    cmd: mlops ingest\n)(    deps:\n(      - .*\n)+)?", rf"\1    deps:\n      - {TABLE}\n", text
    )
    lines = [
        *PLOTS[made.contract["task"]],
        "calibration.csv: {x: mean_score, y: observed_rate}",
        "scores.csv: {x: score_from, y: rows, template: bar_horizontal}",
    ]
    return re.sub(r"(?ms)^plots:\n.*\Z", "plots:\n" + "".join(f"  - reports/plots/{line}\n" for line in lines), text)


def _table(contract: str) -> str:
    return yaml.safe_load(contract).get("table", "")


def texts(made: Plan, old: dict[str, str], spread: float, estimator: str | None = None) -> dict[str, str]:
    """Return {file: text} of the owner's room."""
    return {
        CONTRACT: contract(made, old[CONTRACT]),
        PARAMS: params(made, old[PARAMS], spread, estimator, again=_table(old[CONTRACT]) == made.contract["table"]),
        "dvc.yaml": pipeline(made, old["dvc.yaml"]),
        "src/model/source.py": SOURCE,
        "src/model/metrics.py": METRICS,
    }
