"""What `retrain` leaves for `candidate` and `propose`, which run in other jobs: the files of main that a challenger changes, and what is said of it."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from mlops.config import parse
from mlops.delivery import overlay, proposal
from mlops.delivery.overlay import PROD, Image
from mlops.dvc import git
from mlops.errors import CannotRun
from mlops.files import read_json, write_json, write_text
from mlops.params import Params
from mlops.paths import DRIFT_REPORT, LOCK, METRICS, PARAMS, RETRAIN_REPORT, RETRAINED

BRANCH = "retrain/prod"
FILES = (PARAMS, LOCK, METRICS)
REPORTS = (RETRAIN_REPORT, DRIFT_REPORT)
ABOUT = "about.json"
FORMS = {"main": re.compile(r"[0-9a-f]{40}"), "title": re.compile(r"[^\n\r]{1,200}"), "model_hash": overlay.HASH}
ASKED = "<!-- asked for by a person -->"  # in the body of a pull request
APART = ("manifests/", "docs/")  # as release.yml leaves them out
FIX = "run `mlops retrain` first"


@dataclass(frozen=True)
class Made:
    """The commit of main that it is made on, a title, the model's hash, files {path: text} and reports {path: text}."""

    main: str
    title: str
    model_hash: str
    files: dict[str, str]
    reports: dict[str, str]
    asked: bool = False  # by a person, whatever drift says

    def tree(self, root=".") -> str:
        """Return git's name of main's tree with these files."""
        return proposal.tree_of(self.main, proposal.Proposal(BRANCH, self.title, "", self.files), root)


def write(made: Made, folder: str = RETRAINED) -> None:
    """Write it."""
    for name, text in (made.files | made.reports).items():
        write_text(f"{folder}/{Path(name).name}", text)
    about = {"main": made.main, "title": made.title, "model_hash": made.model_hash, "asked": made.asked}
    write_json(f"{folder}/{ABOUT}", about)


def read(folder: str = RETRAINED) -> Made:
    """Return it; raises CannotRun where it is not all there, or not of that kind: the job that writes it runs src/model."""
    about = read_json(f"{folder}/{ABOUT}", FIX)
    try:
        for name, form in FORMS.items():
            if not form.fullmatch(about[name]):
                raise TypeError(name)
        files, reports = (_texts(folder, names) for names in (FILES, REPORTS))
        return Made(about["main"], about["title"], about["model_hash"], files, reports, about["asked"] is True)
    except (OSError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise CannotRun(f"{folder} is not what `mlops retrain` leaves ({type(error).__name__}): {FIX}") from None


def _texts(folder: str, names: tuple[str, ...]) -> dict[str, str]:
    return {name: Path(folder, Path(name).name).read_text(encoding="utf-8") for name in names}


def onto(given: Made, main: str) -> Made:
    """Return it on a newer main, where nothing has changed there since but what no model and no image is made of.

    Against another champion it was not judged, so then it stays on its own.
    """
    changed = git("diff", "--name-only", "--no-renames", given.main, main).splitlines()
    same = all(path.startswith(APART) for path in changed) and _champion(given.main) == _champion(main)
    return replace(given, main=main) if same else given


def _champion(commit: str) -> Image:
    name = overlay.file(PROD)
    return overlay.images(proposal.read(commit, name), name)["champion"]


def late(given: Made, main: str) -> str:
    """Return why this is not proposed now, "" where it is: main has moved on since, or wants no bot's work."""
    if given.main != main:
        return f"main is at {main[:12]} by now, and this is made on {given.main[:12]}: the next run retrains"
    paused = parse(proposal.read(main, PARAMS), Params, PARAMS).delivery.paused
    return f"delivery.paused is true in {PARAMS}: nothing is proposed" if paused else ""
