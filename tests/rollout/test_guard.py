"""The guard is quiet where nothing is wrong, says what is, and changes nothing itself."""

import json

import pytest

from mlops.cli import main as mlops
from rollout.test_evidence import opened
from rollout.test_prediction_log import canary, record
from rollout_cases import FIRST, NAME, SECOND, at, when


def dead() -> list:
    """Answers of now in which the challenger has no part."""
    return [record("c", FIRST.model, "champion"), *(record(f"n{n}", FIRST.model, "challenger") for n in range(40))]


@pytest.fixture
def guard(remote, tmp_path, monkeypatch):
    """A function: an event -> (exit code, outputs)."""
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))

    def run(event=None) -> tuple[int, dict]:
        (tmp_path / "output").write_text("")
        (tmp_path / "event.json").write_text(json.dumps(event or {"schedule": "17 * * * *"}))
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
        code = mlops(["guard"])
        return code, dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())

    return run


def alert(text: str, environment: str = "prod", action: str = "alert") -> dict:
    """What GitHub gives of a `repository_dispatch`."""
    return {"action": action, "client_payload": {"environment": environment, "alert": text}}


def test_without_an_open_step_nothing_is_looked_at(guard, monkeypatch, capsys):
    """Not even a source that gives no answer."""
    monkeypatch.setenv("PROMETHEUS_URL", "http://127.0.0.1:1")
    assert (0, {}) == guard()
    assert "no step is open" in capsys.readouterr().out


def test_a_quiet_step_says_nothing(guard, remote, log, capsys):
    """No output, no word."""
    log([*canary(), *(record(f"m{n}", SECOND.model, "challenger", n % 97 / 97) for n in range(500))])
    opened(remote)
    assert (0, {}) == guard()
    assert "guard: prod" not in capsys.readouterr().out


def test_a_breach_is_said_with_whom_it_is_about(guard, remote, log):
    """Environment, digest, model and figures, as outputs of a step."""
    log(dead())
    opened(remote)
    code, said = guard()
    assert (0, "prod", SECOND.digest, SECOND.model) == (code, said["environment"], said["digest"], said["model"])
    assert said["why"].startswith("the challenger answered none of 40 requests")


def test_an_alarm_is_looked_into_where_a_source_is_named(guard, remote, log):
    """Its word alone moves nothing."""
    log([*canary(), *(record(f"m{n}", SECOND.model, "challenger", n % 97 / 97) for n in range(500))])
    opened(remote)
    assert (0, {}) == guard(alert("ChallengerFailover: 5 %"))


def test_without_a_source_an_alarms_word_counts(guard, remote, capsys):
    """And without either it is said that nobody looks, which is no failure."""
    opened(remote)
    assert "alert: ChallengerFailover: 5 %" == guard(alert("ChallengerFailover: 5 %"))[1]["why"]
    assert (0, {}) == guard()
    assert "not configured" in capsys.readouterr().out


@pytest.mark.parametrize(
    "event", [alert("x", "staging"), alert("x", action="other"), {"action": "alert", "client_payload": "x"}, {}]
)
def test_an_alarm_about_something_else_is_none(guard, remote, event):
    """Another environment, another event, no payload."""
    opened(remote)
    assert (0, {}) == guard(event)


@pytest.mark.parametrize("text", ["x\nenvironment=dev", "`rm -rf /`", "a" * 400, "<img src=x>", "::set-output::", ""])
def test_an_alarms_text_is_taken_for_words_alone(guard, remote, text):
    """It becomes an output, a title and a comment: whoever sent it."""
    opened(remote)
    said = guard(alert(text))[1]
    assert {"environment", "digest", "model", "why"} == said.keys()
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
    assert (2, {}) == guard()
    assert "blind: prod: http://127.0.0.1 gives no answer" in capsys.readouterr().err


def test_a_pause_stops_it(guard, remote, log, capsys):
    """It is a bot."""
    log(dead())
    opened(remote)
    params = (remote.path / "params.yaml").read_text().replace("paused: false", "paused: true")
    remote.merge({"params.yaml": params})
    when(remote, at("canary-25"), "2026-03-01T12:00:00+00:00")
    assert (0, {}) == guard()
    assert "delivery.paused is true" in capsys.readouterr().out


def test_an_environment_that_cannot_be_looked_at_hides_no_breach_of_another(guard, remote, log, monkeypatch):
    """prod is in breach; staging's overlay has a step whose figures are nowhere."""
    log(dead())
    opened(remote)
    name = NAME.replace("prod", "staging")
    remote.merge({name: (remote.path / name).read_text().replace("rollout/stable", "rollout/shadow")})
    assert "prod" == guard()[1]["environment"]
