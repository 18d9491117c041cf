"""Verb `withdraw`: close the pull request of a retrain that has no reason any more. Run: mlops withdraw --why REASON."""

from mlops import github
from mlops.delivery import proposal
from mlops.retrain.made import BRANCH


def add_arguments(parser) -> None:
    """Add the reason."""
    parser.add_argument(
        "--why", required=True, metavar="TEXT", help="the output of `retrain`, said in the pull request"
    )


def run(args) -> int:
    """Close it where it is the bot's alone; what a person has committed to is theirs."""
    hub = github.from_environment()
    github.report(f"withdraw: {proposal.withdrawn(hub, BRANCH, args.why) or 'nothing is proposed'}")
    return 0
