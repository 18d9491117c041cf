"""Verb `propose`: keep the pull request of a retrain. Run: mlops propose --repository R --digest D, after `candidate` and image.yml.

It has what main needs to be that model (params, lock, metrics) and prod's overlay at its first step with the image of it.
"""

import os

from mlops import github
from mlops.config import parse
from mlops.delivery import deploy, labels, overlay, proposal, registry
from mlops.delivery.build_key import build_key
from mlops.delivery.overlay import PROD, Image
from mlops.errors import CannotRun
from mlops.params import LEAST, Delivery, Params
from mlops.paths import DRIFT_REPORT, PARAMS, RETRAIN_REPORT
from mlops.retrain import made
from mlops.retrain.made import ASKED, BRANCH, Made
from mlops.rollout import step

LONGEST = 50_000  # characters of a body: GitHub takes 65,536
NO = """## How to say no

| answer | how |
|---|---|
| retrain | review and merge this |
| the new rows are as they should be | close this, then `make accept-drift` and a pull request of its own |
| the champion was never good | close this, then `promote.yml` with step `rollback`, or `make rollback ENV=prod WHY=...` |

Closed, it is not proposed again for this model; reopened, it is kept up to date."""


def add_arguments(parser) -> None:
    """Add the image."""
    parser.add_argument("--repository", required=True, help="registry/owner/name")
    parser.add_argument("--digest", required=True, help="of the image of `candidate`")


def run(args) -> int:
    """Open it, or bring it up to date, and set what was done as output `said`; 0 also where nothing is proposed now, which is said."""
    hub = github.from_environment()
    main = proposal.fetched(hub)
    given = made.onto(made.read(), main)
    if why := made.late(given, main):
        github.report(f"propose: {why}", said=why)
        return 0
    image = checked(registry.repository(args.repository), args.digest, given)
    knobs = parse(given.files[PARAMS], Params, PARAMS).delivery
    files, canary = overlaid(main, image, given, knobs)
    wanted = proposal.Proposal(BRANCH, given.title, body(given, canary), given.files | files)
    said = proposal.propose(hub, wanted, main, app=bool(os.environ.get("APP")))
    github.report(f"propose: {said}", said=said)
    return 0


def checked(repository: str, digest: str, given: Made) -> Image:
    """Return the image; raises CannotRun where it is not signed, or not of this model and this tree."""
    found = deploy.released(repository, digest)
    wanted = {"model-hash": given.model_hash, "build-key": build_key(given.tree())}
    for label, value in wanted.items():
        if found.label(label) != value:
            raise CannotRun(
                f"{found.image} has {label} {found.label(label)[:12]}, the challenger's is {value[:12]}: nothing is proposed"
            )
    return Image(repository, digest, given.model_hash)


def overlaid(main: str, image: Image, given: Made, knobs: Delivery) -> tuple[dict[str, str], str]:
    """Return prod's overlay at its first step, {path: text}, and what its canary will do; none where prod cannot begin one."""
    name = overlay.file(PROD)
    text = proposal.read(main, name)
    at = step.current(text, name)
    if not overlay.images(text, name)["champion"].released:
        return {}, f"{PROD} serves nothing yet: merge, let release.yml build, and promote it by hand."
    if at != step.STABLE:
        return {}, f"{PROD} is at {at} with another challenger, which stays; promote this one when that has ended."
    if image.digest in step.rejected(text, name):
        return {}, f"{PROD} has rejected `{image.digest}` once: its canary does not begin by itself."
    if not labels.readable(image):
        return (
            {},
            f"The checks of a pull request may not read {image.repository}, so its labels cannot be held against this: promote it after the merge.",
        )
    first = step.ORDER[1]
    new = step.promoted(text, name, first, image, f"to {first}: {given.title}")
    return {name: new}, canary(knobs)


def canary(knobs: Delivery) -> str:
    """Return what each step asks for, a line each."""
    lines = [f"| {each} | {knobs.least(each).requests:,} | {knobs.least(each).hours:g} |" for each in LEAST]
    table = "\n".join(["| step | requests | hours |", "|---|---|---|", *lines])
    return f"Merging begins {PROD}'s canary at {step.ORDER[1]}: a copy of each request, and no user is answered by it. Before each next step, by a person, with evidence:\n\n{table}"


def body(given: Made, canary_: str) -> str:
    """Return what people read: old against new, what the canary will do, how to say no, what drifted."""
    parts = [given.reports[RETRAIN_REPORT], f"## What the canary will do\n\n{canary_}", NO, given.reports[DRIFT_REPORT]]
    text = "\n\n".join(part.strip() for part in parts)
    return (f"{ASKED}\n{text}" if given.asked else text)[:LONGEST]
