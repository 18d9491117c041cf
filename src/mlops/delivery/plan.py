"""Verb `plan`: is there a signed image of what this commit is built to? Run: mlops plan --to registry/owner/name."""

from mlops import github
from mlops.delivery import registry, signature
from mlops.delivery.build_key import build_key, ours
from mlops.errors import CannotRun


def add_arguments(parser) -> None:
    """Add where to look."""
    parser.add_argument("--to", required=True, metavar="REPOSITORY", help="registry/owner/name")


def run(args) -> int:
    """Print and set as outputs: repository, build_key, and digest, which is empty where an image is to be built."""
    name, key = registry.repository(args.to), build_key()
    with registry.login(name):
        digest, said = released(name, key)
    github.report(f"plan: {said}", repository=name, build_key=key, digest=digest)
    return 0


def released(name: str, key: str) -> tuple[str, str]:
    """Return (digest, sentence) of the signed image of a build key; digest is "" where there is none.

    Whatever is not ours there, or not signed, is built again and replaced: a tag can be set by whoever may write. Raises CannotRun
    where registry or Sigstore give no answer, which is no reason to build.
    """
    there = at(name, key)
    if there is None:
        return "", f"{name} has no image of build key {key[:12]}, or shows none to this token: one is built"
    why = unsigned(there)
    return ("", f"{why}: one is built") if why else (there.image.digest, f"{there.image} is of this commit, and signed")


def at(name: str, key: str) -> registry.Found | None:
    """Return the image at a build key's tag, None where there is none."""
    try:
        return registry.find(name, key)
    except registry.Denied:  # so GitHub answers of a package that nobody has pushed yet
        return None


def unsigned(there: registry.Found) -> str:
    """Return why an image at our key's tag is not a release of ours, "" where it is one."""
    try:
        ours(str(there.image), there.labels)
    except CannotRun as error:
        return str(error)
    return signature.fault(there.image)
