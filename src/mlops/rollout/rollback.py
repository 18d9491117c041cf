"""Verb `rollback`: take a challenger back, or after `full` the champion that it has become. Run: mlops rollback --env prod --why REASON [--propose].

A computed edit, never one step down; what is lost is rejected for ever, and kept so in the overlay. Without --propose the file here
is edited, and nothing else.
"""

import os
from pathlib import Path

from mlops import github
from mlops.delivery import overlay, proposal, pull_request, registry
from mlops.delivery.overlay import Image
from mlops.errors import CannotRun
from mlops.github import GitHub
from mlops.protected import CODEOWNERS, NOBODY
from mlops.rollout import evidence, history, step

WAIT = 480  # seconds for the checks of a rollback, before it is left to a person


class Moved(CannotRun):
    """What should be given up is not there any more."""


def add_arguments(parser) -> None:
    """Add what is rolled back, and why."""
    parser.add_argument("--env", required=True, dest="environment")
    parser.add_argument("--why", required=True, metavar="REASON", help="what you saw; kept in git")
    parser.add_argument("--digest", default="", help="what is given up, and nothing else; needed where no step is open")
    parser.add_argument("--alarm", action="store_true", help="a machine asks: what a person has closed stays closed")
    parser.add_argument(
        "--propose", action="store_true", help="keep a pull request, in the place of editing the file here"
    )


def run(args) -> int:
    """Edit the overlay, or propose its edit, and merge it where one may."""
    if not args.why.strip():
        raise CannotRun("--why is empty: say what you saw, it is kept in git")
    if args.propose:
        return _proposed(args.environment, args.why, args.digest, args.alarm)
    commit, name = evidence.main_commit(), overlay.file(args.environment)
    if Path(name).read_bytes().decode() != overlay.at(commit, name):
        raise CannotRun(f"{name} here is not main's: `git checkout {commit[:12]} -- {name}` first")
    text, lost = back(args.environment, commit, args.why, args.digest)
    Path(name).write_bytes(text.encode())
    print(
        f"rollback: {lost.digest} is rejected, {name} is stable: `git diff {name}`, then commit it to a branch of main"
    )
    return 0


def back(environment: str, commit: str, why: str, digest: str = "") -> tuple[str, Image]:
    """Return (the overlay of `commit` without its newest image, that image).

    Raises CannotRun where that is not `digest`, or no step is open and nobody says which champion is meant (a second rollback would
    take the one that has just been put back), or none before it is left that the registry still has.
    """
    name = overlay.file(environment)
    text = overlay.at(commit, name)
    trying = step.challenger(text, name)
    lost, rejected = trying or overlay.images(text, name)["champion"], step.rejected(text, name)
    if not lost.released:
        raise CannotRun(f"{environment} serves nothing yet: there is nothing to take back")
    if digest not in ("", lost.digest):
        raise Moved(f"{environment} has moved on from {digest[7:19]} to {lost.digest[7:19]}: nothing is taken back")
    if trying is not None:
        return step.rolled_back(text, name, why), trying
    if not digest:
        raise CannotRun(f"{environment} has no step open: to give its champion up, name it: DIGEST={lost.digest}")
    before = next((each for each in history.champions(environment, commit) if each.digest not in rejected), None)
    if before is None:
        raise CannotRun(f"{environment} has had no champion before {lost.digest[7:19]}: there is nothing to go back to")
    return step.restored(text, name, before, f"{why}{_pulls(before)}"), lost


def _pulls(image: Image) -> str:
    """Return what is to be said of it; raises CannotRun where the registry says that it is gone. No answer holds up no rollback."""
    try:
        with registry.login(image.repository):
            found = registry.find(image.repository, image.digest)
    except CannotRun as error:
        print(f"rollback: {error}")
        return f"; whether {image.digest[7:19]} still pulls is not known, as its registry gave no answer"
    if found is None:
        raise CannotRun(
            f"{image} is not in the registry any more, so no pod could start with it: bring it back, or promote another image"
        )
    return ""


def _proposed(environment: str, why: str, digest: str, alarm: bool) -> int:
    hub = github.from_environment()
    main = proposal.fetched(hub)
    try:
        text, lost = _kept(hub, environment, main, why, digest, alarm)
    except Moved as reason:
        if not alarm:
            raise
        github.report(f"rollback: {reason}")  # it came late
        return 0
    app = bool(os.environ.get("APP"))
    wanted = proposed(hub, environment, main, text, lost)
    said = proposal.propose(hub, wanted, main, app=app, asked=not alarm)  # an alarm takes a no for a no
    github.report(f"rollback: {said}")
    _give_way(hub, environment, said)
    if app and said.head:
        github.report(f"rollback: {pull_request.finish(hub, wanted.branch, said.head, WAIT)}")
    return 0


def _kept(hub: GitHub, environment: str, main: str, why: str, digest: str, alarm: bool) -> tuple[str, Image]:
    """Return what `back` does; to an alarm with the reason of the proposal that is open, as its checks may be under way."""
    name = overlay.file(environment)
    text, lost = back(environment, main, why, digest)
    known = proposal.pushed(hub, branch(environment), name) if alarm else ""
    try:
        same = known and lost.digest in step.rejected(known, name)
    except CannotRun:
        same = False
    return (step.said(text, name, step.evidence(known, name)) if same else text), lost


def proposed(hub: GitHub, environment: str, main: str, text: str, lost: Image) -> proposal.Proposal:
    """Return the pull request that rolls an environment back."""
    name = overlay.file(environment)
    why = step.evidence(text, name)
    body = (
        f"{environment} would give up `{lost}` (model `{lost.model}`) and be stable again.\n\n{why}\n\n"
        f"Merging is the rollback; the digest is rejected for ever. Please look: {_owners(hub, main)}\n"
    )
    title = f"Roll {environment} back from {step.current(overlay.at(main, name), name)}: {lost.digest[7:19]}"
    return proposal.Proposal(branch(environment), title, body, {name: text})


def branch(environment: str) -> str:
    """Return the branch that rolls an environment back."""
    return f"rollback/{environment}"


def _give_way(hub: GitHub, environment: str, said: str) -> None:
    """Close the bot's promotion of the same environment where a rollback is open: of a rollback that a person has declined it stays."""
    pull = pull_request.find(hub, f"promote/{environment}")
    if pull is not None and pull_request.find(hub, branch(environment)) is not None:
        pull_request.retire(hub, pull, f"Closed by the bot: {environment} is rolled back. {said}")
        github.report(f"rollback: #{pull['number']}, which would promote {environment}, is closed")


def _owners(hub: GitHub, main: str) -> str:
    """Return a mention of those who own manifests/, as CODEOWNERS says; of the repository's owner where it says nobody."""
    lines = proposal.read(main, CODEOWNERS).splitlines()
    rules = [words for line in lines if (words := line.partition("#")[0].split())]
    fitting = [words[1:] for words in rules if words[0] == "*" or words[0].strip("/").startswith("manifests")]
    names = [each for each in (fitting[-1] if fitting else []) if each != NOBODY]
    return " ".join(names) or f"@{hub.repository.partition('/')[0]}"
