"""Verb `ticket`: one issue a workflow, opened where its jobs failed, closed where they are green again. Run: NEEDS='${{ toJSON(needs) }}' mlops ticket --about release.

What it says is made anew each time; a comment is written only where other jobs failed than before; a chat (ALERT_WEBHOOK) hears the same again after four hours at the earliest. It is about main as it is now:
a run of another commit leaves it alone.
"""

import os

from mlops import github, needs, webhook
from mlops.github import GitHub, GitHubError

MARK = "<!-- mlops ticket: {} -->"
GOOD = ("success", "skipped")
GONE = 410  # GitHub's answer where Issues are switched off


def add_arguments(parser) -> None:
    """Add what the ticket is about."""
    parser.add_argument("--about", required=True, help="the workflow's name: it has one ticket")
    parser.add_argument("--hint", default="", help="what may be done, in a sentence")


def run(args) -> int:
    """Open, change or close the ticket; 0 whatever the jobs did, since they say so themselves."""
    failed = [job for job, result in needs.read(os.environ.get("NEEDS", "")).items() if result not in GOOD]
    try:
        github.report(told(github.from_environment(), args.about, failed, args.hint))
    except GitHubError as error:
        if error.status != GONE:
            raise
        state = f"{', '.join(failed)} failed" if failed else "nothing failed"
        heard = webhook.send(f"{args.about}: {state}") if failed else ""
        said = f"ticket: {state}; no issue is kept, because Issues are off in this repository's settings"
        github.report(f"{said}; {heard}" if heard else said)
    return 0


def told(hub: GitHub, about: str, failed: list[str], hint: str = "") -> str:
    """Bring the ticket in line with the jobs that failed; return a sentence that says what was done."""
    ticket = find(hub, about)
    if not failed and ticket is None:
        return f"ticket: none is open, and {about} is green"
    main, this = head(hub), os.environ.get("GITHUB_SHA", "")
    if main != this:  # an older run, or one that main has overtaken: it says nothing of main
        state = f"{', '.join(failed)} failed" if failed else f"{about} is green"
        stays = f"ticket #{ticket['number']} stays as it is" if ticket else "no ticket is opened"
        return f"ticket: {state} at {this[:8]}, but main is at {main[:8]}: {stays}"
    link = f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{hub.repository}/actions/runs/{os.environ.get('GITHUB_RUN_ID', '')}"
    return opened(hub, ticket, about, ", ".join(failed), link, hint) if failed else closed(hub, ticket, link)


def head(hub: GitHub) -> str:
    """Return the commit that main is at now."""
    return hub.get("git/ref/heads/main")["object"]["sha"]


def opened(hub: GitHub, ticket: dict | None, about: str, jobs: str, link: str, hint: str) -> str:
    """Open a ticket, or say in the one that is open what failed now."""
    before = (ticket["body"] or "") if ticket else ""
    stamp, heard = webhook.told(f"{about} failed: {jobs}", before, link)
    said = f"{jobs} failed; {heard}" if heard else f"{jobs} failed"
    text = f"{MARK.format(about)}{stamp}\nFailed: **{jobs}** in {link}\n\n{hint}\n\nIt closes by itself when {about} is green again.\n"
    if ticket is None:
        number, _ = make(hub, about, f"{about} failed", text)
        return f"ticket #{number}: {said}"
    if f"Failed: **{jobs}**" not in before:
        hub.post(f"issues/{ticket['number']}/comments", {"body": f"Now failed: {jobs}, in {link}"})
    hub.patch(f"issues/{ticket['number']}", {"body": text})
    return f"ticket #{ticket['number']}: {said}"


def closed(hub: GitHub, ticket: dict, link: str) -> str:
    """Close a ticket, with the run that was green."""
    hub.post(f"issues/{ticket['number']}/comments", {"body": f"Green again: {link}"})
    hub.patch(f"issues/{ticket['number']}", {"state": "closed"})
    return f"ticket #{ticket['number']} is closed: all jobs are green again"


def make(hub: GitHub, about: str, title: str, text: str, state: str = "open") -> tuple[int, bool]:
    """Open a ticket; return the number of the one that stays, and whether it is this one: where two runs open one at once, the younger gives way.

    state: which ones count, as in `find`.
    """
    made = hub.post("issues", {"title": title, "body": text})
    first = find(hub, about, state)
    if first is None or first["number"] >= made["number"]:  # None: GitHub's list may be a second behind
        return made["number"], True
    hub.patch(f"issues/{made['number']}", {"state": "closed", "title": f"The same as #{first['number']}: {title}"})
    return first["number"], False


def find(hub: GitHub, about: str, state: str = "open") -> dict | None:
    """Return the oldest ticket about something that a bot has opened; people may quote its mark. state: open, or all."""
    issues = hub.pages("issues", state=state, creator="github-actions[bot]", sort="created", direction="asc")
    mark = MARK.format(about)
    return next((each for each in issues if (each["body"] or "").startswith(mark) and "pull_request" not in each), None)
