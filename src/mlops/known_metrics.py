"""Whether `gates` in params.yaml names metrics that there are: said before minutes of training, not after."""

from collections.abc import Iterator
from difflib import get_close_matches

import numpy as np

from mlops.contract import Contract
from mlops.errors import CannotRun
from mlops.metrics import Scores, of
from mlops.params import Gates


def check(gates: Gates, table: Contract) -> None:
    """Raise CannotRun where a limit is of no metric of this task and none of src/model/metrics.py, with the nearest one."""
    known = list(of(Scores(np.empty(0), task=table.task, classes=table.classes))) + _owners(table)
    for key, name in _named(gates):
        if name not in known:
            near = get_close_matches(name, known, 1, 0.5)
            fix = f"did you mean '{near[0]}'?" if near else f"task {table.task} has {', '.join(known)}"
            raise CannotRun(f"params.yaml: gates.{key} names metric '{name}', which is not measured; {fix}")


def _named(gates: Gates) -> Iterator[tuple[str, str]]:
    yield "primary", gates.primary
    yield from (("margins", name) for name in gates.margins)
    yield from (("floors", name) for name in gates.floors)


def _owners(table: Contract) -> list[str]:
    """The names of the owner's metrics, learned from two made-up rows."""
    from model.metrics import per_row

    score = np.array([0.2, 0.8])
    target, decision = np.array([0, 1]), score >= 0.5
    if table.task == "multiclass":
        score, decision = np.eye(len(table.classes))[:2], target
    elif table.task == "regression":
        target, decision = score, score
    return list(per_row(target, score, decision))
