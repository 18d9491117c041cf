"""Stage `evaluate`: test rows are read once, and what is committed says what the model file does on them."""

import hashlib
from io import StringIO
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, log_loss, roc_auc_score

from copies import SAMPLE
from mlops import paths
from mlops.encoding import encode, spec
from mlops.errors import CannotRun
from mlops.export import to_onnx
from mlops.files import read_json, read_table, write_table
from mlops.onnx_model import Model
from mlops.pipeline.evaluate import parity, worst
from mlops.pipeline.train import fit
from model.metrics import per_row

WRITTEN = (paths.METRICS, paths.PREDICTIONS, paths.CARD, *map(paths.PLOT.format, ("roc", "calibration", "scores")))


def metrics_of(folder) -> dict:
    """metrics.json of a folder."""
    return read_json(folder.path / paths.METRICS, "")


def predictions_of(folder) -> pd.DataFrame:
    """reports/predictions.parquet of a folder."""
    return read_table(folder.path / paths.PREDICTIONS)


def plot(folder, name: str) -> pd.DataFrame:
    """One of the plots' tables."""
    return pd.read_csv(StringIO((folder.path / paths.PLOT.format(name)).read_text(encoding="utf-8")))


def crowd(**groups) -> pd.DataFrame:
    """Predictions of groups of the slice column `gender`: name -> (positives, negatives), scored alike in each."""
    rows = [
        {"slice_gender": name, "target": target, "score": (place % 10) / 10 + 0.05 * target}
        for name, (positives, negatives) in groups.items()
        for target, count in ((1, positives), (0, negatives))
        for place in range(count)
    ]
    return pd.DataFrame(rows)


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
    test, model = evaluated.parts()["test"], Model.read(evaluated.path / paths.MODEL)
    target, score = test["default"].to_numpy(), model.score(test)
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


def test_predictions_have_one_row_a_test_row(evaluated):
    """In the order of the test rows: target, score to six digits, decision and the groups of slices and protected columns."""
    test, model, found = (
        evaluated.parts()["test"],
        Model.read(evaluated.path / paths.MODEL),
        predictions_of(evaluated),
    )
    score = model.score(test)
    groups = [f"slice_{name}" for name in dict.fromkeys([*evaluated.table.slices, *evaluated.table.protected])]
    assert ["application_id", "target", "score", "decision", *groups] == list(found)
    assert list(test["application_id"]) == list(found["application_id"])
    assert list(test["default"]) == list(found["target"])
    assert np.array_equal(score.round(6), found["score"])
    assert np.array_equal(score >= model.threshold, found["decision"])
    assert list(test["gender"]) == list(found["slice_gender"])


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


def test_every_plot_has_the_columns_that_dvc_draws(evaluated):
    """dvc.yaml names the files, and an x and a y in each."""
    stage = yaml.safe_load((SAMPLE / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["evaluate"]
    drawn = {name: spec for plots in stage["plots"] for name, spec in plots.items()}
    assert {paths.PLOT.format(name) for name in ("roc", "calibration", "scores")} == set(drawn)
    for name, axes in drawn.items():
        table = plot(evaluated, Path(name).stem)
        assert {axes["x"], axes["y"]} == set(table)
        assert 2 <= len(table) <= 200
        assert table.notna().all(axis=None)


def test_plots_say_what_the_scores_are(evaluated):
    """The ROC curve runs from corner to corner, every test row has its bar, calibration lies between 0 and 1."""
    roc, scores, calibration = (plot(evaluated, name) for name in ("roc", "scores", "calibration"))
    assert ([0, 0], [1, 1]) == (list(roc.iloc[0]), list(roc.iloc[-1]))
    assert roc["false_positive_rate"].is_monotonic_increasing
    assert roc["true_positive_rate"].is_monotonic_increasing
    assert len(evaluated.parts()["test"]) == scores["rows"].sum()
    assert calibration.to_numpy().min() >= 0
    assert calibration.to_numpy().max() <= 1


def test_the_model_card_names_the_model(evaluated):
    """The card is made from the same figures."""
    card, found = (evaluated.path / paths.CARD).read_text(encoding="utf-8"), metrics_of(evaluated)
    assert found["model_hash"][:12] in card
    assert f"{found['metrics']['roc_auc']:.4f}" in card


def test_nothing_that_is_committed_or_published_names_a_row(evaluated):
    """Ids stand in the predictions alone."""
    ids = predictions_of(evaluated)["application_id"]
    text = "".join((evaluated.path / path).read_text() for path in WRITTEN if not path.endswith("parquet"))
    assert not [value for value in ids if value in text]


def test_parity_compares_the_pipeline_with_the_served_model(evaluated):
    """The figures are the largest difference and the decisions that differ, over all test rows."""
    found = metrics_of(evaluated)["parity"]
    assert {"max_difference", "decisions_changed", "rows"} == set(found)
    assert (0, len(evaluated.parts()["test"])) == (found["decisions_changed"], found["rows"])
    assert found["max_difference"] < 1e-5


def test_parity_finds_another_pipeline(evaluated):
    """A model file that was not made from the fitted pipeline is seen in scores and decisions."""
    parts, model = evaluated.parts(), Model.read(evaluated.path / paths.MODEL)
    other = evaluated.knobs.train.model_copy(update={"estimator": "logistic"})
    score, fitted = model.score(parts["test"]), fit(parts["train"], parts["validation"], evaluated.table, other)
    found = parity(parts["test"], score, model, fitted)
    expected = np.abs(
        Model(to_onnx(fitted["pipeline"], model.columns, fitted["calibration"], 0.5)).score(parts["test"]) - score
    ).max()
    assert pytest.approx(expected, rel=0.01) == found["max_difference"]
    assert found["decisions_changed"] > 0


def test_a_score_on_the_threshold_is_no_changed_decision(evaluated):
    """Where the threshold is a row's own score, float32 and float64 may fall on its two sides, which is rounding."""
    test, fitted = evaluated.parts()["test"], joblib.load(evaluated.path / paths.PIPELINE)
    scores = Model.read(evaluated.path / paths.MODEL).score(test)
    for threshold in scores[:20]:
        columns = spec(evaluated.table)
        model = Model(to_onnx(fitted["pipeline"], columns, fitted["calibration"], float(threshold)))
        assert 0 == parity(test, model.score(test), model, fitted)["decisions_changed"]


def test_the_worst_groups_come_first(trained):
    """Their AUC is scikit-learn's on their rows, lowest first, five at most, with rows and positives."""
    trained.set_contract({"slices": ["employment", "gender"]})
    trained.set_params({"gates.slices.min_class_rows": 10}).run("evaluate")
    found, rows = metrics_of(trained)["slices"], predictions_of(trained)
    assert 1 <= len(found) <= 5
    assert sorted(found, key=lambda group: group["roc_auc"]) == found
    for group in found:
        name, gender = (part.split("=")[1] for part in group["slice"].split(", "))
        at = rows[(rows["slice_employment"] == name) & (rows["slice_gender"] == gender)]
        assert (len(at), at["target"].sum()) == (group["rows"], group["positives"])
        assert pytest.approx(roc_auc_score(at["target"], at["score"]), abs=1e-6) == group["roc_auc"]


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ({"female": (50, 50), "male": (50, 60)}, {"gender=female", "gender=male"}),
        ({"female": (49, 500), "male": (500, 49)}, set()),
        ({"female": (50, 50), "male": (200, 0), "nonbinary": (0, 200)}, {"gender=female"}),
        ({"female": (50, 50), "slice_slice_male": (50, 50)}, {"gender=female", "gender=slice_slice_male"}),
    ],
)
def test_a_group_is_judged_with_enough_rows_of_each_class(folder, groups, expected):
    """A group of one class, or of few rows of one, is no worst group; a group keeps its own name."""
    table = folder.set_contract({"slices": ["gender"]}).table
    assert expected == {group["slice"] for group in worst(crowd(**groups), table, 50)}


def test_no_slices_are_no_groups(folder):
    """A contract that watches no group has none."""
    assert [] == worst(crowd(female=(50, 50)), folder.set_contract({"slices": []}).table, 50)


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
