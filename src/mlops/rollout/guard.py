"""Verb `guard`: is a step that is open beyond a limit? Run: mlops guard [--env prod].

Quiet where nothing is wrong. What it finds it says as outputs (environment, digest, model, why); it changes nothing itself. An
alert that comes with `repository_dispatch` is looked into where a source of figures is named; where none is, its word counts: who
may send it may push.
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
ALERT = re.compile(r"[\w .,:;%()+-]{1,300}")


def add_arguments(parser) -> None:
    """Add where it looks."""
    parser.add_argument("--env", dest="environment", help="one environment; else each that has a step open")


def run(args) -> int:
    """Say which environment is beyond a limit; raises CannotRun where a step is open and nobody can look."""
    commit = evidence.main_commit()
    asked = [args.environment] if args.environment else overlay.environments()
    found = opened(asked, commit)
    if not found:
        print("guard: no step is open")
        return 0
    knobs = parse(proposal.read(commit, PARAMS), Params, PARAMS).delivery
    if knobs.paused:
        github.report(f"guard: delivery.paused is true in {PARAMS}: nothing is looked at")
        return 0
    blind = []
    for environment in found:
        try:
            why = breach(environment, commit, knobs, alert(os.environ.get("GITHUB_EVENT_PATH", ""), environment))
        except CannotRun as error:
            blind.append(f"{environment}: {error}")
            continue
        if why:
            _told(environment, commit, why)
            return 0
    if blind:
        raise CannotRun(f"blind: {'; '.join(blind)}")
    return 0


def opened(environments: list[str], commit: str) -> list[str]:
    """Return the environments with an open step, as a commit has them."""
    return [
        each
        for each in environments
        if step.current(overlay.at(commit, overlay.file(each)), overlay.file(each)) != step.STABLE
    ]


def breach(environment: str, commit: str, knobs: Delivery, alert: str) -> str:
    """Return what is beyond a limit, "" where nothing is.

    Raises CannotRun where a source that is named gives no answer. Where none is named, an alert's word counts.
    """
    case = evidence.looked(environment, commit, knobs)
    if case is None:
        if not alert:
            github.report(f"guard: not configured: {UNGUARDED.format(environment)}")
        return alert and f"alert: {alert}"
    return "; ".join(each.sentence for each in case.breaches)


def alert(path: str, environment: str) -> str:
    """Return what an alert that has started this run says of an environment, "" where none has."""
    try:
        event = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        raise CannotRun(f"GITHUB_EVENT_PATH ({path!r}) is no event: run this in guard.yml") from None
    said = event.get("client_payload") if event.get("action") == "alert" else None
    if not isinstance(said, dict) or said.get("environment") != environment:
        return ""
    text = " ".join(str(said.get("alert", "")).split()).strip('"')  # Alertmanager sends a text that is safe in YAML
    return text if ALERT.fullmatch(text) else "its text is left out, as it holds more than plain words"


def _told(environment: str, commit: str, why: str) -> None:
    name = overlay.file(environment)
    image = step.challenger(overlay.at(commit, name), name)
    sentence = f"guard: {environment} is beyond a limit: {why}"
    github.report(sentence, environment=environment, digest=image.digest, model=image.model, why=why)
