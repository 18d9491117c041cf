"""Gate `fairness`: does the model treat the groups of a protected column alike?"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from mlops import split, task
from mlops.bootstrap import LOST, holm, interval, p_value, sums
from mlops.errors import CannotRun
from mlops.gates.result import Evidence, Gate, number
from mlops.proxy import Proxy
from mlops.slices import judged

ID = "fairness"
RATES = ("selection_rate", "true_positive_rate", "calibration")


def check(evidence: Evidence) -> Iterator[Gate]:
    """No two groups of a protected column may differ by more than `gates.fairness`, and the features may not stand for it.

    Of several classes each is looked at as the positive one; of a predicted number its mean and its mean error, in standard
    deviations of the target.

    A gap fails where it is beyond the limit and differs from 0 by more than chance, adjusted (Holm) for all pairs, rates and
    columns looked at; beyond it and perhaps by chance, it is a warning. The proxy measure is the AUC with which the model's
    inputs tell a group from the rest, on rows not used to learn it.
    """
    limits = evidence.params.gates.fairness
    if not evidence.table.protected:
        yield Gate(ID, "Fairness", "neutral", None, None, "data/contract.yaml names no protected column")
    gaps = _adjusted({column: _gaps(evidence, column) for column in evidence.table.protected})
    for column, rates in gaps.items():
        for rate, words in _words(evidence.table.task).items():
            yield _gap(column, rate, words, rates[rate], getattr(limits, rate))
        yield _proxy(column, evidence, limits.proxy_auc)


def _words(kind: task.Task) -> dict[str, str]:
    """Return what each rate is called; a predicted number has a mean instead of decisions, and no true positives."""
    if kind == "regression":
        return {
            "selection_rate": f"mean prediction{task.UNIT[kind]}",
            "calibration": task.gap_words(kind),
        }
    return {
        "selection_rate": "share of positive decisions",
        "true_positive_rate": "share of positive decisions among true positives",
        "calibration": task.gap_words(kind),
    }


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
    message = f"the model's inputs tell {found.group} from the rest with AUC {found.auc:.4f} (standard error {found.se:.4f}; 0.5 is not at all); {threshold:g} is allowed"
    return Gate(
        ID, title, status, number(found.auc), threshold, message + _named(found, threshold) * (status != "pass")
    )


def _named(found: Proxy, threshold: float) -> str:
    """Return which input gives the group away most, and what to do about it."""
    if not found.column:
        return ""
    words = "alone does it with" if found.alone > threshold else "tells most of it, alone"
    return f"; {found.column} {words} {found.alone:.4f}: set `feature: false` on it in data/contract.yaml"


def _gap(column: str, rate: str, words: str, gaps: list[tuple], threshold: float) -> Gate:
    title = f"{column}: {rate.replace('_', ' ')} gap"
    if not gaps:
        message = f"fewer than two groups of {column} have enough rows: too few to judge"
        return Gate(ID, title, "neutral", None, threshold, message)
    states = [_state(gap, se, p, threshold) for _, gap, se, p in gaps]
    status = next(state for state in ("fail", "warn", "pass") if state in states)
    worst = [each for each, state in zip(gaps, states, strict=True) if state == status]
    pair, gap, se, _ = max(worst, key=lambda each: abs(each[1]))
    low, high = interval(gap, se)
    message = f"{words}{f' ({pair[2]})' if pair[2] else ''}: {pair[0]} less {pair[1]} is {gap:+.4f} (95 % interval {low:+.4f} to {high:+.4f}); {threshold:g} is allowed"
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
    """Return {rate: [((group, group, class), gap, standard error)]} over pairs of groups with enough rows."""
    groups, least = evidence.slices[column].to_numpy(), evidence.params.gates.slices.min_class_rows
    if not (np.isfinite(evidence.score).all() and np.isfinite(evidence.threshold)):
        raise CannotRun("a score or the threshold is not a number")
    names = [
        name
        for name in np.unique(groups)
        if name != "missing" and judged(np.flatnonzero(groups == name), evidence.target, least, evidence.table.task)
    ]
    found: dict[str, list[tuple]] = {rate: [] for rate in RATES}
    if len(names) < 2:
        return found
    ratios = _ratios(evidence)
    members = [groups == name for name in names]
    table = np.column_stack([part * member for _, _, *both in ratios for part in both for member in members])
    drawn, seen = sums(table.astype(float), groups=split.keys(evidence.rows, evidence.table)), table.sum(axis=0)[None]
    for place, (rate, label, *_) in enumerate(ratios):
        (value, rows), (draws, _) = (_rates(each, place, len(names)) for each in (seen, drawn))
        enough = [at for at in range(len(names)) if rows[0, at] >= least]
        found[rate] += [
            ((names[a], names[b], label), value[0, a] - value[0, b], _error(draws[:, a] - draws[:, b]))
            for a, b in combinations(enough, 2)
        ]
    return found


def _ratios(evidence: Evidence) -> list[tuple]:
    """Return (rate, class or "", numerator, denominator), the last two of shape [rows]: a rate is a ratio of their sums."""
    kind, target, score = evidence.table.task, evidence.target, evidence.score
    every, said = np.ones(len(target)), task.decide(kind, score, evidence.threshold)
    stated, seen = task.stated(kind, target, score)
    unit = task.spread(kind, target) or 1.0
    found = [("calibration", "", (stated - seen) / unit, every)]
    if kind == "regression":
        return [*found, ("selection_rate", "", score / unit, every)]
    places = [(1, "")] if kind == "binary" else list(enumerate(evidence.table.classes))
    for place, name in places:
        called, is_ = said == place, (target == place).astype(float)
        found += [("selection_rate", name, called, every), ("true_positive_rate", name, called * is_, is_)]
    return found


def _rates(table: np.ndarray, place: int, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Return one ratio of every group and its denominator, both [resamples, groups], from the sums of `_gaps`."""
    above, below = np.split(table[:, 2 * groups * place : 2 * groups * (place + 1)], 2, axis=1)
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0), below


def _error(gaps: np.ndarray) -> float:
    """Return the standard error of the resampled gaps; NaN where over 1 % of the resamples have none."""
    kept = gaps[np.isfinite(gaps)]
    return float(kept.std(ddof=1)) if len(kept) >= (1 - LOST) * len(gaps) else float("nan")
