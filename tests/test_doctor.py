"""Is this copy set up? Each thing that is looked at, in order and not, on a real repository and GitHub's stub."""

import subprocess
from functools import partial
from pathlib import Path

import pytest

from copies import SAMPLE
from github_stub import GitHubStub
from mlops import doctor

CHECK = {"type": "required_status_checks", "parameters": {"required_status_checks": [{"context": "verdict"}]}}
WORKFLOWS = ("comment.yml", "pull-request.yml", "reports.yml")
GRANTS = {"issues": "read", "metadata": "read", "administration": "read", "actions": "read", "pages": "read"}


def git(*words: str) -> None:
    """Run git here."""
    subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *words], check=True, capture_output=True
    )


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A copy whose table is somebody's own, set up as it should be, as working directory; no token anywhere."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, does in {"gh": "exit 1", "actionlint": "exit 0"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "GITHUB_REPOSITORY", "GITHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "copy"
    (folder / "data").mkdir(parents=True)
    (folder / ".github/workflows").mkdir(parents=True)
    for name in WORKFLOWS:
        (folder / ".github/workflows" / name).write_text("on: [push]\n")
    contract = (SAMPLE / "data/contract.yaml").read_text(encoding="utf-8")
    (folder / "data/contract.yaml").write_text(contract.replace("table: loans", "table: churn"), encoding="utf-8")
    (folder / ".github/CODEOWNERS").write_text("* @acme/data\n")
    monkeypatch.chdir(folder)
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "-m", "main")
    for name in ("origin", "upstream"):
        git("remote", "add", name, f"https://somebody:secret@github.com/acme/{name}.git")
    git("update-ref", "refs/remotes/origin/main", "main")
    return folder


def _answer(state: dict, path: str, call) -> tuple[int, object]:
    return (404, {"message": "Not Found"}) if state[path] is None else (200, state[path])


@pytest.fixture
def hub(here, monkeypatch):
    """GitHub, with the repository set up as it should be, and a token that may look at all of it."""
    state = {
        "": {"default_branch": "main", "has_issues": True},
        "actions/permissions": {"enabled": True},
        "actions/permissions/workflow": {"can_approve_pull_request_reviews": True},
        "rules/branches/main": [{"type": "deletion"}, CHECK],
        "actions/workflows": {
            "total_count": 3,
            "workflows": [{"path": f".github/workflows/{name}", "state": "active"} for name in WORKFLOWS],
        },
        "labels": [{"name": "drift"}, {"name": "Needs review"}],
        "pages": {"status": "built"},
    }
    grants = {
        "actions/permissions": "administration",
        "actions/permissions/workflow": "administration",
        "actions/workflows": "actions",
        "labels": "issues",
        "pages": "pages",
    }
    with GitHubStub("acme/churn") as stub:
        stub.state = state
        stub.tokens["ghp_all"] = dict(GRANTS)
        for path in state:
            below, grant = f"/{path}" if path else "", grants.get(path, "metadata")
            stub.add(
                "GET", f"/repos/acme/churn{below}", f"{grant}:read", partial(_answer, state, path), ("per_page", "page")
            )
        for name, value in {
            "GITHUB_TOKEN": "ghp_all",
            "GITHUB_REPOSITORY": "acme/churn",
            "GITHUB_API_URL": stub.url,
        }.items():
            monkeypatch.setenv(name, value)
        yield stub


def states(found) -> list[str]:
    """Whether each finding is in order."""
    return [each.state for each in found]


def only(found, state: str) -> doctor.Finding:
    """The one finding in this state."""
    (one,) = [each for each in found if each.state == state]
    return one


def test_a_copy_that_is_set_up_misses_nothing(hub, capsys):
    """Exit 0; every line is in order."""
    assert 0 == doctor.run(None)
    lines = capsys.readouterr().out.splitlines()
    assert "doctor: nothing is missing" == lines[-1]
    assert {"ok"} == {line.split()[0] for line in lines[:-1]}
    assert "ok       table 'churn', target 'default'" in lines


def test_what_is_missing_is_said_with_what_mends_it(hub, capsys):
    """Exit 1; the fix stands below the finding."""
    git("remote", "remove", "origin")
    hub.state[""]["has_issues"] = False
    assert 1 == doctor.run(None)
    said = capsys.readouterr().out
    assert "MISSING  no remote `origin`: there are no pull requests\n         -> git remote add origin" in said
    assert (
        "ADVICE   issues are off: tickets have nowhere to go\n         -> https://github.com/acme/churn/settings"
        in said
    )
    assert said.endswith("doctor: 1 missing, 1 advised\n")


def test_what_was_not_looked_at_is_counted(hub, monkeypatch, capsys):
    """Nothing is found missing where nobody looked; the last line says so."""
    monkeypatch.delenv("GITHUB_TOKEN")
    doctor.run(None)
    lines = capsys.readouterr().out.splitlines()
    unseen = sum(line.startswith("? ") for line in lines)
    assert unseen > 0
    assert lines[-1].endswith(f", {unseen} not looked at")


def test_advice_is_no_fault(hub, capsys):
    """Exit 0: the copy works, and each line says how it works better."""
    Path(".github/CODEOWNERS").unlink()
    hub.state["rules/branches/main"] = []
    assert 0 == doctor.run(None)
    said = capsys.readouterr().out
    assert "ADVICE   main can be merged into without the check verdict\n         -> gh api" in said
    assert said.endswith("doctor: nothing is missing, 2 advised\n")


def test_it_changes_nothing(hub, here):
    """No file, no reference, and nothing is sent to GitHub but questions."""
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    doctor.run(None)
    assert before == {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    assert {"GET"} == {call.method for call in hub.log}


def test_a_copy_in_order_holds_in_every_line(here):
    """What git and the files say."""
    assert {"ok"} == set(states(doctor.local()))


def test_a_password_in_a_remote_is_not_shown(here):
    """It would be in every log."""
    assert [] == [each for each in doctor.local() if "secret" in each.text]


@pytest.mark.parametrize(
    ("breaks", "text", "fix"),
    [
        (
            lambda: git("update-ref", "-d", "refs/remotes/origin/main"),
            "origin/main is not known here",
            "git fetch origin main",
        ),
        (
            lambda: _contract("target: default", "target: nothing"),
            "'nothing', which is not one of `columns`",
            "correct data/contract.yaml",
        ),
        (lambda: Path("data/contract.yaml").unlink(), "data/contract.yaml is not there", "correct data/contract.yaml"),
    ],
    ids=["no main", "a broken contract", "no contract"],
)
def test_a_thing_that_is_missing_here_is_found(here, breaks, text, fix):
    """One line says what, and what mends it."""
    breaks()
    found = only(doctor.local(), "missing")
    assert text in found.text
    assert fix in found.fix


@pytest.mark.parametrize(
    ("breaks", "text", "fix"),
    [
        (lambda: _contract("table: churn", "table: loans"), "the table is still the sample", "make adopt DATA="),
        (
            lambda: Path(".github/CODEOWNERS").write_text("* @OWNER\n"),
            "CODEOWNERS still names @OWNER",
            "put your team into .github/CODEOWNERS",
        ),
        (
            lambda: Path(".github/CODEOWNERS").unlink(),
            "there is no .github/CODEOWNERS: nobody is asked to review",
            "put your team into .github/CODEOWNERS",
        ),
        (
            lambda: git("commit", "-q", "--allow-empty", "-m", "adopted"),
            "main is 1 commit ahead of origin/main",
            "push main, so that pull requests are compared with it: git push origin main",
        ),
    ],
    ids=["the sample", "nobody owns it", "no owners", "main is not pushed"],
)
def test_a_thing_without_which_the_copy_works_is_advice(here, breaks, text, fix):
    """One line says what, and what mends it."""
    breaks()
    found = list(doctor.local())
    assert text == only(found, "advice").text
    assert fix in only(found, "advice").fix
    assert "missing" not in states(found)


def test_a_branch_that_is_ahead_is_no_main_that_is(here):
    """Only main is what pull requests are compared with."""
    git("checkout", "-q", "-b", "mine")
    git("commit", "-q", "--allow-empty", "-m", "more")
    assert {"ok"} == set(states(doctor.local()))


def test_without_an_origin_there_is_one_thing_missing(here):
    """With both ways to get one; logging in to GitHub would not."""
    git("remote", "remove", "origin")
    found = only(doctor.local(), "missing")
    assert "git remote add origin https://github.com/OWNER/REPO" in found.fix
    assert "gh repo create" in found.fix
    (settings,) = doctor.settings()
    assert ("unseen", "the repository's settings: there is no remote `origin`") == (settings.state, settings.text)
    assert "gh auth login" not in settings.fix


def _flow(name: str, text: str) -> None:
    Path(".github/workflows", name).write_text(text, encoding="utf-8")


def _known(hub, **flows: str) -> None:
    """GitHub knows the workflows, and these in a state of their own."""
    known = dict.fromkeys(WORKFLOWS, "active") | {f"{name}.yml": state for name, state in flows.items()}
    hub.state["actions/workflows"] = {
        "workflows": [{"path": f".github/workflows/{name}", "state": state} for name, state in known.items()]
    }


DAILY = "on:\n  schedule: [{cron: '0 5 * * *'}]\n  workflow_dispatch:\n"


def test_a_schedule_that_runs_is_said_with_what_will_stop_it(hub):
    """Whatever the file is called; a workflow without a schedule has no such line."""
    _flow("drift.yml", DAILY)
    _known(hub, drift="active")
    found = [each for each in doctor.settings() if "schedule" in each.text]
    assert ["ok"] == states(found)
    assert "in a fork until they are enabled there, and after 60 days" in found[0].text
    assert found[0].text.startswith("drift.yml runs by its schedule")


@pytest.mark.parametrize("state", ["disabled_fork", "disabled_inactivity", "disabled_manually"])
def test_a_schedule_that_is_off_is_missing(hub, state):
    """With the command that switches it on."""
    _flow("drift.yml", DAILY)
    _known(hub, drift=state)
    found = [each for each in doctor.settings() if each.state == "missing"]
    assert f"off: drift.yml ({state})" == found[0].text
    assert found[1].text.startswith("drift.yml does not run by its schedule: GitHub switches schedules off in a fork")
    assert ["gh workflow enable drift.yml"] * 2 == [each.fix for each in found]


def test_without_a_token_a_schedule_is_named_too(here, monkeypatch):
    """It may be off, and nobody would notice."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/churn")
    _flow("drift.yaml", DAILY)
    found = list(doctor.settings())[1]
    assert ("unseen", "gh workflow enable drift.yaml") == (found.state, found.fix)


def test_a_workflow_that_github_does_not_know_is_pushed(hub):
    """Nothing can be switched on that is not there."""
    _flow("release.yml", "on: [push]\n")
    found = only(doctor.settings(), "missing")
    assert "off: release.yml (not there)" == found.text
    assert "git push origin main" in found.fix


USES = """
on: {pull_request: {types: [labeled]}}
jobs:
  a:
    if: github.event.label.name == 'drift' || contains(github.event.pull_request.labels.*.name, 'needs review')
    steps:
      - {uses: some/action@v1, with: {labels: "bot, drift"}}
      - {uses: docker/metadata@v1, with: {labels: "org.opencontainers.image.title=x"}}
      - run: |
          gh issue create --title x --label ticket --label "two words"
          gh pr edit 1 --add-label "$LABEL" && docker build --label org.x=y .
"""


def test_labels_that_workflows_use_are_looked_at(hub):
    """All of them there, in any case of letters, is one line; workflows without labels ask nothing."""
    _flow("comment.yml", USES)
    hub.state["labels"] += [{"name": name} for name in ("bot", "ticket", "two words")]
    text = "the labels that the workflows use are there: bot, drift, needs review, ticket, two words"
    assert text in [each.text for each in doctor.settings() if each.state == "ok"]


def test_a_label_that_is_not_there_is_missing(hub):
    """With the command that makes each."""
    _flow("comment.yml", USES)
    hub.state["labels"] += [{"name": "bot"}, {"name": "ticket"}]
    found = only(doctor.settings(), "missing")
    assert "labels that the workflows use are not there: two words" == found.text
    assert "gh label create 'two words'" == found.fix


def _contract(old: str, new: str) -> None:
    path = Path("data/contract.yaml")
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")


def test_a_shallow_clone_is_found(here, tmp_path, monkeypatch):
    """Without its history main's model cannot be looked for."""
    git("commit", "-q", "--allow-empty", "-m", "more")
    git("clone", "-q", "--depth", "1", f"file://{here}", str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    assert ("this clone is shallow", "git fetch --unshallow") == (lambda each: (each.text, each.fix))(
        only(doctor.local(), "missing")
    )


@pytest.mark.parametrize(
    ("breaks", "text"),
    [
        (lambda: git("remote", "remove", "upstream"), "no remote `upstream`: `make upgrade` has nowhere to look"),
        (lambda: _contract("time: applied_at\n", ""), "no time column: drift checks, guard and retrain are off"),
    ],
    ids=["no upstream", "no time"],
)
def test_a_thing_that_may_be_off_is_no_fault(here, breaks, text):
    """It is said, and does not count as missing."""
    breaks()
    found = list(doctor.local())
    assert text == only(found, "optional").text
    assert "missing" not in states(found)


def test_a_linter_that_ci_has_may_be_absent(here, monkeypatch):
    """With the command that brings it."""
    (here.parent / "bin/actionlint").unlink()
    monkeypatch.setenv("PATH", f"{here.parent / 'bin'}:/usr/bin:/bin")
    assert "make setup-actionlint" == only(doctor.local(), "optional").fix


def test_a_repository_in_order_holds_in_every_line(hub):
    """Settings, rules, workflows, Pages."""
    found = list(doctor.settings())
    assert ["ok"] * 7 == states(found)
    assert len(doctor.LOOKS) - 1 == len(hub.log)  # no workflow names a label


@pytest.mark.parametrize(
    ("state", "path", "answer", "text", "fix"),
    [
        ("missing", "", {"default_branch": "master", "has_issues": True}, "the default branch is master, the workflows watch main", "rename it to main"),
        ("advice", "", {"default_branch": "main", "has_issues": False}, "issues are off", "Features, Issues"),
        ("missing", "actions/permissions", {"enabled": False}, "Actions are off: nothing runs", "Allow all actions"),
        ("advice", "actions/permissions/workflow", {"can_approve_pull_request_reviews": False}, "Actions may not open pull requests", "Allow GitHub Actions to create and approve"),
        ("advice", "rules/branches/main", [], "main can be merged into without the check verdict", "gh api repos/acme/churn/rulesets --method POST --input .github/ruleset.json"),
        (
            "advice",
            "rules/branches/main",
            [{"type": "required_status_checks", "parameters": {"required_status_checks": [{"context": "tests"}]}}],
            "main can be merged into without the check verdict",
            ".github/ruleset.json",
        ),
        (
            "missing",
            "actions/workflows",
            {"workflows": [{"path": ".github/workflows/pull-request.yml", "state": "disabled_fork"}, {"path": ".github/workflows/reports.yml", "state": "active"}]},
            "off: comment.yml (not there), pull-request.yml (disabled_fork)",
            "gh workflow enable pull-request.yml; git push origin main, which brings comment.yml",
        ),
    ],
    ids=["branch", "issues", "Actions", "pull requests", "no rules", "another check", "workflows"],
)  # fmt: skip
def test_a_setting_that_is_missing_is_found(hub, state, path, answer, text, fix):
    """One line says what, and the click or command that mends it."""
    hub.state[path] = answer
    found = only(doctor.settings(), state)
    assert text in found.text
    assert fix in found.fix


def test_pages_may_be_off(hub):
    """Reports are published only where params.yaml asks for it."""
    hub.state["pages"] = None
    found = only(doctor.settings(), "optional")
    assert "Pages are off: reports.publish has nowhere to go" == found.text


@pytest.mark.parametrize(
    ("grant", "unseen"),
    [("administration", 2), ("actions", 1), ("pages", 1), ("metadata", 2)],
)
def test_what_the_token_may_not_see_is_no_fault(hub, grant, unseen):
    """The line names the permission, and where a person can look; all else is looked at."""
    del hub.tokens["ghp_all"][grant]
    found = list(doctor.settings())
    blind = [each for each in found if each.state == "unseen"]
    assert (unseen, 0) == (len(blind), states(found).count("missing"))
    assert all(f"{grant}=read" in each.text and "github.com/acme/churn/settings" in each.fix for each in blind)
    assert unseen == len(hub.refused)
    hub.refused.clear()


def test_a_token_that_is_not_valid_is_said(hub, monkeypatch):
    """By every line that needed one."""
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_old")
    found = list(doctor.settings())
    assert {"unseen"} == set(states(found))
    assert "GITHUB_TOKEN is not valid" in found[0].text
    hub.refused.clear()


def test_without_a_token_settings_are_not_looked_at(here, monkeypatch):
    """One line says how to be asked again; nothing is missing for it."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/churn")
    (found,) = doctor.settings()
    assert ("unseen", "the repository's settings: no token") == (found.state, found.text)
    assert "gh auth login" in found.fix
    assert 0 == doctor.run(None)


def test_an_origin_that_is_not_github_is_said(here, monkeypatch):
    """There is nobody to ask."""
    git("remote", "set-url", "origin", "../elsewhere")
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_all")
    (found,) = doctor.settings()
    assert ("unseen", "the repository's settings: origin is no repository of GitHub") == (found.state, found.text)


def test_where_github_does_not_answer_it_is_asked_once(here, monkeypatch):
    """The wait is not repeated for each setting."""
    monkeypatch.setattr("mlops.github.time.sleep", lambda seconds: None)
    for name, value in {
        "GITHUB_TOKEN": "ghp_all",
        "GITHUB_REPOSITORY": "acme/churn",
        "GITHUB_API_URL": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    (found,) = doctor.settings()
    assert "unseen" == found.state
    assert "No answer to GET" in found.text
