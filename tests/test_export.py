"""From a fitted pipeline to the file that serves: the same answers, the same bytes."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from mlops.errors import CannotRun
from mlops.export import to_onnx
from mlops.onnx_model import Model
from mlops.params import Train
from mlops.pipeline.train import unfitted

COLUMNS = [
    {"name": "size", "type": "number", "categories": []},
    {"name": "kind", "type": "category", "categories": ["a", "b", "c"]},
]
OPTIONS = {"logistic": {}, "gradient_boosting": {"n_estimators": 5}}
CALIBRATION = (1.7, -0.4)


def rows(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """A matrix with missing values and unknown categories, and a target that depends on both columns."""
    random = np.random.default_rng(0)
    matrix = np.column_stack([random.normal(50, 20, count), random.integers(0, 3, count)]).astype(np.float32)
    target = (matrix[:, 0] / 20 + matrix[:, 1] + random.normal(size=count) > 3.5).astype("int8")
    matrix[random.random(count) < 0.1, 0] = np.nan
    matrix[random.random(count) < 0.1, 1] = np.nan
    return matrix, target


def fitted(estimator: str):
    """The owner's transformer and estimator, fitted."""
    return unfitted(COLUMNS, Train(estimator=estimator, **OPTIONS)).fit(*rows())


@pytest.mark.parametrize("calibration", [None, CALIBRATION], ids=["as it is", "calibrated"])
@pytest.mark.parametrize("estimator", OPTIONS)
def test_the_file_says_what_the_pipeline_says(estimator, calibration):
    """Within float32's precision, on every row, missing and unknown values too."""
    pipeline, (matrix, _) = fitted(estimator), rows()
    expected = pipeline.predict_proba(matrix)[:, 1]
    if calibration:
        expected = expit(calibration[0] * logit(expected) + calibration[1])
    score = Model(to_onnx(pipeline, COLUMNS, calibration, 0.5)).score_matrix(matrix)
    np.testing.assert_allclose(score, expected, atol=2e-6, rtol=0)


def test_the_file_carries_its_columns_and_its_threshold():
    """The service needs nothing beside it."""
    model = Model(to_onnx(fitted("logistic"), COLUMNS, None, 0.25))
    assert (COLUMNS, 0.25) == (model.columns, model.threshold)


def test_the_file_has_one_input_and_one_output():
    """X [rows, columns] and score [rows], both float32."""
    graph = onnx.load_from_string(to_onnx(fitted("logistic"), COLUMNS, CALIBRATION, 0.5)).graph
    shapes = {
        value.name: [side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert {"X": [0, 2], "score": [0]} == shapes
    assert {onnx.TensorProto.FLOAT} == {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)}


def test_the_same_fit_gives_the_same_bytes_whatever_the_hash_seed():
    """Python shuffles its sets anew in each process; the model hash must not follow."""
    code = "import test_export as t; print(t.digest('gradient_boosting'))"
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=env | {"PYTHONHASHSEED": seed}, stdout=subprocess.PIPE, text=True
        )
        for seed in "01"
    ]
    assert [digest("gradient_boosting")] * 2 == [process.communicate()[0].strip() for process in running]


def digest(estimator: str) -> str:
    """The model hash of one fit."""
    return hashlib.sha256(to_onnx(fitted(estimator), COLUMNS, CALIBRATION, 0.5)).hexdigest()


class Own(ClassifierMixin, BaseEstimator):
    """An estimator that ONNX does not know."""

    def fit(self, X, y):
        """Learn the share of positives."""
        self.classes_, self.share_ = np.unique(y), np.mean(y)
        return self

    def predict_proba(self, X):
        """Give it to every row."""
        return np.column_stack([np.full(len(X), 1 - self.share_), np.full(len(X), self.share_)])


def test_an_estimator_that_cannot_be_exported_is_refused_by_name():
    """The sentence names it, and where to choose another."""
    matrix, target = rows()
    with pytest.raises(CannotRun, match=r"ending in Own cannot be exported to ONNX .*train.estimator"):
        to_onnx(make_pipeline(Own()).fit(matrix, target), COLUMNS, None, 0.5)


def test_the_spec_is_json_in_the_files_metadata():
    """Any ONNX reader can show it."""
    file = onnx.load_from_string(
        to_onnx(make_pipeline(LogisticRegression()).fit([[0.0], [1.0]], [0, 1]), COLUMNS[:1], None, 0.5)
    )
    assert {"columns": COLUMNS[:1], "threshold": 0.5} == json.loads(file.metadata_props[0].value)
