"""From a fault to the merged rollback: real Envoy, two real services, a real Prometheus and git; GitHub's API alone stands in."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from github_stub import GitHubStub
from load import Load
from mlops.cli import main as mlops
from mlops.delivery import overlay
from mlops.delivery.overlay import Image
from mlops.rollout import step
from prometheus import Prometheus, scraping
from remote import Remote, git, pull_requests
from rollout.faults import ABSENT, FAULTS, World
from rollout_cases import NAME, PARAMS, REPOSITORY, main
from router import free_port

QUIET = 12.0  # seconds of load before a fault
PATIENCE = 120.0  # seconds until a fault must be found
ALIKE = "scores: 0.25", "scores: 100"  # callers here send one row, whose score two models see in different bins


@dataclass(frozen=True)
class Found:
    """How long it took from a fault to the merged rollback, and why. quiet: what the guard said before."""

    seconds: float
    why: str
    quiet: str
    prod: str


def rolled_back(
    world: World, folder: Path, hashes: tuple[str, str], fault: str, params=ALIKE, at="canary-25", first: float = 0
) -> Found:
    """Let a challenger fail under load, and return how long the guard took.

    fault: one of FAULTS, ABSENT, or "" for a challenger that is what it is. first: seconds of load before the guard looks where
    nothing happens to the challenger: ABSENT, or "".
    """
    with ExitStack() as stack:
        champion, challenger = world.served(stack, 0), world.served(stack, 1)
        happen = stack.enter_context(FAULTS[fault](challenger)) if FAULTS.get(fault) else lambda: None
        port = free_port() if fault == ABSENT else challenger.port
        router = world.router(stack, at, [champion.port], [port])
        targets = {f"127.0.0.1:{router.stats}/stats/prometheus": {}}
        for role, service in (("champion", champion), ("challenger", challenger)):
            targets[f"127.0.0.1:{service.port}/metrics"] = {"component": role}
        server = stack.enter_context(Prometheus(folder / "prometheus", scraping(targets)))
        remote = stack.enter_context(_environment(folder, hashes, at, params, server.url))
        with Load([router.port], world.body, world.rate):
            early = fault in (ABSENT, "")
            server.until(lambda: server.ask("envoy_cluster_upstream_rq_completed"))
            time.sleep(first if early else QUIET)
            quiet = "" if early else _look(folder)
            began = time.monotonic()
            happen()
            why = _until(folder, began)
            assert 0 == mlops(["rollback", "--propose", "--env", "prod", "--digest", _digest(1), "--why", why])
            seconds = time.monotonic() - began
        return Found(seconds, why, quiet, remote.text("main", NAME))


@contextmanager
def _environment(folder: Path, hashes: tuple[str, str], at: str, params: tuple[str, str], url: str) -> Iterator[Remote]:
    """Yield main with a step open, as working directory; its App may merge."""
    images = [Image(REPOSITORY, _digest(place), model) for place, model in enumerate(hashes)]
    (folder / "git").mkdir()
    remote = main(
        folder / "git", **{"params.yaml": PARAMS.replace(*params).replace("settle_minutes: 5", "settle_minutes: 0")}
    )
    text = overlay.with_image(remote.text("main", NAME) + "\n", NAME, "champion", images[0])
    remote.merge({NAME: step.promoted(text, NAME, at, images[1], "a test")})
    git(remote.path, "fetch", "-q", "origin")
    here = Path.cwd()
    os.chdir(remote.path)
    with GitHubStub() as hub:
        pull_requests(hub, remote.head)
        hub.green = hub.bypass = True
        hub.merging = lambda branch, title: remote.merge({NAME: remote.text(branch, NAME) + "\n"}, title)
        given = {
            "GITHUB_REPOSITORY": hub.repository,
            "GITHUB_TOKEN": "ghs_app",
            "GITHUB_API_URL": hub.url,
            "APP": "Iv1.abc",
        }
        given |= {"PROMETHEUS_URL": url, "GITHUB_OUTPUT": str(folder / "output"), "GITHUB_EVENT_PATH": ""}
        try:
            with patch.dict(os.environ, given):
                yield remote
        finally:
            os.chdir(here)


def _digest(place: int) -> str:
    return f"sha256:{str(place) * 64}"


def _look(folder: Path) -> str:
    """Return what the guard says."""
    (folder / "output").write_text("")
    assert 0 == mlops(["guard"])
    said = dict(line.split("=", 1) for line in (folder / "output").read_text().splitlines())
    found = json.loads(said.get("breaches", "[]"))
    return found[0]["why"] if found else ""


def _until(folder: Path, began: float) -> str:
    while not (why := _look(folder)):
        assert time.monotonic() - began < PATIENCE, "the guard has not found it"
        time.sleep(1)
    return why
