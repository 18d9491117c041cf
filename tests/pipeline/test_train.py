"""Stage `train`: the same rows give the same bytes, test rows stay unseen, and what is exported is what was fitted."""

import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.compose import ColumnTransformer
from sklearn.metrics import f1_score, log_loss
from sklearn.preprocessing import FunctionTransformer
from sklearn.semi_supervised import LabelPropagation
from sklearn.svm import LinearSVC

from mlops import contract
from mlops.encoding import encode, spec
from mlops.errors import CannotRun
from mlops.export import to_onnx
from mlops.files import read_table, write_table
from mlops.onnx_model import Model
from mlops.paths import KEYS, MODEL, PART, PIPELINE
from mlops.pipeline import train
from mlops.pipeline.train import calibrated, described, fit
from mlops.split import keys
from tables import TASKS, Folder, applications

ESTIMATORS = ("linear", "gradient_boosting", "hist_gradient_boosting")
OVERFITTED = {"train.estimators.gradient_boosting": {"n_estimators": 60, "learning_rate": 0.5, "max_depth": 4}}


def made(folder: Folder, **knobs):
    """Fit on the folder's train rows with changed knobs; return the fit, its exported model and the parts."""
    parts, table = folder.parts(), folder.table
    found = fit(parts["train"], parts["validation"], table, folder.knobs.train.model_copy(update=knobs))
    return found, exported(found, table), parts


def exported(found: dict, table) -> Model:
    """The model file of a fit."""
    told = described(table, found["threshold"])
    return Model(to_onnx(found["pipeline"], spec(table), found["calibration"], told))


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


def pipeline_score(found: dict, inputs: np.ndarray, task: str = "binary") -> np.ndarray:
    """The score of the fitted pipeline, before any export."""
    if task == "regression":
        return found["pipeline"].predict(inputs)
    probability = found["pipeline"].predict_proba(inputs)
    return calibrated(probability[:, 1] if task == "binary" else probability, found["calibration"])


@pytest.mark.parametrize("task", TASKS)
def test_writes_the_model_the_pipeline_and_the_keys(answered, task):
    """The model file knows its columns, task, classes and threshold, which are those of contract and fitted pipeline."""
    folder = answered(task)
    model, fitted = Model.read(folder.path / MODEL), joblib.load(folder.path / PIPELINE)
    assert list(folder.table.features) == [column["name"] for column in model.columns]
    assert (task, folder.table.classes) == (model.task, model.classes)
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


def test_a_group_has_one_training_key(folder):
    """Its rows are in one part, so that one key says of all whether a model has seen them."""
    people = np.arange(1200) // 3
    folder.set_contract({"group": "person", "columns.person": {"type": "integer"}})
    folder.raw(applications(person=people)).run("prepare", "train")
    parts, found = folder.parts(), read_table(KEYS)["key"]
    groups = {name: set(part["person"]) for name, part in parts.items()}
    assert len(found) == len(groups["train"] | groups["validation"])
    assert not groups["test"] & (groups["train"] | groups["validation"])
    assert not set(keys(parts["test"], folder.table)) & set(found)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_equal_rows_give_equal_bytes(copied, estimator, task):
    """Model, pipeline and keys of a second run are equal byte for byte."""
    folder = copied(task).set_params({"train.estimator": estimator})
    first = files(folder.run("train"))
    assert first == files(folder.run("train"))


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
    target = contract.targets(parts["validation"]["default"], trained.table)
    score = pipeline_score(found, encode(parts["validation"], model.columns)).astype(np.float32)
    best = max(f1_score(target, score >= threshold) for threshold in score)
    assert best == f1_score(target, score >= np.float32(found["threshold"]))


def test_a_threshold_of_a_number_is_taken_as_it_is(trained):
    """The owner's number is what serves, as float32."""
    found, model, _ = made(trained, threshold=0.3)
    assert float(np.float32(0.3)) == found["threshold"] == model.threshold


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_a_threshold_means_nothing_but_for_two_classes(copied, task):
    """What params.yaml says of it leaves the model as it is."""
    first, second = (made(copied(task), threshold="f1"), made(Folder(Path.cwd()), threshold=0.3))
    assert 0.5 == first[0]["threshold"] == second[0]["threshold"]
    assert first[1].hash == second[1].hash


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


def test_a_score_that_ranks_the_wrong_way_is_not_calibrated():
    """A sigmoid that falls would turn the model's order round; validation rows that say so say nothing."""
    random = np.random.default_rng(0)
    score = random.random(500)
    assert None is train._sigmoid(score, random.random(500) > score)
    assert train._sigmoid(score, random.random(500) < score)[0] > 0


@pytest.mark.parametrize("stretch", [0.3, 3.0], ids=["too unsure", "too sure"])
def test_a_temperature_finds_the_distortion_of_several_classes(stretch):
    """Log-odds that were stretched are brought back; a higher log loss is never the answer, and each row's likeliest class stays."""
    random = np.random.default_rng(0)
    truth = softmax(random.normal(size=(20_000, 3)), axis=1)
    target = (random.random((20_000, 1)) > truth.cumsum(axis=1)).sum(axis=1)
    stretched = softmax(stretch * np.log(truth), axis=1)
    slope, shift = train._temperature(stretched, target)
    assert (pytest.approx(1 / stretch, rel=0.05), 0) == (slope, shift)
    brought_back = calibrated(stretched, (slope, shift))
    assert log_loss(target, brought_back) < log_loss(target, stretched)
    assert np.array_equal(stretched.argmax(axis=1), brought_back.argmax(axis=1))
    assert pytest.approx(np.ones(20_000)) == brought_back.sum(axis=1)


def test_a_temperature_mends_an_overfitted_model(folder):
    """On the validation rows the log loss is lower with it, on test rows too, and each row's likeliest class stays."""
    folder.ask("multiclass").set_params(OVERFITTED).raw(applications()).run("prepare")
    (_, plain, parts), (_, warm, _) = (made(folder, calibration=kind) for kind in ("none", "sigmoid"))
    for part in ("validation", "test"):
        before, after = (model.score(parts[part]) for model in (plain, warm))
        before, after = (score / score.sum(axis=1, keepdims=True) for score in (before, after))
        target = contract.targets(parts[part]["housing"], folder.table)
        assert log_loss(target, after) < log_loss(target, before) - 0.05
        assert np.array_equal(before.argmax(axis=1), after.argmax(axis=1))


def test_a_number_is_not_calibrated(copied):
    """A prediction is what was learned; `calibration` of params.yaml is of probabilities."""
    first, second = made(copied("regression"), calibration="sigmoid"), made(Folder(Path.cwd()), calibration="none")
    assert None is first[0]["calibration"]
    assert first[1].hash == second[1].hash


def test_calibration_of_a_sure_score_is_finite():
    """Probabilities of exactly 0 and 1 have no log-odds, and still get a score."""
    found = calibrated(np.array([0.0, 0.5, 1.0]), (1.0, 0.0))
    assert pytest.approx([0, 0.5, 1], abs=1e-5) == list(found)
    assert np.isfinite(found).all()


def test_a_temperature_of_a_sure_score_is_finite():
    """Classes of exactly 0 and 1 too; the sum stays 1."""
    found = calibrated(np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]), (0.7, 0.0))
    assert np.isfinite(found).all()
    assert pytest.approx([1, 1]) == found.sum(axis=1)
    assert 0 == found[0].argmax()


def test_without_calibration_a_score_is_the_probability():
    """None changes nothing."""
    assert [0.0, 0.2, 1.0] == list(calibrated(np.array([0.0, 0.2, 1.0]), None))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("calibration", ["sigmoid", "none"])
def test_the_exported_model_is_the_fitted_pipeline(copied, estimator, task, calibration):
    """On random inputs with missing values scores are within 1e-5, of numbers of their spread, and no decision is another."""
    folder = copied(task)
    found, model, _ = made(folder, estimator=estimator, calibration=calibration)
    inputs = matrix(folder)
    ours, served = pipeline_score(found, inputs, task), model.score_matrix(inputs).astype(float)
    assert np.abs(ours - served).max() < 1e-5 * (ours.std() if task == "regression" else 1)
    if task != "regression":
        assert np.array_equal(model.decide(ours), model.decide(served))
        assert len({*model.decide(served)}) == max(2, len(model.classes))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("column", ["income", "purpose"])
def test_a_feature_without_any_value_keeps_its_place(copied, estimator, task, column):
    """A column that was empty in training moves no other one in the exported model."""
    folder = copied(task)
    parts, knobs = folder.parts(), folder.knobs.train.model_copy(update={"estimator": estimator})
    found = fit(parts["train"].assign(**{column: None}), parts["validation"], folder.table, knobs)
    inputs = matrix(folder, 1000)
    ours, served = pipeline_score(found, inputs, task), exported(found, folder.table).score_matrix(inputs)
    assert np.abs(ours - served).max() < 1e-5 * (ours.std() if task == "regression" else 1)


@pytest.mark.parametrize(
    ("estimator", "options", "said"),
    [
        ("linear", {"max_itr": 5}, r"train.estimators.linear: .*'max_itr'.*did you mean 'max_iter'\?$"),
        ("gradient_boosting", {"n_estimator": 5}, r"gradient_boosting: .*did you mean 'n_estimators'\?$"),
        ("hist_gradient_boosting", {"max_itr": 5}, r"hist_gradient_boosting: .*did you mean 'max_iter'\?$"),
        ("linear", {"zzz": 5}, r"train.estimators.linear: .*'zzz'; known: C, class_weight, .*, warm_start$"),
        ("linear", {"random_state": 5}, r"'random_state'; take it out of params.yaml, src/model/estimator.py sets it$"),
        ("linear", {"C": "deep"}, r"linear, cannot be fitted: The 'C' parameter .* Got 'deep' instead.$"),
        ("gradient_boosting", {"max_depth": 0}, r"cannot be fitted: The 'max_depth' parameter .* Got 0 instead.$"),
    ],
)
def test_refuses_an_argument_that_the_estimator_does_not_take(trained, estimator, options, said):
    """The sentence names the section, the argument and the nearest right one, or the value that is none."""
    trained.set_params({"train.estimator": estimator, f"train.estimators.{estimator}": options})
    before = Path(MODEL).read_bytes()
    with pytest.raises(CannotRun, match=said) as raised:
        train.run(None)
    assert "\n" not in str(raised.value)
    assert before == Path(MODEL).read_bytes()


def test_refuses_an_argument_of_another_task(copied):
    """`C` is of classes alone: of a number it is unknown, with what is known there."""
    copied("regression").set_params({"train.estimator": "linear", "train.estimators.linear": {"C": 1.0}})
    with pytest.raises(CannotRun, match=r"^params.yaml: train.estimators.linear: .*'C'; known: alpha, "):
        train.run(None)


def test_refuses_an_estimator_that_the_owner_does_not_make(trained):
    """A name in params.yaml alone is none: the sentence has those of src/model/estimator.py."""
    trained.set_params({"train.estimator": "forest", "train.estimators.forest": {}})
    with pytest.raises(
        CannotRun, match=r"^params.yaml: train.estimator: .* makes no 'forest': it has linear, gradient"
    ):
        train.run(None)


def test_refuses_a_class_without_train_rows(copied):
    """A model that was never shown a class has no answer for it: the class and the rows are named, and nothing is written."""
    folder = copied("multiclass")
    before, rows = files(folder), folder.parts()["train"]
    write_table(PART.format("train"), rows[rows["housing"] != "own"])
    expected = (
        rf"^class 'own' of 'housing' has no row among the {(rows['housing'] != 'own').sum():,} train rows: "
        "take it out of data/contract.yaml and of src/model/source.py, or bring more rows$"
    )
    with pytest.raises(CannotRun, match=expected):
        train.run(None)
    assert before == files(folder)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_class_without_other_rows_is_no_fault(copied, part):
    """Only what is fitted must have all classes; a rare one may be absent among the few."""
    folder = copied("multiclass")
    rows = folder.parts()[part]
    write_table(PART.format(part), rows[rows["housing"] != "own"])
    assert ("rent", "own", "mortgage") == made(folder)[1].classes


def test_refuses_an_estimator_that_onnx_cannot_hold(trained, monkeypatch):
    """The owner's estimator is named, with what can be chosen instead."""
    monkeypatch.setattr(train, "estimator", lambda name, options, seed, task: LabelPropagation(kernel="knn"))
    with pytest.raises(
        CannotRun, match=r"^step LabelPropagation of the pipeline cannot be exported.*train.estimator"
    ) as raised:
        train.run(None)
    assert "\n" not in str(raised.value)


def test_refuses_a_classifier_without_probabilities(trained, monkeypatch):
    """Gates, calibration and threshold need them: the owner's file and the task are named."""
    monkeypatch.setattr(train, "estimator", lambda name, options, seed, task: LinearSVC())
    with pytest.raises(
        CannotRun, match=r"^src/model/estimator.py: \w+ is LinearSVC, which has no predict_proba: task bin"
    ):
        train.run(None)


def test_refuses_a_transformer_that_onnx_cannot_hold(trained, monkeypatch):
    """A step with a function of the owner's is named."""

    def logged(numbers, categories, scale):
        everything = [*numbers, *categories]
        return ColumnTransformer([("log", FunctionTransformer(lambda x: np.log1p(np.nan_to_num(x))), everything)])

    monkeypatch.setattr(train, "transformer", logged)
    with pytest.raises(CannotRun, match=r"^step FunctionTransformer of the pipeline cannot be exported to ONNX"):
        made(trained)


def test_refuses_without_prepared_rows(folder):
    """The first missing file is named, with the verb that makes it."""
    with pytest.raises(CannotRun, match=r"^data/prepared/train.parquet is not there: run `make train` first$"):
        train.run(None)
