"""Columns that know the answer: one of them alone tells the target almost perfectly, which seldom holds in production."""

import numpy as np
import pandas as pd

ALMOST = 0.995
ROWS = 5_000  # enough to tell, and a moment of work
FOLDS = 3
CLASS_ROWS = 100  # of every class, however many there are
LEAVES = 64


def suspects(frame: pd.DataFrame, names: list[str], target: np.ndarray, task: str) -> dict[str, float]:
    """Return {column: score} of the columns whose values alone give a cross-validated score of at least ALMOST.

    Score: ROC AUC for two classes, accuracy above that of the largest class for several, for a number R², of its values or its
    ranks; of a small tree on one column. target: see mlops.task, shape [rows]; each class may be sampled for itself.
    """
    picked = _picked(target, task)
    frame, target = frame.iloc[picked], target[picked]
    if task != "regression":
        target = np.unique(target, return_inverse=True)[1]
    if len(np.unique(target)) < 2:
        return {}
    scores = {name: _score(_codes(frame[name]), target, task) for name in names}
    return {name: round(float(score), 4) for name, score in scores.items() if score >= ALMOST}


def unseen(target: np.ndarray, task: str) -> list[int]:
    """Return the classes with too few rows for `suspects` to look at: what tells them apart may be there and is not found."""
    if task == "regression":
        return []
    rows = np.bincount(target, minlength=2)
    return np.flatnonzero(rows < FOLDS).tolist()


def _picked(target: np.ndarray, task: str) -> np.ndarray:
    """Return places of at most about ROWS rows in random order: the rarer a class, the more of its rows; none of one in `unseen`."""
    places = np.random.default_rng(0).permutation(len(target))
    if task == "regression":
        return places[:ROWS]
    rows = np.bincount(target)
    most = max(CLASS_ROWS, ROWS // len(rows))
    order = pd.Series(target[places]).groupby(target[places]).cumcount().to_numpy()
    return places[(order < most) & (rows[target[places]] >= FOLDS)]


def _score(codes: np.ndarray, target: np.ndarray, task: str) -> float:
    from scipy.stats import rankdata
    from sklearn.metrics import accuracy_score, r2_score, roc_auc_score
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if task == "regression":
        tree = DecisionTreeRegressor(min_samples_leaf=3, random_state=0)
        ranks = rankdata(target, method="dense")  # many equal targets weigh as one
        return max(r2_score(y, cross_val_predict(tree, codes, y, cv=KFold(FOLDS))) for y in (target, ranks))
    classes = target.max() + 1
    tree = DecisionTreeClassifier(max_leaf_nodes=max(LEAVES, 2 * classes), random_state=0)
    said = cross_val_predict(tree, codes, target, cv=StratifiedKFold(FOLDS), method="predict_proba")
    if task == "binary":
        return roc_auc_score(target, said[:, 1])
    largest = np.bincount(target).max() / len(target)
    return (accuracy_score(target, said.argmax(axis=1)) - largest) / (1 - largest)


def _codes(values: pd.Series) -> np.ndarray:
    """One number a row, [rows, 1]; words by the alphabet, whatever the rows' order tells; missing as a number of its own."""
    if pd.api.types.is_numeric_dtype(values) and values.dtype != bool:
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        return np.nan_to_num(numbers, nan=np.nanmin(numbers) - 1 if np.isfinite(numbers).any() else 0.0)[:, None]
    return pd.factorize(values.astype(str), sort=True)[0][:, None].astype(float)
