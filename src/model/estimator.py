"""YOURS: the estimator. Add a name here, its arguments under `train.estimators` in params.yaml, and it can be chosen."""

from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge

SCALED = {"linear"}  # estimators that want numbers on one scale
CLASSIFIERS = {
    "linear": LogisticRegression,
    "gradient_boosting": GradientBoostingClassifier,
    "hist_gradient_boosting": HistGradientBoostingClassifier,
}
REGRESSORS = {
    "linear": Ridge,
    "gradient_boosting": GradientBoostingRegressor,
    "hist_gradient_boosting": HistGradientBoostingRegressor,
}


def estimator(name: str, options: dict, seed: int, task: str):
    """Return an unfitted scikit-learn estimator: a classifier with `predict_proba`, or for task regression a regressor.

    TypeError names an argument that it does not know, ValueError a name that is none.
    """
    made = (REGRESSORS if task == "regression" else CLASSIFIERS).get(name)
    if made is None:
        raise ValueError(f"src/model/estimator.py makes no '{name}': it has {', '.join(CLASSIFIERS)}")
    return made(random_state=seed, **options)
