"""Verb `push-image`: push the archive that was smoke-tested and scanned, those bytes and no others. Run: mlops push-image --to R --digest D."""

from mlops import github
from mlops.delivery import image, plan, registry
from mlops.delivery.build_key import ours
from mlops.errors import CannotRun
from mlops.paths import IMAGE


def add_arguments(parser) -> None:
    """Add where to, and what."""
    parser.add_argument("--to", required=True, metavar="REPOSITORY", help="registry/owner/name")
    parser.add_argument("--digest", required=True, help="what the job that built it says")
    parser.add_argument("--archive", default=IMAGE)


def run(args) -> int:
    """Push, unless the registry has these bytes at this build key; print the digest, and set it as the step's output."""
    name, (found, labels) = registry.repository(args.to), image.opened(args.archive)
    if found != args.digest:
        raise CannotRun(
            f"{args.archive} is {found}, {args.digest} was built: these bytes are not the ones that were built and scanned"
        )
    ours(args.archive, labels)
    with registry.login(name):
        said = pushed(name, args.archive, found, labels["mlops.build-key"])
    github.report(f"{name}@{found} {said}", digest=found, repository=name)
    return 0


def pushed(name: str, archive: str, digest: str, key: str) -> str:
    """Push an archive and tag it with its build key; return a sentence's end that says what was done."""
    there = plan.at(name, key)
    if there is not None and there.image.digest == digest:
        return "is there already, as of this build key"
    if there is not None and not plan.unsigned(there):
        raise CannotRun(
            f"{there.image} was signed for this build key since `plan` looked: run all jobs of the release again, which take it"
        )
    registry.copy(archive, name, digest)
    registry.tag(name, digest, key)  # only now is it found: who comes second finds it whole
    again = registry.find(name, key)
    if again is None or again.image.digest != digest:
        has = again.image.digest if again else "nothing"
        raise CannotRun(f"{name} took {digest} and has {has} at its build key: run this job again")
    return f"pushed in the place of {there.image.digest}" if there else "pushed"
