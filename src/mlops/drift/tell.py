"""Verb `tell`: the day in one line, one rolling ticket and a chat, of what `drift` and `retrain` found. Run: mlops tell --answer retrain.

The ticket is opened where something is to be done, says what is so today, and is closed where all is quiet again. The chat hears the same line at
most every four hours, and another one at once. It is one ticket for ever: opened again, not beside the last one.
"""

import os
import re
from pathlib import Path

from mlops import github, webhook
from mlops.delivery import pull_request
from mlops.drift.decision import MEND, QUIET, RETRAIN, TOO_FEW
from mlops.drift.kept import PAST
from mlops.github import GitHub, GitHubError
from mlops.paths import DRIFT_REPORT, RETRAIN_REPORT
from mlops.retrain.made import BRANCH
from mlops.ticket import GONE, MARK, find

ABOUT = "the rows that come"
LINE = re.compile(r"^\*\*(\[.*)\*\*$", re.MULTILINE)
LONGEST = 60_000  # characters of an issue: GitHub takes 65,536
TITLES = {MEND: "The rows that come are at fault", RETRAIN: "The rows that come have changed"}
LINES = {
    MEND: "[NO TRAIN, the rows are at fault]",
    QUIET: "[OK] [NO TRAIN, no drift]",
    PAST: "[OK] [NO TRAIN, a later day was looked at already]",
    TOO_FEW: "[OK] [NO TRAIN, too few rows]",
}


def add_arguments(parser) -> None:
    """Add what was found."""
    parser.add_argument("--answer", required=True, choices=[RETRAIN, *LINES], help="the output of `retrain`")
    parser.add_argument("--why", default="", metavar="TEXT", help="why no retrain is proposed, where there is none")


def run(args) -> int:
    """Say it everywhere; 0 also where Issues are off, which is said."""
    hub = github.from_environment()
    pull = pull_request.find(hub, BRANCH)
    said = line(args.answer, pull, args.why)
    github.report(said)
    if not os.environ.get("ALERT_WEBHOOK"):
        github.report("webhook: not configured (ALERT_WEBHOOK)")
    try:
        github.report(told(hub, args.answer, said))
    except GitHubError as error:
        if error.status != GONE:
            raise
        heard = webhook.send(said) if args.answer in TITLES else ""
        github.report(f"tell: no issue is kept, because Issues are off in this repository's settings{_and(heard)}")
    return 0


def line(answer: str, pull: dict | None, why: str) -> str:
    """Return the day in one line; pull: the open pull request of a retrain; why: why there is none today, or what `propose` said of it."""
    number = f"#{pull['number']}" if pull else ""
    if answer == RETRAIN:
        more = "" if pull and why.startswith(number) else why
        return f"{f'[RETRAIN {number}]' if pull else '[NO RETRAIN, drift]'} {more}".strip()
    return LINES[answer] + (f", {number} is open" if pull else "")


def kind(said: str) -> str:
    """Return a line without its figures, months and commits: the same line with others is no news."""
    return re.sub(r"(?<![#\w])[+-]?\b\w*\d[\w.]*", "", said)


def told(hub: GitHub, answer: str, said: str) -> str:
    """Bring the ticket in line with the answer, and tell the chat where it is time; return a sentence that says what was done."""
    ticket = find(hub, ABOUT, "all")
    if answer in TITLES:
        return opened(hub, ticket, TITLES[answer], said)
    if ticket is None or ticket["state"] == "closed":
        if ticket and answer == QUIET:  # by that it is opened again when rows drift again
            hub.patch(f"issues/{ticket['number']}", {"body": body(said, "")})
        return "tell: no ticket is open, and none is needed"
    return closed(hub, ticket, said) if answer == QUIET else f"tell: #{ticket['number']} stays as it is"


def opened(hub: GitHub, ticket: dict | None, title: str, said: str) -> str:
    """Open the ticket, or say in it what is so today; what a person has closed stays closed until the line is another one."""
    before = (ticket["body"] or "") if ticket else ""
    line_ = LINE.search(before)
    same = bool(line_) and kind(line_[1]) == kind(said)
    if ticket and same and ticket["state"] == "closed":
        return f"tell: #{ticket['number']} says the same, and a person has closed it"
    stamp, heard = webhook.told(said, before, _link(), kind(said))
    new = {"title": title, "body": body(said, stamp)}
    if ticket is None:
        return f"tell: #{hub.post('issues', new)['number']} is opened{_and(heard)}"
    if not same:
        hub.post(f"issues/{ticket['number']}/comments", {"body": said})
    hub.patch(f"issues/{ticket['number']}", new | {"state": "open"})
    return f"tell: #{ticket['number']} says what is so today{_and(heard)}"


def body(said: str, stamp: str) -> str:
    """Return the ticket's text: the line, and both reports."""
    head = f"{MARK.format(ABOUT)}{stamp}\n**{said}**\n\n{_link()}"
    reports = [Path(path).read_text(encoding="utf-8") for path in (RETRAIN_REPORT, DRIFT_REPORT) if Path(path).exists()]
    return "\n\n".join([head, *reports])[:LONGEST]


def closed(hub: GitHub, ticket: dict, said: str) -> str:
    """Close it, with the line: by that it is opened again when rows drift again."""
    hub.post(f"issues/{ticket['number']}/comments", {"body": said})
    hub.patch(f"issues/{ticket['number']}", {"body": body(said, ""), "state": "closed"})
    return f"tell: #{ticket['number']} is closed{_and(webhook.send(f'{said} {_link()}'))}"


def _link() -> str:
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    return "{}/{}/actions/runs/{}".format(*(os.environ.get(name, "") for name in names))


def _and(heard: str) -> str:
    return f"; {heard}" if heard else ""
