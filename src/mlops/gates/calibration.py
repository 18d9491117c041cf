"""Gate `calibration`: does a score of 0.2 mean that two of ten happen?"""

from collections.abc import Iterator

import numpy as np
from scipy.stats import beta
from scipy.stats import t as student

from mlops import task
from mlops.bootstrap import sums
from mlops.gates.result import Evidence, Gate, limit

ID = "calibration"
BINS = 5
ALPHA = 0.05
TAIL = ALPHA / BINS / 2
TINY = 1e-12


def check(evidence: Evidence) -> Iterator[Gate]:
    """In each fifth of the test rows, by score, mean score and observed rate differ by at most `gates.calibration`.

    What the rows' own chance explains is taken off first: the 95 % interval of the observed rate (Clopper and Pearson; of a
    number's mean the bootstrap-t), at a fifth of the level each. Of several classes it is how sure the model is against how
    often it is right; of a number the mean prediction against the mean target, in standard deviations of the target.
    """
    kind, margin = evidence.table.task, evidence.params.gates.calibration
    if len(evidence.score) < BINS:
        yield limit(ID, "Calibration", None, margin, f"there are {len(evidence.score)} test rows")
        return
    stated, seen = task.stated(kind, evidence.target, evidence.score)
    unit = task.spread(kind, evidence.target) or 1.0
    fifths = np.array_split(np.argsort(stated, kind="stable"), BINS)
    gaps = [(stated[rows].mean() - seen[rows].mean()) / unit for rows in fifths]
    least = float(np.std(seen - stated))  # five rows may all be the same by chance, and have no deviation
    sure = [_outside(stated[rows].mean(), *_interval(seen[rows], kind, least)) / unit for rows in fifths]
    at = int(np.argmax(sure)) if max(sure) > 0 else int(np.argmax(np.abs(gaps)))
    chance = f"{abs(gaps[at]) - sure[at]:.4f} may be chance and {sure[at]:.4f} is not; {margin:g} is allowed"
    message = f"largest in fifth {at + 1} of {BINS}: {task.gap_words(kind)} {gaps[at]:+.4f}, of which {chance}"
    yield limit(ID, "Calibration", sure[at], margin, message)


def _outside(value: float, low: float, high: float) -> float:
    return max(low - value, value - high, 0.0)


def _interval(seen: np.ndarray, kind: task.Task, least: float) -> tuple[float, float]:
    """Return the interval of the mean that happened, at level 1 - ALPHA / BINS; `least`: of a number, its least deviation."""
    if kind == "regression":
        return _of_mean(seen, least)
    rows, hits = len(seen), seen.sum()
    low = beta.ppf(TAIL, hits, rows - hits + 1) if hits else 0.0
    return low, beta.ppf(1 - TAIL, hits + 1, rows - hits) if hits < rows else 1.0


def _of_mean(seen: np.ndarray, least: float) -> tuple[float, float]:
    """Return the bootstrap-t interval of a mean, which leans as the values do: Efron and Tibshirani (1993), chapter 12.

    Amounts and durations have a few large values; Student's t alone lies too low where the rows have none of them. It is
    what the interval has at least, and `least` what its deviation is.
    """
    rows, mean = len(seen), float(seen.mean())
    if rows < 2:
        return -np.inf, np.inf
    centred = seen - mean
    total, squares = sums(np.column_stack([centred, centred**2])).T / rows
    spread = np.maximum(squares - total**2, TINY * (squares.max() or 1.0))  # a resample may be of one value alone
    low, high = np.quantile(total / np.sqrt(spread / rows), (TAIL, 1 - TAIL))
    usual = student.ppf(1 - TAIL, rows - 1)
    low, high = min(low, -usual), max(high, usual)
    error = max(float(seen.std(ddof=1)), least) / np.sqrt(rows)
    return mean - high * error, mean - low * error
