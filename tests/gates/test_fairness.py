"""Gate fairness: the groups of a protected column are treated alike, and no input stands for them."""

from math import nan

import numpy as np
import pytest

from judging import (
    TABLE,
    TABLES,
    TASKS,
    WORLDS,
    evidence,
    first_run,
    holding,
    knobs,
    people,
    said,
    states,
    table,
    world,
)
from mlops.errors import CannotRun
from mlops.gates import fairness
from mlops.gates.result import Gate
from mlops.proxy import Proxy

GENDER = np.array(["f", "m"])


def gates(*args, **changes) -> dict[str, Gate]:
    """What the gate says, by title without the column."""
    return {gate.title.removeprefix("gender: "): gate for gate in said(fairness, *args, **changes)}


def by_share(rows: int, **selected: int):
    """Groups of `rows` rows each; of both classes of group g exactly selected[g] % are decided positive."""
    place = np.arange(rows * len(selected)) // len(selected)
    gender = np.resize(list(selected), len(place))
    share = np.array([selected[name] for name in gender])
    score = np.where(place // 2 % 50 * 2 < share, 0.6, 0.4)
    return evidence((place % 2).astype("int8"), score, gender=gender)


def lifted(score: np.ndarray) -> np.ndarray:
    """Scores that are too high: of several classes that of the last."""
    if score.ndim == 2:
        return score * [1, 1, 3] / (score * [1, 1, 3]).sum(axis=1, keepdims=True)
    return score + 0.3 * (1 - score if score.max() < 1 else 1)


def doubtful(score: np.ndarray) -> np.ndarray:
    """The same decisions among several classes, told with a probability of a half."""
    return 0.25 + 0.25 * np.eye(3)[score.argmax(axis=1)]


def skewed(task: str, rows: int = 2000, wrong=lifted):
    """A world in which the scores of each m are wrong."""
    target, score = WORLDS[task](rows)
    male = (np.resize(GENDER, rows) == "m").reshape(-1, *[1] * (score.ndim - 1))
    return evidence(target, np.where(male, wrong(score), score), contract=TABLES[task])


@pytest.mark.parametrize("task", TASKS)
def test_accepts_equal_groups(task):
    """Groups drawn from one world pass on every rate."""
    assert {"pass"} == states(fairness, holding(task))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("binary", "share of positive decisions: f less m is -0."),
        ("multiclass", "share of positive decisions (high): f less m is -0."),
        ("regression", "mean prediction (in standard deviations of the target): f less m is -0."),
    ],
)
def test_refuses_a_planted_gap(task, message):
    """Where one group's scores are lifted, the gate fails and names the pair, the class and the unit."""
    gate = gates(skewed(task))["selection rate gap"]
    assert "fail" == gate.status
    assert gate.message.startswith(message)


@pytest.mark.parametrize(("task", "wrong"), [("binary", lifted), ("multiclass", doubtful), ("regression", lifted)])
def test_refuses_a_planted_gap_of_calibration(task, wrong):
    """Where one group gets more than happens to it, or is told with more doubt, the gap of calibration fails."""
    gate = gates(skewed(task, 4000, wrong))["calibration gap"]
    assert "fail" == gate.status
    assert gate.observed > 0.1


def test_each_class_is_looked_at_as_the_positive_one():
    """Rows of one class that are missed in one group alone fail, though as many are decided to be of each class."""
    place = np.arange(3000)
    target, male = place // 2 % 3, place % 2 == 1
    called = np.where(male & (target < 2), 1 - target, target)
    found = gates(evidence(target, np.where(np.arange(3) == called[:, None], 0.8, 0.1), contract=TABLES["multiclass"]))
    assert ["pass", "fail"] == [found[f"{rate} gap"].status for rate in ("selection rate", "true positive rate")]
    assert "share of positive decisions among true positives (low): f less m is +1.000" in (
        found["true positive rate gap"].message
    )


def test_a_class_of_few_rows_makes_no_gap():
    """A class with less than 50 rows in a group has no true positive rate to judge; the others have."""
    target, score = WORLDS["multiclass"](1000)
    target = np.where((target == 0) & (np.arange(1000) > 150), 1, target)
    found = fairness._gaps(evidence(target, score, contract=TABLES["multiclass"]), "gender")
    assert ["middle", "high"] == [pair[2] for pair, *_ in found["true_positive_rate"]]
    assert ["low", "middle", "high"] == [pair[2] for pair, *_ in found["selection_rate"]]


def test_a_number_has_no_true_positives():
    """A regression is judged by its mean prediction and its mean error."""
    assert ["selection rate gap", "calibration gap", "proxies among the inputs"] == list(gates(holding("regression")))


def test_gaps_of_numbers_are_in_the_spread_of_the_target():
    """Grams or tonnes: the gap is the same."""
    target, score = WORLDS["regression"](1000)
    found = [gates(evidence(k * target, k * score, contract=TABLES["regression"], resamples=20)) for k in (1, 1e6)]
    assert found[0]["selection rate gap"].observed == pytest.approx(found[1]["selection rate gap"].observed)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_tiny_groups_are_neutral_in_every_task(task):
    """Where there are not two classes, a group needs twice as many rows in all."""
    target, score = WORLDS[task](1000)
    for few, expected in ((99, {"neutral"}), (101, {"pass", "warn", "fail"})):
        found = gates(evidence(target, score, contract=TABLES[task], gender=np.where(np.arange(1000) < few, "m", "f")))
        seen = {found[f"{rate} gap"].status for rate in ("selection rate", "calibration")}
        assert seen <= expected


def test_refuses_a_planted_gap_of_selection():
    """Where one group's scores are lifted, its selection rate fails, and the message has the pair and the interval."""
    target, score = world()
    lifted = np.where(np.resize(GENDER, len(score)) == "m", np.minimum(score + 0.25, 1), score)
    found = gates(evidence(target, lifted))
    assert "fail" == found["selection rate gap"].status
    assert found["selection rate gap"].message.startswith("share of positive decisions: f less m is -0.2")
    assert "fail" == found["calibration gap"].status


def test_refuses_a_planted_gap_among_true_positives():
    """Where one group's positives are missed, its true positive rate fails, though as many of it are selected."""
    place = np.arange(2000)
    target, female = (place // 2 % 2).astype("int8"), place % 2 == 0
    found = gates(evidence(target, np.where(female == target, 0.6, 0.4)))
    states = [found[f"{rate} gap"].status for rate in ("selection rate", "true positive rate")]
    assert ["pass", "fail"] == states


@pytest.mark.parametrize(("rows", "expected"), [(100, "warn"), (4000, "fail")])
def test_a_gap_that_may_be_chance_is_a_warning(rows, expected):
    """The same gap of 0.12 between small groups may be chance, which is said; between large ones it fails."""
    gate = gates(by_share(rows, f=50, m=62))["selection rate gap"]
    assert (expected, 0.12) == (gate.status, gate.observed)
    assert (expected == "warn") == gate.message.endswith(
        "0.1 is allowed; among all gaps looked at, one like it may be chance"
    )


def test_many_pairs_are_adjusted_for():
    """A gap that fails between two groups alone may be chance where it is the largest of three pairs."""
    strict = knobs({"fairness": {"selection_rate": 0.05}})
    two = gates(by_share(200, f=20, m=32), params=strict)
    three = gates(by_share(200, f=20, m=32, x=24), params=strict)
    assert ["fail", "warn"] == [found["selection rate gap"].status for found in (two, three)]


def test_tiny_groups_are_neutral():
    """Groups without 50 rows of each class are too few to judge, which is no pass."""
    target, score = world()
    found = gates(evidence(target, score, gender=np.where(np.arange(2000) < 60, "m", "f")))
    assert {"neutral"} == {
        found[f"{rate} gap"].status for rate in ("selection rate", "true positive rate", "calibration")
    }


def test_a_tiny_group_hides_no_gap_of_the_others():
    """Two large groups are judged beside a third that is too small."""
    target, score = world()
    gender = np.where(np.arange(2000) < 40, "x", np.resize(GENDER, 2000))
    found = gates(evidence(target, np.where(gender == "m", np.minimum(score + 0.25, 1), score), gender=gender))
    assert "fail" == found["selection rate gap"].status


def test_refuses_gaps_that_cannot_be_resampled():
    """Rows that all belong to one id leave no error, so the gaps fail instead of passing with a width of 0."""
    rows = people(holding().target, loan="one")
    found = gates(rows=rows)
    assert {"fail"} == {found[f"{rate} gap"].status for rate in ("selection rate", "true positive rate", "calibration")}


@pytest.mark.parametrize(("ids", "expected"), [(5, "pass"), (2, "fail")])
def test_a_few_resamples_without_positives_are_left_out(ids, expected):
    """The ten positives of a group are of five people: 1 resample in 150 has none of them. Of two people: 1 in 7."""
    place = np.arange(1200)
    female = place % 2 == 0
    target = np.where(female, place < 20, place // 2 % 2).astype("int8")
    score = np.where(np.where(female, place // 2, place // 4) % 2 == 0, 0.6, 0.4)
    loan = np.where(female, place // (20 // ids), 10_000 + place)
    found = gates(evidence(target, score, gates={"slices": {"min_class_rows": 10}}, loan=loan))
    assert expected == found["true positive rate gap"].status


@pytest.mark.parametrize(
    ("task", "changes"),
    [
        ("binary", {"score": np.full(1000, nan)}),
        ("binary", {"threshold": nan}),
        ("multiclass", {"score": np.full((1000, 3), nan)}),
        ("regression", {"score": np.full(1000, nan)}),
    ],
)
def test_refuses_scores_that_are_no_numbers(task, changes):
    """NaN is not below the threshold, nor the least likely class: the gate cannot judge."""
    with pytest.raises(CannotRun, match="a score or the threshold is not a number"):
        said(fairness, first_run(task), **changes)


def test_accepts_inputs_that_do_not_tell_the_group():
    """An AUC near 0.5 passes, and says of which group."""
    gate = gates(proxies={"gender": Proxy("m", 0.55, 0.01)})["proxies among the inputs"]
    assert "pass" == gate.status
    assert "tell m from the rest with AUC 0.550" in gate.message


@pytest.mark.parametrize(("auc", "se", "expected"), [(0.8, 0.01, "fail"), (0.66, 0.1, "warn"), (nan, 0.01, "fail")])
def test_refuses_inputs_that_tell_the_group(auc, se, expected):
    """An AUC above `gates.fairness.proxy_auc` fails, warns where it may be chance, and fails where it is NaN."""
    assert expected == gates(proxies={"gender": Proxy("m", auc, se)})["proxies among the inputs"].status


@pytest.mark.parametrize(
    ("alone", "words"), [(0.87123, "city alone does it with 0.8712"), (0.6, "city tells most of it, alone 0.6000")]
)
def test_names_the_input_that_tells_the_group(alone, words):
    """The limit, the column and what to do about it."""
    gate = gates(proxies={"gender": Proxy("m", 0.9, 0.01, "city", alone)})["proxies among the inputs"]
    assert gate.message.endswith(f"; 0.65 is allowed; {words}: set `feature: false` on it in data/contract.yaml")


def test_names_no_input_where_none_tells_the_group():
    """What passes needs no remedy, and says its limit."""
    gate = gates(proxies={"gender": Proxy("m", 0.55, 0.01, "city", 0.54)})["proxies among the inputs"]
    assert gate.message.endswith("; 0.65 is allowed")


def test_refuses_a_protected_column_as_input():
    """A model that reads the column fails, whatever its proxies are."""
    gate = gates(inputs=["amount", "gender"], proxies={"gender": None})["proxies among the inputs"]
    assert ("fail", "gender is itself an input of the model") == (gate.status, gate.message)


def test_no_group_large_enough_for_a_proxy_is_neutral():
    """None says that it was looked at and there were too few rows."""
    assert "neutral" == gates(proxies={"gender": None})["proxies among the inputs"].status


def test_refuses_a_proxy_that_was_not_measured():
    """A protected column that nobody looked at fails."""
    assert "fail" == gates(proxies={})["proxies among the inputs"].status


def test_no_protected_column_is_neutral():
    """A contract without protected columns gives no pass, and says so."""
    (gate,) = said(fairness, table=table(TABLE.replace("protected: true", "protected: false")))
    assert ("neutral", "data/contract.yaml names no protected column") == (gate.status, gate.message)


def test_limits_come_from_params():
    """A wider limit lets the same gap pass."""
    wide = knobs({"fairness": {"selection_rate": 0.2}})
    found = by_share(4000, f=50, m=62)
    assert "pass" == gates(found, params=wide)["selection rate gap"].status
