"""What the labels that have come in say of a challenger: the difference in the primary metric, with its interval."""

import csv
from math import sqrt
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


def worse(rows: list[Row], labels: dict[str, str], models: tuple[str, str]) -> tuple[float, float] | None:
    """Return the 95 % interval (low, high) by which the challenger is worse than the champion in the primary metric.

    models: hashes of champion and challenger. Of a shadow, whose answers are to the same requests, the difference is paired; else
    the two arms are independent, and their variances add up. None where an arm has fewer than 50 labelled answers.
    """
    from mlops import bootstrap, metrics, params

    primary = metrics.named(params.read().gates.primary)
    known = [row for row in rows if row.row == 0 and row.request_id in labels]
    own = [row for row in known if (row.arm, row.model_hash) != ("challenger", models[0])]  # without failovers
    arms = [{row.request_id: row for row in own if row.model_hash == model} for model in models]
    both = sorted(arms[0].keys() & arms[1].keys())
    if len(both) >= FEWEST:
        arms = [{key: arm[key] for key in both} for arm in arms]
    if min(map(len, arms)) < FEWEST:
        return None
    said = [_scores(list(arm.values())) for arm in arms]
    target = [_target([labels[key] for key in arm]) for arm in arms]
    if len(both) >= FEWEST:
        found = bootstrap.paired(target[0], *said, metrics=[primary.name])[primary.name].oriented(primary)
        return -found.high, -found.low
    one, other = (
        bootstrap.single(y, scores, metrics=[primary.name])[primary.name]
        for y, scores in zip(target, said, strict=True)
    )
    delta = primary.sign * (one.value - other.value)
    return bootstrap.interval(delta, sqrt(one.se**2 + other.se**2))


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


def _target(values: list[str]):
    import numpy as np

    from mlops import contract

    table = contract.read()
    if table.task == "regression":
        return np.array([float(value) for value in values])
    return np.array([value == str(table.positive) for value in values])
