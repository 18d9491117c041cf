"""The guard is quiet where nothing is wrong, says what is, and changes nothing itself."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from copies import ROOT
from mlops.cli import main as mlops
from mlops.delivery.overlay import Image
from mlops.rollout.guard import ALERT
from remote import git
from rollout.test_evidence import opened
from rollout.test_prediction_log import canary, record
from rollout_cases import FIRST, NAME, SECOND, at, when


def dead() -> list:
    """Answers of now in which the challenger has no part."""
    return [record("c", FIRST.model, "champion"), *(record(f"n{n}", FIRST.model, "challenger") for n in range(40))]


@pytest.fixture
def guard(remote, tmp_path, monkeypatch):
    """A function: an event -> (exit code, breaches)."""
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))

    def run(event=None) -> tuple[int, list]:
        (tmp_path / "output").write_text("")
        (tmp_path / "event.json").write_text(json.dumps(event or {"schedule": "17 * * * *"}))
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
        code = mlops(["guard"])
        said = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
        assert said.keys() <= {"breaches"}
        return code, json.loads(said.get("breaches", "[]"))

    return run


def alert(text: str, environment: str = "prod", action: str = "alert") -> dict:
    """What GitHub gives of a `repository_dispatch`."""
    return {"action": action, "client_payload": {"environment": environment, "alert": text}}


def test_without_an_open_step_nothing_is_looked_at(guard, monkeypatch, capsys):
    """Not even a source that gives no answer; whoever asked is told that it looked."""
    monkeypatch.setenv("PROMETHEUS_URL", "http://127.0.0.1:1")
    assert (0, []) == guard()
    assert "guard: no step is open in prod" in capsys.readouterr().out


def test_a_quiet_step_is_no_breach(guard, remote, log, capsys):
    """No output; whoever asked is told that it was looked at."""
    log([*canary(), *(record(f"m{n}", SECOND.model, "challenger", n % 97 / 97) for n in range(500))])
    opened(remote)
    assert (0, []) == guard()
    assert "guard: nothing of canary-25 in prod is beyond a limit" in capsys.readouterr().out


def test_a_breach_is_said_with_whom_it_is_about(guard, remote, log):
    """Environment, digest, model and figures, as outputs of a step."""
    log(dead())
    opened(remote)
    code, (said,) = guard()
    why = said.pop("why")
    expected = {"environment": "prod", "step": "canary-25", "digest": SECOND.digest, "model": SECOND.model}
    assert (0, expected) == (code, said)
    assert why.startswith("the challenger answered none of 40 requests")


def test_a_model_that_the_champion_has_too_is_not_what_is_wrong(guard, remote):
    """An image of other code: main keeps the model."""
    image = Image(SECOND.repository, SECOND.digest, FIRST.model)
    when(remote, at("canary-25", image), (datetime.now(UTC) - timedelta(hours=1)).isoformat())
    assert "" == guard(alert("ChallengerFailover"))[1][0]["model"]


def test_an_alarm_is_looked_into_where_a_source_is_named(guard, remote, log):
    """Its word alone moves nothing."""
    log([*canary(), *(record(f"m{n}", SECOND.model, "challenger", n % 97 / 97) for n in range(500))])
    opened(remote)
    assert (0, []) == guard(alert("ChallengerFailover: 5 %"))


def test_without_a_source_an_alarms_word_counts(guard, remote, capsys):
    """And without either it is said that nobody looks, which is no failure."""
    opened(remote)
    assert "alert: ChallengerFailover: 5 %" == guard(alert("ChallengerFailover: 5 %"))[1][0]["why"]
    assert (0, []) == guard()
    assert "not configured" in capsys.readouterr().out


@pytest.mark.parametrize("event", [alert("x", "staging"), alert("x", action="other"), {}])
def test_an_alarm_about_something_else_is_none(guard, remote, event):
    """Another environment, another event."""
    opened(remote)
    assert (0, []) == guard(event)


@pytest.mark.parametrize(
    "event", [alert("x", "production"), {"action": "alert", "client_payload": "x"}, {"action": "alert"}]
)
def test_an_alarm_about_nothing_is_an_error(guard, remote, capsys, event):
    """A misspelt environment, no payload: somebody thinks that this one is heard."""
    opened(remote)
    assert (2, []) == guard(event)
    assert "should be one of prod, staging" in capsys.readouterr().err


def test_an_alarm_may_name_the_namespace(guard, remote):
    """As Kubernetes does."""
    opened(remote)
    assert "prod" == guard(alert("x", "model-prod"))[1][0]["environment"]


@pytest.mark.parametrize("text", ["x\nenvironment=dev", "`rm -rf /`", "a" * 400, "<img src=x>", "::set-output::", ""])
def test_an_alarms_text_is_taken_for_words_alone(guard, remote, text):
    """It becomes an output, a title and a comment: whoever sent it."""
    opened(remote)
    ((said,),) = guard(alert(text))[1:]
    assert said["why"] in (
        "alert: its text is left out, as it holds more than plain words",
        "alert: x environment=dev",
        "alert: ::set-output::",
    )
    assert "prod" == said["environment"]


def test_a_source_that_gives_no_answer_is_blind(guard, remote, monkeypatch, capsys):
    """Exit 2: a failure, with a ticket, and never a pass."""
    opened(remote)
    monkeypatch.setenv("PROMETHEUS_URL", "http://127.0.0.1:1")
    assert (2, []) == guard()
    assert "blind: prod: http://127.0.0.1:1 gives no answer" in capsys.readouterr().err


def test_a_log_that_nobody_writes_is_blind(guard, remote, log, capsys):
    """And a quiet one is quiet."""
    opened(remote)
    log([record("c", FIRST.model, "champion", minutes=10)])
    assert (0, []) == guard()
    log_rows = [record("d", FIRST.model, "champion", minutes=60 * 24)]
    log(log_rows)
    when(remote, at("canary-05"), (datetime.now(UTC) - timedelta(minutes=8)).isoformat())
    assert (2, []) == guard()
    assert "has no answer of the last 3 minutes" in capsys.readouterr().err


def test_what_our_alerts_say_is_taken_as_it_is():
    """Each summary of a rule that is for the guard, with numbers in the place of its values."""
    rules = yaml.safe_load((ROOT / "manifests/monitoring/rules.yaml").read_text(encoding="utf-8"))["spec"]["groups"]
    mine = [each for group in rules for each in group["rules"] if each.get("labels", {}).get("action") == "rollback"]
    assert 5 == len(mine)
    for each in mine:
        text = re.sub(r"{{.*?}}", "1.2", f"{each['alert']}: {each['annotations']['summary']}")
        assert ALERT.fullmatch(text), text


def test_a_pause_stops_it(guard, remote, log, capsys):
    """It is a bot."""
    log(dead())
    opened(remote)
    params = (remote.path / "params.yaml").read_text().replace("paused: false", "paused: true")
    remote.merge({"params.yaml": params})
    when(remote, at("canary-25"), "2026-03-01T12:00:00+00:00")
    assert (0, []) == guard()
    assert "delivery.paused is true" in capsys.readouterr().out


def test_an_environment_that_cannot_be_looked_at_hides_no_breach_of_another(guard, remote, log, capsys):
    """prod is in breach; staging's overlay names no step: both are said."""
    log(dead())
    opened(remote)
    name = NAME.replace("prod", "staging")
    remote.merge({name: (remote.path / name).read_text().replace("rollout/stable", "rollout/none")})
    code, found = guard()
    assert (2, ["prod"]) == (code, [each["environment"] for each in found])
    assert (
        "blind: staging: manifests/overlays/staging/kustomization.yaml should name one step" in capsys.readouterr().err
    )


def test_each_environment_that_is_beyond_a_limit_is_told(guard, remote, log):
    """Not the first alone, whose rollback may wait for somebody."""
    log(dead())
    opened(remote)
    name = NAME.replace("prod", "staging")
    when(remote, at("canary-25").replace("model-prod", "model-staging"), "2026-03-01T12:00:00+00:00")
    remote.merge({name: (remote.path / NAME).read_text()})
    git(remote.path, "commit", "-q", "--amend", "--no-edit", GIT_COMMITTER_DATE="2026-03-01T12:00:00+00:00")
    git(remote.path, "push", "-q", "-f", "origin", "main")
    assert ["prod", "staging"] == [each["environment"] for each in guard()[1]]
