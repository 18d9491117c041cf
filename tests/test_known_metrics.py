"""Limits name metrics that there are: said before training, with the nearest right name."""

import pytest

from judging import TABLES, knobs, table
from mlops import known_metrics
from mlops.errors import CannotRun

NAMES = {
    "binary": ("roc_auc", "f1"),
    "multiclass": ("macro_f1", "log_loss"),
    "regression": ("rmse", "r2"),
}


@pytest.mark.parametrize("task", NAMES)
def test_the_metrics_of_the_task_are_known(task):
    """Its own metrics may decide, have margins and floors."""
    primary, other = NAMES[task]
    gates = knobs({"primary": primary, "margins": {other: 0.1}, "floors": {other: 0.1}}).gates
    assert known_metrics.check(gates, table(TABLES[task])) is None


def test_the_owners_metric_is_known():
    """What src/model/metrics.py returns may decide too."""
    assert known_metrics.check(knobs({"primary": "value"}).gates, table()) is None


@pytest.mark.parametrize(
    ("gates", "sentence"),
    [
        ({"primary": "auc"}, "gates.primary names metric 'auc', which is not measured; did you mean 'roc_auc'?"),
        ({"margins": {"avg_precision": 0.1}}, "gates.margins names metric 'avg_precision', .* 'average_precision'"),
        ({"floors": {"zzz": 0.1}}, "gates.floors names metric 'zzz', .*; task binary has roc_auc, .*, value"),
        ({"primary": "rmse"}, "gates.primary names metric 'rmse'"),
    ],
)
def test_a_metric_that_is_not_measured_is_refused(gates, sentence):
    """File, key, value and fix, whichever key names it."""
    with pytest.raises(CannotRun, match=f"params.yaml: {sentence}"):
        known_metrics.check(knobs(gates).gates, table())
