"""Which estimator a table gets, and the sentence that says so."""

import numpy as np
import polars as pl
import pytest
import yaml

from copies import SAMPLE
from mlops import config, split
from mlops.adopt.choose import choose, training_rows
from mlops.contract import Contract
from mlops.params import Params

RNG = np.random.default_rng(0)
ROWS = 900
A, B, NOISE = (RNG.normal(size=ROWS) for _ in range(3))
TARGETS = {  # what a line can say, and what it cannot
    "binary": ((A + B + 0.3 * NOISE > 0).astype(int), (A * B > 0).astype(int)),
    "multiclass": (np.digitize(A + 0.1 * NOISE, [-0.5, 0.5]), np.digitize(A * B, [-0.3, 0.3])),
    "regression": (3 * A + B + 0.1 * NOISE, A * B),
}


def contract(task: str, target: np.ndarray) -> Contract:
    """The contract of two numbers, an id and a target of this task."""
    named = {"type": "category", "categories": sorted({str(each) for each in target})}
    column = named if task == "multiclass" else {"type": "integer" if task == "binary" else "number"}
    columns = {"id": {"type": "text"}, "a": {"type": "number"}, "b": {"type": "number"}, "y": column}
    positive = {"positive": 1} if task == "binary" else {}
    return Contract.model_validate(
        {"version": 1, "task": task, "target": "y", "id": "id", "columns": columns, **positive}
    )


def table(task: str, target: np.ndarray) -> pl.DataFrame:
    """Its rows."""
    values = [str(each) for each in target] if task == "multiclass" else target
    return pl.DataFrame(
        {"id": [f"r{row}" for row in range(len(target))], "a": A[: len(target)], "b": B[: len(target)], "y": values}
    )


@pytest.fixture(scope="module")
def knobs() -> Params:
    """The sample's params, as adopt changes them for few rows."""
    values = yaml.safe_load((SAMPLE / "params.yaml").read_text(encoding="utf-8"))
    trees = {"learning_rate": 0.1, "min_samples_leaf": 3}
    values["train"]["estimators"] = {"linear": {}, "gradient_boosting": trees, "hist_gradient_boosting": trees}
    return config.parse(yaml.safe_dump(values), Params, "params.yaml")


@pytest.mark.parametrize("task", TARGETS)
@pytest.mark.parametrize("bent", [False, True], ids=["a line", "bent"])
def test_the_better_estimator_is_chosen(knobs, task, bent):
    """Where a line says it all the line, else trees; with both errors, on training rows."""
    target = TARGETS[task][bent]
    name, why = choose(table(task, target), contract(task, target), knobs)
    trees = "hist_gradient_boosting" if task == "multiclass" else "gradient_boosting"
    assert (trees if bent else "linear") == name
    assert why.startswith(f"estimator {name}: ")
    assert why.endswith("training rows")
    assert ["linear", trees] == [each for each in ("linear", trees) if f"{each} " in why.partition(": ")[2]]


def test_the_same_table_gets_the_same_estimator(knobs):
    """To the last digit of its error."""
    target = TARGETS["binary"][1]
    assert 1 == len({choose(table("binary", target), contract("binary", target), knobs) for _ in range(2)})


def test_where_none_can_be_compared_the_line_is_taken(knobs):
    """One row of a class: no fold can be judged, which is said."""
    target = (np.arange(ROWS) == 0).astype(int)
    name, why = choose(table("binary", target), contract("binary", target), knobs)
    assert "linear" == name
    assert "none could be compared" in why


def test_only_training_rows_are_looked_at(knobs):
    """The test rows are for the verdict."""
    asked = contract("binary", TARGETS["binary"][0])
    frame = table("binary", TARGETS["binary"][0])
    rows = training_rows(frame, asked, knobs)
    part = split.assign(frame.to_pandas(), asked, knobs.split)
    assert set(frame.to_pandas()["id"][part == "train"]) == set(rows["id"])
