"""Gate deepchecks: integrity and leakage checks hold, and a check that could not run never passes."""

import pytest

from judging import checks, knobs, said
from mlops.gates import deepchecks
from mlops.gates.deepchecks import failing


def judged(report: dict | None, main: dict | None = None):
    (gate,) = said(deepchecks, deepchecks=report, main_deepchecks=main)
    return gate


def broken(error: str = "", category: str = "error") -> dict:
    """A report whose one check could not judge."""
    report = checks(few=False)
    report["checks"][0]["error"] = error
    report["checks"][0]["conditions"][0]["category"] = category
    return report


def test_accepts_a_check_that_holds():
    """All conditions of the check hold."""
    gate = judged(checks(few=True, none=True))
    assert ("deepchecks DataDuplicates", "pass", "holds") == (gate.title, gate.status, gate.message)


def test_refuses_a_check_that_newly_fails():
    """A condition that holds on main and not here fails, and is named."""
    gate = judged(checks(few=False, none=True), checks(few=True, none=True))
    assert ("fail", 1, "few") == (gate.status, gate.observed, gate.message)


def test_what_fails_on_main_already_is_a_warning():
    """The pull request did not cause it."""
    gate = judged(checks(few=False), checks(few=False))
    assert ("warn", "few (already so on main)") == (gate.status, gate.message)


def test_a_new_condition_beside_an_old_one_fails():
    """What already fails on main excuses nothing else."""
    gate = judged(checks(few=False, none=False), checks(few=False, none=True))
    assert ("fail", "none") == (gate.status, gate.message)


def test_refuses_without_a_report_of_main():
    """With nothing known of main, every failing condition is new."""
    assert "fail" == judged(checks(few=False), None).status


@pytest.mark.parametrize("report", [broken("out of memory"), broken(), checks()])
def test_refuses_a_check_that_could_not_judge_though_main_is_no_better(report):
    """A check that broke, a condition that broke and a check without conditions fail, on main or not."""
    gate = judged(report, report)
    assert "fail" == gate.status
    assert "could not judge: " in gate.message


def test_a_condition_that_broke_on_main_excuses_nothing():
    """Main could not say whether it holds, so a failure here is new."""
    gate = judged(checks(few=False), broken())
    assert ("fail", "few") == (gate.status, gate.message)


def test_refuses_an_error_beside_conditions_that_hold():
    """An error is an error, whatever the conditions say."""
    report = checks(few=True)
    report["checks"][0]["error"] = "stopped"
    assert ("fail", "could not judge: stopped") == (judged(report).status, judged(report).message)


def test_refuses_a_check_that_is_not_in_the_report():
    """A check that gates and did not run fails."""
    (_, gate) = said(deepchecks, params=knobs(deepchecks={"gate": ["DataDuplicates", "MixedNulls"]}))
    assert ("fail", "it did not run") == (gate.status, gate.message)


def test_a_check_that_does_not_gate_fails_nothing():
    """Only the checks that `deepchecks.gate` names are judged."""
    (gate,) = said(deepchecks, deepchecks=checks(few=False), params=knobs(deepchecks={"gate": []}))
    assert "neutral" == gate.status


def test_what_a_person_left_out_is_neutral():
    """SKIP=deepchecks is said; the verdict is partial then."""
    (gate,) = said(deepchecks, skipped=frozenset({"deepchecks"}), deepchecks=None)
    assert "neutral" == gate.status


def test_refuses_a_missing_report():
    """Where the suite did not run, the message names the file and the command."""
    (gate,) = said(deepchecks, deepchecks=None)
    assert "fail" == gate.status
    assert gate.message.startswith("reports/deepchecks.json is not there")


def test_failing_names_only_what_fails():
    """A report in which all holds gives nothing, so that main's need not be fetched; None gives nothing too."""
    assert {} == failing(checks(few=True)) == failing(None)
    assert {"DataDuplicates": ["few"]} == failing(checks(few=False, none=True))
