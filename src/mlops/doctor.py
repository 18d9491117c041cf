"""Verb `doctor`: is this copy set up? Run: mlops doctor (make doctor). It changes nothing.

What git alone knows is looked at always; repository settings where a token can read them (GITHUB_TOKEN, or `gh auth login`).
Each line that is not in order ends with the click or command that mends it.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlops import contract, dvc
from mlops.errors import CannotRun
from mlops.github import GitHub, GitHubError, from_environment
from mlops.lock import surroundings

SAMPLE = "loans"
NOBODY = "@OWNER"  # in the template's CODEOWNERS
MARKS = {"ok": "ok", "missing": "MISSING", "optional": "off", "unseen": "?"}
WORKFLOWS = ("pull-request.yml", "comment.yml", "reports.yml")


@dataclass(frozen=True)
class Finding:
    """One thing looked at. state: ok, missing (mend it), optional (off, and may stay so), unseen (no right to look)."""

    state: str
    text: str
    fix: str = ""


def run(args) -> int:
    """Print what was found; 0 where nothing is missing, else 1."""
    found = [*local(), *settings()]
    for each in found:
        print(f"{MARKS[each.state]:<8} {each.text}" + (f"\n         -> {each.fix}" if each.fix else ""))
    missing = sum(each.state == "missing" for each in found)
    print(f"doctor: {missing} missing" if missing else "doctor: nothing is missing")
    return int(missing > 0)


def local() -> Iterator[Finding]:
    """Yield what git and the files say."""
    yield from _history()
    yield from _table()
    owners = Path(".github/CODEOWNERS")
    named = owners.exists() and NOBODY not in owners.read_text(encoding="utf-8")
    fix = "put your team into .github/CODEOWNERS"
    yield _held(named, "CODEOWNERS names your people", f"CODEOWNERS still names {NOBODY}", fix)
    linter = shutil.which("actionlint", path=f".tools/bin{os.pathsep}{os.environ.get('PATH', '')}")
    yield _held(linter, "actionlint is here", "actionlint is not here: CI runs it", "make setup-actionlint", "optional")


def _history() -> Iterator[Finding]:
    origin, upstream = (dvc.git("remote", "get-url", name, check=False) for name in ("origin", "upstream"))
    fix = "git remote add origin https://github.com/OWNER/REPO"
    yield _held(origin, f"remote origin: {dvc.shown(origin or '')}", "no remote `origin`", fix)
    main = dvc.git("rev-parse", "--verify", "--quiet", "origin/main", check=False)
    fix = "git fetch origin main:refs/remotes/origin/main"
    yield _held(main, "origin/main is known here", "origin/main is not known here", fix)
    shallow = dvc.git("rev-parse", "--is-shallow-repository") == "true"
    yield _held(not shallow, "the whole history is here", "this clone is shallow", "git fetch --unshallow")
    none, fix = (
        "no remote `upstream`: `make upgrade` has nowhere to look",
        "git remote add upstream URL-OF-THE-TEMPLATE",
    )
    yield _held(upstream, f"remote upstream: {dvc.shown(upstream or '')}", none, fix, "optional")


def _table() -> Iterator[Finding]:
    try:
        table = contract.read()
    except CannotRun as error:
        yield Finding("missing", str(error).splitlines()[0], "correct data/contract.yaml")
        return
    own, fix = f"table '{table.table}', target '{table.target}'", "make adopt DATA=file.csv TARGET=column"
    yield _held(table.table != SAMPLE, own, "the table is still the sample", fix)
    if table.time is None:
        off = "no time column: drift checks, guard and retrain are off"
        yield Finding("optional", off, "docs/your-data.md, 'A current window'")


def _held(holds, yes: str, no: str, fix: str, otherwise: str = "missing") -> Finding:
    return Finding("ok", yes) if holds else Finding(otherwise, no, fix)


def settings() -> Iterator[Finding]:
    """Yield what GitHub says of the repository; one finding that says why where it cannot be asked."""
    given = surroundings()
    if not given["GITHUB_REPOSITORY"] or not given["GITHUB_TOKEN"]:
        why = "no token" if given["GITHUB_REPOSITORY"] else "origin is no repository of GitHub"
        yield Finding(
            "unseen",
            f"the repository's settings: {why}",
            "gh auth login, or export GITHUB_TOKEN=<a token that may read it>",
        )
        return
    hub = from_environment(given)
    page = f"https://github.com/{hub.repository}/settings"
    for what, look in LOOKS.items():
        try:
            yield from look(hub, page)
        except GitHubError as error:
            yield Finding("unseen", f"{what}: {error}", f"look at {page}")
            if not error.status:  # no answer: the next question would wait as long
                return


def _repository(hub: GitHub, page: str) -> Iterator[Finding]:
    found = hub.get(f"/repos/{hub.repository}")
    branch = found["default_branch"]
    yield _held(
        branch == "main",
        "the default branch is main",
        f"the default branch is {branch}, the workflows watch main",
        f"{page}/branches: rename it to main",
    )
    yield _held(
        found["has_issues"],
        "issues are on, for tickets",
        "issues are off: tickets have nowhere to go",
        f"{page}: Features, Issues",
    )


def _actions(hub: GitHub, page: str) -> Iterator[Finding]:
    on = hub.get("actions/permissions")["enabled"]
    yield _held(on, "Actions are on", "Actions are off: nothing runs", f"{page}/actions: Allow all actions")


def _may_open(hub: GitHub, page: str) -> Iterator[Finding]:
    may = hub.get("actions/permissions/workflow")["can_approve_pull_request_reviews"]
    fix = f"{page}/actions: Allow GitHub Actions to create and approve pull requests"
    yield _held(
        may, "Actions may open pull requests", "Actions may not open pull requests: bots push a branch and link it", fix
    )


def _ruleset(hub: GitHub, page: str) -> Iterator[Finding]:
    rules = [rule for rule in hub.pages("rules/branches/main") if rule["type"] == "required_status_checks"]
    names = {check["context"] for rule in rules for check in rule["parameters"]["required_status_checks"]}
    fix = f"gh api repos/{hub.repository}/rulesets --method POST --input .github/ruleset.json"
    yield _held(
        "verdict" in names, "main requires the check verdict", "main can be merged into without the check verdict", fix
    )


def _workflows(hub: GitHub, page: str) -> Iterator[Finding]:
    states = {Path(flow["path"]).name: flow["state"] for flow in hub.pages("actions/workflows", key="workflows")}
    off = {name: states.get(name, "not there") for name in WORKFLOWS if states.get(name) != "active"}
    fix = "; ".join(f"gh workflow enable {name}" for name in off)
    shown = ", ".join(f"{name} ({state})" for name, state in off.items())
    yield _held(not off, "every workflow is on", f"off: {shown}", fix)


def _pages(hub: GitHub, page: str) -> Iterator[Finding]:
    try:
        hub.get("pages")
        yield Finding("ok", "Pages are on")
    except GitHubError as error:
        if error.status != 404:
            raise
        yield Finding(
            "optional", "Pages are off: reports.publish has nowhere to go", f"{page}/pages: Source, GitHub Actions"
        )


LOOKS = {
    "default branch and issues": _repository,
    "whether Actions are on": _actions,
    "whether Actions may open pull requests": _may_open,
    "the rules of main": _ruleset,
    "the workflows": _workflows,
    "Pages": _pages,
}
