"""YOURS: the estimator. Add a name here, its arguments under `train` in params.yaml, and it can be chosen."""

from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

SCALED = {"logistic"}  # estimators that want numbers on one scale


def estimator(name: str, options: dict, seed: int):
    """Return an unfitted scikit-learn classifier with `predict_proba`; TypeError names an argument it does not know."""
    if name == "logistic":
        return LogisticRegression(random_state=seed, **options)
    if name == "gradient_boosting":
        return GradientBoostingClassifier(random_state=seed, **options)
    raise ValueError(f"no estimator is called '{name}'")
