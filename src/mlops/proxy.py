"""How well a model's inputs stand for a protected column, though the model never reads it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlops.encoding import encode

ROWS = 20_000  # rows to learn from: enough to find a proxy, and a second of work
VALUES = 12  # a number of more values than these is looked at in fifths


@dataclass(frozen=True)
class Proxy:
    """The group that the inputs tell best from the rest: AUC (0.5: not at all) and its standard error."""

    group: str
    auc: float
    se: float


def strongest(train: pd.DataFrame, test: pd.DataFrame, name: str, columns: list[dict], min_rows: int) -> Proxy | None:
    """Return the strongest proxy for column `name`: learned on train rows, measured on test rows.

    columns: the model's inputs, see encoding.spec. A number of many values is cut into fifths. None where no group has
    `min_rows` rows, or only one group is left.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    train, test = train[train[name].notna()], test[test[name].notna()]
    train = train.sample(min(len(train), ROWS), random_state=0)  # not the first: a table may be sorted by group
    known, asked = _groups(train[name], train[name]), _groups(test[name], train[name])
    if known.nunique() < 2 or not len(test):
        return None
    learner = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=15, early_stopping=False, random_state=0)
    learner.fit(encode(train, columns), known)
    scores = learner.predict_proba(encode(test, columns))
    found = []
    for group, score in zip(learner.classes_, scores.T, strict=True):
        member = (asked == group).to_numpy()
        if min(member.sum(), (~member).sum()) >= min_rows:
            auc = float(roc_auc_score(member, score))
            found.append(Proxy(str(group), auc, auc_error(auc, int(member.sum()), int((~member).sum()))))
    return max(found, key=lambda proxy: proxy.auc, default=None)


def _groups(values: pd.Series, train: pd.Series) -> pd.Series:
    if not pd.api.types.is_numeric_dtype(train) or train.nunique() <= VALUES:
        return values.astype(str)
    fifths = np.unique(np.quantile(train.astype(float), [0.2, 0.4, 0.6, 0.8]))
    return pd.Series(np.searchsorted(fifths, values.astype(float), side="right") + 1, values.index).map(
        "fifth {}".format
    )


def auc_error(auc: float, positive: int, negative: int) -> float:
    """Return the standard error of an AUC: Hanley and McNeil, Radiology 143 (1982)."""
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (positive - 1) * (q1 - auc**2) + (negative - 1) * (q2 - auc**2)
    return float(np.sqrt(max(variance, 0.0) / (positive * negative)))
