"""Evidence to judge, made by the same functions as in `mlops compare`, from a small world whose causes are known."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, helper

from mlops import slices
from mlops.baseline import Baseline
from mlops.bootstrap import paired, single
from mlops.config import parse
from mlops.contract import Contract
from mlops.gates.result import Evidence, Gate
from mlops.metrics import PRIMARY, Scores, evaluate, rounded
from mlops.onnx_model import KEY, Model
from mlops.params import Params
from mlops.proxy import Proxy

CITIES = [f"C{number:02d}" for number in range(20)]
TABLE = f"""
version: 1
task: binary
target: default
positive: 1
id: loan
slices: [city]
columns:
  loan: {{type: text}}
  amount: {{type: number, description: the loan applied for}}
  note: {{type: text}}
  gender: {{type: category, categories: ["f", "m", "x"], protected: true}}
  city: {{type: category, categories: {json.dumps(CITIES)}, feature: false}}
  default: {{type: integer}}
"""
CLASSES = ("low", "middle", "high")
TABLES = {
    "binary": TABLE,
    "multiclass": TABLE.replace("task: binary", "task: multiclass")
    .replace("positive: 1\n", "")
    .replace("{type: integer}", f"{{type: category, categories: {json.dumps(CLASSES)}}}"),
    "regression": TABLE.replace("task: binary", "task: regression").replace("positive: 1\n", ""),
}
TASKS = list(TABLES)
PARAMS = {
    "data": {"window": {"start": "2024-01", "end": "2024-12"}},
    "split": {"salt": "loans"},
    "train": {"estimator": "linear", "estimators": {"linear": {}}},
    "deepchecks": {"gate": ["DataDuplicates"]},
}
GATES = {
    "binary": {
        "margins": {"average_precision": 0.03, "log_loss": 0.02, "brier": 0.01, "f1": 0.03},
        "floors": {"roc_auc": 0.7},
    },
    "multiclass": {"margins": {"log_loss": 0.02, "recall_low": 0.05}, "floors": {"macro_f1": 0.5, "log_loss": 1.1}},
    "regression": {"margins": {"mae": 0.02, "r2": 0.02}, "floors": {"rmse": 1, "r2": 0.5}},
}
COMMIT = "a" * 40
RULE = {
    "column": "amount", "rule": "to_not_be_null", "severity": "critical", "passed": True,
    "count": 0, "share": 0.0, "error": "", "examples": [],
}  # fmt: skip
TEST = {
    "test": "test_a_day_later_is_the_same_decision", "kind": "invariance", "status": "pass", "message": "",
    "cases": 100, "failed": 1, "required": 0.95, "examples": [],
}  # fmt: skip
TESTS = [TEST | {"kind": kind} for kind in ("minimum functionality", "invariance", "directional")]


def table(text: str = TABLE) -> Contract:
    """The contract of the small world."""
    return parse(text, Contract, "data/contract.yaml")


def knobs(gates: dict | None = None, task: str = "binary", **sections) -> Params:
    """Its params, with other limits or sections."""
    usual = {"primary": PRIMARY[task], **GATES[task]}
    return Params.model_validate(PARAMS | {"gates": usual | (gates or {})} | sections)


def world(rows: int = 2000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """What happened to each row, and its true probability: no score ranks better or is better calibrated."""
    random = np.random.default_rng(seed)
    truth = 1 / (1 + np.exp(0.5 - 1.5 * random.normal(size=rows)))
    return (random.random(rows) < truth).astype("int8"), truth


def classes(rows: int = 2000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The same with three classes: the place of each row's class, and the true probability of each."""
    random = np.random.default_rng(seed)
    truth = _softmax(1.5 * random.normal(size=(rows, 3)))
    return (truth.cumsum(axis=1)[:, :2] < random.random((rows, 1))).sum(axis=1), truth


def numbers(rows: int = 2000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The same with a number of mean 10 and deviation 1.2: what it is in each row, and what is to be expected."""
    random = np.random.default_rng(seed)
    truth = 10 + random.normal(size=rows)
    return truth + 0.6 * random.normal(size=rows), truth


WORLDS = {"binary": world, "multiclass": classes, "regression": numbers}


def blurred(score: np.ndarray, seed: int, noise: float = 0.3) -> np.ndarray:
    """A score that sees the cause through some noise."""
    random = np.random.default_rng(seed).normal(size=score.shape)
    if score.ndim == 2:
        return _softmax(np.log(score) + noise * random)
    if score.max() > 1:  # numbers, not probabilities
        return score + noise * random
    return 1 / (1 + np.exp(-np.log(score / (1 - score)) - noise * random))


def _softmax(logits: np.ndarray) -> np.ndarray:
    found = np.exp(logits)
    return found / found.sum(axis=1, keepdims=True)


def people(target: np.ndarray, **columns) -> pd.DataFrame:
    """The rows: half f, half m, in four of the cities, unless `columns` says otherwise."""
    place = np.arange(len(target))
    usual = {
        "loan": [f"loan-{number}" for number in place],
        "amount": 1000.0 + place,
        "note": "",
        "gender": np.array(["f", "m"])[place % 2],
        "city": np.array(CITIES)[place // 2 % 4],
        "default": target,
    }
    return pd.DataFrame(usual | columns)


@cache
def model() -> Model:
    """A model file as small as one can be: the sigmoid of its one input."""
    nodes = [helper.make_node("Sigmoid", ["X"], ["p"]), helper.make_node("Squeeze", ["p", "one"], ["score"])]
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None])],
        [helper.make_tensor("one", TensorProto.INT64, [1], [1])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    columns = [{"name": "amount", "type": "number", "categories": []}]
    onnx.helper.set_model_props(
        made, {KEY: json.dumps({"columns": columns, "task": "binary", "classes": [], "threshold": 0.5})}
    )
    return Model(made.SerializeToString())


def evidence(target, score, main_score=None, *, gates=None, contract=TABLE, resamples=300, **columns) -> Evidence:
    """Everything `mlops compare` would find out about `score`, against `main_score` on the same rows."""
    rows, contract = people(target, **columns), table(contract)
    ids, candidate = rows["loan"].to_numpy(), Scores(score, 0.5, {}, contract.task, contract.classes)
    measured = rounded(evaluate(target, candidate))
    asked = knobs(gates, contract.task)
    found = Evidence(
        params=asked,
        main_params=asked,
        table=contract,
        metrics={
            "model_hash": "b" * 64,
            "data_hash": "c" * 64,
            "metrics": measured,
            "rows": {"train": 6000, "validation": 1500, "test": len(target), "holdout": 500},
            "window": {"start": "2024-01", "end": "2024-12"},
            "threshold": 0.5,
            "parity": {"max_difference": 3.2e-7, "decisions_changed": 0, "rows": len(target)},
            "slices": [{"slice": "city=C00", "rows": 500, PRIMARY[contract.task]: 0.8}],
        },
        no_baseline="first run: there is no model to compare with",
        first_run=True,
        rows=rows,
        target=target,
        score=score,
        slices=slices.labels(rows, contract),
        estimates=single(target, candidate, groups=ids, resamples=resamples),
        proxies={name: Proxy("f", 0.51, 0.02) for name in contract.protected},
        inputs=["amount"],
        shared_keys=0,
        size_mb=0.06,
        latency_ms=0.01,
        validation={"schema": 1, "rules": [RULE]},
        behaviour={"schema": 1, "tests": TESTS},
        deepchecks=checks(duplicates=True),
        lock={"status": "pass", "message": "dvc.lock and metrics.json are what this tree makes"},
        lint="pass",
    )
    return (
        found
        if main_score is None
        else _against(found, replace(candidate, score=main_score), candidate, ids, resamples)
    )


def _against(found: Evidence, main: Scores, candidate: Scores, ids, resamples: int) -> Evidence:
    found.baseline, found.no_baseline, found.first_run = Baseline(COMMIT, "rescored", model()), "", False
    found.main_score = main.score
    found.differences = paired(found.target, main, candidate, groups=ids, resamples=resamples)
    primary, least = found.params.gates.primary, found.params.gates.slices.min_class_rows
    for name, at in slices.singles(found.slices).items():
        if slices.judged(at, found.target, least, found.table.task):
            seen = paired(
                found.target[at], main.at(at), candidate.at(at), groups=ids[at], metrics=[primary], resamples=resamples
            )
            found.slice_differences[name] = seen[primary]
    return found


def checks(**passed: bool) -> dict:
    """reports/deepchecks.json with one condition of DataDuplicates for each name, and whether it passed."""
    conditions = [
        {"name": name, "passed": held, "category": "pass" if held else "fail", "details": ""}
        for name, held in passed.items()
    ]
    return {"schema": 1, "checks": [{"check": "DataDuplicates", "title": "", "conditions": conditions, "error": ""}]}


@cache
def holding(task: str = "binary") -> Evidence:
    """Evidence in which every gate passes; `dataclasses.replace` gives one that is broken in one place."""
    target, score = WORLDS[task](1000)
    noise = 0.02 if task == "multiclass" else 0.05  # less than the margin of each primary metric can tell
    return evidence(target, score, blurred(score, 1, noise), contract=TABLES[task])


@cache
def first_run(task: str = "binary") -> Evidence:
    """The same without a baseline: main has no model yet."""
    return evidence(*WORLDS[task](1000), contract=TABLES[task])


def said(gate, found: Evidence | None = None, **changes) -> list[Gate]:
    """What one gate says about evidence that holds everywhere but in `changes`."""
    return list(gate.check(replace(found or holding(), **changes)))


def states(gate, found: Evidence | None = None, **changes) -> set[str]:
    """The different states among what one gate says."""
    return {each.status for each in said(gate, found, **changes)}
