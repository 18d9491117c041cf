"""Which estimator a table gets: the better one of a linear model and boosted trees, cross-validated on training rows."""

import numpy as np
import polars as pl

from mlops import split
from mlops.contract import Contract
from mlops.errors import CannotRun
from mlops.metrics import named
from mlops.params import Params
from mlops.search import cross_validate

ROWS = 20_000  # looked at; and from so many rows on, trees are grown on histograms
FOLDS = 3
CLEAR = 0.01  # a linear model is taken where its error is lower by so much: trees bend where it must not be wrong
PROPER = {"binary": "log_loss", "multiclass": "log_loss", "regression": "rmse"}  # is lowest for the true probabilities


def choose(frame: pl.DataFrame, table: Contract, knobs: Params) -> tuple[str, str]:
    """Return the estimator with the lowest cross-validated error on training rows, and the sentence that says so."""
    metric, rows = PROPER[table.task], training_rows(frame, table, knobs)
    searched = knobs.search.model_copy(update={"folds": FOLDS})
    gates = knobs.gates.model_copy(update={"primary": metric})
    large = (
        frame.height > ROWS or table.task == "multiclass"
    )  # one tree a class and round: gradient_boosting is slow there
    scores, why = {}, ""
    for name in ("linear", "hist_gradient_boosting" if large else "gradient_boosting"):
        train = knobs.train.model_copy(update={"estimator": name})
        tried = knobs.model_copy(update={"train": train, "search": searched, "gates": gates})
        try:
            scores[name] = float(cross_validate({}, rows, table, tried, jobs=1).mean())
        except (CannotRun, ValueError) as error:  # of scikit-learn, where a fold has one class only
            why = str(error).split("\n")[0]
    if not scores:
        return "linear", f"estimator linear, as none could be compared on {len(rows)} training rows ({why})"
    best = min(scores, key=lambda name: scores[name] * (1 + CLEAR * (name == "linear")))
    shown = ", ".join(f"{name} {score:.4g}" for name, score in scores.items())
    return best, f"estimator {best}: {named(metric).title} {shown}, cross-validated on {len(rows):,} training rows"


def training_rows(frame: pl.DataFrame, table: Contract, knobs: Params):
    """Return at most ROWS of the rows that the split trains on, as a pandas table."""
    picked = frame.sample(min(frame.height, 2 * ROWS), seed=0).sort(table.key).to_pandas()
    train = picked[np.asarray(split.assign(picked, table, knobs.split) == "train")]
    return train.sample(min(len(train), ROWS), random_state=0).sort_index().reset_index(drop=True)
