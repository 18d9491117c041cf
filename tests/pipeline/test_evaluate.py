"""Stage `evaluate`: test rows are read once, and what is committed says what the model file does on them."""

import hashlib
from io import StringIO
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.dummy import DummyClassifier
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)

from copies import SAMPLE
from mlops import contract, paths
from mlops.encoding import encode, spec
from mlops.errors import CannotRun
from mlops.export import to_onnx
from mlops.files import read_json, read_table, write_table
from mlops.metrics import PRIMARY, Scores
from mlops.onnx_model import Model
from mlops.pipeline.evaluate import parity, plots, worst
from mlops.pipeline.train import described, fit
from mlops.split import keys
from mlops.task import score_columns, stated
from model.metrics import per_row
from tables import TASKS

PLOTS = {
    "binary": {"scores", "roc", "calibration"},
    "multiclass": {"scores", "confusion", "calibration"},
    "regression": {"scores", "calibration"},
}
WRITTEN = (paths.METRICS, paths.PREDICTIONS, paths.CARD, *map(paths.PLOT.format, sorted(PLOTS["binary"])))


def metrics_of(folder) -> dict:
    """metrics.json of a folder."""
    return read_json(folder.path / paths.METRICS, "")


def predictions_of(folder) -> pd.DataFrame:
    """reports/predictions.parquet of a folder."""
    return read_table(folder.path / paths.PREDICTIONS)


def plot(folder, name: str) -> pd.DataFrame:
    """One of the plots' tables."""
    return pd.read_csv(StringIO((folder.path / paths.PLOT.format(name)).read_text(encoding="utf-8")))


def served(folder) -> tuple:
    """The test rows of a folder, its model, the target of each row and the model's score."""
    test, model = folder.parts()["test"], Model.read(folder.path / paths.MODEL)
    return test, model, contract.targets(test[folder.table.target], folder.table), model.score(test)


def crowd(task: str = "binary", **groups) -> tuple[pd.DataFrame, np.ndarray, Scores]:
    """Groups of the column `gender`, name -> (rows of the first class, rows of the second), and a score alike in each."""
    rows = [
        (name, target, (place % 10) / 10 + 0.05 * target)
        for name, (ones, noughts) in groups.items()
        for target, count in ((1, ones), (0, noughts))
        for place in range(count)
    ]
    names, target, score = (np.array(values) for values in zip(*rows, strict=True))
    if task == "multiclass":
        return (
            pd.DataFrame({"gender": names}),
            target,
            Scores(np.tile([0.2, 0.5, 0.3], (len(rows), 1)), task=task, classes=tuple("abc")),
        )
    return pd.DataFrame({"gender": names}), target, Scores(score, task=task)


def test_metrics_name_the_model_the_data_and_the_window(evaluated):
    """The hashes are those of the files, the window and rows those of the run."""
    found = metrics_of(evaluated)
    sections = ["schema", "model_hash", "data_hash", "window", "rows", "threshold", "metrics", "parity", "slices"]
    assert sections == list(found)
    for key, path in (("model_hash", paths.MODEL), ("data_hash", paths.RAW)):
        assert hashlib.sha256((evaluated.path / path).read_bytes()).hexdigest() == found[key]
    assert {"start": "2024-01", "end": "2024-04"} == found["window"]
    assert {name: len(part) for name, part in evaluated.parts().items()} == found["rows"]
    assert Model.read(evaluated.path / paths.MODEL).threshold == found["threshold"]
    assert 1 == found["schema"]


def test_metrics_are_scikit_learns_on_the_test_rows(evaluated):
    """Each value is what scikit-learn gives for the model's scores, to six digits; the owner's is a mean over rows."""
    _, model, target, score = served(evaluated)
    decision = score >= model.threshold
    expected = {
        "roc_auc": roc_auc_score(target, score),
        "average_precision": average_precision_score(target, score),
        "log_loss": log_loss(target, score),
        "brier": brier_score_loss(target, score),
        "f1": f1_score(target, decision),
        **{name: values.mean() for name, values in per_row(target, score, decision).items()},
    }
    assert {name: round(float(value), 6) for name, value in expected.items()} == metrics_of(evaluated)["metrics"]


def test_metrics_of_several_classes_are_scikit_learns(answered):
    """By the likeliest class, with the recall of each under its name."""
    folder = answered("multiclass")
    _, model, target, score = served(folder)
    decision = score.argmax(axis=1)
    expected = {
        "macro_f1": f1_score(target, decision, average="macro"),
        "accuracy": accuracy_score(target, decision),
        "log_loss": log_loss(target, score / score.sum(axis=1, keepdims=True)),  # float32's add up to 1 within 1e-7
        **dict(
            zip(
                ("recall_rent", "recall_own", "recall_mortgage"),
                recall_score(target, decision, average=None),
                strict=True,
            )
        ),
    }
    found = metrics_of(folder)["metrics"]
    assert ("rent", "own", "mortgage") == model.classes
    assert {name: round(float(value), 6) for name, value in expected.items()} == {
        name: found[name] for name in expected
    }


def test_metrics_of_a_number_are_scikit_learns(answered):
    """Of the predicted number itself."""
    folder = answered("regression")
    test, _, target, score = served(folder)
    expected = {
        "rmse": root_mean_squared_error(test["amount"], score),
        "mae": mean_absolute_error(test["amount"], score),
        "r2": r2_score(test["amount"], score),
    }
    found = metrics_of(folder)["metrics"]
    assert {name: round(float(value), 6) for name, value in expected.items()} == {
        name: found[name] for name in expected
    }
    assert np.array_equal(test["amount"], target)


@pytest.mark.parametrize("task", TASKS)
def test_predictions_have_one_row_a_test_row(answered, task):
    """In the order of the test rows: key, id, target, score to six digits, decision and the groups of slices and protected columns."""
    folder = answered(task)
    (test, model, target, score), found = served(folder), predictions_of(folder)
    groups = [f"slice_{name}" for name in dict.fromkeys([*folder.table.slices, *folder.table.protected])]
    scores = score_columns(model.classes)
    assert ["key", "application_id", "target", *scores, "decision", *groups] == list(found)
    assert list(test["application_id"]) == list(found["application_id"])
    assert list(keys(test, folder.table)) == list(found["key"])
    assert list(target) == list(found["target"])
    assert np.array_equal(score.round(6), found[scores].to_numpy().reshape(score.shape))
    decision = model.decide(score) if task != "regression" else score
    assert np.array_equal(decision, found["decision"])
    assert list(test["gender"]) == list(found["slice_gender"])


@pytest.mark.parametrize(("task", "scores"), [("binary", 1), ("multiclass", 3), ("regression", 1)])
def test_a_score_has_a_column_for_each_of_its_numbers(answered, task, scores):
    """One a class, under the name of the class."""
    names = [name for name in predictions_of(answered(task)) if name.startswith("score")]
    assert scores == len(names)
    assert (["score_rent", "score_own", "score_mortgage"] if task == "multiclass" else ["score"]) == names


@pytest.mark.parametrize("name", ["key", "target", "score", "decision"])
def test_an_id_that_is_called_as_a_column_of_the_predictions_is_left_out(trained, name):
    """What is read by that name stays what it is: the key is the hash, also of a table whose id is called `key`."""
    columns = trained.table.model_dump(mode="json", exclude_defaults=True)["columns"]
    renamed = {name if column == "application_id" else column: what for column, what in columns.items()}
    trained.set_contract({"id": name, "columns": renamed})
    test = trained.parts()["test"].rename(columns={"application_id": name})
    write_table(paths.PART.format("test"), test)
    for part in ("train", "validation", "holdout"):
        write_table(paths.PART.format(part), trained.parts()[part].rename(columns={"application_id": name}))
    trained.run("evaluate")
    found = predictions_of(trained)
    assert list(keys(test, trained.table)) == list(found["key"])
    assert list(test["default"]) == list(found["target"])
    assert 1 == list(found).count(name)


def test_a_table_of_groups_has_no_id(trained):
    """Rows of one group have one key."""
    trained.set_contract({"id": None, "group": "postcode"}).run("evaluate")
    found, test = predictions_of(trained), trained.parts()["test"]
    assert ["key", "target"] == list(found)[:2]
    assert test["postcode"].nunique() == found["key"].nunique()


def test_a_decision_is_made_before_rounding(trained):
    """A row whose score is below the threshold, and rounded is not, is decided by its score."""
    score = Model.read().score(trained.parts()["test"])
    row = int(np.argmax(score.round(6) - score))
    trained.set_params({"train.threshold": float((score[row] + score[row].round(6)) / 2)}).run("train", "evaluate")
    found = predictions_of(trained).iloc[row]
    assert found["score"] > Model.read().threshold
    assert not found["decision"]


def test_equal_runs_write_equal_bytes(trained):
    """A second run changes no file."""
    before = {path: Path(path).read_bytes() for path in WRITTEN}
    trained.run("evaluate")
    assert before == {path: Path(path).read_bytes() for path in WRITTEN}


def test_every_plot_that_dvc_draws_is_there(evaluated):
    """dvc.yaml names the files of the sample's task, and an x and a y in each."""
    drawn = yaml.safe_load((SAMPLE / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    drawn = {name: spec for plots in drawn for name, spec in plots.items()}
    assert {paths.PLOT.format(name) for name in PLOTS["binary"]} == set(drawn)
    for name, axes in drawn.items():
        table = plot(evaluated, Path(name).stem)
        assert {axes["x"], axes["y"]} == set(table)
        assert 2 <= len(table) <= 200
        assert table.notna().all(axis=None)


@pytest.mark.parametrize("task", TASKS)
def test_each_task_has_its_plots(answered, task):
    """And no others: every test row has its bar among the scores."""
    folder = answered(task)
    assert PLOTS[task] == {path.stem for path in folder.path.glob(paths.PLOT.format("*"))}
    assert len(folder.parts()["test"]) == plot(folder, "scores")["rows"].sum()


def test_plots_of_two_classes_say_what_the_scores_are(evaluated):
    """The ROC curve runs from corner to corner, calibration lies between 0 and 1."""
    roc, calibration = (plot(evaluated, name) for name in ("roc", "calibration"))
    assert ([0, 0], [1, 1]) == (list(roc.iloc[0]), list(roc.iloc[-1]))
    assert roc["false_positive_rate"].is_monotonic_increasing
    assert roc["true_positive_rate"].is_monotonic_increasing
    assert calibration.to_numpy().min() >= 0
    assert calibration.to_numpy().max() <= 1


def test_plots_of_several_classes_count_what_was_taken_for_what(answered):
    """Every pair of classes has its rows, by name; calibration is of how sure the model is of the likeliest one."""
    folder = answered("multiclass")
    _, model, target, score = served(folder)
    found = plot(folder, "confusion")
    expected = confusion_matrix(target, score.argmax(axis=1), labels=range(3))
    for row in found.itertuples():
        assert expected[model.classes.index(row.actual), model.classes.index(row.predicted)] == row.rows
    assert (9, len(target)) == (len(found), found["rows"].sum())
    sure, right = stated("multiclass", target, score)
    calibration = plot(folder, "calibration")
    assert sure.min() - 1e-6 <= calibration["mean_score"].min()
    assert 0 <= calibration["observed_rate"].min() <= right.mean() <= calibration["observed_rate"].max() <= 1


def test_plots_of_a_number_are_in_its_own_unit(answered):
    """Tenths of the rows by what was predicted: the mean of each, and of what happened."""
    folder = answered("regression")
    _, _, target, score = served(folder)
    scores, calibration = plot(folder, "scores"), plot(folder, "calibration")
    assert pytest.approx(score.min()) == scores["score_from"].min()
    assert 10 == len(calibration)
    assert calibration["mean_score"].is_monotonic_increasing
    assert pytest.approx(target.mean(), rel=0.01) == calibration["observed_rate"].mean()


@pytest.mark.parametrize("right", [0.0, 1.0], ids=["always wrong", "always right"])
def test_a_model_that_is_always_the_same_has_its_plots(right):
    """Also where every row of several classes is right, or none is."""
    said = Scores(np.tile([0.6, 0.3, 0.1], (50, 1)), task="multiclass", classes=("a", "b", "c"))
    found = plots(np.full(50, 0 if right else 1), said)
    assert {right} == set(found["calibration"]["observed_rate"])


def test_a_number_that_is_always_the_same_has_its_plots():
    """A model that predicts the mean for everybody."""
    found = plots(np.arange(50.0), Scores(np.full(50, 24.5), task="regression"))
    assert pytest.approx([24.5] * 10) == found["calibration"]["mean_score"]
    assert 50 == sum(found["scores"]["rows"])


def test_fewer_rows_than_tenths_have_their_plots():
    """No mean of nothing is drawn."""
    found = plots(np.arange(4.0), Scores(np.arange(4.0), task="regression"))
    assert [0, 1, 2, 3] == found["calibration"]["observed_rate"]


def test_the_model_card_names_the_model(evaluated):
    """The card is made from the same figures."""
    card, found = (evaluated.path / paths.CARD).read_text(encoding="utf-8"), metrics_of(evaluated)
    assert found["model_hash"][:12] in card
    assert f"{found['metrics']['roc_auc']:.4f}" in card


def test_nothing_that_is_committed_or_published_names_a_row(evaluated):
    """Ids stand in the predictions alone."""
    ids = [*predictions_of(evaluated)["application_id"], *predictions_of(evaluated)["key"]]
    text = "".join((evaluated.path / path).read_text() for path in WRITTEN if not path.endswith("parquet"))
    assert not [value for value in ids if value in text]


@pytest.mark.parametrize("task", TASKS)
def test_parity_compares_the_pipeline_with_the_served_model(answered, task):
    """The figures are the largest difference and the decisions that differ, over all test rows."""
    folder = answered(task)
    found = metrics_of(folder)["parity"]
    assert {"max_difference", "decisions_changed", "rows"} == set(found)
    assert (0, len(folder.parts()["test"])) == (found["decisions_changed"], found["rows"])
    assert 0 < found["max_difference"] < 1e-5


@pytest.mark.parametrize("task", TASKS)
def test_parity_finds_another_pipeline(answered, task):
    """A model file that was not made from the fitted pipeline is seen in scores and, of classes, in decisions."""
    folder, (test, model, _, score) = answered(task), served(answered(task))
    parts, other = folder.parts(), folder.knobs.train.model_copy(update={"estimator": "linear"})
    fitted = fit(parts["train"], parts["validation"], folder.table, other)
    found = parity(test, score, model, fitted)
    data = to_onnx(fitted["pipeline"], model.columns, fitted["calibration"], described(folder.table, 0.5))
    theirs = Model(data).score(test)
    unit = theirs.std() if task == "regression" else 1.0  # a number has no scale of its own
    assert pytest.approx(np.abs(theirs - score).max() / unit, rel=0.05) == found["max_difference"]
    assert (task != "regression") == (found["decisions_changed"] > 0)


def test_a_score_on_the_threshold_is_no_changed_decision(evaluated):
    """Where the threshold is a row's own score, float32 and float64 may fall on its two sides, which is rounding."""
    test, _, _, scores = served(evaluated)
    fitted, columns = joblib.load(evaluated.path / paths.PIPELINE), spec(evaluated.table)
    for threshold in scores[:20]:
        told = described(evaluated.table, float(threshold))
        model = Model(to_onnx(fitted["pipeline"], columns, fitted["calibration"], told))
        assert 0 == parity(test, model.score(test), model, fitted)["decisions_changed"]


@pytest.mark.parametrize(("strategy", "changed"), [("uniform", False), ("prior", True)])
def test_of_two_classes_as_likely_either_is_no_changed_decision(answered, strategy, changed):
    """A pipeline that finds all classes as likely decides for none; one that has a likeliest class does."""
    test, model, target, score = served(answered("multiclass"))
    pipeline = DummyClassifier(strategy=strategy).fit(encode(test, model.columns), target)
    found = parity(test, score, model, {"pipeline": pipeline, "calibration": None})
    assert changed == (found["decisions_changed"] > 0)


def test_the_worst_groups_come_first(trained):
    """Their AUC is scikit-learn's on their rows, lowest first, five at most."""
    trained.set_contract({"slices": ["employment", "gender"]})
    trained.set_params({"gates.slices.min_class_rows": 10}).run("evaluate")
    found, rows = metrics_of(trained)["slices"], predictions_of(trained)
    assert 1 <= len(found) <= 5
    assert sorted(found, key=lambda group: group["roc_auc"]) == found
    for group in found:
        name, gender = (part.split("=")[1] for part in group["slice"].split(", "))
        at = rows[(rows["slice_employment"] == name) & (rows["slice_gender"] == gender)]
        assert {"slice": group["slice"], "rows": len(at), "roc_auc": group["roc_auc"]} == group
        assert pytest.approx(roc_auc_score(at["target"], at["score"]), abs=1e-6) == group["roc_auc"]


@pytest.mark.parametrize(("task", "sign"), [("binary", 1), ("multiclass", 1), ("regression", -1)])
def test_the_worst_groups_are_those_of_the_tasks_metric(copied, task, sign):
    """Lowest AUC or F1 first; of an error, the largest."""
    folder = copied(task).set_contract({"slices": ["gender"]})
    found = metrics_of(folder.set_params({"gates.slices.min_class_rows": 10}).run("evaluate"))["slices"]
    values = [group[PRIMARY[task]] for group in found]
    assert 2 <= len(found)
    assert sorted(values, reverse=sign < 0) == values


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ({"female": (50, 50), "male": (50, 60)}, {"gender=female", "gender=male"}),
        ({"female": (49, 500), "male": (500, 49)}, set()),
        ({"female": (50, 50), "male": (200, 0), "nonbinary": (0, 200)}, {"gender=female"}),
        ({"female": (50, 50), "slice_slice_male": (50, 50)}, {"gender=female", "gender=slice_slice_male"}),
    ],
)
def test_a_group_is_judged_with_enough_rows_of_each_class(groups, expected):
    """A group of one class, or of few rows of one, is no worst group; a group keeps its own name."""
    assert expected == {group["slice"] for group in worst(*crowd(**groups), 50)}


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_a_group_of_no_two_classes_is_judged_with_enough_rows_in_all(task):
    """Of three classes, or of numbers, twice as many rows as are asked of each of two."""
    groups = {"female": (100, 0), "male": (50, 50), "nonbinary": (99, 0)}
    assert {"gender=female", "gender=male"} == {group["slice"] for group in worst(*crowd(task, **groups), 50)}


def test_no_slices_are_no_groups():
    """A contract that watches no group has none."""
    groups, target, said = crowd(female=(50, 50))
    assert [] == worst(groups[[]], target, said, 50)


@pytest.mark.filterwarnings("ignore:No positive samples")  # it is what is tested
def test_a_metric_that_is_no_number_is_null(trained):
    """Test rows of one class have no AUC: null in metrics.json, which no gate passes, and no crash."""
    test = trained.parts()["test"]
    write_table(paths.PART.format("test"), test[test["default"] == 0])
    trained.run("evaluate")
    found = metrics_of(trained)
    assert {"roc_auc", "average_precision", "f1"} == {name for name, value in found["metrics"].items() if value is None}
    assert [] == found["slices"]


def test_refuses_without_a_model(trained):
    """The missing file is named, with the verb that makes it."""
    Path(paths.MODEL).unlink()
    with pytest.raises(CannotRun, match=r"^models/model.onnx is not there: run `make train` first$"):
        trained.run("evaluate")


def test_refuses_test_rows_that_the_model_cannot_read(trained):
    """A column that the model reads and the table lacks is named."""
    write_table(paths.PART.format("test"), trained.parts()["test"].drop(columns=["income"]))
    with pytest.raises(CannotRun, match=r"^the model reads column 'income', which the table does not have$"):
        trained.run("evaluate")


def test_the_model_reads_the_contracts_features_alone(evaluated):
    """What no feature holds moves no score: protected columns, id and time."""
    test, model = evaluated.parts()["test"], Model.read(evaluated.path / paths.MODEL)
    other = test.assign(gender="male", race="other", postcode="P01", application_id="x", applied_at=pd.Timestamp(0))
    assert np.array_equal(encode(test, model.columns), encode(other, model.columns), equal_nan=True)
