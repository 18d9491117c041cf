"""What Prometheus reads at GET /metrics. Identity is the model hash; the arm is what the router's header says.

One thread counts, the event loop's, so a count is an addition without a lock: a tenth of what a lookup of labels costs.
"""

from bisect import bisect_left
from collections import Counter
from itertools import accumulate

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

ARMS = ("champion", "challenger", "shadow", "none")  # shadow: a copy, whose answer nobody sees
SECONDS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
SHARES = tuple(step / 10 for step in range(1, 11))
SPREADS = 10  # edges of the histogram of predicted numbers, between the smallest and largest that the contract allows


class Histogram:
    """Counts of values up to each edge, and their sum."""

    def __init__(self, edges: tuple[float, ...]):
        self.edges, self.counts, self.sum = edges, [0] * (len(edges) + 1), 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.edges, value)] += 1
        self.sum += value

    def add_all(self, values: list[float]) -> None:
        """Count many."""
        found = np.bincount(np.searchsorted(self.edges, values), minlength=len(self.counts)).tolist()
        self.counts = [a + b for a, b in zip(self.counts, found, strict=True)]
        self.sum += float(sum(values))

    def buckets(self) -> list[tuple[str, float]]:
        """Return (edge, values up to it), as Prometheus writes them."""
        return [*zip([*map(str, self.edges), "+Inf"], accumulate(self.counts), strict=True)]


class Arm:
    """The counts of one arm."""

    def __init__(self, edges: tuple[float, ...]):
        """`edges` of the histogram of scores."""
        self.answered = self.refused = self.failed = 0
        self.seconds, self.score = Histogram(SECONDS), Histogram(edges)


class Metrics:
    """The counts of one process.

    Attributes: arms {arm: Arm}, rejected and warned (Counters of (arm, field, rule)).
    """

    def __init__(self, model_hash: str, edges: tuple[float, ...] = SHARES):
        self.model_hash = model_hash
        self.arms = {arm: Arm(edges) for arm in ARMS}
        self.rejected: Counter[tuple[str, str, str]] = Counter()
        self.warned: Counter[tuple[str, str, str]] = Counter()
        self._log = None

    def watch(self, log) -> None:
        """Add the prediction log's depth and drops, read when somebody asks."""
        self._log = log

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)

    def collect(self):
        """Yield the metric families, as prometheus_client asks for them."""
        info = GaugeMetricFamily("model_info", "The model that is served", labels=["model_hash"])
        info.add_metric([self.model_hash], 1)
        yield info
        requests = CounterMetricFamily(
            "predict_requests", "Requests by outcome", labels=["model_hash", "arm", "outcome"]
        )
        seconds = HistogramMetricFamily(
            "predict_seconds", "From a request's head to its answer", labels=["model_hash", "arm"]
        )
        score = HistogramMetricFamily(
            "predict_score", "Scores; of several classes the likeliest's", labels=["model_hash", "arm"]
        )
        for name, arm in self.arms.items():
            for outcome in ("answered", "refused", "failed"):
                requests.add_metric([self.model_hash, name, outcome], getattr(arm, outcome))
            for family, held in ((seconds, arm.seconds), (score, arm.score)):
                family.add_metric([self.model_hash, name], held.buckets(), held.sum)
        yield from (requests, seconds, score)
        yield self._faults("predict_rejected_fields", "Faults of refused requests", self.rejected)
        yield self._faults("predict_warned_fields", "Broken rules that only warn, rows", self.warned)
        if self._log is not None:
            yield from self._of_log(self._log)

    def _of_log(self, log):
        for kind, name, about, value in (
            (GaugeMetricFamily, "waiting_rows", "Rows not yet written", log.waiting),
            (CounterMetricFamily, "written_rows", "Rows written", log.written),
            (CounterMetricFamily, "repeated_rows", "Rows of a request id that was there already", log.repeated),
            (CounterMetricFamily, "dropped_rows", "Rows lost: no room to wait, or they cannot be written", log.dropped),
            (GaugeMetricFamily, "up", "1 where the last write succeeded, and none hangs", float(log.up)),
        ):
            family = kind(f"prediction_log_{name}", about, labels=["model_hash"])
            family.add_metric([self.model_hash], value)
            yield family

    def _faults(self, name: str, about: str, counts: Counter) -> CounterMetricFamily:
        family = CounterMetricFamily(name, about, labels=["model_hash", "arm", "field", "rule"])
        for labels, count in counts.items():
            family.add_metric([self.model_hash, *labels], count)
        return family
