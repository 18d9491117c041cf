"""Columns that know the answer: one of them alone tells the target almost perfectly, which seldom holds in production."""

import numpy as np
import pandas as pd

ALMOST = 0.995
ROWS = 5_000  # enough to tell, and a moment of work
FOLDS = 3


def suspects(frame: pd.DataFrame, names: list[str], target: np.ndarray, task: str) -> dict[str, float]:
    """Return {column: score} of the columns whose values alone give a cross-validated score of at least ALMOST.

    Score: ROC AUC for two classes, accuracy above that of the largest class for several, R² for a number; of a small tree on
    one column. target: see mlops.task, shape [rows].
    """
    picked = np.random.default_rng(0).permutation(len(frame))[:ROWS]
    frame, target = frame.iloc[picked], target[picked]
    if task == "multiclass":  # a class too rare to be in each fold says nothing here
        known = np.bincount(target, minlength=target.max() + 1)[target] >= FOLDS
        frame, target = frame[known], np.unique(target[known], return_inverse=True)[1]
    scores = {name: _score(frame[name], target, task) for name in names}
    return {name: round(score, 4) for name, score in scores.items() if score >= ALMOST}


def _score(values: pd.Series, target: np.ndarray, task: str) -> float:
    from sklearn.metrics import accuracy_score, r2_score, roc_auc_score
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    codes = _codes(values)
    if task == "regression":
        said = np.empty(len(target))
        for fit, judge in KFold(FOLDS).split(codes):
            said[judge] = (
                DecisionTreeRegressor(min_samples_leaf=3, random_state=0)
                .fit(codes[fit], target[fit])
                .predict(codes[judge])
            )
        return r2_score(target, said)
    said = np.empty((len(target), len(np.unique(target))))
    if np.bincount(target).min() < FOLDS:
        return 0.0
    for fit, judge in StratifiedKFold(FOLDS).split(codes, target):
        tree = DecisionTreeClassifier(max_leaf_nodes=64, random_state=0).fit(codes[fit], target[fit])
        said[judge] = tree.predict_proba(codes[judge])
    if task == "binary":
        return roc_auc_score(target, said[:, 1])
    largest = np.bincount(target).max() / len(target)
    return (accuracy_score(target, said.argmax(axis=1)) - largest) / (1 - largest)


def _codes(values: pd.Series) -> np.ndarray:
    """One number a row, [rows, 1]; words by how often they occur, missing as a number of its own."""
    if pd.api.types.is_numeric_dtype(values) and values.dtype != bool:
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        return np.nan_to_num(numbers, nan=np.nanmin(numbers) - 1 if np.isfinite(numbers).any() else 0.0)[:, None]
    return pd.factorize(values.astype(str))[0][:, None].astype(float)
