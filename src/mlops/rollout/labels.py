"""What the labels that have come in say of a challenger: the difference in the primary metric, with its interval."""

import csv
from math import nan, sqrt
from pathlib import Path

from mlops.errors import CannotRun
from mlops.rollout.prediction_log import Row

FEWEST = 50  # labelled answers of an arm


def read(path: str) -> dict[str, str]:
    """Return {request id: label} of a CSV file with the columns request_id and label; raises CannotRun where it is none."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            return {row["request_id"]: row["label"] for row in csv.DictReader(file)}
    except (OSError, KeyError, UnicodeDecodeError, csv.Error):
        raise CannotRun(
            f"{path} is no CSV file with the columns request_id and label: name one with --labels"
        ) from None


def worse(rows: list[Row], labels: dict[str, str], models: tuple[str, str]) -> tuple[float, float]:
    """Return the 95 % interval (low, high) by which the challenger is worse than the champion in the primary metric.

    models: hashes of champion and challenger. Of a shadow, whose answers are to the same requests, the difference is paired; else
    the two arms are independent, and their variances add up. NaN where an arm has fewer than 50 labelled answers, or one class
    alone. Raises CannotRun where a label is none of the contract's.
    """
    from mlops import bootstrap, metrics, params

    known = [row for row in rows if row.row == 0 and row.request_id in labels]
    own = [row for row in known if (row.arm, row.model_hash) != ("challenger", models[0])]  # without failovers
    arms = [{row.request_id: row for row in own if row.model_hash == model} for model in models]
    both = sorted(arms[0].keys() & arms[1].keys())
    if len(both) >= FEWEST:
        arms = [{key: arm[key] for key in both} for arm in arms]
    targets = _targets([[labels[key] for key in arm] for arm in arms])
    if min(map(len, arms)) < FEWEST:
        return nan, nan
    primary = metrics.named(params.read().gates.primary)
    said = [_scores(list(arm.values())) for arm in arms]
    if len(both) >= FEWEST:
        found = bootstrap.paired(targets[0], *said, metrics=[primary.name])[primary.name].oriented(primary)
        return -found.high, -found.low
    one, other = (
        bootstrap.single(y, scores, metrics=[primary.name])[primary.name]
        for y, scores in zip(targets, said, strict=True)
    )
    return bootstrap.interval(primary.sign * (one.value - other.value), sqrt(one.se**2 + other.se**2))


def _scores(rows: list[Row]):
    """Return what a model said; its threshold is where its decisions turn."""
    import numpy as np

    from mlops import contract, metrics

    table = contract.read()
    if table.task == "multiclass":
        raise CannotRun("labels of several classes cannot be judged from the prediction log: leave --labels out")
    score = np.array([row.score for row in rows])
    chosen = [row.score for row in rows if row.decision is True]
    return metrics.Scores(score, min(chosen, default=1.0), task=table.task)


def _targets(arms: list[list[str]]) -> list:
    """Return the labels of each arm as the metrics take them."""
    import numpy as np

    from mlops import contract

    table = contract.read()
    number = table.task == "regression" or not isinstance(table.positive, str)
    try:  # 1, 1.0 and True are one number; texts are compared as they are
        values = [[_number(each) if number else each for each in arm] for arm in arms]
    except ValueError as error:
        raise CannotRun(f"labels: {error} is no value of {table.target}: correct the file of --labels") from None
    if table.task == "regression":
        return [np.array(arm) for arm in values]
    positive, found = float(table.positive) if number else table.positive, {each for arm in values for each in arm}
    if "" in found or len(found | {positive}) > 2:
        told = ", ".join(map(repr, sorted(map(str, found))[:4]))
        raise CannotRun(f"labels hold {told}: of {table.target} they should be {positive!r} and one other value")
    return [np.array([each == positive for each in arm]) for arm in values]


def _number(text: str) -> float:
    known = {"true": 1.0, "false": 0.0}.get(text.strip().lower())
    return float(text) if known is None else known
