"""What docs/security.md says of tokens, secrets and signatures is what the workflow files and the code do."""

import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from mlops.delivery import signature
from mlops.delivery.overlay import Image
from workflows import rules
from workflows.rules import File

TEXT = (Path(__file__).parents[1] / "docs/security.md").read_text(encoding="utf-8")
WORKFLOWS = [file for file in rules.ours() if not file.is_action]
NAMES = re.compile(r"\b(?:secrets\.(\w+)|(github\.token))\b")
UNNAMED = re.compile(r"""\bsecrets\b(?!\.\w|": \{)""")  # a call passes on by name what it is given: {"secrets": {...}}
SETTINGS = re.compile(r"\b(?:secrets|vars)\.(\w+)")
CALLER = "--certificate-github-workflow-ref"
GAP = "check identity and issuer, not the calling repository and ref"


def section(title: str, text: str = TEXT) -> str:
    """What stands below a heading, up to the next."""
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(part: str) -> list[list[str]]:
    """The cells of a table's rows, without its head."""
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def told(part: str) -> Counter:
    """(file, job, permissions, what it names) as the table says, each with how often it does."""
    return Counter(
        (file, job, frozenset(permissions.split(", ")), frozenset(set(names.split(", ")) - {"nothing"}))
        for file, job, permissions, _, _, names in rows(part)
    )


def granted(files: list[File]) -> Counter:
    """The same, as the workflow files say."""
    return Counter(
        (
            Path(file.name).name,
            name,
            frozenset(f"{key}: {value}" for key, value in job["permissions"].items()),
            frozenset(secret or token for secret, token in NAMES.findall(json.dumps(job))),
        )
        for file in files
        for name, job in file.jobs.items()
    )


def blocks(language: str) -> list[str]:
    """The fenced examples of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.M | re.S)


def test_each_job_has_one_row_with_its_permissions_and_secrets():
    """No job is missing, none is told twice, and no row is left of a job that is gone."""
    assert granted(WORKFLOWS) == told(section("Every token"))


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("| deploy | contents: write,", "| deploy | contents: read,"),
        (
            "| two issues, a line to a chat | main's, two dependencies | github.token, ALERT_WEBHOOK |",
            "| two issues, a line to a chat | main's, two dependencies | nothing |",
        ),
        ("| pull-request.yml | lint | contents: read | checkout | the pull request's code | nothing |\n", ""),
        ("| reports.yml | pages |", "| reports.yml | gone |"),
    ],
)
def test_a_row_that_says_something_else_is_found(there, instead):
    """A changed grant, a secret left out, a row left out, a job that is gone."""
    part = section("Every token")
    assert 1 == part.count(there)
    assert granted(WORKFLOWS) != told(part.replace(there, instead))


def test_a_job_that_names_a_secret_is_found():
    """A secret counts wherever a job names it: in the env of a step, in its own, in an expression."""
    job = {"permissions": {"contents": "read"}, "env": {"A": "${{ secrets.NEW || github.token }}"}}
    file = File(yaml.safe_dump({"jobs": {"x": job}}), ".github/workflows/x.yml")
    assert [("x.yml", "x", {"contents: read"}, {"NEW", "github.token"})] == list(granted([file]))


def elsewhere(file: File) -> list[str]:
    """Ways past the table: a token named outside of jobs, or secrets that are named by no name."""
    jobs = json.dumps(file.jobs)
    outside = json.dumps({key: value for key, value in file.yaml.items() if key != "jobs"}, default=str)
    return [found[0] for found in NAMES.finditer(outside)] + UNNAMED.findall(jobs)


@pytest.mark.parametrize("file", rules.ours(), ids=lambda file: file.name)
def test_no_file_has_a_way_past_the_table(file):
    """Workflows name tokens in jobs alone and one by one; composite actions name none."""
    assert [] == elsewhere(file)


@pytest.mark.parametrize(
    "content",
    [
        "env: {A: '${{ secrets.B }}'}",
        "runs: {steps: [{env: {A: '${{ github.token }}'}}]}",
        "jobs: {x: {secrets: inherit}}",
        "jobs: {x: {env: {A: '${{ toJSON(secrets) }}'}}}",
        "jobs: {x: {env: {A: \"${{ secrets['B'] }}\"}}}",
    ],
)
def test_a_way_past_the_table_is_found(content):
    """An env of the whole file, an action, all secrets at once, a secret between brackets."""
    assert 1 == len(elsewhere(File(content)))


def test_each_setting_has_one_row_with_the_files_that_read_it():
    """Every secret and variable of the workflow files is in the table of settings, and CML's pin; nothing else is."""
    read = {
        (name, Path(file.name).name) for file in WORKFLOWS for name in SETTINGS.findall(json.dumps(file.yaml["jobs"]))
    }
    read.add((".github/cml.sha256", "comment.yml"))
    found = [
        (name.strip("`"), file)
        for name, *_, files in rows(section("Settings that may be there"))
        for file in files.split(", ")
    ]
    assert sorted(read) == sorted(found)


def test_each_setting_says_whether_it_is_a_secret():
    """A variable is shown in logs, so the difference matters."""
    text = "".join(file.text for file in WORKFLOWS)
    kinds = {name.strip("`"): kind for name, kind, *_ in rows(section("Settings that may be there"))}
    for name, kind in kinds.items():
        assert {"secret": f"secrets.{name}", "variable": f"vars.{name}", "file": name}[kind] in text


def test_each_job_of_a_pull_request_is_told():
    """What a hostile pull request can reach is said of each job that it starts."""
    table = "| where " + section("What is trusted").split("\n| where ")[1]
    told_of = [job for where, *_ in rows(table) for job in re.findall(r"`(\w+)`", where)]
    files = [file for file in WORKFLOWS if Path(file.name).name in ("pull-request.yml", "comment.yml")]
    assert sorted(name for file in files for name in file.jobs) == sorted(told_of)


@pytest.mark.parametrize("example", blocks("yaml"))
def test_yaml_examples_parse_and_pin_their_actions(example):
    """An example is copied as it stands, so it keeps the rule that our own files keep."""
    assert yaml.safe_load(example)
    assert [] == rules.pins_actions(File(example))


@pytest.mark.parametrize("example", blocks("json"))
def test_json_examples_parse(example):
    """A trust policy with a comma too many is refused by a cloud, and sooner here."""
    assert json.loads(example)


def test_the_examples_are_found():
    """The three clouds, the policy of a cluster, and the login of a job: else the tests above would look at nothing."""
    assert (4, 2) == (len(blocks("yaml")), len(blocks("json")))
    assert "${{ inputs.role }}" in blocks("yaml")[1]


def test_the_login_keeps_the_rules_of_actions_and_jobs():
    """The example joins .github/actions/setup and a job as it stands: a known shell, one command a step, a reason beside each grant."""
    action, job = blocks("yaml")[1:3]
    found = File(f"name: setup\n{action}")
    assert found.is_action
    assert [] == rules.fails_in_a_pipe(found) + rules.runs_one_command(found) + rules.keeps_expressions_out_of_run(
        found
    )
    text = "jobs:\n" + "".join(f"  {line}\n" for line in job.splitlines())
    assert [] == rules.gives_a_reason_beside_each_grant(File(text))


@pytest.fixture
def asked(tmp_path, monkeypatch) -> list[str]:
    """The words with which the code calls cosign; a stand-in writes them down."""
    program, words = tmp_path / "cosign", tmp_path / "words"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {words}\necho "[]"\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GITHUB_REPOSITORY", "OWNER/REPO")
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
    signature.fault(Image("ghcr.io/owner/repo", "sha256:DIGEST", ""))
    return words.read_text(encoding="utf-8").split()


def test_the_command_by_hand_asks_all_that_the_code_asks(asked):
    """Identity, issuer and image, word for word; a person may ask for more, never for less."""
    (command,) = [block for block in blocks("sh") if block.startswith("cosign verify")]
    assert set() == set(asked) - set(command.split())
    assert f'"{signature.SIGNATURE}"' in command


def test_what_the_code_does_not_ask_is_told(asked):
    """The gap stands under 'What is not covered' for as long as it is there, and no longer."""
    assert (CALLER not in asked) == (GAP in section("What is not covered"))
