"""What an image is made of, as one hash: where the registry has our image of this key, nothing is built again.

It is the hash of git's own names of the files that .dockerignore admits, at a commit: so it is known of every commit without
a checkout, and is the same for two commits that differ in what no image holds.
"""

from mlops.dvc import git
from mlops.errors import CannotRun
from mlops.files import read_json, sha256
from mlops.paths import METRICS, MODEL

ALWAYS = ("Dockerfile", ".dockerignore")


def build_key(commit: str = "HEAD", root=".") -> str:
    """Return the build key of a commit, 64 hex digits.

    The model, which git does not hold, counts by its hash in metrics.json. Raises CannotRun where the commit lacks a file.
    """
    names = [*ALWAYS, *admitted(commit, root)]
    listed = git("ls-tree", "-r", "--full-tree", commit, "--", *names, root=root)
    held = [line.split("\t", 1)[1] for line in listed.splitlines()]
    absent = [name for name in names if not any(path == name or path.startswith(f"{name}/") for path in held)]
    if absent:
        raise CannotRun(f"commit {commit[:12]} has no {', '.join(absent)}, of which an image is made: commit it first")
    return sha256(listed.encode())


def admitted(commit: str = "HEAD", root=".") -> list[str]:
    """Return the paths that .dockerignore admits at a commit, without the model."""
    lines = git("show", f"{commit}:.dockerignore", root=root).splitlines()
    return [line[1:] for line in lines if line.startswith("!") and line[1:] != MODEL]


def changed(root=".") -> list[str]:
    """Return the files of an image that differ from HEAD: an image of them has no key."""
    words = ("--porcelain", "--untracked-files=all", "--ignored=matching")  # the builder admits what git ignores
    said = git("status", *words, "--", *ALWAYS, *admitted(root=root), root=root)
    names = [line[2:].strip() for line in said.splitlines()]
    return [name for name in names if "__pycache__" not in name]


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
