"""From the contract to the suite: each rule is one expectation with its severity, and nothing else is expected."""

import pytest

from copies import SAMPLE
from mlops.config import parse
from mlops.contract import Contract
from mlops.pipeline.expectations import expectations

TABLE = """
version: 1
task: binary
target: bought
positive: 1
id: visit
columns:
  visit: {type: text, nullable: true}
  amount: {type: number}
  weight: {type: number, nullable: true}
  bought: {type: integer, nullable: true}
"""
EXIST, UNIQUE, NOT_NULL, TYPE, BETWEEN, IN_SET = (
    "expect_column_to_exist",
    "expect_column_values_to_be_unique",
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_be_in_type_list",
    "expect_column_values_to_be_between",
    "expect_column_values_to_be_in_set",
)


def suite(text: str = TABLE) -> list:
    """The expectations of a contract."""
    return expectations(parse(text, Contract, "data/contract.yaml"))


def rules(amount: str) -> dict:
    """{expectation: it} of the column `amount`, written as `amount` says."""
    found = suite(TABLE.replace("{type: number}", f"{{{amount}}}"))
    return {rule.expectation_type: rule for rule in found if rule.column == "amount"}


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("type: number", {EXIST, NOT_NULL, TYPE}),
        ("type: integer, nullable: true", {EXIST, TYPE}),
        ("type: number, min: 0", {EXIST, NOT_NULL, TYPE, BETWEEN}),
        ("type: number, max: 9", {EXIST, NOT_NULL, TYPE, BETWEEN}),
        ('type: category, categories: ["a"]', {EXIST, NOT_NULL, IN_SET}),
        ("type: boolean", {EXIST, NOT_NULL, IN_SET}),
        ("type: date", {EXIST, NOT_NULL, TYPE}),
        ("type: text", {EXIST, NOT_NULL}),
    ],
)
def test_each_rule_is_an_expectation(amount, expected):
    """What a column says is what is expected of it."""
    assert expected == set(rules(amount))


def test_an_expectation_has_the_limits_of_its_rule():
    """Range, values and type are those of the contract."""
    between = rules("type: number, min: 0, max: 9")[BETWEEN]
    assert (0, 9) == (between.min_value, between.max_value)
    assert ["a", "b"] == rules('type: category, categories: ["a", "b"]')[IN_SET].value_set
    assert [True, False] == rules("type: boolean")[IN_SET].value_set
    assert {"type": "date"} == rules("type: date")[TYPE].meta


@pytest.mark.parametrize(("nullable", "mostly"), [("false", 1), ("0.1", 0.9), ("0.05", 0.95), ("0.7", 0.3)])
def test_the_nullable_share_is_the_share_that_must_be_there(nullable, mostly):
    """A tenth may be missing: nine tenths must not, as a number without a tail of nines."""
    assert mostly == rules(f"type: number, nullable: {nullable}")[NOT_NULL].mostly


@pytest.mark.parametrize("severity", ["critical", "warning"])
def test_every_rule_of_a_column_has_its_severity(severity):
    """Also that the column is there."""
    found = rules(f"type: number, min: 0, severity: {severity}")
    assert {EXIST: severity, NOT_NULL: severity, TYPE: severity, BETWEEN: severity} == {
        name: rule.severity.value for name, rule in found.items()
    }


def test_the_id_is_unique_and_that_is_critical():
    """Splits and joins stand on the id, whatever its severity."""
    found = suite(TABLE.replace("text,", "text, severity: warning,"))
    (rule,) = (rule for rule in found if rule.expectation_type == UNIQUE)
    assert ("visit", "critical") == (rule.column, rule.severity.value)


@pytest.mark.parametrize("id_and_group", ["group: weight", "id: visit\ngroup: weight"], ids=["a group", "both"])
def test_a_group_need_not_be_unique(id_and_group):
    """It is there so that rows share it; only an id names one row."""
    found = [rule.column for rule in suite(TABLE.replace("id: visit", id_and_group)) if rule.expectation_type == UNIQUE]
    assert ["visit"] * ("id: visit" in id_and_group) == found


@pytest.mark.parametrize(
    ("asked", "column", "expected"),
    [
        (
            "task: multiclass\ntarget: bought\n",
            'type: category, categories: ["a", "b", "c"]',
            {EXIST, NOT_NULL, IN_SET},
        ),
        ("task: regression\ntarget: bought\n", "type: number, min: 0", {EXIST, NOT_NULL, TYPE, BETWEEN}),
    ],
)
def test_the_target_of_any_task_keeps_its_rules(asked, column, expected):
    """A class that is not named and a number out of range are found before anything is fitted."""
    text = TABLE.replace("task: binary\ntarget: bought\npositive: 1\n", asked)
    found = suite(text.replace("bought: {type: integer, nullable: true}", f"bought: {{{column}}}"))
    assert expected == {rule.expectation_type for rule in found if rule.column == "bought"}


def test_only_columns_of_the_contract_are_named():
    """A column is named by the contract and nothing else in the template, and all of them are."""
    text = (SAMPLE / "data/contract.yaml").read_text(encoding="utf-8")
    assert set(parse(text, Contract, "data/contract.yaml").columns) == {rule.column for rule in suite(text)}
    assert {"visit", "amount", "weight", "bought"} == {rule.column for rule in suite()}
