"""Gate data_contract: the table keeps the rules of data/contract.yaml."""

import pytest

from judging import RULE, said
from mlops.gates import data_contract

BROKEN = RULE | {"passed": False, "count": 12, "share": 0.006}


def judged(*rules: dict):
    (gate,) = said(data_contract, validation={"rules": list(rules)})
    return gate


def test_accepts_rules_that_hold():
    """All rules hold, and how many there are."""
    gate = judged(RULE, RULE)
    assert ("pass", 0, "all 2 rules hold") == (gate.status, gate.observed, gate.message)


def test_refuses_a_broken_critical_rule():
    """The message names column, rule and rows."""
    gate = judged(RULE, BROKEN)
    assert ("fail", 1) == (gate.status, gate.observed)
    assert "column 'amount' breaks 'to_not_be_null' in 12 rows (0.60%)" == gate.message


def test_a_broken_warning_rule_is_shown():
    """A rule of severity warning warns."""
    assert "warn" == judged(RULE, BROKEN | {"severity": "warning"}).status


def test_a_critical_rule_stands_before_warnings():
    """Where both kinds are broken, the critical one is what is shown."""
    gate = judged(*[BROKEN | {"severity": "warning", "column": "note"}] * 3, BROKEN)
    assert "fail" == gate.status
    assert gate.message.startswith("column 'amount'")


def test_says_how_many_more_are_broken():
    """Three rules are shown, the others counted."""
    assert judged(*[BROKEN] * 5).message.endswith("; and 2 more")


def test_refuses_a_report_without_rules():
    """A table that was held against nothing did not pass."""
    assert ("fail", "no rule was checked") == (judged().status, judged().message)


@pytest.mark.parametrize("passed", [None, False, 0])
def test_refuses_a_rule_without_an_answer(passed):
    """A rule that could not be checked is broken."""
    assert "fail" == judged(RULE | {"passed": passed}).status


def test_refuses_a_missing_report():
    """Where the table was not validated, the message names the file and the command."""
    (gate,) = said(data_contract, validation=None)
    assert "fail" == gate.status
    assert gate.message.startswith("reports/validation.json is not there")
