"""How well a model's inputs stand for a protected column, though the model never reads it."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mlops.encoding import encode

ROWS = 20_000  # rows to learn from: enough to find a proxy, and a second of work
VALUES = 12  # a number of more values than these is looked at in fifths
BINS = 20  # in which one input alone is looked at


@dataclass(frozen=True)
class Proxy:
    """The group that the inputs tell best from the rest: AUC (0.5: not at all) and its standard error.

    column: the input that tells it best alone, with the AUC `alone`.
    """

    group: str
    auc: float
    se: float
    column: str = ""
    alone: float = float("nan")


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
    columns = _filled(train, columns)
    if known.nunique() < 2 or not len(test) or not columns:
        return None
    learner = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=15, early_stopping=False, random_state=0)
    seen, new = encode(train, columns), encode(test, columns)
    scores = learner.fit(seen, known).predict_proba(new)
    found = []
    for group, score in zip(learner.classes_, scores.T, strict=True):
        member = (asked == group).to_numpy()
        if min(member.sum(), (~member).sum()) >= min_rows:
            auc = float(roc_auc_score(member, score))
            found.append(Proxy(str(group), auc, auc_error(auc, int(member.sum()), int((~member).sum()))))
    best = max(found, key=lambda proxy: proxy.auc, default=None)
    return best and replace(best, **_plainest(seen, known == best.group, new, asked == best.group, columns))


def _filled(train: pd.DataFrame, columns: list[dict]) -> list[dict]:
    """Return the columns in which there is a value: the learner takes none without."""
    empty = np.isnan(encode(train, columns)).all(axis=0)
    return [column for column, nothing in zip(columns, empty, strict=True) if not nothing]


def _plainest(seen: np.ndarray, known, new: np.ndarray, asked, columns: list[dict]) -> dict:
    """Return the column that tells the members best alone, by their share in each of its bins, and its AUC."""
    from sklearn.metrics import roc_auc_score

    found = {
        column["name"]: float(roc_auc_score(asked, _shares(seen[:, i], known.to_numpy(), new[:, i], column)))
        for i, column in enumerate(columns)
    }
    name = max(found, key=found.__getitem__)
    return {"column": name, "alone": found[name]}


def _shares(seen: np.ndarray, known: np.ndarray, new: np.ndarray, column: dict) -> np.ndarray:
    """Return the share of members in the bin (or category) of each new value, among the values that were seen."""
    edges = np.arange(len(column["categories"])) if column["categories"] else _edges(seen)
    bins = [
        np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))
        for values in (seen, new)
    ]
    rows, members = (np.bincount(bins[0], weights, len(edges) + 2) for weights in (None, known))
    return ((members + known.mean()) / (rows + 1))[bins[1]]  # a bin of no rows says nothing


def _edges(values: np.ndarray) -> np.ndarray:
    known = values[~np.isnan(values)]
    return np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else known


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
