"""Stage `train`: the same rows give the same bytes, test rows stay unseen, and what is exported is what was fitted."""

import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score, log_loss
from sklearn.preprocessing import FunctionTransformer

from mlops import contract
from mlops.encoding import encode, spec
from mlops.errors import CannotRun
from mlops.export import to_onnx
from mlops.files import read_table
from mlops.onnx_model import Model
from mlops.paths import KEYS, MODEL, PART, PIPELINE
from mlops.pipeline import train
from mlops.pipeline.train import calibrated, fit
from mlops.split import keys
from tables import Folder, applications

ESTIMATORS = ("logistic", "gradient_boosting")
OVERFITTED = {"train.gradient_boosting": {"n_estimators": 60, "learning_rate": 0.5, "max_depth": 4}}


def made(folder: Folder, **knobs):
    """Fit on the folder's train rows with changed knobs; return the fit, its exported model and the parts."""
    parts, table = folder.parts(), folder.table
    found = fit(parts["train"], parts["validation"], table, folder.knobs.train.model_copy(update=knobs))
    return found, Model(to_onnx(found["pipeline"], spec(table), found["calibration"], found["threshold"])), parts


def files(folder: Folder) -> dict[str, bytes]:
    """What the stage wrote."""
    return {path: (folder.path / path).read_bytes() for path in (MODEL, PIPELINE, KEYS)}


def matrix(folder: Folder, rows: int = 5000) -> np.ndarray:
    """Random inputs over the whole range of every feature, a fifth of them missing."""
    random, columns = np.random.default_rng(0), folder.table.features.values()
    found = np.column_stack(
        [
            random.integers(len(column.categories), size=rows)
            if column.categories
            else random.uniform(column.min, column.max, rows)
            for column in columns
        ]
    ).astype(np.float32)
    found[random.random(found.shape) < 0.2] = np.nan
    return found


def pipeline_score(found: dict, inputs: np.ndarray) -> np.ndarray:
    """The score of the fitted pipeline, before any export."""
    return calibrated(found["pipeline"].predict_proba(inputs)[:, 1], found["calibration"])


def test_writes_the_model_the_pipeline_and_the_keys(trained):
    """The model file knows its columns and threshold, which are those of the fitted pipeline."""
    model, fitted = Model.read(), joblib.load(PIPELINE)
    assert list(trained.table.features) == [column["name"] for column in model.columns]
    assert fitted["threshold"] == model.threshold
    assert {"pipeline", "calibration", "threshold"} == set(fitted)


def test_training_keys_are_those_of_train_and_validation_rows(trained):
    """Whoever was fitted or calibrated on is listed by a hash that names nobody, sorted, and nobody else."""
    parts = trained.parts()
    seen = pd.concat([parts["train"], parts["validation"]])
    found = read_table(KEYS)
    assert ["key"] == list(found)
    assert sorted(keys(seen, trained.table)) == list(found["key"])
    assert not set(seen["application_id"]) & set(found["key"])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_equal_rows_give_equal_bytes(trained, estimator):
    """Model, pipeline and keys of a second run are equal byte for byte."""
    trained.set_params({"train.estimator": estimator})
    first = files(trained.run("train"))
    assert first == files(trained.run("train"))


@pytest.mark.slow
def test_two_processes_give_the_same_bytes(trained):
    """Nor does the hash seed of the process leave a trace."""
    copies = []
    for seed in ("1", "2"):
        env = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-m", "mlops", "train"], env=env, check=True, capture_output=True)
        copies.append(files(trained))
    assert copies[0] == copies[1]


def test_test_rows_are_never_seen(trained):
    """Training works, and gives the same bytes, where test rows, holdout and raw table are not there."""
    first = Path(MODEL).read_bytes()
    for name in (PART.format("test"), PART.format("holdout"), "data/raw.parquet"):
        Path(name).unlink()
    trained.run("train")
    assert first == Path(MODEL).read_bytes()


def test_validation_rows_do_not_move_the_fit(trained):
    """They set calibration and threshold alone."""
    parts, knobs = trained.parts(), trained.knobs.train
    full, half = (
        fit(parts["train"], rows, trained.table, knobs) for rows in (parts["validation"], parts["validation"][::2])
    )
    inputs = matrix(trained, 200)
    assert np.array_equal(full["pipeline"].predict_proba(inputs), half["pipeline"].predict_proba(inputs))
    assert full["calibration"] != half["calibration"]


def test_a_seed_is_a_model(trained):
    """The same seed gives the same model, another one gives another."""
    first, again, other = (made(trained, seed=seed)[1].hash for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_threshold_of_f1_is_the_best_on_validation_rows(trained):
    """No other score of a validation row would be a better threshold."""
    found, model, parts = made(trained)
    target = contract.positives(parts["validation"]["default"], trained.table)
    score = pipeline_score(found, encode(parts["validation"], model.columns)).astype(np.float32)
    best = max(f1_score(target, score >= threshold) for threshold in score)
    assert best == f1_score(target, score >= np.float32(found["threshold"]))


def test_a_threshold_of_a_number_is_taken_as_it_is(trained):
    """The owner's number is what serves, as float32."""
    found, model, _ = made(trained, threshold=0.3)
    assert float(np.float32(0.3)) == found["threshold"] == model.threshold


def test_calibration_mends_an_overfitted_model(folder):
    """On test rows the log loss is lower with it, and the order of the rows is kept."""
    folder.set_params(OVERFITTED).raw(applications()).run("prepare")
    scores = {}
    for kind in ("none", "sigmoid"):
        _, model, parts = made(folder, calibration=kind)
        scores[kind] = model.score(parts["test"])
    target = parts["test"]["default"]
    assert log_loss(target, scores["sigmoid"]) < log_loss(target, scores["none"]) - 0.05
    assert (np.diff(scores["sigmoid"][np.argsort(scores["none"])]) >= -1e-6).all()


def test_calibration_finds_the_distortion_of_a_score():
    """Scores whose log-odds were stretched by three and moved by one are brought back, in their order."""
    random = np.random.default_rng(0)
    odds = random.normal(-1, 1, 20_000)
    target, stretched = random.random(20_000) < 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(-(3 * odds + 1)))
    slope, shift = train._sigmoid(stretched, target)
    assert pytest.approx((1 / 3, -1 / 3), abs=0.03) == (slope, shift)
    brought_back = calibrated(stretched, (slope, shift))
    assert log_loss(target, brought_back) < log_loss(target, stretched)
    assert (np.diff(brought_back[np.argsort(stretched)]) >= 0).all()


def test_calibration_of_a_sure_score_is_finite():
    """Probabilities of exactly 0 and 1 have no log-odds, and still get a score."""
    found = calibrated(np.array([0.0, 0.5, 1.0]), (1.0, 0.0))
    assert pytest.approx([0, 0.5, 1], abs=1e-5) == list(found)
    assert np.isfinite(found).all()


def test_without_calibration_a_score_is_the_probability():
    """None changes nothing."""
    assert [0.0, 0.2, 1.0] == list(calibrated(np.array([0.0, 0.2, 1.0]), None))


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("calibration", ["sigmoid", "none"])
def test_the_exported_model_is_the_fitted_pipeline(trained, estimator, calibration):
    """On random inputs with missing values scores are within 1e-5 and no decision is another."""
    found, model, _ = made(trained, estimator=estimator, calibration=calibration)
    inputs = matrix(trained)
    ours, served = pipeline_score(found, inputs), model.score_matrix(inputs).astype(float)
    assert np.abs(ours - served).max() < 1e-5
    assert np.array_equal(ours >= model.threshold, served >= model.threshold)
    assert served.min() < model.threshold < served.max()


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("column", ["income", "housing"])
def test_a_feature_without_any_value_keeps_its_place(trained, estimator, column):
    """A column that was empty in training moves no other one in the exported model."""
    parts = trained.parts()
    empty = parts["train"].assign(**{column: None})
    found = fit(
        empty, parts["validation"], trained.table, trained.knobs.train.model_copy(update={"estimator": estimator})
    )
    model = Model(to_onnx(found["pipeline"], spec(trained.table), found["calibration"], found["threshold"]))
    inputs = matrix(trained, 1000)
    assert np.abs(pipeline_score(found, inputs) - model.score_matrix(inputs)).max() < 1e-5


@pytest.mark.parametrize(
    ("estimator", "options", "said"),
    [
        ("logistic", {"max_itr": 5}, r"train.logistic: .*'max_itr'.*did you mean 'max_iter'\?$"),
        ("gradient_boosting", {"n_estimator": 5}, r"train.gradient_boosting: .*did you mean 'n_estimators'\?$"),
        ("logistic", {"zzz": 5}, r"train.logistic: .*'zzz'; known: C, class_weight, .*, warm_start$"),
        (
            "logistic",
            {"random_state": 5},
            r"'random_state'; take it out of params.yaml, src/model/estimator.py sets it$",
        ),
        ("logistic", {"C": "deep"}, r"train.logistic, cannot be fitted: The 'C' parameter .* Got 'deep' instead.$"),
        ("gradient_boosting", {"max_depth": 0}, r"cannot be fitted: The 'max_depth' parameter .* Got 0 instead.$"),
    ],
)
def test_refuses_an_argument_that_the_estimator_does_not_take(trained, estimator, options, said):
    """The sentence names the section, the argument and the nearest right one, or the value that is none."""
    trained.set_params({"train.estimator": estimator, f"train.{estimator}": options})
    before = Path(MODEL).read_bytes()
    with pytest.raises(CannotRun, match=said) as raised:
        train.run(None)
    assert "\n" not in str(raised.value)
    assert before == Path(MODEL).read_bytes()


def test_refuses_an_estimator_that_onnx_cannot_hold(trained, monkeypatch):
    """The owner's estimator is named, with what can be chosen instead."""
    monkeypatch.setattr(train, "estimator", lambda name, options, seed: HistGradientBoostingClassifier(max_iter=5))
    with pytest.raises(
        CannotRun, match=r"HistGradientBoostingClassifier cannot be exported.*train.estimator"
    ) as raised:
        train.run(None)
    assert "\n" not in str(raised.value)


def test_refuses_a_transformer_that_onnx_cannot_hold(trained, monkeypatch):
    """A step with a function of the owner's is named."""

    def logged(numbers, categories, scale):
        everything = [*numbers, *categories]
        return ColumnTransformer([("log", FunctionTransformer(lambda x: np.log1p(np.nan_to_num(x))), everything)])

    monkeypatch.setattr(train, "transformer", logged)
    with pytest.raises(CannotRun, match=r"cannot be exported to ONNX.*FunctionTransformer"):
        made(trained)


def test_refuses_without_prepared_rows(folder):
    """The first missing file is named, with the verb that makes it."""
    with pytest.raises(CannotRun, match=r"^data/prepared/train.parquet is not there: run `make train` first$"):
        train.run(None)
