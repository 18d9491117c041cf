"""MLflow's aliases follow the overlay, in a real registry of models."""

import pytest

from mlops.cli import main as mlops
from mlops.rollout import aliases, step
from rollout_cases import EMPTY, FIRST, NAME, SECOND, STABLE, THIRD, at, main, when
from tables import Folder

DAY = "2026-03-01T12:00:00+00:00"


@pytest.fixture(scope="module")
def uri(tmp_path_factory) -> str:
    """A server's store with a version of two models."""
    import mlflow

    folder = tmp_path_factory.mktemp("mlflow")
    found = f"sqlite:///{folder}/mlruns.db"
    client = mlflow.MlflowClient(found)
    client.create_registered_model("predict-default")
    for image in (FIRST, SECOND):
        client.create_model_version(
            "predict-default", f"file://{folder}/{image.model}", tags={"model_hash": image.model}
        )
    return found


@pytest.fixture
def remote(tmp_path, monkeypatch, uri):
    """Main, as working directory, with a contract."""
    made = main(tmp_path)
    monkeypatch.chdir(made.path)
    Folder(made.path).start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return made


def named(uri: str) -> dict[str, str]:
    """What each alias names."""
    import mlflow

    client = mlflow.MlflowClient(uri)
    found = client.get_registered_model("predict-default").aliases
    return {
        alias: client.get_model_version("predict-default", version).tags["model_hash"]
        for alias, version in found.items()
    }


def run() -> int:
    """Run the verb for prod."""
    return mlops(["aliases", "--env", "prod"])


def test_they_follow_a_step_and_its_end(remote, uri):
    """Champion and challenger; after a rollback the challenger's is gone."""
    when(remote, at("canary-05"), DAY)
    assert 0 == run()
    assert {"champion": FIRST.model, "challenger": SECOND.model} == named(uri)
    when(remote, step.promoted(at("canary-50"), NAME, "full", SECOND, "a test"), DAY)
    assert (0, 0) == (run(), run())
    assert {"champion": SECOND.model} == named(uri)


def test_a_model_that_the_server_does_not_know_is_an_error(remote, uri, capsys):
    """With what makes it known."""
    when(remote, at("canary-05", THIRD), DAY)
    assert 2 == run()
    assert "has no version of model cccccccccccc: `make log`" in capsys.readouterr().err


def test_where_one_model_is_not_known_no_alias_moves(remote, uri):
    """Neither of them, whichever it is."""
    when(remote, at("canary-05"), DAY)
    assert 0 == run()
    before = named(uri)
    text = step.promoted(at("canary-50"), NAME, "full", SECOND, "a test")
    when(remote, step.promoted(text, NAME, "shadow", THIRD, "a test"), DAY)
    assert 2 == run()
    assert before == named(uri)


def test_a_server_that_cannot_be_used_is_an_error(remote, monkeypatch, capsys):
    """Its address without a password."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:hush@127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert 2 == run()
    said = capsys.readouterr().err
    assert "cannot be used" in said
    assert "hush" not in said


def test_without_a_server_it_is_said_and_nothing_fails(remote, monkeypatch, capsys):
    """Not configured is neutral."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert 0 == run()
    assert "not configured" in capsys.readouterr().out


def test_what_serves_nothing_has_no_alias():
    """A fresh copy, and an environment without a step."""
    assert {"champion": "", "challenger": ""} == aliases.wanted(EMPTY, NAME)
    assert {"champion": FIRST.model, "challenger": ""} == aliases.wanted(STABLE, NAME)
