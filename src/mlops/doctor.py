"""Verb `doctor`: is this copy set up? Run: mlops doctor (make doctor). It changes nothing.

What git alone knows is looked at always; repository settings where a token can read them (GITHUB_TOKEN, or `gh auth login`).
Each line that is not in order ends with the click or command that mends it. Exit 1 where something is MISSING without which no
pull request is judged: a repository on GitHub whose main and history are known here, a contract that can be read, Actions and
the workflows switched on, the default branch that they watch, the labels that they use. All else is ADVICE or off, and exit 0.
"""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import yaml

from mlops import contract, dvc
from mlops.errors import CannotRun
from mlops.github import GitHub, GitHubError, from_environment
from mlops.lock import surroundings
from mlops.protected import CODEOWNERS, NOBODY

SAMPLE = "loans"
MARKS = {"ok": "ok", "missing": "MISSING", "advice": "ADVICE", "optional": "off", "unseen": "?"}
WORKFLOWS = ".github/workflows"
OFF = (
    "GitHub switches schedules off in a fork until they are enabled there, and after 60 days in which nothing happened"
)
NEW = (
    "git remote add origin https://github.com/OWNER/REPO && git push -u origin main, "
    "or, where GitHub has none yet, gh repo create OWNER/REPO --private --source=. --push"
)
TOKENLESS = (
    "the repository's settings: no token",
    "gh auth login, or export GITHUB_TOKEN=<a token that may read it>",
)
LABELS = (  # how a workflow names labels: of an event, in a command, through the API
    r"label\.name\s*==\s*'([^']+)'",
    r"labels\.\*\.name\s*,\s*'([^']+)'",
    r"""--(?:add-|remove-)?label[= ]+"([^"$=]+)\"""",
    r"--(?:add-|remove-)?label[= ]+'([^'$=]+)'",
    r"--(?:add-|remove-)?label[= ]+([\w:./,-]+)(?![\w:./=,-])",
    r"labels\[\]=([\w:./-]+)",
)


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    state: ok, missing (the copy does not work), advice (it works, better so), optional (off, and may stay so), unseen (no right
    to look).
    """

    state: str
    text: str
    fix: str = ""


def run(args) -> int:
    """Print what was found; 0 where nothing is missing, whatever else may be advised, else 1."""
    found = [*local(), *settings()]
    for each in found:
        print(f"{MARKS[each.state]:<8} {each.text}" + (f"\n         -> {each.fix}" if each.fix else ""))
    missing, advised, unseen = (sum(each.state == state for each in found) for state in ("missing", "advice", "unseen"))
    more = (f", {advised} advised" if advised else "") + (f", {unseen} not looked at" if unseen else "")
    print(f"doctor: {missing or 'nothing is'} missing{more}")
    return int(missing > 0)


def local() -> Iterator[Finding]:
    """Yield what git and the files say."""
    yield from _history()
    yield from _table()
    owners = Path(CODEOWNERS)
    named = owners.exists() and NOBODY not in owners.read_text(encoding="utf-8")
    fix = f"put your team into {CODEOWNERS}"
    no = (
        f"CODEOWNERS still names {NOBODY}"
        if owners.exists()
        else f"there is no {CODEOWNERS}: nobody is asked to review"
    )
    yield _held(named, "CODEOWNERS names your people", no, fix, "advice")
    linter = shutil.which("actionlint", path=f".tools/bin{os.pathsep}{os.environ.get('PATH', '')}")
    yield _held(linter, "actionlint is here", "actionlint is not here: CI runs it", "make setup-actionlint", "optional")


def _history() -> Iterator[Finding]:
    origin, upstream = (dvc.git("remote", "get-url", name, check=False) for name in ("origin", "upstream"))
    yield _held(
        origin, f"remote origin: {dvc.shown(origin or '')}", "no remote `origin`: there are no pull requests", NEW
    )
    if origin:
        yield from _main()
    shallow = dvc.git("rev-parse", "--is-shallow-repository") == "true"
    yield _held(not shallow, "the whole history is here", "this clone is shallow", "git fetch --unshallow")
    none, fix = (
        "no remote `upstream`: `make upgrade` has nowhere to look",
        "git remote add upstream URL-OF-THE-TEMPLATE",
    )
    yield _held(upstream, f"remote upstream: {dvc.shown(upstream or '')}", none, fix, "optional")


def _main() -> Iterator[Finding]:
    known = dvc.git("rev-parse", "--verify", "--quiet", "origin/main", check=False)
    fix = "git fetch origin main:refs/remotes/origin/main, or, where GitHub has none yet, git push -u origin main"
    yield _held(known, "origin/main is known here", "origin/main is not known here", fix)
    ahead = int(dvc.git("rev-list", "--count", "origin/main..main", "--", check=False) or 0) if known else 0
    if ahead:
        text = f"main is {ahead} commit{'s' * (ahead > 1)} ahead of origin/main"
        yield Finding("advice", text, "push main, so that pull requests are compared with it: git push origin main")


def _table() -> Iterator[Finding]:
    try:
        table = contract.read()
    except CannotRun as error:
        yield Finding("missing", str(error).splitlines()[0], "correct data/contract.yaml")
        return
    own, fix = f"table '{table.table}', target '{table.target}'", "make adopt DATA=file.csv TARGET=column"
    yield _held(table.table != SAMPLE, own, "the table is still the sample", fix, "advice")
    if table.time is None:
        off = "no time column: drift checks, guard and retrain are off"
        yield Finding("optional", off, "docs/your-data.md, 'A current window'")


def _held(holds, yes: str, no: str, fix: str, otherwise: str = "missing") -> Finding:
    return Finding("ok", yes) if holds else Finding(otherwise, no, fix)


def settings() -> Iterator[Finding]:
    """Yield what GitHub says of the repository; one finding that says why where it cannot be asked."""
    given = surroundings()
    if not given["GITHUB_REPOSITORY"] or not given["GITHUB_TOKEN"]:
        yield Finding("unseen", *(_nowhere() if not given["GITHUB_REPOSITORY"] else TOKENLESS))
        for name in _scheduled():
            yield Finding("unseen", f"whether {name} runs by its schedule: {OFF}", _enable(name))
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


def _nowhere() -> tuple[str, str]:
    """Return why there is no repository to ask about, and what mends it."""
    if not dvc.git("remote", "get-url", "origin", check=False):
        return (
            "the repository's settings: there is no remote `origin`",
            "git remote add origin, or gh repo create: see above",
        )
    fix = "git remote set-url origin https://github.com/OWNER/REPO, if there is one"
    return "the repository's settings: origin is no repository of GitHub", fix


def _flows() -> dict[str, str]:
    """Return {file name: text} of the workflows."""
    files = sorted(path for path in Path(WORKFLOWS).glob("*.y*ml") if path.is_file())
    return {path.name: path.read_text(encoding="utf-8") for path in files}


def _scheduled() -> list[str]:
    """Return the workflows that run on a schedule; `on` is what YAML 1.1 calls true."""
    return [name for name, text in _flows().items() if "schedule" in _triggers(text)]


def _triggers(text: str):
    flow = _parsed(text)
    return flow.get(True) or flow.get("on") or ()


def _parsed(text: str) -> dict:
    try:
        flow = yaml.safe_load(text)
    except yaml.YAMLError:  # `make lint` says it
        return {}
    return flow if isinstance(flow, dict) else {}


def _labels() -> list[str]:
    """Return the labels that the workflows name: in what they run and ask, and as inputs of actions."""
    found = []
    for text in _flows().values():
        found += [name for pattern in LABELS for name in re.findall(pattern, text)]
        found += [value for value in _inputs(_parsed(text), "labels") if "=" not in value and "${{" not in value]
    return sorted({name.strip() for each in found for name in re.split("[,\n]", each)} - {""})


def _inputs(node, key: str) -> Iterator[str]:
    """Yield the texts of `key` under every `with` of a workflow."""
    for name, value in node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else ()):
        if name == "with" and isinstance(value, dict) and isinstance(value.get(key), str):
            yield value[key]
        yield from _inputs(value, key)


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
        "advice",
    )


def _actions(hub: GitHub, page: str) -> Iterator[Finding]:
    on = hub.get("actions/permissions")["enabled"]
    yield _held(on, "Actions are on", "Actions are off: nothing runs", f"{page}/actions: Allow all actions")


def _may_open(hub: GitHub, page: str) -> Iterator[Finding]:
    may = hub.get("actions/permissions/workflow")["can_approve_pull_request_reviews"]
    fix = f"{page}/actions: Allow GitHub Actions to create and approve pull requests"
    no = "Actions may not open pull requests: bots push a branch and link it"
    yield _held(may, "Actions may open pull requests", no, fix, "advice")


def _ruleset(hub: GitHub, page: str) -> Iterator[Finding]:
    rules = [rule for rule in hub.pages("rules/branches/main") if rule["type"] == "required_status_checks"]
    names = {check["context"] for rule in rules for check in rule["parameters"]["required_status_checks"]}
    fix = f"gh api repos/{hub.repository}/rulesets --method POST --input .github/ruleset.json"
    no = "main can be merged into without the check verdict"
    yield _held("verdict" in names, "main requires the check verdict", no, fix, "advice")


def _workflows(hub: GitHub, page: str) -> Iterator[Finding]:
    states = {Path(flow["path"]).name: flow["state"] for flow in hub.pages("actions/workflows", key="workflows")}
    off = {name: states.get(name, "not there") for name in _flows() if states.get(name) != "active"}
    shown = ", ".join(f"{name} ({state})" for name, state in off.items())
    unknown = [name for name in off if name not in states]
    fixes = [_enable(name) for name in off if name in states]
    fixes += [f"git push origin main, which brings {', '.join(unknown)}"] if unknown else []
    yield _held(not off, "every workflow is on", f"off: {shown}", "; ".join(fixes))
    for name in _scheduled():
        if name not in off:
            yield Finding("ok", f"{name} runs by its schedule; {OFF}")
        elif name in states:
            yield Finding("missing", f"{name} does not run by its schedule: {OFF}", _enable(name))


def _enable(name: str) -> str:
    return f"gh workflow enable {name}"


def _names_of_labels(hub: GitHub, page: str) -> Iterator[Finding]:
    used = _labels()
    if not used:
        return
    there = {label["name"].lower() for label in hub.pages("labels")}
    absent = [name for name in used if name.lower() not in there]
    fix = "; ".join(f"gh label create {quote(name)}" for name in absent)
    no = f"labels that the workflows use are not there: {', '.join(absent)}"
    yield _held(not absent, f"the labels that the workflows use are there: {', '.join(used)}", no, fix)


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
    "the labels": _names_of_labels,
    "Pages": _pages,
}
