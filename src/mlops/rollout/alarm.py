"""Verb `alarm`: an issue about a challenger that was rolled back, with the figures. Run: mlops alarm --breaches JSON, as `guard` says it.

One a digest, environment and step, for a person to close: why the model did that is not found out by a machine.
"""

import json

from mlops import github, webhook
from mlops.github import GitHub, GitHubError
from mlops.ticket import GONE, MARK, find, make

ABOUT = "{} {} {}"  # environment, step and digest


def add_arguments(parser) -> None:
    """Add what they are about."""
    parser.add_argument("--breaches", required=True, help="the output of `guard`")


def run(args) -> int:
    """Open those that are not there yet; 0 also where Issues are off, which is said."""
    hub = github.from_environment()
    for each in json.loads(args.breaches):
        try:
            github.report(opened(hub, **{name: each[name] for name in ("environment", "step", "digest", "why")}))
        except GitHubError as error:
            if error.status != GONE:
                raise
            said = f"{each['environment']}: {each['why']}"
            heard = webhook.send(said)
            github.report(f"alarm: {said}; no issue is kept, because Issues are off{f'; {heard}' if heard else ''}")
    return 0


def opened(hub: GitHub, environment: str, step: str, digest: str, why: str) -> str:
    """Open the issue, once, and return a sentence that says which."""
    about = ABOUT.format(environment, step, digest)
    known = find(hub, about, "all")
    if known is not None:
        return f"alarm: #{known['number']} is about it already"
    title = f"{environment}: challenger {digest[7:19]} is rolled back from {step}"
    text = (
        f"{MARK.format(about)}\n{why}\n\nTwo pull requests follow: `rollback/{environment}` moves the environment, `revert/...` takes the "
        f"model off main. What to look at: docs/runbook.md, `make evidence ENV={environment}`, `make trace WHAT={digest}`.\n"
    )
    number, mine = make(hub, about, title, text, "all")
    if not mine:  # the other run tells the chat
        return f"alarm: #{number} is about it already"
    heard = webhook.send(f"{title}: {why}")
    return f"alarm: #{number} is opened{f'; {heard}' if heard else ''}"
