"""The stand-ins of third-party actions and the API's endpoints: small, listed, and no more than the workflow files need."""

import re
from pathlib import Path

import pytest
import yaml

from workflows import rules
from workflows.act import ACTIONS
from workflows.endpoints import ENDPOINTS, general

LISTED = (ACTIONS / "README.md").read_text(encoding="utf-8")
FOLDERS = sorted(file.parent for file in ACTIONS.rglob("action.yml"))
LONGEST = 20  # lines


def used() -> dict[str, set[str]]:
    """The inputs that our files give each third-party action, by the stand-in's folder."""
    found: dict[str, set[str]] = {}
    for file in rules.ours():
        for step in file.steps:
            if (uses := step.get("uses", "")) and not uses.startswith("./"):
                _, name, *more = uses.partition("@")[0].split("/")
                found.setdefault("/".join([name, *more]), set()).update(step.get("with", {}))
    return found


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ACTIONS)))
def test_a_stand_in_is_read_at_a_glance(folder):
    """At most twenty lines, and a row that says what it does not do."""
    name = str(folder.relative_to(ACTIONS))
    assert len((folder / "action.yml").read_text(encoding="utf-8").splitlines()) <= LONGEST
    rows = [line for line in LISTED.splitlines() if re.match(rf"\| {re.escape(name)}( \(|\s*\|)", line)]
    assert rows
    assert all(row.count("|") == 4 and row.split("|")[3].strip() for row in rows)


def test_every_action_has_one_that_takes_its_inputs():
    """What a file says to an action, its stand-in hears."""
    for name, given in used().items():
        declared = yaml.safe_load((ACTIONS / name / "action.yml").read_text(encoding="utf-8")).get("inputs", {})
        assert set() == given - set(declared), name


def test_nothing_stands_in_for_what_nobody_uses():
    """A folder more is a folder that nobody runs."""
    assert {str(folder.relative_to(ACTIONS)) for folder in FOLDERS} == {*used()}


def test_every_workflow_says_what_it_asks_the_api_for():
    """Those that are only called are listed beside the file that calls them."""
    started = {
        Path(file.name).name for file in rules.ours() if not file.is_action and {*file.triggers} != {"workflow_call"}
    }
    assert started == {*ENDPOINTS}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("GET pulls/12/files", "GET pulls/N/files"),
        ("GET git/ref/heads/promote/prod", "GET git/ref/heads/..."),
        ("POST actions/workflows/pull-request.yml/dispatches", "POST actions/workflows/pull-request.yml/dispatches"),
    ],
)
def test_a_request_is_listed_without_its_numbers(call, said):
    """So that a table can hold it."""
    assert said == general(call)
