"""Verb `candidate`: push the commit that a retrain's image is built of. Run: mlops candidate, after `mlops retrain`.

Nobody merges its branch: the pull request has the same files and, beside them, the digest of the image, which is not known before.
"""

import json

from mlops import github
from mlops.config import parse
from mlops.delivery import proposal
from mlops.errors import CannotRun
from mlops.params import Params
from mlops.paths import METRICS, PARAMS, RETRAINED
from mlops.retrain import made
from mlops.retrain.made import FIX, Made

BRANCH = "retrain/candidate"


def run(args) -> int:
    """Push it, and set its name as output `commit`, which is empty where nothing is to be proposed now."""
    hub = github.from_environment()
    main = proposal.fetched(hub)
    given = made.onto(made.read(), main)
    if why := made.late(given, main):
        github.report(f"candidate: {why}", commit="", said=why)
        return 0
    check(given)
    commit = proposal.placed(hub, BRANCH, given.title, given.tree(), main)
    github.report(f"candidate: {BRANCH} is {commit[:12]}", commit=commit)
    return 0


def check(given: Made) -> None:
    """Raise CannotRun where params are more than a moved window, or metrics of another model.

    The job that trains hands these files over as an artifact. That the lock is what main's pipeline makes of that window the checks of the
    pull request say, as of any other.
    """
    before = proposal.read(given.main, PARAMS)
    old, new = (parse(text, Params, PARAMS) for text in (before, given.files[PARAMS]))
    moved = old.data.model_copy(update={"window": new.data.window})
    if old.model_copy(update={"data": moved}) != new:
        raise CannotRun(f"{RETRAINED}/{PARAMS} changes more than `data.window`: {FIX}")
    judged = _model(given.files[METRICS])
    if judged != given.model_hash:
        raise CannotRun(
            f"{RETRAINED}/{METRICS} is of model {judged[:12]}, and {given.model_hash[:12]} was judged: {FIX}"
        )


def _model(metrics: str) -> str:
    try:
        return str(json.loads(metrics)["model_hash"])
    except (ValueError, KeyError, TypeError):
        return "none"
