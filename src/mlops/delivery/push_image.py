"""Verb `push-image`: push the archive that was smoke-tested and scanned, those bytes and no others. Run: mlops push-image --to R --digest D."""

from mlops import github
from mlops.delivery import image, registry
from mlops.delivery.build_key import KEY
from mlops.errors import CannotRun
from mlops.files import read_json
from mlops.paths import IMAGE, IMAGE_ABOUT


def add_arguments(parser) -> None:
    """Add where to, and what."""
    parser.add_argument("--to", required=True, metavar="REPOSITORY", help="registry/owner/name")
    parser.add_argument("--digest", required=True, help="what the job that built it says")
    parser.add_argument("--archive", default=IMAGE)


def run(args) -> int:
    """Push, unless the registry has an image of this build key; print its digest, and set it as the step's output."""
    name, about = registry.repository(args.to), read_json(IMAGE_ABOUT, "run `make image` first")
    found = image.digest(args.archive)
    if not found == args.digest == about["digest"]:
        raise CannotRun(
            f"{args.archive} is {found}, {args.digest} was built: these bytes are not the ones that were scanned"
        )
    key = about["build_key"]
    if not KEY.fullmatch(key):
        raise CannotRun(f"{args.archive} is of files that no commit holds: commit them, and build again")
    there = registry.find(name, key)
    if there is None:
        digest, said = registry.copy(args.archive, name, key), "pushed"
        if digest != found:
            raise CannotRun(
                f"{name} has {digest} in the place of {found}: it changes what it is given; use another registry"
            )
    else:
        digest, said = there.image.digest, "is there already, as of this build key"
    github.report(f"{name}@{digest} {said}", digest=digest, repository=name)
    return 0
