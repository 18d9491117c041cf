"""Gate total_degradation: no worse than what prod serves."""

from dataclasses import replace
from math import nan

import pytest

from judging import holding, knobs, said
from mlops.gates import total_degradation


def against(delta: float):
    """The difference from the champion, sure to 0.001."""
    return replace(holding().differences["roc_auc"], delta=delta, low=delta - 0.001, high=delta + 0.001)


@pytest.mark.parametrize(("delta", "expected"), [(0.01, "pass"), (-0.015, "pass"), (-0.03, "fail"), (nan, "fail")])
def test_the_primary_metric_may_lose_so_much_against_prod(delta, expected):
    """A loss of up to `gates.max_total_degradation` passes, more fails, NaN fails."""
    (gate,) = said(total_degradation, champion=against(delta), no_champion="")
    assert ("ROC AUC against prod", expected, 0.02) == (gate.title, gate.status, gate.threshold)


@pytest.mark.parametrize(("delta", "expected"), [(0.03, "fail"), (-0.03, "pass")])
def test_an_error_that_rises_against_prod_is_worse(delta, expected):
    """Where lower is better a rise beyond the total fails, and a fall passes."""
    found = replace(holding("regression"), champion=against(delta), no_champion="", params=knobs(task="regression"))
    (gate,) = said(total_degradation, found)
    assert ("RMSE against prod", expected) == (gate.title, gate.status)


def test_small_steps_add_up():
    """A candidate within the margin of main fails where earlier steps have used the total up."""
    step = replace(holding().differences["roc_auc"], delta=-0.005, low=-0.006, high=-0.004)
    found = replace(holding(), differences={"roc_auc": step}, champion=against(-0.025), no_champion="")
    assert "fail" == said(total_degradation, found)[0].status


def test_nothing_in_prod_is_neutral():
    """Before the first promotion there is no champion, which is said."""
    (gate,) = said(total_degradation)
    assert ("neutral", "nothing is in prod yet: no champion to compare with") == (gate.status, gate.message)


def test_refuses_a_champion_that_was_not_measured():
    """A champion that is there and could not be scored fails."""
    (gate,) = said(total_degradation, champion=None, no_champion="")
    assert "fail" == gate.status
