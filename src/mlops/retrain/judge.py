"""Is the challenger better than the champion, on rows that neither was trained on? Three looks, each with its interval.

newest: the rows that drift is about, the windows that decide and the labelled rows after them. common: every row of the challenger's months
that neither was trained on. holdout: rows of the champion's months kept apart for ever, which tell whether something was forgotten.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlops import contract, slices, split
from mlops.bootstrap import Difference, holm_adjusted, paired
from mlops.compare import said_of
from mlops.contract import Contract
from mlops.metrics import named
from mlops.onnx_model import Model
from mlops.params import Params


@dataclass(frozen=True)
class Look:
    """The primary metric of both models on some rows, bigger is better.

    groups: the same of each slice, adjusted for their number; few: slices with too few rows of a class to judge.
    """

    rows: int
    primary: Difference | None
    groups: dict[str, Difference]
    few: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """better: whether the challenger is proposed. why: what speaks against it, a sentence each; notes: what a person should know."""

    better: bool
    why: tuple[str, ...]
    notes: tuple[str, ...]
    looks: dict[str, Look]


def look(rows: pd.DataFrame, champion: Model, challenger: Model, table: Contract, knobs: Params, groups=True) -> Look:
    """Return how both models do on rows whose labels are known; without a difference where there are too few.

    groups: whether each slice is looked at, too.
    """
    if len(rows) < knobs.drift.min_rows:
        return Look(len(rows), None, {})
    target, ids = contract.targets(rows[table.target], table), split.keys(rows, table)
    both = [said_of(target, model.score(rows), model) for model in (champion, challenger)]
    primary = named(knobs.gates.primary)

    def difference(at: np.ndarray) -> Difference:
        found = paired(target[at], *(said.at(at) for said in both), groups=ids[at], metrics=[primary.name])
        return found[primary.name].oriented(primary)

    places = slices.singles(slices.labels(rows, table)) if groups else {}
    enough = {
        name: at
        for name, at in places.items()
        if slices.judged(at, target, knobs.gates.slices.min_class_rows, table.task)
    }
    found = {name: difference(at) for name, at in enough.items()}
    few = tuple(name for name in places if name not in enough)
    return Look(len(rows), difference(np.arange(len(rows))), holm_adjusted(found) if found else {}, few)


def judged(looks: dict[str, Look], knobs: Params, concept: bool) -> Judgement:
    """Return whether the challenger is better; concept: performance itself has drifted, so old labels are of what is no more."""
    newest, why, notes = looks["newest"], [], []
    least = knobs.retrain.min_gain
    if newest.primary is None:
        why.append(
            f"only {newest.rows:,} new rows have labels, and {knobs.drift.min_rows:,} are needed (drift.min_rows)"
        )
    elif newest.primary.delta < least or not newest.primary.low > 0:
        why.append(
            f"on the newest rows it is {_told(newest.primary)}: less than {least:g} better (retrain.min_gain), or not surely"
        )
    for name, each in (looks["common"].groups | newest.groups).items():  # the newest, where they are enough
        if not each.high >= 0:  # what is no number is against it, as everywhere
            why.append(f"{name} {'is surely worse' if each.high < 0 else 'cannot be judged'}: {_told(each)}")
    few = [name for name in looks["common"].few if name not in newest.groups]
    notes += [f"too few rows to judge: {', '.join(few)}"] * bool(few)
    kept = looks["holdout"]
    if kept.primary is None:
        notes.append(
            f"whether something was forgotten is not known: the champion's months have {kept.rows:,} holdout rows"
        )
    elif not kept.primary.high >= 0:
        lost = f"on the holdout rows of the champion's months it is {_told(kept.primary)}: something was forgotten"
        if concept:
            notes.append(f"{lost}, which is noted alone, since what causes the target has changed")
        else:
            why.append(lost)
    return Judgement(not why, tuple(why), tuple(notes), looks)


def _told(each: Difference) -> str:
    return f"{each.delta:+.4f} (95 % interval {each.low:+.4f} to {each.high:+.4f})"


def unseen(rows: pd.DataFrame, keys: Sequence[set], table: Contract) -> pd.DataFrame:
    """Return the rows whose label is known and whose key no training had."""
    known = rows[rows[table.target].notna()]
    own = pd.Series(split.keys(known, table), index=known.index) if len(known) else pd.Series(dtype=str)
    return known[~own.isin(set().union(*keys))]
