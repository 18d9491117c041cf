"""Gate `slices`: is a group of rows worse off than with main's model?"""

from collections.abc import Iterator
from math import isfinite, nan

from mlops.bootstrap import Difference, holm_adjusted, judge
from mlops.gates.result import Evidence, Gate, form, number
from mlops.metrics import Metric, named
from mlops.slices import judged, singles

ID = "slices"


def check(evidence: Evidence) -> Iterator[Gate]:
    """No group with enough rows (of two classes: of each) may lose more than `gates.slices.max_degradation` of the primary metric.

    Intervals are adjusted for the number of groups (Holm), so that many groups do not make a false alarm likely.
    """
    limits, seen = evidence.params.gates.slices, evidence.slice_differences
    due = [
        name
        for name, at in singles(evidence.slices).items()
        if judged(at, evidence.target, limits.min_class_rows, evidence.table.task) and name not in seen
    ]
    if evidence.baseline is None:
        yield _gate("neutral", nan, evidence, evidence.no_baseline or "there is no baseline")
    elif due:
        yield _gate("fail", nan, evidence, f"{due[0]} has rows enough to judge, and was not measured")
    elif evidence.slices.columns.empty:
        message = "data/contract.yaml names no slices and no protected columns, so there are no groups to compare"
        yield _gate("neutral", nan, evidence, message)
    elif not seen:
        message = f"no group has enough rows (gates.slices.min_class_rows is {limits.min_class_rows}): too few to judge"
        yield _gate("neutral", nan, evidence, message)
    else:
        yield _judged(evidence, named(evidence.params.gates.primary), limits.max_degradation)


def _gate(status: str, lost: float, evidence: Evidence, message: str) -> Gate:
    margin = evidence.params.gates.slices.max_degradation
    return Gate(ID, "Groups against main", status, number(lost), margin, message)


def _judged(evidence: Evidence, metric: Metric, margin: float) -> Gate:
    seen = evidence.slice_differences
    states = {name: judge(each.oriented(metric), margin) for name, each in holm_adjusted(seen).items()}
    failed = [name for name, state in states.items() if state == "fail"]
    worst = sorted(failed or states, key=lambda name: _gain(seen[name], metric))[:3]
    unsure = sum(state == "undecided" for state in states.values())
    shown = ", ".join(f"{name} {_change(seen[name])}" for name in worst)
    message = (
        f"{len(failed)} of {len(states)} groups got worse by more than {margin:g} {metric.title}"
        + (f", {unsure} may have: too few rows to tell" if unsure else "")
        + f"; {'these' if failed else 'the lowest changes'}: {shown}"
    )
    return _gate("fail" if failed else "pass", -seen[worst[0]].oriented(metric).delta, evidence, message)


def _change(seen: Difference) -> str:
    shown = form(seen.main, seen.candidate)
    return f"{seen.main:{shown}} -> {seen.candidate:{shown}}"


def _gain(seen: Difference, metric: Metric) -> float:
    gain = seen.oriented(metric).delta
    return gain if isfinite(gain) else -1e9  # what is no number comes first
