"""Covariate and prediction drift: each column and each score, in all rows and in each group, against the reference."""

from collections.abc import Iterator

from mlops.drift import distance
from mlops.drift.finding import FEW, Finding
from mlops.drift.looked import ALL, SCORE, Looked
from mlops.drift.summary import Numbers
from mlops.params import Drift


def check(reference: Looked, current: Looked, knobs: Drift) -> Iterator[Finding]:
    """Yield a finding a statistic, its p not yet corrected; of a column that the reference lacks nothing can be said."""
    for (group, name), summary in current.columns.items():
        before = reference.columns.get((group, name))
        kind = "prediction" if name.startswith(SCORE) else "covariate"
        if before is None:
            continue
        if min(before.rows, summary.rows) < knobs.min_rows:
            if group == ALL:
                note = f"{min(before.rows, summary.rows):,} rows, and {knobs.min_rows} are needed"
                yield Finding(kind, name, group, "", None, None, None, FEW, note)
            continue
        measure = distance.of_numbers if isinstance(summary, Numbers) else distance.of_values
        for each in measure(before, summary):
            yield Finding(kind, name, group, each.name, each.effect, getattr(knobs.limits, each.name), each.p, "")
