"""Gate degradation: no worse than main on the same rows."""

from dataclasses import replace
from math import nan

import pytest

from judging import blurred, evidence, first_run, holding, knobs, said, states, world
from mlops.bootstrap import Difference
from mlops.gates import degradation
from mlops.gates.degradation import margins


def seen(delta: float, half: float, main: float = 0.8) -> dict[str, Difference]:
    """Every gating metric with the same change and symmetric interval."""
    change = Difference(main, main + delta, delta, delta - half, delta + half, half / 1.96, 2000)
    return dict.fromkeys(holding().differences, change)


def primary(**changes):
    return said(degradation, **changes)[0]


def test_accepts_the_same_recipe():
    """Two models of the same worth pass on every metric."""
    gates = said(degradation)
    assert {"pass"} == {gate.status for gate in gates}
    assert "ROC AUC against main" == gates[0].title


def test_refuses_a_worse_model():
    """A model that sees the cause through much noise fails on all metrics, and the message has both values."""
    target, score = world()
    found = evidence(target, blurred(score, 2, noise=3), score)
    assert {"fail"} == states(degradation, found)
    assert "and it got worse by more" in said(degradation, found)[0].message


def test_accepts_a_better_model():
    """A model that is better than main passes on all metrics, losses among them."""
    target, score = world()
    assert {"pass"} == states(degradation, evidence(target, score, blurred(score, 2, noise=3)))


@pytest.mark.parametrize(("undecided", "expected"), [("warn", "warn"), ("fail", "fail")])
def test_too_few_rows_to_tell_do_what_params_say(undecided, expected):
    """An undecided difference warns, or fails where `gates.undecided` asks for it, and says how many rows would decide."""
    gate = primary(differences=seen(-0.005, 0.02), params=knobs({"undecided": undecided}))
    assert expected == gate.status
    assert "too few rows to tell; about 16,000 rows would decide" in gate.message


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


def test_refuses_no_baseline_without_a_reason():
    """A baseline that is not there for no known reason fails."""
    (gate,) = said(degradation, replace(first_run(), no_baseline=""))
    assert "fail" == gate.status


def test_the_primary_metric_keeps_its_own_limit():
    """A margin of the same metric doesn't stand in for `gates.max_degradation`."""
    gates = knobs({"primary": "log_loss", "max_degradation": 0.001, "margins": {"f1": 0.03, "log_loss": 0.02}}).gates
    assert [("log_loss", 0.001), ("f1", 0.03)] == list(margins(gates).items())


def test_a_loss_that_rises_is_worse():
    """Where lower is better a rise beyond the margin fails, and a fall passes."""
    params = knobs({"primary": "log_loss", "margins": {"brier": 0.01}})
    rise, fall = seen(0.05, 0.01), seen(-0.05, 0.01)
    assert [{"fail"}, {"pass"}] == [states(degradation, differences=each, params=params) for each in (rise, fall)]
