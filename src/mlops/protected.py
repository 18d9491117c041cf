"""The paths that judge a pull request: whoever changes them changes the judge. CODEOWNERS says the same.

Everything judges but what is named in FREE: a list of what is dangerous would always miss one name.
"""

from collections.abc import Iterable
from pathlib import PurePosixPath

CODEOWNERS = ".github/CODEOWNERS"
NOBODY = "@OWNER"  # whom the template's names
FREE = ("data/", "docs/", "src/model/")  # the owner's room, and prose
KEPT = ("data/contract.yaml",)  # in a free folder, and protected all the same
MADE = (
    "dvc.lock",
    "metrics.json",
)  # every honest pull request changes them, so naming them would tell nothing; the gate `lock` does


def protected(paths: Iterable[str]) -> list[str]:
    """Return those of `paths` that are protected, sorted, once each."""
    return sorted({path for path in paths if path in KEPT or not _free(path)})


def _free(path: str) -> bool:
    top = len(PurePosixPath(path).parts) == 1
    return path in MADE or path.startswith(FREE) or (top and path.endswith(".md"))
