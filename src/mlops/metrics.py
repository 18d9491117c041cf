"""The metrics table: what each is called, which way is better, and its value for one model on one set of rows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, log_loss, roc_auc_score

from mlops.errors import CannotRun

Rows = Mapping[str, np.ndarray]
DIGITS = 6  # further digits differ between machines and mean nothing on some thousand rows


@dataclass(frozen=True)
class Metric:
    """One metric. `value` takes target (0 or 1), score (0 to 1) and decision (bool), each of shape [rows].

    `needs` is what its bootstrap is made of: "ranks" (order of the scores) and "decisions" (score >= threshold)
    need both classes and are NaN without; "rows" is the mean of `per_row(target, score)`.
    """

    name: str
    title: str
    better: str  # "higher" or "lower"
    needs: str
    value: Callable[[np.ndarray, np.ndarray, np.ndarray], float] | None = None
    per_row: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    tasks: tuple[str, ...] = ("binary",)

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1."""
        return 1 if self.better == "higher" else -1


def log_loss_rows(target: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Return -ln of the probability given to what happened, clipped as scikit-learn clips it, shape [rows]."""
    tiny = np.finfo(float).eps
    return -np.log(np.clip(np.where(target == 1, score, 1 - score), tiny, 1 - tiny))


def brier_rows(target: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Return the squared error of the score, shape [rows]."""
    return (score - target) ** 2


_TABLE = (
    Metric("roc_auc", "ROC AUC", "higher", "ranks", lambda y, s, d: roc_auc_score(y, s)),
    Metric("average_precision", "Average precision", "higher", "ranks", lambda y, s, d: average_precision_score(y, s)),
    Metric("log_loss", "Log loss", "lower", "rows", lambda y, s, d: log_loss(y, s, labels=[0, 1]), log_loss_rows),
    Metric("brier", "Brier score", "lower", "rows", lambda y, s, d: brier_score_loss(y, s, pos_label=1), brier_rows),
    Metric("f1", "F1 at the threshold", "higher", "decisions", lambda y, s, d: f1_score(y, d)),
)
METRICS: dict[str, Metric] = {metric.name: metric for metric in _TABLE}


def named(name: str) -> Metric:
    """Return the table's metric, or the owner's: a mean over rows where higher is better, so a cost is negative."""
    return METRICS.get(name) or Metric(name, name.replace("_", " ").capitalize(), "higher", "rows")


def chosen(metrics: Iterable[str] | None, extra: Rows | None, task: str = "binary") -> list[Metric]:
    """Return the metrics asked for, for None the task's and the owner's; raises CannotRun on an unknown name."""
    known = [name for name, metric in METRICS.items() if task in metric.tasks] + list(extra or {})
    wanted = known if metrics is None else list(metrics)
    for name in wanted:
        if name not in known:
            raise CannotRun(f"metric `{name}` is not known: choose from {', '.join(known)}")
    return [named(name) for name in wanted]


def checked(target, score, threshold: float, extra: Rows | None = None) -> tuple[np.ndarray, np.ndarray, Rows]:
    """Return target (int8), score (float64) and the owner's rows (float64), each of shape [rows].

    Raises CannotRun where there are no rows, lengths differ, the target is not 0 and 1, a score is missing or no
    probability, the threshold is no number, or an owner's metric misses a row or has a name of the table.
    """
    target = np.asarray(target)
    if target.ndim != 1 or not len(target):
        raise CannotRun(f"the target has shape {target.shape}: metrics need one column with at least one row")
    _refuse(~np.isin(target, (0, 1)), "target values are neither 0 nor 1: encode the positive class as 1")
    score = _column("score", score, len(target))
    _refuse((score < 0) | (score > 1), "scores are outside 0 to 1: let the model return probabilities")
    if threshold is None or not np.isfinite(threshold):
        raise CannotRun(f"the threshold is {threshold}: it must be a number, see `train.threshold` in params.yaml")
    rows = {name: _owners(name, values, len(target)) for name, values in (extra or {}).items()}
    return target.astype(np.int8), score, rows


def _owners(name: str, values, rows: int) -> np.ndarray:
    if name in METRICS:
        raise CannotRun(f"src/model/metrics.py returns `{name}`, a name of the built-in metrics: choose another")
    return _column(f"`{name}` of src/model/metrics.py", values, rows)


def _column(name: str, values, rows: int) -> np.ndarray:
    try:
        values = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise CannotRun(f"{name} holds values that are no numbers: give a number for every row") from None
    if values.shape != (rows,):
        raise CannotRun(f"{name} has shape {values.shape} but the target has {rows} rows: give one value a row")
    _refuse(~np.isfinite(values), f"values of {name} are NaN or infinite: give a number for every row")
    return values


def _refuse(bad: np.ndarray, what: str) -> None:
    if bad.any():
        raise CannotRun(f"{bad.sum()} of {len(bad)} {what}")


def evaluate(target, score, threshold: float, extra: Rows | None = None, metrics=None) -> dict[str, float]:
    """Return each metric's value, by scikit-learn: {name: value}; `metrics` limits which.

    target: 0 or 1, score: 0 to 1, extra: the owner's value a row, all of shape [rows]; a row is positive from
    `threshold` on (score >= threshold, as float64). Metrics that need both classes are NaN where there is one.
    Raises CannotRun as `checked` and `chosen` do.
    """
    target, score, extra = checked(target, score, threshold, extra)
    return {metric.name: _value(metric, target, score, threshold, extra) for metric in chosen(metrics, extra)}


def _value(metric: Metric, target: np.ndarray, score: np.ndarray, threshold: float, extra: Rows) -> float:
    if metric.name in extra:
        return float(extra[metric.name].mean())
    if metric.needs != "rows" and target.min() == target.max():
        return float("nan")
    return float(metric.value(target, score, score >= threshold))


def rounded(values: Mapping[str, float]) -> dict[str, float | None]:
    """Return metric values as metrics.json keeps them; what is not a number becomes null, which no gate passes."""
    return {name: round(float(value), DIGITS) if np.isfinite(value) else None for name, value in values.items()}
