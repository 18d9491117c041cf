"""YOURS: what happens to the columns before the estimator sees them.

A model gets one float32 matrix: numbers as they are (missing: NaN), categories as the index of their value in
data/contract.yaml (missing or unknown: NaN).
"""

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def transformer(numbers: list[int], categories: dict[int, int], scale: bool) -> ColumnTransformer:
    """Return an unfitted transformer of the matrix.

    numbers: positions of number columns. categories: position -> how many values. scale: the estimator wants one scale;
    trees do not, and a scaler before trees moves thresholds between float64 and float32.
    """
    # a column without any value stays: ONNX has no conversion for an imputer that drops it
    median = SimpleImputer(strategy="median", keep_empty_features=True)
    number = make_pipeline(median, *([StandardScaler()] if scale else []))
    known = [[float(code) for code in range(count)] for count in categories.values()]
    category = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=-1.0, keep_empty_features=True),
        OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=False),
    )
    return ColumnTransformer([("number", number, numbers), ("category", category, list(categories))])
