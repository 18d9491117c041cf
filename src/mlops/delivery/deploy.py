"""Verb `deploy`: propose that environments serve an image. Run: mlops deploy --repository R --digest D --env dev --env staging."""

import json

from mlops import github
from mlops.delivery import overlay, proposal, registry
from mlops.delivery.build_key import build_key
from mlops.delivery.overlay import PROD
from mlops.dvc import git
from mlops.errors import CannotRun
from mlops.paths import METRICS


def add_arguments(parser) -> None:
    """Add what, and where to."""
    parser.add_argument("--repository", required=True, help="registry/owner/name")
    parser.add_argument("--digest", required=True, help="what `push-image` says")
    parser.add_argument("--env", action="append", required=True, dest="environments", help="once an environment")


def run(args) -> int:
    """Open, or bring up to date, the pull request of these environments; 0 also where main has moved on, which is said."""
    if PROD in args.environments:
        raise CannotRun(f"{PROD} is not deployed to, it is promoted to, on evidence: leave --env {PROD} out")
    hub = github.from_environment()
    main = proposal.fetched(hub)
    found = registry.find(registry.repository(args.repository), args.digest)
    if found is None:
        raise CannotRun(f"{args.repository} has no {args.digest}: push it first")
    if found.label("build-key") != build_key(main):
        # an older release that runs again, or the first of two merges: what main has now has a release of its own
        github.report(f"{found.image} is not what main ({main[:8]}) is built to: nothing is moved back")
        return 0
    image = overlay.Image(found.image.repository, args.digest, judged(main, found))
    github.report(proposal.propose(hub, proposed(main, found, image, args.environments), main))
    return 0


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
        files[name] = overlay.with_image(git("show", f"{main}:{name}") + "\n", name, "champion", image)
    where = " and ".join(environments)
    rows = {
        "image": f"`{image}`", "model": f"`{image.model}`", "data": f"`{found.label('data-hash')}`",
        "built of commit": found.label("commit"), "build key": f"`{found.label('build-key')}`",
    }  # fmt: skip
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    body = (
        f"{where} would serve the image of main ({main[:8]}).\n\n| | |\n|---|---|\n{table}\n\n"
        "Merging moves the environments and starts no release: no image holds what is under manifests/. "
        "Close it, and the next release proposes what main is then.\n"
    )
    return proposal.Proposal(f"deploy/{'-'.join(environments)}", f"Deploy {image.digest[7:19]} to {where}", body, files)
