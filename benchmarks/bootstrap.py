"""Time and memory of the paired bootstrap: five metrics of two models, against a plain scikit-learn loop.

    OPENBLAS_NUM_THREADS=1 uv run python benchmarks/bootstrap.py

The loop is measured on 20 resamples and scaled to 2,000. Memory is the growth of the process's peak (ru_maxrss)
over what it was with libraries and data loaded, taken first, so that no earlier run hides it.
"""

import resource
import sys
import time
from collections.abc import Callable

import numpy as np

from mlops.bootstrap import RESAMPLES, paired
from mlops.metrics import TASKS, Scores

ROWS, LOOPED, SLICES, SLICE_ROWS = 20_000, 20, 20, 1_000


def world(rows: int) -> tuple[np.ndarray, Scores, Scores]:
    """Return a target with a third of positives and the scores of two models, in which nothing is tied."""
    random = np.random.default_rng(0)
    cause = random.normal(size=rows)
    target = (random.random(rows) < 1 / (1 + np.exp(1 - cause))).astype(int)
    scores = (1 / (1 + np.exp(1 - cause - random.normal(size=rows) * noise)) for noise in (0.5, 0.6))
    return target, *(Scores(score, 0.4) for score in scores)


def loop(target: np.ndarray, main: Scores, candidate: Scores) -> None:
    """Do what `paired` does, one resample after another, by scikit-learn."""
    random = np.random.default_rng(0)
    for _ in range(LOOPED):
        rows = random.integers(len(target), size=len(target))
        for model in (main, candidate):
            drawn = model.at(rows)
            for metric in TASKS["binary"]:
                metric.value(target[rows], drawn)


def seconds(work: Callable, *arguments, **options) -> float:
    """Return how long the work takes, in seconds."""
    start = time.perf_counter()
    work(*arguments, **options)
    return time.perf_counter() - start


def peak_mb() -> float:
    """Return the process's peak memory so far in MB; Linux counts KiB, macOS bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def slices(metrics: list[str] | None = None) -> None:
    """Compare the models on each of 20 slices of 1,000 rows."""
    for _ in range(SLICES):
        paired(*world(SLICE_ROWS), metrics=metrics)


def lines() -> list[str]:
    """Return the figures, one a line."""
    data = world(ROWS)
    before = peak_mb()
    ours = sorted(seconds(paired, *data) for _ in range(5))
    grown = peak_mb() - before
    ids = seconds(paired, *data, groups=np.arange(ROWS) // 2)
    theirs = seconds(loop, *data) * RESAMPLES / LOOPED
    sliced, sliced_auc = seconds(slices), seconds(slices, ["roc_auc"])
    return [
        f"{ROWS:,} rows x {RESAMPLES:,} resamples: {ours[0]:.2f} to {ours[-1]:.2f} s in 5 runs",
        f"growth of the peak memory: {grown:.0f} MB",
        f"the same by {ROWS // 2:,} ids of two rows: {ids:.2f} s",
        f"scikit-learn loop: {theirs:.0f} s (scaled from {LOOPED} resamples), ratio {theirs / ours[2]:.0f}",
        f"{SLICES} slices of {SLICE_ROWS:,} rows: {sliced:.2f} s, AUC alone {sliced_auc:.2f} s",
    ]


if __name__ == "__main__":
    print("\n".join(lines()))
