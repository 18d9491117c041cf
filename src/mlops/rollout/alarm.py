"""Verb `alarm`: an issue about a challenger that was rolled back, with the figures. Run: mlops alarm --env prod --digest D --why REASON.

One a digest and environment, for a person to close: why the model did that is not found out by a machine.
"""

from mlops import github
from mlops.github import GitHub, GitHubError
from mlops.ticket import GONE, MARK, find

ABOUT = "{} {}"  # environment and digest


def add_arguments(parser) -> None:
    """Add what it is about."""
    parser.add_argument("--env", required=True, dest="environment")
    parser.add_argument("--digest", required=True)
    parser.add_argument("--why", required=True)


def run(args) -> int:
    """Open it, where it is not there yet; 0 also where Issues are off, which is said."""
    try:
        github.report(opened(github.from_environment(), args.environment, args.digest, args.why))
    except GitHubError as error:
        if error.status != GONE:
            raise
        github.report(f"alarm: {args.environment}: {args.why}; no issue is kept, because Issues are off")
    return 0


def opened(hub: GitHub, environment: str, digest: str, why: str) -> str:
    """Open the issue, once, and return a sentence that says which."""
    about = ABOUT.format(environment, digest)
    known = find(hub, about, "all")
    if known is not None:
        return f"alarm: #{known['number']} is about it already"
    title = f"{environment}: challenger {digest[7:19]} is rolled back"
    text = (
        f"{MARK.format(about)}\n{why}\n\nTwo pull requests follow: `rollback/{environment}` moves the environment, `revert/...` takes the "
        f"model off main. What to look at: docs/runbook.md, `make evidence ENV={environment}`, `make trace WHAT={digest}`.\n"
    )
    return f"alarm: #{hub.post('issues', {'title': title, 'body': text})['number']} is opened"
