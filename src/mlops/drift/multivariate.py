"""Multivariate drift: can a classifier tell the rows of a window from those of the reference?

Columns may each stay as they were while what goes together changes. The classifier learns from one half of both samples and is asked
about the other [Lopez-Paz and Oquab, Revisiting Classifier Two-Sample Tests, 2017].
"""

from collections.abc import Iterator

import numpy as np

from mlops.drift.finding import FEW, Finding
from mlops.drift.looked import ALL, Looked
from mlops.params import Drift

ROWS = 5_000  # of each


def check(reference: Looked, current: Looked, columns: list[dict], knobs: Drift) -> Iterator[Finding]:
    """Yield one finding: how much above 0.5 the area under the curve is; its p by the rank-sum test (Mann and Whitney 1947).

    columns: the model's inputs, as mlops.encoding.spec gives them.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    fewest = min(len(reference.sample), len(current.sample))
    if fewest < knobs.min_rows:
        note = f"{fewest:,} rows, and {knobs.min_rows} are needed"
        yield Finding("multivariate", "all inputs", ALL, "", None, None, None, FEW, note)
        return
    rows, labels = _both(reference, current, columns)
    half = np.random.default_rng(0).permutation(len(rows)) % 2 == 0
    rows[:, np.isnan(rows[half]).all(axis=0)] = 0  # scikit-learn finds no bins for a column without a number
    model = HistGradientBoostingClassifier(max_iter=50, max_leaf_nodes=8, class_weight="balanced", random_state=0)
    model.fit(rows[half], labels[half])
    area = roc_auc_score(labels[~half], model.predict_proba(rows[~half])[:, 1])
    above, limit = max(area - 0.5, 0.0), knobs.limits.auc - 0.5
    note = f"area under the curve {area:.3f}"
    yield Finding("multivariate", "all inputs", ALL, "auc above 0.5", above, limit, _p(area, labels[~half]), "", note)


def _both(reference: Looked, current: Looked, columns: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    from mlops.encoding import encode

    # Drawn, as the first rows of a table are its oldest.
    drawn = [each.sample.sample(min(ROWS, len(each.sample)), random_state=0) for each in (reference, current)]
    parts = [encode(each, columns) for each in drawn]
    return np.concatenate(parts), np.repeat([0, 1], [len(part) for part in parts])


def _p(area: float, labels: np.ndarray) -> float:
    from statistics import NormalDist

    n, m = int((labels == 0).sum()), int((labels == 1).sum())
    return 1 - NormalDist(0.5, ((n + m + 1) / (12 * n * m)) ** 0.5).cdf(area)
