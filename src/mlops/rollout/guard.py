"""Verb `guard`: is a step that is open beyond a limit? Run: mlops guard [--env prod].

Quiet where nothing is wrong. What it finds it says as the output `breaches`, a list in JSON of {environment, step, digest, model, why};
it changes nothing itself. An alert that comes with `repository_dispatch` is looked into where a source of figures is named; where none
is, its word counts: who may send it may push.
"""

import json
import os
import re
from pathlib import Path

from mlops import github
from mlops.config import parse
from mlops.delivery import overlay, proposal
from mlops.errors import CannotRun
from mlops.params import Delivery, Params
from mlops.paths import PARAMS
from mlops.rollout import evidence, step

UNGUARDED = "neither PROMETHEUS_URL nor PREDICTION_LOG_URL is set, so {} is rolled back by a person, or by an alert"
ALERT = re.compile(r"[\w .,:;%()+'/-]{1,300}")


def add_arguments(parser) -> None:
    """Add where it looks."""
    parser.add_argument("--env", dest="environment", help="one environment; else each that has a step open")


def run(args) -> int:
    """Say which environments are beyond a limit; 2 where a step is open and a source that is named says nothing of it."""
    commit = evidence.main_commit()
    knobs = parse(proposal.read(commit, PARAMS), Params, PARAMS).delivery
    if knobs.paused:
        github.report(f"guard: delivery.paused is true in {PARAMS}: nothing is looked at")
        return 0
    known = overlay.environments()
    alarmed = alert(os.environ.get("GITHUB_EVENT_PATH", ""), {each: _names(each, commit) for each in known})
    found, blind = [], []
    for environment in [args.environment] if args.environment else known:
        try:
            found += _looked(environment, commit, knobs, alarmed.get(environment, ""))
        except CannotRun as error:  # of one environment; the others are looked at all the same
            blind.append(f"{environment}: {error}")
    for each in found:
        github.report(f"guard: {each['environment']} is beyond a limit: {each['why']}")
    if found:
        github.report("guard: rollbacks follow", breaches=json.dumps(found))
    if blind:  # a failure, with a ticket; what was found goes on all the same, by what is an output already
        raise CannotRun(f"blind: {'; '.join(blind)}")
    return 0


def _names(environment: str, commit: str) -> set[str]:
    """Return what an alert may call an environment: its name, or its namespace."""
    name = overlay.file(environment)
    try:
        return {environment, overlay.namespace(overlay.at(commit, name), name)}
    except CannotRun:
        return {environment}


def _looked(environment: str, commit: str, knobs: Delivery, alarm: str) -> list[dict[str, str]]:
    name = overlay.file(environment)
    text = overlay.at(commit, name)
    trying = step.challenger(text, name)
    if trying is None:
        print(f"guard: no step is open in {environment}")
        return []
    why = breach(environment, commit, knobs, alarm)
    if not why:
        return []
    # a model that the champion has, too, is not what is wrong: main keeps it
    model = "" if trying.model == overlay.images(text, name)["champion"].model else trying.model
    said = {"environment": environment, "step": step.current(text, name), "digest": trying.digest}
    return [said | {"model": model, "why": why}]


def breach(environment: str, commit: str, knobs: Delivery, alarm: str) -> str:
    """Return what is beyond a limit, "" where nothing is.

    Raises CannotRun where a source that is named gives no answer. Where none is named, an alert's word counts.
    """
    case = evidence.looked(environment, commit, knobs)
    if case is not None and not case.breaches:
        print(f"guard: nothing of {case.step} in {environment} is beyond a limit")
    if case is None:
        if not alarm:
            github.report(f"guard: not configured: {UNGUARDED.format(environment)}")
        return alarm and f"alert: {alarm}"
    return "; ".join(each.sentence for each in case.breaches)


def alert(path: str, names: dict[str, set[str]]) -> dict[str, str]:
    """Return {environment: what an alert that has started this run says of it}; empty where none has.

    names: environment -> what it may be called. Raises CannotRun where the alert is about none of them.
    """
    try:
        event = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        raise CannotRun(f"GITHUB_EVENT_PATH ({path!r}) is no event: run this in guard.yml") from None
    if event.get("action") != "alert":
        return {}
    said = event.get("client_payload")
    about = said.get("environment") if isinstance(said, dict) else None
    mine = next((each for each, called in names.items() if about in called), None)
    if mine is None:
        raise CannotRun(
            f"an alert is about environment {str(about)[:60]!r}, and there is none: client_payload.environment should be one of "
            f"{', '.join(names)}"
        )
    text = " ".join(str(said.get("alert", "")).split()).strip('"')  # Alertmanager sends a text that is safe in YAML
    return {mine: text if ALERT.fullmatch(text) else "its text is left out, as it holds more than plain words"}
