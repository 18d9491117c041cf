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
from mlops.rollout import evidence, history, step

CODEOWNERS = ".github/CODEOWNERS"
WAIT = 480  # seconds for the checks of a rollback, before it is left to a person


def add_arguments(parser) -> None:
    """Add what is rolled back, and why."""
    parser.add_argument("--env", required=True, dest="environment")
    parser.add_argument("--why", required=True, metavar="REASON", help="what you saw; kept in git")
    parser.add_argument(
        "--digest", default="", help="only where this is what would be rejected: an alarm may come late"
    )
    parser.add_argument(
        "--propose", action="store_true", help="keep a pull request, in the place of editing the file here"
    )


def run(args) -> int:
    """Edit the overlay, or propose its edit, and merge it where one may."""
    if not args.why.strip():
        raise CannotRun("--why is empty: say what you saw, it is kept in git")
    if args.propose:
        return _proposed(args.environment, args.why, args.digest)
    commit, name = evidence.main_commit(), overlay.file(args.environment)
    if Path(name).read_text(encoding="utf-8") != overlay.at(commit, name):
        raise CannotRun(f"{name} here is not main's: `git checkout {commit[:12]} -- {name}` first")
    text, lost = back(args.environment, commit, args.why)
    Path(name).write_text(text, encoding="utf-8")
    print(
        f"rollback: {lost.digest} is rejected, {name} is stable: `git diff {name}`, then commit it to a branch of main"
    )
    return 0


def back(environment: str, commit: str, why: str) -> tuple[str, Image]:
    """Return (the overlay of `commit` without its newest image, that image).

    Raises CannotRun where there is no champion before this one that the registry still has.
    """
    name = overlay.file(environment)
    text = overlay.at(commit, name)
    trying = step.challenger(text, name)
    if trying is not None:
        return step.rolled_back(text, name, why), trying
    lost, rejected = overlay.images(text, name)["champion"], step.rejected(text, name)
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
        return f"; whether {image.digest[7:19]} still pulls is not known ({error})"
    if found is None:
        raise CannotRun(
            f"{image} is not in the registry any more, so no pod could start with it: bring it back, or promote another image"
        )
    return ""


def _proposed(environment: str, why: str, digest: str) -> int:
    hub = github.from_environment()
    main = proposal.fetched(hub)
    name = overlay.file(environment)
    main_text = overlay.at(main, name)
    if digest and digest in step.rejected(main_text, name):
        github.report(f"rollback: {environment} has rejected {digest[7:19]} already")
        return 0
    text, lost = back(environment, main, why)
    if lost.digest in step.rejected(known := proposal.pushed(hub, branch(environment), name) or main_text, name):
        why = step.evidence(known, name)  # what is proposed already stays as it is: its checks may be under way
        text, lost = back(environment, main, why)
    if digest and digest != lost.digest:
        github.report(
            f"rollback: {environment} has moved on from {digest[7:19]} to {lost.digest[7:19]}: nothing is taken back"
        )
        return 0
    app = bool(os.environ.get("APP"))
    wanted = proposed(hub, environment, main, text, lost, why)
    said = proposal.propose(hub, wanted, main, app=app, asked=not digest)  # an alarm takes a no for a no
    github.report(f"rollback: {said}", lost=lost.digest, model=lost.model)
    _give_way(hub, environment, said)
    if app:
        github.report(f"rollback: {pull_request.finish(hub, wanted.branch, WAIT)}")
    return 0


def proposed(hub: GitHub, environment: str, main: str, text: str, lost: Image, why: str) -> proposal.Proposal:
    """Return the pull request that rolls an environment back."""
    body = (
        f"{environment} would give up `{lost}` (model `{lost.model}`) and be stable again.\n\n{why}\n\n"
        f"Merging is the rollback; the digest is rejected for ever. Please look: {_owners(hub, main)}\n"
    )
    title = f"Roll {environment} back: {lost.digest[7:19]}"
    return proposal.Proposal(branch(environment), title, body, {overlay.file(environment): text})


def branch(environment: str) -> str:
    """Return the branch that rolls an environment back."""
    return f"rollback/{environment}"


def _give_way(hub: GitHub, environment: str, said: str) -> None:
    """Close the bot's promotion of the same environment, which may not be merged any more."""
    pull = pull_request.find(hub, f"promote/{environment}")
    if pull is not None:
        pull_request.retire(hub, pull, f"Closed by the bot: {environment} is rolled back. {said}")
        github.report(f"rollback: #{pull['number']}, which would promote {environment}, is closed")


def _owners(hub: GitHub, main: str) -> str:
    """Return a mention of those who own manifests/, as CODEOWNERS says; of the repository's owner where it says nobody."""
    lines = proposal.read(main, CODEOWNERS).splitlines()
    rules = [words for line in lines if (words := line.partition("#")[0].split())]
    fitting = [words[1:] for words in rules if words[0] == "*" or words[0].strip("/").startswith("manifests")]
    names = [each for each in (fitting[-1] if fitting else []) if each != "@OWNER"]
    return " ".join(names) or f"@{hub.repository.partition('/')[0]}"
