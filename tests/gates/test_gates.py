"""All gates together: what is missing never passes, and a gate that breaks has failed."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from judging import TASKS, first_run, holding
from mlops import gates
from mlops.errors import CannotRun
from mlops.gates.result import Evidence

NAN = np.full(1000, np.nan)


def failed(found: Evidence) -> set[str]:
    return {gate.id for gate in gates.judge(found) if gate.status == "fail"}


def only(monkeypatch, check) -> list:
    """What judge says where the one gate is `check`."""
    monkeypatch.setattr(gates, "GATES", (SimpleNamespace(ID="my_gate", check=check),))
    return gates.judge(holding())


def raising(error: Exception):
    def check(evidence):
        yield from ()
        raise error

    return check


@pytest.mark.parametrize("module", gates.GATES, ids=lambda module: module.ID)
def test_every_gate_has_a_name_and_says_what_it_asks(module):
    """A gate's ID is its file's name, which a waiver uses, and module and check say what is asked."""
    assert module.ID == module.__name__.rpartition(".")[2]
    assert module.__doc__.startswith(f"Gate `{module.ID}`: ")
    assert module.check.__doc__


def test_no_gate_is_forgotten():
    """Every module of the folder with a check is judged by."""
    found = {name for name, module in vars(gates).items() if hasattr(module, "check")}
    assert found == {module.ID for module in gates.GATES}


@pytest.mark.parametrize("task", TASKS)
def test_judge_passes_what_holds(task):
    """Where everything holds no gate fails, and each has said something under its own name."""
    found = gates.judge(holding(task))
    assert {"pass", "neutral"} == {gate.status for gate in found}
    assert [module.ID for module in gates.GATES] == list(dict.fromkeys(gate.id for gate in found))


@pytest.mark.parametrize("task", TASKS)
def test_judge_passes_a_first_run_and_says_why(task):
    """With no baseline at all nothing fails, and the gate against main gives the reason."""
    found = gates.judge(first_run(task))
    assert set() == {gate.id for gate in found if gate.status == "fail"}
    assert "first run: there is no model to compare with" == found[0].message


@pytest.mark.parametrize("task", TASKS)
def test_nothing_passes_where_nothing_is_known(task):
    """Evidence with nothing in it but params and contract passes no gate, and every message says something."""
    found = gates.judge(Evidence(holding(task).params, holding(task).table, {}))
    assert {"fail", "neutral"} == {gate.status for gate in found}
    assert [] == [gate.title for gate in found if not gate.message]


@pytest.mark.parametrize(
    ("lost", "gate"),
    [
        ({"baseline": None}, "degradation"),
        ({"differences": {}}, "degradation"),
        ({"no_champion": ""}, "total_degradation"),
        ({"metrics": {}}, "floor"),
        ({"metrics": {"metrics": {"roc_auc": None}}}, "floor"),
        ({"metrics": {"metrics": {"roc_auc": float("nan")}}}, "floor"),
        ({"metrics": {"metrics": {"roc_auc": 0.8}}}, "parity"),
        ({"slice_differences": {}}, "slices"),
        ({"slices": pd.DataFrame()}, "fairness"),
        ({"proxies": {}}, "fairness"),
        ({"threshold": float("nan")}, "fairness"),
        ({"score": NAN}, "fairness"),
        ({"score": NAN}, "calibration"),
        ({"score": np.empty(0), "target": np.empty(0)}, "calibration"),
        ({"behaviour": None}, "behaviour"),
        ({"behaviour": {"schema": 1}}, "behaviour"),
        ({"behaviour": {"tests": []}}, "behaviour"),
        ({"validation": None}, "data_contract"),
        ({"validation": {"schema": 1}}, "data_contract"),
        ({"validation": {"rules": []}}, "data_contract"),
        ({"deepchecks": None}, "deepchecks"),
        ({"deepchecks": {"schema": 1}}, "deepchecks"),
        ({"deepchecks": {"checks": []}}, "deepchecks"),
        ({"shared_keys": None}, "leakage"),
        ({"size_mb": None}, "model_limits"),
        ({"latency_ms": float("nan")}, "model_limits"),
        ({"lock": {}}, "lock"),
        ({"lock": {"status": "unknown", "message": "?"}}, "lock"),
        ({"lint": "unknown"}, "lint"),
    ],
)
def test_what_is_missing_fails_its_gate(lost, gate):
    """A report, a metric, a number or a key that is not there is a failure of the gate that needs it."""
    assert gate in failed(replace(holding(), **lost))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("gate", ["fairness", "calibration"])
def test_scores_that_are_no_numbers_fail_in_every_task(task, gate):
    """One NaN among the scores, of a class that is not the likeliest too."""
    score = holding(task).score.copy()
    score[(7, 1)[: score.ndim]] = np.nan
    assert gate in failed(replace(holding(task), score=score))


def test_a_gate_that_breaks_has_failed_and_shows_no_value(monkeypatch):
    """An unforeseen error is told by its kind and place; its words may quote a row."""
    (gate,) = only(monkeypatch, raising(ValueError("could not convert 'Jane Doe'")))
    assert ("my_gate", "My gate", "fail") == (gate.id, gate.title, gate.status)
    assert gate.message.startswith("the gate could not judge: ValueError in test_gates.py, line ")


def test_a_gate_that_says_why_it_cannot_judge_is_quoted(monkeypatch):
    """The one error that is meant for people keeps its sentence."""
    (gate,) = only(monkeypatch, raising(CannotRun("column 'age' is not there")))
    assert ("fail", "the gate could not judge: column 'age' is not there") == (gate.status, gate.message)


def test_what_a_gate_said_before_it_broke_does_not_count(monkeypatch):
    """A pass that came before the error is not kept."""
    passed = gates.judge(holding())[0]

    def check(evidence):
        yield passed
        raise KeyError("rules")

    assert ["fail"] == [gate.status for gate in only(monkeypatch, check)]


def test_a_gate_that_says_nothing_has_failed(monkeypatch):
    """No word is no pass."""
    (gate,) = only(monkeypatch, lambda evidence: iter(()))
    assert ("fail", "the gate said nothing") == (gate.status, gate.message)


def test_one_broken_gate_leaves_the_others_alone():
    """All other gates still judge."""
    assert {"behaviour"} == failed(replace(holding(), behaviour={"tests": [{}]}))
