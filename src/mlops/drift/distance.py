"""How far apart a column of two windows is, by statistics that the field knows: each an effect, and the p of no difference.

Effects do not grow with the rows, so that one limit holds for every window; p says whether chance alone would do it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlops.drift.summary import Numbers, Values
from mlops.psi import null_mean, raw

BINS = 10
RARE = 5  # rows of a value in the smaller window, as many as the chi-squared distribution needs [Cochran 1954]


@dataclass(frozen=True)
class Distance:
    """One statistic: its name, its effect, and the p value of no difference."""

    name: str
    effect: float
    p: float


def of_numbers(reference: Numbers, current: Numbers) -> list[Distance]:
    """Return population stability index, Kolmogorov-Smirnov and Wasserstein distance; without the last two where either has no number,
    without the last where the reference has one number only.

    The index is of ten bins that each hold a tenth of the reference, and one of missing values. The Wasserstein distance is in
    standard deviations of the reference; its p is that of Kolmogorov and Smirnov.
    """
    one, other = reference.ranked(), current.ranked()
    found = [
        stability(*(_binned(_edges(*one), each, *ranked) for each, ranked in ((reference, one), (current, other))))
    ]
    return found + (_between(one, other, reference.known, current.known) if len(one[0]) and len(other[0]) else [])


def of_values(reference: Values, current: Values) -> list[Distance]:
    """Return population stability index and Cramer's V over the values that either has, the rare ones taken as one value."""
    known = sorted(reference.counts.keys() | current.counts.keys(), key=str)
    counts = _folded(*(np.array([each.counts[value] for value in known], dtype=float) for each in (reference, current)))
    return [stability(*counts), association(*counts)]


def _folded(expected: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the counts of both with those of all rare values added up.

    Of values with a row or two neither statistic has the distribution that its p is taken from: 500 rows against 36,000, 300 values by
    Zipf's law (exponent 1.5) and no drift give a Pearson's p below 0.001 in a tenth of the windows, and an index that is 0.18 too low.
    """
    n, m = expected.sum(), found.sum()
    smaller = min(n, m)
    # Both together say what is rare: by one alone, chance would choose what is compared. But what is new or gone in more rows than
    # chance has it stays a value of its own.
    together, most = (expected + found) / (n + m), np.maximum(expected / n, found / m)
    rare = (together * smaller < RARE) & (most * smaller < 4 * RARE)
    if not rare.any():
        return expected, found
    return tuple(np.append(each[~rare], each[rare].sum()) for each in (expected, found))


def stability(expected: Sequence[float], found: Sequence[float]) -> Distance:
    """Return the population stability index less its null mean; its p by the chi-squared distribution that it has [Yurdakul 2018]."""
    from scipy.special import chdtrc

    expected, found = zip(*((a, b) for a, b in zip(expected, found, strict=True) if a or b), strict=True)
    degrees = len(expected) - 1
    if not degrees:
        return Distance("psi", 0.0, 1.0)
    value, mean = float(raw(expected, found)), float(null_mean(expected, found))
    return Distance("psi", value - mean, float(chdtrc(degrees, value / mean * degrees)))


def association(expected: Sequence[float], found: Sequence[float]) -> Distance:
    """Return Cramer's V of window and value, as it would be of windows of equal size, less its null mean; p by Pearson's test.

    V is the root of chi squared over the rows [Cramer 1946, 21.9]: of unequal windows it would shrink with the smaller one.
    """
    from scipy.special import chdtrc

    a, b = np.asarray(expected), np.asarray(found)
    n, m, degrees = a.sum(), b.sum(), len(a) - 1
    apart = (a / n - b / m) ** 2
    squared = (apart / ((a + b) / (n + m))).sum() * n * m / (n + m)
    size = (apart / (a / n + b / m)).sum() / 2 - degrees * (1 / n + 1 / m) / 4
    return Distance("cramers_v", float(np.sqrt(max(size, 0))), float(chdtrc(degrees, squared)) if degrees else 1.0)


def _edges(values: np.ndarray, upto: np.ndarray) -> np.ndarray:
    """Return the upper edges of bins that each hold a tenth of the reference; fewer where many rows have one number."""
    if not len(values):
        return values
    places = np.searchsorted(upto, np.arange(1, BINS) / BINS)
    return np.unique(values[places])


def _binned(edges: np.ndarray, numbers: Numbers, values: np.ndarray, upto: np.ndarray) -> list[float]:
    """Return how many rows are in each bin, the missing ones last."""
    shares = np.concatenate([[0.0], _share(values, upto, edges), [1.0 if len(values) else 0.0]])
    return [*(np.diff(shares) * numbers.known), float(numbers.missing)]


def _share(values: np.ndarray, upto: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the share of rows that are at most each point."""
    return _before(upto)[np.searchsorted(values, points, side="right")]


def _between(one, other, n: int, m: int) -> list[Distance]:
    from scipy.special import kolmogorov

    points, upto, others = _merged(*one, *other)
    apart = np.abs(upto - others)
    last = np.append(points[1:] != points[:-1], True)  # of equal numbers only the last has them all behind it
    largest = float(apart[last].max())
    p = float(kolmogorov(np.sqrt(n * m / (n + m)) * largest))
    found = [Distance("ks", largest, p)]
    if one[0][0] == one[0][-1]:  # no standard deviation to measure in
        return found
    moved = float(apart[:-1] @ np.diff(points))
    return [*found, Distance("wasserstein", moved / _spread(*one), p)]


def _merged(values, upto, others, theirs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the numbers of both, rising, and at each of them the share of either that is at most it."""
    mine = np.zeros(len(values) + len(others), dtype=bool)
    mine[np.arange(len(values)) + np.searchsorted(others, values, side="right")] = True
    points = np.empty(len(mine))
    points[mine], points[~mine] = values, others
    seen = np.cumsum(mine)
    return points, _before(upto)[seen], _before(theirs)[np.arange(1, len(mine) + 1) - seen]


def _before(upto: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], upto])


def _spread(values: np.ndarray, upto: np.ndarray) -> float:
    weights = np.diff(upto, prepend=0.0)
    return float(np.sqrt(weights @ (values - weights @ values) ** 2))
