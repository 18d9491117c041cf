"""From a fitted pipeline to the file that serves: the same answers, the same bytes."""

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from scipy.special import expit, logit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from mlops.errors import CannotRun
from mlops.export import to_onnx
from mlops.onnx_model import Model
from mlops.params import Train
from mlops.pins import PINS
from mlops.pipeline.train import unfitted
from tables import TASKS, one_thread

COLUMNS = [
    {"name": "size", "type": "number", "categories": []},
    {"name": "kind", "type": "category", "categories": ["a", "b", "c"]},
]
OPTIONS = {
    "linear": {},
    "gradient_boosting": {"n_estimators": 5},
    "hist_gradient_boosting": {"max_iter": 5, "min_samples_leaf": 5},
}
TREES = [name for name in OPTIONS if name != "linear"]
BASE = 10_000_000  # here float32 holds whole numbers alone: half-way between two there is none
CLASSES = ["low", "middle", "high"]
CALIBRATIONS = {"binary": (1.7, -0.4), "multiclass": (1.7, 0.0)}


@pytest.fixture(scope="module", autouse=True)
def _pinned():
    """On one thread."""
    with one_thread():
        yield


def rows(task: str, count: int = 600, missing: float = 0.1, base: float = 50.0) -> tuple[np.ndarray, np.ndarray]:
    """A matrix with missing values and unknown categories, and a target that depends on both columns and on what is missing."""
    random = np.random.default_rng(0)
    size, kind = random.normal(0, 20, count).round(), random.integers(0, 3, count)
    gone = random.random((count, 2)) < missing
    matrix = np.where(gone, np.nan, np.column_stack([base + size, kind])).astype(np.float32)
    cause = size / 20 + kind + gone[:, 0] + random.normal(size=count)
    target = {
        "binary": (cause > 1).astype("int8"),
        "multiclass": np.digitize(cause, [0.3, 1.8]),
        "regression": 200_000 + 50_000 * cause,
    }
    return matrix, target[task]


@cache
def fitted(estimator: str, task: str, base: float = 50.0):
    """The owner's transformer and estimator, fitted."""
    return unfitted(COLUMNS, Train(estimator=estimator, estimators=OPTIONS), task).fit(*rows(task, base=base))


def described(task: str, threshold: float = 0.5) -> dict:
    """What the file says of itself beside its columns."""
    return {"task": task, "classes": CLASSES if task == "multiclass" else [], "threshold": threshold}


def exported(pipeline, task: str, calibration=None) -> Model:
    """The model that a fitted pipeline becomes."""
    return Model(to_onnx(pipeline, COLUMNS, calibration, described(task)))


def answers(pipeline, task: str, matrix: np.ndarray, calibration=None) -> np.ndarray:
    """What scikit-learn says of the rows; numbers in units of their standard deviation, as the stage `evaluate` counts."""
    if task == "regression":
        return pipeline.predict(matrix)
    found = pipeline.predict_proba(matrix)
    if task == "multiclass":
        return softmax(calibration[0] * np.log(found), axis=1) if calibration else found
    return expit(calibration[0] * logit(found[:, 1]) + calibration[1]) if calibration else found[:, 1]


def agree(pipeline, task: str, matrix: np.ndarray, calibration=None) -> None:
    """Both say the same of every row, within float32's precision."""
    expected, score = (
        answers(pipeline, task, matrix, calibration),
        exported(pipeline, task, calibration).score_matrix(matrix),
    )
    unit = expected.std() if task == "regression" else 1.0
    assert np.dtype("float32") == score.dtype
    np.testing.assert_allclose(score / unit, expected / unit, atol=2e-6, rtol=1e-6)


def thresholds(estimator) -> np.ndarray:
    """Those at which the trees of an estimator split its first column."""
    if hasattr(estimator, "_predictors"):
        nodes = np.concatenate([tree.nodes for trees in estimator._predictors for tree in trees])
        return nodes["num_threshold"][(nodes["is_leaf"] == 0) & (nodes["feature_idx"] == 0)]
    trees = [each.tree_ for each in np.ravel(estimator.estimators_)]
    return np.concatenate([tree.threshold[tree.feature == 0] for tree in trees])


def beside(values: np.ndarray) -> np.ndarray:
    """Of each value the float32 numbers around it: the nearest, the one below and the one above."""
    near = values.astype(np.float32)
    return np.concatenate([near, *(np.nextafter(near, np.float32(end)) for end in (-np.inf, np.inf))])


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("estimator", OPTIONS)
def test_the_file_says_what_the_pipeline_says(estimator, task):
    """On every row, missing and unknown values too."""
    agree(fitted(estimator, task), task, rows(task)[0])


@pytest.mark.parametrize("task", CALIBRATIONS)
@pytest.mark.parametrize("estimator", OPTIONS)
def test_the_file_calibrates_what_the_pipeline_says(estimator, task):
    """With the same two numbers, for two classes and for several."""
    agree(fitted(estimator, task), task, rows(task)[0], CALIBRATIONS[task])


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("estimator", TREES)
def test_a_row_on_a_threshold_takes_the_same_way(estimator, task):
    """The float32 numbers at and around every threshold, of which half would be rounded to its other side."""
    pipeline = fitted(estimator, task, BASE)
    found = thresholds(pipeline.steps[-1][1])
    assert (found.astype(np.float32) > found).any()
    numbers = beside(found)
    agree(pipeline, task, np.column_stack([np.tile(numbers, 3), np.repeat([0, 1, 2], len(numbers))]).astype(np.float32))


@pytest.mark.parametrize("task", TASKS)
def test_a_threshold_is_rounded_down(task):
    """The file's own thresholds: x <= threshold holds for the same float32 x as with scikit-learn's float64."""
    pipeline = fitted("hist_gradient_boosting", task, BASE)
    graph = onnx.load_from_string(exported(pipeline, task).data).graph
    (trees,) = [node for node in graph.node if node.op_type == "TreeEnsembleRegressor"]
    kept = {entry.name: onnx.helper.get_attribute_value(entry) for entry in trees.attribute}
    splits = (np.array(kept["nodes_modes"]) == b"BRANCH_LEQ") & (np.array(kept["nodes_featureids"]) == 0)
    ours, theirs = np.array(kept["nodes_values"], np.float32)[splits], thresholds(pipeline.steps[-1][1])
    for number in beside(theirs):
        assert (number <= theirs).tolist() == (number <= ours).tolist()


@pytest.mark.parametrize("task", TASKS)
def test_missing_values_reach_trees_that_know_them(task):
    """Without an imputer before them: a missing number goes where it went in training, to either side."""
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    matrix, target = rows(task, missing=0.4)
    pipeline = make_pipeline(kind(max_iter=20, min_samples_leaf=5)).fit(matrix, target)
    nodes = np.concatenate([tree.nodes for trees in pipeline[-1]._predictors for tree in trees])
    assert {0, 1} == set(nodes["missing_go_to_left"][nodes["is_leaf"] == 0])
    agree(pipeline, task, matrix)
    agree(
        pipeline, task, np.array([[np.nan, 0], [np.nan, np.nan], [50, np.nan], [np.inf, 0], [-np.inf, 1]], np.float32)
    )


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson", "gamma"])
def test_a_regressor_of_any_loss_is_converted(loss):
    """Some predict the logarithm; the file takes it back."""
    matrix, target = rows("regression")
    pipeline = make_pipeline(HistGradientBoostingRegressor(loss=loss, max_iter=5)).fit(matrix, target.clip(1))
    agree(pipeline, "regression", matrix)


@pytest.mark.parametrize("task", TASKS)
def test_trees_that_split_by_category_are_refused(task):
    """ONNX compares with one number; the sentence names the argument."""
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    pipeline = make_pipeline(kind(max_iter=5, categorical_features=[1])).fit(*rows(task))
    expected = "HistGradientBoosting that splits by category cannot be exported: unset categorical_features"
    with pytest.raises(CannotRun, match=f"^{expected}$"):
        exported(pipeline, task)


@pytest.mark.parametrize("task", TASKS)
def test_the_file_carries_its_columns_task_classes_and_threshold(task):
    """The service needs nothing beside it; any ONNX reader can show it."""
    data = to_onnx(fitted("linear", task), COLUMNS, None, described(task, 0.25))
    model, kept = Model(data), json.loads(onnx.load_from_string(data).metadata_props[0].value)
    assert {"columns": COLUMNS, **described(task, 0.25)} == kept
    assert (COLUMNS, task, tuple(kept["classes"]), 0.25) == (model.columns, model.task, model.classes, model.threshold)


@pytest.mark.parametrize(("task", "score"), [("binary", [0]), ("multiclass", [0, 3]), ("regression", [0])])
def test_the_file_has_one_input_and_one_output(task, score):
    """X [rows, columns] and score, [rows] or for several classes [rows, classes], both float32."""
    graph = onnx.load_from_string(exported(fitted("linear", task), task, CALIBRATIONS.get(task)).data).graph
    shapes = {
        value.name: [side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert {"X": [0, 2], "score": score} == shapes
    assert {onnx.TensorProto.FLOAT} == {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("estimator", OPTIONS)
def test_any_number_of_rows_is_answered(estimator, task):
    """None, one, or many: a row's score is the one that it has among others."""
    model, (matrix, _) = exported(fitted(estimator, task), task, CALIBRATIONS.get(task)), rows(task)
    every = model.score_matrix(matrix)
    assert (0, *every.shape[1:]) == model.score_matrix(matrix[:0]).shape
    np.testing.assert_allclose(model.score_matrix(matrix[:1])[0], every[0], rtol=1e-6)


def test_the_same_fit_gives_the_same_bytes_whatever_the_hash_seed():
    """Python shuffles its sets anew in each process; the model hash must not follow."""
    code = "import test_export as t; print(*t.digests())"
    env = os.environ | PINS | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=env | {"PYTHONHASHSEED": seed}, stdout=subprocess.PIPE, text=True
        )
        for seed in "01"
    ]
    first, second = (process.communicate()[0].split() for process in running)
    assert len(OPTIONS) * len(TASKS) == len(first)
    assert first == second


def digests() -> list[str]:
    """The model hash of each fit."""
    every = [(estimator, task) for estimator in OPTIONS for task in TASKS]
    return [
        hashlib.sha256(exported(fitted(estimator, task), task, CALIBRATIONS.get(task)).data).hexdigest()
        for estimator, task in every
    ]


class Own(ClassifierMixin, BaseEstimator):
    """An estimator that ONNX does not know."""

    def fit(self, X, y):
        """Learn the share of positives."""
        self.classes_, self.share_ = np.unique(y), np.mean(y)
        return self

    def predict_proba(self, X):
        """Give it to every row."""
        return np.column_stack([np.full(len(X), 1 - self.share_), np.full(len(X), self.share_)])


class Halved(TransformerMixin, BaseEstimator):
    """A transformer that ONNX does not know."""

    def fit(self, X, y=None):
        """Learn nothing."""
        self.fitted_ = True
        return self

    def transform(self, X):
        """Halve everything, and let nothing be missing."""
        return np.nan_to_num(X) / 2


@pytest.mark.parametrize(
    ("steps", "named", "fix"),
    [
        (
            (Own(),),
            "Own",
            r"take linear, gradient_boosting or hist_gradient_boosting \(train.estimator in params.yaml\)",
        ),
        ((Halved(), LogisticRegression()), "Halved", "take another in src/model/features.py"),
        (
            (ColumnTransformer([("half", make_pipeline(Halved()), [0, 1])]), LogisticRegression()),
            "Halved",
            "take another in src/model/features.py",
        ),
    ],
    ids=["the estimator", "a transformer", "a transformer inside another"],
)
def test_a_step_that_cannot_be_exported_is_refused_by_name(steps, named, fix):
    """One sentence names the step, and where to choose another."""
    with pytest.raises(CannotRun, match=rf"^step {named} of the pipeline cannot be exported to ONNX \(.*\): {fix}, or"):
        exported(make_pipeline(*steps).fit(*rows("binary")), "binary")


@pytest.mark.parametrize(
    ("task", "step"), [("binary", LogisticRegression()), ("regression", LinearRegression())], ids=["classes", "numbers"]
)
def test_another_estimator_that_onnx_knows_is_exported(task, step):
    """The owner may take what scikit-learn has."""
    matrix, target = rows(task, missing=0)
    agree(make_pipeline(step).fit(matrix, target), task, matrix)
