"""How good the champion is on a window, what it is expected to be without labels, and what that estimate cannot see."""

import json
import os
import subprocess

import numpy as np
import pandas as pd
import pytest

import monitor
from champions import TABLE, knobs, reference
from mlops import contract
from mlops.drift import performance
from mlops.drift.drift import with_scores
from mlops.drift.performance import CALIBRATION, Judged
from mlops.pipeline import ingest

KNOBS = knobs()


def rows(start: str, end: str) -> pd.DataFrame:
    """Months of the sample, with the champion's scores."""
    frame = ingest.given(KNOBS.data, TABLE, start, end)
    return with_scores(frame, reference().model, TABLE)


@pytest.fixture(scope="module")
def quiet():
    """Two months in which nothing is planted."""
    return rows("2025-01", "2025-02")


@pytest.fixture(scope="module")
def shifted():
    """Two months in which late payments mean something else."""
    return rows("2025-07", "2025-08")


def judged(frame) -> dict[str, Judged]:
    """What the champion is worth on these rows, by group."""
    return performance.judged(frame, TABLE, reference().model, KNOBS)


def by_name(found) -> dict:
    """{(kind, what): finding} of all rows."""
    return {(each.kind, each.what): each for each in found if not each.group}


def test_all_rows_and_each_group_with_rows_enough_are_judged(quiet):
    """The value is the metric's own; a group with few defaults is left out."""
    from sklearn.metrics import roc_auc_score

    found = judged(quiet)
    target = contract.targets(quiet[TABLE.target], TABLE)
    assert pytest.approx(roc_auc_score(target, quiet["_score"])) == found[""].value
    assert pytest.approx(quiet["_score"].mean() - target.mean()) == found[""].gap
    assert "gender=female" in found
    assert "gender=nonbinary" not in found


def test_rows_without_labels_are_judged_in_no_way(quiet):
    """Nor are too few of them."""
    assert {} == judged(quiet.head(0))
    assert "" not in judged(quiet.head(400))


def test_the_same_world_is_no_loss(quiet):
    """Effects are small, p is not."""
    found = by_name(performance.check(judged(rows("2024-09", "2024-12")), judged(quiet), 4000, KNOBS))
    assert found["performance", "roc_auc"].effect < 0.02
    assert found["performance", CALIBRATION].p > 0.01


def test_another_concept_is_a_loss_and_moves_calibration(quiet, shifted):
    """What the model says of the rows is no longer what happens."""
    found = by_name(performance.check(judged(quiet), judged(shifted), 4000, KNOBS))
    for what, limit in (("roc_auc", 0.02), (CALIBRATION, 0.04)):
        each = found["performance", what]
        assert each.effect > limit
        assert each.p < 1e-4
        assert pytest.approx(each.effect) == abs(each.now - each.before)


def test_a_gain_is_no_loss(quiet, shifted):
    """p is one-sided, and the effect 0."""
    each = by_name(performance.check(judged(shifted), judged(quiet), 4000, KNOBS))["performance", "roc_auc"]
    assert 0 == each.effect
    assert each.p > 0.999


def test_without_enough_labels_it_says_so(quiet):
    """And which number is needed."""
    (each,) = performance.check(judged(quiet), {}, 77, KNOBS)
    assert ("too few", True) == (each.state, each.note.startswith("77 rows have a label, and 500 are needed"))


def test_the_estimate_is_about_what_labels_say_where_nothing_has_changed(quiet):
    """Within three of its own standard errors and those of the labels."""
    expected, real = performance.estimated(quiet, reference().model, KNOBS), judged(quiet)[""]
    assert abs(expected.value - real.value) < 3 * np.hypot(expected.value_se, real.value_se)


def test_the_estimate_sees_harder_rows(quiet):
    """Scores that are closer together rank worse."""
    harder = quiet.assign(_score=0.2 + (quiet["_score"] - 0.2) * 0.3)
    both = [performance.estimated(frame, reference().model, KNOBS) for frame in (quiet, harder)]
    (each,) = performance.check_estimate(*both, KNOBS)
    assert each.effect > 0.05
    assert each.p < 1e-6


def test_the_estimate_does_not_see_another_concept(quiet, shifted):
    """It takes the champion's probabilities for right."""
    both = [performance.estimated(frame, reference().model, KNOBS) for frame in (quiet, shifted)]
    (each,) = performance.check_estimate(*both, KNOBS)
    assert each.effect < 0.02
    assert judged(quiet)[""].value - judged(shifted)[""].value > 0.02


def test_the_estimate_of_log_loss_is_the_entropy_of_the_scores(quiet):
    """Where labels are drawn from the scores, the expected log loss of a row is the entropy of its score."""
    p = quiet["_score"].to_numpy()
    entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p)).mean()
    gates = KNOBS.gates.model_copy(update={"primary": "log_loss"})
    found = performance.estimated(quiet, reference().model, KNOBS.model_copy(update={"gates": gates}))
    assert pytest.approx(entropy, abs=0.01) == found.value
    assert 0 < found.value_se < 0.02


def test_numbers_and_few_rows_have_no_estimate(quiet):
    """A predicted number says nothing of how sure it is."""
    model = replace_task(reference().model, "regression")
    assert performance.estimated(quiet, model, KNOBS) is None
    assert performance.estimated(quiet.head(99), reference().model, KNOBS) is None
    (each,) = performance.check_estimate(None, None, KNOBS)
    assert "not known" == each.state


def test_several_classes_are_scored_by_all_of_them():
    """A column a class."""
    model = replace_task(reference().model, "multiclass", classes=("a", "b", "c"))
    score = np.random.default_rng(0).dirichlet(np.ones(3), size=900)
    frame = pd.DataFrame({f"_score_{name}": score[:, place] for place, name in enumerate("abc")})
    np.testing.assert_array_equal(score, performance.scored(frame, model))
    gates = KNOBS.gates.model_copy(update={"primary": "accuracy"})
    found = performance.estimated(frame, model, KNOBS.model_copy(update={"gates": gates}))
    assert pytest.approx(score.max(axis=1).mean(), abs=0.01) == found.value


def replace_task(model, task: str, **more):
    """A model of another task, as far as scores are concerned."""
    from copy import copy

    other = copy(model)
    other.task = task
    for name, value in more.items():
        setattr(other, name, value)
    return other


def test_standard_errors_shrink_with_the_rows(quiet):
    """A quarter of the rows, twice the error."""
    few, many = (judged(frame)[""] for frame in (quiet.head(1000), quiet))
    assert 1.5 < few.value_se / many.value_se < 2.7
    assert 1.7 < few.gap_se / many.gap_se < 2.3


def turned(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows whose labels are the other one where payments were late; all else is as it was."""
    label = frame[TABLE.target]
    return frame.assign(**{TABLE.target: label.where(frame["late_payments"] == 0, 1 - label)})


def test_labels_that_are_turned_leave_the_estimate_where_it_was(quiet):
    """The same features, another truth where payments are late: the area under the curve falls, its estimate is the same number."""
    before, after = (performance.estimated(frame, reference().model, KNOBS) for frame in (quiet, turned(quiet)))
    assert before == after
    assert judged(quiet)[""].value - judged(turned(quiet))[""].value > 0.05


NANNYML = """
import sys
import nannyml
import pandas as pd

folder, *names = sys.argv[1:]
one = nannyml.CBPE(
    problem_type="classification_binary", y_true="y_true", y_pred="y_pred", y_pred_proba="y_pred_proba",
    metrics=["roc_auc"], chunk_number=1,
)
one.fit(pd.read_parquet(f"{folder}/reference.parquet"))
found = {}
for name in names:
    said = one.estimate(pd.read_parquet(f"{folder}/{name}.parquet")).filter(period="analysis").to_df()["roc_auc"]
    found[name] = said[["value", "realized"]].iloc[0]
pd.DataFrame(found).to_json(f"{folder}/found.json")
"""


@pytest.mark.slow
class TestNannyML:
    """The estimate beside NannyML's, which computes the mean that ours draws."""

    SEEDS = 10

    @pytest.fixture(scope="class")
    def frames(self, quiet, shifted):
        """Rows as they were, harder ones, those of another concept, and quiet ones with labels turned."""
        return {
            "quiet": quiet,
            "harder": quiet.assign(_score=0.2 + (quiet["_score"] - 0.2) * 0.3),
            "shifted": shifted,
            "turned": turned(quiet),
        }

    @pytest.fixture(scope="class")
    def theirs(self, frames, tmp_path_factory):
        """{name: {value, realized}}, estimated and with labels."""
        folder = tmp_path_factory.mktemp("nannyml")
        unseen = with_scores(reference().frame[reference().unseen], reference().model, TABLE)
        for name, frame in {"reference": unseen, **frames}.items():
            score = frame["_score"].to_numpy(np.float64)
            columns = {
                "y_true": contract.targets(frame[TABLE.target], TABLE).astype(int),
                "y_pred": reference().model.decide(score).astype(int),
                "y_pred_proba": score,
            }
            pd.DataFrame(columns).to_parquet(folder / f"{name}.parquet")
        without_telemetry = os.environ | {"NML_DISABLE_USAGE_LOGGING": "1"}
        command = [monitor.python(), "-W", "ignore", "-c", NANNYML, folder, *frames]
        subprocess.run(command, check=True, env=without_telemetry)
        return json.loads((folder / "found.json").read_text())

    @pytest.mark.parametrize("name", ["quiet", "harder", "shifted", "turned"])
    def test_both_estimates_are_one(self, frames, theirs, name):
        """Within three standard errors of ours: a mean of so many draws, each of which strays by no more than `value_se`."""
        drawn = [performance.estimated(frames[name], reference().model, KNOBS, seed) for seed in range(self.SEEDS)]
        mean, se = np.mean([each.value for each in drawn]), np.mean([each.value_se for each in drawn])
        assert abs(mean - theirs[name]["value"]) < 3 * se / np.sqrt(self.SEEDS * performance.DRAWS)
        assert abs(drawn[0].value - theirs[name]["value"]) < 3 * drawn[0].value_se / np.sqrt(performance.DRAWS)

    @pytest.mark.parametrize("name", ["shifted", "turned"])
    def test_neither_sees_another_concept(self, frames, theirs, name):
        """With labels both say how bad it is, and the same."""
        assert pytest.approx(theirs[name]["realized"]) == judged(frames[name])[""].value
        assert theirs["quiet"]["realized"] - theirs[name]["realized"] > 0.05
        assert abs(theirs["quiet"]["value"] - theirs[name]["value"]) < 0.02
