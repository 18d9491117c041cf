"""Verb `withdraw`: close the pull request of a retrain that has no reason any more. Run: mlops withdraw --by settled --why REASON."""

from mlops import github
from mlops.delivery import proposal, pull_request
from mlops.github import GitHub
from mlops.retrain.made import ASKED, BRANCH

REASONLESS, SETTLED = "reasonless", "settled"  # drift is quiet or the challenger not better; main has those months


def add_arguments(parser) -> None:
    """Add the reason."""
    parser.add_argument("--by", required=True, choices=(REASONLESS, SETTLED), help="the output `withdraw` of `retrain`")
    parser.add_argument("--why", required=True, metavar="TEXT", help="the output `why`, said in the pull request")


def run(args) -> int:
    """Close it where it is the bot's alone, and no person wants it."""
    github.report(f"withdraw: {withdrawn(github.from_environment(), args.by, args.why)}")
    return 0


def withdrawn(hub: GitHub, by: str, why: str) -> str:
    """Return a sentence that says what was done."""
    pull = pull_request.find(hub, BRANCH)
    if pull is None:
        return "nothing is proposed"
    name = f"#{pull['number']}"
    if by != SETTLED and ASKED in (pull["body"] or ""):
        return f"{name} was asked for by a person, and stays"
    if pull["title"].startswith(pull_request.OUTDATED):
        return f"{name} was reopened by a person, and stays"
    return proposal.withdrawn(hub, pull, why) or f"{name} has a commit of a person's, and stays"
