"""The metrics: what each is called, which way is better, and its value for one model on one set of rows.

A metric has two forms that a test holds against each other: `value`, by scikit-learn, on all rows; and for the bootstrap
`columns`, numbers a row whose sums over any resample give its value by `combine`. Two that rank have no such columns.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)

from mlops.errors import CannotRun
from mlops.task import Task, decide

Rows = Mapping[str, np.ndarray]
DIGITS = 6  # further digits differ between machines and mean nothing on some thousand rows
TINY = np.finfo(float).eps  # the least probability in scikit-learn's log loss, too
SUM = 1e-4  # the probabilities of all classes add up to 1 within this


@dataclass(frozen=True)
class Scores:
    """What one model said: its score a row (see mlops.task), the owner's values a row, each of shape [rows]; its threshold.

    classes: the names of several classes, in the order of the score's columns.
    """

    score: np.ndarray
    threshold: float = 0.5
    extra: Rows = field(default_factory=dict)
    task: Task = "binary"
    classes: tuple[str, ...] = ()

    def at(self, rows: np.ndarray) -> "Scores":
        """Return the same of some rows."""
        extra = {name: np.asarray(values)[rows] for name, values in self.extra.items()}
        return Scores(self.score[rows], self.threshold, extra, self.task, self.classes)

    @property
    def decision(self) -> np.ndarray:
        """The decision of each row, shape [rows]."""
        return decide(self.task, self.score, self.threshold)


@dataclass(frozen=True)
class Metric:
    """One metric. `value` and `columns` take target and Scores of n rows; `columns` gives [rows, m], `combine` takes [m, ...].

    ranks: it has no columns, see mlops.bootstrap. both: it needs both classes and is NaN without.
    """

    name: str
    title: str
    better: str  # "higher" or "lower"
    value: Callable[[np.ndarray, Scores], float] | None = None
    columns: Callable[[np.ndarray, Scores], list[np.ndarray]] | None = None
    combine: Callable[[np.ndarray], np.ndarray] | None = None
    ranks: bool = False
    both: bool = False

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1."""
        return 1 if self.better == "higher" else -1


def _mean(sums: np.ndarray) -> np.ndarray:
    return sums[1] / sums[0]


def _rows(per_row: Callable) -> Callable:
    """The columns of a mean: rows, and the values a row."""
    return lambda y, said: [np.ones(len(y)), per_row(y, said)]


def _told(y: np.ndarray, said: Scores) -> np.ndarray:
    """The probability that was given to what happened, [rows]."""
    return np.where(y == 1, said.score, 1 - said.score) if said.score.ndim == 1 else said.score[np.arange(len(y)), y]


def _log_loss_rows(y: np.ndarray, said: Scores) -> np.ndarray:
    return -np.log(np.maximum(_told(y, said), TINY))


def _by_class(y: np.ndarray, said: Scores) -> list[np.ndarray]:
    """Rows of each class, rows decided to be of it, and rows of both, [3 k]."""
    every, decision = range(len(said.classes)), said.decision
    is_, called = [y == i for i in every], [decision == i for i in every]
    return [*is_, *called, *(a & b for a, b in zip(is_, called, strict=True))]


def _macro_f1(sums: np.ndarray) -> np.ndarray:
    positive, called, hits = sums.reshape(3, -1, *sums.shape[1:])
    f1 = np.divide(2 * hits, positive + called, out=np.full(hits.shape, np.nan), where=positive + called > 0)
    return np.nanmean(f1, axis=0)  # a class of no rows, which none was decided to be, counts for nothing


def _r2_columns(y: np.ndarray, said: Scores) -> list[np.ndarray]:
    centred = y - y.mean()  # the same spread, without the digits that a large mean takes away
    return [np.ones(len(y)), centred, centred**2, (y - said.score) ** 2]


def _r2(sums: np.ndarray) -> np.ndarray:
    spread = sums[2] - sums[1] ** 2 / sums[0]
    return 1 - sums[3] / np.where(
        spread > TINY * sums[0] * sums[2], spread, np.nan
    )  # less is what rounding leaves of 0


_BINARY = (
    Metric("roc_auc", "ROC AUC", "higher", lambda y, s: roc_auc_score(y, s.score), ranks=True, both=True),
    Metric(
        "average_precision", "Average precision", "higher",
        lambda y, s: average_precision_score(y, s.score), ranks=True, both=True,
    ),
    Metric("log_loss", "Log loss", "lower", lambda y, s: log_loss(y, s.score, labels=[0, 1]), _rows(_log_loss_rows), _mean),
    Metric(
        "brier", "Brier score", "lower",
        lambda y, s: brier_score_loss(y, s.score, pos_label=1), _rows(lambda y, s: (s.score - y) ** 2), _mean,
    ),
    Metric(
        "f1", "F1 at the threshold", "higher", lambda y, s: f1_score(y, s.decision),
        lambda y, s: [y, s.decision, s.decision & (y == 1)], lambda sums: 2 * sums[2] / (sums[0] + sums[1]), both=True,
    ),
)  # fmt: skip
_MULTICLASS = (
    Metric(
        "macro_f1", "Macro F1", "higher",
        lambda y, s: f1_score(y, s.decision, average="macro"), _by_class, _macro_f1,
    ),
    Metric(
        "accuracy", "Accuracy", "higher",
        lambda y, s: accuracy_score(y, s.decision), _rows(lambda y, s: s.decision == y), _mean,
    ),
    Metric(
        "log_loss", "Log loss", "lower",
        lambda y, s: log_loss(y, s.score, labels=range(len(s.classes))), _rows(_log_loss_rows), _mean,
    ),
)  # fmt: skip
_REGRESSION = (
    Metric(
        "rmse", "RMSE", "lower", lambda y, s: root_mean_squared_error(y, s.score),
        _rows(lambda y, s: (y - s.score) ** 2), lambda sums: np.sqrt(_mean(sums)),
    ),
    Metric("mae", "MAE", "lower", lambda y, s: mean_absolute_error(y, s.score), _rows(lambda y, s: abs(y - s.score)), _mean),
    Metric(
        "r2", "R²", "higher", lambda y, s: r2_score(y, s.score) if np.ptp(y) else np.nan, _r2_columns, _r2,
    ),
)  # fmt: skip
TASKS: dict[str, tuple[Metric, ...]] = {"binary": _BINARY, "multiclass": _MULTICLASS, "regression": _REGRESSION}
METRICS: dict[str, Metric] = {metric.name: metric for table in TASKS.values() for metric in table}
PRIMARY = {task: table[0].name for task, table in TASKS.items()}  # what decides where params.yaml names none


def _recall(place: int, name: str) -> Metric:
    return Metric(
        f"recall_{name}", f"Recall of {name}", "higher",
        lambda y, s: recall_score(y, s.decision, labels=[place], average="macro") if (y == place).any() else np.nan,
        lambda y, s: [y == place, (y == place) & (s.decision == place)], _mean,
    )  # fmt: skip


def named(name: str) -> Metric:
    """Return the metric of any task, or the owner's: a mean over rows where higher is better, so a cost is negative."""
    if name.startswith("recall_"):
        return _recall(0, name.removeprefix("recall_"))
    return METRICS.get(name) or Metric(name, name.replace("_", " ").capitalize(), "higher")


def of(said: Scores) -> dict[str, Metric]:
    """Return the metrics that a model's answers have: its task's, each class's recall, the owner's."""
    owners = {
        name: Metric(name, named(name).title, "higher", columns=_owners_columns(name), combine=_mean)
        for name in said.extra
    }
    recalls = [_recall(place, name) for place, name in enumerate(said.classes)]
    return {metric.name: metric for metric in (*TASKS[said.task], *recalls)} | owners


def _owners_columns(name: str) -> Callable:
    return lambda y, said: [np.ones(len(y)), said.extra[name]]


def chosen(said: Scores, metrics: Iterable[str] | None = None) -> list[Metric]:
    """Return the metrics asked for, for None all that there are; raises CannotRun on an unknown name."""
    known = of(said)
    for name in metrics or ():
        if name not in known:
            raise CannotRun(f"metric `{name}` is not known for task {said.task}: choose from {', '.join(known)}")
    return [known[name] for name in (known if metrics is None else metrics)]


def checked(target, said: Scores) -> tuple[np.ndarray, Scores]:
    """Return target [rows] and Scores as the metrics take them: int8, intp or float64, and float64.

    Raises CannotRun where there are no rows, lengths differ, target or score are not of the task, a score is missing or no
    probability, the threshold is no number, or an owner's metric misses a row or has a name of the table.
    """
    target = np.asarray(target)
    if target.ndim != 1 or not len(target):
        raise CannotRun(f"the target has shape {target.shape}: metrics need one column with at least one row")
    if said.task == "binary" and (said.threshold is None or not np.isfinite(said.threshold)):
        raise CannotRun(f"the threshold is {said.threshold}: it must be a number, see `train.threshold` in params.yaml")
    shape = (len(target), len(said.classes)) if said.task == "multiclass" else (len(target),)
    score = _numbers("score", said.score, shape)
    if said.task != "regression":
        _refuse((score < 0) | (score > 1), "scores are outside 0 to 1: let the model return probabilities")
    if said.task == "multiclass":
        total = score.sum(axis=1, keepdims=True)
        _refuse(abs(total - 1) > SUM, "rows have scores that do not add up to 1: let the model return probabilities")
        score = score / total  # those of float32 add up to 1 within 1e-7, of which scikit-learn warns
    extra = {name: _owners(name, values, len(target)) for name, values in said.extra.items()}
    return _target(target, said), Scores(score, said.threshold, extra, said.task, said.classes)


def _target(target: np.ndarray, said: Scores) -> np.ndarray:
    if said.task == "regression":
        return _numbers("the target", target, target.shape)
    if said.task == "binary":
        _refuse(~np.isin(target, (0, 1)), "target values are neither 0 nor 1: encode the positive class as 1")
        return target.astype(np.int8)
    _refuse(
        ~np.isin(target, range(len(said.classes))), f"target values are no place of the {len(said.classes)} classes"
    )
    return target.astype(np.intp)


def _owners(name: str, values, rows: int) -> np.ndarray:
    if name in METRICS or name.startswith("recall_"):
        raise CannotRun(f"src/model/metrics.py returns `{name}`, a name of the built-in metrics: choose another")
    return _numbers(f"`{name}` of src/model/metrics.py", values, (rows,))


def _numbers(name: str, values, shape: tuple[int, ...]) -> np.ndarray:
    try:
        values = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise CannotRun(f"{name} holds values that are no numbers: give a number for every row") from None
    if values.shape != shape:
        each = "one value" if len(shape) == 1 else f"{shape[1]} values, one a class,"
        raise CannotRun(f"{name} has shape {values.shape} but the target has {shape[0]} rows: give {each} a row")
    _refuse(~np.isfinite(values), f"values of {name} are NaN or infinite: give a number for every row")
    return values


def _refuse(bad: np.ndarray, what: str) -> None:
    if bad.any():
        raise CannotRun(f"{bad.sum()} of {bad.size} {what}")


def evaluate(target, said: Scores, metrics=None) -> dict[str, float]:
    """Return each metric's value, by scikit-learn: {name: value}; `metrics` limits which.

    target and said: see mlops.task. Metrics that need both classes are NaN where there is one. Raises CannotRun as `checked`
    and `chosen` do.
    """
    target, said = checked(target, said)
    return {metric.name: _value(metric, target, said) for metric in chosen(said, metrics)}


def _value(metric: Metric, target: np.ndarray, said: Scores) -> float:
    if metric.name in said.extra:
        return float(said.extra[metric.name].mean())
    if metric.both and target.min() == target.max():
        return float("nan")
    return float(metric.value(target, said))


def rounded(values: Mapping[str, float]) -> dict[str, float | None]:
    """Return metric values as metrics.json keeps them; what is not a number becomes null, which no gate passes."""
    return {name: round(float(value), DIGITS) if np.isfinite(value) else None for name, value in values.items()}
