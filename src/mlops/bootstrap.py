"""The paired bootstrap: how sure a difference between two models is, all resamples at once, and what it decides.

A resample is a row of weights: how often each cluster (the rows of one id) was drawn. A metric made of sums over rows
is then one matrix product; AUC and average precision are cumulative sums over rows sorted once a model, read at
the ends of tied scores, so ties count exactly as scikit-learn counts them. Batches bound the memory.
Percentile interval: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. The interval covers
the drawing of test rows, not of training seeds.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil, isfinite, isnan, nan
from statistics import NormalDist

import numpy as np
import pandas as pd

from mlops.errors import CannotRun
from mlops.metrics import Metric, Rows, Scores, checked, chosen, evaluate

RESAMPLES = 2000
ALPHA = 0.05
LOST = 0.01  # a larger share of resamples without a value, and there is no interval
CELLS = 2**17  # weights a batch: 1 MB, so that the working arrays stay in cache


@dataclass(frozen=True)
class Estimate:
    """A model's metric, its 95 % interval and standard error (NaN where over 1 % of resamples have no value)."""

    value: float
    low: float
    high: float
    se: float
    resamples: int


@dataclass(frozen=True)
class Difference:
    """A metric of both models, `delta` = candidate - main, its 95 % interval, standard error and resamples used."""

    main: float
    candidate: float
    delta: float
    low: float
    high: float
    se: float
    resamples: int

    def oriented(self, metric: Metric) -> "Difference":
        """Return it with delta and interval turned so that bigger is better, as `judge` wants it."""
        return self if metric.sign > 0 else replace(self, delta=-self.delta, low=-self.high, high=-self.low)


def paired(
    target, main: Scores, candidate: Scores, *, groups=None, metrics=None, resamples=RESAMPLES, seed=0
) -> dict[str, Difference]:
    """Return {metric: Difference} of two models on the same rows, resampled together.

    target: shape [rows], see mlops.task; groups: the id of each row, shape [rows], whose rows travel together (None: each
    row alone); metrics: names, None for all. Raises CannotRun where rows, names or ids do not fit.
    """
    if set(main.extra) != set(candidate.extra):
        raise CannotRun(f"main has the owner's metrics {sorted(main.extra)}, the candidate {sorted(candidate.extra)}")
    values, draws = resampled(target, (main, candidate), groups, metrics, resamples, seed)
    return {
        name: Difference(old, values[1][name], values[1][name] - old, *_spread(draws[1][name] - draws[0][name]))
        for name, old in values[0].items()
    }


def single(target, model: Scores, *, groups=None, metrics=None, resamples=RESAMPLES, seed=0) -> dict[str, Estimate]:
    """Return {metric: Estimate} of one model; arguments and errors as for `paired`."""
    (values,), (draws,) = resampled(target, (model,), groups, metrics, resamples, seed)
    return {name: Estimate(value, *_spread(draws[name])) for name, value in values.items()}


def sums(columns: np.ndarray, *, groups=None, resamples=RESAMPLES, seed=0) -> np.ndarray:
    """Return the sums of columns [rows, columns] in each resample, [resamples, columns]: rates of groups are ratios."""
    codes, clusters = _codes(groups, len(columns))
    table = _by_cluster(np.asarray(columns, dtype=float), codes, clusters)
    return np.concatenate([weights @ table for weights in _weights(clusters, resamples, seed)])


def resampled(
    target, models: tuple[Scores, ...], groups=None, metrics=None, resamples=RESAMPLES, seed=0
) -> tuple[list[dict[str, float]], list[Rows]]:
    """Return two lists, one entry a model: {metric: value} and {metric: its value in each resample, [resamples]}.

    A resample that lost a class which the metric needs is NaN. All models see the same resamples.
    """
    values = [evaluate(target, model, metrics) for model in models]
    codes, clusters = _codes(groups, len(target))
    forms = [_weighted(target, model, metrics, codes, clusters) for model in models]
    batches = [[form(weights) for form in forms] for weights in _weights(clusters, resamples, seed)]
    return values, [_joined([batch[i] for batch in batches], values[i]) for i in range(len(models))]


def _joined(batches: list[Rows], names) -> Rows:
    return {name: np.concatenate([batch[name] for batch in batches]) for name in names}


def _spread(values: np.ndarray) -> tuple[float, float, float, int]:
    """Return low, high, standard error and how many of the resampled values there are, without the lost ones."""
    kept = values[~np.isnan(values)]
    if len(kept) < (1 - LOST) * len(values):
        return nan, nan, nan, len(kept)
    low, high = np.quantile(kept, (ALPHA / 2, 1 - ALPHA / 2))
    return float(low), float(high), float(kept.std(ddof=1)), len(kept)


def _codes(groups, rows: int) -> tuple[np.ndarray, int]:
    if groups is None:
        return np.arange(rows), rows
    codes, ids = pd.factorize(np.asarray(groups))
    if len(codes) != rows:
        raise CannotRun(f"there are {len(codes)} ids for {rows} rows: give the id of each row")
    if (codes < 0).any():
        raise CannotRun(f"{(codes < 0).sum()} of {rows} rows have no id: rows are resampled by id, so each needs one")
    return codes, len(ids)


def _weights(clusters: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield how often each cluster was drawn, [batch, clusters]; the draws do not depend on the size of a batch."""
    if clusters < 2:  # one id has no spread to resample: no interval, instead of one of width 0
        yield np.full((resamples, clusters), nan)
        return
    random = np.random.default_rng(seed)
    size = max(1, CELLS // clusters)
    for start in range(0, resamples, size):
        batch = min(size, resamples - start)
        drawn = random.integers(clusters, size=(batch, clusters))
        drawn += np.arange(batch)[:, None] * clusters
        yield np.bincount(drawn.ravel(), minlength=batch * clusters).reshape(batch, clusters).astype(float)


def _by_cluster(columns: np.ndarray, codes: np.ndarray, clusters: int) -> np.ndarray:
    return np.column_stack([np.bincount(codes, weights=column, minlength=clusters) for column in columns.T])


def _weighted(target, model: Scores, metrics, codes: np.ndarray, clusters: int) -> Callable[[np.ndarray], Rows]:
    """Return a function of weights [batch, clusters] to {metric: values [batch]}, NaN where a needed class is lost."""
    target, model = checked(target, model)
    wanted = chosen(model, metrics)
    summed = [metric for metric in wanted if not metric.ranks]
    columns = [metric.columns(target, model) for metric in summed]
    ends = np.cumsum([len(each) for each in columns])
    both = [np.ones(len(target)), target == 1]  # last: whether a resample lost a class
    table = _by_cluster(np.column_stack([*(part for each in columns for part in each), *both]), codes, clusters)
    ranks = _ranks(target, model.score, codes) if any(metric.ranks for metric in wanted) else lambda weights: {}

    def form(weights: np.ndarray) -> Rows:
        total = (weights @ table).T
        with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a mean of nothing is NaN, as it should be
            values = {
                metric.name: metric.combine(part) for metric, part in zip(summed, np.split(total, ends), strict=False)
            }
            values |= ranks(weights)
        lost = (total[-1] == 0) | (total[-1] == total[-2])
        return {metric.name: np.where(lost & metric.both, nan, values[metric.name]) for metric in wanted}

    return form


def _ranks(target: np.ndarray, score: np.ndarray, codes: np.ndarray) -> Callable[[np.ndarray], Rows]:
    """Return a function of weights to AUC and average precision.

    For each distinct score of a positive, from the highest: `hits` positives have it, `found` have it or more, and
    `ahead` and `upto` negatives have more, or it or more. AUC = sum hits (N - (ahead + upto) / 2) / (P N),
    average precision = sum hits found / (found + upto) / P.
    """
    order = np.argsort(-score, kind="stable")
    positive, negative = order[target[order] == 1], order[target[order] == 0]
    levels, counts = np.unique(-score[positive], return_counts=True)
    ends = np.cumsum(counts) - 1
    ahead, upto = (np.searchsorted(-score[negative], levels, side) for side in ("left", "right"))

    def form(weights: np.ndarray) -> Rows:
        if not len(positive) or not len(negative):
            return dict.fromkeys(("roc_auc", "average_precision"), np.full(len(weights), nan))
        found = np.cumsum(np.take(weights, codes[positive], axis=1), axis=1)[:, ends]
        passed = np.zeros((len(weights), len(negative) + 1))
        np.cumsum(np.take(weights, codes[negative], axis=1), axis=1, out=passed[:, 1:])
        hits, below = np.diff(found, axis=1, prepend=0), np.take(passed, upto, axis=1)
        outranked = np.einsum("ij,ij->i", hits, below + np.take(passed, ahead, axis=1)) / 2
        precision = np.einsum("ij,ij->i", hits, found / np.maximum(found + below, 1))
        return {
            "roc_auc": 1 - outranked / (found[:, -1] * passed[:, -1]),
            "average_precision": precision / found[:, -1],
        }

    return form


def interval(delta: float, se: float, alpha: float = ALPHA) -> tuple[float, float]:
    """Return the normal interval of level 1 - alpha around delta."""
    half = NormalDist().inv_cdf(1 - alpha / 2) * se
    return delta - half, delta + half


def p_value(delta: float, se: float) -> float:
    """Return the two-sided normal p of no difference; 1 where both are 0, NaN where either is NaN."""
    if se > 0:
        return 2 * NormalDist().cdf(-abs(delta) / se)
    return nan if isnan(delta + se) else float(delta == 0)


def holm(p_values) -> np.ndarray:
    """Return p values adjusted for their number, same order (Holm 1979); NaN stays NaN and counts as a test."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    return adjusted


def holm_adjusted(differences: Mapping[str, Difference], alpha: float = ALPHA) -> dict[str, Difference]:
    """Return the differences (say, one a slice) with normal intervals that exclude 0 exactly where holm(p) <= alpha.

    Each gets the level at which Holm tests it, alpha / (tests left); those after the first that is not rejected get
    that one's level.
    """
    p = np.array([p_value(difference.delta, difference.se) for difference in differences.values()])
    ranks = np.argsort(np.argsort(p))
    rejected = int((holm(p) <= alpha).sum())
    levels = alpha / (len(p) - np.minimum(ranks, rejected))
    pairs = zip(differences.items(), levels, strict=True)
    return {name: _with_interval(difference, level) for (name, difference), level in pairs}


def _with_interval(difference: Difference, alpha: float) -> Difference:
    low, high = interval(difference.delta, difference.se, alpha)
    return replace(difference, low=low, high=high)


def judge(difference: Difference, margin: float) -> str:
    """Return "pass", "fail" or "undecided" for a difference where bigger is better (see `Difference.oriented`).

    pass: the interval's low end is inside the margin. fail: delta is beyond the margin and the interval excludes 0,
    or a number is missing (NaN). undecided: else.
    """
    if not all(map(isfinite, (difference.delta, difference.low, difference.high, margin))):
        return "fail"
    if difference.low >= -margin:
        return "pass"
    return "fail" if difference.delta < -margin and difference.high < 0 else "undecided"


def rows_to_decide(difference: Difference, margin: float, rows: int) -> int | None:
    """Return how many rows would decide if delta stayed, or None where no number would; bigger is better.

    The interval narrows with 1 / sqrt(rows): its low end must come inside the margin, or, where delta is beyond the
    margin, its high end below 0.
    """
    beyond = difference.delta < -margin
    width = difference.high - difference.delta if beyond else difference.delta - difference.low
    room = -difference.delta if beyond else difference.delta + margin
    if not isfinite(width) or not room > 0:
        return None
    return ceil(rows * (width / room) ** 2)
