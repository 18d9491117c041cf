"""The three tasks: what target, score and decision of a row are.

task         target             score                               decision
binary       0 or 1             probability of 1, [rows]            score >= threshold
multiclass   place of a class   one probability a class, [rows, k]  place of the likeliest class
regression   a number           the predicted number, [rows]        the score itself
"""

from typing import Literal

import numpy as np

Task = Literal["binary", "multiclass", "regression"]
WORDS = {  # what the means of the two that `stated` returns are called
    "binary": ("mean score", "observed rate"),
    "multiclass": ("mean score of the decision", "share that is right"),
    "regression": ("mean prediction", "mean target"),
}
UNIT = {"regression": " (in standard deviations of the target)"}  # see `spread`


def decide(task: Task, score: np.ndarray, threshold: float) -> np.ndarray:
    """Return the decision of each row, shape [rows]; `threshold` counts for binary alone."""
    if task == "multiclass":
        return score.argmax(axis=1)
    return score >= threshold if task == "binary" else score


def stated(task: Task, target: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what the model states of each row and what happened, both float [rows], to hold one against the other.

    For several classes it is how sure the model is of the likeliest, and whether that was right: Guo et al., On
    Calibration of Modern Neural Networks (2017).
    """
    if task == "multiclass":
        return score.max(axis=1), (score.argmax(axis=1) == target).astype(float)
    return score, target.astype(float)


def gap_words(task: Task) -> str:
    """Return what the mean stated less the mean that happened is called."""
    return " less ".join(WORDS[task]) + UNIT.get(task, "")


def spread(task: Task, target: np.ndarray) -> float:
    """Return the unit of limits that are shares: 1 for probabilities, for numbers the target's standard deviation."""
    return float(np.std(target)) if task == "regression" else 1.0


def score_columns(classes) -> list[str]:
    """Return the names under which scores are kept in a table: one a class, else `score`."""
    return [f"score_{name}" for name in classes] or ["score"]
