"""Verb `revert`: a pull request that takes the commit which brought a model off main again. Run: mlops revert --env prod --digest D --model HASH --why REASON.

A rollback moves an environment; as long as main keeps the model, the next release builds and proposes it again.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from mlops import github
from mlops.delivery import champion, overlay, proposal, pull_request
from mlops.dvc import git
from mlops.errors import CannotRun
from mlops.github import GitHub
from mlops.paths import METRICS
from mlops.rollout import rollback, step


def add_arguments(parser) -> None:
    """Add what is taken back."""
    parser.add_argument("--env", required=True, dest="environment", help="which rolls it back")
    parser.add_argument("--digest", required=True, help="of the image that is given up")
    parser.add_argument("--model", required=True, help="the model's hash")
    parser.add_argument("--why", required=True, metavar="REASON")


def run(args) -> int:
    """Propose it; 0 also where main has moved on, which is said."""
    if not overlay.HASH.fullmatch(args.model):
        raise CannotRun(f"'{args.model}' is no model hash: it should be 64 of 0-9a-f, as `mlops trace` says it")
    hub = github.from_environment()
    main = proposal.fetched(hub)
    if not declared(hub, args.environment, args.digest, main):
        github.report(f"revert: {args.environment} does not give {args.digest[7:19]} up: main keeps its model")
        return 0
    now = json.loads(proposal.read(main, METRICS)).get("model_hash")
    if now != args.model:
        github.report(f"revert: main has model {str(now)[:12]} by now: there is nothing to take back")
        return 0
    commit = champion.made_by(args.model, main)
    tree = without(commit, main)
    if tree is None:
        github.report(
            f"revert: {commit[:12]} cannot be taken back by itself, as main has changed the same lines since: `git revert {commit[:12]}`"
        )
        return 0
    github.report(
        f"revert: {proposal.propose(hub, proposed(commit, args.model, args.why, tree), main, app=bool(os.environ.get('APP')))}"
    )
    return 0


def declared(hub: GitHub, environment: str, digest: str, main: str) -> bool:
    """Whether an environment rejects an image, on main or by the rollback that is open: an alarm may have come late, or to a no."""
    name = overlay.file(environment)
    pull = pull_request.find(hub, rollback.branch(environment))
    texts = [overlay.at(main, name), *([proposal.pushed(hub, rollback.branch(environment), name)] if pull else [])]
    return any(digest in step.rejected(text, name) for text in texts if text)


def proposed(commit: str, model: str, why: str, tree: str) -> proposal.Proposal:
    """Return the pull request."""
    subject = git("show", "--no-patch", "--format=%s", commit)
    body = (
        f"Takes back {commit}, `{subject}`, which brought model `{model}`: it was rolled back.\n\n{why}\n\n"
        "What the overlays say stays. Close it to keep the model on main: then change it before the next release proposes it again.\n"
    )
    return proposal.Proposal(f"revert/{model[:12]}", f"Take back model {model[:12]}", body, tree=tree)


def without(commit: str, main: str, root=".") -> str | None:
    """Return the tree of `main` without what `commit` changed outside of manifests/; None where that conflicts."""
    parent = git("rev-parse", "--verify", "--quiet", f"{commit}^", root=root, check=False)
    if parent is None:
        return None  # the first commit: before it there was nothing
    undone = proposal.commit_tree(f"Revert {commit[:12]}", _undone(parent, commit, root), commit, root)
    merge = ["merge-tree", "--write-tree", "--no-messages", main, undone]
    done = subprocess.run(["git", "-C", str(root), *merge], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def _undone(parent: str, commit: str, root) -> str:
    """Return the tree of `parent` with the manifests of `commit`: environments move by their own pull requests."""
    words = [["read-tree", parent], ["rm", "-r", "-f", "-q", "--cached", "--ignore-unmatch", "manifests"]]
    if git("rev-parse", "--verify", "--quiet", f"{commit}:manifests", root=root, check=False):
        words.append(["read-tree", "--prefix=manifests/", f"{commit}:manifests"])
    with tempfile.TemporaryDirectory() as folder:
        index = os.environ | {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        for each in [*words, ["write-tree"]]:
            done = subprocess.run(
                ["git", "-C", str(root), *each], check=True, capture_output=True, text=True, env=index
            )
    return done.stdout.strip()
