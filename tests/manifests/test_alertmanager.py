"""A real Alertmanager with the example configuration starts the guard: it asks GitHub as GitHub wants to be asked."""

import json
import os
import shutil
import subprocess
import time
from urllib.request import Request, urlopen

import pytest
import yaml

from copies import ROOT
from github_stub import GitHubStub
from mlops.rollout import guard
from router import free_port

EXAMPLE = ROOT / "manifests/monitoring/alertmanager.yml"
PATH = f"{ROOT}/.tools/bin{os.pathsep}{os.environ.get('PATH', '')}"
PROGRAM = shutil.which("alertmanager", path=PATH)
needs_alertmanager = pytest.mark.skipif(
    PROGRAM is None and not os.environ.get("CI"), reason="alertmanager 0.32 is not installed here; CI builds it"
)


@pytest.fixture
def sent(tmp_path):
    """A function: alerts -> the dispatches that GitHub was sent of them."""
    with GitHubStub() as hub:
        calls = []
        hub.tokens["ghs_alerts"] = {"contents": "write"}
        hub.add(
            "POST",
            f"/repos/{hub.repository}/dispatches",
            "contents:write",
            lambda call: (calls.append(call.body), (204, None))[1],
        )
        said = EXAMPLE.read_text(encoding="utf-8").replace(
            "https://api.github.com/repos/OWNER/REPO", f"{hub.url}/repos/{hub.repository}"
        )
        said = said.replace("/etc/alertmanager/github-token", str(tmp_path / "token")).replace(
            "group_wait: 5s", "group_wait: 0s"
        )
        (tmp_path / "token").write_text("ghs_alerts")
        (tmp_path / "alertmanager.yml").write_text(said)
        port = free_port()
        words = [
            PROGRAM,
            f"--config.file={tmp_path}/alertmanager.yml",
            f"--storage.path={tmp_path}/data",
            "--cluster.listen-address=",
        ]
        process = subprocess.Popen([*words, f"--web.listen-address=127.0.0.1:{port}"], stderr=subprocess.DEVNULL)

        def post(*alerts: dict) -> list[dict]:
            body, until = json.dumps(alerts).encode(), time.monotonic() + 30
            request = Request(f"http://127.0.0.1:{port}/api/v2/alerts", body, {"content-type": "application/json"})
            while True:
                try:
                    assert urlopen(request, timeout=5).status == 200  # noqa: S310 - loopback
                    break
                except OSError:
                    assert time.monotonic() < until
                    time.sleep(0.1)
            while not calls and time.monotonic() < until - 25:
                time.sleep(0.1)
            return calls

        yield post
        process.kill()
        process.wait()


def alert(name: str, **labels: str) -> dict:
    """One that fires."""
    return {
        "labels": {"alertname": name, "namespace": "model-prod"} | labels,
        "annotations": {"summary": "5.2 % of requests (limit 1 %)"},
    }


@pytest.mark.slow
@needs_alertmanager
def test_an_alert_that_should_roll_back_starts_the_guard(sent, tmp_path):
    """And the guard reads of it which environment is meant, and why."""
    (call,) = sent(alert("ChallengerFailover", action="rollback"))
    assert ("alert", "prod") == (call["event_type"], call["client_payload"]["environment"])
    (tmp_path / "event.json").write_text(
        json.dumps({"action": call["event_type"], "client_payload": call["client_payload"]})
    )
    assert {"prod": "ChallengerFailover: 5.2 % of requests (limit 1 %)"} == guard.alert(
        str(tmp_path / "event.json"), {"prod": {"prod"}}
    )


@pytest.mark.slow
@needs_alertmanager
def test_any_other_alert_starts_nothing(sent):
    """A rollback does not help there."""
    assert [] == sent(alert("ChampionFailing", severity="page"))


def test_the_guards_event_is_the_one_that_is_sent():
    """By its name."""
    said = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["receivers"][1]["webhook_configs"][0]["payload"]
    listens = yaml.safe_load((ROOT / ".github/workflows/guard.yml").read_text(encoding="utf-8"))[True]
    assert [said["event_type"]] == listens["repository_dispatch"]["types"]
