"""The paired bootstrap: equal to a plain scikit-learn loop, honest intervals, and what they decide."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)

from judging import CLASSES, WORLDS, blurred
from mlops import bootstrap
from mlops.bootstrap import Difference, paired, single
from mlops.errors import CannotRun
from mlops.metrics import METRICS, Scores, named


def world(rows: int, seed: int, noises=(0.6, 0.9), digits: int = 9):
    """Return a target and the scores of two models that see its cause through more or less noise."""
    random = np.random.default_rng(seed)
    cause = random.normal(size=rows)
    target = (random.random(rows) < 1 / (1 + np.exp(1 - 1.5 * cause))).astype(int)
    scores = [1 / (1 + np.exp(1 - 1.2 * (cause + noise * random.normal(size=rows)))) for noise in noises]
    return target, [Scores(score.round(digits), 0.4, {"gain": target * score}) for score in scores]


def other_world(task: str, rows: int, seed: int, noises=(0.3, 0.45)):
    """The same for another task: by noise one model is the better."""
    target, truth = WORLDS[task](rows, seed)
    classes = CLASSES if task == "multiclass" else ()
    scores = [blurred(truth, 10 * seed + i, noise) for i, noise in enumerate(noises)]
    return target, [Scores(score, 0.4, {"gain": target * 0.1}, task, classes) for score in scores]


def tied(task: str, rows: int, seed: int):
    """The same with many ties; two rows are of the first class, and none of the last, though it is said."""
    random = np.random.default_rng(seed)
    if task == "regression":
        target, models = other_world(task, rows, seed)
        return target.round(1), [replace(model, score=model.score.round(1)) for model in models]
    target = np.where(np.arange(rows) < 2, 0, random.integers(1, 3, rows))
    shares = np.array([[0.4, 0.3, 0.3, 0], [0, 0.5, 0.35, 0.15], [0, 0.35, 0.5, 0.15]])[target]
    scores = [random.multinomial(count, shares) / count for count in (10, 5)]
    names = ("rare", "one", "two", "none")
    return target, [Scores(score, 0.4, {"gain": target * 0.1}, task, names) for score in scores]


def by_scikit_learn(target, model: Scores) -> dict[str, float]:
    """Every metric of a model, by scikit-learn's own functions."""
    task = {"binary": _binary, "multiclass": _multiclass, "regression": _regression}[model.task]
    return task(target, model) | {"gain": model.extra["gain"].mean()}


def _multiclass(target, model: Scores) -> dict[str, float]:
    decision, places = model.score.argmax(axis=1), range(len(model.classes))
    recalls = recall_score(target, decision, labels=places, average=None, zero_division=0)
    seen = [(target == place).any() for place in places]
    return {
        "macro_f1": f1_score(target, decision, average="macro"),
        "accuracy": accuracy_score(target, decision),
        "log_loss": log_loss(target, model.score, labels=places),
    } | {f"recall_{model.classes[at]}": recalls[at] if seen[at] else math.nan for at in places}


def _regression(target, model: Scores) -> dict[str, float]:
    return {
        "rmse": root_mean_squared_error(target, model.score),
        "mae": mean_absolute_error(target, model.score),
        "r2": r2_score(target, model.score),
    }


def _binary(target, model: Scores) -> dict[str, float]:
    decision = model.score >= model.threshold
    return {
        "roc_auc": roc_auc_score(target, model.score),
        "average_precision": average_precision_score(target, model.score),
        "log_loss": log_loss(target, model.score),
        "brier": brier_score_loss(target, model.score),
        "f1": f1_score(target, decision),
    }


def draws(ids, seed: int, resamples: int = 20) -> list[np.ndarray]:
    """The rows of each resample, drawn one id after another."""
    names = list(dict.fromkeys(ids))
    drawn = np.random.default_rng(seed).integers(len(names), size=(resamples, len(names)))
    return [np.concatenate([np.flatnonzero(ids == names[cluster]) for cluster in each]) for each in drawn]


@pytest.mark.parametrize("digits", [1, 9])
@pytest.mark.parametrize("rows_per_id", [1, 3])
def test_every_resample_equals_scikit_learn_on_the_drawn_rows(rows_per_id, digits):
    """Twenty resamples give scikit-learn's values to 1e-9, with tied scores and with ids of several rows."""
    target, models = world(600, 1, digits=digits)
    ids = np.random.default_rng(2).permutation(600) // rows_per_id
    _, resampled = bootstrap.resampled(target, models, ids, resamples=20, seed=5)
    for i, rows in enumerate(draws(ids, 5)):
        for model, values in zip(models, resampled, strict=True):
            expected = by_scikit_learn(target[rows], model.at(rows))
            assert pytest.approx(expected, abs=1e-9, rel=0) == {
                name: float(column[i]) for name, column in values.items()
            }


@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize("rows_per_id", [1, 3])
def test_every_resample_equals_scikit_learn_in_every_task(rows_per_id, task):
    """The same with several classes, of which some resamples lose one and one has no row, and with numbers."""
    target, models = tied(task, 300, 1)
    ids = np.arange(300) // rows_per_id
    _, resampled = bootstrap.resampled(target, models, ids, resamples=20, seed=5)
    for i, rows in enumerate(draws(ids, 5)):
        for model, values in zip(models, resampled, strict=True):
            expected = by_scikit_learn(target[rows], model.at(rows))
            found = {name: float(column[i]) for name, column in values.items()}
            assert pytest.approx(expected, abs=1e-9, rel=0, nan_ok=True) == found
    lost = np.isnan(resampled[0].get("recall_rare", np.array([math.nan, 0])))
    assert (True, True) == (lost.any(), not lost.all())


def test_a_difference_is_candidate_less_main():
    """Values are those of all rows, delta their difference, the interval the percentiles of resampled differences."""
    target, (main, candidate) = world(400, 3)
    (old, new), (before, after) = bootstrap.resampled(target, (main, candidate), resamples=200)
    for name, difference in paired(target, main, candidate, resamples=200).items():
        deltas = after[name] - before[name]
        expected = [
            old[name],
            new[name],
            new[name] - old[name],
            *np.quantile(deltas, [0.025, 0.975]),
            deltas.std(ddof=1),
            200,
        ]
        assert pytest.approx(expected) == list(vars(difference).values())


def test_a_model_against_itself_differs_by_nothing():
    """Two equal models have a difference of 0 with an interval of width 0, which passes."""
    target, (main, _) = world(300, 4)
    for difference in paired(target, main, main, resamples=100).values():
        assert (difference.delta, difference.low, difference.high, difference.se) == (0, 0, 0, 0)
        assert bootstrap.judge(difference, 0.01) == "pass"


def test_the_same_seed_gives_the_same_intervals(monkeypatch):
    """The draws depend on the seed alone, not on how many fit in a batch."""
    target, models = world(301, 5)
    once = paired(target, *models, resamples=50, seed=1)
    monkeypatch.setattr(bootstrap, "CELLS", 1000)
    again = paired(target, *models, resamples=50, seed=1)
    assert all(pytest.approx(vars(once[name]), abs=1e-12) == vars(again[name]) for name in once)
    assert once != paired(target, *models, resamples=50, seed=2)


def test_only_the_metrics_asked_for_are_made():
    """`metrics` limits the work and leaves the values as they are."""
    target, models = world(300, 6)
    few = paired(target, *models, metrics=["brier", "gain"], resamples=50)
    every = paired(target, *models, resamples=50)
    assert ["brier", "gain"] == list(few)
    assert all(pytest.approx(vars(every[name]), abs=1e-12) == vars(few[name]) for name in few)


def test_single_gives_the_interval_of_one_model():
    """One model's metric comes with its value inside its interval."""
    target, (main, _) = world(500, 7)
    for name, estimate in single(target, main, resamples=200).items():
        assert pytest.approx(by_scikit_learn(target, main)[name]) == estimate.value
        assert estimate.low < estimate.value < estimate.high


def test_sums_add_up_the_drawn_rows():
    """A column of ones sums to the number of rows, and a ratio of sums is a rate."""
    target, _ = world(500, 8)
    ones, positives = bootstrap.sums(np.column_stack([np.ones(500), target]), resamples=300).T
    assert 500 == ones.min() == ones.max()
    assert pytest.approx(target.mean(), abs=0.01) == (positives / ones).mean()


def test_rows_of_one_id_travel_together():
    """Four copies of each row are no more evidence than one: by id the error is twice that of loose rows."""
    target, (main, candidate) = world(500, 9)
    rows = np.repeat(np.arange(500), 4)
    copies = target[rows], main.at(rows), candidate.at(rows)
    loose, tied = (paired(*copies, groups=groups, metrics=["brier"])["brier"] for groups in (None, rows))
    assert pytest.approx(2, rel=0.1) == tied.se / loose.se


def test_one_id_alone_has_no_interval():
    """Rows that all belong to one id cannot be resampled: NaN, which fails, instead of a width of 0."""
    target, models = world(200, 10)
    difference = paired(target, *models, groups=np.full(200, "a"), resamples=20)["brier"]
    assert math.isnan(difference.low)
    assert bootstrap.judge(difference, 0.5) == "fail"


@pytest.mark.parametrize("rare", [0, 1])
@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "f1"])
def test_resamples_that_lose_a_class_are_left_out_and_counted(name, rare):
    """With five rows of one class some resamples have none: the rest still give an interval."""
    target, score = (np.arange(300) < 5) == rare, np.linspace(0.9, 0.1, 300)
    difference = paired(target, Scores(score), Scores(score[::-1]), metrics=[name])[name]
    assert 1980 <= difference.resamples < 2000
    assert difference.low <= difference.delta <= difference.high


def test_too_many_lost_resamples_leave_no_interval():
    """With two positives one resample in seven has none: the interval is NaN, that of means over rows is not."""
    target, score = np.arange(300) < 2, np.linspace(0.9, 0.1, 300)
    differences = paired(target, Scores(score), Scores(score[::-1]), metrics=["roc_auc", "brier"])
    assert [math.isnan(difference.low) for difference in differences.values()] == [True, False]
    assert bootstrap.judge(differences["roc_auc"], 0.5) == "fail"


@pytest.mark.parametrize("target", [0, 1])
def test_one_class_alone_is_nan_and_fails(target):
    """Rows of one class have no AUC and no interval, and the gate fails."""
    score = np.linspace(0.1, 0.9, 50)
    difference = paired(np.full(50, target), Scores(score), Scores(score), resamples=20)["roc_auc"]
    assert (math.isnan(difference.delta), difference.resamples) == (True, 0)
    assert bootstrap.judge(difference, 0.5) == "fail"


@pytest.mark.parametrize(
    ("groups", "message"),
    [([None, "a", "b", "c"], "1 of 4 rows have no id"), (["a", "b"], "there are 2 ids for 4 rows")],
)
def test_ids_that_do_not_fit_are_refused(groups, message):
    """Every row needs an id where rows are resampled by id."""
    scores = Scores(np.array([0.1, 0.2, 0.8, 0.9]))
    with pytest.raises(CannotRun, match=message):
        paired([0, 0, 1, 1], scores, scores, groups=groups)


def test_models_with_different_owners_metrics_are_refused():
    """A metric that only one model has cannot be compared."""
    target, (main, candidate) = world(100, 11)
    with pytest.raises(CannotRun, match=r"main has the owner's metrics \['gain'\], the candidate \[\]"):
        paired(target, main, replace(candidate, extra={}))


def covered(truth: dict, differences: dict) -> dict[str, bool]:
    return {name: differences[name].low <= true <= differences[name].high for name, true in truth.items()}


def share(runs: list[dict[str, bool]]) -> dict[str, float]:
    return {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}


def test_the_interval_covers_the_true_difference():
    """In 90 to 99 % of 200 data sets of 800 rows the 95 % interval holds the difference of 500,000 rows."""
    target, models = world(500_000, 12)
    main, candidate = (by_scikit_learn(target, model) for model in models)
    truth = {name: candidate[name] - main[name] for name in main}
    tables = (world(800, 1000 + seed) for seed in range(200))
    assert {} == uncovered(truth, tables)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_the_interval_covers_the_true_difference_in_every_task(task):
    """The same with three classes and with numbers, of 300,000 rows."""
    target, models = other_world(task, 300_000, 12)
    main, candidate = (by_scikit_learn(target, model) for model in models)
    truth = {name: candidate[name] - main[name] for name in main if name != "gain"}
    assert {} == uncovered(truth, (other_world(task, 800, 1000 + seed) for seed in range(200)))


def uncovered(truth: dict[str, float], tables) -> dict[str, float]:
    """The metrics whose intervals hold the truth too seldom or too often."""
    shares = share([covered(truth, paired(target, *models, resamples=400)) for target, models in tables])
    return {name: value for name, value in shares.items() if not 0.90 <= value <= 0.99}


def test_equal_models_seldom_fail():
    """Two models of the same worth fail in at most 5 % of 200 data sets, even with a margin near 0."""

    def fails(seed: int) -> dict[str, bool]:
        target, models = world(800, 5000 + seed, noises=(0.8, 0.8))
        differences = paired(target, *models, resamples=400)
        return {name: bootstrap.judge(d.oriented(named(name)), 1e-6) == "fail" for name, d in differences.items()}

    assert {name: value for name, value in share([fails(seed) for seed in range(200)]).items() if value > 0.05} == {}


@pytest.mark.parametrize(("by_id", "expected"), [(True, True), (False, False)])
def test_only_resampling_by_id_covers_where_ids_repeat(by_id, expected):
    """With four rows an id, intervals by id cover in 9 of 10 data sets; those of loose rows do not."""
    rows = np.repeat(np.arange(200), 4)
    target, models = world(500_000, 12)
    main, candidate = (by_scikit_learn(target, model)["brier"] for model in models)

    def run(seed: int) -> dict[str, bool]:
        target, models = world(200, 9000 + seed)
        copies = [model.at(rows) for model in models]
        found = paired(target[rows], *copies, groups=rows if by_id else None, metrics=["brier"], resamples=400)
        return covered({"brier": candidate - main}, found)

    assert expected == (share([run(seed) for seed in range(100)])["brier"] >= 0.9)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_no_metric_of_other_tasks_needs_both_classes(task):
    """Where no target is 1, every metric but the recall of a class without rows still has its interval."""
    target, models = other_world(task, 400, 3)
    if task == "multiclass":
        target = np.where(target == 1, 2, target)
    found = paired(target, *models, resamples=50)
    assert ({"recall_middle"} if task == "multiclass" else set()) == {n for n, d in found.items() if math.isnan(d.low)}


def difference(delta: float, half: float) -> Difference:
    """Return a difference with a symmetric 95 % interval."""
    return Difference(0.8, 0.8 + delta, delta, delta - half, delta + half, half / 1.96, 2000)


def test_a_loss_is_turned_so_that_bigger_is_better():
    """A log loss or an RMSE that fell is a gain; an AUC and an R² stay as they are."""
    fell = Difference(0.5, 0.4, -0.1, -0.15, -0.02, 0.03, 2000)
    for name in ("log_loss", "rmse"):
        turned = fell.oriented(METRICS[name])
        assert (0.1, 0.02, 0.15) == (turned.delta, turned.low, turned.high)
    assert [fell, fell] == [fell.oriented(METRICS[name]) for name in ("roc_auc", "r2")]


@pytest.mark.parametrize(
    ("delta", "half", "expected"),
    [
        (0.02, 0.01, "pass"),  # better
        (-0.002, 0.005, "pass"),  # a little worse, surely inside the margin
        (-0.008, 0.001, "pass"),  # surely worse, but inside the margin
        (0.0, 0.02, "undecided"),  # too few rows
        (-0.008, 0.004, "undecided"),  # surely worse, beyond the margin or not
        (-0.02, 0.03, "undecided"),  # beyond the margin, perhaps by chance
        (-0.02, 0.015, "fail"),
        (math.nan, 0.01, "fail"),
        (0.0, math.nan, "fail"),
    ],
)
def test_judge(delta, half, expected):
    """With a margin of 0.01 a difference passes, fails or is undecided by its interval; NaN fails."""
    assert expected == bootstrap.judge(difference(delta, half), 0.01)


def test_a_margin_that_is_no_number_fails():
    """A NaN margin lets nothing through."""
    assert bootstrap.judge(difference(0.1, 0.01), math.nan) == "fail"


@given(st.floats(-0.05, 0.05), st.floats(0.001, 0.1))
def test_rows_to_decide_decide(delta, half):
    """An undecided difference is decided with 1 % more rows than said, and not with 1 % fewer."""
    if bootstrap.judge(difference(delta, half), 0.01) != "undecided" or abs(delta + 0.01) < 1e-4:
        return
    rows = bootstrap.rows_to_decide(difference(delta, half), 0.01, 100_000)
    assert rows >= 100_000
    later, sooner = (difference(delta, half * math.sqrt(100_000 / (rows * factor))) for factor in (1.01, 0.99))
    assert bootstrap.judge(later, 0.01) != "undecided"
    assert bootstrap.judge(sooner, 0.01) == "undecided"


@pytest.mark.parametrize(("delta", "half"), [(-0.01, 0.02), (math.nan, 0.02), (0.0, math.nan)])
def test_no_number_of_rows_decides(delta, half):
    """An estimate on the margin, or one that is NaN, is never decided by more rows."""
    assert None is bootstrap.rows_to_decide(difference(delta, half), 0.01, 1000)


def test_the_normal_interval_and_its_p_value_agree():
    """The 95 % interval ends at 0 where p is 0.05; no error and no difference is p = 1."""
    assert pytest.approx((0, 2), abs=1e-4) == bootstrap.interval(1, 1 / 1.96, 0.05)
    assert pytest.approx(0.05, abs=1e-4) == bootstrap.p_value(1, 1 / 1.96)
    assert (bootstrap.p_value(0, 0), bootstrap.p_value(0.1, 0)) == (1, 0)


@pytest.mark.parametrize(("delta", "se"), [(math.nan, 0.1), (0.1, math.nan), (math.nan, 0)])
def test_a_missing_number_has_no_p_value(delta, se):
    """NaN in, NaN out: what could not be measured is never significant nor insignificant."""
    assert math.isnan(bootstrap.p_value(delta, se))


def test_holm_adjusts_in_the_order_given():
    """The smallest p counts all tests, the next one fewer; none falls below one before it, none exceeds 1."""
    assert pytest.approx([0.03, 0.06, 0.06, 0.02]) == bootstrap.holm([0.01, 0.04, 0.03, 0.005])
    assert pytest.approx([1, 1]) == bootstrap.holm([0.6, 0.9])
    assert bootstrap.holm([]).tolist() == []


def test_holm_leaves_a_missing_p_missing():
    """NaN stays NaN and still counts as a test."""
    assert pytest.approx([0.02, math.nan], nan_ok=True) == bootstrap.holm([0.01, math.nan])


@example([(2.17, 1), (2.05, 1)])  # p 0.03 and 0.04: the first is not rejected, so the second isn't either
@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0.01, 1)), min_size=1, max_size=20))
def test_adjusted_intervals_exclude_0_where_holm_rejects(pairs):
    """An adjusted interval leaves 0 out exactly where the adjusted p is below 0.05."""
    slices = {str(i): difference(delta, 1.96 * se) for i, (delta, se) in enumerate(pairs)}
    p = bootstrap.holm([bootstrap.p_value(d.delta, d.se) for d in slices.values()])
    adjusted = bootstrap.holm_adjusted(slices).values()
    excluded = [d.low > 0 or d.high < 0 for d in adjusted]
    assert (p <= 0.05).tolist() == excluded


def test_adjusted_intervals_of_many_equal_slices_are_wider():
    """A slice that fails alone is undecided among twenty, where one such is expected by chance."""
    alone, among = (
        {str(i): difference(-0.1, 0.09) for i in range(1)},
        {str(i): difference(-0.1, 0.09) for i in range(20)},
    )
    assert [bootstrap.judge(bootstrap.holm_adjusted(d)["0"], 0.05) for d in (alone, among)] == ["fail", "undecided"]
