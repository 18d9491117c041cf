"""Gate limits: a pull request that loosens limits is judged by main's too."""

import json
import subprocess
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import pytest
import yaml

from judging import PARAMS, TABLES, TEST, TESTS, WORLDS, blurred, evidence, first_run, holding, knobs, said
from mlops import gates, verdict
from mlops.gates import limits
from mlops.params import Params

WIDE = {"max_degradation": 1, "margins": {}, "slices": {"max_degradation": 1}}
WHO = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")


def judged(found=None, **changes):
    (gate,) = said(limits, found, **changes)
    return gate


@cache
def blunt(task: str):
    """Evidence of a model that is worse than main's."""
    target, score = WORLDS[task](1000)
    return evidence(target, blurred(score, 2, noise=1), score, contract=TABLES[task])


def worse(task: str = "binary", **asked):
    """The same under limits that let it pass, while main's are the usual ones."""
    return replace(blunt(task), params=knobs(WIDE | {"floors": {}, "calibration": 1} | asked, task))


def test_accepts_mains_own_limits():
    """Nothing has to be judged twice where they are the same; whose waivers there are is no matter."""
    waiver = {"gate": "lint", "reason": "the linter is wrong", "approver": "@ann", "expires": "2026-06-01"}
    gate = judged(params=knobs({"waivers": [waiver]}))
    assert ("pass", "the limits are main's") == (gate.status, gate.message)


def test_accepts_other_limits_where_mains_hold_too():
    """Wider or stricter: a model that main's limits let pass is not held up."""
    for asked in (WIDE, {"max_degradation": 0.009}):
        gate = judged(params=knobs(asked))
        assert ("pass", 0) == (gate.status, gate.observed)


@pytest.mark.parametrize(("task", "name"), [("binary", "ROC AUC"), ("multiclass", "Macro F1"), ("regression", "RMSE")])
def test_refuses_what_only_the_pull_requests_limits_let_pass(task, name):
    """The gates that fail under main's limits are named, and the reason of the first."""
    gate = judged(worse(task))
    assert "fail" == gate.status
    assert f"gates fail under main's limits and not under this pull request's: {name} against main, " in gate.message
    assert "and it got worse by more" in gate.message
    assert gate.observed >= 2


def test_refuses_a_margin_or_a_floor_that_is_taken_out():
    """A gate that is no longer there fails as main has it."""
    strict = knobs({"margins": {"f1": 0.03}, "floors": {"roc_auc": 0.99}})
    gate = judged(main_params=strict, params=knobs({"floors": {}}))
    assert (
        "1 gate fails under main's limits and not under this pull request's: ROC AUC floor; the first: ROC AUC must"
        in gate.message
    )


def test_accepts_what_fails_under_both():
    """What fails anyway has its own gate to say so, and its own waiver."""
    gate = judged(main_params=knobs({"floors": {"roc_auc": 0.99}}), params=knobs({"floors": {"roc_auc": 0.98}}))
    assert "pass" == gate.status


def test_refuses_an_undecided_difference_that_main_would_fail():
    """A warning is no failure, so `undecided: warn` in place of `fail` is a looser limit."""
    change = replace(holding().differences["roc_auc"], delta=-0.005, low=-0.02, high=0.02)
    gate = judged(main_params=knobs({"undecided": "fail"}), differences=holding().differences | {"roc_auc": change})
    assert "fail" == gate.status
    assert "too few rows to tell" in gate.message


@pytest.mark.parametrize(("share", "expected"), [(0.5, "fail"), (0.9, "fail"), (0.99, "pass")])
def test_refuses_a_share_of_cases_that_was_lowered(share, expected):
    """Tests that took the share from params.yaml were run with this tree's, and are judged by main's."""
    tests = [TEST | {"kind": "directional", "failed": 10, "required": share}, *TESTS[:2]]
    now = knobs(behaviour={"directional": share})
    found = replace(holding(), params=now, behaviour={"schema": 1, "tests": tests})
    assert expected == judged(found).status


def test_a_share_that_a_test_names_itself_is_its_own():
    """A test that asks for less than params.yaml did so on main too, or its file is shown as changed."""
    tests = [TEST | {"kind": "directional", "failed": 50, "required": 0.4}, *TESTS[:2]]
    found = replace(holding(), params=knobs(behaviour={"directional": 0.5}), behaviour={"schema": 1, "tests": tests})
    assert "pass" == judged(found).status


def test_refuses_a_kind_of_tests_that_is_no_longer_required():
    """A kind without a test fails as main asks for it."""
    found = replace(holding(), params=knobs(behaviour={"require": []}), behaviour={"schema": 1, "tests": TESTS[:2]})
    assert "Directional; the first: no test of this kind ran" in judged(found).message


def test_another_primary_metric_is_a_warning():
    """Groups were measured in the new one, so main's limit of them cannot judge; all other gates do."""
    gate = judged(params=knobs({"primary": "log_loss", "margins": {"roc_auc": 0.01}}))
    expected = "no other gate fails under main's limits, but groups were measured in log_loss, not in roc_auc"
    assert ("warn", expected) == (gate.status, gate.message)


def test_another_primary_metric_hides_no_loss():
    """A model that lost what main's primary metric measures fails."""
    assert "fail" == judged(worse(primary="log_loss")).status


def test_limits_that_cannot_be_read_are_a_warning():
    """The reason is said: a person has to look."""
    gate = judged(main_params="main's limits did not judge: unknown key")
    assert ("warn", "main's limits did not judge: unknown key") == (gate.status, gate.message)


def test_refuses_limits_that_were_not_looked_at():
    """No word about main's limits is no pass."""
    assert "fail" == judged(main_params="").status


def test_a_first_run_is_neutral():
    """Without a model of main's there is nothing that its limits were made for."""
    gate = judged(first_run())
    assert ("neutral", first_run().no_baseline) == (gate.status, gate.message)


def test_another_question_is_a_warning():
    """Main's floors of another target say nothing, and a person is told."""
    reason = "main's model answers another question (task binary -> regression), so there is nothing to compare with"
    gate = judged(first_run("regression"), first_run=False, no_baseline=reason, main_params=knobs())
    assert ("warn", f"main's limits did not judge: {reason}") == (gate.status, gate.message)


def test_can_be_waived_by_name_and_not_in_silence():
    """A waiver of `limits` in this tree counts and is shown; one of the gate that main's limits fail does not."""
    waiver = {"reason": "the target has changed", "approver": "@ann", "expires": "2026-06-01"}

    def decided(gate: str) -> dict:
        found = worse(waivers=[waiver | {"gate": gate}])
        return verdict.decide(found, gates.judge(found), date(2026, 5, 1))

    assert ["pass", "fail"] == [decided(name)["verdict"] for name in ("limits", "degradation")]
    assert "waived by @ann until 2026-06-01" in json.dumps(decided("limits")["gates"])


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A function: the text of params.yaml, None for none -> the commit that has it."""
    monkeypatch.chdir(tmp_path)

    def commit(text: str | None) -> str:
        if text is not None:
            Path("params.yaml").write_text(text, encoding="utf-8")
        subprocess.run(["git", "init", "--quiet"], check=True)
        subprocess.run(["git", "add", "--all"], check=True)
        subprocess.run(["git", *WHO, "commit", "--quiet", "--allow-empty", "-m", "x"], check=True)
        Path("params.yaml").write_text("gates: {}\n", encoding="utf-8")
        done = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    return commit


def test_limits_are_read_from_the_commit(repository):
    """Main's params, whatever lies in the folder."""
    found = limits.read(repository(yaml.safe_dump(PARAMS | {"gates": {"max_degradation": 0.03}})))
    assert isinstance(found, Params)
    assert 0.03 == found.gates.max_degradation


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, r"^main \(\w{8}\) has no params.yaml, so its limits did not judge$"),
        (
            yaml.safe_dump(PARAMS | {"gatess": {}}),
            r"^main's limits did not judge: params.yaml of main \(\w{8}\): unknown key 'gatess'",
        ),
        ("a: [", r"^main's limits did not judge: params.yaml of main \(\w{8}\) is not valid YAML"),
    ],
    ids=["none", "another schema", "no YAML"],
)
def test_params_that_are_not_of_todays_schema_have_a_reason(repository, text, why):
    """One sentence that names the file and the fault."""
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(limits.read(repository(text)))
