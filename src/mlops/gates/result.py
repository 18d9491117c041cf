"""What every gate returns, and what every gate may look at."""

from dataclasses import dataclass, field
from math import floor, isfinite, log10
from typing import Any

import numpy as np
import pandas as pd

from mlops.baseline import Baseline
from mlops.bootstrap import Difference, Estimate
from mlops.contract import Contract
from mlops.params import Params
from mlops.proxy import Proxy

STATUSES = ("pass", "warn", "fail", "neutral", "waived")


@dataclass(frozen=True)
class Gate:
    """One judgement: id (of the gate, what a waiver names), title, status, what was seen, what was asked, and why.

    status is one of STATUSES, else ValueError. observed is what is held against threshold, so a change counts as what was
    lost, below 0 as a gain; None where there is no number to show.
    """

    id: str
    title: str
    status: str
    observed: float | str | None
    threshold: float | str | None
    message: str

    def __post_init__(self):
        if self.status not in STATUSES:  # a word that nobody counts as a failure must not slip through
            raise ValueError(f"'{self.status}' is no status")


@dataclass
class Evidence:
    """Everything that was found out about the candidate, before anything is judged.

    rows: the test rows that neither model trained on, with target, both models' scores (see mlops.task) and slices (labels). Reports of
    stages are their parsed JSON, None where the stage did not run; `skipped` names the stages a person left out.
    """

    params: Params
    table: Contract
    metrics: dict
    baseline: Baseline | None = None
    no_baseline: str = ""
    first_run: bool = False  # main has no model at all; else another question was asked of it
    replaces_sample: bool = False  # that question was the sample's: an adoption is to ask another one
    rows: pd.DataFrame = field(default_factory=pd.DataFrame)
    target: np.ndarray = field(default_factory=lambda: np.empty(0))
    score: np.ndarray = field(default_factory=lambda: np.empty(0))
    main_score: np.ndarray | None = None
    threshold: float = 0.5
    main_params: Params | str = ""  # main's own, or why there are none
    behind: int = 0  # commits of main that this branch does not have
    differences: dict[str, Difference] = field(default_factory=dict)
    estimates: dict[str, Estimate] = field(default_factory=dict)
    champion: Difference | None = None  # of the primary metric, against what prod serves
    no_champion: str = "nothing is in prod yet: no champion to compare with"
    slices: pd.DataFrame = field(default_factory=pd.DataFrame)
    slice_differences: dict[str, Difference] = field(default_factory=dict)
    proxies: dict[str, Proxy] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    shared_keys: int | None = None
    size_mb: float | None = None
    latency_ms: float | None = None
    validation: dict | None = None
    behaviour: dict | None = None
    deepchecks: dict | None = None
    main_deepchecks: dict | None = None
    lock: dict[str, Any] = field(default_factory=dict)
    lint: str | None = None
    skipped: frozenset[str] = frozenset()


def limit(id: str, title: str, observed: float | None, threshold: float, message: str, above: bool = False) -> Gate:
    """Return pass where `observed` is at most `threshold` (at least, with `above`); fail where not, or where it is no number."""
    if observed is None or not isfinite(observed):
        return Gate(id, title, "fail", None, threshold, f"{title} is not a number: {message}")
    inside = observed >= threshold if above else observed <= threshold
    return Gate(id, title, "pass" if inside else "fail", number(observed), threshold, message)


def number(value: float | None) -> float | None:
    """Return six significant digits of `value`, None where it is no number: verdict.json holds no NaN."""
    return float(f"{value:.6g}") + 0.0 if value is not None and isfinite(value) else None


def decimals(*values: float | None) -> int:
    """Return how many decimals show four significant digits of the largest of `values`; 4 at least."""
    most = max((abs(value) for value in values if value is not None and isfinite(value)), default=0.0)
    return max(4, 3 - floor(log10(most))) if most else 4


def form(*values: float | None) -> str:
    """Return the format in which `values` are shown beside each other; the smallest of scales get an exponent."""
    places = decimals(*values)
    return f".{places}f" if places < 10 else ".3e"
