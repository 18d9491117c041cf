"""Verb `deploy`: propose that environments serve an image. Run: mlops deploy --repository R --digest D --env dev --env staging."""

import json
import os
from dataclasses import replace

from mlops import github
from mlops.config import parse
from mlops.delivery import overlay, proposal, pull_request, registry, signature
from mlops.delivery.build_key import build_key
from mlops.delivery.overlay import PROD
from mlops.dvc import git
from mlops.errors import CannotRun
from mlops.github import GitHub
from mlops.params import Delivery, Params
from mlops.paths import METRICS, PARAMS
from mlops.rollout import step


def add_arguments(parser) -> None:
    """Add what, and where to."""
    parser.add_argument("--repository", required=True, help="registry/owner/name")
    parser.add_argument("--digest", required=True, help="what `push-image` says")
    parser.add_argument("--env", action="append", required=True, dest="environments", help="once an environment")


def run(args) -> int:
    """Open, or bring up to date, the pull request of these environments; 0 also where main has moved on, which is said."""
    if PROD in args.environments:
        raise CannotRun(f"{PROD} is not deployed to, it is promoted to, on evidence: leave --env {PROD} out")
    hub, name = github.from_environment(), branch(args.environments)
    main = proposal.fetched(hub)
    knobs = wishes(main)
    if knobs is None:
        github.report(f"deploy: {PARAMS} of main ({main[:8]}) is newer than this release: main's own release proposes")
        return 0
    if unwanted := stopped(hub, name, knobs):
        github.report(unwanted)
    if knobs.paused:
        github.report(f"deploy: delivery.paused is true in {PARAMS}: nothing is proposed")
        return 0
    found = released(registry.repository(args.repository), args.digest)
    if found.label("build-key") != build_key(main):
        # an older release that runs again, or the first of two merges: what main has now has a release of its own
        github.report(f"{found.image} is not what main ({main[:8]}) is built to: nothing is moved back")
        return 0
    image = overlay.Image(found.image.repository, args.digest, judged(main, found))
    app = bool(os.environ.get("APP"))
    if kept := {each: why for each in args.environments if (why := busy(main, each, image.digest))}:
        github.report("; ".join(f"deploy: {each} {why}" for each, why in kept.items()))
    mine = [each for each in args.environments if each not in kept]
    if not mine:
        return 0
    wanted = replace(proposed(main, found, image, mine), branch=name)
    said = proposal.propose(hub, wanted, main, app=app, merge=app and knobs.staging.auto)
    waits = knobs.staging.auto and not app
    github.report(said + ("; delivery.staging.auto needs an App, which is not configured" if waits else ""))
    return 0


def branch(environments: list[str]) -> str:
    """Return the branch that proposes to these environments."""
    return f"deploy/{'-'.join(environments)}"


def wishes(main: str) -> Delivery | None:
    """Return what main's params say of delivery: it may have been paused since. None where this older code cannot read them."""
    try:
        return parse(proposal.read(main, PARAMS), Params, PARAMS).delivery
    except CannotRun:
        if main == git("rev-parse", "HEAD"):
            raise
        return None


def stopped(hub: GitHub, name: str, knobs: Delivery) -> str:
    """Stop a merge that is on its way where main's params do not want it any more; return what came of it.

    A pause stops what a person has asked GitHub for, too; where staging is merely not automatic, that stays.
    """
    if knobs.staging.auto and not knobs.paused:
        return ""
    why = "delivery.paused is true" if knobs.paused else "delivery.staging.auto is false"
    said = pull_request.stop(hub, name, everybody=knobs.paused)
    return said and f"deploy: {why} in {PARAMS}: {said}"


def released(name: str, digest: str) -> registry.Found:
    """Return an image of the registry; raises CannotRun where it is not there, or not signed by our workflow."""
    with registry.login(name):
        found = registry.find(name, digest)
        if found is None:
            raise CannotRun(f"{name} has no {digest}: push it first")
        if why := signature.fault(found.image):
            raise CannotRun(f"{why}: nothing is deployed")
    return found


def busy(main: str, environment: str, digest: str) -> str:
    """Return why an environment is left alone, "" where it is not: its own canary is open, or it has rolled this image back."""
    name = overlay.file(environment)
    text = proposal.read(main, name)
    if digest in step.rejected(text, name):
        return f"has rejected {digest[7:19]}: main needs another model, or other code"
    at = step.current(text, name)
    return f"is at {at}, and keeps its champion until that ends" if at != step.STABLE else ""


def judged(main: str, found: registry.Found) -> str:
    """Return the hash of the model in an image; raises CannotRun where it is not the one that main was judged by."""
    model = json.loads(git("show", f"{main}:{METRICS}"))["model_hash"]
    if found.label("model-hash") != model:
        raise CannotRun(
            f"{found.image} says model {found.label('model-hash')[:12]}, main was judged by {model[:12]}: do not deploy it"
        )
    return model


def proposed(main: str, found: registry.Found, image: overlay.Image, environments: list[str]) -> proposal.Proposal:
    """Return the pull request: the overlays of main with this image, and what it is made of."""
    files = {}
    for environment in environments:
        name = overlay.file(environment)
        files[name] = overlay.with_image(proposal.read(main, name), name, "champion", image)
    where = " and ".join(environments)
    rows = {
        "image": f"`{image}`", "model": f"`{image.model}`", "data": f"`{found.label('data-hash')}`",
        "built of commit": found.label("commit"), "build key": f"`{found.label('build-key')}`",
    }  # fmt: skip
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    body = (
        f"{where} would serve the image of main ({main[:8]}).\n\n| | |\n|---|---|\n{table}\n\n"
        "Merging moves the environments and starts no release: no image holds what is under manifests/. "
        f"To look first: `make trace WHAT={image.digest} REPOSITORY={image.repository}`. Close it, and this image is not proposed "
        "again; reopen it, and it is kept up to date.\n"
    )
    return proposal.Proposal(branch(environments), f"Deploy {image.digest[7:19]} to {where}", body, files)
