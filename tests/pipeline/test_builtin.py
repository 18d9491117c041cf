"""The behavioural tests that a contract means: what each accepts, and what it refuses, on model files made for it.

All models are judged in one process, as the stage judges one.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper

from mlops.files import read_json, write_table, write_text
from mlops.onnx_model import KEY
from mlops.paths import BEHAVIOUR, CONTRACT, MODEL, PARAMS, PART
from tables import TASKS

CLASSES = ["low", "middle", "high"]
PARAMETERS = """
data: {}
split: {salt: "s"}
train: {estimator: linear, estimators: {linear: {}}}
"""
TABLE = """
version: 1
task: %s
target: y
%s
id: id
columns:
  id: {type: text}
  amount: {type: number, nullable: true%s}
  sex: {type: category, categories: ["f", "m"]%s}
  y: {type: %s}
"""
TARGETS = {
    "binary": ("positive: 1", "integer"),
    "multiclass": ("", f"category, categories: {json.dumps(CLASSES)}"),
    "regression": ("", "number"),
}
SCORE = "test_every_score_is_what_the_task_says"
AVERAGE = "test_it_knows_more_than_the_average"
EMPTY = "test_a_row_with_nothing_in_it_gets_an_answer"
SWAP = "test_swapping_a_protected_column_keeps_the_decision[sex]"
DIRECTION = "test_a_larger_value_moves_the_score_as_the_contract_says[amount]"


@dataclass(frozen=True)
class Case:
    """A model: what its answer makes of amount and sex, and what it does where the amount is missing; and its contract."""

    task: str
    amount: float = 2.0
    sex: float | None = None  # None: it does not read the column
    bias: float = 0.0
    times: float = 1.0  # of the answer
    fills: bool = True
    direction: str | None = None
    protected: bool = False

    def table(self) -> str:
        """The contract."""
        asked, kind = TARGETS[self.task]
        return TABLE % (
            self.task, asked, f", direction: {self.direction}" * bool(self.direction), ", protected: true" * self.protected, kind,
        )  # fmt: skip

    def model(self) -> bytes:
        """The model file: a line through the amount, and through the sex where it reads that."""
        weights = [self.amount, *([] if self.sex is None else [self.sex])]
        consts = {"w": [[weight] for weight in weights], "b": [self.bias], "nought": [0.0], "times": [self.times]}
        nodes = [
            helper.make_node("IsNaN", ["X"], ["gap"]),
            helper.make_node("Where", ["gap", "nought", "X"], ["known"]),
            helper.make_node("MatMul", ["known" if self.fills else "X", "w"], ["line"]),
            helper.make_node("Add", ["line", "b"], ["raw"]),
            *ANSWERS[self.task],
            helper.make_node("Mul", ["answer", "times"], ["score"]),
        ]
        given = helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, len(weights)])
        shape = [None, 3] if self.task == "multiclass" else [None]
        graph = helper.make_graph(
            nodes, "model", [given], [helper.make_tensor_value_info("score", TensorProto.FLOAT, shape)],
            [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in consts.items()]
            + [numpy_helper.from_array(np.array([1]), "one")],
        )  # fmt: skip
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        columns = [{"name": "amount", "type": "number", "categories": []}]
        columns += [{"name": "sex", "type": "category", "categories": ["f", "m"]}] * (self.sex is not None)
        told = {"task": self.task, "classes": CLASSES if self.task == "multiclass" else [], "threshold": 0.5}
        helper.set_model_props(made, {KEY: json.dumps({"columns": columns, **told})})
        return made.SerializeToString()


ANSWERS = {  # from raw [rows, 1] to answer, as the task says
    "binary": [helper.make_node("Sigmoid", ["raw"], ["p"]), helper.make_node("Squeeze", ["p", "one"], ["answer"])],
    "multiclass": [
        helper.make_node("Neg", ["raw"], ["minus"]),
        helper.make_node("Mul", ["raw", "nought"], ["zero"]),
        helper.make_node("Concat", ["minus", "zero", "raw"], ["three"], axis=1),
        helper.make_node("Softmax", ["three"], ["answer"], axis=1),
    ],
    "regression": [helper.make_node("Squeeze", ["raw", "one"], ["answer"])],
}
CASES = {
    **{f"{task}, good": Case(task, direction=None if task == "multiclass" else "up", protected=True) for task in TASKS},
    **{f"{task}, plain": Case(task) for task in TASKS},
    "binary, outside": Case("binary", times=1.5),
    "multiclass, too much": Case("multiclass", times=0.9),
    "multiclass, outside": Case("multiclass", times=1.5),
    "regression, infinite": Case("regression", bias=float("inf")),
    **{f"{task}, constant": Case(task, amount=0.0, bias=1.0) for task in TASKS},
    **{f"{task}, wrong way": Case(task, amount=-2.0) for task in TASKS},
    **{f"{task}, no filling": Case(task, fills=False) for task in TASKS},
    **{f"{task}, by sex": Case(task, sex=2.0, protected=True) for task in TASKS},
    **{f"{task}, hardly by sex": Case(task, sex=1e-4, protected=True) for task in TASKS},
    **{f"{task}, sex unprotected": Case(task, sex=2.0) for task in TASKS},
    **{f"{task}, down": Case(task, direction="down") for task in ("binary", "regression")},
    **{
        f"{task}, down as said": Case(task, sex=4.0, amount=-0.01, direction="down")
        for task in ("binary", "regression")
    },
    "multiclass, directed": Case("multiclass", direction="up"),
}
BROKEN = {
    **{f"{task}, good": set() for task in TASKS},
    **{f"{task}, plain": set() for task in TASKS},
    **{f"{task}, constant": {AVERAGE} for task in TASKS},
    **{f"{task}, no filling": {EMPTY} for task in TASKS},
    **{f"{task}, by sex": {SWAP} for task in TASKS},
    **{f"{task}, hardly by sex": set() for task in TASKS},
    "binary, outside": {SCORE},
    "multiclass, too much": {SCORE},
    "binary, down": {DIRECTION},
    "regression, down": {DIRECTION},
    "multiclass, directed": {DIRECTION},
}
RUN = "import os, sys\nfrom mlops.pipeline import behaviour\nfor folder in sys.argv[1:]:\n    os.chdir(folder)\n    behaviour.run(None)"


def rows(task: str) -> pd.DataFrame:
    """400 rows whose target follows the amount."""
    random = np.random.default_rng(0)
    amount = random.normal(size=400)
    cause = 2 * amount + 0.5 * random.normal(size=400)
    target = {"binary": (cause > 0).astype(int), "regression": cause}
    target["multiclass"] = np.array(CLASSES)[np.digitize(cause, [-0.7, 0.7])]
    ids = [f"a{number}" for number in range(400)]
    return pd.DataFrame({"id": ids, "amount": amount, "sex": ["f", "m"] * 200, "y": target[task]})


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """{case: {test: its line}} of behaviour.json."""
    folders = {name: tmp_path_factory.mktemp("case") for name in CASES}
    for name, case in CASES.items():
        write_text(folders[name] / PARAMS, PARAMETERS)
        write_text(folders[name] / CONTRACT, case.table())
        write_table(folders[name] / PART.format("test"), rows(case.task))
        (folders[name] / MODEL).parent.mkdir()
        (folders[name] / MODEL).write_bytes(case.model())
    subprocess.run([sys.executable, "-c", RUN, *folders.values()], check=True, env=os.environ, capture_output=True)
    return {
        name: {line["test"]: line for line in read_json(Path(folder) / BEHAVIOUR, "")["tests"]}
        for name, folder in folders.items()
    }


@pytest.fixture
def said(reports):
    """A function (case, test): what the test said of the case, status and message."""
    return lambda case, test: tuple(reports[case][test][key] for key in ("status", "message"))


@pytest.mark.parametrize("case", BROKEN)
def test_a_fault_is_found_by_its_test_and_by_no_other(reports, case):
    """And a model without one passes all."""
    assert BROKEN[case] == {name for name, line in reports[case].items() if line["status"] == "fail"}


@pytest.mark.parametrize("task", TASKS)
def test_accepts_scores_that_are_what_the_task_says(reports, task):
    """Probabilities, those of several classes adding up to 1, or numbers: one case a row."""
    line = reports[f"{task}, plain"][SCORE]
    assert ("pass", "minimum functionality", 400, 0) == tuple(
        line[key] for key in ("status", "kind", "cases", "failed")
    )


@pytest.mark.parametrize("case", ["binary, outside", "multiclass, too much", "multiclass, outside"])
def test_refuses_scores_that_are_no_probabilities(said, case):
    """Above 1, or of several classes not 1 in all."""
    status, message = said(case, SCORE)
    assert "fail" == status
    assert message.endswith(" cases, 100.00% required")


def test_refuses_a_number_that_is_none(said):
    """A model that gives no finite number for a row cannot be asked at all."""
    assert ("fail", "it stopped with mlops.errors.CannotRun: run `mlops behaviour` to read why") == said(
        "regression, infinite", SCORE
    )


@pytest.mark.parametrize("task", TASKS)
def test_accepts_a_model_that_knows_more_than_the_average(said, task):
    """Its squared error is smaller than that of the same answer to everybody."""
    assert ("pass", "") == said(f"{task}, plain", AVERAGE)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("fault", ["constant", "wrong way"])
def test_refuses_a_model_that_knows_less_than_the_average(said, task, fault):
    """The same answer to everybody, or the wrong one; the message has both errors."""
    status, message = said(f"{task}, {fault}", AVERAGE)
    assert "fail" == status
    assert message.startswith("mean squared error ")
    assert ", of the same answer to everybody " in message


@pytest.mark.parametrize("task", TASKS)
def test_accepts_an_answer_to_a_row_with_nothing_in_it(said, task):
    """Whatever it is."""
    assert ("pass", "") == said(f"{task}, plain", EMPTY)


@pytest.mark.parametrize("task", TASKS)
def test_refuses_no_answer_to_a_row_with_nothing_in_it(said, task):
    """The service would have nothing to say."""
    assert ("fail", "it stopped with mlops.errors.CannotRun: run `mlops behaviour` to read why") == said(
        f"{task}, no filling", EMPTY
    )


@pytest.mark.parametrize("task", TASKS)
def test_a_protected_column_that_is_no_input_moves_nothing_by_construction(said, task):
    """The test says so instead of passing."""
    assert ("by construction", "holds by construction: the model does not read sex") == said(f"{task}, good", SWAP)


@pytest.mark.parametrize("task", TASKS)
def test_accepts_a_protected_column_that_moves_no_decision(reports, task):
    """A score may move by a hair; a number by less than a hundredth of the target's spread."""
    line = reports[f"{task}, hardly by sex"][SWAP]
    assert ("pass", 400, 0.99) == tuple(line[key] for key in ("status", "cases", "required"))


@pytest.mark.parametrize("task", TASKS)
def test_refuses_a_protected_column_that_moves_decisions(reports, task):
    """Each row asked again with another group's value; the message has the share that stayed."""
    line = reports[f"{task}, by sex"][SWAP]
    assert ("fail", "invariance", 400) == tuple(line[key] for key in ("status", "kind", "cases"))
    assert line["message"].endswith(" cases, 99.00% required")


@pytest.mark.parametrize(
    "case", ["binary, good", "regression, good", "binary, down as said", "regression, down as said"]
)
def test_accepts_a_score_that_moves_as_the_contract_says(reports, case):
    """Up or down."""
    line = reports[case][DIRECTION]
    assert ("pass", "directional", 0.95) == tuple(line[key] for key in ("status", "kind", "required"))


@pytest.mark.parametrize("case", ["binary, down", "regression, down"])
def test_refuses_a_score_that_moves_the_other_way(said, case):
    """The message has the share of rows in which it moved as the contract says."""
    assert ("fail", "holds in 0.00% of 400 cases, 95.00% required") == said(case, DIRECTION)


def test_refuses_a_direction_of_several_classes(said):
    """A score of three numbers has none: the message says what to take out."""
    expected = "`direction` in data/contract.yaml means nothing for several classes: take it out"
    assert ("fail", expected) == said("multiclass, directed", DIRECTION)


@pytest.mark.parametrize("task", TASKS)
def test_a_contract_without_such_columns_means_no_such_test(reports, task):
    """Nothing protected, nothing directed: there is no line about either."""
    assert {SCORE, AVERAGE, EMPTY} == set(reports[f"{task}, plain"]) == set(reports[f"{task}, sex unprotected"])
