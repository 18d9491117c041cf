"""Gate degradation: no worse than main on the same rows."""

import re
from math import nan

import pytest

from judging import TABLES, TASKS, WORLDS, blurred, evidence, first_run, holding, knobs, said, states, world
from mlops.bootstrap import Difference
from mlops.gates import degradation
from mlops.gates.degradation import margins


def seen(delta: float, half: float, main: float = 0.8) -> dict[str, Difference]:
    """Every gating metric with the same change and symmetric interval."""
    change = Difference(main, main + delta, delta, delta - half, delta + half, half / 1.96, 2000)
    return dict.fromkeys(holding().differences, change)


def primary(**changes):
    return said(degradation, **changes)[0]


@pytest.mark.parametrize(
    ("task", "titles"),
    [
        ("binary", ["ROC AUC", "Average precision", "Log loss", "Brier score", "F1 at the threshold"]),
        ("multiclass", ["Macro F1", "Log loss", "Recall of low"]),
        ("regression", ["RMSE", "MAE", "R²"]),
    ],
)
def test_accepts_the_same_recipe(task, titles):
    """Two models of the same worth pass on every metric, the primary one first."""
    gates = said(degradation, holding(task))
    assert [(f"{title} against main", "pass") for title in titles] == [(gate.title, gate.status) for gate in gates]


@pytest.mark.parametrize("task", TASKS)
def test_refuses_a_worse_model(task):
    """A model that sees the cause through much noise fails on all metrics, and the message has both values."""
    target, score = WORLDS[task]()
    found = evidence(target, blurred(score, 2, noise=3), score, contract=TABLES[task])
    assert {"fail"} == states(degradation, found)
    assert "and it got worse by more" in said(degradation, found)[0].message


@pytest.mark.parametrize("task", TASKS)
def test_accepts_a_better_model(task):
    """A model that is better than main passes on all metrics, losses and errors among them."""
    target, score = WORLDS[task]()
    found = evidence(target, score, blurred(score, 2, noise=3), contract=TABLES[task])
    assert {"pass"} == states(degradation, found)


@pytest.mark.parametrize(("undecided", "expected"), [("warn", "warn"), ("fail", "fail")])
def test_too_few_rows_to_tell_do_what_params_say(undecided, expected):
    """An undecided difference warns, or fails where `gates.undecided` asks for it, and says how many rows would decide."""
    gate = primary(differences=seen(-0.005, 0.02), params=knobs({"undecided": undecided}))
    assert expected == gate.status
    assert "too few rows to tell; about 16,000 rows would decide" in gate.message


@pytest.mark.parametrize("rows", [40, 151, 1000])
def test_more_rows_than_there_are_would_decide(rows):
    """Where only the adjustment for several metrics left a loss undecided, it is that interval which has to narrow."""
    target, _ = world(rows)
    gate = primary(differences=seen(-0.02, 0.019), target=target)
    assert "warn" == gate.status
    needed = re.search(r"too few rows to tell; about ([\d,]+) rows would decide", gate.message)
    assert int(needed[1].replace(",", "")) > rows


def test_a_gain_that_is_not_sure_is_no_loss():
    """A metric that improved is not said to have too few rows to tell, but a loss may not be ruled out."""
    gate = primary(differences=seen(0.02, 0.05))
    assert "warn" == gate.status
    assert "it gained on these rows, and they are too few to rule out a loss of more than 0.01; about " in gate.message
    assert "too few rows to tell" not in gate.message


@pytest.mark.parametrize(
    ("name", "delta", "expected"),
    [("roc_auc", 0.02, True), ("roc_auc", 0.004, False), ("log_loss", -0.02, True), ("log_loss", 0.004, False)],
)
def test_a_sure_gain_is_called_better(name, delta, expected):
    """Where the interval excludes 0 on the good side; a change that may be none only passes."""
    gate = primary(differences=seen(delta, 0.005), params=knobs({"primary": name}))
    assert ("pass", expected) == (gate.status, gate.message.endswith("): better"))
    assert expected == ("it may get worse by" not in gate.message)


def test_says_so_where_no_rows_would_decide():
    """A difference exactly on the margin stays undecided with any number of rows."""
    assert "more rows alone would not decide" in primary(differences=seen(-0.01, 0.02)).message


@pytest.mark.parametrize(("delta", "half"), [(nan, 0.01), (0.0, nan)])
def test_refuses_what_is_not_a_number(delta, half):
    """A NaN in the change or in its interval fails, and the message doesn't speak of getting worse."""
    gate = primary(differences=seen(delta, half))
    assert "fail" == gate.status
    assert "not a number, so nothing can be judged" in gate.message
    assert gate.observed is None or gate.observed == 0


def test_refuses_a_metric_that_was_not_measured():
    """A margin of a metric that nobody knows fails with the place of the mistake."""
    gate = said(degradation, params=knobs({"margins": {"auc": 0.01}}))[1]
    assert ("fail", "metric 'auc' was not measured: correct `gates` in params.yaml") == (gate.status, gate.message)


def test_accepts_a_first_run():
    """With no model on main there is nothing to lose, and the message says why."""
    (gate,) = said(degradation, first_run())
    assert ("pass", first_run().no_baseline) == (gate.status, gate.message)


def test_another_question_fails():
    """Or a new name for the table would be a way round this gate; a person may waive it, and the message says how."""
    reason = "main's model answers another question (table a -> b), so there is nothing to compare with"
    (gate,) = said(degradation, first_run(), first_run=False, no_baseline=reason)
    assert "fail" == gate.status
    assert (
        gate.message
        == f"{reason}: if that is meant, waive `degradation` for this pull request (gates.waivers in params.yaml)"
    )


def test_another_question_than_the_samples_is_a_warning():
    """An adoption asks it: nothing is compared, and a person is told before the merge."""
    reason = "main's model answers another question (task binary -> regression), so there is nothing to compare with"
    (gate,) = said(degradation, first_run("regression"), first_run=False, no_baseline=reason, replaces_sample=True)
    assert ("warn", reason) == (gate.status, gate.message)


def test_refuses_no_baseline_without_a_reason():
    """A baseline that is not there for no known reason fails."""
    (gate,) = said(degradation, first_run(), first_run=False, no_baseline="")
    assert ("fail", "there is no baseline, and nothing says why: name one with BASE=") == (gate.status, gate.message)


def test_refuses_no_baseline_though_differences_are_there():
    """Differences from nothing are no comparison."""
    assert {"fail"} == states(degradation, holding(), baseline=None)


def test_the_primary_metric_keeps_its_own_limit():
    """A margin of the same metric doesn't stand in for `gates.max_degradation`."""
    gates = knobs({"primary": "log_loss", "max_degradation": 0.001, "margins": {"f1": 0.03, "log_loss": 0.02}}).gates
    assert [("log_loss", 0.001), ("f1", 0.03)] == list(margins(gates).items())


def test_a_loss_that_rises_is_worse():
    """Where lower is better a rise beyond the margin fails, and a fall passes."""
    params = knobs({"primary": "log_loss", "margins": {"brier": 0.01}})
    rise, fall = seen(0.05, 0.01), seen(-0.05, 0.01)
    assert [{"fail"}, {"pass"}] == [states(degradation, differences=each, params=params) for each in (rise, fall)]


@pytest.mark.parametrize(("delta", "expected"), [(0.05, ["fail", "pass"]), (-0.05, ["pass", "fail"])])
def test_an_error_that_rises_is_worse_and_an_r2_that_rises_is_better(delta, expected):
    """The gate knows which way each metric of a number is better."""
    params = knobs({"primary": "rmse", "margins": {"r2": 0.02}}, "regression")
    change = dict.fromkeys(("rmse", "r2"), seen(delta, 0.01)["roc_auc"])
    found = said(degradation, holding("regression"), differences=change, params=params)
    assert expected == [gate.status for gate in found]


@pytest.mark.parametrize(("name", "delta"), [("roc_auc", -0.05), ("log_loss", 0.05)])
def test_what_is_seen_is_what_was_lost(name, delta):
    """It stands beside the limit: above 0 it got worse, whichever way the metric is better, and a gain is below 0."""
    params = knobs({"primary": name})
    lost, gained = (primary(differences=seen(sign * delta, 0.01), params=params) for sign in (1, -1))
    assert [("fail", 0.05, 0.01), ("pass", -0.05, 0.01)] == [
        (gate.status, gate.observed, gate.threshold) for gate in (lost, gained)
    ]
    assert f"change {delta:+.4f}" in lost.message


def test_small_values_keep_their_digits():
    """An error of hundred-thousandths and its change are not shown as 0.0000."""
    gate = primary(differences=seen(-1.25e-06, 1e-06, main=3.4567e-05))
    assert gate.message.startswith("0.00003457 -> 0.00003332, change -0.00000125 (95 % interval -0.00000225 to ")
