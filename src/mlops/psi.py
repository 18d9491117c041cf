"""The population stability index: how far apart two histograms over the same bins are."""

import math
from collections.abc import Sequence


def psi(expected: Sequence[float], found: Sequence[float]) -> float:
    """Return the population stability index of two histograms, less its mean where both are of one distribution.

    The sum of (q - p) ln(q / p) over the bins [Siddiqi 2006]; its null mean (B - 1)(1/n + 1/N) is that of Yurdakul 2018. Half a
    row is added to each bin, as an empty one has no logarithm. Negative where they differ less than chance does.
    """
    return raw(expected, found) - null_mean(expected, found)


def raw(expected: Sequence[float], found: Sequence[float]) -> float:
    """Return the index as it is; of one distribution it is null_mean / (B - 1) times a chi-squared variable of B - 1 degrees."""
    bins, n, m = len(expected), sum(expected), sum(found)
    pairs = (((a + 0.5) / (n + bins / 2), (b + 0.5) / (m + bins / 2)) for a, b in zip(expected, found, strict=True))
    return sum((q - p) * math.log(q / p) for p, q in pairs)


def null_mean(expected: Sequence[float], found: Sequence[float]) -> float:
    """Return the mean of `raw` where both are of one distribution."""
    return (len(expected) - 1) * (1 / sum(expected) + 1 / sum(found))
