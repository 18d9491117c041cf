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
from mlops.bootstrap import Scores, paired, single
from mlops.config import parse
from mlops.contract import Contract
from mlops.gates.result import Evidence, Gate
from mlops.metrics import evaluate, rounded
from mlops.onnx_model import KEY, Model
from mlops.params import Params
from mlops.proxy import Proxy

CITIES = [f"C{number:02d}" for number in range(20)]
TABLE = f"""
version: 1
task: binary
target: default
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
PARAMS = {
    "data": {"window": {"start": "2024-01", "end": "2024-12"}},
    "split": {"salt": "loans"},
    "train": {"estimator": "logistic"},
    "deepchecks": {"gate": ["DataDuplicates"]},
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


def knobs(gates: dict | None = None, **sections) -> Params:
    """Its params, with other limits or sections."""
    return Params.model_validate(PARAMS | {"gates": {"floors": {"roc_auc": 0.7}} | (gates or {})} | sections)


def world(rows: int = 2000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """What happened to each row, and its true probability: no score ranks better or is better calibrated."""
    random = np.random.default_rng(seed)
    truth = 1 / (1 + np.exp(0.5 - 1.5 * random.normal(size=rows)))
    return (random.random(rows) < truth).astype("int8"), truth


def blurred(score: np.ndarray, seed: int, noise: float = 0.3) -> np.ndarray:
    """A score that sees the cause through some noise."""
    logit = np.log(score / (1 - score)) + noise * np.random.default_rng(seed).normal(size=len(score))
    return 1 / (1 + np.exp(-logit))


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
    onnx.helper.set_model_props(made, {KEY: json.dumps({"columns": columns, "threshold": 0.5})})
    return Model(made.SerializeToString())


def evidence(target, score, main_score=None, *, gates=None, contract=TABLE, resamples=300, **columns) -> Evidence:
    """Everything `mlops compare` would find out about `score`, against `main_score` on the same rows."""
    rows, knob, contract = people(target, **columns), knobs(gates), table(contract)
    ids, candidate = rows["loan"].to_numpy(), Scores(score, 0.5)
    measured = rounded(evaluate(target, score, 0.5))
    found = Evidence(
        params=knob,
        table=contract,
        metrics={
            "model_hash": "b" * 64,
            "data_hash": "c" * 64,
            "metrics": measured,
            "rows": {"train": 6000, "validation": 1500, "test": len(target), "holdout": 500},
            "window": {"start": "2024-01", "end": "2024-12"},
            "threshold": 0.5,
            "parity": {"max_difference": 3.2e-7, "decisions_changed": 0, "rows": len(target)},
            "slices": [{"slice": "city=C00", "rows": 500, "positives": 210, "roc_auc": 0.8}],
        },
        no_baseline="first run: there is no model to compare with",
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
    return found if main_score is None else _against(found, Scores(main_score, 0.5), candidate, ids, resamples)


def _against(found: Evidence, main: Scores, candidate: Scores, ids, resamples: int) -> Evidence:
    found.baseline, found.no_baseline = Baseline(COMMIT, "rescored", model()), ""
    found.main_score = main.score
    found.differences = paired(found.target, main, candidate, groups=ids, resamples=resamples)
    primary, least = found.params.gates.primary, found.params.gates.slices.min_class_rows
    for name, at in slices.singles(found.slices).items():
        if slices.judged(at, found.target, least):
            both = [Scores(each.score[at], 0.5) for each in (main, candidate)]
            seen = paired(found.target[at], *both, groups=ids[at], metrics=[primary], resamples=resamples)
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
def holding() -> Evidence:
    """Evidence in which every gate passes; `dataclasses.replace` gives one that is broken in one place."""
    target, score = world(1000)
    return evidence(target, score, blurred(score, 1, 0.05))


@cache
def first_run() -> Evidence:
    """The same without a baseline: main has no model yet."""
    return evidence(*world(1000))


def said(gate, found: Evidence | None = None, **changes) -> list[Gate]:
    """What one gate says about evidence that holds everywhere but in `changes`."""
    return list(gate.check(replace(found or holding(), **changes)))


def states(gate, found: Evidence | None = None, **changes) -> set[str]:
    """The different states among what one gate says."""
    return {each.status for each in said(gate, found, **changes)}
