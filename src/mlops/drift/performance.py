"""Performance: is the model as good on the rows of a window as on those it was judged by? And where labels are not there yet, its estimate.

The estimate draws each label from the model's own probability, so it assumes that they are right: it sees that rows have become
harder and no change of what causes the target. NannyML calls it CBPE, confidence-based performance estimation.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlops import bootstrap, contract, slices
from mlops.compare import said_of
from mlops.contract import Contract
from mlops.drift.finding import ABSENT, FEW, Finding
from mlops.drift.looked import ALL, SCORE, groups
from mlops.metrics import evaluate, named
from mlops.onnx_model import Model
from mlops.params import Params
from mlops.task import spread, stated

DRAWS = 100
CALIBRATION = "calibration"  # mean of what is stated less what happened


@dataclass(frozen=True)
class Judged:
    """A model on some rows with labels: the primary metric, and how far what it states is from what happened, each with its standard error."""

    value: float
    value_se: float
    gap: float
    gap_se: float
    rows: int


def judged(rows: pd.DataFrame, table: Contract, model: Model, knobs: Params) -> dict[str, Judged]:
    """Return {group: how good the model is}, of the groups with rows enough; rows: a sample whose labels are known."""
    if not len(rows):
        return {}
    target, score = contract.targets(rows[table.target], table), scored(rows, model)
    found = {}
    for group, places in groups(rows, table).items():
        at = np.arange(len(rows)) if places is None else places
        if _enough(at, target, group, table, knobs):
            found[group] = _judged(target[at], score[at], model, knobs.gates.primary)
    return found


def scored(rows: pd.DataFrame, model: Model) -> np.ndarray:
    """Return the scores that the rows hold, as metrics take them."""
    names = [f"{SCORE}_{each}" for each in model.classes] or [SCORE]
    score = rows[names].to_numpy(np.float64)
    return score if model.classes else score[:, 0]


def check(before: dict[str, Judged], now: dict[str, Judged], rows: int, knobs: Params) -> Iterator[Finding]:
    """Yield how much worse each group is than in the reference, and how far calibration has moved. rows: with a known label."""
    primary, limits = named(knobs.gates.primary), knobs.drift.limits
    if ALL not in now or ALL not in before:
        note = f"{rows:,} rows have a label, and {knobs.drift.min_rows} are needed, of both classes"
        yield Finding("performance", primary.name, ALL, "", None, None, None, FEW, note)
        return
    for group in [each for each in now if each in before]:  # in one order, always
        one, other = before[group], now[group]
        loss = primary.sign * (one.value - other.value)
        p = _one_sided(loss, one.value_se, other.value_se)
        loss = max(loss, 0.0)
        yield _changed("performance", primary.name, group, "loss", loss, limits.performance, p, one.value, other.value)
        moved = other.gap - one.gap
        p = bootstrap.p_value(moved, float(np.hypot(one.gap_se, other.gap_se)))
        moved = abs(moved)
        yield _changed("performance", CALIBRATION, group, "change", moved, limits.calibration, p, one.gap, other.gap)


def estimated(rows: pd.DataFrame, model: Model, knobs: Params, seed: int = 0) -> Judged | None:
    """Return the primary metric as the model's own probabilities let expect it; None for numbers, which have none.

    Its standard error counts the drawing of rows and of labels.
    """
    if model.task == "regression" or len(rows) < knobs.drift.min_rows:
        return None
    random, score = np.random.default_rng(seed), scored(rows, model)
    primary, values = knobs.gates.primary, []
    for draw in range(2 * DRAWS):  # first of all rows: the estimate; then of resampled ones: its error
        at = slice(None) if draw < DRAWS else random.integers(len(score), size=len(score))
        values.append(_drawn(score[at], model, primary, random))
    middle, spread_ = np.nanmean(values[:DRAWS]), np.nanstd(values[DRAWS:], ddof=1)
    return Judged(float(middle), float(spread_), 0.0, 0.0, len(rows))


def check_estimate(before: Judged | None, now: Judged | None, knobs: Params) -> Iterator[Finding]:
    """Yield how much worse the model is expected to be than its estimate was on the reference."""
    primary = named(knobs.gates.primary)
    if before is None or now is None:
        yield Finding(
            "estimate", primary.name, ALL, "", None, None, None, ABSENT, "no estimate without probabilities or rows"
        )
        return
    loss = primary.sign * (before.value - now.value)
    p, limit = _one_sided(loss, before.value_se, now.value_se), knobs.drift.limits.performance
    yield _changed("estimate", primary.name, ALL, "loss", max(loss, 0.0), limit, p, before.value, now.value)


def _changed(kind, what, group, statistic, effect, limit, p, before: float, now: float) -> Finding:
    return Finding(kind, what, group, statistic, effect, limit, p, "", f"{before:.4f} -> {now:.4f}", before, now)


def _judged(target, score, model: Model, primary: str) -> Judged:
    found = bootstrap.single(target, said_of(target, score, model), metrics=[primary], resamples=500)[primary]
    said, happened = stated(model.task, target, score)
    apart = (said - happened) / spread(model.task, target)
    return Judged(found.value, found.se, float(apart.mean()), float(apart.std() / np.sqrt(len(apart))), len(target))


def _enough(at: np.ndarray, target: np.ndarray, group: str, table: Contract, knobs: Params) -> bool:
    fewest = knobs.gates.slices.min_class_rows
    return slices.judged(at, target, fewest, table.task) and (group != ALL or len(at) >= knobs.drift.min_rows)


def _drawn(score: np.ndarray, model: Model, primary: str, random) -> float:
    if model.classes:
        target = (random.random((len(score), 1)) > np.cumsum(score, axis=1)[:, :-1]).sum(axis=1)
    else:
        target = (random.random(len(score)) < score).astype(np.int8)
    return evaluate(target, said_of(target, score, model), [primary])[primary]


def _one_sided(loss: float, one: float, other: float) -> float:
    p = bootstrap.p_value(loss, float(np.hypot(one, other)))
    return p / 2 if loss > 0 else 1 - p / 2
