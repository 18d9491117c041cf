"""What is counted is what Prometheus reads."""

import random
import shutil
import subprocess
from bisect import bisect_left

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mlops.serve.metrics import ARMS, Histogram, Metrics


class Log:
    """What the prediction log says of itself."""

    waiting, written, repeated, dropped, up = 3, 40, 1, 2, False


def samples(metrics: Metrics) -> dict:
    """What a reader of the text finds: {(name, labels without the model): value}."""
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            labels = {name: value for name, value in sample.labels.items() if name != "model_hash"}
            found[sample.name, tuple(sorted(labels.items()))] = sample.value
    return found


@pytest.fixture
def metrics() -> Metrics:
    """Some of everything."""
    made = Metrics("abc")
    made.watch(Log())
    made.arms["champion"].answered += 3
    made.arms["champion"].score.add_all([0.05, 0.1, 0.95])
    made.arms["champion"].seconds.add(0.0007)
    made.rejected["none", "age", "range"] += 2
    made.warned["none", "income", "contract"] += 1
    return made


def test_counts_are_read_as_they_were_made(metrics):
    """Requests by arm and outcome, faults by field and rule, the log's rows."""
    found = samples(metrics)
    assert 3 == found["predict_requests_total", (("arm", "champion"), ("outcome", "answered"))]
    assert 0 == found["predict_requests_total", (("arm", "challenger"), ("outcome", "failed"))]
    assert 2 == found["predict_rejected_fields_total", (("arm", "none"), ("field", "age"), ("rule", "range"))]
    assert 1 == found["predict_warned_fields_total", (("arm", "none"), ("field", "income"), ("rule", "contract"))]
    log = {
        name: found[f"prediction_log_{name}", ()]
        for name in ("waiting_rows", "written_rows_total", "repeated_rows_total", "dropped_rows_total", "up")
    }
    assert {
        "waiting_rows": 3, "written_rows_total": 40, "repeated_rows_total": 1, "dropped_rows_total": 2, "up": 0,
    } == log  # fmt: skip


def test_histograms_are_cumulative(metrics):
    """A bucket holds all values up to its edge, the edge too."""
    found = samples(metrics)
    bucket = lambda edge: found["predict_score_bucket", (("arm", "champion"), ("le", edge))]  # noqa: E731
    assert [2, 2, 2, 3] == [bucket("0.1"), bucket("0.2"), bucket("0.9"), bucket("1.0")]
    assert pytest.approx(1.1) == found["predict_score_sum", (("arm", "champion"),)]
    assert 1 == found["predict_seconds_bucket", (("arm", "champion"), ("le", "0.001"))]
    assert 0 == found["predict_seconds_bucket", (("arm", "champion"), ("le", "0.0005"))]


def test_many_values_are_counted_as_one_by_one():
    """The short way of a batch and the way of a row agree, also on edges."""
    draw = random.Random(1)
    values = [draw.choice([draw.random() * 2 - 0.5, draw.randint(0, 10) / 10]) for _ in range(500)]
    one, many = Histogram(tuple(step / 10 for step in range(11))), Histogram(tuple(step / 10 for step in range(11)))
    for value in values:
        one.add(value)
    many.add_all(values)
    assert one.counts == many.counts
    assert one.counts[0] == sum(bisect_left(one.edges, value) == 0 for value in values)
    assert pytest.approx(one.sum) == many.sum


def test_the_model_is_a_label_everywhere(metrics):
    """Never a deployment's name."""
    for line in metrics.text().decode().splitlines():
        assert line.startswith(("#", "prediction_log")) or 'model_hash="abc"' in line


def test_arms_are_labels_from_the_start(metrics):
    """A series that appears with its first count has no rate of it."""
    found = samples(metrics)
    for arm in ARMS:
        assert ("predict_requests_total", (("arm", arm), ("outcome", "refused"))) in found


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs Prometheus' own reader")
def test_prometheus_own_checker_has_nothing_to_say(metrics):
    """Names, units and types follow its conventions."""
    done = subprocess.run(["promtool", "check", "metrics"], input=metrics.text(), capture_output=True)
    assert (0, b"") == (done.returncode, done.stdout + done.stderr)
