"""Every gate, one a module: its `check` names what it looks at, its docstring is what the user reads."""

import traceback
from collections.abc import Collection
from pathlib import Path

from mlops.errors import CannotRun
from mlops.gates import (
    behaviour,
    calibration,
    data_contract,
    deepchecks,
    degradation,
    fairness,
    floor,
    leakage,
    limits,
    lint,
    lock,
    model_limits,
    parity,
    slices,
    total_degradation,
)
from mlops.gates.result import Evidence, Gate

GATES = (
    degradation,
    total_degradation,
    limits,
    floor,
    slices,
    fairness,
    behaviour,
    data_contract,
    calibration,
    parity,
    leakage,
    model_limits,
    deepchecks,
    lock,
    lint,
)


def judge(evidence: Evidence, without: Collection[str] = ()) -> list[Gate]:
    """Return what every gate says but those of the ids `without`; a gate that breaks, or says nothing, has failed."""
    return [gate for module in GATES if module.ID not in without for gate in _safely(module, evidence)]


def _safely(module, evidence: Evidence) -> list[Gate]:
    try:
        found, why = list(module.check(evidence)), "the gate said nothing"
    except CannotRun as error:
        found, why = [], f"the gate could not judge: {error}"
    except Exception as error:  # its words may quote a row, so only its place is said
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}, line {last.lineno}"
        found, why = [], f"the gate could not judge: {type(error).__name__} in {place}"
    return found or [Gate(module.ID, module.ID.replace("_", " ").capitalize(), "fail", None, None, why)]
