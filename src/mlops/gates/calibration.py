"""Gate `calibration`: does a score of 0.2 mean that two of ten happen?"""

from collections.abc import Iterator

import numpy as np

from mlops.gates.result import Evidence, Gate, limit

ID = "calibration"
BINS = 5


def check(evidence: Evidence) -> Iterator[Gate]:
    """In each fifth of the test rows, by score, mean score and observed rate differ by at most `gates.calibration`.

    Two standard errors of the observed rate are taken off first: that much is the rows' own chance.
    """
    score, target = evidence.score, evidence.target
    if len(score) < BINS:
        yield limit(ID, "Calibration", None, evidence.params.gates.calibration, f"there are {len(score)} test rows")
        return
    fifths = np.array_split(np.argsort(score, kind="stable"), BINS)
    gaps = [score[rows].mean() - target[rows].mean() for rows in fifths]
    chance = [2 * np.sqrt(max(score[rows].mean() * (1 - score[rows].mean()), 1e-9) / len(rows)) for rows in fifths]
    sure = [max(abs(gap) - spread, 0.0) for gap, spread in zip(gaps, chance, strict=True)]
    at = int(np.argmax(sure))
    message = f"largest in fifth {at + 1} of {BINS}: mean score less observed rate {gaps[at]:+.3f}, of which {min(chance[at], abs(gaps[at])):.3f} may be chance"
    yield limit(ID, "Calibration", sure[at], evidence.params.gates.calibration, message)
