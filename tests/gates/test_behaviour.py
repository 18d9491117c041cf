"""Gate behaviour: the owner's tests of the model hold."""

from dataclasses import replace
from math import nan

import pytest

from judging import TEST, TESTS, holding, knobs, said, states
from mlops import gates
from mlops.gates import behaviour


def judged(examples: bool = False, **changes):
    """What the gate says of one test that passed, but for `changes`."""
    found = {"tests": [TEST | changes, *(test for test in TESTS if test["kind"] != TEST["kind"])]}
    return said(behaviour, behaviour=found, params=knobs(reports={"examples": examples}))[0]


def test_accepts_a_test_that_holds():
    """The gate is named as a person reads the test, and shows the share that held and how many did not."""
    gate = judged()
    assert ("Invariance: a day later is the same decision", "pass") == (gate.title, gate.status)
    assert (0.99, 0.95, "1 of 100 cases fail") == (gate.observed, gate.threshold, gate.message)


def test_refuses_a_test_that_failed():
    """The test's own message is shown beside the count."""
    gate = judged(status="fail", failed=40, message="holds in 60.00% of 100 cases, 95.00% required")
    assert ("fail", 0.6) == (gate.status, gate.observed)
    assert "holds in 60.00% of 100 cases, 95.00% required; 40 of 100 cases fail" == gate.message


def test_accepts_a_plain_assertion_without_cases():
    """A test that counts nothing passes by its word alone."""
    gate = judged(cases=0, failed=0, required=None)
    assert ("pass", None, "holds") == (gate.status, gate.observed, gate.message)


def test_what_holds_by_construction_is_neutral():
    """A model that does not read a column proves nothing by ignoring it."""
    reason = "holds by construction: the model does not read gender"
    gate = judged(status="by construction", cases=0, failed=0, required=None, message=reason)
    assert ("neutral", reason) == (gate.status, gate.message)


@pytest.mark.parametrize("status", ["skipped", "error", "", "unknown"])
def test_refuses_a_test_that_did_not_run(status):
    """A skipped test proved nothing, and a state that nobody knows is no pass."""
    assert "fail" == judged(status=status, cases=0, failed=0, message="needs a column").status


def test_says_that_a_skipped_test_proved_nothing():
    """The reason given for the skip is shown with what to do."""
    message = judged(status="skipped", cases=0, failed=0, message="not today").message
    assert "it was skipped, which proves nothing: mend it or take it out (not today)" == message


@pytest.mark.parametrize("failed", [6, nan])
def test_refuses_a_pass_that_its_own_figures_deny(failed):
    """A share below what is required, or no number, is no pass whatever the word says."""
    assert "fail" == judged(failed=failed).status


def test_shows_no_value_that_an_assertion_quotes():
    """pytest quotes what it compared, which may be a row's value; that is shown only with `reports.examples`."""
    quoted = {"status": "fail", "cases": 0, "failed": 0, "message": "assert 'Jane Doe' == 'x'"}
    assert "an assertion without a message of its own is false" == judged(**quoted).message
    assert "assert 'Jane Doe' == 'x'" == judged(examples=True, **quoted).message


@pytest.mark.parametrize("kind", [test["kind"] for test in TESTS])
def test_refuses_a_kind_without_a_test(kind):
    """Deleting the invariance tests is no way to pass them."""
    found = said(behaviour, behaviour={"tests": [test for test in TESTS if test["kind"] != kind]})
    assert [kind.capitalize()] == [gate.title for gate in found if gate.status == "fail"]


@pytest.mark.parametrize("kind", [test["kind"] for test in TESTS])
def test_a_kind_that_nobody_requires_may_be_absent(kind):
    """`behaviour.require` names the kinds that there must be; the others are judged where they are there."""
    asked = [test["kind"] for test in TESTS if test["kind"] != kind]
    tests = [test for test in TESTS if test["kind"] != kind]
    params = knobs(behaviour={"require": asked})
    assert {"pass"} == states(behaviour, behaviour={"tests": tests}, params=params)
    red = [*tests, TEST | {"kind": kind, "status": "fail"}]
    assert {"pass", "fail"} == states(behaviour, behaviour={"tests": red}, params=params)


def test_says_how_a_kind_without_a_test_is_mended():
    """The message names the file for a test, and the knob for an owner to whom the kind means nothing."""
    gate = said(behaviour, behaviour={"tests": TESTS[:2]})[-1]
    assert (
        "no test of this kind ran: add one to tests/model/test_directional.py, "
        "or take it out of `behaviour.require` in params.yaml"
    ) == gate.message


def test_refuses_a_report_without_tests_though_nothing_is_required():
    """No test at all is not what passes, whatever `behaviour.require` says."""
    found = replace(holding(), behaviour={"tests": []}, params=knobs(behaviour={"require": []}))
    assert ["fail"] == [gate.status for gate in gates.judge(found) if gate.id == behaviour.ID]


def test_refuses_a_missing_report():
    """Where tests/model did not run, the message names the file and the command."""
    (gate,) = said(behaviour, behaviour=None)
    assert "fail" == gate.status
    assert gate.message.startswith("reports/behaviour.json is not there")


@pytest.mark.parametrize("key", ["status", "cases", "failed", "kind"])
def test_refuses_a_report_without_a_key(key):
    """A report that misses a key cannot be judged."""
    test = {name: value for name, value in TEST.items() if name != key}
    with pytest.raises(KeyError):
        said(behaviour, behaviour={"tests": [test]})
