"""Verb `push-image`: push the archive that was smoke-tested and scanned, those bytes and no others. Run: mlops push-image --to R --digest D."""

from mlops import github
from mlops.delivery import image, registry
from mlops.delivery.build_key import build_key
from mlops.errors import CannotRun
from mlops.files import read_json
from mlops.paths import IMAGE, METRICS


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
            f"{args.archive} is {found}, {args.digest} was built: these bytes are not the ones that were scanned"
        )
    ours(args.archive, labels)
    with registry.login(name):
        said = pushed(name, args.archive, found, labels["mlops.build-key"])
    github.report(f"{name}@{found} {said}", digest=found, repository=name)
    return 0


def pushed(name: str, archive: str, digest: str, key: str) -> str:
    """Push an archive and tag it with its build key; return a sentence's end that says what was done."""
    try:
        there = registry.find(name, key)
    except registry.Denied:  # so GitHub answers of a package that nobody has pushed yet
        there = None
    if there is not None and there.image.digest == digest:
        return "is there already, as of this build key"
    registry.copy(archive, name, digest)
    registry.tag(name, digest, key)  # only now is it found: who comes second finds it whole
    again = registry.find(name, key)
    if again is None or again.image.digest != digest:
        raise CannotRun(f"{name} took the image and has {again and again.image.digest} at its key: run this job again")
    # `plan` found what is replaced unsigned, or not ours
    return f"pushed in the place of {there.image.digest}" if there else "pushed"


def ours(what: str, labels: dict[str, str]) -> None:
    """Raise CannotRun where an image does not say that it is of this commit's files and of the model that was judged."""
    if not labels.get("mlops.build-key"):
        raise CannotRun(
            f"{what} has no build key: it is of files that no commit holds, or of another base; commit, and build again"
        )
    judged = read_json(METRICS, "run `make train` first")["model_hash"]
    for label, wanted in (("mlops.build-key", build_key()), ("mlops.model-hash", judged)):
        if labels.get(label) != wanted:
            raise CannotRun(
                f"{what} has {label} {str(labels.get(label))[:12]}, this commit's is {wanted[:12]}: it is another commit's image"
            )
