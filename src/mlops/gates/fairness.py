"""Gate `fairness`: does the model treat the groups of a protected column alike?"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from mlops.bootstrap import LOST, holm, interval, p_value, sums
from mlops.errors import CannotRun
from mlops.gates.result import Evidence, Gate, number

ID = "fairness"
RATES = {
    "selection_rate": "share of positive decisions",
    "true_positive_rate": "share of positive decisions among true positives",
    "calibration": "mean score less observed rate",
}


def check(evidence: Evidence) -> Iterator[Gate]:
    """No two groups of a protected column may differ by more than `gates.fairness`, and the features may not stand for it.

    A gap fails where it is beyond the limit and differs from 0 by more than chance, adjusted (Holm) for all pairs, rates and
    columns looked at; beyond it and perhaps by chance, it is a warning. The proxy measure is the AUC with which the model's
    inputs tell a group from the rest, on rows not used to learn it.
    """
    limits = evidence.params.gates.fairness
    if not evidence.table.protected:
        yield Gate(ID, "Fairness", "neutral", None, None, "data/contract.yaml names no protected column")
    gaps = _adjusted({column: _gaps(evidence, column) for column in evidence.table.protected})
    for column, rates in gaps.items():
        for rate, words in RATES.items():
            yield _gap(column, rate, words, rates[rate], getattr(limits, rate))
        yield _proxy(column, evidence, limits.proxy_auc)


def _adjusted(gaps: dict[str, dict[str, list[tuple]]]) -> dict[str, dict[str, list[tuple]]]:
    """Add to each (pair, gap, standard error) its p value, adjusted for the number of all gaps."""
    found = [each for rates in gaps.values() for rate in rates.values() for each in rate]
    adjusted = iter(holm([p_value(gap, se) for _, gap, se in found]))
    return {
        column: {rate: [(*each, next(adjusted)) for each in pairs] for rate, pairs in rates.items()}
        for column, rates in gaps.items()
    }


def _proxy(column: str, evidence: Evidence, threshold: float) -> Gate:
    title = f"{column}: proxies among the inputs"
    if column in evidence.inputs:
        return Gate(ID, title, "fail", 1.0, threshold, f"{column} is itself an input of the model")
    if column not in evidence.proxies:
        return Gate(ID, title, "fail", None, threshold, f"how well the inputs tell {column} was not measured")
    found = evidence.proxies[column]
    if found is None:
        return Gate(ID, title, "neutral", None, threshold, f"no group of {column} has enough rows: too few to judge")
    chance = found.auc - 2 * found.se <= 0.5
    status = "pass" if found.auc <= threshold else "warn" if chance else "fail"  # NaN fails
    message = f"the model's inputs tell {found.group} from the rest with AUC {found.auc:.3f} (standard error {found.se:.3f}; 0.5 is not at all)"
    return Gate(ID, title, status, number(found.auc), threshold, message)


def _gap(column: str, rate: str, words: str, gaps: list[tuple], threshold: float) -> Gate:
    title = f"{column}: {rate.replace('_', ' ')} gap"
    if not gaps:
        message = f"fewer than two groups of {column} have enough rows of each class: too few to judge"
        return Gate(ID, title, "neutral", None, threshold, message)
    states = [_state(gap, se, p, threshold) for _, gap, se, p in gaps]
    status = next(state for state in ("fail", "warn", "pass") if state in states)
    worst = [each for each, state in zip(gaps, states, strict=True) if state == status]
    pair, gap, se, _ = max(worst, key=lambda each: abs(each[1]))
    low, high = interval(gap, se)
    message = f"{words}: {pair[0]} less {pair[1]} is {gap:+.3f} (95 % interval {low:+.3f} to {high:+.3f}); {threshold:g} is allowed"
    return Gate(
        ID,
        title,
        status,
        number(abs(gap)),
        threshold,
        message + "; among all gaps looked at, one like it may be chance" * (status == "warn"),
    )


def _state(gap: float, se: float, p: float, threshold: float) -> str:
    if not np.isfinite(gap + se):
        return "fail"
    return "pass" if abs(gap) <= threshold else "fail" if p <= 0.05 else "warn"


def _gaps(evidence: Evidence, column: str) -> dict[str, list[tuple]]:
    """Return {rate: [((group, group), gap, standard error)]} over pairs of groups with enough rows of each class."""
    groups = evidence.slices[column].to_numpy()
    target, score = evidence.target, evidence.score
    if not np.isfinite([*score, evidence.threshold]).all():
        raise CannotRun("a score or the threshold is not a number")
    decision = score >= evidence.threshold
    least = evidence.params.gates.slices.min_class_rows
    names = [
        name
        for name in np.unique(groups)
        if name != "missing" and min(target[groups == name].sum(), (1 - target)[groups == name].sum()) >= least
    ]
    if len(names) < 2:
        return {rate: [] for rate in RATES}
    columns = [part for name in names for part in _columns(groups == name, target, score, decision)]
    ids = evidence.rows[evidence.table.id].to_numpy()
    table = np.column_stack(columns).astype(float)
    drawn, seen = sums(table, groups=ids), table.sum(axis=0)
    found = {
        rate: {name: (_rate(rate, seen[None], i)[0], _rate(rate, drawn, i)) for i, name in enumerate(names)}
        for rate in RATES
    }
    return {
        rate: [
            ((a, b), values[a][0] - values[b][0], _error(values[a][1] - values[b][1]))
            for a, b in combinations(names, 2)
        ]
        for rate, values in found.items()
    }


def _error(gaps: np.ndarray) -> float:
    """Return the standard error of the resampled gaps; NaN where over 1 % of the resamples have none."""
    kept = gaps[np.isfinite(gaps)]
    return float(kept.std(ddof=1)) if len(kept) >= (1 - LOST) * len(gaps) else float("nan")


def _columns(member, target, score, decision) -> list[np.ndarray]:
    return [member, member * decision, member * target, member * target * decision, member * score]


def _rate(rate: str, table: np.ndarray, group: int) -> np.ndarray:
    rows, selected, positive, hits, score = table[:, 5 * group : 5 * group + 5].T
    above, below = {
        "selection_rate": (selected, rows),
        "true_positive_rate": (hits, positive),
        "calibration": (score - positive, rows),
    }[rate]
    return np.divide(above, below, out=np.full(len(table), np.nan), where=below > 0)
